"""The contradictions of the field (DOMAIN 12) that a policy can have written into it, each with a case that shows it.

Some can be found by trying every situation, one by trying every day on which monitoring can begin. Those that stand in
the rules about evidence and channels are found in `core.usage.evidence_contradictions`. The others are about what
people do, and no policy can say them: `NOT_SAID` tells of each who answers for it. Nothing is read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from server.core.model import GOES, OPEN_PHASES, REMOVALS, Link, Reason, Tier
from server.core.policy.collisions import TODAY, Situation, Tried
from server.core.policy.lint import open_tiers_of
from server.core.policy.model import Policy
from server.core.policy.schema import OrganisationKind, PolicyFile, Strictness
from server.core.removal.monitoring import days_of, first_day, in_plan, last_day
from server.core.text import Text, phrase
from server.core.workdays import add_months

STRICT_SET_ASIDE = "strict"
"""Not the field's, but a policy's own: a rule that is always followed, and that a deviation sets aside."""
_FIRST_START, _STARTS = date(2024, 1, 1), 4 * 366 - 3
"""Every day of four years: all lengths of months, in every order."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One that was found. name: as in DOMAIN 12, or `STRICT_SET_ASIDE`. where: the parameter to look at, as the file
    calls it. problem: what contradicts what. shown_by: a case, in words.
    """

    name: str
    where: str
    problem: Text
    shown_by: tuple[Text, ...]


def contradictions(content: PolicyFile, policy: Policy, every_one: Tried) -> tuple[Contradiction, ...]:
    """Those of a policy, in the order of DOMAIN 12. policy: what the content comes to, also one that does not load.
    every_one: all that was tried under it.
    """
    found = [*_by_situations(content, policy, every_one), *_monitored_throughout(content, policy), *_strict(content)]
    return tuple(sorted(found, key=lambda each: order(each.name)))


def order(name: str) -> tuple[bool, int]:
    """In the order of DOMAIN 12, our own at the end."""
    return (not name[1:].isdigit(), int(name[1:]) if name[1:].isdigit() else 0)


# --- by trying every situation ---------------------------------------------------------------------------------------


def _by_situations(content: PolicyFile, policy: Policy, every_one: Tried) -> Iterator[Contradiction]:
    unrecorded = removed = unreachable = None
    for each, (first, *_others) in every_one:
        if first.decision in REMOVALS:
            removed = removed or each
            if first.reason in _AFTER_THE_END and not each.link.recorded:
                unrecorded = _shorter(unrecorded, each)
        if first.decision in GOES and _is_needed(each.link, policy):
            unreachable = _shorter(unreachable, each)
    if unrecorded is not None:
        yield Contradiction(
            "C1",
            "rules.recorded_in_case_file.required",
            phrase("A contact is removed of which nobody has said that it is recorded in the case file."),
            unrecorded.said,
        )
    if removed is not None and content.rules.provisioning.mode == "off":
        yield Contradiction(
            "C4",
            "rules.provisioning.mode",
            phrase("What is removed is not put back when the case is opened again or a contact is planned."),
            removed.said,
        )
    if unreachable is not None and not _is_without_monitoring(content):
        yield Contradiction(
            "C11",
            "rules.monitoring.extra_moments",
            phrase("A worker is to call today, and may not have the number in the address book that is meant for it."),
            unreachable.said,
        )


_AFTER_THE_END = {Reason.FINALLY_CLOSED, Reason.NO_LONGER_ASSIGNED}
"""Where DOMAIN 14.1 asks whether it is recorded."""


def _is_needed(link: Link, policy: Policy) -> bool:
    """Whether the work needs the number today, whatever the policy says (DOMAIN 14.1, rules 4 and 5)."""
    if link.phase in OPEN_PHASES:
        return link.assigned_now
    planned = TODAY in link.planned_moments or (in_plan(link) and TODAY in days_of(link, policy))
    return link.monitored is not None and planned


def _is_without_monitoring(content: PolicyFile) -> bool:
    """Whether an organisation has no such phase, and says so by planning nothing."""
    rule = content.rules.monitoring
    veilig_thuis = content.policy.organisation is OrganisationKind.VEILIG_THUIS
    return not rule.planned_months and not rule.extra_moments and not veilig_thuis


def _shorter(kept: Situation | None, each: Situation) -> Situation:
    return each if kept is None or len(each.said) < len(kept.said) else kept


# --- by trying every start of monitoring -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Between:
    """The time without the contact. start: from when the months count. gone: how many whole days it is gone."""

    start: date
    shut: date
    opens: date
    gone: int


def _monitored_throughout(content: PolicyFile, policy: Policy) -> Iterator[Contradiction]:
    shortest = min(_between(policy), key=lambda each: each.gone, default=None)
    if shortest is None:
        return
    days = phrase("the months count from {day}", day=shortest.start)
    if shortest.gone <= 0:
        yield Contradiction(
            "C9",
            "rules.monitoring.window_days",
            phrase("The contact is there all through monitoring, and not around planned days only."),
            (
                days,
                phrase(
                    "one window ends on {shut}, the next opens on {opens}", shut=shortest.shut, opens=shortest.opens
                ),
            ),
        )
        return
    longest = dict(open_tiers_of(content.rules.deviations)).get(Tier.SELF)
    if longest is not None and longest.longest_days >= shortest.gone:
        yield Contradiction(
            "C9",
            "rules.deviations.tiers.self.longest_days",
            phrase("By their own word alone a worker keeps the contact from one window to the next."),
            (
                days,
                phrase(
                    "it is gone for {count} day from {shut} on, and a deviation lasts {longest}",
                    many="it is gone for {count} days from {shut} on, and a deviation lasts {longest}",
                    count=shortest.gone,
                    shut=shortest.shut,
                    longest=longest.longest_days,
                ),
            ),
        )


def _between(policy: Policy) -> Iterator[_Between]:
    """For every start, from it until the first window, and from each window to the next."""
    count, unit = policy.monitoring_window_days, policy.window_unit
    for nth in range(_STARTS if policy.planned_months else 0):
        start = _FIRST_START + timedelta(days=nth)
        planned = [add_months(start, each) for each in policy.planned_months]
        opens = [first_day(each, count, unit) for each in planned]
        shuts = [start - timedelta(days=1), *(last_day(each, count, unit) for each in planned)]
        for shut, next_opens in zip(shuts, opens, strict=False):
            yield _Between(start, shut, next_opens, (next_opens - shut).days - 1)


# --- a policy's own --------------------------------------------------------------------------------------------------


def _strict(content: PolicyFile) -> Iterator[Contradiction]:
    """Rules that are always followed, though a deviation sets them aside."""
    tiers = [tier for tier, _rule in open_tiers_of(content.rules.deviations)]
    for name, rule in content.rules.each():
        if tiers and rule.deviable and rule.strictness is Strictness.STRICT:
            yield Contradiction(
                STRICT_SET_ASIDE,
                f"rules.{name}.strictness",
                phrase("This rule is always followed, and a deviation sets it aside."),
                (phrase("a deviation is in force"),),
            )


NOT_SAID: Mapping[str, Text] = {
    "C5": phrase("Keeping evidence and stopping at once are done by people: no parameter says it."),
    "C6": phrase(
        "Who is named is settled by pseudonyms and two people at once: every installation has that, no policy."
    ),
    "C7": phrase("Whether somebody is spoken to is decided in each case: no parameter says it."),
    "C8": phrase(
        "How safe a channel is and whether the work gave a reason are two columns: one cannot be said by the other."
    ),
    "C10": phrase(
        "Terms of days and numbers of organisations are reference data with versions, and no rule of a policy."
    ),
    "C12": phrase("Who sees a finding follows from roles and from who it is about: no parameter says it."),
}
"""Contradictions that no policy can have in it, each with the reason."""
