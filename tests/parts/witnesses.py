"""Others' programs of transparency logs: `litewitness`, and in Go a log that asks a witness and a check of receipts.

Both are built with Go from the module proxy, with the hashes in `golang/go.sum`, and kept in the user's cache.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.parts import PartMissingError, go_programs
from tests.parts.process import Child, answers, folder_for, free_port

_SOURCE = Path(__file__).parent / "golang"
_PACKAGES = {"litewitness": "filippo.io/torchwood/cmd/litewitness", "asking-log": ".", "check-receipts": "./receipts"}
ASKING_LOG = "closeout.example/log+1bf65710+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
"""Public key of the log in Go."""


def built(name: str) -> Path:
    """The program of that name, built if it is not there yet; PartMissingError without Go."""
    return go_programs.built(_SOURCE, name, _PACKAGES[name])


@dataclass(frozen=True, slots=True)
class LiteWitness:
    """A witness that runs. key: its public key, as it says it itself. database: where it keeps what it cosigned."""

    url: str
    key: str
    database: Path

    def trust(self, log_key: str) -> None:
        """Know a log by its public key."""
        origin = log_key.partition("+")[0]
        with closing(sqlite3.connect(self.database)) as database, database:
            nothing = base64.b64encode(hashlib.sha256(b"").digest()).decode()
            database.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, nothing))
            database.execute("INSERT INTO key VALUES (?, ?)", (origin, log_key))

    def size(self) -> int:
        """Entries of the newest head that it cosigned."""
        with closing(sqlite3.connect(self.database)) as database:
            return int(database.execute("SELECT max(tree_size) FROM log").fetchone()[0])


@contextmanager
def litewitness(name: str = "lite.example/witness") -> Iterator[LiteWitness]:
    """Run `litewitness`, with its key in an agent of its own; PartMissingError without Go or ssh-agent."""
    program = built("litewitness")
    agent, add = shutil.which("ssh-agent"), shutil.which("ssh-add")
    if not agent or not add:
        raise PartMissingError("litewitness cannot be had here: there is no ssh-agent")
    signer = Ed25519PrivateKey.generate()
    with folder_for(None, "witness") as folder:
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_bytes(signer.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        socket = folder / "agent"
        keeper = Child([agent, "-D", "-a", str(socket)], cwd=folder, log_path=folder / "agent.log")
        try:
            keeper.wait_until(socket.exists)
            subprocess.run([add, str(key)], env={**os.environ, "SSH_AUTH_SOCK": str(socket)}, check=True,
                           capture_output=True)  # fmt: skip
            blob = base64.b64decode(signer.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
            fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
            port = free_port()
            argv = [str(program), "-name", name, "-key", fingerprint, "-ssh-agent", str(socket)]
            more = ["-db", str(folder / "db"), "-listen", f"127.0.0.1:{port}"]
            child = Child([*argv, *more], cwd=folder, log_path=folder / "log")
            try:
                child.wait_until(lambda: answers(port))
                (vkey,) = (word for word in child.log_since_start().split() if word.startswith("vkey="))
                yield LiteWitness(f"http://127.0.0.1:{port}/", vkey.removeprefix("vkey=").strip('"'), folder / "db")
            finally:
                child.stop()
        finally:
            keeper.stop()
