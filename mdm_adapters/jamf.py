"""iPhones through Jamf Pro: an `Mdm`; what a phone's posture means is not decided here.

A profile is made once in Jamf Pro; a phone gets it by coming into the static group that it is assigned to, or among the
phones that it is assigned to one by one, and loses it by leaving. What holds of a phone is what it told at its last
inventory. `Phone.ref` is Jamf's number of the device. VENDORS section 8 has the sources.
"""

from __future__ import annotations

import hmac
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from mdm_adapters.apple import PROFILES, read_time, same_case
from mdm_adapters.http import Connection, HttpClient, Reply, given_in
from mdm_adapters.options import ConnectionKind, Grant, Option, OptionKind, Sort, read_key, said
from mdm_adapters.phones import (
    AppPresence,
    AppSight,
    Ask,
    AskState,
    Aspect,
    Mdm,
    Phone,
    PhoneCapability,
    PhoneProfile,
    Platform,
    Posture,
    ProfileKind,
    Told,
    WatchedApp,
)
from mdm_adapters.port import (
    YES,
    CapabilityAnswer,
    Denied,
    Fault,
    Garbled,
    Missing,
    PortError,
    Trial,
    Unreachable,
    no,
    partly,
    trial_of_way,
)
from mdm_adapters.restrictions import read_payloads, set_by_apple

AT_ONCE = 5
"""Requests that one server is asked at once: what Jamf advises."""
MOST_PHONES = 100_000
MOST_EVENT = 256 * 1024
_PAGE = 200
_CHUNK = 100
_STARTS = 3
_SMALL = 256 * 1024
_LIFE_USED = 0.8
_LONGEST_LIFE = 86_400.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_IN, _OUT = "in ", "out "
_NODE = re.compile(r"(?:^|[,;]\s*)(APBALANCEID|JPRO-INGRESS)=([!-+\--:<-~]+)")
_INVENTORY = "api/v2/mobile-devices/detail"
_COMMANDS = "api/v2/mdm/commands"
_BY_USER: Mapping[str, bool] = {
    "Institutional": False,
    "AccountDrivenDeviceEnrollment": False,
    "UserEnrollment": True,
    "AccountDrivenUserEnrollment": True,
}
_OWNED: Mapping[str, bool] = {"Institutional": True, "UserEnrollment": False, "AccountDrivenUserEnrollment": False}
_STATES: Mapping[str, AskState] = {
    "PENDING": AskState.ACCEPTED,
    "NOT_NOW": AskState.WAITING,
    "ACKNOWLEDGED": AskState.DONE,
    "ERROR": AskState.FAILED,
    "COMMAND_FORMAT_ERROR": AskState.FAILED,
}
# Of people and apps only this much is kept while an answer is read: the rest is dropped before anything looks at it.
_KEPT = frozenset(
    {
        *(
            "totalCount",
            "results",
            "mobileDeviceId",
            "deviceType",
            "general",
            "hardware",
            "userAndLocation",
            "profiles",
        ),
        *("applications", "managementId", "managed", "supervised", "deviceOwnershipType", "lastInventoryUpdateDate"),
        *("lastContactDate", "cloudBackupEnabled", "serialNumber", "username", "emailAddress"),
        *("identifier", "displayName", "uuid", "managementStatus", "appClip"),
    }
)

_OF_PROFILES = frozenset({"uuid", "displayName", "removable", "lastInstalled"})

