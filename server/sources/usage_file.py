"""Usage feeds in CSV, XLSX and JSON: a file is opened, checked and read as batches of rows; nothing is classified.

Memory does not grow with the file. Columns of what was said or written, and of names, are never read; that they were
there is told. Faults are values, never content; a row with a fault gives no row at all.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import compress, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from server.core.days import AMSTERDAM
from server.core.usage.model import Counterparty, Direction, Use
from server.sources.amounts import NUMERIC, amount_of, pieces
from server.sources.cells import MAX_CELL, MISSING, Always, Bad, Memo, Once
from server.sources.file_period import Days, days_in
from server.sources.json_rows import SUFFIXES, json_table
from server.sources.mapping import UnknownHeaders, normal
from server.sources.rows import FileFault, Problem
from server.sources.tables import (
    ANY_COLUMN,
    Block,
    Flaw,
    Numeric,
    RecordTable,
    SheetTable,
    Table,
    Unfit,
    blocks,
    delimiters,
    open_table,
    records,
    said_delimiter,
)
from server.sources.usage_mapping import Corrections, LateRows, RowRule, UsageMapping, is_content

BATCH = 5_000
"""Records in one batch."""
KEPT_FAULTS = 200
_EARLIEST = date(2005, 1, 1)
_TIME = r"(?:[ T]\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,6})?(?: ?[AaPp]\.?[Mm]\.?)?)?"
_STAMP = re.compile(rf"(\S{{10}}){_TIME}")
_SPACE = re.compile(r"\s")
_HALF = re.compile(r"\b([aApP])\.?m\.?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RawUse(NamedTuple):
    """One row of a feed, before it is classified: it lives no longer than its batch.

    subject: device or account as the feed calls it. day: its ordinal, in Amsterdam. number: with whom, as written;
    "" if it does not say. party: with what class, if it says that. case: a case number, or "". channel, app: as the
    feed calls them. amounts: one for each amount of the mapping, in counting units.
    """

    line: int
    subject: str
    day: int
    number: str
    party: Counterparty | None
    case: str
    channel: str
    app: str
    direction: Direction
    use: Use | None
    amounts: tuple[int, ...]
    samples: int

    def __repr__(self) -> str:
        return f"RawUse(line={self.line})"


class Columns(NamedTuple):
    """Some rows, field by field, each as in RawUse; all of one length. A feed is millions of rows, and an object for
    each of them costs more than reading it.
    """

    lines: Sequence[int]
    subjects: Sequence[str]
    days: Sequence[int]
    numbers: Sequence[str]
    parties: Sequence[Counterparty | None]
    cases: Sequence[str]
    channels: Sequence[str]
    apps: Sequence[str]
    directions: Sequence[Direction]
    uses: Sequence[Use | None]
    amounts: Sequence[Sequence[int]]
    """One column for each amount of the mapping."""
    samples: Sequence[int]

    def __repr__(self) -> str:
        return f"Columns({len(self.lines)} rows)"

    def rows(self) -> list[RawUse]:
        """The same, row by row."""
        amounts = zip(*self.amounts, strict=True)
        return [RawUse._make(row) for row in zip(*self[:10], amounts, self.samples, strict=True)]


def columns_of(rows: Sequence[RawUse], amounts: int) -> Columns:
    """Rows as columns. amounts: how many each row has."""
    if not rows:
        return Columns((), (), (), (), (), (), (), (), (), (), ((),) * amounts, ())
    found: list[Any] = list(zip(*rows, strict=True))
    found[10] = list(zip(*found[10], strict=True))
    return Columns._make(found)


@dataclass(frozen=True, slots=True)
class UsageBatch:
    """Some rows of one file in its order, and the faults met on the way. share: of all files, how much was read."""

    columns: Columns = field(repr=False)
    faults: Sequence[FileFault] = ()
    fault_count: int = 0
    share: float = 1.0
    passed: int = 0
    """Lines that are no rows of ours: left out by a rule, feet, and other legs of a call."""

    @property
    def rows(self) -> Sequence[RawUse]:
        """Row by row."""
        return self.columns.rows()


@dataclass(frozen=True, slots=True)
class _Part:
    table: Table
    delimiter: str
    header_line: int
    width: int
    columns: Mapping[str, int]
    """Of each field, of each rule about rows, and of what legs of one call agree in."""
    unread: frozenset[int]
    """Columns of what was said or written, in which lines may stand."""
    period: Days | None = None
    """Of which days it is."""


@dataclass(frozen=True, slots=True)
class OpenUsage:
    """A feed's files that were looked at.

    digest: SHA-256 over files, mapping and period, hex: the same digest is the same file come again. dropped: for each
    file the columns that are never read (numbers from 1) because of what stands above them.
    """

    mapping: UsageMapping
    files: tuple[str, ...]
    digest: str
    faults: tuple[FileFault, ...]
    dropped: tuple[tuple[str, int], ...]
    today: date
    parts: tuple[_Part, ...] = field(repr=False)
    speaks_for: Days | None = None
    """Days of which nothing more is to be said, also where there is no row; None: nobody has said of which it is."""
    repeated: tuple[str, ...] = ()
    """Files that were given twice: each is read once."""


def open_usage(
    paths: Sequence[Path], mapping: UsageMapping, *, today: date, period: Days | None = None, parts: bool = False
) -> OpenUsage:
    """Look at every file once: encoding, header, bounds, period. Never raises for what a file holds.

    today: in Amsterdam. period: of which days the files are, if somebody says so; else they say it themselves, or
    nothing does. parts: the files are parts of one, and together all there is of those days.
    """
    faults: list[FileFault] = []
    dropped: list[tuple[str, int]] = []
    read: list[_Part] = []
    known: dict[bytes, str] = {}
    repeated: list[str] = []
    digest = hashlib.sha256(mapping.model_dump_json().encode())
    for path in paths:
        try:
            table = _open(path, mapping)
            if table.digest in known:
                repeated.append(path.name)
                continue
            known[table.digest] = path.name
            digest.update(table.digest)
            part, found, columns = _recognise(table, mapping, period)
        except Unfit as unfit:
            faults.append(FileFault(path.name, unfit.line, None, unfit.problem, unfit.hints))
            continue
        faults.extend(found)
        dropped.extend((path.name, column) for column in columns)
        if part is not None:
            read.append(part)
    if not faults:
        faults += _overlaps(read, parts=parts) or (fault for part in read for fault in _absurd(part, today))
    names = tuple(path.name for path in paths)
    periods = [part.period for part in read if part.period is not None]
    span = (min(first for first, _ in periods), max(last for _, last in periods)) if periods else None
    if len(periods) < len(read):
        span = None
    digest.update(repr(span).encode())
    return OpenUsage(
        mapping, names, digest.hexdigest(), tuple(faults), tuple(dropped), today, tuple(read), span, tuple(repeated)
    )


def _open(path: Path, mapping: UsageMapping) -> Table:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES and mapping.records is not None:
        headers = [header for _, column in mapping.fields for header in column.headers]
        headers += [header for _, rule in mapping.conditions for header in rule.column.headers]
        return json_table(path, mapping.records, (*headers, *(mapping.legs.same if mapping.legs else ())))
    return open_table(path, mapping.encoding, mapping.sheet if suffix != ".csv" else None)


_LONGEST = 732
"""Days in a period: two years."""


def _absurd(part: _Part, today: date) -> Iterator[FileFault]:
    """What is wrong with a period by itself."""
    if part.period is None:
        return
    first, last = part.period
    name = part.table.path.name
    if last > today:
        yield FileFault(name, None, None, Problem.FUTURE_PERIOD, (("last", str(last)),))
    if (last - first).days >= _LONGEST or first < _EARLIEST:
        hints = (("low", _EARLIEST.isoformat()),)
        yield FileFault(name, None, None, Problem.LONG_PERIOD, hints)


def _overlaps(found: Sequence[_Part], *, parts: bool) -> list[FileFault]:
    """Files of one command that are of the same days, or leave days out between them."""
    ordered = sorted((part for part in found if part.period is not None), key=lambda part: part.period or ())
    faults = []
    for before, part in pairwise(ordered):
        first, last = part.period or (date.min, date.max)
        ended = (before.period or (first, first))[1]
        hints = (("other", before.table.path.name), ("first", str(first)), ("last", str(last)))
        if first <= ended and not parts:
            faults.append(FileFault(part.table.path.name, None, None, Problem.PERIODS_OVERLAP, hints))
        if (first - ended).days > 1:
            faults.append(FileFault(part.table.path.name, None, None, Problem.PERIODS_APART, hints[:1]))
    return faults


def open_records(
    table: RecordTable, mapping: UsageMapping, *, today: date, speaks_for: Days | None = None
) -> OpenUsage:
    """The same for records that are in memory already. Never raises for what they hold."""
    part, faults, columns = _recognise(table, mapping, speaks_for)
    if part is not None:
        speaks_for = part.period
        faults += _absurd(part, today)
    digest = hashlib.sha256(mapping.model_dump_json().encode())
    digest.update(repr(speaks_for).encode() + table.digest)
    dropped = tuple((table.path.name, column) for column in columns)
    parts = () if part is None else (part,)
    return OpenUsage(mapping, (table.path.name,), digest.hexdigest(), tuple(faults), dropped, today, parts, speaks_for)


def read_usage(feed: OpenUsage) -> Iterator[UsageBatch]:
    """The rows of a feed; the first batch carries the faults of its files. A table that breaks off has a fault last."""
    if feed.faults:
        yield UsageBatch(columns_of((), len(feed.mapping.amounts)), feed.faults, len(feed.faults), 0.0)
    total = sum(part.table.stamp.size for part in feed.parts) or 1
    before = 0
    for part in feed.parts:
        reader = _Reader(part, feed)
        for columns, done in reader.batches():
            passed, reader.passed = reader.passed, 0
            yield UsageBatch(columns, *reader.take(), share=(before + done) / total, passed=passed)
        before += part.table.stamp.size


# --- the header -----------------------------------------------------------------------------------------------------


def _recognise(
    table: Table, mapping: UsageMapping, period: Days | None
) -> tuple[_Part | None, list[FileFault], list[int]]:
    best: tuple[int, _Part, list[FileFault], list[int]] | None = None
    head: list[str] = []
    for delimiter, line, header in _headers(table, mapping, head):
        columns, faults, dropped = _fit(table.path.name, line, header, mapping)
        if best is None or len(faults) - len(columns) < best[0]:
            part = _Part(table, delimiter, line, len(header), columns, frozenset(column - 1 for column in dropped))
            best = len(faults) - len(columns), part, faults, dropped
    if best is None:
        return None, [FileFault(table.path.name, None, None, Problem.EMPTY)], []
    _, part, faults, dropped = best
    said, unclear = _said_period(part, mapping, head, period)
    faults += unclear
    return (None if faults else replace(part, period=said)), faults, dropped


def _said_period(
    part: _Part, mapping: UsageMapping, head: Sequence[str], period: Days | None
) -> tuple[Days | None, list[FileFault]]:
    """Of which days a file is: what its name and head say, within which somebody may say less."""
    name = part.table.path.name
    said = days_in(name, mapping.period.in_file_name)
    said |= frozenset(days for text in head for days in days_in(text, mapping.period.in_head))
    if len(said) > 1:
        return None, [FileFault(name, None, None, Problem.UNCLEAR_PERIOD)]
    itself = next(iter(said), None)
    if itself is None or period is None:
        return period or itself, []
    if itself[0] <= period[0] and period[1] <= itself[1]:
        return period, []
    hints = (("first", str(itself[0])), ("last", str(itself[1])))
    return None, [FileFault(name, None, None, Problem.OTHER_PERIOD, hints)]


def _headers(table: Table, mapping: UsageMapping, head: list[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Lines that may be the header: as many filled ones as may stand above it, and one. head: gets their texts."""
    said = said_delimiter(table)
    tried = ("",) if isinstance(table, SheetTable | RecordTable) else (said,) if said else delimiters(mapping.delimiter)
    for delimiter in tried:
        seen = 0
        for line, _, record in records(table, delimiter, ANY_COLUMN):
            if said and line == 1:
                continue
            if isinstance(record, Flaw):
                if len(tried) == 1 and not mapping.preamble:
                    raise Unfit(record.problem, line, **dict(record.hints))
                if not mapping.preamble:
                    break
            elif any(cell.strip() for cell in record):
                head.append(" ".join(cell.strip() for cell in record if cell.strip()))
                yield delimiter, line, list(record)
            filled = isinstance(record, Flaw) or any(cell.strip() for cell in record)
            seen += filled
            if seen > mapping.preamble:
                break


