"""Lists that people hand over: whose a device is and what managers call it, and Exchange's own figures of fetching."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from server.core.log.entries import Body, EntryKind
from server.core.model import DeviceUse
from server.core.naming import name_key, plain_name
from server.core.problems import DeviceListProblem, ListRefusedError
from server.sources.written_lists import NotOneRowError, WrittenList, read_written_list
from server.store import log
from server.store.admin import organisation, spells
from server.store.database import Connection
from server.store.phones import lists, managed
from server.store.phones.lists import FetchesTaken, FetchSeen
from server.work.admin import who_did
from server.work.context import Context

_COLUMNS = ("device", "worker", "employer", "team", "use", "connection", "phone")
_MOST_ROWS = 200_000
_LARGEST = 64 * 1024 * 1024
"""Characters of one file."""
_LATER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DevicesTaken:
    """What a list of devices came to. matched: managed phones that are somebody's now."""

    rows: int
    new: int
    matched: int


def import_devices(context: Context, text: str) -> DevicesTaken:
    """Take in a list of devices: CSV with a header, one device a line, all of it or nothing.

    device (our neutral reference), worker, employer and team (only for a worker not known yet), use (own, shared, loan;
    empty: own), connection and phone: what that manager, or that store, calls it (its id, serial number or login). A
    device that two connections know stands on two lines. Raises ListRefusedError.
    """
    rows = list(_read(text))
    if not rows:
        raise ListRefusedError(DeviceListProblem.EMPTY_FILE)
    sealer = context.keys.sealer
    now = context.now()
    with context.store.write() as connection:
        ids = {row.name: row.id for row in organisation.read_connections(connection)}
        new = 0
        told: dict[str, set[int]] = {}
        teams: dict[str, str] = {}
        for line, row in rows:
            worker = _worker(connection, row, line)
            team = plain_name(row["team"])
            if team and name_key(teams.setdefault(name_key(row["worker"]), team)) != name_key(team):
                raise ListRefusedError(DeviceListProblem.TWO_TEAMS, line=line, field="team")
            told.setdefault(row["device"], set()).add(worker)
            use = row["use"] or DeviceUse.OWN.value
            if use not in set(DeviceUse):
                raise ListRefusedError(DeviceListProblem.UNKNOWN_USE, line=line, field="use")
            number, is_new = lists.put_device(connection, row["device"], worker, DeviceUse(use))
            new += is_new
            if row["phone"]:
                if row["connection"] not in ids:
                    raise ListRefusedError(DeviceListProblem.UNKNOWN_CONNECTION, line=line, field="connection")
                lists.put_handle(connection, sealer, ids[row["connection"]], number, row["phone"])
        spells.note(connection, context.today(), told)
        matched = sum(
            managed.match_phones(connection, sealer, number, now)
            for name, number in ids.items()
            if name in context.mdms
        )
        body: Body = {"verb": "devices_imported", "count": len(rows)}
        who_did.enter(context, connection, EntryKind.PLACE_CHANGED, [body], f"devices_imported {len(rows)}")
    return DevicesTaken(len(rows), new, matched)


def _worker(connection: Connection, row: Mapping[str, str], line: int) -> int:
    """The worker of a row, made known where the row names an employer."""
    spelt = organisation.worker_spellings(connection).get(name_key(row["worker"]), plain_name(row["worker"]))
    if row["employer"]:
        employer = organisation.employer_named(connection, row["employer"])
        return organisation.put_worker(connection, spelt, employer, plain_name(row["team"]))
    found = lists.worker_id_of(connection, spelt)
    if found is None:
        raise ListRefusedError(DeviceListProblem.UNKNOWN_WORKER, line=line, field="worker")
    return found


