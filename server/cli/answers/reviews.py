"""What waits for a person, as answers of the command."""

from __future__ import annotations

from collections.abc import Sequence

from server.core.model import CLEARED_FOR_CASES, Role
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.work.removal.reviews import Waiting


def listed(rows: Sequence[Waiting], role: Role) -> Answer:
    """What waits; case and worker for those cleared."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "reviews",
        phrase("What waits for a person, the longest first"),
        columns=(
            Column("review", phrase("Its id")),
            *((Column("case", phrase("Case number")), Column("worker", phrase("Worker"))) if cleared else ()),
            Column("reason", phrase("Why"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
            Column("turn", phrase("Whose turn it is"), Kind.CODE),
            Column("acts", phrase("What can be said here"), blank=phrase("nothing")),
            Column("since", phrase("Since"), Kind.INSTANT),
            Column("days", phrase("Days"), Kind.COUNT),
        ),
        rows=tuple(
            (
                each.row.uid,
                *((each.row.case, each.row.worker) if cleared else ()),
                each.row.reason,
                each.row.reason,
                each.turn,
                ", ".join(each.acts) or None,
                each.row.since,
                each.days,
            )
            for each in rows
        ),
        empty=phrase("Nothing waits for a person."),
    )
    what_next = (phrase("Decide with: closeout review answer ID --say ACT --reason TEXT"),) if rows else ()
    return Answer(
        ok=True,
        title=phrase("What waits for a person: {count}.", count=len(rows)),
        sections=(section,),
        what_next=what_next,
        key="reviews",
    )


def answered() -> Answer:
    """After `review answer`."""
    return Answer(
        ok=True,
        title=phrase("It is recorded. The contact is decided again at the next run."),
        key="review_answered",
    )
