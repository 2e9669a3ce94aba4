"""What reports count, counted where it lies: sums and groups over orders, sightings, findings and deviations.

An order whose contact is postponed is counted among the postponed and nowhere else, whatever the cause: else the counts
would tell one cause from another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, or_, select

from mdm_adapters.port import Fault, Outcome, Token
from server.core.model import Decision, FindingKind, Level, Presence, Reason, State, Tier
from server.store.admin import spells
from server.store.schema.base import (
    IS_OPEN,
    cases,
    deviation,
    evidence,
    finding,
    identifier,
    look,
    orders,
    pair,
    place,
    place_device,
    sighting,
    worker,
)


@dataclass(frozen=True, slots=True)
class SettledCount:
    """How many orders were proven alike."""

    reason: Reason
    outcome: Outcome | None
    policy: str
    recoverable: bool
    count: int


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many orders stand open alike. oldest: when the first of them was planned."""

    state: State
    fault: Fault | None
    outcome: Outcome | None
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class FindingCount:
    """Questions of one kind: opened and closed in the period, open now and since when."""

    opened: int = 0
    closed: int = 0
    open_now: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeviationLine:
    """A deviation that was recorded, in force or ended in the period."""

    uid: str
    case: str
    worker: str
    tier: Tier
    decided_by: str
    recorded_at: datetime
    until_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class PolicySpan:
    """A version of the policy by the orders that were planned under it."""

    version: str
    first_at: datetime
    last_at: datetime
    orders: int


@dataclass(frozen=True, slots=True)
class SampledOrder:
    """A proven order as an inspector may see it."""

    place: str
    token: Token
    reason: Reason
    policy: str
    outcome: Outcome | None
    recoverable: bool
    planned_at: datetime
    called_at: datetime | None
    settled_at: datetime
    level: Level


def count_settled(connection: Connection, since: datetime, until: datetime) -> Sequence[SettledCount]:
    """Orders proven in [since, until), by what they have alike."""
    alike = (orders.c.reason, orders.c.outcome, orders.c.policy, orders.c.recoverable)
    rows = connection.execute(
        select(*alike, func.count().label("count"))
        .where(orders.c.settled_at >= since, orders.c.settled_at < until)
        .group_by(*alike)
    )
    return [
        SettledCount(Reason(r.reason), Outcome(r.outcome) if r.outcome else None, r.policy, r.recoverable, r[4])
        for r in rows
    ]


def count_copies(connection: Connection, since: datetime, until: datetime) -> tuple[int, Mapping[Level, int]]:
    """Of what was proven in [since, until): copies on phones that read the places, and how many reached each level."""
    phones = select(place_device.c.place_id, func.count().label("phones")).group_by(place_device.c.place_id).subquery()
    chosen = (orders.c.settled_at >= since, orders.c.settled_at < until)
    copies = connection.execute(
        select(func.coalesce(func.sum(phones.c.phones), 0))
        .select_from(orders)
        .join(phones, phones.c.place_id == orders.c.place_id)
        .where(*chosen)
    ).scalar_one()
    reached = connection.execute(
        select(evidence.c.level, func.count())
        .join(orders, orders.c.id == evidence.c.order_id)
        .where(*chosen)
        .group_by(evidence.c.level)
    )
    return int(copies), {Level(level): count for level, count in reached}


def count_standing(connection: Connection) -> Mapping[tuple[Decision, Reason], int]:
    """Contacts that were last seen present, by what was last decided about them; not those that are postponed, which
    nothing counts (decision 0075).
    """
    rows = connection.execute(
        select(pair.c.decision, pair.c.reason, func.count())
        .select_from(sighting)
        .join(place, place.c.id == sighting.c.place_id)
        .join(pair, and_(pair.c.worker_id == place.c.worker_id, pair.c.identifier_id == sighting.c.identifier_id))
        .where(
            sighting.c.presence == Presence.PRESENT, pair.c.decision != Decision.DEFER.value, pair.c.reason.is_not(None)
        )
        .group_by(pair.c.decision, pair.c.reason)
    )
    return {(Decision(decision), Reason(reason)): count for decision, reason, count in rows}


def count_open(connection: Connection) -> Sequence[OpenCount]:
    """Open orders by what they have alike, without those whose contact is postponed."""
    alike = (orders.c.state, orders.c.fault, orders.c.outcome)
    rows = connection.execute(
        select(*alike, func.count().label("count"), func.min(orders.c.planned_at).label("oldest"))
        .outerjoin(pair, and_(pair.c.worker_id == orders.c.worker_id, pair.c.identifier_id == orders.c.identifier_id))
        .where(IS_OPEN, or_(pair.c.decision.is_(None), pair.c.decision != Decision.DEFER))
        .group_by(*alike)
    )
    return [
        OpenCount(
            State(r.state),
            Fault(r.fault) if r.fault else None,
            Outcome(r.outcome) if r.outcome else None,
            r[3],
            r.oldest,
        )
        for r in rows
    ]


