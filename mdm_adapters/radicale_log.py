"""Radicale's log as a `SyncWitness`: which device login fetched which book after which of our looks; no card, no clock.

Radicale (3.6 to 3.9, level info, format "verbose") writes three lines for a request, on that request's thread: it came
(method, path, depth, User-Agent), who it was, what became of it. A look of ours carries its mark in the User-Agent. So:

    our login's listing with mark M of a book is answered 207
        then a device login's listing of that book comes in
            and is answered 207                               -> DeviceFetch(login, book, after M)

A listing is `PROPFIND` of depth 1 that asks for ETags, or `REPORT` sync-collection; multigets and depth 0 tell no
device what is gone. Only the order of lines counts: time stamps have steps of a second.

What it takes for this to be true: one Radicale alone writes the log, each device has a login of its own, and devices
may only read. What a reader sends stands in the log as a Python literal, so it can forge no line; a login that may
*write* can (by an item whose UID holds a line break). 207 means that it was answered, not that the answer arrived.
"""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, BinaryIO
from urllib.parse import unquote, urlsplit

from pydantic import Field, TypeAdapter

from mdm_adapters.port import Denied, DeviceFetch, Fault, Garbled, Missing, PortError, SyncWitness, Unreachable

MAX_LINE = 16 * 1024
"""Bytes; a longer line tells nothing but that its thread has another request."""
MAX_BYTES_PER_READ = 64 * 1024 * 1024
MOST_BOOKS = 100_000
MOST_OPEN = 256
"""Requests followed at once; of more the oldest is given up, so one that never ends costs nothing."""
_HEAD = 256
_LONGEST = 1_024

# What %r makes of a str and nothing wider, so that `literal_eval` neither fails nor warns.
_ESCAPE = r"\\(?:[\\'nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U000[0-9a-f]{5}|U0010[0-9a-f]{4})"
_TEXT = "(?:{})".format(
    "|".join(rf"{q}[^{q}\\\x00-\x1f\x7f]*+(?:{_ESCAPE}[^{q}\\\x00-\x1f\x7f]*+)*+{q}" for q in "'\"")
)
_DEPTH = rf"(?: with depth ({_TEXT}))?"

# Everything is matched from end to end, the colons of the time stamp included: Radicale before 3.8 wrote the name of a
# failed login as it came, line breaks and all, but a name in Basic credentials cannot hold a colon (unless
# `urldecode_username` is on, which needs 3.8).
_LINE = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[([^\[\]]{1,200})\] \[[A-Z]{1,10}\] (.*)", re.DOTALL)
_CAME = re.compile(r"\S+ request for .*", re.DOTALL)
_LISTING_CAME = re.compile(
    rf"(PROPFIND|REPORT) request for ({_TEXT}){_DEPTH} received from (?:{_TEXT}|[0-9A-Za-z:.%_-]*)"
    rf"(?: \(forwarded for {_TEXT}\))?(?: using ({_TEXT}))?(?: HTTP/[0-9.]{{1,8}})?(?: [\w.-]* [\w.-]*)?"
)
_LOGIN = re.compile(rf"Successful login: (?:{_TEXT} -> )?({_TEXT}) \([^\n]*\)")
_ENDED = re.compile(r"\S+ response status for .*", re.DOTALL)
_LISTING_ENDED = re.compile(
    rf"(PROPFIND|REPORT) response status for ({_TEXT}){_DEPTH} in \d+\.\d+ seconds \w+ \d+ bytes"
    r" \(([a-z -]+)\): 207 [ -~]*"
)
_STARTED = re.compile(r"Radicale server ready|Starting Radicale .*", re.DOTALL)
# Most lines of a busy log are of no interest: found out before anything is decoded.
_OF_INTEREST = re.compile(rb" request for |Successful login: | response status for |Radicale ")

_LOOK = re.compile(r"closeout/\S{1,64} \(look ([0-9A-Za-z._:-]{1,128})\)")
_FLAG = {"PROPFIND": "getetag", "REPORT": "sync-collection"}
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(slots=True)
class _Request:
    """A listing under way. mark: its look, if it says so. full, latest: the book's marks when it came ("": none)."""

    method: str
    path: str
    mark: str
    full: str
    latest: str
    login: str = ""


