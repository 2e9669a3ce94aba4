"""DOMAIN 14.1, a named test for each row: every rule, precedence and boundary; then the whole table at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, permutations, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.model import OPEN_PHASES, REMOVALS, ContactClass, Decision, Link, Need, Phase, Reason
from server.core.policy.model import ConfirmedBy, Policy
from server.core.removal.need import RULES, decide, decide_case
from server.sources.invented import Organisation, invent, truth

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
POLICY = Policy(
    version="rules-7",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=14,
    require_recorded=True,
    former_number_days=365,
    tombstone_days=365,
    max_removals=100,
    max_share=0.5,
    max_closures_factor=10.0,
)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def link(**facts: object) -> Link:
    """A client's number in an open case that is soundly known; nobody was ever assigned."""
    values = {
        "case": 1,
        "contact_class": ContactClass.CLIENT,
        "phase": Phase.INVESTIGATION,
        "read_at": NOW - timedelta(hours=1),
        "recorded": True,
    }
    return Link(**{**values, **facts})  # type: ignore[arg-type]


def assigned(**facts: object) -> Link:
    return link(**{"was_assigned": True, "assigned_now": True, **facts})


def closed(ago: float = 60, **facts: object) -> Link:
    """Finally closed, confirmed that many days ago, with the worker on the case to the end."""
    return assigned(**{"phase": Phase.CLOSED, "closed_at": NOW - days(ago), **facts})


def handed_over(ago: float = 60, **facts: object) -> Link:
    return link(**{"was_assigned": True, "assigned_until": NOW - days(ago), **facts})


def monitored(*moments: date, **facts: object) -> Link:
    return link(**{"phase": Phase.MONITORING, "planned_moments": moments, **facts})


def decided(
    *links: Link, policy: Policy = POLICY, now: datetime = NOW, seen: datetime = NOW, held: bool = False
) -> Need:
    return decide(links, policy, now, seen, held=held)


def answer(*links: Link, **how: object) -> tuple[Decision, Reason]:
    need = decided(*links, **how)  # type: ignore[arg-type]
    return need.decision, need.reason


def public(need: Need) -> tuple[object, ...]:
    """All of a need that anybody without clearance may see."""
    return need.decision, need.reason, need.policy, need.case


# --- no match -----------------------------------------------------------------------------------------------------


def test_an_identifier_that_no_case_knows_is_ignored():
    assert decided() == Need(Decision.IGNORE, Reason.NOT_IN_REGISTER, "rules-7")


def test_an_identifier_that_no_case_knows_is_ignored_under_a_hold_as_well():
    assert decided(held=True) == decided()


# --- rule 1: class ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stays", [ContactClass.PROFESSIONAL, ContactClass.COLLEAGUE, ContactClass.CHAIN_PARTNER])
def test_a_professional_a_colleague_and_a_partner_stay(stays):
    assert decided(closed(contact_class=stays)) == Need(Decision.KEEP, Reason.CLASS_STAYS, "rules-7", 1)


@pytest.mark.parametrize("follows", [ContactClass.CLIENT, ContactClass.REPORTER])
def test_a_client_and_a_reporter_follow_the_case(follows):
    assert answer(closed(contact_class=follows)) == (Decision.REMOVE, Reason.FINALLY_CLOSED)
    assert answer(assigned(contact_class=follows)) == (Decision.KEEP, Reason.ASSIGNED)


@pytest.mark.parametrize(
    "facts",
    [
        {"read_at": None},
        {"read_at": NOW - days(30)},
        {"linked": False},
        {"deviation_until": NOW + days(1)},
        {"phase": Phase.MONITORING},
        {"former_since": NOW - days(900)},
        {"was_assigned": False, "assigned_now": False, "phase": Phase.TRIAGE},
    ],
    ids=["never read", "stale", "link unknown", "deviation", "monitoring", "former", "never assigned"],
)
def test_the_class_outranks_every_later_rule(facts):
    colleague = closed(contact_class=ContactClass.COLLEAGUE, **facts)
    assert answer(colleague) == (Decision.KEEP, Reason.CLASS_STAYS)


def test_the_policy_says_which_classes_stay():
    partners_go = replace(POLICY, classes_that_stay=frozenset({ContactClass.COLLEAGUE}))
    partner = closed(contact_class=ContactClass.CHAIN_PARTNER)
    assert answer(partner, policy=partners_go) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


# --- rule 2: never remove on missing data -------------------------------------------------------------------------


def test_a_register_that_was_never_read_decides_nothing():
    assert decided(closed(read_at=None)) == Need(Decision.REVIEW, Reason.REGISTER_STALE, "rules-7", 1)


