"""A Zaken API and the Catalogi API beside it as far as the course of cases goes; a WSGI app with state and faults.

Our reading of Zaken API 1.5.1; what it says and is asked is held against the published contract by the tests.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from tests.vendors.exchange import Exchange

ZAKEN, CATALOGI = "/zaken/api/v1", "/catalogi/api/v1"
_CRS = {"Content-Crs": "EPSG:4326"}
CANARY = "the canary sings"
FINAL, FIRST = (str(uuid.uuid5(uuid.NAMESPACE_URL, each)) for each in ("final", "first"))
"""Types of status: the one that ends a case, and another."""


@dataclass
class CasesService:
    """The service. host: by which it names its things. said: answers in place of what is asked, by path."""

    host: str = "https://zaken.example.nl"
    client: str = "closeout"
    secret: str = "a-secret-that-is-shared-with-the-api"
    cases: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    seen: list[Exchange] = field(default_factory=list)

    def open(self, number: str) -> None:
        """A case begins."""
        ref = str(uuid.uuid5(uuid.NAMESPACE_URL, f"zaak/{number}/{len(self.cases)}"))
        of = f"{self.host}{CATALOGI}"
        self.cases.append(
            {
                "url": f"{self.host}{ZAKEN}/zaken/{ref}", "uuid": ref, "identificatie": number,
                "bronorganisatie": "111222333", "verantwoordelijkeOrganisatie": "111222333",
                "zaaktype": f"{of}/zaaktypen/{FIRST}", "omschrijving": CANARY, "toelichting": CANARY,
                "startdatum": "2024-01-09", "einddatum": None, "laatstGemuteerd": "2025-03-04T10:00:00Z",
                "betalingsindicatieWeergave": "", "deelzaken": [], "eigenschappen": [], "rollen": [],
                "zaakinformatieobjecten": [], "zaakobjecten": [], "resultaat": None, "status": None,
            }
        )  # fmt: skip
        self.set_status(number, FIRST)

    def set_status(self, number: str, kind: str) -> None:
        """The newest status of a case."""
        ref = str(uuid.uuid5(uuid.NAMESPACE_URL, f"status/{len(self.statuses)}"))
        case = self.case(number)
        case["status"] = f"{self.host}{ZAKEN}/statussen/{ref}"
        self.statuses[ref] = {
            "url": case["status"], "uuid": ref, "zaak": case["url"],
            "statustype": f"{self.host}{CATALOGI}/statustypen/{kind}", "datumStatusGezet": "2025-03-04T10:00:00Z",
            "statustoelichting": CANARY, "indicatieLaatstGezetteStatus": True, "gezetdoor": None,
            "zaakinformatieobjecten": [],
        }  # fmt: skip

    def close(self, number: str, on: str) -> None:
        """A case ends on a day."""
        self.set_status(number, FINAL)
        self.case(number)["einddatum"] = on

    def reopen(self, number: str) -> None:
        """A case runs again."""
        self.set_status(number, FIRST)
        self.case(number)["einddatum"] = None

    def delete(self, number: str) -> str:
        """A case is deleted; the address that it had."""
        case = self.case(number)
        self.cases.remove(case)
        return str(case["url"])

    def case(self, number: str) -> dict[str, Any]:
        """The newest with that number."""
        return next(each for each in reversed(self.cases) if each["identificatie"] == number)

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        """WSGI."""
        path, query = environ["PATH_INFO"], dict(parse_qsl(environ["QUERY_STRING"]))
        if not self._knows(environ.get("HTTP_AUTHORIZATION", "")):
            start("403 Said", [("Content-Type", "application/problem+json")])
            return iter([b"{}"])
        if path in self.said:
            status, body = self.said[path]
            start(f"{status} Said", [("Content-Type", "application/json")])
            return iter([body])
        told = self._told(path, query)
        if told is None:
            start("404 Said", [("Content-Type", "application/problem+json")])
            return iter([b"{}"])
        if path.startswith(ZAKEN):
            asked = {"accept": "application/json", "accept-crs": environ.get("HTTP_ACCEPT_CRS", "")}
            shown = path.removeprefix(ZAKEN)
            said = json.loads(json.dumps(told))
            self.seen.append(Exchange("GET", shown, query, asked, None, 200, said, said_headers=_CRS))
        start("200 Said", [("Content-Type", "application/json"), ("API-version", "1.5.1"), *_CRS.items()])
        return iter([json.dumps(told).encode()])

    def _told(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        ref = path.rsplit("/", 1)[-1]
        if path == f"{ZAKEN}/zaken":
            page, size = int(query.get("page", 1)), int(query.get("pageSize", 100))
            ordered = sorted(self.cases, key=lambda each: str(each["identificatie"]))
            more = len(ordered) > page * size
            following = f"{self.host}{path}?page={page + 1}" if more else None
            some = ordered[(page - 1) * size : page * size]
            return {"count": len(ordered), "next": following, "previous": None, "results": some}
        if path == f"{ZAKEN}/zaken/{ref}":
            return next((each for each in self.cases if each["uuid"] == ref), None)
        if path == f"{ZAKEN}/statussen/{ref}":
            return self.statuses.get(ref)
        if path == f"{CATALOGI}/statustypen/{ref}" and ref in (FINAL, FIRST):
            return {"url": f"{self.host}{path}", "omschrijving": CANARY, "isEindstatus": ref == FINAL}
        return None

    def _knows(self, said: str) -> bool:
        try:
            claims = jwt.decode(said.removeprefix("Bearer "), OctKey.import_key(self.secret)).claims
        except (JoseError, ValueError):
            return False
        return claims["iss"] == claims["client_id"] == self.client and abs(claims["iat"] - time.time()) < 3_600
