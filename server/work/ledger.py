"""The log's outside: checkpoints signed into a file beyond the database, and the check of the log against them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.core.log import (
    BadCheckpoint,
    Checkpoint,
    LogFault,
    audit,
    read_checkpoint,
    sign_checkpoint,
    verifier_key_text,
)
from server.store import log, organisation
from server.work.context import Context


@dataclass(frozen=True, slots=True)
class LogChecked:
    """The log held against its checkpoints. bad: checkpoints that are none of ours."""

    sound: bool
    size: int
    anchored: int
    checkpoints: int
    bad: int
    faults: tuple[LogFault, ...]


def write_checkpoint(context: Context) -> Checkpoint | None:
    """Sign the log's head and add it to the checkpoint file, on disk before this returns; None if it is there already.

    The file lies outside the database: what is cut off the log's end cannot be seen from inside it.
    """
    with context.store.read() as connection:
        origin = organisation.read_installation(connection).uid
        head = log.head(connection)
    checkpoint = Checkpoint(_origin(origin), head.size, head.root())
    known = _read_notes(context.checkpoint_file)
    note = sign_checkpoint(checkpoint, context.keys.signer, _origin(origin))
    if known and known[-1] == note:
        return None
    context.checkpoint_file.parent.mkdir(parents=True, exist_ok=True)
    with context.checkpoint_file.open("a", encoding="utf-8") as file:
        file.write(note + "\n")
        file.flush()
        os.fsync(file.fileno())
    return checkpoint


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


def check_log(context: Context, file: Path) -> LogChecked:
    """Read the whole log once and hold it against every checkpoint in the file; never changes anything."""
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
    with context.store.read() as connection:
        stored = log.head(connection)
        verdict = audit(log.entries(connection), checkpoints)
    same_head = (verdict.size, verdict.root) == (stored.size, stored.root())
    return LogChecked(
        sound=verdict.sound and not bad and same_head,
        size=verdict.size,
        anchored=verdict.anchored,
        checkpoints=len(checkpoints),
        bad=bad,
        faults=verdict.faults,
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


def _read_notes(file: Path) -> Sequence[str]:
    """The signed notes of a checkpoint file, in order; between two of them an empty line."""
    if not file.exists():
        return []
    notes: list[str] = []
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line and any(each.startswith("\u2014 ") for each in lines):
            notes.append("\n".join(lines) + "\n")
            lines = []
        else:
            lines.append(line)
    if lines:
        notes.append("\n".join(lines) + "\n")
    return notes
