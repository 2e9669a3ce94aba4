"""A case is finally closed in the export: the client's number is found, removed, seen absent, entered and told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.core.log.entries import EntryKind
from server.core.model import ContactClass, Phase
from server.sources.invented import Organisation, invent, write_export
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from tests.conftest import part_missing
from tests.demo import SERVICE, books, list_places
from tests.journeys.office import Office
from tests.parts import PartMissingError
from tests.parts.dav import DavServer
from tests.parts.phone import Phone

pytestmark = [pytest.mark.parts, pytest.mark.integration]

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
LONG_AGO = NOW - timedelta(days=400)
CLIENT, IN_NEED, PRIVATE = "06-12345601", "06-12345602", "06-12345699"


def card(uid: str, *numbers: str) -> str:
    lines = [f"TEL;TYPE=CELL:{number}" for number in numbers]
    head = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:Contact {uid}", "N:Contact;;;;"]
    return "\r\n".join([*head, *lines, "END:VCARD", ""])


CARDS = {
    "client.vcf": card("1", "+31 6 1234 5601"),
    "mixed.vcf": card("2", CLIENT, PRIVATE),
    "needed.vcf": card("3", IN_NEED),
    "private.vcf": card("4", PRIVATE),
}


def register(folder: Path) -> list[Path]:
    """One case that was closed long ago, one that goes on."""
    rows: list[Row] = [
        CaseRow(2, "100001", Phase.CLOSED, LONG_AGO.date(), LONG_AGO + timedelta(days=300), recorded=True),
        ContactRow(2, "100001", "A", ContactClass.CLIENT, CLIENT),
        AssignmentRow(2, "100001", "worker-01", "handler", LONG_AGO),
        CaseRow(3, "100002", Phase.INVESTIGATION, LONG_AGO.date(), recorded=True),
        ContactRow(3, "100002", "A", ContactClass.CLIENT, IN_NEED),
        AssignmentRow(3, "100002", "worker-01", "handler", LONG_AGO),
    ]
    return write_rows(rows, load_mapping("generic-en"), folder, NOW)


def places(folder: Path, address: str) -> Path:
    file = folder / "places.csv"
    file.write_text(f"worker;employer;connection;address\nworker-01;Employer;books;{address}\n")
    return file


OWNED = ("cyrus", "davical", "sogo")
"""Where the worker owns the book, and the service account reaches it by rights."""


@pytest.mark.parametrize("kind", ["radicale", "xandikos"])
def test_from_a_closed_case_to_a_contact_that_is_seen_to_be_absent(
    kind: str, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    walk(kind, request.getfixturevalue(kind), database_url, tmp_path)


@pytest.mark.parametrize("kind", ["sabre", *OWNED])
def test_the_same_at_every_other_server_on_one_database(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    walk(kind, request.getfixturevalue(kind), f"sqlite:///{tmp_path / 'closeout.db'}", tmp_path)


def walk(kind: str, server: DavServer, database_url: str, tmp_path: Path) -> None:
    """From the export to the report."""
    owner = "phone-01" if kind in OWNED else None
    client = server.client(owner)
    book = f"{server.home_of(owner) if owner else server.home}/{tmp_path.name}"
    client.make_book(book)
    client.put_all(book, {name: text.encode() for name, text in CARDS.items()})
    before = client.cards(book)
    office = Office(tmp_path, database_url)
    office.set_up(
        server,
        places(tmp_path, server.book_url(book)),
        register(tmp_path),
        login="" if kind == "xandikos" else "service",
        log=False,
    )

    office.say("run")
    after = client.cards(book)
    assert set(after) == {"mixed.vcf", "needed.vcf", "private.vcf"}
    assert (after["needed.vcf"], after["private.vcf"]) == (before["needed.vcf"], before["private.vcf"])
    assert ("12345601" in after["mixed.vcf"].replace("-", ""), PRIVATE in after["mixed.vcf"]) == (False, True)
    assert [row.state for row in office.ask("SELECT state FROM orders")] == ["checking"], "accepted is never removed"

    office.say("verify")
    (order,) = office.ask("SELECT id, state, level, reason FROM orders")
    assert (order.state, order.level, order.reason) == ("done", "store_removed", "finally_closed")
    told = [entry.kind for entry in office.log() if entry.body.get("order") == order.id]
    assert told == [EntryKind.ORDER_SENT, EntryKind.RECEIPT, EntryKind.PROOF]
    figures = office.figures(tmp_path / "reports")
    assert (figures["removed"], figures["stay"], figures["stuck"]) == (1, 0, 0)

    office.say("run")
    office.say("log", "verify")
    assert client.cards(book) == after, "a second run finds nothing to remove"
    assert [row.count for row in office.ask("SELECT count(*) AS count FROM orders")] == [1]


# --- phones -------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_only_phones_that_fetched_afterwards_are_said_to_have_the_removal(tmp_path: Path) -> None:
    organisation = invent("tiny", seed=1, now=NOW)
    office = Office(tmp_path, f"sqlite:///{tmp_path / 'closeout.db'}")
    try:
        with books(organisation, tmp_path) as server:
            phones = phones_of(organisation, server, tmp_path)
            for phone in phones.values():
                phone.sync()
            office.set_up(
                server,
                list_places(organisation, server, tmp_path),
                write_export(organisation, tmp_path, "generic-en"),
                login=SERVICE,
                log=True,
            )
            office.say("look")
            for _ in range(2):
                office.say("run")
                office.say("verify")
            assert office.ask("SELECT * FROM evidence") == [], "what phones fetched before it was gone proves nothing"
            awake = {device.ref for device in organisation.devices if not device.silent}
            assert (len(phones), len(awake)) == (8, 5)
            held_before = {ref: phones[ref].cards() for ref in phones}
            for ref in sorted(awake):
                phones[ref].sync()
            office.say("verify")
            told = office.figures(tmp_path / "reports")
    except PartMissingError as missing:
        part_missing(str(missing))

    done = office.ask(
        "SELECT o.id, w.ref AS worker, i.token FROM orders o JOIN worker w ON w.id = o.worker_id"
        " JOIN identifier i ON i.id = o.identifier_id WHERE o.state = 'done'"
    )
    reached = {
        (row.order_id, row.ref)
        for row in office.ask(
            "SELECT e.order_id, d.ref FROM evidence e JOIN device d ON d.id = e.device_id"
            " WHERE e.level = 'device_synced'"
        )
    }
    carried = {device.ref: device.worker for device in organisation.devices}
    assert reached == {(order.id, ref) for order in done for ref in awake if carried[ref] == order.worker}
    assert {ref for _, ref in reached} == awake
    copies = sum(carried[ref] == order.worker for order in done for ref in carried)
    assert told["synced"] == {"part": len(reached), "whole": copies}
    for ref, phone in phones.items():
        assert (phone.cards() == held_before[ref]) == (ref not in awake)
    office.say("log", "verify")


def phones_of(organisation: Organisation, server: DavServer, folder: Path) -> Mapping[str, Phone]:
    return {
        device.ref: Phone(
            folder / device.ref,
            server.book_url(f"{SERVICE}/{device.worker}"),
            device.ref,
            server.password(device.ref),
        )
        for device in organisation.devices
    }
