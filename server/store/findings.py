"""Findings: something a person must look at, and what that person concluded; one open finding for one subject."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, exists, select, true, update

from server.core.model import FindingKind, Presence
from server.store.database import insert
from server.store.schema.base import cases, finding, place, sighting, worker

_CHUNK = 5000
_ONCE = frozenset({FindingKind.NUMBER_OVERWRITTEN})
"""Asked once: the subject says what happened, and what a person concluded of it stands."""


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
    """A finding as people see it; worker and case number for those cleared. pilot: asked by a plan alone."""

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
            .values(closed_at=when, disposition="answered_itself")
        )


def close_of_place(connection: Connection, kind: FindingKind, place_id: int, when: datetime) -> None:
    """What was asked about a place is answered by what was seen there since."""
    connection.execute(
        update(finding)
        .where(finding.c.kind == kind, finding.c.place_id == place_id, finding.c.closed_at.is_(None))
        .values(closed_at=when, disposition="answered_itself")
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
        .values(closed_at=when, disposition="answered_itself")
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
            .values(closed_at=when, disposition="answered_itself")
        )


def dispose(connection: Connection, uid: str, disposition: str, when: datetime) -> FindingRow | None:
    """Close a finding with what a person concluded; None if there is no open one of that id."""
    done = connection.execute(
        update(finding)
        .where(finding.c.uid == uid, finding.c.closed_at.is_(None))
        .values(closed_at=when, disposition=disposition)
    )
    if not done.rowcount:
        return None
    return next(row for row in read_findings(connection, open_only=False) if row.uid == uid)


def read_findings(connection: Connection, *, open_only: bool = True) -> Sequence[FindingRow]:
    """Findings, oldest first."""
    query = (
        select(finding, worker.c.ref, cases.c.number, place.c.uid.label("place_uid"))
        .outerjoin(worker, worker.c.id == finding.c.worker_id)
        .outerjoin(cases, cases.c.id == finding.c.case_id)
        .outerjoin(place, place.c.id == finding.c.place_id)
        .order_by(finding.c.opened_at, finding.c.id)
    )
    if open_only:
        query = query.where(finding.c.closed_at.is_(None))
    return [
        FindingRow(
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
        )
        for row in connection.execute(query)
    ]
