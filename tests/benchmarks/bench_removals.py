"""Removals per second at a real Radicale, beside a bare `http.client` loop that makes the same requests.

Ours is the whole engine: claim, decide again, read the card again, delete it with a guard, receipts and log, at full
durability. The peer knows every card and its ETag beforehand; it reads and deletes the same cards of another copy of
the same books, over as many kept connections as ours has threads. A second loop deletes without reading: the difference
is the price of looking at what is about to be destroyed. Goal: at least 80% of the first loop's rate.
"""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

from mdm_adapters.http import Connection
from mdm_adapters.port import Field, Place, Reading
from mdm_adapters.registry import KINDS, STORES
from server.core.model import ContactClass, Phase, State
from server.sources.case_file import open_export
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from server.store.removal import orders
from server.work.admin import setup
from server.work.register import intake
from server.work.removal import engine, plan, sync, verify
from tests.benchmarks.ground import (
    MAPPING,
    NOW,
    ROUNDS,
    Spent,
    context_on,
    drop_database,
    empty_database,
    shipped_policy,
    spending,
    workspace,
)
from tests.parts.dav import DavClient, DavServer
from tests.parts.radicale import Right, radicale_server

BOOKS = 8
CARDS = 150
AT_ONCE = 4
SERVICE = "service"
_ETAG = re.compile(rb"<[^>]*href>([^<]+\.vcf)</.*?getetag>([^<]+)</", re.DOTALL)


def run() -> dict[str, Any]:
    """The best of some runs of either, one after the other, each on a server of its own."""
    ours, proofs, bare, blind = [], [], [], []
    requests: dict[str, Mapping[str, int]] = {}
    for number in range(ROUNDS):
        with _server(f"ours-{number}") as server:
            spent, proof, requests["ours"], requests["proof"] = _by_us(server)
            ours.append(spent)
            proofs.append(proof)
        with _server(f"bare-{number}") as server:
            bare.append(_by_hand(server, reads=True))
            requests["peer"] = _requests(server)
        with _server(f"blind-{number}") as server:
            blind.append(_by_hand(server, reads=False))
    count = BOOKS * CARDS
    mine, peer, blindly = (count / min(each.wall for each in rounds) for rounds in (ours, bare, blind))
    return {
        "name": "removals against Radicale",
        "unit": "cards per second",
        "goal": "80% of the peer",
        "cards": count,
        "at_once": AT_ONCE,
        "per_second": round(mine),
        "processor_seconds": round(min(each.cpu for each in ours), 2),
        "peer": "http.client, the same requests over as many connections",
        "peer_per_second": round(peer),
        "peer_processor_seconds": round(min(each.cpu for each in bare), 2),
        "share_of_peer": round(mine / peer, 2),
        "without_reading_per_second": round(blindly),
        "price_of_reading_again": round(blindly / peer, 2),
        "proof_seconds": round(min(each.wall for each in proofs), 2),
        "requests": requests,
    }


def _number(book: int, card: int) -> str:
    return f"06-1{book:03}{card:04}"


def _book(book: int) -> str:
    return f"{SERVICE}/worker-{book:02}"


def _server(name: str) -> Any:
    return _Filled(name)


class _Filled:
    """A Radicale with the books in it, for as long as the block lasts."""

    def __init__(self, name: str) -> None:
        self._running = radicale_server(
            workspace() / name,
            logins={SERVICE: "an invented password"},
            rights=[Right(SERVICE, write=True)],
            durable=True,
        )

    def __enter__(self) -> DavServer:
        server = self._running.__enter__()
        client = server.client()
        for book in range(BOOKS):
            cards = "".join(_card(book, card) for card in range(CARDS + 1))
            headers = {"Content-Type": "text/vcard; charset=utf-8"}
            assert client.request("PUT", f"/{_book(book)}/", cards.encode(), headers).status == 201
        return server

    def __exit__(self, *why: object) -> None:
        self._running.__exit__(*why)


def _card(book: int, card: int) -> str:
    """The last of a book is nobody's: a book never becomes empty."""
    tel = f"TEL;TYPE=CELL:{_number(book, card)}" if card < CARDS else "TEL:020-5550100"
    lines = ("BEGIN:VCARD", "VERSION:3.0", f"UID:card-{card}", f"FN:Contact {card}", f"N:{card};Contact;;;", tel)
    return "\r\n".join([*lines, "END:VCARD", ""])


def _requests(server: DavServer) -> Mapping[str, int]:
    """Those in the server's log, by their method."""
    return Counter(re.findall(r"\] ([A-Z]+) request for ", server.log_path.read_text(errors="replace")))