_CAPABILITIES: Mapping[PhoneCapability, CapabilityAnswer] = {
    PhoneCapability.LIST_PHONES: YES,
    PhoneCapability.FIND_APPS: partly(
        "As reported at the phone's last inventory. A phone with user enrolment names only the managed apps."
    ),
    PhoneCapability.SYNC: partly(
        "The phone is asked to check in with the MDM. When it synchronises its contacts, it decides by itself."
    ),
    PhoneCapability.PUSH_PROFILE: partly(
        "The phone is put among those to which the profile is assigned. The profile is made in Jamf Pro itself, so a "
        "password of one phone's own cannot be in it."
    ),
    PhoneCapability.PULL_PROFILE: partly("The phone is taken from among those to which the profile is assigned."),
    PhoneCapability.READ_POSTURE: partly(
        "As reported at the phone's last inventory: which profiles it has. What they restrict is read "
        "from the profile in Jamf Pro, if the connection names it."
    ),
    PhoneCapability.COMMAND_STATUS: YES,
    PhoneCapability.CONTAINER_PROOF: partly("Once the phone's inventory reports that the profile is no longer on it."),
    PhoneCapability.HIDE_CONTACTS: partly(
        "By two restrictions that work only together, and not for apps that are themselves managed."
    ),
    PhoneCapability.PHONE_EVENTS: partly(
        "Events carry no signature, so they are hints: what they say is read again from Jamf Pro."
    ),
    PhoneCapability.PHONE_CONTACTS: no("Apple's protocol has no command that reads or removes a contact on a phone."),
}
_NO_GROUP = no("This connection names neither a profile of ours nor a group to which one is assigned.")


@dataclass(frozen=True, slots=True)
class JamfProfileKind:
    """What a connection says of one kind of profile. group: the static group it is assigned to; empty: none.

    name: its identifier or its name in an inventory. config: its number in Jamf Pro, to read what it restricts, and
    where there is no group to assign it to phones one by one.
    """

    group: str
    name: str
    config: str = ""

    @property
    def given(self) -> bool:
        """Whether phones can be given it."""
        return bool(self.group or self.config)


