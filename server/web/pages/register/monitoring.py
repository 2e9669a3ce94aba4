"""The plans of a team's cases in monitoring: which contacts are planned and why, and what their supervisor changes."""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import PlanChange
from server.core.policy.model import CountedFrom, WindowUnit
from server.core.problems import DecisionProblem, DecisionRefusedError, PlanProblem, Problem
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, missing, read_form
from server.web.request import fill, here, notify
from server.web.table_view import arrange, stay
from server.work.admin import access
from server.work.register import monitoring
from server.work.register.monitoring import CasePlan, ContactLine, TeamPlans

_START, _MONTH, _GONE, _EXTRA = "start", "month", "gone", "extra"
_DAY = Input(
    "on",
    phrase("Day"),
    InputKind.DAY,
    required=False,
    hint=phrase("Not where a contact does not take place."),
)
_REASON = Input(
    "reason",
    phrase("Why"),
    InputKind.AREA,
    longest=300,
    hint=phrase("In a sentence or two, without names, numbers or addresses."),
)
_FIELDS: Mapping[Problem, str] = {
    DecisionProblem.IDENTIFIER_IN_TEXT: "reason",
    DecisionProblem.TEXT_TOO_LONG: "reason",
    PlanProblem.DAY_OUT_OF_REACH: "on",
    DecisionProblem.MISSING_VALUE: "on",
}
_COUNTED: Mapping[CountedFrom, Text] = {
    CountedFrom.TRANSFER: phrase("The policy counts the months from the day on which the case was handed over."),
    CountedFrom.START_OF_PHASE: phrase("The policy counts the months from the day on which monitoring began."),
    CountedFrom.CASE_FIELD: phrase("The policy counts the months from a day that the case system names."),
}


def show() -> ResponseReturnValue:
    """The list: those without a plan first, then by the next contact."""
    at = here()
    wanted = request.args.get("team", "")
    team = monitoring.read_plans(at.context, at.signed_in, wanted)
    if team is None and wanted:
        abort(404)
    shown = None
    if team is not None:
        access.note_read(at.context, at.signed_in, "plans of monitoring")
        stay(team="" if team.own else team.team)
        links = [_back(each.key, "" if team.own else team.team) for each in team.plans]
        shown = arrange(_section(team), links)
    return fill(
        "monitoring.html", phrase("Cases in the monitoring phase"), team=team, list=shown, most=monitoring.SHOWN
    )


def one(key: str) -> ResponseReturnValue:
    """One plan, with where each day comes from."""
    at = here()
    access.note_read(at.context, at.signed_in, "a plan of monitoring")
    return _page(key, request.args.get("team", ""), EMPTY)


def change(key: str) -> ResponseReturnValue:
    """Change it, with a reason."""
    at = here()
    wanted = request.form.get("team", "")
    filled = read_form(request.form, _inputs())
    if not filled.sound:
        return _page(key, wanted, filled), 400
    what, day = filled.values["what"], filled.days.get("on")
    kind, _, months = what.partition("-")
    if (day is None) is not (kind == _GONE):
        told = phrase("A contact that does not take place has no day.") if day else missing(_DAY.label)
        return _page(key, wanted, filled.with_fault("on", told)), 400
    new = PlanChange(None if kind == _EXTRA else int(months or 0), day)
    try:
        monitoring.change(at.context, at.signed_in, wanted, key, new, filled.values["reason"])
    except DecisionRefusedError as refused:
        field = _FIELDS.get(refused.problem, "what")
        return _page(key, wanted, filled.with_fault(field, at_page(refused.problem))), 400
    notify("plan_changed")
    return redirect(_back(key, wanted), 303)


def withdraw(key: str) -> ResponseReturnValue:
    """Withdraw a change; that it is no longer in force already is no fault."""
    at = here()
    wanted = request.form.get("team", "")
    try:
        monitoring.withdraw(at.context, at.signed_in, wanted, key, request.form.get("change", "")[:64])
    except DecisionRefusedError as refused:
        return _page(key, wanted, EMPTY.with_fault("what", at_page(refused.problem))), 400
    notify("plan_change_withdrawn")
    return redirect(_back(key, wanted), 303)


