"""What setting up came to, as answers: installation, gates, places, the register, the policy; no act."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime

from mdm_adapters.options import ConnectionKind, Sort
from mdm_adapters.port import Fault
from server.cli.answers.removal import PLACE, WORKER
from server.core.admin.gates import Gate
from server.core.model import CLEARED_FOR_CASES, CLEARED_FOR_HOLDS, Role
from server.core.policy.document import PolicyDocument, Severity, standing
from server.core.policy.explain import explain
from server.core.policy.explain import tell as tell_explanation
from server.core.policy.load import CheckedPolicy as PolicyChecked
from server.core.removal.plan import item_id
from server.core.reports.changes import NOT_RECORDED, consent_told, dpia_told
from server.core.reports.postponed import coarsely
from server.core.reports.retention import reach_of_ledger
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase
from server.render.admin.connections import NO_SUCH_KIND, fields_section, grants_section, kinds_section
from server.render.answers import Answer
from server.settings import MANUAL, PREFIX, Settings
from server.sources.rows import ADVICE
from server.store.admin.organisation import ConnectionRow, PlaceRow
from server.store.removal.needs import PairFacts
from server.work.admin.setup import CheckedPlace, PlacesTaken
from server.work.register.intake import Intake, IntakeOutcome

TRIPPED: Mapping[str, Text] = {
    "closures": phrase("Far more cases are closed in it than usual. A case system that fails may say so of all."),
    "vanished": phrase("Cases that were known are missing from it. Missing is not closed."),
}


def founded(settings: Settings, verifier_key: str, *, demo: bool) -> Answer:
    """After `init`."""
    lines = (
        phrase(
            "Keys: {folder}. Keep a copy apart from the database: without them nothing can be matched.",
            folder=str(settings.identifier_key_file.parent),
        ),
        phrase("Public key that verifies the log's checkpoints: {key}", key=verifier_key),
    )
    gate = phrase("Record DPIA and works-council consent with: closeout gate record")
    steps = (
        phrase("Connect a contact server with: closeout connection put"),
        phrase("Say where contacts can be with: closeout place import"),
        phrase("Import the case register with: closeout cases import"),
    )
    return Answer(
        ok=True,
        title=phrase("A new installation is made."),
        lines=lines,
        what_next=steps if demo else (gate, *steps),
        key="founded",
    )


def updated(was_older: bool) -> Answer:
    """After `update`."""
    done = phrase("The tables are brought up to date.")
    return Answer(
        ok=True,
        title=done if was_older else phrase("The tables are of this version: there was nothing to do."),
        key="updated" if was_older else "up_to_date",
    )


def gate_recorded(employer: str, until: date) -> Answer:
    """After `gate record`."""
    return Answer(
        ok=True,
        title=phrase(
            "DPIA and consent of {employer} are in force up to and including {until}.", employer=employer, until=until
        ),
        key="gate_recorded",
    )


def gates(rows: Sequence[Gate]) -> Answer:
    """Gates open today."""
    section = Section(
        "gates",
        phrase("DPIA and consent"),
        columns=(
            Column("employer", phrase("Employer")),
            Column("scope", phrase("What it is for"), Kind.CODE),
            Column("dpia", phrase("DPIA")),
            Column("advice", phrase("Advice of the data protection officer"), blank=NOT_RECORDED),
            Column("consent", phrase("Works council's consent")),
            Column("purpose", phrase("Purpose")),
            Column("review", phrase("Review"), Kind.DATE),
            Column("until", phrase("Until"), Kind.DATE),
        ),
        rows=tuple(
            (
                g.employer,
                g.scope,
                dpia_told(g.dpia, g.dpia_version, g.dpia_on),
                g.advice or None,
                consent_told(g.consent, g.consent_on),
                g.purpose,
                g.review_on,
                g.ends_on,
            )
            for g in rows
        ),
        empty=phrase("No DPIA and consent are in force: only a demo organisation can be worked on."),
    )
    return Answer(
        ok=True, title=phrase("Whose address books or phone use may be read today"), sections=(section,), key="gates"
    )


def connection_put(name: str, kind: ConnectionKind) -> Answer:
    """After `connection put`."""
    steps = {
        Sort.STORE: (phrase("Add its address books with: closeout place import"),),
        Sort.MANAGER: (phrase("Read its phones with: closeout device refresh"),),
        Sort.FEED: (phrase("Read it with: closeout usage pull"),),
    }
    return Answer(
        ok=True,
        title=phrase("The connection {name} is set.", name=name),
        what_next=(*steps[kind.sort], phrase("Try it with: closeout place check")),
        key="connection_put",
    )


def connection_removed(name: str) -> Answer:
    """After `connection remove`."""
    return Answer(ok=True, title=phrase("The connection {name} is deleted.", name=name), key="connection_removed")


def connection_kinds(kinds: Mapping[str, ConnectionKind], vendor: str | None) -> Answer:
    """Everything that can be connected, or every field of one kind."""
    if vendor is None:
        return Answer(
            ok=True,
            title=phrase("What can be connected"),
            sections=(kinds_section(kinds.values()),),
            what_next=(phrase("See every field with: closeout connection kinds VENDOR"),),
            key="connection_kinds",
        )
    kind = kinds.get(vendor)
    if kind is None:
        return Answer(
            ok=False,
            title=NO_SUCH_KIND,
            what_next=(phrase("See every kind with: closeout connection kinds"),),
            key="unknown_vendor",
        )
    return Answer(
        ok=True,
        title=phrase("What a connection to {vendor} says", vendor=vendor),
        lines=(
            phrase("url, login, secret, ca_file and log_file are options of the command; all others are --option."),
        ),
        sections=(fields_section(kind), grants_section(kind)),
        key="connection_kind",
    )


def connections(
    rows: Sequence[ConnectionRow], kinds: Mapping[str, ConnectionKind], reached: AbstractSet[str]
) -> Answer:
    """Every connection there is; the addresses of people are nowhere in it."""
    section = Section(
        "connections",
        phrase("What is connected"),
        columns=(
            Column("name", phrase("Connection")),
            Column("vendor", phrase("Kind")),
            Column("sort", phrase("What it is for"), Kind.CODE),
            Column("secret", phrase("Can sign in"), Kind.CODE),
        ),
        rows=tuple(
            (
                row.name,
                row.vendor,
                kinds[row.vendor].sort if row.vendor in kinds else None,
                Mark.YES if row.name in reached else Mark.NO,
            )
            for row in rows
        ),
        empty=phrase("Nothing is connected yet."),
    )
    return Answer(ok=True, title=phrase("What is connected"), sections=(section,), key="connections")


def taken_in(taken: Intake) -> Answer:
    """After `cases import`."""
    faults = Section(
        "faults",
        phrase("Faults in the export"),
        columns=(
            Column("file", phrase("File")),
            Column("line", phrase("Line"), Kind.COUNT),
            Column("field", phrase("Field")),
            Column("advice", phrase("What to do")),
        ),
        rows=tuple((f.file, f.line, f.field, Text(ADVICE[f.problem], f.shown)) for f in taken.faults),
    )
    sections = (faults,) if taken.faults else ()
    more = taken.fault_count - len(taken.faults)
    lines = (phrase("And {count} more fault.", many="And {count} more faults.", count=more),) if more > 0 else ()
    if taken.outcome is IntakeOutcome.FAULTY:
        return Answer(
            ok=False,
            title=phrase("The export has faults; nothing of it went in, and what was known stays known."),
            sections=sections,
            lines=lines,
            what_next=(
                phrase("Correct the export or the mapping, and import it again."),
                *((phrase("Or import the valid rows with: --partial"),) if taken.partial_helps else ()),
            ),
            key="faulty",
        )
    if taken.outcome is IntakeOutcome.NOT_BEGUN:
        return Answer(
            ok=False,
            title=phrase(
                "Nothing of {system} is known yet; its first export must be without faults.", system=taken.system
            ),
            sections=sections,
            lines=lines,
            what_next=(phrase("Check whether this is the mapping that you mean, and correct the export."),),
            key="not_begun",
        )
    if taken.outcome is IntakeOutcome.OLDER:
        return Answer(
            ok=False,
            title=phrase("This export was made before one that is in already; nothing of it went in."),
            key="older",
        )
    if taken.outcome is IntakeOutcome.STOPPED and taken.weight is not None:
        weight = taken.weight
        return Answer(
            ok=False,
            title=phrase(
                "This export would close or drop far more cases than usual and was stopped; nothing of it was imported."
            ),
            lines=(
                *(TRIPPED[each] for each in taken.tripped),
                phrase(
                    "Known cases: {known}. Named: {named}. Newly closed: {closes}. Missing: {vanishes}.",
                    known=weight.known,
                    named=weight.named,
                    closes=weight.closes,
                    vanishes=weight.vanishes,
                ),
            ),
            what_next=(
                phrase("Ask the administrator of the case system whether this is true."),
                phrase("If it is, import it again with: --confirm"),
            ),
            key="stopped",
        )
    applied = taken.applied
    if applied is None:
        raise ValueError("an applied export says what it changed")
    return Answer(
        ok=True,
        title=phrase("The register of {system} is imported.", system=taken.system),
        lines=(
            phrase(
                "Rows: {rows}. Cases: {cases}, of which {touched} say something new.",
                rows=taken.rows,
                cases=applied.cases,
                touched=applied.touched,
            ),
            phrase("Closed: {closed}. Newly so: {newly}.", closed=applied.closed, newly=applied.newly_closed),
            phrase(
                "New pseudonyms: {identifiers}. Contacts to decide again: {due}.",
                identifiers=applied.identifiers,
                due=coarsely(applied.due),
            ),
            *(
                (phrase("Rows are missing, so the register is no more recent than it was."),)
                if taken.fault_count
                else ()
            ),
            *lines,
        ),
        sections=sections,
        what_next=(phrase("See what would happen with: closeout plan"),),
        key="applied",
    )


LINE = Column("line", phrase("Line of the list"), Kind.COUNT)
"""By it whoever keeps the list of places finds the one that fails, without anybody's name standing here."""


