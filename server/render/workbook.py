"""A report as XLSX workbook: a sheet for each table, typed cells, nothing that is run; no other format.

A spreadsheet takes text for text here, whatever it looks like (`strings_to_formulas` is off), so unlike in CSV there is
nothing put in front of it. Times are those of Amsterdam, as the format knows no time zones; a time in the hour that the
clock repeats in autumn is written as text with its distance to UTC. Same facts, same bytes: the file's date is the
report's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from io import BytesIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from server.core.days import AMSTERDAM
from server.core.reports.document import Report, digest, section_digest
from server.core.tables import Column, Kind, Row, Section, Value
from server.core.text import Share, Text, phrase
from server.render.sentences import plain
from server.render.sheet_charts import add_charts
from server.render.words import Words

MOST_ROWS = 1_000_000
"""A little less than the format has room for."""
_NO_DAY = datetime(1980, 1, 1, tzinfo=UTC)
"""The first that the format knows: for a table that nobody made on a day."""
_LONGEST_TEXT = 32_000
"""A little less than a cell has room for."""
_SHEET_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_WIDTHS = {Kind.COUNT: 12, Kind.SHARE: 12, Kind.INSTANT: 18, Kind.DATE: 13, Kind.ADVICE: 60}
_WIDTH = 26
_HIGH = 15
"""Of a line, in points. Rows are made as high as their text: not every program does that by itself."""


class _Sheets:
    """The workbook under way, with the few formats that it has."""

    def __init__(self, words: Words, *, title: Text, company: str, comments: str, created: datetime) -> None:
        self.words = words
        self.out = BytesIO()
        self.book = xlsxwriter.Workbook(
            self.out,
            {
                # In memory: no copy of the report is left in a folder for temporary files.
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        self.book.set_properties(
            {
                "title": words.say(title),
                "company": plain(company),
                "comments": comments,
                "created": created.astimezone(UTC).replace(tzinfo=None),
            }
        )
        self.title = self.book.add_format({"bold": True, "font_size": 16})
        self.bold = self.book.add_format({"bold": True})
        self.heading = self.book.add_format(
            {
                "bold": True,
                "bg_color": "#E6F0EE",
                "font_color": "#0D3B41",
                "bottom": 1,
                "text_wrap": True,
                "valign": "bottom",
            }
        )
        self.text = self.book.add_format({"text_wrap": True, "valign": "top"})
        self.number = self.book.add_format({"num_format": "0", "valign": "top"})
        self.instant = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm", "valign": "top", "align": "left"})
        self.day = self.book.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"})
        self._names: set[str] = set()
        self._long: dict[tuple[type[StrEnum], StrEnum, Kind], int] = {}

    def add(self, heading: Text) -> Worksheet:
        """A sheet of that name, cut and numbered where the format asks for it."""
        said = " ".join(_FORBIDDEN.sub(" ", self.words.say(heading)).split()).strip("' ") or "-"
        name, number = said[:_SHEET_NAME].rstrip(), 1
        while name.lower() in self._names:
            number += 1
            name = f"{said[: _SHEET_NAME - 3].rstrip()} {number}"
        self._names.add(name.lower())
        sheet: Worksheet = self.book.add_worksheet(name)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        return sheet

    def say(self, sheet: Worksheet, row: int, column: int, text: str, style: Format | None = None) -> None:
        """Text as text, whatever it looks like."""
        sheet.write_string(row, column, plain(text)[:_LONGEST_TEXT], style or self.text)

    def lines(self, value: Value, kind: Kind) -> int:
        """How many lines a value takes in a column of its kind, or one more."""
        match value:
            case StrEnum():
                known = type(value), value, kind
                if known not in self._long:
                    self._long[known] = len(self.words.write(value, kind))
                long = self._long[known]
            case str():
                long = len(value)
            case Text():
                long = len(self.words.say(value))
            case _:
                return 1
        width = _WIDTHS.get(kind, _WIDTH)
        return 1 if long <= width else -(-long // (width - 3))

    def put(self, sheet: Worksheet, row: int, column: int, value: Value, kind: Kind) -> None:
        """One value in its type; what is not known stays empty."""
        match value:
            case None:
                return
            case StrEnum() | Text() | str():
                self.say(sheet, row, column, self.words.write(value, kind))
            case datetime():
                local = value.astimezone(AMSTERDAM)
                if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
                    self.say(sheet, row, column, self.words.instant(value))
                else:
                    sheet.write_datetime(row, column, local.replace(tzinfo=None), self.instant)
            case date():
                sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), self.day)  # noqa: DTZ001 - a day has no zone
            case Share():
                sheet.write_number(row, column, value.part, self.number)
                sheet.write_number(row, column + 1, value.whole, self.number)
            case int():
                sheet.write_number(row, column, value, self.number)


def report_xlsx(report: Report, words: Words) -> bytes:
    """Everything the report says: its key figures on the first sheet, then a sheet for each section."""
    sheets = _Sheets(
        words,
        title=report.title,
        company=report.organisation,
        comments=words.say(report.caveat),
        created=report.made_at,
    )
    _first(sheets, report)
    for section in report.body:
        _part(sheets, section)
    sheets.book.close()
    return sheets.out.getvalue()


def section_xlsx(section: Section, words: Words) -> bytes:
    """One table alone, as one sheet; its digest stands among the file's properties."""
    sheets = _Sheets(
        words, title=section.heading, company="", comments=f"sha256:{section_digest(section)}", created=_NO_DAY
    )
    _part(sheets, section)
    sheets.book.close()
    return sheets.out.getvalue()


