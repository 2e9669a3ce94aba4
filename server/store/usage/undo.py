"""What the newest file of each feed took the place of, sealed until a report is made, so that it can be taken back.

Only the newest can be: what came before it rests on what is here. No more than one file's worth is kept for a feed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from server.store.schema.base import cases
from server.store.schema.usage import client_contact, replaced_usage, usage_day, usage_feed, usage_run
from server.store.seal import Sealer
from server.store.usage import ingest

_ROWS = 50_000
"""Rows in one sealed part: some megabytes of text at a time."""
_CONTACTS = 1_000_000
"""From this part on stand contacts with clients, which are kept under a consent of their own."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What makes room for a file, sealed, before it is gone; by number. runs: files of its feed that were in use."""

    uid: str
    feed: int
    runs: tuple[int, ...]
    parts: tuple[tuple[int, bytes], ...] = field(repr=False)


def take_up(
    connection: Connection, sealer: Sealer, feed_id: int, uid: str, *, period: tuple[date, date], whole_days: bool
) -> Kept:
    """Seal what a file that is staged will replace. uid: of the file. To be called right before `sums.apply`."""
    going = ingest.going(connection, feed_id, period, whole_days=whole_days)
    texts = (
        (n, text)
        for table, where in going
        for n, text in enumerate(_texts(connection, table, where), start=1 if table is usage_day else _CONTACTS)
    )
    parts = tuple((n, sealer.seal(text, f"replaced_usage.{uid}.{n}")) for n, text in texts)
    in_use = select(usage_run.c.id).where(usage_run.c.feed_id == feed_id, ~usage_run.c.withdrawn)
    return Kept(uid, feed_id, tuple(connection.execute(in_use).scalars()), parts)


def keep(connection: Connection, sealer: Sealer, kept: Kept) -> None:
    """Keep it with the file that took its place, instead of what was kept of files before. Right after `sums.apply`."""
    forget(connection, kept.feed)
    run_id = connection.execute(select(usage_run.c.id).where(usage_run.c.uid == kept.uid)).scalar_one()
    replaced = select(usage_run.c.id).where(usage_run.c.id.in_(kept.runs), usage_run.c.withdrawn)
    runs = json.dumps(sorted(connection.execute(replaced).scalars()))
    rows = [{"run_id": run_id, "part": n, "sealed": sealed} for n, sealed in kept.parts]
    head = {"run_id": run_id, "part": 0, "sealed": sealer.seal(runs, f"replaced_usage.{kept.uid}")}
    connection.execute(replaced_usage.insert(), [head, *rows])


def forget(connection: Connection, feed: int | str | None = None) -> None:
    """Delete what is kept of a feed (its id or name), or of all: from now on it cannot be taken back."""
    named = usage_feed.c.name if isinstance(feed, str) else usage_feed.c.id
    of = select(usage_run.c.id).join(usage_feed, usage_feed.c.id == usage_run.c.feed_id).where(named == feed)
    where = [] if feed is None else [replaced_usage.c.run_id.in_(of)]
    connection.execute(delete(replaced_usage).where(*where))


def count_contacts(connection: Connection) -> int:
    """How many parts tell of contacts with clients."""
    query = select(func.count()).select_from(replaced_usage).where(replaced_usage.c.part >= _CONTACTS)
    return int(connection.execute(query).scalar_one())


def forget_contacts(connection: Connection) -> int:
    """Delete what is kept of contacts with clients; how many parts. The sums can still be put back."""
    return int(connection.execute(delete(replaced_usage).where(replaced_usage.c.part >= _CONTACTS)).rowcount)


@dataclass(frozen=True, slots=True)
class Undone:
    """What taking a file back came to. gone, back: how many daily sums went, and came in their place."""

    first: date
    last: date
    gone: int
    back: int


def undo(connection: Connection, sealer: Sealer, feed: str, *, contacts: bool) -> Undone | None:
    """Take the newest file of a feed back and put in what it replaced; None: there is none that can be.

    What is there no more (a case whose time was over) stays away. contacts: whether contacts with clients may be kept;
    else they stay away, too.
    """
    query = (
        select(usage_run, replaced_usage.c.part, replaced_usage.c.sealed)
        .join(usage_feed, usage_feed.c.id == usage_run.c.feed_id)
        .join(replaced_usage, replaced_usage.c.run_id == usage_run.c.id)
        .where(usage_feed.c.name == feed, ~usage_run.c.withdrawn)
        .order_by(replaced_usage.c.part)
    )
    found = connection.execute(query).all()
    if not found:
        return None
    run = found[0]
    days = set(connection.execute(select(usage_day.c.day).distinct().where(usage_day.c.run_id == run.id)).scalars())
    gone = connection.execute(delete(usage_day).where(usage_day.c.run_id == run.id)).rowcount
    connection.execute(delete(client_contact).where(client_contact.c.run_id == run.id))
    connection.execute(update(usage_run).where(usage_run.c.id == run.id).values(withdrawn=True))
    runs = json.loads(sealer.open(run.sealed, f"replaced_usage.{run.uid}"))
    connection.execute(update(usage_run).where(usage_run.c.id.in_(runs)).values(withdrawn=False))
    back = 0
    for part in found[1:]:
        name, rows = _rows(sealer.open(part.sealed, f"replaced_usage.{run.uid}.{part.part}"))
        if name == usage_day.name:
            days.update(row["day"] for row in rows)
            back += len(rows)
            connection.execute(insert(usage_day), rows)
        elif contacts:
            rows = list(_still_there(connection, rows))
            if rows:
                connection.execute(insert(client_contact), rows)
    connection.execute(delete(replaced_usage).where(replaced_usage.c.run_id == run.id))
    ingest.roll_up(connection, days)
    return Undone(date.fromordinal(run.first_day), date.fromordinal(run.last_day), int(gone), back)


def _texts(connection: Connection, table: Table, where: Any) -> Iterator[str]:
    """The rows of a table as compressed texts, with the names of its columns."""
    names = [column.name for column in table.c]
    rows = connection.execute(select(table).where(where).execution_options(yield_per=_ROWS))
    for some in rows.partitions(_ROWS):
        text = json.dumps([table.name, names, [list(row) for row in some]], separators=(",", ":"))
        yield base64.b85encode(zlib.compress(text.encode())).decode()


def _rows(text: str) -> tuple[str, Sequence[dict[str, Any]]]:
    name, names, rows = json.loads(zlib.decompress(base64.b85decode(text)))
    return name, [dict(zip(names, row, strict=True)) for row in rows]


def _still_there(connection: Connection, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Contacts whose case the register still knows. What was sealed before contacts were of phones is left out."""
    known = set(connection.execute(select(cases.c.id)).scalars())
    return (row for row in rows if row["case_id"] in known and "subject_id" in row)