def _since(server: DavServer, before: Mapping[str, int]) -> Mapping[str, int]:
    return {method: count - before.get(method, 0) for method, count in _requests(server).items()}


def _by_us(server: DavServer) -> tuple[Spent, Spent, Mapping[str, int], Mapping[str, int]]:
    """What removing took, what the proof took, and the requests of either."""
    url = empty_database("sqlite")
    vendor = STORES["carddav"](Connection(server.url, SERVICE, server.password(SERVICE)))
    context = context_on(url, vendor=vendor, policy=shipped_policy(limits=False))
    context.store.migrate()
    setup.found(context, "Invented organisation", demo=True)
    setup.put_connection(
        context,
        name="books",
        vendor="carddav",
        base_url=server.url,
        login=SERVICE,
        secret_file="",
        kinds=KINDS,
    )
    places = [
        f"worker-{book:02};Invented employer;Invented team;books;{server.book_url(_book(book))};device-{book:02}"
        for book in range(BOOKS)
    ]
    setup.import_places(context, "\n".join(["worker;employer;team;connection;address;devices", *places]))
    mapping = load_mapping(MAPPING)
    intake.take_in(context, open_export(write_rows(_register(), mapping, workspace(), NOW), mapping))
    sync.look_at_all(context)
    plan.make_plan(context)
    before = _requests(server)
    with spending() as spent:
        engine.drain(context, at_once=AT_ONCE)
    removing = _since(server, before)
    with context.store.read() as connection:
        assert orders.counts_by_state(connection) == {State.CHECKING: BOOKS * CARDS}
    before = _requests(server)
    with spending() as proof:
        verify.verify(context)
    proving = _since(server, before)
    with context.store.read() as connection:
        assert orders.counts_by_state(connection) == {State.DONE: BOOKS * CARDS}
    context.store.close()
    drop_database(url)
    return spent, proof, removing, proving


def _register() -> Sequence[Row]:
    """One closed case for every card."""
    since = datetime(2024, 1, 9, 8, tzinfo=UTC)
    rows: list[Row] = []
    for book in range(BOOKS):
        for card in range(CARDS):
            case = f"{book + 1:02}{card:04}"
            rows += [
                CaseRow(0, case, Phase.CLOSED, date(2024, 1, 9), NOW - timedelta(days=90), True),
                ContactRow(0, case, "A", ContactClass.CLIENT, _number(book, card), None, True),
                AssignmentRow(0, case, f"worker-{book:02}", "case worker", since),
            ]
    return rows


def _by_hand(server: DavServer, *, reads: bool) -> Spent:
    client = server.client()
    cards = [each for book in range(BOOKS) for each in _listed(client, book)]
    assert len(cards) == BOOKS * CARDS
    # A book that was once read by its changes keeps a history, of which a deletion costs the server more: as in ours.
    vendor = STORES["carddav"](Connection(server.url, SERVICE, server.password(SERVICE)))
    for book in range(BOOKS):
        vendor.look(Place(str(book), server.book_url(_book(book))), _nothing)
    login = b64encode(f"{SERVICE}:{server.password(SERVICE)}".encode()).decode()

    def delete(mine: Sequence[tuple[str, str]]) -> None:
        with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
            for path, etag in mine:
                if reads:
                    connection.request("GET", path, headers={"Authorization": f"Basic {login}"})
                    connection.getresponse().read()
                connection.request("DELETE", path, headers={"Authorization": f"Basic {login}", "If-Match": etag})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200

    # As ours: each thread has books of its own.
    share = len(cards) // AT_ONCE
    with ThreadPoolExecutor(AT_ONCE) as pool, spending() as spent:
        list(pool.map(delete, [cards[start : start + share] for start in range(0, len(cards), share)]))
    return spent


def _nothing(entries: Sequence[Sequence[Field]]) -> Sequence[Sequence[Reading]]:
    """A register that knows nobody."""
    return [[Reading() for _ in fields] for fields in entries]


def _listed(client: DavClient, book: int) -> Sequence[tuple[str, str]]:
    body = (
        b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
    )
    answer = client.request("PROPFIND", f"/{_book(book)}/", body, {"Depth": "1", "Content-Type": "application/xml"})
    found = [(path.decode(), etag.decode().replace("&quot;", '"')) for path, etag in _ETAG.findall(answer.body)]
    return [each for each in found if not each[0].endswith(f"card-{CARDS}.vcf")]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
