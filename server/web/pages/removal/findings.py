"""The desk of findings: what is open by kind and whose it is, the list of one kind, one finding, and what is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import ABOUT_DECLARATIONS, ABOUT_PHONES, CLEARED_FOR_CASES, Disposition, FindingKind, Role
from server.core.problems import DecisionProblem, DecisionRefusedError, Problem
from server.core.removal.finding_terms import ENDS, due_day, last_day_to_put_off
from server.core.tables import Column, Kind, Section, Value
from server.core.text import Text, phrase
from server.core.workdays import local_day
from server.render import page_names
from server.render.refusals import at_page
from server.render.words import FINDINGS
from server.store import pages
from server.store.findings import Chosen, FindingRow
from server.store.pages import FindingFilter, Key
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.long_lists import Long, list_long
from server.web.request import Here, fill, here, notify
from server.web.table_view import TableView, stay
from server.work.admin import access
from server.work.removal import findings_desk
from server.work.removal.findings_desk import AtDesk, Desk, Given, Officer, OpenHeap

_LONGEST_UID = 64
_MOST_CHOSEN = 300


class DeskAct(StrEnum):
    """What a form on these pages asks for."""

    GIVE = "give"
    PUT_OFF = "put_off"
    CLOSE = "close"


class OwnedBy(StrEnum):
    """Whose findings are listed; of everybody without it."""

    MINE = "mine"
    NOBODYS = "nobody"


_DUE = Input(
    "due",
    phrase("Due"),
    InputKind.DAY,
    required=False,
    hint=phrase("Leave it empty, and the day stays as it is."),
)
_UNTIL = Input("until", phrase("Until which day"), InputKind.DAY)
_WHY = Input(
    "why",
    phrase("Why it can wait"),
    InputKind.AREA,
    longest=300,
    hint=phrase("Without names, numbers or addresses."),
)
_CONCLUSION = Input(
    "conclusion",
    phrase("What you concluded"),
    InputKind.AREA,
    longest=300,
    hint=phrase(
        "In a sentence or two, without names, numbers or addresses. Standing in and consultation are good answers."
    ),
)
_WHICH = Input("which", phrase("Which findings"), required=False)
"""Stands for the boxes in front of the rows, for what is to be put right about them."""
_FIELD_OF: Mapping[tuple[DeskAct, Problem], str] = {
    (DeskAct.GIVE, DecisionProblem.NO_SUCH_OWNER): "owner",
    (DeskAct.GIVE, DecisionProblem.OWN_FINDING): "owner",
    (DeskAct.GIVE, DecisionProblem.ENDS_IN_PAST): "due",
    (DeskAct.GIVE, DecisionProblem.PUT_OFF_TOO_LONG): "due",
    (DeskAct.PUT_OFF, DecisionProblem.ENDS_IN_PAST): "until",
    (DeskAct.PUT_OFF, DecisionProblem.PUT_OFF_TOO_LONG): "until",
    (DeskAct.PUT_OFF, DecisionProblem.IDENTIFIER_IN_TEXT): "why",
    (DeskAct.PUT_OFF, DecisionProblem.NAMES_SOMEBODY): "why",
    (DeskAct.PUT_OFF, DecisionProblem.TEXT_TOO_LONG): "why",
    (DeskAct.CLOSE, DecisionProblem.WRONG_END): "outcome",
    (DeskAct.CLOSE, DecisionProblem.IDENTIFIER_IN_TEXT): "conclusion",
    (DeskAct.CLOSE, DecisionProblem.NAMES_SOMEBODY): "conclusion",
    (DeskAct.CLOSE, DecisionProblem.TEXT_TOO_LONG): "conclusion",
}
_NEXT: Mapping[FindingKind, tuple[str, Mapping[str, str], Text]] = {
    FindingKind.NUMBER_OVERWRITTEN: ("reviews.show", {}, page_names.REVIEWS),
    FindingKind.ORDER_STUCK: ("removals.show", {"stand": "stuck"}, page_names.REMOVALS),
    FindingKind.UNSTEADY_ENTRY: ("removals.show", {"stand": "stuck"}, page_names.REMOVALS),
    **{kind: ("declarations.show", {}, page_names.DECLARATIONS) for kind in ABOUT_DECLARATIONS},
    **{kind: ("devices.show", {}, page_names.DEVICES) for kind in ABOUT_PHONES},
}
"""On which page something is done about a kind."""


# --- the desk -------------------------------------------------------------------------------------------------------


def show() -> ResponseReturnValue:
    """What is open, by kind, the most urgent first; and the day's work dealt out."""
    at = here()
    may_act = at.role is Role.PRIVACY_OFFICER
    desk = findings_desk.read_desk(at.context, at.signed_in.account)
    if may_act:
        access.note_read(at.context, at.signed_in, "findings")
    return fill(
        "findings.html",
        phrase("Findings to look into"),
        desk=desk,
        heaps=_heaps(desk, named=may_act),
        links=[url_for("findings.rows", kind=each.kind.value) for each in desk.heaps],
        may_act=may_act,
        just_me=len(desk.officers) == 1,
        OwnedBy=OwnedBy,
    )


