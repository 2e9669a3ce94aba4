"""A log as its people handed it on, held against public keys alone: entries, heads, cosignatures; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.core.log.audit import LogFault, audit
from server.core.log.checkpoints import BadCheckpoint, Checkpoint, read_checkpoint
from server.core.log.cosignatures import WitnessKey, false_cosigners, read_cosignatures
from server.core.log.merkle import leaf_hash
from server.core.log.witness_policy import NOBODY, WitnessPolicy


@dataclass(frozen=True, slots=True)
class Published:
    """What was found. size: entries. heads: signed heads by the key given. bad: notes that are none.

    anchored: up to which entry a head vouches for them. cosigned: up to which one enough witnesses do; None: none.
    sound: nothing is wrong, a head is there, and where witnesses were named enough of them cosigned one.
    """

    sound: bool
    size: int
    heads: int
    bad: int
    anchored: int
    cosigned: int | None
    faults: tuple[LogFault, ...]


def check_published(
    texts: Iterable[bytes], notes: Sequence[str], log_key: tuple[bytes, str], policy: WitnessPolicy
) -> Published:
    """Hold entries, in order, against signed heads. log_key: the public key and its name, which is the log's."""
    heads: dict[Checkpoint, set[WitnessKey]] = {}
    bad = 0
    keys = [each.key for each in policy.witnesses]
    for note in notes:
        try:
            head = read_checkpoint(note, *log_key)
        except BadCheckpoint:
            bad += 1
            continue
        if head.origin != log_key[1]:
            bad += 1
            continue
        heads.setdefault(head, set()).update(read_cosignatures(note, keys))
        bad += bool(false_cosigners(note, keys))
    verdict = audit(((seq, text, leaf_hash(text)) for seq, text in enumerate(texts)), list(heads))
    enough = [head.size for head, who in heads.items() if policy.quorum != NOBODY and policy.is_met(who)]
    cosigned = max(enough, default=None)
    sound = verdict.sound and not bad and bool(heads) and (policy.quorum == NOBODY or cosigned is not None)
    return Published(sound, verdict.size, len(heads), bad, verdict.anchored, cosigned, verdict.faults)
