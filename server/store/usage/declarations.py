"""Declarations and what belongs to them: texts, holdings, signatures, contests, talks, checks; and reports' memory."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, func, select, update

from server.core.days import AMSTERDAM
from server.core.model import FindingKind, Phase
from server.core.reports.disclosure import Cell, Release
from server.core.usage.channels import Involvement
from server.core.usage.counterparties import NEVER, Days, gaps_of
from server.core.usage.declarations import (
    Contest,
    Declaration,
    DeclarationState,
    Holding,
    PeriodicCheck,
    SignedHow,
    TextVersion,
)
from server.core.usage.model import Quantity, Span
from server.core.workdays import add_months
from server.store.database import insert, insert_many
from server.store.findings import BY_ITSELF
from server.store.removal import closures
from server.store.schema.base import assignment, case_system, cases, deviation, device, finding, moment, place, worker
from server.store.schema.usage import (
    checked_holding,
    contest,
    conversation,
    declaration,
    declaration_reminder,
    declaration_text,
    device_holding,
    figure_seen,
    periodic_check,
    released_cells,
)
from server.store.seal import Sealer
from server.store.usage import case_days
from server.store.usage.circumstances import duty_days

_CHUNK = 400


class TextChangedError(Exception):
    """A version of the text has other words than when it was first recorded: what was signed must not change."""


# --- texts ----------------------------------------------------------------------------------------------------------


def put_texts(connection: Connection, texts: Iterable[tuple[TextVersion, Mapping[str, str]]]) -> None:
    """Record texts in force; the words of a version that is known must be the same. Raises TextChangedError."""
    known = {
        (row.version, row.language): row.digest
        for row in connection.execute(
            select(declaration_text.c.version, declaration_text.c.language, declaration_text.c.digest)
        )
    }
    for version, said in texts:
        for language, words in said.items():
            digest = hashlib.sha256(words.encode()).hexdigest()
            if known.get((version.version, language), digest) != digest:
                raise TextChangedError
            statement = insert(connection, declaration_text).values(
                version=version.version,
                language=language,
                valid_from=version.valid_from,
                obsolete_from=version.obsolete_from,
                text=words,
                digest=digest,
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["version", "language"],
                    set_={"valid_from": version.valid_from, "obsolete_from": version.obsolete_from},
                )
            )


def read_texts(connection: Connection) -> Sequence[TextVersion]:
    """Every version that was ever recorded."""
    rows = connection.execute(
        select(declaration_text.c.version, declaration_text.c.valid_from, declaration_text.c.obsolete_from)
        .distinct()
        .order_by(declaration_text.c.valid_from)
    )
    return [TextVersion(row.version, row.valid_from, row.obsolete_from) for row in rows]


# --- who has which device -------------------------------------------------------------------------------------------


def put_loan_agreement(connection: Connection, of_device: int, of_worker: int, reference: str, on: date) -> None:
    """The loan agreement of the holding that runs."""
    connection.execute(
        update(device_holding)
        .where(
            device_holding.c.device_id == of_device,
            device_holding.c.worker_id == of_worker,
            device_holding.c.last.is_(None),
        )
        .values(loan_agreement=reference, loan_agreement_on=on)
    )


def read_holdings(connection: Connection, *, running_only: bool = False) -> Sequence[Holding]:
    """Who had which device when, in the order of devices. running_only: who has each now, as the last list has it."""
    query = select(device_holding).order_by(device_holding.c.device_id, device_holding.c.first)
    if running_only:
        query = query.join(device, device.c.id == device_holding.c.device_id).where(
            device_holding.c.last.is_(None), device.c.worker_id == device_holding.c.worker_id
        )
    return [
        Holding(row.worker_id, row.device_id, Span(row.first, row.last), row.loan_agreement_on)
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class DeviceNames:
    """A device with its reference, its worker's and their team."""

    device: int
    worker: int
    device_ref: str
    worker_ref: str
    team: str


def device_names(connection: Connection) -> Mapping[int, DeviceNames]:
    """Every device by our number."""
    rows = connection.execute(
        select(device.c.id, device.c.ref, worker.c.id.label("of"), worker.c.ref.label("worker_ref"), worker.c.team)
        .join(worker, worker.c.id == device.c.worker_id)
        .order_by(device.c.id)
    )
    return {row.id: DeviceNames(row.id, row.of, row.ref, row.worker_ref, row.team) for row in rows}