def test_a_register_read_exactly_at_the_limit_still_counts_and_a_microsecond_later_no_more():
    read_at = NOW - timedelta(hours=72)
    assert answer(closed(read_at=read_at)) == (Decision.REMOVE, Reason.FINALLY_CLOSED)
    assert answer(closed(read_at=read_at - TICK)) == (Decision.REVIEW, Reason.REGISTER_STALE)


def test_a_register_read_in_the_future_was_read_by_a_clock_that_was_wrong():
    hour = timedelta(hours=1)
    assert answer(closed(read_at=NOW + hour)) == (Decision.REMOVE, Reason.FINALLY_CLOSED)
    assert answer(closed(read_at=NOW + hour + TICK)) == (Decision.REVIEW, Reason.REGISTER_STALE)


def test_a_link_that_the_register_is_not_sure_of_goes_to_a_person():
    assert decided(closed(linked=False)) == Need(Decision.REVIEW, Reason.LINK_UNKNOWN, "rules-7", 1)


def test_of_a_stale_register_nothing_else_is_believed_not_even_that_a_link_is_unknown():
    assert answer(closed(linked=False, read_at=None)) == (Decision.REVIEW, Reason.REGISTER_STALE)


@pytest.mark.parametrize("doubt", [{"read_at": None}, {"linked": False}], ids=["stale", "link unknown"])
@pytest.mark.parametrize(
    "later",
    [
        closed(deviation_until=NOW + days(1)),
        assigned(),
        monitored(NOW.date()),
        monitored(),
        link(former_since=NOW - days(900)),
        closed(),
        handed_over(),
        link(),
    ],
    ids=["deviation", "assigned", "in window", "outside", "former", "closed", "handed over", "never assigned"],
)
def test_missing_data_outranks_every_later_rule(doubt, later):
    assert decided(later._replace(**doubt)).decision is Decision.REVIEW


# --- rule 3: deviation --------------------------------------------------------------------------------------------


def test_a_deviation_keeps_until_its_last_microsecond():
    until = NOW + days(30)
    excepted = closed(deviation_until=until)
    assert decided(excepted) == Need(Decision.KEEP, Reason.DEVIATION, "rules-7", 1, next_at=until)
    fresh = excepted._replace(read_at=until)
    assert answer(fresh, now=until - TICK) == (Decision.KEEP, Reason.DEVIATION)
    assert answer(fresh, now=until) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


@pytest.mark.parametrize(
    "later",
    [
        assigned(),
        monitored(NOW.date()),
        monitored(),
        link(former_since=NOW - days(900)),
        closed(),
        handed_over(),
        link(),
    ],
    ids=["assigned", "in window", "outside", "former", "closed", "handed over", "never assigned"],
)
def test_a_deviation_outranks_monitoring_closure_and_all_that_follows(later):
    assert answer(later._replace(deviation_until=NOW + TICK)) == (Decision.KEEP, Reason.DEVIATION)


# --- rule 4: assigned ---------------------------------------------------------------------------------------------


def test_the_phases_in_which_the_work_needs_the_number_are_those_of_the_table():
    assert {
        Phase.ADVICE_OPEN,
        Phase.TRIAGE,
        Phase.WAITING,
        Phase.CONDITIONS_FOLLOWUP,
        Phase.INVESTIGATION,
        Phase.TRANSFER_PENDING,
    } == OPEN_PHASES


@pytest.mark.parametrize("phase", sorted(OPEN_PHASES))
def test_a_worker_on_an_open_case_keeps_the_number(phase):
    until = NOW + days(3)
    need = decided(assigned(phase=phase, assigned_until=until))
    assert need == Need(Decision.KEEP, Reason.ASSIGNED, "rules-7", 1, next_at=until)


def test_a_case_opened_again_is_open_whatever_closure_it_once_had():
    assert answer(assigned(closed_at=NOW - days(300))) == (Decision.KEEP, Reason.ASSIGNED)


def test_a_worker_on_the_case_keeps_even_a_number_that_was_changed_long_ago():
    assert answer(assigned(former_since=NOW - days(900))) == (Decision.KEEP, Reason.ASSIGNED)


@pytest.mark.parametrize("phase", [Phase.MONITORING, Phase.CLOSED])
def test_being_assigned_is_no_need_once_the_case_is_monitored_or_closed(phase):
    assert decided(assigned(phase=phase, closed_at=NOW - days(60))).decision in REMOVALS


