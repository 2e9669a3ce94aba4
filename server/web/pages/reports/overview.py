"""The first page of who answers for privacy: what went, what waits, what is asked, beside what was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flask import url_for
from flask.typing import ResponseReturnValue

from server.core.days import AMSTERDAM
from server.core.model import FindingKind, Role, State
from server.core.reports.coverage import Phone, summarise
from server.core.reports.document import Figure
from server.core.reports.tally import in_use
from server.core.tables import Column, Kind, Section
from server.core.text import Share, Text, phrase
from server.render.charts import Bar, Bars, summarise_bars
from server.store import pages
from server.store.admin import organisation, pauses
from server.store.admin.pauses import PauseRow
from server.store.pages import InTime
from server.store.removal import orders, reviews
from server.store.reports import tallies
from server.web.cache import counted
from server.web.dates import age_edges, edges_of, last_weeks
from server.web.pages.removal.pauses import where
from server.web.pages.removal.removals import time_to_zero
from server.web.request import Here, fill, here
from server.work.removal import findings_desk
from server.work.removal.findings_desk import Desk
from server.work.reports import removal_report
from server.work.reports.health import OVERDUE
from server.work.reports.removal_report import PASSING

_WEEKS = 13
_DAYS = 90
_AGES = (30, 7, 1)
_OLDEST = {"stand": "open", "removals.sort": "planned_at"}
_WITH_LISTS = frozenset({Role.PRIVACY_OFFICER, Role.DATA_PROTECTION_OFFICER, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page counts, at one moment."""

    states: Mapping[State, int]
    removed: int
    overdue: int
    stuck: int
    plans: int
    ages: Sequence[int]
    findings: Mapping[FindingKind, Sequence[int]]
    desk: Desk
    reviews: int
    in_time: InTime
    weeks: Sequence[date]
    by_week: Sequence[int]
    used_from: date | None
    """The day of the first look, where the weeks begin before it."""
    phones: tuple[Phone, ...]
    fetching: int
    places: Share
    registers: Share
    paused: Sequence[tuple[PauseRow, int]]
    """What is paused, and how many of the overdue wait for it."""


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    when, standing = counted("overview", lambda: _count(at))
    linked = at.role in _WITH_LISTS
    return fill(
        "overview.html",
        phrase("Overview"),
        when=when,
        tasks=[(text, link if linked else None, urgent) for text, link, urgent in _tasks(standing)],
        answer=standing.in_time,
        days=at.context.policy.grace_days + 1,
        figures=[(figure, link if linked else None) for figure, link in _figures(standing)],
        coverage=_without_last_note(summarise(standing.phones)),
        fetching=Share(standing.fetching, len(standing.phones)),
        trend=_trend(standing),
        took=time_to_zero(at, standing.in_time),
        ages=_ages(standing),
        linked=linked,
        paused=[(where(row), row, waiting) for row, waiting in standing.paused],
    )


def _count(at: Here) -> Standing:
    now = at.context.now()
    every_week = last_weeks(at.context.today(), _WEEKS)
    stale = timedelta(hours=at.context.policy.staleness_hours)
    desk = findings_desk.read_desk(at.context)
    with at.context.store.read() as connection:
        phones = tuple(removal_report.phones(at.context, connection, stated=False))
        places = organisation.read_places(connection, at.context.today())
        registers = organisation.case_systems(connection)
        since = now - timedelta(days=_DAYS)
        first = tallies.first_look(connection)
        used_from = at.context.today() if first is None else first.astimezone(AMSTERDAM).date()
        weeks = in_use(every_week, used_from)
        paused = pauses.in_force(connection, now)
        ages = pages.count_open_orders(connection, age_edges(now, [OVERDUE.days]))
        return Standing(
            states=orders.counts_by_state(connection),
            removed=pages.count_settled(connection, [now - timedelta(days=_DAYS), now + timedelta(microseconds=1)])[0],
            overdue=ages[0],
            stuck=pages.count_stuck(connection, PASSING),
            plans=pages.count_waiting_plans(connection),
            ages=ages,
            findings=pages.count_open_findings(connection, age_edges(now, _AGES)),
            desk=desk,
            reviews=sum(count for count, _ in reviews.count(connection).values()),
            in_time=pages.removed_in_time(
                connection, since, now + timedelta(microseconds=1), at.context.policy.grace_days + 1
            ),
            weeks=weeks,
            by_week=pages.count_settled(connection, edges_of(weeks, timedelta(weeks=1))),
            used_from=used_from if used_from > every_week[0] else None,
            phones=phones,
            fetching=sum(each.last_fetch is not None for each in phones),
            places=Share(sum(p.fault is None and p.looked_at is not None for p in places), len(places)),
            registers=Share(sum(_is_fresh(read_at, now, stale) for _, read_at in registers), len(registers)),
            paused=[(row, pauses.count_waiting(connection, row, now - OVERDUE)) for row in paused],
        )