# --- signatures -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewDeclaration:
    """A signature to record."""

    device: int
    worker: int
    version: str
    language: str
    signed_on: date
    how: SignedHow
    valid_until: date
    scan_digest: str | None = None
    countersigned_on: date | None = None
    countersigned_by: str | None = None


def sign(connection: Connection, new: NewDeclaration, now: datetime) -> str | None:
    """Record a signature; its id, or None if this very signature is there already."""
    uid = uuid.uuid4().hex[:12]
    made = connection.execute(
        insert(connection, declaration)
        .values(
            uid=uid,
            device_id=new.device,
            worker_id=new.worker,
            version=new.version,
            language=new.language,
            signed_on=new.signed_on,
            how=new.how.value,
            scan_digest=new.scan_digest,
            recorded_at=now,
            countersigned_on=new.countersigned_on,
            countersigned_by=new.countersigned_by,
            valid_until=new.valid_until,
        )
        .on_conflict_do_nothing(index_elements=["device_id", "worker_id", "version", "signed_on"])
        .returning(declaration.c.uid)
    ).first()
    return None if made is None else uid


def countersign(connection: Connection, uid: str, on: date, by: str) -> bool:
    """Sign for the employer; False if there is no such signature that still waits for it."""
    done = connection.execute(
        update(declaration)
        .where(declaration.c.uid == uid, declaration.c.countersigned_on.is_(None))
        .values(countersigned_on=on, countersigned_by=by)
    )
    return bool(done.rowcount)


def revoke(connection: Connection, uid: str, on: date) -> bool:
    """End a signature, as on return of the device; False if there is none of that id in force."""
    done = connection.execute(
        update(declaration).where(declaration.c.uid == uid, declaration.c.revoked_on.is_(None)).values(revoked_on=on)
    )
    return bool(done.rowcount)


def read_declarations(connection: Connection) -> Sequence[Declaration]:
    """Every signature, oldest first."""
    return [
        Declaration(
            r.worker_id, r.device_id, r.version, r.signed_on, SignedHow(r.how), r.countersigned_on, r.revoked_on
        )
        for r in connection.execute(select(declaration).order_by(declaration.c.signed_on, declaration.c.id))
    ]


def declaration_ids(connection: Connection) -> Mapping[tuple[int, int, date], str]:
    """The id of each signature by device, worker and day."""
    return {
        (r.device_id, r.worker_id, r.signed_on): r.uid
        for r in connection.execute(select(declaration).order_by(declaration.c.id))
    }


# --- contests, talks, checks ----------------------------------------------------------------------------------------


def add_contest(
    connection: Connection, sealer: Sealer, *, of_device: int, quantity: Quantity | None, on: date, said: str
) -> str:
    """Keep what the worker wrote, sealed; returns its id."""
    uid = uuid.uuid4().hex[:12]
    connection.execute(
        contest.insert().values(
            uid=uid,
            device_id=of_device,
            quantity=None if quantity is None else quantity.value,
            on_date=on,
            sealed=sealer.seal(said, f"contest.{uid}"),
        )
    )
    return uid


def answer_contest(connection: Connection, uid: str, on: date) -> bool:
    """A person answered it; False if none of that id waits."""
    done = connection.execute(
        update(contest).where(contest.c.uid == uid, contest.c.answered_on.is_(None)).values(answered_on=on)
    )
    return bool(done.rowcount)


@dataclass(frozen=True, slots=True)
class ContestRow:
    """What a worker wrote of a figure, opened for who may read it."""

    uid: str
    device_ref: str
    quantity: Quantity | None
    on: date
    answered_on: date | None
    said: str = field(repr=False)


def open_contests(connection: Connection, sealer: Sealer) -> Sequence[ContestRow]:
    """Everything that was written, oldest first."""
    query = select(contest, device.c.ref).join(device, device.c.id == contest.c.device_id)
    return [
        ContestRow(
            r.uid,
            r.ref,
            None if r.quantity is None else Quantity(r.quantity),
            r.on_date,
            r.answered_on,
            sealer.open(r.sealed, f"contest.{r.uid}"),
        )
        for r in connection.execute(query.order_by(contest.c.on_date, contest.c.id))
    ]


