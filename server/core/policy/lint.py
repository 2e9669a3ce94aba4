"""What no single key of a policy can know of: settings that contradict each other, and those worth a second look.

Each check reads what it needs and is silent where that is missing or wrong itself, so that one fault hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from server.core.model import Tier
from server.core.policy.faults import Remark, warn
from server.core.policy.retention import RowKind, Span
from server.core.policy.schema import (
    RULE_OF,
    RULES,
    Attestation,
    CaseNumbers,
    Citation,
    ClassesThatStay,
    Deviations,
    Example,
    Grace,
    Head,
    LookInterval,
    MassAction,
    Monitoring,
    Provisioning,
    RecordedInCaseFile,
    RetainedFindings,
    Retention,
    Rule,
    Staleness,
    Strictness,
    TierRule,
    Tombstones,
)
from server.core.text import phrase

_DAYS_IN_MONTH = 30
_DAYS_IN_WEEK, _WORKING_DAYS = 7, 5
_PHONE_DIGITS = 9
R = TypeVar("R", bound=Rule)


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a policy file is well formed. head None, or a name that is not there: it is missing or wrong.

    sources: the name of every source that is written down, wrong or not. examples: with their place in the list.
    retention: None: there is none, or it is wrong; unsaid: there is none. unread: rules that may be left out, and are
    there and wrong.
    """

    head: Head | None
    sources: frozenset[str]
    rules: Mapping[str, Rule]
    examples: Sequence[tuple[int, Example]]
    retention: Retention | None = None
    unsaid: bool = True
    unread: frozenset[str] = frozenset()

    def rule(self, kind: type[R]) -> R | None:
        """The rule of that kind, if it is well formed."""
        return next((rule for rule in self.rules.values() if isinstance(rule, kind)), None)


def lint(parts: Parts) -> Iterator[Remark]:
    """All that is contradictory (a fault) or worth a second look (a warning)."""
    for check in CHECKS:
        yield from check(parts)


def _dates(parts: Parts) -> Iterator[Remark]:
    head = parts.head
    if head is None:
        return
    if head.valid_until is not None and head.valid_until < head.valid_from:
        yield Remark(
            ("policy", "valid_until"),
            phrase("The policy ends before it begins."),
            phrase("Write a last day on or after {day}.", day=head.valid_from),
        )
    if head.review_on <= head.dated:
        yield Remark(
            ("policy", "review_on"),
            phrase("The review is not after the day on which the policy was laid down."),
            phrase("Write a day after {day}; a year later is usual.", day=head.dated),
        )
    elif head.valid_until is not None and head.review_on > head.valid_until:
        yield warn(
            ("policy", "review_on"),
            phrase("The policy ends before its review."),
            phrase("Review it before {day}.", day=head.valid_until),
        )


def _citations(parts: Parts) -> Iterator[Remark]:
    cited: set[str] = set()
    for name, rule in parts.rules.items():
        for at, citation in enumerate(rule.cites):
            cited.add(citation.source)
            if citation.source not in parts.sources:
                yield _no_source(("rules", name, "cites", at, "source"), citation, parts)
        for at, parameter in enumerate(rule.assumed):
            if parameter not in rule.parameters():
                yield Remark(
                    ("rules", name, "assumed", at),
                    phrase("{name} is no parameter of this rule.", name=parameter),
                    phrase("Its parameters are: {names}.", names=rule.parameters()),
                )
    for kind, kept in () if parts.retention is None else parts.retention.each():
        for at, citation in enumerate(kept.cites):
            cited.add(citation.source)
            if citation.source not in parts.sources:
                yield _no_source(("retention", kind.value, "cites", at, "source"), citation, parts)
    # A rule that is wrong itself may cite what now looks unused.
    if RULES.keys() <= parts.rules.keys() and not parts.unread and (parts.retention is not None or parts.unsaid):
        for name in sorted(parts.sources - cited):
            yield warn(
                ("sources", name),
                phrase("No rule cites this source."),
                phrase("Cite it where a rule rests on it, or take it out."),
            )


def _no_source(where: tuple[str | int, ...], citation: Citation, parts: Parts) -> Remark:
    return Remark(
        where,
        phrase("There is no source {name}.", name=citation.source),
        phrase("Add it under sources, or cite one of: {names}.", names=tuple(sorted(parts.sources))),
    )


