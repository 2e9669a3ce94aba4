"""Requests for evidence packages, as they are written in one list: who asked for what, for whom, and who confirmed it.

No keys and no database here. A request is of two named people. What is chosen may name a case, so the list is sealed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from server.core.inquiry_record import SaidBy
from server.core.one_length import fits, padded

WAITS = timedelta(days=3)
"""How long a request waits for the second person."""
OPEN_FOR = timedelta(days=30)
"""How long after it was confirmed the package may be made; each time it is the same."""
KEPT_FOR = timedelta(days=366)
"""After this much a request that is over leaves the list, as soon as a newer one is written."""
MOST_RECEIPTS = 20_000
MOST_ENTRIES = 10_000
MOST_REPORTS = 50


class Addressee(StrEnum):
    """For whom a package is: an authority or an organisation, never a person."""

    DATA_PROTECTION_AUTHORITY = "data_protection_authority"
    INSPECTORATE = "inspectorate"
    COURT = "court"
    PUBLIC_PROSECUTOR = "public_prosecutor"
    POLICE = "police"
    WORKS_COUNCIL = "works_council"
    EXTERNAL_AUDITOR = "external_auditor"
    LEGAL_COUNSEL = "legal_counsel"


class PackageBasis(StrEnum):
    """On what legal basis it is handed over."""

    SUPERVISORY_POWERS = "supervisory_powers"
    COURT_ORDER = "court_order"
    CRIMINAL_DEMAND = "criminal_demand"
    CRIME_REPORT = "crime_report"
    LEGAL_CLAIM = "legal_claim"
    WORKS_COUNCIL_RIGHTS = "works_council_rights"
    LEGAL_OBLIGATION = "legal_obligation"
    LEGITIMATE_INTEREST = "legitimate_interest"


class PackageStanding(StrEnum):
    """How it stands with a request."""

    WAITING = "package_waiting"
    RAN_OUT = "package_ran_out"
    REFUSED = "package_refused"
    """Or taken back by who asked."""
    OPEN = "package_open"
    OVER = "package_over"


@dataclass(frozen=True, slots=True)
class PackageChoice:
    """What goes into it.

    ids, case, sample with seed, since, until: which receipts, by one of these ways or none (`WantedReceipts`); instants
    as ISO 8601. reports: of the report library, by id. first, last: lines of the log, by number. opened: restricted
    lines whose bodies are shown; of those cleared for holds alone. answers: SHA-256 of signed answers of inquiries.
    """

    ids: tuple[str, ...] = ()
    case: str | None = field(default=None, repr=False)
    sample: int | None = None
    seed: str | None = None
    since: str | None = None
    until: str | None = None
    reports: tuple[str, ...] = ()
    first: int | None = None
    last: int | None = None
    opened: tuple[int, ...] = ()
    answers: tuple[str, ...] = ()

    @property
    def wants_receipts(self) -> bool:
        """Whether any are asked for."""
        return bool(self.ids) or self.case is not None or self.sample is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is chosen."""
        return not (self.wants_receipts or self.reports or self.first is not None or self.opened or self.answers)

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines of the log that are chosen, in order."""
        span = () if self.first is None or self.last is None else range(self.first, self.last + 1)
        return tuple(sorted({*span, *self.opened}))


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """One request. asked, decided: who, and when. asked_at_line, decided_at_line: their lines of the log.

    by: the first and the second person as the package tells them apart, keyed hashes. second: the account that is
    asked to confirm. recipients: public keys of age it is sealed to. restricted: asked by somebody cleared for holds,
    so that only these two know of it. mandate: the inquiry it belongs to. language: of the readable reports.
    head: the signed head that it is proven against, fixed when it is first made; manifest: SHA-256 of what it then was.
    made: each time that it was made.
    """

    uid: str
    asked: SaidBy
    second: str
    addressee: str
    basis: str
    purpose: str = field(repr=False)
    recipients: tuple[str, ...]
    choice: PackageChoice
    restricted: bool
    language: str
    by: tuple[str, str]
    asked_at_line: int
    mandate: str | None = None
    decided: SaidBy | None = None
    granted: bool = False
    decided_at_line: int | None = None
    head: str | None = None
    manifest: str | None = None
    made: tuple[SaidBy, ...] = ()

    def is_read_by(self, who: str) -> bool:
        """Whether that account is one of the two."""
        return who in (self.asked.by, self.second)

    def standing(self, now: datetime) -> PackageStanding:
        """How it stands with it now."""
        if self.decided is None:
            return PackageStanding.WAITING if now < self.asked.at + WAITS else PackageStanding.RAN_OUT
        if not self.granted:
            return PackageStanding.REFUSED
        return PackageStanding.OPEN if now < self.decided.at + OPEN_FOR else PackageStanding.OVER


Requests = tuple[PackageRequest, ...]
"""Oldest first."""


def put(requests: Requests, made: PackageRequest) -> Requests:
    """The same with this one added, or in the place of the one of its id."""
    if any(each.uid == made.uid for each in requests):
        return tuple(made if each.uid == made.uid else each for each in requests)
    return (*requests, made)


def digest_of_request(request: PackageRequest) -> str:
    """What is confirmed, 64 hex digits: for whom, on what basis and why, sealed to whom, and what is in it."""
    told = [request.uid, request.addressee, request.basis, request.purpose, request.recipients, asdict(request.choice)]
    return hashlib.sha256(_plain_text(told).encode()).hexdigest()


# --- as it is written ---------------------------------------------------------------------------------------------


def encode(requests: Sequence[PackageRequest]) -> str:
    """The list as it is sealed. Requests that are over leave it with time, and earlier where it does not fit."""
    kept = list(requests)
    newest = max((each.asked.at for each in kept), default=None)
    if newest is not None:
        kept = [each for each in kept if newest - each.asked.at <= KEPT_FOR]
    while True:
        text = _plain_text([_row(each) for each in kept])
        oldest = next((each for each in kept if each.made or (each.decided and not each.granted)), None)
        if fits(text) or oldest is None:
            return padded(text)
        kept.remove(oldest)


def decode(text: str) -> Requests:
    """The inverse of `encode`; ValueError for what is no such list."""
    try:
        return tuple(_request(row) for row in json.loads(text))
    except (TypeError, KeyError, AttributeError) as fault:
        raise ValueError("no list of packages") from fault


def _plain_text(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _row(request: PackageRequest) -> dict[str, Any]:
    told = asdict(request)
    for name in ("asked", "decided"):
        said = getattr(request, name)
        told[name] = None if said is None else _said(said)
    told["made"] = [_said(each) for each in request.made]
    return told


def _said(said: SaidBy) -> list[str]:
    return [said.by, said.role, said.at.astimezone(UTC).isoformat()]


def _read_said(told: Any) -> SaidBy:
    by, role, at = told
    return SaidBy(str(by), str(role), datetime.fromisoformat(at))


def _request(row: dict[str, Any]) -> PackageRequest:
    choice: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row["choice"].items()
    }
    first, second = row["by"]
    read: dict[str, Any] = {
        "asked": _read_said(row["asked"]),
        "decided": None if row["decided"] is None else _read_said(row["decided"]),
        "made": tuple(_read_said(each) for each in row["made"]),
        "by": (str(first), str(second)),
        "recipients": tuple(row["recipients"]),
        "choice": PackageChoice(**choice),
    }
    return PackageRequest(**{**row, **read})
