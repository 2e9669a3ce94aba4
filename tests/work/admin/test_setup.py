"""What administrators type is taken as they mean it: one employer in every spelling, gates that say something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.core.admin.gates import Gate
from server.core.problems import ListRefusedError, PlaceListProblem, SetupProblem, SetupRefusedError
from server.store.admin import organisation
from server.work.admin import setup
from tests.gates import whole_gate
from tests.work.world import World


def gate_of(world: World) -> Gate:
    today = world.context.today()
    return whole_gate("Invented employer", today, today + timedelta(days=90))


@pytest.mark.parametrize("field", ["employer", "dpia", "dpia_version", "advice", "consent", "purpose"])
@pytest.mark.parametrize("text", ["", "   ", "\u00a0\t", "-", "\u200b", "..."])
def test_a_gate_is_not_opened_by_a_text_that_says_nothing(world: World, field: str, text: str):
    with world.context.store.read() as connection:
        before = organisation.gates(connection)
    with pytest.raises(SetupRefusedError) as refused:
        setup.record_gate(world.context, replace(gate_of(world), **{field: text}), "it_administrator")
    assert (refused.value.problem, refused.value.field) == (SetupProblem.MISSING_VALUE, field)
    with world.context.store.read() as connection:
        assert organisation.gates(connection) == before


@pytest.mark.parametrize("field", ["dpia_on", "consent_on"])
def test_a_gate_rests_on_days_that_have_been(world: World, field: str):
    for day, problem in (
        (None, SetupProblem.MISSING_VALUE),
        (world.context.today() + timedelta(days=1), SetupProblem.NOT_YET),
    ):
        with pytest.raises(SetupRefusedError) as refused:
            setup.record_gate(world.context, replace(gate_of(world), **{field: day}), "it_administrator")
        assert (refused.value.problem, refused.value.field) == (problem, field)
    setup.record_gate(world.context, replace(gate_of(world), **{field: world.context.today()}), "it_administrator")
    with world.context.store.read() as connection:
        (kept,) = organisation.gates(connection)
    assert kept == replace(gate_of(world), **{field: world.context.today()})


@pytest.mark.parametrize(
    "spelt", ["Stichting E\u0301e\u0301n ", "STICHTING ÉÉN", " stichting\u00a0één", "Stichting\u200b  Één"]
)
def test_an_employer_spelt_otherwise_is_the_same_employer(world: World, spelt: str):
    with world.context.store.write() as connection:
        first = organisation.employer_named(connection, "Stichting Één")
        assert organisation.employer_named(connection, spelt) == first


def test_a_quotation_mark_that_another_line_closes_gives_nobody_the_book_of_another(world: World):
    lines = 'anna;E;"North;books;/a/\nbram;E;South";books;/b/\n'
    with pytest.raises(ListRefusedError) as refused:
        setup.import_places(world.context, f"worker;employer;team;connection;address\n{lines}")
    assert (refused.value.problem, refused.value.line) == (PlaceListProblem.NOT_ONE_ROW, 2)


def test_a_list_says_which_lines_give_a_book_to_another_worker_and_keeps_the_line_of_each(world: World):
    with world.context.store.write() as connection:
        organisation.put_connection(
            connection,
            {"name": "listed", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": True},
        )  # fmt: skip
    head = "worker;employer;connection;address\n"
    first = setup.import_places(world.context, head + "anna;E;listed;/a/\nbram;E;listed;/b/\n")
    again = setup.import_places(world.context, head + "Anna ;e ;LISTED;/a/\nanna;E;listed;/b/\nbram;E;listed;/c/\n")
    assert (first.rows, first.new, first.moved) == (2, 2, ())
    assert (again.rows, again.new, again.moved) == (3, 1, (3,))
    with world.context.store.read() as connection:
        rows = organisation.read_places(connection, world.context.today())
    found = {row.address: (row.worker_ref, row.line) for row in rows if row.connection == "listed"}
    assert found == {"/a/": ("anna", 2), "/b/": ("anna", 3), "/c/": ("bram", 4)}
