"""The witness that is shipped: what it cosigned stays what it knows, whatever comes in or becomes of its files."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.core.log.checkpoints import Checkpoint, sign_checkpoint, verifier_key_text
from server.core.log.cosignatures import WitnessKey, read_cosignatures
from server.core.log.merkle import consistency_proof, leaf_hash, root_of
from server.core.log.witness_protocol import AddCheckpoint, write_request
from server.core.problems import WitnessProblem, WitnessRefusedError
from server.web.witness import make_door
from server.work.admin.witnessing import KnownLog, Witness

ORIGIN = "closeout/log-1"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_TEXT = verifier_key_text(LOG.public_key().public_bytes_raw(), ORIGIN)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
KEY = WitnessKey(SIGNER.public_key().public_bytes_raw(), "council.example/witness")
LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]
FORKED = [*LEAVES[:3], leaf_hash(b"another"), *LEAVES[4:]]
START = datetime(2026, 11, 30, 9, tzinfo=UTC)


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def again(tmp_path: Path, clock: Clock) -> Callable[[], Witness]:
    """The witness of one folder, started anew."""
    (tmp_path / "logs").mkdir()
    return lambda: Witness(tmp_path, SIGNER, KEY.name, clock)


@pytest.fixture
def witness(again: Callable[[], Witness]) -> Witness:
    made = again()
    made.trust(LOG_TEXT)
    return made


def note(size: int, leaves: list[bytes] = LEAVES, signer: Ed25519PrivateKey = LOG, origin: str = ORIGIN) -> str:
    return sign_checkpoint(Checkpoint(origin, size, root_of(leaves[:size])), signer, origin)


def ask(old: int, size: int, leaves: list[bytes] = LEAVES, **more: Any) -> bytes:
    proof = consistency_proof(leaves[:size], old) if old <= size else ()
    return write_request(AddCheckpoint(old, proof, note(size, leaves, **more)))


def knows(witness: Witness) -> tuple[int | None, bool, int]:
    (log,) = witness.logs()
    return log.newest and log.newest.size, log.lost, log.kept


def place(folder: Path) -> Path:
    return folder / "logs" / hashlib.sha256(ORIGIN.encode()).hexdigest()


def test_a_log_is_cosigned_as_it_grows_and_the_newest_is_shown(witness, clock, tmp_path):
    for old, size in ((0, 1), (1, 7), (7, 7), (7, 40)):
        clock.now += timedelta(seconds=1)
        reply = witness.add_checkpoint(ask(old, size))
        assert reply.status == 200
        found = read_cosignatures(note(size) + reply.body.decode(), [KEY])
        assert found == {KEY: int(clock.now.timestamp())}
    assert witness.logs() == [KnownLog(ORIGIN, Checkpoint(ORIGIN, 40, root_of(LEAVES)), clock.now, lost=False, kept=0)]
    shown = witness.newest_note(place(tmp_path).name)
    assert shown == note(40).encode() + reply.body


def test_a_restarted_witness_knows_what_it_cosigned(witness, again):
    assert witness.add_checkpoint(ask(0, 7)).status == 200
    restarted = again()
    assert restarted.add_checkpoint(ask(0, 9)).body == b"7\n"
    assert restarted.add_checkpoint(ask(7, 9)).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (ask(0, 7), 409),
        (ask(9, 20), 409),
        (ask(7, 5), 400),
        (ask(7, 20, FORKED), 422),
        (ask(7, 7, FORKED), 422),
        (ask(7, 20, signer=SIGNER), 403),
        (ask(0, 7, origin="closeout/log-2"), 404),
        (b"", 400),
        (b"\xff" * 1_000, 400),
        (b"x" * 100_000_000, 400),
    ],
)
def test_what_does_not_extend_or_is_no_request_is_refused_and_changes_nothing(witness, tmp_path, body, status):
    witness.add_checkpoint(ask(0, 7))
    before = (place(tmp_path) / "head").read_bytes()
    assert witness.add_checkpoint(body).status == status
    assert (place(tmp_path) / "head").read_bytes() == before


def test_two_histories_of_one_log_are_kept_as_what_its_key_signed(witness):
    witness.add_checkpoint(ask(0, 7))
    for _ in range(3):
        witness.add_checkpoint(ask(7, 20, FORKED))
        witness.add_checkpoint(ask(6, 7, FORKED))
    witness.add_checkpoint(ask(7, 30, FORKED, signer=SIGNER))
    assert knows(witness) == (7, False, 2)


def test_a_flood_of_forks_does_not_fill_the_disk(witness, tmp_path):
    witness.add_checkpoint(ask(0, 7))
    for number in range(60):
        leaves = [leaf_hash(b"fork %d" % number), *LEAVES[1:]]
        assert witness.add_checkpoint(ask(7, 20, leaves)).status == 422
    assert len(list(place(tmp_path).iterdir())) == 22


def test_signatures_of_strangers_are_not_passed_on(witness, tmp_path):
    stranger = sign_checkpoint(Checkpoint(ORIGIN, 7, root_of(LEAVES[:7])), SIGNER, "stranger").splitlines()[-1]
    witness.add_checkpoint(ask(0, 7) + stranger.encode() + b"\n")
    assert b"stranger" not in (witness.newest_note(place(tmp_path).name) or b"")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda head: head.unlink(),
        lambda head: head.write_bytes(b""),
        lambda head: head.write_bytes(head.read_bytes()[:-40]),
        lambda head: head.write_text(note(3)),
        lambda head: head.write_bytes(b"\xff"),
    ],
    ids=["gone", "empty", "torn", "without our cosignature", "no text"],
)
def test_a_witness_that_forgot_cosigns_nothing_until_its_keeper_says_so(witness, again, tmp_path, spoil):
    witness.add_checkpoint(ask(0, 7))
    spoil(place(tmp_path) / "head")
    forgetful = again()
    assert forgetful.add_checkpoint(ask(0, 9, FORKED)).status == 503
    assert forgetful.add_checkpoint(ask(7, 9)).status == 503
    assert knows(forgetful) == (None, True, 0)
    assert forgetful.newest_note(place(tmp_path).name) is None
    forgetful.begin_anew(ORIGIN)
    assert forgetful.add_checkpoint(ask(0, 9)).status == 200


def test_beginning_anew_leaves_what_was_known_beside_it(witness, tmp_path):
    witness.add_checkpoint(ask(0, 7))
    known = (place(tmp_path) / "head").read_bytes()
    witness.begin_anew(ORIGIN)
    assert [file.read_bytes() for file in place(tmp_path).glob("head.until-*")] == [known]
    assert knows(witness) == (None, False, 0)


def test_a_clock_that_was_set_back_lets_nothing_be_cosigned(witness, clock):
    witness.add_checkpoint(ask(0, 7))
    clock.now -= timedelta(hours=1)
    assert witness.add_checkpoint(ask(7, 9)).status == 503
    assert knows(witness)[0] == 7
    clock.now = START
    assert witness.add_checkpoint(ask(7, 9)).status == 200


def test_of_requests_that_come_at_once_none_rolls_another_back(witness):
    witness.add_checkpoint(ask(0, 7))
    begin = threading.Barrier(8)
    statuses: list[int] = []

    def send(size: int) -> None:
        begin.wait()
        statuses.append(witness.add_checkpoint(ask(7, size)).status)

    threads = [threading.Thread(target=send, args=(size,)) for size in range(8, 16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + 7 * [409]


@pytest.mark.parametrize("text", ["", "closeout/log-1", KEY.text, LOG_TEXT[:-1], LOG_TEXT.replace("log-1", "log-2")])
def test_only_the_key_of_a_log_is_trusted(witness, text):
    with pytest.raises(WitnessRefusedError) as refused:
        witness.trust(text)
    assert refused.value.problem is WitnessProblem.NO_LOG_KEY


def test_a_log_that_is_known_is_not_known_by_another_key(witness):
    other = verifier_key_text(SIGNER.public_key().public_bytes_raw(), ORIGIN)
    with pytest.raises(WitnessRefusedError) as refused:
        witness.trust(other)
    assert refused.value.problem is WitnessProblem.LOG_KNOWN
    with pytest.raises(WitnessRefusedError) as refused:
        witness.begin_anew("closeout/log-2")
    assert refused.value.problem is WitnessProblem.LOG_UNKNOWN


def test_one_process_serves_a_witness(witness, again):
    with witness.serving():
        with pytest.raises(WitnessRefusedError) as refused, again().serving():
            pass
        assert refused.value.problem is WitnessProblem.BUSY
    with again().serving():
        pass


# --- over HTTP ----------------------------------------------------------------------------------------------------


def over_http(witness: Witness, method: str, path: str, body: bytes = b"") -> tuple[str, str, bytes, list[str]]:
    """Status, content type, body, and what was said to the keeper."""
    said: list[str] = []
    begun: list[Any] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
    answer = make_door(witness, said.append)(environ, lambda *given: begun.append(given))
    (status, headers), *_ = begun
    return status, dict(headers)["Content-Type"], b"".join(answer), said


def test_the_door_answers_as_the_protocol_says(witness, tmp_path):
    plain = "text/plain; charset=utf-8"
    monitored = f"/{place(tmp_path).name}/checkpoint"
    assert over_http(witness, "GET", monitored)[0] == "404 Not Found"
    status, kind, line, said = over_http(witness, "POST", "/add-checkpoint", ask(0, 7))
    assert (status, kind, said) == ("200 OK", plain, [f"{ORIGIN}: cosigned 7"])
    assert over_http(witness, "GET", monitored) == ("200 OK", plain, note(7).encode() + line, [])
    again = over_http(witness, "POST", "/add-checkpoint", ask(0, 9))
    assert again == ("409 Conflict", "text/x.tlog.size", b"7\n", [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", b"", "404 Not Found"),
        ("GET", "/add-checkpoint", b"", "405 Method Not Allowed"),
        ("POST", "/0000/checkpoint", b"", "405 Method Not Allowed"),
        ("GET", "/../../witness.pem/checkpoint", b"", "404 Not Found"),
        ("GET", f"/{'.' * 64}/checkpoint", b"", "404 Not Found"),
        ("GET", "/checkpoint", b"", "404 Not Found"),
        ("POST", "/add-checkpoint", b"x" * 70_000, "413 Content Too Large"),
        ("POST", "/add-checkpoint", b"old 0\n", "400 Bad Request"),
    ],
)
def test_the_door_refuses_all_else_and_says_nothing_of_strangers(witness, method, path, body, status):
    assert over_http(witness, method, path, body) == (status, "text/plain; charset=utf-8", b"", [])
