"""Feeds that are asked for, from service to sums: each day once, corrections with it, and nothing of content."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.port import Fault
from server.core.log.entries import read_entry
from server.core.model import GateScope, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.reports.document import Report, canonical
from server.core.text import Share
from server.core.usage.declarations import UsageOutcome as Evidence
from server.sources import klant
from server.sources.feeds import FEEDS
from server.sources.klant import HEADER, OpenKlant
from server.sources.pulled import Feed, Pulled
from server.sources.usage_mapping import load_usage_mapping
from server.store import log
from server.store.usage import sums
from server.store.usage.months import month_of
from server.work.reports import health
from server.work.reports.health import Ill, Part
from server.work.usage import declarations, pulls
from server.work.usage import feeds as evidence
from server.work.usage.feeds import UsageOutcome
from server.work.usage.pulls import PullTaken
from tests.campaigns import examples
from tests.vendors.graph import App
from tests.vendors.klant import BASE, CANARY, Klant
from tests.vendors.reports import ReportsCloud, Use
from tests.vendors.serving import served
from tests.work.desk import (
    CLIENT,
    FORMER,
    PROFESSIONAL,
    STRANGER,
    Office,
    catalogue,
    open_gate,
    open_office,
    rules,
)

SINCE = date(2026, 2, 1)
MONTH = (date(2026, 2, 1), date(2026, 2, 28))


@dataclass
class Desk:
    """The small organisation, and an Open Klant beside it."""

    office: Office
    service: Klant
    feed: OpenKlant

    def pull(self, since: date | None = SINCE, *, partial: bool = False, consent: str | None = None) -> PullTaken:
        chosen = load_usage_mapping(self.feed.mapping)
        return pulls.pull(
            self.office.context, "klant", self.feed, chosen, catalogue(), rules(consent=consent), since=since,
            partial=partial,
        )  # fmt: skip

    def contacts(self) -> list[tuple[str, str, str, int]]:
        """Sums as (day, with whom, channel, how many)."""
        return [(row[0], row[2], row[4], row[5]) for row in self.office.sums()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    office = open_office(f"sqlite:///{tmp_path / 'closeout.db'}", tmp_path)
    service = Klant()
    with served(service) as address:
        yield Desk(office, service, klant.connect(Connection(address + BASE, secret=service.token)))
    office.context.store.close()


def test_a_pull_becomes_daily_sums_by_party_and_a_closed_case_makes_a_client_a_former_one(desk: Desk):
    desk.service.add("2026-02-02T09:00:00Z", "WhatsApp", case="111111")
    desk.service.add("2026-02-02T10:00:00Z", "telefonisch", case="222222")
    desk.service.add("2026-02-03T09:00:00Z", "telefonisch", ["worker-2"], party="organisatie", began=True)
    desk.service.add("2026-02-03T09:00:00Z", "een vrij veld", ["somebody"], party=None)
    came = desk.pull(consent="C-1")
    assert came.taken is not None
    assert (came.taken.outcome, came.taken.rows, came.taken.unattributable) == (UsageOutcome.APPLIED, 4, 1)
    assert (came.taken.first, came.taken.last, came.behind) == (SINCE, date(2026, 3, 4), 0)
    assert desk.contacts() == [
        ("2026-02-02", "client", "whatsapp", 1),
        ("2026-02-02", "former_client", "phone", 1),
        ("2026-02-03", "professional", "phone", 1),
        ("2026-02-03", "unknown", "", 1),
    ]
    with desk.office.context.store.read() as connection:
        known = sums.read_contacts(connection, SINCE, date(2026, 3, 4))
    assert [(each.day, each.direction.value, each.count) for each in known] == [
        (date(2026, 2, 2), "out", 1),
        (date(2026, 2, 2), "out", 1),
    ]


def test_the_same_pull_again_changes_nothing(desk: Desk):
    desk.service.add("2026-02-02T09:00:00Z")
    desk.pull()
    before = desk.office.everything()
    again = desk.pull()
    assert again.taken is not None
    assert again.taken.outcome is UsageOutcome.KNOWN
    assert desk.office.everything() == before


def test_pulls_of_overlapping_periods_count_no_day_twice(desk: Desk):
    for day in ("2026-01-15", "2026-02-02", "2026-02-20"):
        desk.service.add(f"{day}T09:00:00Z")
    desk.pull(date(2026, 2, 10))
    desk.pull(date(2026, 1, 1))
    desk.pull(date(2026, 2, 1))
    assert [row[0] for row in desk.contacts()] == ["2026-01-15", "2026-02-02", "2026-02-20"]
    assert [row[3] for row in desk.contacts()] == [1, 1, 1]


def test_a_correction_takes_the_place_of_what_was_pulled_and_the_correction_of_the_correction_too(desk: Desk):
    desk.service.add("2026-02-02T09:00:00Z", "telefonisch")
    desk.pull()
    desk.service.contacts[0]["kanaal"] = "WhatsApp"
    desk.pull()
    assert desk.contacts() == [("2026-02-02", "client", "whatsapp", 1)]
    desk.service.contacts[0]["kanaal"] = "telefonisch"
    desk.pull()
    assert desk.contacts() == [("2026-02-02", "client", "phone", 1)]


def test_a_contact_moment_that_was_taken_out_is_gone_with_the_next_pull_though_it_was_the_only_one(desk: Desk):
    ref = desk.service.add("2026-02-02T09:00:00Z")
    desk.pull()
    desk.service.remove(ref)
    came = desk.pull()
    assert came.taken is not None
    assert (came.taken.outcome, came.taken.rows) == (UsageOutcome.APPLIED, 0)
    assert desk.contacts() == []


def test_a_pulled_feed_that_is_withdrawn_leaves_no_sum_and_may_come_back(desk: Desk):
    desk.service.add("2026-02-02T09:00:00Z")
    desk.pull()
    full = desk.office.everything()
    assert evidence.withdraw_usage(desk.office.context, "open-klant") == 1
    assert desk.contacts() == []
    desk.pull()
    assert desk.office.everything() == full


def test_a_feed_that_stops_keeps_what_it_told_and_the_report_says_until_when(desk: Desk):
    for worker in ("worker-1", "worker-2", "worker-3"):
        desk.service.add("2026-02-02T09:00:00Z", workers=[worker])
    desk.pull()
    desk.service.said = [(503, b"{}")] * 2
    before = desk.office.everything()
    came = desk.pull()
    assert (came.taken, came.fault) == (None, Fault.SERVER_ERROR)
    assert desk.office.everything() == before
    made: Report = evidence.channel_report(
        desk.office.context, catalogue(), rules(), Role.PRIVACY_OFFICER, date(2026, 2, 1), date(2026, 2, 28)
    )
    assert made.sources is not None
    assert [(row[0], row[2], row[3]) for row in made.sources.rows] == [("open-klant", date(2026, 3, 4), Share(28, 28))]
    with desk.office.context.store.read() as connection:
        said = [read_entry(text).body for _, text, _ in log.entries(connection)]
    assert {"feed": "open-klant", "verb": "asked", "outcome": "server_error"} in said


def test_a_feed_that_told_nothing_for_two_months_is_seen_by_who_looks_after_the_installation(desk: Desk):
    def feeds() -> list[tuple[str | None, Ill | None]]:
        return [(each.name, each.ill) for each in health.examine(desk.office.context) if each.part is Part.FEED]

    assert feeds() == []
    desk.service.add("2026-02-02T09:00:00Z")
    desk.pull()
    desk.office.clock.pass_(timedelta(days=62))
    assert feeds() == [("open-klant", None)]
    desk.office.clock.pass_(timedelta(days=1))
    assert feeds() == [("open-klant", Ill.FEED_SILENT)]
    evidence.withdraw_usage(desk.office.context, "open-klant")
    assert feeds() == []


def test_a_closed_gate_keeps_a_service_from_being_asked_at_all(tmp_path: Path):
    office = open_office(f"sqlite:///{tmp_path / 'closeout.db'}", tmp_path, demo=False)
    service = Klant()
    with served(service) as address:
        desk = Desk(office, service, klant.connect(Connection(address + BASE, secret=service.token)))
        open_gate(office.context, GateScope.REMOVAL)
        with pytest.raises(EvidenceRefusedError) as refused:
            desk.pull()
        assert (refused.value.problem, service.seen) == (EvidenceProblem.GATE_CLOSED, [])
        open_gate(office.context, GateScope.OBSERVATION)
        desk.pull()
        assert len(service.seen) == 1
    office.context.store.close()


def test_an_export_as_json_comes_to_the_same_sums_as_a_pull(desk: Desk):
    desk.service.add("2026-02-02T09:00:00Z", "WhatsApp", case="111111")
    desk.service.add("2026-02-03T09:00:00Z", "telefonisch", ["worker-2"], party="organisatie", began=True)
    desk.pull()
    pulled = desk.office.everything()
    evidence.withdraw_usage(desk.office.context, "open-klant")
    file = desk.office.folder / "saved.json"
    for saved in (
        desk.service.export(),
        {"count": 2, "next": None, "previous": None, "results": desk.service.export()},
        [{"results": desk.service.export()[:1]}, {"results": desk.service.export()}],
    ):
        file.write_text(json.dumps(saved))
        chosen = load_usage_mapping("open-klant")
        taken = pulls.take_in_moments(desk.office.context, [file], chosen, catalogue(), rules(), period=MONTH)
        assert taken.rows == 2
        assert desk.office.everything() == pulled
        evidence.withdraw_usage(desk.office.context, "open-klant")


def test_klantcontact_of_the_zaken_api_says_when_and_how_and_not_whose_it_was(desk: Desk):
    file = desk.office.folder / "saved.json"
    moment = {"uuid": "u-1", "zaak": "https://zaken.example.nl/zaken/1", "datumtijd": "2026-02-02T09:00:00Z",
              "kanaal": "telefonisch", "onderwerp": CANARY, "toelichting": CANARY}  # fmt: skip
    file.write_text(json.dumps([moment]))
    taken = pulls.take_in_moments(
        desk.office.context, [file], load_usage_mapping("open-klant"), catalogue(), rules(), period=MONTH
    )
    assert (taken.rows, taken.unattributable) == (1, 1)
    assert desk.contacts() == [("2026-02-02", "unknown", "phone", 1)]


@pytest.mark.parametrize("text", ["", "[", "7", '[{"kanaal": "x"}]', '{"results": 7}', "\x00", "[" * 100_000])
def test_a_file_that_is_no_list_of_contact_moments_is_told_and_changes_nothing(desk: Desk, text: str):
    file = desk.office.folder / "saved.json"
    file.write_text(text)
    taken = pulls.take_in_moments(
        desk.office.context, [file], load_usage_mapping("open-klant"), catalogue(), rules(), period=MONTH
    )
    assert (taken.outcome, [fault.problem.value for fault in taken.faults]) == (UsageOutcome.FAULTY, ["not_json"])


def test_nothing_of_subject_content_notes_or_names_stands_anywhere_afterwards(
    desk: Desk, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    desk.service.add("2026-02-02T09:00:00Z", "WhatsApp", case="111111")
    desk.service.add("2026-02-02T09:00:00Z", CANARY, [CANARY], case=CANARY)
    desk.service.add("not a time at all", CANARY, ["worker-1"], party=CANARY, rol=CANARY)
    said = [repr(desk.pull()), repr(desk.pull(partial=True, consent="C-1"))]
    file = desk.office.folder / "saved.json"
    file.write_text(json.dumps(desk.service.export()))
    taken = pulls.take_in_moments(
        desk.office.context, [file], load_usage_mapping("open-klant"), catalogue(), rules(), partial=True, period=MONTH
    )
    made = evidence.channel_report(
        desk.office.context, catalogue(), rules(), Role.PRIVACY_OFFICER, date(2026, 2, 1), date(2026, 2, 28)
    )
    said += [repr(taken), canonical(made).decode(), caplog.text]
    file.unlink()
    desk.office.context.store.close()
    with sqlite3.connect(desk.office.folder / "closeout.db") as base:
        said.append("\n".join(base.iterdump()))
    found = [each.read_bytes() for each in desk.office.folder.rglob("*") if each.is_file()]
    assert sorted(desk.contacts()) == [("2026-02-02", "client", "", 1), ("2026-02-02", "client", "whatsapp", 1)]
    assert [text for text in said if "canary" in text] == []
    assert [data for data in found if b"canary" in data] == []


# --- Teams ------------------------------------------------------------------------------------------------------------


@dataclass
class Tenant:
    """The small organisation, and Microsoft 365 beside it: worker-1's mailbox is book-1 in the list of places."""

    office: Office
    cloud: ReportsCloud
    feeds: dict[str, Feed]

    def pull(self, vendor: str, since: date = SINCE) -> PullTaken:
        feed = self.feeds[vendor]
        chosen = load_usage_mapping(feed.mapping)
        return pulls.pull(self.office.context, vendor, feed, chosen, catalogue(), rules(), since=since)


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    office = open_office(f"sqlite:///{tmp_path / 'closeout.db'}", tmp_path)
    cloud = ReportsCloud(office.context.today())
    with served(cloud) as url, served(cloud.warehouse) as elsewhere:
        cloud.warehouse.address = elsewhere
        app = App("client-1", "service-secret")
        cloud.add_tenant("tenant-1", app)
        options = {"tenant": "tenant-1", "client_id": app.client_id, "authority": url}
        to = Connection(f"{url}/v1.0", secret=app.secret, options=options, limits=HttpLimits(5.0, 10.0, 30.0))
        yield Tenant(office, cloud, {name: FEEDS[name](to) for name in ("teams-activity", "teams-calls")})
    office.context.store.close()


