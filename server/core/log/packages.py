"""Evidence packages: what one says of itself, and whether what is in it is believed, by public keys alone; no I/O.

A package is an archive of small files (`work.reports.package_files`): chosen lines of the log with audit paths,
receipts, reports as they were made, who asked for it and who confirmed it, and a manifest over all of them, signed with
the log's key. Whoever checks it reads the manifest first and then each file in order, so that only one is in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.core.log.checkpoints import BadCheckpoint, Checkpoint, NoteFault, read_base64, write_base64
from server.core.log.entries import EntryKind, LogEntry, commitment, read_entry, write_instant
from server.core.log.merkle import HASH_LENGTH, leaf_hash, verify_inclusion
from server.core.log.receipts import BadReceipt, ProvenRemoval, ReceiptChecker, ReceiptFault, read_head, read_receipt
from server.core.log.signed_answers import PACKAGE, read_answer, read_signed_file, sign_file
from server.core.log.witness_policy import WitnessPolicy

FORMAT = "closeout-package/1"
README, HEAD, ENTRIES, OPENINGS, CUSTODY = "README.txt", "head.txt", "entries.jsonl", "openings.jsonl", "custody.json"
RECEIPTS, REPORTS, ANSWERS = "receipts/", "reports/", "answers/"
MANIFEST, STAMP = "manifest.json", "manifest.tsr"
MOST_MEMBERS = 25_000
LARGEST_MEMBER = 1 << 26
"""Bytes of one file within."""
LARGEST_STAMP = 1 << 16
_NAME = re.compile(r"(?:(?:receipts|reports|answers)/)?[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[a-z]+)+", re.ASCII)
_LONGEST_NAME = 120


class PackageFault(StrEnum):
    """Why a package is not believed."""

    NOT_A_PACKAGE = "not_a_package"
    """It is none, or is not written in the one way in which one is written."""
    UNSAFE = "unsafe"
    """A file in it has a name that could lie elsewhere, is compressed, or is larger than a package may be."""
    NOT_OF_THIS_LOG = "not_of_this_log"
    """The key given did not sign its manifest: another organisation's, an older key, or none."""
    MANIFEST_CHANGED = "manifest_changed"
    FILES_DIFFER = "files_differ"
    """A file is missing, is one too many, or is not what the manifest says."""
    HEAD_CHANGED = "head_changed"
    COSIGNATURE_FALSE = "cosignature_false"
    NOT_COSIGNED = "not_cosigned"
    NOT_IN_LOG = "not_in_log"
    """A line that it shows is not in the log that its head was signed for."""
    OPENING_FALSE = "opening_false"
    """What it shows behind a restricted line is not what that line commits to."""
    CUSTODY_FALSE = "custody_false"
    """Who asked for it and confirmed it is not what the log says."""
    REPORT_FALSE = "report_false"
    """A report is not the one that the log says was made."""
    RECEIPT_FALSE = "receipt_false"
    ANSWER_FALSE = "answer_false"
    STAMP_FALSE = "stamp_false"
    """The time-stamp is not of this package, or not by an authority that was given."""
    STAMP_MISSING = "stamp_missing"
    """Authorities were given, and it has no time-stamp."""


class BadPackageError(ValueError):
    """It is not believed; `fault` says why. member: in which file. receipt: what a receipt is refused for."""

    def __init__(self, fault: PackageFault, member: str = "", receipt: ReceiptFault | None = None) -> None:
        super().__init__(fault.value)
        self.fault, self.member, self.receipt = fault, member, receipt


@dataclass(frozen=True, slots=True)
class PackageMember:
    """A file within. sha256: hex."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ReportWithin:
    """A report as it was made. key: its sort. line: of the log that says it was made; None: none says so."""

    name: str
    key: str
    line: int | None


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """Somebody had to do with the package. by: tells the people of one package apart. line: of the log."""

    verb: str
    role: str
    by: str
    at: str
    line: int


@dataclass(frozen=True, slots=True)
class PackageManifest:
    """What a package says of itself.

    size, root: of the head it is proven against. receipts: how many. mode, seed, population: how they were chosen.
    restricted: it may hold what nobody else in the organisation is told. members: all other files, in order.
    """

    package: str
    origin: str
    addressee: str
    basis: str
    purpose: str
    restricted: bool
    size: int
    root: str
    receipts: int
    mode: str
    seed: str
    population: int
    reports: tuple[ReportWithin, ...]
    members: tuple[PackageMember, ...]


@dataclass(frozen=True, slots=True)
class ProvenPackage:
    """What a package that is believed holds. cosigned: names of witnesses. opened: (line, what stands behind it)."""

    manifest: PackageManifest
    digest: str
    head: Checkpoint
    cosigned: tuple[str, ...]
    custody: tuple[CustodyEvent, ...]
    entries: int
    opened: tuple[tuple[int, str], ...]
    answers: int


def is_safe_name(name: str) -> bool:
    """Whether a file within a package may be called that: by one folder at most, of plain letters."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


# --- as files -----------------------------------------------------------------------------------------------------


