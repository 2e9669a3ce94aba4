"""A year of one worker with 37 clients, through the command and on a real Radicale, with the clock moved by hand.

Numbers are overwritten and corrected in the case system, closures stay unconfirmed, exports fail for weeks, cases go to
monitoring, are handed over and opened again, and a colleague's clients stand in the book. At the end the story names
every contact that is still on the phone, with the reason; there is none that nobody decided about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server import app
from server.core.model import ContactClass, Phase
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, MomentRow, Row
from server.sources.writing import write_rows
from tests.journeys.office import Office
from tests.parts.dav import DavClient, DavServer

pytestmark = [pytest.mark.parts, pytest.mark.integration]

BEGUN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CLIENTS = 37
PRIVATE = ("06-43210001", "06-43210002")


def number_of(client: int) -> str:
    return f"06-12345{600 + client}"


def new_number_of(client: int) -> str:
    return f"06-12345{700 + client}"


@dataclass
class Case:
    """A client's case as the case system has it now."""

    client: int
    numbers: list[str]
    worker: str = "worker-01"
    phase: Phase = Phase.INVESTIGATION
    closed_at: datetime | None = None
    recorded: bool = True
    planned: tuple[date, ...] = ()
    left: datetime | None = None
    heir: str | None = None

    @property
    def number(self) -> str:
        return f"{100000 + self.client}"

    def rows(self) -> Iterator[Row]:
        yield CaseRow(2, self.number, self.phase, BEGUN.date(), self.closed_at, self.recorded)
        for nth, number in enumerate(self.numbers):
            yield ContactRow(2, self.number, "AB"[nth], ContactClass.CLIENT, number)
        yield AssignmentRow(2, self.number, self.worker, "handler", BEGUN - timedelta(days=90), self.left)
        if self.heir:
            yield AssignmentRow(2, self.number, self.heir, "handler", self.left or BEGUN)
        for day in self.planned:
            yield MomentRow(2, self.number, self.worker, day)


@dataclass
class Year:
    """The office, the book, the case system, and the clock."""

    office: Office
    client: DavClient
    book: str
    folder: Path
    cases: dict[int, Case]
    now: datetime = BEGUN
    cards: dict[str, str] = field(default_factory=dict)

    def put(self, number: str) -> None:
        """The worker writes a number into their phone."""
        name = f"card-{number[-8:].replace('-', '')}.vcf"
        lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{name}", f"FN:Contact {name}", "N:Contact;;;;"]
        card = "\r\n".join([*lines, f"TEL;TYPE=CELL:{number}", "END:VCARD", ""])
        self.client.put_all(self.book, {name: card.encode()})
        self.cards[number] = name

    def days(self, count: int, *, exports: bool = True) -> None:
        """So many days go by, in steps of two weeks; at each an export comes in, unless it fails, and a run is made."""
        while count > 0:
            self.now += timedelta(days=min(count, 14))
            count -= 14
            if exports:
                self.export()
            self.work()

    def export(self) -> None:
        rows = [row for case in self.cases.values() for row in case.rows()]
        files = write_rows(rows, load_mapping("generic-en"), self.folder, self.now)
        self.office.say("cases", "import", *map(str, files), "--mapping", "generic-en", "--confirm")

    def work(self) -> None:
        self.office.say("run")
        self.office.say("verify")

    def close(self, *clients: int, confirmed: bool = True, recorded: bool = True) -> None:
        for each in clients:
            case = self.cases[each]
            case.phase, case.closed_at = Phase.CLOSED, self.now if confirmed else None
            case.recorded = recorded

    def there(self) -> set[str]:
        """The numbers that are in the book."""
        names = set(self.client.names(self.book))
        return {number for number, name in self.cards.items() if name in names}

    def decided(self, number: str) -> tuple[str, str] | None:
        """What was decided of a number with the worker; None: nothing ever was."""
        (token,) = self.office.tokens(number)
        rows = self.office.ask(
            "SELECT identifier.token, pair.decision, pair.reason FROM pair JOIN identifier"
            " ON identifier.id = pair.identifier_id JOIN worker ON worker.id = pair.worker_id"
            " WHERE worker.ref = 'worker-01'"
        )
        found = [(row.decision, row.reason) for row in rows if bytes(row.token) == token]
        return found[0] if found else None

    def waits(self) -> Sequence[Mapping[str, Any]]:
        """What waits for a person, as a privacy officer is shown it."""
        (section,) = self.office.say("review", "list", role="privacy_officer")["sections"]
        rows: Sequence[Mapping[str, Any]] = section["rows"]
        return rows

    def left_over(self) -> dict[str, tuple[str, str] | None]:
        """Every client's number that is still on the phone, with what was decided of it and why."""
        return {number: self.decided(number) for number in sorted(self.there() - set(PRIVATE))}


