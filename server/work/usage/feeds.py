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
from itertools import product
from pathlib import Path

from server.core.log.entries import Body, EntryKind
from server.core.model import CLEARED_FOR_CASES, GateScope, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.reports import channels as channels_report
from server.core.reports.channels import GRADED, SHARED, ChannelFacts, ChannelLine, FeedFacts
from server.core.reports.controls import with_annex
from server.core.reports.disclosure import Atom, Cell, Key, Protected, Release, Table, protect
from server.core.reports.document import Report, digest
from server.core.reports.removals import View
from server.core.text import Period, Text, phrase
from server.core.usage.channel_catalogue import Catalogue, Grade
from server.core.usage.channels import (
    WITHOUT_KNOWN_REASON,
    ChannelFigure,
    ChannelRules,
    Looked,
    Trend,
    blind_spots,
    compare_channels,
    count_presence,
    days_told,
    ground_of,
    look,
    place,
    possible_grades,
    trend,
)
from server.core.usage.counterparties import OfCase
from server.core.usage.evidence_rules import EvidenceRules
from server.sources.file_period import Days
from server.sources.rows import FileFault, Problem
from server.sources.usage_file import OpenUsage, open_usage, read_usage
from server.sources.usage_mapping import Covers, Replaces, UsageMapping
from server.store import log
from server.store.admin import organisation, spells
from server.store.database import Connection
from server.store.usage import case_days, circumstances, declarations, sums, undo
from server.store.usage.sums import Change, KeptContact, KindKey, NewRun, RunRow, StagedUsage
from server.store.usage.undo import Undone
from server.work.context import Context, collector_paused
from server.work.register import closures
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
    with context.store.read() as connection:
        allowed = _allowed(context, connection)
    door = _open_door(context, mapping, catalogue, rules)
    feed = open_feed()
    faults: list[FileFault] = []
    count = passed = 0
    if not feed.faults and feed.speaks_for is None:
        feed = replace(feed, faults=(FileFault(feed.files[0], None, None, Problem.NO_PERIOD),), parts=())
    with sums.staging(context.store) as staged, collector_paused():
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
    gated = sums.gated_employers(connection, context.today(), GateScope.OBSERVATION.value)
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
        feed_id = sums.feed_named(
            connection, mapping.feed, mapping.covers.value, mapping.precedence, measures, mapping.witness_of
        )
        change = sums.weigh(connection, feed_id, run, whole_days=whole_days, period=period)
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
        sums.apply(
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
            "count": told.rows,
            "unknown": told.unattributable + told.unclassified,
            "digest": feed.digest,
            "policy": rules.version.replace(" ", "-"),
        }
        log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return replace(told, outcome=UsageOutcome.APPLIED, change=change)


def _wrong_together(connection: Connection, feed: OpenUsage) -> FileFault | None:
    """What is wrong with a file as a whole, beside what else is known."""
    mapping = feed.mapping
    if sums.below_zero(connection):
        return FileFault(feed.files[0], None, None, Problem.TAKEN_BACK_TOO_MUCH)
    measures = None if mapping.measures is None else mapping.measures.value
    rivals = sums.rivals(connection, mapping.feed, (measures, mapping.witness_of))
    if rivals:
        return FileFault(feed.files[0], None, None, Problem.OTHER_WITNESS, (("other", ", ".join(rivals)),))
    return None


