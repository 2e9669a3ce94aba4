"""Our log before its witnesses: heads go to each as they are made, and come back cosigned.

Nothing here waits for a witness that is gone: it is told, and stops nothing. One that saw another history than ours
stops every removal (`log_checkpoints.Standing.WITNESSED_OTHERWISE`), until two people have said why.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from mdm_adapters.port import PortError
from server.core.log.checkpoints import BadCheckpoint, Checkpoint, read_checkpoint
from server.core.log.cosignatures import WitnessKey, add_signatures, false_cosigners, read_cosignatures
from server.core.log.entries import LARGEST_INTEGER, Body, EntryKind, LogEntry
from server.core.log.merkle import Frontier, consistency_from
from server.core.log.witness_policy import LogWitness
from server.core.log.witness_protocol import (
    STOPS,
    AddCheckpoint,
    WitnessAnswer,
    WitnessFault,
    WitnessSaid,
    hear,
    write_request,
)
from server.core.problems import RestoreProblem, RestoreRefusedError, WitnessProblem, WitnessRefusedError
from server.store import log
from server.store.database import Connection, StoreUnavailableError
from server.work.admin import log_checkpoints, witness_memory
from server.work.admin.access import Person
from server.work.admin.restores import ASKS_FOR, MAY_SAY, sentence
from server.work.admin.witness_memory import Memory
from server.work.context import Context

_TRIES = 4
"""Requests to one witness about one head: to learn the size that it knows, and to be overtaken twice."""
_AGAIN = timedelta(seconds=60)
"""After this a witness is asked again that was gone, or that nothing new was to be told."""
_NOTHING_REMEMBERED = -1
_NEW = Memory(size=_NOTHING_REMEMBERED)
"""Of a witness of which nothing is remembered, or no longer."""
_LISTEN = 0.25
"""Seconds between two looks whether there is a new head."""


def cosigned_file(checkpoint_file: Path) -> Path:
    """Where cosigned heads are kept: in the form of the file of heads, with witnesses' signatures beneath ours."""
    return checkpoint_file.with_name(f"{checkpoint_file.stem}.cosigned{checkpoint_file.suffix}")


def tend(context: Context, *, again: bool = False) -> None:
    """Send the newest signed head to each witness that has not cosigned it, all at once; what they say is kept.

    again: also to those that have, since a witness may know more than this machine. One that was gone a moment ago is
    left in peace. Returns once each has answered or had its time; another process that does the same just now is
    left to it.
    """
    witnesses = [each for each in context.log_witnesses.witnesses if each.url]
    if not witnesses:
        return
    with _alone(context.checkpoint_file) as alone:
        newest = log_checkpoints.newest_note(context) if alone else None
        if newest is None:
            return
        memories = dict(witness_memory.read(context.checkpoint_file))
        due = [
            each
            for each in witnesses
            if _is_due(memories.get(each.key.text, _NEW), newest[1], context.now(), again=again)
        ]
        if not due:
            return
        with ThreadPoolExecutor(max_workers=len(due)) as pool:
            asked = {pool.submit(_ask, context, each, memories.get(each.key.text, _NEW)): each.key.text for each in due}
            for done in as_completed(asked):
                memories[asked[done]] = done.result()
                witness_memory.write(context.checkpoint_file, memories)


@contextmanager
def _alone(checkpoint_file: Path) -> Iterator[bool]:
    """Whether no other process tends the witnesses just now."""
    try:
        mark = checkpoint_file.with_name(checkpoint_file.name + ".witnesses.lock").open("ab")
    except OSError:
        yield False
        return
    with mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _is_due(memory: Memory, newest: Checkpoint, now: datetime, *, again: bool) -> bool:
    rested = memory.asked is None or not timedelta(0) <= now - memory.asked < _AGAIN
    if memory.fault is WitnessFault.GONE:
        return rested
    fresh = memory.cosigned.size != newest.size or memory.fault is not None
    return rested or again or (fresh and memory.fault is None)


