"""Settings that contradict each other keep a policy from loading; those worth a second look are warned of."""

from __future__ import annotations

import pytest

from server.core.policy.document import Severity
from server.core.policy.load import check
from server.render.words import Words

from .texts import SOUND, with_line

EN = Words("en")


def remarks(text: str) -> list[tuple[Severity, str, str]]:
    """Everything said of a text, except that rules lack examples."""
    checked = check(text, "small.yaml")
    return [
        (each.severity, each.where, EN.say(each.problem))
        for each in (*checked.faults, *checked.warnings)
        if EN.say(each.problem) != "No example shows this rule deciding."
    ]


def test_nothing_is_said_of_a_sound_policy() -> None:
    assert remarks(SOUND) == []


CONTRADICTIONS = [
    (
        "valid_until: 2028-03-01",
        "valid_until: 2026-02-28",
        "policy.valid_until",
        "The policy ends before it begins.",
    ),
    (
        "review_on: 2027-03-01",
        "review_on: 2026-03-01",
        "policy.review_on",
        "The review is not after the day on which the policy was laid down.",
    ),
    (
        "cites: [{source: ours, place: Article 1}]",
        "cites: [{source: theirs}]",
        "rules.grace.cites.1.source",
        "There is no source theirs.",
    ),
    (
        "    notice_days: 0\n",
        "    notice_days: 0\n    assumed: [days, weeks]\n",
        "rules.grace.assumed.2",
        "weeks is no parameter of this rule.",
    ),
    (
        "[professional, colleague]",
        "[colleague, colleague]",
        "rules.classes_that_stay.classes",
        "A class is listed here twice.",
    ),
    (
        "{longest_days: 7, partner_required: false}",
        "{longest_days: 31, partner_required: false}",
        "rules.deviations.tiers.self.longest_days",
        "self may last longer than consult.",
    ),
    (
        "{longest_days: 30, partner_required: true}",
        "{longest_days: 30, partner_required: false}",
        "rules.deviations.tiers.consult.partner_required",
        "This tier is decided after consultation, but nobody has to be named.",
    ),
    (
        "[3, 12]",
        "[12, 3]",
        "rules.monitoring.planned_months",
        "The planned months do not rise, or one is listed twice.",
    ),
    ("[3, 12]", "[3, 3]", "rules.monitoring.planned_months", "The planned months do not rise, or one is listed twice."),
    (
        "window_days: 14",
        "window_days: 90",
        "rules.monitoring.window_days",
        "The windows around planned contacts touch: the contact would never be gone in between.",
    ),
    (
        "    days: 14\n    notice_days: 0",
        "    days: 0\n    notice_days: 3",
        "rules.grace.notice_days",
        "The worker is to be told before the removal, but there is no waiting period in which to do so.",
    ),
    (
        "notice_days: 0",
        "notice_days: 15",
        "rules.grace.notice_days",
        "The worker is to be told before the waiting period even begins.",
    ),
    ("en: In time.", "en: A day too soon.", "examples.2.says", "Two examples say the same."),
]


@pytest.mark.parametrize(("old", "new", "where", "problem"), CONTRADICTIONS, ids=lambda value: str(value)[:30])
def test_a_contradiction_is_a_fault(old: str, new: str, where: str, problem: str) -> None:
    assert (Severity.FAULT, where, problem) in remarks(with_line(old, new))
    assert check(with_line(old, new), "small.yaml").document is None


@pytest.mark.parametrize(
    ("link", "where", "problem"),
    [
        ("phase: triage, assigned: ended", "examples.3.links.1", "The assignment ended, but not when."),
        (
            "phase: triage, assigned: never, assigned_until: 2026-03-01",
            "examples.3.links.1.assigned_until",
            "An assignment that never was cannot end.",
        ),
    ],
)
def test_an_example_that_cannot_be_is_a_fault(link: str, where: str, problem: str) -> None:
    text = SOUND + (
        "  - says: {nl: Vreemd., en: Odd.}\n    now: 2026-03-24 00:00\n"
        f"    links: [{{class: client, {link}}}]\n    expect: {{decision: review, reason: closure_unconfirmed}}\n"
    )
    assert (Severity.FAULT, where, problem) in remarks(text)


@pytest.mark.parametrize(("window", "sound"), [(44, True), (89, True), (90, False)])
def test_a_window_may_not_reach_the_start_from_the_first_planned_contact(window: int, sound: bool) -> None:
    """Three months are 90 days: 89 before the first contact still leaves a day without."""
    text = with_line("[3, 12]", "[3]").replace("window_days: 14", f"window_days: {window}")
    assert (check(text, "small.yaml").document is not None) is sound


@pytest.mark.parametrize(("window", "sound"), [(14, True), (15, False)])
def test_windows_of_two_planned_contacts_a_month_apart_may_not_touch(window: int, sound: bool) -> None:
    text = with_line("[3, 12]", "[3, 4]").replace("window_days: 14", f"window_days: {window}")
    assert (check(text, "small.yaml").document is not None) is sound


