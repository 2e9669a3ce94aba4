"""The report on time from closure to verified removal: how long each took, and what takes longer; pure."""

from __future__ import annotations

from enum import StrEnum

from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_sources, summarise
from server.core.reports.document import Figure, Report
from server.core.reports.tally import (
    Tally,
    books_read,
    standing_section,
    stuck_section,
    times_section,
    trend_section,
)
from server.core.text import Share, phrase


def build(tally: Tally, view: StrEnum) -> Report:
    """The report. A time is counted up to the look that proved it, not up to the call that removed it."""
    whole = sum(tally.took)
    return Report(
        key="times",
        title=phrase("Time from closure to verified removal"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tally.policies,
        figures=(
            Figure(
                "in_time",
                phrase("Removal verified within the waiting period and one day"),
                Share(tally.in_time, whole),
                books_read(tally),
            ),
            Figure(
                "undated",
                phrase("Removed because of a closure without a date to count from"),
                tally.undated,
                books_read(tally),
            ),
        ),
        coverage=summarise(tally.phones, listed=False),
        sections=(times_section(tally), trend_section(tally), standing_section(tally), stuck_section(tally)),
        sources=list_sources(tally.sources, tally.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )
