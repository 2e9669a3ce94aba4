"""Case registers in CSV and XLSX: an export is opened, checked and read as batches of rows; nothing is remembered.

Bounded memory at any size of CSV: what grows with the export is one small number for each case, by which rows that
contradict each other are found. Faults are values, never content; a row with a fault gives no row at all.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from server.core.model import ContactClass, Phase
from server.sources.cells import MISSING, Always, Bad, Dates, Memo, Once, parsers_for
from server.sources.mapping import CaseMapping, Delimiter, FileKind, UnknownHeaders, normal, time_in_name
from server.sources.rows import (
    STAYING_CLASSES,
    AssignmentRow,
    Batch,
    CaseRow,
    ContactRow,
    Export,
    FileFault,
    Mode,
    MomentRow,
    Problem,
    Row,
)
from server.sources.tables import (
    ANY_COLUMN,
    Flaw,
    Quoting,
    Record,
    RecordTable,
    SheetTable,
    Table,
    Unfit,
    delimiters,
    open_table,
    records,
    said_delimiter,
)

BATCH = 5_000
"""Records in one batch."""
KEPT_FAULTS = 200
"""Faults kept in one read; all are counted."""
KEPT_OF_A_KIND = 20
"""Faults kept of one problem in one field of one file, so that a thousand of one kind do not hide another."""
MAX_CASES = 4_000_000
"""Cases in one export: some 30 bytes each are all that is held in memory of it."""
_SEEN = 10_000
_LOOKED_AT = 200
"""Records from which is learnt how many cells a row has."""
_ALWAYS_THERE = frozenset(
    {"case_number", "case.phase", "contact.class", "contact.values.1", "moment.worker", "moment.on.1"}
)
"""Fields whose columns a row must reach: what a spreadsheet leaves out at a row's end are cells that may be empty."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One table of an export with what was learnt of it: its kind, its columns, the line of its header.

    headers: as the mapping writes them, "" for a column that is not read; as many as have a name or are read.
    multiline: columns that may hold lines. row_width: cells of its rows, more than there are headers where each row has
    a delimiter at its end.
    """

    table: Table
    kind: FileKind
    delimiter: str
    header_line: int
    headers: Sequence[str]
    columns: Mapping[str, int]
    multiline: frozenset[int]
    row_width: int = 0

    @property
    def width(self) -> int:
        return len(self.headers)


@dataclass(frozen=True, slots=True)
class OpenExport:
    """An export that was looked at: what it says of itself, and the faults of its files as files."""

    header: Export
    mapping: CaseMapping
    faults: tuple[FileFault, ...]
    parts: tuple[_Part, ...] = field(repr=False)
    latest: datetime
    """The time of export of the newest of the files, aware, UTC."""


def open_export(paths: Sequence[Path], mapping: CaseMapping, *, as_of: datetime | None = None) -> OpenExport:
    """Look at every file once: encoding, header, bounds. Never raises for what a file holds: faults are values.

    as_of: the time of export if the caller knows it better than the mapping (aware).
    """
    faults: list[FileFault] = []
    parts: list[_Part] = []
    digest = hashlib.sha256()
    times: list[datetime] = []
    sheets = [kind.sheet for kind in mapping.files if kind.sheet is not None]
    for path in paths:
        workbook = path.suffix.lower() in {".xlsx", ".xlsm"}
        for sheet in sheets if workbook and sheets else [None]:
            try:
                table = open_table(path, mapping.encoding, sheet)
                digest.update(table.digest)
                part, found = _recognise(table, mapping)
            except Unfit as unfit:
                faults.append(FileFault(path.name, unfit.line, None, unfit.problem, unfit.hints))
                continue
            faults.extend(found)
            if part is not None:
                parts.append(part)
        times.append(_time_of_export(path, mapping, as_of, faults))
    faults.extend(_missing_files(mapping, parts, paths))
    order = {kind.name: index for index, kind in enumerate(sorted(mapping.files, key=lambda kind: kind.case is None))}
    parts.sort(key=lambda part: order[part.kind.name])
    when = min(times, default=as_of or datetime.fromtimestamp(0, UTC)).astimezone(UTC)
    latest = max(times, default=when).astimezone(UTC)
    header = Export(mapping.system, mapping.mode, when, tuple(path.name for path in paths), digest.digest())
    return OpenExport(header, mapping, tuple(faults), tuple(parts), latest)


def open_records(tables: Sequence[RecordTable], mapping: CaseMapping, as_of: datetime, digest: bytes) -> OpenExport:
    """An export that is in memory already, as `open_export` opens files: the same checks, the same faults."""
    faults: list[FileFault] = []
    parts: list[_Part] = []
    for table in tables:
        part, found = _recognise(table, mapping)
        faults.extend(found)
        if part is not None:
            parts.append(part)
    header = Export(mapping.system, mapping.mode, as_of, tuple(table.path.name for table in tables), digest)
    return OpenExport(header, mapping, tuple(faults), tuple(parts), as_of)


def open_alike(tables: Sequence[RecordTable], known: OpenExport, as_of: datetime, digest: bytes) -> OpenExport:
    """An export in memory whose tables are called and headed as those of another, which had no fault and rows as wide
    as their headers: what was learnt of that one holds for this one.
    """
    alike = {part.table.path.name: part for part in known.parts}
    parts = tuple(replace(alike[table.path.name], table=table) for table in tables)
    header = replace(known.header, as_of=as_of, files=tuple(table.path.name for table in tables), digest=digest)
    return OpenExport(header, known.mapping, (), parts, as_of)


def read(export: OpenExport) -> Iterator[Batch]:
    """The rows of an export, cases before what hangs on them; the first batch carries the faults of the files.

    A table that cannot be read further ends with a fault; the others are still read.
    """
    tally = _Tally()
    for fault in export.faults:
        tally.add(fault)
    name = export.header.files[0] if export.header.files else ""
    if export.faults:
        yield Batch(name, (), *tally.take(), share=0.0)
    cases = _Cases(tuple(dict.fromkeys(part.table.path.name for part in export.parts)))
    total = sum(part.table.stamp.size for part in export.parts) or 1
    before = 0
    parsers: dict[bool, Mapping[str, Callable[[str], Any]]] = {}
    for part in export.parts:
        iso = isinstance(part.table, SheetTable)
        if iso not in parsers:
            parsers[iso] = parsers_for(export.mapping, Dates(export.mapping, export.header.as_of, iso=iso))
        reader = _PartReader(part, export.header, export.mapping, parsers[iso], cases, tally)
        headers = {at: part.headers[at] for field, at in part.columns.items() if field.startswith("contact.values.")}
        for rows, done in reader.batches():
            share = (before + done) / total
            yield Batch(part.table.path.name, rows, *tally.take(), share, reader.taken(), headers)
        before += part.table.stamp.size
    if export.mapping.each_case_needs_client and export.header.mode is Mode.FULL:
        for file, line in cases.without_client():
            tally.add(FileFault(file, line, "contact.class", Problem.CASE_WITHOUT_CLIENT))
    kept, count = tally.take()
    if count:
        yield Batch(name, (), kept, count)


def _time_of_export(path: Path, mapping: CaseMapping, as_of: datetime | None, faults: list[FileFault]) -> datetime:
    if as_of is not None:
        return as_of
    form = mapping.time_of_export.in_file_name
    if form is not None:
        shown = time_in_name(form, path.name, mapping.zone)
        if shown is not None:
            return shown
        faults.append(FileFault(path.name, None, None, Problem.NO_TIME_OF_EXPORT, (("format", form),)))
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)


def _missing_files(mapping: CaseMapping, parts: Sequence[_Part], paths: Sequence[Path]) -> Iterator[FileFault]:
    """In a full export every kind that the mapping requires; changes may touch one kind only."""
    if mapping.mode is Mode.CHANGES:
        return
    there = {part.kind.name for part in parts}
    file = paths[0].name if paths else ""
    for kind in mapping.files:
        if kind.required and kind.name not in there:
            yield FileFault(file, None, None, Problem.MISSING_FILE, (("kind", kind.name),))


# --- Which kind of file is it -----------------------------------------------------------------------------------------


def _recognise(table: Table, mapping: CaseMapping) -> tuple[_Part | None, list[FileFault]]:
    """The kind of file whose columns fit the header best. Faults of the header stop the table. May raise Unfit."""
    file = table.path.name
    best: tuple[tuple[int, int, int], _Part, list[FileFault]] | None = None
    for delimiter, line, header in _headers(table, mapping.delimiter):
        for kind in mapping.files:
            if isinstance(table, SheetTable) and kind.sheet is not None and kind.sheet != table.sheet:
                continue
            columns, faults = _fit(file, line, header, kind, mapping)
            missing = sum(fault.problem is Problem.MISSING_COLUMN for fault in faults)
            part = _Part(table, kind, delimiter, line, *_named(table, header, kind, columns, mapping))
            score = (missing - len(columns), len(faults), -len(header))
            if best is None or score < best[0]:
                best = score, part, faults
    if best is None:
        return None, [FileFault(file, None, None, Problem.EMPTY)]
    return (None if best[2] else _with_row_width(best[1])), best[2]


def _named(
    table: Table, header: Sequence[str], kind: FileKind, columns: Mapping[str, int], mapping: CaseMapping
) -> tuple[Sequence[str], Mapping[str, int], frozenset[int]]:
    """The headers that the mapping knows, by column; the columns; and those of them that may hold lines."""
    names = [normal(cell) for cell in header]
    width = len(header)
    while width and not names[width - 1] and not isinstance(table, SheetTable):
        width -= 1  # columns without a name behind the last that has one
    known = {normal(text): text for _, column in kind.columns for text in column.headers}
    headers = [known.get(name, "") if index in columns.values() else "" for index, name in enumerate(names[:width])]
    multiline = frozenset(index for index, name in enumerate(names) if name in mapping.may_hold_lines)
    return headers, columns, multiline


def _with_row_width(part: _Part) -> _Part:
    """How many cells the first two plain rows have, if they are as many and no fewer than there are headers."""
    found: list[int] = []
    with suppress(Unfit):  # what is wrong is told when it is read
        for line, _, record in islice(records(part.table, part.delimiter, part.multiline), _LOOKED_AT):
            if line > part.header_line and type(record) is list and len(record) >= part.width and any(record):
                found.append(len(record))
    first, second = (*found[:2], 0, 0)[:2]
    return replace(part, row_width=first if first == second else part.width)


def _headers(table: Table, chosen: Delimiter) -> Iterator[tuple[str, int, list[str]]]:
    """Every way to read the header, the first record that is not blank: the delimiter, its line and its cells."""
    said = said_delimiter(table)
    tried = ("",) if isinstance(table, SheetTable) else (said,) if said else delimiters(chosen)
    for delimiter in tried:
        try:
            found = _first_record(table, delimiter, skipped=said is not None)
        except Unfit as unfit:
            if len(tried) == 1 or unfit.problem is not Problem.OPEN_QUOTE:
                raise
            continue
        if found is None:
            continue
        line, record = found
        if not isinstance(record, Flaw):
            yield delimiter, line, list(record)
        elif len(tried) == 1:  # else another delimiter may make its quotes fit
            raise Unfit(record.problem, line, **dict(record.hints))


def _first_record(table: Table, delimiter: str, *, skipped: bool) -> tuple[int, Record] | None:
    """The first record that is not blank, behind the line that names the delimiter, with its line."""
    for line, _, record in records(table, delimiter, ANY_COLUMN):
        if skipped and line == 1:
            continue
        if isinstance(record, Flaw) or any(cell.strip() for cell in record):
            return line, record
    return None


def _fit(
    file: str, line: int, header: Sequence[str], kind: FileKind, mapping: CaseMapping
) -> tuple[dict[str, int], list[FileFault]]:
    """Field -> index of its column, and what is wrong with the header for this kind of file."""
    names = [normal(cell) for cell in header]
    faults: list[FileFault] = []
    columns: dict[str, int] = {}
    used: set[int] = set()
    for name, column in kind.columns:
        wanted = {normal(text) for text in column.headers}
        found = [index for index, text in enumerate(names) if text in wanted]
        used.update(found)
        if len(found) > 1:
            where = (("column", str(found[1] + 1)), ("other", str(found[0] + 1)))
            faults.append(FileFault(file, line, name, Problem.DUPLICATE_HEADER, where))
        if found:
            columns[name] = found[0]
        elif column.headers and not column.optional:
            accepted = (("headers", " / ".join(column.headers)),)
            faults.append(FileFault(file, line, name, Problem.MISSING_COLUMN, accepted))
    if mapping.unknown_headers is UnknownHeaders.REFUSE:
        for index, text in enumerate(names):
            if text and index not in used and text not in mapping.ignored:
                faults.append(FileFault(file, line, None, Problem.UNKNOWN_HEADER, (("column", str(index + 1)),)))
    return columns, faults


# --- Rows -------------------------------------------------------------------------------------------------------------


class _Tally:
    """Faults, the first of each kind kept and all of them counted."""

    def __init__(self) -> None:
        self._kept: list[FileFault] = []
        self._count = self._kept_ever = 0
        self._kinds: Counter[tuple[str, str | None, Problem]] = Counter()

    def add(self, fault: FileFault) -> None:
        self._count += 1
        kind = (fault.file, fault.field, fault.problem)
        self._kinds[kind] += 1
        if self._kept_ever < KEPT_FAULTS and self._kinds[kind] <= KEPT_OF_A_KIND:
            self._kept.append(fault)
            self._kept_ever += 1

    def take(self) -> tuple[tuple[FileFault, ...], int]:
        """Those not yet taken, and how many were met since."""
        kept, count = tuple(self._kept), self._count
        self._kept, self._count = [], 0
        return kept, count


class _Cases:
    """One packed number for each case, by the hash of its number: file, line, what it said, has it a client.

    An open hash table in two arrays, 27 to 54 bytes a case where a dict takes 180: this is all that grows with an
    export. The hash is Python's own, 64 bits and keyed anew in each process: two of a million cases meet once in 10^7
    reads, and then a false fault is told; nothing is lost.
    """

    _LINE, _FILE, _DIGEST = 1 << 31, 1 << 8, 1 << 24

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._count = 0
        self._mask = (1 << 10) - 1
        self._keys = array("Q", bytes(8 << 10))
        self._said = array("Q", bytes(8 << 10))

    def note(self, number: str, file: str, line: int, said: object) -> tuple[bool, str | None]:
        """Whether the case is new, and where an earlier row said otherwise."""
        digest = hash(said) % self._DIGEST
        slot = self._slot(number)
        if not self._keys[slot]:
            if self._count >= MAX_CASES:
                raise Unfit(Problem.TOO_MANY_CASES, line, limit=MAX_CASES)
            place = min(line, self._LINE - 1) * self._FILE + self._files.index(file) % self._FILE
            self._keys[slot] = self._key(number)
            self._said[slot] = (place * self._DIGEST + digest) << 1
            self._count += 1
            if self._count * 5 > len(self._keys) * 3:
                self._double()
            return True, None
        known = self._said[slot]
        if (known >> 1) % self._DIGEST == digest:
            return False, None
        other_file, other_line = self._place(known)
        return False, str(other_line) if other_file == file else f"{other_line} ({other_file})"

    def knows(self, number: str) -> bool:
        return bool(self._keys[self._slot(number)])

    def has_client(self, number: str) -> None:
        slot = self._slot(number)
        if self._keys[slot]:
            self._said[slot] |= 1

    def without_client(self) -> Iterator[tuple[str, int]]:
        """In the order of the files."""
        bare = (said for key, said in zip(self._keys, self._said, strict=True) if key and not said & 1)
        return iter(sorted(self._place(said) for said in bare))

    def _place(self, known: int) -> tuple[str, int]:
        line, file = divmod((known >> 1) // self._DIGEST, self._FILE)
        return self._files[file], line

    @staticmethod
    def _key(number: str) -> int:
        return hash(number) & 0xFFFF_FFFF_FFFF_FFFF or 1

    def _slot(self, number: str) -> int:
        """Where the case is, or the free slot where it would go."""
        key, keys = self._key(number), self._keys
        slot = key & self._mask
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) & self._mask
        return slot

    def _double(self) -> None:
        size = 2 * len(self._keys)
        self._mask = size - 1
        keys, said = array("Q", bytes(8 * size)), array("Q", bytes(8 * size))
        for key, value in zip(self._keys, self._said, strict=True):
            if key:
                slot = key & self._mask
                while keys[slot]:
                    slot = (slot + 1) & self._mask
                keys[slot], said[slot] = key, value
        self._keys, self._said = keys, said


_Cell = tuple[int, Memo]
"""Where a field stands in a record and what its text means."""


class _PartReader:
    """Reads one table: memos for its columns, and what the rows before said of the case at hand."""

    def __init__(
        self,
        part: _Part,
        header: Export,
        mapping: CaseMapping,
        parsers: Mapping[str, Callable[[str], Any]],
        cases: _Cases,
        tally: _Tally,
    ) -> None:
        self._part = part
        self._file = part.table.path.name
        self._full = header.mode is Mode.FULL
        self._cases = cases
        self._tally = tally
        self._zone = mapping.zone
        kind = part.kind
        of_assignments = frozenset() if kind.case or kind.contact else {"assignment.worker", "assignment.from"}
        needed = _ALWAYS_THERE | of_assignments
        self._case, self._contact = kind.case is not None, kind.contact is not None
        self._only_moments = kind.case is None and kind.contact is None and kind.assignment is None
        self._cells: dict[str, _Cell] = {}
        for name, column in kind.columns:
            parse = parsers[name.rstrip("0123456789").rstrip(".")]
            if column.always is not None:
                self._cells[name] = (0, Always(parse(column.always)))
            elif name in part.columns:
                memo = Once if name.startswith("contact.values.") else Memo
                self._cells[name] = (part.columns[name], memo(parse))
        self._values = [name for name in self._cells if name.startswith("contact.values.")]
        self._days = [name for name in self._cells if name.startswith("moment.on.")]
        # Each section a record tells, what of the record it depends on (equal cells say the same again), and its rows.
        makers = {
            "case": self._case_row,
            "contact": self._contact_rows,
            "assignment": self._assignment_row,
            "moment": self._moment_rows,
        }
        self._sections = [
            (section, self._getter(section), make)
            for section, make in makers.items()
            if getattr(kind, section) is not None
        ]
        self._needed = 1 + max((at for name, at in part.columns.items() if name in needed), default=0)
        self._unread = not set(range(part.width)) <= set(part.columns.values())
        # The records whose cells are counted and done with: where rows have more cells than headers, none.
        self._plain_width = part.width if part.row_width == part.width else -1
        self._short: tuple[int, Sequence[str]] | None = None
        self.records = self._told = 0
        """Records that are not blank, met so far."""
        self._line = 0
        self._bad = False
        self._at_hand: str | None = None
        self._seen: set[tuple[Any, ...]] = set()

    def _getter(self, section: str) -> Callable[[Sequence[str]], Any]:
        indexes = [index for name, index in self._part.columns.items() if name.startswith(f"{section}.")]
        return itemgetter(*indexes) if indexes else lambda _record: ()

    def batches(self) -> Iterator[tuple[list[Row], int]]:
        """Rows of up to BATCH records, and the bytes read so far."""
        rows: list[Row] = []
        done = count = 0
        part = self._part
        try:
            for line, done, record in records(part.table, part.delimiter, part.multiline):
                if line <= part.header_line:
                    continue
                count += 1
                if count % BATCH == 0:
                    yield rows, done
                    rows = []
                if type(record) is list and len(record) == self._plain_width and self._short is None:
                    if any(record):
                        self.records += 1
                        rows.extend(self._record(line, record))
                else:
                    rows.extend(self._odd(line, record))
            rows.extend(self._after_short(broken=False))
        except Unfit as unfit:
            self._after_short(broken=True)
            self._tally.add(FileFault(self._file, unfit.line, None, unfit.problem, unfit.hints))
        else:
            if not self.records and self._full and self._case:
                self._tally.add(FileFault(self._file, None, None, Problem.NO_ROWS))
        yield rows, done

    def taken(self) -> int:
        """Records that are not blank, met since it was asked last."""
        found, self._told = self.records - self._told, self.records
        return found

    def _odd(self, line: int, record: Record) -> Sequence[Row]:
        """A record that is not plainly a row; a short one waits for what stands on the next line."""
        if isinstance(record, Flaw):
            before = self._after_short(broken=True)
            self._flaw(line, record)
            return before
        if not any(record):
            return self._after_short(broken=False)
        if self._is_row(record):
            before = self._after_short(broken=False)
            self.records += 1
            return [*before, *self._record(line, record[: self._part.width])]
        if type(record) is list and self._needed <= len(record) < self._part.width:
            before = self._after_short(broken=False)
            self._short = line, record
            return before
        before = self._after_short(broken=True)
        self.records += 1
        self._half_row(line, record)
        return before

    def _is_row(self, record: Sequence[str]) -> bool:
        """Whether each cell surely stands under its own header.

        More cells than headers may be a delimiter at the end of each row, or one too many inside a cell that nobody
        reads, which moves all that follows. Two stray quotes in a row take a delimiter away.
        """
        part, cells = self._part, len(record)
        if cells < part.width or any(record[part.width :]):
            return False
        if isinstance(record, Quoting):
            return cells == max(part.row_width, part.width)
        return cells == part.width or cells == part.row_width or not self._unread

    def _after_short(self, *, broken: bool) -> Sequence[Row]:
        """The short row that waited. broken: what follows is no row, so a line break may have cut this one in two."""
        if self._short is None:
            return ()
        (line, record), self._short = self._short, None
        self.records += 1
        if broken:
            self._half_row(line, record)
            return ()
        return self._record(line, [*record, *[""] * (self._part.width - len(record))])

    def _flaw(self, line: int, flaw: Flaw) -> None:
        self.records += 1
        column = int(dict(flaw.hints).get("column", 0))
        name = next((name for name, at in self._part.columns.items() if at == column - 1), None)
        problem = flaw.problem
        if problem is Problem.SEVERAL_LINES and name is not None:
            problem = Problem.LINE_BREAK
        header = self._part.headers[column - 1] if 0 < column <= self._part.width else ""
        named = name if problem is Problem.LINE_BREAK else None
        self._tally.add(FileFault(self._file, line, named, problem, flaw.hints, header))

    def _half_row(self, line: int, record: Sequence[str]) -> None:
        hints = [("found", str(len(record))), ("expected", str(self._part.width))]
        if isinstance(record, Quoting) and record.last:
            hints.append(("last", str(record.last)))
        self._tally.add(FileFault(self._file, line, None, Problem.HALF_ROW, tuple(hints)))

    def _record(self, line: int, record: Sequence[str]) -> Sequence[Row]:
        """All that one record tells and that the records before it did not; nothing if any of it has a fault."""
        self._line, self._bad = line, False
        number: str | None = self._value("case_number", record)
        if self._bad:
            return ()
        if number != self._at_hand:
            self._seen.clear()
            self._at_hand = number
        elif len(self._seen) > _SEEN:
            self._forget_contacts()
        rows: list[Row] = []
        fresh: list[tuple[Any, ...]] = []
        for section, cells_of, make in self._sections:
            cells = cells_of(record)
            if self._case and section != "case" and number is not None and not any(cells):
                continue  # this line of the case says nothing of it
            key = (section, cells)
            if key not in self._seen:
                fresh.append(key)
                rows.extend(make(record, number))
        if self._bad:
            if number is not None:  # it may have been its client's row: one fault is enough
                self._cases.has_client(number)
            return ()
        self._seen.update(fresh)
        return rows

    def _forget_contacts(self) -> None:
        """A case with thousands of contacts is no reason to hold them all; a repeat is then told twice."""
        self._seen = {key for key in self._seen if key[0] != "contact"}
        if len(self._seen) > _SEEN // 2:
            self._seen.clear()

    def _value(self, name: str, record: Sequence[str], *, needed: bool = False) -> Any:
        """The value of a field, None if empty; a bad cell is told and spoils the record."""
        cell = self._cells.get(name)
        if cell is None:
            return None
        index, memo = cell
        value = memo[record[index]]
        if value is None and needed:
            value = MISSING
        if type(value) is Bad:
            self._tell(name, value.problem, **value.hints)
            return None
        return value

    def _tell(self, name: str, problem: Problem, **hints: str) -> None:
        self._bad = True
        cell = self._cells.get(name)
        header = ""
        if cell is not None:
            hints["column"] = str(cell[0] + 1)
            header = self._part.headers[cell[0]] if name in self._part.columns else ""
        self._tally.add(FileFault(self._file, self._line, name, problem, tuple(hints.items()), header))

    def _needs_case(self, number: str | None) -> bool:
        if number is None:
            self._tell("case_number", Problem.MISSING_VALUE)
            return False
        if self._full and not self._case and not self._cases.knows(number):
            self._tell("case_number", Problem.CASE_NOT_IN_EXPORT)
            return False
        return True

    def _case_row(self, record: Sequence[str], number: str | None) -> Sequence[Row]:
        if number is None:
            if not self._contact:
                self._needs_case(number)
            return ()  # a directory row of staying classes: the contact says whether it may
        value = self._value
        phase = value("case.phase", record, needed=True)
        opened = value("case.opened_on", record)
        closed = value("case.closed_at", record)
        if "case.closed_only_if" in self._cells:
            if not value("case.closed_only_if", record):
                closed = None
            elif closed is None and not self._bad:
                value("case.closed_at", record, needed=True)
        recorded = value("case.recorded", record)
        service = value("case.service", record)
        days = [value(f"case.{name}", record) for name in ("transferred_on", "monitoring_from", "plan_counts_from")]
        # A reopened case may have a new start after its old closure.
        ended = closed if phase is Phase.CLOSED else None
        if ended is not None and opened is not None and ended < datetime.combine(opened, time(), self._zone):
            self._tell("case.closed_at", Problem.ENDS_BEFORE_START)
        if self._bad:
            return ()
        if self._full:
            new, other = self._cases.note(number, self._file, self._line, (phase, closed, recorded, *days))
            if other is not None:
                self._tell("case.phase", Problem.CONTRADICTION, other=other)
            if not new:
                return ()
        return (CaseRow(self._line, number, phase, opened, closed, recorded, service, *days),)

    def _contact_rows(self, record: Sequence[str], number: str | None) -> Sequence[Row]:
        value = self._value
        found = [(text, name) for name in self._values if (text := value(name, record)) is not None]
        if not found:
            if self._bad:
                return ()
            if number is None:
                self._needs_case(number)
            elif not self._case:
                value(self._values[0], record, needed=True)
            return ()
        kind: ContactClass | None = value("contact.class", record, needed=True)
        person = value("contact.person", record)
        former = value("contact.former_since", record)
        sure = value("contact.linked", record) is not False
        if kind is None or self._bad:
            return ()
        if number is None:
            if kind not in STAYING_CLASSES:
                self._tell("case_number", Problem.CONTACT_WITHOUT_CASE)
                return ()
        elif not self._needs_case(number):
            return ()
        elif kind is ContactClass.CLIENT:
            self._cases.has_client(number)
        at = self._cells
        return [ContactRow(self._line, number, person, kind, text, former, sure, at[name][0]) for text, name in found]

    def _assignment_row(self, record: Sequence[str], number: str | None) -> Sequence[Row]:
        value = self._value
        start = value("assignment.from", record)
        until = value("assignment.until", record)
        role = value("assignment.role", record)
        needed = not self._case or start is not None or until is not None
        worker = value("assignment.worker", record, needed=needed)
        if worker is None or self._bad or not self._needs_case(number):
            return ()
        if start is None:
            value("assignment.from", record, needed=True)
            return ()
        if until is not None and until < start:
            self._tell("assignment.until", Problem.ENDS_BEFORE_START)
            return ()
        return (AssignmentRow(self._line, number or "", worker, role or "", start, until),)

    def _moment_rows(self, record: Sequence[str], number: str | None) -> Sequence[Row]:
        value = self._value
        days = [day for name in self._days if (day := value(name, record)) is not None]
        if self._bad or (not days and not self._only_moments):
            return ()  # this line tells something else, and plans nothing
        if not days:
            value(self._days[0], record, needed=True)
        worker = value("moment.worker", record, needed=True)
        if self._bad or not self._needs_case(number):
            return ()
        return [MomentRow(self._line, number or "", worker, day) for day in days]
