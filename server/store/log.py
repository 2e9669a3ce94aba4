"""The log's rows: entries appended in the transaction of what they tell of, one writer at a time; read in order.

What is kept of the small tables (`store.table_state`) is entered here: its mark stands in every restricted body, and
beside the head under a MAC.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import NoResultFound

from server.core.log.entries import Body, EntryKind, LogEntry, canonical, commitment, read_entry
from server.core.log.merkle import TILE, Frontier, KeptNode, extend_keeping, leaf_hash
from server.core.log.table_state import DifferenceKind, RowDifference, TableState
from server.store import client_question_list, hold_list, inquiry_list, package_list, table_state
from server.store.database import Store, among, copy_in, insert, insert_many
from server.store.prepared import Direct, Prepared, given, values_of
from server.store.schema.base import log_entry, log_head, log_node, log_of_order, log_restricted
from server.store.schema.base import table_state as kept_states
from server.store.seal import SealBrokenError, Sealer
from server.store.table_state import Watch

_STATE = "\nstate "
_PROVING = frozenset({EntryKind.PROOF, EntryKind.EVIDENCE_RAISED})
_PADDED_TO = 256
"""Restricted bodies are as long as a multiple of so many characters: their length tells nothing of what they say."""


def begin(connection: Connection) -> None:
    """The empty log of a new installation, and its empty lists of holds, inquiries, clients' questions and packages."""
    hold_list.begin(connection)
    inquiry_list.begin(connection)
    client_question_list.begin(connection)
    package_list.begin(connection)
    connection.execute(log_head.insert().values(id=1, frontier=Frontier(0, ()).encode()))


def append(connection: Connection, at: datetime, lines: Sequence[tuple[EntryKind, Body]]) -> int:
    """Append entries, last in a transaction: the head's row lock is what lets one writer in at a time.

    Returns the size of the log after it. Nothing to append: the size as it is.
    """
    direct = Direct(connection)
    head = _locked(connection)
    frontier = Frontier.decode(head.frontier)
    if not lines:
        return frontier.size
    texts = [canonical(LogEntry(frontier.size + n, at, kind, body)) for n, (kind, body) in enumerate(lines)]
    leaves = [leaf_hash(text) for text in texts]
    rows = [(frontier.size + n, text, leaf) for n, (text, leaf) in enumerate(zip(texts, leaves, strict=True))]
    if len(rows) <= _FEW:
        direct.many(_ADD_ENTRY, [{"seq": seq, "canonical": text, "leaf": leaf} for seq, text, leaf in rows])
    else:
        copy_in(connection, log_entry, rows)
    grown, nodes = extend_keeping(frontier, leaves)
    _index(connection, nodes, [(frontier.size + n, kind, body) for n, (kind, body) in enumerate(lines)])
    encoded, seal = grown.encode(), head.seal
    watch = table_state.watch_of(connection)
    if watch is not None and head.seal is not None and _is_sealed(head, watch.sealer):
        # A seal that does not fit is left as it is: a head put back by other means is not made good by the next entry.
        seal = _seal_of(watch.sealer, encoded, head.mark)
    direct.run(_MOVE_HEAD, frontier=encoded, seal=seal)
    return grown.size


def _index(connection: Connection, nodes: Sequence[KeptNode], lines: Sequence[tuple[int, EntryKind, Body]]) -> None:
    """Keep what lets proofs be made in a few reads; it vouches for nothing, so what is there already may differ."""
    if nodes:
        statement = insert(connection, log_node)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["level", "number"], set_={"hash": statement.excluded.hash}),
            [{"level": level, "number": number, "hash": node} for level, number, node in nodes],
        )
    proving = [
        {"order_id": str(body["order"]), "seq": seq, "proves": "commitment" in body}
        for seq, kind, body in lines
        if kind in _PROVING and "order" in body and "level" in body
    ]
    if proving:
        connection.execute(insert(connection, log_of_order).on_conflict_do_nothing(), proving)


def _locked(connection: Connection) -> _Head:
    found = Direct(connection).row(_HEAD)
    if found is None:
        raise NoResultFound
    return _Head(*found)


class _Head(NamedTuple):
    """The log's head, locked. mark: of what is kept of the small tables. seal: a MAC over both."""

    frontier: bytes
    mark: bytes | None
    seal: bytes | None


