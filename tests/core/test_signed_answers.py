"""An answer handed out is believed as it was signed alone; held against another reading of the same specifications."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.core.log.checkpoints import BadCheckpoint, Checkpoint, NoteFault, read_checkpoint, sign_checkpoint
from server.core.log.signed_answers import read_answer, sign_answer

SIGNER = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = SIGNER.public_key().public_bytes_raw()
NAME = "closeout/0123"
TOLD = {"rows": [{"case": "100001", "level": None}], "at": "2026-03-04T12:00:00+00:00", "é": 3}
FILE = sign_answer(TOLD, SIGNER, NAME)


def test_what_was_signed_is_read_back():
    assert read_answer(FILE, (PUBLIC, NAME)) == TOLD


def test_it_is_a_signed_note_as_the_specification_has_it():
    """Read here without a line of ours: key id and signature of c2sp.org/signed-note, SHA-256 of the sorted JSON."""
    note = json.loads(FILE)["note"]
    text, _, line = note.rpartition("\n\n")
    dash, name, encoded = line.removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded)
    assert (dash, name) == ("\u2014", NAME)
    assert raw[:4] == hashlib.sha256(NAME.encode() + b"\n\x01" + PUBLIC).digest()[:4]
    SIGNER.public_key().verify(raw[4:], (text + "\n").encode())
    canonical = json.dumps(TOLD, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    assert text.split("\n")[2] == base64.b64encode(hashlib.sha256(canonical).digest()).decode()


def test_not_a_byte_may_be_changed():
    raw = FILE.encode()
    for nth in range(len(raw)):
        changed = (raw[:nth] + bytes([raw[nth] ^ 1]) + raw[nth + 1 :]).decode("utf-8", "replace")
        with pytest.raises(BadCheckpoint):
            read_answer(changed, (PUBLIC, NAME))


@pytest.mark.parametrize(
    ("file", "key", "fault"),
    [
        (FILE + "\n", (PUBLIC, NAME), NoteFault.MALFORMED),
        ("", (PUBLIC, NAME), NoteFault.MALFORMED),
        ("[" * 100_000, (PUBLIC, NAME), NoteFault.MALFORMED),
        (FILE, (PUBLIC, "closeout/other"), NoteFault.UNKNOWN_KEY),
        (FILE, (Ed25519PrivateKey.generate().public_key().public_bytes_raw(), NAME), NoteFault.UNKNOWN_KEY),
    ],
)
def test_another_key_name_or_text_is_refused(file, key, fault):
    with pytest.raises(BadCheckpoint) as refused:
        read_answer(file, key)
    assert refused.value.fault is fault


def test_neither_an_answer_nor_a_checkpoint_is_taken_for_the_other():
    with pytest.raises(BadCheckpoint) as refused:
        read_checkpoint(json.loads(FILE)["note"], PUBLIC, NAME)
    assert refused.value.fault is NoteFault.NOT_A_CHECKPOINT
    head = sign_checkpoint(Checkpoint(NAME, 3, b"r" * 32), SIGNER, NAME)
    spoilt = json.dumps({"answer": TOLD, "note": head}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    with pytest.raises(BadCheckpoint):
        read_answer(spoilt, (PUBLIC, NAME))
