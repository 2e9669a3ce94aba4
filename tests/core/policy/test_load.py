"""A policy text becomes a policy, or all that is wrong with it at once, each with its line and what to do."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date

import pytest

from server.core.model import ContactClass, Decision, Disposition, Reason, Tier
from server.core.policy.document import PolicyFault, Severity, standing
from server.core.policy.examples import run_examples
from server.core.policy.load import check
from server.core.policy.model import ConfirmedBy, Policy, TierLimit
from server.core.policy.retention import RetentionTerm, RowKind, Span
from server.render.words import Words

from .texts import ASKING, SOUND, WITHOUT_PERIODS, line_of, with_line

EN = Words("en")


def told(faults: tuple[PolicyFault, ...]) -> list[tuple[int | None, str, str]]:
    return [(fault.line, fault.where, EN.say(fault.problem)) for fault in faults]


def fault_in(text: str) -> tuple[int | None, str, str, str]:
    """The only fault in a text."""
    checked = check(text, "small.yaml")
    assert checked.document is None
    (fault,) = checked.faults
    return fault.line, fault.where, EN.say(fault.problem), EN.say(fault.fix)


def test_a_sound_text_becomes_the_values_that_decisions_read() -> None:
    checked = check(SOUND, "small.yaml")
    assert checked.faults == ()
    assert checked.document is not None
    assert checked.document.policy == Policy(
        version=f"small-1.0+{checked.document.digest[:8]}",
        grace_days=14,
        staleness_hours=72,
        monitoring_window_days=14,
        require_recorded=True,
        former_number_days=365,
        correction_days=7,
        tombstone_days=365,
        max_removals=5000,
        max_share=0.9,
        share_from=12,
        max_closures_factor=5.0,
        classes_that_stay=frozenset({ContactClass.PROFESSIONAL, ContactClass.COLLEAGUE}),
        case_numbers=(r"\b[0-9]{6}\b",),
        deviation_tiers=(TierLimit(Tier.SELF, 7, False), TierLimit(Tier.CONSULT, 30, True)),
        look_hours=24,
        stubborn_days=21,
        answer_days=15,
        notice_days=0,
        closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR,
        planned_months=(3, 12),
        retention=(
            RetentionTerm(RowKind.REMOVALS, Span(months=60), assumed=True, sources=("An invented decision",)),
            RetentionTerm(RowKind.FINDINGS, Span(days=90), Disposition.BY_ITSELF, sources=("An invented decision",)),
            RetentionTerm(RowKind.FINDINGS, Span(months=24), sources=("An invented decision",)),
            RetentionTerm(RowKind.DEVIATIONS, Span(months=18), sources=("An invented decision",)),
            RetentionTerm(RowKind.REPORTS, Span(months=84), sources=("An invented decision",)),
            RetentionTerm(RowKind.IMPORTS, Span(days=100), sources=("An invented decision",)),
            RetentionTerm(RowKind.VIEWS_BY_NAME, Span(months=36), sources=("An invented decision",)),
            RetentionTerm(RowKind.PAUSES, Span(months=1), sources=("An invented decision",)),
        ),
    )


def test_no_value_of_a_policy_is_left_at_a_default() -> None:
    """A parameter that somebody adds to Policy has to be read from the file."""
    text = ASKING.replace("hours: 24", "hours: 25").replace("counted_from: transfer", "counted_from: case_field")
    text = text.replace("extra_moments: true", "extra_moments: false\n    window_in: working_days")
    text = text.replace("notice_days: 0", "notice_days: 3")
    text = text.replace("    max_share: 0.9\n", "    max_share: 0.9\n    removals: report_only\n")
    text = text.replace("{mode: off, ", "{mode: labelled, value_days: 400, ")
    document = check(text, "x").document
    assert document is not None
    defaults = {each.name: each.default for each in fields(Policy)}
    assert {name for name, value in defaults.items() if getattr(document.policy, name) == value} == set()


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("123456", r"\b[0-9]{6}\b"),
        ("C-2026-00123", r"\b[Cc]\-[0-9]{4}\-[0-9]{5}\b"),
        ("VT.12/3", r"\b[Vv][Tt]\.[0-9]{2}/[0-9]{1}\b"),
    ],
)
def test_a_case_number_stands_for_all_that_are_written_like_it(written: str, pattern: str) -> None:
    checked = check(with_line('["123456"]', f'["{written}"]'), "small.yaml")
    assert checked.document is not None
    assert checked.document.policy.case_numbers == (pattern,)
    assert re.search(pattern, written.lower())


# --- the version -----------------------------------------------------------------------------------------------------


def digest_of(text: str) -> str:
    document = check(text, "any.yaml").document
    assert document is not None
    return document.digest


def test_a_changed_number_is_another_version_even_if_nobody_says_so() -> None:
    assert digest_of(with_line("max_removals: 5000", "max_removals: 5001")) != digest_of(SOUND)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A while.", "A little while."),
        ("place: Article 1", "place: Article 2"),
        ("en: In time.", "en: Just in time."),
        ("review_on: 2027-03-01", "review_on: 2027-06-01"),
        ("days: 14\n    notice_days: 0", "notice_days: 0\n    days: 14   # two weeks"),
    ],
)
def test_words_and_comments_are_not_part_of_the_version(old: str, new: str) -> None:
    assert digest_of(with_line(old, new)) == digest_of(SOUND)


def test_the_version_fits_the_log_and_a_file_name() -> None:
    document = check(SOUND, "small.yaml").document
    assert document is not None
    assert re.fullmatch(r"small-1\.0\+[0-9a-f]{8}", document.policy.version)


# --- what the form and the models refuse -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "where", "problem", "fix"),
    [
        (
            "{required: true",
            "{required: NO",
            "rules.recorded_in_case_file.required",
            "NO is text in YAML 1.2, and neither true nor false.",
            "Write true or false, without quotes.",
        ),
        (
            "{required: true",
            "{required: 1",
            "rules.recorded_in_case_file.required",
            "1 is neither true nor false.",
            "Write true or false, without quotes.",
        ),
        (
            "hours: 24",
            "hours: 22:30",
            "rules.look_interval.hours",
            "22:30 is no number that is allowed here.",
            "Write a whole number from 1 to 168.",
        ),
        (
            "hours: 24",
            "hours: 0",
            "rules.look_interval.hours",
            "0 is no number that is allowed here.",
            "Write a whole number from 1 to 168.",
        ),
        (
            "    days: 14\n    notice",
            "    days: 14.5\n    notice",
            "rules.grace.days",
            "14.5 is no number that is allowed here.",
            "Write a whole number from 0 to 366.",
        ),
        (
            "    days: 14\n    notice",
            "    days: true\n    notice",
            "rules.grace.days",
            "true is no number that is allowed here.",
            "Write a whole number from 0 to 366.",
        ),
        (
            "    days: 14\n    notice",
            "    days:\n    notice",
            "rules.grace.days",
            "null is no number that is allowed here.",
            "Write a whole number from 0 to 366.",
        ),
        (
            "max_share: 0.9",
            "max_share: 1.1",
            "rules.mass_action.max_share",
            "1.1 is no number that is allowed here.",
            "Write a number above 0, and at most 1.",
        ),
        (
            "closures_factor: 5",
            "closures_factor: 0.5",
            "rules.mass_action.closures_factor",
            "0.5 is no number that is allowed here.",
            "Write a number from 1 to 100.",
        ),
        (
            "[3, 12]",
            "[3, 61]",
            "rules.monitoring.planned_months.2",
            "61 is no number that is allowed here.",
            "Write a whole number from 1 to 60.",
        ),
        (
            "    notice_days: 0\n",
            "",
            "rules.grace.notice_days",
            "notice_days is missing.",
            "Write notice_days here: a policy leaves nothing unsaid.",
        ),
        (
            "    notice_days: 0\n",
            "    notice_days: 0\n    day: 3\n",
            "rules.grace.day",
            "There is no key day here.",
            "Do you mean days? Otherwise take it out.",
        ),
        (
            "sources:\n",
            "colour: red\nsources:\n",
            "colour",
            "There is no key colour here.",
            "Take it out. The keys here are: policy, sources, rules, accepts, retention, and examples.",
        ),
        (
            'version: "1.0"',
            "version: 1.0",
            "policy.version",
            "1.0 reads as a number; text is meant here.",
            'Put quotes around it: "1.0".',
        ),
        (
            "dated: 2026-03-01",
            "dated: 2026-02-30",
            "policy.dated",
            "This is no day.",
            "Write a day that exists, as year-month-day: 2026-03-01.",
        ),
        (
            "now: 2026-03-24 00:00",
            "now: 24-03-2026",
            "examples.2.now",
            "This is no moment.",
            "Write a day, or a day and a time in Amsterdam: 2026-03-01 or 2026-03-01 14:30.",
        ),
        (
            "name: small",
            "name: Small Policy",
            "policy.name",
            "A name is not written like this.",
            "Use small letters, digits and dashes, and begin with a letter: care-provider.",
        ),
        (
            "mode: off",
            "mode: on",
            "rules.provisioning.mode",
            "on is none of the words that are allowed here.",
            "Write one of: off and labelled.",
        ),
        (
            "[professional, colleague]",
            "[professional, client, colleague]",
            "rules.classes_that_stay.classes.2",
            "client is none of the words that are allowed here.",
            "Write one of: professional, colleague, and chain_partner.",
        ),
        (
            "strictness: DISCRETIONARY\n    cites: [{source: ours, place",
            "strictness: strict\n    cites: [{source: ours, place",
            "rules.grace.strictness",
            "strict is none of the words that are allowed here.",
            "Write one of: STRICT and DISCRETIONARY.",
        ),
        (
            "why: {nl: Nog even., en: A while.}",
            "why: {nl: Nog even., en: }",
            "rules.grace.why.en",
            "Text is meant here.",
            "Write a few words, in quotes if they hold a colon.",
        ),
        (
            "why: {nl: Nog even., en: A while.}",
            "why: A while.",
            "rules.grace.why",
            "Keys and values are meant here.",
            "Write them below this key, further in.",
        ),
        (
            "cites: [{source: ours, place: Article 1}]",
            "cites: []",
            "rules.grace.cites",
            "Nothing is named here.",
            "Name at least one.",
        ),
        (
            "cites: [{source: ours, place: Article 1}]",
            "cites: ours",
            "rules.grace.cites",
            "A list is meant here.",
            "Write [one, two], or a line with a dash for each.",
        ),
        (
            '["123456"]',
            '["no digits"]',
            "rules.case_numbers.written_like.1",
            "This cannot be a case number.",
            "Write an invented one in quotes, with at least three digits, beginning and ending with a letter or digit.",
        ),
        (
            "    notice_days: 0\n",
            "    notice_days: 0\n    days: 3\n",
            "rules.grace.days",
            "days is here twice; the first time on line 39.",
            "Keep one of the two.",
        ),
        (
            "    days: 14\n    notice",
            "    days: 14\n    tagged: !x 1\n    notice",
            "rules.grace.tagged",
            "There is a tag here, or a key that is no text.",
            "Leave out whatever begins with an exclamation mark, and write keys as plain words.",
        ),
    ],
)
def test_each_thing_that_is_wrong_is_told_with_its_line_and_what_to_write(
    old: str, new: str, where: str, problem: str, fix: str
) -> None:
    text = with_line(old, new)
    faults = check(text, "small.yaml").faults
    assert (where, problem, fix) in [(each.where, EN.say(each.problem), EN.say(each.fix)) for each in faults]
    assert all(each.line is not None and each.file == "small.yaml" for each in faults)


def test_a_fault_stands_on_the_line_of_its_key() -> None:
    text = with_line("window_days: 14", "window_days: -1")
    assert [fault.line for fault in check(text, "small.yaml").faults] == [line_of(text, "window_days")]


def test_what_is_missing_stands_on_the_line_of_what_it_is_missing_from() -> None:
    text = with_line("    window_days: 14\n", "")
    assert fault_in(text)[:3] == (
        line_of(text, "  monitoring:"),
        "rules.monitoring.window_days",
        "window_days is missing.",
    )


@pytest.mark.parametrize("rule", re.findall(r"^  (\w+):\n    [{a-z]", WITHOUT_PERIODS, re.MULTILINE))
def test_a_rule_that_is_left_out_is_told(rule: str) -> None:
    text = re.sub(rf"^  {rule}:\n(    .*\n)+", "", SOUND, flags=re.MULTILINE)
    assert fault_in(text)[:3] == (line_of(text, "rules:"), f"rules.{rule}", f"{rule} is missing.")


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        with_line("dated: 2026-03-01", "dated: yesterday")
        .replace("sources:\n", "sources:\n  Bad Name: {title: x}\n")
        .replace("hours: 72", "hours: seventy")
        .replace("[3, 12]", "[12, 3]")
        .replace("{required: true", "{required: yes")
        .replace("notice_days: 0", "notice_days: 3")
        .replace("days: 14\n    notice", "days: 0\n    days: 1\n    notice")
        .replace("cites: [{source: ours, place: Article 1}]", "cites: [{source: theirs}]")
        .replace("  look_interval:", "  look_intervall:")
        .replace("now: 2026-03-24 00:00", "now: 2026-03-24 25:00")
    )
    first, second = line_of(text, "    days: 0"), line_of(text, "    days: 1\n")
    assert second == first + 1
    assert told(check(text, "small.yaml").faults) == [
        (line_of(text, "  dated:"), "policy.dated", "This is no day."),
        (line_of(text, "  Bad Name:"), "sources.Bad Name", "A name is not written like this."),
        (line_of(text, "rules:"), "rules.look_interval", "look_interval is missing."),
        (line_of(text, "hours: seventy"), "rules.staleness.hours", "seventy is no number that is allowed here."),
        (
            line_of(text, "[12, 3]"),
            "rules.monitoring.planned_months",
            "The planned months do not rise, or one is listed twice.",
        ),
        (second, "rules.grace.days", f"days is here twice; the first time on line {first}."),
        (
            second + 1,
            "rules.grace.notice_days",
            "The worker is to be told before the removal, but there is no waiting period in which to do so.",
        ),
        (second + 3, "rules.grace.cites.1.source", "There is no source theirs."),
        (
            line_of(text, "{required: yes"),
            "rules.recorded_in_case_file.required",
            "yes is text in YAML 1.2, and neither true nor false.",
        ),
        (line_of(text, "look_intervall"), "rules.look_intervall", "There is no key look_intervall here."),
        (line_of(text, "25:00"), "examples.2.now", "This is no moment."),
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "This is no policy: it does not begin with a key."),
        ("- a\n- b\n", 1, "This is no policy: it does not begin with a key."),
        (
            "policy:\n  name: [\n",
            2,
            "From here on this cannot be read as YAML: expected the node content, but found '<stream end>'.",
        ),
        ("a: &a [*a]\n", 1, "This is too large to be a policy, or it repeats itself without end."),
        ("#" * 300_000, None, "This is too large to be a policy, or it repeats itself without end."),
    ],
)
def test_what_is_no_policy_at_all_is_one_fault(text: str, line: int | None, problem: str) -> None:
    assert fault_in(text)[0:3] == (line, "", problem)


def test_an_empty_policy_lacks_every_part_and_every_key_of_the_part_it_has() -> None:
    assert [each.where for each in check("policy: {}\n", "x.yaml").faults] == [
        *(
            f"policy.{key}"
            for key in ("name", "version", "dated", "protocol", "organisation", "valid_from", "review_on")
        ),
        "sources",
        "rules",
        "examples",
    ]


# --- examples --------------------------------------------------------------------------------------------------------


def test_a_policy_that_contradicts_its_examples_does_not_load() -> None:
    text = with_line("    days: 14\n    notice", "    days: 13\n    notice")
    assert fault_in(text) == (
        line_of(text, "    expect: {decision: defer"),
        "examples.1.expect",
        "The example says defer (deferred); the rules say remove (finally_closed).",
        "Find out which of the two was meant, and correct the other.",
    )


def test_examples_run_even_where_something_else_is_wrong() -> None:
    text = with_line("dated: 2026-03-01", "dated: yesterday").replace("days: 14\n    notice", "days: 13\n    notice")
    checked = check(text, "small.yaml")
    assert [each.where for each in checked.faults] == ["policy.dated", "examples.1.expect"]
    assert [each.holds for each in checked.examples] == [False, True]


def test_without_one_of_the_rules_nobody_can_say_what_an_example_comes_to() -> None:
    checked = check(with_line("hours: 72", "hours: x"), "small.yaml")
    assert (checked.examples, len(checked.faults)) == ((), 1)


def test_the_examples_of_a_policy_that_loaded_all_hold() -> None:
    document = check(SOUND, "small.yaml").document
    assert document is not None
    results = run_examples(document)
    assert [(each.at, each.says.en, each.decided, each.holds) for each in results] == [
        (1, "A day too soon.", (Decision.DEFER, Reason.DEFERRED), True),
        (2, "In time.", (Decision.REMOVE, Reason.FINALLY_CLOSED), True),
    ]


@pytest.mark.parametrize(
    ("link", "decision", "reason"),
    [
        ("{class: client, phase: triage, assigned: now, register_age_hours: 72}", "keep", "assigned"),
        ("{class: client, phase: triage, assigned: now, register_age_hours: 72.1}", "review", "register_stale"),
        ("{class: client, phase: triage, assigned: now, register_age_hours: null}", "review", "register_stale"),
        ("{class: client, phase: triage, assigned: now, linked: false}", "review", "link_unknown"),
        ("{class: chain_partner, phase: triage, assigned: now}", "keep", "assigned"),
        ("{class: client, phase: triage, assigned: never}", "defer", "deferred"),
        ("{class: client, phase: closed, assigned: never}", "defer", "deferred"),
        ("{class: client, phase: closed, assigned: now}", "review", "closure_unconfirmed"),
        ("{class: client, phase: closed, assigned: now, closed_at: 2026-03-01}", "review", "not_recorded"),
        ("{class: client, phase: closed, assigned: now, deviation_until: 2026-03-25}", "keep", "deviation"),
        (
            "{class: client, phase: monitoring, assigned: now, planned_moments: [2026-04-07]}",
            "keep",
            "monitoring_window",
        ),
        (
            "{class: client, phase: triage, assigned: ended, assigned_until: 2026-03-01, former_since: 2024-01-01}",
            "review",
            "former_number",
        ),
    ],
)
def test_every_fact_of_an_example_counts(link: str, decision: str, reason: str) -> None:
    text = SOUND + (
        "  - says: {nl: Nog een., en: One more.}\n    now: 2026-03-24 09:00\n"
        f"    links:\n      - {link}\n    expect: {{decision: {decision}, reason: {reason}}}\n"
    )
    assert check(text, "small.yaml").faults == ()


def test_first_sighting_and_hold_of_an_example_count() -> None:
    text = SOUND + (
        "  - says: {nl: Lang gezien., en: Seen long ago.}\n    now: 2026-03-24 09:00\n    first_seen: 2026-03-01\n"
        "    links: [{class: client, phase: triage, assigned: never}]\n"
        "    expect: {decision: remove, reason: never_assigned}\n"
        "  - says: {nl: En toch., en: And yet.}\n    now: 2026-03-24 09:00\n    first_seen: 2026-03-01\n"
        "    held: true\n"
        "    links: [{class: client, phase: triage, assigned: never}]\n"
        "    expect: {decision: defer, reason: deferred}\n"
        "  - says: {nl: Niets bekend., en: Nothing known.}\n    now: 2026-03-24 09:00\n    links: []\n"
        "    expect: {decision: ignore, reason: not_in_register}\n"
    )
    assert check(text, "small.yaml").faults == ()


def test_a_moment_is_local_to_amsterdam_across_the_change_of_the_clock() -> None:
    """Grace is 14 times 24 hours; the clock goes forward on 29 March 2026, so it is over at one in the morning."""
    example = (
        "  - says: {{nl: Zomertijd {now}., en: Summer time {now}.}}\n    now: 2026-04-03 {now}\n"
        "    links: [{{class: client, phase: closed, assigned: now, closed_at: 2026-03-20, recorded: true}}]\n"
        "    expect: {{decision: {decision}, reason: {reason}}}\n"
    )
    text = (
        SOUND
        + example.format(now="00:59", decision="defer", reason="deferred")
        + example.format(now="01:00", decision="remove", reason="finally_closed")
    )
    assert check(text, "small.yaml").faults == ()


# --- in force --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "where"),
    [
        (date(2026, 2, 28), ["policy.valid_from"]),
        (date(2026, 3, 1), []),
        (date(2027, 2, 28), []),
        (date(2027, 3, 1), ["policy.review_on"]),
        (date(2028, 3, 1), ["policy.review_on"]),
        (date(2028, 3, 2), ["policy.valid_until", "policy.review_on"]),
    ],
)
def test_a_policy_says_when_it_is_not_in_force_or_due_for_review(today: date, where: list[str]) -> None:
    document = check(SOUND, "small.yaml").document
    assert document is not None
    assert [(each.where, each.severity) for each in standing(document, today)] == [
        (each, Severity.WARNING) for each in where
    ]


@pytest.mark.parametrize(
    ("provisioning", "said"),
    [
        (
            "mode: labelled",
            "Contacts are to be put back, but no number is kept to put back.",
        ),
        ("mode: off, value_days: 400", "Nothing is put back, so no number may be kept."),
    ],
)
def test_a_policy_that_puts_back_says_how_long_numbers_are_kept_and_no_other_keeps_any(
    provisioning: str, said: str
) -> None:
    fault = fault_in(SOUND.replace("{mode: off", f"{{{provisioning}"))
    assert fault[1:3] == ("rules.provisioning.value_days", said)


def test_a_policy_from_before_there_was_anything_to_put_back_keeps_its_version() -> None:
    document = check(SOUND, "small.yaml").document
    assert document is not None
    assert (document.policy.puts_back, document.policy.value_days) == (False, 0)
    assert document.digest.startswith("3d24ce01cb7a3f28")
