"""Takes in what a case system pushes, case by case: checked as an export is, all of a request or nothing, once.

A push makes the cases it names fresh, and never the register as a whole. No page and no wording lives here.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from server.core.log.entries import Body, EntryKind
from server.core.model import PushState
from server.core.problems import ApiProblem, PushRefusedError
from server.sources.case_file import read
from server.sources.pushed import BodyRefused, OpenPush, PushedCase, PushFault, open_push
from server.store import log
from server.store.admin import organisation
from server.store.admin.accounts import TokenRow
from server.store.database import Connection
from server.store.register import cases, pushed_changes
from server.store.register.cases import ExportPart, Staged
from server.store.register.pushed_changes import PushedChangeRow
from server.work.context import Context
from server.work.register.intake import midnight, stage_batch, tripped_by, word

ANY = "*"
"""In place of an ETag: whatever the case is by now."""
_PARTS = frozenset({ExportPart.CASES, ExportPart.CONTACTS, ExportPart.ASSIGNMENTS, ExportPart.MOMENTS})
_CONFIRMED = "confirmed"
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
    program, system = asked.program, case_system_of(asked.program)
    key, request = _hashes(context, asked)
    faults = [PushFault(each, "case_twice") for each in _twice(asked.items)]
    if faults:
        raise BodyRefused(faults)
    with context.store.read() as connection:
        known = pushed_changes.of_key(connection, program.uid, key)
        _require_gate(context, connection, program)
    if _done(known, request):
        return _as_now(context, asked, known)
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
    if known.state is PushState.STOPPED:
        raise PushRefusedError(ApiProblem.STOPPED, change=known.uid)
    context.store.take_stock(known.changed)
    return _as_now(context, asked, known)


def find_case(context: Context, program: TokenRow, number: str) -> CaseState:
    """The address and the present ETag of a case of the program's system. Raises PushRefusedError."""
    system = case_system_of(program)
    address = _address(context, system, number)
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
        log.append(connection, now, [_line(found.case_system, _CONFIRMED, found.request, found.cases)])
    return True


def address_of(context: Context, program: TokenRow, case: PushedCase) -> str:
    """By which address programs know a case."""
    return _address(context, case_system_of(program), case.number)


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


def _enter(context: Context, staged: Staged, connection: Connection, entry: _Entry) -> PushedChangeRow:
    """Let what is staged become the register, or stop it where far more closes than usual."""
    asked, now, system = entry.asked, entry.now, staged.system
    confirmed = entry.known is not None and entry.known.confirmed_at is not None
    uid = entry.known.uid if entry.known is not None else uuid.uuid4().hex
    today = midnight(context.today())
    weight = staged.weigh_within(today)
    stopped = not confirmed and bool(tripped_by(weight, context.policy.max_closures_factor))
    changed = 0
    if not stopped:
        digest = _CONFIRMED if confirmed else ""
        applied = cases.apply(connection, staged, now=now, as_of=now, digest=digest, rows=entry.rows)
        changed = applied.touched
        if not confirmed:
            cases.merge_pushes(connection, system, today)
        cases.put_addresses(
            connection, system, {each.case.number: _address(context, system, each.case.number) for each in asked.items}
        )
        if applied.lapsed:
            log.append(connection, now, [(EntryKind.CLOSURE_ANSWERED, {"verb": "lapsed", "count": applied.lapsed})])
    state = PushState.STOPPED if stopped else PushState.APPLIED
    row = PushedChangeRow(uid, asked.program.uid, entry.request, system, now, state, len(asked.items), changed)
    pushed_changes.put_change(connection, row, entry.key)
    log.append(connection, now, [_line(system, state.value, entry.request, len(asked.items) if stopped else changed)])
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
        bad = [*batch.faults, *stage_batch(context.keys.tokeniser, batch, staged, spelt)]
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
    etags = _etags(context, connection, system, [each.case.number for each in items])
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


def _as_now(context: Context, asked: PushRequest, change: PushedChangeRow | None) -> TakenPush:
    if change is None:
        raise RuntimeError("a request that is done is kept")
    system = case_system_of(asked.program)
    numbers = [each.case.number for each in asked.items]
    with context.store.read() as connection:
        etags = _etags(context, connection, system, numbers)
    return TakenPush(change, tuple(CaseState(_address(context, system, each), etags.get(each)) for each in numbers))


def _etags(context: Context, connection: Connection, system: str, numbers: Sequence[str]) -> Mapping[str, str]:
    """The ETag of each of these cases that is known: keyed, so that nobody can try what would give it."""
    states = cases.states(connection, system, numbers)
    return {number: f'"{context.keys.sealer.hash(said, "case.state").hex()[:32]}"' for number, said in states.items()}


def _address(context: Context, system: str, number: str) -> str:
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
