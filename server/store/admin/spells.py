"""Who had which phone and who was in which team, from when to when; written down as soon as a list says another thing.

The past is counted under the team and holder of its day. What nobody said a beginning of is so since ever.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select, update

from server.store.database import insert
from server.store.schema.base import device, membership, worker
from server.store.schema.usage import device_holding

SINCE_EVER = date.min


def note(connection: Connection, today: date, told: Mapping[str, Collection[int]] | None = None) -> int:
    """Bring spells in line with who has which device and who is in which team now; how many changed.

    What is another since the last look changed today: to be called wherever a list may have changed it. told: by
    reference of a device, all workers with whom a list puts it: with two of them it is neither's alone.
    """
    return _note_holdings(connection, today, told or {}) + _note_memberships(connection, today)


def _note_holdings(connection: Connection, today: date, told: Mapping[str, Collection[int]]) -> int:
    known: set[int] = set(connection.execute(select(device_holding.c.device_id).distinct()).scalars())
    running: dict[int, dict[int, date]] = {}
    for row in connection.execute(select(device_holding).where(device_holding.c.last.is_(None))):
        running.setdefault(row.device_id, {})[row.worker_id] = row.first
    new = []
    for of_device, ref, holder in connection.execute(select(device.c.id, device.c.ref, device.c.worker_id)).all():
        before = running.get(of_device, {})
        if holder in before and ref not in told:
            continue
        now = {holder, *told.get(ref, ())}
        for worker_id in sorted(before.keys() - now):
            _end(connection, of_device, worker_id, before[worker_id], today)
        new += [
            {"device_id": of_device, "worker_id": each, "first": today, "since_ever": of_device not in known}
            for each in sorted(now - before.keys())
        ]
    if new:
        statement = insert(connection, device_holding)
        connection.execute(
            # Given back on the day on which it was taken over: that day it was with both.
            statement.on_conflict_do_update(index_elements=["device_id", "worker_id", "first"], set_={"last": None}),
            new,
        )
    return len(new)


def _end(connection: Connection, of_device: int, of_worker: int, first: date, today: date) -> None:
    """A device left a worker: yesterday was the last day, or today if it came today."""
    connection.execute(
        update(device_holding)
        .where(
            device_holding.c.device_id == of_device,
            device_holding.c.worker_id == of_worker,
            device_holding.c.first == first,
        )
        .values(last=max(first, today - timedelta(days=1)))
    )


def _note_memberships(connection: Connection, today: date) -> int:
    now = {row.id: row.team for row in connection.execute(select(worker.c.id, worker.c.team))}
    running = {
        row.worker_id: row for row in connection.execute(select(membership).where(membership.c.last.is_(None)))
    }  # fmt: skip
    new = []
    for number, team in now.items():
        before = running.get(number)
        if before is not None and before.team == team:
            continue
        if before is not None and before.first == today:
            # What a list said today and another corrects was never so.
            connection.execute(
                update(membership)
                .where(membership.c.worker_id == number, membership.c.first == today)
                .values(team=team)
            )
            continue
        if before is not None:
            connection.execute(
                update(membership)
                .where(membership.c.worker_id == number, membership.c.first == before.first)
                .values(last=today - timedelta(days=1))
            )
        new.append({"worker_id": number, "first": SINCE_EVER if before is None else today, "team": team})
    if new:
        connection.execute(insert(connection, membership), new)
    return len(new)


def hold_since(connection: Connection, of_device: int, of_worker: int, first: date) -> None:
    """When the holding that runs began, as a list tells it; who had the device before had it until the day before."""
    mine = (device_holding.c.device_id == of_device) & (device_holding.c.worker_id == of_worker)
    running = mine & device_holding.c.last.is_(None)
    noted = connection.execute(select(device_holding.c.first).where(running)).scalar()
    again = select(device_holding.c.first).where(mine, device_holding.c.first == first, ~running)
    if noted is None or noted < first or connection.execute(again).first() is not None:
        return  # it began no later than that, whatever the list says
    connection.execute(update(device_holding).where(running).values(first=first, since_ever=False))
    until = first - timedelta(days=1)
    before = (
        (device_holding.c.device_id == of_device)
        & (device_holding.c.worker_id != of_worker)
        & (device_holding.c.last >= first)
    )
    # Whose holding is since ever was only written down on its first day.
    ever = before & device_holding.c.since_ever & (device_holding.c.first >= first)
    connection.execute(update(device_holding).where(ever).values(first=until, last=until))
    connection.execute(update(device_holding).where(before & (device_holding.c.first < first)).values(last=until))


@dataclass(frozen=True, slots=True)
class Membership:
    """A worker was in a team in these days; last: None: still."""

    worker: int
    team: str
    first: date
    last: date | None


def memberships(connection: Connection) -> Mapping[int, Sequence[Membership]]:
    """Of each worker in which team they were when, in order; whoever was never looked at is where they are now."""
    found: dict[int, list[Membership]] = {}
    for row in connection.execute(select(membership).order_by(membership.c.worker_id, membership.c.first)):
        found.setdefault(row.worker_id, []).append(Membership(row.worker_id, row.team, row.first, row.last))
    for row in connection.execute(select(worker.c.id, worker.c.team)):
        found.setdefault(row.id, [Membership(row.id, row.team, SINCE_EVER, None)])
    return found
