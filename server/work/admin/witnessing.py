"""The witness that is shipped: it keeps the newest head of each log it knows, and cosigns only what extends it.

It runs on a machine of others (a works council, a data-protection officer), needs neither installation nor database,
and holds no secret but its own key. What it knows lies in a folder: of each log its public key and the newest head that
was cosigned. That is written whole and on disk before an answer leaves, and never begun anew in silence: where it is
gone or torn, nothing is cosigned for that log until the witness's keeper says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.core.log.checkpoints import BadCheckpoint, Checkpoint, parse_verifier_key, read_checkpoint
from server.core.log.cosignatures import WitnessKey, add_signatures, cosign, read_cosignatures
from server.core.log.witness_protocol import (
    BAD_REQUEST,
    CONFLICT,
    NOT_FOUND,
    UNPROCESSABLE,
    AddCheckpoint,
    origin_of,
    read_request,
    rule,
    text_of,
)
from server.core.problems import WitnessProblem, WitnessRefusedError

_NONE_YET = b"none yet\n"
_MOST_KEPT = 20
_LONGEST_FILE = 1 << 18
NOT_READY = 503


class _StateLostError(Exception):
    """What was cosigned last is not known any more."""


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log as its witness knows it. newest: cosigned last, at that instant; None: none yet. lost: no one knows which.

    kept: heads of the log's own key that did not extend what was cosigned: what a fork leaves behind.
    """

    origin: str
    newest: Checkpoint | None
    at: datetime | None
    lost: bool
    kept: int


@dataclass(frozen=True, slots=True)
class WitnessReply:
    """What is answered over HTTP. told: a line for whoever keeps the witness, empty: nothing that was signed."""

    status: int
    body: bytes = b""
    names_size: bool = False
    told: str = ""