def _fit(
    file: str, line: int, header: Sequence[str], mapping: UsageMapping
) -> tuple[dict[str, int], list[FileFault], list[int]]:
    """Field -> index of its column, what is wrong with the header, and the columns that are never read."""
    names = [normal(cell) for cell in header]
    faults: list[FileFault] = []
    columns: dict[str, int] = {}
    for name, column in mapping.fields:
        wanted = {normal(text) for text in column.headers}
        found = [index for index, text in enumerate(names) if text in wanted]
        if len(found) > 1:
            where = (("column", str(found[1] + 1)), ("other", str(found[0] + 1)))
            faults.append(FileFault(file, line, name, Problem.DUPLICATE_HEADER, where))
        if found:
            columns[name] = found[0]
        elif column.headers and not column.optional:
            accepted = (("headers", " / ".join(column.headers)),)
            faults.append(FileFault(file, line, name, Problem.MISSING_COLUMN, accepted))
    used = set(columns.values())
    looked_at: list[tuple[str, Sequence[str], bool]] = [
        (name, rule.column.headers, rule.column.optional) for name, rule in mapping.conditions
    ]
    if mapping.legs is not None:
        looked_at += [(f"usage.legs.{n}", [header], False) for n, header in enumerate(mapping.legs.same, start=1)]
    for name, headers, optional in looked_at:
        wanted = {normal(text) for text in headers}
        found = [index for index, text in enumerate(names) if text in wanted]
        if found:
            columns[name] = found[0]
        elif not optional:
            faults.append(FileFault(file, line, name, Problem.MISSING_COLUMN, (("headers", " / ".join(headers)),)))
    dropped = [index + 1 for index, text in enumerate(header) if index not in used and is_content(text)]
    if mapping.unknown_headers is UnknownHeaders.REFUSE:
        for index, text in enumerate(names):
            known = index in used or index + 1 in dropped or text in mapping.ignored | mapping.named
            if text and not known:
                faults.append(FileFault(file, line, None, Problem.UNKNOWN_HEADER, (("column", str(index + 1)),)))
    return columns, faults, dropped


