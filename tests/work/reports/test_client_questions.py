"""A client asks whether their number is gone: what they are told in a living world, and that nothing tells more.

The same question in a world with a hold and one without it writes the same rows, asks the database the same and is
answered the same; so is one about a number that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from server.core.client_question_record import ASKS_A_DAY, KEPT
from server.core.identity.reading import registered
from server.core.log.entries import EntryKind
from server.core.model import ContactClass, Level, Phase, Role, Whose
from server.core.one_length import PADDED_TO
from server.core.policy.retention import RetentionTerm, RowKind, Span
from server.core.problems import ClientQuestionProblem, ClientQuestionRefusedError
from server.core.reports.client_answer import ClientAnswer, IdentityCheck, SafeChannel, StoreAnswer, ToldClient
from server.sources.rows import ContactRow
from server.store import client_question_list, log
from server.store.schema import base
from server.work.admin import access, retention, setup
from server.work.admin.access import Person
from server.work.context import Context
from server.work.removal import deviations_and_holds
from server.work.reports import client_questions
from server.work.reports.client_questions import AskedByClient
from tests.vendors.members import card
from tests.vendors.memory import MemoryBook
from tests.work.removal.test_no_trace_at_rest import OFFICER, dump
from tests.work.world import KEYS, NUMBERS, World, closed, days
from tests.work.world import Told as Case

ON_SQLITE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
STRANGER = "06-87654321"
MAIL = "somebody@nowhere.example"
NEITHER = ClientAnswer((StoreAnswer("memory"),))


def officer(context: Context, *, nth: int = 1, role: Role = Role.PRIVACY_OFFICER) -> Person:
    found = access.stand_for(context, str(access.demo_account(context, role, nth=nth).name), role)
    assert found is not None
    return found


def ask(world: World, about: str, people: str = "", *, by: Person | None = None, **changes: object) -> ClientAnswer:
    asked = AskedByClient(about, IdentityCheck.DOCUMENT, SafeChannel.POST, people)
    who = by or officer(world.context)
    return client_questions.ask(world.context, who, replace(asked, **changes)).answer  # type: ignore[arg-type]


def refused(world: World, *given: str, **how: object) -> ClientQuestionProblem:
    with pytest.raises(ClientQuestionRefusedError) as caught:
        ask(world, *given, **how)  # type: ignore[arg-type]
    return caught.value.problem


def lived(world: World) -> None:
    """One number removed, one in grace, one in use, one watched over, one with a worker it was never meant for."""
    world.tell(
        closed("100001", NUMBERS[0], MAIL),
        closed("100002", NUMBERS[1], NUMBERS[2], ago=3),
        Case("100003", (NUMBERS[3],)),
        Case("100005", (NUMBERS[5],), phase=Phase.MONITORING),
        closed("100006", NUMBERS[6]),
    )
    for number in (NUMBERS[0], NUMBERS[1], NUMBERS[3], NUMBERS[5], MAIL, NUMBERS[20]):
        world.put(number)
    world.run()
    world.look(full=True)


def test_a_number_is_gone_needed_or_neither_and_the_answer_says_which_of_three(world):
    lived(world)
    gone = ask(world, NUMBERS[0].replace("06-", "+31 6 "), "100001-a")
    (store,) = gone.stores
    assert (store.told, store.level, store.on) == (ToldClient.GONE, Level.STORE_REMOVED, world.clock.now.date())
    assert len(store.receipts) == 1
    assert set(store.receipts) <= {row.id for row in world.rows(base.orders)}
    for number, person in ((NUMBERS[3], "100003-A"), (NUMBERS[5], "100005-A")):
        assert ask(world, number, person).told is ToldClient.NEEDED
    for number, person in (
        (NUMBERS[1], "100002-A"),  # in its days of grace
        (NUMBERS[2], "100002-B"),  # never in a book
        (NUMBERS[6], "100006-A"),
        (NUMBERS[20], "100001-A"),  # in a book, and nobody's
        (STRANGER, "100001-A"),
        (STRANGER, ""),
        (NUMBERS[0], ""),
        (NUMBERS[0], "100001-B"),  # the other one of the same case
    ):
        assert ask(world, number, person, by=officer(world.context, nth=2)) == NEITHER, person


@ON_SQLITE
def test_an_address_is_answered_like_a_number_and_whatever_is_neither_is_refused_before_anything_is_looked_up(world):
    world.tell(closed("100001", MAIL))
    world.book().put("a.vcf", card(0, f"EMAIL:{MAIL}"))
    world.run()
    assert ask(world, MAIL.upper(), "100001-A").told is ToldClient.GONE
    before = len(world.log())
    for about in ("no number", "", "112", f"{NUMBERS[0]} {NUMBERS[1]}", f"{MAIL}, {STRANGER}", "9" * 300):
        assert refused(world, about) is ClientQuestionProblem.NOT_ONE_NUMBER, about
    assert refused(world, MAIL, "100001") is ClientQuestionProblem.NO_PERSON_OF_CASE
    assert refused(world, MAIL, f"{NUMBERS[0]}-A") is ClientQuestionProblem.IDENTIFIER_IN_TEXT
    assert len(world.log()) == before


@ON_SQLITE
def test_a_book_that_came_after_or_cannot_be_read_takes_the_answer_back(world):
    lived(world)
    assert ask(world, NUMBERS[0], "100001-A").told is ToldClient.GONE
    setup.import_places(
        world.context, "worker;employer;team;connection;address\nworker-1;Employer 1;team-1;books;new\n"
    )
    assert ask(world, NUMBERS[0], "100001-A") == NEITHER
    world.vendor.books["new"] = MemoryBook()
    world.look(full=True)
    assert ask(world, NUMBERS[0], "100001-A").told is ToldClient.GONE
    world.book(2).put("odd.vcf", b"BEGIN:VCARD\r\nnothing that can be read")
    world.look(full=True)
    assert ask(world, NUMBERS[0], "100001-A") == NEITHER


@ON_SQLITE
def test_a_register_or_books_read_too_long_ago_say_nothing(world):
    lived(world)
    world.clock.pass_(timedelta(hours=73))
    assert ask(world, NUMBERS[3], "100003-A") == NEITHER
    assert ask(world, NUMBERS[0], "100001-A") == NEITHER
    world.tell()
    assert ask(world, NUMBERS[3], "100003-A").told is ToldClient.NEEDED
    assert ask(world, NUMBERS[0], "100001-A") == NEITHER
    world.look(full=True)
    assert ask(world, NUMBERS[0], "100001-A").told is ToldClient.GONE


@ON_SQLITE
def test_who_comes_back_who_shares_a_number_and_what_is_a_colleagues_too(world):
    lived(world)
    world.tell(Case("100008", (NUMBERS[0],)))
    assert ask(world, NUMBERS[0], "100001-A") == NEITHER, "somebody else's, for all the front office says"
    assert ask(world, NUMBERS[0], "100001-A\n100008-A").told is ToldClient.NEEDED
    assert ask(world, NUMBERS[3], "100003-A").told is ToldClient.NEEDED
    world.directory = (ContactRow(0, "", None, ContactClass.COLLEAGUE, NUMBERS[3], None),)
    world.tell()
    assert ask(world, NUMBERS[3], "100003-A") == NEITHER


@ON_SQLITE
def test_a_case_number_that_two_systems_have_says_nothing_and_what_is_no_longer_theirs_neither(world):
    lived(world)
    with world.context.store.write() as connection:
        connection.execute(base.case_system.insert().values(id=77, name="another", read_at=world.clock.now))
        connection.execute(
            base.cases.insert().values(system_id=77, number="100001", phase=Phase.CLOSED.value, recorded=True)
        )
    assert ask(world, NUMBERS[0], "100001-A") == NEITHER
    assert ask(world, NUMBERS[3], "100003-A").told is ToldClient.NEEDED
    with world.context.store.write() as connection:
        connection.execute(update(base.link).where(base.link.c.case_id == 3).values(whose=Whose.NOT_THEIRS.value))
    assert ask(world, NUMBERS[3], "100003-A") == NEITHER


# --- who answers ----------------------------------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize("role", [Role.INDEPENDENT_OFFICER, Role.IT_ADMINISTRATOR])
def test_nobody_but_the_privacy_officer_answers_or_reads_that_somebody_asked(world, role):
    who = officer(world.context, role=role)
    assert refused(world, STRANGER, by=who) is ClientQuestionProblem.NOT_CLEARED
    with pytest.raises(ClientQuestionRefusedError):
        client_questions.list_questions(world.context, who)


@ON_SQLITE
@pytest.mark.parametrize("role", [None, Role.LINE_MANAGER, Role.WORK_SUPERVISOR])
@pytest.mark.parametrize("linked", ["worker-1", "worker-2", None])
def test_the_worker_concerned_and_their_line_can_tell_nobody_anything(world, role, linked):
    """All workers are in one team: whoever leads it leads whose book it was in; who leads nobody knows whom, too."""
    lived(world)
    who = officer(world.context)
    if role is not None:
        with world.context.store.write() as connection:
            connection.execute(base.account_role.insert().values(account_id=who.account, role=role.value))
    if linked is not None:
        access.link_account(world.context, str(who.name), linked)
    who = access.stand_for(world.context, str(who.name), Role.PRIVACY_OFFICER)
    assert who is not None
    concerned = linked == "worker-1" or role is not None
    assert (ask(world, NUMBERS[0], "100001-A", by=who) == NEITHER) is concerned
    assert client_questions.also_at_work(world.context, who) is (linked is not None or role is not None)


@ON_SQLITE
def test_so_many_a_day_and_for_an_account_whatever_they_are_about(world):
    lived(world)
    one, other = officer(world.context), officer(world.context, nth=2)
    ask(world, STRANGER, by=one)
    with world.context.store.write() as connection:
        kept = client_question_list.read_to_change(connection, KEYS.sealer)
        assert kept is not None
        client_question_list.write(connection, KEYS.sealer, replace(kept, asked=kept.asked * (ASKS_A_DAY - 1)))
    ask(world, STRANGER, by=one)
    assert refused(world, NUMBERS[0], "100001-A", by=one) is ClientQuestionProblem.ENOUGH_TODAY
    assert refused(world, STRANGER, by=one) is ClientQuestionProblem.ENOUGH_TODAY
    assert ask(world, STRANGER, by=other) == NEITHER
    world.clock.pass_(days(1))
    assert ask(world, STRANGER, by=one) == NEITHER


@ON_SQLITE
def test_that_somebody_asked_is_kept_for_a_year_and_what_does_not_open_answers_nobody(world):
    who = officer(world.context)
    ask(world, STRANGER, by=who, check=IdentityCheck.FAILED)
    ask(world, STRANGER, by=who, channel=SafeChannel.IN_PERSON)
    kept = client_questions.list_questions(world.context, who)
    assert [(each.by, each.check, each.channel) for each in kept] == [
        (who.uid, IdentityCheck.DOCUMENT, SafeChannel.IN_PERSON),
        (who.uid, IdentityCheck.FAILED, SafeChannel.POST),
    ]
    world.clock.pass_(KEPT + days(1))
    assert client_questions.list_questions(world.context, who) == []
    ask(world, STRANGER, by=who)
    with world.context.store.read() as connection:
        found = client_question_list.read(connection, KEYS.sealer)
    assert found is not None
    assert len(found.asked) == 1
    with world.context.store.write() as connection:
        connection.execute(update(base.client_question_list).values(sealed=b"\1" + bytes(100)))
    assert refused(world, STRANGER, by=who) is ClientQuestionProblem.UNREADABLE


# --- what tells nothing ---------------------------------------------------------------------------------------------

QUESTIONS = [
    *((number, f"10000{case}-A") for number, case in zip((*NUMBERS[:2], NUMBERS[3]), (1, 2, 3), strict=True)),
    (NUMBERS[0], ""),
    (STRANGER, "100001-A"),
]
"""Removed, in grace, in use, asked by nobody's person, and known to nobody."""
TOLD = [ToldClient.GONE, ToldClient.NEITHER, ToldClient.NEEDED, ToldClient.NEITHER, ToldClient.NEITHER]


