"""The members of the contact-store suite: one book each, and a hand of another person in it, past the adapter."""

from __future__ import annotations

import base64
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.port import ContactStore, Place
from mdm_adapters.registry import STORES
from tests.parts import davical
from tests.parts.dav import DavServer
from tests.vendors.graph import App, GraphCloud
from tests.vendors.memory import MemoryStore


class Member(ABC):
    """A store under test and one empty book in it.

    store: as the registry makes it. place: the book. nowhere: a book that is not there. keeps_bytes: what is put is
    got back to the byte (Radicale writes cards anew). has_groups: an entry may stand for several people.
    has_delta: it can be asked for changes (for a vendor of which that holds for some servers only).
    refuses_cursors: one that it does not know is refused; others give the whole book as if all had changed, which
    shows what is there and not what went. many: cards that a long book has, fewer where each must be sent.
    by_seconds: its states are seconds, and what was written in the last ones is told once more.
    """

    keeps_bytes = True
    has_groups = True
    refuses_cursors = True
    has_delta = True
    many = 1_500
    by_seconds = False

    def __init__(self, store: ContactStore, place: Place, nowhere: Place) -> None:
        self.store, self.place, self.nowhere = store, place, nowhere

    @abstractmethod
    def put(self, name: str, body: bytes) -> None:
        """Write a card, as somebody else would."""

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """Read a card; None: there is none."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Delete a card, as somebody else would."""

    @abstractmethod
    def names(self) -> set[str]:
        """All cards."""

    @abstractmethod
    def fill(self, cards: Mapping[str, bytes]) -> None:
        """Put many cards at once, faster than by `put`."""

    @abstractmethod
    def remove_book(self) -> None:
        """Remove the whole book."""

    def name_of(self, ref: str) -> str:
        """The name under which the entry with this ref was put."""
        return ref.rpartition("/")[2]

    def spoil(self, cursor: str) -> str:
        """A cursor of this book that its vendor does not know."""
        return re.sub(r" \S+$", " http://vendor.example/no-such-token", cursor)


class MemoryMember(Member):
    """The store in memory."""

    def __init__(self) -> None:
        self._memory = MemoryStore(["book"])
        self._book = self._memory.books["book"]
        super().__init__(self._memory, Place("place-1", "book"), Place("place-2", "canary-book"))

    def put(self, name: str, body: bytes) -> None:
        self._book.put(name, body)

    def get(self, name: str) -> bytes | None:
        return self._book.cards[name][1] if name in self._book.cards else None

    def drop(self, name: str) -> None:
        self._book.delete(name)

    def names(self) -> set[str]:
        return set(self._book.cards)

    def fill(self, cards: Mapping[str, bytes]) -> None:
        for name, body in cards.items():
            self._book.put(name, body)

    def remove_book(self) -> None:
        del self._memory.books["book"]


class DavMember(Member):
    """A real CardDAV server; one login at it."""

    def __init__(self, server: DavServer, book: str, login: str = "") -> None:
        self.server, self.book, self.login = server, f"{server.home}/{book}", login
        self._client = server.client()
        self._client.make_book(self.book)
        secret = server.password(login) if login else ""
        # the first list of a book that was filled behind its back takes Radicale long on a busy machine
        limits = HttpLimits(read=200.0, total=250.0)
        self.connection = Connection(server.url, login, secret, limits=limits)
        self.folder = server.folder
        store = STORES["carddav"](self.connection)
        place = Place("place-1", server.book_url(self.book))
        super().__init__(store, place, replace(place, id="place-2", address=f"/{server.home}/canary-book/"))

    def put(self, name: str, body: bytes) -> None:
        answer = self._client.request(
            "PUT", f"/{self.book}/{name}", body, {"Content-Type": "text/vcard; charset=utf-8"}
        )
        assert 200 <= answer.status < 300, answer.status

    def get(self, name: str) -> bytes | None:
        answer = self._client.request("GET", f"/{self.book}/{name}")
        return answer.body if answer.status == 200 else None

    def etag(self, name: str) -> str:
        """The ETag of a card."""
        return self._client.request("GET", f"/{self.book}/{name}").headers["etag"]

    def drop(self, name: str) -> None:
        self._client.delete(self.book, name)

    def names(self) -> set[str]:
        return set(self._client.names(self.book))

    def fill(self, cards: Mapping[str, bytes]) -> None:
        self._client.put_all(self.book, cards)

    def remove_book(self) -> None:
        # Cyrus does it and answers 404, so what counts is whether the book is still there (Xandikos says so in a 207)
        self._client.request("DELETE", f"/{self.book}/")
        answer = self._client.request("PROPFIND", f"/{self.book}/", b"", {"Depth": "0"})
        assert answer.status == 404 or b" 404 " in answer.body