def _read(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    found = _open(text)
    header = found.header
    for name in header:
        if name not in _COLUMNS:
            raise ListRefusedError(DeviceListProblem.UNKNOWN_COLUMN, line=1)
    for name in ("device", "worker"):
        if name not in header:
            raise ListRefusedError(DeviceListProblem.MISSING_COLUMN, line=1, field=name)
    for count, (line, row) in enumerate(found.rows()):
        if count >= _MOST_ROWS:
            raise ListRefusedError(DeviceListProblem.TOO_MANY, line=line)
        values = {name: row.get(name, "").strip() for name in _COLUMNS}
        for name in ("device", "worker"):
            if not values[name]:
                raise ListRefusedError(DeviceListProblem.MISSING_VALUE, line=line, field=name)
        yield line, values


def _open(text: str) -> WrittenList:
    if "\0" in text:
        raise ListRefusedError(DeviceListProblem.NOT_TEXT)
    if len(text) > _LARGEST:
        raise ListRefusedError(DeviceListProblem.TOO_LONG)
    try:
        found = read_written_list(text)
    except NotOneRowError as error:
        raise ListRefusedError(DeviceListProblem.NOT_ONE_ROW, line=error.line) from None
    if not found.header:
        raise ListRefusedError(DeviceListProblem.EMPTY_FILE)
    return found


# --- Exchange's own figures ---------------------------------------------------------------------------------------

_STATS = {"mailbox": "mailbox", "deviceid": "device", "lastsuccesssync": "at"}
_DOT_NET = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]")
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any phone synchronised; .NET writes year 1 for never."""


def take_fetches(context: Context, connection_name: str, text: str) -> FetchesTaken:
    """Take in what Exchange's `Get-MobileDeviceStatistics` says: Mailbox, DeviceID and LastSuccessSync, as CSV or JSON.

    A device that synchronised its mailbox after a contact was proven gone from it has what that showed, so the orders
    settled before rise to device_synced for it. Times are ISO 8601 (without a zone: UTC) or .NET's; others are refused,
    since day and month could be taken for each other. All of it or nothing. Raises ListRefusedError.
    """
    now = context.now()
    seen = []
    for line, row in _stats(text):
        at = _time(row["at"], line)
        if at is not None and at > _NEVER and row["device"] and row["mailbox"]:
            if at > now + _LATER:
                raise ListRefusedError(DeviceListProblem.BAD_TIME, line=line, field="LastSuccessSync")
            seen.append(FetchSeen(row["mailbox"], row["device"], at))
    with context.store.write() as connection:
        number = managed.connection_id(connection, connection_name)
        if number is None:
            raise ListRefusedError(DeviceListProblem.UNKNOWN_CONNECTION)
        taken = lists.take_fetches(connection, context.keys.sealer, number, seen, now)
        log.append(
            connection,
            now,
            [
                (EntryKind.EVIDENCE_RAISED, {"order": order, "level": "device_synced", "what": "device"})
                for order, _ in taken.raised
            ],
        )
    return taken


def _stats(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    bare = text.removeprefix("\ufeff").lstrip()
    if bare[:1] in ("[", "{"):
        yield from _stats_of_json(bare)
        return
    if bare.startswith("#TYPE"):  # Windows PowerShell's first line
        bare = bare.partition("\n")[2]
    found = _open(bare)
    _complete(found.header)
    for count, (line, row) in enumerate(found.rows()):
        if count >= _MOST_ROWS:
            raise ListRefusedError(DeviceListProblem.TOO_MANY, line=line)
        yield line, {ours: row.get(name, "").strip() for name, ours in _STATS.items()}


def _stats_of_json(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    if len(text) > _LARGEST:
        raise ListRefusedError(DeviceListProblem.TOO_LONG)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ListRefusedError(DeviceListProblem.NOT_TEXT) from None
    rows = found if isinstance(found, list) else [found]
    if len(rows) > _MOST_ROWS:
        raise ListRefusedError(DeviceListProblem.TOO_MANY)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ListRefusedError(DeviceListProblem.NOT_TEXT, line=number)
        values = {str(name).lower(): value for name, value in row.items()}
        _complete(list(values))
        yield number, {ours: _plain(values[name]) for name, ours in _STATS.items()}


def _plain(value: object) -> str:
    if isinstance(value, dict):  # PowerShell 7 writes a time as an object with its value in it
        value = value.get("value") or value.get("DateTime")
    return value.strip() if isinstance(value, str) else ""


def _complete(names: Sequence[str]) -> None:
    for name, shown in (("mailbox", "Mailbox"), ("deviceid", "DeviceID"), ("lastsuccesssync", "LastSuccessSync")):
        if name not in names:
            raise ListRefusedError(DeviceListProblem.MISSING_COLUMN, line=1, field=shown)


def _time(text: str, line: int) -> datetime | None:
    """The instant; None: never. ListRefusedError: it is neither."""
    if not text:
        return None
    found = _DOT_NET.fullmatch(text)
    try:
        if found:
            return datetime.fromtimestamp(int(found[1]) / 1000, UTC)
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text) if _ISO.match(text) else "")
    except (ValueError, OverflowError, OSError):
        raise ListRefusedError(DeviceListProblem.BAD_TIME, line=line, field="LastSuccessSync") from None
    try:
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except OverflowError:
        return None