def write_manifest(manifest: PackageManifest, signer: Ed25519PrivateKey) -> str:
    """The signed manifest, one text for the same content."""
    return sign_file({"format": FORMAT, **asdict(manifest)}, signer, manifest.origin, PACKAGE)


def read_manifest(text: str, log_key: tuple[bytes, str]) -> PackageManifest:
    """The inverse, if this key signed it; raises BadPackageError."""
    try:
        told: dict[str, Any] = dict(read_signed_file(text, log_key, PACKAGE))
    except BadCheckpoint as bad:
        raise BadPackageError(_OF_NOTES.get(bad.fault, PackageFault.MANIFEST_CHANGED), MANIFEST) from None
    try:
        known = told.pop("format") == FORMAT and told["origin"] == log_key[1]
        reports = tuple(ReportWithin(**each) for each in told.pop("reports"))
        members = tuple(PackageMember(**each) for each in told.pop("members"))
        made = PackageManifest(**told, reports=reports, members=members)
    except (TypeError, KeyError, AttributeError):
        raise BadPackageError(PackageFault.NOT_A_PACKAGE, MANIFEST) from None
    if not known:
        raise BadPackageError(PackageFault.NOT_OF_THIS_LOG, MANIFEST)
    return made


_OF_NOTES: Mapping[NoteFault, PackageFault] = {
    NoteFault.MALFORMED: PackageFault.NOT_A_PACKAGE,
    NoteFault.UNKNOWN_KEY: PackageFault.NOT_OF_THIS_LOG,
}
_OF_HEADS: Mapping[ReceiptFault, PackageFault] = {
    ReceiptFault.NOT_OF_THIS_LOG: PackageFault.NOT_OF_THIS_LOG,
    ReceiptFault.COSIGNATURE_FALSE: PackageFault.COSIGNATURE_FALSE,
    ReceiptFault.NOT_COSIGNED: PackageFault.NOT_COSIGNED,
}


def write_line(text: bytes, proof: Iterable[bytes]) -> str:
    """A line of the log with its audit path, as `entries.jsonl` has it."""
    return _line({"entry": text.decode(), "proof": [write_base64(node) for node in proof]})


def write_opened(seq: int, key: bytes, body: str) -> str:
    """What stands behind a restricted line, as `openings.jsonl` has it. body: what its commitment is over."""
    return _line({"body": body, "key": key.hex(), "seq": seq})


def write_custody(events: Sequence[CustodyEvent], recipients: Sequence[str]) -> str:
    """Who had to do with it. recipients: marks of the public keys it is sealed to."""
    told = {"events": [asdict(each) for each in events], "recipients": list(recipients)}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def _line(told: Mapping[str, object]) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


# --- whether it is believed ---------------------------------------------------------------------------------------


