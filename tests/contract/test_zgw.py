"""What we ask of the ZGW APIs, what they say, and what is sent to us, held against the published contracts by Prism."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mdm_adapters.http import Connection
from server.sources import klant
from tests.parts import PartMissingError
from tests.parts.prism_proxy import prism
from tests.vendors.contracts import Published
from tests.vendors.exchange import Exchange
from tests.vendors.notificaties import API, PROBE, NotificationService, notification
from tests.vendors.serving import served
from tests.vendors.zaken import ZAKEN, CasesService

CONTRACTS = Path(__file__).parents[3] / "shared/contracts/zgw"
ONE = "240117"
CALLBACK = "https://closeout.example.nl/api/events/zaken"
WANTED = {
    "open-zaak-zaken-1.5.1.openapi.yaml": ("/zaken", "/zaken/{uuid}", "/statussen/{uuid}"),
    "open-notificaties.openapi.yaml": ("/abonnement", "/abonnement/{uuid}"),
    "notificaties-consumer.openapi.yaml": ("/{webhooks_path}",),
}
"""The paths of each contract that are used. Theirs are different, and ours is a path of our own choosing."""


def test_what_is_asked_said_and_sent_is_as_published(tmp_path: Path) -> None:
    if not CONTRACTS.exists():
        pytest.skip("the published contracts (shared/contracts/zgw) do not lie beside this repository")
    exchanges = [*_cases(), *_subscriptions(), *_sent_to_us()]
    (tmp_path / "zgw.json").write_text(json.dumps(_published()), "utf-8")
    try:
        with prism(tmp_path / "zgw.json") as judge:
            assert judge.complaints(exchanges) == []
            wrong = Exchange("POST", "/callback", {}, _JSON, {"kanaal": "zaken"}, 204, None)
            assert judge.complaints([wrong]) != []
    except PartMissingError as missing:
        pytest.skip(str(missing))


_JSON = {"content-type": "application/json", "accept": "application/json"}


def _cases() -> list[Exchange]:
    """All cases, one case, its status."""
    service = CasesService()
    with served(service) as address:
        service.host = address
        service.open(ONE)
        service.close(ONE, "2025-03-02")
        reader = klant.connect_zaken(Connection(address + ZAKEN, service.client, service.secret)).cases()
        assert reader is not None
        (listed,) = reader.read_all().cases
        assert reader.read_one(listed.ref) == listed
        assert reader.is_final(listed.status or "")
    assert [each.path.split("/")[1] for each in service.seen] == ["zaken", "zaken", "statussen"]
    return service.seen


def _subscriptions() -> list[Exchange]:
    """Made in either way, listed, ended."""
    service = NotificationService(lambda _, headers, __: 204 if "Authorization" in headers else 403)
    with served(service) as address:
        service.host = address
        options = {"case_system": "zaaksysteem", "notifications_url": address + API}
        given = Connection(address + ZAKEN, service.client, service.secret, options=options)
        there = klant.connect_zaken(given).subscriptions()
        assert there is not None
        refs = [there.make(CALLBACK, "Bearer of-one", cloud_events=each) for each in (False, True)]
        assert [each.ref for each in there.read()] == refs
        for ref in refs:
            there.end(ref)
        assert there.read() == []
    return service.seen


def _sent_to_us() -> list[Exchange]:
    """What the tests take for notifications, and how we answer them."""
    case = "https://zaken.example.nl/zaken/api/v1/zaken/f3dce042-cd6e-4977-844d-05be8dce7cea"
    bodies = (PROBE, notification(case), notification(case, resource="zaak", action="destroy"))
    return [Exchange("POST", "/callback", {}, _JSON, each, 204, None) for each in bodies]


def _published() -> dict[str, Any]:
    """One document of what is used of all, their parts told apart by a prefix."""
    whole: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "ZGW", "version": "1"}, "servers": [{"url": "/"}]}
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for number, (file, wanted) in enumerate(WANTED.items()):
        document = Published(CONTRACTS / file, "https://zaken.example.nl" + ZAKEN).document
        used = {each: _unnamed(document["paths"][each]) for each in wanted}
        # A kind of case is described elsewhere, and nothing is fetched here: none is asked for.
        known = {"paths": used, "schemas": document["components"]["schemas"]}
        told = json.loads(json.dumps(known), object_hook=lambda each: {} if _is_elsewhere(each) else each)
        reached = {each: told["schemas"][each] for each in _reached(told["paths"], told["schemas"])}
        text = json.dumps({"paths": told["paths"], "schemas": reached})
        mine = json.loads(text.replace("#/components/schemas/", f"#/components/schemas/N{number}"))
        paths |= mine["paths"]
        schemas |= {f"N{number}{name}": each for name, each in mine["schemas"].items()}
    paths["/callback"] = paths.pop("/{webhooks_path}")
    return whole | {"paths": paths, "components": {"schemas": schemas}}


def _unnamed(path: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not used: other methods, and the name of our own path."""
    used = {name: each for name, each in path.items() if name in ("get", "post", "delete", "parameters")}
    named = [each for each in used.pop("parameters", []) if each.get("name") != "webhooks_path"]
    kept = {name: {at: part for at, part in each.items() if at != "security"} for name, each in used.items()}
    return {**kept, **({"parameters": named} if named else {})}


def _is_elsewhere(part: dict[str, Any]) -> bool:
    return str(part.get("$ref", "")).startswith("http")


def _reached(paths: Any, schemas: Mapping[str, Any]) -> set[str]:
    """Of a document's schemas those that its paths come to: reading the rest takes longer than all else."""
    found: set[str] = set()
    due = {*_named(paths)}
    while due:
        found |= due
        due = {each for name in due for each in _named(schemas[name])} - found
    return found


def _named(part: Any) -> list[str]:
    return re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part))
