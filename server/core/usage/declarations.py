"""Declarations of business use and what evidence says beside them; facts in, values out, and nothing follows from them.

Two things are kept apart. The *state of the declaration* (signed, in force, for this phone) is the main compliance
fact, and findings are about it alone. The *outcome of the evidence* is an interval for each quantity by itself; no
function here, and none elsewhere, may turn an outcome into a finding, an order or a message: it stands on a page, the
worker sees it first, and a person talks about it. Fair use (DOMAIN N2) is theirs to judge. By the clock nothing is
judged: work at night is ordinary (DOMAIN P4).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from server.core.usage.intervals import Interval, Sampling, bound, bound_sampled
from server.core.usage.model import NOTHING, Confidence, DeviceTotals, DeviceUsage, Profile, Quantity, Span, Split, Use
from server.core.workdays import add_months

# --- what the policy says -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeclarationRules:
    """What an organisation decided about declarations. Only the threshold has a default: it is in the signed text.

    version: of the policy, stays with each outcome. quantities: those that are looked at. accepted: kinds of evidence
    an outcome may rest on. min_days, min_volume (counting units, for every quantity), max_absence_days: below or above
    these a share means nothing. widest: a share that lies somewhere in an interval wider than this, with the threshold
    in it, is none: the feed cannot measure it. validity_months: how long a signature holds. reminders_before: days
    before it ends; reminders_after: days after the hand-out, or after whatever else made a signature needed.
    countersigned: whether the employer signs too. check_months: between two periodic checks; conversation_months:
    between two conversations.
    """

    version: str
    quantities: frozenset[Quantity]
    accepted: frozenset[Confidence]
    min_days: int
    min_volume: Mapping[Quantity, int]
    max_absence_days: int
    sampling: Sampling
    validity_months: int
    reminders_before: tuple[int, ...]
    reminders_after: tuple[int, ...]
    countersigned: bool
    check_months: int
    conversation_months: int
    threshold: Decimal = Decimal("0.90")
    """Strictly more than this is what was signed ("meer dan 90%", DOMAIN N1)."""
    widest: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if not self.quantities <= set(self.min_volume):
            raise ValueError("every quantity that is looked at needs its minimum volume")
        if not 0 < self.threshold < 1:
            raise ValueError("the threshold lies between 0 and 1")
        if not 0 < self.widest <= 1:
            raise ValueError("the widest interval lies between 0 and 1")
        if min(self.validity_months, self.check_months, self.conversation_months) < 1:
            raise ValueError("terms are at least a month")


# --- evidence -------------------------------------------------------------------------------------------------------


class UsageOutcome(StrEnum):
    """What the evidence of one quantity says about "more than 90%" (DOMAIN 14.2, C2)."""

    OK = "ok"
    """Even if all that is unknown were private: more than the threshold."""
    BORDERLINE = "borderline"
    """Exactly the threshold, with nothing unknown: one text allows it and the other does not (N1, N3)."""
    ATTENTION = "attention"
    """Even if all that is unknown were business: not more than the threshold. A reason to talk, and no more."""
    INDETERMINATE = "indeterminate"
    """What is unknown decides; it is little enough for a share to be told."""
    INSUFFICIENT = "insufficient"
    """Too little, or not one person's: no share is computed."""
    NOT_MEASURABLE = "not_measurable"
    """No source could show both sides, as on an iPhone, or it leaves so much open that it shows nothing. The signed
    declaration and a conversation are what there is."""
    NO_DATA = "no_data"
    """There is a source and it shows nothing at all."""