# --- rows -----------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads one table: a memo for each column, so that what repeats is worked out once."""

    def __init__(self, part: _Part, feed: OpenUsage) -> None:
        self._part, self._feed = part, feed
        self._file = part.table.path.name
        self._kept: list[FileFault] = []
        self._count = 0
        self._kinds: Counter[tuple[str | None, Problem]] = Counter()
        mapping = feed.mapping
        self._days = _Days(mapping, feed.today)
        parsers: dict[str, Callable[[str], Any]] = {
            "usage.subject": _needed(_text),
            "usage.day": _needed(self._days.ordinal),
            "usage.number": _plain,
            "usage.a_number": _plain,
            "usage.b_number": _plain,
            "usage.class": _meaning(mapping.words.classes, Problem.UNKNOWN_CLASS),
            "usage.case_number": _plain,
            "usage.channel": _channel_of_host(mapping.domains) if mapping.domains else _plain,
            "usage.app": _plain,
            "usage.direction": _or(_meaning(mapping.words.directions, Problem.UNKNOWN_DIRECTION), Direction.UNKNOWN),
            "usage.use": _meaning({**mapping.words.uses, None: mapping.words.use_unsaid}, Problem.UNKNOWN_USE),
            "usage.samples": _or(pieces, 0),
        }
        self._cells: dict[str, tuple[int, Memo]] = {}
        for name, column in mapping.fields:
            parse = parsers.get(name) or amount_of(mapping, mapping.amounts[int(name.rpartition(".")[2]) - 1])
            if column.always is not None:
                self._cells[name] = (0, Always(parse(column.always)))
            elif name in part.columns:
                self._cells[name] = (part.columns[name], (Once if name in _NUMBERS else _Column)(parse))
        nothing = {"class": None, "use": None, "direction": Direction.UNKNOWN, "samples": 0}
        names = ("subject", "day", "number", "class", "case_number", "channel", "app", "direction", "use", "samples")
        self._plan = [self._cells.get(f"usage.{name}", (0, Always(nothing.get(name, "")))) for name in names]
        self._names = [f"usage.{name}" for name in names]
        self._amounts = [
            self._cells.get(f"usage.amount.{n}", (0, Always(1 if amount.column is None else 0)))
            for n, amount in enumerate(mapping.amounts, start=1)
        ]
        self._rules = _Rules(part, mapping)
        self._legs = _Legs(part, self._rules, self._plan[7]) if mapping.legs is not None else None
        self._corrects = mapping.corrections is Corrections.SUBTRACT
        self._counts = [amount.column is None for amount in mapping.amounts]
        self._numeric = isinstance(part.table, SheetTable | RecordTable)
        self._sides = None
        if mapping.columns.a_number is not None:
            self._sides = self._cells["usage.a_number"], self._cells["usage.b_number"]
        self._late = mapping.late_rows is LateRows.ADD
        self._first, self._last = (day.toordinal() for day in part.period or (date.min, date.max))
        self.passed = 0
        """Rows that are not meant: by a rule, as a foot, or as another leg of a call."""

    def take(self) -> tuple[tuple[FileFault, ...], int]:
        """The faults not yet taken, and how many were met since."""
        kept, count = tuple(self._kept), self._count
        self._kept, self._count = [], 0
        return kept, count

    def batches(self) -> Iterator[tuple[Columns, int]]:
        """Rows of up to BATCH records, and the bytes read so far."""
        part = self._part
        count = 0
        try:
            if self._legs is not None:
                self._legs.read()
            for block in blocks(part.table, part.delimiter, part.header_line, BATCH, part.unread):
                count += len(block.lines)
                columns = self._all_sound(block)
                yield (self._one_by_one(block) if columns is None else columns), block.done
        except Unfit as unfit:
            self._add(FileFault(self._file, unfit.line, None, unfit.problem, unfit.hints))
        else:
            if not count and self._feed.speaks_for is None:
                self._add(FileFault(self._file, None, None, Problem.NO_ROWS))
        if self._count:
            yield columns_of((), len(self._amounts)), part.table.stamp.size

    def _all_sound(self, block: Block) -> Columns | None:
        """A block column by column; None if anything in it is not as it should be: `_one_by_one` says what."""
        columns = block.as_columns()
        if columns is None or len(columns) != self._part.width or self._rules.may_be_foot(columns[0]):
            return None
        chosen = self._rules.choose(columns) if self._rules else [True] * len(block.lines)
        if chosen is None:
            return None
        lines = block.lines
        if self._legs is not None:
            chosen = self._legs.choose(columns, lines, chosen)
        left_out = chosen.count(False)
        if left_out:
            lines = list(compress(lines, chosen))
            columns = [list(compress(column, chosen)) for column in columns]
        found = self._chosen(lines, columns) if lines else columns_of((), len(self._amounts))
        self.passed += 0 if found is None else left_out
        return found

    def _chosen(self, lines: Sequence[int], columns: Sequence[Sequence[str]]) -> Columns | None:
        """The same of rows that are all meant."""
        found: list[Any] = [lines]
        for (at, memo), name in zip(self._plan, self._names, strict=True):
            if isinstance(memo, Always):
                values: list[Any] = [memo[""]] * len(lines)
            elif name == "usage.day":
                values = self._days.ordinals(columns[at]) or list(map(memo.__getitem__, columns[at]))
            elif isinstance(memo, Once):
                values = _plain_texts(columns[at])
            else:
                values = list(map(memo.__getitem__, columns[at]))
            if (not isinstance(memo, _Column) or memo.bad) and Bad in map(type, values):
                return None
            found.append(values)
        if self._sides is not None:
            sides = [_plain_texts(columns[at]) for at, _ in self._sides]
            if any(Bad in map(type, side) for side in sides):
                return None
            found[3] = list(map(_other_party, found[8], *sides))
        if not self._late and (min(found[2]) < self._first or max(found[2]) > self._last):
            return None
        amounts: list[Any] = [self._amounts_of(n, columns, len(lines)) for n in range(len(self._amounts))]
        if None in amounts:
            return None
        return Columns._make([*found[:10], self._corrected(amounts) if self._corrects else amounts, found[10]])

    def _amounts_of(self, n: int, columns: Sequence[Sequence[str]], rows: int) -> list[int] | None:
        """One amount of some rows, 0 of those that it is not counted of; None if one is none."""
        at, memo = self._amounts[n]
        applies = self._rules.applies(n, columns)
        if isinstance(memo, Always):
            each = memo[""]
            return [each] * rows if applies is None else [each if one else 0 for one in applies]
        cells: Sequence[str] = columns[at]
        if self._numeric:
            cells = [NUMERIC + cell if type(cell) is Numeric else cell for cell in cells]
        if applies is None:
            values = list(map(memo.__getitem__, cells))
        else:
            values = [memo[cell] if one else 0 for cell, one in zip(cells, applies, strict=True)]
        if (not isinstance(memo, _Column) or memo.bad) and Bad in map(type, values):
            return None
        return values

    def _corrected(self, amounts: list[Any]) -> list[Any]:
        """A row with an amount below zero takes back one of what it counts, too."""
        if not any(values and min(values) < 0 for values in amounts):
            return amounts
        below = [any(each < 0 for each in row) for row in zip(*amounts, strict=True)]
        return [
            [-value if counts and back else value for value, back in zip(values, below, strict=True)]
            for values, counts in zip(amounts, self._counts, strict=True)
        ]

    def _one_by_one(self, block: Block) -> Columns:
        """The sound rows of a block; what is wrong with the others is told."""
        rows: list[RawUse] = []
        width = self._part.width
        for line, record in block.records():
            if isinstance(record, Flaw):
                self._add(FileFault(self._file, line, None, record.problem, record.hints))
                continue
            if self._rules.is_foot(record):
                self.passed += 1
                continue
            if len(record) != width:
                if any(record):
                    hints = (("found", str(len(record))), ("expected", str(width)))
                    self._add(FileFault(self._file, line, None, Problem.HALF_ROW, hints))
                continue
            if self._is_meant(line, record):
                row = self._row(line, record)
                if row is not None:
                    rows.append(row)
        return columns_of(rows, len(self._amounts))

    def _is_meant(self, line: int, record: Sequence[str]) -> bool:
        """Whether a record is a row of ours; what its rules cannot tell is a fault, if there is anything in it."""
        meant = self._rules.chooses(record)
        if isinstance(meant, tuple):
            name, at, wrong = meant
            if any(record):
                hints = (*wrong.hints.items(), ("column", str(at + 1)))
                self._add(FileFault(self._file, line, name, wrong.problem, hints))
            return False
        if meant and self._legs is not None and any(record):
            meant = self._legs.counts(line, record)
        self.passed += not meant and any(record)
        return meant

    def _row(self, line: int, record: Sequence[str]) -> RawUse | None:
        *values, samples = [memo[record[at]] for at, memo in self._plan]
        amounts = []
        for n, (at, memo) in enumerate(self._amounts):
            applies = self._rules.applies_to(n, record)
            cell = record[at]
            cell = NUMERIC + cell if self._numeric and type(cell) is Numeric else cell
            amounts.append(memo[cell] if applies else 0)
        if self._sides is not None:
            a_side, b_side = (memo[record[at]] for at, memo in self._sides)
            wrong = next((side for side in (a_side, b_side) if type(side) is Bad), None)
            values[2] = wrong or _other_party(values[7], a_side, b_side)
        row = RawUse._make([line, *values, tuple(amounts), samples])
        if Bad in map(type, row) or Bad in map(type, row.amounts):
            if any(record):
                self._tell(row)
            return None
        if not self._late and not self._first <= row.day <= self._last:
            first, last = (date.fromordinal(day).isoformat() for day in (self._first, self._last))
            hints = (("column", str(self._plan[1][0] + 1)), ("first", first), ("last", last))
            self._add(FileFault(self._file, line, "usage.day", Problem.OUTSIDE_PERIOD, hints))
            return None
        if self._corrects:
            row = row._replace(amounts=tuple(each[0] for each in self._corrected([[each] for each in row.amounts])))
        return row

    def _tell(self, row: RawUse) -> None:
        order = (row.subject, row.day, row.number, row.party, row.case, row.channel, row.app, row.direction, row.use,
                 row.samples)  # fmt: skip
        values: list[tuple[str, Any]] = list(zip(self._names, order, strict=True))
        values += [(f"usage.amount.{n}", value) for n, value in enumerate(row.amounts, start=1)]
        for name, value in values:
            if type(value) is Bad:
                hints = dict(value.hints)
                if name in self._cells:
                    hints["column"] = str(self._cells[name][0] + 1)
                self._add(FileFault(self._file, row.line, name, value.problem, tuple(hints.items())))

    def _add(self, fault: FileFault) -> None:
        self._count += 1
        self._kinds[fault.field, fault.problem] += 1
        if sum(self._kinds.values()) <= KEPT_FAULTS or self._kinds[fault.field, fault.problem] <= 1:
            self._kept.append(fault)