class RadicaleMember(DavMember):
    """Radicale: asks for a password, writes cards anew, names its states by hashes of history."""

    keeps_bytes = False

    def fill(self, cards: Mapping[str, bytes]) -> None:
        folder = self.folder / "collections" / "collection-root" / self.book
        for name, body in cards.items():
            (folder / name).write_bytes(body)


class XandikosMember(DavMember):
    """Xandikos: asks nobody who they are, keeps bytes in git, names its states by hashes of content."""

    def fill(self, cards: Mapping[str, bytes]) -> None:
        from dulwich.repo import Repo  # noqa: PLC0415 - comes with Xandikos, which may not be installed

        folder = self.folder / "store" / self.book
        for name, body in cards.items():
            (folder / name).write_bytes(body)
        with Repo(str(folder)) as repository:
            tree = repository.get_worktree()
            tree.stage(list(cards))
            tree.commit(message=b"Fill")


class CyrusMember(DavMember):
    """Cyrus: names its states by numbers that grow, converts vCard 4 unless asked not to."""

    many = 250


class DavicalMember(DavMember):
    """DAViCal: adds the time of writing to a card, gives packed answers an ETag of their own."""

    keeps_bytes = False
    refuses_cursors = False

    def fill(self, cards: Mapping[str, bytes]) -> None:
        davical.put_all(self.server, self.book, cards)


class SogoMember(DavMember):
    """SOGo: writes cards anew, gives each new one the same ETag, names its states by seconds."""

    keeps_bytes = False
    refuses_cursors = False
    many = 250
    by_seconds = True


class SabreMember(DavMember):
    """sabre/dav 1.8: takes Digest alone, and cannot be asked for changes."""

    has_delta = False
    many = 250


class GraphMember(Member):
    """A mailbox in a simulated Microsoft 365; cards are written into it as contacts.

    What Graph has no property for (a picture, a line of somebody's own) is kept here, line by line, since nobody else
    could change it; what it has one for is got from the mailbox.
    """

    has_groups = False

    def __init__(self, cloud: GraphCloud, url: str, number: int, **options: str) -> None:
        self.cloud = cloud
        app = App("client-1", "service-secret")
        self.tenant = cloud.add_tenant(f"tenant-{number}", app)
        self.mailbox = self.tenant.add_mailbox(f"worker-{number}@org.example")
        told = {"tenant": self.tenant.name, "client_id": app.client_id, "authority": url, **options}
        self.connection = Connection(f"{url}/v1.0", secret=app.secret, options=told, limits=HttpLimits(5.0, 10.0, 30.0))
        self._ids: dict[str, str] = {}
        self._lines: dict[str, Sequence[tuple[str, str, object]]] = {}
        place = Place("place-1", self.mailbox.address)
        super().__init__(STORES["graph"](self.connection), place, replace(place, id="place-2", address="canary-box"))

    def put(self, name: str, body: bytes) -> None:
        lines, contact = contact_of(body)
        self._lines[name] = lines
        if self._ids.get(name) in self.mailbox.contacts:
            self.mailbox.replace(self._ids[name], contact)
        else:
            self._ids[name] = self.mailbox.add(contact)

    def get(self, name: str) -> bytes | None:
        held = self.mailbox.contacts.get(self._ids.get(name, ""))
        if held is None:
            return None
        kept = [line for line, prop, value in self._lines[name] if not prop or _holds(held.data.get(prop), value)]
        return "".join(f"{line}\r\n" for line in kept).encode()

    def drop(self, name: str) -> None:
        self.mailbox.delete(self._ids[name])

    def names(self) -> set[str]:
        return {name for name, ref in self._ids.items() if ref in self.mailbox.contacts}

    def fill(self, cards: Mapping[str, bytes]) -> None:
        for name, body in cards.items():
            self.put(name, body)

    def remove_book(self) -> None:
        self.tenant.remove_mailbox(self.mailbox)

    def name_of(self, ref: str) -> str:
        return next(name for name, each in self._ids.items() if each == ref)

    def spoil(self, cursor: str) -> str:
        form, mark, packed = cursor.split(" ")
        links = zlib.decompress(base64.urlsafe_b64decode(packed)).decode()
        spoilt = zlib.compress(re.sub(r"deltatoken=[\w-]+", "deltatoken=AAAA", links).encode())
        return f"{form} {mark} {base64.urlsafe_b64encode(spoilt).decode()}"


