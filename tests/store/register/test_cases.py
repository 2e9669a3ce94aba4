"""An export becomes the register: only what differs is touched, and exactly whom it concerns is decided again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from server.store.database import Store
from server.store.register import cases as register
from server.store.register.cases import Applied, ExportPart, ImportWeight, staging
from server.store.removal import needs
from server.store.schema import base
from tests.store.fixtures import Databases
from tests.store.ground import (
    NOW,
    Ground,
    assignment,
    case,
    contact,
    days,
    lay_and_look,
    survey,
    take_in,
    token,
)

TOMORROW = NOW + days(1)


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """Two workers who each have the contacts of case-1, case-2 and case-3; every pair was decided."""
    opened = Store(databases.fresh("looked", lay_and_look))
    decide_all(opened)
    yield opened
    opened.close()


@pytest.fixture
def ground(store: Store) -> Ground:
    return survey(store)


def decide_all(store: Store) -> None:
    with store.write() as connection:
        connection.execute(update(base.pair).values(due_at=None))


def due(store: Store, ground: Ground) -> set[tuple[int, int]]:
    """(worker, nth contact) of the pairs to decide again."""
    number = {identifier: n for n, identifier in enumerate(ground.identifiers, start=1)}
    with store.read() as connection:
        rows = connection.execute(select(base.pair).where(base.pair.c.due_at.is_not(None))).all()
    return {(ground.workers.index(row.worker_id) + 1, number[row.identifier_id]) for row in rows}


def cases(*changed: dict[str, object]) -> list[dict[str, object]]:
    """The three cases as they are known, some of them changed or new."""
    known = {f"case-{n}": case(f"case-{n}", "closed", closed_at=NOW - days(60)) for n in (1, 2, 3)}
    return list({**known, **{str(row["number"]): row for row in changed}}.values())


def contacts() -> list[dict[str, object]]:
    return [contact(f"case-{n}", n) for n in (1, 2, 3)]


def assignments() -> list[dict[str, object]]:
    return [assignment(f"case-{n}", f"worker-{worker}") for n in (1, 2, 3) for worker in (1, 2)]


def rows(store: Store, *tables: Any) -> list[Any]:
    with store.read() as connection:
        return [connection.execute(select(table).order_by(*table.primary_key)).all() for table in tables]


REGISTER = (base.cases, base.identifier, base.link, base.directory, base.assignment, base.moment)


# --- what differs -------------------------------------------------------------------------------------------------


def test_the_same_export_again_touches_nothing_but_when_it_was_read(store, ground):
    before = rows(store, *REGISTER, base.pair)
    applied = take_in(store, at=TOMORROW, cases=cases(), contacts=contacts(), assignments=assignments())
    assert applied == Applied(cases=3, touched=0, closed=3, vanished=0, identifiers=0, due=0, newly_closed=0)
    assert rows(store, *REGISTER, base.pair) == before
    with store.read() as connection:
        assert connection.execute(select(base.case_system.c.read_at)).scalar_one() == TOMORROW


REOPENED = case("case-2", "triage", closed_at=NOW - days(60))
CHANGES: dict[str, dict[str, Any]] = {
    "its phase": {"cases": cases(REOPENED)},
    "its closure": {"cases": cases(case("case-2", "closed", closed_at=NOW - days(59)))},
    "its closure being taken back": {"cases": cases(case("case-2", "closed"))},
    "whether it is recorded": {"cases": cases(case("case-2", "closed", closed_at=NOW - days(60), recorded=False))},
    "when it was opened": {
        "cases": cases(case("case-2", "closed", closed_at=NOW - days(60), opened_on=datetime(2024, 1, 1).date()))  # noqa: DTZ001
    },
    "whose number it is": {"contacts": [contact("case-1", 1), contact("case-2", 2, person="B"), contact("case-3", 3)]},
    "the class": {
        "contacts": [contact("case-1", 1), contact("case-2", 2, **{"class": "reporter"}), contact("case-3", 3)]
    },
    "whether it is sure": {
        "contacts": [contact("case-1", 1), contact("case-2", 2, linked=False), contact("case-3", 3)]
    },
    "since when it is former": {
        "contacts": [contact("case-1", 1), contact("case-2", 2, former_since=NOW - days(9)), contact("case-3", 3)]
    },
    "an end of assignment": {
        "assignments": [
            *(each for each in assignments() if (each["number"], each["worker_ref"]) != ("case-2", "worker-1")),
            assignment("case-2", "worker-1", until=NOW - days(3)),
        ]
    },
    "an assignment that was never so": {
        "assignments": [
            each for each in assignments() if (each["number"], each["worker_ref"]) != ("case-2", "worker-1")
        ]
    },
    "a planned contact": {"moments": [{"number": "case-2", "worker_ref": "worker-1", "on_date": NOW.date()}]},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_in_one_case_touches_that_case_and_makes_due_exactly_who_has_its_contacts(store, ground, change):
    export = {"cases": cases(), "contacts": contacts(), "assignments": assignments(), **change}
    others = rows_of_other_cases(store)
    applied = take_in(store, at=TOMORROW, **export)
    assert (applied.touched, applied.due) == (1, 2)
    assert due(store, ground) == {(1, 2), (2, 2)}
    assert rows_of_other_cases(store) == others
    decide_all(store)
    assert take_in(store, at=TOMORROW, **export).touched == 0, "said once more, it is nothing new"
    assert due(store, ground) == set()


def rows_of_other_cases(store: Store) -> list[Any]:
    with store.read() as connection:
        (second,) = connection.execute(select(base.cases.c.id).where(base.cases.c.number == "case-2")).scalars()
        return [
            connection.execute(select(table).where(table.c[column] != second).order_by(*table.primary_key)).all()
            for table, column in (
                (base.cases, "id"),
                (base.link, "case_id"),
                (base.assignment, "case_id"),
                (base.moment, "case_id"),
            )
        ]


def test_a_new_case_with_a_known_number_makes_due_who_has_that_number(store, ground):
    applied = take_in(
        store,
        at=TOMORROW,
        cases=cases(case("case-9", "triage")),
        contacts=[*contacts(), contact("case-9", 1)],
        assignments=[*assignments(), assignment("case-9", "worker-1")],
    )
    assert (applied.touched, applied.identifiers, applied.due) == (1, 0, 2)
    assert due(store, ground) == {(1, 1), (2, 1)}


def test_a_number_that_leaves_a_case_makes_due_who_has_it_and_who_has_the_new_one(store, ground):
    take_in(
        store,
        at=TOMORROW,
        cases=cases(),
        contacts=[contact("case-1", 3), contact("case-2", 2), contact("case-3", 3)],
        assignments=assignments(),
    )
    assert due(store, ground) == {(1, 1), (2, 1), (1, 3), (2, 3)}


def test_new_identifiers_are_numbered_after_all_that_were_known(store, ground):
    applied = take_in(
        store,
        cases=cases(case("case-9", "triage")),
        contacts=[*contacts(), contact("case-9", 20), contact("case-9", 21, verified=False)],
    )
    assert applied.identifiers == 2
    with store.read() as connection:
        new = connection.execute(
            select(base.identifier).where(base.identifier.c.token.in_([token(20), token(21)]))
        ).all()
    assert {(bytes(row.token), row.verified) for row in new} == {(token(20), True), (token(21), False)}
    assert min(row.id for row in new) > max(ground.identifiers)


def test_an_identifier_that_was_once_known_stays_known(store, ground):
    take_in(store, at=TOMORROW, cases=cases(), contacts=contacts()[:2], assignments=assignments())
    take_in(store, at=TOMORROW + days(1), cases=cases(), contacts=contacts(), assignments=assignments())
    assert survey(store).identifiers == ground.identifiers


def test_one_number_may_belong_to_several_persons_and_cases(store, ground):
    take_in(
        store,
        cases=cases(),
        contacts=[*contacts(), contact("case-2", 1, person="B"), contact("case-3", 1, **{"class": "reporter"})],
    )
    with store.read() as connection:
        holders = connection.execute(
            select(base.cases.c.number, base.link.c.person, base.link.c["class"])
            .join(base.cases, base.cases.c.id == base.link.c.case_id)
            .where(base.link.c.identifier_id == ground.identifiers[0])
        ).all()
    assert set(holders) == {("case-1", "A", "client"), ("case-2", "B", "client"), ("case-3", "A", "reporter")}


def test_of_rows_with_the_same_key_the_last_counts(store):
    take_in(store, cases=[*cases(), case("case-2", "triage")])
    with store.read() as connection:
        phase = connection.execute(select(base.cases.c.phase).where(base.cases.c.number == "case-2"))
        assert phase.scalar_one() == "triage"


# --- full and changes ---------------------------------------------------------------------------------------------


def test_a_case_that_a_full_export_leaves_out_is_not_closed_but_unknown(store, ground):
    rest = cases()[1:]
    before = rows(store, base.cases)
    applied = take_in(store, at=TOMORROW, cases=rest, contacts=contacts()[1:], assignments=assignments()[2:])
    assert (applied.vanished, applied.touched) == (1, 0)
    assert rows(store, base.cases) == before
    assert linked(store) == {"case-1": False, "case-2": True, "case-3": True}
    assert due(store, ground) == {(1, 1), (2, 1)}
    decide_all(store)
    again = take_in(store, at=TOMORROW, cases=rest, contacts=contacts()[1:], assignments=assignments()[2:])
    assert (again.vanished, due(store, ground)) == (0, set()), "it vanishes once"


def test_a_case_that_comes_back_is_believed_again(store, ground):
    take_in(store, cases=cases()[1:], contacts=contacts()[1:], assignments=assignments()[2:])
    decide_all(store)
    applied = take_in(store, cases=cases(), contacts=contacts(), assignments=assignments())
    assert (applied.touched, linked(store)["case-1"], due(store, ground)) == (1, True, {(1, 1), (2, 1)})


def linked(store: Store) -> dict[str, bool]:
    with store.read() as connection:
        rows = connection.execute(
            select(base.cases.c.number, base.link.c.linked).join(base.link, base.link.c.case_id == base.cases.c.id)
        ).all()
    return {row.number: row.linked for row in rows}


def test_what_an_export_of_changes_does_not_name_stays_as_it_was(store, ground):
    before = rows_of_other_cases(store)
    applied = take_in(
        store,
        full=False,
        at=TOMORROW,
        cases=[REOPENED],
        contacts=[contact("case-2", 2)],
        assignments=[assignment("case-2", "worker-1"), assignment("case-2", "worker-2")],
    )
    assert applied == Applied(cases=1, touched=1, closed=0, vanished=0, identifiers=0, due=2, newly_closed=0)
    assert rows_of_other_cases(store) == before
    assert due(store, ground) == {(1, 2), (2, 2)}


def test_a_part_that_an_export_does_not_bring_stays_as_it_was(store, ground):
    before = rows(store, base.link, base.assignment, base.moment)
    take_in(store, at=TOMORROW, cases=cases(REOPENED))
    assert rows(store, base.link, base.assignment, base.moment) == before
    assert due(store, ground) == {(1, 2), (2, 2)}


def test_another_case_system_is_another_register(store, ground):
    take_in(store, system="system-2", cases=[case("case-1", "triage")], contacts=[contact("case-1", 1)])
    with store.read() as connection:
        known = connection.execute(select(base.cases.c.number, base.cases.c.phase)).all()
    assert sorted(known) == [("case-1", "closed"), ("case-1", "triage"), ("case-2", "closed"), ("case-3", "closed")]
    assert linked(store).keys() == {"case-1", "case-2", "case-3"}
    assert due(store, ground) == {(1, 1), (2, 1)}


# --- the directory ------------------------------------------------------------------------------------------------


def entry_of(nth: int, of_class: str = "colleague") -> dict[str, object]:
    return {"token": bytes(token(nth)), "verified": True, "class": of_class}


def test_the_directory_makes_due_who_has_a_colleague_in_it(store, ground):
    take_in(store, full=False, cases=[], directory=[entry_of(2), entry_of(30)])
    assert due(store, ground) == {(1, 2), (2, 2)}
    decide_all(store)
    take_in(store, full=False, cases=[], directory=[entry_of(2), entry_of(30)])
    assert due(store, ground) == set()
    take_in(store, full=False, cases=[], directory=[entry_of(2, "chain_partner")])
    assert due(store, ground) == {(1, 2), (2, 2)}


def test_a_number_in_the_directory_is_a_link_without_a_case(store, ground):
    take_in(store, full=False, cases=[], directory=[entry_of(2)])
    with store.read() as connection:
        pair = (ground.workers[0], ground.identifiers[1])
        (facts,) = needs.load(connection, needs.of_pairs([pair]), NOW)
    assert {(each.case == 0, each.contact_class.value) for each in facts.links} == {
        (False, "client"),
        (True, "colleague"),
    }


# --- the breaker's numbers ----------------------------------------------------------------------------------------


def weigh(
    store: Store,
    *some: dict[str, object],
    full: bool = True,
    system: str = "system-1",
    midnight: datetime = TOMORROW,
) -> ImportWeight:
    with staging(store, system, full=full, parts=frozenset({ExportPart.CASES})) as staged:
        staged.add(ExportPart.CASES, some)
        return staged.weigh(midnight)


def test_the_first_export_of_a_system_has_nothing_to_be_weighed_against(store):
    assert weigh(store, *cases(), system="system-2") == ImportWeight(known=0, named=3, closes=0, vanishes=0, usual=None)


def test_an_export_is_weighed_by_what_it_closes_and_leaves_out(store):
    take_in(store, cases=cases(REOPENED, case("case-3", "closed")))
    closing = [case("case-2", "closed", closed_at=NOW), case("case-3", "closed", closed_at=NOW)]
    assert weigh(store, *closing) == ImportWeight(known=3, named=2, closes=2, vanishes=1, usual=0.0)
    assert weigh(store, *closing, full=False) == ImportWeight(known=3, named=2, closes=2, vanishes=0, usual=0.0)


def test_a_closure_without_confirmation_is_no_closure_to_the_breaker(store):
    take_in(store, cases=cases(REOPENED))
    assert weigh(store, case("case-2", "closed"), full=False).closes == 0


def test_the_usual_is_the_mean_of_the_last_ten_days_and_today_is_told_apart(store):
    for number in range(12):
        for half in (0, 1):
            opened = [case(f"new-{number}-{half}-{n}", "triage") for n in range(number)]
            closing = [case(f"new-{number}-{half}-{n}", "closed", closed_at=NOW) for n in range(number)]
            take_in(store, at=NOW + days(number), full=False, cases=opened)
            take_in(store, at=NOW + days(number), full=False, cases=closing)
    weight = weigh(store, *cases(), full=False, midnight=NOW + days(11))
    assert weight.usual == pytest.approx(sum(2 * number for number in range(1, 11)) / 10)
    assert weight.today == (11, 0, 11, 0)


def test_weighing_changes_nothing_and_leaves_nothing_behind(store):
    before = rows(store, *REGISTER, base.import_run, base.case_system, base.pair)
    weigh(store, case("case-1", "triage"))
    assert rows(store, *REGISTER, base.import_run, base.case_system, base.pair) == before
    assert weigh(store).named == 0


def test_two_exports_can_be_staged_side_by_side(store):
    one = staging(store, "system-1", full=True, parts=frozenset({ExportPart.CASES}))
    other = staging(store, "system-2", full=True, parts=frozenset({ExportPart.CASES}))
    with one as first, other as second:
        first.add(ExportPart.CASES, cases())
        second.add(ExportPart.CASES, [case("x", "triage")])
        assert (first.weigh(TOMORROW).named, second.weigh(TOMORROW).named) == (3, 1)


# --- runs ---------------------------------------------------------------------------------------------------------


def test_each_applied_export_is_remembered(store):
    take_in(store, at=TOMORROW, cases=cases(case("case-4", "triage")))
    take_in(store, at=TOMORROW + days(1), full=False, cases=[case("case-4", "closed", closed_at=TOMORROW)])
    with store.read() as connection:
        runs = connection.execute(select(base.import_run).order_by(base.import_run.c.id)).all()[-2:]
        assert register.last_as_of(connection, "system-1", TOMORROW + days(1)) == TOMORROW + days(1)
        assert register.last_as_of(connection, "nowhere", TOMORROW) is None
    assert [(run.mode, run.closed, run.outcome, run.as_of) for run in runs] == [
        ("full", 0, "applied", TOMORROW),
        ("changes", 1, "applied", TOMORROW + days(1)),
    ]