@pytest.fixture
def year(radicale: DavServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Year:
    client = radicale.client()
    book = f"{radicale.home}/{tmp_path.name}"
    client.make_book(book)
    office = Office(tmp_path, f"sqlite:///{tmp_path / 'closeout.db'}")
    cases = {each: Case(each, [number_of(each)]) for each in range(1, CLIENTS + 1)}
    cases |= {each: Case(each, [number_of(each)], worker="worker-02") for each in (51, 52, 53)}
    year = Year(office, client, book, tmp_path, cases)

    def clock() -> datetime:
        return year.now

    monkeypatch.setattr(app, "system_clock", clock)
    monkeypatch.setitem(app.make_context.__kwdefaults__, "clock", clock)
    for number in (*map(number_of, [*range(1, CLIENTS + 1), 51, 52, 53]), *PRIVATE):
        year.put(number)
    places = tmp_path / "places.csv"
    places.write_text(
        f"worker;employer;team;connection;address\nworker-01;Employer;team-1;books;{radicale.book_url(book)}\n"
    )
    rows = [row for case in cases.values() for row in case.rows()]
    files = write_rows(rows, load_mapping("generic-en"), tmp_path, year.now)
    office.set_up(radicale, places, files, login="service", log=False)
    return year


@pytest.mark.timeout(600)
def test_a_year_of_one_worker_with_37_clients_leaves_no_contact_out_of_sight(year: Year) -> None:
    office = year.office
    office.say("look")
    office.say("plan")
    asked = office.ask("SELECT kind, pilot FROM finding")
    assert {(row.kind, bool(row.pilot)) for row in asked} == {("without_assignment", True)}
    assert len(asked) == 3, "a colleague's clients are a question before anything is carried out"
    year.days(2)
    assert not any(row.pilot for row in office.ask("SELECT pilot FROM finding"))

    # Eight numbers are overwritten, as in the incident; two of them were slips of the same week.
    overwritten, slips = range(1, 7), (7, 8)
    for each in slips:
        year.cases[each].numbers = [new_number_of(each)]
    year.days(3)
    year.days(55)
    for each in overwritten:
        year.cases[each].numbers = [new_number_of(each)]
    year.days(14)
    assert len(office.ask("SELECT 1 FROM finding WHERE kind = 'number_overwritten' AND closed_at IS NULL")) == 8
    assert {number_of(each) for each in (51, 52, 53)} & year.there() == set(), "never assigned: grace, then gone"

    # Cases end, in several ways.
    year.close(*range(1, 15))
    year.close(15, 16, 17, confirmed=False)
    year.close(18, 19, recorded=False)
    for each, planned in ((20, 60), (21, 300), (22, None)):
        case = year.cases[each]
        case.phase = Phase.MONITORING
        case.planned = () if planned is None else ((year.now + timedelta(days=planned)).date(),)
    for each in (23, 24):
        year.cases[each].left, year.cases[each].heir = year.now, "worker-02"
    year.export()
    year.work()
    assert {number_of(each) for each in range(1, 15)} <= year.there(), "in the days of grace nothing goes"

    # Exports fail for three weeks: nothing is decided, and nothing goes.
    before = year.there()
    year.days(21, exports=False)
    assert year.there() == before
    stale = office.ask("SELECT reason FROM pair WHERE reason = 'register_stale'")
    assert len(stale) == 16, "all that had become due"
    waits = year.waits()
    assert all(row["days"] >= 0 for row in waits)

    # They come in again and tell nothing new: a plain run returns to all of it.
    year.days(14)
    gone = {number_of(each) for each in (*overwritten, *range(9, 15), 23, 24)}
    assert {each: year.decided(each) for each in gone & year.there()} == {}
    assert {number_of(each) for each in slips} <= year.there(), "it may be a stranger's"

    # One case is opened again, and closed; the worker writes one number into the phone again.
    year.cases[9].phase, year.cases[9].closed_at = Phase.INVESTIGATION, None
    year.put(number_of(9))
    year.put(number_of(10))
    year.days(14)
    assert number_of(9) in year.there()
    assert number_of(10) not in year.there(), "what comes back goes again"
    assert office.ask("SELECT case_id FROM finding WHERE kind = 'reappeared' AND case_id IS NOT NULL")
    year.close(9)

    # The clock runs ahead for an hour's work, and is put right.
    here = year.now
    year.now += timedelta(days=400)
    office.say("run")
    year.now = here
    year.days(98)

    # A privacy officer decides about what waits for them.
    waits = year.waits()
    for row in waits:
        if row["reason"]["code"] == "not_recorded":
            office.say(
                *("review", "answer", row["review"], "--say", "recorded", "--reason", "Seen in the case file."),
                role="privacy_officer",
            )
    slip = next(row for row in waits if row["reason"]["code"] == "former_number")
    office.say(
        *("review", "answer", slip["review"], "--say", "theirs", "--reason", "The worker was asked."),
        role="privacy_officer",
    )
    year.days(126)

    left = year.left_over()
    kept = {number: why for number, why in left.items() if why == ("keep", "assigned")}
    assert set(kept) == {number_of(each) for each in range(25, CLIENTS + 1)}
    named = {number: why for number, why in left.items() if number not in kept}
    slips_left = {number for number, why in named.items() if why == ("review", "former_number")}
    assert slips_left < {number_of(each) for each in slips}
    assert len(slips_left) == 1
    assert {number: why for number, why in named.items() if number not in slips_left} == {
        number_of(22): ("review", "plan_unknown"),  # in monitoring, and nobody said from which day the months count
        **{number_of(each): ("review", "closure_unconfirmed") for each in (15, 16, 17)},
    }
    listed = year.waits()
    assert len(listed) == len(named) == 5
    assert all(row["days"] > 100 and row["turn"] and row["advice"] for row in listed)
    assert set(PRIVATE) <= year.there()
    figures = office.figures(year.folder / "reports")
    assert (figures["reviews"], figures["stay"], figures["under_way"], figures["stuck"]) == (5, 10, 0, 0)
    office.say("log", "verify")