_FOLD = re.compile(r"\r\n[ \t]")
_PROPERTY_OF = {
    "FN": "displayName",
    "N": "surname",
    "ORG": "companyName",
    "NOTE": "personalNotes",
    "URL": "businessHomePage",
    "EMAIL": "emailAddresses",
    "IMPP": "imAddresses",
    "X-WHATSAPP": "imAddresses",
}


def contact_of(body: bytes) -> tuple[Sequence[tuple[str, str, object]], dict[str, Any]]:
    """Each line of a card with the property and the value that stand for it in a contact, and that contact."""
    contact: dict[str, Any] = {}
    lines: list[tuple[str, str, object]] = []
    for line in _FOLD.sub("", body.decode()).rstrip().split("\r\n"):
        head, _, text = line.partition(":")
        name, _, params = head.partition(";")
        prop = _PROPERTY_OF.get(name, "")
        value: object = re.sub(r"\\(.)", r"\1", text)
        if name == "TEL":
            first = "businessPhones" if "mobilePhone" in contact else "mobilePhone"
            prop = "homePhones" if "HOME" in params else first
        elif name == "EMAIL":
            value = {"name": text, "address": text}
        elif name == "N":
            value = text.split(";")[0]
        if prop in ("businessPhones", "homePhones", "emailAddresses", "imAddresses"):
            contact.setdefault(prop, []).append(value)
        elif prop:
            contact[prop] = value
        lines.append((line, prop, value))
    return lines, contact


def _holds(found: object, value: object) -> bool:
    return value in found if isinstance(found, list) else found == value


@dataclass(frozen=True)
class Server:
    """Which registry entry a member stands for."""

    registered: str | None
    member: type[Member]


MEMBERS: Mapping[str, Server] = {
    "memory": Server(None, MemoryMember),
    "radicale": Server("carddav", RadicaleMember),
    "xandikos": Server("carddav", XandikosMember),
    "cyrus": Server("carddav", CyrusMember),
    "davical": Server("carddav", DavicalMember),
    "sogo": Server("carddav", SogoMember),
    "sabre": Server("carddav", SabreMember),
    "graph": Server("graph", GraphMember),
}


def card(number: int, *lines: str, name: str = "") -> bytes:
    """A vCard 3.0 with these lines, in the order in which Radicale would write them; nobody's name in it."""
    body = ["BEGIN:VCARD", "VERSION:3.0", f"UID:card-{number}", f"FN:{name or f'Contact {number}'}", "N:Contact;;;;"]
    return "\r\n".join([*body, *lines, "END:VCARD", ""]).encode()


def tel(*numbers: str) -> Sequence[str]:
    """TEL lines."""
    return [f"TEL;TYPE=CELL:{number}" for number in numbers]
