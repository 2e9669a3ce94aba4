"""`closeout notify`: nothing set is nothing to do, a setting that is not valid is named, a schedule is kept to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.parts.listeners import OnAnyPort, Tray, collector, messages_of


@pytest.fixture
def mailed(shell: Shell) -> Iterator[Tray]:
    """A mail server that the settings name."""
    tray = Tray()
    controller = OnAnyPort(tray, hostname="127.0.0.1", port=0)
    controller.start()
    shell.environ |= {
        "CLOSEOUT_MAIL_SERVER": f"127.0.0.1:{controller.port}",
        "CLOSEOUT_MAIL_SECURITY": "none",
        "CLOSEOUT_MAIL_FROM": "closeout@sender.example",
    }
    yield tray
    controller.stop()


def plan_a_report(shell: Shell, text: str = "") -> None:
    who = "role: privacy_officer, language: nl, tell: [officer@organisation.example]"
    line = f"{{report: article30, every: month, {who}}}"
    (shell.folder / "installation" / "schedule.yaml").write_text(text or f"reports:\n  - {line}\n")


def test_where_nothing_is_set_there_is_nothing_to_do(shell: Shell) -> None:
    assert shell.must("notify")["key"] == "notified"


def test_a_report_that_is_due_is_made_and_told_once(shell: Shell, mailed: Tray) -> None:
    plan_a_report(shell)
    told = shell.must("notify")
    assert told["lines"][0] == "Reports made: 1. Mails sent: 1."
    assert shell.must("notify")["lines"][0] == "Reports made: 0. Mails sent: 0."
    ((_, recipients, message),) = mailed.taken
    assert recipients == ["officer@organisation.example"]
    assert re.search(r"http://127\.0\.0\.1:8080/reports/[0-9a-f]{16}\s", message.get_content())


def test_without_a_mail_server_it_is_said_and_the_report_is_kept(shell: Shell, mailed: Tray) -> None:
    plan_a_report(shell)
    server = shell.environ.pop("CLOSEOUT_MAIL_SERVER")
    status, told = shell.say("notify")
    assert (status, told["key"]) == (1, "mail_failed")
    shell.environ["CLOSEOUT_MAIL_SERVER"] = server
    assert shell.must("notify")["lines"][0] == "Reports made: 0. Mails sent: 1."


@pytest.mark.parametrize("text", ["reports: 1\n", "reports:\n  - {report: times}\n", "- a\n"])
def test_a_schedule_with_faults_is_named_and_nothing_is_made(shell: Shell, text: str) -> None:
    plan_a_report(shell, text)
    status, told = shell.say("notify")
    assert (status, told["key"]) == (1, "schedule_fault")
    assert "schedule.yaml" in told["title"]


def test_the_log_goes_to_the_collector_of_the_settings(shell: Shell) -> None:
    with collector() as there:
        shell.environ |= {
            "CLOSEOUT_SYSLOG_SERVER": f"127.0.0.1:{there.port}",
            "CLOSEOUT_SYSLOG_SECURITY": "none",
        }
        shell.must("notify")
        shell.must("--as", "auditor", "report", "times", "--format", "json", "--out", str(shell.folder / "r"))
        told = shell.must("notify")
        lines: list[Any] = [json.loads(each[each.index(b"{") :]) for each in messages_of(there.heard())]
    assert [each["kind"] for each in lines] == ["report_made"]
    assert told["sections"][0]["rows"] == [{"outlet": "syslog", "lines": 1, "problem": None}]


def test_the_doctor_tells_what_keeps_others_from_being_told(shell: Shell) -> None:
    def told() -> dict[str, str]:
        rows = shell.say("doctor")[1]["sections"][0]["rows"]
        return {row["what"]: row["well"]["code"] for row in rows if row["what"] in names}

    names = ("Mail", "Where the log is forwarded to", "Schedule of reports")
    assert told() == dict.fromkeys(names, "yes")
    plan_a_report(shell)
    shell.environ |= {"CLOSEOUT_SYSLOG_SERVER": "logs.example"}
    assert told() == {"Mail": "yes", "Where the log is forwarded to": "no", "Schedule of reports": "no"}
    shell.environ |= {"CLOSEOUT_MAIL_SERVER": "mail.example:25", "CLOSEOUT_MAIL_SECURITY": "none"}
    assert told() == {"Mail": "no", "Where the log is forwarded to": "no", "Schedule of reports": "yes"}
