"""The table of holds, for those cleared for them alone: the same at the command and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from server.core.hold_record import HoldRow
from server.core.tables import Column, Kind, Section
from server.core.text import phrase


def hold_section(rows: Sequence[HoldRow]) -> Section:
    """One row for each hold."""
    return Section(
        "holds",
        phrase("Holds"),
        columns=(
            Column("hold", phrase("Hold")),
            Column("worker", phrase("Worker"), blank=phrase("everyone")),
            Column("case", phrase("Case"), blank=phrase("all")),
            Column("system", phrase("Case system"), blank=phrase("all")),
            Column("requester", phrase("Requested by"), Kind.CODE),
            Column("reason", phrase("Why")),
            Column("set", phrase("Set"), Kind.INSTANT),
            Column("review", phrase("To be reviewed"), Kind.DATE),
            Column("said", phrase("May end, said one person"), Kind.INSTANT),
            Column("released", phrase("Ended"), Kind.INSTANT),
            Column("late", phrase("Removed by calls that were reported late"), Kind.COUNT),
        ),
        rows=tuple(
            (
                *(row.uid, row.worker, row.case, row.system, row.requester, row.reason),
                *(row.set_at, row.review_on, row.said_at, row.released_at, row.late),
            )
            for row in rows
        ),
        empty=phrase("There is no hold."),
    )
