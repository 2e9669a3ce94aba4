"""What a work supervisor does for their own team: see which closures wait, and record a deviation that was talked over.

Whether they confirm closures too is the policy's to say; how, stands in `work.closures`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from server.core.days import end_of
from server.core.model import Role, Tier
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.removal.closures import ClosureAnswer
from server.store.admin import organisation
from server.store.database import Connection
from server.store.register import supervision
from server.store.register.supervision import DeputyRow, UnconfirmedRow
from server.store.removal.closures import AnswerRow
from server.store.removal.deviations_and_holds import DeviationRow
from server.work.admin import access
from server.work.admin.access import Person
from server.work.context import Context
from server.work.register import closures
from server.work.register.closures import ClosureQuestion, TakenBack
from server.work.removal import deviations_and_holds

MOST = 100
"""Of cases at once."""
LONGEST_DEPUTY = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Team:
    """A team as its supervisor, or who stands in, sees it. teams: all that this person may see. own: not standing in.

    longest_days: of a deviation after consultation; None: the tier is closed. others: who may be named as deputy.
    unconfirmed: closures that wait for the case system. asks: an answer is given here instead, to `questions`; answers
    are those that confirmed.
    """

    name: str
    teams: tuple[str, ...]
    own: bool
    unconfirmed: tuple[UnconfirmedRow, ...]
    deviations: tuple[DeviationRow, ...]
    longest_days: int | None
    deputies: tuple[DeputyRow, ...]
    others: tuple[tuple[str, str], ...]
    asks: bool = False
    questions: tuple[ClosureQuestion, ...] = ()
    answers: tuple[AnswerRow, ...] = ()


@dataclass(frozen=True, slots=True)
class TeamSeen:
    """A team that somebody may see. own: not standing in. teams: all that they may see."""

    name: str
    own: bool
    teams: tuple[str, ...]


def team_seen(context: Context, person: Person, wanted: str = "") -> TeamSeen | None:
    """Which team this person sees, by default their own; None if there is none, or not that one."""
    with context.store.read() as connection:
        return _team_seen(context, connection, person, wanted)


def _team_seen(context: Context, connection: Connection, person: Person, wanted: str) -> TeamSeen | None:
    own = supervision.team_of(connection, person.worker) if person.worker is not None else None
    if own is None and organisation.read_installation(connection).demo:
        own = supervision.first_team(connection)
    stood_in = supervision.teams_stood_in_for(connection, person.account, context.now())
    teams = tuple(dict.fromkeys([*([own] if own is not None else []), *stood_in]))
    name = wanted or next(iter(teams), None)
    return None if name is None or name not in teams else TeamSeen(name, name == own, teams)


def read_team(context: Context, person: Person, wanted: str = "") -> Team | None:
    """A team of who asks, by default their own; None if there is none, or not that one. In a demo it is the first."""
    now = context.now()
    with context.store.read() as connection:
        seen = _team_seen(context, connection, person, wanted)
        if seen is None:
            return None
        name = seen.name
        asks = closures.are_asked(context)
        waiting = () if asks else supervision.unconfirmed(connection, name, limit=MOST)
        questions, answers = closures.read_questions(context, connection, person, name)
        deviations = supervision.deviations_of(connection, name, now)
        deputies = supervision.deputies_of(connection, name, now)
        others = [(uid, said) for number, uid, said in supervision.supervisors(connection) if number != person.account]
    limit = next((each.longest_days for each in context.policy.deviation_tiers if each.tier is Tier.CONSULT), None)
    return Team(
        name,
        seen.teams,
        seen.own,
        tuple(waiting),
        tuple(deviations),
        limit,
        tuple(deputies),
        tuple(others),
        asks,
        tuple(questions),
        tuple(answers),
    )


def answer_closures(
    context: Context,
    person: Person,
    wanted: str,
    asked: Sequence[str],
    said: ClosureAnswer,
    day: date | None = None,
) -> int:
    """Answer for closed cases of a team that this person may see, empty: their own; as `closures.answer`."""
    return closures.answer(context, person, _team_named(context, person, wanted), asked, said, day)


def withdraw_closure(context: Context, person: Person, wanted: str, uid: str) -> TakenBack:
    """Take a confirmation for such a team back; as `closures.withdraw`."""
    return closures.withdraw(context, person, _team_named(context, person, wanted), uid)


def _team_named(context: Context, person: Person, wanted: str) -> str:
    team = read_team(context, person, wanted)
    if team is None:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    return team.name


def name_deputy(context: Context, person: Person, uid: str, until: date) -> None:
    """Have another work supervisor stand in for one's own team up to and with a day; repeated, nothing changes.

    Raises DecisionRefusedError.
    """
    team = read_team(context, person)
    if team is None or not team.own:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    if until < context.today():
        raise DecisionRefusedError(DecisionProblem.ENDS_IN_PAST)
    if until - context.today() > LONGEST_DEPUTY:
        raise DecisionRefusedError(DecisionProblem.TOO_LONG)
    now = context.now()
    end = end_of(until)
    with context.store.write() as connection:
        found = next((number for number, each, _ in supervision.supervisors(connection) if each == uid), None)
        if found is None or found == person.account:
            raise DecisionRefusedError(DecisionProblem.NOT_FOUND)
        if any(each.account == found and each.until_at == end for each in team.deputies):
            return
        supervision.add_deputy(
            connection,
            uid=uuid.uuid4().hex[:12],
            team=team.name,
            of_account=found,
            named_by=person.account,
            now=now,
            until=end,
        )
    access.note_act(context, person, f"deputy {uid} named")


def end_deputy(context: Context, person: Person, uid: str) -> bool:
    """End what one arranged for one's own team; False if it is over already."""
    team = read_team(context, person)
    if team is None or not team.own:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    with context.store.write() as connection:
        ended = supervision.end_deputy(connection, uid, team.name, context.now())
    if ended:
        access.note_act(context, person, f"deputy {uid} ended")
    return ended


def consult(
    context: Context, person: Person, wanted: str, *, case: str, worker: str, reason: str, until: date
) -> str | None:
    """Record a deviation that the supervisor was consulted on; its id, or None if it is there already (a double click).

    wanted: the team it is for, empty: one's own. Raises DecisionRefusedError: the worker is of another team, or
    whatever recording refuses.
    """
    team = read_team(context, person, wanted)
    if team is None:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    with context.store.read() as connection:
        if not supervision.is_of_team(connection, team.name, worker):
            raise DecisionRefusedError(DecisionProblem.UNKNOWN_WORKER)
    for known in team.deviations:
        if (known.case, known.worker, known.reason) == (case, worker, reason) and known.tier is Tier.CONSULT:
            return None
    uid = deviations_and_holds.add_deviation(
        context, by=Role.WORK_SUPERVISOR,
        case=case, worker=worker, tier=Tier.CONSULT, reason=reason, decided_by="work supervisor",
        until_day=until,
    )  # fmt: skip
    access.note_act(context, person, f"deviation {uid} recorded")
    return uid
