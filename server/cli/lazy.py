"""Groups of commands that are loaded when one of them is called: their help needs a line of each, and no more."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias

import click

from server.core.text import Text
from server.render.sentences import LANGUAGES, Sentences


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command that is not loaded yet.

    where: "module:name", the module from this room on; the name is the command, or a mapping that has it under its own
    name. line: the first paragraph of its help, which a list of commands shows (a test holds the two to each other),
    or all of it.
    """

    where: str
    line: str

    def load(self, name: str) -> click.Command:
        """The command itself, with all that it needs."""
        module, _, attribute = self.where.partition(":")
        found = getattr(import_module(f"{__package__}.{module}"), attribute)
        command = found[name] if isinstance(found, Mapping) else found
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.where} is no command")
        command.help = command.help or self.line
        return command


@dataclass(frozen=True, slots=True)
class Group:
    """Commands under one name. line: its help."""

    line: str
    commands: Mapping[str, Entry]


Entry: TypeAlias = Lazy | Group


class LazyGroup(click.Group):
    """A group whose commands stand in a table, and whose help speaks a language."""

    table: Mapping[str, Entry]
    language: str = LANGUAGES[0]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names, in the order of help."""
        return sorted(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command of that name, in this group's language; loads what it needs."""
        entry = self.table.get(cmd_name)
        return None if entry is None else self._made(cmd_name, entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line for each command, of which none is loaded."""
        names = self.list_commands(ctx)
        room = formatter.width - 6 - max(map(len, names))
        say = Sentences(self.language).say
        lines = {name: click.Command(name, help=say(Text(self.table[name].line))) for name in names}
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(room)) for name, each in lines.items()])

    def load_all(self) -> dict[str, click.Command]:
        """Every command in English, loaded: for tests and manuals that read them all."""
        return {name: self._made(name, entry) for name, entry in sorted(self.table.items())}

    def _made(self, name: str, entry: Entry) -> click.Command:
        if isinstance(entry, Lazy):
            return translated(entry.load(name), self.language)
        group = LazyGroup(name, help=entry.line)
        group.table = entry.commands
        return translated(group, self.language)


class SpeaksItself(click.Command):
    """A command that writes more help than its docstring, in this language."""

    language: str = LANGUAGES[0]


def translated(command: click.Command, language: str) -> click.Command:
    """A copy of a command whose help speaks that language; of a group, all below it do."""
    say = Sentences(language).say

    def turned(text: str | None) -> str | None:
        return None if text is None else say(Text(" ".join(text.split())))

    new = copy.copy(command)
    if isinstance(new, LazyGroup | SpeaksItself):
        new.language = language
    new.help = turned(command.help)
    new.params = []
    for param in command.params:
        mine = copy.copy(param)
        if isinstance(mine, click.Option):
            mine.help = turned(mine.help)
        new.params.append(mine)
    return new


def help_texts(command: click.Command) -> list[str]:
    """Every help text of a command and all below it, for the test that finds untranslated ones."""
    texts = [" ".join(command.help.split())] if command.help else []
    texts += [param.help for param in command.params if isinstance(param, click.Option) and param.help]
    if isinstance(command, LazyGroup):
        texts += [entry.line for entry in command.table.values()]
        for each in command.load_all().values():
            texts += help_texts(each)
    return texts
