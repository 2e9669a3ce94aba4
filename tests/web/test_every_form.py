"""Every form and every address of the table of routes, generated: wrong, missing, huge, hostile, repeated, too late.

Examples of objects are found by walking the pages of each role, so that a new route is tried without a word here; one
of which no example is found makes a test fail.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest
from flask import Flask

from mdm_adapters.phones import Phone, Platform
from server.core.hold_record import Requester
from server.core.inquiry_record import LedgerQuestion
from server.core.model import Role
from server.core.removal.closures import ClosureAnswer
from server.store.admin import organisation
from server.store.phones import managed, repush
from server.store.phones import pages as phone_pages
from server.store.removal import closures
from server.web.route import Route
from server.web.routes import ROUTES
from server.work.admin import access
from server.work.removal import deviations_and_holds, pauses
from server.work.removal.pauses import Actor
from server.work.reports import inquiries, library
from server.work.reports.inquiries import WantedMandate
from tests.web.conftest import Browser
from tests.web.removal.test_policies import propose
from tests.web.test_bad_input import HOSTILE
from tests.web.test_pages import plan_of
from tests.web.town import URL, Town, copy_town, known_account

pytestmark = pytest.mark.xdist_group("every form")  # one walk of all pages for all of them

PARAMETERS = (
    "stand", "sort", "reason", "level", "since", "until", "after", "before", "kind", "next", "page", "part", "report",
    "whose",
)  # fmt: skip
UNTRIED = {"sign_in.leave", "sign_in.take_role", "your_account.choose"}
"""They end or change the session itself; `test_sign_in` and `test_your_account` try them."""
NOT_FROM_A_PAGE = {"sign_in.prove", "sign_in.proven", "sign_in.again", "home.go", "policies.propose", "holds.put"}
NOT_FROM_A_PAGE |= {"client_questions.take"}
"""Reached by being sent there; a policy is proposed, a hold set and a letter taken from the answer to a sound form."""
NO_SUCH_THING = {"devices.one", "devices.answer", "phone.ask_back", "connections.be_told"}
NO_SUCH_THING |= {"connections.be_told_no_more", "phone.saved_numbers", "phone.stated"}
"""The town has no MDM system, which `test_devices` has; its policy puts nothing back, that of `test_ask_back` does, and
asks workers nothing, that of `test_saved_numbers` does; no case service is connected, as in `test_case_subscription`.
"""
OTHER_BY_QUERY = {"findings.rows"}
"""One address, whose forms are there for one kind alone."""
EXAMPLES = 4
"""Of objects of one sort, whose pages may hold other forms."""
ROLES = sorted({role for route in ROUTES if isinstance(route.access, frozenset) for role in route.access})


@dataclass(frozen=True)
class Form:
    """A form on a page: where it stands, where it goes, and its fields with what they hold."""

    page: str
    action: str
    fields: tuple[tuple[str, str], ...]
    takes_files: bool


def forms_on(page: str, text: str) -> Iterator[Form]:
    for form in re.findall(r'<form [^>]*method="post".*?</form>', text, re.DOTALL):
        opening = form.split(">", 1)[0]
        held = dict.fromkeys(re.findall(r'<(?:input|textarea|select|button)[^>]* name="(\w+)"', form), "")
        held |= dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        takes_files = "multipart/form-data" in opening
        fields = tuple((name, html.unescape(value)) for name, value in held.items() if name != "csrf_token")
        for action in [*re.findall(r' action="([^"]+)"', opening), *re.findall(r'formaction="([^"]+)"', form)]:
            yield Form(page, html.unescape(action), fields, takes_files)


def route_of(path: str, method: str) -> Route | None:
    path = path.partition("?")[0].partition("#")[0]
    for route in sorted(ROUTES, key=lambda each: "<" in each.path):
        if route.method == method and re.fullmatch(re.sub(r"<\w+>", "[^/]+", route.path), path):
            return route
    return None


def walk(browser: Browser, role: Role) -> tuple[dict[str, str], dict[str, Form]]:
    """An example of each address that a role can open, and of each form there is on them, by the route's name."""
    found: dict[str, list[str]] = {}
    forms: dict[str, Form] = {}
    mine = [route for route in ROUTES if isinstance(route.access, frozenset) and role in route.access]
    to_open = [route.path for route in mine if route.method == "GET" and "<" not in route.path]
    while to_open:
        path = to_open.pop(0)
        route = route_of(path, "GET")
        if route not in mine or path in found.get(route.name, ()) or len(found.get(route.name, ())) >= EXAMPLES:
            continue
        if "<" not in route.path and route.name in found and route.name not in OTHER_BY_QUERY:
            continue
        found.setdefault(route.name, []).append(path)
        answer = browser.get(path)
        text = answer.text if answer.mimetype == "text/html" else ""
        to_open += [html.unescape(each) for each in re.findall(r'href="(/[^"]*)"', text)]
        for form in forms_on(path, text):
            goes_to = route_of(form.action, "POST")
            if goes_to in mine and goes_to.name not in UNTRIED:
                forms.setdefault(goes_to.name, form)
    return {name: paths[0] for name, paths in found.items()}, forms


