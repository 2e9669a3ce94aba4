"""Loads what the need table asks about pairs of worker and identifier, in sets: a few questions for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    exists,
    false,
    func,
    null,
    or_,
    select,
    type_coerce,
    update,
)

from mdm_adapters.port import Token
from server.core.hold_record import Standing
from server.core.model import GOES, ContactClass, Decision, Link, Monitored, Need, Phase, Presence, Reason, State, Whose
from server.store import hold_list
from server.store.database import among, fill, insert, scratch
from server.store.removal import closures, plan_changes
from server.store.removal.due import make_due
from server.store.schema.base import (
    Instant,
    assignment,
    case_system,
    cases,
    deviation,
    directory,
    identifier,
    import_run,
    instant,
    link,
    micros,
    moment,
    orders,
    pair,
    place,
    plan,
    sighting,
    worker,
)
from server.store.wakeups import wake

_CHUNK = 5000
PAIRS_AT_ONCE = 25_000
"""So many are decided together; of two such sets, one is decided while the other is written."""
_CLASSES = {each.value: each for each in ContactClass}
_PHASES = {each.value: each for each in Phase}
_CASE = itemgetter(1)
_PAIR = itemgetter(0, 1)
_PRESENT = Presence.PRESENT.value
_GOES = tuple(sorted(each.value for each in GOES))
CLOCKS_DIFFER = timedelta(minutes=5)
"""Machines side by side may differ by so much; what lies further ahead was written by a clock that was wrong."""
_THEIRS = func.coalesce(link.c.whose == Whose.THEIRS.value, false())
_NEVER: tuple[bool, bool, datetime | None] = (False, False, None)

_chosen = scratch(
    "chosen_pair",
    Column("identifier_id", BigInteger, primary_key=True),
    Column("worker_id", BigInteger, primary_key=True),
)
_decided = scratch(
    "decided_pair",
    Column("worker_id", BigInteger),
    Column("identifier_id", BigInteger),
    Column("due_at", Instant),
    Column("decision", Text),
    Column("reason", Text),
    Column("case_id", BigInteger),
    Column("policy", Text),
    Column("decided_at", Instant),
)


_instant = lru_cache(maxsize=4096)(instant)
"""Most are the same as others: when a book was read, when a case was closed."""


def _micros(column: ColumnElement[Any]) -> ColumnElement[int]:
    """An instant as it is kept: most of those that are read are only compared, or the same as the last."""
    return type_coerce(column, BigInteger)


class PairPlace(NamedTuple):
    """One place where the identifier is present; appearance counts how often it has appeared there."""

    id: int
    uid: str
    appearance: int


class PairFacts(NamedTuple):
    """All that is decided on: one worker, one identifier, and the places where it is present."""

    worker: int
    identifier: int
    token: Token
    first_seen: datetime
    places: tuple[PairPlace, ...]
    links: tuple[Link, ...]
    held: bool
    told_since: datetime | None = None
    """Since when the worker's own page says that it may go; read where the policy gives notice."""


def due(now: datetime) -> ColumnElement[bool]:
    """Every pair that is to be decided again by then."""
    return pair.c.due_at <= now


def any_due(connection: Connection, now: datetime) -> bool:
    """Whether there is anything to decide again."""
    return connection.execute(select(pair.c.worker_id).where(due(now)).limit(1)).first() is not None


def next_due(connection: Connection) -> datetime | None:
    """When the next pair is to be decided again; None: none is."""
    found: datetime | None = connection.execute(
        select(func.min(pair.c.due_at)).where(pair.c.due_at.is_not(None))
    ).scalar()
    return found


def of_employer(employer_id: int) -> ColumnElement[bool]:
    """Every pair of an employer's workers."""
    return pair.c.worker_id.in_(select(worker.c.id).where(worker.c.employer_id == employer_id))


