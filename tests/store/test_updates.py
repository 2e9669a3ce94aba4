"""An installation of every released version, with a row in each table, is brought to this one and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from server.core.hold_record import standing_of
from server.store import hold_list
from server.store.admin import organisation
from server.store.database import MIGRATIONS, SealingKeyNeededError, Store, StoreOtherVersionError
from server.store.schema.base import metadata
from tests.store.fixtures import Databases
from tests.store.ground import SEALER

ONE_EMPLOYER = "0006"
"""From this one on an employer can no longer stand there twice."""
RELEASES = sorted(each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions())

GIVEN: dict[str, dict[str, Any]] = {
    "case_spell": {"reopened_on": date(9999, 1, 1)},
    "account": {"id": 1, "name": "admin-1", "password": "hash", "sealed_totp": b"\1" * 32},
    "api_token": {"ends_at": 2},
    "closure": {"on_date": date(2026, 1, 2), "confirmed_at": 1, "answer": "confirmed"},
    "deputy": {"named_by": 2, "until_at": 2},
    "hold": {"everything": True},
    "pause": {"everything": True, "ends_at": 2},
    "put_back": {"sealed": b"\1" * 32},
    "phone_ask": {"next_at": 1},
    "usage_subject": {"id": 1, "kind": "device", "device_id": 1},
}
"""What the tables' own rules ask for beyond a value of the right kind in each column."""
TWIN = {"employer": {"id": 2, "name": "X\u00a0"}, "account": {"id": 2, "name": "admin-2", "uid": "y"}}
"""A second row: an employer that is the first one in another spelling, and a second person."""


ON_BOTH = {*RELEASES[:-1:5], RELEASES[-2]}
"""From these an update is tried on PostgreSQL too: every migration runs there. From the others it is in campaigns."""


def _marks(release: str) -> list[pytest.MarkDecorator]:
    group = pytest.mark.xdist_group(f"release {release}")
    return [group] if release in ON_BOTH else [group, pytest.mark.statements_tried]


@pytest.fixture(params=[pytest.param(each, marks=_marks(each)) for each in RELEASES[:-1]])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def old(release: str, databases: Databases) -> Iterator[Store]:
    """An installation of that release; each release is installed once and copied."""

    def install(url: str) -> None:
        with closing(Store(url)) as store:
            store._alembic(lambda config: command.upgrade(config, release))
            fill_all(store, twins=release < ONE_EMPLOYER)
            with store.write() as connection:
                _set_holds(connection)
                _record_gate(connection)

    store = Store(databases.fresh(f"release-{release}", install))
    yield store
    store.close()


@pytest.fixture
def updated(release: str, databases: Databases, old: Store) -> Iterator[Store]:
    """The same installation, of a copy of `old`, after the update to this version; done once and copied."""

    def update(url: str) -> None:
        with closing(Store(url)) as store:
            store.migrate(SEALER)

    store = Store(databases.fresh(f"updated-{release}", update, of=f"release-{release}"))
    yield store
    store.close()


def _set_holds(connection: sa.Connection) -> None:
    """Three holds with reasons that were sealed with this key, the last one released, where holds have a table."""
    if not sa.inspect(connection).has_table("hold"):
        return
    for uid, worker, case, released in (("h1", 1, None, None), ("h2", None, 1, None), ("h3", 1, None, 5)):
        sealed = SEALER.seal(f"reason of {uid}", f"hold.{uid}")
        row = {"uid": uid, "worker": worker, "case": case, "sealed": sealed, "released": released}
        connection.execute(
            sa.text(
                "INSERT INTO hold (id, uid, worker_id, case_id, everything, sealed, set_at, released_at) VALUES"
                " ((SELECT max(id) + 1 FROM hold), :uid, :worker, :case, false, :sealed, 3, :released)"
            ),
            row,
        )


def _record_gate(connection: sa.Connection) -> None:
    """The only gate is that of the other spelling of the employer, and it is no demo."""
    connection.execute(
        sa.text(
            "UPDATE gate SET ends_on = '2099-01-01', scope = 'removal', employer_id = (SELECT max(id) FROM employer)"
        )
    )
    connection.execute(sa.text("UPDATE installation SET demo = false"))


