"""What workers are asked of cards in their own books, and what they said: fields that cannot be read, cards that hold
more than a client's number and a name. No text of a card lies here: fields are keyed hashes, cards are opaque ids.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, select, true, tuple_, update

from mdm_adapters.port import Entry, Rest, Shape, Token
from server.core.model import GOES, FindingKind, State
from server.core.removal.plan import item_id
from server.store.database import among, insert, insert_many
from server.store.findings import NewFinding, close_of_entries, close_unclear
from server.store.schema.base import (
    confirmed_field,
    entry,
    entry_identifier,
    identifier,
    orders,
    pair,
    place,
    unread_field,
    unread_identifier,
)

_CHUNK = 5000
_GOES = tuple(sorted(each.value for each in GOES))


@dataclass(frozen=True, slots=True)
class CardQuestion:
    """A card of a worker's book about which they are asked.

    mark: of the field that cannot be read; empty: the card holds more than a client's numbers and a name. place: the
    row of the book.
    """

    id: str
    place: int
    entry: str
    mark: bytes
    asked_at: datetime | None


def entry_uid(key: bytes) -> str:
    """What people see of an entry: an opaque id."""
    return base64.b32encode(key[:10]).decode().lower()


def field_uid(entry_: str, mark: bytes) -> str:
    """What people see of a field that cannot be read: an opaque id."""
    return f"{entry_}-{base64.b32encode(mark[:10]).decode().lower()}"


# --- what a look found


def write_unread(connection: Connection, place_id: int, keys: Mapping[bytes, Entry], when: datetime) -> None:
    """Which fields of these entries could not be read, and what may stand in each, as of now."""
    if not any(each.unread for each in keys.values()) and not _has_unread(connection, place_id):
        return
    ids = {
        row.key: row.id
        for row in connection.execute(select(entry.c.id, entry.c.key).where(entry.c.place_id == place_id))
    }
    mine = {ids[key] for key in keys}
    wanted = {(ids[key], each.mark): each.may_be for key, found in keys.items() for each in found.unread}
    of_place = select(entry.c.id).where(entry.c.place_id == place_id)
    stored = {
        (row.entry_id, bytes(row.mark)): row.id
        for row in connection.execute(select(unread_field).where(unread_field.c.entry_id.in_(of_place)))
    }
    stale = [number for (of, mark), number in stored.items() if of in mine and (of, mark) not in wanted]
    mended = {of for (of, mark) in stored.keys() - wanted.keys() if of in mine}
    close_of_entries(connection, [entry_uid(key) for key in keys if ids[key] in mended], when)
    for start in range(0, len(stale), _CHUNK):
        connection.execute(delete(unread_field).where(unread_field.c.id.in_(stale[start : start + _CHUNK])))
    insert_many(
        connection,
        unread_field,
        [{"entry_id": of, "mark": mark, "since_at": when} for of, mark in sorted(wanted.keys() - stored.keys())],
    )
    _write_may_be(connection, of_place, wanted)


def _write_may_be(
    connection: Connection, of_place: Select[tuple[int]], wanted: Mapping[tuple[int, bytes], frozenset[Token]]
) -> None:
    fields = {
        (row.entry_id, bytes(row.mark)): row.id
        for row in connection.execute(select(unread_field).where(unread_field.c.entry_id.in_(of_place)))
    }
    tokens = {token for found in wanted.values() for token in found}
    numbers = {
        Token(row.token): row.id
        for row in connection.execute(
            select(identifier.c.id, identifier.c.token).where(identifier.c.token.in_(among(tokens)))
        )
    }
    now = {(fields[key], numbers[token]) for key, found in wanted.items() for token in found if token in numbers}
    mine = sorted(fields[key] for key in wanted)
    current = {
        (row.field_id, row.identifier_id)
        for row in connection.execute(select(unread_identifier).where(unread_identifier.c.field_id.in_(among(mine))))
    }
    stale = sorted(current - now)
    for start in range(0, len(stale), _CHUNK):
        connection.execute(
            delete(unread_identifier).where(
                tuple_(unread_identifier.c.field_id, unread_identifier.c.identifier_id).in_(
                    stale[start : start + _CHUNK]
                )
            )
        )
    insert_many(
        connection,
        unread_identifier,
        [{"field_id": field, "identifier_id": number} for field, number in sorted(now - current)],
    )


def _has_unread(connection: Connection, place_id: int) -> bool:
    found = select(unread_field.c.id).join(entry, entry.c.id == unread_field.c.entry_id)
    return connection.execute(found.where(entry.c.place_id == place_id).limit(1)).first() is not None


def _unconfirmed() -> ColumnElement[bool]:
    return ~exists().where(
        confirmed_field.c.place_id == entry.c.place_id, confirmed_field.c.mark == unread_field.c.mark
    )


def may_be_there(connection: Connection, place_id: int) -> frozenset[int]:
    """Identifiers that may stand in a field of this book which nobody could read: none of them is absent."""
    rows = connection.execute(
        select(unread_identifier.c.identifier_id)
        .join(unread_field, unread_field.c.id == unread_identifier.c.field_id)
        .join(entry, entry.c.id == unread_field.c.entry_id)
        .where(entry.c.place_id == place_id, _unconfirmed())
        .distinct()
    )
    return frozenset(rows.scalars())


def places_in_doubt(connection: Connection, identifiers: Iterable[int]) -> frozenset[int]:
    """Books with a field that nobody could read and that one of these identifiers may stand in."""
    rows = connection.execute(
        select(entry.c.place_id)
        .join(unread_field, unread_field.c.entry_id == entry.c.id)
        .join(unread_identifier, unread_identifier.c.field_id == unread_field.c.id)
        .where(unread_identifier.c.identifier_id.in_(among(identifiers)), _unconfirmed())
        .distinct()
    )
    return frozenset(rows.scalars())


def count_unread(connection: Connection, place_id: int) -> int:
    """How many fields of a book could not be read and were not confirmed."""
    return counts_of_unread(connection, [place_id]).get(place_id, 0)


def counts_of_unread(connection: Connection, place_ids: Iterable[int] | None = None) -> Mapping[int, int]:
    """The same of many books (None: of all), of those that have any."""
    query = (
        select(entry.c.place_id, func.count())
        .select_from(unread_field)
        .join(entry, entry.c.id == unread_field.c.entry_id)
        .where(_unconfirmed())
        .group_by(entry.c.place_id)
    )
    if place_ids is not None:
        query = query.where(entry.c.place_id.in_(among(place_ids)))
    return {row[0]: row[1] for row in connection.execute(query)}


# --- what a worker is asked


def ask(connection: Connection, place_id: int, when: datetime) -> None:
    """Note of which cards of a book their worker can be asked from now on: those that are to go, or are postponed.

    Whether a removal is due or postponed makes no difference, so a question says nothing of why it is postponed.
    """
    connection.execute(
        update(entry)
        .where(
            entry.c.place_id == place_id,
            entry.c.shape == Shape.ASK,
            entry.c.asked_at.is_(None),
            entry.c.id.in_(select(entry.c.id).where(entry.c.place_id == place_id, _all_go())),
        )
        .values(asked_at=when)
    )


def _all_go() -> ColumnElement[bool]:
    """Whether every governed identifier of a card is to go or is postponed."""
    its_book = place.alias("its_book")
    stays = (
        select(entry_identifier.c.entry_id)
        .select_from(entry_identifier)
        .join(its_book, true())
        .outerjoin(
            pair,
            (pair.c.identifier_id == entry_identifier.c.identifier_id) & (pair.c.worker_id == its_book.c.worker_id),
        )
        .where(
            entry_identifier.c.entry_id == entry.c.id,
            its_book.c.id == entry.c.place_id,
            func.coalesce(pair.c.decision, "").not_in(_GOES),
        )
        .correlate(entry)
    )
    return ~stays.exists()


def read_questions(connection: Connection, worker: int) -> Sequence[CardQuestion]:
    """What a worker is asked about their own books: first cards, then fields; those answered are left out."""
    cards = connection.execute(
        select(entry.c.key, entry.c.place_id, entry.c.asked_at)
        .join(place, place.c.id == entry.c.place_id)
        .where(place.c.worker_id == worker, entry.c.shape == Shape.ASK, entry.c.rest == Rest.UNSAID, _all_go())
        .order_by(entry.c.place_id, entry.c.id)
    )
    found = [CardQuestion(entry_uid(row.key), row.place_id, entry_uid(row.key), b"", row.asked_at) for row in cards]
    fields = connection.execute(
        select(entry.c.key, entry.c.place_id, unread_field.c.mark, unread_field.c.since_at)
        .join(entry, entry.c.id == unread_field.c.entry_id)
        .join(place, place.c.id == entry.c.place_id)
        .where(place.c.worker_id == worker, _unconfirmed())
        .order_by(entry.c.place_id, unread_field.c.id)
    )
    return found + [
        CardQuestion(
            field_uid(entry_uid(row.key), bytes(row.mark)),
            row.place_id,
            entry_uid(row.key),
            bytes(row.mark),
            row.since_at,
        )
        for row in fields
    ]


def say_rest(connection: Connection, question: CardQuestion, rest: Rest, when: datetime) -> Sequence[str]:
    """Keep what a worker said of a card; the open orders that waited for it. A person need look at it no more."""
    row = next(
        (
            row
            for row in connection.execute(
                select(entry.c.id, entry.c.key).where(entry.c.place_id == question.place, entry.c.shape == Shape.ASK)
            )
            if entry_uid(row.key) == question.entry
        ),
        None,
    )
    if row is None:
        return ()
    connection.execute(update(entry).where(entry.c.id == row.id).values(rest=rest.value))
    close_unclear(
        connection,
        question.place,
        select(entry_identifier.c.identifier_id).where(entry_identifier.c.entry_id == row.id),
        when,
    )
    waiting = (
        select(orders.c.id)
        .join(entry_identifier, entry_identifier.c.identifier_id == orders.c.identifier_id)
        .where(
            entry_identifier.c.entry_id == row.id,
            orders.c.place_id == question.place,
            orders.c.state == State.PERSON,
        )
    )
    return list(connection.execute(waiting).scalars())


def waits_for_worker(
    connection: Connection, place_id: int, identifiers: Iterable[int], when: datetime
) -> frozenset[int]:
    """Which of these wait at a place for what its worker says, and for nothing else; they are asked from now on."""
    wanted = sorted(set(identifiers))
    rows = connection.execute(
        select(entry_identifier.c.identifier_id, entry.c.id, entry.c.shape, entry.c.rest)
        .join(entry, entry.c.id == entry_identifier.c.entry_id)
        .where(
            entry.c.place_id == place_id,
            entry_identifier.c.identifier_id.in_(among(wanted)),
            entry.c.shape.in_((Shape.ASK, Shape.UNCLEAR)),
        )
    ).all()
    asked = [row for row in rows if row.shape == Shape.ASK and row.rest == Rest.UNSAID]
    connection.execute(
        update(entry)
        .where(entry.c.id.in_(among(sorted({row.id for row in asked}))), entry.c.asked_at.is_(None))
        .values(asked_at=when)
    )
    others = {row.identifier_id for row in rows if row.shape != Shape.ASK or row.rest != Rest.UNSAID}
    return frozenset(row.identifier_id for row in asked) - others


def confirm_entries(connection: Connection, uids: Collection[str], when: datetime) -> frozenset[str]:
    """A person looked at the unreadable fields of cards and found nothing of ours; those that have any."""
    if not uids:
        return frozenset()
    rows = connection.execute(
        select(entry.c.key, entry.c.place_id, unread_field.c.mark).join(entry, entry.c.id == unread_field.c.entry_id)
    )
    found = [
        CardQuestion(uid, row.place_id, uid, bytes(row.mark), None)
        for row in rows
        if (uid := entry_uid(row.key)) in uids
    ]
    for question in found:
        confirm_field(connection, question, when)
    return frozenset(question.entry for question in found)


def confirm_field(connection: Connection, question: CardQuestion, when: datetime) -> None:
    """Keep that no client's number stands in a field, as long as its text is the same; its book is read again."""
    connection.execute(
        insert(connection, confirmed_field)
        .values(place_id=question.place, mark=question.mark, confirmed_at=when)
        .on_conflict_do_nothing()
    )
    connection.execute(update(place).where(place.c.id == question.place).values(look_due=True))


