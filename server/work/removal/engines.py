"""Engines that do not answer: which they are, and a person's word that one of another machine runs no more.

What an engine claimed and another took over may still be carried out as long as it could wake. On its own machine it is
seen to run no more (`alive`); of a machine that was scrapped only a person can say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from server.core.log.entries import Body, EntryKind
from server.core.model import Role
from server.core.problems import EngineProblem, EngineRefusedError
from server.store import log
from server.store.removal import orders
from server.store.removal.orders import AwaitedEngine
from server.work.context import Context
from server.work.removal.alive import runs_here

MAY_SAY_GONE = frozenset({Role.IT_ADMINISTRATOR})


def list_awaited(context: Context) -> Sequence[AwaitedEngine]:
    """Engines with claims that another took over and that they did not answer, longest first."""
    with context.store.read() as connection:
        return orders.engines_awaited(connection)


def say_gone(context: Context, role: Role, name: str) -> int:
    """An engine runs no more and cannot wake: its machine is gone, or was installed anew. How many claims of it will
    not be answered: what became of these is not known until the place is looked at. Raises EngineRefusedError.
    """
    if role not in MAY_SAY_GONE:
        raise EngineRefusedError(EngineProblem.NOT_CLEARED)
    if runs_here(name):
        raise EngineRefusedError(EngineProblem.STILL_RUNS)
    now = context.now()
    with context.store.write() as connection:
        count = orders.mark_ended(connection, [name], now)
        if not count:
            raise EngineRefusedError(EngineProblem.NOT_AWAITED)
        digest = sha256(name.encode()).hexdigest()[:16]  # the name of a machine may be a person's
        body: Body = {"count": count, "digest": digest, "actor_role": role.value}
        log.append(connection, now, [(EntryKind.ENGINE_ENDED, body)])
    return count
