"""Keys of single cases, in files outside the database: whoever has a dump of it and not these reads no number.

A key is made when the first value of its case is sealed and destroyed with its last. Its file is named by a keyed hash,
so that a listing of the folder names no case.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from server.store.seal import SealBrokenError, Sealer

_LENGTH = 32


@dataclass(frozen=True, slots=True)
class CaseKeys:
    """The keys in one folder, readable by its owner alone. names: hashes a case's number in our tables to a name."""

    folder: Path
    names: Sealer = field(repr=False)

    def seal(self, case_id: int, value: str, place: str) -> bytes:
        """Seal a value under the key of a case; makes the key if there is none. Raises OSError."""
        return Sealer(self._key(case_id) or self._make(case_id)).seal(value, place)

    def open(self, case_id: int, sealed: bytes, place: str) -> str | None:
        """The value; None: its key is destroyed, or was never here."""
        key = self._key(case_id)
        if key is None:
            return None
        try:
            return Sealer(key).open(sealed, place)
        except SealBrokenError:
            return None

    def destroy(self, case_ids: Iterable[int]) -> None:
        """Destroy the keys of these cases: overwritten, and gone from the folder before this returns."""
        self._destroy(self._file(each) for each in case_ids)

    def destroy_all(self) -> bool:
        """Destroy every key there is; whether there was one."""
        files = sorted(self.folder.glob("*.key")) if self.folder.is_dir() else []
        self._destroy(files)
        return bool(files)

    def sweep(self, used: Iterable[int], before: datetime) -> None:
        """Destroy keys that were made before then and are of none of these cases."""
        kept = {self._file(each).name for each in used}
        files = sorted(self.folder.glob("*.key")) if self.folder.is_dir() else []
        self._destroy(each for each in files if each.name not in kept and each.stat().st_mtime < before.timestamp())

    def _destroy(self, files: Iterable[Path]) -> None:
        gone = False
        for file in files:
            try:
                with file.open("r+b") as out:
                    out.write(os.urandom(_LENGTH))
                    out.flush()
                    os.fsync(out.fileno())
                file.unlink()
            except FileNotFoundError:
                continue
            gone = True
        if gone:
            self._settle_folder()

    def _key(self, case_id: int) -> bytes | None:
        try:
            key = self._file(case_id).read_bytes()
        except FileNotFoundError:
            return None
        return key if len(key) == _LENGTH else None

    def _make(self, case_id: int) -> bytes:
        """A fresh key, on disk before it is used. One that another engine made meanwhile is used instead."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._file(case_id)
        fresh = file.with_name(f"{file.name}.{os.urandom(4).hex()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(os.urandom(_LENGTH))
                out.flush()
                os.fsync(out.fileno())
            try:
                os.link(fresh, file)
            except FileExistsError:
                if len(file.read_bytes()) != _LENGTH:
                    fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
        self._settle_folder()
        return file.read_bytes()

    def _settle_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _file(self, case_id: int) -> Path:
        return self.folder / f"{self.names.hash(str(case_id), 'case key').hex()[:32]}.key"
