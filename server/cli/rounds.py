"""The embedded engine: rounds of read, decide, remove and verify until a signal stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from server import app
from server.cli.notify import tell_all
from server.settings import Settings
from server.store import orders, phones
from server.work import engine, hints, ledger, verify
from server.work.context import Context

_LISTEN = 10.0
"""Seconds after which it is seen whether a vendor told of a place: its events come in at the pages' process."""


_TELL_EVERY = timedelta(minutes=5)
"""How often reports that are due and what is new in the log are looked for."""


def go_round(context: Context, settings: Settings, *, once: bool, every: float, say: Callable[[str], None]) -> int:
    """Work until SIGTERM or SIGINT (the round under way is finished first); returns how many rounds.

    A round reads every place, `every` seconds after the one before; a full one as often as the policy says. What falls
    due between (an order that was throttled, a place that its vendor told of) is worked on without reading all places.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    policies = app.PolicyInForce(settings)
    rounds = 0
    next_full = next_round = next_watch = next_telling = context.now()
    while not stop.is_set():
        now = context.now()
        policy = policies.in_force().policy
        if policy.version != context.policy.version:
            # Put in force while we were at work: everything is decided again, now.
            context = replace(context, policy=policy)
            next_round = next_full = now
            say(f"policy {policy.version}")
        if now >= next_round or next_round > now + timedelta(seconds=every):  # the clock was put back
            next_round = now + timedelta(seconds=every)
            look_again = timedelta(hours=context.policy.look_hours)
            full = now >= next_full or next_full > now + look_again
            if full:
                next_full = now + look_again
            ran = engine.run_once(context, full=full, at_once=settings.at_once)
            rounds += 1
            say(f"round {rounds}: {len(ran.looked)} places, {ran.drained.called} orders")
        else:
            engine.follow_hints(context, at_once=settings.at_once)
            engine.carry_on(context, at_once=settings.at_once)
        verify.verify(context, at_once=settings.at_once)
        ledger.write_checkpoint(context)
        if once:
            break
        if now >= next_telling:
            tell_all(context, settings, say)
            next_telling = now + _TELL_EVERY
        if now >= next_watch:
            hints.keep_watch(context)
            next_watch = now + hints.WATCH_AGAIN_AFTER
        while not stop.wait(pause := min(_LISTEN, _pause(context, next_round))) and pause == _LISTEN:
            if hints.are_waiting(context):
                break
    return rounds


def _pause(context: Context, next_round: datetime) -> float:
    """Seconds until something is due, at the latest the next round."""
    every = max(0.0, (next_round - context.now()).total_seconds())
    with context.store.read() as connection:
        times = (orders.next_due(connection), phones.next_ask(connection, list(context.mdms), context.today()))
    due = min((each for each in times if each is not None), default=None)
    if due is None:
        return every
    return min(every, max(0.0, (due - context.now()).total_seconds()))
