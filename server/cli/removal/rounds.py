"""The embedded engine: rounds of read, decide, remove and verify until a signal stops it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from server import app
from server.cli.admin.notify import tell_all
from server.settings import Settings
from server.store.database import StoreOtherVersionError, StoreUnavailableError
from server.store.phones import managed
from server.store.removal import needs, orders
from server.store.wakeups import commits_elsewhere
from server.work.admin import log_checkpoints, retention, table_checks
from server.work.context import Context
from server.work.register import case_notifications
from server.work.removal import change_notifications, engine, putting, verify
from server.work.removal.heartbeat import Heartbeat
from server.work.removal.many_machines import UNTIL_THE_DATABASE_IS_ASKED_AGAIN

_GLANCE = 0.2
"""Seconds after which it is seen whether anybody wrote to the database meanwhile, and so whether something is due."""
_LONGEST_REST = 10.0
"""Seconds after which that is asked whatever was seen."""
_BETWEEN_DECISIONS = timedelta(seconds=0.5)
"""Pairs that become due one by one, in as many requests, are decided some at a time."""
_TELL_EVERY = timedelta(minutes=5)
"""How often reports that are due and what is new in the log are looked for."""


def go_round(context: Context, settings: Settings, *, once: bool, every: float, say: Callable[[str], None]) -> int:
    """Work until SIGTERM or SIGINT (the round under way is finished first); returns how many rounds.

    A round reads every place, `every` seconds after the one before; a full one as often as the policy says. What falls
    due between (a case that was closed, an order that was throttled, a place that its vendor told of) is worked on as
    soon as it is committed, without reading all places. A database that cannot be reached for a while is waited for.
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
            work.rest(stop)
        except StoreUnavailableError as error:
            if once or isinstance(error, StoreOtherVersionError):
                raise
            say(f"{error}; waiting")
            stop.wait(UNTIL_THE_DATABASE_IS_ASKED_AGAIN)
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
        self._next_decision = context.now()
        self._blocked = False
        self._next_audit = context.now() + log_checkpoints.AUDIT_FIRST
        self._next_retention = context.now()
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
        why_not = table_checks.why_not(context)
        self._blocked = why_not is not None
        if why_not is not None:
            self._say(why_not)
            self._next_round = now + self._every
            self._heart.beat(context, well=False)
            return
        if _due(self._next_round, now, self._every):
            look_again = timedelta(hours=policy.look_hours)
            full = _due(self._next_full, now, look_again)
            case_notifications.read_due(context)
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
        elif not self._carry_on(context, at_once):
            return
        verify.verify(context, at_once=at_once)
        log_checkpoints.write_checkpoint(context)
        self._heart.beat(context)

    def _carry_on(self, context: Context, at_once: int) -> bool:
        """What fell due between two rounds; False: it was decided that nothing is to be done.

        Then nothing is written, signed or said, no sign of life either: that something was decided again may be because
        of a hold.
        """
        case_notifications.read_due(context)
        hints = engine.follow_hints(context, at_once=at_once)
        decided = engine.decide_due(context)
        self._next_decision = context.now() + _BETWEEN_DECISIONS
        if not hints and not decided and not _wait(context):
            return False
        engine.carry_on(context, at_once=at_once)
        return True

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
        if _due(self._next_retention, now, retention.EVERY):
            if (said := retention.run_by_itself(self._context)) is not None:
                self._say(said)
            self._next_retention = now + retention.EVERY

    def rest(self, stop: threading.Event) -> None:
        """Until something is due or a signal came. What anybody commits meanwhile is seen at once, wherever from."""
        with commits_elsewhere(self._context.store) as commits:
            while not stop.is_set():
                seen = commits()  # before it is asked what is due: what comes in between is seen below
                if (pause := self._pause()) <= 0:
                    return
                until = time.monotonic() + min(_LONGEST_REST, pause)
                while (left := until - time.monotonic()) > 0 and commits() == seen:
                    if stop.wait(min(_GLANCE, left)):
                        return

    def _pause(self) -> float:
        """Seconds until something is due, at the latest the next round."""
        context = self._context
        now = context.now()
        times = [self._next_round]
        if not self._blocked:
            with context.store.read() as connection:
                pair_due = needs.next_due(connection)
                put_again, _ = putting.next_times(context, connection)
                hinted = change_notifications.are_waiting(context)
            times += _times(context)
            if pair_due is not None and not context.policy.report_only:
                times.append(max(pair_due, min(self._next_decision, now + _BETWEEN_DECISIONS)))
            if put_again is not None:
                times.append(max(put_again, min(self._next_decision, now + _BETWEEN_DECISIONS)))
            times += [now] if hinted else []
            told_of = case_notifications.next_time(context)
            times += [] if told_of is None else [told_of]
        return max(0.0, (min(times) - now).total_seconds())


def _due(at: datetime, now: datetime, length: timedelta) -> bool:
    """Whether a time has come, or lies further away than it can: the clock was put back."""
    return now >= at or at > now + length


def _times(context: Context) -> list[datetime]:
    """When the next order is due, and the next phone is to be asked."""
    if context.policy.report_only:  # what is due stays so
        return []
    with context.store.read() as connection:
        found = (
            orders.next_due(connection),
            putting.next_times(context, connection)[1],
            managed.next_ask(connection, list(context.mdms), context.today()),
        )
    return [each for each in found if each is not None]


def _wait(context: Context) -> bool:
    """Whether an order or a phone waits for us now."""
    return any(each <= context.now() for each in _times(context))