def of_pairs(pairs: Iterable[tuple[int, int]]) -> ColumnElement[bool]:
    """These pairs of worker and identifier; a few hundred at most."""
    of_worker: defaultdict[int, set[int]] = defaultdict(set)
    for worker_id, identifier_id in pairs:
        of_worker[worker_id].add(identifier_id)
    # One IN for each worker and not one over pairs: of that SQLite makes a scan of the whole table.
    return or_(
        false(),
        *(
            and_(pair.c.worker_id == worker_id, pair.c.identifier_id.in_(among(sorted(identifiers))))
            for worker_id, identifiers in of_worker.items()
        ),
    )


def of_case(worker_id: int, case_ids: Sequence[int]) -> ColumnElement[bool]:
    """The pairs of one worker with the identifiers of these cases."""
    return and_(
        pair.c.worker_id == worker_id,
        pair.c.identifier_id.in_(select(link.c.identifier_id).where(link.c.case_id.in_(case_ids))),
    )


class IdentifierRange(NamedTuple):
    """Identifiers from `first` to `last`, which are in `pairs` chosen pairs: as many as memory holds at once."""

    first: int
    last: int
    pairs: int


def choose(
    connection: Connection, which: ColumnElement[bool] | None, *, lock: bool = False
) -> Sequence[IdentifierRange]:
    """Put pairs (None: all there are) before `load_chosen`, until the transaction ends; returns them in spans.

    lock: hold the pairs until then. Whoever changes the register marks pairs due in its own transaction, so it either
    waits for us, and makes them due again after us, or we wait for it and see its change.
    """
    query = select(pair.c.identifier_id, pair.c.worker_id)
    if which is not None:
        query = query.where(which)
    if lock:
        query = query.order_by(pair.c.worker_id, pair.c.identifier_id).with_for_update()
    fill(connection, _chosen)
    connection.execute(_chosen.insert().from_select(["identifier_id", "worker_id"], query))
    counts = connection.execute(
        select(_chosen.c.identifier_id, func.count())
        .group_by(_chosen.c.identifier_id)
        .order_by(_chosen.c.identifier_id)
    )
    spans: list[IdentifierRange] = []
    for identifier_id, count in counts.all():
        if spans and spans[-1].pairs + count <= PAIRS_AT_ONCE:
            spans[-1] = IdentifierRange(spans[-1].first, identifier_id, spans[-1].pairs + count)
        else:
            spans.append(IdentifierRange(identifier_id, identifier_id, count))
    return spans


def any_decided(connection: Connection) -> bool:
    """Whether a pass has ever decided anything: before that, only dry runs were made."""
    return connection.execute(select(pair.c.worker_id).where(pair.c.decision.is_not(None)).limit(1)).first() is not None


def going(connection: Connection) -> Mapping[tuple[int, int], tuple[Decision, Reason]]:
    """Pairs of worker and identifier of which it was last decided that they go, now or later, and why."""
    query = select(pair.c.worker_id, pair.c.identifier_id, pair.c.decision, pair.c.reason).where(
        pair.c.decision.in_(_GOES)
    )
    return {(row[0], row[1]): (Decision(row[2]), Reason(row[3])) for row in connection.execute(query)}


def not_going() -> ColumnElement[bool]:
    """Every pair of which it was not last decided that it goes, now or later."""
    return or_(pair.c.decision.is_(None), pair.c.decision.not_in(_GOES))


def load(
    connection: Connection, which: ColumnElement[bool], now: datetime, *, gone_too: bool = False
) -> Sequence[PairFacts]:
    """Facts of these pairs that are present somewhere, with every link they have, in order of identifier and worker.

    gone_too: also of those that are present nowhere any more; these have no places.
    """
    return [
        facts
        for span in choose(connection, which)
        for facts in facts_in(fetch_chosen(connection, span, now), gone_too=gone_too)
    ]


