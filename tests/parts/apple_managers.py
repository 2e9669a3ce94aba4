"""Real managers of iPhones on loopback: NanoMDM, KMFDDM, a SCEP server, and what carries phones; no pytest here.

All is built from the module proxy by version (`apple/go.mod`). What a phone says is told by `SimPhone`, our reading of
Apple's schema; how it gets there is others': its identity comes by SCEP, its messages are signed as NanoMDM's own tests
sign them, and a push goes through a stand-in for Apple's on this machine.
"""

from __future__ import annotations

import base64
import json
import plistlib
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Condition, local
from typing import Any
from urllib.parse import urlencode

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.parts import go_programs
from tests.parts.process import Child, answers, folder_for, free_port, run_as
from tests.vendors.nanomdm import SimPhone
from tests.vendors.serving import served

TOPIC = "com.apple.mgmt.External.00000000-0000-4000-8000-000000000001"
API_KEY, DDM_KEY, EVENTS_KEY, CHALLENGE = "key-of-the-manager", "key-of-declarations", b"key-of-events", "challenge"
_SOURCE = Path(__file__).parent / "apple"
_PACKAGES = {
    "nanomdm": "github.com/micromdm/nanomdm/cmd/nanomdm",
    "kmfddm": "github.com/jessepeterson/kmfddm/cmd/kmfddm",
    "scepserver": "github.com/micromdm/scep/v2/cmd/scepserver",
    "apple-phones": ".",
}
_EVENT_SECONDS = 20.0
Heard = tuple[Mapping[str, str], bytes]


class EventLostError(Exception):
    """An event that the manager should have sent did not come."""


class WebhookReceiver:
    """Where NanoMDM's events arrive. status: what they are answered with. hears: called with each, as it comes."""

    def __init__(self) -> None:
        self.events: list[Heard] = []
        self.status = 200
        self.hears: Callable[[Mapping[str, str], bytes], object] | None = None
        self._came = Condition()

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> list[bytes]:
        """WSGI."""
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        event = (headers, environ["wsgi.input"].read())
        if self.hears is not None:
            self.hears(*event)
        with self._came:
            self.events.append(event)
            self._came.notify_all()
        start(f"{self.status} Said", [])
        return [b""]

    def wait_for(self, count: int, *, patience: float = _EVENT_SECONDS) -> None:
        """Until so many came in all; NanoMDM sends them beside its answers, so in any order and a little later.

        patience: seconds.
        """
        with self._came:
            if not self._came.wait_for(lambda: len(self.events) >= count, patience):
                raise EventLostError(f"{len(self.events)} of {count} came")


