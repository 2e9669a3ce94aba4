"""The report on declarations: the papers first, what evidence says beside them, and the talks; about no worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from server.core.reports.coverage import CAVEAT
from server.core.reports.document import Figure, Report
from server.core.tables import Column, Kind, Section
from server.core.text import Period, Share, Text, phrase
from server.core.usage.declarations import Cause, DeclarationState, UsageOutcome
from server.core.usage.model import Quantity

Counts = Mapping[tuple[Quantity, UsageOutcome], int | None]


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """A periodic check: out of how many devices, how many were looked at, how many had a valid declaration.

    valid: None: withheld.
    """

    on: date
    population: int
    looked_at: int
    valid: int | None


@dataclass(frozen=True, slots=True)
class DeclarationFacts:
    """All that the report is made from. A count of None is withheld.

    states: devices by the state of their declaration. outcomes: devices by quantity and outcome. causes: why there is
    no share. contested: figures that a worker contested. talked: devices with a conversation that is not overdue.
    replaced: of each feed on how many days of the period a file took the place of another.
    """

    organisation: str
    period: Period
    made_at: datetime
    policies: tuple[str, ...]
    view: StrEnum
    devices: int
    states: Mapping[DeclarationState, int | None]
    loan_agreements: int | None
    outcomes: Counts
    causes: Mapping[tuple[Quantity, Cause], int | None]
    contested: int | None
    talked: int | None
    measured: Mapping[Quantity, int | None]
    checks: tuple[CheckFacts, ...]
    check_due: date | None
    smallest_group: int
    replaced: Mapping[str, int] = field(default_factory=dict)


COVERS: Mapping[Quantity, Text] = {
    Quantity.CALLS: phrase(
        "Covers calls as listed on a bill or call log, of a bill those of one number: no data, no apps, no second SIM."
    ),
    Quantity.MINUTES: phrase(
        "Covers minutes of calls as listed on a bill or call log, of a bill those of one number: no "
        "data, no apps, no second SIM."
    ),
    Quantity.MEGABYTES: phrase("Covers mobile data of one SIM: no calls, nothing over Wi-Fi, and not what it was for."),
    Quantity.MESSAGES: phrase("Covers messages through what the feed sees: no calls, no data, no other apps."),
    Quantity.SCREEN_MINUTES: phrase(
        "Covers apps on the screen of this phone: no calls, and not what was done in them."
    ),
    Quantity.CONTACTS: phrase("Covers contacts that were recorded in the case file."),
}
"""What an outcome is about, and what it is not about; said wherever one is told."""
_OF_CALLS = phrase(
    "To measure it: with whom the other calls were (numbers of colleagues and partners in the "
    "directory, workers on their cases), or a bill that lists private calls apart."
)
NEEDED: Mapping[Quantity, Text] = {
    Quantity.CALLS: _OF_CALLS,
    Quantity.MINUTES: _OF_CALLS,
    Quantity.MEGABYTES: phrase("To measure it: which apps used the data, and which of them are for work."),
    Quantity.MESSAGES: phrase("To measure it: with whom the other messages were."),
    Quantity.SCREEN_MINUTES: phrase("To measure it: what the other apps are for."),
    Quantity.CONTACTS: phrase("To measure it: what was not recorded."),
}
"""What would have to be known for a share where a feed leaves too much unknown."""
FAIR_USE = phrase("Private use within reason (fair use) is allowed; whether it was, no share says.")
_WITHHELD = phrase("Withheld")


def withheld_note(smallest: int) -> Text:
    """What is not shown where what is counted may each be somebody."""
    return phrase(
        "Counts from 1 to {most}, and figures about groups of fewer than {count} people, are withheld, "
        "and so are figures from which they could be worked out.",
        most=smallest - 1,
        count=smallest,
    )


def build(facts: DeclarationFacts) -> Report:
    """The report."""
    return Report(
        key="declarations",
        title=phrase("Declarations of business use, compared with usage data"),
        organisation=facts.organisation,
        period=facts.period,
        made_at=facts.made_at,
        view=facts.view,
        policies=tuple(sorted(facts.policies)),
        figures=_figures(facts),
        coverage=_coverage(facts),
        sections=(_papers(facts), _evidence(facts), _talks(facts), _checks(facts)),
        sources=_sources(facts),
        blind_spots=_BLIND,
        caveat=CAVEAT,
    )


def _figures(facts: DeclarationFacts) -> tuple[Figure, ...]:
    valid = facts.states.get(DeclarationState.VALID, 0)
    register: Text = phrase("From the register of declarations, over all phones in use")
    found = []
    if valid is not None:
        found.append(Figure("valid", phrase("Phones with a valid declaration"), Share(valid, facts.devices), register))
    if facts.loan_agreements is not None:
        found.append(
            Figure(
                "loans", phrase("Phones with a loan agreement"), Share(facts.loan_agreements, facts.devices), register
            )
        )
    if facts.talked is not None:
        talked = phrase("Phones with a recorded yearly talk that is not overdue")
        found.append(Figure("talked", talked, Share(facts.talked, facts.devices), register))
    return tuple(found)


def _coverage(facts: DeclarationFacts) -> Section:
    return Section(
        key="coverage",
        heading=phrase("What the figures cover"),
        paragraphs=(phrase("The register covers every phone in use. Usage data covers the phones in a feed."),),
        columns=(
            Column("what", phrase("What"), Kind.CODE),
            Column("covered", phrase("Phones covered by a feed"), Kind.SHARE, blank=_WITHHELD),
        ),
        rows=tuple(
            (what, None if count is None else Share(count, facts.devices)) for what, count in facts.measured.items()
        ),
    )


def _papers(facts: DeclarationFacts) -> Section:
    return Section(
        key="papers",
        heading=phrase("State of the declarations"),
        paragraphs=(phrase("A signed declaration is the main fact. What is missing here is paperwork, and no more."),),
        columns=(
            Column("state", phrase("State"), Kind.CODE),
            Column("devices", phrase("Phones"), Kind.COUNT, blank=_WITHHELD),
        ),
        rows=tuple((state, facts.states.get(state, 0)) for state in DeclarationState),
    )


def _evidence(facts: DeclarationFacts) -> Section:
    return Section(
        key="outcomes",
        heading=phrase("What usage data says of business use"),
        paragraphs=(
            phrase(
                "Calls, minutes and messages are counted separately. What cannot be classified gives a range "
                "instead of one figure."
            ),
            phrase(
                "Nothing happens by itself after an outcome. It can be a reason to talk, and the worker sees it first."
            ),
            phrase("Where no feed covers both sides, only the declaration and a yearly talk count."),
            FAIR_USE,
            *(COVERS[what] for what in sorted({what for what, _ in facts.outcomes})),
        ),
        columns=(
            Column("what", phrase("What"), Kind.CODE),
            Column("outcome", phrase("Outcome"), Kind.CODE),
            Column("devices", phrase("Phones"), Kind.COUNT, blank=_WITHHELD),
        ),
        rows=tuple((what, outcome, count) for (what, outcome), count in facts.outcomes.items()),
        notes=(
            *(
                (phrase("Figures that a worker responded to: {count}.", count=facts.contested),)
                if facts.contested is not None
                else ()
            ),
            withheld_note(facts.smallest_group),
        ),
    )


def _talks(facts: DeclarationFacts) -> Section:
    return Section(
        key="causes",
        heading=phrase("Why there is no share"),
        columns=(
            Column("what", phrase("What"), Kind.CODE),
            Column("cause", phrase("Why"), Kind.CODE),
            Column("devices", phrase("Phones"), Kind.COUNT, blank=_WITHHELD),
        ),
        rows=tuple((what, cause, count) for (what, cause), count in facts.causes.items()),
        notes=tuple(
            dict.fromkeys(NEEDED[what] for what, cause in sorted(facts.causes) if cause is Cause.TOO_MUCH_UNKNOWN)
        ),
        empty=phrase("For every phone there is a share."),
    )


def _checks(facts: DeclarationFacts) -> Section:
    due = facts.check_due
    return Section(
        key="checks",
        heading=phrase("Periodic review (BIO2 8.01.02)"),
        columns=(
            Column("on", phrase("On"), Kind.DATE),
            Column("looked_at", phrase("Sampled"), Kind.SHARE),
            Column("valid", phrase("With a valid declaration"), Kind.SHARE, blank=_WITHHELD),
        ),
        rows=tuple(
            (
                each.on,
                Share(each.looked_at, each.population),
                None if each.valid is None else Share(each.valid, each.looked_at),
            )
            for each in facts.checks
        ),
        notes=(
            phrase("The next review is due now: there has been none yet.")
            if due is None
            else phrase("The next review is due on {day}.", day=due),
        ),
        empty=phrase("No review was recorded yet."),
    )


def _sources(facts: DeclarationFacts) -> Section:
    return Section(
        key="sources",
        heading=phrase("What this report was made from"),
        paragraphs=(
            phrase("From the register of declarations, over all phones in use"),
            *(
                phrase(
                    "On {count} day of the period a file of {feed} replaced another.",
                    many="On {count} days of the period a file of {feed} replaced another.",
                    count=days,
                    feed=feed,
                )
                for feed, days in sorted(facts.replaced.items())
                if days
            ),
        ),
        columns=(Column("source", phrase("Source")), Column("devices", phrase("Phones"), Kind.COUNT)),
        rows=((phrase("Register of declarations"), facts.devices),),
    )


_BLIND = Section(
    key="blind_spots",
    heading=phrase("What these figures do not hold"),
    notes=(
        phrase("What was said or written, on any channel."),
        phrase("Use that no feed covers, as on an iPhone."),
        phrase("Whether private use was more than usual: fair use is for people to judge."),
        phrase("The time of day is not judged: work at night is ordinary here."),
    ),
)
