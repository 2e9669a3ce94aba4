"""Holds, for those cleared for them: what is held, setting one after a look at what it would stop, ending one by two.

To everybody else there is no such page: its address answers as one that does not exist (`Route.hidden`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.hold_record import HoldRow, Requester
from server.core.problems import DecisionProblem, DecisionRefusedError, Problem
from server.core.text import Text, phrase
from server.render import page_names
from server.render.hold_table import hold_section
from server.render.refusals import at_page
from server.render.words import REQUESTERS
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, missing, read_form
from server.web.request import Here, fill, here, notify
from server.work.context import Context
from server.work.removal import deviations_and_holds
from server.work.removal.deviations_and_holds import REVIEWED_AFTER, Cleared, Foreseen

_WORKER, _CASE, _EVERYTHING = "worker", "case", "everything"
_STEPS, _STEP = 20, 0.1
"""So often, and for so many seconds, calls that had left are waited for."""
_SUBJECT = (
    Input(
        "subject",
        phrase("What nothing is removed of"),
        InputKind.CHOICE,
        choices=(
            Choice(_WORKER, phrase("A worker: all that they have")),
            Choice(_CASE, phrase("A case: all its contacts, with everyone")),
            Choice(_EVERYTHING, phrase("Everything: no contact at all")),
        ),
    ),
    Input(
        "which",
        phrase("Which worker or case"),
        required=False,
        longest=100,
        hint=phrase("The worker's reference or the case number, as the case system writes it."),
    ),
    Input(
        "system",
        phrase("Case system"),
        required=False,
        longest=100,
        seldom=True,
        hint=phrase("Only where two case systems use the number."),
    ),
    Input(
        "requester",
        phrase("Requested by"),
        InputKind.CHOICE,
        choices=tuple(Choice(each.value, REQUESTERS[each]) for each in Requester),
    ),
    Input(
        "reason",
        phrase("Why"),
        InputKind.AREA,
        longest=300,
        hint=phrase("In a sentence, without names or numbers. Only those cleared read it."),
    ),
)
_REVIEW = Input("review", phrase("To be reviewed"), InputKind.DAY, required=False)
_FIELDS: Mapping[Problem, str] = {
    DecisionProblem.UNKNOWN_WORKER: "which",
    DecisionProblem.UNKNOWN_CASE: "which",
    DecisionProblem.MISSING_VALUE: "which",
    DecisionProblem.CASE_IN_SEVERAL: "system",
    DecisionProblem.ENDS_IN_PAST: "review",
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a form asks to be held."""

    worker: str | None
    case: str | None
    system: str | None


def show() -> ResponseReturnValue:
    """What is held, what waits for whoever asks, and the form."""
    return _page(EMPTY)


def check() -> ResponseReturnValue:
    """What a hold would stop, and what it would come too late for; nothing is set yet."""
    at = here()
    inputs = _inputs(at)
    filled = read_form(request.form, inputs)
    if filled.sound:
        filled, wanted = _wanted(filled)
        if wanted is not None:
            try:
                deviations_and_holds.check_text(filled.values["reason"])
                foreseen = deviations_and_holds.foresee(
                    at.context, _who(at), worker=wanted.worker, case=wanted.case, system=wanted.system
                )
            except DecisionRefusedError as refused:
                filled = _refused(filled, refused)
            else:
                return _page(filled, foreseen=foreseen)
    return _page(filled), 400


def put() -> ResponseReturnValue:
    """Set it."""
    at = here()
    filled = read_form(request.form, _inputs(at))
    if filled.sound:
        filled, wanted = _wanted(filled)
        if wanted is not None:
            try:
                found = deviations_and_holds.set_hold(
                    at.context,
                    _who(at),
                    worker=wanted.worker,
                    case=wanted.case,
                    system=wanted.system,
                    reason=filled.values["reason"],
                    requester=Requester(filled.values["requester"]),
                    review_on=filled.days.get("review"),
                    wait=_patience(at.context),
                )
            except DecisionRefusedError as refused:
                filled = _refused(filled, refused)
            else:
                if found.in_time:
                    notify("hold_set")
                else:
                    counts = {"left": found.under_way, "accepted": found.beyond_recall, "unknown": found.unknown}
                    notify("hold_set_late", **counts)
                return redirect(url_for("holds.show"), 303)
    return _page(filled), 400