def overdue(connection: Connection, place_id: int, worker: int, asked_before: datetime) -> Sequence[NewFinding]:
    """Questions of a book that its worker left unanswered since then and that keep an order waiting: a person's now."""
    cards = connection.execute(
        select(place.c.uid, identifier.c.token, orders.c.identifier_id)
        .select_from(orders)
        .join(place, place.c.id == orders.c.place_id)
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .join(entry_identifier, entry_identifier.c.identifier_id == orders.c.identifier_id)
        .join(entry, (entry.c.id == entry_identifier.c.entry_id) & (entry.c.place_id == orders.c.place_id))
        .where(
            orders.c.place_id == place_id,
            orders.c.state == State.PERSON,
            entry.c.shape == Shape.ASK,
            entry.c.rest == Rest.UNSAID,
            entry.c.asked_at < asked_before,
        )
        .distinct()
    )
    found = [
        NewFinding(
            FindingKind.MIXED_UNCLEAR,
            subject=item_id(row.uid, Token(row.token)),
            worker=worker,
            place=place_id,
            identifier=row.identifier_id,
        )
        for row in cards
    ]
    fields = connection.execute(
        select(entry.c.key)
        .join(unread_field, unread_field.c.entry_id == entry.c.id)
        .join(unread_identifier, unread_identifier.c.field_id == unread_field.c.id)
        .join(
            orders,
            (orders.c.identifier_id == unread_identifier.c.identifier_id) & (orders.c.place_id == entry.c.place_id),
        )
        .where(
            entry.c.place_id == place_id,
            orders.c.state == State.CHECKING,
            unread_field.c.since_at < asked_before,
            _unconfirmed(),
        )
        .distinct()
    )
    return found + [
        NewFinding(FindingKind.UNREADABLE_ENTRY, subject=entry_uid(row.key), worker=worker, place=place_id)
        for row in fields
    ]
