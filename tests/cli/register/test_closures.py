"""`closeout closure`: who may, what is shown, confirmed, refused and taken back, as programs read it."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.core.days import AMSTERDAM
from tests.cli.conftest import Desk

POLICIES = Path(__file__).parents[3] / "agent_policies"
LAST_YEAR = str((datetime.now(AMSTERDAM) - timedelta(days=1)).date())


@pytest.fixture
def asking(desk: Desk) -> Desk:
    """A desk whose policy asks work supervisors, with a supervisor of team 1."""
    shutil.copy(POLICIES / "care-provider.yaml", desk.folder / "installation" / "policy.yaml")
    desk.take_in()
    desk.must("look")
    desk.must("run")
    (desk.folder / "password").write_text("an invented long password\n")
    worker = desk.organisation.workers[0].ref
    for name in ("supervisor-1", "supervisor-2"):
        desk.must(
            *("account", "add", name, "--role", "work_supervisor", "--worker", worker),
            *("--password-file", str(desk.folder / "password")),
        )
    return desk


def closure(desk: Desk, *arguments: str, by: str = "supervisor-1") -> dict[str, Any]:
    told = desk.say("--json", "--as", "work_supervisor", "closure", *arguments, "--by", by)
    return {"status": told.status, **told.json}


def waiting(desk: Desk) -> list[dict[str, Any]]:
    return closure(desk, "list")["sections"][0]["rows"]


def confirmed(desk: Desk) -> list[dict[str, Any]]:
    return closure(desk, "list")["sections"][1]["rows"]


def test_a_closure_is_confirmed_shown_and_taken_back(asking: Desk):
    before = [row for row in waiting(asking) if row["question"]]
    question = before[0]["question"]
    told = closure(asking, "confirm", question, "--on", LAST_YEAR)
    assert (told["status"], told["key"]) == (0, "closure_answered")
    assert closure(asking, "confirm", question, "--on", LAST_YEAR)["status"] == 0
    (row,) = confirmed(asking)
    assert (row["case"], row["by"], row["ended"]) == (before[0]["case"], "supervisor-1", None)
    assert closure(asking, "withdraw", row["closure"], by="supervisor-2")["key"] == "closure_withdrawn"
    (row,) = confirmed(asking)
    assert row["how"]["code"] == "withdrawn"
    assert [row["case"] for row in waiting(asking) if row["question"]] == [row["case"] for row in before]


def test_not_yet_is_recorded_and_removes_nothing(asking: Desk):
    question = next(row["question"] for row in waiting(asking) if row["question"])
    assert closure(asking, "not-yet", question)["key"] == "closure_answered"
    assert confirmed(asking) == []
    assert [row["not_yet"] is None for row in waiting(asking)][-1] is False


def test_what_cannot_be_done_is_refused_with_a_reason(asking: Desk):
    question = next(row["question"] for row in waiting(asking) if row["question"])
    tomorrow = str((datetime.now(AMSTERDAM) + timedelta(days=2)).date())
    assert closure(asking, "confirm", question, "--on", tomorrow)["key"] == "day_in_future"
    assert closure(asking, "confirm", "0" * 16, "--on", LAST_YEAR)["key"] == "changed_since"
    assert closure(asking, "confirm", question, "--on", LAST_YEAR, by="nobody")["key"] == "unknown_account"
    told = asking.say("--json", "--as", "privacy_officer", "closure", "list", "--by", "supervisor-1")
    assert (told.status, told.json["key"]) == (1, "not_cleared")
    assert confirmed(asking) == []
