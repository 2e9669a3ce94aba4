"""Inquiries: a mandate that two people put in force, and what these two may then ask the ledger about one worker.

Nothing of it is shown to anybody else, and never to the subject or their line, whatever roles they have. Each act, each
question and each answer is an entry of the log that says nothing in the open. Of a list of numbers nothing is kept.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

from mdm_adapters.port import Field, FieldKind, Token
from server.core.days import AMSTERDAM
from server.core.hold_record import Requester
from server.core.identity.reading import identifiers_in
from server.core.identity.tokens import FieldTokens, Tokeniser, tokens_of_fields
from server.core.inquiry_record import (
    ANSWERS_A_DAY,
    ASKS_A_DAY,
    LONGEST,
    MOST_LINES,
    Inquiries,
    LedgerAsk,
    LedgerQuestion,
    LedgerStanding,
    Mandate,
    MandateStanding,
    SaidBy,
    TakesPart,
    answered_on,
    asked_on,
    is_apart,
)
from server.core.log.signed_answers import sign_answer
from server.core.model import CLEARED_FOR_HOLDS, Role
from server.core.problems import InquiryProblem, InquiryRefusedError
from server.core.reports.ledger import (
    CLIENTS,
    NOWHERE,
    CaseFacts,
    LedgerAnswer,
    LedgerRow,
    in_books,
    is_former,
    was_there,
)
from server.render.reports.ledger_tables import answer_told
from server.store import inquiry_list, log
from server.store.database import Connection
from server.store.removal.deviations_and_holds import worker_id
from server.store.reports import ledger_facts
from server.work.admin import log_checkpoints
from server.work.admin.access import Person
from server.work.context import Context

LONGEST_TEXT = 300
MOST_TEXT = 1024 * 1024
"""Characters of a list."""
_LINE = frozenset({Role.WORK_SUPERVISOR, Role.LINE_MANAGER})
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class WantedMandate:
    """What somebody wants an inquiry to be. worker, phone: as people call them; phone "": all books of the worker."""

    second: str
    requester: Requester
    task: str = field(repr=False)
    worker: str
    first: date
    last: date
    ends_on: date
    phone: str = ""


@dataclass(frozen=True, slots=True)
class NumberList:
    """A list of numbers and addresses in tokens. lines: how many; tokens: with their line; unreadable: without any."""

    lines: int
    tokens: tuple[tuple[int, Token], ...] = field(repr=False)
    unreadable: tuple[int, ...] = ()


# --- who takes part -----------------------------------------------------------------------------------------------


def others(context: Context, person: Person) -> Sequence[tuple[str, str]]:
    """(id, what they are called) of those who could be the second person."""
    with context.store.read() as connection:
        found = ledger_facts.cleared_accounts(connection, CLEARED_FOR_HOLDS)
    return [(each.uid, each.said) for each in found if each.uid != person.uid]


def _takes_part(
    context: Context, connection: Connection, uid: str, number: int, worker: int | None, roles: Sequence[Role]
) -> TakesPart:
    now = context.now()
    is_line = bool(_LINE & set(roles))
    if not is_line and not ledger_facts.stands_in(connection, number, now):
        return TakesPart(uid, worker)
    if is_line and worker is None:
        return TakesPart(uid, None, None)
    return TakesPart(uid, worker, ledger_facts.led_by(connection, number, worker if is_line else None, now))


def who_takes_part(context: Context, connection: Connection, person: Person) -> TakesPart:
    """Which worker somebody is, and whom they lead: from what is about these they are kept (`is_apart`)."""
    return _takes_part(context, connection, person.uid, person.account, person.worker, person.roles)


def _require_cleared(context: Context, person: Person, what: str) -> None:
    if person.role in CLEARED_FOR_HOLDS:
        return
    with context.store.write() as connection:
        _note(context, connection, person, f"refused {what}")
    raise InquiryRefusedError(InquiryProblem.NOT_CLEARED)


# --- mandates -----------------------------------------------------------------------------------------------------


def record(context: Context, person: Person, wanted: WantedMandate) -> str:
    """Record a mandate that a second person then puts in force; returns its id. Raises InquiryRefusedError."""
    _require_cleared(context, person, "mandate")
    today = context.today()
    _check_text(wanted.task)
    if wanted.last < wanted.first or wanted.last > today:
        raise InquiryRefusedError(InquiryProblem.DAYS, field="last")
    if not today <= wanted.ends_on <= today + LONGEST:
        raise InquiryRefusedError(InquiryProblem.ENDS, field="ends")
    with context.store.write() as connection:
        before = _to_change(context, connection)
        subject = worker_id(connection, wanted.worker)
        if subject is None:
            raise InquiryRefusedError(InquiryProblem.UNKNOWN_WORKER, field="worker")
        phone = ledger_facts.phone_of(connection, wanted.phone, subject) if wanted.phone else None
        if wanted.phone and phone is None:
            raise InquiryRefusedError(InquiryProblem.UNKNOWN_PHONE, field="phone")
        if is_apart(subject, who_takes_part(context, connection, person)):
            raise InquiryRefusedError(InquiryProblem.ABOUT_YOU, field="worker")
        _require_fit_second(context, connection, person, wanted.second, subject)
        made = Mandate(
            _fresh_id(),
            _said(context, person),
            wanted.second,
            wanted.requester.value,
            subject,
            wanted.worker,
            wanted.first,
            wanted.last,
            wanted.ends_on,
            wanted.task.strip(),
            phone,
            wanted.phone or None,
        )
        inquiry_list.write(connection, context.keys.sealer, before.put(made))
        _note(context, connection, person, f"mandate {made.uid} recorded")
    return made.uid


def _require_fit_second(context: Context, connection: Connection, person: Person, second: str, subject: int) -> None:
    found = {each.uid: each for each in ledger_facts.cleared_accounts(connection, CLEARED_FOR_HOLDS)}
    other = found.get(second)
    if other is None or second == person.uid:
        raise InquiryRefusedError(InquiryProblem.SECOND_NOT_FIT, field="second")
    if is_apart(subject, _takes_part(context, connection, other.uid, other.id, other.worker, other.roles)):
        raise InquiryRefusedError(InquiryProblem.SECOND_NOT_FIT, field="second")


def list_mandates(context: Context, person: Person) -> Sequence[tuple[Mandate, MandateStanding]]:
    """Mandates that one of the two may see, newest first. Raises InquiryRefusedError."""
    _require_cleared(context, person, "mandates")
    now, today = context.now(), context.today()
    with context.store.read() as connection:
        who = who_takes_part(context, connection, person)
        found = _readable(inquiry_list.read(connection, context.keys.sealer))
    return [
        (each, each.standing(now, today))
        for each in reversed(found.mandates)
        if each.is_read_by(person.uid) and not is_apart(each, who)
    ]


def waits_for(context: Context, person: Person) -> bool:
    """Whether a mandate or a question waits for this person as the second one."""
    if person.role not in CLEARED_FOR_HOLDS:
        return False
    now, today = context.now(), context.today()
    with context.store.read() as connection:
        found = inquiry_list.read(connection, context.keys.sealer)
        who = who_takes_part(context, connection, person)
    if found is None:
        return False
    mine = {each.uid: each for each in found.mandates if each.is_read_by(person.uid) and not is_apart(each, who)}
    return any(
        each.second == person.uid and each.standing(now, today) is MandateStanding.WAITING for each in mine.values()
    ) or any(
        ask.mandate in mine
        and ask.asked.by != person.uid
        and ask.standing(now) is LedgerStanding.WAITING
        and mine[ask.mandate].standing(now, today) is MandateStanding.IN_FORCE
        for ask in found.asks
    )


def open_mandate(context: Context, person: Person, uid: str) -> tuple[Mandate, Sequence[LedgerAsk]]:
    """A mandate and what was asked under it, newest first; that it was read is an entry. Raises InquiryRefusedError."""
    _require_cleared(context, person, "mandate")
    with context.store.write() as connection:
        found = _readable(inquiry_list.read(connection, context.keys.sealer))
        mandate = _mine(context, connection, person, found, uid)
        _note(context, connection, person, f"mandate {uid} read")
    return mandate, found.asks_of(uid)


def decide_mandate(context: Context, person: Person, uid: str, *, granted: bool) -> None:
    """Put in force what another person recorded, or refuse it; take back what one recorded oneself.

    Raises InquiryRefusedError.
    """

    def decide(mandate: Mandate) -> tuple[Mandate, str]:
        own = mandate.recorded.by == person.uid
        if mandate.standing(context.now(), context.today()) is not MandateStanding.WAITING or (own and granted):
            raise InquiryRefusedError(InquiryProblem.NOT_FOUND)
        verb = "in force" if granted else "withdrawn" if own else "refused"
        return replace(mandate, decided=_said(context, person), granted=granted), verb

    _change_mandate(context, person, uid, decide)


def end_mandate(context: Context, person: Person, uid: str) -> None:
    """End one that is in force: each of the two may. Raises InquiryRefusedError."""

    def end(mandate: Mandate) -> tuple[Mandate, str]:
        if mandate.standing(context.now(), context.today()) is not MandateStanding.IN_FORCE:
            raise InquiryRefusedError(InquiryProblem.NOT_FOUND)
        return replace(mandate, ended=_said(context, person)), "ended"

    _change_mandate(context, person, uid, end)


def _change_mandate(
    context: Context, person: Person, uid: str, change: Callable[[Mandate], tuple[Mandate, str]]
) -> None:
    _require_cleared(context, person, "mandate")
    with context.store.write() as connection:
        before = _to_change(context, connection)
        after, verb = change(_mine(context, connection, person, before, uid))
        inquiry_list.write(connection, context.keys.sealer, before.put(after))
        _note(context, connection, person, f"mandate {uid} {verb}")


def require_mandate(context: Context, connection: Connection, person: Person, uid: str) -> None:
    """That a mandate of which this person is one of the two is in force; raises InquiryRefusedError."""
    found = _readable(inquiry_list.read(connection, context.keys.sealer))
    _require_in_force(context, _mine(context, connection, person, found, uid))


def _mine(context: Context, connection: Connection, person: Person, found: Inquiries, uid: str) -> Mandate:
    mandate = found.mandate(uid)
    if (
        mandate is None
        or not mandate.is_read_by(person.uid)
        or is_apart(mandate, who_takes_part(context, connection, person))
    ):
        raise InquiryRefusedError(InquiryProblem.NOT_FOUND)
    return mandate


# --- questions ----------------------------------------------------------------------------------------------------


def read_list(text: str, tokeniser: Tokeniser) -> NumberList:
    """A list, one number or address a line; lines without anything do not count. Raises InquiryRefusedError."""
    lines = [(nth, line.strip()) for nth, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > MOST_LINES or len(text) > MOST_TEXT:
        raise InquiryRefusedError(InquiryProblem.TOO_MANY_LINES, field="numbers")
    kinds = [FieldKind.EMAIL if "@" in line else FieldKind.PHONE for _, line in lines]
    found = tokens_of_fields([Field(kind, line) for kind, (_, line) in zip(kinds, lines, strict=True)], tokeniser)
    odd = [nth for nth, each in enumerate(found) if not each.groups]
    other: dict[int, FieldTokens] = dict(
        zip(odd, tokens_of_fields([Field(FieldKind.TEXT, lines[nth][1]) for nth in odd], tokeniser), strict=True)
    )
    tokens, unreadable = [], []
    for nth, ((line, _), each) in enumerate(zip(lines, found, strict=True)):
        here = [(line, token) for group in other.get(nth, each).groups for token in group]
        tokens += here
        if not here:
            unreadable.append(line)
    if not tokens:
        raise InquiryRefusedError(InquiryProblem.NO_LIST, field="numbers")
    return NumberList(len(lines), tuple(dict.fromkeys(tokens)), tuple(unreadable))


def ask(
    context: Context, person: Person, mandate_uid: str, question: LedgerQuestion, *, reason: str, numbers: str = ""
) -> str:
    """Ask under a mandate in force; returns the id that the other person approves. numbers: a list, of which nothing is
    kept. Raises InquiryRefusedError. The same asked twice (a double click) is one.
    """
    _require_cleared(context, person, "ledger")
    _check_text(reason)
    listed = read_list(numbers, context.keys.tokeniser) if question is LedgerQuestion.NUMBERS else None
    now = context.now()
    with context.store.write() as connection:
        before = _to_change(context, connection)
        mandate = _mine(context, connection, person, before, mandate_uid)
        _require_in_force(context, mandate)
        # Known again by what it holds, however it is spelt or sorted; of another mandate it is another.
        mark = _mark(context, mandate_uid, listed)
        for known in before.asks_of(mandate_uid):
            same = (known.asked.by, known.question, known.reason, known.mark) == (
                *(person.uid, question, reason.strip(), mark),
            )
            if same and known.standing(now) is LedgerStanding.WAITING:
                return known.uid
        if asked_on(before, mandate_uid, _on_day(context)) >= ASKS_A_DAY:
            raise InquiryRefusedError(InquiryProblem.ENOUGH_TODAY)
        made = LedgerAsk(
            *(_fresh_id(), mandate_uid, question, _said(context, person), reason.strip()),
            lines=0 if listed is None else listed.lines,
            mark=mark,
        )
        inquiry_list.write(connection, context.keys.sealer, before.put(made))
        _note(context, connection, person, f"ledger {made.uid} of mandate {mandate_uid} asked: {question.value}")
    return made.uid


def decide_ask(context: Context, person: Person, uid: str, *, granted: bool) -> None:
    """Approve what the other person asked, or refuse it; take back what one asked oneself. InquiryRefusedError."""
    _require_cleared(context, person, "ledger")
    with context.store.write() as connection:
        before = _to_change(context, connection)
        found, mandate = _ask_of_mine(context, connection, person, before, uid)
        if granted:
            _require_in_force(context, mandate)
        own = found.asked.by == person.uid
        if found.standing(context.now()) is not LedgerStanding.WAITING or (own and granted):
            raise InquiryRefusedError(InquiryProblem.NOT_FOUND)
        after = replace(found, decided=_said(context, person), granted=granted)
        inquiry_list.write(connection, context.keys.sealer, before.put(after))
        verb = "approved" if granted else "withdrawn" if own else "refused"
        _note(context, connection, person, f"ledger {uid} {verb}")


def answer(context: Context, person: Person, uid: str, *, numbers: str = "") -> tuple[Mandate, LedgerAsk, LedgerAnswer]:
    """The answer to what was approved; numbers: the same list again. Noted before it is given. InquiryRefusedError."""
    _require_cleared(context, person, "ledger")
    with context.store.read() as connection:
        known = _readable(inquiry_list.read(connection, context.keys.sealer)).ask(uid)
    wants_list = known is not None and known.question is LedgerQuestion.NUMBERS
    listed = read_list(numbers, context.keys.tokeniser) if wants_list else None
    with context.store.write() as connection:
        before = _to_change(context, connection)
        found, mandate = _ask_of_mine(context, connection, person, before, uid)
        _require_in_force(context, mandate)
        if found.standing(context.now()) is not LedgerStanding.OPEN:
            raise InquiryRefusedError(InquiryProblem.OVER)
        if found.mark != _mark(context, mandate.uid, listed):
            raise InquiryRefusedError(InquiryProblem.OTHER_LIST, field="numbers")
        if answered_on(before, person.uid, _on_day(context)) >= ANSWERS_A_DAY:
            raise InquiryRefusedError(InquiryProblem.ENOUGH_TODAY)
        after = replace(found, answers=(*found.answers, _said(context, person)))
        inquiry_list.write(connection, context.keys.sealer, before.put(after))
        _note(context, connection, person, f"ledger {uid} answered")
    with context.store.read() as connection:
        told = (
            _of_books(context, connection, mandate)
            if listed is None
            else _of_list(context, connection, mandate, listed)
        )
    return mandate, after, told


def hand_out(context: Context, person: Person, mandate: Mandate, asked: LedgerAsk, told: LedgerAnswer) -> str:
    """An answer as a file with the installation's signature; which file it was stands in the log, by its digest."""
    plain = answer_told(mandate, asked, told, context.now())
    text = sign_answer(plain, context.keys.signer, log_checkpoints.origin(context))
    with context.store.write() as connection:
        digest = hashlib.sha256(text.encode()).hexdigest()
        _note(context, connection, person, f"ledger {asked.uid} handed out as a file of SHA-256 {digest}")
    return text


