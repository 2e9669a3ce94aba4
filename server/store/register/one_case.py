"""One case that was pushed, by itself: what the register knows of it, and what telling it changes, in few statements.

It does what `cases` does with a staged export of one case, which it is held against in the tests, and nothing else: for
many cases at once, sets are quicker.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    update,
)

from server.core.model import ContactClass, Phase, Reason
from server.core.register.one_case import (
    AssignmentFields,
    CaseChange,
    CaseContent,
    CaseFields,
    LinkFields,
    MomentFields,
    change_of,
    spell_before,
)
from server.core.removal.closures import ClosureAnswer, ClosureEnd, RegisterSays, still_stands
from server.core.removal.monitoring import ChangeEnd
from server.store.prepared import Direct, Prepared, given, value, values_of
from server.store.register import cases as sets
from server.store.register.cases import ImportWeight
from server.store.removal.due import hinting
from server.store.schema.base import (
    assignment,
    case_spell,
    case_system,
    cases,
    closure,
    employer,
    identifier,
    import_run,
    link,
    moment,
    pair,
    plan_change,
    worker,
)
from server.store.wakeups import wake

_FIELDS = CaseFields._fields
_LINK_FIELDS = ("person", "class", "linked", "former_since")
_CASE_ID = value("case_id", BigInteger())
_NOW = value("now", cases.c.told_at.type)

_SYSTEM = Prepared(
    lambda _: select(case_system.c.id).where(case_system.c.name == given("name", case_system.c.name)).with_for_update()
)
_CASE = Prepared(
    lambda _: select(cases.c.id, cases.c.seen_monitored_on, *(cases.c[name] for name in _FIELDS)).where(
        cases.c.system_id == given("system_id", cases.c.system_id), cases.c.number == given("number", cases.c.number)
    )
)
_LINKS = Prepared(
    lambda _: (
        select(identifier.c.token, *(link.c[name] for name in _LINK_FIELDS))
        .join(identifier, identifier.c.id == link.c.identifier_id)
        .where(link.c.case_id == _CASE_ID, link.c.gone_at.is_(None))
    )
)
_ASSIGNMENTS = Prepared(
    lambda _: select(*(assignment.c[name] for name in AssignmentFields._fields)).where(assignment.c.case_id == _CASE_ID)
)
_MOMENTS = Prepared(
    lambda _: select(*(moment.c[name] for name in MomentFields._fields)).where(moment.c.case_id == _CASE_ID)
)
_CLOSURE = Prepared(
    lambda _: select(
        *(closure.c.id, closure.c.answer, closure.c.confirmed_at, closure.c.on_date, closure.c.opened_on)
    ).where(closure.c.case_id == _CASE_ID, closure.c.ended_at.is_(None))
)
_LAPSE = Prepared(
    lambda _: (
        update(closure)
        .where(closure.c.id == value("id", BigInteger()))
        .values(ended_at=_NOW, ended_as=ClosureEnd.LAPSED.value)
    )
)
_LAPSE_PLAN = Prepared(
    lambda _: (
        update(plan_change)
        .where(plan_change.c.ended_at.is_(None), plan_change.c.case_id == _CASE_ID)
        .values(ended_at=_NOW, ended_as=ChangeEnd.LAPSED.value)
    )
)
_ADD_IDENTIFIER = Prepared(
    lambda insert: (
        insert(identifier)
        .values(values_of(identifier, ("token", "verified")))
        .on_conflict_do_nothing()
        .returning(identifier.c.id)
    )
)
_OF_CASE = pair.c.identifier_id.in_(select(link.c.identifier_id).where(link.c.case_id == _CASE_ID))
_MAKE_DUE = Prepared(lambda _: update(pair).where(_OF_CASE).values(due_at=_NOW))
_MAKE_STALE_DUE = Prepared(
    lambda _: update(pair).where(_OF_CASE, pair.c.reason == Reason.REGISTER_STALE.value).values(due_at=_NOW)
)
_LOOK_SOON = Prepared(lambda _: hinting(select(_CASE_ID), _NOW))
_FORGET_RECORDED = Prepared(
    lambda _: update(link).where(link.c.recorded_at.is_not(None), link.c.case_id == _CASE_ID).values(recorded_at=None)
)
_ADD_SPELL = Prepared(
    lambda insert: (
        insert(case_spell)
        .values(values_of(case_spell, ("case_id", "first", "last", "reopened_on")))
        .on_conflict_do_nothing()
    )
)
_ADD_CASE = Prepared(
    lambda insert: (
        insert(cases)
        .values(values_of(cases, ("system_id", "number", "told_at", "address", *_FIELDS)))
        .returning(cases.c.id)
    )
)
_TOLD = {True: "told_at", False: "phase_told_at"}
"""Whether all of a case was told -> what notes when."""


def _change_case(*, whole: bool) -> Prepared:
    return Prepared(
        lambda _: (
            update(cases)
            .where(cases.c.id == _CASE_ID)
            .values(
                values_of(cases, ("seen_monitored_on", _TOLD[whole], *_FIELDS))
                | {"address": func.coalesce(cases.c.address, given("address", cases.c.address))}
            )
        )
    )


_CHANGE_CASE = {whole: _change_case(whole=whole) for whole in _TOLD}
_THIS_LINK = and_(
    link.c.case_id == _CASE_ID,
    link.c.identifier_id
    == select(identifier.c.id).where(identifier.c.token == given("token", identifier.c.token)).scalar_subquery(),
)
# Whose number stays on phones whatever happens needs no watch once no case names it.
_STAYS = and_(link.c["class"] != ContactClass.CLIENT.value, link.c["class"] != ContactClass.REPORTER.value)
_DROP_LINK = Prepared(lambda _: delete(link).where(_THIS_LINK, _STAYS))
_END_LINK = Prepared(lambda _: update(link).where(_THIS_LINK).values(gone_at=_NOW))


def _put_link(insert: Any) -> Any:
    statement = insert(link).values(values_of(link, ("case_id", "identifier_id", *_LINK_FIELDS, "since_at")))
    told_anew = and_(statement.excluded.linked, or_(link.c.gone_at.is_not(None), ~link.c.linked))
    return statement.on_conflict_do_update(
        index_elements=["case_id", "identifier_id"],
        set_={name: statement.excluded[name] for name in _LINK_FIELDS}
        | {"gone_at": None, "whose": case((told_anew, None), else_=link.c.whose)},
    )


_PUT_LINK = Prepared(_put_link)
_DROP_ASSIGNMENTS = Prepared(lambda _: delete(assignment).where(assignment.c.case_id == _CASE_ID))
_ADD_ASSIGNMENT = Prepared(
    lambda insert: insert(assignment).values(values_of(assignment, ("case_id", *AssignmentFields._fields)))
)
_DROP_MOMENTS = Prepared(lambda _: delete(moment).where(moment.c.case_id == _CASE_ID))
_ADD_MOMENT = Prepared(lambda insert: insert(moment).values(values_of(moment, ("case_id", *MomentFields._fields))))
_TODAYS = Prepared(
    lambda _: select(import_run.c.id, import_run.c.closed, import_run.c.rows).where(
        import_run.c.system_id == given("system_id", import_run.c.system_id),
        import_run.c.mode == sets.PUSHED,
        import_run.c.digest == "",
        import_run.c.at >= given("midnight", import_run.c.at),
    )
)
_DROP_RUN = Prepared(lambda _: delete(import_run).where(import_run.c.id == value("id", BigInteger())))
_RUN = ("system_id", "at", "as_of", "mode", "digest", "rows", "closed", "outcome")
_ADD_RUN = Prepared(lambda insert: insert(import_run).values(values_of(import_run, _RUN)))
_REFS = Prepared(lambda _: select(worker.c.ref).order_by(worker.c.id))


@cache
def _tokens(count: int) -> Prepared:
    """Ids of so many identifiers."""
    wanted = [value(f"token_{n}", LargeBinary()) for n in range(count)]
    return Prepared(lambda _: select(identifier.c.token, identifier.c.id).where(identifier.c.token.in_(wanted)))


@dataclass(frozen=True, slots=True)
class ToldCase:
    """A case as it was pushed. verified: of each of its tokens, whether it was read as a number without doubt. rows: as
    how many rows of a file it counts. address: by which programs know it.
    """

    number: str
    content: CaseContent
    verified: Mapping[bytes, bool]
    rows: int
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A case as the register has it; content: None: it has not."""

    system_id: int
    id: int | None = None
    content: CaseContent | None = None
    seen_monitored_on: Any = None


