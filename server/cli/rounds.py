"""The embedded engine: rounds of read, decide, remove and verify until a signal stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import timedelta

from server.settings import Settings
from server.store import orders, phones
from server.work import engine, ledger, verify
from server.work.context import Context


def go_round(context: Context, settings: Settings, *, once: bool, every: float, say: Callable[[str], None]) -> int:
    """Work until SIGTERM or SIGINT (the round under way is finished first); returns how many rounds.

    A round begins when an order is due, or after `every` seconds; a full one as often as the policy says.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    rounds = 0
    next_full = context.now()
    while not stop.is_set():
        full = context.now() >= next_full
        if full:
            next_full = context.now() + timedelta(hours=context.policy.look_hours)
        ran = engine.run_once(context, full=full, at_once=settings.at_once)
        verify.verify(context)
        ledger.write_checkpoint(context)
        rounds += 1
        say(f"round {rounds}: {len(ran.looked)} places, {ran.drained.called} orders")
        if once:
            break
        stop.wait(_pause(context, every))
    return rounds


def _pause(context: Context, every: float) -> float:
    """Seconds until something is due, at most `every`."""
    with context.store.read() as connection:
        times = (orders.next_due(connection), phones.next_ask(connection, list(context.mdms), context.today()))
    due = min((each for each in times if each is not None), default=None)
    if due is None:
        return every
    return min(every, max(0.0, (due - context.now()).total_seconds()))
