"""The inverse of reading: rows written as the CSV that a mapping describes; for invented organisations and tests.

No real register is ever written: this product reads case systems, it does not feed them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

from server.sources.mapping import CaseMapping, Column, Delimiter, Encoding, FileKind
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, MomentRow, Row

_CODECS = {
    Encoding.AUTO: "utf-8-sig",
    Encoding.UTF_8: "utf-8",
    Encoding.UTF_16: "utf-16",
    Encoding.WINDOWS_1252: "cp1252",
}
_DELIMITERS = {Delimiter.AUTO: ";", Delimiter.SEMICOLON: ";", Delimiter.COMMA: ",", Delimiter.TAB: "\t"}


def write_rows(
    rows: Iterable[Row],
    mapping: CaseMapping,
    folder: Path,
    as_of: datetime,
    *,
    encoding: Encoding | None = None,
    delimiter: Delimiter | None = None,
) -> list[Path]:
    """Write one file for each kind the mapping names, in the layout it describes; the paths, in its order.

    Headers and words are the first that the mapping names. encoding, delimiter: instead of the mapping's.
    Raises ValueError for a row the layout has no place for (a time in a layout of days).
    """
    codec = _CODECS[encoding or mapping.encoding]
    separator = _DELIMITERS[delimiter or mapping.delimiter]
    stamp = as_of.astimezone(mapping.zone).strftime(mapping.time_of_export.in_file_name or "%Y%m%d-%H%M")
    by_case = _by_case(rows)
    paths = []
    for kind in mapping.files:
        path = folder / f"{kind.name}-{stamp}.csv"
        with path.open("w", encoding=codec, newline="") as file:
            writer = csv.writer(file, delimiter=separator, lineterminator="\r\n")
            columns = [(name, column) for name, column in kind.columns if column.headers]
            writer.writerow([column.headers[0] for _, column in columns])
            names = [name for name, _ in columns]
            writer.writerows([cells.get(name, "") for name in names] for cells in _lines(kind, by_case, mapping))
        paths.append(path)
    return paths


def _by_case(rows: Iterable[Row]) -> dict[str | None, list[Row]]:
    grouped: dict[str | None, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.number if isinstance(row, CaseRow) else row.case_number, []).append(row)
    return grouped


def _lines(
    kind: FileKind, by_case: Mapping[str | None, Sequence[Row]], mapping: CaseMapping
) -> Iterator[dict[str, str]]:
    """Field -> text for each line of this kind of file; what a case has several of stands side by side."""
    for number, rows in by_case.items():
        cases = [_case(row, kind, mapping) for row in rows if isinstance(row, CaseRow) and kind.case]
        parts: list[list[dict[str, str]]] = [
            [_contact(row, kind, mapping) for row in rows if isinstance(row, ContactRow) and kind.contact],
            [_assignment(row, mapping) for row in rows if isinstance(row, AssignmentRow) and kind.assignment],
            list(_moments([row for row in rows if isinstance(row, MomentRow)], kind, mapping)),
        ]
        if not cases and kind.case and number is not None:
            continue
        for line in zip_longest(*parts, fillvalue={}) if any(parts) else ([{}] if cases else []):
            cells = {"case_number": number or "", **(cases[0] if cases else {})}
            for part in line:
                cells |= part
            yield cells


def _case(row: CaseRow, kind: FileKind, mapping: CaseMapping) -> dict[str, str]:
    cells = {
        "case.phase": _word(mapping.words.phases, row.phase),
        "case.opened_on": _day(row.opened_on, mapping),
        "case.closed_at": _instant(row.closed_at, mapping, end=True),
        "case.recorded": "" if row.recorded is None else _answer(row.recorded, mapping),
        "case.service": row.service or "",
        "case.transferred_on": _day(row.transferred_on, mapping),
        "case.monitoring_from": _day(row.monitoring_from, mapping),
        "case.plan_counts_from": _day(row.plan_counts_from, mapping),
    }
    if kind.case is not None and (only_if := kind.case.closed_only_if) is not None:
        cells["case.closed_only_if"] = only_if.says[0] if row.closed_at else _answer(False, mapping)
    return cells


def _contact(row: ContactRow, kind: FileKind, mapping: CaseMapping) -> dict[str, str]:
    values: Sequence[Column] = kind.contact.values if kind.contact else ()
    column = len(values) if "@" in row.value else 1
    return {
        "contact.class": _word(mapping.words.classes, row.contact_class),
        "contact.person": row.person or "",
        f"contact.values.{column}": row.value,
        "contact.former_since": _day(row.former_since, mapping),
        "contact.linked": "" if row.linked else _answer(False, mapping),
    }


def _assignment(row: AssignmentRow, mapping: CaseMapping) -> dict[str, str]:
    return {
        "assignment.worker": row.worker,
        "assignment.role": row.role,
        "assignment.from": _instant(row.from_at, mapping, end=False),
        "assignment.until": _instant(row.until_at, mapping, end=True),
    }


def _moments(rows: Sequence[MomentRow], kind: FileKind, mapping: CaseMapping) -> Iterator[dict[str, str]]:
    """As many planned days of one worker on one line as there are columns for them."""
    if kind.moment is None:
        return
    width = len(kind.moment.on)
    for worker in dict.fromkeys(row.worker for row in rows):
        days = [row.on for row in rows if row.worker == worker]
        for start in range(0, len(days), width):
            some = days[start : start + width]
            yield {
                "moment.worker": worker,
                **{f"moment.on.{index + 1}": _day(day, mapping) for index, day in enumerate(some)},
            }


def _word(words: Mapping[Any, Sequence[str]], meaning: object) -> str:
    return words[meaning][0]


def _answer(answer: bool, mapping: CaseMapping) -> str:
    return (mapping.words.yes if answer else mapping.words.no)[0]


def _day(day: date | None, mapping: CaseMapping) -> str:
    if day is None:
        return ""
    return day.strftime(next(form for form in mapping.dates if "%H" not in form))


def _instant(instant: datetime | None, mapping: CaseMapping, *, end: bool) -> str:
    """A whole day where the instant is its start (or, of an end, the first instant after it), else with its time."""
    if instant is None:
        return ""
    local = instant.astimezone(mapping.zone)
    if local.time() == time():
        return _day(local.date() - timedelta(days=1) if end else local.date(), mapping)
    for form in mapping.dates:
        if "%H" in form:
            text = local.strftime(form)
            read = datetime.strptime(text, form)  # noqa: DTZ007
            aware = read if read.tzinfo else read.replace(tzinfo=mapping.zone, fold=1 if end else 0)
            if aware == instant:
                return text
    raise ValueError("no form in the mapping can say this time exactly")
