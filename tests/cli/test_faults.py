"""Whatever is wrong outside of a command, every command says what it is in a sentence, and none shows a traceback."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from server.cli import run_command
from server.cli.call import ExitStatus
from server.cli.faults import FILES, KEYS, OTHER_VERSION, STORE, SYSTEM
from server.store.database import StoreProblem
from tests.cli.every import Sample, every_command
from tests.gates import gate_record
from tests.store.fixtures import lay_tables

STATUSES = set(ExitStatus)
WITHOUT_DATABASE = {
    "connection kinds",
    "connection schema",
    "log verify-files",
    "policy schema",
    "policy check",
    "policy lint",
    "policy test",
    "witness begin-anew",
    "witness init",
    "witness serve",
    "witness show",
    "witness trust",
}
"""They ask nothing of an installation."""


@dataclass
class Told:
    """What one command said."""

    sample: Sample
    status: int
    key: str
    said: str
    err: str
    whole: str


@dataclass
class House:
    """A demo installation that faults are done to."""

    home: Path
    folder: Path
    environ: dict[str, str]
    capture: Callable[[], Any]

    @property
    def database(self) -> Path:
        return self.home / "closeout.db"

    def say(self, sample: Sample, arguments: tuple[str, ...] | None = None) -> Told:
        self.capture()
        status = run_command(["--json", *(arguments or sample.arguments)], self.environ)
        said = self.capture()
        lines = said.out[said.out.find("{") :] if "{" in said.out else ""
        answer = json.loads(lines) if lines and "$schema" not in lines else {}
        title = str(answer.get("title", said.out + said.err))
        return Told(sample, status, str(answer.get("key", "")), title, said.err, said.out + said.err)

    def say_all(self) -> list[Told]:
        return [self.say(sample) for sample in every_command(self.folder)]


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> House:
    home = tmp_path / "installation"
    environ = {
        "CLOSEOUT_HOME": str(home),
        "LANG": "en",
        "CLOSEOUT_DATABASE": f"sqlite:///{home / 'closeout.db'}?timeout=0.02",
    }
    lay_tables(environ["CLOSEOUT_DATABASE"])
    assert run_command(["init", "Invented organisation", "--demo"], environ) == 0
    return House(home, tmp_path, environ, capsys.readouterr)


def told_well(told: Told) -> None:
    """A sentence, a status that is documented, no traceback, and nothing that looks like a slip of ours."""
    assert told.status in STATUSES, told
    assert told.key != "fault", told
    assert "Traceback" not in told.said + told.err, told
    assert told.said.strip(), told
    assert " " in told.said.strip(), told


@contextmanager
def locked(house: House) -> Iterator[None]:
    with closing(sqlite3.connect(house.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def replaced(file: Path, content: bytes | None) -> Iterator[None]:
    """A file with other content, or a folder in its place."""
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    if file.exists():
        file.unlink()
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
        file.chmod(0o600)
    yield


@contextmanager
def no_more_room(_house: House) -> Iterator[None]:
    """As on a full disk: no file of this process may grow beyond a few bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def stopped(_house: House) -> Iterator[None]:
    """Ctrl-C, just as a transaction begins."""

    def stop(_connection: object) -> None:
        signal.raise_signal(signal.SIGINT)

    event.listen(Engine, "begin", stop)
    try:
        yield
    finally:
        event.remove(Engine, "begin", stop)


