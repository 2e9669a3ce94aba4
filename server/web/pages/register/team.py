"""A work supervisor's own team: closures that wait to be confirmed, and deviations that they were consulted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.problems import ClosureProblem, DecisionProblem, DecisionRefusedError, Problem
from server.core.removal.closures import ClosureAnswer
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.web.dates import last_day
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import fill, here, notify
from server.web.table_view import arrange, stay
from server.work.admin import access
from server.work.register import supervision
from server.work.register.closures import AT_ONCE, ClosureQuestion
from server.work.register.supervision import Team

_INPUTS = (
    Input("case", phrase("Case number"), longest=64),
    Input("worker", phrase("Worker"), longest=64, hint=phrase("The worker's staff code, such as: worker-01")),
    Input(
        "reason",
        phrase("What you talked over, and why it may stay"),
        InputKind.AREA,
        longest=300,
        hint=phrase("In a sentence or two, without names, numbers or addresses."),
    ),
    Input("until", phrase("Until which day"), InputKind.DAY),
)
_DAY = Input(
    "closed_on",
    phrase("Day on which the final closure was confirmed in writing"),
    InputKind.DAY,
    hint=phrase(
        "The day of the letter or message to those involved. Contacts go after the waiting period from that day."
    ),
)
_CHOSEN = Input("asked", phrase("Cases"), required=False)
"""Stands for the boxes in front of the cases, for what is to be put right about them."""
_ABOUT_DAY = frozenset({ClosureProblem.DAY_IN_FUTURE, ClosureProblem.BEFORE_OPENING, DecisionProblem.MISSING_VALUE})
_LONGEST_ASKED = 200
_FIELDS: Mapping[Problem, str] = {
    DecisionProblem.UNKNOWN_CASE: "case",
    DecisionProblem.UNKNOWN_WORKER: "worker",
    DecisionProblem.NOT_CLEARED: "worker",
    DecisionProblem.IDENTIFIER_IN_TEXT: "reason",
    DecisionProblem.TEXT_TOO_LONG: "reason",
}


def show() -> ResponseReturnValue:
    """The page; one's own team, or one that one stands in for."""
    wanted = request.args.get("team", "")
    if wanted and supervision.read_team(here().context, here().signed_in, wanted) is None:
        abort(404)
    return _page(EMPTY, wanted=wanted)


def consult() -> ResponseReturnValue:
    """Record a deviation after consultation."""
    at = here()
    wanted = request.form.get("team", "")
    filled = read_form(request.form, _INPUTS)
    if not filled.sound:
        return _page(filled, wanted=wanted), 400
    try:
        supervision.consult(
            at.context,
            at.signed_in,
            wanted,
            case=filled.values["case"],
            worker=filled.values["worker"],
            reason=filled.values["reason"],
            until=filled.days["until"],
        )
    except DecisionRefusedError as refused:
        field = _FIELDS.get(refused.problem, "until")
        return _page(filled.with_fault(field, at_page(refused.problem)), wanted=wanted), 400
    notify("deviation_recorded")
    return redirect(_back(wanted), 303)


def answer() -> ResponseReturnValue:
    """Say of closed cases that they were finally closed in writing, or not yet."""
    at = here()
    wanted = request.form.get("team", "")
    said = request.form.get("answer", "")
    chosen = [each.rpartition(" ")[2] for each in request.form.getlist("asked") if len(each) <= _LONGEST_ASKED]
    if said not in set(ClosureAnswer):
        abort(400)
    filled = read_form(request.form, (_DAY,)) if said == ClosureAnswer.CONFIRMED else EMPTY
    if not filled.sound:
        return _page(EMPTY, wanted=wanted, answered=filled, chosen=chosen), 400
    day = filled.days.get("closed_on")
    try:
        count = supervision.answer_closures(at.context, at.signed_in, wanted, chosen, ClosureAnswer(said), day)
    except DecisionRefusedError as refused:
        field = "closed_on" if refused.problem in _ABOUT_DAY else "asked"
        told = filled.with_fault(field, at_page(refused.problem))
        status = 409 if refused.problem is DecisionProblem.CHANGED_SINCE else 400
        return _page(EMPTY, wanted=wanted, answered=told, chosen=chosen), status
    notify("closures_confirmed" if day is not None else "closures_not_yet", count=count)
    return redirect(_back(wanted), 303)


def withdraw() -> ResponseReturnValue:
    """Take a confirmation back, and tell what is gone by then."""
    at = here()
    wanted = request.form.get("team", "")
    try:
        taken = supervision.withdraw_closure(at.context, at.signed_in, wanted, request.form.get("closure", "")[:64])
    except DecisionRefusedError as refused:
        told = EMPTY.with_fault("asked", at_page(refused.problem))
        return _page(EMPTY, wanted=wanted, answered=told), 409
    if taken.removed:
        notify("closure_corrected", count=taken.removed)
    if taken.leaving:
        notify("closure_leaving", count=taken.leaving)
    if not taken.removed and not taken.leaving:
        notify("closure_withdrawn")
    return redirect(_back(wanted), 303)


