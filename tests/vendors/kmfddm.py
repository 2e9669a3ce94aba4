"""KMFDDM as far as its API goes, with iPhones that apply declarations and report.

A WSGI app: our reading of VENDORS section 7.5, no more. What it says and is asked is held against the published
contract by the tests, and what phones report against Apple's schema.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.vendors.apple_schema import AppleSchema
from tests.vendors.exchange import Exchange
from tests.vendors.graph import Asked, Said, Trouble

DDM_KEY = "api-key-of-the-declarations"
_ACCOUNTS = {
    "com.apple.configuration.account.carddav": "carddav",
    "com.apple.configuration.account.exchange": "exchange",
}

_KINDS = {
    "activation": "activations",
    "configuration": "configurations",
    "asset": "assets",
    "management": "management",
}


class DeclaringPhone:
    """What an iPhone does with declarations, and what it says of that and of its accounts."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, str]] = {"carddav": {}, "exchange": {}}

    def apply(
        self, mine: Sequence[Mapping[str, Any]], *, full: bool = False, refusing: Container[str] = ()
    ) -> dict[str, Any]:
        """The items of its report. mine: all that it is to have now. refusing: types that it cannot apply."""
        kinds: dict[str, list[Any]] = {kind: [] for kind in _KINDS.values()}
        for each in mine:
            good = each["Type"] not in refusing
            kinds[_KINDS[each["Type"].split(".")[2]]].append(
                {
                    "identifier": each["Identifier"],
                    "active": good,
                    "valid": "valid" if good else "invalid",
                    "server-token": each["ServerToken"],
                }
            )
        lists = self._account_lists([each for each in mine if each["Type"] not in refusing], full=full)
        return {"management": {"declarations": kinds}, "account": {"list": lists}}

    def _account_lists(self, mine: Sequence[Mapping[str, Any]], *, full: bool) -> dict[str, list[dict[str, Any]]]:
        before, after = self._accounts, {"carddav": dict[str, str](), "exchange": dict[str, str]()}
        for each in mine:
            kind = _ACCOUNTS.get(each["Type"])
            if kind is not None:
                after[kind][sha256(each["Identifier"].encode()).hexdigest()[:12]] = each["Identifier"]
        self._accounts = after
        found: dict[str, list[dict[str, Any]]] = {}
        for kind, accounts in after.items():
            rows: list[dict[str, Any]] = [
                {"identifier": key, "declaration-identifier": name, "hostname": "dav.org.example"}
                for key, name in accounts.items()
                if full or key not in before[kind]
            ]
            gone = [{"identifier": key, "_removed": True} for key in before[kind].keys() - accounts.keys()]
            if full or rows or gone:
                found[kind] = rows if full else rows + gone
        return found


