"""Policies as people change them: proposed, checked, counted on the real register, put in force by a second person.

No wording, no page. The policy in force is a file; where it is and how it is put there `PolicyShelf` knows.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from server.core.log.entries import Body, EntryKind
from server.core.model import GOES
from server.core.policy.document import PolicyDocument
from server.core.policy.load import CheckedPolicy, check
from server.core.policy.model import Policy
from server.core.removal.approvals import ProposalOutcome
from server.store import log
from server.store.admin import policy_in_force, policy_proposals
from server.store.admin.policy_proposals import Counts, ProposalRow
from server.store.database import Connection
from server.work.admin.access import Person
from server.work.context import Context
from server.work.removal import plan

_log = logging.getLogger(__name__)
ASKS_FOR = timedelta(days=14)
"""A proposal that nobody decides runs out."""
LONGEST = 200_000
"""Of a policy's text, in characters."""
_SILENT_FOR = timedelta(minutes=10)
WOULD_GO = "would_go"
"""Under this word a count keeps what may stay so far and would go, now or later."""


@dataclass(frozen=True, slots=True)
class PolicyShelf:
    """Where the policy in force lies. in_force: it, read again when its file changed. text: its file, with its name.

    put: put a sound text in its place, whole or not at all.
    """

    in_force: Callable[[], PolicyDocument]
    text: Callable[[], tuple[str, str]]
    put: Callable[[str], None]


def check_text(text: str) -> CheckedPolicy:
    """A policy from its text, with all its faults."""
    return check(text[: LONGEST + 1], "policy.yaml")


def propose(
    context: Context, person: Person, shelf: PolicyShelf, text: str, why: str, replaces: str
) -> tuple[ProposalOutcome, str]:
    """Keep a proposal; what became of it and its id, or the id of the one that is there already.

    replaces: the version in force that the person looked at.
    """
    document = check_text(text).document
    if document is None or len(text) > LONGEST:
        return ProposalOutcome.FAULTY, ""
    in_force = shelf.in_force()
    if in_force.policy.version != replaces:
        return ProposalOutcome.CHANGED, ""
    if document.digest == in_force.digest:
        return ProposalOutcome.SAME, ""
    now, uid = context.now(), uuid.uuid4().hex[:16]
    with context.store.write() as connection:
        known = policy_proposals.open_one(connection, document.policy.version, now)
        if known is not None:
            return ProposalOutcome.KNOWN, known
        policy_proposals.add(
            connection,
            uid=uid,
            version=document.policy.version,
            content=text,
            replaces=replaces,
            replaced=shelf.text()[0],
            why=why,
            asked_by=person.account,
            asked_as=person.role,
            now=now,
            ends_at=now + ASKS_FOR,
        )
        _tell(context, connection, person, document, replaces, "proposed")
    return ProposalOutcome.ASKED, uid


def decide(context: Context, person: Person, shelf: PolicyShelf, uid: str, *, grant: bool) -> ProposalOutcome:
    """Put what another person proposed in force, or refuse it; who proposed it may only withdraw.

    The file is written last, before what was decided is committed: if it cannot be written, nothing was decided.
    """
    now = context.now()
    with context.store.write() as connection:
        row = policy_proposals.find(connection, uid, lock=True)
        if row is None or row.decided_at is not None or now >= row.ends_at:
            return ProposalOutcome.NOT_WAITING
        own = row.asked_by == person.account
        if own and grant:
            return ProposalOutcome.OWN
        document = check_text(row.content).document
        if document is None:
            return ProposalOutcome.FAULTY
        if grant and shelf.in_force().policy.version != row.replaces:
            return ProposalOutcome.CHANGED
        policy_proposals.decide(connection, uid, person.account, now, granted=grant)
        done = ProposalOutcome.GRANTED if grant else ProposalOutcome.WITHDRAWN if own else ProposalOutcome.REFUSED
        _tell(context, connection, person, document, row.replaces, _VERBS[done])
        if grant:
            policy_in_force.put(connection, row.content, now)
            shelf.put(row.content)
    return done


_VERBS = {
    ProposalOutcome.GRANTED: "put_in_force",
    ProposalOutcome.REFUSED: "refused",
    ProposalOutcome.WITHDRAWN: "withdrawn",
}


def find(context: Context, uid: str) -> ProposalRow | None:
    """The proposal of that id."""
    with context.store.read() as connection:
        return policy_proposals.find(connection, uid)


def newest(context: Context) -> tuple[ProposalRow, ...]:
    """The proposals, newest first."""
    with context.store.read() as connection:
        return tuple(policy_proposals.newest(connection))


def count(context: Context, uid: str, in_force: Policy, *, wait: float) -> bool:
    """Begin to count on the real register what the proposal would come to beside the policy in force; removes nothing.

    False: there is no such proposal, or it is being counted. wait: seconds to stay until it is counted.
    """
    row = find(context, uid)
    document = None if row is None else check_text(row.content).document
    if document is None:
        return False
    now = context.now()
    with context.store.write() as connection:
        if not policy_proposals.begin_count(connection, uid, now, now - _SILENT_FOR):
            return False
    counter = threading.Thread(target=_count, args=(context, uid, in_force, document.policy), daemon=True)
    counter.start()
    counter.join(wait)
    return True


def _count(context: Context, uid: str, in_force: Policy, proposed: Policy) -> None:
    counts: Counts | None = None
    try:
        before, after = (_by_reason(replace(context, policy=policy)) for policy in (in_force, proposed))
        counts = {key: (before[key], after[key]) for key in sorted({*before, *after})}
    except Exception as error:  # noqa: BLE001 - a thread's end: whatever it was, the page must say that it broke off
        _log.error("counting a proposal broke off: %s", type(error).__name__)
    with context.store.write() as connection:
        policy_proposals.end_count(connection, uid, context.now(), counts)


def _by_reason(context: Context) -> Counter[str]:
    """Of what may stay so far: any other count under another policy would tell a hold."""
    passed = plan.rehearse(context)
    counts = Counter(
        WOULD_GO if item.need.decision in GOES else f"{item.need.decision.value} {item.need.reason.value}"
        for item in passed.items
    )
    if passed.goes:
        counts[WOULD_GO] += passed.goes
    return counts


def _tell(
    context: Context, connection: Connection, person: Person, document: PolicyDocument, replaces: str, verb: str
) -> None:
    """The role in the open log, the account behind it restricted."""
    body: Body = {
        "policy": document.policy.version,
        "previous": replaces,
        "verb": verb,
        "digest": document.digest,
        "actor_role": person.role.value,
    }
    now = context.now()
    log.append(connection, now, [(EntryKind.POLICY_CHANGED, body)])
    said = f"policy {document.policy.version} {verb} by {person.uid}"
    log.append_restricted(connection, now, context.keys.sealer, [said])