def _back(key: str, wanted: str) -> str:
    return url_for("monitoring.one", key=key, **({"team": wanted} if wanted else {}))  # type: ignore[arg-type]


def _inputs() -> tuple[Input, ...]:
    policy = here().context.policy
    months = policy.planned_months
    choices = (
        *([Choice(_START, phrase("The months count from another day"))] if months else []),
        *(Choice(f"{_MONTH}-{each}", _elsewhere(each)) for each in months),
        *(Choice(f"{_GONE}-{each}", _not_at_all(each)) for each in months),
        Choice(_EXTRA, phrase("An extra contact")),
    )
    return (Input("what", phrase("What changes"), InputKind.CHOICE, choices=choices), _DAY, _REASON)


def _elsewhere(months: int) -> Text:
    return phrase("{count} month: on another day", many="{count} months: on another day", count=months)


def _not_at_all(months: int) -> Text:
    return phrase("{count} month: does not take place", many="{count} months: does not take place", count=months)


def _page(key: str, wanted: str, filled: Filled) -> str:
    at = here()
    found = monitoring.read_plan(at.context, at.signed_in, wanted, key)
    if found is None:
        abort(404)
    plan, changes = found
    policy = at.context.policy
    return fill(
        "monitored_case.html",
        phrase("A case in the monitoring phase"),
        plan=plan,
        wanted=wanted,
        lines=_lines(plan),
        changes=changes,
        said_of={each.uid: _said(PlanChange(each.months, each.on_date)) for each in changes},
        counted_from=_COUNTED[policy.counted_from] if policy.planned_months else None,
        days=policy.monitoring_window_days,
        working=policy.window_unit is WindowUnit.WORKING_DAYS,
        inputs=_inputs(),
        filled=filled,
    )


def _section(team: TeamPlans) -> Section:
    return Section(
        "plans",
        phrase("Cases in the monitoring phase"),
        columns=(
            Column("case", phrase("Case number")),
            Column("workers", phrase("Whose contact")),
            Column("start", phrase("Months count from"), Kind.DATE, blank=phrase("unknown")),
            Column("upcoming", phrase("Next contact"), Kind.DATE, blank=phrase("none planned")),
            Column("known", phrase("Plan")),
        ),
        rows=tuple(
            (
                each.case,
                ", ".join(each.workers),
                each.start,
                each.upcoming,
                phrase("Known") if each.known else phrase("Nobody knows when contact is planned"),
            )
            for each in team.plans
        ),
        empty=phrase("No case of this team is in the monitoring phase."),
    )


def _lines(plan: CasePlan) -> Section:
    return Section(
        "lines",
        phrase("Planned contacts"),
        columns=(
            Column("on", phrase("Day"), Kind.DATE, blank=phrase("does not take place")),
            Column("first", phrase("On phones from"), Kind.DATE, blank=phrase("never")),
            Column("last", phrase("Up to and including"), Kind.DATE, blank=phrase("never")),
            Column("by", phrase("Planned by"), Kind.CODE),
            Column("why", phrase("Why")),
        ),
        rows=tuple((each.contact.on, each.first, each.last, each.contact.by, _why(each)) for each in plan.lines),
        empty=phrase("No contact is planned."),
    )


def _why(line: ContactLine) -> Text:
    contact = line.contact
    if contact.months is None:
        return phrase("An extra contact")
    if contact.instead_of is not None:
        return phrase(
            "{count} month after the start, instead of {day}",
            many="{count} months after the start, instead of {day}",
            count=contact.months,
            day=contact.instead_of,
        )
    return phrase("{count} month after the start", many="{count} months after the start", count=contact.months)


def _said(change: PlanChange) -> Text:
    """What a change says, in a sentence."""
    if change.months is None:
        return phrase("An extra contact on {day}", day=change.on or "")
    if change.months == 0:
        return phrase("The months count from {day}", day=change.on or "")
    if change.on is None:
        return phrase(
            "The contact after {count} month does not take place",
            many="The contact after {count} months does not take place",
            count=change.months,
        )
    return phrase(
        "The contact after {count} month is on {day}",
        many="The contact after {count} months is on {day}",
        count=change.months,
        day=change.on,
    )
