"""Nobody comes in but by the table of routes: strangers, other roles and objects of others are tried on each route."""

from __future__ import annotations

import re

import pytest

from server.core.log.entries import EntryKind, read_entry
from server.core.model import Role
from server.store import log
from server.web.route import Route
from server.web.routes import EVERYONE, ROUTES
from server.work.admin.access import Scope

OPEN = {
    "GET /alive",
    "GET /api/v1",
    "GET /api/v1/openapi.json",
    "GET /icon.svg",
    "GET /look-<version>.css",
    "GET /sign-in",
    "GET /sign-in/provider",
    "POST /sign-in/provider/logout",
    "GET /sign-in/provider/logged-out",
    "POST /api/events/<connection>",
    "POST /language",
    "POST /sign-in",
    "POST /sign-in/pick",
    "POST /sign-in/provider",
}
GUARDED = [route for route in ROUTES if isinstance(route.access, frozenset) and not route.hidden]
WITH_OBJECT = [route for route in GUARDED if "<" in route.path.replace("<kind>", "")]
PEOPLE = sorted(EVERYONE)


def where(route: Route) -> str:
    return f"{route.method} {route.path}"


def filled(route: Route, value: str = "0123456789abcdef") -> str:
    path = re.sub(r"<kind>", "csv", route.path)
    return re.sub(r"<\w+>", value, path)


def named(routes: list[Route]) -> dict[str, object]:
    return {"argvalues": routes, "ids": [where(route) for route in routes]}


def test_open_are_the_door_the_style_and_the_sign_of_life_and_nothing_else():
    assert {where(route) for route in ROUTES if route.access is None} == OPEN


def test_the_application_has_the_routes_of_the_table_and_no_other(app):
    known = {(route.name, route.path, route.method) for route in ROUTES}
    rules = {
        (rule.endpoint, rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert rules == known


@pytest.mark.parametrize("route", **named(GUARDED))
def test_a_stranger_is_shown_the_door(stranger, route):
    answer = stranger.client.open(filled(route), method=route.method, base_url="http://localhost")
    if route.method == "GET":
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/sign-in")
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize("route", **named(GUARDED))
def test_a_role_that_may_not_is_refused_and_the_log_knows(town, enter, route):
    for role in [role for role in PEOPLE if role not in route.access]:
        browser = enter(role)
        answer = browser.client.open(filled(route), method=route.method, base_url="http://localhost")
        assert (role, answer.status_code) == (role, 403)
        with town.store.read() as connection:
            *_, (_, text, _) = log.entries(connection)
        entry = read_entry(bytes(text))
        assert (entry.kind, dict(entry.body)) == (EntryKind.REFUSED, {"what": route.name, "actor_role": role.value})


def test_who_asks_for_the_same_again_and_again_does_not_fill_the_log(town, enter):
    browser = enter(Role.WORKER)
    with town.store.read() as connection:
        before = log.head(connection).size
    answers = [browser.client.get("/policies", base_url="http://localhost").status_code for _ in range(30)]
    with town.store.read() as connection:
        assert (set(answers), log.head(connection).size - before) == ({403}, 5)


@pytest.mark.parametrize("route", **named(WITH_OBJECT))
def test_an_object_that_is_not_there_is_not_there_for_anybody(enter, route):
    for role in sorted(route.access):
        browser = enter(role)
        path = filled(route)
        answer = browser.get(path) if route.method == "GET" else browser.post(path, page="/reports", act="grant")
        assert (role, answer.status_code) in {(role, 404), (role, 403), (role, 409)}
        assert answer.status_code != 409 or "plans" in route.name


def test_every_role_but_the_case_system_has_a_first_page(enter):
    for role in PEOPLE:
        browser = enter(role)
        first = browser.get("/")
        assert first.status_code == 303
        assert browser.get(first.headers["Location"]).status_code == 200


def test_a_case_system_is_no_person(town):
    assert Role.CASE_SYSTEM not in EVERYONE
    assert not any(isinstance(route.access, frozenset) and Role.CASE_SYSTEM in route.access for route in ROUTES)


def test_a_path_that_is_none_says_so_and_nothing_else(stranger):
    answer = stranger.get("/of/nothing/06-12345601")
    assert answer.status_code == 404
    assert "06-12345601" not in answer.text


def test_programs_need_a_token_for_status_and_metrics(stranger):
    scopes = [route for route in ROUTES if isinstance(route.access, Scope)]
    assert {where(route): route.access for route in scopes} == {
        "GET /api/status": Scope.STATUS,
        "GET /metrics": Scope.METRICS,
        "GET /api/v1/status": Scope.STATUS,
        "POST /api/v1/cases:find": Scope.CASES,
        "PUT /api/v1/cases/<case>": Scope.CASES,
        "POST /api/v1/cases:batch": Scope.CASES,
        "GET /api/v1/changes/<change>": Scope.CASES,
        "GET /api/v1/outcomes/<case>": Scope.OUTCOMES,
    }
    for header in (None, "Bearer ", "Bearer closeout_x", "Basic abc", "bearer"):
        headers = {} if header is None else {"Authorization": header}
        for route in scopes:
            answer = stranger.client.open(
                filled(route), method=route.method, headers=headers, base_url="http://localhost"
            )
            assert (where(route), answer.status_code) == (where(route), 401)


def test_methods_that_no_route_has_are_refused(stranger, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert stranger.client.open("/removals", method=method, base_url="http://localhost").status_code in (403, 405)
        assert officer.client.open("/overview", method=method, base_url="http://localhost").status_code in (403, 405)
