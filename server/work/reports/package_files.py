"""Evidence packages as archives: a ZIP of one spelling, nothing compressed, written and read file by file.

The same files are the same bytes everywhere, so that any changed byte is seen, also one that no reader looks at. As
nothing is compressed, none can grow beyond what lies there. What a file says is `core.log.packages`' to judge.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from server.core.log.packages import (
    LARGEST_MEMBER,
    LARGEST_STAMP,
    MANIFEST,
    MOST_MEMBERS,
    STAMP,
    BadPackageError,
    PackageChecker,
    PackageFault,
    ProvenPackage,
    is_safe_name,
)
from server.core.log.receipts import ProvenRemoval
from server.core.log.witness_policy import WitnessPolicy

LARGEST = 1 << 30
"""Bytes of a package."""
_NO_ZIP = (BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError, struct.error, OSError)
_CHUNK = 1 << 20


def write_zip(members: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """The one archive of these files, in this order; bytes as they come."""
    window = _Window()
    with ZipFile(window, "w", ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(_info(name), content)
            yield window.take()
    yield window.take()


def _info(name: str) -> ZipInfo:
    info = ZipInfo(name)  # of 1 January 1980
    info.create_system = 3
    info.external_attr = 0o600 << 16
    return info


class OpenPackage:
    """A package that is being checked. file: the archive itself, not what it is sealed in."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises BadPackageError for what is no archive of this form."""
        self._file = file
        self._length = file.seek(0, os.SEEK_END)
        if self._length > LARGEST:
            raise BadPackageError(PackageFault.UNSAFE)
        try:
            self._archive = ZipFile(file)
        except _NO_ZIP:
            raise BadPackageError(PackageFault.NOT_A_PACKAGE) from None
        self._members = self._archive.infolist()
        names = [each.filename for each in self._members]
        if len(names) > MOST_MEMBERS or sum(each.file_size for each in self._members) > self._length:
            raise BadPackageError(PackageFault.UNSAFE)
        if any(not _is_plain(each) for each in self._members):
            raise BadPackageError(PackageFault.UNSAFE)
        if len(set(names)) != len(names) or names[-1:] not in ([MANIFEST], [STAMP]) or MANIFEST not in names[-2:]:
            raise BadPackageError(PackageFault.NOT_A_PACKAGE)
        self.stamp = self._read(self._members[-1]) if names[-1] == STAMP else None
        if self.stamp is not None and len(self.stamp) > LARGEST_STAMP:
            raise BadPackageError(PackageFault.UNSAFE, STAMP)
        self.manifest = self._read(self._archive.getinfo(MANIFEST))

    def check(
        self, log_key: tuple[bytes, str], policy: WitnessPolicy, into: Path | None = None
    ) -> tuple[ProvenPackage, tuple[ProvenRemoval, ...]]:
        """Hold all of it against public keys: the package and what its receipts prove. into: a new folder that each
        file is written to as it is read, believed or not. Raises BadPackageError, OSError.
        """
        try:
            text = self.manifest.decode()
        except UnicodeDecodeError:
            raise BadPackageError(PackageFault.NOT_A_PACKAGE, MANIFEST) from None
        checker = PackageChecker(text, log_key, policy)
        rewritten, removals = hashlib.sha256(), []

        def members() -> Iterator[tuple[str, bytes]]:
            for info in self._members:
                content = self._read(info)
                if info.filename not in (MANIFEST, STAMP):
                    found = checker.take(info.filename, content)
                    removals.extend([] if found is None else [found])
                if into is not None:
                    _put(into, info.filename, content)
                yield info.filename, content

        for part in write_zip(members()):
            rewritten.update(part)
        if rewritten.digest() != self._digest():
            raise BadPackageError(PackageFault.NOT_A_PACKAGE)
        return checker.end(), tuple(removals)

    def _read(self, info: ZipInfo) -> bytes:
        try:
            return self._archive.read(info)
        except _NO_ZIP:
            raise BadPackageError(PackageFault.NOT_A_PACKAGE) from None

    def _digest(self) -> bytes:
        self._file.seek(0)
        digest = hashlib.sha256()
        while part := self._file.read(_CHUNK):
            digest.update(part)
        return digest.digest()


def _is_plain(info: ZipInfo) -> bool:
    stored = info.compress_type == ZIP_STORED and info.compress_size == info.file_size
    return stored and info.file_size <= LARGEST_MEMBER and is_safe_name(info.filename)


def _put(folder: Path, name: str, content: bytes) -> None:
    file = folder / name
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)


class _Window(RawIOBase):
    """A file of which only the end is kept: what was taken away cannot be gone back to."""

    def __init__(self) -> None:
        self._gone, self._kept = 0, BytesIO()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._gone + self._kept.tell()

    def seek(self, to: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            self._kept.seek(to - self._gone)
        else:
            self._kept.seek(to, whence)
        return self.tell()

    def write(self, part: object) -> int:
        return self._kept.write(part)  # type: ignore[arg-type]

    def take(self) -> bytes:
        taken = self._kept.getvalue()
        self._gone, self._kept = self._gone + len(taken), BytesIO()
        return taken