def international(number: str) -> str:
    return "+31" + number.replace("-", "")[1:]


def test_teams_of_an_account_is_the_workers_by_the_mailbox_and_never_enters_the_share_of_a_phone(tenant: Tenant):
    tenant.cloud.uses = [Use("Book-1", date(2026, 2, 27), messages=40, calls=4, seconds=3600)]
    tenant.cloud.call("book-1", "2026-02-27T09:00:00Z", number=international(CLIENT), seconds=3600)
    activity, calls = tenant.pull("teams-activity"), tenant.pull("teams-calls")
    assert activity.taken is not None
    assert calls.taken is not None
    assert (activity.taken.unattributable, calls.taken.unattributable) == (0, 0)
    assert ("2026-02-27", "minutes", "client", "business", "phone", 3600) in tenant.office.sums()
    month = (date(2026, 2, 1), date(2026, 2, 28))
    months = month_of(month[0]), month_of(month[1])
    with tenant.office.context.store.read() as connection:
        assert sums.device_totals(connection, *months) == []
        assert sums.measured_quantities(connection, *months) == {}
    found = declarations.outcomes(tenant.office.context, rules(), *month)
    assert {each.outcome for each in found} == {Evidence.NOT_MEASURABLE}


def test_concealed_names_are_not_attributable_and_the_late_days_are_told(tenant: Tenant):
    tenant.cloud.concealed = True
    tenant.cloud.uses = [Use("book-1", date(2026, 2, 27), messages=40), Use("book-1", date(2026, 3, 3), messages=40)]
    came = tenant.pull("teams-activity")
    assert came.taken is not None
    assert came.pulled is not None
    assert (came.taken.unattributable, came.taken.rows, came.pulled.concealed, came.behind) == (1, 1, True, 2)
    assert {row[0] for row in tenant.office.sums()} == {"2026-02-27"}


