"""What was told to others, as rows: letters about reports, by hash of the address, and the place of each outlet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from server.store.database import insert
from server.store.schema.base import kept_report
from server.store.schema.reports import outlet, report_told


@dataclass(frozen=True, slots=True)
class OutletRow:
    """How far an outlet is. fault: why the last try failed; None: it went well."""

    name: str
    next_seq: int
    at: datetime
    fault: str | None


def made_report(connection: Connection, key: str, view: str, first: date, last: date) -> str | None:
    """The newest report of that sort and view over exactly these days, by its id; None if none was made."""
    found: str | None = connection.execute(
        select(kept_report.c.uid)
        .where(
            kept_report.c.key == key,
            kept_report.c.view == view,
            kept_report.c.first == first,
            kept_report.c.last == last,
            kept_report.c.made_at.is_not(None),
        )
        .order_by(kept_report.c.made_at.desc())
        .limit(1)
    ).scalar()
    return found


def told(connection: Connection, uid: str) -> frozenset[bytes]:
    """The hashes of the addresses that were written to about a report."""
    return frozenset(connection.execute(select(report_told.c.address).where(report_told.c.report_uid == uid)).scalars())


def note_told(connection: Connection, uid: str, addresses: Collection[bytes], now: datetime) -> None:
    """They were written to."""
    rows = [{"report_uid": uid, "address": address, "at": now} for address in addresses]
    if rows:
        connection.execute(insert(connection, report_told).on_conflict_do_nothing(), rows)


def read_outlets(connection: Connection) -> Sequence[OutletRow]:
    """Every outlet that ever passed on anything."""
    rows = connection.execute(select(outlet).order_by(outlet.c.name))
    return [OutletRow(row.name, row.next_seq, row.at, row.fault) for row in rows]


def put_outlet(connection: Connection, row: OutletRow) -> None:
    """Where an outlet is now; it never goes back, whoever else passes on at the same time."""
    statement = insert(connection, outlet).values(name=row.name, next_seq=row.next_seq, at=row.at, fault=row.fault)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[outlet.c.name],
            set_={"next_seq": statement.excluded.next_seq, "at": row.at, "fault": row.fault},
            where=outlet.c.next_seq <= row.next_seq,
        )
    )
