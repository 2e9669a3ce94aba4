"""`closeout hold` and `closeout deviation`: what keeps a contact."""

from __future__ import annotations

from datetime import datetime

import click

from server.cli.answers import people as tell_people
from server.cli.answers import removal as tell_removal
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.hold_record import Requester
from server.core.model import Tier
from server.core.text import phrase
from server.store.admin import organisation
from server.work.context import Context
from server.work.removal import deviations_and_holds


@click.command("set")
@click.option("--worker", hidden=True, help="Hold all that this worker has.")
@click.option("--case", hidden=True, help="Hold all contacts of this case, with everyone.")
@click.option("--case-system", hidden=True, help="The case system of that case, where two of them use the number.")
@click.option("--everything", is_flag=True, hidden=True, help="Hold everything.")
@click.option("--reason", hidden=True, help="Why; encrypted, without names or numbers.")
@click.option(
    "--requester",
    type=click.Choice([each.value for each in Requester]),
    default=Requester.OWN.value,
    show_default=True,
    help="Who asked for it.",
)
@click.option("--review-on", type=DAY, help="When those cleared look at it again; in three months unless given.")
@click.option(
    "--patience", default=30.0, show_default=True, help="Seconds to wait for calls that had already been sent."
)
@with_session
def hold_set(
    session: Session,
    worker: str | None,
    case: str | None,
    case_system: str | None,
    everything: bool,
    reason: str | None,
    requester: str,
    review_on: datetime | None,
    patience: float,
) -> None:
    """Set a hold: asks what it is about and why, and waits until nothing that it covers is under way."""
    given = (worker is not None, case is not None, everything)
    if sum(given) > 1:
        raise click.UsageError("--worker, --case, --everything: exactly one of them")
    with session.context() as context, refusals(session):
        by = session.cleared(context)
        if any(each is not None for each in (worker, case, case_system, reason)):
            _refuse_to_be_told_aloud(session, context)
        if not any(given):
            subject = read_subject(session.ask(phrase("Hold what? worker REFERENCE, case NUMBER, or everything")))
            if subject is None:
                session.fail(
                    "not_understood",
                    phrase("That is not understood, so nothing was set."),
                    phrase("Type one of: worker REFERENCE, case NUMBER, case NUMBER SYSTEM, everything"),
                )
            worker, case, case_system = subject
        if reason is None:
            reason = session.ask(phrase("Why, without names or numbers"))
        result = deviations_and_holds.set_hold(
            context,
            by,
            worker=worker,
            case=case,
            system=case_system,
            reason=reason,
            requester=Requester(requester),
            review_on=None if review_on is None else review_on.date(),
            wait=tell_removal.patience(context, patience),
        )
    session.answer(tell_people.hold_set(result))


def _refuse_to_be_told_aloud(session: Session, context: Context) -> None:
    """What stands on a command line is read by others; in a demo nobody is real."""
    with context.store.read() as connection:
        if organisation.read_installation(connection).demo:
            return
    session.fail(
        "told_aloud",
        phrase("Whom a hold is about does not belong on a command line: others can read it there. Nothing was set."),
        phrase("Leave it out, and it is asked for: closeout --as ROLE hold set"),
    )


def read_subject(typed: str) -> tuple[str | None, str | None, str | None] | None:
    """Worker, case and case system of what somebody typed; all None for everything, None for what is none of them."""
    match typed.split():
        case ["everything"]:
            return None, None, None
        case ["worker", worker]:
            return worker, None, None
        case ["case", number]:
            return None, number, None
        case ["case", number, system]:
            return None, number, system
        case _:
            return None


@click.command("release")
@click.argument("hold_id")
@with_session
def hold_release(session: Session, hold_id: str) -> None:
    """Say that a hold may end; a second cleared person who says so within three days ends it."""
    with session.context() as context, refusals(session):
        done = deviations_and_holds.release_hold(context, session.cleared(context), hold_id)
    session.answer(tell_people.hold_released() if done else tell_people.hold_may_end(hold_id))


@click.command("review")
@click.argument("hold_id")
@click.argument("day", type=DAY)
@with_session
def hold_review(session: Session, hold_id: str, day: datetime) -> None:
    """Say that a hold was looked at and stays, and when those cleared look at it again."""
    with session.context() as context, refusals(session):
        deviations_and_holds.review_hold(context, session.cleared(context), hold_id, day.date())
    session.answer(tell_people.hold_reviewed())


@click.command("list")
@with_session
def hold_list(session: Session) -> None:
    """Show holds, to those cleared for them."""
    with session.context() as context, refusals(session):
        rows = deviations_and_holds.list_holds(context, session.cleared(context))
    session.answer(tell_people.holds(rows))


@click.command("add")
@click.option("--case", required=True, help="Case number.")
@click.option("--case-system", help="The case system of that case, where two of them use the number.")
@click.option("--worker", required=True, help="The worker's staff code.")
@click.option("--tier", required=True, type=click.Choice([str(tier) for tier in Tier]), help="Whose decision it is.")
@click.option("--reason", required=True, help="Why, without names or numbers.")
@click.option("--decided-by", required=True, help="Role or body that decided.")
@click.option("--until", required=True, type=DAY, help="Last day on which it holds.")
@with_session
def deviation_add(
    session: Session,
    case: str,
    case_system: str | None,
    worker: str,
    tier: str,
    reason: str,
    decided_by: str,
    until: datetime,
) -> None:
    """Record a deviation; while it is in force it outranks monitoring and closure."""
    with session.context() as context, refusals(session):
        uid = deviations_and_holds.add_deviation(
            context,
            by=session.role(context),
            case=case,
            system=case_system,
            worker=worker,
            tier=Tier(tier),
            reason=reason,
            decided_by=decided_by,
            until_day=until.date(),
        )
    session.answer(tell_people.deviation_added(uid))


@click.command("list")
@with_session
def deviation_list(session: Session) -> None:
    """Show the deviations in force."""
    with session.context() as context:
        role = session.role(context)
        rows = deviations_and_holds.list_deviations(context)
    session.answer(tell_people.deviations(rows, role))
