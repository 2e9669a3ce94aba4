"""Evidence packages: asked for by one person with purpose, addressee and legal basis, confirmed by another, then made.

A package of somebody uncleared holds only what everybody who may read the log may see, and is openly in it. One of
somebody cleared for holds may show what stands behind restricted lines: it is known to its two people alone, and its
lines are restricted. Made again from the same records, a package is the same bytes but for the time-stamp.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from cryptography import x509

from mdm_adapters.port import Field, FieldKind, PortError
from server.core.admin.backups import marks_of, read_recipients
from server.core.identity.reading import identifiers_in
from server.core.inquiry_record import SaidBy
from server.core.log.checkpoints import BadCheckpoint, Checkpoint, parse_verifier_key, read_checkpoint, write_base64
from server.core.log.entries import Body, EntryKind, read_entry, write_instant
from server.core.log.merkle import KeptTree
from server.core.log.packages import (
    ANSWERS,
    CUSTODY,
    ENTRIES,
    HEAD,
    MANIFEST,
    OPENINGS,
    README,
    RECEIPTS,
    REPORTS,
    STAMP,
    BadPackageError,
    CustodyEvent,
    PackageFault,
    PackageManifest,
    PackageMember,
    ProvenPackage,
    ReportWithin,
    write_custody,
    write_line,
    write_manifest,
    write_opened,
)
from server.core.log.receipts import BadReceipt, ProvenRemoval
from server.core.log.signed_answers import read_answer
from server.core.log.witness_policy import WitnessPolicy
from server.core.model import CLEARED_FOR_CASES, CLEARED_FOR_HOLDS, Role
from server.core.naming import plain_name, says_something
from server.core.package_record import (
    MOST_ENTRIES,
    MOST_RECEIPTS,
    MOST_REPORTS,
    Addressee,
    PackageBasis,
    PackageChoice,
    PackageRequest,
    PackageStanding,
    Requests,
    digest_of_request,
    put,
)
from server.core.problems import PackageProblem, PackageRefusedError
from server.core.reports.kept import restore
from server.render.formats import FORMATS
from server.render.reports.package_text import read_me
from server.render.words import Words
from server.store import log, package_list
from server.store.database import Connection
from server.store.reports import ledger_facts
from server.store.reports import library as kept_reports
from server.work.admin import age_files, log_checkpoints
from server.work.admin.access import Person
from server.work.context import Context
from server.work.reports import inquiries, library, receipts, time_stamps
from server.work.reports.counted import SeedRefusedError, require_seed
from server.work.reports.package_files import OpenPackage, write_zip
from server.work.reports.receipts import WantedReceipts
from server.work.reports.time_stamps import BadStampError

MAY_ASK = frozenset({Role.PRIVACY_OFFICER}) | CLEARED_FOR_HOLDS
MAY_CONFIRM = MAY_ASK | {Role.DATA_PROTECTION_OFFICER}
"""Of a package of somebody cleared for holds only who is cleared for holds, too."""
LONGEST_TEXT = 300
_SEALED = b"age-encryption.org/v1\n"


@dataclass(frozen=True, slots=True)
class WantedPackage:
    """What somebody asks for. second: name or id of the account that is to confirm. recipients: public keys, one a
    line.

    mandate: the inquiry it belongs to; of an investigator, always.
    """

    second: str
    addressee: Addressee
    basis: PackageBasis
    purpose: str = field(repr=False)
    recipients: str
    choice: PackageChoice
    language: str
    mandate: str | None = None


@dataclass(frozen=True, slots=True)
class PackageMade:
    """file: sealed. digest: its SHA-256. manifest: that of what it says of itself, the same each time. stamped: an
    authority vouches for when.
    """

    file: Path
    digest: str
    bytes: int
    manifest: PackageManifest
    manifest_digest: str
    recipients: tuple[str, ...]
    stamped: bool


# --- asking and confirming ----------------------------------------------------------------------------------------


def ask(context: Context, person: Person, wanted: WantedPackage) -> PackageRequest:
    """Ask for a package, which a second person then confirms. Raises PackageRefusedError."""
    _require_role(context, person, MAY_ASK)
    purpose = _sentence(wanted.purpose)
    recipients = _recipients(wanted.recipients)
    restricted = person.role in CLEARED_FOR_HOLDS
    _check_choice(wanted.choice, person.role)
    sealer, now = context.keys.sealer, context.now()
    with context.store.write() as connection:
        before = _to_change(context, connection)
        second = _second(connection, person, wanted.second, restricted=restricted)
        if person.role is Role.INVESTIGATOR and wanted.mandate is None:
            raise PackageRefusedError(PackageProblem.NEEDS_MANDATE, field="mandate")
        if wanted.mandate is not None:
            inquiries.require_mandate(context, connection, person, wanted.mandate)
        size = log.append(connection, now, [])
        _check_rows(connection, wanted.choice, person.role, size)
        uid = uuid.uuid4().hex[:12]
        made = PackageRequest(
            uid=uid,
            asked=SaidBy(person.uid, person.role.value, now),
            second=second,
            addressee=wanted.addressee.value,
            basis=wanted.basis.value,
            purpose=purpose,
            recipients=recipients,
            choice=wanted.choice,
            restricted=restricted,
            language=wanted.language,
            by=(_mark(context, uid, person.uid), _mark(context, uid, second)),
            asked_at_line=size,
            mandate=wanted.mandate,
        )
        package_list.write(connection, sealer, put(before, made))
        _enter(context, connection, person, made, "asked", now)
    return made


def list_requests(context: Context, person: Person) -> Sequence[tuple[PackageRequest, PackageStanding]]:
    """Requests of which somebody is one of the two, newest first. Raises PackageRefusedError."""
    _require_role(context, person, MAY_CONFIRM)
    with context.store.read() as connection:
        found = _readable(package_list.read(connection, context.keys.sealer))
    return [(each, each.standing(context.now())) for each in reversed(found) if _is_of(each, person)]


def find_request(context: Context, person: Person, uid: str) -> PackageRequest:
    """One of them; raises PackageRefusedError."""
    for request, _ in list_requests(context, person):
        if request.uid == uid:
            return request
    raise PackageRefusedError(PackageProblem.NOT_FOUND)


def decide(context: Context, person: Person, uid: str, *, granted: bool) -> PackageRequest:
    """Confirm what another person asked for, or refuse it; take back what one asked for oneself.

    Raises PackageRefusedError.
    """
    _require_role(context, person, MAY_CONFIRM)
    with context.store.write() as connection:
        before = _to_change(context, connection)
        request = _mine(before, person, uid)
        own = request.asked.by == person.uid
        if request.standing(context.now()) is not PackageStanding.WAITING or (own and granted):
            raise PackageRefusedError(PackageProblem.NOT_FOUND)
        said = SaidBy(person.uid, person.role.value, context.now())
        line = log.append(connection, said.at, [])
        after = replace(request, decided=said, granted=granted, decided_at_line=line)
        package_list.write(connection, context.keys.sealer, put(before, after))
        verb = "confirmed" if granted else "withdrawn" if own else "refused"
        _enter(context, connection, person, after, verb, said.at)
    return after


def _check_choice(choice: PackageChoice, role: Role) -> None:
    """What can be said of it without looking at anything."""
    if choice.is_empty:
        raise PackageRefusedError(PackageProblem.NOTHING_CHOSEN)
    if role not in CLEARED_FOR_HOLDS and (choice.opened or choice.answers):
        raise PackageRefusedError(PackageProblem.NOT_CLEARED, field="opened")
    if choice.case is not None and role not in CLEARED_FOR_CASES:
        raise PackageRefusedError(PackageProblem.NOT_CLEARED, field="case")
    try:
        require_seed(choice.seed)
    except SeedRefusedError:
        raise PackageRefusedError(PackageProblem.BAD_SEED, field="seed") from None
    span = 0 if choice.first is None or choice.last is None else choice.last - choice.first + 1
    many = len(choice.ids) > MOST_RECEIPTS or (choice.sample or 0) > MOST_RECEIPTS
    if many or span > MOST_ENTRIES or len(choice.opened) > MOST_ENTRIES or len(choice.reports) > MOST_REPORTS:
        raise PackageRefusedError(PackageProblem.TOO_MUCH)


def _check_rows(connection: Connection, choice: PackageChoice, role: Role, size: int) -> None:
    """That what is chosen by number or id is there, and for that role."""
    if any(not 0 <= line < size for line in choice.lines[:1] + choice.lines[-1:]):
        raise PackageRefusedError(PackageProblem.UNKNOWN_LINE, field="entries")
    for text in log.texts_at(connection, choice.opened).values():
        if read_entry(text).kind is not EntryKind.RESTRICTED:
            raise PackageRefusedError(PackageProblem.NOT_RESTRICTED, field="opened")
    for uid in choice.reports:
        row = kept_reports.find(connection, uid)
        if row is None or row.made_at is None or not library.may_read(row, role):
            raise PackageRefusedError(PackageProblem.UNKNOWN_REPORT, field="report")


def _second(connection: Connection, person: Person, name: str, *, restricted: bool) -> str:
    """The id of the account that is to confirm."""
    wanted = name.strip().lower()
    able = CLEARED_FOR_HOLDS if restricted else MAY_CONFIRM
    found = [
        each.uid
        for each in ledger_facts.cleared_accounts(connection, able)
        if wanted in (each.uid, each.said.lower()) and each.uid != person.uid
    ]
    if len(found) != 1:
        raise PackageRefusedError(PackageProblem.SECOND_NOT_FIT, field="second")
    return found[0]


def _recipients(text: str) -> tuple[str, ...]:
    try:
        return read_recipients(text)
    except ValueError as bad:
        line = int(str(bad))
        problem = PackageProblem.BAD_RECIPIENT if line else PackageProblem.NO_RECIPIENT
        raise PackageRefusedError(problem, line=line or None) from None


def _sentence(text: str) -> str:
    text = plain_name(text)
    if not says_something(text):
        raise PackageRefusedError(PackageProblem.SAYS_NOTHING, field="purpose")
    if len(text) > LONGEST_TEXT:
        raise PackageRefusedError(PackageProblem.TEXT_TOO_LONG, field="purpose")
    if identifiers_in(Field(FieldKind.TEXT, text)):
        raise PackageRefusedError(PackageProblem.IDENTIFIER_IN_TEXT, field="purpose")
    return text


def _require_role(context: Context, person: Person, allowed: frozenset[Role]) -> None:
    if person.role in allowed:
        return
    with context.store.write() as connection:
        body: Body = {"what": "package", "actor_role": person.role.value}
        log.append(connection, context.now(), [(EntryKind.REFUSED, body)])
    raise PackageRefusedError(PackageProblem.NOT_CLEARED)


def _is_of(request: PackageRequest, person: Person) -> bool:
    return request.is_read_by(person.uid) and (not request.restricted or person.role in CLEARED_FOR_HOLDS)


def _mine(requests: Requests, person: Person, uid: str) -> PackageRequest:
    for each in requests:
        if each.uid == uid and _is_of(each, person):
            return each
    raise PackageRefusedError(PackageProblem.NOT_FOUND)


def _to_change(context: Context, connection: Connection) -> Requests:
    return _readable(package_list.read_to_change(connection, context.keys.sealer))


def _readable(found: Requests | None) -> Requests:
    if found is None:
        raise PackageRefusedError(PackageProblem.UNREADABLE)
    return found


def _mark(context: Context, uid: str, account: str) -> str:
    """Tells the people of one package apart, and of two packages does not tell that they are the same."""
    return context.keys.sealer.hash(f"{uid} {account}", "package.by").hex()[:16]


def _enter(
    context: Context,
    connection: Connection,
    person: Person,
    request: PackageRequest,
    verb: str,
    at: datetime,
    **more: str | int,
) -> None:
    """The line of what was done; of an open package first one that all may read. Its purpose and who it was by account
    stand restricted in either case.
    """
    by = _mark(context, request.uid, person.uid)
    said = f"package {request.uid} {verb} by {by} as {person.role.value} for {request.addressee} on {request.basis}"
    told = "".join(f", {name} {value}" for name, value in sorted(more.items()))
    restricted = f"{said}{told}: {request.purpose}"
    whose = f"package {request.uid} {verb} by account {person.uid}"  # apart: an addressee is shown the other alone
    if not request.restricted:
        body: dict[str, str | int | Sequence[str]] = {"package": request.uid, "verb": verb, **more}
        body |= {"addressee": request.addressee, "basis": request.basis, "actor_role": person.role.value}
        body |= {"recipients": marks_of(request.recipients), "digest": more.get("digest", digest_of_request(request))}
        log.append(connection, at, [(EntryKind.PACKAGE_CHANGED, body)])
    log.append_restricted(connection, at, context.keys.sealer, [restricted, whose])


# --- making -------------------------------------------------------------------------------------------------------


def make(
    context: Context, person: Person, uid: str, folder: Path, *, answers: Sequence[str] = (), stamp: bool = True
) -> PackageMade:
    """Make a confirmed package in a folder, sealed to its addressee; that it was made stands in the log before its file
    is there. answers: signed answers, those that were chosen. stamp: ask the authority that is set up, if one is.

    Raises PackageRefusedError, OSError.
    """
    _require_role(context, person, MAY_CONFIRM)
    request, head = _fixed(context, person, uid)
    _require_answers(request, answers)
    file = folder / f"package-{uid}.zip.age"
    if file.exists():
        raise PackageRefusedError(PackageProblem.FILE_THERE)
    maker = _Maker(context, request, head, answers, context.stamp_time if stamp else None)
    fresh = folder / f".{file.name}.{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            digest = age_files.seal(out, request.recipients, maker.archive())
            out.flush()
            os.fsync(out.fileno())
        _note_made(context, person, request, maker, digest)
        size = fresh.stat().st_size
        os.link(fresh, file)
    except FileExistsError:
        raise PackageRefusedError(PackageProblem.FILE_THERE) from None
    except age_files.BadRecipientError:
        raise PackageRefusedError(PackageProblem.BAD_RECIPIENT) from None
    except BadReceipt:
        raise PackageRefusedError(PackageProblem.LOG_NOT_SOUND) from None
    finally:
        fresh.unlink(missing_ok=True)
    made = maker.made()
    return PackageMade(file, digest, size, made, maker.manifest_digest, marks_of(request.recipients), maker.stamped)


def _fixed(context: Context, person: Person, uid: str) -> tuple[PackageRequest, tuple[str, Checkpoint]]:
    """The request, with the head that the package is proven against, which stays the same from the first time on."""
    with context.store.read() as connection:
        request = _openly(context, connection, person, uid)
    key = parse_verifier_key(log_checkpoints.verifier_key(context))
    if request.head is None:
        last = request.decided_at_line or 0
        notes = [note for note, head in receipts.heads_to_prove(context) if head.size > last]
        if not notes:
            raise PackageRefusedError(PackageProblem.LOG_NOT_SOUND)
        with context.store.write() as connection:
            before = _to_change(context, connection)
            request = _openly(context, connection, person, uid)
            request = replace(request, head=request.head or notes[0])
            package_list.write(connection, context.keys.sealer, put(before, request))
    note = request.head or ""
    try:
        return request, (note, read_checkpoint(note, *key))
    except BadCheckpoint:  # the key was replaced since
        raise PackageRefusedError(PackageProblem.CHANGED) from None


def _openly(context: Context, connection: Connection, person: Person, uid: str) -> PackageRequest:
    request = _mine(_readable(package_list.read(connection, context.keys.sealer)), person, uid)
    standing = request.standing(context.now())
    if standing is not PackageStanding.OPEN:
        over = standing is PackageStanding.OVER
        raise PackageRefusedError(PackageProblem.OVER if over else PackageProblem.NOT_CONFIRMED)
    return request


def _require_answers(request: PackageRequest, answers: Sequence[str]) -> None:
    digests = tuple(sorted(hashlib.sha256(each.encode()).hexdigest() for each in answers))
    if digests != tuple(sorted(request.choice.answers)):
        raise PackageRefusedError(PackageProblem.OTHER_ANSWER, field="answer")


def digest_of_answer(context: Context, text: str) -> str:
    """By what a signed answer of this installation is chosen; raises PackageRefusedError for any other file."""
    try:
        read_answer(text, parse_verifier_key(log_checkpoints.verifier_key(context)))
    except BadCheckpoint:
        raise PackageRefusedError(PackageProblem.OTHER_ANSWER, field="answer") from None
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(context: Context) -> str:
    """The public key by which its packages are checked."""
    return log_checkpoints.verifier_key(context)


def _note_made(context: Context, person: Person, request: PackageRequest, maker: _Maker, digest: str) -> None:
    manifest = maker.made()
    with context.store.write() as connection:
        before = _to_change(context, connection)
        request = _mine(before, person, request.uid)
        if request.manifest not in (None, maker.manifest_digest):
            raise PackageRefusedError(PackageProblem.CHANGED)
        said = SaidBy(person.uid, person.role.value, context.now())
        after = replace(request, manifest=maker.manifest_digest, made=(*request.made, said))
        package_list.write(connection, context.keys.sealer, put(before, after))
        more: dict[str, str | int] = {"digest": digest, "size": manifest.size, "root": maker.root}
        _enter(context, connection, person, after, "made", said.at, **more)


class _Maker:
    """Makes the files of one package in order, each when its turn has come; knows afterwards what they were."""

    def __init__(
        self,
        context: Context,
        request: PackageRequest,
        head: tuple[str, Checkpoint],
        answers: Sequence[str],
        authority: Callable[[bytes], bytes] | None,
    ) -> None:
        self._context, self._request, self._head, self._answers = context, request, head, answers
        self._authority = authority
        self._members: list[PackageMember] = []
        self._reports: list[ReportWithin] = []
        self._drawn = (0, "", 0)
        self._manifest: PackageManifest | None = None
        self.manifest_digest = ""
        self.stamped = False

    @property
    def root(self) -> str:
        """Of the head it is proven against, hex."""
        return self._head[1].root.hex()

    def archive(self) -> Iterator[bytes]:
        """The archive as it is made. Raises PackageRefusedError, BadReceipt."""
        return write_zip(self._files())

    def made(self) -> PackageManifest:
        """What it says of itself, once it is made."""
        if self._manifest is None:
            raise RuntimeError("the package is not made yet")
        return self._manifest

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for name, content in self._content():
            self._members.append(PackageMember(name, len(content), hashlib.sha256(content).hexdigest()))
            yield name, content
        text = self._sign().encode()
        self.manifest_digest = hashlib.sha256(text).hexdigest()
        yield MANIFEST, text
        if self._authority is not None:
            try:
                stamp = time_stamps.ask(self._authority, text)
            except (PortError, BadStampError):
                raise PackageRefusedError(PackageProblem.NO_STAMP) from None
            self.stamped = True
            yield STAMP, stamp

    def _content(self) -> Iterator[tuple[str, bytes]]:
        request = self._request
        with self._context.store.read() as connection:
            reports = list(self._reports_of(connection))
            yield README, read_me(restricted=request.restricted).encode()
            yield HEAD, self._head[0].encode()
            yield ENTRIES, self._lines(connection).encode()
            if request.restricted:
                yield OPENINGS, self._openings(connection).encode()
            yield CUSTODY, self._custody().encode()
            yield from self._receipts(connection)
            yield from reports
            for nth, each in enumerate(sorted(self._answers), 1):
                yield f"{ANSWERS}answer-{nth}.json", each.encode()

    def _sign(self) -> str:
        request, (count, seed, population) = self._request, self._drawn
        chosen = request.choice
        nothing = not (count or chosen.lines or self._reports or self._answers)
        if nothing:
            raise PackageRefusedError(PackageProblem.NOTHING_THERE)
        self._manifest = PackageManifest(
            package=request.uid,
            origin=log_checkpoints.origin(self._context),
            addressee=request.addressee,
            basis=request.basis,
            purpose=request.purpose,
            restricted=request.restricted,
            size=self._head[1].size,
            root=write_base64(self._head[1].root),
            receipts=count,
            mode=_wanted(chosen).mode if chosen.wants_receipts else "none",
            seed=seed,
            population=population,
            reports=tuple(self._reports),
            members=tuple(self._members),
        )
        return write_manifest(self._manifest, self._context.keys.signer)

    def _own_lines(self) -> tuple[int, ...]:
        """Of the log, where it says who asked for this package and who confirmed it."""
        return self._request.asked_at_line, self._request.decided_at_line or 0

    def _lines(self, connection: Connection) -> str:
        """Chosen lines, those of this package, and those that say when a report was made, with their audit paths."""
        of_reports = [each.line for each in self._reports if each.line is not None]
        numbers = sorted({*self._request.choice.lines, *self._own_lines(), *of_reports})
        texts, size = log.texts_at(connection, numbers), self._head[1].size
        if len(texts) != len(numbers):
            raise PackageRefusedError(PackageProblem.UNKNOWN_LINE)
        tree = KeptTree(lambda level, number: log.tile(connection, level, number))
        try:
            return "".join(write_line(texts[seq], tree.inclusion(seq, size)) for seq in numbers)
        except (IndexError, ValueError):
            raise PackageRefusedError(PackageProblem.LOG_NOT_SOUND) from None

    def _openings(self, connection: Connection) -> str:
        numbers = sorted({*self._request.choice.opened, *self._own_lines()})
        found = log.whole_bodies(connection, self._context.keys.sealer, numbers)
        if len(found) != len(numbers):
            raise PackageRefusedError(PackageProblem.BODY_GONE)
        return "".join(write_opened(seq, found[seq].key, found[seq].committed) for seq in numbers)

    def _custody(self) -> str:
        request, (asked, decided) = self._request, self._own_lines()
        said = [("asked", request.asked, asked, request.by[0])]
        if request.decided is not None:
            said.append(("confirmed", request.decided, decided, request.by[1]))
        events = [CustodyEvent(verb, each.role, by, write_instant(each.at), line) for verb, each, line, by in said]
        return write_custody(events, marks_of(request.recipients))

    def _receipts(self, connection: Connection) -> Iterator[tuple[str, bytes]]:
        chosen = self._request.choice
        if not chosen.wants_receipts:
            return
        population, seed, made = receipts.draw_at(self._context, connection, _wanted(chosen), self._head)
        of_sample = chosen.sample is not None
        count = 0
        for order, text in made:
            count += 1
            if count > MOST_RECEIPTS:
                raise PackageRefusedError(PackageProblem.TOO_MUCH)
            yield f"{RECEIPTS}receipt-{order}.json", text.encode()
        self._drawn = (count, seed, population) if of_sample else (count, "", 0)

    def _reports_of(self, connection: Connection) -> Iterator[tuple[str, bytes]]:
        """Each as it was made, and to be read; with the line of the log that says so."""
        sealer, words = self._context.keys.sealer, Words(self._request.language)
        forms: dict[str, tuple[str, bytes]] = {}
        for uid in self._request.choice.reports:
            row, form = kept_reports.find(connection, uid), kept_reports.form_of(connection, sealer, uid)
            if row is None or form is None:
                raise PackageRefusedError(PackageProblem.UNKNOWN_REPORT)
            forms[uid] = row.key, form
        lines = _lines_of_reports(connection, [form for _, form in forms.values()], self._head[1].size)
        for uid, (key, form) in forms.items():
            name = f"{REPORTS}{key}-{uid}"
            self._reports.append(ReportWithin(f"{name}.json", key, lines.get(hashlib.sha256(form).hexdigest())))
            yield f"{name}.json", form
            yield f"{name}.html", FORMATS["html"].write(restore(form), words)


def _wanted(choice: PackageChoice) -> WantedReceipts:
    return WantedReceipts(
        choice.ids,
        choice.case,
        choice.sample,
        choice.seed,
        None if choice.since is None else datetime.fromisoformat(choice.since),
        None if choice.until is None else datetime.fromisoformat(choice.until),
    )


def _lines_of_reports(connection: Connection, forms: Sequence[bytes], size: int) -> Mapping[str, int]:
    """By the digest of a report, the first line of the log that says it was made; the whole log is gone through."""
    digests = {hashlib.sha256(form).hexdigest() for form in forms}
    found: dict[str, int] = {}
    kind = f'"kind":"{EntryKind.REPORT_MADE.value}"'.encode()
    for seq, text in log.texts(connection, 0, size) if digests else ():
        if kind in text:
            digest = json.loads(text)["body"].get("digest")
            if digest in digests:
                found.setdefault(digest, seq)
    return found


# --- reading, where there is no installation ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PackageRead:
    """What a package that is believed proves. stamped_at: when an authority that was given saw it; None: none given.
    has_stamp: it has a time-stamp, looked at or not.
    """

    package: ProvenPackage
    removals: tuple[ProvenRemoval, ...]
    stamped_at: datetime | None
    has_stamp: bool


def is_sealed(file: Path) -> bool:
    """Whether a file is of age."""
    with file.open("rb") as opened:
        return opened.read(len(_SEALED)) == _SEALED


def read_package(
    file: Path,
    identity: str,
    log_key: tuple[bytes, str],
    policy: WitnessPolicy,
    roots: Sequence[x509.Certificate] = (),
    into: Path | None = None,
) -> PackageRead:
    """Hold a package against public keys alone. identity: the private key, of a sealed one. roots: of time-stamp
    authorities. into: a folder that is made, with all files, if the package is believed.

    Raises BadPackageError, PackageRefusedError, OSError.
    """
    with _plain(file, identity) as plain:
        opened = OpenPackage(plain)
        if into is not None:
            into.mkdir(mode=0o700)
        package, removals = opened.check(log_key, policy, into)
        stamped = _stamped(opened, roots)
        return PackageRead(package, removals, stamped, opened.stamp is not None)


def _stamped(opened: OpenPackage, roots: Sequence[x509.Certificate]) -> datetime | None:
    if not roots:
        return None
    if opened.stamp is None:
        raise BadPackageError(PackageFault.STAMP_MISSING)
    try:
        return time_stamps.check(opened.stamp, opened.manifest, roots)
    except BadStampError:
        raise BadPackageError(PackageFault.STAMP_FALSE, STAMP) from None


@contextmanager
def _plain(file: Path, identity: str) -> Iterator[IO[bytes]]:
    """What is in it, in a file that has no name."""
    with file.open("rb") as sealed:
        if sealed.read(len(_SEALED)) != _SEALED:
            yield sealed
            return
        sealed.seek(0)
        with TemporaryFile() as plain:
            try:
                age_files.unseal(sealed, identity, plain)
            except age_files.BadIdentityError:
                raise PackageRefusedError(PackageProblem.BAD_IDENTITY) from None
            except age_files.NotForThisKeyError:
                raise PackageRefusedError(PackageProblem.NOT_FOR_THIS_KEY) from None
            except age_files.NotAgeError:
                raise BadPackageError(PackageFault.NOT_A_PACKAGE) from None
            yield plain
