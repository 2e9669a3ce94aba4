"""Feeds, declarations and their reports at the command line: from file to command to report."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import click
import pytest

from server.cli.usage.evidence import DayRange
from server.core.days import AMSTERDAM
from server.sources.usage_mapping import load_usage_mapping
from tests.cli.shell import Shell
from tests.gates import gate_record

SAMPLES = Path(__file__).parents[3] / "agent_policies" / "sources" / "usage" / "samples"
LAST_MONTH = (datetime.now(AMSTERDAM).date().replace(day=1) - timedelta(days=1)).replace(day=3)
MONTH = ("--period", f"{LAST_MONTH:%Y-%m}")


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ("2026-08-31..2026-11-29", (date(2026, 8, 31), date(2026, 11, 29))),
        ("2026-10-05..2026-10-05", (date(2026, 10, 5), date(2026, 10, 5))),
        ("2026-10-05", (date(2026, 10, 5), date(2026, 10, 5))),
        ("2026-02", (date(2026, 2, 1), date(2026, 2, 28))),
    ],
)
def test_the_days_of_a_file_are_a_range_a_day_or_a_month(said, days):
    assert DayRange().convert(said, None, None) == days


@pytest.mark.parametrize("said", ["2026-11-29..2026-08-31", "2026-08-31..", "2026-08..2026-09", "august", "2026-13"])
def test_what_is_no_range_of_days_is_refused(said):
    with pytest.raises(click.BadParameter):
        DayRange().convert(said, None, None)


def moments(folder: Path) -> Path:
    file = folder / "moments.csv"
    rows = [f"worker-{n};{LAST_MONTH};{'WhatsApp' if n < 3 else 'telefonisch'};cliënt;uitgaand" for n in range(1, 8)]
    file.write_text("Medewerker;Datum;Kanaal;Soort betrokkene;Richting;Notitie\n" + ";x\n".join(rows) + ";x\n")
    return file


def test_contact_moments_go_from_file_to_report_and_the_file_is_deleted_when_asked(shell: Shell):
    file = moments(shell.folder)
    told = shell.must("usage", "import", str(file), "--mapping", "contact-moments", *MONTH, "--destroy")
    assert told["key"] == "usage_applied"
    assert "Columns passed over without reading: moments.csv, column 6." in told["lines"]
    assert not file.exists()
    again = shell.must("usage", "import", str(moments(shell.folder)), "--mapping", "contact-moments", *MONTH)
    assert again["key"] == "usage_known"
    (run,) = shell.must("usage", "list")["sections"][0]["rows"]
    assert (run["feed"], run["rows"], run["unplaced"]) == ("contact-moments", 0, None), "no count that others withhold"
    out = shell.folder / "reports"
    told = shell.must("--as", "privacy_officer", "report", "channels", "--out", str(out))
    assert told["key"] == "report_written"
    assert {file.suffix for file in out.iterdir()} == {".html", ".pdf", ".xlsx", ".csv", ".json"}
    page = next(out.glob("*.html")).read_text()
    made = json.loads(next(out.glob("*.json")).read_text())
    assert made["figures"] == [], "of seven contacts nothing is told"
    assert "Recorded in the case file" in page
    assert "worker-1" not in page
    shell.must("usage", "withdraw", "contact-moments")
    assert shell.say("usage", "withdraw", "contact-moments")[1]["key"] == "unknown_feed"


def test_what_another_file_said_is_replaced_only_with_its_word_and_is_put_in_again_on_demand(shell: Shell):
    importing = ("--mapping", "contact-moments", *MONTH)
    shell.must("usage", "import", str(moments(shell.folder)), *importing)
    before = shell.must("usage", "list")["sections"][0]["rows"]
    other = shell.folder / "other.csv"
    other.write_text(f"Medewerker;Datum;Kanaal;Soort betrokkene\nworker-1;{LAST_MONTH};WhatsApp;cliënt\n")
    status, told = shell.say("usage", "import", str(other), *importing)
    assert (status, told["key"]) == (1, "usage_asked")
    rows = {row["what"]: (row["before"], row["after"]) for row in told["sections"][0]["rows"]}
    assert (rows["Phones or accounts"], rows["Daily sums"]) == ((7, 1), (7, 1))
    assert shell.must("usage", "list")["sections"][0]["rows"] == before
    word = told["what_next"][0].split()[-1]
    assert shell.must("usage", "import", str(other), *importing, "--confirm", word)["key"] == "usage_applied"
    (run,) = shell.must("usage", "list")["sections"][0]["rows"]
    assert (run["rows"], run["replaced"]) == (0, 7)
    assert shell.must("usage", "undo", "contact-moments")["lines"] == ["Daily sums out: 1. Put back: 7."]
    assert shell.must("usage", "list")["sections"][0]["rows"] == before
    assert shell.say("usage", "undo", "contact-moments")[1]["key"] == "nothing_to_undo"


@pytest.mark.parametrize(
    ("mapping", "file", "rows"),
    [
        ("soti-call-log", "soti-call-log.json", 3),
        ("knox-screen-time", "knox-screen-time.jsonl", 4),
        ("zgw-klantcontact", "zgw-klantcontact-2026-10.json", 2),
        ("invented-cdr", "invented-cdr-20261001-20261031.csv", 6),
    ],
)
def test_a_file_as_its_vendor_writes_it_is_imported_by_its_shipped_mapping(
    shell: Shell, mapping: str, file: str, rows: int
):
    text = (SAMPLES / file).read_text("utf-8").replace("2026-10", f"{LAST_MONTH:%Y-%m}").replace("-31T", "-28T")
    copy = shell.folder / f"feed{Path(file).suffix}"
    copy.write_text(text, "utf-8")
    told = shell.must("usage", "import", str(copy), "--mapping", mapping, *MONTH)
    assert told["title"] == f"The feed {load_usage_mapping(mapping).feed} is imported: {rows} rows."


def test_a_faulty_file_is_told_by_line_and_changes_nothing(shell: Shell):
    file = shell.folder / "bad.csv"
    file.write_text(f"Medewerker;Datum;Kanaal;Soort betrokkene\nworker-1;{LAST_MONTH};WhatsApp;buurman\n")
    status, told = shell.say("usage", "import", str(file), "--mapping", "contact-moments", *MONTH)
    assert (status, told["key"]) == (1, "usage_faulty")
    (row,) = told["sections"][0]["rows"]
    assert (row["line"], row["field"]) == (2, "usage.class")
    assert "buurman" not in json.dumps(told)
    assert shell.must("usage", "list")["sections"][0]["rows"] == []


def test_declarations_are_signed_listed_checked_and_reported(shell: Shell):
    scan = shell.folder / "scan.pdf"
    scan.write_bytes(b"an invented scan")
    assert shell.say("declaration", "sign", "--device", "device-1")[1]["key"] == "scan_needed"
    told = shell.must("declaration", "sign", "--device", "device-1", "--scan", str(scan), "--loan-agreement", "L-1")
    shell.must("declaration", "countersign", told["title"].split()[-1].rstrip("."), "--by", "manager-1")
    shell.must("declaration", "conversation", "--device", "device-1", "--on", str(LAST_MONTH))
    rows = shell.must("--as", "privacy_officer", "declaration", "list")["sections"][0]["rows"]
    assert [row["state"]["code"] for row in rows] == ["valid"] + ["missing"] * 6
    assert "worker" in rows[0]
    assert "worker" not in shell.must("--as", "it_administrator", "declaration", "list")["sections"][0]["rows"][0]
    assert shell.must("declaration", "check", "--sample", "3", "--seed", "2026")["key"] == "check_recorded"
    assert shell.must("declaration", "outcomes")["key"] == "outcomes"
    told = shell.must("--as", "privacy_officer", "report", "declarations", "--out", str(shell.folder / "reports"))
    assert told["key"] == "report_written"
    assert len(shell.must("finding", "list")["sections"][0]["rows"]) == 12


def test_a_real_organisation_is_not_observed_before_its_own_gate_is_open(tmp_path: Path, shell: Shell):
    shell.environ["CLOSEOUT_HOME"] = str(tmp_path / "real")
    shell.must("init", "Invented organisation real")
    gate = (*gate_record(), "--purpose", "P", "--review", "2099-01-01", "--until", "2099-02-01")
    file = moments(shell.folder)
    shell.must(*gate)
    assert shell.say("usage", "import", str(file), "--mapping", "contact-moments", *MONTH)[1]["key"] == "gate_closed"
    shell.must(*gate, "--scope", "observation")
    assert shell.must("usage", "import", str(file), "--mapping", "contact-moments", *MONTH)["key"] == "usage_applied"


def test_a_list_goes_in_by_the_same_command_and_one_with_a_fault_does_not(shell: Shell):
    file = shell.folder / "shared.csv"
    file.write_text("Toestel\ndevice-1\ndevice-99\n")
    told = shell.must("usage", "import", str(file), "--mapping", "shared-devices", "--destroy")
    assert told["key"] == "list_taken"
    assert told["lines"][0] == "Not linked to a person or thing we know: 1. Not read without DPIA and consent: 0."
    assert not file.exists()
    file.write_text("Toestel;Van\ndevice-1;soon\n")
    status, told = shell.say("usage", "import", str(file), "--mapping", "shared-devices", "--destroy")
    assert (status, told["key"]) == (1, "list_faulty")
    assert file.exists()


def test_what_workers_wrote_is_for_the_cleared_and_reminders_need_somebody_to_take_them(shell: Shell):
    assert shell.say("--as", "it_administrator", "declaration", "contests")[1]["key"] == "not_cleared"
    assert shell.must("--as", "privacy_officer", "declaration", "contests")["sections"][0]["rows"] == []
    assert shell.say("declaration", "answer", "0123456789ab")[1]["key"] == "unknown_contest"
    told = shell.must("declaration", "remind")
    assert told["title"] == "Reminders sent: 0."
    assert told["lines"] == ["Due and without a mailbox that we know: 7. Ask them yourself."]


def test_by_command_nobody_asks_for_contacts_by_name_since_nobody_knows_which_worker_they_are(shell: Shell):
    ask = ("--as", "privacy_officer", "usage", "contacts", "ask", "--from", "2026-01-01", "--until", "2026-01-31")
    assert shell.say(*ask, "--reason", "inquiry 1")[1]["key"] == "no_consent"
    own = (Path(__file__).parents[3] / "agent_policies/evidence/veilig-thuis.yaml").read_text("utf-8")
    (shell.folder / "installation" / "evidence.yaml").write_text(
        own.replace("consent: null", "consent: C-1"), encoding="utf-8"
    )
    assert shell.say(*ask, "--reason", "inquiry 1")[1]["key"] == "worker_not_known"
    grant = ("--as", "independent_officer", "usage", "contacts", "grant", "0123456789ab")
    assert shell.say(*grant)[1]["key"] == "not_asked"
