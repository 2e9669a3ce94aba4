"""Pauses: what is paused since when and why, what waits for it; an administrator pauses, makes longer and resumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import Role
from server.core.problems import PauseProblem, PauseRefusedError
from server.core.tables import Column, Kind, Section, Value
from server.core.text import Text, phrase
from server.render import page_names
from server.render.refusals import at_page
from server.store.admin import pauses as rows
from server.store.admin.pauses import PauseRow
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import Here, fill, here, notify
from server.work.removal import pauses
from server.work.removal.pauses import LONGEST_REASON, Actor

EVERYTHING = "*"
"""No connection is called so."""
_OVER_SHOWN = 20
_FIELDS: Mapping[PauseProblem, str] = {
    PauseProblem.UNKNOWN_CONNECTION: "scope",
    PauseProblem.PAUSED_ALREADY: "scope",
    PauseProblem.HOURS: "hours",
}
"""Beside which field a refusal stands; the others are about the reason."""
_HOURS = Input(
    "hours",
    phrase("For how long"),
    InputKind.CHOICE,
    choices=(
        Choice("4", phrase("4 hours")),
        Choice("1", phrase("1 hour")),
        Choice("24", phrase("1 day")),
        Choice("72", phrase("3 days")),
        Choice("168", phrase("7 days")),
    ),
    hint=phrase("Then it goes on by itself, so that nobody has to remember it."),
)
_REASON = Input(
    "reason",
    phrase("Why"),
    longest=LONGEST_REASON,
    hint=phrase("In a sentence, without names or numbers. The privacy officer reads it beside what is overdue."),
)
_LONGER = (_HOURS, _REASON)


def show() -> ResponseReturnValue:
    """What is paused, what was, and the form."""
    return _page(EMPTY)


def pause() -> ResponseReturnValue:
    """Pause it."""
    at = here()
    filled = read_form(request.form, _inputs(at))
    if not filled.sound:
        return _page(filled), 400
    scope = filled.values["scope"]
    try:
        made = pauses.pause(
            at.context,
            Actor.of(at.signed_in),
            connection_name=None if scope == EVERYTHING else scope,
            reason=filled.values["reason"],
            hours=int(filled.values["hours"]),
        )
    except PauseRefusedError as refused:
        status = 409 if refused.problem is PauseProblem.PAUSED_ALREADY else 400
        field = _FIELDS.get(refused.problem, "reason")
        return _page(filled.with_fault(field, at_page(refused.problem))), status
    notify("paused")
    return redirect(url_for("pauses.one", uid=made.row.uid), 303)


def one(uid: str) -> ResponseReturnValue:
    """One pause: what waits for it, and what can be done."""
    return _page_of(_found(uid), EMPTY)


def prolong(uid: str) -> ResponseReturnValue:
    """Make it longer."""
    at = here()
    row = _found(uid)
    filled = read_form(request.form, _LONGER)
    if not filled.sound:
        return _page_of(row, filled), 400
    try:
        pauses.prolong(
            at.context,
            Actor.of(at.signed_in),
            uid,
            seen=request.form.get("seen", ""),
            reason=filled.values["reason"],
            hours=int(filled.values["hours"]),
        )
    except PauseRefusedError as refused:
        if refused.problem in (PauseProblem.CHANGED, PauseProblem.NOT_PAUSED):
            return _page_of(_found(uid), filled, at_page(refused.problem)), 409
        field = _FIELDS.get(refused.problem, "reason")
        return _page_of(row, filled.with_fault(field, at_page(refused.problem))), 400
    notify("pause_longer")
    return redirect(url_for("pauses.one", uid=uid), 303)


def resume(uid: str) -> ResponseReturnValue:
    """End it; that it was over already is no fault."""
    at = here()
    _found(uid)
    try:
        pauses.resume(at.context, Actor.of(at.signed_in), uid, seen=request.form.get("seen", ""))
    except PauseRefusedError as refused:
        return _page_of(_found(uid), EMPTY, at_page(refused.problem)), 409
    notify("resumed")
    return redirect(url_for("pauses.show"), 303)


def where(row: PauseRow) -> Text | str:
    """What is paused, as people say it."""
    return phrase("Everything") if row.connection is None else row.connection


def _found(uid: str) -> PauseRow:
    with here().context.store.read() as connection:
        row = rows.find(connection, uid)
    if row is None:
        abort(404)
    return row


def _inputs(at: Here) -> tuple[Input, ...]:
    names = tuple(Choice(name, name) for name in pauses.can_be_paused(at.context))
    return (
        Input(
            "scope",
            phrase("What to pause"),
            InputKind.CHOICE,
            longest=1_000,
            choices=(Choice(EVERYTHING, phrase("Everything")), *names),
        ),
        _HOURS,
        _REASON,
    )


def _page(filled: Filled) -> str:
    at = here()
    now = at.context.now()
    with at.context.store.read() as connection:
        current = rows.in_force(connection, now)
        waiting = [rows.count_waiting(connection, row, now) for row in current]
        over = rows.newest(connection, limit=_OVER_SHOWN)
    return fill(
        "pauses.html",
        page_names.PAUSES,
        current=_current(current, waiting),
        links=[url_for("pauses.one", uid=row.uid) for row in current],
        over=_over(at, over),
        may=at.role in pauses.MAY_PAUSE,
        inputs=_inputs(at),
        filled=filled,
    )


def _page_of(row: PauseRow, filled: Filled, fault: Text | None = None) -> str:
    at = here()
    now = at.context.now()
    holds = row.ended_at is None and row.ends_at > now
    with at.context.store.read() as connection:
        waiting = rows.count_waiting(connection, row, now) if holds else 0
        calling = rows.count_calling(connection, row, now) if holds else 0
    return fill(
        "pause.html",
        phrase("Everything is paused") if row.connection is None else phrase("Paused: {name}", name=row.connection),
        row=row,
        holds=holds,
        ended=row.over_at(now),
        by=_by(at, row.set_by, row.set_as),
        waiting=waiting,
        calling=calling,
        may=at.role in pauses.MAY_PAUSE,
        seen=pauses.stamp_of(row),
        inputs=_LONGER,
        filled=filled,
        fault=fault,
    )


def _by(at: Here, name: str, role: Role) -> Value:
    """Administrators see each other's accounts; others see the role."""
    return name if at.role is Role.IT_ADMINISTRATOR else role


