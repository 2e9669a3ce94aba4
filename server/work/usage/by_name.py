"""Contacts without a known reason, by worker and case: one person asks with a reason, another grants it and both look.

Nothing is shown before the second person (DOMAIN F31). Nobody takes part in whom the facts are, or who leads people, or
of whom nobody knows which worker they are; what comes to be about one of the two after the grant is shown to neither.
What was asked, by whom, why, that it was granted, and each look are in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

from mdm_adapters.port import Field, FieldKind
from server.core.identity.reading import identifiers_in
from server.core.log.entries import Body, EntryKind
from server.core.model import CLEARED_FOR_CASES, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.usage.channels import Looked
from server.core.usage.evidence_rules import EvidenceRules
from server.store import log
from server.store.database import Connection
from server.store.usage import by_name
from server.store.usage.by_name import ViewRow, Who
from server.work.admin.access import Person
from server.work.context import Context
from server.work.usage import feeds

WAITS = timedelta(days=3)
OPEN_FOR = timedelta(days=1)
"""How long after the grant the two may look; each look is in the log."""
LONGEST_REASON = 300
_LONGEST = timedelta(days=366)
_LISTED = timedelta(days=90)
_PAGES = "pages:"
_LEADS = frozenset({Role.WORK_SUPERVISOR, Role.LINE_MANAGER})


class ViewStanding(StrEnum):
    """How it stands with a view."""

    WAITING = "waiting"
    RAN_OUT = "ran_out"
    """Nobody decided in time."""
    REFUSED = "refused"
    """Or taken back by who asked."""
    OPEN = "open"
    """Granted, and the two may look."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class NamedFacts:
    """The facts with the references they are of."""

    looked: Looked
    workers: Mapping[int, str] = field(repr=False)
    cases: Mapping[int, str] = field(repr=False)


def at_pages(person: Person) -> Who:
    """Somebody at the pages: what is about them, or about a team that they lead, they do not see here."""
    leads = any(role in _LEADS for role in person.roles)
    return Who(f"{_PAGES}{person.uid}", person.role, person.worker, leads=leads)


def ask(context: Context, rules: EvidenceRules, who: Who, *, reason: str, first: date, last: date) -> str:
    """Ask to see them by name; returns the id that a second person grants. Raises EvidenceRefusedError.

    The same asked twice (a double click) is one.
    """
    now = context.now()
    if rules.channels.consent is None:
        raise EvidenceRefusedError(EvidenceProblem.NO_CONSENT)
    _require(context, who)
    if last < first or last - first > _LONGEST:
        raise EvidenceRefusedError(EvidenceProblem.PERIOD)
    _require_apart(context, rules, who, first, last)
    said = reason.strip()
    if not said:
        raise EvidenceRefusedError(EvidenceProblem.SECOND_PERSON)
    if len(said) > LONGEST_REASON or identifiers_in(Field(FieldKind.TEXT, said)):
        raise EvidenceRefusedError(EvidenceProblem.BAD_REASON)
    with context.store.write() as connection:
        for known in by_name.recent(connection, context.keys.sealer, now - WAITS):
            same = (known.asked_by, known.reason, known.first, known.last) == (who, said, first, last)
            if same and standing(context, known) is ViewStanding.WAITING:
                return known.uid
        uid = by_name.ask(
            connection, context.keys.sealer, who, first=first, last=last, reason=said, now=now, ends_at=now + WAITS
        )
        _note(context, connection, who, uid, "asked")
    return uid


def allow(context: Context, rules: EvidenceRules, uid: str, who: Who) -> None:
    """Grant what another person asked for, so that both may look. Raises EvidenceRefusedError; it is granted once.

    What was asked at the pages is granted there, and by command what was asked by command: an account here and one
    there may be one person's.
    """
    if rules.channels.consent is None:
        raise EvidenceRefusedError(EvidenceProblem.NO_CONSENT)
    row = _waiting(context, uid)
    _require(context, who)
    if row.asked_by.account == who.account:
        raise EvidenceRefusedError(EvidenceProblem.SECOND_PERSON)
    if row.asked_by.account.startswith(_PAGES) != who.account.startswith(_PAGES):
        raise EvidenceRefusedError(EvidenceProblem.OTHER_DOOR)
    _require_apart(context, rules, who, row.first, row.last)
    with context.store.write() as connection:
        if not by_name.decide(connection, context.keys.sealer, uid, who, context.now(), granted=True):
            raise EvidenceRefusedError(EvidenceProblem.NOT_ASKED)
        _note(context, connection, who, uid, "granted")


