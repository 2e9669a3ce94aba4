"""Small tables held to the log: in each transaction that writes one, what its rows then are is kept and sealed.

Whoever writes these tables by other means than this program has no key to keep what they wrote. Before a transaction's
first write the tables are compared with what was kept: what was changed behind our back is not made good by our own
next change. What is kept is named by a mark, which the log's head carries under a MAC (`store.log`), so that an older
state cannot be put back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, inspect, select

from server.core.log.table_state import DifferenceKind, RowDifference, TableState, differences, state_of
from server.store.database import Store, insert_many
from server.store.schema import pauses as _pauses
from server.store.schema.base import (
    account,
    account_role,
    api_token,
    approval,
    client_question_list,
    connection,
    deputy,
    deviation,
    gate,
    hold_list,
    inquiry_list,
    installation,
    package_list,
    policy_in_force,
    policy_proposal,
    table_state,
)
from server.store.seal import SealBrokenError, Sealer

WATCHED: Mapping[str, Table] = {
    each.name: each
    for each in (
        hold_list,
        inquiry_list,
        client_question_list,
        package_list,
        account,
        account_role,
        api_token,
        gate,
        deviation,
        _pauses.pause,
        policy_proposal,
        policy_in_force,
        approval,
        deputy,
        connection,
        installation,
    )
}
"""The small tables that say what may be removed, by whom it may be said, and where it happens."""

NOT_COUNTED: Mapping[str, frozenset[str]] = {
    "account": frozenset({"totp_step", "failures", "language"}),
    "api_token": frozenset({"used_at"}),
    "policy_proposal": frozenset({"counting_at"}),
}
"""Columns that change with use. Whoever writes them gets nobody in and nothing removed: password and code are asked for
all the same, a language is a language, and when a token was used or a count began decides nothing."""

_KEY = "closeout.watch"
USE_ONLY = {"closeout_use_only": True}
"""Options of a statement that writes none but columns of NOT_COUNTED: it costs no comparison."""


@dataclass(slots=True)
class Watch:
    """What one transaction does with the watched tables. touched: it wrote one. sound: all was as kept before it did.

    kept: as it was kept before, or, once entered, since.
    """

    sealer: Sealer = field(repr=False)
    now: Callable[[], datetime]
    touched: bool = False
    sound: bool = True
    busy: bool = False
    kept: Mapping[str, TableState] = field(default_factory=dict, repr=False)


def watch_of(at: Connection) -> Watch | None:
    """The watch over this transaction; None: the database was opened without keys."""
    found: Watch | None = at.info.get(_KEY)
    return found


def watch_over(store: Store, sealer: Sealer, now: Callable[[], datetime], finish: Callable[[Connection], None]) -> None:
    """From now on keep what is written into the watched tables. finish: called before each transaction's end."""
    store.hooks.watcher = _TableWatcher(sealer, now, finish)


@dataclass(frozen=True, slots=True)
class _TableWatcher:
    """With which key and clock a database is watched that this process has opened."""

    sealer: Sealer = field(repr=False)
    now: Callable[[], datetime]
    finish: Callable[[Connection], None]

    def begun(self, at: Connection) -> None:
        at.info[_KEY] = Watch(self.sealer, self.now)

    def executes(self, at: Connection, statement: Any, options: Mapping[str, Any]) -> None:
        _before(at, statement, options)

    def ends(self, at: Connection) -> None:
        # One that began before anybody watched has none.
        if _KEY in at.info:
            self.finish(at)
            at.info.pop(_KEY, None)


def _before(at: Connection, statement: Any, options: Mapping[str, Any]) -> None:
    if not getattr(statement, "is_dml", False) or statement.table.name not in WATCHED:
        return
    watch = watch_of(at)
    if watch is not None and not watch.touched and not options.get("closeout_use_only"):
        touch(at, watch)


