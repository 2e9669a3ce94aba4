"""How long ago something was, by two clocks that fail in different ways; pure.

A clock that counts since the machine started goes on while the machine sleeps and cannot be set. The wall clock goes on
while the machine as a whole is halted by another that it runs on, and can be set. Whichever says more is believed: what
is too old by one of them is too old.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Moment(NamedTuple):
    """One instant. wall: aware. boot: seconds since the machine started, time asleep included."""

    wall: datetime
    boot: float

    def since(self, earlier: Moment) -> float:
        """Seconds since an earlier moment, by the clock that says more; none while both say less than nothing."""
        return max((self.wall - earlier.wall).total_seconds(), self.boot - earlier.boot, 0.0)
