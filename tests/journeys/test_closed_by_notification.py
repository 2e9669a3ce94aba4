"""A case service tells that a case ended: gone and seen absent at once; what it did not tell of a poll finds."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from server.client import ANY, Client
from tests.journeys.office import Office
from tests.journeys.test_closed_by_api import at_work, card, case, states, until
from tests.parts.dav import DavServer
from tests.vendors.notificaties import API, NotificationService, notification
from tests.vendors.serving import served
from tests.vendors.zaken import ZAKEN, CasesService

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(300)]

CASES = {f"24012{n}": f"06-1234561{n}" for n in range(4)}
LONG_AGO = (datetime.now(UTC) - timedelta(days=60)).date().isoformat()


def deliver(address: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
    """As the service does: the status of the answer."""
    asked = urllib.request.Request(address, json.dumps(body).encode(), dict(headers), method="POST")
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


def test_what_a_notification_told_of_is_gone_and_what_was_lost_a_poll_finds(
    radicale: DavServer, database_url: str, tmp_path: Path
) -> None:
    books = radicale.client()
    book = f"{radicale.home}/{tmp_path.name}"
    books.make_book(book)
    books.put_all(book, {f"{number}.vcf": card(contact) for number, contact in CASES.items()})
    office = Office(tmp_path, database_url)
    places = tmp_path / "places.csv"
    places.write_text(f"worker;employer;connection;address\nworker-01;Employer;books;{radicale.book_url(book)}\n")
    office.set_up(radicale, places, (), login="service", log=False)
    cases, service = CasesService(), NotificationService(deliver)
    with served(cases) as host, served(service) as address:
        cases.host, service.host = host, address
        connect(office, cases, f"{address}{API}")
        token = office.say(
            *("token", "add", "system", "--scope", "cases:write", "--scope", "outcomes:read"),
            *("--case-system", "zaaksysteem", "--owner", "ict"),
        )["lines"][0].split()[-1]
        with at_work(office) as (url, children):
            office.environ["CLOSEOUT_WEB_URL"] = url
            client = Client(url, token)
            items = client.push_many([(case(number, contact), ANY) for number, contact in CASES.items()]).items
            assert office.say("cases", "subscribe", "zaken")["key"] == "subscribed"
            for nth, number in enumerate(CASES):
                cases.open(number)
                cases.close(number, LONG_AGO)
                if nth % 2 == 0:  # every second message is lost
                    assert service.tell(notification(cases.case(number)["url"])) == [204]
            until(lambda: states(office) == ["done", "done"], office, children)
            assert client.outcome(items[0].case).proven == (("books", "store_removed", 1),)
            assert sorted(books.names(book)) == ["240121.vcf", "240123.vcf"]

            polled = office.say("cases", "poll", "zaken")
            assert polled["lines"][1] == "Newly closed: 2. Reopened: 0."
            assert polled["lines"][2].startswith("Changes that no notification told of: 2.")
            until(lambda: states(office) == ["done"] * 4, office, children)
            assert list(books.names(book)) == []

            cases.reopen("240120")
            assert service.tell(notification(cases.case("240120")["url"])) == [204]
            until(lambda: phase(office, "240120") == "investigation", office, children)
        assert "round 2:" not in (tmp_path / "engine.log").read_text()
    office.say("log", "verify")


def connect(office: Office, cases: CasesService, notifications: str) -> None:
    secret = office.folder / "zaken.key"
    secret.write_text(cases.secret)
    secret.chmod(0o600)
    office.say(
        *("connection", "put", "zaken", "--vendor", "zgw-klantcontact", "--url", cases.host + ZAKEN),
        *("--login", cases.client, "--secret-file", str(secret), "--option", "case_system=zaaksysteem"),
        *("--option", "end_status=confirms", "--option", f"notifications_url={notifications}"),
    )


def phase(office: Office, number: str) -> str:
    (row,) = office.ask(f"SELECT phase FROM cases WHERE number = '{number}'")
    return str(row.phase)
