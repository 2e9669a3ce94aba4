"""The entry for the record of processing activities (GDPR 30(1)), as far as the configuration can give it; pure."""

from __future__ import annotations

from enum import StrEnum

from server.core.reports import retention
from server.core.reports.changes import gates_section
from server.core.reports.configuration import (
    OPEN,
    Configuration,
    data_section,
    measures_section,
    periods_section,
    readers_section,
    scope_figures,
    systems_section,
)
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_sources, summarise
from server.core.reports.document import Report
from server.core.tables import Column, Section
from server.core.text import phrase


def build(facts: Configuration, view: StrEnum) -> Report:
    """The entry, in the order of the letters of the article."""
    return Report(
        key="article30",
        title=phrase("Record of processing activities: this entry"),
        organisation=facts.organisation,
        period=facts.period,
        made_at=facts.made_at,
        view=view,
        policies=tuple(sorted({facts.policy.version, facts.evidence_version})),
        figures=scope_figures(facts),
        coverage=summarise(facts.phones, listed=False),
        sections=(
            _controller(facts),
            gates_section(facts.gates),
            data_section(),
            readers_section(facts),
            systems_section(facts),
            periods_section(facts),
            retention.periods(facts.policy),
            measures_section(),
        ),
        sources=list_sources(facts.sources, facts.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def _controller(facts: Configuration) -> Section:
    """Who is responsible. Several employers may each be one."""
    notes = (phrase("This is an invented organisation."),) if facts.demo else ()
    return Section(
        key="controller",
        heading=phrase("Who is responsible"),
        columns=(Column("what", phrase("What")), Column("value", phrase("Value"))),
        rows=(
            (phrase("Organisation"), facts.organisation),
            *((phrase("Employer"), employer) for employer in facts.employers),
            (phrase("Contact details of the controller"), OPEN),
            (phrase("Data protection officer (DPO)"), OPEN),
            (phrase("Lawful basis, for clients and for workers"), OPEN),
            (phrase("Transfers to countries outside the EEA"), OPEN),
        ),
        notes=notes,
    )