def divide() -> ResponseReturnValue:
    """Deal out all that nobody has among those who were ticked."""
    at = here()
    among = [each for each in request.form.getlist("among") if len(each) <= _LONGEST_UID][:_MOST_CHOSEN]
    try:
        given = findings_desk.divide(at.context, AtDesk.of(at.signed_in), among)
    except DecisionRefusedError:
        notify("nobody_chosen")
        return redirect(url_for("findings.show"), 303)
    _say(given, "findings_divided")
    return redirect(url_for("findings.show"), 303)


def _heaps(desk: Desk, *, named: bool) -> Section:
    """named: with whose they are."""
    return Section(
        "desk",
        phrase("Open findings by kind"),
        columns=(
            Column("kind", phrase("Kind"), Kind.CODE, choose=False),
            Column("open", phrase("Open"), Kind.COUNT),
            Column("oldest", phrase("Oldest (working days)"), Kind.COUNT),
            Column("late", phrase("Overdue"), Kind.COUNT),
            Column("whose", phrase("Assigned to")) if named else Column("free", phrase("Unassigned"), Kind.COUNT),
            Column("do", phrase("What you can do"), Kind.ADVICE, choose=False),
        ),
        rows=tuple(
            (
                each.kind,
                each.count,
                each.days_old,
                each.late,
                _whose(each) if named else each.nobodys,
                each.kind,
            )
            for each in desk.heaps
        ),
        notes=(phrase("Days are working days in the Netherlands: no weekends and no public holidays."),),
        empty=phrase("There are no open findings."),
    )


def _whose(each: OpenHeap) -> str | Text:
    if not each.owners:
        return phrase("Unassigned")
    told = ", ".join(f"{name} ({count})" for name, count in each.owners)
    return phrase("{owners}; unassigned: {count}", owners=told, count=each.nobodys) if each.nobodys else told


# --- the list of a kind, and what is done with many -------------------------------------------------------------------


def rows() -> ResponseReturnValue:
    """The list: open ones, or those that were closed; of one kind with what can be done."""
    at = here()
    kind = request.args.get("kind", "")
    whose = request.args.get("whose", "")
    return _rows_page(
        at,
        FindingKind(kind) if kind in set(FindingKind) else None,
        OwnedBy(whose) if whose in set(OwnedBy) else None,
        is_open=request.args.get("stand") != "closed",
    )


