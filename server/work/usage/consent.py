"""Closing consent: what was kept of contacts by name under it goes when the evidence file names none any more.

Whoever reads that file next, by import, report or notice, takes it out; `closeout doctor` says where it still lies.
"""

from __future__ import annotations

from server.core.log.entries import Body, EntryKind
from server.core.usage.evidence_rules import EvidenceRules
from server.store import log
from server.store.database import Connection
from server.store.usage import sums, undo
from server.work.context import Context


def keep_to_consent(context: Context, rules: EvidenceRules) -> int:
    """Take out what no consent covers any more; how many rows that was, sealed ones included. Safe to repeat."""
    if rules.channels.consent is not None:
        return 0
    with context.store.read() as connection:
        if not count_kept(connection):
            return 0
    with context.store.write() as connection:
        gone = sums.forget_contacts(connection) + undo.forget_contacts(connection)
        # Not how many: all who read the log would know how often clients were reached.
        body: Body = {"feed": "contacts-by-name", "verb": "withdrawn"}
        log.append(connection, context.now(), [(EntryKind.USAGE_CHANGED, body)])
    return gone


def count_kept(connection: Connection) -> int:
    """How many rows of contacts by name are kept, those that a file took the place of included."""
    return sums.count_contacts(connection) + undo.count_contacts(connection)
