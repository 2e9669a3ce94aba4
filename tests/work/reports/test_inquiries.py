"""What two people with a mandate learn from the ledger, who never takes part, and that nothing of a list is kept.

What must come out is worked out here from what a world was told and what lies in its books, not by the code under test.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, update

from mdm_adapters.registry import KINDS
from server.core.hold_record import Requester
from server.core.identity.reading import registered
from server.core.inquiry_record import ANSWERS_A_DAY, ASKS_A_DAY, MOST_LINES, LedgerQuestion, MandateStanding
from server.core.log.checkpoints import parse_verifier_key
from server.core.log.entries import EntryKind
from server.core.log.signed_answers import read_answer
from server.core.model import ContactClass, Level, Phase, Role
from server.core.policy.retention import RetentionTerm, RowKind, Span
from server.core.problems import InquiryProblem, InquiryRefusedError
from server.core.reports.ledger import InBooks, LedgerAnswer, NumberStanding
from server.core.reports.retention import reach_of_ledger
from server.render.words import Words
from server.sources.case_file import open_export
from server.sources.invented import Organisation, invent, write_export
from server.sources.invented.books import InventedCard, write_card
from server.sources.mapping import load_mapping
from server.sources.rows import ContactRow
from server.store import inquiry_list, log
from server.store.database import Store
from server.store.schema import base
from server.work.admin import access, log_checkpoints, retention, setup
from server.work.admin.access import Person
from server.work.context import Context
from server.work.register import intake
from server.work.removal import engine, verify
from server.work.removal.sync import look_at_all
from server.work.reports import inquiries
from server.work.reports.inquiries import WantedMandate
from tests.store.fixtures import lay_tables
from tests.vendors.memory import MemoryBook, MemoryStore
from tests.work.world import KEYS, NUMBERS, POLICY, Clock, Told, World, closed, days, without_digits

ON_SQLITE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
"""Rules about people: what the database does in them, other tests here ask on both."""
BOOKS, LIST = LedgerQuestion.BOOKS, LedgerQuestion.NUMBERS


def person(context: Context, role: Role, *, nth: int = 1, worker: str | None = None) -> Person:
    """Somebody signed in."""
    row = access.demo_account(context, role, nth=nth, worker=worker if role is Role.WORKER else None)
    if worker is not None and role is not Role.WORKER:
        access.link_account(context, str(row.name), worker)
    found = access.stand_for(context, str(row.name), role)
    assert found is not None
    return found


@dataclass
class Two:
    """The two of an inquiry, and what they do."""

    context: Context
    one: Person
    other: Person

    @classmethod
    def of(cls, context: Context) -> Two:
        return cls(context, person(context, Role.INVESTIGATOR), person(context, Role.INDEPENDENT_OFFICER))

    def wanted(self, worker: str = "worker-1", **changes: object) -> WantedMandate:
        today = self.context.today()
        given = WantedMandate(
            self.other.uid, Requester.POLICE, "What was asked.", worker, today - days(3000), today, today + days(40)
        )
        return replace(given, **changes)

    def mandate(self, worker: str = "worker-1", **changes: object) -> str:
        uid = inquiries.record(self.context, self.one, self.wanted(worker, **changes))
        inquiries.decide_mandate(self.context, self.other, uid, granted=True)
        return uid

    def answer(self, mandate: str, question: LedgerQuestion, numbers: str = "", reason: str = "why") -> LedgerAnswer:
        uid = inquiries.ask(self.context, self.one, mandate, question, reason=reason, numbers=numbers)
        inquiries.decide_ask(self.context, self.other, uid, granted=True)
        return inquiries.answer(self.context, self.one, uid, numbers=numbers)[2]


@pytest.fixture
def two(world: World) -> Two:
    return Two.of(world.context)


def refused(act: object, *given: object, **how: object) -> InquiryProblem:
    with pytest.raises(InquiryRefusedError) as caught:
        act(*given, **how)  # type: ignore[operator]
    return caught.value.problem


def lived(world: World) -> None:
    """Contacts of each kind in the book of worker-1, some of them over."""
    world.directory = (ContactRow(0, "", None, ContactClass.COLLEAGUE, NUMBERS[9], None),)
    world.tell(
        closed("100001", NUMBERS[0]),
        closed("100002", NUMBERS[1], NUMBERS[2], ago=3),
        Told("100003", (NUMBERS[3],)),
        Told("100004", (NUMBERS[4],), workers=("worker-2",)),
        Told("100005", (NUMBERS[5],), phase=Phase.MONITORING),
        closed("100006", NUMBERS[6]),
        closed("100007", NUMBERS[7], workers=("worker-2",)),
    )
    for number in (*NUMBERS[:7], NUMBERS[9], NUMBERS[20]):
        world.put(number)
    world.put(NUMBERS[7], worker=2)
    world.look()


def shown(answer: LedgerAnswer) -> list[tuple[object, ...]]:
    return [(row.facts.case, row.facts.person, row.facts.worked, row.books.state) for row in answer.rows]


def test_which_former_clients_were_in_a_workers_books_is_told_by_case(world, two):
    lived(world)
    mandate = two.mandate()
    found = two.answer(mandate, BOOKS)
    assert shown(found) == [
        ("100001", "A", True, InBooks.THERE),
        ("100002", "A", True, InBooks.THERE),
        ("100002", "B", True, InBooks.THERE),
        ("100004", "A", False, InBooks.THERE),
        ("100005", "A", True, InBooks.THERE),
        ("100006", "A", True, InBooks.THERE),
    ]
    assert (found.running, found.books, found.unread) == (1, 1, 0)
    world.book().cards.pop("card-6.vcf")
    world.pass_(days(1))
    world.run()
    after = {row.facts.case: row.books for row in two.answer(mandate, BOOKS, reason="again").rows}
    assert (after["100001"].state, after["100001"].level) == (InBooks.REMOVED, Level.STORE_REMOVED)
    assert (after["100006"].state, after["100006"].level) == (InBooks.GONE, Level.STORE_REMOVED)
    assert after["100002"].state is InBooks.THERE


def test_whose_the_numbers_of_a_list_are_is_told_by_its_lines(world, two):
    lived(world)
    world.run()
    listed = "\n".join(
        [
            NUMBERS[0].replace("06-", "+31 6 "),
            "",
            "not a number",
            NUMBERS[9],
            NUMBERS[30],
            f"Somebody {NUMBERS[7]}",
            NUMBERS[2],
            "nobody@nowhere.example",
            NUMBERS[0],
        ]
    )
    found = two.answer(two.mandate(), LIST, listed)
    assert [(row.line, *each) for row, each in zip(found.rows, shown(found), strict=True)] == [
        (1, "100001", "A", True, InBooks.REMOVED),
        (6, "100007", "A", False, InBooks.NEVER),
        (7, "100002", "B", True, InBooks.THERE),
        (9, "100001", "A", True, InBooks.REMOVED),
    ]
    assert (found.lines, found.staying, found.not_known, found.unreadable) == (8, (4,), (5, 8), (3,))


def test_overwritten_former_and_forgotten_numbers_are_told_too(world, two):
    world.tell(closed("100001", NUMBERS[0]), closed("100002", NUMBERS[1]))
    world.put(NUMBERS[0])
    world.put(NUMBERS[1])
    world.run()
    world.tell(closed("100001", NUMBERS[3]), closed("100002", NUMBERS[1]))
    mandate = two.mandate()
    listed = "\n".join((NUMBERS[0], NUMBERS[1]))

    def standings() -> list[tuple[str, NumberStanding, InBooks]]:
        found = two.answer(mandate, LIST, listed, reason=str(world.clock.now.timestamp()))
        return [(row.facts.case, row.facts.number, row.books.state) for row in found.rows]

    current = ("100002", NumberStanding.CURRENT, InBooks.REMOVED)
    assert standings() == [("100001", NumberStanding.OVERWRITTEN, InBooks.REMOVED), current]
    world.pass_(days(2 * POLICY.tombstone_days + 2))
    world.look(full=True)
    world.pass_(days(1))
    with world.context.store.read() as connection:
        links = connection.execute(base.link.select()).all()
    assert len(links) == 2, "the register has forgotten the overwritten one"
    mandate = two.mandate()
    assert standings() == [("100001", NumberStanding.FORGOTTEN, InBooks.REMOVED), current]


@ON_SQLITE
def test_a_phone_of_the_mandate_is_asked_alone_and_another_workers_is_refused(world, two):
    lived(world)
    assert len(two.answer(two.mandate(phone="device-1"), BOOKS).rows) == 6
    assert refused(inquiries.record, world.context, two.one, two.wanted(phone="device-2")) is (
        InquiryProblem.UNKNOWN_PHONE
    )


@ON_SQLITE
def test_only_what_was_there_in_the_days_of_the_mandate_is_told(world, two):
    lived(world)
    world.run()
    world.pass_(days(10))
    today = world.context.today()
    late = two.answer(two.mandate(first=today - days(5)), BOOKS)
    assert [row.facts.case for row in late.rows] == ["100002", "100002", "100004"]
    assert two.answer(two.mandate(first=today - days(900), last=today - days(800)), BOOKS).rows == ()


@ON_SQLITE
def test_removals_are_told_as_long_as_the_policy_keeps_them_and_longer_where_they_must_last(world, two):
    world.put(NUMBERS[0])
    world.put(NUMBERS[1])
    world.tell(closed("100001", NUMBERS[0]), closed("100002", NUMBERS[1]))
    world.run()
    world.change(retention=(RetentionTerm(RowKind.REMOVALS, Span(months=24)),))
    world.hold(case="100001")
    world.clock.pass_(days(730))
    assert retention.run_as(world.context, Role.PRIVACY_OFFICER).destroyed == {"removals": 2}
    two = Two.of(world.context)
    found = two.answer(two.mandate(), LIST, "\n".join(NUMBERS[:2]))
    assert [(row.facts.case, row.books.state, row.books.level) for row in found.rows] == [
        ("100001", InBooks.REMOVED, Level.STORE_REMOVED),
        ("100002", InBooks.GONE, None),
    ]
    words = Words("en")
    assert words.say(reach_of_ledger(world.context.policy)) == (
        "The ledger of an inquiry tells removals for 2 years after their proof; which cases and address books "
        "a contact was in, as far back as closeout has worked."
    )
    assert "no period is set" in words.say(reach_of_ledger(POLICY))


# --- who, how often, how long ---------------------------------------------------------------------------------------


@ON_SQLITE
def test_nobody_approves_their_own_and_a_third_sees_none_of_it(world, two):
    lived(world)
    third = person(world.context, Role.INVESTIGATOR, nth=2)
    uid = inquiries.record(world.context, two.one, two.wanted())
    decide = inquiries.decide_mandate
    assert refused(decide, world.context, two.one, uid, granted=True) is InquiryProblem.NOT_FOUND
    assert refused(decide, world.context, third, uid, granted=True) is InquiryProblem.NOT_FOUND
    assert refused(inquiries.ask, world.context, two.one, uid, BOOKS, reason="why") is InquiryProblem.OVER
    decide(world.context, two.other, uid, granted=True)
    assert refused(decide, world.context, two.other, uid, granted=True) is InquiryProblem.NOT_FOUND
    asked = inquiries.ask(world.context, two.one, uid, BOOKS, reason="why")
    assert inquiries.ask(world.context, two.one, uid, BOOKS, reason="why") == asked, "a double click is one"
    for who in (two.one, third):
        assert refused(inquiries.decide_ask, world.context, who, asked, granted=True) is InquiryProblem.NOT_FOUND
    assert refused(inquiries.answer, world.context, two.one, asked) is InquiryProblem.OVER
    inquiries.decide_ask(world.context, two.other, asked, granted=True)
    for who in (two.one, two.other):
        assert inquiries.answer(world.context, who, asked)[2].rows
    assert refused(inquiries.answer, world.context, third, asked) is InquiryProblem.NOT_FOUND
    assert refused(inquiries.open_mandate, world.context, third, uid) is InquiryProblem.NOT_FOUND
    assert inquiries.list_mandates(world.context, third) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("role", "worker"),
    [
        (Role.INVESTIGATOR, "worker-1"),
        (Role.LINE_MANAGER, "worker-2"),
        (Role.WORK_SUPERVISOR, "worker-2"),
        (Role.WORK_SUPERVISOR, None),
    ],
)
def test_the_subject_and_their_line_neither_ask_nor_approve_nor_read(world, two, role, worker):
    """All workers of this world are in one team: whoever leads it leads the subject."""
    apart = person(world.context, Role.INVESTIGATOR, nth=5, worker=worker)
    if role is not Role.INVESTIGATOR:
        with world.context.store.write() as connection:
            connection.execute(base.account_role.insert().values(account_id=apart.account, role=role.value))
        apart = replace(apart, roles=(*apart.roles, role))
    assert refused(inquiries.record, world.context, apart, two.wanted(second=two.one.uid)) is InquiryProblem.ABOUT_YOU
    as_second = two.wanted(second=apart.uid)
    assert refused(inquiries.record, world.context, two.one, as_second) is InquiryProblem.SECOND_NOT_FIT


@ON_SQLITE
def test_who_becomes_the_subjects_manager_meanwhile_reads_nothing_any_more(world, two):
    lived(world)
    mandate = two.mandate()
    asked = inquiries.ask(world.context, two.one, mandate, BOOKS, reason="why")
    inquiries.decide_ask(world.context, two.other, asked, granted=True)
    with world.context.store.write() as connection:
        for role in (Role.LINE_MANAGER,):
            connection.execute(base.account_role.insert().values(account_id=two.one.account, role=role.value))
    access.link_account(world.context, str(two.one.name), "worker-2")
    now_leads = access.stand_for(world.context, str(two.one.name), Role.INVESTIGATOR)
    assert now_leads is not None
    assert refused(inquiries.answer, world.context, now_leads, asked) is InquiryProblem.NOT_FOUND
    assert inquiries.list_mandates(world.context, now_leads) == []


@ON_SQLITE
def test_a_deputy_of_the_subjects_team_is_kept_from_it_while_they_stand_in(world, two):
    now = world.clock.now
    with world.context.store.write() as connection:
        connection.execute(
            base.deputy.insert().values(
                uid="d", team="team-1", account_id=two.other.account, named_by=two.one.account, named_at=now,
                until_at=now + days(2),
            )
        )  # fmt: skip
    assert refused(inquiries.record, world.context, two.one, two.wanted()) is InquiryProblem.SECOND_NOT_FIT
    world.clock.pass_(days(3))
    assert two.mandate()


@ON_SQLITE
@pytest.mark.parametrize("role", [Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR])
def test_who_is_not_cleared_does_nothing(world, two, role):
    who = person(world.context, role)
    mandate = two.mandate()
    for act, given in (
        (inquiries.record, (two.wanted(),)),
        (inquiries.list_mandates, ()),
        (inquiries.open_mandate, (mandate,)),
        (inquiries.end_mandate, (mandate,)),
        (inquiries.answer, ("x",)),
    ):
        assert refused(act, world.context, who, *given) is InquiryProblem.NOT_CLEARED
    assert not inquiries.waits_for(world.context, who)


@ON_SQLITE
def test_what_waits_for_the_second_person_is_told_to_them_alone(world, two):
    def waits() -> list[bool]:
        return [inquiries.waits_for(world.context, each) for each in (two.one, two.other)]

    assert waits() == [False, False]
    uid = inquiries.record(world.context, two.one, two.wanted())
    assert waits() == [False, True]
    inquiries.decide_mandate(world.context, two.other, uid, granted=True)
    asked = inquiries.ask(world.context, two.other, uid, BOOKS, reason="why")
    assert waits() == [True, False]
    inquiries.decide_ask(world.context, two.one, asked, granted=False)
    assert waits() == [False, False]


@ON_SQLITE
def test_nothing_is_asked_or_answered_once_a_mandate_has_ended(world, two):
    lived(world)
    by_day, by_hand = two.mandate(ends_on=world.context.today() + days(2)), two.mandate()
    asks = [inquiries.ask(world.context, two.one, each, BOOKS, reason="why") for each in (by_day, by_hand)]
    for each in asks:
        inquiries.decide_ask(world.context, two.other, each, granted=True)
    later = inquiries.ask(world.context, two.one, by_hand, BOOKS, reason="more")
    inquiries.end_mandate(world.context, two.other, by_hand)
    assert refused(inquiries.answer, world.context, two.one, asks[1]) is InquiryProblem.OVER
    assert refused(inquiries.decide_ask, world.context, two.other, later, granted=True) is InquiryProblem.OVER
    assert inquiries.answer(world.context, two.one, asks[0])[2].rows
    world.clock.pass_(days(3))
    assert refused(inquiries.answer, world.context, two.one, asks[0]) is InquiryProblem.OVER
    assert refused(inquiries.ask, world.context, two.one, by_day, BOOKS, reason="x") is InquiryProblem.OVER
    states = {mandate.uid: standing for mandate, standing in inquiries.list_mandates(world.context, two.one)}
    assert states == {by_day: MandateStanding.ENDED, by_hand: MandateStanding.ENDED}


@ON_SQLITE
def test_a_day_allows_so_many_questions_and_answers(world, two):
    lived(world)
    mandate = two.mandate()
    asked = [
        inquiries.ask(world.context, two.one, mandate, BOOKS, reason=f"reason {chr(97 + n)}") for n in range(ASKS_A_DAY)
    ]
    assert refused(inquiries.ask, world.context, two.other, mandate, BOOKS, reason="x") is InquiryProblem.ENOUGH_TODAY
    for each in asked:
        inquiries.decide_ask(world.context, two.other, each, granted=True)
    for _ in range(ANSWERS_A_DAY):
        inquiries.answer(world.context, two.one, asked[0])
    assert refused(inquiries.answer, world.context, two.one, asked[1]) is InquiryProblem.ENOUGH_TODAY
    assert inquiries.answer(world.context, two.other, asked[1])[2].rows
    world.clock.pass_(timedelta(hours=23))
    assert inquiries.answer(world.context, two.one, asked[1])[2].rows
    assert inquiries.ask(world.context, two.other, mandate, BOOKS, reason="x")


@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"worker": "nobody"}, InquiryProblem.UNKNOWN_WORKER),
        ({"phone": "no phone"}, InquiryProblem.UNKNOWN_PHONE),
        ({"second": "nobody"}, InquiryProblem.SECOND_NOT_FIT),
        ({"task": " "}, InquiryProblem.SAYS_NOTHING),
        ({"task": f"About {NUMBERS[0]}."}, InquiryProblem.IDENTIFIER_IN_TEXT),
        ({"task": "x" * 301}, InquiryProblem.TEXT_TOO_LONG),
        ({"last": date(2000, 1, 1)}, InquiryProblem.DAYS),
        ({"last": date(2100, 1, 1)}, InquiryProblem.DAYS),
        ({"ends_on": date(2000, 1, 1)}, InquiryProblem.ENDS),
        ({"ends_on": date(2100, 1, 1)}, InquiryProblem.ENDS),
    ],
)
def test_a_mandate_that_cannot_be_is_refused(world, two, changes, problem):
    assert refused(inquiries.record, world.context, two.one, two.wanted(**changes)) is problem
    assert refused(inquiries.record, world.context, two.one, two.wanted(second=two.one.uid)) is (
        InquiryProblem.SECOND_NOT_FIT
    )
    assert inquiries.list_mandates(world.context, two.one) == []


@ON_SQLITE
def test_a_list_that_cannot_be_is_refused_and_another_than_was_approved_too(world, two):
    lived(world)
    mandate = two.mandate()

    def ask(numbers: str) -> str:
        return inquiries.ask(world.context, two.one, mandate, LIST, reason="why", numbers=numbers)

    for numbers in ("", "\n\n", "no number\nat all", "\x00\ufffd"):
        assert refused(ask, numbers) is InquiryProblem.NO_LIST
    assert refused(ask, f"{NUMBERS[0]}\n" * (MOST_LINES + 1)) is InquiryProblem.TOO_MANY_LINES
    uid = ask(f"{NUMBERS[0]}\n{NUMBERS[1]}")
    inquiries.decide_ask(world.context, two.other, uid, granted=True)
    for other in (NUMBERS[0], f"{NUMBERS[0]}\n{NUMBERS[1]}\n{NUMBERS[2]}"):
        assert refused(inquiries.answer, world.context, two.one, uid, numbers=other) is InquiryProblem.OTHER_LIST
    assert refused(inquiries.answer, world.context, two.one, uid) is InquiryProblem.NO_LIST
    same = f"\n{NUMBERS[1].replace('-', ' ')}\r\n0031{NUMBERS[0][1:]}"
    assert len(inquiries.answer(world.context, two.one, uid, numbers=same)[2].rows) == 2


@ON_SQLITE
def test_a_list_of_inquiries_that_cannot_be_opened_answers_nothing(world, two):
    with world.context.store.write() as connection:
        connection.execute(update(base.inquiry_list).values(sealed=b"\1" + bytes(100)))
    for act, given in ((inquiries.list_mandates, ()), (inquiries.record, (two.wanted(),))):
        assert refused(act, world.context, two.one, *given) is InquiryProblem.UNREADABLE
    assert not inquiries.waits_for(world.context, two.one)


# --- what is left behind --------------------------------------------------------------------------------------------


def test_of_a_list_nothing_is_kept_and_all_acts_are_entries_that_say_nothing_in_the_open(world, two):
    lived(world)
    stranger = "06-87654321"
    listed = "\n".join((NUMBERS[0], stranger))
    before = len(world.log())
    answer = two.answer(two.mandate(), LIST, listed)
    assert answer.not_known == (2,)
    new = world.log()[before:]
    assert {each.kind for each in new} == {EntryKind.RESTRICTED}
    with world.context.store.read() as connection:
        bodies = [text for _, text in log.open_bodies(connection, KEYS.sealer, range(before, len(world.log())))]
        held = inquiry_list.read(connection, KEYS.sealer)
        rows = [str(row) for table in base.metadata.sorted_tables for row in connection.execute(table.select())]
    said = " ".join(str(each) for each in bodies)
    for verb in ("recorded", "in force", "asked: numbers", "approved", "answered"):
        assert said.count(verb) == 1, verb
    assert len(new) == 5
    for number in (NUMBERS[0], stranger):
        national = without_digits_of(number)
        token = KEYS.tokeniser.tokens(registered(number))[0].hex()
        assert national not in said + str(held)
        assert token not in said + str(held)
        assert all(national not in row for row in rows)


def without_digits_of(number: str) -> str:
    """The national digits."""
    kept = "".join(each for each in number if each.isdigit())
    assert without_digits(number) != number
    return kept[1:]


@ON_SQLITE
def test_a_file_says_what_the_page_says_is_signed_and_named_in_the_log(world, two):
    lived(world)
    world.run()
    uid = inquiries.ask(world.context, two.one, two.mandate(), BOOKS, reason="why")
    inquiries.decide_ask(world.context, two.other, uid, granted=True)
    mandate, asked, answer = inquiries.answer(world.context, two.other, uid)
    text = inquiries.hand_out(world.context, two.other, mandate, asked, answer)
    told = read_answer(text, parse_verifier_key(log_checkpoints.verifier_key(world.context)))
    assert [(row["case"], row["person"], row["worked"], row["state"]) for row in told["rows"]] == [
        (*each[:3], each[3].value) for each in shown(answer)
    ]
    assert without_digits_of(NUMBERS[0]) not in text
    assert two.one.uid not in text
    with world.context.store.read() as connection:
        (newest,) = [body for _, body in log.open_bodies(connection, KEYS.sealer, [len(world.log()) - 1])]
    assert hashlib.sha256(text.encode()).hexdigest() in str(newest)
    assert json.loads(text)["answer"] == told


@pytest.mark.both_databases
def test_a_list_of_any_length_takes_the_same_statements(world, two):
    lived(world)
    mandate = two.mandate()
    counts = []
    for length in (2, 900):
        numbers = "\n".join([*NUMBERS[:2], *(f"06-{20_000_000 + n}" for n in range(length))])
        uid = inquiries.ask(
            world.context, two.one, mandate, LIST, reason=f"reason {'x' * length}"[:90], numbers=numbers
        )
        inquiries.decide_ask(world.context, two.other, uid, granted=True)
        statements: list[str] = []

        def count(*given: object, seen: list[str] = statements) -> None:
            seen.append(str(given[2]))

        event.listen(world.context.store.engine, "before_cursor_execute", count)
        answer = inquiries.answer(world.context, two.one, uid, numbers=numbers)[2]
        event.remove(world.context.store.engine, "before_cursor_execute", count)
        assert (len(answer.rows), len(answer.not_known)) == (2, length)
        counts.append(len(statements))
    assert counts[0] == counts[1]


# --- the incident (DOMAIN 1) ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Incident:
    context: Context
    invented: Organisation
    subject: str
    cards: Sequence[InventedCard]


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    """The invented incident: its register, and the book of the one worker, from which the backlog goes."""
    folder = tmp_path_factory.mktemp("incident")
    invented = invent("incident", seed=3, now=Clock().now, factor=0.02)
    ((subject, _), *_) = invented.planted
    vendor = MemoryStore()
    book = vendor.books[subject] = MemoryBook()
    cards = some_cards(invented, subject)
    for nth, each in enumerate(cards):
        book.put(f"card-{nth}.vcf", write_card(each))
    lay_tables(f"sqlite:///{folder / 'closeout.db'}")
    store = Store(f"sqlite:///{folder / 'closeout.db'}")
    policy = replace(POLICY, max_removals=100_000)
    context = Context(store, Clock(), KEYS, policy, {"books": vendor}, {}, folder / "heads.txt")
    found_incident(context, invented, subject, folder)
    yield Incident(context, invented, subject, cards)
    store.close()


def some_cards(invented: Organisation, subject: str) -> Sequence[InventedCard]:
    """Those of the incident, and every twelfth other one."""
    planted = {identifier for _, identifier in invented.planted}
    return [
        each for nth, each in enumerate(invented.cards(subject)) if nth % 12 == 0 or planted & set(each.identifiers)
    ]


def found_incident(context: Context, invented: Organisation, subject: str, folder: Path) -> None:
    setup.found(context, "Invented organisation", demo=True)
    setup.put_connection(
        context, name="books", vendor="memory", base_url="http://127.0.0.1/", login="service", secret_file="",
        kinds={"memory": replace(KINDS["carddav"], name="memory")},
    )  # fmt: skip
    head = "worker;employer;team;connection;address;devices;logins\n"
    setup.import_places(context, f"{head}{subject};Employer 1;team-1;books;{subject};phone-1;phone-1\n")
    files = write_export(invented, folder, "generic-en")
    taken = intake.take_in(context, open_export(files, load_mapping("generic-en")), confirmed=True)
    assert taken.applied is not None
    look_at_all(context, full=True)


def cases_by_contact(invented: Organisation) -> Mapping[str, set[str]]:
    """Cases of each client's number or address, former ones included, from the lives that were invented."""
    known = {row.number for row in invented.cases}
    found: dict[str, set[str]] = {}
    for life in invented.plot.lives:
        for who in life.people if life.number in known else ():
            if who.contact_class in (ContactClass.CLIENT, ContactClass.REPORTER):
                for each in (*who.identifiers, *(former for former, _ in who.former)):
                    found.setdefault(each, set()).add(life.number)
    return found


