"""Holds on a page: set after a look at what it stops, ended by two people, and for everybody else no page at all."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from server.core.model import CLEARED_FOR_HOLDS, Role
from server.store import hold_list
from server.store.schema import base
from server.web.routes import EVERYONE, ROUTES
from tests.web.town import KEYS, Town

ADDRESSES = sorted({(re.sub("<(uid|ask)>", "0123456789ab", each.path), each.method) for each in ROUTES if each.hidden})
FORM = {
    "subject": "worker",
    "which": "worker-02",
    "system": "",
    "requester": "police",
    "reason": "Inquiry that was asked for.",
}


def holds(town: Town):
    with town.store.read() as connection:
        return hold_list.read(connection, KEYS.sealer)


def form(town: Town, **changes: str) -> dict[str, str]:
    return {**FORM, "review": (town.context.today() + timedelta(days=40)).isoformat(), **changes}


def test_what_it_would_stop_is_shown_first_and_then_it_is_set(town, enter):
    officer = enter(Role.INDEPENDENT_OFFICER)
    assert "There is no hold." in officer.get("/holds").text
    shown = officer.post("/holds/check", page="/holds", **form(town)).text
    assert "Nothing is set yet." in shown
    assert 'name="which" value="worker-02"' in shown
    assert holds(town) == []
    answer = officer.post("/holds", **form(town))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/holds")
    (made,) = holds(town)
    assert (made.worker_ref, made.requester, made.reason) == ("worker-02", "police", FORM["reason"])
    assert made.review_on == town.context.today() + timedelta(days=40)
    after = officer.get("/holds").text
    assert "Worker worker-02" in after
    assert "The police" in after


def test_two_people_end_it_and_the_second_is_told_before(town, enter):
    officer, investigator = enter(Role.INDEPENDENT_OFFICER), enter(Role.INVESTIGATOR)
    assert "Something waits for you there" not in investigator.get("/your-role").text
    officer.post("/holds", **form(town))
    assert "Something waits for you there" not in officer.get("/your-role").text
    told = investigator.get("/your-role").text
    assert "Something waits for you there" in told
    assert "worker-02" not in told
    assert "Set since you last looked: 1" in investigator.get("/holds").text
    uid = holds(town)[0].uid
    assert officer.post(f"/holds/{uid}/ended", page="/holds").status_code == 303
    assert officer.post(f"/holds/{uid}/ended", page="/holds").status_code == 409
    assert "May end, and waits for a second person: 1" in investigator.get("/holds").text
    assert holds(town)[0].in_force
    assert investigator.post(f"/holds/{uid}/ended", page="/holds").status_code == 303
    assert not holds(town)[0].in_force
    assert investigator.post(f"/holds/{uid}/ended", page="/holds").status_code == 404


def test_one_that_stays_is_looked_at_again_on_another_day(town, enter):
    officer = enter(Role.INDEPENDENT_OFFICER)
    officer.post("/holds", **form(town))
    uid = holds(town)[0].uid
    for day, status in (("2026-99-99", 409), ("", 409), ("2001-01-01", 409), ("2030-01-01", 303)):
        assert officer.post(f"/holds/{uid}/reviewed", page="/holds", review=day).status_code == status, day
    assert str(holds(town)[0].review_on) == "2030-01-01"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"which": ""}, "which"),
        ({"which": "nobody"}, "which"),
        ({"subject": "case", "which": "000000"}, "which"),
        ({"subject": "everything"}, "which"),
        ({"subject": "all"}, "subject"),
        ({"requester": "somebody"}, "requester"),
        ({"reason": ""}, "reason"),
        ({"reason": "call 06-12345601 first"}, "reason"),
        ({"review": "2001-01-01"}, "review"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_nothing_is_set(town, enter, changes, field):
    officer = enter(Role.INDEPENDENT_OFFICER)
    for path in ("/holds/check", "/holds"):
        answer = officer.post(path, page="/holds", **form(town, **changes))
        if path == "/holds/check" and field == "review":
            continue  # a day is judged when it is set
        assert (answer.status_code, f'id="fault-{field}"' in answer.text) == (400, True), path
    assert holds(town) == []


def test_who_is_held_and_cleared_sees_nothing_of_it(town, enter):
    officer, subject = enter(Role.INDEPENDENT_OFFICER), enter(Role.INVESTIGATOR, worker="worker-02")
    officer.post("/holds", **form(town))
    assert "Something waits for you there" not in subject.get("/your-role").text
    assert "There is no hold." in subject.get("/holds").text
    assert subject.post(f"/holds/{holds(town)[0].uid}/ended", page="/holds").status_code == 404
    assert holds(town)[0].words == ()


def same_for_any(text: str) -> str:
    """Without what is drawn by lot for each page, and the address itself."""
    return re.sub(r'(csrf_token" value|nonce|next" value)="[^"]*"|/?[\w-]*(holds|inquiries|nowhere)[\w/%-]*', "", text)


def test_to_everybody_else_the_address_is_one_that_does_not_exist(town, enter, stranger):
    asking = [stranger, *(enter(role) for role in sorted(EVERYONE - CLEARED_FOR_HOLDS))]
    with town.store.read() as connection:
        before = connection.execute(select(base.log_restricted.c.seq)).all()
    for browser in asking:
        for path, _ in ADDRESSES:
            for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS"):
                answers = [
                    browser.client.open(where, method=method, base_url="http://localhost")
                    for where in (path, re.sub("holds|inquiries", "nowhere", path))
                ]
                hidden, none = ((each.status_code, same_for_any(each.text), dict(each.headers)) for each in answers)
                for headers in (hidden[2], none[2]):
                    headers.pop("Set-Cookie", None)
                    headers.pop("Content-Security-Policy", None)
                    headers.pop("Content-Length", None)
                assert hidden == none, (method, path)
    with town.store.read() as connection:
        assert connection.execute(select(base.log_restricted.c.seq)).all() == before
