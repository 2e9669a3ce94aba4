"""Evidence of use: feeds taken in and withdrawn, declarations kept, outcomes and reports made from them.

Nothing here acts on an outcome. A feed is not even opened before a gate for observing stands open.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from server.core.channel_catalogue import Catalogue
from server.core.channels import WITHOUT_KNOWN_REASON, ground_of
from server.core.evidence_rules import EvidenceRules
from server.core.log import Body, EntryKind
from server.core.model import GateScope
from server.core.usage import ClientContact, Confidence
from server.sources.rows import FileFault
from server.sources.usage_file import open_usage, read_usage
from server.sources.usage_mapping import Covers, Replaces, UsageMapping
from server.store import declarations, log, usage
from server.store.database import Connection
from server.store.usage import KindKey, NewRun, RunRow, StagedUsage
from server.work.context import Context
from server.work.door import ContactKey, CounterpartyIndex, Door, last_day

_KEPT_FAULTS = 200
_SUMS_AT_ONCE = 300_000
"""Sums held in memory before they are staged."""


class EvidenceProblem(StrEnum):
    """Why something about evidence cannot be done."""

    GATE_CLOSED = "gate_closed"
    """No gate for observing is open: nothing of a feed was opened."""
    OTHER_SUBJECTS = "other_subjects"
    """The feed is known and covers devices where this mapping says accounts, or the other way round."""
    UNKNOWN_FEED = "unknown_feed"
    UNKNOWN_DEVICE = "unknown_device"
    NOT_THE_HOLDER = "not_the_holder"
    UNKNOWN_TEXT = "unknown_text"
    TEXT_CHANGED = "text_changed"
    IN_FUTURE = "in_future"
    SCAN_NEEDED = "scan_needed"
    UNKNOWN_DECLARATION = "unknown_declaration"
    BAD_LIST = "bad_list"
    NOT_CLEARED = "not_cleared"
    SECOND_PERSON = "second_person"
    NO_CONSENT = "no_consent"
    PERIOD = "period"


class EvidenceRefusedError(Exception):
    """What was asked cannot be done; `problem` names why, `line` where in a list (the header being 1)."""

    def __init__(self, problem: EvidenceProblem, *, line: int | None = None) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.line = line


# --- feeds ----------------------------------------------------------------------------------------------------------


class UsageOutcome(StrEnum):
    """What became of a file of usage."""

    APPLIED = "applied"
    FAULTY = "faulty"
    """Nothing went in: some rows are wrong. With `partial` the sound ones may."""
    KNOWN = "known"
    """Nothing changed: this very file is in already."""


@dataclass(frozen=True, slots=True)
class UsageTaken:
    """What taking in a file of usage came to. dropped: columns that were never read (file, number from 1)."""

    outcome: UsageOutcome
    feed: str
    rows: int = 0
    faults: tuple[FileFault, ...] = ()
    fault_count: int = 0
    unattributable: int = 0
    unclassified: int = 0
    not_gated: int = 0
    dropped: tuple[tuple[str, int], ...] = ()
    first: date | None = None
    last: date | None = None


def take_in_usage(
    context: Context,
    paths: Sequence[Path],
    mapping: UsageMapping,
    catalogue: Catalogue,
    rules: EvidenceRules,
    *,
    partial: bool = False,
) -> UsageTaken:
    """Read files of one feed, classify and sum at the door, and put the sums in place of what the files cover.

    partial: take the sound rows of a faulty file; how many were not sound stays with it. Raises EvidenceRefusedError
    before anything is opened if no gate for observing is open.
    """
    door = _open_door(context, mapping, catalogue, rules)
    feed = open_usage(paths, mapping, today=context.today())
    with context.store.read() as connection:
        if not feed.faults and usage.knows_digest(connection, mapping.feed, feed.digest):
            return UsageTaken(UsageOutcome.KNOWN, mapping.feed, dropped=feed.dropped)
    faults: list[FileFault] = []
    count = 0
    with usage.staging(context.store) as staged:
        for batch in read_usage(feed):
            faults += batch.faults[: _KEPT_FAULTS - len(faults)]
            count += batch.fault_count
            if not count or partial:
                door.take_in(batch.rows)
            if door.size > _SUMS_AT_ONCE:
                _stage(context, door, staged, rules)
            context.progress(int(batch.share * 1000), 1000)
        tally = door.tally
        if count and not partial:
            return UsageTaken(UsageOutcome.FAULTY, mapping.feed, tally.rows, tuple(faults), count, dropped=feed.dropped)
        _stage(context, door, staged, rules)
        now = context.now()
        run = NewRun(
            uid=uuid.uuid4().hex[:12],
            digest=feed.digest,
            rows=tally.rows,
            faults=count,
            unattributable=tally.unattributable,
            unclassified=tally.unclassified,
            not_gated=tally.not_gated,
        )
        connection = staged.connection.execution_options(closeout_write=True)
        with connection.begin():
            feed_id = usage.feed_named(connection, mapping.feed, mapping.covers.value, mapping.precedence)
            whole_days = mapping.replaces is Replaces.DAYS
            first, last = usage.apply(connection, feed_id, run, mapping.confidence, whole_days=whole_days, now=now)
            body: Body = {
                "feed": mapping.feed,
                "verb": "taken_in",
                "outcome": UsageOutcome.APPLIED.value,
                "count": tally.rows,
                "unknown": tally.unattributable + tally.unclassified,
                "digest": feed.digest,
                "policy": rules.version.replace(" ", "-"),
            }
            log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return UsageTaken(
        UsageOutcome.APPLIED,
        mapping.feed,
        tally.rows,
        tuple(faults),
        count,
        tally.unattributable,
        tally.unclassified,
        tally.not_gated,
        feed.dropped,
        first,
        last,
    )


def _open_door(context: Context, mapping: UsageMapping, catalogue: Catalogue, rules: EvidenceRules) -> Door:
    """What rows are classified by; refuses if nobody's usage may be read."""
    today = context.today()
    scope = GateScope.OBSERVATION.value
    with context.store.write() as connection:
        if not usage.gated_employers(connection, today, scope):
            log.append(connection, context.now(), [(EntryKind.REFUSED, {"what": "usage", "reason": "gate_closed"})])
            closed = True
        else:
            closed = False
            known = usage.covers_of(connection, mapping.feed)
            other = known is not None and known != mapping.covers.value
    if closed:
        raise EvidenceRefusedError(EvidenceProblem.GATE_CLOSED)
    if other:
        raise EvidenceRefusedError(EvidenceProblem.OTHER_SUBJECTS)
    with context.store.write() as connection:
        declarations.note_holdings(connection, today)
        subjects = usage.subjects(connection, mapping.covers.value, today, scope)
        nobody = usage.nobody(connection) if usage.all_gated(connection, today, scope) else None
        index = CounterpartyIndex(
            context.keys.tokeniser, usage.known_links(connection) if mapping.columns.number is not None else ()
        )
        ends = usage.case_ends(connection) if mapping.columns.case_number is not None else {}
        holders = usage.holders(connection) if mapping.covers is Covers.DEVICE else ()
        kinds = {key: number for number, key in usage.kinds(connection).items()}

    def kind_of(key: KindKey) -> int:
        if key not in kinds:
            with context.store.write() as connection:
                kinds.update(usage.kind_ids(connection, [key]))
        return kinds[key]

    return Door(
        mapping=mapping,
        catalogue=catalogue,
        index=index,
        subjects=subjects,
        nobody=nobody,
        cases={number: tuple((case, last_day(at)) for case, at in each) for number, each in ends.items()},
        holders=holders,
        kind_of=kind_of,
        observe=rules.channels.consent is not None,
    )


