"""A policy's own examples, decided by its own rules at their own moment; nothing is read and no clock is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.core.model import Decision, Link, Monitored, Reason
from server.core.policy.document import PolicyDocument
from server.core.policy.model import Policy
from server.core.policy.schema import Example, ExampleLink, Said
from server.core.removal.need import decide


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What came out of an example. at: its place in the file, from 1. says: what it shows, in both languages."""

    at: int
    says: Said
    expected: tuple[Decision, Reason]
    decided: tuple[Decision, Reason]

    @property
    def holds(self) -> bool:
        """Whether the rules say what the example says."""
        return self.expected == self.decided


def run_examples(document: PolicyDocument) -> Sequence[ExampleResult]:
    """Every example of a policy. Of a document that loaded they all hold."""
    return [run_example(at, each, document.policy) for at, each in enumerate(document.content.examples, start=1)]


def run_example(at: int, example: Example, policy: Policy) -> ExampleResult:
    """One example under a policy."""
    links = links_of(example)
    need = decide(links, policy, example.now, example.first_seen or example.now, held=example.held)
    return ExampleResult(
        at, example.says, (example.expect.decision, example.expect.reason), (need.decision, need.reason)
    )


def links_of(example: Example) -> tuple[Link, ...]:
    """The situation of an example as the need table takes it; cases are numbered from 1."""
    return tuple(_link(case, each, example.now) for case, each in enumerate(example.links, start=1))


def _link(case: int, link: ExampleLink, now: datetime) -> Link:
    age = link.register_age_hours
    return Link(
        case=case,
        contact_class=link.contact_class,
        phase=link.phase,
        read_at=None if age is None else now - timedelta(hours=age),
        linked=link.linked,
        was_assigned=link.assigned != "never",
        assigned_now=link.assigned == "now",
        assigned_until=link.assigned_until,
        closed_at=link.closed_at,
        recorded=link.recorded,
        planned_moments=tuple(link.planned_moments),
        monitored=Monitored(
            link.transferred_on,
            link.monitoring_from,
            link.plan_counts_from,
            names_workers=link.others_planned or bool(link.planned_moments),
        ),
        deviation_until=link.deviation_until,
        former_since=link.former_since,
        confirmed_at=link.confirmed_at,
        since_at=link.since,
        gone_at=link.gone_at,
    )
