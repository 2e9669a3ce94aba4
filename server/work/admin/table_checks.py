"""Small tables held to the log: nothing is removed on holds, roles, gates or policies that somebody changed by other
means than this program; two people end it.

What differs is told to those cleared for holds alone: to everybody else all differences are one and the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mdm_adapters.port import Field, FieldKind
from server.core.hold_record import begun_anew
from server.core.identity.reading import identifiers_in
from server.core.log.entries import Body, EntryKind
from server.core.log.table_state import DifferenceKind, RowDifference
from server.core.model import CLEARED_FOR_HOLDS, Role
from server.core.naming import plain_name, says_something
from server.core.problems import RecordsProblem, RecordsRefusedError
from server.store import hold_list, log, table_state
from server.store.database import Connection
from server.work.admin import log_checkpoints, policy_check
from server.work.admin.access import Person
from server.work.admin.log_checkpoints import Standing
from server.work.context import Context

MAY_SAY = frozenset(
    {
        Role.IT_ADMINISTRATOR,
        Role.PRIVACY_OFFICER,
        Role.DATA_PROTECTION_OFFICER,
        Role.INDEPENDENT_OFFICER,
        Role.INVESTIGATOR,
    }
)
"""Two of these, in two roles, one of them cleared for holds: whether one is missing nobody else can say."""
ASKS_FOR = timedelta(days=3)
RECORDS_DIFFER = "nothing is done: removals are paused until two people have looked at the records"
"""What an engine says at each round while the tables are not as the log says."""
POLICY_EDITED = "nothing is done: the policy file is not what was put in force; two people accept or put it back"
"""What an engine says at each round while only that is so: it tells of no hold, so everybody may know."""
POLICY_FILE = "policy file"
"""Stands among tables for the file: what was put in force is a row, what is followed is a file."""
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Compared:
    """The small tables beside what the log vouches for. found: in order; count by table is for cleared eyes only."""

    found: tuple[RowDifference, ...]

    @property
    def sound(self) -> bool:
        """Whether every row is as the program wrote it."""
        return not self.found

    @property
    def only_policy(self) -> bool:
        """Whether all that differs is the policy's file, which everybody may be told."""
        return [each.table for each in self.found] == [POLICY_FILE]

    def by_table(self) -> Mapping[str, Mapping[DifferenceKind, int]]:
        """How many rows of each table differ how."""
        told: dict[str, dict[DifferenceKind, int]] = {}
        for each in self.found:
            of_table = told.setdefault(each.table, {})
            of_table[each.kind] = of_table.get(each.kind, 0) + 1
        return told


@dataclass(frozen=True, slots=True)
class RecordsSaid:
    """What one person's word came to. done: two have said it. found: what differed; empty for who is not cleared."""

    done: bool
    found: Compared


def compare(context: Context) -> Compared:
    """Compare every row of the small tables with what was kept of it when this program last wrote one."""
    with context.store.read() as connection:
        found = log.compare_tables(connection, context.keys.sealer)
    if found != ():
        # Again with nobody writing meanwhile: what another process committed just then is no difference.
        with context.store.write() as connection:
            found = _compare_alone(context, connection)
    return Compared((*found, *_of_policy(context)))


def _of_policy(context: Context) -> tuple[RowDifference, ...]:
    return () if policy_check.is_as_put(context) else (RowDifference(POLICY_FILE, DifferenceKind.ROW_CHANGED),)


def _compare_alone(context: Context, connection: Connection) -> tuple[RowDifference, ...]:
    watch = table_state.watch_of(connection)
    if watch is not None and not watch.touched:
        table_state.touch(connection, watch)
    found = log.compare_tables(connection, context.keys.sealer)
    if found is None:
        return () if log.begin_tables(connection) else (RowDifference("", DifferenceKind.NOTHING_KEPT),)
    return found


def may_act(context: Context) -> bool:
    """Whether anything may be removed: the log extends what was signed, and the tables are what the log says."""
    return _why_not(context) is None


def why_not(context: Context) -> str | None:
    """Why nothing may be removed, for who watches an engine; None: it may. Notes a policy that nobody has noted yet."""
    found = _why_not(context)
    if found is None:
        policy_check.note(context)
    return found


def _why_not(context: Context) -> str | None:
    if not log_checkpoints.may_act(context):
        return log_checkpoints.NOT_SOUND
    found = compare(context)
    if found.sound:
        return None
    return POLICY_EDITED if found.only_policy else RECORDS_DIFFER


