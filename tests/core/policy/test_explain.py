"""Why a contact may stay or has to go, rule by rule; and that an explanation tells nobody of a hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.model import GOES, REMOVALS, ContactClass, Decision, Link, Monitored, Phase, Reason
from server.core.policy.document import PolicyDocument
from server.core.policy.explain import Explanation, explain, tell
from server.core.policy.load import check
from server.core.policy.schema import RULE_OF, RULES, Strictness
from server.core.removal.need import RULES as NEED_RULES
from server.core.removal.need import decide
from server.core.text import Text
from server.render.words import Words

from .texts import SOUND

NOW = datetime(2026, 3, 24, 12, 0, tzinfo=UTC)
SEEN = NOW - timedelta(days=1)


def small() -> PolicyDocument:
    document = check(SOUND, "small.yaml").document
    assert document is not None
    return document


SMALL = small()


def link(**facts: Any) -> Link:
    told = {"case": 1, "contact_class": ContactClass.CLIENT, "phase": Phase.CLOSED, "read_at": NOW} | facts
    return Link(**told)


LONG_CLOSED = link(was_assigned=True, closed_at=NOW - timedelta(days=100), recorded=True)
JUST_CLOSED = LONG_CLOSED._replace(closed_at=NOW - timedelta(days=3))


def why(*links: Link, **asked: Any) -> Explanation:
    return explain(links, SMALL, NOW, SEEN, **asked)


def said(explanation: Explanation, language: str = "en") -> list[str]:
    words = Words(language)
    return [words.say(text) for text in tell(explanation, language)]


def test_a_removal_names_every_rule_that_was_asked_and_the_one_that_decided() -> None:
    (case,) = why(LONG_CLOSED, cleared=True).cases
    assert (case.case, case.decision, case.reason) == (1, Decision.REMOVE, Reason.FINALLY_CLOSED)
    assert [(step.rule, step.decides) for step in case.steps] == [
        ("classes_that_stay", False),
        ("staleness", False),
        ("deviations", False),
        ("assignment", False),
        ("former_numbers", False),
        ("monitoring", False),
        ("grace", False),
        ("recorded_in_case_file", False),
        ("final_closure", True),
    ]


def test_an_explanation_reads_as_sentences_in_dutch_and_english() -> None:
    open_case = link(phase=Phase.INVESTIGATION, was_assigned=True, assigned_now=True)
    assert said(why(open_case)) == [
        "The contact may stay.",
        "It is not of a class that stays.",
        "The register was read recently enough, and says that it belongs to the case.",
        "No deviation is in force.",
        "The worker is on the case: Investigation of the case.",
        "This is what the rule assignment says: So.",
        "The rule leaves room for judgement: a deviation with a reason can be recorded.",
        "It rests on An invented decision.",
        f"Policy in force: {SMALL.policy.version}.",
    ]
    assert said(why(open_case), "nl") == [
        "Het contact mag blijven.",
        "Het hoort niet bij een soort die blijft staan.",
        "Het register is kort genoeg geleden gelezen, en zegt dat het bij de zaak hoort.",
        "Er geldt geen afwijking.",
        "De medewerker werkt aan de zaak: Onderzoek van de zaak.",
        "Dit zegt de regel assignment: Zo.",
        "De regel laat ruimte voor een eigen afweging: een afwijking met een reden kan worden vastgelegd.",
        "Het berust op An invented decision.",
        f"Geldend beleid: {SMALL.policy.version}.",
    ]


EVERY_REASON = {
    Reason.CLASS_STAYS: (link(contact_class=ContactClass.COLLEAGUE), "It stays: Colleague."),
    Reason.REGISTER_STALE: (
        link(read_at=NOW - timedelta(hours=73)),
        "The register was last read at 21 Mar 2026 12:00. It decides for 72 hours.",
    ),
    Reason.LINK_UNKNOWN: (link(linked=False), "The register does not say whether it belongs to the case."),
    Reason.DEVIATION: (
        link(deviation_until=NOW + timedelta(days=1)),
        "A recorded deviation lets it stay until 25 Mar 2026 13:00.",
    ),
    Reason.ASSIGNED: (
        link(phase=Phase.WAITING, was_assigned=True, assigned_now=True),
        "The worker is on the case: On the waiting list.",
    ),
    Reason.MONITORING_WINDOW: (
        link(phase=Phase.MONITORING, planned_moments=(date(2026, 4, 1),)),
        "A planned contact is near: it may be there 14 days before and after.",
    ),
    Reason.MONITORING_OUTSIDE: (
        link(phase=Phase.MONITORING),
        "The case is in the monitoring phase, and no planned contact with this worker is 14 days away or less.",
    ),
    Reason.PLAN_UNKNOWN: (
        link(phase=Phase.MONITORING, was_assigned=True, assigned_now=True, monitored=Monitored()),
        (
            "The case is in the monitoring phase, no contact is planned, and the register does not tell the day on "
            "which the case was handed over, from which the policy counts its months."
        ),
    ),
    Reason.FORMER_NUMBER: (
        LONG_CLOSED._replace(former_since=NOW - timedelta(days=400)),
        "It has not been this person’s since 17 Feb 2025, and may be somebody else’s by now.",
    ),
    Reason.FINALLY_CLOSED: (LONG_CLOSED, "The final closure of the case was confirmed on 14 Dec 2025."),
    Reason.NO_LONGER_ASSIGNED: (
        link(
            phase=Phase.INVESTIGATION,
            was_assigned=True,
            assigned_until=datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
            recorded=True,
        ),
        "The worker left the case on 1 Feb 2026.",
    ),
    Reason.NEVER_ASSIGNED: (link(phase=Phase.TRIAGE), "The worker was never on the case."),
    Reason.NOT_RECORDED: (
        LONG_CLOSED._replace(recorded=False),
        "Nobody has said that it is recorded in the case file.",
    ),
    Reason.CLOSURE_UNCONFIRMED: (
        link(was_assigned=True, assigned_now=True),
        "No final closure was confirmed: neither by the case system nor by the work supervisor.",
    ),
    Reason.DEFERRED: (JUST_CLOSED, "The waiting period is still running."),
}


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.NOT_IN_REGISTER])
def test_each_reason_is_explained_by_its_rule_with_its_sources(reason: Reason) -> None:
    facts, sentence = EVERY_REASON[reason]
    explanation = explain([facts], SMALL, NOW, NOW - timedelta(days=30), cleared=True)
    step = explanation.cases[0].steps[-1]
    assert explanation.reason is reason
    assert (step.rule, step.decides, Words("en").say(step.text)) == (RULE_OF[reason], True, sentence)
    assert [title for title, _citation in step.cites] == ["An invented decision"]
    assert isinstance(step.strictness, Strictness)


def test_a_register_that_was_never_read_is_said_to_be() -> None:
    assert "The register was never read without faults." in said(why(link(read_at=None)))


def test_quotes_and_places_of_a_source_are_told() -> None:
    text = SOUND.replace("place: Article 1", "quote: A few words")
    quoting = check(text, "small.yaml").document
    assert quoting is not None
    told = [Words("en").say(each) for each in tell(explain([JUST_CLOSED], quoting, NOW, SEEN, cleared=True), "en")]
    assert "It rests on An invented decision: “A few words”." in told
    assert "It rests on An invented decision (Article 1)." in said(why(JUST_CLOSED, cleared=True))


def test_what_is_not_in_the_register_is_private_and_has_no_rule() -> None:
    explanation = why()
    assert (explanation.decision, explanation.cases) == (Decision.IGNORE, ())
    assert said(explanation)[0] == "The contact is not in the register: it is private and left alone."


def test_of_two_cases_each_is_explained_and_how_they_combine() -> None:
    kept = link(case=2, phase=Phase.TRIAGE, was_assigned=True, assigned_now=True)
    explanation = why(LONG_CLOSED, kept)
    assert [(case.case, case.decision) for case in explanation.cases] == [(1, Decision.REMOVE), (2, Decision.KEEP)]
    assert explanation.decision is Decision.KEEP
    assert "Case 2: May stay." in said(explanation)
    assert any(line.startswith("It belongs to 2 cases.") for line in said(explanation))


def test_every_rule_of_the_need_table_has_its_name_here() -> None:
    """Explaining is by position: a rule added to the need table must be told of too."""
    rules = [step.rule for step in why(LONG_CLOSED, cleared=True).cases[0].steps]
    assert rules[:6] == ["classes_that_stay", "staleness", "deviations", "assignment", "former_numbers", "monitoring"]
    assert set(RULE_OF.values()) <= set(RULES)
    assert set(RULE_OF) == set(Reason) - {Reason.NOT_IN_REGISTER}
    assert len(NEED_RULES) == 9


# --- silence ---------------------------------------------------------------------------------------------------------


AS_ONE = (
    "When it goes, whether it is postponed and whether it is still there is shown to nobody here: "
    "the policy has several grounds to postpone a removal."
)


def test_a_held_contact_is_explained_to_the_letter_as_it_were_without_a_hold() -> None:
    assert why(LONG_CLOSED, held=True) == why(LONG_CLOSED)
    assert repr(why(LONG_CLOSED, held=True)) == repr(why(LONG_CLOSED))
    assert said(why(LONG_CLOSED)) == [
        "By the policy the contact has to go: now, or once its removal is no longer postponed.",
        "It is not of a class that stays.",
        "The register was read recently enough, and says that it belongs to the case.",
        "No deviation is in force.",
        "The worker is not on the case now, or the case is not open.",
        "It is no former number, or not for long.",
        "The case is not in the monitoring phase.",
        "The final closure of the case was confirmed on 14 Dec 2025.",
        "This is what the rule final_closure says: So.",
        "The rule is always followed.",
        "It rests on An invented decision.",
        AS_ONE,
        f"Policy in force: {SMALL.policy.version}.",
    ]


def test_what_is_postponed_is_explained_as_what_goes_but_for_the_day_of_its_closure() -> None:
    def without_days(explanation: Explanation) -> list[str]:
        return [line for line in said(explanation) if "confirmed on" not in line]

    assert without_days(why(JUST_CLOSED)) == without_days(why(LONG_CLOSED)) == without_days(why(JUST_CLOSED, held=True))
    assert (why(JUST_CLOSED).decision, why(JUST_CLOSED).reason) == (Decision.REMOVE, Reason.FINALLY_CLOSED)


def test_a_hold_on_what_stays_anyway_leaves_no_trace() -> None:
    kept = link(phase=Phase.TRIAGE, was_assigned=True, assigned_now=True)
    for facts in ([kept], [kept, LONG_CLOSED], [kept, JUST_CLOSED], [link(linked=False), LONG_CLOSED], []):
        assert why(*facts, held=True) == why(*facts)


def test_a_postponed_case_beside_one_that_decides_is_told_as_one_that_goes() -> None:
    kept = link(case=2, phase=Phase.TRIAGE, was_assigned=True, assigned_now=True)
    told = why(JUST_CLOSED, kept).cases[0]
    assert (told.decision, [step.rule for step in told.steps if "grace" in step.rule]) == (Decision.REMOVE, [])


def test_who_is_cleared_is_told_of_the_hold_and_of_the_rules() -> None:
    explanation = why(LONG_CLOSED, held=True, cleared=True)
    assert (explanation.decision, explanation.reason) == (Decision.DEFER, Reason.DEFERRED)
    assert explanation.cases[0].reason is Reason.FINALLY_CLOSED
    assert "A hold covers it, so nothing is removed. Only those cleared for holds are told this." in said(explanation)
    kept = link(phase=Phase.TRIAGE, was_assigned=True, assigned_now=True)
    assert any(line.startswith("A hold covers it too") for line in said(why(kept, held=True, cleared=True)))


def test_no_explanation_of_a_postponement_holds_a_date_even_for_the_cleared() -> None:
    def dates(value: object) -> list[object]:
        if isinstance(value, Text):
            return [found for _name, param in value.params for found in dates(param)]
        return [value] if isinstance(value, date) else []

    for held in (False, True):
        texts = tell(why(JUST_CLOSED, held=held, cleared=True), "en")
        assert [found for text in texts for found in dates(text)] == []


moments = st.none() | st.integers(-400, 400).map(lambda days: NOW + timedelta(days=days))
links = st.lists(
    st.builds(
        Link,
        case=st.integers(1, 3),
        contact_class=st.sampled_from(ContactClass),
        phase=st.sampled_from(Phase),
        read_at=st.sampled_from([None, NOW, NOW - timedelta(days=9)]),
        linked=st.booleans(),
        was_assigned=st.booleans(),
        assigned_now=st.booleans(),
        assigned_until=moments,
        closed_at=moments,
        recorded=st.booleans(),
        planned_moments=st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=2).map(tuple),
        deviation_until=moments,
        former_since=moments,
        since_at=moments,
        gone_at=moments,
        confirmed_at=moments,
    ),
    max_size=3,
)


@given(links, st.booleans(), st.booleans())
def test_an_explanation_always_agrees_with_the_decision(facts: list[Link], held: bool, cleared: bool) -> None:
    need = decide(facts, SMALL.policy, NOW, SEEN, held=held)
    explanation = why(*facts, held=held, cleared=cleared)
    if need.decision in GOES and not cleared:
        assert explanation.decision in REMOVALS
    else:
        assert (explanation.decision, explanation.reason) == (need.decision, need.reason)
    assert all(said(explanation, language) for language in ("nl", "en"))


@given(links)
def test_whatever_the_facts_a_hold_shows_in_no_explanation(facts: list[Link]) -> None:
    assert why(*facts, held=True) == why(*facts)


@given(links, st.integers(0, 400))
def test_whatever_the_days_of_grace_an_explanation_is_the_same(facts: list[Link], grace: int) -> None:
    other = replace(SMALL, policy=replace(SMALL.policy, grace_days=grace, require_recorded=False))
    plain = replace(SMALL, policy=replace(SMALL.policy, require_recorded=False))
    assert explain(facts, other, NOW, SEEN) == explain(facts, plain, NOW, SEEN)
