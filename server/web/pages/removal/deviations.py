"""Deviations in force: who keeps what longer, why, and until when."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.web.dates import last_day
from server.web.request import fill, here
from server.work.admin import access
from server.work.removal import deviations_and_holds


def show() -> ResponseReturnValue:
    """The list; case numbers, workers and reasons for those cleared."""
    at = here()
    cleared = at.role in CLEARED_FOR_CASES
    rows = deviations_and_holds.list_deviations(at.context)
    if cleared:
        access.note_read(at.context, at.signed_in, "deviations")
    who = (Column("case", phrase("Case number")), Column("worker", phrase("Worker"))) if cleared else ()
    why = (Column("reason", phrase("Why")),) if cleared else ()
    section = Section(
        "deviations",
        phrase("In force, ending soonest first"),
        columns=(
            Column("deviation", phrase("Deviation")),
            *who,
            Column("tier", phrase("Whose decision"), Kind.CODE),
            *why,
            Column("until", phrase("Last day"), Kind.DATE),
        ),
        rows=tuple(
            (
                row.uid,
                *((row.case, row.worker) if cleared else ()),
                row.tier,
                *((row.reason,) if cleared else ()),
                last_day(row.until_at),
            )
            for row in rows
        ),
        empty=phrase("No deviation is in force."),
    )
    lead = phrase(
        "Deviating with a reason is allowed. A deviation records who keeps a contact, who decided, and "
        "until when. While it is in force, the contact stays."
    )
    return fill("list.html", phrase("Deviations"), lead=lead, section=section)
