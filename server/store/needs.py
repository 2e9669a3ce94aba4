"""Loads what the need table asks about pairs of worker and identifier, in sets: a few questions for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, func, or_, select, tuple_, update

from mdm_adapters.port import Token
from server.core.model import ContactClass, Link, Need, Phase, Presence
from server.store.database import insert
from server.store.schema import (
    assignment,
    case_system,
    cases,
    deviation,
    directory,
    hold,
    identifier,
    link,
    moment,
    pair,
    place,
    sighting,
    worker,
)

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class PairPlace:
    """One place where the identifier is present; appearance counts how often it has appeared there."""

    id: int
    uid: str
    appearance: int


@dataclass(frozen=True, slots=True)
class PairFacts:
    """All that is decided on: one worker, one identifier, present in at least one place."""

    worker: int
    identifier: int
    token: Token
    first_seen: datetime
    places: tuple[PairPlace, ...]
    links: tuple[Link, ...]
    held: bool


def due_workers(connection: Connection, now: datetime) -> Sequence[int]:
    """Workers with pairs to decide again, in order."""
    query = select(pair.c.worker_id).where(pair.c.due_at <= now).distinct().order_by(pair.c.worker_id)
    return list(connection.execute(query).scalars())


def all_workers(connection: Connection) -> Sequence[int]:
    """Workers with any pair, in order: what a full pass goes through."""
    query = select(worker.c.id).where(select(pair.c.worker_id).where(pair.c.worker_id == worker.c.id).exists())
    return list(connection.execute(query.order_by(worker.c.id)).scalars())


def of_workers(workers: Sequence[int], *, due_by: datetime | None) -> ColumnElement[bool]:
    """The pairs of these workers: those due by then, or with None all."""
    chosen = pair.c.worker_id.in_(workers)
    return chosen if due_by is None else and_(chosen, pair.c.due_at <= due_by)


def of_pairs(pairs: Sequence[tuple[int, int]]) -> ColumnElement[bool]:
    """These pairs of worker and identifier; a few hundred at most."""
    return tuple_(pair.c.worker_id, pair.c.identifier_id).in_(list(pairs))


def of_case(worker_id: int, case_ids: Sequence[int]) -> ColumnElement[bool]:
    """The pairs of one worker with the identifiers of these cases."""
    return and_(
        pair.c.worker_id == worker_id,
        pair.c.identifier_id.in_(select(link.c.identifier_id).where(link.c.case_id.in_(case_ids))),
    )


def lock(connection: Connection, chosen: ColumnElement[bool]) -> Sequence[tuple[int, int]]:
    """Hold the chosen pairs until the transaction ends; returns those that are marked, now or later.

    Whoever changes the register marks pairs due in its own transaction, so it either waits for us, and makes them due
    again after us, or we wait for it and see its change.
    """
    rows = connection.execute(
        select(pair.c.worker_id, pair.c.identifier_id, pair.c.due_at).where(chosen).with_for_update()
    )
    return [(row.worker_id, row.identifier_id) for row in rows if row.due_at is not None]


def load(connection: Connection, chosen: ColumnElement[bool], now: datetime) -> Sequence[PairFacts]:
    """Facts of the chosen pairs that are present somewhere, in order of worker and identifier."""
    held_workers, held_cases, everything = _holds(connection)
    links = _links(connection, chosen, now)
    present = connection.execute(
        select(
            pair.c.worker_id,
            pair.c.identifier_id,
            identifier.c.token,
            place.c.id,
            place.c.uid,
            sighting.c.appearance,
            _first_seen().label("first_seen"),
        )
        .join(identifier, identifier.c.id == pair.c.identifier_id)
        .join(sighting, sighting.c.identifier_id == pair.c.identifier_id)
        .join(place, and_(place.c.id == sighting.c.place_id, place.c.worker_id == pair.c.worker_id))
        .where(chosen, sighting.c.presence == Presence.PRESENT)
        .order_by(pair.c.worker_id, pair.c.identifier_id, place.c.id)
    )
    facts: list[PairFacts] = []
    grouped: dict[tuple[int, int], list[Any]] = {}
    for row in present:
        grouped.setdefault((row.worker_id, row.identifier_id), []).append(row)
    for (worker_id, identifier_id), rows in grouped.items():
        mine = links.get((worker_id, identifier_id), ())
        facts.append(
            PairFacts(
                worker=worker_id,
                identifier=identifier_id,
                token=Token(rows[0].token),
                first_seen=rows[0].first_seen,
                places=tuple(PairPlace(row.id, row.uid, row.appearance) for row in rows),
                links=tuple(mine),
                held=everything or worker_id in held_workers or any(each.case in held_cases for each in mine),
            )
        )
    return facts


def _first_seen() -> ScalarSelect[datetime]:
    """When a pair was first seen, wherever that was and whatever is there now."""
    earlier, home = sighting.alias(), place.alias()
    return (
        select(func.min(earlier.c.first_at))
        .join(home, home.c.id == earlier.c.place_id)
        .where(earlier.c.identifier_id == pair.c.identifier_id, home.c.worker_id == pair.c.worker_id)
        .correlate(pair)
        .scalar_subquery()
    )


def _holds(connection: Connection) -> tuple[frozenset[int], frozenset[int], bool]:
    rows = connection.execute(
        select(hold.c.worker_id, hold.c.case_id, hold.c.everything).where(hold.c.released_at.is_(None))
    ).all()
    return (
        frozenset(row.worker_id for row in rows if row.worker_id is not None),
        frozenset(row.case_id for row in rows if row.case_id is not None),
        any(row.everything for row in rows),
    )


def _links(connection: Connection, chosen: ColumnElement[bool], now: datetime) -> dict[tuple[int, int], list[Link]]:
    moments = _moments(connection, chosen)
    deviations = _deviations(connection, chosen, now)
    rows = connection.execute(
        select(
            pair.c.worker_id,
            pair.c.identifier_id,
            link.c.case_id,
            link.c["class"].label("contact_class"),
            link.c.linked,
            link.c.former_since,
            cases.c.phase,
            cases.c.closed_at,
            cases.c.recorded,
            case_system.c.read_at,
            assignment.c.from_at,
            assignment.c.until_at,
        )
        .join(link, link.c.identifier_id == pair.c.identifier_id)
        .join(cases, cases.c.id == link.c.case_id)
        .join(case_system, case_system.c.id == cases.c.system_id)
        .join(worker, worker.c.id == pair.c.worker_id)
        .outerjoin(assignment, and_(assignment.c.case_id == link.c.case_id, assignment.c.worker_ref == worker.c.ref))
        .where(chosen)
        .order_by(pair.c.worker_id, pair.c.identifier_id, link.c.case_id, assignment.c.from_at)
    )
    links: defaultdict[tuple[int, int], list[Link]] = defaultdict(list)
    grouped: dict[tuple[int, int, int], list[Any]] = {}
    for spell in rows:
        grouped.setdefault((spell.worker_id, spell.identifier_id, spell.case_id), []).append(spell)
    for (worker_id, identifier_id, case_id), spells in grouped.items():
        first = spells[0]
        now_on, ever, until = _standing(spells, now)
        links[worker_id, identifier_id].append(
            Link(
                case=case_id,
                contact_class=ContactClass(first.contact_class),
                phase=Phase(first.phase),
                read_at=first.read_at,
                linked=first.linked,
                was_assigned=ever,
                assigned_now=now_on,
                assigned_until=until,
                closed_at=first.closed_at,
                recorded=first.recorded,
                planned_moments=tuple(moments.get((worker_id, case_id), ())),
                deviation_until=deviations.get((worker_id, case_id)),
                former_since=first.former_since,
            )
        )
    known = connection.execute(
        select(pair.c.worker_id, pair.c.identifier_id, directory.c["class"].label("contact_class"))
        .join(directory, directory.c.identifier_id == pair.c.identifier_id)
        .where(chosen)
    )
    for row in known:
        links[row.worker_id, row.identifier_id].append(
            Link(case=0, contact_class=ContactClass(row.contact_class), phase=Phase.CLOSED, read_at=None)
        )
    return links


def _standing(spells: Sequence[Any], now: datetime) -> tuple[bool, bool, datetime | None]:
    """Of a worker's assignments to one case: on it now, ever on it, and until when (the latest end, if known)."""
    begun = [spell for spell in spells if spell.from_at is not None and spell.from_at <= now]
    running = [spell for spell in begun if spell.until_at is None or now < spell.until_at]
    if running:
        ends = [spell.until_at for spell in running]
        return True, True, None if None in ends else max(ends)
    return False, bool(begun), max((spell.until_at for spell in begun), default=None)


