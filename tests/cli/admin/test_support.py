"""A support bundle tells a maintainer what they need, and nothing that anybody typed; also where something ails."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from zipfile import ZipFile

import pytest

from server.cli import run_command
from tests.cli.shell import Shell
from tests.gates import gate_record

CANARIES = ("CANARY", "canary", "612987651", "06-12987651")
PARTS = [
    "README.txt",
    "about.json",
    "connections.json",
    "examinations.json",
    "log.json",
    "missing.json",
    "policy.json",
    "settings.json",
    "metrics.prom",
]


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """An installation in which whatever people type is a canary; its address book server does not answer."""
    made = Shell(tmp_path, capsys.readouterr)
    made.must("init", "CANARY organisation")
    secret = tmp_path / "canary-secret"
    secret.write_text("canary-password\n")
    connect = ("connection", "put", "CANARY-store", "--vendor", "carddav", "--url", "https://127.0.0.1:9/canary/")
    made.must(*connect, "--login", "canary-login", "--secret-file", str(secret))
    gate = gate_record("CANARY employer", "CANARY D-1", "CANARY C-1")
    made.must(*gate, "--purpose", "CANARY purpose", "--review", "2999-01-01", "--until", "2999-02-01")
    made.environ |= {
        "CLOSEOUT_MAIL_SERVER": "mail.canary.example:587",
        "CLOSEOUT_MAIL_FROM": "canary@agency.example",
        "CLOSEOUT_MAIL_PASSWORD": "canary-mail-password",
        "CLOSEOUT_LEASE_SECONDS": "90",
    }
    return made


def bundle(shell: Shell, name: str = "support.zip") -> dict[str, str]:
    told = shell.must("support-bundle", str(shell.folder / name))
    assert told["key"] == "support_bundle"
    with ZipFile(shell.folder / name) as opened:
        assert opened.testzip() is None
        return {each: opened.read(each).decode() for each in opened.namelist()}


def test_nothing_that_anybody_typed_is_in_it(shell):
    parts = bundle(shell)
    assert list(parts) == PARTS
    for name, text in parts.items():
        assert [each for each in (*CANARIES, str(shell.folder)) if each in text] == [], name
        assert name == "README.txt" or "hold" not in text.lower().replace("threshold", ""), name


def test_what_a_maintainer_needs_is_in_it(shell):
    parts = bundle(shell)
    told = {name: json.loads(text) for name, text in parts.items() if name.endswith(".json")}
    assert told["missing.json"] == {}
    assert told["settings.json"]["lease_seconds"] == 90.0
    assert told["settings.json"]["mail_password"] == "set"
    assert told["settings.json"]["web_url"] == "default"
    assert told["connections.json"] == [{"log_read": False, "options": [], "own_authority": False, "vendor": "carddav"}]
    assert told["about.json"]["database"]["tables"] is not None
    assert "SQLAlchemy" in told["about.json"]["libraries"]
    said = {each["what"]: (each["well"], each["remedy"]) for each in told["examinations.json"]}
    assert said["Policy {version}"][0], "the sentence as it stands in the code, with nothing filled in"
    assert said["Records compared with the log"] == (True, None)
    assert told["log.json"]["size"] > 0
    assert told["policy.json"] == {"as_put_in_force": True, "own_file": False}
    assert "closeout_" in parts["metrics.prom"]


def test_only_its_owner_can_read_it_and_no_file_is_overwritten(shell):
    bundle(shell)
    file = shell.folder / "support.zip"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert shell.say("support-bundle", str(file))[1]["key"] == "file_exists"
    assert file.read_bytes() == before


@pytest.mark.parametrize("broken", ["closeout.db", "keys/sealing.key", "policy.yaml"])
def test_it_is_made_of_an_installation_that_ails_and_says_what_could_not_be_had(shell, broken):
    (shell.folder / "installation" / broken).write_bytes(b"CANARY is no database and no key\n" * 100)
    parts = bundle(shell)
    missing = json.loads(parts["missing.json"])
    assert missing
    assert all(" at " in each for each in missing.values()), "the kind of error and where, no more"
    assert not [name for name, text in parts.items() if "CANARY" in text]


def test_where_there_is_no_installation_it_says_so_too(tmp_path, capsys):
    file = tmp_path / "support.zip"
    assert run_command(["support-bundle", str(file)], {"CLOSEOUT_HOME": str(tmp_path / "none"), "LANG": "en"}) == 0
    with ZipFile(file) as opened:
        assert "database" in json.loads(opened.read("missing.json"))
    assert not (tmp_path / "none").exists()
