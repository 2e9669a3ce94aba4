"""A store in memory that tells of changes; who sends, proves itself by a header of the body. For tests of hints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from mdm_adapters.port import (
    YES,
    Beacon,
    Capability,
    CapabilityAnswer,
    Denied,
    Fault,
    Garbled,
    Hint,
    PortError,
    Watching,
)
from tests.vendors.memory import MemoryStore


class TellingStore(MemoryStore):
    """watched: what it was asked to tell of, at each time; unwilling: raised in place of that."""

    watched: list[Sequence[Beacon]]
    unwilling: PortError | None = None

    def capabilities(self) -> Mapping[Capability, CapabilityAnswer]:
        return {**super().capabilities(), Capability.EVENTS: YES}

    def _watch(self, beacons: Sequence[Beacon], base: str, now: datetime) -> Watching:
        if self.unwilling is not None:
            raise self.unwilling
        assert all(beacon.url.startswith(base) for beacon in beacons)
        self.watched = [*getattr(self, "watched", []), beacons]
        return Watching(made=len(beacons))

    def _hear(self, secret: str, body: bytes) -> frozenset[Hint]:
        found = json.loads(body)
        if not isinstance(found, dict):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        if found.get("secret") != secret:
            raise Denied(Fault.WRONG_CREDENTIALS)
        return frozenset({Hint(found.get("says", "changed"))})


def event(secret: str, says: Hint = Hint.CHANGED) -> bytes:
    """The body of an event that proves its sender with this secret."""
    return json.dumps({"secret": secret, "says": says.value}).encode()
