"""The pages as `deploy/` sets them up: `closeout serve` with the shipped nginx file before it, over TLS."""

from __future__ import annotations

import os
import re
import socket
import ssl
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
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert "Server" not in page.headers or "/" not in page.headers["Server"]
        cookies = [line for name, line in page.raw.headers.items() if name == "Set-Cookie"]
        assert cookies
        assert [line for line in cookies if "Secure" not in line or "HttpOnly" not in line] == []


def test_a_program_that_asks_in_clear_is_not_sent_on_in_silence(proxy):
    for path in ("/api/status", "/metrics", "/api/events/mail", "/sign-in/provider/logout"):
        answer = requests.get(f"http://localhost:{proxy.plain}{path}", allow_redirects=False, timeout=10)
        assert (path, answer.status_code) == (path, 404)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name)
def test_what_is_said_is_encrypted_with_authentication_and_forward_secrecy(proxy, version):
    context = ssl.create_default_context(cafile=str(proxy.authority))
    context.minimum_version = context.maximum_version = version
    assert "GCM" in _cipher(proxy, context) or "CHACHA20" in _cipher(proxy, context)


@pytest.mark.parametrize(
    "weak",
    [
        pytest.param(lambda it: it.set_ciphers("ECDHE+AES+SHA256:ECDHE+AES+SHA384:!AESGCM"), id="no authentication"),
        pytest.param(lambda it: it.set_ciphers("kRSA+AESGCM"), id="no forward secrecy"),
        pytest.param(lambda it: setattr(it, "maximum_version", ssl.TLSVersion.TLSv1_1), id="tls 1.1"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_weaker_encryption_is_not_spoken(proxy, weak):
    context = ssl.create_default_context(cafile=str(proxy.authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    weak(context)
    with pytest.raises(ssl.SSLError):
        _cipher(proxy, context)


def _cipher(proxy: Proxy, context: ssl.SSLContext) -> str:
    port = int(proxy.url.rsplit(":", 1)[1])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        return tls.cipher()[0]


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
