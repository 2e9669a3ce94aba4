"""A running CardDAV server and the bare requests that set it up and look into it; no product code in between."""

from __future__ import annotations

import signal
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, unquote

from defusedxml import ElementTree

from tests.parts.process import Child, StartError, answers, free_port

START_ATTEMPTS = 3

_MAKE_BOOK = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:set><D:prop><D:resourcetype>'
    b"<D:collection/><C:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>"
)
_LIST_BOOK = (
    b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
)
_A_CARD = {"Content-Type": "text/vcard; charset=utf-8"}


class DavError(Exception):
    """The server refused a request; `status` is its HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the CardDAV server answered {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class DavAnswer:
    """What came back: status, headers (names in lower case), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DavClient:
    """One login at one server. A book is named by its path without outer slashes, such as `service/book-1`."""

    port: int
    login: str = ""
    password: str = field(default="", repr=False)
    user_agent: str = "parts/1"
    patience: float = 10.0
    """Seconds that the server may be silent."""

    def request(
        self, method: str, path: str, body: str | bytes = b"", headers: Mapping[str, str] | None = None
    ) -> DavAnswer:
        """Send one request to `path` (leading slash, percent-encoded already); any status is an answer."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=self.patience)) as connection:
            return self._send(connection, method, path, body, headers or {})

    def make_book(self, book: str) -> None:
        """Make an address book (extended MKCOL, RFC 5689 and 6352 section 6.3.1)."""
        self._demand("MKCOL", _path(book), _MAKE_BOOK, {"Content-Type": "application/xml; charset=utf-8"})

    def put(self, book: str, name: str, card: str, *, if_match: str | None = None) -> str | None:
        """Write one card under `name` (such as `card-1.vcf`); return its ETag if the server told it."""
        headers = {**_A_CARD, **({"If-Match": if_match} if if_match else {})}
        return self._demand("PUT", _path(book, name), card, headers).headers.get("etag")

    def put_all(self, book: str, cards: Mapping[str, bytes]) -> None:
        """Write many cards, name -> text, over one connection: a server may take longer for that than for a card."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=self.patience)) as connection:
            for name, card in cards.items():
                try:
                    answer = self._send(connection, "PUT", _path(book, name), card, _A_CARD)
                except ConnectionError:  # SOGo hangs up without having said that it would
                    connection.close()
                    answer = self._send(connection, "PUT", _path(book, name), card, _A_CARD)
                _demanded(answer)

    def get(self, book: str, name: str) -> str | None:
        """Read one card; None where there is none."""
        answer = self.request("GET", _path(book, name))
        if answer.status == 404:
            return None
        return _demanded(answer).body.decode()

    def delete(self, book: str, name: str, *, if_match: str | None = None) -> None:
        """Delete one card."""
        self._demand("DELETE", _path(book, name), b"", {"If-Match": if_match} if if_match else {})

    def names(self, book: str) -> tuple[str, ...]:
        """List the names of the cards in a book, sorted."""
        headers = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
        root = ElementTree.fromstring(self._demand("PROPFIND", _path(book), _LIST_BOOK, headers).body)
        hrefs = (unquote(href.text or "") for href in root.iterfind("{DAV:}response/{DAV:}href"))
        return tuple(sorted(href.rsplit("/", 1)[1] for href in hrefs if not href.endswith("/")))

    def cards(self, book: str) -> dict[str, str]:
        """Read a whole book: name -> card text as the server gives it (servers re-order lines)."""
        return {name: self.get(book, name) or "" for name in self.names(book)}

    def _send(
        self, connection: HTTPConnection, method: str, path: str, body: str | bytes, headers: Mapping[str, str]
    ) -> DavAnswer:
        head = {"User-Agent": self.user_agent, **headers}
        if self.login:
            head["Authorization"] = "Basic " + b64encode(f"{self.login}:{self.password}".encode()).decode()
        connection.request(method, path, (body.encode() if isinstance(body, str) else body) or None, head)
        answer = connection.getresponse()
        return DavAnswer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def _demand(self, method: str, path: str, body: str | bytes, headers: Mapping[str, str]) -> DavAnswer:
        return _demanded(self.request(method, path, body, headers))


class DavServer:
    """A CardDAV server of our own on a loopback port; `stop` and `restart` keep its folder, port and log."""

    def __init__(
        self,
        *,
        folder: Path,
        log_path: Path,
        home: str,
        command: Callable[[int], Sequence[str]],
        ready: str | Callable[[int], bool],
        logins: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        user: tuple[int, int] | None = None,
        litter: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        database: str = "",
    ) -> None:
        """Describe a server that `command(port)` runs.

        ready: what then stands in its log, or whether it is this very server that answers on the port. home: path
        under which books may be made. logins: login -> password, the service account first; none at all for a server
        that asks for none. user, litter, stop_signal: as `Child` has them. database: SQLAlchemy URL of where it keeps
        its cards, if it does so in a database.
        """
        self.folder = folder
        self.log_path = log_path
        self.home = home
        self.database = database
        self._command = command
        self._says = ready
        # `python -m` must not find a file of the same name in the current folder
        self._environment = {"PYTHONSAFEPATH": "1", **(environment or {})}
        self._user, self._litter, self._stop_signal = user, litter, stop_signal
        self._logins = dict(logins or {})
        self._child: Child | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Root of the server, no slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the running server; RuntimeError if it does not run."""
        if self._child is None or not self._child.alive:
            raise RuntimeError("the server is not running")
        return self._child.pid

    def book_url(self, book: str) -> str:
        """Address of a book, as a phone or the product is configured with it (slash at the end)."""
        return self.url + _path(book)

    def client(self, login: str | None = None, *, user_agent: str = "parts/1") -> DavClient:
        """Requests as this login; without a name as the service account."""
        if login is None:
            login = next(iter(self._logins), "")
        return DavClient(self.port, login, self._logins[login] if login else "", user_agent)

    def home_of(self, login: str) -> str:
        """The path under which this login, and not the service account, has books of its own."""
        return self.home.replace(next(iter(self._logins)), login)

    def password(self, login: str) -> str:
        """Password of a login, for whoever must be configured with it."""
        return self._logins[login]

    def start(self) -> None:
        """Start it, on the port it had or on a free one, and return once it answers; StartError if it does not."""
        for attempt in range(START_ATTEMPTS):
            port = self.port or free_port()
            child = Child(
                self._command(port),
                cwd=self.folder,
                log_path=self.log_path,
                environment=self._environment,
                user=self._user,
                litter=self._litter,
                stop_signal=self._stop_signal,
            )
            try:
                child.wait_until(partial(self._ready, child, port))
            except StartError:
                if self.port or attempt + 1 == START_ATTEMPTS:
                    raise
            else:
                self._child, self.port = child, port
                return

    def _ready(self, child: Child, port: int) -> bool:
        # its own word *and* the open port: another program may have taken the port just before it
        if not answers(port):
            return False
        return self._says in child.log_since_start() if isinstance(self._says, str) else self._says(port)

    def stop(self) -> None:
        """Stop it; twice is fine."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()


def _path(book: str, name: str = "") -> str:
    return f"/{quote(book.strip('/'))}/{quote(name)}"


def _demanded(answer: DavAnswer) -> DavAnswer:
    if not 200 <= answer.status < 300:
        raise DavError(answer.status)
    return answer
