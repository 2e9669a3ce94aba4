"""What acts came to, as answers: sentences and tables, no act. Who may see case numbers and workers is decided here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from mdm_adapters.port import Fault
from server.cli.session import Session
from server.core.log import LogFaultKind
from server.core.model import CLEARED_FOR_CASES, CLEARED_FOR_HOLDS, REMOVALS, Decision, Role, State
from server.core.plan import item_id
from server.core.policy.document import PolicyDocument, Severity, standing
from server.core.policy.explain import explain
from server.core.policy.explain import tell as tell_explanation
from server.core.policy.load import Checked as PolicyChecked
from server.core.reports.removals import View
from server.core.reports.table import Column, Kind, Mark, Row, Section, Text, phrase
from server.render.answers import Answer
from server.settings import MANUAL, PREFIX, Settings
from server.sources.mapping import MappingRefused
from server.sources.rows import ADVICE
from server.store import orders, organisation, reporting
from server.store.exceptions import DeviationRow, HoldRow
from server.store.findings import FindingRow
from server.store.needs import PairFacts
from server.store.orders import PlanRow
from server.store.organisation import Gate, PlaceRow
from server.work.context import Context
from server.work.engine import Ran
from server.work.guard import HoldSet
from server.work.intake import Intake, Outcome
from server.work.ledger import LogChecked
from server.work.plan import Item, Pass
from server.work.setup import Checked, PlacesTaken, SetupProblem, SetupRefusedError
from server.work.sync import Looked
from server.work.verify import Verified

REFUSALS: Mapping[SetupProblem, Text] = {
    SetupProblem.ALREADY_THERE: phrase("There is an installation here already; it is left as it is."),
    SetupProblem.OTHER_KEY: phrase("These keys belong to another installation."),
    SetupProblem.DEMO_NOT_LOOPBACK: phrase("A demo reaches no server but those on this machine (127.0.0.1)."),
    SetupProblem.REVIEW_AFTER_END: phrase("The day of review lies after the last day: review it before it ends."),
    SetupProblem.ENDS_IN_PAST: phrase("The last day lies in the past."),
    SetupProblem.EMPTY_FILE: phrase("The file has no rows. It needs a header and one line for each place."),
    SetupProblem.UNKNOWN_COLUMN: phrase(
        "The file has a column that is not known. Known: worker, employer, team, connection, address, devices, logins."
    ),
    SetupProblem.MISSING_COLUMN: phrase(
        "The file lacks a column that is needed: worker, employer, connection, address."
    ),
    SetupProblem.MISSING_VALUE: phrase("A value that is needed is empty."),
    SetupProblem.UNKNOWN_CONNECTION: phrase(
        "There is no connection of that name. Make it with: closeout connection put"
    ),
    SetupProblem.OTHER_HOST: phrase("The address is on another server than its connection."),
    SetupProblem.LOGINS_DO_NOT_FIT: phrase(
        "Give as many logins as devices, or none; write - for a device without one."
    ),
    SetupProblem.TOO_MANY: phrase("The list is longer than 100,000 places. Split it."),
    SetupProblem.NOT_TEXT: phrase("The file is not UTF-8 text."),
    SetupProblem.UNKNOWN_VENDOR: phrase("There is no adapter of that name. See: closeout connection put --help"),
    SetupProblem.UNKNOWN_WORKER: phrase("No place belongs to a worker of that reference."),
    SetupProblem.UNKNOWN_CASE: phrase("No case in the register has that number."),
    SetupProblem.NOT_FOUND: phrase("There is nothing of that id that is still open."),
    SetupProblem.IDENTIFIER_IN_TEXT: phrase("The text holds a telephone number or an e-mail address. Leave it out."),
    SetupProblem.TEXT_TOO_LONG: phrase("The text is longer than 300 characters."),
    SetupProblem.NOT_CLEARED: phrase("Your role is not cleared for that."),
    SetupProblem.TIER_CLOSED: phrase("The policy does not open this tier of deviations."),
    SetupProblem.TOO_LONG: phrase("The policy lets no deviation of this tier last so long."),
}
"""Why something was not done, and what to do."""

TRIPPED: Mapping[str, Text] = {
    "closures": phrase("Far more cases are closed in it than usual. A case system that fails may say so of all."),
    "vanished": phrase("Cases that were known are missing from it. Missing is not closed."),
}
LOG_FAULTS: Mapping[LogFaultKind, Text] = {
    LogFaultKind.EDITED: phrase("An entry was edited."),
    LogFaultKind.GAP: phrase("Entries are missing."),
    LogFaultKind.REORDERED: phrase("Entries are out of order."),
    LogFaultKind.TRUNCATED: phrase("The log is shorter than a signed head says: its end was cut off."),
    LogFaultKind.ROOT_DIFFERS: phrase("The log is not the one that a head was signed for."),
}


_ID = Column("item", phrase("Item"))
_WORKER = Column("worker", phrase("Worker"))
_CASE = Column("case", phrase("Case"))
_PLACE = Column("place", phrase("Place"))
_WHY = Column("reason", phrase("Why"), Kind.CODE)


@contextmanager
def refusals(session: Session) -> Iterator[None]:
    """What an act refuses, told with what to do."""
    try:
        yield
    except SetupRefusedError as refused:
        where = () if refused.line is None else (phrase("Line {line} of the file.", line=refused.line),)
        session.answer(Answer(ok=False, title=REFUSALS[refused.problem], lines=where, key=refused.problem.value))


def patience(context: Context, seconds: float) -> Callable[[], bool]:
    """A wait of a tenth of a second each time, until so many seconds are over."""
    end = context.now().timestamp() + seconds

    def wait() -> bool:
        time.sleep(0.1)
        return context.now().timestamp() < end

    return wait


def founded(settings: Settings, verifier_key: str, *, demo: bool) -> Answer:
    """After `init`."""
    lines = (
        phrase(
            "Keys: {folder}. Keep a copy apart from the database: without them nothing can be matched.",
            folder=str(settings.identifier_key_file.parent),
        ),
        phrase("Key that checks the log's heads: {key}", key=verifier_key),
    )
    gate = phrase("Record DPIA and works-council consent with: closeout gate record")
    steps = (
        phrase("Connect a contact store with: closeout connection put"),
        phrase("Say where contacts can be with: closeout place import"),
        phrase("Take in the case register with: closeout cases import"),
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
        title=phrase("The gate of {employer} is open up to {until}.", employer=employer, until=until),
        key="gate_recorded",
    )


def gates(rows: Sequence[Gate]) -> Answer:
    """Gates open today."""
    section = Section(
        "gates",
        phrase("Gates"),
        columns=(
            Column("employer", phrase("Employer")),
            Column("scope", phrase("What it opens"), Kind.CODE),
            Column("dpia", phrase("DPIA")),
            Column("consent", phrase("Works council's consent")),
            Column("purpose", phrase("Purpose")),
            Column("review", phrase("Review"), Kind.DATE),
            Column("until", phrase("Until"), Kind.DATE),
        ),
        rows=tuple((g.employer, g.scope, g.dpia, g.consent, g.purpose, g.review_on, g.ends_on) for g in rows),
        empty=phrase("No gate is open: only a demo organisation can be worked on."),
    )
    return Answer(ok=True, title=phrase("Whose books or usage may be read today"), sections=(section,), key="gates")


def connection_put(name: str) -> Answer:
    """After `connection put`."""
    return Answer(
        ok=True,
        title=phrase("The connection {name} is set.", name=name),
        what_next=(phrase("Add its places with: closeout place import"), phrase("Try them with: closeout place check")),
        key="connection_put",
    )


def mapping_faults(refused: MappingRefused) -> Answer:
    """A mapping file with faults: all of them."""
    section = Section(
        "faults",
        phrase("Faults in the mapping"),
        columns=(
            Column("file", phrase("File")),
            Column("line", phrase("Line"), Kind.COUNT),
            Column("where", phrase("Where")),
            Column("advice", phrase("What to do")),
        ),
        rows=tuple((f.file, f.line, f.where, f.advice) for f in refused.faults),
    )
    return Answer(ok=False, title=phrase("The mapping cannot be used."), sections=(section,), key="mapping_faults")


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
        rows=tuple((f.file, f.line, f.field, Text(ADVICE[f.problem], f.hints)) for f in taken.faults),
    )
    sections = (faults,) if taken.faults else ()
    more = taken.fault_count - len(taken.faults)
    lines = (phrase("And {more} more faults.", more=more),) if more > 0 else ()
    if taken.outcome is Outcome.FAULTY:
        return Answer(
            ok=False,
            title=phrase("The export has faults; nothing of it went in, and what was known stays known."),
            sections=sections,
            lines=lines,
            what_next=(
                phrase("Mend the export and import it again."),
                phrase("Or take the sound rows with: --partial"),
            ),
            key="faulty",
        )
    if taken.outcome is Outcome.OLDER:
        return Answer(
            ok=False,
            title=phrase("This export was made before one that is in already; nothing of it went in."),
            key="older",
        )
    if taken.outcome is Outcome.STOPPED and taken.weight is not None:
        weight = taken.weight
        return Answer(
            ok=False,
            title=phrase("The breaker stopped this export; nothing of it went in."),
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
                phrase("Ask whoever runs the case system whether this is true."),
                phrase("If it is, import it again with: --confirm"),
            ),
            key="stopped",
        )
    applied = taken.applied
    if applied is None:
        raise ValueError("an applied export says what it changed")
    return Answer(
        ok=True,
        title=phrase("The register of {system} is taken in.", system=taken.system),
        lines=(
            phrase(
                "Rows: {rows}. Cases: {cases}, of which {touched} say something new. Newly closed: {closed}.",
                rows=taken.rows,
                cases=applied.cases,
                touched=applied.touched,
                closed=applied.closed,
            ),
            phrase(
                "New identifiers: {identifiers}. Contacts to decide again: {due}.",
                identifiers=applied.identifiers,
                due=applied.due,
            ),
            *lines,
        ),
        sections=sections,
        what_next=(phrase("See what would happen with: closeout plan"),),
        key="applied",
    )


def places_taken(taken: PlacesTaken) -> Answer:
    """After `place import`."""
    return Answer(
        ok=True,
        title=phrase("Places taken in: {rows}, of which {new} are new.", rows=taken.rows, new=taken.new),
        what_next=(phrase("Try them with: closeout place check"),),
        key="places_taken",
    )


def places(rows: Sequence[PlaceRow], role: Role, *, demo: bool) -> Answer:
    """Every place; workers for those cleared."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "places",
        phrase("Places"),
        columns=(
            _PLACE,
            *((_WORKER,) if cleared else ()),
            Column("connection", phrase("Connection")),
            Column("devices", phrase("Phones"), Kind.COUNT),
            Column("gate", phrase("Gate open"), Kind.CODE),
            Column("looked", phrase("Last read"), Kind.INSTANT, phrase("never")),
            Column("fault", phrase("Why not"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                row.uid,
                *((row.worker_ref,) if cleared else ()),
                row.connection,
                row.devices,
                Mark.YES if demo or row.gated else Mark.NO,
                row.looked_at,
                Fault(row.fault) if row.fault else None,
            )
            for row in rows
        ),
        empty=phrase("No place is known."),
    )
    return Answer(ok=True, title=phrase("Where contacts can be"), sections=(section,), key="places")


