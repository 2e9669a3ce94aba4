"""Our log before its witnesses: gone ones stop nothing, one that saw another history stops every removal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import update

from mdm_adapters.port import Fault, Garbled, Unreachable
from server.core.log.checkpoints import Checkpoint, sign_checkpoint
from server.core.log.cosignatures import WitnessKey, cosign, read_cosignatures
from server.core.log.entries import EntryKind
from server.core.log.merkle import EMPTY_ROOT, leaf_hash, root_of
from server.core.log.witness_policy import WitnessPolicy, read_witness_policy
from server.core.log.witness_protocol import AddCheckpoint, WitnessFault, text_of, write_request
from server.core.model import Role
from server.core.problems import RestoreProblem, RestoreRefusedError, WitnessRefusedError
from server.store.schema.base import log_entry
from server.work.admin import access, log_checkpoints, log_witnesses, witness_memory
from server.work.admin.log_checkpoints import Standing
from server.work.admin.log_witnesses import WitnessStanding
from server.work.admin.witnessing import Witness
from server.work.reports import health
from server.work.reports.health import Ill, Part
from tests.work.world import NUMBERS, World, closed

Answers: TypeAlias = Callable[[bytes], tuple[int, bytes]]
SIGNERS = [Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2)]
KEYS = [WitnessKey(each.public_key().public_bytes_raw(), f"w{n}.example") for n, each in enumerate(SIGNERS, 1)]
POLICY = read_witness_policy(
    f"witness w1 {KEYS[0].text} https://w1.example\nwitness w2 {KEYS[1].text} https://w2.example\n"
    "group either any w1 w2\nquorum either\n"
)


def live(world: World) -> None:
    world.tell(closed("100001", *NUMBERS[:2]))
    log_checkpoints.write_checkpoint(world.context)


class Outside:
    """The witnesses as our machine reaches them: by address, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.there, self.asked = folder, dict[str, Answers](), list[str]()

    def __call__(self, url: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append(url)
        if url not in self.there:
            raise Unreachable(Fault.NO_CONNECTION)
        return self.there[url](body)

    def put(self, world: World, number: int) -> Witness:
        """A witness of ours that knows the log."""
        folder = self.folder / f"witness-{number}"
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        witness = Witness(folder, SIGNERS[number - 1], f"w{number}.example", world.clock)
        if not witness.logs():
            witness.trust(log_checkpoints.verifier_key(world.context))

        def answer(body: bytes) -> tuple[int, bytes]:
            reply = witness.add_checkpoint(body)
            return reply.status, reply.body

        self.there[f"https://w{number}.example"] = answer
        return witness


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path)


@pytest.fixture
def begin(begin_after: Callable[[Callable[[World], object]], World], outside: Outside) -> Callable[[], World]:
    """A world as it was at the beginning, its file of heads included: once more is a restore of both."""

    def begun() -> World:
        world = begin_after(live)
        world.context = replace(world.context, log_witnesses=POLICY, ask_witness=outside)
        return world

    return begun


def sign(world: World) -> None:
    world.tell()
    assert log_checkpoints.write_checkpoint(world.context) is not None


def size(world: World) -> int:
    return len(world.log())


def stands(world: World) -> list[tuple[int, WitnessFault | None, bool]]:
    return [(each.cosigned, each.fault, each.stops) for each in log_witnesses.standings(world.context)]


def told_of_witnesses(world: World) -> list[object]:
    entries = [entry for entry in world.log() if entry.kind is EntryKind.CHECKPOINT_MADE]
    return [entry.body["what"] for entry in entries if str(entry.body.get("what")).startswith("witness")]


def test_heads_come_back_cosigned_and_lie_beside_the_heads(begin, outside):
    world = begin()
    outside.put(world, 1)
    outside.put(world, 2)
    first = size(world)
    log_witnesses.tend(world.context)
    sign(world)
    log_witnesses.tend(world.context)
    file = log_witnesses.cosigned_file(world.context.checkpoint_file)
    assert file.name == "checkpoints.cosigned.txt"
    kept = log_witnesses.read_cosigned(world.context)
    assert ([head.size for head in kept.heads], kept.upto) == ([first, first + 1], first + 1)
    assert stands(world) == [(first + 1, None, False)] * 2
    assert log_checkpoints.check_log(world.context, file).sound
    for note in log_checkpoints.read_notes(file):
        assert len(read_cosignatures(note, KEYS)) == 1


