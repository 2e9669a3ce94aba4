"""A mail server on loopback that keeps what it takes, for tests that send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Kept:
    """One letter: to whom, and all of it as text."""

    to: str
    text: str


@dataclass
class Letterbox:
    """What came in, in order. port: where it listens."""

    port: int = 0
    letters: list[Kept] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        made = message_from_bytes(envelope.content, policy=policy.default)
        body = made.get_body()
        assert body is not None
        for to in envelope.rcpt_tos:
            self.letters.append(Kept(to, f"{made['Subject']}\n{body.get_content()}"))
        return "250 OK"


class _OnAnyPort(Controller):
    """Listens where the system has room, and knows where that is."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def letterbox() -> Iterator[Letterbox]:
    """A server for as long as it is needed."""
    box = Letterbox()
    running = _OnAnyPort(box, hostname="127.0.0.1", port=0)
    running.start()
    box.port = running.port
    try:
        yield box
    finally:
        running.stop()
