"""The manual says what the program has: settings, commands, rooms."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from server.cli.commands import closeout
from server.cli.lazy import LazyGroup
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
