"""Every metric that monitoring may have, in one table: name, kind, unit, what it tells; no number is read here.

What is postponed is in none of them, and open orders are counted in tens: a watcher who asks each quarter of a minute
would else see a single order stop, and nothing that a store answered (decision 0070).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from server.core.model import State

TENS = 10


class MetricKind(StrEnum):
    """How a value moves. The words are those of Prometheus."""

    GAUGE = "gauge"
    COUNTER = "counter"
    """Only grows."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. name: with its unit, and `_total` for a counter. says: for who reads the scrape, in English.

    labels: what its values are told apart by, each from a closed set or a name that an administrator gave.
    """

    name: str
    kind: MetricKind
    says: str
    labels: tuple[str, ...] = ()


class MetricValue(NamedTuple):
    """One value of a metric. name: of the metric. labels: values, in the order of the metric's."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


_GAUGE, _COUNTER = MetricKind.GAUGE, MetricKind.COUNTER

METRICS: Sequence[Metric] = (
    Metric("closeout_build_info", _GAUGE, "Always 1; the version of the program.", ("version",)),
    Metric("closeout_collected_timestamp_seconds", _GAUGE, "When these values were read from the database."),
    Metric("closeout_collecting_seconds", _GAUGE, "How long reading them took."),
    Metric("closeout_attention", _GAUGE, "Things of one kind that need a person, as the doctor tells them.", ("part",)),
    Metric("closeout_removing_refused", _GAUGE, "1: nothing is removed, since the log or the records differ."),
    Metric("closeout_pauses", _GAUGE, "Pauses in force."),
    Metric("closeout_orders", _GAUGE, "Open orders by what is next, in tens; what is postponed is none.", ("state",)),
    Metric("closeout_orders_overdue", _GAUGE, "Orders open for more than three days, in tens."),
    Metric("closeout_oldest_due_order_age_seconds", _GAUGE, "For how long an order has been due; 0: none is."),
    Metric("closeout_plans_waiting", _GAUGE, "Plans above a limit that wait for two people."),
    Metric("closeout_findings", _GAUGE, "Open findings, by kind.", ("kind",)),
    Metric("closeout_order_answers_total", _COUNTER, "Orders that a store answered.", ("vendor", "answer")),
    Metric("closeout_looks_total", _COUNTER, "Address books read, or the fault instead.", ("vendor", "answer")),
    Metric("closeout_proofs_total", _COUNTER, "Orders that a look settled: seen to be gone.", ("vendor",)),
    Metric("closeout_passes_total", _COUNTER, "Passes in full, and those that something came of.", ("mode",)),
    Metric("closeout_last_pass_timestamp_seconds", _GAUGE, "When the newest of these passes was.", ("mode",)),
    Metric("closeout_places", _GAUGE, "Address books known."),
    Metric("closeout_places_failing", _GAUGE, "Address books not read at the last try.", ("vendor", "fault")),
    Metric("closeout_register_age_seconds", _GAUGE, "Age of the newest export; no value: none yet.", ("case_system",)),
    Metric("closeout_engines", _GAUGE, "Engines that came round in the last five minutes."),
    Metric("closeout_engine_last_sign_age_seconds", _GAUGE, "Since an engine came round; no value: never."),
    Metric("closeout_log_entries", _GAUGE, "Entries of the log."),
    Metric("closeout_log_signed_entries", _GAUGE, "Entries that the newest signed head vouches for."),
    Metric("closeout_log_unsigned_age_seconds", _GAUGE, "Age of the oldest entry beyond that; 0: none."),
    Metric("closeout_log_cosigned_entries", _GAUGE, "Entries that a witness cosigned.", ("witness",)),
    Metric("closeout_log_witness_fault", _GAUGE, "1: a witness does not cosign now.", ("witness",)),
)  # fmt: skip


def in_tens(count: int) -> int:
    """A count of open orders as monitoring has it: nought is nought, everything else rounded up to tens."""
    return -(-count // TENS) * TENS


def told_states(states: Mapping[State, int]) -> Mapping[State, int]:
    """Orders by state as a program that watches may have them: open ones in tens, those that a look settled exactly.

    What was stopped is none of them: a hold stops what is open, and whoever asks each second would see it.
    """
    return {
        state: count if state is State.DONE else in_tens(count)
        for state, count in states.items()
        if state is not State.STOPPED
    }
