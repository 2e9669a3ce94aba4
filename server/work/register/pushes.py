"""Takes in what a case system pushes, case by case: checked as an export is, all of a request or nothing, once.

A push makes the cases it names fresh, and never the register as a whole. No page and no wording lives here.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from server.core.days import midnight
from server.core.log.entries import Body, EntryKind
from server.core.model import PushState
from server.core.naming import name_key
from server.core.problems import ApiProblem, PushRefusedError
from server.core.register.one_case import AssignmentFields, CaseContent, CaseFields, LinkFields, MomentFields
from server.sources.case_file import read
from server.sources.pushed import BodyRefused, OpenPush, PushedCase, PushFault, open_push
from server.store import log
from server.store.admin import organisation
from server.store.admin.accounts import TokenRow
from server.store.database import Connection
from server.store.prepared import Direct
from server.store.register import cases, one_case, pushed_changes
from server.store.register.cases import ExportPart, Staged
from server.store.register.one_case import ToldCase
from server.store.register.pushed_changes import PushedChangeRow
from server.work.context import Context
from server.work.register.intake import stage_batch, tripped_by, word

ANY = "*"
"""In place of an ETag: whatever the case is by now."""
_PARTS = frozenset({ExportPart.CASES, ExportPart.CONTACTS, ExportPart.ASSIGNMENTS, ExportPart.MOMENTS})
_FEW = 50


@dataclass(frozen=True, slots=True)
class PushItem:
    """One case, where it stands in the body, and as what its sender knows it.

    lenient: `ANY` lets a case in that is not known yet, too.
    """

    pointer: str
    case: PushedCase
    if_match: str | None = None
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What a program asks. key: its own, by which a repetition is known. target: what it asked it of. raw: the body."""

    program: TokenRow
    key: str
    target: str
    items: Sequence[PushItem] = field(repr=False)
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaseState:
    """A case as programs know it. etag: None: it is not known."""

    address: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class TakenPush:
    """A request that was taken in, and its cases in the order of the request as they are now."""

    change: PushedChangeRow
    cases: tuple[CaseState, ...]


def push(context: Context, asked: PushRequest) -> TakenPush:
    """Take in a request, or say what became of it when it came before.

    Raises BodyRefused: a case has a fault as a row of a file can have; PushRefusedError: another reason. Nothing went
    in then.
    """
    system = case_system_of(asked.program)
    known, now = _push_one(context, asked, system) if len(asked.items) == 1 else _push_many(context, asked, system)
    if known.state is PushState.STOPPED:
        raise PushRefusedError(ApiProblem.STOPPED, change=known.uid)
    context.store.take_stock(known.changed)
    return TakenPush(known, now)


def _push_many(context: Context, asked: PushRequest, system: str) -> tuple[PushedChangeRow, tuple[CaseState, ...]]:
    """By way of a file: as sets."""
    program = asked.program
    key, request = _hashes(context, asked)
    faults = [PushFault(each, "case_twice") for each in _twice(asked.items)]
    if faults:
        raise BodyRefused(faults)
    with context.store.read() as connection:
        known = pushed_changes.of_key(connection, program.uid, key)
        _require_gate(context, connection, program)
    if _done(known, request) and known is not None:
        return known, _as_now(context, asked)
    now = context.now()
    opened = open_push([(each.pointer, each.case) for each in asked.items], system, now, asked.raw)
    with cases.staging(context.store, system, full=False, parts=_PARTS, small=len(asked.items) <= _FEW) as staged:
        staged.pushed = True
        rows = _stage(context, opened, staged)
        connection = staged.connection.execution_options(closeout_write=True)
        with connection.begin(), context.store.counted():
            system_id = cases.hold_system(connection, system)
            known = pushed_changes.of_key(connection, program.uid, key)  # it may have come twice at once
            if not _done(known, request):
                if program.employer and cases.named_elsewhere(connection, system_id, program.employer):
                    raise PushRefusedError(ApiProblem.OTHER_EMPLOYER)
                _require_conditions(context, connection, system, asked.items)
                known = _enter(context, staged, connection, _Entry(asked, key, request, now, rows, known))
    if known is None:
        raise RuntimeError("a request that was entered is kept")
    return known, () if known.state is PushState.STOPPED else _as_now(context, asked)


