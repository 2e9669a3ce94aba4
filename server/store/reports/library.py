"""Reports that were asked for, as rows: how far they are, and their sealed canonical form once made."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from server.core.model import Role
from server.store.schema.base import kept_report
from server.store.seal import Sealer

_COLUMNS = [column for column in kept_report.c if column.name != "sealed"]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report that was asked for. done of steps: how far it is. step_at: its last sign of life."""

    uid: str
    key: str
    view: str
    first: date
    last: date
    asked_at: datetime
    asked_as: Role
    step_at: datetime
    done: int
    steps: int
    made_at: datetime | None
    failed_at: datetime | None
    digest: str | None


def ask(
    connection: Connection, *, uid: str, key: str, view: str, first: date, last: date, now: datetime, role: Role
) -> None:
    """Note that a report is being made."""
    connection.execute(
        kept_report.insert().values(
            uid=uid, key=key, view=view, first=first, last=last, asked_at=now, asked_as=role.value, step_at=now
        )
    )


def under_way(connection: Connection, key: str, view: str, first: date, last: date, since: datetime) -> str | None:
    """The report of this sort that is being made, by its id; one that gave no sign of life since then is none."""
    found: str | None = connection.execute(
        select(kept_report.c.uid).where(
            kept_report.c.key == key,
            kept_report.c.view == view,
            kept_report.c.first == first,
            kept_report.c.last == last,
            kept_report.c.step_at >= since,
            kept_report.c.made_at.is_(None),
            kept_report.c.failed_at.is_(None),
        )
    ).scalar()
    return found


def note_step(connection: Connection, uid: str, done: int, steps: int, now: datetime) -> None:
    """So far."""
    connection.execute(update(kept_report).where(kept_report.c.uid == uid).values(done=done, steps=steps, step_at=now))


def note_failure(connection: Connection, uid: str, now: datetime) -> None:
    """It could not be made."""
    connection.execute(
        update(kept_report).where(kept_report.c.uid == uid, kept_report.c.made_at.is_(None)).values(failed_at=now)
    )


def keep(connection: Connection, sealer: Sealer, uid: str, form: bytes, digest: str, now: datetime) -> None:
    """Keep the canonical form of a report, compressed and sealed."""
    packed = base64.b64encode(zlib.compress(form, 6)).decode("ascii")
    connection.execute(
        update(kept_report)
        .where(kept_report.c.uid == uid)
        .values(made_at=now, step_at=now, failed_at=None, digest=digest, sealed=sealer.seal(packed, _place(uid)))
    )


def form_of(connection: Connection, sealer: Sealer, uid: str) -> bytes | None:
    """The canonical form of a report that was made; raises SealBrokenError."""
    sealed = connection.execute(select(kept_report.c.sealed).where(kept_report.c.uid == uid)).scalar()
    return None if sealed is None else zlib.decompress(base64.b64decode(sealer.open(sealed, _place(uid))))


def list_reports(
    connection: Connection, keys: Collection[str], views: Collection[str], *, limit: int = 500
) -> Sequence[ReportRow]:
    """Reports of one of these sorts and in one of these views, newest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(kept_report.c.key.in_(keys), kept_report.c.view.in_(views))
        .order_by(kept_report.c.asked_at.desc(), kept_report.c.uid)
        .limit(limit)
    )
    return [_row(row) for row in rows]


def find(connection: Connection, uid: str) -> ReportRow | None:
    """The report of that id."""
    row = connection.execute(select(*_COLUMNS).where(kept_report.c.uid == uid)).first()
    return None if row is None else _row(row)


def _row(row: Row[Any]) -> ReportRow:
    return ReportRow(
        row.uid,
        row.key,
        row.view,
        row.first,
        row.last,
        row.asked_at,
        Role(row.asked_as),
        row.step_at,
        row.done,
        row.steps,
        row.made_at,
        row.failed_at,
        row.digest,
    )


def _place(uid: str) -> str:
    return f"kept_report.sealed.{uid}"
