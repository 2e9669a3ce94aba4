"""iPhones through NanoMDM, and KMFDDM beside it: an `Mdm`; what a phone's posture means is not decided here.

NanoMDM keeps a queue of commands and hands on what phones say; it has no list of phones and no way to ask what became
of a command. So phones are those that its events told of (or that the connection names), and answers come by events.
VENDORS sections 7.1 to 7.5 have the sources.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mdm_adapters.apple import (
    PROFILES,
    app_mark,
    app_sights,
    apps_of,
    information_facts,
    managed_sights,
    mark_bits,
    profile_facts,
    read_plist,
    read_side,
    read_time,
    restriction_facts,
    side_command,
    write_command,
)
from mdm_adapters.http import Connection, HttpClient, Reply, basic, given_in
from mdm_adapters.kmfddm import Declarations, account_facts, read_declarations, read_report
from mdm_adapters.options import ConnectionKind, Option, OptionKind, Sort, read_key, said
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

MOST_EVENT = 8 * 1024 * 1024
"""Bytes of one event: what a phone sent, in base64."""
_SMALL = 256 * 1024
_MOST_MARKS = 64
_PUSH, _PULL = "declared ", "withdrawn "
# Kinds of what goes along with the list of profiles when a posture is asked (`apple.side_command`).
_APPS, _MANAGED, _RESTRICTIONS, _INFORMATION = 1, 2, 3, 4
_STATES: Mapping[str, AskState] = {
    "Acknowledged": AskState.DONE,
    "Error": AskState.FAILED,
    "CommandFormatError": AskState.FAILED,
    "NotNow": AskState.WAITING,
}
# How its storages say that they have a command already (databases; files and memory), and that a phone never enrolled
# (databases, by a key that points to no phone; files and memory take the command, and then find nobody to push).
_REPEATED = ("duplicate", "already exists")
_STRANGER = ("foreign key", "push data missing for id")
_RESULT = frozenset({"status", "command_uuid", "request_type", "no_push", "command_error", "push_error"})
_PHONES = frozenset({"Device", "User Enrollment (Device)"})
_OWN_PHONE = "User Enrollment (Device)"

_CAPABILITIES: Mapping[PhoneCapability, CapabilityAnswer] = {
    PhoneCapability.LIST_PHONES: partly(
        "NanoMDM has no list of phones: known are those that its events told of, and those that the connection names. "
        "Whose a phone is, it does not know."
    ),
    PhoneCapability.FIND_APPS: partly(
        "The phone itself is asked, for the monitored apps alone, and answers at its next check-in. A "
        "phone with user enrolment names only the managed apps."
    ),
    PhoneCapability.SYNC: partly(
        "The phone is asked to check in with the MDM. When it synchronises its contacts, it decides by itself."
    ),
    PhoneCapability.PUSH_PROFILE: YES,
    PhoneCapability.PULL_PROFILE: YES,
    PhoneCapability.READ_POSTURE: partly(
        "Profiles and restrictions in force are reported; which account new contacts go into is not, "
        "and a phone with user enrolment reports no restrictions."
    ),
    PhoneCapability.COMMAND_STATUS: partly(
        "The phone's answer comes as an event and is sent once. Where it was lost, the list of profiles "
        "is requested again."
    ),
    PhoneCapability.CONTAINER_PROOF: YES,
    PhoneCapability.HIDE_CONTACTS: partly(
        "By two restrictions that work only together, and not for apps that are themselves managed."
    ),
    PhoneCapability.PHONE_EVENTS: YES,
    PhoneCapability.PHONE_CONTACTS: no("Apple's protocol has no command that reads or removes a contact on a phone."),
}
_UNHEARD: Mapping[PhoneCapability, CapabilityAnswer] = {
    capability: no(
        "This connection has no key for events, so none is accepted, and the answers of phones are not received."
    )
    for capability in (
        PhoneCapability.PHONE_EVENTS,
        PhoneCapability.COMMAND_STATUS,
        PhoneCapability.FIND_APPS,
        PhoneCapability.READ_POSTURE,
        PhoneCapability.CONTAINER_PROOF,
    )
}
_DECLARED: Mapping[PhoneCapability, CapabilityAnswer] = {
    PhoneCapability.CONTAINER_PROOF: YES,
    PhoneCapability.READ_POSTURE: partly("Without events only what phones report of declared accounts is known."),
    PhoneCapability.COMMAND_STATUS: partly("Without events only what phones report of declarations is known."),
}


class NanoMdm(Mdm):
    """One NanoMDM server, with KMFDDM beside it if `declarations` is given. Threads may share it.

    events_key: what NanoMDM signs its events with; empty: no event is believed. phones: ids known beforehand.
    watched: the apps that answers may be about. topic: of the push certificate. wall: seconds, for an event with no
    time in it.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        events_key: bytes = b"",
        phones: Sequence[str] = (),
        watched: Sequence[WatchedApp] = (),
        profiles: Mapping[ProfileKind, str] = PROFILES,
        topic: str = "",
        declarations: Declarations | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._key = events_key
        self._profiles = profiles
        self._topic = topic
        self._declarations = declarations
        self._wall = wall
        self._lock = Lock()
        self._phones: dict[str, Phone] = {ref: Phone(ref, Platform.IOS, managed=True) for ref in phones}
        self._left: dict[str, datetime] = {}
        self._marks: dict[int, Sequence[WatchedApp]] = {}
        self._remember(watched)

    def capabilities(self) -> Mapping[PhoneCapability, CapabilityAnswer]:
        """Every capability, as this connection is configured."""
        if self._key:
            return _CAPABILITIES
        return {**_CAPABILITIES, **_UNHEARD, **(_DECLARED if self._declarations else {})}

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()
        if self._declarations is not None:
            self._declarations.close()

    @property
    def _encrypted(self) -> bool:
        return self._http.encrypted and (self._declarations is None or self._declarations.encrypted)

    @property
    def _private(self) -> bool:
        return self._http.private and (self._declarations is None or self._declarations.private)

    # --- phones and apps

    def _list_phones(self) -> Sequence[Phone]:
        # What events told stands only as long as the manager is there to send them.
        self._answers()
        with self._lock:
            return list(self._phones.values())

    def _find_apps(self, apps: Sequence[WatchedApp], phones: Sequence[Phone]) -> Sequence[AppSight]:
        return [
            AppSight(phone.ref, app.key, AppPresence.UNKNOWN)
            for phone in phones
            for app in apps
            if app.platform is phone.platform
        ]

    # --- asking

    def _sync(self, phone: Phone, command: str) -> Ask:
        return self._enqueue(phone, command, {"RequestType": "DeviceInformation", "Queries": ["OSVersion"]})

    def _push(self, phone: Phone, profile: PhoneProfile, command: str) -> Ask:
        if profile.platform is not Platform.IOS:
            return Ask(AskState.FAILED)
        if not self._private:
            # A profile may hold a password, which whoever is on the way could read.
            return Ask(AskState.FAILED, error=Denied(Fault.CERTIFICATE))
        if profile.body.lstrip().startswith(b"["):
            if self._declarations is None:
                return Ask(AskState.FAILED)
            self._declarations.put(phone.ref, profile.identifier, read_declarations(profile.body))
            return Ask(AskState.ACCEPTED, f"{_PUSH}{profile.identifier}")
        return self._enqueue(phone, command, {"RequestType": "InstallProfile", "Payload": profile.body})

    def _pull(self, phone: Phone, identifier: str, command: str) -> Ask:
        if self._declarations is not None and self._declarations.has(phone.ref, identifier):
            self._declarations.drop(phone.ref, identifier)
            return Ask(AskState.ACCEPTED, f"{_PULL}{identifier}")
        return self._enqueue(phone, command, {"RequestType": "RemoveProfile", "Identifier": identifier})

    def _ask_posture(self, phone: Phone, apps: Sequence[WatchedApp], command: str) -> Ask:
        if not self._key and self._declarations is None:
            return Ask(AskState.FAILED)
        posture = self._declared(phone)
        if not self._key:
            return Ask(AskState.DONE if posture else AskState.UNKNOWN, posture=posture)
        watched = [app for app in apps if app.platform is Platform.IOS and app.ids]
        mark = self._remember(watched)
        for kind, request in _sides(sorted({each for app in watched for each in app.ids}), own=phone.user_enrolled):
            # The last one wakes the phone for all of them, and is answered last.
            self._enqueue(phone, side_command(command, kind, mark), request, wake=False)
        ask = self._enqueue(phone, command, {"RequestType": "ProfileList", "ManagedOnly": True})
        return replace(ask, posture=posture)

    def _follow(self, phone: Phone, command: str) -> Ask:
        for mark in (_PUSH, _PULL):
            if command.startswith(mark) and self._declarations is not None:
                identifier = command.removeprefix(mark)
                posture = self._declared(phone, identifier, taken=mark == _PULL)
                if mark == _PUSH:
                    return Ask(self._declarations.state(phone.ref, identifier), command, posture)
                gone = posture is not None and posture.facts.get(Aspect.CONTACT_ACCOUNT) is False
                return Ask(AskState.DONE if gone else AskState.WAITING, command, posture)
        return Ask(AskState.UNKNOWN, command)

    def _declared(self, phone: Phone, identifier: str = "", *, taken: bool = False) -> Posture | None:
        """What the phone reported of declared accounts; None: nothing."""
        if self._declarations is None:
            return None
        reports = self._declarations.reports(phone.ref)
        named = identifier or self._profiles[ProfileKind.CONTACT_ACCOUNT]
        facts = account_facts([each.items for each in reports], named, taken=taken)
        told = next((each.told_at for each in reversed(reports) if each.told_at is not None), None)
        return Posture(phone.ref, told, facts) if facts and told is not None else None

    def _enqueue(self, phone: Phone, command: str, request: Mapping[str, Any], *, wake: bool = True) -> Ask:
        address = f"v1/enqueue/{_quoted(phone.ref)}{'' if wake else '?nopush=1'}"
        reply = self._http.call(
            "PUT",
            address,
            headers={"Content-Type": "application/xml"},
            body=write_command(command, request),
            handles=frozenset({500}),
            max_body=_SMALL,
        )
        result = _result_of(reply)
        if result.keys().isdisjoint(_RESULT):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        told = result.get("status")
        mine = told.get(phone.ref) if isinstance(told, dict) else None
        mine = mine if isinstance(mine, dict) else {}
        refused = (_text(mine.get("command_error")) or _text(result.get("command_error"))).lower()
        unheard = (_text(mine.get("push_error")) or _text(result.get("push_error"))).lower()
        if _says(refused, _STRANGER) or _says(unheard, _STRANGER):
            raise Missing(Fault.PLACE_GONE)
        if refused and not _says(refused, _REPEATED):
            raise Unreachable(Fault.SERVER_ERROR, status=reply.status)
        # What it has from before is what a repeat is for.
        return Ask(AskState.WAITING if unheard else AskState.ACCEPTED, command)

    # --- hearing

    def _hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        proof = hmac.new(self._key, body, hashlib.sha256).digest()
        if not self._key or not hmac.compare_digest(_proof_in(headers), proof):
            raise Denied(Fault.WRONG_CREDENTIALS)
        if len(body) > MOST_EVENT:
            raise Garbled(Fault.TOO_LARGE)
        event = _json(body)
        topic = event.get("topic")
        inner = event.get("acknowledge_event" if topic == "mdm.Connect" else "checkin_event")
        if not isinstance(topic, str):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        hear = {
            "mdm.TokenUpdate": self._hear_enrolled,
            "mdm.CheckOut": self._hear_left,
            "mdm.Connect": self._hear_answer,
            "mdm.DeclarativeManagement": self._hear_declared,
        }.get(topic)
        if hear is None:
            return ()  # keys and bootstraps: none of our business
        if not isinstance(inner, dict):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        phone, kind = _phone_in(inner)
        if kind not in _PHONES:
            return ()  # a user's channel on a shared device
        return hear(phone, kind == _OWN_PHONE, inner, read_time(event.get("created_at")))

    def _hear_enrolled(self, ref: str, own: bool, _: Mapping[str, Any], at: datetime | None) -> Sequence[Told]:
        at = at or datetime.fromtimestamp(self._wall(), UTC)
        with self._lock:
            if ref in self._left and at <= self._left[ref]:
                return ()  # it was overtaken by its own leaving
            self._left.pop(ref, None)
            self._phones[ref] = Phone(ref, Platform.IOS, managed=True, user_enrolled=own, seen_at=at)
        return (Told(ref, enrolled=True),)

    def _hear_left(self, ref: str, _own: bool, _: Mapping[str, Any], at: datetime | None) -> Sequence[Told]:
        at = at or datetime.fromtimestamp(self._wall(), UTC)
        with self._lock:
            held = self._phones.get(ref)
            if held is not None and held.seen_at is not None and at < held.seen_at:
                return ()  # it has come back since
            self._phones.pop(ref, None)
            self._left[ref] = at
        return (Told(ref, enrolled=False),)

    def _hear_answer(self, ref: str, own: bool, inner: Mapping[str, Any], at: datetime | None) -> Sequence[Told]:
        status, command = _text(inner.get("status")), _text(inner.get("command_uuid"))
        self._was_in_touch(ref, own, at)
        if status == "Idle" or not command:
            return ()
        state = _STATES.get(status, AskState.UNKNOWN)
        side = read_side(command)
        posture = None
        if state is AskState.DONE and at is not None:
            posture = self._posture(ref, own, side, read_plist(_payload(inner)), at)
        if side is not None:
            return (Told(ref, posture=posture),) if posture is not None else ()
        return (Told(ref, command=command, state=state, posture=posture),)

    def _hear_declared(self, ref: str, own: bool, inner: Mapping[str, Any], at: datetime | None) -> Sequence[Told]:
        self._was_in_touch(ref, own, at)
        message = read_plist(_payload(inner))
        data = message.get("Data")
        if message.get("Endpoint") != "status" or not isinstance(data, bytes) or at is None:
            return ()
        facts = account_facts([read_report(data)], self._profiles[ProfileKind.CONTACT_ACCOUNT])
        if self._declarations is None and facts.get(Aspect.CONTACT_ACCOUNT) is False:
            return ()  # the account did not come by a declaration, so a list of declared ones says nothing of it
        return (Told(ref, posture=Posture(ref, at, facts)),) if facts else ()

    def _was_in_touch(self, ref: str, own: bool, at: datetime | None) -> None:
        """Keep when a phone was last seen; one that answers is enrolled, unless it left after."""
        if at is None:
            return
        with self._lock:
            held = self._phones.get(ref)
            if held is None and not (ref in self._left and at <= self._left[ref]):
                held = Phone(ref, Platform.IOS, managed=True, user_enrolled=own)
            if held is not None and (held.seen_at is None or held.seen_at < at):
                self._phones[ref] = replace(held, seen_at=at, user_enrolled=own)

    def _posture(
        self, ref: str, own: bool, side: tuple[int, int] | None, answer: Mapping[str, Any], at: datetime
    ) -> Posture | None:
        if "ProfileList" in answer:
            elsewhere = self._declarations is not None
            facts = profile_facts(answer["ProfileList"], self._profiles, elsewhere=elsewhere)
            return Posture(ref, at, {aspect: fact for aspect, fact in facts.items() if fact is not None})
        if "GlobalRestrictions" in answer:
            return Posture(ref, at, restriction_facts(answer["GlobalRestrictions"]))
        if "QueryResponses" in answer:
            facts = information_facts(answer["QueryResponses"])
            return Posture(ref, at, facts) if facts else None
        # Lists of apps count only as answers to our own question: others may hold what is nobody's business.
        watched = self._marks.get(side[1]) if side is not None else None
        if watched is None:
            return None
        if "InstalledApplicationList" in answer:
            sights = app_sights(answer["InstalledApplicationList"], ref, watched, at, sees_all=not own)
        elif "ManagedApplicationList" in answer:
            sights = managed_sights(answer["ManagedApplicationList"], ref, watched, at)
        else:
            return None
        return Posture(ref, at, {}, tuple(sights)) if sights else None

    def _remember(self, apps: Sequence[WatchedApp]) -> bytes:
        mark = app_mark(apps)
        with self._lock:
            if len(self._marks) >= _MOST_MARKS:
                self._marks.pop(next(iter(self._marks)))
            self._marks[mark_bits(mark)] = tuple(apps)
        return mark

    # --- trying

    def _check(self) -> Sequence[Trial]:
        trials = [trial_of_way(encrypted=self._encrypted, near=self._private)]
        if not _try(trials, "NanoMDM answers", self._answers):
            return trials
        _try(trials, "The push certificate is there", self._has_certificate)
        _try(trials, "Who brings no password is refused", self._refuses_strangers, Fault.ACCEPTS_ANYTHING)
        trials.append(Trial("There is a key for the events of phones", bool(self._key) or None))
        if self._declarations is not None and _try(trials, "KMFDDM answers", self._declarations.answers):
            refuses = self._declarations.refuses_strangers
            _try(trials, "KMFDDM refuses requests without a password", refuses, Fault.ACCEPTS_ANYTHING)
        return trials

    def _answers(self) -> bool:
        if not _text(_json_of(self._http.call("GET", "version", max_body=_SMALL)).get("version")):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return True

    def _certificate(self, *, unnamed: bool = False) -> Reply:
        address = f"v1/pushcert?{urlencode({'topic': self._topic or 'none'})}"
        return self._http.call("GET", address, unnamed=unnamed, handles=frozenset({400, 401, 500}), max_body=_SMALL)

    def _has_certificate(self) -> bool | None:
        reply = self._certificate()
        if reply.status == 401:
            raise Denied(Fault.WRONG_CREDENTIALS, status=401)
        # Up to 0.9 it takes this question for a certificate that is none, so nothing is known (VENDORS 7.2).
        if reply.status == 400 or (not self._topic and reply.status != 200):
            return None
        if reply.status != 200:
            raise Unreachable(Fault.SERVER_ERROR, status=reply.status)
        return bool(_json_of(reply).get("not_after"))

    def _refuses_strangers(self) -> bool:
        return self._certificate(unnamed=True).status == 401


