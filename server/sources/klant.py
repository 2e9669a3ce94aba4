"""Contact moments of Open Klant, and klantcontact of ZGW: that there was contact, through which channel, never what.

Of a contact moment are read: its channel, its time, whose worker it was, what kind of party it was with, who began, and
the case it belongs to. Subject, content, answer, notes, names, addresses and numbers are in the same answers, since the
service knows no way to leave them out; they fall away while the answer is parsed, and no code here names them.
Contracts: klantinteracties 0.9 (Open Klant), Zaken API 1.5.
"""

from __future__ import annotations

import re
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey

from mdm_adapters.http import Connection, HttpClient, HttpLimits, bearer, given_in
from mdm_adapters.options import ConnectionKind, Grant, Option, OptionChoice, OptionKind, Sort, said
from mdm_adapters.port import Denied, Fault, Garbled, Missing
from server.sources.file_period import Days
from server.sources.json_rows import LARGEST_FILE, parse_json
from server.sources.notificaties import Subscriptions
from server.sources.pulled import MOST_RECORDS, NOBODY, Feed, Pulled, cell, day_of, table_of
from server.sources.rows import FileFault, Problem
from server.sources.tables import RecordTable
from server.sources.usage_file import OpenUsage, open_records
from server.sources.usage_mapping import UsageMapping
from server.sources.zaken import ZaakReader

HEADER = ("medewerker", "datum", "kanaal", "partij", "zaak", "initiatief")
_READ = frozenset(
    {
        *("count", "next", "results", "uuid", "_expand", "kanaal", "plaatsgevondenOp", "indicatieContactGelukt"),
        *("hadBetrokkenActoren", "soortActor", "actoridentificator", "objectId", "codeObjecttype"),
        *("codeSoortObjectId", "hadBetrokkenen", "rol", "initiator", "wasPartij", "soortPartij"),
        *("gingOverOnderwerpobjecten", "onderwerpobjectidentificator"),
        *("datumtijd", "zaak"),
    }
)
"""All that is ever read of an answer. A field that holds what was said, or a name, never stands here."""
_EXPAND = "gingOverOnderwerpobjecten,hadBetrokkenen,hadBetrokkenen.wasPartij"
_PAGE = 500
_TRIES = 3
_CASE_NUMBER = "identificatie"


