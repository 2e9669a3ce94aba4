"""Listeners of the tests on this machine: a mail server and a collector of syslog; no test."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Tray:
    """What a mail server took, and whom it refuses."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], EmailMessage]] = []
        self.logins: list[bytes] = []

    async def handle_RCPT(  # noqa: N802 - the library's name and arguments
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        made = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((envelope.mail_from, list(envelope.rcpt_tos), made))
        return "250 OK"


class OnAnyPort(Controller):
    """Listens where the system has room, and knows where that is."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Collector:
    """Takes whatever comes over TCP, connection by connection."""

    def __init__(self, secured: ssl.SSLContext | None) -> None:
        self._secured = secured
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._taken: list[bytes] = []
        self._closed = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            pieces: list[bytes] = []
            try:
                with self._secured.wrap_socket(connection, server_side=True) if self._secured else connection as stream:
                    while piece := stream.recv(65536):
                        pieces.append(piece)
            except OSError:
                connection.close()
                continue
            self._taken.append(b"".join(pieces))
            self._closed.release()

    def heard(self) -> bytes:
        """What the next connection brought, once it was closed."""
        assert self._closed.acquire(timeout=20)
        return self._taken.pop(0)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def collector(secured: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """A collector for the length of a test."""
    made = Collector(secured)
    try:
        yield made
    finally:
        made.close()


def messages_of(stream: bytes) -> list[bytes]:
    """Messages framed by counted octets (RFC 6587, 3.4.1)."""
    found = []
    while stream:
        count, _, rest = stream.partition(b" ")
        found.append(rest[: int(count)])
        assert len(found[-1]) == int(count)
        stream = rest[int(count) :]
    return found