# --- rule 5: monitoring -------------------------------------------------------------------------------------------


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), AMSTERDAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "opens", "shuts"),
    [
        (date(2025, 6, 10), datetime(2025, 5, 26, 22, tzinfo=UTC), datetime(2025, 6, 24, 22, tzinfo=UTC)),
        (date(2025, 1, 20), datetime(2025, 1, 5, 23, tzinfo=UTC), datetime(2025, 2, 3, 23, tzinfo=UTC)),
        (date(2025, 4, 8), datetime(2025, 3, 24, 23, tzinfo=UTC), datetime(2025, 4, 22, 22, tzinfo=UTC)),
        (date(2025, 10, 30), datetime(2025, 10, 15, 22, tzinfo=UTC), datetime(2025, 11, 13, 23, tzinfo=UTC)),
    ],
    ids=["summer", "winter", "into summer time", "out of summer time"],
)
def test_the_window_runs_from_midnight_to_midnight_in_amsterdam(moment, opens, shuts):
    assert (midnight(moment - days(14)), midnight(moment + days(15))) == (opens, shuts)
    for now, expected in (
        (opens - TICK, (Decision.REMOVE_REPROVISIONABLE, Reason.MONITORING_OUTSIDE)),
        (opens, (Decision.KEEP, Reason.MONITORING_WINDOW)),
        (shuts - TICK, (Decision.KEEP, Reason.MONITORING_WINDOW)),
        (shuts, (Decision.REMOVE_REPROVISIONABLE, Reason.MONITORING_OUTSIDE)),
    ):
        assert answer(monitored(moment, read_at=now), now=now) == expected


@pytest.mark.parametrize(
    ("moment", "opens", "shuts"),
    [
        (date(2025, 3, 30), datetime(2025, 3, 29, 23, tzinfo=UTC), datetime(2025, 3, 30, 22, tzinfo=UTC)),
        (date(2025, 10, 26), datetime(2025, 10, 25, 22, tzinfo=UTC), datetime(2025, 10, 26, 23, tzinfo=UTC)),
    ],
    ids=["a day of 23 hours", "a day of 25 hours"],
)
def test_a_window_of_one_day_is_as_long_as_that_day(moment, opens, shuts):
    narrow = replace(POLICY, monitoring_window_days=0)
    need = decided(monitored(moment, read_at=opens), policy=narrow, now=opens)
    assert (need.decision, need.next_at) == (Decision.KEEP, shuts)
    assert decided(monitored(moment, read_at=shuts), policy=narrow, now=shuts - TICK).decision is Decision.KEEP
    assert decided(monitored(moment, read_at=shuts), policy=narrow, now=shuts).decision in REMOVALS


def test_between_two_windows_the_contact_goes_and_may_come_back():
    three_months, a_year = date(2025, 1, 10), date(2025, 10, 10)
    need = decided(monitored(a_year, three_months))
    assert need == Need(
        Decision.REMOVE_REPROVISIONABLE,
        Reason.MONITORING_OUTSIDE,
        "rules-7",
        1,
        basis="monitoring 2025-01-10",
        next_at=midnight(a_year - days(14)),
    )


def test_each_window_that_passed_makes_a_need_of_its_own():
    moments = (date(2024, 6, 1), date(2025, 1, 10))
    between = datetime(2024, 9, 1, tzinfo=UTC)
    bases = {
        decided(monitored(*moments, read_at=now), now=now).basis
        for now in (datetime(2024, 1, 1, tzinfo=UTC), between, NOW)
    }
    assert bases == {"monitoring ", "monitoring 2024-06-01", "monitoring 2025-01-10"}


def test_a_worker_who_is_not_in_the_monitoring_plan_has_no_window():
    assert answer(assigned(phase=Phase.MONITORING)) == (Decision.REMOVE_REPROVISIONABLE, Reason.MONITORING_OUTSIDE)


def test_planned_moments_mean_nothing_outside_monitoring():
    assert answer(closed(planned_moments=(NOW.date(),))) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


@pytest.mark.parametrize("moments", [(NOW.date(),), ()], ids=["in window", "outside"])
def test_monitoring_outranks_closure_end_of_assignment_and_never_assigned(moments):
    for other in (closed(), handed_over(), link()):
        need = decided(other._replace(phase=Phase.MONITORING, planned_moments=moments))
        assert need.reason in (Reason.MONITORING_WINDOW, Reason.MONITORING_OUTSIDE)


# --- ours, between 4 and 5: former numbers ------------------------------------------------------------------------


@pytest.mark.parametrize("ended", [closed(), handed_over(), link()], ids=["closed", "handed over", "never assigned"])
def test_a_number_given_up_longer_ago_than_the_policy_says_goes_to_a_person(ended):
    since = NOW - days(365)
    review = Need(Decision.REVIEW, Reason.FORMER_NUMBER, "rules-7", 1)
    assert decided(ended._replace(former_since=since - TICK)) == review
    assert decided(ended._replace(former_since=since)).reason is not Reason.FORMER_NUMBER


