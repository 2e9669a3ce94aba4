"""An export is taken in whole or not at all; what went wrong with a case system must not look like closed cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from server.core.log.entries import EntryKind
from server.core.model import State
from server.sources.case_file import open_export
from server.sources.invented import Organisation, all_closed, invent, without_cases
from server.sources.rows import Mode, Problem
from server.sources.writing import write_rows
from server.store.schema import base
from server.work.register.intake import Intake, IntakeOutcome, take_in
from tests.work.world import NOW, NUMBERS, Told, World, closed, days, mapping

ONE, TWO, THREE = NUMBERS[:3]
REGISTER = (base.cases, base.identifier, base.link, base.directory, base.assignment, base.moment)


def register(world: World) -> list[Sequence[object]]:
    return [world.rows(table) for table in REGISTER]


def take_spoiled(world: World, spoil: Callable[[str, str], str], *told: Told, **how: bool) -> Intake:
    """An export of these cases, each of whose files somebody spoiled: spoil(file's kind, its text)."""
    paths = write_rows([row for each in told for row in each.rows()], mapping(Mode.FULL), world.folder, world.clock.now)
    for path in paths:
        path.write_text(spoil(path.name.partition("-")[0], path.read_text()))
    return take_in(world.context, open_export(paths, mapping(Mode.FULL), as_of=world.clock.now), **how)


# --- sound exports ------------------------------------------------------------------------------------------------


def test_a_sound_export_becomes_the_register_and_a_line_of_the_log(world):
    taken = world.tell(closed("100001", ONE, TWO), Told("100002", (THREE,)))
    assert (taken.outcome, taken.fault_count, taken.rows) == (IntakeOutcome.APPLIED, 0, 7)
    assert taken.applied is not None
    assert (taken.applied.cases, taken.applied.identifiers) == (2, 3)
    (body,) = world.logged(EntryKind.REGISTER_CHANGED)
    assert (body["outcome"], body["mode"], body["count"]) == ("applied", "full", 2)


def test_the_same_export_come_again_touches_nothing(world):
    world.tell(closed("100001", ONE))
    before = register(world)
    again = world.tell()
    assert (again.outcome, again.applied and again.applied.touched) == (IntakeOutcome.APPLIED, 0)
    assert register(world) == before


def test_an_export_of_changes_says_nothing_of_other_cases(world):
    world.tell(closed("100001", ONE), Told("100002", (TWO,)))
    world.clock.pass_(days(1))
    world.tell(Told("100001", (ONE,)), mode=Mode.CHANGES)
    assert {row.number: row.phase for row in world.rows(base.cases)} == {
        "100001": "investigation",
        "100002": "investigation",
    }
    assert [row.linked for row in world.rows(base.link)] == [True, True]


def test_a_day_that_a_number_was_given_up_begins_at_midnight_in_amsterdam(world):
    text = "former since"

    def give_up(kind: str, content: str) -> str:
        if kind != "contacts":
            return content
        header, *lines = content.splitlines()
        at = header.split(",").index(text)
        cells = [line.split(",") for line in lines]
        for line in cells:
            line[at] = "2025-03-30"
        return "\n".join([header, *(",".join(line) for line in cells)])

    assert take_spoiled(world, give_up, closed("100001", ONE)).outcome is IntakeOutcome.APPLIED
    (link,) = world.rows(base.link)
    assert link.former_since.isoformat() == "2025-03-29T23:00:00+00:00"


def test_an_export_dated_in_the_future_does_not_make_the_register_fresher_than_now(world):
    world.take_in(list(closed("100001", ONE).rows()), as_of=NOW + timedelta(minutes=59))
    (system,) = world.rows(base.case_system)
    assert system.read_at == NOW


@pytest.mark.parametrize("partial", [False, True])
def test_an_export_dated_more_than_an_hour_ahead_is_refused_and_not_taken_as_now(world, partial):
    world.tell(Told("100001", (ONE,)))
    before = freshness(world)
    world.clock.pass_(days(1))
    ahead = world.clock.now + timedelta(minutes=61)
    taken = world.take_in(list(closed("100001", ONE).rows()), as_of=ahead, partial=partial)
    assert (taken.outcome, [fault.problem for fault in taken.faults]) == (IntakeOutcome.FAULTY, [Problem.FUTURE_EXPORT])
    assert freshness(world) == before


# --- older ones ---------------------------------------------------------------------------------------------------


def test_an_export_older_than_one_that_was_taken_in_is_refused(world):
    world.tell(closed("100001", ONE))
    before = register(world)
    old = world.take_in(list(Told("100001", (ONE,)).rows()), as_of=NOW - timedelta(seconds=1))
    assert (old.outcome, register(world)) == (IntakeOutcome.OLDER, before)
    same = world.take_in(list(Told("100001", (ONE,)).rows()), as_of=NOW)
    assert same.outcome is IntakeOutcome.APPLIED


# --- faulty ones --------------------------------------------------------------------------------------------------


def not_a_phase(kind: str, content: str) -> str:
    return content.replace("investigation", "CANARY-PHASE") if kind == "cases" else content


def not_a_number(kind: str, content: str) -> str:
    return content.replace(TWO, "CANARY-NAME Janssen") if kind == "contacts" else content


def not_a_date(kind: str, content: str) -> str:
    return content.replace("2024-01-09", "CANARY-DATE") if kind == "assignments" else content


SPOILED = {"phase": not_a_phase, "number": not_a_number, "date": not_a_date}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_of_a_faulty_export_nothing_goes_in(world, spoil):
    world.tell(Told("100001", (ONE,)))
    before = register(world)
    world.clock.pass_(days(1))
    taken = take_spoiled(world, spoil, Told("100001", (ONE,)), Told("100002", (TWO,)))
    assert (taken.outcome, register(world)) == (IntakeOutcome.FAULTY, before)
    assert taken.fault_count == len(taken.faults) > 0


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_fault_tells_where_and_what_to_do_and_never_what_stood_there(world, spoil, tmp_path):
    taken = take_spoiled(world, spoil, Told("100001", (ONE,)), Told("100002", (TWO,)), partial=True)
    for fault in taken.faults:
        assert fault.line is not None
        assert fault.advice()
    told = repr(taken) + "".join(fault.advice() for fault in taken.faults) + repr([e.body for e in world.log()])
    assert "CANARY" not in told
    assert not re.search(r"1234 ?5 ?6\d\d", told)
    assert_not_at_rest(world, tmp_path, b"CANARY")


def assert_not_at_rest(world: World, folder: Path, *needles: bytes) -> None:
    """Not in any row of any table; on SQLite not in any byte of its files either."""
    for table in base.metadata.sorted_tables:
        for row in world.rows(table):
            kept = b"\0".join(value if isinstance(value, bytes) else repr(value).encode() for value in row)
            assert not [needle for needle in needles if needle in kept], table.name
    for file in folder.glob("closeout*.db*"):
        assert not [needle for needle in needles if needle in file.read_bytes()], file.name


def test_of_a_faulty_export_the_sound_rows_go_in_if_a_person_says_so_and_nothing_vanishes(world):
    world.tell(Told("100001", (ONE,)), Told("100002", (TWO,)))
    world.clock.pass_(days(1))
    taken = take_spoiled(world, lambda kind, text: text.replace("2024-01-09,", "CANARY,", 1), *world.told.values())
    assert taken.outcome is IntakeOutcome.FAULTY
    taken = take_spoiled(
        world,
        lambda kind, text: text.replace("100002,investigation", "100002,CANARY") if kind == "cases" else text,
        closed("100001", ONE),
        Told("100002", (TWO,)),
        partial=True,
    )
    assert taken.outcome is IntakeOutcome.APPLIED
    assert taken.applied is not None
    assert taken.applied.vanished == 0
    assert {row.number: row.phase for row in world.rows(base.cases)} == {
        "100001": "closed",
        "100002": "investigation",
    }
    assert all(row.linked for row in world.rows(base.link))


@pytest.mark.parametrize("spoil", [not_a_date, not_a_number], ids=["assignment", "contact"])
def test_what_a_fault_hides_of_a_case_is_not_taken_away_from_it(world, spoil):
    """An assignment that cannot be read still holds, and so does a number."""
    told = Told("100001", (ONE, TWO))
    world.tell(told)
    world.put(TWO)
    world.run()
    world.clock.pass_(timedelta(hours=1))
    assert take_spoiled(world, spoil, told, Told("100002", (THREE,)), partial=True).outcome is IntakeOutcome.APPLIED
    world.plan(full=True)
    world.run()
    assert (world.states(), world.findings(), len(world.book().cards)) == ({}, [], 1)
    (pair,) = world.rows(base.pair)
    assert (pair.decision, pair.reason) == ("keep", "assigned")


def freshness(world: World) -> list[object]:
    return [row.read_at for row in world.rows(base.case_system)]


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_sound_rows_of_a_faulty_export_do_not_make_the_register_fresh(world, spoil):
    world.tell(closed("100001", ONE), Told("100002", (TWO,)))
    world.clock.pass_(days(1))
    taken = take_spoiled(world, spoil, closed("100001", ONE), Told("100002", (TWO,)), partial=True)
    assert (taken.outcome, freshness(world)) == (IntakeOutcome.APPLIED, [NOW])
    world.tell()
    assert freshness(world) == [NOW + days(1)]


def test_an_export_without_a_sound_row_is_refused_though_a_person_says_so(world):
    """A reopened case's contact was removed: the file that told of it could not be read, and called the rest fresh."""
    world.tell(closed("100001", ONE))
    before = register(world)
    world.clock.pass_(days(9))
    taken = take_spoiled(world, lambda kind, text: "nothing of ours\n", Told("100001", (ONE,)), partial=True)
    assert (taken.outcome, taken.partial_helps) == (IntakeOutcome.FAULTY, False)
    assert (register(world), freshness(world)) == (before, [NOW])


def test_sound_rows_do_not_begin_a_case_system(world):
    """Another mapping may name another system, and what is in cannot be taken out again."""
    world.tell(closed("100001", ONE))
    before = register(world)
    other = mapping(Mode.FULL).model_copy(update={"system": "other-system"})
    rows = [row for told in (Told("100001", (ONE,)), Told("100002", (TWO,))) for row in told.rows()]
    paths = write_rows(rows, other, world.folder, world.clock.now)
    paths[0].write_text(paths[0].read_text().replace("investigation", "CANARY", 1))
    taken = take_in(world.context, open_export(paths, other, as_of=world.clock.now), partial=True)
    assert (taken.outcome, taken.partial_helps) == (IntakeOutcome.NOT_BEGUN, False)
    assert ([row.name for row in world.rows(base.case_system)], register(world)) == (["case-system"], before)


HELPS = {"phase": False, "number": True, "date": False}


@pytest.mark.parametrize("what", SPOILED)
def test_the_sound_rows_are_offered_where_not_the_mapping_is_wrong(world, what):
    told = (Told("100001", (ONE,)), Told("100002", (TWO,)))
    assert not take_spoiled(world, SPOILED[what], *told).partial_helps  # nothing of this system is known yet
    world.tell(*told)
    assert take_spoiled(world, SPOILED[what], *told).partial_helps is HELPS[what]


def test_counts_are_of_the_file(world):
    told = [closed(f"10000{n}", number) for n, number in enumerate(NUMBERS[:5])]
    first = world.tell(*told, Told("100009", (NUMBERS[5],)))
    assert first.applied is not None
    assert (first.rows, first.applied.closed, first.applied.newly_closed) == (18, 5, 5)
    world.clock.pass_(days(1))
    again = world.tell(closed("100009", NUMBERS[5]))
    assert again.applied is not None
    assert (again.rows, again.applied.closed, again.applied.newly_closed) == (18, 6, 1)


def test_a_number_that_is_none_is_told_with_its_column_by_number_and_header(world):
    taken = take_spoiled(world, not_a_number, Told("100001", (ONE,)), Told("100002", (TWO,)))
    assert [fault.advice() for fault in taken.faults] == [
        "Column 2 (phone or address) holds no telephone number or e-mail address. Correct the cell."
    ]


# --- the breaker --------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny() -> Organisation:
    return invent("tiny", seed=3, now=NOW)


def test_a_case_system_that_says_everything_is_closed_stops_and_asks(world, tiny):
    assert world.take_in(list(tiny.rows())).outcome is IntakeOutcome.APPLIED
    before = register(world)
    taken = world.take_in(list(all_closed(tiny).rows()))
    assert (taken.outcome, taken.tripped) == (IntakeOutcome.STOPPED, ("closures",))
    assert taken.weight is not None
    assert taken.weight.closes > 20
    assert register(world) == before
    assert world.logged(EntryKind.REGISTER_CHANGED)[-1]["outcome"] == "stopped"
    confirmed = world.take_in(list(all_closed(tiny).rows()), confirmed=True)
    assert confirmed.outcome is IntakeOutcome.APPLIED


def test_a_case_system_that_lost_cases_stops_and_asks(world, tiny):
    world.take_in(list(tiny.rows()))
    before = register(world)
    lost = without_cases(tiny, 0.5)
    taken = world.take_in(list(lost.rows()))
    assert (taken.outcome, taken.tripped) == (IntakeOutcome.STOPPED, ("vanished",))
    assert taken.weight is not None
    assert taken.weight.vanishes == len(tiny.cases) - len(lost.cases)
    assert register(world) == before


def test_what_a_stopped_export_would_have_closed_is_not_removed(world):
    clients = NUMBERS[:30]
    world.tell(*(Told(str(100001 + n), (number,)) for n, number in enumerate(clients)))
    for number in clients:
        world.put(number)
    world.run()
    world.clock.pass_(days(1))
    taken = world.tell(*(closed(str(100001 + n), number) for n, number in enumerate(clients)))
    assert taken.outcome is IntakeOutcome.STOPPED
    world.run()
    assert (len(world.book().cards), world.states()) == (30, {})


def test_closures_as_usual_do_not_stop_anything(world):
    cases = [Told(str(100001 + n), (number,)) for n, number in enumerate(NUMBERS[:40])]
    world.tell(*cases)
    for _ in range(2):
        now, cases = cases[:20], cases[20:]
        world.clock.pass_(days(1))
        assert world.tell(*(closed(each.number, *each.clients) for each in now)).outcome is IntakeOutcome.APPLIED


def test_a_register_that_is_empty_has_nothing_to_be_weighed_against(world, tiny):
    assert world.take_in(list(all_closed(tiny).rows())).outcome is IntakeOutcome.APPLIED


def test_a_contact_of_a_case_that_vanished_is_for_a_person_to_decide(world):
    world.tell(closed("100001", ONE), Told("100002", (TWO,)))
    world.put(ONE)
    taken = world.take_in(list(Told("100002", (TWO,)).rows()), confirmed=True)
    assert taken.applied is not None
    assert taken.applied.vanished == 1
    world.run()
    assert (world.states(), world.figures()["reviews"], len(world.book().cards)) == ({}, 1, 1)
    world.tell(confirmed=True)
    world.run()
    assert world.states() == {State.DONE: 1}


def test_an_empty_export_is_not_believed(world):
    world.tell(closed("100001", ONE))
    before = register(world)
    taken = world.take_in([], partial=True, confirmed=True)
    assert Problem.NO_ROWS in [fault.problem for fault in taken.faults]
    assert register(world) == before
