"""Signed heads of the log in the forms of C2SP (tlog-checkpoint, signed-note), Ed25519; no tree is built here.

A checkpoint that is kept outside the database vouches for all that came before it: from inside, a tail that was cut
off and a whole that was written anew cannot be seen.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.core.log.entries import ED25519, _sha256
from server.core.log.merkle import HASH_LENGTH, LARGEST_SIZE, are_sizes, is_hash

# --- checkpoints --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log at one size (c2sp.org/tlog-checkpoint).

    origin: names the log, one line, best a URL without scheme. size: leaves. root: 32 bytes. Raises ValueError.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or any(sign < " " for sign in self.origin):
            raise ValueError("a checkpoint's origin is one line")
        if not are_sizes(self.size) or not is_hash(self.root):
            raise ValueError("a checkpoint has a size and a root of 32 bytes")


class NoteFault(StrEnum):
    """Why a signed checkpoint was not believed."""

    MALFORMED = "malformed"
    """It is no signed note."""
    UNKNOWN_KEY = "unknown_key"
    """It is signed, and not by the key given: the wrong key, or the wrong log."""
    WRONG_SIGNATURE = "wrong_signature"
    """It names the key given, and that key did not sign this text."""
    NOT_A_CHECKPOINT = "not_a_checkpoint"
    """The key signed it, and the text is no checkpoint."""


class BadCheckpoint(ValueError):
    """A note that proves nothing; `fault` says why. Its message repeats nothing of the note."""

    def __init__(self, fault: NoteFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


_SIGNATURE_LENGTH = 64
_LONGEST_NOTE = 1 << 18
"""Characters: room for sixteen of the largest signatures in use, as the specification asks, and no flood."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_NO_TEXT = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_KEY_ID = re.compile(r"[0-9a-f]{8}")


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """What is signed: origin, size and root, one line each (c2sp.org/tlog-checkpoint)."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{write_base64(checkpoint.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Ed25519PrivateKey, name: str) -> str:
    """The checkpoint as a signed note (c2sp.org/signed-note).

    name: the key's name, best the checkpoint's origin. Raises ValueError if it has spaces or a plus.
    """
    require_name(name)
    text = checkpoint_text(checkpoint)
    signature = key_id(signer.public_key().public_bytes_raw(), name) + signer.sign(text.encode())
    return f"{text}\n— {name} {write_base64(signature)}\n"


def read_checkpoint(note: str, verifier_public_key: bytes, name: str) -> Checkpoint:
    """The checkpoint in a note that this key signed; raises BadCheckpoint when the note does not show that it did.

    Signatures by other keys (witnesses, an older key) are passed over. Extension lines are signed and not kept. The
    caller compares `origin` with that of the log it asked about. Raises a plain ValueError if the key itself is none.
    """
    verifier = Ed25519PublicKey.from_public_bytes(verifier_public_key)
    id_ = key_id(verifier_public_key, name)
    text, signatures = split_note(note)
    ours = [signature for *signer, signature in signatures if signer == [name, id_]]
    if not ours:
        raise BadCheckpoint(NoteFault.UNKNOWN_KEY)
    for signature in ours:
        try:
            verifier.verify(signature, text.encode())
        except InvalidSignature:
            raise BadCheckpoint(NoteFault.WRONG_SIGNATURE) from None
    return read_checkpoint_text(text)


def verifier_key_text(public_key: bytes, name: str, sort: bytes = ED25519) -> str:
    """A public key as people hand it on: `name+key id in hex+base64 of type and key` (c2sp.org/signed-note)."""
    Ed25519PublicKey.from_public_bytes(public_key)
    require_name(name)
    return f"{name}+{key_id(public_key, name, sort).hex()}+{write_base64(sort + public_key)}"


def parse_verifier_key(text: str, sort: bytes = ED25519) -> tuple[bytes, str]:
    """The public key (32 bytes) and its name; raises ValueError on anything `verifier_key_text` does not write."""
    name, _, rest = text.partition("+")
    id_, _, encoded = rest.partition("+")
    key = read_base64(encoded)
    if key is None or len(key) != 33 or key[:1] != sort or not _KEY_ID.fullmatch(id_):
        raise ValueError("not an Ed25519 verifier key of this type")
    require_name(name)
    if key_id(key[1:], name, sort).hex() != id_:
        raise ValueError("the verifier key's id does not fit its name and key")
    return key[1:], name


def split_note(note: str) -> tuple[str, Sequence[tuple[str, bytes, bytes]]]:
    """A note's text and its signatures (key name, key id of 4 bytes, signature); BadCheckpoint if it is no note."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank or len(note) > _LONGEST_NOTE or not note.endswith("\n") or _NO_TEXT.search(note):
        raise BadCheckpoint(NoteFault.MALFORMED)
    return text + "\n", [_read_signature(line) for line in lines[:-1].split("\n")]


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    match line.split(" "):
        case ["—", name, encoded] if _is_name(name):
            signed = read_base64(encoded)
            if signed is not None and len(signed) > 4:
                return name, signed[:4], signed[4:]
    raise BadCheckpoint(NoteFault.MALFORMED)


def read_checkpoint_text(text: str) -> Checkpoint:
    """The checkpoint that a note's text is, whoever signed it; BadCheckpoint. Extension lines are passed over."""
    match text[:-1].split("\n"):
        case [origin, size, encoded, *extensions] if _SIZE.fullmatch(size) and all(extensions):
            root = read_base64(encoded)
            if origin and root is not None and len(root) == HASH_LENGTH and int(size) <= LARGEST_SIZE:
                return Checkpoint(origin, int(size), root)
    raise BadCheckpoint(NoteFault.NOT_A_CHECKPOINT)


def key_id(public_key: bytes, name: str, sort: bytes = ED25519) -> bytes:
    """What names a key in a signature: 4 bytes (c2sp.org/signed-note). sort: the one byte of the signature's type."""
    return _sha256(name.encode() + b"\n" + sort + public_key).digest()[:4]


def _is_name(name: str) -> bool:
    return bool(name) and not any(sign.isspace() or sign < " " or sign == "+" for sign in name)


def require_name(name: str) -> None:
    """Raises ValueError unless a key may be called that."""
    if not _is_name(name):
        raise ValueError("a key's name has no spaces and no plus")


def write_base64(data: bytes) -> str:
    """The one text of these bytes that is read back."""
    return base64.b64encode(data).decode("ascii")


def read_base64(text: str) -> bytes | None:
    """The bytes, or None: only the one text that `write_base64` writes is read, so that nothing has two spellings."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if write_base64(data) == text else None
