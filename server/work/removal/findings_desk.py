"""The desk of findings: what is open by kind and whose it is, and what privacy officers do with it, for many at once.

Whoever a finding is about neither has it nor does anything with it. What is shown and done follows from findings alone:
a hold has no part in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from server.core.days import midnight
from server.core.log.entries import Body, EntryKind
from server.core.model import CLEARED_FOR_CASES, Disposition, FindingKind, Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.removal.finding_terms import (
    ENDS,
    LEFT_LYING,
    WITHIN,
    Heap,
    deal_out,
    last_day_to_put_off,
    opened_before,
    working_days_old,
)
from server.core.removal.order_state import Event
from server.core.workdays import STATUTORY, add_working_days, is_working_day, local_day
from server.store import findings, log
from server.store.admin import accounts
from server.store.admin.accounts import AccountRow
from server.store.database import Connection
from server.store.findings import Chosen, Edges, FindingRow, OpenOfKind
from server.store.removal import orders, presence
from server.work.admin.access import Person
from server.work.context import Context
from server.work.removal.deviations_and_holds import check_text

LOOKS_INTO_FINDINGS = Role.PRIVACY_OFFICER
_WORD = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class AtDesk:
    """Who acts. account, worker: our numbers, where there are any; said: what the sealed part of the log calls them."""

    role: Role
    account: int | None = None
    worker: int | None = None
    said: str = "command"

    @classmethod
    def of(cls, person: Person) -> AtDesk:
        """Somebody who is signed in."""
        return cls(person.role, person.account, person.worker, person.uid)


@dataclass(frozen=True, slots=True)
class Officer:
    """A privacy officer to whom findings can be given. has: how many open ones are theirs."""

    uid: str
    name: str
    account: int
    worker: int | None
    has: int


@dataclass(frozen=True, slots=True)
class OpenHeap:
    """What is open of one kind. days_old: of the oldest, in working days. late: past their day; lying: long past it.

    owners: names with how many each has; nobodys and mine: how many nobody has, and whoever asks.
    """

    kind: FindingKind
    count: int
    days_old: int
    late: int
    lying: int
    put_off: int
    nobodys: int
    mine: int
    owners: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """All of them, the most urgent kind first, and who works on them."""

    heaps: tuple[OpenHeap, ...]
    officers: tuple[Officer, ...]

    def total(self, what: str) -> int:
        """A count of the heaps, over all of them."""
        return sum(getattr(each, what) for each in self.heaps)


@dataclass(frozen=True, slots=True)
class Given:
    """done: how many became somebody's; left: how many stayed as they were, since they are about who would get them."""

    done: int
    left: int


def read_desk(context: Context, asks: int | None = None) -> Desk:
    """What is open, by kind. asks: the account that looks."""
    today = context.today()
    with context.store.read() as connection:
        rows = findings.open_by_kind(connection, edges(today))
        people = _officers(connection)
    has: dict[int, int] = {}
    for row in rows:
        if row.owner is not None:
            has[row.owner] = has.get(row.owner, 0) + row.count
    officers = tuple(
        Officer(each.uid, each.name or each.uid, each.id, each.worker, has.get(each.id, 0)) for each in people
    )
    kinds = {row.kind for row in rows}
    heaps = [_heap([row for row in rows if row.kind is kind], officers, today, asks) for kind in kinds]
    return Desk(tuple(sorted(heaps, key=lambda each: (-each.lying, -each.late, -each.days_old, each.kind))), officers)


def list_findings(context: Context, role: Role) -> Sequence[FindingRow]:
    """Open findings, oldest first; a cleared person's read is in the log, restricted."""
    with context.store.write() as connection:
        if role in CLEARED_FOR_CASES:
            log.append_restricted(connection, context.now(), context.keys.sealer, [f"findings read by {role.value}"])
        return findings.read_findings(connection)


def edges(today: date) -> Edges:
    """What makes a finding late today, and what makes it lie."""
    return Edges(
        late={kind: midnight(opened_before(today, days)) for kind, days in WITHIN.items()},
        lying={kind: midnight(opened_before(today, days + LEFT_LYING)) for kind, days in WITHIN.items()},
        late_day=today,
        lying_day=opened_before(today, LEFT_LYING),
    )


