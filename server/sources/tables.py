"""From the bytes of a CSV or XLSX to records of text with their lines; what the cells mean is not known here.

Every file is scanned before a cell is read: its encoding, NUL bytes and endless lines, and of a workbook what it
unpacks to, so that nothing larger than the bounds below ever reaches memory. A CSV of any size streams.

One line of a CSV is one record, unless quotes that fit to the letter (RFC 4180) say otherwise in a column that may hold
lines. A stray quote would else join rows, and give a case the number of another: what does not fit is a `Flaw` with
its line, and no cell of it is read.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import lzma
import re
import stat
import zipfile
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from server.sources.mapping import Delimiter, Encoding
from server.sources.rows import Problem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from typing_extensions import Buffer

MAX_LINE = 1 << 20
"""Bytes in one line of a CSV: longer is no table, or a quote that was never closed."""
MAX_RECORD_LINES = 100
"""Lines that one record may span through line breaks in quotes."""
MAX_ZIP = 64 << 20
"""Bytes of a workbook as it lies on disk."""
MAX_UNZIPPED = 400 << 20
"""Bytes that a workbook may unpack to, counted while unpacking: what the directory of a ZIP says may be a lie."""
MAX_RATIO = 250
"""Unpacked to packed, for members above 1 MB; sheets of real exports pack 10 to 60 times."""
MAX_CELLS = 3_000_000
"""Cells in the rectangle a sheet spans, some 90 bytes each in memory. A cell in the last corner of an empty sheet would
ask for 17 thousand million."""
_CHUNK = 1 << 20
_PLAIN_CHARACTERS = 1 << 17
"""Characters split at once: what comes of them stays in the processor's own memory, and four times as many do not."""
_MANY_CHARACTERS = 1 << 20
"""Characters of many rows at once, and the most that one record of several lines may have."""
_FIELD = csv.field_size_limit()
"""Characters in one cell that the csv module reads."""
_MAX_MARKS = 100_000
"""Lines with formulas, cells with errors, and merged ranges that are kept; a sheet with more is no export."""
_MIDNIGHT = timedelta(minutes=2)
"""Libraries in JavaScript write days up to a minute beside midnight: the clock of 1900 was not the hour's."""
_ERROR_CELL = "#ERROR!"
"""What an error of a spreadsheet reads as, whatever it was."""
_EXACT = 1e15
"""A spreadsheet keeps 15 digits."""
_SEPARATOR_LINE = re.compile(r"(\"?)sep=([^\"\w\r\n])\1\2*", re.IGNORECASE)
"""The line with which spreadsheets say what stands between cells; saved once more it has quotes, and empty cells."""
_RANGE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d+):\$?[A-Za-z]{1,3}\$?(\d+)")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
ANY_COLUMN: frozenset[int] | None = None
"""Any column may hold lines: so it is with the names of columns."""
_DELIMITERS = {Delimiter.SEMICOLON: ";", Delimiter.COMMA: ",", Delimiter.TAB: "\t"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ZIP_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    expat.ExpatError,
    ValueError,
    NotImplementedError,
    CalamineError,
)


class Unfit(Exception):
    """Reading ends here: the rest of this file says nothing."""

    def __init__(self, problem: Problem, line: int | None = None, **hints: object) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.line = line
        self.hints = tuple((key, str(value)) for key, value in hints.items())


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record that could not be told apart, or a cell in it that must not be read; reading goes on after it."""

    problem: Problem
    hints: tuple[tuple[str, str], ...] = ()


class Quoting(list[str]):
    """Cells of which a quoted one holds a delimiter or lines: two stray quotes look the same, and leave a cell less."""

    last = 0
    """The last of the lines it stands on; 0: it is the first."""


class Unended(list[str]):
    """Cells of the file's last line, which has no line break: the file may have been cut off in it."""


class Numeric(str):
    """A cell that a workbook keeps as a number: its point is no sign for thousands, whatever the country."""

    __slots__ = ()


Record = Sequence[str] | Flaw


