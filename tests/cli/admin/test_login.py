"""`closeout login`: roles at the command are those of an account; without it they are a machine operator's."""

from __future__ import annotations

import io
import json
import os
import pty
import pwd
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyotp
import pytest

from server.cli import run_command
from server.cli.session import Session
from server.core.model import Role
from server.render.words import Words
from server.settings import read_settings
from server.work.admin import access

PASSWORD = "an invented long password"
OFFICER = "independent_officer"


class Server:
    """The command line of one installation that is no demo, under one account of the machine."""

    def __init__(self, folder: Path, capture: Callable[[], Any], type_in: Callable[[str], None]) -> None:
        self.home, self.capture, self.type_in = folder / "home", capture, type_in
        self.environ = {"CLOSEOUT_HOME": str(self.home), "LANG": "en"}
        self.password = folder / "password"
        self.password.write_text(PASSWORD)

    def say(self, *arguments: str, **environ: str) -> tuple[int, Any]:
        self.capture()
        status = run_command(["--json", *arguments], self.environ | environ)
        out = self.capture().out
        return status, json.loads(out) if out else None

    def key(self, *arguments: str, **environ: str) -> str:
        return self.say(*arguments, **environ)[1]["key"]

    def has_holds_shown(self, **environ: str) -> bool:
        return self.say("--as", OFFICER, "hold", "list", **environ)[0] == 0

    def add(self, name: str, *roles: str, own: bool = True) -> pyotp.TOTP:
        given = [word for role in roles for word in ("--role", role)]
        _status, told = self.say("account", "add", name, *given, "--password-file", str(self.password))
        factors = pyotp.TOTP(told["lines"][0].rpartition(" ")[2])
        if own:
            self._choose(name, Role(roles[0]), factors)
        return factors

    def _choose(self, name: str, role: Role, factors: pyotp.TOTP) -> None:
        """What a person does on the page Your account; they choose the same, and the code of this half minute stays."""
        session = Session(read_settings(self.environ), Words("en"), True, None, self.environ)
        with session.context() as context:
            person = access.stand_for(context, name, role)
            assert person is not None
            before = factors.at(int(time.time()) - 30)
            assert access.choose_factors(context, person, PASSWORD, factors.secret, before)

    def login(self, name: str, code: str, password: str = PASSWORD, **environ: str) -> tuple[int, Any]:
        self.type_in(f"{name}\n{password}\n{code}\n")
        return self.say("login", **environ)

    def roles_file(self, *roles: str) -> None:
        account = pwd.getpwuid(os.getuid()).pw_name
        (self.home / "roles.txt").write_text(f"{account}: {', '.join(roles)}\n")

    def sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.home / "closeout.db")) as database, database:
            database.execute(statement)

    @property
    def kept(self) -> list[Path]:
        return sorted((self.home / "sessions").glob("*"))


@pytest.fixture
def server(tmp_path, capsys, monkeypatch) -> Server:
    made = Server(tmp_path, capsys.readouterr, lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text)))
    assert made.say("init", "Invented organisation")[0] == 0
    return made


def test_while_nobody_can_sign_in_the_file_of_roles_says_who_is_who(server):
    server.roles_file(OFFICER)
    server.add("admin-1", "it_administrator")
    assert server.has_holds_shown()


def test_once_people_can_sign_in_nobody_has_more_than_a_machine_operator_by_sharing_an_account(server):
    server.roles_file(OFFICER, "privacy_officer", "it_administrator")
    server.add("officer-1", OFFICER)
    for role in (OFFICER, "investigator", "privacy_officer", "work_supervisor"):
        assert server.key("--as", role, "hold", "list") == "sign_in_first"
    assert server.key("hold", "list") == "not_cleared"
    assert server.say("--as", "it_administrator", "status")[0] == 0
    assert server.say("status")[0] == 0
    server.say("account", "disable", "officer-1")
    assert server.has_holds_shown()


def test_who_signs_in_acts_in_the_roles_of_their_account_and_no_other(server):
    factors = server.add("officer-1", OFFICER, "auditor")
    assert not server.has_holds_shown()
    status, told = server.login("Officer-1", factors.now())
    assert (status, told["key"]) == (0, "signed_in")
    assert server.has_holds_shown()
    assert server.key("hold", "list") == "holds"
    assert server.key("--as", "investigator", "hold", "list") == "role_not_given"
    assert server.key("--as", "it_administrator", "hold", "list") == "role_not_given"


