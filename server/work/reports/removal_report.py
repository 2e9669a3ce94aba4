"""Makes reports: gathers facts, lets the core build the table, enters the making and personal reads in the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mdm_adapters.phones import Aspect
from mdm_adapters.port import Capability, Fault, Outcome, Support
from server.core.days import AMSTERDAM, end_of, midnight
from server.core.log.entries import EntryKind
from server.core.model import (
    ABOUT_DECLARATIONS,
    CLEARED_FOR_CASES,
    REMOVALS,
    Decision,
    Level,
    Role,
    State,
    StatedPlace,
)
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.removal.plan import item_id
from server.core.reports.controls import with_annex
from server.core.reports.coverage import Phone, Sight, Source, SourceKind, Spot, account_sight
from server.core.reports.document import Report, digest
from server.core.reports.removals import (
    Deferred,
    Item,
    PauseSpan,
    Question,
    RemovalFacts,
    Removed,
    Review,
    Stuck,
    UnderWay,
    build,
    view_for,
)
from server.core.reports.retention import with_note
from server.core.text import Period
from server.store import findings, log
from server.store.admin import organisation, pauses
from server.store.database import Connection
from server.store.phones import managed as phone_rows
from server.store.phones import pages
from server.store.reports import removal_facts, tallies
from server.store.reports.removal_facts import OrderFacts
from server.work.admin.retention import removed_until
from server.work.context import Context
from server.work.removal import attestations
from server.work.removal.plan import Pass, PlanItem, stand_of_all

PASSING = frozenset({Fault.TIMED_OUT, Fault.NO_CONNECTION, Fault.DROPPED, Fault.THROTTLED, Fault.SERVER_ERROR})
"""Faults that go by themselves; every other keeps an order until a person has mended something."""
_OPEN = (State.WAITING, State.READY, State.CALLING, State.CHECKING, State.PERSON)


@dataclass(frozen=True, slots=True)
class _Names:
    """References of workers and cases by our numbers."""

    workers: Mapping[int, str]
    cases: Mapping[int, str]


def removals(context: Context, role: Role, first: date, last: date) -> Report:
    """The removal report over whole days in Amsterdam, as this role may see it."""
    passed = stand_of_all(context)
    now = context.now()
    with context.store.read() as connection:
        facts = _facts(context, connection, passed, Period(first, last), now)
    report = with_annex(build(facts, view_for(role)), context.controls())
    with context.store.write() as connection:
        report = with_note(report, removed_until(connection))
        body = {"report": "removals", "digest": digest(report), "actor_role": role.value}
        log.append(connection, now, [(EntryKind.REPORT_MADE, body)])
        if role in CLEARED_FOR_CASES:
            log.append_restricted(connection, now, context.keys.sealer, [f"report removals read by {role.value}"])
    return report


def refuse_before_first_look(connection: Connection, period: Period, today: date) -> None:
    """Raises EvidenceRefusedError: of days before anything was looked at nothing is known, and nothing is said."""
    if tells_nothing(connection, period.last, today):
        raise EvidenceRefusedError(EvidenceProblem.BEFORE_FIRST_LOOK)


def tells_nothing(connection: Connection, last: date, today: date) -> bool:
    """Whether a period that ends on that day lies before the first look."""
    first = tallies.first_look(connection)
    return last < (today if first is None else first.astimezone(AMSTERDAM).date())


def _facts(context: Context, connection: Connection, passed: Pass, period: Period, now: datetime) -> RemovalFacts:
    refuse_before_first_look(connection, period, context.today())
    names = _Names(
        removal_facts.worker_refs(connection, list({item.worker for item in passed.items})),
        removal_facts.case_numbers(connection, list({item.case for item in passed.items if item.case is not None})),
    )
    done = removal_facts.read_orders(
        connection,
        states=[State.DONE],
        since=midnight(period.first),
        until=end_of(period.last),
    )
    limits = {name: limits_of(context, name) for name in {order.connection for order in done}}
    open_now = removal_facts.read_orders(connection, states=_OPEN)
    stuck = [order for order in open_now if _needs_a_person(order)]
    moving = [order for order in open_now if not _needs_a_person(order)]
    return RemovalFacts(
        organisation=organisation.read_installation(connection).name,
        period=period,
        made_at=now,
        policies=tuple({context.policy.version, *(order.policy for order in done)}),
        sources=tuple(sources(context, connection)),
        phones=tuple(phones(context, connection)),
        removed=tuple(_removed(order, limits[order.connection]) for order in done),
        deferred=tuple(Deferred(_named(item, names)) for item in _decided(passed, Decision.DEFER)),
        reviews=tuple(Review(_named(item, names), item.need.reason) for item in _decided(passed, Decision.REVIEW)),
        under_way=(
            *(UnderWay(_of(order), order.reason, order.policy, order.state, order.planned_at) for order in moving),
            *_not_ordered_yet(passed, open_now, names, now),
        ),
        stuck=tuple(
            Stuck(
                _of(order),
                order.reason,
                order.policy,
                order.fault or order.outcome or Outcome.UNCLEAR,
                order.attempts,
                order.planned_at,
                order.cards,
            )
            for order in stuck
        ),
        questions=tuple(
            Question(row.kind, row.opened_at, Item(row.subject[:16], row.case, row.worker, row.place))
            for row in findings.read_findings(connection)
            if row.kind not in ABOUT_DECLARATIONS
        ),
        pauses=tuple(
            PauseSpan(row.connection is None, row.set_at, row.ends_at, row.over_at(now))
            for row in pauses.touching(connection, midnight(period.first), max(now, end_of(period.last)))
        ),
        stay=passed.decided[Decision.KEEP],
        stated=attestations.count_stated(context, connection, period),
    )


def _not_ordered_yet(passed: Pass, open_now: Sequence[OrderFacts], names: _Names, now: datetime) -> Iterator[UnderWay]:
    """Removals that the need table calls for and no pass has ordered yet: not silently left out."""
    ordered = {_id_of(order) for order in open_now}
    for item in passed.items:
        if item.need.decision in REMOVALS and item.id not in ordered:
            yield UnderWay(_named(item, names), item.need.reason, item.need.policy, State.READY, now)


def _decided(passed: Pass, decision: Decision) -> Iterator[PlanItem]:
    return (item for item in passed.items if item.need.decision is decision)


def _named(item: PlanItem, names: _Names) -> Item:
    case = None if item.case is None else names.cases.get(item.case)
    return Item(item.id, case, names.workers.get(item.worker), item.place)


def _of(order: OrderFacts) -> Item:
    return Item(_id_of(order), order.case, order.worker, order.place)


def _id_of(order: OrderFacts) -> str:
    return item_id(order.place, order.token)


def _needs_a_person(order: OrderFacts) -> bool:
    return order.state is State.PERSON or (order.fault is not None and order.fault not in PASSING)


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What a store leaves open. retained: it may keep a copy of what it removed; mute: it tells of no phone's fetch.

    keeps: what it may keep, as its adapter says (a key of translations); empty: nobody can be asked.
    """

    retained: bool
    mute: bool
    keeps: str = ""


