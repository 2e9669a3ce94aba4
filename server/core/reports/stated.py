"""What workers stated of places that nobody can see, in counts: told apart from all that was seen or proven; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.core.model import StatedPlace
from server.core.removal.attestation import PlaceStanding
from server.core.tables import Column, Kind, Row, Section
from server.core.text import phrase

LEAST_WORKERS = 5
"""Of fewer workers no figures are told: they would tell who answered what."""


@dataclass(frozen=True, slots=True)
class StatedCounts:
    """What was stated of the closures of a period. workers: whom it is about. unasked: of how many closures a worker
    was not asked, for want of a sign-in of theirs. counts: for each place how many closures stand how.
    """

    workers: int
    unasked: int
    counts: Mapping[StatedPlace, Mapping[PlaceStanding, int]]


def stated_section(stated: StatedCounts) -> Section:
    """The table; without figures where they would be about few people."""
    few = stated.workers < LEAST_WORKERS
    order = (PlaceStanding.DONE, PlaceStanding.NOT_THERE, PlaceStanding.CANNOT, PlaceStanding.AGED)
    rows: list[Row] = []
    for place, counts in () if few else stated.counts.items():
        silent = counts.get(PlaceStanding.OPEN, 0) + counts.get(PlaceStanding.UNANSWERED, 0)
        rows.append((place, *(counts.get(each, 0) for each in order), silent))
    return Section(
        key="stated",
        heading=phrase("What workers state of places nobody can see"),
        paragraphs=(
            phrase(
                "After a final closure in this period its workers were asked about numbers saved in these places. Each "
                "closure counts once for each worker who was on the case."
            ),
            phrase("Stated is not proven: nobody looked there, and no figure of removals has any of it in it."),
        ),
        columns=(
            Column("place", phrase("Where it is saved"), Kind.CODE),
            Column("done", phrase("Taken out, as stated"), Kind.COUNT),
            Column("not_there", phrase("Was not there, as stated"), Kind.COUNT),
            Column("cannot", phrase("Cannot be done"), Kind.COUNT),
            Column("aged", phrase("Stated too long ago"), Kind.COUNT),
            Column("unanswered", phrase("Nothing stated"), Kind.COUNT),
        ),
        rows=tuple(rows),
        notes=()
        if few
        else (
            phrase(
                "Not asked, as its worker has no sign-in, is suspended or has left: {count} closure. Nothing is "
                "assumed of it.",
                many="Not asked, as their workers have no sign-in, are suspended or have left: {count} closures. "
                "Nothing is assumed of them.",
                count=stated.unasked,
            ),
        )
        if stated.unasked
        else (),
        empty=phrase("Fewer than five workers were asked, so no figures are told."),
    )
