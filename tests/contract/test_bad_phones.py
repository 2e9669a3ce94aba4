"""Every answer of NanoMDM, KMFDDM and Jamf Pro is untrusted: other hosts, floods, nonsense and dates that are none."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mdm_adapters.apple import read_time
from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.jamf import connect as connect_jamf
from mdm_adapters.nanomdm import connect as connect_nanomdm
from mdm_adapters.phones import AppPresence, AskState, Mdm, Phone, Platform, WatchedApp
from mdm_adapters.port import Denied, Fault, PortError
from tests.vendors.graph import Asked, Said
from tests.vendors.jamf import CLIENT, SECRET, JamfServer
from tests.vendors.nanomdm import API_KEY, EVENTS_KEY, NanoServer, signed
from tests.vendors.serving import served

pytestmark = pytest.mark.contract

WATCHED = (WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"})),)
COMMAND = "00000000-0000-4000-8000-000000000001"
_SMALL = HttpLimits(2.0, 5.0, 10.0, body=200_000)


@dataclass
class Liar:
    """A manager with one phone. trouble: what it answers instead, to all but signing in."""

    mdm: Mdm
    server: JamfServer | NanoServer
    phone: Phone
    said: Said | None = None

    def happen(self, asked: Asked) -> Said | None:
        return self.said if "oauth" not in asked.path else None

    def asks(self) -> dict[str, Callable[[], object]]:
        return {
            "list": self.mdm.list_phones,
            "sync": lambda: self.mdm.sync(self.phone, COMMAND),
            "posture": lambda: self.mdm.ask_posture(self.phone, WATCHED, COMMAND),
            "pull": lambda: self.mdm.pull(self.phone, "nl.closeout.protection", COMMAND),
        }

    def fault(self, what: str) -> Fault | None:
        """How one of them failed; None: it did not."""
        try:
            found = self.asks()[what]()
        except PortError as error:
            return error.fault
        error = getattr(found, "error", None)
        assert error is None or getattr(found, "state", None) is AskState.UNKNOWN
        return None if error is None else error.fault


@contextmanager
def jamf(folder: Path) -> Iterator[Liar]:
    server = JamfServer()
    server.state.groups = {"8": ("Protected", set())}
    held = server.enrol("worker-01@org.example")
    with served(server) as url:
        mdm = connect_jamf(Connection(url, CLIENT, SECRET, options={"protection_group": "8"}, limits=_SMALL))
        made = Liar(mdm, server, Phone(str(held.number), Platform.IOS))
        server.troubles.append(made.happen)
        yield made
        mdm.close()


@contextmanager
def nanomdm(folder: Path) -> Iterator[Liar]:
    server = NanoServer()
    (folder / "key").write_bytes(EVENTS_KEY)
    with served(server) as url:
        options = {"events_key_file": str(folder / "key")}
        mdm = connect_nanomdm(Connection(url, secret=API_KEY, options=options, limits=_SMALL))
        server.hears = mdm.hear
        server.enrol("phone-1")
        made = Liar(mdm, server, Phone("phone-1", Platform.IOS))
        server.troubles.append(made.happen)
        yield made
        mdm.close()


@pytest.fixture(params=[jamf, nanomdm], ids=["jamf", "nanomdm"])
def liar(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Liar]:
    """Each manager in turn."""
    with request.param(tmp_path) as made:
        yield made


ASKS = ("list", "sync", "posture", "pull")


@pytest.mark.parametrize("what", ASKS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_is_never_asked_and_never_given_a_key(liar: Liar, what: str, status: int) -> None:
    other = NanoServer()
    with served(other) as elsewhere:
        liar.said = Said(status, None, {"Location": f"{elsewhere}/version"}, strange=True)
        fault = liar.fault(what)

    assert fault is Fault.REDIRECTED
    assert other.seen == []


@pytest.mark.parametrize("what", ASKS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_flood_is_not_read_to_its_end(liar: Liar, what: str, packed: bool) -> None:
    flood = json.dumps({"totalCount": 1, "results": [], "more": "x" * 3_000_000}).encode()
    headers = {"Content-Encoding": "gzip"} if packed else {}
    liar.said = Said(200, gzip.compress(flood) if packed else flood, headers, strange=True)

    assert liar.fault(what) is Fault.TOO_LARGE


@pytest.mark.parametrize("what", ASKS)
@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{}", b'{"totalCount": NaN}', b"[" * 5000, b"1" * 5000],
    ids=["empty", "null", "list", "text", "cut", "utf-16", "nan", "deep", "long"],
)
def test_nonsense_is_garbled_and_in_doubt_never_done(liar: Liar, what: str, body: bytes) -> None:
    liar.said = Said(200, body, strange=True)

    assert liar.fault(what) in {Fault.BAD_BODY, Fault.NOT_THE_PROTOCOL}


@pytest.mark.parametrize(
    "date",
    ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", "", "2026-02-30T00:00:00Z", "9" * 60, 5, None, True],
)
def test_a_date_that_is_none_is_never(date: object) -> None:
    assert read_time(date) is None


def test_a_phone_whose_inventory_is_of_no_time_tells_no_posture_and_no_absence(tmp_path: Path) -> None:
    with jamf(tmp_path) as liar:
        assert isinstance(liar.server, JamfServer)

        def never(_: Asked, said: Said) -> Said:
            rows = said.body.get("results") if isinstance(said.body, dict) else None
            for row in rows or ():
                row["general"]["lastInventoryUpdateDate"] = "0001-01-01T00:00:00Z"
            return replace(said, strange=True)

        liar.server.twists.append(never)
        ask = liar.mdm.ask_posture(liar.phone, WATCHED, COMMAND)
        sights = liar.mdm.find_apps(WATCHED, [liar.phone])

    assert (ask.state, ask.posture) == (AskState.WAITING, None)
    assert [each.presence for each in sights] == [AppPresence.UNKNOWN]


def test_values_that_no_document_has_pass_as_unknown(tmp_path: Path) -> None:
    with jamf(tmp_path) as liar:
        assert isinstance(liar.server, JamfServer)
        held = liar.server.state.phones[int(liar.phone.ref)]
        held.ownership = "BorrowedFromANeighbour"
        (phone,) = liar.mdm.list_phones()
        (sight,) = liar.mdm.find_apps(WATCHED, [phone])

    assert (phone.owned, phone.user_enrolled, sight.presence) == (None, None, AppPresence.UNKNOWN)


def test_an_event_that_was_not_signed_raises_nothing_however_well_it_is_written(tmp_path: Path) -> None:
    with nanomdm(tmp_path) as liar:
        body = liar.server.events[-1][1]
        for proof in ("", "AAAA", "x" * 10_000, signed(body + b" ")["x-hmac-signature"], "é"):
            with pytest.raises(Denied):
                liar.mdm.hear({"x-hmac-signature": proof}, body)
