"""What a backup says of itself, who may open it, and which two must not share a key; no file and no key is here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

FORMAT = "closeout-backup/1"
MANIFEST = "manifest.json"
"""The last file within a backup: what comes before it is whole if it is."""
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_MARKED_BY = 16


class BackupKind(StrEnum):
    """What a backup holds. Never both in one: who has both reads everything."""

    DATABASE = "database"
    """The database, the signed heads of its log, and the files of rules."""
    KEYS = "keys"
    """The keys of the installation, and what its connections sign in with."""


@dataclass(frozen=True, slots=True)
class BackupPart:
    """One file within a backup. digest: SHA-256, hex."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What is in a backup.

    origin: names the installation's log. log_key: its public key, as C2SP writes it. revision: of the tables. engine:
    `sqlite` or `postgresql`. size, root: the log's head in it (root in hex). rows: of each table. Of keys alone, size
    and root are those of the database beside them, and revision, engine and rows are empty.
    """

    kind: BackupKind
    origin: str
    log_key: str
    made_at: datetime
    size: int
    root: str
    parts: tuple[BackupPart, ...]
    revision: str = ""
    engine: str = ""
    rows: Mapping[str, int] | None = None


def write_manifest(manifest: BackupManifest) -> bytes:
    """As JSON, one form for the same content."""
    told = asdict(manifest) | {"format": FORMAT, "made_at": manifest.made_at.astimezone(UTC).isoformat()}
    return json.dumps(told, sort_keys=True, indent=1).encode()


def read_manifest(text: bytes) -> BackupManifest:
    """The inverse; ValueError, which repeats nothing of it, for anything else."""
    try:
        told: dict[str, Any] = json.loads(text)
        known = told.pop("format") == FORMAT
        rows = told.pop("rows")
        made = BackupManifest(
            kind=BackupKind(told.pop("kind")),
            made_at=datetime.fromisoformat(told.pop("made_at")),
            parts=tuple(
                BackupPart(str(each["name"]), int(each["size"]), str(each["digest"])) for each in told.pop("parts")
            ),
            rows=None if rows is None else {str(name): int(count) for name, count in rows.items()},
            size=int(told.pop("size")),
            **{name: str(value) for name, value in told.items()},
        )
        known = known and made.made_at.tzinfo is not None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("not the manifest of a backup") from None
    if not known:
        raise ValueError("not the manifest of a backup")
    return made


def base_name(origin: str, kind: BackupKind, at: datetime) -> str:
    """How a backup's file is called, without its ending: by installation, kind and instant, which sort."""
    return f"{origin.replace('/', '-')}-{kind.value}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def read_recipients(text: str) -> tuple[str, ...]:
    """The public keys of a file: one a line, as `age-keygen` prints them; `#` begins a remark. Each once.

    Raises ValueError with the number of the first line that is none; 0: there is none in it at all.
    """
    found: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if said and not _RECIPIENT.fullmatch(said):
            raise ValueError(number)
        if said:
            found[said] = None
    if not found:
        raise ValueError(0)
    return tuple(found)


def marks_of(recipients: Sequence[str]) -> tuple[str, ...]:
    """By what the log names public keys: the beginning of a digest of each, sorted."""
    return tuple(sorted(hashlib.sha256(each.encode()).hexdigest()[:_MARKED_BY] for each in recipients))


def opens_both(kind: BackupKind, recipients: Sequence[str], newest: Mapping[BackupKind, Sequence[str]]) -> bool:
    """Whether somebody could open this backup and the newest of the other kind, and so read everything.

    newest: by kind, the marks of whom the newest backup was encrypted to.
    """
    others = {mark for other, marks in newest.items() if other is not kind for mark in marks}
    return not others.isdisjoint(marks_of(recipients))
