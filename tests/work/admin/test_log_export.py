"""The log as files: who believes public keys alone accepts a good one, and none of a thousand that were changed."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from server.core.log.checkpoints import parse_verifier_key, sign_checkpoint
from server.core.log.merkle import Frontier, consistency_proof, leaf_hash
from server.core.log.published import check_published
from server.core.log.witness_protocol import AddCheckpoint, write_request
from server.core.model import Role
from server.core.problems import DecisionRefusedError
from server.work.admin import log_checkpoints, log_export, log_witnesses
from tests.parts.log_verifier import Rejected, tree_hash, verify_log, verify_request
from tests.work.admin.test_log_witnesses import KEYS, POLICY, SIGNERS, Outside, live, sign
from tests.work.world import World

MUTATIONS = 1_000


@dataclass(frozen=True)
class Told:
    """What was handed on. requests: those that a witness took, in order."""

    entries: list[bytes]
    notes: list[str]
    requests: list[bytes]
    key: str


@pytest.fixture
def world(begin_after: Callable[[Callable[[World], object]], World], tmp_path: Path) -> World:
    begun = begin_after(live)
    outside = Outside(tmp_path)
    for number in (1, 2):
        outside.put(begun, number)
    begun.context = replace(begun.context, log_witnesses=POLICY, ask_witness=outside)
    log_witnesses.tend(begun.context)
    for _ in range(6):
        sign(begun)
        log_witnesses.tend(begun.context)
    return begun


@pytest.fixture
def told(world: World, tmp_path: Path) -> Told:
    folder = tmp_path / "handed-on"
    log_export.export(world.context, Role.AUDITOR, folder)
    entries = (folder / "entries.jsonl").read_bytes().splitlines()
    notes = list(log_checkpoints.read_notes(folder / "heads.txt"))
    key = log_checkpoints.verifier_key(world.context)
    cosigned = [note for note in notes if "w1.example" in note]
    heads = [int(note.split("\n")[1]) for note in cosigned]
    leaves = [leaf_hash(text) for text in entries]
    requests = [
        write_request(AddCheckpoint(old, consistency_proof(leaves[:size], old), note))
        for old, size, note in zip([0, *heads], heads, cosigned, strict=False)
    ]
    return Told(entries, notes, requests, key)


def ours_accepts(told: Told) -> bool:
    return check_published(told.entries, told.notes, parse_verifier_key(told.key), POLICY).sound


def theirs_accepts(told: Told) -> bool:
    """The verifier that knows nothing of the product."""
    try:
        verify_log(told.entries, told.notes, told.key, [each.text for each in KEYS], 1)
        known = None
        for request in told.requests:
            known = verify_request(request, known, told.key)
    except (Rejected, UnicodeDecodeError, ValueError):
        return False
    return True


def test_a_good_log_is_accepted_by_ours_and_by_one_that_knows_nothing_of_us(told):
    found = check_published(told.entries, told.notes, parse_verifier_key(told.key), POLICY)
    newest = len(told.entries)
    assert (found.sound, found.size, found.anchored, found.cosigned) == (True, newest, newest, newest)
    assert theirs_accepts(told)
    assert tree_hash(told.entries) == Frontier().extend(leaf_hash(text) for text in told.entries).root()


def change_byte(dice: random.Random, text: bytes) -> bytes:
    at = dice.randrange(len(text))
    return text[:at] + bytes([text[at] ^ dice.randrange(1, 256)]) + text[at + 1 :]


def entries_changed(dice: random.Random, told: Told) -> Told:
    entries = list(told.entries)
    at = dice.randrange(len(entries))
    match dice.randrange(5):
        case 0:
            entries[at] = change_byte(dice, entries[at]).replace(b"\n", b" ")
        case 1:
            del entries[at]
        case 2:
            entries.insert(at, entries[dice.randrange(len(entries))])
        case 3:
            other = (at + dice.randrange(1, len(entries))) % len(entries)
            entries[at], entries[other] = entries[other], entries[at]
        case _:
            del entries[at:]
    return replace(told, entries=entries)


def note_changed(dice: random.Random, told: Told) -> Told:
    notes = list(told.notes)
    at = dice.randrange(len(notes))
    note = notes[at]
    text, _, lines = note.partition("\n\n")
    origin, size, root = text.split("\n")
    match dice.randrange(6):
        case 0:
            note = note.replace(f"\n{size}\n", f"\n{int(size) + dice.choice([-1, 1, 10])}\n", 1)
        case 1:
            note = note.replace(root, base64.b64encode(dice.randbytes(32)).decode(), 1)
        case 2:
            note = note.replace(origin, origin + "x", 1)
        case 3:
            note = forged(dice, note, lines)
        case 4:
            note = sign_checkpoint(
                log_checkpoints.Checkpoint(origin, int(size), dice.randbytes(32)), SIGNERS[0], origin
            )
        case _:
            place = dice.randrange(len(text))  # below it a name that nobody knows is passed over, as it should be
            note = note[:place] + dice.choice("Zz09+/ \n") + note[place + 1 :]
    notes[at] = note
    return replace(told, notes=notes) if note != told.notes[at] else entries_changed(dice, told)


def forged(dice: random.Random, note: str, lines: str) -> str:
    """One signature of a note, with a byte of it changed: a log's, or a witness's, its instant included."""
    line = dice.choice(lines.splitlines())
    encoded = line.rpartition(" ")[2]
    blob = base64.b64decode(encoded)
    changed = blob[:4] + change_byte(dice, blob[4:])
    return note.replace(encoded, base64.b64encode(changed).decode())


def cosignatures_lost(_dice: random.Random, told: Told) -> Told:
    return replace(told, notes=[note for note in told.notes if "w1.example" not in note and "w2.example" not in note])


def request_changed(dice: random.Random, told: Told) -> Told:
    requests = list(told.requests)
    at = dice.randrange(1, len(requests))
    head, _, note = requests[at].decode().partition("\n\n")
    old, *proof = head.split("\n")
    match dice.randrange(5):
        case 0 if proof:
            proof[dice.randrange(len(proof))] = base64.b64encode(dice.randbytes(32)).decode()
        case 1 if proof:
            del proof[dice.randrange(len(proof))]
        case 2:
            proof.insert(dice.randrange(len(proof) + 1), base64.b64encode(dice.randbytes(32)).decode())
        case 3:
            old = f"old {int(old[4:]) + dice.choice([-1, 1])}"
        case _:
            del requests[at - 1]
            return replace(told, requests=requests)
    requests[at] = "\n".join([old, *proof, "", note]).encode()
    return replace(told, requests=requests)


def test_a_thousand_changed_ones_are_rejected_by_both(told):
    dice = random.Random(13)  # the same draws in every run
    ways = [entries_changed, note_changed, note_changed, request_changed]
    accepted = []
    for nth in range(MUTATIONS):
        way = cosignatures_lost if nth == 0 else dice.choice(ways)
        mutated = way(dice, told)
        if theirs_accepts(mutated):
            accepted.append((nth, way.__name__, "theirs"))
        if way is not request_changed and ours_accepts(mutated):
            accepted.append((nth, way.__name__, "ours"))
    assert accepted == []


def test_one_rewritten_by_who_holds_the_logs_key_is_rejected_for_want_of_witnesses(told, world):
    """The program itself signs another history: only those elsewhere stand against it."""
    entries = [*told.entries[:-1], told.entries[-1].replace(b"2026", b"2025", 1)]
    origin = parse_verifier_key(told.key)[1]
    head = log_checkpoints.Checkpoint(origin, len(entries), tree_hash(entries))
    rewritten = replace(
        told, entries=entries, notes=[sign_checkpoint(head, world.context.keys.signer, origin)], requests=[]
    )
    assert (ours_accepts(rewritten), theirs_accepts(rewritten)) == (False, False)


@pytest.mark.parametrize("role", [Role.IT_ADMINISTRATOR, Role.WORKER, Role.LINE_MANAGER])
def test_only_who_may_read_the_log_hands_it_on(world, tmp_path, role):
    with pytest.raises(DecisionRefusedError):
        log_export.export(world.context, role, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_handing_it_on_is_an_entry(world, told):
    entry = world.log()[-1]
    assert entry.body == {"what": "log_exported", "count": len(told.entries), "actor_role": "auditor"}
