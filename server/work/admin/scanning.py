"""Asks a scanner for malware about a file before anybody reads it: clamd, by its command INSTREAM; no page lives here.

What cannot be asked about is not taken in: an answer other than "OK" is no word that a file is clean.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SECONDS = 30.0
_PIECE = 64 * 1024
_LONGEST_ANSWER = 4 * 1024


class ScanVerdict(StrEnum):
    """What the scanner says of a file."""

    CLEAN = "clean"
    MALWARE = "malware"
    UNKNOWN = "unknown"
    """It does not answer, or could not read all of it."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """Where clamd listens on this machine: the path of its socket, or host and port. seconds: for each step."""

    path: Path | None = None
    host: str = ""
    port: int = 0
    seconds: float = _SECONDS

    def scan(self, content: bytes) -> ScanVerdict:
        """What it says of this content, which goes nowhere but to it. Never raises."""
        try:
            with self._connected() as connection:
                connection.settimeout(self.seconds)
                connection.sendall(b"zINSTREAM\0")
                for at in range(0, len(content), _PIECE):
                    piece = content[at : at + _PIECE]
                    connection.sendall(len(piece).to_bytes(4, "big") + piece)
                connection.sendall(bytes(4))
                answer = _answer(connection)
        except OSError:
            return ScanVerdict.UNKNOWN
        if answer == b"stream: OK":
            return ScanVerdict.CLEAN
        found = answer.startswith(b"stream: ") and answer.endswith(b" FOUND")
        return ScanVerdict.MALWARE if found else ScanVerdict.UNKNOWN

    def _connected(self) -> socket.socket:
        if self.path is None:
            return socket.create_connection((self.host, self.port), self.seconds)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.seconds)
            connection.connect(str(self.path))
        except OSError:
            connection.close()
            raise
        return connection


def _answer(connection: socket.socket) -> bytes:
    """The answer up to its NUL; what is cut off or too long is none."""
    held = b""
    while b"\0" not in held:
        piece = connection.recv(_LONGEST_ANSWER)
        if not piece or len(held) > _LONGEST_ANSWER:
            return b""
        held += piece
    return held.partition(b"\0")[0]
