"""Inquiries, for those cleared for holds: a mandate of two people, and what these two ask the ledger under it.

To everybody else there is no such page (`Route.hidden`), and to those cleared an inquiry that is not theirs is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from flask import abort, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.hold_record import Requester
from server.core.inquiry_record import (
    ASKS_A_DAY,
    OPEN_FOR,
    LedgerAsk,
    LedgerQuestion,
    LedgerStanding,
    Mandate,
    MandateStanding,
)
from server.core.problems import InquiryProblem, InquiryRefusedError
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render import page_names
from server.render.refusals import at_page
from server.render.reports.ledger_tables import answer_section
from server.render.words import LEDGER_QUESTIONS, REQUESTERS
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import Here, fill, here, notify
from server.work.reports import inquiries
from server.work.reports.inquiries import LONGEST_TEXT, MOST_TEXT, WantedMandate

_LASTS = timedelta(days=42)
"""What an inquiry is given unless somebody says otherwise: six weeks (DOMAIN X3)."""
_TASK = Input(
    "reason",
    phrase("What it is to find out"),
    InputKind.AREA,
    longest=LONGEST_TEXT,
    hint=phrase("In a sentence, without names or numbers. Only you two read it."),
)
_WHY = Input(
    "reason",
    phrase("Why you need to know"),
    InputKind.AREA,
    longest=LONGEST_TEXT,
    hint=phrase("In a sentence, without names or numbers. Whoever approves reads it."),
)
_NUMBERS = Input("numbers", phrase("Numbers and addresses"), InputKind.AREA, required=False, longest=240_000)
_QUESTION = Input(
    "question",
    phrase("What you ask"),
    InputKind.CHOICE,
    choices=tuple(Choice(each.value, LEDGER_QUESTIONS[each]) for each in LedgerQuestion),
)


def show() -> ResponseReturnValue:
    """The inquiries of whoever asks, and the form."""
    return _page(EMPTY)


def record() -> ResponseReturnValue:
    """Record a mandate."""
    at = here()
    filled = read_form(request.form, _inputs(at))
    if not filled.sound:
        return _page(filled), 400
    try:
        uid = inquiries.record(
            at.context,
            at.signed_in,
            WantedMandate(
                filled.values["second"],
                Requester(filled.values["requester"]),
                filled.values["reason"],
                filled.values["worker"],
                filled.days["first"],
                filled.days["last"],
                filled.days["ends"],
                filled.values["phone"],
            ),
        )
    except InquiryRefusedError as refused:
        return _page(filled.with_fault(refused.field or "reason", at_page(refused.problem))), 400
    notify("mandate_recorded")
    return redirect(url_for("inquiries.one", uid=uid), 303)


def one(uid: str) -> ResponseReturnValue:
    """One inquiry: what it is about, what was asked, and what can be done."""
    return _page_of(uid)


def decide(uid: str) -> ResponseReturnValue:
    """Put in force what another person recorded, or refuse it; withdraw what one recorded oneself."""
    at = here()
    granted = _granted()
    try:
        mandate, _ = inquiries.open_mandate(at.context, at.signed_in, uid)
        inquiries.decide_mandate(at.context, at.signed_in, uid, granted=granted)
    except InquiryRefusedError as refused:
        return _not_done(uid, refused)
    own = mandate.recorded.by == at.signed_in.uid
    notify("mandate_in_force" if granted else "mandate_withdrawn" if own else "mandate_refused")
    return redirect(url_for("inquiries.one", uid=uid), 303)


def end(uid: str) -> ResponseReturnValue:
    """End it."""
    at = here()
    try:
        inquiries.end_mandate(at.context, at.signed_in, uid)
    except InquiryRefusedError as refused:
        return _not_done(uid, refused)
    notify("mandate_ended")
    return redirect(url_for("inquiries.one", uid=uid), 303)


def ask(uid: str) -> ResponseReturnValue:
    """Ask the ledger; of a list nothing is kept, not in this page either."""
    at = here()
    filled = read_form(request.form, (_QUESTION, _NUMBERS, _WHY))
    numbers = _list(filled)
    shown = replace(filled, values={**filled.values, "numbers": ""})
    if not filled.sound:
        return _page_of(uid, filled=shown), 400
    try:
        inquiries.ask(
            at.context,
            at.signed_in,
            uid,
            LedgerQuestion(filled.values["question"]),
            reason=filled.values["reason"],
            numbers=numbers,
        )
    except InquiryRefusedError as refused:
        if refused.problem in (InquiryProblem.NOT_FOUND, InquiryProblem.NOT_CLEARED):
            raise
        return _page_of(uid, filled=shown.with_fault(refused.field or "reason", at_page(refused.problem))), 400
    notify("ledger_asked")
    return redirect(url_for("inquiries.one", uid=uid), 303)


def decide_ask(uid: str, ask: str) -> ResponseReturnValue:
    """Approve what the other one asked, or refuse it; withdraw what one asked oneself."""
    at = here()
    granted = _granted()
    try:
        inquiries.decide_ask(at.context, at.signed_in, ask, granted=granted)
    except InquiryRefusedError as refused:
        return _not_done(uid, refused)
    notify("view_granted" if granted else "view_refused")
    return redirect(url_for("inquiries.one", uid=uid), 303)


def answer(uid: str, ask: str) -> ResponseReturnValue:
    """The answer, as a page or a signed file. Sent as a form, so that no link, reload or history asks by itself."""
    at = here()
    filled = read_form(request.form, (_NUMBERS,))
    try:
        mandate, asked, told = inquiries.answer(at.context, at.signed_in, ask, numbers=_list(filled))
    except InquiryRefusedError as refused:
        return _not_done(uid, refused)
    if request.form.get("as") == "file":
        text = inquiries.hand_out(at.context, at.signed_in, mandate, asked, told)
        sent = make_response(text)
        sent.content_type = "application/json"
        sent.headers["Content-Disposition"] = f'attachment; filename="answer-{asked.uid}.json"'
        return sent
    return fill(
        "ledger.html",
        phrase("Inquiry: answer"),
        mandate=mandate,
        section=answer_section(told, asked.question),
        cases=len({(row.facts.system, row.facts.case) for row in told.rows}),
    )


def _granted() -> bool:
    wanted = request.form.get("act", "")
    if wanted not in ("grant", "refuse"):
        abort(400)
    return wanted == "grant"


def _list(filled: Filled) -> str:
    """What was pasted, or the file that came along."""
    pasted = filled.values.get("numbers", "")
    file = request.files.get("file")
    if pasted or file is None:
        return pasted
    raw: bytes = file.read(MOST_TEXT + 1)
    return raw.decode("utf-8-sig", "replace")


def _not_done(uid: str, refused: InquiryRefusedError) -> ResponseReturnValue:
    return _page_of(uid, why=at_page(refused.problem)), 409


# --- the pages ----------------------------------------------------------------------------------------------------


def _inputs(at: Here) -> tuple[Input, ...]:
    today = at.context.today()
    others = inquiries.others(at.context, at.signed_in)
    wanted_by = [each for each in Requester if each is not Requester.OWN]
    return (
        Input(
            "requester",
            phrase("Requested by"),
            InputKind.CHOICE,
            choices=tuple(Choice(each.value, REQUESTERS[each]) for each in wanted_by),
        ),
        _TASK,
        Input(
            "worker",
            phrase("Worker"),
            longest=100,
            hint=phrase("Whom it is about: the worker's reference, as the case system writes it."),
        ),
        Input(
            "phone",
            phrase("Phone"),
            required=False,
            longest=100,
            hint=phrase("Only where it is about one of several phones: its name in the list of phones."),
        ),
        Input("first", phrase("First day it is about"), InputKind.DAY),
        Input("last", phrase("Last day it is about"), InputKind.DAY, held=today.isoformat()),
        Input(
            "ends",
            phrase("Last day of the inquiry"),
            InputKind.DAY,
            held=(today + _LASTS).isoformat(),
            hint=phrase("After that day nothing is asked or answered. An own inquiry lasts six weeks at most."),
        ),
        Input(
            "second",
            phrase("Second person"),
            InputKind.CHOICE,
            choices=tuple(Choice(uid, said) for uid, said in others),
            hint=phrase(
                "They put it in force, and you two alone can see it. Never the one whom it is about, or their manager."
            ),
        ),
    )


def _page(filled: Filled) -> str:
    at = here()
    why: Text | None = None
    try:
        rows = inquiries.list_mandates(at.context, at.signed_in)
    except InquiryRefusedError as refused:
        rows, why = (), at_page(refused.problem)
    inputs = _inputs(at)
    return fill(
        "inquiries.html",
        page_names.INQUIRIES,
        why=why,
        alone=not inputs[-1].choices,
        mine=_mine(rows),
        links=[url_for("inquiries.one", uid=mandate.uid) for mandate, _ in rows],
        inputs=inputs,
        filled=filled,
    )


def _mine(rows: Sequence[tuple[Mandate, MandateStanding]]) -> Section:
    return Section(
        "inquiries",
        phrase("Your inquiries"),
        columns=(
            Column("recorded", phrase("Recorded"), Kind.INSTANT),
            Column("requester", phrase("Requested by"), Kind.CODE),
            Column("ends", phrase("Last day"), Kind.DATE),
            Column("standing", phrase("State"), Kind.CODE),
        ),
        rows=tuple(
            (mandate.recorded.at, Requester(mandate.requester), mandate.ends_on, standing) for mandate, standing in rows
        ),
        notes=(phrase("Whom one is about stands on its own page alone; that you open it is an entry of the log."),),
        empty=phrase("There is none that you take part in."),
    )


def _page_of(uid: str, *, why: Text | None = None, filled: Filled = EMPTY) -> str:
    at = here()
    person = at.signed_in
    mandate, asks = inquiries.open_mandate(at.context, person, uid)
    now = at.context.now()
    standing = mandate.standing(now, at.context.today())
    inputs = (_QUESTION, _NUMBERS, _WHY)
    return fill(
        "inquiry.html",
        phrase("Inquiry"),
        mandate=mandate,
        requester=Requester(mandate.requester),
        standing=standing,
        own=mandate.recorded.by == person.uid,
        waits=standing is MandateStanding.WAITING,
        in_force=standing is MandateStanding.IN_FORCE,
        asks=[_shown(each, mandate, person.uid, each.standing(now), standing) for each in asks],
        why=why,
        inputs=inputs,
        filled=filled,
        a_day=ASKS_A_DAY,
    )


def _shown(
    asked: LedgerAsk, mandate: Mandate, who: str, standing: LedgerStanding, of_mandate: MandateStanding
) -> Mapping[str, object]:
    """A question as the page of its inquiry has it."""
    alive = of_mandate is MandateStanding.IN_FORCE
    return {
        "row": asked,
        "standing": standing,
        "own": asked.asked.by == who,
        "listed": asked.question is LedgerQuestion.NUMBERS,
        "waits": alive and standing is LedgerStanding.WAITING,
        "open": alive and standing is LedgerStanding.OPEN,
        "until": None if asked.decided is None else asked.decided.at + OPEN_FOR,
        "answers": len(asked.answers),
        "mandate": mandate.uid,
    }