@dataclass(frozen=True, slots=True)
class Block:
    """Some records, by row or by column.

    lines: of each record. done: the bytes (of a sheet: rows) read so far. columns: if all records were sound and of one
    width; then `rows` is empty.
    """

    lines: Sequence[int]
    done: int
    rows: Sequence[Record] = field(repr=False)
    columns: Sequence[Sequence[str]] | None = field(default=None, repr=False)

    def after(self, line: int) -> Block:
        """What comes after a line."""
        at = bisect_right(self.lines, line)
        columns = None if self.columns is None else [column[at:] for column in self.columns]
        return Block(self.lines[at:], self.done, self.rows[at:], columns)

    def records(self) -> Iterator[tuple[int, Record]]:
        """Each record with its line."""
        rows: Iterable[Record] = self.rows if self.columns is None else zip(*self.columns, strict=True)
        return zip(self.lines, rows, strict=True)

    def as_columns(self) -> Sequence[Sequence[str]] | None:
        """Column by column; None if a record is a Flaw, or of another width than the others."""
        if self.columns is not None:
            return self.columns
        try:
            return list(zip(*self.rows, strict=True))
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Stamp:
    """By which a file is known to be the one that was looked at."""

    size: int
    changed_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class TextTable:
    """A sound CSV file that was scanned."""

    path: Path
    stamp: Stamp
    digest: bytes = field(repr=False)
    encoding: str
    """A Python codec."""


@dataclass(frozen=True, slots=True)
class SheetMarks:
    """Cells of a sheet that hold no value of their own; lines and columns from 1.

    formulas: line -> the first column with one. errors: line -> columns. merged: first line, last line and column of
    cells that were merged with the one above them.
    """

    formulas: dict[int, int]
    errors: dict[int, list[int]]
    merged: list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class SheetTable:
    """One sheet of a sound workbook that was scanned, and what in it must not be read."""

    path: Path
    stamp: Stamp
    digest: bytes = field(repr=False)
    sheet: str | None = None
    marks: SheetMarks = field(default_factory=lambda: SheetMarks({}, {}, []), repr=False)


@dataclass(frozen=True, slots=True)
class RecordTable:
    """Records that a service told, or that a JSON file holds, as the rows of a table; they are in memory.

    path: what faults call it. rows: the header first. A record has no line of its own: its number stands for that.
    """

    path: Path
    stamp: Stamp
    digest: bytes = field(repr=False)
    rows: Sequence[Sequence[str]] = field(repr=False)


Table = TextTable | SheetTable | RecordTable


def open_table(path: Path, encoding: Encoding, sheet: str | None = None) -> Table:
    """Look at the whole file once, in bounded memory. Raises Unfit."""
    stamp = stamp_of(path)
    if stamp.size == 0:
        raise Unfit(Problem.EMPTY)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic == _ZIP_MAGIC:
                table: Table = _scan_workbook(path, file, stamp, sheet)
            elif magic == _OLE_MAGIC:
                raise Unfit(Problem.OLD_WORKBOOK)
            else:
                table = _scan_text(path, file, stamp, encoding)
    except OSError:
        raise Unfit(Problem.UNREADABLE) from None
    unchanged(table)
    return table


def stamp_of(path: Path) -> Stamp:
    """Size, time of last change and inode. Raises Unfit."""
    try:
        found = path.stat()
    except OSError:
        raise Unfit(Problem.UNREADABLE) from None
    if not stat.S_ISREG(found.st_mode):
        raise Unfit(Problem.UNREADABLE)
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)


def unchanged(table: Table) -> None:
    """Raises Unfit if the file is not the one that was looked at: it grew, or another took its place."""
    if isinstance(table, RecordTable):
        return
    if stamp_of(table.path) != table.stamp:
        raise Unfit(Problem.CHANGED_WHILE_READ)


def delimiters(chosen: Delimiter) -> tuple[str, ...]:
    """The characters to try."""
    return tuple(_DELIMITERS.values()) if chosen is Delimiter.AUTO else (_DELIMITERS[chosen],)


def said_delimiter(table: Table) -> str | None:
    """What the first line of a text says of itself that stands between cells; None: it says nothing. Raises Unfit."""
    if not isinstance(table, TextTable):
        return None
    with _text(table) as text:
        said = _SEPARATOR_LINE.fullmatch(text.readline(MAX_LINE).rstrip("\r\n"))
    return None if said is None else said[2]


