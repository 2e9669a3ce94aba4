"""Workers state how it stands with saved numbers where nobody can look: who is asked what, their answers, reminders.

No act here reads a hold, an order or what an address book holds: who is asked follows from the register, the policy and
who may sign in, so that a case under a hold is asked about at the same moment and in the same words.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from server.core.days import AMSTERDAM, end_of, midnight
from server.core.log.entries import Body, EntryKind
from server.core.model import CLEARED_FOR_CASES, Role, StatedAnswer, StatedPlace
from server.core.policy.model import AttestationRules
from server.core.problems import DecisionProblem, DecisionRefusedError, MailProblem
from server.core.removal.attestation import (
    OwnStatement,
    PlaceStanding,
    WorkedCase,
    asked_since,
    is_reminder_due,
    may_answer,
    standings,
    stated_places,
)
from server.core.reports.stated import StatedCounts
from server.core.text import Period
from server.render.admin.mails import LetterKind, write_letter
from server.render.words import Words
from server.store import log
from server.store.database import Connection
from server.store.removal import attestations as store
from server.store.usage.declarations import mailboxes
from server.work import mail
from server.work.admin.access import Person
from server.work.context import Context
from server.work.mail import Post

MOST_TALKS = 5
"""So many workers are drawn each month at the most."""
_PAGE = "/my-phone"
_MARGIN = timedelta(days=2)
"""A closure counts from the beginning of its day."""


@dataclass(frozen=True, slots=True)
class CaseAsked:
    """A case of one's own of which something may be stated. id: opaque. places: of which. again: all of it was called
    impossible before, and may have been done since.
    """

    id: str
    case: str
    places: tuple[StatedPlace, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class CaseStated:
    """What one stated of a place for a case, and whether it is too long ago to count."""

    case: str
    place: StatedPlace
    answer: StatedAnswer
    at: datetime
    aged: bool


@dataclass(frozen=True, slots=True)
class OwnAttestations:
    """What a worker is asked, and what they stated. overdue: a day of reminding has passed for some of it."""

    asked: tuple[CaseAsked, ...]
    stated: tuple[CaseStated, ...]
    overdue: bool = False

    @property
    def open(self) -> int:
        """How many cases still want an answer."""
        return sum(not each.again for each in self.asked)

    @property
    def places(self) -> tuple[StatedPlace, ...]:
        """All places of which anything may be stated, in the policy's order."""
        return tuple(dict.fromkeys(place for each in self.asked for place in each.places))


class Talk(NamedTuple):
    """A worker to talk with, and about which case: their reference and its number."""

    worker: str
    case: str


@dataclass(frozen=True, slots=True)
class AttestationsReminded:
    """What a round of reminders came to. without_address: due, and nowhere to send it."""

    sent: int
    without_address: int = 0
    not_sent: int = 0


def read_own(context: Context, person: Person) -> OwnAttestations | None:
    """What this person is asked and has stated; None: the policy asks nobody, or nobody asks this person."""
    rules = context.policy.attestation
    if rules is None or person.worker is None:
        return None
    with context.store.read() as connection:
        return _own(context, connection, person.worker, rules)


def state(context: Context, person: Person, cases: Collection[str], answers: Mapping[StatedPlace, StatedAnswer]) -> int:
    """Keep what this person states of these cases, by the ids they were shown under; returns for how many.

    What is not asked of them any more (the case was opened again, somebody else's it is) is left out. So is a place
    that they left open.
    """
    rules = context.policy.attestation
    if rules is None or person.worker is None or not answers:
        return 0
    now = context.now()
    with context.store.write() as connection:
        own = _own(context, connection, person.worker, rules)
        numbers = {_id(context, each): each.case for each in _cases(context, connection, person.worker)}
        said = [
            (numbers[each.id], place, answers[place])
            for each in (() if own is None else own.asked)
            if each.id in cases
            for place in each.places
            if place in answers
        ]
        if not said:
            return 0
        store.put_statements(connection, person.worker, said, now)
        # Keyed: by a plain digest of so little somebody could try numbers.
        told = " ".join(f"{person.uid}:{case}:{place.value}:{answer.value}" for case, place, answer in said)
        digest = context.keys.sealer.hash(f"{now.isoformat()} {told}", "attestation.said").hex()
        body: Body = {"verb": "stated", "count": len(said), "digest": digest, "actor_role": "worker"}
        log.append(connection, now, [(EntryKind.ATTESTED, body)])
    return len({case for case, _, _ in said})