class _Rules:
    """Which rows are meant, by the rules of a mapping, and of which each amount is counted."""

    def __init__(self, part: _Part, mapping: UsageMapping) -> None:
        self._foot = tuple(normal(text) for text in mapping.foot if normal(text))
        self._heads = Memo(self._begins_like_a_foot)
        self._all: list[tuple[str, int, _Column, bool]] = []
        self._of: list[tuple[str, int, _Column] | None] = [None] * len(mapping.amounts)
        for name, rule in mapping.conditions:
            if name not in part.columns:
                continue
            at, memo = part.columns[name], _Column(_chosen_by(rule))
            if name.startswith("usage.amount."):
                self._of[int(name.split(".")[2]) - 1] = (name, at, memo)
            else:
                self._all.append((name, at, memo, ".only_if." in name))
        self._each_has_one = all(self._of)

    def __bool__(self) -> bool:
        return bool(self._all) or any(self._of)

    def _begins_like_a_foot(self, cell: str) -> bool:
        text = normal(cell)
        return not text or text.startswith(self._foot)

    def may_be_foot(self, cells: Sequence[str]) -> bool:
        """Whether one of the first cells of some rows is empty, or begins as the foot of a file does."""
        return bool(self._foot) and any(map(self._heads.__getitem__, cells))

    def is_foot(self, record: Sequence[str]) -> bool:
        """Whether a line is the file's foot and no row."""
        if not self._foot:
            return False
        first = next((cell for cell in record if cell.strip()), "")
        return bool(first) and normal(first).startswith(self._foot)

    def choose(self, columns: Sequence[Sequence[str]]) -> list[bool] | None:
        """Of each of some rows whether it is meant; None if that cannot be told of one."""
        chosen = [True] * len(columns[0])
        for _, at, memo, wanted in self._all:
            values = list(map(memo.__getitem__, columns[at]))
            if memo.bad and Bad in map(type, values):
                return None
            chosen = [before and value is wanted for before, value in zip(chosen, values, strict=True)]
        if self._each_has_one:
            counted = [False] * len(chosen)
            for _, at, memo in filter(None, self._of):
                values = list(map(memo.__getitem__, columns[at]))
                if Bad in map(type, values):
                    return None
                counted = [before or value for before, value in zip(counted, values, strict=True)]
            chosen = [before and value for before, value in zip(chosen, counted, strict=True)]
        elif any(
            rule is not None and Bad in map(type, map(rule[2].__getitem__, columns[rule[1]])) for rule in self._of
        ):
            return None
        return chosen

    def chooses(self, record: Sequence[str]) -> bool | tuple[str, int, Bad]:
        """The same of one row; or which rule cannot tell, where, and why."""
        for name, at, memo, wanted in self._all:
            value = memo[record[at]]
            if type(value) is Bad:
                return name, at, value
            if value is not wanted:
                return False
        counted = not self._each_has_one
        for rule in self._of:
            if rule is not None:
                name, at, memo = rule
                value = memo[record[at]]
                if type(value) is Bad:
                    return name, at, value
                counted = counted or value
        return counted

    def applies(self, n: int, columns: Sequence[Sequence[str]]) -> list[bool] | None:
        """Of which of some chosen rows an amount is counted; None: of all."""
        rule = self._of[n]
        return None if rule is None else list(map(rule[2].__getitem__, columns[rule[1]]))

    def applies_to(self, n: int, record: Sequence[str]) -> bool:
        """Whether an amount is counted of a chosen row."""
        rule = self._of[n]
        return rule is None or rule[2][record[rule[1]]] is True


