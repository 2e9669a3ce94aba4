"""Which addresses a connection calls: none in the own network that only a name leads to, and those of keys never."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdm_adapters.http import Connection, HttpClient, HttpLimits, bearer
from mdm_adapters.port import Fault, Unreachable
from mdm_adapters.reach import NetworkReach, allowed
from tests.vendors.badserver import Said, bad_server

NEVER = [
    "169.254.169.254",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
]
NEVER += ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1"]
OWN = ["10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12::1", "::ffff:10.1.2.3"]
OWN += ["64:ff9b::a01:203", "127.0.0.1", "127.8.9.1", "::1"]
PUBLIC = ["9.9.9.9", "172.32.0.1", "192.169.0.1", "2620:fe::fe", "64:ff9b::909:909"]


@pytest.mark.parametrize("reach", NetworkReach)
@pytest.mark.parametrize("host", ["books.example", "localhost", "10.1.2.3"])
def test_what_hands_out_keys_or_is_no_machine_is_never_called(reach: NetworkReach, host: str) -> None:
    assert allowed(host, NEVER, reach) == []


@pytest.mark.parametrize("reach", NetworkReach)
def test_public_addresses_are_called(reach: NetworkReach) -> None:
    assert allowed("books.example", PUBLIC, reach) == PUBLIC


@pytest.mark.parametrize(
    ("host", "reach", "called"),
    [
        ("books.example", NetworkReach.INTERNET, []),
        ("books.example", NetworkReach.AS_WRITTEN, []),
        ("books.example", NetworkReach.OWN_NETWORK, OWN),
        ("localhost", NetworkReach.INTERNET, []),
        ("localhost", NetworkReach.AS_WRITTEN, OWN),
        ("10.1.2.3", NetworkReach.AS_WRITTEN, OWN),
        ("[::1]", NetworkReach.AS_WRITTEN, OWN),
        ("10.1.2.3", NetworkReach.INTERNET, []),
        ("localhost.example", NetworkReach.AS_WRITTEN, []),
        ("127.0.0.1.example", NetworkReach.AS_WRITTEN, []),
    ],
)
def test_private_addresses_are_called_where_a_person_said_so(host: str, reach: NetworkReach, called: list[str]) -> None:
    assert allowed(host, OWN, reach) == called


@given(st.ip_addresses())
def test_without_a_word_of_a_person_only_addresses_of_the_internet_are_called(address: object) -> None:
    found = allowed("books.example", [str(address)], NetworkReach.AS_WRITTEN)
    assert all(ip_address(each).is_global for each in found)


class Names:
    """A resolver that gives each time the next answer, and counts how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if self.answers else []


def door(port: int, names: Names, reach: NetworkReach) -> HttpClient:
    limits = HttpLimits(connect=2.0, read=2.0, total=4.0)
    return HttpClient(
        f"http://books.example:{port}/", bearer(lambda: "canary"), limits=limits, reach=reach, resolve=names
    )


def test_a_name_that_leads_inside_is_refused_before_anything_is_sent() -> None:
    with bad_server(lambda _: Said(200, b"inside")) as server:
        names = Names(["127.0.0.1"])
        with pytest.raises(Unreachable) as raised:
            door(server.port, names, NetworkReach.AS_WRITTEN).call("GET", "/")

    assert (raised.value.fault, server.seen, names.asked) == (Fault.ADDRESS_REFUSED, [], 1)


def test_the_address_that_was_judged_is_the_one_that_is_called() -> None:
    """A name that answers the judge with one address and the call with another (DNS rebinding) is asked once."""
    with bad_server(lambda _: Said(200, b"books")) as server:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        http = door(server.port, names, NetworkReach.OWN_NETWORK)
        assert http.call("GET", "/").body == b"books"
        assert http.call("GET", "/").body == b"books"

    assert names.asked == 1
    assert server.seen[0].headers["host"] == f"books.example:{server.port}"


def test_addresses_that_may_not_be_called_are_passed_over_and_the_next_one_is_tried() -> None:
    with bad_server(lambda _: Said(200, b"books")) as server:
        names = Names(["169.254.169.254", "::1", "127.0.0.1"])
        assert door(server.port, names, NetworkReach.OWN_NETWORK).call("GET", "/").body == b"books"


def test_a_name_without_an_address_is_no_connection() -> None:
    def nowhere(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    http = HttpClient("http://books.example/", resolve=nowhere)
    with pytest.raises(Unreachable) as raised:
        http.call("GET", "/")
    assert raised.value.fault is Fault.NO_CONNECTION


def test_a_connection_says_itself_how_far_it_reaches() -> None:
    told = {
        network: Connection("https://books.example", options={"network": network}).reach
        for network in ("", "internet", "own")
    }
    assert told == {"": NetworkReach.AS_WRITTEN, "internet": NetworkReach.AS_WRITTEN, "own": NetworkReach.OWN_NETWORK}
