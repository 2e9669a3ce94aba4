"""The port: the nouns and the law that every contact store keeps; no vendor, no HTTP, no policy lives here.

An adapter says what it saw and what the vendor answered, never what it means. It is handed a `Match` and lets
out only entries that carry a governed token, point to a case, or could not be read: private entries never leave it.

The errors, drawn as a tree (each named for what the caller can do):

    PortError
     +-- Unreachable   try later (time-out, dropped, 429, 5xx; carries the vendor's wait)
     +-- Denied        a person must mend rights or credentials (401, 403)
     +-- Missing       a person must say where the place went (the whole place answers 404/410)
     +-- Garbled       a person must look: the answer is no answer of this protocol

Nothing else leaves an adapter. No error, receipt or capability carries an identifier of a client, an address of
a card, or a secret.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NewType

Token = NewType("Token", bytes)
"""Keyed HMAC-SHA256 (32 bytes) of one identifier in its one normal form. What the database compares."""


class FieldKind(StrEnum):
    """What a field of an entry is meant to hold; people write numbers in any of them."""

    PHONE = "phone"
    EMAIL = "email"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entry as a person wrote it: a number, an address, or free text (name, note, label)."""

    kind: FieldKind
    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A field that may hold an identifier and could not be read. Its text is kept nowhere.

    mark: a keyed hash of it, by which the same text is known again. may_be: the governed identifiers that may stand
    in it: of these none is absent.
    """

    mark: bytes = field(repr=False)
    may_be: frozenset[Token] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the register knows of one field.

    tokens: the governed identifiers in it (empty: none known).
    other: it also holds an identifier the register does not know, or text that could not be told apart.
    case_number: it shows the pattern of a case number.
    unread: it may hold an identifier that could not be read; then `other` is true as well.
    """

    tokens: tuple[Token, ...] = ()
    other: bool = False
    case_number: bool = False
    unread: Unread | None = None


Match = Callable[[Sequence[Sequence[Field]]], Sequence[Sequence[Reading]]]
"""Entries in, readings out, both in the same order and of the same lengths: one `Reading` for each `Field`.

Called with many entries at once, since one question to the register for a thousand cards costs as much as for one.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere contacts can be: one account's address book at one vendor.

    id: our opaque id. address: the vendor's (collection URL, mailbox); never shown, logged or put in an error.
    """

    id: str
    address: str = field(repr=False)


def content_of(fields: Sequence[Field]) -> bytes:
    """A hash of the fields of one entry, to find it again among those a `Match` was shown in the same look."""
    return sha256("\0".join(f"{each.kind.value}:{each.text}" for each in fields).encode("utf-8", "replace")).digest()


