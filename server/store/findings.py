"""Findings: what a person must look at, whose it is, by when, and what they concluded; one open for one subject."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
    update,
)

from server.core.log.closed_findings import FindingEnd
from server.core.model import Disposition, FindingKind, Presence
from server.store.database import among, insert
from server.store.schema.base import account, cases, finding, place, sighting, worker

_CHUNK = 5000
_ONCE = frozenset({FindingKind.NUMBER_OVERWRITTEN})
"""Asked once: the subject says what happened, and what a person concluded of it stands."""

BY_ITSELF: Mapping[str, Any] = {"disposition": "answered_itself", "concluded_as": Disposition.BY_ITSELF.value}
"""How a finding ends that nobody had to conclude anything of."""


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A finding to open. subject: an opaque id of what it is about; with `kind` it makes a repeat the same finding."""

    kind: FindingKind
    subject: str
    worker: int | None = None
    place: int | None = None
    identifier: int | None = None
    case: int | None = None


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as people see it; worker and case number for those cleared. pilot: asked by a plan alone. owner: whose
    it is; due_on: the day that somebody set. subject: an opaque id of what it is about.
    """

    uid: str
    kind: FindingKind
    subject: str
    worker: str | None
    case: str | None
    place: str | None
    opened_at: datetime
    closed_at: datetime | None
    disposition: str | None
    pilot: bool = False
    owner: str | None = None
    due_on: date | None = None
    ends: Disposition | None = None
    put_off_until: date | None = None
    put_off_why: str | None = None


def open_findings(
    connection: Connection, findings: Sequence[NewFinding], when: datetime, *, pilot: bool = False
) -> int:
    """Open those that are not open yet; returns how many were new.

    pilot: nothing is carried out yet, it was only planned. What is found again in earnest is of a pilot no more.
    """
    if not findings:
        return 0
    new = 0
    wanted = {(each.kind, each.subject): each for each in findings}
    for kind in {each.kind for each in findings}:
        subjects = [subject for (of, subject) in wanted if of is kind]
        open_already: set[str] = set()
        for start in range(0, len(subjects), _CHUNK):
            open_already.update(
                connection.execute(
                    select(finding.c.subject).where(
                        finding.c.kind == kind,
                        true() if kind in _ONCE else finding.c.closed_at.is_(None),
                        finding.c.subject.in_(subjects[start : start + _CHUNK]),
                    )
                ).scalars()
            )
        rows = [
            {
                "uid": uuid.uuid4().hex[:16],
                "kind": kind.value,
                "subject": subject,
                "worker_id": wanted[kind, subject].worker,
                "place_id": wanted[kind, subject].place,
                "identifier_id": wanted[kind, subject].identifier,
                "case_id": wanted[kind, subject].case,
                "opened_at": when,
                "pilot": pilot,
            }
            for subject in subjects
            if subject not in open_already
        ]
        if not pilot:
            _take_in_earnest(connection, kind, sorted(open_already))
        if rows:
            connection.execute(insert(connection, finding).on_conflict_do_nothing(), rows)
        new += len(rows)
    return new


def _take_in_earnest(connection: Connection, kind: FindingKind, subjects: Sequence[str]) -> None:
    for start in range(0, len(subjects), _CHUNK):
        connection.execute(
            update(finding)
            .where(finding.c.kind == kind, finding.c.pilot, finding.c.subject.in_(subjects[start : start + _CHUNK]))
            .values(pilot=False)
        )


def close_of_entries(connection: Connection, subjects: Sequence[str], when: datetime) -> None:
    """The entries these findings asked about are gone or were looked at."""
    for start in range(0, len(subjects), _CHUNK):
        connection.execute(
            update(finding)
            .where(
                finding.c.subject.in_(subjects[start : start + _CHUNK]),
                finding.c.kind.in_((FindingKind.UNREADABLE_ENTRY, FindingKind.CASE_NUMBER_ENTRY)),
                finding.c.closed_at.is_(None),
            )
            .values({**BY_ITSELF, "closed_at": when})
        )


def close_of_place(connection: Connection, kind: FindingKind, place_id: int, when: datetime) -> None:
    """What was asked about a place is answered by what was seen there since."""
    connection.execute(
        update(finding)
        .where(finding.c.kind == kind, finding.c.place_id == place_id, finding.c.closed_at.is_(None))
        .values({**BY_ITSELF, "closed_at": when})
    )


def close_unclear(connection: Connection, place_id: int, identifiers: Select[tuple[int]], when: datetime) -> None:
    """The entries of a place that nobody could cut, and that hold these identifiers: their worker said what goes."""
    connection.execute(
        update(finding)
        .where(
            finding.c.kind == FindingKind.MIXED_UNCLEAR,
            finding.c.place_id == place_id,
            finding.c.identifier_id.in_(identifiers),
            finding.c.closed_at.is_(None),
        )
        .values({**BY_ITSELF, "closed_at": when})
    )


def close_of_gone(connection: Connection, of_worker: int, identifiers: Sequence[int], when: datetime) -> None:
    """Overwritten identifiers that are in none of a worker's places any more ask nothing."""
    there = exists().where(
        sighting.c.identifier_id == finding.c.identifier_id,
        sighting.c.presence != Presence.ABSENT.value,
        sighting.c.place_id == place.c.id,
        place.c.worker_id == of_worker,
    )
    for start in range(0, len(identifiers), _CHUNK):
        connection.execute(
            update(finding)
            .where(
                finding.c.kind == FindingKind.NUMBER_OVERWRITTEN,
                finding.c.worker_id == of_worker,
                finding.c.identifier_id.in_(identifiers[start : start + _CHUNK]),
                finding.c.closed_at.is_(None),
                ~there,
            )
            .values({**BY_ITSELF, "closed_at": when})
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which open findings an act is about: these ids, or all of a kind; only those that nobody has, if asked so. Never
    those about one of the workers `not_about`.
    """

    uids: Collection[str] = ()
    kind: FindingKind | None = None
    nobodys: bool = False
    not_about: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Edges:
    """By which day a kind's own term sets what is late. late, lying: instants before which it was opened; late_day,
    lying_day: the days before which a day that somebody set lies.
    """

    late: Mapping[FindingKind, datetime]
    lying: Mapping[FindingKind, datetime]
    late_day: date
    lying_day: date


@dataclass(frozen=True, slots=True)
class OpenOfKind:
    """Open findings of one kind with one owner (None: nobody's). late: past their day; lying: long past it; put_off:
    not asked about yet, and in none of the two.
    """

    kind: FindingKind
    owner: int | None
    count: int
    oldest: datetime
    late: int
    lying: int
    put_off: int


def open_by_kind(connection: Connection, edges: Edges) -> Sequence[OpenOfKind]:
    """How many are open of each kind, by whose they are."""
    query = (
        select(
            finding.c.kind,
            finding.c.owner_id,
            func.count().label("found"),
            func.min(finding.c.opened_at).label("oldest"),
            *(
                func.sum(case((condition, 1), else_=0)).label(name)
                for name, condition in (
                    ("late", _past(edges.late, edges.late_day)),
                    ("lying", _past(edges.lying, edges.lying_day)),
                    ("put_off", finding.c.put_off_until > edges.late_day),
                )
            ),
        )
        .where(finding.c.closed_at.is_(None))
        .group_by(finding.c.kind, finding.c.owner_id)
    )
    return [
        OpenOfKind(
            FindingKind(row.kind), row.owner_id, row.found, row.oldest, int(row.late), int(row.lying), int(row.put_off)
        )
        for row in connection.execute(query)
    ]


def _past(opened: Mapping[FindingKind, datetime], day: date) -> ColumnElement[bool]:
    by_term = or_(false(), *(and_(finding.c.kind == kind, finding.c.opened_at < edge) for kind, edge in opened.items()))
    return or_(finding.c.due_on < day, and_(finding.c.due_on.is_(None), by_term))


def oldest_uids(connection: Connection, chosen: Chosen, limit: int) -> Sequence[str]:
    """The oldest of them."""
    rows = [
        row
        for where in _parts(chosen)
        for row in connection.execute(
            select(finding.c.opened_at, finding.c.id, finding.c.uid)
            .where(*where)
            .order_by(finding.c.opened_at, finding.c.id)
            .limit(limit)
        )
    ]
    return [row.uid for row in sorted(rows, key=lambda row: (row.opened_at, row.id))[:limit]]


def free(connection: Connection, still: Collection[int]) -> None:
    """What is open and belongs to somebody who looks into findings no more is nobody's again; still: who does."""
    connection.execute(
        update(finding)
        .where(finding.c.closed_at.is_(None), finding.c.owner_id.is_not(None), finding.c.owner_id.not_in(sorted(still)))
        .values(owner_id=None)
    )


def give(connection: Connection, chosen: Chosen, owner: int, due_on: date | None) -> int:
    """Let them be somebody's. due_on: by when; None: what stands stays."""
    changed: dict[str, object] = {"owner_id": owner} | ({} if due_on is None else {"due_on": due_on})
    return _change(connection, chosen, changed)


def put_off(connection: Connection, chosen: Chosen, until: date, why: str) -> int:
    """Ask nobody about them before a day, which is their day then."""
    return _change(connection, chosen, {"put_off_until": until, "put_off_why": why, "due_on": until})


def oldest(connection: Connection, chosen: Chosen) -> datetime | None:
    """When the oldest of them was opened; None: none of them is open."""
    times = [
        connection.execute(select(func.min(finding.c.opened_at)).where(*where)).scalar() for where in _parts(chosen)
    ]
    return min((each for each in times if each is not None), default=None)


def conclude(
    connection: Connection, chosen: Chosen, ends: Disposition, disposition: str, when: datetime
) -> Sequence[FindingRow]:
    """Close them with what a person concluded; those that it closed."""
    uids: list[str] = []
    for where in _parts(chosen):
        done = update(finding).where(*where).values(closed_at=when, disposition=disposition, concluded_as=ends.value)
        uids.extend(connection.execute(done.returning(finding.c.uid)).scalars())
    found: list[FindingRow] = []
    for start in range(0, len(uids), _CHUNK):
        rows = connection.execute(select_rows().where(finding.c.uid.in_(among(uids[start : start + _CHUNK]))))
        found.extend(map(row_of, rows))
    return found


def all_ends(connection: Connection) -> Iterator[FindingEnd]:
    """Every finding and as what it ended, streamed, for an audit that holds them against the log."""
    query = select(finding.c.uid, finding.c.concluded_as)
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}):
        yield FindingEnd(row.uid, None if row.concluded_as is None else Disposition(row.concluded_as))


