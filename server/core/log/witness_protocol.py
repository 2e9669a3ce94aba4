"""What a log and a witness say to each other (c2sp.org/tlog-witness, add-checkpoint), and how each rules; no I/O.

Both sides stand here, so that they are tested against each other and against the same words of the specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from server.core.log.checkpoints import (
    BadCheckpoint,
    Checkpoint,
    NoteFault,
    read_base64,
    read_checkpoint,
    read_checkpoint_text,
    split_note,
    write_base64,
)
from server.core.log.cosignatures import WitnessKey, read_cosignatures
from server.core.log.merkle import EMPTY_ROOT, HASH_LENGTH, LARGEST_SIZE, verify_consistency

MOST_PROOF_LINES = 63
LONGEST_REQUEST = 64 * 1024
"""Bytes: a proof of 63 lines is three thousand of them, sixteen signatures of the usual kind two thousand."""
SIZE_TYPE = "text/x.tlog.size"
"""The content type of a refusal that names a size."""
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """One request. old_size: of the head that the witness cosigned last. proof: from there. note: the signed head."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str


def write_request(request: AddCheckpoint) -> bytes:
    """The body of a request."""
    lines = [f"old {request.old_size}\n", *(f"{write_base64(each)}\n" for each in request.proof)]
    return "".join([*lines, "\n", request.note]).encode()


def read_request(body: bytes) -> AddCheckpoint:
    """The inverse of `write_request`; ValueError, which repeats nothing of it, on any other body."""
    try:
        head, blank, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        head, blank, note = "", "", ""
    first, *rest = head.split("\n")
    old = _OLD.fullmatch(first)
    proof = [read_base64(line) for line in rest]
    if not (blank and old and len(body) <= LONGEST_REQUEST and len(proof) <= MOST_PROOF_LINES):
        raise ValueError("not a request to add a checkpoint")
    hashes = tuple(each for each in proof if each is not None and len(each) == HASH_LENGTH)
    if len(hashes) != len(proof) or int(old[1]) > LARGEST_SIZE:
        raise ValueError("not a request to add a checkpoint")
    return AddCheckpoint(int(old[1]), hashes, note)


# --- the witness --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a witness answers. head: what it cosigns, None: it refuses. size: what a 409 names."""

    status: int
    head: Checkpoint | None = None
    size: int | None = None


BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 400, 403, 404, 409, 422


def origin_of(request: AddCheckpoint) -> str:
    """The log that a request says it comes from, believed by nobody yet."""
    return request.note.partition("\n")[0]


def rule(request: AddCheckpoint, log_key: bytes, newest: Checkpoint | None) -> Ruling:
    """Whether to cosign, in the order of the specification; a log that is not known has been answered 404 before.

    log_key: of the log of that origin, which is the key's name too. newest: the head cosigned last; None: none yet.
    """
    origin = origin_of(request)
    try:
        head = read_checkpoint(request.note, log_key, origin)
    except BadCheckpoint as bad:
        unproven = bad.fault in (NoteFault.UNKNOWN_KEY, NoteFault.WRONG_SIGNATURE)
        return Ruling(FORBIDDEN if unproven else BAD_REQUEST)
    except ValueError:  # an origin that no key can be called by
        return Ruling(BAD_REQUEST)
    if head.origin != origin or request.old_size > head.size:
        return Ruling(BAD_REQUEST)
    known = (0, EMPTY_ROOT) if newest is None else (newest.size, newest.root)
    if request.old_size != known[0]:
        return Ruling(CONFLICT, size=known[0])
    if not verify_consistency(known[0], head.size, known[1], head.root, request.proof) or (
        head.size == 0 and head.root != EMPTY_ROOT
    ):
        return Ruling(UNPROCESSABLE)
    return Ruling(200, head)


def text_of(note: str) -> str:
    """The signed text of a note that was ruled on, extension lines included."""
    return split_note(note)[0]


# --- the log ------------------------------------------------------------------------------------------------------


class WitnessSaid(StrEnum):
    """What a witness's answer comes to."""

    COSIGNED = "cosigned"
    KNOWS_LESS = "knows_less"
    """It cosigned a smaller head last: the proof begins at its size."""
    KNOWS_MORE = "knows_more"
    """It cosigned a larger head than the one that it was sent."""
    OTHER_TREE = "other_tree"
    """What it cosigned of this log is not a part of what it was sent."""
    UNKNOWN_LOG = "unknown_log"
    """It does not know this log, or not by this key."""
    NO_ANSWER = "no_answer"
    """Nothing that the protocol knows: not reached, an error, a signature that is not its own."""


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """said: what it comes to. size: that a 409 named. lines: the witness's own cosignatures. at: when it cosigned."""

    said: WitnessSaid
    size: int = 0
    lines: tuple[str, ...] = ()
    at: int = 0


def hear(request: AddCheckpoint, witness: WitnessKey, status: int, body: bytes) -> WitnessAnswer:
    """What a witness answered to this request of ours. Signatures by other keys are passed over."""
    if status == 200:
        return _hear_cosignature(request, witness, body)
    if status == CONFLICT:
        return _hear_size(request, body)
    if status == UNPROCESSABLE and request.old_size:  # without an old size there is nothing to be inconsistent with
        return WitnessAnswer(WitnessSaid.OTHER_TREE, request.old_size)
    if status in (FORBIDDEN, NOT_FOUND):
        return WitnessAnswer(WitnessSaid.UNKNOWN_LOG)
    return WitnessAnswer(WitnessSaid.NO_ANSWER)


def _hear_cosignature(request: AddCheckpoint, witness: WitnessKey, body: bytes) -> WitnessAnswer:
    try:
        answer = body.decode()
        lines = [line + "\n" for line in answer.split("\n")[:-1]]
        text = text_of(request.note)
        ours = [line for line in lines if witness in read_cosignatures(f"{text}\n{line}", [witness])]
        at = read_cosignatures(f"{text}\n{answer}", [witness]).get(witness)
    except (UnicodeDecodeError, BadCheckpoint):
        return WitnessAnswer(WitnessSaid.NO_ANSWER)
    if at is None:
        return WitnessAnswer(WitnessSaid.NO_ANSWER)
    return WitnessAnswer(WitnessSaid.COSIGNED, lines=tuple(ours), at=at)


def _hear_size(request: AddCheckpoint, body: bytes) -> WitnessAnswer:
    named = _SIZE.fullmatch(body)
    if named is None or int(named[1]) > LARGEST_SIZE:
        return WitnessAnswer(WitnessSaid.NO_ANSWER)
    size, sent = int(named[1]), read_checkpoint_text(text_of(request.note)).size
    if size == request.old_size:
        # An older edition of the protocol answers so to another root of the same size; else it contradicts itself.
        return WitnessAnswer(WitnessSaid.OTHER_TREE if size == sent else WitnessSaid.NO_ANSWER, size)
    return WitnessAnswer(WitnessSaid.KNOWS_MORE if size > sent else WitnessSaid.KNOWS_LESS, size)


class WitnessFault(StrEnum):
    """Why a witness has not cosigned our newest head."""

    GONE = "gone"
    """It was not reached, or answered nothing that the protocol knows."""
    UNKNOWN_LOG = "unknown_log"
    """It does not know our log, or knows it by another key."""
    KNOWS_MORE = "knows_more"
    """It cosigned a head of this log that is larger than the log."""
    OTHER_TREE = "other_tree"
    """What it cosigned of this log is not a part of the log."""


STOPS = frozenset({WitnessFault.KNOWS_MORE, WitnessFault.OTHER_TREE})
"""A witness that says so saw another history than ours: nothing is removed until two people have said why."""