def limits_of(context: Context, name: str) -> StoreLimits:
    """Those of a connection; where it cannot be asked, a copy may remain, and nothing is said of phones."""
    store = context.stores.get(name)
    if store is None:
        return StoreLimits(retained=True, mute=False)
    can = store.capabilities()
    return StoreLimits(
        retained=can[Capability.ERASES_AT_ONCE].support is not Support.YES,
        mute=can[Capability.DEVICE_SYNC_PROOF].support is Support.NO,
        keeps=can[Capability.ERASES_AT_ONCE].because,
    )


def _removed(order: OrderFacts, limits: StoreLimits) -> Removed:
    if order.settled_at is None:
        raise ValueError("a done order has the instant of its proof")
    synced = order.levels.get(Level.DEVICE_SYNCED, 0)
    contained = min(order.levels.get(Level.CONTAINER_REMOVED, 0), order.devices)
    level = Level.DEVICE_SYNCED if 0 < order.devices <= synced else order.level
    if 0 < order.devices == contained:
        level = Level.CONTAINER_REMOVED
    return Removed(
        item=_of(order),
        reason=order.reason,
        policy=order.policy,
        ordered_at=order.planned_at,
        called_at=order.called_at,
        proven_at=order.settled_at,
        outcome=order.outcome,
        level=level,
        phones=order.devices,
        synced=min(synced, order.devices),
        contained=contained,
        recoverable=order.recoverable,
        retained=limits.retained,
        keeps=limits.keeps,
        mute=limits.mute and order.devices > 0,
        cards=order.cards,
    )


_STATED_SPOTS = {
    StatedPlace.PHONE_BOOK: Spot.LOCAL_BOOK,
    StatedPlace.SIM: Spot.SIM,
    StatedPlace.PERSONAL_CLOUD: Spot.PERSONAL_CLOUD,
}
"""What a worker's statement is about as a whole. Of WhatsApp and the call list it is about saved names alone: there
conversations and calls stay, by our own asking, so those spots stay unseen. Paper is no spot on a phone."""


def phones(context: Context, connection: Connection, *, stated: bool = True) -> Iterator[Phone]:
    """Every phone, what was seen of it, and, unless nobody asks for that, what its worker states of it."""
    told = pages.facts_by_device(connection)
    by_worker = attestations.stated_by(context, connection) if stated else {}
    for device in removal_facts.read_devices(connection):
        facts = told.get(device.ref, {})
        account = account_sight(facts.get(Aspect.CONTACT_ACCOUNT), device.last_fetch)
        blocked, _ = facts.get(Aspect.PRIVATE_ACCOUNTS_BLOCKED, (None, None))
        spots = {Spot.MANAGED_ACCOUNT: account, **({Spot.PERSONAL_CLOUD: Sight.CLOSED} if blocked else {})}
        for place, spot in _STATED_SPOTS.items():
            if place in by_worker.get(device.worker, ()):
                spots.setdefault(spot, Sight.ATTESTED)
        yield Phone(device.ref, device.worker, tuple(spots.items()), device.last_fetch)


def sources(context: Context, connection: Connection) -> Iterator[Source]:
    """Everything that was read, and how fresh it has to be."""
    stale = timedelta(hours=context.policy.staleness_hours)
    for name, read_at in organisation.case_systems(connection):
        yield Source(SourceKind.CASE_SYSTEM, name, read_at, stale)
    for label, looked_at, fault in removal_facts.read_place_sources(connection):
        yield Source(SourceKind.PLACE, label, looked_at, stale, fault)
    for name, read_at in removal_facts.read_witness_sources(connection):
        yield Source(SourceKind.DEVICE_LOG, name, read_at)
    for state in phone_rows.manager_states(connection, list(context.mdms)):
        fault = Fault(state.fault) if state.fault else None
        yield Source(SourceKind.PHONE_MANAGER, state.connection, state.listed_at, fault=fault)
