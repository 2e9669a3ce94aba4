"""Declarations for iPhones through KMFDDM, beside NanoMDM: put, taken back, and what phones report; no commands here.

VENDORS section 7.5 has the sources. A declaration is the phone's own business once it has it: it applies it, and tells
by itself when an account is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from mdm_adapters.http import HttpClient, Reply
from mdm_adapters.phones import AskState, Aspect
from mdm_adapters.port import Fault, Garbled, Unreachable

MOST_REPORT = 1024 * 1024
"""Bytes of one status report."""
_MOST_REPORTS = 16
_MOST_DECLARATIONS = 20
_LISTS = ("carddav", "exchange")
_JSON = {"Content-Type": "application/json"}
# Its document says 404 of a report that is not there; its storages fail, each in words of its own (VENDORS 7.5).
_NO_MORE = ("key not found", "index out of range", "no rows")
# The published document and the server disagree which of the two means that something changed: both are fine with us.
_SAME = frozenset({304})


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One status report of a phone, with the time at which the server had it; None: not told."""

    items: Mapping[str, Any] = field(repr=False)
    told_at: datetime | None


class Declarations:
    """One KMFDDM server. Threads may share it.

    A phone's declarations hang together in a set of its own, named for what they do and for the phone.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self._http.encrypted

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read along."""
        return self._http.private

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def answers(self) -> bool:
        """Whether it does; PortError: nobody we can use, or the key is not good."""
        _object_of(self._http.call("GET", "version", max_body=MOST_REPORT))
        _list_of(self._http.call("GET", "v1/sets", max_body=MOST_REPORT))
        return True

    def refuses_strangers(self) -> bool:
        """Whether a call without the key is refused."""
        return self._http.call("GET", "v1/sets", unnamed=True, handles=frozenset({401})).status == 401

    def put(self, phone: str, identifier: str, declarations: Sequence[Mapping[str, Any]]) -> None:
        """Give a phone these declarations; the phone is told once, when all are there."""
        made = _set_of(phone, identifier)
        for each in declarations:
            body = json.dumps(each).encode()
            self._http.call("PUT", "v1/declarations?nonotify=true", headers=_JSON, body=body, handles=_SAME)
            self._relate("PUT", "set-declarations", made, quiet=True, declaration=each["Identifier"])
        kept = set(self._names(f"v1/set-declarations/{_quoted(made)}"))
        for old in kept - {each["Identifier"] for each in declarations}:
            self._relate("DELETE", "set-declarations", made, quiet=True, declaration=old)
        self._relate("PUT", "enrollment-sets", phone, set=made)
        # The same set with other declarations in it is no change of the phone's sets: say so ourselves.
        self.notify(phone)

    def has(self, phone: str, identifier: str) -> bool:
        """Whether a phone was given declarations under this identifier."""
        return _set_of(phone, identifier) in self._names(f"v1/enrollment-sets/{_quoted(phone)}")

    def drop(self, phone: str, identifier: str) -> None:
        """Take them back, and keep nothing of them."""
        made = _set_of(phone, identifier)
        self._relate("DELETE", "enrollment-sets", phone, set=made)
        for each in self._names(f"v1/set-declarations/{_quoted(made)}"):
            self._relate("DELETE", "set-declarations", made, quiet=True, declaration=each)
            self._http.call("DELETE", f"v1/declarations/{_quoted(each)}", handles=_SAME)

    def notify(self, phone: str) -> None:
        """Have the phone get in touch about its declarations."""
        self._http.call("POST", f"v1/notify?{urlencode({'id': phone})}")

    def state(self, phone: str, identifier: str) -> AskState:
        """How far the declarations under this identifier have come on the phone."""
        reply = self._http.call("GET", f"v1/declaration-status/{_quoted(phone)}", max_body=MOST_REPORT)
        rows = _object_of(reply).get(phone, [])
        if not isinstance(rows, list):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        ours = [row for row in rows if isinstance(row, dict) and _is_under(row.get("identifier"), identifier)]
        if any(row.get("valid") == "invalid" for row in ours):
            return AskState.FAILED
        good = [
            row.get("valid") == "valid" and row.get("active") is True and row.get("current") is True for row in ours
        ]
        return AskState.DONE if good and all(good) else AskState.WAITING

    def reports(self, phone: str) -> Sequence[StatusReport]:
        """What the phone reported, oldest first, from its last full report on (or as far back as the server knows)."""
        found: list[StatusReport] = []
        for index in range(_MOST_REPORTS):
            address = f"v1/status-report/{_quoted(phone)}?index={index}"
            reply = self._http.call("GET", address, handles=frozenset({404, 500}), max_body=MOST_REPORT)
            if reply.status == 404 or (reply.status == 500 and _ends(reply)):
                break
            found.append(StatusReport(_object_of(reply), _modified(reply)))
            if found[-1].items.get("FullReport") is True:
                break
        return found[::-1]

    def _relate(self, method: str, what: str, of: str, *, quiet: bool = False, **which: str) -> None:
        query = urlencode({**which, **({"nonotify": "true"} if quiet else {})})
        self._http.call(method, f"v1/{what}/{_quoted(of)}?{query}", handles=_SAME)

    def _names(self, address: str) -> Sequence[str]:
        return [
            each for each in _list_of(self._http.call("GET", address, max_body=MOST_REPORT)) if isinstance(each, str)
        ]


