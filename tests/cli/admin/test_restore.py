"""A restored backup is known by the heads outside of it, removes nothing, and ends when two people have spoken."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.shell import Shell

LOST = ("--lost", "one working day between the backup of the night and the loss")


@pytest.fixture
def restored(shell: Shell) -> Shell:
    """A demo whose database is that of before the last changes, while its heads tell of them."""
    home = Path(shell.environ["CLOSEOUT_HOME"])
    password = shell.folder / "password"
    password.write_text("a sentence that is long enough\n")
    password.chmod(0o600)
    for name, role in (
        ("admin-1", "it_administrator"),
        ("officer-1", "privacy_officer"),
        ("officer-2", "privacy_officer"),
    ):
        shell.must("account", "add", name, "--role", role, "--password-file", str(password))
    shell.must("token", "add", "monitoring")
    copy = shell.folder / "copy.db"
    with closing(sqlite3.connect(home / "closeout.db")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    shell.must("token", "end", "monitoring")
    shell.must("account", "disable", "officer-2")
    shell.must("pause", "--reason", "maintenance", "--patience", "0")
    for each in home.glob("closeout.db*"):
        each.unlink()
    copy.rename(home / "closeout.db")
    return shell


def heads(shell: Shell) -> bytes:
    return (Path(shell.environ["CLOSEOUT_HOME"]) / "checkpoints.txt").read_bytes()


def accept(shell: Shell, role: str, name: str):
    return shell.say("--as", role, "backup", "accept-restore", "--by", name, *LOST)


def log_is_well(shell: Shell) -> bool:
    _status, told = shell.say("doctor")
    return {row["what"]: row["remedy"] for row in told["sections"][0]["rows"]}["Log"] is None


def test_before_anybody_has_spoken_nothing_is_removed_or_signed(restored: Shell):
    before = heads(restored)
    for arguments in (("run",), ("engine", "--once")):
        status, told = restored.say(*arguments)
        assert (status, told["key"]) == (1, "restored")
    restored.say("token", "add", "another")
    assert heads(restored) == before
    assert not log_is_well(restored)
    assert restored.say("log", "verify")[0] == 1


def test_two_people_in_two_roles_end_it_and_log_and_heads_agree_again(restored: Shell):
    status, told = accept(restored, "it_administrator", "admin-1")
    assert (status, told["key"]) == (0, "restore_said")
    assert accept(restored, "it_administrator", "admin-1")[1]["key"] == "own_restore"
    assert not log_is_well(restored)
    status, told = accept(restored, "privacy_officer", "officer-1")
    assert (status, told["key"]) == (0, "restore_accepted"), told
    tables = {each["key"]: [row["name"] for row in each["rows"]] for each in told["sections"]}
    assert tables == {"accounts": ["admin-1", "officer-1", "officer-2"], "tokens": ["monitoring"]}
    assert restored.say("log", "verify")[0] == 0
    assert log_is_well(restored)
    assert restored.say("run")[0] == 0
    restored.must("token", "end", "monitoring")
    for _ in range(20):
        restored.must("pause", "--reason", "maintenance", "--patience", "0")
        restored.must("resume")
    assert restored.say("log", "verify")[0] == 0
    assert accept(restored, "privacy_officer", "officer-1")[1]["key"] == "not_restored"


def test_one_role_is_not_two_people_and_no_other_role_speaks(restored: Shell):
    assert accept(restored, "privacy_officer", "officer-1")[0] == 0
    assert accept(restored, "privacy_officer", "officer-2")[1]["key"] == "same_role"
    assert accept(restored, "auditor", "officer-1")[1]["key"] == "unknown_account"


@pytest.mark.parametrize("text", ["", "  ", "-", "call 06-12345601", "x" * 301])
def test_what_was_lost_is_said_in_words(restored: Shell, text: str):
    status, told = restored.say(
        "--as", "it_administrator", "backup", "accept-restore", "--by", "admin-1", "--lost", text
    )
    assert (status, told["key"] in {"says_nothing", "identifier_in_text", "text_too_long"}) == (1, True)


def test_a_log_that_was_changed_is_no_restore(restored: Shell):
    home = Path(restored.environ["CLOSEOUT_HOME"])
    with closing(sqlite3.connect(home / "closeout.db")) as database:
        database.execute("UPDATE log_entry SET leaf = zeroblob(32) WHERE seq = 1")
        database.commit()
    assert accept(restored, "it_administrator", "admin-1")[1]["key"] == "log_damaged"


def test_without_a_restore_there_is_nothing_to_accept(shell: Shell):
    password = shell.folder / "password"
    password.write_text("a sentence that is long enough\n")
    shell.must("account", "add", "admin-1", "--role", "it_administrator", "--password-file", str(password))
    assert accept(shell, "it_administrator", "admin-1")[1]["key"] == "not_restored"