def hold_system(direct: Direct, name: str) -> int:
    """As `cases.hold_system`."""
    found = direct.row(_SYSTEM, name=name)
    return sets.hold_system(direct.connection, name) if found is None else int(found[0])


def read_case(direct: Direct, system_id: int, number: str) -> KnownCase:
    """What the register knows of a case, but for what it was told no more of."""
    row = direct.row(_CASE, system_id=system_id, number=number)
    if row is None:
        return KnownCase(system_id)
    case_id, seen_monitored_on, *fields = row
    return KnownCase(
        system_id,
        case_id,
        CaseContent(
            CaseFields(*fields),
            frozenset(LinkFields(bytes(each[0]), *each[1:]) for each in direct.rows(_LINKS, case_id=case_id)),
            frozenset(AssignmentFields(*each) for each in direct.rows(_ASSIGNMENTS, case_id=case_id)),
            frozenset(MomentFields(*each) for each in direct.rows(_MOMENTS, case_id=case_id)),
        ),
        seen_monitored_on,
    )


class KnownPhase(NamedTuple):
    """Where a case stands. closed_at: when its closure was confirmed."""

    id: int
    phase: str
    closed_at: datetime | None


def read_phases(connection: Connection, system: str) -> Mapping[str, KnownPhase]:
    """Where each case of a system stands, by its number."""
    rows = connection.execute(
        select(cases.c.number, cases.c.id, cases.c.phase, cases.c.closed_at)
        .join(case_system, case_system.c.id == cases.c.system_id)
        .where(case_system.c.name == system)
    )
    return {row.number: KnownPhase(row.id, row.phase, row.closed_at) for row in rows}