class Cause(StrEnum):
    """Why there is no share."""

    NO_SOURCE = "no_source"
    WORK_PROFILE_ONLY = "work_profile_only"
    """The source cannot see the private side: business would always be everything."""
    RECORDED_ONLY = "recorded_only"
    """A case file shows business only."""
    NOT_ACCEPTED = "not_accepted"
    """The policy rests no outcome on this kind of evidence."""
    TOO_MUCH_UNKNOWN = "too_much_unknown"
    """The feed leaves so much unknown that the share may lie nearly anywhere."""
    TOO_FEW_LOOKS = "too_few_looks"
    """It was only looked at now and then, and too seldom."""
    NOTHING_USED = "nothing_used"
    SHARED_DEVICE = "shared_device"
    SEVERAL_WORKERS = "several_workers"
    """The device was with two workers or more in the period."""
    NOBODY = "nobody"
    """The device was with nobody in the period."""
    LONG_ABSENCE = "long_absence"
    """Its worker was away for so long that too little is left: what happens in leave is not measured."""
    JUST_HANDED_OUT = "just_handed_out"
    """With its worker for too short a time as yet: looked at again each month."""
    LITTLE_IN_A_YEAR = "little_in_a_year"
    """Too little even in a year, as with part-time work: the declaration and the conversation are what there is."""
    FEW_DAYS = "few_days"
    LITTLE_USE = "little_use"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the register knows of one device in the period.

    workers: how many different workers held it. shared: it is meant for several (front office). absence_days: days on
    which its worker was away and which the totals hold; left_out: those that are in no total. sources: the quantities
    that some feed measures on this device. handed_out: the day in the period on which its worker got it; None: before.
    whole_year: the period is a year, and more would tell nothing else.
    """

    device: int
    workers: int
    sources: frozenset[Quantity]
    shared: bool = False
    absence_days: int = 0
    left_out: int = 0
    handed_out: date | None = None
    whole_year: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """The worker explained or contests a figure. What was written stays in the store; that it was stands beside it.

    quantity: None: all of this device. answered_on: when a person answered; None: not yet.
    """

    device: int
    quantity: Quantity | None
    on: date
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One outcome with all that it rests on: one device, one quantity, one kind of evidence; nothing is mixed.

    interval: None where `causes` say why there is no share. contested stands beside the outcome wherever it is shown.
    """

    device: int
    quantity: Quantity
    outcome: UsageOutcome
    rules: str
    confidence: Confidence | None = None
    profile: Profile = Profile.WHOLE
    amounts: Split = NOTHING
    samples: Split = NOTHING
    days: int = 0
    interval: Interval | None = None
    causes: tuple[Cause, ...] = ()
    contested: tuple[Contest, ...] = ()

    @property
    def unknown(self) -> Decimal:
        """Which part of what was used, or of the looks at it, nobody can classify; 0 where nothing was used."""
        parts = self.samples if self.confidence is Confidence.SAMPLED else self.amounts
        return Decimal(parts.unclassified) / parts.total if parts.total else Decimal(0)

    @property
    def is_short(self) -> bool:
        """Whether a longer period may tell more: there is too little as yet, and nothing else stands in the way."""
        return bool(self.causes) and _SHORT.issuperset(self.causes)


_NOT_MEASURABLE = (
    Cause.NO_SOURCE, Cause.WORK_PROFILE_ONLY, Cause.RECORDED_ONLY, Cause.NOT_ACCEPTED, Cause.LITTLE_IN_A_YEAR,
    Cause.TOO_MUCH_UNKNOWN, Cause.TOO_FEW_LOOKS,
)  # fmt: skip
_SHORT = frozenset({Cause.FEW_DAYS, Cause.LITTLE_USE, Cause.LONG_ABSENCE, Cause.JUST_HANDED_OUT})
"""What a longer period may be rid of."""
_OUTCOMES: tuple[tuple[frozenset[Cause], UsageOutcome], ...] = (
    (frozenset(_NOT_MEASURABLE), UsageOutcome.NOT_MEASURABLE),
    (frozenset({Cause.NOTHING_USED}), UsageOutcome.NO_DATA),
    (frozenset(Cause) - set(_NOT_MEASURABLE) - {Cause.NOTHING_USED}, UsageOutcome.INSUFFICIENT),
)
"""Which outcome a cause makes, the first that fits."""


def sum_devices(rows: Iterable[DeviceUsage]) -> tuple[DeviceTotals, ...]:
    """Daily rows as totals, in a fixed order. For many devices let the database sum: this is what it must come to."""
    amounts: defaultdict[_Key, dict[Use, int]] = defaultdict(lambda: dict.fromkeys(Use, 0))
    samples: defaultdict[_Key, dict[Use, int]] = defaultdict(lambda: dict.fromkeys(Use, 0))
    days: defaultdict[_Key, set[date]] = defaultdict(set)
    for row in rows:
        key = (row.device, row.quantity, row.confidence, row.profile)
        amounts[key][row.use] += row.amount
        samples[key][row.use] += row.samples
        if row.amount or row.samples:
            days[key].add(row.day)
    return tuple(
        DeviceTotals(
            device=key[0],
            quantity=key[1],
            confidence=key[2],
            profile=key[3],
            amounts=_split(amounts[key]),
            samples=_split(samples[key]),
            days=len(days[key]),
        )
        for key in sorted(amounts)
    )


