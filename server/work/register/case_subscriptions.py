"""Subscriptions to what happens to cases (Notificaties API): made, looked after and ended by an administrator.

The secret that a service brings along is made here, lies nowhere and is shown to nobody: each subscription has another.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from mdm_adapters.port import Fault, Missing, PortError
from server.core.log.entries import Body, EntryKind
from server.core.problems import SubscriptionProblem, SubscriptionRefusedError
from server.core.register.watching import WatchLack
from server.sources.klant import Zaken
from server.sources.notificaties import CHANNEL, Subscriptions
from server.store.database import Connection
from server.store.register import case_services
from server.store.register.case_services import WatchRow
from server.work.admin import who_did
from server.work.context import Context
from server.work.register.case_notifications import authorisation, secret_of

LONGEST_ADDRESS = 200
"""Characters of a callback address, by the contract."""
POLL_AFTER = timedelta(days=2)
"""Without a poll for so long nobody knows whether notifications were lost."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class WatchState:
    """How a subscription stands, as we know it. begun_at: None: there is none. missed: changes since that a poll found
    first. waiting: cases that were told of and not read back yet.
    """

    begun_at: datetime | None
    heard_at: datetime | None = None
    polled_at: datetime | None = None
    missed: int = 0
    waiting: int = 0


def may_subscribe(context: Context, name: str) -> bool:
    """Whether a connection names a service to subscribe at."""
    feed = context.feeds.get(name)
    return isinstance(feed, Zaken) and feed.cases() is not None and feed.subscriptions() is not None


def state(context: Context, name: str) -> WatchState:
    """How a connection's subscription stands; the service is not asked."""
    with context.store.read() as connection:
        row = case_services.find_watch(connection, name)
        waiting = 0 if row is None else len(case_services.hinted(connection, row.connection_id))
    if row is None or row.ref is None:
        return WatchState(None)
    return WatchState(row.begun_at, row.heard_at, row.polled_at, row.missed, waiting)


def subscribe(context: Context, name: str, *, cloud_events: bool = False) -> None:
    """Have the service tell us of changes of cases from now on, in place of a subscription that there may be.

    Raises SubscriptionRefusedError, PortError: nothing is changed then.
    """
    service, id_ = _service(context, name)
    callback = _callback(context, name)
    nonce = os.urandom(32)
    with context.store.write() as connection:
        before = case_services.find_watch(connection, name)
        # The service calls us before it answers, so that it must be known beforehand.
        case_services.put_watch(connection, id_, nonce, None, context.now())
    try:
        ref = service.make(callback, authorisation(secret_of(context, name, nonce)), cloud_events=cloud_events)
    except PortError:
        _restore(context, id_, before)
        raise
    with context.store.write() as connection:
        case_services.name_watch(connection, id_, nonce, ref)
        _enter(context, connection, name, "cases_subscribed")
    _end_others(service, callback, ref)


def end(context: Context, name: str) -> Fault | None:
    """End it: from now on what the service sends is refused. Why the service could not be told, if it could not.

    Raises SubscriptionRefusedError.
    """
    with context.store.write() as connection:
        row = case_services.find_watch(connection, name)
        if row is None:
            raise SubscriptionRefusedError(SubscriptionProblem.NOT_SUBSCRIBED)
        case_services.end_watch(connection, row.connection_id)
        _enter(context, connection, name, "cases_unsubscribed")
    feed = context.feeds.get(name)
    service = feed.subscriptions() if isinstance(feed, Zaken) else None
    if service is None or row.ref is None:
        return None
    try:
        service.end(row.ref)
    except PortError as error:
        return error.fault
    return None


def lack_of(context: Context, name: str) -> tuple[WatchLack, Fault | None] | None:
    """The first thing that keeps notifications from being relied on, and why; the service is asked. None: nothing."""
    if not _reachable(context.pages):
        return WatchLack.NO_ADDRESS, None
    with context.store.read() as connection:
        row = case_services.find_watch(connection, name)
    if row is None or row.ref is None:
        return WatchLack.NOT_MADE, None
    service, _ = _service(context, name)
    try:
        there = service.read()
    except PortError as error:
        return WatchLack.NOT_ANSWERED, error.fault
    callback = _callback(context, name)
    if not any((each.ref, each.callback) == (row.ref, callback) and CHANNEL in each.channels for each in there):
        return WatchLack.NOT_THERE, None
    return _lack_in(row, context.now())


def _lack_in(row: WatchRow, now: datetime) -> tuple[WatchLack, Fault | None] | None:
    if row.fault is not None:
        return WatchLack.NOT_READ_BACK, Fault(row.fault)
    if row.stopped:
        return WatchLack.STOPPED, None
    return (WatchLack.NOT_POLLED, None) if now - (row.polled_at or row.begun_at) > POLL_AFTER else None


def _service(context: Context, name: str) -> tuple[Subscriptions, int]:
    feed = context.feeds.get(name)
    service = feed.subscriptions() if isinstance(feed, Zaken) and feed.cases() is not None else None
    with context.store.read() as connection:
        id_ = case_services.connection_id(connection, name)
    if service is None or id_ is None:
        raise SubscriptionRefusedError(SubscriptionProblem.NO_SERVICE)
    return service, id_


def _callback(context: Context, name: str) -> str:
    found = f"{context.pages.rstrip('/')}/api/events/{quote(name, safe='')}"
    if not _reachable(context.pages) or len(found) > LONGEST_ADDRESS:
        raise SubscriptionRefusedError(SubscriptionProblem.NO_ADDRESS)
    return found


def _reachable(pages: str) -> bool:
    """Whether a service may send us what proves it: encrypted, or without leaving this machine."""
    parts = urlsplit(pages)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _restore(context: Context, id_: int, before: WatchRow | None) -> None:
    with context.store.write() as connection:
        if before is None:
            case_services.end_watch(connection, id_)
        else:
            case_services.put_watch(connection, id_, before.nonce, before.ref, before.begun_at)


def _end_others(service: Subscriptions, callback: str, ref: str) -> None:
    """Older ones to the same address bring a secret that is refused: the service would try for ever."""
    try:
        for each in service.read():
            if each.callback == callback and each.ref != ref:
                service.end(each.ref)
    except (Missing, PortError):
        return


def _enter(context: Context, connection: Connection, name: str, verb: str) -> None:
    body: Body = {"verb": verb}
    who_did.enter(context, connection, EntryKind.PLACE_CHANGED, [body], f"{verb} {name}")
