"""An engine's signs of life: one among the rows, for pages and metrics, one to a watcher elsewhere that misses it.

The watcher is asked after a round that was whole, and told nothing; that it does not answer stops no work.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mdm_adapters.port import PortError
from server.store.removal import work_counts
from server.work.context import Context

AT_MOST_EVERY = timedelta(seconds=10)
AFTER_A_FAILURE = timedelta(minutes=1)
"""A watcher that does not answer costs a round some seconds, so it is not asked each time."""


class Heartbeat:
    """The signs that one process gives. say: told when the watcher cannot be reached."""

    def __init__(self, context: Context, say: Callable[[str], None]) -> None:
        self._say = say
        self._next_sign = self._next_ping = context.now()

    def beat(self, context: Context, *, well: bool = True) -> None:
        """This engine came round. well: and it may remove; else the watcher is left to miss it."""
        now = context.now()
        if now >= self._next_sign or self._next_sign > now + AT_MOST_EVERY:  # the clock was put back
            with context.store.write() as connection:
                work_counts.sign(connection, context.engine, now)
            self._next_sign = now + AT_MOST_EVERY
        if well and (now >= self._next_ping or self._next_ping > now + AFTER_A_FAILURE):
            self._next_ping = now + (AT_MOST_EVERY if self._ping(context) else AFTER_A_FAILURE)

    def _ping(self, context: Context) -> bool:
        try:
            context.heartbeat()
        except PortError as error:
            self._say(f"heartbeat: {error.fault.value}")
            return False
        return True
