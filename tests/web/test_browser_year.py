"""A year of "more than 90% for work" in a real browser: one worker and one privacy officer, each in their own language.

Signing and countersigning, the loan agreement, a bill each month, sick leave, exactly 90%, a figure that is contested
and answered, a feed that cannot tell, the yearly conversation, the check of BIO2 8.01.02, renewal, a phone handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server import app as root
from server.core.model import ContactClass, Phase
from server.core.usage.evidence_rules import EvidenceRules
from server.sources.case_file import open_export
from server.sources.lists import load_list_mapping
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, MomentRow
from server.sources.usage_mapping import load_usage_mapping
from server.sources.writing import write_rows
from server.store.usage import months
from server.work.admin import setup
from server.work.register import intake
from server.work.usage import feeds, rosters
from tests.web.test_browser import NARROW, _browser, axe, expect, expect_text, go, live, open_page
from tests.web.test_browser_acts import look_at
from tests.web.town import Clock, Town, channel_catalogue, found_town

__all__ = ["_browser", "axe", "live", "open_page"]

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("browser")]

BEGUN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CLIENT, COLLEAGUE, STRANGER = "06-12345601", "06-55550001", "06-43210001"
PLACES = "worker;employer;team;connection;address;devices\n"


class YearTown(Town):
    """A town where a signature holds for a year, so that one year has a renewal in it."""

    def evidence_rules(self) -> EvidenceRules:
        rules = super().evidence_rules()
        return replace(rules, declarations=replace(rules.declarations, validity_months=12))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Six workers with a phone each, and a directory with a colleague's number; nothing has happened yet."""
    folder = tmp_path / "year"
    found_town(folder, f"sqlite:///{tmp_path / 'year.db'}").close()
    town = YearTown(folder, f"sqlite:///{tmp_path / 'year.db'}", Clock(BEGUN), {})
    setup.put_connection(
        town.context, name="books", vendor="carddav", base_url="http://127.0.0.1:5232/", login="service",
        secret_file="", kinds=root.KINDS,
    )  # fmt: skip
    lines = [f"worker-0{n};Employer 1;team 1;books;worker-0{n};phone-{n}" for n in range(1, 7)]
    setup.import_places(town.context, PLACES + "\n".join(lines))
    mapping = load_mapping("generic-en")
    rows = [
        CaseRow(2, "111111", Phase.INVESTIGATION, BEGUN.date(), None, recorded=True),
        ContactRow(2, "111111", "A", ContactClass.CLIENT, CLIENT),
        AssignmentRow(2, "111111", "worker-01", "case worker", BEGUN, None),
        MomentRow(2, "111111", "worker-01", BEGUN.date()),
        ContactRow(3, None, None, ContactClass.COLLEAGUE, COLLEAGUE),
    ]
    files = write_rows(rows, mapping, folder, BEGUN)
    assert intake.take_in(town.context, open_export(files, mapping), confirmed=True).applied is not None
    yield town
    town.close()


def bill(town: Town, month: int, *, business: int, private: int = 0, unknown: int = 0) -> None:
    """The operator's bill of a month of the first phone, which is taken in on the third day after it."""
    first, last = months.bounds(months.month_of(date(2026, month, 1)))
    days = (last - first).days + 1
    kinds = [(COLLEAGUE, "zakelijk")] * business + [(STRANGER, "privé")] * private + [(STRANGER, "zakelijk")] * unknown
    rows = [
        f"phone-1;{first + timedelta(days=n % days)} 10:00:00;{number};uit;60;{word}"
        for n, (number, word) in enumerate(kinds)
    ]
    file = town.folder / f"bill-{month}.csv"
    file.write_text("Toestel;Datum;Ander nummer;Richting;Duur in seconden;Zakelijk of privé\n" + "\n".join(rows) + "\n")
    town.clock.now = datetime(last.year, last.month, last.day, 9, tzinfo=UTC) + timedelta(days=3)
    taken = feeds.take_in_usage(
        town.context, [file], load_usage_mapping("invented-telecom-bill"), channel_catalogue(), town.evidence_rules(),
        period=(first, last),
    )  # fmt: skip
    assert taken.rows == len(rows)


def sick_leave(town: Town, first: str, last: str) -> None:
    file = town.folder / "absence.csv"
    file.write_text(f"Medewerker;Van;Tot en met\nworker-01;{first};{last}\n")
    mapping = load_list_mapping("absence")
    assert mapping is not None
    assert rosters.take_in_list(town.context, file, mapping, channel_catalogue()).rows == 1


def worker(open_page: Any, ref: str = "worker-01") -> Any:
    """Their own page, in Dutch, on a phone."""
    page = open_page("nl", "light", NARROW)
    page.goto("/sign-in")
    page.locator("select[name=worker]").select_option(ref)
    go(page, page.locator("form:has(select[name=worker]) button").first.click)
    page.goto("/my-declaration")
    return page


def officer(open_page: Any) -> Any:
    """The register of declarations, in English."""
    page = open_page()
    page.goto("/sign-in")
    go(page, page.get_by_role("button", name="Privacy officer", exact=True).click)
    page.goto("/declarations")
    return page


def first_phone(page: Any) -> Any:
    return go(page, page.get_by_role("link", name="phone-1", exact=True).click)


def says(page: Any, *texts: str) -> None:
    for text in texts:
        expect(page.get_by_text(text).first).to_be_visible()


def sign_anew(page: Any) -> None:
    page.get_by_label("Ik heb deze tekst gelezen").check()
    page.get_by_role("button", name="Tekenen", exact=True).click()
    expect_text(page, "De ondertekening is vastgelegd.")