def test_reports_that_tell_nothing_yet_change_nothing(tenant: Tenant):
    came = tenant.pull("teams-activity")
    assert came.taken is not None
    assert (came.taken.outcome, tenant.office.sums()) == (UsageOutcome.KNOWN, [])


def test_calls_are_classified_by_the_other_number_which_then_stands_nowhere(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    numbers = {
        "client": CLIENT, "former_client": FORMER, "professional": PROFESSIONAL, "unknown": STRANGER,
    }  # fmt: skip
    for number in numbers.values():
        tenant.cloud.call("book-1", "2026-02-27T09:00:00Z", number=international(number))
    tenant.cloud.call("book-1", "2026-02-27T09:00:00Z", number="+316123456**")
    came = tenant.pull("teams-calls")
    calls = {row[2]: (row[3], row[5]) for row in tenant.office.sums() if row[1] == "calls"}
    assert calls == {
        "client": ("business", 1),
        "former_client": ("unclassified", 1),
        "professional": ("business", 1),
        "unknown": ("unclassified", 2),
    }
    tenant.office.context.store.close()
    with sqlite3.connect(tenant.office.folder / "closeout.db") as base:
        said = "\n".join(base.iterdump()) + repr(came) + caplog.text
    assert [number for number in numbers.values() if number.replace("-", "")[1:] in said] == []


@pytest.mark.parts
def test_pulls_come_to_the_same_on_either_database(database_url: str, tmp_path: Path):
    office = open_office(database_url, tmp_path)
    service = Klant()
    with served(service) as address:
        desk = Desk(office, service, klant.connect(Connection(address + BASE, secret=service.token)))
        service.add("2026-02-02T09:00:00Z", "WhatsApp", case="222222")
        ref = service.add("2026-02-03T09:00:00Z", "telefonisch", case="111111")
        desk.pull(consent="C-1")
        service.remove(ref)
        came = desk.pull(consent="C-1")
        again = desk.pull(consent="C-1")
        assert desk.contacts() == [("2026-02-02", "former_client", "whatsapp", 1)]
        assert [each.taken and each.taken.outcome for each in (came, again)] == [
            UsageOutcome.APPLIED,
            UsageOutcome.KNOWN,
        ]
        with office.context.store.read() as connection:
            runs = sums.read_runs(connection)
        assert [(run.feed, run.rows, run.withdrawn) for run in runs] == [
            ("open-klant", 1, False),
            ("open-klant", 2, True),
        ]
        assert evidence.withdraw_usage(office.context, "open-klant") == 1
        assert desk.contacts() == []
    office.context.store.close()


def test_feeds_on_one_account_and_day_are_told_apart_and_withdrawn_apart(desk: Desk):
    desk.service.add("2026-02-02T09:00:00Z", "telefonisch")
    desk.pull()
    moments = desk.office.moments("worker-1;2026-02-02;WhatsApp;cliënt;111111;uitgaand")
    desk.office.take_in(moments, mapping="contact-moments")
    assert [row[3] for row in desk.contacts()] == [1, 1]
    # Of two feeds that tell of the same account, day and quantity one counts: no contact is counted twice.
    with desk.office.context.store.read() as connection:
        assert (
            sum(
                each.amount for each in sums.had(connection, month_of(SINCE), sums.lent_in(connection, month_of(SINCE)))
            )
            == 1
        )
    evidence.withdraw_usage(desk.office.context, "contact-moments")
    assert desk.contacts() == [("2026-02-02", "client", "phone", 1)]


class Told(Feed):
    """A service of which a test says what it knows: day -> how many contacts."""

    mapping = "open-klant"
    subject = "medewerker"

    def __init__(self) -> None:
        self.known: dict[date, int] = {}

    def _check(self) -> None:
        """Nobody is asked."""

    def _pull(self, since: date, until: date) -> Pulled:
        rows = [
            ("worker-1", day.isoformat(), "WhatsApp", "persoon", "", "false")
            for day, count in self.known.items()
            for _ in range(count)
            if since <= day <= until
        ]
        return Pulled(HEADER, rows, since, until, until)


DAYS = st.integers(0, 9).map(lambda step: SINCE + timedelta(days=step))
STEPS = st.lists(st.tuples(st.just("set"), DAYS, st.integers(0, 3)) | st.tuples(st.just("pull"), DAYS), max_size=8)


@settings(max_examples=examples(15), deadline=None)
@given(steps=STEPS)
@example(steps=[("set", SINCE, 1), ("pull", SINCE), ("set", SINCE, 0)])
@example(steps=[("set", SINCE, 1), ("pull", SINCE), ("set", SINCE, 2), ("pull", SINCE), ("set", SINCE, 1)])
def test_whatever_was_pulled_before_the_last_whole_pull_is_what_counts(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
):
    folder = tmp_path_factory.mktemp("office")
    office = open_office(f"sqlite:///{folder / 'closeout.db'}", folder)
    feed, chosen = Told(), load_usage_mapping("open-klant")

    def pull(since: date) -> None:
        pulls.pull(office.context, "told", feed, chosen, catalogue(), rules(), since=since)

    for what, day, *count in steps:
        if what == "pull":
            pull(day)
        else:
            feed.known[day] = count[0]
    pull(SINCE)
    found = {row[0]: row[5] for row in office.sums()}
    assert found == {day.isoformat(): count for day, count in feed.known.items() if count}
    with office.context.store.read() as connection:
        counted = sum(
            each.amount for each in sums.had(connection, month_of(SINCE), sums.lent_in(connection, month_of(SINCE)))
        )
    assert counted == sum(feed.known.values())
    office.context.store.close()


def test_a_page_of_an_answer_is_no_whole_and_all_pages_together_are(desk: Desk):
    for day in range(1, 6):
        desk.service.add(f"2026-02-0{day}T09:00:00Z", "WhatsApp", case="111111")
    moments = desk.service.export()
    pages = [
        {"count": 5, "next": "https://openklant.example.org/?page=2", "results": moments[:3]},
        {"count": 5, "next": None, "results": moments[3:]},
    ]
    files = [desk.office.folder / f"page-{n}.json" for n in (1, 2)]
    for file, page in zip(files, pages, strict=True):
        file.write_text(json.dumps(page))
    mapping = load_usage_mapping("open-klant")
    for some, problems in ((files[:1], ["partial_pages"]), (files[1:], ["partial_pages"]), (files, [])):
        taken = pulls.take_in_moments(desk.office.context, some, mapping, catalogue(), rules(), period=MONTH)
        assert [fault.problem.value for fault in taken.faults] == problems
    assert (taken.outcome, taken.rows) == (UsageOutcome.APPLIED, 5)