@pytest.mark.both_databases
def test_with_and_without_a_hold_answers_rows_and_lines_of_the_log_are_the_same(world, databases):
    lived(world)
    folder = world.folder / "twin"
    folder.mkdir()
    other = world.twin(databases, folder)
    who = {each.folder: officer(each.context) for each in (world, other)}
    for scope in ({"case": "100002"}, {"worker": "worker-1"}, {}):
        world.hold(**scope)
        deviations_and_holds.list_holds(other.context, OFFICER)
    said, rows, wrote = {}, {}, {}
    for name, each in (("held", world), ("free", other)):
        before = dump(each)
        said[name] = [ask(each, *question, by=who[each.folder]) for question in QUESTIONS]
        rows[name] = dump(each)
        wrote[name] = {table for table in before if rows[name][table] != before[table]}
    assert said["held"] == said["free"]
    assert [each.told for each in said["held"]] == TOLD
    assert rows["held"] == rows["free"]
    assert wrote["held"] == wrote["free"] <= {"log_entry", "log_head", "log_restricted", "log_node"}
    assert rows["held"]["client_question_list"] == [(1, PADDED_TO + 29)]


@ON_SQLITE
def test_while_a_hold_stands_the_answer_is_that_of_the_days_of_grace_today_and_tomorrow(world):
    world.tell(closed("100001", NUMBERS[0], ago=13))
    world.put(NUMBERS[0])
    world.run()
    world.hold(case="100001")
    who = officer(world.context)
    for _ in range(3):
        world.run()
        world.look(full=True)
        assert ask(world, NUMBERS[0], "100001-A", by=who) == NEITHER
        world.pass_(days(1))
    world.release(world.holds()[0].uid)
    world.run()
    world.look(full=True)
    assert ask(world, NUMBERS[0], "100001-A", by=who).told is ToldClient.GONE


