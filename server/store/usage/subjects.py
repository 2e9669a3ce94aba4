"""Whose usage it is: phones, numbers, links and cases as the door asks for them, and kinds of usage; no sum is here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    or_,
    select,
)

from mdm_adapters.port import Token
from server.core.model import ContactClass, Whose
from server.core.reports.channel_tables import UsageKind
from server.core.usage.counterparties import ALWAYS, NEVER, Held
from server.core.usage.model import (
    Confidence,
    Counterparty,
    Direction,
    Profile,
    Quantity,
    Use,
)
from server.store.database import insert
from server.store.schema.base import cases, device, directory, employer, gate, identifier, installation, link, worker
from server.store.schema.usage import (
    device_holding,
    usage_feed,
    usage_kind,
    usage_subject,
)
from server.store.usage.case_days import day_of


class KindKey(NamedTuple):
    """What a sum is of; `channel` is "" where none is known."""

    quantity: Quantity
    confidence: Confidence
    profile: Profile
    use: Use
    channel: str
    counterparty: Counterparty
    direction: Direction


@dataclass(frozen=True, slots=True)
class Subject:
    """Of whom sums are kept. worker: who holds the device or the account now. device: None for an account."""

    id: int
    worker: int
    device: int | None
    gated: bool


@dataclass(frozen=True, slots=True)
class KnownLink:
    """What the register says of one identifier: in the directory (case: None), or in one case.

    former: the day from which the number is theirs no more.
    """

    token: Token
    contact_class: ContactClass
    case: int | None = None
    former: int = NEVER


def covers_of(connection: Connection, name: str) -> str | None:
    """Whether a known feed covers devices or accounts; None: it is not known."""
    found: str | None = connection.execute(select(usage_feed.c.covers).where(usage_feed.c.name == name)).scalar()
    return found


def subjects(connection: Connection, covers: str, today: date, scope: str) -> dict[str, Subject]:
    """Every device or worker by its reference, as a subject of usage; made where there is none yet.

    gated: a demo, or the employer has a gate of that scope in force.
    """
    if covers == "device":
        rows = connection.execute(
            select(device.c.id, device.c.ref, worker.c.id.label("worker"), worker.c.employer_id).join(
                worker, worker.c.id == device.c.worker_id
            )
        ).all()
        key = usage_subject.c.device_id
        made = [{"kind": "device", "device_id": row.id} for row in rows]
    else:
        rows = connection.execute(
            select(worker.c.id, worker.c.ref, worker.c.id.label("worker"), worker.c.employer_id)
        ).all()
        key = usage_subject.c.worker_id
        made = [{"kind": "account", "worker_id": row.id} for row in rows]
    if made:
        connection.execute(insert(connection, usage_subject).on_conflict_do_nothing(), made)
    ids = {
        row.of: row.id
        for row in connection.execute(select(usage_subject.c.id, key.label("of")).where(key.is_not(None)))
    }
    allowed = gated_employers(connection, today, scope)
    return {
        row.ref: Subject(ids[row.id], row.worker, row.id if covers == "device" else None, row.employer_id in allowed)
        for row in rows
    }


def nobody(connection: Connection) -> int:
    """The subject of what cannot be attributed."""
    connection.execute(insert(connection, usage_subject).values(kind="nobody").on_conflict_do_nothing())
    return int(connection.execute(select(usage_subject.c.id).where(usage_subject.c.kind == "nobody")).scalar_one())


def gated_employers(connection: Connection, today: date, scope: str) -> frozenset[int]:
    """Employers with a gate of that scope in force today; in a demo, all of them."""
    if connection.execute(select(installation.c.demo)).scalar_one():
        return frozenset(connection.execute(select(employer.c.id)).scalars())
    query = select(gate.c.employer_id).where(gate.c.scope == scope, gate.c.ends_on >= today)
    return frozenset(connection.execute(query).scalars())


def all_gated(connection: Connection, today: date, scope: str) -> bool:
    """Whether no employer is without such a gate, so that what cannot be attributed may be counted too."""
    everyone = frozenset(connection.execute(select(employer.c.id)).scalars())
    return bool(everyone) and everyone <= gated_employers(connection, today, scope)


def kind_ids(connection: Connection, keys: Sequence[KindKey]) -> dict[KindKey, int]:
    """The ids of kinds of sums, made where new."""
    if keys:
        rows = [{name: str(value) for name, value in key._asdict().items()} for key in keys]
        connection.execute(insert(connection, usage_kind).on_conflict_do_nothing(), rows)
    return {key: number for number, key in kinds(connection).items()}


def kinds(connection: Connection) -> dict[int, KindKey]:
    """All kinds of sums by id."""
    return {
        row.id: KindKey(
            Quantity(row.quantity),
            Confidence(row.confidence),
            Profile(row.profile),
            Use(row.use),
            row.channel,
            Counterparty(row.counterparty),
            Direction(row.direction),
        )
        for row in connection.execute(select(usage_kind))
    }


def known_links(connection: Connection) -> Iterator[KnownLink]:
    """Every identifier of register and directory with its class; where nobody knows whose it is, it is left out."""
    for row in connection.execute(
        select(identifier.c.token, directory.c["class"]).join(directory, directory.c.identifier_id == identifier.c.id)
    ):
        yield KnownLink(Token(row[0]), ContactClass(row[1]))
    query = (
        select(
            identifier.c.token,
            link.c["class"].label("contact_class"),
            link.c.former_since,
            link.c.gone_at,
            link.c.case_id,
        )
        .join(link, link.c.identifier_id == identifier.c.id)
        .where(or_(link.c.linked, link.c.whose == Whose.THEIRS.value))
        .where(link.c.whose.is_distinct_from(Whose.NOT_THEIRS.value))
    )
    for each in connection.execute(query.execution_options(yield_per=5_000)):
        former = min((at for at in (each.former_since, each.gone_at) if at is not None), default=None)
        day = NEVER if former is None else day_of(former)
        yield KnownLink(Token(each.token), ContactClass(each.contact_class), each.case_id, day)


def cases_by_number(connection: Connection) -> Mapping[str, Sequence[int]]:
    """The cases of each number: two systems may use one."""
    found: dict[str, list[int]] = {}
    for number, of_case in connection.execute(select(cases.c.number, cases.c.id).order_by(cases.c.id)):
        found.setdefault(number, []).append(of_case)
    return found


def holders(connection: Connection) -> Mapping[int, Sequence[Held]]:
    """Who had each device when; what was never looked at, whoever has it now, since ever."""
    found: dict[int, list[Held]] = {}
    rows = connection.execute(select(device_holding).order_by(device_holding.c.device_id, device_holding.c.first))
    for row in rows:
        first = ALWAYS if row.since_ever else row.first.toordinal()
        last = NEVER if row.last is None else row.last.toordinal()
        found.setdefault(row.device_id, []).append(Held(row.worker_id, (first, last)))
    for number, of_worker in connection.execute(select(device.c.id, device.c.worker_id)):
        found.setdefault(number, [Held(of_worker, (ALWAYS, NEVER))])
    return found


def usage_kinds(connection: Connection) -> Mapping[int, UsageKind]:
    """What sums may be of, as reports on channels tell it apart."""
    return {
        number: UsageKind(key.quantity, key.confidence, key.use, key.channel or None, key.counterparty)
        for number, key in kinds(connection).items()
    }