def _back(wanted: str) -> str:
    return url_for("team.show", **({"team": wanted} if wanted else {}))  # type: ignore[arg-type]


def name_deputy() -> ResponseReturnValue:
    """Have another work supervisor stand in."""
    at = here()
    team = supervision.read_team(at.context, at.signed_in)
    inputs = _deputy_inputs(team)
    filled = read_form(request.form, inputs)
    if not filled.sound:
        return _page(EMPTY, named=filled), 400
    try:
        supervision.name_deputy(at.context, at.signed_in, filled.values["deputy"], filled.days["deputy_until"])
    except DecisionRefusedError as refused:
        field = "deputy" if refused.problem in _ABOUT_DEPUTY else "deputy_until"
        return _page(EMPTY, named=filled.with_fault(field, _refused(refused.problem))), 400
    notify("deputy_named")
    return redirect(url_for("team.show"), 303)


def end_deputy() -> ResponseReturnValue:
    """End it; that it was over already is no fault."""
    at = here()
    try:
        supervision.end_deputy(at.context, at.signed_in, request.form.get("deputy", ""))
    except DecisionRefusedError:
        abort(403)
    notify("deputy_ended")
    return redirect(url_for("team.show"), 303)


_ABOUT_DEPUTY = frozenset({DecisionProblem.NOT_FOUND, DecisionProblem.NOT_CLEARED})


def _refused(problem: Problem) -> Text:
    if problem is DecisionProblem.TOO_LONG:
        return phrase("At most three months at once.")
    return at_page(problem)


def _deputy_inputs(team: Team | None) -> tuple[Input, ...]:
    others = () if team is None else team.others
    return (
        Input(
            "deputy",
            phrase("Who stands in"),
            InputKind.CHOICE,
            choices=tuple(Choice(uid, said) for uid, said in others),
            hint=phrase("Another work supervisor. They see your team and act for it until that day."),
        ),
        Input("deputy_until", phrase("Until which day"), InputKind.DAY),
    )


def _page(
    filled: Filled,
    *,
    wanted: str = "",
    named: Filled = EMPTY,
    answered: Filled = EMPTY,
    chosen: Sequence[str] = (),
) -> str:
    at = here()
    team = supervision.read_team(at.context, at.signed_in, wanted)
    if team is not None:
        access.note_read(at.context, at.signed_in, "a team")
        stay(team="" if team.own else team.name)
    return fill(
        "team.html",
        phrase("My team"),
        team=team,
        closures=None if team is None else _closures(team),
        questions=arrange(_questions(team)) if team is not None and team.questions else None,
        answers=arrange(_answers(team)) if team is not None and team.answers else None,
        deviations=None if team is None else _deviations(team),
        inputs=_INPUTS,
        filled=filled,
        deputy_inputs=_deputy_inputs(team),
        named=named,
        deputies=[] if team is None else [(each.uid, each.name, last_day(each.until_at)) for each in team.deputies],
        most=supervision.MOST,
        day=_DAY,
        about=(_CHOSEN, _DAY),
        answered=answered,
        chosen=chosen,
        at_once=AT_ONCE,
        grace=at.context.policy.grace_days,
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


def _questions(team: Team) -> Section:
    """The same cases where they are answered for here; the page lays out the boxes."""
    return Section(
        "closures",
        phrase("Closures to confirm"),
        columns=(
            Column("case", phrase("Case number")),
            Column("workers", phrase("Workers")),
            Column("opened", phrase("Opened on"), Kind.DATE, blank=phrase("unknown")),
            Column("contacts", phrase("Contacts that wait"), Kind.COUNT),
            Column("so_far", phrase("So far")),
        ),
        rows=tuple(
            (each.case, ", ".join(each.workers), each.opened_on, each.contacts, _so_far(each))
            for each in team.questions
        ),
    )


def _so_far(each: ClosureQuestion) -> Text:
    if each.own:
        return phrase("You are or were on this case: somebody else answers.")
    if each.not_yet_at is not None:
        return phrase("Not yet, said {when}", when=each.not_yet_at)
    return phrase("No answer")


def _answers(team: Team) -> Section:
    """What was answered here; the page lays out how it is withdrawn."""
    return Section(
        "confirmed",
        phrase("Confirmed here"),
        columns=(
            Column("case", phrase("Case number")),
            Column("closed", phrase("Day of closure"), Kind.DATE),
            Column("by", phrase("Said by")),
            Column("said", phrase("Said at"), Kind.INSTANT),
            Column("standing", phrase("State"), Kind.CODE, blank=phrase("In force") if team.asks else None),
        ),
        rows=tuple((each.number, each.on_date, each.by, each.said_at, each.ended_as) for each in team.answers),
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
