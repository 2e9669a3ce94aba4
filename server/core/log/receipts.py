"""Receipts: what the log proves of one removal as a small file, which verifies with public keys alone; no I/O.

A receipt names no person, case, phone or address book. Whose contact it was stands in it as a commitment, which only
the installation's key opens. It tells one time: when the removal was seen to be so. What came before, and how long that
took, would tell apart what was postponed (decision 0071).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from typing import TypeAlias

from server.core.log.checkpoints import BadCheckpoint, Checkpoint, read_base64, read_checkpoint, write_base64
from server.core.log.cosignatures import WitnessKey, false_cosigners, read_cosignatures
from server.core.log.entries import EntryKind, LogEntry, read_entry
from server.core.log.merkle import HASH_LENGTH, leaf_hash, verify_inclusion
from server.core.log.witness_policy import NOBODY, WitnessPolicy
from server.core.model import Level

FORMAT = "closeout-receipt/1"
OPENING_FORMAT = "closeout-receipt-opening/1"
LANGUAGES = ("en", "nl")
TOLD = ("place", "how", "kept")
"""What a proof says in words: where it was; how it was seen; what is left of it there."""
LONGEST = 1 << 18
"""Bytes of a receipt: some two thousand are usual."""
_CONTACT = b"closeout/receipt/v1\0"
_HEX = re.compile(r"[0-9a-f]{64}")

Statement: TypeAlias = Mapping[str, Mapping[str, str]]
"""By language (`LANGUAGES`), the sentences by `TOLD`."""


@dataclass(frozen=True, slots=True)
class VouchedEntry:
    """An entry of the log in its one form, and its audit path to the head's root."""

    text: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RemovalReceipt:
    """entries: the proof, then what raised its level for a phone. head: the signed note they are proven against."""

    entries: tuple[VouchedEntry, ...]
    head: str
    statement: Statement


class ReceiptFault(StrEnum):
    """Why a receipt is not believed."""

    NOT_A_RECEIPT = "not_a_receipt"
    """It is none, or is not written in the one way in which one is written."""
    NOT_OF_THIS_LOG = "not_of_this_log"
    """The key given did not sign its head: another organisation's, an older key, or none."""
    HEAD_CHANGED = "head_changed"
    """Its head is not what the log signed."""
    NOT_IN_LOG = "not_in_log"
    """What it shows is not in the log that its checkpoint was signed for."""
    NO_REMOVAL = "no_removal"
    """What it shows stands in the log, and is no proof of one removal."""
    WORDS_CHANGED = "words_changed"
    """Its words are not those that are in the log."""
    COSIGNATURE_FALSE = "cosignature_false"
    """A line in the name of a witness was not signed by it."""
    NOT_COSIGNED = "not_cosigned"
    """Not enough of the witnesses given have cosigned its checkpoint."""


