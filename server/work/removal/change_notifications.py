"""Vendors' events about contact servers: who may send them, and that they make a place be looked at sooner, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import quote, urlsplit

from mdm_adapters.port import Beacon, Capability, Fault, Hint, Place, PortError, Support, Watching
from server.store.admin import organisation
from server.store.removal import presence
from server.work.context import Context
from server.work.removal.sync import PlaceRead, look_at_all

WATCH_AGAIN_AFTER = timedelta(hours=1)
"""What a vendor dropped without our hearing of it is made anew after this."""


def keep_watch(context: Context) -> Mapping[str, Watching]:
    """Have each vendor that can tell us of changes do so for the places we may read; by name of the connection.

    To be repeated every hour or so. Nothing is asked where our pages have no address that a vendor could reach.
    """
    if not can_be_told(context):
        return {}
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        places = organisation.read_places(connection, context.today())
    told = {}
    for name, store in context.stores.items():
        if store.capabilities()[Capability.EVENTS].support is Support.NO:
            continue
        base = _address(context, name)
        beacons = [
            Beacon(Place(row.uid, row.address), f"{base}{row.uid}", secret_of(context, name, row.uid))
            for row in places
            if row.connection == name and (demo or row.gated)
        ]
        try:
            told[name] = store.watch(beacons, base, context.now())
        except PortError as error:
            told[name] = Watching(faults=(error.fault,))
    return told


def can_be_told(context: Context) -> bool:
    """Whether our pages have an address to which a vendor may send events."""
    return urlsplit(context.pages).scheme == "https"


def hear(context: Context, name: str, place: str, body: bytes) -> frozenset[Hint]:
    """Take in an event about a place. Denied: its sender is not proven; Garbled: it is none; KeyError: no such store.

    It is a hint: no evidence level rises, nothing is settled; the place is looked at soon.
    """
    told = context.stores[name].hear(secret_of(context, name, place), body)
    if told:
        with context.store.write() as connection:
            presence.take_hint(connection, place, name, context.now(), missed=Hint.MISSED in told)
    return told


def are_waiting(context: Context) -> bool:
    """Whether an event told of a place that was not read since."""
    with context.store.read() as connection:
        return bool(presence.hinted(connection))


def look_at_hinted(context: Context, *, at_once: int = 1) -> Sequence[PlaceRead]:
    """Look at the places that events told of."""
    with context.store.read() as connection:
        places = presence.hinted(connection)
    if not places:
        return ()
    looked = look_at_all(context, ids=places, at_once=at_once)
    if len(looked) < len(places):
        with context.store.read() as connection:
            read = {each.place for each in looked}
            rows = organisation.read_places(connection, context.today(), ids=places)
        with context.store.write() as connection:
            presence.drop_hints(connection, [row.id for row in rows if row.uid not in read])
    return looked


def faults_of(watching: Mapping[str, Watching]) -> frozenset[Fault]:
    """Why vendors would not tell us of some places."""
    return frozenset(fault for each in watching.values() for fault in each.faults)


def secret_of(context: Context, name: str, place: str) -> str:
    """What a vendor must bring along with an event about this place: nobody else can work it out, and none is kept."""
    return context.keys.sealer.hash(f"{name} {place}", "event.secret").hex()


def _address(context: Context, name: str) -> str:
    return f"{context.pages.rstrip('/')}/api/events/{quote(name, safe='')}?place="
