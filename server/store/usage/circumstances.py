"""What stands around figures, as lists and managers tell it: duty, absence, shared devices, apps on phones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select, update

from mdm_adapters.phones import AppPresence, Aspect
from server.core.usage.channels import PhoneApps
from server.core.usage.model import Span
from server.store.database import insert, insert_many
from server.store.schema.base import device, worker
from server.store.schema.phones import phone, phone_app, phone_fact
from server.store.schema.usage import absence, duty_day, listed_app, listed_phone, shared_device

_ALWAYS = date(1, 1, 1)


@dataclass(frozen=True, slots=True)
class ListedPhone:
    """A phone on a list of apps: when it was seen, the channels on it, and those of them that management put there."""

    device: int
    on: date
    channels: frozenset[str]
    managed: frozenset[str]
    contacts_closed: bool | None


def workers_by_ref(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """Every worker by reference: our number and the employer's."""
    rows = connection.execute(select(worker.c.ref, worker.c.id, worker.c.employer_id))
    return {row.ref: (row.id, row.employer_id) for row in rows}


def devices_by_ref(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """Every device by reference: our number and that of its worker's employer."""
    query = select(device.c.ref, device.c.id, worker.c.employer_id).join(worker, worker.c.id == device.c.worker_id)
    return {row.ref: (row.id, row.employer_id) for row in connection.execute(query)}


def put_duty_days(connection: Connection, days: Collection[tuple[int, date]]) -> None:
    """Take these (worker, day) in place of all from the first day to the last."""
    ordinals = {(who, day.toordinal()) for who, day in days}
    if ordinals:
        of = [day for _, day in ordinals]
        connection.execute(delete(duty_day).where(duty_day.c.day.between(min(of), max(of))))
        insert_many(connection, duty_day, [{"worker_id": who, "day": day} for who, day in sorted(ordinals)])


def put_absences(connection: Connection, spans: Iterable[tuple[int, Span]]) -> None:
    """Take these in place of all from their first day on; of two that begin on one day the longer counts.

    What a list does not reach back to stays: last year's absences are last year's figures.
    """
    longest: dict[tuple[int, date], date | None] = {}
    for who, span in spans:
        before = longest.get((who, span.first), span.first)
        longest[who, span.first] = None if before is None or span.last is None else max(before, span.last)
    if not longest:
        return
    begin = min(first for _, first in longest)
    connection.execute(delete(absence).where(absence.c.first >= begin))
    connection.execute(
        update(absence)
        .where(or_(absence.c.last.is_(None), absence.c.last >= begin))
        .values(last=begin - timedelta(days=1))
    )
    insert_many(
        connection,
        absence,
        [{"worker_id": who, "first": first, "last": last} for (who, first), last in longest.items()],
    )


def put_shared_devices(
    connection: Connection, spans: Mapping[int, tuple[date | None, date | None]], today: date
) -> None:
    """Devices meant for several people, all of them; one that is on the list no more was so until yesterday."""
    now = {number: (first or _ALWAYS, last) for number, (first, last) in spans.items()}
    for row in connection.execute(select(shared_device)).all():
        if (row.device_id, row.first) in {(number, first) for number, (first, _) in now.items()}:
            continue
        of = (shared_device.c.device_id == row.device_id) & (shared_device.c.first == row.first)
        if row.device_id in now or row.first >= today:
            connection.execute(delete(shared_device).where(of))
        elif row.last is None or row.last >= today:
            connection.execute(update(shared_device).where(of).values(last=today - timedelta(days=1)))
    for number, (first, last) in now.items():
        statement = insert(connection, shared_device).values(device_id=number, first=first, last=last)
        connection.execute(statement.on_conflict_do_update(index_elements=["device_id", "first"], set_={"last": last}))


def put_listed_phones(connection: Connection, phones: Collection[ListedPhone]) -> None:
    """Take each in place of what a list told of that phone before."""
    ids = [each.device for each in phones]
    _forget(connection, listed_app, ids)
    _forget(connection, listed_phone, ids)
    insert_many(
        connection,
        listed_phone,
        [{"device_id": each.device, "on_date": each.on, "contacts_closed": each.contacts_closed} for each in phones],
    )
    insert_many(
        connection,
        listed_app,
        [
            {"device_id": each.device, "channel": channel, "managed": channel in each.managed}
            for each in phones
            for channel in sorted(each.channels)
        ],
    )


def _forget(connection: Connection, table: Table, ids: Collection[int]) -> None:
    listed = sorted(ids)
    for start in range(0, len(listed), 400):
        connection.execute(delete(table).where(table.c.device_id.in_(listed[start : start + 400])))


def absences(connection: Connection) -> Mapping[int, tuple[Span, ...]]:
    """Of each worker when they were away."""
    found: dict[int, tuple[Span, ...]] = {}
    for row in connection.execute(select(absence).order_by(absence.c.worker_id, absence.c.first)):
        found[row.worker_id] = (*found.get(row.worker_id, ()), Span(row.first, row.last))
    return found


def shared_devices(connection: Connection, first: date, last: date) -> frozenset[int]:
    """The devices meant for several people on any of these days."""
    return frozenset(
        row.device_id
        for row in connection.execute(select(shared_device))
        if row.first <= last and (row.last is None or first <= row.last)
    )


def duty_days(connection: Connection) -> Mapping[int, frozenset[date]]:
    """Of each worker the days of duty."""
    found: dict[int, set[date]] = {}
    for row in connection.execute(select(duty_day)):
        found.setdefault(row.worker_id, set()).add(date.fromordinal(row.day))
    return {number: frozenset(days) for number, days in found.items()}


def phone_apps(connection: Connection, watched: Collection[str]) -> tuple[PhoneApps, ...]:
    """Every device with the channels on it: as its manager tells, else as a list does, else unknown.

    A channel of which a manager cannot say whether it is there is unknown on that phone, and never absent; where it can
    say it of none, there is no inventory.
    """
    told: dict[int, dict[str, Any]] = {}
    enrolled: set[int] = set()
    phones = select(phone.c.id, phone.c.device_id, phone.c.managed).where(
        phone.c.device_id.is_not(None), phone.c.left_at.is_(None)
    )
    of_phone: dict[int, int] = {}
    for row in connection.execute(phones):
        of_phone[row.id] = row.device_id
        if row.managed is not False:
            enrolled.add(row.device_id)
    for row in connection.execute(select(phone_app)):
        if row.phone_id in of_phone:
            told.setdefault(of_phone[row.phone_id], {})[row.app] = row
    closed: dict[int, dict[str, bool | None]] = {}
    restrictions = (Aspect.READS_BLOCKED.value, Aspect.OPEN_IN_BLOCKED.value)
    for row in connection.execute(select(phone_fact).where(phone_fact.c.aspect.in_(restrictions))):
        if row.phone_id in of_phone:
            closed.setdefault(of_phone[row.phone_id], {})[row.aspect] = row.holds
    listed = {row.device_id: row for row in connection.execute(select(listed_phone))}
    on_list: dict[int, dict[str, bool | None]] = {number: {} for number in listed}
    for row in connection.execute(select(listed_app)):
        on_list[row.device_id][row.channel] = row.managed
    found = []
    for number in connection.execute(select(device.c.id).order_by(device.c.id)).scalars():
        apps = told.get(number, {})
        known = {app for app, row in apps.items() if row.presence != AppPresence.UNKNOWN.value}
        if not known.isdisjoint(watched):
            present = {app: row.managed for app, row in apps.items() if row.presence == AppPresence.PRESENT.value}
            unknown = frozenset(watched) - known
        elif number in listed:
            present, unknown = on_list[number], frozenset()
        else:
            found.append(PhoneApps(number, None, enrolled=number in enrolled))
            continue
        found.append(
            PhoneApps(
                number,
                None,
                enrolled=number in enrolled or number in listed,
                channels=frozenset(present),
                managed=frozenset(app for app, managed in present.items() if managed),
                contacts_closed=_closed(
                    closed.get(number), listed[number].contacts_closed if number in listed else None
                ),
                unknown=unknown,
            )
        )
    return tuple(found)


def _closed(holds: Mapping[str, bool | None] | None, listed: bool | None) -> bool | None:
    """Both restrictions together keep unmanaged apps from managed contacts; one alone does nothing."""
    if not holds:
        return listed
    values = [holds.get(Aspect.READS_BLOCKED.value), holds.get(Aspect.OPEN_IN_BLOCKED.value)]
    return False if False in values else None if None in values else True
