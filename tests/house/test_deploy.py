"""What `deploy/` ships names commands and settings that there are, and systemd takes its units."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from server.cli.commands import COMMANDS
from server.cli.lazy import Lazy
from server.settings import read_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_that_there_is(unit):
    line = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)[1]
    program, command, *within = line.split(" ")
    known = COMMANDS[command]
    for each in within:
        if isinstance(known, Lazy):
            break  # what follows is given to it
        known = known.commands[each]
    assert (program, isinstance(known, Lazy)) == ("/opt/closeout/bin/closeout", True)


def test_the_settings_file_holds_settings_and_no_secret(tmp_path):
    lines = [line for line in (DEPLOY / "systemd" / "closeout.env").read_text().splitlines() if line[:1] != "#"]
    given = dict(line.split("=", 1) for line in lines)
    assert [name for name in given if "PASSWORD" in name or "SECRET" in name] == []
    (tmp_path / "url").write_text("sqlite://\n")
    settings = read_settings(given | {"CLOSEOUT_DATABASE_FILE": str(tmp_path / "url")})
    assert (settings.database, settings.web_proxy) == ("sqlite://", "127.0.0.1")


def test_the_manual_names_commands_that_there_are():
    text = (DEPLOY / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    named = set(re.findall(r"`closeout ([a-z][a-z-]*)", text)) | set(re.findall(r"closeout ([a-z][a-z-]*) --", text))
    assert named - set(COMMANDS) == set()
    assert len(named) > 5


def test_the_manual_of_a_witness_names_commands_that_there_are():
    text = (DEPLOY / "WITNESS.md").read_text(encoding="utf-8")
    named = set(re.findall(r"closeout witness ([a-z-]+)", text))
    assert named <= set(COMMANDS["witness"].commands)
    assert len(named) > 3


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine to check units with")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_unit_and_finds_it_well_closed(tmp_path, unit):
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], check=False, capture_output=True, text=True
    )
    assert (checked.returncode, [line for line in checked.stderr.splitlines() if unit.name in line]) == (0, [])
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", copy],
        check=False,
        capture_output=True,
        text=True,
    )
    assert judged.returncode == 0, judged.stdout[-300:]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine to check units with")
def test_systemd_takes_the_timer_of_backups_and_knows_when_it_runs_next(tmp_path):
    for each in (DEPLOY / "systemd").glob("closeout-backup.*"):
        copy = tmp_path / each.name
        copy.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", each.read_text(), flags=re.MULTILINE))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "closeout-backup.timer"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, [line for line in checked.stderr.splitlines() if "closeout" in line]) == (0, [])
    when = re.search(r"^OnCalendar=(.*)$", (tmp_path / "closeout-backup.timer").read_text(), re.MULTILINE)[1]
    subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)