def kinds_of(connection: Connection, chosen: Chosen) -> Mapping[FindingKind, int]:
    """How many of them are open, by kind."""
    found: dict[FindingKind, int] = {}
    for where in _parts(chosen):
        for kind, count in connection.execute(
            select(finding.c.kind, func.count()).where(*where).group_by(finding.c.kind)
        ):
            found[FindingKind(kind)] = found.get(FindingKind(kind), 0) + count
    return found


def name_somebody(connection: Connection, words: Collection[str]) -> bool:
    """Whether one of these words is how a worker is referred to, or an account is called."""
    of_worker = select(worker.c.id).where(func.lower(worker.c.ref).in_(among(words)))
    of_account = select(account.c.id).where(account.c.name.in_(among(words)))
    return any(connection.execute(each.limit(1)).first() is not None for each in (of_worker, of_account))


def _change(connection: Connection, chosen: Chosen, values: Mapping[str, object]) -> int:
    return sum(connection.execute(update(finding).where(*where).values(values)).rowcount for where in _parts(chosen))


def _parts(chosen: Chosen) -> Sequence[Sequence[ColumnElement[bool]]]:
    uids = sorted(set(chosen.uids))
    if not uids:
        return [] if chosen.kind is None else [_open(chosen)]
    of = [finding.c.uid.in_(among(uids[start : start + _CHUNK])) for start in range(0, len(uids), _CHUNK)]
    return [[*_open(chosen), each] for each in of]