_Key: TypeAlias = tuple[int, Quantity, Confidence, Profile]


def _split(by_use: Mapping[Use, int]) -> Split:
    return Split(by_use[Use.BUSINESS], by_use[Use.PRIVATE], by_use[Use.UNCLASSIFIED])


def weigh(
    circumstances: Iterable[Circumstances],
    totals: Iterable[DeviceTotals],
    rules: DeclarationRules,
    contests: Iterable[Contest] = (),
) -> tuple[Evidence, ...]:
    """What the evidence says, for each device and each quantity of the policy, in the order of devices.

    ValueError: two totals of one key (one of them would be lost or counted twice), or totals of a device of which
    nothing else is known.
    """
    by_device: defaultdict[int, dict[_Key, DeviceTotals]] = defaultdict(dict)
    for total in totals:
        key = (total.device, total.quantity, total.confidence, total.profile)
        if by_device[total.device].setdefault(key, total) is not total:
            raise ValueError("two totals of one device, quantity and kind of evidence")
    contested: defaultdict[int, list[Contest]] = defaultdict(list)
    for contest in contests:
        contested[contest.device].append(contest)
    found: list[Evidence] = []
    for device in sorted(circumstances, key=lambda each: each.device):
        theirs = by_device.pop(device.device, {})
        found.extend(_weigh_device(device, theirs, rules, contested[device.device]))
    if by_device:
        raise ValueError("totals of a device whose circumstances are not known")
    return tuple(found)


def _weigh_device(
    device: Circumstances, totals: Mapping[_Key, DeviceTotals], rules: DeclarationRules, contests: Sequence[Contest]
) -> Iterable[Evidence]:
    for quantity in sorted(rules.quantities):
        disputed = _contests_about(contests, quantity)
        keys = sorted(key for key in totals if key[1] is quantity)
        for key in keys:
            yield _weigh_total(device, totals[key], rules, disputed)
        if not keys:
            cause = Cause.NOTHING_USED if quantity in device.sources else Cause.NO_SOURCE
            if cause is Cause.NOTHING_USED and device.left_out > rules.max_absence_days:
                cause = Cause.LONG_ABSENCE
            yield Evidence(
                device.device,
                quantity,
                _outcome_of((cause,)),
                rules.version,
                causes=(cause,),
                contested=disputed,
            )


def _contests_about(contests: Sequence[Contest], quantity: Quantity) -> tuple[Contest, ...]:
    if not contests:
        return ()
    about = [contest for contest in contests if contest.quantity in (None, quantity)]
    return tuple(sorted(about, key=lambda contest: (contest.on, contest.quantity or "")))


def _weigh_total(
    device: Circumstances, total: DeviceTotals, rules: DeclarationRules, contested: tuple[Contest, ...]
) -> Evidence:
    causes = _causes(device, total, rules)
    interval = None if causes else share(total, rules.sampling)
    if interval is not None and _is_too_wide(interval, rules):
        causes, interval = (_wide_because(total, rules),), None
    outcome = _outcome_of(causes) if interval is None else decide(interval, rules.threshold)
    return Evidence(
        device=total.device,
        quantity=total.quantity,
        outcome=outcome,
        rules=rules.version,
        confidence=total.confidence,
        profile=total.profile,
        amounts=total.amounts,
        samples=total.samples,
        days=total.days,
        interval=interval,
        causes=causes,
        contested=contested,
    )


def _is_too_wide(interval: Interval, rules: DeclarationRules) -> bool:
    """Whether it tells nothing: what lies on one side of the threshold is told, however wide."""
    open_ = decide(interval, rules.threshold) is UsageOutcome.INDETERMINATE
    return open_ and interval.high - interval.low > rules.widest


def _wide_because(total: DeviceTotals, rules: DeclarationRules) -> Cause:
    parts = total.samples if total.confidence is Confidence.SAMPLED else total.amounts
    unknown = bound(parts.business, parts.unclassified, parts.total)
    return Cause.TOO_MUCH_UNKNOWN if unknown.high - unknown.low > rules.widest else Cause.TOO_FEW_LOOKS