def end(uid: str) -> ResponseReturnValue:
    """One person's word that it may end."""
    at = here()
    try:
        done = deviations_and_holds.release_hold(at.context, _who(at), uid)
    except DecisionRefusedError as refused:
        return _not_done(refused)
    notify("hold_ended" if done else "hold_may_end")
    return redirect(url_for("holds.show"), 303)


def review(uid: str) -> ResponseReturnValue:
    """It was looked at, and stays until another day."""
    at = here()
    filled = read_form(request.form, (_REVIEW,))
    on = filled.days.get("review", at.context.today())  # no day is none that lies ahead
    try:
        deviations_and_holds.review_hold(at.context, _who(at), uid, on)
    except DecisionRefusedError as refused:
        return _not_done(refused)
    notify("hold_reviewed")
    return redirect(url_for("holds.show"), 303)


def _not_done(refused: DecisionRefusedError) -> ResponseReturnValue:
    if refused.problem is DecisionProblem.NOT_FOUND:
        raise refused
    return _page(EMPTY, why=at_page(refused.problem)), 409


def _wanted(filled: Filled) -> tuple[Filled, _Wanted | None]:
    subject, which = filled.values["subject"], filled.values["which"]
    if subject == _EVERYTHING:
        if which:
            return filled.with_fault("which", phrase("Leave this empty, or choose a worker or a case above.")), None
        return filled, _Wanted(None, None, None)
    if not which:
        return filled.with_fault("which", missing(_SUBJECT[1].label)), None
    if subject == _WORKER:
        return filled, _Wanted(which, None, None)
    return filled, _Wanted(None, which, filled.values["system"] or None)


def _refused(filled: Filled, refused: DecisionRefusedError) -> Filled:
    return filled.with_fault(_FIELDS.get(refused.problem, "reason"), at_page(refused.problem))


def _inputs(at: Here) -> tuple[Input, ...]:
    """held: in three months, so that nobody has to count."""
    return (*_SUBJECT, _review_input(at.context.today() + REVIEWED_AFTER))


def _review_input(on: date) -> Input:
    return Input(
        "review",
        phrase("To be reviewed"),
        InputKind.DAY,
        held=on.isoformat(),
        hint=phrase("You and others who are cleared are reminded then. It holds until two people end it."),
    )


def _who(at: Here) -> Cleared:
    person = at.signed_in
    return Cleared(at.role, person.uid, person.worker)


def _patience(context: Context) -> Callable[[], bool]:
    left = iter(range(_STEPS))

    def wait() -> bool:
        if next(left, None) is None:
            return False
        context.rest(_STEP)
        return True

    return wait


def _page(filled: Filled, *, foreseen: Foreseen | None = None, why: Text | None = None) -> str:
    at = here()
    who = _who(at)
    waits = deviations_and_holds.waiting_for(at.context, who)
    try:
        rows = deviations_and_holds.list_holds(at.context, who)
    except DecisionRefusedError as refused:
        rows, why = (), at_page(refused.problem)
    running = [row for row in rows if row.released_at is None]
    return fill(
        "holds.html",
        page_names.HOLDS,
        waits=waits,
        why=why,
        holds=hold_section(rows),
        running=[(row, _name(row)) for row in running],
        again=(at.context.today() + REVIEWED_AFTER).isoformat(),
        inputs=_inputs(at),
        filled=filled,
        foreseen=foreseen,
    )


def _name(row: HoldRow) -> Text:
    """A hold, as its buttons call it."""
    if row.worker is not None:
        return phrase("Worker {worker}", worker=row.worker)
    if row.case is not None:
        return phrase("Case {case}", case=row.case)
    return phrase("Everything")
