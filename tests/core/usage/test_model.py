"""The promises of `usage.model`: rows that could tell too much, or add up to a wrong share, cannot be made."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from server.core.usage.model import (
    COUNTED_IN,
    AccountUsage,
    Confidence,
    Counterparty,
    DeviceUsage,
    Direction,
    Quantity,
    Span,
    Split,
    Use,
    told,
)

DAY = date(2026, 3, 2)


def device(use: Use = Use.BUSINESS, confidence: Confidence = Confidence.MEASURED, **more: object) -> DeviceUsage:
    return DeviceUsage(1, DAY, Quantity.CALLS, more.pop("amount", 3), use, confidence, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "detail",
    [{"channel": "whatsapp"}, {"counterparty": Counterparty.CLIENT}, {"direction": Direction.OUT}],
    ids=["channel", "counterparty", "direction"],
)
def test_private_use_is_one_bucket_without_any_detail(detail: dict[str, object]) -> None:
    assert device(Use.PRIVATE).amount == 3
    with pytest.raises(ValueError, match="one bucket"):
        device(Use.PRIVATE, **detail)
    with pytest.raises(ValueError, match="one bucket"):
        AccountUsage(1, DAY, Quantity.CALLS, 3, Use.PRIVATE, Confidence.MEASURED, **detail)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("confidence", "amount", "samples", "refused"),
    [
        (Confidence.MEASURED, -1, 0, "below zero"),
        (Confidence.SAMPLED, 1, -1, "below zero"),
        (Confidence.SAMPLED, 1, 0, "how many looks"),
        (Confidence.MEASURED, 1, 1, "only a sampled"),
    ],
)
def test_an_amount_that_cannot_be_is_refused(confidence: Confidence, amount: int, samples: int, refused: str) -> None:
    with pytest.raises(ValueError, match=refused):
        device(confidence=confidence, amount=amount, samples=samples)


def test_every_quantity_has_a_unit_and_is_told_in_it() -> None:
    assert set(COUNTED_IN) == set(Quantity)
    assert told(Quantity.MINUTES, 90) == Decimal("1.5")
    assert told(Quantity.CALLS, 90) == 90
    assert told(Quantity.MEGABYTES, 2_500_000) == Decimal("2.5")


def test_the_usage_of_an_account_is_not_that_of_a_device() -> None:
    assert not isinstance(AccountUsage(1, DAY, Quantity.CALLS, 3, Use.BUSINESS, Confidence.MEASURED), DeviceUsage)


def test_a_split_adds_up_and_a_span_has_both_its_ends() -> None:
    assert Split(5, 3, 1).total == 9
    assert [Span(DAY, DAY).covers(date(2026, 3, day)) for day in (1, 2, 3)] == [False, True, False]
    assert Span(DAY).covers(date.max)
    with pytest.raises(ValueError, match="ends on or after"):
        Span(DAY, date(2026, 3, 1))
