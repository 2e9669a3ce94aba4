"""After much was written the planner is told at once, where a planner needs to be told."""

import pytest
from sqlalchemy import text

from server.store.database import Store
from server.store.schema import base

MANY = 10_000


def known_columns(store: Store) -> int:
    """Of how many columns of the first table PostgreSQL has statistics."""
    with store.read() as connection:
        query = text("SELECT count(*) FROM pg_statistic WHERE starelid = 'case_system'::regclass")
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize(("written", "told"), [(MANY - 1, False), (MANY, True)])
def test_the_planner_is_told_after_many_rows_and_not_after_few(store, written, told):
    with store.write() as connection:
        connection.execute(base.case_system.insert().values(name="invented"))
    store.take_stock(written)
    if store.is_sqlite:
        with store.read() as connection:
            query = text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")
            assert connection.execute(query).scalar_one() == 0
    else:
        assert (known_columns(store) > 0) is told
