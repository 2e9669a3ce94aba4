"""`closeout log export` and `log verify-files`: a log handed on as files, believed for its public keys alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.cli import run_command
from tests.cli.shell import Shell


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command on a machine without an installation; its status and its answer."""

    def verified(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        environ = {"CLOSEOUT_HOME": str(tmp_path / "nothing"), "LANG": "en"}
        status = run_command(["--json", "log", "verify-files", *arguments], environ)
        return status, json.loads(capsys.readouterr().out)

    return verified


@pytest.fixture
def handed_on(shell: Shell, tmp_path: Path) -> tuple[Path, str]:
    """A folder with the log, and the log's public key, handed on by another way."""
    shell.must("token", "add", "one")
    folder = tmp_path / "handed-on"
    shell.must("--as", "auditor", "log", "export", str(folder))
    return folder, str(shell.must("log", "key")["title"].rpartition(" ")[2])


def test_what_was_handed_on_is_whole(verify, handed_on):
    folder, key = handed_on
    status, told = verify(str(folder), "--key", key)
    assert (status, told["key"]) == (0, "log_sound")


def test_one_changed_byte_is_found(verify, handed_on):
    folder, key = handed_on
    entries = folder / "entries.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b'"at":"20', b'"at":"19', 1))
    status, told = verify(str(folder), "--key", key)
    assert (status, told["key"]) == (1, "log_not_sound")


def test_a_copy_of_heads_that_was_kept_finds_an_end_that_was_cut_off(verify, handed_on, shell: Shell):
    folder, key = handed_on
    kept = folder.parent / "kept.txt"
    kept.write_bytes((folder / "heads.txt").read_bytes())
    entries = (folder / "entries.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "entries.jsonl").write_bytes(b"".join(entries[:1]))
    (folder / "heads.txt").write_text("\n\n".join(kept.read_text().split("\n\n")[:2]) + "\n")
    assert verify(str(folder), "--key", key, "--heads", str(kept))[1]["key"] == "log_not_sound"


def test_the_key_of_another_log_vouches_for_nothing(verify, handed_on):
    folder, key = handed_on
    other = "closeout.example/log+1bf65710+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    assert verify(str(folder), "--key", other)[1]["key"] == "log_not_sound"
    assert verify(str(folder), "--key", key[:-1])[1]["key"] == "bad_log_key"


def test_witnesses_that_are_named_must_have_cosigned(verify, handed_on):
    folder, key = handed_on
    named = folder.parent / "witnesses.txt"
    witness = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
    named.write_text(f"witness w1 {witness}\nquorum w1\n")
    status, told = verify(str(folder), "--key", key, "--witnesses", str(named))
    assert (status, told["key"]) == (1, "log_not_sound")
    assert "Not enough witnesses have cosigned a checkpoint." in told["lines"]
    named.write_text("witness w1\n")
    assert verify(str(folder), "--key", key, "--witnesses", str(named))[1]["key"] == "bad_witnesses"


def test_a_folder_that_is_there_is_left_as_it_is(shell: Shell, handed_on):
    folder, _key = handed_on
    before = sorted(folder.iterdir())
    assert shell.say("--as", "auditor", "log", "export", str(folder))[1]["key"] == "folder_there"
    assert shell.say("--as", "it_administrator", "log", "export", str(folder.parent / "x"))[1]["key"] == "not_cleared"
    assert sorted(folder.iterdir()) == before


def test_without_entries_there_is_nothing_to_verify(verify, tmp_path: Path, handed_on):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert verify(str(empty), "--key", handed_on[1])[1]["key"] == "no_entries"
