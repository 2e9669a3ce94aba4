"""What has to last though its period is over: copies of rows that a hold covers, sealed, and of no telling size.

The ordinary rows go on their day whether or not there is a hold. Copies are kept as long as the hold they are for; no
page or report reads them, only those cleared for holds do.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from server.core.policy.retention import RowKind
from server.store import hold_list
from server.store.admin.retention import KINDS, RowsOver, is_over
from server.store.database import among, insert
from server.store.schema.attestation import attestation
from server.store.schema.base import cases, deviation, finding, identifier, link, orders, worker
from server.store.schema.retention import custody
from server.store.seal import SealBrokenError, Sealer

_PLACE = "custody.1"
_SMALLEST = 256 * 1024
"""Characters: what is sealed is padded to this or the next power of two of it."""
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class HoldScope:
    """What a hold in force covers: a worker, a case, or with neither everything. hold: its id."""

    hold: str
    worker: int | None = None
    case: int | None = None

    def covers(self, worker_id: int | None, of_cases: Iterable[int]) -> bool:
        """Whether it covers a row about that worker and these cases; a row about nobody only if it covers all."""
        if self.worker is None and self.case is None:
            return True
        if self.worker is not None:
            return worker_id == self.worker
        return self.case in set(of_cases)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A copy of a row: the hold it is for, its kind, and what it said, by table and column; instants in ISO 8601."""

    hold: str
    kind: RowKind
    key: str
    said: Mapping[str, Any]


def scopes(connection: Connection) -> tuple[HoldScope, ...]:
    """What the holds in force cover; raises SealBrokenError where they cannot be read: then nothing is destroyed."""
    holds = hold_list.in_force(connection)
    if holds is None:
        raise SealBrokenError
    return tuple(HoldScope(each.uid, each.worker, each.case) for each in holds)


def covered(connection: Connection, over: RowsOver, held: Sequence[HoldScope]) -> Sequence[KeptRow]:
    """Copies of the rows that go and that a hold covers, with all that goes with them."""
    if not held:
        return ()
    kind = KINDS[over.term.kind]
    query = select(kind.table).where(or_(*is_over(over))).order_by(kind.table.c[kind.key])
    rows = [dict(row) for row in connection.execute(query).mappings()]
    found: list[KeptRow] = []
    for start in range(0, len(rows), _CHUNK):
        found += _covered(connection, over.term.kind, rows[start : start + _CHUNK], held)
    return found


def _covered(
    connection: Connection, kind: RowKind, rows: Sequence[Mapping[str, Any]], held: Sequence[HoldScope]
) -> Sequence[KeptRow]:
    about = _about(connection, KINDS[kind].table, rows)
    names = KINDS[kind]
    kept = [
        (scope.hold, row)
        for row, (of_worker, of_cases) in zip(rows, about, strict=True)
        for scope in held
        if scope.covers(of_worker, of_cases)
    ]
    keys = sorted({row[names.key] for _, row in kept})
    parts: dict[Any, dict[str, list[Mapping[str, Any]]]] = {}
    for table, column in names.parts:
        for part in connection.execute(select(table).where(table.c[column].in_(among(keys)))).mappings():
            parts.setdefault(part[column], {}).setdefault(table.name, []).append(_plain(dict(part)))
    called = _names(connection, [row for _, row in kept])
    return [
        KeptRow(
            of_hold,
            kind,
            str(row[names.key]),
            {names.table.name: _plain(row) | called(row), **parts.get(row[names.key], {})},
        )
        for of_hold, row in kept
    ]


def _about(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> Sequence[tuple[int | None, frozenset[int]]]:
    """The worker of each row, and the cases: its own, and those of its contact."""
    if table not in (orders, finding, deviation, attestation):
        return [(None, frozenset())] * len(rows)
    contacts = sorted({row["identifier_id"] for row in rows if row.get("identifier_id") is not None})
    linked: dict[int, set[int]] = {}
    query = select(link.c.identifier_id, link.c.case_id).where(link.c.identifier_id.in_(among(contacts)))
    for each in connection.execute(query):
        linked.setdefault(each.identifier_id, set()).add(each.case_id)
    return [
        (row["worker_id"], frozenset({row["case_id"], *linked.get(row.get("identifier_id") or 0, ())} - {None}))
        for row in rows
    ]


def _names(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Any:
    """What worker, case and contact of a row are called, which others may have to know when these rows are gone too."""

    def called(table: Table, column: str, of: str) -> Mapping[int, Any]:
        ids = sorted({row[of] for row in rows if row.get(of) is not None})
        query = select(table.c.id, table.c[column]).where(table.c.id.in_(among(ids)))
        return {row[0]: row[1] for row in connection.execute(query)}

    refs, numbers = called(worker, "ref", "worker_id"), called(cases, "number", "case_id")
    tokens = called(identifier, "token", "identifier_id")

    def names(row: Mapping[str, Any]) -> Mapping[str, Any]:
        token = tokens.get(row.get("identifier_id") or 0)
        said = {
            "worker": refs.get(row.get("worker_id") or 0),
            "case": numbers.get(row.get("case_id") or 0),
            "contact": None if token is None else bytes(token).hex(),
        }
        return {name: value for name, value in said.items() if value is not None}

    return names


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in row.items() if value is not None}


def _plain_value(value: Any) -> Any:
    match value:
        case bytes() | memoryview():
            return bytes(value).hex()
        case datetime() | date():
            return value.isoformat()
        case _:
            return value


def keep(connection: Connection, sealer: Sealer, held: Sequence[HoldScope], more: Sequence[KeptRow]) -> int:
    """Keep these beside what is kept, and drop what is for no hold in force; sealed anew, whatever changed. While
    everything is held nothing is dropped: it may stand for holds that could not be read any more.

    Returns how many copies are kept now. Raises SealBrokenError: then nothing of it may be destroyed.
    """
    in_force = {scope.hold for scope in held}
    everything = any(scope.worker is None and scope.case is None for scope in held)
    rows = {
        (each.hold, each.kind, each.key): each
        for each in (*read(connection, sealer), *more)
        if everything or each.hold in in_force
    }
    form = [[each.hold, each.kind.value, each.key, each.said] for each in rows.values()]
    text = base64.b85encode(zlib.compress(json.dumps(form, separators=(",", ":")).encode(), 6)).decode()
    size = _SMALLEST
    while size < len(text):
        size *= 2
    statement = insert(connection, custody).values(id=1, sealed=sealer.seal(text.ljust(size), _PLACE))
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"sealed": statement.excluded.sealed})
    )
    return len(rows)


def read(connection: Connection, sealer: Sealer) -> Sequence[KeptRow]:
    """All that is kept; raises SealBrokenError."""
    sealed = connection.execute(select(custody.c.sealed)).scalar()
    if sealed is None:
        return ()
    form = json.loads(zlib.decompress(base64.b85decode(sealer.open(bytes(sealed), _PLACE).rstrip(" "))))
    return [KeptRow(of_hold, RowKind(kind), key, said) for of_hold, kind, key, said in form]