def fill_all(store: Store, *, twins: bool) -> None:
    """One row in every table that has none, by what the database says of its columns and rules; two where needed."""
    known = sa.MetaData()
    known.reflect(store.engine)
    seen = sa.inspect(store.engine)
    with store.write() as connection:
        for table in known.sorted_tables:
            if table.name != "alembic_version" and connection.execute(sa.select(table)).first() is None:
                words = dict(_words(seen, table.name))
                row = {column.name: _value(column, words) for column in table.columns if _needed(column)}
                row |= {name: value for name, value in GIVEN.get(table.name, {}).items() if name in table.columns}
                connection.execute(table.insert().values(**row))
                if table.name in TWIN and (twins or table.name != "employer"):
                    connection.execute(table.insert().values(**row | TWIN[table.name]))


def _words(seen: sa.Inspector, table: str) -> Iterator[tuple[str, str]]:
    """The first word that each column with a closed set of them may hold."""
    for check in seen.get_check_constraints(table):
        found = re.match(r"""[("]*(\w+)"?(?: IN |(?:::text)? = ANY )\(+(?:ARRAY\[)?'([^']*)'""", check["sqltext"])
        if found:
            yield found[1], found[2]


def _needed(column: sa.Column[Any]) -> bool:
    return not column.nullable and (column.server_default is None or bool(column.primary_key))


def _value(column: sa.Column[Any], words: dict[str, str]) -> Any:
    if column.name in words:
        return words[column.name]
    kind = column.type
    if isinstance(kind, sa.LargeBinary):
        return b"\1" * 32
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.Integer):
        return 1
    return date(2026, 1, 2) if isinstance(kind, sa.Date) else "x"


def rows_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row as the database tells it, without asking what its columns are for."""
    with store.read() as connection:
        return {
            name: [dict(row) for row in connection.execute(sa.text(f'SELECT * FROM "{name}"')).mappings()]
            for name in sorted(sa.inspect(connection).get_table_names())
            if name != "alembic_version"
        }


def test_it_is_refused_until_it_is_updated_and_then_has_this_versions_tables(old: Store, updated: Store):
    with pytest.raises(StoreOtherVersionError) as refused:
        old.check()
    assert not refused.value.newer
    updated.check()
    with updated.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_no_row_is_lost_but_that_of_an_employer_who_stood_there_twice(old: Store, updated: Store):
    before = rows_of(old)
    assert [name for name, rows in before.items() if not rows] == []
    after = rows_of(updated)
    fewer = {name for name, rows in before.items() if len(after.get(name, ())) < len(rows)}
    assert fewer - {"hold"} <= {"employer"}
    assert [row["name"] for row in after["employer"]] == ["x"]


def test_a_hold_set_before_the_update_stands_after_it_and_lies_in_clear_no_more(old: Store, updated: Store):
    if "hold" not in rows_of(old):
        pytest.skip("holds were sealed already")
    assert "hold" not in rows_of(updated)
    with updated.read() as connection:
        holds = hold_list.read(connection, SEALER)
    told = [(each.uid, each.worker, each.case, each.reason, each.in_force) for each in holds]
    assert told == [
        ("x", None, None, "", True),  # its reason was never sealed with this key, and it holds all the same
        ("h1", 1, None, "reason of h1", True),
        ("h2", None, 1, "reason of h2", True),
        ("h3", 1, None, "reason of h3", False),
    ]
    assert standing_of(holds).everything


class Stops:
    """A key with which the update gets so far, and is killed."""

    def __init__(self, after: int) -> None:
        self.left = after

    def seal(self, value: str, place: str) -> bytes:
        self._use()
        return SEALER.seal(value, place)

    def open(self, sealed: bytes, place: str) -> str:
        self._use()
        return SEALER.open(sealed, place)

    def _use(self) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1


def test_an_update_that_seals_is_done_whole_or_not_at_all(old: Store):
    before = rows_of(old)
    if "hold" not in before:
        pytest.skip("holds were sealed already")
    end = len(before["hold"]) + 1  # each reason is opened, the one that does not open is tried; then all are sealed
    for without in (None, Stops(end), Stops(0)):  # without a key, without its end, without its beginning
        with pytest.raises((SealingKeyNeededError, KeyboardInterrupt)):
            old.migrate(without)  # type: ignore[arg-type]
        assert rows_of(old) == before
        with pytest.raises(StoreOtherVersionError):
            old.check()
    old.migrate(SEALER)
    old.check()


def test_a_gate_that_was_recorded_for_the_other_spelling_holds(updated: Store):
    with updated.read() as connection:
        places = organisation.read_places(connection, date(2026, 1, 2))
    assert [place.gated for place in places] == [True]
