"""A real nginx with the file of `deploy/`, on loopback ports and with a certificate of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts import PartMissingError
from tests.parts.certificates import signed
from tests.parts.process import Child, answers, free_port

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx" / "closeout.conf"

_AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/closeout.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy. url: what people type; plain: the port without encryption; authority: PEM to trust."""

    url: str
    plain: int
    authority: Path


def ports() -> tuple[int, int]:
    """Two ports for the proxy, so that the pages can be told their address before it runs."""
    return free_port(), free_port()


@contextmanager
def nginx(folder: Path, behind: int, tls: int, plain: int) -> Iterator[Proxy]:
    """The shipped file with ports and certificate changed, before the pages on port `behind`."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise PartMissingError("no nginx: apt-get install nginx-light")
    given = signed(folder, "localhost")
    shipped = SHIPPED.read_text(encoding="utf-8")
    for written, ours in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls} ssl;"),
        ("    listen [::]:443 ssl;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("    listen [::]:80;\n", ""),
        ("/etc/ssl/closeout/fullchain.pem", str(given.certificate)),
        ("/etc/ssl/closeout/privkey.pem", str(given.key)),
        ("http://127.0.0.1:8080", f"http://127.0.0.1:{behind}"),
        ("closeout.example.org", "localhost"),
    ):
        if written not in shipped:
            raise AssertionError(f"deploy/nginx/closeout.conf has no {written!r} any more")
        shipped = shipped.replace(written, ours)
    (folder / "closeout.conf").write_text(shipped, encoding="utf-8")
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder), encoding="utf-8")
    child = Child(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf")], cwd=folder, log_path=folder / "nginx.log"
    )
    try:
        child.wait_until(lambda: answers(tls))
        yield Proxy(f"https://localhost:{tls}", plain, given.authority)
    finally:
        child.stop()
