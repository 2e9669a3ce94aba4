"""Whether the tables say of proven removals what the log says: no more, no less, no other moment; no I/O.

Rows of removals are written by whoever can write the database. What the log says of a proof cannot be.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from server.core.log.entries import write_instant
from server.core.model import Level
from server.core.workdays import local_day

_LEVELS = {each.value: each for each in Level}


class RemovalDifferenceKind(StrEnum):
    """How a removal differs from what the log says of it."""

    NOT_PROVEN = "not_proven"
    """The table calls it proven; the log has no proof of it."""
    NOT_THERE = "not_there"
    """The log has its proof; the table has no such removal."""
    NOT_DONE = "not_done"
    """The log has its proof; in the table it is not proven, or at another moment or place."""
    DEVICES = "devices"
    """The table and the log count other phones that confirm it, at some level of evidence."""


@dataclass(frozen=True, slots=True, order=True)
class RemovalDifference:
    """One removal that is not as the log says. order: its opaque id."""

    order: str
    kind: RemovalDifferenceKind


@dataclass(frozen=True, slots=True)
class RemovalRow:
    """A removal as the table has it. proven_at: None: it is not proven. place: opaque id."""

    order: str
    place: str
    proven_at: datetime | None


class LoggedProofs:
    """What the log says of proofs, noted while it is read, entry by entry; a few hundred bytes for each removal.

    Removals whose period is over go from the tables; before they do, the log says up to which day (`RECORDS_EXPIRED`).
    A proof of such a day is no difference, whether or not its row is still there.
    """

    def __init__(self) -> None:
        self._proofs: dict[str, tuple[str, str]] = {}  # when, as the log writes it, and where
        self._devices: Counter[tuple[str, Level]] = Counter()
        self._sighting = b""  # the newest
        self._destroyed = date.min

    def note(self, text: object) -> None:
        """Take in an entry's canonical text. What is none is passed over: the audit of the log tells of it."""
        if not isinstance(text, bytes):
            return
        if b'"kind":"sighting",' in text:
            self._sighting = text
        if b'"kind":"records_expired",' in text and b'"what":"removals"' in text:
            self._note_destroyed(text)
        if not (b'"kind":"proof",' in text or b'"kind":"evidence_raised",' in text):
            return
        try:
            told = json.loads(text)
            body, level = told["body"], told["body"].get("level")
            if level is None:
                return  # looked for and seen to be there: a proof of nothing
            if told["kind"] == "proof":
                self._proofs[body["order"]] = (told["at"], body.get("place") or self._place_of(body["look"]))
            elif told["kind"] == "evidence_raised":
                self._devices[body["order"], _LEVELS[level]] += 1
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return

    def _note_destroyed(self, text: bytes) -> None:
        try:
            until = date.fromisoformat(json.loads(text)["body"]["until"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        self._destroyed = max(self._destroyed, until)

    def _may_be_gone(self, order: str) -> bool:
        """Whether the log says that removals of the day of this one's proof were destroyed."""
        proof = self._proofs.get(order)
        if proof is None or self._destroyed == date.min:
            return False
        try:
            return local_day(datetime.fromisoformat(proof[0])) <= self._destroyed
        except (ValueError, TypeError):  # an edited entry, of which the audit of the log tells
            return False

    def _place_of(self, look: str) -> str:
        """Where a proof was seen that names its look alone: the look was written right before it (decision 0071)."""
        seen = json.loads(self._sighting)["body"]
        return str(seen["place"]) if seen["look"] == look else ""

    def differences(
        self, rows: Iterable[RemovalRow], devices: Mapping[tuple[str, Level], int]
    ) -> tuple[RemovalDifference, ...]:
        """What the tables say beside it, in order of the removals' ids.

        rows: every removal that is proven in the table, and may be others. devices: how many phones confirm a removal
        there, by level of evidence.
        """
        found: set[RemovalDifference] = set()
        left = dict(self._proofs)
        there: set[str] = set()
        for row in rows:
            proof = left.pop(row.order, None)
            there.add(row.order)
            if proof is None:
                if row.proven_at is not None:
                    found.add(RemovalDifference(row.order, RemovalDifferenceKind.NOT_PROVEN))
            elif row.proven_at is None or proof != (write_instant(row.proven_at), row.place):
                found.add(RemovalDifference(row.order, RemovalDifferenceKind.NOT_DONE))
        found |= {
            RemovalDifference(order, RemovalDifferenceKind.NOT_THERE) for order in left if not self._may_be_gone(order)
        }
        found |= {
            RemovalDifference(key[0], RemovalDifferenceKind.DEVICES)
            for key in self._devices.keys() | devices.keys()
            if self._devices[key] != devices.get(key, 0) and not (key[0] not in there and self._may_be_gone(key[0]))
        }
        return tuple(sorted(found))
