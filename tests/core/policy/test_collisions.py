"""Trying every situation finds what the rules of DOMAIN 14.1, read once more in whole days ago, say by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from server.core.policy.collisions import collide, every
from server.core.policy.load import check, policy_of
from server.core.policy.model import ConfirmedBy, Policy
from server.render.words import Words

from .texts import SOUND, with_line

SHIPPED = Path(__file__).parents[3] / "agent_policies"
OPEN_TIERS = """
      self: {longest_days: 7, partner_required: false}
      consult: {longest_days: 30, partner_required: true}
"""
POLICIES = {
    "small": SOUND,
    "veilig-thuis": (SHIPPED / "veilig-thuis.yaml").read_text("utf-8"),
    "care-provider": (SHIPPED / "care-provider.yaml").read_text("utf-8"),
    "without grace": with_line("    days: 14\n", "    days: 0\n"),
    "not recorded first": with_line("{required: true", "{required: false"),
    "without deviations": with_line(f"tiers:{OPEN_TIERS}", "tiers: {}\n"),
    "nobody stays": with_line("[professional, colleague]", "[]"),
    "no month is planned": with_line("planned_months: [3, 12]", "planned_months: []"),
    "months alone": with_line("extra_moments: true", "extra_moments: false"),
    "no monitoring": with_line("planned_months: [3, 12]", "planned_months: []").replace(
        "extra_moments: true", "extra_moments: false"
    ),
    "the case system alone confirms": with_line("confirmed_by: work_supervisor", "confirmed_by: register"),
    "slips are trusted": with_line("correction_days: 7", "correction_days: 0"),
}


def policy(text: str) -> Policy:
    content = check(text, "tried.yaml").content
    assert content is not None
    return policy_of(content)


@dataclass(frozen=True)
class Facts:
    """One contact. Numbers are days ago. on: now, left or never. plan: whose contact is when, in monitoring."""

    whose: str
    phase: str
    on: str
    ago: int
    recorded: bool
    deviates: bool
    number: str
    register: str
    plan: str = ""
    closed: int | None = None
    by: str = ""


def every_one(rules: Policy) -> list[Facts]:
    """Each kind of contact, with its days right on both sides of each term."""
    grace = rules.grace_days
    terms = [grace, *([grace - 1] if grace else [])]
    shared = list(
        product(
            ["client", "professional", "chain_partner"],
            [("now", 0), *(("left", each) for each in terms), *(("never", each) for each in terms)],
            [True, False],
            [True, False] if rules.deviation_tiers else [False],
            ["theirs", "old", "slip"],
            ["sound", "stale", "silent"],
        )
    )
    found = []
    for whose, (on, ago), *rest in shared:
        found += [Facts(whose, "waiting", on, ago, *rest)]
        plans = [
            "none",
            "others",
            "today",
            "extra",
            "promised",
            "unknown",
            *(["month"] if rules.planned_months else []),
        ]
        found += [Facts(whose, "monitoring", on, ago, *rest, plan=plan) for plan in plans]
        found += [Facts(whose, "closed", on, ago, *rest)]
        found += [
            Facts(whose, "closed", on, ago, *rest, closed=days, by=by)
            for days, by in product(terms, ["register", "supervisor"])
        ]
    return found


def fitting(facts: Facts, rules: Policy) -> list[tuple[str, str]]:  # noqa: C901, PLR0912  one for each rule
    """The rules of 14.1 that fit, in their order, with what each says."""
    says: list[tuple[str, str]] = []
    if facts.whose in set(rules.classes_that_stay):
        says.append(("classes_that_stay", "keep"))
    if facts.register != "sound":
        says.append(("staleness", "review"))
    if facts.deviates:
        says.append(("deviations", "keep"))
    if facts.on == "now" and facts.phase == "waiting":
        says.append(("assignment", "keep"))
    if facts.number == "old" or (facts.number == "slip" and rules.correction_days):
        says.append(("former_numbers", "review"))
    if facts.phase == "monitoring":
        says.append(("monitoring", monitored(facts, rules)))
    ends = []
    counts = facts.by == "register" or (
        facts.by == "supervisor" and rules.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR
    )
    if facts.closed is not None and counts:
        ends.append((facts.closed, "final_closure"))
    if facts.on == "left":
        ends.append((facts.ago, "assignment"))
    if ends:
        days, why = max(ends, key=lambda end: (end[0], end[1] == "final_closure"))
        if days < rules.grace_days:
            says.append(("grace", "defer"))
        elif rules.require_recorded and not facts.recorded:
            says.append(("recorded_in_case_file", "review"))
        else:
            says.append((why, "remove"))
    if facts.on == "never" and facts.phase != "monitoring":  # there, the rule for monitoring is the one that speaks
        says.append(("grace", "defer") if facts.ago < rules.grace_days else ("never_assigned", "remove"))
    return says


def monitored(facts: Facts, rules: Policy) -> str:
    """Keep around a planned day of those in the plan; a person decides where nobody knows the plan; else not there."""
    on = facts.on == "now"
    match facts.plan:
        case "today":
            return "keep"
        case "extra":
            return "keep" if rules.extra_moments else "remove_reprovisionable"
        case "month" | "promised":
            return "keep" if on else "remove_reprovisionable"
        case "unknown":
            return "review" if on and rules.planned_months else "remove_reprovisionable"
        case _:
            return "remove_reprovisionable"


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES)
def test_rules_meet_never_decide_and_leave_gaps_where_the_rules_of_the_field_say_so(text: str) -> None:
    rules = policy(text)
    meets, decide, gaps = set(), set(), set()
    for facts in every_one(rules):
        says = fitting(facts, rules)
        if not says:
            gaps.add(facts.phase)
            decide.add("final_closure")
            continue
        decide.add(says[0][0])
        meets |= {(*says[0], *later) for later in says[1:] if later[0] != says[0][0] and later[1] != says[0][1]}

    tried = collide(every(rules))

    assert {(each.first, each.decides.value, each.second, each.would.value) for each in tried.meets} == meets
    assert (
        set(tried.never)
        == {
            "classes_that_stay",
            "staleness",
            "deviations",
            "assignment",
            "former_numbers",
            "monitoring",
            "final_closure",
            "grace",
            "recorded_in_case_file",
            "never_assigned",
        }
        - decide
    )
    assert len(tried.gaps) == len(gaps)


NEVER = [
    ("without grace", ("grace",)),
    ("not recorded first", ("recorded_in_case_file",)),
    ("without deviations", ("deviations",)),
    ("nobody stays", ("classes_that_stay",)),
    ("small", ()),
]


@pytest.mark.parametrize(("name", "never"), NEVER)
def test_a_rule_that_a_policy_switches_off_never_decides(name: str, never: tuple[str, ...]) -> None:
    assert collide(every(policy(POLICIES[name]))).never == never


def test_a_case_is_told_in_words() -> None:
    tried = collide(every(policy(SOUND)))
    words = Words("en")
    told = {(each.first, each.second): [words.say(part) for part in each.shown_by] for each in tried.meets}
    assert told["staleness", "assignment"] == [
        "a client",
        "the case is open",
        "the worker left the case on 20 Feb 2026",
        "the register was read too long ago",
    ]
    assert [[words.say(part) for part in each.shown_by] for each in tried.gaps] == [
        ["a client", "the case is called closed", "the worker is on the case"]
    ]