@pytest.mark.parametrize(
    ("old", "new", "where", "problem"),
    [
        (
            "review_on: 2027-03-01",
            "review_on: 2028-03-02",
            "policy.review_on",
            "The policy ends before its review.",
        ),
        (
            "  ours: {title: An invented decision}",
            "  ours: {title: An invented decision}\n  idle: {title: Another}",
            "sources.idle",
            "No rule cites this source.",
        ),
        (
            "{hours: 72, strictness: STRICT",
            "{hours: 72, strictness: DISCRETIONARY",
            "rules.staleness.strictness",
            "This rule is called DISCRETIONARY, but nothing in the product lets anybody deviate from it.",
        ),
        (
            "{counted_from: first_sighting, strictness: DISCRETIONARY",
            "{counted_from: first_sighting, strictness: STRICT",
            "rules.never_assigned.strictness",
            "This rule is called STRICT, but a recorded deviation sets it aside with the others.",
        ),
        (
            "{longest_days: 7, partner_required: false}",
            "{longest_days: 7, partner_required: true}",
            "rules.deviations.tiers.self.partner_required",
            "The worker decides this alone, yet somebody else has to be named.",
        ),
        (
            "    planned_months: [3, 12]\n    counted_from: transfer\n    extra_moments: true",
            "    planned_months: []\n    counted_from: transfer\n    extra_moments: false",
            "rules.monitoring.window_days",
            "No contact is ever planned, so this window never opens.",
        ),
        (
            "[professional, colleague]",
            "[professional]",
            "rules.classes_that_stay.classes",
            "Colleagues do not stay: their numbers would go like a client’s.",
        ),
        (
            "max_share: 0.9",
            "max_share: 1",
            "rules.mass_action.max_share",
            "A share of 1 stops nothing: a plan may remove every contact there is.",
        ),
        (
            "hours: 72",
            "hours: 169",
            "rules.staleness.hours",
            "A register of more than a week ago still decides: a case opened again since is not seen.",
        ),
        (
            '["123456"]',
            "[]",
            "rules.case_numbers.written_like",
            "Entries that show only a case number are not noticed.",
        ),
        (
            '["123456"]',
            '["2024"]',
            "rules.case_numbers.written_like.1",
            "So short a number also fits years and house numbers.",
        ),
        (
            '["123456"]',
            '["123456789"]',
            "rules.case_numbers.written_like.1",
            "So long a number can be a telephone number, and is then taken for one.",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_worth_a_second_look_is_a_warning_and_still_loads(old: str, new: str, where: str, problem: str) -> None:
    assert remarks(with_line(old, new)) == [(Severity.WARNING, where, problem)]
    assert check(with_line(old, new), "small.yaml").document is not None


def test_removing_without_anybody_confirming_the_record_is_warned_of() -> None:
    """DOMAIN C1: take it off the phone, and keep it in the case file."""
    text = SOUND.replace("{required: true", "{required: false")
    assert remarks(text) == [
        (
            Severity.WARNING,
            "rules.recorded_in_case_file.required",
            "Contacts are removed without anybody confirming that they are recorded in the case file.",
        )
    ]


def test_deviations_from_rules_that_are_all_strict_are_a_contradiction() -> None:
    text = SOUND.replace("DISCRETIONARY", "STRICT")
    assert remarks(text) == [
        (
            Severity.FAULT,
            "rules.deviations.tiers",
            "Deviations are open, but every rule that they could set aside is STRICT.",
        )
    ]


def test_room_for_judgement_without_a_way_to_use_it_is_a_contradiction() -> None:
    text = with_line(
        "    tiers:\n      self: {longest_days: 7, partner_required: false}\n"
        "      consult: {longest_days: 30, partner_required: true}\n",
        "    tiers: {}\n",
    )
    problem = "This rule is DISCRETIONARY, but every tier of deviation is closed."
    assert remarks(text) == [
        (Severity.FAULT, f"rules.{rule}.strictness", problem)
        for rule in ("assignment", "monitoring", "grace", "never_assigned")
    ]


def test_strict_rules_and_closed_tiers_agree() -> None:
    text = with_line(
        "    tiers:\n      self: {longest_days: 7, partner_required: false}\n"
        "      consult: {longest_days: 30, partner_required: true}\n",
        "    tiers: {}\n",
    ).replace("DISCRETIONARY", "STRICT")
    assert remarks(text) == []


def test_every_rule_that_can_decide_and_has_no_example_is_warned_of() -> None:
    warnings = check(SOUND, "small.yaml").warnings
    assert [each.where for each in warnings] == [
        f"rules.{name}"
        for name in (
            "classes_that_stay",
            "staleness",
            "deviations",
            "assignment",
            "monitoring",
            "former_numbers",
            "recorded_in_case_file",
            "never_assigned",
        )
    ]


def test_a_fault_in_one_rule_hides_no_contradiction_in_another() -> None:
    text = with_line("hours: 72", "hours: x").replace("[3, 12]", "[12, 3]").replace("dated: 2026-03-01", "dated: x")
    assert [each.where for each in check(text, "small.yaml").faults] == [
        "policy.dated",
        "rules.staleness.hours",
        "rules.monitoring.planned_months",
    ]