def give(context: Context, by: AtDesk, chosen: Chosen, to: str, due_on: date | None = None) -> Given:
    """Let chosen findings be somebody's, oneself or another. to: the id of an account. due_on: by which day, None: as
    it stands. Raises DecisionRefusedError.
    """
    _require(by)
    with context.store.write() as connection:
        owner = next((each for each in _officers(connection) if each.uid == to), None)
        if owner is None:
            raise DecisionRefusedError(DecisionProblem.NO_SUCH_OWNER)
        _check_day(context, connection, chosen, due_on)
        return _give(context, connection, by, chosen, owner, due_on)


def divide(context: Context, by: AtDesk, among: Collection[str]) -> Given:
    """Deal out all that nobody has among these accounts: about as much to each, and what is alike to one.

    What is about one of them goes to another, or stays nobody's. Raises DecisionRefusedError.
    """
    _require(by)
    today = context.today()
    with context.store.write() as connection:
        officers = _officers(connection)
        people = [each for each in officers if each.uid in among]
        if not people:
            raise DecisionRefusedError(DecisionProblem.NO_SUCH_OWNER)
        findings.free(connection, [each.id for each in officers])
        rows = findings.open_by_kind(connection, edges(today))
        has = [sum(row.count for row in rows if row.owner == each.id) for each in people]
        heaps = [Heap(row.kind, row.count) for row in rows if row.owner is None]
        done = 0
        for part in deal_out(heaps, has):
            owner = people[part.to]
            mine = Chosen(kind=part.kind, nobodys=True, not_about=_workers(by, owner))
            uids = findings.oldest_uids(connection, mine, part.count)
            if uids:
                done += _give(context, connection, by, replace(mine, uids=uids), owner, None).done
        return Given(done, sum(each.count for each in heaps) - done)


def put_off(context: Context, by: AtDesk, chosen: Chosen, until: date, reason: str) -> int:
    """Ask nobody about chosen findings before a day, for a reason; how many. Raises DecisionRefusedError."""
    _require(by)
    with context.store.write() as connection:
        _check_reason(connection, reason)
        mine = _not_own(connection, chosen, by)
        _check_day(context, connection, mine, until, later=True)
        kinds = findings.kinds_of(connection, mine)
        count = findings.put_off(connection, mine, until, reason)
        _tell(context, connection, by, "put_off", kinds)
    return count


def conclude(context: Context, by: AtDesk, chosen: Chosen, ends: Disposition, reason: str) -> Sequence[FindingRow]:
    """Close chosen findings with what a person concluded; those that it closed. Raises DecisionRefusedError.

    An unreadable entry or an empty book that was looked at blocks no proof any more; an order that waited goes on.
    """
    _require(by)
    now = context.now()
    with context.store.write() as connection:
        _check_reason(connection, reason)
        mine = _not_own(connection, chosen, by)
        kinds = findings.kinds_of(connection, mine)
        if any(ends not in ENDS[kind] for kind in kinds):
            raise DecisionRefusedError(DecisionProblem.WRONG_END)
        closed = findings.conclude(connection, mine, ends, reason, now)
        if not closed:
            raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
        _go_on(connection, closed, now)
        bodies: list[tuple[EntryKind, Body]] = [
            (
                EntryKind.FINDING,
                {
                    "finding": row.uid,
                    "what": row.kind.value,
                    "verb": "closed",
                    "outcome": ends.value,
                    "actor_role": by.role.value,
                },
            )
            for row in sorted(closed, key=lambda row: row.uid)
        ]
        log.append(connection, now, bodies)
        _note(context, connection, by, "closed", len(closed))
    return closed


def _go_on(connection: Connection, closed: Sequence[FindingRow], now: datetime) -> None:
    """What had waited for these to be looked at."""

    def of(*kinds: FindingKind) -> list[FindingRow]:
        return [row for row in closed if row.kind in kinds]

    presence.accept_entries(connection, [row.subject for row in of(FindingKind.UNREADABLE_ENTRY)], now)
    if books := [row.subject for row in of(FindingKind.EMPTY_BOOK)]:
        presence.accept_empty(connection, books)
    waited = [row.uid for row in of(FindingKind.MIXED_UNCLEAR, FindingKind.UNSTEADY_ENTRY)]
    orders.move_all(connection, orders.of_findings(connection, waited), Event.LOOKED_AT, now=now)


# --- the pieces -----------------------------------------------------------------------------------------------------


