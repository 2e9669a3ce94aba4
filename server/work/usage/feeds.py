"""Evidence of use: feeds taken in and withdrawn, declarations kept, outcomes and reports made from them.

Nothing here acts on an outcome. A feed is not even opened before a gate for observing stands open.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

from server.core.log.entries import Body, EntryKind
from server.core.model import CLEARED_FOR_CASES, GateScope, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.reports import channels as channels_report
from server.core.reports.channel_tables import (
    NOT_ATTRIBUTABLE,
    MonthTold,
    UsageKind,
    figures_of,
    lines_of,
    parts_of,
    rule_of,
)
from server.core.reports.channels import ChannelFacts, FeedFacts, say_unplaced, see_blind_spots
from server.core.reports.controls import with_annex
from server.core.reports.document import Report, digest
from server.core.reports.presence_tables import (
    ShownPresence,
    phones_as_parts,
    presence_figures,
    presence_told,
    presence_wholes,
)
from server.core.reports.removals import View
from server.core.reports.vintages import TableTold, ThresholdRule, merge_small, revise
from server.core.text import Period, Text, phrase
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.channels import WITHOUT_KNOWN_REASON, Looked, days_told, ground_of, look
from server.core.usage.counterparties import OfCase
from server.core.usage.evidence_rules import EvidenceRules
from server.core.usage.model import ClientContact
from server.sources.file_period import Days
from server.sources.rows import FileFault, Problem
from server.sources.usage_file import OpenUsage, open_usage, read_usage
from server.sources.usage_mapping import Covers, Replaces, UsageMapping
from server.store import log
from server.store.admin import organisation, spells
from server.store.database import Connection
from server.store.usage import (
    case_days,
    circumstances,
    declarations,
    ingest,
    sums,
    undo,
    vintages,
)
from server.store.usage import (
    months as usage_months,
)
from server.store.usage import (
    subjects as usage_subjects,
)
from server.store.usage.ingest import Change, KeptContact, NewRun, StagedUsage
from server.store.usage.subjects import KindKey
from server.store.usage.sums import RunRow
from server.store.usage.undo import Undone
from server.work.context import Context, collector_paused
from server.work.register import closures
from server.work.usage import consent
from server.work.usage.classify import ContactKey, CounterpartyIndex, Door

_KEPT_FAULTS = 200
_SUMS_AT_ONCE = 120_000
"""Sums held in memory before they are staged."""


# --- feeds ----------------------------------------------------------------------------------------------------------


class UsageOutcome(StrEnum):
    """What became of a file of usage."""

    APPLIED = "applied"
    FAULTY = "faulty"
    """Nothing went in: some rows are wrong. With `partial` the sound ones may."""
    KNOWN = "known"
    """Nothing changed: to the last sum and contact, all that it says is in already."""
    ASKED = "asked"
    """Nothing changed yet: it would take the place of what other files said. With the word that was told it goes in."""


@dataclass(frozen=True, slots=True)
class UsageTaken:
    """What taking in a file of usage came to. dropped: columns that were never read (file, number from 1).

    first, last: of which days it is. passed: lines left out by the mapping's rules. repeated: files given twice.
    change: what it does to what was there. confirm: the word that lets just this change go in.
    """

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
    passed: int = 0
    repeated: tuple[str, ...] = ()
    change: Change | None = None
    confirm: str = ""


def take_in_usage(
    context: Context,
    paths: Sequence[Path],
    mapping: UsageMapping,
    catalogue: Catalogue,
    rules: EvidenceRules,
    *,
    partial: bool = False,
    period: Days | None = None,
    parts: bool = False,
    confirmed: str | None = None,
) -> UsageTaken:
    """Read files of one feed, classify and sum at the door, and put the sums in place of what the files cover.

    partial: take the sound rows of a faulty file; how many were not sound stays with it. period: of which days the
    files are, where they do not say it themselves. parts: together they are one. confirmed: the word that an answer
    ASKED told. Raises EvidenceRefusedError before anything is opened if no gate for observing is open.
    """
    return take_in_feed(
        context,
        lambda: open_usage(paths, mapping, today=context.today(), period=period, parts=parts),
        mapping,
        catalogue,
        rules,
        partial=partial,
        confirmed=confirmed or "",
    )


def take_in_feed(
    context: Context,
    open_feed: Callable[[], OpenUsage],
    mapping: UsageMapping,
    catalogue: Catalogue,
    rules: EvidenceRules,
    *,
    partial: bool = False,
    confirmed: str | None = None,
) -> UsageTaken:
    """The same of a feed that comes from elsewhere. open_feed: opens it; not called before a gate is found open.

    confirmed: None: nobody is asked before it takes the place of what was there.
    """
    consent.keep_to_consent(context, rules)
    with context.store.read() as connection:
        allowed = _allowed(context, connection)
    door = _open_door(context, mapping, catalogue, rules)
    feed = open_feed()
    faults: list[FileFault] = []
    count = passed = 0
    if not feed.faults and feed.speaks_for is None:
        feed = replace(feed, faults=(FileFault(feed.files[0], None, None, Problem.NO_PERIOD),), parts=())
    with ingest.staging(context.store) as staged, collector_paused():
        for batch in read_usage(feed):
            faults += batch.faults[: _KEPT_FAULTS - len(faults)]
            count += batch.fault_count
            passed += batch.passed
            if not count or partial:
                door.take_in(batch.columns)
            if door.size > _SUMS_AT_ONCE:
                _stage(context, door, staged, rules)
            context.progress(int(batch.share * 1000), 1000)
        told = UsageTaken(
            UsageOutcome.FAULTY, mapping.feed, door.tally.rows, tuple(faults), count, dropped=feed.dropped,
            passed=passed, repeated=feed.repeated,
        )  # fmt: skip
        if feed.speaks_for is None or (count and not partial):
            return told
        told = replace(
            told,
            unattributable=door.tally.unattributable,
            unclassified=door.tally.unclassified,
            not_gated=door.tally.not_gated,
            first=feed.speaks_for[0],
            last=feed.speaks_for[1],
        )
        _stage(context, door, staged, rules)
        return _put_in(context, staged, feed, feed.speaks_for, told, rules, confirmed, allowed)


def _allowed(context: Context, connection: Connection) -> tuple[frozenset[int], bool]:
    """Whose usage may be read now, and whether contacts with clients may be kept, as far as anybody says it."""
    gated = usage_subjects.gated_employers(connection, context.today(), GateScope.OBSERVATION.value)
    return gated, not context.tells_evidence or context.evidence().channels.consent is not None


def _put_in(
    context: Context,
    staged: StagedUsage,
    feed: OpenUsage,
    period: Days,
    told: UsageTaken,
    rules: EvidenceRules,
    confirmed: str | None,
    allowed: tuple[frozenset[int], bool],
) -> UsageTaken:
    """What is staged, into the register: unless it is there, takes back too much, or has to be asked about."""
    mapping, now = feed.mapping, context.now()
    run = NewRun(
        uid=uuid.uuid4().hex[:12],
        digest=feed.digest,
        rows=told.rows,
        faults=told.fault_count,
        unattributable=told.unattributable,
        unclassified=told.unclassified,
        not_gated=told.not_gated,
    )
    whole_days = mapping.replaces is Replaces.DAYS
    connection = staged.connection.execution_options(closeout_write=True)
    with connection.begin() as transaction, context.store.counted():
        gated, consented = _allowed(context, connection)
        if not allowed[0] <= gated or allowed[1] > consented:
            # Closed while the file was read: nothing of it goes in, of nobody.
            raise EvidenceRefusedError(EvidenceProblem.CLOSED_MEANWHILE)
        wrong = _wrong_together(connection, feed)
        if wrong is not None:
            return replace(told, outcome=UsageOutcome.FAULTY, faults=(*told.faults, wrong), fault_count=1)
        measures = None if mapping.measures is None else mapping.measures.value
        feed_id = ingest.feed_named(
            connection, mapping.feed, mapping.covers.value, mapping.precedence, measures, mapping.witness_of
        )
        change = ingest.weigh(connection, feed_id, run, whole_days=whole_days, period=period)
        if change.same:
            transaction.rollback()
            return replace(told, outcome=UsageOutcome.KNOWN, change=change)
        word = context.keys.sealer.hash(f"{feed.digest} {change}", "usage.confirm").hex()[:12]
        if confirmed is not None and change.before.sums and not change.own and confirmed != word:
            transaction.rollback()
            return replace(told, outcome=UsageOutcome.ASKED, change=change, confirm=word)
        gone = (0, 0) if change.own else (change.before.days, change.before.sums)
        sealer = context.keys.sealer
        kept = undo.take_up(connection, sealer, feed_id, run.uid, period=period, whole_days=whole_days)
        ingest.apply(
            connection,
            feed_id,
            run,
            mapping.confidence,
            whole_days=whole_days,
            period=period,
            now=now,
            replaced=gone,
        )
        undo.keep(connection, sealer, kept)
        body: Body = {
            "feed": mapping.feed,
            "verb": "taken_in",
            "outcome": UsageOutcome.APPLIED.value,
            "digest": feed.digest,
            "policy": rules.version.replace(" ", "-"),
        }
        log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return replace(told, outcome=UsageOutcome.APPLIED, change=change)


def _wrong_together(connection: Connection, feed: OpenUsage) -> FileFault | None:
    """What is wrong with a file as a whole, beside what else is known."""
    mapping = feed.mapping
    if ingest.below_zero(connection):
        return FileFault(feed.files[0], None, None, Problem.TAKEN_BACK_TOO_MUCH)
    measures = None if mapping.measures is None else mapping.measures.value
    rivals = ingest.rivals(connection, mapping.feed, (measures, mapping.witness_of))
    if rivals:
        return FileFault(feed.files[0], None, None, Problem.OTHER_WITNESS, (("other", ", ".join(rivals)),))
    return None


def _open_door(context: Context, mapping: UsageMapping, catalogue: Catalogue, rules: EvidenceRules) -> Door:
    """What rows are classified by; refuses if nobody's usage may be read."""
    today = context.today()
    scope = GateScope.OBSERVATION.value
    with context.store.write() as connection:
        if not usage_subjects.gated_employers(connection, today, scope):
            log.append(connection, context.now(), [(EntryKind.REFUSED, {"what": "usage", "reason": "gate_closed"})])
            closed = True
        else:
            closed = False
            known = usage_subjects.covers_of(connection, mapping.feed)
            other = known is not None and known != mapping.covers.value
    if closed:
        raise EvidenceRefusedError(EvidenceProblem.GATE_CLOSED)
    if other:
        raise EvidenceRefusedError(EvidenceProblem.OTHER_SUBJECTS)
    with context.store.write() as connection:
        spells.note(connection, today)
        subjects = usage_subjects.subjects(connection, mapping.covers.value, today, scope)
        nobody = usage_subjects.nobody(connection) if usage_subjects.all_gated(connection, today, scope) else None
        columns = mapping.columns
        with_clients = columns.names_numbers or columns.case_number is not None
        ran = case_days.case_spells(connection, supervisors=closures.are_asked(context)) if with_clients else {}
        links = usage_subjects.known_links(connection) if columns.names_numbers else ()
        index = CounterpartyIndex(context.keys.tokeniser, links, ran)
        numbers = usage_subjects.cases_by_number(connection) if columns.case_number is not None else {}
        held = usage_subjects.holders(connection) if mapping.covers is Covers.DEVICE else {}
        window = context.policy.monitoring_window_days
        own = case_days.own_days(connection, window_days=window) if columns.names_numbers else {}
        on_duty = case_days.on_duty(connection)
        kinds = {key: number for number, key in usage_subjects.kinds(connection).items()}

    def kind_of(key: KindKey) -> int:
        if key not in kinds:
            with context.store.write() as connection:
                kinds.update(usage_subjects.kind_ids(connection, [key]))
        return kinds[key]

    return Door(
        mapping=mapping,
        catalogue=catalogue,
        index=index,
        subjects=subjects,
        nobody=nobody,
        cases={number: tuple(OfCase(each, ran.get(each, ())) for each in ids) for number, ids in numbers.items()},
        held=held,
        own=own,
        on_duty=on_duty,
        kind_of=kind_of,
        observe=rules.channels.consent is not None,
    )