def _open_door(context: Context, mapping: UsageMapping, catalogue: Catalogue, rules: EvidenceRules) -> Door:
    """What rows are classified by; refuses if nobody's usage may be read."""
    today = context.today()
    scope = GateScope.OBSERVATION.value
    with context.store.write() as connection:
        if not sums.gated_employers(connection, today, scope):
            log.append(connection, context.now(), [(EntryKind.REFUSED, {"what": "usage", "reason": "gate_closed"})])
            closed = True
        else:
            closed = False
            known = sums.covers_of(connection, mapping.feed)
            other = known is not None and known != mapping.covers.value
    if closed:
        raise EvidenceRefusedError(EvidenceProblem.GATE_CLOSED)
    if other:
        raise EvidenceRefusedError(EvidenceProblem.OTHER_SUBJECTS)
    with context.store.write() as connection:
        spells.note(connection, today)
        subjects = sums.subjects(connection, mapping.covers.value, today, scope)
        nobody = sums.nobody(connection) if sums.all_gated(connection, today, scope) else None
        columns = mapping.columns
        with_clients = columns.names_numbers or columns.case_number is not None
        ran = case_days.case_spells(connection, supervisors=closures.are_asked(context)) if with_clients else {}
        links = sums.known_links(connection) if columns.names_numbers else ()
        index = CounterpartyIndex(context.keys.tokeniser, links, ran)
        numbers = sums.cases_by_number(connection) if columns.case_number is not None else {}
        held = sums.holders(connection) if mapping.covers is Covers.DEVICE else {}
        window = context.policy.monitoring_window_days
        own = case_days.own_days(connection, window_days=window) if columns.names_numbers else {}
        on_duty = case_days.on_duty(connection)
        kinds = {key: number for number, key in sums.kinds(connection).items()}

    def kind_of(key: KindKey) -> int:
        if key not in kinds:
            with context.store.write() as connection:
                kinds.update(sums.kind_ids(connection, [key]))
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
        gone = sums.withdraw(connection, feed, now, file=file, period=period)
        if gone is None:
            raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_FEED)
        undo.forget(connection, feed)
        body: Body = {"feed": feed, "verb": "withdrawn", "count": gone}
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
        body: Body = {"feed": feed, "verb": "undone", "count": done.gone}
        log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return done


def list_usage(context: Context) -> Sequence[RunRow]:
    """Every file that was taken in, newest first."""
    with context.store.read() as connection:
        return sums.read_runs(connection)


# --- the channel report ---------------------------------------------------------------------------------------------

_REPORT = "channels"
_PARTS = ("watched", *GRADED, "unattributed")
"""What is shown of a figure, each alone. Its atoms are finer: a grade, through watched channels or others."""
_ALL = "*"


def channel_report(
    context: Context, catalogue: Catalogue, rules: EvidenceRules, role: Role, first: date, last: date
) -> Report:
    """The channel report over whole months; what it shows is remembered, and held against what was shown before."""
    now = context.now()
    period = whole_months(first, last)
    before = _before(period)
    with context.store.write() as connection:
        spells.note(connection, context.today())
    with context.store.read() as connection:
        span = sums.month_of(before.first), sums.month_of(period.last)
        months = [Period(*sums.bounds(month)) for month in range(span[0], span[1] + 1)]
        numbers = {name: n for n, name in enumerate(sums.teams(connection, before.first, period.last), start=1)}
        people = {
            (month.first, numbers[name]): members
            for month in months
            for name, members in sums.teams(connection, month.first, month.last).items()
        }
        totals = sums.channel_totals(connection, *span, numbers)
        periods = (before, period)
        reach = sums.reaches(connection, periods, numbers, by_team=False)
        team_reach = sums.reaches(connection, periods, numbers, by_team=True)
        runs = sums.read_runs(connection)
        watched = [key for key in catalogue.channels if key in catalogue.watched]
        inventory = circumstances.phone_apps(connection, watched)
        measured = sums.devices_with_apps_measured(connection, sums.month_of(period.first), span[1])
        organisation_row = organisation.read_installation(connection)
        everyone = sums.all_workers(connection)
        released = declarations.read_releases(connection, context.keys.sealer, _REPORT)
    channels = rules.channels
    whole = compare_channels(totals, periods, reach, catalogue, channels, by_team=False)
    by_team = compare_channels(totals, periods, team_reach, catalogue, channels, by_team=True)
    atoms = compare_channels(totals, months, (), catalogue, channels, by_team=True)
    table = _table(atoms, (*whole, *by_team), people, everyone, by_team, catalogue, rules.smallest_group)
    safe = protect(table, rules.smallest_group, [_refined(each, table.atoms) for each in released])
    names = {number: name for name, number in numbers.items()}
    presence = count_presence(inventory, watched, measured)
    feeds = tuple(_feeds(runs, period))
    facts = ChannelFacts(
        organisation=organisation_row.name,
        period=period,
        made_at=now,
        policies=(rules.version, f"channels {catalogue.version}"),
        view=View.OPAQUE,
        watched=tuple(_title(catalogue, key) for key in catalogue.channels if key in catalogue.watched),
        lines=tuple(_lines(whole, period, before, safe, channels, {}, overall=True)),
        team_lines=tuple(_lines(by_team, period, before, safe, channels, names, overall=False)),
        presence=tuple((_title(catalogue, each.channel), each) for each in presence),
        blind_spots=blind_spots(
            [each for each in whole if each.period == period], presence, catalogue, [each.days for each in feeds]
        ),
        feeds=feeds,
        smallest_group=rules.smallest_group,
    )
    made = with_annex(channels_report.build(facts), context.controls())
    with context.store.write() as connection:
        declarations.remember_release(connection, context.keys.sealer, _REPORT, safe.release, now)
        undo.forget(connection)
        body: Body = {"report": _REPORT, "digest": digest(made), "actor_role": role.value}
        log.append(connection, now, [(EntryKind.REPORT_MADE, body)])
    return made