def _is_fresh(read_at: datetime | None, now: datetime, stale: timedelta) -> bool:
    return read_at is not None and now - read_at <= stale


def _figures(standing: Standing) -> Sequence[tuple[Figure, str]]:
    books = phrase("{places} address books were read.", places=standing.places)
    under_way = sum(standing.states.get(s, 0) for s in (State.WAITING, State.READY, State.CALLING, State.CHECKING))
    registers = phrase("{registers} case registers are recent enough to decide on.", registers=standing.registers)
    return (
        (
            Figure("removed", phrase("Verified removed, in 90 days"), standing.removed, books),
            url_for("removals.show"),
        ),
        (
            Figure("under_way", phrase("Under way"), under_way, registers),
            url_for("removals.show", stand="open"),
        ),
        (
            Figure("overdue", phrase("Open for more than three days"), standing.overdue, books),
            url_for("removals.show", **_OLDEST),  # type: ignore[arg-type]
        ),
        (
            Figure("stuck", phrase("Stuck: somebody has to mend it"), standing.stuck, books),
            url_for("removals.show", stand="stuck"),
        ),
    )


def _tasks(standing: Standing) -> Sequence[tuple[Text, str, bool]]:
    """What waits for somebody: in words, where it is done, and whether it is overdue. Where nothing waits, nothing."""
    desk = standing.desk
    open_, late, lying = desk.total("count"), desk.total("late"), desk.total("lying")
    told: list[tuple[int, Text, str, bool]] = [
        (
            late,
            phrase(
                "{count} finding is overdue; {lying} of these for more than a week.",
                many="{count} findings are overdue; {lying} of these for more than a week.",
                count=late,
                lying=lying,
            ),
            url_for("findings.show"),
            True,
        ),
        (
            open_ - late,
            phrase(
                "{count} finding is open and not overdue yet.",
                many="{count} findings are open and not overdue yet.",
                count=open_ - late,
            ),
            url_for("findings.show"),
            False,
        ),
        (
            desk.total("nobodys"),
            phrase(
                "{count} finding is not assigned yet: divide the work.",
                many="{count} findings are not assigned yet: divide the work.",
                count=desk.total("nobodys"),
            ),
            url_for("findings.show"),
            False,
        ),
        (
            standing.reviews,
            phrase(
                "{count} contact waits for a decision.",
                many="{count} contacts wait for a decision.",
                count=standing.reviews,
            ),
            url_for("reviews.show"),
            False,
        ),
        (
            standing.plans,
            phrase(
                "{count} large removal awaits approval.",
                many="{count} large removals await approval.",
                count=standing.plans,
            ),
            url_for("plans.show"),
            False,
        ),
    ]
    return [(text, link, urgent) for count, text, link, urgent in told if count]


def _without_last_note(section: Section) -> Section:
    """The last note of coverage speaks of a list further down, which a report has and this page has not."""
    return replace(section, notes=section.notes[:-1])


def _trend(standing: Standing) -> Bars:
    bars = tuple(Bar(day, count) for day, count in zip(standing.weeks, standing.by_week, strict=True))
    return Bars(
        "trend",
        phrase("Verified removed, week by week"),
        phrase("Week from"),
        phrase("Contacts in address books"),
        bars,
        summarise_bars(bars),
        phrase("The running week is not over yet.")
        if standing.used_from is None
        else phrase(
            "The running week is not over yet. In use since {day}: address books were not read before that day.",
            day=standing.used_from,
        ),
    )


def _ages(standing: Standing) -> Section:
    return Section(
        "ages",
        phrase("Findings by age"),
        columns=(
            Column("kind", phrase("Kind"), Kind.CODE),
            Column("older", phrase("Over 30 days"), Kind.COUNT),
            Column("month", phrase("7 to 30 days"), Kind.COUNT),
            Column("week", phrase("1 to 7 days"), Kind.COUNT),
            Column("new", phrase("Under a day"), Kind.COUNT),
        ),
        rows=tuple((kind, *counts) for kind, counts in standing.findings.items()),
        empty=phrase("There are no open findings."),
    )
