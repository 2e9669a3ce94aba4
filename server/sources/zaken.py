"""Cases of a Zaken API (ZGW): which of them run and which have ended; never what they are about, nor about whom.

Read of a case are its number, its end date and its status; of a status its type, of a type whether it is an end status.
Addresses that an answer names are never followed: each thing is asked for by its id, at the connection's own address.
Contracts: Zaken API 1.5; Catalogi API 1.3, at the same address as in Open Zaak.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from mdm_adapters.http import HttpClient
from mdm_adapters.port import Fault, Garbled
from server.sources.json_rows import parse_json

MOST_CASES = 1_000_000
_PAGE = 100
_ASKED = {"Accept": "application/json", "Accept-Crs": "EPSG:4326"}
_OF_CASE = frozenset({"url", "identificatie", "einddatum", "status"})
_OF_LIST = frozenset({"count", "next", "results"}) | _OF_CASE
_OF_STATUS = frozenset({"statustype"})
_OF_TYPE = frozenset({"isEindstatus"})
_LAST = re.compile(r"/(zaken|statussen|statustypen)/([0-9A-Za-z-]{1,64})/?\Z")


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A case as it is told. status: the id of its newest; None: it has none. ref: its own id; empty: it tells none."""

    number: str
    ended_on: date | None
    status: str | None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class CaseList:
    """All cases that were read. whole: as many as the service says that there are, so that a known case that is not
    among them is not there.
    """

    cases: Sequence[ListedCase]
    whole: bool


class ZaakReader:
    """Reads cases. types: the Catalogi API. is_ours: whether an address is one of this service's."""

    def __init__(self, cases: HttpClient, types: HttpClient, is_ours: Callable[[str], bool]) -> None:
        self._cases, self._types, self._is_ours = cases, types, is_ours
        self._final: dict[str, bool] = {}

    def is_ours(self, address: str) -> bool:
        """Whether an address is one of this service's."""
        return self._is_ours(address)

    def read_one(self, ref: str) -> ListedCase:
        """One case by its id. Raises PortError; Missing: it is not there."""
        body, status = self._get(self._cases, f"zaken/{ref}", _OF_CASE)
        return self._listed(body, status)

    def read_all(self) -> CaseList:
        """Every case that there is to read. Raises PortError. One that came or went meanwhile may be there twice, or
        not: then the list is not whole.
        """
        found: list[ListedCase] = []
        counts: set[object] = set()
        for page in range(1, MOST_CASES // _PAGE + 2):
            asked = urlencode({"ordering": "identificatie", "page": page, "pageSize": _PAGE})
            body, status = self._get(self._cases, f"zaken?{asked}", _OF_LIST)
            items = body.get("results")
            if not isinstance(items, list):
                raise Garbled(Fault.NOT_THE_PROTOCOL, status=status)
            found += [self._listed(each, status) for each in items]
            counts.add(body.get("count"))
            if body.get("next") is None:
                refs = {each.ref for each in found if each.ref}
                return CaseList(found, whole=counts == {len(found)} and len(refs) == len(found))
            if not items:
                break
        raise Garbled(Fault.NO_END)

    def is_final(self, status: str) -> bool:
        """Whether a status is one that ends a case. Raises PortError."""
        body, code = self._get(self._cases, f"statussen/{status}", _OF_STATUS)
        kind = self._ref(body.get("statustype"), "statustypen", code)
        if kind not in self._final:
            found, code = self._get(self._types, f"statustypen/{kind}", _OF_TYPE)
            final = found.get("isEindstatus")
            if not isinstance(final, bool):
                raise Garbled(Fault.NOT_THE_PROTOCOL, status=code)
            self._final[kind] = final
        return self._final[kind]

    def _listed(self, item: object, status: int) -> ListedCase:
        number = item.get("identificatie") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(number, str) or "einddatum" not in item:
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=status)
        ended, newest = item["einddatum"], item.get("status")
        try:
            ended_on = None if ended is None else date.fromisoformat(ended)
        except (TypeError, ValueError):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=status) from None
        of_status = None if newest is None else self._ref(newest, "statussen", status)
        return ListedCase(number, ended_on, of_status, self._own(item.get("url")))

    def _own(self, address: object) -> str:
        found = _LAST.search(address) if isinstance(address, str) and self._is_ours(address) else None
        return found[2].lower() if found is not None and found[1] == "zaken" else ""

    def _ref(self, address: object, of: str, status: int) -> str:
        """The id in an address of this service's; of another's nothing is believed."""
        found = _LAST.search(address) if isinstance(address, str) else None
        if found is None or found[1] != of or not self._is_ours(str(address)):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=status)
        return found[2]

    @staticmethod
    def _get(http: HttpClient, path: str, read: frozenset[str]) -> tuple[Mapping[str, Any], int]:
        reply = http.call("GET", path, headers=_ASKED)
        body = parse_json(reply.body, read)
        if not isinstance(body, dict):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return body, reply.status
