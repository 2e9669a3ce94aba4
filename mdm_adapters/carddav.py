"""CardDAV (RFC 6352, with sync by RFC 6578): a `ContactStore`; what a card means is not decided here.

`Place.address` is the URL of one address book, whole or as a path on the configured host. Tried against Radicale and
Xandikos; VENDORS section 10 lists where servers differ.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from mdm_adapters.addressbooks import (
    NO_DELTA,
    RESOURCE_TYPE,
    Book,
    books_of,
    folder_of,
    multistatus_of,
    open_book,
    propfind_at,
    try_book,
    types_of,
)
from mdm_adapters.dav import (
    CARDDAV,
    DAV,
    XML_TYPE,
    Answered,
    joined,
    member_path,
    multiget,
    names_condition,
    read_multistatus,
    segments,
    sync_collection,
)
from mdm_adapters.http import USER_AGENT, Connection, Door, Reply, anonymous, basic, failure_of, given_in
from mdm_adapters.options import ConnectionKind, Grant, Option, OptionKind, Sort, said
from mdm_adapters.port import (
    YES,
    Answer,
    Capability,
    ContactStore,
    Cut,
    Denied,
    Entry,
    Fault,
    Garbled,
    Look,
    Match,
    Outcome,
    Place,
    Receipt,
    Shape,
    Trial,
    Unreachable,
    no,
    partly,
)
from mdm_adapters.shapes import Delete, Unclear
from mdm_adapters.vcard import MAX_CARD, Card, Trim, judge, plan_cut, read_card

MOST_MEMBERS = 100_000
"""Cards in one book; what lists more than this does not end."""
MOST_PAGES = 1_000
CHUNK_BYTES = 8 * 1024 * 1024
_ROUNDS = 3
_SPLITS = 64

_ETAG = f"{DAV}getetag"
_LENGTH = f"{DAV}getcontentlength"
_CARD = f"{CARDDAV}address-data"

_STRONG = re.compile(r'"[\x21\x23-\x7e]*"')
_MARK = re.compile(r"[^A-Za-z0-9._:-]")
_GONE = frozenset({404, 410})
_REFUSED_CARD = frozenset({400, 413, 415, 422})
_CARD_CONDITIONS = tuple(
    f"{CARDDAV}{name}" for name in ("valid-address-data", "supported-address-data", "no-uid-conflict")
)

_CAPABILITIES: Mapping[Capability, Answer] = {
    Capability.READ_CONTACTS: YES,
    Capability.REMOVE_CONTACTS: YES,
    Capability.TRIM_CONTACTS: YES,
    Capability.PUT_CONTACTS: no("Provisioning is not built."),
    Capability.DELTA: partly("Only if the server offers sync-collection; else every look reads the whole book."),
    Capability.GUARDED_WRITES: partly(
        "Only if the server gives strong ETags; else a card is read again just before it is removed or cut."
    ),
    Capability.ERASES_AT_ONCE: partly("The server may keep what was deleted: in a bin, in its history, in backups."),
    Capability.DEVICE_SYNC_PROOF: partly("Needs the log of the server and a login of its own for each phone."),
    Capability.EVENTS: no("The protocol has none: changes are found by asking."),
}


@dataclass(frozen=True, slots=True)
class _Changes:
    changed: Mapping[str, str | None]
    gone: frozenset[str]
    token: str


@dataclass(slots=True)
class _Visit:
    """One look under way. seen: path -> entry, None for a private one. steady: what was read is what was listed."""

    collection: str
    headers: Mapping[str, str]
    match: Match
    end: float
    seen: dict[str, Entry | None] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    steady: bool = True
    splits: int = _SPLITS


class CardDav(ContactStore):
    """One login at one CardDAV server, for all its address books.

    chunk: cards asked for at once. patience: seconds that one look may take in all. monotonic: the clock for it.
    """

    def __init__(
        self,
        door: Door,
        *,
        chunk: int = 200,
        patience: float = 1800.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._door = door
        self._chunk = chunk
        self._patience = patience
        self._monotonic = monotonic

    def capabilities(self) -> Mapping[Capability, Answer]:
        """Every capability; the same for all servers, `check` tells more of one."""
        return _CAPABILITIES

    def books(self, address: str = "/") -> tuple[Book, ...]:
        """The address books of the login, found from any address of the server (RFC 6764, RFC 6352 7.1.1).

        For telling people which books are not configured. Raises PortError.
        """
        return books_of(self._door, address)

    def close(self) -> None:
        """Let go of the connections."""
        self._door.close()

    # --- looking

    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        agent = f"{USER_AGENT} (look {_MARK.sub('', mark)})" if mark else USER_AGENT
        headers = {"User-Agent": agent}
        end = self._monotonic() + self._patience
        token = _token_of(cursor, place)
        if token is not None:
            visit = _Visit(folder_of(self._door, place.address), headers, match, end)
            after = self._delta(visit, token)
            if after is not None:
                return _delta_look(visit, _cursor(place, after if visit.steady else None))
        collection, token = open_book(self._door, place.address, headers)
        visit = _Visit(collection, headers, match, end)
        self._list(visit)
        # The token is older than the listing, so what was written meanwhile is among the changes: followed till quiet.
        after = self._follow(visit, token) if token else None
        entries = tuple(entry for entry in visit.seen.values() if entry is not None)
        return Look(True, entries, _cursor(place, after if visit.steady else None), len(visit.seen))

    def _list(self, visit: _Visit) -> None:
        _, answer = propfind_at(self._door, visit.collection, 1, _ETAG, RESOURCE_TYPE, _LENGTH, headers=visit.headers)
        if len(answer.responses) > MOST_MEMBERS:
            raise Garbled(Fault.NO_END)
        wanted: dict[str, str | None] = {}
        sizes: dict[str, int] = {}
        itself = False
        for each in answer.responses:
            path = self._member(visit.collection, each.href)
            if path is None:
                itself = True
                if each.status == 507:  # the list was cut short (RFC 6578, 3.6; RFC 5323, 2.4 for searches)
                    raise Garbled(Fault.NO_END, status=507)
            elif each.status not in _GONE and not _is_folder(path, each):
                wanted[path] = each.text(_ETAG)
                length = each.text(_LENGTH) or ""
                sizes[path] = int(length) if length.isascii() and length.isdigit() and len(length) < 12 else 0
        if not itself:
            raise Garbled(Fault.NOT_THE_PROTOCOL)  # depth 1 answers for the collection too: this is another list
        for path in [path for path, size in sizes.items() if size > MAX_CARD]:
            visit.seen[path] = Entry(path, _strong(wanted.pop(path)), Shape.UNREADABLE)
        self._read(visit, wanted, sizes)

    def _delta(self, visit: _Visit, token: str) -> str | None:
        """The token after all changes since `token` were read; None: it cannot be told, look in full."""
        try:
            return self._follow(visit, token)
        except Garbled as error:
            # An href not below the path we asked: the server has another name for the book, which a full look learns.
            if error.fault is not Fault.NOT_THE_PROTOCOL:
                raise
            return None

    def _follow(self, visit: _Visit, token: str) -> str | None:
        """Read what changed since `token` until nothing more does; None: it did not come to rest, or the server cannot.

        State-based tokens (Xandikos) say nothing of a card that was changed and changed back between two reports, so
        `visit.steady` is lost where a card read differs from the card reported.
        """
        for _ in range(_ROUNDS):
            changes = self._changes(visit, token)
            if changes is None:
                return None
            if not changes.changed and not changes.gone:
                return changes.token
            visit.touched.update(changes.changed, changes.gone)
            for path in changes.gone:
                visit.seen.pop(path, None)
                visit.gone.add(path)
            self._read(visit, changes.changed, {})
            token = changes.token
        visit.steady = False
        return token

    def _changes(self, visit: _Visit, token: str) -> _Changes | None:
        changed: dict[str, str | None] = {}
        gone: set[str] = set()
        passed = {token}
        for _ in range(MOST_PAGES):
            reply = self._ask(visit, "REPORT", visit.collection, sync_collection(token), depth=0, handles=NO_DELTA)
            if reply.status in NO_DELTA:
                return None
            answer = multistatus_of(reply)
            if answer.sync_token is None:
                return None
            more = False
            for each in answer.responses:
                path = self._member(visit.collection, each.href)
                if path is None:
                    more = more or each.status == 507
                elif each.status in _GONE:
                    changed.pop(path, None)
                    gone.add(path)
                elif not _is_folder(path, each):
                    gone.discard(path)
                    changed[path] = each.text(_ETAG)
            if not more:
                return _Changes(changed, frozenset(gone), answer.sync_token)
            if answer.sync_token in passed or len(changed) + len(gone) > MOST_MEMBERS:
                break
            token = answer.sync_token
            passed.add(token)
        raise Garbled(Fault.NO_END)

    def _read(self, visit: _Visit, wanted: Mapping[str, str | None], sizes: Mapping[str, int]) -> None:
        for chunk in _chunks(wanted, sizes, self._chunk):
            bodies = self._fetch(visit, chunk)
            cards: list[tuple[str, str | None, Card]] = []
            for path in chunk:
                visit.seen.pop(path, None)
                visit.gone.discard(path)
                found = bodies[path]
                if found is None:
                    visit.gone.add(path)
                    continue
                etag, body = found
                listed = wanted[path]
                visit.steady = visit.steady and (not etag or not listed or _same(etag, listed))
                card = None if body is None else read_card(body)
                if card is None:
                    visit.seen[path] = Entry(path, _strong(etag or listed), Shape.UNREADABLE)
                else:
                    cards.append((path, _strong(etag or listed), card))
            readings = visit.match([card.fields for _, _, card in cards]) if cards else ()
            for (path, version, card), read in zip(cards, readings, strict=True):
                judged = judge(card, read)
                visit.seen[path] = None if judged is None else Entry(path, version, *judged)

    def _fetch(self, visit: _Visit, paths: Sequence[str]) -> dict[str, tuple[str | None, bytes | None] | None]:
        """path -> (ETag, body or None: unreadable), or None for one that went meanwhile; all of `paths`, or raises."""
        too_much: Garbled | None = None
        try:
            reply = self._ask(visit, "REPORT", visit.collection, multiget(paths), depth=0)
            answer = multistatus_of(reply)
        except Garbled as error:
            too_much = error
        if too_much is not None:
            # One card with a character that XML cannot carry, or many pictures: ask for fewer, at last for each alone.
            if too_much.fault not in (Fault.BAD_BODY, Fault.TOO_LARGE) or visit.splits <= 0:
                raise too_much
            visit.splits -= 1
            if len(paths) == 1:
                return {paths[0]: self._get(visit, paths[0])}
            half = len(paths) // 2
            return self._fetch(visit, paths[:half]) | self._fetch(visit, paths[half:])
        answers = {self._member(visit.collection, each.href): each for each in answer.responses}
        found: dict[str, tuple[str | None, bytes | None] | None] = {}
        for path in paths:
            each = answers.get(path)
            if each is None:
                raise Garbled(Fault.NOT_THE_PROTOCOL)  # never silently "not there"
            if each.status in _GONE:
                found[path] = None
            elif _CARD in each.props:
                found[path] = (each.text(_ETAG), (each.props[_CARD].text or "").encode())
            else:
                found[path] = self._get(visit, path)
        return found

    def _get(self, visit: _Visit, path: str) -> tuple[str | None, bytes | None] | None:
        try:
            reply = self._ask(visit, "GET", path, handles=_GONE | {403, 406}, max_body=MAX_CARD)
        except Garbled as error:
            if error.fault is not Fault.TOO_LARGE:
                raise
            return None, None
        if reply.status in _GONE:
            return None
        return reply.headers.get("ETag"), reply.body if reply.status == 200 else None

    def _member(self, collection: str, href: str) -> str | None:
        return member_path(self._door.path_of(joined(collection, href)), collection)

    def _ask(
        self,
        visit: _Visit,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        depth: int | None = None,
        handles: frozenset[int] = frozenset(),
        max_body: int | None = None,
    ) -> Reply:
        if self._monotonic() > visit.end:
            raise Unreachable(Fault.TIMED_OUT)
        headers = dict(visit.headers)
        if body:
            headers["Content-Type"] = XML_TYPE
        if depth is not None:
            headers["Depth"] = str(depth)
        return self._door.call(method, path, headers=headers, body=body, handles=handles, max_body=max_body)

    # --- removing

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        return [self._cut(place, cut, match) for cut in cuts]

    def _cut(self, place: Place, cut: Cut, match: Match) -> Receipt:
        path = self._within(place, cut.ref)
        if cut.whole and cut.version:
            return self._delete(place, path, cut.version)
        # Asked for unpacked: some servers give a packed answer an ETag of its own, which fits no write.
        reply = self._door.call("GET", path, headers={"Accept-Encoding": "identity"}, handles=_GONE, max_body=MAX_CARD)
        if reply.status in _GONE:
            return self._gone(place, reply.status)
        if _is_page(reply):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        version = _strong(reply.headers.get("ETag"))
        if cut.version and version and cut.version != version:
            return Receipt(Outcome.CHANGED, status=reply.status)
        return self._carry_out(place, path, cut, reply, match)

    def _within(self, place: Place, ref: str) -> str:
        """The path of a card of this place; never that of a folder or of another place, whatever the ref says."""
        path = self._door.path_of(ref)
        asked = folder_of(self._door, place.address)
        collection = asked if segments(path).startswith(asked) else open_book(self._door, place.address)[0]
        member = member_path(path, collection)
        if member is None or member.endswith("/"):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return member

    def _carry_out(self, place: Place, path: str, cut: Cut, reply: Reply, match: Match) -> Receipt:
        """Do what the card, as just read, calls for."""
        card = read_card(reply.body)
        plan = Unclear() if card is None else plan_cut(card, match([card.fields])[0], cut.tokens)
        guard = _strong(reply.headers.get("ETag")) or cut.version
        if isinstance(plan, Delete):
            return self._delete(place, path, guard)
        if isinstance(plan, Trim):
            return self._put(place, path, guard, plan.body, reply.headers.get("Content-Type", ""))
        return Receipt(Outcome.UNCLEAR if isinstance(plan, Unclear) else Outcome.ALREADY_GONE, status=reply.status)

    def _delete(self, place: Place, path: str, guard: str | None) -> Receipt:
        headers = {"If-Match": guard} if guard else {}
        reply = self._door.call("DELETE", path, headers=headers, handles=_GONE | {412})
        status = self._deleted(reply, path)
        if status in _GONE:
            return self._gone(place, status)
        if status == 412:
            return self._refused(place, path)
        return Receipt(Outcome.REMOVED, status=status)

    def _deleted(self, reply: Reply, path: str) -> int:
        """The status of the card in the answer to its deletion; Radicale answers 200 with a multistatus, others 204."""
        if reply.status not in (200, 207) or not reply.body.strip():
            return reply.status
        if reply.status == 200 and not reply.body.lstrip().startswith(b"<"):
            return reply.status
        if _is_page(reply):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        for each in read_multistatus(reply.body).responses:
            if segments(self._door.path_of(joined(reply.path, each.href))) == path and each.status is not None:
                if not 200 <= each.status < 300 and each.status not in _GONE and each.status != 412:
                    raise failure_of(each.status)
                return each.status
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)

    def _put(self, place: Place, path: str, guard: str | None, body: bytes, kind: str) -> Receipt:
        # Without a guard at least never make a card that somebody deleted meanwhile (RFC 9110, 13.1.1).
        headers = {
            "If-Match": guard or "*",
            "Content-Type": kind if kind.startswith("text/") else "text/vcard; charset=utf-8",
        }
        handles = _GONE | _REFUSED_CARD | {403, 412}
        reply = self._door.call("PUT", path, headers=headers, body=body, handles=handles)
        if reply.status in _GONE:
            return self._gone(place, reply.status)
        if reply.status == 412:
            return self._refused(place, path)
        if reply.status in _REFUSED_CARD or any(names_condition(reply.body, each) for each in _CARD_CONDITIONS):
            # The server holds a card that it does not take back: only a person, or the owner's phone, can cut it.
            return Receipt(Outcome.UNCLEAR, status=reply.status)
        if reply.status == 403:
            raise Denied(Fault.FORBIDDEN, status=403)
        return Receipt(Outcome.TRIMMED, status=reply.status)

    def _refused(self, place: Place, path: str) -> Receipt:
        # 412 also is how some servers answer If-Match on a card that is not there.
        reply = self._door.call("GET", path, handles=_GONE, max_body=MAX_CARD)
        return self._gone(place, reply.status) if reply.status in _GONE else Receipt(Outcome.CHANGED, status=412)

    def _gone(self, place: Place, status: int) -> Receipt:
        """The card is not there: done, unless the whole book is not (then Missing is raised, which proves nothing)."""
        open_book(self._door, place.address)
        return Receipt(Outcome.ALREADY_GONE, status=status)

    # --- trying

    def _check(self, place: Place) -> Sequence[Trial]:
        return try_book(self._door, place.address)


CONNECTION = ConnectionKind(
    "carddav",
    Sort.STORE,
    said("CardDAV"),
    said("CardDAV: Radicale, Xandikos, Nextcloud, SOGo and others"),
    said("Reads and removes contacts in the address books that phones synchronise with."),
    url=Option(
        "url",
        said("Address of the server"),
        said("As its administrator gives it, without the path of a book."),
        OptionKind.LINK,
        required=True,
        example="https://dav.example.org",
        longest=500,
        sends="secret",
    ),
    login=Option(
        "login",
        said("Service login"),
        said("One login that may read and change all the books. Not a person's own."),
        example="closeout",
    ),
    secret=Option("secret", said("Its password"), said("The password of the service login."), OptionKind.KEY),
    log=Option(
        "log_file",
        said("The store's own log"),
        said("By which phones are seen to fetch: the log of Radicale on this machine, at level info."),
        OptionKind.PATH,
        needs=("login",),
        without=said("No phone is seen to fetch what was removed: that takes the log of Radicale."),
    ),
    place=Option(
        "address",
        said("Address book"),
        said("Its path at the server, as the list of places has it."),
        required=True,
        example="/user/book/",
        longest=500,
    ),
    grants=(
        Grant(
            "DAV:read, DAV:write",
            said("The service login reads, changes and deletes cards in every book that is a place."),
            ("The address book answers this login", "Its cards can be listed", "The login may remove and change cards"),
        ),
    ),
)
"""What a connection to a CardDAV server says."""


def connect(connection: Connection) -> CardDav:
    """The factory that the registry names. ValueError: it cannot be meant (see CONNECTION)."""
    given_in(CONNECTION, connection)
    auth = basic(connection.login, connection.secret) if connection.login else anonymous
    return CardDav(Door(connection.url, auth, limits=connection.limits, ca_file=connection.ca_file))


def _strong(etag: str | None) -> str | None:
    """An ETag that can guard a write (RFC 9110, 13.1.1: strong ones only), None for any other."""
    return etag if etag and _STRONG.fullmatch(etag) else None


def _is_folder(path: str, answered: Answered) -> bool:
    return path.endswith("/") or f"{DAV}collection" in types_of(answered)


def _same(one: str, other: str) -> bool:
    return one.removeprefix("W/") == other.removeprefix("W/")


def _is_page(reply: Reply) -> bool:
    kind = reply.headers.get("Content-Type", "").lower()
    return "html" in kind or reply.body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))


def _place_mark(place: Place) -> str:
    return sha256(place.address.encode()).hexdigest()[:16]


def _cursor(place: Place, token: str | None) -> str | None:
    # Bound to the address: a token of another book would give a delta of nothing, and all would count as absent.
    return f"1 {_place_mark(place)} {token}" if token else None


def _token_of(cursor: str | None, place: Place) -> str | None:
    form, _, rest = (cursor or "").partition(" ")
    mark, _, token = rest.partition(" ")
    return token if form == "1" and mark == _place_mark(place) and token else None


def _delta_look(visit: _Visit, cursor: str | None) -> Look:
    entries = tuple(entry for entry in visit.seen.values() if entry is not None)
    return Look(False, entries, cursor, len(visit.seen), frozenset(visit.gone), frozenset(visit.touched))


def _chunks(paths: Iterable[str], sizes: Mapping[str, int], count: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for path in paths:
        own = sizes.get(path, 0)
        if chunk and (len(chunk) >= count or size + own > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(path)
        size += own
    if chunk:
        yield chunk
