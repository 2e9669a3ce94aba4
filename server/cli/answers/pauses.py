"""What pausing and resuming came to, as answers; and how a pause is told wherever one is in force. No act."""

from __future__ import annotations

from collections.abc import Sequence

from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.store.admin.pauses import PauseRow
from server.work.removal.pauses import PauseSet

RESUME = phrase("Resume with: closeout resume")


def paused(made: PauseSet) -> Answer:
    """After `pause`."""
    lines = [sentence_of(made.row)]
    if made.under_way:
        lines.append(
            phrase(
                "Calls that had been sent before it and are not back: {count}. What they remove cannot be undone.",
                count=made.under_way,
            )
        )
    return Answer(ok=True, title=phrase("Paused: no removal begins."), lines=tuple(lines), what_next=(RESUME,),
                  key="paused")  # fmt: skip


def prolonged(row: PauseRow) -> Answer:
    """After `pause --longer`."""
    return Answer(
        ok=True, title=phrase("It stays paused."), lines=(sentence_of(row),), what_next=(RESUME,), key="prolonged"
    )


def resumed(row: PauseRow, left: Sequence[PauseRow]) -> Answer:
    """After `resume`. left: what is paused still."""
    title = phrase("Resumed. The background worker carries out what waited.")
    if row.connection is not None:
        title = phrase("Resumed: {name}. The background worker carries out what waited.", name=row.connection)
    return Answer(ok=True, title=title, lines=tuple(sentence_of(each) for each in left), key="resumed")


def sentence_of(row: PauseRow) -> Text:
    """A pause in force, in a sentence."""
    if row.connection is None:
        return phrase(
            "Everything is paused since {since} until {until}: {reason}",
            since=row.set_at,
            until=row.ends_at,
            reason=row.reason,
        )
    return phrase(
        "{name} is paused since {since} until {until}: {reason}",
        name=row.connection,
        since=row.set_at,
        until=row.ends_at,
        reason=row.reason,
    )


def in_force(rows: Sequence[PauseRow], waiting: Sequence[int]) -> Section:
    """What is paused now. waiting: for each, the orders that wait for it."""
    return Section(
        "paused",
        phrase("Paused"),
        columns=(
            Column("connection", phrase("Where"), Kind.TEXT, phrase("Everything")),
            Column("since", phrase("Since"), Kind.INSTANT),
            Column("until", phrase("Ends"), Kind.INSTANT),
            Column("by", phrase("By")),
            Column("reason", phrase("Why")),
            Column("waiting", phrase("Orders that wait"), Kind.COUNT),
        ),
        rows=tuple(
            (row.connection, row.set_at, row.ends_at, row.set_by, row.reason, count)
            for row, count in zip(rows, waiting, strict=True)
        ),
        empty=phrase("Nothing is paused."),
    )