def act() -> ResponseReturnValue:
    """Do what was asked with those that were ticked, or with all open ones of a kind."""
    at = here()
    kind = request.form.get("kind", "")
    if kind not in set(FindingKind):
        abort(400)
    of = FindingKind(kind)
    ticked = [each for each in request.form.getlist("chosen") if len(each) <= _LONGEST_UID][:_MOST_CHOSEN]
    wants_all = request.form.get("which") == "all"
    asked, inputs = _asked(at, of)
    filled = read_form(request.form, inputs)
    if not wants_all and not ticked:
        filled = filled.with_fault("which", phrase("Tick at least one finding below, or choose all of this kind."))
    if filled.sound:
        try:
            _do(at, asked, filled, Chosen(kind=of) if wants_all else Chosen(uids=ticked, kind=of))
        except DecisionRefusedError as refused:
            filled = filled.with_fault(_FIELD_OF.get((asked, refused.problem), "which"), at_page(refused.problem))
    if not filled.sound:
        return _rows_page(at, of, None, is_open=True, filled=filled, ticked=ticked, wants_all=wants_all), 400
    with at.context.store.read() as connection:
        more = pages.count_findings(connection, FindingFilter(open_only=True, kind=of), most=1)
    return redirect(url_for("findings.rows", kind=of.value) if more else url_for("findings.show"), 303)


def _rows_page(
    at: Here,
    kind: FindingKind | None,
    whose: OwnedBy | None,
    *,
    is_open: bool,
    filled: Filled = EMPTY,
    ticked: Sequence[str] = (),
    wants_all: bool = False,
) -> str:
    cleared = at.role in CLEARED_FOR_CASES
    may_act = is_open and kind is not None and at.role is Role.PRIVACY_OFFICER
    with at.context.store.read() as connection:
        counts = pages.open_findings_by_kind(connection)
    stay(
        stand="" if is_open else "closed",
        kind="" if kind is None else kind.value,
        whose="" if whose is None else whose.value,
    )
    if cleared:
        access.note_read(at.context, at.signed_in, "findings")
    chosen = FindingFilter(
        is_open,
        kind,
        at.signed_in.account if whose is OwnedBy.MINE else None,
        nobodys=whose is OwnedBy.NOBODYS,
    )
    return fill(
        "findings_list.html",
        phrase("All findings") if kind is None else FINDINGS[kind],
        counts=counts,
        list=_list(at, chosen, cleared=cleared),
        is_open=is_open,
        chosen=kind,
        whose=whose,
        OwnedBy=OwnedBy,
        kinds=[each for each in FindingKind if counts.get(each) or each is kind],
        may_act=may_act and bool(counts.get(kind) if kind else 0),
        next=_next(kind) if may_act and kind is not None else None,
        filled=filled,
        ticked=ticked,
        wants_all=wants_all,
        **(_forms(at, kind) if may_act and kind is not None else {}),
    )


def _list(at: Here, chosen: FindingFilter, *, cleared: bool) -> TableView:
    def read(oldest_first: bool, after: Key | None, limit: int) -> Sequence[FindingRow]:
        with at.context.store.read() as connection:
            return pages.list_findings(connection, chosen, oldest_first=oldest_first, after=after, limit=limit)

    def count(most: int) -> int:
        with at.context.store.read() as connection:
            return pages.count_findings(connection, chosen, most=most)

    return list_long(
        Long(
            by="opened" if chosen.open_only else "closed",
            falling=not chosen.open_only,
            read=read,
            count=count,
            show=lambda found: _section(found, chosen, cleared=cleared),
            id_of=lambda row: row.uid,
            link=lambda row: url_for("findings.one", uid=row.uid),
        )
    )


