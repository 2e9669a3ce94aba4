"""Sentences not yet said in a language, with their parameters; `server.render.words` says them. No table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """So many of so many. Shown as "3 of 8", never as a bare percentage. 0 <= part <= whole."""

    part: int
    whole: int

    def __post_init__(self) -> None:
        if not 0 <= self.part <= self.whole:
            raise ValueError(f"{self.part} of {self.whole} is no share")


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in Europe/Amsterdam, the first and the last included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a period ends on or after its first day")


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence to be said in the reader's language.

    message: the English source sentence, which is the key of its translation, with `{name}` where a parameter goes.
    params: pairs of name and value, ordered by name. many: the plural sentence; then a parameter `count` chooses.
    sense: which meaning, where the same English words have two: each has a translation of its own (msgctxt).
    Make one with `phrase`.
    """

    message: str
    params: tuple[tuple[str, Param], ...] = ()
    many: str = ""
    sense: str = ""


Param: TypeAlias = "str | int | Decimal | date | datetime | Share | Period | StrEnum | Text | tuple[Param, ...]"
"""What may stand in a sentence; a tuple is written as a list ("a, b and c"), a Decimal with all its places."""


def phrase(message: str, *, many: str = "", sense: str = "", **params: Param) -> Text:
    """A sentence with its parameters. The sentence is written as a literal, so that a test can find its translation;
    so is its sense, where the same words mean something else elsewhere.

    With `many`, `count` says which of the two sentences is meant; without `count` that is a ValueError.
    """
    if many and "count" not in params:
        raise ValueError("a sentence with a plural needs a count")
    return Text(message, tuple(sorted(params.items())), many, sense)