def _ask(context: Context, witness: LogWitness, memory: Memory) -> Memory:
    """What is remembered of a witness after it was asked to cosign the newest head."""
    now = context.now()
    asked = replace(memory, asked=now)
    known = memory.cosigned
    for _ in range(_TRIES):
        sent = _make_request(context, known)
        if sent is None:
            return asked  # our own log does not extend its head, which is told elsewhere; or it has none
        request, head = sent
        answer = _send(context, witness, request)
        match answer.said:
            case WitnessSaid.COSIGNED:
                return _cosigned(context, witness, memory, request, answer, head)
            case WitnessSaid.KNOWS_LESS | WitnessSaid.KNOWS_MORE:
                found = _at_size(context, answer)
                if found is None:
                    size = min(answer.size, LARGEST_INTEGER)
                    return _at_fault(context, witness, asked, WitnessFault.KNOWS_MORE, size)
                known = found
            case WitnessSaid.OTHER_TREE:
                return _at_fault(context, witness, asked, WitnessFault.OTHER_TREE, answer.size)
            case WitnessSaid.UNKNOWN_LOG:
                return _at_fault(context, witness, asked, WitnessFault.UNKNOWN_LOG, 0)
            case WitnessSaid.NO_ANSWER:
                break
    return _at_fault(context, witness, asked, WitnessFault.GONE, 0)


def _make_request(context: Context, known: Frontier) -> tuple[AddCheckpoint, Frontier] | None:
    """To cosign our newest head, from the tree that the witness knows; and the tree at that head.

    Where that tree is no part of ours (what is remembered of a witness may be of another history) the request begins
    with nothing: the witness says what it knows.
    """
    newest = log_checkpoints.newest_note(context)
    if newest is None:
        return None
    note, head = newest
    for since in dict.fromkeys((known, Frontier())):
        with context.store.read() as connection:
            leaves = log_checkpoints.leaves_between(connection, since.size, head.size)
        if leaves is not None and since.size <= head.size:
            grown = since.extend(leaves)
            if grown.root() == head.root:
                return AddCheckpoint(since.size, consistency_from(since, leaves), note), grown
    return None


def _send(context: Context, witness: LogWitness, request: AddCheckpoint) -> WitnessAnswer:
    try:
        status, body = context.ask_witness(witness.url, write_request(request))
    except PortError:
        return WitnessAnswer(WitnessSaid.NO_ANSWER)
    return hear(request, witness.key, status, body)


def _at_size(context: Context, answer: WitnessAnswer) -> Frontier | None:
    """Our tree at the size that a witness knows, all of it read; None: the log is not that long.

    Another process may have signed a larger head than the one that was sent: then ours is made, and sent.
    """
    with context.store.read() as connection:
        leaves = log_checkpoints.leaves_between(connection, 0, answer.size)
    if leaves is None:
        return None
    if answer.said is WitnessSaid.KNOWS_MORE:
        log_checkpoints.write_checkpoint(context)
    return Frontier().extend(leaves)


def _cosigned(
    context: Context,
    witness: LogWitness,
    memory: Memory,
    request: AddCheckpoint,
    answer: WitnessAnswer,
    head: Frontier,
) -> Memory:
    """Keep a cosigned head, unless this witness's is kept already; a full disk is told where the head is written."""
    if memory.fault in STOPS:
        _enter(context, "witness_agrees", witness.key, head.size)
    if (memory.cosigned, memory.fault) != (head, None):
        with suppress(OSError, BadCheckpoint):
            note = add_signatures(request.note, answer.lines)
            log_checkpoints.add_whole(cosigned_file(context.checkpoint_file), (note + "\n").encode())
    return Memory(head, answer.at, context.now())


def _enter(context: Context, what: str, key: WitnessKey, size: int) -> None:
    body: Body = {"what": what, "key": key.id, "size": size}
    with context.store.write() as connection:
        log.append(connection, context.now(), [(EntryKind.CHECKPOINT_MADE, body)])