_FEW = 16
"""So many entries go in one by one."""
_HEAD = Prepared(
    lambda _: select(log_head.c.frontier, log_head.c.mark, log_head.c.seal).where(log_head.c.id == 1).with_for_update()
)
_READ_HEAD = Prepared(lambda _: select(log_head.c.frontier))
_TEXTS = Prepared(
    lambda _: (
        select(log_entry.c.seq, log_entry.c.canonical)
        .where(log_entry.c.seq >= given("first", log_entry.c.seq), log_entry.c.seq < given("end", log_entry.c.seq))
        .order_by(log_entry.c.seq)
    )
)
_ADD_ENTRY = Prepared(lambda insert: insert(log_entry).values(values_of(log_entry, ("seq", "canonical", "leaf"))))
_MOVE_HEAD = Prepared(
    lambda _: update(log_head).where(log_head.c.id == 1).values(values_of(log_head, ("frontier", "seal")))
)


def _seal_of(sealer: Sealer, frontier: bytes, mark: bytes | None) -> bytes:
    return sealer.hash(f"{frontier.hex()} {(mark or b'').hex()}", "log_head.seal")


def _is_sealed(head: Row[Any] | _Head, sealer: Sealer) -> bool:
    expected = _seal_of(sealer, bytes(head.frontier), head.mark)
    return isinstance(head.seal, bytes) and hmac.compare_digest(expected, head.seal)


def append_restricted(connection: Connection, at: datetime, sealer: Sealer, bodies: Sequence[str]) -> None:
    """Append what the log vouches for and does not show: commitments, with the bodies sealed beside them.

    Every commitment has a key of its own, sealed with its body: the same act twice looks like two acts of any kind.
    Where the transaction wrote a small table, what its rows are now is kept, and the mark of that is in the body: it
    is no entry of its own, by which setting a hold could be told from reading one.
    """
    if not bodies:
        return
    watch = table_state.watch_of(connection)
    if watch is not None:
        _keep_tables(connection, watch)
    mark = _locked(connection).mark
    whole = [_padded(body + (_STATE + mark.hex() if mark else "")) for body in bodies]
    keys = [Sealer.fresh_key() for _ in bodies]
    size = append(
        connection,
        at,
        [
            (EntryKind.RESTRICTED, {"commitment": commitment(key, body.encode()).hex()})
            for key, body in zip(keys, whole, strict=True)
        ],
    )
    first = size - len(bodies)
    insert_many(
        connection,
        log_restricted,
        [
            {"seq": first + n, "sealed": sealer.seal(f"{key.hex()} {body}", f"log_restricted.sealed.{first + n}")}
            for n, (key, body) in enumerate(zip(keys, whole, strict=True))
        ],
    )


def _padded(body: str) -> str:
    size = len(body.encode())
    return body + " " * (-size % _PADDED_TO)


@dataclass(frozen=True, slots=True)
class RestrictedBody:
    """What stands behind a restricted entry. committed: what its commitment is over. state: the mark of what was kept
    of the small tables then, hex; "" in what an earlier version wrote.
    """

    key: bytes
    committed: str
    said: str
    state: str


def read_body(opened: str) -> RestrictedBody:
    """A restricted body as it was sealed; raises ValueError."""
    key, _, committed = opened.partition(" ")
    said, _, state = committed.partition(_STATE)
    return RestrictedBody(bytes.fromhex(key), committed, said.rstrip(" "), state.strip())


# --- small tables -------------------------------------------------------------------------------------------------


def watch_tables(store: Store, sealer: Sealer, now: Callable[[], datetime]) -> None:
    """From now on keep the state of the small tables in each transaction that writes one, and enter it here.

    sealer: has the key that whoever writes the database has not. now: the instant of an entry about it.
    """
    table_state.watch_over(store, sealer, now, _finish)


def _finish(connection: Connection) -> None:
    """Before the end of a transaction that wrote a small table, and entered nothing in which its mark could stand."""
    watch = table_state.watch_of(connection)
    if watch is not None and watch.touched and _keep_tables(connection, watch):
        append_restricted(connection, watch.now(), watch.sealer, ["tables kept"])


def _keep_tables(connection: Connection, watch: Watch) -> bool:
    """Keep the small tables as they are now, if this transaction changed them and all was as kept before it did."""
    if not watch.touched or not watch.sound:
        return False
    head = connection.execute(select(log_head).where(log_head.c.id == 1).with_for_update()).first()
    if head is None:
        return False  # an installation that is being made: its log begins later in the same transaction
    states = table_state.states_now(connection)
    if states == watch.kept:
        return False
    watch.sound = _may_keep(connection, head, watch)
    if watch.sound:
        _keep(connection, head, watch.sealer, states)
        watch.kept = states
    return watch.sound