def count_findings(connection: Connection, since: datetime, until: datetime) -> Mapping[FindingKind, FindingCount]:
    """Questions by kind; those about orders are left out, as other counts tell of orders."""
    opened = func.count().filter(finding.c.opened_at >= since, finding.c.opened_at < until)
    closed = func.count().filter(finding.c.closed_at >= since, finding.c.closed_at < until)
    still = finding.c.closed_at.is_(None)
    rows = connection.execute(
        select(
            finding.c.kind,
            opened,
            closed,
            func.count().filter(still),
            func.min(finding.c.opened_at).filter(still),
        ).group_by(finding.c.kind)
    )
    return {
        FindingKind(row[0]): FindingCount(row[1], row[2], row[3], row[4])
        for row in rows
        if row[0] != FindingKind.ORDER_STUCK and any(row[1:4])
    }


def first_look(connection: Connection) -> datetime | None:
    """When an address book was looked at for the first time; None: none was yet. Looks of a place go with it, and what
    it led to stays.
    """
    looks = connection.execute(select(func.min(look.c.at))).scalar()
    planned = connection.execute(select(func.min(orders.c.planned_at))).scalar()
    return min((at for at in (looks, planned) if at is not None), default=None)


def read_deviations(connection: Connection, since: datetime, until: datetime) -> Sequence[DeviationLine]:
    """Deviations that stood at any time in [since, until), in order of recording."""
    rows = connection.execute(
        select(deviation, cases.c.number, worker.c.ref)
        .join(cases, cases.c.id == deviation.c.case_id)
        .join(worker, worker.c.id == deviation.c.worker_id)
        .where(
            deviation.c.recorded_at < until,
            deviation.c.until_at > since,
            or_(deviation.c.ended_at.is_(None), deviation.c.ended_at >= since),
        )
        .order_by(deviation.c.recorded_at, deviation.c.id)
    )
    return [
        DeviationLine(r.uid, r.number, r.ref, Tier(r.tier), r.decided_by, r.recorded_at, r.until_at, r.ended_at)
        for r in rows
    ]


def policy_spans(connection: Connection, since: datetime, until: datetime) -> Sequence[PolicySpan]:
    """The versions under which orders were planned in [since, until), the first used first."""
    rows = connection.execute(
        select(orders.c.policy, func.min(orders.c.planned_at), func.max(orders.c.planned_at), func.count())
        .where(orders.c.planned_at >= since, orders.c.planned_at < until)
        .group_by(orders.c.policy)
        .order_by(func.min(orders.c.planned_at), orders.c.policy)
    )
    return [PolicySpan(*row) for row in rows]


def settled_by_team(
    connection: Connection, edges: Sequence[datetime], zone: ZoneInfo
) -> Mapping[tuple[str, int, Reason], int]:
    """Orders proven between each two edges, by the team that the worker was in that day ("": none), the number of the
    span and the reason.
    """
    found: Counter[tuple[str, int, Reason]] = Counter()
    of = spells.memberships(connection)
    for number, (since, until) in enumerate(pairwise(edges)):
        rows = connection.execute(
            select(orders.c.worker_id, orders.c.reason, orders.c.settled_at).where(
                orders.c.settled_at >= since, orders.c.settled_at < until
            )
        )
        for worker_id, reason, settled_at in rows:
            day = settled_at.astimezone(zone).date()
            theirs = of.get(worker_id, ())
            team = next((e.team or "" for e in theirs if e.first <= day and (e.last is None or day <= e.last)), "")
            found[team, number, Reason(reason)] += 1
    return found


def settled_ids(connection: Connection, since: datetime, until: datetime) -> Sequence[str]:
    """The ids of all orders proven in [since, until): what a sample is drawn from."""
    return list(
        connection.execute(
            select(orders.c.id).where(orders.c.settled_at >= since, orders.c.settled_at < until)
        ).scalars()
    )


def read_sampled(connection: Connection, ids: Sequence[str]) -> Sequence[SampledOrder]:
    """These orders, without case or worker."""
    rows = connection.execute(
        select(orders, identifier.c.token, place.c.uid.label("place_uid"))
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .join(place, place.c.id == orders.c.place_id)
        .where(orders.c.id.in_(ids))
    )
    return [
        SampledOrder(
            place=r.place_uid,
            token=Token(r.token),
            reason=Reason(r.reason),
            policy=r.policy,
            outcome=Outcome(r.outcome) if r.outcome else None,
            recoverable=r.recoverable,
            planned_at=r.planned_at,
            called_at=r.called_at,
            settled_at=r.settled_at,
            level=Level(r.level),
        )
        for r in rows
    ]
