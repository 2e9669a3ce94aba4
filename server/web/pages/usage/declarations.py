"""Declarations: the register of signatures, what is missing, and what evidence says beside them; about paper first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.reports.declarations import COVERS, FAIR_USE, NEEDED
from server.core.reports.document import Figure
from server.core.tables import Column, Kind, Section
from server.core.text import Share, Text, phrase
from server.core.usage.declarations import Cause, DeclarationState, Evidence, SignedHow, check_due_on
from server.core.usage.evidence_rules import EvidenceRules
from server.core.usage.intervals import Interval, percent
from server.render.charts import draw_interval
from server.render.refusals import at_page
from server.render.usage.signed_text import lay_out_text
from server.store.usage.declarations import CheckRow
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import fill, here, notify
from server.web.table_view import arrange, stay
from server.work.admin import access
from server.work.usage import declaration_status, declarations
from server.work.usage.declaration_status import Paper

_LARGEST_SCAN = 10 * 1024 * 1024
_FAULTY = frozenset(DeclarationState) - {DeclarationState.VALID}
_STANDS = frozenset({"faulty", "talk", "loan", *(state.value for state in DeclarationState)})
_SIGNED = (
    Input("signed_on", phrase("Day of the signature"), InputKind.DAY),
    Input(
        "language",
        phrase("Language of the signed text"),
        InputKind.CHOICE,
        choices=(Choice("nl", phrase("Dutch")), Choice("en", phrase("English"))),
    ),
    Input(
        "loan_agreement",
        phrase("Reference of the loan agreement that was signed with it"),
        required=False,
        longest=100,
        hint=phrase("Where it is kept, without a name."),
    ),
)
_COUNTERSIGNED = (
    Input(
        "by",
        phrase("Who signs for the employer"),
        longest=100,
        hint=phrase("A function or a reference, no name: such as head of unit 2."),
    ),
)
_TALKED = (Input("talked_on", phrase("Day of the conversation"), InputKind.DAY),)
_DRAWN = (
    Input("size", phrase("How many phones to sample"), longest=4),
    Input(
        "seed",
        phrase("Seed for the sample"),
        longest=40,
        hint=phrase("With the same seed the same phones are drawn, so that others can check that nobody picked them."),
    ),
)


@dataclass(frozen=True, slots=True)
class Beside:
    """One outcome as it is shown: the share as an interval, with what it rests on and what the worker said of it.

    covers: what it is about, and what not. needed: what would have to be known for a share.
    """

    evidence: Evidence
    share: Text | None
    picture: str
    contested: tuple[Text, ...]
    covers: Text
    needed: tuple[Text, ...]


def show() -> ResponseReturnValue:
    """The register."""
    return _register()


def look_over() -> ResponseReturnValue:
    """Look every device over: what is missing becomes a question, and what was answered closes."""
    at = here()
    try:
        declarations.list_declarations(at.context, at.context.evidence())
    except EvidenceRefusedError as refused:
        return _register(fault=at_page(refused.problem)), 409
    notify("looked_over")
    return redirect(url_for("declarations.show"), 303)


def check() -> ResponseReturnValue:
    """Do and record the periodic check on a sample that nobody picked."""
    at = here()
    filled = read_form(request.form, _DRAWN)
    size = filled.values["size"]
    if filled.sound and not (size.isascii() and size.isdigit() and 0 < int(size) <= 1_000):
        filled = filled.with_fault("size", phrase("A whole number from 1 to 1,000."))
    if not filled.sound:
        return _register(filled), 400
    try:
        declarations.check(at.context, at.context.evidence(), at.role, size=int(size), seed=filled.values["seed"])
    except EvidenceRefusedError as refused:
        return _register(filled.with_fault("seed", at_page(refused.problem))), 400
    notify("check_recorded")
    return redirect(url_for("declarations.show") + "#checks", 303)


def one(holding: str) -> ResponseReturnValue:
    """One device with its worker: the paper, the talks, and the evidence beside them."""
    return _page(_found(holding))


def sign(holding: str) -> ResponseReturnValue:
    """Record a signature on paper; of its scan the digest is kept and nothing else."""
    at, found = here(), _found(holding)
    filled = read_form(request.form, _SIGNED)
    scan = request.files.get("scan")
    raw = scan.read(_LARGEST_SCAN + 1) if scan is not None else b""
    if not raw or len(raw) > _LARGEST_SCAN:
        filled = filled.with_fault("scan", phrase("Choose the scan of the paper, at most 10 MB."))
    if not filled.sound:
        return _page(found, signed=filled), 400
    try:
        declarations.sign(
            at.context,
            at.context.evidence(),
            at.role,
            device=found.device.device_ref,
            how=SignedHow.PAPER,
            language=filled.values["language"],
            signed_on=filled.days["signed_on"],
            scan_digest=hashlib.sha256(raw).hexdigest(),
            loan_agreement=filled.values["loan_agreement"] or None,
        )
    except EvidenceRefusedError as refused:
        return _page(found, signed=filled.with_fault("signed_on", at_page(refused.problem))), 400
    return _done(found, "signature_recorded")


def countersign(holding: str) -> ResponseReturnValue:
    """Record that the employer signed too; whoever was slower is told."""
    at, found = here(), _found(holding)
    filled = read_form(request.form, _COUNTERSIGNED)
    if not filled.sound:
        return _page(found, countersigned=filled), 400
    try:
        declarations.countersign(at.context, at.role, request.form.get("declaration", ""), filled.values["by"])
    except EvidenceRefusedError as refused:
        if refused.problem is EvidenceProblem.UNKNOWN_DECLARATION:
            return _page(found, late=True), 409
        fault = phrase("The text holds a telephone number or an e-mail address. Leave it out.")
        return _page(found, countersigned=filled.with_fault("by", fault)), 400
    return _done(found, "countersigned")


def end(holding: str) -> ResponseReturnValue:
    """End a signature, as when the device is handed in."""
    at, found = here(), _found(holding)
    try:
        declarations.revoke(at.context, at.role, request.form.get("declaration", ""))
    except EvidenceRefusedError:
        return _page(found, late=True), 409
    return _done(found, "declaration_ended")


def talk(holding: str) -> ResponseReturnValue:
    """Record that worker and manager talked; not what was said."""
    at, found = here(), _found(holding)
    filled = read_form(request.form, _TALKED)
    if not filled.sound:
        return _page(found, talked=filled), 400
    try:
        declarations.record_conversation(
            at.context, at.context.evidence(), at.role, found.device.device_ref, filled.days["talked_on"]
        )
    except EvidenceRefusedError as refused:
        return _page(found, talked=filled.with_fault("talked_on", at_page(refused.problem))), 400
    return _done(found, "conversation_recorded")


def answer(holding: str) -> ResponseReturnValue:
    """Record that what the worker wrote of a figure was answered; not what was answered."""
    at, found = here(), _found(holding)
    try:
        declarations.answer_contest(at.context, at.role, request.form.get("contest", ""))
    except EvidenceRefusedError:
        return _page(found, late=True), 409
    return _done(found, "contest_answered")


def _done(found: Paper, notice: str) -> ResponseReturnValue:
    notify(notice)
    return redirect(url_for("declarations.one", holding=found.key), 303)


def _found(holding: str) -> Paper:
    at = here()
    found = declaration_status.read_paper(at.context, at.context.evidence(), holding)
    if found is None:
        abort(404)
    return found


# --- the register -----------------------------------------------------------------------------------------------------


def _register(drawn: Filled = EMPTY, fault: Text | None = None) -> str:
    at = here()
    rules = at.context.evidence()
    cleared = at.role in CLEARED_FOR_CASES
    rows = declaration_status.read_papers(at.context, rules)
    stand = request.args.get("stand", "")
    chosen = [row for row in rows if _fits(row, stand, at.context.today())]
    stay(stand=stand if stand in _STANDS else "")
    if cleared:
        access.note_read(at.context, at.signed_in, "declarations")
    states = Counter(row.standing.state for row in rows)
    checks = declaration_status.read_checks(at.context)
    text = rules.text_in_force(at.context.today())
    return fill(
        "declarations.html",
        phrase("Declarations"),
        figures=[(figure, None) for figure in _figures(rows, states, at.context.today())],
        states=[(state, states[state]) for state in DeclarationState if states[state]],
        stand=stand,
        all=len(rows),
        cleared=cleared,
        list=arrange(_list(chosen), [url_for("declarations.one", holding=row.key) for row in chosen]),
        checks=_checks(rules, checks, max((each.on for each in checks), default=None)),
        inputs=_DRAWN,
        drawn=drawn,
        fault=fault,
        may_act=at.role is Role.PRIVACY_OFFICER,
        text=text,
        blocks=() if text is None else lay_out_text(text.texts.get(at.words.language) or text.texts["nl"]),
    )


def _fits(row: Paper, stand: str, today: date) -> bool:
    match stand:
        case "":
            return True
        case "faulty":
            return row.standing.state in _FAULTY
        case "talk":
            return row.talk_due <= today
        case "loan":
            return not row.standing.loan_agreement
        case _:
            return row.standing.state.value == stand


def _figures(rows: Sequence[Paper], states: Mapping[DeclarationState, int], today: date) -> Sequence[Figure]:
    register = phrase("From the register of declarations, over all phones in use")
    talked = sum(row.talked_on is not None and row.talk_due > today for row in rows)
    loans = sum(row.standing.loan_agreement for row in rows)
    return (
        Figure(
            "valid",
            phrase("Phones with a valid declaration"),
            Share(states.get(DeclarationState.VALID, 0), len(rows)),
            register,
        ),
        Figure("loans", phrase("Phones with a loan agreement"), Share(loans, len(rows)), register),
        Figure(
            "talked",
            phrase("Phones with a recorded yearly talk that is not overdue"),
            Share(talked, len(rows)),
            register,
        ),
    )


def _list(rows: Sequence[Paper]) -> Section:
    return Section(
        "register",
        phrase("Phone by phone"),
        columns=(
            Column("device", phrase("Phone")),
            Column("worker", phrase("Worker")),
            Column("state", phrase("State"), Kind.CODE, choose=False),
            Column("since", phrase("Since"), Kind.DATE),
            Column("until", phrase("Holds until"), Kind.DATE, phrase("Not valid")),
            Column("talk", phrase("Next conversation"), Kind.DATE),
        ),
        rows=tuple(
            (
                row.device.device_ref,
                row.device.worker_ref,
                row.standing.state,
                row.standing.since,
                row.standing.valid_until,
                row.talk_due,
            )
            for row in rows
        ),
        empty=phrase("No results."),
    )


def _checks(rules: EvidenceRules, checks: Sequence[CheckRow], last: date | None) -> Section:
    due = check_due_on(last, rules.declarations)
    return Section(
        "checks",
        phrase("Periodic review (BIO2 8.01.02)"),
        columns=(
            Column("on", phrase("On"), Kind.DATE),
            Column("looked_at", phrase("Sampled"), Kind.SHARE),
            Column("valid", phrase("With a valid declaration"), Kind.SHARE),
            Column("seed", phrase("Drawn with seed")),
        ),
        rows=tuple(
            (
                each.on,
                Share(sum(each.states.values()), each.population),
                Share(each.states.get(DeclarationState.VALID, 0), sum(each.states.values())),
                each.seed,
            )
            for each in checks
        ),
        notes=(
            phrase("The next review is due now: there has been none yet.")
            if due is None
            else phrase("The next review is due on {day}.", day=due),
        ),
        empty=phrase("No review was recorded yet."),
    )


# --- one holding -----------------------------------------------------------------------------------------------------


def _page(
    found: Paper,
    *,
    signed: Filled = EMPTY,
    countersigned: Filled = EMPTY,
    talked: Filled = EMPTY,
    late: bool = False,
) -> str:
    at = here()
    rules = at.context.evidence()
    access.note_read(at.context, at.signed_in, "a declaration")
    period, evidence = declaration_status.evidence_beside(at.context, rules, found.device.device)
    return fill(
        "declaration.html",
        phrase("The declaration for {device}", device=found.device.device_ref),
        found=found,
        period=period,
        outcomes=[beside(each, rules.declarations.threshold) for each in evidence],
        fair_use=FAIR_USE,
        threshold=percent(rules.declarations.threshold),
        signing=_SIGNED,
        countersigning=_COUNTERSIGNED,
        talking=_TALKED,
        signed=signed,
        countersigned=countersigned,
        talked=talked,
        late=late,
        contests=declaration_status.read_contests(at.context, at.role, found.device),
        can_countersign=found.standing.state is DeclarationState.NOT_COUNTERSIGNED,
        can_end=found.uid is not None and found.standing.state is not DeclarationState.REVOKED,
        today=at.context.today(),
    )


def beside(each: Evidence, threshold: Decimal) -> Beside:
    """An outcome as a page shows it, in the reader's language."""
    words = here().words
    return Beside(
        each,
        _share(each.interval),
        ""
        if each.interval is None
        else draw_interval(each.interval, threshold, words.say(_share(each.interval) or _NO)),
        tuple(
            phrase("The worker responded to this on {day}; answered on {answer}.", day=on, answer=answered)
            if answered is not None
            else phrase("The worker responded to this on {day}; not answered yet.", day=on)
            for on, answered in ((contest.on, contest.answered_on) for contest in each.contested)
        ),
        COVERS[each.quantity],
        _needed(each),
    )


def _needed(each: Evidence) -> tuple[Text, ...]:
    if Cause.TOO_MUCH_UNKNOWN not in each.causes:
        return ()
    part = percent(each.unknown)
    return phrase("Of {part}% of it nobody can tell what it was for.", part=part), NEEDED[each.quantity]


_NO = phrase("No share")


def _share(share: Interval | None) -> Text | None:
    if share is None:
        return None
    if share.low == share.high:
        return phrase("{share}%", share=percent(share.low))
    return phrase("between {low}% and {high}%", low=percent(share.low), high=percent(share.high))
