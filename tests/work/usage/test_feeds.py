"""Feeds of usage from file to sums: what goes in once stays in once, and what must not go in does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from server.core.log.entries import read_entry
from server.core.model import GateScope, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.reports.declarations import COVERS, FAIR_USE, NEEDED
from server.core.reports.document import Report, canonical
from server.core.usage.channels import Ground
from server.core.usage.declarations import DeclarationState, SignedHow
from server.core.usage.declarations import UsageOutcome as UsageEvidence
from server.core.usage.model import Quantity
from server.store import findings, log
from server.store.usage import declarations as store_declarations
from server.store.usage import months as usage_months
from server.store.usage import sums
from server.work.usage import declarations, feeds
from server.work.usage.feeds import UsageOutcome
from tests.work.desk import (
    CLIENT,
    COLLEAGUE,
    FORMER,
    PROFESSIONAL,
    STRANGER,
    Office,
    catalogue,
    open_gate,
    open_office,
    rules,
)

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
    assert feeds.withdraw_usage(office.context, "telecom-bill") == 10
    assert office.everything() == empty
    assert office.take_in(file).outcome is UsageOutcome.APPLIED
    assert office.everything() == full


def test_of_two_feeds_that_tell_of_one_thing_the_one_that_counts_is_in_the_months(office: Office, tmp_path: Path):
    mapping = (Path(__file__).parents[3] / "agent_policies/sources/usage/invented-telecom-bill.yaml").read_text("utf-8")
    other = tmp_path / "app.yaml"
    other.write_text(
        mapping.replace("feed: telecom-bill", "feed: companion")
        .replace("precedence: 10", "precedence: 20")
        .replace("measures: sim", "measures: device")
    )
    office.take_in(office.bill(*BILL))
    months = office.everything()["usage_month"]
    office.take_in(office.bill(*BILL, f"device-1;2026-02-02 12:00:00;{CLIENT};uit;999"), mapping=str(other))
    assert office.everything()["usage_month"] == months
    feeds.withdraw_usage(office.context, "telecom-bill")
    assert office.everything()["usage_month"] != months
    feeds.withdraw_usage(office.context, "companion")
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


MONTH = (date(2026, 2, 1), date(2026, 2, 28))


def test_an_account_never_enters_the_share_of_a_device(office: Office):
    office.take_in(office.moments("worker-1;2026-02-02;telefonisch;cliënt;111111;uitgaand"), mapping="contact-moments")
    with office.context.store.read() as connection:
        months = usage_months.month_of(MONTH[0]), usage_months.month_of(MONTH[1])
        assert sums.device_totals(connection, *months) == []
        assert sums.measured_quantities(connection, *months) == {}
    found = declarations.outcomes(office.context, rules(), *MONTH)
    assert {each.outcome for each in found} == {UsageEvidence.NOT_MEASURABLE}


def test_a_feed_keeps_to_devices_or_to_accounts(office: Office, tmp_path: Path):
    office.take_in(office.bill(*BILL))
    text = (Path(__file__).parents[3] / "agent_policies/sources/usage/invented-telecom-bill.yaml").read_text("utf-8")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("covers: device", "covers: account"))
    with pytest.raises(EvidenceRefusedError) as refused:
        office.take_in(office.bill(*BILL), mapping=str(other))
    assert refused.value.problem is EvidenceProblem.OTHER_SUBJECTS


def test_what_is_unknown_makes_the_interval_wider_and_never_becomes_private(office: Office):
    lenient = replace(
        rules(),
        declarations=replace(
            rules().declarations, min_days=1, min_volume=dict.fromkeys(Quantity, 1), widest=Decimal(1)
        ),
    )
    days = [f"device-1;2026-02-{day:02} 09:00:00;{CLIENT};uit;120" for day in range(2, 27)]
    office.take_in(office.bill(*days))
    sure = [each for each in declarations.outcomes(office.context, lenient, *MONTH) if each.days]
    assert {each.outcome for each in sure} == {UsageEvidence.OK}
    office.take_in(office.bill(*days, f"device-1;2026-02-03 10:00:00;{STRANGER};uit;6000", name="more.csv"))
    open_ = {each.quantity: each for each in declarations.outcomes(office.context, lenient, *MONTH) if each.days}
    minutes = open_[Quantity.MINUTES]
    assert minutes.amounts.private == 0
    assert minutes.outcome is UsageEvidence.INDETERMINATE
    assert minutes.interval is not None
    assert minutes.interval.low < Decimal("0.9") < minutes.interval.high == 1


def test_a_declaration_is_signed_countersigned_and_ended_and_its_finding_follows(office: Office):
    context, said = office.context, rules()
    role = Role.PRIVACY_OFFICER

    def states() -> list[str]:
        return [each.standing.state.value for each in declarations.list_declarations(context, said)]

    def open_findings() -> list[str]:
        with context.store.read() as connection:
            return sorted(row.kind.value for row in findings.read_findings(connection))

    assert states() == ["missing"] * 3
    assert open_findings() == ["declaration_missing"] * 3 + ["loan_agreement_missing"] * 3
    with pytest.raises(EvidenceRefusedError) as refused:
        declarations.sign(context, said, role, device="device-1", how=SignedHow.PAPER, language="nl")
    assert refused.value.problem is EvidenceProblem.SCAN_NEEDED
    uid = declarations.sign(
        context,
        said,
        role,
        device="device-1",
        how=SignedHow.PAPER,
        language="nl",
        scan_digest="a" * 64,
        loan_agreement="L-1",
    )
    assert states() == ["not_countersigned", "missing", "missing"]
    declarations.countersign(context, role, uid, "manager-1")
    assert states() == ["valid", "missing", "missing"]
    assert open_findings() == ["declaration_missing"] * 2 + ["loan_agreement_missing"] * 2
    declarations.revoke(context, role, uid)
    assert states() == ["revoked", "missing", "missing"]
    office.clock.pass_(timedelta(days=800))
    assert open_findings() == ["declaration_missing"] * 3 + ["loan_agreement_missing"] * 2


def test_a_declaration_runs_out_and_a_list_of_signatures_goes_in_whole_or_not_at_all(office: Office):
    context, said = office.context, rules()
    header = "device;worker;text;signed_on;countersigned_on;loan_agreement;held_from\n"
    good = "device-1;worker-1;gebruiksverklaring-1;2026-01-05;2026-01-06;L-1;2025-12-01\n"
    for bad in (
        "device-9;worker-1;gebruiksverklaring-1;2026-01-05;;;\n",
        "device-2;worker-1;gebruiksverklaring-1;2026-01-05;;;\n",
        "device-2;worker-2;another-text;2026-01-05;;;\n",
        "device-2;worker-2;gebruiksverklaring-1;5 Jan;;;\n",
    ):
        with pytest.raises(EvidenceRefusedError) as refused:
            declarations.import_list(context, said, Role.PRIVACY_OFFICER, header + good + bad)
        assert refused.value.line == 3
    assert declarations.list_declarations(context, said)[0].standing.state is DeclarationState.MISSING
    assert declarations.import_list(context, said, Role.PRIVACY_OFFICER, header + good).new == 1
    assert declarations.import_list(context, said, Role.PRIVACY_OFFICER, header + good).new == 0
    listed = declarations.list_declarations(context, said)[0]
    assert (listed.standing.state, listed.standing.valid_until) == (DeclarationState.VALID, date(2028, 1, 4))
    office.clock.pass_(timedelta(days=365 * 2))
    assert declarations.list_declarations(context, said)[0].standing.state is DeclarationState.EXPIRED


def test_a_text_that_was_signed_keeps_its_words(office: Office):
    said = rules()
    declarations.list_declarations(office.context, said)
    changed = replace(said, texts=(replace(said.texts[0], texts={"nl": "iets anders", "en": "something else"}),))
    with pytest.raises(EvidenceRefusedError) as refused:
        declarations.list_declarations(office.context, changed)
    assert refused.value.problem is EvidenceProblem.TEXT_CHANGED


def test_the_periodic_check_draws_the_same_sample_again_and_is_recorded(office: Office):
    first = declarations.check(office.context, rules(), Role.PRIVACY_OFFICER, size=2, seed="2026")[1]
    again = declarations.check(office.context, rules(), Role.PRIVACY_OFFICER, size=2, seed="2026")[1]
    assert first == again
    assert len(first.sample) == 2
    with office.context.store.read() as connection:
        (newest, _) = store_declarations.read_checks(connection)
        assert (newest.population, newest.seed, sum(newest.states.values())) == (3, "2026", 2)


SPLIT = "Toestel;Datum en tijd;Ander nummer;Richting;Duur in seconden;Zakelijk of privé\n"


def split_bill(office: Office, *, private: int, unmarked: int) -> None:
    """Calls of one phone in February: with colleagues, marked as private by dialling, and with numbers nobody knows."""
    days = [f"2026-02-{1 + n % 28:02}" for n in range(200)]
    rows = [
        f"device-1;{day} 09:00:00;{STRANGER if n < private + unmarked else COLLEAGUE};uit;60;"
        f"{'privé' if n < private else 'zakelijk'}"
        for n, day in enumerate(days)
    ]
    file = office.folder / "split.csv"
    file.write_text(SPLIT + "\n".join(rows) + "\n", "utf-8")
    assert office.take_in(file).outcome is UsageOutcome.APPLIED


@pytest.mark.parametrize(
    ("private", "unmarked", "expected"),
    [
        (0, 0, UsageEvidence.OK),
        (20, 0, UsageEvidence.BORDERLINE),
        (21, 0, UsageEvidence.ATTENTION),
        (100, 100, UsageEvidence.ATTENTION),
        (0, 40, UsageEvidence.INDETERMINATE),
        (0, 41, UsageEvidence.NOT_MEASURABLE),
        (0, 200, UsageEvidence.NOT_MEASURABLE),
    ],
)
def test_a_bill_that_tells_private_calls_apart_reaches_every_outcome_under_the_shipped_rules(
    office: Office, private: int, unmarked: int, expected: UsageEvidence
):
    split_bill(office, private=private, unmarked=unmarked)
    found = declarations.outcomes(office.context, rules(), *MONTH)
    assert {each.outcome for each in found if each.device == 1} == {expected}
    assert {row[4] for row in office.sums() if row[3] == "private"} <= {""}, "private use keeps no detail"


def test_the_report_says_what_each_outcome_covers_and_what_would_have_to_be_measured(office: Office):
    split_bill(office, private=0, unmarked=200)
    made = declarations.report(office.context, rules(), Role.PRIVACY_OFFICER, *MONTH)
    said = canonical(made).decode()
    for text in (COVERS[Quantity.CALLS], COVERS[Quantity.MINUTES], NEEDED[Quantity.CALLS], FAIR_USE):
        assert text.message in said


def shown(made: Report, section: str) -> list[tuple[object, ...]]:
    return [tuple(row) for part in made.body if part.key == section for row in part.rows]


def test_no_report_names_a_worker_or_ranks_anybody(office: Office):
    office.take_in(office.bill(*BILL))
    for made in (
        feeds.channel_report(office.context, catalogue(), rules(), Role.PRIVACY_OFFICER, *MONTH),
        declarations.report(office.context, rules(), Role.PRIVACY_OFFICER, *MONTH),
    ):
        text = canonical(made).decode()
        assert "worker-" not in text
        assert "device-1" not in text


def test_contacts_without_a_known_reason_need_consent_two_people_and_a_reason(office: Office):
    office.take_in(office.bill(*BILL), consent="C-1")
    ask = {
        "asked_by": "account-1",
        "asked_as": Role.PRIVACY_OFFICER,
        "seconded_by": "account-2",
        "seconded_as": Role.INDEPENDENT_OFFICER,
        "reason": "inquiry 1",
        "first": MONTH[0],
        "last": MONTH[1],
    }
    for changed, said, problem in (
        ({}, rules(), EvidenceProblem.NO_CONSENT),
        ({"seconded_by": "account-1"}, rules(consent="C-1"), EvidenceProblem.SECOND_PERSON),
        ({"reason": " "}, rules(consent="C-1"), EvidenceProblem.SECOND_PERSON),
        ({"asked_as": Role.LINE_MANAGER}, rules(consent="C-1"), EvidenceProblem.NOT_CLEARED),
    ):
        with pytest.raises(EvidenceRefusedError) as refused:
            feeds.contact_facts(office.context, said, **(ask | changed))
        assert refused.value.problem is problem
    found = feeds.contact_facts(office.context, rules(consent="C-1"), **ask)
    (fact,) = found.facts
    assert (fact.ground, fact.incoming, fact.outgoing, fact.was_assigned) == (Ground.AFTER_CLOSURE, 1, 0, True)
    assert fact.days_since is not None
    assert found.with_reason == 1


def test_without_consent_no_contact_of_a_worker_with_a_client_is_kept(office: Office):
    office.take_in(office.bill(*BILL))
    assert office.everything()["client_contact"] == []
