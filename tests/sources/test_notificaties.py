"""What a notification or a CloudEvent says: of which case, and whether it is said to be gone; all else is no hint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mdm_adapters.port import Garbled
from server.sources.notificaties import LARGEST_NOTIFICATION, CaseHint, hint_in
from tests.vendors.notificaties import cloud_event, notification

REF = "f3dce042-cd6e-4977-844d-05be8dce7cea"
CASE = f"https://zaken.example.nl/zaken/api/v1/zaken/{REF}"
CHANGED, GONE = CaseHint(REF, gone=False), CaseHint(REF, gone=True)


def heard(body: Any) -> CaseHint | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hint_in(raw, lambda address: address.startswith("https://zaken.example.nl/"))


def passed_on(resource: str, action: str, **data: str) -> dict[str, Any]:
    """As Open Notificaties makes a CloudEvent of a notification: its subject is what changed, not the case."""
    return cloud_event("x/status-1", f"{resource}.{action}", data={"hoofdObject": CASE} | data)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (notification(CASE), CHANGED),
        (notification(CASE.replace(REF, REF.upper())), CHANGED),
        (notification(f"{CASE}/"), CHANGED),
        (notification(CASE, resource="zaak", action="partial_update"), CHANGED),
        (notification(CASE, resource="zaak", action="destroy"), GONE),
        (notification(CASE, resource="rol", action="destroy"), CHANGED),
        (notification(CASE, kanaal="documenten"), None),
        (notification(CASE, kanaal="test"), None),
        (notification(CASE.replace("zaken.example.nl", "elsewhere.example.nl")), None),
        (notification("https://zaken.example.nl/zaken/api/v1/statussen/x"), None),
        (cloud_event(CASE), CHANGED),
        (cloud_event(CASE, "zaak-afgesloten"), CHANGED),
        (cloud_event(CASE, "zaak-verwijderd"), GONE),
        (cloud_event(CASE, "zaak-geopend"), None),
        (cloud_event(CASE, type="nl.overheid.documenten.document-geregistreerd"), None),
        (cloud_event(CASE, subject="../zaken"), None),
        (passed_on("status", "create"), CHANGED),
        (passed_on("zaak", "destroy"), GONE),
        (passed_on("zaak", "update", hoofdObject="https://elsewhere.example.nl/zaken/api/v1/zaken/x"), None),
    ],
)
def test_a_hint_is_of_one_of_our_cases(body: dict[str, Any], hint: CaseHint | None) -> None:
    assert heard(body) == hint


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in notification(CASE).items() if key != name}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"canary", b"{}", b"[" * 100_000, b"\xff", b'{"kanaal":'),
        *(without(name) for name in ("kanaal", "hoofdObject", "resource", "resourceUrl", "actie", "aanmaakdatum")),
        *(notification(CASE, kanaal=value) for value in (None, 1, "", ["zaken"])),
        *({**cloud_event(CASE), name: None} for name in ("id", "source", "specversion", "type")),
        json.dumps(notification(CASE, kenmerken={"x": "y" * LARGEST_NOTIFICATION})).encode(),
    ],
)
def test_what_is_no_notification_is_none(body: Any) -> None:
    with pytest.raises(Garbled) as caught:
        heard(body)
    assert CASE not in repr(caught.value)
    assert caught.value.__context__ is None
