"""By reading the whole database nobody can tell whether there is a hold, on whom, or what was done to one.

Worlds, the same to the last row, in which those cleared for holds do different things: set one, on this or on that, say
that one may end, or only read the list. They live on, and what lies in every table is compared: it differs in what is
sealed, hashed or drawn by lot, of the same length each, and in nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import MetaData, select

from server.core.hold_record import UNREADABLE
from server.core.model import Decision, Phase, Role, State
from server.core.one_length import PADDED_TO
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.store import hold_list
from server.store.schema import base
from server.work.admin import table_checks
from server.work.removal import deviations_and_holds
from server.work.removal.deviations_and_holds import Cleared
from tests.work.world import KEYS, NUMBERS, Told, World, closed, days

OFFICER, INVESTIGATOR = (Cleared(Role.INDEPENDENT_OFFICER, "o1"), Cleared(Role.INVESTIGATOR, "i1"))
SEALED = {"hold_list", "client_question_list", "log_restricted", "log_entry", "log_head", "log_node", "table_state"}
"""What is sealed or hashed differs each time it is written; its length may not."""
DRAWN = re.compile(r"[0-9a-f]{12,}")


def dump(world: World) -> Mapping[str, list[Any]]:
    """Every row of every table, with the length alone of what is sealed, hashed or drawn by lot."""
    known = MetaData()
    known.reflect(world.context.store.engine)
    with world.context.store.read() as connection:
        return {
            table.name: [
                tuple(_seen(value, sealed=table.name in SEALED) for value in row)
                for row in connection.execute(select(table).order_by(*table.primary_key)).all()
            ]
            for table in known.sorted_tables
        }


def _seen(value: Any, *, sealed: bool) -> Any:
    if isinstance(value, bytes | memoryview):
        text = bytes(value)
        if text.startswith(b'{"at":'):  # a line of the log
            return _masked(text.decode())
        return len(text) if sealed else text
    return _masked(value) if isinstance(value, str) else value


def _masked(text: str) -> str:
    return DRAWN.sub(lambda found: "x" * len(found[0]), text)


def in_grace(world: World) -> None:
    """Two contacts in their days of grace, and one in use."""
    world.tell(closed("100001", NUMBERS[0], ago=3), closed("100002", NUMBERS[1], ago=3), Told("100003", (NUMBERS[2],)))
    for number in NUMBERS[:3]:
        world.put(number)
    world.look()
    world.plan()


def set_hold(world: World, **scope: str) -> str:
    given = {"worker": None, "case": None, "reason": "invented reason", "wait": lambda: False, **scope}
    return deviations_and_holds.set_hold(world.context, OFFICER, **given).uid


def set_two(world: World) -> None:
    set_hold(world, case="100001")
    set_hold(world)


def set_and_end(world: World) -> None:
    uid = set_hold(world, worker="worker-1")
    deviations_and_holds.release_hold(world.context, INVESTIGATOR, uid)


def set_and_review(world: World) -> None:
    uid = set_hold(world, case="100002")
    deviations_and_holds.review_hold(world.context, INVESTIGATOR, uid, world.context.today() + days(9))


def read_twice(world: World) -> None:
    for _ in range(2):
        deviations_and_holds.list_holds(world.context, INVESTIGATOR)


def set_and_read(world: World) -> None:
    set_hold(world, case="100001")
    deviations_and_holds.list_holds(world.context, INVESTIGATOR)


ACTS: tuple[Callable[[World], object], ...] = (read_twice, set_two, set_and_end, set_and_review, set_and_read)


@pytest.mark.both_databases
def test_whatever_is_held_the_database_looks_the_same_to_who_has_no_key(world, databases):
    in_grace(world)
    found = {}
    for nth, act in enumerate(ACTS):
        folder = world.folder / f"twin-{nth}"
        folder.mkdir()
        other = world.twin(databases, folder)
        act(other)
        for _ in range(2):
            other.pass_(days(1))
            other.look()
            other.plan()
            other.drain()
            other.verify()
        found[act.__name__] = dump(other)
    first = found.pop("read_twice")
    assert len(first) > 60
    assert first["hold_list"] == [(1, PADDED_TO + 29)]
    for name, other in found.items():
        assert [table for table in first if first[table] != other[table]] == [], name


def test_a_held_contact_has_the_rows_of_one_that_is_postponed_for_an_ordinary_cause(world, databases):
    """Once its day has come: in the other world the register tells that the case was closed later, and nothing else."""
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    world.look()
    world.plan()
    assert world.states() == {State.READY: 1}
    folder = world.folder / "twin"
    folder.mkdir()
    other = world.twin(databases, folder)
    set_hold(world, case="100001")
    world.tell()
    deviations_and_holds.list_holds(other.context, OFFICER)
    other.tell(replace(other.told["100001"], phase=Phase.CLOSED, closed_at=other.clock.now - days(1)))
    for each in (world, other):
        for _ in range(3):
            each.pass_(days(1))
            each.look()
            each.plan()
            each.drain()
            each.verify()
    assert [row.decision for row in world.rows(base.pair)] == [Decision.DEFER]
    one, two = dump(world), dump(other)
    assert {table for table in one if one[table] != two[table]} <= {"cases", "import_run", "log_entry", "log_node"}


def test_what_cannot_be_opened_holds_everything_until_two_people_begin_it_anew_and_two_end_that(world):
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    world.look()
    set_hold(world, worker="worker-1")
    with world.context.store.write() as connection:
        connection.info.pop("closeout.watch")  # as whoever writes the database by other means
        connection.execute(base.hold_list.update().values(sealed=b"\1" + bytes(100)))
    with world.context.store.read() as connection:
        assert hold_list.standing(connection) == UNREADABLE
    world.run()
    assert world.vendor.removals() == 0
    assert table_checks.why_not(world.context) == table_checks.RECORDS_DIFFER
    with pytest.raises(DecisionRefusedError) as refused:
        deviations_and_holds.list_holds(world.context, OFFICER)
    assert refused.value.problem is DecisionProblem.UNREADABLE
    uid = set_hold(world, case="100001")
    (begun, made) = world.holds()
    assert (begun.everything, made.uid, made.case_number) == (True, uid, "100001")


def test_a_worker_who_is_cleared_sees_no_hold_on_themselves_and_has_no_word_in_it(world):
    world.tell(closed("100001", NUMBERS[0]))
    uid = set_hold(world, worker="worker-1")
    (one,) = world.holds()
    subject = Cleared(Role.INVESTIGATOR, "w1", one.worker)
    assert deviations_and_holds.list_holds(world.context, subject) == []
    assert not deviations_and_holds.waiting_for(world.context, subject).any
    for act in (
        lambda: deviations_and_holds.release_hold(world.context, subject, uid),
        lambda: deviations_and_holds.review_hold(world.context, subject, uid, world.context.today() + days(9)),
    ):
        with pytest.raises(DecisionRefusedError) as refused:
            act()
        assert refused.value.problem is DecisionProblem.NOT_FOUND
    (row,) = deviations_and_holds.list_holds(world.context, INVESTIGATOR)
    assert (row.uid, row.is_new, row.said_at) == (uid, True, None)
    assert KEYS.sealer is world.context.keys.sealer
