"""The report on deviations: which reasoned exceptions stood, whose decision they were, and until when; pure.

Reasons are not told: they are free text, and a report travels further than the page where they can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.core.model import Tier
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_sources, summarise
from server.core.reports.document import Figure, Report
from server.core.reports.removals import View
from server.core.reports.tally import Tally, deviations_section
from server.core.tables import Column, Kind, Row, Section
from server.core.text import phrase


@dataclass(frozen=True, slots=True)
class Deviation:
    """One deviation that stood in the period. case, worker: for cleared readers. decided_by: a role or a body."""

    id: str
    case: str
    worker: str
    tier: Tier
    decided_by: str
    recorded_at: datetime
    until_at: datetime
    ended_at: datetime | None


def build(tally: Tally, deviations: Sequence[Deviation], view: View) -> Report:
    """The report, for a reader who may see this much."""
    standing = sum(counts[1] for counts in tally.deviations.values())
    recorded = sum(counts[0] for counts in tally.deviations.values())
    register = phrase("From the register of deviations, which holds what was recorded.")
    return Report(
        key="deviations",
        title=phrase("Deviations: reasoned exceptions"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tally.policies,
        figures=(
            Figure("recorded", phrase("Deviations recorded in this period"), recorded, register),
            Figure("standing", phrase("Deviations standing at its end, or now"), standing, register),
        ),
        coverage=summarise(tally.phones, listed=False),
        sections=(deviations_section(tally), _list(deviations, view)),
        sources=list_sources(tally.sources, tally.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def _list(deviations: Sequence[Deviation], view: View) -> Section:
    cleared = view is View.PERSON
    who = (Column("case", phrase("Case number")), Column("worker", phrase("Worker"))) if cleared else ()

    def row(each: Deviation) -> Row:
        named = (each.case, each.worker) if cleared else ()
        return (each.id, *named, each.tier, each.decided_by, each.recorded_at, each.until_at, each.ended_at)

    return Section(
        key="list",
        heading=phrase("Each deviation"),
        columns=(
            Column("item", phrase("Contact code")),
            *who,
            Column("tier", phrase("Whose decision"), Kind.CODE),
            Column("decided_by", phrase("Decided by")),
            Column("recorded_at", phrase("Recorded"), Kind.INSTANT),
            Column("until_at", phrase("Holds until"), Kind.INSTANT),
            Column("ended_at", phrase("Ended earlier"), Kind.INSTANT),
        ),
        rows=tuple(row(each) for each in deviations),
        empty=phrase("No deviation stood in this period."),
    )
