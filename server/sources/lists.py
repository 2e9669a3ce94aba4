"""Small lists beside the feeds (roster, absence, shared devices, apps on phones): mapping and file to rows; no meaning.

A mapping is a YAML 1.2 file in `agent_policies/sources/lists/`. Absence is read as days only: why somebody was away is
no column of ours. A list with a fault gives no row at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from server.core.usage.channel_catalogue import Platform
from server.sources.cells import MAX_CELL, Bad
from server.sources.mapping import (
    Column,
    Delimiter,
    Encoding,
    MappingPart,
    answer_of,
    answers,
    check_dates,
    decode,
    normal,
    parse_yaml,
    read_part,
    read_path,
)
from server.sources.rows import FileFault, Problem
from server.sources.tables import (
    ANY_COLUMN,
    Flaw,
    Quoting,
    Record,
    SheetTable,
    Table,
    Unfit,
    delimiters,
    open_table,
    records,
)
from server.sources.usage_mapping import is_content

_LOOSE = Field(strict=False)
_KEPT_FAULTS = 200
_EARLIEST, _LATEST_YEARS = date(2005, 1, 1), 3
_LONGEST = 1_000_000


class ListKind(StrEnum):
    """What a list tells."""

    ROSTER = "roster"
    """On which days a worker was on duty (front office): a contact on such a day is often for a colleague's case."""
    ABSENCE = "absence"
    """From when to when a worker was away; not why."""
    SHARED_DEVICES = "shared_devices"
    """Devices meant for several people, so that no share is anybody's."""
    PRESENCE = "presence"
    """Which apps are on which phone, as device management exports it; apps outside the catalogue go no further."""


class _Field(StrEnum):
    WORKER = "worker"
    DEVICE = "device"
    DAY = "day"
    FIRST = "first"
    LAST = "last"
    APP = "app"
    MANAGED = "managed"
    CONTACTS_CLOSED = "contacts_closed"


_DAYS = frozenset({_Field.DAY, _Field.FIRST, _Field.LAST})
_ANSWERS = frozenset({_Field.MANAGED, _Field.CONTACTS_CLOSED})
_OPEN: Mapping[ListKind, frozenset[_Field]] = {
    ListKind.ROSTER: frozenset(),
    ListKind.ABSENCE: frozenset({_Field.LAST}),
    ListKind.SHARED_DEVICES: frozenset({_Field.FIRST, _Field.LAST}),
    ListKind.PRESENCE: frozenset({_Field.APP, *_ANSWERS}),
}
"""What may be empty: an absence that goes on, a phone without any listed app, an answer that is not known."""
_FIELDS: Mapping[ListKind, tuple[frozenset[_Field], frozenset[_Field]]] = {
    ListKind.ROSTER: (frozenset({_Field.WORKER, _Field.DAY}), frozenset()),
    ListKind.ABSENCE: (frozenset({_Field.WORKER, _Field.FIRST, _Field.LAST}), frozenset()),
    ListKind.SHARED_DEVICES: (frozenset({_Field.DEVICE}), frozenset({_Field.FIRST, _Field.LAST})),
    ListKind.PRESENCE: (
        frozenset({_Field.DEVICE, _Field.DAY, _Field.APP}),
        frozenset({_Field.MANAGED, _Field.CONTACTS_CLOSED}),
    ),
}
"""Which columns a list needs, and which it may have besides."""


_APP_ID = re.compile(r"[A-Za-z0-9_-]{1,100}(\.[A-Za-z0-9_-]{1,100}){1,20}")
"""A package or bundle id: names with dots between them."""


class _Answers(MappingPart):
    yes: list[str]
    no: list[str]


class ListMapping(MappingPart):
    """How one list is read. platform: of a list of apps, what the phones in it run."""

    list_: Annotated[ListKind, _LOOSE] = Field(alias="list")
    encoding: Annotated[Encoding, _LOOSE] = Encoding.AUTO
    delimiter: Annotated[Delimiter, _LOOSE] = Delimiter.AUTO
    dates: list[str] = Field(min_length=1)
    platform: Annotated[Platform, _LOOSE] | None = None
    answers: _Answers | None = None
    columns: dict[Annotated[_Field, _LOOSE], Column]