class Tokens:
    """An API client's token (client credentials, RFC 6749 4.4), asked for anew by its age: it may live 60 seconds."""

    def __init__(
        self, http: HttpClient, client_id: str, secret: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self._monotonic = monotonic
        self._lock = Lock()
        self._token = ""
        self._renew_at = 0.0

    def token(self) -> str:
        """A token that is alive; PortError: there is none to be had."""
        with self._lock:
            now = self._monotonic()
            if not self._token or now >= self._renew_at:
                self._token, life = self._ask()
                self._renew_at = now + _LIFE_USED * life
            return self._token

    def refused(self, token: str) -> None:
        """The server does not take this token: the next is a new one."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _ask(self) -> tuple[str, float]:
        body = urlencode(self._form).encode("ascii")
        handles = frozenset({400})
        reply = self._http.call(
            "POST", "api/v1/oauth/token", headers=_FORM, body=body, handles=handles, max_body=_SMALL
        )
        found = _json_of(reply)
        if reply.status == 400:
            if isinstance(found.get("error"), str):
                raise Denied(Fault.WRONG_CREDENTIALS, status=400)
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=400)
        token, life = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not token or not all("!" <= letter <= "~" for letter in token):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return token, min(float(life), _LONGEST_LIFE) if isinstance(life, int) and life > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Held:
    """A phone as the inventory has it. profiles: (identifier, name) of each; None: not told."""

    phone: Phone
    management: str = field(repr=False)
    told_at: datetime | None
    profiles: Sequence[tuple[str, str]] | None = None
    apps: Mapping[str, bool] | None = field(default=None, repr=False)
    """Of watched apps alone: id in small letters -> whether it is managed; "" stands for apps listed without an id."""
    backs_up: bool | None = None


class JamfPro(Mdm):
    """One Jamf Pro server. Threads may share it.

    kinds: what the connection says of our profiles. events: header and value that prove an event's sender; None: none
    is believed.
    """

    def __init__(
        self,
        http: HttpClient,
        tokens: Tokens,
        *,
        kinds: Mapping[ProfileKind, JamfProfileKind],
        events: tuple[str, str] | None = None,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._kinds = kinds
        self._events = events
        self._turns = BoundedSemaphore(AT_ONCE)
        self._scoping = Lock()
        self._lock = Lock()
        self._node: dict[str, str] = {}

    def capabilities(self) -> Mapping[PhoneCapability, CapabilityAnswer]:
        """Every capability, as this connection is configured."""
        answers = dict(_CAPABILITIES)
        if not any(kind.given for kind in self._kinds.values()):
            answers[PhoneCapability.PUSH_PROFILE] = answers[PhoneCapability.PULL_PROFILE] = _NO_GROUP
        if self._events is None:
            answers[PhoneCapability.PHONE_EVENTS] = no("This connection names no header that authenticates events.")
        return answers

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    # --- phones and apps

    def _list_phones(self) -> Sequence[Phone]:
        found = self._inventory(("GENERAL", "HARDWARE", "USER_AND_LOCATION"))
        return [each.phone for each in found if each.phone.managed is not False]

    def _find_apps(self, apps: Sequence[WatchedApp], phones: Sequence[Phone]) -> Sequence[AppSight]:
        wanted = [app for app in apps if app.platform is Platform.IOS and app.ids]
        asked = [phone for phone in phones if phone.platform is Platform.IOS and phone.ref.isdecimal()]
        held: dict[str, _Held] = {}
        for start in range(0, len(asked) if wanted else 0, _CHUNK):
            refs = ",".join(f'"{phone.ref}"' for phone in asked[start : start + _CHUNK])
            ids = same_case(each for app in wanted for each in app.ids)
            rows = self._inventory(("GENERAL", "APPLICATIONS"), f"mobileDeviceId=in=({refs})", ids)
            held.update({each.phone.ref: each for each in rows})
        return [
            sight
            for phone in phones
            for app in apps
            if app.platform is phone.platform
            for sight in [_sight(phone.ref, app, held.get(phone.ref))]
        ]

    # --- asking

    def _sync(self, phone: Phone, command: str) -> Ask:
        del command  # Jamf gives numbers of its own: a repeat asks the phone once more, which does no harm
        held = self._one(phone, ("GENERAL",))
        body = {
            "clientData": [{"managementId": held.management}],
            "commandData": {"commandType": "DEVICE_INFORMATION", "queries": ["OSVersion"]},
        }
        reply = self._call("POST", _COMMANDS, body)
        found = _parsed(reply.body)
        first = found[0] if isinstance(found, list) and found else None
        uuid = first.get("id") if isinstance(first, dict) else None
        if not isinstance(uuid, str) or not re.fullmatch(r"[0-9A-Za-z-]{1,64}", uuid):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return Ask(AskState.ACCEPTED, uuid)

    def _push(self, phone: Phone, profile: PhoneProfile, command: str) -> Ask:
        del command  # to be in a group twice is to be in it once
        kind = self._kinds.get(profile.kind)
        if kind is None or not kind.given or profile.platform is not Platform.IOS or profile.identifier != kind.name:
            return Ask(AskState.FAILED)
        return self._assign(phone, kind, selected=True)

    def _pull(self, phone: Phone, identifier: str, command: str) -> Ask:
        del command
        kind = next((each for each in self._kinds.values() if each.name == identifier and each.given), None)
        return Ask(AskState.FAILED) if kind is None else self._assign(phone, kind, selected=False)

    def _assign(self, phone: Phone, kind: JamfProfileKind, *, selected: bool) -> Ask:
        self._one(phone, ("GENERAL",))  # Jamf takes numbers of devices that it does not know, too
        done = Ask(AskState.ACCEPTED, f"{_IN if selected else _OUT}{kind.name}")
        if not kind.group:
            return done if self._scope(phone, kind, selected=selected) else Ask(AskState.FAILED)
        address = _group(kind)
        name = _json_of(self._call("GET", address)).get("groupName")
        if not isinstance(name, str) or not name:
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        assignments = [{"mobileDeviceId": phone.ref, "selected": selected}]
        self._call("PATCH", address, {"groupName": name, "assignments": assignments})
        return done

    def _scope(self, phone: Phone, kind: JamfProfileKind, *, selected: bool) -> bool:
        """Assign a profile to a phone, or no more; False: it goes to all phones, which is not ours to change.

        The list can only be written as a whole, so it is read again after: whoever wrote meanwhile may have undone it.
        """
        with self._scoping:
            known = self._scoped(kind)
            if known is None:
                return selected
            if (phone.ref in known) is selected:
                return True
            wanted = known ^ {phone.ref}
            self._call("PUT", _config(kind.config), _scope_of(wanted))
            if self._scoped(kind) != wanted:
                raise Unreachable(Fault.SERVER_ERROR)
        return True

    def _scoped(self, kind: JamfProfileKind) -> frozenset[str] | None:
        """Numbers of the phones that a profile is assigned to one by one; None: it goes to all."""
        scope = self._config(kind.config).get("scope")
        rows = scope.get("mobile_devices") if isinstance(scope, dict) else None
        if not isinstance(scope, dict) or not isinstance(rows, list):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        if scope.get("all_mobile_devices") is not False:
            return None
        numbers = [row.get("id") for row in rows if isinstance(row, dict)]
        if len(numbers) < len(rows) or not all(isinstance(number, int) for number in numbers):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return frozenset(map(str, numbers))

    def _ask_posture(self, phone: Phone, apps: Sequence[WatchedApp], command: str) -> Ask:
        del command
        wanted = [app for app in apps if app.platform is Platform.IOS and app.ids]
        ids = same_case(each for app in wanted for each in app.ids)
        sections = ("GENERAL", "PROFILES", *(("APPLICATIONS",) if wanted else ()))
        held = self._one(phone, sections, ids)
        posture = self._posture(held, wanted)
        return Ask(AskState.WAITING if posture is None else AskState.DONE, posture=posture)

    def _follow(self, phone: Phone, command: str) -> Ask:
        if command.startswith((_IN, _OUT)):
            held = self._one(phone, ("GENERAL", "PROFILES"))
            name = command.removeprefix(_IN).removeprefix(_OUT)
            there = None if held.profiles is None else any(name in each for each in held.profiles)
            done = there is (command.startswith(_IN))
            return Ask(AskState.DONE if done else AskState.WAITING, command, self._posture(held, ()))
        if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", command):
            return Ask(AskState.UNKNOWN, command)
        query = urlencode({"page": 0, "page-size": 10, "filter": f"uuid=={command}"})
        rows = _json_of(self._call("GET", f"{_COMMANDS}?{query}")).get("results")
        if not isinstance(rows, list):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        row = next((each for each in rows if isinstance(each, dict) and each.get("uuid") == command), None)
        state = None if row is None else _STATES.get(str(row.get("commandState")))
        return Ask(state or AskState.UNKNOWN, command)

    # --- hearing

    def _hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        name, value = self._events or ("", "")
        given = headers.get(name, "").encode("utf-8", "replace")
        if not value or not hmac.compare_digest(given, value.encode()):
            raise Denied(Fault.WRONG_CREDENTIALS)
        if len(body) > MOST_EVENT:
            raise Garbled(Fault.TOO_LARGE)
        said = _parsed(body)
        outer = said.get("webhook") if isinstance(said, dict) else None
        inner = said.get("event") if isinstance(said, dict) else None
        if not isinstance(outer, dict) or not isinstance(inner, dict):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        kind, number = outer.get("webhookEvent"), inner.get("jssID")
        if not isinstance(kind, str) or not kind.startswith("MobileDevice"):
            return ()
        if not isinstance(number, int) or number <= 0:
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return self._hint(kind, Phone(str(number), Platform.IOS), inner.get("mdmCommandUUID"))

    def _hint(self, kind: str, phone: Phone, command: object) -> Sequence[Told]:
        """What Jamf Pro itself says of what an event hinted at."""
        if kind in ("MobileDeviceEnrolled", "MobileDeviceUnEnrolled"):
            found = self._inventory(("GENERAL",), f'mobileDeviceId=="{phone.ref}"')
            there = any(each.phone.managed is not False for each in found)
            # One that was enrolled again meanwhile is there, whatever the older event says.
            return (Told(phone.ref, enrolled=there),) if there is (kind == "MobileDeviceEnrolled") else ()
        if kind == "MobileDeviceCommandCompleted" and isinstance(command, str):
            return (Told(phone.ref, command=command, state=self._follow(phone, command).state),)
        if kind == "MobileDeviceInventoryCompleted":
            with suppress(Missing):
                posture = self._posture(self._one(phone, ("GENERAL", "PROFILES")), ())
                return (Told(phone.ref, posture=posture),) if posture is not None else ()
        return ()

    # --- reading

    def _one(self, phone: Phone, sections: Sequence[str], ids: frozenset[str] = frozenset()) -> _Held:
        if not phone.ref.isdecimal():
            raise Missing(Fault.PLACE_GONE)
        found = self._inventory(sections, f'mobileDeviceId=="{phone.ref}"', ids)
        held = next((each for each in found if each.phone.ref == phone.ref), None)
        if held is None or held.phone.managed is False or not held.management:
            raise Missing(Fault.PLACE_GONE)
        return held

    def _inventory(self, sections: Sequence[str], rsql: str = "", ids: frozenset[str] = frozenset()) -> Sequence[_Held]:
        """All phones, or those that fit; a list that changed while it was read is read again."""
        for _ in range(_STARTS):
            found: dict[str, _Held] = {}
            total = -1
            for page in range(MOST_PHONES // _PAGE):
                query: list[tuple[str, object]] = [("section", each) for each in sections]
                query += [("page", page), ("page-size", _PAGE), ("sort", "mobileDeviceId:asc")]
                query += [("filter", rsql)] if rsql else []
                count, rows, length = self._page(f"{_INVENTORY}?{urlencode(query)}", ids)
                if page and count != total:
                    break  # somebody came or left: whoever moved to an earlier page would be missed
                total = count
                fresh = [each for each in rows if each.phone.ref not in found]
                found.update({each.phone.ref: each for each in fresh})
                if page * _PAGE + length >= total:
                    return list(found.values())
                if not fresh and length:
                    raise Garbled(Fault.NO_END)
                if not length:
                    break
        raise Unreachable(Fault.SERVER_ERROR)

    def _page(self, address: str, ids: frozenset[str]) -> tuple[int, Sequence[_Held], int]:
        reply = self._call("GET", address)
        found = _json_of(reply, lambda pairs: _kept(pairs, ids))
        total, rows = found.get("totalCount"), found.get("results")
        if not isinstance(total, int) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return total, [_held(row) for row in rows if row.get("deviceType") == "iOS"], len(rows)

    def _posture(self, held: _Held, apps: Sequence[WatchedApp]) -> Posture | None:
        if held.told_at is None or held.profiles is None:
            return None
        facts: dict[Aspect, bool | None] = {}
        aspects = {ProfileKind.CONTACT_ACCOUNT: Aspect.CONTACT_ACCOUNT, ProfileKind.PROTECTION: Aspect.PROTECTION}
        for kind, aspect in aspects.items():
            named = self._kinds[kind]
            facts[aspect] = any(named.name in each for each in held.profiles)
            if facts[aspect] and named.config:
                facts |= dict.fromkeys(self._restricted_by(named.config, supervised=held.phone.supervised), True)
        if held.backs_up is not None:
            facts[Aspect.CLOUD_BACKUP_OFF] = not held.backs_up
        return Posture(held.phone.ref, held.told_at, facts, [_sight(held.phone.ref, app, held) for app in apps])

    def _restricted_by(self, config: str, *, supervised: bool | None) -> frozenset[Aspect]:
        """What a profile in Jamf Pro brings about on a phone that has it."""
        general = self._config(config).get("general")
        text = general.get("payloads") if isinstance(general, dict) else None
        payloads = read_payloads(text.encode()) if isinstance(text, str) else None
        return frozenset() if payloads is None else set_by_apple(payloads, supervised=supervised)

    def _config(self, config: str) -> Mapping[str, Any]:
        found = _json_of(self._call("GET", _config(config))).get("configuration_profile")
        if not isinstance(found, dict):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return found

    def _call(self, method: str, address: str, body: object = None) -> Reply:
        """Ask once; a refused token is replaced once. The node that answers is kept to: another may be behind."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        for _ in range(2):
            token = self._tokens.token()
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            if body is not None:
                headers["Content-Type"] = "application/xml" if isinstance(body, bytes) else "application/json"
            with self._lock:
                if self._node:
                    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._node.items())
            with self._turns:
                reply = self._http.call(method, address, headers=headers, body=raw, handles=frozenset({401}))
            with self._lock:
                self._node.update(_NODE.findall(reply.headers.get("Set-Cookie", "")))
            if reply.status != 401:
                return reply
            self._tokens.refused(token)
        raise Denied(Fault.WRONG_CREDENTIALS, status=401)

    # --- trying

    def _check(self) -> Sequence[Trial]:
        trials = [trial_of_way(encrypted=self._http.encrypted, near=self._http.private)]
        if not _try(trials, "Jamf Pro signs the client in", lambda: bool(self._tokens.token())):
            return trials
        _try(
            trials, "Jamf Pro lists phones", lambda: self._page(f"{_INVENTORY}?page=0&page-size=1", frozenset())[0] >= 0
        )
        for kind in self._kinds.values():
            if kind.group:
                _try(trials, "The group of a profile is there", partial(self._has_group, kind))
            if kind.group and kind.config:
                _try(trials, "The profile is assigned to its group", partial(self._is_assigned, kind), Fault.PLACE_GONE)
        _try(trials, "Who brings no password is refused", self._refuses_strangers, Fault.ACCEPTS_ANYTHING)
        return trials

    def _has_group(self, kind: JamfProfileKind) -> bool:
        return bool(_json_of(self._call("GET", _group(kind))))

    def _is_assigned(self, kind: JamfProfileKind) -> bool:
        scope = self._config(kind.config).get("scope")
        groups = scope.get("mobile_device_groups") if isinstance(scope, dict) else None
        rows = groups if isinstance(groups, list) else []
        return any(isinstance(row, dict) and str(row.get("id")) == kind.group for row in rows)

    def _refuses_strangers(self) -> bool:
        address = f"{_INVENTORY}?page=0&page-size=1"
        return self._http.call("GET", address, unnamed=True, handles=frozenset({401, 403})).status in (401, 403)


