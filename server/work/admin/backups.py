"""Backups: made while others work, encrypted to public keys, opened and tried, and put back where nothing is.

Database and keys never lie in one file. A backup is only what is whole: a file is written under another name, put on
disk, and then named. What is put back is known by an entry of its log: until two people have said what was
lost, nothing is removed (`work.admin.restores`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from server.core.admin.backups import (
    MANIFEST,
    BackupKind,
    BackupManifest,
    BackupPart,
    base_name,
    marks_of,
    opens_both,
    read_manifest,
    read_recipients,
    write_manifest,
)
from server.core.identity.tokens import Tokeniser
from server.core.log.audit import audit
from server.core.log.checkpoints import (
    BadCheckpoint,
    Checkpoint,
    parse_verifier_key,
    read_checkpoint,
    verifier_key_text,
)
from server.core.log.entries import Body, EntryKind
from server.core.model import Role
from server.core.problems import BackupProblem, BackupRefusedError
from server.store import log
from server.store.admin import backup_copies, organisation
from server.store.database import Connection, Store, StoreUnavailableError, newest_revision
from server.store.seal import Sealer
from server.work.admin import age_files, log_checkpoints, setup
from server.work.admin.age_files import AgeMember, of_file
from server.work.context import Context, Keys

MAY_MAKE = frozenset({Role.IT_ADMINISTRATOR})
SQLITE, DUMP = "database.sqlite", "database.dump"
HEADS = "checkpoints.txt"
SIGNING_KEY, IDENTIFIER_KEY, SEALING_KEY = "keys/signing.pem", "keys/identifier.key", "keys/sealing.key"
ENDING = ".age"
_SCRATCH = "backup.scratch"
_LOCK = "backup.lock"


@dataclass(frozen=True, slots=True)
class BackupPlaces:
    """Where the files of an installation lie, by what they are called in a backup.

    home: for what is on disk only while a backup is made. files, folders: beside the database. key_files, key_folders:
    keys and secrets. A folder is taken with all that is in it.
    """

    home: Path
    files: Mapping[str, Path]
    folders: Mapping[str, Path]
    key_files: Mapping[str, Path]
    key_folders: Mapping[str, Path]

    def of(self, kind: BackupKind) -> tuple[Mapping[str, Path], Mapping[str, Path]]:
        """Files and folders that a backup of that kind holds."""
        return (self.files, self.folders) if kind is BackupKind.DATABASE else (self.key_files, self.key_folders)

    def find(self, kind: BackupKind, name: str) -> Path | None:
        """Where a file of a backup belongs; None: it is none of ours."""
        files, folders = self.of(kind)
        if name in files:
            return files[name]
        first, _, within = name.partition("/")
        return folders[first].joinpath(*PurePosixPath(within).parts) if first in folders and within else None


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that is on disk. digest: SHA-256 of the file, hex."""

    file: Path
    digest: str
    bytes: int
    manifest: BackupManifest
    recipients: int


@dataclass(frozen=True, slots=True)
class BackupVerified:
    """A backup that was opened and tried. anchored: up to which entry a signed head vouches for the log in it.

    sound: its log is what its heads say. Of keys: both are as nothing.
    """

    manifest: BackupManifest
    sound: bool
    anchored: int
    heads: int


@dataclass(frozen=True, slots=True)
class BackupRestored:
    """What was put back. left: files that were there already and stay as they are."""

    manifest: BackupManifest
    left: tuple[str, ...]


# --- making -------------------------------------------------------------------------------------------------------


def make(
    context: Context,
    role: Role,
    places: BackupPlaces,
    kind: BackupKind,
    folder: Path,
    recipients_text: str,
    *,
    shared: bool = False,
) -> BackupMade:
    """Make a backup in a folder; who holds a private key of one of the recipients can open it, and nobody else.

    That it begins, and that it was made, are entries of the log; the first is in the backup itself. shared: somebody
    may open the newest backup of the other kind too. Raises BackupRefusedError, OSError, StoreUnavailableError.
    """
    if role not in MAY_MAKE:
        raise BackupRefusedError(BackupProblem.NOT_CLEARED)
    recipients = _recipients(recipients_text)
    with _alone(places.home) as scratch:
        with context.store.read() as connection:
            newest = _marks_of_newest(connection)
        if not shared and opens_both(kind, recipients, newest):
            raise BackupRefusedError(BackupProblem.SHARED_RECIPIENT)
        named: Body = {"what": kind.value, "recipients": marks_of(recipients), "actor_role": role.value}
        _enter(context, {**named, "verb": "begun"})
        made = _write(context, places, kind, folder, recipients, scratch)
        head: Body = {"size": made.manifest.size, "root": made.manifest.root, "digest": made.digest}
        _enter(context, {**named, **head, "verb": "made"})
    return made