def _causes(device: Circumstances, total: DeviceTotals, rules: DeclarationRules) -> tuple[Cause, ...]:
    """All that stands in the way of a share, most telling first."""
    volume = total.amounts.total
    few, little = total.days < rules.min_days, volume < rules.min_volume[total.quantity]
    short = few or little
    table = (
        (total.profile is Profile.WORK, Cause.WORK_PROFILE_ONLY),
        (total.confidence is Confidence.RECORDED, Cause.RECORDED_ONLY),
        (total.confidence not in rules.accepted, Cause.NOT_ACCEPTED),
        (not (total.samples.total if total.confidence is Confidence.SAMPLED else volume), Cause.NOTHING_USED),
        (device.shared, Cause.SHARED_DEVICE),
        (device.workers > 1 and not device.shared, Cause.SEVERAL_WORKERS),
        (device.workers < 1 and not device.shared, Cause.NOBODY),
        (device.absence_days > rules.max_absence_days, Cause.LONG_ABSENCE),
        (short and device.left_out > rules.max_absence_days >= device.absence_days, Cause.LONG_ABSENCE),
        (short and device.handed_out is not None, Cause.JUST_HANDED_OUT),
        (short and device.whole_year, Cause.LITTLE_IN_A_YEAR),
        (few, Cause.FEW_DAYS),
        (little, Cause.LITTLE_USE),
    )
    return tuple(cause for holds, cause in table if holds)


def _outcome_of(causes: tuple[Cause, ...]) -> UsageOutcome:
    return next(outcome for which, outcome in _OUTCOMES if which & set(causes))


def share(total: DeviceTotals, sampling: Sampling) -> Interval:
    """The business share as an interval: over what could not be classified and, of samples, over what chance may do.

    Sampled totals are weighed by their looks, not their amounts: a look is what was really observed.
    """
    parts = total.samples if total.confidence is Confidence.SAMPLED else total.amounts
    if total.confidence is Confidence.SAMPLED:
        return bound_sampled(parts.business, parts.unclassified, parts.total, sampling)
    return bound(parts.business, parts.unclassified, parts.total)


def decide(interval: Interval, threshold: Decimal) -> UsageOutcome:
    """DOMAIN 14.2 with C2: exactly the threshold, and nothing open, is borderline and not attention."""
    if interval.low > threshold:
        return UsageOutcome.OK
    if interval.low == interval.high == threshold:
        return UsageOutcome.BORDERLINE
    if interval.high <= threshold:
        return UsageOutcome.ATTENTION
    return UsageOutcome.INDETERMINATE


# --- the declaration ------------------------------------------------------------------------------------------------


class DeclarationState(StrEnum):
    """How it stands with the signed declaration of a worker for a device."""

    VALID = "valid"
    MISSING = "missing"
    EXPIRED = "expired"
    OBSOLETE_TEXT = "obsolete_text"
    """What was signed is no longer the text, or a text that is not in our list."""
    DEVICE_CHANGED = "device_changed"
    """Signed, but for another device."""
    REVOKED = "revoked"
    """Ended, as on return of the device."""
    NOT_COUNTERSIGNED = "not_countersigned"


