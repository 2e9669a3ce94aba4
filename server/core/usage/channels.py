"""Channels by counterparty: how much, against what is approved, what nobody measured; that people talked, never what.

Three things are never added: what was *measured*, what people *recorded*, and where an app is merely *present*. Each
figure carries its coverage and what could not be placed. A target is a corridor for a team or an organisation; there is
no figure here for a worker, and so no pass or fail of one.

The other axis (DOMAIN C8) is whether the job gave a reason for a contact. A telephone call is a safe channel and may
lack any reason. What is said of that are counts for a person to look at, and only where consented rules allow it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from server.core.text import Period, Share
from server.core.usage.channel_catalogue import Catalogue, Grade, Platform
from server.core.usage.intervals import Interval, Sampling, bound, bound_sampled
from server.core.usage.model import ClientContact, Confidence, Counterparty, Direction, Quantity, Span, UsageRow, Use

# --- what the policy says -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Corridor:
    """Between which shares an organisation wants to be, both included. 0 <= low <= high <= 1."""

    low: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError("a corridor lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """What an organisation decided about channel reports.

    corridors: targets of the watched channels' share, for the counterparties that have one. min_change: a change of a
    share by less is no change. max_coverage_change: coverages further apart make two figures incomparable.
    consent: the recorded consent under which contacts without a known reason may be looked at; None: there is none,
    and nothing is looked at. grace_days: after a closure or an assignment, for what still has to be said.
    reopening_days: a contact this shortly before a case is reopened may be why it was.
    """

    version: str
    corridors: Mapping[Counterparty, Corridor]
    min_change: Decimal
    max_coverage_change: Decimal
    sampling: Sampling
    consent: str | None
    grace_days: int
    reopening_days: int


# --- use ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelTotal:
    """A sum of usage: what the database rolls up.

    day: the day, or the first day of the week or month summed over; the channel is rated as on that day. team: None:
    not known. samples: of SAMPLED sums, how many looks.
    """

    day: date
    team: int | None
    channel: str | None
    counterparty: Counterparty
    direction: Direction
    quantity: Quantity
    confidence: Confidence
    amount: int
    samples: int = 0


def tally(rows: Iterable[UsageRow], team_of: Callable[[UsageRow], int | None]) -> tuple[ChannelTotal, ...]:
    """Daily rows of devices and accounts as sums by team, in a fixed order; private use is left out.

    For many rows let the database sum: this is what it must come to. team_of: the team of a row on its day.
    """
    sums: dict[_TotalKey, tuple[int, int]] = {}
    for row in rows:
        if row.use is Use.PRIVATE:
            continue
        key = (row.day, team_of(row), row.channel, row.counterparty, row.direction, row.quantity, row.confidence)
        amount, samples = sums.get(key, (0, 0))
        sums[key] = (amount + row.amount, samples + row.samples)
    return tuple(sorted((ChannelTotal(*key, *both) for key, both in sums.items()), key=_total_order))


_TotalKey: TypeAlias = tuple[date, int | None, str | None, Counterparty, Direction, Quantity, Confidence]


def _total_order(total: ChannelTotal) -> tuple[object, ...]:
    return (
        total.day,
        _none_last(total.team),
        total.channel or "",
        total.counterparty,
        total.direction,
        total.quantity,
        total.confidence,
    )


def _none_last(team: int | None) -> tuple[bool, int]:
    return team is None, team or 0


@dataclass(frozen=True, slots=True)
class Reach:
    """Of how many phones or accounts of a team a kind of feed tells anything in a period. team: None as in figures."""

    period: Period
    team: int | None
    quantity: Quantity
    confidence: Confidence
    covered: Share


class Legitimacy(StrEnum):
    """Whether the job gave a reason for a contact, as far as it is told by with whom it was (DOMAIN 14.3, C8)."""

    WITH = "with"
    """A colleague, a professional, a client of a running case. Whether the worker was on that case is not in it."""
    WITHOUT = "without"
    """A former client: no reason is known. It is no judgement; there are good ones that nobody wrote down."""
    UNKNOWN = "unknown"


LEGITIMACY: Mapping[Counterparty, Legitimacy] = {
    Counterparty.COLLEAGUE: Legitimacy.WITH,
    Counterparty.CLIENT: Legitimacy.WITH,
    Counterparty.PROFESSIONAL: Legitimacy.WITH,
    Counterparty.FORMER_CLIENT: Legitimacy.WITHOUT,
    Counterparty.UNKNOWN: Legitimacy.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class ChannelFigure:
    """One figure: all contact with one class of counterparty, divided in two ways that each add up to all of it.

    team: None: all teams together, or (in figures by team) those of no known team. Amounts are whole counting units.
    approved, tolerated, consumer, unrated: by how safe it was, together all there is. unattributed: of the unrated,
    what has no known channel. watched: of all of it, what went through watched channels, however these are graded;
    watched_by: the same by grade, where there is any. unplaced: what the same feeds saw with counterparties nobody
    knows; some of it may belong here. by_direction: of the watched channels. share: watched / all, open over what is
    unattributed; None: nothing to divide, or it is not known with whom. coverage: None: not known.
    """

    period: Period
    team: int | None
    counterparty: Counterparty
    quantity: Quantity
    confidence: Confidence
    watched: int
    approved: int
    tolerated: int
    consumer: int
    unrated: int
    unattributed: int
    unplaced: int
    watched_by: tuple[tuple[Grade, int], ...]
    by_direction: tuple[tuple[Direction, int], ...]
    share: Interval | None
    coverage: Share | None

    @property
    def all(self) -> int:
        """All contact that was counted: the whole of both divisions."""
        return self.approved + self.tolerated + self.consumer + self.unrated

    def reason(self, legitimacy: Legitimacy) -> int:
        """How much of it had a reason, had none that is known, or may have had one: the other division."""
        return self.all if LEGITIMACY[self.counterparty] is legitimacy else 0


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where a contact counts. known: its channel is."""

    grade: Grade
    watched: bool
    known: bool = True


