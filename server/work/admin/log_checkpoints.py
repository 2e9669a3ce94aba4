"""The log's outside: checkpoints signed into a file beyond the database, and the check of the log against them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.core.log.audit import LogFault, audit, noted
from server.core.log.bodies import Opened, audit_bodies, commitment_in, destroys_key
from server.core.log.checkpoints import BadCheckpoint, Checkpoint, read_checkpoint, sign_checkpoint, verifier_key_text
from server.core.log.closed_findings import FindingDifference, LoggedConclusions
from server.core.log.cosignatures import WitnessKey
from server.core.log.entries import EntryKind, LogEntry, read_entry
from server.core.log.merkle import Frontier, leaf_hash
from server.core.log.proven_removals import LoggedProofs, RemovalDifference
from server.core.log.witness_protocol import STOPS
from server.store import findings, log
from server.store.admin import organisation
from server.store.database import Connection, Store
from server.store.removal import proven
from server.work.admin import witness_memory
from server.work.admin.witness_memory import Memory
from server.work.context import Context

_TAIL = 1 << 16
"""Bytes at the end of the file of heads in which the newest is looked for first."""
_LARGEST_FRONTIER = 8 + 64 * 32
_RECENT = 1000
"""Entries at the log's end among which a backup that was put back is looked for, where no head tells how many."""
PUT_BACK = "restored"
"""The verb of the entry that a backup was put back (`EntryKind.RESTORE_ACCEPTED`)."""
_ABOUT_RESTORES = f'"kind":"{EntryKind.RESTORE_ACCEPTED.value}"'.encode()
AUDIT_FIRST = timedelta(hours=1)
"""How long after its start an engine reads the whole log for the first time: one that restarts often does not."""
AUDIT_EVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LogChecked:
    """The log held against its checkpoints. bad: checkpoints that are none of ours. lost: accepted as lost.

    opened: restricted entries whose bodies were opened and held to what they committed to. removals, findings:
    those that the tables have otherwise than the log says; sound is the log itself. put_back: a backup was put back,
    and nobody has accepted it; nothing else need be wrong with the log.
    """

    sound: bool
    size: int
    anchored: int
    checkpoints: int
    bad: int
    faults: tuple[LogFault, ...]
    lost: int = 0
    opened: int = 0
    removals: tuple[RemovalDifference, ...] = ()
    findings: tuple[FindingDifference, ...] = ()
    put_back: bool = False

    @property
    def recorded_otherwise(self) -> bool:
        """Whether the tables say of removals or findings what the log does not."""
        return bool(self.removals or self.findings)


class Standing(StrEnum):
    """How the log stands beside its newest signed head. What is not sound is never signed."""

    SOUND = "sound"
    """It extends that head: the consistency of the two is proven (RFC 6962 section 2.1.2)."""
    BEHIND = "behind"
    """It ends before that head, or is another of the same size, or says that a backup was put back: nobody has said
    what was lost with it.
    """
    CHANGED = "changed"
    """It is longer than that head and does not extend it, or its stored head is not that of its entries."""
    WITNESSED_OTHERWISE = "witnessed_otherwise"
    """A witness elsewhere saw another history of it, as after a restore of database and file of heads together."""
    NO_HEAD = "no_head"
    """There is no signed head of ours in the file: it was lost, or never was one."""


@dataclass(frozen=True, slots=True)
class _Stands:
    """origin: of our log. newest: the signed head it was held against. head: the log's own, proven if it is sound."""

    standing: Standing
    origin: str
    newest: Checkpoint | None
    head: Frontier


class Because(StrEnum):
    """Why a head may be signed that extends none before it; else there is no such head."""

    INSTALLED = "installed"
    """The log has just begun."""
    RESTORE_ACCEPTED = "restore_accepted"
    """Two people have just accepted that heads were lost with a restored database."""
    HEADS_MENDED = "heads_mended"
    """Somebody has just said that the file of heads was lost, and the log says so too."""


