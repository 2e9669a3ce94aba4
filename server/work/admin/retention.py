"""Destroys what closeout itself keeps and the policy keeps no longer; says what goes when.

The ordinary rows go on their day, whether or not there is a hold; what has to last is copied first, sealed
(`store.admin.custody`). What a decision needs stays, however old. Bounded batches, so that nobody waits for it; a run
that was broken off is gone on with by the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from server.core.log.entries import Body, EntryKind
from server.core.model import CLEARED_FOR_HOLDS, Role
from server.core.policy.model import Policy
from server.core.policy.retention import apart
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.reports.retention import TermLine
from server.store import log
from server.store.admin import custody, retention
from server.store.admin.custody import HoldScope, KeptRow
from server.store.admin.retention import Destroyed, RowsOver
from server.store.database import Connection
from server.store.seal import SealBrokenError
from server.work.admin import table_checks
from server.work.context import Context

MAY_SEE = frozenset(
    {
        Role.IT_ADMINISTRATOR,
        Role.PRIVACY_OFFICER,
        Role.DATA_PROTECTION_OFFICER,
        Role.INDEPENDENT_OFFICER,
        Role.INVESTIGATOR,
        Role.AUDITOR,
    }
)
MAY_RUN = frozenset({Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER})
BATCH, LEAST_IN_BATCH, MOST_IN_BATCH = 100, 50, 1600
"""Rows in one transaction: the first ones; on a machine that is slow, or quick."""
_SHORT, _LONG = 0.03, 0.08
"""Seconds: what took less grows, what took more shrinks, that a pass waits no longer than 100 ms for a batch and that
no time goes into committing many (`tests/benchmarks/bench_retention.py`).
"""
EVERY = timedelta(days=1)
LEAP = timedelta(days=31)
"""An engine by itself goes on by so much at the most since the newest run: a clock that is ahead, a period that became
shorter, and the first run of all are a person's to let go."""
_REST = 0.005
"""Seconds between two batches, in which others write."""


@dataclass(frozen=True, slots=True)
class RetentionRan:
    """What a run destroyed: rows by the name of their period. clean: the database's files gave them up, too.

    waits: periods of which something is over that a person has to let go first, by name.
    """

    destroyed: Mapping[str, int]
    clean: bool = True
    waits: tuple[str, ...] = ()


def plan(context: Context, role: Role, *, counted: bool) -> Sequence[TermLine]:
    """What goes when by the policy in force; raises DecisionRefusedError. counted: and how many rows go now."""
    if role not in MAY_SEE:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    found = _over(context, context.policy)
    with context.store.read() as connection:
        done = retention.progress(connection)
        return [
            _line_of(each, done.get(each.term.name), retention.count(connection, each) if counted else None)
            for each in found
        ]


def _line_of(over: RowsOver, done: Destroyed | None, going: int | None) -> TermLine:
    removed, ended_at = (0, None) if done is None else (done.total, done.ended_at)
    return TermLine(over.term, over.until, going, removed, ended_at, _waits(over, done))


def removed_until(connection: Connection) -> Mapping[str, date]:
    """Up to and with which day rows were destroyed, by the name of their period; only where any ever were."""
    return {name: each.until for name, each in retention.progress(connection).items() if each.total}


def run_by_itself(context: Context) -> str | None:
    """A run as an engine makes it each day; what it says of it, None: nothing."""
    if not table_checks.may_act(context):
        return None  # the engine says why; and whether there is a hold nobody knows
    try:
        ran = run(context)
    except SealBrokenError:
        return "no record is removed: copies of what has to last do not open"
    if ran.waits:
        return f"records whose period is over wait for a person: {', '.join(ran.waits)}; see: closeout retention plan"
    return f"records removed: {sum(ran.destroyed.values())}" if ran.destroyed else None


def run_as(context: Context, role: Role) -> RetentionRan:
    """The same as `run`, set off by a person; raises DecisionRefusedError."""
    if role not in MAY_RUN:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    return run(context, by=role)


def run(context: Context, *, by: Role | None = None) -> RetentionRan:
    """Destroy what is over by the policy in force; what one run did is in the log, by period, in counts.

    by: the role of who set it off; None: an engine.
    """
    with context.store.read() as connection:
        before = retention.progress(connection)
        over = _over(context, context.policy)
        waits = [each for each in over if by is None and _waits(each, before.get(each.term.name))]
        over = [each for each in over if each not in waits]
        found = [each for each in over if _is_broken_off(each, before) or retention.any_over(connection, each)]
        waits = [each for each in waits if retention.any_over(connection, each)]
    held = _copy(context, found)
    _begin(context, over, found, by)
    for each in found:
        size, began = BATCH, context.since_boot()
        while (rows := _batch(context, each, held, size)) != 0:
            if rows is None:
                # A hold was set or ended meanwhile: what it covers is copied before anything more goes.
                held = _copy(context, found)
            size = next_size(size, context.since_boot() - began)
            context.rest(_REST)
            began = context.since_boot()
    destroyed = _end(context, by)
    clean = not destroyed or retention.leave_nothing(context.store, {each.term.kind for each in found})
    return RetentionRan(destroyed, clean, tuple(each.term.name for each in waits))


