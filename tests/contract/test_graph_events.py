"""Graph's change notifications: subscriptions made, renewed, taken away; an event is a hint, of a proven sender."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from mdm_adapters.port import Beacon, Denied, Fault, Garbled, Hint, Place, Unreachable, Watching
from tests.vendors.contracts import Published
from tests.vendors.graph import Drop, GraphCloud, error, throttled, times
from tests.vendors.members import GraphMember
from tests.vendors.serving import served
from tests.vendors.subscriptions import Subscriptions

pytestmark = pytest.mark.contract

SECRET = "5" * 64


@dataclass
class Pages:
    """Stands for our pages: repeats a token, and keeps what it was sent."""

    url: str = ""
    honest: bool = True
    heard: list[bytes] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        body = environ["wsgi.input"].read()
        token = parse_qs(environ["QUERY_STRING"]).get("validationToken")
        if token is None:
            self.heard.append(body)
            start("202 Accepted", [])
            return [b""]
        start("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [token[0].encode() if self.honest else b"something else"]

    def beacon(self, number: int, address: str, secret: str = SECRET) -> Beacon:
        return Beacon(Place(f"place-{number}", address), f"{self.base}place-{number}", secret)

    @property
    def base(self) -> str:
        return f"{self.url}/api/events/books?place="


@pytest.fixture
def pages() -> Iterator[Pages]:
    made = Pages()
    with served(made) as url:
        made.url = url
        yield made


@pytest.fixture
def held(graph_member: GraphMember) -> Subscriptions:
    return graph_member.cloud.subscriptions[graph_member.tenant.name]


def now(cloud: GraphCloud) -> datetime:
    return datetime.fromtimestamp(cloud.clock(), UTC)


def watch(member: GraphMember, pages: Pages, *beacons: Beacon) -> Watching:
    return member.store.watch(beacons, pages.base, now(member.cloud))


def test_a_place_is_watched_once_the_handshake_is_done(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    beacon = pages.beacon(1, graph_member.mailbox.address)

    assert [watch(graph_member, pages, beacon) for _ in range(2)] == [Watching(made=1), Watching(kept=1)]
    (made,) = held.held.values()
    assert (made["clientState"], made["notificationUrl"]) == (SECRET, beacon.url)
    assert made["resource"] == f"/users/{graph_member.mailbox.address}/contacts"


def test_pages_that_cannot_be_reached_are_told_and_stop_nothing(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    pages.honest = False

    watching = watch(graph_member, pages, pages.beacon(1, graph_member.mailbox.address))

    assert (watching, held.held) == (Watching(faults=(Fault.UNEXPECTED_STATUS,)), {})


def test_what_is_about_to_end_is_renewed_and_what_was_dropped_is_made_anew(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    beacon = pages.beacon(1, graph_member.mailbox.address)
    clock = [time.time()]
    graph_member.cloud.clock = lambda: clock[0]
    watch(graph_member, pages, beacon)
    (first,) = held.held
    before = held.held[first]["expirationDateTime"]
    clock[0] += timedelta(hours=25).total_seconds()
    graph_member.cloud.revoke_tokens()

    renewed = watch(graph_member, pages, beacon)
    after = held.held[first]["expirationDateTime"]
    held.held.clear()
    anew = watch(graph_member, pages, beacon)

    assert (renewed, anew, after > before) == (Watching(renewed=1), Watching(made=1), True)
    assert len(held.held) == 1


def test_what_vanishes_while_it_is_renewed_is_made_anew(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    beacon = pages.beacon(1, graph_member.mailbox.address)
    watch(graph_member, pages, beacon)
    (ref,) = held.held
    held.held[ref]["expirationDateTime"] = f"{now(graph_member.cloud) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    graph_member.cloud.troubles.append(times(1, f"PATCH /subscriptions/{ref}", error(404, "ExtensionError")))

    assert watch(graph_member, pages, beacon) == Watching(made=1)


def test_what_is_ours_and_wanted_no_more_goes_and_what_is_anothers_stays(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    tenant = graph_member.tenant
    boxes = [
        graph_member.mailbox,
        tenant.add_mailbox("worker-98@org.example"),
        tenant.add_mailbox("worker-99@org.example"),
    ]
    beacons = [pages.beacon(number, box.address) for number, box in enumerate(boxes)]
    watch(graph_member, pages, *beacons)
    held.held["theirs"] = {
        "id": "theirs",
        "notificationUrl": "https://elsewhere.example/x",
        "resource": "/users/x/contacts",
        "expirationDateTime": "2030-01-01T00:00:00Z",
        "changeType": "updated",
        "clientState": None,
    }
    moved = pages.beacon(1, boxes[2].address)  # the place is at another mailbox now

    watching = watch(graph_member, pages, beacons[0], moved)

    assert watching == Watching(kept=1, made=1)
    assert sorted(each["resource"] for each in held.held.values()) == sorted(
        [f"/users/{box.address}/contacts" for box in (boxes[0], boxes[2])] + ["/users/x/contacts"]
    )


def test_a_mailbox_that_is_refused_or_not_there_leaves_the_others_watched(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    here = pages.beacon(1, graph_member.mailbox.address)
    gone = pages.beacon(2, "canary-nobody@org.example")

    assert watch(graph_member, pages, gone, here) == Watching(made=1, faults=(Fault.PLACE_GONE,))


@pytest.mark.parametrize("trouble", [throttled("7"), error(503, "serviceNotAvailable"), Drop()])
def test_a_list_that_cannot_be_had_changes_nothing(
    graph_member: GraphMember, held: Subscriptions, pages: Pages, trouble: Any
) -> None:
    watch(graph_member, pages, pages.beacon(1, graph_member.mailbox.address))
    graph_member.cloud.troubles.append(times(9, "GET /subscriptions", trouble))

    with pytest.raises(Unreachable):
        watch(graph_member, pages)
    assert len(held.held) == 1


# --- hearing


def test_a_change_is_a_hint_and_what_went_untold_another(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    watch(graph_member, pages, pages.beacon(1, graph_member.mailbox.address))
    (ref,) = held.held
    for more in (
        {"changeType": "deleted"},
        {"lifecycleEvent": "reauthorizationRequired"},
        {"lifecycleEvent": "missed"},
        {"lifecycleEvent": "subscriptionRemoved"},
        {"lifecycleEvent": "someFutureEvent"},
    ):
        assert held.send(ref, **more) == 202

    told = [graph_member.store.hear(SECRET, body) for body in pages.heard]

    assert told == [{Hint.CHANGED}, {Hint.CHANGED}, {Hint.MISSED}, {Hint.MISSED}, {Hint.MISSED}]


def test_duplicate_and_reordered_events_say_the_same(
    graph_member: GraphMember, held: Subscriptions, pages: Pages
) -> None:
    watch(graph_member, pages, pages.beacon(1, graph_member.mailbox.address))
    held.tell(graph_member.mailbox.address)
    (item,) = json.loads(pages.heard[0])["value"]
    missed = {**item, "lifecycleEvent": "missed"}

    for items in ([item, item], [item, missed], [missed, item], [missed, missed]):
        told = graph_member.store.hear(SECRET, json.dumps({"value": items}).encode())
        assert told == {Hint.MISSED if missed in items else Hint.CHANGED}


FORGED: dict[str, Any] = {
    "no secret": {},
    "another secret": {"clientState": "6" * 64},
    "a part of the secret": {"clientState": SECRET[:-1]},
    "an empty one": {"clientState": ""},
    "nothing": {"clientState": None},
    "a number": {"clientState": 5},
    "a list with it": {"clientState": [SECRET]},
    "letters that are none": {"clientState": "\ud800"},
}


@pytest.mark.parametrize("forged", FORGED)
def test_an_event_whose_sender_is_not_proven_is_refused(graph_member: GraphMember, forged: str) -> None:
    body = json.dumps({"value": [{"changeType": "deleted", "lifecycleEvent": "missed", **FORGED[forged]}]}).encode()

    with pytest.raises((Denied, Garbled)):
        graph_member.store.hear(SECRET, body)


def test_one_proven_item_does_not_prove_another(graph_member: GraphMember) -> None:
    items = [{"clientState": SECRET, "changeType": "updated"}, {"clientState": "x", "lifecycleEvent": "missed"}]

    assert graph_member.store.hear(SECRET, json.dumps({"value": items}).encode()) == {Hint.CHANGED}


def test_without_a_secret_nobody_is_proven(graph_member: GraphMember) -> None:
    with pytest.raises(Denied):
        graph_member.store.hear("", json.dumps({"value": [{"clientState": ""}]}).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"canary", b"[]", b"{}", b'{"value": {}}', b'{"value": ["canary"]}', b"\xff\xfe", b"[" * 100_000, b"1e999"],
)
def test_what_is_no_event_is_garbled(graph_member: GraphMember, body: bytes) -> None:
    with pytest.raises(Garbled) as raised:
        graph_member.store.hear(SECRET, body)
    assert "canary" not in str(raised.value)


def test_what_was_sent_is_as_published(
    graph_member: GraphMember, held: Subscriptions, pages: Pages, graph_published: Published | None
) -> None:
    if graph_published is None:
        pytest.skip("no folder shared/contracts beside the repository: vendors' contracts cannot be compared")
    watch(graph_member, pages, pages.beacon(1, graph_member.mailbox.address))
    held.tell(graph_member.mailbox.address)

    known = graph_published.document["components"]["schemas"]["microsoft.graph.changeNotification"]["properties"]
    (item,) = json.loads(pages.heard[0])["value"]
    assert item.keys() <= known.keys()
