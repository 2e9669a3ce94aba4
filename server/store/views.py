"""Views by name that one person asks for and another grants; who asked and why is sealed, and each is used once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, select, update

from server.core.model import Role
from server.store.schema import cases, worker
from server.store.schema_evidence import named_view
from server.store.seal import Sealer


@dataclass(frozen=True, slots=True)
class Asked:
    """A view that waits for a second person."""

    uid: str
    first: date
    last: date
    asked_as: Role
    ends_at: datetime
    asked_by: str = field(repr=False)
    reason: str = field(repr=False)


def ask(
    connection: Connection,
    sealer: Sealer,
    *,
    first: date,
    last: date,
    asked_by: str,
    asked_as: Role,
    reason: str,
    now: datetime,
    ends_at: datetime,
) -> str:
    """Remember who asks for what; returns its id."""
    uid = uuid.uuid4().hex[:12]
    sealed = sealer.seal(json.dumps([asked_by, reason]), f"named_view.{uid}")
    connection.execute(
        named_view.insert().values(
            uid=uid, first=first, last=last, asked_as=asked_as.value, asked_at=now, ends_at=ends_at, sealed=sealed
        )
    )
    return uid


def waiting(connection: Connection, sealer: Sealer, uid: str, now: datetime) -> Asked | None:
    """The view of this id, if it waits still."""
    row = connection.execute(
        select(named_view).where(named_view.c.uid == uid, named_view.c.decided_at.is_(None), named_view.c.ends_at > now)
    ).first()
    if row is None:
        return None
    asked_by, reason = json.loads(sealer.open(row.sealed, f"named_view.{uid}"))
    return Asked(uid, row.first, row.last, Role(row.asked_as), row.ends_at, asked_by, reason)


def decide(connection: Connection, uid: str, now: datetime, *, granted: bool) -> bool:
    """Grant or refuse it, once; False if somebody was quicker."""
    done = connection.execute(
        update(named_view)
        .where(named_view.c.uid == uid, named_view.c.decided_at.is_(None))
        .values(decided_at=now, granted=granted)
    )
    return bool(done.rowcount)


def names_of(
    connection: Connection, workers: Collection[int], of_cases: Collection[int]
) -> tuple[Mapping[int, str], Mapping[int, str]]:
    """References of workers and numbers of cases."""
    refs = {row.id: row.ref for row in connection.execute(select(worker.c.id, worker.c.ref)) if row.id in workers}
    listed, numbers = sorted(of_cases), {}
    for start in range(0, len(listed), 400):
        some = listed[start : start + 400]
        for row in connection.execute(select(cases.c.id, cases.c.number).where(cases.c.id.in_(some))):
            numbers[row.id] = row.number
    return refs, numbers
