"""The log's rows: entries appended in the transaction of what they tell of, one writer at a time; read in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from server.core.log.entries import Body, EntryKind, LogEntry, canonical, commitment, read_entry
from server.core.log.merkle import Frontier, leaf_hash
from server.store.database import copy_in, insert_many
from server.store.schema.base import log_entry, log_head, log_restricted
from server.store.seal import Sealer


def begin(connection: Connection) -> None:
    """The empty log of a new installation."""
    connection.execute(log_head.insert().values(id=1, frontier=Frontier(0, ()).encode()))


def append(connection: Connection, at: datetime, lines: Sequence[tuple[EntryKind, Body]]) -> int:
    """Append entries, last in a transaction: the head's row lock is what lets one writer in at a time.

    Returns the size of the log after it. Nothing to append: the size as it is.
    """
    locked = select(log_head.c.frontier).where(log_head.c.id == 1).with_for_update()
    frontier = Frontier.decode(connection.execute(locked).scalar_one())
    if not lines:
        return frontier.size
    texts = [canonical(LogEntry(frontier.size + n, at, kind, body)) for n, (kind, body) in enumerate(lines)]
    leaves = [leaf_hash(text) for text in texts]
    rows = [(frontier.size + n, text, leaf) for n, (text, leaf) in enumerate(zip(texts, leaves, strict=True))]
    copy_in(connection, log_entry, rows)
    grown = frontier.extend(leaves)
    connection.execute(log_head.update().where(log_head.c.id == 1).values(frontier=grown.encode()))
    return grown.size


def append_restricted(connection: Connection, at: datetime, sealer: Sealer, bodies: Sequence[str]) -> None:
    """Append what the log vouches for and does not show: commitments, with the bodies sealed beside them.

    Every commitment has a key of its own, sealed with its body: the same act twice looks like two acts of any kind.
    """
    if not bodies:
        return
    keys = [Sealer.fresh_key() for _ in bodies]
    size = append(
        connection,
        at,
        [
            (EntryKind.RESTRICTED, {"commitment": commitment(key, body.encode()).hex()})
            for key, body in zip(keys, bodies, strict=True)
        ],
    )
    first = size - len(bodies)
    insert_many(
        connection,
        log_restricted,
        [
            {"seq": first + n, "sealed": sealer.seal(f"{key.hex()} {body}", f"log_restricted.sealed.{first + n}")}
            for n, (key, body) in enumerate(zip(keys, bodies, strict=True))
        ],
    )


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


def head(connection: Connection) -> Frontier:
    """Size and root of the log now."""
    return Frontier.decode(connection.execute(select(log_head.c.frontier)).scalar_one())


def texts(connection: Connection, first: int, end: int, *, chunk: int = 2000) -> Iterator[tuple[int, bytes]]:
    """(seq, canonical text) of the entries from `first` on and before `end`, in order, streamed."""
    query = select(log_entry.c.seq, log_entry.c.canonical).where(log_entry.c.seq >= first, log_entry.c.seq < end)
    for row in connection.execution_options(yield_per=chunk).execute(query.order_by(log_entry.c.seq)):
        yield row.seq, row.canonical


def entries(connection: Connection, *, chunk: int = 2000) -> Iterator[tuple[int, bytes, bytes]]:
    """(seq, canonical text, stored leaf) in order of seq, streamed."""
    rows = connection.execution_options(yield_per=chunk).execute(
        select(log_entry.c.seq, log_entry.c.canonical, log_entry.c.leaf).order_by(log_entry.c.seq)
    )
    for row in rows:
        yield row.seq, row.canonical, row.leaf
