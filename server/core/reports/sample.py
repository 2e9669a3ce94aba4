"""The inspector's sample: proven removals that nobody picked, which can be drawn again with the same seed; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mdm_adapters.port import Outcome
from server.core.model import Level, Reason
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_sources, summarise
from server.core.reports.document import Figure, Report
from server.core.reports.tally import Tally
from server.core.tables import Column, Kind, Section
from server.core.text import Share, phrase


@dataclass(frozen=True, slots=True)
class Sampled:
    """One proven removal, by its opaque id."""

    id: str
    reason: Reason
    policy: str
    outcome: Outcome | None
    ordered_at: datetime
    called_at: datetime | None
    proven_at: datetime
    level: Level
    recoverable: bool


def draw(population: Iterable[str], size: int, seed: str) -> Sequence[str]:
    """So many that nobody picked: ranked by the hash of seed and id, so the same seed draws the same from the same."""
    ranked = sorted(set(population), key=lambda each: hashlib.sha256(f"{seed}/{each}".encode()).digest())
    return ranked[:size]


def build(tally: Tally, view: StrEnum, drawn: Sequence[Sampled], population: int, seed: str) -> Report:
    """The report."""
    rows = sorted(drawn, key=lambda each: each.id)
    return Report(
        key="sample",
        title=phrase("Sample of verified removals"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tally.policies,
        figures=(
            Figure(
                "drawn",
                phrase("Removals in the sample"),
                Share(len(rows), population),
                phrase("Drawn from all removals that were verified in this period."),
            ),
        ),
        coverage=summarise(tally.phones, listed=False),
        sections=(
            Section(
                key="sample",
                heading=phrase("The sample"),
                paragraphs=(
                    phrase(
                        "The contact codes are ranked by the hash of the seed and the code, and the first are taken. "
                        "With the same seed over the same period the same sample is drawn. The seed is in the log."
                    ),
                    phrase("Seed: {seed}.", seed=seed),
                ),
                columns=(
                    Column("item", phrase("Contact code")),
                    Column("reason", phrase("Why it had to go"), Kind.CODE),
                    Column("outcome", phrase("What the server did"), Kind.CODE),
                    Column("ordered_at", phrase("Scheduled"), Kind.INSTANT),
                    Column("called_at", phrase("Server was asked"), Kind.INSTANT),
                    Column("proven_at", phrase("Removal verified"), Kind.INSTANT),
                    Column("level", phrase("How we know"), Kind.CODE),
                    Column("policy", phrase("Policy")),
                ),
                rows=tuple(
                    (
                        each.id,
                        each.reason,
                        each.outcome,
                        each.ordered_at,
                        each.called_at,
                        each.proven_at,
                        each.level,
                        each.policy,
                    )
                    for each in rows
                ),
                empty=phrase("Nothing was removed in this period."),
            ),
        ),
        sources=list_sources(tally.sources, tally.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )
