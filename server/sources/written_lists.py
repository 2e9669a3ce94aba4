"""Lists that people write or a program exports for them (places, phones, declarations): rows by the names of columns.

No row is swallowed, moved or guessed: what the csv module would join, because a quotation mark opens in one line and
closes in another, is a fault with its line. What the columns mean is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from server.sources.tables import Flaw, text_records


class NotOneRowError(Exception):
    """A line that is not one row of the list, or a header that names a column twice. line: the first is 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


@dataclass(frozen=True, slots=True)
class WrittenList:
    """header: the names of the columns, in lower case, without space around them; empty: the file is."""

    header: Sequence[str]
    _rows: Sequence[tuple[int, Sequence[str]]] = field(repr=False)

    def rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Each row that is not blank, with its line; cells that are left out at its end are empty."""
        for line, cells in self._rows:
            yield line, {name: cells[at] if at < len(cells) else "" for at, name in enumerate(self.header)}


def read_written_list(text: str) -> WrittenList:
    """The list in a CSV with a header and `;` or `,` between cells. Raises NotOneRowError."""
    text = text.removeprefix("\ufeff")
    first = text.lstrip().split("\n", 1)[0]
    found: list[tuple[int, Sequence[str]]] = []
    for line, record in text_records(text, ";" if first.count(";") > first.count(",") else ","):
        if isinstance(record, Flaw):
            raise NotOneRowError(line)
        if any(map(str.strip, record)):
            found.append((line, record))
    if not found:
        return WrittenList((), ())
    (at, names), *rows = found
    header = [name.strip().lower() for name in names]
    while header and not header[-1]:
        header.pop()  # a delimiter at the end of each line
    if len(set(header)) < len(header):
        raise NotOneRowError(at)
    for line, cells in rows:
        if any(map(str.strip, cells[len(header) :])):
            raise NotOneRowError(line)
    return WrittenList(header, rows)