@dataclass(frozen=True, slots=True)
class ListRow:
    """One line of a list; fields it has no column for, or left open, are None or ""."""

    line: int
    worker: str = ""
    device: str = ""
    day: date | None = None
    first: date | None = None
    last: date | None = None
    app: str = ""
    managed: bool | None = None
    contacts_closed: bool | None = None


@dataclass(frozen=True, slots=True)
class ReadList:
    """What a file came to: its rows, or all faults and no row. digest: SHA-256 of file and mapping, hex."""

    rows: Sequence[ListRow] = field(repr=False)
    faults: tuple[FileFault, ...]
    digest: str


def shipped_lists() -> tuple[str, ...]:
    """The names of the mappings of lists that come with the product."""
    folder = resources.files("agent_policies") / "sources" / "lists"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_list_mapping(name: str | Path) -> ListMapping | None:
    """The shipped mapping of this name, or the file at this path; None: that is no mapping of a list. Raises
    MappingRefused.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        text, file = read_path(path), path.name
    elif str(name) in shipped_lists():
        raw = (resources.files("agent_policies") / "sources" / "lists" / f"{name}.yaml").read_bytes()
        text, file = decode(raw, f"{name}.yaml"), f"{name}.yaml"
    else:
        return None
    return parse_list_mapping(text, file) if "list" in parse_yaml(text, file).value else None


def parse_list_mapping(text: str, file: str) -> ListMapping:
    """A mapping from its text. file: base name, for faults. Raises MappingRefused with all that is wrong."""
    lines = parse_yaml(text, file)
    return read_part(
        ListMapping,
        lines,
        file,
        lambda found: (*check_dates(lines.value.get("dates")), *(() if found is None else _cross_check(found))),
    )


def _cross_check(mapping: ListMapping) -> Iterator[tuple[list[str | int], str]]:
    needed, more = _FIELDS[mapping.list_]
    for name in sorted(needed - set(mapping.columns)):
        yield ["columns"], f"This list needs the column {name}."
    for name, column in mapping.columns.items():
        if name not in needed | more:
            yield ["columns", name], "This list has no such column."
        if any(is_content(header) for header in column.headers):
            yield ["columns", name], "What was said or written, and names, are never read. Take this column out."
    if mapping.list_ is ListKind.PRESENCE and mapping.platform is None:
        yield ["platform"], "Say which platform the phones run: android or ios."
    if _ANSWERS & set(mapping.columns) and mapping.answers is None:
        yield ["answers"], "Say which words mean yes and which no."


def read_list(path: Path, mapping: ListMapping, *, today: date) -> ReadList:
    """All rows of a list, or its faults. Never raises for what a file holds. today: in Amsterdam."""
    faults: list[FileFault] = []
    rows: list[ListRow] = []
    digest = hashlib.sha256(mapping.model_dump_json().encode())
    try:
        table = open_table(path, mapping.encoding)
        digest.update(table.digest)
        delimiter, header_line, columns, width = _header(table, mapping, faults)
        if not faults:
            found = _sound(records(table, delimiter), path.name, header_line, width, faults)
            rows = _rows(found, path.name, columns, mapping, faults, today)
    except Unfit as unfit:
        faults.append(FileFault(path.name, unfit.line, None, unfit.problem, unfit.hints))
    return ReadList(() if faults else rows, tuple(faults[:_KEPT_FAULTS]), digest.hexdigest())


def _header(table: Table, mapping: ListMapping, faults: list[FileFault]) -> tuple[str, int, Mapping[_Field, int], int]:
    """What stands between cells, the line of the header, where each field stands (-1: it is said once for all), and how
    many headers there are.
    """
    best: tuple[int, str, int, dict[_Field, int], int] | None = None
    for delimiter in ("",) if isinstance(table, SheetTable) else delimiters(mapping.delimiter):
        for line, _, record in islice(records(table, delimiter, ANY_COLUMN), 100):
            if isinstance(record, Flaw) or not any(cell.strip() for cell in record):
                continue
            names = [normal(cell) for cell in record]
            found = {
                name: -1
                if column.always is not None
                else names.index(next(h for h in map(normal, column.headers) if h in names))
                for name, column in mapping.columns.items()
                if column.always is not None or not {*map(normal, column.headers)}.isdisjoint(names)
            }
            if best is None or len(found) > best[0]:
                best = len(found), delimiter, line, found, len(record)
            break
    if best is None:
        faults.append(FileFault(table.path.name, None, None, Problem.EMPTY))
        return "", 0, {}, 0
    for name, column in mapping.columns.items():
        if name not in best[3] and not column.optional:
            accepted = (("headers", " / ".join(column.headers)),)
            faults.append(FileFault(table.path.name, best[2], f"list.{name}", Problem.MISSING_COLUMN, accepted))
    return best[1:]


def _sound(
    found: Iterable[tuple[int, int, Record]], file: str, header_line: int, width: int, faults: list[FileFault]
) -> Iterator[tuple[int, Sequence[str]]]:
    """The records in which every cell stands under its own header, with their lines; of the others a fault is told."""
    for line, _, record in found:
        if line <= header_line:
            continue
        if isinstance(record, Flaw):
            faults.append(FileFault(file, line, None, record.problem, record.hints))
        elif any(map(str.strip, record[width:])) or (isinstance(record, Quoting) and len(record) != width):
            hints = (("found", str(len(record))), ("expected", str(width)))
            faults.append(FileFault(file, line, None, Problem.HALF_ROW, hints))
        elif any(map(str.strip, record)):
            yield line, record


def _rows(
    found: Iterable[tuple[int, Sequence[str]]],
    file: str,
    columns: Mapping[_Field, int],
    mapping: ListMapping,
    faults: list[FileFault],
    today: date,
) -> list[ListRow]:
    rows: list[ListRow] = []
    readers = {name: _reader(name, mapping, today) for name in columns}
    for line, record in found:
        values: dict[str, Any] = {}
        for name, at in columns.items():
            cell = mapping.columns[name].always if at < 0 else record[at] if at < len(record) else ""
            value = readers[name]((cell or "").strip())
            if value is None and name not in _OPEN[mapping.list_]:
                value = Bad(Problem.MISSING_VALUE)
            if isinstance(value, Bad):
                hints = (*value.hints.items(), ("column", str(at + 1)))
                faults.append(FileFault(file, line, f"list.{name}", value.problem, hints))
            values[name.value] = value
        row = ListRow(
            line, **{name: value for name, value in values.items() if value is not None and not isinstance(value, Bad)}
        )
        if row.first is not None and row.last is not None and row.last < row.first:
            latest = today.replace(year=today.year + _LATEST_YEARS, day=1)
            between = (("low", row.first.isoformat()), ("high", latest.isoformat()))
            column = ("column", str(columns[_Field.LAST] + 1))
            faults.append(FileFault(file, line, "list.last", Problem.ABSURD_DATE, (*between, column)))
        rows.append(row)
        if len(rows) > _LONGEST:
            raise Unfit(Problem.FILE_TOO_LARGE, line, limit=_LONGEST)
    if not rows:
        faults.append(FileFault(file, None, None, Problem.NO_ROWS))
    return rows


def _reader(name: _Field, mapping: ListMapping, today: date) -> Callable[[str], Any]:
    if name in _DAYS:
        return lambda cell: _day(cell, mapping.dates, today)
    if name in _ANSWERS:
        own = mapping.answers or _Answers(yes=[], no=[])
        meaning = answers(own.yes, own.no)
        return lambda cell: meaning.get(answer_of(cell), Bad(Problem.UNKNOWN_ANSWER)) if cell else None
    if name is _Field.APP:
        # A list of names would leave out what it calls otherwise, and the app would be taken for absent.
        return lambda cell: (cell if _APP_ID.fullmatch(cell) else Bad(Problem.NOT_AN_APP_ID)) if cell else None
    return lambda cell: (Bad(Problem.TOO_LONG, limit=str(MAX_CELL)) if len(cell) > MAX_CELL else cell) if cell else None


def _day(cell: str, forms: Sequence[str], today: date) -> date | Bad | None:
    if not cell:
        return None
    for form in (*forms, "%Y-%m-%d"):
        try:
            day = datetime.strptime(cell, form).date()  # noqa: DTZ007  a day in Amsterdam, no instant
        except ValueError:
            continue
        if not _EARLIEST <= day <= today.replace(year=today.year + _LATEST_YEARS, day=1):
            return Bad(Problem.ABSURD_DATE, low=_EARLIEST.isoformat(), high=str(today.year + _LATEST_YEARS))
        return day
    return Bad(Problem.BAD_DATE, formats=", ".join(forms))
