"""Which of several feeds of one phone counts in a month, where two tell of the same; nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import permutations
from typing import Any

from sqlalchemy import (
    Connection,
    literal,
    select,
    tuple_,
)

from server.store.schema.usage import (
    usage_day,
    usage_feed,
    usage_kind,
    usage_subject,
)
from server.store.usage.months import bounds


def relation(
    name: str, mine: tuple[str | None, Collection[str]], other: str, theirs: tuple[str | None, Collection[str]]
) -> bool | None:
    """Whether two feeds of one thing tell the same once more, and do not add up; None: nobody has said it."""
    if other in mine[1] or name in theirs[1]:
        return True
    if mine[0] is None or theirs[0] is None:
        return None
    return "device" in (mine[0], theirs[0])


def that_count(connection: Connection, month: int) -> list[Any]:
    """Which daily rows of a month count. Only if several feeds have rows in it is there anything to choose."""
    first, last = bounds(month)
    within = usage_day.c.day.between(first.toordinal(), last.toordinal())
    feeds = connection.execute(select(usage_day.c.feed_id).where(within).distinct()).scalars().all()
    if len(feeds) < 2:
        return [within]
    pairs = _outranked(connection, feeds)
    if not pairs:
        return [within]
    other, other_kind = usage_day.alias("other"), usage_kind.alias("other_kind")
    own_kind = usage_kind.alias("own_kind")
    better = (
        select(literal(1))
        .select_from(other)
        .join(other_kind, other_kind.c.id == other.c.kind_id)
        .join(own_kind, own_kind.c.id == usage_day.c.kind_id)
        .where(
            other.c.subject_id == usage_day.c.subject_id,
            other.c.day == usage_day.c.day,
            tuple_(usage_day.c.feed_id, other.c.feed_id).in_(pairs),
            other_kind.c.quantity == own_kind.c.quantity,
            other_kind.c.confidence == own_kind.c.confidence,
        )
        .correlate(usage_day)
    )
    nowhere = usage_day.c.subject_id.in_(select(usage_subject.c.id).where(usage_subject.c.kind == "nobody"))
    return [within, nowhere | ~better.exists()]


def _outranked(connection: Connection, feeds: Sequence[int]) -> list[tuple[int, int]]:
    """Of feeds that tell the same once more: each with one that counts instead of it.

    Feeds of SIMs together are what a feed of the whole phone tells at once, so they have the best rank among them.
    """
    rows = connection.execute(select(usage_feed).where(usage_feed.c.id.in_(feeds))).all()
    sims = min((row.precedence for row in rows if row.measures == "sim"), default=0)
    found = []
    for mine, theirs in permutations(rows, 2):
        said = [(row.measures, (row.witness_of or "").split()) for row in (mine, theirs)]
        if relation(mine.name, said[0], theirs.name, said[1]) is False:
            continue
        direct = theirs.name in said[0][1] or mine.name in said[1][1]
        ranks = [(row.precedence if direct or row.measures != "sim" else sims, row.id) for row in (theirs, mine)]
        if ranks[0] < ranks[1]:
            found.append((mine.id, theirs.id))
    return found
