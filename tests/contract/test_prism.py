"""Prism judges all that the Microsoft adapters ask and are answered, by the published document, in both directions.

The other tests hold the same exchanges to that document by a validator in Python; this one shares nothing with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mdm_adapters.phones import Platform, ProfileKind, WatchedApp
from mdm_adapters.port import Beacon, Cut, Place, Shape
from tests.conftest import part_missing
from tests.contract.test_graph_events import Pages
from tests.parts import PartMissingError
from tests.parts.prism_proxy import Prism, prism
from tests.vendors.exchange import Exchange
from tests.vendors.intune_member import intune_phones
from tests.vendors.members import GraphMember, card, tel
from tests.vendors.register import Register, token
from tests.vendors.serving import served

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(600)]

CLIENT, PRIVATE = "06-1234 5601", "06-8765 4301"
WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}), frozenset({"WhatsApp Messenger"}))


@pytest.fixture(scope="module")
def judge(shared_contracts: Path) -> Iterator[Prism]:
    """One for this file."""
    try:
        with prism(shared_contracts / "graph/graph-v1.0-fragment.openapi.json") as running:
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


def of_intune() -> Sequence[Exchange]:
    """A phone listed, looked at for apps, woken, given profiles and asked how it stands."""
    with intune_phones() as member:
        ref = member.enrol("worker-01@org.example")
        member.install(ref, "net.whatsapp.WhatsApp", "WhatsApp Messenger")
        (phone,) = member.mdm.list_phones()
        member.mdm.find_apps([WHATSAPP], [phone])
        member.mdm.sync(phone, "00000000-0000-4000-8000-000000000001")
        for _ in range(2):
            for kind in ProfileKind:
                member.mdm.push(phone, member.profile(kind), "00000000-0000-4000-8000-000000000002")
        member.act(ref)
        member.mdm.ask_posture(phone, [WHATSAPP], "00000000-0000-4000-8000-000000000003")
        member.leave(ref)
        member.mdm.sync(phone, "00000000-0000-4000-8000-000000000004")
        member.mdm.check()
        return list(member.cloud.exchanges())


def of_graph(member: GraphMember, pages: Pages) -> Sequence[Exchange]:
    """A mailbox read whole and by its changes, watched, a contact cut and many removed."""
    ours = Register(CLIENT)
    member.put("mixed.vcf", card(1, *tel(CLIENT), *tel(PRIVATE)))
    for number in range(2, 30):
        member.put(f"client-{number}.vcf", card(number, *tel(CLIENT)))
    look = member.store.look(member.place, ours)
    cuts = [
        Cut(each.ref, each.version, frozenset({token(CLIENT)}), whole=each.shape is Shape.WHOLE)
        for each in look.entries
    ]
    member.store.look_up(member.place, [entry.ref for entry in look.entries], ours)
    member.store.announce(member.place, cuts)
    member.store.remove(member.place, cuts, ours)
    member.store.remove(member.place, cuts[:2], ours)
    member.store.look(member.place, ours, cursor=look.cursor)
    beacon = Beacon(Place("place-1", member.mailbox.address), f"{pages.base}place-1", "5" * 64)
    for wanted in ([beacon], [beacon], []):
        member.store.watch(wanted, pages.base, datetime.fromtimestamp(member.cloud.clock(), UTC))
    member.store.check(member.place)
    member.store.check(replace(member.place, address="nobody@org.example"))
    return list(member.cloud.exchanges())


def test_intune_is_asked_and_answers_as_published(judge: Prism) -> None:
    exchanges = of_intune()

    assert len(exchanges) > 25
    assert judge.complaints(exchanges) == []


def test_graph_is_asked_and_answers_as_published_parts_of_batches_too(judge: Prism, graph_member: GraphMember) -> None:
    pages = Pages()
    with served(pages) as url:
        pages.url = url
        exchanges = of_graph(graph_member, pages)

    assert {each.method for each in exchanges} >= {"GET", "POST", "PATCH", "DELETE"}
    assert any(each.path.endswith("/$batch") for each in exchanges)
    assert judge.complaints(exchanges) == []


def test_what_the_document_does_not_know_is_complained_of(judge: Prism) -> None:
    listed, made = (
        next(each for each in of_intune() if each.method == method and path in each.path)
        for method, path in (("GET", "/managedDevices"), ("POST", "/deviceConfigurations"))
    )
    wrong = [
        replace(listed, path="/deviceManagement/unmanagedDevices"),
        replace(listed, said={"value": [{"id": 7}]}),
        replace(listed, status=200, said={"value": "none"}),
        replace(made, body={"displayName": 5}),
    ]

    assert judge.complaints([listed, made]) == []
    assert [bool(judge.complaints([each])) for each in wrong] == [True] * 4
