"""`closeout pause` and `closeout resume`."""

from __future__ import annotations

import click

from server.cli.answers import pauses as tell_pauses
from server.cli.answers import removal as tell_removal
from server.cli.answers.refusals import refusals
from server.cli.session import Session, with_session
from server.work.removal import pauses


@click.command("pause")
@click.option("--connection", "name", help="Only this contact server or MDM system. Default: everything.")
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True, help="After so long it goes on.")
@click.option("--reason", required=True, help="Why, in a sentence without names or numbers.")
@click.option("--longer", is_flag=True, help="It is paused: let it last so many hours from now.")
@click.option(
    "--patience", default=30.0, show_default=True, help="Seconds to wait for calls that had already been sent."
)
@with_session
def pause(session: Session, name: str | None, hours: int, reason: str, longer: bool, patience: float) -> None:
    """Let no removal begin, of anything or at one connection; reading and deciding go on.

    It ends with `resume`, or by itself after so many hours.
    """
    with session.context() as context, refusals(session):
        actor = pauses.Actor(session.who(context), session.role(context))
        if longer:
            row = pauses.find_scope(context, name)
            row = pauses.prolong(context, actor, row.uid, seen=pauses.stamp_of(row), reason=reason, hours=hours)
            answer = tell_pauses.prolonged(row)
        else:
            wait = tell_removal.patience(context, patience)
            answer = tell_pauses.paused(
                pauses.pause(context, actor, connection_name=name, reason=reason, hours=hours, wait=wait)
            )
    session.answer(answer)


@click.command("resume")
@click.option("--connection", "name", help="The one that is paused by itself. Default: the pause of everything.")
@with_session
def resume(session: Session, name: str | None) -> None:
    """End a pause: what waited is decided again, and goes."""
    with session.context() as context, refusals(session):
        row = pauses.resume_scope(context, pauses.Actor(session.who(context), session.role(context)), name)
        left = pauses.in_force(context)
    session.answer(tell_pauses.resumed(row, left))