def accept(context: Context, person: Person, why: str) -> RecordsSaid:
    """One person's word that the tables may stay as they are now; the second one's, in another role, accepts it.

    Nobody says so whose own account or role is among what differs. Raises RecordsRefusedError.
    """
    if person.role not in MAY_SAY:
        raise RecordsRefusedError(RecordsProblem.NOT_CLEARED)
    why = _checked(why)
    if log_checkpoints.standing(context) in (Standing.BEHIND, Standing.CHANGED):
        raise RecordsRefusedError(RecordsProblem.LOG_NOT_SOUND)
    by = context.keys.sealer.hash(person.uid, "tables.accepted.by").hex()
    now = context.now()
    of_policy = _of_policy(context)
    with context.store.write() as connection:
        found = Compared((*_compare_alone(context, connection), *of_policy))
        if found.sound:
            raise RecordsRefusedError(RecordsProblem.NOTHING_DIFFERS)
        if _is_own(person, found):
            raise RecordsRefusedError(RecordsProblem.OWN_ROWS)
        text = context.policy_file() if of_policy and context.policy_file is not None else None
        state = f"{_spelt(connection)}\n{text}" if of_policy else _spelt(connection)
        as_found = context.keys.sealer.hash(state, "tables.accepted.state").hex()
        first = _said(connection, as_found, now)
        done = first is not None and _is_second(person, by, first)
        body: Body = {"state": as_found, "digest": by, "actor_role": person.role.value}
        if done:
            if of_policy:
                policy_check.keep(context, connection, text, "accepted", actor_role=person.role.value)
            _begin_unreadable_holds_anew(context, connection, now)
            log.accept_tables(connection)
        log.append(connection, now, [(EntryKind.TABLES_ACCEPTED, {**body, "verb": "accepted" if done else "said"})])
        told = " ".join(f"{each.table}:{each.kind}:{each.row}" for each in found.found)
        said = [f"records said to stay by {person.uid}: {why}", f"records that differed: {told}"]
        log.append_restricted(connection, now, context.keys.sealer, said)
    return RecordsSaid(done, found if person.role in CLEARED_FOR_HOLDS else Compared(()))


def _begin_unreadable_holds_anew(context: Context, connection: Connection, now: datetime) -> None:
    """Nobody knows what was held: everything is, until two of those cleared for it end that."""
    sealer = context.keys.sealer
    if hold_list.read_to_change(connection, sealer) is None:
        hold_list.write(connection, sealer, [begun_anew(uuid.uuid4().hex[:12], now)])


def _is_second(person: Person, by: str, first: Body) -> bool:
    if first["digest"] == by:
        raise RecordsRefusedError(RecordsProblem.OWN)
    if first["actor_role"] == person.role.value:
        raise RecordsRefusedError(RecordsProblem.SAME_ROLE)
    if not {Role(str(first["actor_role"])), person.role} & CLEARED_FOR_HOLDS:
        raise RecordsRefusedError(RecordsProblem.ONE_MUST_BE_CLEARED)
    return True


def _is_own(person: Person, found: Compared) -> bool:
    own = f"{person.account}"
    return any(each.row.partition(":")[0] == own for each in found.found if each.table in ("account", "account_role"))


def _spelt(connection: Connection) -> str:
    return "\n".join(f"{name} {state.encode()}" for name, state in sorted(table_state.states_now(connection).items()))


def _said(connection: Connection, as_found: str, now: datetime) -> Body | None:
    """The word of the first person about these very rows, if it is not too old and was not accepted since."""
    said: Sequence[Body] = [
        entry.body
        for entry in log.of_kind(connection, EntryKind.TABLES_ACCEPTED)
        if entry.at > now - ASKS_FOR and entry.body["state"] == as_found
    ]
    return said[-1] if said and said[-1]["verb"] == "said" else None


def _checked(why: str) -> str:
    why = plain_name(why)
    if not says_something(why):
        raise RecordsRefusedError(RecordsProblem.SAYS_NOTHING)
    if len(why) > _LONGEST:
        raise RecordsRefusedError(RecordsProblem.TEXT_TOO_LONG)
    if identifiers_in(Field(FieldKind.TEXT, why)):
        raise RecordsRefusedError(RecordsProblem.IDENTIFIER_IN_TEXT)
    return why
