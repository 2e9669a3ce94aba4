"""What an entry of the log may say: its kinds, their fields, its one byte form (RFC 8785), commitments; no tree.

What may be said is an allow-list (`FIELDS`), and its values are machine words: the normal form of a number or an
address, a link or a sentence does not fit in one. The log is silent rather than leaky.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

LARGEST_INTEGER = 2**53 - 1
"""Largest integer an entry may carry: beyond it JSON readers disagree (RFC 7493 section 2.2)."""

_sha256 = hashlib.sha256


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
    """The file of signed heads was mended: `count` of its heads could still be read, the others vouch no more."""
    POLICY_CHANGED = "policy_changed"
    KEY_CHANGED = "key_changed"
    RESTORE_ACCEPTED = "restore_accepted"
    """Somebody said what was lost with a restored database; the second one's word accepts it, and names the heads that
    were lost (`heads`: size and root's beginning). verb `restored`: a backup was put back here, with the head in it."""
    BACKUP_MADE = "backup_made"
    """A backup was begun, or made: of what, and to which public keys it was encrypted (`recipients`: the beginning of a
    digest of each). size, root: the head of the log in it. digest: of its file."""
    TABLES_ACCEPTED = "tables_accepted"
    """Rows of small tables were not as this program had written them: somebody said that they may stay; the second
    one's word accepts it. Which rows they were stands restricted."""
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
    ENGINE_ENDED = "engine_ended"
    """A person said that an engine of another machine runs no more: `count` of its claims will not be answered."""
    CLOSURE_ANSWERED = "closure_answered"
    """A work supervisor said of a closed case whether its final closure was confirmed, or withdrew that."""
    PLAN_CHANGED = "plan_changed"
    """A work supervisor changed the plan of a case in monitoring, or a change is no longer in force."""
    PUT_BACK = "put_back"
    """A contact that was removed is put back: a worker asked, it was sent, a store answered, a look saw; or sealed
    values were destroyed. None of them says what is not put back, or why."""
    PACKAGE_CHANGED = "package_changed"
    """An evidence package was asked for, confirmed, refused or made: for whom (`addressee`), on what basis, sealed to
    which public keys (`recipients`). digest: of what was asked; of one that was made, of its file. A package of
    somebody cleared for holds is restricted instead."""
    ATTESTED = "attested"
    """Workers stated how it stands with saved numbers where nobody can look, or were reminded of the question: how many
    answers, or letters. digest: keyed, of what was stated."""
    RECORDS_EXPIRED = "records_expired"
    """Records of closeout's own whose period was over, up to and with a day: first that they go, then how many went."""


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


FIELDS: Mapping[EntryKind, frozenset[str]] = MappingProxyType(
    {
        EntryKind.INSTALLED: _fields("version schema origin mode key policy digest"),
        EntryKind.REGISTER_CHANGED: _fields("case_system mode what outcome count digest actor_role"),
        EntryKind.PLACE_CHANGED: _fields("place vendor verb what count digest actor_role"),
        EntryKind.GATE_RECORDED: _fields("gate what verb outcome review until digest actor_role"),
        EntryKind.SIGHTING: _fields(
            "look place mode outcome fault count present absent unknown unreadable failed places digest"
        ),
        EntryKind.PLAN_MADE: _fields("plan digest policy rule mode look outcome count review deferred actor_role"),
        EntryKind.ORDER_PLANNED: _fields("order plan place token verb rule reason policy"),
        EntryKind.ORDER_SENT: _fields("order place verb attempt count policy"),
        EntryKind.RECEIPT: _fields(
            "order place outcome fault status attempt count mode removed trimmed gone changed unclear failed"
            " removed_shared trimmed_shared"
        ),
        EntryKind.ORDER_SETTLED: _fields("order place outcome level rule reason policy"),
        EntryKind.PROOF: _fields("order place look level outcome what count rule policy commitment digest"),
        EntryKind.EVIDENCE_RAISED: _fields("order place look level what count"),
        EntryKind.FINDING: _fields("finding what order place look rule policy verb outcome count actor_role"),
        EntryKind.DEVIATION_RECORDED: _fields("deviation tier rule policy verb until digest actor_role"),
        EntryKind.RESTRICTED: _fields("commitment"),
        EntryKind.READ: _fields("what report mode outcome count digest actor_role"),
        EntryKind.REPORT_MADE: _fields("report policy mode since until outcome count size seed digest actor_role"),
        EntryKind.REFUSED: _fields("what rule reason verb order plan place report count actor_role"),
        EntryKind.CHECKPOINT_MADE: _fields("origin size root key digest what count actor_role"),
        EntryKind.POLICY_CHANGED: _fields("policy previous verb outcome digest actor_role"),
        EntryKind.KEY_CHANGED: _fields("key previous what verb outcome digest actor_role"),
        EntryKind.RESTORE_ACCEPTED: _fields("verb size root heads digest actor_role"),
        EntryKind.BACKUP_MADE: _fields("what verb recipients size root digest actor_role"),
        EntryKind.TABLES_ACCEPTED: _fields("verb state digest actor_role"),
        EntryKind.USAGE_CHANGED: _fields("feed verb outcome count unknown digest policy actor_role"),
        EntryKind.PHONES_LISTED: _fields("vendor outcome fault count present unknown"),
        EntryKind.PHONE_ASKED: _fields("phone what outcome fault attempt plan actor_role count"),
        EntryKind.PHONE_TOLD: _fields("phone what outcome count"),
        EntryKind.ENGINE_ENDED: _fields("count digest actor_role"),
        EntryKind.CLOSURE_ANSWERED: _fields("closure verb since count actor_role"),
        EntryKind.PLAN_CHANGED: _fields("plan_change verb count actor_role"),
        EntryKind.PUT_BACK: _fields("item place verb outcome fault attempt look count actor_role"),
        EntryKind.PACKAGE_CHANGED: _fields("package verb addressee basis recipients size root digest actor_role"),
        EntryKind.ATTESTED: _fields("verb count digest actor_role"),
        EntryKind.RECORDS_EXPIRED: _fields("what verb apart count until policy actor_role"),
        EntryKind.PAUSE_CHANGED: _fields("pause verb what vendor until count actor_role"),
        EntryKind.DECLARATION_CHANGED: _fields("declaration what verb outcome count version policy until actor_role"),
    }
)
"""Which fields an entry of each kind may carry. No worker, client, case, hold or sentence is among them.

order, place, plan, look, item, finding, deviation, declaration, phone, closure, plan_change, pause, package: opaque ids
of rows. addressee, basis: values of closed sets (`core.package_record`).
feed: its name.
token, commitment: 64 hex digits. policy, previous, version: a version. digest, root, state: hex. verb: what was asked
or done (remove, set, withdrawn). what: the sort of thing it was done to.
count and its like (present, absent, unknown, unreadable, review, deferred, size, attempt, status): integers; of a
receipt, removed, trimmed, gone, changed, unclear, failed are cards, and attempt says which sending it answers.
of a proof, commitment is to the contact and digest of what the proof says in words (`core.log.receipts`).
apart: as what findings ended that have a period of their own.
since, until: ISO dates. actor_role: a role, never a person.
"""

Scalar = str | int | bool | None
Body = Mapping[str, Scalar | Sequence[Scalar]]

# Machine words: an id, a closed-set value, a version, hex, base64, an ISO date. E.164 begins with a plus, an address
# has an at sign, a link a slash at its start or after its colon, a name or sentence spaces: none of them fits.
_WORD = re.compile(r"(?!.*://)[A-Za-z0-9_-][A-Za-z0-9_.:/+=-]{0,255}")
_COMMITMENT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class LogEntry:
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


def canonical(entry: LogEntry) -> bytes:
    """The one text of an entry, whose `leaf_hash` is its leaf: JSON as RFC 8785 writes it, so in any language alike.

    Keys sorted, no spaces, UTF-8; the instant as `2026-01-31T09:30:00.000000Z`.
    """
    return _encode_json(
        {"seq": entry.seq, "at": write_instant(entry.at), "kind": entry.kind.value, "body": dict(entry.body)}
    ).encode()


def read_entry(text: bytes) -> LogEntry:
    """The inverse of `canonical`; raises ValueError, which repeats nothing of it, on any other text."""
    try:
        members = json.loads(text)
        entry = LogEntry(
            members["seq"], datetime.fromisoformat(members["at"]), EntryKind(members["kind"]), members["body"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("not the canonical text of an entry") from None
    if canonical(entry) != text:
        raise ValueError("not the canonical text of an entry")
    return entry


def write_instant(at: datetime) -> str:
    """An instant in UTC as entries have it, to the microsecond."""
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def commitment(key: bytes, body: bytes) -> bytes:
    """Binds a restricted entry to its sealed body without a word about it: HMAC-SHA256, 32 bytes.

    key: 32 fresh random bytes for each entry, sealed with the body. A key used twice would show which bodies are
    equal; keys of other lengths could open one commitment in two ways, hence ValueError.
    """
    if len(key) != 32:
        raise ValueError("a commitment's key is 32 bytes")
    return hmac.digest(key, body, "sha256")


ED25519 = b"\x01"