CONNECTION = ConnectionKind(
    "jamf",
    Sort.MANAGER,
    said("Jamf Pro"),
    said("Jamf Pro: iPhones"),
    said("Asks iPhones to check in, reads how they are configured, and gives them profiles that protect contacts."),
    url=Option(
        "url",
        said("Address of the server"),
        said("Of Jamf Pro, without /api."),
        OptionKind.LINK,
        required=True,
        example="https://organisation.jamfcloud.com",
        longest=500,
        sends="secret",
    ),
    login=Option(
        "login",
        said("Client ID of the API client"),
        said("In Jamf Pro, under API roles and clients. It is no account of a person."),
        required=True,
        example="00000000-0000-4000-8000-000000000001",
    ),
    secret=Option(
        "secret",
        said("Client secret of the API client"),
        said("Jamf Pro shows it once, when it is made."),
        OptionKind.KEY,
        required=True,
    ),
    own=(
        Option("client_id", said("Client ID"), said("The same as the user name, under another name."), same_as="login"),
        Option(
            "account_group",
            said("Group with the managed contacts account"),
            said("Number of the static group to which you assigned the profile with the managed contacts account."),
            OptionKind.NUMBER,
            example="7",
            without=said("The profile with the managed contacts account is given to no group of phones."),
        ),
        Option(
            "protection_group",
            said("Group with the restrictions"),
            said("Number of the static group to which you assigned the profile with the restrictions."),
            OptionKind.NUMBER,
            example="8",
            without=said("The profile with the restrictions is given to no group of phones."),
        ),
        Option(
            "account_profile",
            said("Name of the account profile"),
            said("The identifier or the name that the profile with the account has on a phone."),
            default=PROFILES[ProfileKind.CONTACT_ACCOUNT],
            example=PROFILES[ProfileKind.CONTACT_ACCOUNT],
            seldom=True,
        ),
        Option(
            "protection_profile",
            said("Name of the profile with restrictions"),
            said("The identifier or the name that the profile with the restrictions has on a phone."),
            default=PROFILES[ProfileKind.PROTECTION],
            example=PROFILES[ProfileKind.PROTECTION],
            seldom=True,
        ),
        Option(
            "account_config",
            said("Number of the account profile"),
            said("Its number in Jamf Pro. Without a group, the profile is assigned to phones one by one."),
            OptionKind.NUMBER,
            example="17",
            seldom=True,
        ),
        Option(
            "protection_config",
            said("Number of the profile with restrictions"),
            said("Its number in Jamf Pro, so that what it restricts can be read."),
            OptionKind.NUMBER,
            example="18",
            without=said("What the profile restricts cannot be read, so it counts as unknown."),
        ),
        Option(
            "events_header",
            said("Header that authenticates events"),
            said("Name of the header that you set at the webhook in Jamf Pro. Without it no event is accepted."),
            example="X-Closeout-Key",
            pattern=r"[0-9A-Za-z-]+",
            needs=("events_key_file",),
            without=said("Changes in Jamf Pro are noticed only when it is asked, from time to time."),
        ),
        Option(
            "events_key_file",
            said("Value of that header"),
            said("A long random value that you made up and set at the webhook as well."),
            OptionKind.KEY,
            needs=("events_header",),
        ),
    ),
    grants=(
        Grant("Read Mobile Devices", said("To list phones and how they are set up."), ("Jamf Pro lists phones",)),
        Grant(
            "View MDM command information in Jamf Pro API",
            said("To ask a phone to check in, and to see what became of it."),
        ),
        Grant(
            "Read Static Mobile Device Groups",
            said("Only with a group: to see who is in it."),
            ("The group of a profile is there",),
            always=False,
        ),
        Grant("Update Static Mobile Device Groups", said("Only with a group: to put phones in and out."), always=False),
        Grant(
            "Read iOS Configuration Profiles",
            said("Only with the number of a profile: to read what it restricts."),
            ("The profile is assigned to its group",),
            always=False,
        ),
        Grant(
            "Update iOS Configuration Profiles",
            said("Only with the number of a profile and without a group: to assign it to phones one by one."),
            always=False,
        ),
    ),
)
"""What a connection to Jamf Pro says."""