def test_whom_a_hold_is_about_is_asked_for_and_refused_on_the_command_line(server):
    factors = server.add("officer-1", OFFICER)
    server.login("officer-1", factors.now())
    for aloud in (["--worker", "worker-01"], ["--case", "123456"], ["--everything", "--reason", "a question"]):
        assert server.key("hold", "set", *aloud) == "told_aloud"
    for typed, key in (("worker nobody", "unknown_worker"), ("case 123456", "unknown_case"), ("all", "not_understood")):
        server.type_in(f"{typed}\na question\n")
        assert server.key("hold", "set", "--patience", "0") == key
    assert server.say("hold", "list")[1]["sections"][0]["rows"] == []
    server.type_in("everything\na question\n")
    assert server.key("hold", "set", "--patience", "0") == "hold_set"
    assert len(server.say("hold", "list")[1]["sections"][0]["rows"]) == 1


@pytest.mark.parametrize("wrong", ["name", "password", "code"])
def test_one_factor_wrong_signs_nobody_in_and_is_told_in_the_same_words(server, wrong):
    factors = server.add("officer-1", OFFICER)
    given = {"name": "officer-1", "password": PASSWORD, "code": factors.now()} | {wrong: "000000"}
    status, told = server.login(given["name"], given["code"], given["password"])
    assert (status, told["key"], server.kept) == (1, "not_signed_in", [])
    assert not server.has_holds_shown()


def test_what_was_handed_out_signs_nobody_in(server):
    factors = server.add("officer-1", OFFICER, own=False)
    assert server.login("officer-1", factors.now())[1]["key"] == "handed_out"
    assert not server.has_holds_shown()


def test_nothing_typed_signs_nobody_in(server):
    server.type_in("officer-1\n")
    assert server.say("login") == (130, None)


def test_signing_out_disabling_the_account_and_time_end_it(server):
    factors = server.add("officer-1", OFFICER)
    server.login("officer-1", factors.now())
    assert server.key("logout") == "signed_out"
    assert (server.kept, server.has_holds_shown()) == ([], False)
    server.login("officer-1", factors.at(int(time.time()) + 30))
    assert server.has_holds_shown()
    server.sql("UPDATE web_session SET began_at = began_at - 900000000, seen_at = seen_at - 900000000")
    assert not server.has_holds_shown()
    server.sql("UPDATE web_session SET seen_at = seen_at + 900000000")
    assert server.has_holds_shown()
    server.add("admin-1", "auditor")
    server.say("account", "disable", "officer-1")
    assert not server.has_holds_shown()


def test_what_signs_in_is_kept_for_its_owner_alone_and_counts_nowhere_else(server):
    factors = server.add("officer-1", OFFICER)
    server.login("officer-1", factors.now(), SUDO_UID="1001")
    (file,) = server.kept
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert server.has_holds_shown(SUDO_UID="1001")
    assert not server.has_holds_shown(SUDO_UID="1002")
    assert not server.has_holds_shown()
    assert file.read_bytes() not in (server.home / "closeout.db").read_bytes()
    file.chmod(0o644)
    assert not server.has_holds_shown(SUDO_UID="1001")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 5_000, b"../../etc/passwd\n"])
def test_a_file_that_is_none_signs_nobody_in(server, content):
    factors = server.add("officer-1", OFFICER)
    server.login("officer-1", factors.now())
    (file,) = server.kept
    file.write_bytes(content)
    assert not server.has_holds_shown()


def test_who_is_signed_in_speaks_for_nobody_else(server):
    factors = server.add("officer-1", "privacy_officer")
    server.add("officer-2", "privacy_officer")
    server.login("officer-1", factors.now())
    assert server.key("backup", "accept-restore", "--by", "officer-2", "--lost", "nothing") == "unknown_account"


def test_neither_password_nor_code_is_seen_at_the_terminal(server, tmp_path):
    factors = server.add("officer-1", OFFICER)
    ours, theirs = pty.openpty()
    environ = {**os.environ, **server.environ}
    child = subprocess.Popen(
        [sys.executable, "-m", "server", "login"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    asked = [(b"Name:", "officer-1"), (b"Password:", PASSWORD), (b"Code of six digits:", factors.now())]
    try:
        while part := os.read(ours, 4096):
            seen += part
            if asked and asked[0][0] in seen:  # a prompt may come in pieces, and what follows it is no second one
                os.write(ours, asked.pop(0)[1].encode() + b"\n")
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)  # whoever still asks is hung up on
    assert child.wait() == 0, seen
    assert PASSWORD.encode() not in seen
    assert b"signed in" in seen
