"""Help comes at once: it loads no command, no database and no vendor, and its lines are those of the commands."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module

import click

import server.cli
from server.cli.commands import COMMANDS, closeout
from server.cli.lazy import Entry, Group, Lazy

EVERY_HELP = """
import io, json, sys
from contextlib import redirect_stdout
from server.cli import run_command
for path in json.loads(sys.argv[1]):
    for language in ("en", "nl"):
        with redirect_stdout(io.StringIO()) as said:
            assert run_command(["--language", language, *path, "--help"], {}) == 0, path
        assert said.getvalue().startswith("Usage: closeout " + " ".join(path))
print(json.dumps(sorted(sys.modules)))
"""


def _groups(table: Mapping[str, Entry], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, entry in table.items():
        if isinstance(entry, Group):
            yield from _groups(entry.commands, (*path, name))


def _entries(table: Mapping[str, Entry]) -> Iterator[tuple[str, Lazy]]:
    for name, entry in table.items():
        if isinstance(entry, Lazy):
            yield name, entry
        else:
            yield from _entries(entry.commands)


def test_help_of_every_group_loads_nothing_that_a_command_needs() -> None:
    paths = list(_groups(COMMANDS))
    assert len(paths) > 15
    told = subprocess.run(
        [sys.executable, "-c", EVERY_HELP, json.dumps(paths)], capture_output=True, text=True, check=True
    )
    loaded = json.loads(told.stdout)
    assert [name for name in loaded if name.partition(".")[0] == "server"] == [
        "server",
        "server.cli",
        "server.cli.call",
        "server.cli.commands",
        "server.cli.lazy",
        "server.core",
        "server.core.days",
        "server.core.model",
        "server.core.tables",
        "server.core.text",
        "server.render",
        "server.render.sentences",
    ]
    heavy = {"sqlalchemy", "alembic", "flask", "requests", "rich", "pydantic", "cryptography", "phonenumbers"}
    assert heavy & {name.partition(".")[0] for name in loaded} == set()


def test_help_costs_little_more_than_an_interpreter_with_click() -> None:
    bare = min(_cpu_seconds("-c", "import click") for _ in range(3))
    asked = min(_cpu_seconds("-m", "server", "--help") for _ in range(3))
    assert asked < 8 * bare  # the commands themselves make it twenty times as much, a busy cache one and a half


def _cpu_seconds(*arguments: str) -> float:
    """Of one child: time in which it waited for a loaded machine does not count."""
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return used.ru_utime + used.ru_stime


def test_a_line_of_help_is_the_first_paragraph_of_what_the_command_says_of_itself() -> None:
    told = {entry: entry.load(name).help or "" for name, entry in _entries(COMMANDS)}
    assert {
        entry.where: entry.line for entry, text in told.items() if entry.line != " ".join(text.split("\n\n")[0].split())
    } == {}


def test_every_command_of_the_room_stands_in_the_table() -> None:
    found = set()
    for module in pkgutil.walk_packages(server.cli.__path__, "server.cli."):
        for name, each in vars(import_module(module.name)).items():
            if isinstance(each, click.Command) and each is not closeout:
                found.add(f"{module.name.removeprefix('server.cli.')}:{name}")
    assert found == {entry.where for _, entry in _entries(COMMANDS) if not entry.where.endswith(":COMMANDS")}