def remind(context: Context, *, language: str = "nl") -> AttestationsReminded:
    """Mail everybody who has left a question open for as long as the policy says; safe to repeat.

    One letter whatever the number of questions, which says that something is there and where. Whoever is away is
    reminded when they are back. Raises MailFailedError if nothing could be sent at all.
    """
    rules = context.policy.attestation
    if rules is None:
        return AttestationsReminded(0)
    now, today = context.now(), context.today()
    with context.store.read() as connection:
        last = store.last_reminders(connection)
        addresses = mailboxes(connection)
        away = store.absent(connection, today)
        opened: dict[int, list[datetime]] = {}
        for case, since in _waiting(context, connection, rules):
            opened.setdefault(case.worker, []).append(since)
    due = sorted(
        each for each, days in opened.items() if each not in away and is_reminder_due(days, last.get(each), rules, now)
    )
    reached = [each for each in due if each in addresses]
    letter = write_letter(LetterKind.STATEMENT_ASKED, Words(language), context.pages.rstrip("/") + _PAGE)
    posts = [Post(addresses[each], letter, f"attestation {each} {today}") for each in reached]
    answers = mail.send(context.mail, posts, now) if posts else ()
    sent = [each for each, problem in zip(reached, answers, strict=True) if problem is None]
    counted: Counter[MailProblem | None] = Counter(answers)
    if sent:
        with context.store.write() as connection:
            store.note_reminders(connection, sent, today)
            log.append(connection, now, [(EntryKind.ATTESTED, {"verb": "reminded", "count": len(sent)})])
    return AttestationsReminded(len(sent), len(due) - len(reached), sum(counted.values()) - len(sent))


def draw_talks(context: Context, role: Role) -> Sequence[Talk]:
    """A few workers to talk with about what they stated last month, one case each; nobody picks them.

    Each month has one draw, which is the same however often it is asked for. What they answered is not told, nor how
    many others there were. Raises DecisionRefusedError.
    """
    if role not in CLEARED_FOR_CASES:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    last = context.today().replace(day=1) - timedelta(days=1)
    first = last.replace(day=1)
    sealer = context.keys.sealer
    with context.store.write() as connection:
        said = store.statements(connection, midnight(first), until=end_of(last))
        ranked = sorted(said, key=lambda each: sealer.hash(f"{first} {each[0]} {each[1]}", "attestation.talk"))
        one_each = dict(reversed(ranked))
        drawn = sorted(one_each, key=lambda each: sealer.hash(f"{first} {each}", "attestation.talk"))[:MOST_TALKS]
        refs = store.worker_refs(connection, drawn)
        numbers = store.case_numbers(connection, [one_each[each] for each in drawn])
        now = context.now()
        body: Body = {"verb": "drawn", "count": len(drawn), "actor_role": role.value}
        log.append(connection, now, [(EntryKind.ATTESTED, body)])
        log.append_restricted(connection, now, sealer, [f"workers drawn for a talk, read as {role.value}"])
    return sorted(Talk(refs[each], numbers[one_each[each]]) for each in drawn)


def count_stated(context: Context, connection: Connection, period: Period) -> StatedCounts | None:
    """What was stated of the closures of a period, as it counts now; None: the policy asks nobody."""
    rules = context.policy.attestation
    if rules is None:
        return None
    now = context.now()
    first, last = period.first, period.last
    asked = store.who_may_be_asked(connection, context.today())
    workers: set[int] = set()
    unasked = 0
    counted: dict[StatedPlace, Counter[PlaceStanding]] = {place: Counter() for place in rules.places}
    for case, standing in _standings(context, connection, first):
        since = asked_since(case, context.policy, now)
        if since is None or not first <= since.astimezone(AMSTERDAM).date() <= last:
            continue
        if case.worker not in asked and not set(standing.values()) - {PlaceStanding.OPEN, PlaceStanding.UNANSWERED}:
            unasked += 1
            continue
        workers.add(case.worker)
        for place, each in standing.items():
            counted[place][each] += 1
    return StatedCounts(len(workers), unasked, counted)


