"""What acts about evidence came to, as answers; who holds which device is for those cleared for cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.core.model import CLEARED_FOR_CASES, Role
from server.core.reports.channels import rows_at_least, say_unplaced
from server.core.reports.document import Report
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.core.usage.declarations import DeclarationState, PeriodicCheck
from server.core.usage.model import told
from server.render.answers import Answer
from server.render.usage.by_name import facts_section, known_besides
from server.render.words import QUANTITIES
from server.sources.rows import ADVICE, FileFault
from server.store.usage.declarations import ContestRow
from server.store.usage.ingest import Change
from server.store.usage.sums import RunRow
from server.store.usage.undo import Undone
from server.work.removal.attestations import AttestationsReminded, Talk
from server.work.usage.by_name import NamedFacts
from server.work.usage.declarations import Imported, Listed
from server.work.usage.feeds import UsageOutcome, UsageTaken
from server.work.usage.reminders import Reminded
from server.work.usage.rosters import ListTaken


def taken_in(taken: UsageTaken, *, destroyed: bool) -> Answer:
    """After `usage import`."""
    titles = {
        UsageOutcome.APPLIED: phrase(
            "The feed {feed} is imported: {count} row.",
            many="The feed {feed} is imported: {count} rows.",
            feed=taken.feed,
            count=taken.rows,
        ),
        UsageOutcome.FAULTY: phrase(
            "Nothing was imported: {count} fault in the file.",
            many="Nothing was imported: {count} faults in the file.",
            count=taken.fault_count,
        ),
        UsageOutcome.KNOWN: phrase("All that this file says is in already. Nothing was changed."),
        UsageOutcome.ASKED: phrase("Nothing was imported yet: this file would replace what other files said."),
    }
    next_steps = {
        UsageOutcome.FAULTY: phrase("Correct the file, or import the valid rows with --partial."),
        UsageOutcome.ASKED: phrase("If that is meant, give the command with: --confirm {word}", word=taken.confirm),
    }
    sections = [_faults(taken.faults)] if taken.faults else []
    if taken.change is not None and taken.outcome is not UsageOutcome.KNOWN:
        sections.append(_replaced(taken.change))
    return Answer(
        ok=taken.outcome in (UsageOutcome.APPLIED, UsageOutcome.KNOWN),
        title=titles[taken.outcome],
        lines=tuple(_about(taken, destroyed=destroyed)),
        sections=tuple(sections),
        what_next=(next_steps[taken.outcome],) if taken.outcome in next_steps else (),
        key=f"usage_{taken.outcome}",
    )


def _about(taken: UsageTaken, *, destroyed: bool) -> Iterator[Text]:
    for file, column in taken.dropped:
        yield phrase("Columns passed over without reading: {file}, column {column}.", file=file, column=column)
    for file in taken.repeated:
        yield phrase("Given twice, and counted once: {file}.", file=file)
    if taken.first is not None and taken.last is not None:
        yield phrase("The file is of {first} to {last}.", first=taken.first, last=taken.last)
    if taken.passed:
        yield phrase("Lines left out by the rules of the mapping: {count}.", count=taken.passed)
    if taken.change is not None:
        if taken.change.late:
            yield phrase("Daily sums of days outside the period, added to them: {count}.", count=taken.change.late)
        last = taken.change.last
        empty = 0 if last is None or taken.last is None else (taken.last - last).days
        if last is not None and empty:
            yield phrase(
                "The last row is of {last}. Days behind it without a row: {count}. Is the file whole?",
                last=last,
                count=empty,
            )
    if taken.outcome is UsageOutcome.APPLIED:
        yield phrase(
            "Not attributable: {nobody}. Other party unknown: {unknown}. Not read without DPIA and consent: "
            "{gate}. With a fault: {faults}.",
            nobody=taken.unattributable,
            unknown=taken.unclassified,
            gate=taken.not_gated,
            faults=taken.fault_count,
        )
    if destroyed:
        yield phrase("The files were deleted.")


def _replaced(change: Change) -> Section:
    """What goes and what comes in its place, beside each other."""
    totals = [dict(weight.totals) for weight in (change.before, change.after)]
    rows: list[tuple[Text, int, int]] = [
        (phrase("Days"), change.before.days, change.after.days),
        (phrase("Phones or accounts"), change.before.subjects, change.after.subjects),
        (phrase("Daily sums"), change.before.sums, change.after.sums),
    ]
    for quantity in sorted({*totals[0], *totals[1]}):
        was, is_now = (round(told(quantity, each.get(quantity, 0))) for each in totals)
        rows.append((QUANTITIES[quantity], was, is_now))
    return Section(
        "replaced",
        phrase("What the file replaces"),
        columns=(
            Column("what", phrase("What")),
            Column("before", phrase("Until now"), Kind.COUNT),
            Column("after", phrase("With this file"), Kind.COUNT),
        ),
        rows=tuple(rows),
    )


def list_taken(taken: ListTaken, *, destroyed: bool) -> Answer:
    """After `usage import` of a list."""
    if taken.faults:
        return Answer(
            ok=False,
            title=phrase(
                "Nothing was imported: {count} fault in the file.",
                many="Nothing was imported: {count} faults in the file.",
                count=len(taken.faults),
            ),
            sections=(_faults(taken.faults),),
            key="list_faulty",
        )
    lines = [
        phrase(
            "Not linked to a person or thing we know: {unknown}. Not read without DPIA and consent: {gate}.",
            unknown=taken.unknown,
            gate=taken.not_gated,
        )
    ]
    if destroyed:
        lines.append(phrase("The files were deleted."))
    title = phrase("The list is imported: {count} row.", many="The list is imported: {count} rows.", count=taken.rows)
    return Answer(ok=True, title=title, lines=tuple(lines), key="list_taken")


def _faults(faults: Sequence[FileFault]) -> Section:
    return Section(
        "faults",
        phrase("Faults in the file"),
        columns=(
            Column("file", phrase("File")),
            Column("line", phrase("Line"), Kind.COUNT),
            Column("field", phrase("Field")),
            Column("fault", phrase("What is wrong, and what to do")),
        ),
        rows=tuple((fault.file, fault.line, fault.field, Text(ADVICE[fault.problem], fault.hints)) for fault in faults),
    )


def withdrawn(feed: str, gone: int) -> Answer:
    """After `usage withdraw`."""
    return Answer(
        ok=True,
        title=phrase(
            "Withdrawn: {feed}, {count} daily sum.",
            many="Withdrawn: {feed}, {count} daily sums.",
            feed=feed,
            count=gone,
        ),
        key="usage_withdrawn",
    )


def undone(feed: str, done: Undone) -> Answer:
    """After `usage undo`."""
    return Answer(
        ok=True,
        title=phrase("The newest file of {feed} is taken back: {first} to {last}.", feed=feed, first=done.first,
                     last=done.last),
        lines=(phrase("Daily sums out: {gone}. Put back: {back}.", gone=done.gone, back=done.back),),
        key="usage_undone",
    )  # fmt: skip


_GROUP = 5
"""By how many rows more or less what is said of a file must not change: it lies beside tables that withhold."""


def runs(rows: Sequence[RunRow]) -> Answer:
    """Files that were taken in."""
    section = Section(
        "runs",
        phrase("Imported files"),
        columns=(
            Column("feed", phrase("Feed")),
            Column("file", phrase("Id of the file")),
            Column("at", phrase("Imported"), Kind.INSTANT),
            Column("first", phrase("First day"), Kind.DATE),
            Column("last", phrase("Last day"), Kind.DATE),
            Column("replaced", phrase("Daily sums replaced"), Kind.COUNT),
            Column("rows", phrase("Rows, at least"), Kind.COUNT),
            Column("unplaced", phrase("Rows that could not be placed, about"), blank=phrase("Not reported")),
        ),
        rows=tuple(
            (
                r.feed,
                r.uid,
                r.at,
                r.first,
                r.last,
                r.replaced_sums,
                rows_at_least(r.rows, _GROUP),
                say_unplaced(r.faults + r.unattributable + r.unclassified + r.not_gated, r.rows + r.faults, _GROUP),
            )
            for r in rows
            if not r.withdrawn
        ),
        empty=phrase("No feed was imported yet."),
    )
    return Answer(ok=True, title=phrase("Usage feeds"), sections=(section,), key="usage_runs")


def signed(uid: str) -> Answer:
    """After `declaration sign`."""
    return Answer(
        ok=True,
        title=phrase("The declaration is recorded: {id}.", id=uid),
        what_next=(phrase("Record the employer's signature with: closeout declaration countersign ID --by REFERENCE"),),
        key="declaration_signed",
    )


def changed() -> Answer:
    """After a change of a declaration."""
    return Answer(ok=True, title=phrase("It is recorded."), key="recorded")


def imported(taken: Imported) -> Answer:
    """After `declaration import`."""
    return Answer(
        ok=True,
        title=phrase("Signatures in the list: {rows}. New: {new}.", rows=taken.rows, new=taken.new),
        key="declarations_imported",
    )


def listed(rows: Sequence[Listed], role: Role) -> Answer:
    """How every device stands."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "declarations",
        phrase("Declarations"),
        columns=(
            Column("device", phrase("Phone")),
            *((Column("worker", phrase("Worker")),) if cleared else ()),
            Column("state", phrase("State"), Kind.CODE),
            Column("since", phrase("Since"), Kind.DATE),
            Column("until", phrase("Until"), Kind.DATE),
            Column("id", phrase("Declaration")),
            Column("conversation", phrase("Next conversation"), Kind.DATE),
        ),
        rows=tuple(
            (
                each.device.device_ref,
                *((each.device.worker_ref,) if cleared else ()),
                each.standing.state,
                each.standing.since,
                each.standing.valid_until,
                each.declaration,
                each.conversation_due,
            )
            for each in rows
        ),
        empty=phrase("No phones are known. Name them with: closeout place import"),
    )
    return Answer(ok=True, title=phrase("State of the declarations"), sections=(section,),
                  key="declarations")  # fmt: skip


