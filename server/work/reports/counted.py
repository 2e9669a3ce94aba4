"""Makes the reports that count: gathers a tally, lets the core build the table, enters the making in the log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from mdm_adapters.port import Fault, Field, FieldKind, Outcome
from server.core.days import AMSTERDAM, end_of, midnight
from server.core.identity.reading import identifiers_in
from server.core.log.entries import Body, EntryKind
from server.core.model import ABOUT_DECLARATIONS, CLEARED_FOR_CASES, Reason, Role, State, Tier
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.removal.plan import item_id
from server.core.reports import changes, council, exceptions, management, quarterly, residual, sample, times
from server.core.reports.controls import with_annex
from server.core.reports.council import CouncilFacts
from server.core.reports.disclosure import Cell, Release, Table, cross_table, protect
from server.core.reports.document import Report, digest
from server.core.reports.exceptions import Deviation
from server.core.reports.removals import View, view_for
from server.core.reports.retention import with_note
from server.core.reports.sample import Sampled
from server.core.reports.tally import Asked, Tally, Version, in_use, steps_of
from server.core.reports.vintages import LEAST_COUNT, LEAST_MARGIN, merge_small
from server.core.text import Period
from server.store import log, pages
from server.store.admin import organisation, spells
from server.store.reports import tallies
from server.store.reports.tallies import DeviationLine, OpenCount
from server.store.usage import declarations as declaration_rows
from server.store.usage import sums as usage
from server.work.admin.retention import removed_until
from server.work.context import Context
from server.work.removal import attestations
from server.work.reports import removal_report
from server.work.usage import declarations, feeds

SAMPLE_SIZE = 25
_SEED = re.compile(r"[a-z0-9-]{1,64}")
_COUNCIL = "council"
LEAD = frozenset({Role.LINE_MANAGER, Role.WORK_SUPERVISOR})
"""They have reports over whole months that are over: over days, two reports would tell of a single one."""


class SeedRefusedError(Exception):
    """A seed is a word of small letters, digits and hyphens, so that it can stand in the log."""


def quarter(context: Context, role: Role, first: date, last: date) -> Report:
    """The quarterly report, over whole months."""
    period = feeds.whole_months(first, last)
    others = _others(context, role, period)
    return log_made(context, role, quarterly.build(tally_of(context, period), View.OPAQUE, others))


def coverage(context: Context, role: Role, first: date, last: date) -> Report:
    """Where was looked, and what may still be there."""
    return log_made(context, role, residual.build(tally_of(context, Period(first, last)), View.OPAQUE))


def time_to_zero(context: Context, role: Role, first: date, last: date) -> Report:
    """How long after a closure contacts were verified removed."""
    return log_made(context, role, times.build(tally_of(context, Period(first, last)), View.OPAQUE))


def paragraph(context: Context, role: Role, first: date, last: date) -> Report:
    """The fixed paragraph for the management report; for who leads people, over whole months that are over.

    Raises EvidenceRefusedError where there is none in the days that were asked for.
    """
    period = _months_over(context, first, last) if role in LEAD else Period(first, last)
    return log_made(context, role, management.build(tally_of(context, period), View.OPAQUE))


def _months_over(context: Context, first: date, last: date) -> Period:
    """Whole months up to the last that is over: two reports over days would tell of a single day."""
    newest = context.today().replace(day=1) - timedelta(days=1)
    if first > newest:
        raise EvidenceRefusedError(EvidenceProblem.PERIOD)
    return feeds.whole_months(first, min(last, newest))


def deviations(context: Context, role: Role, first: date, last: date) -> Report:
    """The deviations that stood in the period; a cleared person's read is in the log, restricted."""
    period = Period(first, last)
    tally = tally_of(context, period)
    with context.store.read() as connection:
        lines = tallies.read_deviations(connection, *_span(period))
    listed = [
        Deviation(each.uid, each.case, each.worker, each.tier, each.decided_by, each.recorded_at, each.until_at,
                  each.ended_at)
        for each in lines
    ]  # fmt: skip
    made = log_made(context, role, exceptions.build(tally, listed, view_for(role)))
    if role in CLEARED_FOR_CASES:
        with context.store.write() as connection:
            said = f"report deviations read by {role.value}"
            log.append_restricted(connection, context.now(), context.keys.sealer, [said])
    return made


def policies(context: Context, role: Role, first: date, last: date) -> Report:
    """Which versions of the policy decided, what the one in force says, which gates there are."""
    with context.store.read() as connection:
        gates = organisation.gates(connection)
    tally = tally_of(context, Period(first, last))
    return log_made(context, role, changes.build(tally, View.OPAQUE, context.policy, gates))


