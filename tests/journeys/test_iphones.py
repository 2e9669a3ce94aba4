"""A closed case through real servers to iPhones: NanoMDM and KMFDDM manage them, Radicale has the contacts.

All is worked by the command, and NanoMDM's events arrive at the pages. The phones are simulated: one
follows what it is asked, with the account that its profile gave it; the other is off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server import app
from server.core.model import ContactClass, Phase
from server.settings import read_settings
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from tests.conftest import LOGINS, part_missing
from tests.journeys.office import Office
from tests.journeys.test_closed_case import card
from tests.parts import PartMissingError
from tests.parts.apple_managers import API_KEY, EVENTS_KEY, TOPIC, AppleManagers, apple_managers
from tests.parts.dav import DavServer
from tests.parts.phone import Phone

pytestmark = [pytest.mark.parts, pytest.mark.integration, pytest.mark.timeout(300)]

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
LONG_AGO = NOW - timedelta(days=400)
CLIENT, PRIVATE = "06-12345601", "06-12345699"
AWAKE, OFF = "00008101-0000000000000001", "00008101-0000000000000002"


@dataclass
class Field:
    """Two workers with a book and an iPhone each; the second phone is off from the day it was set up."""

    office: Office
    managers: AppleManagers
    books: DavServer
    address_books: Mapping[str, Phone]
    wait: Callable[[timedelta], None]

    def live(self) -> None:
        """The phone that was woken checks in with its MDM, and fetches its account's contacts."""
        assert AWAKE in self.managers.woken()
        self.managers.act(AWAKE)
        self.address_books[AWAKE].sync()

    def numbers(self, ref: str) -> list[str]:
        cards = self.address_books[ref].cards()
        return sorted(line.partition(":")[2] for each in cards for line in each.splitlines() if line.startswith("TEL"))

    def evidence(self) -> Sequence[tuple[str, str]]:
        """What raised any order beyond the store's own proof: which worker, and how far."""
        return [
            (row.ref, row.level)
            for row in self.office.ask(
                "SELECT w.ref, e.level FROM evidence e JOIN orders o ON o.id = e.order_id"
                " JOIN worker w ON w.id = o.worker_id ORDER BY w.ref"
            )
        ]

    def asks(self, worker: int) -> Mapping[str, set[str]]:
        """What a worker's phone was asked, by how far it came."""
        found: dict[str, set[str]] = {}
        for row in self.office.ask(
            "SELECT a.what, a.state FROM phone_ask a JOIN phone p ON p.id = a.phone_id"
            f" JOIN worker w ON w.id = p.worker_id WHERE w.ref = 'worker-0{worker}'"
        ):
            found.setdefault(row.state, set()).add(row.what)
        return found


def register(folder: Path) -> list[Path]:
    rows: list[Row] = [
        CaseRow(2, "100001", Phase.CLOSED, LONG_AGO.date(), LONG_AGO + timedelta(days=300), recorded=True),
        ContactRow(2, "100001", "A", ContactClass.CLIENT, CLIENT),
        AssignmentRow(2, "100001", "worker-01", "handler", LONG_AGO),
        AssignmentRow(2, "100001", "worker-02", "handler", LONG_AGO),
    ]
    return write_rows(rows, load_mapping("generic-en"), folder, NOW)


def places(folder: Path, server: DavServer) -> Path:
    file = folder / "places.csv"
    lines = ["worker;employer;connection;address;devices;logins"]
    for n in (1, 2):
        book = server.book_url(f"service/book-{n}")
        lines.append(f"worker-0{n};Employer;books;{book};iphone-{n};phone-0{n}")
    file.write_text("\n".join(lines))
    return file


def secret(file: Path, text: str | bytes) -> str:
    file.touch(mode=0o600)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def set_up(office: Office, managers: AppleManagers, server: DavServer) -> None:
    """The store, the manager, and which profile each phone gets with what it has of its own."""
    folder, home = office.folder, office.folder / "installation"
    for n in (1, 2):
        client = server.client()
        client.make_book(f"service/book-{n}")
        client.put_all(
            f"service/book-{n}",
            {"client.vcf": card("1", "+31 6 1234 5601").encode(), "private.vcf": card("2", PRIVATE).encode()},
        )
    office.set_up(server, places(folder, server), register(folder), login="service", log=True)
    key = secret(folder / "events.key", EVENTS_KEY)
    office.say(
        *("connection", "put", "apple", "--vendor", "nanomdm", "--url", managers.url),
        *("--secret-file", secret(folder / "api.key", API_KEY)),
        *("--option", f"topic={TOPIC}", "--option", f"events_key_file={key}"),
    )
    (home / "profiles").mkdir()
    (home / "profiles.yaml").write_text(
        "profiles:\n  - connection: apple\n    template: contact-account-carddav\n    phones: phones.csv\n"
        f"    values: {{host: 127.0.0.1, port: {server.port}, path: /service/}}\n"
        "  - {connection: apple, template: protection}\n"
    )
    own = [f"{ref},phone-0{n},{LOGINS[f'phone-0{n}']}" for n, ref in ((1, AWAKE), (2, OFF))]
    secret(home / "profiles" / "phones.csv", "\n".join(["phone,login,password", *own, ""]))


