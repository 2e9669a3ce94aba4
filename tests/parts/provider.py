"""An identity provider on a free port of this machine (oidc-provider-mock), in a process of its own."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.parts import PartMissingError
from tests.parts.process import Child, answers, free_port


@dataclass(frozen=True)
class Provider:
    """A running provider. issuer: as it names itself."""

    issuer: str

    def know(self, subject: str, **claims: object) -> None:
        """Let it vouch for somebody, with these claims."""
        request = urllib.request.Request(
            f"{self.issuer}/users/{subject}",
            json.dumps(claims).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
        urllib.request.urlopen(request).close()

    def enter(self, address: str, subject: str) -> str:
        """What a person does there: be that subject. Returns the address it sends the browser back to."""
        parts = urlsplit(address)
        connection = HTTPConnection(parts.hostname or "", parts.port)
        body = urlencode({"sub": subject})
        connection.request(
            "POST", f"{parts.path}?{parts.query}", body, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.headers["Location"]


@contextmanager
def provider_server(folder: Path) -> Iterator[Provider]:
    """A provider that knows nobody yet."""
    if find_spec("oidc_provider_mock") is None:
        raise PartMissingError("oidc-provider-mock is not installed: no identity provider to sign in at")
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--host", "127.0.0.1"]
    child = Child(argv, cwd=folder, log_path=folder / "provider.log")
    try:
        child.wait_until(lambda: answers(port))
        yield Provider(f"http://127.0.0.1:{port}")
    finally:
        child.stop()
