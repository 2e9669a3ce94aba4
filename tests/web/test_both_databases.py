"""Every page opens on SQLite and on PostgreSQL alike, and shows the same counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.core.model import Role
from server.web.routes import EVERYONE, ROUTES
from server.work.admin import access
from tests.web.conftest import Browser
from tests.web.removal.test_saved_numbers import RULES
from tests.web.town import Town, build_town, figures_of


@pytest.fixture
def built(database_url: str, tmp_path: Path) -> Iterator[Town]:
    town = build_town(tmp_path / "town", database_url)
    yield town
    town.close()


def test_every_page_of_every_role_opens_and_lists_page_on(built):
    built.policy = replace(built.policy, attestation=RULES)
    app = built.make_app()
    for role in sorted(EVERYONE):
        row = access.demo_account(built.context, role, worker="worker-01" if role is Role.WORKER else None)
        browser = Browser(app).sign_in_as(built, row)
        for route in ROUTES:
            mine = isinstance(route.access, frozenset) and role in route.access and route.method == "GET"
            if mine and "<" not in route.path:
                assert browser.get(route.path).status_code in (200, 303), (role, route.path)
    row = access.demo_account(built.context, Role.PRIVACY_OFFICER)
    browser = Browser(app).sign_in_as(built, row)
    text = browser.get("/overview").text
    share, *counts = [int(value) for value in re.findall(r'<p class="value">(\d+)', text)]
    assert (share, counts) == (100, figures_of(built))
    items: list[str] = []
    path = "/removals?level=store_removed&reason=finally_closed"
    while path:
        text = browser.get(path.replace("&amp;", "&")).text
        items += re.findall(r'href="/removals/([a-z0-9]{26})"', text)
        found = re.search(r'<a href="([^"]+)" rel="next">', text)
        path = found[1] if found else ""
    assert len(items) == len(set(items)) > 50
    for link in re.findall(
        r'href="(/(?:removals|findings|reviews|plans)/[a-z0-9]+)"', text + browser.get("/plans").text
    ):
        assert browser.get(link).status_code == 200
    assert browser.post("/reports", first="2026-01-01", last="2026-03-17").status_code == 303