def _may_keep(connection: Connection, head: Row[Any] | _Head, watch: Watch) -> bool:
    if head.mark is None and head.seal is None:
        return not watch.kept and not _was_ever_kept(connection, watch.sealer)
    return _is_sealed(head, watch.sealer) and head.mark == table_state.mark_of_kept(connection)


def _keep(connection: Connection, head: Row[Any] | _Head, sealer: Sealer, states: Mapping[str, TableState]) -> None:
    table_state.keep(connection, sealer, states)
    mark = table_state.mark_of_kept(connection)
    seal = _seal_of(sealer, bytes(head.frontier), mark)
    connection.execute(update(log_head).where(log_head.c.id == 1).values(mark=mark, seal=seal))


def _was_ever_kept(connection: Connection, sealer: Sealer) -> bool:
    """Whether the log knows of a state of the tables, or cannot tell; only asked where nothing is kept."""
    bodies = 0
    for row in connection.execute(select(log_restricted)):
        try:
            if read_body(sealer.open(bytes(row.sealed), f"log_restricted.sealed.{row.seq}")).state:
                return True
        except (SealBrokenError, ValueError):
            return True
        bodies += 1
    mark = f'"kind":"{EntryKind.RESTRICTED.value}"'.encode()
    return bodies != sum(mark in text for _, text, _ in entries(connection))


def begin_tables(connection: Connection) -> bool:
    """Keep the small tables for the first time, as they are, or with columns that came since; False: they may not be.

    In a write transaction of a store that is watched.
    """
    watch = table_state.watch_of(connection)
    if watch is None:
        return False
    if not watch.touched:
        table_state.touch(connection, watch)
    if watch.kept and not table_state.outgrown(connection, watch.kept):
        return watch.sound
    if not _keep_tables(connection, watch):
        return False
    append_restricted(connection, watch.now(), watch.sealer, ["tables kept"])
    return True


def accept_tables(connection: Connection) -> None:
    """Keep the small tables as they are now, whatever was kept of them; the caller enters who said so."""
    watch = table_state.watch_of(connection)
    if watch is None:
        raise RuntimeError("this store is not watched")
    if not watch.touched:
        table_state.touch(connection, watch)
    watch.kept = table_state.states_now(connection)
    _keep(connection, _locked(connection), watch.sealer, watch.kept)
    watch.sound = True


def migrate_tables(store: Store, sealer: Sealer, now: Callable[[], datetime]) -> None:
    """Bring the tables to this version, and keep the small ones as they are then, if they were as kept before.

    What was changed by other means before an update is not made good by it.
    """
    with store.read() as connection:
        known = store.engine.dialect.has_table(connection, kept_states.name)
        before = compare_tables(connection, sealer) if known else None
    store.migrate(sealer)
    watch_tables(store, sealer, now)
    with store.write() as connection:
        if connection.execute(select(log_head.c.id)).first() is None:
            return
        if before is None:
            begin_tables(connection)
        elif not before and compare_tables(connection, sealer):
            accept_tables(connection)
            append_restricted(connection, now(), sealer, ["tables kept"])
        elif not before:
            begin_tables(connection)


def compare_tables(connection: Connection, sealer: Sealer) -> tuple[RowDifference, ...] | None:
    """How the small tables differ from what the log's head vouches for; None: nothing was ever kept of them here.

    On PostgreSQL what is committed meanwhile may look like a difference: ask again in a transaction that wrote.
    """
    head = connection.execute(select(log_head).where(log_head.c.id == 1)).one()
    kept = table_state.read_kept(connection, sealer)
    if head.mark is None and head.seal is None and not kept and not _was_ever_kept(connection, sealer):
        return None
    if kept is None or not _is_sealed(head, sealer) or head.mark != table_state.mark_of_kept(connection):
        return (RowDifference("", DifferenceKind.NOTHING_KEPT),)
    return table_state.find_differences(connection, kept)


# --- reading ------------------------------------------------------------------------------------------------------


def open_newest(connection: Connection, sealer: Sealer) -> None:
    """Open the newest restricted body, if there is one, and forget it; SealBrokenError: with another key."""
    row = connection.execute(select(log_restricted).order_by(log_restricted.c.seq.desc()).limit(1)).first()
    if row is not None:
        sealer.open(row.sealed, f"log_restricted.sealed.{row.seq}")


def read_from(connection: Connection, seq: int, most: int) -> Sequence[LogEntry]:
    """Entries from that one on, in order, so many at most."""
    rows = connection.execute(
        select(log_entry.c.canonical).where(log_entry.c.seq >= seq).order_by(log_entry.c.seq).limit(most)
    )
    return [read_entry(text) for text in rows.scalars()]


