"""Every command there is with arguments that it understands, found by reading the commands themselves; no test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from server.cli.commands import closeout
from server.cli.lazy import LazyGroup

MORE = {
    "hold set": ("--everything", "--reason", "x", "--patience", "0"),
    "engine": ("--once",),
    "pause": ("--patience", "0"),
    "declaration remind": (),
    "account sign-out": ("--everybody",),
}
"""What a command needs beyond what click says that it needs."""
NAMED = {
    ("cases import", "mapping"): "generic-en",
    ("usage import", "mapping"): "contact-moments",
    ("connection put", "vendor"): "carddav",
    ("connection put", "url"): "http://127.0.0.1:9/",
    ("account add", "name"): "admin-7",
    ("account add", "roles"): "it_administrator",
    ("usage pull", "connection"): "b",
    ("token add", "name"): "monitoring",
}
"""What must be a name that is known, so that the command gets to its work."""


@dataclass(frozen=True)
class Sample:
    """One command. path: "gate record". files: where a file's name stands in the arguments."""

    path: str
    arguments: tuple[str, ...]
    files: tuple[int, ...]

    def with_file(self, file: Path) -> tuple[str, ...]:
        return tuple(str(file) if n in self.files else each for n, each in enumerate(self.arguments))


def every_command(folder: Path) -> list[Sample]:
    """Every command, with an empty list for each file that it asks for and a folder of its own for what it writes."""
    listed = folder / "list.csv"
    listed.write_text("worker;employer;connection;address\n")
    password = folder / "password.txt"
    password.write_text("a sentence that is long enough\n")
    return [_sample(path, command, folder, listed, password) for path, command in _leaves(closeout, ())]


def _leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, LazyGroup):
        for name, each in command.load_all().items():
            yield from _leaves(each, (*path, name))
    else:
        yield " ".join(path), command


def _sample(path: str, command: click.Command, folder: Path, listed: Path, password: Path) -> Sample:
    arguments = list(path.split())
    files = []
    for param in command.params:
        wanted = param.required or param.name in ("password_file", "scan", "checkpoint", "out", "listen", "folder")
        if not wanted:
            continue
        if isinstance(param, click.Option):
            arguments.append(param.opts[0])
        value = _value(path, param, folder, listed)
        if param.name == "password_file":
            value = str(password)
        if param.name == "folder":
            value = str(folder if path == "log verify-files" else folder / path.partition(" ")[0])
        if isinstance(param.type, click.Path) and param.name not in ("out", "folder"):
            files.append(len(arguments))
        arguments.append(value)
    light = ("--format", "json") if path.startswith("report ") else ()
    return Sample(path, (*arguments, *light, *MORE.get(path, ())), tuple(files))


def _value(path: str, param: click.Parameter, folder: Path, listed: Path) -> str:
    if (path, param.name) in NAMED:
        return NAMED[path, str(param.name)]
    if param.name == "out":
        return str(folder / ("profile.xml" if path.startswith("profile") else "reports"))
    if param.name == "listen":
        return "203.0.113.1:1"
    if isinstance(param.type, click.Path):
        return str(folder / "checkpoints.copy" if param.name == "checkpoint" else listed)
    if isinstance(param.type, click.Choice):
        return str(next(iter(param.type.choices)))
    return "2099-12-31" if isinstance(param.type, click.DateTime) else "x"
