"""Witnesses at the command line: an installation with real ones, ours and others', and what people see of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from server.cli import run_command
from tests.cli.shell import Shell
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.process import Child, answers, free_port
from tests.parts.witnesses import ASKING_LOG, LiteWitness, built, litewitness

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lite() -> Iterator[LiteWitness]:
    try:
        with litewitness() as running:
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


def log_key(shell: Shell) -> str:
    return str(shell.must("log", "key")["title"].rpartition(" ")[2])


def home(shell: Shell) -> Path:
    return Path(shell.environ["CLOSEOUT_HOME"])


def name_witness(shell: Shell, key: str, url: str) -> None:
    (home(shell) / "witnesses.txt").write_text(f"# who vouches\nwitness council {key} {url}\nquorum council\n")


def witnesses(shell: Shell) -> list[dict[str, Any]]:
    told = shell.say("log", "verify")[1]
    return next((each["rows"] for each in told["sections"] if each["key"] == "log_witnesses"), [])


def remedy(shell: Shell, what: str) -> str | None:
    told = shell.say("doctor")[1]
    return {row["what"]: row["remedy"] for row in told["sections"][0]["rows"]}[what]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """`closeout witness serve`: its folder and address."""
    folder = str(tmp_path / "council")
    assert run_command(["--json", "witness", "init", "council.example/witness", "--folder", folder], {}) == 0
    port = free_port()
    argv = [sys.executable, "-m", "server", "witness", "serve", "--folder", folder, "--listen", f"127.0.0.1:{port}"]
    child = Child(argv, cwd=ROOT, log_path=tmp_path / "log", environment=os.environ)
    try:
        child.wait_until(lambda: answers(port))
        yield folder, f"http://127.0.0.1:{port}"
    finally:
        child.stop()


def key_of(folder: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    run_command(["witness", "show", "--folder", folder], {"LANG": "en"})
    return next(word for word in capsys.readouterr().out.split() if word.startswith("council.example/witness+"))


@pytest.mark.parts
@pytest.mark.integration
def test_litewitness_cosigns_every_head_and_sees_an_older_copy(shell: Shell, lite: LiteWitness):
    lite.trust(log_key(shell))
    name_witness(shell, lite.key, lite.url)
    shell.must("token", "add", "one")
    older = shell.folder / "older"
    shutil.copytree(home(shell), older)
    shell.must("token", "add", "two")
    (row,) = witnesses(shell)
    assert (row["name"], row["fault"], row["entries"]) == ("council", None, lite.size())
    assert remedy(shell, "Witness of the log: council") is None
    shutil.rmtree(home(shell))
    shutil.move(older, home(shell))
    for arguments in (("run",), ("engine", "--once")):
        status, told = shell.say(*arguments)
        assert (status, told["key"]) == (1, "witnessed_otherwise")
    assert shell.say("log", "verify")[1]["key"] == "witnessed_otherwise"
    assert "two people" in (remedy(shell, "Witness of the log: council") or "")
    password = shell.folder / "password"
    password.write_text("a sentence that is long enough\n")
    password.chmod(0o600)
    for name, role in (("admin-1", "it_administrator"), ("officer-1", "privacy_officer")):
        shell.must("account", "add", name, "--role", role, "--password-file", str(password))
    why = ["--why", "the machine was restored after a broken disk"]
    said = shell.must("--as", "privacy_officer", "log", "accept-witness", "council", "--by", "officer-1", *why)
    assert said["key"] == "witness_said"
    assert shell.say("run")[1]["key"] == "witnessed_otherwise"
    said = shell.must("--as", "it_administrator", "log", "accept-witness", "council", "--by", "admin-1", *why)
    assert said["key"] == "witness_accepted"
    assert shell.say("run")[0] == 0


@pytest.mark.parts
@pytest.mark.integration
def test_a_log_in_go_is_cosigned_by_our_witness_as_it_should_be(ours, capsys):
    try:
        program = built("asking-log")
    except PartMissingError as missing:
        part_missing(str(missing))
    folder, url = ours
    assert run_command(["witness", "trust", ASKING_LOG, "--folder", folder], {}) == 0
    told = subprocess.run(
        [program, url, key_of(folder, capsys)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "20 40 200"), told.stdout


def test_an_installation_and_our_witness_find_each_other(shell: Shell, ours, capsys):
    folder, url = ours
    name_witness(shell, key_of(folder, capsys), url)
    assert "closeout log key" in (remedy(shell, "Witness of the log: council") or "")
    assert run_command(["witness", "trust", log_key(shell), "--folder", folder], {}) == 0
    assert remedy(shell, "Witness of the log: council") is None
    shell.must("token", "add", "one")
    (row,) = witnesses(shell)
    heads = (home(shell) / "checkpoints.txt").read_text().rstrip().split("\n\n")
    assert (row["fault"], row["entries"]) == (None, int(heads[-2].split("\n")[1]))
    capsys.readouterr()
    assert run_command(["--json", "witness", "show", "--folder", folder], {}) == 0


def test_a_gone_witness_is_told_and_stops_nothing(shell: Shell, ours, capsys):
    folder, _url = ours
    name_witness(shell, key_of(folder, capsys), f"http://127.0.0.1:{free_port()}")
    assert shell.say("run")[0] == 0
    assert "removals go on" in (remedy(shell, "Witness of the log: council") or "")
    assert shell.say("log", "verify")[0] == 0
    assert witnesses(shell)[0]["fault"] == "It does not answer."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("witness w no-key\nquorum w\n", "Line 1"),
        ("", "Line 1"),
        ("witness w {key} http://council.example\nquorum w\n", "no TLS"),
        ("witness w {key} ftp://council.example\nquorum w\n", "no TLS"),
    ],
)
def test_a_file_of_witnesses_that_cannot_be_meant_is_told(shell: Shell, ours, capsys, text: str, told: str):
    folder, _url = ours
    (home(shell) / "witnesses.txt").write_text(text.replace("{key}", key_of(folder, capsys)))
    assert told in (remedy(shell, "Witnesses of the log (independent log servers)") or "")
    assert shell.say("run")[0] == 0


def test_while_an_engine_runs_heads_of_others_are_cosigned_within_two_seconds(shell: Shell, ours, capsys, tmp_path):
    folder, url = ours
    assert run_command(["witness", "trust", log_key(shell), "--folder", folder], {}) == 0
    argv = [sys.executable, "-m", "server", "engine", "--every", "3600"]
    name_witness(shell, key_of(folder, capsys), url)
    child = Child(argv, cwd=ROOT, log_path=tmp_path / "engine", environment=os.environ | shell.environ)
    cosigned = home(shell) / "checkpoints.cosigned.txt"
    try:
        child.wait_until(lambda: "round 1" in child.log_since_start() and cosigned.exists())
        # Another process signs a head and tells no witness of it.
        environ = {**shell.environ, "CLOSEOUT_WITNESSES_FILE": "/nowhere"}
        before = cosigned.read_text()
        assert run_command(["token", "add", "meanwhile"], environ) == 0
        signed = monotonic()
        child.wait_until(lambda: cosigned.read_text() != before)
        assert monotonic() - signed < 2
    finally:
        child.stop()