_NO_CHANNEL = _Kind(Grade.UNRATED, watched=False, known=False)
_FigureKey: TypeAlias = tuple[Period, int | None, Counterparty, Quantity, Confidence]


def compare_channels(
    totals: Iterable[ChannelTotal],
    periods: Sequence[Period],
    reaches: Iterable[Reach],
    catalogue: Catalogue,
    rules: ChannelRules,
    *,
    by_team: bool,
) -> tuple[ChannelFigure, ...]:
    """A figure for each period, team, counterparty, quantity and kind of evidence of which there is any use.

    A total counts in every period that holds its day. ValueError: two reaches for one figure.
    """
    coverage: dict[tuple[Period, int | None, Quantity, Confidence], Share] = {}
    for reach in reaches:
        if coverage.setdefault((reach.period, reach.team, reach.quantity, reach.confidence), reach.covered) is not (
            reach.covered
        ):
            raise ValueError("two reaches for one figure")
    sums: defaultdict[_FigureKey, Counter[_Kind]] = defaultdict(Counter)
    looks: defaultdict[_FigureKey, Counter[_Kind]] = defaultdict(Counter)
    directions: defaultdict[_FigureKey, Counter[Direction]] = defaultdict(Counter)
    kind_of = _kinds(catalogue)
    periods_of = _periods_of(periods)
    for total in totals:
        kind = kind_of(total.channel, total.counterparty, total.day)
        for period in periods_of(total.day):
            key = (period, total.team if by_team else None, total.counterparty, total.quantity, total.confidence)
            sums[key][kind] += total.amount
            looks[key][kind] += total.samples
            if kind.watched:
                directions[key][total.direction] += total.amount
    figures = []
    for key, amounts in sums.items():
        period, team, counterparty, quantity, confidence = key
        unknown = sums.get((period, team, Counterparty.UNKNOWN, quantity, confidence), Counter())
        sampled = confidence is Confidence.SAMPLED
        graded: Counter[Grade] = Counter()
        watched: Counter[Grade] = Counter()
        for kind, amount in amounts.items():
            graded[kind.grade] += amount
            if kind.watched:
                watched[kind.grade] += amount
        figures.append(
            ChannelFigure(
                period=period,
                team=team,
                counterparty=counterparty,
                quantity=quantity,
                confidence=confidence,
                watched=watched.total(),
                approved=graded[Grade.APPROVED],
                tolerated=graded[Grade.TOLERATED],
                consumer=graded[Grade.CONSUMER],
                unrated=graded[Grade.UNRATED],
                unattributed=amounts[_NO_CHANNEL],
                unplaced=0 if counterparty is Counterparty.UNKNOWN else unknown.total(),
                watched_by=tuple((each, watched[each]) for each in Grade if watched[each]),
                by_direction=tuple((each, directions[key][each]) for each in Direction if directions[key][each]),
                share=None
                if counterparty is Counterparty.UNKNOWN
                else _share(looks[key] if sampled else amounts, rules.sampling if sampled else None),
                coverage=coverage.get((period, team, quantity, confidence)),
            )
        )
    return tuple(sorted(figures, key=_figure_order))


