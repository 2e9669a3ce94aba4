"""How a contact stands in several books together, who is a former client, and how lines of a list are named."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server.core.model import OPEN_PHASES, ContactClass, Level, Phase, Presence
from server.core.reports.ledger import (
    NOWHERE,
    CaseFacts,
    InBooks,
    NumberStanding,
    PlaceFacts,
    in_books,
    is_former,
    spans,
    was_there,
)


def at(day: int) -> datetime:
    return datetime(2026, 3, day, 12, 0, tzinfo=UTC)


THERE = PlaceFacts(1, Presence.PRESENT, at(1), at(1))
BACK = PlaceFacts(1, Presence.PRESENT, at(1), at(9), at(5), Level.STORE_REMOVED)
REMOVED = PlaceFacts(1, Presence.ABSENT, at(2), at(4), at(5), Level.DEVICE_SYNCED, 2)
TAKEN_OUT = PlaceFacts(1, Presence.ABSENT, at(3), at(6))
FOUND_GONE = REMOVED._replace(found_gone=True)
BACK_AND_TAKEN_OUT = PlaceFacts(1, Presence.ABSENT, at(1), at(9), at(5), Level.STORE_REMOVED)
UNKNOWN = PlaceFacts(1, Presence.UNKNOWN, at(1), at(7))
CASE = CaseFacts(
    1, "100001", "s", "A", ContactClass.CLIENT, NumberStanding.CURRENT, Phase.CLOSED, at(1), worked=True, works=True
)


@pytest.mark.parametrize(
    ("places", "state"),
    [
        ([], InBooks.NEVER),
        ([THERE], InBooks.THERE),
        ([BACK], InBooks.THERE_AGAIN),
        ([UNKNOWN], InBooks.UNKNOWN),
        ([REMOVED], InBooks.REMOVED),
        ([TAKEN_OUT], InBooks.GONE),
        ([FOUND_GONE], InBooks.GONE),
        ([BACK_AND_TAKEN_OUT], InBooks.GONE),
        ([REMOVED, THERE], InBooks.THERE),
        ([REMOVED, UNKNOWN], InBooks.UNKNOWN),
        ([REMOVED, TAKEN_OUT], InBooks.GONE),
        ([BACK, THERE, UNKNOWN], InBooks.THERE_AGAIN),
    ],
)
def test_what_is_there_outweighs_what_is_not_known_and_that_what_is_gone(places, state):
    assert in_books(places).state is state
    assert in_books(places[::-1]).state is state


def test_several_books_tell_the_first_and_last_days_and_the_weakest_proof():
    weaker = REMOVED._replace(level=Level.STORE_REMOVED, settled_at=at(8), phones=1, first_at=at(4), since_at=at(7))
    found = in_books([REMOVED, weaker])
    assert (found.first_at, found.until, found.settled_at) == (at(2), at(7), at(8))
    assert (found.level, found.phones) == (Level.STORE_REMOVED, 3)
    assert in_books([THERE]).until is None
    assert in_books([]) == NOWHERE


@pytest.mark.parametrize(
    ("facts", "first", "last", "there"),
    [
        (TAKEN_OUT, 1, 2, False),
        (TAKEN_OUT, 1, 3, True),
        (TAKEN_OUT, 6, 30, True),
        (TAKEN_OUT, 7, 30, False),
        (UNKNOWN, 20, 30, True),
        (THERE, 20, 30, True),
    ],
)
def test_a_contact_counts_from_the_day_it_was_first_seen_until_it_was_seen_gone(facts, first, last, there):
    assert was_there([facts], date(2026, 3, first), date(2026, 3, last)) is there


@pytest.mark.parametrize(
    ("changes", "former"),
    [
        ({}, True),
        ({"phase": Phase.MONITORING}, True),
        ({"phase": Phase.MONITORING, "contact_class": ContactClass.REPORTER}, True),
        ({"contact_class": ContactClass.PROFESSIONAL}, False),
        ({"contact_class": None, "number": NumberStanding.FORGOTTEN}, True),
        *[({"phase": phase}, False) for phase in sorted(OPEN_PHASES)],
        *[({"phase": phase, "works": False}, True) for phase in sorted(OPEN_PHASES)],
        ({"phase": Phase.TRIAGE, "ran_before": True}, True),
    ],
)
def test_a_client_is_a_former_one_unless_the_worker_needs_them_now_and_always_did(changes, former):
    assert is_former(CASE._replace(**changes)) is former


@pytest.mark.parametrize(
    ("lines", "said"),
    [([], ""), ([3], "3"), ([1, 2, 3], "1-3"), ([7, 1, 2, 2, 4], "1-2, 4, 7"), ([5, 6], "5-6")],
)
def test_lines_are_named_as_people_write_them(lines, said):
    assert spans(lines) == said
