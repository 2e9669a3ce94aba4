"""`closeout cases poll`: asking a Zaken API which cases run; the wording of its answer is in `answers.zaken`."""

from __future__ import annotations

import click

from server.cli.answers import zaken as tell_zaken
from server.cli.session import Session, with_session
from server.core.text import phrase
from server.sources.klant import Zaken
from server.work.register import zaken


@click.command("poll")
@click.argument("connection")
@click.option("--system", required=True, help="As which case system the register knows these cases.")
@click.option("--end-status-confirms", is_flag=True,
              help="An end status there is the final closure confirmed in writing. Without it a work supervisor is "
              "asked, where the policy says so.")  # fmt: skip
@click.option("--confirm", is_flag=True, help="You have seen that far more cases close than usual, and mean it.")
@with_session
def cases_poll(session: Session, connection: str, system: str, end_status_confirms: bool, confirm: bool) -> None:
    """Ask a Zaken API (ZGW) which known cases ended or run again, and take that into the register."""
    with session.context(phrase("Asking the service")) as context:
        feed = context.feeds.get(connection)
        reader = feed.cases() if isinstance(feed, Zaken) else None
        if reader is None:
            session.answer(tell_zaken.no_zaken())
        polled = zaken.poll(context, reader, system, confirms=end_status_confirms, confirmed=confirm)
    session.answer(tell_zaken.polled(polled))