def of_kind(connection: Connection, kind: EntryKind) -> Sequence[LogEntry]:
    """Every entry of a kind, in order; the whole log is gone through, so for what is rare and asked for rarely."""
    mark = f'"kind":"{kind.value}"'.encode()
    return [read_entry(text) for _, text, _ in entries(connection) if mark in text]


def texts_at(connection: Connection, numbers: Sequence[int]) -> Mapping[int, bytes]:
    """The canonical texts of these entries, of those that there are."""
    query = select(log_entry.c.seq, log_entry.c.canonical).where(log_entry.c.seq.in_(among(sorted(numbers))))
    return {row.seq: row.canonical for row in connection.execute(query)}


def tile(connection: Connection, level: int, number: int) -> Sequence[bytes]:
    """The hashes of one tile of the tree (`core.log.merkle.KeptTree`): leaves, or kept nodes."""
    if level == 0:
        query = select(log_entry.c.leaf).where(log_entry.c.seq >= number * TILE, log_entry.c.seq < number * TILE + TILE)
        return list(connection.execute(query.order_by(log_entry.c.seq)).scalars())
    first = log_node.c.number >= number * TILE
    nodes = select(log_node.c.hash).where(log_node.c.level == level, first, log_node.c.number < number * TILE + TILE)
    return list(connection.execute(nodes.order_by(log_node.c.number)).scalars())


def head(connection: Connection) -> Frontier:
    """Size and root of the log now."""
    found = Direct(connection).row(_READ_HEAD)
    if found is None:
        raise NoResultFound
    return Frontier.decode(found[0])


def bodies(connection: Connection, *, chunk: int = 2000) -> Iterator[tuple[int, object]]:
    """(seq, sealed) of what stands behind restricted entries, in order of seq, streamed; as it is in the database."""
    query = select(log_restricted).order_by(log_restricted.c.seq)
    for row in connection.execute(query, execution_options={"yield_per": chunk}):
        yield row.seq, row.sealed


def open_body(sealer: Sealer, seq: int, sealed: bytes) -> RestrictedBody | None:
    """What stands behind that entry; None: it does not open."""
    try:
        return read_body(sealer.open(sealed, f"log_restricted.sealed.{seq}"))
    except (SealBrokenError, ValueError):
        return None


def whole_bodies(connection: Connection, sealer: Sealer, numbers: Sequence[int]) -> Mapping[int, RestrictedBody]:
    """What stands behind these restricted entries, with what opens their commitments; those that open. For cleared eyes
    only.
    """
    query = select(log_restricted).where(log_restricted.c.seq.in_(among(numbers)))
    found = {row.seq: open_body(sealer, row.seq, bytes(row.sealed)) for row in connection.execute(query)}
    return {seq: body for seq, body in found.items() if body is not None}


def open_bodies(connection: Connection, sealer: Sealer, numbers: Sequence[int]) -> Iterator[tuple[int, str | None]]:
    """What these restricted entries say; None: it does not open, or is gone. For cleared eyes only."""
    query = select(log_restricted).where(log_restricted.c.seq.in_(among(numbers)))
    sealed = {row.seq: row.sealed for row in connection.execute(query)}
    for seq in numbers:
        found = open_body(sealer, seq, bytes(sealed[seq])) if isinstance(sealed.get(seq), bytes) else None
        yield seq, None if found is None else found.said


def texts(connection: Connection, first: int, end: int, *, chunk: int = 2000) -> Iterator[tuple[int, bytes]]:
    """(seq, canonical text) of the entries from `first` on and before `end`, in order, streamed."""
    if end - first <= _FEW:
        yield from Direct(connection).rows(_TEXTS, first=first, end=end)
        return
    query = select(log_entry.c.seq, log_entry.c.canonical).where(log_entry.c.seq >= first, log_entry.c.seq < end)
    # An option of the statement: one of the connection would hold for whatever is asked after it.
    for row in connection.execute(query.order_by(log_entry.c.seq), execution_options={"yield_per": chunk}):
        yield row.seq, row.canonical


def entries(connection: Connection, *, chunk: int = 2000) -> Iterator[tuple[int, bytes, bytes]]:
    """(seq, canonical text, stored leaf) in order of seq, streamed."""
    query = select(log_entry.c.seq, log_entry.c.canonical, log_entry.c.leaf).order_by(log_entry.c.seq)
    rows = connection.execute(query, execution_options={"yield_per": chunk})
    for row in rows:
        yield row.seq, row.canonical, row.leaf
