"""Every answer of a vendor is untrusted: the same lies told to both of Microsoft's adapters, a test for each line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mdm_adapters.http import HttpLimits
from mdm_adapters.microsoft import instant_of
from mdm_adapters.phones import Phone, Platform
from mdm_adapters.port import Beacon, Denied, Fault, Place, PortError
from mdm_adapters.registry import STORES
from mdm_adapters.restrictions import read_payloads
from tests.vendors.graph import Asked, GraphCloud, Said, Trouble, times
from tests.vendors.intune_member import IntunePhones, intune_phones
from tests.vendors.members import GraphMember
from tests.vendors.register import Register
from tests.vendors.serving import served

pytestmark = pytest.mark.contract

ONLY_CLIENT = Register("06-1234 5601")
_SMALL = HttpLimits(2.0, 5.0, 10.0, body=1_000_000)
_JSON = {"Content-Type": "application/json"}


@dataclass
class Reader:
    """One of Microsoft's adapters, and what it reads first. ask: read it, with no limits but small ones."""

    cloud: GraphCloud
    asks_for: str
    ask: Callable[[], object]


@pytest.fixture(params=["graph", "intune"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    if request.param == "graph":
        member: GraphMember = request.getfixturevalue("graph_member")
        member.mailbox.add({"displayName": "Contact 1", "mobilePhone": "06-1234 5601"})
        store = STORES["graph"](replace(member.connection, limits=_SMALL))
        yield Reader(member.cloud, "/contactFolders$", lambda: store.look(member.place, ONLY_CLIENT))
        return
    with intune_phones() as phones:
        phones.enrol("worker-01@org.example")
        mdm = IntunePhones.fresh(phones, limits=_SMALL)
        yield Reader(phones.cloud, "/managedDevices$", mdm.list_phones)


def lie(reader: Reader, said: Said, count: int = 99) -> None:
    happen: Trouble = times(count, reader.asks_for, replace(said, strange=True))
    reader.cloud.troubles.append(happen)


def fault_of(reader: Reader) -> Fault:
    with pytest.raises(PortError) as raised:
        reader.ask()
    assert "canary" not in str(raised.value)
    return raised.value.fault


# --- sizes bounded


def test_a_body_is_read_up_to_its_limit_and_no_further(reader: Reader) -> None:
    lie(reader, Said(200, b'{"value": [' + b" " * 5_000_000, _JSON))

    assert fault_of(reader) is Fault.TOO_LARGE


def test_a_list_is_read_up_to_its_limit_and_no_further(reader: Reader) -> None:
    pages = iter(range(10**9))

    def endless(asked: Asked, said: Said) -> Said:
        if not asked.asks_for(reader.asks_for):
            return said
        number = next(pages)
        link = f"http://{asked.headers['host']}{asked.raw}?$skiptoken=0-{1_000 + number}"
        return replace(said, body={"value": [], "padding": "x" * 400_000, "@odata.nextLink": link}, strange=True)

    reader.cloud.twists.append(endless)

    assert fault_of(reader) is Fault.NO_END


def test_what_is_nested_without_end_is_garbled(reader: Reader) -> None:
    lie(reader, Said(200, b"[" * 900_000, _JSON))

    assert fault_of(reader) is Fault.BAD_BODY


@pytest.mark.parametrize("ref", ["..", ".", "", "x" * 2_000, 5, None, ["canary"]])
def test_an_id_that_could_be_an_address_is_refused(reader: Reader, ref: object) -> None:
    lie(reader, Said(200, {"value": [{"id": ref}]}))

    assert fault_of(reader) is Fault.NOT_THE_PROTOCOL


# --- entities refused


@pytest.mark.parametrize(
    "body",
    [
        (
            b'<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/hostname">]><plist><dict><key>PayloadContent</key>'
            b"<string>&a;</string></dict></plist>"
        ),
        (
            b'<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><plist><dict><key>PayloadContent</key>'
            b"<array><string>&b;</string></array></dict></plist>"
        ),
    ],
)
def test_entities_in_a_profile_are_refused(body: bytes) -> None:
    assert read_payloads(body) is None


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_never_gets_the_token(reader: Reader, status: int) -> None:
    seen: list[dict[str, Any]] = []

    def elsewhere(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append(environ)
        start("200 OK", [("Content-Type", "application/json")])
        return [b'{"value": []}']

    with served(elsewhere) as url:
        lie(reader, Said(status, b"", {"Location": f"{url}/v1.0/elsewhere"}))
        assert fault_of(reader) is Fault.REDIRECTED
    assert seen == []


def test_a_next_page_on_another_host_never_gets_the_token(reader: Reader) -> None:
    lie(reader, Said(200, {"value": [], "@odata.nextLink": "https://elsewhere.example/v1.0/users"}))

    assert fault_of(reader) is Fault.REDIRECTED


# --- content


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (Said(200, b"<html>canary</html>", {"Content-Type": "text/html"}), Fault.NOT_THE_PROTOCOL),
        (Said(200, b'{"value": []}', {"Content-Type": "text/plain"}), Fault.NOT_THE_PROTOCOL),
        (Said(200, b"canary", _JSON), Fault.BAD_BODY),
        (Said(200, b"", _JSON), Fault.BAD_BODY),
        (Said(200, b"\xff\xfe", _JSON), Fault.BAD_BODY),
        (Said(200, {"value": {"canary": 1}}), Fault.NOT_THE_PROTOCOL),
        (Said(200, {"value": ["canary"]}), Fault.NOT_THE_PROTOCOL),
        (Said(200, {"canary": []}), Fault.NOT_THE_PROTOCOL),
        (Said(206, {"canary": []}), Fault.NOT_THE_PROTOCOL),
        (Said(418, {"canary": []}), Fault.UNEXPECTED_STATUS),
    ],
)
def test_an_answer_of_another_protocol_is_no_empty_list(reader: Reader, said: Said, fault: Fault) -> None:
    lie(reader, said)

    assert fault_of(reader) is fault


# --- unknown values


def test_an_unknown_value_of_a_list_of_values_is_unknown() -> None:
    with intune_phones() as phones:
        names = ("managedDeviceOwnerType", "deviceEnrollmentType", "complianceState", "managementState")
        ref = phones.office.enrol("worker-01@org.example", "iOS", **dict.fromkeys(names, "unknownToUs"))
        phones.cloud.twists.append(lambda _, said: replace(said, strange=True))
        (phone,) = phones.mdm.list_phones()

    assert replace(phone, user=None, serial=None, supervised=None, seen_at=None) == Phone(ref, Platform.IOS)


# --- never


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00.0000000Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2030-01-02T03:04:05.1234567Z", datetime(2030, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2030-01-02T03:04:05.1Z", datetime(2030, 1, 2, 3, 4, 5, 100000, UTC)),
        ("2030-01-02T03:04:05", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2030-01-02T03:04:05+02:00", datetime(2030, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("canary", None),
        ("9" * 100_000, None),
        (1893456000, None),
        (None, None),
    ],
)
def test_the_year_one_is_never_and_what_is_no_time_is_not_told(told: object, known: datetime | None) -> None:
    assert instant_of(told) == known