class PackageChecker:
    """Holds one package against public keys: its manifest, then each file in order, then that nothing was missing."""

    def __init__(self, manifest: str, log_key: tuple[bytes, str], policy: WitnessPolicy) -> None:
        self.manifest = read_manifest(manifest, log_key)
        self._digest = hashlib.sha256(manifest.encode()).hexdigest()
        self._log_key, self._policy = log_key, policy
        self._receipts = ReceiptChecker(log_key, policy)
        self._next = iter(self.manifest.members)
        self._note = ""
        self._head: Checkpoint | None = None
        self._cosigned: tuple[str, ...] = ()
        self._lines: dict[int, LogEntry] = {}
        self._opened: dict[int, str] = {}
        self._custody: tuple[CustodyEvent, ...] = ()
        self._reports: dict[str, str] = {}
        self._counts = {RECEIPTS: 0, ANSWERS: 0}

    def take(self, name: str, content: bytes) -> ProvenRemoval | None:
        """Check the next file; what it proves if it is a receipt. Raises BadPackageError."""
        said = next(self._next, None)
        if said is None or said != PackageMember(name, len(content), hashlib.sha256(content).hexdigest()):
            raise BadPackageError(PackageFault.FILES_DIFFER, name)
        folder = name.partition("/")[0] + "/" if "/" in name else name
        if folder == REPORTS:
            self._reports[name] = said.sha256
            return None
        if folder == README:
            return None
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise BadPackageError(PackageFault.NOT_A_PACKAGE, name) from None
        if folder == RECEIPTS:
            return self._receipt(name, text)
        take = {
            HEAD: self._take_head,
            ENTRIES: self._take_entries,
            OPENINGS: self._take_openings,
            CUSTODY: self._take_custody,
            ANSWERS: self._take_answer,
        }.get(folder)
        if take is None:
            raise BadPackageError(PackageFault.NOT_A_PACKAGE, name)
        try:
            take(text)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as bad:
            if isinstance(bad, BadPackageError):
                raise BadPackageError(bad.fault, name) from None
            raise BadPackageError(PackageFault.NOT_A_PACKAGE, name) from None
        return None

    def end(self) -> ProvenPackage:
        """All of it was there; raises BadPackageError."""
        told = self.manifest
        if next(self._next, None) is not None or self._head is None:
            raise BadPackageError(PackageFault.FILES_DIFFER)
        if self._counts[RECEIPTS] != told.receipts:
            raise BadPackageError(PackageFault.FILES_DIFFER)
        for report in told.reports:
            self._hold_report(report)
        self._hold_custody()
        opened = tuple((seq, body) for seq, body in sorted(self._opened.items()))
        return ProvenPackage(
            manifest=told,
            digest=self._digest,
            head=self._head,
            cosigned=self._cosigned,
            custody=self._custody,
            entries=len(self._lines),
            opened=opened,
            answers=self._counts[ANSWERS],
        )

    def _take_head(self, note: str) -> None:
        try:
            head, self._cosigned = read_head(note, self._log_key, self._policy)
        except BadReceipt as bad:
            raise BadPackageError(_OF_HEADS.get(bad.fault, PackageFault.HEAD_CHANGED)) from None
        if (head.size, write_base64(head.root)) != (self.manifest.size, self.manifest.root):
            raise BadPackageError(PackageFault.HEAD_CHANGED)
        self._head, self._note = head, note

    def _take_entries(self, text: str) -> None:
        head = self._need_head()
        for line in text.splitlines():
            told = json.loads(line)
            nodes = [read_base64(node) for node in told["proof"]]
            proof = tuple(node for node in nodes if node is not None and len(node) == HASH_LENGTH)
            written = told["entry"].encode()
            entry = read_entry(written)
            fits = len(proof) == len(nodes) and write_line(written, proof) == line + "\n"
            if not fits or not verify_inclusion(leaf_hash(written), entry.seq, head.size, proof, head.root):
                raise BadPackageError(PackageFault.NOT_IN_LOG)
            self._lines[entry.seq] = entry

    def _take_openings(self, text: str) -> None:
        for line in text.splitlines():
            told = json.loads(line)
            seq, key, body = told["seq"], bytes.fromhex(told["key"]), told["body"]
            entry = self._lines.get(seq)
            if entry is None or entry.kind is not EntryKind.RESTRICTED:
                raise BadPackageError(PackageFault.OPENING_FALSE)
            if not hmac.compare_digest(commitment(key, body.encode()).hex(), str(entry.body["commitment"])):
                raise BadPackageError(PackageFault.OPENING_FALSE)
            self._opened[seq] = body

    def _take_custody(self, text: str) -> None:
        told = json.loads(text)
        events = tuple(CustodyEvent(**each) for each in told["events"])
        if write_custody(events, told["recipients"]) != text:
            raise BadPackageError(PackageFault.CUSTODY_FALSE)
        self._custody = events

    def _take_answer(self, text: str) -> None:
        try:
            read_answer(text, self._log_key)
        except BadCheckpoint:
            raise BadPackageError(PackageFault.ANSWER_FALSE) from None
        self._counts[ANSWERS] += 1

    def _receipt(self, name: str, text: str) -> ProvenRemoval:
        self._need_head()
        try:
            receipt = read_receipt(text)
            found = self._receipts.check(receipt)
        except BadReceipt as bad:
            raise BadPackageError(PackageFault.RECEIPT_FALSE, name, bad.fault) from None
        if receipt.head != self._note:
            raise BadPackageError(PackageFault.RECEIPT_FALSE, name, ReceiptFault.HEAD_CHANGED)
        self._counts[RECEIPTS] += 1
        return found

    def _hold_report(self, report: ReportWithin) -> None:
        digest = self._reports.get(report.name)
        if digest is None:
            raise BadPackageError(PackageFault.FILES_DIFFER, report.name)
        if report.line is None:
            return
        entry = self._lines.get(report.line)
        said = ("report_made", report.key, digest)
        if entry is None or (entry.kind.value, entry.body.get("report"), entry.body.get("digest")) != said:
            raise BadPackageError(PackageFault.REPORT_FALSE, report.name)

    def _hold_custody(self) -> None:
        if [each.verb for each in self._custody] != ["asked", "confirmed"] or len(
            {each.by for each in self._custody}
        ) != len(self._custody):
            raise BadPackageError(PackageFault.CUSTODY_FALSE, CUSTODY)
        for event in self._custody:
            entry = self._lines.get(event.line)
            if entry is None or write_instant(entry.at) != event.at or not self._tells(event, entry):
                raise BadPackageError(PackageFault.CUSTODY_FALSE, CUSTODY)

    def _tells(self, event: CustodyEvent, entry: LogEntry) -> bool:
        """Whether a line of the log says what the sheet of custody does."""
        told = self.manifest
        if entry.kind is EntryKind.RESTRICTED:
            said = f"package {told.package} {event.verb} by {event.by} as {event.role} for {told.addressee} "
            return self._opened.get(event.line, "").startswith(said)
        body = entry.body
        return (entry.kind, body.get("package"), body.get("verb"), body.get("actor_role"), body.get("addressee")) == (
            *(EntryKind.PACKAGE_CHANGED, told.package, event.verb, event.role),
            told.addressee,
        )

    def _need_head(self) -> Checkpoint:
        if self._head is None:
            raise BadPackageError(PackageFault.FILES_DIFFER)
        return self._head
