"""Takes in an export of a case register: rows to tokens, staged, weighed by the breaker, applied in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from server.core.days import midnight
from server.core.identity.reading import read_registered, service_number
from server.core.identity.tokens import Tokeniser
from server.core.log.entries import Body, EntryKind
from server.core.naming import name_key, plain_name
from server.sources.case_file import OpenExport, read
from server.sources.rows import (
    AssignmentRow,
    Batch,
    CaseRow,
    ContactRow,
    FileFault,
    MomentRow,
    Problem,
)
from server.store import log
from server.store.admin import organisation
from server.store.register import cases
from server.store.register.cases import Applied, ExportPart, ImportWeight, Staged
from server.store.removal import needs
from server.work.context import Context

AddRows = Callable[[ExportPart, Sequence[Mapping[str, Any]]], None]
"""Takes rows of one sort; the last of rows with the same key counts."""
_KEPT_FAULTS = 200
_FEWEST_CLOSURES = 20
"""Below this many, closures never trip the breaker: a small organisation's busy day is no outage."""
_AHEAD = timedelta(hours=1)
"""No two clocks of an organisation are further apart."""
_WITHOUT_TIME = frozenset({Problem.NO_TIME_OF_EXPORT, Problem.FUTURE_EXPORT})
_OF_THE_MAPPING = _WITHOUT_TIME | {
    *(Problem.UNKNOWN_HEADER, Problem.MISSING_COLUMN, Problem.DUPLICATE_HEADER, Problem.MISSING_FILE),
    *(Problem.MISSING_SHEET, Problem.SEVERAL_SHEETS, Problem.WRONG_ENCODING, Problem.UNKNOWN_PHASE),
    *(Problem.UNKNOWN_CLASS, Problem.UNKNOWN_ANSWER, Problem.UNKNOWN_CONDITION, Problem.BAD_DATE),
    *(Problem.ABSURD_DATE,),
}
"""What a change of the mapping mends: to take the sound rows would be to leave out what it was written for."""