def write_checkpoint(context: Context, *, because: Because | None = None) -> Checkpoint | None:
    """Sign the log's head and add it to the checkpoint file, on disk before this returns; None if it is there already.

    The file lies outside the database: what is cut off the log's end cannot be seen from inside it. Only what is proven
    to extend the newest signed head is signed, else None: whoever writes the database does not have a forged history
    signed, and a lost file of heads is not begun anew in silence. because: what lets a head extend none.
    """
    stands = _stand(context)
    if stands.standing is not Standing.SOUND and because is None:
        return None
    checkpoint = Checkpoint(stands.origin, stands.head.size, stands.head.root())
    if checkpoint == stands.newest:
        return None
    note = sign_checkpoint(checkpoint, context.keys.signer, stands.origin)
    context.checkpoint_file.parent.mkdir(parents=True, exist_ok=True)
    add_whole(context.checkpoint_file, (note + "\n").encode())
    _keep_frontier(context.checkpoint_file, stands.head)
    return checkpoint


def standing(context: Context) -> Standing:
    """How the log stands beside its newest signed head; work only for what came after that head."""
    return _stand(context).standing


def is_refused(context: Context) -> bool:
    """Whether the database is older than its newest signed head, or does not extend it: then nothing of it is shown.

    A file of heads that cannot be read is told elsewhere; it says nothing of the database.
    """
    with suppress(OSError):
        return standing(context) in (Standing.BEHIND, Standing.CHANGED)
    return False


def was_refused(context: Context) -> bool:
    """As `is_refused`, for what programs ask hundreds of times a second: within `_LATELY` of a look that found the log
    sound only what was entered since is read. Nothing is signed or removed by it.
    """
    stamp = _stamp(context.checkpoint_file)
    now, seen = context.now(), _SEEN_SOUND.get(context.store)
    if seen is not None and stamp is not None and seen.stamp == stamp and timedelta() <= now - seen.at < _LATELY:
        with context.store.read() as connection:
            head = log.head(connection)
            sound = head == seen.head or (
                head.size > seen.head.size and _grow(connection, seen.head, head.size) == head
            )
        if sound:
            _SEEN_SOUND[context.store] = replace(seen, head=head)
            return False
    with suppress(OSError):
        stands = _stand(context)
        if stands.standing is Standing.SOUND:
            _SEEN_SOUND[context.store] = _SeenSound(stamp, stands.head, now)
        return stands.standing in (Standing.BEHIND, Standing.CHANGED)
    return False


@dataclass(frozen=True, slots=True)
class _SeenSound:
    """The log as it was when it extended its newest signed head. stamp: of the file of heads before that look."""

    stamp: tuple[int, int] | None
    head: Frontier
    at: datetime


_SEEN_SOUND: WeakKeyDictionary[Store, _SeenSound] = WeakKeyDictionary()
_LATELY = timedelta(seconds=5)


