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

from server.core.reports.coverage import CAVEAT
from server.core.reports.document import Figure, Report
from server.core.reports.presence_tables import COUNTS, ShownPresence
from server.core.reports.vintages import LEAST_COUNT
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Period, Share, Text, phrase
from server.core.usage.channels import (
    BlindSpot,
    ChannelFigure,
    Legitimacy,
    Position,
    Trend,
)
from server.core.usage.intervals import Interval, percent
from server.core.usage.model import COUNTED_IN, Confidence


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """One feed: when it was last read, of how many days of the period it tells, of how many of these a file took the
    place of what another had said, and about how much could not be placed.

    There is no count of rows: beside a table of teams it would give away what that withholds.
    """

    name: str
    read_at: datetime
    last_day: date | None
    days: Share
    replaced: int
    unplaced: Text | None


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A figure, and which of its amounts are shown (`GRADED`, "watched", "unattributed").

    trend: against the period before.
    """

    figure: ChannelFigure
    team: str | None
    shown: frozenset[str]
    trend: Trend
    position: Position

    @property
    def has_all(self) -> bool:
        """Whether every part of all contact is shown, and so their sum."""
        return self.shown.issuperset(GRADED)

    @property
    def has_share(self) -> bool:
        """Whether all that its share is made of is shown."""
        return self.figure.share is not None and self.shown >= SHARED


GRADED = ("approved", "tolerated", "consumer", "unrated")
"""The parts of all contact by how safe it was: together all there is."""
SHARED = frozenset({"watched", "unattributed", *GRADED})
"""The amounts that a share is made of."""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """All that the report is made from. presence: titles of channels with their counts, as they stood on `seen_on`."""

    organisation: str
    period: Period
    made_at: datetime
    policies: tuple[str, ...]
    view: StrEnum
    watched: tuple[Text, ...]
    lines: tuple[ChannelLine, ...]
    team_lines: tuple[ChannelLine, ...]
    presence: tuple[tuple[Text, ShownPresence], ...]
    seen_on: date
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
        sections=(_use(facts), _axes(facts), _teams(facts), _team_axes(facts), _presence(facts)),
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
                    "Channels under review, of all contact counted with {who} ({what}, {how})",
                    who=figure.counterparty,
                    what=figure.quantity,
                    how=figure.confidence,
                ),
                value=Share(min(_units(figure, figure.watched), _whole(figure)), _whole(figure)),
                coverage=_covered(figure.coverage),
            )
        )
    return found


def _covered(coverage: Share | None) -> Text:
    if coverage is None:
        return phrase("How many phones or accounts this covers is not known")
    return phrase("From at least {covered} phones or accounts", covered=coverage)


def _coverage(facts: ChannelFacts) -> Section:
    return Section(
        key="coverage",
        heading=phrase("What the figures cover"),
        paragraphs=(
            phrase("Three things are never added: what was measured, what people recorded, and where an app is there."),
            phrase("Channels under review: {channels}.", channels=tuple(facts.watched)),
        ),
        columns=(
            Column("what", phrase("What"), Kind.CODE),
            Column("how", phrase("How it is known"), Kind.CODE),
            Column("covered", phrase("Phones or accounts, at least"), Kind.SHARE, blank=phrase("Not known")),
        ),
        rows=tuple(
            dict.fromkeys((line.figure.quantity, line.figure.confidence, line.figure.coverage) for line in facts.lines)
        ),
        empty=phrase("No feed covers this period. The report says nothing."),
    )


_WITHHELD = phrase("Withheld")


def _who(*, team: bool) -> tuple[Column, ...]:
    return (
        *((Column("team", phrase("Team"), blank=phrase("No known team")),) if team else ()),
        Column("who", phrase("With whom"), Kind.CODE),
        Column("what", phrase("What"), Kind.CODE),
        Column("how", phrase("How it is known"), Kind.CODE),
    )


def _columns(*, team: bool) -> tuple[Column, ...]:
    amount = Kind.COUNT
    return (
        *_who(team=team),
        Column("watched", phrase("Under review"), amount, blank=_WITHHELD),
        *(Column(grade, heading, amount, blank=_WITHHELD) for grade, heading in _GRADE_HEADINGS),
        Column("share", phrase("Share of channels under review")),
        Column("covered", phrase("Phones or accounts, at least"), Kind.SHARE, blank=phrase("Not known")),
        Column("trend", phrase("Against the period before"), Kind.CODE),
        Column("position", phrase("Against the target"), Kind.CODE),
    )


_GRADE_HEADINGS = (
    ("approved", phrase("Approved")),
    ("tolerated", phrase("Tolerated")),
    ("consumer", phrase("Not safe")),
    ("unrated", phrase("Not rated")),
)


def _units(figure: ChannelFigure, amount: int) -> int:
    return round(Decimal(amount) / COUNTED_IN[figure.quantity])


def _whole(figure: ChannelFigure) -> int:
    """All contact as it is printed: the sum of its printed parts, so that they add up whatever was rounded."""
    return sum(_units(figure, getattr(figure, grade)) for grade in GRADED)


def _named(line: ChannelLine, *, team: bool) -> Row:
    return ((line.team,) if team else ()) + (line.figure.counterparty, line.figure.quantity, line.figure.confidence)


def _row(line: ChannelLine, *, team: bool) -> Row:
    figure = line.figure

    def shown(name: str) -> int | None:
        return _units(figure, getattr(figure, name)) if name in line.shown else None

    return (
        *_named(line, team=team),
        shown("watched"),
        *map(shown, GRADED),
        _share(figure.share) if line.has_share else None,
        figure.coverage,
        line.trend if line.has_share else None,
        line.position if line.has_share else None,
    )


def _axis_columns(*, team: bool) -> tuple[Column, ...]:
    return (
        *_who(team=team),
        *(Column(grade, heading, Kind.SHARE, blank=_WITHHELD) for grade, heading in _GRADE_HEADINGS),
        Column("no_channel", phrase("Of these, channel not known"), Kind.COUNT, blank=_WITHHELD),
        Column("with_reason", phrase("With a reason"), Kind.SHARE, blank=_WITHHELD),
        Column("without_reason", phrase("Without a known reason"), Kind.SHARE, blank=_WITHHELD),
        Column("reason_unknown", phrase("Reason not known"), Kind.SHARE, blank=_WITHHELD),
    )


def _axis_row(line: ChannelLine, *, team: bool) -> Row:
    """Two divisions of one whole, and a part is shown only beside all others: it would give them away."""
    figure = line.figure
    if not line.has_all:
        return (*_named(line, team=team), *((None,) * (len(GRADED) + 1 + len(Legitimacy))))
    whole = _whole(figure)
    return (
        *_named(line, team=team),
        *(Share(_units(figure, getattr(figure, grade)), whole) for grade in GRADED),
        _units(figure, figure.unattributed) if "unattributed" in line.shown else None,
        *(Share(whole if figure.reason(each) else 0, whole) for each in Legitimacy),
    )


def _share(share: Interval | None) -> Text | None:
    if share is None:
        return None
    if share.low == share.high:
        return phrase("{share}%", share=percent(share.low))
    return phrase("between {low}% and {high}%", low=percent(share.low), high=percent(share.high))


def _use(facts: ChannelFacts) -> Section:
    return Section(
        key="use",
        heading=phrase("Use of channels, by counterparty"),
        paragraphs=(
            phrase("A target is for the organisation or a team, never for one worker. It is a range between two "
            "values."),
            phrase(
                "The share is of all contact that was counted with them. If the channel is unknown, the share "
                "is given as a range."
            ),
        ),
        columns=_columns(team=False),
        rows=tuple(_row(line, team=False) for line in facts.lines),
        notes=(
            phrase(
                "Figures about groups of fewer than {count} people or of fewer than {least} are withheld, and "
                "so are figures from which they could be worked out. Teams of fewer people are shown together.",
                count=facts.smallest_group,
                least=max(facts.smallest_group, LEAST_COUNT),
            ),
            phrase(
                "A month is shown as it was known when it was first reported. What became known later is shown "
                "when it is about {count} people or more of a team.",
                count=facts.smallest_group,
            ),
        ),
        empty=phrase("No feed covers this period. The report says nothing."),
    )  # fmt: skip


_TWO_AXES = (
    phrase(
        "The same contact divided in two ways. Each way adds up to all of it, and neither says anything of the other."
    ),
    phrase(
        "How safe: as the catalogue of channels rates the channel with whom it was. What has no known channel, or one "
        "that the catalogue does not rate with them, is not rated."
    ),
    phrase(
        "Reason: with colleagues, professionals and clients of a running case there is one; with former clients none "
        "is known, though there may be a good one. Whether a worker was on that case is not counted here."
    ),
)


def _axes(facts: ChannelFacts) -> Section:
    return Section(
        key="axes",
        heading=phrase("How safe it was, and whether there was a reason"),
        paragraphs=_TWO_AXES,
        columns=_axis_columns(team=False),
        rows=tuple(_axis_row(line, team=False) for line in facts.lines),
        empty=phrase("No feed covers this period. The report says nothing."),
    )


def _team_axes(facts: ChannelFacts) -> Section:
    return Section(
        key="team_axes",
        heading=phrase("How safe it was, and whether there was a reason, by team"),
        columns=_axis_columns(team=True),
        rows=tuple(_axis_row(line, team=True) for line in facts.team_lines),
        empty=phrase("No feed covers this period. The report says nothing."),
    )


def _teams(facts: ChannelFacts) -> Section:
    return Section(
        key="teams",
        heading=phrase("The same by team"),
        columns=_columns(team=True),
        rows=tuple(_row(line, team=True) for line in facts.team_lines),
        empty=phrase("No feed covers this period. The report says nothing."),
    )


def _presence(facts: ChannelFacts) -> Section:
    return Section(
        key="presence",
        heading=phrase("Where an app is installed"),
        paragraphs=(
            phrase("Installed is not used. A phone without an inventory is not a phone without the app."),
            phrase("An app can read managed contacts if management put it there, or if no restriction keeps it out."),
            phrase("As of {day}. Changes on few phones are shown later, with others.", day=facts.seen_on),
        ),
        columns=(
            Column("channel", phrase("Channel")),
            Column("phones", phrase("Phones"), Kind.COUNT),
            Column("enrolled", phrase("Under management"), Kind.COUNT, blank=_WITHHELD),
            Column("inventoried", phrase("With an inventory"), Kind.COUNT, blank=_WITHHELD),
            Column("present", phrase("Installed"), Kind.COUNT, blank=_WITHHELD),
            Column("managed", phrase("Put there by management"), Kind.COUNT, blank=_WITHHELD),
            Column("reads", phrase("Can read managed contacts"), Kind.COUNT, blank=_WITHHELD),
            Column("shut_out", phrase("Cannot read them"), Kind.COUNT, blank=_WITHHELD),
            Column("reads_unknown", phrase("Not known whether it can"), Kind.COUNT, blank=_WITHHELD),
            Column("unmeasured", phrase("Installed, and use not measured"), Kind.SHARE, blank=_WITHHELD),
        ),
        rows=tuple(
            (title, each.phones, *(each.counts[name] for name in COUNTS), each.unmeasured)
            for title, each in facts.presence
        ),
    )


def _sources(feeds: Sequence[FeedFacts]) -> Section:
    return Section(
        key="sources",
        heading=phrase("What this report was made from"),
        paragraphs=(
            phrase("Records that could not be classified are listed here; they widen the ranges above."),
        ),
        columns=(
            Column("feed", phrase("Feed")),
            Column("read_at", phrase("Last read"), Kind.INSTANT),
            Column("last_day", phrase("Last day in it"), Kind.DATE),
            Column("days", phrase("Days of the period that it covers"), Kind.SHARE),
            Column("replaced", phrase("Days on which a file replaced another"), Kind.COUNT),
            Column("unplaced", phrase("Rows that could not be placed, about"), blank=phrase("Not reported")),
        ),
        rows=tuple((each.name, each.read_at, each.last_day, each.days, each.replaced, each.unplaced) for each in feeds),
        empty=phrase("No source is connected. This report says nothing."),
    )  # fmt: skip


_UNPLACED = (
    (Decimal("0.05"), phrase("less than 5%")),
    (Decimal("0.20"), phrase("5% to 20%")),
    (Decimal(1), phrase("more than 20%")),
)


def say_unplaced(unplaced: int, rows: int, k: int) -> Text | None:
    """About how much of a feed could not be placed. None: not told, since k rows more or less would change the answer.

    So the answer bounds no count that another table withholds.
    """
    if rows < 20 * k:
        return None
    told = set()
    for part, whole in ((unplaced - k, rows), (unplaced - k, rows + k), (unplaced + k, rows), (unplaced + k, rows - k)):
        share = Decimal(max(part, 0)) / whole
        told.add(next((text for most, text in _UNPLACED if share < most), _UNPLACED[-1][1]))
    return told.pop() if len(told) == 1 else None


def rows_at_least(rows: int, k: int) -> int:
    """The size of a file, as the largest power of ten that k rows more or less do not change; 0: it is a small one."""
    found = 10
    while found * 10 <= rows:
        found *= 10
    return found if 10 * k <= found and found <= rows - k and rows + k < found * 10 else 0


def see_blind_spots(
    lines: Sequence[ChannelLine],
    presence: Sequence[ShownPresence],
    watched: Sequence[str],
    told: Sequence[Share],
) -> tuple[BlindSpot, ...]:
    """What has to be said beside these figures, in a fixed order, from what is told in them and no more.

    told: of each feed, of how many days it tells.
    """
    figures = [line.figure for line in lines]
    by_machine = [line for line in lines if line.figure.confidence in _BY_MACHINE]
    measured = any(line.figure.watched or "watched" not in line.shown for line in by_machine)
    covered = [figure.coverage for figure in figures]
    table = (
        (True, BlindSpot.OWN_PHONES),
        (True, BlindSpot.LINKED_COMPUTERS),
        (any(each.counts["enrolled"] != each.phones for each in presence), BlindSpot.NOT_ENROLLED),
        (any(each.counts["inventoried"] != each.phones for each in presence), BlindSpot.NO_INVENTORY),
        (
            not measured and any(each.counts["present"] != 0 for each in presence if each.channel in watched),
            BlindSpot.PRESENT_NOT_MEASURED,
        ),
        (bool(lines), BlindSpot.UNKNOWN_COUNTERPARTIES),
        (
            any(line.figure.unattributed or "unattributed" not in line.shown for line in lines),
            BlindSpot.WITHOUT_CHANNEL,
        ),
        (any(each is None for each in covered), BlindSpot.COVERAGE_UNKNOWN),
        (any(each is not None and each.part < each.whole for each in covered), BlindSpot.PARTLY_COVERED),
        (any(0 < each.part < each.whole for each in told), BlindSpot.DAYS_NOT_TOLD),
    )
    return tuple(spot for holds, spot in table if holds)


_BY_MACHINE = frozenset({Confidence.MEASURED, Confidence.SAMPLED})


def _blind(spots: Sequence[BlindSpot]) -> Section:
    return Section(
        key="blind_spots",
        heading=phrase("What these figures do not hold"),
        columns=(Column("spot", phrase("What is not in them"), Kind.CODE),),
        rows=tuple((spot,) for spot in spots),
        notes=(phrase("No feed contains what was said or written, and none is asked to."),),
    )