def whole_months(first: date, last: date) -> Period:
    """Whole months only: daily figures would let one day's difference be worked out."""
    begin, end = sums.month_of(first), sums.month_of(last)
    if end < begin or end - begin > 23:
        raise EvidenceRefusedError(EvidenceProblem.PERIOD)
    return Period(sums.bounds(begin)[0], sums.bounds(end)[1])


def _before(period: Period) -> Period:
    """As many months, right before."""
    begin, end = sums.month_of(period.first), sums.month_of(period.last)
    return Period(sums.bounds(begin - (end - begin) - 1)[0], sums.bounds(begin - 1)[1])


def _part_key(figure: ChannelFigure, team: str, part: str) -> tuple[str, ...]:
    return (
        figure.quantity.value,
        figure.confidence.value,
        figure.period.first.isoformat(),
        figure.period.last.isoformat(),
        team,
        figure.counterparty.value,
        part,
    )


def _atoms_of(figure: ChannelFigure) -> Iterator[tuple[str, int, frozenset[str], Grade | None]]:
    """What one month of one team with one counterparty falls apart into.

    (its name, how much, the shown parts it belongs to, its grade; None: it is of no known channel.)
    """
    watched = dict(figure.watched_by)
    for grade in Grade:
        through = watched.get(grade, 0)
        others = getattr(figure, grade.value) - through
        if grade is Grade.UNRATED:
            others -= figure.unattributed
        yield f"watched_{grade.value}", through, frozenset({"watched", grade.value}), grade
        yield f"other_{grade.value}", others, frozenset({grade.value}), grade
    yield "unattributed", figure.unattributed, frozenset({"unattributed", Grade.UNRATED.value}), None


def _table(
    atoms: Sequence[ChannelFigure],
    figures: Sequence[ChannelFigure],
    people: Mapping[tuple[date, int], frozenset[int]],
    everyone: frozenset[int],
    by_team: Collection[ChannelFigure],
    catalogue: Catalogue,
    smallest_group: int,
) -> Table:
    """Atoms are months, teams, counterparties and the finest parts; a figure is the sum of those that it spans.

    A figure is about all members of its team, also those who used nothing; of no known team it may be about anybody.
    What nobody at all used, or no channel can be, is zero in each of its cells and told as such: it is no unknown.
    """
    used = {
        (atom.quantity, atom.confidence, atom.counterparty, name)
        for atom in atoms
        for name, amount, _, _ in _atoms_of(atom)
        if amount or len(everyone) < smallest_group
    }
    cells: dict[Atom, Cell] = {}
    spans: dict[tuple[str, str, str, str, str], list[tuple[Period, Atom]]] = {}
    for atom in atoms:
        who = everyone if atom.team is None else people.get((atom.period.first, atom.team), frozenset())
        team = str(atom.team or 0)
        watched, others = possible_grades(catalogue, atom.counterparty, atom.period.first)
        for name, amount, parts, grade in _atoms_of(atom):
            possible = grade is None or grade in (watched if name.startswith("watched") else others)
            if not amount and not (possible and (atom.quantity, atom.confidence, atom.counterparty, name) in used):
                continue
            key = _part_key(atom, team, name)
            cells[key] = Cell(amount, who)
            for whose, part in product((team, _ALL), parts):
                of = (atom.quantity.value, atom.confidence.value, whose, atom.counterparty.value, part)
                spans.setdefault(of, []).append((atom.period, key))
    own = {id(figure) for figure in by_team}
    found: dict[Key, frozenset[Atom]] = {}
    for figure in figures:
        team = str(figure.team or 0) if id(figure) in own else _ALL
        for part in _PARTS:
            of = (figure.quantity.value, figure.confidence.value, team, figure.counterparty.value, part)
            found[_part_key(figure, team, part)] = frozenset(
                key
                for period, key in spans.get(of, ())
                if figure.period.first <= period.first and period.last <= figure.period.last
            )
    return Table(cells, found)


