"""CardDAV (RFC 6352, with sync by RFC 6578): a `ContactStore`; what a card means is not decided here.

`Place.address` is the URL of one address book, whole or as a path on the configured host. Tried against Radicale and
Xandikos; VENDORS section 10 lists where servers differ.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import partial
from hashlib import sha256
from threading import Lock, local

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
    DavResponse,
    Multistatus,
    joined,
    member_path,
    names_condition,
    read_multistatus,
    segments,
    sync_collection,
)
from mdm_adapters.http import (
    USER_AGENT,
    Connection,
    HttpClient,
    Login,
    Reply,
    SharedWait,
    anonymous,
    failure_of,
    given_in,
)
from mdm_adapters.logins import OwnLogins, read_logins
from mdm_adapters.options import ConnectionKind, Grant, Option, OptionChoice, OptionKind, Sort, said
from mdm_adapters.port import (
    YES,
    Capability,
    CapabilityAnswer,
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
    Put,
    PutOutcome,
    PutReceipt,
    Receipt,
    Shape,
    Trial,
    Unreachable,
    no,
    partly,
    put_uid,
)
from mdm_adapters.shapes import Delete, Judged, Unclear
from mdm_adapters.vcard import MAX_CARD, Card, CutPlan, Trim, judge, managed_card, plan_cut, read_card

MOST_MEMBERS = 100_000
"""Cards in one book; what lists more than this does not end."""
MOST_PAGES = 1_000
AHEAD = 20
"""Cards read again by one request, just before they are removed one by one."""
STILL_FRESH = 2.0
"""Seconds that what was read again may be old when its card is removed."""
SETTLES_IN = 2
"""Seconds after which nothing more is written under a token that is a time in whole seconds (SOGo)."""
FULL_AFTER = 6 * 3600
"""Seconds after which a book with such tokens is read in full, whatever its changes say."""
_CLOCKS_DIFFER = 300
"""Seconds by which a server's clock may differ from ours, where it does not tell its time (SOGo, in its reports)."""
_DAY = 24 * 3600
_ROUNDS = 3

_CURSOR = re.compile(r"([0-9a-f]{16})(u)?(?:@([0-9]{1,12}))?")
_IN_SECONDS = re.compile(r"((?:.*[^0-9A-Za-z])?)([0-9]{10})")
_MARK = re.compile(r"[^A-Za-z0-9._:-]")
_VERSION = re.compile(r'("[\x21\x23-\x7e]*")|(guarded )?([A-Za-z0-9_-]{24})')
_REFUSED_CARD = frozenset({400, 413, 415, 422})
_CARD_CONDITIONS = tuple(
    f"{CARDDAV}{name}" for name in ("valid-address-data", "supported-address-data", "no-uid-conflict")
)

_CAPABILITIES: Mapping[Capability, CapabilityAnswer] = {
    Capability.READ_CONTACTS: YES,
    Capability.REMOVE_CONTACTS: YES,
    Capability.TRIM_CONTACTS: YES,
    Capability.PUT_CONTACTS: YES,
    Capability.DELTA: partly(
        "Only if the server offers sync-collection; else the whole address book is read each time."
    ),
    Capability.GUARDED_WRITES: partly(
        "Only if the server gives strong ETags; else a card is read again just before it is removed or changed."
    ),
    Capability.ERASES_AT_ONCE: partly("The server may keep what was deleted: in a bin, in its history, in backups."),
    Capability.DEVICE_SYNC_PROOF: partly("Needs the log of the server and an account of its own for each phone."),
    Capability.EVENTS: no("The protocol has none: changes are found by asking."),
}


_KEEPS: Mapping[str, CapabilityAnswer] = {
    "radicale": partly(
        "Radicale keeps the file name of a deleted contact for a while and nothing else. Backups may keep it."
    ),
    "xandikos": partly("Xandikos keeps a deleted contact in its git history until somebody rewrites that."),
    "cyrus": partly("Cyrus keeps the file of a deleted contact until cyr_expire has run, as its settings say."),
    "davical": partly(
        "DAViCal keeps no deleted contact, only that there was one. Backups of its database may keep it."
    ),
    "sogo": partly(
        "SOGo keeps the text of each deleted contact in its database until somebody clears the deleted rows."
    ),
    "sabre": partly("Nextcloud and Baikal keep no deleted contact, only that there was one. Backups may keep it."),
}
"""What is left of a deleted card, by the server that a connection names."""

