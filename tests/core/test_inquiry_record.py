"""How a mandate and its questions come into force and end, who is kept from them, and what the list looks like."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from server.core.inquiry_record import (
    LONGEST,
    Inquiries,
    LedgerAsk,
    LedgerQuestion,
    LedgerStanding,
    Mandate,
    MandateStanding,
    SaidBy,
    TakesPart,
    answered_on,
    asked_on,
    decode,
    encode,
    is_apart,
)
from server.core.one_length import PADDED_TO

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ONE, OTHER = SaidBy("one", "investigator", NOW), SaidBy("other", "independent_officer", NOW)
MANDATE = Mandate(
    *("m1", ONE, "other", "police", 7, "worker-7"), date(2025, 1, 1), date(2026, 3, 1), date(2026, 4, 1), "a task"
)
ASK = LedgerAsk("a1", "m1", LedgerQuestion.NUMBERS, ONE, "a reason", 3, "00" * 32)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "later", "standing"),
    [
        ({}, 0 * DAY, MandateStanding.WAITING),
        ({}, 3 * DAY - HOUR, MandateStanding.WAITING),
        ({}, 3 * DAY, MandateStanding.RAN_OUT),
        ({"ends_on": date(2026, 3, 3)}, 0 * DAY, MandateStanding.RAN_OUT),
        ({"decided": OTHER, "granted": False}, 0 * DAY, MandateStanding.REFUSED),
        ({"decided": OTHER, "granted": True}, 0 * DAY, MandateStanding.IN_FORCE),
        ({"decided": OTHER, "granted": True}, 28 * DAY, MandateStanding.IN_FORCE),
        ({"decided": OTHER, "granted": True}, 29 * DAY, MandateStanding.ENDED),
        ({"decided": OTHER, "granted": True, "ended": ONE}, 0 * DAY, MandateStanding.ENDED),
    ],
)
def test_a_mandate_is_in_force_from_a_second_word_until_its_last_day(changes, later, standing):
    assert replace(MANDATE, **changes).standing(NOW + later, (NOW + later).date()) is standing


@pytest.mark.parametrize(
    ("changes", "later", "standing"),
    [
        ({}, 3 * DAY - HOUR, LedgerStanding.WAITING),
        ({}, 3 * DAY, LedgerStanding.RAN_OUT),
        ({"decided": OTHER, "granted": False}, HOUR, LedgerStanding.REFUSED),
        ({"decided": OTHER, "granted": True}, DAY - HOUR, LedgerStanding.OPEN),
        ({"decided": OTHER, "granted": True}, DAY, LedgerStanding.OVER),
    ],
)
def test_a_question_is_open_for_a_day_from_its_approval(changes, later, standing):
    assert replace(ASK, **changes).standing(NOW + later) is standing


@pytest.mark.parametrize(
    ("who", "apart"),
    [
        (TakesPart("x"), False),
        (TakesPart("x", 8), False),
        (TakesPart("x", 7), True),
        (TakesPart("x", 8, frozenset({7, 8})), True),
        (TakesPart("x", 8, frozenset({8, 9})), False),
        (TakesPart("x", None, None), True),
    ],
)
def test_the_subject_and_their_line_are_kept_from_it(who, apart):
    assert (is_apart(MANDATE, who), is_apart(7, who)) == (apart, apart)


def test_two_read_it_and_nobody_else():
    assert [MANDATE.is_read_by(each) for each in ("one", "other", "third", "")] == [True, True, False, False]


def test_what_was_asked_and_answered_is_counted_by_day():
    had = (replace(ONE, at=NOW - DAY), ONE, OTHER)
    some = Inquiries((MANDATE,), (ASK, replace(ASK, uid="a2", mandate="m2", answers=had)))

    def today(at: datetime) -> bool:
        return at.date() == NOW.date()

    assert (asked_on(some, "m1", today), asked_on(some, "m3", today)) == (1, 0)
    assert (answered_on(some, "one", today), answered_on(some, "other", today)) == (1, 1)


def test_what_is_written_is_read_back_and_of_one_length_whatever_it_is():
    full = replace(MANDATE, device=3, device_ref="phone-3", decided=OTHER, granted=True, ended=ONE)
    some = Inquiries((MANDATE, full), (ASK, replace(ASK, decided=OTHER, granted=True, answers=(ONE, OTHER))))
    assert decode(encode(some)) == some
    assert {len(encode(each).encode()) for each in (Inquiries(), some)} == {PADDED_TO}


def test_when_there_is_no_room_those_that_are_over_go_first_and_none_in_force_does():
    long = "x" * 250
    over = [replace(MANDATE, uid=f"over-{n}", task=long, decided=OTHER, granted=False) for n in range(40)]
    live = [replace(MANDATE, uid=f"live-{n}", task=long, decided=OTHER, granted=True) for n in range(40)]
    asks = [replace(ASK, uid=f"ask-{n}", mandate=each.uid) for n, each in enumerate((*over, *live))]
    kept = decode(encode(Inquiries((*over, *live), tuple(asks))))
    assert [each for each in kept.mandates if each.uid.startswith("live")] == live
    assert len(kept.mandates) < 80
    assert {each.mandate for each in kept.asks} == {each.uid for each in kept.mandates}
    old = [replace(each, recorded=replace(ONE, at=NOW - LONGEST - DAY)) for each in live]
    newer = [replace(each, uid=f"new-{each.uid}") for each in live]
    assert set(newer) <= set(decode(encode(Inquiries((*old, *newer), ()))).mandates)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mandates":[{"uid":1}],"asks":[]}', '{"mandates":[[]],"asks":[]}'])
def test_what_is_no_such_list_is_refused(text):
    with pytest.raises(ValueError):
        decode(text)


def test_nothing_that_is_written_is_lost_from_the_names_of_its_fields():
    told = json.loads(encode(Inquiries((MANDATE,), (ASK,))))
    assert set(told["mandates"][0]) == set(Mandate.__dataclass_fields__)
    assert set(told["asks"][0]) == set(LedgerAsk.__dataclass_fields__)
