"""Passes on what is new in the log, and nothing else, to where the organisation watches: syslog and a webhook.

What the log holds is without persons already. Of that, what is vouched for and not shown (`RESTRICTED`) stays here, and
so do the many lines about single orders: an outlet tells that something changed, and the log what it was.
At least once: after a failure half-way a line may come again; its number says that it is the same.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mdm_adapters.port import PortError
from server.core.log.entries import EntryKind, LogEntry
from server.core.problems import OutletProblem
from server.store import log
from server.store.admin import organisation
from server.store.reports import sent
from server.store.reports.sent import OutletRow
from server.work.context import Context

_AT_ONCE = 200
_SECONDS = 30.0
_HEARKEN = 2.0
_NOT_PRINTABLE = re.compile(r"[^!-~]")
QUIET = frozenset(
    {
        EntryKind.RESTRICTED,
        EntryKind.READ,
        EntryKind.SIGHTING,
        EntryKind.ORDER_PLANNED,
        EntryKind.ORDER_SENT,
        EntryKind.RECEIPT,
        EntryKind.ORDER_SETTLED,
        EntryKind.PROOF,
        EntryKind.EVIDENCE_RAISED,
        EntryKind.CHECKPOINT_MADE,
    }
)
"""What no outlet passes on."""
_AUDIT, _WARNING, _NOTICE = 13, 4, 5
"""Facility and severities of RFC 5424, 6.2.1: a refusal is a warning, all else is worth a note."""


class OutletFailedError(Exception):
    """Nothing was passed on; `problem` says why."""

    def __init__(self, problem: OutletProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class Outlet(Protocol):
    """Somewhere that new lines go."""

    @property
    def name(self) -> str:
        """By which its place in the log is remembered."""

    def send(self, origin: str, entries: Sequence[LogEntry], now: datetime) -> None:
        """All of these, in order; OutletFailedError if not all were taken. origin: the installation's id."""


@dataclass(frozen=True, slots=True)
class Syslog:
    """A collector of syslog over TCP with counted octets (RFC 5424, 6587), in TLS (RFC 5425) or on this machine.

    host_name: what the lines say they come from. ca_file: the authority of its certificate; empty: the usual ones.
    """

    host: str
    port: int
    tls: bool = True
    ca_file: str = ""
    host_name: str = "-"
    name: str = "syslog"

    def send(self, origin: str, entries: Sequence[LogEntry], now: datetime) -> None:  # noqa: ARG002 - each line has its own
        """Open, write all, close: a closed connection is the only answer that this protocol has."""
        lines = b"".join(_framed(_syslog_line(each, origin, self.host_name)) for each in entries)
        try:
            with socket.create_connection((self.host, self.port), timeout=_SECONDS) as plain:
                if not self.tls:
                    _write(plain, lines)
                    return
                trusted = ssl.create_default_context(cafile=self.ca_file or None)
                with trusted.wrap_socket(plain, server_hostname=self.host) as sealed:
                    _write(sealed, lines)
        except ssl.SSLCertVerificationError:
            raise OutletFailedError(OutletProblem.CERTIFICATE) from None
        except OSError:
            raise OutletFailedError(OutletProblem.UNREACHABLE) from None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes JSON, signed as in the Standard Webhooks specification (HMAC-SHA256 over id, time, body).

    post: sends body and headers there, and raises PortError; made by the root, as the one HTTP client lies elsewhere.
    """

    post: Callable[[bytes, Mapping[str, str]], object] = field(repr=False)
    secret: bytes = field(repr=False)
    name: str = "webhook"

    def send(self, origin: str, entries: Sequence[LogEntry], now: datetime) -> None:
        """One request for all of them; what it is about is in its id, so a repeat can be told."""
        body = json.dumps(
            {"installation": origin, "entries": [_plain(each) for each in entries]},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        message = f"{origin}-{entries[0].seq}-{entries[-1].seq}"
        stamp = str(int(now.timestamp()))
        signed = hmac.digest(self.secret, b".".join((message.encode(), stamp.encode(), body)), "sha256")
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(signed).decode("ascii"),
        }
        try:
            self.post(body, headers)
        except PortError as error:
            raise OutletFailedError(_PROBLEMS.get(type(error).__name__, OutletProblem.REFUSED)) from None


_PROBLEMS = {"Unreachable": OutletProblem.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class PassedOn:
    """What an outlet was given: how many lines, and why no more."""

    outlet: str
    lines: int
    problem: OutletProblem | None = None


def pass_on(context: Context, outlets: Sequence[Outlet]) -> Sequence[PassedOn]:
    """Give each outlet what is new since the last time; one that is new itself begins with what comes from now on."""
    return [_pass_on(context, each) for each in outlets]


def _pass_on(context: Context, outlet: Outlet) -> PassedOn:
    with context.store.read() as connection:
        origin = organisation.read_installation(connection).uid
        places = {row.name: row.next_seq for row in sent.read_outlets(connection)}
        end = log.head(connection).size
    if outlet.name not in places:
        _note(context, outlet, end, None)
        return PassedOn(outlet.name, 0)
    at, count = places[outlet.name], 0
    while at < end:
        with context.store.read() as connection:
            entries = log.read_from(connection, at, _AT_ONCE)
        if not entries:
            break
        new = [each for each in entries if each.kind not in QUIET]
        if new:
            try:
                outlet.send(origin, new, context.now())
            except OutletFailedError as failed:
                _note(context, outlet, at, failed.problem)
                return PassedOn(outlet.name, count, failed.problem)
        at, count = entries[-1].seq + 1, count + len(new)
        _note(context, outlet, at, None)
    return PassedOn(outlet.name, count)


def _note(context: Context, outlet: Outlet, at: int, problem: OutletProblem | None) -> None:
    with context.store.write() as connection:
        sent.put_outlet(connection, OutletRow(outlet.name, at, context.now(), problem and problem.value))


def _plain(entry: LogEntry) -> dict[str, object]:
    body = {name: list(value) if isinstance(value, tuple) else value for name, value in entry.body.items()}
    return {"seq": entry.seq, "at": _instant(entry.at), "kind": entry.kind.value, "body": body}


def _syslog_line(entry: LogEntry, origin: str, host_name: str) -> bytes:
    """RFC 5424, 6. The message is the entry as JSON: structured data of our own would need a registered number."""
    priority = _AUDIT * 8 + (_WARNING if entry.kind is EntryKind.REFUSED else _NOTICE)
    host = _NOT_PRINTABLE.sub("", host_name)[:255] or "-"
    told_as = json.dumps({"installation": origin, **_plain(entry)}, separators=(",", ":"))
    return f"<{priority}>1 {_instant(entry.at)} {host} closeout - {entry.kind.value[:32]} - {told_as}".encode("ascii")


def _framed(line: bytes) -> bytes:
    return str(len(line)).encode() + b" " + line


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(connection: socket.socket, lines: bytes) -> None:
    """All of it, and then long enough to hear a refusal: this protocol has no other answer than a broken connection."""
    connection.sendall(lines)
    connection.settimeout(_HEARKEN)
    with suppress(TimeoutError, ssl.SSLEOFError):
        if isinstance(connection, ssl.SSLSocket):
            connection.unwrap()
        else:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
