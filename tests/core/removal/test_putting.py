"""What is put back, as a table and against each thing that forbids it; and what a card of ours is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.model import ContactClass, Decision, Link, Need, Phase, Presence, Reason
from server.core.policy.model import Policy
from server.core.removal.need import decide
from server.core.removal.putting import BookNow, asked_for, label_of
from tests.campaigns import examples

NOW = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(
    version="1",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=14,
    require_recorded=False,
    former_number_days=365,
    tombstone_days=365,
    max_removals=1000,
    max_share=1.0,
    max_closures_factor=10.0,
)
EMPTY_BOOK = BookNow(Presence.ABSENT)
OPEN = Link(7, ContactClass.CLIENT, Phase.INVESTIGATION, NOW, was_assigned=True, assigned_now=True)
LEFT = OPEN._replace(assigned_now=False, assigned_until=NOW - 90 * DAY)
WATCHED = OPEN._replace(phase=Phase.MONITORING, planned_moments=((NOW + 3 * DAY).date(),))
CLOSED = OPEN._replace(phase=Phase.CLOSED, closed_at=NOW - 60 * DAY)


def put(*links: Link, book: BookNow = EMPTY_BOOK, held: bool = False) -> int | None:
    return asked_for(decide(links, POLICY, NOW, NOW - 90 * DAY), links, book, held=held)


@pytest.mark.parametrize(
    ("said", "links", "case"),
    [
        ("on an open case", (OPEN,), 7),
        ("of a reporter", (OPEN._replace(contact_class=ContactClass.REPORTER),), 7),
        ("in a window of monitoring", (WATCHED,), 7),
        ("by a recorded deviation", (CLOSED._replace(deviation_until=NOW + DAY),), 7),
        ("open once more beside a closed case", (CLOSED, OPEN._replace(case=8)), 8),
        ("closed", (CLOSED,), None),
        ("on an open case of others", (LEFT,), None),
        ("outside of the windows", (WATCHED._replace(planned_moments=((NOW + 30 * DAY).date(),)),), None),
        ("not in the register", (), None),
        ("a professional", (OPEN._replace(contact_class=ContactClass.PROFESSIONAL),), None),
        ("a professional elsewhere", (OPEN, CLOSED._replace(case=8, contact_class=ContactClass.PROFESSIONAL)), None),
        ("a register read too long ago", (OPEN._replace(read_at=NOW - 4 * DAY),), None),
        ("a number that may be another's", (OPEN._replace(linked=False),), None),
        ("a former number of an open case", (OPEN._replace(former_since=NOW - DAY),), None),
        ("a former number that somebody called theirs", (OPEN._replace(former_since=NOW - DAY, theirs=True),), 7),
        ("a number that the register names no more", (OPEN._replace(since_at=NOW - 90 * DAY, gone_at=NOW),), None),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_put_back(said: str, links: tuple[Link, ...], case: int | None) -> None:
    assert put(*links) == case


@pytest.mark.parametrize("presence", [Presence.PRESENT, Presence.UNKNOWN, None])
def test_unknown_is_never_absent_and_what_stands_there_is_not_doubled(presence: Presence | None) -> None:
    assert put(OPEN, book=BookNow(presence)) is None


def test_what_may_stand_there_by_our_own_unanswered_call_is_asked_for_again() -> None:
    assert put(OPEN, book=BookNow(Presence.PRESENT, unanswered=True)) == 7
    assert put(OPEN, book=BookNow(Presence.UNKNOWN, unanswered=True)) is None


FORBIDDEN: dict[str, Callable[[tuple[Link, ...], BookNow, bool], tuple[tuple[Link, ...], BookNow, bool]]] = {
    "a hold": lambda links, book, _held: (links, book, True),
    "a shared book": lambda links, book, held: (links, replace(book, shared=True), held),
    "a worker who is away": lambda links, book, held: (links, replace(book, away=True), held),
    "a worker who took it out": lambda links, book, held: (links, replace(book, taken_out=True), held),
    "an open order to remove it": lambda links, book, held: (links, replace(book, leaving=True), held),
    "it stands there": lambda links, book, held: (links, replace(book, presence=Presence.PRESENT), held),
    "nobody knows": lambda links, book, held: (links, replace(book, presence=Presence.UNKNOWN), held),
    "a class that stays": lambda links, book, held: (
        (*links, CLOSED._replace(case=9, contact_class=ContactClass.COLLEAGUE)), book, held
    ),
    "an old register": lambda links, book, held: (
        tuple(each._replace(read_at=NOW - 9 * DAY) for each in links), book, held
    ),
    "a former number": lambda links, book, held: (
        tuple(each._replace(former_since=NOW - DAY, theirs=False) for each in links), book, held
    ),
    "not their number": lambda links, book, held: (tuple(each._replace(linked=False) for each in links), book, held),
    "nobody works on it": lambda links, book, held: (
        tuple(
            each._replace(assigned_now=False, assigned_until=NOW - DAY, planned_moments=(), deviation_until=None)
            for each in links
        ),
        book,
        held,
    ),
}  # fmt: skip
ASKED = st.lists(st.sampled_from([OPEN, WATCHED, CLOSED._replace(deviation_until=NOW + DAY)]), min_size=1, max_size=3)


@settings(max_examples=examples(200), derandomize=True, deadline=None)
@given(ASKED, st.lists(st.sampled_from([CLOSED, LEFT]), max_size=2), st.sets(st.sampled_from(sorted(FORBIDDEN))))
def test_it_is_put_where_the_work_asks_for_it_and_nothing_forbids_it(
    asked: list[Link], others: list[Link], forbidden: set[str]
) -> None:
    links = tuple(each._replace(case=nth) for nth, each in enumerate([*others, *asked], 1))
    book, held = EMPTY_BOOK, False
    for each in sorted(forbidden):
        links, book, held = FORBIDDEN[each](links, book, held)

    case = put(*links, book=book, held=held)

    assert (case is not None) == (not forbidden)
    assert case is None or case > len(others)


def test_a_decision_without_a_case_puts_nothing() -> None:
    need = Need(Decision.KEEP, Reason.ASSIGNED, "1")
    assert asked_for(need, (OPEN,), EMPTY_BOOK, held=False) is None


@pytest.mark.parametrize(
    ("number", "person", "label"),
    [
        ("123456", "B", "123456-B"),
        ("2024/0123", "a", "2024/0123-A"),
        ("VT-123456", "C2", "VT-123456-C2"),
        ("123456", "12", "123456-12"),
        ("123456", "Anna", None),
        ("123456", "Jan", None),
        ("123456", "Bo", None),
        ("123456", "", None),
        ("123456", "moeder", None),
        ("Jansen", "B", None),
        ("Jansen 1", "B", None),
        ("123456\r\nNOTE:x", "B", None),
        ("123;456", "B", None),
        ("", "B", None),
    ],
)
def test_a_card_of_ours_is_called_by_case_number_and_person_code_and_never_by_a_name(
    number: str, person: str, label: str | None
) -> None:
    assert label_of(number, person) == label