def records(
    table: Table, delimiter: str, multiline: frozenset[int] | None = frozenset()
) -> Iterator[tuple[int, int, Record]]:
    """Every record with its line (the first is 1) and the bytes (of a sheet: rows) read so far. May raise Unfit.

    multiline: the columns (from 0) whose quoted cells may hold line breaks.
    """
    if isinstance(table, TextTable):
        for block in _line_blocks(table, delimiter, 0, multiline):
            for line, record in block.records():
                yield line, block.done, record
    else:
        yield from _rows_of(table)
    unchanged(table)


def blocks(
    table: Table, delimiter: str, after: int, most: int, multiline: frozenset[int] = frozenset()
) -> Iterator[Block]:
    """The records after a line, some thousands at a time (of a sheet: `most`): a call for each costs more than reading
    it. multiline: as above. May raise Unfit.
    """
    if isinstance(table, TextTable):
        read = yield from _plain_blocks(table, delimiter, after)
        if read is not None:
            for block in _line_blocks(table, delimiter, read, multiline, _MANY_CHARACTERS):
                yield block.after(after)
    else:
        rows = _rows_of(table)
        while some := list(islice(rows, most)):
            yield Block([line for line, _, _ in some], some[-1][1], [record for _, _, record in some]).after(after)
    unchanged(table)


def text_records(text: str, delimiter: str) -> Iterator[tuple[int, Record]]:
    """Every record of a text in memory with its line; no cell holds lines, and a quote that stays open is a Flaw."""
    reader = _LineReader(delimiter, frozenset(), 0)
    numbers, rows, unfit = reader.read(io.StringIO(text, newline="").readlines())
    yield from zip(numbers, rows, strict=True)
    unfit = unfit or reader.end()
    if unfit is not None:
        yield unfit.line or 0, Flaw(unfit.problem)


