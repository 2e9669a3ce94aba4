"""Open Klant as far as contact moments go: a token, pages, parties expanded; a WSGI app with state and faults.

Our reading of klantinteracties 0.9; what it says and is asked is held against the published contract by the tests.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from tests.vendors.exchange import Exchange

BASE = "/klantinteracties/api/v1"
CANARY = "the canary sings"
"""Stands in every field that must never be read."""


def _ref(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{number}"))


@dataclass
class Klant:
    """The service. contacts: newest first, as it lists them. before_page: called with each page's number.

    said: statuses to answer in place of what is asked, in order.
    """

    token: str = "token-of-the-test"
    contacts: list[dict[str, Any]] = field(default_factory=list)
    before_page: Callable[[int], None] = lambda _page: None
    said: list[tuple[int, bytes]] = field(default_factory=list)
    seen: list[Exchange] = field(default_factory=list)
    count: int = 0

    def add(
        self,
        at: str,
        kanaal: str = "telefoon",
        workers: Iterable[str] = ("worker-1",),
        party: str | None = "persoon",
        rol: str = "klant",
        began: bool | None = False,
        case: str | None = None,
        kind: str = "identificatie",
        done: bool | None = True,
    ) -> str:
        """Record a contact moment; its id."""
        self.count += 1
        ref = _ref("klantcontact", self.count)
        parties = []
        if party is not None or began is not None:
            parties.append(self._party(self.count, party, rol, began=bool(began), contact=ref))
        subjects = [] if case is None else [self._subject(self.count, case, kind, ref)]
        self.contacts.insert(
            0,
            {
                "uuid": ref,
                "url": f"https://klant.example.nl{BASE}/klantcontacten/{ref}",
                "gingOverOnderwerpobjecten": [{"uuid": each["uuid"], "url": each["url"]} for each in subjects],
                "hadBetrokkenActoren": [self._actor(n, worker) for n, worker in enumerate(workers)],
                "omvatteBijlagen": [],
                "hadBetrokkenen": [{"uuid": each["uuid"], "url": each["url"]} for each in parties],
                "leiddeTotInterneTaken": [],
                "nummer": f"{self.count:010d}",
                "referentienummer": f"{self.count:010d}",
                "kanaal": kanaal,
                "onderwerp": CANARY,
                "inhoud": CANARY,
                "reactie": CANARY,
                "indicatieContactGelukt": done,
                "taal": "nld",
                "vertrouwelijk": True,
                "plaatsgevondenOp": at,
                "_expand": {"hadBetrokkenen": parties, "gingOverOnderwerpobjecten": subjects},
            },
        )
        return ref

    def remove(self, ref: str) -> None:
        """A contact moment is taken out."""
        self.contacts = [each for each in self.contacts if each["uuid"] != ref]

    def _actor(self, number: int, worker: str) -> dict[str, Any]:
        ref = _ref("actor", number)
        kind = "organisatorische_eenheid" if worker.startswith("team") else "medewerker"
        return {
            "uuid": ref,
            "url": f"https://klant.example.nl{BASE}/actoren/{ref}",
            "naam": CANARY,
            "soortActor": kind,
            "indicatieActief": True,
            "actoridentificator": {
                "objectId": worker,
                "codeObjecttype": "mdw",
                "codeRegister": "hr",
                "codeSoortObjectId": "idf",
            },
        }

    def _party(self, number: int, kind: str | None, rol: str, *, began: bool, contact: str) -> dict[str, Any]:
        ref, of = _ref("betrokkene", number), _ref("partij", number)
        url = f"https://klant.example.nl{BASE}"
        made: dict[str, Any] = {
            "uuid": ref,
            "url": f"{url}/betrokkenen/{ref}",
            "wasPartij": None if kind is None else {"uuid": of, "url": f"{url}/partijen/{of}"},
            "hadKlantcontact": {"uuid": contact, "url": f"{url}/klantcontacten/{contact}"},
            "digitaleAdressen": [],
            "contactnaam": {"voorletters": "", "voornaam": CANARY, "voorvoegselAchternaam": "", "achternaam": CANARY},
            "volledigeNaam": CANARY,
            "rol": rol,
            "organisatienaam": CANARY,
            "initiator": began,
        }
        if kind is not None:
            made["_expand"] = {"wasPartij": {"uuid": of, "soortPartij": kind, "interneNotitie": CANARY}}
        return made

    def _subject(self, number: int, case: str, kind: str, contact: str) -> dict[str, Any]:
        ref = _ref("onderwerpobject", number)
        url = f"https://klant.example.nl{BASE}"
        return {
            "uuid": ref,
            "url": f"{url}/onderwerpobjecten/{ref}",
            "klantcontact": {"uuid": contact, "url": f"{url}/klantcontacten/{contact}"},
            "onderwerpobjectidentificator": {
                "objectId": case,
                "codeObjecttype": "zaak",
                "codeRegister": "open-zaak",
                "codeSoortObjectId": kind,
            },
        }

    def export(self) -> list[dict[str, Any]]:
        """All contact moments as they would be saved."""
        return json.loads(json.dumps(self.contacts))  # type: ignore[no-any-return]

    # --- HTTP

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        """WSGI."""
        path, query = environ["PATH_INFO"], dict(parse_qsl(environ["QUERY_STRING"]))
        if self.said:
            status, body = self.said.pop(0)
            start(f"{status} Said", [("Content-Type", "application/json"), ("Retry-After", "7")])
            return iter([body])
        if environ.get("HTTP_AUTHORIZATION") != f"Token {self.token}":
            start("401 Said", [("Content-Type", "application/json")])
            return iter([b'{"detail":"no"}'])
        if path != f"{BASE}/klantcontacten":
            start("404 Said", [])
            return iter([b""])
        page, size = int(query.get("page", 1)), int(query.get("pageSize", 100))
        self.before_page(page)
        some = self.contacts[(page - 1) * size : page * size]
        more = len(self.contacts) > page * size
        expands = set(query.get("expand", "").split(","))
        told = {
            "count": len(self.contacts),
            "next": f"https://klant.example.nl{path}?page={page + 1}&pageSize={size}" if more else None,
            "previous": None,
            "results": [_shown(each, expands) for each in some],
        }
        self.seen.append(Exchange("GET", path.removeprefix(BASE), query, {}, None, 200, told))
        start("200 Said", [("Content-Type", "application/json"), ("API-version", "0.9.0")])
        return iter([json.dumps(told).encode()])


def _shown(contact: Mapping[str, Any], expands: set[str]) -> dict[str, Any]:
    shown = {**contact, "_expand": {key: each for key, each in contact["_expand"].items() if key in expands}}
    if "hadBetrokkenen.wasPartij" not in expands and "hadBetrokkenen" in expands:
        shown["_expand"]["hadBetrokkenen"] = [
            {key: value for key, value in each.items() if key != "_expand"}
            for each in contact["_expand"]["hadBetrokkenen"]
        ]
    return shown


ZAKEN = "/zaken/api/v1"


@dataclass
class Zaken:
    """A Zaken API as far as klantcontacten and the numbers of cases go; a signed statement (HS256) lets in."""

    client: str = "closeout"
    secret: str = "a-secret-that-is-shared-with-the-api"
    contacts: list[dict[str, Any]] = field(default_factory=list)
    cases: dict[str, str] = field(default_factory=dict)
    seen: list[Exchange] = field(default_factory=list)

    def add(self, at: str, kanaal: str, case: str, host: str) -> None:
        """Record a contact moment of a case."""
        number = len(self.contacts) + 1
        of = _ref("zaak", int(case))
        self.cases[of] = case
        ref = _ref("klantcontact", number)
        made = {"url": f"{host}{ZAKEN}/klantcontacten/{ref}", "uuid": ref, "zaak": f"{host}{ZAKEN}/zaken/{of}",
                "identificatie": f"{number}", "datumtijd": at, "kanaal": kanaal, "onderwerp": CANARY,
                "toelichting": CANARY}  # fmt: skip
        self.contacts.append(made)

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        """WSGI."""
        path, query = environ["PATH_INFO"].removeprefix(ZAKEN), dict(parse_qsl(environ["QUERY_STRING"]))
        if not self._knows(environ.get("HTTP_AUTHORIZATION", "")):
            start("403 Said", [("Content-Type", "application/problem+json")])
            return iter([b"{}"])
        told: dict[str, Any] | None = None
        if path == "/klantcontacten":
            page, size = int(query.get("page", 1)), int(query.get("pageSize", 100))
            more = len(self.contacts) > page * size
            following = f"https://zaken.example.nl{ZAKEN}{path}?page={page + 1}" if more else None
            some = self.contacts[(page - 1) * size : page * size]
            told = {"count": len(self.contacts), "next": following, "previous": None, "results": some}
        elif path.startswith("/zaken/") and path.removeprefix("/zaken/") in self.cases:
            told = {"identificatie": self.cases[path.removeprefix("/zaken/")], "omschrijving": CANARY}
        if told is None:
            start("404 Said", [])
            return iter([b""])
        if path == "/klantcontacten":
            self.seen.append(Exchange("GET", path, query, {}, None, 200, told))
        start("200 Said", [("Content-Type", "application/json"), ("API-version", "1.5.1")])
        return iter([json.dumps(told).encode()])

    def _knows(self, said: str) -> bool:
        try:
            claims = jwt.decode(said.removeprefix("Bearer "), OctKey.import_key(self.secret)).claims
        except (JoseError, ValueError):
            return False
        return claims["iss"] == claims["client_id"] == self.client and abs(claims["iat"] - time.time()) < 3_600