def _of_list(context: Context, connection: Connection, mandate: Mandate, listed: NumberList) -> LedgerAnswer:
    books = ledger_facts.books_of(connection, mandate.worker, mandate.device)
    lines = ledger_facts.known_lines(connection, listed.tokens)
    known = {contact for _, contact in lines}
    staying = ledger_facts.staying_among(connection, known)
    cases = _by_contact(ledger_facts.cases_of(connection, known, mandate.worker_ref, context.now()))
    there = ledger_facts.seen_in(connection, context.keys.sealer, books, known)
    rows = [
        LedgerRow(line, facts, in_books(there.get(contact, ())) if contact in there else NOWHERE)
        for line, contact in lines
        for facts in cases.get(contact, ())
    ]
    of_staff = {line for line, contact in lines if contact in staying}
    told = {row.line for row in rows if row.line is not None}
    read = {line for line, _ in listed.tokens}
    return LedgerAnswer(
        tuple(rows),
        len(books.places),
        books.unread,
        listed.lines,
        tuple(sorted(of_staff)),
        tuple(sorted(read - told - of_staff)),
        listed.unreadable,
    )


def _of_books(context: Context, connection: Connection, mandate: Mandate) -> LedgerAnswer:
    books = ledger_facts.books_of(connection, mandate.worker, mandate.device)
    seen = ledger_facts.seen_in(connection, context.keys.sealer, books)
    there = {contact: places for contact, places in seen.items() if was_there(places, mandate.first, mandate.last)}
    cases = _by_contact(ledger_facts.cases_of(connection, there, mandate.worker_ref, context.now()))
    rows = [
        LedgerRow(None, facts, in_books(there[contact]))
        for contact, of_contact in cases.items()
        for facts in of_contact
        if is_former(facts)
    ]
    rows.sort(key=lambda row: (row.facts.system, row.facts.case, row.facts.person, row.facts.identifier))
    named = {row.facts.identifier for row in rows}
    clients = {contact for contact, of_contact in cases.items() if any(_is_client(each) for each in of_contact)}
    return LedgerAnswer(tuple(rows), len(books.places), books.unread, running=len(clients - named))