def _at_fault(context: Context, witness: LogWitness, memory: Memory, fault: WitnessFault, size: int) -> Memory:
    """Remember a fault. One that stops removals stands in the log, once, and no silence after it lifts it."""
    if fault not in STOPS and (memory.fault in STOPS or memory.size == _NOTHING_REMEMBERED):
        before = memory if memory.fault in STOPS else _from_log(context, witness.key)
        if before is not None:
            return replace(before, asked=memory.asked)
    same = (memory.fault, memory.size) == (fault, size)
    found = replace(memory, fault=fault, size=size, since=memory.since if same else memory.asked)
    if same or fault not in STOPS:
        return found
    with context.store.read() as connection:
        accepted = _find(connection, witness.key, size, {log_checkpoints.WITNESS_ACCEPTED})
    if accepted is None:
        _enter(context, "witness_differs", witness.key, size)
    return replace(found, accepted=None if accepted is None else accepted.seq)


def _from_log(context: Context, key: WitnessKey) -> Memory | None:
    """What the log says of a witness of which nothing is remembered: that it saw another history, if it still does."""
    with context.store.read() as connection:
        newest = _find(connection, key, None, {"witness_differs", "witness_agrees", log_checkpoints.WITNESS_ACCEPTED})
    if newest is None or newest.body["what"] != "witness_differs":
        return None
    return Memory(fault=WitnessFault.OTHER_TREE, size=int(str(newest.body["size"])), since=newest.at)


def _find(connection: Connection, key: WitnessKey, size: int | None, whats: AbstractSet[str]) -> LogEntry | None:
    """The newest entry about a witness that says one of these. size: what it says of; None: whatever."""
    for entry in reversed(log.of_kind(connection, EntryKind.CHECKPOINT_MADE)):
        told = entry.body
        if told.get("what") in whats and told.get("key") == key.id and size in (None, told.get("size")):
            return entry
    return None


# --- what is shown ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WitnessStanding:
    """How a witness stands. cosigned: entries of the newest head that it cosigned, 0: none; at: when.

    stops: whether nothing is removed until two people have said why.
    """

    name: str
    cosigned: int
    at: int
    fault: WitnessFault | None
    since: datetime | None
    size: int
    stops: bool


