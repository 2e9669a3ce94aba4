"""`closeout closure`: what the page for work supervisors does, for a supervisor who sits at the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import click

from server.cli.answers import closures as tell_closures
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.model import Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.removal.closures import ClosureAnswer
from server.core.text import phrase
from server.work.admin import access
from server.work.admin.access import Person
from server.work.context import Context
from server.work.register import supervision

_by = click.option("--by", "name", required=True, help="Account of the work supervisor who says so: its name or id.")
_team = click.option("--team", default="", help="Team that they stand in for; their own without it.")


@click.command("list")
@_by
@_team
@with_session
def closure_list(session: Session, name: str, team: str) -> None:
    """Show which closed cases of a team wait for an answer, and what was confirmed for it."""

    def act(context: Context, person: Person) -> Any:
        found = supervision.read_team(context, person, team)
        if found is None:
            raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
        access.note_read(context, person, "a team")
        return tell_closures.listed(found)

    _do(session, name, act)


@click.command("confirm")
@click.argument("questions", nargs=-1, required=True, metavar="QUESTION...")
@click.option("--on", "day", required=True, type=DAY, help="Day on which it was confirmed in writing.")
@_by
@_team
@with_session
def closure_confirm(session: Session, questions: Sequence[str], day: datetime, name: str, team: str) -> None:
    """Say that the final closure was confirmed in writing; a QUESTION is an id that `closure list` shows."""
    _answer(session, questions, name, team, day)


@click.command("not-yet")
@click.argument("questions", nargs=-1, required=True, metavar="QUESTION...")
@_by
@_team
@with_session
def closure_not_yet(session: Session, questions: Sequence[str], name: str, team: str) -> None:
    """Say that it was not confirmed yet; nothing is removed."""
    _answer(session, questions, name, team, None)


@click.command("withdraw")
@click.argument("closure_id")
@_by
@_team
@with_session
def closure_withdraw(session: Session, closure_id: str, name: str, team: str) -> None:
    """Take a confirmation back; what was removed by then is told and stays removed."""
    _do(
        session,
        name,
        lambda context, person: tell_closures.withdrawn(
            supervision.withdraw_closure(context, person, team, closure_id)
        ),
    )


def _answer(session: Session, questions: Sequence[str], name: str, team: str, day: datetime | None) -> None:
    said = ClosureAnswer.NOT_YET if day is None else ClosureAnswer.CONFIRMED
    on = None if day is None else day.date()
    _do(
        session,
        name,
        lambda context, person: tell_closures.answered(
            supervision.answer_closures(context, person, team, questions, said, on), said
        ),
    )


def _do(session: Session, name: str, act: Callable[[Context, Person], Any]) -> None:
    """As that work supervisor, if whoever types has that role here."""
    with session.context() as context, refusals(session):
        if session.role(context) is not Role.WORK_SUPERVISOR:
            raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
        missing = phrase("There is no account of that name or id in the role of work supervisor.")
        person = session.stand_for(context, name, Role.WORK_SUPERVISOR, missing=missing)
        answer = act(context, person)
    session.answer(answer)