def _is_client(facts: CaseFacts) -> bool:
    return facts.contact_class in CLIENTS


def _by_contact(rows: Sequence[CaseFacts]) -> dict[int, list[CaseFacts]]:
    found: dict[int, list[CaseFacts]] = {}
    for each in rows:
        found.setdefault(each.identifier, []).append(each)
    return found


def _ask_of_mine(
    context: Context, connection: Connection, person: Person, found: Inquiries, uid: str
) -> tuple[LedgerAsk, Mandate]:
    asked = found.ask(uid)
    if asked is None:
        raise InquiryRefusedError(InquiryProblem.NOT_FOUND)
    return asked, _mine(context, connection, person, found, asked.mandate)


def _require_in_force(context: Context, mandate: Mandate) -> None:
    if mandate.standing(context.now(), context.today()) is not MandateStanding.IN_FORCE:
        raise InquiryRefusedError(InquiryProblem.OVER)


def _mark(context: Context, mandate: str, listed: NumberList | None) -> str:
    if listed is None:
        return ""
    held = " ".join(sorted({token.hex() for _, token in listed.tokens}))
    return context.keys.sealer.hash(held, f"inquiry_list.numbers.{mandate}").hex()


def _to_change(context: Context, connection: Connection) -> Inquiries:
    return _readable(inquiry_list.read_to_change(connection, context.keys.sealer))


def _readable(found: _Made | None) -> _Made:
    if found is None:
        raise InquiryRefusedError(InquiryProblem.UNREADABLE)
    return found


def _check_text(text: str) -> None:
    if not text.strip():
        raise InquiryRefusedError(InquiryProblem.SAYS_NOTHING, field="reason")
    if len(text) > LONGEST_TEXT:
        raise InquiryRefusedError(InquiryProblem.TEXT_TOO_LONG, field="reason")
    if identifiers_in(Field(FieldKind.TEXT, text)):
        raise InquiryRefusedError(InquiryProblem.IDENTIFIER_IN_TEXT, field="reason")


def _on_day(context: Context) -> Callable[[datetime], bool]:
    today = context.today()
    return lambda at: at.astimezone(AMSTERDAM).date() == today


def _said(context: Context, person: Person) -> SaidBy:
    return SaidBy(person.uid, person.role.value, context.now())


def _fresh_id() -> str:
    return uuid.uuid4().hex[:12]


def _note(context: Context, connection: Connection, person: Person, what: str) -> None:
    said = f"{what} by {person.uid} as {person.role.value}"
    log.append_restricted(connection, context.now(), context.keys.sealer, [said])
