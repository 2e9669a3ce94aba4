"""The report for works council and clients' council: counts of the whole and of teams, none about few people; pure.

What may be shown was decided before (`core.disclosure`): a count that is withheld is None here, and why is not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from server.core.model import FindingKind, Reason, Tier
from server.core.reports.controls import without_annex
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_sources, summarise
from server.core.reports.declarations import withheld_note
from server.core.reports.document import Figure, Report
from server.core.reports.tally import Tally, books_read
from server.core.tables import Column, Kind, Section
from server.core.text import phrase


@dataclass(frozen=True, slots=True)
class CouncilFacts:
    """Counts as they may be shown; None: withheld. removed: by reason, None being all reasons together."""

    removed: Mapping[Reason | None, int | None]
    teams: Mapping[str, int | None]
    asked: Mapping[FindingKind, tuple[int | None, int | None]]
    """Asked and closed in the period."""
    deviations: Mapping[Tier, tuple[int | None, int | None]]
    """Recorded in the period, and standing at its end."""
    smallest_group: int


_WITHHELD = phrase("Withheld")


def build(tally: Tally, view: StrEnum, facts: CouncilFacts, others: Sequence[Report]) -> Report:
    """The report. others: reports about the same months that are without persons themselves."""
    taken = [
        replace(section, key=f"{other.key}_{section.key}")
        for other in others
        for section in (other.coverage, *without_annex(other), other.blind_spots)
    ]
    removed = facts.removed.get(None)
    figures = () if removed is None else (
        Figure("removed", phrase("Removed from the address book, and verified"), removed, books_read(tally)),
    )  # fmt: skip
    return Report(
        key="council",
        title=phrase("Report for works council and clients' council"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tuple(sorted({*tally.policies, *(policy for other in others for policy in other.policies)})),
        figures=(*figures, *(figure for other in others for figure in other.figures)),
        coverage=summarise(tally.phones, listed=False),
        sections=(_purpose(facts), _removed(facts), _teams(facts), _asked(facts), _deviations(facts), *taken),
        sources=_sources(tally),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def _purpose(facts: CouncilFacts) -> Section:
    return Section(
        key="purpose",
        heading=phrase("What this is for, and what it is not"),
        notes=(
            phrase("Contacts of clients are removed from work phones when they are no longer needed for a case."),
            phrase(
                "A program compares each contact in a work address book with the case register and drops it at "
                "once: what workers keep there for themselves is seen by nobody, not stored and not removed. "
                "The phone itself is not read."
            ),
            phrase("There is nothing about a worker here, and no ranking of teams: they are in order of their names."),
            withheld_note(facts.smallest_group),
        ),
    )


def _removed(facts: CouncilFacts) -> Section:
    return Section(
        key="removed",
        heading=phrase("Removed"),
        columns=(
            Column("reason", phrase("Why it had to go"), Kind.CODE, blank=phrase("Total")),
            Column("items", phrase("Contacts in address books"), Kind.COUNT, blank=_WITHHELD),
        ),
        rows=tuple((reason, facts.removed[reason]) for reason in Reason if reason in facts.removed),
        totals=(None, facts.removed.get(None)) if len(facts.removed) > 1 else (),
        empty=phrase("Nothing was removed in this period."),
    )


def _teams(facts: CouncilFacts) -> Section:
    return Section(
        key="teams",
        heading=phrase("The same by team"),
        columns=(
            Column("team", phrase("Team")),
            Column("items", phrase("Contacts in address books"), Kind.COUNT, blank=_WITHHELD),
        ),
        rows=tuple(sorted(facts.teams.items())),
        empty=phrase("Nothing was removed in this period."),
    )


def _asked(facts: CouncilFacts) -> Section:
    return Section(
        key="questions",
        heading=phrase("Findings to look into"),
        paragraphs=(
            phrase("A finding says that somebody should look, and nothing more. It is no judgement of anybody."),
        ),
        columns=(
            Column("kind", phrase("Question"), Kind.CODE),
            Column("opened", phrase("Asked in this period"), Kind.COUNT, blank=_WITHHELD),
            Column("closed", phrase("Closed in this period"), Kind.COUNT, blank=_WITHHELD),
        ),
        rows=tuple((kind, *facts.asked[kind]) for kind in FindingKind if kind in facts.asked),
        empty=phrase("There are no open findings, and none was opened."),
    )


def _deviations(facts: CouncilFacts) -> Section:
    return Section(
        key="deviations",
        heading=phrase("Deviations"),
        paragraphs=(
            phrase("A deviation is a reasoned exception with a last day. To record one is the rule, not a fault."),
        ),
        columns=(
            Column("tier", phrase("Whose decision"), Kind.CODE),
            Column("recorded", phrase("Recorded in this period"), Kind.COUNT, blank=_WITHHELD),
            Column("standing", phrase("Standing at its end"), Kind.COUNT, blank=_WITHHELD),
        ),
        rows=tuple((tier, *facts.deviations.get(tier, (0, 0))) for tier in Tier),
    )


def _sources(tally: Tally) -> Section:
    """How fresh the sources are, without the address books one by one: each of them is one worker's."""
    listed = list_sources(tally.sources, tally.made_at)
    kinds = list_sources([source for source in tally.sources if source.kind.value != "place"], tally.made_at)
    return replace(kinds, notes=(*listed.notes, books_read(tally)))