def test_a_head_that_is_cosigned_is_sent_again_only_after_a_while(begin, outside):
    world = begin()
    outside.put(world, 1)
    outside.put(world, 2)
    log_witnesses.tend(world.context)
    asked = len(outside.asked)
    log_witnesses.tend(world.context)
    assert len(outside.asked) == asked
    log_witnesses.tend(world.context, again=True)
    assert len(outside.asked) == asked + 2
    world.clock.pass_(timedelta(minutes=2))
    log_witnesses.tend(world.context)
    assert len(outside.asked) == asked + 4
    assert len(log_checkpoints.read_notes(log_witnesses.cosigned_file(world.context.checkpoint_file))) == 2


def test_nobody_is_asked_where_nobody_is_named(begin, outside):
    world = begin()
    world.context = replace(world.context, log_witnesses=WitnessPolicy())
    log_witnesses.tend(world.context, again=True)
    assert (outside.asked, log_checkpoints.standing(world.context)) == ([], Standing.SOUND)


# --- gone, or of no use -------------------------------------------------------------------------------------------


def gone(_body: bytes) -> tuple[int, bytes]:
    raise Unreachable(Fault.TIMED_OUT)


def too_large(_body: bytes) -> tuple[int, bytes]:
    raise Garbled(Fault.TOO_LARGE)


NO_USE: dict[str, tuple[Answers, WitnessFault]] = {
    "gone": (gone, WitnessFault.GONE),
    "an answer of 100 MB": (too_large, WitnessFault.GONE),
    "an error": (lambda _: (500, b""), WitnessFault.GONE),
    "nothing": (lambda _: (200, b""), WitnessFault.GONE),
    "another key's signature": (
        lambda body: (200, cosign(text_of(body.decode().partition("\n\n")[2]), SIGNERS[1], "w1.example", 1).encode()),
        WitnessFault.GONE,
    ),
    "a signature of another head": (
        lambda _: (200, cosign("closeout\n1\nroot\n", SIGNERS[0], "w1.example", 1).encode()),
        WitnessFault.GONE,
    ),
    "the size that was said, for ever": (lambda body: (409, body[4:].split(b"\n")[0] + b"\n"), WitnessFault.GONE),
    "sizes without end": (lambda _: (409, b"0\n"), WitnessFault.GONE),
    "a log it does not know": (lambda _: (404, b""), WitnessFault.UNKNOWN_LOG),
    "another tree than none": (lambda _: (422, b""), WitnessFault.GONE),
}


@pytest.mark.parametrize(("answers", "fault"), NO_USE.values(), ids=NO_USE.keys())
def test_a_witness_of_no_use_is_told_and_stops_nothing(begin, outside, answers, fault):
    world = begin()
    outside.there["https://w1.example"] = answers
    outside.put(world, 2)
    sign(world)
    log_witnesses.tend(world.context)
    assert stands(world) == [(0, fault, False), (size(world), None, False)]
    assert log_witnesses.read_cosigned(world.context).upto == size(world)
    assert log_checkpoints.may_act(world.context)
    assert told_of_witnesses(world) == []


def test_a_gone_witness_is_left_in_peace_for_a_minute_and_then_catches_up(begin, outside):
    world = begin()
    log_witnesses.tend(world.context)
    asked = len(outside.asked)
    sign(world)
    log_witnesses.tend(world.context)
    assert len(outside.asked) == asked
    outside.put(world, 1)
    for _ in range(3):
        sign(world)
    world.clock.pass_(timedelta(minutes=1))
    log_witnesses.tend(world.context)
    assert stands(world)[0] == (size(world), None, False)


def test_a_witness_that_lags_is_proven_every_step_from_where_it_is(begin, outside):
    world = begin()
    witness = outside.put(world, 1)
    log_witnesses.tend(world.context)
    lags_at = size(world)
    for _ in range(3):
        sign(world)
    world.context.checkpoint_file.with_name("checkpoints.txt.witnesses").unlink()
    log_witnesses.tend(world.context)
    (log,) = witness.logs()
    assert (log.newest.size, log.kept) == (size(world), 0)
    assert size(world) == lags_at + 3


def test_what_is_remembered_may_be_torn_by_anybody(begin, outside):
    world = begin()
    outside.put(world, 1)
    outside.put(world, 2)
    log_witnesses.tend(world.context)
    for torn in ("", "{}", "[]", '{"x": {}}', "\xff", "1"):
        world.context.checkpoint_file.with_name("checkpoints.txt.witnesses").write_text(torn)
        assert log_checkpoints.may_act(world.context)
        log_witnesses.tend(world.context, again=True)
        assert stands(world) == [(size(world), None, False)] * 2


# --- another history ----------------------------------------------------------------------------------------------


@pytest.fixture
def put_back(begin, outside) -> World:
    """An older copy of database and file of heads together: nothing on this machine knows better."""
    world = begin()
    outside.put(world, 1)
    for _ in range(3):
        sign(world)
    log_witnesses.tend(world.context)
    older = begin()
    assert log_checkpoints.standing(older.context) is Standing.SOUND
    return older


@pytest.fixture(params=["remembered", "forgotten"])
def restored(put_back: World, request: pytest.FixtureRequest) -> World:
    """The same; and what was remembered of the witness deleted."""
    if request.param == "forgotten":
        put_back.context.checkpoint_file.with_name("checkpoints.txt.witnesses").unlink()
    log_witnesses.tend(put_back.context, again=True)
    return put_back


def test_an_older_copy_of_database_and_heads_together_is_seen(restored):
    assert stands(restored)[0][1:] == (WitnessFault.KNOWS_MORE, True)
    assert log_checkpoints.standing(restored.context) is Standing.WITNESSED_OTHERWISE
    assert not log_checkpoints.may_act(restored.context)
    restored.tell()
    assert log_checkpoints.write_checkpoint(restored.context) is None
    assert told_of_witnesses(restored) == ["witness_differs"]


def test_a_restored_log_that_grew_past_what_the_witness_knows_is_another_tree(put_back):
    put_back.clock.pass_(timedelta(hours=1))
    for _ in range(6):
        sign(put_back)
    log_witnesses.tend(put_back.context, again=True)
    assert stands(put_back)[0][1:] == (WitnessFault.OTHER_TREE, True)
    assert not log_checkpoints.may_act(put_back.context)


def test_people_who_look_after_the_installation_are_told(put_back):
    def log_is() -> Ill | None:
        return next(each.ill for each in health.examine(put_back.context) if each.part is Part.LOG)

    assert log_is() is None
    log_witnesses.tend(put_back.context, again=True)
    assert log_is() is Ill.WITNESSED_OTHERWISE


def test_no_silence_lifts_what_a_witness_saw(restored, outside):
    outside.there.clear()
    for forget in (False, True):
        if forget:
            restored.context.checkpoint_file.with_name("checkpoints.txt.witnesses").unlink()
        restored.clock.pass_(timedelta(minutes=5))
        log_witnesses.tend(restored.context)
        assert not log_checkpoints.may_act(restored.context)


def person(name: str, role: Role) -> access.Person:
    return access.Person(1, name, name, (role,), role, None, None, "en", (), None, b"")


WHY = "the machine was restored after a broken disk"


def test_two_people_in_two_roles_let_removals_go_on(restored, outside):
    officer = person("officer", Role.PRIVACY_OFFICER)
    assert not log_witnesses.accept(restored.context, officer, "w1", WHY)
    assert not log_checkpoints.may_act(restored.context)
    for who, problem in (
        (officer, RestoreProblem.OWN),
        (person("another", Role.PRIVACY_OFFICER), RestoreProblem.SAME_ROLE),
        (person("auditor", Role.AUDITOR), RestoreProblem.NOT_CLEARED),
    ):
        with pytest.raises(RestoreRefusedError) as refused:
            log_witnesses.accept(restored.context, who, "w1", WHY)
        assert refused.value.problem is problem
    assert log_witnesses.accept(restored.context, person("it", Role.IT_ADMINISTRATOR), "w1", WHY)
    assert log_checkpoints.may_act(restored.context)
    restored.context.checkpoint_file.with_name("checkpoints.txt.witnesses").unlink()
    log_witnesses.tend(restored.context, again=True)
    _, fault, stops = stands(restored)[0]
    assert (fault is not None, stops) == (True, False), "told still, and stops no more"
    assert log_checkpoints.may_act(restored.context)
    outside.put(restored, 1).begin_anew(log_checkpoints.origin(restored.context))
    sign(restored)
    log_witnesses.tend(restored.context, again=True)
    newest = log_checkpoints.newest_checkpoint(restored.context)
    assert stands(restored)[0] == (newest.size, None, False)


