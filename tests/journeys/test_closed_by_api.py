"""A case closed by API while the next round is an hour away: gone and seen absent at once, but not under a hold."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.client import ANY, Assignment, Case, CaseContact, Client
from tests.journeys.office import Office
from tests.parts.dav import DavServer
from tests.parts.process import Child, answers, free_port

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(300)]

PATIENCE = 120.0
NOW = datetime.now(UTC).replace(microsecond=0)
AT_ONCE, SOON, HELD = "06-12345601", "06-12345602", "06-12345603"
CASES = {"240117": AT_ONCE, "240118": SOON, "240119": HELD}
LONG_AGO = NOW - timedelta(days=30)
GRACE = timedelta(days=14)
"""As the policy that is shipped has it."""


def card(number: str) -> bytes:
    uid = number[-2:]
    return (
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:Contact {uid}\r\nN:Contact;;;;\r\n"
        f"TEL;TYPE=CELL:{number}\r\nEND:VCARD\r\n"
    ).encode()


def case(number: str, *contacts: str, closed: datetime | None = None) -> Case:
    return Case(
        number,
        "investigation" if closed is None else "closed",
        [CaseContact("client", list(contacts), person="A")],
        [Assignment("worker-01", "2024-01-09")],
        opened_on="2024-01-09",
        closure_confirmed=None if closed is None else closed.strftime("%Y-%m-%dT%H:%M:%SZ"),
        recorded=True,
    )


def test_a_closed_case_is_gone_and_proven_although_the_next_round_is_far_away(
    radicale: DavServer, database_url: str, tmp_path: Path
) -> None:
    books = radicale.client()
    book = f"{radicale.home}/{tmp_path.name}"
    books.make_book(book)
    books.put_all(book, {"at-once.vcf": card(AT_ONCE), "soon.vcf": card(SOON), "held.vcf": card(HELD)})
    office = Office(tmp_path, database_url)
    places = tmp_path / "places.csv"
    places.write_text(f"worker;employer;connection;address\nworker-01;Employer;books;{radicale.book_url(book)}\n")
    office.set_up(radicale, places, (), login="service", log=False)
    token = office.say(
        *("token", "add", "system", "--scope", "cases:write", "--scope", "outcomes:read"),
        *("--case-system", "zaaksysteem", "--owner", "ict"),
    )["lines"][0].split()[-1]
    with at_work(office) as (url, children):

        def wait_for(there: Callable[[], bool]) -> None:
            until(there, office, children)

        client = Client(url, token)
        opened = [case(number, contact) for number, contact in CASES.items()]
        first, second, third = client.push_many([(each, ANY) for each in opened]).items

        client.push(case("240117", AT_ONCE, closed=LONG_AGO), if_match=first.etag)
        wait_for(lambda: states(office) == ["done"])
        assert client.outcome(first.case).proven == (("books", "store_removed", 1),)

        # Its grace ends in a moment, and nobody tells that anything happened then.
        client.push(case("240118", SOON, closed=datetime.now(UTC) + timedelta(seconds=2) - GRACE), if_match=second.etag)
        wait_for(lambda: states(office) == ["done", "done"])
        assert list(books.names(book)) == ["held.vcf"]

        hold = ("hold", "set", "--case", "240119", "--reason", "invented reason")
        uid = office.say(*hold, role="investigator")["lines"][0].split()[-1]
        client.push(case("240119", HELD, closed=LONG_AGO), if_match=third.etag)
        wait_for(lambda: is_decided(office, HELD, "defer"))
        assert (list(books.names(book)), states(office)) == (["held.vcf"], ["done", "done"])
        for role in ("investigator", "independent_officer"):
            office.say("hold", "release", uid, role=role)
        wait_for(lambda: states(office) == ["done"] * 3)
        assert list(books.names(book)) == []
    assert "round 2:" not in (tmp_path / "engine.log").read_text()
    office.say("log", "verify")


@contextmanager
def at_work(office: Office) -> Iterator[tuple[str, Sequence[Child]]]:
    """Pages and an engine, each a process of its own; the pages' address."""
    port = free_port()
    url = f"http://localhost:{port}"
    environ = office.environ | {"CLOSEOUT_WEB_LISTEN": f"127.0.0.1:{port}", "CLOSEOUT_WEB_URL": url}
    pages = start(office, "pages.log", environ, "serve")
    engine = start(office, "engine.log", environ, "engine", "--every", "3600")
    try:
        pages.wait_until(lambda: answers(port))
        until(lambda: count(office, "engine_sign") == 1, office, (engine,))
        yield url, (pages, engine)
    finally:
        engine.stop()
        pages.stop()


def start(office: Office, log: str, environ: dict[str, str], *words: str) -> Child:
    return Child(
        [sys.executable, "-m", "server", *words],
        cwd=Path(__file__).parents[2],
        log_path=office.folder / log,
        environment={**os.environ, **environ},
    )


def until(there: Callable[[], bool], office: Office, children: Sequence[Child]) -> None:
    """Until it is so; a process that ends before, or patience that does, is the failure."""
    end = time.monotonic() + PATIENCE
    while not there():
        assert all(each.alive for each in children), [each.log_since_start() for each in children]
        assert time.monotonic() < end, [each.log_since_start() for each in children]
        time.sleep(0.1)


def count(office: Office, table: str) -> int:
    return int(office.ask(f"SELECT count(*) AS count FROM {table}")[0].count)


def states(office: Office) -> list[str]:
    return [row.state for row in office.ask("SELECT state FROM orders ORDER BY id")]


def is_decided(office: Office, number: str, decision: str) -> bool:
    """Whether nothing is left to decide of a contact, and this is what was decided."""
    (token,) = office.tokens(number)
    rows = office.ask(
        "SELECT i.token, p.decision, p.due_at, p.decided_at FROM pair p JOIN identifier i ON i.id = p.identifier_id"
    )
    return [
        row.decision for row in rows if bytes(row.token) == token and (row.due_at or math.inf) > row.decided_at
    ] == [decision]