def _stage(context: Context, door: Door, staged: StagedUsage, rules: EvidenceRules) -> None:
    staged.add(door.take_sums())
    contacts = door.take_contacts()
    if contacts:
        with context.store.read() as connection:
            found = list(_settle_cases(context, connection, contacts, rules))
        staged.add_contacts(found)


def _settle_cases(
    context: Context,
    connection: Connection,
    contacts: Counter[ContactKey],
    rules: EvidenceRules,
) -> Iterator[KeptContact]:
    """One case for each contact: where a client has several, the one that gives a reason, else one of the worker's."""
    known = declarations.involvements(
        connection,
        {(key.worker, case) for key in contacts if key.worker is not None for case in key.cases},
        window_days=context.policy.monitoring_window_days,
        first_planned_months=rules.first_planned_months,
        supervisors=closures.are_asked(context),
    )
    for key, count in contacts.items():
        day = date.fromordinal(key.day)

        def weight(case: int, key: ContactKey = key, day: date = day) -> tuple[bool, bool, int]:
            involvement = None if key.worker is None else known.get((key.worker, case))
            open_question = ground_of(day, involvement, rules.channels) in WITHOUT_KNOWN_REASON
            return open_question, not (involvement and involvement.assigned), -case

        case = min(key.cases, key=weight)
        yield KeptContact(key.subject, case, key.day, key.channel, key.direction, count)


