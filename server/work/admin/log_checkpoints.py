"""The log's outside: checkpoints signed into a file beyond the database, and the check of the log against them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.core.log.audit import LogFault, audit
from server.core.log.checkpoints import BadCheckpoint, Checkpoint, read_checkpoint, sign_checkpoint, verifier_key_text
from server.core.log.entries import EntryKind
from server.core.log.merkle import Frontier
from server.store import log
from server.store.admin import organisation
from server.store.database import Connection
from server.work.context import Context


@dataclass(frozen=True, slots=True)
class LogChecked:
    """The log held against its checkpoints. bad: checkpoints that are none of ours. lost: accepted as lost."""

    sound: bool
    size: int
    anchored: int
    checkpoints: int
    bad: int
    faults: tuple[LogFault, ...]
    lost: int = 0


def write_checkpoint(context: Context, *, after_restore: bool = False) -> Checkpoint | None:
    """Sign the log's head and add it to the checkpoint file, on disk before this returns; None if it is there already.

    The file lies outside the database: what is cut off the log's end cannot be seen from inside it. A log that is
    behind its newest head is not signed: None; after_restore: two people have just accepted that.
    """
    if not after_restore and is_behind(context):
        return None
    with context.store.read() as connection:
        origin = organisation.read_installation(connection).uid
        head = log.head(connection)
    checkpoint = Checkpoint(_origin(origin), head.size, head.root())
    known = _read_notes(context.checkpoint_file)
    note = sign_checkpoint(checkpoint, context.keys.signer, _origin(origin))
    if known and known[-1] == note:
        return None
    context.checkpoint_file.parent.mkdir(parents=True, exist_ok=True)
    _add_whole(context.checkpoint_file, (note + "\n").encode())
    return checkpoint


def _add_whole(file: Path, note: bytes) -> None:
    """Add to a file, on disk before this returns; what did not fit is taken out again, so that no note is torn."""
    with file.open("ab", buffering=0) as out:
        size = out.seek(0, os.SEEK_END)
        try:
            written = out.write(note)
            if written != len(note):
                out.write(note[written:])  # the rest of a short write: a full disk says so now
            os.fsync(out.fileno())
        except OSError:
            out.truncate(size)
            raise


def newest_checkpoint(context: Context) -> Checkpoint | None:
    """The newest signed head in the file that is ours; None if there is none."""
    with context.store.read() as connection:
        origin = _origin(organisation.read_installation(connection).uid)
    for note in reversed(_read_notes(context.checkpoint_file)):
        try:
            return read_checkpoint(note, public_key(context), origin)
        except BadCheckpoint:
            continue
    return None


def is_behind(context: Context) -> bool:
    """Whether the log ends before its newest signed head, or is another there: as after a restore of a backup."""
    newest = newest_checkpoint(context)
    if newest is None:
        return False
    with context.store.read() as connection:
        head = log.head(connection)
    return newest.size > head.size or (newest.size == head.size and newest.root != head.root())


def mark_of(checkpoint: Checkpoint) -> str:
    """Names a head in the log's entry about a restore: its size, and enough of its root."""
    return f"{checkpoint.size}:{checkpoint.root.hex()[:32]}"


def heads_that_do_not_fit(context: Context, file: Path) -> Sequence[Checkpoint] | None:
    """Heads of the file that the log as it is does not extend, but for those accepted as lost; None: it is damaged."""
    public = public_key(context)
    with context.store.read() as connection:
        origin = _origin(organisation.read_installation(connection).uid)
        accepted = _accepted(connection)
    heads = [each for each in _ours(file, public, origin) if mark_of(each) not in accepted]
    with context.store.read() as connection:
        if not audit(log.entries(connection), ()).sound:
            return None
        roots = _roots_at(connection, {each.size for each in heads})
    return [each for each in dict.fromkeys(heads) if roots.get(each.size) != each.root]


def _roots_at(connection: Connection, sizes: AbstractSet[int]) -> Mapping[int, bytes]:
    """The log's root at each of these sizes that it has reached."""
    grown, roots = Frontier(0, ()), {}
    leaves: list[bytes] = []
    if 0 in sizes:
        roots[0] = grown.root()
    for seq, _text, leaf in log.entries(connection):
        leaves.append(leaf)
        if seq + 1 in sizes:
            grown, leaves = grown.extend(leaves), []
            roots[seq + 1] = grown.root()
    return roots


def _accepted(connection: Connection) -> frozenset[str]:
    """Heads that two people have accepted as lost with a restored database."""
    marks: set[str] = set()
    for entry in log.of_kind(connection, EntryKind.RESTORE_ACCEPTED):
        heads = entry.body.get("heads")
        if isinstance(heads, Sequence) and not isinstance(heads, str):
            marks.update(str(each) for each in heads)
    return frozenset(marks)


def _ours(file: Path, public: bytes, origin: str) -> list[Checkpoint]:
    found = []
    for note in _read_notes(file):
        with suppress(BadCheckpoint):
            found.append(read_checkpoint(note, public, origin))
    return [each for each in found if each.origin == origin]


def check_log(context: Context, file: Path) -> LogChecked:
    """Read the whole log once and hold it against every checkpoint in the file; never changes anything.

    Heads that two people accepted as lost with a restored database are counted by themselves, and are no fault.
    """
    with context.store.read() as connection:
        origin = _origin(organisation.read_installation(connection).uid)
    public = public_key(context)
    checkpoints = []
    bad = 0
    for note in _read_notes(file):
        try:
            checkpoint = read_checkpoint(note, public, origin)
        except BadCheckpoint:
            bad += 1
            continue
        if checkpoint.origin == origin:
            checkpoints.append(checkpoint)
        else:
            bad += 1
    lost = 0
    with context.store.read() as connection:
        stored = log.head(connection)
        verdict = audit(log.entries(connection), checkpoints)
        if not verdict.sound and (accepted := _accepted(connection)):
            left = [each for each in checkpoints if mark_of(each) not in accepted]
            lost = len(checkpoints) - len(left)
            verdict = audit(log.entries(connection), left)
    same_head = (verdict.size, verdict.root) == (stored.size, stored.root())
    return LogChecked(
        sound=verdict.sound and not bad and same_head,
        size=verdict.size,
        anchored=verdict.anchored,
        checkpoints=len(checkpoints),
        bad=bad,
        faults=verdict.faults,
        lost=lost,
    )


def public_key(context: Context) -> bytes:
    """The raw Ed25519 key, 32 bytes, by which anyone can check a checkpoint."""
    return context.keys.signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def verifier_key(context: Context) -> str:
    """The key in the form other tools of C2SP read."""
    with context.store.read() as connection:
        origin = _origin(organisation.read_installation(connection).uid)
    return verifier_key_text(public_key(context), origin)


def _origin(uid: str) -> str:
    return f"closeout/{uid}"


def has_notes(file: Path) -> bool:
    """Whether a checkpoint file holds anything at all, ours or not."""
    return bool(_read_notes(file))


def _read_notes(file: Path) -> Sequence[str]:
    """The signed notes of a checkpoint file, in order; between two of them an empty line."""
    if not file.exists():
        return []
    notes: list[str] = []
    lines: list[str] = []
    signed = False
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line and signed:
            notes.append("\n".join(lines) + "\n")
            lines, signed = [], False
        else:
            lines.append(line)
            signed = signed or line.startswith("\u2014 ")
    if lines:
        notes.append("\n".join(lines) + "\n")
    return notes