def load_wherever(
    connection: Connection, worker_id: int, case_ids: Sequence[int], now: datetime
) -> Sequence[PairFacts]:
    """Facts of every identifier of these cases with one worker, in no place, first seen now and not held: the same
    whether or not it ever was with them.
    """
    rows = connection.execute(
        select(identifier.c.id, identifier.c.token)
        .where(identifier.c.id.in_(select(link.c.identifier_id).where(link.c.case_id.in_(case_ids))))
        .order_by(identifier.c.id)
    ).all()
    if not rows:
        return []
    fill(connection, _chosen, [(row.id, worker_id) for row in rows])
    span = IdentifierRange(rows[0].id, rows[-1].id, len(rows))
    links, ties = _links_of_identifiers(connection, span, ()), _ties(connection, span, now, ())
    ties.sort_out()
    return [
        PairFacts(
            worker_id, row.id, Token(row.token), now, (), ties.links(worker_id, links.get(row.id, ())), held=False
        )
        for row in rows
    ]


def load_chosen(
    connection: Connection, span: IdentifierRange, now: datetime, *, stays: Collection[ContactClass] = ()
) -> Sequence[PairFacts]:
    """Facts of the chosen pairs of a span that are present somewhere, in order of identifier and worker.

    stays: classes of which one link decides as well as all: the first stands for them where an identifier has no
    other. A professional is linked to hundreds of cases. What ties a worker to their cases is not told of such links.
    """
    return facts_in(fetch_chosen(connection, span, now, stays=stays))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the database says of a span; `facts_in` makes facts of it without asking again."""

    pairs: Sequence[Sequence[Any]]
    links: _Links
    ties: _Ties
    held: Standing
    told: Mapping[tuple[int, int], datetime]


def fetch_chosen(
    connection: Connection,
    span: IdentifierRange,
    now: datetime,
    *,
    stays: Collection[ContactClass] = (),
    notices: bool = False,
) -> Fetched:
    """All that `load_chosen` asks the database. notices: also since when workers have been told."""
    rows = connection.execute(
        select(
            *(_chosen.c.identifier_id, _chosen.c.worker_id, identifier.c.token, place.c.id, place.c.uid),
            *(sighting.c.appearance, _micros(sighting.c.first_at), sighting.c.presence),
        )
        .join(identifier, identifier.c.id == _chosen.c.identifier_id)
        .join(place, place.c.worker_id == _chosen.c.worker_id)
        .join(sighting, and_(sighting.c.place_id == place.c.id, sighting.c.identifier_id == _chosen.c.identifier_id))
        .where(_within(span))
        .order_by(_chosen.c.identifier_id, _chosen.c.worker_id, place.c.id)
    ).all()
    links = _links_of_identifiers(connection, span, stays)
    told = _told(connection, span) if notices else {}
    return Fetched(rows, links, _ties(connection, span, now, stays), hold_list.standing(connection), told)


def _told(connection: Connection, span: IdentifierRange) -> Mapping[tuple[int, int], datetime]:
    """Since when workers have been told of the chosen pairs, by identifier and worker."""
    rows = connection.execute(
        select(pair.c.identifier_id, pair.c.worker_id, pair.c.told_since)
        .join(
            _chosen,
            and_(_chosen.c.identifier_id == pair.c.identifier_id, _chosen.c.worker_id == pair.c.worker_id),
        )
        .where(_within(span), pair.c.told_since.is_not(None))
    )
    return {(row[0], row[1]): row[2] for row in rows}


def facts_in(fetched: Fetched, *, gone_too: bool = False) -> Sequence[PairFacts]:
    """The facts of what was fetched. gone_too: also of pairs that are present nowhere any more."""
    links, ties, held = fetched.links, fetched.ties, fetched.held
    ties.sort_out()
    facts: list[PairFacts] = []
    for (identifier_id, worker_id), found in groupby(fetched.pairs, _PAIR):
        sightings = [*found]
        places = tuple([PairPlace(row[3], row[4], row[5]) for row in sightings if row[7] == _PRESENT])
        if places or gone_too:
            mine = ties.links(worker_id, links.get(identifier_id, ()))
            first_seen = _instant(min([row[6] for row in sightings]))
            covered = held.any and held.covers(worker_id, (each.case for each in mine))
            token: Token = sightings[0][2]
            told = fetched.told.get((identifier_id, worker_id))
            facts.append(PairFacts(worker_id, identifier_id, token, first_seen, places, mine, covered, told))
    return facts


def _within(span: IdentifierRange) -> ColumnElement[bool]:
    return _chosen.c.identifier_id.between(span.first, span.last)


class _CaseLink(NamedTuple):
    """An identifier's link to a case as the rows say it, whoever the worker is. case 0: the directory says it."""

    identifier: int
    case: int
    of_class: str
    linked: bool = True
    former_since: int | None = None
    since_at: int | None = None
    gone_at: int | None = None
    theirs: bool = False
    phase: str = Phase.CLOSED.value
    system: int | None = None
    closed_at: int | None = None
    recorded: bool = False
    told_at: int | None = None


