"""Lists of devices, and Exchange's own figures of fetching: taken in whole or refused, never more than they carry."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from server.core.model import State
from server.core.problems import DeviceListProblem, ListRefusedError
from server.store.phones import pages
from server.store.phones.lists import FetchesTaken
from server.store.phones.pages import TeamCover
from server.store.schema import base
from server.store.schema import phones as schema_phones
from server.work.phones import device_lists, managers
from tests.work.phones.test_managers import managed
from tests.work.world import NOW, NUMBERS, World, closed, days

ONE, TWO = NUMBERS[:2]


def devices(world: World, *lines: str, header: str = "device;worker;employer;team;use;connection;phone") -> object:
    return device_lists.import_devices(world.context, header + "\n" + "\n".join(lines) + "\n")


def refused(world: World, text: str) -> tuple[DeviceListProblem, int | None, str | None]:
    before = [tuple(row) for row in world.rows(base.device)], len(world.log())
    with pytest.raises(ListRefusedError) as raised:
        device_lists.import_devices(world.context, text)
    assert ([tuple(row) for row in world.rows(base.device)], len(world.log())) == before
    return raised.value.problem, raised.value.line, raised.value.field


# --- devices


def test_a_list_says_whose_a_phone_is_by_serial_login_or_the_managers_own_id(world: World) -> None:
    mdm = managed(world, phones=0)
    for number in range(1, 4):
        mdm.enrol(f"ref-{number}", f"somebody-{number}@org.example")
    managers.refresh(world.context, force=True)

    taken = devices(
        world,
        "device-1;worker-1;;;;fleet;SERIAL-REF-1",
        "device-2;worker-2;;;;fleet;somebody-2@ORG.example",
        "device-9;worker-2;;;loan;fleet;ref-3",
    )

    with world.context.store.read() as connection:
        lines = pages.read_phones(connection)
    assert (taken.rows, taken.new, taken.matched) == (3, 1, 3)  # type: ignore[attr-defined]
    assert [(line.worker, line.device) for line in lines] == [
        ("worker-1", "device-1"),
        ("worker-2", "device-2"),
        ("worker-2", "device-9"),
    ]


def test_coverage_counts_workers_without_with_two_and_shared_and_loan_phones(world: World) -> None:
    managed(world)
    managers.refresh(world.context, force=True)
    devices(
        world,
        "device-7;worker-7;Employer 1;team-1;shared;;",
        "device-8;worker-1;;;loan;;",
    )
    with world.context.store.write() as connection:
        employer = connection.execute(base.employer.select()).first()
        assert employer is not None
        connection.execute(base.worker.insert().values(ref="worker-8", employer_id=employer.id, team="team-1"))

    with world.context.store.read() as connection:
        covers = pages.team_covers(connection)

    assert covers == [
        TeamCover("Employer 1", "team-1", 3, without=1, one=1, several=1, devices=3, shared=1, loan=1, unmanaged=2),
        TeamCover("Employer 2", "team-1", 1, without=0, one=1, several=0, devices=1, shared=0, loan=0, unmanaged=1),
    ]


def test_a_shared_phone_is_asked_when_any_of_its_workers_lost_a_contact(world: World) -> None:
    mdm = managed(world, phones=0)
    mdm.enrol("ref-desk", "desk@org.example")
    devices(world, "desk-1;worker-2;;;shared;fleet;ref-desk")
    with world.context.store.write() as connection:
        (place,) = [row for row in world.rows(base.place) if row.address == "book-1"]
        (desk,) = [row for row in world.rows(base.device) if row.ref == "desk-1"]
        connection.execute(base.place_device.insert().values(place_id=place.id, device_id=desk.id))
    managers.work_on_phones(world.context)
    mdm.act("ref-desk")
    world.clock.pass_(timedelta(hours=1))
    mdm.calls.clear()
    world.tell(closed("100001", ONE))
    world.put(ONE)

    world.run()

    assert ("sync", "ref-desk") in mdm.calls


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", (DeviceListProblem.EMPTY_FILE, None, None)),
        ("device;worker\n", (DeviceListProblem.EMPTY_FILE, None, None)),
        ("device;worker;imei\nx;worker-1;1\n", (DeviceListProblem.UNKNOWN_COLUMN, 1, None)),
        ("device;team\nx;y\n", (DeviceListProblem.MISSING_COLUMN, 1, "worker")),
        ("device;worker\nx;worker-1\n;worker-1\n", (DeviceListProblem.MISSING_VALUE, 3, "device")),
        ("device;worker\nx;worker-99\n", (DeviceListProblem.UNKNOWN_WORKER, 2, "worker")),
        ('device;worker;team\nx;worker-1;"a\ny;worker-2;b"\n', (DeviceListProblem.NOT_ONE_ROW, 2, None)),
        ("device;worker;use\nx;worker-1;mine\n", (DeviceListProblem.UNKNOWN_USE, 2, "use")),
        (
            "device;worker;connection;phone\nx;worker-1;none;y\n",
            (DeviceListProblem.UNKNOWN_CONNECTION, 2, "connection"),
        ),
        ("device;worker\nx;worker-1\0\n", (DeviceListProblem.NOT_TEXT, None, None)),
    ],
)
def test_a_list_with_a_fault_goes_in_not_at_all_and_says_where(
    world: World, text: str, problem: tuple[object, ...]
) -> None:
    assert refused(world, text) == problem


# --- Exchange's figures


def mailbox(world: World, *, devices: int = 1) -> None:
    """worker-1's book is a mailbox that one device reads (or several), and one contact was proven gone from it."""
    with world.context.store.write() as connection:
        (place,) = [row for row in world.rows(base.place) if row.address == "book-1"]
        for number in range(2, devices + 1):
            connection.execute(base.device.insert().values(ref=f"extra-{number}", worker_id=place.worker_id, use="own"))
            (row,) = [each for each in connection.execute(base.device.select()) if each.ref == f"extra-{number}"]
            connection.execute(base.place_device.insert().values(place_id=place.id, device_id=row.id))
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    assert world.states() == {State.DONE: 1}


