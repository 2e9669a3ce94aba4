"""`closeout review`: what waits for a person, how long, and what can be said of it."""

from __future__ import annotations

from datetime import datetime

import click

from server.cli.answers import reviews as tell_reviews
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.removal.reviews import Act
from server.work.removal import reviews


@click.command("list")
@with_session
def review_list(session: Session) -> None:
    """Show what waits, the longest first, whose turn it is and what they can do."""
    with session.context() as context:
        role = session.role(context)
        rows = reviews.list_waiting(context, role)
    session.answer(tell_reviews.listed(rows, role))


@click.command("answer")
@click.argument("review_id")
@click.option("--say", required=True, type=click.Choice([str(act) for act in Act]), help="What you decide.")
@click.option("--reason", required=True, help="Why, without names or numbers; encrypted.")
@click.option("--consulted", default="", help="Of keep: the role or body that it was talked over with.")
@click.option("--until", type=DAY, help="Of keep: the last day on which it stays.")
@with_session
def review_answer(
    session: Session, review_id: str, say: str, reason: str, consulted: str, until: datetime | None
) -> None:
    """Decide about one contact that waits; it is decided again at the next run, by the rules."""
    with session.context() as context, refusals(session):
        reviews.answer(
            context,
            session.role(context),
            review_id,
            Act(say),
            reason=reason,
            consulted=consulted,
            until=None if until is None else until.date(),
        )
    session.answer(tell_reviews.answered())
