"""`closeout gate`: what is recorded before anybody's contacts are read."""

from __future__ import annotations

from datetime import datetime

import click

from server.cli.answers import setup as tell_setup
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.model import GateScope
from server.store.admin.organisation import Gate
from server.work.admin import setup


@click.command("record")
@click.option("--employer", required=True, help="The employer whose workers it is about.")
@click.option("--dpia", required=True, help="Reference or location of the data protection impact assessment (DPIA).")
@click.option("--consent", required=True, help="Works council's consent decision: reference and date.")
@click.option("--purpose", required=True, help="What the contacts are read for.")
@click.option("--review", required=True, type=DAY, help="Day on which it is reviewed (2026-12-31).")
@click.option("--until", required=True, type=DAY, help="Last day on which it holds.")
@click.option(
    "--scope",
    type=click.Choice([str(scope) for scope in GateScope]),
    default=GateScope.REMOVAL.value,
    show_default=True,
    help="What the clearance is for: contacts to remove, or monitoring of phone use.",
)
@with_session
def gate_record(
    session: Session,
    employer: str,
    dpia: str,
    consent: str,
    purpose: str,
    review: datetime,
    until: datetime,
    scope: str,
) -> None:
    """Record that the address books or the phone use of an employer's workers may be read, until when, and on
    what ground."""
    with session.context() as context, refusals(session):
        role = session.role(context)
        gate = Gate(employer, dpia, consent, purpose, review.date(), until.date(), GateScope(scope))
        setup.record_gate(context, gate, role.value)
        answer = tell_setup.gate_recorded(employer, until.date())
    session.answer(answer)


@click.command("list")
@with_session
def gate_list(session: Session) -> None:
    "Show for which employers DPIA and consent are in force today."
    with session.context() as context:
        answer = tell_setup.gates(setup.gates_in_force(context, context.today()))
    session.answer(answer)
