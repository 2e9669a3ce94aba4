"""A Notificaties API as far as subscriptions go, which tells whoever subscribed; a WSGI app with state.

Our reading of Open Notificaties 1.x: it calls an address before it takes a subscription, and sends as it was told to.
What it says and is asked is held against the published contract by the tests.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from tests.vendors.exchange import Exchange

API = "/notificaties/api/v1"
Deliver = Callable[[str, Mapping[str, str], Mapping[str, Any]], int]
"""Sends a body to an address with headers; the status that it was answered with."""
PROBE: Mapping[str, Any] = {
    "kanaal": "test",
    "hoofdObject": "https://zaken.example.nl/",
    "resource": "some_resource",
    "resourceUrl": "https://zaken.example.nl/",
    "actie": "create",
    "aanmaakdatum": "2025-03-04T10:00:00Z",
    "kenmerken": {},
}


def notification(case: str, *, resource: str = "status", action: str = "create", **more: Any) -> dict[str, Any]:
    """What is sent about a case, by its address."""
    of = case.split("/zaken/api/")[0]
    return {
        "kanaal": "zaken",
        "hoofdObject": case,
        "resource": resource,
        "resourceUrl": case
        if resource == "zaak"
        else f"{of}/zaken/api/v1/statussen/{uuid.uuid5(uuid.NAMESPACE_URL, case)}",
        "actie": action,
        "aanmaakdatum": "2025-03-04T10:00:00Z",
        "kenmerken": {"bronorganisatie": "111222333", "vertrouwelijkheidaanduiding": "zaakvertrouwelijk"},
    } | more


def cloud_event(case: str, kind: str = "zaak-gemuteerd", **more: Any) -> dict[str, Any]:
    """The same as a case service sends it as CloudEvent."""
    ref = case.rsplit("/", 1)[-1]
    return {
        "specversion": "1.0",
        "type": f"nl.overheid.zaken.{kind}",
        "source": "urn:nld:oin:01823288444:zakensysteem",
        "subject": ref,
        "id": "9ac067d9-c9d3-4ae4-ac52-1c510b765105",
        "time": "2025-03-04T10:00:00Z",
        "dataref": f"/zaken/api/v1/zaken/{ref}",
        "datacontenttype": "application/json",
        "data": {"bronorganisatie": "111222333"},
    } | more


@dataclass
class NotificationService:
    """The service. deliver: how it sends. said: an answer in place of what is asked, by method."""

    deliver: Deliver
    host: str = "https://notificaties.example.nl"
    client: str = "closeout"
    secret: str = "a-secret-that-is-shared-with-the-api"
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    seen: list[Exchange] = field(default_factory=list)

    def tell(self, body: Mapping[str, Any]) -> list[int]:
        """Send it to everybody who subscribed; what they answered."""
        kind = "application/cloudevents+json" if "specversion" in body else "application/json"
        return [
            self.deliver(each["callbackUrl"], {"Authorization": each["auth"], "Content-Type": kind}, body)
            for each in self.subscriptions.values()
        ]

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        """WSGI."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(API)
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = json.loads(raw) if raw else None
        if not self._knows(environ.get("HTTP_AUTHORIZATION", "")):
            status, told = 403, {}
        elif method in self.said:
            status, answer = self.said[method]
            start(f"{status} Said", [("Content-Type", "application/json")])
            return iter([answer])
        else:
            status, told = self._answer(method, path, body)
        asked = {"accept": "application/json", "content-type": environ.get("CONTENT_TYPE", "application/json")}
        self.seen.append(Exchange(method, path, {}, asked, body, status, told))
        start(f"{status} Said", [("Content-Type", "application/json"), ("API-version", "1.0.0")])
        return iter([b"" if told is None else json.dumps(told).encode()])

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        ref = path.rsplit("/", 1)[-1]
        if (method, path) == ("GET", "/abonnement"):
            return 200, [_shown(each) for each in self.subscriptions.values()]
        if (method, path) == ("POST", "/abonnement"):
            return self._subscribe(body)
        if method == "DELETE" and ref in self.subscriptions:
            del self.subscriptions[ref]
            return 204, None
        return 404, {}

    def _subscribe(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        plain = {"Content-Type": "application/json"}
        guarded = self.deliver(body["callbackUrl"], plain, PROBE) in (401, 403)
        open_ = self.deliver(body["callbackUrl"], {**plain, "Authorization": body["auth"]}, PROBE) == 204
        if not guarded or not open_:
            return 400, {}
        ref = str(uuid.uuid5(uuid.NAMESPACE_URL, f"abonnement/{len(self.seen)}"))
        made = {"url": f"{self.host}{API}/abonnement/{ref}", **body}
        self.subscriptions[ref] = made
        return 201, _shown(made)

    def _knows(self, said: str) -> bool:
        try:
            claims = jwt.decode(said.removeprefix("Bearer "), OctKey.import_key(self.secret)).claims
        except (JoseError, ValueError):
            return False
        return bool(claims["client_id"] == self.client)


def _shown(made: Mapping[str, Any]) -> dict[str, Any]:
    """The value of the header is written and never read."""
    return {name: value for name, value in made.items() if name != "auth"}