CONNECTION = ConnectionKind(
    "nanomdm",
    Sort.MANAGER,
    said("NanoMDM"),
    said("NanoMDM: iPhones, with KMFDDM beside it"),
    said("Asks iPhones to check in, reads how they are configured, and gives them profiles that protect contacts."),
    url=Option(
        "url",
        said("Address of the server"),
        said("Of NanoMDM's API."),
        OptionKind.LINK,
        required=True,
        example="https://mdm.example.org",
        longest=500,
        sends="secret",
    ),
    login=Option(
        "login",
        said("User name of the API"),
        said("Only if a proxy before NanoMDM wants another than the usual one."),
        default="nanomdm",
        example="nanomdm",
        seldom=True,
    ),
    secret=Option(
        "secret",
        said("API key"),
        said("The key that NanoMDM was started with (-api)."),
        OptionKind.KEY,
        required=True,
    ),
    own=(
        Option(
            "events_key_file",
            said("Key that events are signed with"),
            said("The key of NanoMDM's webhook (-webhook-hmac-key). Without it no answer of a phone is received."),
            OptionKind.KEY,
            without=said("No answer of a phone is received, so nothing is known of any."),
        ),
        Option(
            "topic",
            said("Topic of the push certificate"),
            said("With it the test checks whether push notifications reach phones."),
            example="com.apple.mgmt.External.00000000-0000-4000-8000-000000000001",
            pattern=r"[0-9A-Za-z.-]+",
            without=said("The test does not see whether push notifications reach phones."),
        ),
        Option(
            "phones",
            said("Phones that were already enrolled"),
            said("Their ids, separated by commas: NanoMDM has no list of phones, so others are known by their events."),
            OptionKind.LIST,
            example="00000000-0000000000000001, 00000000-0000000000000002",
            longest=100_000,
            seldom=True,
        ),
        Option(
            "ddm_url",
            said("Address of KMFDDM"),
            said(
                "Only if you have it: managed contacts accounts as declarations, and the phone's own report "
                "when one is gone."
            ),
            OptionKind.LINK,
            example="https://ddm.example.org",
            longest=500,
            needs=("ddm_key_file",),
            sends="ddm_key_file",
        ),
        Option(
            "ddm_key_file",
            said("API key of KMFDDM"),
            said("The key that KMFDDM was started with (-api)."),
            OptionKind.KEY,
            needs=("ddm_url",),
        ),
        Option(
            "account_profile",
            said("Identifier of the account profile"),
            said("Only if it is not the one that is shipped."),
            default=PROFILES[ProfileKind.CONTACT_ACCOUNT],
            example=PROFILES[ProfileKind.CONTACT_ACCOUNT],
            seldom=True,
        ),
        Option(
            "protection_profile",
            said("Identifier of the profile with restrictions"),
            said("Only if it is not the one that is shipped."),
            default=PROFILES[ProfileKind.PROTECTION],
            example=PROFILES[ProfileKind.PROTECTION],
            seldom=True,
        ),
        Option(
            "apps",
            said("Apps that may be asked about"),
            said("Filled in from the channel catalogue by itself."),
            longest=100_000,
            by_itself=True,
        ),
    ),
)
"""What a connection to NanoMDM says."""