_COARSER: Mapping[str, frozenset[str]] = {
    "watched": frozenset(f"watched_{grade}" for grade in Grade),
    "approved": frozenset({f"other_{Grade.APPROVED}"}),
    "other": frozenset(f"other_{grade}" for grade in Grade if grade is not Grade.APPROVED),
}
"""The atoms of reports made before contact was divided by how safe it was, as those of today."""


def _refined(release: Release, cells: Mapping[Atom, Cell]) -> Release:
    """What a report of before showed, as sums of today's atoms, so that the two together give nothing away.

    An atom of which the sum is another by now was of other facts, and stays an unknown of its own.
    """
    finer: dict[Atom, frozenset[Atom]] = {}
    for atom, cell in release.atoms.items():
        if isinstance(atom, tuple) and atom[-1] in _COARSER:
            found = frozenset(key for name in _COARSER[atom[-1]] if (key := (*atom[:-1], name)) in cells)
            if sum(cells[key].amount for key in found) == cell.amount:
                finer[atom] = found
    if not finer:
        return release

    def fine(atoms: frozenset[Atom]) -> frozenset[Atom]:
        return frozenset(each for atom in atoms for each in finer.get(atom, frozenset({atom})))

    kept = {atom: cell for atom, cell in release.atoms.items() if atom not in finer}
    return Release(
        {**kept, **{atom: Cell(cells[atom].amount, release.atoms[old].people) for old in finer for atom in finer[old]}},
        {key: fine(atoms) for key, atoms in release.shown.items()},
        {key: fine(atoms) for key, atoms in release.withheld.items()},
    )


def _lines(
    figures: Sequence[ChannelFigure],
    period: Period,
    before: Period,
    safe: Protected,
    rules: ChannelRules,
    names: Mapping[int, str],
    *,
    overall: bool,
) -> Iterator[ChannelLine]:
    def shown_of(figure: ChannelFigure) -> frozenset[str]:
        team = _ALL if overall else str(figure.team or 0)
        return frozenset(part for part in _PARTS if _part_key(figure, team, part) not in safe.withheld)

    earlier = {
        (each.team, each.counterparty, each.quantity, each.confidence): each
        for each in figures
        if each.period == before
    }
    for figure in figures:
        if figure.period != period:
            continue
        old = earlier.get((figure.team, figure.counterparty, figure.quantity, figure.confidence))
        told = old is not None and shown_of(old) >= SHARED
        moved = Trend.NOT_COMPARABLE if old is None or not told else trend(old, figure, rules)
        yield ChannelLine(figure, names.get(figure.team or 0), shown_of(figure), moved, place(figure, rules))


def _title(catalogue: Catalogue, key: str) -> Text:
    said = catalogue.channels[key].title
    # The name of a product is the same in both languages wherever it matters; the catalogue says it in English.
    return phrase("{value}", value=said.en)


def _feeds(runs: Sequence[RunRow], period: Period) -> Iterator[FeedFacts]:
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
            sum(run.rows for run in each),
            sum(run.faults for run in each),
            sum(run.unattributable for run in each),
            sum(run.unclassified for run in each),
            sum(run.not_gated for run in each),
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
        allowed = sums.workers_of(connection, sums.gated_employers(connection, today, GateScope.OBSERVATION.value))
        if not allowed:
            raise EvidenceRefusedError(EvidenceProblem.GATE_CLOSED)
        said = f"contacts without a known reason, {first} to {last}, asked by {asked_by} as {asked_as.value}, "
        said += f"seconded by {seconded_by} as {seconded_as.value}: {reason}"
        log.append_restricted(connection, now, context.keys.sealer, [said])
        contacts = [each for each in sums.read_contacts(connection, first, last) if each.worker in allowed]
        known = declarations.involvements(
            connection,
            {(each.worker, each.case) for each in contacts},
            window_days=context.policy.monitoring_window_days,
            first_planned_months=rules.first_planned_months,
            supervisors=closures.are_asked(context),
        )
    return look(contacts, known.values(), rules.channels)