@pytest.mark.parametrize("moments", [(NOW.date(),), ()], ids=["in window", "outside"])
def test_a_number_given_up_long_ago_goes_to_a_person_in_monitoring_as_well(moments):
    """In monitoring it was removed with nobody asked, once closed it was a question: it may be a stranger's in both."""
    since = NOW - days(365)
    former = monitored(*moments, former_since=since - TICK)
    assert decided(former) == Need(Decision.REVIEW, Reason.FORMER_NUMBER, "rules-7", 1)
    assert decided(former._replace(former_since=since)).reason is not Reason.FORMER_NUMBER


def overwritten(ago: float, lasted: float, link: Link) -> Link:
    """The register named it for so many days, and ceased to that many days ago."""
    return link._replace(gone_at=NOW - days(ago), since_at=NOW - days(ago + lasted))


@pytest.mark.parametrize(
    ("ago", "lasted", "expected"),
    [
        (1, 14, (Decision.REMOVE, Reason.FINALLY_CLOSED)),
        (365, 14, (Decision.REMOVE, Reason.FINALLY_CLOSED)),
        (366, 14, (Decision.REVIEW, Reason.FORMER_NUMBER)),
        (1, 13.9, (Decision.REVIEW, Reason.FORMER_NUMBER)),
        (300, 0, (Decision.REVIEW, Reason.FORMER_NUMBER)),
    ],
    ids=["overwritten", "at the last moment", "too long ago", "a correction", "a correction long ago"],
)
def test_a_number_that_the_register_names_no_more_is_former(ago, lasted, expected):
    assert answer(overwritten(ago, lasted, closed())) == expected
    assert answer(overwritten(ago, lasted, assigned())) == (Decision.KEEP, Reason.ASSIGNED)
    in_monitoring = answer(overwritten(ago, lasted, monitored()))
    assert (in_monitoring[0] is Decision.REVIEW) is (expected[0] is Decision.REVIEW)


def test_a_number_of_which_nobody_knows_how_long_it_was_named_may_have_been_a_slip():
    assert answer(closed(gone_at=NOW - days(1))) == (Decision.REVIEW, Reason.FORMER_NUMBER)


def test_a_number_that_the_register_itself_calls_former_was_no_slip():
    named = overwritten(1, 1, closed())._replace(former_since=NOW - days(90))
    assert answer(named) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


def test_a_former_number_of_which_a_person_said_that_it_is_still_theirs_follows_the_rules():
    for former in (overwritten(400, 90, closed()), overwritten(1, 1, closed()), closed(former_since=NOW - days(900))):
        assert answer(former._replace(theirs=True)) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


def test_a_window_is_decided_again_when_the_number_becomes_too_old_in_it():
    need = decided(monitored(NOW.date(), former_since=NOW - days(364)))
    assert need == Need(Decision.KEEP, Reason.MONITORING_WINDOW, "rules-7", 1, next_at=NOW + days(1) + TICK)


# --- rule 6: closed, or no longer assigned ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended", "reason"),
    [(closed, Reason.FINALLY_CLOSED), (handed_over, Reason.NO_LONGER_ASSIGNED)],
    ids=["finally closed", "no longer assigned"],
)
def test_grace_runs_to_the_microsecond_from_what_ended(ended, reason):
    at = NOW - days(14)
    assert decided(ended(14)) == Need(Decision.REMOVE, reason, "rules-7", 1, basis=f"{reason} {at.isoformat()}")
    still = decided(ended(14), now=NOW - TICK)
    assert still == Need(Decision.DEFER, Reason.DEFERRED, "rules-7", 1, next_at=NOW)


def test_no_grace_at_all_is_a_policy_too():
    at_once = replace(POLICY, grace_days=0)
    assert answer(closed(0), policy=at_once) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


@pytest.mark.parametrize(
    ("closed_ago", "left_ago", "reason"),
    [(30, 60, Reason.NO_LONGER_ASSIGNED), (60, 30, Reason.FINALLY_CLOSED)],
)
def test_whichever_ended_first_starts_the_grace_and_is_the_reason(closed_ago, left_ago, reason):
    both = closed(closed_ago, assigned_now=False, assigned_until=NOW - days(left_ago))
    first = NOW - days(max(closed_ago, left_ago))
    assert decided(both) == Need(Decision.REMOVE, reason, "rules-7", 1, basis=f"{reason} {first.isoformat()}")


@pytest.mark.parametrize("ended", [closed, handed_over], ids=["finally closed", "no longer assigned"])
def test_what_is_not_in_the_case_file_goes_to_a_person_once_grace_is_over(ended):
    assert answer(ended(13, recorded=False)) == (Decision.DEFER, Reason.DEFERRED)
    assert decided(ended(14, recorded=False)) == Need(Decision.REVIEW, Reason.NOT_RECORDED, "rules-7", 1)
    assert decided(ended(14, recorded=True)).decision is Decision.REMOVE


def test_a_policy_may_not_ask_whether_it_is_in_the_case_file():
    lax = replace(POLICY, require_recorded=False)
    assert answer(closed(recorded=False), policy=lax) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