def _stamp(file: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        told = file.stat()
        return told.st_mtime_ns, told.st_size
    return None


def may_act(context: Context) -> bool:
    """Whether anything may be removed: not on a database that is older than what was signed, or was changed."""
    return standing(context) not in (Standing.BEHIND, Standing.CHANGED, Standing.WITNESSED_OTHERWISE)


NOT_SOUND = "nothing is done: the log does not extend its newest head, signed or witnessed; see closeout log verify"
"""What an engine says at each round while it may not act."""


def _stand(context: Context) -> _Stands:
    named = origin(context)
    # The file first: a head that another process signs meanwhile is then of a log that is read here, too.
    found = _newest(context.checkpoint_file, public_key(context), named)
    newest = found and found[1]
    with context.store.read() as connection:
        head = log.head(connection)
        return _Stands(_standing(context, connection, newest, head), named, newest, head)


def _standing(context: Context, connection: Connection, newest: Checkpoint | None, head: Frontier) -> Standing:
    if newest is None:
        return Standing.NO_HEAD
    if newest.size > head.size or (newest.size == head.size and newest.root != head.root()):
        return Standing.BEHIND
    kept = _kept_frontier(context.checkpoint_file, newest)
    signed = kept or _grow(connection, Frontier(), newest.size)
    changed = signed is None or signed.root() != newest.root
    if signed is None or changed:
        put_back = PutBackNoted()
        put_back.note_all(log.texts(connection, max(0, head.size - _RECENT), head.size))
        return Standing.BEHIND if put_back.open else Standing.CHANGED
    if kept is None:
        _keep_frontier(context.checkpoint_file, signed)  # the whole log was read: once is enough
    # Nothing was signed since a backup was put back, so the entry that says so is among those that came after.
    put_back = PutBackNoted()
    if _grow(connection, signed, head.size, put_back.note) != head:
        return Standing.CHANGED
    if put_back.open:
        return Standing.BEHIND
    memories = witness_memory.read(context.checkpoint_file) if context.log_witnesses.witnesses else {}
    known = ((each.key, memories.get(each.key.text)) for each in context.log_witnesses.witnesses)
    otherwise = any(memory is not None and witness_stops(connection, key, memory) for key, memory in known)
    return Standing.WITNESSED_OTHERWISE if otherwise else Standing.SOUND


def witness_stops(connection: Connection, key: WitnessKey, memory: Memory) -> bool:
    """Whether what a witness said last stops removals: it saw another history, and no two people have said why."""
    if memory.fault not in STOPS:
        return False
    if memory.accepted is None:
        return True
    entries = log.read_from(connection, memory.accepted, 1)
    return not (entries and accepts_witness(entries[0], key, memory.size))


WITNESS_ACCEPTED = "witness_accepted"


def accepts_witness(entry: LogEntry, key: WitnessKey, size: int) -> bool:
    """Whether by this entry two people let the other history be that a witness saw at this size."""
    told = entry.body.get("what"), entry.body.get("key"), entry.body.get("size")
    return entry.kind is EntryKind.CHECKPOINT_MADE and told == (WITNESS_ACCEPTED, key.id, size)


def _grow(
    connection: Connection, since: Frontier, size: int, note: Callable[[bytes], None] = lambda _text: None
) -> Frontier | None:
    """The tree with the entries up to that size, hashed from their texts; None: one of them is missing.

    note: is handed each text on the way.
    """
    grown = since.extend(_leaves(connection, since.size, size, note))
    return grown if grown.size == size else None


def _leaves(
    connection: Connection, first: int, end: int, note: Callable[[bytes], None] = lambda _text: None
) -> Iterator[bytes]:
    """Of the entries from one on and before the other, hashed from their texts, up to the first that is missing."""
    for due, (seq, text) in enumerate(log.texts(connection, first, end), first):
        if seq != due:
            return
        note(text)
        yield leaf_hash(text)


def leaves_between(connection: Connection, first: int, end: int) -> list[bytes] | None:
    """The leaves of these entries, hashed from their texts; None: one of them is missing."""
    leaves = list(_leaves(connection, first, end))
    return leaves if len(leaves) == max(0, end - first) else None


def _frontier_file(checkpoint_file: Path) -> Path:
    return checkpoint_file.with_name(checkpoint_file.name + ".frontier")


def _keep_frontier(checkpoint_file: Path, frontier: Frontier) -> None:
    """Keep what lets the next head be proven without reading the whole log. Its root vouches for it, so that it may be
    lost or changed by anybody: then the log is read.
    """
    file = _frontier_file(checkpoint_file)
    with suppress(OSError):
        fresh = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}")
        fresh.write_bytes(frontier.encode())
        fresh.replace(file)


def _kept_frontier(checkpoint_file: Path, newest: Checkpoint) -> Frontier | None:
    try:
        kept = Frontier.decode(_frontier_file(checkpoint_file).read_bytes()[:_LARGEST_FRONTIER])
    except (OSError, ValueError):
        return None
    return kept if (kept.size, kept.root()) == (newest.size, newest.root) else None


def add_whole(file: Path, note: bytes) -> None:
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
    found = newest_note(context)
    return found and found[1]


def newest_note(context: Context) -> tuple[str, Checkpoint] | None:
    """The newest signed head in the file that is ours, as it stands there and as what it says; None: there is none."""
    return _newest(context.checkpoint_file, public_key(context), origin(context))


def _newest(file: Path, public: bytes, origin: str) -> tuple[str, Checkpoint] | None:
    """Found from the file's end: heads are added for as long as an installation lives."""
    for text in _ends_of(file):
        for note in reversed(_notes_in(text)):
            with suppress(BadCheckpoint):
                found = read_checkpoint(note, public, origin)
                if found.origin == origin:
                    return note, found
    return None


