"""The inbox of questions: what somebody has to look at, and what they concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES, FindingKind, Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.store import pages
from server.store.pages import FindingLine, Key
from server.web.forms import EMPTY, Filled, Input, InputKind, read_form
from server.web.long_lists import Long, list_long
from server.web.request import Here, fill, here, notify
from server.web.table_view import TableView, stay
from server.work.admin import access
from server.work.removal import holds_and_findings

_CONCLUSION = Input(
    "conclusion",
    phrase("What you concluded"),
    InputKind.AREA,
    longest=300,
    hint=phrase("In a sentence or two, without names, numbers or addresses. Cover and consultation are good answers."),
)


def show() -> ResponseReturnValue:
    """The list: open ones, or those that were closed."""
    at = here()
    cleared = at.role in CLEARED_FOR_CASES
    is_open = request.args.get("stand") != "closed"
    kind = request.args.get("kind", "")
    chosen = FindingKind(kind) if kind in set(FindingKind) else None
    with at.context.store.read() as connection:
        counts = pages.open_findings_by_kind(connection)
    stay(stand="" if is_open else "closed", kind="" if chosen is None else chosen.value)
    if cleared:
        access.note_read(at.context, at.signed_in, "findings")
    return fill(
        "findings.html",
        phrase("Questions to look into"),
        counts=counts,
        list=_list(at, chosen, is_open=is_open, cleared=cleared),
        is_open=is_open,
        chosen=chosen,
        kinds=[each for each in FindingKind if counts.get(each) or each is chosen],
    )


def one(uid: str) -> ResponseReturnValue:
    """One question, with what to do and, while it is open, the form to close it."""
    at = here()
    if at.role in CLEARED_FOR_CASES:
        access.note_read(at.context, at.signed_in, "a finding")
    return _page(_found(uid), EMPTY)


def close(uid: str) -> ResponseReturnValue:
    """Close it with a conclusion; whoever was slower is told what the other one wrote, and nothing is overwritten."""
    at = here()
    filled = read_form(request.form, (_CONCLUSION,))
    found = _found(uid)
    if found.closed_at is not None:
        return _page(found, filled, late=True), 409
    if not filled.sound:
        return _page(found, filled), 400
    try:
        holds_and_findings.close_finding(at.context, uid, filled.values["conclusion"], by=at.role)
    except DecisionRefusedError as refused:
        if refused.problem is DecisionProblem.NOT_FOUND:
            return _page(_found(uid), filled, late=True), 409
        return _page(found, filled.with_fault("conclusion", at_page(refused.problem))), 400
    access.note_act(at.context, at.signed_in, f"finding {uid} closed")
    notify("finding_closed")
    return redirect(url_for("findings.show"), 303)


def _found(uid: str) -> FindingLine:
    with here().context.store.read() as connection:
        found = pages.one_finding(connection, uid)
    if found is None:
        abort(404)
    return found


def _page(found: FindingLine, filled: Filled, *, late: bool = False) -> str:
    at = here()
    return fill(
        "finding.html",
        phrase("A question to look into"),
        found=found,
        cleared=at.role in CLEARED_FOR_CASES,
        said=_said(found),
        may_close=found.closed_at is None and at.role is Role.PRIVACY_OFFICER,
        input=_CONCLUSION,
        filled=filled,
        late=late,
    )


def _said(row: FindingLine) -> str | Text | None:
    """What was concluded, or that nobody had to: what it asked about was gone by itself."""
    return phrase("It was answered by itself.") if row.disposition == "answered_itself" else row.disposition


def _list(at: Here, kind: FindingKind | None, *, is_open: bool, cleared: bool) -> TableView:
    def read(oldest_first: bool, after: Key | None, limit: int) -> Sequence[FindingLine]:
        with at.context.store.read() as connection:
            return pages.list_findings(
                connection, open_only=is_open, kind=kind, oldest_first=oldest_first, after=after, limit=limit
            )

    def count(most: int) -> int:
        with at.context.store.read() as connection:
            return pages.count_findings(connection, open_only=is_open, kind=kind, most=most)

    return list_long(
        Long(
            by="opened" if is_open else "closed",
            falling=not is_open,
            read=read,
            count=count,
            show=lambda rows: _section(rows, is_open=is_open, cleared=cleared),
            id_of=lambda row: row.uid,
            link=lambda row: url_for("findings.one", uid=row.uid),
        )
    )


def _section(rows: Sequence[FindingLine], *, is_open: bool, cleared: bool) -> Section:
    who = (Column("case", phrase("Case number")), Column("worker", phrase("Worker"))) if cleared else ()
    last: Mapping[bool, tuple[Column, ...]] = {
        True: (Column("opened", phrase("Since"), Kind.INSTANT),),
        False: (
            Column("closed", phrase("Closed"), Kind.INSTANT),
            *((Column("conclusion", phrase("Conclusion")),) if cleared else ()),
        ),
    }
    return Section(
        "findings",
        phrase("Open questions, the oldest first") if is_open else phrase("Closed questions, the last first"),
        columns=(Column("kind", phrase("Question"), Kind.CODE, choose=False), *who, *last[is_open]),
        rows=tuple(
            (
                row.kind,
                *((row.case, row.worker) if cleared else ()),
                *((row.opened_at,) if is_open else (row.closed_at, *((_said(row),) if cleared else ()))),
            )
            for row in rows
        ),
        empty=phrase("There are no open questions.") if is_open else phrase("No question was closed yet."),
    )
