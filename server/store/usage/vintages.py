"""What reports told of usage, by vintages: sealed, and held against all that is told later."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from server.core.reports.channel_tables import MonthTold
from server.core.reports.vintages import Cohort, TableTold, Vintage
from server.store.database import insert
from server.store.schema.base import installation
from server.store.schema.usage import released_cells
from server.store.seal import Sealer


def lock(connection: Connection) -> None:
    """One report after the other decides what may be told; call it first in the transaction that will remember it."""
    connection.execute(select(installation.c.id).with_for_update())


def read_month(connection: Connection, sealer: Sealer, first: date) -> tuple[MonthTold, str] | None:
    """What was told of a month, and the stamp of the sums that it was told from."""
    form = _read(connection, sealer, _month_key(first))
    if form is None:
        return None
    measures = {name: _told(each) for name, each in form["measures"].items()}
    return MonthTold(first, form["groups"], form["wholes"], measures, frozenset(form["hidden"])), form["stamp"]


def remember_month(connection: Connection, sealer: Sealer, month: MonthTold, stamp: str, now: datetime) -> None:
    """Keep what was told of a month, in place of what is known of it; the newest holds all that came before."""
    form = {
        "groups": dict(month.groups),
        "wholes": {name: dict(each) for name, each in month.wholes.items()},
        "measures": {name: _form(each) for name, each in sorted(month.measures.items())},
        "hidden": sorted(month.hidden),
        "stamp": stamp,
    }
    _remember(connection, sealer, _month_key(month.first), form, now)


def read_counts(connection: Connection, sealer: Sealer, name: str) -> tuple[TableTold, date] | None:
    """What was told of something that is counted as it stands, and on which day it stood so."""
    form = _read(connection, sealer, name)
    return None if form is None else (_told(form["told"]), date.fromisoformat(form["on"]))


def remember_counts(
    connection: Connection, sealer: Sealer, name: str, told: TableTold, on: date, now: datetime
) -> None:
    """Keep what was told of something that is counted as it stands."""
    _remember(connection, sealer, name, {"told": _form(told), "on": on.isoformat()}, now)


def _month_key(first: date) -> str:
    return f"channels {first.isoformat()}"


def _read(connection: Connection, sealer: Sealer, name: str) -> Mapping[str, Any] | None:
    row = connection.execute(
        select(released_cells).where(released_cells.c.report == name).order_by(released_cells.c.id.desc()).limit(1)
    ).first()
    if row is None:
        return None
    form: Mapping[str, Any] = json.loads(sealer.open(row.sealed, f"released_cells.{row.uid}"))
    return form


def _remember(connection: Connection, sealer: Sealer, name: str, form: Mapping[str, Any], now: datetime) -> None:
    uid = uuid.uuid4().hex[:16]
    text = json.dumps(form, separators=(",", ":"))
    connection.execute(delete(released_cells).where(released_cells.c.report == name))
    connection.execute(
        insert(connection, released_cells).values(
            uid=uid,
            report=name,
            at=now,
            hash=sealer.hash(text, f"released_cells.{name}"),
            sealed=sealer.seal(text, f"released_cells.{uid}"),
        )
    )


def _form(told: TableTold) -> Mapping[str, Any]:
    return {
        "cohorts": [[c.group, sorted(map(list, c.members)), dict(c.amounts), c.covered] for c in told.cohorts],
        "vintages": [[sorted(v.cohorts), sorted(map(list, v.shown))] for v in told.vintages],
    }


def _told(form: Mapping[str, Any]) -> TableTold:
    return TableTold(
        tuple(
            Cohort(group, frozenset((person, digest) for person, digest in members), amounts, covered)
            for group, members, amounts, covered in form["cohorts"]
        ),
        tuple(
            Vintage(frozenset(cohorts), frozenset((group, name) for group, name in shown))
            for cohorts, shown in form["vintages"]
        ),
    )