class _Legs:
    """Which of the rows of one call counts: the one that came in, since who was called on for is no call of the
    worker's own; else the first.
    """

    def __init__(self, part: _Part, rules: _Rules, direction: tuple[int, Memo]) -> None:
        self._part, self._rules, self._direction = part, rules, direction
        self._subject = part.columns.get("usage.subject", 0)
        names = [name for name in part.columns if name.startswith("usage.legs.")]
        self._same = [part.columns[name] for name in sorted(names)]
        self._best: dict[int, int] = {}

    def read(self) -> None:
        """Look through the file once: the legs of a call may stand anywhere in it. Raises Unfit."""
        part, best = self._part, self._best
        for block in blocks(part.table, part.delimiter, part.header_line, BATCH, part.unread):
            for line, record in block.records():
                if isinstance(record, Flaw) or len(record) != part.width or self._rules.is_foot(record):
                    continue
                if self._rules.chooses(record) is not True:
                    continue
                key = self._key(record)
                rank = line + (0 if self._direction[1][record[self._direction[0]]] is Direction.IN else 1 << 40)
                best[key] = min(rank, best.get(key, rank))

    def _key(self, record: Sequence[str]) -> int:
        return hash((record[self._subject].strip(), *[record[at].strip() for at in self._same]))

    def counts(self, line: int, record: Sequence[str]) -> bool:
        """Whether a row is the one of its call that counts. Where nothing tells which call it is of, it is one."""
        if not any(record[at].strip() for at in self._same):
            return True
        return self._best.get(self._key(record), line) & ((1 << 40) - 1) == line

    def choose(self, columns: Sequence[Sequence[str]], lines: Sequence[int], chosen: Sequence[bool]) -> list[bool]:
        """The same of each of some rows."""
        return [
            one and self.counts(line, record)
            for one, line, record in zip(chosen, lines, zip(*columns, strict=True), strict=True)
        ]


