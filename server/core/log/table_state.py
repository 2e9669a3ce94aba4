"""What the rows of small tables were when the program last wrote them: digests of rows, and what differs; no I/O.

A digest of each row is kept, so that it can be told which row somebody changed who writes the database by other means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

Cell = object
"""A value as the database's driver hands it out: None, bool, int, float, str, bytes or date."""
_DIGEST = 16


class DifferenceKind(StrEnum):
    """How a table differs from what was kept of it."""

    ROW_CHANGED = "row_changed"
    ROW_MISSING = "row_missing"
    ROW_ADDED = "row_added"
    TABLE_CHANGED = "table_changed"
    """It has not the columns any more that its rows were kept by."""
    NOTHING_KEPT = "nothing_kept"
    """What was kept of it is gone, does not open, or is older than the log says."""


@dataclass(frozen=True, slots=True, order=True)
class RowDifference:
    """One row that is not as it was kept. row: its primary key; "" where it is the table as a whole."""

    table: str
    kind: DifferenceKind
    row: str = ""


@dataclass(frozen=True, slots=True)
class TableState:
    """The rows of one table. columns: those that count, in order. rows: a digest of each by its primary key."""

    columns: tuple[str, ...]
    rows: Mapping[str, str]

    def encode(self) -> str:
        """As text, the same for the same state."""
        return json.dumps({"columns": self.columns, "rows": self.rows}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> TableState:
        """The inverse of `encode`; raises ValueError."""
        try:
            told = json.loads(text)
            return cls(tuple(map(str, told["columns"])), {str(key): str(each) for key, each in told["rows"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not the state of a table") from error


def state_of(
    columns: Sequence[str], keys: Sequence[str], names: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> TableState:
    """The state of these rows. columns: which count, in order; keys: the primary key; names: of the cells of a row."""
    counted, key = [names.index(each) for each in columns], [names.index(each) for each in keys]
    digests = {":".join([str(row[n]) for n in key]): _digest([row[n] for n in counted]) for row in rows}
    return TableState(tuple(columns), digests)


def differences(table: str, kept: TableState, found: TableState) -> tuple[RowDifference, ...]:
    """Which rows are not as they were kept, in order; both states count the same columns."""
    changed = {key for key in kept.rows.keys() & found.rows.keys() if kept.rows[key] != found.rows[key]}
    missing, added = kept.rows.keys() - found.rows.keys(), found.rows.keys() - kept.rows.keys()
    by_kind = {
        DifferenceKind.ROW_CHANGED: changed,
        DifferenceKind.ROW_MISSING: missing,
        DifferenceKind.ROW_ADDED: added,
    }
    return tuple(sorted(RowDifference(table, kind, key) for kind, keys in by_kind.items() for key in keys))


def _digest(cells: Sequence[Cell]) -> str:
    """Of one row. As Python writes a list of plain values no two lists are written alike."""
    written = repr([each if each is None or type(each) in _PLAIN else _plain(each) for each in cells])
    return hashlib.blake2b(written.encode(), digest_size=_DIGEST).hexdigest()


_PLAIN = frozenset({int, str, bytes})


def _plain(value: Cell) -> Cell:
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, bool):  # a number on one database, and not on the other
        return int(value)
    return value.isoformat() if isinstance(value, date) else value