def test_the_last_worker_on_a_closed_case_has_it_no_longer_although_still_assigned():
    assert answer(closed(assigned_now=True, assigned_until=None)) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


def test_a_worker_who_was_never_on_a_closed_case_is_judged_by_its_closure():
    looked_up = closed(60, was_assigned=False, assigned_now=False)
    assert answer(looked_up, seen=NOW) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


def test_a_closed_status_without_a_confirmed_closure_is_a_question_not_a_removal():
    unconfirmed = Need(Decision.REVIEW, Reason.CLOSURE_UNCONFIRMED, "rules-7", 1)
    assert decided(assigned(phase=Phase.CLOSED)) == unconfirmed


def test_a_worker_who_left_is_not_kept_by_a_closure_that_nobody_confirmed():
    assert answer(handed_over(phase=Phase.CLOSED)) == (Decision.REMOVE, Reason.NO_LONGER_ASSIGNED)


def test_a_closure_that_lies_in_the_future_has_not_happened_until_its_day_begins():
    need = decided(closed(-1))
    begins = datetime(2025, 3, 4, 23, tzinfo=UTC)  # midnight in Amsterdam, as 5 March begins
    assert need == Need(Decision.REVIEW, Reason.CLOSURE_UNCONFIRMED, "rules-7", 1, next_at=begins)


def test_a_later_closure_of_the_same_case_is_another_need():
    assert len({decided(closed(ago)).basis for ago in (60, 200)}) == 2


# --- rule 7: never assigned ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", sorted({*OPEN_PHASES, Phase.CLOSED}))
def test_a_worker_who_was_never_on_the_case_has_grace_from_the_first_sighting(phase):
    seen = NOW - days(14)
    stranger = link(phase=phase)
    removed = Need(Decision.REMOVE, Reason.NEVER_ASSIGNED, "rules-7", 1, basis=f"seen {seen.isoformat()}")
    assert decided(stranger, seen=seen) == removed
    waiting = decided(stranger, seen=seen + TICK)
    assert waiting == Need(Decision.DEFER, Reason.DEFERRED, "rules-7", 1, next_at=NOW + TICK)


def test_a_worker_who_was_never_on_a_case_has_no_question_for_ever_because_nobody_confirms_its_closure():
    stranger = link(phase=Phase.CLOSED, closed_at=NOW + days(90))
    assert answer(stranger, seen=NOW - days(13)) == (Decision.DEFER, Reason.DEFERRED)
    assert answer(stranger, seen=NOW - days(14)) == (Decision.REMOVE, Reason.NEVER_ASSIGNED)


def test_whether_it_is_recorded_is_not_asked_of_a_worker_who_was_never_on_the_case():
    assert answer(link(recorded=False), seen=NOW - days(14)) == (Decision.REMOVE, Reason.NEVER_ASSIGNED)


# --- answers combine ----------------------------------------------------------------------------------------------

ONE_OF_EACH = {
    Decision.KEEP: assigned(case=1),
    Decision.REVIEW: closed(case=2, recorded=False),
    Decision.DEFER: closed(3, case=3),
    Decision.REMOVE_REPROVISIONABLE: monitored(date(2025, 9, 1), case=4),
    Decision.REMOVE: closed(case=5),
}
STRENGTH = (Decision.KEEP, Decision.REVIEW, Decision.DEFER, Decision.REMOVE_REPROVISIONABLE, Decision.REMOVE)


def test_one_of_each_is_one_of_each():
    assert {decision: decided(each).decision for decision, each in ONE_OF_EACH.items()} == {
        decision: decision for decision in STRENGTH
    }


@pytest.mark.parametrize(("stronger", "weaker"), list(combinations(STRENGTH, 2)))
def test_of_two_cases_the_stronger_answer_counts_in_either_order(stronger, weaker):
    expected = public(decided(ONE_OF_EACH[stronger]))
    assert public(decided(ONE_OF_EACH[stronger], ONE_OF_EACH[weaker])) == expected
    assert public(decided(ONE_OF_EACH[weaker], ONE_OF_EACH[stronger])) == expected


def test_of_all_five_the_strongest_counts_in_any_order():
    expected = public(decided(ONE_OF_EACH[Decision.KEEP]))
    assert {public(decided(*some)) for some in permutations(ONE_OF_EACH.values())} == {expected}


def test_several_cases_are_decided_again_when_the_first_of_them_may_change():
    soon, later = closed(10, case=1), assigned(case=2, assigned_until=NOW + days(30))
    assert decided(later, soon).next_at == NOW + days(4)


