"""`closeout finding`: what waits for a person, whose it is, and what they concluded."""

from __future__ import annotations

from datetime import datetime

import click

from server.cli.answers import people as tell_people
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.model import Disposition, FindingKind
from server.core.removal.finding_terms import BY_PEOPLE
from server.store.findings import Chosen
from server.work.context import Context
from server.work.removal import findings_desk
from server.work.removal.findings_desk import AtDesk


@click.command("list")
@with_session
def finding_list(session: Session) -> None:
    """Show open findings, oldest first."""
    with session.context() as context:
        role = session.role(context)
        rows = findings_desk.list_findings(context, role)
    session.answer(tell_people.findings(rows, role))


@click.command("desk")
@with_session
def finding_desk(session: Session) -> None:
    """Count open findings by kind: how many, how old in working days, how many overdue, and who has them."""
    with session.context() as context:
        role = session.role(context)
        desk = findings_desk.read_desk(context)
    session.answer(tell_people.finding_desk(desk, role))


@click.command("assign")
@click.argument("finding_id", nargs=-1)
@click.option("--kind", type=click.Choice([str(kind) for kind in FindingKind]), help="All open ones of this kind.")
@click.option("--to", required=True, help="Name or id of a privacy officer's account.")
@click.option("--due", type=DAY, help="Due day; without it the day stays as it is.")
@with_session
def finding_assign(
    session: Session, finding_id: tuple[str, ...], kind: str | None, to: str, due: datetime | None
) -> None:
    """Assign findings to a privacy officer, or to yourself."""
    with session.context() as context, refusals(session):
        by = _at_desk(session, context)
        owner = next(
            (each.uid for each in findings_desk.read_desk(context).officers if to in (each.uid, each.name)), ""
        )
        given = findings_desk.give(context, by, _chosen(finding_id, kind), owner, due.date() if due else None)
    session.answer(tell_people.findings_given(given))


@click.command("snooze")
@click.argument("finding_id", nargs=-1)
@click.option("--kind", type=click.Choice([str(kind) for kind in FindingKind]), help="All open ones of this kind.")
@click.option("--until", required=True, type=DAY, help="The day on which they are asked about again.")
@click.option("--reason", required=True, help="Why they can wait, without names or numbers.")
@with_session
def finding_snooze(
    session: Session, finding_id: tuple[str, ...], kind: str | None, until: datetime, reason: str
) -> None:
    """Set findings aside until a day, for a reason."""
    with session.context() as context, refusals(session):
        count = findings_desk.put_off(
            context, _at_desk(session, context), _chosen(finding_id, kind), until.date(), reason
        )
    session.answer(tell_people.findings_put_off(count))


@click.command("close")
@click.argument("finding_id", nargs=-1)
@click.option("--kind", type=click.Choice([str(kind) for kind in FindingKind]), help="All open ones of this kind.")
@click.option(
    "--outcome", required=True, type=click.Choice([str(each) for each in BY_PEOPLE]), help="What became of it."
)
@click.option("--conclusion", required=True, help="What you concluded, without names or numbers.")
@with_session
def finding_close(
    session: Session, finding_id: tuple[str, ...], kind: str | None, outcome: str, conclusion: str
) -> None:
    """Close findings with what you concluded; what waited for them goes on."""
    with session.context() as context, refusals(session):
        rows = findings_desk.conclude(
            context, _at_desk(session, context), _chosen(finding_id, kind), Disposition(outcome), conclusion
        )
    session.answer(tell_people.findings_closed(rows))


def _at_desk(session: Session, context: Context) -> AtDesk:
    person = session.person(context)
    role = session.role(context)
    return AtDesk(role) if person is None else AtDesk(role, person.account, person.worker, person.uid)


def _chosen(ids: tuple[str, ...], kind: str | None) -> Chosen:
    if bool(ids) == (kind is not None):
        raise click.UsageError("FINDING_ID ..., --kind: exactly one of them")
    return Chosen(uids=ids) if kind is None else Chosen(kind=FindingKind(kind))
