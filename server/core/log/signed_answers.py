"""Answers that are handed out signed: canonical JSON with a note by the installation's key over its digest; no I/O.

The note is a C2SP signed note as of a checkpoint, of another first line: neither can be taken for the other. A file has
one spelling, so that any changed byte is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.core.log.checkpoints import BadCheckpoint, NoteFault, key_id, require_name, split_note, write_base64

FIRST_LINE = "closeout answer 1"


def sign_answer(told: Mapping[str, Any], signer: Ed25519PrivateKey, name: str) -> str:
    """The file. told: what it says, of plain JSON. name: of the key, which is the log's."""
    require_name(name)
    text = _note_text(told)
    signature = key_id(signer.public_key().public_bytes_raw(), name) + signer.sign(text.encode())
    return _spelt({"answer": told, "note": f"{text}\n— {name} {write_base64(signature)}\n"})


def read_answer(file: str, log_key: tuple[bytes, str]) -> Mapping[str, Any]:
    """What a file says, if this key signed it and not a byte was changed since; raises BadCheckpoint."""
    public, name = log_key
    try:
        told = json.loads(file)
        answer, note = told["answer"], str(told["note"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadCheckpoint(NoteFault.MALFORMED) from None
    if not isinstance(answer, dict) or set(told) != {"answer", "note"} or _spelt(told) != file:
        raise BadCheckpoint(NoteFault.MALFORMED)
    text, signatures = split_note(note)
    ours = [signature for *signer, signature in signatures if signer == [name, key_id(public, name)]]
    if not ours:
        raise BadCheckpoint(NoteFault.UNKNOWN_KEY)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(ours[0], text.encode())
    except InvalidSignature:
        raise BadCheckpoint(NoteFault.WRONG_SIGNATURE) from None
    if len(signatures) != 1 or text != _note_text(answer):
        raise BadCheckpoint(NoteFault.WRONG_SIGNATURE)
    return answer


def _note_text(told: Mapping[str, Any]) -> str:
    canonical = json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f"{FIRST_LINE}\nsha256\n{write_base64(hashlib.sha256(canonical.encode()).digest())}\n"


def _spelt(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