def read_declarations(body: bytes) -> Sequence[Mapping[str, Any]]:
    """The declarations in a profile's body: a list of objects in JSON; Garbled: they are none."""
    found = _json(body)
    if (
        not isinstance(found, list)
        or not 0 < len(found) <= _MOST_DECLARATIONS
        or not all(isinstance(each, dict) and isinstance(each.get("Identifier"), str) for each in found)
    ):
        raise Garbled(Fault.BAD_BODY)
    return found


def read_report(body: bytes) -> Mapping[str, Any]:
    """A status report as a phone sends it."""
    found = _json(body) if len(body) <= MOST_REPORT else None
    if not isinstance(found, dict):
        raise Garbled(Fault.BAD_BODY)
    return found


def account_facts(
    reports: Sequence[Mapping[str, Any]], identifier: str, *, taken: bool = False
) -> Mapping[Aspect, bool | None]:
    """Whether the account that our declarations put on a phone is there. reports: oldest first.

    Gone is only what was seen and then said to be removed, or what a full report lacks in both lists of accounts
    (VENDORS 7.5); where a list was not told at all, nothing is known. An account of which the phone does not say which
    declaration put it there may have come by a profile of ours: it too leaves open whether ours is gone, unless it is
    known that ours had come by a declaration, which was taken back (taken).
    """
    ours: dict[tuple[str, str], Mapping[str, Any]] = {}
    whole: set[str] = set()
    seen = others = False
    for report in reports:
        lists = _account_lists(report)
        if report.get("FullReport") is True:
            ours, whole, others = {}, set(lists), False
        for name, rows in lists.items():
            for row in rows:
                key = (name, str(row.get("identifier")))
                if row.get("_removed") is True:
                    ours.pop(key, None)
                elif _is_under(row.get("declaration-identifier"), identifier):
                    ours[key], seen = row, True
                else:
                    others = others or row.get("declaration-identifier") is None
    if not ours:
        gone = seen or (whole == set(_LISTS) and (taken or not others))
        return {Aspect.CONTACT_ACCOUNT: False} if gone else {}
    facts: dict[Aspect, bool | None] = {Aspect.CONTACT_ACCOUNT: True}
    if any(row.get("are-contacts-enabled") is False for row in ours.values()):
        facts[Aspect.CONTACT_SYNC] = False
    return facts


def _account_lists(report: Mapping[str, Any]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    found: object = report.get("StatusItems")
    for step in ("account", "list"):
        found = found.get(step) if isinstance(found, dict) else None
    lists = found if isinstance(found, dict) else {}
    return {
        name: [row for row in lists[name] if isinstance(row, dict)]
        for name in _LISTS
        if isinstance(lists.get(name), list)
    }


def _set_of(phone: str, identifier: str) -> str:
    return f"{identifier}.{phone}"


def _is_under(found: object, identifier: str) -> bool:
    return isinstance(found, str) and (found == identifier or found.startswith(f"{identifier}."))


def _quoted(text: str) -> str:
    if not text or text in (".", "..") or len(text) > 512:
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return quote(text, safe="")


def _ends(reply: Reply) -> bool:
    """Whether this failure says that there is no such report; Unreachable: it is another one."""
    error = _object_of(reply).get("error")
    if not isinstance(error, str) or not any(each in error for each in _NO_MORE):
        raise Unreachable(Fault.SERVER_ERROR, status=reply.status)
    return True


def _modified(reply: Reply) -> datetime | None:
    try:
        found = parsedate_to_datetime(reply.headers.get("Last-Modified", ""))
    except ValueError:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found if found.year >= 1980 else None


def _object_of(reply: Reply) -> Mapping[str, Any]:
    found = _json(reply.body)
    if not isinstance(found, dict):
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
    return found


def _list_of(reply: Reply) -> Sequence[object]:
    found = _json(reply.body)
    # An empty list is written as null by this server.
    if found is not None and not isinstance(found, list):
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
    return found or []


def _json(body: bytes) -> object:
    found: object = ""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Garbled(Fault.BAD_BODY) from None
    return found
