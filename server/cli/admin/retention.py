"""`closeout retention`: what closeout itself keeps, until when, and its removal from the records."""

from __future__ import annotations

import click

from server.cli.answers import retention as tell
from server.cli.answers.refusals import refusals
from server.cli.session import Session, with_session
from server.work.admin import retention


@click.command("plan")
@with_session
def retention_plan(session: Session) -> None:
    """Show what closeout itself keeps, for how long, what goes now, and what is kept for good; changes nothing."""
    with session.context() as context, refusals(session):
        lines = retention.plan(context, session.role(context), counted=True)
        answer = tell.planned(lines, context.policy)
    session.answer(answer)


@click.command("run")
@with_session
def retention_run(session: Session) -> None:
    """Remove from the records what is over by the policy; what a decision needs stays. It cannot be taken back."""
    with session.context() as context, refusals(session):
        ran = retention.run_as(context, session.role(context))
    session.answer(tell.ran(ran))


@click.command("copies")
@with_session
def retention_copies(session: Session) -> None:
    """Show what was kept apart, sealed, when its record was removed; for those cleared, and the look is logged."""
    with session.context() as context, refusals(session):
        rows = retention.list_copies(context, session.role(context))
    session.answer(tell.copies(rows))