def connect(connection: Connection) -> NanoMdm:
    """The factory that the registry names. ValueError: it is not valid (see CONNECTION)."""
    given = given_in(CONNECTION, connection)
    declarations = None
    if given["ddm_url"]:
        key = read_key(given["ddm_key_file"]).decode("utf-8", "replace")
        declarations = Declarations(_http(connection, given["ddm_url"], "kmfddm", key))
    return NanoMdm(
        _http(connection, connection.url, given["login"], connection.secret),
        events_key=read_key(given["events_key_file"]) if given["events_key_file"] else b"",
        phones=[each.strip() for each in given["phones"].split(",") if each.strip()],
        watched=apps_of(given["apps"]),
        profiles={
            ProfileKind.CONTACT_ACCOUNT: given["account_profile"],
            ProfileKind.PROTECTION: given["protection_profile"],
        },
        topic=given["topic"],
        declarations=declarations,
    )


def _sides(wanted: Sequence[str], *, own: bool | None) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """What is asked along with the list of profiles. wanted: ids of apps: no other app is ever asked for, since a phone
    that the organisation enrolled would tell private ones too. own: the user enrolled it; it tells no restrictions.
    """
    sides: list[tuple[int, Mapping[str, Any]]] = []
    if not own:
        sides.append((_RESTRICTIONS, {"RequestType": "Restrictions", "ProfileRestrictions": False}))
        sides.append((_INFORMATION, {"RequestType": "DeviceInformation", "Queries": ["IsCloudBackupEnabled"]}))
    if wanted:
        asked = {"Identifiers": wanted, "Items": ["Identifier", "Installing", "IsAppClip"], "ManagedAppsOnly": False}
        sides.append((_APPS, {"RequestType": "InstalledApplicationList", **asked}))
        # After the other: what it tells of an app is more, and the later telling counts.
        sides.append((_MANAGED, {"RequestType": "ManagedApplicationList", "Identifiers": wanted}))
    return sides