def _section(found: Sequence[FindingRow], chosen: FindingFilter, *, cleared: bool) -> Section:
    is_open = chosen.open_only
    who = (
        Column("worker", phrase("Worker"), blank=phrase("Not known")),
        Column("case", phrase("Case number"), blank=phrase("Not known")),
    )
    last: tuple[Column, ...] = (
        (Column("due", phrase("Due"), Kind.DATE), Column("whose", phrase("Assigned to")))
        if is_open
        else (
            Column("closed", phrase("Closed"), Kind.INSTANT),
            Column("outcome", phrase("Outcome"), Kind.CODE),
            *((Column("conclusion", phrase("Conclusion")),) if cleared else ()),
        )
    )
    return Section(
        "findings",
        phrase("Open findings, the oldest first") if is_open else phrase("Closed findings, the last first"),
        columns=(
            *((Column("kind", phrase("Kind"), Kind.CODE, choose=False),) if chosen.kind is None else ()),
            *(who if cleared else ()),
            Column("opened", phrase("Since"), Kind.INSTANT),
            *last,
        ),
        rows=tuple(
            (
                *((row.kind,) if chosen.kind is None else ()),
                *((row.worker, row.case) if cleared else ()),
                row.opened_at,
                *(_standing(row, named=cleared) if is_open else _ended(row, told=cleared)),
            )
            for row in found
        ),
        empty=phrase("There are no open findings.") if is_open else phrase("No finding was closed yet."),
    )


def _standing(row: FindingRow, *, named: bool) -> tuple[date, str | Text]:
    if row.owner is None:
        return _due(row), phrase("Unassigned")
    return _due(row), row.owner if named else phrase("A privacy officer")


def _ended(row: FindingRow, *, told: bool) -> tuple[Value, ...]:
    return (row.closed_at, row.ends, *((_said(row),) if told else ()))


def _said(row: FindingRow) -> str | Text | None:
    """What was concluded, or that nobody had to: what it asked about was gone by itself."""
    return phrase("It resolved itself.") if row.ends is Disposition.BY_ITSELF else row.disposition


def _due(row: FindingRow) -> date:
    return due_day(row.kind, local_day(row.opened_at), row.due_on)


# --- one finding ----------------------------------------------------------------------------------------------------


def one(uid: str) -> ResponseReturnValue:
    """One finding, with what to do and, while it is open, the forms for it."""
    at = here()
    if at.role in CLEARED_FOR_CASES:
        access.note_read(at.context, at.signed_in, "a finding")
    return _page(_found(uid), EMPTY)


def act_on_one(uid: str) -> ResponseReturnValue:
    """Do what was asked; whoever was slower is told what the other one wrote, and nothing is overwritten."""
    at = here()
    found = _found(uid)
    asked, inputs = _asked(at, found.kind)
    filled = read_form(request.form, inputs)
    if found.closed_at is not None:
        return _page(found, filled, late=True), 409
    if not filled.sound:
        return _page(found, filled), 400
    try:
        _do(at, asked, filled, Chosen(uids=[uid]))
    except DecisionRefusedError as refused:
        if refused.problem is DecisionProblem.NOT_FOUND:
            return _page(_found(uid), filled, late=True), 409
        field = _FIELD_OF.get((asked, refused.problem), inputs[-1].name)
        return _page(found, filled.with_fault(field, at_page(refused.problem))), 400
    return redirect(url_for("findings.rows", kind=found.kind.value), 303)


def _found(uid: str) -> FindingRow:
    with here().context.store.read() as connection:
        found = pages.one_finding(connection, uid)
    if found is None:
        abort(404)
    return found


def _page(found: FindingRow, filled: Filled, *, late: bool = False) -> str:
    at = here()
    may_act = found.closed_at is None and at.role is Role.PRIVACY_OFFICER
    return fill(
        "finding.html",
        phrase("A finding to look into"),
        found=found,
        due=_due(found),
        waits=found.put_off_until is not None and found.put_off_until > at.context.today(),
        cleared=at.role in CLEARED_FOR_CASES,
        said=_said(found),
        may_act=may_act,
        next=_next(found.kind, found.subject) if may_act else None,
        filled=filled,
        late=late,
        **(_forms(at, found.kind, local_day(found.opened_at)) if may_act else {}),
    )


# --- what is done ---------------------------------------------------------------------------------------------------


