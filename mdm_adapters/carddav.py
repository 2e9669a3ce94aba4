"""CardDAV (RFC 6352, with sync by RFC 6578): a `ContactStore`; what a card means is not decided here.

`Place.address` is the URL of one address book, whole or as a path on the configured host. Tried against Radicale and
Xandikos; VENDORS section 10 lists where servers differ.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from threading import Lock

from mdm_adapters.addressbooks import (
    NO_DELTA,
    RESOURCE_TYPE,
    Book,
    OpenBook,
    books_of,
    folder_of,
    multistatus_of,
    open_book,
    propfind_at,
    try_book,
    types_of,
)
from mdm_adapters.copies import ETAG, GONE, LENGTH, Copies, Copy, is_page, is_shared, length_of, mark_of, strong
from mdm_adapters.dav import (
    CARDDAV,
    DAV,
    XML_TYPE,
    Answered,
    Multistatus,
    joined,
    member_path,
    names_condition,
    read_multistatus,
    segments,
    sync_collection,
)
from mdm_adapters.http import USER_AGENT, Connection, Door, Gate, Login, Reply, anonymous, failure_of, given_in
from mdm_adapters.logins import OwnLogins, read_logins
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
    Token,
    Trial,
    Unreachable,
    no,
    partly,
)
from mdm_adapters.shapes import Delete, Unclear
from mdm_adapters.vcard import MAX_CARD, Card, CutPlan, Trim, judge, plan_cut, read_card

MOST_MEMBERS = 100_000
"""Cards in one book; what lists more than this does not end."""
MOST_PAGES = 1_000
AHEAD = 20
"""Cards read again by one request, just before they are removed one by one."""
STILL_FRESH = 2.0
"""Seconds that what was read again may be old when its card is removed."""
_ROUNDS = 3

_MARK = re.compile(r"[^A-Za-z0-9._:-]")
_VERSION = re.compile(r'("[\x21\x23-\x7e]*")?(?:(?:^| )c:([A-Za-z0-9_-]+))?')
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
    """What a sync report told. odd: members that are no cards as far as can be seen."""

    changed: Mapping[str, str | None]
    gone: frozenset[str]
    odd: frozenset[str]
    token: str


@dataclass(slots=True)
class _Visit:
    """One look under way, or one removal. seen: path -> entry, None for a private one. steady: what was read is what
    was listed. missing: listed, and not there when it was to be read. shared: ETags that several cards have.
    """

    collection: str
    converts: bool
    headers: Mapping[str, str]
    end: float
    seen: dict[str, Entry | None] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    shared: frozenset[str] = frozenset()
    steady: bool = True


@dataclass(frozen=True, slots=True)
class _Version:
    """What `Entry.version` says: the ETag, if it tells one state of the card from another; a mark of its content."""

    etag: str | None = None
    mark: str | None = None

    @classmethod
    def of(cls, text: str | None) -> _Version:
        """Of what was written by `written`, or by a release that knew ETags alone."""
        found = _VERSION.fullmatch(text or "")
        return cls(found[1], found[2]) if found else cls()

    def written(self) -> str | None:
        """None: nothing tells it."""
        return " ".join([*([self.etag] if self.etag else []), *([f"c:{self.mark}"] if self.mark else [])]) or None


class CardDav(ContactStore):
    """One login at one CardDAV server, for all its address books.

    chunk: cards asked for at once. patience: seconds that one look may take in all. monotonic: the clock for it.
    key: for marks of content; the same for as long as these are to be compared.
    """

    def __init__(
        self,
        door: Door,
        *,
        key: bytes = b"",
        chunk: int = 200,
        patience: float = 1800.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._door = door
        self._key = key
        self._chunk = chunk
        self._patience = patience
        self._monotonic = monotonic
        self._lock = Lock()
        self._converts: dict[str, bool] = {}
        self._announced: dict[str, list[str]] = {}
        self._fresh: dict[tuple[str, str], tuple[float, Copy | None]] = {}

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
        known = _Cursor.of(cursor, place)
        if known is not None:
            visit = _Visit(folder_of(self._door, place.address), known.converts, headers, end)
            after = self._delta(visit, known.token, match)
            if after is not None:
                return _delta_look(visit, _Cursor(after, known.converts).written(place) if visit.steady else None)
        book = self._open(place, headers)
        visit = _Visit(book.path, book.converts, headers, end)
        self._list(visit, match)
        # The token is older than the listing, so what was written meanwhile is among the changes: followed till quiet.
        after = self._follow(visit, book.token, match) if book.token else None
        self._list_again(visit)
        entries = tuple(entry for entry in visit.seen.values() if entry is not None)
        rest = _Cursor(after, book.converts).written(place) if after and visit.steady else None
        return Look(True, entries, rest, len(visit.seen))

    def _open(self, place: Place, headers: Mapping[str, str] | None = None) -> OpenBook:
        book = open_book(self._door, place.address, headers)
        self._converts[place.address] = book.converts
        return book

    def _list(self, visit: _Visit, match: Match) -> None:
        """Read all that the listing names; what it names and nobody can read is there, unreadable."""
        answer = self._listing(visit, ETAG, RESOURCE_TYPE, LENGTH)
        wanted: dict[str, str | None] = {}
        sizes: dict[str, int] = {}
        odd: set[str] = set()
        for path, each in self._members(visit, answer):
            if _is_folder(path, each):
                odd.add(path)
            else:
                wanted[path] = each.text(ETAG) or wanted.get(path)
                sizes[path] = length_of(each)
        visit.shared = frozenset(etag for etag, count in Counter(wanted.values()).items() if etag and count > 1)
        for path in [path for path, size in sizes.items() if size > MAX_CARD]:
            visit.seen[path] = self._unreadable(visit, path, wanted.pop(path))
        for path in odd:
            wanted.pop(path, None)
            visit.seen[path] = self._unreadable(visit, path, None)
        self._read(visit, wanted, sizes, match)

    def _listing(self, visit: _Visit, *names: str) -> Multistatus:
        _, answer = propfind_at(self._door, visit.collection, 1, *names, headers=visit.headers)
        if len(answer.responses) > MOST_MEMBERS:
            raise Garbled(Fault.NO_END)
        return answer

    def _members(self, visit: _Visit, answer: Multistatus) -> Sequence[tuple[str, Answered]]:
        """What a listing names, whatever it says of it; Garbled: it is the list of something else, or was cut short."""
        members: list[tuple[str, Answered]] = []
        itself = False
        for each in answer.responses:
            path = self._member(visit.collection, each.href)
            if path is not None:
                members.append((path, each))
            elif each.status == 507:  # the list was cut short (RFC 6578, 3.6; RFC 5323, 2.4 for searches)
                raise Garbled(Fault.NO_END, status=507)
            elif each.status is not None and not 200 <= each.status < 300:
                raise failure_of(each.status)
            else:
                itself = True
        if not itself:
            raise Garbled(Fault.NOT_THE_PROTOCOL)  # depth 1 answers for the collection too: this is another list
        return members

    def _list_again(self, visit: _Visit) -> None:
        """Cards that were listed and then not there went meanwhile, or are unknown: a second list tells which."""
        doubtful = visit.missing | (visit.gone - visit.seen.keys())
        if not doubtful:
            return
        named = {path for path, _ in self._members(visit, self._listing(visit, ETAG))}
        for path in doubtful:
            if path in named:
                visit.seen[path] = visit.seen.get(path) or self._unreadable(visit, path, None)
            elif path in visit.missing:
                visit.seen.pop(path, None)

    def _delta(self, visit: _Visit, token: str, match: Match) -> str | None:
        """The token after all changes since `token` were read; None: it cannot be told, look in full."""
        try:
            return self._follow(visit, token, match)
        except Garbled as error:
            # An href not below the path we asked: the server has another name for the book, which a full look learns.
            if error.fault is not Fault.NOT_THE_PROTOCOL:
                raise
            return None

    def _follow(self, visit: _Visit, token: str, match: Match) -> str | None:
        """Read what changed since `token` until nothing more does; None: it did not come to rest, or the server cannot.

        State-based tokens (Xandikos) say nothing of a card that was changed and changed back between two reports, so
        `visit.steady` is lost where a card read differs from the card reported.
        """
        for _ in range(_ROUNDS):
            changes = self._changes(visit, token)
            if changes is None:
                return None
            if not changes.changed and not changes.gone and not changes.odd:
                return changes.token
            visit.touched.update(changes.changed, changes.gone, changes.odd)
            for path in changes.gone:
                visit.seen.pop(path, None)
                visit.gone.add(path)
            for path in changes.odd:
                visit.seen[path] = self._unreadable(visit, path, None)
            self._read(visit, changes.changed, {}, match)
            token = changes.token
        visit.steady = False
        return token

    def _changes(self, visit: _Visit, token: str) -> _Changes | None:
        changed: dict[str, str | None] = {}
        gone: set[str] = set()
        odd: set[str] = set()
        passed = {token}
        for _ in range(MOST_PAGES):
            reply = self._ask(visit, "REPORT", visit.collection, sync_collection(token), depth=0, handles=NO_DELTA)
            if reply.status in NO_DELTA:
                return None
            answer = multistatus_of(reply)
            if answer.sync_token is None:
                return None
            more = False
            page: set[str] = set()
            for each in answer.responses:
                path = self._member(visit.collection, each.href)
                if path is None:
                    more = more or each.status == 507
                elif each.status in GONE and path not in page:
                    changed.pop(path, None)
                    gone.add(path)
                elif _is_folder(path, each):
                    odd.add(path)
                else:  # changed, or changed and gone in one answer: it is read, which tells
                    gone.discard(path)
                    changed[path] = each.text(ETAG)
                page.update([path] if path else [])
            if not more:
                return _Changes(changed, frozenset(gone), frozenset(odd), answer.sync_token)
            if answer.sync_token in passed or len(changed) + len(gone) + len(odd) > MOST_MEMBERS:
                break
            token = answer.sync_token
            passed.add(token)
        raise Garbled(Fault.NO_END)

    def _read(self, visit: _Visit, wanted: Mapping[str, str | None], sizes: Mapping[str, int], match: Match) -> None:
        for found in self._copies(visit).fetch(wanted, sizes):
            cards: list[tuple[str, Copy, Card]] = []
            for path, copy in found.items():
                visit.seen.pop(path, None)
                visit.gone.discard(path)
                visit.missing.discard(path)
                listed = wanted[path]
                if copy is None:
                    visit.missing.add(path)
                    visit.seen[path] = self._unreadable(visit, path, listed)
                    continue
                visit.steady = visit.steady and (not copy.etag or not listed or _same(copy.etag, listed))
                told = replace(copy, etag=copy.etag or listed)
                card = None if copy.body is None else read_card(copy.body)
                if card is None:
                    visit.seen[path] = self._unreadable(visit, path, told.etag, told.body)
                else:
                    cards.append((path, told, card))
            readings = match([card.fields for _, _, card in cards]) if cards else ()
            for (path, copy, card), read in zip(cards, readings, strict=True):
                visit.seen[path] = self._judged(visit, path, copy, judge(card, read))

    def _judged(
        self, visit: _Visit, path: str, copy: Copy, judged: tuple[Shape, frozenset[Token]] | None
    ) -> Entry | None:
        """A card as it was judged. Of a converted copy nobody can say what the card itself holds besides."""
        if judged is None:
            return self._unreadable(visit, path, copy.etag, copy.body) if copy.altered else None
        shape, tokens = judged
        if tokens and copy.altered is not False:
            shape = Shape.UNCLEAR
        return Entry(path, self._version(visit, copy.etag, copy.body), shape, tokens)

    def _unreadable(self, visit: _Visit, path: str, etag: str | None, body: bytes | None = None) -> Entry:
        return Entry(path, self._version(visit, etag, body), Shape.UNREADABLE)

    def _version(self, visit: _Visit, etag: str | None, body: bytes | None) -> str | None:
        told = strong(etag)
        if told and (told in visit.shared or is_shared(told)):
            told = None
        return _Version(told, None if body is None else mark_of(body, self._key)).written()

    def _copies(self, visit: _Visit) -> Copies:
        return Copies(
            visit.collection,
            partial(self._ask, visit),
            partial(self._member, visit.collection),
            visit.converts,
            self._chunk,
        )

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
        headers: Mapping[str, str] | None = None,
        handles: frozenset[int] = frozenset(),
        max_body: int | None = None,
    ) -> Reply:
        if self._monotonic() > visit.end:
            raise Unreachable(Fault.TIMED_OUT)
        sent = {**visit.headers, **(headers or {})}
        if body:
            sent["Content-Type"] = XML_TYPE
        if depth is not None:
            sent["Depth"] = str(depth)
        return self._door.call(method, path, headers=sent, body=body, handles=handles, max_body=max_body)

    # --- removing

    def announce(self, place: Place, cuts: Sequence[Cut]) -> None:
        """As the port has it: cards that come one after another are read again by one request for many."""
        with self._lock:
            self._announced[place.id] = [cut.ref for cut in cuts if _Version.of(cut.version).etag]

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        return [self._cut(place, cut, match) for cut in cuts]

    def _cut(self, place: Place, cut: Cut, match: Match) -> Receipt:
        path = self._within(place, cut.ref)
        visit = self._visit_for(place, path)
        judged = _Version.of(cut.version)
        copy: Copy | None = None
        if (cut.whole and judged.etag) or visit.converts:
            copy = self._read_again(place, visit, path)
            if copy is None:
                return self._gone(place, 404)
            plan = self._verdict(judged, cut, copy, match)
            if isinstance(plan, Receipt):
                return plan
            if isinstance(plan, Delete) and judged.etag and strong(copy.etag):
                return self._delete(place, path, strong(copy.etag))
        return self._cut_alone(place, visit, path, cut, copy, match)

    def _verdict(self, judged: _Version, cut: Cut, copy: Copy, match: Match) -> Receipt | Delete | Trim:
        """What a card as it was just read again calls for; a receipt: nothing, and why."""
        if copy.body is None or copy.altered is not False:
            return Receipt(Outcome.UNCLEAR)
        if self._has_changed(judged, copy.etag, copy.body):
            return Receipt(Outcome.CHANGED)
        plan = _plan(copy.body, cut, match)
        if isinstance(plan, Delete | Trim):
            return plan
        return Receipt(Outcome.UNCLEAR if isinstance(plan, Unclear) else Outcome.ALREADY_GONE)

    def _has_changed(self, judged: _Version, etag: str | None, body: bytes) -> bool:
        """Whether a card is another than was judged: by its content; by its ETag alone where that is all we know."""
        if judged.mark is not None:
            return judged.mark != mark_of(body, self._key)
        return bool(judged.etag and strong(etag) and judged.etag != etag)

    def _cut_alone(self, place: Place, visit: _Visit, path: str, cut: Cut, copy: Copy | None, match: Match) -> Receipt:
        """Read a card by a request of its own, to the byte, and do at once what it calls for. copy: as read before."""
        reply = self._copies(visit).get(path, copy.form if copy else "")
        if reply is None:
            return self._gone(place, 404)
        etag = reply.headers.get("ETag")
        if copy is not None and copy.body is not None and mark_of(copy.body, b"") != mark_of(reply.body, b""):
            # The same version with another content is a converted copy: what is stored cannot be had, nor written back.
            same = strong(etag) is not None and strong(copy.etag) == strong(etag)
            return Receipt(Outcome.UNCLEAR if same else Outcome.CHANGED, status=reply.status)
        judged = _Version.of(cut.version)
        if self._has_changed(judged, etag, reply.body):
            return Receipt(Outcome.CHANGED, status=reply.status)
        plan = _plan(reply.body, cut, match)
        guard = strong(etag) or judged.etag
        if isinstance(plan, Delete):
            return self._delete(place, path, guard)
        if isinstance(plan, Trim):
            return self._put(place, path, guard, plan.body, reply.headers.get("Content-Type", ""))
        return Receipt(Outcome.UNCLEAR if isinstance(plan, Unclear) else Outcome.ALREADY_GONE, status=reply.status)

    def _read_again(self, place: Place, visit: _Visit, path: str) -> Copy | None:
        """A card as it is, or was at most `STILL_FRESH` ago; those announced to come next are read along with it."""
        now = self._monotonic()
        with self._lock:
            read, copy = self._fresh.pop((place.id, path), (float("-inf"), None))
            if now - read <= STILL_FRESH:
                return copy
            coming = self._announced.get(place.id, [])
            at = coming.index(path) if path in coming else len(coming)
            paths = [path, *coming[at + 1 : at + AHEAD]]
            self._announced[place.id] = coming[at:]
        found: dict[str, Copy | None] = {}
        for part in self._copies(visit).fetch([each for each in paths if each.startswith(visit.collection)], {}):
            found.update(part)
        with self._lock:
            self._fresh = {key: held for key, held in self._fresh.items() if now - held[0] <= STILL_FRESH}
            self._fresh.update({(place.id, each): (now, copy) for each, copy in found.items() if each != path})
        return found[path]

    def _visit_for(self, place: Place, path: str) -> _Visit:
        """What a removal at this place needs to know; the book is asked where no look of this process has been."""
        if place.address not in self._converts:
            self._open(place)
        collection = f"{path.rpartition('/')[0]}/"
        return _Visit(collection, self._converts[place.address], {}, self._monotonic() + self._patience)

    def _within(self, place: Place, ref: str) -> str:
        """The path of a card of this place; never that of a folder or of another place, whatever the ref says."""
        path = self._door.path_of(ref)
        asked = folder_of(self._door, place.address)
        collection = asked if segments(path).startswith(asked) else self._open(place).path
        member = member_path(path, collection)
        if member is None or member.endswith("/"):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return member

    def _delete(self, place: Place, path: str, guard: str | None) -> Receipt:
        headers = {"If-Match": guard} if guard else {}
        reply = self._door.call("DELETE", path, headers=headers, handles=GONE | {412})
        status = self._deleted(reply, path)
        if status in GONE:
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
        if is_page(reply):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        for each in read_multistatus(reply.body).responses:
            if segments(self._door.path_of(joined(reply.path, each.href))) == path and each.status is not None:
                if not 200 <= each.status < 300 and each.status not in GONE and each.status != 412:
                    raise failure_of(each.status)
                return each.status
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)

    def _put(self, place: Place, path: str, guard: str | None, body: bytes, kind: str) -> Receipt:
        # Without a guard at least never make a card that somebody deleted meanwhile (RFC 9110, 13.1.1).
        headers = {
            "If-Match": guard or "*",
            "Content-Type": kind if kind.startswith("text/") else "text/vcard; charset=utf-8",
        }
        handles = GONE | _REFUSED_CARD | {403, 412}
        reply = self._door.call("PUT", path, headers=headers, body=body, handles=handles)
        if reply.status in GONE:
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
        reply = self._door.call("GET", path, handles=GONE, max_body=MAX_CARD)
        return self._gone(place, reply.status) if reply.status in GONE else Receipt(Outcome.CHANGED, status=412)

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
    own=(
        Option(
            "logins_file",
            said("Logins of single books"),
            said(
                "Where no login reaches all books (Baikal, Nextcloud): a file that the server alone can read, with the "
                "columns address;login;password. Books that it does not name are read by the service login."
            ),
            OptionKind.PATH,
            seldom=True,
        ),
    ),
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


def connect(connection: Connection) -> ContactStore:
    """The factory that the registry names. ValueError: it cannot be meant (see CONNECTION)."""
    given = given_in(CONNECTION, connection)
    gate = Gate()  # one for all logins: it is the server that asks to be left alone

    def of(login: tuple[str, str] | None) -> CardDav:
        auth = Login(*login) if login else anonymous
        door = Door(connection.url, auth, limits=connection.limits, ca_file=connection.ca_file, gate=gate)
        return CardDav(door, key=marking_key(login[1] if login else connection.secret))

    rest = of((connection.login, connection.secret) if connection.login else None)
    return OwnLogins(rest, read_logins(given["logins_file"]), of) if given["logins_file"] else rest


def marking_key(secret: str) -> bytes:
    """The key for marks of content, which lie in the database, where the password of the service login does not.

    Nobody who reads them can try out what a card may have held. After a change of password each card is read anew.
    """
    return sha256(f"marks of content\n{secret}".encode()).digest()


def _plan(body: bytes, cut: Cut, match: Match) -> CutPlan:
    """What a card calls for, judged again as it is."""
    card = read_card(body)
    return Unclear() if card is None else plan_cut(card, match([card.fields])[0], cut.tokens)


def _is_folder(path: str, answered: Answered) -> bool:
    return path.endswith("/") or f"{DAV}collection" in types_of(answered)


def _same(one: str, other: str) -> bool:
    return one.removeprefix("W/") == other.removeprefix("W/")


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a look left off. converts: as of the book. Bound to the address: a token of another book would give a
    delta of nothing, and all would count as absent.
    """

    token: str
    converts: bool

    @classmethod
    def of(cls, text: str | None, place: Place) -> _Cursor | None:
        """None: it is none of this place."""
        form, _, rest = (text or "").partition(" ")
        mark, _, token = rest.partition(" ")
        if form != "1" or not token:
            return None
        return next((cls(token, each) for each in (False, True) if mark == _place_mark(place, each)), None)

    def written(self, place: Place) -> str:
        """As the server keeps it, and nobody reads it."""
        return f"1 {_place_mark(place, self.converts)} {self.token}"


def _place_mark(place: Place, converts: bool) -> str:
    return sha256(f"{place.address}\n{'converts' if converts else 'as stored'}".encode()).hexdigest()[:16]


def _delta_look(visit: _Visit, cursor: str | None) -> Look:
    entries = tuple(entry for entry in visit.seen.values() if entry is not None)
    return Look(False, entries, cursor, len(visit.seen), frozenset(visit.gone), frozenset(visit.touched))
