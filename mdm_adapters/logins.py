"""Which login reaches which address book, where no single login reaches them all; from a file, kept nowhere else."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from mdm_adapters.dav import escaped, segments
from mdm_adapters.port import (
    Capability,
    CapabilityAnswer,
    ContactStore,
    Cut,
    Entry,
    Look,
    Match,
    Place,
    Put,
    PutReceipt,
    Receipt,
    Trial,
)

COLUMNS = ("address", "login", "password")
_SECRET = 0o077
_LARGEST = 4 * 1024 * 1024

Login = tuple[str, str]
"""A login and its password."""


def read_logins(file: str) -> Mapping[str, Login]:
    """The logins of a file by the path of their book, in its one spelling.

    The file is a CSV with a semicolon between cells and a first row that names the columns `address`, `login` and
    `password`. ValueError, which repeats nothing of the file: it cannot be read, others can read it, or a row of it
    is not valid.
    """
    path = Path(file)
    try:
        if path.stat().st_mode & _SECRET or path.stat().st_size > _LARGEST:
            raise ValueError("the file of logins can be read by others, or is too long")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""
    try:
        lines = text.splitlines()
        rows = list(csv.reader(lines, delimiter=";", strict=True))
        if len(rows) != len(lines):
            rows = []  # a quotation mark that another line closes swallows the login of that one
    except csv.Error:
        rows = []
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != COLUMNS:
        raise ValueError("the file of logins cannot be read, or its first row is another than address;login;password")
    found: dict[str, Login] = {}
    for row in rows[1:]:
        if not any(row):
            continue
        if len(row) != len(COLUMNS) or not all(cell.strip() for cell in row):
            raise ValueError("a row of the file of logins has no address, login and password")
        book = path_of(row[0].strip())
        if book in found:
            raise ValueError("the file of logins names an address twice")
        found[book] = (row[1].strip(), row[2])
    return found


def path_of(address: str) -> str:
    """The path of a book in its one spelling, of its whole address or of its path alone."""
    return segments(urlsplit(escaped(address)).path).rstrip("/") + "/"


class OwnLogins(ContactStore):
    """A store for each login, made when it is first asked for, and one for every place that has no login of its own.

    make: the store of a login. rest: the store of all others.
    """

    def __init__(self, rest: ContactStore, logins: Mapping[str, Login], make: Callable[[Login], ContactStore]) -> None:
        self._rest = rest
        self._logins = logins
        self._make = make
        self._made: dict[Login, ContactStore] = {}
        self._lock = Lock()
        self.batch = rest.batch

    def of(self, place: Place) -> ContactStore:
        """The store for a place."""
        login = self._logins.get(path_of(place.address))
        if login is None:
            return self._rest
        with self._lock:
            if login not in self._made:
                self._made[login] = self._make(login)
            return self._made[login]

    def capabilities(self) -> Mapping[Capability, CapabilityAnswer]:
        """As of every login."""
        return self._rest.capabilities()

    def announce(self, place: Place, cuts: Sequence[Cut]) -> None:
        """As the port has it."""
        self.of(place).announce(place, cuts)

    def close(self) -> None:
        """Let go of the connections."""
        for each in (self._rest, *self._made.values()):
            each.close()

    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        return self.of(place).look(place, match, cursor=cursor, mark=mark)

    def _look_up(self, place: Place, refs: Sequence[str], match: Match, mark: str) -> Sequence[Entry]:
        return self.of(place).look_up(place, refs, match, mark=mark)

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        return self.of(place).remove(place, cuts, match)

    def remove(
        self, place: Place, cuts: Sequence[Cut], match: Match, may: Callable[[], bool] | None = None
    ) -> Sequence[Receipt]:
        """As the port has it; `may` is asked by the store of the place, right before its requests."""
        store = self.of(place)
        return store.remove(place, cuts, match) if may is None else store.remove(place, cuts, match, may)

    def put(
        self, place: Place, puts: Sequence[Put], match: Match, may: Callable[[], bool] | None = None
    ) -> Sequence[PutReceipt]:
        """As the port has it; `may` is asked by the store of the place."""
        store = self.of(place)
        return store.put(place, puts, match) if may is None else store.put(place, puts, match, may)

    def _check(self, place: Place) -> Sequence[Trial]:
        return self.of(place).check(place)