def standings(context: Context) -> Sequence[WitnessStanding]:
    """Each witness as it was heard last, in the order of the file that names them."""
    memories = witness_memory.read(context.checkpoint_file)
    found = []
    for each in context.log_witnesses.witnesses:
        memory = memories.get(each.key.text, _NEW)
        with context.store.read() as connection:
            stops = log_checkpoints.witness_stops(connection, each.key, memory)
        found.append(
            WitnessStanding(each.name, memory.cosigned.size, memory.at, memory.fault, memory.since, memory.size, stops)
        )
    return found


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Cosigned heads that are kept. heads: ours, in order. by: who cosigned the newest that enough did, None: none.

    upto: entries of that head.
    """

    heads: tuple[Checkpoint, ...]
    upto: int | None


def read_cosigned(context: Context) -> Cosigned:
    """The cosigned heads beside the file of heads, and up to where enough witnesses vouch for the log."""
    public, origin = log_checkpoints.public_key(context), log_checkpoints.origin(context)
    keys = [each.key for each in context.log_witnesses.witnesses]
    by_head: dict[Checkpoint, set[WitnessKey]] = {}
    for note in log_checkpoints.read_notes(cosigned_file(context.checkpoint_file)):
        with suppress(BadCheckpoint):
            head = read_checkpoint(note, public, origin)
            if head.origin == origin:
                by_head.setdefault(head, set()).update(read_cosignatures(note, keys))
    enough = [head.size for head, who in by_head.items() if who and context.log_witnesses.is_met(who)]
    return Cosigned(tuple(by_head), max(enough, default=None))


def newest_cosigned(context: Context) -> tuple[str, Checkpoint] | None:
    """The newest of our heads that enough witnesses cosigned lately, with all their signatures; None: there is none."""
    keys = [each.key for each in context.log_witnesses.witnesses]
    public, origin = log_checkpoints.public_key(context), log_checkpoints.origin(context)
    lines: dict[Checkpoint, dict[str, None]] = {}
    for note in reversed(log_checkpoints.notes_at_end(cosigned_file(context.checkpoint_file)) if keys else ()):
        with suppress(BadCheckpoint):
            head = read_checkpoint(note, public, origin)
            if head.origin != origin or not read_cosignatures(note, keys) or false_cosigners(note, keys):
                continue
            text, _, signatures = note.rpartition("\n\n")
            gathered = lines.setdefault(head, {})
            gathered |= dict.fromkeys(line for line in signatures.splitlines(keepends=True) if line not in gathered)
            # Each note stands in the form that we signed, with one witness's signatures beneath ours.
            whole = f"{text}\n\n" + "".join(sorted(gathered, key=lambda line: not line.startswith(f"\u2014 {origin} ")))
            if context.log_witnesses.is_met({*read_cosignatures(whole, keys)}):
                return whole, head
    return None


# --- two people ---------------------------------------------------------------------------------------------------


def accept(context: Context, person: Person, name: str, why: str) -> bool:
    """One person's word that another history that a witness saw is explained; the second one's, in another role, lets
    removals go on. Whether both have said it. Raises RestoreRefusedError, WitnessRefusedError.
    """
    if person.role not in MAY_SAY:
        raise RestoreRefusedError(RestoreProblem.NOT_CLEARED)
    why = sentence(why)
    memories = dict(witness_memory.read(context.checkpoint_file))
    witness = next((each for each in context.log_witnesses.witnesses if each.name == name), None)
    memory = memories.get(witness.key.text, _NEW) if witness else Memory()
    with context.store.read() as connection:
        if witness is None or not log_checkpoints.witness_stops(connection, witness.key, memory):
            raise WitnessRefusedError(WitnessProblem.AGREES)
    by = context.keys.sealer.hash(person.uid, "witness.by").hex()
    now = context.now()
    with context.store.write() as connection:
        said = _said(connection, witness.key, memory.size, now)
        if said is not None and said[0] == by:
            raise RestoreRefusedError(RestoreProblem.OWN)
        if said is not None and said[1] == person.role.value:
            raise RestoreRefusedError(RestoreProblem.SAME_ROLE)
        what = "witness_said" if said is None else log_checkpoints.WITNESS_ACCEPTED
        body: Body = {
            "what": what,
            "key": witness.key.id,
            "size": memory.size,
            "digest": by,
            "actor_role": person.role.value,
        }
        size = log.append(connection, now, [(EntryKind.CHECKPOINT_MADE, body)])
        log.append_restricted(connection, now, context.keys.sealer, [f"witness explained by {person.uid}: {why}"])
    if said is None:
        return False
    memories[witness.key.text] = replace(memory, accepted=size - 1)
    witness_memory.write(context.checkpoint_file, memories)
    return True


def _said(connection: Connection, key: WitnessKey, size: int, now: datetime) -> tuple[str, str] | None:
    """Who said it of this very witness and size, and in which role, if that is not too long ago."""
    entry = _find(connection, key, size, {"witness_said"})
    if entry is None or entry.at <= now - ASKS_FOR:
        return None
    return str(entry.body["digest"]), str(entry.body["actor_role"])


# --- while a process runs -----------------------------------------------------------------------------------------


@contextmanager
def tended(context: Context, say: Callable[[str], None]) -> Iterator[None]:
    """While this runs, heads go to the witnesses as they are made, whichever process signs them."""
    if not any(each.url for each in context.log_witnesses.witnesses):
        yield
        return
    over = threading.Event()

    def work() -> None:
        seen: object = None
        rested = 0.0
        while not over.wait(_LISTEN):
            rested += _LISTEN
            now = _stamp(context.checkpoint_file)
            if now == seen and rested < _AGAIN.total_seconds():
                continue
            seen, rested = now, 0.0
            try:
                tend(context)
            except StoreUnavailableError as error:
                seen = None
                say(f"witnesses not asked: {error}")

    courier = threading.Thread(target=work, name="witnesses", daemon=True)
    courier.start()
    try:
        yield
    finally:
        over.set()
        courier.join(5)


def _stamp(file: Path) -> object:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
