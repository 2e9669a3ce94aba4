"""What must come out for an invented organisation: a second, simple reading of DOMAIN 14.1, not that of `core`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from server.core.model import ContactClass, Decision, Phase
from server.sources.invented.lives import AMSTERDAM, InventedPerson
from server.sources.invented.organisation import Organisation
from server.sources.rows import AssignmentRow


def truth(
    organisation: Organisation,
    now: datetime,
    grace_days: int,
    window_days: int,
    *,
    require_recorded: bool = True,
    former_number_days: int | None = None,
    first_seen: datetime | None = None,
) -> Mapping[tuple[str, str], Decision]:
    """(worker, identifier in normal form) -> what must come out, for every identifier in every book.

    A second, simple reading of DOMAIN 14.1 that shares no code with `core.need`, for tests to hold that against. The
    register is taken as just read; deviations and holds are for the caller to add. first_seen: when the books were
    first looked into; None: just now.
    """
    register = _Register(organisation)
    judge = _Judge(now, grace_days, window_days, require_recorded, former_number_days, first_seen or now)
    found: dict[tuple[str, str], Decision] = {}
    for worker in organisation.workers:
        for card in organisation.cards(worker.ref):
            for identifier in card.identifiers:
                found[worker.ref, identifier] = _combined(register, judge, worker.ref, identifier)
    return found


_STRONGEST = (Decision.KEEP, Decision.REVIEW, Decision.DEFER, Decision.REMOVE_REPROVISIONABLE, Decision.REMOVE)


class _Register:
    """The register by case, and who is in which case by identifier."""

    def __init__(self, organisation: Organisation) -> None:
        plot = organisation.plot
        self.case = {row.number: row for row in organisation.cases}
        self.directory = plot.directory_ids
        self.links: dict[str, list[tuple[str, ContactClass, bool, date | None]]] = {}
        for life in plot.lives:
            if life.number not in self.case:
                continue
            for person in life.people:
                for identifier in person.identifiers:
                    self._link(identifier, life.number, person, None)
                for identifier, since in person.former:
                    self._link(identifier, life.number, person, since)
        self.assigned: dict[tuple[str, str], list[AssignmentRow]] = {}
        for row in organisation.assignments:
            self.assigned.setdefault((row.case_number, row.worker), []).append(row)
        self.planned: dict[tuple[str, str], list[date]] = {}
        for moment in organisation.moments:
            self.planned.setdefault((moment.case_number, moment.worker), []).append(moment.on)

    def _link(self, identifier: str, number: str, person: InventedPerson, since: date | None) -> None:
        self.links.setdefault(identifier, []).append((number, person.contact_class, person.linked, since))


@dataclass(frozen=True, slots=True)
class _Judge:
    now: datetime
    grace_days: int
    window_days: int
    require_recorded: bool
    former_number_days: int | None
    first_seen: datetime

    def long_former(self, since: date | None) -> bool:
        """Whether a number stopped being this person's so long ago that it may be a stranger's by now."""
        if since is None or self.former_number_days is None:
            return False
        return self.now - datetime.combine(since, time(), AMSTERDAM) > timedelta(days=self.former_number_days)


def _combined(register: _Register, judge: _Judge, worker: str, identifier: str) -> Decision:
    if identifier in register.directory:
        return Decision.KEEP
    answers = {_one_case(register, judge, worker, link) for link in register.links.get(identifier, ())}
    return next((answer for answer in _STRONGEST if answer in answers), Decision.IGNORE)


def _one_case(
    register: _Register, judge: _Judge, worker: str, link: tuple[str, ContactClass, bool, date | None]
) -> Decision:
    """The rules in the order and with the numbers of DOMAIN 14.1."""
    number, contact_class, linked, former_since = link
    case = register.case[number]
    now = judge.now
    assignments = register.assigned.get((number, worker), [])
    running = any(row.from_at <= now and (row.until_at is None or now < row.until_at) for row in assignments)
    near = any(
        abs((day - now.astimezone(AMSTERDAM).date()).days) <= judge.window_days
        for day in register.planned.get((number, worker), [])
    )
    ends = [case.closed_at] if case.closed_at is not None and case.phase is Phase.CLOSED else []
    if assignments and not running:
        ends.append(max(row.until_at for row in assignments if row.until_at is not None))
    grace = timedelta(days=judge.grace_days)
    stranger = not assignments
    rules = (
        (contact_class not in (ContactClass.CLIENT, ContactClass.REPORTER), Decision.KEEP),  # 1
        (not linked, Decision.REVIEW),  # 2
        (running and case.phase not in (Phase.MONITORING, Phase.CLOSED), Decision.KEEP),  # 4
        (judge.long_former(former_since), Decision.REVIEW),  # ours: numbers are handed out again
        (case.phase is Phase.MONITORING and near, Decision.KEEP),  # 5
        (case.phase is Phase.MONITORING, Decision.REMOVE_REPROVISIONABLE),
        (bool(ends) and now < min(ends, default=now) + grace, Decision.DEFER),  # 6
        (bool(ends) and judge.require_recorded and not case.recorded, Decision.REVIEW),
        (bool(ends), Decision.REMOVE),
        (stranger and now < judge.first_seen + grace, Decision.DEFER),  # 7
        (stranger, Decision.REMOVE),
        (True, Decision.REVIEW),  # closed by status alone: missing data is never "closed"
    )
    return next(decision for applies, decision in rules if applies)