def _push_one(context: Context, asked: PushRequest, system: str) -> tuple[PushedChangeRow, tuple[CaseState, ...]]:
    """By a way of its own, in one transaction: for one row, most of a file's way is work for nothing."""
    (item,), program = asked.items, asked.program
    key, request = _hashes(context, asked)
    now = context.now()
    told, faults = _read_one(context, item, system, now, asked.raw)
    with context.store.write() as connection:
        direct = Direct(connection)
        system_id = one_case.hold_system(direct, system)
        change = pushed_changes.of_key(connection, program.uid, key)
        _require_gate(context, connection, program)
        known = one_case.read_case(direct, system_id, item.case.number)
        if _done(change, request) and change is not None:
            return change, (_state(context, system, item, known.content),)
        if faults:
            raise BodyRefused(faults)
        told = _spelt(context, connection, direct, told)
        if program.employer and one_case.named_elsewhere(connection, known, told.content, program.employer):
            raise PushRefusedError(ApiProblem.OTHER_EMPLOYER)
        etag = None if known.content is None else _etag(context, known.content.said())
        _require_fits(asked.items, {} if etag is None else {item.case.number: etag})
        entry = _Entry(asked, key, request, now, told.rows, change)
        weight = one_case.weigh(connection, known, told.content, midnight(context.today()))
        stopped = not entry.confirmed and bool(tripped_by(weight, context.policy.max_closures_factor))
        touched, lapsed = False, 0
        if not stopped:
            touched, lapsed = one_case.apply(
                direct, known, told, now=now, midnight=midnight(context.today()), confirmed=entry.confirmed
            )
        row = _keep(connection, system, entry, stopped=stopped, changed=int(touched), lapsed=lapsed)
    return row, (_state(context, system, item, told.content),)


def _read_one(
    context: Context, item: PushItem, system: str, now: datetime, raw: bytes
) -> tuple[ToldCase, Sequence[PushFault]]:
    """The case as rows, workers as they are spelt in the request; and what is wrong with it."""
    opened = open_push([(item.pointer, item.case)], system, now, raw)
    found: dict[ExportPart, list[Mapping[str, Any]]] = {}
    faults: list[PushFault] = []
    rows = 0
    spelt: dict[str, str] = {}
    for batch in read(opened.export):
        bad = [
            *batch.faults,
            *stage_batch(
                context.keys.tokeniser, batch, lambda part, rows: found.setdefault(part, []).extend(rows), spelt
            ),
        ]
        faults += [fault for fault in map(opened.fault, bad) if fault is not None]
        rows += batch.records
    links = {each["token"]: each for each in found.get(ExportPart.CONTACTS, ())}
    on_it = {(each["worker_ref"], each["from_at"]): each for each in found.get(ExportPart.ASSIGNMENTS, ())}
    fields = found.get(ExportPart.CASES) or [dict.fromkeys(CaseFields._fields)]
    content = CaseContent(
        CaseFields(*(fields[-1][name] for name in CaseFields._fields)),
        frozenset(
            LinkFields(each["token"], each["person"], each["class"], each["linked"], each["former_since"])
            for each in links.values()
        ),
        frozenset(AssignmentFields(*(each[name] for name in AssignmentFields._fields)) for each in on_it.values()),
        frozenset(MomentFields(each["worker_ref"], each["on_date"]) for each in found.get(ExportPart.MOMENTS, ())),
    )
    verified = {token: bool(each["verified"]) for token, each in links.items()}
    told = ToldCase(item.case.number, content, verified, rows, case_address(context, system, item.case.number))
    return told, list(dict.fromkeys(faults))


def _spelt(context: Context, connection: Connection, direct: Direct, told: ToldCase) -> ToldCase:
    """The same with workers spelt as they are here."""
    content = told.content
    named = {each.worker_ref for each in content.assignments} | {each.worker_ref for each in content.moments}
    known = organisation.spellings_of_workers(context.store, one_case.refs_of_workers(direct))
    if any(name_key(each) not in known for each in named):
        known = organisation.worker_spellings(connection)
    other = {each: known.get(name_key(each), each) for each in named}
    if all(each == spelt for each, spelt in other.items()):
        return told
    return replace(
        told,
        content=replace(
            content,
            assignments=frozenset(each._replace(worker_ref=other[each.worker_ref]) for each in content.assignments),
            moments=frozenset(each._replace(worker_ref=other[each.worker_ref]) for each in content.moments),
        ),
    )


