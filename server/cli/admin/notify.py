"""The command that tells others: reports that are due, letters that they are ready, and what is new in the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from server import app
from server.cli.session import Session, with_session
from server.cli.setting_faults import require_sound_settings
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.render.refusals import at_command
from server.settings import Settings
from server.work.admin import log_forwarding
from server.work.admin.log_forwarding import PassedOn
from server.work.context import Context
from server.work.mail import MailFailedError
from server.work.reports import scheduled


@click.command("notify")
@with_session
def notify(session: Session) -> None:
    """Make the reports that are due, mail that they are ready, and forward what is new in the log; safe to repeat."""
    settings = session.settings
    require_sound_settings(session)
    ways = app.outlets(settings)
    try:
        schedule = app.read_schedule_file(settings)
    except app.PolicyRefused as refused:
        session.fail(
            "schedule_fault", phrase("The schedule has faults, so nothing was made: {file}", file=refused.file)
        )
    with session.context(phrase("Gathering facts")) as context:
        passed = log_forwarding.pass_on(context, ways)
        try:
            kept = scheduled.keep_to(
                context, schedule.reports, remind_in=schedule.declarations, ask_in=schedule.attestations
            )
        except scheduled.ScheduleRefusedError as refused:
            session.fail(
                "schedule_fault", phrase("The schedule asks for a report that its role may not have: {report}",
                                         report=refused.report)
            )  # fmt: skip
        except MailFailedError as failed:
            session.fail("mail_failed", at_command(failed.problem))
    ok = not kept.unmade and not kept.not_sent and all(each.problem is None for each in passed)
    session.answer(
        Answer(
            ok=ok,
            title=phrase("What is due was done.") if ok else phrase("Something could not be sent."),
            lines=(
                phrase("Reports made: {made}. Mails sent: {told}.", made=kept.made, told=kept.told),
                phrase("Reports that could not be made: {unmade}. Mails not accepted: {not_sent}.",
                       unmade=kept.unmade, not_sent=kept.not_sent),
            ),
            sections=(_outlets(passed),) if passed else (),
            key="notified" if ok else "not_all_told",
        )
    )  # fmt: skip


def tell_all(context: Context, settings: Settings, say: Callable[[str], None]) -> None:
    """The same as part of the engine's rounds: what fails is said, and tried again at the next."""
    try:
        passed = log_forwarding.pass_on(context, app.outlets(settings))
        schedule = app.read_schedule_file(settings)
        scheduled.keep_to(context, schedule.reports, remind_in=schedule.declarations, ask_in=schedule.attestations)
    except (app.OutletRefused, app.PolicyRefused, scheduled.ScheduleRefusedError, MailFailedError) as error:
        say(f"notify: {type(error).__name__}; run closeout notify to see why")
        return
    for each in passed:
        if each.problem is not None:
            say(f"notify: {each.outlet} {each.problem.value}")


def _outlets(passed: Sequence[PassedOn]) -> Section:
    return Section(
        "outlets",
        phrase("Forwarded from the log"),
        columns=(
            Column("outlet", phrase("Where")),
            Column("lines", phrase("Lines"), Kind.COUNT),
            Column("problem", phrase("What went wrong")),
        ),
        rows=tuple(
            (each.outlet, each.lines, None if each.problem is None else at_command(each.problem)) for each in passed
        ),
    )