class _UpTo(io.RawIOBase):
    """The first `size` bytes of a file: what is appended while we read belongs to another export."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size
        self.done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)[: self._left]
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._left -= len(data)
        self.done += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _text(table: TextTable) -> io.TextIOWrapper:
    try:
        raw = _UpTo(table.path.open("rb", buffering=0), table.stamp.size)
    except OSError:
        raise Unfit(Problem.UNREADABLE) from None
    return io.TextIOWrapper(io.BufferedReader(raw, _CHUNK), encoding=table.encoding, newline="")


def _plain_blocks(table: TextTable, delimiter: str, after: int) -> Generator[Block, None, int | None]:
    """Columns, up to the first quote, blank line or row of another width than its neighbours.

    So far splitting says what a look at each line would, at a third of its cost.
    Returns how many lines were read, or None if all were.
    """
    try:
        with _text(table) as text:
            raw = text.buffer.raw  # type: ignore[attr-defined]
            if any('"' in text.readline() for _ in range(after)):
                return 0
            line, kept = after, ""
            while True:
                read = text.read(_PLAIN_CHARACTERS)
                chunk, newline, kept = (kept + read).rpartition("\n")
                if read and not newline:
                    continue
                if not read:
                    chunk, kept = chunk + newline + kept, ""
                    newline = ""
                if not chunk and not newline:
                    return None
                rows = (chunk + newline).replace("\r\n", "\n").removesuffix("\n").split("\n")
                cells = {row.count(delimiter) for row in rows}
                odd = len(cells) > 1 or "" in rows or '"' in chunk or max(map(len, rows)) > _FIELD
                if odd or "\r" in "\n".join(rows):
                    return line
                flat, width = delimiter.join(rows).split(delimiter), cells.pop() + 1
                lines = range(line + 1, line + len(rows) + 1)
                yield Block(lines, raw.done, (), [flat[at::width] for at in range(width)])
                line = lines[-1]
    except (UnicodeError, OSError):
        # It was sound when it was scanned.
        raise Unfit(Problem.CHANGED_WHILE_READ) from None


def _line_blocks(
    table: TextTable,
    delimiter: str,
    after: int,
    multiline: frozenset[int] | None,
    characters: int = _PLAIN_CHARACTERS,
) -> Iterator[Block]:
    """Records line by line. after: lines to pass over, each a record; characters: about as many in one block."""
    with _text(table) as text:
        raw = text.buffer.raw  # type: ignore[attr-defined]
        try:
            deque(islice(text, after), maxlen=0)
            reader = _LineReader(delimiter, multiline, after)
            while lines := text.readlines(characters):
                numbers, rows, unfit = reader.read(lines)
                if rows:
                    yield Block(numbers, raw.done, rows)
                if unfit is not None:
                    raise unfit
            if (unfit := reader.end()) is not None:
                raise unfit
        except (UnicodeError, OSError):
            # It was sound when it was scanned.
            raise Unfit(Problem.CHANGED_WHILE_READ) from None


class _LineReader:
    """Physical lines into records.

    A line without quotes, or whose quotes fit, goes to the csv module, which then cannot join it with another. What
    opens a quote and does not close it is followed to where it does, and looked at as a whole.
    """

    def __init__(self, delimiter: str, multiline: frozenset[int] | None, after: int) -> None:
        self._delimiter = delimiter
        self._multiline = multiline
        self._line = after
        self._span: list[str] = []  # lines from where a quote was opened
        between = re.escape(delimiter)
        inside = r'"[^"]*+(?:""[^"]*+)*+'
        cell = rf'(?:{inside}"|[^"{between}\r\n]*+)'
        self._cell = re.compile(cell)
        self._sound = re.compile(rf"{cell}(?:{between}{cell})*+(?:\r\n|\r|\n)?").fullmatch
        self._open = re.compile(rf"(?:{cell}{between})*+{inside}").fullmatch

    def read(self, lines: Sequence[str]) -> tuple[list[int], list[Record], Unfit | None]:
        """The records that end on these lines, each with its first line, and why nothing after them can be read."""
        numbers: list[int] = []
        rows: list[Record] = []
        plain: list[str] = []
        for line in lines:
            if not self._span and len(line) <= _FIELD and ('"' not in line or self._sound(line)):
                plain.append(line)
                continue
            self._flush(plain, numbers, rows)
            self._span.append(line)
            found = self._record()
            if isinstance(found, Unfit):
                return numbers, rows, found
            if found is not None:
                numbers.append(self._line + 1)
                rows.append(found)
                self._line += len(self._span)
                self._span = []
        self._flush(plain, numbers, rows)
        if rows and type(rows[-1]) is list and not lines[-1].endswith(("\r", "\n")):
            rows[-1] = Unended(rows[-1])
        return numbers, rows, None

    def end(self) -> Unfit | None:
        """What is wrong where the file ends."""
        return self._open_quote() if self._span else None

    def _open_quote(self) -> Unfit:
        return Unfit(Problem.OPEN_QUOTE, self._line + 1)

    def _flush(self, plain: list[str], numbers: list[int], rows: list[Record]) -> None:
        """Lines that are a record each."""
        if not plain:
            return
        found: list[list[str]] = list(csv.reader(plain, delimiter=self._delimiter, strict=True))
        for at, line in enumerate(plain):
            if '"' in line and line.count(self._delimiter) + 1 != len(found[at]):
                found[at] = Quoting(found[at])
        numbers += range(self._line + 1, self._line + 1 + len(plain))
        rows += found
        self._line += len(plain)
        plain.clear()

    def _record(self) -> Record | Unfit | None:
        """What the lines of the span are together; None: the quote is still open."""
        if len(self._span) == 1:
            (line,) = self._span
            if self._sound(line):  # longer than the csv module reads
                return Quoting(self._cells(line))
            return None if self._open(line) else Flaw(Problem.BAD_QUOTE)
        last = (("last", str(self._line + len(self._span))),)
        if '"' in self._span[-1]:
            joined = "".join(self._span)
            if self._sound(joined):
                return self._several_lines(joined, last)
            if not self._open(joined):
                return Flaw(Problem.BAD_QUOTE, last)
        if len(self._span) > MAX_RECORD_LINES or sum(map(len, self._span)) > _MANY_CHARACTERS:
            return self._open_quote()
        return None

    def _several_lines(self, joined: str, last: tuple[tuple[str, str], ...]) -> Record:
        """A record of several lines: sound if they stand where they may, and none of them could be a row itself."""
        cells = self._cells(joined)
        most = len(cells) - 1  # delimiters of a row
        for at, cell in enumerate(cells):
            first, *rest = _LINE_BREAK.split(cell)
            if not rest:
                continue
            *between, end = (line.count(self._delimiter) for line in rest)
            a_row = (at > 0 and end >= at) or (at < most and first.count(self._delimiter) >= most - at)
            a_row = a_row or (most > 0 and max(between, default=0) >= most)
            if a_row or (self._multiline is not None and at not in self._multiline):
                return Flaw(Problem.SEVERAL_LINES, (*last, ("column", str(at + 1))))
        record = Quoting(cells)
        record.last = self._line + len(self._span)
        return record

    def _cells(self, line: str) -> list[str]:
        """The cells of a sound record."""
        line = line.removesuffix("\n").removesuffix("\r")
        cells: list[str] = []
        at = 0
        while True:
            found = self._cell.match(line, at)
            text = found[0] if found else ""
            cells.append(text[1:-1].replace('""', '"') if text.startswith('"') else text)
            at += len(text) + 1
            if at > len(line):
                return cells


def _scan_text(path: Path, file: BinaryIO, stamp: Stamp, encoding: Encoding) -> TextTable:
    head = file.read(3)
    marked = next((codec for bom, codec in _BOMS if head.startswith(bom)), None)
    codecs_to_try = {
        Encoding.AUTO: ("utf-8", "cp1252"),
        Encoding.UTF_8: ("utf-8",),
        Encoding.UTF_16: ("utf-16",),
        Encoding.WINDOWS_1252: ("cp1252",),
    }[encoding]
    if (marked is not None and encoding is Encoding.AUTO) or (marked == "utf-8-sig" and encoding is Encoding.UTF_8):
        codecs_to_try = (marked,)
    for codec in codecs_to_try[:-1]:
        try:
            return TextTable(path, stamp, _scan_bytes(file, stamp.size, codec), codec)
        except Unfit as unfit:
            if unfit.problem is not Problem.WRONG_ENCODING:
                raise
    return TextTable(path, stamp, _scan_bytes(file, stamp.size, codecs_to_try[-1]), codecs_to_try[-1])


def _scan_bytes(file: BinaryIO, size: int, codec: str) -> bytes:
    """SHA-256 of the first `size` bytes; raises Unfit if they are not text of this codec in lines of bounded length."""
    wide = codec == "utf-16"
    decoder = codecs.getincrementaldecoder(codec)()
    digest = hashlib.sha256()
    file.seek(0)
    done = line = 0
    tail = 0  # bytes since the last line break
    while done < size:
        chunk = file.read(min(_CHUNK, size - done))
        if not chunk:
            raise Unfit(Problem.CHANGED_WHILE_READ)
        done += len(chunk)
        digest.update(chunk)
        if not wide and b"\0" in chunk:
            raise Unfit(Problem.NUL_BYTE, line + chunk[: chunk.index(b"\0")].count(b"\n") + 1)
        try:
            text = decoder.decode(chunk, final=done == size)
        except UnicodeDecodeError as error:
            at = line + chunk[: max(0, error.start)].count(b"\n") + 1
            raise Unfit(Problem.WRONG_ENCODING, at, encoding=codec) from None
        if wide and "\0" in text:
            raise Unfit(Problem.NUL_BYTE)
        first = chunk.find(b"\n")
        if (tail + first if first >= 0 else tail + len(chunk)) > MAX_LINE:
            raise Unfit(Problem.LINE_TOO_LONG, line + 1, limit=MAX_LINE)
        tail = tail + len(chunk) if first < 0 else len(chunk) - chunk.rfind(b"\n") - 1
        line += chunk.count(b"\n")
    return digest.digest()


def _scan_workbook(path: Path, file: BinaryIO, stamp: Stamp, sheet: str | None) -> SheetTable:
    """Unpack every member once, counting, before the reader that keeps it all in memory may see it."""
    if stamp.size > MAX_ZIP:
        raise Unfit(Problem.WORKBOOK_TOO_LARGE, limit=f"{MAX_ZIP >> 20} MB")
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_directory(members)
            sheets = _sheets(archive)
            marks: dict[str, SheetMarks] = {}
            for member in members:
                name = member.filename
                is_sheet = name in sheets.values() or (name.startswith("xl/worksheets/") and name.endswith(".xml"))
                cells = _Cells()
                with archive.open(member) as packed:
                    while chunk := packed.read(_CHUNK):  # to its end: the checksum tells whether the directory lied
                        if is_sheet:
                            cells.feed(chunk)
                if is_sheet:
                    cells.end()
                    marks[name] = cells.marks
        sheet = _choose_sheet(path, sheet)
        found = marks[sheets[sheet]]
    except (*_BROKEN, KeyError, DefusedXmlException, OSError):
        # The file was read to its end just now: a place in it that cannot be gone to is one that it only says it has.
        raise Unfit(Problem.BROKEN_WORKBOOK) from None
    return SheetTable(path, stamp, digest.digest(), sheet, found)


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """The name of each sheet -> the member it is in. Raises Unfit, or what `_BROKEN` and defusedxml name."""
    names = set(archive.namelist())
    if names & {"content.xml", "xl/workbook.bin"}:
        raise Unfit(Problem.OTHER_WORKBOOK)
    targets: dict[str, str] = {}
    for each in _xml(archive, "xl/_rels/workbook.xml.rels"):
        target = each.get("Target", "")
        targets[each.get("Id", "")] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    sheets: dict[str, str] = {}
    for each in _xml(archive, "xl/workbook.xml").iter():
        if each.tag.rpartition("}")[2] == "sheet":
            ref = next((text for key, text in each.attrib.items() if key.rpartition("}")[2] == "id"), "")
            sheets[each.get("name", "")] = targets.get(ref, "")
    return sheets


def _xml(archive: zipfile.ZipFile, name: str) -> Element:
    with archive.open(name) as packed:
        raw = packed.read(_CHUNK)
    root: Element = fromstring(raw, forbid_dtd=True)
    return root


def _check_directory(members: Sequence[zipfile.ZipInfo]) -> None:
    if sum(member.file_size for member in members) > MAX_UNZIPPED or len(members) > 2_000:
        raise Unfit(Problem.WORKBOOK_TOO_LARGE, limit=f"{MAX_UNZIPPED >> 20} MB")
    for member in members:
        if member.flag_bits & 1:
            raise Unfit(Problem.OLD_WORKBOOK)
        if member.file_size > _CHUNK and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise Unfit(Problem.WORKBOOK_TOO_LARGE, limit=f"1:{MAX_RATIO}")


class _Cells:
    """Counts the rectangle a sheet spans and notes where formulas stand; each cell has a place of its own, in order.

    Of two cells in one place the reader keeps the second, and where that is empty the first: two rows become one.

    On expat itself, since a sheet has millions of cells and any layer over it triples the time. A document type is
    refused, so there are no entities to unfold or fetch.
    """

    def __init__(self) -> None:
        self.marks = SheetMarks({}, {}, [])
        self._errors = 0
        self._placed = True
        self._row = self._column = self._rows = self._columns = 0
        self._widths: dict[str, int] = {}
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, chunk: bytes) -> None:
        """Raises expat.ExpatError, ValueError or Unfit."""
        self._parser.Parse(chunk, False)

    def end(self) -> None:
        """Raises expat.ExpatError if the sheet is not finished."""
        self._parser.Parse(b"", True)

    def _refuse(self, *_: object) -> None:
        raise ValueError("a sheet has no document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            prefix, _, name = name.rpartition(":")
            if prefix == "xm":  # an extension: formulas of formats, not of cells
                return
        if name == "c":
            self._cell(attributes.get("r"))
            if attributes.get("t") == "e":
                self._error()
        elif name == "row":
            row = int(attributes.get("r") or self._row + 1)
            if row <= self._row:
                raise ValueError("two rows in one place: the second would be written over the first, cell by cell")
            self._row, self._column, self._placed = row, 0, "r" in attributes
        elif name == "f":
            self.marks.formulas.setdefault(self._row, self._column)
            if len(self.marks.formulas) > _MAX_MARKS:
                raise Unfit(Problem.FORMULA, self._row, column=self._column)
        elif name == "mergeCell":
            self._merged(attributes.get("ref", ""))

    def _error(self) -> None:
        self.marks.errors.setdefault(self._row, []).append(self._column)
        self._errors += 1
        if self._errors > _MAX_MARKS:
            raise Unfit(Problem.ERROR_CELL, self._row, column=self._column)

    def _merged(self, ref: str) -> None:
        found = _RANGE.fullmatch(ref)
        if found and int(found[3]) > int(found[2]):
            self.marks.merged.append((int(found[2]) + 1, int(found[3]), _column_of(found[1])))
            if len(self.marks.merged) > _MAX_MARKS:
                raise Unfit(Problem.MERGED_CELLS, int(found[2]), column=_column_of(found[1]))

    def _cell(self, reference: str | None) -> None:
        self._column += 1
        if reference is not None:
            letters = reference.rstrip("0123456789")
            column = self._widths.get(letters)
            if column is None:
                column = self._widths[letters] = _column_of(letters)
            if column < self._column:  # the count is one ahead: the same cell again, or one before it
                raise ValueError("two cells in one place, or out of their order")
            row = int(reference[len(letters) :] or self._row)
            if row < self._row or (row > self._row and self._placed):
                raise ValueError("a cell of another row")
            self._row, self._column, self._placed = row, column, True
        if self._row > self._rows or self._column > self._columns:
            self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)
            if self._rows * self._columns > MAX_CELLS:
                raise Unfit(Problem.WORKBOOK_TOO_LARGE, limit=f"{MAX_CELLS} cells")


def _column_of(letters: str) -> int:
    """A is 1, Z 26, AA 27; what no sheet has becomes too large by itself."""
    column = 0
    for letter in letters[:4].upper():
        column = column * 26 + ord(letter) - 64
    return column


def _choose_sheet(path: Path, wanted: str | None) -> str:
    with CalamineWorkbook.from_path(path) as workbook:
        if wanted is not None:
            if wanted not in workbook.sheet_names:
                raise Unfit(Problem.MISSING_SHEET)
            return wanted
        if len(workbook.sheet_names) == 1:
            return workbook.sheet_names[0]
        filled = [name for name in workbook.sheet_names if workbook.get_sheet_by_name(name).height]
    if not filled:
        raise Unfit(Problem.EMPTY)
    if len(filled) > 1:
        raise Unfit(Problem.SEVERAL_SHEETS, sheets=len(filled))
    return filled[0]


def _rows_of(table: SheetTable | RecordTable) -> Iterator[tuple[int, int, Record]]:
    if isinstance(table, SheetTable):
        return _sheet_records(table)
    return ((line, line, row) for line, row in enumerate(table.rows, start=1))


def _sheet_records(table: SheetTable) -> Iterator[tuple[int, int, Record]]:
    unchanged(table)
    marks = table.marks
    merged = sorted(marks.merged)
    try:
        with CalamineWorkbook.from_path(table.path) as workbook:
            sheet: CalamineSheet = workbook.get_sheet_by_name(table.sheet or "")
            top, left = sheet.start or (0, 0)
            height = max(1, sheet.height)
            for index, cells in enumerate(sheet.iter_rows()):
                line, done = top + index + 1, table.stamp.size * (index + 1) // height
                if line in marks.formulas:
                    yield line, done, Flaw(Problem.FORMULA, (("column", str(marks.formulas[line])),))
                    continue
                while merged and merged[0][1] < line:
                    merged.pop(0)
                if merged and merged[0][0] <= line:
                    yield line, done, Flaw(Problem.MERGED_CELLS, (("column", str(merged[0][2])),))
                    continue
                record = [""] * left + [_as_text(cell) for cell in cells]
                for column in marks.errors.get(line, ()):
                    if column <= len(record):
                        record[column - 1] = _ERROR_CELL
                yield line, done, record
    except (CalamineError, OSError):
        raise Unfit(Problem.BROKEN_WORKBOOK) from None


def _as_text(cell: object) -> str:
    """What a person sees in the cell, dates in ISO form; a number too long for a spreadsheet keeps its exponent."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and abs(cell) >= _EXACT:
        return f"{cell:E}"
    if isinstance(cell, int | float):
        return Numeric(int(cell) if cell == int(cell) else repr(cell))
    if isinstance(cell, datetime):
        return _as_moment(cell)
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _as_moment(cell: datetime) -> str:
    """The day that a moment beside midnight stands for, or the moment in whole seconds."""
    day = cell.date() if cell.date() == date.max else (cell + _MIDNIGHT).date()
    if abs(cell - datetime.combine(day, time())) <= _MIDNIGHT:
        return day.isoformat()
    return (cell + timedelta(milliseconds=500)).replace(microsecond=0).isoformat(" ")
