"""Who did it stands with every change at a connection, a place, a device list, an account or a token.

The open log names the role, since an account is a person; account and way in stand sealed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.core.log.entries import Body, EntryKind
from server.store import log
from server.store.database import Connection
from server.work.context import Context


def enter(context: Context, connection: Connection, kind: EntryKind, bodies: Sequence[Body], what: str) -> None:
    """Enter what was changed, in its transaction. what: the same in words that may name it, for the sealed part."""
    asked = context.asked_by
    role = {} if asked is None else {"actor_role": asked.role.value}
    log.append(connection, context.now(), [(kind, {**body, **role}) for body in bodies])
    if asked is not None:
        log.append_restricted(connection, context.now(), context.keys.sealer, [with_whom(context, what)])


def with_whom(context: Context, what: str) -> str:
    """What was done, and by whom and how it was asked, where that is known."""
    asked = context.asked_by
    return what if asked is None else f"{what} by {asked.who} as {asked.role.value} through {asked.way.value}"
