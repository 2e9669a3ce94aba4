"""`closeout attestation`: reminders of what workers have not stated yet, and whom to talk with about it."""

from __future__ import annotations

import click

from server.cli.answers import usage as tell_usage
from server.cli.answers.refusals import refusals
from server.cli.session import Session, with_session
from server.work.removal import attestations


@click.command("remind")
@with_session
def attestation_remind(session: Session) -> None:
    """Mail every worker who has not stated yet how it stands with numbers saved elsewhere; meant for once a day."""
    with session.context() as context, refusals(session):
        found = attestations.remind(context, language=session.words.language)
    session.answer(tell_usage.reminded(found))


@click.command("draw")
@with_session
def attestation_draw(session: Session) -> None:
    """Show the few workers drawn this month for a talk about what they stated; for those cleared to read it, and the
    access is logged.
    """
    with session.context() as context, refusals(session):
        found = attestations.draw_talks(context, session.role(context))
    session.answer(tell_usage.talks(found))
