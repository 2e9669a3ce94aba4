"""How many wrong tries to sign in are borne, from whom: by account *and* by who asks, so that nobody can keep somebody
else out for ever; pure, and nothing is kept here.

A device that somebody signed in from before counts by itself (as OWASP describes of device cookies). All others
together have a small number of tries for each account, however many addresses they ask from. Each count is a bucket
that leaks (GCRA): of it one moment is kept, when it will be empty again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import TypeVar

Key = TypeVar("Key", str, bytes)
"""What a count is kept by: its name, or a keyed hash of it."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many wrong tries at once, and one more each time that `every` has passed."""

    at_once: int
    every: timedelta

    def in_days(self, days: int) -> int:
        """The most wrong tries that are ever taken in so many days."""
        return self.at_once + timedelta(days=days) // self.every


STRANGER = Allowance(5, timedelta(hours=2))
"""One account, from one neighbourhood of addresses."""
STRANGERS = Allowance(20, timedelta(minutes=72))
"""One account, from everywhere but known devices together: 620 in thirty days."""
DEVICE = Allowance(10, timedelta(hours=1))
"""One account, from one device that it signed in from before."""
PROOF = Allowance(5, timedelta(minutes=15))
"""One account, by who is signed in with it and proves that it is still them."""


class KnownBy(StrEnum):
    """How somebody who tries is known."""

    STRANGER = "stranger"
    DEVICE = "device"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who tries. known_by: the neighbourhood, or the number of the device; nothing for a session."""

    way: KnownBy
    known_by: str = ""


def counts_of(account: str, asker: Asker) -> Mapping[str, Allowance]:
    """What this try counts against: all of it must bear it."""
    match asker.way:
        case KnownBy.SESSION:
            return {f"{account} session": PROOF}
        case KnownBy.DEVICE:
            return {f"{account} device {asker.known_by}": DEVICE}
        case KnownBy.STRANGER:
            return {f"{account} strangers": STRANGERS, f"{account} stranger {asker.known_by}": STRANGER}


def take(empty_at: datetime | None, allowance: Allowance, now: datetime) -> datetime | None:
    """When the bucket will be empty after one more try; None: it bears no more now. empty_at: None: it is empty."""
    filled = max(empty_at or now, now) + allowance.every
    return filled if filled - now <= allowance.at_once * allowance.every else None


def take_all(
    empty_at: Mapping[Key, datetime], counts: Mapping[Key, Allowance], now: datetime
) -> Mapping[Key, datetime] | None:
    """The buckets after one more try, if all of them bear it; else None, and none is fuller than before."""
    filled = {name: take(empty_at.get(name), allowance, now) for name, allowance in counts.items()}
    borne = {name: moment for name, moment in filled.items() if moment is not None}
    return borne if len(borne) == len(counts) else None


def give_back(empty_at: Mapping[Key, datetime], counts: Mapping[Key, Allowance]) -> Mapping[Key, datetime]:
    """The buckets without a try that was right after all."""
    return {name: moment - counts[name].every for name, moment in empty_at.items() if name in counts}


def neighbourhood(address: str) -> str:
    """The addresses that one line has: a /24 of IPv4, a /56 of IPv6 (RFC 6177); of what is no address all as one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "-"
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return f"{parsed.version}:{int(parsed) >> (8 if parsed.version == 4 else 72):x}"


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What a browser shows of a device that was signed in from. nonce: its number. made_at: in seconds since 1970."""

    nonce: str
    made_at: int
    proof: str


LONGEST_DEVICE = timedelta(days=180)
"""For how long a device is known that nobody signs in from."""
MOST_DEVICES = 4
"""Accounts that one browser is known for."""


def read_devices(cookie: str) -> Sequence[KnownDevice]:
    """The devices in a cookie, as far as they have the form of one."""
    found = []
    for part in cookie.split("~")[:MOST_DEVICES]:
        nonce, _, rest = part.partition(".")
        made, _, proof = rest.partition(".")
        if nonce.isalnum() and made.isdecimal() and made.isascii() and len(made) <= 12 and proof:
            found.append(KnownDevice(nonce, int(made), proof))
    return found


def write_devices(devices: Sequence[KnownDevice]) -> str:
    """The cookie of these devices, the newest first."""
    return "~".join(f"{each.nonce}.{each.made_at}.{each.proof}" for each in devices[:MOST_DEVICES])
