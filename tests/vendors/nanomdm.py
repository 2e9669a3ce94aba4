"""NanoMDM as far as its API and its events go, with iPhones that answer commands; with faults.

A WSGI app: our reading of VENDORS sections 7.1 to 7.4, no more. What it says and is asked, what its phones answer and
every event are held against the published contracts by the tests. A test arranges state by the classes' methods, as
another person's hand would.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import plistlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, RLock
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import UUID, uuid5

from tests.vendors.apple_schema import AppleSchema
from tests.vendors.exchange import Exchange
from tests.vendors.graph import Asked, Drop, Said, Slow, Trouble
from tests.vendors.serving import DropError

API_KEY = "api-key-of-the-manager"
EVENTS_KEY = b"key-of-its-events"
TOPIC = "com.apple.mgmt.External.00000000-0000-4000-8000-000000000001"
_NAMES = UUID("00000000-0000-4000-8000-00000000abcd")
_ACCESS = "com.apple.applicationaccess"


@dataclass
class SimPhone:
    """One iPhone. own: its user enrolled it. apps: bundle id -> whether it is managed. locked: it says "not now".

    private_profile: one that its user installed, which no manager is told of with ManagedOnly.
    """

    ref: str
    own: bool = False
    supervised: bool = True
    backs_up: bool = False
    locked: bool = False
    apps: dict[str, bool] = field(default_factory=dict)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)
    """(request type, command UUID) of what it did, in order."""

    def answer(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to a command, done."""
        request = command["Command"]
        kind = request["RequestType"]
        outer: dict[str, Any] = {"CommandUUID": command["CommandUUID"], "Status": "Acknowledged"}
        outer["EnrollmentID" if self.own else "UDID"] = self.ref
        if self.locked:
            return outer | {"Status": "NotNow"}
        act = {
            "ProfileList": self._profile_list,
            "InstallProfile": self._install,
            "RemoveProfile": self._remove,
            "Restrictions": self._restrictions,
            "DeviceInformation": self._information,
            "InstalledApplicationList": self._installed,
            "ManagedApplicationList": self._managed,
        }.get(kind)
        said = None if act is None else act(request)
        self.done.append((kind, command["CommandUUID"]))
        if said is None:
            chain = [{"ErrorCode": 12021, "ErrorDomain": "MCMDMErrorDomain", "LocalizedDescription": "Not a command."}]
            return outer | {"Status": "Error", "ErrorChain": chain}
        return outer | said

    def _profile_list(self, _: Mapping[str, Any]) -> dict[str, Any]:
        rows = [
            {
                "PayloadIdentifier": each["PayloadIdentifier"],
                "PayloadUUID": each["PayloadUUID"],
                "PayloadVersion": 1,
                "HasRemovalPasscode": False,
                "IsEncrypted": False,
                "IsManaged": True,
                "PayloadContent": [
                    {
                        "PayloadType": part["PayloadType"],
                        "PayloadIdentifier": part["PayloadIdentifier"],
                        "PayloadUUID": part["PayloadUUID"],
                        "PayloadVersion": 1,
                    }
                    for part in each["PayloadContent"]
                ],
            }
            for each in self.profiles.values()
        ]
        return {"ProfileList": rows}

    def _install(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            profile = plistlib.loads(request["Payload"])
        except (ValueError, KeyError):
            return None
        self.profiles[profile["PayloadIdentifier"]] = profile
        return {}

    def _remove(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        return {} if self.profiles.pop(request["Identifier"], None) is not None else None

    def _restrictions(self, _: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.own:
            return None
        set_ = {
            name: {"value": value}
            for profile in self.profiles.values()
            for part in profile["PayloadContent"]
            if part["PayloadType"] == _ACCESS
            for name, value in part.items()
            if isinstance(value, bool) and (self.supervised or name != "allowAccountModification")
        }
        return {"GlobalRestrictions": {"restrictedBool": set_, "restrictedValue": {}}}

    def _information(self, request: Mapping[str, Any]) -> dict[str, Any]:
        knows = {
            "OSVersion": "26.1",
            "IsCloudBackupEnabled": self.backs_up,
            "IsSupervised": self.supervised,
            "DeviceName": "iPhone of canary-person",
            "UDID": self.ref,
        }
        return {"QueryResponses": {name: knows[name] for name in request["Queries"] if name in knows}}

    def _installed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = request.get("Identifiers")
        items = request.get("Items", ["Identifier", "Name"])
        knows = {"Name": "Canary", "Installing": False, "IsAppClip": False, "Version": "1"}
        return {
            "InstalledApplicationList": [
                {name: value for name, value in {"Identifier": each, **knows}.items() if name in items}
                for each, managed in self.apps.items()
                if (wanted is None or each in wanted) and (managed or not self.own)
            ]
        }

    def _managed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = request.get("Identifiers")
        listed = {
            each: {
                "Status": "Managed",
                "ManagementFlags": 1,
                "UnusedRedemptionCode": "",
                "HasConfiguration": False,
                "HasFeedback": False,
                "IsValidated": True,
                "ExternalVersionIdentifier": 1,
            }
            for each, managed in self.apps.items()
            if managed and (wanted is None or each in wanted)
        }
        return {"ManagedApplicationList": listed}


class NanoServer:
    """The WSGI app. troubles: asked of each request in turn. events: (headers, body) as sent, in order.

    hears: called with each event as it is sent. databases: it keeps all in one, which knows who never enrolled (else in
    memory, or in files as those of key and value are). tells_certificate: it answers questions for the certificate of
    its pushes, as its newest document says and 0.9.0 does not. asleep: phones that Apple's push cannot reach. schema:
    every command and answer is held against it, and `complaints` collects what does not fit. What is said here of
    storages and failures was seen at the real one (tests/contract/test_nanomdm_real.py).
    """

    def __init__(self, schema: AppleSchema | None = None) -> None:
        self.phones: dict[str, SimPhone] = {}
        self.queues: dict[str, list[dict[str, Any]]] = {}
        self.troubles: list[Trouble] = []
        self.events: list[tuple[Mapping[str, str], bytes]] = []
        self.hears: Callable[[Mapping[str, str], bytes], object] | None = None
        self.seen: list[tuple[Asked, Said]] = []
        self.databases = False
        self.tells_certificate = False
        self.asleep: set[str] = set()
        self.woken: list[str] = []
        self.schema = schema
        self.complaints: list[str] = []
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._commands: set[str] = set()
        self._left: set[str] = set()
        self._lock = RLock()
        self._never = Event()

    # --- what happens in the world

    def enrol(self, ref: str, *, own: bool = False, tally: int = 1) -> SimPhone:
        """Bring a phone under management."""
        phone = self.phones.setdefault(ref, SimPhone(ref, own))
        self.queues[ref] = []
        self._left.discard(ref)
        self._checkin(phone, "TokenUpdate", tally, Token=b"token", PushMagic="magic")
        return phone

    def leave(self, ref: str) -> None:
        """A phone leaves management. Its manager goes on taking commands for it, and finds that nobody comes."""
        phone = self.phones.pop(ref)
        self._left.add(ref)
        self._checkin(phone, "CheckOut")

    def act(self, ref: str) -> None:
        """The phone gets in touch, answers all that waits for it, and goes idle."""
        phone, left = self.phones[ref], []
        for command in self.queues[ref]:
            answer = phone.answer(command)
            if self.schema is not None:
                self.complaints += self.schema.answer(command["Command"]["RequestType"], answer)
            if answer["Status"] == "NotNow":
                left.append(command)
            self.report(phone, answer)
        self.queues[ref] = left
        outer = {"EnrollmentID" if phone.own else "UDID": ref, "Status": "Idle"}
        self.report(phone, outer)

    def report(self, phone: SimPhone, answer: Mapping[str, Any]) -> None:
        """Send the event of a phone's answer."""
        inner: dict[str, Any] = {"status": answer["Status"], "raw_payload": _packed(plistlib.dumps(dict(answer)))}
        if "CommandUUID" in answer:
            inner["command_uuid"] = answer["CommandUUID"]
        self.send("mdm.Connect", {"acknowledge_event": {**self._names(phone), **inner}})

    def declared(self, phone: SimPhone, report: Mapping[str, Any]) -> None:
        """Send the event of a phone's status report."""
        data = json.dumps(report).encode()
        self._checkin(phone, "DeclarativeManagement", None, Endpoint="status", Data=data)

    def send(self, topic: str, inner: Mapping[str, Any], *, at: str = "") -> None:
        """Send any event, signed, a second after the one before."""
        self.now += timedelta(seconds=1)
        event = {"topic": topic, "event_id": f"e-{len(self.events)}", "created_at": at or self.now.isoformat(), **inner}
        body = json.dumps(event).encode()
        headers = signed(body)
        self.events.append((headers, body))
        if self.hears is not None:
            self.hears(headers, body)

    def _checkin(self, phone: SimPhone, kind: str, tally: int | None = None, **keys: Any) -> None:
        message = {"MessageType": kind, "Topic": TOPIC, "EnrollmentID" if phone.own else "UDID": phone.ref, **keys}
        if kind == "DeclarativeManagement":
            del message["Topic"]
        if self.schema is not None:
            self.complaints += self.schema.checkin(message)
        inner: dict[str, Any] = {**self._names(phone), "raw_payload": _packed(plistlib.dumps(message))}
        if tally is not None:
            inner["token_update_tally"] = tally
        self.send(f"mdm.{kind}", {"checkin_event": inner})

    def _names(self, phone: SimPhone) -> dict[str, Any]:
        kind = "User Enrollment (Device)" if phone.own else "Device"
        outer = {"enrollment_id" if phone.own else "udid": phone.ref}
        return {**outer, "ids": {"id": phone.ref, "type": kind}, "url_params": {}}

    # --- the API

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        raw = environ["wsgi.input"].read()
        path = environ["PATH_INFO"]
        asked = Asked(environ["REQUEST_METHOD"], unquote(path), query, headers, raw or None, raw=path)
        with self._lock:
            said = self._with_troubles(asked, lambda: self._answer(asked))
            self.seen.append((asked, said))
        sent = {"Content-Type": "application/json", **said.headers}
        out = (
            said.body if isinstance(said.body, bytes) else b"" if said.body is None else json.dumps(said.body).encode()
        )
        start(f"{said.status} Said", list(sent.items()))
        return [out]

    def exchanges(self) -> Iterator[Exchange]:
        """All that was asked and said, but for what was nonsense on purpose, or refused for want of a key."""
        for asked, said in list(self.seen):
            if said.strange or "authorization" not in asked.headers:
                continue
            yield Exchange(
                asked.method,
                asked.raw,
                asked.query,
                asked.headers,
                asked.body,
                said.status,
                _nameless(said.body),
                {},
                "text/plain",
            )

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
        return act()

    def _answer(self, asked: Asked) -> Said:
        key = "Basic " + base64.b64encode(f"nanomdm:{API_KEY}".encode()).decode()
        if asked.path == "/version":
            return Said(200, {"version": "v0.9.0"})
        if asked.headers.get("authorization") != key:
            return Said(401, None, {"WWW-Authenticate": 'Basic realm="nanomdm"'}, strange=True)
        if asked.path == "/v1/pushcert" and asked.method == "GET":
            return self._certificate(asked.query.get("topic"))
        if asked.path.startswith("/v1/enqueue/") and asked.method == "PUT":
            return self._enqueue(asked.path.removeprefix("/v1/enqueue/").split(","), asked)
        return Said(404, b"", strange=True)

    def _certificate(self, topic: str | None) -> Said:
        if not self.tells_certificate:
            return Said(400, {"error": "tls: failed to find any PEM data in certificate input"})
        if topic != TOPIC:
            return Said(500, {"error": "retrieving push certificate: no such topic"})
        return Said(200, {"topic": TOPIC, "not_after": "2027-03-02T09:00:00Z"})

    def _enqueue(self, refs: Sequence[str], asked: Asked) -> Said:
        command = plistlib.loads(asked.body)
        uuid, kind = command["CommandUUID"], command["Command"]["RequestType"]
        if self.schema is not None:
            self.complaints += self.schema.command(command["Command"])
        quiet = "nopush" in asked.query
        told: dict[str, Any] = {"command_uuid": uuid, "request_type": kind, **({"no_push": True} if quiet else {})}
        strangers = set(refs) - self.phones.keys() - self._left
        if strangers and self.databases:
            failure = "insert enrollment queue : Error 1452: Cannot add a row: a foreign key constraint fails"
            return Said(500, {**told, "command_error": failure})
        if uuid in self._commands:
            failure = f"Error 1062 (23000): Duplicate entry '{uuid}' for key 'commands.PRIMARY'"
            failure = failure if self.databases else f"command already exists: {uuid}"
            return Said(500, {**told, "command_error": failure})
        self._commands.add(uuid)
        for ref in refs:
            self.queues.setdefault(ref, []).append(command)
        if quiet:
            return Said(200, told)
        status: dict[str, dict[str, str]] = {}
        for ref in refs:
            if ref in strangers:
                status[ref] = {"push_error": "push data missing for id"}
            elif ref in self.asleep:
                status[ref] = {"push_error": "push HTTP status: 410: APNs push error: Unregistered: timestamp 1"}
            else:
                status[ref] = {"push_result": str(uuid5(_NAMES, f"{ref}{len(self.woken)}")).upper()}
                self.woken.append(ref)
        bad = sum("push_error" in each for each in status.values())
        return Said(200 if not bad else 500 if bad == len(refs) else 207, {**told, "status": status})


def signed(body: bytes) -> Mapping[str, str]:
    """The headers of an event with this body whose sender is proven."""
    return {"x-hmac-signature": base64.b64encode(hmac.new(EVENTS_KEY, body, hashlib.sha256).digest()).decode()}


def _packed(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _nameless(body: object) -> object:
    """An answer with what it says of phones under the one name that the published document has for them."""
    told = body.get("status") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not told:
        return body
    return {**body, "status": dict.fromkeys(["$id"], next(iter(told.values())))}
