"""Contacts without a known reason, by worker and case: one person asks with a reason, another grants it and both look.

Nothing is shown before the second person; what was asked, by whom, why, and that it was granted, is in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from mdm_adapters.port import Field, FieldKind
from server.core.channels import Looked
from server.core.evidence_rules import EvidenceRules
from server.core.identity import identifiers_in
from server.core.log import Body, EntryKind
from server.core.model import CLEARED_FOR_CASES, Role
from server.store import log, views
from server.store.database import Connection
from server.work import evidence
from server.work.context import Context
from server.work.evidence import EvidenceProblem, EvidenceRefusedError

WAITS = timedelta(days=3)
_LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class NamedFacts:
    """The facts with the references they are of."""

    looked: Looked
    workers: Mapping[int, str] = field(repr=False)
    cases: Mapping[int, str] = field(repr=False)


def ask(
    context: Context, rules: EvidenceRules, *, account: str, role: Role, reason: str, first: date, last: date
) -> str:
    """Ask to see them by name; returns the id that a second person grants. Raises EvidenceRefusedError."""
    now = context.now()
    if rules.channels.consent is None:
        raise EvidenceRefusedError(EvidenceProblem.NO_CONSENT)
    if role not in CLEARED_FOR_CASES:
        raise EvidenceRefusedError(EvidenceProblem.NOT_CLEARED)
    if last < first or last - first > _LONGEST:
        raise EvidenceRefusedError(EvidenceProblem.PERIOD)
    said = reason.strip()
    if not said or len(said) > 300 or identifiers_in(Field(FieldKind.TEXT, said)):
        raise EvidenceRefusedError(EvidenceProblem.SECOND_PERSON)
    with context.store.write() as connection:
        uid = views.ask(
            connection, context.keys.sealer, first=first, last=last, asked_by=account, asked_as=role, reason=said,
            now=now, ends_at=now + WAITS,
        )  # fmt: skip
        _note(context, connection, role, "asked")
    return uid


def grant(context: Context, rules: EvidenceRules, uid: str, *, account: str, role: Role) -> NamedFacts:
    """Grant what another person asked for, and see it. Raises EvidenceRefusedError; each view is granted once."""
    now = context.now()
    with context.store.read() as connection:
        asked = views.waiting(connection, context.keys.sealer, uid, now)
    if asked is None:
        raise EvidenceRefusedError(EvidenceProblem.NOT_ASKED)
    if role not in CLEARED_FOR_CASES:
        raise EvidenceRefusedError(EvidenceProblem.NOT_CLEARED)
    if asked.asked_by == account:
        raise EvidenceRefusedError(EvidenceProblem.SECOND_PERSON)
    with context.store.write() as connection:
        if not views.decide(connection, uid, now, granted=True):
            raise EvidenceRefusedError(EvidenceProblem.NOT_ASKED)
        _note(context, connection, role, "granted")
    found = evidence.contact_facts(
        context,
        rules,
        asked_by=asked.asked_by,
        asked_as=asked.asked_as,
        seconded_by=account,
        seconded_as=role,
        reason=asked.reason,
        first=asked.first,
        last=asked.last,
    )
    with context.store.read() as connection:
        workers, cases = views.names_of(
            connection, {each.worker for each in found.facts}, {each.case for each in found.facts}
        )
    return NamedFacts(found, workers, cases)


def refuse(context: Context, uid: str, *, role: Role) -> None:
    """Refuse a view, or take one's own asking back."""
    with context.store.write() as connection:
        if not views.decide(connection, uid, context.now(), granted=False):
            raise EvidenceRefusedError(EvidenceProblem.NOT_ASKED)
        _note(context, connection, role, "refused")


def _note(context: Context, connection: Connection, role: Role, outcome: str) -> None:
    body: Body = {"what": "contacts_by_name", "outcome": outcome, "actor_role": role.value}
    log.append(connection, context.now(), [(EntryKind.READ, body)])