def connect(connection: Connection) -> JamfPro:
    """The factory that the registry names. ValueError: it is not valid (see CONNECTION)."""
    given = given_in(CONNECTION, connection)
    events = None
    if given["events_header"]:
        events = given["events_header"].lower(), read_key(given["events_key_file"]).decode("utf-8", "replace")
    base = connection.url if urlsplit(connection.url).path.endswith("/") else f"{connection.url}/"
    http = HttpClient(base, limits=connection.limits, ca_file=connection.ca_file, reach=connection.reach)
    kinds = {}
    for kind, name in ((ProfileKind.CONTACT_ACCOUNT, "account"), (ProfileKind.PROTECTION, "protection")):
        kinds[kind] = JamfProfileKind(given[f"{name}_group"], given[f"{name}_profile"], given[f"{name}_config"])
    return JamfPro(http, Tokens(http, given["login"], connection.secret), kinds=kinds, events=events)


def _try(trials: list[Trial], what: str, action: Callable[[], bool | None], unless: Fault | None = None) -> bool:
    """Note how it went. unless: the fault if the action answers no."""
    try:
        answered = action()
    except PortError as error:
        trials.append(Trial(what, ok=False, fault=error.fault))
        return False
    good = answered is not False if unless is not None else True
    trials.append(Trial(what, good, None if good else unless))
    return good


