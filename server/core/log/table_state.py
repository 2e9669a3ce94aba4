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


def state_of(columns: Sequence[str], keys: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> TableState:
    """The state of these rows. columns: by name, in order; keys: the primary key; both are in each row."""
    digests = {":".join(str(row[key]) for key in keys): _digest(columns, row) for row in rows}
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


def _digest(columns: Sequence[str], row: Mapping[str, Cell]) -> str:
    """Of one row: each value with its sort and length before it, so that no two rows are spelt alike."""
    hashed = hashlib.blake2b(digest_size=_DIGEST)
    for name in columns:
        value = _spelt(row[name])
        hashed.update(f"{name}:{len(value)}:".encode() + value)
    return hashed.hexdigest()


def _spelt(value: Cell) -> bytes:
    if value is None:
        return b"-"
    if isinstance(value, bytes | bytearray | memoryview):
        return b"b" + bytes(value)
    if isinstance(value, int | float):  # a boolean is a number on one database and not on the other
        return b"n" + repr(value + 0).encode()
    if isinstance(value, date):
        return b"s" + value.isoformat().encode()
    return b"s" + str(value).encode("utf-8", "surrogatepass")
