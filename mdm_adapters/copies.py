"""Cards of one address book as its server hands them out: fetched, told apart from converted copies, known again by
their content; nothing is judged, listed or removed here.

A server that stores vCard 3 and 4 hands out one as the other, under the same strong ETag (Cyrus, sabre/dav), and what
has no place in the other version is lost on the way. What is stored is told by its length (`getcontentlength`).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from mdm_adapters.addressbooks import multistatus_of
from mdm_adapters.dav import CARDDAV, DAV, DavResponse, multiget, propfind
from mdm_adapters.http import Reply
from mdm_adapters.port import Fault, Garbled, Missing
from mdm_adapters.vcard import MAX_CARD

ETAG = f"{DAV}getetag"
LENGTH = f"{DAV}getcontentlength"
GONE = frozenset({404, 410})
CHUNK_BYTES = 8 * 1024 * 1024
NEWER = "4.0"
"""The version of vCard that servers convert from when they are asked for none."""

_CARD = f"{CARDDAV}address-data"
_NOT_READ = frozenset({403, 406})
_SPLITS = 64
_ALONE = 64
"""Cards fetched one by one in one look: those that XML cannot carry, and those that an answer leaves out."""
_STRONG = re.compile(r'"[\x21\x23-\x7e]*"')
_SHARED = re.compile(r'"gcs0+"')
"""SOGo gives it to every card that is new there."""
_FOLD = re.compile(rb"\r?\n[ \t]")


@dataclass(frozen=True, slots=True)
class Copy:
    """A card as handed out. etag: as the server wrote it. body: None if nobody could read it.

    form: the version of vCard it was asked for, empty for the server's choice. altered: it is not what is stored;
    None: it may be, and nothing shows it.
    """

    etag: str | None
    body: bytes | None = field(repr=False)
    form: str = ""
    altered: bool | None = False


UNREAD = Copy(None, None)
"""Something is there, or is said to be, and nobody could read it."""


class CopyRequest(Protocol):
    """Send one request of a look, or of a removal."""

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        depth: int | None = None,
        headers: Mapping[str, str] | None = None,
        handles: frozenset[int] = frozenset(),
        max_body: int | None = None,
    ) -> Reply:
        """The answer; raises PortError."""


@dataclass(slots=True)
class Copies:
    """Fetches cards of one book. collection: its path. member: the path of an href in it. converts: the server may hand
    out one version of vCard as another. chunk: how many cards are asked for at once.
    """

    collection: str
    ask: CopyRequest
    member: Callable[[str], str | None]
    converts: bool
    chunk: int
    splits: int = _SPLITS
    alone: int = _ALONE

    def fetch(self, paths: Iterable[str], sizes: Mapping[str, int]) -> Iterator[Mapping[str, Copy | None]]:
        """Each of `paths` with its copy, or None if the server says that it is not there; in chunks, as they come.

        sizes: bytes as listed, 0 or missing if not told. Raises PortError.
        """
        for chunk in _chunks(paths, sizes, self.chunk):
            yield self._stored(chunk, sizes)

    def fetch_alone(self, paths: Iterable[str]) -> Iterator[Mapping[str, Copy | None]]:
        """As `fetch`, each by a request of its own, for what is not in the book as the server spells it now."""
        for path in paths:
            if self.alone <= 0:
                raise Garbled(Fault.NO_END)
            self.alone -= 1
            copy = self._lone(path, "")
            yield {path: copy and replace(copy, altered=None if self.converts else False)}

    def get(self, path: str, form: str = "") -> Reply | None:
        """A card by a request of its own, unpacked: to the byte; None if it is not there.

        Some servers give a packed answer an ETag of its own, which fits no write.
        """
        headers = {"Accept-Encoding": "identity", **({"Accept": f"text/vcard; version={form}"} if form else {})}
        reply = self.ask("GET", path, headers=headers, handles=GONE, max_body=MAX_CARD)
        if reply.status in GONE:
            return None
        if is_page(reply):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return reply

    # --- what is stored

    def _stored(self, paths: Sequence[str], sizes: Mapping[str, int]) -> dict[str, Copy | None]:
        first = self._fetch(paths, "")
        found = {path: copy for path, (copy, _) in first.items()}
        if not self.converts:
            return found
        lengths = {path: length or sizes.get(path, 0) for path, (_, length) in first.items()}
        other = [
            path
            for path, copy in found.items()
            if copy and copy.body is not None and not _fits(copy.body, lengths[path])
        ]
        if not other:
            return found
        for path, (newer, length) in self._fetch(other, NEWER).items():
            found[path] = _which(found[path], newer, length or lengths[path])
        return found

    def _fetch(self, paths: Sequence[str], form: str) -> dict[str, tuple[Copy | None, int]]:
        """path -> the copy and its length at the server (0: not told); all of `paths`, or raises."""
        failure: Garbled | Missing | None = None
        try:
            answers = self._answers(paths, form)
        except (Garbled, Missing) as error:
            failure = error
        if failure is not None:
            # One card with a character that XML cannot carry, many pictures, or a card that went meanwhile, for which
            # old servers (sabre/dav 1.8) refuse the whole: ask for fewer, at last for each alone.
            if failure.fault not in (Fault.BAD_BODY, Fault.TOO_LARGE, Fault.PLACE_GONE) or self.splits <= 0:
                raise failure
            self.splits -= 1
            if len(paths) == 1:
                copy = self._lone(paths[0], form)
                if copy is None:
                    self._answers_itself()
                return {paths[0]: (copy, 0)}
            half = len(paths) // 2
            return self._fetch(paths[:half], form) | self._fetch(paths[half:], form)
        return {path: self._one(path, answers.get(path, ()), form) for path in paths}

    def _answers_itself(self) -> None:
        """Missing if the book is not there: then a card that is not there either is unknown, and not gone."""
        answer = multistatus_of(self.ask("PROPFIND", self.collection, propfind(ETAG), depth=0))
        if any(each.status in GONE for each in answer.responses):
            raise Missing(Fault.PLACE_GONE)

    def _answers(self, paths: Sequence[str], form: str) -> Mapping[str | None, Sequence[DavResponse]]:
        reply = self.ask("REPORT", self.collection, multiget(paths, version=form), depth=0)
        found: dict[str | None, list[DavResponse]] = {}
        for each in multistatus_of(reply).responses:
            found.setdefault(self.member(each.href), []).append(each)
        return found

    def _one(self, path: str, answers: Sequence[DavResponse], form: str) -> tuple[Copy | None, int]:
        if not answers:
            if self.alone <= 0:
                raise Garbled(Fault.NOT_THE_PROTOCOL)  # never silently "not there"
            self.alone -= 1
            return self._lone(path, form), 0
        if len({(each.status, _text(each)) for each in answers}) > 1:
            return UNREAD, 0  # two answers: which of them is true nobody says
        answer = answers[0]
        if answer.status in GONE:
            return None, 0
        body = _text(answer)
        if body is not None:
            return Copy(answer.text(ETAG), body.encode(), form), length_of(answer)
        return self._lone(path, form), 0

    def _lone(self, path: str, form: str) -> Copy | None:
        headers = {"Accept": f"text/vcard; version={form}"} if form else {}
        try:
            reply = self.ask("GET", path, headers=headers, handles=GONE | _NOT_READ, max_body=MAX_CARD)
        except Garbled as error:
            if error.fault is not Fault.TOO_LARGE:
                raise
            return UNREAD
        if reply.status in GONE:
            return None
        readable = reply.status == 200 and not is_page(reply)
        return Copy(reply.headers.get("ETag"), reply.body if readable else None, form)


# --- one copy and another


def strong(etag: str | None) -> str | None:
    """An ETag that can guard a write (RFC 9110, 13.1.1: strong ones only), None for any other."""
    return etag if etag and _STRONG.fullmatch(etag) else None


def is_shared(etag: str) -> bool:
    """Whether a server is known to give this ETag to many cards: it tells no version, though it is a strong one."""
    return bool(_SHARED.fullmatch(etag))


def length_of(answered: DavResponse) -> int:
    """How many bytes are stored, as listed; 0: not told."""
    text = answered.text(LENGTH) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def is_page(reply: Reply) -> bool:
    """Whether a page for people came in place of an answer."""
    kind = reply.headers.get("Content-Type", "").lower()
    return "html" in kind or reply.body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))


def mark_of(body: bytes, key: bytes) -> str:
    """A keyed hash by which the content of a card is known again, however its lines are folded and ended."""
    unfolded = _FOLD.sub(b"", body).replace(b"\r\n", b"\n").strip()
    return base64.urlsafe_b64encode(hmac.digest(key, unfolded, "sha256")[:18]).decode("ascii")


def _which(first: Copy | None, newer: Copy | None, length: int) -> Copy | None:
    """The stored one of two copies of a card, asked for in no version and in the newer one."""
    if first is None or first.body is None or newer is None or newer.body is None:
        return UNREAD
    if first.body == newer.body:  # nothing is converted here; if the length is another, it may be told wrong
        return replace(first, altered=None) if length else first
    if not length:
        return replace(newer, altered=None)
    if _fits(newer.body, length):
        return newer
    return replace(first, altered=True)


def _fits(body: bytes, length: int) -> bool:
    """Whether a card as XML carries it, which may lose the CR of each line end, is that long. length: 0 is not told."""
    return length in (len(body), len(body) + body.count(b"\n") - body.count(b"\r\n"))


def _text(answered: DavResponse) -> str | None:
    found = answered.props.get(_CARD)
    return None if found is None else found.text or ""


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
