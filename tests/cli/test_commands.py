"""What a person at the command line gets: the story, the roles, the refusals, the same answers as JSON."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mdm_adapters.port import Fault
from server.app import SHIPPED_POLICY
from server.cli import run_command
from server.cli.commands import closeout
from server.cli.lazy import help_texts
from server.core.days import AMSTERDAM
from server.core.model import CLEARED_FOR_CASES, CLEARED_FOR_HOLDS, Role
from server.core.text import Text
from server.render.words import Words
from tests.cli.conftest import Desk
from tests.gates import gate_record

pytestmark = pytest.mark.parts


def test_a_closed_case_ends_as_a_proven_absent_contact(desk: Desk):
    desk.take_in()
    desk.must("look")
    planned = desk.must("--json", "plan").json
    removals = next(section for section in planned["sections"] if section["key"] == "removals")["rows"]
    assert removals
    desk.must("run")
    verified = desk.must("--json", "verify").json
    assert verified["key"] == "verified"
    again = desk.must("--json", "run").json
    assert "New orders: 0. Stopped: 0." in again["lines"]
    assert desk.must("log", "verify").status == 0
    rows = desk.say("--json", "doctor").json["sections"][0]["rows"]
    assert {row["what"] for row in rows if row["remedy"]} <= {"Removals that wait for a person"}


def test_an_it_administrator_sees_opaque_items_and_a_privacy_officer_cases_and_workers(desk: Desk):
    desk.take_in()
    desk.must("look")
    for role in Role:
        section = desk.must("--json", "--as", str(role), "plan").json["sections"][0]
        keys = [column["key"] for column in section["columns"]]
        if role in CLEARED_FOR_CASES:
            assert keys == ["item", "case", "worker", "place", "reason"]
        else:
            assert keys == ["item", "reason"]


def test_no_case_number_or_worker_shows_to_an_it_administrator_in_any_answer(desk: Desk):
    desk.take_in()
    said = "".join(
        desk.say(*arguments).out
        for arguments in (
            ("look",),
            ("plan",),
            ("run",),
            ("verify",),
            ("status",),
            ("finding", "list"),
            ("deviation", "list"),
            ("place", "list"),
            ("place", "check"),
            ("report", "removals", "--out", str(desk.folder / "reports")),
        )
    )
    said += "".join(file.read_text(errors="replace") for file in (desk.folder / "reports").iterdir())
    numbers = {case.number for case in desk.organisation.cases}
    assert {number for number in numbers if re.search(rf"\b{number}\b", said)} == set()
    assert {worker.ref for worker in desk.organisation.workers if worker.ref in said} == set()


def test_a_hold_stops_removal_and_looks_like_any_other_postponement(desk: Desk):
    desk.take_in()
    desk.must("look")
    before = desk.must("--json", "--as", "privacy_officer", "plan").json
    victim = before["sections"][0]["rows"][0]
    case = victim["case"]["value"] if isinstance(victim["case"], dict) else victim["case"]
    held = desk.must("--as", "investigator", "hold", "set", "--case", case, "--reason", "inquiry 1")
    assert "in force" in held.out
    after = desk.must("--json", "--as", "privacy_officer", "plan").json
    assert after == before
    desk.must("run")
    after = desk.must("--json", "--as", "privacy_officer", "plan").json
    assert [section["key"] for section in after["sections"]] == ["reviews"]
    cleared = desk.must("--json", "--as", "investigator", "plan").json
    sections = {section["key"]: section["rows"] for section in cleared["sections"]}
    deferral_of = {str(row["item"]): row for row in sections["deferrals"]}
    assert str(victim["item"]) in deferral_of
    assert len({str(row["reason"]) for row in sections["deferrals"]}) == 1
    assert "hold" not in desk.must("--as", "privacy_officer", "status").out.lower()


def test_only_those_cleared_may_set_see_or_release_a_hold(desk: Desk):
    desk.take_in()
    for role in Role:
        status = desk.say("--as", str(role), "hold", "list").status
        assert (status == 0) == (role in CLEARED_FOR_HOLDS), role


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("init", "Another"), "already_there"),
        (("connection", "put", "x", "--vendor", "nobody", "--url", "https://127.0.0.1/"), "unknown_vendor"),
        (("connection", "put", "x", "--vendor", "carddav", "--url", "https://dav.example.org/"), "demo_not_loopback"),
        (("release", "no-such-plan"), "not_found"),
        (
            (
                "--as",
                "privacy_officer",
                "finding",
                "close",
                "no-such-finding",
                "--outcome",
                "explained",
                "--conclusion",
                "seen",
            ),
            "not_found",
        ),
        (("--as", "investigator", "hold", "set", "--worker", "nobody", "--reason", "x"), "unknown_worker"),
        (("--as", "investigator", "hold", "set", "--case", "000000", "--reason", "x"), "unknown_case"),
        (("--as", "investigator", "hold", "release", "nothing"), "not_found"),
        (("log", "verify", "--checkpoint", "no-such-file"), "no_checkpoints"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(desk: Desk, arguments: tuple[str, ...], key: str):
    told = desk.say("--json", *arguments)
    assert (told.status, told.json["ok"], told.json["key"]) == (1, False, key)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "empty_file"),
        ("worker;employer;connection;address;colour\n", "unknown_column"),
        ("worker;employer;connection\n", "missing_column"),
        ("worker;employer;connection;address\nworker-01;Employer;books;\n", "missing_value"),
        ("worker;employer;connection;address\nworker-01;Employer;elsewhere;/x/\n", "unknown_connection"),
        ("worker;employer;connection;address\nworker-01;Employer;books;https://evil.example/x/\n", "other_host"),
        (
            "worker;employer;connection;address;devices;logins\nworker-01;Employer;books;/x/;phone-1 phone-2;login-1\n",
            "logins_do_not_fit",
        ),
        ("worker;employer;connection;address\nworker\0-01;Employer;books;/x/\n", "not_text"),
    ],
)
def test_a_list_of_places_goes_in_whole_or_not_at_all(desk: Desk, tmp_path: Path, text: str, key: str):
    before = desk.must("--json", "place", "list").json
    file = tmp_path / "bad.csv"
    file.write_text(text)
    assert desk.say("--json", "place", "import", str(file)).json["key"] == key
    assert desk.must("--json", "place", "list").json == before


def test_a_wrong_password_says_what_to_do_and_forgets_nothing(desk: Desk):
    desk.take_in()
    desk.must("look")
    known = desk.must("--json", "--as", "privacy_officer", "plan").json["sections"]
    (desk.folder / "service.password").write_text("no longer right")
    told = desk.say("look")
    assert told.status == 1
    assert Words("en").advise(Fault.WRONG_CREDENTIALS) in told.out
    assert desk.must("--json", "--as", "privacy_officer", "plan").json["sections"] == known


def test_a_deviation_keeps_a_contact_that_would_go_and_stays_within_the_policys_tiers(desk: Desk):
    desk.take_in()
    desk.must("look")
    before = desk.must("--json", "--as", "privacy_officer", "plan").json["sections"][0]["rows"]
    case, worker = before[0]["case"], before[0]["worker"]
    add = (
        "--as",
        "work_supervisor",
        "deviation",
        "add",
        "--case",
        case,
        "--worker",
        worker,
        "--reason",
        "agreed",
        "--decided-by",
        "work supervisor",
    )
    today = datetime.now(AMSTERDAM).date()
    far, near = str(today + timedelta(days=90)), str(today + timedelta(days=10))
    assert desk.say("--json", *add, "--tier", "self", "--until", far).json["key"] == "too_long"
    assert desk.say("--json", *add, "--tier", "self", "--until", "2020-01-01").json["key"] == "ends_in_past"
    desk.must(*add, "--tier", "self", "--until", near)
    after = desk.must("--json", "--as", "privacy_officer", "plan").json["sections"][0]["rows"]
    gone = {row["item"] for row in before} - {row["item"] for row in after}
    assert gone == {row["item"] for row in before if (row["case"], row["worker"]) == (case, worker)}
    assert len(desk.must("--json", "--as", "privacy_officer", "deviation", "list").json["sections"][0]["rows"]) == 1


def test_the_policy_in_force_is_sound_keeps_its_examples_and_explains_itself(desk: Desk):
    desk.take_in()
    desk.must("look")
    assert desk.must("--json", "policy", "check").json["key"] == "policy_sound"
    assert desk.must("--json", "policy", "test").json["ok"]
    row = desk.must("--json", "--as", "privacy_officer", "plan").json["sections"][0]["rows"][0]
    told = desk.must("--as", "privacy_officer", "policy", "explain", row["case"], row["worker"])
    assert "This is what the rule" in told.out
    assert desk.say("--json", "policy", "explain", row["case"], row["worker"]).json["key"] == "not_cleared"


def test_a_policy_is_tried_in_every_situation_and_a_contradiction_it_does_not_accept_ends_with_a_status(desk: Desk):
    sound = desk.must("--json", "policy", "lint").json
    rows = {each["key"]: each["rows"] for each in sound["sections"]}
    accepted = [(row["name"], row["accepted"][:23]) for row in rows["contradictions"]]
    assert (sound["key"], accepted) == ("policy_without_contradictions", [("C4", "Nothing is put back yet")])
    assert {len(rows["gaps"]), len(rows["never"]), len(rows["not_said"])} == {1, 0, 6}
    assert {"first": "classes_that_stay", "second": "never_assigned"}.items() <= rows["meets"][8].items()

    shipped = Path("agent_policies/veilig-thuis.yaml").read_text("utf-8")
    own = Path(desk.environ["CLOSEOUT_HOME"]) / "own.yaml"
    own.write_text(shipped.replace("required: true", "required: false").replace("  C4: ", "  C9: "), "utf-8")
    found = desk.say("--json", "policy", "lint", str(own))
    assert (found.status, found.json["ok"], found.json["key"]) == (1, True, "policy_contradictions")
    assert [row["name"] for row in found.json["sections"][0]["rows"]] == ["C1", "C4"]
    assert found.json["lines"][1:] == ["The policy accepts C9, which is not found any more: take it out."]

    catalogue = Path(desk.environ["CLOSEOUT_HOME"]) / "unwatched.yaml"
    channels = Path("agent_policies/channels/veilig-thuis.yaml").read_text("utf-8")
    catalogue.write_text(channels.replace("watched: [whatsapp, ", "watched: ["), "utf-8")
    told = desk.say("--language", "nl", "policy", "lint", "--channels", str(catalogue))
    assert (told.status, "3 tegenstrijdigheden zijn in het beleid niet beslist." in told.out) == (1, True)

    own.write_text("policy: {}\n", "utf-8")
    assert desk.say("--json", "policy", "lint", str(own)).json["key"] == "policy_faults"


def test_a_policy_with_faults_is_told_whole_and_nothing_runs_under_it(desk: Desk):
    policy = Path(desk.environ["CLOSEOUT_HOME"]) / "policy.yaml"
    policy.write_text("policy:\n  name: x\n  name: y\nrules: {}\n")
    assert len(desk.say("--json", "policy", "check").json["sections"][0]["rows"]) > 3
    assert desk.say("--json", "run").json["key"] == "policy_fault"


def test_a_policy_file_edited_in_place_stops_removing_and_everybody_is_told_why(desk: Desk):
    desk.take_in()
    desk.must("engine", "--once")
    policy = Path(desk.environ["CLOSEOUT_HOME"]) / "policy.yaml"
    text = policy.read_text() if policy.exists() else SHIPPED_POLICY.read_text()
    policy.write_text(text.replace("days: 14", "days: 2", 1))
    assert desk.say("--json", "run").json["key"] == "policy_edited"
    assert desk.say("--json", "engine", "--once").json["key"] == "policy_edited"
    assert "The policy file is not what was put in force." in desk.say("doctor").out
    assert "The policy file is not what was put in force." in desk.say("log", "verify").out


def test_the_engine_reads_decides_removes_and_proves_in_one_round(desk: Desk):
    desk.take_in()
    desk.must("engine", "--once")
    states = desk.must("--json", "status").json["sections"][0]["rows"]
    assert {_code(row["state"]) for row in states} <= {"done", "person"}


def _code(value: object) -> str:
    return value["code"] if isinstance(value, dict) else str(value)


def test_keys_of_another_installation_are_refused(desk: Desk):
    key = Path(desk.environ["CLOSEOUT_HOME"]) / "keys" / "identifier.key"
    key.write_bytes(b"\1" * 32)
    assert desk.say("--json", "plan").json["key"] == "other_key"


def test_a_key_that_others_can_read_is_refused(desk: Desk):
    key = Path(desk.environ["CLOSEOUT_HOME"]) / "keys" / "sealing.key"
    key.chmod(0o644)
    assert desk.say("--json", "plan").json["key"] == "key_fault"
    ill = [row for row in desk.say("--json", "doctor").json["sections"][0]["rows"] if row["remedy"]]
    assert len(ill) == 1


def test_a_real_organisation_is_not_read_before_the_gate_is_open(tmp_path: Path, desk: Desk):
    desk.environ["CLOSEOUT_HOME"] = str(tmp_path / "real")
    desk.must("init", "Invented organisation real")
    desk.must(
        *("connection", "put", "books", "--vendor", "carddav", "--url", desk.server.url, "--login", "service"),
        *("--secret-file", str(tmp_path / "service.password")),
    )
    desk.must("place", "import", str(tmp_path / "places.csv"))
    assert desk.must("--json", "look").json["sections"][0]["rows"] == []
    gate = (*gate_record(), "--purpose", "P")
    assert desk.say("--json", *gate, "--review", "2020-01-01", "--until", "2020-02-01").json["key"] == "ends_in_past"
    assert (
        desk.say("--json", *gate, "--review", "2099-02-01", "--until", "2099-01-01").json["key"] == "review_after_end"
    )
    desk.must(*gate, "--review", "2099-01-01", "--until", "2099-02-01")
    assert len(desk.must("--json", "look").json["sections"][0]["rows"]) == len(desk.organisation.workers)


def test_without_an_installation_the_command_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(["--home", str(tmp_path / "none"), "plan"], {}) == 1
    assert "closeout init" in capsys.readouterr().out


@pytest.mark.parametrize(
    "environ", [{"CLOSEOUT_LEASE_SECONDS": "soon"}, {"CLOSEOUT_COLOUR": "red"}, {"CLOSEOUT_DATABASE_FILE": "/no/such"}]
)
def test_a_setting_that_cannot_be_meant_is_named(environ: dict[str, str], capsys: pytest.CaptureFixture[str]):
    assert run_command(["status"], environ) == 78
    assert next(iter(environ)) in capsys.readouterr().err


def test_help_speaks_dutch_too(capsys: pytest.CaptureFixture[str]):
    words = Words("nl")
    assert [text for text in help_texts(closeout) if words.say(Text(text)) == text] == []
    assert run_command(["--language", "nl", "hold", "--help"], {}) == 0
    assert (
        words.say(
            Text("Set a hold: asks what it is about and why, and waits until nothing that it covers is under way.")
        )[:20]
        in capsys.readouterr().out
    )


def test_update_says_that_there_is_nothing_to_do_and_never_touches_tables_of_a_newer_version(tmp_path, capsys):
    environ = {"CLOSEOUT_HOME": str(tmp_path / "home"), "CLOSEOUT_LANGUAGE": "en"}
    assert run_command(["init", "Invented organisation", "--demo"], environ) == 0
    capsys.readouterr()
    assert run_command(["update"], environ) == 0
    assert "there was nothing to do" in capsys.readouterr().out
    with closing(sqlite3.connect(tmp_path / "home" / "closeout.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    for arguments in (["update"], ["status"]):
        assert run_command(arguments, environ) == 1
        assert "A newer version of closeout made these tables" in capsys.readouterr().out
    assert run_command(["doctor"], environ) == 1
    assert "Install that version again" in " ".join(capsys.readouterr().out.split())


def test_a_look_at_nothing_says_what_is_still_missing(tmp_path, capsys):
    environ = {"CLOSEOUT_HOME": str(tmp_path / "home"), "CLOSEOUT_LANGUAGE": "en"}
    assert run_command(["init", "Organisation one"], environ) == 0
    capsys.readouterr()
    assert run_command(["look"], environ) == 0
    said = capsys.readouterr().out
    assert "There is no address book with DPIA and consent in force." in said
    assert [line for line in said.splitlines() if line.startswith("  - ")] == [
        "  - Say where contacts can be with: closeout place import",
        "  - Record DPIA and works-council consent with: closeout gate record",
    ]
