"""A real Radicale with a service account and one login per device, its log kept for a reader; no pytest here."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.parts import PartMissingError
from tests.parts.dav import DavServer

ALL_BOOKS = "*"

_DURABLE = ("-m", "radicale")
_QUICK = ("-c", "import os; os.fsync = lambda _: None; from radicale.__main__ import run; run()")
_CONFIGURATION = """\
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0

[rights]
type = from_file
file = {folder}/rights

[storage]
filesystem_folder = {folder}/collections

[logging]
level = info
"""


@dataclass(frozen=True, slots=True)
class Right:
    """What a login may do with a book (path without outer slashes) or with ALL_BOOKS: read, or read and write."""

    login: str
    book: str = ALL_BOOKS
    write: bool = False


@contextmanager
def radicale_server(
    folder: Path, *, logins: Mapping[str, str], rights: Sequence[Right], durable: bool = False
) -> Iterator[DavServer]:
    """Run Radicale in `folder` (made if absent) for as long as the block lasts.

    logins: login -> password, the service account first; books live under its name. rights: the first that fits
    login and book counts, none means no access. The log is `folder/radicale.log`, level info, only ever added to.
    durable: flush every card to the disk, as it does by itself; a crash of the machine may else cost test data.
    Raises PartMissingError where Radicale is not installed.
    """
    if find_spec("radicale") is None:
        raise PartMissingError("Radicale cannot be had here: the package is not installed (extra: demo)")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(_CONFIGURATION.format(folder=folder.resolve()))
    (folder / "users").write_text("".join(f"{login}:{password}\n" for login, password in logins.items()))
    (folder / "rights").write_text("\n".join(_section(number, right) for number, right in enumerate(rights)))
    server = DavServer(
        folder=folder,
        log_path=folder / "radicale.log",
        home=next(iter(logins)),
        command=lambda port: (
            *(sys.executable, *(_DURABLE if durable else _QUICK)),
            *("--config", str(folder.resolve() / "config"), "--hosts", f"127.0.0.1:{port}"),
        ),
        ready="Radicale server ready",
        logins=logins,
        environment={"RADICALE_LOG_FORMAT": "verbose"},
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _section(number: int, right: Right) -> str:
    # capital letters are for folders that hold books, small ones for books: only a login for all needs both
    everything = right.book == ALL_BOOKS
    collection = ".*" if everything else _literal(right.book)
    permissions = ("RrWw" if right.write else "Rr") if everything else ("rw" if right.write else "r")
    return f"[{number}]\nuser: {_literal(right.login)}\ncollection: {collection}\npermissions: {permissions}\n"


def _literal(text: str) -> str:
    # Radicale reads a regular expression, after str.format, out of an INI file with %-interpolation
    return re.escape(text.strip("/")).replace("{", "{{").replace("}", "}}").replace("%", "%%")
