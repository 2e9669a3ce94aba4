"""`closeout engines`: those that do not answer, and what a person says of one that runs no more."""

from __future__ import annotations

import click

from server.cli.answers import engines as tell
from server.cli.answers.refusals import refusals
from server.cli.session import Session, with_session
from server.work.removal import engines


@click.command("list")
@with_session
def engines_list(session: Session) -> None:
    """Show background workers of which calls may still be sent: another took their work over, and they have
    not answered."""
    with session.context() as context:
        found = engines.list_awaited(context)
    session.answer(tell.awaited(found))


@click.command("gone")
@click.argument("name")
@with_session
def engines_gone(session: Session, name: str) -> None:
    """Say that a background worker no longer runs and cannot wake, since its machine is gone.

    NAME: as `engines list` shows it. A machine that only stands still (halted, suspended, a snapshot that may be
    started again) is not gone: what it wakes to do, it does. Then leave it.
    """
    with session.context() as context, refusals(session):
        count = engines.say_gone(context, session.role(context), name)
    session.answer(tell.gone(count))