def require_seed(seed: str | None) -> None:
    """Raises SeedRefusedError unless a sample may be drawn with it: it stands in the log."""
    if seed is not None and (_SEED.fullmatch(seed) is None or identifiers_in(Field(FieldKind.TEXT, seed))):
        raise SeedRefusedError


def draw_sample(
    context: Context, role: Role, first: date, last: date, *, size: int = SAMPLE_SIZE, seed: str | None = None
) -> Report:
    """The inspector's sample. seed: the inspector's word; without one, the root of the log, which nobody picks.

    Raises SeedRefusedError.
    """
    require_seed(seed)
    period = Period(first, last)
    tally = tally_of(context, period)
    with context.store.read() as connection:
        seed = log.head(connection).root().hex() if seed is None else seed
        population = tallies.settled_ids(connection, *_span(period))
        rows = tallies.read_sampled(connection, sample.draw(population, size, seed))
    drawn = [
        Sampled(item_id(r.place, r.token), r.reason, r.policy, r.outcome, r.planned_at, r.called_at, r.settled_at,
                r.level, r.recoverable)
        for r in rows
    ]  # fmt: skip
    made = sample.build(tally, View.OPAQUE, drawn, len(population), seed)
    return log_made(context, role, made, seed=seed)


def councils(context: Context, role: Role, first: date, last: date) -> Report:
    """The report for the councils, over whole months; what it shows is remembered and held against what was shown."""
    rules = context.evidence()
    period = _months_over(context, first, last) if role in LEAD else feeds.whole_months(first, last)
    others = _others(context, role, period)
    tally = tally_of(context, period)
    months = _months(period)
    with context.store.write() as connection:
        spells.note(connection, context.today())
        of_month = [
            _members(spells.memberships(connection), first, last - timedelta(days=1))
            for first, last in pairwise(months)
        ]
        everyone = usage.all_workers(connection)
        settled = tallies.settled_by_team(connection, [midnight(day) for day in months], AMSTERDAM)
        released = declaration_rows.read_releases(connection, context.keys.sealer, _COUNCIL)
    reasons = sorted({reason for _, _, reason in settled})
    label = f"{period.first}/{period.last}"
    teams = sorted({team for members in of_month for team in members} | {team for team, _, _ in settled})
    sizes = {team: len(frozenset().union(*(members.get(team, ()) for members in of_month))) for team in teams}
    groups = merge_small(sizes, rules.smallest_group)
    cells: dict[tuple[Hashable, ...], Cell] = {
        (team, months[at].isoformat(), reason.value): Cell(
            settled.get((team, at, reason), 0), members.get(team) or everyone
        )
        for at, members in enumerate(of_month)
        for team in teams
        for reason in reasons
    }
    table = cross_table("removed", cells, {0: groups, 1: {day.isoformat(): label for day in months}})
    counted: dict[tuple[str, ...], int] = {}
    for kind, each in tally.asked.items():
        counted |= {("opened", label, kind.value): each.opened, ("closed", label, kind.value): each.closed}
    for tier, (recorded, standing) in tally.deviations.items():
        counted |= {("recorded", label, tier.value): recorded, ("standing", label, tier.value): standing}
    whole = Table(
        {**table.atoms, **{key: Cell(count, everyone) for key, count in counted.items()}},
        {("removed", None, label, None): frozenset(), **table.figures, **{key: frozenset({key}) for key in counted}},
    )
    safe = protect(
        whole,
        rules.smallest_group,
        [*released, _told_elsewhere(whole)],
        least=max(rules.smallest_group, LEAST_COUNT),
        margin=LEAST_MARGIN,
    )

    def shown(*key: str | None) -> int | None:
        return safe.shown.get(key)

    facts = CouncilFacts(
        removed={None: shown("removed", None, label, None)}
        | {reason: shown("removed", None, label, reason.value) for reason in reasons},
        teams={group or "–": shown("removed", group, label, None) for group in groups.values()} if reasons else {},
        asked={kind: (shown("opened", label, kind.value), shown("closed", label, kind.value)) for kind in tally.asked},
        deviations={
            tier: (shown("recorded", label, tier.value), shown("standing", label, tier.value))
            for tier in tally.deviations
        },
        smallest_group=rules.smallest_group,
    )
    made = council.build(tally, View.OPAQUE, facts, others)
    with context.store.write() as connection:
        declaration_rows.remember_release(connection, context.keys.sealer, _COUNCIL, safe.release, context.now())
    return log_made(context, role, made)


def _members(
    memberships: Mapping[int, Sequence[spells.Membership]], first: date, last: date
) -> Mapping[str, frozenset[int]]:
    """Who was in which team on one of these days, "" being no team."""
    found: dict[str, set[int]] = {}
    for theirs in memberships.values():
        for each in theirs:
            if each.first <= last and (each.last is None or first <= each.last):
                found.setdefault(each.team or "", set()).add(each.worker)
    return {team: frozenset(workers) for team, workers in found.items()}


