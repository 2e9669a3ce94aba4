"""Inquiries on pages: two people, a list that is compared and not kept, an answer as a page and as a signed file."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from server.core.identity.reading import registered
from server.core.log.checkpoints import parse_verifier_key
from server.core.log.signed_answers import read_answer
from server.core.model import Role
from server.sources.invented import invent
from server.store import inquiry_list
from server.store.schema import base
from server.web.drafts import open_draft
from server.work.admin import access, log_checkpoints
from server.work.admin.access import Person
from server.work.context import Context
from tests.web.conftest import Browser
from tests.web.town import KEYS, NOW, Town

STRANGE = "06-87654321"


def account(context: Context, role: Role, nth: int = 1) -> Person:
    found = access.stand_for(context, str(access.demo_account(context, role, nth=nth).name), role)
    assert found is not None
    return found


def form(town: Town, **changes: str) -> dict[str, str]:
    today = town.context.today()
    return {
        "requester": "police",
        "reason": "What the police asked for.",
        "worker": "worker-02",
        "phone": "",
        "first": "2020-01-01",
        "last": today.isoformat(),
        "ends": (today + timedelta(days=30)).isoformat(),
        "second": account(town.context, Role.INDEPENDENT_OFFICER).uid,
        **changes,
    }


def list_of_case_numbers(town: Town) -> list[tuple[str, str]]:
    """(number or address, case) of clients in the book of worker-02, from the invented lives."""
    invented = invent("tiny", seed=1, now=NOW - timedelta(days=14))
    held = {each for card in invented.cards("worker-02") for each in card.identifiers}
    return [
        (each, life.number)
        for life in invented.plot.lives
        for who in life.people
        for each in who.identifiers
        if each in held and who.contact_class.value == "client" and who.linked
    ]


def begun(town: Town, enter) -> tuple[Browser, Browser, str]:
    """The two, and the address of an inquiry in force."""
    one, other = enter(Role.INVESTIGATOR), enter(Role.INDEPENDENT_OFFICER)
    where = one.post("/inquiries", **form(town)).headers["Location"]
    assert other.post(f"{where}/decided", page=where, act="grant").status_code == 303
    return one, other, where


def asked(one: Browser, other: Browser, where: str, **fields: object) -> str:
    """The address of a question that was asked and approved."""
    before = set(questions(one, where))
    answer = one.post(f"{where}/asked", page=where, reason="A reason.", **fields)
    assert answer.status_code == 303, answer.text
    (uid,) = set(questions(other, where)) - before
    path = f"{where}/asked/{uid}"
    assert other.post(f"{path}/decided", page=where, act="grant").status_code == 303
    return path


def questions(browser: Browser, where: str) -> list[str]:
    return re.findall(r"/asked/([0-9a-f]{12})/decided", browser.get(where).text)


def test_two_people_begin_one_ask_and_approve_and_both_have_the_answer(town, enter):
    one, other, where = begun(town, enter)
    assert "worker-02" in other.get(where).text
    pairs = list_of_case_numbers(town)[:5]
    listed = "\n".join([*(number for number, _ in pairs), STRANGE])
    path = asked(one, other, where, question="numbers", numbers=listed)
    for browser in (one, other):
        answer = browser.post(f"{path}/answer", page=where, numbers=listed)
        assert answer.status_code == 200
        assert {case for _, case in pairs} <= set(re.findall(r"\b[0-9]{6}\b", answer.text))
        assert "Not known here, on lines: 6." in answer.text
        assert not any(number.removeprefix("+31") in answer.text for number, _ in pairs)
    sent = other.post(f"{path}/answer", page=where, numbers=listed, **{"as": "file"})
    assert sent.mimetype == "application/json"
    told = read_answer(sent.text, parse_verifier_key(log_checkpoints.verifier_key(town.context)))
    assert {(row["line"], row["case"]) for row in told["rows"]} >= {
        (nth, case) for nth, (_, case) in enumerate(pairs, 1)
    }


def test_a_list_comes_as_a_file_too_and_the_other_question_needs_none(town, enter):
    one, other, where = begun(town, enter)
    (number, case), *_ = list_of_case_numbers(town)
    file = (io.BytesIO(f"\ufeff{number}\r\n".encode()), "list.csv")
    path = asked(one, other, where, question="numbers", numbers="", file=file)
    again = (io.BytesIO(number.encode()), "list.csv")
    assert case in one.post(f"{path}/answer", page=where, file=again).text
    path = asked(one, other, where, question="books")
    assert "Address books that this is about: 1." in one.post(f"{path}/answer", page=where).text


def test_nothing_of_a_list_stays_in_a_page_a_draft_or_the_database(town, enter):
    one, _, where = begun(town, enter)
    again = one.post(f"{where}/asked", page=where, question="numbers", numbers=STRANGE, reason="")
    assert (again.status_code, "87654321" in again.text) == (400, False)
    token = one.token(where)
    town.clock.pass_(minutes=45)
    over = one.post(f"{where}/asked", token=token, question="numbers", numbers=STRANGE, reason="My reason.")
    assert over.status_code == 403
    (draft,) = re.findall(r'name="draft" value="([^"]+)"', over.text)
    kept = access.demo_account(town.context, Role.INVESTIGATOR).uid
    opened = open_draft(town.context, kept, draft)
    assert opened is not None
    assert dict(opened.fields) == {"question": "numbers", "reason": "My reason."}
    with town.store.read() as connection:
        rows = [row for table in base.metadata.sorted_tables for row in connection.execute(select(table)).all()]
    token_of = KEYS.tokeniser.token(registered(STRANGE)[0])
    assert not any(token_of == value for row in rows for value in row)
    assert "87654321" not in str(rows)


def test_another_person_who_is_cleared_finds_no_such_inquiry(town, enter):
    one, other, where = begun(town, enter)
    path = asked(one, other, where, question="books")
    third = enter(Role.INVESTIGATOR, nth=2)
    assert "There is none that you take part in." in third.get("/inquiries").text
    for address, method in ((where, "get"), (f"{where}/ended", "post"), (f"{path}/answer", "post")):
        act = third.get if method == "get" else lambda each: third.post(each, page="/inquiries", act="grant")
        assert act(address).status_code == 404, address


def test_who_it_is_about_is_told_apart_at_the_form(town, enter):
    enter(Role.INDEPENDENT_OFFICER, worker="worker-02")
    subject = access.demo_account(town.context, Role.INDEPENDENT_OFFICER, worker="worker-02")
    one = enter(Role.INVESTIGATOR)
    answer = one.post("/inquiries", **form(town, second=subject.uid))
    assert (answer.status_code, 'id="fault-second"' in answer.text) == (400, True)
    own = Browser(town.make_app()).sign_in_as(town, subject)
    answer = own.post("/inquiries", **form(town))
    assert (answer.status_code, 'id="fault-worker"' in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"worker": "nobody"}, "worker"),
        ({"phone": "no phone"}, "phone"),
        ({"requester": "own"}, "requester"),
        ({"reason": "call 06-12345601"}, "reason"),
        ({"last": "2019-01-01"}, "last"),
        ({"ends": "2001-01-01"}, "ends"),
        ({"second": "0123456789ab"}, "second"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(town, enter, changes, field):
    one = enter(Role.INVESTIGATOR)
    account(town.context, Role.INDEPENDENT_OFFICER)
    answer = one.post("/inquiries", **form(town, **changes))
    assert (answer.status_code, f'id="fault-{field}"' in answer.text) == (400, True)
    with town.store.read() as connection:
        assert inquiry_list.read(connection, KEYS.sealer).mandates == ()


def test_a_mandate_that_ends_while_its_page_is_open_answers_no_more(town, enter):
    one, other, where = begun(town, enter)
    path = asked(one, other, where, question="books")
    token = one.token(where)
    assert other.post(f"{where}/ended", page=where).status_code == 303
    answer = one.post(f"{path}/answer", token=token)
    assert (answer.status_code, "is over. Ask again" in answer.text) == (409, True)


def test_the_second_person_is_told_at_their_first_page_and_nothing_of_whom(town, enter):
    one, other = enter(Role.INVESTIGATOR), enter(Role.INDEPENDENT_OFFICER)
    assert "Something waits for you there" not in other.get("/your-role").text
    one.post("/inquiries", **form(town))
    told = other.get("/your-role").text
    assert "Something waits for you there: Inquiries" in told
    assert "worker-02" not in told
    assert "Something waits for you there" not in one.get("/your-role").text