@dataclass
class AppleManagers:
    """Servers that run. url, ddm: of NanoMDM's and KMFDDM's API. phones: what is enrolled, by ref."""

    url: str
    ddm: str
    webhook: WebhookReceiver
    transport_port: int
    phones: dict[str, SimPhone] = field(default_factory=dict)
    _sent: int = 0
    _kept: local = field(default_factory=local)

    # --- what happens in the world

    def identify(self, ref: str, challenge: str = CHALLENGE) -> tuple[int, bytes]:
        """Have the SCEP server sign an identity for this phone."""
        return self.transport("POST", f"/identity/{ref}?{urlencode({'challenge': challenge})}")

    def enrol(self, ref: str, *, own: bool = False) -> SimPhone:
        """Bring a phone under management, from its identity to the token by which it is woken."""
        _good(*self.identify(ref))
        return self.check_in(ref, own=own)

    def identify_all(self, refs: Sequence[str]) -> None:
        """Identities for many at once, by the authority's own key: by SCEP, thousands would take minutes."""
        _good(*self.transport("POST", "/identities", json.dumps({"phones": list(refs)}).encode()))

    def check_in(self, ref: str, *, own: bool = False) -> SimPhone:
        """The two messages of an enrolment, of a phone that has an identity."""
        phone = self.phones.setdefault(ref, SimPhone(ref, own))
        model = {} if own else {"SerialNumber": f"S{ref[-9:]}", "DeviceName": "iPhone of canary-person"}
        _good(*self.say(phone, "Authenticate", Topic=TOPIC, Model="iPhone17,1", **model))
        _good(*self.renew(phone))
        return phone

    def renew(self, phone: SimPhone) -> tuple[int, bytes]:
        """The phone tells the token by which it is woken, as it does again whenever that changes."""
        return self.say(phone, "TokenUpdate", Topic=TOPIC, Token=_token(phone.ref), PushMagic=f"magic-{phone.ref}")

    def leave(self, ref: str) -> None:
        """A phone leaves management."""
        _good(*self.say(self.phones.pop(ref), "CheckOut", Topic=TOPIC))

    def say(self, phone: SimPhone, kind: str, *, signed_as: str = "", **keys: Any) -> tuple[int, bytes]:
        """A check-in message of this kind; status and body of the answer."""
        message = {"MessageType": kind, _name(phone): phone.ref, **keys}
        return self._post(f"/checkin/{phone.ref}", message, signed_as)

    def report(self, phone: SimPhone, answer: Mapping[str, Any], *, signed_as: str = "") -> tuple[int, bytes]:
        """What a phone answers; status, and the next command if there is one."""
        return self._post(f"/connect/{phone.ref}", answer, signed_as)

    def act(self, ref: str) -> None:
        """The phone gets in touch and answers all that waits for it; returns when every event of that has come."""
        phone = self.phones[ref]
        status, raw = self.report(phone, {_name(phone): ref, "Status": "Idle"})
        while _good(status, raw).strip():
            command = plistlib.loads(raw)
            if command["Command"]["RequestType"] == "DeclarativeManagement":
                answer: Mapping[str, Any] = {
                    _name(phone): ref, "CommandUUID": command["CommandUUID"], "Status": "Acknowledged",
                }  # fmt: skip
            else:
                answer = phone.answer(command)
            status, raw = self.report(phone, answer)
        self.settle()

    def settle(self) -> None:
        """Until the events of all that was said have come."""
        self.webhook.wait_for(self._sent)

    def answered(self, refs: Sequence[str], answers: Mapping[str, Mapping[str, Any]], workers: int = 8) -> None:
        """Many phones answer all that waits for them with the same. answers: by type of request, and `Idle`."""
        told = {kind: plistlib.dumps({"UDID": "@PHONE@", **said}).decode() for kind, said in answers.items()}
        body = json.dumps({"phones": list(refs), "answers": told, "workers": workers}).encode()
        _good(*self.transport("POST", "/act", body))

    def woken(self) -> list[str]:
        """Refs of the phones that were pushed, in order."""
        refs = {_token(ref).hex(): ref for ref in self.phones}
        return [refs.get(each, each) for each in json.loads(self.transport("GET", "/pushed")[1]) or []]

    def unregister(self, ref: str) -> None:
        """Apple no longer knows this phone's token: it was erased, or given a new one."""
        _good(*self.transport("POST", f"/unregister/{_token(ref).hex()}"))

    def transport(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """One request to the program that carries what phones say."""
        kept = getattr(self._kept, "connection", None)
        if kept is None:
            kept = self._kept.connection = HTTPConnection("127.0.0.1", self.transport_port, timeout=120)
        kept.request(method, path, body)
        reply = kept.getresponse()
        return reply.status, reply.read()

    def close(self) -> None:
        """Let go of this thread's connection."""
        kept = getattr(self._kept, "connection", None)
        if kept is not None:
            kept.close()

    def _post(self, path: str, message: Mapping[str, Any], signed_as: str) -> tuple[int, bytes]:
        query = f"?{urlencode({'as': signed_as})}" if signed_as else ""
        status, body = self.transport("POST", path + query, plistlib.dumps(dict(message)))
        if status == 200:
            self._sent += 1
        return status, body


@contextmanager
def apple_managers(
    webhook: WebhookReceiver | None = None, *, storage: str = "inmem", database: str = ""
) -> Iterator[AppleManagers]:
    """NanoMDM with KMFDDM beside it, and a SCEP server; PartMissingError without Go.

    storage: NanoMDM's: inmem, filekv, or pgsql with the URL of an empty database.
    """
    programs = {name: str(go_programs.built(_SOURCE, name, package)) for name, package in _PACKAGES.items()}
    webhook = webhook or WebhookReceiver()
    with folder_for(None, "apple") as folder, ExitStack() as stack:
        start = _Starter(folder, stack)
        depot = folder / "depot"
        asked = [programs["scepserver"], "ca", "-init", "-depot", str(depot), "-keySize", "2048"]
        run_as(None, asked, folder).check_returncode()
        scep, phones, push, nano, ddm = (free_port() for _ in range(5))
        address = "http://127.0.0.1:{}".format
        start("scep", scep, programs["scepserver"], "-depot", str(depot), "-http-addr", f"127.0.0.1:{scep}",
              "-challenge", CHALLENGE, "-allowrenew", "0")  # fmt: skip
        start("phones", phones, programs["apple-phones"], f"127.0.0.1:{phones}", f"127.0.0.1:{push}",
              f"{address(scep)}/scep", CHALLENGE, str(depot), f"{address(nano)}/mdm",
              str(folder / "push.pem"))  # fmt: skip
        events = stack.enter_context(served(webhook))
        database = database.replace("postgresql+psycopg:", "postgresql:")
        kept = {"inmem": "", "filekv": str(folder / "kept"), "pgsql": database}[storage]
        if storage == "pgsql":
            _lay_tables(database)
        start("nanomdm", nano, programs["nanomdm"], "-ca", str(depot / "ca.pem"), "-api", API_KEY,
              "-listen", f"127.0.0.1:{nano}", "-storage", storage,
              "-storage-dsn", kept, "-dm", f"{address(ddm)}/",
              "-webhook-url", f"{events}/", "-webhook-hmac-key", EVENTS_KEY.decode(),
              HTTPS_PROXY=address(push), SSL_CERT_FILE=str(folder / "push.pem"))  # fmt: skip
        start("kmfddm", ddm, programs["kmfddm"], "-listen", f"127.0.0.1:{ddm}", "-api", DDM_KEY, "-storage", "inmem",
              "-enqueue", f"{address(nano)}/v1/enqueue/", "-enqueue-key", API_KEY)  # fmt: skip
        managers = AppleManagers(address(nano), address(ddm), webhook, phones)
        _give_certificate(nano)
        try:
            yield managers
        finally:
            managers.close()


class _Starter:
    """Starts programs one after the other; they end with the stack."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack

    def __call__(self, name: str, port: int, *argv: str, **environment: str) -> None:
        child = Child(argv, cwd=self.folder, log_path=self.folder / f"{name}.log", environment=environment)
        self.stack.callback(child.stop)
        child.wait_until(lambda: answers(port))


def push_certificate(topic: str = TOPIC) -> bytes:
    """A certificate as Apple gives it to managers, with its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.USER_ID, topic), x509.NameAttribute(NameOID.COMMON_NAME, "push")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(secrets.token_bytes(8)))
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=300))
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return made.public_bytes(Encoding.PEM) + written


def _lay_tables(database: str) -> None:
    asked = ["go", "list", "-m", "-f", "{{.Dir}}", "github.com/micromdm/nanomdm"]
    found = subprocess.run(asked, cwd=_SOURCE, check=True, capture_output=True, text=True)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute((Path(found.stdout.strip()) / "storage/pgsql/schema.sql").read_bytes())


def _give_certificate(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    key = base64.b64encode(f"nanomdm:{API_KEY}".encode()).decode()
    connection.request("PUT", "/v1/pushcert", push_certificate(), {"Authorization": f"Basic {key}"})
    reply = connection.getresponse()
    _good(reply.status, reply.read())
    connection.close()


def _good(status: int, body: bytes) -> bytes:
    if status != 200:
        raise RuntimeError(f"refused: {status} {body[:300]!r}")
    return body


def _name(phone: SimPhone) -> str:
    return "EnrollmentID" if phone.own else "UDID"


def _token(ref: str) -> bytes:
    return f"token of {ref}".encode()