def test_all_37_of_the_incident_are_named_and_whatever_else_was_there(incident):
    two = Two.of(incident.context)
    mandate = two.mandate(incident.subject)
    cases = cases_by_contact(incident.invented)
    planted = [identifier for _, identifier in incident.invented.planted]
    assert len(planted) == 37
    by_list = two.answer(mandate, LIST, "\n".join(planted))
    named = {nth: {row.facts.case for row in by_list.rows if row.line == nth} for nth in range(1, 38)}
    assert [named[nth] for nth in range(1, 38)] == [cases[each] for each in planted]
    assert (by_list.not_known, by_list.unreadable) == ((), ())
    # From the books alone, without knowing a number: against what lies in them and the register as it was invented.
    phase = {row.number: row.phase for row in incident.invented.cases}
    now = incident.context.now()
    works = {
        row.case_number
        for row in incident.invented.assignments
        if row.worker == incident.subject and row.from_at <= now and (row.until_at is None or now < row.until_at)
    }
    there = {each for card in incident.cards for each in card.identifiers if each in cases}
    running = {case for case in works if phase[case] not in (Phase.MONITORING, Phase.CLOSED)}
    by_books = two.answer(mandate, BOOKS)
    told = sorted(row.facts.case for row in by_books.rows)
    assert told == sorted(case for each in there for case in cases[each] - running)
    assert by_books.running == sum(cases[each] <= running for each in there)
    of_planted = {each for each in planted if cases[each] & set(told)}
    assert len(of_planted) == 37


def test_and_still_are_after_their_numbers_were_removed_with_how_each_was_proven(incident):
    before = Two.of(incident.context).answer(Two.of(incident.context).mandate(incident.subject), BOOKS, reason="before")
    engine.run_once(incident.context, full=True, at_once=1)
    verify.verify(incident.context)
    two = Two.of(incident.context)
    planted = [identifier for _, identifier in incident.invented.planted]
    after = two.answer(two.mandate(incident.subject), LIST, "\n".join(planted), reason="after")
    states = {row.line: row.books for row in after.rows}
    assert set(states) == set(range(1, 38))
    ways = {each.state for each in states.values()}
    assert ways <= {InBooks.REMOVED, InBooks.THERE}, "of each it is known whether it is gone"
    assert all((each.level is not None) == (each.state is InBooks.REMOVED) for each in states.values())
    assert sum(each.state is InBooks.REMOVED for each in states.values()) >= 20
    assert len(two.answer(two.mandate(incident.subject), BOOKS, reason="later").rows) == len(before.rows)
