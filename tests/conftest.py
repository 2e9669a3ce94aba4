"""What every test may ask for: real parts, fresh databases, shared contracts; and that no test leaves this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

from tests.campaigns import Draws, examples, is_over
from tests.parts import PartMissingError
from tests.parts.cyrus import cyrus_server
from tests.parts.dav import DavServer
from tests.parts.davical import davical_server
from tests.parts.postgres import Postgres, postgres_server
from tests.parts.radicale import Right, radicale_server
from tests.parts.sabre import sabre_server
from tests.parts.sogo import sogo_server
from tests.parts.xandikos import xandikos_server
from tests.quick import hold_files_in_memory, leave_in_peace, share_statements

LONG = (
    "tests/journeys/",
    "tests/web/test_every_form.py",
    "tests/web/test_silence.py",
    "tests/web/test_tables.py",
    "tests/work/admin/test_log_export.py",
    "tests/work/removal/test_life.py",
    "tests/work/removal/test_lives.py",
    "tests/work/removal/test_never_there.py",
)
"""Where single tests take up to half a minute."""

LOOPBACK = ["127.0.0.1", "::1"]

# Examples are the same in every run, and no clock judges them: a loaded machine is no fault. Campaigns draw anew.
_LOADED = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=_LOADED)
settings.register_profile(
    "campaign", deadline=None, max_examples=examples(100), print_blob=True, suppress_health_check=_LOADED
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

LOGINS = {"service": "service-password", "phone-01": "phone-01-password", "phone-02": "phone-02-password"}
"""Logins of the `radicale` fixture: the service account, and one for each of two phones."""

RIGHTS = (
    Right("service", write=True),
    Right("phone-01", "service/book-1"),
    Right("phone-02", "service/book-2"),
)
"""Rights of the `radicale` fixture: the service account does all, each phone reads its own book."""


def part_missing(why: str) -> NoReturn:
    """Skip the test, saying what cannot be had here; with REQUIRE_PARTS=1 that is a failure instead."""
    if os.environ.get("REQUIRE_PARTS", "") not in ("", "0"):
        pytest.fail(f"{why} (REQUIRE_PARTS is set)", pytrace=False)
    pytest.skip(why)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let tests and their fixtures reach this machine only; pytest-socket lifts it again after each test."""
    if is_over():
        pytest.skip("not begun: the time of all campaigns together is over")
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


hold_files_in_memory()
share_statements()