def countersign(page: Any) -> None:
    page.get_by_label("Who signs for the employer").fill("head of unit 2")
    page.get_by_role("button", name="Record that the employer signed").click()
    expect_text(page, "It is recorded that the employer signed.")


def test_the_year_of_the_90_percent_is_fair_to_its_worker(town: Town, open_page: Any, live: Any, axe: str):
    # January: the phone is handed out, signed for by both, with a loan agreement.
    own = worker(open_page)
    says(own, "Niet ondertekend", "Van deze telefoon tellen we niets.")
    sign_anew(own)
    register = officer(open_page)
    register.get_by_role("button", name="Check all declarations now").click()
    one = first_phone(register)
    says(one, "Not signed by the employer yet")
    countersign(one)
    one.get_by_label("Day of the signature").fill("2026-01-05")
    one.get_by_label("Reference of the loan agreement").fill("L-1")
    one.get_by_label("The scan").set_input_files({"name": "s.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1"})
    one.get_by_role("button", name="Record the signature").click()
    says(one, "The signature is recorded.", "Valid")
    loan = one.locator("dl.facts div", has_text="Loan agreement").locator("dd")
    expect(loan).to_have_text("Signed")
    # A first bill is little: that is said as what it is, and looked at again.
    bill(town, 1, business=20)
    own = worker(open_page)
    says(own, "Te weinig om iets te zeggen", "Weinig gebruik")
    expect(own.get_by_text("Niet boven het aandeel uit de verklaring")).to_have_count(0)
    # Spring: well above the line.
    for month in (2, 3):
        bill(town, month, business=96, private=4)
    own = worker(open_page)
    says(own, "Boven het aandeel uit de verklaring", "geen tweede simkaart", "fair use")
    # Sick from April to June's middle: what happens on the phone then is nobody's figure. What is left is exactly 90%.
    sick_leave(town, "2026-04-01", "2026-05-31")
    for month in (4, 5):
        bill(town, month, business=0, private=60)
    bill(town, 6, business=90, private=10)
    own = worker(open_page)
    says(own, "Precies op de grens", "90,0%")
    assert look_at(own, axe, "year-exactly-90", NARROW) == []
    # The worker contests it; the officer reads and answers; it stands beside the figure.
    own.get_by_label("Wat je wilt zeggen").fill("De tien waren gesprekken met de bedrijfsarts.")
    own.get_by_role("button", name="Versturen").click()
    says(own, "Wat je schreef is vastgelegd")
    one = first_phone(officer(open_page))
    says(one, "Exactly on the line", "De tien waren gesprekken met de bedrijfsarts.", "not answered yet")
    one.get_by_role("button", name="It was answered").click()
    says(one, "It is recorded that it was answered.", "Answered on 3 Jul 2026.")
    expect(one.get_by_role("button", name="It was answered")).to_have_count(0)
    says(worker(open_page), "beantwoord op 3 jul")
    # Autumn: numbers that nobody knows. That is no suspicion: the feed cannot measure it, and it is said what could.
    for month in (7, 8, 9):
        bill(town, month, business=30, unknown=70)
    one = first_phone(officer(open_page))
    expect(one.get_by_text("Of 70.0% of it")).to_have_count(0)  # the worker sees September first
    own = worker(open_page)
    says(own, "Niet te meten", "In deze feed is te veel onbekend", "Van 70,0% daarvan", "Om het te meten")
    assert own.get_by_text("Dicht bij de grens").count() == 0
    one = first_phone(officer(open_page))
    says(one, "Cannot be measured", "This feed leaves too much unknown", "Of 70.0% of it", "To measure it")
    # The yearly conversation, and the check that agreements are signed and kept.
    one.get_by_label("Day of the conversation").fill("2026-10-02")
    one.get_by_role("button", name="Record the conversation").click()
    says(one, "The conversation is recorded.", "2 Oct 2027")
    register = officer(open_page)
    register.get_by_label("How many phones to sample").fill("6")
    register.get_by_label("Seed for the sample").fill("autumn")
    register.get_by_role("button", name="Draw the sample and record it").click()
    says(register, "The review is recorded.", "6 of 6", "1 of 6", "autumn")
    # Winter: below the line, a reason to talk and no more.
    for month in (10, 11, 12):
        bill(town, month, business=60, private=40)
    own = worker(open_page)
    says(own, "Niet boven het aandeel uit de verklaring", "60,0%", "fair use")
    # A year later the signature has run out, and is given anew.
    town.clock.now = datetime(2027, 1, 6, 9, tzinfo=UTC)
    own = worker(open_page)
    says(own, "Verlopen")
    sign_anew(own)
    one = first_phone(officer(open_page))
    countersign(one)
    says(one, "Valid", "5 Jan 2028")
    # The phone is handed in, and goes to a colleague, who sees nothing of what it did before.
    one.get_by_role("button", name="End it").click()
    says(one, "The declaration is ended.")
    town.clock.pass_(days=1)
    setup.import_places(town.context, PLACES + "worker-02;Employer 1;team 1;books;worker-02;phone-1 phone-2")
    second = worker(open_page, "worker-02")
    expect(second.get_by_role("heading", name="phone-1")).to_be_visible()
    assert second.get_by_text("60,0%").count() == 0
    assert second.get_by_text("Niet boven het aandeel uit de verklaring").count() == 0
    says(second, "Van deze telefoon tellen we niets.")
    assert second.get_by_text("bedrijfsarts").count() == 0
    assert worker(open_page).get_by_text("phone-1").count() == 0
    assert live.faults == []
