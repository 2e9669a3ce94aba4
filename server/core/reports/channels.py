"""The channel report: watched channels beside approved ones, by counterparty and team; pure, and about no worker.

What may be shown was decided before (`core.disclosure`): a figure that is withheld has a row without numbers, and why
is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from server.core.channels import (
    BlindSpot,
    ChannelFigure,
    ChannelPresence,
    Position,
    Trend,
)
from server.core.reports.coverage import CAVEAT
from server.core.reports.table import Column, Figure, Kind, Period, Report, Row, Section, Share, Text, phrase
from server.core.shares import Interval
from server.core.usage import COUNTED_IN


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """One feed: when it was last read, of how many days of the period it tells, and how much could not be placed."""

    name: str
    read_at: datetime
    last_day: date | None
    days: Share
    rows: int
    faults: int
    unattributable: int
    unclassified: int
    not_gated: int


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A figure, and which of its amounts are shown ("watched", "approved", "other", "unattributed", "unplaced").

    trend: against the period before.
    """

    figure: ChannelFigure
    team: str | None
    shown: frozenset[str]
    trend: Trend
    position: Position

    @property
    def has_share(self) -> bool:
        """Whether all that its share is made of is shown."""
        return self.figure.share is not None and self.shown >= SHARED


SHARED = frozenset({"watched", "approved", "unattributed"})
"""The amounts that a share is made of."""
_AMOUNTS = ("watched", "approved", "other", "unattributed", "unplaced")


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """All that the report is made from. presence: titles of channels with their counts; phones: all there are."""

    organisation: str
    period: Period
    made_at: datetime
    policies: tuple[str, ...]
    view: StrEnum
    watched: tuple[Text, ...]
    lines: tuple[ChannelLine, ...]
    team_lines: tuple[ChannelLine, ...]
    presence: tuple[tuple[Text, ChannelPresence], ...]
    blind_spots: tuple[BlindSpot, ...]
    feeds: tuple[FeedFacts, ...]
    smallest_group: int


def build(facts: ChannelFacts) -> Report:
    """The report. Rows are in the order of counterparties and teams, never in that of amounts: this is no ranking."""
    return Report(
        key="channels",
        title=phrase("Which channels were used, with whom"),
        organisation=facts.organisation,
        period=facts.period,
        made_at=facts.made_at,
        view=facts.view,
        policies=tuple(sorted(facts.policies)),
        figures=tuple(_figures(facts)),
        coverage=_coverage(facts),
        sections=(_use(facts), _teams(facts), _presence(facts)),
        sources=_sources(facts.feeds),
        blind_spots=_blind(facts.blind_spots),
        caveat=CAVEAT,
    )


def _figures(facts: ChannelFacts) -> Sequence[Figure]:
    found = []
    for n, line in enumerate(each for each in facts.lines if each.has_share):
        figure = line.figure
        found.append(
            Figure(
                key=f"share_{n + 1}",
                label=phrase(
                    "Watched channels with {who} ({what}, {how})",
                    who=figure.counterparty,
                    what=figure.quantity,
                    how=figure.confidence,
                ),
                value=Share(figure.watched, figure.watched + figure.approved + figure.unattributed),
                coverage=_covered(figure.coverage),
            )
        )
    return found


def _covered(coverage: Share | None) -> Text:
    if coverage is None:
        return phrase("How many phones or accounts this covers is not known")
    return phrase("From {covered} phones or accounts", covered=coverage)


def _coverage(facts: ChannelFacts) -> Section:
    return Section(
        key="coverage",
        heading=phrase("What the figures cover"),
        paragraphs=(
            phrase("Three things are never added: what was measured, what people recorded, and where an app is there."),
            phrase("Watched: {channels}.", channels=tuple(facts.watched)),
        ),
        columns=(
            Column("what", phrase("What"), Kind.CODE),
            Column("how", phrase("How it is known"), Kind.CODE),
            Column("covered", phrase("Phones or accounts"), Kind.SHARE, blank=phrase("Not known")),
        ),
        rows=tuple(
            dict.fromkeys((line.figure.quantity, line.figure.confidence, line.figure.coverage) for line in facts.lines)
        ),
        empty=phrase("No feed told anything about this period. The report says nothing."),
    )


_WITHHELD = phrase("Withheld")


def _columns(*, team: bool) -> tuple[Column, ...]:
    amount = Kind.COUNT
    return (
        *((Column("team", phrase("Team"), blank=phrase("No known team")),) if team else ()),
        Column("who", phrase("With whom"), Kind.CODE),
        Column("what", phrase("What"), Kind.CODE),
        Column("how", phrase("How it is known"), Kind.CODE),
        Column("watched", phrase("Watched"), amount, blank=_WITHHELD),
        Column("approved", phrase("Approved"), amount, blank=_WITHHELD),
        Column("other", phrase("Other channels"), amount, blank=_WITHHELD),
        Column("no_channel", phrase("Channel not known"), amount, blank=_WITHHELD),
        Column("unplaced", phrase("With whom is not known"), amount, blank=_WITHHELD),
        Column("share", phrase("Share of watched channels")),
        Column("covered", phrase("Phones or accounts"), Kind.SHARE, blank=phrase("Not known")),
        Column("trend", phrase("Against the period before"), Kind.CODE),
        Column("position", phrase("Against the target"), Kind.CODE),
    )


