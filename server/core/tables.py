"""Typed values under headings, whatever they are printed as: columns, rows, sections; no output.

Texts are English source sentences (`server.core.text`); values keep their type, so that page, CSV, JSON and terminal
each write them their own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from server.core.text import Share, Text

Value: TypeAlias = str | int | date | datetime | Share | StrEnum | Text | None
"""What may stand in a cell. None: not known, or not applicable; never zero."""


class Mark(StrEnum):
    """Yes and no in a table; its names are in `server.render.words`."""

    YES = "yes"
    NO = "no"
    UNTRIED = "untried"


class Kind(StrEnum):
    """What a column holds, and so how each format writes it."""

    TEXT = "text"
    """Data as it is (`str`), or a sentence (`Text`)."""
    COUNT = "count"
    INSTANT = "instant"
    """An aware `datetime`."""
    DATE = "date"
    SHARE = "share"
    CODE = "code"
    """A member of one of our closed sets; shown by its name in the reader's language."""
    ADVICE = "advice"
    """The same, shown by what it means or what to do about it."""


_FITS: Mapping[Kind, Callable[[Value], bool]] = {
    # A code is a str to Python: let one in here and it would reach the reader untranslated.
    Kind.TEXT: lambda value: isinstance(value, str | Text) and not isinstance(value, StrEnum),
    Kind.COUNT: lambda value: type(value) is int,
    Kind.INSTANT: lambda value: isinstance(value, datetime) and value.tzinfo is not None,
    Kind.DATE: lambda value: isinstance(value, date) and not isinstance(value, datetime),
    Kind.SHARE: lambda value: isinstance(value, Share),
    Kind.CODE: lambda value: isinstance(value, StrEnum),
    Kind.ADVICE: lambda value: isinstance(value, StrEnum),
}


@dataclass(frozen=True, slots=True)
class Column:
    """key: names it in JSON, in no language. heading: what people read above it. blank: what None means in it.

    What a page lets its reader do with it: sort: put the rows in its order. choose: see only the rows that hold one of
    its values, which are few and name nobody; by itself so for codes alone. file: have it in a file of the table.
    """

    key: str
    heading: Text
    kind: Kind = Kind.TEXT
    blank: Text | None = None
    sort: bool = True
    choose: bool | None = None
    file: bool = True


Row: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what it means in a few words, and a table (none if there are no columns).

    totals: as long as a row, or empty. notes: said below the table. empty: said instead of a table without rows.
    ValueError if a row does not fit the columns: a wrong value must fail here, not in one of five formats.
    """

    key: str
    heading: Text
    paragraphs: tuple[Text, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    totals: Row = ()
    notes: tuple[Text, ...] = ()
    empty: Text = field(default=Text("Nothing to show."))

    def __post_init__(self) -> None:
        if len({column.key for column in self.columns}) < len(self.columns):
            raise ValueError(f"section {self.key}: two columns have one key")
        fits = [_FITS[column.kind] for column in self.columns]
        for row in (*self.rows, *([self.totals] if self.totals else [])):
            if len(row) != len(self.columns):
                raise ValueError(f"section {self.key}: a row of {len(row)} under {len(self.columns)} columns")
            for column, fit, value in zip(self.columns, fits, row, strict=True):
                if value is not None and not fit(value):
                    raise ValueError(f"section {self.key}: column {column.key} holds no {type(value).__name__}")