@dataclass(slots=True)
class _State:
    """What one read hands to the next. file, head, digest: which file it is. at: bytes read of it.

    skipping: inside a line too long to keep. marks: book -> mark of its last full listing, mark of its last listing of
    any kind. open: thread -> request under way.
    """

    file: int = 0
    head: Annotated[int, Field(ge=0, le=_HEAD)] = 0
    digest: str = ""
    at: Annotated[int, Field(ge=0)] = 0
    skipping: bool = False
    marks: dict[str, tuple[str, str]] = field(default_factory=dict)
    open: dict[str, _Request] = field(default_factory=dict)


_CURSOR = TypeAdapter(_State)


def path_of(address: str) -> str:
    """The path of a place's address (URL, or path on its host) as `DeviceFetch.address` spells it; "": it has none."""
    try:
        path = urlsplit(address).path
    except ValueError:
        return ""
    return _book(unquote(path))


class RadicaleLog(SyncWitness):
    """Reads one log file as it grows, rotation and restarts included.

    Each read begins where the last ended and takes at most `max_bytes_per_read` (and one line) more; all is read when
    the cursor stays the same. After a restart of Radicale, and in a new or shortened file, nothing counts before our
    next look: the store may be another then (restored from a backup), or the file older than what was read before.

    A fetch names the look of the last full listing before it, and that of the last listing of any kind if it is
    another. It covers what was gone when that listing was made, not a card that went while the look was still reading.
    """

    def __init__(
        self,
        path: Path,
        service_login: str,
        *,
        max_line: int = MAX_LINE,
        max_bytes_per_read: int = MAX_BYTES_PER_READ,
    ) -> None:
        """path: the log. service_login: the login our looks use; a mark in anybody else's request is no mark."""
        if not service_login:
            raise ValueError("a witness needs the service account: without it any request could pose as a look")
        self._path = path
        self._service = service_login
        self._max_line = max_line
        self._budget = max_bytes_per_read

    def read(self, cursor: str | None) -> tuple[Sequence[DeviceFetch], str]:
        """What devices fetched since the cursor, in the order it was answered, each fact once per read.

        A cursor that is not of this file begins it anew. Raises Missing(PLACE_GONE) if there is no such file,
        Denied(FORBIDDEN) if it may not be read, Garbled(NOT_THE_PROTOCOL) if it is no plain file,
        Unreachable(DROPPED) if the disk fails.
        """
        failure: PortError
        try:
            with open(self._path, "rb", opener=_open_at_once) as log:
                if stat.S_ISREG(os.fstat(log.fileno()).st_mode):
                    return self._read(log, cursor)
            failure = Garbled(Fault.NOT_THE_PROTOCOL)
        except PermissionError:
            failure = Denied(Fault.FORBIDDEN)
        except (FileNotFoundError, NotADirectoryError):
            failure = Missing(Fault.PLACE_GONE)
        except IsADirectoryError:
            failure = Garbled(Fault.NOT_THE_PROTOCOL)
        except OSError:
            failure = Unreachable(Fault.DROPPED)
        except Exception:  # noqa: BLE001 - our own slip must not carry a line of the log into another log
            failure = Garbled(Fault.BAD_BODY)
        # Outside the handlers: raised in one, it would keep the first error, which names the file, as its context.
        raise failure

    def _read(self, log: BinaryIO, cursor: str | None) -> tuple[Sequence[DeviceFetch], str]:
        state = _resume(log, cursor)
        facts: dict[DeviceFetch, None] = {}
        log.seek(state.at)
        for line in self._lines(log, state):
            if _OF_INTEREST.search(line):
                facts.update(dict.fromkeys(self._take(state, line)))
        state.head = min(state.at, _HEAD)
        state.digest = _digest(log, state.head)
        return tuple(facts), _CURSOR.dump_json(state).decode()

    def _lines(self, log: BinaryIO, state: _State) -> Iterator[bytes]:
        """Whole lines from here on, `state.at` after each; of one that is too long only the beginning."""
        end = state.at + self._budget
        while state.at < end:
            piece = log.readline(self._max_line + 1)
            whole = piece.endswith(b"\n")
            too_long = not whole and len(piece) > self._max_line
            if not piece or not (whole or too_long or state.skipping):
                return  # a half-written line is read when it is done
            state.at += len(piece)
            if not state.skipping:
                yield piece
            state.skipping = not whole

    def _take(self, state: _State, line: bytes) -> Iterator[DeviceFetch]:
        parts = _LINE.fullmatch(line.decode(errors="replace").removesuffix("\n"))
        if parts is None:
            return
        thread, message = parts.groups()
        if _CAME.fullmatch(message):
            # Threads' names come back after a restart, and with a pool for every request: whatever it did is over.
            state.open.pop(thread, None)
            request = _request(message, state.marks)
            if request is not None:
                state.open[thread] = request
                if len(state.open) > MOST_OPEN:
                    del state.open[next(iter(state.open))]
        elif _ENDED.fullmatch(message):
            request = state.open.pop(thread, None)
            if request is not None and _answered(message, request):
                yield from self._count(state, request)
        elif _STARTED.fullmatch(message):
            state.open.clear()
            state.marks.clear()
        elif thread in state.open and (login := _LOGIN.fullmatch(message)):
            state.open[thread].login = _text(login[1])

    def _count(self, state: _State, request: _Request) -> Iterator[DeviceFetch]:
        if request.login == self._service:
            if request.mark:
                full, _ = state.marks.pop(request.path, ("", ""))
                state.marks[request.path] = (request.mark if request.method == "PROPFIND" else full, request.mark)
                if len(state.marks) > MOST_BOOKS:
                    del state.marks[next(iter(state.marks))]
        elif request.login:
            for mark in dict.fromkeys((request.full, request.latest)):
                if mark:
                    yield DeviceFetch(request.login, request.path, mark)


