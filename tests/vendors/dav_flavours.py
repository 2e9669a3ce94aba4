"""A CardDAV server that behaves as Nextcloud, Baikal or SOGo where these differ from others; our own reading, as WSGI.

SOGo is run by other tests; here its clock can be stopped within a second. Of sabre/dav 4.7, which Baikal and Nextcloud
are built on, this does what it was seen to do where it ran; it is in no registry, so this proves no more than that the
adapter copes with that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from defusedxml import ElementTree

from tests.vendors.proofs import Digest, basic_login

LOGIN, PASSWORD = "phone-01@org.example", "app-password-01"
_D, _C = "{DAV:}", "{urn:ietf:params:xml:ns:carddav}"


@dataclass(frozen=True)
class Flavour:
    """How one product differs. home: where the books of the login are. strong: its ETags are quoted."""

    home: str
    token: Callable[[int], str]
    strong: bool = True
    refuses_token: int = 403
    encodes: str = ""
    """What stays unescaped in an href."""
    digest: bool = False
    """It takes Digest alone."""
    newest: bool = False
    """It refuses a card of vCard 2.1 with 415."""
    converts: bool = False
    """It hands out a vCard 4 as 3 under the same ETag, unless asked for 4; and then a 3 as 4."""
    by_seconds: bool = False
    """Its states are seconds, and a report tells what was written after the one that it is asked for."""


NEXTCLOUD = Flavour(
    f"/remote.php/dav/addressbooks/users/{LOGIN}",
    lambda n: f"http://sabre.io/ns/sync/{n}",
    encodes="/",
    converts=True,
)
SOGO = Flavour(f"/SOGo/dav/{LOGIN}/Contacts", str, strong=False, encodes="/@")
BAIKAL = Flavour(
    f"/dav.php/addressbooks/{LOGIN}",
    lambda n: f"http://sabre.io/ns/sync/{n}",
    encodes="/",
    digest=True,
    newest=True,
    converts=True,
)
BY_SECONDS = Flavour(f"/SOGo/dav/{LOGIN}/Contacts", str, encodes="/@", by_seconds=True)


@dataclass
class DavBook:
    """One book. writable: the login may change it. changes: (name, whether it is there) of each change, in order.

    at: when each change was made, in whole seconds; clock: says when it is.
    home: where it is, if not at that login's.
    """

    name: str
    writable: bool = True
    cards: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    changes: list[tuple[str, bool]] = field(default_factory=list)
    home: str = ""
    at: list[int] = field(default_factory=list)
    clock: Callable[[], float] = lambda: 0.0

    def put(self, name: str, body: bytes) -> None:
        """Write a card."""
        self.cards[name] = (len(self.changes) + 1, body)
        self._note(name, there=True)

    def drop(self, name: str) -> None:
        """Delete a card."""
        del self.cards[name]
        self._note(name, there=False)

    def _note(self, name: str, *, there: bool) -> None:
        self.changes.append((name, there))
        self.at.append(int(self.clock()))


class FlavouredServer:
    """The WSGI app. closed: (status, headers) that everything is answered with. first: the oldest token it knows.

    others: login -> password of those who have one book of their own each, closed to everybody else. lengths: whether
    listings say how long a card is; converts_all: it hands out another copy in every version.
    """

    def __init__(
        self, flavour: Flavour, others: Mapping[str, str] | None = None, *, clock: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.flavour = flavour
        self.clock = clock
        self.lengths = True
        self.converts_all = False
        self.passwords = {LOGIN: PASSWORD, **(others or {})}
        self.own = {login: DavBook("own", home=flavour.home.replace(LOGIN, login)) for login in others or {}}
        self._digest = Digest(self.passwords)
        self.books: dict[str, DavBook] = {}
        self.closed: tuple[int, Mapping[str, str]] | None = None
        self.first = 0
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    def add(self, name: str, *, writable: bool = True) -> DavBook:
        """A new book of the login."""
        made = self.books[name] = DavBook(name, writable, clock=self.clock)
        return made

    def address(self, name: str) -> str:
        """The path of a book as people write it."""
        return f"{self.flavour.home}/{name}/"

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        method, path = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"])
        headers = {
            key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        self.asked.append((method, path, headers))
        who = self._who(method, environ, headers.get("authorization", ""))
        status, more, body = self._answer(who, method, path, headers, environ["wsgi.input"].read())
        kind = "application/xml; charset=utf-8" if status == 207 else "text/vcard; charset=utf-8"
        start(f"{status} Said", list({"Content-Type": kind, **more}.items()))
        return [body]

    def _at(self, book: DavBook) -> str:
        return f"{book.home or self.flavour.home}/{book.name}/"

    def _who(self, method: str, environ: Mapping[str, Any], header: str) -> str | None:
        if not self.flavour.digest:
            return basic_login(header, self.passwords)
        return self._digest.login(header, method, environ["RAW_URI"])

    def _answer(
        self, who: str | None, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self.closed is not None:
            return *self.closed, b""
        if who is None:
            return 401, {"WWW-Authenticate": self._digest.challenge if self.flavour.digest else "Basic realm=dav"}, b""
        owner, book = next(
            ((login, each) for login, each in self.own.items() if path.startswith(self._at(each))), (LOGIN, None)
        )
        if who != owner:
            return self._kept(path)
        if book is not None:
            return self._in_book(method, book, path.removeprefix(self._at(book)), headers, body)
        return self._at_home(method, path, headers, body)

    def _at_home(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        if path == "/.well-known/carddav":
            return 301, {"Location": f"{quote(self.flavour.home)}/"}, b""
        if path.rstrip("/") == self.flavour.home and method == "PROPFIND":
            books = self.books.values() if headers.get("depth") == "1" else ()
            return self._multi([self._collection(path, None), *(self._collection(self._at(b), b) for b in books)])
        found = re.fullmatch(rf"{re.escape(self.flavour.home)}/([^/]+)/([^/]*)", path)
        book = self.books.get(found[1]) if found else None
        if found is None or book is None:
            return 404, {}, b""
        return self._in_book(method, book, found[2], headers, body)

    def _in_book(
        self, method: str, book: DavBook, name: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        if method == "PROPFIND":
            cards = book.cards if headers.get("depth") == "1" else ()
            return self._multi([self._collection(self._at(book), book), *(self._card(book, c) for c in cards)])
        if method == "REPORT":
            return self._report(book, body)
        if method == "GET" and name in book.cards:
            version = "4.0" if "version=4.0" in headers.get("accept", "") else "3.0"
            return 200, {"ETag": self._etag(book, name)}, self._handed_out(book.cards[name][1], version)
        refused = self._refused(book, name, headers.get("if-match"), body)
        if refused:
            return refused, {}, b""
        if method == "DELETE":
            book.drop(name)
            return 204, {}, b""
        book.put(name, body)
        return 204, {"ETag": self._etag(book, name)}, b""

    def _refused(self, book: DavBook, name: str, guard: str | None, body: bytes) -> int:
        if self.flavour.newest and b"VERSION:2.1" in body:
            return 415
        if name not in book.cards:
            return 404
        if not book.writable:
            return 403
        return 412 if guard not in (None, self._etag(book, name)) else 0

    def _report(self, book: DavBook, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        asked = ElementTree.fromstring(body)
        if asked.tag == f"{_C}addressbook-multiget":
            hrefs = [unquote(each.text or "") for each in asked.iter(f"{_D}href")]
            names = [href.rpartition("/")[2] for href in hrefs]
            version = next(asked.iter(f"{_C}address-data")).get("version") or "3.0"
            return self._multi(
                [self._card(book, n, version=version) if n in book.cards else self._gone(book, n) for n in names]
            )
        token = asked.findtext(f"{_D}sync-token") or ""
        if self.flavour.by_seconds:
            since = next((n for n, at in enumerate(book.at) if at > int(token)), len(book.changes))
        else:
            known = {self.flavour.token(n): n for n in range(self.first, len(book.changes) + 1)}
            if token not in known:
                return self.flavour.refuses_token, {}, b'<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>'
            since = known[token]
        touched = dict.fromkeys(name for name, _ in book.changes[since:])
        rows = [self._card(book, name) if name in book.cards else self._gone(book, name) for name in touched]
        return self._multi(rows, self._state(book))

    def _state(self, book: DavBook) -> str:
        return str(int(self.clock())) if self.flavour.by_seconds else self.flavour.token(len(book.changes))

    def _handed_out(self, body: bytes, version: str) -> bytes:
        """The card in this version of vCard; what has no place in it is lost on the way, a photo for one."""
        if self.converts_all:
            return body.replace(b"X-OWN", b"X-OWN-IN-" + version.encode())
        if not self.flavour.converts or f"VERSION:{version}".encode() in body:
            return body
        lines = [line for line in body.splitlines(keepends=True) if not line.startswith((b"PHOTO", b"KIND", b"X-OWN"))]
        return re.sub(rb"VERSION:[34]\.0", f"VERSION:{version}".encode(), b"".join(lines))

    # --- what is said

    def _kept(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        """What sabre/dav says to a login of the book of another."""
        return self._multi([f"<d:response>{self._href(path)}<d:status>HTTP/1.1 403 Forbidden</d:status></d:response>"])

    def _multi(self, rows: Sequence[str], token: str = "") -> tuple[int, Mapping[str, str], bytes]:
        more = f"<d:sync-token>{escape(token)}</d:sync-token>" if token else ""
        outer = 'xmlns:d="DAV:" xmlns:card="urn:ietf:params:xml:ns:carddav"'
        return 207, {}, f"<d:multistatus {outer}>{''.join(rows)}{more}</d:multistatus>".encode()

    def _href(self, path: str) -> str:
        return f"<d:href>{escape(quote(path, safe=self.flavour.encodes))}</d:href>"

    def _etag(self, book: DavBook, name: str) -> str:
        number = f"gcs{book.cards[name][0]:08d}"
        return f'"{number}"' if self.flavour.strong else number

    def _collection(self, path: str, book: DavBook | None) -> str:
        kind = "<card:addressbook/>" if book else ""
        token = f"<d:sync-token>{self._state(book)}</d:sync-token>" if book else ""
        forms = "".join(
            f'<card:address-data-type content-type="text/vcard" version="{each}"/>' for each in ("3.0", "4.0")
        )
        rights = ("read", "write", "bind", "unbind", "write-content") if book and book.writable else ("read",)
        told = "".join(f"<d:privilege><d:{each}/></d:privilege>" for each in rights)
        props = (
            f"<d:resourcetype><d:collection/>{kind}</d:resourcetype>{token}"
            f"<d:current-user-privilege-set>{told}</d:current-user-privilege-set>"
            f"<d:displayname>{book.name if book else ''}</d:displayname>"
            f"<card:supported-address-data>{forms if self.flavour.converts else ''}</card:supported-address-data>"
            f"<card:addressbook-home-set>{self._href(f'{self.flavour.home}/')}</card:addressbook-home-set>"
        )
        return f"<d:response>{self._href(path)}{_good(props)}</d:response>"

    def _card(self, book: DavBook, name: str, *, version: str = "") -> str:
        number, body = book.cards[name]
        told = escape(self._handed_out(body, version).decode()).replace("\r", "&#13;")
        data = f"<card:address-data>{told}</card:address-data>" if version else ""
        length = f"<d:getcontentlength>{len(body)}</d:getcontentlength>" if self.lengths else ""
        props = f"<d:getetag>{escape(self._etag(book, name))}</d:getetag><d:resourcetype/>{length}{data}"
        assert number
        return f"<d:response>{self._href(self._at(book) + name)}{_good(props)}</d:response>"

    def _gone(self, book: DavBook, name: str) -> str:
        href = self._href(self._at(book) + name)
        return f"<d:response>{href}<d:status>HTTP/1.1 404 Not Found</d:status></d:response>"

    def deletes(self) -> Iterator[Mapping[str, str]]:
        """The headers of each DELETE that was asked."""
        return (headers for method, _, headers in self.asked if method == "DELETE")


def _good(props: str) -> str:
    return f"<d:propstat><d:prop>{props}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
