"""What happened in a period and how it stands, in counts, with the sections of reports without lists; pure.

No count tells whose: what may be shown of teams is decided in `core.disclosure` before it comes to a report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from mdm_adapters.port import Fault, Outcome
from server.core.days import AMSTERDAM
from server.core.model import Decision, FindingKind, Level, Reason, Tier
from server.core.reports.coverage import Phone, Source, accounts_seen, phones_fetching, places_read
from server.core.reports.document import Figure
from server.core.reports.postponed import NOT_COUNTED, down_to_tens
from server.core.reports.stated import StatedCounts, stated_section
from server.core.tables import Column, Kind, Section, Value
from server.core.text import Period, Share, Text, phrase

_HALF_A_YEAR = 182
TOOK: tuple[Text, ...] = (phrase("The waiting period and one day"), phrase("Longer"))
"""How long removals took, in no finer classes: the days of a single one would tell what was kept (decision 0075)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions of one kind: opened and closed in the period, open now, and since when the oldest is."""

    opened: int
    closed: int
    open_now: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the policy by the orders that were planned under it."""

    name: str
    first_at: datetime
    last_at: datetime
    orders: int


@dataclass(frozen=True, slots=True)
class Tally:
    """All that is counted, read in one transaction.

    settled: contacts proven absent in the period, by why they had to go and what the store did. recoverable: of these,
    how many the store can bring back. copies: on phones that read those address books; reached: how many of them got to
    each level. took: how many were proven within a day after the days that the policy leaves after a closure, and
    later, as in `TOOK`; undated: without a date to count from.
    standing: contacts seen now, by what was last decided, without the postponed. under_way: orders that go on by
    themselves, since when the oldest is; stuck: those that need a person, by why.
    """

    organisation: str
    period: Period
    made_at: datetime
    policies: tuple[str, ...]
    sources: tuple[Source, ...]
    phones: tuple[Phone, ...]
    settled: Mapping[tuple[Reason, Outcome | None], int]
    recoverable: int
    copies: int
    reached: Mapping[Level, int]
    took: Sequence[int]
    undated: int
    standing: Mapping[tuple[Decision, Reason], int]
    under_way: int
    under_way_since: datetime | None
    stuck: Mapping[Fault | Outcome, int]
    asked: Mapping[FindingKind, Asked]
    deviations: Mapping[Tier, tuple[int, int]]
    """Recorded in the period, and standing at its end."""
    versions: tuple[Version, ...]
    grace_days: int
    by_step: tuple[tuple[date, int], ...] = ()
    """Proven in each week of the period, or in each month of a long one, by its first day; see `steps_of`. What had
    ended before the first look is not in it."""
    used_from: date | None = None
    """The day of the first look, where the period begins before it."""
    stated: StatedCounts | None = None
    """What workers state of places nobody can see; None: the policy asks nobody."""

    @property
    def removed(self) -> int:
        """Contacts proven absent in the period."""
        return sum(self.settled.values())

    @property
    def in_time(self) -> int:
        """Of what was removed after a closure, how many within a day after the days that the policy leaves."""
        return self.took[0] if self.took else 0

    def decided(self, *decisions: Decision) -> int:
        """Contacts seen now of which that was decided last."""
        return sum(count for (decision, _), count in self.standing.items() if decision in decisions)


def steps_of(period: Period) -> tuple[date, ...]:
    """The first days of the weeks of a period, from Monday to Sunday, or of its months if it is longer than half a
    year. The first step begins with the period.
    """
    days = [period.first + timedelta(days=nth) for nth in range(1, (period.last - period.first).days + 1)]
    if _is_long(period):
        return (period.first, *(day for day in days if day.day == 1))
    return (period.first, *(day for day in days if day.weekday() == 0))


def _is_long(period: Period) -> bool:
    return (period.last - period.first).days >= _HALF_A_YEAR


def day_of(moment: datetime) -> date:
    """The day on which something stood so: what is counted now says so, beside what happened in a period."""
    return moment.astimezone(AMSTERDAM).date()


def books_read(tally: Tally) -> Text:
    """What every figure about address books rests on."""
    return phrase("{places} address books were read recently enough.", places=places_read(tally.sources, tally.made_at))


