"""The page on which a work supervisor confirms closures: what is shown, what is refused, what is told."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select

from server.core.model import Role
from server.core.policy.model import ConfirmedBy
from server.store.admin import accounts
from server.store.schema import base
from server.work.admin import access
from server.work.register.closures import AT_ONCE
from server.work.removal import engine, verify
from tests.web.conftest import Browser
from tests.web.town import PASSWORD, Town

DAY = "2026-02-02"


def boxes(browser: Browser, team: str = "") -> list[str]:
    """What each box on the page sends: the case number and the question."""
    text = browser.get(f"/team?team={team}" if team else "/team").text
    return [html.unescape(each) for each in re.findall(r'name="asked" value="([^"]+)"', text)]


def send(browser: Browser, *asked: str, answer: str = "confirmed", **fields: str):
    form = {"asked": list(asked), "answer": answer, "closed_on": DAY} | fields
    return browser.post("/team/closures", page="/team", **form)


def answers(town: Town) -> list[tuple[str, str | None]]:
    with town.store.read() as connection:
        rows = connection.execute(base.closure.select().order_by(base.closure.c.id)).all()
    return [(row.answer, row.ended_as) for row in rows]


@pytest.fixture
def supervisor(enter) -> Browser:
    return enter(Role.WORK_SUPERVISOR)


def test_a_supervisor_confirms_and_the_contacts_go_after_the_grace(town, supervisor):
    first, *rest = boxes(supervisor)
    case = first.rpartition(" ")[0]
    assert send(supervisor, first).status_code == 303
    page = supervisor.get("/team").text
    assert "Recorded for 1 case." in page
    assert case in page.split('id="confirmed"')[1]
    assert boxes(supervisor) == rest
    engine.run_once(town.context, full=False, at_once=1)
    verify.verify(town.context)
    with town.store.read() as connection:
        reasons = connection.execute(
            base.orders.select()
            .with_only_columns(base.orders.c.reason, base.orders.c.state)
            .join(base.cases, base.cases.c.id == base.orders.c.case_id)
            .where(base.cases.c.number == case)
        ).all()
    assert ("finally_closed", "done") in [tuple(each) for each in reasons]


def test_a_confirmation_is_withdrawn_and_what_is_gone_is_told(town, supervisor):
    first = boxes(supervisor)[0]
    send(supervisor, first)
    uid = re.search(r'name="closure" value="([^"]+)"', supervisor.get("/team").text)[1]
    assert supervisor.post("/team/closures/withdrawn", page="/team", closure=uid).status_code == 303
    assert "No contacts had been removed because of it." in supervisor.get("/team").text
    again = boxes(supervisor)
    assert again[0].rpartition(" ")[0] == first.rpartition(" ")[0]
    send(supervisor, again[0])
    engine.run_once(town.context, full=False, at_once=1)
    verify.verify(town.context)
    uid = re.search(r'name="closure" value="([^"]+)"', supervisor.get("/team").text)[1]
    supervisor.post("/team/closures/withdrawn", page="/team", closure=uid)
    told = supervisor.get("/team").text
    assert re.search(r"The confirmation is no longer in force\. \d+ contacts? had been removed", told)
    assert answers(town) == [("confirmed", "withdrawn"), ("confirmed", "corrected")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"closed_on": ""}, "Fill in “"),
        ({"closed_on": "soon"}, "Write a day that there is"),
        ({"closed_on": "2026-03-18"}, "That day has not come yet."),
        ({"closed_on": "1999-01-01"}, "That day lies before the case was opened."),
    ],
)
def test_a_day_that_cannot_be_is_told_beside_it_and_the_choice_is_kept(town, supervisor, fields, said):
    first = boxes(supervisor)[0]
    answer = send(supervisor, first, **fields)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert re.search(rf'value="{re.escape(first)}" checked', answer.text)
    assert answers(town) == []


def test_nothing_chosen_and_too_much_chosen_are_refused(town, supervisor):
    assert "Choose at least one case." in send(supervisor).text
    many = send(supervisor, *(f"1 {n:016x}" for n in range(AT_ONCE + 1)))
    assert (many.status_code, "At most 25 cases at once" in many.text) == (400, True)
    assert answers(town) == []


def test_the_second_of_two_supervisors_is_told_and_overwrites_nothing(town, enter, supervisor):
    other = enter(Role.WORK_SUPERVISOR, nth=2)
    first = boxes(other)[0]
    send(supervisor, first)
    late = send(other, first, closed_on="2026-02-03")
    assert (late.status_code, "Something has changed since you looked" in late.text) == (409, True)
    assert answers(town) == [("confirmed", None)]


def test_sent_twice_it_is_recorded_once(town, supervisor):
    first = boxes(supervisor)[0]
    assert [send(supervisor, first).status_code for _ in range(2)] == [303, 303]
    assert answers(town) == [("confirmed", None)]


def test_not_yet_needs_no_day_and_leaves_the_case_on_the_list(town, supervisor):
    first = boxes(supervisor)[0]
    assert send(supervisor, first, answer="not_yet", closed_on="").status_code == 303
    page = supervisor.get("/team").text
    assert "not yet. Nothing is removed." in page
    assert "Not yet, said" in page
    assert boxes(supervisor)[-1].rpartition(" ")[0] == first.rpartition(" ")[0]


def test_a_case_of_ones_own_has_no_box(town, enter):
    browser = enter(Role.WORK_SUPERVISOR)
    numbers = {each.rpartition(" ")[0] for each in boxes(browser)}
    with town.store.write() as connection:
        row = connection.execute(
            base.assignment.select()
            .with_only_columns(base.cases.c.number, base.assignment.c.worker_ref)
            .join(base.cases, base.cases.c.id == base.assignment.c.case_id)
            .join(base.worker, base.worker.c.ref == base.assignment.c.worker_ref)
            .where(base.cases.c.number.in_(numbers), base.worker.c.team == "team 1")
        ).first()
        me = accounts.of_name(connection, "demo-work-supervisor-1")
        worker = connection.execute(
            base.worker.select().with_only_columns(base.worker.c.id).where(base.worker.c.ref == row.worker_ref)
        ).scalar()
        accounts.set_worker(connection, me.id, worker)
    assert row.number not in {each.rpartition(" ")[0] for each in boxes(browser)}
    assert "You are or were on this case: somebody else answers." in browser.get("/team").text


def test_where_the_register_confirms_the_page_only_lists(town):
    town.policy = replace(town.policy, closure_confirmed_by=ConfirmedBy.REGISTER)
    row = access.demo_account(town.context, Role.WORK_SUPERVISOR)
    browser = Browser(town.make_app()).sign_in_as(town, row)
    assert "Confirm it in the case system" in browser.get("/team").text
    assert boxes(browser) == []
    answer = send(browser, "1 0123456789abcdef")
    assert (answer.status_code, "leaves the confirmation of closures to the case system" in answer.text) == (400, True)


def test_what_was_chosen_when_the_proof_had_grown_old_is_told_and_sent_by_a_click(town, local):
    """Twenty-five cases fit into what is carried along."""
    with town.store.write() as connection:
        me = accounts.of_name(connection, "officer-1")
        accounts.set_roles(connection, me.id, [Role.WORK_SUPERVISOR])
        worker = connection.execute(select(base.worker.c.id).where(base.worker.c.ref == "worker-01")).scalar()
        accounts.set_worker(connection, me.id, worker)
        me = accounts.of_name(connection, "officer-1")
    browser = Browser(town.make_app()).sign_in_as(town, me)
    token = browser.token("/team")
    asked = [f"{100000 + n} {n:016x}" for n in range(AT_ONCE)]
    town.clock.pass_(minutes=11)
    away = browser.post("/team/closures", token=token, asked=asked, answer="confirmed", closed_on=DAY)
    assert away.headers["Location"] == "/prove"
    code = pyotp.TOTP(local.secret).at(town.clock.now)
    proven = browser.post("/prove", page="/prove", password=PASSWORD, code=code)
    again = browser.get("/again").text if proven.status_code == 303 else proven.text
    for each in asked:
        assert f"<bdi>{each.rpartition(' ')[0]}</bdi>" in again
    assert "Confirmed in writing on that day" in again
    assert all(f'value="{each}"' in again for each in asked)


def test_nobody_but_a_work_supervisor_answers(enter, supervisor):
    first = boxes(supervisor)[0]
    for role in sorted(set(Role) - {Role.WORK_SUPERVISOR, Role.CASE_SYSTEM}):
        browser = enter(role)
        token = browser.token("/")
        for path in ("/team/closures", "/team/closures/withdrawn"):
            assert browser.post(path, token=token, asked=[first], answer="confirmed").status_code == 403, role


def test_the_way_of_what_went_begins_with_what_the_work_supervisor_confirmed(town, supervisor, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    before = officer.get("/removals").text
    first = boxes(supervisor)[0]
    send(supervisor, first, closed_on="2026-02-02")
    engine.run_once(town.context, full=False, at_once=1)
    verify.verify(town.context)
    with town.store.read() as connection:
        order = connection.execute(
            select(base.orders.c.id)
            .join(base.cases, base.cases.c.id == base.orders.c.case_id)
            .where(base.cases.c.number == first.rpartition(" ")[0], base.orders.c.reason == "finally_closed")
        ).scalar()
    page = officer.get(f"/removals/{order}").text
    assert "The case was finally closed, as a work supervisor confirmed" in page
    assert "Without a date of closure in the register: 0." in before
    assert "Without a date of closure in the register: 0." in officer.get("/removals").text
