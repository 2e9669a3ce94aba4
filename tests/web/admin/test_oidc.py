"""Signing in at an independent identity provider: PKCE, roles from claims, proofs, and signing out there too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from server.core.model import Role
from server.store.admin import accounts
from server.web.config import Provider as Settings
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.provider import Provider, provider_server
from tests.web.conftest import Browser
from tests.web.test_pages import plan_of

ROLES = {
    "closeout-privacy": (Role.PRIVACY_OFFICER,),
    "closeout-it": (Role.IT_ADMINISTRATOR,),
    "closeout-workers": (Role.WORKER,),
    "closeout-all": (Role.PRIVACY_OFFICER, Role.CASE_SYSTEM),
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder: Path = tmp_path_factory.mktemp("provider")
    try:
        with provider_server(folder) as running:
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


@pytest.fixture
def browser(town, provider) -> Browser:
    settings = Settings(provider.issuer, "closeout", "an invented secret", "groups", ROLES, "employee")
    return Browser(town.make_app(provider=settings))


def off(browser, **fields):
    """To the provider; the address it is asked by."""
    answer = browser.post("/sign-in/provider", page="/sign-in", **fields)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def back(browser, address):
    return browser.get(f"{urlsplit(address).path}?{urlsplit(address).query}")


def sign_in(browser, provider, subject, **fields):
    return back(browser, provider.enter(off(browser, **fields), subject))


def test_somebody_with_a_group_comes_in_in_its_role(browser, provider):
    provider.know("subject-1", groups=["closeout-privacy", "others"])
    answer = sign_in(browser, provider, "subject-1", next="/removals")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/removals")
    assert browser.get("/removals").status_code == 200


UNUSABLE = {
    "a curve that nobody here knows": {"kty": "EC", "crv": "P-256K", "kid": "b", "x": "AAAA", "y": "AAAA"},
    "a point beside its curve": {"kty": "EC", "crv": "P-256", "kid": "c", "x": "AAAA", "y": "AAAA"},
    "a kind that nobody here knows": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
    "a key without its numbers": {"kty": "RSA", "kid": "d"},
    "a kind that is no word": {"kty": ["RSA"]},
    "no key at all": 7,
}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_of_the_provider_that_cannot_be_used_is_passed_over(browser, provider, key):
    """RFC 7517, section 5. One key with an unknown curve once kept everybody out."""
    client = browser.client.application.extensions["closeout.provider"]
    client.load_server_metadata()
    known = client.fetch_jwk_set(force=True)["keys"]
    client.server_metadata["jwks"] = {"keys": [key, *known]}
    provider.know("subject-1", groups=["closeout-privacy"])
    assert sign_in(browser, provider, "subject-1", next="/removals").headers["Location"] == "/removals"
    client.server_metadata["jwks"] = {"keys": [key]}
    assert client.fetch_jwk_set() == {"keys": []}


def test_the_provider_is_asked_with_a_challenge_a_state_and_a_nonce(browser, provider):
    asked = parse_qs(urlsplit(off(browser)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert all(len(asked[name][0]) >= 20 for name in ("code_challenge", "state", "nonce"))
    assert asked["redirect_uri"] == ["http://localhost/sign-in/provider"]


def test_of_somebody_only_the_subject_and_the_roles_are_kept(town, browser, provider):
    provider.know("subject-2", groups=["closeout-it"], name="A Name", email="somebody@voorbeeld.example")
    sign_in(browser, provider, "subject-2")
    with town.store.read() as connection:
        row = accounts.of_subject(connection, provider.issuer, "subject-2")
    assert (row.name, row.roles, row.password) == (None, (Role.IT_ADMINISTRATOR,), None)
    file = (town.folder / "closeout.db").read_bytes() + (town.folder / "closeout.db-wal").read_bytes()
    assert b"A Name" not in file
    assert b"somebody@voorbeeld.example" not in file


def test_without_a_group_that_gives_a_role_nobody_comes_in(browser, provider):
    provider.know("subject-3", groups=["others"])
    answer = sign_in(browser, provider, "subject-3")
    assert (answer.status_code, "you have no role here" in answer.text) == (403, True)
    assert browser.get("/overview").status_code == 302


def test_no_group_makes_a_person_a_case_system(town, browser, provider):
    provider.know("subject-4", groups="closeout-all")
    sign_in(browser, provider, "subject-4")
    with town.store.read() as connection:
        assert accounts.of_subject(connection, provider.issuer, "subject-4").roles == (Role.PRIVACY_OFFICER,)


def test_roles_are_those_of_today(town, browser, provider):
    provider.know("subject-5", groups=["closeout-privacy"])
    sign_in(browser, provider, "subject-5")
    provider.know("subject-5", groups=["closeout-it"])
    sign_in(Browser(browser.client.application), provider, "subject-5")
    assert browser.get("/overview").status_code == 302


def test_a_worker_has_the_phone_the_claim_names(browser, provider):
    provider.know("subject-6", groups=["closeout-workers"], employee="worker-03")
    sign_in(browser, provider, "subject-6")
    assert browser.get("/my-phone").status_code == 200
    provider.know("subject-7", groups=["closeout-workers"], employee="nobody")
    assert sign_in(Browser(browser.client.application), provider, "subject-7").status_code == 403


@pytest.mark.parametrize("change", ["state=other", "code=other", "error=access_denied"])
def test_an_answer_to_another_question_lets_nobody_in(browser, provider, change):
    provider.know("subject-8", groups=["closeout-privacy"])
    address = provider.enter(off(browser), "subject-8")
    name, value = change.split("=")
    query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()} | {name: value}
    answer = browser.get("/sign-in/provider", query_string=query)
    assert answer.status_code == 403
    assert browser.get("/overview").status_code == 302


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(browser, provider):
    provider.know("subject-9", groups=["closeout-privacy"])
    address = provider.enter(off(browser), "subject-9")
    thief = Browser(browser.client.application)
    assert back(thief, address).status_code == 403
    assert back(browser, address).status_code == 303
    assert back(Browser(browser.client.application), address).status_code == 403
    assert browser.get("/sign-in/provider").status_code == 403


def test_signing_out_goes_on_to_the_provider_and_comes_back(town, browser, provider):
    provider.know("subject-10", groups=["closeout-privacy"])
    sign_in(browser, provider, "subject-10")
    answer = browser.post("/sign-out", page="/overview")
    asked = urlsplit(answer.headers["Location"])
    assert f"{asked.scheme}://{asked.netloc}" == provider.issuer
    query = parse_qs(asked.query)
    assert query["post_logout_redirect_uri"] == ["http://localhost/sign-in"]
    assert len(query["id_token_hint"][0]) > 100
    assert browser.get("/overview").status_code == 302
    assert f"form-action 'self' {provider.issuer}" in browser.get("/sign-in").headers["Content-Security-Policy"]


def test_an_act_for_two_asks_the_provider_for_a_fresh_proof(town, browser, provider):
    provider.know("subject-11", groups=["closeout-privacy"])
    sign_in(browser, provider, "subject-11")
    uid, digest = plan_of(browser)
    town.clock.pass_(minutes=11)
    assert browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest).headers["Location"] == "/prove"
    away = browser.post("/prove")
    asked = parse_qs(urlsplit(away.headers["Location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])


def test_a_proof_that_the_provider_dates_is_taken_and_what_waited_goes_on(town, browser, provider):
    provider.know("subject-14", groups=["closeout-privacy"], auth_time=int(town.clock.now.timestamp()))
    sign_in(browser, provider, "subject-14")
    uid, digest = plan_of(browser)
    town.clock.pass_(minutes=11)
    browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest)
    away = browser.post("/prove").headers["Location"]
    provider.know("subject-14", groups=["closeout-privacy"], auth_time=int(town.clock.now.timestamp()))
    assert back(browser, provider.enter(away, "subject-14")).headers["Location"] == "/again"
    assert digest in browser.get("/again").text
    answer = browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest)
    assert answer.headers["Location"] == f"/plans/{uid}"


def test_a_proof_by_another_account_is_none(town, browser, provider):
    provider.know("subject-12", groups=["closeout-privacy"])
    provider.know("subject-13", groups=["closeout-privacy"])
    sign_in(browser, provider, "subject-12")
    town.clock.pass_(minutes=11)
    away = browser.post("/prove", page="/overview").headers["Location"]
    assert back(browser, provider.enter(away, "subject-13")).status_code == 403


def test_a_provider_that_does_not_answer_is_told_as_such(town):
    settings = Settings("http://127.0.0.1:9", "closeout", "x", "groups", ROLES)
    browser = Browser(town.make_app(provider=settings))
    answer = browser.post("/sign-in/provider", page="/sign-in")
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)


def test_without_a_provider_there_is_no_way_to_one(stranger):
    assert stranger.post("/sign-in/provider", page="/sign-in").status_code == 404
    assert stranger.get("/sign-in/provider?code=x&state=y").status_code == 403