class SignedHow(StrEnum):
    """The way a declaration was signed."""

    OWN_PAGE = "own_page"
    """On the worker's own page after single sign-on."""
    PAPER = "paper"
    """On paper; the store keeps the digest of a scan."""
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class TextVersion:
    """One version of the text, in whatever language it was read. obsolete_from: signing it anew is then asked."""

    version: str
    valid_from: date
    obsolete_from: date | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A signed statement of one worker about one device. text: the version that was signed."""

    worker: int
    device: int
    text: str
    signed_on: date
    how: SignedHow
    countersigned_on: date | None = None
    revoked_on: date | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A worker has a device. loan_agreement_on: when the loan agreement was signed (DOMAIN N4); None: it is not."""

    worker: int
    device: int
    span: Span
    loan_agreement_on: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one holding. since: when it came to be so. valid_until: the last day of a valid signature."""

    worker: int
    device: int
    state: DeclarationState
    since: date
    declaration: Declaration | None = None
    valid_until: date | None = None
    loan_agreement: bool = False


def stand(
    holding: Holding,
    declarations: Iterable[Declaration],
    texts: Iterable[TextVersion],
    rules: DeclarationRules,
    today: date,
) -> Standing:
    """The state of the declaration for this holding: the best that any signature for this device gives.

    A signature dated after today was not given yet, whatever a clock said.
    """
    known = {text.version: text for text in texts}
    signed = [each for each in declarations if each.worker == holding.worker and each.signed_on <= today]
    here = sorted((each for each in signed if each.device == holding.device), key=lambda each: each.signed_on)
    loan = holding.loan_agreement_on is not None and holding.loan_agreement_on <= today
    if not here:
        state = DeclarationState.DEVICE_CHANGED if signed else DeclarationState.MISSING
        return Standing(holding.worker, holding.device, state, holding.span.first, loan_agreement=loan)
    judged = [(*_judge(each, known, rules, today), each) for each in here]
    valid = [each for each in judged if each[0] is DeclarationState.VALID]
    # The latest signature speaks for the worker, unless an older one still holds.
    state, since, declaration = (valid or judged)[-1]
    until = _valid_until(declaration, rules) if state is DeclarationState.VALID else None
    return Standing(holding.worker, holding.device, state, since, declaration, until, loan)


def _judge(
    declaration: Declaration, texts: Mapping[str, TextVersion], rules: DeclarationRules, today: date
) -> tuple[DeclarationState, date]:
    """The first thing that keeps one signature from being valid, and since when it does."""
    text = texts.get(declaration.text)
    obsolete = declaration.signed_on if text is None else text.obsolete_from
    expired = _valid_until(declaration, rules) + timedelta(days=1)
    counter = declaration.countersigned_on
    unsigned = rules.countersigned and (counter is None or counter > today)
    table = (
        (declaration.revoked_on, DeclarationState.REVOKED),
        (expired, DeclarationState.EXPIRED),
        (obsolete, DeclarationState.OBSOLETE_TEXT),
        (declaration.signed_on if unsigned else None, DeclarationState.NOT_COUNTERSIGNED),
    )
    for since, state in table:
        if since is not None and since <= today:
            return state, since
    return DeclarationState.VALID, declaration.signed_on


def _valid_until(declaration: Declaration, rules: DeclarationRules) -> date:
    return add_months(declaration.signed_on, rules.validity_months) - timedelta(days=1)


def reminder_days(standing: Standing, rules: DeclarationRules) -> tuple[date, ...]:
    """The days on which a reminder is meant, in order: before a valid one ends, else after a signature was needed."""
    if standing.valid_until is not None:
        ends = standing.valid_until
        days = {ends - timedelta(days=before) for before in rules.reminders_before}
        return tuple(sorted(day for day in days if day > standing.since))
    return tuple(sorted({standing.since + timedelta(days=after) for after in rules.reminders_after}))


def is_reminder_due(standing: Standing, rules: DeclarationRules, last_sent: date | None, today: date) -> bool:
    """Whether a reminder is to go today. Days that were missed make one reminder, never several."""
    return any(day <= today and (last_sent is None or day > last_sent) for day in reminder_days(standing, rules))


@dataclass(frozen=True, slots=True)
class DeclarationFinding:
    """Something about a *declaration* that a person must look at; never about use. since: for its age."""

    worker: int
    device: int
    state: DeclarationState
    loan_agreement: bool
    since: date


def find(standings: Iterable[Standing]) -> tuple[DeclarationFinding, ...]:
    """A finding for each holding without a valid declaration or without a loan agreement, in the order of devices."""
    found = (
        DeclarationFinding(each.worker, each.device, each.state, each.loan_agreement, each.since)
        for each in standings
        if each.state is not DeclarationState.VALID or not each.loan_agreement
    )
    return tuple(sorted(found, key=lambda finding: (finding.device, finding.worker)))


# --- the periodic check ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check found of one holding: the paper and the talk, not the use."""

    worker: int
    device: int
    state: DeclarationState
    conversation_on: date | None = None


@dataclass(frozen=True, slots=True)
class PeriodicCheck:
    """The recorded act that BIO2 8.01.02 asks for: agreements are signed and compliance with them is checked.

    by: who checked (reference). population: out of how many. seed: what the sample was drawn with, so that it can be
    drawn again.
    """

    on: date
    by: int
    population: int
    seed: str
    sample: tuple[Checked, ...]


def draw(population: Iterable[int], size: int, seed: str) -> tuple[int, ...]:
    """A sample of devices that nobody picked: the same seed draws the same, whatever the order they come in."""
    ranked = sorted(set(population), key=lambda each: hashlib.sha256(f"{seed}/{each}".encode()).digest())
    return tuple(sorted(ranked[:size]))


def check_due_on(last: date | None, rules: DeclarationRules) -> date | None:
    """When the next periodic check is due; None: there never was one, so now."""
    return None if last is None else add_months(last, rules.check_months)


def conversation_due_on(last: date | None, holding: Holding, rules: DeclarationRules) -> date:
    """When worker and manager talk next: the honest evidence where nothing can be measured."""
    return add_months(holding.span.first if last is None else last, rules.conversation_months)
