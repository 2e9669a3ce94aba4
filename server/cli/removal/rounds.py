"""The embedded engine: rounds of read, decide, remove and verify until a signal stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from server import app
from server.cli.admin.notify import tell_all
from server.settings import Settings
from server.store.database import StoreOtherVersionError, StoreUnavailableError
from server.store.phones import managed
from server.store.removal import orders
from server.work.admin import log_checkpoints, table_checks
from server.work.context import Context
from server.work.removal import change_notifications, engine, verify
from server.work.removal.heartbeat import Heartbeat
from server.work.removal.many_machines import UNTIL_THE_DATABASE_IS_ASKED_AGAIN

_LISTEN = 10.0
"""Seconds after which it is seen whether a vendor told of a place: its events come in at the pages' process."""


"""Seconds."""


_TELL_EVERY = timedelta(minutes=5)
"""How often reports that are due and what is new in the log are looked for."""


def go_round(context: Context, settings: Settings, *, once: bool, every: float, say: Callable[[str], None]) -> int:
    """Work until SIGTERM or SIGINT (the round under way is finished first); returns how many rounds.

    A round reads every place, `every` seconds after the one before; a full one as often as the policy says. What falls
    due between (an order that was throttled, a place that its vendor told of) is worked on without reading all places.
    A database that cannot be reached for a while is waited for.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    work = _Rounds(context, settings, every, say)
    while not stop.is_set():
        try:
            work.turn()
            if once:
                break
            work.between()
            pause = work.pause()
        except StoreUnavailableError as error:
            if once or isinstance(error, StoreOtherVersionError):
                raise
            say(f"{error}; waiting")
            stop.wait(UNTIL_THE_DATABASE_IS_ASKED_AGAIN)
            continue
        while not stop.wait(pause) and pause == _LISTEN:
            if work.something_came():
                break
            pause = work.pause_or(_LISTEN)
    return work.rounds


class _Rounds:
    """What a process does, turn by turn, and when it did it last."""

    def __init__(self, context: Context, settings: Settings, every: float, say: Callable[[str], None]) -> None:
        self._context = context
        self._settings = settings
        self._every = timedelta(seconds=every)
        self._say = say
        self._policies = app.PolicyInForce(settings)
        self._heart = Heartbeat(context, say)
        self._next_full = self._next_round = self._next_watch = self._next_telling = context.now()
        self._next_audit = context.now() + log_checkpoints.AUDIT_FIRST
        self.rounds = 0

    def turn(self) -> None:
        """One round if it is due, else what fell due between two."""
        now, at_once = self._context.now(), self._settings.at_once
        policy = self._policies.in_force().policy
        if policy.version != self._context.policy.version:
            # Put in force while we were at work: everything is decided again, now.
            self._context = replace(self._context, policy=policy)
            self._next_round = self._next_full = now
            self._say(f"policy {policy.version}")
        context = self._context
        if (why_not := table_checks.why_not(context)) is not None:
            self._say(why_not)
            self._next_round = now + self._every
            self._heart.beat(context, well=False)
            return
        if _due(self._next_round, now, self._every):
            look_again = timedelta(hours=policy.look_hours)
            full = _due(self._next_full, now, look_again)
            ran = engine.run_once(context, full=full, at_once=at_once)
            # Only now: a round that a database broke off is begun again.
            self._next_round = now + self._every
            if full:
                self._next_full = now + look_again
            self.rounds += 1
            self._say(
                f"round {self.rounds}: {len(ran.looked)} places, {ran.drained.called} orders, "
                f"looked at {ran.drained.gap * 1000:.0f} ms before a call at most"
            )
        else:
            engine.follow_hints(context, at_once=at_once)
            engine.carry_on(context, at_once=at_once)
        verify.verify(context, at_once=at_once)
        log_checkpoints.write_checkpoint(context)
        self._heart.beat(context)

    def between(self) -> None:
        """What is done now and then."""
        now = self._context.now()
        if _due(self._next_telling, now, _TELL_EVERY):
            tell_all(self._context, self._settings, self._say)
            self._next_telling = now + _TELL_EVERY
        if _due(self._next_watch, now, change_notifications.WATCH_AGAIN_AFTER):
            change_notifications.keep_watch(self._context)
            self._next_watch = now + change_notifications.WATCH_AGAIN_AFTER
        if _due(self._next_audit, now, log_checkpoints.AUDIT_EVERY):
            if (wrong := log_checkpoints.audit_now(self._context)) is not None:
                self._say(wrong)
            self._next_audit = now + log_checkpoints.AUDIT_EVERY

    def pause(self) -> float:
        """Seconds until something is to be seen to."""
        return min(_LISTEN, _pause(self._context, self._next_round))

    def pause_or(self, otherwise: float) -> float:
        """The same; `otherwise` while the database cannot be asked."""
        try:
            return self.pause()
        except StoreUnavailableError:
            return otherwise

    def something_came(self) -> bool:
        """Whether a vendor told of a place."""
        try:
            return change_notifications.are_waiting(self._context)
        except StoreUnavailableError:
            return False


def _due(at: datetime, now: datetime, length: timedelta) -> bool:
    """Whether a time has come, or lies further away than it can: the clock was put back."""
    return now >= at or at > now + length


def _pause(context: Context, next_round: datetime) -> float:
    """Seconds until something is due, at the latest the next round."""
    every = max(0.0, (next_round - context.now()).total_seconds())
    with context.store.read() as connection:
        times = (orders.next_due(connection), managed.next_ask(connection, list(context.mdms), context.today()))
    due = min((each for each in times if each is not None), default=None)
    if due is None:
        return every
    return min(every, max(0.0, (due - context.now()).total_seconds()))
