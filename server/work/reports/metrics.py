"""Reads what monitoring is told, as values of `core.reports.metrics`; says nothing of one order, place or person.

What is not known has no value: it is never nought.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from threading import Lock

from server.core.model import OPEN_STATES, FindingKind, Level
from server.core.reports.metrics import MetricValue, in_tens
from server.store import log, pages
from server.store.admin import organisation, pauses
from server.store.database import Connection
from server.store.removal import work_counts
from server.store.removal.work_counts import Done
from server.work.admin import log_witnesses, table_checks
from server.work.context import Context
from server.work.reports import health
from server.work.reports.health import Part

KEPT = "closeout.metrics"
"""Where the application of the pages keeps what the next scrape is told."""
_ENGINE_IS_AT_WORK = timedelta(minutes=5)
_MODES = ("full", "due")
_COUNTERS = {Done.LOOK: "closeout_looks_total", Done.ORDER: "closeout_order_answers_total"}


def collect(context: Context) -> tuple[MetricValue, ...]:
    """Every value there is now."""
    begun = time.perf_counter()
    now = context.now()
    found = [
        MetricValue("closeout_build_info", 1, (_version(),)),
        MetricValue("closeout_collected_timestamp_seconds", now.timestamp()),
        *_health(context),
        *_log(context, now),
    ]
    with context.store.read() as connection:
        found += _orders(connection, now)
        found += _counts(connection)
        found += _places(connection, now)
    return (*found, MetricValue("closeout_collecting_seconds", time.perf_counter() - begun))


class KeptMetrics:
    """What the next scrape is told, where it is read again beside the scrapes, so that none waits for the database.

    make_context: for each reading, with the connections of that moment.
    """

    def __init__(self, make_context: Callable[[], Context]) -> None:
        self._make_context = make_context
        self._lock = Lock()
        self._kept: tuple[MetricValue, ...] | None = None

    def renew(self) -> None:
        """Read everything again, to be kept. Where that fails nothing is kept: what is old would look well."""
        fresh = None
        try:
            fresh = collect(self._make_context())
        finally:
            with self._lock:
                self._kept = fresh

    def read(self) -> tuple[MetricValue, ...]:
        """What is kept; while nothing is, what there is now."""
        with self._lock:
            kept = self._kept
        return collect(self._make_context()) if kept is None else kept


def _version() -> str:
    try:
        return version("closeout")
    except PackageNotFoundError:
        return "unknown"


def _health(context: Context) -> Iterator[MetricValue]:
    ill = Counter(each.part for each in health.examine(context) if each.ill is not None)
    yield from (MetricValue("closeout_attention", ill[part], (part.value,)) for part in Part)
    yield MetricValue("closeout_removing_refused", int(not table_checks.may_act(context)))


def _log(context: Context, now: datetime) -> Iterator[MetricValue]:
    try:
        standing = health.log_standing(context)
    except OSError:
        standing = None  # the part `log` needs attention
    if standing is not None:
        yield MetricValue("closeout_log_entries", standing.size)
    if standing is not None and standing.signed is not None:
        yield MetricValue("closeout_log_signed_entries", standing.signed)
        yield MetricValue("closeout_log_unsigned_age_seconds", _unsigned_for(context, standing, now))
    for each in log_witnesses.standings(context):
        yield MetricValue("closeout_log_cosigned_entries", each.cosigned, (each.name,))
        yield MetricValue("closeout_log_witness_fault", int(each.fault is not None or each.stops), (each.name,))


def _unsigned_for(context: Context, standing: health.LogStanding, now: datetime) -> float:
    if standing.signed is None or standing.signed >= standing.size:
        return 0
    with context.store.read() as connection:
        entries = log.read_from(connection, standing.signed, 1)
    return _age(now, entries[0].at) if entries else 0


def _orders(connection: Connection, now: datetime) -> Iterator[MetricValue]:
    states = work_counts.open_by_state(connection)
    due = work_counts.oldest_due(connection, now)
    findings = pages.open_findings_by_kind(connection)
    for state in sorted(OPEN_STATES):
        yield MetricValue("closeout_orders", in_tens(states.get(state, 0)), (state.value,))
    yield MetricValue("closeout_orders_overdue", in_tens(health.count_overdue(connection, now)))
    yield MetricValue("closeout_oldest_due_order_age_seconds", 0 if due is None else _age(now, due))
    yield MetricValue("closeout_plans_waiting", pages.count_waiting_plans(connection))
    yield MetricValue("closeout_pauses", len(pauses.in_force(connection, now)))
    yield from (MetricValue("closeout_findings", findings.get(kind, 0), (kind.value,)) for kind in FindingKind)


def _counts(connection: Connection) -> Iterator[MetricValue]:
    modes = dict.fromkeys(_MODES, 0)
    for each in work_counts.read_counts(connection):
        if each.what is Done.PASS:
            modes[each.answer] = each.count
            yield MetricValue("closeout_last_pass_timestamp_seconds", each.at.timestamp(), (each.answer,))
        elif each.what is Done.PROOF and each.answer == Level.STORE_REMOVED:
            yield MetricValue("closeout_proofs_total", each.count, (each.vendor,))
        elif each.what in _COUNTERS:
            yield MetricValue(_COUNTERS[each.what], each.count, (each.vendor, each.answer))
    yield from (MetricValue("closeout_passes_total", count, (mode,)) for mode, count in modes.items())


def _places(connection: Connection, now: datetime) -> Iterator[MetricValue]:
    count, looked = work_counts.places_at_all(connection)
    signs = work_counts.read_signs(connection)
    yield MetricValue("closeout_places", count)
    for (vendor, fault), failing in work_counts.failing_places(connection).items():
        yield MetricValue("closeout_places_failing", failing, (vendor, fault))
    for name, read_at in organisation.case_systems(connection):
        if read_at is not None:
            yield MetricValue("closeout_register_age_seconds", _age(now, read_at), (name,))
    yield MetricValue("closeout_engines", sum(now - each <= _ENGINE_IS_AT_WORK for each in signs))
    last = max((each for each in (*signs[:1], looked) if each is not None), default=None)
    if last is not None:
        yield MetricValue("closeout_engine_last_sign_age_seconds", _age(now, last))


def _age(now: datetime, moment: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())