def note_seen(connection: Connection, of_device: int, of_worker: int, month: int) -> None:
    """A worker saw the figures of their device up to this month; an older month takes nothing back."""
    statement = insert(connection, figure_seen).values(device_id=of_device, worker_id=of_worker, month=month)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["device_id", "worker_id"], set_={"month": month}, where=figure_seen.c.month < month
        )
    )


def last_seen(connection: Connection, of_device: int) -> int:
    """The newest month of which the one who has the device saw its figures; 0: none."""
    query = (
        select(figure_seen.c.month)
        .join(device, (device.c.id == figure_seen.c.device_id) & (device.c.worker_id == figure_seen.c.worker_id))
        .where(figure_seen.c.device_id == of_device)
    )
    return int(connection.execute(query).scalar() or 0)


def last_reminders(connection: Connection) -> Mapping[tuple[int, int], date]:
    """When each (device, worker) was last reminded."""
    return {(r.device_id, r.worker_id): r.sent_on for r in connection.execute(select(declaration_reminder))}


def note_reminders(connection: Connection, sent: Iterable[tuple[int, int]], on: date) -> None:
    """These (device, worker) were reminded that day."""
    for of_device, of_worker in sent:
        statement = insert(connection, declaration_reminder).values(
            device_id=of_device, worker_id=of_worker, sent_on=on
        )
        connection.execute(
            statement.on_conflict_do_update(index_elements=["device_id", "worker_id"], set_={"sent_on": on})
        )


def mailboxes(connection: Connection) -> Mapping[int, str]:
    """The mail address of each worker who has a mailbox among their places; one that two workers share is nobody's."""
    owners: dict[str, set[int]] = {}
    for row in connection.execute(select(place.c.address, place.c.worker_id).where(place.c.address.contains("@"))):
        owners.setdefault(row.address.casefold(), set()).add(row.worker_id)
    return {next(iter(whose)): address for address, whose in sorted(owners.items()) if len(whose) == 1}


def read_contests(connection: Connection) -> Sequence[Contest]:
    """That figures were contested, and when; not what was written."""
    return [
        Contest(r.device_id, None if r.quantity is None else Quantity(r.quantity), r.on_date, r.answered_on)
        for r in connection.execute(select(contest).order_by(contest.c.on_date, contest.c.id))
    ]


def add_conversation(
    connection: Connection, of_device: int, of_worker: int, on: date, now: datetime, role: str
) -> bool:
    """Record that worker and manager talked; False if that talk is there already."""
    made = connection.execute(
        insert(connection, conversation)
        .values(worker_id=of_worker, device_id=of_device, on_date=on, recorded_at=now, recorded_as=role)
        .on_conflict_do_nothing()
        .returning(conversation.c.on_date)
    ).first()
    return made is not None


def last_conversations(connection: Connection) -> Mapping[tuple[int, int], date]:
    """The last talk for each (worker, device)."""
    by = (conversation.c.worker_id, conversation.c.device_id)
    rows = connection.execute(select(*by, func.max(conversation.c.on_date)).group_by(*by))
    return {(row[0], row[1]): row[2] for row in rows}


