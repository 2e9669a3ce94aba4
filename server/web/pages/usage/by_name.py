"""Contacts without a known reason, by name: one person asks, another grants, these two look; each look is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.problems import EvidenceProblem, EvidenceRefusedError, Problem
from server.core.tables import Column, Kind, Section, Value
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.render.usage.by_name import facts_section, known_besides
from server.store.usage.by_name import ViewRow, Who
from server.web.forms import EMPTY, Filled, Input, InputKind, read_form
from server.web.request import Here, fill, here, notify
from server.work.admin import access
from server.work.usage import by_name
from server.work.usage.by_name import LONGEST_REASON, OPEN_FOR, ViewStanding

STANDINGS: Mapping[ViewStanding, Text] = {
    ViewStanding.WAITING: phrase("Waits for a second person"),
    ViewStanding.RAN_OUT: phrase("Ran out: nobody approved it in time"),
    ViewStanding.REFUSED: phrase("Not approved, or withdrawn"),
    ViewStanding.OPEN: phrase("Approved: the two can look"),
    ViewStanding.OVER: phrase("Over"),
}
_INPUTS = (
    Input("first", phrase("First day"), InputKind.DAY),
    Input("last", phrase("Last day"), InputKind.DAY, hint=phrase("At most a year after the first.")),
    Input(
        "reason",
        phrase("Why you need to see them"),
        InputKind.AREA,
        longest=LONGEST_REASON,
        hint=phrase(
            "In a sentence, without names or numbers. Whoever approves reads it, and the log keeps it encrypted."
        ),
    ),
)
_FIELDS: Mapping[EvidenceProblem, str] = {EvidenceProblem.PERIOD: "last"}
_SAID_HERE: Mapping[Problem, Text] = {
    EvidenceProblem.PERIOD: phrase("It lies before the first day, or more than a year after it."),
    EvidenceProblem.SECOND_PERSON: phrase("You asked for this yourself, so somebody else has to approve."),
}


def _said(problem: Problem) -> Text:
    return _SAID_HERE.get(problem) or at_page(problem)


def show() -> ResponseReturnValue:
    """Those that were asked for, and the form."""
    return _page(EMPTY)


def ask() -> ResponseReturnValue:
    """Ask to see them."""
    at = here()
    filled = read_form(request.form, _INPUTS)
    if not filled.sound:
        return _page(filled), 400
    try:
        uid = by_name.ask(
            at.context,
            at.context.evidence(),
            _who(at),
            reason=filled.values["reason"],
            first=filled.days["first"],
            last=filled.days["last"],
        )
    except EvidenceRefusedError as refused:
        return _page(filled.with_fault(_FIELDS.get(refused.problem, "reason"), _said(refused.problem))), 400
    notify("view_asked")
    return redirect(url_for("by_name.one", uid=uid), 303)


def one(uid: str) -> ResponseReturnValue:
    """One of them: who asked, why, and what can be done."""
    return _page_of(_found(uid))


def decide(uid: str) -> ResponseReturnValue:
    """Grant what another person asked for, or refuse it; withdraw what one asked for oneself."""
    at = here()
    row = _found(uid)
    wanted = request.form.get("act", "")
    if wanted not in ("grant", "refuse"):
        abort(400)
    try:
        if wanted == "grant":
            by_name.allow(at.context, at.context.evidence(), uid, _who(at))
        else:
            by_name.refuse(at.context, uid, _who(at))
    except EvidenceRefusedError as refused:
        return _page_of(_found(uid), _said(refused.problem)), 409
    own = row.asked_by.account == _who(at).account
    notify("view_granted" if wanted == "grant" else "view_withdrawn" if own else "view_refused")
    return redirect(url_for("by_name.one", uid=uid), 303)


def look(uid: str) -> ResponseReturnValue:
    """See them. Sent as a form, so that no link, no reload and no history looks by itself."""
    at = here()
    row = _found(uid)
    try:
        found = by_name.look(at.context, at.context.evidence(), uid, _who(at))
    except EvidenceRefusedError as refused:
        return _page_of(_found(uid), _said(refused.problem)), 409
    return fill(
        "by_name_facts.html",
        phrase("Named access"),
        row=row,
        facts=facts_section(found.looked, found.workers, found.cases),
        besides=known_besides(found.looked),
    )


def _who(at: Here) -> Who:
    return by_name.at_pages(at.signed_in)


def _found(uid: str) -> ViewRow:
    row = by_name.find(here().context, uid)
    if row is None:
        abort(404)
    return row


def _page(filled: Filled) -> str:
    at = here()
    rows = by_name.list_views(at.context)
    return fill(
        "by_name.html",
        phrase("Named access"),
        consented=at.context.evidence().channels.consent is not None,
        views=_views(at, rows),
        links=[url_for("by_name.one", uid=row.uid) for row in rows],
        inputs=_INPUTS,
        filled=filled,
    )


def _page_of(row: ViewRow, why: Text | None = None) -> str:
    at = here()
    account = _who(at).account
    standing = by_name.standing(at.context, row)
    own = row.asked_by.account == account
    both = own or (row.decided_by is not None and row.decided_by.account == account)
    access.note_read(at.context, at.signed_in, f"why contacts by name {row.uid} were asked for")
    return fill(
        "by_name_one.html",
        phrase("Named access: one request"),
        row=row,
        why=why,
        standing=STANDINGS[standing],
        own=own,
        waits=standing is ViewStanding.WAITING,
        may_look=both and standing is ViewStanding.OPEN,
        open_until=None if row.decided_at is None else row.decided_at + OPEN_FOR,
    )


def _views(at: Here, rows: Sequence[ViewRow]) -> Section:
    """Without the reasons: these are on the page of each, and who reads one is in the log."""
    account = _who(at).account

    def whose(row: ViewRow) -> Value:
        return phrase("You") if row.asked_by.account == account else phrase("Somebody else")

    return Section(
        "views",
        phrase("Asked for in the last three months"),
        columns=(
            Column("asked", phrase("Asked"), Kind.INSTANT),
            Column("by", phrase("By")),
            Column("as", phrase("As"), Kind.CODE),
            Column("first", phrase("First day"), Kind.DATE),
            Column("last", phrase("Last day"), Kind.DATE),
            Column("standing", phrase("State")),
        ),
        rows=tuple(
            (
                row.asked_at,
                whose(row),
                row.asked_by.role,
                row.first,
                row.last,
                STANDINGS[by_name.standing(at.context, row)],
            )
            for row in rows
        ),
        empty=phrase("Nobody asked."),
    )
