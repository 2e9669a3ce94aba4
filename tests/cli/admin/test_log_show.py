"""The log as it is read at the command."""

from __future__ import annotations

from tests.cli.shell import Shell


def test_an_auditor_reads_the_open_log_and_nobody_else_what_stands_behind_it(shell: Shell):
    told = shell.must("--as", "auditor", "log", "show", "--kind", "installed", "--since", "2020-01-01", "--most", "5")
    (row,) = told["sections"][0]["rows"]
    assert (row["entry"], row["kind"]) == (0, "installed")
    assert row["said"].startswith("mode=demo origin=")
    status, told = shell.say("--as", "auditor", "log", "show", "--restricted")
    assert (status, told["key"]) == (1, "not_cleared")
    told = shell.must("--as", "independent_officer", "log", "show", "--restricted", "--kind", "restricted")
    assert told["sections"][0]["rows"][0]["said"] == "tables kept"


def test_verify_opens_what_stands_behind_restricted_entries_if_it_is_told_to(shell: Shell):
    assert shell.say("log", "verify")[0] == 0
    assert any("opened" in line for line in shell.must("log", "verify", "--restricted")["lines"])
