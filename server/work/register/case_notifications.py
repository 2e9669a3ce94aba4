"""Notifications of case services (ZGW): who may send them, and that a case they name is read back, no more.

A notification is believed in nothing: forged ones are refused, and one that is replayed, late, doubled or out of order
has the engine read a case once more. What was lost is found by asking for all cases (`zaken.poll`).
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from mdm_adapters.port import Denied, Fault, Missing, PortError
from server.sources.klant import Zaken
from server.sources.notificaties import hint_in
from server.store.register import case_services
from server.store.register.case_services import HintRow
from server.work.context import Context
from server.work.register import zaken
from server.work.register.zaken import ZaakOutcome

_MOST_AT_ONCE = 50
_LONGEST_TURN = timedelta(seconds=5)
"""How long cases are read before removals have their turn."""
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)
_TRIES_OF_MISSING = 5
"""So often a case is asked for that is not there though nobody said that it was deleted."""
_PLACE = "case_hint.sealed"


def secret_of(context: Context, name: str, nonce: bytes) -> str:
    """What a service must bring along: nobody else can work it out, none is kept, and each subscription has its own."""
    return context.keys.sealer.hash(f"{name} {nonce.hex()}", "case_watch.secret").hex()


def authorisation(secret: str) -> str:
    """The header as the service sends it."""
    return f"Bearer {secret}"


def is_told_of(context: Context, name: str) -> bool:
    """Whether a connection is one whose service may send notifications of cases."""
    return isinstance(context.feeds.get(name), Zaken)


def hear(context: Context, name: str, header: str, body: bytes) -> None:
    """Take a notification in, durably. Denied: its sender is not proven; Garbled: it is none."""
    feed = context.feeds.get(name)
    with context.store.read() as connection:
        watch = case_services.find_watch(connection, name)
    expected = authorisation(secret_of(context, name, b"" if watch is None else watch.nonce))
    proven = hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))
    reader = feed.cases() if isinstance(feed, Zaken) else None
    if watch is None or not proven or reader is None:
        raise Denied(Fault.WRONG_CREDENTIALS)
    hint = hint_in(body, reader.is_ours)
    now = context.now()
    with context.store.write() as connection:
        case_services.hear(connection, watch.connection_id, now)
        if hint is not None:
            key = zaken.key_of(context, watch.connection_id, hint.ref)
            sealed = context.keys.sealer.seal(hint.ref, _PLACE)
            case_services.take_hint(connection, watch.connection_id, key, sealed, now, gone=hint.gone)


def next_time(context: Context) -> datetime | None:
    """When the next case is to be read back."""
    with context.store.read() as connection:
        return case_services.next_due(connection)


def read_due(context: Context) -> int:
    """Read back the cases that are due, some at a time; of how many the register says something else since.

    A service that does not answer is left alone for a while, longer each time, and others are asked meanwhile.
    """
    until = context.now() + _LONGEST_TURN
    with context.store.read() as connection:
        hints = case_services.due_hints(connection, context.now(), _MOST_AT_ONCE)
    changed, silent = 0, set[str]()
    for hint in hints:
        if context.now() > until:
            break
        if hint.connection in silent:
            _put_off(context, hint, tried=False)
            continue
        try:
            changed += _read_one(context, hint)
        except PortError as error:
            if not isinstance(error, Missing):
                silent.add(hint.connection)
            _fail(context, hint, error)
    return changed


def _read_one(context: Context, hint: HintRow) -> bool:
    service = zaken.find_service(context, hint.connection)
    if service is None:  # its secret cannot be read, or it is another kind by now
        _put_off(context, hint, tried=True)
        return False
    ref = context.keys.sealer.open(hint.sealed, _PLACE)
    outcome = zaken.read_back(context, service, ref, gone=hint.gone)
    with context.store.write() as connection:
        case_services.settle_hint(connection, hint)
        case_services.note_fault(connection, hint.connection_id, None)
    return outcome in (ZaakOutcome.CLOSED, ZaakOutcome.REOPENED, ZaakOutcome.GONE)


def _fail(context: Context, hint: HintRow, error: PortError) -> None:
    if isinstance(error, Missing) and hint.tries + 1 >= _TRIES_OF_MISSING:
        with context.store.write() as connection:
            case_services.settle_hint(connection, hint)
        return
    _put_off(context, hint, tried=True, wait=error.wait)
    with context.store.write() as connection:
        case_services.note_fault(connection, hint.connection_id, error.fault.value)


def _put_off(context: Context, hint: HintRow, *, tried: bool, wait: float | None = None) -> None:
    pause = min(_FIRST_PAUSE * 2 ** min(hint.tries, 10), _LONGEST_PAUSE)
    asked = timedelta(seconds=wait or 0)
    with context.store.write() as connection:
        case_services.put_off_hint(connection, hint, context.now() + max(pause, asked), tried=tried)
