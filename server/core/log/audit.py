"""Whether a whole log is what its checkpoints say: the audit that `log verify` makes; repairs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from server.core.log.checkpoints import Checkpoint
from server.core.log.merkle import EMPTY_ROOT, fold, grow, leaf_hash

# --- audit --------------------------------------------------------------------------------------------------------


class LogFaultKind(StrEnum):
    """What can be wrong with a stored log."""

    EDITED = "edited"
    """An entry's text is not the one whose hash was stored with it."""
    GAP = "gap"
    """A number in the sequence has no entry."""
    REORDERED = "reordered"
    """An entry stands where its own text, or the sequence, says it does not belong: moved, repeated or slipped in."""
    TRUNCATED = "truncated"
    """The log ends below a checkpoint."""
    ROOT_DIFFERS = "root_differs"
    """The entries below a checkpoint are not those it vouches for."""
    BODY_MISSING = "body_missing"
    """The content of a restricted entry is gone."""
    BODY_CHANGED = "body_changed"
    """What stands behind a restricted entry is not what that committed to, or does not open."""


@dataclass(frozen=True, slots=True)
class LogFault:
    """One kind of fault: where it first shows and how often.

    at: the first seq concerned (of a truncation the first that is lost); of a differing root the size of the smallest
    checkpoint that differs, so the cause lies below it. count: entries concerned, or lost; of a differing root the
    checkpoints that differ.
    """

    kind: LogFaultKind
    at: int
    count: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found.

    sound: nothing is wrong. size: entries the log holds by its numbering. faults: at most one of each kind, in the
    order of `LogFaultKind`. anchored: up to which size a checkpoint vouches for the entries; what lies behind it, its
    end included, rests on nothing but the database. root: to compare with the stored frontier's (of the entries up to
    the first gap, if there is one).
    """

    sound: bool
    size: int
    faults: tuple[LogFault, ...]
    anchored: int
    root: bytes


class _Tally:
    """Faults as they are met: for each kind the first place and the number."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[LogFaultKind, tuple[int, int]] = {}

    def note(self, kind: LogFaultKind, at: int, count: int = 1) -> None:
        first, before = self._found.get(kind, (at, 0))
        self._found[kind] = (first, before + count)

    def faults(self) -> tuple[LogFault, ...]:
        return tuple(LogFault(kind, *self._found[kind]) for kind in LogFaultKind if kind in self._found)


def noted(
    entries: Iterable[tuple[int, bytes, bytes]], *notes: Callable[[int, bytes], object]
) -> Iterator[tuple[int, bytes, bytes]]:
    """The same entries (seq, canonical text, stored leaf); each is noted by all of these on its way."""
    for entry in entries:
        for note in notes:
            note(entry[0], entry[1])
        yield entry


def audit(entries: Iterable[tuple[int, bytes, bytes]], checkpoints: Sequence[Checkpoint]) -> Verdict:
    """Read a whole log once and say what is wrong with it, in memory that does not grow with it.

    entries: (seq, canonical text, stored leaf hash), in the order of seq. checkpoints: those whose signatures were
    read, best from outside the database, in any order. The roots are computed from the texts, not from the stored
    hashes, so an edit that also mends its hash shows at the next checkpoint.
    """
    tally = _Tally()
    heads: dict[int, list[bytes]] = {}
    for each in checkpoints:
        heads.setdefault(each.size, []).append(each.root)
    perfect: list[bytes] = []
    size = whole = 0  # entries by the numbering; leaves in the tree, which stops growing at a gap
    anchored = _check_heads(heads.pop(0, ()), 0, perfect, 0, tally)
    for seq, text, stored in entries:
        if seq < size:
            tally.note(LogFaultKind.REORDERED, seq)
            continue
        if seq > size:
            tally.note(LogFaultKind.GAP, size, seq - size)
        leaf = _check_entry(seq, text, stored, tally)
        size = seq + 1
        if seq == whole:
            whole = grow(perfect, whole, (leaf,))
            if whole in heads:
                anchored = _check_heads(heads.pop(whole), whole, perfect, anchored, tally)
    for beyond in sorted(heads):
        if beyond <= size:
            tally.note(LogFaultKind.ROOT_DIFFERS, beyond, len(heads[beyond]))
    if heads and max(heads) > size:
        tally.note(LogFaultKind.TRUNCATED, size, max(heads) - size)
    faults = tally.faults()
    return Verdict(not faults, size, faults, anchored, fold(perfect))


def _check_entry(seq: int, text: bytes, stored: bytes, tally: _Tally) -> bytes:
    """The leaf of a text, which is compared with the stored one; the text's own seq with the row's."""
    if not isinstance(text, bytes):  # an embedded database keeps whatever was put into a column
        tally.note(LogFaultKind.EDITED, seq)
        return EMPTY_ROOT
    leaf = leaf_hash(text)
    if leaf != stored:
        tally.note(LogFaultKind.EDITED, seq)
    elif not text.endswith(b',"seq":%d}' % seq):  # in canonical text seq is the last member
        tally.note(LogFaultKind.REORDERED, seq)
    return leaf


def _check_heads(roots: Iterable[bytes], size: int, perfect: Sequence[bytes], anchored: int, tally: _Tally) -> int:
    """Compare the tree as it is now with what checkpoints say of this size; up to where the log is vouched for."""
    root = fold(perfect)
    for each in roots:
        if each == root:
            anchored = size
        else:
            tally.note(LogFaultKind.ROOT_DIFFERS, size)
    return anchored
