"""What the log says of proven removals, found by order, case or day; and the words it says them in, by digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from mdm_adapters.port import Token
from server.core.removal.plan import item_id
from server.store.database import among, insert
from server.store.schema.base import identifier, log_of_order, orders, place, statement

_CHUNK = 5_000


class ProvenOrder(NamedTuple):
    """What a proof commits to beside its order."""

    id: str
    token: Token
    policy: str
    reason: str


def proven_orders(connection: Connection, ids: Sequence[str]) -> Sequence[ProvenOrder]:
    """These orders, in the order of their ids."""
    query = (
        select(orders.c.id, identifier.c.token, orders.c.policy, orders.c.reason)
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .where(orders.c.id.in_(among(ids)))
        .order_by(orders.c.id)
    )
    return [ProvenOrder(row.id, Token(row.token), row.policy, row.reason) for row in connection.execute(query)]


def keep_statement(connection: Connection, digest: str, told: str) -> None:
    """Keep what proofs of this digest say; once."""
    known = select(statement.c.digest).where(statement.c.digest == digest)
    if connection.execute(known).first() is None:
        connection.execute(insert(connection, statement).on_conflict_do_nothing(), [{"digest": digest, "told": told}])


def statements(connection: Connection) -> Mapping[str, str]:
    """What proofs say in words, by digest."""
    return {row.digest: row.told for row in connection.execute(select(statement))}


def with_proof(
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cases: Sequence[int] | None = None,
    ids: Sequence[str] | None = None,
    before: int | None = None,
) -> Sequence[str]:
    """Orders whose proof in the log commits to their contact. since, until: proven from then on and before then.

    cases, ids: of these alone. before: proven by an entry before that number.
    """
    query = select(log_of_order.c.order_id).where(log_of_order.c.proves)
    if ids is not None:
        query = query.where(log_of_order.c.order_id.in_(among(ids)))
    if before is not None:
        query = query.where(log_of_order.c.seq < before)
    if since is not None or until is not None or cases is not None:
        query = query.join(orders, orders.c.id == log_of_order.c.order_id)
    if since is not None:
        query = query.where(orders.c.settled_at >= since)
    if until is not None:
        query = query.where(orders.c.settled_at < until)
    if cases is not None:
        query = query.where(orders.c.case_id.in_(among(cases)))
    return list(connection.execute(query).scalars())


def of_item(connection: Connection, item: str) -> Sequence[str]:
    """Those of a contact at a place, by its opaque id; all are gone through, whatever is found."""
    query = (
        select(log_of_order.c.order_id, place.c.uid, identifier.c.token)
        .join(orders, orders.c.id == log_of_order.c.order_id)
        .join(place, place.c.id == orders.c.place_id)
        .join(identifier, identifier.c.id == orders.c.identifier_id)
        .where(log_of_order.c.proves)
    )
    return [row.order_id for row in connection.execute(query) if item_id(row.uid, Token(row.token)) == item]


def entries_of(connection: Connection, ids: Sequence[str]) -> Mapping[str, Sequence[int]]:
    """Numbers of the entries about the proof of each of these orders, the proof's own first."""
    found: dict[str, list[int]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(log_of_order.c.order_id, log_of_order.c.seq).where(
            log_of_order.c.order_id.in_(among(ids[start : start + _CHUNK]))
        )
        for row in connection.execute(query.order_by(log_of_order.c.seq)):
            found.setdefault(row.order_id, []).append(row.seq)
    return found
