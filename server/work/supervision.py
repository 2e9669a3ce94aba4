"""What a work supervisor does for their own team: see which closures wait, and record a deviation that was talked over.

A closure is confirmed in the case system and comes in with its export: nothing here ends a case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from server.core.model import Tier
from server.store import organisation, supervision
from server.store.exceptions import DeviationRow
from server.store.supervision import UnconfirmedRow
from server.work import access, guard
from server.work.access import Person
from server.work.context import Context
from server.work.setup import SetupProblem, SetupRefusedError

MOST = 100
"""Of cases at once."""


@dataclass(frozen=True, slots=True)
class Team:
    """A team as its supervisor sees it. longest_days: of a deviation after consultation; None: the tier is closed."""

    name: str
    unconfirmed: tuple[UnconfirmedRow, ...]
    deviations: tuple[DeviationRow, ...]
    longest_days: int | None


def read_team(context: Context, person: Person) -> Team | None:
    """The team of who asks; None if no team belongs to the account. In a demo it is the first one."""
    with context.store.read() as connection:
        name = supervision.team_of(connection, person.worker) if person.worker is not None else None
        if name is None and organisation.read_installation(connection).demo:
            name = supervision.first_team(connection)
        if name is None:
            return None
        waiting = supervision.unconfirmed(connection, name, limit=MOST)
        deviations = supervision.deviations_of(connection, name, context.now())
    limit = next((each.longest_days for each in context.policy.deviation_tiers if each.tier is Tier.CONSULT), None)
    return Team(name, tuple(waiting), tuple(deviations), limit)


def consult(context: Context, person: Person, *, case: str, worker: str, reason: str, until: date) -> str | None:
    """Record a deviation that the supervisor was consulted on; its id, or None if it is there already (a double click).

    Raises SetupRefusedError: the worker is of another team, or whatever recording refuses.
    """
    team = read_team(context, person)
    if team is None:
        raise SetupRefusedError(SetupProblem.NOT_CLEARED)
    with context.store.read() as connection:
        if not supervision.is_of_team(connection, team.name, worker):
            raise SetupRefusedError(SetupProblem.UNKNOWN_WORKER)
    for known in team.deviations:
        if (known.case, known.worker, known.reason) == (case, worker, reason) and known.tier is Tier.CONSULT:
            return None
    uid = guard.add_deviation(
        context, case=case, worker=worker, tier=Tier.CONSULT, reason=reason, decided_by="work supervisor",
        until_day=until,
    )  # fmt: skip
    access.note_act(context, person, f"deviation {uid} recorded")
    return uid