def _state(context: Context, system: str, item: PushItem, content: CaseContent | None) -> CaseState:
    number = item.case.number
    return CaseState(case_address(context, system, number), None if content is None else _etag(context, content.said()))


def find_case(context: Context, program: TokenRow, number: str) -> CaseState:
    """The address and the present ETag of a case of the program's system. Raises PushRefusedError."""
    system = case_system_of(program)
    address = case_address(context, system, number)
    with context.store.read() as connection:
        case_id = cases.of_number(connection, system, number)
        if case_id is None:
            return CaseState(address, None)
        if program.employer and cases.worked_elsewhere(connection, [case_id], program.employer):
            raise PushRefusedError(ApiProblem.OTHER_EMPLOYER)
        etag = _etags(context, connection, system, [number])[number]
        told = cases.at_address(connection, system, address)
    if told is None:
        with context.store.write() as connection:
            cases.put_addresses(connection, system, {number: address})
    return CaseState(address, etag)


def find_change(context: Context, program: TokenRow, uid: str) -> PushedChangeRow:
    """A request of the program's system that was taken. Raises PushRefusedError."""
    system = case_system_of(program)
    with context.store.read() as connection:
        found = pushed_changes.find_change(connection, uid)
    if found is None or found.case_system != system:
        raise PushRefusedError(ApiProblem.NOT_FOUND)
    return found


def confirm_change(context: Context, uid: str) -> bool:
    """A person has seen why the breaker stopped a request, and means it; False: there is none that is stopped."""
    now = context.now()
    with context.store.write() as connection:
        found = pushed_changes.find_change(connection, uid)
        if found is None or not pushed_changes.confirm(connection, uid, now):
            return False
        log.append(connection, now, [_line(found.case_system, cases.CONFIRMED, found.request, found.cases)])
    return True


def address_of(context: Context, program: TokenRow, case: PushedCase) -> str:
    """By which address programs know a case."""
    return case_address(context, case_system_of(program), case.number)


def case_system_of(program: TokenRow) -> str:
    """The case system a token is for. Raises PushRefusedError: for none."""
    if program.case_system is None:
        raise PushRefusedError(ApiProblem.NO_SYSTEM)
    return program.case_system


@dataclass(frozen=True, slots=True)
class _Entry:
    asked: PushRequest
    key: bytes
    request: bytes
    now: datetime
    rows: int
    known: PushedChangeRow | None

    @property
    def confirmed(self) -> bool:
        """Whether a person let it go on."""
        return self.known is not None and self.known.confirmed_at is not None


def _enter(context: Context, staged: Staged, connection: Connection, entry: _Entry) -> PushedChangeRow:
    """Let what is staged become the register, or stop it where far more closes than usual."""
    asked, now, system = entry.asked, entry.now, staged.system
    today = midnight(context.today())
    weight = staged.weigh_within(today)
    stopped = not entry.confirmed and bool(tripped_by(weight, context.policy.max_closures_factor))
    if stopped:
        return _keep(connection, system, entry, stopped=True, changed=0, lapsed=0)
    digest = cases.CONFIRMED if entry.confirmed else ""
    applied = cases.apply(connection, staged, now=now, as_of=now, digest=digest, rows=entry.rows)
    if not entry.confirmed:
        cases.merge_pushes(connection, system, today)
    cases.put_addresses(
        connection, system, {each.case.number: case_address(context, system, each.case.number) for each in asked.items}
    )
    return _keep(connection, system, entry, stopped=False, changed=applied.touched, lapsed=applied.lapsed)


def _keep(
    connection: Connection, system: str, entry: _Entry, *, stopped: bool, changed: int, lapsed: int
) -> PushedChangeRow:
    """Keep what became of a request, and tell the log."""
    asked, now = entry.asked, entry.now
    uid = entry.known.uid if entry.known is not None else uuid.uuid4().hex
    state = PushState.STOPPED if stopped else PushState.APPLIED
    row = PushedChangeRow(uid, asked.program.uid, entry.request, system, now, state, len(asked.items), changed)
    pushed_changes.put_change(connection, row, entry.key)
    answers: Body = {"verb": "lapsed", "count": lapsed}
    line = _line(system, state.value, entry.request, len(asked.items) if stopped else changed)
    log.append(connection, now, [*([(EntryKind.CLOSURE_ANSWERED, answers)] if lapsed else []), line])
    return row