FAULTS: dict[str, tuple[Callable[[House], Any], str | None]] = {
    "the database is locked": (locked, None),
    "a folder stands in the database's place": (lambda h: replaced(h.database, None), "database_unreachable"),
    "the database is no database": (lambda h: replaced(h.database, b"no database " * 500), "database_damaged"),
    "the database is gone": (lambda h: replaced(h.database, b""), "database_gone"),
    "the disk is full": (no_more_room, None),
    "the policy is garbage": (lambda h: replaced(h.home / "policy.yaml", b"\xff\0: ]["), "policy_fault"),
    "a folder stands in the policy's place": (lambda h: replaced(h.home / "policy.yaml", None), "policy_fault"),
    "the identifier key is empty": (lambda h: replaced(h.home / "keys/identifier.key", b""), "key_fault"),
    "the sealing key is garbage": (lambda h: replaced(h.home / "keys/sealing.key", b"x"), "key_fault"),
    "the signing key is garbage": (lambda h: replaced(h.home / "keys/signing.pem", b"\0\xff"), "key_fault"),
    "a folder stands in a key's place": (lambda h: replaced(h.home / "keys/signing.pem", None), "key_fault"),
    "the roles are no text": (lambda h: replaced(h.home / "roles.txt", b"\xff\xfe\0"), None),
    "a folder stands in the roles' place": (lambda h: replaced(h.home / "roles.txt", None), None),
    "the heads are no text": (lambda h: replaced(h.home / "checkpoints.txt", b"\xff\xfe\0\n"), None),
    "a folder stands in the heads' place": (lambda h: replaced(h.home / "checkpoints.txt", None), None),
    "the rules of evidence are garbage": (lambda h: replaced(h.home / "evidence.yaml", b"\xff"), None),
    "the schedule is a folder": (lambda h: replaced(h.home / "schedule.yaml", None), None),
    "somebody presses Ctrl-C": (stopped, None),
}


UNREACHABLE = {
    "the database is locked",
    "a folder stands in the database's place",
    "the database is no database",
    "the database is gone",
}
"""Nobody may be told then to make a new installation: there is one."""


@pytest.mark.parametrize("fault", FAULTS)
def test_every_command_says_in_a_sentence_what_is_wrong(house: House, fault: str):
    do, key = FAULTS[fault]
    commands = every_command(house.folder)
    with do(house):
        told = [house.say(sample) for sample in commands]
    for each in told:
        told_well(each)
        if fault in UNREACHABLE:
            assert "closeout init" not in each.whole, each.sample
    if key is not None:
        ways_round = WITHOUT_DATABASE | {"init", "update", "doctor"}
        others = {each.sample.path: each.key for each in told if each.key != key}
        if key == "policy_fault":
            ways_round |= {each for each in others if others[each] in ("policy_faults", "policy_unreadable")}
        # What reads its rules or files before the database may say first what is wrong with those.
        assert {path for path in others if path not in ways_round and others[path] == "fault"} == set()
        assert sum(each.key == key for each in told) > len(told) / 2


def test_a_postgresql_that_does_not_answer_is_told_as_that(house: House):
    house.environ["CLOSEOUT_DATABASE"] = "postgresql+psycopg://somebody:canary-secret@127.0.0.1:1/closeout"
    for told in house.say_all():
        told_well(told)
        assert "canary" not in told.said + told.err
        if told.sample.path not in WITHOUT_DATABASE:
            assert "closeout init" not in told.said
    assert house.say(Sample("status", ("status",), ())).key == "database_unreachable"


@pytest.mark.parametrize("address", ["garbage", "nodriver://x", "postgresql+nothing://x/y", "sqlite:///%00", ""])
def test_an_address_of_a_database_that_cannot_be_meant_is_told(house: House, address: str):
    house.environ["CLOSEOUT_DATABASE"] = address
    for path in ("status", "doctor", "init x"):
        told_well(house.say(Sample(path, tuple(path.split()), ())))


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"\x00\x01", b"\x80abc;\n", None], ids=repr)
def test_every_command_that_reads_a_file_says_that_it_cannot(house: House, content: bytes | None):
    for sample in every_command(house.folder):
        if sample.files:
            file = house.folder / "given.csv"
            with replaced(file, content):
                told_well(house.say(sample, sample.with_file(file)))
            file.rmdir() if content is None else file.unlink()


def test_every_command_whose_reader_goes_away_or_whose_disk_is_full_ends_without_a_word_of_python(house: House):
    for sample in every_command(house.folder):
        for broken in (_broken_pipe, _full_disk):
            house.capture()
            with redirect_stdout(broken()) as out:
                status = run_command(list(sample.arguments), house.environ)
            with suppress(OSError):
                out.close()
            said = house.capture()
            assert status in STATUSES, sample
            assert "Traceback" not in said.err
            assert said.err.strip(), sample


