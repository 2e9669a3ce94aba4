"""What is remembered of each witness of our log: a file beside the heads, never evidence by itself.

Whoever deletes it changes nothing for long: witnesses are asked again, and say the same.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from server.core.log.merkle import Frontier
from server.core.log.witness_protocol import WitnessFault

_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one witness. cosigned: the log as it was at the newest head that it cosigned; at: when, seconds since 1970.

    asked: the last try. fault: why that came to nothing, since when; size: what the witness named. accepted: the entry
    of the log by which two people let this very fault be, if there is one.
    """

    cosigned: Frontier = field(default_factory=Frontier)
    at: int = 0
    asked: datetime | None = None
    fault: WitnessFault | None = None
    since: datetime | None = None
    size: int = 0
    accepted: int | None = None


def read(checkpoint_file: Path) -> Mapping[str, Memory]:
    """By the key's text; what cannot be read is as if nothing was remembered."""
    try:
        with _file(checkpoint_file).open("rb") as file:
            told = json.loads(file.read(_LARGEST))
        return {str(key): _read_one(each) for key, each in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(checkpoint_file: Path, memories: Mapping[str, Memory]) -> None:
    """In place of what was remembered, whole or not at all."""
    file = _file(checkpoint_file)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}")
    with suppress(OSError):
        fresh.write_text(json.dumps({key: _write_one(each) for key, each in memories.items()}), "utf-8")
        fresh.replace(file)


def _file(checkpoint_file: Path) -> Path:
    return checkpoint_file.with_name(checkpoint_file.name + ".witnesses")


def _write_one(memory: Memory) -> Mapping[str, object]:
    return {
        "cosigned": memory.cosigned.encode().hex(),
        "at": memory.at,
        "asked": memory.asked and memory.asked.isoformat(),
        "fault": memory.fault,
        "since": memory.since and memory.since.isoformat(),
        "size": memory.size,
        "accepted": memory.accepted,
    }


def _read_one(told: Mapping[str, object]) -> Memory:
    accepted = told["accepted"]
    return Memory(
        cosigned=Frontier.decode(bytes.fromhex(str(told["cosigned"]))),
        at=int(str(told["at"])),
        asked=_instant(told["asked"]),
        fault=None if told["fault"] is None else WitnessFault(str(told["fault"])),
        since=_instant(told["since"]),
        size=int(str(told["size"])),
        accepted=None if accepted is None else int(str(accepted)),
    )


def _instant(told: object) -> datetime | None:
    if told is None:
        return None
    at = datetime.fromisoformat(str(told))
    if at.utcoffset() is None:
        raise ValueError("an instant is aware")
    return at