def _moments(connection: Connection, chosen: ColumnElement[bool]) -> dict[tuple[int, int], list[date]]:
    rows = connection.execute(
        select(pair.c.worker_id, moment.c.case_id, moment.c.on_date)
        .join(link, link.c.identifier_id == pair.c.identifier_id)
        .join(worker, worker.c.id == pair.c.worker_id)
        .join(moment, and_(moment.c.case_id == link.c.case_id, moment.c.worker_ref == worker.c.ref))
        .where(chosen)
        .distinct()
        .order_by(moment.c.on_date)
    )
    found: defaultdict[tuple[int, int], list[date]] = defaultdict(list)
    for row in rows:
        found[row.worker_id, row.case_id].append(row.on_date)
    return found


def _deviations(connection: Connection, chosen: ColumnElement[bool], now: datetime) -> dict[tuple[int, int], datetime]:
    workers = select(pair.c.worker_id).where(chosen)
    rows = connection.execute(
        select(deviation.c.worker_id, deviation.c.case_id, func.max(deviation.c.until_at))
        .where(
            deviation.c.worker_id.in_(workers),
            deviation.c.until_at > now,
            or_(deviation.c.ended_at.is_(None), deviation.c.ended_at > now),
        )
        .group_by(deviation.c.worker_id, deviation.c.case_id)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def mark_due(connection: Connection, chosen: ColumnElement[bool], now: datetime) -> int:
    """Decide these pairs again; returns how many."""
    return connection.execute(update(pair).where(chosen).values(due_at=now)).rowcount


def add_pairs(connection: Connection, worker_id: int, identifiers: Sequence[int], now: datetime) -> None:
    """Identifiers newly seen with a worker: pairs to decide now."""
    if not identifiers:
        return
    statement = insert(connection, pair).values(due_at=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["worker_id", "identifier_id"], set_={"due_at": statement.excluded.due_at}
        ),
        [{"worker_id": worker_id, "identifier_id": each} for each in identifiers],
    )


def write_decisions(connection: Connection, decided: Sequence[tuple[PairFacts, Need]], now: datetime) -> None:
    """What was decided for each pair, and when time alone may change it."""
    if not decided:
        return
    statement = insert(connection, pair)
    new = statement.excluded
    columns = ("due_at", "decision", "reason", "case_id", "policy", "decided_at")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["worker_id", "identifier_id"], set_={name: new[name] for name in columns}
        ),
        [
            {
                "worker_id": facts.worker,
                "identifier_id": facts.identifier,
                "due_at": need.next_at,
                "decision": need.decision.value,
                "reason": need.reason.value,
                "case_id": need.case or None,
                "policy": need.policy,
                "decided_at": now,
            }
            for facts, need in decided
        ],
    )


def forget_due(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Pairs we hold that are present nowhere: nothing to decide. No other: it may have become due a moment ago."""
    for start in range(0, len(pairs), _CHUNK):
        connection.execute(update(pair).where(of_pairs(pairs[start : start + _CHUNK])).values(due_at=None))
