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
from tests.vendors.contracts import Published
from tests.vendors.graph import GraphCloud
from tests.vendors.members import (
    MEMBERS,
    CyrusMember,
    DavicalMember,
    GraphMember,
    Member,
    MemoryMember,
    RadicaleMember,
    SabreMember,
    SogoMember,
    XandikosMember,
)
from tests.vendors.serving import served

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


@pytest.fixture
def cyrus_member(cyrus: DavServer) -> CyrusMember:
    """A fresh book at Cyrus."""
    return CyrusMember(cyrus, f"book-{next(_NUMBERS)}", "service")


@pytest.fixture
def davical_member(davical: DavServer) -> DavicalMember:
    """A fresh book at DAViCal."""
    return DavicalMember(davical, f"book-{next(_NUMBERS)}", "service")


@pytest.fixture
def sabre_member(sabre: DavServer) -> SabreMember:
    """A fresh book at sabre/dav."""
    return SabreMember(sabre, f"book-{next(_NUMBERS)}", "service")


@pytest.fixture
def sogo_member(sogo: DavServer) -> SogoMember:
    """A fresh book at SOGo."""
    return SogoMember(sogo, f"book-{next(_NUMBERS)}", "service")


@pytest.fixture(scope="session")
def graph_published(request: pytest.FixtureRequest) -> Published | None:
    """Graph's published contract; None where it is not at hand: the simulator alone is our own reading."""
    try:
        folder = request.getfixturevalue("shared_contracts")
    except pytest.skip.Exception:
        return None
    return Published(folder / "graph/graph-v1.0-fragment.openapi.json", "https://graph.microsoft.com/v1.0")


@pytest.fixture
def cloud(graph_published: Published | None) -> Iterator[GraphCloud]:
    """A simulated Microsoft 365 whose every exchange is held against the published contract, where that is at hand."""
    made = GraphCloud()
    yield made
    if graph_published is not None:
        assert graph_published.complaints(made.exchanges()) == []


@pytest.fixture
def graph_member(cloud: GraphCloud) -> Iterator[GraphMember]:
    """A fresh mailbox in a simulated Microsoft 365."""
    with served(cloud) as url:
        member = GraphMember(cloud, url, next(_NUMBERS))
        yield member
        member.store.close()


_MARKS = {name: pytest.mark.contract if name == "graph" else pytest.mark.parts for name in MEMBERS if name != "memory"}


@pytest.fixture(params=[pytest.param(name, marks=[_MARKS[name]] if name in _MARKS else []) for name in MEMBERS])
def member(request: pytest.FixtureRequest) -> Member:
    """Each member of the suite in turn."""
    if request.param == "memory":
        return MemoryMember()
    found: Member = request.getfixturevalue(f"{request.param}_member")
    return found
