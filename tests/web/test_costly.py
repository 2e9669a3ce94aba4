"""What costs much is given to each person so many times, and to nobody else for less because of it."""

from __future__ import annotations

import re

from server.core.log.entries import EntryKind, read_entry
from server.core.model import Role
from server.store import log
from server.work.admin import access
from tests.web.conftest import Browser


def test_files_of_tables_are_given_so_many_times_and_pages_still_open(town):
    app = town.make_app(costly_rate="3 per minute")
    browser = Browser(app).sign_in_as(town, access.demo_account(town.context, Role.PRIVACY_OFFICER))
    other = Browser(app).sign_in_as(town, access.demo_account(town.context, Role.PRIVACY_OFFICER, nth=2))
    address = _file_on(browser.get("/removals").text)
    answers = [browser.get(address) for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert "Too much was asked for at once" in answers[-1].text
    assert browser.get("/removals").status_code == 200
    assert other.get(address).status_code == 200
    with town.store.read() as connection:
        told = [read_entry(bytes(text)) for _, text, _ in log.entries(connection)]
    assert [dict(entry.body) for entry in told if entry.kind is EntryKind.REFUSED][-2:] == [
        {"what": "too_much_at_once", "actor_role": "privacy_officer"}
    ] * 2


def test_reports_counts_and_checks_are_one_measure(town):
    app = town.make_app(costly_rate="2 per minute")
    browser = Browser(app).sign_in_as(town, access.demo_account(town.context, Role.PRIVACY_OFFICER))
    first = browser.post("/log", page="/log")
    second = browser.post("/policies/draft", page="/policies/draft", text="-")
    third = browser.post("/reports", page="/reports", kind="removals", first="2026-01-01", last="2026-01-31")
    assert (first.status_code, second.status_code < 429, third.status_code) == (200, True, 429)


def _file_on(page: str) -> str:
    return re.search(r'href="(/removals\?[^"]*file=csv[^"]*)"', page)[1].replace("&amp;", "&")