def _current(current: Sequence[PauseRow], waiting: Sequence[int]) -> Section:
    return Section(
        "current",
        phrase("Paused now"),
        columns=(
            Column("where", phrase("Where")),
            Column("since", phrase("Since"), Kind.INSTANT),
            Column("until", phrase("Ends"), Kind.INSTANT),
            Column("reason", phrase("Why")),
            Column("waiting", phrase("Orders that wait"), Kind.COUNT),
        ),
        rows=tuple(
            (where(row), row.set_at, row.ends_at, row.reason, count)
            for row, count in zip(current, waiting, strict=True)
        ),
        empty=phrase("Nothing is paused."),
    )


def _over(at: Here, over: Sequence[PauseRow]) -> Section:
    def how(row: PauseRow) -> Value:
        if row.ended_by is None:
            return phrase("On its own")
        return row.ended_by if at.role is Role.IT_ADMINISTRATOR else phrase("By an administrator")

    return Section(
        "over",
        phrase("Paused before"),
        columns=(
            Column("where", phrase("Where")),
            Column("since", phrase("Since"), Kind.INSTANT),
            Column("ended", phrase("Ended"), Kind.INSTANT),
            Column("how", phrase("Ended by")),
            Column("reason", phrase("Why")),
        ),
        rows=tuple((where(row), row.set_at, row.ended_at, how(row), row.reason) for row in over),
        empty=phrase("Nothing was paused yet."),
    )