def checked(rows: Sequence[Checked], role: Role) -> Answer:
    """After `place check`: each trial, then what each vendor can."""
    cleared = role in CLEARED_FOR_CASES
    trials = Section(
        "trials",
        phrase("What was tried"),
        columns=(
            _PLACE,
            *((_WORKER,) if cleared else ()),
            Column("what", phrase("What")),
            Column("works", phrase("Works"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                row.place,
                *((row.worker,) if cleared else ()),
                Text(trial.what),
                Mark.UNTRIED if trial.ok is None else Mark.YES if trial.ok else Mark.NO,
                trial.fault,
            )
            for row in rows
            for trial in row.trials
        ),
        empty=phrase("No place is known."),
    )
    can = {row.connection: row.capabilities for row in rows}
    capabilities = Section(
        "capabilities",
        phrase("What these stores can"),
        columns=(
            Column("connection", phrase("Connection")),
            Column("capability", phrase("Capability"), Kind.CODE),
            Column("support", phrase("Support"), Kind.CODE),
            Column("because", phrase("Because")),
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
        (phrase("Places behind a closed gate, which will not be read: {count}.", count=len(closed)),) if closed else ()
    )
    if failed:
        return Answer(
            ok=False,
            title=phrase("{count} of {all} places cannot be worked on.", count=len(failed), all=len(rows)),
            lines=lines,
            sections=(trials, capabilities),
            key="places_fail",
        )
    return Answer(
        ok=True,
        title=phrase("All {all} places can be worked on.", all=len(rows)),
        lines=lines,
        sections=(trials, capabilities),
        key="places_work",
    )


def hold_set(result: HoldSet) -> Answer:
    """After `hold set`: what it could not stop any more is said."""
    lines = [phrase("Its id: {uid}", uid=result.uid)]
    if result.under_way:
        lines.append(phrase("Calls that had left before it and are not back yet: {count}.", count=result.under_way))
    if result.beyond_recall:
        lines.append(
            phrase("Removals that a store had accepted before it, beyond recall: {count}.", count=result.beyond_recall)
        )
    return Answer(
        ok=not result.under_way,
        title=phrase("The hold is in force: from now on nothing that it covers is removed."),
        lines=tuple(lines),
        what_next=(phrase("Tell nobody who is not cleared: to them it looks like any other postponement."),),
        key="hold_set",
    )


def hold_released() -> Answer:
    """After `hold release`."""
    return Answer(ok=True, title=phrase("The hold has ended; what it covered is decided again."), key="hold_released")


def holds(rows: Sequence[HoldRow]) -> Answer:
    """Holds, for those cleared."""
    section = Section(
        "holds",
        phrase("Holds"),
        columns=(
            Column("hold", phrase("Hold")),
            Column("worker", phrase("Worker"), blank=phrase("everyone")),
            Column("case", phrase("Case"), blank=phrase("all")),
            Column("reason", phrase("Why")),
            Column("set", phrase("Set"), Kind.INSTANT),
            Column("released", phrase("Ended"), Kind.INSTANT),
        ),
        rows=tuple((row.uid, row.worker, row.case, row.reason, row.set_at, row.released_at) for row in rows),
        empty=phrase("There is no hold."),
    )
    return Answer(ok=True, title=phrase("Holds"), sections=(section,), key="holds")


def deviation_added(uid: str) -> Answer:
    """After `deviation add`."""
    return Answer(
        ok=True,
        title=phrase("The deviation is recorded."),
        lines=(phrase("Its id: {uid}", uid=uid),),
        key="deviation_added",
    )


def deviations(rows: Sequence[DeviationRow], role: Role) -> Answer:
    """Deviations in force; case and worker for those cleared."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "deviations",
        phrase("Deviations"),
        columns=(
            Column("deviation", phrase("Deviation")),
            *((_CASE, _WORKER) if cleared else ()),
            Column("tier", phrase("Whose decision"), Kind.CODE),
            *((Column("why", phrase("Why")),) if cleared else ()),
            Column("until", phrase("Until"), Kind.INSTANT),
        ),
        rows=tuple(
            (
                row.uid,
                *((row.case, row.worker) if cleared else ()),
                row.tier,
                *((row.reason,) if cleared else ()),
                row.until_at,
            )
            for row in rows
        ),
        empty=phrase("No deviation is in force."),
    )
    return Answer(ok=True, title=phrase("Deviations in force"), sections=(section,), key="deviations")


def findings(rows: Sequence[FindingRow], role: Role) -> Answer:
    """Open findings; case and worker for those cleared."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "findings",
        phrase("Findings"),
        columns=(
            Column("finding", phrase("Finding")),
            *((_CASE, _WORKER) if cleared else ()),
            Column("kind", phrase("What"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
            Column("opened", phrase("Since"), Kind.INSTANT),
        ),
        rows=tuple(
            (row.uid, *((row.case, row.worker) if cleared else ()), row.kind, row.kind, row.opened_at) for row in rows
        ),
        empty=phrase("No finding is open."),
    )
    return Answer(
        ok=True,
        title=phrase("Questions to look into"),
        sections=(section,),
        what_next=(phrase("Close one with: closeout finding close ID --conclusion TEXT"),) if rows else (),
        key="findings",
    )


def finding_closed(row: FindingRow) -> Answer:
    """After `finding close`."""
    return Answer(ok=True, title=phrase("Closed: {kind}", kind=row.kind), key="finding_closed")


def looked_at(looked: Sequence[Looked]) -> Answer:
    """After `look`: counts only, whoever asks."""
    unread = [each for each in looked if each.fault is not None]
    section = Section(
        "places",
        phrase("Places"),
        columns=(
            _PLACE,
            Column("read", phrase("Entries read"), Kind.COUNT),
            Column("present", phrase("Ours"), Kind.COUNT),
            Column("appeared", phrase("New"), Kind.COUNT),
            Column("gone", phrase("Gone"), Kind.COUNT),
            Column("unreadable", phrase("Unreadable"), Kind.COUNT),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                each.place,
                each.read,
                len(each.written.present) if each.written else None,
                len(each.written.appeared) if each.written else None,
                len(each.written.gone) if each.written else None,
                each.written.unreadable if each.written else None,
                each.fault,
            )
            for each in looked
        ),
        empty=phrase("There is no place behind an open gate."),
    )
    return Answer(
        ok=not unread,
        title=phrase("Places read: {read} of {all}.", read=len(looked) - len(unread), all=len(looked)),
        sections=(section,),
        what_next=(phrase("See what would happen with: closeout plan"),),
        key="looked",
    )


def rehearsed(context: Context, passed: Pass, role: Role) -> Answer:
    """A dry run, line by line; case numbers and workers for those cleared, opaque ids for others."""
    view = View.PERSON if role in CLEARED_FOR_CASES else View.OPAQUE
    with context.store.read() as connection:
        workers = reporting.worker_refs(connection, list({item.worker for item in passed.items}))
        numbers = reporting.case_numbers(connection, list({item.case for item in passed.items if item.case}))

    def who(item: Item) -> Row:
        if view is View.OPAQUE:
            return (item.id,)
        case = None if item.case is None else numbers.get(item.case)
        return (item.id, case, workers.get(item.worker), item.place)

    ids = (_ID,) if view is View.OPAQUE else (_ID, _CASE, _WORKER, _PLACE)

    def section(key: str, heading: Text, empty: Text, decisions: frozenset[Decision], why: Column) -> Section:
        rows = tuple((*who(item), item.need.reason) for item in passed.items if item.need.decision in decisions)
        return Section(key, heading, columns=(*ids, why), rows=rows, empty=empty)

    removals = [item for item in passed.items if item.need.decision in REMOVALS]
    held: tuple[Text, ...] = ()
    if passed.held_back is not None:
        held = (
            phrase(
                "This plan is above the limit {limit} of the policy: {planned} removals among {seen} contacts. A run "
                "would write its orders and wait for release.",
                limit=passed.held_back.limit,
                planned=passed.held_back.planned,
                seen=passed.held_back.seen,
            ),
        )
    return Answer(
        ok=True,
        title=phrase("What a run would do now: {count} removals. Nothing was changed.", count=len(removals)),
        lines=(
            phrase("Digest of this plan: {digest}", digest=passed.digest),
            phrase("Contacts that may stay: {count}.", count=passed.decided[Decision.KEEP]),
            *held,
        ),
        sections=(
            section("removals", phrase("Removals"), phrase("Nothing to remove."), REMOVALS, _WHY),
            section(
                "deferrals", phrase("Postponed"), phrase("Nothing is postponed."), frozenset({Decision.DEFER}), _WHY
            ),
            section(
                "reviews",
                phrase("A person decides"),
                phrase("Nothing waits for a person."),
                frozenset({Decision.REVIEW}),
                Column("reason", phrase("Why"), Kind.CODE),
            ),
        ),
        what_next=(phrase("Carry it out with: closeout run"),) if removals else (),
        key="plan",
    )


def waiting(rows: Sequence[PlanRow]) -> Answer:
    """Plans above a limit."""
    section = Section(
        "plans",
        phrase("Plans that wait"),
        columns=(
            Column("plan", phrase("Plan")),
            Column("made", phrase("Made"), Kind.INSTANT),
            Column("removals", phrase("Removals"), Kind.COUNT),
            Column("limit", phrase("Limit")),
            Column("digest", phrase("Digest")),
        ),
        rows=tuple((row.uid, row.made_at, row.removals, row.held_back, row.digest) for row in rows),
        empty=phrase("No plan waits for release."),
    )
    return Answer(
        ok=True,
        title=phrase("Plans above a limit of the policy"),
        sections=(section,),
        what_next=(phrase("Release one with: closeout release PLAN"),) if rows else (),
        key="plans_waiting",
    )


def released(count: int) -> Answer:
    """After `release`."""
    return Answer(
        ok=True,
        title=phrase("Released: {count} orders.", count=count),
        what_next=(phrase("Carry it out with: closeout run"),),
        key="released",
    )


def ran(result: Ran) -> Answer:
    """After `run`."""
    outcomes: Counter[str] = result.drained.outcomes
    unread = [each for each in result.looked if each.fault is not None]
    lines = [
        phrase("Places read: {read} of {all}.", read=len(result.looked) - len(unread), all=len(result.looked)),
        phrase(
            "Decided: {remove} to remove, {defer} postponed, {review} for a person, {keep} may stay.",
            remove=sum(result.passed.decided[each] for each in REMOVALS),
            defer=result.passed.decided[Decision.DEFER],
            review=result.passed.decided[Decision.REVIEW],
            keep=result.passed.decided[Decision.KEEP],
        ),
        phrase("New orders: {orders}. Stopped: {stopped}.", orders=result.passed.orders, stopped=result.passed.stopped),
        phrase(
            "Orders: {removed} entries removed, {trimmed} cut down to what is private, {gone} gone already, {changed} "
            "changed meanwhile, {unclear} for a person, {failed} failed, {deferred} postponed.",
            removed=outcomes["removed"],
            trimmed=outcomes["trimmed"],
            gone=outcomes["already_gone"],
            changed=outcomes["changed"],
            unclear=outcomes["unclear"],
            failed=outcomes["failed"],
            deferred=outcomes["deferred"],
        ),
    ]
    if result.passed.held_back is not None:
        lines.append(phrase("The plan is above the limit {limit} and waits.", limit=result.passed.held_back.limit))
    faults = Counter(each.fault for each in unread if each.fault is not None) + Counter(result.drained.faults)
    section = Section(
        "faults",
        phrase("What failed"),
        columns=(
            Column("fault", phrase("What"), Kind.CODE),
            Column("times", phrase("Times"), Kind.COUNT),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple((fault, times, fault) for fault, times in faults.most_common()),
    )
    accepted = outcomes["removed"] + outcomes["trimmed"] + outcomes["already_gone"]
    what_next = []
    if accepted:
        what_next.append(phrase("Accepted is not removed: prove it with: closeout verify"))
    if result.passed.held_back is not None:
        what_next.append(phrase("See and release it with: closeout release"))
    return Answer(
        ok=not faults,
        title=phrase("The run is done.") if not faults else phrase("The run is done, and not everything worked."),
        lines=tuple(lines),
        sections=(section,) if faults else (),
        what_next=tuple(what_next),
        key="ran",
    )


def verified(result: Verified) -> Answer:
    """After `verify`."""
    proven = sum(each.proven for each in result.looked)
    returned = sum(each.returned for each in result.looked)
    unread = [each.fault for each in result.looked if each.fault is not None] + list(result.faults)
    section = Section(
        "faults",
        phrase("What failed"),
        columns=(Column("fault", phrase("What"), Kind.CODE), Column("advice", phrase("What to do"), Kind.ADVICE)),
        rows=tuple((fault, fault) for fault in dict.fromkeys(unread)),
    )
    lines = [
        phrase("Places read again in full: {places}.", places=len(result.looked)),
        phrase("New proofs that a phone fetched the removal: {devices}.", devices=result.devices),
    ]
    if returned:
        lines.append(phrase("Still there although the store accepted: {count}. They are tried again.", count=returned))
    return Answer(
        ok=not unread and not returned,
        title=phrase("Seen to be absent from the address book: {proven}.", proven=proven),
        lines=tuple(lines),
        sections=(section,) if unread else (),
        what_next=(phrase("Write the report with: closeout report removals"),),
        key="verified",
    )


def engine_stopped(rounds: int) -> Answer:
    """After `engine`."""
    return Answer(
        ok=True, title=phrase("The engine stopped after {rounds} rounds.", rounds=rounds), key="engine_stopped"
    )


def status(context: Context) -> Answer:
    """Orders by state, what waits, what failed: counts only."""
    with context.store.read() as connection:
        counts = orders.counts_by_state(connection)
        held = orders.waiting_plans(connection)
        failed = [row for row in organisation.read_places(connection, context.today()) if row.fault]
        pairs = reporting.decisions_count(connection)
    states = Section(
        "orders",
        phrase("Orders"),
        columns=(
            Column("state", phrase("What happens next"), Kind.CODE),
            Column("count", phrase("Orders"), Kind.COUNT),
        ),
        rows=tuple((state, counts[state]) for state in State if state in counts),
        empty=phrase("There are no orders yet."),
    )
    decisions = Section(
        "decisions",
        phrase("Contacts by what was decided"),
        columns=(Column("decision", phrase("Decision"), Kind.CODE), Column("count", phrase("Contacts"), Kind.COUNT)),
        rows=tuple((decision, pairs[decision]) for decision in Decision if decision in pairs),
        empty=phrase("Nothing was decided yet."),
    )
    steps = []
    if held:
        steps.append(phrase("Plans wait for release: closeout release"))
    if failed:
        steps.append(phrase("Places could not be read: closeout place list"))
    if counts.get(State.PERSON):
        steps.append(phrase("Orders wait for a person: closeout finding list"))
    return Answer(
        ok=True, title=phrase("How it stands"), sections=(states, decisions), what_next=tuple(steps), key="status"
    )


def log_checked(result: LogChecked) -> Answer:
    """After `log verify`."""
    section = Section(
        "faults",
        phrase("What is wrong with the log"),
        columns=(
            Column("fault", phrase("What")),
            Column("at", phrase("First at entry"), Kind.COUNT),
            Column("times", phrase("Times"), Kind.COUNT),
        ),
        rows=tuple((LOG_FAULTS[fault.kind], fault.at, fault.count) for fault in result.faults),
    )
    lines = [
        phrase(
            "Entries: {size}. Signed heads: {checkpoints}. Vouched for up to entry {anchored}.",
            size=result.size,
            checkpoints=result.checkpoints,
            anchored=result.anchored,
        ),
    ]
    if result.bad:
        lines.append(phrase("Heads in the file that this installation did not sign: {bad}.", bad=result.bad))
    if result.anchored < result.size:
        lines.append(phrase("What came after the last signed head is not vouched for."))
    return Answer(
        ok=result.sound,
        title=phrase("The log is whole.") if result.sound else phrase("The log was changed."),
        lines=tuple(lines),
        sections=(section,) if result.faults else (),
        key="log_sound" if result.sound else "log_changed",
    )


def policy_checked(checked: PolicyChecked, today: date) -> Answer:
    """A policy file: every fault and warning, with line and fix."""
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
        title = phrase("The policy cannot be in force: {count} faults.", count=len(checked.faults))
        return Answer(ok=False, title=title, sections=sections, key="policy_faults")
    title = phrase("The policy is sound: {version}.", version=checked.document.policy.version)
    return Answer(ok=True, title=title, sections=sections, key="policy_sound")


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
            Column("holds", phrase("Holds"), Kind.CODE),
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
        title = phrase("{count} examples are contradicted by the rules.", count=failed)
    else:
        title = phrase("All {count} examples hold.", count=len(checked.examples))
    return Answer(ok=not failed and bool(checked.examples), title=title, sections=(section,), key="policy_tested")


def explained(facts: Sequence[PairFacts], document: PolicyDocument, role: Role, now: datetime, language: str) -> Answer:
    """Which rule decided, for each contact of a case with a worker."""
    lines: list[Text] = []
    for each in facts:
        explanation = explain(
            each.links, document, now, each.first_seen, held=each.held, cleared=role in CLEARED_FOR_HOLDS
        )
        lines += [phrase("Item {item}:", item=item_id(place.uid, each.token)) for place in each.places]
        lines += tell_explanation(explanation, language)
    return Answer(
        ok=True,
        title=phrase("Contacts of this case with this worker: {count}.", count=len(facts)),
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
