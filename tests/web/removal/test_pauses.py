"""Pausing on the pages: who may, what is told to whom, what goes wrong, and that a worker sees a postponement."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from server.core.model import Role, State
from server.store.removal import orders
from server.work.removal import pauses
from server.work.removal.pauses import Actor
from tests.web.conftest import Browser
from tests.web.town import Town

ADMIN = Actor("admin-1", Role.IT_ADMINISTRATOR)
WHY = "The mail server is moved."


def pause(browser: Browser, scope: str = "*", hours: str = "24", reason: str = WHY):
    return browser.post("/pauses", scope=scope, hours=hours, reason=reason)


def in_force(town: Town) -> list[str | None]:
    return [row.connection for row in pauses.in_force(town.context)]


def seen_on(page: str) -> str:
    return re.search(r'name="seen" value="([^"]+)"', page)[1]


def test_an_administrator_pauses_sees_it_everywhere_and_resumes(town, enter):
    admin = enter(Role.IT_ADMINISTRATOR)
    answer = pause(admin)
    where = answer.headers["Location"]
    assert (answer.status_code, in_force(town)) == (303, [None])
    assert "Paused: no removal begins there." in admin.get(where).text
    jobs = admin.get("/jobs").text
    assert WHY in jobs
    assert "Is the background worker running?" not in jobs
    assert "No removal begins until it is resumed" in admin.get("/health").text
    assert WHY in admin.get("/pauses").text
    again = admin.post(f"{where}/ended", page=where, seen=seen_on(admin.get(where).text))
    assert (again.status_code, in_force(town)) == (303, [])
    assert "Resumed. The background worker carries out what waited." in admin.get("/pauses").text
    assert WHY not in admin.get("/jobs").text
    assert "This pause is over." in admin.get(where).text


def test_the_privacy_officer_sees_what_is_overdue_because_of_it(town, enter):
    pause(enter(Role.IT_ADMINISTRATOR))
    with town.store.write() as connection:
        stopped = orders.counts_by_state(connection)
    assert stopped[State.READY] > 0
    town.clock.pass_(days=4)
    pauses.end_what_ran_out(town.context)
    pause(enter(Role.IT_ADMINISTRATOR), reason="Longer than thought.")
    page = enter(Role.PRIVACY_OFFICER).get("/overview").text
    assert "Longer than thought." in page
    waits = int(re.search(r"(\d+) overdue removals? (?:is|are) waiting for this pause", page)[1])
    assert waits == stopped[State.READY]


def test_the_line_sees_that_it_is_paused_and_not_why(enter):
    pause(enter(Role.IT_ADMINISTRATOR))
    page = enter(Role.LINE_MANAGER).get("/overview").text
    assert "by IT, until" in page
    assert WHY not in page


@pytest.mark.parametrize("role", [Role.PRIVACY_OFFICER, Role.DATA_PROTECTION_OFFICER, Role.AUDITOR])
def test_others_read_without_the_account_and_can_do_nothing(town, enter, role):
    where = pause(enter(Role.IT_ADMINISTRATOR)).headers["Location"]
    page = enter(role).get(where)
    assert page.status_code == 200
    assert "demo-it-administrator" not in page.text + enter(role).get("/pauses").text
    assert not re.search(rf'action="{where}|action="/pauses"', page.text + enter(role).get("/pauses").text)
    assert enter(role).post(f"{where}/ended", page="/log", seen="").status_code == 403
    assert in_force(town) == [None]


def test_resuming_asks_for_a_fresh_proof_and_pausing_does_not(town, enter):
    admin = enter(Role.IT_ADMINISTRATOR)
    town.clock.pass_(minutes=15)
    where = pause(admin).headers["Location"]
    assert where.startswith("/pauses/")
    answer = admin.post(f"{where}/ended", page=where, seen=seen_on(admin.get(where).text))
    assert (answer.status_code, answer.headers["Location"], in_force(town)) == (303, "/prove", [None])


def test_a_double_click_pauses_once_and_a_second_person_is_told(town, enter):
    one, other = enter(Role.IT_ADMINISTRATOR), enter(Role.IT_ADMINISTRATOR, nth=2)
    assert pause(one).headers["Location"] == pause(one).headers["Location"]
    answer = pause(other, reason="Something looks wrong.")
    assert answer.status_code == 409
    assert "It is paused already: see above." in answer.text
    assert "Something looks wrong." in answer.text, "what was typed is not lost"
    assert pause(other, scope="books").status_code == 303
    assert in_force(town) == [None, "books"]


def test_who_decides_by_an_old_page_is_told_and_overwrites_nothing(town, enter):
    one, other = enter(Role.IT_ADMINISTRATOR), enter(Role.IT_ADMINISTRATOR, nth=2)
    where = pause(one, hours="4").headers["Location"]
    seen = seen_on(one.get(where).text)
    longer = other.post(f"{where}/longer", page=where, seen=seen, hours="72", reason="It takes longer.")
    assert longer.status_code == 303
    for path, more in ((f"{where}/ended", {}), (f"{where}/longer", {"hours": "168", "reason": "Still busy."})):
        answer = one.post(path, page=where, seen=seen, **more)
        assert answer.status_code == 409
        assert "Somebody made it longer while you looked." in answer.text
    (row,) = pauses.in_force(town.context)
    assert (row.reason, row.ends_at) == ("It takes longer.", town.clock.now + timedelta(hours=72))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": ""}, "Fill in “"),
        ({"reason": "Ask 06-12345601."}, "holds a telephone number"),
        ({"hours": "9999"}, "Choose one of the values in the list."),
        ({"scope": "of-nobody"}, "Choose one of the values in the list."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(town, enter, fields, said):
    admin = enter(Role.IT_ADMINISTRATOR)
    answer = pause(admin, **fields)
    assert (answer.status_code, in_force(town)) == (400, [])
    assert said in answer.text


def test_a_worker_sees_what_is_paused_as_postponed_and_nothing_of_the_pause(town, enter):
    worker = enter(Role.WORKER)
    going = "These numbers go from your work address book at the next round, within a day or so."
    before = worker.get("/my-phone").text
    assert re.search(r'id="goes"', before) or going in before
    pauses.pause(town.context, ADMIN, connection_name=None, reason=WHY, hours=24)
    page = worker.get("/my-phone").text
    extract = worker.get("/my-phone/extract").text
    assert "This number goes later. For now it may stay." in page
    assert going not in page
    for text in (page, extract):
        assert not re.search(r"[Pp]ause", text)
        assert WHY not in text


def test_a_program_is_told_what_is_paused(town, stranger):
    from server.work.admin import access  # noqa: PLC0415

    token = access.make_token(town.context, "monitoring", [access.Scope.STATUS], days=7)
    row = pauses.pause(town.context, ADMIN, connection_name="books", reason=WHY, hours=24).row
    answer = stranger.get("/api/status", headers={"Authorization": f"Bearer {token}"})
    assert answer.json["paused"] == [
        {"connection": "books", "since": row.set_at.isoformat(), "until": row.ends_at.isoformat()}
    ]
