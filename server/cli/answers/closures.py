"""What became of closures that a work supervisor answers for, as answers of the command."""

from __future__ import annotations

from server.core.removal.closures import ClosureAnswer
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.work.register.closures import AT_ONCE, TakenBack
from server.work.register.supervision import Team


def listed(team: Team) -> Answer:
    """A team's closed cases that wait, and what was confirmed."""
    waits = Section(
        "closures",
        phrase("Closures to confirm"),
        columns=(
            Column("question", phrase("Question"), blank=phrase("your own case")),
            Column("case", phrase("Case number")),
            Column("workers", phrase("Workers")),
            Column("opened", phrase("Opened on"), Kind.DATE),
            Column("contacts", phrase("Contacts that wait"), Kind.COUNT),
            Column("not_yet", phrase("Not yet, said"), Kind.INSTANT),
        ),
        rows=tuple(
            (
                None if each.own else each.asked,
                each.case,
                ", ".join(each.workers),
                each.opened_on,
                each.contacts,
                each.not_yet_at,
            )
            for each in team.questions
        ),
        empty=phrase("No closure waits to be confirmed."),
    )
    given = Section(
        "confirmed",
        phrase("Confirmed here"),
        columns=(
            Column("closure", phrase("Confirmation")),
            Column("case", phrase("Case number")),
            Column("day", phrase("Day of closure"), Kind.DATE),
            Column("by", phrase("Said by")),
            Column("said", phrase("Said at"), Kind.INSTANT),
            Column("ended", phrase("Ended"), Kind.INSTANT),
            Column("how", phrase("Why"), Kind.CODE),
        ),
        rows=tuple(
            (each.uid, each.number, each.on_date, each.by, each.said_at, each.ended_at, each.ended_as)
            for each in team.answers
        ),
        empty=phrase("Nothing was confirmed here."),
    )
    what_next = []
    if not team.asks:
        what_next.append(phrase("The policy leaves the confirmation of closures to the case system."))
    elif team.questions:
        what_next.append(phrase("Answer with: closeout closure confirm QUESTION --on DAY --by NAME"))
        what_next.append(phrase("At most {count} at once.", count=AT_ONCE))
    return Answer(
        ok=True,
        title=phrase("Closures of {team}", team=team.name),
        sections=(waits, given),
        what_next=tuple(what_next),
        key="closures",
    )


def answered(count: int, said: ClosureAnswer) -> Answer:
    """After an answer."""
    if said is ClosureAnswer.NOT_YET:
        title = phrase(
            "Recorded for {count} case: not yet. Nothing is removed.",
            many="Recorded for {count} cases: not yet. Nothing is removed.",
            count=count,
        )
        return Answer(ok=True, title=title, key="closure_answered")
    title = phrase(
        "Recorded for {count} case. Its contacts go after the waiting period, unless something else lets them stay.",
        many="Recorded for {count} cases. Their contacts go after the waiting period, unless something else "
        "lets them stay.",
        count=count,
    )
    return Answer(
        ok=True,
        title=title,
        what_next=(phrase("See what follows with: closeout plan"),),
        key="closure_answered",
    )


def withdrawn(taken: TakenBack) -> Answer:
    """After withdrawing; what is gone is told."""
    if not taken.removed and not taken.leaving:
        title = phrase("Confirmation withdrawn. No contacts had been removed because of it.")
        return Answer(ok=True, title=title, key="closure_withdrawn")
    lines = []
    if taken.leaving:
        lines.append(
            phrase(
                "A server was being asked to remove {count} contact at that very moment. That cannot be undone.",
                many="A server was being asked to remove {count} contacts at that very moment. That cannot be undone.",
                count=taken.leaving,
            )
        )
    title = phrase(
        "The confirmation is no longer in force. {count} contact had been removed by then and stays "
        "removed. Whoever needs it again takes it from the case file.",
        many="The confirmation is no longer in force. {count} contacts had been removed by then and stay "
        "removed. Whoever needs them again takes them from the case file.",
        count=taken.removed,
    )
    return Answer(ok=True, title=title, lines=tuple(lines), key="closure_corrected")
