"""A server in a thread of the tests ends without a word, whatever browsers still hold open."""

from __future__ import annotations

import http.client
import threading
from contextlib import ExitStack

from tests.parts.process import free_port
from tests.parts.waitress_thread import served


def test_it_ends_while_browsers_hold_connections_open() -> None:
    for _ in range(20):
        port = free_port()
        kept = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(3)]
        with ExitStack() as at_the_end:
            for connection in kept:
                at_the_end.callback(connection.close)
            with served(_hello, port):
                for connection in kept:
                    connection.request("GET", "/")
                    assert connection.getresponse().read() == b"hello"
    # What a thread dies of fails the test by itself: pytest tells it as an error.
    assert [each.name for each in threading.enumerate() if each.name.startswith("serving")] == []


def _hello(_environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
