"""Attacks by way of an identity provider: none of them lets anybody in, proves anything, or ends in a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from server.core.model import Role
from server.store.admin import accounts
from server.store.schema.base import account, message_taken, web_session
from server.web.config import Provider as Settings
from server.web.provider_tokens import LOGOUT_EVENT
from server.work.admin import access
from tests.parts.lying_provider import (
    CLIENT,
    LyingProvider,
    lying_provider,
    public_jwk,
    public_pem,
    rsa_key,
    signed,
)
from tests.web.conftest import Browser
from tests.web.test_pages import plan_of

ROLES = {"closeout-privacy": (Role.PRIVACY_OFFICER,), "closeout-it": (Role.IT_ADMINISTRATOR,)}


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with lying_provider() as running:
        running.claims = {"groups": ["closeout-privacy"], "sid": "session-1"}
        yield running


@pytest.fixture
def settings(provider: LyingProvider) -> Settings:
    return Settings(provider.issuer, CLIENT, "an invented secret", "groups", ROLES)


@pytest.fixture
def browser(town, settings) -> Browser:
    return Browser(town.make_app(provider=settings))


def back(browser, address):
    return browser.get(f"{urlsplit(address).path}?{urlsplit(address).query}")


def sign_in(browser, provider, **fields):
    away = browser.post("/sign-in/provider", page="/sign-in", **fields)
    return back(browser, provider.enter(away.headers["Location"]))


def is_in(browser) -> bool:
    return browser.get("/overview").status_code == 200


def at(town, **ago: float) -> int:
    return int((town.clock.now - timedelta(**ago)).timestamp())


# --- who signed it, and with what ---------------------------------------------------------------------------------

FORGED = {
    "no signature": {"key": None},
    "no signature, written otherwise": {"key": None, "header": {"alg": "None"}},
    "no signature and no algorithm": {"key": None, "header": {"alg": None}},
    "an algorithm that is no word": {"header": {"alg": ["RS256"]}},
    "the public key as the secret of an HMAC": {"key": public_pem(rsa_key())},
    "the public key's numbers as the secret of an HMAC": {"key": json.dumps(public_jwk(rsa_key())).encode()},
    "our client secret as the secret of an HMAC": {"key": b"an invented secret"},
    "another key": {"key": rsa_key(nth=1)},
    "another key that the token brings along": {"key": rsa_key(nth=1), "header": {"jwk": public_jwk(rsa_key(nth=1))}},
    "another key at an address that the token names": {
        "key": rsa_key(nth=1),
        "header": {"jku": "http://127.0.0.1:9/jwks", "x5u": "http://127.0.0.1:9/cert"},
    },
    "a part that must be understood and is not": {"header": {"crit": ["unheard-of"], "unheard-of": 1}},
}
OFFERED = {
    "what is usual": ["RS256"],
    "everything": ["none", "None", "HS256", "RS256"],
    "what we never take": ["none", "HS256"],
    "nothing": [],
    "no list": "HS256",
}


def statuses_of(browser, provider, lies) -> dict[str, int]:
    """What each lie gets for an answer; between them the provider says what is sound again."""
    sound, got = dict(vars(provider)), {}
    for name, lie in lies.items():
        vars(provider).update({**sound, **lie, "claims": {**sound["claims"], **lie.get("claims", {})}})
        got[name] = sign_in(browser, provider).status_code
    vars(provider).update(sound)
    return got


@pytest.mark.parametrize("offered", OFFERED.values(), ids=OFFERED)
def test_a_forged_token_lets_nobody_in_whatever_the_description_offers(browser, provider, offered):
    provider.metadata = {"id_token_signing_alg_values_supported": offered}
    assert statuses_of(browser, provider, FORGED) == dict.fromkeys(FORGED, 403)
    assert not is_in(browser)
    assert sign_in(browser, provider).status_code == (303 if "RS256" in offered or offered == "HS256" else 403)


def test_what_we_never_take_is_not_taken_although_nothing_else_is_offered(browser, provider):
    provider.metadata = {"id_token_signing_alg_values_supported": ["HS256"]}
    provider.keys = [{"kty": "oct", "k": "YW4gaW52ZW50ZWQgc2VjcmV0", "kid": "one"}]
    provider.key = b"an invented secret"
    assert sign_in(browser, provider).status_code == 403


UNFIT = {
    "it is for sealing": [public_jwk(rsa_key(), use="enc")],
    "it is too short": [public_jwk(rsa_key(1024))],
    "there is none": [],
}


@pytest.mark.parametrize("keys", UNFIT.values(), ids=UNFIT)
def test_a_key_is_not_used_if(browser, provider, keys):
    provider.keys = keys
    provider.key = rsa_key(1024) if keys and keys[0]["n"] == public_jwk(rsa_key(1024))["n"] else rsa_key()
    assert sign_in(browser, provider).status_code == 403


def test_a_key_that_is_new_at_the_provider_is_asked_for_once(browser, provider):
    assert sign_in(browser, provider).status_code == 303
    provider.key, provider.header = rsa_key(nth=1), {"kid": "two"}
    provider.keys = [public_jwk(rsa_key()), public_jwk(rsa_key(nth=1), kid="two")]
    other = Browser(browser.client.application)
    assert sign_in(other, provider).status_code == 303


# --- whom it is for and what it answers ---------------------------------------------------------------------------

BESIDE = {
    "for somebody else": {"claims": {"aud": "another"}},
    "for somebody else, given to us": {"claims": {"aud": "another", "azp": CLIENT}},
    "for us and others, given to another": {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
    "for nobody": {"left_out": ("aud",)},
    "for a number": {"claims": {"aud": 7}},
    "of another issuer": {"claims": {"iss": "https://evil.example"}},
    "of an issuer that is a list": {"claims": {"iss": ["https://evil.example"]}},
    "of no issuer": {"left_out": ("iss",)},
    "to another question": {"claims": {"nonce": "another"}},
    "to no question": {"left_out": ("nonce",)},
    "to a question that is no word": {"claims": {"nonce": None}},
    "of nobody": {"left_out": ("sub",)},
    "of an empty name": {"claims": {"sub": ""}},
    "of a number": {"claims": {"sub": 7}},
    "of a list": {"claims": {"sub": ["subject-1"]}},
    "long over": {"claims": {"exp": 1}},
    "over at no time": {"left_out": ("exp",)},
    "over at a word": {"claims": {"exp": "tomorrow"}},
    "over at nothing": {"claims": {"exp": None}},
    "never over": {"claims": {"exp": float("inf")}},
    "made at a word": {"claims": {"iat": "yesterday"}},
    "of another access token": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "proved by a number": {"claims": {"amr": 7}},
}


def test_a_token_beside_the_point_lets_nobody_in(browser, provider):
    assert statuses_of(browser, provider, BESIDE) == dict.fromkeys(BESIDE, 403)
    assert not is_in(browser)
    provider.claims["aud"] = "another"
    assert "did not let you in" in sign_in(browser, provider).text
    provider.claims["aud"] = [CLIENT]
    assert sign_in(browser, provider).status_code == 303


ANSWERS = {
    "a list": [],
    "a word": "no",
    "without a token": {"access_token": "x", "token_type": "Bearer"},
    "a token that is a number": {"access_token": "x", "token_type": "Bearer", "id_token": 7},
    "a token that is nothing": {"access_token": "x", "token_type": "Bearer", "id_token": None},
    "a token of two parts": {"access_token": "x", "token_type": "Bearer", "id_token": "a.b"},
    "a token of claims that are a list": {
        "access_token": "x",
        "token_type": "Bearer",
        "id_token": signed([], key=rsa_key()),
    },
    "a fault": {"error": "invalid_grant", "error_description": "no"},
}


def test_an_answer_that_is_none_lets_nobody_in(browser, provider):
    lies = {name: {"answer": said} for name, said in ANSWERS.items()}
    assert statuses_of(browser, provider, lies) == dict.fromkeys(ANSWERS, 403)


DESCRIPTIONS = {
    "no keys": {"jwks_uri": None},
    "keys that are a number": {"jwks_uri": 7},
    "no way in": {"authorization_endpoint": None},
    "another's": {"issuer": "https://elsewhere.example"},
    "nobody's": {"issuer": None},
}


@pytest.mark.parametrize("said", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_description_that_cannot_be_used_is_told(browser, provider, said):
    provider.metadata = said
    away = browser.post("/sign-in/provider", page="/sign-in")
    if away.status_code == 302:
        away = back(browser, provider.enter(away.headers["Location"]))
    assert away.status_code in (403, 503)


# --- when somebody proved who they are ----------------------------------------------------------------------------

UNTOLD = {
    "not said": {"left_out": ("auth_time",)},
    "nothing": {"claims": {"auth_time": None}},
    "a word": {"claims": {"auth_time": "1773743400"}},
    "true": {"claims": {"auth_time": True}},
    "a list": {"claims": {"auth_time": [1773743400]}},
    "for ever": {"claims": {"auth_time": float("inf")}},
    "no number": {"claims": {"auth_time": float("nan")}},
    "beyond all years": {"claims": {"auth_time": 1e18}},
    "still to come": {"claims": {"auth_time": 1893456000}},
    "zero": {"claims": {"auth_time": 0}},
    "before all time": {"claims": {"auth_time": -1e18}},
}


def test_nothing_is_proven_where_it_is_not_told_when(browser, provider):
    assert statuses_of(browser, provider, UNTOLD) == dict.fromkeys(UNTOLD, 303)
    uid, digest = plan_of(browser)
    sound = dict(provider.claims)
    for lie in UNTOLD.values():
        provider.claims = sound | lie.get("claims", {})
        sign_in(browser, provider)
        assert browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest).headers["Location"] == "/prove"
        answer = back(browser, provider.enter(browser.post("/prove", page="/overview").headers["Location"]))
        assert (answer.status_code, "auth_time" in answer.text) == (403, True), lie
        assert browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest).headers["Location"] == "/prove"
        assert is_in(browser)


def test_a_session_of_nine_hours_at_the_provider_is_no_fresh_proof(town, browser, provider):
    provider.claims["auth_time"] = at(town, hours=9)
    sign_in(browser, provider)
    uid, digest = plan_of(browser)
    answer = browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest)
    assert answer.headers["Location"] == "/prove"


def test_an_address_with_what_asks_for_a_fresh_proof_cut_off_gives_none(town, browser, provider):
    provider.claims["auth_time"] = at(town, hours=9)
    sign_in(browser, provider)
    away = browser.post("/prove", page="/overview").headers["Location"]
    assert "prompt=login" in away
    answer = back(browser, provider.enter(away.replace("prompt=login", "").replace("max_age=0", "")))
    assert (answer.status_code, "did not ask you again" in answer.text) == (403, True)
    uid, digest = plan_of(browser)
    assert browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest).headers["Location"] == "/prove"


def test_a_proof_counts_from_when_it_was_given_and_not_from_when_it_was_told(town, browser, provider):
    provider.claims["auth_time"] = at(town, hours=9)
    sign_in(browser, provider)
    away = browser.post("/prove", page="/overview").headers["Location"]
    provider.claims["auth_time"] = at(town, minutes=9)
    assert back(browser, provider.enter(away)).status_code == 303
    uid, digest = plan_of(browser)
    page, asked = f"/plans/{uid}", f"/plans/{uid}/ask"
    town.clock.pass_(minutes=1)
    assert browser.post(asked, page=page, digest=digest).headers["Location"] == "/prove"


def test_who_proved_just_now_need_not_again(town, browser, provider):
    provider.claims["auth_time"] = at(town, seconds=20)
    sign_in(browser, provider)
    uid, digest = plan_of(browser)
    answer = browser.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest)
    assert answer.headers["Location"] == f"/plans/{uid}"


# --- roles --------------------------------------------------------------------------------------------------------

UNTELLABLE = {
    "more than fit": (
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}},
        "more groups",
    ),
    "more than fit, told shortly": ({"hasgroups": True}, "more groups"),
    "a number": ({"groups": 7}, "cannot be read"),
    "a table": ({"groups": {"closeout-privacy": True}}, "cannot be read"),
    "lists in a list": ({"groups": [["closeout-privacy"]]}, "cannot be read"),
    "tables in a list": ({"groups": [{"name": "closeout-privacy"}]}, "cannot be read"),
    "true": ({"groups": [True]}, "cannot be read"),
}


def test_roles_that_cannot_be_told_are_said_clearly_and_take_none_away(town, browser, provider):
    sign_in(browser, provider)
    del provider.claims["groups"]
    sound, other = dict(provider.claims), Browser(browser.client.application)
    for said, word in UNTELLABLE.values():
        provider.claims = sound | said
        answer = sign_in(other, provider)
        assert (answer.status_code, word in answer.text) == (403, True), said
    with town.store.read() as connection:
        assert accounts.of_subject(connection, provider.issuer, "subject-1").roles == (Role.PRIVACY_OFFICER,)
    assert is_in(browser)


STRANGE = {
    "no table of sources": {"_claim_names": "groups"},
    "nothing": {"groups": None},
    "an empty list": {"groups": []},
    "other groups": {"groups": ["others", ""]},
}


def test_who_has_no_role_is_told_so(browser, provider):
    del provider.claims["groups"]
    sound = dict(provider.claims)
    for said in STRANGE.values():
        provider.claims = sound | said
        answer = sign_in(browser, provider)
        assert (answer.status_code, "you have no role here" in answer.text) == (403, True), said


NESTED = {
    "realm_access.roles": {"realm_access": {"roles": ["closeout-privacy"]}},
    "https://voorbeeld.example/roles": {"https://voorbeeld.example/roles": ["closeout-privacy"]},
    "resource_access.closeout.roles": {"resource_access": {"closeout": {"roles": "closeout-privacy"}}},
}


@pytest.mark.parametrize(("name", "said"), NESTED.items(), ids=NESTED)
def test_a_claim_within_claims_is_named_by_its_path(town, provider, settings, name, said):
    browser = Browser(town.make_app(provider=replace(settings, claim=name)))
    provider.claims = said
    assert sign_in(browser, provider).status_code == 303
    provider.claims = {name.partition(".")[0]: ["closeout-privacy"]} if "." in name else {}
    assert sign_in(Browser(browser.client.application), provider).status_code == 403


def test_a_worker_that_cannot_be_meant_is_none(town, provider, settings):
    browser = Browser(town.make_app(provider=replace(settings, worker_claim="employee")))
    for said in (["worker-03"], {"a": 1}, True, None, 7, ""):
        provider.claims["employee"] = said
        assert sign_in(browser, provider).status_code == 303
    with town.store.read() as connection:
        assert connection.scalar(select(account.c.worker_id).where(account.c.subject == "subject-1")) is None


# --- signing out there --------------------------------------------------------------------------------------------


def logout_token(town, provider, *, left_out=(), header=None, key=None, **claims) -> str:
    now = int(town.clock.now.timestamp())
    sound = {
        "iss": provider.issuer,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": "message-1",
        "events": {LOGOUT_EVENT: {}},
        "sid": "session-1",
        "sub": "subject-1",
    }
    said = {name: value for name, value in {**sound, **claims}.items() if name not in left_out}
    return signed(said, header={"typ": "logout+jwt", **(header or {})}, key=rsa_key() if key is None else key)


def tell(browser, token: str):
    return browser.client.post("/sign-in/provider/logout", data={"logout_token": token}, base_url="http://localhost")


def test_who_signs_out_at_the_provider_is_signed_out_here(town, browser, provider):
    sign_in(browser, provider)
    answer = tell(browser, logout_token(town, provider))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert not is_in(browser)


def test_one_session_there_ends_one_session_here_and_a_subject_all_of_theirs(town, browser, provider):
    app = browser.client.application
    one, other, somebody = browser, Browser(app), Browser(app)
    sign_in(one, provider)
    provider.claims["sid"] = "session-2"
    sign_in(other, provider)
    provider.claims |= {"sid": "session-3", "sub": "subject-2"}
    sign_in(somebody, provider)
    assert tell(one, logout_token(town, provider, left_out=("sub",))).status_code == 200
    assert [is_in(each) for each in (one, other, somebody)] == [False, True, True]
    assert tell(one, logout_token(town, provider, left_out=("sid",), jti="message-2")).status_code == 200
    assert [is_in(each) for each in (one, other, somebody)] == [False, False, True]


def test_a_session_of_which_the_provider_said_nothing_ends_with_any_of_its_subject(town, browser, provider):
    del provider.claims["sid"]
    sign_in(browser, provider)
    assert tell(browser, logout_token(town, provider)).status_code == 200
    assert not is_in(browser)


def test_somebody_elses_session_does_not_end_by_a_name_that_is_the_same(town, browser, provider):
    sign_in(browser, provider)
    assert tell(browser, logout_token(town, provider, sub="subject-2")).status_code == 200
    assert is_in(browser)


def test_a_local_account_is_not_signed_out_by_a_provider(town, browser, provider, local):
    row = next(each for each in access.list_accounts(town.context) if each.name == "officer-1")
    browser.sign_in_as(town, row)
    assert tell(browser, logout_token(town, provider, sub="officer-1")).status_code == 200
    assert is_in(browser)


def test_a_logout_token_counts_once(town, browser, provider):
    token = logout_token(town, provider)
    assert tell(browser, token).status_code == 200
    sign_in(browser, provider)
    assert tell(browser, token).status_code == 400
    assert is_in(browser)


def test_what_is_kept_of_logout_tokens_is_swept_out(town, browser, provider):
    for nth in range(3):
        tell(browser, logout_token(town, provider, jti=f"message-{nth}"))
        town.clock.pass_(minutes=20)
    with town.store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(message_taken)) == 1


NO_LOGOUT = {
    "not signed": {"key": b""},
    "signed with the public key": {"key": public_pem(rsa_key())},
    "signed by somebody else": {"key": rsa_key(nth=1)},
    "of another issuer": {"iss": "https://evil.example"},
    "for somebody else": {"aud": "another"},
    "without an event": {"left_out": ("events",)},
    "with another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "with an event that is no table": {"events": {LOGOUT_EVENT: 1}},
    "with events that are a list": {"events": [LOGOUT_EVENT]},
    "an ID token": {"nonce": "n", "left_out": ("events",), "header": {"typ": "JWT"}},
    "with a nonce": {"nonce": "n"},
    "with a nonce that is nothing": {"nonce": None},
    "of nobody": {"left_out": ("sub", "sid")},
    "of a number": {"sub": 7},
    "of a session that is a list": {"sid": ["session-1"]},
    "without a number of its own": {"left_out": ("jti",)},
    "with a number of its own that is no word": {"jti": 7},
    "made at no time": {"left_out": ("iat",)},
    "made at a word": {"iat": "now"},
    "made long ago": {"iat": 1},
    "still to be made": {"iat": 4_000_000_000, "exp": 4_000_000_100},
    "over at no time": {"left_out": ("exp",)},
    "long over": {"exp": 1},
    "a token of another kind": {"header": {"typ": "at+jwt"}},
    "a token of a kind that is no word": {"header": {"typ": 7}},
}


def test_nobody_is_signed_out_by_a_token_that_is_none(town, browser, provider):
    sign_in(browser, provider)
    for name, lie in NO_LOGOUT.items():
        answer = tell(browser, logout_token(town, provider, **lie))
        assert (name, answer.status_code, answer.json) == (name, 400, {"error": "invalid_request"})
    for token in ("", "x", "a.b.c", "." * 200_000, "é.é.é"):
        assert tell(browser, token).status_code == 400
    assert is_in(browser)


def in_front(browser, **query: str):
    return browser.get("/sign-in/provider/logged-out", query_string=query)


def test_a_frame_of_the_provider_ends_the_session_it_names_without_any_cookie(browser, provider):
    sign_in(browser, provider)
    framed = Browser(browser.client.application)
    answer = in_front(framed, iss=provider.issuer, sid="session-1")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["Content-Security-Policy"] == f"default-src 'none'; frame-ancestors {provider.issuer}"
    assert not is_in(browser)


def test_a_frame_that_names_no_session_of_the_provider_ends_none(browser, provider):
    sign_in(browser, provider)
    evil = {"iss": "https://evil.example", "sid": "session-1"}
    for query in ({}, {"sid": "session-1"}, {"iss": provider.issuer}, {"iss": provider.issuer, "sid": ""}, evil):
        assert in_front(browser, **query).status_code == 200
    assert is_in(browser)


def test_without_a_provider_there_is_nothing_to_sign_out_of(stranger):
    assert tell(stranger, "x").status_code == 404
    assert in_front(stranger, iss="x", sid="y").status_code == 404


def test_of_the_providers_names_of_sessions_hashes_alone_are_kept(town, browser, provider):
    sign_in(browser, provider)
    with town.store.read() as connection:
        (kept,) = connection.scalars(
            select(web_session.c.provider_session).where(web_session.c.provider_session.is_not(None))
        )
    assert len(kept) == 32
    file = (town.folder / "closeout.db").read_bytes() + (town.folder / "closeout.db-wal").read_bytes()
    assert b"session-1" not in file
