"""One report, whatever it is printed as: typed values under headings, texts not yet translated; no output.

A report is data. Its texts are English source sentences with parameters (`Text`), which `server.render.words` says in
the reader's language; its values keep their type, so that page, CSV, JSON and terminal each write them their own way.
Same facts, same bytes: nothing here reads a clock, and `digest` names the content apart from language and layout.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

SCHEMA = 1
"""Raised when the canonical form changes, so that an old digest is never compared with a new form."""


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

Value: TypeAlias = str | int | date | datetime | Share | StrEnum | Text | None
"""What may stand in a cell. None: not known, or not applicable; never zero."""


def phrase(message: str, *, many: str = "", sense: str = "", **params: Param) -> Text:
    """A sentence with its parameters. The sentence is written as a literal, so that a test can find its translation;
    so is its sense, where the same words mean something else elsewhere.

    With `many`, `count` says which of the two sentences is meant; without `count` that is a ValueError.
    """
    if many and "count" not in params:
        raise ValueError("a sentence with a plural needs a count")
    return Text(message, tuple(sorted(params.items())), many, sense)


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


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure. coverage: what it rests on and what was not looked at; a figure without one cannot be made."""

    key: str
    label: Text
    value: int | Share
    coverage: Text


@dataclass(frozen=True, slots=True)
class Report:
    """What every report says, whatever it is about.

    key: names the kind of report. organisation: as it calls itself. made_at: aware. policies: versions in force.
    view: what its reader may see. coverage: stands beside the figures in every format. sources: what it was made from
    and how fresh that was. blind_spots: what the product cannot see. caveat: what must not be read into it.
    """

    key: str
    title: Text
    organisation: str
    period: Period
    made_at: datetime
    view: StrEnum
    policies: tuple[str, ...]
    figures: tuple[Figure, ...]
    coverage: Section
    sections: tuple[Section, ...]
    sources: Section
    blind_spots: Section
    caveat: Text

    def __post_init__(self) -> None:
        if self.made_at.tzinfo is None:
            raise ValueError("made_at needs a time zone")
        keys = [section.key for section in self.body]
        if len(set(keys)) < len(keys):
            raise ValueError("two sections have one key")

    @property
    def body(self) -> tuple[Section, ...]:
        """Every section, in the order in which a reader meets them."""
        return (self.coverage, *self.sections, self.sources, self.blind_spots)


def canonical(report: Report) -> bytes:
    """The one byte form of a report: JSON, sorted keys, no blanks, UTF-8, instants in UTC, texts not translated."""
    form = {
        "schema": SCHEMA,
        "key": report.key,
        "title": _plain(report.title),
        "organisation": report.organisation,
        "period": _plain(report.period),
        "made_at": _plain(report.made_at),
        "view": _plain(report.view),
        "policies": list(report.policies),
        "figures": [
            [figure.key, _plain(figure.label), _plain(figure.value), _plain(figure.coverage)]
            for figure in report.figures
        ],
        "body": [_section(section) for section in report.body],
        "caveat": _plain(report.caveat),
    }
    return json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def digest(report: Report) -> str:
    """SHA-256 over the canonical form, 64 hexadecimal digits: the same for every language and format."""
    return hashlib.sha256(canonical(report)).hexdigest()


def section_digest(section: Section) -> str:
    """The same of one section alone."""
    return hashlib.sha256(json.dumps(_section(section), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _section(section: Section) -> dict[str, object]:
    return {
        "key": section.key,
        "heading": _plain(section.heading),
        "paragraphs": _plains(section.paragraphs),
        "columns": [
            [column.key, _plain(column.heading), column.kind.value, _plain(column.blank)] for column in section.columns
        ],
        "rows": [_plains(row) for row in section.rows],
        "totals": _plains(section.totals),
        "notes": _plains(section.notes),
        "empty": _plain(section.empty),
    }


def _plains(values: Iterable[Param | Value]) -> list[object]:
    return [_plain(value) for value in values]


def _plain(value: Param | Value) -> object:  # noqa: PLR0911 - one line a type
    """A value as JSON can hold it, each type in a shape of its own, so that no two values share one form."""
    match value:
        case StrEnum():
            return {"code": value.value, "of": type(value).__name__}
        case None | str() | int():
            return value
        case Decimal():
            return {"decimal": str(value)}
        case datetime():
            return {"instant": value.astimezone(UTC).isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Share():
            return {"part": value.part, "whole": value.whole}
        case Period():
            return {"first": value.first.isoformat(), "last": value.last.isoformat()}
        case Text():
            return {
                "text": value.message,
                "many": value.many,
                "params": {name: _plain(param) for name, param in value.params},
                **({"sense": value.sense} if value.sense else {}),
            }
        case tuple():
            return _plains(value)