def withdraw_usage(context: Context, feed: str, *, file: str | None = None, period: Days | None = None) -> int:
    """Take a feed's sums out, or those of one file (its id in the list) or of some days; how many there were."""
    now = context.now()
    with context.store.write() as connection:
        gone = ingest.withdraw(connection, feed, now, file=file, period=period)
        if gone is None:
            raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_FEED)
        undo.forget(connection, feed)
        body: Body = {"feed": feed, "verb": "withdrawn"}
        log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return gone


def undo_usage(context: Context, feed: str) -> Undone:
    """Take the newest file of a feed back and put in again what it replaced.

    Raises EvidenceRefusedError if no gate for observing is open, or nothing of that feed can be taken back.
    """
    now = context.now()
    with context.store.write() as connection:
        gated, consented = _allowed(context, connection)
        if not gated:
            raise EvidenceRefusedError(EvidenceProblem.GATE_CLOSED)
        done = undo.undo(connection, context.keys.sealer, feed, contacts=consented)
        if done is None:
            raise EvidenceRefusedError(EvidenceProblem.NOTHING_TO_UNDO)
        body: Body = {"feed": feed, "verb": "undone"}
        log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return done


def list_usage(context: Context) -> Sequence[RunRow]:
    """Every file that was taken in, newest first."""
    with context.store.read() as connection:
        return sums.read_runs(connection)