def _strictness(parts: Parts) -> Iterator[Remark]:
    deviations = parts.rule(Deviations)
    if deviations is None:
        return
    open_tiers = bool(tuple(open_tiers_of(deviations)))
    deviable = {name: rule for name, rule in parts.rules.items() if rule.deviable}
    room = [name for name, rule in deviable.items() if rule.strictness is Strictness.DISCRETIONARY]
    for name, rule in parts.rules.items():
        where = ("rules", name, "strictness")
        if not rule.deviable and name != "deviations" and rule.strictness is Strictness.DISCRETIONARY:
            yield warn(
                where,
                phrase("This rule is called DISCRETIONARY, but nothing in the product lets anybody deviate from it."),
                phrase("Write STRICT."),
            )
        elif rule.deviable and rule.strictness is Strictness.STRICT and open_tiers and room:
            yield warn(
                where,
                phrase("This rule is called STRICT, but a recorded deviation sets it aside with the others."),
                phrase("Write DISCRETIONARY, or close every tier of deviation."),
            )
    if open_tiers and not room and len(deviable) == _DEVIABLE:
        yield Remark(
            ("rules", "deviations", "tiers"),
            phrase("Deviations are open, but every rule that they could set aside is STRICT."),
            phrase("Write DISCRETIONARY where there is room for judgement, or close every tier."),
        )
    if not open_tiers:
        for name in room:
            yield Remark(
                ("rules", name, "strictness"),
                phrase("This rule is DISCRETIONARY, but every tier of deviation is closed."),
                phrase("Open a tier under deviations, or write STRICT."),
            )


_DEVIABLE = sum(1 for rule in RULES.values() if rule.deviable)


def open_tiers_of(deviations: Deviations) -> Iterator[tuple[Tier, TierRule]]:
    """The tiers that are open, the lightest first."""
    tiers = deviations.tiers
    for tier, rule in ((Tier.SELF, tiers.self_), (Tier.CONSULT, tiers.consult), (Tier.BOARD, tiers.board)):
        if rule is not None:
            yield tier, rule


def _tiers(parts: Parts) -> Iterator[Remark]:
    deviations = parts.rule(Deviations)
    if deviations is None:
        return
    tiers = tuple(open_tiers_of(deviations))
    for (lighter, less), (heavier, more) in pairwise(tiers):
        if less.longest_days > more.longest_days:
            yield Remark(
                ("rules", "deviations", "tiers", lighter.value, "longest_days"),
                phrase("{lighter} may last longer than {heavier}.", lighter=lighter.value, heavier=heavier.value),
                phrase(
                    "Write at most {count} day here, or more there.",
                    many="Write at most {count} days here, or more there.",
                    count=more.longest_days,
                ),
            )
    for tier, rule in tiers:
        if tier is Tier.CONSULT and not rule.partner_required:
            yield Remark(
                ("rules", "deviations", "tiers", "consult", "partner_required"),
                phrase("This tier is decided after consultation, but nobody has to be named."),
                phrase("Write true: with whom it was discussed belongs to the record."),
            )
        if tier is Tier.SELF and rule.partner_required:
            yield warn(
                ("rules", "deviations", "tiers", "self", "partner_required"),
                phrase("The worker decides this alone, yet somebody else has to be named."),
                phrase("Write false, or open the tier consult instead."),
            )


def _monitoring(parts: Parts) -> Iterator[Remark]:
    rule = parts.rule(Monitoring)
    if rule is None:
        return
    months = rule.planned_months
    where = ("rules", "monitoring", "planned_months")
    if sorted(set(months)) != months:
        yield Remark(
            where,
            phrase("The planned months do not rise, or one is listed twice."),
            phrase("Write each once, the first one first: [3, 12]."),
        )
        return
    # The start is no planned contact: only one window reaches into the time before the first.
    gap = min(
        [*(later - earlier for earlier, later in pairwise(months)), *(2 * first for first in months[:1])], default=0
    )
    shortest = gap * _DAYS_IN_MONTH // 2
    if rule.window_in == "working_days":
        shortest = shortest * _WORKING_DAYS // _DAYS_IN_WEEK
    if gap and rule.window_days >= shortest:
        yield Remark(
            ("rules", "monitoring", "window_days"),
            phrase("The windows around planned contacts touch: the contact would never be gone in between."),
            phrase(
                "Write less than {count} day: half the shortest time between two.",
                many="Write fewer than {count} days: half the shortest time between two.",
                count=shortest,
            ),
        )
    if not months and not rule.extra_moments and rule.window_days:
        yield warn(
            ("rules", "monitoring", "window_days"),
            phrase("No contact is ever planned, so this window never opens."),
            phrase("Write 0, or name the months."),
        )


def _grace(parts: Parts) -> Iterator[Remark]:
    rule = parts.rule(Grace)
    if rule is None or not rule.notice_days:
        return
    where = ("rules", "grace", "notice_days")
    if rule.days == 0:
        yield Remark(
            where,
            phrase("The worker is to be told before the removal, but there is no waiting period in which to do so."),
            phrase("Write 0 here, or give a waiting period."),
        )
    elif rule.notice_days > rule.days:
        yield Remark(
            where,
            phrase("The worker is to be told before the waiting period even begins."),
            phrase("Write at most {days}.", days=rule.days),
        )


