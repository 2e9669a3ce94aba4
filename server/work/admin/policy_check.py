"""The policy's file held to what was put in force: an edited file removes nothing until two people have said so.

Until the first removal is ordered the file is still being written: each change is noted and followed. Who wants another
policy after that proposes it (`work.removal.policy_changes`), or edits the file and has that accepted (`table_checks`).
"""

from __future__ import annotations

from functools import lru_cache

from server.core.log.entries import Body, EntryKind
from server.core.policy.load import check
from server.store import log
from server.store.admin import policy_in_force
from server.store.admin.policy_in_force import PutInForce
from server.store.database import Connection
from server.work.context import Context

_SHIPPED = "shipped"


def is_as_put(context: Context) -> bool:
    """Whether the file decides what was put in force last; also where nobody has noted yet what that is."""
    if context.policy_file is None:
        return True
    text = context.policy_file()
    put, decided = _put(context)
    return put is None or not decided or _same(put, text)


def note(context: Context) -> None:
    """Note what is in force where nobody has, or while no removal was ever ordered; for who is about to remove."""
    if context.policy_file is None:
        return
    text = context.policy_file()
    put, decided = _put(context)
    if put is not None and (decided or _same(put, text)):
        return
    with context.store.write() as connection:
        keep(context, connection, text, "taken")


def keep(context: Context, connection: Connection, text: str | None, verb: str, **more: str) -> None:
    """From now on this text is what was put in force; None: what is shipped. verb: how it came to be, for the log."""
    policy_in_force.put(connection, text, context.now())
    decides = None if text is None else _decides(text)
    body: Body = {"policy": context.policy.version, "verb": verb, "digest": decides or _SHIPPED, **more}
    log.append(connection, context.now(), [(EntryKind.POLICY_CHANGED, body)])


def _put(context: Context) -> tuple[PutInForce | None, bool]:
    """What was put in force, and whether any removal was ever ordered. The file is read and checked outside of this."""
    with context.store.read() as connection:
        return policy_in_force.read(connection), policy_in_force.decided_anything(connection)


def _same(put: PutInForce, text: str | None) -> bool:
    """Another comment, text or example decides nothing else."""
    if put.content is None or text is None:
        return put.content == text
    return put.content == text or (_decides(text) is not None and _decides(put.content) == _decides(text))


@lru_cache(maxsize=4)
def _decides(text: str) -> str | None:
    """What names the decisions of a policy; None: it has faults."""
    document = check(text, "policy.yaml").document
    return None if document is None else document.digest
