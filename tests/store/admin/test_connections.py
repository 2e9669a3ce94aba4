"""A connection goes only while nothing is known by it, on both databases."""

from __future__ import annotations

from server.store.admin import organisation
from server.store.database import Store
from tests.store.ground import lay


def names(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return {row.name: row.id for row in organisation.read_connections(connection)}


def test_a_connection_goes_while_nothing_is_known_by_it_and_a_place_keeps_its_own(store: Store) -> None:
    lay(store)
    (held,) = names(store).values()
    with store.write() as connection:
        values = {"name": "other", "vendor": "carddav", "base_url": "http://127.0.0.1/", "login": "", "secret_file": ""}
        other = organisation.put_connection(connection, {**values, "demo": True})
    with store.write() as connection:
        gone = [organisation.remove_connection(connection, each) for each in (held, other)]
    assert (gone, set(names(store).values())) == ([False, True], {held})