def _open(chosen: Chosen) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [finding.c.closed_at.is_(None)]
    if chosen.kind is not None:
        where.append(finding.c.kind == chosen.kind)
    if chosen.nobodys:
        where.append(finding.c.owner_id.is_(None))
    if chosen.not_about:
        where.append(or_(finding.c.worker_id.is_(None), finding.c.worker_id.not_in(sorted(chosen.not_about))))
    return where


def read_findings(connection: Connection, *, open_only: bool = True) -> Sequence[FindingRow]:
    """Findings, oldest first."""
    query = select_rows().order_by(finding.c.opened_at, finding.c.id)
    if open_only:
        query = query.where(finding.c.closed_at.is_(None))
    return [row_of(row) for row in connection.execute(query)]


def select_rows() -> Select[Any]:
    """Every finding, with what `row_of` makes a row of."""
    return (
        select(
            finding,
            worker.c.ref,
            cases.c.number,
            place.c.uid.label("place_uid"),
            func.coalesce(account.c.name, account.c.uid).label("owner"),
        )
        .outerjoin(worker, worker.c.id == finding.c.worker_id)
        .outerjoin(cases, cases.c.id == finding.c.case_id)
        .outerjoin(place, place.c.id == finding.c.place_id)
        .outerjoin(account, account.c.id == finding.c.owner_id)
    )


def row_of(row: Row[Any]) -> FindingRow:
    """One of them."""
    return FindingRow(
        uid=row.uid,
        kind=FindingKind(row.kind),
        subject=row.subject,
        worker=row.ref,
        case=row.number,
        place=row.place_uid,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        disposition=row.disposition,
        pilot=row.pilot,
        owner=row.owner,
        due_on=row.due_on,
        ends=None if row.concluded_as is None else Disposition(row.concluded_as),
        put_off_until=row.put_off_until,
        put_off_why=row.put_off_why,
    )
