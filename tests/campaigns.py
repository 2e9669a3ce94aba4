"""Long runs: how much a test tries in `make test`, and how much more in `make campaigns`; no test stands here.

A campaign is the long form of a test: the same promise, held against more draws. Its short form is part of `make test`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from random import Random, SystemRandom
from time import monotonic

MINUTES = float(os.environ.get("CAMPAIGN_MINUTES", "0"))
"""How long each campaign goes on; 0: none was asked for."""
BUDGET = float(os.environ.get("CAMPAIGN_BUDGET", "0"))
"""How many minutes all campaigns together may take in each process that runs them; 0: as long as they take."""
_OVER = monotonic() + BUDGET * 60 if BUDGET else inf
_SEED = os.environ.get("CAMPAIGN_SEED", "")


def is_over() -> bool:
    """Whether the time of all campaigns together is over, so that none is begun any more."""
    return monotonic() > _OVER


def examples(count: int) -> int:
    """How many examples of Hypothesis a test draws that draws `count` in `make test`."""
    return count * max(1, round(3 * MINUTES))


@dataclass
class Draws:
    """Sources of chance, one for each try: `for dice in draws(8)` tries 8 times, and in a campaign until it is over.

    The short form has the seeds 0, 1, 2, and so on. A campaign begins at CAMPAIGN_SEED, or anywhere.
    """

    campaign: bool
    seed: int | None = None
    made: int = field(default=0, init=False)

    def __call__(self, count: int) -> Iterator[Random]:
        first = int(_SEED or SystemRandom().randrange(10**9)) if self.campaign else 0
        ends = min(monotonic() + MINUTES * 60, _OVER)
        while self.made < count or (self.campaign and monotonic() < ends):
            self.seed = first + self.made
            self.made += 1
            yield Random(self.seed)