def list_copies(context: Context, role: Role) -> Sequence[KeptRow]:
    """Copies of rows that were destroyed under a hold in force; for those cleared. That it was read is an entry."""
    now = context.now()
    said = "copies_read" if role in CLEARED_FOR_HOLDS else "refused copies_read"
    with context.store.write() as connection:
        log.append_restricted(connection, now, context.keys.sealer, [f"{said} {role.value}"])
        if role in CLEARED_FOR_HOLDS:
            in_force = {scope.hold for scope in custody.scopes(connection)}
            return [each for each in custody.read(connection, context.keys.sealer) if each.hold in in_force]
    raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)


def _over(context: Context, policy: Policy) -> Sequence[RowsOver]:
    today, now = context.today(), context.now()
    terms = policy.retention
    return [RowsOver(term, term.span.last_day_over(today), now, apart(terms, term)) for term in terms]


def _waits(over: RowsOver, before: Destroyed | None) -> bool:
    return before is None or over.until - before.until > LEAP


def _is_broken_off(over: RowsOver, before: Mapping[str, Destroyed]) -> bool:
    found = before.get(over.term.name)
    return found is not None and found.ended_at is None


def _copy(context: Context, going: Sequence[RowsOver]) -> tuple[HoldScope, ...]:
    """Copy what goes and has to last; written each time, whatever there is to copy. Returns the holds in force."""
    while True:
        with context.store.read() as connection:
            held = custody.scopes(connection)
            copies = [row for each in going for row in custody.covered(connection, each, held)]
        with context.store.write() as connection:
            if custody.scopes(connection) == held:
                custody.keep(connection, context.keys.sealer, held, copies)
                return held


def _begin(context: Context, over: Sequence[RowsOver], going: Sequence[RowsOver], by: Role | None) -> None:
    """Say in the log what goes, before any of it does."""
    with context.store.write() as connection:
        before = retention.progress(connection)
        for each in over:
            retention.begin(connection, each, before.get(each.term.name), goes=each in going)
        lines = [_line(context, each.term.name, each.until, "begun", _apart(each), by) for each in going]
        log.append(connection, context.now(), lines)


def next_size(size: int, seconds: float) -> int:
    """How many rows the next batch takes, after one of this size took so long; 0 s: nobody measured."""
    if seconds > _LONG:
        return max(min(size, LEAST_IN_BATCH), size // 2)
    return min(MOST_IN_BATCH, size * 2) if 0 < seconds < _SHORT else size


def _batch(context: Context, over: RowsOver, held: Sequence[HoldScope], size: int) -> int | None:
    """Destroy some; how many, None: the holds in force are others by now, and nothing was."""
    with context.store.write() as connection:
        return retention.destroy(connection, over, size) if custody.scopes(connection) == held else None


def _end(context: Context, by: Role | None) -> Mapping[str, int]:
    """Say how much went. One restricted entry goes with it, whatever it says: how many copies are kept."""
    destroyed: dict[str, int] = {}
    now = context.now()
    with context.store.write() as connection:
        lines: list[tuple[EntryKind, Body]] = []
        for name, each in sorted(retention.progress(connection).items()):
            if each.ended_at is None:
                destroyed[name] = retention.end(connection, name, now)
                lines.append(_line(context, name, each.until, "ended", {"count": destroyed[name]}, by))
        if not lines:
            return {}
        log.append(connection, now, lines)
        kept = len(custody.read(connection, context.keys.sealer))
        log.append_restricted(connection, now, context.keys.sealer, [f"copies kept {kept}"])
    return destroyed


def _apart(over: RowsOver) -> Body:
    return {"apart": sorted(each.value for each in over.apart)} if over.apart else {}


def _line(context: Context, what: str, until: date, verb: str, more: Body, by: Role | None) -> tuple[EntryKind, Body]:
    said = {"what": what, "verb": verb, "until": until.isoformat(), "policy": context.policy.version}
    body: Body = {**said, **more, **({} if by is None else {"actor_role": by.value})}
    return EntryKind.RECORDS_EXPIRED, body