def _kinds(catalogue: Catalogue) -> Callable[[str | None, Counterparty, date], _Kind]:
    """Where a use counts, remembered: a year of totals asks the same few questions over and over."""
    known: dict[tuple[str | None, Counterparty, date], _Kind] = {}

    def kind(channel: str | None, counterparty: Counterparty, day: date) -> _Kind:
        key = (channel, counterparty, day)
        found = known.get(key)
        if found is None:
            found = known[key] = (
                _NO_CHANNEL
                if channel is None
                else _Kind(catalogue.rate(channel, counterparty, day).grade, channel in catalogue.watched)
            )
        return found

    return kind


def possible_grades(
    catalogue: Catalogue, counterparty: Counterparty, day: date
) -> tuple[frozenset[Grade], frozenset[Grade]]:
    """The grades that watched channels, and all others, can have with a counterparty on a day.

    What is in neither is zero whatever happened: it tells of nobody. A channel that is not in the list is unrated.
    """
    graded = {key: catalogue.rate(key, counterparty, day).grade for key in catalogue.channels}
    watched = frozenset(grade for key, grade in graded.items() if key in catalogue.watched)
    others = frozenset(grade for key, grade in graded.items() if key not in catalogue.watched)
    return watched, others | {Grade.UNRATED}


def _periods_of(periods: Sequence[Period]) -> Callable[[date], tuple[Period, ...]]:
    known: dict[date, tuple[Period, ...]] = {}

    def found(day: date) -> tuple[Period, ...]:
        if day not in known:
            known[day] = tuple(period for period in periods if period.first <= day <= period.last)
        return known[day]

    return found


def _share(parts: Counter[_Kind], sampling: Sampling | None) -> Interval | None:
    watched = sum(amount for kind, amount in parts.items() if kind.watched)
    unknown, total = parts[_NO_CHANNEL], parts.total()
    if not total:
        return None
    if sampling is None:
        return bound(watched, unknown, total)
    return bound_sampled(watched, unknown, total, sampling)


def share_between(
    watched: int, unknown: int, total: int, looks: tuple[int, int, int] | None, sampling: Sampling
) -> Interval | None:
    """The share of watched channels; None: nothing to divide. looks: of what was sampled, the same three in looks."""
    if not total or (looks is not None and not looks[2]):
        return None
    return bound(watched, unknown, total) if looks is None else bound_sampled(*looks, sampling)


def _figure_order(figure: ChannelFigure) -> tuple[object, ...]:
    return (
        figure.period.first,
        figure.period.last,
        _none_last(figure.team),
        list(Counterparty).index(figure.counterparty),
        figure.quantity,
        figure.confidence,
    )


class Trend(StrEnum):
    """How a share moved from one period to the next."""

    UP = "up"
    DOWN = "down"
    STEADY = "steady"
    NOT_CLEAR = "not_clear"
    """What is unknown leaves more than one of these open."""
    NOT_COMPARABLE = "not_comparable"
    """A share is missing, or the feeds saw another part of the phones than before."""


def trend(earlier: ChannelFigure, later: ChannelFigure, rules: ChannelRules) -> Trend:
    """How the share moved. ValueError: figures of two different things."""
    kinds = {(each.team, each.counterparty, each.quantity, each.confidence) for each in (earlier, later)}
    if len(kinds) > 1:
        raise ValueError("two figures of different things have no trend")
    if earlier.share is None or later.share is None or not _comparable(earlier.coverage, later.coverage, rules):
        return Trend.NOT_COMPARABLE
    least = later.share.low - earlier.share.high
    most = later.share.high - earlier.share.low
    if least >= rules.min_change:
        return Trend.UP
    if most <= -rules.min_change:
        return Trend.DOWN
    if least > -rules.min_change and most < rules.min_change:
        return Trend.STEADY
    return Trend.NOT_CLEAR


