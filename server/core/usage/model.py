"""The nouns of usage: that a phone or an account was used, how much and with what class of person; never what was said.

Rows are daily sums, made at the door: numbers are classified and forgotten there, private use is one bucket, and where
two feeds tell of the same subject, day and quantity, the policy has already named the one that counts. Nothing here
names a person, a number or a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias


class Quantity(StrEnum):
    """What is counted. Two quantities are never added, and never made into one number."""

    CALLS = "calls"
    MINUTES = "minutes"
    """Of talking; counted in whole seconds."""
    MEGABYTES = "megabytes"
    """Of mobile data; counted in whole bytes."""
    MESSAGES = "messages"
    SCREEN_MINUTES = "screen_minutes"
    """Of an app in the foreground; counted in whole seconds."""
    CONTACTS = "contacts"
    """Contact moments as the case file records them, whatever the channel."""


COUNTED_IN: Mapping[Quantity, int] = MappingProxyType(
    {
        Quantity.CALLS: 1,
        Quantity.MINUTES: 60,
        Quantity.MEGABYTES: 1_000_000,
        Quantity.MESSAGES: 1,
        Quantity.SCREEN_MINUTES: 60,
        Quantity.CONTACTS: 1,
    }
)
"""How many of what an amount counts (seconds, bytes, pieces) make one of the quantity. Amounts are whole numbers, so
that sums are exact in every database and exactly 90% is exactly 90%."""


def told(quantity: Quantity, amount: int) -> Decimal:
    """An amount in its quantity, for people: 90 seconds are 1.5 minutes."""
    return Decimal(amount) / COUNTED_IN[quantity]


class Counterparty(StrEnum):
    """With whom. UNKNOWN: no index knows the number; that is not the same as private."""

    COLLEAGUE = "colleague"
    CLIENT = "client"
    FORMER_CLIENT = "former_client"
    PROFESSIONAL = "professional"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """Who began. A former client who calls in is no act of the worker (DOMAIN I12)."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


class Use(StrEnum):
    """What it was for, as far as the feed and the index can tell."""

    BUSINESS = "business"
    PRIVATE = "private"
    UNCLASSIFIED = "unclassified"


class Confidence(StrEnum):
    """How a feed knows. Figures of two kinds are never added."""

    MEASURED = "measured"
    """Counted in full by a machine."""
    RECORDED = "recorded"
    """Written down by people in the case file: shows what was recorded, so business only."""
    SAMPLED = "sampled"
    """Estimated from looks at moments (the app in the foreground every so many minutes)."""
    SELF_REPORTED = "self_reported"
    """Stated by the worker."""


class Profile(StrEnum):
    """How much of the phone the feed could see."""

    WHOLE = "whole"
    WORK = "work"
    """The work profile only; the private side is invisible by design (VENDORS 3), so no share can come of it."""


@dataclass(frozen=True, slots=True)
class DeviceUsage:
    """What one device was used for on one day: one sum of one feed.

    device: our opaque number. day: in Europe/Amsterdam. amount: whole counting units (COUNTED_IN). channel: a key of
    the channel catalogue; None: not known. samples: how many looks a SAMPLED amount stands for, else 0.
    ValueError: a negative amount, samples that do not fit the confidence, or private use with any detail.
    """

    device: int
    day: date
    quantity: Quantity
    amount: int
    use: Use
    confidence: Confidence
    channel: str | None = None
    counterparty: Counterparty = Counterparty.UNKNOWN
    direction: Direction = Direction.UNKNOWN
    profile: Profile = Profile.WHOLE
    samples: int = 0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """What one account was used for on one day, on whatever machine (Teams on a laptop, the case file's own records).

    It is another type than DeviceUsage, so that nothing of an account can enter a device's share.
    """

    account: int
    day: date
    quantity: Quantity
    amount: int
    use: Use
    confidence: Confidence
    channel: str | None = None
    counterparty: Counterparty = Counterparty.UNKNOWN
    direction: Direction = Direction.UNKNOWN
    samples: int = 0

    def __post_init__(self) -> None:
        _check(self)


UsageRow: TypeAlias = DeviceUsage | AccountUsage
"""What channel tallies take: both kinds, each as itself."""


def _check(row: UsageRow) -> None:
    if row.amount < 0 or row.samples < 0:
        raise ValueError("usage is never below zero")
    if row.confidence is Confidence.SAMPLED:
        if row.amount and not row.samples:
            raise ValueError("a sampled amount says how many looks it stands for")
    elif row.samples:
        raise ValueError("only a sampled amount has samples")
    detail = (row.channel, row.counterparty, row.direction) != (None, Counterparty.UNKNOWN, Direction.UNKNOWN)
    if row.use is Use.PRIVATE and detail:
        # Which private app, or with whom, is nobody's business: the door drops it, and this holds the door to it.
        raise ValueError("private use is one bucket without channel, counterparty or direction")


@dataclass(frozen=True, slots=True)
class Split:
    """An amount, or a number of looks, by what it was for."""

    business: int = 0
    private: int = 0
    unclassified: int = 0

    @property
    def total(self) -> int:
        """All three together."""
        return self.business + self.private + self.unclassified


NOTHING = Split()


@dataclass(frozen=True, slots=True)
class DeviceTotals:
    """All that one kind of feed knows of one quantity of one device in a period: what a share is computed from.

    days: on how many days there was any. samples: looks by use, of SAMPLED totals only.
    """

    device: int
    quantity: Quantity
    confidence: Confidence
    amounts: Split
    days: int
    profile: Profile = Profile.WHOLE
    samples: Split = NOTHING


@dataclass(frozen=True, slots=True)
class Span:
    """Days from first to last, both included; last None: still running."""

    first: date
    last: date | None = None

    def __post_init__(self) -> None:
        if self.last is not None and self.last < self.first:
            raise ValueError("a span ends on or after its first day")

    def covers(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class ClientContact:
    """That one worker and a client of one case were in contact on a day; only kept where consented rules allow it.

    count: how many contacts. Which of the case's people it was, and what was said, is not here.
    """

    worker: int
    case: int
    day: date
    direction: Direction
    confidence: Confidence
    channel: str | None = None
    count: int = 1
