"""Contacts by name on the pages: two people of two accounts, each step proven afresh, each look logged, nobody else."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlalchemy import select

from server.core.log.entries import EntryKind, read_entry
from server.core.model import CLEARED_FOR_CASES, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.store import log
from server.store.schema import base
from server.store.usage.by_name import Who
from server.work.admin import access
from server.work.usage import by_name
from tests.web.conftest import Browser
from tests.web.town import Town, tell_of_a_contact

WORKERS = {Role.PRIVACY_OFFICER: "worker-03", Role.INDEPENDENT_OFFICER: "worker-05", Role.INVESTIGATOR: "worker-04"}
"""Who has the role, each a worker of whom nothing is told."""
SPAN = {"first": "2026-02-01", "last": "2026-02-28"}
WHY = "An inquiry that the officers agreed on."


@pytest.fixture
def looked_into(town: Town) -> Town:
    """A town with consent, where worker-02 called a client long after the case was closed."""
    town.consent = "consent-1"
    tell_of_a_contact(town, "worker-02", case_of(town)[0], date(2026, 2, 10))
    return town


@pytest.fixture
def enter(enter):
    """As before, each in a cleared role being a worker that is known."""

    def go(role: Role, **who: object) -> Browser:
        return enter(role, **({"worker": WORKERS[role]} | who if role in WORKERS else who))

    return go


def case_of(town: Town) -> tuple[int, str]:
    with town.store.read() as connection:
        row = connection.execute(
            select(base.cases.c.id, base.cases.c.number)
            .where(base.cases.c.phase == "closed", base.cases.c.closed_at.is_not(None))
            .order_by(base.cases.c.closed_at)
        ).first()
    return row.id, row.number


def ask(browser: Browser, **changes: str) -> str:
    answer = browser.post("/contacts-by-name", **{**SPAN, "reason": WHY, **changes})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def decide(browser: Browser, where: str, act: str):
    return browser.post(f"{where}/decide", page=where, act=act)


def look(browser: Browser, where: str):
    return browser.post(f"{where}/look", page=where)


def outcomes(town: Town) -> list[tuple[str, str]]:
    with town.store.read() as connection:
        entries = [read_entry(bytes(text)) for _, text, _ in log.entries(connection)]
    return [
        (entry.body["outcome"], entry.body["actor_role"])
        for entry in entries
        if entry.kind is EntryKind.READ and entry.body.get("what") == "contacts_by_name"
    ]


def test_one_asks_another_grants_both_look_and_the_log_knows_each_step(looked_into, enter):
    officer, second = enter(Role.PRIVACY_OFFICER), enter(Role.INDEPENDENT_OFFICER)
    where = ask(officer)
    assert "Show them by name" not in officer.get(where).text
    assert WHY in second.get(where).text
    assert decide(second, where, "grant").status_code == 303
    _, number = case_of(looked_into)
    for each in (officer, second):
        page = look(each, where)
        assert page.status_code == 200
        assert "worker-02" in page.text
        assert number in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert "As a file" not in page.text
    assert outcomes(looked_into) == [
        ("asked", "privacy_officer"),
        ("granted", "independent_officer"),
        ("looked", "privacy_officer"),
        ("looked", "independent_officer"),
    ]


def test_nobody_grants_their_own_in_whatever_role(looked_into, app):
    factors = access.demo_account(looked_into.context, Role.PRIVACY_OFFICER, worker="worker-03")
    with looked_into.store.write() as connection:
        connection.execute(
            base.account_role.insert().values(account_id=factors.id, role=Role.INDEPENDENT_OFFICER.value)
        )
    row = access.demo_account(looked_into.context, Role.PRIVACY_OFFICER, worker="worker-03")
    browser = Browser(app).sign_in_as(looked_into, row)
    where = ask(browser)
    assert "Approve" not in browser.get(where).text
    assert decide(browser, where, "grant").status_code == 409
    browser.post("/role", page="/contacts-by-name", role=Role.INDEPENDENT_OFFICER.value)
    answer = decide(browser, where, "grant")
    assert answer.status_code == 409
    assert "You asked for this yourself, so somebody else has to approve." in answer.text
    assert look(browser, where).status_code == 409


def test_a_third_person_sees_that_it_was_granted_and_nothing_by_name(looked_into, enter):
    where = ask(enter(Role.PRIVACY_OFFICER))
    decide(enter(Role.INDEPENDENT_OFFICER), where, "grant")
    third = enter(Role.INVESTIGATOR)
    assert "Approved: the two can look" in third.get(where).text
    answer = look(third, where)
    assert answer.status_code == 409
    assert "worker-02" not in answer.text
    assert ("looked", "investigator") not in outcomes(looked_into)


def test_it_is_over_after_a_day_and_runs_out_after_three(looked_into, enter):
    officer, second = enter(Role.PRIVACY_OFFICER), enter(Role.INDEPENDENT_OFFICER)
    granted, left = ask(officer), ask(officer, reason="Another inquiry.")
    decide(second, granted, "grant")
    looked_into.clock.pass_(days=1)
    officer, second = enter(Role.PRIVACY_OFFICER), enter(Role.INDEPENDENT_OFFICER)
    assert look(officer, granted).status_code == 409
    assert "Over" in officer.get(granted).text
    looked_into.clock.pass_(days=2)
    assert decide(enter(Role.INDEPENDENT_OFFICER), left, "grant").status_code == 409
    assert "Ran out" in enter(Role.PRIVACY_OFFICER).get("/contacts-by-name").text


def test_what_is_refused_or_withdrawn_stays_so(looked_into, enter):
    officer, second = enter(Role.PRIVACY_OFFICER), enter(Role.INDEPENDENT_OFFICER)
    refused, withdrawn = ask(officer), ask(officer, reason="Another inquiry.")
    assert decide(second, refused, "refuse").status_code == 303
    assert decide(officer, withdrawn, "refuse").status_code == 303
    for where in (refused, withdrawn):
        answer = decide(second, where, "grant")
        assert answer.status_code == 409
        assert "No named access with that id awaits a second person" in answer.text
    assert [outcome for outcome, _ in outcomes(looked_into)] == ["asked", "asked", "refused", "withdrawn"]


def test_without_a_consent_of_the_works_council_nobody_asks_and_nobody_grants(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    assert "name no consent of the works council" in officer.get("/contacts-by-name").text
    answer = officer.post("/contacts-by-name", page="/log", **SPAN, reason=WHY)
    assert answer.status_code == 400
    town.consent = "consent-1"
    where = ask(officer)
    town.consent = None
    assert decide(enter(Role.INDEPENDENT_OFFICER), where, "grant").status_code == 409


def test_each_step_asks_for_a_fresh_proof(looked_into, enter):
    officer, second = enter(Role.PRIVACY_OFFICER), enter(Role.INDEPENDENT_OFFICER)
    where = ask(officer)
    decide(second, where, "grant")
    looked_into.clock.pass_(minutes=15)
    for answer in (
        officer.post("/contacts-by-name", **SPAN, reason=WHY),
        decide(second, where, "refuse"),
        look(officer, where),
    ):
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/prove")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": ""}, "Fill in “"),
        ({"reason": "Of 06-12345601."}, "holds a telephone number"),
        ({"last": "2026-01-31"}, "It lies before the first day"),
        ({"last": "2028-01-31"}, "It lies before the first day"),
        ({"first": "soon"}, "Write a day that there is"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(looked_into, enter, changes, said):
    answer = enter(Role.PRIVACY_OFFICER).post("/contacts-by-name", **{**SPAN, "reason": WHY, **changes})
    assert answer.status_code == 400
    assert said in answer.text
    assert outcomes(looked_into) == []


def test_a_double_click_asks_once(looked_into, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    assert ask(officer) == ask(officer)
    assert outcomes(looked_into) == [("asked", "privacy_officer")]


def test_the_list_tells_no_reason_and_reading_one_is_in_the_log(looked_into, enter):
    where = ask(enter(Role.PRIVACY_OFFICER))
    second = enter(Role.INDEPENDENT_OFFICER)
    assert WHY not in second.get("/contacts-by-name").text
    with looked_into.store.read() as connection:
        before = log.head(connection).size
    second.get(where)
    with looked_into.store.read() as connection:
        assert log.head(connection).size == before + 1


def test_nobody_takes_part_in_whom_the_facts_are_or_who_leads_people_or_who_is_not_known(looked_into):
    context, rules = looked_into.context, looked_into.evidence_rules()
    with looked_into.store.read() as connection:
        numbers = dict(connection.execute(select(base.worker.c.ref, base.worker.c.id)).all())
    plain = Who("pages:one", Role.PRIVACY_OFFICER, numbers["worker-03"])
    days = {"first": date(2026, 2, 1), "last": date(2026, 2, 28)}
    refused = {
        Who("pages:two", Role.INDEPENDENT_OFFICER): EvidenceProblem.WORKER_NOT_KNOWN,
        Who("pages:two", Role.INDEPENDENT_OFFICER, numbers["worker-02"]): EvidenceProblem.ABOUT_THEMSELVES,
        Who("pages:two", Role.INDEPENDENT_OFFICER, numbers["worker-05"], leads=True): EvidenceProblem.LEADS_PEOPLE,
    }
    uid = by_name.ask(context, rules, plain, reason="inquiry", **days)
    for who, problem in refused.items():
        for act in (
            lambda who=who: by_name.ask(context, rules, who, reason="inquiry", **days),
            lambda who=who: by_name.allow(context, rules, uid, who),
        ):
            with pytest.raises(EvidenceRefusedError) as raised:
                act()
            assert raised.value.problem is problem
    before = {"first": date(2026, 1, 1), "last": date(2026, 1, 31)}
    subject = Who("pages:two", Role.INDEPENDENT_OFFICER, numbers["worker-02"])
    assert by_name.ask(context, rules, subject, reason="of days with nothing of theirs", **before)


def test_what_comes_to_be_about_one_of_the_two_after_the_grant_is_left_out(looked_into):
    context, rules = looked_into.context, looked_into.evidence_rules()
    with looked_into.store.read() as connection:
        numbers = dict(connection.execute(select(base.worker.c.ref, base.worker.c.id)).all())
    one = Who("pages:one", Role.PRIVACY_OFFICER, numbers["worker-03"])
    two = Who("pages:two", Role.INDEPENDENT_OFFICER, numbers["worker-05"])
    uid = by_name.ask(context, rules, one, reason="inquiry", first=date(2026, 2, 1), last=date(2026, 2, 28))
    by_name.allow(context, rules, uid, two)
    tell_of_a_contact(looked_into, "worker-05", case_of(looked_into)[0], date(2026, 2, 11))
    for who in (one, two):
        assert set(by_name.look(context, rules, uid, who).workers.values()) == {"worker-02"}


def test_what_was_asked_at_the_pages_is_not_granted_by_command_nor_the_other_way_round(looked_into):
    context, rules = looked_into.context, looked_into.evidence_rules()
    here, there = Who("pages:one", Role.PRIVACY_OFFICER, 901), Who("account-1", Role.INDEPENDENT_OFFICER, 902)
    for one, other in ((here, there), (there, here)):
        uid = by_name.ask(context, rules, one, reason="inquiry", first=date(2026, 2, 1), last=date(2026, 2, 2))
        with pytest.raises(EvidenceRefusedError) as refused:
            by_name.allow(context, rules, uid, other)
        assert refused.value.problem is EvidenceProblem.OTHER_DOOR


def test_who_asked_and_why_and_who_granted_is_nowhere_in_clear(looked_into, enter):
    where = ask(enter(Role.PRIVACY_OFFICER))
    decide(enter(Role.INDEPENDENT_OFFICER), where, "grant")
    uid = re.search(r"[0-9a-f]{12}$", where)[0]
    looked_into.store.close()
    stored = b"".join(file.read_bytes() for file in looked_into.folder.glob("closeout.db*"))
    assert uid.encode() in stored
    assert WHY.encode() not in stored
    assert b"pages:" not in stored


def test_only_those_cleared_for_cases_have_the_page(enter):
    assert frozenset({Role.PRIVACY_OFFICER, Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR}) == CLEARED_FOR_CASES
    for role in CLEARED_FOR_CASES:
        assert enter(role).get("/contacts-by-name").status_code == 200
    for role in (Role.DATA_PROTECTION_OFFICER, Role.AUDITOR, Role.WORK_SUPERVISOR, Role.IT_ADMINISTRATOR):
        assert enter(role).get("/contacts-by-name").status_code == 403
