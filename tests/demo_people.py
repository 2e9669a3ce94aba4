"""What people of the demo's organisation do at the pages, sent as browsers would; no step of the command is here.

After it no page in the menu of any role is empty, but those that must be; else the demo fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import unescape

from flask import Flask

from server import app
from server.core.days import AMSTERDAM
from server.core.model import Role
from server.core.text import Period
from server.settings import read_settings
from server.work.reports.catalogue import REPORTS

URL = "http://127.0.0.1:8080"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_MENU = re.compile(r"<nav.*?</nav>", re.DOTALL)
_MAIN = re.compile(r"<main.*?</main>", re.DOTALL)
_CONTENT = re.compile(r"<tr.*<tr|<svg|<dt\b|<li\b", re.DOTALL)
"""A row, a drawing or an entry of a list: a page that has none of them shows nothing yet."""
_OTHER_EXAMPLES = 5
_OF_MONTHS = {"channels", "declarations"}
_EMPTY_BY_RULE = {"/contacts-by-name"}
"""Nobody looks at contacts by name where the rules for usage data name no consent of a works council, as here."""


class Person:
    """Somebody at the pages, in the role that was picked for them: keeps cookies, sends forms with their token."""

    def __init__(self, pages: Flask, role: str) -> None:
        self._client = pages.test_client()
        picked = {"role": role, "next": ""} | ({"worker": "worker-01"} if role == Role.WORKER else {})
        self._first = self.send("/sign-in/pick", page="/sign-in", **picked)

    def read(self, path: str) -> str:
        return self._client.get(path, base_url=URL, follow_redirects=True).text

    def send(self, path: str, *, page: str = "", **fields: str) -> str:
        """Send a form that stands on `page`; returns where it led, if anywhere. ValueError: it was refused."""
        found = _TOKEN.search(self.read(page or path))
        data = {"csrf_token": found[1] if found else "", **fields}
        answer = self._client.post(path, data=data, base_url=URL, headers={"Sec-Fetch-Site": "same-origin"})
        if answer.status_code not in (200, 303):
            raise ValueError(f"{path}: {answer.status_code}")
        return str(answer.headers.get("Location", ""))

    def menu(self) -> list[str]:
        """The addresses of their pages, in the order of their menu."""
        found = _MENU.search(self.read(self._first))
        return list(dict.fromkeys(re.findall(r'href="(/[^"#]*)"', found[0] if found else "")))

    def sees_nothing_at(self, path: str) -> bool:
        found = _MAIN.search(self.read(path))
        return found is None or not _CONTENT.search(found[0])


def act(environ: Mapping[str, str], months: Period) -> list[str]:
    """Let each do what belongs to their work; returns the pages that have nothing on them even so, with the role.

    months: those over which channels and declarations were told before. Other months would be withheld: so small an
    organisation is told once.
    """
    settings = replace(read_settings(dict(environ)), web_url=URL)
    store = app.open_store(settings)
    pages = app.make_pages(settings, store, app.read_keys(settings), listen=URL.removeprefix("http://"))
    today = datetime.now(AMSTERDAM).date()
    try:
        _make_reports(Person(pages, Role.PRIVACY_OFFICER), months)
        _propose_a_policy(Person(pages, Role.IT_ADMINISTRATOR))
        officer, investigator = Person(pages, Role.INDEPENDENT_OFFICER), Person(pages, Role.INVESTIGATOR)
        _set_a_hold(officer, today)
        _inquire(investigator, officer, today)
        _answer_a_client(Person(pages, Role.PRIVACY_OFFICER))
        _state(Person(pages, Role.WORKER))
        return list(_empty_pages(pages))
    finally:
        store.close()


def _make_reports(officer: Person, months: Period) -> None:
    """One of each sort, over the days that the form offers, or over months that are told already."""
    offered = dict(re.findall(r'name="(first|last)"[^>]*value="([^"]+)"', officer.read("/reports")))
    told = {"first": months.first.isoformat(), "last": months.last.isoformat()}
    for kind in REPORTS:
        officer.send("/reports", kind=kind, **(told if kind in _OF_MONTHS else offered))


def _propose_a_policy(administrator: Person) -> None:
    """Four weeks instead of two, with those of its examples that do not hang on that."""
    form = administrator.read("/policies/draft")
    fields = dict(re.findall(r'name="(replaces)" value="([^"]+)"', form))
    shown = re.findall(r'<textarea[^>]*name="text"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    rules, _, examples = unescape("".join(shown)).replace("\r", "").partition("\nexamples:\n")
    longer = rules.replace('version: "1.0"', 'version: "1.1"').replace("\n    days: 14\n", "\n    days: 28\n")
    text = f"{longer}\nexamples:\n" + "\n\n".join(examples.split("\n\n")[:_OTHER_EXAMPLES]) + "\n"
    fields |= {"text": text, "why": "Handovers take four weeks."}
    administrator.send("/policies/propose", page="/policies/draft", **fields)


def _set_a_hold(officer: Person, today: date) -> None:
    """Of which nobody else sees anything."""
    about = {"subject": "worker", "which": "worker-02", "system": "", "requester": "police"}
    review = (today + timedelta(days=40)).isoformat()
    officer.send("/holds", **about, reason="An inquiry that was asked for.", review=review)


def _inquire(investigator: Person, officer: Person, today: date) -> None:
    """Whose contacts were in one worker's books: asked by one of two people with a mandate, approved by the other."""
    second = re.findall(r'<option value="([^"]+)"[^>]*>demo-independent-officer-1<', investigator.read("/inquiries"))
    days = {"first": "2020-01-01", "last": today.isoformat(), "ends": (today + timedelta(days=30)).isoformat()}
    about = {"requester": "integrity_office", "worker": "worker-02", "phone": "", "second": "".join(second)}
    where = investigator.send("/inquiries", **about, **days, reason="What the integrity office asked for.")
    officer.send(f"{where}/decided", page=where, act="grant")
    investigator.send(f"{where}/asked", page=where, question="books", numbers="", reason="Whom to reach.")
    (question,) = set(re.findall(rf"{where}/asked/[0-9a-f]+", officer.read(where)))
    officer.send(f"{question}/decided", page=where, act="grant")


def _answer_a_client(officer: Person) -> None:
    """Somebody of whom nothing is known; of the number nothing is kept."""
    given = {"check": "identity_document", "channel": "channel_post", "people": "", "language": "nl"}
    officer.send("/client-questions/answered", page="/client-questions", **given, number="06-12345699")


def _state(worker: Person) -> None:
    """How it stands with numbers saved elsewhere, for the first case that is asked about; the others wait."""
    form = worker.read("/my-phone/saved-numbers")
    cases = re.findall(r'name="case" value="([a-z2-7]+)"', form)
    answers = dict.fromkeys(re.findall(r'name="(p-[a-z_]+)"', form), "not_there")
    if cases:
        said = answers | {"p-phone_book": "done", "p-sim": "cannot"}
        worker.send("/my-phone/saved-numbers", case=cases[0], **said)


def _empty_pages(pages: Flask) -> Iterator[str]:
    for role in Role:
        if role is Role.CASE_SYSTEM:
            continue
        person = Person(pages, role)
        for path in person.menu():
            if path not in _EMPTY_BY_RULE and person.sees_nothing_at(path):
                yield f"{role} {path}"
