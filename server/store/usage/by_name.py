"""Views by name that one person asks for and another grants; who asked and why, and who decided, is sealed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from server.core.model import Role
from server.store.schema.base import cases, worker
from server.store.schema.usage import named_view
from server.store.seal import Sealer


@dataclass(frozen=True, slots=True)
class Who:
    """One of the two. account: at the pages, or on the server. worker: our number of the worker they are, if known.

    leads: whether they lead that worker's team.
    """

    account: str = field(repr=False)
    role: Role
    worker: int | None = field(default=None, repr=False)
    leads: bool = False


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A view and what became of it; it waits until `ends_at` for a second person."""

    uid: str
    first: date
    last: date
    asked_at: datetime
    ends_at: datetime
    asked_by: Who
    reason: str = field(repr=False)
    decided_at: datetime | None
    decided_by: Who | None
    granted: bool | None


def ask(
    connection: Connection,
    sealer: Sealer,
    who: Who,
    *,
    first: date,
    last: date,
    reason: str,
    now: datetime,
    ends_at: datetime,
) -> str:
    """Remember who asks for what; returns its id."""
    uid = uuid.uuid4().hex[:12]
    sealed = sealer.seal(json.dumps([reason, *_plain(who)]), f"named_view.{uid}")
    connection.execute(
        named_view.insert().values(
            uid=uid, first=first, last=last, asked_as=who.role.value, asked_at=now, ends_at=ends_at, sealed=sealed
        )
    )
    return uid


def find(connection: Connection, sealer: Sealer, uid: str) -> ViewRow | None:
    """The view of this id."""
    row = connection.execute(select(named_view).where(named_view.c.uid == uid)).first()
    return None if row is None else _row(row, sealer)


def recent(connection: Connection, sealer: Sealer, since: datetime) -> Sequence[ViewRow]:
    """Views asked for since then, newest first."""
    rows = connection.execute(
        select(named_view).where(named_view.c.asked_at >= since).order_by(named_view.c.asked_at.desc(), named_view.c.id)
    )
    return [_row(row, sealer) for row in rows]


def decide(connection: Connection, sealer: Sealer, uid: str, who: Who, now: datetime, *, granted: bool) -> bool:
    """Grant or refuse it, once; False if somebody was quicker, or it ran out."""
    done = connection.execute(
        update(named_view)
        .where(named_view.c.uid == uid, named_view.c.decided_at.is_(None), named_view.c.ends_at > now)
        .values(
            decided_at=now, granted=granted, sealed_second=sealer.seal(json.dumps(_plain(who)), f"named_view.{uid}.2")
        )
    )
    return bool(done.rowcount)


def workers_apart(connection: Connection, both: Collection[Who]) -> frozenset[int]:
    """Our numbers of workers whom the two must not see here: themselves, and the team that one of them leads."""
    own = {each.worker for each in both if each.worker is not None}
    led = {each.worker for each in both if each.worker is not None and each.leads}
    if not led:
        return frozenset(own)
    teams = select(worker.c.team).where(worker.c.id.in_(sorted(led)))
    return frozenset(own) | frozenset(connection.execute(select(worker.c.id).where(worker.c.team.in_(teams))).scalars())


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


def _plain(who: Who) -> list[object]:
    return [who.account, who.role.value, who.worker, who.leads]


def _who(plain: Sequence[Any]) -> Who:
    account, role, of_worker, leads = plain
    return Who(account, Role(role), of_worker, leads=leads)


def _row(row: Any, sealer: Sealer) -> ViewRow:
    reason, *asked_by = json.loads(sealer.open(row.sealed, f"named_view.{row.uid}"))
    decided_by = None
    if row.sealed_second is not None:
        decided_by = _who(json.loads(sealer.open(row.sealed_second, f"named_view.{row.uid}.2")))
    return ViewRow(
        row.uid,
        row.first,
        row.last,
        row.asked_at,
        row.ends_at,
        _who(asked_by),
        reason,
        row.decided_at,
        decided_by,
        row.granted,
    )
