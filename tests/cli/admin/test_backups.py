"""Backups by command: what is answered, that no private key stands in an argument, and the end of a restore."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pyrage
import pytest

from server.cli import run_command
from tests.cli.shell import Shell

LOST = ("--lost", "one working day between the backup of the night and the loss")


@pytest.fixture
def recipients(shell: Shell) -> dict[str, Path]:
    """Files with a public and a private key for each kind of backup."""
    files = {}
    for kind in ("database", "keys"):
        key = pyrage.x25519.Identity.generate()
        files[kind] = shell.folder / f"{kind}.recipients"
        files[kind].write_text(f"{key.to_public()}\n")
        files[f"{kind}-key"] = shell.folder / f"{kind}.key"
        files[f"{kind}-key"].write_text(f"# of {kind}\n{key}\n")
    return files


def make(shell: Shell, recipients: dict[str, Path], kind: str, *more: str) -> Path:
    folder = shell.folder / "backups"
    folder.mkdir(exist_ok=True)
    told = shell.must("backup", "make", str(folder), "--what", kind, "--to", str(recipients[kind]), *more)
    assert told["key"] == "backup_made"
    (file,) = folder.glob(f"*-{kind}-*.age")
    assert f"The backup is made: {file.name}" == told["title"]
    return file


def test_a_machine_is_lost_and_comes_back(shell: Shell, recipients: dict[str, Path]):
    password = shell.folder / "password"
    password.write_text("a sentence that is long enough\n")
    for name, role in (("admin-1", "it_administrator"), ("officer-1", "privacy_officer")):
        shell.must("account", "add", name, "--role", role, "--password-file", str(password))
    database, keys = make(shell, recipients, "database"), make(shell, recipients, "keys")
    doctor = {row["what"]: row["remedy"] for row in shell.say("doctor")[1]["sections"][0]["rows"]}
    assert doctor["Backup of the database"] is None
    anywhere = Shell(shell.folder / "nowhere", shell.capture)
    for file, kind in ((database, "database-key"), (keys, "keys-key")):
        told = anywhere.must("backup", "verify", str(file), "--identity", str(recipients[kind]))
        assert told["key"] == "backup_sound"
    assert not (shell.folder / "nowhere").exists()

    new = Shell(shell.folder / "new", shell.capture)
    status, told = new.say("backup", "restore", str(database), "--identity", str(recipients["database-key"]))
    assert (status, told["key"]) == (1, "key_fault")
    assert new.must("backup", "restore", str(keys), "--identity", str(recipients["keys-key"]))["key"] == "keys_restored"
    told = new.must("backup", "restore", str(database), "--identity", str(recipients["database-key"]))
    assert told["key"] == "database_restored"
    for arguments in (("run",), ("engine", "--once")):
        assert new.say(*arguments)[1]["key"] == "restored"
    status, told = new.say("log", "verify")
    assert (status, told["title"]) == (1, "A backup was restored, and nobody has said yet what was lost.")
    doctor = {row["what"]: row["remedy"] for row in new.say("doctor")[1]["sections"][0]["rows"]}
    assert doctor["Log"].startswith("A backup was restored.")
    for role, name, said in (
        ("it_administrator", "admin-1", "restore_said"),
        ("privacy_officer", "officer-1", "restore_accepted"),
    ):
        assert new.must("--as", role, "backup", "accept-restore", "--by", name, *LOST)["key"] == said
    assert new.must("log", "verify", "--restricted")["key"] == "log_sound"
    assert new.must("run")["ok"]


def test_a_private_key_is_asked_for_and_never_an_argument(
    shell: Shell, recipients: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    file = make(shell, recipients, "keys")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{recipients['keys-key'].read_text().splitlines()[-1]}\n"))
    assert shell.must("backup", "verify", str(file))["key"] == "backup_sound"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    shell.capture()
    assert run_command(["--json", "backup", "verify", str(file)], shell.environ) != 0


def test_what_cannot_be_is_said_in_a_sentence(shell: Shell, recipients: dict[str, Path]):
    file = make(shell, recipients, "keys")
    told = shell.say("backup", "restore", str(file), "--identity", str(recipients["database-key"]))
    assert told[1]["key"] == "not_for_this_key"
    other = shell.folder / "other"
    other.mkdir()
    same = ("backup", "make", str(other), "--what", "database", "--to", str(recipients["keys"]))
    assert shell.say(*same)[1]["key"] == "shared_recipient"
    assert list(other.iterdir()) == []
    assert shell.must(*same, "--shared-recipient")["key"] == "backup_made"
    (database,) = other.iterdir()
    told = shell.say("backup", "restore", str(database), "--identity", str(recipients["keys-key"]))
    assert told[1]["key"] == "place_taken"


def test_another_log_s_key_does_not_vouch_for_it(shell: Shell, recipients: dict[str, Path]):
    file, key = make(shell, recipients, "database"), str(recipients["database-key"])
    own = re.search(r"closeout/[^\s\"]+", json.dumps(shell.must("log", "key")))[0]
    verify = ("backup", "verify", str(file), "--identity", key, "--key")
    assert shell.must(*verify, own)["key"] == "backup_sound"
    other = "closeout.example/log+1bf65710+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    assert shell.say(*verify, other)[1]["key"] == "backup_log_not_sound"
    assert shell.say(*verify, "no key")[1]["key"] == "bad_log_key"