def _ends_of(file: Path) -> Iterator[str]:
    """The end of a file, and then the whole of it."""
    if not file.exists():
        return
    size = file.stat().st_size
    if size > _TAIL:
        with file.open("rb") as opened:
            opened.seek(size - _TAIL)
            yield opened.read().decode("utf-8", "replace")
    yield file.read_text(encoding="utf-8", errors="replace")


def notes_at_end(file: Path) -> Sequence[str]:
    """The last notes of a file of heads, in order: some hundred; the first of them may be torn."""
    return _notes_in(next(_ends_of(file), ""))


def mark_of(checkpoint: Checkpoint) -> str:
    """Names a head in the log's entry about a restore: its size, and enough of its root."""
    return f"{checkpoint.size}:{checkpoint.root.hex()[:32]}"


def heads_that_do_not_fit(context: Context, file: Path) -> Sequence[Checkpoint] | None:
    """Heads of the file that the log as it is does not extend, but for those accepted as lost; None: it is damaged."""
    ours = _ours(context, read_notes(file))
    with context.store.read() as connection:
        accepted = accepted_as_lost(connection)
        heads = [head for _, head in ours if mark_of(head) not in accepted]
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


class PutBackNoted:
    """Whether a log, noted entry by entry, says that a backup was put back and two people have not accepted it yet."""

    def __init__(self) -> None:
        self.entry: LogEntry | None = None

    @property
    def open(self) -> bool:
        """Whether that is so."""
        return self.entry is not None

    def note(self, text: bytes) -> None:
        """Take in an entry's canonical text, in order."""
        if _ABOUT_RESTORES in text:
            entry = read_entry(text)
            if entry.body.get("verb") == PUT_BACK:
                self.entry = entry
            elif entry.body.get("verb") == "accepted":
                self.entry = None

    def note_all(self, texts: Iterable[tuple[int, bytes]]) -> None:
        """Take in the texts of many."""
        for _, text in texts:
            self.note(text)


def put_back_openly(connection: Connection) -> LogEntry | None:
    """The entry that a backup was put back, which two people have not accepted yet; reads the whole log."""
    noted_ = PutBackNoted()
    noted_.note_all(log.texts(connection, 0, log.head(connection).size))
    return noted_.entry


def accepted_as_lost(connection: Connection) -> frozenset[str]:
    """Heads that two people have accepted as lost with a restored database."""
    marks: set[str] = set()
    for entry in log.of_kind(connection, EntryKind.RESTORE_ACCEPTED):
        heads = entry.body.get("heads")
        if isinstance(heads, Sequence) and not isinstance(heads, str):
            marks.update(str(each) for each in heads)
    return frozenset(marks)


def _ours(context: Context, notes: Sequence[str]) -> list[tuple[str, Checkpoint]]:
    """Those of the notes that are heads of ours, each with what it says, in order."""
    public, named, found = public_key(context), origin(context), []
    for note in notes:
        with suppress(BadCheckpoint):
            found.append((note, read_checkpoint(note, public, named)))
    return [each for each in found if each[1].origin == named]


def sound_notes(context: Context) -> tuple[Sequence[str], bool]:
    """The notes of the file of heads that are ours, and whether nothing else is in it."""
    notes = read_notes(context.checkpoint_file)
    ours = [note for note, _ in _ours(context, notes)]
    return ours, len(ours) == len(notes)


def replace_notes(context: Context, notes: Sequence[str], aside: Path | None) -> None:
    """Put these notes in place of the file of heads, on disk before this returns. aside: where it goes; None: none."""
    file = context.checkpoint_file
    file.parent.mkdir(parents=True, exist_ok=True)
    if aside is not None:
        file.rename(aside)
    add_whole(file, "".join(note + "\n" for note in notes).encode())


