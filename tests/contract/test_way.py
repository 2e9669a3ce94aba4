"""What is told of the way to a server rests on what was seen of it: none is called encrypted that was not reached."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from mdm_adapters.carddav import connect
from mdm_adapters.http import Connection
from mdm_adapters.port import Fault, Place, Trial, as_reached, trial_of_way


def first_trial(url: str) -> Trial:
    return connect(Connection(url, "service", "a password")).check(Place("place-1", "/books/1/"))[0]


@pytest.fixture
def closed() -> str:
    """Where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_server_that_refuses_the_connection_is_not_called_encrypted(closed: str):
    assert first_trial(f"https://{closed}/") == Trial("The connection is encrypted", ok=None)


def test_plain_http_is_not_called_encrypted_even_on_this_machine(closed: str):
    assert first_trial(f"http://{closed}/") == Trial("The connection stays on this machine, not encrypted", ok=True)


def test_plain_http_to_another_machine_is_a_fault():
    assert trial_of_way(encrypted=False, near=False) == Trial(
        "The connection is encrypted", ok=False, fault=Fault.CERTIFICATE
    )


@pytest.mark.parametrize("fault", Fault)
def test_only_an_answer_shows_that_the_way_is_encrypted(fault: Fault):
    trials = (Trial("The connection is encrypted", ok=True), Trial("It answers", ok=False, fault=fault))
    unreached = {Fault.NO_CONNECTION, Fault.ADDRESS_REFUSED, Fault.TIMED_OUT, Fault.DROPPED, Fault.CERTIFICATE}
    assert as_reached(trials)[0].ok is (None if fault in unreached else True)
    assert as_reached(trials)[1:] == trials[1:]
