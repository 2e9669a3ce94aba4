"""What administrators set up: the installation, the gates, connections and places; each change is in the log."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlsplit

from mdm_adapters.options import LOOPBACK, ConnectionKind, OptionKind, origin_of
from mdm_adapters.port import Capability, CapabilityAnswer, FieldKind, Place, Trial
from server.core.admin.gates import Gate
from server.core.identity.reading import registered
from server.core.log.entries import Body, EntryKind
from server.core.naming import known_spelling, name_key, plain_name, says_something
from server.core.problems import (
    ConnectionProblem,
    ConnectionSetupRefusedError,
    ListRefusedError,
    PlaceListProblem,
    SetupProblem,
    SetupRefusedError,
)
from server.sources.written_lists import NotOneRowError, WrittenList, read_written_list
from server.store import log
from server.store.admin import organisation, spells
from server.store.admin.organisation import ConnectionRow, Installation, PutPlace
from server.store.database import Connection
from server.store.removal import needs
from server.work.admin import log_checkpoints, who_did
from server.work.context import Context, Keys

_KEY_CHECK = "installation.key_check"
_COLUMNS = ("worker", "employer", "team", "connection", "address", "devices", "logins")
_MOST_PLACES = 100_000


@dataclass(frozen=True, slots=True)
class PlacesTaken:
    """What a list of places came to."""

    rows: int
    new: int
    moved: tuple[int, ...] = ()
    """Lines that give a book to another worker than it was of."""


@dataclass(frozen=True, slots=True)
class CheckedPlace:
    """One place tried: what works, what the vendor can and cannot, whether the gate stands open."""

    place: str
    worker: str
    connection: str
    gated: bool
    trials: tuple[Trial, ...]
    capabilities: Mapping[Capability, CapabilityAnswer]
    line: int | None = None
    """Of the list by which it was taken in."""


def found(context: Context, name: str, *, demo: bool) -> Installation:
    """Make the tables and the installation's own row, and sign the first head of its log; refuses if there is one.

    OSError: the head could not be written. The installation is there all the same.
    """
    context.store.migrate()
    now = context.now()
    with context.store.write() as connection:
        if organisation.has_installation(connection):
            raise SetupRefusedError(SetupProblem.ALREADY_THERE)
        row = Installation(uuid.uuid4().hex[:12], name, demo, key_check(context.keys))
        organisation.found(connection, row, now)
        log.begin(connection)
        log.append(
            connection, now, [(EntryKind.INSTALLED, {"origin": row.uid, "mode": "demo" if demo else "organisation"})]
        )
    log_checkpoints.write_checkpoint(context, because=log_checkpoints.Because.INSTALLED)
    return row


def key_check(keys: Keys) -> bytes:
    """A value by which a wrong identifier key is noticed before it makes every contact look absent."""
    (probe,) = registered("mail@closeout.example", FieldKind.EMAIL)
    return keys.sealer.hash(keys.tokeniser.token(probe).hex(), _KEY_CHECK)


_SAID_OF_A_GATE = ("employer", "dpia", "dpia_version", "advice", "consent", "purpose")
"""Texts without which a gate stays shut."""


def record_gate(context: Context, gate: Gate, by: str) -> None:
    """Record DPIA and works-council consent for an employer.

    SetupRefusedError: MISSING_VALUE with the field that says nothing; NOT_YET with the field whose day is to come;
    REVIEW_AFTER_END, ENDS_IN_PAST.
    """
    gate = replace(
        gate,
        employer=plain_name(gate.employer),
        dpia=plain_name(gate.dpia),
        dpia_version=plain_name(gate.dpia_version),
        advice=plain_name(gate.advice),
        consent=plain_name(gate.consent),
        purpose=plain_name(gate.purpose),
    )
    for field in _SAID_OF_A_GATE:
        if not says_something(getattr(gate, field)):
            raise SetupRefusedError(SetupProblem.MISSING_VALUE, field=field)
    for field, day in (("dpia_on", gate.dpia_on), ("consent_on", gate.consent_on)):
        if day is None:
            raise SetupRefusedError(SetupProblem.MISSING_VALUE, field=field)
        if day > context.today():
            raise SetupRefusedError(SetupProblem.NOT_YET, field=field)
    if gate.review_on > gate.ends_on:
        raise SetupRefusedError(SetupProblem.REVIEW_AFTER_END)
    if gate.ends_on < context.today():
        raise SetupRefusedError(SetupProblem.ENDS_IN_PAST)
    now = context.now()
    with context.store.write() as connection:
        number = organisation.record_gate(connection, gate, now, by)
        # What was stopped because no gate was open is decided again.
        needs.mark_due(connection, needs.of_employer(organisation.employer_named(connection, gate.employer)), now)
        body = {
            "gate": str(number),
            "what": gate.scope.value,
            "verb": "recorded",
            "review": gate.review_on.isoformat(),
            "until": gate.ends_on.isoformat(),
        }
        who_did.enter(context, connection, EntryKind.GATE_RECORDED, [body], f"gate {number} recorded")


def put_connection(
    context: Context,
    *,
    name: str,
    vendor: str,
    base_url: str,
    login: str,
    secret_file: str,
    kinds: Mapping[str, ConnectionKind],
    ca_file: str | None = None,
    log_file: str | None = None,
    options: Mapping[str, str] | None = None,
    seen: str | None = None,
) -> None:
    """Make or change a connection, as its vendor declares it. A demo installation reaches nothing but this machine.

    options: None: as they were, if it is the same vendor. kinds: what each vendor declares. seen: the mark of what the
    person saw, "" for nothing; None: whatever is there is replaced. Raises ConnectionSetupRefusedError, among others
    WRONG_FIELDS, which says which fields, and CHANGED.
    """
    kind = kinds.get(vendor)
    if kind is None:
        raise ConnectionSetupRefusedError(ConnectionProblem.UNKNOWN_VENDOR)
    if not says_something(name):
        raise ConnectionSetupRefusedError(ConnectionProblem.MISSING_NAME, field="name")
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        rows = {row.name: row for row in organisation.read_connections(connection)}
    name, login = known_spelling(name, rows), plain_name(login)
    known = rows.get(name)
    kept = known.options if known is not None and known.vendor == vendor else {}
    own = kept if options is None else options
    given = given_of(base_url, login, secret_file, ca_file, log_file, own)
    if faults := kind.faults_of(given):
        raise ConnectionSetupRefusedError(ConnectionProblem.WRONG_FIELDS, field=min(faults), faults=faults)
    if demo and (far := _beyond(kind, given)):
        raise ConnectionSetupRefusedError(ConnectionProblem.DEMO_NOT_LOOPBACK, field=far)
    with context.store.write() as connection:
        if seen is not None and seen != _mark_now(connection, name):
            raise ConnectionSetupRefusedError(ConnectionProblem.CHANGED)
        organisation.put_connection(
            connection,
            {
                "name": name,
                "vendor": vendor,
                "base_url": base_url,
                "login": login,
                "secret_file": secret_file,
                "ca_file": ca_file,
                "log_file": log_file,
                "options": json.dumps(dict(own), sort_keys=True),
                "demo": demo,
            },
        )
        body: Body = {"vendor": vendor, "verb": "connection_put"}
        who_did.enter(context, connection, EntryKind.PLACE_CHANGED, [body], f"connection_put {name}")


def remove_connection(context: Context, name: str, *, seen: str | None = None) -> None:
    """Take a connection away that nothing hangs on: no place and no phone.

    seen: as for `put_connection`. ConnectionSetupRefusedError: UNKNOWN_CONNECTION, CHANGED, IN_USE.
    """
    with context.store.write() as connection:
        rows = {each.name: each for each in organisation.read_connections(connection)}
        row = rows.get(known_spelling(name, rows))
        if row is None:
            raise ConnectionSetupRefusedError(ConnectionProblem.UNKNOWN_CONNECTION)
        if seen is not None and seen != mark_of(row):
            raise ConnectionSetupRefusedError(ConnectionProblem.CHANGED)
        if not organisation.remove_connection(connection, row.id):
            raise ConnectionSetupRefusedError(ConnectionProblem.IN_USE)
        body: Body = {"vendor": row.vendor, "verb": "connection_removed"}
        who_did.enter(context, connection, EntryKind.PLACE_CHANGED, [body], f"connection_removed {row.name}")


def mark_of(row: ConnectionRow) -> str:
    """What a connection was when a form showed it, so that two who change it are not silent about it."""
    held = (
        row.vendor,
        row.base_url,
        row.login,
        row.secret_file,
        row.ca_file,
        row.log_file,
        sorted(row.options.items()),
    )
    return hashlib.sha256(repr(held).encode()).hexdigest()[:16]


def _mark_now(connection: Connection, name: str) -> str:
    row = {each.name: each for each in organisation.read_connections(connection)}.get(name)
    return "" if row is None else mark_of(row)


def given_of(
    base_url: str, login: str, secret_file: str, ca_file: str | None, log_file: str | None, own: Mapping[str, str]
) -> Mapping[str, str]:
    """A connection by the names of the fields that its vendor declares."""
    files = {"secret": secret_file, "ca_file": ca_file or "", "log_file": log_file or ""}
    return {**own, "url": base_url, "login": login, **files}


def _beyond(kind: ConnectionKind, given: Mapping[str, str]) -> str | None:
    """The first field with an address beyond this machine, the usual ones included; None: there is none."""
    for each in kind.fields:
        address = given.get(each.name) or each.default if each.kind is OptionKind.LINK else ""
        found = origin_of(address) if address else None
        if found is not None and found[1] not in LOOPBACK:
            return each.name
    return None


def import_places(context: Context, text: str) -> PlacesTaken:
    """Take in a list of places: CSV with a header, one place a line, all of it or nothing.

    worker, employer, team, connection (its name), address (collection URL or path; mailbox), devices and logins
    (each several, separated by blanks; as many logins as devices, or none; `-`: that device has no login of its own).
    """
    rows = _read_places(text)
    now = context.now()
    with context.store.write() as connection:
        known = {name_key(row.name): row for row in organisation.read_connections(connection)}
        spelt = organisation.worker_spellings(connection)
        came: list[tuple[int, PutPlace]] = []
        teams = _teams(rows)
        told: dict[str, set[int]] = {}
        for line, row in rows:
            to = known.get(name_key(row["connection"]))
            if to is None:
                raise ListRefusedError(PlaceListProblem.UNKNOWN_CONNECTION, line=line, field="connection")
            worker = spelt.setdefault(name_key(row["worker"]), row["worker"])
            employer = organisation.employer_named(connection, row["employer"])
            number = organisation.put_worker(connection, worker, employer, teams[name_key(row["worker"])])
            devices = _devices(row, line)
            for device in devices:
                told.setdefault(device, set()).add(number)
            put = organisation.put_place(
                connection,
                uid=uuid.uuid4().hex[:12],
                connection_id=to.id,
                worker_id=number,
                address=_address(row["address"], to.base_url, line),
                devices=devices,
                line=line,
                at=now,
            )
            came.append((line, put))
        spells.note(connection, context.today(), told)
        moved = tuple(line for line, put in came if put is PutPlace.MOVED)
        said: list[Body] = [{"verb": "list_imported", "count": len(rows)}]
        said += [{"verb": "hands_changed", "count": len(moved)}] if moved else []
        who_did.enter(context, connection, EntryKind.PLACE_CHANGED, said, f"places_imported {len(rows)}")
    return PlacesTaken(len(rows), sum(put is PutPlace.NEW for _, put in came), moved)


def _teams(rows: Sequence[tuple[int, Mapping[str, str]]]) -> Mapping[str, str]:
    """The team of each worker of a list, by the key of their name; in two teams nobody can be told."""
    found: dict[str, str] = {}
    for line, row in rows:
        who, team = name_key(row["worker"]), row["team"]
        if team and found.get(who) and name_key(found[who]) != name_key(team):
            raise ListRefusedError(PlaceListProblem.TWO_TEAMS, line=line, field="team")
        found[who] = found.get(who) or team
    return found


def _read_places(text: str) -> list[tuple[int, dict[str, str]]]:
    found = _open_places(text)
    rows = []
    for line, row in found.rows():
        values = {name: plain_name(row.get(name, "")) for name in _COLUMNS}
        for name in ("worker", "employer", "connection", "address"):
            if not values[name]:
                raise ListRefusedError(PlaceListProblem.MISSING_VALUE, line=line, field=name)
        rows.append((line, values))
        if len(rows) > _MOST_PLACES:
            raise ListRefusedError(PlaceListProblem.TOO_MANY, line=line)
    if not rows:
        raise ListRefusedError(PlaceListProblem.EMPTY_FILE)
    return rows


def _open_places(text: str) -> WrittenList:
    if "\0" in text:
        raise ListRefusedError(PlaceListProblem.NOT_TEXT)
    try:
        found = read_written_list(text)
    except NotOneRowError as error:
        raise ListRefusedError(PlaceListProblem.NOT_ONE_ROW, line=error.line) from None
    if not found.header:
        raise ListRefusedError(PlaceListProblem.EMPTY_FILE)
    for name in found.header:
        if name not in _COLUMNS:
            raise ListRefusedError(PlaceListProblem.UNKNOWN_COLUMN, line=1)
    for name in ("worker", "employer", "connection", "address"):
        if name not in found.header:
            raise ListRefusedError(PlaceListProblem.MISSING_COLUMN, line=1, field=name)
    return found


def _address(address: str, base_url: str, line: int) -> str:
    """The address within its connection: a URL on the connection's host becomes its path."""
    parts = urlsplit(address)
    if not parts.scheme or not parts.netloc:
        return address
    base = urlsplit(base_url)
    if (parts.scheme, parts.netloc) != (base.scheme, base.netloc):
        raise ListRefusedError(PlaceListProblem.OTHER_HOST, line=line, field="address")
    return parts.path


