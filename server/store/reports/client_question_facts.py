"""All that is known of one number or address, for a client who asks whether it is gone; nothing is decided here.

The same statements whatever is known of it, so that neither their count nor what they lock tells anything. Never
asked: holds, copies of what a hold made last, and what a pass decided under one.
"""

from __future__ import annotations

from sqlalchemy import Connection, exists, func, or_, select, union

from mdm_adapters.port import Shape, Token
from server.core.model import ContactClass, FindingKind, Level, Link, Phase, Presence, Whose
from server.core.reports.client_answer import (
    BookRead,
    NumberFacts,
    NumberLink,
    NumberRemoved,
    NumberSeen,
    contact_of,
)
from server.store.removal import questions
from server.store.schema.base import (
    assignment,
    case_system,
    cases,
    connection,
    directory,
    entry,
    finding,
    identifier,
    link,
    log_of_order,
    orders,
    pair,
    place,
    sighting,
    worker,
)

_NOBODYS = 0
"""No identifier has this number: what nobody knows is asked about like all else."""


def facts_of(at: Connection, token: Token) -> NumberFacts:
    """Of a number that nobody knows: the books alone."""
    known = at.execute(select(identifier.c.id).where(identifier.c.token == token)).scalar() or _NOBODYS
    staying = at.execute(select(directory.c.identifier_id).where(directory.c.identifier_id == known)).first()
    return NumberFacts(
        _links(at, known),
        books_read(at, known),
        tuple(
            NumberSeen(row.place_id, Presence(row.presence), row.since_at)
            for row in at.execute(select(sighting).where(sighting.c.identifier_id == known))
        ),
        _removed(at, known),
        staying is not None,
        _workers(at, known),
    )


def _links(at: Connection, known: int) -> tuple[NumberLink, ...]:
    of_number = select(cases.c.number).join(link, link.c.case_id == cases.c.id).where(link.c.identifier_id == known)
    # Of all its cases at once: of a professional's number, with hundreds of cases, it takes no longer.
    several = set(
        at.execute(
            select(cases.c.number)
            .where(cases.c.number.in_(of_number))
            .group_by(cases.c.number)
            .having(func.count() > 1)
        ).scalars()
    )
    theirs = func.coalesce(link.c.whose == Whose.THEIRS.value, False)
    query = (
        select(
            *(cases.c.id, cases.c.number, cases.c.phase, cases.c.closed_at, cases.c.recorded, cases.c.told_at),
            *(case_system.c.read_at, link.c.person, link.c["class"].label("contact_class"), link.c.former_since),
            *(link.c.since_at, link.c.gone_at, or_(link.c.linked, theirs).label("linked"), theirs.label("theirs")),
        )
        .select_from(link)
        .join(cases, cases.c.id == link.c.case_id)
        .join(case_system, case_system.c.id == cases.c.system_id)
        .where(link.c.identifier_id == known, link.c.whose.is_distinct_from(Whose.NOT_THEIRS.value))
        .order_by(cases.c.id)
    )
    return tuple(
        NumberLink(
            contact_of(row.number, row.person),
            Link(
                row.id,
                ContactClass(row.contact_class),
                Phase(row.phase),
                max((each for each in (row.read_at, row.told_at) if each is not None), default=None),
                linked=bool(row.linked),
                closed_at=row.closed_at,
                recorded=bool(row.recorded),
                former_since=row.former_since,
                since_at=row.since_at,
                gone_at=row.gone_at,
                theirs=bool(row.theirs),
            ),
            ambiguous=row.number in several,
        )
        for row in at.execute(query)
    )


def _removed(at: Connection, known: int) -> tuple[NumberRemoved, ...]:
    proven = exists().where(log_of_order.c.order_id == orders.c.id, log_of_order.c.proves)
    # By worker, too, since orders are found by worker and identifier; each of them came from such a pair.
    theirs = select(pair.c.worker_id).where(pair.c.identifier_id == known)
    query = (
        select(
            *(orders.c.id, orders.c.place_id, orders.c.settled_at, orders.c.level),
            proven.label("has_receipt"),
        )
        .where(orders.c.worker_id.in_(theirs), orders.c.identifier_id == known, orders.c.settled_at.is_not(None))
        .order_by(orders.c.settled_at, orders.c.id)
    )
    return tuple(
        NumberRemoved(row.place_id, row.settled_at, Level(row.level), row.id if row.has_receipt else None)
        for row in at.execute(query)
    )


def _workers(at: Connection, known: int) -> frozenset[int]:
    """Everybody who had it in a book, or works or worked on a case that names it."""
    decided = select(pair.c.worker_id).where(pair.c.identifier_id == known)
    in_book = (
        select(place.c.worker_id)
        .join(sighting, sighting.c.place_id == place.c.id)
        .where(sighting.c.identifier_id == known)
    )
    at_work = (
        select(worker.c.id)
        .join(assignment, assignment.c.worker_ref == worker.c.ref)
        .join(link, link.c.case_id == assignment.c.case_id)
        .where(link.c.identifier_id == known)
    )
    return frozenset(at.execute(union(decided, in_book, at_work)).scalars())


def books_read(at: Connection, known: int = _NOBODYS) -> tuple[BookRead, ...]:
    """Every address book, and how it is read. known: what its newest full reading must have looked for."""
    unreadable = select(entry.c.place_id).where(entry.c.shape == Shape.UNREADABLE, entry.c.accepted.is_(False))
    emptied = select(finding.c.place_id).where(
        finding.c.kind == FindingKind.EMPTY_BOOK.value, finding.c.closed_at.is_(None), finding.c.place_id.is_not(None)
    )
    doubted = {*at.execute(union(unreadable, emptied)).scalars(), *questions.places_in_doubt(at, [known])}
    query = (
        select(place.c.id, connection.c.vendor, place.c.full_at, place.c.searched_to, place.c.fault)
        .join(connection, connection.c.id == place.c.connection_id)
        .order_by(place.c.id)
    )
    return tuple(
        BookRead(row.id, row.vendor, row.full_at, row.searched_to >= known, row.fault is not None or row.id in doubted)
        for row in at.execute(query)
    )
