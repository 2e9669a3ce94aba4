"""Sees whether what was accepted is so: full looks that settle orders, and devices seen fetching after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from mdm_adapters.port import Fault, PortError
from server.core.log.entries import EntryKind
from server.store import log
from server.store.admin import organisation
from server.store.removal import log_cursors, orders, putting
from server.work.context import Context
from server.work.phones.managers import Enforced, work_on_phones
from server.work.removal.sync import PlaceRead, look_at_all


@dataclass(frozen=True, slots=True)
class Verified:
    """What verification came to. devices: new proofs that a device fetched after the contact was absent.

    faults: why a witness could not be read. phones: what was asked of phones at their managers.
    """

    looked: tuple[PlaceRead, ...]
    devices: int
    faults: tuple[Fault, ...]
    phones: Enforced = field(default_factory=Enforced)


def verify(context: Context, *, at_once: int = 1) -> Verified:
    """Look in full at every place with accepted orders, settle what is proven; read the stores' logs, ask phones."""
    with context.store.read() as connection:
        waiting = sorted({*orders.places_to_check(connection), *putting.places_to_check(connection)})
    looked: Sequence[PlaceRead] = look_at_all(context, full=True, ids=waiting, at_once=at_once) if waiting else ()
    devices, faults = hear_witnesses(context)
    return Verified(tuple(looked), devices, faults, work_on_phones(context))


def hear_witnesses(context: Context) -> tuple[int, tuple[Fault, ...]]:
    """Read every store's log from where it was left; returns new device proofs, and why a log could not be read.

    Facts and cursor are written together, so a crash repeats the reading and changes nothing.
    """
    raised = 0
    faults: list[Fault] = []
    for name, witness in context.witnesses.items():
        with context.store.read() as connection:
            cursor = log_cursors.cursor_of(connection, name)
        try:
            fetched, cursor = witness.read(cursor)
        except PortError as error:
            faults.append(error.fault)
            continue
        now = context.now()
        with context.store.write() as connection:
            known = {_path(address): address for address in organisation.addresses(connection, name)}
            seen = [
                (each.login, known[_path(each.address)], each.after) for each in fetched if _path(each.address) in known
            ]
            new = orders.raise_evidence(connection, name, seen, now)
            log_cursors.keep_cursor(connection, name, cursor, now)
            log.append(
                connection,
                now,
                [
                    (EntryKind.EVIDENCE_RAISED, {"order": order, "level": "device_synced", "what": "device"})
                    for order, _ in new
                ],
            )
        raised += len(new)
    return raised, tuple(faults)


def _path(address: str) -> str:
    """A collection's path as logs write it: decoded, with a slash at its end."""
    return unquote(urlsplit(address).path).rstrip("/") + "/"