def check_log(context: Context, file: Path, *, restricted: bool = False) -> LogChecked:
    """Read the whole log once and hold it against every checkpoint in the file; never changes anything.

    Each restricted entry has its body. restricted: and that is opened, and held to what the entry committed to. What
    the tables call proven is held to the proofs in the log, and findings that people concluded to what it says of them.
    Heads that two people accepted as lost with a restored database are counted by themselves, and are no fault.
    """
    notes = read_notes(file)
    checkpoints = [head for _, head in _ours(context, notes)]
    bad = len(notes) - len(checkpoints)
    lost = 0
    with context.store.snapshot() as connection:
        stored = log.head(connection)
        behind, proofs, conclusions, put_back = _Behind(), LoggedProofs(), LoggedConclusions(), PutBackNoted()
        entries = noted(
            log.entries(connection),
            behind.note,
            lambda _seq, text: proofs.note(text),
            lambda _seq, text: conclusions.note(text),
            lambda _seq, text: put_back.note(text) if isinstance(text, bytes) else None,
        )
        verdict = audit(entries, checkpoints)
        if not verdict.sound and (accepted := accepted_as_lost(connection)):
            left = [each for each in checkpoints if mark_of(each) not in accepted]
            lost = len(checkpoints) - len(left)
            verdict = audit(log.entries(connection), left)
        hidden = audit_bodies(
            behind.commitments,
            log.bodies(connection),
            (lambda seq, sealed: _opened(context, seq, sealed)) if restricted else None,
            behind.destroyed_before,
        )
        removals = proofs.differences(proven.removals(connection), proven.confirming_devices(connection))
        ended = conclusions.differences(findings.all_ends(connection))
    same_head = (verdict.size, verdict.root) == (stored.size, stored.root())
    return LogChecked(
        sound=verdict.sound and not bad and same_head and not hidden and not put_back.open,
        size=verdict.size,
        anchored=verdict.anchored,
        checkpoints=len(checkpoints),
        bad=bad,
        faults=(*verdict.faults, *hidden),
        lost=lost,
        opened=len(behind.commitments) if restricted else 0,
        removals=removals,
        findings=ended,
        put_back=put_back.open,
    )


def audit_now(context: Context) -> str | None:
    """The check of the whole log as an engine makes it by itself; what it says where something is wrong, else None."""
    checked = check_log(context, context.checkpoint_file, restricted=True)
    if not checked.sound:
        return "the log, or its file of signed heads, was changed; see: closeout log verify"
    if checked.removals:
        return f"removals recorded otherwise than the log says: {len(checked.removals)}; see: closeout log verify"
    if checked.findings:
        return f"findings recorded otherwise than the log says: {len(checked.findings)}; see: closeout log verify"
    return None


class _Behind:
    """What restricted entries commit to, noted while the log is read for something else."""

    def __init__(self) -> None:
        self.commitments: dict[int, bytes] = {}
        self.destroyed_before = 0

    def note(self, seq: int, text: object) -> None:
        """Take in an entry's canonical text."""
        if not isinstance(text, bytes):
            return
        if (committed := commitment_in(text)) is not None:
            self.commitments[seq] = committed
        elif destroys_key(text):
            self.destroyed_before = seq


def _opened(context: Context, seq: int, sealed: bytes) -> Opened | None:
    body = log.open_body(context.keys.sealer, seq, sealed)
    return None if body is None else Opened(body.key, body.committed)


def public_key(context: Context) -> bytes:
    """The raw Ed25519 key, 32 bytes, by which anyone can check a checkpoint."""
    return context.keys.signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def verifier_key(context: Context) -> str:
    """The key in the form other tools of C2SP read."""
    return verifier_key_text(public_key(context), origin(context))


def origin(context: Context) -> str:
    """What names our log: it stands in each of its heads."""
    with context.store.read() as connection:
        return f"closeout/{organisation.read_installation(connection).uid}"


def has_notes(file: Path) -> bool:
    """Whether a checkpoint file holds anything at all, ours or not."""
    return bool(read_notes(file))


def read_notes(file: Path) -> Sequence[str]:
    """The signed notes of a checkpoint file, in order."""
    return _notes_in(file.read_text(encoding="utf-8", errors="replace")) if file.exists() else []


def _notes_in(text: str) -> Sequence[str]:
    """Signed notes, in order; between two of them an empty line."""
    notes: list[str] = []
    lines: list[str] = []
    signed = False
    for line in text.splitlines():
        if not line and signed:
            notes.append("\n".join(lines) + "\n")
            lines, signed = [], False
        elif line or lines:
            lines.append(line)
            signed = signed or line.startswith("\u2014 ")
    if lines:
        notes.append("\n".join(lines) + "\n")
    return notes
