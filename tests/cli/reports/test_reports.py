"""Reports at the command line: in the forms asked for, for the roles they are meant for, readable by their owner."""

from __future__ import annotations

import json

from server.cli.commands import COMMANDS
from server.cli.lazy import Group
from server.core.log.entries import EntryKind, read_entry
from server.render.formats import FORMATS
from server.store import log
from server.store.database import Store
from server.work.reports.catalogue import REPORTS
from tests.cli.shell import Shell


def test_the_command_knows_every_report() -> None:
    group = COMMANDS["report"]
    assert isinstance(group, Group)
    assert set(group.commands) == set(REPORTS)


def test_a_report_is_written_in_every_form_for_its_owner_alone(shell: Shell) -> None:
    out = shell.folder / "reports"
    shell.must("--as", "privacy_officer", "report", "removals", "--out", str(out))
    files = sorted(out.iterdir())
    assert [file.suffix for file in files] == sorted(f".{ending}" for ending in FORMATS)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert {file.read_bytes()[:5] for file in out.glob("*.pdf")} == {b"%PDF-"}


def test_only_the_forms_asked_for_are_written_with_the_digest_that_is_in_the_log(shell: Shell) -> None:
    out = shell.folder / "reports"
    asked = ("--format", "json", "--format", "pdf", "--format", "json")
    told = shell.must("--as", "auditor", "report", "removals", "--out", str(out), *asked)
    assert sorted(file.suffix for file in out.iterdir()) == [".json", ".pdf"]
    assert len(told["what_next"]) == 2
    digest = json.loads(next(out.glob("*.json")).read_text())["digest"].removeprefix("sha256:")
    store = Store(f"sqlite:///{shell.folder / 'installation' / 'closeout.db'}")
    with store.read() as connection:
        entries = [read_entry(text) for _, text, _ in log.entries(connection)]
    store.close()
    assert [each.body["digest"] for each in entries if each.kind is EntryKind.REPORT_MADE] == [digest]


def test_a_report_is_refused_to_a_role_that_it_is_not_for(shell: Shell) -> None:
    status, told = shell.say("--as", "it_administrator", "report", "channels", "--out", str(shell.folder / "r"))
    assert (status, told["key"]) == (1, "not_for_this_role")
    assert not (shell.folder / "r").exists()
