"""A work supervisor's own team: closures that wait to be confirmed, and deviations that they were consulted on."""

from __future__ import annotations

from collections.abc import Mapping

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.reports.table import Column, Kind, Section, phrase
from server.web.forms import EMPTY, Control, Filled, Input, read_form
from server.web.here import fill, here, notify
from server.web.refusals import REFUSALS
from server.web.spans import last_day
from server.work import access, supervision
from server.work.setup import SetupProblem, SetupRefusedError
from server.work.supervision import Team

_INPUTS = (
    Input("case", phrase("Case number"), longest=64),
    Input("worker", phrase("Worker"), longest=64, hint=phrase("The worker's reference, such as: worker-01")),
    Input(
        "reason",
        phrase("What you talked over, and why it may stay"),
        Control.AREA,
        longest=300,
        hint=phrase("In a sentence or two, without names, numbers or addresses."),
    ),
    Input("until", phrase("Up to and with which day"), Control.DAY, longest=10),
)
_FIELDS: Mapping[SetupProblem, str] = {
    SetupProblem.UNKNOWN_CASE: "case",
    SetupProblem.UNKNOWN_WORKER: "worker",
    SetupProblem.NOT_CLEARED: "worker",
    SetupProblem.IDENTIFIER_IN_TEXT: "reason",
    SetupProblem.TEXT_TOO_LONG: "reason",
}


def show() -> ResponseReturnValue:
    """The page."""
    return _page(EMPTY)


def consult() -> ResponseReturnValue:
    """Record a deviation after consultation."""
    at = here()
    filled = read_form(request.form, _INPUTS)
    if not filled.sound:
        return _page(filled), 400
    try:
        supervision.consult(
            at.context,
            at.signed_in,
            case=filled.values["case"],
            worker=filled.values["worker"],
            reason=filled.values["reason"],
            until=filled.days["until"],
        )
    except SetupRefusedError as refused:
        field = _FIELDS.get(refused.problem, "until")
        return _page(filled.with_fault(field, REFUSALS[refused.problem])), 400
    notify("deviation_recorded")
    return redirect(url_for("team.show"), 303)


def _page(filled: Filled) -> str:
    at = here()
    team = supervision.read_team(at.context, at.signed_in)
    if team is not None:
        access.note_read(at.context, at.signed_in, "a team")
    return fill(
        "team.html",
        phrase("My team"),
        team=team,
        closures=None if team is None else _closures(team),
        deviations=None if team is None else _deviations(team),
        inputs=_INPUTS,
        filled=filled,
        most=supervision.MOST,
    )


def _closures(team: Team) -> Section:
    return Section(
        "closures",
        phrase("Closures to confirm"),
        paragraphs=(
            phrase(
                "These cases are closed by their status, and nobody confirmed in writing that they are finally closed. "
                "Confirm it in the case system, or open the case again; a status alone removes nothing."
            ),
        ),
        columns=(
            Column("case", phrase("Case number")),
            Column("worker", phrase("Worker")),
            Column("contacts", phrase("Contacts that wait"), Kind.COUNT),
        ),
        rows=tuple((row.case, row.worker, row.contacts) for row in team.unconfirmed),
        empty=phrase("No closure waits to be confirmed."),
    )


def _deviations(team: Team) -> Section:
    return Section(
        "deviations",
        phrase("Deviations of this team in force"),
        columns=(
            Column("case", phrase("Case number")),
            Column("worker", phrase("Worker")),
            Column("tier", phrase("Whose decision"), Kind.CODE),
            Column("reason", phrase("Why")),
            Column("until", phrase("Last day"), Kind.DATE),
        ),
        rows=tuple((row.case, row.worker, row.tier, row.reason, last_day(row.until_at)) for row in team.deviations),
        empty=phrase("No deviation is in force."),
    )
