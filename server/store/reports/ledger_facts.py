"""The facts of an inquiry by sets: which tokens are known, how they stand in one worker's books, in which cases.

So many statements whatever the number of tokens; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, Select, Table, func, literal, select

from mdm_adapters.port import Token
from server.core.model import ContactClass, Level, Phase, Presence, Role
from server.core.reports.ledger import CaseFacts, NumberStanding, PlaceFacts
from server.store.admin import custody
from server.store.database import among, fill, scratch
from server.store.schema.base import (
    account,
    account_role,
    assignment,
    case_spell,
    case_system,
    cases,
    deputy,
    device,
    directory,
    evidence,
    finding,
    identifier,
    link,
    membership,
    orders,
    pair,
    place,
    place_device,
    sighting,
    worker,
)
from server.store.seal import SealBrokenError, Sealer

_asked = scratch("asked_token", Column("line", Integer), Column("token", LargeBinary))
_wanted = scratch("asked_identifier", Column("identifier_id", BigInteger, primary_key=True))


@dataclass(frozen=True, slots=True)
class SubjectBooks:
    """The address books of the worker of a mandate. unread: those of them that were never read in full."""

    places: tuple[int, ...]
    unread: int


def known_lines(connection: Connection, tokens: Iterable[tuple[int, Token]]) -> Sequence[tuple[int, int]]:
    """(line, our number of the identifier) of each of these that the register knows, or once knew, in order."""
    fill(connection, _asked, list(tokens))
    query = select(_asked.c.line, identifier.c.id).join(identifier, identifier.c.token == _asked.c.token)
    return sorted({(row.line, row.id) for row in connection.execute(query)})


def staying_among(connection: Connection, identifiers: Iterable[int]) -> frozenset[int]:
    """Those that are a colleague's or partner's of the whole organisation."""
    _want(connection, identifiers)
    query = select(directory.c.identifier_id).join(_wanted, _wanted.c.identifier_id == directory.c.identifier_id)
    return frozenset(connection.execute(query).scalars())


def books_of(connection: Connection, worker_id: int, device_id: int | None) -> SubjectBooks:
    """The books of a worker; of a phone, those of them that it reads."""
    query = select(place.c.id, place.c.full_at).where(place.c.worker_id == worker_id).order_by(place.c.id)
    if device_id is not None:
        query = query.join(place_device, place_device.c.place_id == place.c.id).where(
            place_device.c.device_id == device_id
        )
    rows = connection.execute(query).all()
    return SubjectBooks(tuple(row.id for row in rows), sum(row.full_at is None for row in rows))


def seen_in(
    connection: Connection, sealer: Sealer, books: SubjectBooks, identifiers: Iterable[int] | None = None
) -> Mapping[int, Sequence[PlaceFacts]]:
    """How contacts stand in these books, by identifier: of these, or all that were ever seen there.

    Removals whose period is over are known from copies, where what has to last is kept (`store.admin.custody`).
    """
    here = among(books.places)
    seen = select(sighting).where(sighting.c.place_id.in_(here))
    done = (
        select(
            orders.c.id,
            orders.c.place_id,
            orders.c.identifier_id,
            orders.c.settled_at,
            orders.c.level,
            (orders.c.cards_removed + orders.c.cards_trimmed == 0).label("found_gone"),
        )
        .where(orders.c.place_id.in_(here), orders.c.settled_at.is_not(None))
        .order_by(orders.c.settled_at, orders.c.id)
    )
    if identifiers is not None:
        _want(connection, identifiers)
        seen = seen.join(_wanted, _wanted.c.identifier_id == sighting.c.identifier_id)
        done = done.join(_wanted, _wanted.c.identifier_id == orders.c.identifier_id)
    newest = _kept_apart(connection, sealer)
    phones = _confirmed_by(connection, here)
    newest |= {
        (row.place_id, row.identifier_id): _Removal(
            row.settled_at, Level(row.level), bool(row.found_gone), phones.get(row.id, 0)
        )
        for row in connection.execute(done)
    }
    found: dict[int, list[PlaceFacts]] = {}
    for row in connection.execute(seen.order_by(sighting.c.identifier_id, sighting.c.place_id)):
        order = newest.get((row.place_id, row.identifier_id))
        facts = PlaceFacts(row.identifier_id, Presence(row.presence), row.first_at, row.since_at)
        if order is not None:
            facts = facts._replace(
                settled_at=order.settled_at, level=order.level, phones=order.phones, found_gone=order.found_gone
            )
        found.setdefault(row.identifier_id, []).append(facts)
    return found


class _Removal(NamedTuple):
    settled_at: datetime
    level: Level
    found_gone: bool
    phones: int = 0


def _kept_apart(connection: Connection, sealer: Sealer) -> dict[tuple[int, int], _Removal]:
    """Of copies of removals, the newest at each place; where copies cannot be opened nothing is known of them."""
    try:
        copies = [each.said[orders.name] for each in custody.read(connection, sealer) if orders.name in each.said]
    except SealBrokenError:
        return {}
    proven = sorted((each for each in copies if each.get("settled_at")), key=lambda each: str(each["settled_at"]))
    return {
        (each["place_id"], each["identifier_id"]): _Removal(
            datetime.fromisoformat(each["settled_at"]),
            Level(each["level"]),
            each.get("cards_removed", 1) + each.get("cards_trimmed", 0) == 0,
        )
        for each in proven
    }


def _confirmed_by(connection: Connection, here: object) -> Mapping[str, int]:
    """How many phones confirmed each removal."""
    query = (
        select(evidence.c.order_id, func.count(evidence.c.device_id.distinct()).label("phones"))
        .join(orders, orders.c.id == evidence.c.order_id)
        .where(orders.c.place_id.in_(here))  # type: ignore[arg-type]
        .group_by(evidence.c.order_id)
    )
    return {row.order_id: row.phones for row in connection.execute(query)}


def cases_of(connection: Connection, identifiers: Iterable[int], worker_ref: str, now: datetime) -> Sequence[CaseFacts]:
    """Every case of these contacts as the register has it, or as it is known from what closeout did, in the order of
    contacts and cases. worker_ref: of the worker of the mandate.
    """
    _want(connection, identifiers)
    worked, works = _assignments(connection, worker_ref, now)
    again = set(connection.execute(select(case_spell.c.case_id).distinct()).scalars())
    found = {(row.identifier_id, row.case_id): row for query in _CASES for row in connection.execute(query)}
    linked = {(row.identifier_id, row.case_id): row for row in connection.execute(_LINKED)}
    numbers = _case_rows(connection, {case for _, case in found.keys() | linked.keys()})
    rows = []
    for contact, case in sorted(found.keys() | linked.keys()):
        row, told = numbers[case], linked.get((contact, case))
        standing = NumberStanding.FORGOTTEN
        if told is not None:
            former = NumberStanding.FORMER if told.former_since is not None else NumberStanding.CURRENT
            standing = NumberStanding.OVERWRITTEN if told.gone_at is not None else former
        rows.append(
            CaseFacts(
                *(contact, row.number, row.name, "" if told is None else told.person),
                None if told is None else ContactClass(told.contact_class),
                standing,
                Phase(row.phase),
                row.closed_at,
                case in worked,
                case in works,
                case in again,
            )
        )
    return rows


_LINKED = (
    select(
        link.c.identifier_id,
        link.c.case_id,
        link.c.person,
        link.c["class"].label("contact_class"),
        link.c.former_since,
        link.c.gone_at,
    )
    .join(_wanted, _wanted.c.identifier_id == link.c.identifier_id)
    .order_by(link.c.identifier_id, link.c.case_id)
)


def _known_from(table: Table) -> Select[tuple[int, int]]:
    columns = table.c
    return (
        select(columns.identifier_id, columns.case_id)
        .join(_wanted, _wanted.c.identifier_id == columns.identifier_id)
        .where(columns.case_id.is_not(None))
        .distinct()
    )


_CASES = tuple(_known_from(table) for table in (orders, finding, pair))
"""What the register names no more is known from what was removed, asked or decided."""


def _assignments(connection: Connection, worker_ref: str, now: datetime) -> tuple[set[int], set[int]]:
    """Our numbers of the cases that a worker was, and is, assigned to."""
    query = select(assignment.c.case_id, assignment.c.from_at, assignment.c.until_at)
    rows = connection.execute(query.where(assignment.c.worker_ref == worker_ref, assignment.c.from_at <= now)).all()
    running = {row.case_id for row in rows if row.until_at is None or now < row.until_at}
    return {row.case_id for row in rows}, running


def _case_rows(connection: Connection, ids: Iterable[int]) -> Mapping[int, Any]:
    _want(connection, ids)
    query = (
        select(cases.c.id, cases.c.number, cases.c.phase, cases.c.closed_at, case_system.c.name)
        .join(case_system, case_system.c.id == cases.c.system_id)
        .join(_wanted, _wanted.c.identifier_id == cases.c.id)
    )
    return {row.id: row for row in connection.execute(query)}


def _want(connection: Connection, numbers: Iterable[int]) -> None:
    fill(connection, _wanted, [(each,) for each in sorted(set(numbers))])


# --- who may take part --------------------------------------------------------------------------------------------


def led_by(connection: Connection, account_id: int, of_worker: int | None, now: datetime) -> frozenset[int]:
    """Our numbers of the workers of a team that somebody leads, or stands in for: who is in it, and who ever was."""
    own = select(worker.c.team).where(worker.c.id == of_worker)
    stands_in = select(deputy.c.team).where(
        deputy.c.account_id == account_id, deputy.c.until_at > now, deputy.c.ended_at.is_(None)
    )
    teams = set(connection.execute(own).scalars()) | set(connection.execute(stands_in).scalars())
    if not teams:
        return frozenset()
    named = among(sorted(teams))
    now_there = select(worker.c.id).where(worker.c.team.in_(named))
    once = select(membership.c.worker_id).where(membership.c.team.in_(named))
    return frozenset(connection.execute(now_there).scalars()) | frozenset(connection.execute(once).scalars())


def stands_in(connection: Connection, account_id: int, now: datetime) -> bool:
    """Whether somebody is a deputy of any team."""
    query = select(literal(1)).where(
        deputy.c.account_id == account_id, deputy.c.until_at > now, deputy.c.ended_at.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def phone_of(connection: Connection, ref: str, worker_id: int) -> int | None:
    """Our number of a phone that reads a book of that worker; None: it reads none."""
    query = (
        select(device.c.id)
        .join(place_device, place_device.c.device_id == device.c.id)
        .join(place, place.c.id == place_device.c.place_id)
        .where(device.c.ref == ref, place.c.worker_id == worker_id)
    )
    found: int | None = connection.execute(query.limit(1)).scalar()
    return found


@dataclass(frozen=True, slots=True)
class ClearedAccount:
    """Somebody who may be the second person. said: how accounts are called: by name, or by id."""

    id: int
    uid: str
    said: str
    worker: int | None
    roles: tuple[Role, ...]


def cleared_accounts(connection: Connection, roles: Iterable[Role]) -> Sequence[ClearedAccount]:
    """Accounts that may act in one of these roles, in the order of what they are called."""
    said = func.coalesce(account.c.name, account.c.uid)
    wanted = [each.value for each in roles]
    able = select(account_role.c.account_id).where(account_role.c.role.in_(among(wanted)))
    rows = connection.execute(
        select(account.c.id, account.c.uid, said.label("said"), account.c.worker_id)
        .where(account.c.id.in_(able), account.c.disabled_at.is_(None))
        .order_by(said)
    ).all()
    has: dict[int, list[Role]] = {}
    query = select(account_role).where(account_role.c.account_id.in_(among([row.id for row in rows])))
    for row in connection.execute(query.order_by(account_role.c.role)):
        has.setdefault(row.account_id, []).append(Role(row.role))
    return [ClearedAccount(row.id, row.uid, row.said, row.worker_id, tuple(has.get(row.id, ()))) for row in rows]
