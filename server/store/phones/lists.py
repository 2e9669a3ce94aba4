"""Devices as a list of ours names them, and when a store's own figures say that they fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, exists, select

from server.core.model import DeviceUse, Level, State
from server.store.database import insert
from server.store.phones.managed import handle_key, write_evidence
from server.store.schema.base import device, evidence, orders, place, place_device, worker
from server.store.schema.phones import device_fetch, device_handle
from server.store.seal import Sealer


def put_device(connection: Connection, ref: str, worker_id: int, use: DeviceUse) -> tuple[int, bool]:
    """Make a device known, or say whose it is and for what; its number, and whether it is new."""
    known = connection.execute(select(device.c.id).where(device.c.ref == ref)).scalar()
    values = {"worker_id": worker_id, "use": use.value}
    connection.execute(
        insert(connection, device).values(ref=ref, **values).on_conflict_do_update(index_elements=["ref"], set_=values)
    )
    number = connection.execute(select(device.c.id).where(device.c.ref == ref)).scalar_one()
    return int(number), known is None


def put_handle(connection: Connection, sealer: Sealer, connection_id: int, device_id: int, handle: str) -> None:
    """What a manager or a store calls a device of ours."""
    connection.execute(
        insert(connection, device_handle)
        .values(connection_id=connection_id, key=handle_key(sealer, handle), device_id=device_id)
        .on_conflict_do_update(index_elements=["connection_id", "key"], set_={"device_id": device_id})
    )


def worker_id_of(connection: Connection, ref: str) -> int | None:
    """Our number of a worker."""
    found: int | None = connection.execute(select(worker.c.id).where(worker.c.ref == ref)).scalar()
    return found


@dataclass(frozen=True, slots=True)
class FetchSeen:
    """A store's own figure: this mailbox's device, by what the store calls it, last synchronised then."""

    mailbox: str = field(repr=False)
    device: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class FetchesTaken:
    """What such figures came to. unknown: of a mailbox or a device that is not known here. raised: new proofs."""

    rows: int
    matched: int
    unknown: int
    raised: tuple[tuple[str, int], ...]


def take_fetches(
    connection: Connection, sealer: Sealer, connection_id: int, seen: Sequence[FetchSeen], now: datetime
) -> FetchesTaken:
    """Keep when devices last synchronised their mailboxes; orders settled before that rise for those devices.

    A device is known by a list, or because it is the one device of a mailbox of which the figures name one device too:
    else it could be the other phone that fetched.
    """
    places = {
        row.address.lower(): row.id
        for row in connection.execute(select(place.c.id, place.c.address).where(place.c.connection_id == connection_id))
    }
    named = {
        row.key: row.device_id
        for row in connection.execute(select(device_handle).where(device_handle.c.connection_id == connection_id))
    }
    readers: dict[int, list[int]] = {}
    for row in connection.execute(select(place_device)):
        readers.setdefault(row.place_id, []).append(row.device_id)
    told: dict[str, set[str]] = {}
    for each in seen:
        told.setdefault(each.mailbox.lower(), set()).add(each.device.lower())
    latest: dict[tuple[int, int], datetime] = {}
    matched = 0
    for each in seen:
        place_id = places.get(each.mailbox.lower())
        mine = readers.get(place_id, []) if place_id is not None else []
        device_id = named.get(handle_key(sealer, each.device))
        if device_id is None and len(mine) == 1 and len(told[each.mailbox.lower()]) == 1:
            device_id = mine[0]
        if place_id is None or device_id not in mine:
            continue
        matched += 1
        key = (device_id, place_id)
        latest[key] = max(each.at, latest.get(key, each.at))
    raised: list[tuple[str, int]] = []
    for (device_id, place_id), at in sorted(latest.items()):
        statement = insert(connection, device_fetch).values(
            device_id=device_id, place_id=place_id, fetched_at=at, read_at=now
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["device_id", "place_id"],
                set_={"fetched_at": at, "read_at": now},
                where=device_fetch.c.fetched_at <= at,
            )
        )
        rows = connection.execute(
            select(orders.c.id).where(
                orders.c.place_id == place_id,
                orders.c.state == State.DONE,
                orders.c.settled_at < at,
                ~exists().where(
                    evidence.c.order_id == orders.c.id,
                    evidence.c.device_id == device_id,
                    evidence.c.level == Level.DEVICE_SYNCED,
                ),
            )
        )
        new = [(str(row.id), device_id) for row in rows]
        write_evidence(connection, new, Level.DEVICE_SYNCED, at, "store_figures")
        raised += new
    return FetchesTaken(len(seen), matched, len(seen) - matched, tuple(raised))