def told_at(connection: Connection, case_id: int) -> datetime | None:
    """When the case system last told of this one by itself, of all of it or of its phase alone."""
    row = connection.execute(select(cases.c.told_at, cases.c.phase_told_at).where(cases.c.id == case_id)).first()
    return max((each for each in row or () if each is not None), default=None)


def refs_of_workers(direct: Direct) -> Sequence[str]:
    """The references of all who have a place or had one, in the order in which they came."""
    return [row[0] for row in direct.rows(_REFS)]


def named_elsewhere(connection: Connection, known: KnownCase, told: CaseContent, employer_name: str) -> bool:
    """Whether the case names, or named before, a worker of another employer than this."""
    refs = sorted({each.worker_ref for each in told.assignments})
    others = (
        select(worker.c.ref)
        .join(employer, employer.c.id == worker.c.employer_id)
        .where(employer.c.name != employer_name, worker.c.ref.in_(refs))
        .limit(1)
    )
    if connection.execute(others).first() is not None:
        return True
    return known.id is not None and sets.worked_elsewhere(connection, [known.id], employer_name)


def weigh(connection: Connection, known: KnownCase, told: CaseContent, midnight: datetime) -> ImportWeight:
    """The numbers for the breaker; where the case does not newly close, those alone that say so."""
    if known.content is None:
        return ImportWeight(known=0, named=1, closes=0, vanishes=0, usual=None)
    if known.content.case.is_over or not told.case.is_over:
        return ImportWeight(known=1, named=1, closes=0, vanishes=0, usual=None)
    return sets.weigh_closure(connection, known.system_id, midnight)


def apply(
    direct: Direct,
    known: KnownCase,
    told: ToldCase,
    *,
    now: datetime,
    midnight: datetime,
    confirmed: bool,
    whole: bool = True,
) -> tuple[bool, int]:
    """Make the register say of the case what was told; whether that was anything new, and how many answers of work
    supervisors are no longer in force by it.

    confirmed: a person let it in. whole: all of the case was told now; else its phase alone, of a case that is known,
    and the rest is as old as it was. The case system is held (`hold_system`).
    """
    content = told.content
    change = change_of(known.content, content, seen_monitored_on=known.seen_monitored_on, as_of=now)
    lapsed = 0
    if change.touched:
        identifiers = _identifiers(direct, told)
        if known.id is not None:
            _make_due(direct, _MAKE_DUE, known.id, now)
            _note_before(direct, known, content, change, now)
        case_id = _put_case(direct, known, told, change, now, whole=whole)
        if known.id is not None:
            lapsed = _lapse(direct, case_id, content.case, now)
        _put_lists(direct, known, content, change, identifiers, case_id, now)
        _make_due(direct, _MAKE_DUE, case_id, now)
        if change.closes and direct.run(_LOOK_SOON, case_id=case_id, now=now):
            wake(direct.connection)
    else:
        case_id = _put_case(direct, known, told, change, now, whole=whole)
        _make_due(direct, _MAKE_STALE_DUE, case_id, now)
    closed = int(known.content is not None and change.closes)
    _put_run(direct, known.system_id, told.rows, closed, now=now, midnight=midnight, confirmed=confirmed)
    return change.touched, lapsed


def _make_due(direct: Direct, statement: Prepared, case_id: int, now: datetime) -> None:
    if direct.run(statement, case_id=case_id, now=now):
        wake(direct.connection)


def _identifiers(direct: Direct, told: ToldCase) -> Mapping[bytes, int]:
    """The ids of the case's identifiers, made where they are new."""
    tokens = [each.token for each in told.content.links]
    found = _known_identifiers(direct, tokens)
    for token in told.verified:
        if token in found:
            continue
        row = direct.row(_ADD_IDENTIFIER, token=token, verified=told.verified[token])
        # Else another case system has just told of it, too.
        found[token] = row[0] if row is not None else _known_identifiers(direct, [token])[token]
    return found