def _heap(rows: Sequence[OpenOfKind], officers: Sequence[Officer], today: date, asks: int | None) -> OpenHeap:
    of = {each.account: each.name for each in officers}
    owners: dict[str, int] = {}
    for row in rows:
        if row.owner in of:
            owners[of[row.owner]] = owners.get(of[row.owner], 0) + row.count
    return OpenHeap(
        rows[0].kind,
        sum(row.count for row in rows),
        working_days_old(local_day(min(row.oldest for row in rows)), today),
        sum(row.late for row in rows),
        sum(row.lying for row in rows),
        sum(row.put_off for row in rows),
        sum(row.count for row in rows) - sum(owners.values()),
        sum(row.count for row in rows if asks is not None and row.owner == asks),
        tuple(sorted(owners.items())),
    )


def _officers(connection: Connection) -> Sequence[AccountRow]:
    return [
        each
        for each in accounts.all_accounts(connection)
        if LOOKS_INTO_FINDINGS in each.roles and each.disabled_at is None
    ]


def _workers(*who: AtDesk | AccountRow) -> frozenset[int]:
    return frozenset(each.worker for each in who if each.worker is not None)


def _give(
    context: Context, connection: Connection, by: AtDesk, chosen: Chosen, owner: AccountRow, due_on: date | None
) -> Given:
    wanted = sum(findings.kinds_of(connection, chosen).values())
    if not wanted:
        raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
    mine = replace(chosen, not_about=chosen.not_about | _workers(by, owner))
    kinds = findings.kinds_of(connection, mine)
    if not kinds:
        raise DecisionRefusedError(DecisionProblem.OWN_FINDING)
    done = findings.give(connection, mine, owner.id, due_on)
    _tell(context, connection, by, "taken" if owner.id == by.account else "handed_over", kinds)
    return Given(done, wanted - done)


def _not_own(connection: Connection, chosen: Chosen, by: AtDesk) -> Chosen:
    """The same without what is about whoever acts; refused where nothing is left."""
    mine = replace(chosen, not_about=chosen.not_about | _workers(by))
    if not findings.kinds_of(connection, mine):
        all_own = bool(findings.kinds_of(connection, chosen))
        raise DecisionRefusedError(DecisionProblem.OWN_FINDING if all_own else DecisionProblem.NOT_FOUND)
    return mine


def _check_day(
    context: Context, connection: Connection, chosen: Chosen, day: date | None, *, later: bool = False
) -> None:
    """later: it must lie ahead; else today will do, too."""
    if day is None:
        return
    today = context.today()
    opened = findings.oldest(connection, chosen)
    if day < today or (later and day == today):
        raise DecisionRefusedError(DecisionProblem.ENDS_IN_PAST)
    latest = None if opened is None else last_day_to_put_off(local_day(opened), today)
    if day > (latest or _next_working_day(today)):
        raise DecisionRefusedError(DecisionProblem.PUT_OFF_TOO_LONG)


def _next_working_day(today: date) -> date:
    return today if is_working_day(today, STATUTORY) else add_working_days(today, 1, STATUTORY)


def _check_reason(connection: Connection, reason: str) -> None:
    if not reason.strip():
        raise DecisionRefusedError(DecisionProblem.MISSING_VALUE)
    check_text(reason)
    words = {each.strip(".-").lower() for each in _WORD.findall(reason)}
    if findings.name_somebody(connection, sorted(words)):
        raise DecisionRefusedError(DecisionProblem.NAMES_SOMEBODY)


def _require(by: AtDesk) -> None:
    if by.role is not LOOKS_INTO_FINDINGS:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)


def _tell(context: Context, connection: Connection, by: AtDesk, verb: str, kinds: Mapping[FindingKind, int]) -> None:
    bodies: list[tuple[EntryKind, Body]] = [
        (EntryKind.FINDING, {"what": kind.value, "verb": verb, "count": count, "actor_role": by.role.value})
        for kind, count in sorted(kinds.items())
    ]
    log.append(connection, context.now(), bodies)
    _note(context, connection, by, verb, sum(kinds.values()))


def _note(context: Context, connection: Connection, by: AtDesk, verb: str, count: int) -> None:
    said = f"{count} findings {verb} by {by.said} as {by.role.value}"
    log.append_restricted(connection, context.now(), context.keys.sealer, [said])
