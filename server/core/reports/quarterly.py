"""The quarterly report for the privacy officer: removals, coverage, channels and declarations, in counts; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from server.core.reports.controls import without_annex
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_sources, summarise
from server.core.reports.document import Report
from server.core.reports.tally import (
    Tally,
    deviations_section,
    evidence_section,
    key_figures,
    questions_section,
    removed_section,
    standing_section,
    stated_sections,
    stuck_section,
    times_section,
    trend_section,
    versions_section,
)
from server.core.tables import Section
from server.core.text import phrase


def build(tally: Tally, view: StrEnum, others: Sequence[Report]) -> Report:
    """The report. others: reports about the same months, whose sections are taken over, each with its own coverage."""
    taken = [
        replace(section, key=f"{other.key}_{section.key}")
        for other in others
        for section in (other.coverage, *without_annex(other), other.sources, other.blind_spots)
    ]
    policies = {*tally.policies, *(policy for other in others for policy in other.policies)}
    return Report(
        key="quarterly",
        title=phrase("Quarterly report of the privacy officer"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tuple(sorted(policies)),
        figures=(*key_figures(tally), *(figure for other in others for figure in other.figures)),
        coverage=summarise(tally.phones, listed=False),
        sections=(*sections(tally), *taken),
        sources=list_sources(tally.sources, tally.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def sections(tally: Tally) -> tuple[Section, ...]:
    """What a summary of removals holds, in the order of questions that a reader has."""
    return (
        removed_section(tally),
        trend_section(tally),
        evidence_section(tally),
        *stated_sections(tally),
        times_section(tally),
        standing_section(tally),
        stuck_section(tally),
        questions_section(tally),
        deviations_section(tally),
        versions_section(tally),
    )
