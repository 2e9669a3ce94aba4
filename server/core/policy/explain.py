"""Why a contact may stay or has to go: which rules were asked, which decided, what they rest on; nothing is read.

What is said is data in no language (`Text`), except a policy's own words, which it carries in both. A hold is silent:
whoever is not cleared is told why a contact has to go, and not whether its removal is postponed (decision 0064). So
nothing that they are told depends on a hold, on the days of grace, or on whether the contact is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from server.core.days import AMSTERDAM
from server.core.model import GOES, REMOVALS, Decision, Link, Need, Reason
from server.core.policy.document import PolicyDocument
from server.core.policy.model import ConfirmedBy, CountedFrom, Policy, WindowUnit
from server.core.policy.schema import RULE_OF, Citation, Rule, Said, Strictness
from server.core.removal.monitoring import days_of, start_of
from server.core.removal.need import RULES as NEED_RULES
from server.core.removal.need import closure_of, decide, decide_case, former_since
from server.core.text import Text, phrase


@dataclass(frozen=True, slots=True)
class RuleAsked:
    """One rule that was asked. decides: it was the last. why and cites: the policy's own words and sources."""

    rule: str
    strictness: Strictness
    decides: bool
    text: Text
    why: Said
    cites: tuple[tuple[str, Citation], ...]
    """Pairs of a source's title and what is cited of it."""