def add_check(
    connection: Connection, check: PeriodicCheck, role: str, policy: str, loans: Mapping[tuple[int, int], bool]
) -> str:
    """Record a periodic check with its sample; returns its id."""
    uid = uuid.uuid4().hex[:12]
    number = connection.execute(
        periodic_check.insert()
        .values(uid=uid, on_date=check.on, checked_as=role, population=check.population, seed=check.seed, policy=policy)
        .returning(periodic_check.c.id)
    ).scalar_one()
    insert_many(
        connection,
        checked_holding,
        [
            {
                "check_id": number,
                "device_id": each.device,
                "worker_id": each.worker,
                "state": each.state.value,
                "loan_agreement": loans[each.device, each.worker],
                "conversation_on": each.conversation_on,
            }
            for each in check.sample
        ],
    )
    return uid


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A periodic check that was done: out of how many, how many were looked at and how they stood."""

    uid: str
    on: date
    role: str
    population: int
    seed: str
    states: Mapping[DeclarationState, int]


def read_checks(connection: Connection) -> Sequence[CheckRow]:
    """Every periodic check, newest first."""
    states: dict[int, dict[DeclarationState, int]] = {}
    by = (checked_holding.c.check_id, checked_holding.c.state)
    for row in connection.execute(select(*by, func.count().label("count")).group_by(*by)):
        states.setdefault(row[0], {})[DeclarationState(row[1])] = row[2]
    rows = connection.execute(select(periodic_check).order_by(periodic_check.c.id.desc()))
    return [CheckRow(r.uid, r.on_date, r.checked_as, r.population, r.seed, states.get(r.id, {})) for r in rows]


def close_answered(
    connection: Connection, kinds: Collection[FindingKind], still: Collection[str], when: datetime
) -> int:
    """Close open findings of these kinds that no longer hold; `still`: kind and subject of those that do."""
    rows = connection.execute(
        select(finding.c.id, finding.c.kind, finding.c.subject).where(
            finding.c.kind.in_([kind.value for kind in kinds]), finding.c.closed_at.is_(None)
        )
    ).all()
    gone = [row.id for row in rows if f"{row.kind} {row.subject}" not in still]
    for start in range(0, len(gone), _CHUNK):
        connection.execute(
            update(finding)
            .where(finding.c.id.in_(gone[start : start + _CHUNK]))
            .values({**BY_ITSELF, "closed_at": when})
        )
    return len(gone)


# --- what the register knows of workers and cases --------------------------------------------------------------------


def involvements(
    connection: Connection,
    pairs: Collection[tuple[int, int]],
    *,
    window_days: int,
    first_planned_months: int,
    supervisors: bool = False,
) -> dict[tuple[int, int], Involvement]:
    """All that the register knows of each (worker, case), as spans of days.

    supervisors: a case counts as closed by a work supervisor's word too, as the policy has it.

    It keeps the present phase only: monitoring is taken to begin so many months before its first planned contact.
    """
    of_cases = sorted({case for _, case in pairs})
    refs = {row.id: row.ref for row in connection.execute(select(worker.c.id, worker.c.ref))}
    facts: dict[int, Any] = {}
    spells: dict[int, tuple[Days, ...]] = {}
    assigned: dict[tuple[str, int], list[Span]] = {}
    planned: dict[int, list[tuple[str, date]]] = {}
    for start in range(0, len(of_cases), _CHUNK):
        some = of_cases[start : start + _CHUNK]
        spells.update(case_days.case_spells(connection, some, supervisors=supervisors))
        for row in connection.execute(
            select(cases, case_system.c.read_at)
            .join(case_system, case_system.c.id == cases.c.system_id)
            .where(cases.c.id.in_(some))
        ):
            facts[row.id] = row
        for row in connection.execute(select(assignment).where(assignment.c.case_id.in_(some))):
            last = None if row.until_at is None else _local(row.until_at - timedelta(microseconds=1))
            first = _local(row.from_at)
            if last is None or first <= last:
                assigned.setdefault((row.worker_ref, row.case_id), []).append(Span(first, last))
        for row in connection.execute(select(moment).where(moment.c.case_id.in_(some))):
            planned.setdefault(row.case_id, []).append((row.worker_ref, row.on_date))
    deviations: dict[tuple[int, int], list[Span]] = {}
    for row in connection.execute(select(deviation)):
        last = _local((row.ended_at or row.until_at) - timedelta(microseconds=1))
        first = _local(row.recorded_at)
        if first <= last:
            deviations.setdefault((row.worker_id, row.case_id), []).append(Span(first, last))
    window = timedelta(days=window_days)
    on_duty = duty_days(connection)
    confirmed = closures.all_confirmed(connection, asked=supervisors)
    found = {}
    for of_worker, of_case in pairs:
        if of_case not in facts:
            continue
        row, ref = facts[of_case], refs.get(of_worker, "")
        moments = planned.get(of_case, [])
        ended = row.closed_at
        if ended is None and row.phase == Phase.CLOSED.value:
            ended = confirmed.get(of_case)
        closed = tuple(
            Span(date.fromordinal(first), None if last >= NEVER else date.fromordinal(last))
            for first, last in gaps_of(spells.get(of_case, ()))
        )
        found[of_worker, of_case] = Involvement(
            worker=of_worker,
            case=of_case,
            assigned=tuple(assigned.get((ref, of_case), ())),
            monitoring=_monitoring(row, moments, closed, first_planned_months),
            windows=tuple(Span(on - window, on + window) for whose, on in moments if whose == ref),
            closed=closed,
            deviations=tuple(deviations.get((of_worker, of_case), ())),
            on_duty=on_duty.get(of_worker, frozenset()),
            certain=(row.read_at or row.told_at) is not None
            and not (row.phase == Phase.CLOSED.value and ended is None),
        )
    return found


def _monitoring(row: Any, moments: Sequence[tuple[str, date]], closed: Sequence[Span], months: int) -> tuple[Span, ...]:
    if not moments or row.phase not in (Phase.MONITORING.value, Phase.CLOSED.value):
        return ()
    begins = add_months(min(on for _, on in moments), -months)
    ends = closed[-1].first - timedelta(days=1) if closed and closed[-1].last is None else None
    return (Span(begins, ends),) if ends is None or begins <= ends else ()


def _local(at: datetime) -> date:
    return at.astimezone(AMSTERDAM).date()


# --- what reports have shown ----------------------------------------------------------------------------------------


def remember_release(connection: Connection, sealer: Sealer, report: str, release: Release, now: datetime) -> None:
    """Keep what a report showed and withheld, sealed; a report that shows what one showed before tells nothing new."""
    uid = uuid.uuid4().hex[:16]
    numbers = {atom: n for n, atom in enumerate(sorted(release.atoms, key=repr))}
    form = {
        "atoms": [[_plain(atom), release.atoms[atom].amount, sorted(release.atoms[atom].people)] for atom in numbers],
        "shown": [
            [_plain(key), sorted(numbers[atom] for atom in release.shown[key])]
            for key in sorted(release.shown, key=repr)
        ],
        "withheld": [
            [_plain(key), sorted(numbers[atom] for atom in release.withheld[key])]
            for key in sorted(release.withheld, key=repr)
        ],
    }
    text = json.dumps(form, separators=(",", ":"))
    connection.execute(
        insert(connection, released_cells)
        .values(
            uid=uid,
            report=report,
            at=now,
            hash=sealer.hash(text, f"released_cells.{report}"),
            sealed=sealer.seal(text, f"released_cells.{uid}"),
        )
        .on_conflict_do_nothing(index_elements=["report", "hash"])
    )


def read_releases(connection: Connection, sealer: Sealer, report: str) -> list[Release]:
    """All that reports of this kind have shown, oldest first."""
    found = []
    rows = connection.execute(
        select(released_cells).where(released_cells.c.report == report).order_by(released_cells.c.id)
    )
    for row in rows:
        form = json.loads(sealer.open(row.sealed, f"released_cells.{row.uid}"))
        atoms = [(_key(atom), Cell(amount, frozenset(people))) for atom, amount, people in form["atoms"]]
        found.append(
            Release(
                atoms=MappingProxyType(dict(atoms)),
                shown=MappingProxyType(
                    {_key(key): frozenset(atoms[n][0] for n in each) for key, each in form["shown"]}
                ),
                withheld=MappingProxyType(
                    {_key(key): frozenset(atoms[n][0] for n in each) for key, each in form["withheld"]}
                ),
            )
        )
    return found


def months_released(connection: Connection, sealer: Sealer, report: str) -> frozenset[date]:
    """The first days of the months of which reports on channels showed figures before there were vintages."""
    found = set()
    for release in read_releases(connection, sealer, report):
        for atom in release.atoms:
            if isinstance(atom, tuple) and len(atom) > 2:
                found.add(date.fromisoformat(str(atom[2])))
    return frozenset(found)


def _plain(key: Any) -> list[Any]:
    return [str(part) if isinstance(part, str) else part for part in key]


def _key(parts: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(parts)
