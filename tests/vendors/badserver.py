"""A server on loopback that answers by a script: lies, silence, drips; or a real server's answers, distorted."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from tests.parts.dav import DavServer


@dataclass(frozen=True)
class Seen:
    """One request that arrived. Header names in lower case. peer: the port that it came from."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: int = 0


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def saying(self, body: bytes) -> Said:
        """The same answer with another body."""
        return Said(
            self.status, body, {name: value for name, value in self.headers.items() if name != "content-length"}
        )


@dataclass(frozen=True)
class Drop:
    """The connection is closed without an answer."""


@dataclass(frozen=True)
class Hang:
    """Nothing is ever answered."""


@dataclass(frozen=True)
class Raw:
    """These bytes, and the connection is closed."""

    data: bytes


@dataclass(frozen=True)
class Drip:
    """These bytes first, then `piece` for ever, every few milliseconds."""

    first: bytes
    piece: bytes = b" "


_OF_THE_WAY = frozenset({"host", "content-length", "accept-encoding"})

Action = Said | Drop | Hang | Raw | Drip
Script = Callable[[Seen], Action]


class BadServer:
    """A running server; `seen` are the requests that arrived, in order."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self._server = server
        self.seen: list[Seen] = []
        self.port = int(server.server_address[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def methods(self) -> list[str]:
        """What was asked, in order."""
        return [each.method for each in self.seen]


@contextmanager
def bad_server(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[BadServer]:
    """Run one for as long as the block lasts."""
    stopping = Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script, stopping, lambda: running))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    running = BadServer(server, "https" if tls else "http")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def forward(server: DavServer, seen: Seen) -> Said:
    """What the real server answers to this."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=10.0)) as connection:
        headers = {name: value for name, value in seen.headers.items() if name not in _OF_THE_WAY}
        connection.request(seen.method, seen.path, seen.body or None, headers)
        answer = connection.getresponse()
        kept = {name.lower(): value for name, value in answer.getheaders()}
        for name in ("transfer-encoding", "connection", "date", "server", "content-length"):
            kept.pop(name, None)
        return Said(answer.status, answer.read(), kept)


def _handler(script: Script, stopping: Event, running: Callable[[], BadServer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers, self.rfile.read(length), self.client_address[1])
            running().seen.append(seen)
            action = script(seen)
            self.close_connection = not isinstance(action, Said)
            # a client that gave up has closed its end; that is what many of these scripts are for
            with suppress(ConnectionError, ssl.SSLError):
                for piece in _pieces(action, stopping):
                    self.wfile.write(piece)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._any
            raise AttributeError(name)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _pieces(action: Action, stopping: Event) -> Iterator[bytes]:
    match action:
        case Said(status, body, headers):
            known = {"content-length": str(len(body))} if status != 204 else {}
            lines = [f"{name}: {value}\r\n" for name, value in {**known, **headers}.items()]
            yield f"HTTP/1.1 {status} Said\r\n{''.join(lines)}\r\n".encode() + body
        case Raw(data):
            yield data
        case Drip(first, piece):
            yield first
            while not stopping.wait(0.01):
                yield piece
        case Hang():
            stopping.wait()
