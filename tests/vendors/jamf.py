"""Jamf Pro as far as mobile devices go: tokens, inventory, groups, commands, two nodes, events; with faults.

A WSGI app: our reading of VENDORS section 8, no more. What it says and is asked is held against the published contract
by the tests. A test arranges state by the classes' methods, as another person's hand would.
"""

from __future__ import annotations

import copy
import json
import plistlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Condition, Event, RLock
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote
from uuid import UUID, uuid5

from defusedxml import ElementTree

from tests.vendors.exchange import Exchange
from tests.vendors.graph import Asked, Drop, Said, Slow, Trouble
from tests.vendors.serving import DropError

CLIENT, SECRET = "client-of-closeout", "secret-of-the-client"
HEADER, VALUE = "X-Closeout-Key", "value-of-the-header"
_NAMES = UUID("00000000-0000-4000-8000-00000000abce")
_NODES = 2


@dataclass
class JamfPhone:
    """One iPhone. told: what its last inventory said of profiles and apps; None: there was none."""

    number: int
    user: str
    ownership: str = "Institutional"
    managed: bool = True
    supervised: bool = True
    backs_up: bool = False
    locked: bool = False
    apps: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Bundle id -> (name, managed)."""
    profiles: dict[str, bytes] = field(default_factory=dict)
    told: tuple[dict[str, tuple[str, bool]], list[str]] | None = None
    told_at: datetime | None = None

    @property
    def management(self) -> str:
        """Its client management id."""
        return str(uuid5(_NAMES, f"phone {self.number}"))


@dataclass
class State:
    """What one node of the cluster knows."""

    phones: dict[int, JamfPhone] = field(default_factory=dict)
    groups: dict[str, tuple[str, set[int]]] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)


class JamfServer:
    """The WSGI app. troubles: asked of each request in turn. clock: seconds; a test moves it. lives: seconds that a
    token is good for. lag: a node knows of what another wrote only once `catch_up` is called. configs: number of a
    profile -> (name, mobileconfig, group); scopes: the phones it is assigned to one by one, None: all. twists: what is
    said is passed through each. gate: what every request waits for, once inside. peak: the most that were inside.
    """

    def __init__(self) -> None:
        self.state = State()
        self.lag = False
        self.troubles: list[Trouble] = []
        self.twists: list[Callable[[Asked, Said], Said]] = []
        self.events: list[tuple[Mapping[str, str], bytes]] = []
        self.seen: list[tuple[Asked, Said]] = []
        self.configs: dict[str, tuple[str, bytes, str]] = {}
        self.scopes: dict[str, set[int] | None] = {}
        self.clock: Callable[[], float] = time.time
        self.lives = 60
        self.signed_in = 0
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._views: list[State] = [self.state] * _NODES
        self._tokens: dict[str, float] = {}
        self._turn = 0
        self._lock = RLock()
        self._never = Event()
        self.gate: Event | None = None
        self.peak = self._inside = 0
        self._busy = Condition()

    # --- what happens in the world

    def enrol(self, user: str, **how: Any) -> JamfPhone:
        """Bring a phone under management; it told its inventory."""
        number = 860_001 + len(self.state.phones)
        phone = self.state.phones[number] = JamfPhone(number, user, **how)
        self.inventory(phone)
        self.send("MobileDeviceEnrolled", phone)
        self.catch_up()
        return phone

    def leave(self, number: int) -> None:
        """A phone leaves management: Jamf keeps its record."""
        self.state.phones[number].managed = False
        self.send("MobileDeviceUnEnrolled", self.state.phones[number])

    def inventory(self, phone: JamfPhone) -> None:
        """The phone tells what is on it."""
        self.now += timedelta(seconds=1)
        phone.told = (dict(phone.apps), list(phone.profiles))
        phone.told_at = self.now
        self.send("MobileDeviceInventoryCompleted", phone)

    def act(self, number: int) -> None:
        """The phone gets in touch, does all that waits for it, and tells."""
        phone = self.state.phones[number]
        for command in self.waiting(number):
            self._complete(command, phone)
        for config, (name, body, _) in self.configs.items():
            wanted = self._wants(config, number)
            if wanted and name not in phone.profiles:
                phone.profiles[name] = body
            elif not wanted:
                phone.profiles.pop(name, None)
        if not phone.locked:
            self.inventory(phone)
        self.catch_up()

    def waiting(self, number: int) -> list[dict[str, Any]]:
        """Commands that wait for a phone."""
        management = self.state.phones[number].management
        return [
            each
            for each in self.state.commands
            if each["client"]["managementId"] == management and each["commandState"] in ("PENDING", "NOT_NOW")
        ]

    def misses(self, number: int) -> int:
        """How many profiles a phone is to get or to lose."""
        phone = self.state.phones[number]
        return sum(
            self._wants(config, number) != (name in phone.profiles) for config, (name, *_) in self.configs.items()
        )

    def _wants(self, config: str, number: int) -> bool:
        scope = self.scopes.get(config, set())
        return scope is None or number in scope or number in self.state.groups[self.configs[config][2]][1]

    def catch_up(self) -> None:
        """Every node knows what every other wrote."""
        self._views = [copy.deepcopy(self.state) if self.lag else self.state for _ in range(_NODES)]

    def send(self, kind: str, phone: JamfPhone, **more: Any) -> None:
        """Send an event."""
        device = {
            "udid": f"00000000-{phone.number:016X}",
            "deviceName": "iPhone of canary-person",
            "serialNumber": f"SERIAL{phone.number:06d}",
            "username": phone.user,
            "jssID": phone.number,
            **more,
        }
        stamp = int(self.now.timestamp() * 1000)
        outer = {"id": 1, "name": "closeout", "webhookEvent": kind, "eventTimestamp": stamp}
        self.events.append(({HEADER.lower(): VALUE}, json.dumps({"webhook": outer, "event": device}).encode()))

    def _complete(self, command: dict[str, Any], phone: JamfPhone) -> None:
        command["commandState"] = "NOT_NOW" if phone.locked else "ACKNOWLEDGED"
        if not phone.locked:
            command["dateCompleted"] = _written(self.now)
            self.send(
                "MobileDeviceCommandCompleted", phone, mdmCommandUUID=command["uuid"], mdmCommand="DeviceInformation"
            )

    # --- the API

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        pairs = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
        query: dict[str, Any] = dict(pairs)
        if "section" in query:  # several times, or by commas
            query["section"] = [each for name, value in pairs if name == "section" for each in value.split(",")]
        raw = environ["wsgi.input"].read()
        path = environ["PATH_INFO"]
        xml = environ["CONTENT_TYPE"] == "application/xml"
        body: Any = raw.decode() if "oauth" in path else raw if xml else json.loads(raw) if raw else None
        asked = Asked(environ["REQUEST_METHOD"], unquote(path), query, headers, body, raw=path)
        with self._entered(), self._lock:
            node = self._node(headers.get("cookie", ""))
            said = self._with_troubles(asked, lambda: self._answer(asked, node))
            self.seen.append((asked, said))
        sent = {"Content-Type": "application/json", "Set-Cookie": f"APBALANCEID=node-{node}; Path=/", **said.headers}
        out = (
            said.body if isinstance(said.body, bytes) else b"" if said.body is None else json.dumps(said.body).encode()
        )
        start(f"{said.status} Said", list(sent.items()))
        return [out]

    @contextmanager
    def _entered(self) -> Iterator[None]:
        with self._busy:
            self._inside += 1
            self.peak = max(self.peak, self._inside)
            self._busy.notify_all()
        if self.gate is not None:
            self.gate.wait(10.0)
        try:
            yield
        finally:
            with self._busy:
                self._inside -= 1

    def wait_for(self, count: int) -> bool:
        """Whether so many requests come to be inside at once, before ten seconds are over."""
        with self._busy:
            return self._busy.wait_for(lambda: self._inside >= count, 10.0)

    def exchanges(self) -> Iterator[Exchange]:
        """All that was asked of what the document describes and can be held against it.

        Commands that are put are not: the document's alternatives for them cannot be told apart by a validator.
        """
        for asked, said in list(self.seen):
            known = asked.path.startswith("/api/") and "authorization" in asked.headers
            if said.strange or not known or (asked.path.endswith("/v2/mdm/commands") and asked.method == "POST"):
                continue
            path = asked.raw.removeprefix("/api")
            yield Exchange(asked.method, path, asked.query, asked.headers, asked.body, said.status, said.body)

    def _node(self, cookie: str) -> int:
        found = re.search(r"APBALANCEID=node-(\d)", cookie)
        if found:
            return int(found[1])
        self._turn += 1
        return self._turn % _NODES

    def _with_troubles(self, asked: Asked, act: Callable[[], Said]) -> Said:
        for trouble in self.troubles:
            found = trouble(asked)
            if isinstance(found, Said):
                return found
            if isinstance(found, Slow):
                self._never.wait(found.seconds)
            if isinstance(found, Drop):
                if found.done:
                    act()
                raise DropError
        said = act()
        for twist in self.twists:
            said = twist(asked, said)
        return said

    def _answer(self, asked: Asked, node: int) -> Said:
        if asked.path == "/api/v1/oauth/token":
            return self._sign_in(asked)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.clock() >= self._tokens.get(token, 0.0):
            return Said(401, None, strange=True)
        view = self._views[node]
        table: list[tuple[str, str, Callable[..., Said]]] = [
            ("GET", r"/api/v2/mobile-devices/detail", self._detail),
            ("POST", r"/api/v2/mdm/commands", self._send_command),
            ("GET", r"/api/v2/mdm/commands", self._list_commands),
            ("GET", r"/api/v1/mobile-device-groups/static-groups/(\d+)", self._get_group),
            ("PATCH", r"/api/v1/mobile-device-groups/static-groups/(\d+)", self._patch_group),
            ("GET", r"/JSSResource/mobiledeviceconfigurationprofiles/id/(\d+)", self._get_config),
            ("PUT", r"/JSSResource/mobiledeviceconfigurationprofiles/id/(\d+)", self._put_config),
        ]
        for method, pattern, act in table:
            found = re.fullmatch(pattern, asked.path)
            if found and method == asked.method:
                return act(view, asked, *found.groups())
        return _error(404)

    def _sign_in(self, asked: Asked) -> Said:
        form = {name: values[0] for name, values in parse_qs(asked.body).items()}
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        if form != wanted:
            return Said(400, {"error": "invalid_client", "error_description": "OAuth 2.0 Parameter: client_id"})
        self.signed_in += 1
        token = f"token-{self.signed_in}"
        self._tokens[token] = self.clock() + self.lives
        told = {"access_token": token, "token_type": "Bearer", "scope": "api-role:1", "expires_in": self.lives}
        return Said(200, told)

    def _detail(self, view: State, asked: Asked) -> Said:
        sections = asked.query.get("section", ["GENERAL"])
        test = _rsql(asked.query.get("filter", ""))
        listed = [each for each in view.phones.values() if test({"mobileDeviceId": str(each.number)})]
        page, size = int(asked.query.get("page", 0)), int(asked.query.get("page-size", 100))
        if size > 2000:
            return _error(400)
        rows = [_row(each, sections) for each in listed[page * size : (page + 1) * size]]
        return Said(200, {"totalCount": len(listed), "results": rows})

    def _send_command(self, view: State, asked: Asked) -> Said:
        known = {each.management: each for each in view.phones.values() if each.managed}
        told = []
        for client in asked.body["clientData"]:
            if client["managementId"] not in known:
                return _error(500)
            uuid = str(uuid5(_NAMES, f"command {len(self.state.commands)}"))
            command = {
                "uuid": uuid,
                "dateSent": _written(self.now),
                "client": {"managementId": client["managementId"], "clientType": "MOBILE_DEVICE"},
                "commandState": "PENDING",
                "commandType": asked.body["commandData"]["commandType"],
            }
            self.state.commands.append(command)
            if view is not self.state:
                view.commands.append(command)
            told.append({"id": uuid, "href": f"/api/v2/mdm/commands?filter=uuid=={uuid}"})
        return Said(201, told)

    def _list_commands(self, view: State, asked: Asked) -> Said:
        rsql = asked.query.get("filter", "")
        if not rsql:
            return _error(500)
        test = _rsql(rsql)
        rows = [
            each
            for each in view.commands
            if test({"uuid": each["uuid"], "clientManagementId": each["client"]["managementId"]})
        ]
        return Said(200, {"totalCount": len(rows), "results": rows})

    def _get_group(self, view: State, _: Asked, number: str) -> Said:
        if number not in view.groups:
            return _error(404)
        name, members = view.groups[number]
        return Said(200, {"groupId": number, "groupName": name, "siteId": "-1", "count": len(members)})

    def _patch_group(self, view: State, asked: Asked, number: str) -> Said:
        if number not in view.groups:
            return _error(404)
        for each in {id(view): view, id(self.state): self.state}.values():
            _, members = each.groups[number]
            for row in asked.body.get("assignments", []):
                (members.add if row["selected"] else members.discard)(int(row["mobileDeviceId"]))
            each.groups[number] = (asked.body["groupName"], members)
        return Said(200, {**asked.body, "groupId": number})

    def _get_config(self, _view: State, _: Asked, number: str) -> Said:
        if number not in self.configs:
            return _error(404)
        name, body, group = self.configs[number]
        general = {"id": int(number), "name": name, "uuid": name, "payloads": body.decode()}
        scoped = self.scopes.get(number, set())
        scope = {
            "all_mobile_devices": scoped is None,
            "mobile_devices": [{"id": each, "name": "iPhone of canary-person"} for each in sorted(scoped or ())],
            "mobile_device_groups": [{"id": int(group)}],
        }
        return Said(200, {"configuration_profile": {"general": general, "scope": scope}})

    def _put_config(self, _view: State, asked: Asked, number: str) -> Said:
        if number not in self.configs:
            return _error(404)
        self.scopes[number] = _numbers(asked.body)
        return Said(201, b"<configuration_profile/>", {"Content-Type": "application/xml"})


def _numbers(body: bytes) -> set[int]:
    found = ElementTree.fromstring(body)
    return {int(each.text or "") for each in found.iterfind("scope/mobile_devices/mobile_device/id")}


def _row(phone: JamfPhone, sections: list[str]) -> dict[str, Any]:
    apps, profiles = phone.told or ({}, [])
    general: dict[str, Any] = {
        "udid": f"00000000-{phone.number:016X}",
        "displayName": "iPhone of canary-person",
        "managed": phone.managed,
        "supervised": phone.supervised,
        "deviceOwnershipType": phone.ownership,
        "managementId": phone.management,
        "cloudBackupEnabled": phone.backs_up,
        "lastContactDate": _written(phone.told_at or datetime(1970, 1, 1, tzinfo=UTC)),
    }
    if phone.told_at is not None:
        general["lastInventoryUpdateDate"] = _written(phone.told_at)
    told: dict[str, Any] = {
        "GENERAL": ("general", general),
        "HARDWARE": ("hardware", {"serialNumber": f"SERIAL{phone.number:06d}", "model": "iPhone 15"}),
        "USER_AND_LOCATION": (
            "userAndLocation",
            {"username": phone.user, "emailAddress": phone.user, "realName": "Canary Person", "phoneNumber": "canary"},
        ),
        "APPLICATIONS": (
            "applications",
            [
                {
                    "identifier": each,
                    "name": name,
                    "version": "1.0",
                    "shortVersion": "1",
                    "managementStatus": "Managed" if managed else "Unmanaged",
                    "appClip": False,
                }
                for each, (name, managed) in apps.items()
                if managed or "User" not in phone.ownership
            ],
        ),
        "PROFILES": (
            "profiles",
            [
                {
                    "displayName": "A profile",
                    "version": "1",
                    "uuid": str(uuid5(_NAMES, each)),
                    "identifier": each,
                    "removable": False,
                    "lastInstalled": _written(phone.told_at or datetime(2026, 3, 2, tzinfo=UTC)),
                }
                for each in profiles
            ],
        ),
    }
    shown = dict(told[each] for each in sections if each in told)
    return {"mobileDeviceId": str(phone.number), "deviceType": "iOS", **shown}


def _rsql(text: str) -> Callable[[Mapping[str, str]], bool]:
    """The few forms of a filter that are asked here: a==b, a=in=(b,c), joined by semicolons."""
    tests: list[tuple[str, set[str]]] = []
    for part in filter(None, text.split(";")):
        found = re.fullmatch(r"(\w+)(?:==\"?([^\",()]+)\"?|=in=\(([^()]+)\))", part)
        assert found is not None, part
        tests.append((found[1], {found[2]} if found[2] else {each.strip('"') for each in found[3].split(",")}))
    return lambda row: all(row.get(name) in values for name, values in tests)


def _error(status: int) -> Said:
    causes = [{"code": "X", "field": "id", "description": "It did not work.", "id": "0"}]
    return Said(status, {"httpStatus": status, "errors": causes})


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def restriction(**keys: bool) -> bytes:
    """A mobileconfig with these restrictions, as it stands in Jamf Pro."""
    inner = {
        "PayloadType": "com.apple.applicationaccess",
        "PayloadIdentifier": "example.org.closeout.protection.payload",
        "PayloadUUID": "00000000-0000-4000-8000-000000000005",
        "PayloadVersion": 1,
        **keys,
    }
    outer = {
        "PayloadType": "Configuration",
        "PayloadIdentifier": "example.org.closeout.protection",
        "PayloadUUID": "00000000-0000-4000-8000-000000000006",
        "PayloadVersion": 1,
        "PayloadContent": [inner],
    }
    return plistlib.dumps(outer)