def _told_elsewhere(table: Table) -> Release:
    """The sums over all kinds that the paragraph for management tells, so that no part follows from the others."""
    sums: dict[Hashable, set[Hashable]] = {}
    for key in table.figures:
        if isinstance(key, tuple) and key[0] in ("opened", "closed", "recorded", "standing"):
            sums.setdefault(("management", *key[:2]), set()).add(key)
    return Release(table.atoms, {key: frozenset(atoms) for key, atoms in sums.items()}, {})


def _others(context: Context, role: Role, period: Period) -> Sequence[Report]:
    """The reports about the same months that a summary takes over; each is in the log by itself too."""
    rules = context.evidence()
    return (
        feeds.channel_report(context, context.catalogue(), rules, role, period.first, period.last),
        declarations.report(context, rules, role, period.first, period.last),
    )


def log_made(context: Context, role: Role, made: Report, **more: str) -> Report:
    """The report with its annex, its making entered in the log."""
    made = with_annex(made, context.controls())
    with context.store.write() as connection:
        made = with_note(made, removed_until(connection))
        body: Body = {"report": made.key, "digest": digest(made), "actor_role": role.value, **more}
        log.append(connection, context.now(), [(EntryKind.REPORT_MADE, body)])
    return made


def tally_of(context: Context, period: Period) -> Tally:
    """All that is counted over these days, and as it stands now."""
    now = context.now()
    since, until = _span(period)
    with context.store.read() as connection:
        removal_report.refuse_before_first_look(connection, period, context.today())
        settled = tallies.count_settled(connection, since, until)
        first = tallies.first_look(connection)
        used_from = context.today() if first is None else first.astimezone(AMSTERDAM).date()
        steps = in_use(steps_of(period), used_from)
        by_step = pages.count_settled(connection, [*map(midnight, steps), until])
        copies, reached = tallies.count_copies(connection, since, until)
        took = pages.removed_in_time(connection, since, until, context.policy.grace_days + 1)
        still_open = tallies.count_open(connection)
        stood = tallies.read_deviations(connection, since, until)
        spans = tallies.policy_spans(connection, since, until)
        asked = {
            kind: Asked(each.opened, each.closed, each.open_now, each.oldest)
            for kind, each in tallies.count_findings(connection, since, until).items()
            if kind not in ABOUT_DECLARATIONS
        }
        standing = tallies.count_standing(connection)
        name = organisation.read_installation(connection).name
        sources = tuple(removal_report.sources(context, connection))
        phones = tuple(removal_report.phones(context, connection))
        stated = attestations.count_stated(context, connection, period)
    by_kind: Counter[tuple[Reason, Outcome | None]] = Counter()
    for each in settled:
        by_kind[each.reason, each.outcome] += each.count
    going = [each for each in still_open if not _needs_a_person(each)]
    stuck: Counter[Fault | Outcome] = Counter()
    for open_count in still_open:
        if _needs_a_person(open_count):
            stuck[open_count.fault or open_count.outcome or Outcome.UNCLEAR] += open_count.count
    return Tally(
        organisation=name,
        period=period,
        made_at=now,
        policies=tuple(sorted({context.policy.version, *(each.policy for each in settled)})),
        sources=sources,
        phones=phones,
        settled=by_kind,
        recoverable=sum(each.count for each in settled if each.recoverable),
        copies=copies,
        reached=reached,
        took=took.classes,
        undated=took.undated,
        standing=standing,
        under_way=sum(each.count for each in going),
        under_way_since=min((each.oldest for each in going), default=None),
        stuck=stuck,
        asked=asked,
        deviations={
            tier: (
                sum(each.tier is tier and each.recorded_at >= since for each in stood),
                sum(each.tier is tier and _stands(each, min(until, now)) for each in stood),
            )
            for tier in Tier
        },
        versions=tuple(Version(each.version, each.first_at, each.last_at, each.orders) for each in spans),
        grace_days=context.policy.grace_days,
        by_step=tuple(zip(steps, by_step, strict=True)),
        used_from=used_from if used_from > period.first else None,
        stated=stated,
    )


def _stands(each: DeviationLine, at: datetime) -> bool:
    """Whether it holds at that moment, whatever became of it since."""
    return each.recorded_at <= at < each.until_at and (each.ended_at is None or each.ended_at > at)


def _needs_a_person(count: OpenCount) -> bool:
    return count.state is State.PERSON or (count.fault is not None and count.fault not in removal_report.PASSING)


def _months(period: Period) -> Sequence[date]:
    """The first day of each month of a period of whole months, and the day after its last."""
    days, day = [], period.first
    while day <= period.last:
        days.append(day)
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return [*days, day]


def _span(period: Period) -> tuple[datetime, datetime]:
    return midnight(period.first), end_of(period.last)