_Links = dict[int, list[Sequence[Any]]]
"""Identifier -> rows in the order of `_CaseLink`'s fields."""


def _links_of_identifiers(connection: Connection, span: IdentifierRange, stays: Collection[ContactClass]) -> _Links:
    """The links of each chosen identifier of a span in order of case; what the directory says of it is last."""
    chosen = select(_chosen.c.identifier_id).where(_within(span))
    stay = link.c["class"].in_(sorted(stays))
    found: _Links = {}
    if not stays:
        _add_links(connection, found, link.c.identifier_id.in_(chosen))
    else:
        _add_links(connection, found, and_(~stay, link.c.identifier_id.in_(chosen)))
        staying = connection.execute(
            select(link.c.identifier_id, link.c["class"], func.min(link.c.case_id))
            .where(stay, link.c.identifier_id.in_(chosen))
            .group_by(link.c.identifier_id, link.c["class"])
            .order_by(func.min(link.c.case_id))
        ).all()
        mixed = sorted(found.keys() & {row[0] for row in staying})
        for start in range(0, len(mixed), _CHUNK):
            _add_links(connection, found, and_(stay, link.c.identifier_id.in_(among(mixed[start : start + _CHUNK]))))
        for identifier_id, of_class, case_id in staying:
            found.setdefault(identifier_id, [_CaseLink(identifier_id, case_id, of_class)])
    for links in found.values():
        if len(links) > 1:
            links.sort(key=_CASE)
    listed = select(directory.c.identifier_id, directory.c["class"]).where(directory.c.identifier_id.in_(chosen))
    for identifier_id, of_class in connection.execute(listed):
        found.setdefault(identifier_id, []).append(_CaseLink(identifier_id, 0, of_class))
    return found


def _add_links(connection: Connection, found: _Links, which: ColumnElement[bool]) -> None:
    rows = connection.execute(
        select(
            *(link.c.identifier_id, link.c.case_id, link.c["class"], or_(link.c.linked, _THEIRS)),
            *(_micros(link.c.former_since), _micros(link.c.since_at), _micros(link.c.gone_at), _THEIRS),
            *(cases.c.phase, cases.c.system_id, _micros(cases.c.closed_at)),
            *(or_(cases.c.recorded, link.c.recorded_at.is_not(None)), _micros(cases.c.told_at)),
        )
        .join(cases, cases.c.id == link.c.case_id)
        .where(which, link.c.whose.is_distinct_from(Whose.NOT_THEIRS.value))
    ).all()
    for row in rows:
        known = found.get(row[0])
        if known is None:
            found[row[0]] = [row]
        else:
            known.append(row)


