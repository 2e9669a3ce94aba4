"""The keys of an installation as people may see them: which there are, and a print by which a copy is known again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.store import log
from server.store.admin import organisation
from server.store.seal import SealBrokenError
from server.work.admin import setup
from server.work.context import Context


class KeyUse(StrEnum):
    """What a key is for."""

    IDENTIFIER = "identifier"
    SEALING = "sealing"
    SIGNING = "signing"


@dataclass(frozen=True, slots=True)
class KeyPrint:
    """One key. print: 16 hexadecimal digits that tell nothing of the key and are the same for its every copy."""

    use: KeyUse
    print: str


def read_prints(context: Context) -> tuple[KeyPrint, ...]:
    """The keys in use. Of the secret ones a keyed hash of a fixed text is shown, never of the key."""
    keys = context.keys
    public = keys.signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return (
        KeyPrint(KeyUse.IDENTIFIER, setup.key_check(keys).hex()[:16]),
        KeyPrint(KeyUse.SEALING, keys.sealer.hash("print", "custody.print").hex()[:16]),
        KeyPrint(KeyUse.SIGNING, hashlib.sha256(public).hexdigest()[:16]),
    )


def fits(context: Context) -> bool:
    """Whether these keys are those that the database was made with."""
    with context.store.read() as connection:
        return organisation.read_installation(connection).key_check == setup.key_check(context.keys)


def opens(context: Context) -> bool:
    """Whether the sealing key seals and opens, and opens what was sealed here last; what it says is not looked at."""
    sealer = context.keys.sealer
    try:
        if sealer.open(sealer.seal("probe", "custody.probe"), "custody.probe") != "probe":
            return False
        with context.store.read() as connection:
            log.open_newest(connection, sealer)
    except SealBrokenError:
        return False
    return True
