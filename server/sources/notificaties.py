"""The Notificaties API (ZGW): subscriptions made, listed and ended; and of a notification which case it is about.

A notification is a hint: nothing is taken from it but the id of a case and whether it is said to be gone.
Contracts: Notificaties API 1.0, Open Notificaties 1.x; CloudEvents 1.0 as Open Zaak and Open Notificaties send them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdm_adapters.http import HttpClient
from mdm_adapters.port import Fault, Garbled
from server.sources.json_rows import parse_json

CHANNEL = "zaken"
LARGEST_NOTIFICATION = 64 * 1024
"""Bytes: fifty attributes of the greatest length that the contract knows, and more than any service sends."""
_MOST_SUBSCRIPTIONS = 10_000
_EVENTS = "nl.overheid.zaken."
_LOOKED_AT = frozenset({"zaak-geopend"})
"""Somebody looked at a case: nothing of it changed."""
_OF_LIST = frozenset({"url", "callbackUrl", "kanalen", "naam"})
_READ = frozenset(
    {
        *("kanaal", "hoofdObject", "resource", "resourceUrl", "actie", "aanmaakdatum"),
        *("specversion", "id", "source", "type", "subject", "dataref", "data"),
    }
)
_ASKED = {"Accept": "application/json"}
_SENT = {**_ASKED, "Content-Type": "application/json"}
_ID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_CASE = re.compile(r"/zaken/([0-9A-Za-z-]{1,64})/?\Z")
_SUBSCRIPTION = re.compile(r"/abonnement/([0-9A-Za-z-]{1,64})/?\Z")


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as the service lists it. ref: its id. callback: where it sends to. channels: what it is on."""

    ref: str
    callback: str
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class CaseHint:
    """Something happened to a case. ref: its id there. gone: it is said to have been deleted."""

    ref: str
    gone: bool


class Subscriptions:
    """The subscriptions of a Notificaties API."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def read(self) -> Sequence[Subscribed]:
        """All that this application may see. Raises PortError."""
        reply = self._http.call("GET", "abonnement", headers=_ASKED)
        found = parse_json(reply.body, _OF_LIST)
        if not isinstance(found, list) or len(found) > _MOST_SUBSCRIPTIONS:
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return [_subscribed(each, reply.status) for each in found]

    def make(self, callback: str, authorisation: str, *, cloud_events: bool) -> str:
        """Have what happens on the channel of cases sent there, with that value as Authorization; the id of it.

        The service calls the address at once, with and without the value, to see that it is guarded. cloud_events: as
        CloudEvents, and those that cases send by themselves. Raises PortError.
        """
        wanted: dict[str, Any] = {
            "callbackUrl": callback,
            "auth": authorisation,
            "kanalen": [{"naam": CHANNEL, "filters": {}}],
        }
        if cloud_events:
            wanted |= {"sendCloudevents": True, "cloudeventFilters": [{"typeSubstring": _EVENTS, "filters": {}}]}
        reply = self._http.call("POST", "abonnement", headers=_SENT, body=json.dumps(wanted).encode())
        return _subscribed(parse_json(reply.body, _OF_LIST), reply.status).ref

    def end(self, ref: str) -> None:
        """Have nothing sent any more; one that is not there is ended. Raises PortError."""
        self._http.call("DELETE", f"abonnement/{ref}", headers=_ASKED, handles=frozenset({404, 410}))


def hint_in(body: bytes, is_ours: Callable[[str], bool]) -> CaseHint | None:
    """Which case a notification or a CloudEvent is about; None: none of ours. Garbled: it is neither of the two.

    is_ours: whether an address is one of the service that holds our cases.
    """
    found = parse_json(body, _READ) if len(body) <= LARGEST_NOTIFICATION else None
    if not isinstance(found, dict):
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return _in_event(found, is_ours) if "specversion" in found else _in_notification(found, is_ours)


def _in_notification(told: Mapping[str, Any], is_ours: Callable[[str], bool]) -> CaseHint | None:
    names = ("kanaal", "hoofdObject", "resource", "resourceUrl", "actie", "aanmaakdatum")
    channel, case, resource, _, action, _ = (_word(told, name) for name in names)
    if channel != CHANNEL:
        return None
    return _about(case, is_ours, gone=(resource, action) == ("zaak", "destroy"))


def _in_event(told: Mapping[str, Any], is_ours: Callable[[str], bool]) -> CaseHint | None:
    """Of Open Zaak: `zaak-…`, the case as its subject. Of Open Notificaties: RESOURCE.ACTION, the case in its data."""
    kind, _, _, _ = (_word(told, name) for name in ("type", "id", "source", "specversion"))
    what = kind.removeprefix(_EVENTS)
    if what == kind or what in _LOOKED_AT:
        return None
    data = told.get("data")
    main = data.get("hoofdObject") if isinstance(data, dict) else None
    if isinstance(main, str):
        return _about(main, is_ours, gone=what == "zaak.destroy")
    subject = told.get("subject")
    if not what.startswith("zaak-") or not isinstance(subject, str) or not _ID.fullmatch(subject):
        return None
    return CaseHint(subject.lower(), gone=what == "zaak-verwijderd")


def _about(address: str, is_ours: Callable[[str], bool], *, gone: bool) -> CaseHint | None:
    found = _CASE.search(address)
    return CaseHint(found[1].lower(), gone) if found is not None and is_ours(address) else None


def _word(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return value


def _subscribed(item: object, status: int) -> Subscribed:
    url, callback = (item.get("url"), item.get("callbackUrl")) if isinstance(item, dict) else (None, None)
    ref = _SUBSCRIPTION.search(url) if isinstance(url, str) else None
    if not isinstance(item, dict) or ref is None or not isinstance(callback, str):
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=status)
    channels = item.get("kanalen")
    named = [each.get("naam") for each in channels if isinstance(each, dict)] if isinstance(channels, list) else []
    return Subscribed(ref[1], callback, frozenset(each for each in named if isinstance(each, str)))
