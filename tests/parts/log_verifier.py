"""A verifier of transparency logs of its own, written from what is published alone: RFC 6962, and of C2SP signed-note,
tlog-checkpoint, tlog-cosignature, tlog-witness. It imports nothing of the product, and no test lives here.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Head: TypeAlias = tuple[str, int, bytes]
NOTE_KEY, COSIGNATURE_KEY = 1, 4


class Rejected(Exception):
    """What was shown is not what its signatures say; `str()` says where."""


def tree_hash(entries: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1: MTH."""
    match len(entries):
        case 0:
            return sha256(b"").digest()
        case 1:
            return sha256(b"\0" + entries[0]).digest()
        case n:
            k = 1
            while k * 2 < n:
                k *= 2
            return sha256(b"\1" + tree_hash(entries[:k]) + tree_hash(entries[k:])).digest()


def extends(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 6962, 2.1.2, verified by building both roots from the top down, as the proof was made."""
    if old > new:
        return False
    if old == 0:
        return not proof and old_root == sha256(b"").digest()
    if old == new:
        return not proof and old_root == new_root
    left = list(proof)

    def take() -> bytes:
        if not left:
            raise Rejected("proof too short")
        return left.pop()

    def walk(m: int, n: int, whole: bool) -> tuple[bytes, bytes]:
        if m == n:
            node = old_root if whole else take()
            return node, node
        k = 1
        while k * 2 < n:
            k *= 2
        if m <= k:
            right = take()
            was, now = walk(m, k, whole)
            return was, sha256(b"\1" + now + right).digest()
        first = take()
        was, now = walk(m - k, n - k, False)
        return sha256(b"\1" + first + was).digest(), sha256(b"\1" + first + now).digest()

    try:
        roots = walk(old, new, True)
    except Rejected:
        return False
    return not left and roots == (old_root, new_root)


def decoded(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Rejected("base64") from None
    if base64.b64encode(found).decode() != text:
        raise Rejected("base64 of two spellings")
    return found


def number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and str(int(text)) == text and int(text) < 2**63):
        raise Rejected("number")
    return int(text)


def key(text: str, sort: int) -> tuple[str, bytes, Ed25519PublicKey]:
    """A vkey: its name, its id, the key."""
    name, id_, encoded = text.split("+", 2)
    material = decoded(encoded)
    expected = sha256(name.encode() + b"\n" + material).digest()[:4]
    if material[0] != sort or len(material) != 33 or expected.hex() != id_:
        raise Rejected("key")
    return name, expected, Ed25519PublicKey.from_public_bytes(material[1:])


def opened(note: str, log_key: str, witness_keys: Sequence[str]) -> tuple[Head, Mapping[str, int]]:
    """The head in a note that the log signed, and which witnesses cosigned it, when."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not note.endswith("\n"):
        raise Rejected("no note")
    text += "\n"
    log = key(log_key, NOTE_KEY)
    witnesses = {key(each, COSIGNATURE_KEY)[:2]: (each, key(each, COSIGNATURE_KEY)[2]) for each in witness_keys}
    signed, cosigned = False, dict[str, int]()
    for line in lines[:-1].split("\n"):
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if mark != "\u2014" or not name or "+" in name:
            raise Rejected("signature line")
        blob = decoded(encoded)
        try:
            if (name, blob[:4]) == log[:2]:
                log[2].verify(blob[4:], text.encode())
                signed = True
            elif (name, blob[:4]) in witnesses:
                whose, public = witnesses[name, blob[:4]]
                if len(blob) != 4 + 8 + 64:
                    raise Rejected("cosignature")
                (at,) = struct.unpack(">Q", blob[4:12])
                if not 0 < at < 2**63:
                    raise Rejected("instant")
                public.verify(blob[12:], f"cosignature/v1\ntime {at}\n{text}".encode())
                cosigned[whose] = at
        except InvalidSignature:
            raise Rejected("signature") from None
    if not signed:
        raise Rejected("not signed by the log")
    origin, size, root, *more = text[:-1].split("\n")
    if origin != log[0] or not all(more) or len(decoded(root)) != 32:
        raise Rejected("no checkpoint of this log")
    return (origin, number(size), decoded(root)), cosigned


def verify_log(
    entries: Sequence[bytes], notes: Sequence[str], log_key: str, witness_keys: Sequence[str], enough: int
) -> int:
    """Entries of the largest head that enough witnesses cosigned; Rejected if anything is not as it should be."""
    for place, text in enumerate(entries):
        try:
            seq = json.loads(text)["seq"]
        except (ValueError, KeyError, TypeError):
            raise Rejected("entry") from None
        if seq != place:
            raise Rejected("order")
    vouched, newest = -1, -1
    for note in notes:
        (_, size, root), cosigned = opened(note, log_key, witness_keys)
        if size > len(entries) or tree_hash(entries[:size]) != root:
            raise Rejected("root")
        newest = max(newest, size)
        if len(cosigned) >= enough:
            vouched = max(vouched, size)
    if vouched < 0 or newest != len(entries):
        raise Rejected("not vouched for to its end")
    return vouched


def verify_request(body: bytes, known: Head | None, log_key: str) -> Head:
    """What a witness must find before it cosigns (tlog-witness, add-checkpoint); Rejected."""
    head, _, note = body.decode().partition("\n\n")
    first, *lines = head.split("\n")
    word, _, old = first.partition(" ")
    if word != "old":
        raise Rejected("old size")
    size, root = (0, sha256(b"").digest()) if known is None else known[1:]
    if number(old) != size or len(lines) > 63:
        raise Rejected("not the size that is known")
    sent, _ = opened(note, log_key, ())
    proof = [decoded(each) for each in lines]
    if any(len(each) != 32 for each in proof) or not extends(size, sent[1], root, sent[2], proof):
        raise Rejected("does not extend")
    return sent