def _do(at: Here, asked: DeskAct, filled: Filled, chosen: Chosen) -> None:
    by = AtDesk.of(at.signed_in)
    match asked:
        case DeskAct.GIVE:
            due = filled.days.get("due")
            given = findings_desk.give(at.context, by, chosen, filled.values["owner"], due)
            _say(given, "findings_given")
        case DeskAct.PUT_OFF:
            count = findings_desk.put_off(at.context, by, chosen, filled.days["until"], filled.values["why"])
            notify("findings_put_off", count=count)
        case DeskAct.CLOSE:
            ends = Disposition(filled.values["outcome"])
            closed = findings_desk.conclude(at.context, by, chosen, ends, filled.values["conclusion"])
            notify("findings_closed", count=len(closed))


def _say(given: Given, key: str) -> None:
    notify(key, count=given.done)
    if given.left:
        notify("findings_left", count=given.left)


def _asked(at: Here, kind: FindingKind) -> tuple[DeskAct, tuple[Input, ...]]:
    """Which act the form asks for, and its fields."""
    wanted = request.form.get("act", DeskAct.CLOSE.value)
    if wanted not in set(DeskAct):
        abort(400)
    asked = DeskAct(wanted)
    match asked:
        case DeskAct.GIVE:
            return asked, (_owner(findings_desk.read_desk(at.context).officers), _DUE)
        case DeskAct.PUT_OFF:
            return asked, (_UNTIL, _WHY)
    return asked, (_outcome(kind), _CONCLUSION)


def _forms(at: Here, kind: FindingKind, opened: date | None = None) -> dict[str, object]:
    """The fields of the three acts; one form holds them all, so none is required before a button says which it is."""
    desk = findings_desk.read_desk(at.context, at.signed_in.account)
    until = _UNTIL
    if opened is not None:
        latest = last_day_to_put_off(opened, at.context.today())
        until = replace(_UNTIL, hint=_latest(latest))
    giving, later, closing = (
        (_owner(desk.officers, at.signed_in.uid), _DUE),
        (until, _WHY),
        (_outcome(kind), _CONCLUSION),
    )
    return {
        "giving": [_asked_for(each) for each in giving],
        "later": [_asked_for(each) for each in later],
        "closing": [_asked_for(each) for each in closing],
        "inputs": [_WHICH, *giving, *later, *closing],
    }


def _latest(day: date | None) -> Text:
    if day is None:
        return phrase("It has been put off as long as it may: conclude it.")
    return phrase("{day} at the latest.", day=day)


def _asked_for(each: Input) -> Input:
    return replace(each, required=False, instead=True)


def _owner(officers: Sequence[Officer], me: str = "") -> Input:
    first = sorted(officers, key=lambda each: each.uid != me)
    return Input(
        "owner",
        phrase("Assign to"),
        InputKind.CHOICE,
        choices=tuple(Choice(each.uid, phrase("Me") if each.uid == me else each.name) for each in first),
    )


def _outcome(kind: FindingKind) -> Input:
    return Input(
        "outcome",
        phrase("Outcome"),
        InputKind.CHOICE,
        choices=(Choice("", phrase("Choose an outcome")), *(_choice(each) for each in ENDS[kind])),
    )


def _choice(each: Disposition) -> Choice:
    return Choice(each.value, here().words.name(each))


def _next(kind: FindingKind, subject: str = "") -> tuple[str, Text] | None:
    """Where something is done about it: address and name of the page."""
    if subject and kind in ABOUT_PHONES:
        return url_for("devices.one", uid=subject), phrase("The page of this phone")
    if subject and kind in ABOUT_DECLARATIONS:
        return url_for("declarations.one", holding=subject.removeprefix("holding-")), phrase("This declaration")
    if kind not in _NEXT:
        return None
    endpoint, values, name = _NEXT[kind]
    return url_for(endpoint, **values), name  # type: ignore[arg-type]
