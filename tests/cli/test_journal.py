"""What a process says of itself: lines for people, or objects for a collector of logs, and never a traceback."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.cli import journal

INVENTED = "06-12345678"


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal._Form, "as_json", True)


def fault() -> logging.LogRecord:
    try:
        {}[INVENTED]
    except KeyError:
        return logging.LogRecord("any", logging.ERROR, __file__, 1, "broke\noff", (), sys.exc_info())


def test_a_line_for_people_has_the_kind_of_a_fault_and_nothing_that_was_typed():
    line = journal._Line().format(fault())
    assert line.startswith("broke off: KeyError at ")
    assert "\n" not in line
    assert INVENTED not in line


def test_a_line_for_a_collector_is_one_object_with_time_level_process_and_message(as_json):
    line = journal._Line().format(fault())
    told = json.loads(line)
    assert "\n" not in line
    assert INVENTED not in line
    assert set(told) == {"time", "level", "run", "pid", "message"}
    assert abs(datetime.fromisoformat(told["time"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert (told["level"], told["pid"], told["run"]) == ("error", os.getpid(), journal._Form.run)
    assert told["message"].startswith("broke off: KeyError at ")


def test_the_number_that_a_page_shows_stands_by_itself_in_the_line_of_its_fault(as_json):
    record = logging.makeLogRecord({"msg": "fault %s: %s", "args": ("1a2b3c4d", "KeyError"), "number": "1a2b3c4d"})
    assert json.loads(journal._Line().format(record))["number"] == "1a2b3c4d"


def test_an_engine_says_each_of_its_lines_as_an_object_where_the_setting_asks_for_it(tmp_path: Path):
    environ = {**os.environ, "CLOSEOUT_HOME": str(tmp_path / "here"), "LANG": "en", "CLOSEOUT_LOG_FORMAT": "json"}

    def closeout(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "server", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert closeout("init", "Invented organisation", "--demo").returncode == 0
    ran = closeout("engine", "--once")
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert ran.returncode == 0, ran
    assert [each["message"].partition(" ")[0] for each in lines] == ["round"]
    assert {each["level"] for each in lines} == {"info"}
    assert len({each["run"] for each in lines}) == 1