class IntakeOutcome(StrEnum):
    """What became of an export."""

    APPLIED = "applied"
    FAULTY = "faulty"
    """Nothing went in: some rows are wrong. With `partial` the sound ones may, if there are any."""
    NOT_BEGUN = "not_begun"
    """Nothing went in: the first export of a case system must be sound. Another mapping may name another system, and
    what is in cannot be taken out again."""
    STOPPED = "stopped"
    """Nothing went in: the breaker asks a person first."""
    OLDER = "older"
    """Nothing went in: an export made later was taken in already."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What taking in an export came to.

    rows: of the files, sound or not. partial_helps: the sound rows are worth taking, and the mapping is not what is
    wrong.
    """

    outcome: IntakeOutcome
    system: str
    rows: int
    faults: tuple[FileFault, ...]
    fault_count: int
    weight: ImportWeight | None = None
    tripped: tuple[str, ...] = ()
    applied: Applied | None = None
    partial_helps: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading an export to its end told. sound: rows of the register that were staged."""

    rows: int
    sound: int
    faults: tuple[FileFault, ...]
    count: int


def take_in(context: Context, export: OpenExport, *, partial: bool = False, confirmed: bool = False) -> Intake:
    """Read an export to its end, then let it become the register, or nothing of it.

    partial: take the sound rows of a faulty export; how fresh the register is stays what it was. confirmed: a person
    has seen what the breaker said and means it. The file is read without a transaction; only applying takes one.
    """
    header = export.header
    full = header.mode == "full"
    if export.latest > context.now() + _AHEAD:
        fault = FileFault(header.files[0], None, None, Problem.FUTURE_EXPORT)
        return Intake(IntakeOutcome.FAULTY, header.system, 0, (fault,), 1)
    with cases.staging(context.store, header.system, full=full, parts=_parts(export)) as staged:
        found = _stage(context, export, staged)
        rows, faults, count = found.rows, found.faults, found.count
        now = context.now()
        with context.store.read() as connection:
            newest = cases.last_as_of(connection, header.system, now)
        problems = {fault.problem for fault in faults}
        helps = found.sound > 0 and newest is not None and not problems & _OF_THE_MAPPING
        if count and (not partial or not found.sound or problems & _WITHOUT_TIME):
            return Intake(IntakeOutcome.FAULTY, header.system, rows, faults, count, partial_helps=helps)
        if count and newest is None:
            return Intake(IntakeOutcome.NOT_BEGUN, header.system, rows, faults, count)
        # A row with a fault gives nothing, so a case that is missing may just have one: it has not vanished.
        staged.full = full and not count
        staged.sound = not count
        if newest is not None and header.as_of < newest:
            return Intake(IntakeOutcome.OLDER, header.system, rows, faults, count)
        staged.as_of = header.as_of
        staged.leave_told_since()
        weight = staged.weigh(midnight(context.today()))
        tripped = () if confirmed else tripped_by(weight, context.policy.max_closures_factor)
        if tripped:
            with context.store.write() as connection:
                body: Body = {
                    "case_system": word(header.system),
                    "mode": header.mode.value,
                    "outcome": "stopped",
                    "what": list(tripped),
                    "digest": header.digest.hex(),
                    "count": rows,
                }
                log.append(connection, now, [(EntryKind.REGISTER_CHANGED, body)])
            return Intake(IntakeOutcome.STOPPED, header.system, rows, faults, count, weight, tripped)
        connection = staged.connection.execution_options(closeout_write=True)
        with connection.begin(), context.store.counted():
            cases.hold_system(connection, header.system)
            needs.mend_times(connection, now, context.policy.longest_wait)
            applied = cases.apply(
                connection, staged, now=now, as_of=min(header.as_of, now), digest=header.digest.hex(), rows=rows
            )
            cases.forget_proven(connection, now, timedelta(days=context.policy.tombstone_days))
            body = {
                "case_system": word(header.system),
                "mode": header.mode.value,
                "outcome": "applied",
                "digest": header.digest.hex(),
                "count": applied.touched,
            }
            log.append(connection, now, [(EntryKind.REGISTER_CHANGED, body)])
            if applied.lapsed:
                log.append(connection, now, [(EntryKind.CLOSURE_ANSWERED, {"verb": "lapsed", "count": applied.lapsed})])
    context.store.take_stock(applied.touched)
    return Intake(IntakeOutcome.APPLIED, header.system, rows, faults, count, weight, (), applied)


def _stage(context: Context, export: OpenExport, staged: Staged) -> _Read:
    rows = sound = count = 0
    faults: list[FileFault] = []
    with context.store.read() as connection:
        spelt = organisation.worker_spellings(connection)
    for batch in read(export):
        bad = list(stage_batch(context.keys.tokeniser, batch, staged.add, spelt))
        faults += [*batch.faults, *bad][: _KEPT_FAULTS - len(faults)]
        count += batch.fault_count + len(bad)
        rows += batch.records
        sound += len(batch.rows) - len(bad)
        context.progress(int(batch.share * 1000), 1000)
    return _Read(rows, sound, tuple(faults), count)


def stage_batch(tokeniser: Tokeniser, batch: Batch, add: AddRows, spelt: dict[str, str]) -> Iterator[FileFault]:
    """Hand one batch over as rows; yields contacts that are no number or address, or an unreadable one."""
    add(
        ExportPart.CASES,
        [
            {
                "number": row.number,
                "phase": row.phase.value,
                "opened_on": row.opened_on,
                "closed_at": row.closed_at,
                "recorded": bool(row.recorded),
                "transferred_on": row.transferred_on,
                "monitoring_from": row.monitoring_from,
                "plan_counts_from": row.plan_counts_from,
            }
            for row in batch.rows
            if isinstance(row, CaseRow)
        ],
    )
    add(
        ExportPart.ASSIGNMENTS,
        [
            {
                "number": row.case_number,
                "worker_ref": spelt.setdefault(name_key(row.worker), plain_name(row.worker)),
                "from_at": row.from_at,
                "until_at": row.until_at,
                "role": row.role,
            }
            for row in batch.rows
            if isinstance(row, AssignmentRow)
        ],
    )
    add(
        ExportPart.MOMENTS,
        [
            {
                "number": row.case_number,
                "worker_ref": spelt.setdefault(name_key(row.worker), plain_name(row.worker)),
                "on_date": row.on,
            }
            for row in batch.rows
            if isinstance(row, MomentRow)
        ],
    )
    contacts = [row for row in batch.rows if isinstance(row, ContactRow)]
    links: list[dict[str, object]] = []
    known: list[dict[str, object]] = []
    for row in contacts:
        found, unreadable = read_registered(row.value)
        if row.case_number is None:
            service = service_number(row.value)
            found = found if service is None else (service,)
        if unreadable:
            yield batch.fault(row, Problem.UNREADABLE_NUMBER)
        elif not found:
            yield batch.fault(row, Problem.NOT_AN_IDENTIFIER)
        for each in found:
            token = bytes(tokeniser.token(each))
            if row.case_number is None:
                known.append({"token": token, "verified": each.verified, "class": row.contact_class.value})
            else:
                links.append(
                    {
                        "number": row.case_number,
                        "token": token,
                        "verified": each.verified,
                        "person": row.person or "",
                        "class": row.contact_class.value,
                        "linked": row.linked,
                        "former_since": row.former_since and midnight(row.former_since),
                    }
                )
    add(ExportPart.CONTACTS, links)
    add(ExportPart.DIRECTORY, known)


def tripped_by(weight: ImportWeight, factor: float) -> tuple[str, ...]:
    """Which limits an export breaks, if any."""
    return tuple(_tripped(weight, factor))


def _tripped(weight: ImportWeight, factor: float) -> Iterable[str]:
    """Which limits an export breaks: far more closures than usual, known cases missing from a full one.

    Closures are counted with those of today, else many small exports would pass where one large one stops; but for an
    import that broke the limit by itself, since a person let that one in.
    """
    usual = weight.known / 2 if weight.usual is None else factor * weight.usual
    most = max(_FEWEST_CLOSURES, usual)
    if weight.known and weight.closes and weight.closes + sum(each for each in weight.today if each <= most) > most:
        yield "closures"
    if weight.vanishes:
        yield "vanished"


def _parts(export: OpenExport) -> frozenset[ExportPart]:
    """Which sorts of rows the files of an export bring."""
    parts: set[ExportPart] = set()
    for part in export.parts:
        parts |= {ExportPart.CASES} if part.kind.case else set()
        parts |= {ExportPart.CONTACTS, ExportPart.DIRECTORY} if part.kind.contact else set()
        parts |= {ExportPart.ASSIGNMENTS} if part.kind.assignment else set()
        parts |= {ExportPart.MOMENTS} if part.kind.moment else set()
    return frozenset(parts)


def word(name: str) -> str:
    """A case system's name as the log may carry it."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:64] or "-"
