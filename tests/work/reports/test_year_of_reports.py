"""All channel reports of months together give nobody away: an attacker with a linear programme holds them together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from server.core.log.entries import EntryKind, read_entry
from server.core.model import Role
from server.core.reports import vintages
from server.core.reports.disclosure import Cell, Release
from server.core.reports.document import Report
from server.core.reports.vintages import ALL
from server.render.formats import FORMATS
from server.render.words import Words
from server.store import log
from server.store.schema.base import worker
from server.store.usage import declarations
from server.work.usage import feeds
from tests.work.desk import Office, catalogue, open_office, rules
from tests.work.reports.year import Rated, Year, attack, live


def assert_printed_is_true(year: Year) -> None:
    """Every figure is the sum of the rows that the attacker takes it for: else the attack would attack nothing."""
    rated = Rated(catalogue())
    wrong = [
        (cell, year.value(cell, summed, rated))
        for cell, summed in year.prints
        if cell.amount is not None and cell.amount != year.value(cell, summed, rated)
    ]
    assert wrong == []
    assert sum(cell.amount is not None for cell, _ in year.prints) > len(year.prints) / 4


@pytest.mark.parametrize("seed", range(5))
def test_all_reports_of_some_months_pin_no_person_and_no_withheld_figure(seed: int, tmp_path: Path) -> None:
    year = live(seed, tmp_path)
    assert_printed_is_true(year)
    assert attack(year) == []


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(100, 150))
def test_all_reports_of_a_year_pin_no_person_and_no_withheld_figure(seed: int, tmp_path: Path) -> None:
    year = live(seed, tmp_path, months=12)
    assert_printed_is_true(year)
    assert attack(year) == []


# --- each kind by itself


FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))


@dataclass
class Desk:
    """An organisation with teams of these sizes, and one month of contact moments."""

    office: Office
    sizes: Sequence[int]

    def contacts(self, *many: int, only: Collection[int] | None = None, channel: str = "telefonisch") -> list[str]:
        """Rows: as many contacts with clients for each worker, in turn; of some of them only."""
        workers = range(1, sum(self.sizes) + 1)
        return [
            f"worker-{n};2026-02-{1 + nth % 28:02};{channel};cliënt;;uitgaand"
            for n in workers
            if only is None or n in only
            for nth in range(many[n % len(many)])
        ]

    def take_in(self, rows: Sequence[str]) -> None:
        file = self.office.moments(*rows)
        self.office.take_in(file, mapping="contact-moments", period=FEBRUARY)

    def report(self) -> Report:
        return feeds.channel_report(self.office.context, catalogue(), rules(), Role.AUDITOR, *FEBRUARY)

    def move(self, who: int, team: str) -> None:
        with self.office.context.store.write() as connection:
            connection.execute(worker.update().where(worker.c.ref == f"worker-{who}").values(team=team))


@pytest.fixture
def desk_of(tmp_path: Path) -> Iterator[Callable[[Sequence[int]], Desk]]:
    made: list[Desk] = []

    def make(sizes: Sequence[int]) -> Desk:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        desk = Desk(open_office(f"sqlite:///{folder / 'closeout.db'}", folder, workers=sum(sizes)), sizes)
        teams = [f"team-{nth}" for nth, size in enumerate(sizes) for _ in range(size)]
        for who, team in enumerate(teams, start=1):
            desk.move(who, team)
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.office.context.store.close()


def rows_of(made: Report, key: str) -> Mapping[tuple[object, ...], tuple[object, ...]]:
    """The rows of a section without their figures, and the figures of each."""
    (section,) = [section for section in made.body if section.key == key]
    named = [column.key for column in section.columns].index("watched" if key in ("use", "teams") else "feed")
    return {row[:named]: row[named : named + 5] for row in section.rows}


def test_which_rows_there_are_does_not_tell_what_happened(desk_of) -> None:
    quiet, busy = desk_of([9, 7]), desk_of([9, 7])
    for desk, more in ((quiet, []), (busy, busy.contacts(3, only={1}, channel="WhatsApp"))):
        desk.take_in([*desk.contacts(4), *more])
    for key in ("use", "teams"):
        assert rows_of(quiet.report(), key).keys() == rows_of(busy.report(), key).keys()


def test_a_worker_who_moved_changes_no_month_that_was_told(desk_of) -> None:
    desk = desk_of([9, 7])
    desk.take_in(desk.contacts(4, 9))
    first = desk.report()
    desk.move(1, "team-1")
    desk.take_in([*desk.contacts(4, 9), *desk.contacts(1, only={3})])
    for key in ("use", "teams"):
        assert rows_of(desk.report(), key) == rows_of(first, key)


def test_a_late_bill_of_one_is_not_told_by_difference_and_of_five_it_is(desk_of) -> None:
    desk = desk_of([12, 7])
    told = []
    for late in ({12}, {11, 12}, {8, 9, 10, 11, 12}):
        early = set(range(1, 20)) - {8, 9, 10, 11, 12} | (late if told else set())
        desk.take_in(desk.contacts(4, 9, only=early))
        told.append(rows_of(desk.report(), "use"))
    assert told[0] == told[1]
    assert told[2] != told[1]


def test_a_pilot_of_one_phone_is_nobodys_figure(desk_of) -> None:
    desk = desk_of([12, 9])
    desk.take_in(desk.contacts(37, only={4}, channel="WhatsApp"))
    made = desk.report()
    assert {figure for key in ("use", "teams") for row in rows_of(made, key).values() for figure in row} == {None}
    assert "1 of 21" not in "".join(map(str, FORMATS["csv"].write(made, Words("en")).decode().split("\n")))


def test_no_count_of_rows_stands_beside_a_table_that_withholds(desk_of) -> None:
    desk = desk_of([12, 9, 2])
    desk.take_in(desk.contacts(4, 9))
    made = desk.report()
    assert made.sources is not None
    assert [column.key for column in made.sources.columns] == [
        "feed", "read_at", "last_day", "days", "replaced", "unplaced",
    ]  # fmt: skip
    with desk.office.context.store.read() as connection:
        lines = [read_entry(text) for _, text, _ in log.entries(connection)]
    (taken,) = [each.body for each in lines if each.kind is EntryKind.USAGE_CHANGED]
    assert taken.keys().isdisjoint({"count", "unknown", "rows"})


def test_teams_of_two_cost_the_others_next_to_nothing(desk_of) -> None:
    """130 workers in nine teams, two of them of two: nine cells in ten of those that the seven others alone show."""

    def shown(desk: Desk) -> tuple[int, int]:
        everybody = range(1, sum(desk.sizes) + 1)
        dice = Random(4)
        channels, parties = (
            ("telefonisch", "telefonisch", "WhatsApp", "e-mail"),
            ("cliënt", "cliënt", "collega", "overig"),
        )
        rows = [
            f"worker-{n};2026-02-{dice.randrange(1, 29):02};{dice.choice(channels)};{dice.choice(parties)};;uitgaand"
            for n in everybody
            for _ in range(dice.randrange(10, 60))
        ]
        desk.take_in(rows)
        made = desk.report()
        cells = [each for key in ("use", "teams") for row in rows_of(made, key).values() for each in row]
        whole = [each for row in rows_of(made, "use").values() for each in row]
        return sum(each is not None for each in cells), sum(each is not None for each in whole)

    others, mixed = shown(desk_of([30, 25, 20, 18, 15, 10, 8])), shown(desk_of([30, 25, 20, 18, 15, 10, 8, 2, 2]))
    assert mixed[0] >= 0.9 * others[0]
    assert mixed[1] >= 0.9 * others[1] > 10


def test_months_that_an_earlier_version_told_are_not_told_anew(desk_of) -> None:
    desk = desk_of([9, 7])
    desk.take_in(desk.contacts(4, 9))
    atom = ("contacts", "recorded", "2026-02-01", "2026-02-28", "1", "client", "watched")
    release = Release({atom: Cell(40, frozenset(range(1, 10)))}, {"shown": frozenset({atom})}, {})
    context = desk.office.context
    with context.store.write() as connection:
        declarations.remember_release(connection, context.keys.sealer, "channels", release, context.now())
    assert {figure for row in rows_of(desk.report(), "use").values() for figure in row} == {None}


def test_a_month_that_is_not_over_is_not_told(desk_of) -> None:
    desk = desk_of([9, 7])
    desk.take_in(desk.contacts(4, 9))
    desk.office.clock.pass_(timedelta(days=-10))
    assert {figure for row in rows_of(desk.report(), "use").values() for figure in row} == {None}


def test_the_attacker_finds_what_reports_without_protection_give_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show_everything(cohorts, earlier, counted, table, rule, known):
        return {(group, name) for group in (ALL, *(cohorts[at].group for at in counted)) for name in table}

    monkeypatch.setattr(vintages, "_protect", show_everything)
    assert attack(live(3, tmp_path)) != []