def _comparable(earlier: Share | None, later: Share | None, rules: ChannelRules) -> bool:
    if earlier is None or later is None or not earlier.whole or not later.whole:
        return False
    apart = Decimal(earlier.part) / earlier.whole - Decimal(later.part) / later.whole
    return abs(apart) <= rules.max_coverage_change


class Position(StrEnum):
    """Where a share lies against the corridor that the policy sets for it."""

    BELOW = "below"
    WITHIN = "within"
    ABOVE = "above"
    NOT_CLEAR = "not_clear"
    NO_TARGET = "no_target"
    NO_SHARE = "no_share"


def place(figure: ChannelFigure, rules: ChannelRules) -> Position:
    """Where the figure lies. It is a team's or an organisation's; no such thing exists for a worker."""
    corridor = rules.corridors.get(figure.counterparty)
    if corridor is None:
        return Position.NO_TARGET
    if figure.share is None:
        return Position.NO_SHARE
    if figure.share.high < corridor.low:
        return Position.BELOW
    if figure.share.low > corridor.high:
        return Position.ABOVE
    if corridor.low <= figure.share.low and figure.share.high <= corridor.high:
        return Position.WITHIN
    return Position.NOT_CLEAR


# --- presence -------------------------------------------------------------------------------------------------------


class Reads(StrEnum):
    """Whether an app on a phone can read the managed contacts."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PhoneApps:
    """What device management shows of the channel apps on one phone; other apps were dropped at the door.

    channels: those installed; None: no inventory. managed: those of them that device management put there. unknown:
    those of which the inventory does not say whether they are there. contacts_closed: whether a restriction in force
    keeps unmanaged apps from managed contacts; None: not known.
    """

    device: int
    team: int | None
    enrolled: bool
    channels: frozenset[str] | None = None
    managed: frozenset[str] = frozenset()
    contacts_closed: bool | None = None
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChannelPresence:
    """On how many phones a channel's app is; installed, which is not used.

    phones: all of them, enrolled or not. inventoried: with an inventory that tells of it. present, managed: of the
    inventoried ones. reads: of the present ones, whether the app can read the managed contacts. measured: of the
    present ones, those of which a feed tells how apps are used.
    """

    channel: str
    phones: int
    enrolled: int
    inventoried: int
    present: int
    managed: int
    reads: tuple[tuple[Reads, int], ...]
    measured: int = 0

    @property
    def unmeasured(self) -> Share:
        """Of the phones where it is, those of which nobody knows whether it is used."""
        return Share(self.present - self.measured, self.present)


def keep_channels(platform: Platform, app_ids: Iterable[str], catalogue: Catalogue) -> frozenset[str]:
    """The channels among the apps of a phone. All other apps are nobody's business and go no further than this.

    An id of the other platform names the app too: a list of both must not make it absent.
    """
    either = (platform, *(each for each in Platform if each is not platform))
    found = (catalogue.channel_of_app(each, app_id) for app_id in app_ids for each in either)
    return frozenset(channel for channel in found if channel is not None)


def count_presence(
    phones: Iterable[PhoneApps], channels: Iterable[str], measured: Collection[int] = ()
) -> tuple[ChannelPresence, ...]:
    """One count for each channel, in their order; phones without an inventory are counted, and never as without it.

    measured: the devices of which a feed tells how apps are used.
    """
    all_phones = list(phones)
    enrolled = sum(phone.enrolled for phone in all_phones)
    counts = []
    for channel in channels:
        inventoried = [phone for phone in all_phones if phone.channels is not None and channel not in phone.unknown]
        present = [phone for phone in inventoried if channel in (phone.channels or ())]
        reads = Counter(reads_contacts(phone, channel) for phone in present)
        counts.append(
            ChannelPresence(
                channel=channel,
                phones=len(all_phones),
                enrolled=enrolled,
                inventoried=len(inventoried),
                present=len(present),
                managed=sum(channel in phone.managed for phone in present),
                reads=tuple((each, reads[each]) for each in Reads),
                measured=sum(phone.device in measured for phone in present),
            )
        )
    return tuple(counts)


def reads_contacts(phone: PhoneApps, channel: str) -> Reads:
    """Whether an app that is on a phone can read its managed contacts."""
    if channel in phone.managed:
        # A managed app may read both kinds of contacts (VENDORS 11).
        return Reads.YES
    if phone.contacts_closed is None:
        return Reads.UNKNOWN
    return Reads.NO if phone.contacts_closed else Reads.YES


def days_told(spans: Iterable[tuple[date, date]], period: Period) -> Share:
    """Of how many days of a period some file or answer of a feed tells, each day once."""
    told = {
        day
        for first, last in spans
        for day in range(max(first, period.first).toordinal(), min(last, period.last).toordinal() + 1)
    }
    return Share(len(told), (period.last - period.first).days + 1)


class BlindSpot(StrEnum):
    """What the figures do not hold. Some of it is always so."""

    OWN_PHONES = "own_phones"
    """Phones that are not the organisation's."""
    LINKED_COMPUTERS = "linked_computers"
    """A messaging account is open on other machines too."""
    NOT_ENROLLED = "not_enrolled"
    NO_INVENTORY = "no_inventory"
    PRESENT_NOT_MEASURED = "present_not_measured"
    """The app is there, and no feed says whether it is used."""
    UNKNOWN_COUNTERPARTIES = "unknown_counterparties"
    WITHOUT_CHANNEL = "without_channel"
    COVERAGE_UNKNOWN = "coverage_unknown"
    PARTLY_COVERED = "partly_covered"
    DAYS_NOT_TOLD = "days_not_told"
    """A feed stopped, began late or has a hole: of some days it tells nothing."""


