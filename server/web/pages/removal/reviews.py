"""What waits for a person: the list with its ages, and one contact with what can be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES, Role
from server.core.problems import DecisionProblem, DecisionRefusedError, Problem
from server.core.removal.reviews import Act
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.refusals import at_page
from server.render.words import ACTS_OF_REVIEW
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, missing, read_form
from server.web.request import fill, here, notify
from server.web.table_view import arrange
from server.work.admin import access
from server.work.removal import reviews
from server.work.removal.reviews import Waiting

_REASON = Input(
    "reason",
    phrase("Why"),
    InputKind.AREA,
    longest=300,
    hint=phrase("In a sentence or two, without names, numbers or addresses. It is encrypted."),
)
_UNTIL = Input(
    "until",
    phrase("Until which day it stays"),
    InputKind.DAY,
    required=False,
    hint=phrase("Only where it is kept."),
)
_CONSULTED = Input(
    "consulted",
    phrase("With whom it was talked over"),
    required=False,
    hint=phrase("A role or a body. Only where it is kept."),
)
_FIELD_OF: Mapping[Problem, str] = {
    DecisionProblem.IDENTIFIER_IN_TEXT: "reason",
    DecisionProblem.TEXT_TOO_LONG: "reason",
    DecisionProblem.ENDS_IN_PAST: "until",
    DecisionProblem.TOO_LONG: "until",
    DecisionProblem.MISSING_VALUE: "until",
}


def show() -> ResponseReturnValue:
    """The list, the longest waiting first."""
    at = here()
    rows = reviews.list_waiting(at.context, at.role)
    cleared = at.role in CLEARED_FOR_CASES
    if cleared:
        access.note_read(at.context, at.signed_in, "what waits for a person")
    links = [url_for("reviews.one", uid=each.row.uid) for each in rows]
    return fill(
        "reviews.html",
        phrase("What waits for a person"),
        list=arrange(_section(rows, cleared=cleared), links),
    )


def one(uid: str) -> ResponseReturnValue:
    """One contact that waits, with what to do."""
    at = here()
    if at.role in CLEARED_FOR_CASES:
        access.note_read(at.context, at.signed_in, "a contact that waits")
    return _page(_found(uid), EMPTY)


def answer(uid: str) -> ResponseReturnValue:
    """Record what was decided; the contact is decided again at the next round."""
    at = here()
    found = _found(uid)
    filled = read_form(request.form, _inputs(found))
    if not found.acts or not filled.sound:
        return _page(found, filled), 400
    act = Act(filled.values["say"])
    if act is Act.KEEP and (not filled.days.get("until") or not filled.values["consulted"]):
        empty = _CONSULTED if filled.days.get("until") else _UNTIL
        return _page(found, filled.with_fault(empty.name, missing(empty.label))), 400
    try:
        reviews.answer(
            at.context,
            at.role,
            uid,
            act,
            reason=filled.values["reason"],
            consulted=filled.values["consulted"],
            until=filled.days.get("until"),
        )
    except DecisionRefusedError as refused:
        field = _FIELD_OF.get(refused.problem, "say")
        return _page(found, filled.with_fault(field, at_page(refused.problem))), 400
    access.note_act(at.context, at.signed_in, f"review {uid} {act.value}")
    notify("review_answered")
    return redirect(url_for("reviews.show"), 303)


def _found(uid: str) -> Waiting:
    found = reviews.find(here().context, uid)
    if found is None:
        abort(404)
    return found


def _inputs(found: Waiting) -> tuple[Input, ...]:
    choices = tuple(Choice(act.value, ACTS_OF_REVIEW[act]) for act in found.acts)
    say = Input("say", phrase("What you decide"), InputKind.CHOICE, choices=choices)
    return (say, _REASON, *((_UNTIL, _CONSULTED) if Act.KEEP in found.acts else ()))


def _page(found: Waiting, filled: Filled) -> str:
    at = here()
    return fill(
        "review.html",
        phrase("A contact that waits for a person"),
        found=found,
        cleared=at.role in CLEARED_FOR_CASES,
        may_answer=bool(found.acts) and at.role is Role.PRIVACY_OFFICER,
        inputs=_inputs(found),
        filled=filled,
    )


def _section(rows: Sequence[Waiting], *, cleared: bool) -> Section:
    who = (Column("case", phrase("Case number")), Column("worker", phrase("Worker"))) if cleared else ()
    return Section(
        "reviews",
        phrase("What waits for a person, the longest first"),
        columns=(
            Column("reason", phrase("Why"), Kind.CODE),
            *who,
            Column("turn", phrase("Whose turn it is"), Kind.CODE),
            Column("since", phrase("Since"), Kind.INSTANT),
            Column("days", phrase("Days"), Kind.COUNT),
        ),
        rows=tuple(
            (
                each.row.reason,
                *((each.row.case, each.row.worker) if cleared else ()),
                each.turn,
                each.row.since,
                each.days,
            )
            for each in rows
        ),
        empty=phrase("Nothing waits for a person."),
    )