class _Column(Memo):
    """Remembers whether it ever met a bad cell, so that a column without any need not be looked through."""

    __slots__ = ("bad",)

    def __init__(self, parse: Callable[[str], Any]) -> None:
        super().__init__(parse)
        self.bad = False

    def __missing__(self, cell: str) -> Any:
        value = super().__missing__(cell)
        self.bad = self.bad or type(value) is Bad
        return value


_NUMBERS = frozenset(("usage.number", "usage.a_number", "usage.b_number"))


# --- cells ----------------------------------------------------------------------------------------------------------


def _other_party(direction: Direction, caller: str, called: str) -> str:
    """Whose number is the other one; "": nothing says who began."""
    return called if direction is Direction.OUT else caller if direction is Direction.IN else ""


def _chosen_by(rule: RowRule) -> Callable[[str], bool | Bad]:
    says, begins = frozenset(map(normal, rule.says)), tuple(filter(None, map(normal, rule.begins)))
    says_not = frozenset(map(normal, rule.says_not))

    def parse(cell: str) -> bool | Bad:
        word = normal(cell)
        if word in says or (begins and word.startswith(begins)):
            return True
        return False if not says_not or word in says_not or not word else Bad(Problem.UNKNOWN_CONDITION)

    return parse


def _channel_of_host(domains: Mapping[str, Sequence[str]]) -> Callable[[str], str | Bad]:
    """The channel of the longest listed domain that a host is in; "": of none."""
    channels = {domain.casefold(): channel for channel, each in domains.items() for domain in each}

    def parse(cell: str) -> str | Bad:
        host = _plain(cell)
        if isinstance(host, Bad):
            return host
        labels = host.casefold().rstrip(".").split(":")[0].split(".")
        names = (".".join(labels[n:]) for n in range(len(labels)))
        return next((channels[name] for name in names if name in channels), "")

    return parse


