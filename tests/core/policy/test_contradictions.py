"""Each contradiction of the field (DOMAIN 12) is found in a policy that has it, with a case, and only there."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from server.core.policy.collisions import every
from server.core.policy.contradictions import NOT_SAID, contradictions
from server.core.policy.load import check, policy_of
from server.core.policy.schema import Contradicted
from server.render.words import Words
from tests.core.policy.texts import SOUND, with_line

WORDS = Words("en")
SHIPPED = Path(__file__).parents[3] / "agent_policies"
ACCEPTED_EVERYWHERE = "C4"
"""Nothing can be put back yet, so that every policy has it."""


def found(text: str) -> list[tuple[str, str, list[str]]]:
    content = check(text, "tried.yaml").content
    assert content is not None
    policy = policy_of(content)
    told = contradictions(content, policy, every(policy))
    return [(each.name, each.where, [WORDS.say(part) for part in each.shown_by]) for each in told]


def but_c4(text: str) -> list[tuple[str, str, list[str]]]:
    return [each for each in found(text) if each[0] != ACCEPTED_EVERYWHERE]


WRITTEN_INTO = [
    (
        "wipe first / keep everything",
        with_line("{required: true", "{required: false"),
        (
            "C1",
            "rules.recorded_in_case_file.required",
            [
                "a client",
                "the case is open",
                "the worker left the case on 20 Feb 2026",
                "nobody says that it is recorded in the case file",
            ],
        ),
    ),
    (
        "monitoring goes on / the incident was there: the windows touch",
        with_line("window_days: 14", "window_days: 89"),
        (
            "C9",
            "rules.monitoring.window_days",
            ["the months count from 31 Jan 2025", "one window ends on 30 Jan 2025, the next opens on 31 Jan 2025"],
        ),
    ),
    (
        "monitoring goes on / the incident was there: kept by one's own word",
        with_line("{longest_days: 7, partner_required: false}", "{longest_days: 75, partner_required: false}"),
        (
            "C9",
            "rules.deviations.tiers.self.longest_days",
            [
                "the months count from 31 Jan 2025",
                "it is gone for 75 days from 30 Jan 2025 on, and a deviation lasts 75",
            ],
        ),
    ),
    (
        "in the designated application only / workers must have numbers",
        with_line("extra_moments: true", "extra_moments: false"),
        (
            "C11",
            "rules.monitoring.extra_moments",
            [
                "a client",
                "the case is in monitoring",
                "the worker is on the case",
                "the case system plans a contact with this worker today, beside the months of the policy",
            ],
        ),
    ),
]


@pytest.mark.parametrize(("text", "told"), [row[1:] for row in WRITTEN_INTO], ids=[row[0] for row in WRITTEN_INTO])
def test_a_contradiction_is_found_where_it_is_written_into_a_policy(
    text: str, told: tuple[str, str, list[str]]
) -> None:
    assert but_c4(text) == [told]


NOT_THERE = [
    ("nothing is", SOUND),
    ("a week and a day between the windows", with_line("window_days: 14", "window_days: 81")),
    (
        "one's own word is a day shorter than the time without the contact",
        with_line("{longest_days: 7, partner_required: false}", "{longest_days: 74, partner_required: false}").replace(
            "{longest_days: 30,", "{longest_days: 74,"
        ),
    ),
    (
        "an organisation without monitoring",
        with_line("planned_months: [3, 12]", "planned_months: []").replace(
            "extra_moments: true", "extra_moments: false"
        ),
    ),
]


@pytest.mark.parametrize("text", [text for _said, text in NOT_THERE], ids=[said for said, _text in NOT_THERE])
def test_no_contradiction_is_found_where_there_is_none(text: str) -> None:
    assert but_c4(text) == []


def test_what_is_removed_and_not_put_back_is_found_with_a_case() -> None:
    assert found(SOUND) == [
        (
            "C4",
            "rules.provisioning.mode",
            ["a client", "the case is open", "the worker left the case on 20 Feb 2026"],
        )
    ]


def test_a_veilig_thuis_organisation_that_plans_nothing_leaves_its_workers_without_the_number() -> None:
    text = NOT_THERE[-1][1].replace("organisation: other", "organisation: veilig_thuis")
    assert [each[:2] for each in but_c4(text)] == [("C11", "rules.monitoring.extra_moments")]


def test_a_rule_that_is_always_followed_and_set_aside_is_a_contradiction_of_its_own() -> None:
    text = with_line("notice_days: 0\n    strictness: DISCRETIONARY", "notice_days: 0\n    strictness: STRICT")
    assert but_c4(text) == [("strict", "rules.grace.strictness", ["a deviation is in force"])]


@pytest.mark.parametrize("months", [(3, 12), (1, 2, 11)])
def test_the_shortest_time_without_a_contact_is_that_of_a_calendar_counted_by_hand(months: tuple[int, ...]) -> None:
    """For each start of four years, day by day: is it in a window?"""
    window = 10
    text = with_line("[3, 12]", str(list(months))).replace("window_days: 14", f"window_days: {window}")
    shortest = min(stretch for nth in range(4 * 365) for stretch in away(date(2020, 1, 1), nth, months, window))
    as_long, longer = (
        text.replace("{longest_days: 7, partner_required: false}", f"{{longest_days: {each}, partner_required: false}}")
        for each in (shortest - 1, shortest)
    )
    assert ([each[0] for each in but_c4(as_long)], [each[0] for each in but_c4(longer)]) == ([], ["C9"])


def away(first: date, nth: int, months: tuple[int, ...], window: int) -> list[int]:
    """The stretches of days on which it is not there, from one start until its last window."""
    start = first + timedelta(days=nth)
    planned = []
    for each in months:
        year, month = start.year + (start.month - 1 + each) // 12, (start.month - 1 + each) % 12 + 1
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        planned.append((date(year, month, min(start.day, last)) - start).days)
    edges = [(day - window, day + window) for day in planned]
    return [edges[0][0], *(opens - shuts - 1 for (_o, shuts), (opens, _s) in pairwise(edges))]


def test_the_shipped_policies_accept_what_is_found_in_them_and_no_more() -> None:
    for name in ("veilig-thuis.yaml", "care-provider.yaml"):
        text = (SHIPPED / name).read_text("utf-8")
        content = check(text, name).content
        assert content is not None
        assert {each[0] for each in found(text)} == set(content.accepts)


def test_every_contradiction_of_the_field_is_looked_for_or_said_to_be_no_policy_s() -> None:
    domain = (SHIPPED / "DOMAIN.md").read_text("utf-8")
    rows = set(re.findall(r"^\| (C\d+) \|", domain, re.MULTILINE))
    looked_for = set(Contradicted.__args__)
    assert rows == looked_for | set(NOT_SAID)
    assert not looked_for & set(NOT_SAID)


def test_what_is_put_back_is_no_contradiction_any_more() -> None:
    assert found(SOUND.replace("{mode: off", "{mode: labelled, value_days: 400")) == []