class Witness:
    """One witness, in one process. folder: its own. clock: aware instants."""

    def __init__(self, folder: Path, signer: Ed25519PrivateKey, name: str, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._signer = signer
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self.key = WitnessKey(signer.public_key().public_bytes_raw(), name)

    def trust(self, text: str) -> str:
        """Know a log from now on by its public key, as `name+id+key`; its name. WitnessRefusedError."""
        try:
            _, origin = parse_verifier_key(text)
        except ValueError:
            raise WitnessRefusedError(WitnessProblem.NO_LOG_KEY) from None
        place = self._place(origin)
        if (place / "log").exists():
            raise WitnessRefusedError(WitnessProblem.LOG_KNOWN)
        place.mkdir(parents=True, exist_ok=True)
        _put(place / "head", _NONE_YET)
        _put(place / "log", text.encode() + b"\n")
        return origin

    def begin_anew(self, origin: str) -> None:
        """Forget what was cosigned last of a log: its keeper's word that what it knew is no longer in force.

        What it was lies beside it from then on. WitnessRefusedError.
        """
        place = self._place(origin)
        if not (place / "log").exists():
            raise WitnessRefusedError(WitnessProblem.LOG_UNKNOWN)
        with self._one_at_a_time:
            head = place / "head"
            if head.exists() and head.read_bytes() != _NONE_YET:
                head.rename(place / f"head.until-{self._clock().astimezone(UTC):%Y%m%dT%H%M%S%fZ}")
            _put(head, _NONE_YET)

    def logs(self) -> Sequence[KnownLog]:
        """Every log that is known, by name."""
        found = []
        for place in sorted((self._folder / "logs").glob("*")):
            if (place / "log").exists():
                _, origin = _read_log(place)
                kept = len(list(place.glob("refused-*")))
                try:
                    newest = self._newest(place)
                except _StateLostError:
                    found.append(KnownLog(origin, None, None, lost=True, kept=kept))
                    continue
                at = newest and datetime.fromtimestamp(newest[1], UTC)
                found.append(KnownLog(origin, newest and newest[0], at or None, lost=False, kept=kept))
        return sorted(found, key=lambda log: log.origin)

    def add_checkpoint(self, body: bytes) -> WitnessReply:
        """Answer a request of a log; what it cosigns is on disk before this returns."""
        try:
            request = read_request(body)
        except ValueError:
            return WitnessReply(BAD_REQUEST)
        place = self._place(origin_of(request))
        if not (place / "log").exists():
            return WitnessReply(NOT_FOUND)
        with self._one_at_a_time:
            try:
                return self._rule(request, place)
            except (_StateLostError, OSError):
                return WitnessReply(NOT_READY, told="what was cosigned last cannot be read or written; nothing is")

    def _rule(self, request: AddCheckpoint, place: Path) -> WitnessReply:
        log_key, origin = _read_log(place)
        newest = self._newest(place)
        head, cosigned_at = newest or (None, 0)
        ruling = rule(request, log_key, head)
        if ruling.status == CONFLICT:
            self._keep_fork(request, head, place)
            return WitnessReply(CONFLICT, f"{ruling.size}\n".encode(), names_size=True)
        if ruling.status == UNPROCESSABLE:
            self._keep(request, place)
            return WitnessReply(UNPROCESSABLE, told=f"{origin}: a head that does not extend what was cosigned")
        if ruling.head is None:
            return WitnessReply(ruling.status)
        at = int(self._clock().timestamp())
        if at < max(cosigned_at, 1):
            # It would say that the smaller tree was the newest at a later instant than the larger one.
            return WitnessReply(NOT_READY, told="the clock is behind the last cosignature; nothing is cosigned")
        line = cosign(text_of(request.note), self._signer, self.key.name, at)
        _put(place / "head", add_signatures(_by_its_log(request.note, origin), [line]).encode())
        return WitnessReply(200, line.encode(), told=f"{origin}: cosigned {ruling.head.size}")

    def newest_note(self, hashed_origin: str) -> bytes | None:
        """The newest head that was cosigned of a log, with both signatures; None: there is none. For monitors."""
        place = self._folder / "logs" / hashed_origin
        if len(hashed_origin) != 64 or not hashed_origin.isalnum() or not (place / "log").exists():
            return None
        with suppress(_StateLostError, OSError):
            if self._newest(place) is not None:
                return (place / "head").read_bytes()
        return None

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While this runs no other process serves this witness; WitnessRefusedError: one does."""
        with (self._folder / "serving").open("ab") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise WitnessRefusedError(WitnessProblem.BUSY) from None
            yield

    def _place(self, origin: str) -> Path:
        """Where a log is remembered: by a hash, since its name comes from a stranger."""
        return self._folder / "logs" / hashlib.sha256(origin.encode()).hexdigest()

    def _newest(self, place: Path) -> tuple[Checkpoint, int] | None:
        """The head that was cosigned last, and when (seconds since 1970); None: none yet. _StateLostError."""
        try:
            with (place / "head").open("rb") as file:
                content = file.read(_LONGEST_FILE)
            if content == _NONE_YET:
                return None
            note = content.decode()
            log_key, origin = _read_log(place)
            return read_checkpoint(note, log_key, origin), read_cosignatures(note, [self.key])[self.key]
        except (OSError, UnicodeDecodeError, BadCheckpoint, KeyError):
            raise _StateLostError from None

    def _keep_fork(self, request: AddCheckpoint, newest: Checkpoint | None, place: Path) -> None:
        """Keep a head of the log's own key that has the size of the one cosigned, and another root."""
        log_key, origin = _read_log(place)
        if newest is not None:
            other = read_checkpoint(request.note, log_key, origin)
            if other.size == newest.size and other.root != newest.root:
                self._keep(request, place)

    def _keep(self, request: AddCheckpoint, place: Path) -> None:
        """Keep what a log signed and should not have: so many of them, and each once."""
        note = _by_its_log(request.note, origin_of(request)).encode()
        file = place / f"refused-{hashlib.sha256(note).hexdigest()[:16]}"
        if not file.exists() and len(list(place.glob("refused-*"))) < _MOST_KEPT:
            _put(file, note)


def _by_its_log(note: str, origin: str) -> str:
    """A note with the signatures in its log's name alone: those of others are not ours to pass on."""
    text, _, lines = note.rpartition("\n\n")
    return text + "\n\n" + "".join(f"{line}\n" for line in lines.split("\n") if line.startswith(f"— {origin} "))


def _read_log(place: Path) -> tuple[bytes, str]:
    try:
        return parse_verifier_key((place / "log").read_text("utf-8").strip())
    except (OSError, ValueError):
        raise _StateLostError from None


def _put(file: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, and on disk, its name too, before this returns."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    with fresh.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