def _text(cell: str) -> str | Bad | None:
    text = cell.strip()
    if not text:
        return None
    if len(text) > MAX_CELL:
        return Bad(Problem.TOO_LONG, limit=str(MAX_CELL))
    return Bad(Problem.LINE_BREAK) if _CONTROL.search(text) else text


def _plain_texts(cells: Sequence[str]) -> list[Any]:
    """The same of many at once; where all can be printed and none is long, none of them is bad."""
    texts = list(map(str.strip, cells))
    if "".join(texts).isprintable() and max(map(len, texts), default=0) <= MAX_CELL:
        return texts
    return [_plain(cell) for cell in cells]


def _plain(cell: str) -> str | Bad:
    """Text, "" if there is none."""
    text = _text(cell)
    return "" if text is None else text


def _needed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def parsed(cell: str) -> Any:
        value = parse(cell)
        return MISSING if value is None else value

    return parsed


def _or(parse: Callable[[str], Any], otherwise: Any) -> Callable[[str], Any]:
    def parsed(cell: str) -> Any:
        value = parse(cell)
        return otherwise if value is None else value

    return parsed


def _meaning(table: Mapping[Any, Sequence[str]], problem: Problem) -> Callable[[str], Any]:
    meanings = {normal(word): meaning for meaning, words in table.items() for word in words}

    def parse(cell: str) -> Any:
        word = normal(cell)
        if word in meanings:
            return meanings[word]
        return None if not cell.strip() else Bad(problem)

    return parse


