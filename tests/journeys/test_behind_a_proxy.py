"""The pages as `deploy/` sets them up: `closeout serve` with the shipped nginx file before it, over TLS."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server.cli import run_command
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.nginx import Proxy, nginx, ports
from tests.parts.process import Child, answers, free_port

pytestmark = pytest.mark.parts
PASSWORD = "an invented long password"


@pytest.fixture
def proxy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Proxy]:
    """An installation with one account, its pages, and the proxy before them."""
    behind, (tls, plain) = free_port(), ports()
    home = tmp_path / "home"
    environ = {
        "CLOSEOUT_HOME": str(home),
        "CLOSEOUT_LANGUAGE": "en",
        "CLOSEOUT_WEB_LISTEN": f"127.0.0.1:{behind}",
        "CLOSEOUT_WEB_URL": f"https://localhost:{tls}",
        "CLOSEOUT_WEB_PROXY": "127.0.0.1",
    }
    assert run_command(["init", "Invented organisation"], environ) == 0
    (tmp_path / "password").write_text(PASSWORD)
    adding = ["account", "add", "admin-1", "--role", "it_administrator", "--password-file", str(tmp_path / "password")]
    assert run_command(adding, environ) == 0
    capsys.readouterr()
    pages = Child(
        [sys.executable, "-m", "server", "serve"],
        cwd=Path(__file__).parents[2],
        log_path=tmp_path / "pages.log",
        environment={**os.environ, **environ},
    )
    try:
        pages.wait_until(lambda: answers(behind))
        with nginx(tmp_path / "nginx", behind, tls, plain) as found:
            yield found
    except PartMissingError as missing:
        part_missing(str(missing))
    finally:
        pages.stop()


def test_people_come_in_over_tls_alone_and_their_cookie_goes_nowhere_else(proxy):
    plain = requests.get(f"http://localhost:{proxy.plain}/overview", allow_redirects=False, timeout=10)
    assert (plain.status_code, plain.headers["Location"]) == (308, "https://localhost/overview")
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(proxy.authority)
        page = session.get(f"{proxy.url}/sign-in", timeout=10)
        assert page.status_code == 200
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Server" not in page.headers or "/" not in page.headers["Server"]
        cookies = [line for name, line in page.raw.headers.items() if name == "Set-Cookie"]
        assert cookies
        assert [line for line in cookies if "Secure" not in line or "HttpOnly" not in line] == []


def test_who_guesses_passwords_is_slowed_by_their_own_address_and_nobody_else_is(proxy):
    def guess(nth: int) -> int:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(proxy.authority)
            page = session.get(f"{proxy.url}/sign-in", timeout=10)
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[1]
            form = {"csrf_token": token, "name": f"nobody-{nth}", "password": "wrong", "code": "000000"}
            headers = {"Referer": f"{proxy.url}/sign-in", "X-Forwarded-For": f"192.0.2.{nth}"}
            return session.post(f"{proxy.url}/sign-in", data=form, headers=headers, timeout=10).status_code

    # An address a client claims for itself is overwritten by the proxy: a new one each time gains nothing.
    answered = [guess(nth) for nth in range(40)]
    assert 429 in answered
