"""Change notifications of the simulated Microsoft 365: subscriptions with a handshake, and what is sent to them."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

LONGEST = timedelta(minutes=4_230)
_FIELDS = {"changeType", "notificationUrl", "lifecycleNotificationUrl", "resource", "expirationDateTime", "clientState"}
_TENANT = "00000000-0000-4000-8000-0000000000ff"

Response = tuple[int, Any]
"""Status, and a body or the code of an error."""


class Subscriptions:
    """One tenant's. asked: (method, id) in order. sent: each notification with the status that it was answered."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.sent: list[tuple[str, int]] = []
        self._clock = clock
        self._count = 0

    def answer(self, method: str, ref: str, body: Any, known: Callable[[str], bool]) -> Response:
        """What a request comes to. known: whether there is a mailbox of this address."""
        self.asked.append((method, ref))
        if not ref:
            if method == "GET":
                return 200, {"@odata.context": "c", "value": [_shown(each) for each in self.held.values()]}
            return self._create(body, known)
        if ref not in self.held:
            return 404, "ExtensionError"
        if method == "DELETE":
            del self.held[ref]
            return 204, None
        if set(body) != {"expirationDateTime"} or not self._may_last(body["expirationDateTime"]):
            return 400, "InvalidRequest"
        self.held[ref].update(body)
        return 200, _shown(self.held[ref])

    def tell(self, address: str, **more: Any) -> list[int]:
        """Something changed at a mailbox: tell whoever wants to know; the statuses of their answers."""
        return [
            self.send(ref, **more)
            for ref, each in self.held.items()
            if f"/users/{address}/contacts" in each["resource"]
        ]

    def send(self, ref: str, **more: Any) -> int:
        """Send one notification of a subscription; fields of it may be given."""
        held = self.held[ref]
        told = {
            "subscriptionId": ref,
            "subscriptionExpirationDateTime": held["expirationDateTime"],
            "clientState": held["clientState"],
            "changeType": "updated",
            "resource": "Users/00000000-0000-4000-8000-000000000000/Contacts/AAMkAD=",
            "tenantId": _TENANT,
            "resourceData": {"@odata.type": "#Microsoft.Graph.Contact", "id": "AAMkAD="},
            **more,
        }
        status, _ = _post(held["notificationUrl"], json.dumps({"value": [told]}).encode())
        self.sent.append((ref, status))
        return status

    def _create(self, body: Mapping[str, Any], known: Callable[[str], bool]) -> Response:
        mailbox = re.fullmatch(r"/?users/([^/]+)/contacts", body.get("resource", ""))
        if set(body) - _FIELDS or mailbox is None or len(body.get("clientState", "")) > 128:
            return 400, "InvalidRequest"
        if not known(mailbox[1]):
            return 404, "ResourceNotFound"
        if not self._may_last(body["expirationDateTime"]):
            return 400, "InvalidRequest"
        token = "Validation: Testing client application reachability for subscription Request-Id: r-1 +/&"
        for url in {body["notificationUrl"], body.get("lifecycleNotificationUrl", body["notificationUrl"])}:
            sign = "&" if "?" in url else "?"
            status, said = _post(f"{url}{sign}validationToken={quote(token, safe='')}", b"")
            if (status, said) != (200, token.encode()):
                return 400, "ValidationError"
        self._count += 1
        made = f"77777777-0000-4000-8000-{self._count:012d}"
        self.held[made] = {"id": made, **body}
        return 201, _shown(self.held[made])

    def _may_last(self, until: str) -> bool:
        now = datetime.fromtimestamp(self._clock(), UTC)
        return now < datetime.fromisoformat(until) <= now + LONGEST


def _shown(held: Mapping[str, Any]) -> dict[str, Any]:
    """Graph does not show the secret again."""
    return {**held, "clientState": None}


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        headers = {"Content-Type": "application/json" if body else "text/plain; charset=utf-8"}
        connection.request("POST", f"{parts.path}?{parts.query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()
