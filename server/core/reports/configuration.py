"""What the configuration says of this processing, and the sections that the register entry and the annex share; pure.

What it cannot say (who the controller is, on which ground, why it is proportionate) is left open, visibly: a register
that was filled in by guessing would be worse than one with a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.core.admin.gates import Gate
from server.core.model import Role
from server.core.policy.model import Policy
from server.core.reports.coverage import Phone, Source
from server.core.reports.document import Figure
from server.core.reports.tally import day_of
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Period, Text, phrase


class SystemSort(StrEnum):
    """What a connection is for, as the registry of vendors declares it."""

    STORE = "store"
    MANAGER = "manager"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection. sort: None: its vendor is in no registry."""

    name: str
    vendor: str
    sort: SystemSort | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that the installation knows of itself.

    connections: in order of their names. case_systems, feeds: by name. counts: of workers, devices, places.
    roles: accounts by role. reports: which roles may have which report, by its title.
    """

    organisation: str
    period: Period
    made_at: datetime
    policy: Policy
    evidence_version: str
    sources: tuple[Source, ...]
    phones: tuple[Phone, ...]
    connections: tuple[Connected, ...]
    case_systems: tuple[str, ...]
    feeds: tuple[str, ...]
    employers: tuple[str, ...]
    workers: int
    devices: int
    places: int
    roles: Mapping[Role, int]
    reports: tuple[tuple[Text, tuple[Role, ...]], ...]
    gates: tuple[Gate, ...]
    demo: bool


_KINDS_OF_SYSTEM: Mapping[SystemSort | None, Text] = {
    SystemSort.STORE: phrase("Contact server"),
    SystemSort.MANAGER: phrase("Device management (MDM)"),
    SystemSort.FEED: phrase("Usage feed"),
    None: phrase("Of a kind that is not known"),
}
OPEN = phrase("To be filled in by the organisation")


def gate_figure(facts: Configuration) -> Figure:
    """How many gates stand open."""
    return Figure(
        "gates",
        phrase("DPIA and consent in force, on {day}", day=day_of(facts.made_at)),
        sum(gate.ends_on >= day_of(facts.made_at) for gate in facts.gates),
        phrase("Without DPIA and consent nobody's contacts or usage are read."),
    )


def scope_figures(facts: Configuration) -> tuple[Figure, ...]:
    """How large the processing is."""
    register = phrase("From the configuration as it stood when this was made.")
    return (
        Figure("workers", phrase("Workers that are known"), facts.workers, register),
        Figure("devices", phrase("Phones that are known"), facts.devices, register),
        Figure("places", phrase("Address books that are known"), facts.places, register),
        gate_figure(facts),
    )


def data_section() -> Section:
    """Whose data there are, and which; fixed, as the tables of the database are."""
    return Section(
        key="data",
        heading=phrase("Categories of data subjects and personal data"),
        columns=(
            Column("whose", phrase("Whose")),
            Column("which", phrase("Which")),
            Column("form", phrase("In what form")),
        ),
        rows=(
            (phrase("Clients and others in a case"), phrase("Numbers and addresses by which a contact is recognised"),
             phrase("Pseudonymised (HMAC): they can be compared and not read back")),
            (phrase("Clients and others in a case"), phrase("Case number, phase, dates, who works on it"),
             phrase("As the case system gives them; no names")),
            (phrase("Workers"), phrase("Staff code, employer, team, address book, phones"),
             phrase("Codes; no names")),
            (phrase("Workers"), phrase("Declarations, and sums of use by day"),
             phrase("Counts; what is private is one sum and is not broken down")),
            (phrase("Workers"), phrase("What they state of numbers saved where nobody can look"),
             phrase("By case and place: done, none there, cannot; no number, no name")),
            (phrase("Users of this product"), phrase("Account, role, language, sign-ins"),
             phrase("Passwords hashed, codes encrypted")),
        ),
        notes=(
            phrase(
                "A program compares each contact in a work address book with the register and drops it at once: "
                "those that match nothing are not stored, counted or shown."
            ),
            phrase("No message is read, and no report says what was said."),
        ),
    )  # fmt: skip


def readers_section(facts: Configuration) -> Section:
    """Who gets to see what."""
    rows: list[Row] = [(title, phrase("{value}", value=roles)) for title, roles in facts.reports]
    return Section(
        key="readers",
        heading=phrase("Categories of recipients"),
        paragraphs=(
            phrase("Case numbers and workers are seen by roles that are cleared for cases: {roles}.",
                   roles=(Role.PRIVACY_OFFICER, Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR)),
        ),
        columns=(Column("report", phrase("Report")), Column("roles", phrase("Roles"))),
        rows=tuple(rows),
        notes=tuple(
            phrase("Accounts in the role {role}: {number}.", role=role, number=number)
            for role, number in sorted(facts.roles.items())
        ),
    )  # fmt: skip


def systems_section(facts: Configuration) -> Section:
    """What it is connected to."""
    rows: list[Row] = [
        *((_KINDS_OF_SYSTEM[each.sort], each.name, each.vendor) for each in facts.connections),
        *((phrase("Case system"), name, None) for name in facts.case_systems),
        *((phrase("Usage feed"), name, None) for name in facts.feeds),
    ]
    return Section(
        key="systems",
        heading=phrase("What it is connected to"),
        columns=(
            Column("what", phrase("What")),
            Column("name", phrase("Name")),
            Column("kind", phrase("Kind")),
        ),
        rows=tuple(rows),
        notes=(phrase("Where these servers are, and who runs them, is not in the configuration: {open}.", open=OPEN),),
        empty=phrase("Nothing is connected yet."),
    )


def periods_section(facts: Configuration) -> Section:
    """How long what is kept, as far as a rule says so."""
    policy = facts.policy
    return Section(
        key="periods",
        heading=phrase("Retention periods"),
        columns=(
            Column("what", phrase("What")),
            Column("days", phrase("Days"), Kind.COUNT, blank=OPEN),
            Column("counted_from", phrase("Counted from")),
        ),
        rows=(
            (phrase("A client's contact on a work phone, after closure"), policy.grace_days,
             phrase("The confirmed final closure, or the end of the assignment")),
            (phrase("The pseudonym that notices a contact which comes back"), policy.tombstone_days,
             phrase("The evidence of removal")),
            (phrase("The register of cases in this product"), None, phrase("The last export with the case in it")),
            (phrase("The log"), None, phrase("The day of the entry")),
        ),
        notes=(phrase("The case file itself stays in the case system, and its periods are not this product's."),),
    )  # fmt: skip


def measures_section() -> Section:
    """What protects it, as it is built."""
    return Section(
        key="measures",
        heading=phrase("Technical and organisational measures"),
        notes=(
            phrase("Numbers and addresses are pseudonymised (HMAC) as they are read; the key is kept outside the "
            "database."),
            phrase("What must be readable again (such as references to contacts) is encrypted; the keys are kept "
            "outside the database."),
            phrase("Roles are split: who configures sees no cases, who reads them changes no phone, nobody "
            "approves their own act."),
            phrase("Every act, report and read of personal data is recorded in an audit log in which a later "
            "change shows; its signed checkpoints are kept outside the database."),
            phrase("Before every removal it is decided again, and afterwards the address book is read again. Limits "
                   "stop a plan that is too large."),
            phrase("Connections are encrypted; mail can hold nothing but the address of a page."),
        ),
    )  # fmt: skip