def _devices(row: Mapping[str, str], line: int) -> dict[str, str]:
    devices = row["devices"].split()
    logins = row["logins"].split() or ["-"] * len(devices)
    if len(logins) != len(devices):
        raise ListRefusedError(PlaceListProblem.LOGINS_DO_NOT_FIT, line=line, field="logins")
    return {device: "" if login == "-" else login for device, login in zip(devices, logins, strict=True)}


def check_places(context: Context) -> Sequence[CheckedPlace]:
    """Try every place without reading what is in it, gate or no gate."""
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        places = organisation.read_places(connection, context.today())
    checked = []
    for done, place in enumerate(places):
        context.progress(done, len(places))
        adapter = context.stores.get(place.connection)
        trials = () if adapter is None else tuple(adapter.check(Place(place.uid, place.address)))
        capabilities = {} if adapter is None else adapter.capabilities()
        checked.append(
            CheckedPlace(
                place.uid, place.worker_ref, place.connection, demo or place.gated, trials, capabilities, place.line
            )
        )
    context.progress(len(places), len(places))
    return checked


def gates_in_force(context: Context, today: date) -> Sequence[Gate]:
    """Gates that stand open today."""
    with context.store.read() as connection:
        return [gate for gate in organisation.gates(connection) if gate.ends_on >= today]
