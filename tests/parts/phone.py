"""A stand-in for a work phone: vdirsyncer keeps a local copy of one address book; no pytest here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.parts import PartMissingError

SYNC_SECONDS = 60.0

# JSON strings are the values vdirsyncer's configuration file wants. The book's own address and no discovery
# (collections = null): what a device's own principal lists does not contain the shared book.
_CONFIGURATION = """\
[general]
status_path = {status}

[pair phone]
a = "store"
b = "device"
collections = null
conflict_resolution = "a wins"

[storage store]
type = "carddav"
url = {url}
username = {login}
password = {password}
read_only = true

[storage device]
type = "filesystem"
path = {cards}
fileext = ".vcf"
"""


class PhoneRefusedError(Exception):
    """The phone did not sync; `str()` is its own word. So it does when a book that had cards is empty at once."""


class Phone:
    """A phone that shows the cards of one book and never writes to it."""

    def __init__(self, folder: Path, url: str, login: str = "", password: str = "") -> None:
        """folder: its memory (made if absent); url: the book; PartMissingError where vdirsyncer is not installed."""
        if find_spec("vdirsyncer") is None:
            raise PartMissingError("a phone cannot be had here: vdirsyncer is not installed (extra: dev)")
        self.folder = folder.resolve()
        self._cards = self.folder / "cards"
        self._cards.mkdir(parents=True, exist_ok=True)
        self._discovered = False
        values = {
            "status": str(self.folder / "status"),
            "url": url,
            "login": login,
            "password": password,
            "cards": str(self._cards),
        }
        (self.folder / "config").write_text(
            _CONFIGURATION.format(**{name: json.dumps(value) for name, value in values.items()})
        )

    def sync(self) -> None:
        """Fetch what changed in the book; PhoneRefusedError if it could not be done, or not all of it."""
        if not self._discovered:
            self._run("discover")
            self._discovered = True
        self._run("sync")

    def cards(self) -> tuple[str, ...]:
        """Texts of the cards now on the phone, sorted."""
        return tuple(sorted(path.read_bytes().decode() for path in self._cards.glob("*.vcf")))

    def _run(self, command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "vdirsyncer", "--config", str(self.folder / "config"), command],
            cwd=self.folder,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SYNC_SECONDS,
            check=False,
        )
        if done.returncode:
            raise PhoneRefusedError(done.stdout.decode(errors="replace"))
