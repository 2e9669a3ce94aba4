"""Pausing removals: of everything or of one connection, with a reason, an end, and who; no wording.

While a pause holds, no call to remove begins and no phone is asked to fetch or to give up its account; what had left
comes back, and is looked at. Reading goes on. It ends when a person resumes it or when its time is over, whichever
comes first.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mdm_adapters.port import Field, FieldKind
from server.core.identity.reading import identifiers_in
from server.core.log.entries import Body, EntryKind
from server.core.model import Role
from server.core.problems import PauseProblem, PauseRefusedError
from server.store import log
from server.store.admin import organisation, pauses
from server.store.admin.pauses import PauseRow
from server.store.database import Connection
from server.work.admin.access import Person
from server.work.context import Context

LONGEST_HOURS = 7 * 24
"""Of one act. Whoever needs longer says so again, with a reason: a pause that nobody remembers must not last."""
LONGEST_REASON = 300
MAY_PAUSE = frozenset({Role.IT_ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who pauses or resumes. name: of the account, or its id; of a command, the account on the server."""

    name: str
    role: Role

    @classmethod
    def of(cls, person: Person) -> Actor:
        """Somebody at the pages."""
        return cls(person.name or person.uid, person.role)


@dataclass(frozen=True, slots=True)
class PauseSet:
    """A pause in force. under_way: calls that had left before it and are not back."""

    row: PauseRow
    under_way: int


def _at_once() -> bool:
    return False


def pause(
    context: Context,
    actor: Actor,
    *,
    connection_name: str | None,
    reason: str,
    hours: int,
    wait: Callable[[], bool] = _at_once,
) -> PauseSet:
    """Pause a connection, or everything if None; returns when nothing of it is under way. Raises PauseRefusedError.

    wait: lets a moment pass; False when the person will wait no longer. The same act twice (a double click) is one.
    """
    _require(context, actor)
    said = _checked(reason, hours)
    now = context.now()
    ends_at = now + timedelta(hours=hours)
    with context.store.write() as connection:
        pauses.take_turn(connection)
        lines = note_run_out(pauses.run_out(connection, now))
        number = _scope(context, connection, connection_name)
        row = pauses.open_of(connection, number)
        if row is not None and (row.set_by, row.reason) != (actor.name, said):
            raise PauseRefusedError(PauseProblem.PAUSED_ALREADY)
        if row is None:
            uid = uuid.uuid4().hex[:12]
            pauses.add(
                connection,
                uid=uid,
                connection_id=number,
                reason=said,
                set_by=actor.name,
                set_as=actor.role,
                now=now,
                ends_at=ends_at,
            )
            row = _found(connection, uid)
            _tell(context, connection, actor, row, "paused", said, lines)
    # Counted once it is in force: a claim committed meanwhile may have been checked before it was (PostgreSQL).
    left = _under_way(context, row)
    while left and wait():
        left = _under_way(context, row)
    return PauseSet(row, left)


def prolong(context: Context, actor: Actor, uid: str, *, seen: str, reason: str, hours: int) -> PauseRow:
    """Let a pause last so many hours from now; raises PauseRefusedError.

    seen: the end that the person saw (`stamp_of`), so that nobody overwrites what another just decided.
    """
    _require(context, actor)
    said = _checked(reason, hours)
    now = context.now()
    ends_at = now + timedelta(hours=hours)
    with context.store.write() as connection:
        pauses.take_turn(connection)
        row = pauses.find(connection, uid)
        if row is None or row.ended_at is not None or row.ends_at <= now:
            raise PauseRefusedError(PauseProblem.NOT_PAUSED)
        if (row.ends_at, row.set_by, row.reason) == (ends_at, actor.name, said):
            return row
        if stamp_of(row) != seen:
            raise PauseRefusedError(PauseProblem.CHANGED)
        if ends_at <= row.ends_at:
            raise PauseRefusedError(PauseProblem.HOURS)
        pauses.prolong(connection, uid, ends_at=ends_at, reason=said, set_by=actor.name, set_as=actor.role)
        row = _found(connection, uid)
        _tell(context, connection, actor, row, "prolonged", said)
    return row


def resume(context: Context, actor: Actor, uid: str, *, seen: str) -> PauseRow:
    """End a pause; that it was over already is no fault. Raises PauseRefusedError."""
    _require(context, actor)
    now = context.now()
    with context.store.write() as connection:
        pauses.take_turn(connection)
        row = pauses.find(connection, uid)
        if row is None:
            raise PauseRefusedError(PauseProblem.NOT_PAUSED)
        if row.ended_at is not None or row.ends_at <= now:
            return row
        if stamp_of(row) != seen:
            raise PauseRefusedError(PauseProblem.CHANGED)
        pauses.end(connection, uid, now, actor.name)
        row = _found(connection, uid)
        _tell(context, connection, actor, row, "resumed", "")
    return row