def _broken_pipe() -> Any:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def _full_disk() -> Any:
    return Path("/dev/full").open("w")


def test_pages_on_a_port_that_is_used_or_none_are_refused_with_what_to_do(house: House):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        used = f"127.0.0.1:{taken.getsockname()[1]}"
        assert house.say(Sample("serve", ("serve", "--listen", used), ())).key == "port_used"
    for listen in ("127.0.0.1:http x", "127.0.0.1:99999999", "127.0.0.1", "x y"):
        told = house.say(Sample("serve", ("serve", "--listen", listen), ()))
        told_well(told)
        assert told.status == ExitStatus.NOT_DONE


def test_init_in_an_installation_changes_nothing_whatever_of_it_is_missing(house: House):
    for missing in ("keys/sealing.key", "keys/identifier.key", "checkpoints.txt"):
        (house.home / missing).rename(house.folder / "aside")
        before = _files(house.home)
        assert house.say(Sample("init", ("init", "Another"), ())).key == "already_there"
        assert _files(house.home) == before
        (house.folder / "aside").rename(house.home / missing)


def test_init_beside_the_heads_of_an_installation_whose_database_is_lost_makes_nothing(house: House):
    with replaced(house.database, b""):
        house.database.unlink()
        before = _files(house.home)
        assert house.say(Sample("init", ("init", "Another"), ())).key == "database_gone"
        assert _files(house.home) == before


def test_init_that_ended_half_way_can_be_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    environ = {"CLOSEOUT_HOME": str(tmp_path / "home"), "LANG": "en"}
    with no_more_room(None):  # type: ignore[arg-type]
        assert run_command(["init", "Invented organisation"], environ) == ExitStatus.NOT_NOW
    assert run_command(["init", "Invented organisation"], environ) == 0
    assert run_command(["log", "verify"], environ) == 0


def test_looking_for_an_installation_makes_none(tmp_path: Path):
    environ = {"CLOSEOUT_HOME": str(tmp_path / "none"), "LANG": "en"}
    assert run_command(["status"], environ) == ExitStatus.NOT_DONE
    assert not (tmp_path / "none").exists()


def test_heads_that_did_not_fit_on_the_disk_are_taken_out_again(house: House):
    file = house.home / "checkpoints.txt"
    whole = file.read_bytes()
    gate = (*gate_record(), "--purpose", "P")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Room for the database's own journal up to what it is, and for half of a head.
    house.environ["CLOSEOUT_CHECKPOINT_FILE"] = str(house.folder / "heads.txt")
    (house.folder / "heads.txt").write_bytes(whole + b"\n" * 600_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 600_040, hard))
    try:
        told = house.say(Sample("gate", (*gate, "--review", "2099-01-01", "--until", "2099-02-01"), ()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (told.key, told.status) == ("head_unsigned", ExitStatus.NOT_NOW)
    assert (house.folder / "heads.txt").read_bytes() == whole + b"\n" * 600_000


def test_ctrl_c_in_a_process_of_its_own_ends_with_a_sentence(house: House):
    with locked(house):
        house.environ["CLOSEOUT_DATABASE"] = house.environ["CLOSEOUT_DATABASE"].replace("0.02", "600")
        child = subprocess.Popen(
            [sys.executable, "-m", "server", "token", "add", "monitoring"],
            env={**os.environ, **house.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with child:
            while not _waits_for_the_database(child.pid, house.database):
                assert child.poll() is None
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
    assert (child.returncode, "Traceback" in err) == (130, False)
    assert "stopped by you" in out


def _waits_for_the_database(pid: int, database: Path) -> bool:
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed while we look
            if each.readlink() == database:
                return True
    return False


def test_every_word_for_why_a_database_or_a_key_fails_has_its_sentence():
    from server.app import KeyProblem  # noqa: PLC0415

    assert set(STORE) == {each.value for each in StoreProblem} - {"other_version"}
    assert set(KEYS) == {each.value for each in KeyProblem}
    assert {True, False} == set(OTHER_VERSION)
    assert all("{file}" in advice.what.message for advice in FILES.values())
    assert SYSTEM


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file() and not each.name.startswith("closeout.db-")
    }
