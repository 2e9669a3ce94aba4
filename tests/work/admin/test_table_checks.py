"""What whoever writes the database changes in a small table is found, stops removals, and is ended by two people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, delete, event, inspect, update
from sqlalchemy.types import Boolean, Date, Integer, LargeBinary

from server.core.admin.sign_in_tries import Asker, KnownBy
from server.core.log.entries import EntryKind
from server.core.log.table_state import DifferenceKind, RowDifference
from server.core.model import Role, Tier
from server.core.problems import RecordsProblem, RecordsRefusedError
from server.store import log, table_state
from server.store.database import Store
from server.store.schema.base import account_role, hold_list, installation, log_head, log_restricted
from server.work.admin import access, log_checkpoints, table_checks
from server.work.admin.access import Person
from server.work.removal import deviations_and_holds, findings_desk
from tests.work.world import KEYS, NUMBERS, World, closed, days

HARMLESS = {
    ("account", "totp_step"): "a code counts once more, within its minute, and only beside the password",
    ("account", "failures"): "wrong tries are counted anew: who tries still needs password and code",
    ("account", "language"): "the language in which pages are shown",
    ("api_token", "used_at"): "told beside the token; nothing is decided by it",
    ("policy_proposal", "counting_at"): "that somebody counts just now; what was counted is held to the log",
}
"""Columns that whoever writes the database may change unseen, each with the reason why it does not matter."""


def test_all_that_is_not_found_has_a_reason():
    assert {(name, column) for name, columns in table_state.NOT_COUNTED.items() for column in columns} == set(HARMLESS)


# --- by other means than this program -------------------------------------------------------------------------------


@contextmanager
def operator(world: World) -> Iterator[Connection]:
    """Who may write the database and has no key; whatever constraints say, since they may be dropped as well."""
    engine = create_engine(world.context.store.engine.url)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            else:
                connection.exec_driver_sql("SET session_replication_role = replica")
            yield connection
            connection.commit()
    finally:
        engine.dispose()


def of_other_value(value: Any, type_: Any) -> Any:
    """Another value that such a column can hold."""
    if isinstance(type_, Boolean):
        return not value
    if isinstance(type_, Date):
        return date(2001, 1, 1) if value is None else date.fromisoformat(str(value)) + timedelta(days=1)
    if isinstance(type_, Integer):
        return 7_000_001 if value is None else value + 7_000_001
    if isinstance(type_, LargeBinary):
        return (b"" if value is None else bytes(value)) + b"x"
    return ("" if value is None else str(value)) + "x"


class Rows:
    """One table as whoever writes the database sees it: columns and key as the database tells them."""

    def __init__(self, at: Connection, name: str) -> None:
        self.at, self.name = at, name
        seen = inspect(at)
        self.types = {column["name"]: column["type"] for column in seen.get_columns(name)}
        self.key = list(seen.get_pk_constraint(name)["constrained_columns"])
        self.mark = "?" if at.dialect.name == "sqlite" else "%s"
        if at.dialect.name == "postgresql":
            for check in seen.get_check_constraints(name):
                at.exec_driver_sql(f'ALTER TABLE "{name}" DROP CONSTRAINT "{check["name"]}"')

    def first(self) -> Mapping[str, Any] | None:
        row = self.at.exec_driver_sql(f'SELECT * FROM "{self.name}" LIMIT 1').mappings().first()
        return None if row is None else dict(row)

    def invent(self) -> Mapping[str, Any]:
        return {column: of_other_value(None, type_) for column, type_ in self.types.items()}

    def add(self, row: Mapping[str, Any]) -> None:
        names = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join([self.mark] * len(row))
        self.at.exec_driver_sql(f'INSERT INTO "{self.name}" ({names}) VALUES ({marks})', tuple(row.values()))

    def take(self, row: Mapping[str, Any]) -> None:
        self._where(f'DELETE FROM "{self.name}"', (), row)

    def set(self, row: Mapping[str, Any], column: str, value: Any) -> None:
        self._where(f'UPDATE "{self.name}" SET "{column}" = {self.mark}', (value,), row)

    def _where(self, statement: str, given: Sequence[Any], row: Mapping[str, Any]) -> None:
        where = " AND ".join(f'"{column}" = {self.mark}' for column in self.key)
        done = self.at.exec_driver_sql(f"{statement} WHERE {where}", (*given, *(row[column] for column in self.key)))
        assert done.rowcount == 1


def found(world: World) -> Sequence[RowDifference]:
    return table_checks.compare(world.context).found


def kinds(world: World) -> set[tuple[str, DifferenceKind]]:
    return {(each.table, each.kind) for each in found(world)}


def with_a_row_in_each_table(world: World) -> None:
    """Each watched table has a row that the program vouches for; what stands in it does not matter."""
    with operator(world) as connection:
        for name in table_state.WATCHED:
            rows = Rows(connection, name)
            if rows.first() is None:
                rows.add(rows.invent())
    with world.context.store.write() as connection:
        log.accept_tables(connection)
    assert found(world) == ()


def test_every_edit_of_a_row_is_found_or_harmless(world):
    with_a_row_in_each_table(world)
    missed, tried = [], 0
    for name in table_state.WATCHED:
        with operator(world) as connection:
            columns = list(Rows(connection, name).types)
        for column in columns:
            with operator(world) as connection:
                rows = Rows(connection, name)
                row = rows.first()
                other = of_other_value(row[column], rows.types[column])
                rows.set(row, column, other)
            if not found(world):
                missed.append((name, column))
            tried += 1
            with operator(world) as connection:
                Rows(connection, name).set({**row, column: other}, column, row[column])
        assert found(world) == (), name
    assert set(missed) == set(HARMLESS)
    assert tried > 100


@pytest.mark.parametrize("name", table_state.WATCHED)
def test_a_row_that_was_deleted_or_added_is_found(world, name):
    with_a_row_in_each_table(world)
    with operator(world) as connection:
        rows = Rows(connection, name)
        row = rows.first()
        rows.take(row)
    assert kinds(world) == {(name, DifferenceKind.ROW_MISSING)}
    with operator(world) as connection:
        rows = Rows(connection, name)
        rows.add(row)
        another = {column: of_other_value(value, rows.types[column]) for column, value in row.items()}
        rows.add(another)
    assert kinds(world) == {(name, DifferenceKind.ROW_ADDED)}


# --- what our own next change does not make good --------------------------------------------------------------------


def hold_set(world: World, **scope: Any) -> str:
    given = {"worker": None, "case": None, "reason": "invented reason", "wait": lambda: False, **scope}
    return deviations_and_holds.set_hold(world.context, Role.INDEPENDENT_OFFICER, **given).uid


@pytest.fixture
def held(world: World) -> World:
    """A removal that is due, and a hold on its worker."""
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    world.look()
    hold_set(world, worker="worker-1")
    log_checkpoints.write_checkpoint(world.context)
    return world


def lift(world: World) -> None:
    with operator(world) as connection:
        connection.execute(delete(hold_list))


def test_an_untouched_installation_may_act(held):
    assert found(held) == ()
    assert table_checks.why_not(held.context) is None


def test_a_hold_lifted_in_the_database_stops_every_removal(held):
    lift(held)
    assert kinds(held) == {("hold_list", DifferenceKind.ROW_MISSING)}
    assert table_checks.why_not(held.context) == table_checks.RECORDS_DIFFER
    assert not table_checks.may_act(held.context)


def test_our_own_next_changes_do_not_make_good_what_was_changed(held):
    lift(held)
    hold_set(held, case="100001")
    access.add_account(held.context, "officer-1", "a sentence that is long enough", [Role.PRIVACY_OFFICER])
    held.tell()
    assert "hold_list" in {each.table for each in found(held)}


def test_what_was_kept_before_cannot_be_put_back(held):
    """The whole of an older state: rows, what was kept of them, and the mark beside the head."""
    uid = hold_set(held, case="100001")
    (before,) = held.rows(hold_list)
    with operator(held) as connection:
        kept = connection.exec_driver_sql("SELECT * FROM table_state").mappings().all()
        head = connection.exec_driver_sql("SELECT mark, seal FROM log_head").mappings().one()
    held.release(uid)
    with operator(held) as connection:
        connection.execute(update(hold_list).values(sealed=before.sealed))
        connection.execute(delete(table_state.table_state))
        connection.execute(table_state.table_state.insert(), [dict(row) for row in kept])
    assert kinds(held) == {("", DifferenceKind.NOTHING_KEPT)}
    with operator(held) as connection:
        connection.execute(update(log_head).values(**head))
    held.tell()
    assert kinds(held) == {("", DifferenceKind.NOTHING_KEPT)}


@pytest.mark.parametrize("with_bodies", [True, False])
def test_what_was_kept_cannot_be_forgotten(held, with_bodies):
    """Nor is it begun anew: the log knows that there was something, or at least that bodies are gone."""
    with operator(held) as connection:
        connection.execute(delete(hold_list))
        connection.execute(delete(table_state.table_state))
        connection.execute(update(log_head).values(mark=None, seal=None))
        if not with_bodies:
            connection.execute(delete(log_restricted))
    assert kinds(held) == {("", DifferenceKind.NOTHING_KEPT)}
    access.add_account(held.context, "officer-1", "a sentence that is long enough", [Role.PRIVACY_OFFICER])
    assert kinds(held) == {("", DifferenceKind.NOTHING_KEPT)}


def test_a_program_without_the_key_vouches_for_nothing(held):
    other = Store(held.context.store.engine.url.render_as_string(hide_password=False))
    with other.write() as connection:
        connection.execute(update(installation).values(name="another"))
    other.close()
    assert kinds(held) == {("installation", DifferenceKind.ROW_CHANGED)}


# --- in the log, silently -------------------------------------------------------------------------------------------


def states(world: World) -> Sequence[str]:
    """The marks in the restricted bodies, in order."""
    return [
        log.read_body(KEYS.sealer.open(bytes(row.sealed), f"log_restricted.sealed.{row.seq}")).state
        for row in world.rows(log_restricted)
    ]


def test_each_change_of_a_small_table_is_entered_in_the_log_with_it(held):
    before = states(held)
    deviations_and_holds.add_deviation(
        held.context,
        by=Role.PRIVACY_OFFICER,
        case="100001",
        worker="worker-1",
        tier=Tier.CONSULT,
        reason="invented reason",
        decided_by="team-1",
        until_day=(held.clock.now + days(10)).date(),
    )
    after = states(held)
    with held.context.store.read() as connection:
        mark = table_state.mark_of_kept(connection).hex()
    assert after[: len(before)] == before
    assert after[len(before) :] == [mark]
    assert mark not in before
    assert [entry.kind for entry in held.log()[-2:]] == [EntryKind.DEVIATION_RECORDED, EntryKind.RESTRICTED]


def test_a_hold_set_is_one_entry_like_a_list_that_was_read(held):
    before = len(held.log())
    hold_set(held, case="100001")
    findings_desk.list_findings(held.context, Role.PRIVACY_OFFICER)
    assert [entry.kind for entry in held.log()[before:]] == [EntryKind.RESTRICTED] * 2
    lengths = {len(row.sealed) for row in held.rows(log_restricted)}
    assert len(lengths) == 1


def test_what_use_alone_changes_is_no_entry(held):
    access.add_account(held.context, "officer-1", "a sentence that is long enough", [Role.PRIVACY_OFFICER])
    before = len(held.log())
    wrong = ("officer-1", "a wrong one that is long", "000000")
    assert access.check_factors(held.context, *wrong, asker=Asker(KnownBy.STRANGER)) is None
    assert len([each for each in held.log()[before:] if each.kind is EntryKind.RESTRICTED]) <= 1
    assert found(held) == ()


def test_signing_in_again_at_a_provider_that_says_the_same_writes_no_table(held):
    come_in = partial(access.provided, held.context, "https://login.example", "subject-1", [Role.PRIVACY_OFFICER], None)
    first = come_in()
    said: list[str] = []
    event.listen(held.context.store.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    assert come_in() == first
    assert [each for each in said if each.startswith(("UPDATE account", "DELETE FROM account", "LOCK"))] == []


# --- its end --------------------------------------------------------------------------------------------------------


def person(world: World, name: str, role: Role) -> Person:
    access.add_account(world.context, name, "a sentence that is long enough", [role])
    known = access.stand_for(world.context, name, role)
    assert known is not None
    return known


def refusal(world: World, who: Person, why: str = "looked at by two") -> RecordsProblem:
    with pytest.raises(RecordsRefusedError) as refused:
        table_checks.accept(world.context, who, why)
    return refused.value.problem


def test_two_people_in_two_roles_one_of_them_cleared_end_it(held):
    admin = person(held, "admin-1", Role.IT_ADMINISTRATOR)
    officer = person(held, "officer-1", Role.PRIVACY_OFFICER)
    independent = person(held, "officer-2", Role.INDEPENDENT_OFFICER)
    leader = person(held, "leader-1", Role.LINE_MANAGER)
    assert refusal(held, admin) is RecordsProblem.NOTHING_DIFFERS
    lift(held)
    assert refusal(held, leader) is RecordsProblem.NOT_CLEARED
    assert refusal(held, admin, " ") is RecordsProblem.SAYS_NOTHING
    assert refusal(held, admin, "call 06-12345678") is RecordsProblem.IDENTIFIER_IN_TEXT
    first = table_checks.accept(held.context, admin, "looked at by two")
    assert (first.done, first.found.found) == (False, ()), "who is not cleared is not told what differs"
    assert refusal(held, admin) is RecordsProblem.OWN
    assert refusal(held, officer) is RecordsProblem.ONE_MUST_BE_CLEARED
    assert not table_checks.may_act(held.context)
    second = table_checks.accept(held.context, independent, "looked at by two")
    assert second.done
    assert second.found.by_table() == {"hold_list": {DifferenceKind.ROW_MISSING: 1}}
    assert table_checks.may_act(held.context)
    verbs = [body["verb"] for body in held.logged(EntryKind.TABLES_ACCEPTED)]
    assert verbs == ["said", "accepted"]


def test_a_word_counts_for_the_rows_as_they_were_then(held):
    admin = person(held, "admin-1", Role.IT_ADMINISTRATOR)
    independent = person(held, "officer-2", Role.INDEPENDENT_OFFICER)
    lift(held)
    table_checks.accept(held.context, admin, "looked at by two")
    with operator(held) as connection:
        connection.execute(update(installation).values(name="another"))
    assert not table_checks.accept(held.context, independent, "looked at by two").done
    assert not table_checks.may_act(held.context)


def test_nobody_accepts_a_role_that_was_given_to_them_in_the_database(held):
    admin = person(held, "admin-1", Role.IT_ADMINISTRATOR)
    with operator(held) as connection:
        connection.execute(account_role.insert().values(account_id=admin.account, role=Role.INDEPENDENT_OFFICER.value))
    forged = access.stand_for(held.context, "admin-1", Role.INDEPENDENT_OFFICER)
    assert forged is not None
    assert refusal(held, forged) is RecordsProblem.OWN_ROWS


def test_what_was_accepted_before_is_no_word_about_the_next_time(held):
    people = [
        person(held, "admin-1", Role.IT_ADMINISTRATOR),
        person(held, "officer-2", Role.INDEPENDENT_OFFICER),
    ]
    for _ in range(2):
        hold_set(held, case="100001")
        lift(held)
        assert not table_checks.accept(held.context, people[0], "looked at by two").done
        assert table_checks.accept(held.context, people[1], "looked at by two").done