def _http(connection: Connection, url: str, login: str, key: str) -> HttpClient:
    base = url if urlsplit(url).path.endswith("/") else f"{url}/"
    return HttpClient(
        base, basic(login, key), limits=connection.limits, ca_file=connection.ca_file, reach=connection.reach
    )


def _try(trials: list[Trial], what: str, action: Callable[[], bool | None], unless: Fault | None = None) -> bool:
    """Note how it went. unless: the fault if the action answers no; it may answer None, it could not be tried."""
    try:
        answered = action()
    except PortError as error:
        trials.append(Trial(what, ok=False, fault=error.fault))
        return False
    good = answered if unless is not None or answered is None else True
    trials.append(Trial(what, good, unless if good is False else None))
    return good is not False


def _result_of(reply: Reply) -> Mapping[str, Any]:
    try:
        return _json_of(reply)
    except Garbled:
        if reply.status == 500:  # it could not even read what was asked
            raise Unreachable(Fault.SERVER_ERROR, status=500) from None
        raise


def _json_of(reply: Reply) -> Mapping[str, Any]:
    if "json" not in reply.headers.get("Content-Type", "").lower():
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
    return _json(reply.body)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Garbled(Fault.BAD_BODY) from None
    if not isinstance(found, dict):
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return found


def _proof_in(headers: Mapping[str, str]) -> bytes:
    try:
        return base64.b64decode(headers.get("x-hmac-signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _payload(inner: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(_text(inner.get("raw_payload")), validate=True)
    except (binascii.Error, ValueError):
        raise Garbled(Fault.BAD_BODY) from None


def _phone_in(inner: Mapping[str, Any]) -> tuple[str, str]:
    """Id and type of the enrolment; older servers tell no type, but an id that says which of the two it is."""
    ids = inner.get("ids")
    ids = ids if isinstance(ids, dict) else {}
    udid, enrolment = _text(inner.get("udid")), _text(inner.get("enrollment_id"))
    found = _text(ids.get("id")) or udid or enrolment
    if not found or len(found) > 255:
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return found, _text(ids.get("type")) or ("Device" if udid else _OWN_PHONE)


def _quoted(ref: str) -> str:
    # A comma would make two phones of it.
    if not ref or ref in (".", "..") or "," in ref or len(ref) > 255:
        raise Missing(Fault.PLACE_GONE)
    return quote(ref, safe="")


def _says(error: str, words: Sequence[str]) -> bool:
    return any(each in error for each in words)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
