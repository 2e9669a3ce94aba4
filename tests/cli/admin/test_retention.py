"""`closeout retention`: what goes when, who may ask and who may let it go."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.core.model import Role
from server.core.policy.retention import RowKind
from tests.cli.shell import Shell
from tests.web.town import POLICIES


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys.readouterr)
    shell.must("init", "Organisation 1", "--demo")
    return shell


def table(answer: dict, key: str) -> dict:
    return next(each for each in answer["sections"] if each["key"] == key)


def test_the_plan_tells_of_every_kind_and_a_run_of_a_person_lets_it_go(shell: Shell) -> None:
    told = shell.must("--as", "privacy_officer", "retention", "plan")
    assert told["key"] == "retention_planned"
    rows = table(told, "standing")["rows"]
    assert len(rows) == len(RowKind) + 1
    assert {row["going"] for row in rows} == {0}
    assert {row["by"] for row in rows} == {"A person, first"}
    assert all(str(row["source"]).startswith("Assumed: ") for row in rows)
    kept = [row["what"] for row in table(told, "kept")["rows"]]
    assert "The log, open and restricted" in kept
    assert "Sums of use, and the files that they came from" in kept

    assert shell.must("--as", "privacy_officer", "retention", "run")["key"] == "retention_ran"
    told = shell.must("--as", "privacy_officer", "retention", "plan")
    assert {row["by"] for row in table(told, "standing")["rows"]} == {"The background worker, daily"}


def test_only_roles_that_may_are_answered(shell: Shell) -> None:
    for role in ("auditor", "data_protection_officer"):
        shell.must("--as", role, "retention", "plan")
        assert shell.say("--as", role, "retention", "run")[0] == 1
    assert shell.say("--as", "line_manager", "retention", "plan")[0] == 1
    for role in set(Role) - {Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR, Role.CASE_SYSTEM}:
        assert shell.say("--as", role.value, "retention", "copies")[0] == 1
    assert shell.must("--as", "independent_officer", "retention", "copies")["key"] == "retention_copies"


def test_a_policy_without_periods_keeps_everything_and_says_so(shell: Shell) -> None:
    text = (POLICIES / "veilig-thuis.yaml").read_text("utf-8")
    older = re.sub(r"\nretention:\n.*?(?=\nexamples:\n)", "\n", text, flags=re.DOTALL)
    (shell.folder / "installation" / "policy.yaml").write_text(older, "utf-8")
    (remark,) = table(shell.must("policy", "check"), "remarks")["rows"]
    assert remark["problem"] == "No period is given for what closeout itself keeps: all of it is kept for good."
    told = shell.must("--as", "privacy_officer", "retention", "plan")
    assert table(told, "standing")["rows"] == []
    assert len([row for row in table(told, "kept")["rows"] if row["why"] == "The policy gives no period"]) == len(
        RowKind
    )
