"""The promises of `server.core.usage.intervals`: an interval holds every answer that what is unknown leaves open."""

from __future__ import annotations

from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.usage.intervals import Interval, Sampling, bound, bound_sampled

AMOUNTS = st.integers(0, 10**12)
LOOKS = st.integers(0, 20_000)
SAMPLINGS = st.builds(
    Sampling,
    st.decimals("0.5", "3", places=2),
    st.decimals("1", "40", places=1),
)
USUAL = Sampling(Decimal("1.96"), Decimal(1))


def test_what_is_unknown_is_first_none_and_then_all() -> None:
    assert bound(80, 15, 100) == Interval(Decimal("0.8"), Decimal("0.95"))
    assert bound(9, 0, 10) == Interval(Decimal("0.9"), Decimal("0.9"))


def test_the_wilson_interval_is_that_of_the_textbooks() -> None:
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3: 0.2553 to 0.3662.
    # 15 of 148: 0.0624 to 0.1605. 0 of 20: 0 to 0.1611. 1 of 29: 0.0061 to 0.1718.
    table = {(81, 263): ("0.2553", "0.3662"), (15, 148): ("0.0624", "0.1605"), (0, 20): ("0", "0.1611")}
    table[1, 29] = ("0.0061", "0.1718")
    quantile = Sampling(Decimal("1.959963984540054"), Decimal(1))
    for (counted, total), (low, high) in table.items():
        found = bound_sampled(counted, 0, total, quantile)
        assert (round(found.low, 4), round(found.high, 4)) == (Decimal(low), Decimal(high))


def test_looks_that_depend_on_each_other_count_for_fewer() -> None:
    assert bound_sampled(90, 0, 100, Sampling(Decimal("1.96"), Decimal(10))) == bound_sampled(9, 0, 10, USUAL)


@pytest.mark.parametrize("parts", [(1, 0, 0), (-1, 0, 1), (0, -1, 1), (2, 0, 1), (1, 1, 1)])
def test_parts_that_do_not_fit_are_refused(parts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="fit"):
        bound(*parts)
    with pytest.raises(ValueError, match="fit"):
        bound_sampled(*parts, USUAL)


@pytest.mark.parametrize(("low", "high"), [("-0.1", "1"), ("0.6", "0.5"), ("0", "1.1")])
def test_an_interval_outside_a_share_is_refused(low: str, high: str) -> None:
    with pytest.raises(ValueError, match="between"):
        Interval(Decimal(low), Decimal(high))


@pytest.mark.parametrize(("z", "effect"), [("-1", "1"), ("1.96", "0.9")])
def test_looks_cannot_be_trusted_more_than_looks(z: str, effect: str) -> None:
    with pytest.raises(ValueError, match="below"):
        Sampling(Decimal(z), Decimal(effect))


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_adding_unknown_usage_never_narrows_an_interval(business: int, private: int, unknown: int, more: int) -> None:
    total = business + private + unknown
    if total:
        assert bound(business, unknown + more, total + more).contains(bound(business, unknown, total))


@given(LOOKS, LOOKS, LOOKS, st.integers(0, 5_000), SAMPLINGS)
def test_adding_unknown_looks_never_narrows_a_sampled_interval(
    business: int, private: int, unknown: int, more: int, sampling: Sampling
) -> None:
    total = business + private + unknown
    if total:
        wider = bound_sampled(business, unknown + more, total + more, sampling)
        assert wider.contains(bound_sampled(business, unknown, total, sampling))


@given(LOOKS, LOOKS, LOOKS, st.integers(1, 5_000), SAMPLINGS)
def test_adding_business_never_lowers_a_bound_and_adding_private_never_raises_one(
    business: int, private: int, unknown: int, more: int, sampling: Sampling
) -> None:
    total = business + private + unknown
    if not total:
        return
    for before, after, fewer in (
        (
            bound(business, unknown, total),
            bound(business + more, unknown, total + more),
            bound(business, unknown, total + more),
        ),
        (
            bound_sampled(business, unknown, total, sampling),
            bound_sampled(business + more, unknown, total + more, sampling),
            bound_sampled(business, unknown, total + more, sampling),
        ),
    ):
        assert after.low >= before.low
        assert after.high >= before.high
        assert fewer.low <= before.low
        assert fewer.high <= before.high


@given(LOOKS, LOOKS, LOOKS, SAMPLINGS)
def test_sampling_only_ever_widens(business: int, private: int, unknown: int, sampling: Sampling) -> None:
    total = business + private + unknown
    if total:
        sampled, exact = bound_sampled(business, unknown, total, sampling), bound(business, unknown, total)
        assert sampled.contains(exact)


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_share_is_compared_with_the_threshold_exactly(counted: int, total: int) -> None:
    counted = min(counted, total)
    exact, found, threshold = Fraction(counted, total), bound(counted, 0, total).low, Decimal("0.9")
    assert (exact > Fraction(9, 10), exact == Fraction(9, 10)) == (found > threshold, found == threshold)


def test_the_callers_decimal_context_does_not_matter() -> None:
    expected = bound(1, 1, 3), bound_sampled(1, 1, 3, USUAL)
    with localcontext(prec=3):
        assert (bound(1, 1, 3), bound_sampled(1, 1, 3, USUAL)) == expected
    assert getcontext().prec == 28
