"""What may be wrong with a witness of our log, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from server.core.log.witness_protocol import WitnessFault
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase

FAULTS: Mapping[WitnessFault, Text] = {
    WitnessFault.GONE: phrase("It does not answer."),
    WitnessFault.UNKNOWN_LOG: phrase("It does not know this log, or knows it by another key."),
    WitnessFault.KNOWS_MORE: phrase("It cosigned a longer log than this one."),
    WitnessFault.OTHER_TREE: phrase("It cosigned another history than this one."),
}


def section(witnesses: Iterable[tuple[str, int, int, WitnessFault | None]]) -> Section:
    """Each witness: its name, entries of the newest head that it cosigned, when (seconds since 1970), what is wrong."""
    return Section(
        "log_witnesses",
        phrase("Witnesses of the log (independent log servers)"),
        columns=(
            Column("name", phrase("Witness of the log")),
            Column("entries", phrase("Cosigned up to entry"), Kind.COUNT),
            Column("at", phrase("Cosigned at"), Kind.INSTANT),
            Column("fault", phrase("What is wrong")),
        ),
        rows=tuple(
            (name, entries, datetime.fromtimestamp(at, UTC) if at else None, None if fault is None else FAULTS[fault])
            for name, entries, at, fault in witnesses
        ),
        empty=phrase("No witness cosigns the checkpoints of this log."),
    )
