"""Counts of what engines did and when they came round, for monitoring; a count is written with what it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, func, select

from server.core.model import State
from server.store.admin import pauses
from server.store.database import insert
from server.store.schema.base import IS_OPEN, orders, place
from server.store.schema.base import connection as connections
from server.store.schema.running import engine_sign, work_count

_SIGNS_ARE_KEPT = timedelta(days=1)


class Done(StrEnum):
    """What is counted."""

    LOOK = "look"
    """A place was read, or could not be."""
    ORDER = "order"
    """A store answered for an order; one that was not called for is none."""
    PROOF = "proof"
    """An order was settled by a look."""
    PASS = "pass"  # noqa: S105 - no password
    """A pass decided: in full, or with something that came of it."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One count since ever. vendor "": of none. at: when it last grew."""

    what: Done
    vendor: str
    answer: str
    count: int
    at: datetime


def add_at(connection: Connection, what: Done, place_id: int, answers: Mapping[str, int], now: datetime) -> None:
    """Count what came of something at a place, under its vendor; after `log.append` where one is called."""
    if any(answers.values()):
        query = select(connections.c.vendor).join(place, place.c.connection_id == connections.c.id)
        vendor = connection.execute(query.where(place.c.id == place_id)).scalar_one()
        add(connection, what, vendor, answers, now)


def add(connection: Connection, what: Done, vendor: str, answers: Mapping[str, int], now: datetime) -> None:
    """Count what came of something at a vendor."""
    for answer, count in sorted(answers.items()):
        if count:
            new = insert(connection, work_count).values(what=what, vendor=vendor, answer=answer, count=count, at=now)
            grown = {"count": work_count.c.count + new.excluded.count, "at": new.excluded.at}
            connection.execute(new.on_conflict_do_update(index_elements=["what", "vendor", "answer"], set_=grown))


def read_counts(connection: Connection) -> Sequence[Counted]:
    """Every count, in order of what, vendor and answer."""
    query = select(work_count).order_by(work_count.c.what, work_count.c.vendor, work_count.c.answer)
    return [
        Counted(Done(what), vendor, answer, count, at) for what, vendor, answer, count, at in connection.execute(query)
    ]


def sign(connection: Connection, engine: str, now: datetime) -> None:
    """This engine came round now."""
    new = insert(connection, engine_sign).values(engine=engine, seen_at=now)
    connection.execute(new.on_conflict_do_update(index_elements=["engine"], set_={"seen_at": now}))
    connection.execute(delete(engine_sign).where(engine_sign.c.seen_at < now - _SIGNS_ARE_KEPT))


def read_signs(connection: Connection) -> Sequence[datetime]:
    """When each engine last came round, the newest first."""
    query = select(engine_sign.c.seen_at).order_by(engine_sign.c.seen_at.desc())
    return list(connection.execute(query).scalars())


def open_by_state(connection: Connection) -> Mapping[State, int]:
    """How many open orders stand in each state."""
    rows = connection.execute(
        select(orders.c.state, func.count()).where(orders.c.settled_at.is_(None), IS_OPEN).group_by(orders.c.state)
    )
    return {State(row[0]): row[1] for row in rows}


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when the order that has waited longest is due; what a pause covers is not. None: nothing is due."""
    paused = pauses.paused(connection, now)
    if paused.everything:
        return None
    query = select(func.min(orders.c.next_at)).where(orders.c.next_at <= now, *pauses.not_covered(paused))
    found: datetime | None = connection.execute(query).scalar()
    return found


def failing_places(connection: Connection) -> Mapping[tuple[str, str], int]:
    """How many places could not be read when they were last tried, by vendor and fault."""
    rows = connection.execute(
        select(connections.c.vendor, place.c.fault, func.count())
        .join(place, place.c.connection_id == connections.c.id)
        .where(place.c.fault.is_not(None))
        .group_by(connections.c.vendor, place.c.fault)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def places_at_all(connection: Connection) -> tuple[int, datetime | None]:
    """How many places there are, and when one was last read."""
    count, looked = connection.execute(select(func.count(), func.max(place.c.looked_at)).select_from(place)).one()
    return int(count), looked
