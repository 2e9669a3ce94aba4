"""`closeout gate`: what is recorded before anybody's contacts are read."""

from __future__ import annotations

from datetime import datetime

import click

from server.cli.answers import setup as tell_setup
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.admin.gates import Gate
from server.core.model import GateScope
from server.work.admin import setup


@click.command("record")
@click.option("--employer", required=True, help="The employer whose workers it is about.")
@click.option("--dpia", required=True, help="Reference or location of the data protection impact assessment (DPIA).")
@click.option("--dpia-version", required=True, help="Which version of it.")
@click.option("--dpia-date", required=True, type=DAY, help="Its date (2026-06-30).")
@click.option("--advice", required=True, help="Reference or location of the data protection officer's advice on it.")
@click.option("--consent", required=True, help="Works council's consent decision: its reference.")
@click.option("--consent-date", required=True, type=DAY, help="Day on which the works council decided.")
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
    dpia_version: str,
    dpia_date: datetime,
    advice: str,
    consent: str,
    consent_date: datetime,
    purpose: str,
    review: datetime,
    until: datetime,
    scope: str,
) -> None:
    """Record that the address books or the phone use of an employer's workers may be read, until when, and on
    what ground."""
    with session.context() as context, refusals(session):
        role = session.role(context)
        gate = Gate(
            employer=employer,
            dpia=dpia,
            consent=consent,
            purpose=purpose,
            review_on=review.date(),
            ends_on=until.date(),
            scope=GateScope(scope),
            dpia_version=dpia_version,
            dpia_on=dpia_date.date(),
            advice=advice,
            consent_on=consent_date.date(),
        )
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
