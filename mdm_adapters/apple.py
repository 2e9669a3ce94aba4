"""Apple's ways that managers of iPhones share: property lists, commands and what their answers say of a phone; no
manager's own API lives here.

VENDORS sections 7.1, 7.3 and 7.4 have the sources. What a phone sends is untrusted: sizes are bounded, entities
refused, and of apps only those that were asked for are looked at.
"""

from __future__ import annotations

import hashlib
import json
import plistlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mdm_adapters.phones import AppPresence, AppSight, Aspect, Platform, ProfileKind, WatchedApp
from mdm_adapters.port import Fault, Garbled

PROFILES: Mapping[ProfileKind, str] = {
    ProfileKind.CONTACT_ACCOUNT: "nl.closeout.contacts",
    ProfileKind.PROTECTION: "nl.closeout.protection",
}
"""Under which identifiers our profiles are on a phone, unless a connection says otherwise."""
MOST_PLIST = 4 * 1024 * 1024
"""Bytes. A list of profiles carries the certificates of their signers; a list of the apps asked for is far smaller."""
_ACCOUNTS = frozenset({"com.apple.carddav.account", "com.apple.eas.account"})
# Managed, or about to be: the app stands for it in any of these, and a managed app may always read managed contacts.
_MANAGED = frozenset({"Managed", "Updating", "ValidatingUpdate", "PromptingForUpdate", "PromptingForUpdateLogin"})

_ASPECTS: Mapping[Aspect, str] = {
    Aspect.WRITES_BLOCKED: "allowManagedToWriteUnmanagedContacts",
    Aspect.READS_BLOCKED: "allowUnmanagedToReadManagedContacts",
}
_OPEN_IN = "allowOpenFromManagedToUnmanaged"


def read_plist(raw: bytes, most: int = MOST_PLIST) -> Mapping[str, Any]:
    """The dictionary that an XML property list holds; Garbled: it holds none, is too large, or declares entities."""
    if len(raw) > most:
        raise Garbled(Fault.TOO_LARGE)
    found: object = None
    try:
        # plistlib refuses entity declarations by itself; binary lists are not what a phone sends to its manager.
        found = plistlib.loads(raw, fmt=plistlib.FMT_XML)
    except Exception as error:  # noqa: BLE001 - expat's, plistlib's and the numbers' own errors, which quote what they read
        del error
    if not isinstance(found, dict):
        raise Garbled(Fault.BAD_BODY)
    return found


def write_command(command: str, request: Mapping[str, Any]) -> bytes:
    """One command as a property list. command: its UUID, in the form in which it will come back."""
    return plistlib.dumps({"Command": dict(request), "CommandUUID": command})


def app_mark(apps: Sequence[WatchedApp]) -> bytes:
    """Eight bytes that stand for just this catalogue, so that an answer is never read against another one."""
    told = sorted((app.key, sorted(app.ids)) for app in apps if app.platform is Platform.IOS)
    return hashlib.sha256(json.dumps(told).encode()).digest()[:8]


def side_command(command: str, kind: int, mark: bytes) -> str:
    """A UUID (version 8, RFC 9562 5.8) for a question that goes along with `command`: the same for the same arguments.

    kind: 0 to 15. mark: eight bytes, of which 58 bits are kept. `read_side` gets kind and mark back out of it, so that
    the answer, which says neither, needs no table to be understood.
    """
    base = int.from_bytes(hashlib.sha256(UUID(command).bytes).digest()[:8], "big")
    head = (base & ~0xF000) | 0x8000
    tail = (2 << 62) | (kind << 58) | mark_bits(mark)
    return str(UUID(int=(head << 64) | tail)).upper()


def read_side(command: str) -> tuple[int, int] | None:
    """Kind and mark (58 bits) of a UUID that `side_command` made; None: it did not."""
    try:
        value = UUID(command).int
    except ValueError:
        return None
    if (value >> 76) & 0xF != 8 or (value >> 62) & 3 != 2:
        return None
    return (value >> 58) & 0xF, value & ((1 << 58) - 1)


def mark_bits(mark: bytes) -> int:
    """What `read_side` gives for this mark."""
    return int.from_bytes(mark, "big") >> 6