def look(context: Context, rules: EvidenceRules, uid: str, who: Who) -> NamedFacts:
    """See what was granted: one of the two, within a day of it. Raises EvidenceRefusedError."""
    row = find(context, uid)
    _require(context, who)
    if row is None or row.decided_by is None or standing(context, row) is not ViewStanding.OPEN:
        raise EvidenceRefusedError(EvidenceProblem.NOT_OPEN)
    if who.account not in (row.asked_by.account, row.decided_by.account):
        raise EvidenceRefusedError(EvidenceProblem.NOT_OPEN)
    found = feeds.contact_facts(
        context,
        rules,
        asked_by=row.asked_by.account,
        asked_as=row.asked_by.role,
        seconded_by=row.decided_by.account,
        seconded_as=row.decided_by.role,
        reason=row.reason,
        first=row.first,
        last=row.last,
    )
    with context.store.write() as connection:
        apart = by_name.workers_apart(connection, (row.asked_by, row.decided_by))
        found = replace(found, facts=tuple(each for each in found.facts if each.worker not in apart))
        workers, cases = by_name.names_of(
            connection, {each.worker for each in found.facts}, {each.case for each in found.facts}
        )
        _note(context, connection, who, uid, "looked")
    return NamedFacts(found, workers, cases)


def grant(context: Context, rules: EvidenceRules, uid: str, who: Who) -> NamedFacts:
    """Grant what another person asked for, and see it at once. Raises EvidenceRefusedError."""
    allow(context, rules, uid, who)
    return look(context, rules, uid, who)


def refuse(context: Context, uid: str, who: Who) -> ViewRow:
    """Refuse a view, or take one's own asking back. Raises EvidenceRefusedError."""
    row = _waiting(context, uid)
    _require(context, who)
    with context.store.write() as connection:
        if not by_name.decide(connection, context.keys.sealer, uid, who, context.now(), granted=False):
            raise EvidenceRefusedError(EvidenceProblem.NOT_ASKED)
        _note(context, connection, who, uid, "withdrawn" if row.asked_by.account == who.account else "refused")
    return row


def find(context: Context, uid: str) -> ViewRow | None:
    """The view of that id, whatever became of it."""
    with context.store.read() as connection:
        return by_name.find(connection, context.keys.sealer, uid)


def list_views(context: Context) -> Sequence[ViewRow]:
    """Views of the last three months, newest first."""
    with context.store.read() as connection:
        return by_name.recent(connection, context.keys.sealer, context.now() - _LISTED)


def standing(context: Context, row: ViewRow) -> ViewStanding:
    """How it stands with a view now."""
    now = context.now()
    if row.decided_at is None:
        return ViewStanding.WAITING if now < row.ends_at else ViewStanding.RAN_OUT
    if not row.granted:
        return ViewStanding.REFUSED
    return ViewStanding.OPEN if now < row.decided_at + OPEN_FOR else ViewStanding.OVER


def _waiting(context: Context, uid: str) -> ViewRow:
    row = find(context, uid)
    if row is None or standing(context, row) is not ViewStanding.WAITING:
        raise EvidenceRefusedError(EvidenceProblem.NOT_ASKED)
    return row


def _require(context: Context, who: Who) -> None:
    if who.role in CLEARED_FOR_CASES:
        return
    with context.store.write() as connection:
        body: Body = {"what": "contacts_by_name", "actor_role": who.role.value}
        log.append(connection, context.now(), [(EntryKind.REFUSED, body)])
    raise EvidenceRefusedError(EvidenceProblem.NOT_CLEARED)


def _require_apart(context: Context, rules: EvidenceRules, who: Who, first: date, last: date) -> None:
    """Whoever takes part is somebody else than those whom it is about."""
    if who.worker is None:
        raise EvidenceRefusedError(EvidenceProblem.WORKER_NOT_KNOWN)
    if who.leads:
        raise EvidenceRefusedError(EvidenceProblem.LEADS_PEOPLE)
    if feeds.has_contact_facts(context, rules, who.worker, first, last):
        raise EvidenceRefusedError(EvidenceProblem.ABOUT_THEMSELVES)


def _note(context: Context, connection: Connection, who: Who, uid: str, outcome: str) -> None:
    """That and in which role in the open log; the account restricted."""
    body: Body = {"what": "contacts_by_name", "outcome": outcome, "actor_role": who.role.value}
    log.append(connection, context.now(), [(EntryKind.READ, body)])
    said = f"contacts by name {uid} {outcome} by {who.account} as {who.role.value}"
    log.append_restricted(connection, context.now(), context.keys.sealer, [said])