# --- the channel report ---------------------------------------------------------------------------------------------

_REPORT = "channels"
_PRESENCE = "presence"


def channel_report(
    context: Context, catalogue: Catalogue, rules: EvidenceRules, role: Role, first: date, last: date
) -> Report:
    """The channel report over whole months, made of nothing but what may be told of each (`core.reports.vintages`)."""
    consent.keep_to_consent(context, rules)
    now, k = context.now(), rules.smallest_group
    period = whole_months(first, last)
    before = _before(period)
    watched = [key for key in catalogue.channels if key in catalogue.watched]
    with context.store.write() as connection:
        vintages.lock(connection)
        spells.note(connection, context.today())
        kinds = usage_subjects.usage_kinds(connection)
        span = range(usage_months.month_of(before.first), usage_months.month_of(period.last) + 1)
        months = [_tell_month(context, connection, catalogue, kinds, month, k) for month in span]
        presence, seen_on = _tell_presence(context, connection, watched, k)
        runs = sums.read_runs(connection)
        name = organisation.read_installation(connection).name
    whole, by_team = lines_of(months, (before, period), list(kinds.values()), catalogue, rules.channels, k)
    feeds = tuple(_feeds(runs, period, k))
    facts = ChannelFacts(
        organisation=name,
        period=period,
        made_at=now,
        policies=(rules.version, f"channels {catalogue.version}"),
        view=View.OPAQUE,
        watched=tuple(_title(catalogue, key) for key in watched),
        lines=tuple(whole),
        team_lines=tuple(by_team),
        presence=tuple((_title(catalogue, each.channel), each) for each in presence),
        seen_on=seen_on,
        blind_spots=see_blind_spots(whole, presence, watched, [each.days for each in feeds]),
        feeds=feeds,
        smallest_group=k,
    )
    made = with_annex(channels_report.build(facts), context.controls())
    with context.store.write() as connection:
        undo.forget(connection)
        body: Body = {"report": _REPORT, "digest": digest(made), "actor_role": role.value}
        log.append(connection, now, [(EntryKind.REPORT_MADE, body)])
    return made


