"""A real clamd on a socket of its own, which knows one signature: the test string that all scanners know (EICAR)."""

from __future__ import annotations

import pwd
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts import PartMissingError
from tests.parts.process import Child, free_port

HARMLESS = b"X5O!P%@AP[4" + rb"\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-" + b"TEST-FILE!$H+H*"
"""The test string of eicar.org, put together here so that no scanner takes this file for what it tests."""

_SETTINGS = """
LocalSocket {socket}
TCPAddr 127.0.0.1
TCPSocket {port}
DatabaseDirectory {signatures}
TemporaryDirectory {folder}
StreamMaxLength 1M
Foreground yes
User {user}
"""


@contextmanager
def clamd(folder: Path) -> Iterator[tuple[Path, int]]:
    """Path of its socket, and its port on 127.0.0.1."""
    program = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin")
    if program is None:
        raise PartMissingError("no clamd: apt-get install clamav-daemon")
    signatures = folder / "signatures"
    signatures.mkdir(parents=True)
    (signatures / "ours.ndb").write_text(f"Invented-Test:0:*:{HARMLESS.hex()}\n")
    file, port = folder / "clamd.sock", free_port()
    settings = folder / "clamd.conf"
    user = pwd.getpwuid(folder.stat().st_uid).pw_name
    settings.write_text(
        _SETTINGS.format(socket=file, port=port, signatures=signatures, folder=folder, user=user), encoding="utf-8"
    )
    child = Child([program, "--config-file", str(settings)], cwd=folder, log_path=folder / "clamd.log")
    try:
        child.wait_until(lambda: _listens(file))
        yield file, port
    finally:
        child.stop()


def _listens(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asked:
        return asked.connect_ex(str(file)) == 0
