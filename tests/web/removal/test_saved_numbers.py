"""A worker answers on their own page about numbers saved where nobody can look."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from server.core.model import Role, StatedAnswer, StatedPlace
from server.core.policy.model import AttestationRules
from server.store.schema.attestation import attestation
from tests.web.removal.test_hold_desk import form

PAGE = "/my-phone/saved-numbers"
RULES = AttestationRules(tuple(StatedPlace), remind_days=(7, 28), open_days=91, counts_days=365)
CASE = re.compile(r'name="case" value="([a-z2-7]{16})"( checked)?')


@pytest.fixture(autouse=True)
def asking(town):
    """Its policy asks workers."""
    town.policy = replace(town.policy, attestation=RULES)


def rows(town):
    with town.store.read() as connection:
        found = connection.execute(select(attestation).order_by(attestation.c.id)).all()
    return {(row.worker_id, row.place, row.answer) for row in found}


def test_a_worker_is_asked_and_answers_for_the_cases_they_choose(town, enter):
    browser = enter(Role.WORKER)
    assert "Answer the question" in browser.get("/my-phone").text
    page = browser.get(PAGE).text
    assert "Delete no messages, no conversations and no call list." in page
    cases = CASE.findall(page)
    assert len(cases) > 1
    assert {checked for _, checked in cases} == {" checked"}
    assert page.count('type="radio"') == len(StatedPlace) * len(StatedAnswer)

    answers = {f"p-{place.value}": "done" for place in StatedPlace}
    answer = browser.post(PAGE, case=cases[0][0], **answers)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/my-phone")
    assert "Recorded, as what you state." in browser.get("/my-phone").text
    assert {(place, said) for _, place, said in rows(town)} == {(place.value, "done") for place in StatedPlace}
    after = browser.get(PAGE).text
    assert [uid for uid, _ in CASE.findall(after)] == [uid for uid, _ in cases[1:]]
    assert "What you stated" in after
    assert '"stated"' in browser.get("/my-phone/extract").text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"p-sim": "done"},
        {"case": "x"},
        {"case": "x", "p-sim": "removed"},
        {"case": "x", "p-moon": "done"},
        {"case": "x", "p-": "done"},
    ],
)
def test_a_form_that_says_nothing_is_shown_again(town, enter, fields):
    browser = enter(Role.WORKER)
    answer = browser.post(PAGE, **fields)
    assert answer.status_code == 400
    assert "Choose at least one case" in answer.text
    assert rows(town) == set()


def test_what_is_not_asked_of_a_worker_is_not_recorded(town, enter):
    theirs = CASE.findall(enter(Role.WORKER, worker="worker-02").get(PAGE).text)[0][0]
    browser = enter(Role.WORKER)
    browser.post(PAGE, case=theirs, **{"p-sim": "done"})
    assert "Nothing was recorded" in browser.get("/my-phone").text
    assert rows(town) == set()


def test_under_a_policy_that_asks_nobody_there_is_no_such_page(town, enter):
    town.policy = replace(town.policy, attestation=None)
    browser = enter(Role.WORKER)
    assert "Numbers saved elsewhere" not in browser.get("/my-phone").text
    assert browser.get(PAGE).status_code == 404


def test_no_case_number_stands_in_an_address_or_a_field_that_is_sent(town, enter):
    page = enter(Role.WORKER).get(PAGE).text
    shown = set(re.findall(r"Case (\d{6})", page))
    assert shown
    carried = re.findall(r'(?:href|action|value|id|name)="([^"]*)"', page)
    assert [each for each in carried if any(number in each for number in shown)] == []


def test_who_sets_a_hold_is_told_before_what_it_does_not_stop(town, enter):
    officer = enter(Role.INDEPENDENT_OFFICER)
    enter(Role.WORKER)
    shown = officer.post("/holds/check", page="/holds", **form(town, which="worker-01")).text
    assert "What a hold does not stop." in shown
    assert "a question that did not come would tell them" in shown
    (count,) = re.findall(r"Such questions that wait for an answer now: (\d+)", shown)
    assert int(count) == len(CASE.findall(enter(Role.WORKER).get(PAGE).text))
    town.policy = replace(town.policy, attestation=None)
    assert "What a hold does not stop." not in officer.post("/holds/check", page="/holds", **form(town)).text