class Shape(StrEnum):
    """What removing the governed identifiers of an entry would mean."""

    WHOLE = "whole"
    """Every identifier in it is governed, and it holds a name at most besides: the entry may go as a whole."""
    ASK = "ask"
    """Every identifier in it is governed, and it holds more (an address, a note, a picture): its owner is asked."""
    MIXED = "mixed"
    """It also holds an identifier the register does not know: only governed lines may be cut."""
    UNCLEAR = "unclear"
    """A governed identifier stands in free text or cannot be cut cleanly: a person decides."""
    CASE_NUMBER = "case_number"
    """No governed identifier, but the pattern of a case number: a person decides."""
    FIELD_UNREAD = "field_unread"
    """No governed identifier, but a field that could not be read: what may stand in it is not absent."""
    UNREADABLE = "unreadable"
    """It could not be read (too large, broken): nothing can be said of it, so nothing absent in its place."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that concerns us, as last seen.

    ref: the vendor's handle, stable while the entry lives; never shown. version: what tells this state of it from any
    other, for this adapter alone to read (an ETag, a change key, a keyed hash of the content); None: nothing does.
    unread: its fields that could not be read. content: a hash of its fields (`content_of`) where its owner is asked
    something, so that what a `Match` was shown can be shown to them; never kept.
    """

    ref: str = field(repr=False)
    version: str | None
    shape: Shape
    tokens: frozenset[Token] = frozenset()
    unread: tuple[Unread, ...] = ()
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one place.

    full: every entry was read, so what is not in `entries` was not there; else a delta on the cursor given.
    entries: those that concern us (of a full look all, of a delta the changed ones).
    gone: refs that a delta calls deleted. changed: all refs a delta touched, private ones included
    (an entry that was ours and is now private appears here and not in `entries`).
    cursor: hand it to the next look; None: the vendor has no delta. read: how many entries were read.
    """

    full: bool
    entries: tuple[Entry, ...]
    cursor: str | None
    read: int
    gone: frozenset[str] = field(default=frozenset(), repr=False)
    changed: frozenset[str] = field(default=frozenset(), repr=False)


class Rest(StrEnum):
    """What the owner of an entry said of all in it that is no identifier, as it was at one version."""

    UNSAID = "unsaid"
    GOES = "goes"
    """It is about the client: it goes with the identifiers."""
    STAYS = "stays"
    """It is their own: only the identifiers go."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is to go from one entry: these tokens; `version` is what was read when it was decided.

    rest: what its owner said of the rest at `version`; said of no version it counts for nothing.

    whole: every identifier of the entry, as last seen at `version`, is in `tokens` (its shape was WHOLE, and none of
    its tokens may stay).
    """

    ref: str = field(repr=False)
    version: str | None
    tokens: frozenset[Token]
    whole: bool = False
    rest: Rest = Rest.UNSAID

    @property
    def said(self) -> Rest:
        """`rest`, if it was said of a version, so that what was said of another content counts for nothing."""
        return self.rest if self.version else Rest.UNSAID


class Outcome(StrEnum):
    """What became of one `Cut`. Only the first three mean that the vendor has it no more, and none of them is proof."""

    REMOVED = "removed"
    """The vendor accepted the deletion of the whole entry."""
    TRIMMED = "trimmed"
    """The vendor accepted the entry without the governed lines."""
    ALREADY_GONE = "already_gone"
    """The entry, or every governed line in it, was not there any more."""
    CHANGED = "changed"
    """The entry changed since it was read: nothing was done, look again."""
    UNCLEAR = "unclear"
    """It cannot be cut without touching what is private: nothing was done, a person decides."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the vendor answered to one `Cut`.

    outcome: None if the call failed, and `error` says how; or if it was not begun (`NOT_BEGUN`). recoverable: the
    vendor keeps a copy that can come back (Graph's plain DELETE). status: the HTTP status, for who runs the vendor.
    """

    outcome: Outcome | None
    error: PortError | None = None
    recoverable: bool = False
    status: int | None = None


NOT_BEGUN = Receipt(None)
"""No request that changes anything was made: the caller may no longer."""


@dataclass(frozen=True, slots=True)
class Put:
    """A contact that is to stand in a place, in an entry of ours. token: of its identifier, by which it is known.

    label: what the entry is called; no name. identifier: a number as `+31...` or an address; shown nowhere.
    """

    token: Token
    label: str
    identifier: str = field(repr=False)


class PutOutcome(StrEnum):
    """What became of one `Put`. None of them is proof."""

    ACCEPTED = "accepted"
    """The vendor accepted a new entry: look for it."""
    ALREADY_THERE = "already_there"
    """The contact stands in the place, whoever put it there: nothing was done."""
    UNCLEAR = "unclear"
    """Whether it stands there cannot be told, or it could not be taken away as a whole: nothing was done."""


@dataclass(frozen=True, slots=True)
class PutReceipt:
    """What the vendor answered to one `Put`. outcome None: the call failed, and `error` says how, or was not begun.

    ref: the vendor's handle of the entry that is ours, as a look names it; empty: none of ours stands there.
    """

    outcome: PutOutcome | None
    error: PortError | None = None
    ref: str = field(default="", repr=False)
    status: int | None = None


PUT_NOT_BEGUN = PutReceipt(None)
"""No request that changes anything was made: the caller may no longer."""


def put_uid(place: Place, token: Token) -> str:
    """What our entry of a contact in a place is called there: always the same, so that put twice is once."""
    return f"closeout-{sha256(b'closeout/put/v1' + bytes(1) + place.id.encode() + bytes(1) + token).hexdigest()[:32]}"


class Fault(StrEnum):
    """Why a call failed; `render` has a sentence for each, in both languages, that says what to do."""

    WRONG_CREDENTIALS = "wrong_credentials"
    FORBIDDEN = "forbidden"
    PLACE_GONE = "place_gone"
    TIMED_OUT = "timed_out"
    NO_CONNECTION = "no_connection"
    ADDRESS_REFUSED = "address_refused"
    DROPPED = "dropped"
    CERTIFICATE = "certificate"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    REDIRECTED = "redirected"
    NOT_THE_PROTOCOL = "not_the_protocol"
    BAD_BODY = "bad_body"
    TOO_LARGE = "too_large"
    NO_END = "no_end"
    UNEXPECTED_STATUS = "unexpected_status"
    ACCEPTS_ANYTHING = "accepts_anything"
    SCOPE_TOO_WIDE = "scope_too_wide"


class PortError(Exception):
    """The only family that leaves an adapter. `str()` shows fault and status, nothing of the request."""

    def __init__(self, fault: Fault, *, status: int | None = None, wait: float | None = None) -> None:
        """fault: why; status: HTTP status if there was one; wait: seconds the vendor asked for, capped at 300."""
        super().__init__(fault.value if status is None else f"{fault.value} ({status})")
        self.fault = fault
        self.status = status
        self.wait = wait


class Unreachable(PortError):
    """Try later: nothing is known about what was asked, it may even have been done."""


class Denied(PortError):
    """The vendor does not recognise this client, or not for this: a person mends it."""


class Missing(PortError):
    """The place itself is not there. That is no proof of anything: its entries are unknown, not absent."""


class Garbled(PortError):
    """What came back is not an answer of this protocol: a person looks at the server."""


def bare(error: PortError) -> PortError:
    """The error without the frames and the errors it came from, which hold requests and cards."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


class NotBegunError(Exception):
    """A request that changes something was about to be made, and may not be. It leaves no adapter."""


@dataclass(slots=True)
class _Asking:
    """may: whether such a request may be made now. made: how many were."""

    may: Callable[[], bool]
    made: int = 0


_asking: ContextVar[_Asking | None] = ContextVar("asking", default=None)


def before_change() -> None:
    """To be called right before each request that may change something at a vendor; NotBegunError: do not make it."""
    asking = _asking.get()
    if asking is not None:
        if not asking.may():
            raise NotBegunError
        asking.made += 1


def _always() -> bool:
    return True


class Capability(StrEnum):
    """What can be asked of a vendor; every adapter answers each."""

    READ_CONTACTS = "read_contacts"
    REMOVE_CONTACTS = "remove_contacts"
    TRIM_CONTACTS = "trim_contacts"
    PUT_CONTACTS = "put_contacts"
    DELTA = "delta"
    GUARDED_WRITES = "guarded_writes"
    ERASES_AT_ONCE = "erases_at_once"
    DEVICE_SYNC_PROOF = "device_sync_proof"
    EVENTS = "events"


class Support(StrEnum):
    """Whether a vendor can."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


@dataclass(frozen=True, slots=True)
class CapabilityAnswer:
    """Unsupported is a value: partly and no say why (an English sentence that is also the key of its translation)."""

    support: Support
    because: str = ""

    def __post_init__(self) -> None:
        if (self.support is Support.YES) == bool(self.because):
            raise ValueError("yes needs no reason; partly and no need one")


YES = CapabilityAnswer(Support.YES)


def partly(because: str) -> CapabilityAnswer:
    """Supported with a limit that people must know."""
    return CapabilityAnswer(Support.PARTLY, because)


def no(because: str) -> CapabilityAnswer:
    """Not supported, and why."""
    return CapabilityAnswer(Support.NO, because)


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing `place check` tried. ok None: could not be tried. fault: what was wrong."""

    what: str
    ok: bool | None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class DeviceFetch:
    """A device's own login fetched the changes of a place, later than the look `after` (that look's id)."""

    login: str = field(repr=False)
    address: str = field(repr=False)
    after: str


class Hint(StrEnum):
    """What an event says of a place: a reason to look soon, and never a proof of anything."""

    CHANGED = "changed"
    """Something may have changed since it was read."""
    MISSED = "missed"
    """Changes went untold: only a look in full is sure of them."""


@dataclass(frozen=True, slots=True)
class Beacon:
    """Where a vendor is to tell of changes at a place, and what it must bring along to be believed to be the vendor.

    secret: at most 128 characters, of this place alone.
    """

    place: Place
    url: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watching:
    """How many places a vendor tells us of: as before, for longer, anew; and why it would not for others."""

    kept: int = 0
    renewed: int = 0
    made: int = 0
    faults: tuple[Fault, ...] = ()


_NOT_REACHED = frozenset(
    {Fault.NO_CONNECTION, Fault.ADDRESS_REFUSED, Fault.TIMED_OUT, Fault.DROPPED, Fault.CERTIFICATE}
)
_ON_THE_WAY = "The connection is encrypted"


def trial_of_way(*, encrypted: bool, near: bool) -> Trial:
    """What can be said of the way to a server. encrypted: by TLS. near: it does not leave this machine."""
    if encrypted:
        return Trial("The connection is encrypted", ok=True)
    if near:
        return Trial("The connection stays on this machine, not encrypted", ok=True)
    return Trial("The connection is encrypted", ok=False, fault=Fault.CERTIFICATE)


def as_reached(trials: Sequence[Trial]) -> Sequence[Trial]:
    """The same, but of a server that could not be reached nobody knows yet whether the way to it is encrypted."""
    first, *others = trials or (Trial("", ok=None),)
    if first.what == _ON_THE_WAY and first.ok and others and others[0].fault in _NOT_REACHED:
        return (replace(first, ok=None), *others)
    return trials


class ContactStore(ABC):
    """A vendor that keeps contacts. Vendors write `_look`, `_look_up`, `_remove`, `_check`, and `_put` if they can;
    callers call the others.

    The law (tests/contract/ holds every member of the registry to it): sees what is there; does not see another client;
    never guesses about an unknown place; never calls absent what it cannot recognise; the same cut twice acts once;
    already gone is done; what is put is put once, beside nothing of the same contact, and can be taken away whole;
    only this module's errors leave; no identifier in any message.
    """

    batch: int = 1
    """How many cuts one `remove` may carry."""

    @abstractmethod
    def capabilities(self) -> Mapping[Capability, CapabilityAnswer]:
        """Every capability, each with yes, partly (why) or no (why)."""

    def look(self, place: Place, match: Match, *, cursor: str | None = None, mark: str = "") -> Look:
        """Read a place: by delta if a cursor is given and the vendor honours it, else in full.

        A cursor the vendor no longer knows gives a full look, not an error. `mark` is an opaque id which the adapter
        puts where the vendor's log shows it (User-Agent), so that a log reader can order other requests against it.
        Raises only PortError; a look that could not be finished raises, it never returns half.
        """
        failure: PortError
        try:
            return self._look(place, match, cursor, mark)
        except PortError as error:
            failure = bare(error)
        except Exception:
            failure = Garbled(Fault.BAD_BODY)
        # Outside the handlers: raised in one, it would keep the first error, and what that holds, as its context.
        raise failure

    def look_up(self, place: Place, refs: Sequence[str], match: Match, *, mark: str = "") -> Sequence[Entry]:
        """Ask for entries by their own addresses, whatever a list of the place says; those that concern us.

        A second kind of question beside `look`, for what is to be called absent: an entry that a list hides is found.
        What is not in the answer is not there, as the vendor says of that very address, or is private; what cannot be
        read is in it, unreadable. Raises only PortError, and never returns half.
        """
        failure: PortError
        try:
            return tuple(self._look_up(place, refs, match, mark)) if refs else ()
        except PortError as error:
            failure = bare(error)
        except Exception:
            failure = Garbled(Fault.BAD_BODY)
        raise failure

    def remove(
        self, place: Place, cuts: Sequence[Cut], match: Match, may: Callable[[], bool] = _always
    ) -> Sequence[Receipt]:
        """Cut tokens from entries; one receipt for each cut, in order; never raises but what `may` raises.

        A cut the adapter could not try, or whose fate is unknown, has a receipt with an error. may: asked before each
        batch and right before each request that changes something; once it says no, what is left is not begun.
        """
        receipts: list[Receipt] = []
        while len(receipts) < len(cuts):
            slice_ = cuts[len(receipts) : len(receipts) + self.batch]
            if may is not _always and not may():
                receipts.extend([NOT_BEGUN] * (len(cuts) - len(receipts)))
                break
            asking = _Asking(may)
            before = _asking.set(asking)
            try:
                receipts.extend(self._receipts(place, slice_, match, asking))
            finally:
                _asking.reset(before)
        return receipts

    def put(
        self, place: Place, puts: Sequence[Put], match: Match, may: Callable[[], bool] = _always
    ) -> Sequence[PutReceipt]:
        """Put contacts into a place, each in an entry of its own; one receipt each, in order. Raises what `may` does.

        The place is read in full first. A contact that stands in it is not put a second time, whoever wrote it there,
        and nothing that stands there is touched; where an entry or a field cannot be read, what may stand in it is not
        put. may: asked right before each request that changes something; once it says no, what is left is not begun.
        """
        if not puts:
            return ()
        try:
            look = self.look(place, match)
        except PortError as error:
            return [PutReceipt(None, bare(error), status=error.status)] * len(puts)
        there = frozenset(token for each in look.entries for token in each.tokens)
        blind = any(each.shape is Shape.UNREADABLE for each in look.entries)
        doubtful = frozenset(token for each in look.entries for unread in each.unread for token in unread.may_be)
        receipts: list[PutReceipt] = []
        for each in puts:
            if each.token in there:
                name = put_uid(place, each.token)
                ours = (entry.ref for entry in look.entries if each.token in entry.tokens and name in entry.ref)
                receipts.append(PutReceipt(PutOutcome.ALREADY_THERE, ref=next(ours, "")))
            elif blind or each.token in doubtful:
                receipts.append(PutReceipt(PutOutcome.UNCLEAR))
            else:
                asking = _Asking(may)
                before = _asking.set(asking)
                try:
                    receipts.append(self._put_receipt(place, each, match))
                finally:
                    _asking.reset(before)
            there |= {each.token}
        return receipts

    def close(self) -> None:  # noqa: B027
        """Let go of what is kept open to the vendor, if anything is."""

    def announce(self, place: Place, cuts: Sequence[Cut]) -> None:  # noqa: B027
        """These cuts are to come, one `remove` after another; no request is made, and none of them need ever come.

        An adapter that reads entries again just before it removes them may then read several by one request.
        """

    def _receipts(self, place: Place, slice_: Sequence[Cut], match: Match, asking: _Asking) -> Sequence[Receipt]:
        """Those of one batch."""
        try:
            return self._remove(place, slice_, match)
        except PortError as error:
            return [Receipt(None, bare(error), status=error.status)] * len(slice_)
        except NotBegunError:
            # After a first request of the batch, what that one did is not known.
            return [Receipt(None, Unreachable(Fault.DROPPED)) if asking.made else NOT_BEGUN] * len(slice_)
        except Exception:
            return [Receipt(None, Garbled(Fault.BAD_BODY))] * len(slice_)

    def _put_receipt(self, place: Place, put: Put, match: Match) -> PutReceipt:
        """That of one `Put`."""
        try:
            return self._put(place, put, match)
        except PortError as error:
            return PutReceipt(None, bare(error), status=error.status)
        except NotBegunError:
            return PUT_NOT_BEGUN
        except Exception:
            return PutReceipt(None, Garbled(Fault.BAD_BODY))

    def watch(self, beacons: Sequence[Beacon], base: str, now: datetime) -> Watching:
        """Have the vendor tell of changes at these places and no others. base: how the urls of all our beacons begin.

        To be repeated: what was to be renewed is, what the vendor dropped is made anew, what is ours and wanted no
        more is taken away. Nothing of it is kept here: the vendor's own list is the truth. Raises only PortError.
        """
        failure: PortError
        try:
            return self._watch(beacons, base, now)
        except PortError as error:
            failure = bare(error)
        except Exception:
            failure = Garbled(Fault.BAD_BODY)
        raise failure

    def hear(self, secret: str, body: bytes) -> frozenset[Hint]:
        """What an event of a beacon with this secret says; Denied: its sender is not proven, Garbled: it is none."""
        failure: PortError
        try:
            return self._hear(secret, body)
        except PortError as error:
            failure = bare(error)
        except Exception:
            failure = Garbled(Fault.BAD_BODY)
        raise failure

    def check(self, place: Place) -> Sequence[Trial]:
        """Try the place without changing it, a request that must be refused included; never raises."""
        try:
            return as_reached(self._check(place))
        except PortError as error:
            return (Trial("The address book answers", ok=False, fault=error.fault),)
        except Exception:
            return (Trial("The address book answers", ok=False, fault=Fault.BAD_BODY),)

    @abstractmethod
    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        """As `look`; may raise PortError."""

    @abstractmethod
    def _look_up(self, place: Place, refs: Sequence[str], match: Match, mark: str) -> Sequence[Entry]:
        """As `look_up`, for at least one ref; may raise PortError."""

    @abstractmethod
    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        """As `remove`, for at most `batch` cuts; may raise PortError if none of them was done."""

    def _put(self, place: Place, put: Put, match: Match) -> PutReceipt:  # noqa: ARG002
        """As `put`, of a contact that a look in full did not find; may raise PortError. By one request that makes a new
        entry and changes none. A vendor without the capability puts nothing.
        """
        raise Denied(Fault.FORBIDDEN)

    def _watch(self, beacons: Sequence[Beacon], base: str, now: datetime) -> Watching:  # noqa: ARG002
        """As `watch`; may raise PortError. A vendor without events does nothing."""
        return Watching()

    def _hear(self, secret: str, body: bytes) -> frozenset[Hint]:  # noqa: ARG002
        """As `hear`; may raise PortError. A vendor without events never sent one."""
        raise Denied(Fault.FORBIDDEN)

    @abstractmethod
    def _check(self, place: Place) -> Sequence[Trial]:
        """As `check`; may raise PortError."""


class SyncWitness(ABC):
    """Something that saw devices fetch: a reader of a store's log."""

    @abstractmethod
    def read(self, cursor: str | None) -> tuple[Sequence[DeviceFetch], str]:
        """What was seen since the cursor, in order, and the next cursor. Nothing new: an empty sequence.

        Raises only PortError. A log that was rotated or cut short is read from its start; what was
        seen twice is harmless.
        """