def stats(world: World, *rows: tuple[str, str, str]) -> FetchesTaken:
    text = "Mailbox,DeviceID,LastSuccessSync\n" + "".join(f"{','.join(row)}\n" for row in rows)
    return device_lists.take_fetches(world.context, "books", text)


def at(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_a_phone_that_synchronised_after_the_proof_raises_the_order_for_that_phone(world: World) -> None:
    mailbox(world)
    world.clock.pass_(days(1))

    taken = stats(world, ("BOOK-1", "APPL1", at(NOW + timedelta(hours=3))))

    assert (taken.matched, taken.unknown, len(taken.raised)) == (1, 0, 1)
    assert [(row.level, row.how, row.at) for row in world.rows(base.evidence)] == [
        ("device_synced", "store_figures", NOW + timedelta(hours=3))
    ]
    assert world.order().level == "store_removed"
    assert len(stats(world, ("book-1", "APPL1", at(NOW + timedelta(hours=3)))).raised) == 0


@pytest.mark.parametrize("when", [NOW - timedelta(seconds=1), NOW])
def test_one_that_synchronised_before_the_proof_proves_nothing(world: World, when: datetime) -> None:
    mailbox(world)

    assert (stats(world, ("book-1", "APPL1", at(when))).raised, world.rows(base.evidence)) == ((), [])


def test_of_two_devices_that_could_be_meant_none_is_taken(world: World) -> None:
    mailbox(world)
    world.clock.pass_(days(1))
    later = at(NOW + timedelta(hours=3))

    taken = stats(world, ("book-1", "APPL1", later), ("book-1", "APPL2", later))

    assert (taken.matched, taken.unknown, taken.raised) == (0, 2, ())


def test_a_device_named_in_a_list_is_known_among_several(world: World) -> None:
    mailbox(world, devices=2)
    devices(world, "extra-2;worker-1;;;;books;APPL2")
    world.clock.pass_(days(1))
    later = at(NOW + timedelta(hours=3))

    taken = stats(world, ("book-1", "APPL1", later), ("book-1", "appl2", later))

    (extra,) = [row.id for row in world.rows(base.device) if row.ref == "extra-2"]
    assert [device for _, device in taken.raised] == [extra]
    assert taken.unknown == 1


@pytest.mark.parametrize(
    "written",
    [
        "2025-03-04T15:00:00Z",
        "2025-03-04T15:00:00",
        "2025-03-04 15:00:00",
        "2025-03-04T16:00:00+01:00",
        "2025-03-04T15:00:00.0000000Z",
        "/Date(1741100400000)/",
    ],
)
def test_times_are_read_as_powershell_writes_them(world: World, written: str) -> None:
    mailbox(world)
    world.clock.pass_(days(1))

    stats(world, ("book-1", "APPL1", written))

    assert [row.at for row in world.rows(base.evidence)] == [NOW + timedelta(hours=3)]


@pytest.mark.parametrize("never", ["", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "/Date(-62135596800000)/"])
def test_year_one_is_never(world: World, never: str) -> None:
    mailbox(world)
    world.clock.pass_(days(1))

    assert stats(world, ("book-1", "APPL1", never)).matched == 0


@pytest.mark.parametrize("bad", ["3/4/2025 3:00:00 PM", "4-3-2025 15:00", "soon", "2025-13-01T00:00:00Z", "1741100400"])
def test_a_time_that_could_be_two_days_is_refused(world: World, bad: str) -> None:
    mailbox(world)

    with pytest.raises(ListRefusedError) as raised:
        stats(world, ("book-1", "APPL1", at(NOW)), ("book-1", "APPL1", bad))

    assert (raised.value.problem, raised.value.line, world.rows(schema_phones.device_fetch)) == (
        DeviceListProblem.BAD_TIME,
        3,
        [],
    )


def test_a_time_that_lies_ahead_is_refused(world: World) -> None:
    mailbox(world)

    with pytest.raises(ListRefusedError) as raised:
        stats(world, ("book-1", "APPL1", at(NOW + days(30))))

    assert raised.value.problem is DeviceListProblem.BAD_TIME


def test_json_says_the_same_as_csv(world: World) -> None:
    mailbox(world)
    world.clock.pass_(days(1))
    row = {"Mailbox": "book-1", "DeviceID": "APPL1", "LastSuccessSync": {"value": "2025-03-04T15:00:00Z"}, "More": 1}

    taken = device_lists.take_fetches(world.context, "books", json.dumps(row))

    assert len(taken.raised) == 1


@pytest.mark.parametrize("text", ["{", "[1]", '[{"Mailbox": "x"}]', "", "a,b\n1,2\n", "[" * 100_000])
def test_what_are_no_figures_is_refused_and_changes_nothing(world: World, text: str) -> None:
    mailbox(world)

    with pytest.raises(ListRefusedError):
        device_lists.take_fetches(world.context, "books", text)

    assert world.rows(schema_phones.device_fetch) == []


def test_windows_powershells_first_line_is_passed_over(world: World) -> None:
    mailbox(world)
    world.clock.pass_(days(1))
    text = '#TYPE Selected.X\r\n"Mailbox","DeviceID","LastSuccessSync"\r\n"book-1","APPL1","2025-03-04T15:00:00Z"\r\n'

    assert len(device_lists.take_fetches(world.context, "books", text).raised) == 1
