"""The commands that read, decide, remove and prove: `look`, `plan`, `release`, `run`, `verify`, `engine`, `status`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import click

from server import app
from server.cli import journal
from server.cli.admin.notify import tell_all
from server.cli.answers import removal as tell_removal
from server.cli.answers.refusals import refusals
from server.cli.removal.rounds import go_round
from server.cli.session import Session, with_session
from server.cli.setting_faults import require_sound_settings
from server.core.policy.model import Policy
from server.core.reports.document import REPORT_ONLY
from server.core.text import phrase
from server.render.answers import Answer
from server.store.database import PASSING, StoreUnavailableError
from server.work.admin import log_witnesses, policy_check
from server.work.register import case_notifications
from server.work.removal import engine, many_machines, pauses, sync
from server.work.removal import plan as planning
from server.work.removal import verify as verification
from server.work.removal.heartbeat import Heartbeat


@click.command("look")
@click.option("--full", is_flag=True, help="Read every address book in full, not only what changed.")
@with_session
def look(session: Session, full: bool) -> None:
    """Read every address book and remember which entries are clients'; decides and removes nothing."""
    with session.context(phrase("Reading")) as context:
        looked = sync.look_at_all(context, full=full, at_once=session.settings.at_once)
    session.answer(tell_removal.looked_at(looked))


@click.command("plan")
@with_session
def plan(session: Session) -> None:
    """Show what a run would do, line by line with reasons; changes nothing."""
    with session.context(phrase("Deciding")) as context:
        role = session.role(context)
        passed = planning.rehearse(context, role)
        answer = tell_removal.rehearsed(context, passed, role)
    session.answer(_with_report_only(answer, context.policy))


@click.command("release")
@click.argument("plan_id", required=False)
@with_session
def release(session: Session, plan_id: str | None) -> None:
    """Approve a large removal that waits because it is above a limit; without an id, show what awaits approval."""
    with session.context() as context, refusals(session):
        role = session.role(context)
        if plan_id is None:
            answer = tell_removal.waiting(planning.waiting(context))
        else:
            answer = tell_removal.released(planning.release(context, plan_id, role))
    session.answer(answer)


@click.command("run")
@click.option("--full", is_flag=True, help="Read every address book in full and decide every contact again.")
@with_session
def run(session: Session, full: bool) -> None:
    """Read the address books, decide what is due, and remove what must go; `verify` then verifies it."""
    with session.context(phrase("Working")) as context:
        session.require_sound_log(context)
        policy_check.note(context)
        result = engine.run_once(context, full=full, at_once=session.settings.at_once)
        Heartbeat(context, journal.tell).beat(context)
        paused = pauses.in_force(context)
    session.answer(_with_report_only(tell_removal.ran(result, paused), context.policy))


@click.command("verify")
@with_session
def verify(session: Session) -> None:
    """Read again every address book where something was removed; only this verifies a removal."""
    with session.context(phrase("Reading again")) as context:
        result = verification.verify(context, at_once=session.settings.at_once)
    session.answer(tell_removal.verified(result))


@click.command("engine")
@click.option("--once", is_flag=True, help="One round, then stop.")
@click.option("--every", default=30.0, show_default=True, help="Seconds between rounds when nothing is due.")
@with_session
def run_engine(session: Session, once: bool, every: float) -> None:
    """Keep working until stopped: read, decide, remove, verify, round after round.

    On PostgreSQL any number of background workers, on as many machines, share the work.
    """

    require_sound_settings(session)
    rounds: int | None = None
    while rounds is None:
        try:
            rounds = _go_on(session, once=once, every=every, say=journal.tell)
        except StoreUnavailableError as fault:
            # Begun while the database restarts, as after a machine did: it waits as it would later on.
            if once or fault.problem not in PASSING:
                raise
            journal.tell("the database cannot be reached; waiting", "warning")
            time.sleep(many_machines.UNTIL_THE_DATABASE_IS_ASKED_AGAIN)
    session.answer(tell_removal.engine_stopped(rounds))


def _go_on(session: Session, *, once: bool, every: float, say: Callable[[str], None]) -> int:
    """Work until stopped; returns how many rounds. StoreUnavailableError: at the beginning or the end, or `once`."""
    with session.context() as context, log_witnesses.tended(context, say):
        session.require_sound_log(context)
        if context.store.is_sqlite:
            return go_round(context, session.settings, once=once, every=every, say=say)
        try:
            policies = app.PolicyInForce(session.settings)
            return many_machines.run(
                context,
                at_once=session.settings.at_once,
                every=every,
                once=once,
                say=say,
                in_force=lambda: policies.in_force().policy,
                tell=None if once else lambda context: tell_all(context, session.settings, say),
                told_of=many_machines.ReadBack(case_notifications.next_time, case_notifications.read_due),
            )
        except many_machines.EngineMissingError:
            session.fail(
                "engine_missing",
                phrase("On PostgreSQL the background worker needs procrastinate, which is not installed."),
                phrase("Install it with: pip install 'closeout[scale]'"),
            )


@click.command("status")
@with_session
def status(session: Session) -> None:
    """Show how many orders are in which state, what waits for a person, and what failed."""
    with session.context() as context:
        answer = tell_removal.status(context)
    session.answer(_with_report_only(answer, context.policy))


def _with_report_only(answer: Answer, policy: Policy) -> Answer:
    """The answer, which says first that nothing is removed where the policy only reports."""
    return replace(answer, lines=(REPORT_ONLY, *answer.lines)) if policy.report_only else answer
