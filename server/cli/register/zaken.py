"""`closeout cases poll` and `subscribe`: a Zaken API that is asked which cases run, and one that tells; the wording of
answers is in `answers.zaken`.
"""

from __future__ import annotations

import click

from mdm_adapters.port import PortError
from server.cli.answers import zaken as tell_zaken
from server.cli.answers.refusals import refusals
from server.cli.session import Session, with_session
from server.core.text import phrase
from server.work.register import case_subscriptions, zaken


@click.command("poll")
@click.argument("connection")
@click.option("--system", default="", help="As which case system the register knows these cases, where the connection "
              "does not say it.")  # fmt: skip
@click.option("--end-status-confirms", is_flag=True,
              help="An end status there is the final closure confirmed in writing. Without it a work supervisor is "
              "asked, where the policy says so.")  # fmt: skip
@click.option("--confirm", is_flag=True, help="You have seen that far more cases close than usual, and mean it.")
@with_session
def cases_poll(session: Session, connection: str, system: str, end_status_confirms: bool, confirm: bool) -> None:
    """Ask a Zaken API (ZGW) which known cases ended or run again, and take that into the register."""
    with session.context(phrase("Asking the service")) as context:
        service = zaken.find_service(context, connection, system=system, confirms=end_status_confirms)
        if service is None:
            session.answer(tell_zaken.no_zaken())
        polled = zaken.poll(context, service, confirmed=confirm, name=connection)
    session.answer(tell_zaken.polled(polled))


@click.command("subscribe")
@click.argument("connection")
@click.option("--show", is_flag=True, help="Show how the subscription stands; nothing is changed.")
@click.option("--end", "ends", is_flag=True, help="End it: what the service sends from now on is refused.")
@click.option("--cloud-events", is_flag=True, help="Have CloudEvents sent, which Open Notificaties calls experimental.")
@with_session
def cases_subscribe(session: Session, connection: str, show: bool, ends: bool, cloud_events: bool) -> None:
    """Have a Notificaties API (ZGW) tell of changes of cases, see how that stands, or end it."""
    with session.context() as context, refusals(session):
        if show:
            lack = case_subscriptions.lack_of(context, connection)
            session.answer(tell_zaken.watched(case_subscriptions.state(context, connection), lack))
        if ends:
            session.answer(tell_zaken.unsubscribed(case_subscriptions.end(context, connection)))
        try:
            case_subscriptions.subscribe(context, connection, cloud_events=cloud_events)
        except PortError as error:
            session.answer(tell_zaken.not_subscribed(error.fault))
    session.answer(tell_zaken.subscribed(connection))