def test_a_witness_that_agrees_again_is_believed_and_the_log_says_so(restored, outside):
    outside.put(restored, 1).begin_anew(log_checkpoints.origin(restored.context))
    log_witnesses.tend(restored.context, again=True)
    assert told_of_witnesses(restored) == ["witness_differs", "witness_agrees"]
    assert log_checkpoints.may_act(restored.context)


@pytest.mark.parametrize("name", ["w1", "w2", "w3"])
def test_there_is_nothing_to_explain_of_a_witness_that_agrees(begin, outside, name):
    world = begin()
    outside.put(world, 1)
    log_witnesses.tend(world.context)
    with pytest.raises(WitnessRefusedError):
        log_witnesses.accept(world.context, person("it", Role.IT_ADMINISTRATOR), name, WHY)


LIES: dict[str, tuple[Answers, WitnessFault]] = {
    "a larger log": (lambda _: (409, b"4000000000\n"), WitnessFault.KNOWS_MORE),
    "the largest log": (lambda _: (409, b"9223372036854775807\n"), WitnessFault.KNOWS_MORE),
    "another tree": (lambda body: (409, b"3\n") if body.startswith(b"old 0") else (422, b""), WitnessFault.OTHER_TREE),
}


@pytest.mark.parametrize(("answers", "fault"), LIES.values(), ids=LIES.keys())
def test_a_witness_that_says_it_saw_another_history_stops_all_until_it_is_explained(begin, outside, answers, fault):
    world = begin()
    outside.there["https://w1.example"] = answers
    log_witnesses.tend(world.context)
    assert stands(world)[0][1:] == (fault, True)
    assert not log_checkpoints.may_act(world.context)
    world.context = replace(world.context, log_witnesses=replace(POLICY, witnesses=POLICY.witnesses[1:]))
    assert log_checkpoints.may_act(world.context), "a witness that is asked no more"


def test_another_installation_with_our_key_is_another_tree(begin, outside):
    world = begin()
    outside.put(world, 1)
    origin = log_checkpoints.origin(world.context)
    leaves = [leaf_hash(b"another %d" % number) for number in range(3)]
    note = sign_checkpoint(Checkpoint(origin, 3, root_of(leaves)), world.context.keys.signer, origin)
    assert outside("https://w1.example", write_request(AddCheckpoint(0, (), note)))[0] == 200
    log_witnesses.tend(world.context)
    assert stands(world)[0][1:] == (WitnessFault.OTHER_TREE, True)


def test_two_machines_of_one_log_are_no_fork(begin, outside, tmp_path):
    """Each has a file of heads of its own; one is behind the other for a moment."""
    world = begin()
    outside.put(world, 1)
    folder = tmp_path / "other"
    folder.mkdir()
    other = replace(world.context, checkpoint_file=folder / "checkpoints.txt")
    other.checkpoint_file.write_bytes(world.context.checkpoint_file.read_bytes())
    for context in (world.context, other, world.context, other):
        world.tell()
        log_checkpoints.write_checkpoint(context)
        log_witnesses.tend(context, again=True)
        assert log_checkpoints.may_act(context)
        assert log_witnesses.standings(context)[0].fault is None


def test_a_log_that_was_changed_is_not_sent(begin, outside):
    world = begin()
    outside.put(world, 1)
    sign(world)
    with world.context.store.write() as connection:
        connection.execute(update(log_entry).where(log_entry.c.seq == 1).values(canonical=b"another"))
    log_witnesses.tend(world.context)
    assert stands(world)[0] == (0, None, False)


def test_a_witness_is_asked_while_no_transaction_is_open(begin, outside):
    world = begin()
    outside.put(world, 1)
    answer = outside.there["https://w1.example"]

    def writes_meanwhile(body: bytes) -> tuple[int, bytes]:
        world.tell()
        return answer(body)

    outside.there["https://w1.example"] = writes_meanwhile
    log_witnesses.tend(world.context)
    assert stands(world)[0][1:] == (None, False)


def test_an_empty_log_has_the_root_of_nothing():
    assert witness_memory.Memory().cosigned.root() == EMPTY_ROOT


def test_what_is_shown_says_since_when(begin, outside):
    world = begin()
    outside.there["https://w1.example"] = gone
    began = world.clock()
    for _ in range(2):
        log_witnesses.tend(world.context)
        world.clock.pass_(timedelta(minutes=2))
    expected = WitnessStanding("w1", 0, 0, WitnessFault.GONE, began, 0, stops=False)
    assert log_witnesses.standings(world.context)[0] == expected