def test_a_number_in_an_open_and_a_closed_case_stays_with_one_worker_and_goes_from_the_other():
    opened = link(case=1)
    finished = link(case=2, phase=Phase.CLOSED, closed_at=NOW - days(60))
    on_it = {"was_assigned": True, "assigned_now": True}
    first = decided(opened._replace(**on_it), finished)
    second = decided(opened, finished._replace(**on_it), seen=NOW - days(60))
    assert public(first) == (Decision.KEEP, Reason.ASSIGNED, "rules-7", 1)
    assert second.decision is Decision.REMOVE


# --- a hold comes last --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", STRENGTH)
def test_a_hold_turns_only_removals_into_deferrals(decision):
    free = decided(ONE_OF_EACH[decision])
    held = decided(ONE_OF_EACH[decision], held=True)
    if decision in REMOVALS:
        assert public(held) == (Decision.DEFER, Reason.DEFERRED, free.policy, free.case)
        assert held.held
    else:
        assert held == free


@pytest.mark.parametrize(("one", "other"), list(product(STRENGTH, repeat=2)))
def test_a_hold_is_applied_to_the_combined_answer_not_to_each_case(one, other):
    free = decided(ONE_OF_EACH[one], ONE_OF_EACH[other])
    held = decided(ONE_OF_EACH[one], ONE_OF_EACH[other], held=True)
    expected = Decision.DEFER if free.decision in REMOVALS else free.decision
    assert held.decision is expected


def test_every_deferral_shows_one_reason_and_nothing_by_which_causes_differ():
    deferrals = [
        decided(closed(3)),
        decided(handed_over(3)),
        decided(handed_over(3, recorded=False)),
        decided(link()),
        decided(closed(), held=True),
        decided(handed_over(), held=True),
        decided(link(), seen=NOW - days(60), held=True),
        decided(monitored(), held=True),
        decided(monitored(date(2025, 9, 1)), held=True),
    ]
    assert {public(need) for need in deferrals} == {(Decision.DEFER, Reason.DEFERRED, "rules-7", 1)}
    assert {need.basis for need in deferrals} == {""}


def test_a_hold_is_not_in_the_text_of_a_need():
    benign = decided(closed(3))
    held = decided(closed(), held=True)._replace(next_at=benign.next_at)
    assert repr(held) == repr(benign)


# --- when to decide again -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """A link as it goes on by time alone: assignment spells, and everything that does not move."""

    still: Link
    spells: tuple[tuple[datetime, datetime | None], ...]

    def at(self, now: datetime) -> Link:
        """As the store tells it at this moment, its register just read."""
        begun = [spell for spell in self.spells if spell[0] <= now]
        running = [until for _, until in begun if until is None or now < until]
        ended = max((until for _, until in begun if until is not None), default=None)
        lasting = None if None in running else max(running, default=None)  # type: ignore[type-var]
        return self.still._replace(
            read_at=now,
            was_assigned=bool(begun),
            assigned_now=bool(running),
            assigned_until=lasting if running else ended,
        )


around = st.integers(-500 * 86_400, 500 * 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds))
past = st.integers(0, 500 * 86_400).map(lambda seconds: NOW - timedelta(seconds=seconds))
spells = st.tuples(past, st.none() | st.integers(1, 600 * 86_400)).map(
    lambda spell: (spell[0], None if spell[1] is None else spell[0] + timedelta(seconds=spell[1]))
)
stories = st.builds(
    Story,
    st.builds(
        Link,
        case=st.integers(1, 3),
        contact_class=st.sampled_from(ContactClass),
        phase=st.sampled_from(Phase),
        read_at=st.just(NOW),
        linked=st.integers(0, 9).map(bool),
        closed_at=st.none() | around,
        recorded=st.booleans(),
        planned_moments=st.lists(around.map(datetime.date), max_size=4).map(tuple),
        deviation_until=st.none() | around,
        former_since=st.none() | past,
        since_at=st.none() | past,
        gone_at=st.none() | past,
        theirs=st.integers(0, 5).map(lambda count: count == 0),
    ),
    st.lists(spells, max_size=2).map(tuple),
)


@given(
    stories=st.lists(stories, min_size=1, max_size=3),
    seen=past,
    held=st.booleans(),
    shares=st.lists(st.floats(0, 1, exclude_max=True), min_size=3, max_size=3),
)
def test_until_it_is_decided_again_time_alone_changes_no_answer(stories, seen, held, shares):
    def at(moment: datetime) -> Need:
        return decide([story.at(moment) for story in stories], POLICY, moment, seen, held=held)

    need = at(NOW)
    assert need.next_at is None or need.next_at > NOW
    end = need.next_at or NOW + days(1500)
    moments = [min(NOW + (end - NOW) * share, end - TICK) for share in shares] + [end - TICK]
    assert {public(at(moment)) for moment in moments} == {public(need)}


