"""What people recorded, as answers: holds, deviations, findings; who may see workers and cases is asked here."""

from __future__ import annotations

from collections.abc import Sequence

from server.cli.answers.removal import CASE, WORKER
from server.core.hold_record import HoldRow
from server.core.model import CLEARED_FOR_CASES, Role
from server.core.removal.finding_terms import WITHIN, due_day
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import phrase
from server.core.workdays import local_day
from server.render.answers import Answer
from server.render.hold_table import hold_section
from server.store.findings import FindingRow
from server.store.removal.deviations_and_holds import DeviationRow
from server.work.removal.deviations_and_holds import HoldSet
from server.work.removal.findings_desk import Desk, Given


def hold_set(result: HoldSet) -> Answer:
    """After `hold set`: what it could not stop any more is said."""
    lines = [phrase("Its id: {uid}", uid=result.uid)]
    if result.in_time:
        lines.append(
            phrase(
                "Nothing is under way any more: every background worker that had taken up what it covers has answered."
            )
        )
    if result.under_way:
        lines.append(
            phrase(
                "Calls that had been sent before it, or may still be sent: {count}. The background worker that "
                "took them up has not answered: it is slow, or stands still and may go on. Stop its process or "
                "its machine.",
                count=result.under_way,
            )
        )
    if result.unknown:
        lines.append(
            phrase(
                "Calls of a background worker that ended without an answer: {count}. What the server did is not "
                "known until the address books are read again: closeout look --full",
                count=result.unknown,
            )
        )
    if result.beyond_recall:
        lines.append(
            phrase(
                "Removals that a server had accepted before it and that cannot be undone: {count}.",
                count=result.beyond_recall,
            )
        )
    return Answer(
        ok=not result.under_way,
        title=phrase("The hold is in force, and calls from before it may still come.")
        if result.under_way
        else phrase("The hold is in force: from now on nothing that it covers is removed."),
        lines=tuple(lines),
        what_next=(phrase("Tell nobody who is not cleared: to them it looks like any other postponement."),),
        key="hold_set",
    )


def hold_released() -> Answer:
    """After `hold release`."""
    return Answer(ok=True, title=phrase("The hold has ended; what it covered is decided again."), key="hold_released")


def hold_may_end(uid: str) -> Answer:
    """After the first person's word."""
    return Answer(
        ok=True,
        title=phrase("It holds until a second cleared person says so, too, within three days."),
        what_next=(phrase("They say so with: closeout --as ROLE hold release {uid}", uid=uid),),
        key="hold_may_end",
    )


def hold_reviewed() -> Answer:
    """After `hold review`."""
    return Answer(ok=True, title=phrase("It stays, and is looked at again on that day."), key="hold_reviewed")


def holds(rows: Sequence[HoldRow]) -> Answer:
    """Holds, for those cleared."""
    section = hold_section(rows)
    return Answer(ok=True, title=phrase("Holds"), sections=(section,), key="holds")


def deviation_added(uid: str) -> Answer:
    """After `deviation add`."""
    return Answer(
        ok=True,
        title=phrase("The deviation is recorded."),
        lines=(phrase("Its id: {uid}", uid=uid),),
        key="deviation_added",
    )


def deviations(rows: Sequence[DeviationRow], role: Role) -> Answer:
    """Deviations in force; case and worker for those cleared."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "deviations",
        phrase("Deviations"),
        columns=(
            Column("deviation", phrase("Deviation")),
            *((CASE, WORKER) if cleared else ()),
            Column("tier", phrase("Whose decision"), Kind.CODE),
            *((Column("why", phrase("Why")),) if cleared else ()),
            Column("until", phrase("Until"), Kind.INSTANT),
        ),
        rows=tuple(
            (
                row.uid,
                *((row.case, row.worker) if cleared else ()),
                row.tier,
                *((row.reason,) if cleared else ()),
                row.until_at,
            )
            for row in rows
        ),
        empty=phrase("No deviation is in force."),
    )
    return Answer(ok=True, title=phrase("Deviations in force"), sections=(section,), key="deviations")


def findings(rows: Sequence[FindingRow], role: Role) -> Answer:
    """Open findings; case and worker for those cleared."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "findings",
        phrase("Findings"),
        columns=(
            Column("finding", phrase("Finding")),
            *((CASE, WORKER) if cleared else ()),
            Column("kind", phrase("What"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
            Column("opened", phrase("Since"), Kind.INSTANT),
            Column("due", phrase("Due"), Kind.DATE),
            *((Column("owner", phrase("Assigned to"), blank=phrase("Unassigned")),) if cleared else ()),
            Column("pilot", phrase("Found by a plan alone"), Kind.CODE),
        ),
        rows=tuple(
            (
                row.uid,
                *((row.case, row.worker) if cleared else ()),
                *(row.kind, row.kind, row.opened_at),
                due_day(row.kind, local_day(row.opened_at), row.due_on),
                *((row.owner,) if cleared else ()),
                Mark.YES if row.pilot else Mark.NO,
            )
            for row in rows
        ),
        empty=phrase("No finding is open."),
    )
    return Answer(
        ok=True,
        title=phrase("Findings to look into"),
        sections=(section,),
        what_next=(phrase("Close them with: closeout finding close ID --outcome OUTCOME --conclusion TEXT"),)
        if rows
        else (),
        key="findings",
    )


def finding_desk(desk: Desk, role: Role) -> Answer:
    """Open findings by kind; whose they are for those cleared."""
    cleared = role in CLEARED_FOR_CASES
    section = Section(
        "desk",
        phrase("Open findings by kind"),
        columns=(
            Column("kind", phrase("Kind"), Kind.CODE),
            Column("open", phrase("Open"), Kind.COUNT),
            Column("oldest", phrase("Oldest (working days)"), Kind.COUNT),
            Column("within", phrase("Term (working days)"), Kind.COUNT),
            Column("late", phrase("Overdue"), Kind.COUNT),
            Column("lying", phrase("Left lying"), Kind.COUNT),
            Column("nobodys", phrase("Unassigned"), Kind.COUNT),
            *((Column("owners", phrase("Assigned to")),) if cleared else ()),
        ),
        rows=tuple(
            (
                *(each.kind, each.count, each.days_old, WITHIN[each.kind], each.late, each.lying, each.nobodys),
                *((", ".join(f"{name} ({count})" for name, count in each.owners),) if cleared else ()),
            )
            for each in desk.heaps
        ),
        notes=(phrase("Days are working days in the Netherlands: no weekends and no public holidays."),),
        empty=phrase("There are no open findings."),
    )
    return Answer(ok=True, title=phrase("Findings to look into"), sections=(section,), key="finding_desk")


def findings_given(given: Given) -> Answer:
    """After `finding assign`."""
    left = phrase(
        "{count} stays as it was: it is about the one who would get it.",
        many="{count} stay as they were: they are about the one who would get them.",
        count=given.left,
    )
    return Answer(
        ok=True,
        title=phrase("{count} finding is assigned.", many="{count} findings are assigned.", count=given.done),
        what_next=(left,) if given.left else (),
        key="findings_given",
    )


def findings_put_off(count: int) -> Answer:
    """After `finding snooze`."""
    return Answer(
        ok=True,
        title=phrase("{count} finding is set aside.", many="{count} findings are set aside.", count=count),
        key="findings_put_off",
    )


def findings_closed(rows: Sequence[FindingRow]) -> Answer:
    """After `finding close`."""
    return Answer(
        ok=True,
        title=phrase("{count} finding is closed.", many="{count} findings are closed.", count=len(rows)),
        key="finding_closed",
    )
