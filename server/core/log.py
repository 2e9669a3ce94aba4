"""The transparency log's mathematics: entries, Merkle tree, proofs, signed checkpoints, audit; nothing is stored here.

A leaf is the hash of an entry's canonical text; the tree over the leaves is that of RFC 6962 section 2.1, so anyone
with an RFC 6962 verifier can check it. A checkpoint (c2sp.org/tlog-checkpoint, a c2sp.org/signed-note) kept outside
the database vouches for all that came before it: from inside, a cut-off tail and a rewritten whole cannot be seen.

What an entry may say is an allow-list (`FIELDS`), and its values are machine words: the normal form of a number or an
address, a link or a sentence does not fit in one. The log is silent rather than leaky.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HASH_LENGTH = 32
"""Bytes in every hash of the tree (SHA-256)."""
LARGEST_SIZE = 2**63 - 1
"""Most leaves a tree may have: what a database's integer holds."""
LARGEST_INTEGER = 2**53 - 1
"""Largest integer an entry may carry: beyond it JSON readers disagree (RFC 7493 section 2.2)."""

_sha256 = hashlib.sha256

EMPTY_ROOT = _sha256(b"").digest()
"""The root of the tree without leaves (RFC 6962 section 2.1)."""


# --- the tree -----------------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf (RFC 6962 section 2.1): 32 bytes."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two subtrees (RFC 6962 section 2.1): 32 bytes."""
    return _sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that must be remembered of a tree to append to it: a few hundred bytes, whatever its size.

    size: leaves so far. hashes: the roots of its perfect subtrees, largest and leftmost first, one for each bit set in
    `size`. Raises ValueError when the two do not fit.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= LARGEST_SIZE or len(self.hashes) != self.size.bit_count():
            raise ValueError("a frontier has one hash for each bit set in its size")
        if not all(_is_hash(each) for each in self.hashes):
            raise ValueError("a frontier's hashes are 32 bytes each")

    def append(self, leaf: bytes) -> Frontier:
        """The frontier after one more leaf hash; raises ValueError if it is not 32 bytes."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after more leaf hashes, in order; raises ValueError if one is not 32 bytes."""
        perfect = list(self.hashes)
        size = _grow(perfect, self.size, leaves)
        return Frontier(size, tuple(perfect))

    def root(self) -> bytes:
        """The root of the whole tree (RFC 6962 section 2.1)."""
        return _fold(self.hashes)

    def encode(self) -> bytes:
        """For one column of one row: the size as 8 bytes, big end first, then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """The inverse of `encode`; raises ValueError on anything `encode` does not write."""
        if len(data) < 8:
            raise ValueError("not an encoded frontier")
        hashes = (data[at : at + HASH_LENGTH] for at in range(8, len(data), HASH_LENGTH))
        return cls(int.from_bytes(data[:8], "big"), tuple(bytes(each) for each in hashes))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaf hashes (RFC 6962 section 2.1), in memory that does not grow with them."""
    return Frontier().extend(leaves).root()


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_LENGTH


def _grow(perfect: list[bytes], size: int, leaves: Iterable[bytes]) -> int:
    """Append leaves to the list of perfect subtrees in place; the new size. The one hot loop of this module."""
    sha256 = _sha256
    for leaf in leaves:
        if len(leaf) != HASH_LENGTH:
            raise ValueError("a leaf hash is 32 bytes")
        size += 1
        carry = size
        node = leaf
        while not carry & 1:
            node = sha256(b"\x01" + perfect.pop() + node).digest()
            carry >>= 1
        perfect.append(node)
    return size


