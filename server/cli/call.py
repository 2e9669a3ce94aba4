"""What one call of the command was given, before anything is opened: variables, options, language, exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from server.render.sentences import LANGUAGES

if TYPE_CHECKING:
    from server.cli.session import Session


class ExitStatus(IntEnum):
    """What a command's exit status means; README tells the same."""

    DONE = 0
    NOT_DONE = 1
    """Refused, or a person must act: the answer says why."""
    NOT_UNDERSTOOD = 2
    NOT_NOW = 3
    """Something that it needs failed: database, disk, network port. The same may work once that is mended."""
    OUR_FAULT = 4
    BAD_SETTING = 78
    """A setting is not valid: starting it again mends nothing (EX_CONFIG of BSD's sysexits)."""
    INTERRUPTED = 130
    NOBODY_READS = 141


class AnswerLostError(Exception):
    """The answer could not be written out: its reader went away, or the disk that it goes to is full."""


@dataclass(frozen=True, slots=True)
class Options:
    """What stood before the command's name; None: not given."""

    home: Path | None = None
    json: bool = False
    language: str | None = None
    role: str | None = None


@dataclass(slots=True)
class Call:
    """One call of the command: this process's variables, and the session of its command (None: not yet)."""

    environ: dict[str, str] = field(repr=False)
    options: Options = Options()
    session: Session | None = None


def language_of(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """`--language`, else CLOSEOUT_LANGUAGE, else LANG, else English: needed before the arguments are parsed."""
    for n, argument in enumerate(arguments):
        if argument.startswith("--language="):
            return argument.partition("=")[2]
        if argument == "--language" and n + 1 < len(arguments):
            return arguments[n + 1]
    return environ.get("CLOSEOUT_LANGUAGE") or environ.get("LANG", "")[:2] or LANGUAGES[0]