class BadReceipt(ValueError):
    """It is not believed; `fault` says why. Its message repeats nothing of it."""

    def __init__(self, fault: ReceiptFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class ProvenRemoval:
    """What a receipt that is believed says. at: when the book was seen without the contact.

    levels: in the order of the log, each with when. commitment: to the contact. cosigned: names of witnesses.
    """

    order: str
    at: datetime
    levels: tuple[tuple[Level, datetime], ...]
    policy: str
    rule: str
    commitment: bytes
    statement: Statement
    head: Checkpoint
    cosigned: tuple[str, ...]


# --- what the log commits to ------------------------------------------------------------------------------------


def digest_of_statement(statement: Statement) -> str:
    """Names what a proof says in words, 64 hex digits."""
    return sha256(_canonical(statement)).hexdigest()


def write_statement(statement: Statement) -> str:
    """The one text of a statement."""
    return _canonical(statement).decode()


def commit_to_contact(key: bytes, order: str, token: bytes) -> bytes:
    """Binds the proof of an order to a contact, 32 bytes. key: 32 secret bytes of this order alone."""
    return hmac.digest(key, _CONTACT + order.encode() + b"\0" + token, "sha256")


@dataclass(frozen=True, slots=True)
class ContactOpening:
    """What shows of one receipt whose contact it is about, by its token: handed to nobody who may not know that."""

    order: str
    key: bytes
    token: bytes

    def opens(self, removal: ProvenRemoval) -> bool:
        """Whether the receipt is about this contact."""
        expected = commit_to_contact(self.key, self.order, self.token)
        return self.order == removal.order and hmac.compare_digest(expected, removal.commitment)


def write_opening(opening: ContactOpening) -> str:
    """As a file says it."""
    told = {"format": OPENING_FORMAT, "order": opening.order, "key": opening.key.hex(), "token": opening.token.hex()}
    return _pretty(told)


def read_opening(text: str) -> ContactOpening:
    """The inverse of `write_opening`; ValueError on any other text."""
    told = _load(text)
    match told:
        case {"format": str(form), "order": str(order), "key": str(key), "token": str(token)} if (
            form == OPENING_FORMAT and _HEX.fullmatch(key) and _HEX.fullmatch(token)
        ):
            opening = ContactOpening(order, bytes.fromhex(key), bytes.fromhex(token))
            if write_opening(opening) == text:
                return opening
    raise ValueError("not what opens a receipt")


# --- as a file ----------------------------------------------------------------------------------------------------


def _canonical(told: object) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _pretty(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def _load(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def write_receipt(receipt: RemovalReceipt) -> str:
    """The one text of a receipt."""
    return _pretty(
        {
            "format": FORMAT,
            "entries": [
                {"entry": each.text.decode(), "proof": [write_base64(node) for node in each.proof]}
                for each in receipt.entries
            ],
            "head": receipt.head,
            "statement": receipt.statement,
        }
    )


def read_receipt(text: str) -> RemovalReceipt:
    """The inverse of `write_receipt`; BadReceipt (NOT_A_RECEIPT) on any other text. Nothing is believed yet."""
    told = _load(text) if len(text) <= LONGEST else None
    try:
        match told:
            case {"format": str(form), "entries": [_, *_] as entries, "head": str(head), "statement": statement} if (
                form == FORMAT and _is_statement(statement)
            ):
                receipt = RemovalReceipt(tuple(_read_vouched(each) for each in entries), head, statement)
                if write_receipt(receipt) == text:
                    return receipt
    except UnicodeError:  # half of a pair of surrogates is no text
        pass
    raise BadReceipt(ReceiptFault.NOT_A_RECEIPT)


def _is_statement(told: object) -> bool:
    return (
        isinstance(told, dict)
        and told.keys() == {*LANGUAGES}
        and all(isinstance(each, dict) and each.keys() == {*TOLD} for each in told.values())
        and all(isinstance(sentence, str) for each in told.values() for sentence in each.values())
    )


def _read_vouched(told: object) -> VouchedEntry:
    match told:
        case {"entry": str(text), "proof": list(nodes)}:
            proof = [read_base64(node) if isinstance(node, str) else None for node in nodes]
            hashes = tuple(node for node in proof if node is not None and len(node) == HASH_LENGTH)
            if len(hashes) == len(proof):
                return VouchedEntry(text.encode(), hashes)
    raise BadReceipt(ReceiptFault.NOT_A_RECEIPT)


# --- whether it is believed ---------------------------------------------------------------------------------------


def check_receipt(receipt: RemovalReceipt, log_key: tuple[bytes, str], policy: WitnessPolicy) -> ProvenRemoval:
    """What a receipt proves, by the log's public key and name, and its witnesses if the policy names a quorum.

    Raises BadReceipt.
    """
    return _prove(receipt, *read_head(receipt.head, log_key, policy))


def read_head(note: str, log_key: tuple[bytes, str], policy: WitnessPolicy) -> tuple[Checkpoint, tuple[str, ...]]:
    """A signed head and the names of the witnesses who cosigned it; raises BadReceipt, which says why not."""
    return _read_head(note, log_key), _read_cosigners(note, policy)


class ReceiptChecker:
    """Checks many receipts against the same keys; a head that they share is looked at once."""

    def __init__(self, log_key: tuple[bytes, str], policy: WitnessPolicy) -> None:
        self._log_key, self._policy = log_key, policy
        self._known: tuple[str, Checkpoint, tuple[str, ...]] | None = None

    def check(self, receipt: RemovalReceipt) -> ProvenRemoval:
        """As `check_receipt`."""
        if self._known is None or self._known[0] != receipt.head:
            self._known = receipt.head, *read_head(receipt.head, self._log_key, self._policy)
        return _prove(receipt, *self._known[1:])


def _prove(receipt: RemovalReceipt, head: Checkpoint, cosigned: tuple[str, ...]) -> ProvenRemoval:
    entries = [_read_entry(each, head) for each in receipt.entries]
    proof, *raised = entries
    said = proof.body
    words = {name: said.get(name) for name in ("order", "policy", "rule", "commitment", "digest")}
    if (
        proof.kind is not EntryKind.PROOF
        or said.get("level") != Level.STORE_REMOVED
        or not all(isinstance(each, str) for each in words.values())
        or not _HEX.fullmatch(str(words["commitment"]))
        or any(not _raises(each, said.get("order")) for each in raised)
        or any(one.seq >= other.seq for one, other in pairwise(entries))
    ):
        raise BadReceipt(ReceiptFault.NO_REMOVAL)
    if digest_of_statement(receipt.statement) != words["digest"]:
        raise BadReceipt(ReceiptFault.WORDS_CHANGED)
    return ProvenRemoval(
        order=str(words["order"]),
        at=proof.at,
        levels=tuple((Level(str(each.body["level"])), each.at) for each in entries),
        policy=str(words["policy"]),
        rule=str(words["rule"]),
        commitment=bytes.fromhex(str(words["commitment"])),
        statement=receipt.statement,
        head=head,
        cosigned=cosigned,
    )


def _raises(entry: LogEntry, order: object) -> bool:
    body = entry.body
    return (
        entry.kind is EntryKind.EVIDENCE_RAISED
        and body.get("order") == order
        and body.get("level") in {Level.DEVICE_SYNCED, Level.DEVICE_ATTESTED, Level.CONTAINER_REMOVED}
    )


def _read_head(note: str, log_key: tuple[bytes, str]) -> Checkpoint:
    try:
        head = read_checkpoint(note, *log_key)
    except BadCheckpoint as bad:
        unknown = bad.fault.value == "unknown_key"
        raise BadReceipt(ReceiptFault.NOT_OF_THIS_LOG if unknown else ReceiptFault.HEAD_CHANGED) from None
    if head.origin != log_key[1]:
        raise BadReceipt(ReceiptFault.NOT_OF_THIS_LOG)
    return head


def _read_cosigners(note: str, policy: WitnessPolicy) -> tuple[str, ...]:
    keys = [each.key for each in policy.witnesses]
    if false_cosigners(note, keys):
        raise BadReceipt(ReceiptFault.COSIGNATURE_FALSE)
    found: set[WitnessKey] = {*read_cosignatures(note, keys)}
    if policy.quorum != NOBODY and not policy.is_met(found):
        raise BadReceipt(ReceiptFault.NOT_COSIGNED)
    return tuple(sorted(each.name for each in found))


def _read_entry(vouched: VouchedEntry, head: Checkpoint) -> LogEntry:
    try:
        entry = read_entry(vouched.text)
    except ValueError:
        raise BadReceipt(ReceiptFault.NOT_IN_LOG) from None
    if not verify_inclusion(leaf_hash(vouched.text), entry.seq, head.size, vouched.proof, head.root):
        raise BadReceipt(ReceiptFault.NOT_IN_LOG)
    return entry


# --- how it is made -----------------------------------------------------------------------------------------------


def make_receipt(
    texts: Sequence[tuple[int, bytes]], head: str, size: int, inclusion: Callable[[int, int], tuple[bytes, ...]],
    statement: Statement,
) -> RemovalReceipt:  # fmt: skip
    """A receipt from entries (number, text), in order, those that this head of `size` entries vouches for.

    inclusion: (number, size) -> audit path. Raises IndexError where the tree cannot be read.
    """
    vouched = [VouchedEntry(text, inclusion(seq, size)) for seq, text in texts if seq < size]
    return RemovalReceipt(tuple(vouched), head, statement)