@dataclass
class Walked:
    """A town with one of everything, and what can be opened and sent there: each by one role that may."""

    town: Town
    app: Flask
    pages: dict[str, tuple[Role, str]] = field(default_factory=dict)
    forms: dict[str, tuple[Role, Form]] = field(default_factory=dict)

    def enter(self, role: Role, nth: int = 1) -> Browser:
        row = access.demo_account(self.town.context, role, nth=nth, worker="worker-01" if role is Role.WORKER else None)
        return Browser(self.app).sign_in_as(self.town, row)


def know_a_silent_phone(town: Town) -> None:
    """A phone at a manager, and a proposal to put its account on anew."""
    with town.store.write() as connection:
        number = organisation.put_connection(
            connection,
            {"name": "fleet", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": True},
        )  # fmt: skip
        now = town.clock()
        phone = Phone("ref-1", Platform.IOS, user="worker-01")
        managed.put_inventory(connection, town.context.keys.sealer, number, [phone], now, whole=True)
        (line,) = phone_pages.read_phones(connection)
        repush.propose_repush(connection, [line.id], policy="1", digest="0", now=now)


def confirm_a_closure(town: Town) -> None:
    """A case of which a work supervisor said that it was finally closed, and which may be withdrawn."""
    by = access.demo_account(town.context, Role.WORK_SUPERVISOR)
    now = town.clock()
    with town.store.write() as connection:
        closures.put_answer(
            connection, uid="0" * 12, case_id=1, team="team 1", asked="0" * 16, answer=ClosureAnswer.CONFIRMED,
            on_date=now.date(), confirmed_at=now, opened_on=None, said_by=by.id, now=now,
        )  # fmt: skip


def plan_a_contact(browser: Browser) -> None:
    """A case in monitoring whose supervisor planned another contact, which may be withdrawn."""
    path = re.search(r'href="(/team/monitoring/[0-9a-f]{16})"', browser.get("/team/monitoring").text)[1]
    browser.post(path, what="extra", on="2026-04-01", reason="Talked over.")


def ask_to_see_names(made: Walked) -> None:
    """Two requests of one officer; another has granted the first."""
    made.town.consent = "consent-1"
    known_account(made.town, Role.INDEPENDENT_OFFICER, "worker-03", nth=2)
    for role, worker in (
        (Role.INDEPENDENT_OFFICER, "worker-05"),
        (Role.PRIVACY_OFFICER, "worker-04"),
        (Role.INVESTIGATOR, "worker-01"),
    ):
        known_account(made.town, role, worker)
    one, other = made.enter(Role.INDEPENDENT_OFFICER, nth=2), made.enter(Role.INDEPENDENT_OFFICER)
    for reason in ("inquiry 1", "inquiry 2"):
        answer = one.post("/contacts-by-name", first="2026-02-01", last="2026-02-28", reason=reason)
        where = answer.headers["Location"]
    other.post(f"{where}/decide", page=where, act="grant")


def inquire(town: Town) -> None:
    """An inquiry that waits for the officer, and one in force with a question that waits and one that was approved."""
    one, other = (
        access.stand_for(town.context, str(access.demo_account(town.context, role).name), role)
        for role in (Role.INVESTIGATOR, Role.INDEPENDENT_OFFICER)
    )
    today = town.context.today()
    days = (date(2020, 1, 1), today, today)
    wanted = WantedMandate(other.uid, Requester.POLICE, "What was asked.", "worker-02", *days)
    first, _ = (inquiries.record(town.context, one, wanted) for _ in range(2))
    inquiries.decide_mandate(town.context, other, first, granted=True)
    for reason in ("approved", "waits"):
        uid = inquiries.ask(town.context, one, first, LedgerQuestion.BOOKS, reason=reason)
        if reason == "approved":
            inquiries.decide_ask(town.context, other, uid, granted=True)


@pytest.fixture(scope="module")
def walked(_built_town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    town = copy_town(_built_town, tmp_path_factory.mktemp("walked") / "town")
    made = Walked(town, town.make_app())
    other = made.enter(Role.PRIVACY_OFFICER, nth=2)
    propose(other)
    know_a_silent_phone(town)
    confirm_a_closure(town)
    pauses.pause(
        town.context, Actor("admin-1", Role.IT_ADMINISTRATOR), connection_name="books", reason="maintenance", hours=24
    )
    access.make_token(town.context, "a-program", [access.Scope.STATUS], days=30)
    ask_to_see_names(made)
    given = {"worker": "worker-02", "case": None, "reason": "inquiry 1", "wait": lambda: False}
    deviations_and_holds.set_hold(town.context, Role.INVESTIGATOR, **given)
    inquire(town)
    made.enter(Role.WORK_SUPERVISOR, nth=2)
    for key in ("removals", "channels"):
        day = date(2026, 2, 28)
        library.ask_for(town.context, Role.AUDITOR, key, day, day, wait=30)
    for role in [*ROLES, Role.WORK_SUPERVISOR, Role.PRIVACY_OFFICER]:
        found, forms = walk(made.enter(role), role)
        for name, path in found.items():
            made.pages.setdefault(name, (role, path))
        for name, form in forms.items():
            made.forms.setdefault(name, (role, form))
        if role is Role.WORK_SUPERVISOR:
            browser = made.enter(role)
            plan_a_contact(browser)
            uid = re.search(r'<option value="([0-9a-f]{12})"', browser.get("/team").text)[1]
            browser.post("/team/deputy", page="/team", deputy=uid, deputy_until="2026-04-01")
        if role is ROLES[-1]:
            # What was asked for by one is decided by another: a form that is there only now.
            uid, digest = plan_of(other)
            other.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest=digest)
    yield made
    town.close()


def test_no_address_breaks_whatever_its_parameters(walked):
    for name, (role, path) in walked.pages.items():
        browser = walked.enter(role)
        for hostile in HOSTILE if not name.startswith("sign_in.") else ():
            answer = browser.get(path.partition("?")[0], query_string=dict.fromkeys(PARAMETERS, hostile))
            assert answer.status_code in (200, 303, 404), (path, hostile)
            assert "<script>alert" not in answer.text


def test_no_form_breaks_whatever_it_is_sent(walked):
    for role, form in walked.forms.values():
        browser = walked.enter(role)
        token = browser.token(form.page)
        hidden = {name: value for name, value in form.fields if value}
        sent: list[dict[str, object]] = [{name: hostile for name, _ in form.fields} for hostile in HOSTILE]
        sent += [hidden | {name: hostile for name, value in form.fields if not value} for hostile in HOSTILE[:6]]
        sent += [{}, {name: ["a", "b"] for name, _ in form.fields}]
        for fields in sent:
            answer = browser.post(form.action, token=token, **fields)
            assert answer.status_code in (200, 303, 400, 403, 404, 409), (form.action, fields)
            assert "<script>alert" not in answer.text, form.action


def test_a_form_without_its_token_or_too_large_changes_nothing(walked):
    for role, form in walked.forms.values():
        browser = walked.enter(role)
        typed = {name: value or "typed" for name, value in form.fields}
        token = browser.token(form.page)
        assert browser.client.post(form.action, data=typed, base_url=URL).status_code == 400, form.action
        huge = browser.post(form.action, token=token, **(typed | {"reason": "x" * 300_000}))
        assert huge.status_code == 413, form.action


def test_what_was_typed_in_any_form_outlives_the_session(walked):
    ready = []
    for role, form in walked.forms.values():
        browser = walked.enter(role)
        ready.append((form, browser, browser.token(form.page)))
    before = walked.town.clock.now
    walked.town.clock.pass_(minutes=45)
    for form, browser, token in ready:
        typed = {name: value or "typed before the session ended" for name, value in form.fields}
        answer = browser.post(form.action, token=token, **typed)
        assert answer.status_code == 403, form.action
        kept = bool(re.search(r'name="draft" value="[^"]+"', answer.text))
        assert kept is bool(set(typed) - {"password", "code"}), form.action
    walked.town.clock.now = before


def test_every_route_is_tried(walked):
    guarded = {route.name for route in ROUTES if isinstance(route.access, frozenset)}
    assert guarded - set(walked.pages) - set(walked.forms) - UNTRIED - NOT_FROM_A_PAGE - NO_SUCH_THING == set()