def key_figures(tally: Tally) -> tuple[Figure, ...]:
    """The figures that every summary begins with."""
    books, today = books_read(tally), day_of(tally.made_at)
    synced = min(tally.reached.get(Level.DEVICE_SYNCED, 0), tally.copies)
    return (
        Figure("removed", phrase("Removed from the address book, and verified"), tally.removed, books),
        Figure(
            "synced",
            phrase("Copies on phones that are known to have synchronised"),
            Share(synced, tally.copies),
            phones_fetching(tally.phones),
        ),
        Figure(
            "reviews",
            phrase("Waiting for a person to decide, on {day}", day=today),
            tally.decided(Decision.REVIEW),
            books,
        ),
        Figure("under_way", phrase("Removals under way, on {day}", day=today), tally.under_way, books),
        Figure("stuck", phrase("Removals that are stuck, on {day}", day=today), sum(tally.stuck.values()), books),
        Figure(
            "open_questions",
            phrase("Findings that are open, on {day}", day=today),
            sum(each.open_now for each in tally.asked.values()),
            phrase("Managed accounts seen on {phones} phones.", phones=accounts_seen(tally.phones)),
        ),
        Figure(
            "stay",
            phrase("May stay, needed or not a client's, rounded down to tens, on {day}", day=today),
            down_to_tens(tally.decided(Decision.KEEP)),
            books,
        ),
    )


def stated_sections(tally: Tally) -> tuple[Section, ...]:
    """What workers state of places nobody can see, where the policy asks them."""
    return () if tally.stated is None else (stated_section(tally.stated),)


def removed_section(tally: Tally) -> Section:
    """What was removed, by why it had to go and what the store did."""
    notes: tuple[Text, ...] = ()
    if tally.recoverable:
        notes = (
            phrase(
                "For {count} item the server says that it keeps a copy that can come back. It is removed, not erased.",
                many="For {count} items the server says that it keeps a copy that can come back. They are removed, "
                "not erased.",
                count=tally.recoverable,
            ),
        )
    order = list(Reason)
    rows = sorted(tally.settled.items(), key=lambda each: (order.index(each[0][0]), str(each[0][1] or "")))
    return Section(
        key="removed",
        heading=phrase("Removed"),
        paragraphs=(
            phrase(
                "A contact counts as removed only once a later full reading of the address book no longer found it."
            ),
        ),
        columns=(
            Column("reason", phrase("Why it had to go"), Kind.CODE, blank=phrase("Total")),
            Column("outcome", phrase("What the server did"), Kind.CODE),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
        ),
        rows=tuple((reason, outcome, count) for (reason, outcome), count in rows),
        totals=(None, None, tally.removed) if rows else (),
        notes=notes,
        empty=phrase("Nothing was removed in this period."),
    )


def trend_section(tally: Tally) -> Section:
    """What was removed, step by step through the period."""
    long = _is_long(tally.period)
    return Section(
        key="trend",
        heading=phrase("Verified removed, month by month") if long else phrase("Verified removed, week by week"),
        columns=(
            Column("from", phrase("Month from") if long else phrase("Week from"), Kind.DATE),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
        ),
        rows=tally.by_step if any(count for _, count in tally.by_step) else (),
        notes=() if tally.used_from is None else (_used_from(tally.used_from),),
        empty=phrase("Nothing was removed in this period."),
    )


def _used_from(day: date) -> Text:
    """Why what lies before the first look is not there: a 0 would say that nothing was to be removed."""
    return phrase("In use since {day}: address books were not read before that day.", day=day)


def in_use(steps: Sequence[date], first: date) -> Sequence[date]:
    """Of steps that follow each other, those that had not ended on the day of the first look; the last one always."""
    return [day for day, after in pairwise([*steps, date.max]) if after > first]


def evidence_section(tally: Tally) -> Section:
    """Each level by itself, in its own unit."""

    def copies(level: Level) -> Share:
        return Share(min(tally.reached.get(level, 0), tally.copies), tally.copies)

    rows: list[tuple[Value, ...]] = [
        (Level.STORE_REMOVED, Level.STORE_REMOVED, tally.removed, None),
        *(
            (level, level, None, copies(level))
            for level in (Level.DEVICE_SYNCED, Level.DEVICE_ATTESTED, Level.CONTAINER_REMOVED)
        ),
    ]
    return Section(
        key="evidence",
        heading=phrase("How we know"),
        paragraphs=(
            phrase("Each level is counted by itself, in its own unit. A lower one is never shown as a higher one."),
        ),
        columns=(
            Column("level", phrase("Level"), Kind.CODE),
            Column("meaning", phrase("What it means"), Kind.ADVICE),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
            Column("copies", phrase("Copies on phones"), Kind.SHARE),
        ),
        rows=tuple(rows),
    )