def _stage(context: Context, door: Door, staged: StagedUsage, rules: EvidenceRules) -> None:
    staged.add(door.take_sums())
    contacts = door.take_contacts()
    if contacts:
        with context.store.read() as connection:
            found = list(_settle_cases(context, connection, contacts, rules, door.mapping.confidence))
        staged.add_contacts(found)


def _settle_cases(
    context: Context,
    connection: Connection,
    contacts: Counter[ContactKey],
    rules: EvidenceRules,
    confidence: Confidence,
) -> Iterator[ClientContact]:
    """One case for each contact: where a client has several, the one that gives a reason, else one of the worker's."""
    known = declarations.involvements(
        connection,
        {(key.worker, case) for key in contacts for case in key.cases},
        window_days=context.policy.monitoring_window_days,
        first_planned_months=rules.first_planned_months,
    )
    for key, count in contacts.items():
        day = date.fromordinal(key.day)

        def weight(case: int, key: ContactKey = key, day: date = day) -> tuple[bool, bool, int]:
            involvement = known.get((key.worker, case))
            open_question = ground_of(day, involvement, rules.channels) in WITHOUT_KNOWN_REASON
            return open_question, not (involvement and involvement.assigned), -case

        case = min(key.cases, key=weight)
        yield ClientContact(key.worker, case, day, key.direction, confidence, key.channel or None, count)


def withdraw_usage(context: Context, feed: str) -> int:
    """Take a feed's sums out; how many there were."""
    now = context.now()
    with context.store.write() as connection:
        gone = usage.withdraw(connection, feed, now)
        if gone is None:
            raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_FEED)
        body: Body = {"feed": feed, "verb": "withdrawn", "count": gone}
        log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return gone


def list_usage(context: Context) -> Sequence[RunRow]:
    """Every file that was taken in, newest first."""
    with context.store.read() as connection:
        return usage.read_runs(connection)