_PUTS: Mapping[str, CapabilityAnswer] = {
    "sogo": partly("SOGo writes over a card although it is asked not to; so it is asked for the card just before."),
}
"""What to know of putting a card there, by the server that a connection names."""


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
    told_at: when the server told its changes, by its own clock.
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
    told_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Version:
    """What `Entry.version` says of one state of a card: by its content where that was read, else by its ETag.

    guarded: a call can be guarded by the ETag, which is strong and this card's alone.
    """

    etag: str | None = None
    mark: str | None = None
    guarded: bool = False

    @classmethod
    def of(cls, text: str | None) -> _Version:
        """Of what was written by `written`, or by a release that knew ETags alone."""
        found = _VERSION.fullmatch(text or "")
        if found is None:
            return cls()
        return cls(found[1], found[3], guarded=found[1] is not None or found[2] is not None)

    def written(self) -> str | None:
        """None: nothing tells it. The ETag is left out beside the content: some differ at each answer."""
        return f"{'guarded ' if self.guarded else ''}{self.mark}" if self.mark else self.etag


class CardDav(ContactStore):
    """One login at one CardDAV server, for all its address books.

    chunk: cards asked for at once. patience: seconds that one look may take in all. monotonic: the clock for it.
    clock: seconds since 1970. server: which software it is, as `CONNECTION` names it; empty: not told. key: for marks
    of content; the same for as long as these are to be compared.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        server: str = "",
        key: bytes = b"",
        chunk: int = 200,
        patience: float = 1800.0,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._server = server
        self._key = key
        self._clock = clock
        self._chunk = chunk
        self._patience = patience
        self._monotonic = monotonic
        self._lock = Lock()
        self._books: dict[str, OpenBook] = {}
        # Of each thread its own: several may remove at one place, each its own cards one after another.
        self._announced = local()
        self._fresh: dict[tuple[str, str], tuple[float, Copy | None]] = {}

    def capabilities(self) -> Mapping[Capability, CapabilityAnswer]:
        """Every capability; what is kept is told of the server that is named, `check` tells more of one."""
        keeps = _KEEPS.get(self._server, _CAPABILITIES[Capability.ERASES_AT_ONCE])
        puts = _PUTS.get(self._server, _CAPABILITIES[Capability.PUT_CONTACTS])
        return {**_CAPABILITIES, Capability.ERASES_AT_ONCE: keeps, Capability.PUT_CONTACTS: puts}

    def books(self, address: str = "/") -> tuple[Book, ...]:
        """The address books of the login, found from any address of the server (RFC 6764, RFC 6352 7.1.1).

        For telling people which books are not configured. Raises PortError.
        """
        return books_of(self._http, address)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    # --- looking

    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        headers = _named_look(mark)
        end = self._monotonic() + self._patience
        known = _Cursor.of(cursor, place)
        now = int(self._clock())
        if known is not None and not (known.full_at is not None and abs(now - known.full_at) > FULL_AFTER):
            visit = _Visit(folder_of(self._http, place.address), known.converts, headers, end)
            after = self._delta(visit, known.asked(), match)
            if after is not None:
                left = _after(after, known.converts, visit.told_at, now, known.full_at or now)
                return _delta_look(visit, left.written(place) if visit.steady else None)
        book = self._open(place, headers)
        visit = _Visit(book.path, book.converts, headers, end)
        self._list(visit, match)
        # The token is older than the listing, so what was written meanwhile is among the changes: followed till quiet.
        after = self._follow(visit, book.token, match) if book.token else None
        self._list_again(visit)
        entries = tuple(entry for entry in visit.seen.values() if entry is not None)
        rest = _after(after, book.converts, visit.told_at, now, now) if after and visit.steady else None
        return Look(True, entries, rest.written(place) if rest else None, len(visit.seen))

    def _open(self, place: Place, headers: Mapping[str, str] | None = None) -> OpenBook:
        book = self._books[place.address] = open_book(self._http, place.address, headers)
        return book

    def _look_up(self, place: Place, refs: Sequence[str], match: Match, mark: str) -> Sequence[Entry]:
        headers = _named_look(mark)
        book = self._books.get(place.address) or self._open(place, headers)
        visit = _Visit(book.path, book.converts, headers, self._monotonic() + self._patience)
        paths = [segments(self._http.path_of(ref)) for ref in refs]
        self._read(visit, dict.fromkeys(path for path in paths if path.startswith(book.path)), {}, match)
        # What was seen while the server called the book by another name: each is asked for alone.
        elsewhere = [path for path in paths if not path.startswith(book.path)]
        self._take(visit, dict.fromkeys(elsewhere), self._copies(visit).fetch_alone(elsewhere), match)
        return [entry for path, entry in visit.seen.items() if entry is not None and path not in visit.missing]

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
        _, answer = propfind_at(self._http, visit.collection, 1, *names, headers=visit.headers)
        if len(answer.responses) > MOST_MEMBERS:
            raise Garbled(Fault.NO_END)
        return answer

    def _members(self, visit: _Visit, answer: Multistatus) -> Sequence[tuple[str, DavResponse]]:
        """What a listing names, whatever it says of it; Garbled: it is the list of something else, or was cut short."""
        members: list[tuple[str, DavResponse]] = []
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
        before: _Changes | None = None
        for _ in range(_ROUNDS):
            changes = self._changes(visit, token)
            if changes is None:
                return None
            # What was told last is told once more as long as its second is not over (SOGo): nothing new either.
            if changes == before or not (changes.changed or changes.gone or changes.odd):
                return changes.token
            before = changes
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
            visit.told_at = _date_of(reply)
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
        self._take(visit, wanted, self._copies(visit).fetch(wanted, sizes), match)

    def _take(
        self,
        visit: _Visit,
        wanted: Mapping[str, str | None],
        parts: Iterable[Mapping[str, Copy | None]],
        match: Match,
    ) -> None:
        """Judge what was fetched. wanted: path -> ETag as listed."""
        for found in parts:
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

    def _judged(self, visit: _Visit, path: str, copy: Copy, judged: Judged | None) -> Entry | None:
        """A card as it was judged. Of a converted copy nobody can say what the card itself holds besides."""
        if judged is None:
            return self._unreadable(visit, path, copy.etag, copy.body) if copy.altered else None
        if judged.tokens and copy.altered is not False:
            judged = judged._replace(shape=Shape.UNCLEAR)
        return Entry(path, self._version(visit, copy.etag, copy.body), *judged)

    def _unreadable(self, visit: _Visit, path: str, etag: str | None, body: bytes | None = None) -> Entry:
        return Entry(path, self._version(visit, etag, body), Shape.UNREADABLE)

    def _version(self, visit: _Visit, etag: str | None, body: bytes | None) -> str | None:
        told = strong(etag)
        if told and (told in visit.shared or is_shared(told)):
            told = None
        return _Version(told, None if body is None else mark_of(body, self._key), guarded=told is not None).written()

    def _copies(self, visit: _Visit) -> Copies:
        return Copies(
            visit.collection,
            partial(self._ask, visit),
            partial(self._member, visit.collection),
            visit.converts,
            self._chunk,
        )

    def _member(self, collection: str, href: str) -> str | None:
        return member_path(self._http.path_of(joined(collection, href)), collection)

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
        return self._http.call(method, path, headers=sent, body=body, handles=handles, max_body=max_body)

    # --- removing

    def announce(self, place: Place, cuts: Sequence[Cut]) -> None:
        """As the port has it: cards that come one after another are read again by one request for many."""
        self._announced.here = place.id, [cut.ref for cut in cuts if _Version.of(cut.version).guarded]

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        return [self._cut(place, cut, match) for cut in cuts]

    def _cut(self, place: Place, cut: Cut, match: Match) -> Receipt:
        path = self._within(place, cut.ref)
        visit = self._visit_for(place, path)
        judged = _Version.of(cut.version)
        copy: Copy | None = None
        if (cut.whole and judged.guarded) or visit.converts:
            copy = self._read_again(place, visit, path)
            if copy is None:
                return self._gone(place, 404)
            plan = self._verdict(judged, cut, copy, match)
            if isinstance(plan, Receipt):
                return plan
            if isinstance(plan, Delete) and judged.guarded and strong(copy.etag):
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
            return self._write(place, path, guard, plan.body, reply.headers.get("Content-Type", ""))
        return Receipt(Outcome.UNCLEAR if isinstance(plan, Unclear) else Outcome.ALREADY_GONE, status=reply.status)

    def _read_again(self, place: Place, visit: _Visit, path: str) -> Copy | None:
        """A card as it is, or was at most `STILL_FRESH` ago; those announced to come next are read along with it."""
        now = self._monotonic()
        with self._lock:
            read, copy = self._fresh.pop((place.id, path), (float("-inf"), None))
            if now - read <= STILL_FRESH:
                return copy
        here: tuple[str, list[str]] = getattr(self._announced, "here", ("", []))
        at_place, coming = here
        at = coming.index(path) if at_place == place.id and path in coming else len(coming)
        paths = [path, *coming[at + 1 : at + AHEAD]]
        found: dict[str, Copy | None] = {}
        for part in self._copies(visit).fetch([each for each in paths if each.startswith(visit.collection)], {}):
            found.update(part)
        with self._lock:
            self._fresh = {key: held for key, held in self._fresh.items() if now - held[0] <= STILL_FRESH}
            self._fresh.update({(place.id, each): (now, copy) for each, copy in found.items() if each != path})
        return found[path]

    def _visit_for(self, place: Place, path: str) -> _Visit:
        """What a removal at this place needs to know; the book is asked where no look of this process has been."""
        book = self._books.get(place.address) or self._open(place)
        collection = f"{path.rpartition('/')[0]}/"
        return _Visit(collection, book.converts, {}, self._monotonic() + self._patience)

    def _within(self, place: Place, ref: str) -> str:
        """The path of a card of this place; never that of a folder or of another place, whatever the ref says."""
        path = self._http.path_of(ref)
        asked = folder_of(self._http, place.address)
        collection = asked if segments(path).startswith(asked) else self._open(place).path
        member = member_path(path, collection)
        if member is None or member.endswith("/"):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return member

    def _delete(self, place: Place, path: str, guard: str | None) -> Receipt:
        headers = {"If-Match": guard} if guard else {}
        reply = self._http.call("DELETE", path, headers=headers, handles=GONE | {412})
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
            if segments(self._http.path_of(joined(reply.path, each.href))) == path and each.status is not None:
                if not 200 <= each.status < 300 and each.status not in GONE and each.status != 412:
                    raise failure_of(each.status)
                return each.status
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)

    def _write(self, place: Place, path: str, guard: str | None, body: bytes, kind: str) -> Receipt:
        # Without a guard at least never make a card that somebody deleted meanwhile (RFC 9110, 13.1.1).
        headers = {
            "If-Match": guard or "*",
            "Content-Type": kind if kind.startswith("text/") else "text/vcard; charset=utf-8",
        }
        handles = GONE | _REFUSED_CARD | {403, 412}
        reply = self._http.call("PUT", path, headers=headers, body=body, handles=handles)
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

    def _put(self, place: Place, put: Put, match: Match) -> PutReceipt:
        uid = put_uid(place, put.token)
        body = managed_card(uid, put.label, put.identifier)
        card = read_card(body)
        judged = None if card is None else judge(card, match([card.fields])[0])
        if judged is None or judged.shape is not Shape.WHOLE or put.token not in judged.tokens:
            return PutReceipt(PutOutcome.UNCLEAR)  # it could not be found, or taken away whole, when its time comes
        book = self._books.get(place.address) or self._open(place)
        path = self._member(book.path, f"{uid}.vcf")
        if path is None:
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        # Asked first: SOGo writes over what is there, whatever the condition says (RFC 9110, 13.1.2).
        if self._http.call("GET", path, handles=GONE, max_body=MAX_CARD).status not in GONE:
            return PutReceipt(PutOutcome.UNCLEAR)
        headers = {"If-None-Match": "*", "Content-Type": "text/vcard; charset=utf-8"}
        reply = self._http.call("PUT", path, headers=headers, body=body, handles=_REFUSED_CARD | {403, 409, 412})
        if reply.status == 412:
            # A card of ours that holds something else by now is its worker's.
            return PutReceipt(PutOutcome.UNCLEAR, status=412)
        if reply.status in _REFUSED_CARD or any(names_condition(reply.body, each) for each in _CARD_CONDITIONS):
            return PutReceipt(PutOutcome.UNCLEAR, status=reply.status)
        if not 200 <= reply.status < 300:
            raise Denied(Fault.FORBIDDEN, status=reply.status)
        return PutReceipt(PutOutcome.ACCEPTED, ref=path, status=reply.status)

    def _refused(self, place: Place, path: str) -> Receipt:
        # 412 also is how some servers answer If-Match on a card that is not there.
        reply = self._http.call("GET", path, handles=GONE, max_body=MAX_CARD)
        return self._gone(place, reply.status) if reply.status in GONE else Receipt(Outcome.CHANGED, status=412)

    def _gone(self, place: Place, status: int) -> Receipt:
        """The card is not there: done, unless the whole book is not (then Missing is raised, which proves nothing)."""
        open_book(self._http, place.address)
        return Receipt(Outcome.ALREADY_GONE, status=status)

    # --- trying

    def _check(self, place: Place) -> Sequence[Trial]:
        return try_book(self._http, place.address)


CONNECTION = ConnectionKind(
    "carddav",
    Sort.STORE,
    said("CardDAV"),
    said("CardDAV: Radicale, Xandikos, Nextcloud, SOGo and others"),
    said("Reads and removes contacts in the address books that phones synchronise with."),
    url=Option(
        "url",
        said("Address of the server"),
        said("As its administrator gives it, without the path of an address book."),
        OptionKind.LINK,
        required=True,
        example="https://dav.example.org",
        longest=500,
        sends="secret",
    ),
    login=Option(
        "login",
        said("Service account"),
        said("One service account that may read and change all the address books. Not a person's own."),
        example="closeout",
    ),
    secret=Option("secret", said("Its password"), said("The password of the service account."), OptionKind.KEY),
    own=(
        Option(
            "server",
            said("Which server it is"),
            said("So that the receipt of each removal says what that server keeps of a deleted contact."),
            OptionKind.CHOICE,
            default="other",
            choices=(
                OptionChoice("other", said("Another one")),
                OptionChoice("radicale", said("Radicale")),
                OptionChoice("xandikos", said("Xandikos")),
                OptionChoice("cyrus", said("Cyrus")),
                OptionChoice("davical", said("DAViCal")),
                OptionChoice("sogo", said("SOGo")),
                OptionChoice("sabre", said("Nextcloud or Baikal")),
            ),
        ),
        Option(
            "logins_file",
            said("Accounts of single address books"),
            said(
                "Where no account reaches all address books (Baikal, Nextcloud): a file that the server alone "
                "can read, with the columns address;login;password. Address books that it does not name are "
                "read by the service account."
            ),
            OptionKind.PATH,
            seldom=True,
        ),
    ),
    log=Option(
        "log_file",
        said("The server's own log"),
        said("To see phones synchronise: the log of Radicale on this machine, at level info."),
        OptionKind.PATH,
        needs=("login",),
        without=said("No phone is seen to synchronise what was removed: that takes the log of Radicale."),
    ),
    place=Option(
        "address",
        said("Address book"),
        said("Its path on the server, as in the list of address books."),
        required=True,
        example="/user/book/",
        longest=500,
    ),
    grants=(
        Grant(
            "DAV:read, DAV:write",
            said("The service account reads, changes and deletes cards in every address book on the list."),
            (
                "The address book answers this account",
                "Its cards can be listed",
                "The account may remove and change cards",
            ),
        ),
    ),
)
"""What a connection to a CardDAV server says."""


def connect(connection: Connection) -> ContactStore:
    """The factory that the registry names. ValueError: it is not valid (see CONNECTION)."""
    given = given_in(CONNECTION, connection)
    gate = SharedWait()  # one for all logins: it is the server that asks to be left alone

    def of(login: tuple[str, str] | None) -> CardDav:
        auth = Login(*login) if login else anonymous
        http = HttpClient(
            connection.url,
            auth,
            limits=connection.limits,
            ca_file=connection.ca_file,
            gate=gate,
            reach=connection.reach,
        )
        return CardDav(http, server=given["server"], key=marking_key(login[1] if login else connection.secret))

    rest = of((connection.login, connection.secret) if connection.login else None)
    return OwnLogins(rest, read_logins(given["logins_file"]), of) if given["logins_file"] else rest


def marking_key(secret: str) -> bytes:
    """The key for marks of content, which lie in the database, where the password of the service account does not.

    Nobody who reads them can try out what a card may have held. After a change of password each card is read anew.
    """
    return sha256(f"marks of content\n{secret}".encode()).digest()


def _plan(body: bytes, cut: Cut, match: Match) -> CutPlan:
    """What a card calls for, judged again as it is."""
    card = read_card(body)
    return Unclear() if card is None else plan_cut(card, match([card.fields])[0], cut.tokens, cut.said)


def _named_look(mark: str) -> Mapping[str, str]:
    """Headers by which the server's log tells of a look."""
    return {"User-Agent": f"{USER_AGENT} (look {_MARK.sub('', mark)})" if mark else USER_AGENT}


