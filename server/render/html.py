"""A report as one HTML page that needs nothing else: no script, no request, its own style; no other format.

The page forbids itself everything (Content-Security-Policy, the style by its hash), reads in light and dark, on a phone
and on paper, and says nothing by colour alone. Data is marked off (`bdi`), so that writing from right to left in a name
cannot turn the sentence around it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from server.core.model import Level
from server.core.reports.coverage import Freshness, Sight
from server.core.reports.document import Report, digest
from server.core.tables import Column, Kind, Row, Section, Value
from server.core.text import Share, Text, phrase
from server.render.drawn import NARROW, WIDE, draw, pictures
from server.render.words import Words

TEMPLATES = Path(__file__).parent / "templates"
MOST_ROWS = 2_000
"""A browser and a reader can bear no more rows of one table; the other formats have them all."""

RIGHT = frozenset({Kind.COUNT, Kind.SHARE})
"""What is set to the right in its column."""
_STACKED_FROM = 4
"""From so many columns on, unless all but the first are counts, a table becomes a list of cards on a phone."""
_WIDE_FROM = 7
_MOST_COUNTS = 7
"""So many columns of counts and no more stand beside each other on a phone."""
_SHORT = 10
"""Data of so few characters is not broken over two lines."""


PARTS: Mapping[str, Text] = {
    "channels": phrase("Which channels were used, with whom"),
    "declarations": phrase("Declarations of business use, compared with usage data"),
}
"""Reports that others take over whole: there they are a part with a title of its own."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A section's table, ready to be laid out. all: how many rows there are, shown or not."""

    section: Section
    rows: Sequence[Row]
    all: int
    stacked: bool
    wide: bool


def part_of(section: Section) -> str:
    """The key of the report that this section was taken over from; "" for one of the report's own."""
    key = section.key.split("_", 1)[0]
    return key if key in PARTS and section.key != key else ""


def report_page(report: Report, words: Words, *, most: int = MOST_ROWS) -> str:
    """The whole page. most: rows shown of one table; what is left out is said, and where it is to be found."""
    css = (TEMPLATES / "report.css").read_text("utf-8")
    style_hash = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        _templates()
        .get_template("report.html")
        .render(
            report=report,
            words=words,
            css=Markup(css),  # noqa: S704 - our own file
            style_hash=style_hash,
            digest=digest(report),
            tables=[lay_out(section, most) for section in report.body],
            say=words.say,
            _=lambda message, **params: words.say(phrase(message, **params)),
            cell=lambda value, column: cell(value, column, words),
            heading=lambda column: heading(column, words),
            right=RIGHT,
            parts=PARTS,
            part_of=part_of,
            pictures=lambda section: [
                (each.name(words), [draw(each, words, width=width) for width in (WIDE, NARROW)])
                for each in pictures(section)
            ],
            Share=Share,
            write=words.write,
            count=words.count,
        )
    )


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def lay_out(section: Section, most: int = MOST_ROWS) -> Laid:
    """A section's table as a page shows it: how it folds on a small screen depends on its columns."""
    columns = section.columns
    only_counts = all(column.kind in RIGHT for column in columns[1:])
    return Laid(
        section=section,
        rows=section.rows[:most],
        all=len(section.rows),
        stacked=len(columns) >= _STACKED_FROM and not (only_counts and len(columns) <= _MOST_COUNTS),
        wide=len(columns) >= _WIDE_FROM,
    )


def cell(value: Value, column: Column, words: Words) -> Markup:  # noqa: PLR0911 - one line a type
    """What stands in a cell, its type marked up."""
    match value:
        case None if column.blank is not None:
            return Markup("{}").format(words.say(column.blank))
        case None:
            return Markup('<span class="none" aria-hidden="true">–</span><span class="vh">{}</span>').format(
                words.say(phrase("Not applicable or not known"))
            )
        case Sight() | Level() | Freshness() if column.kind is Kind.CODE:
            return Markup('<span class="marked">{}<span>{}</span></span>').format(_mark(value), words.name(value))
        case StrEnum() | Text():
            return Markup("{}").format(words.write(value, column.kind))
        case str():
            short = ' class="nb"' if len(value) <= _SHORT else ""
            return Markup("<bdi{}>{}</bdi>").format(Markup(short), words.write(value))  # noqa: S704 - our own text
        case datetime():
            day, _, rest = words.instant(value).partition(clock := words.clock(value))
            return Markup('<time datetime="{}"><span>{}</span> <span>{}{}</span></time>').format(
                value.isoformat(), day.strip(), clock, rest
            )
        case date():
            return Markup('<time datetime="{}"><span>{}</span></time>').format(value.isoformat(), words.day(value))
    nought = " nought" if value == 0 else ""
    return Markup('<span class="nb{}">{}</span>').format(nought, words.write(value))


def _mark(code: StrEnum) -> Markup:
    """A shape beside a word, for the eye only: the word says it all."""
    return Markup('<span class="mark {}-{}" aria-hidden="true"></span>').format(type(code).__name__.lower(), code.value)


def heading(column: Column, words: Words) -> Markup:
    """A column's heading; above the coverage counts with the same shapes as in the list of phones."""
    named = column.kind is Kind.COUNT and column.key in set(Sight)
    return Markup("{}{}").format(_mark(Sight(column.key)) if named else "", words.say(column.heading))
