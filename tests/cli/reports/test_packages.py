"""`closeout package` at the command: asked for, confirmed by another, made, and checked without an installation."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pyrage
import pytest

from server.cli import run_command
from tests.cli.shell import Shell

ASK = "inspectorate\nsupervisory_powers\nA sample for the inspection.\n"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The addressee's private key; the public one lies beside it."""
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "to.txt").write_text(f"{identity.to_public()}\n")
    (tmp_path / "key.txt").write_text(f"{identity}\n")
    return tmp_path / "key.txt"


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_two_people_make_one_and_its_addressee_checks_and_opens_it(
    shell: Shell, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
):
    password = tmp_path / "password"
    password.write_text("a sentence that is long enough\n")
    for name, role in (("officer-1", "privacy_officer"), ("dpo-1", "data_protection_officer")):
        shell.must("account", "add", name, "--role", role, "--password-file", str(password))
    first = ("--as", "privacy_officer", "package")
    second = ("--as", "data_protection_officer", "package")
    ask = ("ask", "--by", "officer-1", "--second", "dpo-1", "--to", str(tmp_path / "to.txt"), "--lines", "0-2")
    types(monkeypatch, "somebody\n")
    assert shell.say(*first, *ask)[1]["key"] == "unknown_word"
    types(monkeypatch, ASK)
    assert shell.must(*first, *ask)["key"] == "package_asked"
    (row,) = shell.must(*second, "list", "--by", "dpo-1")["sections"][0]["rows"]
    assert (row["addressee"]["code"], row["standing"]["code"]) == ("inspectorate", "package_waiting")
    shown = shell.must(*second, "show", row["id"], "--by", "dpo-1")
    assert shown["lines"][:2] == ["What it is for: A sample for the inspection.", "Lines of the log: 0 to 2"]
    assert shell.say(*first, "confirm", row["id"], "--by", "officer-1")[1]["key"] == "not_found"
    assert shell.must(*second, "confirm", row["id"], "--by", "dpo-1")["key"] == "package_confirmed"
    made = shell.must(*first, "make", row["id"], str(tmp_path), "--by", "officer-1")
    assert made["key"] == "package_made"
    assert shell.say(*first, "make", row["id"], str(tmp_path), "--by", "officer-1")[1]["key"] == "file_there"
    assert shell.say(*second, "refuse", row["id"], "--by", "dpo-1")[1]["key"] == "not_found"

    file = tmp_path / f"package-{row['id']}.zip.age"
    assert file.stat().st_mode & 0o777 == 0o600
    log_key = shell.must("log", "key")["title"].rpartition(" ")[2]
    elsewhere = Shell(tmp_path / "elsewhere", shell.capture)
    given = (str(file), "--key", log_key, "--identity", str(key))
    told = elsewhere.must("package", "verify", *given)
    assert (told["key"], [each["role"]["code"] for each in told["sections"][0]["rows"]]) == (
        "package_proven",
        ["privacy_officer", "data_protection_officer"],
    )
    opened = tmp_path / "opened"
    assert elsewhere.must("package", "open", str(file), str(opened), *given[1:])["key"] == "package_proven"
    assert sorted(each.name for each in opened.iterdir()) == [
        *("README.txt", "custody.json", "entries.jsonl", "head.txt", "manifest.json"),
    ]
    assert elsewhere.say("package", "open", str(file), str(opened), *given[1:])[1]["key"] == "folder_there"
    other = "closeout.example/log+1bf65710+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    refused = elsewhere.say("package", "open", str(file), str(tmp_path / "none"), "--key", other, *given[3:])
    assert (refused[1]["key"], (tmp_path / "none").exists()) == ("package_not_of_this_log", False)
    assert elsewhere.say("package", "verify", *given, "--time-stamps", str(key))[1]["key"] == "bad_certificates"
    types(monkeypatch, key.read_text())
    assert elsewhere.must("package", "verify", *given[:3])["key"] == "package_proven"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "wrong", [("--lines", "4-2"), ("--lines", "all"), ("--sample", "1", "--item", "x"), ("--seed", "word")]
)
def test_options_that_do_not_go_together_are_a_slip_of_the_hand(shell: Shell, tmp_path: Path, key: Path, wrong):
    given = ("--by", "officer-1", "--second", "dpo-1", "--to", str(tmp_path / "to.txt"))
    assert run_command(["--json", "--as", "privacy_officer", "package", "ask", *given, *wrong], shell.environ) == 2