def _line(system: str, outcome: str, request: bytes, count: int) -> tuple[EntryKind, Body]:
    """The digest is keyed: by a plain one of so short a body somebody could try numbers."""
    body: Body = {
        "case_system": word(system),
        "mode": "pushed",
        "outcome": outcome,
        "digest": request.hex(),
        "count": count,
    }
    return EntryKind.REGISTER_CHANGED, body


def _stage(context: Context, opened: OpenPush, staged: Staged) -> int:
    """Stage the rows of a request; returns how many. Raises BodyRefused with all their faults."""
    faults: list[PushFault] = []
    rows = 0
    with context.store.read() as connection:
        spelt = organisation.worker_spellings(connection)
    for batch in read(opened.export):
        bad = [*batch.faults, *stage_batch(context.keys.tokeniser, batch, staged.add, spelt)]
        faults += [found for found in map(opened.fault, bad) if found is not None]
        rows += batch.records
    if faults:
        raise BodyRefused(list(dict.fromkeys(faults)))
    return rows


def _require_gate(context: Context, connection: Connection, program: TokenRow) -> None:
    if program.employer and not organisation.may_remove_for(connection, program.employer, context.today()):
        raise PushRefusedError(ApiProblem.GATE_CLOSED)


def _require_conditions(context: Context, connection: Connection, system: str, items: Sequence[PushItem]) -> None:
    """Whoever changes a case says as what they know it: two that overtake each other do not undo each other."""
    _require_fits(items, _etags(context, connection, system, [each.case.number for each in items]))


def _require_fits(items: Sequence[PushItem], etags: Mapping[str, str]) -> None:
    unsaid = [each.pointer for each in items if each.if_match is None and each.case.number in etags]
    if unsaid:
        raise PushRefusedError(ApiProblem.CONDITION_NEEDED, unsaid)
    other = [each.pointer for each in items if not _fits(each, etags.get(each.case.number))]
    if other:
        raise PushRefusedError(ApiProblem.CASE_CHANGED, other)


def _fits(item: PushItem, etag: str | None) -> bool:
    if item.if_match is None:
        return etag is None
    if item.if_match == ANY:
        return etag is not None or item.lenient
    return item.if_match == etag


def _done(known: PushedChangeRow | None, request: bytes) -> bool:
    """Whether a request was taken in already. Raises PushRefusedError: another came with its key; or it is stopped."""
    if known is None:
        return False
    if known.request != request:
        raise PushRefusedError(ApiProblem.KEY_REUSED)
    if known.state is PushState.STOPPED and known.confirmed_at is None:
        raise PushRefusedError(ApiProblem.STOPPED, change=known.uid)
    return known.state is PushState.APPLIED


def _as_now(context: Context, asked: PushRequest) -> tuple[CaseState, ...]:
    system = case_system_of(asked.program)
    numbers = [each.case.number for each in asked.items]
    with context.store.read() as connection:
        etags = _etags(context, connection, system, numbers)
    return tuple(CaseState(case_address(context, system, each), etags.get(each)) for each in numbers)


def _etags(context: Context, connection: Connection, system: str, numbers: Sequence[str]) -> Mapping[str, str]:
    """The ETag of each of these cases that is known: keyed, so that nobody can try what would give it."""
    states = cases.states(connection, system, numbers)
    return {number: _etag(context, said) for number, said in states.items()}


def _etag(context: Context, said: str) -> str:
    return f'"{context.keys.sealer.hash(said, "case.state").hex()[:32]}"'


def case_address(context: Context, system: str, number: str) -> str:
    """By which address programs know a case of that system."""
    return context.keys.sealer.hash(f"{system}\0{number}", "case.address").hex()[:32]


def _hashes(context: Context, asked: PushRequest) -> tuple[bytes, bytes]:
    """Of the sender's key, and of what it sent, conditions and all."""
    sealer = context.keys.sealer
    said = [asked.target, *(each.if_match or "" for each in asked.items), hashlib.sha256(asked.raw).hexdigest()]
    return (
        sealer.hash(f"{asked.program.uid} {asked.key}", "pushed_change.key"),
        sealer.hash("\0".join(said), "pushed_change.request"),
    )


def _twice(items: Sequence[PushItem]) -> Sequence[str]:
    seen: set[str] = set()
    found = []
    for each in items:
        if each.case.number in seen:
            found.append(each.pointer)
        seen.add(each.case.number)
    return found
