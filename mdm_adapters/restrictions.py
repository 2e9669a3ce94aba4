"""What a profile sets on a phone, read from itself, and the forms in which Intune takes one; pure, calls nobody.

A profile that was read back is a vendor's answer: bounded, and refused if it defines entities.
"""

from __future__ import annotations

import base64
import binascii
import json
import plistlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers.expat import ExpatError

from mdm_adapters.phones import Aspect, PhoneProfile, Platform

MOST_PROFILE = 1024 * 1024
"""Bytes of one profile."""
MARK = "closeout"
"""What the description of each configuration that we made begins with: no other is ever changed."""
SAVING = "com.microsoft.outlook.Contacts.LocalSyncEnabled"
"""Outlook's key for copying its contacts into the phone's own address book."""
_IOS_CUSTOM = "#microsoft.graph.iosCustomConfiguration"
_IOS_APP = "#microsoft.graph.iosMobileAppConfiguration"
_ANDROID = "#microsoft.graph.androidWorkProfileGeneralDeviceConfiguration"
CONFIGURATIONS = "/deviceManagement/deviceConfigurations"
APP_CONFIGURATIONS = "/deviceAppManagement/mobileAppConfigurations"
FORMS: Mapping[str, tuple[Platform, str]] = {
    _IOS_CUSTOM: (Platform.IOS, CONFIGURATIONS),
    _ANDROID: (Platform.ANDROID, CONFIGURATIONS),
    _IOS_APP: (Platform.IOS, APP_CONFIGURATIONS),
}
"""The forms that are ever written: for which phones each is, and where it is kept."""

_ACCOUNTS = frozenset({"com.apple.carddav.account", "com.apple.eas.account"})
_APPLE: Mapping[str, Aspect] = {
    "allowUnmanagedToReadManagedContacts": Aspect.READS_BLOCKED,
    "allowOpenFromManagedToUnmanaged": Aspect.OPEN_IN_BLOCKED,
    "allowManagedToWriteUnmanagedContacts": Aspect.WRITES_BLOCKED,
    "allowCloudBackup": Aspect.CLOUD_BACKUP_OFF,
}
_SUPERVISED: Mapping[str, Aspect] = {"allowAccountModification": Aspect.PRIVATE_ACCOUNTS_BLOCKED}


@dataclass(frozen=True, slots=True)
class IntuneProfile:
    """A profile as Intune takes it. collection: where it is kept; body: what is sent."""

    platform: Platform
    collection: str
    body: Mapping[str, Any] = field(repr=False)


def read_payloads(profile: bytes) -> Sequence[Mapping[str, Any]] | None:
    """The payloads of a mobileconfig; None: it is none, too large, or defines entities (which could name files)."""
    if len(profile) > MOST_PROFILE:
        return None
    try:
        found = plistlib.loads(profile, fmt=plistlib.FMT_XML)
    except (ValueError, ExpatError, OverflowError, RecursionError, AttributeError, TypeError, KeyError, IndexError):
        return None
    content = found.get("PayloadContent") if isinstance(found, dict) else None
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        return None
    return content


def set_by_apple(payloads: Sequence[Mapping[str, Any]], *, supervised: bool | None) -> frozenset[Aspect]:
    """What these payloads bring about on an iPhone where they are installed; some restrictions need supervision."""
    found: set[Aspect] = set()
    for payload in payloads:
        if payload.get("PayloadType") == "com.apple.applicationaccess":
            keys = {**_APPLE, **(_SUPERVISED if supervised else {})}
            found |= {aspect for key, aspect in keys.items() if payload.get(key) is False}
        if payload.get("PayloadType") in _ACCOUNTS and payload.get("EnableContacts") is not False:
            found.add(Aspect.CONTACT_ACCOUNT)
            if payload.get("EnableContactsUserOverridable") is False:
                found.add(Aspect.CONTACT_SYNC)
    if Aspect.OPEN_IN_BLOCKED not in found:
        found.discard(Aspect.READS_BLOCKED)  # which has no effect alone
    return frozenset(found)