@dataclass(frozen=True, slots=True)
class CaseExplained:
    """What one case alone says. case: as in `Link`; whoever shows it asks for the role. steps: in order."""

    case: int
    decision: Decision
    reason: Reason
    steps: tuple[RuleAsked, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is decided, and how it came about. decision, reason: to whoever is not cleared a postponed removal is one
    without its grace, so that both are told alike.
    """

    decision: Decision
    reason: Reason
    policy: str
    summary: Text
    cases: tuple[CaseExplained, ...] = ()
    notes: tuple[Text, ...] = ()


_GOES = phrase("By the policy the contact has to go: now, or once its removal is no longer postponed.")
_UNTOLD = phrase(
    "When it goes, whether it is postponed and whether it is still there is shown to nobody here: "
    "the policy has several grounds to postpone a removal."
)


def explain(
    links: Iterable[Link],
    document: PolicyDocument,
    now: datetime,
    first_seen: datetime,
    *,
    held: bool = False,
    cleared: bool = False,
) -> Explanation:
    """How `need.decide` comes to its answer for the same facts.

    cleared: the reader may know of holds (`CLEARED_FOR_HOLDS`). To any other reader a pair is explained to the letter
    as it were without a hold, and one that is postponed as one that goes; tests compare them.
    """
    facts = tuple(links)
    held = held and cleared
    need = decide(facts, document.policy, now, first_seen, held=held)
    goes = need.decision in GOES and not cleared
    if goes:
        need = as_if_at_once(facts, document.policy, now, first_seen)
    cases = tuple(_explain_case(link, document, now, first_seen, cleared=cleared) for link in facts)
    summary = _GOES if goes else _SUMMARIES[need.decision]
    notes = (*_notes(need, cases, held=held), *([_UNTOLD] if goes else []))
    return Explanation(need.decision, need.reason, need.policy, summary, cases, notes)


def as_if_at_once(links: Iterable[Link], policy: Policy, now: datetime, first_seen: datetime) -> Need:
    """What whoever is not cleared is told: without a hold, and of what goes without what postpones it."""
    facts = tuple(links)
    need = decide(facts, policy, now, first_seen)
    return decide(facts, _at_once(policy), now, first_seen) if need.decision in GOES else need


def _at_once(policy: Policy) -> Policy:
    """The same rules without what postpones: which of them lets a contact go, whenever that is."""
    return replace(policy, grace_days=0, notice_days=0, require_recorded=False)


def tell(explanation: Explanation, language: str) -> tuple[Text, ...]:
    """An explanation as sentences, one a line; the policy's own words are already in that language ("nl" or "en")."""
    return tuple(_lines(explanation, language))


def _lines(explanation: Explanation, language: str) -> Iterator[Text]:
    yield explanation.summary
    for nth, case in enumerate(explanation.cases, start=1):
        if len(explanation.cases) > 1:
            yield phrase("Case {nth}: {decision}.", nth=nth, decision=case.decision)
        for step in case.steps:
            yield step.text
            if step.decides:
                yield from _basis(step, language)
    yield from explanation.notes
    yield phrase("Policy in force: {policy}.", policy=explanation.policy)


def _basis(step: RuleAsked, language: str) -> Iterator[Text]:
    yield phrase("This is what the rule {rule} says: {why}", rule=step.rule, why=step.why.in_language(language))
    if step.strictness is Strictness.STRICT:
        yield phrase("The rule is always followed.")
    else:
        yield phrase("The rule leaves room for judgement: a deviation with a reason can be recorded.")
    for title, citation in step.cites:
        if citation.quote:
            yield phrase("It rests on {source}: “{quote}”.", source=title, quote=citation.quote)
        elif citation.place:
            yield phrase("It rests on {source} ({place}).", source=title, place=citation.place)
        else:
            yield phrase("It rests on {source}.", source=title)


_SUMMARIES: Mapping[Decision, Text] = {
    Decision.KEEP: phrase("The contact may stay."),
    Decision.REVIEW: phrase("A person decides; nothing is removed until then."),
    Decision.DEFER: phrase("The removal is postponed by the policy."),
    Decision.REMOVE_REPROVISIONABLE: phrase("The contact has to go for now; it may be back when it is needed again."),
    Decision.REMOVE: phrase("The contact has to go."),
    Decision.IGNORE: phrase("The contact is not in the register: it is private and left alone."),
}


def _notes(need: Need, cases: tuple[CaseExplained, ...], *, held: bool) -> Iterator[Text]:
    if len(cases) > 1:
        yield phrase(
            "It belongs to {count} case, and that decides.",
            many=(
                "It belongs to {count} cases. What keeps a contact outweighs what removes it, so one case "
                "decides: may stay, a person decides, postponed, remove for now, remove."
            ),
            count=len(cases),
        )
    if need.held:
        yield phrase("A hold covers it, so nothing is removed. Only those cleared for holds are told this.")
    elif held and need.decision not in REMOVALS:
        yield phrase("A hold covers it too, but changes nothing here. Only those cleared for holds are told this.")


# --- one case --------------------------------------------------------------------------------------------------------


def _explain_case(
    link: Link, document: PolicyDocument, now: datetime, first_seen: datetime, *, cleared: bool
) -> CaseExplained:
    need = decide_case(link, document.policy, now, first_seen)
    within = _PASSED_WITHIN.get(need.reason, ())
    if need.decision in GOES and not cleared:
        need, within = decide_case(link, _at_once(document.policy), now, first_seen), ()
    steps = [
        *_passed_over(link, document, now, first_seen),
        *(_step(document, rule, text, decides=False) for rule, text in within),
        _step(document, RULE_OF[need.reason], _DECIDED[need.reason](link, document.policy), decides=True),
    ]
    return CaseExplained(link.case, need.decision, need.reason, tuple(steps))


def _passed_over(link: Link, document: PolicyDocument, now: datetime, first_seen: datetime) -> Iterator[RuleAsked]:
    """The rules that were asked in vain, in the order of the need table."""
    for asked, (rule, text) in zip(NEED_RULES, _PASSED, strict=True):
        if asked(link, document.policy, now, first_seen) is not None:
            return
        yield _step(document, rule, text, decides=False)


def _step(document: PolicyDocument, name: str, text: Text, *, decides: bool) -> RuleAsked:
    rule: Rule = getattr(document.content.rules, name)
    sources = document.content.sources
    cites = tuple((sources[citation.source].title, citation) for citation in rule.cites)
    return RuleAsked(name, rule.strictness, decides, text, rule.why, cites)


_PASSED: tuple[tuple[str, Text], ...] = (
    ("classes_that_stay", phrase("It is not of a class that stays.")),
    ("staleness", phrase("The register was read recently enough, and says that it belongs to the case.")),
    ("deviations", phrase("No deviation is in force.")),
    ("assignment", phrase("The worker is not on the case now, or the case is not open.")),
    ("former_numbers", phrase("It is no former number, or not for long.")),
    ("monitoring", phrase("The case is not in the monitoring phase.")),
    ("final_closure", phrase("Neither a confirmed final closure nor an end of the worker’s assignment is known.")),
    ("never_assigned", phrase("The worker was on the case once.")),
    ("final_closure", phrase("Nothing else decided.")),
)
"""What it means that a rule of the need table did not fit, in the order of that table."""

_GRACE_OVER = ("grace", phrase("The waiting period is over."))
_RECORDED = ("recorded_in_case_file", phrase("It is recorded in the case file, or that is not asked."))

_PASSED_WITHIN: Mapping[Reason, tuple[tuple[str, Text], ...]] = {
    Reason.FINALLY_CLOSED: (_GRACE_OVER, _RECORDED),
    Reason.NO_LONGER_ASSIGNED: (_GRACE_OVER, _RECORDED),
    Reason.NOT_RECORDED: (_GRACE_OVER,),
    Reason.NEVER_ASSIGNED: (_GRACE_OVER,),
}
"""The rules that one row of the need table asks before it answers."""


def _monitoring_window(link: Link, policy: Policy) -> Text:
    near = phrase(
        "A planned contact is near: it may be there {count} day before and after.",
        many="A planned contact is near: it may be there {count} days before and after.",
        count=policy.monitoring_window_days,
    )
    if policy.window_unit is WindowUnit.WORKING_DAYS:
        near = phrase(
            "A planned contact is near: it may be there {count} working day before and after.",
            many="A planned contact is near: it may be there {count} working days before and after.",
            count=policy.monitoring_window_days,
        )
    return _with_plan(near, link, policy)


def _monitoring_outside(link: Link, policy: Policy) -> Text:
    far = phrase(
        "The case is in the monitoring phase, and no planned contact with this worker is {count} day away or less.",
        many="The case is in the monitoring phase, and no planned contact with this worker is {count} days "
        "away or less.",
        count=policy.monitoring_window_days,
    )
    if policy.window_unit is WindowUnit.WORKING_DAYS:
        far = phrase(
            "The case is in the monitoring phase, and no planned contact with this worker is {count} "
            "working day away or less.",
            many="The case is in the monitoring phase, and no planned contact with this worker is {count} "
            "working days away or less.",
            count=policy.monitoring_window_days,
        )
    return _with_plan(far, link, policy)


def _with_plan(said: Text, link: Link, policy: Policy) -> Text:
    """The sentence, with the days of the plan and from which day its months are counted, where any were."""
    days = days_of(link, policy)
    start = None if link.monitored is None else start_of(link.monitored, policy)
    if not days or start is None:
        return said
    return phrase("{said} Planned: {days}; counted from {start}.", said=said, days=days, start=start)


STARTS: Mapping[CountedFrom, Text] = {
    CountedFrom.TRANSFER: phrase("the day on which the case was handed over"),
    CountedFrom.START_OF_PHASE: phrase("the day on which monitoring began"),
    CountedFrom.CASE_FIELD: phrase("the day from which the plan counts"),
}
"""From which day months are counted, in words."""


def _plan_unknown(_link: Link, policy: Policy) -> Text:
    return phrase(
        "The case is in the monitoring phase, no contact is planned, and the register does not tell "
        "{day}, from which the policy counts its months.",
        day=STARTS[policy.counted_from],
    )


def _stale(link: Link, policy: Policy) -> Text:
    if link.read_at is None:
        return phrase("The register was never read without faults.")
    return phrase(
        "The register was last read at {moment}. It decides for {count} hour.",
        many="The register was last read at {moment}. It decides for {count} hours.",
        count=policy.staleness_hours,
        moment=link.read_at,
    )


def _finally_closed(link: Link, policy: Policy) -> Text:
    closed_at = closure_of(link, policy)
    if link.closed_at is None:
        return phrase(
            "The final closure of the case was confirmed by the work supervisor on {day}.", day=_end(closed_at)
        )
    return phrase("The final closure of the case was confirmed on {day}.", day=_day(closed_at))


def _unconfirmed(_link: Link, policy: Policy) -> Text:
    if policy.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR:
        return phrase("No final closure was confirmed: neither by the case system nor by the work supervisor.")
    return phrase("No final closure was confirmed. A status alone removes nothing.")


_DECIDED: Mapping[Reason, Callable[[Link, Policy], Text]] = {
    Reason.CLASS_STAYS: lambda link, _policy: phrase("It stays: {whose}.", whose=link.contact_class),
    Reason.REGISTER_STALE: _stale,
    Reason.LINK_UNKNOWN: lambda _link, _policy: phrase("The register does not say whether it belongs to the case."),
    Reason.DEVIATION: lambda link, _policy: phrase(
        "A recorded deviation lets it stay until {moment}.", moment=link.deviation_until or ""
    ),
    Reason.ASSIGNED: lambda link, _policy: phrase("The worker is on the case: {phase}.", phase=link.phase),
    Reason.MONITORING_WINDOW: _monitoring_window,
    Reason.MONITORING_OUTSIDE: _monitoring_outside,
    Reason.PLAN_UNKNOWN: _plan_unknown,
    Reason.FORMER_NUMBER: lambda link, _policy: phrase(
        "It has not been this person’s since {day}, and may be somebody else’s by now.", day=_day(former_since(link))
    ),
    Reason.FINALLY_CLOSED: _finally_closed,
    Reason.NO_LONGER_ASSIGNED: lambda link, _policy: phrase(
        "The worker left the case on {day}.", day=_day(link.assigned_until)
    ),
    Reason.NEVER_ASSIGNED: lambda _link, _policy: phrase("The worker was never on the case."),
    Reason.NOT_RECORDED: lambda _link, _policy: phrase("Nobody has said that it is recorded in the case file."),
    Reason.CLOSURE_UNCONFIRMED: _unconfirmed,
    Reason.DEFERRED: lambda _link, _policy: phrase("The waiting period is still running."),
}
"""What the rule that decided found, from the facts of the case."""


def _day(moment: datetime | None) -> date | str:
    return "" if moment is None else moment.astimezone(AMSTERDAM).date()


def _end(moment: datetime | None) -> date | str:
    """The day of an instant that stands for its end: at midnight the day before."""
    return "" if moment is None else (moment - timedelta(microseconds=1)).astimezone(AMSTERDAM).date()