@given(stories=st.lists(stories, max_size=4), seen=past, held=st.booleans())
def test_the_answer_is_the_strongest_of_the_cases_alone(stories, seen, held):
    links = [story.at(NOW) for story in stories]
    alone = {decide_case(each, POLICY, NOW, seen).decision for each in links}
    expected = next((decision for decision in STRENGTH if decision in alone), Decision.IGNORE)
    if held and expected in REMOVALS:
        expected = Decision.DEFER
    assert decide(links, POLICY, NOW, seen, held=held).decision is expected


# --- a closure that a work supervisor confirmed -------------------------------------------------------------------

ASKING = replace(POLICY, version="rules-8", closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR)


def confirmed(ago: float = 60, **facts: object) -> Link:
    """Closed by its status, and confirmed by the work supervisor that many days ago."""
    return closed(closed_at=None, confirmed_at=NOW - days(ago), **facts)


def test_what_a_work_supervisor_confirmed_ends_the_case_where_the_policy_asks_them():
    ended = NOW - days(60)
    assert decided(confirmed(), policy=ASKING) == Need(
        Decision.REMOVE, Reason.FINALLY_CLOSED, "rules-8", 1, basis=f"finally_closed {ended.isoformat()}"
    )
    assert answer(confirmed()) == (Decision.REVIEW, Reason.CLOSURE_UNCONFIRMED)


@pytest.mark.parametrize(("ago", "decision"), [(14, Decision.REMOVE), (13.99, Decision.DEFER)])
def test_the_grace_runs_from_what_was_confirmed(ago, decision):
    need = decided(confirmed(ago), policy=ASKING)
    assert need.decision is decision
    assert need.next_at == (None if decision is Decision.REMOVE else NOW - days(ago) + days(14))


@pytest.mark.parametrize(("register", "decision"), [(60, Decision.REMOVE), (1, Decision.DEFER)])
def test_the_closure_of_the_register_counts_before_that_of_the_work_supervisor(register, decision):
    both = closed(register, confirmed_at=NOW - days(30))
    assert decided(both, policy=ASKING) == decided(closed(register))._replace(policy="rules-8")
    assert decided(both, policy=ASKING).decision is decision


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.CLOSED}))
def test_a_confirmation_of_a_case_that_is_not_closed_changes_nothing(phase):
    for facts in ({}, {"was_assigned": False, "assigned_now": False}):
        without = assigned(phase=phase, **facts)
        assert decided(without._replace(confirmed_at=NOW - days(60)), policy=ASKING) == decided(without, policy=ASKING)


def test_a_confirmed_closure_is_held_recorded_and_combined_as_any_other():
    assert answer(confirmed(), policy=ASKING, held=True) == (Decision.DEFER, Reason.DEFERRED)
    assert answer(confirmed(recorded=False), policy=ASKING) == (Decision.REVIEW, Reason.NOT_RECORDED)
    assert answer(confirmed(), assigned(case=2), policy=ASKING) == (Decision.KEEP, Reason.ASSIGNED)
    assert answer(confirmed(), closed(case=2, closed_at=None), policy=ASKING) == (
        Decision.REVIEW,
        Reason.CLOSURE_UNCONFIRMED,
    )


any_moment = st.one_of(st.none(), st.integers(-900, 900).map(lambda count: NOW + days(count)))
policies = st.builds(
    Policy,
    version=st.just("any"),
    grace_days=st.integers(0, 366),
    staleness_hours=st.integers(1, 744),
    monitoring_window_days=st.integers(0, 180),
    require_recorded=st.booleans(),
    former_number_days=st.integers(0, 3660),
    tombstone_days=st.just(365),
    max_removals=st.just(1),
    max_share=st.just(1.0),
    max_closures_factor=st.just(1.0),
    classes_that_stay=st.frozensets(st.sampled_from(list(ContactClass))),
    closure_confirmed_by=st.sampled_from(list(ConfirmedBy)),
)
unconfirmed = st.builds(
    Link,
    case=st.just(1),
    contact_class=st.sampled_from(list(ContactClass)),
    phase=st.just(Phase.CLOSED),
    read_at=any_moment,
    linked=st.booleans(),
    was_assigned=st.booleans(),
    assigned_now=st.booleans(),
    assigned_until=st.none(),
    closed_at=st.none(),
    recorded=st.booleans(),
    planned_moments=st.lists(st.dates(date(2024, 1, 1), date(2026, 1, 1)), max_size=3).map(tuple),
    deviation_until=any_moment,
    former_since=any_moment,
    confirmed_at=any_moment,
    since_at=any_moment,
    gone_at=any_moment,
)


