"""The manual says what the program has: settings, commands, rooms."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from server.cli.commands import closeout
from server.cli.lazy import LazyGroup
from server.core.removal.finding_terms import PUT_OFF_AT_ALL, PUT_OFF_AT_ONCE, WITHIN
from server.settings import MANUAL, PREFIX, Settings

ROOT = Path(__file__).parents[2]


def test_every_setting_has_a_meaning_and_stands_in_the_readme() -> None:
    assert set(MANUAL) == {field.name for field in fields(Settings)}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {f"| `{PREFIX}{name.upper()}` | {meaning} |" for name, meaning in MANUAL.items()}
    assert {row for row in rows if row not in readme} == set()


def test_every_command_has_help() -> None:
    silent = [name for name, command in _commands("closeout", closeout) if not command.help]
    assert silent == []


def test_every_room_of_the_server_stands_in_the_house_page() -> None:
    page = (ROOT / "server" / "README.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "server").iterdir() if path.is_dir() and path.name not in _NO_ROOMS]
    assert [room for room in rooms if f"`{room}/`" not in page] == []


_NO_ROOMS = frozenset({"__pycache__", "translations"})


def _commands(name, command):
    yield name, command
    for child_name, child in command.load_all().items() if isinstance(command, LazyGroup) else ():
        yield from _commands(f"{name} {child_name}", child)


MANUALS = sorted((ROOT / "deploy" / "manual").glob("*.md"))


@pytest.mark.parametrize("manual", MANUALS, ids=[each.name for each in MANUALS])
def test_the_commands_that_a_manual_names_are_there(manual: Path) -> None:
    known = {name for name, _ in _commands("closeout", closeout)}
    named = re.findall(r"`(closeout(?: [a-z-]+)+)", manual.read_text(encoding="utf-8"))
    assert named
    assert [each for each in named if each not in known] == []


@pytest.mark.parametrize("name", ["privacy-officer.md", "privacy-officer.nl.md"])
def test_the_terms_of_findings_stand_in_the_manual(name: str) -> None:
    text = (ROOT / "deploy" / "manual" / name).read_text(encoding="utf-8")
    assert [int(each) for each in re.findall(r"^\| [^|]* \| (\d+) \|$", text, re.MULTILINE)] == sorted(
        set(WITHIN.values())
    )
    for days in (PUT_OFF_AT_ONCE, PUT_OFF_AT_ALL):
        assert re.search(rf"\b{days}\b|\b{days}(?:th|e)\b", text)
