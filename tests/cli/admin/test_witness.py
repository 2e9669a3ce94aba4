"""`closeout witness`: made, told of a log, served, shown; without an installation."""

from __future__ import annotations

import json
import os
import stat
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from server.cli import run_command
from server.core.log.cosignatures import parse_witness_key, read_cosignatures
from server.core.log.witness_protocol import AddCheckpoint, write_request
from tests.cli.shell import Shell
from tests.parts.process import Child, answers, free_port

ENVIRON = {"CLOSEOUT_HOME": "/nowhere", "LANG": "en"}


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A command about the witness in one folder; its status and its answer."""

    def said(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        folder = ["--folder", str(tmp_path / "witness")]
        status = run_command(["--json", "witness", *arguments, *folder], ENVIRON)
        return status, json.loads(capsys.readouterr().out)

    return said


def test_a_witness_cosigns_the_heads_of_an_installation(say, shell: Shell, tmp_path: Path):
    status, made = say("init", "council.example/witness")
    assert (status, made["key"]) == (0, "witness_made")
    witness = parse_witness_key(made["lines"][0].rpartition(" ")[2])
    assert stat.S_IMODE((tmp_path / "witness" / "witness.pem").stat().st_mode) == 0o600
    log_key = shell.must("log", "key")["title"].rpartition(" ")[2]
    assert say("trust", log_key)[1]["key"] == "witness_trusts"
    heads = (Path(shell.environ["CLOSEOUT_HOME"]) / "checkpoints.txt").read_text()
    note = heads[: heads.index("\n", heads.index("—")) + 1]
    port = free_port()
    argv = [sys.executable, "-m", "server", "witness", "serve", "--listen", f"127.0.0.1:{port}"]
    child = Child(
        [*argv, "--folder", str(tmp_path / "witness")],
        cwd=Path(__file__).parents[3],
        log_path=tmp_path / "log",
        environment=os.environ | ENVIRON,
    )
    try:
        child.wait_until(lambda: answers(port))
        address = f"http://127.0.0.1:{port}/add-checkpoint"
        with urllib.request.urlopen(address, write_request(AddCheckpoint(0, (), note))) as answer:
            line = answer.read().decode()
        assert list(read_cosignatures(note + line, [witness])) == [witness]
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address, b"x" * 200_000)
        assert refused.value.code == 413
        refused.value.close()
        assert say("serve")[1]["key"] == "witness_busy"
    finally:
        child.stop()
    status, shown = say("show")
    assert (status, shown["key"]) == (0, "witness_well")
    (row,) = shown["sections"][0]["rows"]
    assert (row["log"], row["entries"]) == (log_key.partition("+")[0], int(note.split("\n")[1]))


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["show"], "witness_not_begun"),
        (["trust", "a"], "witness_not_begun"),
        (["serve"], "witness_not_begun"),
        (["serve", "--listen", "everywhere"], "bad_listen"),
        (["init", "two words"], "witness_bad_name"),
    ],
)
def test_without_a_witness_nothing_is_done(say, arguments: list[str], key: str):
    status, told = say(*arguments)
    assert (status, told["key"]) == (1, key)


def test_a_witness_that_is_there_is_left_as_it_is(say, tmp_path: Path):
    say("init", "w1")
    before = (tmp_path / "witness" / "witness.pem").read_bytes()
    assert say("init", "w2")[1]["key"] == "witness_already_there"
    assert (tmp_path / "witness" / "witness.pem").read_bytes() == before


def test_a_lost_state_is_told(say, shell: Shell, tmp_path: Path):
    say("init", "w1")
    log_key = shell.must("log", "key")["title"].rpartition(" ")[2]
    say("trust", log_key)
    assert say("show")[0] == 0
    next((tmp_path / "witness" / "logs").glob("*/head")).unlink()
    status, told = say("show")
    assert (status, told["key"]) == (1, "witness_ill")
    assert say("begin-anew", log_key.partition("+")[0])[1]["key"] == "witness_began_anew"
    assert say("show")[0] == 0