@given(link=unconfirmed, policy=policies, seen=past, held=st.booleans())
def test_under_no_policy_does_anything_go_because_of_a_closure_that_nobody_confirmed(link, policy, seen, held):
    """The register tells of none, and the work supervisor's word is not there, not asked for, or of another moment."""
    counts = policy.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR
    if counts and link.confirmed_at is not None and link.confirmed_at <= NOW:
        link = link._replace(confirmed_at=None)
    need = decide([link], policy, NOW, seen, held=held)
    if link.was_assigned:
        assert need.decision in (Decision.KEEP, Decision.REVIEW)
    assert need.reason is not Reason.FINALLY_CLOSED
    assert need.decision not in REMOVALS or need.reason is Reason.NEVER_ASSIGNED


any_link = st.builds(
    Link,
    case=st.just(1),
    contact_class=st.sampled_from(list(ContactClass)),
    phase=st.sampled_from(list(Phase)),
    read_at=st.sampled_from([NOW, NOW, NOW - days(400), None]),
    linked=st.sampled_from([True, True, False]),
    was_assigned=st.booleans(),
    assigned_now=st.booleans(),
    assigned_until=any_moment,
    closed_at=any_moment,
    recorded=st.booleans(),
    planned_moments=st.lists(st.dates(date(2024, 1, 1), date(2026, 1, 1)), max_size=3).map(tuple),
    deviation_until=st.sampled_from([None, NOW + days(1)]),
    former_since=st.sampled_from([None, NOW - days(4000)]),
    confirmed_at=any_moment,
    since_at=any_moment,
    gone_at=any_moment,
)


@given(link=any_link, policy=policies, seen=past)
def test_the_first_rule_that_fits_decides_and_none_is_passed_over_in_any_phase(link, policy, seen):
    first = next(need for rule in RULES if (need := rule(link, policy, NOW, seen)) is not None)
    assert decide_case(link, policy, NOW, seen)[:5] == first[:5]


# --- against an independent reading -------------------------------------------------------------------------------


def links_of(organisation: Organisation, now: datetime) -> Iterator[tuple[str, str, Sequence[Link]]]:
    """(worker, identifier, its links) for every identifier in every book, with the register just read."""
    cases = {row.number: (number, row) for number, row in enumerate(organisation.cases, start=1)}
    known: dict[str, list[Link]] = {
        identifier: [Link(0, contact_class, Phase.CLOSED, None)]
        for identifier, contact_class in organisation.plot.directory_ids.items()
    }
    for life in organisation.plot.lives:
        if life.number not in cases:
            continue
        number, row = cases[life.number]
        for person in life.people:
            dated = [*((each, None) for each in person.identifiers), *person.former]
            for identifier, since in dated:
                known.setdefault(identifier, []).append(
                    Link(
                        case=number,
                        contact_class=person.contact_class,
                        phase=row.phase,
                        read_at=now,
                        linked=person.linked,
                        closed_at=row.closed_at,
                        recorded=bool(row.recorded),
                        former_since=since and midnight(since),
                    )
                )
    number_of = {number: ref for ref, (number, _) in cases.items()}
    spells: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = {}
    for row in organisation.assignments:
        spells.setdefault((row.case_number, row.worker), []).append((row.from_at, row.until_at))
    moments: dict[tuple[str, str], list[date]] = {}
    for row in organisation.moments:
        moments.setdefault((row.case_number, row.worker), []).append(row.on)

    def with_worker(each: Link, worker: str) -> Link:
        if not each.case:
            return each
        key = (number_of[each.case], worker)
        planned = each._replace(planned_moments=tuple(moments.get(key, ())))
        return Story(planned, tuple(spells.get(key, ()))).at(now)

    for worker in organisation.workers:
        for card in organisation.cards(worker.ref):
            for identifier in card.identifiers:
                links = [with_worker(each, worker.ref) for each in known.get(identifier, ())]
                yield worker.ref, identifier, links


@pytest.mark.parametrize(("kind", "factor"), [("tiny", 1.0), ("vtaa", 0.02), ("chaos", 0.2), ("incident", 0.02)])
@pytest.mark.parametrize("strict", [True, False], ids=["recorded asked", "recorded not asked"])
def test_every_contact_of_an_invented_organisation_is_decided_as_an_independent_reading_decides_it(
    kind, factor, strict
):
    policy = replace(POLICY, require_recorded=strict)
    organisation = invent(kind, seed=7, now=NOW, factor=factor)
    seen = NOW - days(20) if strict else NOW
    expected = truth(organisation, NOW, 14, 14, require_recorded=strict, former_number_days=365, first_seen=seen)
    found = {
        (worker, identifier): decide(links, policy, NOW, seen).decision
        for worker, identifier, links in links_of(organisation, NOW)
    }
    assert found == dict(expected)
    assert set(found.values()) >= {Decision.KEEP, Decision.REMOVE, Decision.IGNORE}


def test_a_need_is_printed_alike_whether_held_or_not():
    held = decided(closed(), held=True)
    benign = held._replace(held=False)
    assert held.held
    assert repr(held) == repr(benign)