class _Days:
    """Days as the feed writes them, as ordinals of days in Amsterdam."""

    def __init__(self, mapping: UsageMapping, today: date) -> None:
        # A Z at the end of a time says that it is UTC, and is no letter of a form.
        said = [re.sub(r"(?<!%)Z$", "%z", form) for form in mapping.dates]
        self._forms = tuple(dict.fromkeys((*said, "%Y-%m-%d", "%Y-%m-%d %H:%M:%S")))
        self._halves = any("%p" in form for form in self._forms)
        self._zone = mapping.zone
        self._today = today
        self._local = mapping.zone == AMSTERDAM
        self._known = Memo(self._whole)
        self._heads = Memo(self._head)
        self._ends = Memo(re.compile(_TIME).fullmatch)

    def ordinal(self, cell: str) -> int | Bad | None:
        """The day; a time behind it is not looked at where it cannot change the day."""
        stamp = _STAMP.fullmatch(cell) if self._local else None
        if stamp is not None and len(cell) > len(stamp[1]):
            day: int | Bad | None = self._known[stamp[1]]
            if type(day) is int:
                return day
        found: int | Bad | None = self._known[cell] if len(cell) <= 10 else self._whole(cell)
        return found

    def ordinals(self, cells: Sequence[str]) -> list[Any] | None:
        """The days of many at once; None if they are not all plainly ten characters and a time: then each is looked at.

        Days and times repeat, and a day with its time hardly ever does.
        """
        if not self._local:
            return None
        ends = [cell[10:] for cell in cells]
        if all(map(self._ends.__getitem__, ends)):
            days = list(map(self._heads.__getitem__, [cell[:10] for cell in cells]))
            if None not in days:
                return days
        return None

    def _head(self, cell: str) -> int | None:
        """The day that ten characters are, whatever time comes behind them."""
        day = self._known[cell] if len(cell) == 10 and not _SPACE.search(cell) else None
        return day if type(day) is int else None

    def _whole(self, cell: str) -> int | Bad | None:
        text = cell.strip()
        if not text:
            return None
        if self._halves:
            text = _HALF.sub(r"\1m", text)
        days = {day for form in self._forms if (day := self._read(text, form)) is not None}
        if len(days) > 1:
            return Bad(Problem.AMBIGUOUS_DATE)
        for day in days:
            if day < _EARLIEST:
                low, high = _EARLIEST.isoformat(), self._today.isoformat()
                return Bad(Problem.ABSURD_DATE, low=low, high=high)
            return Bad(Problem.FUTURE_DAY) if day > self._today else day.toordinal()
        return Bad(Problem.BAD_DATE, formats=", ".join(self._forms))

    def _read(self, text: str, form: str) -> date | None:
        """The day in Amsterdam that a text is in one form; None: it is none."""
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007  the zone follows
        except ValueError:
            return None
        if "%H" in form or "%I" in form or moment.tzinfo is not None:
            try:
                aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)
                moment = aware.astimezone(AMSTERDAM)
            except OverflowError:
                return None
        return moment.date()