@ON_SQLITE
def test_what_is_known_only_from_copies_under_a_hold_is_told_to_nobody(world):
    """Records go on their day, and a copy of what is held stays: by it a held removal would be told longer."""
    world.put(NUMBERS[0])
    world.put(NUMBERS[1])
    world.tell(closed("100001", NUMBERS[0]), closed("100002", NUMBERS[1]))
    world.run()
    world.change(retention=(RetentionTerm(RowKind.REMOVALS, Span(months=24)),))
    world.hold(case="100001")
    world.pass_(days(740))
    world.look(full=True)
    assert ask(world, NUMBERS[0], "100001-A").told is ToldClient.GONE
    assert retention.run_as(world.context, Role.PRIVACY_OFFICER).destroyed == {"removals": 2}
    assert [ask(world, NUMBERS[nth], f"10000{nth + 1}-A") for nth in range(2)] == [NEITHER, NEITHER]


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    said: list[str] = []
    count = lambda *told: said.append(told[2])  # noqa: E731 - event.remove needs the same function
    event.listen(world.context.store.engine, "before_cursor_execute", count)
    try:
        yield said
    finally:
        event.remove(world.context.store.engine, "before_cursor_execute", count)


@ON_SQLITE
def test_every_question_asks_the_database_the_same(world):
    lived(world)
    world.hold(case="100002")
    who = officer(world.context)
    asked = []
    for about, people in QUESTIONS:
        for check in (IdentityCheck.DOCUMENT, IdentityCheck.FAILED):
            with statements(world) as said:
                ask(world, about, people, by=who, check=check)
            asked.append([each.split(" WHERE ")[0] for each in said])
    for each, question in zip(asked, QUESTIONS * 2, strict=True):
        assert each == asked[0], question
    looked_up = asked[0][next(nth for nth, each in enumerate(asked[0]) if "FROM identifier" in each) :]
    assert not any(each in said for said in looked_up for each in ("hold_list", "kept_apart", "log_restricted"))


@pytest.mark.both_databases
def test_the_number_is_nowhere_and_the_entry_says_nothing_in_the_open(world):
    lived(world)
    before = len(world.log())
    answered = client_questions.ask(
        world.context,
        officer(world.context),
        AskedByClient(STRANGER, IdentityCheck.CALLED_BACK, SafeChannel.REPRESENTATIVE, "100001-A"),
    )
    new = world.log()[before:]
    assert [each.kind for each in new if each.kind is not EntryKind.RESTRICTED] == []
    with world.context.store.read() as connection:
        bodies = [text for _, text in log.open_bodies(connection, KEYS.sealer, range(before, len(world.log())))]
        kept = str(client_question_list.read(connection, KEYS.sealer))
        rows = [str(row) for table in base.metadata.sorted_tables for row in connection.execute(table.select())]
    said = str(bodies)
    for word in ("client question", answered.uid, "identity_called_back", "channel_representative", "100001-A"):
        assert word in said, word
    token = KEYS.tokeniser.tokens(registered(STRANGER))[0]
    for where in (said, kept, *rows):
        assert not any(each in where for each in ("87654321", token.hex(), str(bytes(token))))
    assert "told_" not in said + kept, "what was answered is written nowhere"
