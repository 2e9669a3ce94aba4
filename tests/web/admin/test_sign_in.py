"""Signing in and out: two factors, sessions with limits, no fixation, no open redirect, nothing told to a stranger."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from server.core.admin.sign_in_tries import Asker, KnownBy
from server.core.model import Role
from server.core.problems import AccessProblem, AccessRefusedError
from server.store import log
from server.store.admin import accounts
from server.store.schema.base import sign_in_count
from server.web.authorise import safe_next
from server.work.admin import access, log_reading
from server.work.admin.access import SignInLimits
from server.work.admin.log_reading import LogFilter
from tests.web.conftest import Browser, own_account
from tests.web.town import PASSWORD, QUICK, figures_of


def code(town, factors, *, later: int = 0) -> str:
    return pyotp.TOTP(factors.secret).at(town.clock.now + timedelta(seconds=later))


def sign_in(browser, **fields):
    return browser.post("/sign-in", **fields)


def test_a_name_a_password_and_a_code_let_somebody_in(town, stranger, local):
    answer = sign_in(stranger, name="Officer-1 ", password=PASSWORD, code=code(town, local))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert stranger.get("/overview").status_code == 200


WRONG = {
    "the name": {"name": "officer-2"},
    "the password": {"password": "another long password"},
    "the code": {"code": "000000"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_one_factor_wrong_is_told_in_the_same_words_whichever_it_is(town, stranger, local, wrong):
    right = {"name": "officer-1", "password": PASSWORD, "code": code(town, local)}
    answer = sign_in(stranger, **(right | wrong))
    assert answer.status_code == 403
    assert "The name, the password or the code is not right" in answer.text
    assert stranger.get("/overview").status_code == 302


def test_a_code_counts_once(town, app, local):
    fields = {"name": "officer-1", "password": PASSWORD, "code": code(town, local)}
    assert sign_in(Browser(app), **fields).status_code == 303
    assert sign_in(Browser(app), **fields).status_code == 403
    assert sign_in(Browser(app), **(fields | {"code": code(town, local, later=30)})).status_code == 303


def test_a_code_of_another_minute_does_not_count(town, stranger, local):
    for later in (-120, 120):
        fields = {"name": "officer-1", "password": PASSWORD, "code": code(town, local, later=later)}
        assert sign_in(stranger, **fields).status_code == 403


def from_(browser, address: str):
    browser.client.environ_base["REMOTE_ADDR"] = address
    return browser


def guess(browser, times: int = 1) -> None:
    for _ in range(times):
        assert sign_in(browser, name="officer-1", password="wrong", code="000000").status_code == 403


def comes_in(town, browser, factors) -> bool:
    fields = {"name": "officer-1", "password": PASSWORD, "code": code(town, factors)}
    return sign_in(browser, **fields).status_code == 303


def test_after_five_wrong_tries_right_factors_do_not_help_there_until_two_hours_later(town, stranger, local):
    guess(stranger, 5)
    assert not comes_in(town, stranger, local)
    town.clock.pass_(hours=2)
    assert comes_in(town, stranger, local)


def test_wrong_tries_from_one_line_keep_nobody_out_who_asks_from_another(town, app, local):
    guess(from_(Browser(app), "192.0.2.7"), 30)
    assert not comes_in(town, from_(Browser(app), "192.0.2.9"), local)
    assert comes_in(town, from_(Browser(app), "198.51.100.7"), local)


def test_from_everywhere_together_there_are_twenty_tries_and_a_known_device_comes_in_all_the_same(town, app, local):
    mine, other = Browser(app), from_(Browser(app), "2001:db8:5::1")
    assert comes_in(town, mine, local)
    mine.post("/sign-out", page="/overview")
    for nth in range(30):
        guess(from_(Browser(app), f"198.18.{nth}.1"))
    town.clock.pass_(seconds=30)
    assert not comes_in(town, other, local)
    assert comes_in(town, mine, local)
    assert "20 tries to sign in as you went wrong since the last time" in mine.get("/overview").text
    town.clock.pass_(days=1)
    assert comes_in(town, other, local)


def test_a_known_device_has_a_count_of_its_own_and_not_for_ever(town, app, local):
    mine = Browser(app)
    assert comes_in(town, mine, local)
    mine.post("/sign-out", page="/overview")
    guess(mine, 10)
    town.clock.pass_(seconds=30)
    assert not comes_in(town, mine, local)
    assert comes_in(town, from_(Browser(app), "192.0.2.7"), local)
    town.clock.pass_(hours=1)
    assert comes_in(town, mine, local)


def device_of(browser) -> str:
    return browser.client.get_cookie("closeout-device", domain="localhost").value


def test_what_makes_a_device_known_signs_nobody_in_and_cannot_be_made_or_moved_to_another_account(town, app, local):
    other = own_account(town, "officer-2", [Role.AUDITOR])
    mine = Browser(app)
    assert comes_in(town, mine, local)
    cookie = device_of(mine)
    thief = Browser(app)
    thief.client.set_cookie("closeout-device", cookie, domain="localhost")
    assert thief.get("/overview").status_code == 302
    nonce, made_at, proof = cookie.split(".")
    forged = (
        f"{nonce}.{int(made_at) + 1}.{proof}",
        f"0{nonce}.{made_at}.{proof}",
        f"{nonce}.{made_at}.{'0' * 64}",
        "é",
    )
    ways = [access.who_asks(town.context, "officer-1", each, "192.0.2.7").way for each in (cookie, *forged)]
    assert ways == ["device", *["stranger"] * len(forged)]
    assert access.who_asks(town.context, "officer-2", cookie, "192.0.2.7").way == "stranger"
    mine.post("/sign-out", page="/overview")
    assert sign_in(mine, name="officer-2", password=PASSWORD, code=code(town, other)).status_code == 303
    both = [access.who_asks(town.context, name, device_of(mine), "").way for name in ("officer-1", "officer-2")]
    assert both == ["device", "device"]


def test_a_device_is_forgotten_with_new_factors_and_after_half_a_year(town, app, local):
    mine = Browser(app)
    assert comes_in(town, mine, local)
    town.clock.pass_(days=179)
    assert access.who_asks(town.context, "officer-1", device_of(mine), "").way == "device"
    town.clock.pass_(days=2)
    assert access.who_asks(town.context, "officer-1", device_of(mine), "").way == "stranger"
    town.clock.pass_(days=-181)
    access.renew_factors(town.context, "officer-1", "another invented password", hasher=QUICK)
    assert access.who_asks(town.context, "officer-1", device_of(mine), "").way == "stranger"


def test_who_is_kept_from_every_new_device_comes_in_with_new_factors(town, app, local):
    for nth in range(30):
        guess(from_(Browser(app), f"198.18.{nth}.1"))
    assert not comes_in(town, Browser(app), local)
    renewed = access.renew_factors(town.context, "officer-1", PASSWORD, hasher=QUICK)
    assert comes_in(town, Browser(app), renewed)


def test_who_proves_again_has_a_count_that_no_stranger_fills(town, app, local):
    mine = Browser(app)
    assert comes_in(town, mine, local)
    for nth in range(30):
        guess(from_(Browser(app), f"198.18.{nth}.1"))
    town.clock.pass_(minutes=11)
    for _ in range(5):
        assert mine.post("/prove", page="/prove", password="wrong", code="000000").status_code == 403
    right = {"password": PASSWORD, "code": code(town, local)}
    assert mine.post("/prove", page="/prove", **right).status_code == 403
    town.clock.pass_(minutes=15)
    right = {"password": PASSWORD, "code": code(town, local)}
    assert mine.post("/prove", page="/prove", **right).status_code == 303


def test_many_wrong_tries_leave_few_rows_and_names_that_nobody_has_no_more_than_others(town, app, local):
    for nth in range(60):
        browser = from_(Browser(app), f"198.18.{nth}.1")
        sign_in(browser, name=f"nobody-{nth}", password="wrong", code="000000")
        guess(browser)
    with town.store.read() as connection:
        kept = connection.scalar(select(func.count()).select_from(sign_in_count))
    assert kept <= 2 * 22


def test_tries_from_one_address_are_limited(town):
    browser = Browser(town.make_app(sign_in_rate="3 per minute"))
    statuses = [sign_in(browser, name=f"name-{nth}", password="x", code="1").status_code for nth in range(5)]
    assert statuses == [403, 403, 403, 429, 429]


def test_tries_for_one_name_are_limited(town):
    browser = Browser(town.make_app(sign_in_rate_name="3 per minute"))
    statuses = [sign_in(browser, name="officer-1", password="x", code="1").status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]
    assert sign_in(browser, name="officer-2", password="x", code="1").status_code == 403


def test_what_a_browser_brought_before_signing_in_is_not_what_it_is_known_by_after(town, app, local):
    browser = Browser(app)
    browser.client.set_cookie("closeout", "planted-by-somebody-else", domain="localhost")
    sign_in(browser, name="officer-1", password=PASSWORD, code=code(town, local))
    cookie = browser.client.get_cookie("closeout", domain="localhost")
    assert cookie is not None
    assert cookie.value != "planted-by-somebody-else"
    thief = Browser(app)
    thief.client.set_cookie("closeout", "planted-by-somebody-else", domain="localhost")
    assert thief.get("/overview").status_code == 302


def test_signing_in_again_ends_the_session_that_was(town, app, local):
    browser = Browser(app)
    sign_in(browser, name="officer-1", password=PASSWORD, code=code(town, local))
    old = browser.client.get_cookie("closeout", domain="localhost").value
    row = access.list_accounts(town.context)
    officer = next(each for each in row if each.name == "officer-1")
    browser.client.delete_cookie("closeout", domain="localhost")
    browser.client.set_cookie("closeout", old, domain="localhost")
    access.prove_again(town.context, old, access.find_person(town.context, old))
    assert isinstance(officer.id, int)
    assert browser.get("/overview").status_code == 302


def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http(town, local):
    browser = Browser(town.make_app(url="https://closeout.example.org"))
    page = browser.client.get("/sign-in", base_url="https://closeout.example.org")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    answer = browser.client.post(
        "/sign-in",
        data={"csrf_token": token, "name": "officer-1", "password": PASSWORD, "code": code(town, local)},
        base_url="https://closeout.example.org",
        headers={"Referer": "https://closeout.example.org/sign-in"},
    )
    cookies = answer.headers.getlist("Set-Cookie")
    (mine,) = [each for each in cookies if each.startswith("__Host-closeout=")]
    assert all(word in mine for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in mine
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_a_session_ends_without_a_sign_of_life_and_at_the_longest_all_the_same(town, enter):
    browser = enter(Role.PRIVACY_OFFICER)
    for _ in range(20):
        town.clock.pass_(minutes=29)
        assert browser.get("/overview").status_code == 200
    town.clock.pass_(minutes=29)
    assert browser.get("/overview").status_code == 302
    idle = enter(Role.PRIVACY_OFFICER, nth=2)
    town.clock.pass_(minutes=30)
    assert idle.get("/overview").status_code == 302


def test_signing_out_ends_the_session_everywhere_it_was_copied_to(town, app, enter):
    browser = enter(Role.PRIVACY_OFFICER)
    copied = Browser(app)
    copied.client.set_cookie(
        "closeout", browser.client.get_cookie("closeout", domain="localhost").value, domain="localhost"
    )
    assert copied.get("/overview").status_code == 200
    left = browser.post("/sign-out", page="/overview")
    assert (left.headers["Location"], left.headers["Clear-Site-Data"]) == ("/sign-in", '"cache", "storage"')
    assert copied.get("/overview").status_code == 302


def test_the_database_does_not_hold_what_a_browser_signs_in_with(town, enter):
    token = enter(Role.PRIVACY_OFFICER).client.get_cookie("closeout", domain="localhost").value
    file = (town.folder / "closeout.db").read_bytes() + (town.folder / "closeout.db-wal").read_bytes()
    assert token.encode() not in file


def test_an_account_that_is_disabled_is_signed_out_at_once(town, stranger, local):
    sign_in(stranger, name="officer-1", password=PASSWORD, code=code(town, local))
    access.disable_account(town.context, "officer-1")
    assert stranger.get("/overview").status_code == 302


def test_a_role_that_is_taken_away_is_gone_at_once(town, stranger, local):
    sign_in(stranger, name="officer-1", password=PASSWORD, code=code(town, local))
    with town.store.write() as connection:
        row = accounts.of_name(connection, "officer-1")
        accounts.set_roles(connection, row.id, [Role.LINE_MANAGER])
    assert stranger.get("/overview").status_code == 302


def test_another_of_ones_roles_can_be_taken_and_no_other(town, stranger, local):
    sign_in(stranger, name="officer-1", password=PASSWORD, code=code(town, local))
    before = stranger.client.get_cookie("closeout", domain="localhost").value
    assert stranger.post("/role", page="/overview", role="it_administrator").status_code == 403
    assert stranger.post("/role", page="/overview", role="data_protection_officer").status_code == 303
    assert stranger.client.get_cookie("closeout", domain="localhost").value != before
    assert "Case number" not in stranger.get("/removals").text
    assert stranger.post("/removals", page="/removals", case="1").status_code == 403


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "javascript:alert(1)",
    "/overview\r\nSet-Cookie: a=b",
    "evil.example",
    "/sign-out",
    "/nowhere",
    "/sign-in",
    "",
)


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_after_signing_in_nobody_is_sent_elsewhere(town, stranger, local, wanted):
    answer = sign_in(stranger, name="officer-1", password=PASSWORD, code=code(town, local), next=wanted)
    assert answer.headers["Location"] == "/"


def test_after_signing_in_one_is_where_one_wanted_to_be(town, stranger, local):
    door = stranger.get("/removals?stand=open&sort=oldest").headers["Location"]
    assert door == "/sign-in?next=/removals?stand%3Dopen%26sort%3Doldest"
    answer = sign_in(
        stranger, name="officer-1", password=PASSWORD, code=code(town, local), next="/removals?stand=open&sort=oldest"
    )
    assert answer.headers["Location"] == "/removals?stand=open&sort=oldest"


def test_a_form_without_its_token_is_refused(stranger, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    for browser, path in ((stranger, "/sign-in"), (officer, "/sign-out"), (officer, "/reports")):
        assert browser.client.post(path, data={"name": "x"}, base_url="http://localhost").status_code == 400


def test_a_token_of_another_session_is_refused(enter):
    one, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    answer = other.client.post("/log", data={"csrf_token": one.token("/log")}, base_url="http://localhost")
    assert answer.status_code == 400


def test_every_answer_forbids_scripts_frames_and_keeping(app, stranger, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    for answer in (stranger.get("/sign-in"), stranger.get("/nowhere"), officer.get("/overview"), officer.get("/")):
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src" not in policy
        assert "'unsafe-inline'" not in policy
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Server" not in answer.headers


def test_no_page_has_a_style_or_a_script_in_it_or_asks_another_site(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    for path in ("/overview", "/removals", "/findings", "/plans", "/reports", "/log"):
        text = officer.get(path).text
        assert "<script" not in text
        assert " style=" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text


def test_the_style_may_be_kept_for_ever_and_the_address_changes_with_it(stranger):
    page = stranger.get("/sign-in").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = stranger.get(address)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert stranger.get("/look-000000000000.css").headers["Cache-Control"] == "no-cache"


def test_another_host_than_ours_is_refused(stranger):
    assert stranger.client.get("/sign-in", base_url="http://evil.example").status_code == 400


def test_a_language_is_chosen_before_signing_in_and_remembered_after(town, app, local):
    browser = Browser(app)
    assert "Sign in" in browser.get("/sign-in").text
    browser.post("/language", page="/sign-in", language="nl")
    assert '<html lang="nl">' in browser.get("/sign-in").text
    sign_in(browser, name="officer-1", password=PASSWORD, code=code(town, local))
    browser.post("/language", page="/overview", language="nl")
    other = Browser(app)
    sign_in(other, name="officer-1", password=PASSWORD, code=code(town, local, later=30))
    assert '<html lang="nl">' in other.get("/overview").text


def test_a_browser_that_asks_for_dutch_gets_dutch(stranger):
    assert '<html lang="nl">' in stranger.get("/sign-in", headers={"Accept-Language": "nl-NL,en;q=0.5"}).text


def test_roles_are_picked_in_a_demo_on_this_machine_only(town):
    browser = Browser(town.make_app(picker=True))
    assert browser.post("/sign-in/pick", page="/sign-in", role="privacy_officer").status_code == 303
    assert browser.get("/overview").status_code == 200
    far = town.make_app(picker=True).test_client()
    assert (
        far.get("/sign-in", base_url="http://localhost", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "case_system"},
        {"role": "worker"},
        {"role": "privacy_officer", "worker": "worker-01"},
        {"role": "worker", "worker": "nobody"},
        {"role": "nothing"},
        {"role": "privacy_officer.3"},
        {},
    ],
)
def test_what_cannot_be_picked_is_not(town, fields):
    browser = Browser(town.make_app(picker=True))
    assert browser.post("/sign-in/pick", page="/sign-in", **fields).status_code == 400


def test_outside_a_demo_nothing_can_be_picked(empty_town, stranger):
    assert stranger.post("/sign-in/pick", page="/sign-in", role="privacy_officer").status_code == 404
    with pytest.raises(AccessRefusedError):
        access.demo_account(empty_town.context, Role.PRIVACY_OFFICER)
    with pytest.raises(ValueError, match="this machine"):
        empty_town.make_app(picker=True, url="https://closeout.example.org")


REFUSED = {
    AccessProblem.BAD_NAME: {"name": "two words"},
    AccessProblem.PASSWORD_TOO_SHORT: {"password": "short"},
    AccessProblem.PASSWORD_KNOWN: {"password": "Password123456!"},
    AccessProblem.PASSWORD_IS_NAME: {"password": "officer-2 officer-2"},
    AccessProblem.NO_ROLE: {"roles": []},
    AccessProblem.NOT_A_PERSON: {"roles": [Role.CASE_SYSTEM]},
    AccessProblem.WORKER_NEEDED: {"roles": [Role.WORKER]},
    AccessProblem.UNKNOWN_WORKER: {"roles": [Role.WORKER], "worker": "nobody"},
    AccessProblem.NAME_TAKEN: {"name": "officer-1"},
}


@pytest.mark.parametrize(("problem", "wrong"), REFUSED.items(), ids=REFUSED.keys())
def test_an_account_is_not_made_when(town, local, problem, wrong):
    sound = {"name": "officer-2", "password": PASSWORD, "roles": [Role.AUDITOR], "hasher": QUICK} | wrong
    with pytest.raises(AccessRefusedError) as refused:
        access.add_account(town.context, **sound)
    assert refused.value.problem is problem


def test_a_renewed_account_has_new_factors_and_its_old_ones_count_no_more(town, app, local):
    browser = Browser(app)
    sign_in(browser, name="officer-1", password=PASSWORD, code=code(town, local))
    renewed = access.renew_factors(town.context, "officer-1", "another invented password", hasher=QUICK)
    assert browser.get("/overview").status_code == 302
    old = {"name": "officer-1", "password": PASSWORD, "code": code(town, local, later=30)}
    assert sign_in(browser, **old).status_code == 403
    new = {"name": "officer-1", "password": "another invented password", "code": code(town, renewed)}
    assert sign_in(browser, **new).status_code == 303


def test_a_password_kept_with_weaker_parameters_is_kept_anew_when_it_is_used(town, local):
    with town.store.read() as connection:
        before = accounts.of_name(connection, "officer-1").password
    stronger = type(QUICK)(time_cost=2, memory_cost=16, parallelism=1)
    given = ("officer-1", PASSWORD, code(town, local))
    assert access.check_factors(town.context, *given, asker=Asker(KnownBy.STRANGER), hasher=stronger) is not None
    with town.store.read() as connection:
        after = accounts.of_name(connection, "officer-1").password
    assert before != after
    assert "m=16,t=2" in after


def test_a_token_of_a_program_reads_counts_until_it_ends(town, stranger):
    token = access.make_token(town.context, "monitoring", [access.Scope.STATUS], days=7)
    answer = stranger.get("/api/status", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.json["orders"]["done"] == figures_of(town)[0] > 0
    town.clock.pass_(days=7)
    assert stranger.get("/api/status", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_token_that_is_ended_is_nothing(town, stranger):
    token = access.make_token(town.context, "monitoring", [access.Scope.STATUS], days=7)
    access.revoke_token(town.context, "monitoring")
    assert stranger.get("/api/status", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_limits_have_the_documented_values():
    assert SignInLimits() == SignInLimits(timedelta(minutes=30), timedelta(hours=10), timedelta(minutes=10))


def test_next_is_judged_by_our_own_routes_only(app):
    with app.test_request_context("/", base_url="http://localhost"):
        assert safe_next("/plans/abc") == "/plans/abc"
        assert safe_next("/plans/abc/ask") == "/"


def test_each_try_is_in_the_log_whether_it_was_right_or_not(town, stranger, local):
    before = _newest(town)
    guess(stranger)
    assert sign_in(stranger, name="nobody-7", password="wrong", code="000000").status_code == 403
    assert comes_in(town, stranger, local)
    row = next(each for each in access.list_accounts(town.context) if each.name == "officer-1")
    read = log_reading.read_log(town.context, Role.INDEPENDENT_OFFICER, LogFilter(), restricted=True)
    said = [read.bodies[entry.seq] for entry in read.entries if entry.seq > before and entry.kind == "restricted"]
    assert said[:3] == [f"sign_in_failed {row.uid}", "sign_in_failed -", f"signed_in {row.uid} {row.roles[0]}"]


def test_somebody_or_everybody_is_signed_out_by_an_administrator_and_may_sign_in_again(town, app, stranger, local):
    other = Browser(app).sign_in_as(town, access.demo_account(town.context, Role.AUDITOR))
    assert comes_in(town, stranger, local)
    access.sign_out_account(town.context, "Officer-1")
    assert (stranger.get("/overview").status_code, other.get("/overview").status_code) == (302, 200)
    town.clock.pass_(minutes=1)
    assert comes_in(town, stranger, local)
    access.sign_out_account(town.context, None)
    assert (stranger.get("/overview").status_code, other.get("/overview").status_code) == (302, 302)


def _newest(town) -> int:
    with town.store.read() as connection:
        return log.head(connection).size - 1