@dataclass(slots=True)
class _Ties:
    """What ties workers to cases. spells, moments, deviations: by worker and case; instants of spells in microseconds.

    assigned, planned: the rows of which `sort_out` makes spells and moments.
    """

    read_at: Mapping[int | None, datetime | None]
    now: int
    assigned: Sequence[Sequence[Any]] = ()
    planned: Sequence[Sequence[Any]] = ()
    spells: dict[tuple[int, int], tuple[tuple[int, int | None], ...]] = field(default_factory=dict)
    moments: dict[tuple[int, int], tuple[date, ...]] = field(default_factory=dict)
    deviations: dict[tuple[int, int], datetime] = field(default_factory=dict)
    confirmed: Mapping[int, datetime] = field(default_factory=dict)
    monitored: Mapping[int, Monitored] = field(default_factory=dict)
    made: dict[tuple[object, ...], Link] = field(default_factory=dict)

    def sort_out(self) -> None:
        """Make spells and moments."""
        for worker_id, case_id, since, until in self.assigned:
            tie = worker_id, case_id
            self.spells[tie] = (*self.spells.get(tie, ()), (since, until))
        for tie, named in groupby(self.planned, _PAIR):
            self.moments[tie] = tuple([row[2] for row in named])

    def links(self, worker_id: int, case_links: Sequence[Sequence[Any]]) -> tuple[Link, ...]:
        """The same link once, for all the identifiers of a case that share it."""
        made = self.made
        links = []
        for row in case_links:
            same = (worker_id, *row[1:])
            found = made.get(same)
            if found is None:
                found = made[same] = self._link(worker_id, *row)
            links.append(found)
        return tuple(links)

    def _link(
        self,
        worker_id: int,
        _identifier_id: int,
        case_id: int,
        of_class: str,
        linked: bool,
        former_since: int | None,
        since_at: int | None,
        gone_at: int | None,
        theirs: bool,
        phase: str,
        system: int | None,
        closed_at: int | None,
        recorded: bool,
        told_at: int | None,
    ) -> Link:
        tie = worker_id, case_id
        spells = self.spells.get(tie)
        ever, now_on, until = _NEVER if spells is None else _standing(spells, self.now)
        return Link(
            case_id,
            _CLASSES[of_class],
            _PHASES[phase],
            _newer(self.read_at[system], told_at),
            bool(linked),
            ever,
            now_on,
            until,
            None if closed_at is None else _instant(closed_at),
            bool(recorded),
            self.moments.get(tie, ()),
            self.deviations.get(tie),
            None if former_since is None else instant(former_since),
            self.confirmed.get(case_id),
            None if gone_at is None or since_at is None else instant(since_at),
            None if gone_at is None else instant(gone_at),
            bool(theirs),
            self.monitored.get(case_id),
        )


def _newer(read_at: datetime | None, told_at: int | None) -> datetime | None:
    """Since when a case is known to be so: when its register was read, or when the case system told of it alone."""
    if told_at is None:
        return read_at
    told = _instant(told_at)
    return told if read_at is None or told > read_at else read_at


def _ties(connection: Connection, span: IdentifierRange, now: datetime, stays: Collection[ContactClass]) -> _Ties:
    systems = connection.execute(select(case_system.c.id, case_system.c.read_at))
    ties = _Ties({None: None} | {row.id: row.read_at for row in systems}, micros(now))
    linked = select(link.c.case_id).where(
        link.c.identifier_id.in_(select(_chosen.c.identifier_id).where(_within(span))),
        link.c["class"].not_in(sorted(stays)),
    )
    ties.assigned = connection.execute(
        select(worker.c.id, assignment.c.case_id, _micros(assignment.c.from_at), _micros(assignment.c.until_at))
        .join(assignment, assignment.c.worker_ref == worker.c.ref)
        .where(assignment.c.case_id.in_(linked))
    ).all()
    ties.planned = connection.execute(
        select(worker.c.id, moment.c.case_id, moment.c.on_date)
        .join(moment, moment.c.worker_ref == worker.c.ref)
        .where(moment.c.case_id.in_(linked))
        .order_by(moment.c.case_id, worker.c.id, moment.c.on_date)
    ).all()
    excepted = connection.execute(
        select(deviation.c.worker_id, deviation.c.case_id, func.max(deviation.c.until_at))
        .where(deviation.c.until_at > now, or_(deviation.c.ended_at.is_(None), deviation.c.ended_at > now))
        .group_by(deviation.c.worker_id, deviation.c.case_id)
    )
    ties.deviations.update(((worker_id, case_id), until) for worker_id, case_id, until in excepted)
    ties.confirmed = closures.confirmed_at(connection, linked)
    ties.monitored = plan_changes.monitored(connection, linked)
    return ties


