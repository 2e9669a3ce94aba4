"""`closeout receipt` at the command line, on a real CardDAV server: issued, checked without an installation, opened."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.core.log.receipts import FORMAT
from tests.cli.conftest import Desk
from tests.cli.shell import Shell

SCRIPT = Path(__file__).parents[3] / "deploy" / "verify_receipt.py"


@pytest.mark.integration
def test_an_inspector_gets_a_sample_and_checks_it_without_an_installation(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    desk.take_in()
    desk.must("run")
    desk.must("verify")
    folder = tmp_path / "given"
    told = desk.must(
        "--json", "--as", "auditor", "receipt", "issue", str(folder), "--sample", "3", "--seed", "inspector"
    )
    files = sorted(folder.iterdir())
    key = desk.must("--json", "log", "key").json["title"].rpartition(" ")[2]
    assert (told.json["key"], len(files)) == ("receipts_issued", 3)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert json.loads(files[0].read_text())["statement"]["en"]["kept"].startswith("The server may keep what")

    elsewhere = Desk(desk.organisation, desk.server, tmp_path, {"CLOSEOUT_HOME": str(tmp_path / "none")}, desk.capture)
    checked = elsewhere.must("--json", "receipt", "verify", *map(str, files), "--key", key).json
    assert (checked["key"], {row["level"]["code"] for row in checked["sections"][0]["rows"]}) == (
        "receipts_proven",
        {"store_removed"},
    )
    shown = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), key, *map(str, files)], capture_output=True, text=True, check=True
    )
    assert shown.stdout.count("  BELIEVED") == 3

    monkeypatch.setattr(sys, "stdin", io.StringIO("06-99999999\n"))
    about = desk.say("--json", "--as", "privacy_officer", "receipt", "about", str(files[0]))
    assert (about.status, about.json["key"]) == (1, "other_contact")

    # Which receipts are drawn, and so why each contact went, is another in each installation.
    other = re.sub("finally_closed|monitoring_outside|no_longer_assigned", "never_assigned", files[0].read_text())
    assert other != files[0].read_text()
    files[0].write_text(other)
    changed = elsewhere.say("--json", "receipt", "verify", *map(str, files), "--key", key)
    assert (changed.status, changed.json["sections"][0]["rows"][0]["file"]) == (1, files[0].name)


def test_without_a_proven_removal_there_is_nothing_to_give_and_no_folder(shell: Shell, tmp_path: Path):
    status, told = shell.say("--as", "auditor", "receipt", "issue", str(tmp_path / "given"), "--item", "0" * 16)
    assert (status, told["key"], (tmp_path / "given").exists()) == (1, "no_receipt", False)


def test_what_is_no_receipt_is_not_believed(shell: Shell, tmp_path: Path):
    file = tmp_path / "some.json"
    file.write_text(json.dumps({"format": FORMAT}))
    key = shell.must("log", "key")["title"].rpartition(" ")[2]
    status, told = shell.say("receipt", "verify", str(file), "--key", key)
    assert (status, told["key"]) == (1, "receipts_not_proven")


@pytest.mark.parametrize("role", ["it_administrator", "worker"])
def test_who_may_not_read_the_log_issues_none(shell: Shell, tmp_path: Path, role: str):
    status, told = shell.say("--as", role, "receipt", "issue", str(tmp_path / "given"), "--sample", "1")
    assert (status, told["key"]) == (1, "not_cleared")