class _Moments(Feed):
    """Contact moments as a list in pages.

    The service cannot be asked for a period, and promises no order: all of it is read, and what lies before the period
    is dropped.
    """

    subject = "medewerker"
    expand = ""
    """What is asked for besides."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def _check(self) -> None:
        self._http.call("GET", f"{_CONTACTS}/{_NOTHING}", handles=frozenset({404}))

    def _pull(self, since: date, until: date) -> Pulled:
        for _ in range(_TRIES):
            found = self._all()
            if found is not None:
                rows, passed, caseless = self._records([item for item in found if not _before(item, since)])
                return Pulled(HEADER, rows, since, until, until, passed, caseless=caseless)
        raise Garbled(Fault.NO_END)

    @abstractmethod
    def _records(self, found: Sequence[Mapping[str, Any]]) -> tuple[Sequence[tuple[str, ...]], int, int]:
        """What moments come to, how many were no contact, and of how many the case cannot be read."""

    def _all(self) -> Sequence[Mapping[str, Any]] | None:
        """Every contact moment; None if some came or went while it was read, so that pages may have shifted."""
        known: dict[str, Mapping[str, Any]] = {}
        count: int | None = None
        for page in range(1, MOST_RECORDS // _PAGE + 2):
            wanted = {"page": page, "pageSize": _PAGE} | ({"expand": self.expand} if self.expand else {})
            asked = urlencode(wanted, safe=",")
            reply = self._http.call("GET", f"{_CONTACTS}?{asked}", headers=_ASKED)
            body = parse_json(reply.body, _READ)
            items = body.get("results") if isinstance(body, dict) else None
            if not isinstance(body, dict) or not isinstance(items, list) or not isinstance(body.get("count"), int):
                raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
            for item in items:
                ref = item.get("uuid") if isinstance(item, dict) else None
                if not isinstance(ref, str):
                    raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
                known[ref] = item
            if count is not None and body["count"] != count:
                return None
            count = body["count"]
            if body.get("next") is None:
                return list(known.values()) if len(known) == count else None
            if not items:
                break
        raise Garbled(Fault.NO_END)


class OpenKlant(_Moments):
    """Contact moments of an Open Klant. case_id: under which name its cases are known by their number."""

    mapping = "open-klant"
    expand = _EXPAND

    def __init__(self, http: HttpClient, *, case_id: str = _CASE_NUMBER) -> None:
        super().__init__(http)
        self._case_id = case_id

    def _records(self, found: Sequence[Mapping[str, Any]]) -> tuple[Sequence[tuple[str, ...]], int, int]:
        return (*records_of(found, self._case_id), 0)


@dataclass(frozen=True, slots=True)
class CasesMeant:
    """What a connection says of its cases. system: as which case system the register knows them. confirms: an end
    status there is the final closure confirmed in writing.
    """

    system: str = ""
    confirms: bool = False


@dataclass(frozen=True, slots=True)
class _Beside:
    """The other services of a Zaken API. cases: the same, asked with little patience."""

    cases: HttpClient
    types: HttpClient | None = None
    notifications: HttpClient | None = None


class Zaken(_Moments):
    """Contact moments of a Zaken API: of which case, when and through which channel; not whose, nor who began.

    A case is an address there. Its host may be the name that the service has inside, and its scheme that of before the
    proxy: it is asked for at the address of the connection, by its id, and nobody else is ever asked.
    """

    mapping = "zgw-klantcontact"

    def __init__(
        self, http: HttpClient, url: str, beside: _Beside | None = None, meant: CasesMeant = CasesMeant()
    ) -> None:
        super().__init__(http)
        self._host = _host_of(url)
        self._beside = beside or _Beside(http)
        self.meant = meant

    def cases(self) -> ZaakReader | None:
        """Which cases run; None: the address is not one beside which a Catalogi API stands."""
        if self._beside.types is None:
            return None
        return ZaakReader(self._beside.cases, self._beside.types, lambda address: self._is_ours(_host_of(address)))

    def subscriptions(self) -> Subscriptions | None:
        """Who is told of changes; None: the connection names no Notificaties API."""
        return None if self._beside.notifications is None else Subscriptions(self._beside.notifications)

    def _records(self, found: Sequence[Mapping[str, Any]]) -> tuple[Sequence[tuple[str, ...]], int, int]:
        numbers: dict[str, str] = {"": ""}
        rows = []
        for item in found:
            (row,), _ = records_of([item])
            address = cell(item.get("zaak"))
            if address not in numbers:
                numbers[address] = self._number(address)
            rows.append((*row[:4], numbers[address], row[5]))
        caseless = sum(bool(cell(item.get("zaak"))) and not row[4] for item, row in zip(found, rows, strict=True))
        return rows, 0, caseless

    def _number(self, address: str) -> str:
        """The number of a case; empty: it is another service's, we may not read it, or it is not there any more."""
        ref = _CASE.search(address)
        if ref is None or not self._is_ours(_host_of(address)):
            return ""
        try:
            reply = self._http.call("GET", f"zaken/{ref[1]}", headers={**_ASKED, "Accept-Crs": "EPSG:4326"})
        except (Missing, Denied):
            return ""
        except Garbled as error:
            if error.fault is Fault.REDIRECTED:
                return ""
            raise
        found = parse_json(reply.body, _READ_OF_CASE)
        return cell(found.get("identificatie")) if isinstance(found, dict) else ""

    def _is_ours(self, host: str) -> bool:
        """Whether a host is the connection's, one of its domain, or a name that only means something inside."""
        if not host or host == self._host:
            return bool(host)
        try:
            return ip_address(host).is_private
        except ValueError:
            labels = host.split(".")
        if len(labels) == 1 or not _INSIDE.isdisjoint(labels):
            return True
        return len(labels) > 2 and labels[-2:] == self._host.split(".")[-2:]


