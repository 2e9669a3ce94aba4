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
    "0002_names_not_found.py": "4881b6375a8b2284976abedca6749b691772245fa9e741eae3e9001bd607888d",
    "0003_cards_of_an_order.py": "f43e419d680e2e2e0a847fd51ed6f78e2f55e9530f725f43448e488f028ecfea",
    "0004_removed_entries.py": "db830e8661163feb7f16c180d1ff27c524fd1205bafe6e143402a5c1426596bc",
    "0005_claims_overtaken.py": "8509fbe8b11da46678b9d4706ea002495066c3679cb1bed5cd5f47f4895c3aee",
    "0006_lines_of_lists.py": "70bd5d09cb72f8ef3b52c157eadb2966ce4bc719df2f16eb6ed61e98691d74f0",
    "0007_fields_that_cannot_be_read.py": "b3ec2c076d9474d45be76b9566c38f7d12f88995a9d2e520da387da42b9d69c4",
    "0008_numbers_the_register_names_no_more.py": "4335753db060d805bef819d467c8404b698bb8d3ba46f37df70323b498e0ce23",
    "0009_the_policy_that_a_proposal_replaces.py": "09cb27c19574cedbeec4bbbdd7fcdcbabf630a7c5e358beb0e356bbb61efba85",
    "0010_sums_of_their_file.py": "dabab90d2754b6298ccb3746d73f7490c15a17e98a96629c388bae80c857a8fc",
    "0011_usage_that_was_replaced.py": "cbe6790c010b7ec26de68ea1cfa4f51863c285dd7ef75fffc840e9ae8b2669af",
    "0012_when_cases_ran.py": "23b07019c45500f042ed9463f41ec674c32107212b4cfbbd9a0f5a75f043bb5d",
    "0013_of_their_day.py": "07ac22d3469dcd97c30c44bd04eb6a3651cab920180bc977214c61adf525e0be",
    "0014_signing_in_elsewhere.py": "a37b99c9e4328cec1b7957b985a86965bd1918ca3f2ad4082997f5812c34bef5",
    "0015_counts_of_tries.py": "62326bfe2509d725f285eddbe7dedb77be372b255875ea8646f5f3c5ab381c5e",
    "0016_states_of_tables.py": "a66bd3adfae37b436dea7c8baeac3977c78ac4aab4fd84822a9474fe2dd8f488",
    "0017_factors_handed_out.py": "5cc2ff7bd70d5af2114a7021a3bdf82df68c60baceb439414e5d9b494abb7000",
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