def checked(uid: str, made: PeriodicCheck) -> Answer:
    """After `declaration check`."""
    section = Section(
        "check",
        phrase("What the check found"),
        columns=(
            Column("state", phrase("State"), Kind.CODE),
            Column("devices", phrase("Phones"), Kind.COUNT),
        ),
        rows=tuple((state, sum(each.state is state for each in made.sample)) for state in DeclarationState),
    )
    return Answer(
        ok=True,
        title=phrase(
            "The review is recorded: {id}, {sample} of {population} phones.",
            id=uid,
            sample=len(made.sample),
            population=made.population,
        ),
        sections=(section,),
        key="check_recorded",
    )


def outcomes(made: Report) -> Answer:
    """The part of the report that is about evidence."""
    sections = tuple(section for section in made.body if section.key in ("coverage", "outcomes", "causes"))
    return Answer(
        ok=True,
        title=phrase("What usage data says of business use"),
        lines=(made.caveat,),
        sections=sections,
        what_next=(phrase("Write the report with: closeout report declarations"),),
        key="outcomes",
    )


def reminded(found: Reminded | AttestationsReminded) -> Answer:
    """After `declaration remind` and `attestation remind`."""
    lines = (
        [phrase("Due and without a mailbox that we know: {count}. Ask them yourself.", count=found.without_address)]
        if found.without_address
        else []
    )
    if found.not_sent:
        lines.append(
            phrase("Not taken by the mail server: {count}. They are tried again next time.", count=found.not_sent)
        )
    title = phrase("Reminders sent: {count}.", count=found.sent)
    return Answer(ok=True, title=title, lines=tuple(lines), key="reminded")