def _group(kind: JamfProfileKind) -> str:
    return f"api/v1/mobile-device-groups/static-groups/{quote(kind.group, safe='')}"


def _config(number: str) -> str:
    return f"JSSResource/mobiledeviceconfigurationprofiles/id/{quote(number, safe='')}"


def _scope_of(refs: frozenset[str]) -> bytes:
    """The scope of a profile as the Classic API takes it; what is not in it stays as it is."""
    outer = Element("configuration_profile")
    devices = SubElement(SubElement(outer, "scope"), "mobile_devices")
    for ref in sorted(refs, key=int):
        SubElement(SubElement(devices, "mobile_device"), "id").text = ref
    return tostring(outer)


def _kept(pairs: list[tuple[str, Any]], ids: frozenset[str]) -> dict[str, Any] | None:
    """An object as far as it is ours to know; None: an app that was not asked for."""
    names = {name for name, _ in pairs}
    if "identifier" in names and not names & _OF_PROFILES:
        # An app: of others not even that they are there is kept.
        found = dict(pairs)
        said = _text(found.get("identifier")).casefold()
        if said and said not in ids:
            return None
    return {name: value for name, value in pairs if name in _KEPT}


def _held(row: Mapping[str, Any]) -> _Held:
    general, hardware = _object(row.get("general")), _object(row.get("hardware"))
    person = _object(row.get("userAndLocation"))
    ref, told_at = row.get("mobileDeviceId"), read_time(general.get("lastInventoryUpdateDate"))
    if not isinstance(ref, str) or not ref.isdecimal():
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    ownership = _text(general.get("deviceOwnershipType"))
    phone = Phone(
        ref,
        Platform.IOS,
        user=_text(person.get("emailAddress")) or _text(person.get("username")) or None,
        serial=_text(hardware.get("serialNumber")) or None,
        owned=_OWNED.get(ownership),
        supervised=_flag(general.get("supervised")),
        managed=_flag(general.get("managed")),
        user_enrolled=_BY_USER.get(ownership),
        seen_at=read_time(general.get("lastContactDate")) or told_at,
    )
    profiles, apps = row.get("profiles"), row.get("applications")
    return _Held(
        phone,
        _text(general.get("managementId")),
        told_at,
        # A profile that could not be read may be ours: then nothing is said of any.
        [(_text(each.get("identifier")), _text(each.get("displayName"))) for each in profiles]
        if isinstance(profiles, list) and all(isinstance(each, dict) for each in profiles)
        else None,
        {
            _text(each.get("identifier")).casefold(): each.get("managementStatus") == "Managed"
            for each in apps
            if isinstance(each, dict) and each.get("appClip") is not True
        }
        if isinstance(apps, list)
        else None,
        _flag(general.get("cloudBackupEnabled")),
    )