def _known_identifiers(direct: Direct, tokens: Sequence[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for start in range(0, len(tokens), _AT_ONCE):
        some = tokens[start : start + _AT_ONCE]
        count = 1 << (len(some) - 1).bit_length()  # of few sizes, each put together once
        named = {f"token_{n}": some[min(n, len(some) - 1)] for n in range(count)}
        found |= {bytes(token): id_ for token, id_ in direct.rows(_tokens(count), **named)}
    return found


_AT_ONCE = 64


def _note_before(direct: Direct, known: KnownCase, told: CaseContent, change: CaseChange, now: datetime) -> None:
    """Of a case that was closed and runs again: when it ran; and what was said of its file is no longer in force."""
    before = known.content
    if before is None or before.case.phase != Phase.CLOSED.value:
        return
    if change.reopens:
        direct.run(_FORGET_RECORDED, case_id=known.id)
    opened, opens = before.case.opened_on, told.case.opened_on
    anew = opened is not None and opens is not None and opens > opened
    if not change.reopens and not anew:
        return
    ended = before.case.closed_at
    if ended is None:
        row = direct.row(_CLOSURE, case_id=known.id)
        ended = row[2] if row is not None and row[1] == ClosureAnswer.CONFIRMED.value else None
    if ended is None:
        return
    spell = spell_before(
        ended=ended, opened_on=before.case.opened_on, phase=told.case.phase, opens=told.case.opened_on, as_of=now
    )
    if spell is not None:
        direct.run(_ADD_SPELL, case_id=known.id, **spell._asdict())


def _put_case(
    direct: Direct, known: KnownCase, told: ToldCase, change: CaseChange, now: datetime, *, whole: bool
) -> int:
    said = {_TOLD[whole]: now, "address": told.address, **told.content.case._asdict()}
    if known.id is None:
        row = direct.row(_ADD_CASE, system_id=known.system_id, number=told.number, **said)
        if row is None:
            raise RuntimeError("a case that is added has an id")
        return int(row[0])
    direct.run(_CHANGE_CASE[whole], case_id=known.id, seen_monitored_on=change.seen_monitored_on, **said)
    return known.id


def _lapse(direct: Direct, case_id: int, told: CaseFields, now: datetime) -> int:
    if told.phase != Phase.MONITORING.value:
        direct.run(_LAPSE_PLAN, case_id=case_id, now=now)
    row = direct.row(_CLOSURE, case_id=case_id)
    if row is None:
        return 0
    number, _, _, on_date, opened_on = row
    if still_stands(on_date, opened_on, RegisterSays(Phase(told.phase), told.opened_on, told.closed_at)):
        return 0
    return direct.run(_LAPSE, id=number, now=now)


def _put_lists(
    direct: Direct,
    known: KnownCase,
    told: CaseContent,
    change: CaseChange,
    identifiers: Mapping[bytes, int],
    case_id: int,
    now: datetime,
) -> None:
    """What is named is linked; what is named no more is former, and stays governed."""
    for token in sorted(change.left):
        if not direct.run(_DROP_LINK, case_id=case_id, token=token):
            direct.run(_END_LINK, case_id=case_id, token=token, now=now)
    before = known.content
    direct.many(
        _PUT_LINK,
        [
            {
                "case_id": case_id,
                "identifier_id": identifiers[each.token],
                "person": each.person,
                "class": each.of_class,
                "linked": each.linked,
                "former_since": each.former_since,
                "since_at": now,
            }
            for each in sorted(told.links, key=lambda each: identifiers[each.token])
            if before is None or each not in before.links
        ],
    )
    lists: Sequence[tuple[Collection[Any], Collection[Any], Prepared, Prepared]] = (
        (() if before is None else before.assignments, told.assignments, _DROP_ASSIGNMENTS, _ADD_ASSIGNMENT),
        (() if before is None else before.moments, told.moments, _DROP_MOMENTS, _ADD_MOMENT),
    )
    for kept, said, drop, add in lists:
        if set(kept) == set(said):
            continue
        if kept:
            direct.run(drop, case_id=case_id)
        direct.many(add, [{"case_id": case_id, **each._asdict()} for each in sorted(said, key=repr)])


def _put_run(
    direct: Direct, system_id: int, rows: int, closed: int, *, now: datetime, midnight: datetime, confirmed: bool
) -> None:
    """One run for all that was pushed today and no person let in (`cases.merge_pushes`)."""
    merged = () if confirmed else direct.rows(_TODAYS, system_id=system_id, midnight=midnight)
    direct.run(
        _ADD_RUN,
        system_id=system_id,
        at=now,
        as_of=now,
        mode=sets.PUSHED,
        digest=sets.CONFIRMED if confirmed else "",
        rows=rows + sum(each[2] for each in merged),
        closed=closed + sum(each[1] for each in merged),
        outcome="applied",
    )
    for each in merged:
        direct.run(_DROP_RUN, id=each[0])
