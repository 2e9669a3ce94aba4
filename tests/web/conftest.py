"""What the tests of pages may ask for: a town of their own, its application, and browsers without a face."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from server.core.model import Role
from server.store.admin import accounts
from server.store.schema.base import account
from server.work.admin import access
from tests.web.town import PASSWORD, QUICK, URL, Town, build_town, copy_town, found_town

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """Somebody at one of the pages: keeps cookies, sends forms with their token, follows nothing by itself."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, base_url=URL, **more)

    def post(self, path: str, *, page: str | None = None, token: str | None = None, **fields: Any) -> TestResponse:
        """Send a form that stands on `page` (by default the path itself, else the first page)."""
        if token is None:
            token = self.token(page or path)
        headers = {"Sec-Fetch-Site": "same-origin"}
        return self.client.post(path, data={"csrf_token": token, **fields}, base_url=URL, headers=headers)

    def token(self, page: str) -> str:
        """The token of the first form on a page."""
        for each in (page, self.get("/").headers.get("Location", "/sign-in")):
            found = _TOKEN.search(self.get(each).text)
            if found is not None:
                return found[1]
        raise AssertionError(f"no form on {page}")

    def sign_in_as(self, town: Town, row: accounts.AccountRow, role: Role | None = None) -> Browser:
        """Begin a session as that account, past the door."""
        _as_chosen(town, row.id)
        token = access.begin_session(town.context, row)
        self.client.set_cookie("closeout", token, domain="localhost")
        return self


@pytest.fixture(scope="session")
def _built_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    town = build_town(folder, f"sqlite:///{folder / 'closeout.db'}")
    yield town
    town.close()


@pytest.fixture
def town(_built_town: Town, tmp_path: Path) -> Iterator[Town]:
    """A town of its own for each test, two weeks old."""
    copied = copy_town(_built_town, tmp_path / "town")
    yield copied
    copied.close()


@pytest.fixture
def empty_town(tmp_path: Path) -> Iterator[Town]:
    """An installation with nothing in it, and no demo."""
    folder = tmp_path / "empty"
    found = found_town(folder, f"sqlite:///{tmp_path / 'empty.db'}", demo=False)
    yield found
    found.close()


@pytest.fixture
def app(town: Town) -> Flask:
    """The pages of the town."""
    return town.make_app()


@pytest.fixture
def stranger(app: Flask) -> Browser:
    """Somebody nobody knows."""
    return Browser(app)


@pytest.fixture
def enter(town: Town, app: Flask) -> Callable[..., Browser]:
    """Signs somebody in: `enter(Role.PRIVACY_OFFICER)`, a second one with nth=2, a worker with worker="worker-01"."""

    def go(role: Role, *, nth: int = 1, worker: str | None = None) -> Browser:
        if role is Role.WORKER and worker is None:
            worker = "worker-01"
        row = access.demo_account(town.context, role, nth=nth, worker=worker)
        return Browser(app).sign_in_as(town, row)

    return go


@pytest.fixture
def local(town: Town) -> access.NewFactors:
    """A local account `officer-1` with the password PASSWORD of their own, in two roles."""
    return own_account(town, "officer-1", [Role.PRIVACY_OFFICER, Role.DATA_PROTECTION_OFFICER])


def own_account(town: Town, name: str, roles: Sequence[Role]) -> access.NewFactors:
    """A local account whose person has chosen their own factors; its codes of this half minute are not used yet."""
    factors = access.add_account(town.context, name, PASSWORD, roles, hasher=QUICK)
    with town.store.read() as connection:
        row = accounts.of_name(connection, name)
    assert row is not None
    _as_chosen(town, row.id)
    return factors


def _as_chosen(town: Town, account_id: int) -> None:
    """As if its person had chosen the same factors as their own."""
    with town.store.write() as connection:
        connection.execute(update(account).where(account.c.id == account_id).values(handed_out_until=None))
