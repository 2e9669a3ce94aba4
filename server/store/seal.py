"""Sealing and keyed hashing of what must be at rest but not readable there; keys come from outside the database.

AES-GCM with table, column and row as associated data: a value moved elsewhere does not open. The first byte is the
key's version. `secure_delete` reaches neither WAL nor backups: destroy keys, not rows.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE = 12


class SealBrokenError(Exception):
    """A sealed value does not open: another key, or it was changed or moved."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """One key of 32 bytes, for sealing and for keyed hashes of handles."""

    key: bytes = field(repr=False)
    _sealing: AESGCM = field(init=False, repr=False, compare=False)
    _hashing: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.key) != 32:
            raise ValueError("a sealing key has 32 bytes")
        object.__setattr__(self, "_sealing", AESGCM(self._derive(b"seal")))
        object.__setattr__(self, "_hashing", self._derive(b"hash"))

    @staticmethod
    def fresh_key() -> bytes:
        """32 random bytes, for a commitment or a new installation."""
        return os.urandom(32)

    def seal(self, value: str, place: str) -> bytes:
        """place: what the value belongs to ("table.column.row")."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._sealing.encrypt(nonce, value.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Raises SealBrokenError."""
        if sealed[:1] != _VERSION:
            raise SealBrokenError
        nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._sealing.decrypt(nonce, body, place.encode()).decode()
        except (InvalidTag, ValueError):  # ValueError: cut so short that not even the nonce is whole
            raise SealBrokenError from None

    def hash(self, value: str, place: str) -> bytes:
        """32 bytes by which a value can be found again but not read."""
        return hmac.digest(self._hashing, f"{place}\0{value}".encode(), "sha256")

    def _derive(self, use: bytes) -> bytes:
        return hmac.digest(self.key, b"closeout/seal/v1\0" + use, "sha256")
