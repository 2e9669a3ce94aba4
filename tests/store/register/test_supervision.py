"""Answers of work supervisors: what the database refuses, and that one statement asks for any number of cases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from server.core.removal.closures import ClosureAnswer, ClosureEnd
from server.store.database import Store
from server.store.removal import closures, needs
from server.store.schema import base
from tests.store.fixtures import Databases
from tests.store.ground import NOW, case, contact, days, lay_and_look, survey, take_in

DAY = date(2025, 1, 6)


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """Two workers, three cases; an account that may answer for them."""
    opened = Store(databases.fresh("looked", lay_and_look))
    with opened.write() as connection:
        connection.execute(base.account.insert().values(id=1, uid="account-1", name="supervisor-1", created_at=NOW))
    yield opened
    opened.close()


def answer(**changes: object) -> dict[str, object]:
    """A sound confirmation of case 1."""
    return {
        "uid": "closure-1", "case_id": 1, "team": "team-1", "asked": "question-1", "answer": "confirmed",
        "on_date": DAY, "confirmed_at": NOW - days(57), "opened_on": None, "said_by": 1, "said_at": NOW, **changes,
    }  # fmt: skip


def put(store: Store, **changes: object) -> None:
    with store.write() as connection:
        connection.execute(base.closure.insert().values(**answer(**changes)))


UNSOUND = {
    "confirmed without a day": {"on_date": None, "confirmed_at": None},
    "not yet with a day": {"answer": "not_yet"},
    "a day without an instant": {"confirmed_at": None},
    "an answer that is none": {"answer": "perhaps"},
    "confirmed before it happened": {"confirmed_at": NOW + days(1)},
    "closed before it was opened": {"opened_on": date(2025, 1, 7)},
    "ended as nothing": {"ended_at": NOW, "ended_by": 1},
    "withdrawn by nobody": {"ended_at": NOW, "ended_as": "withdrawn"},
    "lapsed by somebody": {"ended_at": NOW, "ended_as": "lapsed", "ended_by": 1},
    "ended as what is none": {"ended_at": NOW, "ended_as": "forgotten", "ended_by": 1},
    "said by nobody": {"said_by": 99},
    "of no case": {"case_id": 99},
}


@pytest.mark.parametrize("changes", UNSOUND.values(), ids=UNSOUND.keys())
def test_no_row_says(store, changes):
    with pytest.raises(IntegrityError):
        put(store, **changes)


@pytest.mark.parametrize("same", [{"asked": "question-2"}, {"case_id": 2}], ids=["two in force", "one asked twice"])
def test_of_a_case_one_answer_stands_and_a_question_is_answered_once(store, same):
    put(store)
    with pytest.raises(IntegrityError):
        put(store, uid="closure-2", **same)


def test_beside_an_answer_that_stands_any_number_may_be_over(store):
    for number in range(3):
        put(store, uid=f"over-{number}", asked=f"over-{number}", ended_at=NOW, ended_as="lapsed")
    put(store)
    with store.read() as connection:
        assert closures.confirmed_at(connection, select(base.cases.c.id)) == {1: NOW - days(57)}


def test_a_link_carries_what_stands_and_nothing_that_ended_or_was_not_yet(store):
    ground = survey(store)

    def confirmed() -> list[object]:
        with store.read() as connection:
            pairs = [(ground.workers[0], identifier) for identifier in ground.identifiers]
            return [each.links[0].confirmed_at for each in needs.load(connection, needs.of_pairs(pairs), NOW)]

    assert confirmed() == [None, None, None]
    put(store)
    put(store, uid="2", case_id=2, asked="2", ended_at=NOW, ended_as=ClosureEnd.LAPSED.value)
    put(store, uid="3", case_id=3, asked="3", answer=ClosureAnswer.NOT_YET.value, on_date=None, confirmed_at=None)
    assert confirmed() == [NOW - days(57), None, None]


@pytest.mark.parametrize("many", [1, 40])
def test_an_import_ends_what_speaks_of_another_case_whatever_their_number(store, many):
    numbers = [f"more-{n}" for n in range(many)]
    take_in(
        store,
        full=False,
        cases=[case(number, "closed", opened_on=date(2024, 1, 9)) for number in numbers],
        contacts=[contact(number, 50 + n) for n, number in enumerate(numbers)],
    )
    with store.read() as connection:
        found = dict(
            connection.execute(
                select(base.cases.c.number, base.cases.c.id).where(base.cases.c.number.in_(numbers))
            ).all()
        )
    ids = [found[number] for number in numbers]
    for number in ids:
        put(store, uid=f"c-{number}", asked=f"c-{number}", case_id=number, opened_on=date(2024, 1, 9))
    applied = take_in(
        store, full=False, cases=[case(number, "triage", opened_on=date(2024, 1, 9)) for number in numbers[::2]]
    )
    assert applied.lapsed == len(numbers[::2])
    with store.read() as connection:
        still = closures.confirmed_at(connection, select(base.cases.c.id))
    assert set(still) == set(ids[1::2])