def pytest_collection_finish() -> None:
    leave_in_peace()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones come first, so that two workers end together; a campaign ends when its minutes are over.

    Last come tests that are campaigns for being the same with other facts: if time ends, theirs does.
    """
    items.sort(key=lambda item: (not item.nodeid.startswith(LONG), _turn(item)))
    for item in items:
        if item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.timeout(0), append=False)


def _turn(item: pytest.Item) -> int:
    """0: its turn is now. 1: the same test on the other database. 2: a campaign of many more seeds by itself."""
    how = getattr(item, "callspec", None)
    drawn = "draws" in getattr(item, "fixturenames", ())
    if drawn or not item.get_closest_marker("campaign"):
        return 0
    return 1 if how and "postgresql" in how.params.values() else 2


@pytest.fixture(params=["short", pytest.param("campaign", marks=pytest.mark.campaign)])
def draws(request: pytest.FixtureRequest) -> Iterator[Draws]:
    """Chance for a test that has a campaign: see Draws. Where it fails, the seed that it failed with is told."""
    made = Draws(campaign=request.param == "campaign")
    yield made
    print(f"{made.made} draws, the last with CAMPAIGN_SEED={made.seed}")  # noqa: T201  shown where the test fails


@pytest.fixture
def radicale(tmp_path: Path) -> Iterator[DavServer]:
    """A Radicale of its own without books, with LOGINS and RIGHTS."""
    try:
        with radicale_server(tmp_path / "radicale", logins=LOGINS, rights=RIGHTS) as server:
            yield server
    except PartMissingError as missing:
        part_missing(str(missing))


@pytest.fixture
def xandikos(tmp_path: Path) -> Iterator[DavServer]:
    """A Xandikos of its own."""
    try:
        with xandikos_server(tmp_path / "xandikos") as server:
            yield server
    except PartMissingError as missing:
        part_missing(str(missing))


@pytest.fixture(scope="session")
def _postgres_or_why() -> Iterator[Postgres | PartMissingError]:
    """One server for each process that runs tests; or why there is none, found out once."""
    try:
        with postgres_server() as server:
            yield server
    except PartMissingError as missing:
        yield missing


@pytest.fixture
def postgres(_postgres_or_why: Postgres | PartMissingError) -> Postgres:
    """The PostgreSQL of this test run, for whoever needs templates or several databases."""
    if isinstance(_postgres_or_why, PartMissingError):
        part_missing(str(_postgres_or_why))
    return _postgres_or_why


@pytest.fixture(scope="session")
def _cyrus_or_why() -> Iterator[DavServer | PartMissingError]:
    """One Cyrus for each process that runs tests, with LOGINS; or why there is none."""
    yield from _found(cyrus_server(logins=LOGINS))


@pytest.fixture(scope="session")
def _davical_or_why(_postgres_or_why: Postgres | PartMissingError) -> Iterator[DavServer | PartMissingError]:
    """One DAViCal for each process that runs tests, with LOGINS; or why there is none."""
    if isinstance(_postgres_or_why, PartMissingError):
        yield _postgres_or_why
    else:
        yield from _found(davical_server(_postgres_or_why, logins=LOGINS))


@pytest.fixture(scope="session")
def _sogo_or_why(_postgres_or_why: Postgres | PartMissingError) -> Iterator[DavServer | PartMissingError]:
    """One SOGo for each process that runs tests, with LOGINS; or why there is none."""
    if isinstance(_postgres_or_why, PartMissingError):
        yield _postgres_or_why
    else:
        yield from _found(sogo_server(_postgres_or_why, logins=LOGINS))


@pytest.fixture(scope="session")
def _sabre_or_why() -> Iterator[DavServer | PartMissingError]:
    """One sabre/dav for each process that runs tests, with LOGINS; or why there is none."""
    yield from _found(sabre_server(logins=LOGINS))


def _found(running: AbstractContextManager[DavServer]) -> Iterator[DavServer | PartMissingError]:
    try:
        with running as server:
            yield server
    except PartMissingError as missing:
        yield missing


def _had(found: DavServer | PartMissingError) -> DavServer:
    if isinstance(found, PartMissingError):
        part_missing(str(found))
    return found


@pytest.fixture
def cyrus(_cyrus_or_why: DavServer | PartMissingError) -> DavServer:
    """The Cyrus of this test run, shared: a test works in books of its own."""
    return _had(_cyrus_or_why)


@pytest.fixture
def davical(_davical_or_why: DavServer | PartMissingError) -> DavServer:
    """The DAViCal of this test run, shared: a test works in books of its own."""
    return _had(_davical_or_why)


@pytest.fixture
def sabre(_sabre_or_why: DavServer | PartMissingError) -> DavServer:
    """The sabre/dav of this test run, shared: a test works in books of its own."""
    return _had(_sabre_or_why)


@pytest.fixture
def sogo(_sogo_or_why: DavServer | PartMissingError) -> DavServer:
    """The SOGo of this test run, shared: a test works in books of its own."""
    return _had(_sogo_or_why)


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """SQLAlchemy URL of a fresh, empty PostgreSQL database."""
    url = postgres.fresh_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLAlchemy URL of a fresh, empty database: every test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'closeout.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """The same as often as it is called, for a test that tries again and again."""
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    made: list[str] = []

    def make() -> str:
        made.append(server.fresh_database() if server else f"sqlite:///{tmp_path / f'closeout-{len(made)}.db'}")
        return made[-1]

    yield make
    for url in made:
        if server:
            server.drop_database(url)


@pytest.fixture(scope="session")
def shared_contracts() -> Path:
    """Folder with vendors' published contracts; no part of the project, so its absence never is a failure."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "contracts"
    if not folder.is_dir():
        pytest.skip("no folder shared/contracts beside the repository: vendors' contracts cannot be compared")
    return folder