def _recorded(parts: Parts) -> Iterator[Remark]:
    rule = parts.rule(RecordedInCaseFile)
    if rule is not None and not rule.required:
        yield warn(
            ("rules", "recorded_in_case_file", "required"),
            phrase("Contacts are removed without anybody confirming that they are recorded in the case file."),
            phrase("Write true: first recorded, then confirmed, then removed. Or explain in why what replaces it."),
        )


def _stays(parts: Parts) -> Iterator[Remark]:
    rule = parts.rule(ClassesThatStay)
    if rule is None:
        return
    if len(set(rule.classes)) < len(rule.classes):
        yield Remark(
            ("rules", "classes_that_stay", "classes"),
            phrase("A class is listed here twice."),
            phrase("Name each once."),
        )
    if "colleague" not in rule.classes:
        yield warn(
            ("rules", "classes_that_stay", "classes"),
            phrase("Colleagues do not stay: their numbers would go like a client’s."),
            phrase("Add colleague, so that workers can reach each other."),
        )


def _limits(parts: Parts) -> Iterator[Remark]:
    limits, staleness = parts.rule(MassAction), parts.rule(Staleness)
    if limits is not None and limits.max_share == 1:
        yield warn(
            ("rules", "mass_action", "max_share"),
            phrase("A share of 1 stops nothing: a plan may remove every contact there is."),
            phrase("Write less than 1, such as 0.9."),
        )
    if staleness is not None and staleness.hours > 7 * 24:
        yield warn(
            ("rules", "staleness", "hours"),
            phrase("A register of more than a week ago still decides: a case opened again since is not seen."),
            phrase("Write at most 168 hours, and bring in the register more often."),
        )


def _case_numbers(parts: Parts) -> Iterator[Remark]:
    rule = parts.rule(CaseNumbers)
    if rule is None:
        return
    where = ("rules", "case_numbers", "written_like")
    if not rule.written_like:
        yield warn(
            where,
            phrase("Entries that show only a case number are not noticed."),
            phrase("Write an invented case number as your case system writes them."),
        )
    for at, written in enumerate(rule.written_like):
        if written.isdigit() and len(written) <= 4:
            yield warn(
                (*where, at),
                phrase("So short a number also fits years and house numbers."),
                phrase("Write what is around it too, if your case numbers have that."),
            )
        elif written.isdigit() and len(written) >= _PHONE_DIGITS:
            yield warn(
                (*where, at),
                phrase("So long a number can be a telephone number, and is then taken for one."),
                phrase("Write what is around it too, if your case numbers have that."),
            )


def _provisioning(parts: Parts) -> Iterator[Remark]:
    rule = parts.rule(Provisioning)
    if rule is None:
        return
    where = ("rules", "provisioning", "value_days")
    if rule.mode == "labelled" and not rule.value_days:
        yield Remark(
            where,
            phrase("Contacts are to be put back, but no number is kept to put back."),
            phrase("Write for how many days after its removal a number is kept, sealed."),
        )
    if rule.mode == "off" and rule.value_days:
        yield Remark(
            where,
            phrase("Nothing is put back, so no number may be kept."),
            phrase("Take it out, or write labelled as the mode."),
        )


def _attestation(parts: Parts) -> Iterator[Remark]:
    rule = parts.rule(Attestation)
    if rule is None:
        return
    where = ("rules", "attestation")
    twice = sorted({each.value for each in rule.places if rule.places.count(each) > 1})
    if twice:
        yield Remark(
            (*where, "places"),
            phrase("Asked about twice: {names}.", names=tuple(twice)),
            phrase("Write each place once."),
        )
    if any(later <= earlier for earlier, later in pairwise(rule.remind_days)):
        yield Remark(
            (*where, "remind_days"),
            phrase("The days of reminders do not rise."),
            phrase("Write them in order, each of them once."),
        )
    if any(day >= rule.open_days for day in rule.remind_days):
        yield Remark(
            (*where, "remind_days"),
            phrase("A reminder comes when the question stands open no more."),
            phrase("Write less than rules.attestation.open_days, or let the question stand open for longer."),
        )
    if rule.counts_days < rule.open_days:
        yield Remark(
            (*where, "counts_days"),
            phrase("An answer would count no more while others may still give theirs."),
            phrase("Write at least {least}, as long as rules.attestation.open_days.", least=rule.open_days),
        )
    if not rule.remind_days:
        yield warn(
            (*where, "remind_days"),
            phrase("Nobody is reminded of an open question."),
            phrase("Write after how many days, such as 7 and 28."),
        )


