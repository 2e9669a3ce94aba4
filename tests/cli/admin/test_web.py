"""`closeout serve`, `account` and `token`: what they make, what they refuse, and that the pages then answer."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pyotp
import pytest

from server.cli import run_command
from tests.parts.process import Child, answers, free_port

PASSWORD = "an invented long password"


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Variables of an installation that is a demo."""
    environ = {"CLOSEOUT_HOME": str(tmp_path / "home"), "CLOSEOUT_LANGUAGE": "en"}
    assert run_command(["init", "Invented organisation", "--demo"], environ) == 0
    (tmp_path / "password").write_text(PASSWORD + "\n")
    capsys.readouterr()
    return environ | {"PASSWORD_FILE": str(tmp_path / "password")}


def say(home: dict[str, str], *arguments: str) -> int:
    environ = {name: value for name, value in home.items() if name != "PASSWORD_FILE"}
    return run_command(arguments, environ)


def test_an_account_is_made_shown_and_disabled(home, capsys):
    made = say(
        home, "account", "add", "Officer-1", "--role", "privacy_officer", "--password-file", home["PASSWORD_FILE"]
    )
    out = capsys.readouterr().out
    assert made == 0
    secret = re.search(r"shown this once: ([A-Z2-7]{32})", out)[1]
    assert pyotp.TOTP(secret).now().isdigit()
    assert PASSWORD not in out
    assert say(home, "account", "list") == 0
    assert "officer-1" in capsys.readouterr().out
    assert say(home, "account", "disable", "officer-1") == 0
    assert say(home, "account", "list") == 0
    assert "No" in capsys.readouterr().out
    assert say(home, "account", "disable", "officer-2") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("two words", "--role", "auditor"), "A name has 2 to 64"),
        (("worker-1", "--role", "worker"), "The role worker needs --worker"),
        (("worker-1", "--role", "worker", "--worker", "nobody"), "No address book belongs to a worker"),
        (("system-1", "--role", "case_system"), "closeout token add"),
    ],
)
def test_an_account_that_cannot_be_is_refused_with_what_to_do(home, capsys, arguments, told):
    assert say(home, "account", "add", *arguments, "--password-file", home["PASSWORD_FILE"]) == 1
    assert told in capsys.readouterr().out


def test_a_lost_factor_is_renewed(home, capsys):
    file = home["PASSWORD_FILE"]
    say(home, "account", "add", "officer-1", "--role", "auditor", "--password-file", file)
    first = capsys.readouterr().out
    assert say(home, "account", "renew", "officer-1", "--password-file", file) == 0
    assert re.search(r"once: (\w+)", capsys.readouterr().out)[1] != re.search(r"once: (\w+)", first)[1]


def test_a_token_is_shown_once_and_ended(home, capsys):
    assert say(home, "token", "add", "monitoring", "--days", "7") == 0
    assert re.search(r"closeout_[\w-]{43}", capsys.readouterr().out)
    assert say(home, "token", "add", "monitoring") == 1
    assert say(home, "token", "end", "monitoring") == 0
    assert say(home, "token", "end", "monitoring") == 1


REFUSED = {
    "a demo beyond this machine": {"CLOSEOUT_WEB_LISTEN": "0.0.0.0:8443"},
    "a demo under another name": {"CLOSEOUT_WEB_URL": "https://closeout.example.org"},
    "an address that is none": {"CLOSEOUT_WEB_URL": "http://127.0.0.1:8080/path"},
    "a provider without a client": {"CLOSEOUT_OIDC_ISSUER": "https://login.example.org"},
}


@pytest.mark.parametrize("variables", REFUSED.values(), ids=REFUSED.keys())
def test_pages_are_not_served_with(home, capsys, variables):
    assert say(home | variables, "serve") == 78
    assert "What you can do now" in capsys.readouterr().out


def test_without_tls_nobody_beyond_this_machine_is_served(tmp_path, capsys):
    environ = {"CLOSEOUT_HOME": str(tmp_path / "home"), "CLOSEOUT_LANGUAGE": "en"}
    run_command(["init", "Organisation"], environ)
    assert run_command(["serve"], environ | {"CLOSEOUT_WEB_LISTEN": "0.0.0.0:8443"}) == 78
    assert "Passwords would travel in clear" in capsys.readouterr().out


def test_the_pages_are_served_until_stopped_and_the_head_is_signed_then(home, tmp_path):
    port = free_port()
    environ = {**os.environ, **{name: value for name, value in home.items() if name != "PASSWORD_FILE"}}
    argv = [sys.executable, "-m", "server", "serve", "--listen", f"127.0.0.1:{port}"]
    heads = Path(home["CLOSEOUT_HOME"]) / "checkpoints.txt"
    waiting = ExitStack()
    before = heads.read_text()
    child = Child(argv, cwd=Path(__file__).parents[3], log_path=tmp_path / "log", environment=environ)
    try:
        child.wait_until(lambda: answers(port))
        for _ in range(300):  # who says half a word and waits keeps nobody out
            half = waiting.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            half.sendall(b"GET /sign-in HTTP/1.1\r\nHost:")
        large = waiting.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        large.sendall(b"PUT /api/v1/cases/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 104857600\r\n\r\n")
        assert large.recv(64).startswith(b"HTTP/1.1 413 "), "refused before a byte of it is taken in"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in", timeout=20) as answer:
            page = answer.read().decode()
        assert "Choose a role to explore" in page
        assert f"http://127.0.0.1:{port}" in child.log_since_start()
        assert say(home, "token", "add", "meanwhile") == 0
        os.kill(child.pid, signal.SIGTERM)
    finally:
        waiting.close()
        child.stop()
    assert len(heads.read_text()) > len(before)


def test_what_an_installation_writes_is_for_its_owner_alone_whatever_the_shell_says(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    environ = {**os.environ, "CLOSEOUT_HOME": str(home)}
    argv = [sys.executable, "-m", "server", "init", "Invented organisation"]
    subprocess.run(argv, cwd=Path(__file__).parents[3], env=environ, check=True, capture_output=True, umask=0)
    files = [home, *home.rglob("*")]
    assert {"closeout.db", "checkpoints.txt", "sealing.key"} <= {each.name for each in files}
    assert [each.name for each in files if each.stat().st_mode & 0o077] == []
