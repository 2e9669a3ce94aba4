"""Usage feeds in CSV and XLSX: a file is opened, checked and read as batches of rows; nothing is classified or kept.

Memory does not grow with the file. Columns of what was said or written, and of names, are never read; that they were
there is told. Faults are values, never content; a row with a fault gives no row at all.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from server.core.usage.model import Counterparty, Direction, Use
from server.sources.cells import MAX_CELL, MISSING, Always, Bad, Memo, Once
from server.sources.mapping import UnknownHeaders, normal
from server.sources.rows import FileFault, Problem
from server.sources.tables import (
    ANY_COLUMN,
    Block,
    Flaw,
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
from server.sources.usage_mapping import Amount, Unit, UsageMapping, is_content

BATCH = 5_000
"""Records in one batch."""
KEPT_FAULTS = 200
_EARLIEST = date(2005, 1, 1)
_AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_TIME = r"(?:[ T]\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,6})?)?"
_STAMP = re.compile(rf"(\S{{10}}){_TIME}")
_SPACE = re.compile(r"\s")
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d\d)")
_MOST = 10**12
"""No sum of a day comes near this many seconds, bytes or pieces."""
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
    unread: frozenset[int]
    """Columns of what was said or written, in which lines may stand."""


@dataclass(frozen=True, slots=True)
class OpenUsage:
    """A feed's files that were looked at.

    digest: SHA-256 over files and mapping, hex: the same digest is the same file come again. dropped: for each file the
    columns that are never read (numbers from 1) because of what stands above them.
    """

    mapping: UsageMapping
    files: tuple[str, ...]
    digest: str
    faults: tuple[FileFault, ...]
    dropped: tuple[tuple[str, int], ...]
    today: date
    parts: tuple[_Part, ...] = field(repr=False)
    speaks_for: tuple[date, date] | None = None
    """Days of which nothing more is to be said, also where there is no row; None: those of its rows."""


def open_usage(paths: Sequence[Path], mapping: UsageMapping, *, today: date) -> OpenUsage:
    """Look at every file once: encoding, header, bounds. Never raises for what a file holds. today: in Amsterdam."""
    faults: list[FileFault] = []
    dropped: list[tuple[str, int]] = []
    parts: list[_Part] = []
    digest = hashlib.sha256(mapping.model_dump_json().encode())
    for path in paths:
        try:
            table = open_table(path, mapping.encoding)
            digest.update(table.digest)
            part, found, columns = _recognise(table, mapping)
        except Unfit as unfit:
            faults.append(FileFault(path.name, unfit.line, None, unfit.problem, unfit.hints))
            continue
        faults.extend(found)
        dropped.extend((path.name, column) for column in columns)
        if part is not None:
            parts.append(part)
    names = tuple(path.name for path in paths)
    return OpenUsage(mapping, names, digest.hexdigest(), tuple(faults), tuple(dropped), today, tuple(parts))


def open_records(
    table: RecordTable, mapping: UsageMapping, *, today: date, speaks_for: tuple[date, date] | None = None
) -> OpenUsage:
    """The same for records that are in memory already. Never raises for what they hold."""
    digest = hashlib.sha256(mapping.model_dump_json().encode())
    digest.update(repr(speaks_for).encode() + table.digest)
    part, faults, columns = _recognise(table, mapping)
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
            yield UsageBatch(columns, *reader.take(), share=(before + done) / total)
        before += part.table.stamp.size


# --- the header -----------------------------------------------------------------------------------------------------


def _recognise(table: Table, mapping: UsageMapping) -> tuple[_Part | None, list[FileFault], list[int]]:
    best: tuple[int, _Part, list[FileFault], list[int]] | None = None
    for delimiter, line, header in _headers(table, mapping):
        columns, faults, dropped = _fit(table.path.name, line, header, mapping)
        if best is None or len(faults) - len(columns) < best[0]:
            part = _Part(table, delimiter, line, len(header), columns, frozenset(column - 1 for column in dropped))
            best = len(faults) - len(columns), part, faults, dropped
    if best is None:
        return None, [FileFault(table.path.name, None, None, Problem.EMPTY)], []
    return (None if best[2] else best[1]), best[2], best[3]


def _headers(table: Table, mapping: UsageMapping) -> Iterator[tuple[str, int, list[str]]]:
    said = said_delimiter(table)
    tried = ("",) if isinstance(table, SheetTable | RecordTable) else (said,) if said else delimiters(mapping.delimiter)
    for delimiter in tried:
        for line, _, record in records(table, delimiter, ANY_COLUMN):
            if said and line == 1:
                continue
            if isinstance(record, Flaw):
                if len(tried) == 1:
                    raise Unfit(record.problem, line, **dict(record.hints))
                break
            if any(cell.strip() for cell in record):
                yield delimiter, line, list(record)
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
    dropped = [index + 1 for index, text in enumerate(header) if index not in used and is_content(text)]
    if mapping.unknown_headers is UnknownHeaders.REFUSE:
        for index, text in enumerate(names):
            known = index in used or index + 1 in dropped or text in mapping.ignored
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
            "usage.class": _meaning(mapping.words.classes, Problem.UNKNOWN_CLASS),
            "usage.case_number": _plain,
            "usage.channel": _plain,
            "usage.app": _plain,
            "usage.direction": _or(_meaning(mapping.words.directions, Problem.UNKNOWN_DIRECTION), Direction.UNKNOWN),
            "usage.use": _meaning(mapping.words.uses, Problem.UNKNOWN_USE),
            "usage.samples": _or(_amount(Unit.PIECES), 0),
        }
        self._cells: dict[str, tuple[int, Memo]] = {}
        for name, column in mapping.fields:
            parse = parsers.get(name) or _amount_of(mapping.amounts[int(name.rpartition(".")[2]) - 1])
            if column.always is not None:
                self._cells[name] = (0, Always(parse(column.always)))
            elif name in part.columns:
                self._cells[name] = (part.columns[name], (Once if name == "usage.number" else _Column)(parse))
        nothing = {"class": None, "use": None, "direction": Direction.UNKNOWN, "samples": 0}
        names = ("subject", "day", "number", "class", "case_number", "channel", "app", "direction", "use", "samples")
        self._plan = [self._cells.get(f"usage.{name}", (0, Always(nothing.get(name, "")))) for name in names]
        self._names = [f"usage.{name}" for name in names]
        self._amounts = [
            self._cells.get(f"usage.amount.{n}", (0, Always(1 if amount.column is None else 0)))
            for n, amount in enumerate(mapping.amounts, start=1)
        ]

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
        if columns is None or len(columns) != self._part.width:
            return None
        found: list[Any] = [block.lines]
        for (at, memo), name in zip(
            (*self._plan, *self._amounts), (*self._names, *("" for _ in self._amounts)), strict=True
        ):
            if isinstance(memo, Always):
                values: list[Any] = [memo[""]] * len(block.lines)
            elif name == "usage.day":
                values = self._days.ordinals(columns[at]) or list(map(memo.__getitem__, columns[at]))
            elif isinstance(memo, Once):
                values = _plain_texts(columns[at])
            else:
                values = list(map(memo.__getitem__, columns[at]))
            if (not isinstance(memo, _Column) or memo.bad) and Bad in map(type, values):
                return None
            found.append(values)
        return Columns._make([*found[:10], found[11:], found[10]])

    def _one_by_one(self, block: Block) -> Columns:
        """The sound rows of a block; what is wrong with the others is told."""
        rows: list[RawUse] = []
        width = self._part.width
        for line, record in block.records():
            if isinstance(record, Flaw):
                self._add(FileFault(self._file, line, None, record.problem, record.hints))
                continue
            if len(record) != width:
                if any(record):
                    hints = (("found", str(len(record))), ("expected", str(width)))
                    self._add(FileFault(self._file, line, None, Problem.HALF_ROW, hints))
                continue
            *values, samples = [memo[record[at]] for at, memo in self._plan]
            row = RawUse._make([line, *values, tuple([memo[record[at]] for at, memo in self._amounts]), samples])
            if Bad in map(type, row) or Bad in map(type, row.amounts):
                if any(record):
                    self._tell(row)
                continue
            rows.append(row)
        return columns_of(rows, len(self._amounts))

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


# --- cells ----------------------------------------------------------------------------------------------------------


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
        self._forms = tuple(dict.fromkeys((*mapping.dates, "%Y-%m-%d", "%Y-%m-%d %H:%M:%S")))
        self._zone = mapping.zone
        self._today = today
        self._local = mapping.zone == _AMSTERDAM
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
        for form in self._forms:
            try:
                moment = datetime.strptime(text, form)  # noqa: DTZ007  the zone follows
            except ValueError:
                continue
            if "%H" in form or moment.tzinfo is not None:
                aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)
                moment = aware.astimezone(_AMSTERDAM)
            day = moment.date()
            if day < _EARLIEST:
                low, high = _EARLIEST.isoformat(), self._today.isoformat()
                return Bad(Problem.ABSURD_DATE, low=low, high=high)
            if day > self._today:
                return Bad(Problem.FUTURE_DAY)
            return day.toordinal()
        return Bad(Problem.BAD_DATE, formats=", ".join(self._forms))


_FACTORS: Mapping[Unit, int] = {
    Unit.PIECES: 1,
    Unit.SECONDS: 1,
    Unit.MINUTES: 60,
    Unit.BYTES: 1,
    Unit.KILOBYTES: 1_000,
    Unit.MEGABYTES: 1_000_000,
}


def _amount_of(amount: Amount) -> Callable[[str], Any]:
    parse = _amount(amount.unit)
    return _or(parse, 0) if amount.column is not None and amount.column.optional else _needed(parse)


def _amount(unit: Unit) -> Callable[[str], Any]:
    wrong = Bad(Problem.NOT_AN_AMOUNT, unit=unit.value)

    def parse(cell: str) -> int | Bad | None:
        text = cell.strip().replace(",", ".")
        if not text:
            return None
        if text.startswith("-"):
            return Bad(Problem.NEGATIVE_AMOUNT)
        found = _clock(text) if unit is Unit.CLOCK else _number(text, unit)
        return wrong if found is None or found > _MOST else found

    return parse


def _clock(text: str) -> int | None:
    """4:31 and 1:04:31 in seconds."""
    parts = _CLOCK.fullmatch(text)
    if parts is None or int(parts[3]) > 59 or (parts[1] is not None and int(parts[2]) > 59):
        return None
    return (int(parts[1] or 0) * 60 + int(parts[2])) * 60 + int(parts[3])


def _number(text: str, unit: Unit) -> int | None:
    try:
        value = Decimal(text) * _FACTORS[unit]
    except InvalidOperation:
        return None
    whole = value.is_finite() and (unit is not Unit.PIECES or value == value.to_integral_value())
    return int(value) if whole else None
