"""The doctor finds by doing it what a run would fall over, and says of each what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from server.core.model import State
from tests.cli.conftest import Desk
from tests.cli.shell import Shell


def ill(shell: Shell) -> dict[str, str]:
    """What is not well, by its name, with what to do."""
    _status, told = shell.say("doctor")
    return {row["what"]: row["remedy"] for row in told["sections"][0]["rows"] if row["remedy"]}


def home(shell: Shell) -> Path:
    return Path(shell.environ["CLOSEOUT_HOME"])


def others_may_read(file: Path) -> None:
    file.write_text("secret")
    file.chmod(0o644)


def without_a_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE finding")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "an empty identifier key": (lambda at: (at / "keys/identifier.key").write_bytes(b""), "Identifier key"),
    "a sealing key cut short": (lambda at: (at / "keys/sealing.key").write_bytes(b"x" * 31), "Sealing key"),
    "a signing key of another kind": (lambda at: (at / "keys/signing.pem").write_bytes(b"-----BEGIN"), "Signing key"),
    "a key that others can read": (lambda at: (at / "keys/sealing.key").chmod(0o644), "Sealing key"),
    "a lost file of heads": (lambda at: (at / "checkpoints.txt").unlink(), "Log"),
    "an empty file of heads": (lambda at: (at / "checkpoints.txt").write_bytes(b""), "Log"),
    "a torn file of heads": (
        lambda at: (at / "checkpoints.txt").write_bytes((at / "checkpoints.txt").read_bytes()[:-9]),
        "Log",
    ),
    "a line of roles that means nothing": (
        lambda at: (at / "roles.txt").write_text("anna: privacy_oficer\n"),
        "Roles at the command line",
    ),
    "a role without an account": (lambda at: (at / "roles.txt").write_text(": auditor\n"), "Roles at the command line"),
    "roles that are no text": (lambda at: (at / "roles.txt").write_bytes(b"\xff\xfe"), "Roles at the command line"),
    "a secret that everybody can read": (
        lambda at: ((at / "secrets").mkdir(), others_may_read(at / "secrets" / "books")),
        "Secret books",
    ),
    "an installation that others can look into": (lambda at: at.chmod(0o755), "Folder of the installation"),
    "a policy with faults": (lambda at: (at / "policy.yaml").write_text("policy: 1\n"), "Policy"),
    "rules of evidence with faults": (lambda at: (at / "evidence.yaml").write_text("x: 1\n"), "Rules of evidence"),
    "a catalogue that is a folder": (lambda at: (at / "channels.yaml").mkdir(), "Channel catalogue"),
    "a table that is gone": (lambda at: without_a_table(at / "closeout.db"), "Database"),
    "a folder for heads that is a file": (
        lambda at: ((at / "checkpoints.txt").unlink(), (at / "checkpoints.txt").mkdir()),
        "Log",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_doctor_finds(shell: Shell, fault: str):
    do, what = FAULTS[fault]
    before = ill(shell)
    assert what not in before
    do(home(shell))
    after = ill(shell)
    assert what in after
    assert " " in after[what]


def test_a_secret_that_everybody_can_read_is_found_wherever_a_setting_names_it(shell: Shell):
    file = shell.folder / "mail.password"
    others_may_read(file)
    shell.environ["CLOSEOUT_MAIL_PASSWORD_FILE"] = str(file)
    assert "Secret mail.password" in ill(shell)
    file.chmod(0o640)
    assert "Secret mail.password" not in ill(shell)


@pytest.mark.parts
def test_an_order_that_waits_for_a_person_is_no_well_being(desk: Desk):
    desk.take_in()
    desk.must("look")
    desk.must("run")
    desk.must("verify")
    status = desk.must("--json", "status").json
    states = {row["state"]["code"]: row["count"] for row in status["sections"][0]["rows"]}
    told = desk.say("--json", "doctor")
    asked = [row for row in told.json["sections"][0]["rows"] if row["what"] == "Removals that wait for a person"]
    assert bool(asked) == bool(states.get(State.PERSON))
    assert (told.json["key"] == "well") == (not asked)


@pytest.mark.parts
def test_a_hold_changes_nothing_of_what_the_doctor_says(desk: Desk):
    desk.take_in()
    desk.must("look")
    before = desk.say("--json", "doctor").json
    desk.must("--as", "independent_officer", "hold", "set", "--everything", "--reason", "inquiry 1")
    assert desk.say("--json", "doctor").json == before