def stated_by(context: Context, connection: Connection) -> Mapping[str, frozenset[StatedPlace]]:
    """By the reference of each worker who may be asked: the places of which they state, for every case they were asked
    about in the days that an answer counts, that nothing is there any more.
    """
    rules = context.policy.attestation
    if rules is None:
        return {}
    asked = store.who_may_be_asked(connection, context.today())
    first = context.today() - timedelta(days=rules.counts_days)
    theirs: dict[int, list[Mapping[StatedPlace, PlaceStanding]]] = {}
    for case, standing in _standings(context, connection, first):
        if case.worker in asked and standing:
            theirs.setdefault(case.worker, []).append(standing)
    refs = store.worker_refs(connection, theirs)
    return {refs[each]: stated_places(of_cases) for each, of_cases in theirs.items()}


def count_open(context: Context, connection: Connection, worker: int | None, case: int | None) -> int:
    """How many questions wait for an answer: of a worker, of a case, or with neither of everybody."""
    rules = context.policy.attestation
    if rules is None:
        return 0
    return sum(
        worker in (None, each.worker) and case in (None, each.case) for each, _ in _waiting(context, connection, rules)
    )


# --- gathering ------------------------------------------------------------------------------------------------------


def _standings(
    context: Context, connection: Connection, first: date
) -> Sequence[tuple[WorkedCase, Mapping[StatedPlace, PlaceStanding]]]:
    """How it stands with every case that was closed since a day, for every worker who was on it."""
    since = midnight(first) - _MARGIN
    said = store.statements(connection, since)
    now = context.now()
    return [
        (each, standings(each, said.get((each.worker, each.case), ()), context.policy, now))
        for each in store.closed_cases(connection, since)
    ]


def _waiting(
    context: Context, connection: Connection, rules: AttestationRules
) -> Iterator[tuple[WorkedCase, datetime]]:
    """The cases that wait for an answer of somebody who may be asked, and since when."""
    asked = store.who_may_be_asked(connection, context.today())
    first = context.today() - timedelta(days=rules.open_days)
    for case, standing in _standings(context, connection, first):
        since = asked_since(case, context.policy, context.now())
        if since is not None and case.worker in asked and PlaceStanding.OPEN in standing.values():
            yield case, since


def _cases(context: Context, connection: Connection, worker: int) -> Sequence[WorkedCase]:
    rules = context.policy.attestation
    days = 0 if rules is None else max(rules.open_days, rules.counts_days)
    return store.closed_cases(connection, context.now() - timedelta(days=days) - _MARGIN, worker)


def _own(context: Context, connection: Connection, worker: int, rules: AttestationRules) -> OwnAttestations | None:
    if worker not in store.who_may_be_asked(connection, context.today(), worker):
        return None
    now = context.now()
    longest = timedelta(days=max(rules.open_days, rules.counts_days)) + _MARGIN
    said = store.statements(connection, now - longest, worker)
    asked: list[CaseAsked] = []
    stated: list[CaseStated] = []
    opened: list[datetime] = []
    for case in _cases(context, connection, worker):
        since = asked_since(case, context.policy, now)
        if since is None:
            continue
        mine = said.get((worker, case.case), ())
        standing = standings(case, mine, context.policy, now)
        stated += _stated(case, mine, standing)
        places = tuple(place for place, each in standing.items() if may_answer(each, since, rules, now))
        if places:
            again = PlaceStanding.OPEN not in standing.values()
            asked.append(CaseAsked(_id(context, case), case.number, places, again))
            opened += () if again else (since,)
    return OwnAttestations(tuple(asked), tuple(stated), is_reminder_due(opened, None, rules, now))


def _stated(
    case: WorkedCase, said: Sequence[OwnStatement], standing: Mapping[StatedPlace, PlaceStanding]
) -> Sequence[CaseStated]:
    newest = {each.place: each for each in said}
    silent = (PlaceStanding.OPEN, PlaceStanding.UNANSWERED)
    return [
        CaseStated(case.number, place, newest[place].answer, newest[place].at, each is PlaceStanding.AGED)
        for place, each in standing.items()
        if each not in silent
    ]


def _id(context: Context, case: WorkedCase) -> str:
    """By which a page names a case to its worker: opaque, and another for another worker."""
    key = context.keys.sealer.hash(f"{case.worker} {case.case}", "attestation.case")
    return base64.b32encode(key[:10]).decode().lower()