def _fold(perfect: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees: the smallest are joined first, so the left side of every node is perfect."""
    if not perfect:
        return EMPTY_ROOT
    root = perfect[-1]
    for left in reversed(perfect[:-1]):
        root = node_hash(left, root)
    return root


# --- proofs -------------------------------------------------------------------------------------------------------


def _left_width(width: int) -> int:
    """How many of `width` > 1 leaves stand under the left child: the largest power of two below it."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` (from 0) in the tree over these leaf hashes, lowest first (RFC 6962 2.1.1).

    For a proof against an older checkpoint give only the leaves below its size. Raises IndexError outside the tree.
    """
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf in this tree")
    path = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows the leaf hash `leaf` at `index` in the tree of `size` leaves with this root.

    RFC 9162 section 2.1.3.2. Whatever is handed in, the answer is yes or no, never an error.
    """
    if not (_are_sizes(index, size) and index < size and _are_hashes((leaf, root)) and _is_proof(proof)):
        return False
    place, last = index, size - 1
    node = leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            place, last = _climb(place, last)
        else:
            node = node_hash(node, sibling)
            place, last = place >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Shows that the tree over the first `old_size` leaf hashes is a prefix of the tree over all (RFC 6962 2.1.2).

    Empty from nothing and from the same size: there is nothing to show. Raises IndexError when the old tree is larger.
    """
    if not 0 <= old_size <= len(leaves):
        raise IndexError("the old tree is no prefix of this one")
    if old_size == 0:
        return ()
    path = []
    start, end = 0, len(leaves)
    while old_size != end:
        middle = start + _left_width(end - start)
        if old_size <= middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start = middle
    if start:  # else what is left is the whole old tree, whose root the verifier has
        path.append(root_of(leaves[start:end]))
    return tuple(reversed(path))


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    Everything begins with the empty tree, so that needs no proof and allows none. Whatever is handed in, the answer is
    yes or no, never an error.
    """
    if not (_are_sizes(old_size, new_size) and _are_hashes((old_root, new_root)) and _is_proof(proof)):
        return False
    if old_size == 0 or old_size == new_size:
        return not proof and _same_prefix(old_size, new_size, old_root, new_root)
    if old_size > new_size or not proof:
        return False
    # The old tree, when perfect, is itself the first node of the path: the prover leaves it out.
    path = tuple(proof) if old_size & (old_size - 1) else (old_root, *proof)
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            place, last = _climb(place, last)
        else:
            new = node_hash(new, node)
            place, last = place >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _same_prefix(old_size: int, new_size: int, old_root: bytes, new_root: bytes) -> bool:
    """The two cases that need no path: from nothing, and from the same size."""
    if old_size == new_size and old_root != new_root:
        return False
    return old_size > 0 or old_root == EMPTY_ROOT


def _climb(place: int, last: int) -> tuple[int, int]:
    """One level up from a right child or from a last node without sibling, then past all levels where it has none."""
    while not place & 1 and place:
        place, last = place >> 1, last >> 1
    return place >> 1, last >> 1


def _are_sizes(*values: object) -> bool:
    return all(isinstance(each, int) and 0 <= each <= LARGEST_SIZE for each in values)


def _are_hashes(values: Iterable[object]) -> bool:
    return all(_is_hash(each) for each in values)


def _is_proof(proof: object) -> bool:
    """A proof is a finite row of hashes; a tree of at most 2^63 leaves needs no more than 64 of them."""
    return isinstance(proof, tuple | list) and len(proof) <= 64 and _are_hashes(proof)


# --- entries ------------------------------------------------------------------------------------------------------


class EntryKind(StrEnum):
    """What an entry tells of."""

    INSTALLED = "installed"
    REGISTER_CHANGED = "register_changed"
    PLACE_CHANGED = "place_changed"
    GATE_RECORDED = "gate_recorded"
    """A precondition for reading (assessment, consent) was recorded, renewed or withdrawn."""
    SIGHTING = "sighting"
    PLAN_MADE = "plan_made"
    ORDER_PLANNED = "order_planned"
    ORDER_SENT = "order_sent"
    RECEIPT = "receipt"
    ORDER_SETTLED = "order_settled"
    PROOF = "proof"
    EVIDENCE_RAISED = "evidence_raised"
    FINDING = "finding"
    DEVIATION_RECORDED = "deviation_recorded"
    RESTRICTED = "restricted"
    """Something the log must vouch for and not show. A hold set or released, a reveal, a cleared person's read of
    person-level data: all alike in here, each a commitment to a body that lies sealed elsewhere."""
    READ = "read"
    REPORT_MADE = "report_made"
    REFUSED = "refused"
    CHECKPOINT_MADE = "checkpoint_made"
    POLICY_CHANGED = "policy_changed"
    KEY_CHANGED = "key_changed"
    RESTORE_ACCEPTED = "restore_accepted"
    """Somebody said what was lost with a restored database; the second one's word accepts it, and names the heads that
    were lost (`heads`: size and root's beginning)."""
    USAGE_CHANGED = "usage_changed"
    """A feed of usage was taken in, corrected, refused or withdrawn."""
    DECLARATION_CHANGED = "declaration_changed"
    """Declarations were signed, countersigned, ended or checked, a conversation or a contest recorded."""
    PHONES_LISTED = "phones_listed"
    """A manager's phones were listed, or could not be."""
    PHONE_ASKED = "phone_asked"
    """A phone was asked to synchronise, to tell its posture, or to take an account off or on."""
    PHONE_TOLD = "phone_told"
    """A phone, or its manager for it, told what holds of it."""
    PAUSE_CHANGED = "pause_changed"
    """Removing was paused, a pause was made longer or ended, or ran out."""
    CLOSURE_ANSWERED = "closure_answered"
    """A work supervisor said of a closed case whether its final closure was confirmed, or that word counts no more."""


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


FIELDS: Mapping[EntryKind, frozenset[str]] = MappingProxyType(
    {
        EntryKind.INSTALLED: _fields("version schema origin mode key policy digest"),
        EntryKind.REGISTER_CHANGED: _fields("case_system mode what outcome count digest actor_role"),
        EntryKind.PLACE_CHANGED: _fields("place vendor verb what count digest actor_role"),
        EntryKind.GATE_RECORDED: _fields("gate what verb outcome review until digest actor_role"),
        EntryKind.SIGHTING: _fields("look place mode outcome fault count present absent unknown unreadable"),
        EntryKind.PLAN_MADE: _fields("plan digest policy rule mode look outcome count review deferred actor_role"),
        EntryKind.ORDER_PLANNED: _fields("order plan place token verb rule reason policy"),
        EntryKind.ORDER_SENT: _fields("order place verb attempt count policy"),
        EntryKind.RECEIPT: _fields(
            "order place outcome fault status attempt count mode removed trimmed gone changed unclear failed"
            " removed_shared trimmed_shared"
        ),
        EntryKind.ORDER_SETTLED: _fields("order place outcome level rule reason policy"),
        EntryKind.PROOF: _fields("order place look level outcome what count"),
        EntryKind.EVIDENCE_RAISED: _fields("order place look level what count"),
        EntryKind.FINDING: _fields("finding what order place look rule policy verb outcome count actor_role"),
        EntryKind.DEVIATION_RECORDED: _fields("deviation tier rule policy verb until digest actor_role"),
        EntryKind.RESTRICTED: _fields("commitment"),
        EntryKind.READ: _fields("what report mode outcome count digest actor_role"),
        EntryKind.REPORT_MADE: _fields("report policy mode since until outcome count size seed digest actor_role"),
        EntryKind.REFUSED: _fields("what rule reason verb order plan place report count actor_role"),
        EntryKind.CHECKPOINT_MADE: _fields("origin size root key digest"),
        EntryKind.POLICY_CHANGED: _fields("policy previous verb outcome digest actor_role"),
        EntryKind.KEY_CHANGED: _fields("key previous what verb outcome digest actor_role"),
        EntryKind.RESTORE_ACCEPTED: _fields("verb size root heads digest actor_role"),
        EntryKind.USAGE_CHANGED: _fields("feed verb outcome count unknown digest policy actor_role"),
        EntryKind.PHONES_LISTED: _fields("vendor outcome fault count present unknown"),
        EntryKind.PHONE_ASKED: _fields("phone what outcome fault attempt plan actor_role count"),
        EntryKind.PHONE_TOLD: _fields("phone what outcome count"),
        EntryKind.CLOSURE_ANSWERED: _fields("closure verb since count actor_role"),
        EntryKind.PAUSE_CHANGED: _fields("pause verb what vendor until count actor_role"),
        EntryKind.DECLARATION_CHANGED: _fields("declaration what verb outcome count version policy until actor_role"),
    }
)
"""Which fields an entry of each kind may carry. No worker, client, case, hold or sentence is among them.

order, place, plan, look, finding, deviation, declaration, phone, closure, pause: opaque ids of rows. feed: its name.
token: 64 hex digits. policy, previous, version: a version. digest, root: hex. verb: what was asked or done (remove,
set, withdrawn). what: the sort of thing it was done to.
count and its like (present, absent, unknown, unreadable, review, deferred, size, attempt, status): integers; of a
receipt, removed, trimmed, gone, changed, unclear, failed are cards, and attempt says which sending it answers.
since, until: ISO dates. actor_role: a role, never a person.
"""

Scalar = str | int | bool | None
Body = Mapping[str, Scalar | Sequence[Scalar]]

# Machine words: an id, a closed-set value, a version, hex, base64, an ISO date. E.164 begins with a plus, an address
# has an at sign, a link a slash at its start or after its colon, a name or sentence spaces: none of them fits.
_WORD = re.compile(r"(?!.*://)[A-Za-z0-9_-][A-Za-z0-9_.:/+=-]{0,255}")
_COMMITMENT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    seq: its place, from 0. at: an aware instant in UTC. body: the fields `FIELDS` declares for its kind and no other;
    values are machine words, integers, booleans, None, or a list of these (kept as a tuple). Raises ValueError, which
    names kind and field and never a value.
    """

    seq: int
    at: datetime
    kind: EntryKind
    body: Body = field(hash=False)

    def __post_init__(self) -> None:
        kind = EntryKind(self.kind)
        if type(self.seq) is not int or not 0 <= self.seq <= LARGEST_INTEGER:
            raise ValueError("an entry's seq counts from 0")
        if self.at.utcoffset() != timedelta(0):
            raise ValueError("an entry's instant is aware and in UTC")
        undeclared = self.body.keys() - FIELDS[kind]
        if undeclared:
            raise ValueError(f"an entry of kind {kind} may not carry: {_name_fields(undeclared)}")
        if kind is EntryKind.RESTRICTED and not _is_commitment(self.body.get("commitment")):
            raise ValueError("a restricted entry carries its commitment, 64 hex digits, and nothing else")
        body = {name: _freeze(kind, name, value) for name, value in self.body.items()}
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "at", self.at.replace(tzinfo=UTC))
        object.__setattr__(self, "body", MappingProxyType(body))


_KNOWN_FIELDS = frozenset().union(*FIELDS.values())


def _name_fields(names: Iterable[object]) -> str:
    """Field names for a message; a name no kind declares may itself be somebody's data, so it is not repeated."""
    known = sorted(name for name in names if isinstance(name, str) and name in _KNOWN_FIELDS)
    return ", ".join(known) or "a field that no kind declares"


def _is_commitment(value: object) -> bool:
    return isinstance(value, str) and _COMMITMENT.fullmatch(value) is not None


def _freeze(kind: EntryKind, name: str, value: object) -> Scalar | tuple[Scalar, ...]:
    """The value as it is kept; ValueError if it is none that an entry may carry."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= LARGEST_INTEGER:
        return int(value)
    if isinstance(value, str) and _WORD.fullmatch(value):
        return str(value)
    if isinstance(value, list | tuple) and not any(isinstance(each, list | tuple) for each in value):
        return tuple(_freeze(kind, name, each) for each in value)  # type: ignore[misc]
    raise ValueError(f"no value for field {name} of kind {kind}: machine words, integers, booleans, None, flat lists")


_encode_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def canonical(entry: Entry) -> bytes:
    """The one text of an entry, whose `leaf_hash` is its leaf: JSON as RFC 8785 writes it, so in any language alike.

    Keys sorted, no spaces, UTF-8; the instant as `2026-01-31T09:30:00.000000Z`.
    """
    return _encode_json(
        {"seq": entry.seq, "at": _write_instant(entry.at), "kind": entry.kind.value, "body": dict(entry.body)}
    ).encode()


def read_entry(text: bytes) -> Entry:
    """The inverse of `canonical`; raises ValueError, which repeats nothing of it, on any other text."""
    try:
        members = json.loads(text)
        entry = Entry(
            members["seq"], datetime.fromisoformat(members["at"]), EntryKind(members["kind"]), members["body"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("not the canonical text of an entry") from None
    if canonical(entry) != text:
        raise ValueError("not the canonical text of an entry")
    return entry


def _write_instant(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def commitment(key: bytes, body: bytes) -> bytes:
    """Binds a restricted entry to its sealed body without a word about it: HMAC-SHA256, 32 bytes.

    key: 32 fresh random bytes for each entry, sealed with the body. A key used twice would show which bodies are
    equal; keys of other lengths could open one commitment in two ways, hence ValueError.
    """
    if len(key) != 32:
        raise ValueError("a commitment's key is 32 bytes")
    return hmac.digest(key, body, "sha256")


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
        if not _are_sizes(self.size) or not _is_hash(self.root):
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


_ED25519 = b"\x01"
_SIGNATURE_LENGTH = 64
_LONGEST_NOTE = 1 << 18
"""Characters: room for sixteen of the largest signatures in use, as the specification asks, and no flood."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_ID = re.compile(r"[0-9a-f]{8}")


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """What is signed: origin, size and root, one line each (c2sp.org/tlog-checkpoint)."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{_base64(checkpoint.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Ed25519PrivateKey, name: str) -> str:
    """The checkpoint as a signed note (c2sp.org/signed-note).

    name: the key's name, best the checkpoint's origin. Raises ValueError if it has spaces or a plus.
    """
    _require_name(name)
    text = checkpoint_text(checkpoint)
    signature = _key_id(signer.public_key().public_bytes_raw(), name) + signer.sign(text.encode())
    return f"{text}\n— {name} {_base64(signature)}\n"


def read_checkpoint(note: str, verifier_public_key: bytes, name: str) -> Checkpoint:
    """The checkpoint in a note that this key signed; raises BadCheckpoint when the note does not show that it did.

    Signatures by other keys (witnesses, an older key) are passed over. Extension lines are signed and not kept. The
    caller compares `origin` with that of the log it asked about. Raises a plain ValueError if the key itself is none.
    """
    verifier = Ed25519PublicKey.from_public_bytes(verifier_public_key)
    key_id = _key_id(verifier_public_key, name)
    text, signatures = _split_note(note)
    ours = [signature for signer, id_, signature in signatures if (signer, id_) == (name, key_id)]
    if not ours:
        raise BadCheckpoint(NoteFault.UNKNOWN_KEY)
    for signature in ours:
        try:
            verifier.verify(signature, text.encode())
        except InvalidSignature:
            raise BadCheckpoint(NoteFault.WRONG_SIGNATURE) from None
    return _read_checkpoint_text(text)


def verifier_key_text(public_key: bytes, name: str) -> str:
    """A public key as people hand it on: `name+key id in hex+base64 of type and key` (c2sp.org/signed-note)."""
    Ed25519PublicKey.from_public_bytes(public_key)
    _require_name(name)
    return f"{name}+{_key_id(public_key, name).hex()}+{_base64(_ED25519 + public_key)}"


def parse_verifier_key(text: str) -> tuple[bytes, str]:
    """The public key (32 bytes) and its name; raises ValueError on anything `verifier_key_text` does not write."""
    name, _, rest = text.partition("+")
    id_, _, encoded = rest.partition("+")
    key = _read_base64(encoded)
    if key is None or len(key) != 33 or key[:1] != _ED25519 or not _KEY_ID.fullmatch(id_):
        raise ValueError("not an Ed25519 verifier key")
    _require_name(name)
    if _key_id(key[1:], name).hex() != id_:
        raise ValueError("the verifier key's id does not fit its name and key")
    return key[1:], name


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """A note's text and its signatures (key name, key id, signature); BadCheckpoint if it is no note."""
    text, blank, lines = note.rpartition("\n\n")
    if (
        not blank
        or len(note) > _LONGEST_NOTE
        or not note.endswith("\n")
        or any(sign < " " and sign != "\n" for sign in note)
        or any("\ud800" <= sign <= "\udfff" for sign in note)
    ):
        raise BadCheckpoint(NoteFault.MALFORMED)
    return text + "\n", [_read_signature(line) for line in lines[:-1].split("\n")]


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    match line.split(" "):
        case ["—", name, encoded] if _is_name(name):
            signed = _read_base64(encoded)
            if signed is not None and len(signed) > 4:
                return name, signed[:4], signed[4:]
    raise BadCheckpoint(NoteFault.MALFORMED)


def _read_checkpoint_text(text: str) -> Checkpoint:
    match text[:-1].split("\n"):
        case [origin, size, encoded, *extensions] if _SIZE.fullmatch(size) and all(extensions):
            root = _read_base64(encoded)
            if origin and root is not None and len(root) == HASH_LENGTH and int(size) <= LARGEST_SIZE:
                return Checkpoint(origin, int(size), root)
    raise BadCheckpoint(NoteFault.NOT_A_CHECKPOINT)


def _key_id(public_key: bytes, name: str) -> bytes:
    return _sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def _is_name(name: str) -> bool:
    return bool(name) and not any(sign.isspace() or sign < " " or sign == "+" for sign in name)


def _require_name(name: str) -> None:
    if not _is_name(name):
        raise ValueError("a key's name has no spaces and no plus")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _read_base64(text: str) -> bytes | None:
    """The bytes, or None: only the one text that `_base64` writes for them is read, so nothing has two spellings."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _base64(data) == text else None


# --- audit --------------------------------------------------------------------------------------------------------


class LogFaultKind(StrEnum):
    """What can be wrong with a stored log."""

    EDITED = "edited"
    """An entry's text is not the one whose hash was stored with it."""
    GAP = "gap"
    """A number in the sequence has no entry."""
    REORDERED = "reordered"
    """An entry stands where its own text, or the sequence, says it does not belong: moved, repeated or slipped in."""
    TRUNCATED = "truncated"
    """The log ends below a checkpoint."""
    ROOT_DIFFERS = "root_differs"
    """The entries below a checkpoint are not those it vouches for."""


@dataclass(frozen=True, slots=True)
class LogFault:
    """One kind of fault: where it first shows and how often.

    at: the first seq concerned (of a truncation the first that is lost); of a differing root the size of the smallest
    checkpoint that differs, so the cause lies below it. count: entries concerned, or lost; of a differing root the
    checkpoints that differ.
    """

    kind: LogFaultKind
    at: int
    count: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found.

    sound: nothing is wrong. size: entries the log holds by its numbering. faults: at most one of each kind, in the
    order of `LogFaultKind`. anchored: up to which size a checkpoint vouches for the entries; what lies behind it, its
    end included, rests on nothing but the database. root: to compare with the stored frontier's (of the entries up to
    the first gap, if there is one).
    """

    sound: bool
    size: int
    faults: tuple[LogFault, ...]
    anchored: int
    root: bytes


class _Tally:
    """Faults as they are met: for each kind the first place and the number."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[LogFaultKind, tuple[int, int]] = {}

    def note(self, kind: LogFaultKind, at: int, count: int = 1) -> None:
        first, before = self._found.get(kind, (at, 0))
        self._found[kind] = (first, before + count)

    def faults(self) -> tuple[LogFault, ...]:
        return tuple(LogFault(kind, *self._found[kind]) for kind in LogFaultKind if kind in self._found)


