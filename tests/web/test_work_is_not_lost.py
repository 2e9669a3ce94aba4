"""What somebody had filled in survives a session's end and the asking for a proof: for them, and nobody else."""

from __future__ import annotations

import re

import pyotp

from server.core.model import Role
from server.store.admin import accounts
from server.web.drafts import open_draft
from tests.web.admin.test_connections import connection_form
from tests.web.conftest import Browser
from tests.web.test_pages import first_finding, plan_of
from tests.web.town import PASSWORD


def hidden(text: str) -> dict[str, str]:
    """The hidden fields of the last form on a page."""
    form = text[text.rindex("<form") :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def enter_with_code(town, browser, factors, later=0, **more):
    code = pyotp.TOTP(factors.secret).at(int(town.clock.now.timestamp()) + later)
    return browser.post("/sign-in", name="officer-1", password=PASSWORD, code=code, **more)


def test_a_conclusion_typed_for_too_long_is_handed_back_after_signing_in_again(town, app, local):
    browser = Browser(app)
    enter_with_code(town, browser, local)
    uid = first_finding(browser)
    token = browser.token(f"/findings/{uid}")
    town.clock.pass_(minutes=45)
    ended = browser.post(f"/findings/{uid}", token=token, outcome="put_right", conclusion="A long thought conclusion.")
    assert ended.status_code == 403
    assert "What you had filled in is kept" in ended.text
    assert "A long thought conclusion." not in ended.text
    back = enter_with_code(town, browser, local, draft=hidden(ended.text)["draft"])
    assert back.status_code == 200
    assert "A long thought conclusion." in back.text
    fields = hidden(back.text)
    action = re.search(r'<form method="post" novalidate action="(/findings/[^"]+)"', back.text)[1]
    assert browser.post(action, token=fields.pop("csrf_token"), **fields).status_code == 303
    assert "A long thought conclusion." in browser.get(f"/findings/{uid}").text


def test_nobody_else_gets_it(town, app, local, enter):
    browser = enter(Role.PRIVACY_OFFICER)
    uid = first_finding(browser)
    token = browser.token(f"/findings/{uid}")
    town.clock.pass_(minutes=45)
    ended = browser.post(f"/findings/{uid}", token=token, outcome="put_right", conclusion="A long thought conclusion.")
    draft = hidden(ended.text)["draft"]
    other = enter_with_code(town, browser, local, draft=draft)
    assert (other.status_code, other.headers["Location"]) == (303, "/")
    assert open_draft(town.context, "somebody", draft) is None


def test_a_draft_that_was_changed_or_is_old_is_none(town, enter):
    browser = enter(Role.PRIVACY_OFFICER)
    uid = first_finding(browser)
    token = browser.token(f"/findings/{uid}")
    town.clock.pass_(minutes=45)
    draft = hidden(browser.post(f"/findings/{uid}", token=token, conclusion="Kept.").text)["draft"]
    with town.store.read() as connection:
        owner = accounts.of_name(connection, "demo-privacy-officer-1").uid
    assert open_draft(town.context, owner, draft).fields == (("conclusion", "Kept."),)
    for changed in (draft[:-4] + "AAAA", draft[4:], "", "x", "é", "A" * 300_000):
        assert open_draft(town.context, owner, changed) is None
    town.clock.pass_(hours=13)
    assert open_draft(town.context, owner, draft) is None


def test_a_stranger_who_sends_a_form_gets_nothing_back(stranger):
    answer = stranger.client.post("/findings/1", data={"conclusion": "x"}, base_url="http://localhost")
    assert answer.status_code == 403
    assert 'name="draft"' not in answer.text


def test_an_act_for_two_asks_for_a_fresh_proof_and_then_goes_on(town, app, local):
    browser = Browser(app)
    enter_with_code(town, browser, local)
    uid, digest = plan_of(browser)
    town.clock.pass_(minutes=11)
    asked = browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest)
    assert asked.headers["Location"] == "/prove"
    assert browser.post("/prove", password=PASSWORD, code="000000").status_code == 403
    code = pyotp.TOTP(local.secret).at(town.clock.now)
    before = browser.client.get_cookie("closeout", domain="localhost").value
    assert browser.post("/prove", password=PASSWORD, code=code).headers["Location"] == "/again"
    assert browser.client.get_cookie("closeout", domain="localhost").value != before
    again = browser.get("/again")
    fields = hidden(again.text)
    assert fields["digest"] == digest
    answer = browser.post(f"/plans/{uid}/ask", token=fields.pop("csrf_token"), **fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/plans/{uid}")
    assert browser.get("/again").headers["Location"] == "/"


def test_a_password_is_kept_by_nobody_so_its_form_is_filled_in_again(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    token = browser.token("/connections/new/carddav")
    town.clock.pass_(minutes=11)
    answer = browser.post("/connections/new/carddav", token=token, **connection_form())
    assert answer.headers["Location"] == "/prove?next=/connections/new/carddav"
    proven = browser.post("/prove", next="/connections/new/carddav")
    assert proven.headers["Location"] == "/connections/new/carddav"
    assert browser.get("/connections/new/carddav").status_code == 200


def test_a_form_of_a_tab_that_was_left_open_is_sent_again_by_a_click(town, app, local):
    browser = Browser(app)
    enter_with_code(town, browser, local)
    uid = first_finding(browser)
    old = browser.token(f"/findings/{uid}")
    browser.post("/sign-out", page="/overview")
    enter_with_code(town, browser, local, later=30)
    answer = browser.post(f"/findings/{uid}", token=old, outcome="put_right", conclusion="From the other tab.")
    assert answer.headers["Location"] == "/again"
    assert "From the other tab." in browser.get("/again").text


def test_another_site_cannot_have_a_form_sent_again(town, enter):
    browser = enter(Role.PRIVACY_OFFICER)
    uid = first_finding(browser)
    answer = browser.client.post(
        f"/findings/{uid}",
        data={"conclusion": "From elsewhere."},
        base_url="http://localhost",
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 400
