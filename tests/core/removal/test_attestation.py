"""What a worker is asked of places nobody can see: when, until when, with which reminders, and how long it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.model import Phase, StatedAnswer, StatedPlace
from server.core.policy.model import AttestationRules, ConfirmedBy, Policy
from server.core.removal.attestation import (
    OwnStatement,
    PlaceStanding,
    WorkedCase,
    asked_since,
    is_reminder_due,
    may_answer,
    standings,
    stated_places,
)
from tests.campaigns import examples

HERE = ZoneInfo("Europe/Amsterdam")
SIM, PAPER, BOOK = StatedPlace.SIM, StatedPlace.PAPER, StatedPlace.PHONE_BOOK
DONE, NOT_THERE, CANNOT = StatedAnswer
RULES = AttestationRules((SIM, PAPER), remind_days=(7, 28), open_days=91, counts_days=365)
POLICY = Policy(
    version="asking-1",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=14,
    require_recorded=False,
    former_number_days=365,
    tombstone_days=365,
    max_removals=1000,
    max_share=1.0,
    max_closures_factor=10.0,
    attestation=RULES,
)


def at(day: str, time: str = "12:00") -> datetime:
    """A moment of Amsterdam."""
    return datetime.fromisoformat(f"{day} {time}").replace(tzinfo=HERE).astimezone(UTC)


CLOSED = WorkedCase(1, 1, Phase.CLOSED, closed_at=at("2026-03-10", "15:00"))


def said(place: StatedPlace, answer: StatedAnswer, day: str) -> OwnStatement:
    return OwnStatement(place, answer, at(day))


@pytest.mark.parametrize(
    ("case", "policy", "now", "since"),
    [
        pytest.param(CLOSED, POLICY, at("2026-03-10"), at("2026-03-10", "00:00"), id="on the day it is closed"),
        pytest.param(CLOSED, POLICY, at("2026-03-09", "23:59"), None, id="a closure that lies ahead"),
        pytest.param(replace(CLOSED, closed_at=None), POLICY, at("2026-04-01"), None, id="a status is no closure"),
        pytest.param(
            replace(CLOSED, phase=Phase.INVESTIGATION), POLICY, at("2026-04-01"), None, id="it was opened again"
        ),
        pytest.param(replace(CLOSED, phase=Phase.MONITORING), POLICY, at("2026-04-01"), None, id="it is in monitoring"),
        pytest.param(CLOSED, replace(POLICY, attestation=None), at("2026-04-01"), None, id="the policy asks nobody"),
        pytest.param(
            replace(CLOSED, closed_at=None, confirmed_at=at("2026-03-12")),
            POLICY,
            at("2026-04-01"),
            None,
            id="a supervisor's word, where the case system alone counts",
        ),
        pytest.param(
            replace(CLOSED, closed_at=None, confirmed_at=at("2026-03-12")),
            replace(POLICY, closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR),
            at("2026-04-01"),
            at("2026-03-12", "00:00"),
            id="a supervisor's word, where that counts",
        ),
        pytest.param(
            replace(CLOSED, closed_at=at("2026-03-29", "00:00")),
            POLICY,
            at("2026-03-29", "10:00"),
            at("2026-03-28", "00:00"),
            id="an export that names a day means its end, in the night of the clocks as well",
        ),
    ],
)
def test_a_worker_is_asked_from_the_day_of_the_final_closure(case, policy, now, since):
    assert asked_since(case, policy, now) == since


@pytest.mark.parametrize(
    ("answers", "now", "stands"),
    [
        ((), at("2026-03-10"), {SIM: "open", PAPER: "open"}),
        ((), at("2026-06-08", "23:59"), {SIM: "open", PAPER: "open"}),
        ((), at("2026-06-09", "00:00"), {SIM: "unanswered", PAPER: "unanswered"}),
        ((said(SIM, DONE, "2026-03-10"),), at("2026-03-10"), {SIM: "done", PAPER: "open"}),
        ((said(SIM, NOT_THERE, "2026-03-11"),), at("2026-06-09"), {SIM: "not_there", PAPER: "unanswered"}),
        (
            (said(SIM, CANNOT, "2026-03-11"), said(SIM, DONE, "2026-03-20")),
            at("2026-03-21"),
            {SIM: "done", PAPER: "open"},
        ),
        (
            (said(SIM, DONE, "2026-03-11"), said(SIM, CANNOT, "2026-03-20")),
            at("2026-03-21"),
            {SIM: "cannot", PAPER: "open"},
        ),
        ((said(SIM, DONE, "2026-03-09"),), at("2026-03-11"), {SIM: "open", PAPER: "open"}),
        ((said(BOOK, DONE, "2026-03-11"),), at("2026-03-11"), {SIM: "open", PAPER: "open"}),
        ((said(SIM, DONE, "2026-03-11"),), at("2027-03-10", "23:59"), {SIM: "done", PAPER: "unanswered"}),
        ((said(SIM, DONE, "2026-03-11"),), at("2027-03-11", "00:00"), {SIM: "aged", PAPER: "unanswered"}),
        ((said(SIM, CANNOT, "2026-03-11"),), at("2027-03-11", "00:00"), {SIM: "aged", PAPER: "unanswered"}),
    ],
    ids=[
        *("asked", "on the last day", "left open for too long", "one of two answered", "one lapsed"),
        *("could be done after all", "taken back", "said before it was closed", "about another place"),
        *("on its last day", "too old to count", "that it cannot be done ages as well"),
    ],
)
def test_how_it_stands_follows_from_the_newest_answer_and_the_day(answers, now, stands):
    assert dict(standings(CLOSED, answers, POLICY, now)) == stands


def test_what_was_stated_before_a_case_was_opened_again_is_no_answer_to_its_next_closure():
    answers = (said(SIM, DONE, "2026-03-11"),)
    again = replace(CLOSED, closed_at=at("2026-05-01", "09:00"))
    assert standings(replace(CLOSED, phase=Phase.TRIAGE), answers, POLICY, at("2026-04-01")) == {}
    assert standings(again, answers, POLICY, at("2026-05-01"))[SIM] is PlaceStanding.OPEN


def test_what_could_not_be_done_may_be_answered_again_as_long_as_a_question_stands_open():
    since = at("2026-03-10", "00:00")
    assert [may_answer(each, since, RULES, at("2026-06-08")) for each in PlaceStanding] == [
        each in (PlaceStanding.OPEN, PlaceStanding.CANNOT) for each in PlaceStanding
    ]
    assert not may_answer(PlaceStanding.CANNOT, since, RULES, at("2026-06-09"))


@pytest.mark.parametrize(
    ("opened", "last", "now", "due"),
    [
        (["2026-03-10"], None, "2026-03-16", False),
        (["2026-03-10"], None, "2026-03-17", True),
        (["2026-03-10"], "2026-03-17", "2026-04-06", False),
        (["2026-03-10"], "2026-03-17", "2026-04-07", True),
        (["2026-03-10"], "2026-04-07", "2026-06-08", False),
        (["2026-03-10", "2026-03-12"], "2026-03-17", "2026-03-18", False),
        (["2026-03-10", "2026-03-12"], "2026-03-17", "2026-03-19", True),
        ([], None, "2027-01-01", False),
        (["2026-03-10"], "2026-03-01", "2026-05-01", True),
    ],
)
def test_one_reminder_for_all_on_each_day_the_policy_names(opened, last, now, due):
    days = [at(day, "00:00") for day in opened]
    told = None if last is None else date.fromisoformat(last)
    assert is_reminder_due(days, told, RULES, at(now)) is due


def test_a_place_is_stated_for_a_worker_only_if_it_is_for_every_case():
    done, open_ = {SIM: PlaceStanding.DONE, PAPER: PlaceStanding.NOT_THERE}, {SIM: PlaceStanding.OPEN}
    assert stated_places([]) == frozenset()
    assert stated_places([done]) == {SIM, PAPER}
    assert stated_places([done, {**done, PAPER: PlaceStanding.CANNOT}]) == {SIM}
    assert stated_places([done, {**done, SIM: PlaceStanding.AGED}, done]) == {PAPER}
    assert stated_places([done, open_]) == frozenset()


# --- an oracle, written from the rules alone: whole days since the closure are walked through one by one --------------


def by_hand(
    closed: int, answers: list[tuple[int, StatedAnswer]], today: int, stays_open: int, counts: int
) -> str | None:
    """How it stands with a place on a day; days are counted from any beginning, answers are (day, answer)."""
    if today < closed:
        return None
    stands = "open"
    since = closed
    for day in range(closed, today + 1):
        for on, answer in answers:
            if on == day:
                stands, since = answer.value, day
        if stands == "open" and day - closed >= stays_open:
            stands = "unanswered"
        if stands in ("done", "not_there", "cannot") and day - since >= counts:
            stands = "aged"
    return stands


FIRST = date(2026, 2, 1)


@settings(max_examples=examples(150), derandomize=True, deadline=None)
@given(
    closed=st.integers(0, 60),
    answers=st.lists(st.tuples(st.integers(0, 90), st.sampled_from(StatedAnswer)), max_size=4),
    today=st.integers(0, 120),
    stays_open=st.integers(1, 40),
    more=st.integers(0, 30),
    hour=st.integers(0, 23),
)
def test_every_day_stands_as_the_rules_walked_through_by_hand_have_it(closed, answers, today, stays_open, more, hour):
    """Over both clock changes: days are Amsterdam's, whatever the hour."""

    def moment(day: int, of_day: int) -> datetime:
        on = FIRST + timedelta(days=day)
        return datetime(on.year, on.month, on.day, of_day, 30, tzinfo=HERE).astimezone(UTC)

    answers = sorted((each for each in answers if each[0] <= today), key=lambda each: each[0])
    policy = replace(POLICY, attestation=AttestationRules((SIM,), (), stays_open, stays_open + more))
    found = standings(
        WorkedCase(1, 1, Phase.CLOSED, moment(closed, 17)),
        [OwnStatement(SIM, answer, moment(on, min(hour, 23))) for on, answer in answers],
        policy,
        moment(today, 23),
    )
    assert (found.get(SIM) if found else None) == by_hand(closed, answers, today, stays_open, stays_open + more)
