"""One server of each kind for the whole suite; each test gets a fresh book on it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.conftest import LOGINS, RIGHTS, part_missing
from tests.parts import PartMissingError
from tests.parts.dav import DavServer
from tests.parts.radicale import radicale_server
from tests.parts.xandikos import xandikos_server
from tests.vendors.members import MEMBERS, Member, MemoryMember, RadicaleMember, XandikosMember

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def _radicale_or_why(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DavServer | PartMissingError]:
    try:
        with radicale_server(tmp_path_factory.mktemp("radicale"), logins=LOGINS, rights=RIGHTS) as server:
            yield server
    except PartMissingError as missing:
        yield missing


@pytest.fixture(scope="session")
def _xandikos_or_why(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DavServer | PartMissingError]:
    try:
        with xandikos_server(tmp_path_factory.mktemp("xandikos")) as server:
            yield server
    except PartMissingError as missing:
        yield missing


@pytest.fixture
def radicale_member(_radicale_or_why: DavServer | PartMissingError) -> RadicaleMember:
    """A fresh book at Radicale."""
    if isinstance(_radicale_or_why, PartMissingError):
        part_missing(str(_radicale_or_why))
    return RadicaleMember(_radicale_or_why, f"book-{next(_NUMBERS)}", "service")


@pytest.fixture
def xandikos_member(_xandikos_or_why: DavServer | PartMissingError) -> XandikosMember:
    """A fresh book at Xandikos."""
    if isinstance(_xandikos_or_why, PartMissingError):
        part_missing(str(_xandikos_or_why))
    return XandikosMember(_xandikos_or_why, f"book-{next(_NUMBERS)}")


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.parts] * (name != "memory")) for name in MEMBERS])
def member(request: pytest.FixtureRequest) -> Member:
    """Each member of the suite in turn."""
    if request.param == "memory":
        return MemoryMember()
    found: Member = request.getfixturevalue(f"{request.param}_member")
    return found
