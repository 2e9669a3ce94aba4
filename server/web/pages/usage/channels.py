"""Channels: the newest report as charts with their tables; coverage beside each figure, and what is withheld named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES
from server.core.reports.document import Report
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Share, Text, phrase
from server.core.usage.intervals import Interval
from server.render.charts import Stack, Stacks, draw_interval
from server.store.reports.library import ReportRow
from server.web.request import fill, here, notify
from server.work.reports import library
from server.work.reports.catalogue import REPORTS, usual_period
from server.work.reports.library import Progress

_KEY = "channels"
_WAIT_SECONDS = 1.5
_AMOUNTS = ("approved", "tolerated", "consumer", "unrated")
_BEFORE = ("watched", "approved", "other", "no_channel")
"""Of reports made before contact was divided by how safe it was."""
_SHOWN = ("who", "watched", *_AMOUNTS, "other", "no_channel", "unplaced", "share", "covered", "trend", "position")


@dataclass(frozen=True, slots=True)
class Picture:
    """What was measured in one way of one thing: the chart, the shares as intervals, and the table of both."""

    stacks: Stacks
    shares: Sequence[tuple[Text, str, Text]]
    table: Section
    coverage: Text


def show() -> ResponseReturnValue:
    """The newest report, or the one asked for."""
    at = here()
    rows = [row for row in library.list_reports(at.context, at.role) if row.key == _KEY]
    made = [row for row in rows if library.progress_of(row, at.context) is Progress.MADE]
    wanted = request.args.get("report", "")
    row = next((each for each in made if each.uid == wanted), None if wanted else next(iter(made), None))
    if wanted and row is None:
        abort(404)
    report = None if row is None else library.read_report(at.context, row.uid)
    sections = {} if report is None else {section.key: section for section in report.body}
    return fill(
        "channels.html",
        phrase("Channels"),
        row=row,
        report=report,
        earlier=_earlier(made),
        links=[url_for("channels.show", report=each.uid) for each in made],
        by_name=at.role in CLEARED_FOR_CASES,
        under_way=any(library.progress_of(each, at.context) is Progress.UNDER_WAY for each in rows),
        pictures=() if report is None else _pictures(report),
        teams=sections.get("teams"),
        axes=sections.get("axes"),
        team_axes=sections.get("team_axes"),
        presence=sections.get("presence"),
        sources=sections.get("sources"),
        blind=sections.get("blind_spots"),
        use=sections.get("use"),
        period=usual_period(REPORTS[_KEY].span, at.context.today()),
    )


def ask() -> ResponseReturnValue:
    """Have the report of the last whole quarter made."""
    at = here()
    period = usual_period(REPORTS[_KEY].span, at.context.today())
    library.ask_for(at.context, at.role, _KEY, period.first, period.last, wait=_WAIT_SECONDS)
    notify("report_asked")
    return redirect(url_for("channels.show"), 303)


def _earlier(rows: Sequence[ReportRow]) -> Section:
    return Section(
        "earlier",
        phrase("Made before"),
        columns=(
            Column("asked", phrase("Asked for"), Kind.INSTANT),
            Column("first", phrase("First day"), Kind.DATE),
            Column("last", phrase("Last day"), Kind.DATE),
        ),
        rows=tuple((row.asked_at, row.first, row.last) for row in rows),
        empty=phrase("No report on channels was made yet."),
    )


def _pictures(report: Report) -> Sequence[Picture]:
    """One for each thing that was counted in one way: these are never added."""
    use = next(section for section in report.sections if section.key == "use")
    at = {column.key: nth for nth, column in enumerate(use.columns)}
    groups: defaultdict[tuple[object, object], list[Row]] = defaultdict(list)
    for row in use.rows:
        groups[row[at["what"]], row[at["how"]]].append(row)
    return [_picture(nth, rows, at, use) for nth, rows in enumerate(groups.values(), start=1)]


def _picture(nth: int, rows: Sequence[Row], at: Mapping[str, int], use: Section) -> Picture:
    first = rows[0]
    heading = phrase("{what}: {how}", what=_param(first[at["what"]]), how=_param(first[at["how"]]))
    amounts = _AMOUNTS if at.keys() >= set(_AMOUNTS) else _BEFORE
    shown = [key for key in _SHOWN if key in at]
    columns = tuple(use.columns[at[key]] for key in shown)
    stacks = Stacks(
        f"use-{nth}",
        heading,
        tuple(use.columns[at[key]].heading for key in amounts),
        tuple(
            Stack(phrase("{value}", value=_param(row[at["who"]])), tuple(_count(row[at[key]]) for key in amounts))
            for row in rows
        ),
        phrase("Withheld"),
    )
    shares = [found for row in rows if (found := _share(row, at)) is not None]
    covered = next((value for row in rows if isinstance(value := row[at["covered"]], Share)), None)
    return Picture(
        stacks,
        shares,
        Section(f"table-use-{nth}", heading, columns=columns, rows=tuple(tuple(r[at[k]] for k in shown) for r in rows)),
        phrase("From at least {covered} phones or accounts", covered=covered)
        if covered is not None
        else phrase("How many phones or accounts this covers is not known"),
    )


def _share(row: Row, at: Mapping[str, int]) -> tuple[Text, str, Text] | None:
    """(with whom, the picture, the same in words) of a share that is shown."""
    said = row[at["share"]]
    if not isinstance(said, Text):
        return None
    params = dict(said.params)
    # Reports made before hold these as texts.
    low, high = (str(params.get(name, params.get("share"))) for name in ("low", "high"))
    interval = Interval(Decimal(low) / 100, Decimal(high) / 100)
    return phrase("{value}", value=_param(row[at["who"]])), draw_interval(interval, None, here().words.say(said)), said


def _param(value: object) -> Text | str:
    """A value of a cell as a parameter of a sentence."""
    return here().words.write(value)  # type: ignore[arg-type]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
