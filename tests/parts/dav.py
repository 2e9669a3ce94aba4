"""A running CardDAV server and the bare requests that set it up and look into it; no product code in between."""

from __future__ import annotations

import sys
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
        head = {"User-Agent": self.user_agent, **(headers or {})}
        if self.login:
            head["Authorization"] = "Basic " + b64encode(f"{self.login}:{self.password}".encode()).decode()
        raw = body.encode() if isinstance(body, str) else body
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=self.patience)) as connection:
            connection.request(method, path, raw or None, head)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return DavAnswer(answer.status, names, answer.read())

    def make_book(self, book: str) -> None:
        """Make an address book (extended MKCOL, RFC 5689 and 6352 section 6.3.1)."""
        self._demand("MKCOL", _path(book), _MAKE_BOOK, {"Content-Type": "application/xml; charset=utf-8"})

    def put(self, book: str, name: str, card: str, *, if_match: str | None = None) -> str | None:
        """Write one card under `name` (such as `card-1.vcf`); return its ETag if the server told it."""
        headers = {"Content-Type": "text/vcard; charset=utf-8"} | ({"If-Match": if_match} if if_match else {})
        return self._demand("PUT", _path(book, name), card, headers).headers.get("etag")

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
        program: Sequence[str],
        arguments: Callable[[int], Sequence[str]],
        ready_mark: str,
        logins: Mapping[str, str] | None = None,
    ) -> None:
        """Describe `python program arguments(port)`; it is ready once `ready_mark` stands in its log.

        home: path under which books may be made. logins: login -> password, the service login first; none at all
        for a server that asks for none.
        """
        self.folder = folder
        self.log_path = log_path
        self.home = home
        self._command = (sys.executable, *program)
        self._arguments = arguments
        self._ready_mark = ready_mark
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
        """Requests as this login; without a name as the service login."""
        if login is None:
            login = next(iter(self._logins), "")
        return DavClient(self.port, login, self._logins[login] if login else "", user_agent)

    def password(self, login: str) -> str:
        """Password of a login, for whoever must be configured with it."""
        return self._logins[login]

    def start(self) -> None:
        """Start it, on the port it had or on a free one, and return once it answers; StartError if it does not."""
        for attempt in range(START_ATTEMPTS):
            port = self.port or free_port()
            child = Child(
                [*self._command, *self._arguments(port)],
                cwd=self.folder,
                log_path=self.log_path,
                # `python -m` must not find a file of the same name in the current folder
                environment={"PYTHONSAFEPATH": "1", "RADICALE_LOG_FORMAT": "verbose"},
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
        return self._ready_mark in child.log_since_start() and answers(port)

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
