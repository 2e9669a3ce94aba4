"""What stands behind restricted entries counts as much as the entries; and who may read what of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Connection, delete, select, update

from server.core.log.audit import LogFault, LogFaultKind
from server.core.log.entries import EntryKind
from server.core.model import CLEARED_FOR_HOLDS, Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.store import log
from server.store.schema.base import log_restricted
from server.store.seal import Sealer
from server.work.admin import log_checkpoints, log_reading
from server.work.admin.log_reading import MAY_READ, LogFilter
from server.work.removal import deviations_and_holds, findings_desk
from tests.work.world import KEYS, World, days


@pytest.fixture
def told(world: World) -> World:
    """A log with a hold that was set and lists that were read, and a head signed over all of it."""
    given = {"worker": None, "case": None, "reason": "invented reason", "wait": lambda: False}
    deviations_and_holds.set_hold(world.context, Role.INDEPENDENT_OFFICER, **{**given, "worker": "worker-1"})
    findings_desk.list_findings(world.context, Role.PRIVACY_OFFICER)
    world.clock.pass_(days(2))
    deviations_and_holds.list_holds(world.context, Role.INVESTIGATOR)
    log_checkpoints.write_checkpoint(world.context)
    return world


def faults(world: World, *, restricted: bool) -> tuple[LogFault, ...]:
    checked = log_checkpoints.check_log(world.context, world.context.checkpoint_file, restricted=restricted)
    assert checked.sound == (not checked.faults)
    return checked.faults


def numbers(world: World) -> list[int]:
    return [entry.seq for entry in world.log() if entry.kind is EntryKind.RESTRICTED]


def newest(connection: Connection) -> int:
    return int(connection.execute(select(log_restricted.c.seq).order_by(log_restricted.c.seq.desc())).scalars().first())


def set_sealed(connection: Connection, sealed: bytes) -> None:
    seq = newest(connection)
    connection.execute(update(log_restricted).where(log_restricted.c.seq == seq).values(sealed=sealed))


def take_out(connection: Connection) -> None:
    connection.execute(delete(log_restricted).where(log_restricted.c.seq == newest(connection)))


def empty(connection: Connection) -> None:
    set_sealed(connection, b"")


def overwrite(connection: Connection) -> None:
    set_sealed(connection, b"\x01" + b"x" * 400)


def put_another_in_its_place(connection: Connection) -> None:
    first = connection.execute(select(log_restricted.c.sealed).order_by(log_restricted.c.seq)).scalars().first()
    set_sealed(connection, bytes(first))


def say_something_else(connection: Connection) -> None:
    """As whoever has the sealing key can: it opens, and is not what was committed to."""
    text = f"{Sealer.fresh_key().hex()} another story"
    set_sealed(connection, KEYS.sealer.seal(text.ljust(300), f"log_restricted.sealed.{newest(connection)}"))


SPOILT: Mapping[str, tuple[Callable[[Connection], None], LogFaultKind, bool]] = {
    "taken out": (take_out, LogFaultKind.BODY_MISSING, True),
    "emptied": (empty, LogFaultKind.BODY_CHANGED, True),
    "overwritten": (overwrite, LogFaultKind.BODY_CHANGED, False),
    "another in its place": (put_another_in_its_place, LogFaultKind.BODY_CHANGED, False),
    "saying something else": (say_something_else, LogFaultKind.BODY_CHANGED, False),
}
"""What is done to the newest body, what is found, and whether it is found without opening bodies."""


def test_bodies_as_they_were_written_are_whole(told):
    assert faults(told, restricted=False) == faults(told, restricted=True) == ()


@pytest.mark.parametrize(("spoil", "kind", "seen_closed"), SPOILT.values(), ids=SPOILT.keys())
def test_a_body_that_is_not_what_was_committed_to_is_a_fault(told, spoil, kind, seen_closed):
    at = numbers(told)[-1]
    with told.context.store.write() as connection:
        spoil(connection)
    assert faults(told, restricted=True) == (LogFault(kind, at, 1),)
    assert faults(told, restricted=False) == ((LogFault(kind, at, 1),) if seen_closed else ())


def test_all_bodies_emptied_are_as_many_faults(told):
    with told.context.store.write() as connection:
        connection.execute(delete(log_restricted))
    entries = numbers(told)
    assert faults(told, restricted=False) == (LogFault(LogFaultKind.BODY_MISSING, entries[0], len(entries)),)


def test_a_body_behind_no_restricted_entry_is_a_fault(told):
    open_entry = next(entry.seq for entry in told.log() if entry.kind is not EntryKind.RESTRICTED)
    with told.context.store.write() as connection:
        connection.execute(log_restricted.insert().values(seq=open_entry, sealed=b"\x01" + b"x" * 400))
    assert faults(told, restricted=True) == (LogFault(LogFaultKind.BODY_CHANGED, open_entry, 1),)


def test_what_was_sealed_under_a_key_that_the_log_says_was_destroyed_is_no_fault(told):
    with told.context.store.write() as connection:
        connection.execute(update(log_restricted).values(sealed=b""))
        log.append(connection, told.clock.now, [(EntryKind.KEY_CHANGED, {"what": "sealing", "verb": "destroyed"})])
        log.append_restricted(connection, told.clock.now, KEYS.sealer, ["after it"])
    assert faults(told, restricted=True) == ()
    at = numbers(told)[-1]
    with told.context.store.write() as connection:
        empty(connection)
    assert faults(told, restricted=True) == (LogFault(LogFaultKind.BODY_CHANGED, at, 1),), "what came after it counts"


# --- reading --------------------------------------------------------------------------------------------------------


def test_the_open_log_is_read_by_kind_time_and_word(told):
    def seqs(**wanted: object) -> list[int]:
        return [each.seq for each in log_reading.read_log(told.context, Role.AUDITOR, LogFilter(**wanted)).entries]

    whole = told.log()
    assert seqs(most=1000)[: len(whole)] == [each.seq for each in whole]
    assert seqs(kind=EntryKind.RESTRICTED) == numbers(told)
    assert seqs(kind=EntryKind.RESTRICTED, most=1) == numbers(told)[-1:]
    assert seqs(kind=EntryKind.RESTRICTED, since=told.clock.now) == numbers(told)[-1:]
    assert seqs(kind=EntryKind.RESTRICTED, until=told.clock.now) == numbers(told)[:-1]
    origin = str(whole[0].body["origin"])
    assert seqs(about=origin) == [0]
    assert seqs(about=origin[:-1]) == []


def test_each_reading_is_an_entry_itself(told):
    shown = log_reading.read_log(told.context, Role.AUDITOR, LogFilter(kind=EntryKind.INSTALLED))
    assert shown.matching == 1
    assert shown.bodies == {}
    assert told.log()[-1].body == {"what": "log", "count": 1, "actor_role": "auditor"}
    before = len(told.log())
    log_reading.read_log(told.context, Role.INVESTIGATOR, LogFilter(), restricted=True)
    assert [each.kind for each in told.log()[before:]] == [EntryKind.RESTRICTED]


def test_what_stands_behind_restricted_entries_is_for_those_cleared_for_holds(told):
    wanted = LogFilter(kind=EntryKind.RESTRICTED)
    shown = log_reading.read_log(told.context, Role.INDEPENDENT_OFFICER, wanted, restricted=True)
    said = [text.partition(" ")[0] for text in shown.bodies.values()]
    assert said[-3:] == ["hold_set", "findings", "holds_read"]
    with told.context.store.write() as connection:
        empty(connection)
    shown = log_reading.read_log(told.context, Role.INDEPENDENT_OFFICER, LogFilter(most=2), restricted=True)
    assert shown.bodies[numbers(told)[-2]] is None


@pytest.mark.parametrize("role", Role)
def test_who_may_read_what_of_the_log(told, role):
    for restricted, allowed in ((False, MAY_READ), (True, CLEARED_FOR_HOLDS)):
        if role in allowed:
            log_reading.read_log(told.context, role, LogFilter(), restricted=restricted)
            continue
        with pytest.raises(DecisionRefusedError) as refused:
            log_reading.read_log(told.context, role, LogFilter(), restricted=restricted)
        assert refused.value.problem is DecisionProblem.NOT_CLEARED
        assert told.log()[-1].body == {"what": "log", "actor_role": role.value}
