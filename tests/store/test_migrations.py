"""Migrations end exactly where the tables' description ends, on both databases; and they lose nothing on repeat."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from server.store import database
from server.store.admin import organisation
from server.store.database import Store, StoreOtherVersionError, StoreUnavailableError
from server.store.schema.base import metadata


def described(engine: Engine) -> dict[str, Any]:
    """Everything the database itself says of its tables: columns, keys, checks, indexes with their conditions."""
    seen = inspect(engine)
    tables = sorted(set(seen.get_table_names()) - {"alembic_version"})
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(table)],
            "key": seen.get_pk_constraint(table),
            "references": sorted(
                (
                    each["name"] or "",
                    each["constrained_columns"],
                    each["referred_table"],
                    each["options"].get("ondelete", ""),
                )
                for each in seen.get_foreign_keys(table)
            ),
            "unique": sorted((u["name"] or "", u["column_names"]) for u in seen.get_unique_constraints(table)),
            "checks": sorted((c["name"] or "", _plain(c["sqltext"])) for c in seen.get_check_constraints(table)),
            "indexes": sorted(
                (
                    each["name"] or "",
                    each["column_names"],
                    bool(each["unique"]),
                    _plain(str(each.get("dialect_options", {}).get(f"{engine.dialect.name}_where", ""))),
                )
                for each in seen.get_indexes(table)
            ),
        }
        for table in tables
    }


def _plain(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip()


def test_the_migrated_tables_are_those_the_code_describes(store):
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrated_tables_are_to_the_last_check_and_condition_those_made_afresh(store, databases):
    afresh = Store(databases.fresh("afresh", make_afresh))
    assert described(store.engine) == described(afresh.engine)
    afresh.close()


def make_afresh(url: str) -> None:
    """The tables as described, without a migration."""
    store = Store(url)
    metadata.create_all(store.engine)
    store.close()


RELEASED = {
    "0001_the_first_tables.py": "810e9c172198b279809d49ce25fb8c08e36706f6d8753efe345dbe32042b5460",
}
"""Migrations that installations have carried out, by the SHA-256 of their text: each change since is a new one."""


def test_a_migration_that_installations_have_carried_out_is_never_edited():
    folder = Path(database.__file__).parent / "migrations" / "versions"
    assert {name: sha256((folder / name).read_bytes()).hexdigest() for name in RELEASED} == RELEASED


def test_migrations_follow_each_other_in_one_line():
    script = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    line = [each.revision for each in script.walk_revisions()]
    assert script.get_heads() == line[:1]
    assert line == sorted(line, reverse=True)


def test_migrating_again_changes_nothing_and_loses_nothing(store):
    with store.write() as connection:
        organisation.employer_named(connection, "Employer 1")
    before = described(store.engine)
    store.migrate()
    assert described(store.engine) == before
    with store.read() as connection:
        assert connection.execute(text("SELECT name FROM employer")).scalars().all() == ["Employer 1"]


def test_a_database_without_tables_says_what_to_do(database_url):
    store = Store(database_url)
    with pytest.raises(StoreUnavailableError, match="closeout init"):
        store.check()
    store.close()


def test_a_database_with_tables_is_fine(store):
    store.check()


@pytest.mark.parametrize(("version", "newer"), [("9999", True), (None, False)], ids=["newer", "of before versions"])
def test_tables_of_another_version_are_refused(store, version, newer):
    with store.write() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        if version is not None:
            connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    with pytest.raises(StoreOtherVersionError) as refused:
        store.check()
    assert refused.value.newer is newer


def test_a_database_that_does_not_answer_says_what_to_do_and_tells_no_secret():
    store = Store("postgresql+psycopg://somebody:canary-secret@127.0.0.1:1/closeout")
    with pytest.raises(StoreUnavailableError, match="does not answer") as caught:
        store.check()
    assert "canary" not in str(caught.value)


def test_sqlite_is_opened_so_that_nothing_committed_is_lost_and_deleted_rows_are_overwritten(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'closeout.db'}")
    with store.read() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    store.close()
