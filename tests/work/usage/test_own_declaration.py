"""A worker and their own declaration: signing, figures seen first, contesting; reminders; and views by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from server.core.log.entries import read_entry
from server.core.model import Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError, MailProblem
from server.core.usage.declarations import Declaration, DeclarationState, SignedHow
from server.core.usage.model import Quantity
from server.store import log
from server.store.schema.base import place
from server.store.usage import declarations as store_declarations
from server.store.usage.by_name import Who
from server.work.admin.access import Factors, Person
from server.work.mail import MailFailedError, MailSecurity, MailServer
from server.work.reports import scheduled
from server.work.reports.scheduled import Punctual
from server.work.usage import by_name, declaration_status, declarations, own_declaration, reminders
from server.work.usage.reminders import Reminded
from tests.work.desk import CLIENT, FORMER, NOW, Office, open_office, rules
from tests.work.letterbox import letterbox

pytestmark = pytest.mark.parts
VERSION = "gebruiksverklaring-1"


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = open_office(database_url, tmp_path)
    yield office
    office.context.store.close()


def worker(number: int) -> Person:
    return Person(
        account=number,
        uid=f"account-{number}",
        name=None,
        roles=(Role.WORKER,),
        role=Role.WORKER,
        worker=number,
        worker_ref=f"worker-{number}",
        language=None,
        factors=next(iter(Factors)),
        proven_at=NOW,
        sealed_hint=None,
    )


def states(office: Office) -> list[DeclarationState]:
    return [each.standing.state for each in declarations.list_declarations(office.context, rules())]


# --- signing --------------------------------------------------------------------------------------------------------


def test_a_worker_signs_on_their_own_page_and_the_employer_signs_after_that(office: Office):
    uid = own_declaration.sign_own(office.context, rules(), worker(1), "device-1", "nl", VERSION)
    assert states(office)[0] is DeclarationState.NOT_COUNTERSIGNED
    declarations.countersign(office.context, Role.PRIVACY_OFFICER, uid, "head of unit 2")
    assert states(office)[0] is DeclarationState.VALID
    with office.context.store.read() as connection:
        (signed,) = store_declarations.read_declarations(connection)
    assert signed == Declaration(1, 1, VERSION, NOW.date(), SignedHow.OWN_PAGE, NOW.date())


@pytest.mark.parametrize(
    ("person", "device", "version", "problem"),
    [
        (2, "device-1", VERSION, EvidenceProblem.NOT_THE_HOLDER),
        (1, "device-9", VERSION, EvidenceProblem.NOT_THE_HOLDER),
        (1, "device-1", "another-text", EvidenceProblem.UNKNOWN_TEXT),
    ],
)
def test_nobody_signs_for_another_or_under_words_they_did_not_read(
    office: Office, person: int, device: str, version: str, problem: EvidenceProblem
):
    own_declaration.read_own(office.context, rules(), worker(1))
    with pytest.raises(EvidenceRefusedError) as refused:
        own_declaration.sign_own(office.context, rules(), worker(person), device, "nl", version)
    assert refused.value.problem is problem
    assert set(states(office)) == {DeclarationState.MISSING}


# --- figures ---------------------------------------------------------------------------------------------------------


def test_others_see_a_month_only_after_the_worker_or_after_the_days_of_the_policy(office: Office):
    context, said = office.context, rules()
    office.take_in(office.bill(f"device-1;2026-02-02 09:00:00;{CLIENT};uit;120"))
    own_declaration.read_own(context, said, worker(2))
    assert declaration_status.evidence_beside(context, said, 1)[0].last == date(2026, 1, 31)
    (mine,) = own_declaration.read_own(context, said, worker(1)) or ()
    assert mine.period.last == date(2026, 2, 28)
    assert declaration_status.evidence_beside(context, said, 1)[0].last == date(2026, 2, 28)
    assert declaration_status.evidence_beside(context, said, 3)[0].last == date(2026, 1, 31)
    office.clock.pass_(timedelta(days=14))
    assert declaration_status.evidence_beside(context, said, 3)[0].last == date(2026, 2, 28)


def test_a_worker_without_a_device_has_nothing_to_sign_and_an_account_without_a_worker_no_page(office: Office):
    assert own_declaration.read_own(office.context, rules(), worker(99)) == []
    assert own_declaration.read_own(office.context, rules(), replace(worker(1), worker=None)) is None


def test_what_a_worker_says_stands_beside_the_figure_and_is_sealed_and_answered(office: Office):
    context, said = office.context, rules()
    office.take_in(office.bill(f"device-1;2026-02-02 09:00:00;{CLIENT};uit;120"))
    own_declaration.read_own(context, said, worker(1))
    with pytest.raises(EvidenceRefusedError):
        own_declaration.contest_own(context, worker(2), "device-1", None, "PLANTED")
    uid = own_declaration.contest_own(context, worker(1), "device-1", Quantity.CALLS, "PLANTED: a shared line")
    (mine,) = own_declaration.read_own(context, said, worker(1)) or ()
    contested = {each.quantity: [one.answered_on for one in each.contested] for each in mine.evidence}
    assert contested == {Quantity.CALLS: [None], Quantity.MINUTES: []}
    with pytest.raises(EvidenceRefusedError) as refused:
        declarations.read_contests(context, Role.IT_ADMINISTRATOR)
    assert refused.value.problem is EvidenceProblem.NOT_CLEARED
    (row,) = declarations.read_contests(context, Role.PRIVACY_OFFICER)
    assert (row.uid, row.device_ref, row.said) == (uid, "device-1", "PLANTED: a shared line")
    declarations.answer_contest(context, Role.PRIVACY_OFFICER, uid)
    with pytest.raises(EvidenceRefusedError):
        declarations.answer_contest(context, Role.PRIVACY_OFFICER, uid)
    with context.store.read() as connection:
        assert [each.answered_on for each in store_declarations.read_contests(connection)] == [NOW.date()]
        assert "PLANTED" not in "".join(repr(read_entry(text)) for _, text, _ in log.entries(connection))
    written = b"".join(each.read_bytes() for each in office.folder.glob("closeout*"))
    assert b"PLANTED" not in written


# --- reminders -------------------------------------------------------------------------------------------------------


def give_mailboxes(office: Office) -> None:
    with office.context.store.write() as connection:
        for n in (1, 2):
            connection.execute(
                update(place).where(place.c.uid == f"place-{n}").values(address=f"worker-{n}@mail.example")
            )


def test_a_reminder_goes_at_hand_out_and_before_the_end_once_each_and_says_nothing_of_anybody(office: Office):
    give_mailboxes(office)
    said = rules()
    with letterbox() as box:
        server = MailServer("127.0.0.1", box.port, MailSecurity.NONE, "closeout@mail.example")
        context = replace(office.context, mail=server, pages="https://closeout.example")
        assert reminders.remind(context, said) == Reminded(2, without_address=1)
        assert reminders.remind(context, said) == Reminded(0, without_address=1)
        for n in (1, 2):
            uid = own_declaration.sign_own(context, said, worker(n), f"device-{n}", "nl", VERSION)
            if n == 1:
                declarations.countersign(context, Role.PRIVACY_OFFICER, uid, "head of unit 2")
        office.clock.pass_(timedelta(days=30))
        assert reminders.remind(context, said).sent == 0, "one is valid, one waits for the employer"
        office.clock.pass_(timedelta(days=365 * 2 - 30 - 20))
        assert reminders.remind(context, said).sent == 1
    assert [each.to for each in box.letters] == [
        "worker-1@mail.example",
        "worker-2@mail.example",
        "worker-1@mail.example",
    ]
    for letter in box.letters:
        assert "https://closeout.example/my-declaration" in letter.text
        for word in ("device-", "worker-", "gebruiksverklaring"):
            assert word not in letter.text


def test_reminders_go_out_by_themselves_only_where_the_schedule_says_so(office: Office):
    give_mailboxes(office)
    with letterbox() as box:
        server = MailServer("127.0.0.1", box.port, MailSecurity.NONE, "closeout@mail.example")
        context = replace(office.context, mail=server, pages="https://closeout.example", evidence=rules)
        assert scheduled.keep_to(context, []) == Punctual()
        assert scheduled.keep_to(context, [], remind_in="en") == Punctual(told=2)
        assert scheduled.keep_to(context, [], remind_in="en") == Punctual()
    assert [each.to for each in box.letters] == ["worker-1@mail.example", "worker-2@mail.example"]


def test_without_a_mail_server_nothing_is_called_sent(office: Office):
    give_mailboxes(office)
    with pytest.raises(MailFailedError) as failed:
        reminders.remind(replace(office.context, pages="https://closeout.example"), rules())
    assert failed.value.problem is MailProblem.NOT_SET
    with office.context.store.read() as connection:
        assert store_declarations.last_reminders(connection) == {}


# --- views by name ---------------------------------------------------------------------------------------------------

SPAN = {"first": date(2026, 2, 1), "last": date(2026, 2, 28)}
OFFICER = Who("account-1", Role.PRIVACY_OFFICER, 901)
SECOND = Who("account-2", Role.INDEPENDENT_OFFICER, 902)


def test_a_view_by_name_needs_a_second_person_a_reason_and_clearance_and_is_granted_once(office: Office):
    context, said = office.context, rules(consent="C-1")
    office.take_in(office.bill(f"device-1;2026-02-02 09:00:00;{FORMER};uit;120"), consent="C-1")
    uid = by_name.ask(context, said, OFFICER, reason="inquiry 1", **SPAN)
    for second, problem in (
        (OFFICER, EvidenceProblem.SECOND_PERSON),
        (Who("account-3", Role.IT_ADMINISTRATOR), EvidenceProblem.NOT_CLEARED),
    ):
        with pytest.raises(EvidenceRefusedError) as refused:
            by_name.grant(context, said, uid, second)
        assert refused.value.problem is problem
    found = by_name.grant(context, said, uid, SECOND)
    assert [
        (found.workers[fact.worker], found.cases[fact.case], fact.ground.value, fact.outgoing)
        for fact in found.looked.facts
    ] == [("worker-1", "222222", "after_closure", 1)]
    with pytest.raises(EvidenceRefusedError) as refused:
        by_name.grant(context, said, uid, SECOND)
    assert refused.value.problem is EvidenceProblem.NOT_ASKED
    with context.store.read() as connection:
        entries = [repr(read_entry(text)) for _, text, _ in log.entries(connection)]
    assert [outcome for each in entries for outcome in ("asked", "granted", "looked") if f"'{outcome}'" in each] == [
        "asked", "granted", "looked",
    ]  # fmt: skip
    assert "inquiry 1" not in "".join(entries)
    assert "account-1" not in "".join(entries)


def test_a_view_that_nobody_grants_runs_out_and_one_without_consent_or_reason_is_not_asked(office: Office):
    context, said = office.context, rules(consent="C-1")
    with pytest.raises(EvidenceRefusedError) as refused:
        by_name.ask(context, rules(), OFFICER, reason="inquiry 1", **SPAN)
    assert refused.value.problem is EvidenceProblem.NO_CONSENT
    with pytest.raises(EvidenceRefusedError) as refused:
        by_name.ask(context, said, OFFICER, reason=" ", **SPAN)
    assert refused.value.problem is EvidenceProblem.SECOND_PERSON
    uid = by_name.ask(context, said, OFFICER, reason="inquiry 1", **SPAN)
    office.clock.pass_(timedelta(days=3, seconds=1))
    with pytest.raises(EvidenceRefusedError) as refused:
        by_name.grant(context, said, uid, SECOND)
    assert refused.value.problem is EvidenceProblem.NOT_ASKED
    again = by_name.ask(context, said, OFFICER, reason="inquiry 1", **SPAN)
    by_name.refuse(context, again, SECOND)
    with pytest.raises(EvidenceRefusedError):
        by_name.grant(context, said, again, SECOND)
