"""Connections as an administrator makes them in the browser: a secret goes to a file of ours, not to the database.

From here no file that lies anywhere else can be named: whoever may set an address must not be able to have the server
send it a key.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mdm_adapters.options import ConnectionKind, Option, OptionFault, OptionKind, Sort, looks_secret, origin_of
from mdm_adapters.phones import PhoneCapability
from mdm_adapters.port import Capability, CapabilityAnswer, Fault, Place, Support, Trial
from server.core.model import GateScope
from server.core.problems import ConnectionProblem, ConnectionSetupRefusedError
from server.store.admin import organisation
from server.store.admin.organisation import ConnectionRow
from server.store.phones import managed
from server.store.usage import subjects
from server.work.admin import setup
from server.work.admin.setup import given_of
from server.work.context import Context

MOST_SECRET = 1_000
"""Of a secret that is typed: characters."""
MOST_FILE = 32 * 1024
"""Of a key or a certificate that is handed over: bytes."""
_MOST_TRIED = 20
_SAME_ELSEWHERE = frozenset({Fault.NO_CONNECTION, Fault.TIMED_OUT, Fault.WRONG_CREDENTIALS})
"""Faults of the connection as a whole: other places would only be waited for as long, to say the same."""
_SHORTEST_SLIP = 6
"""A secret is looked for in other fields from so many characters on: a shorter one stands in words by chance."""
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}")


Problem = ConnectionProblem | OptionFault


class ConnectionLack(StrEnum):
    """What a connection still needs before it does all that it can."""

    SECRET_GONE = "secret_gone"  # noqa: S105 - what is lacking
    """Its secret, or another of its files, cannot be read, or they do not belong together."""
    NOT_MEANT = "not_meant"
    """What it says is not valid by the declaration of its kind."""
    NO_PLACES = "no_places"
    NO_GATE = "no_gate"
    """Places of employers whose gate is not open."""
    NEVER_READ = "never_read"
    FAILING = "failing"
    NO_PHONES = "no_phones"
    """The manager's phones have not been listed."""
    PHONES_FAIL = "phones_fail"
    NO_USAGE_GATE = "no_usage_gate"
    NO_EVENTS_ADDRESS = "no_events_address"
    """The vendor tells of changes, but the pages have no https address to tell them to."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """One thing that is missing. count: of how many places. field: of a field that is empty, in place of `lack`."""

    lack: ConnectionLack | None = None
    count: int = 0
    field: Option | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One place of a connection that was tried. place: its opaque id; None: only the address of the connection."""

    place: str | None
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A connection as it was filled in.

    values: of fields that hold no file, by name. secrets: typed, by name. files: handed over, by name (keys and
    certificates). dropped: fields whose file is to be taken away.
    """

    name: str
    values: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    dropped: frozenset[str] = frozenset()


def find_connection(context: Context, name: str) -> ConnectionRow | None:
    """The connection of that name."""
    with context.store.read() as connection:
        rows = organisation.read_connections(connection)
    return next((row for row in rows if row.name == name), None)


def given_in_row(row: ConnectionRow) -> Mapping[str, str]:
    """A connection by the names of the fields that its kind declares, files by their names."""
    return given_of(row.base_url, row.login, row.secret_file, row.ca_file, row.log_file, row.options)


def save_connection(
    context: Context,
    folder: Path,
    kinds: Mapping[str, ConnectionKind],
    vendor: str,
    wanted: Wanted,
    *,
    seen: str | None,
) -> Mapping[str, Problem]:
    """Make or change a connection; empty: it is saved. What is wrong otherwise, by field, and nothing is kept of it.

    folder: where secrets are kept. seen: the mark of what the form began with; None: it is to be new. Raises
    ConnectionSetupRefusedError(CHANGED) if somebody was quicker.
    """
    kind = kinds.get(vendor)
    if kind is None:
        raise ConnectionSetupRefusedError(ConnectionProblem.UNKNOWN_VENDOR)
    if seen is None and _is_repeated(context, kind, wanted):
        return {}
    if problems := problems_with(context, kind, wanted, seen=seen):
        return problems
    given = _given(context, wanted, seen)
    merged = _merged(kind, wanted, given)
    try:
        with _written(folder, wanted) as files:
            values = {name: value for name, value in {**merged, **files}.items() if value}
            kept = set(values.values())
            setup.put_connection(
                context,
                name=wanted.name,
                vendor=vendor,
                base_url=values.pop("url"),
                login=values.pop("login", ""),
                secret_file=values.pop("secret", ""),
                ca_file=values.pop("ca_file", None),
                log_file=values.pop("log_file", None),
                options=values,
                kinds=kinds,
                seen=seen or "",
            )
    except ConnectionSetupRefusedError as refused:
        if refused.problem is ConnectionProblem.DEMO_NOT_LOOPBACK:
            return {refused.field or "url": ConnectionProblem.DEMO_NOT_LOOPBACK}
        if refused.problem is ConnectionProblem.CHANGED and seen is None:
            return {"name": ConnectionProblem.NAME_TAKEN}
        raise
    _forget(folder, [value for value in given.values() if value not in kept])
    return {}


def problems_with(context: Context, kind: ConnectionKind, wanted: Wanted, *, seen: str | None) -> Mapping[str, Problem]:
    """All that is wrong with what was filled in, by field; nothing is written. seen: as for `save_connection`."""
    given = _given(context, wanted, seen)
    problems: dict[str, Problem] = {
        **kind.faults_of(_merged(kind, wanted, given)),
        **dict(_problems(kind, wanted, given)),
    }
    if seen is None:
        problems |= _name_problem(wanted, find_connection(context, wanted.name))
    return problems


def _is_repeated(context: Context, kind: ConnectionKind, wanted: Wanted) -> bool:
    """Whether that very connection was made just now: a second click on the same button."""
    known = find_connection(context, wanted.name)
    if known is None or known.vendor != kind.name:
        return False
    given = given_in_row(known)
    sent = {**{name: secret.encode() for name, secret in wanted.secrets.items()}, **wanted.files}
    same_files = all(_held(given.get(name, "")) == raw for name, raw in sent.items())
    return bool(sent) and same_files and {**wanted.values} == {name: given.get(name, "") for name in wanted.values}


def _held(file: str) -> bytes | None:
    try:
        return Path(file).read_bytes() if file else None
    except OSError:
        return None


def _given(context: Context, wanted: Wanted, seen: str | None) -> Mapping[str, str]:
    """What there is already; nothing if it is to be new."""
    known = None if seen is None else find_connection(context, wanted.name)
    return {} if known is None else given_in_row(known)


def remove_connection(
    context: Context, folder: Path, kinds: Mapping[str, ConnectionKind], name: str, seen: str
) -> None:
    """Take a connection away that nothing hangs on, with the files of ours that held its secrets.

    ConnectionSetupRefusedError: CHANGED, or IN_USE.
    """
    known = find_connection(context, name)
    setup.remove_connection(context, name, seen=seen)
    kind = kinds.get(known.vendor) if known is not None else None
    if known is not None and kind is not None:
        given = given_in_row(known)
        _forget(folder, [given.get(each.name, "") for each in kind.fields if each.kind in _FILES])


def try_connection(context: Context, name: str, address: str = "") -> Sequence[Tried] | None:
    """Try a connection without reading what is in it; None if it has no adapter (its secret cannot be read).

    address: of a place to try with, which is kept nowhere; empty: some of its places, or its address alone.
    """
    manager = context.mdms.get(name)
    if manager is not None:
        return [Tried(None, tuple(manager.check()))]
    feed = context.feeds.get(name)
    if feed is not None:
        return [Tried(None, tuple(feed.check()))]
    adapter = context.stores.get(name)
    if adapter is None:
        return None
    if address:
        return [Tried(None, tuple(adapter.check(Place("trial", address))))]
    with context.store.read() as connection:
        places = [row for row in organisation.read_places(connection, context.today()) if row.connection == name]
    tried: list[Tried] = []
    for row in places[:_MOST_TRIED]:
        tried.append(Tried(row.uid, tuple(adapter.check(Place(row.uid, row.address)))))
        if any(trial.fault in _SAME_ELSEWHERE for trial in tried[-1].trials):
            break
    return tried


def capabilities_of(
    context: Context, name: str
) -> Mapping[Capability, CapabilityAnswer] | Mapping[PhoneCapability, CapabilityAnswer]:
    """What the vendor can, cannot, and in part; empty if it has no adapter, or tells usage alone."""
    manager = context.mdms.get(name)
    if manager is not None:
        return manager.capabilities()
    adapter = context.stores.get(name)
    return {} if adapter is None else adapter.capabilities()


def lacking(context: Context, row: ConnectionRow, kind: ConnectionKind | None) -> Sequence[Lacking]:
    """All that this connection still needs, what stops it first."""
    found: list[Lacking] = []
    given = given_in_row(row)
    if kind is None or kind.faults_of(given):
        found.append(Lacking(ConnectionLack.NOT_MEANT))
    elif not context.reaches(row.name):
        found.append(Lacking(ConnectionLack.SECRET_GONE))
    if kind is None:
        return found
    found += {Sort.STORE: _lacking_places, Sort.MANAGER: _lacking_phones, Sort.FEED: _lacking_usage}[kind.sort](
        context, row
    )
    if not context.pages.startswith("https:") and _tells(context, row.name):
        found.append(Lacking(ConnectionLack.NO_EVENTS_ADDRESS))
    return found + [Lacking(field=each) for each in kind.fields if each.without and not given.get(each.name)]


def hears_events(context: Context, name: str) -> bool:
    """Whether the vendor is to be told where to send its events (Graph is told by the engine)."""
    manager = context.mdms.get(name)
    answer = manager.capabilities().get(PhoneCapability.PHONE_EVENTS) if manager is not None else None
    return answer is not None and answer.support is not Support.NO


def _tells(context: Context, name: str) -> bool:
    store = context.stores.get(name)
    answer = store.capabilities().get(Capability.EVENTS) if store is not None else None
    return hears_events(context, name) or (answer is not None and answer.support is not Support.NO)


def _lacking_places(context: Context, row: ConnectionRow) -> Sequence[Lacking]:
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        mine = [each for each in organisation.read_places(connection, context.today()) if each.connection == row.name]
    if not mine:
        return [Lacking(ConnectionLack.NO_PLACES)]
    counts = {
        ConnectionLack.NO_GATE: 0 if demo else sum(not each.gated for each in mine),
        ConnectionLack.FAILING: sum(bool(each.fault) for each in mine),
        ConnectionLack.NEVER_READ: sum(each.looked_at is None and not each.fault for each in mine),
    }
    return [Lacking(lack, count) for lack, count in counts.items() if count]


def _lacking_phones(context: Context, row: ConnectionRow) -> Sequence[Lacking]:
    with context.store.read() as connection:
        (state,) = managed.manager_states(connection, [row.name]) or (None,)
    if state is not None and state.fault:
        return [Lacking(ConnectionLack.PHONES_FAIL)]
    return [] if state is not None and state.listed_at is not None else [Lacking(ConnectionLack.NO_PHONES)]


def _lacking_usage(context: Context, _row: ConnectionRow) -> Sequence[Lacking]:
    with context.store.read() as connection:
        gated = subjects.gated_employers(connection, context.today(), GateScope.OBSERVATION)
    return [] if gated else [Lacking(ConnectionLack.NO_USAGE_GATE)]


# --- what was filled in -----------------------------------------------------------------------------------------------

_FILES = frozenset({OptionKind.KEY, OptionKind.PEM})


def _name_problem(wanted: Wanted, known: ConnectionRow | None) -> Mapping[str, Problem]:
    if looks_secret(wanted.name) or _slipped(wanted.name, wanted.secrets):
        return {"name": OptionFault.A_SECRET}
    if not _NAME.fullmatch(wanted.name):
        return {"name": ConnectionProblem.BAD_NAME}
    return {} if known is None else {"name": ConnectionProblem.NAME_TAKEN}


def _problems(kind: ConnectionKind, wanted: Wanted, given: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    """What only a form can have wrong: secrets as they were typed, files as they were handed over."""
    shown = {each.name: each for each in kind.shown}
    sent = {*wanted.values, *wanted.secrets, *wanted.files, *wanted.dropped}
    yield from ((name, OptionFault.UNKNOWN) for name in sent - set(shown))
    for name, value in wanted.values.items():
        if _slipped(value, wanted.secrets):
            yield name, OptionFault.A_SECRET
    for name, secret in wanted.secrets.items():
        if (problem := _secret_problem(secret)) is not None:
            yield name, problem
        elif name in wanted.files:
            yield name, ConnectionProblem.TWICE
    for name, raw in wanted.files.items():
        if name in shown and (problem := _file_problem(shown[name], raw)) is not None:
            yield name, problem
    for option in shown.values():
        if option.sends and _is_sent_elsewhere(kind, option, wanted, given):
            yield option.sends, ConnectionProblem.SECRET_AGAIN


def _is_sent_elsewhere(kind: ConnectionKind, to: Option, wanted: Wanted, given: Mapping[str, str]) -> bool:
    """Whether a secret that is kept would go to another address, or by another name, than it was given for."""
    if not given.get(to.sends) or {to.sends} & {*wanted.secrets, *wanted.files, *wanted.dropped}:
        return False
    before, now = (values.get(to.name, "") or to.default for values in (given, wanted.values))
    was, is_ = (_login_of(kind, values) for values in (given, wanted.values))
    return bool(now) and (origin_of(before) != origin_of(now) or (to.sends == "secret" and was != is_))


def _login_of(kind: ConnectionKind, values: Mapping[str, str]) -> str:
    others = [values.get(each.name, "") for each in kind.own if each.same_as == "login"]
    return values.get("login", "") or next(filter(None, others), "")


def _slipped(value: str, secrets: Mapping[str, str]) -> bool:
    return any(len(secret) >= _SHORTEST_SLIP and secret in value for secret in secrets.values())


def _secret_problem(secret: str) -> Problem | None:
    if len(secret) > MOST_SECRET:
        return OptionFault.TOO_LONG
    return None if secret.isprintable() and secret.strip() else ConnectionProblem.HIDDEN_SIGNS


def _file_problem(option: Option, raw: bytes) -> Problem | None:
    if len(raw) > MOST_FILE:
        return ConnectionProblem.TOO_LARGE
    if option.kind is OptionKind.KEY:
        return None if option.takes_key_file and _is_key(raw) else ConnectionProblem.NOT_A_KEY
    if b"PRIVATE KEY" in raw:
        return OptionFault.A_SECRET
    return None if _is_certificate(raw) else ConnectionProblem.NOT_A_CERTIFICATE


def _is_key(raw: bytes) -> bool:
    try:
        load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return raw.isascii()


def _is_certificate(raw: bytes) -> bool:
    try:
        return raw.isascii() and bool(x509.load_pem_x509_certificates(raw))
    except ValueError:
        return False


def _merged(kind: ConnectionKind, wanted: Wanted, given: Mapping[str, str]) -> dict[str, str]:
    """The connection as it will be: what was filled in, the files that are kept, and what no form shows.

    A new file has no name yet. A second name of a field goes, since its form fills in the first; so does what the kind
    does not declare.
    """
    shown = {each.name: each for each in kind.shown}
    hidden = {each.name for each in kind.fields if each.name not in shown and not each.same_as}
    merged = {name: value for name, value in given.items() if name in hidden}
    for name, each in shown.items():
        if each.kind not in _FILES:
            merged[name] = wanted.values.get(name, "")
        elif wanted.secrets.get(name) or name in wanted.files:
            merged[name] = "new"
        elif name not in wanted.dropped:
            merged[name] = given.get(name, "")
    for name, each in shown.items():
        # A key that belongs to a field which was emptied goes with it.
        if each.kind in _FILES and merged.get(name) == given.get(name) and not all(merged.get(o) for o in each.needs):
            merged[name] = ""
    return merged


@contextmanager
def _written(folder: Path, wanted: Wanted) -> Iterator[Mapping[str, str]]:
    """The names of the files that secrets and what was handed over are put into; gone again if it comes to naught."""
    files: dict[str, str] = {}
    try:
        for name, secret in wanted.secrets.items():
            files[name] = str(_write(folder, secret.encode(), "password"))
        for name, raw in wanted.files.items():
            files[name] = str(_write(folder, raw, "pem"))
        yield files
    except BaseException:
        _forget(folder, list(files.values()))
        raise


def _forget(folder: Path, files: Sequence[str]) -> None:
    """Take files of ours away; others are somebody else's."""
    for file in files:
        if file and Path(file).parent == folder.absolute():
            Path(file).unlink(missing_ok=True)


def _write(folder: Path, raw: bytes, ending: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder.absolute() / f"{uuid.uuid4().hex}.{ending}"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(raw)
    return file
