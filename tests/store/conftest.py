"""What the store's tests may ask for."""

import pytest

from tests.store.fixtures import _sqlite_templates, databases, store

__all__ = ["_sqlite_templates", "databases", "store"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the marker `statements_tried` stands at is left to campaigns on PostgreSQL."""
    for item in items:
        how = getattr(item, "callspec", None)
        if item.get_closest_marker("statements_tried") and how and "postgresql" in how.params.values():
            item.add_marker(pytest.mark.campaign)
