"""What must never be is refused by the database itself, whatever the code above it believes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table
from sqlalchemy.exc import IntegrityError, StatementError

from server.core.model import OPEN_STATES, State
from server.store.database import Store
from server.store.schema import base, pauses
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.store.fixtures import KINDS, Databases
from tests.store.ground import NOW, Ground, days, lay_and_look, survey


def prepare(url: str) -> None:
    lay_and_look(url)
    store = Store(url)
    with store.write() as connection:
        put(connection, base.plan, uid="plan-1", made_at=NOW, policy="p", digest="d", removals=1)
    store.close()


@pytest.fixture(scope="module", params=KINDS)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _sqlite_templates: dict[str, Path]
) -> Iterator[Store]:
    """One database for all of these tests: what they try never lasts."""
    postgres = request.getfixturevalue("_postgres_or_why") if request.param == "postgresql" else None
    if isinstance(postgres, PartMissingError):
        part_missing(str(postgres))
    made = Databases(request.param, tmp_path_factory.mktemp("constraints"), _sqlite_templates, postgres)
    store = Store(made.fresh("constraints", prepare))
    yield store
    store.close()
    made.drop()


@pytest.fixture
def ground(shared: Store) -> Ground:
    return survey(shared)


@pytest.fixture
def connection(shared: Store) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    with shared.engine.connect().execution_options(closeout_write=True) as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


def put(connection: Connection, table: Table, **values: object) -> None:
    connection.execute(table.insert().values(**values))


def order(ground: Ground, **changes: object) -> dict[str, object]:
    """A sound order that is ready."""
    return {
        "id": "order-1",
        "place_id": ground.places[0],
        "identifier_id": ground.identifiers[0],
        "worker_id": ground.workers[0],
        "plan_id": 1,
        "verb": "remove",
        "reason": "finally_closed",
        "policy": "p",
        "state": "ready",
        "planned_at": NOW,
        "next_at": NOW,
        "level": "ordered",
        **changes,
    }


SOUND: dict[State, dict[str, object]] = {
    State.WAITING: {"next_at": None},
    State.READY: {},
    State.CALLING: {"lease_by": "engine"},
    State.CHECKING: {"next_at": None, "accepted_version": 1},
    State.DONE: {"next_at": None, "settled_at": NOW, "level": "store_removed"},
    State.STOPPED: {"next_at": None},
    State.PERSON: {"next_at": None},
}

UNSOUND_ORDERS = {
    "ready without a time": {"next_at": None},
    "waiting with a time": {"state": "waiting"},
    "being called without a lease": {"state": "calling"},
    "a lease on what is not being called": {"lease_by": "engine"},
    "a lease without an end": {"state": "calling", "lease_by": "engine", "next_at": None},
    "done without proof": {"state": "done", "next_at": None, "settled_at": NOW},
    "done without when": {"state": "done", "next_at": None, "level": "store_removed"},
    "settled and not done": {"settled_at": NOW},
    "accepted at no version": {"state": "checking", "next_at": None},
    "in a state that is none": {"state": "forgotten"},
    "at a level that is none": {"level": "believed"},
    "of a place that is none": {"place_id": 999_999},
    "of an identifier that is none": {"identifier_id": 999_999},
    "of a plan that is none": {"plan_id": 999_999},
}


@pytest.mark.parametrize("state", State)
def test_an_order_in_each_state_can_be_kept(connection, ground, state):
    put(connection, base.orders, **order(ground, state=state.value, **SOUND[state]))


@pytest.mark.parametrize("wrong", UNSOUND_ORDERS.values(), ids=UNSOUND_ORDERS.keys())
def test_an_order_is_never(connection, ground, wrong):
    with pytest.raises(IntegrityError, match=r"(?i)check constraint|foreign key"), connection.begin_nested():
        put(connection, base.orders, **order(ground, **wrong))


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_of_one_contact_at_one_place_there_is_one_open_order(connection, ground, state):
    put(connection, base.orders, **order(ground))
    with pytest.raises(IntegrityError), connection.begin_nested():
        put(connection, base.orders, **order(ground, id="order-2", state=state.value, **SOUND[state]))


@pytest.mark.parametrize("state", [State.DONE, State.STOPPED])
def test_beside_an_open_order_there_may_be_any_number_that_are_over(connection, ground, state):
    for number in range(3):
        put(connection, base.orders, **order(ground, id=f"over-{number}", state=state.value, **SOUND[state]))
    put(connection, base.orders, **order(ground))
    put(connection, base.orders, **order(ground, id="elsewhere", place_id=ground.places[1]))
    put(connection, base.orders, **order(ground, id="another", identifier_id=ground.identifiers[1]))


def test_there_is_one_list_of_holds(connection):
    with pytest.raises(IntegrityError), connection.begin_nested():
        put(connection, base.hold_list, id=2, sealed=b"x")


TWICE: dict[str, tuple[Table, dict[str, object]]] = {
    "one installation": (
        base.installation,
        {"id": 1, "uid": "u", "name": "n", "demo": True, "key_check": b"", "created_at": NOW},
    ),
    "one head of the log": (base.log_head, {"id": 1, "frontier": b""}),
    "one place at an address": (
        base.place,
        {"uid": "other", "connection_id": 1, "worker_id": 1, "address": "book-1"},
    ),
    "one row for a token": (base.identifier, {"token": (1).to_bytes(32, "big"), "verified": True}),
    "one case of a number in a system": (
        base.cases,
        {"system_id": 1, "number": "case-1", "phase": "triage", "recorded": False},
    ),
    "one worker of a reference": (base.worker, {"ref": "worker-1", "employer_id": 1, "team": ""}),
    "one device of a login": (base.device, {"ref": "other", "worker_id": 1, "login": "phone-1"}),
}


@pytest.mark.parametrize(("table", "row"), TWICE.values(), ids=TWICE.keys())
def test_there_is_only(connection, ground, table, row):
    with pytest.raises(IntegrityError, match=r"(?i)unique"), connection.begin_nested():
        put(connection, table, **row)


def test_there_is_no_second_installation_under_another_number(connection, ground):
    for table, row in (TWICE["one installation"], TWICE["one head of the log"]):
        with pytest.raises(IntegrityError), connection.begin_nested():
            put(connection, table, **{**row, "id": 2})


def test_two_open_findings_never_ask_the_same_question(connection, ground):
    question = {"kind": "reappeared", "subject": "s", "opened_at": NOW}
    put(
        connection,
        base.finding,
        uid="1",
        **question,
        closed_at=NOW,
        disposition="looked into",
        concluded_as="explained",
    )
    put(connection, base.finding, uid="2", **question)
    with pytest.raises(IntegrityError), connection.begin_nested():
        put(connection, base.finding, uid="3", **question)


WRONG_WORDS: dict[str, tuple[Table, dict[str, object]]] = {
    "phase": (base.cases, {"system_id": 1, "number": "x", "phase": "gone", "recorded": False}),
    "class": (base.directory, {"identifier_id": 1, "class": "neighbour"}),
    "presence": (
        base.sighting,
        {
            "place_id": 1,
            "identifier_id": 1,
            "presence": "perhaps",
            "appearance": 1,
            "first_at": NOW,
            "since_at": NOW,
        },
    ),
    "appearance": (
        base.sighting,
        {"place_id": 1, "identifier_id": 1, "presence": "present", "appearance": 0, "first_at": NOW, "since_at": NOW},
    ),
    "decision": (base.pair, {"worker_id": 1, "identifier_id": 1, "decision": "perhaps"}),
    "finding": (base.finding, {"uid": "1", "kind": "suspicion", "subject": "s", "opened_at": NOW}),
    "tier": (
        base.deviation,
        {
            "uid": "1",
            "case_id": 1,
            "worker_id": 1,
            "tier": "king",
            "reason": "",
            "decided_by": "",
            "recorded_at": NOW,
            "until_at": NOW,
        },
    ),
    "review after the end": (
        base.gate,
        {
            "employer_id": 1,
            "dpia": "",
            "consent": "",
            "purpose": "",
            "scope": "removal",
            "review_on": date(2026, 1, 2),
            "ends_on": date(2026, 1, 1),
            "recorded_at": NOW,
            "recorded_by": "",
        },
    ),
}


@pytest.mark.parametrize(("table", "row"), WRONG_WORDS.values(), ids=WRONG_WORDS.keys())
def test_a_word_outside_its_closed_set_is_refused(connection, ground, table, row):
    with pytest.raises(IntegrityError, match=r"(?i)check constraint"), connection.begin_nested():
        put(connection, table, **row)


def test_an_instant_without_a_time_zone_is_refused_before_it_reaches_the_database(connection, ground):
    naive = datetime(2025, 3, 4, 12, 0)  # noqa: DTZ001  the very thing that is refused
    with pytest.raises(StatementError, match="time zone"), connection.begin_nested():
        put(connection, base.orders, **order(ground, next_at=naive))


def test_an_instant_comes_back_to_the_microsecond(connection, ground):
    at = NOW + days(1000) - days(1) / 7
    put(connection, base.orders, **order(ground, next_at=at))
    assert connection.execute(base.orders.select()).one().next_at == at


def test_an_identifier_number_is_never_given_out_again(connection):
    rows = [{"token": number.to_bytes(32, "big"), "verified": True} for number in range(100, 103)]
    for row in rows[:2]:
        put(connection, base.identifier, **row)
    newest = connection.execute(base.identifier.select()).all()[-1].id
    connection.execute(base.identifier.delete().where(base.identifier.c.id == newest))
    put(connection, base.identifier, **rows[2])
    assert connection.execute(base.identifier.select()).all()[-1].id > newest


def pause(**changes: object) -> dict[str, object]:
    """A sound pause of everything."""
    return {
        "uid": "pause-1",
        "everything": True,
        "reason": "maintenance",
        "set_by": "admin-1",
        "set_as": "it_administrator",
        "set_at": NOW,
        "ends_at": NOW + days(1),
        **changes,
    }


def test_everything_and_each_connection_are_paused_once_at_a_time_and_again_when_that_is_over(connection, ground):
    at = {"everything": False, "connection_id": 1}
    put(connection, pauses.pause, **pause())
    put(connection, pauses.pause, **pause(uid="of-one", **at))
    for again in (pause(uid="again"), pause(uid="of-one-again", **at)):
        with pytest.raises(IntegrityError), connection.begin_nested():
            put(connection, pauses.pause, **again)
    for nth in range(2):
        put(connection, pauses.pause, **pause(uid=f"over-{nth}", ended_at=NOW))
        put(connection, pauses.pause, **pause(uid=f"of-one-over-{nth}", ended_at=NOW, ended_by="admin-2", **at))


@pytest.mark.parametrize(
    "wrong",
    [
        {"everything": False},
        {"connection_id": 1},
        {"ends_at": NOW},
        {"ended_by": "admin-2"},
        {"set_as": "nobody"},
        {"everything": False, "connection_id": 999_999},
    ],
    ids=["of nothing", "of two", "without an end", "ended by somebody and not ended", "by no role", "of no connection"],
)
def test_a_pause_is_never(connection, ground, wrong):
    with pytest.raises(IntegrityError), connection.begin_nested():
        put(connection, pauses.pause, **pause(**wrong))
