"""What the store's tests may ask for."""

from tests.store.fixtures import _sqlite_templates, databases, store

__all__ = ["_sqlite_templates", "databases", "store"]
