"""At the command line: a changed log stops removing, and a lost file of heads is mended by a person alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from server.core.log.entries import LogEntry, canonical, read_entry
from server.core.log.merkle import Frontier, leaf_hash
from tests.cli.shell import Shell


def home(shell: Shell) -> Path:
    return Path(shell.environ["CLOSEOUT_HOME"])


def forge(shell: Shell) -> None:
    """What whoever writes the database can do: an entry changed, and everything else made to fit."""
    with closing(sqlite3.connect(home(shell) / "closeout.db")) as database, database:
        told = read_entry(database.execute("SELECT canonical FROM log_entry WHERE seq = 0").fetchone()[0])
        text = canonical(LogEntry(told.seq, told.at.replace(year=told.at.year - 1), told.kind, told.body))
        database.execute("UPDATE log_entry SET canonical = ?, leaf = ? WHERE seq = 0", (text, leaf_hash(text)))
        leaves = [leaf for (leaf,) in database.execute("SELECT leaf FROM log_entry ORDER BY seq")]
        grown = Frontier().extend([*leaves, leaf_hash(b"one more")])
        database.execute("INSERT INTO log_entry VALUES (?, ?, ?)", (len(leaves), b"one more", leaf_hash(b"one more")))
        database.execute("UPDATE log_head SET frontier = ?", (grown.encode(),))


def log_in_doctor(shell: Shell) -> str | None:
    _status, told = shell.say("doctor")
    return {row["what"]: row["remedy"] for row in told["sections"][0]["rows"]}["Log"]


def test_on_a_log_that_was_made_to_fit_nothing_is_removed_and_no_head_is_signed(shell: Shell):
    forge(shell)
    before = (home(shell) / "checkpoints.txt").read_bytes()
    for arguments in (("run",), ("engine", "--once")):
        status, told = shell.say(*arguments)
        assert (status, told["key"]) == (1, "log_changed")
    status, told = shell.say("--as", "it_administrator", "log", "mend-heads")
    assert (status, told["key"]) == (1, "heads_do_not_fit")
    assert (home(shell) / "checkpoints.txt").read_bytes() == before


def test_a_lost_file_of_heads_is_told_until_it_is_mended(shell: Shell):
    (home(shell) / "checkpoints.txt").unlink()
    for _ in range(2):
        assert "closeout log mend-heads" in (log_in_doctor(shell) or "")
        shell.must("status")
    status, told = shell.say("--as", "auditor", "log", "mend-heads")
    assert (status, told["key"]) == (1, "not_cleared")
    told = shell.must("--as", "it_administrator", "log", "mend-heads")
    assert told["key"] == "heads_mended"
    assert log_in_doctor(shell) is None
    status, told = shell.say("--as", "it_administrator", "log", "mend-heads")
    assert (status, told["key"]) == (1, "nothing_to_mend")


def test_without_any_signed_head_nothing_is_removed(shell: Shell):
    (home(shell) / "checkpoints.txt").unlink()
    for arguments in (("run",), ("engine", "--once")):
        status, told = shell.say(*arguments)
        assert (status, told["key"]) == (1, "heads_gone")
    shell.must("log", "mend-heads")
    shell.must("run")