def _first(sheets: _Sheets, report: Report) -> None:
    sheet = sheets.add(phrase("In short"))
    words = sheets.words
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 2, 14)
    sheet.set_column(3, 3, 70)
    sheets.say(sheet, 0, 0, words.say(report.title), sheets.title)
    facts: tuple[tuple[Text, tuple[tuple[Value, Kind], ...]], ...] = (
        (phrase("Organisation"), ((report.organisation, Kind.TEXT),)),
        (phrase("Period"), ((report.period.first, Kind.DATE), (report.period.last, Kind.DATE))),
        (phrase("Made"), ((report.made_at, Kind.INSTANT),)),
        (phrase("View"), ((report.view, Kind.CODE),)),
        (phrase("Policy"), tuple((policy, Kind.TEXT) for policy in report.policies)),
        (phrase("Hash (SHA-256)"), ((f"sha256:{digest(report)}", Kind.TEXT),)),
    )
    row = 2
    unwrapped = sheets.book.add_format({"valign": "top"})
    for label, values in facts:
        sheets.say(sheet, row, 0, words.say(label), sheets.bold)
        for at, (value, kind) in enumerate(values, start=1):
            if isinstance(value, str):
                sheets.say(sheet, row, at, words.write(value, kind), unwrapped)
            else:
                sheets.put(sheet, row, at, value, kind)
        row += 1
    sheets.say(sheet, row + 1, 0, words.say(report.caveat), unwrapped)
    sheets.say(sheet, row + 2, 0, words.say(phrase("All times are those of Amsterdam.")), unwrapped)
    row += 4
    for at, heading in enumerate((phrase("Figure"), phrase("Value"), phrase("Out of"), phrase("Seen"))):
        sheets.say(sheet, row, at, words.say(heading), sheets.heading)
    for figure in report.figures:
        row += 1
        sheets.say(sheet, row, 0, words.say(figure.label))
        kind = Kind.SHARE if isinstance(figure.value, Share) else Kind.COUNT
        sheets.put(sheet, row, 1, figure.value, kind)
        sheets.say(sheet, row, 3, words.say(figure.coverage))


def _part(sheets: _Sheets, section: Section) -> None:
    sheet, words = sheets.add(section.heading), sheets.words
    unwrapped = sheets.book.add_format({"valign": "top"})
    sheets.say(sheet, 0, 0, words.say(section.heading), sheets.title)
    row = 1
    for paragraph in section.paragraphs:
        sheets.say(sheet, row, 0, words.say(paragraph), unwrapped)
        row += 1
    row += 1
    head, starts = row, []
    if section.columns:
        starts = _starts(section)
        row = _table(sheets, sheet, row, section, starts) if section.rows else _nothing(sheets, sheet, row, section)
    else:
        sheet.set_column(0, 0, 120)
    for note in section.notes:
        sheets.say(sheet, row, 0, words.say(note), unwrapped if section.columns else sheets.text)
        row += 1
    add_charts(sheets.book, sheet, section, words, head=head, starts=starts, below=row + 1)


def _nothing(sheets: _Sheets, sheet: Worksheet, row: int, section: Section) -> int:
    sheets.say(sheet, row, 0, sheets.words.say(section.empty))
    return row + 2


def _starts(section: Section) -> list[int]:
    """Where each column begins: a share takes two."""
    starts = [0]
    for column in section.columns:
        starts.append(starts[-1] + (2 if column.kind is Kind.SHARE else 1))
    return starts[:-1]


def _table(sheets: _Sheets, sheet: Worksheet, first: int, section: Section, starts: Sequence[int]) -> int:
    """The table with its heading at that row; the row after it."""
    words = sheets.words
    at, high = 0, 1
    for column in section.columns:
        heading = words.say(column.heading)
        sheet.set_column(at, at, _WIDTHS.get(column.kind, _WIDTH))
        sheets.say(sheet, first, at, heading, sheets.heading)
        at += 1
        if column.kind is Kind.SHARE:
            sheet.set_column(at, at, _WIDTHS[Kind.SHARE])
            said = words.say(phrase("{heading}: total", heading=heading))
            sheets.say(sheet, first, at, said, sheets.heading)
            at += 1
            heading = said
        high = max(high, -(-len(heading) // (_WIDTHS.get(column.kind, _WIDTH) - 4)))
    sheet.set_row(first, _HIGH * high)
    shown: Sequence[Row] = section.rows[:MOST_ROWS]
    row = first
    for row, values in enumerate(_with_totals(shown, section.totals), start=first + 1):
        for start, column, value in zip(starts, section.columns, values, strict=True):
            _cell(sheets, sheet, row, start, value, column)
        lines = max(sheets.lines(value, column.kind) for value, column in zip(values, section.columns, strict=True))
        if lines > 1:
            sheet.set_row(row, _HIGH * lines)
    sheet.autofilter(first, 0, first + len(shown), at - 1)
    sheet.freeze_panes(first + 1, 0)
    sheet.repeat_rows(first)
    return row + 2


def _cell(sheets: _Sheets, sheet: Worksheet, row: int, at: int, value: Value, column: Column) -> None:
    if value is None and column.blank is not None:
        sheets.say(sheet, row, at, sheets.words.say(column.blank))
    else:
        sheets.put(sheet, row, at, value, column.kind)


def _with_totals(rows: Iterable[Row], totals: Row) -> Iterable[Row]:
    yield from rows
    if totals:
        yield totals
