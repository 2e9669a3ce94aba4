"""From the bytes of a CSV or XLSX to records of text with their lines; what the cells mean is not known here.

Every file is scanned before a cell is read: its encoding, NUL bytes and endless lines, and of a workbook what it
unpacks to, so that nothing larger than the bounds below ever reaches memory. A CSV of any size streams.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import stat
import zipfile
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from server.sources.mapping import Delimiter, Encoding
from server.sources.rows import Problem

if TYPE_CHECKING:
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
_BLOCK_BYTES = 8 << 20
_PLAIN_CHARACTERS = 1 << 17
"""Characters split at once: what comes of them stays in the processor's own memory, and four times as many do not."""
_RECORDS = 256
_FIELD = csv.field_size_limit()
"""Characters in one cell that the csv module reads."""
_MAX_FORMULAS = 1_000
_EXACT = 1e15
"""A spreadsheet keeps 15 digits."""
SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
"""The line with which spreadsheets say what stands between cells."""
_DELIMITERS = {Delimiter.SEMICOLON: ";", Delimiter.COMMA: ",", Delimiter.TAB: "\t"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ZIP_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
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
class SheetTable:
    """One sheet of a sound workbook that was scanned. formulas: (line, column) of the first ones; cells: how many."""

    path: Path
    stamp: Stamp
    digest: bytes = field(repr=False)
    sheet: str | None = None
    formulas: tuple[tuple[int, int], ...] = ()


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


def first_line(table: TextTable) -> str:
    """The first line as text, bounded, without its end. Raises Unfit."""
    with _text(table) as text:
        return text.readline(MAX_LINE).rstrip("\r\n")


def records(table: Table, delimiter: str) -> Iterator[tuple[int, int, Record]]:
    """Every record with its line (the first is 1) and the bytes (of a sheet: rows) read so far. May raise Unfit."""
    yield from _text_records(table, delimiter) if isinstance(table, TextTable) else _rows_of(table)
    unchanged(table)


def blocks(table: Table, delimiter: str, after: int, most: int) -> Iterator[Block]:
    """The records after a line, about `most` at a time: a call for each costs more than reading it. May raise Unfit."""
    if isinstance(table, TextTable):
        yield from _text_blocks(table, delimiter, after, most)
    else:
        rows = _rows_of(table)
        while some := list(islice(rows, most)):
            yield Block([line for line, _, _ in some], some[-1][1], [record for _, _, record in some]).after(after)
    unchanged(table)


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


def _text_records(table: TextTable, delimiter: str) -> Iterator[tuple[int, int, Record]]:
    for block in _csv_blocks(table, delimiter, 0, _RECORDS):
        for line, record in block.records():
            yield line, block.done, record


def _text_blocks(table: TextTable, delimiter: str, after: int, most: int) -> Iterator[Block]:
    read = yield from _plain_blocks(table, delimiter, after)
    if read is not None:
        for block in _csv_blocks(table, delimiter, read, most):
            yield block.after(after)


def _plain_blocks(table: TextTable, delimiter: str, after: int) -> Generator[Block, None, int | None]:
    """Columns, up to the first quote, blank line or row of another width than its neighbours.

    So far the csv module would say the same as splitting does, at a third of its speed; from there it has the word.
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


def _csv_blocks(table: TextTable, delimiter: str, after: int, most: int) -> Iterator[Block]:
    """Records as the csv module reads them; after: lines to pass over, each a record."""
    with _text(table) as text:
        raw = text.buffer.raw  # type: ignore[attr-defined]
        try:
            deque(islice(text, after), maxlen=0)
        except (UnicodeError, OSError):
            raise Unfit(Problem.CHANGED_WHILE_READ) from None
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        ended = False
        while not ended:
            lines: list[int] = []
            rows: list[Record] = []
            unfit: Unfit | None = None
            start, full = after + reader.line_num + 1, raw.done + _BLOCK_BYTES
            try:
                for record in islice(reader, most):
                    if after + reader.line_num - start > MAX_RECORD_LINES:
                        unfit = Unfit(Problem.OPEN_QUOTE, start)
                        break
                    rows.append(record)
                    lines.append(start)
                    start = after + reader.line_num + 1
                    if raw.done > full:  # few records, and long ones: a block stays small, whatever a file holds
                        break
                else:
                    ended = len(rows) < most
            except csv.Error as error:
                # The texts are CPython's; an unknown one is a row whose quotes do not fit, and reading goes on.
                if "unexpected end" in str(error) or "field limit" in str(error):
                    unfit = Unfit(Problem.OPEN_QUOTE, start)
                else:
                    rows.append(Flaw(Problem.BAD_QUOTE))
                    lines.append(start)
            except (UnicodeError, OSError):
                # It was sound when it was scanned.
                unfit = Unfit(Problem.CHANGED_WHILE_READ)
            if rows:
                yield Block(lines, raw.done, rows)
            if unfit is not None:
                raise unfit from None


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
    formulas: list[tuple[int, int]] = []
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_directory(members)
            for member in members:
                if member.flag_bits & 1:
                    raise Unfit(Problem.OLD_WORKBOOK)
                is_sheet = member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml")
                cells = _Cells()
                with archive.open(member) as packed:
                    while chunk := packed.read(_CHUNK):  # to its end: the checksum tells whether the directory lied
                        if is_sheet:
                            cells.feed(chunk)
                if is_sheet:
                    cells.end()
                    formulas.extend(cells.formulas)
        sheet = _choose_sheet(path, sheet)
    except _BROKEN:
        raise Unfit(Problem.BROKEN_WORKBOOK) from None
    return SheetTable(path, stamp, digest.digest(), sheet, tuple(formulas))


def _check_directory(members: Sequence[zipfile.ZipInfo]) -> None:
    if sum(member.file_size for member in members) > MAX_UNZIPPED or len(members) > 2_000:
        raise Unfit(Problem.WORKBOOK_TOO_LARGE, limit=f"{MAX_UNZIPPED >> 20} MB")
    for member in members:
        if member.file_size > _CHUNK and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise Unfit(Problem.WORKBOOK_TOO_LARGE, limit=f"1:{MAX_RATIO}")


class _Cells:
    """Counts the rectangle a sheet spans and notes where formulas stand.

    On expat itself, since a sheet has millions of cells and any layer over it triples the time. A document type is
    refused, so there are no entities to unfold or fetch.
    """

    def __init__(self) -> None:
        self.formulas: list[tuple[int, int]] = []
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
            name = name.rpartition(":")[2]
        if name == "c":
            self._cell(attributes.get("r"))
        elif name == "row":
            self._row = int(attributes.get("r") or self._row + 1)
            self._column = 0
        elif name == "f" and len(self.formulas) < _MAX_FORMULAS:
            self.formulas.append((self._row, self._column))

    def _cell(self, reference: str | None) -> None:
        self._column += 1
        if reference is not None:
            letters = reference.rstrip("0123456789")
            column = self._widths.get(letters)
            if column is None:
                column = self._widths[letters] = _column_of(letters)
            self._column = column
            self._row = int(reference[len(letters) :] or self._row)
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
    formulas: dict[int, int] = {}
    for row, column in table.formulas:
        formulas.setdefault(row, column)
    try:
        with CalamineWorkbook.from_path(table.path) as workbook:
            sheet: CalamineSheet = workbook.get_sheet_by_name(table.sheet or "")
            top, left = sheet.start or (0, 0)
            height = max(1, sheet.height)
            for index, cells in enumerate(sheet.iter_rows()):
                line, done = top + index + 1, table.stamp.size * (index + 1) // height
                if line in formulas:
                    yield line, done, Flaw(Problem.FORMULA, (("column", str(formulas[line])),))
                    continue
                yield line, done, [""] * left + [_as_text(cell) for cell in cells]
    except (CalamineError, OSError):
        raise Unfit(Problem.BROKEN_WORKBOOK) from None


def _as_text(cell: object) -> str:
    """What a person sees in the cell, dates in ISO form; a number too long for a spreadsheet keeps its exponent."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and abs(cell) >= _EXACT:
        return f"{cell:E}"
    if isinstance(cell, int | float):
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime):
        whole_day = cell.time() == time()
        return cell.date().isoformat() if whole_day else cell.replace(microsecond=0).isoformat(" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell)
