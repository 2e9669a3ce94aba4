"""What runs came to, as answers: plans, orders, looks, the log; and what all tellers share. No act."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import ceil

from server.cli.answers import pauses as tell_pauses
from server.core.log.entries import EntryKind, LogEntry
from server.core.log.table_state import DifferenceKind
from server.core.model import CLEARED_FOR_CASES, REMOVALS, Decision, Role, State
from server.core.reports.postponed import NOT_COUNTED, coarsely, down_to_tens
from server.core.reports.removals import View
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Text, phrase
from server.render import page_names
from server.render.admin.log_check import (
    PUT_BACK,
    faults_section,
    findings_section,
    removals_section,
    say_findings_differ,
    say_removals_differ,
)
from server.render.answers import Answer
from server.sources.mapping import MappingRefused
from server.store.admin import organisation, pauses
from server.store.admin.pauses import PauseRow
from server.store.removal import orders
from server.store.removal.orders import PlanRow
from server.store.reports import removal_facts
from server.work.admin.log_checkpoints import LogChecked
from server.work.admin.log_reading import LogExcerpt
from server.work.admin.table_checks import Compared, RecordsSaid
from server.work.context import Context
from server.work.removal.engine import Ran
from server.work.removal.plan import Pass, PlanItem, unplanned_monitoring
from server.work.removal.sync import PlaceRead
from server.work.removal.verify import Verified

ITEM = Column("item", phrase("Contact code"))

WORKER = Column("worker", phrase("Worker"))

CASE = Column("case", phrase("Case"))

PLACE = Column("place", phrase("Address book"))

WHY = Column("reason", phrase("Why"), Kind.CODE)


def patience(context: Context, seconds: float) -> Callable[[], bool]:
    """A wait of a tenth of a second each time, until so many seconds are over."""
    end = context.now().timestamp() + seconds

    def wait() -> bool:
        time.sleep(0.1)
        return context.now().timestamp() < end

    return wait


def mapping_faults(refused: MappingRefused) -> Answer:
    """A mapping file with faults: all of them."""
    section = Section(
        "faults",
        phrase("Faults in the field mapping"),
        columns=(
            Column("file", phrase("File")),
            Column("line", phrase("Line"), Kind.COUNT),
            Column("where", phrase("Where")),
            Column("advice", phrase("What to do")),
        ),
        rows=tuple((f.file, f.line, f.where, f.advice) for f in refused.faults),
    )
    return Answer(ok=False, title=phrase("The mapping cannot be used."), sections=(section,), key="mapping_faults")


def looked_at(looked: Sequence[PlaceRead]) -> Answer:
    """After `look`: counts only, and none of contacts of ours, since of a book what comes and goes tells what stays."""
    unread = [each for each in looked if each.fault is not None]
    section = Section(
        "places",
        phrase("Address books"),
        columns=(
            PLACE,
            Column("read", phrase("Entries read"), Kind.COUNT),
            Column("unreadable", phrase("Unreadable"), Kind.COUNT),
            Column("unread_fields", phrase("Unreadable numbers"), Kind.COUNT),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                each.place,
                each.read,
                each.written.unreadable if each.written else None,
                each.written.unread if each.written else None,
                each.fault,
            )
            for each in looked
        ),
        empty=phrase("There is no address book with DPIA and consent in force."),
    )
    return Answer(
        ok=not unread,
        title=phrase("Address books read: {read} of {all}.", read=len(looked) - len(unread), all=len(looked)),
        sections=(section,),
        what_next=(phrase("See what would happen with: closeout plan"),)
        if looked
        else (
            phrase("Say where contacts can be with: closeout place import"),
            phrase("Record DPIA and works-council consent with: closeout gate record"),
        ),
        key="looked",
    )


def unplanned(found: tuple[int, int]) -> tuple[Text, ...]:
    """A warning about cases in monitoring without a plan, if there are any. found: in monitoring, without."""
    cases, without = found
    if not without:
        return ()
    return (
        phrase(
            "Warning: of {cases} cases in the monitoring phase {without} have no planned day of contact, "
            "and nothing tells from which day the months of the policy count. Have the case system export "
            "that day or the planned days; or the work supervisor says it on {page}.",
            cases=cases,
            without=without,
            page=page_names.MY_TEAM,
        ),
    )


def rehearsed(context: Context, passed: Pass, role: Role) -> Answer:
    """A dry run, line by line; case numbers and workers for those cleared, opaque ids for others."""
    view = View.PERSON if role in CLEARED_FOR_CASES else View.OPAQUE
    with context.store.read() as connection:
        workers = removal_facts.worker_refs(connection, list({item.worker for item in passed.items}))
        numbers = removal_facts.case_numbers(connection, list({item.case for item in passed.items if item.case}))

    def who(item: PlanItem) -> Row:
        if view is View.OPAQUE:
            return (item.id,)
        case = None if item.case is None else numbers.get(item.case)
        return (item.id, case, workers.get(item.worker), item.place)

    ids = (ITEM,) if view is View.OPAQUE else (ITEM, CASE, WORKER, PLACE)

    def section(key: str, heading: Text, empty: Text, decisions: frozenset[Decision], why: Column) -> Section:
        rows = tuple((*who(item), item.need.reason) for item in passed.items if item.need.decision in decisions)
        return Section(key, heading, columns=(*ids, why), rows=rows, empty=empty)

    reviews = section(
        "reviews",
        phrase("A person decides"),
        phrase("Nothing waits for a person."),
        frozenset({Decision.REVIEW}),
        Column("reason", phrase("Why"), Kind.CODE),
    )
    if passed.goes is not None:
        return _rehearsed_as_one(context, passed, passed.goes, reviews)
    removals = [item for item in passed.items if item.need.decision in REMOVALS]
    held: tuple[Text, ...] = ()
    if passed.held_back is not None:
        held = (
            phrase(
                "This plan is above the limit {limit} of the policy: {planned} among {seen}. A run would write "
                "its orders and wait for approval.",
                limit=passed.held_back.limit,
                planned=phrase("{count} removal", many="{count} removals", count=passed.held_back.planned),
                seen=phrase("{count} contact", many="{count} contacts", count=passed.held_back.seen),
            ),
        )
    return Answer(
        ok=True,
        title=phrase(
            "What a run would do now: {count} removal. Nothing was changed.",
            many="What a run would do now: {count} removals. Nothing was changed.",
            count=len(removals),
        ),
        lines=(
            phrase("Hash of this plan (SHA-256): {digest}", digest=passed.digest),
            phrase("Contacts that may stay: {count}.", count=passed.decided[Decision.KEEP]),
            *held,
            *unplanned(unplanned_monitoring(context)),
        ),
        sections=(
            section("removals", phrase("Removals"), phrase("Nothing to remove."), REMOVALS, WHY),
            section(
                "deferrals", phrase("Postponed"), phrase("Nothing is postponed."), frozenset({Decision.DEFER}), WHY
            ),
            reviews,
        ),
        what_next=(phrase("Carry it out with: closeout run"),) if removals else (),
        key="plan",
    )


def _rehearsed_as_one(context: Context, passed: Pass, goes: int, reviews: Section) -> Answer:
    """A dry run that tells only of what may stay so far or waits for a person."""
    limit: tuple[Text, ...] = ()
    if passed.held_back is not None:
        limit = (
            phrase(
                "That is more than the limit {limit} of the policy allows on one day: a run would write its "
                "orders and wait for approval.",
                limit=passed.held_back.limit,
            ),
        )
    return Answer(
        ok=True,
        title=phrase(
            "Of the contacts that stay so far {count} would have to go by this policy, now or later. Nothing was "
            "changed.",
            count=coarsely(goes),
        ),
        lines=(
            phrase(
                "What has to go already, now or later, is neither listed nor counted here, since a policy that is only "
                "tried must say nothing of what is postponed, and why. See orders with: closeout report removals"
            ),
            phrase("Hash of this plan (SHA-256): {digest}", digest=passed.digest),
            phrase("Contacts that may stay: {count}.", count=coarsely(passed.decided[Decision.KEEP])),
            *limit,
            *unplanned(unplanned_monitoring(context)),
        ),
        sections=(reviews,),
        what_next=(phrase("Carry it out with: closeout run"),) if goes else (),
        key="plan",
    )


def waiting(rows: Sequence[PlanRow]) -> Answer:
    """Plans above a limit."""
    section = Section(
        "plans",
        phrase("Large removals awaiting approval"),
        columns=(
            Column("plan", phrase("Plan")),
            Column("made", phrase("Made"), Kind.INSTANT),
            Column("removals", phrase("Removals"), Kind.COUNT),
            Column("limit", phrase("Limit")),
            Column("digest", phrase("Hash (SHA-256)")),
        ),
        rows=tuple((row.uid, row.made_at, row.removals, row.held_back, row.digest) for row in rows),
        empty=phrase("No large removal awaits approval."),
    )
    return Answer(
        ok=True,
        title=phrase("Large removals: plans above a limit of the policy"),
        sections=(section,),
        what_next=(phrase("Approve one with: closeout release PLAN"),) if rows else (),
        key="plans_waiting",
    )


def released(count: int) -> Answer:
    """After `release`."""
    return Answer(
        ok=True,
        title=phrase("Approved: {count} order.", many="Approved: {count} orders.", count=count),
        what_next=(phrase("Carry it out with: closeout run"),),
        key="released",
    )


def ran(result: Ran, paused: Sequence[PauseRow] = ()) -> Answer:
    """After `run`. paused: where nothing was called."""
    outcomes, cards = result.drained.outcomes, result.drained.cards
    unread = [each for each in result.looked if each.fault is not None]
    accepted = outcomes["removed"] + outcomes["trimmed"] + outcomes["already_gone"]
    lines = [
        phrase("Address books read: {read} of {all}.", read=len(result.looked) - len(unread), all=len(result.looked)),
        phrase(
            "Decided: {remove} to remove, {review} need a decision, {keep} may stay.",
            remove=sum(result.passed.decided[each] for each in REMOVALS),
            review=result.passed.decided[Decision.REVIEW],
            keep=result.passed.decided[Decision.KEEP],
        ),
        phrase("New orders: {orders}. Stopped: {stopped}.", orders=result.passed.orders, stopped=result.passed.stopped),
        phrase(
            (
                "Orders: {count} entry removed, {trimmed} partly removed, {gone} already gone, {changed} "
                "changed meanwhile, {unclear} need a decision, {failed} failed. Contacts postponed: {deferred}."
            ),
            many=(
                "Orders: {count} entries removed, {trimmed} partly removed, {gone} already gone, {changed} "
                "changed meanwhile, {unclear} need a decision, {failed} failed. Contacts postponed: {deferred}."
            ),
            count=cards["removed"],
            trimmed=cards["trimmed"],
            gone=cards["already_gone"],
            changed=cards["changed"],
            unclear=cards["unclear"],
            failed=cards["failed"],
            deferred=outcomes["deferred"],
        ),
        phrase(
            "Contacts by their worst card: {accepted} accepted by the server, {changed} changed meanwhile, "
            "{unclear} need a decision, {failed} failed.",
            accepted=accepted,
            changed=outcomes["changed"],
            unclear=outcomes["unclear"],
            failed=outcomes["failed"],
        ),
    ]
    if result.drained.cards:
        lines.append(
            phrase(
                "Hold, need and lease were checked {milliseconds} ms or less before each call began.",
                milliseconds=ceil(result.drained.gap * 1000),
            )
        )
    if result.passed.held_back is not None:
        lines.append(phrase("The plan is above the limit {limit} and waits.", limit=result.passed.held_back.limit))
    lines += [tell_pauses.sentence_of(row) for row in paused]
    faults = Counter(each.fault for each in unread if each.fault is not None) + Counter(result.drained.faults)
    section = Section(
        "faults",
        phrase("What failed"),
        columns=(
            Column("fault", phrase("What"), Kind.CODE),
            Column("times", phrase("Count"), Kind.COUNT),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple((fault, times, fault) for fault, times in faults.most_common()),
    )
    what_next = []
    if accepted or cards["removed"] or cards["trimmed"]:
        what_next.append(phrase("Accepted is not removed: verify it with: closeout verify"))
    if result.passed.held_back is not None:
        what_next.append(phrase("See and approve it with: closeout release"))
    if paused:
        what_next.append(tell_pauses.RESUME)
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
        phrase("Address books read again in full: {places}.", places=len(result.looked)),
        phrase("New confirmations that a phone synchronised after a removal: {devices}.", devices=result.devices),
    ]
    if returned:
        lines.append(phrase("Still there although the server accepted: {count}. They are tried again.", count=returned))
    return Answer(
        ok=not unread and not returned,
        title=phrase("Verified removed from the address book: {proven}.", proven=proven),
        lines=tuple(lines),
        sections=(section,) if unread else (),
        what_next=(phrase("Write the report with: closeout report removals"),),
        key="verified",
    )


def engine_stopped(rounds: int) -> Answer:
    """After `engine`."""
    return Answer(
        ok=True,
        title=phrase(
            "The background worker stopped after {count} round.",
            many="The background worker stopped after {count} rounds.",
            count=rounds,
        ),
        key="engine_stopped",
    )


def status(context: Context) -> Answer:
    """Orders by state, what waits, what failed: counts only."""
    with context.store.read() as connection:
        counts = orders.counts_by_state(connection)
        held = orders.waiting_plans(connection)
        failed = [row for row in organisation.read_places(connection, context.today()) if row.fault]
        pairs = removal_facts.decisions_count(connection)
        paused = pauses.in_force(connection, context.now())
        waiting = [pauses.count_waiting(connection, row, context.now()) for row in paused]
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
        paragraphs=(phrase("Rounded down to tens."), NOT_COUNTED),
        rows=tuple((each, down_to_tens(pairs[each])) for each in Decision if each in pairs),
        empty=phrase("Nothing was decided yet."),
    )
    steps = []
    if held:
        steps.append(phrase("Large removals await approval: closeout release"))
    if failed:
        steps.append(phrase("Address books could not be read: closeout place list"))
    if counts.get(State.PERSON):
        steps.append(phrase("Orders wait for a person: closeout finding list"))
    if paused:
        steps.append(tell_pauses.RESUME)
    sections = (states, decisions, tell_pauses.in_force(paused, waiting))
    return Answer(
        ok=True,
        title=phrase("State of orders, decisions and pauses"),
        sections=sections,
        what_next=tuple(steps),
        key="status",
    )


def log_checked(result: LogChecked, records: Compared) -> Answer:
    """After `log verify`. Of records it says whether they differ, never which."""
    lines = [
        phrase(
            "Entries: {size}. Signed checkpoints: {checkpoints}. Signed up to entry {anchored}.",
            size=result.size,
            checkpoints=result.checkpoints,
            anchored=result.anchored,
        ),
    ]
    if result.opened:
        lines.append(phrase("Restricted entries that were opened: {count}.", count=result.opened))
    if result.bad:
        lines.append(phrase("Checkpoints in the file that this installation did not sign: {bad}.", bad=result.bad))
    if result.anchored < result.size:
        lines.append(phrase("What came after the last signed checkpoint is not signed yet."))
    if result.put_back:
        lines.append(PUT_BACK)
    if not records.sound:
        lines.append(POLICY_EDITED if records.only_policy else RECORDS_DIFFER)
    if result.removals:
        lines.append(say_removals_differ(len(result.removals)))
    if result.findings:
        lines.append(say_findings_differ(len(result.findings)))
    sound = result.sound and records.sound and not result.recorded_otherwise
    changed = phrase("The log was changed.") if not result.sound else phrase("The log is intact, the records are not.")
    if result.put_back and not result.faults and not result.bad:
        changed = phrase("A backup was restored, and nobody has said yet what was lost.")
    return Answer(
        ok=sound,
        title=phrase("The log is intact.") if sound else changed,
        lines=tuple(lines),
        sections=(
            *((faults_section(result.faults),) if result.faults else ()),
            *((removals_section(result.removals),) if result.removals else ()),
            *((findings_section(result.findings),) if result.findings else ()),
        ),
        key="log_sound" if sound else "log_changed" if not result.sound else "records_differ",
    )


POLICY_EDITED = phrase(
    "The policy file is not what was put in force. Nothing is removed until it is put back, or two people accept it as"
    " it is: closeout log accept-records"
)
RECORDS_DIFFER = phrase(
    "Records were changed by other means than this program. Removals are paused; two people end that with:"
    " closeout log accept-records"
)


def log_shown(shown: LogExcerpt, *, restricted: bool) -> Answer:
    """After `log show`. restricted: with what stands behind restricted entries."""
    columns = (
        Column("entry", phrase("Entry"), Kind.COUNT),
        Column("at", phrase("When"), Kind.INSTANT),
        Column("kind", phrase("Kind")),
        Column("said", phrase("What it says")),
    )
    rows = tuple(
        (each.seq, each.at, each.kind.value, _said(each, shown.bodies) if restricted else _fields_of(each))
        for each in shown.entries
    )
    return Answer(
        ok=True,
        title=phrase("Matching entries: {count}.", count=shown.matching),
        lines=(phrase("The newest {count} are shown.", count=len(rows)),) if len(rows) < shown.matching else (),
        sections=(Section("entries", phrase("Log"), columns=columns, rows=rows, empty=phrase("None.")),),
        key="log_shown",
    )


def _said(entry: LogEntry, bodies: Mapping[int, str | None]) -> str:
    return (bodies[entry.seq] or "-") if entry.seq in bodies else _fields_of(entry)


def _fields_of(entry: LogEntry) -> str:
    if entry.kind is EntryKind.RESTRICTED:
        return ""
    return " ".join(
        f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in sorted(entry.body.items())
    )


_DIFFERENCES: Mapping[DifferenceKind, Text] = {
    DifferenceKind.ROW_CHANGED: phrase("Records changed"),
    DifferenceKind.ROW_MISSING: phrase("Records missing"),
    DifferenceKind.ROW_ADDED: phrase("Records added"),
    DifferenceKind.TABLE_CHANGED: phrase("Records of another form"),
    DifferenceKind.NOTHING_KEPT: phrase("Nothing to hold them against"),
}


def records_said(said: RecordsSaid) -> Answer:
    """After `log accept-records`. What differs is in it for cleared eyes alone."""
    section = Section(
        "records",
        phrase("Records that differ"),
        columns=(
            Column("what", phrase("What")),
            Column("table", phrase("Database table")),
            Column("count", phrase("Records"), Kind.COUNT),
        ),
        rows=tuple(
            (_DIFFERENCES[kind], table, count)
            for table, kinds in said.found.by_table().items()
            for kind, count in kinds.items()
        ),
    )
    sections = (section,) if said.found.found else ()
    if not said.done:
        return Answer(
            ok=True,
            title=phrase("It is said by one person. A second one, in another role, must say it too."),
            sections=sections,
            what_next=(
                phrase("Put right now what was done to the records: what is accepted stays as it is."),
                phrase("Within three days: closeout --as ROLE log accept-records --by ACCOUNT --reason TEXT"),
            ),
            key="records_said",
        )
    return Answer(
        ok=True,
        title=phrase("The records are accepted as they are; removals go on."),
        sections=sections,
        what_next=(phrase("Then: closeout plan"),),
        key="records_accepted",
    )