def touch(at: Connection, watch: Watch) -> None:
    """Before the first write: nobody else writes from here to the transaction's end, and all is compared."""
    watch.touched = watch.busy = True
    try:
        if at.dialect.name == "postgresql":
            # Else a row changed by other means between comparing and keeping would be kept as ours.
            at.exec_driver_sql(f"LOCK TABLE {', '.join(_there(at))} IN SHARE ROW EXCLUSIVE MODE")
        watch.sound, watch.kept = _sound_before(at, watch.sealer)
    finally:
        watch.busy = False


def _there(at: Connection) -> Sequence[str]:
    """The watched tables; in the midst of an update those that there are by then."""
    if at.get_execution_options().get("closeout_migrating"):
        return sorted(WATCHED.keys() & set(inspect(at).get_table_names()))
    return sorted(WATCHED)


def _sound_before(at: Connection, sealer: Sealer) -> tuple[bool, Mapping[str, TableState]]:
    kept = read_kept(at, sealer)
    if kept is None:
        return False, {}
    return not (kept and find_differences(at, kept)), kept


def read_kept(at: Connection, sealer: Sealer) -> Mapping[str, TableState] | None:
    """What is kept, by table; None: it does not open. Whether it is the newest, the mark in the log's head says."""
    kept = {}
    try:
        for row in at.execute(select(table_state)):
            kept[row.name] = TableState.decode(sealer.open(bytes(row.sealed), f"table_state.sealed.{row.name}"))
    except (SealBrokenError, ValueError):
        return None
    return kept


def find_differences(at: Connection, kept: Mapping[str, TableState]) -> tuple[RowDifference, ...]:
    """Every row of a watched table that is not as it was kept."""
    found: list[RowDifference] = []
    for name in sorted(WATCHED):
        if name not in kept:
            continue  # an earlier version did not watch it: `outgrown`; the log's head names all that is kept
        columns, rows = _rows(at, name)
        if not set(kept[name].columns) <= set(columns):
            found.append(RowDifference(name, DifferenceKind.TABLE_CHANGED))
            continue
        found += differences(name, kept[name], state_of(kept[name].columns, _keys(name), columns, rows))
    return tuple(found)


def outgrown(at: Connection, kept: Mapping[str, TableState]) -> bool:
    """Whether there are tables or columns that what was kept does not count: this version's, after an update."""
    return set(WATCHED) != set(kept) or any(
        set(_counted(name, _rows(at, name)[0])) != set(kept[name].columns) for name in WATCHED
    )


def states_now(at: Connection) -> Mapping[str, TableState]:
    """The watched tables as they are."""
    states = {}
    for name in WATCHED:
        columns, rows = _rows(at, name)
        states[name] = state_of(_counted(name, columns), _keys(name), columns, rows)
    return states


def keep(at: Connection, sealer: Sealer, states: Mapping[str, TableState]) -> None:
    """Keep these in place of what was kept. All are sealed anew, whichever changed: the write tells nothing."""
    at.execute(delete(table_state))
    sealed = [
        {"name": name, "sealed": sealer.seal(state.encode(), f"table_state.sealed.{name}")}
        for name, state in sorted(states.items())
    ]
    insert_many(at, table_state, sealed)


def mark_of_kept(at: Connection) -> bytes:
    """Names what is kept, 32 bytes. It is of sealed texts, so that nobody can tell anything by it."""
    hashed = hashlib.sha256()
    for row in at.execute(select(table_state).order_by(table_state.c.name)):
        hashed.update(f"{row.name}:{len(row.sealed)}:".encode() + bytes(row.sealed))
    return hashed.digest()


def _rows(at: Connection, name: str) -> tuple[tuple[str, ...], Sequence[Sequence[object]]]:
    """Columns and rows as they are in the database, whatever version of the tables that is."""
    found = at.exec_driver_sql(f'SELECT * FROM "{name}"')  # noqa: S608  a name of our own
    return tuple(found.keys()), found.all()


def _counted(name: str, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(columns) - NOT_COUNTED.get(name, frozenset())))


def _keys(name: str) -> tuple[str, ...]:
    return tuple(column.name for column in WATCHED[name].primary_key.columns)
