"""Looks at everything a running installation needs, for the page that says what to do; reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from server.store import log, pages
from server.store.admin import organisation, pauses
from server.store.database import Connection
from server.store.usage import sums
from server.work.admin import log_checkpoints, log_witnesses
from server.work.context import Context
from server.work.reports.removal_report import PASSING
from server.work.usage import consent

_CLOCK_MAY_GO_BACK = timedelta(seconds=5)
_UNSIGNED_MAY_BE = 1_000
OVERDUE = timedelta(days=3)
"""An order is called at once and its place is read again within a day; after three days something holds it up."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_FEED_MAY_REST = timedelta(days=62)
"""Bills come by the month; a feed that told nothing for two has a whole month missing from every report."""


class Part(StrEnum):
    """What is looked at."""

    CLOCK = "clock"
    CONNECTION = "connection"
    GATES = "gates"
    GATE_REVIEW = "gate_review"
    REGISTER = "register"
    PLACES = "places"
    ENGINE = "engine"
    FEED = "feed"
    CONTACTS = "contacts"
    PLANS = "plans"
    PEOPLE = "people"
    OVERDUE = "overdue"
    PAUSE = "pause"
    LOG = "log"


class Ill(StrEnum):
    """What is wrong with it."""

    CLOCK_BACK = "clock_back"
    NO_SECRET = "no_secret"  # noqa: S105 - a fault's name
    GATE_MISSING = "gate_missing"
    REVIEW_DUE = "review_due"
    REGISTER_STALE = "register_stale"
    REGISTER_NONE = "register_none"
    PLACES_FAIL = "places_fail"
    PLACES_NONE = "places_none"
    ENGINE_SILENT = "engine_silent"
    FEED_SILENT = "feed_silent"
    KEPT_WITHOUT_CONSENT = "kept_without_consent"
    PLANS_WAIT = "plans_wait"
    PEOPLE_WAITED_FOR = "people_waited_for"
    ORDERS_OVERDUE = "orders_overdue"
    PAUSED = "paused"
    HEADS_GONE = "heads_gone"
    HEADS_UNREADABLE = "heads_unreadable"
    HEADS_OLD = "heads_old"
    LOG_SHORTER = "log_shorter"
    WITNESSED_OTHERWISE = "witnessed_otherwise"


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing looked at. name: of the connection, register, feed or employer. ill None: well. since: last sign."""

    part: Part
    ill: Ill | None = None
    name: str | None = None
    count: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogStanding:
    """The log now, and up to which entry a signed head outside the database vouches for it (None: no head)."""

    size: int
    root: bytes
    signed: int | None


def log_standing(context: Context) -> LogStanding:
    """Size and head of the log beside its newest signed head; the log itself is not read."""
    with context.store.read() as connection:
        head = log.head(connection)
    newest = log_checkpoints.newest_checkpoint(context)
    return LogStanding(head.size, head.root(), None if newest is None else newest.size)


def count_overdue(connection: Connection, now: datetime) -> int:
    """Open orders that were planned longer ago than `OVERDUE`; what is postponed, for whatever reason, is none."""
    return pages.count_open_orders(connection, [_EVER, now - OVERDUE])[0]


def examine(context: Context) -> Sequence[Examined]:
    """Every examination, in the order in which faults should be mended."""
    return list(_examine(context))


def _examine(context: Context) -> Iterator[Examined]:
    now, today = context.now(), context.today()
    stale = timedelta(hours=context.policy.staleness_hours)
    silent = timedelta(hours=3 * context.policy.look_hours)
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        places = organisation.read_places(connection, today)
        connections = organisation.read_connections(connection)
        systems = organisation.case_systems(connection)
        gates = organisation.gates(connection)
        newest = organisation.newest_instant(connection)
        plans = pages.count_waiting_plans(connection)
        paused = [(row, pauses.count_waiting(connection, row, now)) for row in pauses.in_force(connection, now)]
        kept = consent.count_kept(connection)
        runs = [run for run in sums.read_runs(connection) if not run.withdrawn]
        asked = pages.count_stuck(connection, PASSING)
        overdue = count_overdue(connection, now)
    back = newest is not None and newest - now > _CLOCK_MAY_GO_BACK
    yield Examined(Part.CLOCK, Ill.CLOCK_BACK if back else None)
    for row in connections:
        yield Examined(Part.CONNECTION, None if context.reaches(row.name) else Ill.NO_SECRET, row.name)
    if not demo:
        closed = sum(not place.gated for place in places)
        yield Examined(Part.GATES, Ill.GATE_MISSING if closed else None, count=closed)
        for gate in gates:
            if gate.ends_on >= today > gate.review_on:
                yield Examined(Part.GATE_REVIEW, Ill.REVIEW_DUE, gate.employer)
    if not systems:
        yield Examined(Part.REGISTER, Ill.REGISTER_NONE)
    for name, read_at in systems:
        old = read_at is None or now - read_at > stale
        yield Examined(Part.REGISTER, Ill.REGISTER_STALE if old else None, name, since=read_at)
    failing = sum(place.fault is not None for place in places)
    ill = Ill.PLACES_FAIL if failing else None if places else Ill.PLACES_NONE
    yield Examined(Part.PLACES, ill, count=failing if failing else len(places))
    last = max((place.looked_at for place in places if place.looked_at is not None), default=None)
    if places:
        gone = last is None or now - last > silent
        yield Examined(Part.ENGINE, Ill.ENGINE_SILENT if gone else None, since=last)
    for feed in sorted({run.feed for run in runs}):
        told = max((run.last for run in runs if run.feed == feed and run.last is not None), default=None)
        stopped = told is None or today - told > _FEED_MAY_REST
        read_at = max(run.at for run in runs if run.feed == feed)
        yield Examined(Part.FEED, Ill.FEED_SILENT if stopped else None, feed, since=read_at)
    if kept and context.tells_evidence and context.evidence().channels.consent is None:
        yield Examined(Part.CONTACTS, Ill.KEPT_WITHOUT_CONSENT, count=kept)
    yield Examined(Part.PLANS, Ill.PLANS_WAIT if plans else None, count=plans)
    yield Examined(Part.PEOPLE, Ill.PEOPLE_WAITED_FOR if asked else None, count=asked)
    yield Examined(Part.OVERDUE, Ill.ORDERS_OVERDUE if overdue else None, count=overdue)
    for pause, waiting in paused:
        yield Examined(Part.PAUSE, Ill.PAUSED, pause.connection, count=waiting, since=pause.set_at)
    if not paused:
        yield Examined(Part.PAUSE)
    yield _log(context)


def _log(context: Context) -> Examined:
    try:
        standing = log_standing(context)
    except OSError:
        return Examined(Part.LOG, Ill.HEADS_UNREADABLE)
    if standing.signed is None:
        return Examined(Part.LOG, Ill.HEADS_GONE)
    if standing.signed > standing.size:
        return Examined(Part.LOG, Ill.LOG_SHORTER)
    if any(each.stops for each in log_witnesses.standings(context)):
        return Examined(Part.LOG, Ill.WITNESSED_OTHERWISE)
    unsigned = standing.size - standing.signed
    return Examined(Part.LOG, Ill.HEADS_OLD if unsigned > _UNSIGNED_MAY_BE else None, count=unsigned)