def _tell_month(
    context: Context,
    connection: Connection,
    catalogue: Catalogue,
    kinds: Mapping[int, UsageKind],
    month: int,
    k: int,
) -> MonthTold:
    """What may be told of a month from now on; remembered before anybody sees it. Nothing before it is over: two
    reports would tell of the days between them.
    """
    first, last = usage_months.bounds(month)
    if last >= context.today():
        return MonthTold(first, {}, {}, {}, frozenset(kind.measure for kind in kinds.values()))
    lent = sums.lent_in(connection, month)
    stamp = sums.month_stamp(connection, month, lent)
    stamp = f"{stamp} {k} {catalogue.version}"
    sealer = context.keys.sealer
    known = vintages.read_month(connection, sealer, first)
    if known is not None and known[1] == stamp:
        return known[0]
    sizes = sums.sizes_of(lent)
    told_otherwise: frozenset[date] = frozenset()
    if known is None:
        told_otherwise = declarations.months_released(connection, sealer, _REPORT)
        before = MonthTold(first, merge_small(sizes["account"], k), {}, {})
    else:
        before = known[0]
    groups = before.groups
    parts = parts_of(sums.had(connection, month, lent), kinds, catalogue, before)
    if not parts and known is None:
        return before
    figures, covers = figures_of(catalogue, first), sums.covers_in(connection, month)
    measures, whole_of = dict(before.measures), dict(before.wholes)
    for measure in sorted(parts.keys() | measures.keys()):
        if first in told_otherwise:
            continue
        told = measures.get(measure, TableTold())
        revised = revise(told, parts.get(measure, ()), figures, rule_of(measure, k), {})
        if revised is not told:
            measures[measure] = revised
            whole_of[measure] = _by_group(sizes, covers.get(measure, frozenset()), groups)
    hidden = frozenset(measure for measure in parts if measure not in measures)
    groups = {**{each: each for told in measures.values() for each in _new_groups(told, groups)}, **groups}
    month_told = MonthTold(first, groups, whole_of, measures, hidden)
    vintages.remember_month(connection, sealer, month_told, stamp, context.now())
    return month_told


def _by_group(
    wholes: Mapping[str, Mapping[str, int]], covers: Collection[str], groups: Mapping[str, str]
) -> Mapping[str, int]:
    """How many phones or accounts each group has of what is told of."""
    found: Counter[str] = Counter()
    for sort in covers:
        for team, count in wholes[sort].items():
            found[groups.get(team, team)] += count
    return found


def _new_groups(told: TableTold, groups: Mapping[str, str]) -> Collection[str]:
    """Teams that came after the groups of a month were fixed: each is a group of its own."""
    return {each.group for each in told.cohorts} - set(groups.values()) - {NOT_ATTRIBUTABLE}


def _tell_presence(
    context: Context, connection: Connection, watched: Sequence[str], k: int
) -> tuple[Sequence[ShownPresence], date]:
    """On how many phones apps are, as it may be told: as it stood when at least k phones, or none, had changed."""
    sealer, today = context.keys.sealer, context.today()
    month = usage_months.month_of(today)
    measured = sums.devices_with_apps_measured(connection, month - 11, month)
    parts = phones_as_parts(circumstances.phone_apps(connection, watched), watched, measured)
    known = vintages.read_counts(connection, sealer, _PRESENCE)
    before, on = (TableTold(), today) if known is None else known
    told = revise(before, parts, presence_figures(watched), ThresholdRule(k, zeros=False), presence_wholes(watched))
    if told is not before or {(each.person, each.digest) for each in parts} == told.members():
        on = today
        vintages.remember_counts(connection, sealer, _PRESENCE, told, on, context.now())
    return presence_told(told, watched, len(parts)), on