def resume_scope(context: Context, actor: Actor, connection_name: str | None) -> PauseRow:
    """End the pause of a connection, or that of everything if None; raises PauseRefusedError."""
    _require(context, actor)
    row = find_scope(context, connection_name)
    return resume(context, actor, row.uid, seen=stamp_of(row))


def find_scope(context: Context, connection_name: str | None) -> PauseRow:
    """The pause in force of a connection, or of everything if None; raises PauseRefusedError."""
    row = next((each for each in in_force(context) if each.connection == connection_name), None)
    if row is None:
        raise PauseRefusedError(PauseProblem.NOT_PAUSED)
    return row


def in_force(context: Context) -> Sequence[PauseRow]:
    """Every pause in force, that of everything first."""
    with context.store.read() as connection:
        return pauses.in_force(connection, context.now())


def stamp_of(row: PauseRow) -> str:
    """By which it is seen that a pause still ends when a person saw that it does."""
    return row.ends_at.isoformat()


def can_be_paused(context: Context) -> Sequence[str]:
    """Names of connections by which something is removed or asked of phones, in order."""
    with context.store.read() as connection:
        names = [row.name for row in organisation.read_connections(connection)]
    return [name for name in names if name not in context.feeds]


def end_what_ran_out(context: Context) -> Sequence[PauseRow]:
    """Mark pauses whose time is over, with a line in the log; both engines call it before they take up work."""
    now = context.now()
    with context.store.read() as connection:
        if not pauses.any_ran_out(connection, now):
            return ()
    with context.store.write() as connection:
        ended = pauses.run_out(connection, now)
        log.append(connection, now, note_run_out(ended))
    return ended


def note_run_out(ended: Sequence[PauseRow]) -> list[tuple[EntryKind, Body]]:
    """Lines of the log that tell that pauses ran out."""
    return [(EntryKind.PAUSE_CHANGED, _body(row, "ran_out")) for row in ended]


def _require(context: Context, actor: Actor) -> None:
    if actor.role in MAY_PAUSE:
        return
    with context.store.write() as connection:
        body: Body = {"what": "pause", "actor_role": actor.role.value}
        log.append(connection, context.now(), [(EntryKind.REFUSED, body)])
    raise PauseRefusedError(PauseProblem.NOT_CLEARED)


def _checked(reason: str, hours: int) -> str:
    said = reason.strip()
    if not said:
        raise PauseRefusedError(PauseProblem.NO_REASON)
    if len(said) > LONGEST_REASON:
        raise PauseRefusedError(PauseProblem.TEXT_TOO_LONG)
    if identifiers_in(Field(FieldKind.TEXT, said)):
        raise PauseRefusedError(PauseProblem.IDENTIFIER_IN_TEXT)
    if not 1 <= hours <= LONGEST_HOURS:
        raise PauseRefusedError(PauseProblem.HOURS)
    return said


def _scope(context: Context, connection: Connection, name: str | None) -> int | None:
    if name is None:
        return None
    row = next((each for each in organisation.read_connections(connection) if each.name == name), None)
    if row is None or name in context.feeds:
        raise PauseRefusedError(PauseProblem.UNKNOWN_CONNECTION)
    return row.id


def _found(connection: Connection, uid: str) -> PauseRow:
    row = pauses.find(connection, uid)
    if row is None:
        raise RuntimeError("a pause that was just written is gone")
    return row


def _under_way(context: Context, row: PauseRow) -> int:
    with context.store.read() as connection:
        return pauses.count_calling(connection, row, context.now())


def _body(row: PauseRow, verb: str) -> Body:
    scope: Body = {"what": "everything"} if row.connection is None else {"what": "connection", "vendor": row.vendor}
    return {"pause": row.uid, "verb": verb, "until": row.ends_at.date().isoformat(), **scope}


def _tell(
    context: Context,
    connection: Connection,
    actor: Actor,
    row: PauseRow,
    verb: str,
    reason: str,
    before: Sequence[tuple[EntryKind, Body]] = (),
) -> None:
    """The role in the open log; the account, the connection's name and the reason restricted."""
    now = context.now()
    body = {**_body(row, verb), "actor_role": actor.role.value}
    log.append(connection, now, [*before, (EntryKind.PAUSE_CHANGED, body)])
    where = row.connection or "everything"
    said = f"pause {row.uid} of {where} {verb} by {actor.name} as {actor.role.value}: {reason}"
    log.append_restricted(connection, now, context.keys.sealer, [said])