def _recipients(text: str) -> tuple[str, ...]:
    try:
        return read_recipients(text)
    except ValueError as bad:
        line = int(str(bad))
        problem = BackupProblem.BAD_RECIPIENT if line else BackupProblem.NO_RECIPIENT
        raise BackupRefusedError(problem, line=line or None) from None


def _marks_of_newest(connection: Connection) -> Mapping[BackupKind, Sequence[str]]:
    """To whom the newest backup of each kind was encrypted."""
    found: dict[BackupKind, Sequence[str]] = {}
    for entry in log.of_kind(connection, EntryKind.BACKUP_MADE):
        marks = entry.body.get("recipients")
        if entry.body["verb"] == "made" and isinstance(marks, Sequence) and not isinstance(marks, str):
            found[BackupKind(str(entry.body["what"]))] = [str(each) for each in marks]
    return found


def newest_made(context: Context) -> datetime | None:
    """When the newest backup of the database was made by `make`; None: none was. The whole log is read."""
    with context.store.read() as connection:
        made = [
            entry.at
            for entry in log.of_kind(connection, EntryKind.BACKUP_MADE)
            if (entry.body["verb"], entry.body["what"]) == ("made", BackupKind.DATABASE.value)
        ]
    return made[-1] if made else None


def _enter(context: Context, body: Body) -> None:
    with context.store.write() as connection:
        log.append(connection, context.now(), [(EntryKind.BACKUP_MADE, body)])


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """One at a time on this machine; a folder for what lies in clear meanwhile, gone afterwards. What one that was
    killed left there goes first.
    """
    with (home / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefusedError(BackupProblem.UNDER_WAY) from None
        scratch = home / _SCRATCH
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir(mode=0o700)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _write(
    context: Context, places: BackupPlaces, kind: BackupKind, folder: Path, recipients: Sequence[str], scratch: Path
) -> BackupMade:
    """The file, on disk and named before this returns."""
    origin, at = log_checkpoints.origin(context), context.now()
    begins = base_name(origin, kind, at)
    for left in folder.glob(f".{begins.rpartition('-')[0]}-*.part"):
        left.unlink()
    part = folder / f".{begins}.part"
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out, _content(context, places, kind, scratch) as (manifest, members):
            listed = _Listed(replace(manifest, made_at=at))
            digest = _sealed(out, recipients, listed.members(members))
            out.flush()
            os.fsync(out.fileno())
            size = out.tell()
        file = _free_name(folder, begins)
        part.rename(file)
        _sync(folder)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return BackupMade(file, digest, size, listed.manifest, len(recipients))


def _sealed(out: object, recipients: Sequence[str], members: Iterable[AgeMember]) -> str:
    try:
        return age_files.write(out, recipients, members)  # type: ignore[arg-type]
    except age_files.BadRecipientError:
        raise BackupRefusedError(BackupProblem.BAD_RECIPIENT) from None
    except backup_copies.DumpFailedError:
        raise BackupRefusedError(BackupProblem.DUMP_FAILED) from None


def _free_name(folder: Path, begins: str) -> Path:
    """A name that no file has: a backup is never written over."""
    number, file = 1, folder / f"{begins}{ENDING}"
    while file.exists():
        number += 1
        file = folder / f"{begins}-{number}{ENDING}"
    return file


class _Listed:
    """Notes size and digest of each member as it is written, and adds what tells of them as the last."""

    def __init__(self, manifest: BackupManifest) -> None:
        self.manifest = manifest

    def members(self, members: Iterable[AgeMember]) -> Iterator[AgeMember]:
        """The same, and the manifest."""
        for each in members:
            yield replace(each, content=lambda each=each: self._noted(each))  # type: ignore[misc]
        yield AgeMember(MANIFEST, lambda: [write_manifest(self.manifest)])

    def _noted(self, member: AgeMember) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        for part in member.content():
            digest.update(part)
            size += len(part)
            yield part
        told = BackupPart(member.name, size, digest.hexdigest())
        self.manifest = replace(self.manifest, parts=(*self.manifest.parts, told))


@contextmanager
def _content(
    context: Context, places: BackupPlaces, kind: BackupKind, scratch: Path
) -> Iterator[tuple[BackupManifest, Iterable[AgeMember]]]:
    """What goes into a backup. Heads are read before the database, so that it holds what each was signed for."""
    files = [AgeMember(name, lambda text=text: [text]) for name, text in _files(places, kind)]  # type: ignore[misc]
    key = log_checkpoints.verifier_key(context)
    manifest = BackupManifest(kind, log_checkpoints.origin(context), key, context.now(), 0, "", ())
    if kind is BackupKind.KEYS:
        with context.store.read() as connection:
            yield _with_head(manifest, connection), files
    elif context.store.is_sqlite:
        copy = scratch / SQLITE
        backup_copies.copy_sqlite(context.store, copy)
        with _opened_store(backup_copies.url_of(copy)) as store, store.read() as connection:
            manifest = _with_rows(manifest, store, connection)
        yield manifest, [*files, of_file(SQLITE, copy)]
    else:
        try:
            with backup_copies.dump_of(context.store) as (connection, dump):
                manifest = _with_rows(manifest, context.store, connection)
                yield manifest, [*files, AgeMember(DUMP, dump, packed=True)]
        except backup_copies.NoDumpProgramError:
            raise BackupRefusedError(BackupProblem.NO_DUMP_PROGRAM) from None
        except backup_copies.OldDumpProgramError:
            raise BackupRefusedError(BackupProblem.OLD_DUMP_PROGRAM) from None


def _with_head(manifest: BackupManifest, connection: Connection) -> BackupManifest:
    head = log.head(connection)
    return replace(manifest, size=head.size, root=head.root().hex())


def _with_rows(manifest: BackupManifest, store: Store, connection: Connection) -> BackupManifest:
    return replace(
        _with_head(manifest, connection),
        revision=store.revision(connection) or "",
        engine="sqlite" if store.is_sqlite else "postgresql",
        rows=backup_copies.count_rows(connection),
    )


def _files(places: BackupPlaces, kind: BackupKind) -> Iterator[tuple[str, bytes]]:
    """The files of the disk, those that there are; no link is followed out of a folder."""
    files, folders = places.of(kind)
    for name, file in sorted(files.items()):
        if file.is_file():
            yield name, file.read_bytes()
    for name, folder in sorted(folders.items()):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield f"{name}/{file.relative_to(folder).as_posix()}", file.read_bytes()


@contextmanager
def _opened_store(url: str) -> Iterator[Store]:
    store = Store(url)
    try:
        yield store
    finally:
        store.close()


# --- opening ------------------------------------------------------------------------------------------------------


def verify(file: Path, identity: str, *, log_key: str | None = None, scratch_url: str | None = None) -> BackupVerified:
    """Open a backup with a private key, and try it: restore it into a scratch place, and hold its log to its heads.

    Needs no installation. log_key: the log's public key, told by another way; None: the one that the backup names.
    scratch_url: an empty PostgreSQL database for a backup of one, emptied again afterwards. Raises BackupRefusedError,
    StoreUnavailableError, OSError; ValueError for a key that is none.
    """
    with TemporaryDirectory(prefix="closeout-backup-") as scratch:
        manifest, parts = _open(file, identity, Path(scratch))
        if manifest.kind is BackupKind.KEYS:
            _require_own_keys(manifest, parts)
            return BackupVerified(manifest, sound=True, anchored=0, heads=0)
        with _scratch_store(parts, scratch_url) as store, store.read() as connection:
            return _hold_to_heads(manifest, parts, connection, log_key or manifest.log_key)


def _open(file: Path, identity: str, folder: Path) -> tuple[BackupManifest, Mapping[str, Path]]:
    """What is in a backup, each file as its manifest says, and no other."""
    try:
        with file.open("rb") as sealed:
            found = age_files.read(sealed, identity, folder)
    except age_files.BadIdentityError:
        raise BackupRefusedError(BackupProblem.BAD_IDENTITY) from None
    except age_files.NotForThisKeyError:
        raise BackupRefusedError(BackupProblem.NOT_FOR_THIS_KEY) from None
    except age_files.NotAgeError:
        raise BackupRefusedError(BackupProblem.NOT_WHOLE) from None
    parts = {each.relative_to(folder).as_posix(): each for each in found}
    try:
        manifest = read_manifest(parts.pop(MANIFEST).read_bytes())
    except (KeyError, ValueError):
        raise BackupRefusedError(BackupProblem.NO_BACKUP) from None
    if {part.name: (part.size, part.digest) for part in manifest.parts} != {
        name: (each.stat().st_size, _digest(each)) for name, each in parts.items()
    }:
        raise BackupRefusedError(BackupProblem.NOT_WHOLE)
    return manifest, parts


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _require_own_keys(manifest: BackupManifest, parts: Mapping[str, Path]) -> None:
    """The three keys are keys, and the one that signs is that of the log."""
    try:
        Tokeniser(parts[IDENTIFIER_KEY].read_bytes())
        Sealer(parts[SEALING_KEY].read_bytes())
        signer = load_pem_private_key(parts[SIGNING_KEY].read_bytes(), None)
    except (KeyError, ValueError, TypeError, UnsupportedAlgorithm):
        raise BackupRefusedError(BackupProblem.NOT_WHOLE) from None
    own = isinstance(signer, Ed25519PrivateKey) and verifier_key_text(
        signer.public_key().public_bytes_raw(), manifest.origin
    )
    if own != manifest.log_key:
        raise BackupRefusedError(BackupProblem.OTHER_CONTENT)


@contextmanager
def _scratch_store(parts: Mapping[str, Path], url: str | None) -> Iterator[Store]:
    if SQLITE in parts:
        with _opened_store(backup_copies.url_of(parts[SQLITE])) as store:
            yield store
        return
    if url is None:
        raise BackupRefusedError(BackupProblem.SCRATCH_NEEDED)
    with _opened_store(url) as store:
        if store.is_sqlite:
            raise BackupRefusedError(BackupProblem.SCRATCH_NEEDED)
        if backup_copies.has_tables(store):
            raise BackupRefusedError(BackupProblem.PLACE_TAKEN)
        try:
            _pour(store, parts)
            yield store
        finally:
            backup_copies.empty(store)


def _pour(store: Store, parts: Mapping[str, Path], *, without: tuple[str, ...] = ()) -> None:
    """A dump into an empty database."""
    if DUMP not in parts:
        raise BackupRefusedError(BackupProblem.OTHER_DATABASE)
    try:
        backup_copies.restore_dump(store, parts[DUMP], without=without)
    except backup_copies.NoDumpProgramError:
        raise BackupRefusedError(BackupProblem.NO_DUMP_PROGRAM) from None
    except backup_copies.DumpFailedError:
        raise BackupRefusedError(BackupProblem.DUMP_FAILED) from None


def _require_content(manifest: BackupManifest, connection: Connection, *, without: tuple[str, ...] = ()) -> None:
    """The database holds the rows and the head of the log that the manifest tells of."""
    told = {name: count for name, count in (manifest.rows or {}).items() if name not in without}
    try:
        rows = {name: count for name, count in backup_copies.count_rows(connection).items() if name not in without}
        head = log.head(connection)
        same = rows == told and (head.size, head.root().hex()) == (manifest.size, manifest.root)
        whole = same and backup_copies.is_sound(connection)
    except StoreUnavailableError:
        raise BackupRefusedError(BackupProblem.OTHER_CONTENT) from None
    if not whole:
        raise BackupRefusedError(BackupProblem.OTHER_CONTENT)


def _hold_to_heads(
    manifest: BackupManifest, parts: Mapping[str, Path], connection: Connection, log_key: str
) -> BackupVerified:
    _require_content(manifest, connection)
    public, named = parse_verifier_key(log_key)
    heads: list[Checkpoint] = []
    bad = 0
    for note in log_checkpoints.read_notes(parts[HEADS]) if HEADS in parts else ():
        try:
            heads.append(read_checkpoint(note, public, named))
        except BadCheckpoint:
            bad += 1
    accepted = log_checkpoints.accepted_as_lost(connection)
    heads = [each for each in heads if log_checkpoints.mark_of(each) not in accepted]
    verdict = audit(log.entries(connection), heads)
    sound = verdict.sound and not bad and bool(heads) and verdict.root.hex() == manifest.root
    return BackupVerified(manifest, sound, verdict.anchored, len(heads))


# --- putting back -------------------------------------------------------------------------------------------------


def restore(
    file: Path,
    identity: str,
    places: BackupPlaces,
    *,
    url: str,
    read_keys: Callable[[], Keys],
    clock: Callable[[], datetime],
) -> BackupRestored:
    """Put a backup back where nothing is: keys first, then the database, which takes these keys to be entered in.

    A file that is there is left as it is. url: where the database goes. read_keys: the keys that are here; raises what
    the root raises without them. Can be run again after it was stopped, at any point. Raises BackupRefusedError,
    OSError, StoreUnavailableError.
    """
    places.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(places.home) as scratch:
        manifest, parts = _open(file, identity, scratch)
        if manifest.kind is BackupKind.KEYS:
            _require_own_keys(manifest, parts)
            _require_no_other_keys(places, parts)
            return BackupRestored(manifest, _put_files(places, manifest, parts))
        keys = read_keys()
        with _opened_store(url) as store:
            _require_free(store, manifest)
            if store.is_sqlite:
                fresh = parts[SQLITE]
                with _opened_store(backup_copies.url_of(fresh)) as copied:
                    _require_fits(copied, manifest, keys)
                    _enter_restored(copied, manifest, keys, clock())
                left = _put_files(places, manifest, parts)
                backup_copies.put_in_place(store, fresh)
            else:
                _pour(store, parts, without=(_VERSION_TABLE,))
                _require_fits(store, manifest, keys, without=(_VERSION_TABLE,))
                left = _put_files(places, manifest, parts)
                _enter_restored(store, manifest, keys, clock(), revision=manifest.revision)
    return BackupRestored(manifest, left)


_VERSION_TABLE = "alembic_version"


def _require_free(store: Store, manifest: BackupManifest) -> None:
    """Nothing lies where the database goes, and it can go there."""
    if backup_copies.has_tables(store):
        # What was stopped between its two steps is told apart by `check`: its tables have no version.
        raise BackupRefusedError(BackupProblem.PLACE_TAKEN)
    if manifest.engine != ("sqlite" if store.is_sqlite else "postgresql"):
        raise BackupRefusedError(BackupProblem.OTHER_DATABASE)
    if manifest.revision != newest_revision():
        raise BackupRefusedError(BackupProblem.OTHER_VERSION)


def _require_fits(store: Store, manifest: BackupManifest, keys: Keys, *, without: tuple[str, ...] = ()) -> None:
    """The database is what the manifest says, and the keys here are its own."""
    with store.read() as connection:
        _require_content(manifest, connection, without=without)
        if organisation.read_installation(connection).key_check != setup.key_check(keys):
            raise BackupRefusedError(BackupProblem.OTHER_KEYS)


def _enter_restored(store: Store, manifest: BackupManifest, keys: Keys, now: datetime, *, revision: str = "") -> None:
    """Say in its log that it was put back, before anybody can use it: what came after it is not known here."""
    log.watch_tables(store, keys.sealer, lambda: now)
    body: Body = {"verb": log_checkpoints.PUT_BACK, "size": manifest.size, "root": manifest.root}
    with store.write() as connection:
        if revision:
            backup_copies.name_revision(connection, revision)
        log.append(connection, now, [(EntryKind.RESTORE_ACCEPTED, body)])


def _require_no_other_keys(places: BackupPlaces, parts: Mapping[str, Path]) -> None:
    """Keys that lie here are those of the backup: others are never written over."""
    for name in (IDENTIFIER_KEY, SEALING_KEY, SIGNING_KEY):
        there = places.key_files[name]
        if there.exists() and there.read_bytes() != parts[name].read_bytes():
            raise BackupRefusedError(BackupProblem.PLACE_TAKEN)


def _put_files(places: BackupPlaces, manifest: BackupManifest, parts: Mapping[str, Path]) -> tuple[str, ...]:
    """Each where it belongs, whole or not at all; those that were there and are others, which stay."""
    left = []
    for name, fresh in sorted(parts.items()):
        to = places.find(manifest.kind, name)
        if to is None:
            continue
        content = fresh.read_bytes()
        if to.exists():
            left += [name] if to.read_bytes() != content else []
            continue
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = to.with_name(f".{to.name}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.rename(to)
        _sync(to.parent)
    return tuple(left)


def _sync(folder: Path) -> None:
    """A name that was given is on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
