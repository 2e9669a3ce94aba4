"""Phones that Microsoft Intune manages: an `Mdm`; what their state means for an order is not decided here.

Intune gives configurations to groups, never to one phone, and names no command: VENDORS section 5.5 has the sources.
There is no retiring, locking or emptying of a phone here, and the export of everybody's apps is never asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any
from urllib.parse import quote

from mdm_adapters.http import Connection, Reply, given_in
from mdm_adapters.microsoft import (
    LOGIN,
    OWN,
    SECRET,
    URL,
    Graph,
    Turns,
    instant_of,
    json_of,
    open_graph,
    quoted,
    ref_of,
)
from mdm_adapters.options import ConnectionKind, Grant, Option, Sort, said
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
from mdm_adapters.restrictions import (
    APP_CONFIGURATIONS,
    CONFIGURATIONS,
    FORMS,
    MARK,
    IntuneProfile,
    form_of,
    holds_in,
    set_by_form,
)

REMEMBERED = 300.0
"""Seconds for which configurations and what phones reported of them are not asked for again."""

_KEY = "intune"
_READS, _WINDOW = 2_000, 20.0
_WRITE = 10
"""Intune takes 200 changes and 2,000 calls of any kind in 20 seconds: a change that counts as ten keeps to both."""
_STARTS = 3
_LOST = frozenset({400, 404, 410})
_DEVICES = "/deviceManagement/managedDevices"
_APPS = "/deviceManagement/detectedApps"
_FIELDS = (
    "id,userPrincipalName,serialNumber,operatingSystem,managedDeviceOwnerType,deviceEnrollmentType,isSupervised,"
    "complianceState,managementState,lastSyncDateTime"
)
_NO_PHONES = ("windows", "macos", "macmdm", "linux", "chrome")
_NO_PHONE_APPS = frozenset({"windows", "windowsMobile", "windowsHolographic", "macOS", "chromeOS"})

# Values that stand in none of these tables are unknown: Microsoft adds to every list (unknownFutureValue).
_OWNED = {"company": True, "personal": False}
_COMPLIANT = {"compliant": True, "noncompliant": False, "inGracePeriod": False}
_MANAGED = {
    **dict.fromkeys(("managed", "unhealthy", "retirePending", "wipePending", "deletePending"), True),
    **dict.fromkeys(("retireFailed", "wipeFailed", "retireCanceled", "wipeCanceled"), True),
    "discovered": False,
}
_BY_USER = {
    **dict.fromkeys(("appleUserEnrollment", "appleUserEnrollmentWithServiceAccount"), True),
    **dict.fromkeys(("userEnrollment", "deviceEnrollmentManager", "appleBulkWithUser", "appleBulkWithoutUser"), False),
}
_ACTIONS = {
    **dict.fromkeys(("pending", "active"), AskState.WAITING),
    **dict.fromkeys(("canceled", "failed", "notSupported"), AskState.FAILED),
    "done": AskState.DONE,
}
_HOLDS = {
    **dict.fromkeys(("compliant", "remediated"), True),
    **dict.fromkeys(("nonCompliant", "error", "conflict", "notAssigned"), False),
}

_CAPABILITIES: Mapping[PhoneCapability, CapabilityAnswer] = {
    PhoneCapability.LIST_PHONES: YES,
    PhoneCapability.FIND_APPS: partly(
        "Intune knows apps by their display names, up to a week late, so one that is not found may be there under "
        "another name: it is unknown, never absent. On a private phone, and on Android outside the work profile, it "
        "sees none."
    ),
    PhoneCapability.SYNC: partly("Intune asks the phone to sync. Its contacts follow in their own time."),
    PhoneCapability.PUSH_PROFILE: partly(
        "Intune gives a profile to a group, never to one phone, so every phone of the group named in the connection "
        "gets it, and one that holds a password is not given."
    ),
    PhoneCapability.PULL_PROFILE: no(
        "Intune takes a profile from a whole group, never from one phone. Take the phone out of the group instead."
    ),
    PhoneCapability.READ_POSTURE: partly(
        "Intune says whether the configurations that we made are in force, by user and as late as the phone reported. "
        "What others configured is not read."
    ),
    PhoneCapability.COMMAND_STATUS: partly(
        "Intune gives no number to a request. It says when the phone last checked in, and how the "
        "newest request of that kind went."
    ),
    PhoneCapability.CONTAINER_PROOF: no("Intune does not say that an account is gone from a phone."),
    PhoneCapability.HIDE_CONTACTS: partly(
        "With our configurations: both restrictions on an iPhone, the closed work profile on Android. On an Android "
        "phone without a work profile apps can read what they are allowed to."
    ),
    PhoneCapability.PHONE_EVENTS: no(
        "Intune does not notify anybody that a phone changed: it is asked from time to time."
    ),
    PhoneCapability.PHONE_CONTACTS: no("No MDM can read or remove contacts on the phone itself."),
}
_WITHOUT_GROUP: Mapping[PhoneCapability, CapabilityAnswer] = {
    PhoneCapability.PUSH_PROFILE: no("This connection names no group of phones to give profiles to."),
}


@dataclass(frozen=True, slots=True)
class _Report:
    """What phones of one user reported of one configuration."""

    status: str
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Ours:
    """A configuration that we made."""

    ref: str
    name: str
    platform: Platform
    collection: str
    body: Mapping[str, Any] = field(repr=False)


class Intune(Mdm):
    """One tenant's Intune. Threads may share it.

    group: the id of the group whose phones get our profiles; "": none are given. probe: a mailbox that must be refused.
    wall, monotonic: the clocks (seconds).
    """

    def __init__(
        self,
        graph: Graph,
        *,
        group: str = "",
        probe: str = "",
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._graph = graph
        self._group = group
        self._probe = probe
        self._wall = wall
        self._monotonic = monotonic
        self._pushing = Lock()
        self._given: set[str] = set()
        self._kept: dict[str, tuple[float, Any]] = {}

    def capabilities(self) -> Mapping[PhoneCapability, CapabilityAnswer]:
        """Every capability, as this connection is configured."""
        return _CAPABILITIES if self._group else {**_CAPABILITIES, **_WITHOUT_GROUP}

    def close(self) -> None:
        """Let go of the connections."""
        self._graph.close()

    # --- phones and apps

    def _list_phones(self) -> Sequence[Phone]:
        items = self._all(f"{_DEVICES}?$select={_FIELDS}&$top=500")
        return [_phone(item) for item in items if not _text(item.get("operatingSystem")).lower().startswith(_NO_PHONES)]

    def _find_apps(self, apps: Sequence[WatchedApp], phones: Sequence[Phone]) -> Sequence[AppSight]:
        if not apps or not phones:
            return ()
        enrolled = {item["id"] for item in self._all(f"{_DEVICES}?$select=id&$top=500")}
        return self._sights(apps, phones, enrolled.intersection(phone.ref for phone in phones))

    def _sights(
        self, apps: Sequence[WatchedApp], phones: Sequence[Phone], enrolled: AbstractSet[str]
    ) -> Sequence[AppSight]:
        """One sight for each phone and each app of its platform. enrolled: those of the phones that still are.

        Where Intune learnt no name it shows the id, so ids are asked for too; a name comes in all that the catalogue
        lists.
        """
        found: dict[frozenset[str], tuple[frozenset[str], bool]] = {}

        def having(names: frozenset[str]) -> tuple[frozenset[str], bool]:
            if names not in found:
                found[names] = self._phones_with(names, enrolled)
            return found[names]

        sights = []
        for app in apps:
            for phone in [phone for phone in phones if phone.platform is app.platform]:
                by_id, _ = having(app.ids)
                by_name, sure = having(app.names)
                sights.append(_sight(app, phone, by_id, by_name, sure=sure and phone.ref in enrolled))
        return sights

    def _phones_with(self, names: frozenset[str], wanted: AbstractSet[str]) -> tuple[frozenset[str], bool]:
        """Which of the phones have an app of one of these names; and whether that is the whole answer."""
        refs: set[str] = set()
        sure = bool(names)
        for name in sorted(names):
            asked = quote(f"displayName eq '{name.replace(chr(39), chr(39) * 2)}'", safe="")
            for item in self._all(f"{_APPS}?$filter={asked}&$select=id,displayName,platform&$top=50"):
                same = _text(item.get("displayName")).casefold() == name.casefold()
                if not same or item.get("platform") in _NO_PHONE_APPS:
                    continue  # what was not asked for is not looked at
                try:
                    holders = self._all(f"{_APPS}/{quoted(item['id'])}/managedDevices?$select=id&$top=500")
                except Missing:
                    sure = False  # this version of the app went while we read; who has it now is under another id
                    continue
                refs |= wanted & {holder["id"] for holder in holders}
        return frozenset(refs), sure

    # --- asking a phone

    def _sync(self, phone: Phone, command: str) -> Ask:
        address = f"{_DEVICES}/{quoted(phone.ref)}/syncDevice"
        reply = self._call("POST", address, headers={"client-request-id": command}, handles=frozenset({404}))
        if reply.status == 404:
            return Ask(AskState.FAILED, error=Missing(Fault.PLACE_GONE, status=404))
        if reply.status != 204:
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return Ask(AskState.ACCEPTED, command=f"sync {self._said_at(reply).isoformat()}")

    def _follow(self, phone: Phone, command: str) -> Ask:
        kind, _, rest = command.partition(" ")
        if kind == "sync" and (asked := instant_of(rest)) is not None:
            return Ask(self._synced(phone, asked), command)
        if kind == "profile" and (asked := instant_of(rest.partition(" ")[0])) is not None:
            return Ask(self._installed(phone, rest.partition(" ")[2], asked), command)
        return Ask(AskState.UNKNOWN, command)

    def _synced(self, phone: Phone, asked: datetime) -> AskState:
        item = self._device(phone, "id,lastSyncDateTime,deviceActionResults")
        last = instant_of(item.get("lastSyncDateTime"))
        if last is not None and last >= asked + timedelta(seconds=1):  # we were told no parts of that second
            return AskState.DONE
        results = [
            (started, _text(each.get("actionState")))
            for each in _objects(item.get("deviceActionResults"))
            if each.get("actionName") == "syncDevice" and (started := instant_of(each.get("startDateTime"))) is not None
        ]
        newest = max((each for each in results if each[0] >= asked), default=None)
        # Nothing said of it: the phone has not been in touch, which is no failure.
        return AskState.WAITING if newest is None else _ACTIONS.get(newest[1], AskState.UNKNOWN)

    def _installed(self, phone: Phone, ref: str, asked: datetime) -> AskState:
        mine = [each for each in self._ours() if each.ref == ref]
        holds, told_at = self._holds(mine[0], phone) if mine else (None, None)
        if holds is None or told_at is None or told_at < asked:
            return AskState.WAITING if mine else AskState.UNKNOWN
        return AskState.DONE if holds else AskState.FAILED

    # --- profiles

    def _push(self, phone: Phone, profile: PhoneProfile, command: str) -> Ask:
        form = form_of(profile) if self._group else None
        if form is None or phone.platform is not profile.platform:
            return Ask(AskState.FAILED)
        headers = {"client-request-id": command}
        with self._pushing:
            named = self._named(form.collection, profile.identifier)
            if any(not _is_ours(each) for each in named):
                return Ask(AskState.FAILED)  # somebody else's configuration has this name
            ref = min((ref_of(each.get("id")) for each in named), default="")
            if not ref or not holds_in(form.body, self._read(form.collection, ref)):
                ref = self._write(form, ref, headers)
                self._given.discard(ref)
            if ref not in self._given:
                self._give(form.collection, ref, headers)
                self._given.add(ref)
            self._kept.clear()
        return Ask(AskState.ACCEPTED, command=f"profile {self._now().isoformat()} {ref}")

    def _write(self, form: IntuneProfile, ref: str, headers: Mapping[str, str]) -> str:
        method, address = ("PATCH", f"{form.collection}/{quoted(ref)}") if ref else ("POST", form.collection)
        found = json_of(self._call(method, address, headers=headers, body=form.body))
        return ref or ref_of(found.get("id"))

    def _give(self, collection: str, ref: str, headers: Mapping[str, str]) -> None:
        target = {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": self._group}
        self._call(
            "POST", f"{collection}/{quoted(ref)}/assign", headers=headers, body={"assignments": [{"target": target}]}
        )

    def _pull(self, phone: Phone, identifier: str, command: str) -> Ask:  # noqa: ARG002
        return Ask(AskState.FAILED)

    def _named(self, collection: str, name: str) -> Sequence[Mapping[str, Any]]:
        listed = self._all(f"{collection}?$select=id,displayName,description&$top=100")
        return [each for each in listed if each.get("displayName") == name]

    def _read(self, collection: str, ref: str) -> Mapping[str, Any]:
        return json_of(self._call("GET", f"{collection}/{quoted(ref)}"))

    # --- posture

    def _ask_posture(self, phone: Phone, apps: Sequence[WatchedApp], command: str) -> Ask:  # noqa: ARG002
        known = _phone(self._device(phone, _FIELDS))
        facts: dict[Aspect, bool | None] = {}
        told = [] if known.seen_at is None else [known.seen_at]
        ours = [each for each in self._ours() if each.platform is known.platform]
        restricting = [each for each in ours if each.collection == CONFIGURATIONS]
        if not restricting and known.seen_at is not None:
            facts[Aspect.PROTECTION] = False  # there is none of ours that the phone could have
        for each in ours:
            holds, told_at = self._holds(each, known)
            if each in restricting:
                facts[Aspect.PROTECTION] = _both(facts.get(Aspect.PROTECTION, holds), holds)
            if holds and told_at is not None:
                told.append(told_at)
                # That one is not in force says nothing of what another, or somebody else's, brings about.
                facts |= dict.fromkeys(set_by_form(each.body, supervised=known.supervised), True)
        sights = tuple(self._sights(apps, [known], {known.ref}))
        at = min(told, default=datetime.fromtimestamp(self._wall(), UTC))
        return Ask(AskState.DONE, posture=Posture(phone.ref, at, facts, sights))

    def _ours(self) -> Sequence[_Ours]:
        def read() -> Sequence[_Ours]:
            found = []
            for collection in (CONFIGURATIONS, APP_CONFIGURATIONS):
                for each in self._all(f"{collection}?$select=id,displayName,description&$top=100"):
                    if _is_ours(each):
                        body = self._read(collection, each["id"])
                        platform, _ = FORMS.get(str(body.get("@odata.type")), (Platform.OTHER, ""))
                        found.append(_Ours(each["id"], _text(each.get("displayName")), platform, collection, body))
            return found

        kept: Sequence[_Ours] = self._remembered("ours", read)
        return kept

    def _holds(self, ours: _Ours, phone: Phone) -> tuple[bool | None, datetime | None]:
        """Whether a configuration is in force on a phone, and when it said so; None: unknown.

        Intune tells by user: where phones of one user differ, it is unknown of each.
        """

        def read() -> Mapping[str, Sequence[_Report]]:
            found: dict[str, list[_Report]] = {}
            for each in self._all(f"{ours.collection}/{quoted(ours.ref)}/deviceStatuses?$top=500"):
                report = _Report(_text(each.get("status")), instant_of(each.get("lastReportedDateTime")))
                found.setdefault(_text(each.get("userPrincipalName")).casefold(), []).append(report)
            return found

        by_user: Mapping[str, Sequence[_Report]] = self._remembered(ours.ref, read)
        reports = [each for each in by_user.get((phone.user or "").casefold(), ()) if each.status != "notApplicable"]
        answers = {_HOLDS.get(each.status) if each.told_at is not None else None for each in reports}
        if len(answers) != 1 or not phone.user:
            return None, None
        return answers.pop(), min((each.told_at for each in reports if each.told_at is not None), default=None)

    # --- events and trying

    def _hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:  # noqa: ARG002
        raise Denied(Fault.FORBIDDEN)

    def _check(self) -> Sequence[Trial]:
        trials = [trial_of_way(encrypted=self._graph.encrypted, near=self._graph.private)]
        if not _try(trials, "Microsoft signs the application in", self._graph.sign_in):
            return trials
        _try(trials, "Intune lists phones", lambda: self._first(f"{_DEVICES}?$select=id&$top=1"))
        _try(trials, "Intune says which apps it found", lambda: self._first(f"{_APPS}?$select=id&$top=1"))
        if self._group:
            _try(trials, "Intune shows its configurations", lambda: self._first(f"{CONFIGURATIONS}?$select=id&$top=1"))
        trials.append(self._is_narrow())
        return trials

    def _first(self, address: str) -> None:
        if not isinstance(json_of(self._call("GET", address)).get("value"), list):
            raise Garbled(Fault.NOT_THE_PROTOCOL)

    def _is_narrow(self) -> Trial:
        """Whether an application that may look after phones is refused a mailbox."""
        try:
            if self._probe:
                self._call("GET", f"/users/{quote(self._probe, safe='@')}/contactFolders?$select=id&$top=1")
        except Missing:
            return Trial("Mailboxes are refused to this application", None)
        except PortError as error:
            right = isinstance(error, Denied) and error.status == 403
            return Trial("Mailboxes are refused to this application", right, None if right else error.fault)
        open_ = bool(self._probe)
        return Trial(
            "Mailboxes are refused to this application",
            False if open_ else None,
            Fault.SCOPE_TOO_WIDE if open_ else None,
        )

    # --- calling

    def _call(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        handles: frozenset[int] = frozenset(),
    ) -> Reply:
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if body is not None else {})}
        out = json.dumps(body).encode() if body is not None else b""
        cost = 1 if method == "GET" else _WRITE
        return self._graph.call(_KEY, method, address, headers=sent, body=out, handles=handles, calls=cost)

    def _all(self, address: str) -> Sequence[Mapping[str, Any]]:
        """Every item of a list once; begun again where Intune loses its place. PortError: it cannot be read whole."""
        for _ in range(_STARTS):
            items = self._listed(address)
            if items is not None:
                return items
        raise Unreachable(Fault.SERVER_ERROR)

    def _listed(self, address: str) -> Sequence[Mapping[str, Any]] | None:
        found: dict[str, Mapping[str, Any]] = {}
        pages: Iterator[Any] = self._graph.pages(_KEY, address, handles=_LOST)
        for number, page in enumerate(pages):
            if page.status in _LOST:
                if number:
                    return None
                if page.status == 400:
                    raise Garbled(Fault.UNEXPECTED_STATUS, status=400)
                raise Missing(Fault.PLACE_GONE, status=page.status)
            for item in page.items:
                found[ref_of(item.get("id"))] = item
        return list(found.values())

    def _device(self, phone: Phone, fields: str) -> Mapping[str, Any]:
        item = json_of(self._call("GET", f"{_DEVICES}/{quoted(phone.ref)}?$select={fields}"))
        if item.get("id") != phone.ref:
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return item

    def _remembered(self, key: str, read: Callable[[], Any]) -> Any:
        at, found = self._kept.get(key, (0.0, None))
        if found is None or self._monotonic() - at >= REMEMBERED:
            at, found = self._monotonic(), read()
            self._kept[key] = (at, found)
        return found

    def _said_at(self, reply: Reply) -> datetime:
        """When Intune answered, by its own clock, since it is compared with what it says later."""
        try:
            return parsedate_to_datetime(reply.headers.get("Date", "")).astimezone(UTC)
        except (ValueError, TypeError):
            return self._now()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self._wall()), UTC)


CONNECTION = ConnectionKind(
    "intune",
    Sort.MANAGER,
    said("Microsoft Intune"),
    said("Microsoft Intune: phones, through Graph"),
    said("Asks work phones to sync, reads how they are configured, and gives them profiles that protect contacts."),
    url=URL,
    login=LOGIN,
    secret=SECRET,
    own=(
        *OWN,
        Option(
            "group",
            said("Group whose phones get our profiles"),
            said("Its object ID in Entra. Without it phones are read and asked, and no profile is given."),
            example="00000000-0000-4000-8000-000000000001",
            pattern=r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
            without=said("No phone is given a profile that protects contacts."),
        ),
        Option(
            "probe",
            said("A mailbox that must be refused"),
            said("Any mailbox. The test checks that this connection cannot read it."),
            example="mailbox@organisation.example",
            pattern=r"[^@\s]+@[^@\s]+",
            without=said("Nobody sees whether the application reads more mailboxes than it should."),
        ),
    ),
    grants=(
        Grant(
            "DeviceManagementManagedDevices.Read.All",
            said("To list phones and how they are set up."),
            ("Intune lists phones",),
        ),
        Grant("DeviceManagementManagedDevices.PrivilegedOperations.All", said("To ask a phone to sync.")),
        Grant(
            "DeviceManagementApps.ReadWrite.All",
            said("To see which monitored apps are there; to write, only for profiles."),
            ("Intune says which apps it found",),
        ),
        Grant(
            "DeviceManagementConfiguration.ReadWrite.All",
            said("Only for profiles: to give them to the group, and to see that they are in force."),
            ("Intune shows its configurations",),
            always=False,
        ),
    ),
)
"""What a connection to Intune says."""


def connect(connection: Connection) -> Intune:
    """The factory that the registry names. ValueError: it is not valid (see CONNECTION)."""
    given = given_in(CONNECTION, connection)
    turns = Turns(most=_READS, window=_WINDOW)
    return Intune(open_graph(CONNECTION, connection, turns=turns), group=given["group"], probe=given["probe"])


def _phone(item: Mapping[str, Any]) -> Phone:
    platform = _platform(_text(item.get("operatingSystem")).lower())
    owned = _OWNED.get(_text(item.get("managedDeviceOwnerType")))
    by_user = _BY_USER.get(_text(item.get("deviceEnrollmentType")))
    if platform is Platform.ANDROID and owned is False:
        by_user = True  # a work profile on a phone of one's own
    supervised = item.get("isSupervised")
    return Phone(
        ref_of(item.get("id")),
        platform,
        user=_text(item.get("userPrincipalName")) or None,
        serial=_text(item.get("serialNumber")) or None,
        owned=owned,
        supervised=supervised if isinstance(supervised, bool) else None,
        managed=_MANAGED.get(_text(item.get("managementState"))),
        compliant=_COMPLIANT.get(_text(item.get("complianceState"))),
        user_enrolled=by_user,
        seen_at=instant_of(item.get("lastSyncDateTime")),
    )


def _platform(system: str) -> Platform:
    if system.startswith(("ios", "ipados", "iphone")):
        return Platform.IOS
    return Platform.ANDROID if system.startswith("android") else Platform.OTHER


def _sight(app: WatchedApp, phone: Phone, by_id: frozenset[str], by_name: frozenset[str], *, sure: bool) -> AppSight:
    """sure: all names were asked for. Then one that was found before and is not any more is unknown again."""
    if phone.ref in by_id:
        return AppSight(phone.ref, app.key, AppPresence.PRESENT)
    if phone.ref in by_name:
        return AppSight(phone.ref, app.key, AppPresence.PRESENT, by_name=True)
    return AppSight(phone.ref, app.key, AppPresence.UNKNOWN, by_name=sure)


def _both(one: bool | None, other: bool | None) -> bool | None:
    if False in (one, other):
        return False
    return None if None in (one, other) else True


def _is_ours(item: Mapping[str, Any]) -> bool:
    return _text(item.get("description")).startswith(MARK)


def _try(trials: list[Trial], what: str, action: Callable[[], None]) -> bool:
    try:
        action()
    except PortError as error:
        trials.append(Trial(what, ok=False, fault=error.fault))
        return False
    trials.append(Trial(what, ok=True))
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else ()
