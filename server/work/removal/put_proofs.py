"""Settles what was put into a book by the look that shows it, in that look's transaction; nothing is put here."""

from __future__ import annotations

from server.core.log.entries import Body, EntryKind
from server.core.removal.plan import item_id
from server.store import log
from server.store.admin.organisation import PlaceRow
from server.store.database import Connection
from server.store.removal import putting
from server.work.context import Context


def prove_puts(context: Context, connection: Connection, at: PlaceRow, look: str) -> None:
    """Settle puts by the full look that was just written, have what is absent decided again, and destroy the values of
    what was seen there.
    """
    proven = putting.prove(connection, at.id, version=at.version)
    if context.policy.puts_back:
        putting.make_due_at(connection, at.id, context.now())
    lines: list[tuple[EntryKind, Body]] = [
        (
            EntryKind.PUT_BACK,
            {"verb": "seen", "item": item_id(at.uid, token), "place": at.uid, "look": look, "outcome": outcome},
        )
        for tokens, outcome in ((proven.there, "present"), (proven.absent, "absent"))
        for token in tokens
    ]
    log.append(connection, context.now(), lines)
    if proven.cases and context.case_keys is not None:
        context.case_keys.destroy(proven.cases - putting.cases_with_values(connection))
