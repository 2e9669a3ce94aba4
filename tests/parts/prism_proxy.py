"""Prism, which judges requests and answers by an OpenAPI document: installed once on a machine; no pytest here.

`python -m tests.parts.prism_proxy` installs it beforehand. Each exchange is sent through it to a server that gives the
answer of that exchange, so it judges both directions, and parts of a batch like any other request.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.parts import PartMissingError
from tests.parts.process import Child, StartError, answers, folder_for, free_port
from tests.vendors.serving import served

if TYPE_CHECKING:
    from tests.vendors.exchange import Exchange

_SOURCE = Path(__file__).parent / "prism"
_FILES = ("package.json", "package-lock.json")
_START_STEPS = 6_000
"""Of 20 ms: it starts slowly on a loaded machine."""
_OURS = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})
_NUMBER = "x-exchange"


def installed() -> Path:
    """The folder with the program, installed by its lock file if it is not there yet; PartMissingError without npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise PartMissingError("Prism cannot be had here: there is no npm to install it with")
    digest = hashlib.sha256(b"".join((_SOURCE / each).read_bytes() for each in _FILES))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "closeout-parts" / f"prism-{digest.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            for each in _FILES:
                shutil.copy(_SOURCE / each, folder)
            argv = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            made = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
            if made.returncode:
                raise PartMissingError(f"Prism cannot be had here: {made.stderr[-300:]}")
            (folder / "done").touch()
    return folder


class Prism:
    """One that runs, before a server that answers as it is told."""

    def __init__(self, port: int, recorded: dict[str, Exchange]) -> None:
        self._port, self._recorded = port, recorded

    def complaints(self, exchanges: Iterable[Exchange]) -> list[str]:
        """What does not fit the document, each as "METHOD /path status: where why"."""
        found: list[str] = []
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        for number, each in enumerate(exchanges):
            self._recorded[str(number)] = each
            body = each.body if isinstance(each.body, bytes | None) else json.dumps(each.body).encode()
            headers = {name: value for name, value in each.headers.items() if name.lower() not in _OURS}
            path = each.path + (f"?{urlencode(each.query)}" if each.query else "")
            connection.request(
                each.method, path, body, {"authorization": "Bearer token", **headers, _NUMBER: str(number)}
            )
            reply = connection.getresponse()
            reply.read()
            told = json.loads(reply.getheader("sl-violations") or "[]")
            if not told and reply.status != each.status:  # it does not know the path at all, and asks nobody
                told = [{"location": ["request"], "message": f"answered with {reply.status} by Prism itself"}]
            found += [
                f"{each.method} {each.path} {each.status}: {'.'.join(map(str, one['location']))} {one['message']}"
                for one in told
            ]
        connection.close()
        return found


@contextmanager
def prism(document: Path) -> Iterator[Prism]:
    """Run it over a document in JSON; PartMissingError without npm."""
    program = installed() / "node_modules/.bin/prism"
    recorded: dict[str, Exchange] = {}
    with folder_for(None, "prism") as folder, served(_answering(recorded)) as url:
        # A "one of" in these fragments names no field that tells its forms apart, so what is one form fits the others.
        judged = folder / "document.json"
        judged.write_text(document.read_text("utf-8").replace('"oneOf"', '"anyOf"'), "utf-8")
        port = free_port()
        argv = ["node", str(program), "proxy", str(judged), url, "-h", "127.0.0.1", "-p", str(port), "-v", "silent"]
        child = Child(argv, cwd=folder, log_path=folder / "log")
        try:
            _wait(child, port)
            yield Prism(port, recorded)
        finally:
            child.stop()


def _wait(child: Child, port: int) -> None:
    for _ in range(_START_STEPS):
        if answers(port):
            return
        if not child.alive:
            break
        sleep(0.02)
    raise StartError(child.log_since_start()[-2_000:] or "it does not answer")


def _answering(recorded: Mapping[str, Exchange]) -> Callable[..., Sequence[bytes]]:
    def answer(environ: Mapping[str, Any], start: Callable[..., Any]) -> Sequence[bytes]:
        each = recorded[environ[f"HTTP_{_NUMBER.upper().replace('-', '_')}"]]
        kept = [(name, value) for name, value in each.said_headers.items() if name.lower() not in _OURS]
        typed = any(name.lower() == "content-type" for name, _ in kept)
        start(f"{each.status} Said", kept if typed else [("Content-Type", "application/json"), *kept])
        return [
            each.said if isinstance(each.said, bytes) else b"" if each.said is None else json.dumps(each.said).encode()
        ]

    return answer


if __name__ == "__main__":
    installed()