def _standing(spells: Sequence[tuple[int, int | None]], now: int) -> tuple[bool, bool, datetime | None]:
    """Of a worker's assignments to one case: ever on it, on it now, and until when (the latest end, if known)."""
    if len(spells) == 1:
        ((since, until),) = spells
        if since > now:
            return _NEVER
        return True, until is None or now < until, None if until is None else _instant(until)
    begun = [until for since, until in spells if since <= now]
    running = [until for until in begun if until is None or now < until]
    ends = [until for until in running or begun if until is not None]
    if not begun or (running and len(ends) < len(running)):
        return bool(begun), bool(running), None
    return True, bool(running), instant(max(ends))


def mark_going_due(connection: Connection, now: datetime) -> None:
    """Decide every pair again that goes, now or later: all that a hold can change, and nobody can tell by these rows
    which of them one is about, or whether it was set or ended.
    """
    going = or_(pair.c.decision.in_(_GOES), due(now))  # due: a pass may be deciding it, and not have seen the hold
    make_due(connection, going, now)


def mark_due(connection: Connection, chosen: ColumnElement[bool], now: datetime) -> int:
    """Decide these pairs again; returns how many."""
    return make_due(connection, chosen, now)


def add_pairs(connection: Connection, worker_id: int, identifiers: Sequence[int], now: datetime) -> None:
    """Identifiers newly seen with a worker: pairs to decide now."""
    if not identifiers:
        return
    statement = insert(connection, pair).values(due_at=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["worker_id", "identifier_id"], set_={"due_at": statement.excluded.due_at}
        ),
        [{"worker_id": worker_id, "identifier_id": each} for each in identifiers],
    )
    wake(connection)


def mark_unread_due(connection: Connection, system_id: int, now: datetime) -> int:
    """A case system's register was read anew: what waited for that is decided again; returns how many pairs."""
    of_system = (
        select(link.c.identifier_id).join(cases, cases.c.id == link.c.case_id).where(cases.c.system_id == system_id)
    )
    waits = pair.c.reason == Reason.REGISTER_STALE.value
    return mark_due(connection, and_(waits, pair.c.identifier_id.in_(of_system)), now)


def mark_told_due(connection: Connection, case_ids: Select[Any], now: datetime) -> int:
    """These cases were told of anew: what waited for that is decided again; returns how many pairs."""
    of_cases = select(link.c.identifier_id).where(link.c.case_id.in_(case_ids))
    waits = pair.c.reason == Reason.REGISTER_STALE.value
    return mark_due(connection, and_(waits, pair.c.identifier_id.in_(of_cases)), now)


