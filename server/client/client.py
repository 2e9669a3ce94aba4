"""Sends requests to the API and gives typed answers; copied into a project of one's own it works without the others."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

ANY = "*"
"""In place of an ETag: whatever the case is by now. For a sender alone that always sends what is so now."""
_TIMEOUT = 60.0
"""Seconds."""


class ProblemError(Exception):
    """A request was not done. code: why, as the API lists it; detail: what to do; errors: what is wrong in the body.

    change: of a request that was stopped, its id for whoever confirms it.
    """

    def __init__(self, status: int, said: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {said.get('code', '')}: {said.get('detail', '')}")
        self.status = status
        self.code = str(said.get("code", ""))
        self.detail = str(said.get("detail", ""))
        self.errors: Sequence[Mapping[str, Any]] = said.get("errors", ())
        self.pointers: Sequence[str] = said.get("pointers", ())
        self.change: str | None = said.get("change")


@dataclass(frozen=True, slots=True)
class CaseContact:
    """A person of a case. contact_class: client, reporter, professional, colleague, chain_partner. values: numbers and
    addresses as typed. person: a neutral code, never a name. former_since: a day (2025-03-04).
    """

    contact_class: str
    values: Sequence[str] = field(repr=False)
    person: str | None = None
    former_since: str | None = None
    linked: bool = True

    def as_json(self) -> Mapping[str, Any]:
        """As a body has it."""
        return {
            "class": self.contact_class,
            "values": list(self.values),
            "person": self.person,
            "former_since": self.former_since,
            "linked": self.linked,
        }


@dataclass(frozen=True, slots=True)
class Assignment:
    """A worker on a case. from_at, until_at: a day, or a moment with its offset from UTC; a day as an end is the last
    one.
    """

    worker: str
    from_at: str
    until_at: str | None = None
    role: str = ""

    def as_json(self) -> Mapping[str, Any]:
        """As a body has it."""
        return {"worker": self.worker, "from": self.from_at, "until": self.until_at, "role": self.role}


@dataclass(frozen=True, slots=True)
class MonitoringContact:
    """A planned contact of the monitoring plan. on: a day."""

    worker: str
    on: str

    def as_json(self) -> Mapping[str, Any]:
        """As a body has it."""
        return {"worker": self.worker, "on": self.on}


@dataclass(frozen=True, slots=True)
class Case:
    """One case, whole: what the lists leave out is no longer so. closure_confirmed: when its final closure was
    confirmed in writing, a day or a moment; None: not confirmed.
    """

    number: str = field(repr=False)
    phase: str
    contacts: Sequence[CaseContact]
    assignments: Sequence[Assignment]
    moments: Sequence[MonitoringContact] = ()
    opened_on: str | None = None
    closure_confirmed: str | None = None
    recorded: bool | None = None
    transferred_on: str | None = None
    monitoring_from: str | None = None
    plan_counts_from: str | None = None

    def as_json(self) -> Mapping[str, Any]:
        """As a body has it."""
        return {
            "number": self.number,
            "phase": self.phase,
            "opened_on": self.opened_on,
            "closure_confirmed": self.closure_confirmed,
            "recorded": self.recorded,
            "transferred_on": self.transferred_on,
            "monitoring_from": self.monitoring_from,
            "plan_counts_from": self.plan_counts_from,
            "contacts": [each.as_json() for each in self.contacts],
            "assignments": [each.as_json() for each in self.assignments],
            "moments": [each.as_json() for each in self.moments],
        }


@dataclass(frozen=True, slots=True)
class CaseRef:
    """Where a case is addressed, and its ETag; None: it is not known."""

    case: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class PushChange:
    """What became of a request: applied, or stopped until a person looked."""

    change: str
    state: str
    accepted_at: str
    cases: int
    changed: int


@dataclass(frozen=True, slots=True)
class PushResult:
    """A request that was taken in, and its cases in its order."""

    change: PushChange
    items: tuple[CaseRef, ...]


@dataclass(frozen=True, slots=True)
class ContactsOutcome:
    """What became of the contacts of a case. contacts: need, reason, count. proven: store, evidence, count.

    etag: by which the same is known again.
    """

    policy: str
    contacts: tuple[tuple[str, str, int], ...]
    proven: tuple[tuple[str, str, int], ...]
    etag: str = ""


class Client:
    """One case system at one installation. Raises ProblemError for what is not done, requests' own for the network."""

    def __init__(
        self, url: str, token: str, *, verify: bool | str = True, session: requests.Session | None = None
    ) -> None:
        """url: where the pages are reached. verify: as requests has it, a file of certificates or True."""
        self._root = url.rstrip("/") + "/api/v1"
        self._session = session or requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.verify = verify

    def find(self, number: str) -> CaseRef:
        """Where a case is addressed, and as what it is known."""
        return _state(self._ask("POST", "/cases:find", {"number": number}))

    def push(self, case: Case, *, if_match: str | None = None, key: str | None = None) -> PushResult:
        """Push one case. if_match: the ETag by which it is known; None: it is new. key: the same when repeated."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        if if_match is not None:
            headers["If-Match"] = if_match
        return _pushed(self._ask("PUT", f"/cases/{self.find(case.number).case}", case.as_json(), headers))

    def push_many(self, cases: Sequence[tuple[Case, str | None]], *, key: str | None = None) -> PushResult:
        """Push up to 5,000 cases, all or none, each with the ETag by which it is known."""
        items = [{"case": case.as_json(), "if_match": if_match} for case, if_match in cases]
        return _pushed(
            self._ask("POST", "/cases:batch", {"items": items}, {"Idempotency-Key": key or str(uuid.uuid4())})
        )

    def change(self, change: str) -> PushChange:
        """What became of a request."""
        return PushChange(**self._ask("GET", f"/changes/{change}"))

    def outcome(self, case: str, *, known: ContactsOutcome | None = None, wait: int = 0) -> ContactsOutcome:
        """What became of the contacts of a case, by its address.

        wait: so many seconds (at most 30) for something else than `known`, or than now; then `known` itself comes back
        if it is still so. The server may answer sooner.
        """
        headers = {"If-None-Match": known.etag} if known else {}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        answer = self._send("GET", f"/outcomes/{case}", None, headers)
        if known is not None and answer.status_code == 304:
            return known
        said = _read(answer)
        return ContactsOutcome(
            said["policy"],
            tuple((each["need"], each["reason"], each["count"]) for each in said["contacts"]),
            tuple((each["store"], each["evidence"], each["count"]) for each in said["proven"]),
            answer.headers.get("ETag", ""),
        )

    def status(self) -> Mapping[str, Any]:
        """Counts and ages for monitoring."""
        return self._ask("GET", "/status")

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return _read(self._send(method, path, body, headers))

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str] | None
    ) -> requests.Response:
        return self._session.request(
            method, self._root + path, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
        )


def _read(answer: requests.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        said = {}
    if answer.status_code >= 300 or not isinstance(said, dict):
        raise ProblemError(answer.status_code, said if isinstance(said, dict) else {})
    return said


def _state(said: Mapping[str, Any]) -> CaseRef:
    return CaseRef(said["case"], said["etag"])


def _pushed(said: Mapping[str, Any]) -> PushResult:
    change = PushChange(**{name: value for name, value in said.items() if name != "items"})
    return PushResult(change, tuple(_state(each) for each in said["items"]))