@contextmanager
def pages_of(office: Office) -> Iterator[Callable[[Mapping[str, str], bytes], int]]:
    """Gives an event to the pages of this installation; how they answered."""
    settings = read_settings(office.environ)
    store = app.open_store(settings)
    pages = app.make_pages(settings, store, app.read_keys(settings), listen="127.0.0.1:80")

    def deliver(headers: Mapping[str, str], body: bytes) -> int:
        proof = {"X-Hmac-Signature": headers["x-hmac-signature"], "Host": "127.0.0.1:80"}
        return pages.test_client().post("/api/events/apple", data=body, headers=proof).status_code

    yield deliver
    store.close()


def account_on(managers: AppleManagers, ref: str, folder: Path, book: str) -> Phone:
    """The phone's own address book, by the account that its profile gave it and nothing else."""
    (payload,) = managers.phones[ref].profiles["nl.closeout.contacts"]["PayloadContent"]
    url = f"http://{payload['CardDAVHostName']}:{payload['CardDAVPort']}{payload['CardDAVPrincipalURL']}{book}/"
    return Phone(folder / ref, url, payload["CardDAVUsername"], payload["CardDAVPassword"])


@pytest.fixture
def field(tmp_path: Path, radicale: DavServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Field]:
    waited = [timedelta()]

    def clock() -> datetime:
        return datetime.now(UTC) + sum(waited, timedelta())

    monkeypatch.setattr(app, "system_clock", clock)
    monkeypatch.setitem(app.make_context.__kwdefaults__, "clock", clock)
    office = Office(tmp_path, f"sqlite:///{tmp_path / 'closeout.db'}")
    try:
        with apple_managers() as managers:
            set_up(office, managers, radicale)
            with pages_of(office) as deliver:
                answered: list[int] = []
                managers.webhook.hears = lambda *event: answered.append(deliver(*event))
                enrol(office, managers)
                books = {ref: account_on(managers, ref, tmp_path, f"book-{n}") for n, ref in ((1, AWAKE), (2, OFF))}
                for book in books.values():
                    book.sync()
                yield Field(office, managers, radicale, books, waited.append)
                managers.settle()
                assert set(answered) == {200}
    except PartMissingError as missing:
        part_missing(str(missing))


def enrol(office: Office, managers: AppleManagers) -> None:
    """Both phones come under management, are said to be whose they are, and get their profiles."""
    for ref in (AWAKE, OFF):
        managers.enrol(ref)
    managers.settle()
    file = office.folder / "devices.csv"
    lines = [f"iphone-{n},worker-0{n},Employer,apple,{ref}" for n, ref in ((1, AWAKE), (2, OFF))]
    file.write_text("\n".join(["device,worker,employer,connection,phone", *lines, ""]))
    office.say("device", "import", str(file))
    office.say("device", "refresh")
    for kind in ("contact_account", "protection"):
        office.say("profile", "push", "apple", kind)
    for ref in (AWAKE, OFF):
        managers.act(ref)


def copies(office: Office) -> Mapping[str, Any]:
    """Of the report of removals: for how many of the phones' copies each level was reached."""
    folder = office.folder / "reports"
    office.say("report", "removals", "--out", str(folder), role="privacy_officer")
    (file,) = folder.glob("*.json")
    (levels,) = [each for each in json.loads(file.read_text())["sections"] if each["key"] == "evidence"]
    return {row["level"]["code"]: row["copies"] for row in levels["rows"] if row["copies"] is not None}


def test_a_closed_case_reaches_the_phone_that_is_awake_and_is_said_of_no_other(field: Field) -> None:
    office, managers = field.office, field.managers
    before = len(managers.woken())
    for ref in (AWAKE, OFF):
        assert set(managers.phones[ref].profiles) == {"nl.closeout.contacts", "nl.closeout.protection"}
    assert field.numbers(AWAKE) == field.numbers(OFF) == ["+31 6 1234 5601", PRIVATE]

    office.say("run")
    office.say("verify")
    field.wait(timedelta(hours=1))  # phones were asked when they were set up, and are left alone for a while
    office.say("verify")

    # Gone from both books and proven there; both phones were woken, and neither has been in touch since.
    assert [row.state for row in office.ask("SELECT state FROM orders")] == ["done", "done"]
    assert [field.books.client().names(f"service/book-{n}") for n in (1, 2)] == [("private.vcf",)] * 2
    assert set(managers.woken()[before:]) == {AWAKE, OFF}
    assert field.evidence() == []
    assert [field.asks(n)["accepted"] for n in (1, 2)] == [{"sync", "posture"}] * 2

    field.live()
    office.say("verify")

    # The phone that is awake answered, fetched with its own login, and has the private number alone.
    assert (field.numbers(AWAKE), field.numbers(OFF)) == ([PRIVATE], ["+31 6 1234 5601", PRIVATE])
    assert field.evidence() == [("worker-01", "device_synced")]
    assert [field.asks(n).get("accepted", set()) for n in (1, 2)] == [set(), {"sync", "posture"}]
    # What is proven of the two copies, and what is not: nobody looked on a phone, and no account is gone.
    assert copies(office) == {
        "device_synced": {"part": 1, "whole": 2},
        "device_attested": {"part": 0, "whole": 2},
        "container_removed": {"part": 0, "whole": 2},
    }
    office.say("log", "verify")