def _date_of(reply: Reply) -> float | None:
    """When an answer was made, by the clock of the server; None: it does not say."""
    try:
        return parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _is_folder(path: str, answered: DavResponse) -> bool:
    return path.endswith("/") or f"{DAV}collection" in types_of(answered)


def _same(one: str, other: str) -> bool:
    return one.removeprefix("W/") == other.removeprefix("W/")


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a look left off. converts: as of the book. Bound to the address: a token of another book would give a
    delta of nothing, and all would count as absent.

    settled: False if the token is a time in whole seconds, and that second was hardly over when the server gave it:
    what was written later in it is in no delta since. full_at: of a book with such tokens, when it was last read in
    full, as seconds since 1970.
    """

    token: str
    converts: bool
    settled: bool = True
    full_at: int | None = None

    @classmethod
    def of(cls, text: str | None, place: Place) -> _Cursor | None:
        """None: it is none of this place."""
        form, _, rest = (text or "").partition(" ")
        word, _, token = rest.partition(" ")
        found = _CURSOR.fullmatch(word)
        if form != "1" or not token or found is None:
            return None
        converts = next((each for each in (False, True) if found[1] == _place_mark(place, each)), None)
        return None if converts is None else cls(token, converts, not found[2], int(found[3]) if found[3] else None)

    def written(self, place: Place) -> str:
        """As the server keeps it, and nobody reads it."""
        by_time = f"@{self.full_at}" if self.full_at is not None else ""
        return f"1 {_place_mark(place, self.converts)}{'' if self.settled else 'u'}{by_time} {self.token}"

    def asked(self) -> str:
        """The token to ask with: one that did not settle is put back, so that its last seconds are told once more."""
        found = _IN_SECONDS.fullmatch(self.token)
        if self.settled or found is None:
            return self.token
        return f"{found[1]}{int(found[2]) - SETTLES_IN}"


def _after(token: str, converts: bool, told_at: float | None, now: int, full_at: int) -> _Cursor:
    """Where a look leaves off that ended with this token. told_at: then, by the server's clock; now: by ours."""
    found = _IN_SECONDS.fullmatch(token)
    age = (told_at or now) - int(found[2]) if found else None
    if age is None or not -_DAY < age < 10 * 366 * _DAY:
        return _Cursor(token, converts)
    return _Cursor(token, converts, age >= (SETTLES_IN if told_at else _CLOCKS_DIFFER), full_at)


def _place_mark(place: Place, converts: bool) -> str:
    return sha256(f"{place.address}\n{'converts' if converts else 'as stored'}".encode()).hexdigest()[:16]


def _delta_look(visit: _Visit, cursor: str | None) -> Look:
    entries = tuple(entry for entry in visit.seen.values() if entry is not None)
    return Look(False, entries, cursor, len(visit.seen), frozenset(visit.gone), frozenset(visit.touched))