# --- the reason for a contact ---------------------------------------------------------------------------------------


class Ground(StrEnum):
    """Whether the job gave a reason for a contact on its day, as far as the register tells (DOMAIN C8, 14.1)."""

    DEVIATION = "deviation"
    ASSIGNED = "assigned"
    MONITORING_WINDOW = "monitoring_window"
    JUST_ENDED = "just_ended"
    """Within the days the policy leaves for what still has to be said."""
    AFTER_CLOSURE = "after_closure"
    MONITORING_OUTSIDE = "monitoring_outside"
    NO_LONGER_ASSIGNED = "no_longer_assigned"
    NEVER_ASSIGNED = "never_assigned"
    NOT_KNOWN = "not_known"
    """The register does not tell."""


WITHOUT_KNOWN_REASON = (
    Ground.AFTER_CLOSURE,
    Ground.MONITORING_OUTSIDE,
    Ground.NO_LONGER_ASSIGNED,
    Ground.NEVER_ASSIGNED,
)
"""What a person looks at. A reason nobody wrote down is a common answer: cover, duty, a call that was returned."""


@dataclass(frozen=True, slots=True)
class Involvement:
    """All that the register knows of one worker and one case, as spans of days.

    assigned: while the worker was on the case. monitoring: while the case was in that phase. windows: around planned
    moments that name the worker. closed: from each confirmed closure to the day before a reopening. deviations: while
    one was valid. on_duty: days on the front office's roster. certain: False: the register is not to be relied on.
    """

    worker: int
    case: int
    assigned: tuple[Span, ...] = ()
    monitoring: tuple[Span, ...] = ()
    windows: tuple[Span, ...] = ()
    closed: tuple[Span, ...] = ()
    deviations: tuple[Span, ...] = ()
    on_duty: frozenset[date] = frozenset()
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ContactFact:
    """Contacts of one worker in one case for which no reason is known: counts and days, never content, no judgement.

    days_since: least and most days since the closure, or since the worker's assignment ended; None: neither.
    on_duty, before_reopening: how many of them fell on a duty day, or shortly before the case was reopened.
    was_assigned: ever, before the last of them. Measured and recorded contacts are facts apart: one that was recorded
    was written down openly.
    """

    worker: int
    case: int
    ground: Ground
    confidence: Confidence
    incoming: int
    outgoing: int
    direction_unknown: int
    channels: tuple[str | None, ...]
    first: date
    last: date
    days_since: tuple[int, int] | None
    was_assigned: bool
    on_duty: int
    before_reopening: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at contacts came to. consent: under which it was done; None: there is none, so nothing was looked at.

    with_reason, not_known: how many contacts had a known reason, and of how many the register does not tell.
    """

    consent: str | None
    facts: tuple[ContactFact, ...] = ()
    with_reason: int = 0
    not_known: int = 0


def ground_of(day: date, involvement: Involvement | None, rules: ChannelRules) -> Ground:
    """Whether the job gave a reason on that day; the order is that of the need table (DOMAIN 14.1)."""
    if involvement is None or not involvement.certain:
        return Ground.NOT_KNOWN
    closed = _covering(involvement.closed, day)
    monitored = _any_covers(involvement.monitoring, day)
    ended = _days_since_end(involvement.assigned, day)
    since = None if closed is None else (day - closed.first).days
    if since is not None and ended is not None and not _any_covers(involvement.assigned, day):
        since = max(since, ended)  # a closure gives nobody days again who had left before it
    just_closed = since is not None and since <= rules.grace_days
    table = (
        (_any_covers(involvement.deviations, day), Ground.DEVIATION),
        (just_closed and _ever(involvement.assigned, day), Ground.JUST_ENDED),
        (closed is not None, Ground.AFTER_CLOSURE),
        (monitored and _any_covers(involvement.windows, day), Ground.MONITORING_WINDOW),
        (monitored, Ground.MONITORING_OUTSIDE),
        (_any_covers(involvement.assigned, day), Ground.ASSIGNED),
        (ended is None, Ground.NEVER_ASSIGNED),
        (ended is not None and ended <= rules.grace_days, Ground.JUST_ENDED),
    )
    return next((ground for holds, ground in table if holds), Ground.NO_LONGER_ASSIGNED)


def look(contacts: Iterable[ClientContact], involvements: Iterable[Involvement], rules: ChannelRules) -> Looked:
    """The facts, in the order of cases and workers and never in that of counts: this is no ranking."""
    if rules.consent is None:
        return Looked(None)
    known = {(each.worker, each.case): each for each in involvements}
    groups: defaultdict[tuple[int, int, Ground, Confidence], list[ClientContact]] = defaultdict(list)
    with_reason = not_known = 0
    for contact in contacts:
        ground = ground_of(contact.day, known.get((contact.worker, contact.case)), rules)
        if ground in WITHOUT_KNOWN_REASON:
            groups[contact.case, contact.worker, ground, contact.confidence].append(contact)
        elif ground is Ground.NOT_KNOWN:
            not_known += contact.count
        else:
            with_reason += contact.count
    facts = tuple(
        _fact(key[2], groups[key], known[key[1], key[0]], rules)
        for key in sorted(groups, key=lambda each: (each[0], each[1], list(Ground).index(each[2]), each[3]))
    )
    return Looked(rules.consent, facts, with_reason, not_known)


def _fact(
    ground: Ground, contacts: Sequence[ClientContact], involvement: Involvement, rules: ChannelRules
) -> ContactFact:
    directions: Counter[Direction] = Counter()
    for contact in contacts:
        directions[contact.direction] += contact.count
    since = [_days_since(ground, involvement, contact.day) for contact in contacts]
    days = [each for each in since if each is not None]
    last = max(contact.day for contact in contacts)
    return ContactFact(
        worker=involvement.worker,
        case=involvement.case,
        ground=ground,
        confidence=contacts[0].confidence,
        incoming=directions[Direction.IN],
        outgoing=directions[Direction.OUT],
        direction_unknown=directions[Direction.UNKNOWN],
        channels=tuple(sorted({contact.channel for contact in contacts}, key=lambda each: each or "")),
        first=min(contact.day for contact in contacts),
        last=last,
        days_since=(min(days), max(days)) if days else None,
        was_assigned=_ever(involvement.assigned, last),
        on_duty=sum(contact.count for contact in contacts if contact.day in involvement.on_duty),
        before_reopening=sum(
            contact.count for contact in contacts if _reopened_soon(involvement.closed, contact.day, rules)
        ),
    )


def _days_since(ground: Ground, involvement: Involvement, day: date) -> int | None:
    closed = _covering(involvement.closed, day)
    if closed is not None:
        return (day - closed.first).days
    return _days_since_end(involvement.assigned, day) if ground is Ground.NO_LONGER_ASSIGNED else None


def _days_since_end(spans: Sequence[Span], day: date) -> int | None:
    ends = [span.last for span in spans if span.last is not None and span.last < day]
    return (day - max(ends)).days if ends else None


def _reopened_soon(closed: Sequence[Span], day: date, rules: ChannelRules) -> bool:
    span = _covering(closed, day)
    return span is not None and span.last is not None and span.last - day < timedelta(days=rules.reopening_days)


def _covering(spans: Sequence[Span], day: date) -> Span | None:
    return next((span for span in spans if span.covers(day)), None)


def _any_covers(spans: Sequence[Span], day: date) -> bool:
    return _covering(spans, day) is not None


def _ever(spans: Sequence[Span], day: date) -> bool:
    return any(span.first <= day for span in spans)