def profile_facts(
    found: object, profiles: Mapping[ProfileKind, str], *, elsewhere: bool = False
) -> Mapping[Aspect, bool | None]:
    """What a list of managed profiles says; Garbled: it is no list of profiles.

    elsewhere: accounts may also come by declarations, which this list need not show: then it cannot say that none is
    there.
    """
    # Where another asked for all profiles, those that the phone's user put there are told as not managed.
    rows = [row for row in _rows(found) if row.get("IsManaged") is not False]
    names = {_text(row.get("PayloadIdentifier")) for row in rows}
    contents = [row.get("PayloadContent") for row in rows]
    types = {
        _text(part.get("PayloadType")) for content in contents if isinstance(content, list) for part in _rows(content)
    }
    known = all(isinstance(content, list) for content in contents)
    account: bool | None = None
    if profiles[ProfileKind.CONTACT_ACCOUNT] in names or types & _ACCOUNTS:
        account = True
    elif known and not elsewhere:
        account = False
    return {
        Aspect.CONTACT_ACCOUNT: account,
        Aspect.PROTECTION: profiles[ProfileKind.PROTECTION] in names,
    }


def restriction_facts(found: object) -> Mapping[Aspect, bool | None]:
    """What the restrictions in force say, of all profiles together; Garbled: they are none.

    Reading and writing across are blocked only where opening across is: each key alone does nothing (VENDORS 7.4).
    """
    if not isinstance(found, dict):
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    bools = found.get("restrictedBool", {})
    if not isinstance(bools, dict):
        raise Garbled(Fault.NOT_THE_PROTOCOL)

    def blocked(name: str) -> bool | None:
        entry = bools.get(name)
        value = entry.get("value") if isinstance(entry, dict) else None
        return not value if isinstance(value, bool) else None

    # What is not in the list is not in force, and the default of this one is to allow.
    open_in = bool(blocked(_OPEN_IN))
    facts: dict[Aspect, bool | None] = {Aspect.OPEN_IN_BLOCKED: open_in}
    for aspect, name in _ASPECTS.items():
        facts[aspect] = blocked(name) if open_in else False
    facts[Aspect.PRIVATE_ACCOUNTS_BLOCKED] = bool(blocked("allowAccountModification"))
    if blocked("allowCloudBackup"):
        facts[Aspect.CLOUD_BACKUP_OFF] = True
    return facts


def information_facts(found: object) -> Mapping[Aspect, bool | None]:
    """What a phone says of itself, as far as it was asked."""
    backup = found.get("IsCloudBackupEnabled") if isinstance(found, dict) else None
    return {Aspect.CLOUD_BACKUP_OFF: not backup} if isinstance(backup, bool) else {}


def app_sights(
    found: object, phone: str, apps: Sequence[WatchedApp], told_at: datetime, *, sees_all: bool
) -> Sequence[AppSight]:
    """One sight of each app that was asked for, by its id alone. sees_all: the phone was able to name apps that it
    manages not.

    An app that is being downloaded counts as present: it will be. Names of other apps are not read.
    """
    rows = _rows(found)
    there = {_text(row.get("Identifier")).casefold() for row in rows if row.get("IsAppClip") is not True}
    # One that is listed without its id may be any of them.
    unseen = AppPresence.ABSENT if sees_all and "" not in there else AppPresence.UNKNOWN
    return [
        AppSight(phone, app.key, AppPresence.PRESENT if there & same_case(app.ids) else unseen, told_at=told_at)
        for app in apps
        if app.platform is Platform.IOS and app.ids
    ]


def same_case(ids: Iterable[str]) -> frozenset[str]:
    """Ids of apps to compare: an id in another case than the app's own must not make it absent."""
    return frozenset(each.casefold() for each in ids)


def managed_sights(found: object, phone: str, apps: Sequence[WatchedApp], told_at: datetime) -> Sequence[AppSight]:
    """A sight of each app that was asked for and is managed; of others this list says nothing."""
    if not isinstance(found, dict):
        raise Garbled(Fault.NOT_THE_PROTOCOL)

    def managed(app: WatchedApp) -> bool:
        rows = (found.get(each) for each in app.ids)
        return any(isinstance(row, dict) and row.get("Status") in _MANAGED for row in rows)

    return [
        AppSight(phone, app.key, AppPresence.PRESENT, managed=True, told_at=told_at)
        for app in apps
        if app.platform is Platform.IOS and managed(app)
    ]


def read_time(value: object) -> datetime | None:
    """A time of RFC 3339, aware; None: it is none, or stands for never (before 1980), as 0001-01-01 does."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found if found.year >= 1980 else None


def apps_of(text: str) -> Sequence[WatchedApp]:
    """The apps that a connection's option names: {"key": ["bundle id", ..], ..}; ValueError: it is not that."""
    found = json.loads(text) if text else {}
    if not isinstance(found, dict) or not all(
        isinstance(ids, list) and all(isinstance(each, str) for each in ids) for ids in found.values()
    ):
        raise ValueError('apps are {"key": ["bundle id", ..], ..}')
    return [WatchedApp(key, Platform.IOS, frozenset(ids)) for key, ids in found.items()]


def _rows(found: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
