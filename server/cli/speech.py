"""Help and messages of the command in the reader's language; no command lives here."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import click

from server.core.text import Text, phrase
from server.render.sentences import LANGUAGES
from server.render.words import Words


class TellsKinds(click.Command):
    """A command whose help ends with every kind of connection and its options, as the vendors declare them."""

    language = LANGUAGES[0]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Read the declarations only where somebody asks for this help: they bring all adapters along."""
        from server import app

        heading = Words(self.language).say(phrase("What --option may name, for each --vendor"))
        with formatter.section(heading):
            rows = [(name, ", ".join(each.name for each in kind.own) or "-") for name, kind in app.KINDS.items()]
            formatter.write_dl(rows)


def language_of(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """`--language`, else CLOSEOUT_LANGUAGE, else LANG, else English: needed before the arguments are parsed."""
    for n, argument in enumerate(arguments):
        if argument.startswith("--language="):
            return argument.partition("=")[2]
        if argument == "--language" and n + 1 < len(arguments):
            return arguments[n + 1]
    return environ.get("CLOSEOUT_LANGUAGE") or environ.get("LANG", "")[:2] or LANGUAGES[0]


def translated(command: click.Command, language: str) -> click.Command:
    """A copy of a command and all below it whose help speaks that language."""
    words = Words(language)

    def say(text: str | None) -> str | None:
        return None if text is None else words.say(Text(" ".join(text.split())))

    def turn(old: click.Command) -> click.Command:
        new = copy.copy(old)
        if isinstance(new, TellsKinds):
            new.language = language
        new.help = say(old.help)
        new.params = []
        for param in old.params:
            mine = copy.copy(param)
            if isinstance(mine, click.Option):
                mine.help = say(mine.help)
            new.params.append(mine)
        if isinstance(new, click.Group) and isinstance(old, click.Group):
            new.commands = {name: turn(each) for name, each in old.commands.items()}
        return new

    return turn(command)


def help_texts(command: click.Command) -> list[str]:
    """Every help text of a command and all below it, for the test that finds untranslated ones."""
    texts = [" ".join(command.help.split())] if command.help else []
    texts += [param.help for param in command.params if isinstance(param, click.Option) and param.help]
    if isinstance(command, click.Group):
        for each in command.commands.values():
            texts += help_texts(each)
    return texts