def _host_of(url: str) -> str:
    """The host of an address, "" if it has none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _before(item: Mapping[str, Any], since: date) -> bool:
    """Whether it was earlier; what has no day stays, and is a fault."""
    day = day_of(item.get("plaatsgevondenOp", item.get("datumtijd")))
    return day is not None and day < since


_STATUS_ALONE, _STATUS_CONFIRMS = "status", "confirms"
_SHORT = HttpLimits(connect=5.0, read=10.0, total=20.0)
"""For what an engine asks between removals: a service that is slow is asked again later."""
_ASKED = {"Accept": "application/json"}
_READ_OF_CASE = frozenset({"identificatie"})
_ZAKEN_ROOT = re.compile(r"/zaken/(api/v[0-9]+)\Z")
_CASE = re.compile(r"/zaken/([0-9A-Za-z-]{1,64})/?\Z")
_INSIDE = frozenset({"local", "localhost", "internal", "intern", "lan", "svc", "cluster", "home", "private", "docker"})
"""Parts of names that a network gives to its own machines."""
_CONTACTS = "klantcontacten"
_NOTHING = "00000000-0000-4000-8000-000000000000"
"""The id of no contact moment: asked for, to learn whether the token is good without reading one."""


CONNECTION = ConnectionKind(
    "open-klant",
    Sort.FEED,
    said("Open Klant"),
    said("Open Klant: customer contacts"),
    said("Reports that there was contact about a case, through which channel and by whom; never what was said."),
    url=Option(
        "url",
        said("Address of the API"),
        said("Up to the version, as the administrator of Open Klant gives it."),
        OptionKind.LINK,
        required=True,
        example="https://openklant.example.org/klantinteracties/api/v1",
        longest=500,
        sends="secret",
    ),
    secret=Option(
        "secret",
        said("Token"),
        said("Made in Open Klant, under Tokenautorisaties."),
        OptionKind.KEY,
        required=True,
    ),
    own=(
        Option(
            "case_id",
            said("What the number of a case is called there"),
            said("The codeSoortObjectId under which Open Klant knows your cases by their number."),
            default=_CASE_NUMBER,
            example=_CASE_NUMBER,
            pattern=r"[0-9A-Za-z_.-]+",
        ),
    ),
    grants=(Grant("klantinteracties", said("The token may read the API klantinteracties."), ("The service answers",)),),
)
"""What a connection to Open Klant says."""

ZAKEN_CONNECTION = ConnectionKind(
    "zgw-klantcontact",
    Sort.FEED,
    said("Zaken API"),
    said("A Zaken API (ZGW): customer contacts of cases"),
    said(
        "Reports about which case, when and through which channel there was contact; not by whom, and "
        "never what was said."
    ),
    url=Option(
        "url",
        said("Address of the API"),
        said("Up to the version, as the administrator of the Zaken API gives it."),
        OptionKind.LINK,
        required=True,
        example="https://zaken.example.org/zaken/api/v1",
        longest=500,
        sends="secret",
    ),
    login=Option(
        "login",
        said("Client ID"),
        said("As the application is registered in the Autorisaties API."),
        required=True,
        example="closeout",
    ),
    secret=Option(
        "secret",
        said("Its secret"),
        said("By which each request is signed (HS256)."),
        OptionKind.KEY,
        required=True,
    ),
    own=(
        Option(
            "case_system",
            said("Case system"),
            said("As which case system the register knows these cases, where this API is asked which of them run."),
            example="zaaksysteem",
            longest=100,
        ),
        Option(
            "end_status",
            said("What an end status means"),
            said("Settle this with the privacy officer first."),
            OptionKind.CHOICE,
            default=_STATUS_ALONE,
            choices=(
                OptionChoice(_STATUS_ALONE, said("a status: a work supervisor is asked where the policy says so")),
                OptionChoice(_STATUS_CONFIRMS, said("the final closure, confirmed in writing")),
            ),
        ),
        Option(
            "notifications_url",
            said("Address of the Notificaties API"),
            said(
                "Only if it is to tell of changes at once. Up to the version; it knows the same client ID and secret."
            ),
            OptionKind.LINK,
            example="https://notificaties.example.org/api/v1",
            longest=500,
            needs=("case_system",),
            sends="secret",
        ),
    ),
    grants=(
        Grant("zaken.lezen", said("For the kinds of cases that this is about."), ("The service answers",)),
        Grant(
            "notificaties.consumeren",
            said("At the Notificaties API, if it is to tell of changes."),
            always=False,
        ),
    ),
)
"""What a connection to a Zaken API says."""


def connect(connection: Connection) -> OpenKlant:
    """The feed of a connection. ValueError: it is not valid (see CONNECTION)."""
    given = given_in(CONNECTION, connection)
    if not connection.secret.isprintable():
        raise ValueError("Open Klant asks for a token")
    http = HttpClient(
        connection.url.rstrip("/") + "/",
        lambda: {"Authorization": f"Token {connection.secret}"},
        limits=connection.limits,
        ca_file=connection.ca_file,
        reach=connection.reach,
    )
    return OpenKlant(http, case_id=given["case_id"])


def connect_zaken(connection: Connection) -> Zaken:
    """The feed of a connection. ValueError: it is not valid (see ZAKEN_CONNECTION)."""
    given = given_in(ZAKEN_CONNECTION, connection)
    key = OctKey.import_key(connection.secret)

    def signed() -> str:
        claims = {
            "iss": connection.login,
            "iat": int(time.time()),
            "client_id": connection.login,
            "user_id": "closeout",
            "user_representation": "closeout",
        }
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, key)

    limits = connection.limits
    short = replace(
        limits,
        connect=min(limits.connect, _SHORT.connect),
        read=min(limits.read, _SHORT.read),
        total=min(limits.total, _SHORT.total),
    )

    def client(url: str, limits: HttpLimits) -> HttpClient:
        return HttpClient(
            url.rstrip("/") + "/", bearer(signed), limits=limits, ca_file=connection.ca_file, reach=connection.reach
        )

    types, count = _ZAKEN_ROOT.subn(r"/catalogi/\1", connection.url.rstrip("/"))
    told = given["notifications_url"]
    beside = _Beside(
        client(connection.url, short), client(types, short) if count else None, client(told, short) if told else None
    )
    meant = CasesMeant(given["case_system"], given["end_status"] == _STATUS_CONFIRMS)
    return Zaken(client(connection.url, limits), connection.url, beside, meant)


def records_of(items: Sequence[Mapping[str, Any]], case_id: str = _CASE_NUMBER) -> tuple[list[tuple[str, ...]], int]:
    """One record for each contact moment and worker, in the order of HEADER; and how many attempts never succeeded."""
    rows: list[tuple[str, ...]] = []
    failed = 0
    for item in items:
        if item.get("indicatieContactGelukt") is False:
            failed += 1
            continue
        if "datumtijd" not in item:
            rows.extend(_of_klantcontact(item, case_id))
        else:
            # Of the Zaken API: it says neither who, nor with whom, nor who began.
            rows.append((NOBODY, _day(item.get("datumtijd")), cell(item.get("kanaal")), "", "", ""))
    return rows, failed


def _of_klantcontact(item: Mapping[str, Any], case_id: str) -> Iterator[tuple[str, ...]]:
    expanded = _object(item.get("_expand"))
    parties = _objects(expanded.get("hadBetrokkenen"))
    began = [party["initiator"] for party in parties if isinstance(party.get("initiator"), bool)]
    rest = (
        _day(item.get("plaatsgevondenOp")),
        cell(item.get("kanaal")),
        _party(parties),
        _case(_objects(expanded.get("gingOverOnderwerpobjecten")), case_id),
        cell(any(began)) if began else "",
    )
    workers = {
        _object(actor.get("actoridentificator")).get("objectId")
        for actor in _objects(item.get("hadBetrokkenActoren"))
        if actor.get("soortActor") == "medewerker"
    }
    named = sorted(worker for worker in workers if isinstance(worker, str) and worker.strip())
    # Two who visit together had a contact each.
    for worker in named or [NOBODY]:
        yield (worker, *rest)


def _party(parties: Sequence[Mapping[str, Any]]) -> str:
    """What they all are; empty if they differ, or nothing says it."""
    kinds = {_kind(party) for party in parties}
    return kinds.pop() if len(kinds) == 1 else ""


def _kind(party: Mapping[str, Any]) -> str:
    if party.get("rol") == "vertegenwoordiger":
        return "vertegenwoordiger"
    of = _object(_object(party.get("_expand")).get("wasPartij")) or _object(party.get("wasPartij"))
    return cell(of.get("soortPartij"))


def _case(subjects: Sequence[Mapping[str, Any]], case_id: str) -> str:
    """The number of the one case it is about; empty: of none, of several, or of one that is known otherwise."""
    ids = [_object(each.get("onderwerpobjectidentificator")) for each in subjects]
    numbers = {
        cell(each.get("objectId"))
        for each in ids
        if cell(each.get("codeObjecttype")).casefold() == "zaak" and each.get("codeSoortObjectId") == case_id
    }
    return numbers.pop() if len(numbers) == 1 else ""


def _day(value: object) -> str:
    """A day as the mapping reads it; what is none becomes a word that is none, and a fault, and is not quoted."""
    day = day_of(value)
    return "no day" if day is None else day.isoformat()


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


# --- an export ------------------------------------------------------------------------------------------------------


def open_export(paths: Sequence[Path], mapping: UsageMapping, *, today: date, period: Days | None = None) -> OpenUsage:
    """Contact moments that were saved as JSON: a list of them, or pages as the service gives them, all of them.

    period: of which days they are, if the name of the first file does not say it. Never raises for what a file holds.
    """
    items: list[Mapping[str, Any]] = []
    counts: set[int] = set()
    for path in paths:
        found = _read(path, counts)
        if isinstance(found, Problem):
            fault = FileFault(path.name, None, None, found, (("limit", f"{LARGEST_FILE >> 20} MB"),))
            return OpenUsage(mapping, tuple(each.name for each in paths), "", (fault,), (), today, ())
        items += found
    whole = _distinct(items)
    name = paths[0].name if paths else ""
    if counts - {len(whole)}:
        # A page is no whole: what it lacks would be taken for removed.
        hints = (("found", str(len(whole))), ("count", " / ".join(map(str, sorted(counts)))))
        fault = FileFault(name, None, None, Problem.PARTIAL_PAGES, hints)
        return OpenUsage(mapping, tuple(each.name for each in paths), "", (fault,), (), today, ())
    rows, _ = records_of(whole)
    return open_records(_table(name, rows), mapping, today=today, speaks_for=period)


def _table(name: str, rows: Sequence[tuple[str, ...]]) -> RecordTable:
    return table_of(name, HEADER, rows)


def _distinct(items: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Each contact moment once: pages that were saved one after the other may overlap."""
    return list({cell(item.get("uuid")) or f"{at}.": item for at, item in enumerate(items)}.values())


def _read(path: Path, counts: set[int]) -> list[Mapping[str, Any]] | Problem:
    """The moments of a file. counts: gets how many each page says there are in all; -1: more, and it does not say how
    many.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            return Problem.FILE_TOO_LARGE
        found = parse_json(path.read_bytes(), _READ)
    except OSError:
        return Problem.UNREADABLE
    except Garbled:
        return Problem.NOT_JSON
    pages = found if isinstance(found, list) else [found]
    items: list[Mapping[str, Any]] = []
    for page in pages:
        if not isinstance(page, dict):
            return Problem.NOT_JSON
        inside = page.get("results")
        if isinstance(inside, list):
            said = page.get("count")
            if isinstance(said, int):
                counts.add(said)
            elif page.get("next") is not None:
                counts.add(-1)
        items += _objects(inside) if isinstance(inside, list) else _objects([page])
    return items if all({"plaatsgevondenOp", "datumtijd"} & item.keys() for item in items) else Problem.NOT_JSON