def audit(entries: Iterable[tuple[int, bytes, bytes]], checkpoints: Sequence[Checkpoint]) -> Verdict:
    """Read a whole log once and say what is wrong with it, in memory that does not grow with it.

    entries: (seq, canonical text, stored leaf hash), in the order of seq. checkpoints: those whose signatures were
    read, best from outside the database, in any order. The roots are computed from the texts, not from the stored
    hashes, so an edit that also mends its hash shows at the next checkpoint.
    """
    tally = _Tally()
    heads: dict[int, list[bytes]] = {}
    for each in checkpoints:
        heads.setdefault(each.size, []).append(each.root)
    perfect: list[bytes] = []
    size = whole = 0  # entries by the numbering; leaves in the tree, which stops growing at a gap
    anchored = _check_heads(heads.pop(0, ()), 0, perfect, 0, tally)
    for seq, text, stored in entries:
        if seq < size:
            tally.note(LogFaultKind.REORDERED, seq)
            continue
        if seq > size:
            tally.note(LogFaultKind.GAP, size, seq - size)
        leaf = _check_entry(seq, text, stored, tally)
        size = seq + 1
        if seq == whole:
            whole = _grow(perfect, whole, (leaf,))
            if whole in heads:
                anchored = _check_heads(heads.pop(whole), whole, perfect, anchored, tally)
    for beyond in sorted(heads):
        if beyond <= size:
            tally.note(LogFaultKind.ROOT_DIFFERS, beyond, len(heads[beyond]))
    if heads and max(heads) > size:
        tally.note(LogFaultKind.TRUNCATED, size, max(heads) - size)
    faults = tally.faults()
    return Verdict(not faults, size, faults, anchored, _fold(perfect))


def _check_entry(seq: int, text: bytes, stored: bytes, tally: _Tally) -> bytes:
    """The leaf of a text, which is compared with the stored one; the text's own seq with the row's."""
    if not isinstance(text, bytes):  # an embedded database keeps whatever was put into a column
        tally.note(LogFaultKind.EDITED, seq)
        return EMPTY_ROOT
    leaf = leaf_hash(text)
    if leaf != stored:
        tally.note(LogFaultKind.EDITED, seq)
    elif not text.endswith(b',"seq":%d}' % seq):  # in canonical text seq is the last member
        tally.note(LogFaultKind.REORDERED, seq)
    return leaf


def _check_heads(roots: Iterable[bytes], size: int, perfect: Sequence[bytes], anchored: int, tally: _Tally) -> int:
    """Compare the tree as it is now with what checkpoints say of this size; up to where the log is vouched for."""
    root = _fold(perfect)
    for each in roots:
        if each == root:
            anchored = size
        else:
            tally.note(LogFaultKind.ROOT_DIFFERS, size)
    return anchored
