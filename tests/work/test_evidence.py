"""Feeds of usage from file to sums: what goes in once stays in once, and what must not go in does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.core.log import read_entry
from server.core.model import GateScope
from server.store import log
from server.work import evidence
from server.work.evidence import EvidenceProblem, EvidenceRefusedError, UsageOutcome
from tests.work.desk import CLIENT, COLLEAGUE, FORMER, PROFESSIONAL, STRANGER, Office, open_gate, open_office

pytestmark = pytest.mark.parts
BILL = (
    f"device-1;2026-02-02 09:00:00;{CLIENT};uit;120",
    f"device-1;2026-02-02 10:00:00;{FORMER};in;30",
    f"device-1;2026-02-02 11:00:00;{COLLEAGUE};uit;60",
    f"device-2;2026-02-03 11:00:00;{PROFESSIONAL};uit;61",
    f"device-2;2026-02-03 23:30:00;{STRANGER};uit;600",
)


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = open_office(database_url, tmp_path)
    yield office
    office.context.store.close()


def test_a_bill_becomes_daily_sums_by_counterparty_and_a_number_nobody_knows_is_unclassified(office: Office):
    taken = office.take_in(office.bill(*BILL))
    assert (taken.outcome, taken.rows, taken.unclassified, taken.unattributable) == (UsageOutcome.APPLIED, 5, 1, 0)
    assert [row for row in office.sums() if row[1] == "minutes"] == [
        ("2026-02-02", "minutes", "client", "business", "phone", 120),
        ("2026-02-02", "minutes", "colleague", "business", "phone", 60),
        ("2026-02-02", "minutes", "former_client", "unclassified", "phone", 30),
        ("2026-02-03", "minutes", "professional", "business", "phone", 61),
        ("2026-02-03", "minutes", "unknown", "unclassified", "phone", 600),
    ]
    assert {row[3] for row in office.sums()} == {"business", "unclassified"}


def test_the_same_bill_again_changes_nothing(office: Office):
    file = office.bill(*BILL)
    office.take_in(file)
    before = office.everything()
    assert office.take_in(file).outcome is UsageOutcome.KNOWN
    assert office.everything() == before


def test_a_corrected_bill_takes_the_place_of_the_days_it_covers(office: Office):
    office.take_in(office.bill(*BILL))
    office.take_in(office.bill(f"device-1;2026-02-02 09:00:00;{CLIENT};uit;90", name="corrected.csv"))
    assert [row for row in office.sums() if row[1] == "minutes"] == [
        ("2026-02-02", "minutes", "client", "business", "phone", 90),
        ("2026-02-03", "minutes", "professional", "business", "phone", 61),
        ("2026-02-03", "minutes", "unknown", "unclassified", "phone", 600),
    ]


def test_a_withdrawn_feed_leaves_no_sum_and_may_come_back(office: Office):
    file = office.bill(*BILL)
    empty = office.everything()
    office.take_in(file)
    full = office.everything()
    assert evidence.withdraw_usage(office.context, "telecom-bill") == 10
    assert office.everything() == empty
    assert office.take_in(file).outcome is UsageOutcome.APPLIED
    assert office.everything() == full


def test_of_two_feeds_that_tell_of_one_thing_the_one_that_counts_is_in_the_months(office: Office, tmp_path: Path):
    mapping = (Path(__file__).parents[2] / "agent_policies/sources/usage/invented-telecom-bill.yaml").read_text("utf-8")
    other = tmp_path / "app.yaml"
    other.write_text(
        mapping.replace("feed: telecom-bill", "feed: companion").replace("precedence: 10", "precedence: 20")
    )
    office.take_in(office.bill(*BILL))
    months = office.everything()["usage_month"]
    office.take_in(office.bill(*BILL, f"device-1;2026-02-02 12:00:00;{CLIENT};uit;999"), mapping=str(other))
    assert office.everything()["usage_month"] == months
    evidence.withdraw_usage(office.context, "telecom-bill")
    assert office.everything()["usage_month"] != months
    evidence.withdraw_usage(office.context, "companion")
    assert office.everything()["usage_month"] == []


def test_a_broken_bill_goes_in_whole_or_not_at_all_and_with_partial_says_what_was_left_out(office: Office):
    bad = office.bill(*BILL, f"device-1;2026-02-04 09:00:00;{CLIENT};uit;-5", f"device-1;2099-01-01;{CLIENT};uit;5")
    taken = office.take_in(bad)
    assert (taken.outcome, taken.fault_count) == (UsageOutcome.FAULTY, 2)
    assert [(fault.line, fault.problem.value) for fault in taken.faults] == [(7, "negative_amount"), (8, "future_day")]
    assert office.sums() == []
    assert office.take_in(bad, partial=True).fault_count == 2
    assert len(office.sums()) == 10


def test_a_closed_gate_keeps_a_feed_from_being_opened_and_the_gate_for_removing_opens_nothing(
    database_url: str, tmp_path: Path
):
    office = open_office(database_url, tmp_path, demo=False)
    nowhere = tmp_path / "there-is-no-such-file.csv"
    for _ in range(2):
        with pytest.raises(EvidenceRefusedError) as refused:
            office.take_in(nowhere)
        assert refused.value.problem is EvidenceProblem.GATE_CLOSED
        open_gate(office.context, GateScope.REMOVAL)
    open_gate(office.context, GateScope.OBSERVATION)
    assert office.take_in(office.bill(*BILL)).outcome is UsageOutcome.APPLIED
    assert len(office.sums()) == 10
    office.context.store.close()


def test_a_device_that_nobody_knows_is_not_attributable_and_never_guessed(office: Office):
    concealed = "0F3A9C1D7B5E4A2F8C6D1E0B9A7F5C3D"
    taken = office.take_in(office.bill(*BILL, f"{concealed};2026-02-02 09:00:00;{CLIENT};uit;11"))
    assert (taken.unattributable, taken.outcome) == (1, UsageOutcome.APPLIED)
    assert concealed not in str(office.everything())


def test_no_number_of_a_bill_stands_anywhere_afterwards(office: Office, tmp_path: Path):
    file = office.bill(*BILL)
    office.take_in(file, consent="C-1")
    bad = office.bill(f"device-1;2026-02-02 09:00:00;{STRANGER};{STRANGER};{STRANGER}", name="bad.csv")
    said = repr(office.take_in(bad))
    with office.context.store.read() as connection:
        entries = [repr(read_entry(text)) for _, text, _ in log.entries(connection)]
    file.unlink()
    bad.unlink()
    written = b"".join(
        each.read_bytes() for each in tmp_path.rglob("*") if each.is_file() and "register" not in each.parts
    )
    for number in (CLIENT, FORMER, STRANGER, COLLEAGUE):
        digits = number.replace("-", "")[1:]
        assert digits not in said + "".join(entries)
        assert number not in said
        assert digits.encode() not in written
        assert number.encode() not in written


def test_content_columns_are_passed_over_and_said_so(office: Office, tmp_path: Path):
    header = "Medewerker;Datum;Kanaal;Soort betrokkene;Zaaknummer;Richting;Onderwerp;Notitie bij contact"
    file = office.moments(
        "worker-1;2026-02-02;WhatsApp;cliënt;111111;uitgaand;PLANTED SUBJECT;PLANTED NOTE",
        "worker-1;2026-02-03;telefonisch;cliënt;222222;inkomend;PLANTED SUBJECT;PLANTED NOTE",
        header=header,
    )
    taken = office.take_in(file, mapping="contact-moments")
    assert taken.dropped == (("moments.csv", 7), ("moments.csv", 8))
    assert office.sums() == [
        ("2026-02-02", "contacts", "client", "business", "whatsapp", 1),
        ("2026-02-03", "contacts", "former_client", "business", "phone", 1),
    ]
    file.unlink()
    kept = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    assert b"PLANTED" not in b"".join(kept)
