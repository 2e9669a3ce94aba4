"""Connections as an administrator makes them in the browser: a password goes to a file of ours, not to the database.

From here no file that lies anywhere else can be named: whoever may set an address must not be able to have the server
send it a key.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from mdm_adapters.options import LOOPBACK, ConnectionKind
from mdm_adapters.phones import PhoneCapability
from mdm_adapters.port import Answer, Capability, Place, Trial
from server.store import organisation
from server.store.organisation import ConnectionRow
from server.work import setup
from server.work.context import Context

_MOST_TRIED = 20


class ConnectionProblem(StrEnum):
    """Why a connection is not saved."""

    NOT_AN_ADDRESS = "not_an_address"
    NOT_ENCRYPTED = "not_encrypted"
    """A password would travel in clear."""
    PASSWORD_AGAIN = "password_again"  # noqa: S105 - a problem's name
    """The address or the login changed: the password kept must not be sent to another server."""
    BAD_NAME = "bad_name"
    NAME_TAKEN = "name_taken"
    """There is one already; it may be changed on its own page."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One place of a connection that was tried. place: its opaque id; None: only the address of the connection."""

    place: str | None
    trials: tuple[Trial, ...]


def find_connection(context: Context, name: str) -> ConnectionRow | None:
    """The connection of that name."""
    with context.store.read() as connection:
        rows = organisation.read_connections(connection)
    return next((row for row in rows if row.name == name), None)


def save_connection(
    context: Context,
    folder: Path,
    *,
    name: str,
    vendor: str,
    base_url: str,
    login: str,
    password: str,
    kinds: Mapping[str, ConnectionKind],
    new: bool,
) -> ConnectionProblem | None:
    """Make or change a connection; None: it is saved. folder: where passwords are kept. Raises SetupRefusedError."""
    known = find_connection(context, name)
    problem = _problem(name, base_url, login, password, known, new=new)
    if problem is not None:
        return problem
    kept = known.secret_file if known is not None else ""
    setup.put_connection(
        context,
        name=name,
        vendor=vendor,
        base_url=base_url,
        login=login,
        secret_file=str(_write_secret(folder, password)) if password else kept,
        kinds=kinds,
        ca_file=None if known is None else known.ca_file,
        log_file=None if known is None else known.log_file,
    )
    if password and kept and Path(kept).parent == folder.absolute():
        Path(kept).unlink(missing_ok=True)
    return None


def try_connection(context: Context, name: str) -> Sequence[Tried] | None:
    """Try some places of a connection without reading what is in them; None if it has no adapter (no secret)."""
    manager = context.mdms.get(name)
    if manager is not None:
        return [Tried(None, tuple(manager.check()))]
    feed = context.feeds.get(name)
    if feed is not None:
        return [Tried(None, tuple(feed.check()))]
    adapter = context.stores.get(name)
    if adapter is None:
        return None
    with context.store.read() as connection:
        places = [row for row in organisation.read_places(connection, context.today()) if row.connection == name]
    if not places:
        return [Tried(None, tuple(adapter.check(Place("trial", "/"))))]
    return [Tried(row.uid, tuple(adapter.check(Place(row.uid, row.address)))) for row in places[:_MOST_TRIED]]


def capabilities_of(context: Context, name: str) -> Mapping[Capability, Answer] | Mapping[PhoneCapability, Answer]:
    """What the vendor can, cannot, and in part; empty if it has no adapter."""
    manager = context.mdms.get(name)
    if manager is not None:
        return manager.capabilities()
    adapter = context.stores.get(name)
    return {} if adapter is None else adapter.capabilities()


def _problem(
    name: str, base_url: str, login: str, password: str, known: ConnectionRow | None, *, new: bool
) -> ConnectionProblem | None:
    if not name or len(name) > 40 or not all(sign.isalnum() or sign in "-_" for sign in name):
        return ConnectionProblem.BAD_NAME
    if new and known is not None:
        return ConnectionProblem.NAME_TAKEN
    origin = _origin(base_url)
    if origin is None:
        return ConnectionProblem.NOT_AN_ADDRESS
    if origin[0] == "http" and origin[1] not in LOOPBACK:
        return ConnectionProblem.NOT_ENCRYPTED
    if known is not None and not password and (_origin(known.base_url), known.login) != (origin, login):
        return ConnectionProblem.PASSWORD_AGAIN
    return None


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of a server's address; None if it is none, or has a login in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def _write_secret(folder: Path, password: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder.absolute() / f"{uuid.uuid4().hex}.password"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(password)
    return file
