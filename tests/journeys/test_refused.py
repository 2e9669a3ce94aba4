"""A server that refuses the password, or asks to be left alone, is left alone: by every order and every thread."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.core.model import ContactClass, Phase
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from tests.journeys.office import Office
from tests.vendors.dav_flavours import LOGIN, NEXTCLOUD, PASSWORD, FlavouredServer
from tests.vendors.members import card, tel
from tests.vendors.serving import served

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
LONG_AGO = NOW - timedelta(days=400)
BOOKS, ORDERS = 6, 30


def register(folder: Path) -> list[Path]:
    """Closed cases, one number each, spread over the workers."""
    rows: list[Row] = []
    for number in range(ORDERS):
        case, line = f"1000{number:02d}", number + 2
        rows += [
            CaseRow(line, case, Phase.CLOSED, LONG_AGO.date(), LONG_AGO + timedelta(days=300), recorded=True),
            ContactRow(line, case, "A", ContactClass.CLIENT, f"06-123456{number:02d}"),
            AssignmentRow(line, case, f"worker-{number % BOOKS}", "handler", LONG_AGO),
        ]
    return write_rows(rows, load_mapping("generic-en"), folder, NOW)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"WWW-Authenticate": 'Basic realm="dav"'}),
        (429, {"Retry-After": "120"}),
        (503, {"Retry-After": "120"}),
    ],
)
def test_one_call_tells_a_run_all_it_will_ask(status: int, headers: dict[str, str], tmp_path: Path) -> None:
    server = FlavouredServer(NEXTCLOUD)
    for number in range(BOOKS):
        book = server.add(f"book-{number}")
        for at in range(number, ORDERS, BOOKS):
            book.put(f"{at}.vcf", card(at, *tel(f"06-123456{at:02d}")))
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    places = tmp_path / "places.csv"
    lines = [f"worker-{number};Employer;books;{server.address(f'book-{number}')}" for number in range(BOOKS)]
    places.write_text("worker;employer;connection;address\n" + "\n".join(lines) + "\n")
    office = Office(tmp_path, f"sqlite:///{tmp_path / 'closeout.db'}")
    with served(server) as url:
        office.say("init", "Invented organisation", "--demo")
        office.say(
            *("connection", "put", "books", "--vendor", "carddav", "--url", url),
            *("--login", LOGIN, "--secret-file", str(secret)),
        )
        office.say("place", "import", str(places))
        office.say("cases", "import", *map(str, register(tmp_path)), "--mapping", "generic-en")
        office.say("look")
        server.closed = (status, headers)
        asked = []
        for command in ("look", "run", "verify"):
            before = len(server.asked)
            office.say(command, status=1 if command != "verify" else 0)
            asked.append(len(server.asked) - before)
        server.closed = None
        planned = [row.state for row in office.ask("SELECT state FROM orders")]

    assert asked[:2] == [1, 1]
    assert asked[2] <= 1
    assert len(planned) == ORDERS
    assert sum(len(book.cards) for book in server.books.values()) == ORDERS, "nothing was removed, and nothing is lost"