def places_taken(taken: PlacesTaken) -> Answer:
    """After `place import`."""
    return Answer(
        ok=True,
        title=phrase("Address books imported: {rows}, of which new: {new}.", rows=taken.rows, new=taken.new),
        lines=()
        if not taken.moved
        else (
            phrase(
                "{count} address book changes hands: it was another worker's. Line of the file: {lines}.",
                many="{count} address books change hands: they were other workers'. Lines of the file: {lines}.",
                count=len(taken.moved),
                lines=taken.moved,
            ),
            phrase("What was found there stays known. If a line is a mistake, correct it and import the list again."),
        ),
        what_next=(phrase("Try them with: closeout place check"),),
        key="places_taken",
    )


def places(rows: Sequence[PlaceRow], unread: Mapping[int, int], role: Role, *, demo: bool) -> Answer:
    """Every place; workers for those cleared. unread: fields of each place's book that could not be read."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "places",
        phrase("Address books"),
        columns=(
            PLACE,
            *((WORKER,) if cleared else ()),
            Column("connection", phrase("Connection")),
            Column("devices", phrase("Phones"), Kind.COUNT),
            Column("gate", phrase("DPIA and consent in force"), Kind.CODE),
            LINE,
            Column("listed", phrase("List of"), Kind.INSTANT),
            Column("looked", phrase("Last read"), Kind.INSTANT, phrase("never")),
            Column("unread_fields", phrase("Unreadable numbers"), Kind.COUNT, phrase("unknown")),
            Column("fault", phrase("Why not"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                row.uid,
                *((row.worker_ref,) if cleared else ()),
                row.connection,
                row.devices,
                Mark.YES if demo or row.gated else Mark.NO,
                row.line,
                row.listed_at,
                row.looked_at,
                None if row.looked_at is None else unread.get(row.id, 0),
                Fault(row.fault) if row.fault else None,
            )
            for row in rows
        ),
        empty=phrase("No address book is known."),
    )
    return Answer(ok=True, title=phrase("Where contacts can be"), sections=(section,), key="places")


def checked(rows: Sequence[CheckedPlace], role: Role) -> Answer:
    """After `place check`: each trial, then what each vendor can."""
    cleared = role in CLEARED_FOR_CASES
    trials = Section(
        "trials",
        phrase("What was tried"),
        columns=(
            PLACE,
            LINE,
            *((WORKER,) if cleared else ()),
            Column("what", phrase("What")),
            Column("works", phrase("Works"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                row.place,
                row.line,
                *((row.worker,) if cleared else ()),
                Text(trial.what),
                Mark.UNTRIED if trial.ok is None else Mark.YES if trial.ok else Mark.NO,
                trial.fault,
            )
            for row in rows
            for trial in row.trials
        ),
        empty=phrase("No address book is known."),
    )
    can = {row.connection: row.capabilities for row in rows}
    capabilities = Section(
        "capabilities",
        phrase("What these servers can"),
        columns=(
            Column("connection", phrase("Connection")),
            Column("capability", phrase("Capability"), Kind.CODE),
            Column("support", phrase("Support"), Kind.CODE),
            Column("because", phrase("Reason")),
        ),
        rows=tuple(
            (name, capability, answer.support, Text(answer.because) if answer.because else None)
            for name, answers in can.items()
            for capability, answer in answers.items()
        ),
    )
    failed = [row for row in rows if not row.trials or any(trial.ok is False for trial in row.trials)]
    closed = [row for row in rows if not row.gated]
    lines = (
        (phrase("Address books without DPIA and consent, which will not be read: {count}.", count=len(closed)),)
        if closed
        else ()
    )
    if failed:
        return Answer(
            ok=False,
            title=phrase("{count} of {all} address books cannot be worked on.", count=len(failed), all=len(rows)),
            lines=lines,
            sections=(trials, capabilities),
            key="places_fail",
        )
    return Answer(
        ok=True,
        title=phrase(
            "The one address book can be worked on.",
            many="All {count} address books can be worked on.",
            count=len(rows),
        ),
        lines=lines,
        sections=(trials, capabilities),
        key="places_work",
    )


def policy_checked(checked: PolicyChecked, today: date, lines: tuple[Text, ...] = ()) -> Answer:
    """A policy file: every fault and warning, with line and fix. lines: what the register has to say to it."""
    remarks = [*checked.faults, *checked.warnings]
    if checked.document is not None:
        remarks += standing(checked.document, today)
    section = Section(
        "remarks",
        phrase("Faults and warnings"),
        columns=(
            Column("file", phrase("File")),
            Column("line", phrase("Line"), Kind.COUNT),
            Column("where", phrase("Where")),
            Column("severity", phrase("What it is")),
            Column("problem", phrase("What")),
            Column("fix", phrase("What to do")),
        ),
        rows=tuple(
            (
                each.file,
                each.line,
                each.where,
                phrase("fault") if each.severity is Severity.FAULT else phrase("warning"),
                each.problem,
                each.fix,
            )
            for each in remarks
        ),
    )
    sections = (section,) if remarks else ()
    if checked.document is None:
        title = phrase(
            "The policy cannot be in force: {count} fault.",
            many="The policy cannot be in force: {count} faults.",
            count=len(checked.faults),
        )
        return Answer(ok=False, title=title, sections=sections, key="policy_faults")
    title = phrase("The policy is valid: {version}.", version=checked.document.policy.version)
    reach = reach_of_ledger(checked.document.policy)
    return Answer(ok=True, title=title, lines=(*lines, reach), sections=sections, key="policy_sound")


def policy_tested(checked: PolicyChecked, language: str) -> Answer:
    """The examples of a policy."""
    section = Section(
        "examples",
        phrase("Examples"),
        columns=(
            Column("example", phrase("Example")),
            Column("expected", phrase("Expected"), Kind.CODE),
            Column("decided", phrase("Decided"), Kind.CODE),
            Column("reason", phrase("Why"), Kind.CODE),
            Column("holds", phrase("As expected"), Kind.CODE),
        ),
        rows=tuple(
            (
                each.says.in_language(language),
                each.expected[0],
                each.decided[0],
                each.decided[1],
                Mark.YES if each.holds else Mark.NO,
            )
            for each in checked.examples
        ),
        empty=phrase("The policy carries no examples."),
    )
    failed = sum(not each.holds for each in checked.examples)
    if failed:
        title = phrase(
            "{count} example is contradicted by the rules.",
            many="{count} examples are contradicted by the rules.",
            count=failed,
        )
    else:
        title = phrase("The one example holds.", many="All {count} examples hold.", count=len(checked.examples))
    return Answer(ok=not failed and bool(checked.examples), title=title, sections=(section,), key="policy_tested")


def explained(facts: Sequence[PairFacts], document: PolicyDocument, role: Role, now: datetime, language: str) -> Answer:
    """Which rule decided, for each contact of a case with a worker."""
    lines: list[Text] = []
    cleared = role in CLEARED_FOR_HOLDS
    for each in facts:
        explanation = explain(each.links, document, now, each.first_seen, held=each.held, cleared=cleared)
        if cleared:
            lines += [phrase("Contact code {item}:", item=item_id(place.uid, each.token)) for place in each.places]
        lines += tell_explanation(explanation, language)
    title = phrase("Contacts of this case with this worker: {count}.", count=len(facts))
    if not cleared:
        title = phrase(
            "Numbers and addresses of this case: {count}. Whether the worker has them is not shown.", count=len(facts)
        )
    return Answer(
        ok=True,
        title=title,
        lines=tuple(lines),
        key="explained",
    )


def settings_manual() -> Answer:
    """Every setting and what it means."""
    section = Section(
        "settings",
        phrase("Settings"),
        columns=(Column("variable", phrase("Variable")), Column("meaning", phrase("Meaning"))),
        rows=tuple((f"{PREFIX}{name.upper()}", Text(meaning)) for name, meaning in MANUAL.items()),
    )
    return Answer(ok=True, title=phrase("Settings come from variables"), sections=(section,), key="settings")


def settings_refused(wrong: Collection[str]) -> Answer:
    """Which settings are no use, and what each takes. wrong: their names."""
    section = Section(
        "settings",
        phrase("Settings that are not valid"),
        columns=(Column("setting", phrase("Setting")), Column("takes", phrase("What it takes"))),
        rows=tuple((f"{PREFIX}{name.upper()}", Text(meaning)) for name, meaning in MANUAL.items() if name in wrong),
    )
    return Answer(
        ok=False,
        title=phrase("This does not start while a setting is not valid."),
        sections=(section,),
        what_next=(phrase("Put them right, then start it again. closeout doctor --settings lists every setting."),),
        key="bad_setting",
    )
