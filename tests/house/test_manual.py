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


FOLDERS = ("", "server", "agent_policies", "mdm_adapters", "deploy", "deploy/manual")
MANUALS = [file for folder in FOLDERS for file in sorted((ROOT / folder).glob("*.md")) if file.name != "CHANGELOG.md"]
SPAN = re.compile(r"`(?:[A-Z_]+=\S+ )?closeout ((?:[^`]|\n)+)`")
"""A command in running text, its line breaks included."""


@pytest.mark.parametrize("manual", MANUALS, ids=[str(each.relative_to(ROOT)) for each in MANUALS])
def test_the_commands_and_options_that_a_manual_names_are_there(manual: Path) -> None:
    assert [said for said in SPAN.findall(manual.read_text(encoding="utf-8")) if not _is_there(said)] == []


def _is_there(said: str) -> bool:
    """Whether there is this command with these options. A word in capitals, as COMMAND, stands for any."""
    known = dict(_commands("closeout", closeout))
    words = said.replace("\n", " ").split()
    asked = {word.partition("=")[0].strip(".,;:()[]") for word in words if word.startswith("--")}
    for each in closeout.params:
        for name in asked & {*each.opts}:
            at = words.index(name)
            del words[at : at + (1 if each.is_flag else 2)]
    names = ["closeout"]
    while words and " ".join([*names, words[0]]) in known:
        names.append(words.pop(0))
    name = " ".join(names)
    stands_for_any = bool(words) and words[0].isupper()
    meant = [command for each, command in known.items() if each == name or (stands_for_any and each.startswith(name))]
    options = {"--help"} | {
        name for command in (*meant, closeout) for each in command.params for name in (*each.opts, *each.secondary_opts)
    }
    whole = not isinstance(known[name], LazyGroup) or not words or stands_for_any
    return whole and asked <= options


@pytest.mark.parametrize("name", ["privacy-officer.md", "privacy-officer.nl.md"])
def test_the_terms_of_findings_stand_in_the_manual(name: str) -> None:
    text = (ROOT / "deploy" / "manual" / name).read_text(encoding="utf-8")
    assert [int(each) for each in re.findall(r"^\| [^|]* \| (\d+) \|$", text, re.MULTILINE)] == sorted(
        set(WITHIN.values())
    )
    for days in (PUT_OFF_AT_ONCE, PUT_OFF_AT_ALL):
        assert re.search(rf"\b{days}\b|\b{days}(?:th|e)\b", text)