def _resume(log: BinaryIO, cursor: str | None) -> _State:
    """The state the cursor holds if it is of this very file, else a new one at its beginning."""
    info = os.fstat(log.fileno())
    fresh = _State(file=info.st_ino)
    if cursor is None:
        return fresh
    try:
        state = _CURSOR.validate_json(cursor, strict=True)
    except ValueError:
        return fresh
    # Rotated by "copy and truncate" it keeps its number and may have grown past our place again: its first lines tell.
    same = state.file == info.st_ino and state.at <= info.st_size and state.digest == _digest(log, state.head)
    return state if same else fresh


def _request(message: str, marks: dict[str, tuple[str, str]]) -> _Request | None:
    """The listing that came in, if it is one that can matter: of a book we looked at, or by a look of ours."""
    parts = _LISTING_CAME.fullmatch(message)
    if parts is None:
        return None
    method, path, depth, agent = parts.groups()
    if method == "PROPFIND" and _text(depth) != "1":
        return None
    book = _book(_text(path))
    look = _LOOK.fullmatch(_text(agent))
    full, latest = marks.get(book, ("", ""))
    if not book or len(book) > _LONGEST or not (look or latest):
        return None
    return _Request(method, book, look[1] if look else "", full, latest)


def _answered(message: str, request: _Request) -> bool:
    """Whether this is a full answer to that very listing."""
    parts = _LISTING_ENDED.fullmatch(message)
    if parts is None:
        return False
    method, path, _, flags = parts.groups()
    return (method, _book(_text(path))) == (request.method, request.path) and _FLAG[method] in flags.split(" ")


def _text(literal: str | None) -> str:
    """What a literal in the log stands for; "" for none and for what no database would keep."""
    if not literal:
        return ""
    if "\\" not in literal:  # nearly all; reading them as Python costs twice what all the rest does
        return literal[1:-1]
    text = str(ast.literal_eval(literal))
    return "" if _UNSTORABLE.search(text) else text


def _book(path: str) -> str:
    """The one spelling of a book's path; "" for what is no absolute path."""
    if not path.startswith("/"):
        return ""
    return path if path.endswith("/") else f"{path}/"


def _digest(log: BinaryIO, size: int) -> str:
    log.seek(0)
    return sha256(log.read(size)).hexdigest()


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe in the place of the log must not hold us."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