def times_section(tally: Tally) -> Section:
    """From the closure of a case to the proof, as a distribution."""
    whole = sum(tally.took)
    sums = [sum(tally.took[: n + 1]) for n in range(len(tally.took))]
    return Section(
        key="times",
        heading=phrase("From the closure of a case to the verified removal"),
        paragraphs=(
            phrase("Counted are contacts that had to go because their case was finally closed."),
            phrase(
                "The waiting period is {count} day after a closure.",
                many="The waiting period is {count} days after a closure.",
                count=tally.grace_days,
            ),
        ),
        columns=(
            Column("took", phrase("Within")),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
            Column("so_far", phrase("Within that time"), Kind.SHARE),
        ),
        rows=tuple(
            (label, count, Share(so_far, whole)) for label, count, so_far in zip(TOOK, tally.took, sums, strict=True)
        )
        if whole
        else (),
        notes=(phrase("Without a date of closure in the register: {unknown}.", unknown=tally.undated),),
        empty=phrase("Nothing was removed in this period because its case was closed."),
    )


def standing_section(tally: Tally) -> Section:
    """What waits for a person, by the reason; nothing of what is postponed."""
    counts: Counter[tuple[Decision, Reason]] = Counter()
    for (decision, reason), count in tally.standing.items():
        if decision is Decision.REVIEW:
            counts[decision, reason] += count
    decisions, reasons = list(Decision), list(Reason)
    rows = sorted(counts.items(), key=lambda each: (decisions.index(each[0][0]), reasons.index(each[0][1])))
    return Section(
        key="standing",
        heading=phrase("Not removed, as it stood on {day}", day=day_of(tally.made_at)),
        paragraphs=(NOT_COUNTED,),
        columns=(
            Column("decision", phrase("What was decided"), Kind.CODE),
            Column("reason", phrase("Why it is still there"), Kind.CODE),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple((decision, reason, count, reason) for (decision, reason), count in rows),
        notes=() if tally.under_way_since is None else (
            phrase("The oldest order that is under way was given on {day}.", day=tally.under_way_since),
        ),
        empty=phrase("Nothing waits for a decision."),
    )  # fmt: skip


def stuck_section(tally: Tally) -> Section:
    """What cannot go on by itself, and what somebody has to mend."""
    return Section(
        key="stuck",
        heading=phrase("Stuck, as it stood on {day}", day=day_of(tally.made_at)),
        paragraphs=(phrase("These cannot go on by themselves. Somebody has to do what the last column says."),),
        columns=(
            Column("why", phrase("What went wrong"), Kind.CODE),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple((why, count, why) for why, count in sorted(tally.stuck.items(), key=lambda each: each[0].value)),
        empty=phrase("Nothing is stuck."),
    )


def questions_section(tally: Tally) -> Section:
    """How many questions were asked and closed, and how old the open ones are."""
    return Section(
        key="questions",
        heading=phrase("Findings to look into"),
        paragraphs=(
            phrase("A finding says that somebody should look, and nothing more. It is no judgement of anybody."),
        ),
        columns=(
            Column("kind", phrase("Question"), Kind.CODE),
            Column("opened", phrase("Asked in this period"), Kind.COUNT),
            Column("closed", phrase("Closed in this period"), Kind.COUNT),
            Column("open_now", phrase("Open on {day}", day=day_of(tally.made_at)), Kind.COUNT),
            Column("oldest", phrase("The oldest since"), Kind.INSTANT),
        ),
        rows=tuple(
            (kind, each.opened, each.closed, each.open_now, each.oldest)
            for kind in FindingKind
            if (each := tally.asked.get(kind)) is not None
        ),
        empty=phrase("There are no open findings, and none was opened."),
    )


def deviations_section(tally: Tally) -> Section:
    """How many reasoned exceptions there were, by whose decision they are."""
    return Section(
        key="deviations",
        heading=phrase("Deviations"),
        paragraphs=(
            phrase("A deviation is a reasoned exception with a last day. To record one is the rule, not a fault."),
        ),
        columns=(
            Column("tier", phrase("Whose decision"), Kind.CODE),
            Column("recorded", phrase("Recorded in this period"), Kind.COUNT),
            Column("standing", phrase("Standing at its end"), Kind.COUNT),
        ),
        rows=tuple((tier, *tally.deviations.get(tier, (0, 0))) for tier in Tier),
    )


def versions_section(tally: Tally) -> Section:
    """Under which versions of the policy orders were planned, and when each was first and last used."""
    return Section(
        key="versions",
        heading=phrase("Versions of the policy"),
        paragraphs=(
            phrase(
                "The version in force when an order was planned stays with that order; a later one never changes it."
            ),
        ),
        columns=(
            Column("version", phrase("Policy")),
            Column("first_at", phrase("First used"), Kind.INSTANT),
            Column("last_at", phrase("Last used"), Kind.INSTANT),
            Column("orders", phrase("Orders planned under it"), Kind.COUNT),
        ),
        rows=tuple((each.name, each.first_at, each.last_at, each.orders) for each in tally.versions),
        empty=phrase("No order was planned in this period."),
    )