class KmfddmServer:
    """The WSGI app. reports: newest first, by phone. notified: phones that were told, in order. refusing: types of
    declarations that phones cannot apply. schema: holds what is put and reported; `complaints` collects what fits not.
    """

    def __init__(self, schema: AppleSchema | None = None) -> None:
        self.declarations: dict[str, dict[str, Any]] = {}
        self.sets: dict[str, set[str]] = {}
        self.enrolled: dict[str, set[str]] = {}
        self.reports: dict[str, list[tuple[dict[str, Any], datetime]]] = {}
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.notified: list[str] = []
        self.refusing: set[str] = set()
        self.troubles: list[Trouble] = []
        self.seen: list[tuple[Asked, Said]] = []
        self.schema = schema
        self.complaints: list[str] = []
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._phones: dict[str, DeclaringPhone] = {}

    # --- what happens on phones

    def apply(self, ref: str, *, full: bool = False) -> dict[str, Any]:
        """The phone fetches its declarations, applies them and reports; what it reported."""
        mine = [self.declarations[name] for made in self.enrolled.get(ref, ()) for name in self.sets.get(made, ())]
        phone = self._phones.setdefault(ref, DeclaringPhone())
        items = phone.apply(mine, full=full, refusing=self.refusing)
        self.statuses[ref] = [
            {**told, "current": True, "status_received": self.now.isoformat()}
            for rows in items["management"]["declarations"].values()
            for told in rows
        ]
        return self.report(ref, items, full=full)

    def report(self, ref: str, items: dict[str, Any], *, full: bool = False) -> dict[str, Any]:
        """The phone reports these items."""
        if self.schema is not None:
            for name, value in items.get("account", {}).get("list", {}).items():
                self.complaints += self.schema.status_item(f"account.list.{name}", value)
        self.now += timedelta(minutes=1)
        said: dict[str, Any] = {"StatusItems": items, "Errors": []}
        if full:
            said["FullReport"] = True
        self.reports.setdefault(ref, []).insert(0, (said, self.now))
        return said

    # --- the API

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        raw = environ["wsgi.input"].read()
        path = environ["PATH_INFO"]
        body = json.loads(raw) if raw else None
        asked = Asked(environ["REQUEST_METHOD"], unquote(path), query, headers, body, raw=path)
        said = next((each for trouble in self.troubles if isinstance(each := trouble(asked), Said)), None)
        said = self._answer(asked) if said is None else said
        self.seen.append((asked, said))
        start(f"{said.status} Said", list({"Content-Type": "application/json", **said.headers}.items()))
        if said.status in (204, 304):
            return [b""]
        return [said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()]

    def exchanges(self) -> Iterator[Exchange]:
        """All that was asked and said, but for what was refused for want of a key."""
        for asked, said in self.seen:
            if said.strange or "authorization" not in asked.headers:
                continue
            body = said.body
            if "declaration-status" in asked.path and isinstance(body, dict) and body:
                body = {"$id": next(iter(body.values()))}
            # What is written as null is an empty list to this server, and to us.
            body = [] if body is None and said.status == 200 else body
            yield Exchange(asked.method, asked.raw, asked.query, asked.headers, asked.body, said.status, body)

    def _answer(self, asked: Asked) -> Said:
        key = "Basic " + base64.b64encode(f"kmfddm:{DDM_KEY}".encode()).decode()
        if asked.path == "/version":
            return Said(200, {"version": "v0.8.3"})
        if asked.headers.get("authorization") != key:
            return Said(401, None, strange=True)
        parts = asked.path.removeprefix("/v1/").split("/")
        act = {
            "sets": lambda: Said(200, sorted(self.sets) or None),
            "declarations": lambda: self._declaration(asked, parts[1:]),
            "set-declarations": lambda: self._relation(asked, self.sets, parts[1], "declaration"),
            "enrollment-sets": lambda: self._relation(asked, self.enrolled, parts[1], "set"),
            "declaration-status": lambda: Said(
                200, {parts[1]: self.statuses[parts[1]]} if parts[1] in self.statuses else {}
            ),
            "status-report": lambda: self._report(asked, parts[1]),
            "notify": lambda: self._notify(asked.query["id"]),
        }.get(parts[0])
        return Said(404, {"error": "no such thing"}) if act is None else act()

    def _notify(self, ref: str) -> Said:
        self.notified.append(ref)
        return Said(204)

    def _declaration(self, asked: Asked, parts: list[str]) -> Said:
        if asked.method == "PUT":
            token = sha256(json.dumps(asked.body, sort_keys=True).encode()).hexdigest()[:16]
            if self.schema is not None:
                self.complaints += self.schema.declaration(asked.body)
            same = self.declarations.get(asked.body["Identifier"], {}).get("ServerToken") == token
            self.declarations[asked.body["Identifier"]] = {**asked.body, "ServerToken": token}
            return Said(304 if same else 204)
        if asked.method == "DELETE":
            held = sum(parts[0] in each for each in self.sets.values())
            if held:
                return Said(500, {"error": f"txn rolled back: declaration is referenced by {held} sets"})
            return Said(304 if self.declarations.pop(parts[0], None) is None else 204)
        return Said(200, sorted(self.declarations))

    def _relation(self, asked: Asked, kept: dict[str, set[str]], of: str, name: str) -> Said:
        held = kept.get(of, set())
        if asked.method == "GET":
            return Said(200, sorted(held) or None)
        named = asked.query[name]
        changes = (named in held) is (asked.method == "DELETE")
        if changes:
            kept[of] = held - {named} if asked.method == "DELETE" else held | {named}
            if "nonotify" not in asked.query and name == "set":
                self.notified.append(of)
        return Said(204 if changes else 304)

    def _report(self, asked: Asked, ref: str) -> Said:
        known = self.reports.get(ref, [])
        index = int(asked.query.get("index", "0"))
        if index >= len(known):
            # Its document says 404, and it does otherwise (tests/contract/test_nanomdm_real.py).
            failure = f"index out of range: too high ({index})" if known else f"getting rs.{ref}.0.raw: key not found"
            return Said(500, {"error": failure})
        said, at = known[index]
        kept = str(len(known) - 1 - index)
        return Said(200, said, {"Last-Modified": format_datetime(at, usegmt=True), "X-Status-Report-Index": kept})
