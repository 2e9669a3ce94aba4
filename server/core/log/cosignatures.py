"""Cosignatures on signed heads, as witnesses give them (c2sp.org/tlog-cosignature, Ed25519 with an instant); no I/O.

A witness keeps the newest head that it saw of a log and cosigns only what extends it. Who believes a head that enough
witnesses cosigned needs to believe neither the log's machine nor those who run it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.core.log.checkpoints import (
    BadCheckpoint,
    NoteFault,
    key_id,
    parse_verifier_key,
    require_name,
    split_note,
    verifier_key_text,
    write_base64,
)

COSIGNATURE = b"\x04"
"""The type of this signature in key ids and verifier keys."""
_LARGEST_INSTANT = 2**63 - 1
_LENGTH = 8 + 64


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """What a witness is known by: its public key (32 bytes) and the name it signs with."""

    public: bytes
    name: str

    @property
    def text(self) -> str:
        """As people hand it on, with the type of cosignatures (c2sp.org/signed-note)."""
        return verifier_key_text(self.public, self.name, COSIGNATURE)

    @property
    def id(self) -> str:
        """Eight hex digits that name it in a cosignature."""
        return key_id(self.public, self.name, COSIGNATURE).hex()


def parse_witness_key(text: str) -> WitnessKey:
    """The inverse of `WitnessKey.text`; ValueError on anything else, the key of a log included."""
    return WitnessKey(*parse_verifier_key(text, COSIGNATURE))


def cosign(text: str, signer: Ed25519PrivateKey, name: str, at: int) -> str:
    """The line by which a witness says that, at this instant, this was the largest consistent head it had seen.

    text: the whole text of the note, extension lines included. at: whole seconds since 1970, above 0. ValueError.
    """
    require_name(name)
    if not 0 < at <= _LARGEST_INSTANT:
        raise ValueError("a cosignature tells an instant")
    signature = signer.sign(_signed(text, at))
    id_ = key_id(signer.public_key().public_bytes_raw(), name, COSIGNATURE)
    return f"— {name} {write_base64(id_ + at.to_bytes(8, 'big') + signature)}\n"


def _signed(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def read_cosignatures(note: str, witnesses: Sequence[WitnessKey]) -> Mapping[WitnessKey, int]:
    """Which of these witnesses cosigned the text of a note, and when (seconds since 1970), the newest of each.

    Signatures by other keys are passed over. BadCheckpoint: it is no note. A false one in the name of a witness is no
    cosignature of theirs, and spoils those of nobody else: it is not the witnesses who put the note together.
    """
    found, false = _sort_out(note, witnesses)
    return {witness: at for witness, at in found.items() if witness not in false}


def false_cosigners(note: str, witnesses: Sequence[WitnessKey]) -> AbstractSet[WitnessKey]:
    """In whose name and id a line stands that they did not sign; BadCheckpoint: it is no note."""
    return _sort_out(note, witnesses)[1]


def _sort_out(note: str, witnesses: Sequence[WitnessKey]) -> tuple[Mapping[WitnessKey, int], AbstractSet[WitnessKey]]:
    text, signatures = split_note(note)
    by_name = {(each.name, bytes.fromhex(each.id)): each for each in witnesses}
    found: dict[WitnessKey, int] = {}
    false: set[WitnessKey] = set()
    for name, id_, signature in signatures:
        witness = by_name.get((name, id_))
        if witness is None:
            continue
        at = int.from_bytes(signature[:8], "big")
        if len(signature) == _LENGTH and 0 < at <= _LARGEST_INSTANT and _holds(witness, text, at, signature[8:]):
            found[witness] = max(at, found.get(witness, 0))
        else:
            false.add(witness)
    return found, false


def _holds(witness: WitnessKey, text: str, at: int, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(witness.public).verify(signature, _signed(text, at))
    except InvalidSignature:
        return False
    return True


def add_signatures(note: str, lines: Sequence[str]) -> str:
    """The note with more signature lines beneath those it has; BadCheckpoint unless that is a note again."""
    joined = note + "".join(lines)
    if split_note(joined)[0] != split_note(note)[0]:  # a line with an empty one before it would move the text's end
        raise BadCheckpoint(NoteFault.MALFORMED)
    return joined