def mend_times(connection: Connection, now: datetime, longest: timedelta) -> None:
    """Undo what a clock left behind that ran ahead and was put right: decided then is decided again, seen then is seen
    now, and an order made then may be called.

    longest: no pair waits longer than this for time alone; what would is decided again.
    """
    mark_due(connection, pair.c.due_at > now + longest, now)
    ahead = now + CLOCKS_DIFFER
    if not _ran_ahead(connection, ahead):
        return
    connection.execute(update(pair).where(pair.c.decided_at > ahead).values(due_at=now, decided_at=now))
    connection.execute(update(pair).where(pair.c.told_since > ahead).values(told_since=now))
    for column in (sighting.c.first_at, sighting.c.since_at):
        connection.execute(update(sighting).where(column > ahead).values({column.name: now}))
    for column in (cases.c.told_at, cases.c.phase_told_at):
        connection.execute(update(cases).where(column > ahead).values({column.name: None}))
    for column in (place.c.looked_at, place.c.full_at, place.c.hinted_at):
        connection.execute(update(place).where(column > ahead).values({column.name: None, "look_due": True}))
    connection.execute(
        update(orders)
        .where(orders.c.state == State.READY.value, orders.c.planned_at > ahead, orders.c.next_at > now)
        .values(next_at=now)
    )


def _ran_ahead(connection: Connection, ahead: datetime) -> bool:
    """Whether a clock did: small tables tell, so that pairs and sightings need not all be read at each pass."""
    times = (
        *(place.c.looked_at, place.c.full_at, place.c.hinted_at, place.c.fault_at),
        *(plan.c.made_at, import_run.c.at, case_system.c.read_at),
    )
    return any(connection.execute(select(time).where(time > ahead).limit(1)).first() is not None for time in times)


def write_decisions(connection: Connection, decided: Sequence[tuple[PairFacts, Need]], now: datetime) -> None:
    """What was decided for each pair, and when time alone may change it."""
    stage_decisions(connection, decided, now)()


def stage_decisions(
    connection: Connection,
    decided: Sequence[tuple[PairFacts, Need]],
    now: datetime,
    longest: timedelta = timedelta.max,
    *,
    tells: bool = False,
) -> Callable[[], object]:
    """Hand decisions over; what is returned writes them, in one statement. longest: after so long it is asked again.

    tells: the worker's page says from now on of what goes, now or later, that it may go. A person's question meanwhile
    does not end that; that it may stay does, so that the next time is told anew.
    """
    at = micros(now)
    latest = None if longest == timedelta.max else now + longest
    rows = [
        (
            facts.worker,
            facts.identifier,
            None if need.next_at is None else micros(min(need.next_at, latest) if latest else need.next_at),
            str(need.decision),
            str(need.reason),
            need.case or None,
            need.policy,
            at,
        )
        for facts, need in decided
    ]
    fill(connection, _decided, rows)
    same = and_(pair.c.worker_id == _decided.c.worker_id, pair.c.identifier_id == _decided.c.identifier_id)
    names = ("due_at", "decision", "reason", "case_id", "policy", "decided_at")
    waits = case(
        (_decided.c.decision == Decision.REVIEW.value, func.coalesce(pair.c.waits_since, _decided.c.decided_at))
    )
    told = case(
        (_decided.c.decision.in_(_GOES), func.coalesce(pair.c.told_since, _decided.c.decided_at)),
        (_decided.c.decision == Decision.REVIEW.value, pair.c.told_since),
    )
    values: dict[str, ColumnElement[Any]] = {name: _decided.c[name] for name in names}
    values |= {"waits_since": waits, "told_since": told if tells else null()}
    return partial(connection.execute, update(pair).where(same).values(values))


def forget_undecided(connection: Connection, span: IdentifierRange) -> None:
    """Chosen pairs of a span that `write_decisions` was just told nothing of: present nowhere, so never due.

    No other: it may have become due a moment ago.
    """
    connection.execute(
        update(pair)
        .where(
            _within(span),
            pair.c.worker_id == _chosen.c.worker_id,
            pair.c.identifier_id == _chosen.c.identifier_id,
            pair.c.due_at.is_not(None),
            ~exists().where(
                _decided.c.worker_id == _chosen.c.worker_id, _decided.c.identifier_id == _chosen.c.identifier_id
            ),
        )
        .values(due_at=None)
    )
