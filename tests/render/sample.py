"""An invented organisation's facts, large enough to show every section and every kind of value; no test lives here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from mdm_adapters.port import Fault, Outcome, Shape
from server.core.model import FindingKind, Level, Reason, State
from server.core.reports.coverage import Phone, Sight, Source, SourceKind, Spot
from server.core.reports.removals import (
    Deferred,
    Item,
    Question,
    RemovalFacts,
    Removed,
    Review,
    Stuck,
    UnderWay,
)
from server.core.text import Period

NOW = datetime(2026, 11, 22, 13, 3, tzinfo=UTC)


def item(number: int) -> Item:
    """Visibly invented references; the id has nothing to do with them."""
    return Item(
        id=f"{(number * 7919 + 31) % 1048576:05x}",
        case=f"CASE-9{number:05}",
        worker=f"worker-{number % 5 + 1:02}",
        place=f"Book {number % 5 + 1}",
    )


def phones() -> tuple[Phone, ...]:
    """Eight phones, three of them silent; one has its own book closed off, one worker stated something."""
    extra = {
        2: ((Spot.LOCAL_BOOK, Sight.CLOSED), (Spot.PERSONAL_CLOUD, Sight.CLOSED)),
        5: ((Spot.LOCAL_BOOK, Sight.ATTESTED),),
    }
    return tuple(
        Phone(
            label=f"phone-{number:02}",
            worker=f"worker-{(number - 1) % 5 + 1:02}",
            spots=((Spot.MANAGED_ACCOUNT, Sight.SEEN), *extra.get(number, ())),
            last_fetch=None if number in {3, 6, 8} else NOW - timedelta(minutes=number),
        )
        for number in range(1, 9)
    )


def removed() -> tuple[Removed, ...]:
    """Sixteen orders: whole, trimmed, already gone; on one phone or two; each level that CardDAV can give."""
    outcomes = (Outcome.REMOVED, Outcome.REMOVED, Outcome.TRIMMED, Outcome.REMOVED, Outcome.ALREADY_GONE)
    reasons = (
        Reason.FINALLY_CLOSED,
        Reason.FINALLY_CLOSED,
        Reason.NO_LONGER_ASSIGNED,
        Reason.MONITORING_OUTSIDE,
        Reason.NEVER_ASSIGNED,
    )
    orders = []
    for number in range(16):
        carried = 2 if number % 5 < 3 else 1
        fetched = (0, 1, 2)[number % 3] if carried == 2 else number % 2
        orders.append(
            Removed(
                item=item(number),
                reason=reasons[number % len(reasons)],
                policy="tiny-2026-11",
                ordered_at=NOW - timedelta(hours=3, minutes=number),
                called_at=NOW - timedelta(hours=2, minutes=number),
                proven_at=NOW - timedelta(hours=1, minutes=number),
                outcome=outcomes[number % len(outcomes)],
                level=Level.DEVICE_SYNCED if fetched == carried else Level.STORE_REMOVED,
                phones=carried,
                synced=fetched,
                recoverable=number % 8 == 0,
            )
        )
    return tuple(orders)


def facts() -> RemovalFacts:
    """A whole report's facts."""
    return RemovalFacts(
        organisation="Voorbeeldorganisatie Tiny (verzonnen)",
        period=Period(date(2026, 10, 1), date(2026, 11, 22)),
        made_at=NOW,
        policies=("tiny-2026-11",),
        sources=(
            Source(SourceKind.CASE_SYSTEM, "case export", NOW - timedelta(hours=7), timedelta(hours=24)),
            *(
                Source(SourceKind.PLACE, f"Book {number}", NOW - timedelta(hours=1), timedelta(hours=24))
                for number in range(1, 5)
            ),
            Source(SourceKind.PLACE, "Book 5", NOW - timedelta(days=3), timedelta(hours=24), Fault.WRONG_CREDENTIALS),
            Source(SourceKind.DEVICE_LOG, "CardDAV log", NOW - timedelta(minutes=5)),
        ),
        phones=phones(),
        removed=removed(),
        deferred=tuple(Deferred(item(number)) for number in range(20, 26)),
        reviews=(
            Review(item(30), Reason.NOT_RECORDED),
            Review(item(31), Reason.CLOSURE_UNCONFIRMED),
            Review(item(32), Shape.CASE_NUMBER),
            Review(item(33), Shape.UNREADABLE),
        ),
        under_way=(
            UnderWay(item(40), Reason.FINALLY_CLOSED, "tiny-2026-11", State.CHECKING, NOW - timedelta(hours=2)),
            UnderWay(item(41), Reason.NO_LONGER_ASSIGNED, "tiny-2026-11", State.READY, NOW - timedelta(hours=1)),
        ),
        stuck=(
            Stuck(item(50), Reason.FINALLY_CLOSED, "tiny-2026-10", Fault.WRONG_CREDENTIALS, 5, NOW - timedelta(days=2)),
            Stuck(item(51), Reason.FINALLY_CLOSED, "tiny-2026-11", Outcome.UNCLEAR, 1, NOW - timedelta(days=1)),
        ),
        questions=(
            Question(FindingKind.WITHOUT_ASSIGNMENT, NOW - timedelta(days=9), item(4)),
            Question(FindingKind.REAPPEARED, NOW - timedelta(days=2), item(60)),
            Question(FindingKind.PLACE_UNSEEN, NOW - timedelta(days=2)),
        ),
        stay=87,
    )
