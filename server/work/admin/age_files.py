"""Files that only the holder of a private key opens: bytes, or a ZIP, within age (age-encryption.org/v1); nothing of
ours is known here, and only this module knows the library.

Written as a stream: a database never lies in memory, and what PostgreSQL dumps on no disk in clear.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path, PurePosixPath
from typing import IO

import pyrage

_CHUNK = 1 << 20


class BadRecipientError(Exception):
    """A public key is none: its checksum does not fit, or it is of another kind."""


class BadIdentityError(Exception):
    """A private key is none."""


class NotForThisKeyError(Exception):
    """The file was not encrypted to the public key of this private one."""


class NotAgeError(Exception):
    """The file is not of this kind, or was cut off or changed."""


@dataclass(frozen=True, slots=True)
class AgeMember:
    """A file within. content: its bytes in parts; called once, when its turn has come. packed: already compressed."""

    name: str
    content: Callable[[], Iterable[bytes]]
    packed: bool = False


def of_file(name: str, file: Path) -> AgeMember:
    """A file of the disk as a member."""

    def content() -> Iterator[bytes]:
        with file.open("rb") as opened:
            while part := opened.read(_CHUNK):
                yield part

    return AgeMember(name, content)


def write(out: IO[bytes], recipients: Iterable[str], members: Iterable[AgeMember]) -> str:
    """Encrypt the members to these public keys; the digest (SHA-256, hex) of what was written.

    Raises BadRecipientError before anything was written, OSError, and what a member's content raises.
    """
    return seal(out, recipients, _zipped(members))


def seal(out: IO[bytes], recipients: Iterable[str], content: Iterator[bytes]) -> str:
    """Encrypt bytes, as they come, to these public keys; as `write`."""
    try:
        to = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
    except pyrage.RecipientError:
        raise BadRecipientError from None
    plain, sealed = _Reader(content), _Writer(out)
    try:
        pyrage.encrypt_io(plain, sealed, to)
    except (pyrage.EncryptError, OSError, ValueError):
        # The library tells what Python raised as a text of its own.
        raised = plain.raised or sealed.raised
        if raised is None:
            raise
        raise raised from None
    if plain.raised is not None:
        raise plain.raised
    return sealed.digest.hexdigest()


def read(file: IO[bytes], identity: str, folder: Path) -> list[Path]:
    """Decrypt what was encrypted to this private key into a folder; the files, named as within.

    Raises BadIdentityError, NotForThisKeyError, NotAgeError (also after some was written), OSError.
    """
    whole = folder / ".zip"
    with os.fdopen(os.open(whole, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as plain:
        unseal(file, identity, plain)
        try:
            return list(_unzipped(plain, folder))
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, UnicodeError):
            raise NotAgeError from None
        finally:
            whole.unlink()


def unseal(file: IO[bytes], identity: str, plain: IO[bytes]) -> None:
    """Decrypt what was encrypted to this private key; raises as `read`."""
    try:
        key = pyrage.x25519.Identity.from_str(_identity_in(identity))
    except pyrage.IdentityError:
        raise BadIdentityError from None
    sealed, opened = _Source(file), _Writer(plain)
    try:
        pyrage.decrypt_io(sealed, opened, [key])
    except (pyrage.DecryptError, OSError, ValueError) as error:
        raised = sealed.raised or opened.raised
        if raised is not None:
            raise raised from None
        raise (NotForThisKeyError if "matching" in str(error) else NotAgeError) from None


def _identity_in(text: str) -> str:
    """The private key of a text as `age-keygen` writes it, with its remarks."""
    lines = [line.strip() for line in text.splitlines()]
    return next((line for line in lines if line and not line.startswith("#")), "")


def _zipped(members: Iterable[AgeMember]) -> Iterator[bytes]:
    """A ZIP of the members, bytes as they come."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in members:
            stored = zipfile.ZipInfo(member.name)  # which packs nothing
            with archive.open(stored if member.packed else member.name, "w", force_zip64=True) as into:
                for part in member.content():
                    into.write(part)
                    yield sink.take()
    yield sink.take()


def _unzipped(plain: IO[bytes], folder: Path) -> Iterator[Path]:
    with zipfile.ZipFile(plain) as archive:
        for info in archive.infolist():
            within = PurePosixPath(info.filename)
            if within.is_absolute() or ".." in within.parts or not within.parts or within.parts[0].startswith("."):
                raise NotAgeError
            file = folder.joinpath(*within.parts)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as out, archive.open(info) as content:
                while part := content.read(_CHUNK):
                    out.write(part)
            yield file


class _Sink(RawIOBase):
    """Takes what a ZIP writes, until it is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: object) -> int:
        taken = bytes(part)  # type: ignore[call-overload]
        self._parts.append(taken)
        return len(taken)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class _Reader:
    """Bytes of an iterator, read as of a file. raised: what ended it."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._part, self._at = parts, b"", 0
        self.raised: BaseException | None = None

    def read(self, most: int = -1) -> bytes:
        try:
            while self._at == len(self._part):
                self._part, self._at = next(self._parts), 0
        except StopIteration:
            return b""
        except BaseException as error:
            self.raised = error
            raise
        end = len(self._part) if most < 0 else self._at + most
        given = self._part[self._at : end]
        self._at += len(given)
        return given


class _Source:
    """A file to read from that remembers what it raised."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.raised: OSError | None = None

    def read(self, most: int = -1) -> bytes:
        try:
            return self._file.read(most)
        except OSError as error:
            self.raised = error
            raise


class _Writer:
    """A file to write to that knows the digest of what went in, and remembers what it raised."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.raised: OSError | None = None

    def write(self, part: bytes) -> int:
        try:
            self._file.write(part)
        except OSError as error:
            self.raised = error
            raise
        self.digest.update(part)
        return len(part)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self.raised = error
            raise