def talks(drawn: Sequence[Talk]) -> Answer:
    """After `attestation draw`."""
    section = Section(
        "talks",
        phrase("Whom to talk with"),
        columns=(Column("worker", phrase("Worker")), Column("case", phrase("Case number"))),
        rows=tuple(drawn),
        empty=phrase("Nobody stated anything last month."),
    )
    return Answer(
        ok=True,
        title=phrase("Drawn by lot for a talk about what they stated last month"),
        lines=(
            phrase("Talk about how it went and what was hard. No phone is searched. This month has this one draw."),
        ),
        sections=(section,),
        key="talks",
    )


def contests(rows: Sequence[ContestRow]) -> Answer:
    """What workers wrote of figures."""
    section = Section(
        "contests",
        phrase("What workers wrote about their figures"),
        columns=(
            Column("id", phrase("Id")),
            Column("device", phrase("Phone")),
            Column("quantity", phrase("About"), Kind.CODE, phrase("Everything")),
            Column("on", phrase("On"), Kind.DATE),
            Column("answered", phrase("Answered on"), Kind.DATE, phrase("Not yet")),
            Column("said", phrase("What was written")),
        ),
        rows=tuple((row.uid, row.device_ref, row.quantity, row.on, row.answered_on, row.said) for row in rows),
        empty=phrase("Nobody wrote anything."),
    )
    return Answer(ok=True, title=section.heading, sections=(section,), key="contests")


def view_asked(uid: str) -> Answer:
    """After `usage contacts ask`."""
    return Answer(
        ok=True,
        title=phrase("Asked. A second person approves: closeout usage contacts grant {uid}", uid=uid),
        key="view_asked",
    )


def view_granted(found: NamedFacts) -> Answer:
    """After `usage contacts grant`."""
    section = facts_section(found.looked, found.workers, found.cases)
    lines = (known_besides(found.looked),)
    return Answer(ok=True, title=section.heading, lines=lines, sections=(section,), key="view_granted")