def _sight(ref: str, app: WatchedApp, held: _Held | None) -> AppSight:
    if held is None or held.told_at is None or held.apps is None or not app.ids:
        return AppSight(ref, app.key, AppPresence.UNKNOWN)
    ids = same_case(app.ids)
    there = [managed for each, managed in held.apps.items() if each in ids]
    if there:
        return AppSight(ref, app.key, AppPresence.PRESENT, managed=any(there), told_at=held.told_at)
    sees_all = held.phone.user_enrolled is False and "" not in held.apps
    unseen = AppPresence.ABSENT if sees_all else AppPresence.UNKNOWN
    return AppSight(ref, app.key, unseen, told_at=held.told_at)


def _json_of(
    reply: Reply, keep: Callable[[list[tuple[str, Any]]], dict[str, Any] | None] | None = None
) -> Mapping[str, Any]:
    if "json" not in reply.headers.get("Content-Type", "").lower():
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
    found = _parsed(reply.body, keep)
    if not isinstance(found, dict):
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
    return found


def _parsed(body: bytes, keep: Callable[[list[tuple[str, Any]]], dict[str, Any] | None] | None = None) -> object:
    try:
        return json.loads(body, object_pairs_hook=keep)
    except (ValueError, RecursionError):
        raise Garbled(Fault.BAD_BODY) from None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
