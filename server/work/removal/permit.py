"""Whether a call may still begin: asked right before each request that changes something at a store; decides no need.

What is looked at, and how old it may be when the request is handed on, by whichever of two clocks says more:

- the lease of the claim: now;
- the fence of the orders that the call is for, and whether a hold, pause, deviation, confirmation, gate or import came
  since need was decided: `ASKED_AGAIN_AFTER` old, or `OLDEST_ANSWER` where the database was slow to answer;
- need in full: `DECIDED_AGAIN_AFTER`, since it may change by time alone.

A process may be halted between the answer and the request itself. No check can close that gap, so `hold set` does not
rely on it: see `work.guard`.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.core.elapsed import Moment
from server.store.database import StoreUnavailableError
from server.store.removal import orders
from server.store.removal.orders import Claimed, News
from server.work.context import Context

ASKED_AGAIN_AFTER = 0.01
OLDEST_ANSWER = 1.0
DECIDED_AGAIN_AFTER = 2.0
"""Seconds."""


class Permit:
    """For the calls of one claim, one thread's. gap: the oldest answer with which a call of it began, in seconds."""

    def __init__(self, context: Context, claimed_at: Moment) -> None:
        self._context = context
        self._leased_at = claimed_at
        self._decided_at = self._asked_at = claimed_at
        self._news: News | None = None
        self._orders: Sequence[Claimed] = ()
        self.called = False
        self.gap = 0.0

    @property
    def leased(self) -> bool:
        """Whether the lease runs."""
        return self._context.moment().since(self._leased_at) < self._context.lease.total_seconds()

    def renewed(self, at: Moment) -> None:
        """The lease began again at that moment."""
        self._leased_at = at

    def deciding(self) -> None:
        """Need is about to be decided: what comes from now on is news."""
        self._asked_at = self._decided_at = self._context.moment()
        with self._context.store.read() as connection:
            self._news = orders.news(connection)

    def use_for(self, claimed: Sequence[Claimed]) -> None:
        """The next calls are for these orders."""
        self._orders = claimed

    def __call__(self) -> bool:
        """Whether a call may begin at this moment; none does where the policy only reports."""
        if self._context.policy.report_only:
            return False
        now = self._context.moment()
        age = now.since(self._asked_at)
        if self._holds(now) and age >= ASKED_AGAIN_AFTER:
            if not self._ask():
                return False
            self._asked_at = now
            now = self._context.moment()  # the database may have stood still
            age = now.since(self._asked_at)
        if age >= OLDEST_ANSWER or not self._holds(now):
            return False
        self.called = True
        self.gap = max(self.gap, age)
        return True

    def _holds(self, now: Moment) -> bool:
        """Whether the lease runs, and need was decided lately enough."""
        leased = now.since(self._leased_at) < self._context.lease.total_seconds()
        return leased and now.since(self._decided_at) < DECIDED_AGAIN_AFTER

    def _ask(self) -> bool:
        """Whether nothing came since need was decided, and the orders are still ours; not, if nobody can be asked."""
        try:
            with self._context.store.read() as connection:
                return orders.news(connection) == self._news and orders.are_ours(connection, self._orders)
        except StoreUnavailableError:
            return False