def set_by_form(body: Mapping[str, Any], *, supervised: bool | None) -> frozenset[Aspect]:
    """What a configuration brings about where Intune says that it holds; empty: nothing that we can vouch for."""
    kind = body.get("@odata.type")
    if kind == _IOS_CUSTOM:
        payloads = read_payloads(_unpacked(body.get("payload")))
        return frozenset() if payloads is None else set_by_apple(payloads, supervised=supervised)
    if kind == _ANDROID:
        return _set_by_android(body)
    if kind == _IOS_APP:
        settings = dict(_settings(body))
        off = [settings.get(key, "").lower() for key in (SAVING, f"{SAVING}.UserChangeAllowed")]
        return frozenset({Aspect.OUTLOOK_SAVING_BLOCKED}) if off == ["false", "false"] else frozenset()
    return frozenset()


def form_of(profile: PhoneProfile) -> IntuneProfile | None:
    """A profile as Intune takes it; None: it cannot be given to a group, or is of no form that we write.

    A profile with a password in it is one phone's own, and Intune would give it to every phone of a group.
    """
    if not profile.body.lstrip().startswith(b"{"):
        body: dict[str, Any] = {
            "@odata.type": _IOS_CUSTOM,
            "payloadName": profile.identifier,
            "payloadFileName": f"{profile.identifier}.mobileconfig",
            "payload": base64.b64encode(profile.body).decode("ascii"),
        }
    else:
        try:
            body = json.loads(profile.body) if len(profile.body) <= MOST_PROFILE else {}
        except (ValueError, RecursionError):
            return None
    platform, collection = FORMS.get(str(body.get("@odata.type")), (None, ""))
    if platform is not profile.platform or _has_password(body):
        return None
    if body["@odata.type"] == _IOS_CUSTOM:
        payloads = read_payloads(_unpacked(body.get("payload")))
        if payloads is None or _has_password(payloads):
            return None
    return IntuneProfile(platform, collection, {**body, "displayName": profile.identifier, "description": MARK})


def outlook_without_saving(apps: Sequence[str]) -> bytes:
    """The body of a profile by which Outlook on iPhones copies no contacts into the phone, whatever its user wants.

    apps: the ids under which the tenant's Intune knows Outlook.
    """
    settings = [
        {"appConfigKey": key, "appConfigKeyType": "booleanType", "appConfigKeyValue": "false"}
        for key in (SAVING, f"{SAVING}.UserChangeAllowed")
    ]
    return json.dumps({"@odata.type": _IOS_APP, "targetedMobileApps": list(apps), "settings": settings}).encode()


def work_profile_kept_apart() -> bytes:
    """The body of a profile by which nothing outside an Android work profile reads the contacts in it."""
    return json.dumps(
        {
            "@odata.type": _ANDROID,
            "workProfileBlockCrossProfileContactsSearch": True,
            "workProfileBlockCrossProfileCallerId": True,
            "workProfileBluetoothEnableContactSharing": False,
            "workProfileDataSharingType": "preventAny",
            "workProfileBlockAddingAccounts": True,
        }
    ).encode()


def holds_in(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a configuration that was read back is what it should be; what else it has does not matter."""
    return all(_same(value, found.get(name)) for name, value in wanted.items())


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and holds_in(wanted, found)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(_same, wanted, found))
    return bool(wanted == found)


def _set_by_android(body: Mapping[str, Any]) -> frozenset[Aspect]:
    found: set[Aspect] = set()
    if all(body.get(f"workProfileBlockCrossProfile{each}") is True for each in ("ContactsSearch", "CallerId")):
        found.add(Aspect.READS_BLOCKED)
    if body.get("workProfileDataSharingType") == "preventAny":
        found.add(Aspect.OPEN_IN_BLOCKED)
    # That no account can be added in the work profile says nothing of the private side, where one always can.
    return frozenset(found)


def _settings(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    settings = body.get("settings")
    for each in settings if isinstance(settings, list) else ():
        if isinstance(each, dict):
            yield str(each.get("appConfigKey")), str(each.get("appConfigKeyValue"))


def _unpacked(payload: object) -> bytes:
    if not isinstance(payload, str) or len(payload) > 2 * MOST_PROFILE:
        return b""
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _has_password(found: object) -> bool:
    if isinstance(found, Mapping):
        if str(found.get("appConfigKey")).lower().endswith("password") and found.get("appConfigKeyValue"):
            return True
        return any(
            (str(name).lower().endswith("password") and value) or _has_password(value) for name, value in found.items()
        )
    if isinstance(found, Sequence) and not isinstance(found, str | bytes):
        return any(map(_has_password, found))
    return False
