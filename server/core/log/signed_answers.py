"""Files that are handed out signed, answers and manifests: JSON with a note by the log's key over its digest; no I/O.

The note is a C2SP signed note as of a checkpoint, of another first line: none can be taken for another. A file has one
spelling, so that any changed byte is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.core.log.checkpoints import BadCheckpoint, NoteFault, key_id, require_name, split_note, write_base64


@dataclass(frozen=True, slots=True)
class SignedForm:
    """One kind of signed file. member: under what name the file has what it says. first_line: of the note."""

    member: str
    first_line: str


ANSWER = SignedForm("answer", "closeout answer 1")
PACKAGE = SignedForm("package", "closeout package 1")


def sign_answer(told: Mapping[str, Any], signer: Ed25519PrivateKey, name: str) -> str:
    """The file of an answer. told: what it says, of plain JSON. name: of the key, which is the log's."""
    return sign_file(told, signer, name, ANSWER)


def read_answer(file: str, log_key: tuple[bytes, str]) -> Mapping[str, Any]:
    """What the file of an answer says, if this key signed it and not a byte was changed; raises BadCheckpoint."""
    return read_signed_file(file, log_key, ANSWER)


def sign_file(told: Mapping[str, Any], signer: Ed25519PrivateKey, name: str, form: SignedForm) -> str:
    """The file. told: what it says, of plain JSON. name: of the key, which is the log's."""
    require_name(name)
    text = _note_text(told, form)
    signature = key_id(signer.public_key().public_bytes_raw(), name) + signer.sign(text.encode())
    return _spelt({form.member: told, "note": f"{text}\n— {name} {write_base64(signature)}\n"})


def read_signed_file(file: str, log_key: tuple[bytes, str], form: SignedForm) -> Mapping[str, Any]:
    """What a file says, if this key signed it and not a byte was changed since; raises BadCheckpoint."""
    public, name = log_key
    try:
        told = json.loads(file)
        said, note = told[form.member], str(told["note"])
        spelt = set(told) == {form.member, "note"} and _spelt(told) == file and isinstance(said, dict)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadCheckpoint(NoteFault.MALFORMED) from None
    if not spelt:
        raise BadCheckpoint(NoteFault.MALFORMED)
    text, signatures = split_note(note)
    ours = [signature for *signer, signature in signatures if signer == [name, key_id(public, name)]]
    if not ours:
        raise BadCheckpoint(NoteFault.UNKNOWN_KEY)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(ours[0], text.encode())
    except InvalidSignature:
        raise BadCheckpoint(NoteFault.WRONG_SIGNATURE) from None
    if len(signatures) != 1 or text != _note_text(said, form):
        raise BadCheckpoint(NoteFault.WRONG_SIGNATURE)
    return said  # type: ignore[no-any-return]


def _note_text(told: Mapping[str, Any], form: SignedForm) -> str:
    canonical = json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f"{form.first_line}\nsha256\n{write_base64(hashlib.sha256(canonical.encode()).digest())}\n"


def _spelt(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
