"""A report as CSV that a spreadsheet opens well and that runs nothing; no other format.

UTF-8 with a byte order mark, semicolons, CRLF, in both languages: that is what a spreadsheet set to Dutch opens
without asking. Times are ISO 8601 in Europe/Amsterdam with their offset. A share becomes two columns (part, whole),
since "3/8" would turn into a date. Every text is quoted, and gets an apostrophe before whatever a spreadsheet could
take for a formula (OWASP, CSV injection), within it too: a program that reads commas or tabs where we write semicolons
cuts our cells elsewhere. Counts are our own and stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TypeAlias

from server.core.days import AMSTERDAM
from server.core.reports.document import Report, digest
from server.core.tables import Column, Kind, Row, Section, Value
from server.core.text import Share, Text, phrase
from server.render.sentences import plain
from server.render.words import Words

_FORMULA = re.compile('(^|[,;\t\r\n"|])([ \u00a0\ufffd]*)(?=[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])')
"""Where a formula starts in some spreadsheet, full-width forms too: at the beginning, or after what parts cells."""
Cell: TypeAlias = str | int


def report_csv(report: Report, words: Words) -> bytes:
    """Everything the report says, its sections below each other with an empty line between them."""
    lines: list[Sequence[Cell]] = [
        [_say(words, report.title)],
        [_say(words, phrase("Organisation")), _safe(report.organisation)],
        [_say(words, phrase("Period")), report.period.first.isoformat(), report.period.last.isoformat()],
        [_say(words, phrase("Made")), _cells(report.made_at, Kind.INSTANT, words)[0]],
        [_say(words, phrase("View")), _safe(words.name(report.view))],
        [_say(words, phrase("Policy")), *map(_safe, report.policies)],
        [_say(words, phrase("Hash (SHA-256)")), f"sha256:{digest(report)}"],
        [_say(words, report.caveat)],
        [],
    ]
    for figure in report.figures:
        kind = Kind.SHARE if isinstance(figure.value, Share) else Kind.COUNT
        value = _cells(figure.value, kind, words)
        lines.append([_say(words, figure.label), *value, *([""] * (2 - len(value))), _say(words, figure.coverage)])
    for section in report.body:
        lines += [[], [_say(words, section.heading)], *_table(section, words)]
        lines += [[_say(words, note)] for note in section.notes]
    return _bytes(lines)


def section_csv(section: Section, words: Words) -> bytes:
    """One table alone: a line of headings, its rows, its totals."""
    return _bytes(_table(section, words))


def stream_csv(section: Section, rows: Iterable[Sequence[Row]], words: Words) -> Iterator[bytes]:
    """The same, of a table too long to be held whole: some rows after the other. section: the table without rows."""
    yield _bytes([[heading for column in section.columns for heading in _headings(column, words)]])
    for some in rows:
        yield _bytes((_line(section.columns, row, words) for row in some), "utf-8")


def _table(section: Section, words: Words) -> Iterable[Sequence[Cell]]:
    if not section.columns:
        return
    if not section.rows:
        yield [_say(words, section.empty)]
        return
    yield [heading for column in section.columns for heading in _headings(column, words)]
    for row in (*section.rows, *([section.totals] if section.totals else [])):
        yield _line(section.columns, row, words)


def _headings(column: Column, words: Words) -> list[str]:
    heading = _say(words, column.heading)
    if column.kind is Kind.SHARE:
        return [heading, _say(words, phrase("{heading}: total", heading=heading))]
    return [heading]


def _line(columns: Sequence[Column], row: Row, words: Words) -> Sequence[Cell]:
    return [cell for column, value in zip(columns, row, strict=True) for cell in _cells(value, column.kind, words)]


def _cells(value: Value, kind: Kind, words: Words) -> Sequence[Cell]:  # noqa: PLR0911 - one line a type
    """One cell, or two for a share."""
    match value:
        case None:
            return ["", ""] if kind is Kind.SHARE else [""]
        case Share():
            return [value.part, value.whole]
        case int():
            return [value]
        case datetime():
            return [value.astimezone(AMSTERDAM).isoformat(timespec="seconds")]
        case date():
            return [value.isoformat()]
        case Text():
            return [_say(words, value)]
    return [_safe(words.write(value, kind))]


def _say(words: Words, text: Text) -> str:
    return _safe(words.say(text))


def _safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula, wherever it parts cells."""
    return _FORMULA.sub(r"\1\2'", plain(text)) if text else text


def _bytes(lines: Iterable[Sequence[Cell]], encoding: str = "utf-8-sig") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC).writerows(lines)
    return out.getvalue().encode(encoding)
