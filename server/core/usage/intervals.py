"""Shares as intervals: what stays open because something is unknown, or because it was only sampled; pure arithmetic.

Decimal throughout, in a context of our own, so that exactly 90% is exactly 90% whatever the caller has set.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

_CONTEXT = Context(prec=34, rounding=ROUND_HALF_EVEN)
_NONE, _ALL = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Interval:
    """A share lies somewhere from low to high, both included; 0 <= low <= high <= 1."""

    low: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        if not _NONE <= self.low <= self.high <= _ALL:
            raise ValueError("an interval of a share lies between 0 and 1")

    def contains(self, other: Interval) -> bool:
        """Whether all of the other lies in this one."""
        return self.low <= other.low and other.high <= self.high


@dataclass(frozen=True, slots=True)
class Sampling:
    """How far looks at moments are trusted.

    z: the normal quantile, so 1.96 makes the interval hold about 95 times in 100. design_effect: looks shortly after
    one another see the same; this many count as one independent look (Kish 1965, Survey Sampling, 8.2); at least 1.
    """

    z: Decimal
    design_effect: Decimal

    def __post_init__(self) -> None:
        if self.z < 0 or self.design_effect < 1:
            raise ValueError("z is not below 0 and the design effect not below 1")


def percent(part: Decimal) -> Decimal:
    """A part of one as a percentage with one place, to be written as the reader's language does."""
    return (part * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN)


def bound(counted: int, unknown: int, total: int) -> Interval:
    """The share of `counted` in `total`, whatever the unknown part turns out to be: [c/t, (c+u)/t] (DOMAIN 14.2).

    ValueError: nothing at all, or parts that do not fit the total.
    """
    _check(counted, unknown, total)
    with localcontext(_CONTEXT):
        return Interval(Decimal(counted) / total, Decimal(counted + unknown) / total)


def bound_sampled(counted: int, unknown: int, total: int, sampling: Sampling) -> Interval:
    """The same from numbers of looks: the lower Wilson bound if no unknown look counts, the upper one if all do.

    Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 1927, pp. 209-212) stays within 0 and 1 and holds for shares
    near them, where ours are. With n looks, k of them counted:
    (k + z²/2 ± z·sqrt(k(n-k)/n + z²/4)) / (n + z²), with k and n divided by the design effect.
    One more unknown look only ever lowers the lower bound and raises the upper one.
    """
    _check(counted, unknown, total)
    with localcontext(_CONTEXT):
        return Interval(_wilson(counted, total, sampling, -1), _wilson(counted + unknown, total, sampling, +1))


def _wilson(counted: int, total: int, sampling: Sampling, sign: int) -> Decimal:
    if sign < 0 and not counted:
        return _NONE
    if sign > 0 and counted == total:
        return _ALL
    k, n = counted / sampling.design_effect, total / sampling.design_effect
    square = sampling.z * sampling.z
    spread = sampling.z * (k * (n - k) / n + square / 4).sqrt()
    return (k + square / 2 + sign * spread) / (n + square)


def _check(counted: int, unknown: int, total: int) -> None:
    if counted < 0 or unknown < 0 or total <= 0 or counted + unknown > total:
        raise ValueError("parts do not fit their total")
