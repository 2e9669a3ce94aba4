"""The annex to an impact assessment (GDPR 35(7)): what the configuration can say of it; pure."""

from __future__ import annotations

from enum import StrEnum

from server.core.reports import retention
from server.core.reports.changes import gates_section, rules_section
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
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_phones, list_sources, summarise
from server.core.reports.document import Report
from server.core.tables import Column, Section
from server.core.text import phrase


def build(facts: Configuration, view: StrEnum) -> Report:
    """The annex, in the order of the letters of article 35(7)."""
    return Report(
        key="dpia",
        title=phrase("Annex to the data protection impact assessment"),
        organisation=facts.organisation,
        period=facts.period,
        made_at=facts.made_at,
        view=view,
        policies=tuple(sorted({facts.policy.version, facts.evidence_version})),
        figures=scope_figures(facts),
        coverage=summarise(facts.phones),
        sections=(
            _steps(),
            systems_section(facts),
            data_section(),
            gates_section(facts.gates),
            rules_section(facts.policy),
            _limits(),
            readers_section(facts),
            periods_section(facts),
            retention.periods(facts.policy),
            _risks(),
            measures_section(),
            list_phones(facts.phones, with_workers=False),
        ),
        sources=list_sources(facts.sources, facts.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def _steps() -> Section:
    return Section(
        key="steps",
        heading=phrase("What is done, step by step"),
        notes=(
            phrase("An export of the case system says who is a client of what, who works on it, and what is closed."),
            phrase("Address books that work phones sync with are read. A program compares each contact and drops "
            "it at once: those that match nothing are seen by nobody and not stored."),
            phrase("For each worker and contact a rule decides: keep, remove, postpone, or ask a person."),
            phrase("What has to go is removed after it is decided again, and the address book is read once more."),
            phrase("Sums of use by day are shown beside the declaration that a worker signed. Nothing follows from "
            "them by itself."),
        ),
    )  # fmt: skip


def _limits() -> Section:
    return Section(
        key="limits",
        heading=phrase("Proportionality and subsidiarity: what is not done"),
        notes=(
            phrase("No message is read, and no report says what was said."),
            phrase("Private use is one sum; it is not split up, and no report says what it was."),
            phrase("There is no score and no verdict about a person. A finding is for people to look into."),
            phrase("No phone is emptied, locked or reset."),
            phrase("The time of day is not judged: work at night is ordinary here."),
            phrase("Councils get no figures about small groups."),
            phrase("Why this weighs more than what it means for workers and clients: {open}.", open=OPEN),
        ),
    )


def _risks() -> Section:
    """Risks that the product itself brings, and what is built against them; the weighing is the organisation's."""
    return Section(
        key="risks",
        heading=phrase("Risks and measures"),
        columns=(
            Column("risk", phrase("Risk")),
            Column("measure", phrase("Measures")),
            Column("left", phrase("Residual risk")),
        ),
        rows=(
            (phrase("A contact is removed that is still needed"),
             phrase("Decided for each worker and case, again just before the call; the number stays in the case file"),
             phrase("A register that is wrong")),
            (phrase("A private contact is touched"),
             phrase("Only entries that match are handled; where private and client's details mix, a person decides"),
             phrase("A client's number that is also a friend's")),
            (phrase("A whole register is mistaken for closed"),
             phrase("An import that closes far more than usual is stopped. Large removals need the approval of two "
             "people."),
             phrase("Two people who are both wrong")),
            (phrase("Who is a client becomes known from this product"),
             phrase("Pseudonyms instead of numbers, no names, roles, encrypted values"),
             phrase("Somebody who holds both the server and its keys")),
            (phrase("Workers are monitored"),
             phrase("Consent of the works council, counts only, small groups withheld, the worker sees the "
                    "same first"),
             phrase("A small team that knows itself")),
            (phrase("Figures are mistaken for safety"),
             phrase("Coverage beside every figure, blind spots and a caveat in every report"),
             phrase("What nobody can see")),
            (phrase("Something that has to be kept is removed"),
             phrase("Removal can be postponed at any time, and is decided again just before the call"),
             phrase("What had been sent before")),
        ),
    )  # fmt: skip
