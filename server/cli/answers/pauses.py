"""What pausing and resuming came to, as answers; and how a pause is told wherever one is in force. No act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from server.cli.session import Session
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.store.admin.pauses import PauseRow
from server.work.removal.pauses import PauseProblem, PauseRefusedError, PauseSet

REFUSALS: Mapping[PauseProblem, Text] = {
    PauseProblem.NOT_CLEARED: phrase("Only an IT administrator pauses and resumes."),
    PauseProblem.UNKNOWN_CONNECTION: phrase("There is no contact store or manager of phones of that name."),
    PauseProblem.NO_REASON: phrase("Say why, for those who find it paused."),
    PauseProblem.TEXT_TOO_LONG: phrase("The text is longer than 300 characters."),
    PauseProblem.IDENTIFIER_IN_TEXT: phrase("The text holds a telephone number or an e-mail address. Leave it out."),
    PauseProblem.HOURS: phrase("It would not end later than it does already. Give more hours."),
    PauseProblem.PAUSED_ALREADY: phrase("It is paused already. See closeout status; make it longer with --longer."),
    PauseProblem.NOT_PAUSED: phrase("That is not paused. See what is with: closeout status"),
    PauseProblem.CHANGED: phrase("Somebody made it longer meanwhile. See closeout status, and decide again."),
}
"""Why something was not paused or resumed, and what to do."""

RESUME = phrase("Resume with: closeout resume")


@contextmanager
def refusals(session: Session) -> Iterator[None]:
    """What an act refuses, told with what to do."""
    try:
        yield
    except PauseRefusedError as refused:
        session.answer(Answer(ok=False, title=REFUSALS[refused.problem], key=refused.problem.value))


def paused(made: PauseSet) -> Answer:
    """After `pause`."""
    lines = [sentence_of(made.row)]
    if made.under_way:
        lines.append(
            phrase(
                "Calls that had left before it and are not back: {count}. What they remove cannot be called back.",
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
    title = phrase("Resumed. The engine carries out what waited.")
    if row.connection is not None:
        title = phrase("Resumed: {name}. The engine carries out what waited.", name=row.connection)
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