def test_a_subscription_that_says_it_never_ends_is_renewed(graph_member: GraphMember) -> None:
    held = graph_member.cloud.subscriptions[graph_member.tenant.name]
    beacon = Beacon(Place("place-1", graph_member.mailbox.address), "https://pages.example/e?place=place-1", "s")
    held.held["s-1"] = {
        "id": "s-1",
        "notificationUrl": beacon.url,
        "resource": f"/users/{graph_member.mailbox.address}/contacts",
        "expirationDateTime": "0001-01-01T00:00:00Z",
        "changeType": "updated",
    }

    watching = graph_member.store.watch([beacon], "https://pages.example/e?place=", datetime.now(UTC))

    assert (watching.renewed, watching.made) == (1, 0)
    assert instant_of(held.held["s-1"]["expirationDateTime"]) > datetime.now(UTC) + timedelta(days=2)  # type: ignore[operator]


# --- events


@pytest.mark.parametrize("adapter", ["graph", "intune"])
@pytest.mark.parametrize("secret", [None, "", "guessed"])
def test_an_unauthenticated_event_is_refused(graph_member: GraphMember, adapter: str, secret: str | None) -> None:
    said = {"clientState": secret, "lifecycleEvent": "missed", "changeType": "deleted"}
    body = json.dumps({"value": [said], "phone": "phone-1", "state": "done"}).encode()
    with intune_phones() as phones:
        hear = {
            "graph": lambda: graph_member.store.hear("5" * 64, body),
            "intune": lambda: phones.mdm.hear({"authorization": f"Bearer {secret}"}, body),
        }[adapter]
        with pytest.raises(Denied):
            hear()
