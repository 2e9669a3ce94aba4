"""The API as programs meet it: held to its description by an independent tester, and to what refusals must not say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from server.core.problems import ApiProblem
from server.store.schema import base
from server.web.pages.register import api_v1
from server.web.problem_json import STATUS
from server.work.admin import access
from server.work.admin.access import Scope
from tests.campaigns import examples
from tests.web.conftest import Browser
from tests.web.town import URL, Town

CLIENT = "06-12345601"
NUMBER = "240117"
CASE: dict[str, Any] = {
    "number": NUMBER,
    "phase": "investigation",
    "opened_on": "2026-01-09",
    "contacts": [{"class": "client", "person": "A", "values": [CLIENT]}],
    "assignments": [{"worker": "worker-01", "from": "2026-01-09"}],
    "moments": [],
}


class Program:
    """A case system that sends requests with its token."""

    def __init__(self, town: Town, browser: Browser, *scopes: Scope) -> None:
        self.client = browser.client
        name = f"system-{len(access.list_tokens(town.context))}"
        self.token = access.make_token(
            town.context, name, scopes or list(Scope), days=30, case_system="zaaksysteem", owner="ict"
        )
        self.sent = 0

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        self.sent += 1
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"key-{self.sent}"}
        if raw is not None:
            given["Content-Type"] = "application/json"
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(f"/api/v1{path}", method=method, data=raw, headers=given, base_url=URL)

    def address(self, number: str = NUMBER) -> str:
        return str(self.send("POST", "/cases:find", {"number": number}).json["case"])

    def put(self, body: Any = CASE, **headers: str) -> Any:
        return self.send("PUT", f"/cases/{self.address()}", body, **headers)


@pytest.fixture
def program(town, stranger) -> Program:
    return Program(town, stranger)


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert CLIENT not in answer.text
    assert NUMBER not in answer.text
    assert answer.json["status"] == answer.status_code
    return answer.status_code, answer.json["code"]


# --- by independent judges --------------------------------------------------------------------------------------------


def test_the_description_is_sound_openapi(stranger):
    OpenAPIV31SpecValidator(stranger.get("/api/v1/openapi.json").json).validate()


SOUND = [each for each in CHECKS.get_all() if each.__name__ not in ("positive_data_acceptance",)]
"""What its form allows can still be no case, such as a day in the year 1."""


def test_an_independent_tester_finds_nothing_against_the_description(program, app):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    assert program.put().status_code == 202
    answered = {each.ok().label: judge(each.ok(), program) for each in schema.get_all_operations()}
    done = {label for label, said in answered.items() if said & {200, 202}}
    # Of a batch it hardly ever draws days that can be, and of a change no id that there is.
    assert done >= set(answered) - {"POST /api/v1/cases:batch", "GET /api/v1/changes/{change}"}


def judge(operation: Any, program: Program) -> set[int]:
    """Ask it in ways that its description allows, and in others; returns with which statuses it was answered."""
    answered: set[int] = set()
    headers = {"Authorization": f"Bearer {program.token}"}

    def ask(case: schemathesis.Case) -> None:
        if "case" in (case.path_parameters or {}) and case.meta.generation.mode is GenerationMode.POSITIVE:
            number = case.body["number"] if isinstance(case.body, dict) else NUMBER
            case.path_parameters = {"case": program.address(number)}
        answer = case.call(headers=headers)
        answered.add(answer.status_code)
        case.validate_response(answer, checks=SOUND, headers=headers)

    few = 2 if "batch" in operation.path else 6
    for mode in GenerationMode if operation.method == "put" else (GenerationMode.POSITIVE,):
        settings(
            max_examples=examples(few),
            phases=[Phase.generate],
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[*HealthCheck],
        )(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    return answered


# --- push -------------------------------------------------------------------------------------------------------------


def test_a_case_is_pushed_changed_and_looked_at(town, program):
    found = program.send("POST", "/cases:find", {"number": NUMBER})
    assert (found.status_code, found.json["etag"]) == (200, None)
    made = program.put()
    assert (made.status_code, made.json["state"], made.json["changed"]) == (202, "applied", 1)
    assert made.json["items"] == [{"case": found.json["case"], "etag": made.headers["ETag"]}]
    looked = program.send("GET", made.headers["Location"].removeprefix("/api/v1"))
    assert looked.json == {name: value for name, value in made.json.items() if name != "items"}
    assert code(program.put()) == (428, "condition_needed")
    assert code(program.put(If_Match='"' + "0" * 32 + '"')) == (412, "case_changed")
    assert code(program.put(If_Match="x")) == (400, "condition_bad")
    closed = program.put(CASE | {"phase": "closed"}, If_Match=made.headers["ETag"])
    assert closed.status_code == 202
    outcome = program.send("GET", f"/outcomes/{found.json['case']}")
    assert (outcome.status_code, outcome.json["proven"]) == (200, [])


def test_who_has_an_outcome_is_not_sent_it_again_and_a_wait_that_was_granted_is_told(program):
    made = program.put()
    path = f"/outcomes/{made.json['items'][0]['case']}"
    first = program.send("GET", path)
    assert "Preference-Applied" not in first.headers
    again = program.send("GET", path, If_None_Match=first.headers["ETag"], Prefer="respond-async, wait=600")
    assert (again.status_code, again.text, again.headers["ETag"]) == (304, "", first.headers["ETag"])
    assert again.headers["Preference-Applied"] == "wait=30"
    program.put(CASE | {"phase": "triage", "contacts": []}, If_Match=made.headers["ETag"])
    assert program.send("GET", path, If_None_Match='"other"', Prefer="wait=1").status_code == 200


def test_only_so_many_wait_at_once_and_the_others_are_answered(program):
    path = f"/outcomes/{program.put().json['items'][0]['case']}"
    taken = 0
    while api_v1._WAITING.acquire(blocking=False):
        taken += 1
    try:
        answer = program.send("GET", path, Prefer="wait=30")
        assert (answer.status_code, "Preference-Applied" in answer.headers) == (200, False)
    finally:
        for _ in range(taken):
            api_v1._WAITING.release()
    assert taken == 4


def test_a_repeated_request_is_answered_as_the_first_was(program):
    first = program.put(Idempotency_Key="k")
    again = program.put(Idempotency_Key="k")
    assert (first.status_code, first.json) == (202, again.json)
    assert code(program.put(CASE | {"phase": "triage"}, Idempotency_Key="k")) == (422, "key_reused")
    assert code(program.put(Idempotency_Key="")) == (400, "key_needed")


def test_many_cases_go_in_together_or_not_at_all(town, program):
    good = [{"case": CASE | {"number": f"24020{n}"}} for n in range(3)]
    bad = {"case": CASE | {"number": "240209", "contacts": [{"class": "client", "values": ["06-1234"]}]}}
    refused = program.send("POST", "/cases:batch", {"items": [*good, bad]})
    assert code(refused) == (422, "bad_body")
    (error,) = refused.json["errors"]
    assert error["pointer"] == "#/items/3/case/contacts/0/values/0"
    assert program.send("POST", "/cases:batch", {"items": good}).json["changed"] == 3
    assert program.send("POST", "/cases:batch", {"items": good}).status_code == 428
    anyway = [each | {"if_match": "*"} for each in [*good, {"case": CASE}]]
    assert program.send("POST", "/cases:batch", {"items": anyway}).json["changed"] == 1


BODIES = {
    "no JSON": (b'{"number": ', 400, "not_json", [("#", "not_json", None)]),
    "a field twice": (b'{"number": "1", "number": "2"}', 400, "not_json", [("#", "field_twice", None)]),
    "too deep": (b"[" * 50 + b"]" * 50, 400, "not_json", [("#", "too_deep", None)]),
    "far too deep": (b"[" * 100_000, 400, "not_json", [("#", "too_deep", None)]),
    "half a sign": (b'{"number": "\\ud800"}', 400, "not_json", None),
    "a field that is not known": (CASE | {"telefoon": CLIENT}, 422, "bad_body", [("#", "unknown_field", "telefoon")]),
    "a number as a field": (CASE | {CLIENT: "x"}, 422, "bad_body", [("#", "unknown_field", None)]),
    "a list left out": (
        {name: value for name, value in CASE.items() if name != "contacts"},
        422,
        "bad_body",
        [("#/contacts", "missing", None)],
    ),
    "a word that is none": (CASE | {"phase": "afgesloten"}, 422, "bad_body", [("#/phase", "unknown_word", None)]),
    "a name as a code": (
        CASE | {"contacts": [{"class": "client", "values": [CLIENT], "person": "Jansen"}]},
        422,
        "bad_body",
        [("#/contacts/0/person", "wrong_form", None)],
    ),
}


@pytest.mark.parametrize("sent", [*BODIES.values()], ids=[*BODIES])
def test_a_body_that_is_not_sound_is_told_where_and_why_and_nothing_of_it_goes_in(town, program, sent):
    body, status, said, errors = sent
    answer = program.put(body)
    assert code(answer) == (status, said)
    assert "Jansen" not in answer.text
    if errors is not None:
        assert [(each["pointer"], each["code"], each.get("name")) for each in answer.json["errors"]] == errors
    with town.store.read() as connection:
        assert connection.execute(base.pushed_change.select()).all() == []


def test_a_client_that_dies_in_the_middle_has_pushed_nothing(town, program):
    raw = json.dumps(CASE).encode()
    address = program.address()
    answer = program.client.open(
        f"/api/v1/cases/{address}",
        method="PUT",
        data=raw[:-20],
        headers={
            "Authorization": f"Bearer {program.token}",
            "Idempotency-Key": "k",
            "Content-Type": "application/json",
        },
        environ_overrides={"CONTENT_LENGTH": str(len(raw))},
        base_url=URL,
    )
    assert code(answer) == (400, "not_json")
    assert program.send("POST", "/cases:find", {"number": NUMBER}).json["etag"] is None


def test_a_body_that_is_too_large_is_not_read(program):
    assert code(program.put(b"x" * (256 * 1024 + 1))) == (413, "too_large")
    assert code(program.send("POST", "/cases:batch", b"x" * (16 * 1024 * 1024 + 1))) == (413, "too_large")


def test_no_number_stands_in_an_address_and_another_number_has_another(program):
    address = program.address()
    assert re.fullmatch(r"[0-9a-f]{32}", address)
    assert code(program.send("PUT", f"/cases/{address}", CASE | {"number": "240118"})) == (409, "other_case")
    assert code(program.send("GET", f"/outcomes/{NUMBER}")) == (404, "not_found")


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_token_does_what_its_scopes_say_and_nothing_else(town, stranger, program):
    program.put()
    address = program.address()
    asked = {
        Scope.CASES: ("POST", "/cases:find", {"number": NUMBER}),
        Scope.OUTCOMES: ("GET", f"/outcomes/{address}", None),
        Scope.STATUS: ("GET", "/status", None),
    }
    for scope in Scope:
        one = Program(town, stranger, scope)
        may = {each: one.send(*request).status_code for each, request in asked.items()}
        assert may == {each: 200 if each is scope else 403 for each in asked}


def test_a_stranger_and_a_token_that_ended_are_told_the_same(town, program):
    access.revoke_token(town.context, "system-0")
    for token in (program.token, "closeout_x", ""):
        answer = program.send("GET", "/status", Authorization=f"Bearer {token}")
        assert code(answer) == (401, "unauthorised")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="closeout"'


def test_what_is_asked_in_a_wrong_way_is_answered_as_programs_are(program):
    wrong = program.send("DELETE", "/status")
    assert (code(wrong), wrong.headers["Allow"]) == ((405, "method_not_allowed"), "GET, HEAD")
    assert code(program.send("GET", "/none")) == (404, "not_found")
    assert code(program.put(Content_Type="text/plain")) == (415, "not_json_type")


def test_a_problem_is_told_in_the_language_that_is_asked_for(program):
    said = {each: program.send("GET", "/none", Accept_Language=each).json["detail"] for each in ("nl", "en")}
    assert said["nl"] != said["en"]


def test_each_problem_has_a_status_and_stands_on_the_page(stranger):
    assert set(STATUS) == set(ApiProblem)
    page = stranger.get("/api/v1").text
    assert [each for each in ApiProblem if f'id="{each.value}"' not in page] == []
