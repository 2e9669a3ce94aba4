"""Putting back what we removed: when the work asks for it, labelled, once, never under a hold, and gone again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from mdm_adapters.port import Fault, Unreachable
from server.core.log.entries import EntryKind, canonical
from server.core.model import ContactClass, Phase, Role
from server.store.case_keys import CaseKeys
from server.store.schema.base import device, membership, metadata, tombstone
from server.store.schema.putting import put_back
from server.store.schema.usage import absence
from server.work.admin.access import Factors, Person
from server.work.removal import engine, pauses, putting
from server.work.removal.many_machines import find_chores
from server.work.removal.pauses import Actor
from tests.work.world import KEYS, NOW, NUMBERS, POLICY, Told, World, closed, days

CLIENT, OTHER = NUMBERS[0], NUMBERS[1]
DIGITS = "612345601"
LABELLED = replace(POLICY, version="labelled-1", puts_back=True, value_days=400)
WORKER = "worker-1"


@pytest.fixture
def labelled(make_world: Callable[..., World], tmp_path: Path) -> World:
    """Two workers with a book each, under a policy that puts back."""
    world = make_world(policy=LABELLED)
    world.context = replace(world.context, case_keys=CaseKeys(tmp_path / "keys", KEYS.sealer))
    return world


def open_case(number: str = "200001", *clients: str, **facts: object) -> Told:
    return Told(number, clients or (CLIENT,), **facts)  # type: ignore[arg-type]


def removed(world: World, *told: Told) -> None:
    """A contact that was in the book when its case closed, removed and proven gone."""
    world.put(CLIENT)
    world.tell(*(told or (closed("200001", CLIENT),)))
    turn(world)
    assert cards(world) == []


def cards(world: World, worker: int = 1) -> Sequence[str]:
    return sorted(body.decode() for _, body in world.book(worker).cards.values())


def reopen(world: World, **facts: object) -> None:
    world.tell(open_case(**facts))
    turn(world)


def turn(world: World) -> None:
    """What an engine does: read, decide, carry out, put back, verify; and then what that led to is due."""
    world.run()
    if engine.decide_due(world.context):
        engine.carry_on(world.context, at_once=1)
        world.verify()


def states(world: World) -> Sequence[tuple[str, bool]]:
    with world.context.store.read() as connection:
        rows = connection.execute(
            select(put_back.c.state, put_back.c.sealed.is_not(None)).order_by(put_back.c.place_id)
        )
        return [(row[0], bool(row[1])) for row in rows]


def key_files(world: World) -> Sequence[str]:
    assert world.context.case_keys is not None
    folder = world.context.case_keys.folder
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


def person(world: World) -> Person:
    worker, role = 1, Role.WORKER
    now = world.clock.now
    return Person(1, "account", None, (role,), role, worker, WORKER, None, Factors.LOCAL, now, None)


def share(world: World) -> None:
    with world.context.store.write() as connection:
        connection.execute(device.update().values(use="shared"))


def away(world: World) -> None:
    with world.context.store.write() as connection:
        connection.execute(absence.insert().values(worker_id=1, first=NOW.date()))


def leave(world: World) -> None:
    with world.context.store.write() as connection:
        connection.execute(delete(membership))
        connection.execute(
            membership.insert().values(worker_id=1, first=date(1, 1, 1), last=NOW.date() - days(1), team="team-1")
        )


def lose_keys(world: World) -> None:
    for file in files(world):
        file.unlink()


def files(world: World) -> Sequence[Path]:
    assert world.context.case_keys is not None
    return sorted(world.context.case_keys.folder.glob("*"))


def key_bytes(world: World) -> Sequence[bytes]:
    return [file.read_bytes() for file in files(world)]


def test_a_reopened_case_has_its_contact_put_back_labelled_and_seen_there(labelled: World) -> None:
    removed(labelled)
    assert (states(labelled), len(key_files(labelled))) == ([("kept", True)], 1)

    reopen(labelled)

    (body,) = cards(labelled)
    assert "FN:200001-A\r\n" in body
    assert "TEL:+31612345601\r\n" in body
    assert (states(labelled), key_files(labelled)) == ([("there", False)], [])
    assert labelled.findings() == []


def test_when_the_case_closes_again_it_goes_again_and_can_be_put_back_again(labelled: World) -> None:
    removed(labelled)
    reopen(labelled)

    labelled.tell(closed("200001", CLIENT))
    turn(labelled)

    assert cards(labelled) == []
    assert len(labelled.proofs()) == 2
    assert (states(labelled), len(key_files(labelled))) == ([("kept", True)], 1)
    reopen(labelled)
    assert len(cards(labelled)) == 1


@pytest.mark.statements_tried
def test_an_event_alone_puts_it_back_without_a_round_of_all_places(labelled: World) -> None:
    removed(labelled)
    labelled.tell(open_case())

    assert engine.decide_due(labelled.context)
    engine.carry_on(labelled.context, at_once=1)

    assert len(cards(labelled)) == 1
    assert states(labelled) == [("there", False)]


def test_on_many_machines_it_is_a_chore_of_its_own(labelled: World) -> None:
    removed(labelled)
    labelled.tell(open_case())
    labelled.plan()

    found = find_chores(labelled.context, fresh=NOW - days(9), full_pass=False)

    assert "put_back" in {chore.task for chore in found}


@pytest.mark.statements_tried
def test_a_monitoring_window_puts_it_back_and_its_end_takes_it_away(labelled: World) -> None:
    planned = (NOW + days(60)).date()
    monitored = Told("200001", (CLIENT,), phase=Phase.MONITORING, moments=((WORKER, planned),))
    removed(labelled, monitored)
    with labelled.context.store.read() as connection:
        opens, _ = putting.next_times(labelled.context, connection)
    assert opens is not None
    assert timedelta(0) < opens - labelled.context.now() < days(47)

    labelled.pass_(days(47))
    turn(labelled)
    assert len(cards(labelled)) == 1

    labelled.pass_(days(30))
    turn(labelled)
    assert (cards(labelled), states(labelled)) == ([], [("kept", True)])


@pytest.mark.statements_tried
def test_what_its_worker_took_out_before_us_was_never_ours_to_put_back(labelled: World) -> None:
    ref = labelled.put(CLIENT)
    labelled.tell(closed("200001", CLIENT))
    labelled.look()
    labelled.plan()
    labelled.book().delete(ref)
    turn(labelled)

    reopen(labelled)

    assert (cards(labelled), states(labelled), key_files(labelled)) == ([], [], [])


def test_what_its_worker_took_out_after_us_comes_back_when_they_ask_for_it_alone(labelled: World) -> None:
    removed(labelled)
    labelled.vendor.after_put.append(labelled.book().cards.clear)
    reopen(labelled)
    turn(labelled)
    labelled.pass_(days(2))
    turn(labelled)
    assert (cards(labelled), states(labelled)) == ([], [("taken_out", True)])

    assert putting.ask(labelled.context, person(labelled))
    turn(labelled)

    assert len(cards(labelled)) == 1


@pytest.mark.statements_tried
def test_what_they_take_out_once_it_was_seen_there_stays_out(labelled: World) -> None:
    removed(labelled)
    reopen(labelled)
    labelled.book().cards.clear()
    labelled.pass_(days(2))
    putting.ask(labelled.context, person(labelled))
    turn(labelled)

    assert (cards(labelled), states(labelled)) == ([], [("there", False)])


@pytest.mark.statements_tried
def test_a_card_that_its_worker_wrote_meanwhile_is_neither_doubled_nor_touched(labelled: World) -> None:
    removed(labelled)
    labelled.put(CLIENT, name="Contact of my own")
    before = cards(labelled)

    reopen(labelled)

    assert cards(labelled) == before
    assert (states(labelled), key_files(labelled)) == ([], [])


@pytest.mark.statements_tried
def test_a_reopening_while_the_call_was_out_puts_back_what_it_removed(labelled: World) -> None:
    labelled.put(CLIENT)
    labelled.tell(closed("200001", CLIENT))
    labelled.vendor.meanwhile.append(lambda: labelled.tell(open_case()))

    turn(labelled)

    (body,) = cards(labelled)
    assert "FN:200001-A" in body


def test_under_a_hold_nothing_is_put_and_it_looks_like_a_worker_who_is_away(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    seen = []
    for nth, act in enumerate((lambda world: world.hold(worker=WORKER), away)):
        world = make_world(policy=LABELLED)
        world.context = replace(world.context, case_keys=CaseKeys(tmp_path / f"keys-{nth}", KEYS.sealer))
        removed(world)
        act(world)
        reopen(world)
        putting.ask(world.context, person(world))
        turn(world)
        assert cards(world) == []
        rows = [(row.state, row.due_at, row.next_at, row.fence, row.kept_until) for row in world.rows(put_back)]
        lines = [entry.body for entry in world.log() if entry.kind is EntryKind.PUT_BACK]
        seen.append((rows, lines, len(key_files(world))))

    assert seen[0] == seen[1]
    assert seen[0][1] == [{"verb": "asked", "actor_role": "worker"}]


@pytest.mark.statements_tried
def test_when_the_hold_ended_it_is_put_back_within_a_day(labelled: World) -> None:
    removed(labelled)
    hold = labelled.hold(case="200001")
    reopen(labelled)
    assert cards(labelled) == []

    labelled.release(hold)
    labelled.pass_(days(1.1))
    turn(labelled)

    assert len(cards(labelled)) == 1


def pause(world: World) -> None:
    admin = Actor("admin-1", Role.IT_ADMINISTRATOR)
    pauses.pause(world.context, admin, connection_name="books", reason="maintenance", hours=4)


STOPS: dict[str, Callable[[World], object]] = {"a hold": lambda world: world.hold(case="200001"), "a pause": pause}


@pytest.mark.statements_tried
@pytest.mark.parametrize("what", STOPS)
def test_what_comes_right_before_the_call_stops_it(labelled: World, what: str) -> None:
    removed(labelled)
    labelled.tell(open_case())
    labelled.look()
    labelled.plan()
    put, come = labelled.vendor._put, []

    def meanwhile(*asked: object) -> object:
        if not come:
            come.append(STOPS[what](labelled))
        return put(*asked)  # type: ignore[arg-type]

    labelled.vendor._put = meanwhile  # type: ignore[assignment, method-assign]
    turn(labelled)

    assert (len(come), cards(labelled)) == (1, [])


def test_a_lost_answer_leaves_one_card(labelled: World) -> None:
    removed(labelled)
    labelled.vendor.fail_after.append(Unreachable(Fault.DROPPED))
    reopen(labelled)
    labelled.pass_(timedelta(minutes=2))
    turn(labelled)

    assert len(cards(labelled)) == 1
    assert states(labelled) == [("there", False)]


@pytest.mark.statements_tried
def test_a_store_that_is_away_is_tried_again(labelled: World) -> None:
    removed(labelled)
    labelled.tell(open_case())
    labelled.look()
    labelled.plan()
    labelled.vendor.fail_before.append(Unreachable(Fault.TIMED_OUT))
    assert putting.put_due(labelled.context) == 0
    assert putting.put_due(labelled.context) == 0

    labelled.pass_(timedelta(minutes=2))

    assert putting.put_due(labelled.context) == 1


@pytest.mark.statements_tried
def test_nothing_is_put_while_removing_is_paused(labelled: World) -> None:
    removed(labelled)
    pause(labelled)
    reopen(labelled)

    assert cards(labelled) == []


NOT_PUT: dict[str, Callable[[World], object]] = {
    "a shared book": share,
    "a worker who is absent": away,
    "a worker who left their team": leave,
    "an engine without the keys": lose_keys,
}


@pytest.mark.parametrize("why", NOT_PUT)
def test_nothing_is_put_for(labelled: World, why: str) -> None:
    removed(labelled)
    NOT_PUT[why](labelled)

    reopen(labelled)

    assert cards(labelled) == []
    assert labelled.findings() == []


REGISTERS: dict[str, Told] = {
    "a class that stays": open_case(contact_class=ContactClass.PROFESSIONAL),
    "somebody who is on the case no more": open_case(workers=("worker-2",)),
    "a number that the register does not call theirs": open_case(linked=False),
}


@pytest.mark.parametrize("what", REGISTERS)
def test_nothing_is_put_of(labelled: World, what: str) -> None:
    removed(labelled)

    labelled.tell(REGISTERS[what])
    turn(labelled)

    assert cards(labelled) == []


def test_a_number_that_the_register_names_no_more_is_destroyed_at_once(labelled: World) -> None:
    removed(labelled)

    labelled.tell(open_case("200001", OTHER))
    turn(labelled)

    assert (cards(labelled), states(labelled), key_files(labelled)) == ([], [], [])


@pytest.mark.statements_tried
def test_who_was_never_on_the_case_gets_nothing_back(labelled: World) -> None:
    labelled.put(CLIENT)
    labelled.tell(open_case(workers=("worker-2",)))
    labelled.look()
    labelled.pass_(days(20))
    turn(labelled)

    assert cards(labelled) == []
    assert (states(labelled), key_files(labelled)) == ([], [])


@pytest.mark.statements_tried
def test_a_register_that_opens_more_than_a_plan_may_remove_puts_nothing_back(labelled: World) -> None:
    labelled.put(OTHER)
    removed(labelled, closed("200001", CLIENT), closed("200002", OTHER))
    labelled.change(max_removals=1)

    labelled.tell(open_case(), open_case("200002", OTHER))
    turn(labelled)

    assert cards(labelled) == []


def test_a_value_is_destroyed_with_its_key_when_its_days_are_over(labelled: World) -> None:
    removed(labelled)

    labelled.pass_(days(401))
    turn(labelled)

    assert (states(labelled), key_files(labelled)) == ([], [])
    assert [entry.body for entry in labelled.log() if entry.kind is EntryKind.PUT_BACK] == [
        {"verb": "destroyed", "count": 1}
    ]


@pytest.mark.statements_tried
def test_a_policy_that_puts_nothing_back_destroys_what_was_kept(labelled: World) -> None:
    removed(labelled)

    labelled.change(puts_back=False, version="off-1")
    turn(labelled)

    assert (states(labelled), key_files(labelled)) == ([], [])


@pytest.mark.statements_tried
def test_it_is_watched_for_no_more_once_it_was_seen_there(labelled: World) -> None:
    removed(labelled)
    assert len(labelled.rows(tombstone)) == 1

    reopen(labelled)

    assert (labelled.rows(tombstone), labelled.findings()) == ([], [])


@pytest.mark.statements_tried
def test_a_dump_without_the_keys_tells_no_number_and_neither_does_the_log(labelled: World) -> None:
    removed(labelled)
    reopen(labelled)
    labelled.tell(closed("200001", CLIENT))
    turn(labelled)

    held = {name: labelled.rows(table) for name, table in metadata.tables.items()}
    told = repr(held).encode() + b"".join(canonical(each) for each in labelled.log())
    for value in (labelled.rows(put_back)[0].sealed, b"".join(key_bytes(labelled))):
        assert DIGITS.encode() not in value
    assert DIGITS.encode() not in told
    assert all(file.stat().st_mode & 0o077 == 0 for file in files(labelled))
    assert "20000" not in " ".join(key_files(labelled))


@pytest.mark.statements_tried
def test_without_putting_back_no_value_is_kept_sealed_or_not(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world()
    world.context = replace(world.context, case_keys=CaseKeys(tmp_path / "keys", KEYS.sealer))
    removed(world)
    reopen(world)

    assert (cards(world), states(world), key_files(world)) == ([], [], [])
    assert [entry for entry in world.log() if entry.kind is EntryKind.PUT_BACK] == []
    assert not (tmp_path / "keys").exists()