def _row(line: ChannelLine, *, team: bool) -> Row:
    figure = line.figure
    unit = COUNTED_IN[figure.quantity]
    numbers = tuple(round(Decimal(getattr(figure, name)) / unit) if name in line.shown else None for name in _AMOUNTS)
    who = ((line.team,) if team else ()) + (figure.counterparty, figure.quantity, figure.confidence)
    if not line.has_share:
        return (*who, *numbers, None, figure.coverage, None, None)
    return (*who, *numbers, _share(figure.share), figure.coverage, line.trend, line.position)


def _share(share: Interval | None) -> Text | None:
    if share is None:
        return None
    if share.low == share.high:
        return phrase("{share}%", share=_percent(share.low))
    return phrase("between {low}% and {high}%", low=_percent(share.low), high=_percent(share.high))


def _percent(part: Decimal) -> str:
    return f"{part * 100:.1f}"


def _use(facts: ChannelFacts) -> Section:
    return Section(
        key="use",
        heading=phrase("Use of channels, by counterparty"),
        paragraphs=(
            phrase("A target is a corridor for an organisation or a team. There is none for a worker."),
            phrase("Where it is not known with whom or through which channel, the share stays open by as much."),
        ),
        columns=_columns(team=False),
        rows=tuple(_row(line, team=False) for line in facts.lines),
        notes=(phrase("Figures about fewer than {count} people are withheld, and what would give them away.",
                      count=facts.smallest_group),),
        empty=phrase("No feed told anything about this period. The report says nothing."),
    )  # fmt: skip


def _teams(facts: ChannelFacts) -> Section:
    return Section(
        key="teams",
        heading=phrase("The same by team"),
        columns=_columns(team=True),
        rows=tuple(_row(line, team=True) for line in facts.team_lines),
        empty=phrase("No feed told anything about this period. The report says nothing."),
    )


def _presence(facts: ChannelFacts) -> Section:
    return Section(
        key="presence",
        heading=phrase("Where an app is installed"),
        paragraphs=(
            phrase("Installed is not used. A phone without an inventory is not a phone without the app."),
            phrase("An app can read managed contacts if management put it there, or if no restriction keeps it out."),
        ),
        columns=(
            Column("channel", phrase("Channel")),
            Column("phones", phrase("Phones"), Kind.COUNT),
            Column("enrolled", phrase("Under management"), Kind.COUNT),
            Column("inventoried", phrase("With an inventory"), Kind.COUNT),
            Column("present", phrase("Installed"), Kind.COUNT),
            Column("managed", phrase("Put there by management"), Kind.COUNT),
            Column("reads", phrase("Can read managed contacts"), Kind.COUNT),
            Column("shut_out", phrase("Cannot read them"), Kind.COUNT),
            Column("reads_unknown", phrase("Not known whether it can"), Kind.COUNT),
            Column("unmeasured", phrase("Installed, and use not measured"), Kind.SHARE),
        ),
        rows=tuple(
            (
                title,
                each.phones,
                each.enrolled,
                each.inventoried,
                each.present,
                each.managed,
                *(count for _, count in each.reads),
                each.unmeasured,
            )
            for title, each in facts.presence
        ),
    )


def _sources(feeds: Sequence[FeedFacts]) -> Section:
    return Section(
        key="sources",
        heading=phrase("What this report was made from"),
        paragraphs=(
            phrase("What could not be placed is not guessed: it makes the shares wider, and stands here."),
        ),
        columns=(
            Column("feed", phrase("Feed")),
            Column("read_at", phrase("Last read"), Kind.INSTANT),
            Column("last_day", phrase("Last day in it"), Kind.DATE),
            Column("days", phrase("Days of the period it tells of"), Kind.SHARE),
            Column("rows", phrase("Rows"), Kind.COUNT),
            Column("faults", phrase("Rows with a fault"), Kind.COUNT),
            Column("unattributable", phrase("Not attributable"), Kind.COUNT),
            Column("unclassified", phrase("With whom is not known"), Kind.COUNT),
            Column("not_gated", phrase("Not read: no gate"), Kind.COUNT),
        ),
        rows=tuple(
            (
                each.name,
                each.read_at,
                each.last_day,
                each.days,
                each.rows,
                each.faults,
                each.unattributable,
                each.unclassified,
                each.not_gated,
            )
            for each in feeds
        ),
        empty=phrase("No source is connected. This report says nothing."),
    )  # fmt: skip


def _blind(spots: Sequence[BlindSpot]) -> Section:
    return Section(
        key="blind_spots",
        heading=phrase("What these figures do not hold"),
        columns=(Column("spot", phrase("What is not in them"), Kind.CODE),),
        rows=tuple((spot,) for spot in spots),
        notes=(phrase("No feed tells what was said or written, and none is asked to."),),
    )