def whole_months(first: date, last: date) -> Period:
    """Whole months only: daily figures would let one day's difference be worked out."""
    begin, end = usage_months.month_of(first), usage_months.month_of(last)
    if end < begin or end - begin > 23:
        raise EvidenceRefusedError(EvidenceProblem.PERIOD)
    return Period(usage_months.bounds(begin)[0], usage_months.bounds(end)[1])


def _before(period: Period) -> Period:
    """As many months, right before."""
    begin, end = usage_months.month_of(period.first), usage_months.month_of(period.last)
    return Period(usage_months.bounds(begin - (end - begin) - 1)[0], usage_months.bounds(begin - 1)[1])


def _title(catalogue: Catalogue, key: str) -> Text:
    said = catalogue.channels[key].title
    # The name of a product is the same in both languages wherever it matters; the catalogue says it in English.
    return phrase("{value}", value=said.en)


def _feeds(runs: Sequence[RunRow], period: Period, k: int) -> Iterator[FeedFacts]:
    by_feed: dict[str, list[RunRow]] = {}
    for run in runs:
        if not run.withdrawn:
            by_feed.setdefault(run.feed, []).append(run)
    for name, each in sorted(by_feed.items()):
        yield FeedFacts(
            name,
            max(run.at for run in each),
            max((run.last for run in each if run.last is not None), default=None),
            days_told([(run.first, run.last) for run in each if run.first and run.last], period),
            days_told(
                [(run.first, run.last) for run in each if run.replaced_sums and run.first and run.last], period
            ).part,
            say_unplaced(
                sum(run.faults + run.unattributable + run.unclassified + run.not_gated for run in each),
                sum(run.rows + run.faults for run in each),
                k,
            ),
        )


# --- contacts for which no reason is known --------------------------------------------------------------------------


def contact_facts(
    context: Context,
    rules: EvidenceRules,
    *,
    asked_by: str,
    asked_as: Role,
    seconded_by: str,
    seconded_as: Role,
    reason: str,
    first: date,
    last: date,
) -> Looked:
    """Contacts of workers with clients for which the register knows no reason: counts and days, for two people.

    asked_by, seconded_by: two different accounts, each in a role cleared for cases. The look is in the log, restricted.
    Raises EvidenceRefusedError without consented rules, a gate, clearance, or a second person.
    """
    now, today = context.now(), context.today()
    if rules.channels.consent is None:
        raise EvidenceRefusedError(EvidenceProblem.NO_CONSENT)
    if asked_as not in CLEARED_FOR_CASES or seconded_as not in CLEARED_FOR_CASES:
        raise EvidenceRefusedError(EvidenceProblem.NOT_CLEARED)
    if asked_by == seconded_by or not reason.strip():
        raise EvidenceRefusedError(EvidenceProblem.SECOND_PERSON)
    with context.store.write() as connection:
        gated = usage_subjects.gated_employers(connection, today, GateScope.OBSERVATION.value)
        allowed = sums.workers_of(connection, gated)
        if not allowed:
            raise EvidenceRefusedError(EvidenceProblem.GATE_CLOSED)
        said = f"contacts without a known reason, {first} to {last}, asked by {asked_by} as {asked_as.value}, "
        said += f"seconded by {seconded_by} as {seconded_as.value}: {reason}"
        log.append_restricted(connection, now, context.keys.sealer, [said])
        contacts = [each for each in sums.read_contacts(connection, first, last) if each.worker in allowed]
        return _looked(context, connection, rules, contacts)


def has_contact_facts(context: Context, rules: EvidenceRules, worker: int, first: date, last: date) -> bool:
    """Whether such contacts of that worker would be among them: asked of who asks, and told to them alone."""
    with context.store.read() as connection:
        contacts = [each for each in sums.read_contacts(connection, first, last) if each.worker == worker]
        return bool(_looked(context, connection, rules, contacts).facts)


def _looked(
    context: Context, connection: Connection, rules: EvidenceRules, contacts: Sequence[ClientContact]
) -> Looked:
    known = declarations.involvements(
        connection,
        {(each.worker, each.case) for each in contacts},
        window_days=context.policy.monitoring_window_days,
        first_planned_months=rules.first_planned_months,
        supervisors=closures.are_asked(context),
    )
    return look(contacts, known.values(), rules.channels)