def _retention(parts: Parts) -> Iterator[Remark]:
    """Periods that end while something else still needs the rows, and kinds of which nobody said how long."""
    if parts.retention is None:
        if parts.unsaid:
            yield warn(
                ("retention",),
                phrase("No period is given for what closeout itself keeps: all of it is kept for good."),
                phrase("Write a section retention with a period for each kind, and who decided it."),
            )
        return
    named = dict(parts.retention.each())
    asked = parts.rule(Attestation)
    never = {RowKind.ATTESTATIONS} if asked is None else set()
    silent = tuple(kind.value for kind in RowKind if kind not in named and kind not in never)
    if silent:
        yield warn(
            ("retention",),
            phrase("No period is given for {names}: that is kept for good.", names=silent),
            phrase("Write how long each of them is kept, and who decided it."),
        )
    removals = named.get(RowKind.REMOVALS)
    if removals is not None:
        yield from _too_short(parts, Span.read(removals.keep).shortest_days)
    stated = named.get(RowKind.ATTESTATIONS)
    if stated is not None and asked is not None and Span.read(stated.keep).shortest_days < asked.counts_days:
        yield Remark(
            ("retention", "attestations", "keep"),
            phrase("What a worker stated would go while it still counts."),
            phrase(
                "Write at least {least}, as long as rules.attestation.counts_days.", least=_written(asked.counts_days)
            ),
        )
    findings = named.get(RowKind.FINDINGS)
    if isinstance(findings, RetainedFindings):
        for ends, written in findings.by_disposition.items():
            if ends in findings.by_disposition and written == findings.keep:
                yield warn(
                    ("retention", "findings", "by_disposition", ends.value),
                    phrase("This period is the one of all findings."),
                    phrase("Take it out, or write another."),
                )


def _written(days: int) -> str:
    """So many days as the language has them."""
    return f"{days} day{'s' * (days != 1)}"


def _too_short(parts: Parts, days: int) -> Iterator[Remark]:
    """The order is what a watched token and an asked phone go back to."""
    where = ("retention", "removals", "keep")
    watched, looked = parts.rule(Tombstones), parts.rule(LookInterval)
    if watched is not None and days < watched.days:
        yield Remark(
            where,
            phrase("The record of a removal would go while what it removed is still watched for coming back."),
            phrase("Write at least {least}, as long as rules.tombstones.days.", least=_written(watched.days)),
        )
    elif looked is not None and days < looked.silent_phone_days:
        yield Remark(
            where,
            phrase("The record of a removal would go while a phone is still waited for to confirm it."),
            phrase(
                "Write at least {least}, as long as rules.look_interval.silent_phone_days.",
                least=_written(looked.silent_phone_days),
            ),
        )


def _examples(parts: Parts) -> Iterator[Remark]:
    said: set[str] = set()
    for at, example in parts.examples:
        if example.says.en in said:
            yield Remark(
                ("examples", at, "says"),
                phrase("Two examples say the same."),
                phrase("Say what this one shows that the other does not."),
            )
        said.add(example.says.en)
        for nth, link in enumerate(example.links):
            where = ("examples", at, "links", nth)
            if link.assigned == "ended" and link.assigned_until is None:
                yield Remark(
                    where,
                    phrase("The assignment ended, but not when."),
                    phrase("Write assigned_until with the day on which it ended."),
                )
            if link.assigned == "never" and link.assigned_until is not None:
                yield Remark(
                    (*where, "assigned_until"),
                    phrase("An assignment that never was cannot end."),
                    phrase("Take it out, or write assigned: ended."),
                )


def _shown(parts: Parts) -> Iterator[Remark]:
    """Every rule that can decide, and is not switched off, is shown by an example."""
    shown = {RULE_OF.get(example.expect.reason) for _at, example in parts.examples}
    for name, rule in parts.rules.items():
        if rule.decides and not _off(rule) and name not in shown:
            yield warn(
                ("rules", name),
                phrase("No example shows this rule deciding."),
                phrase("Add an example: it tells people what the rule means, and guards it against a slip."),
            )


def _off(rule: Rule) -> bool:
    match rule:
        case Monitoring():
            return not rule.planned_months and not rule.extra_moments
        case RecordedInCaseFile():
            return not rule.required
        case Deviations():
            return not any(open_tiers_of(rule))
        case ClassesThatStay():
            return not rule.classes
        case _:
            return False


CHECKS: tuple[Callable[[Parts], Iterator[Remark]], ...] = (
    _dates,
    _citations,
    _strictness,
    _tiers,
    _monitoring,
    _grace,
    _recorded,
    _stays,
    _limits,
    _case_numbers,
    _provisioning,
    _attestation,
    _retention,
    _examples,
    _shown,
)
