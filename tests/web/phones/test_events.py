"""Where stores tell of changes: a handshake that gives away nothing, and events that only their sender can send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from server.store import log
from server.store.admin import organisation
from server.web.pages.phones.events import LARGEST_EVENT
from server.work.context import Context
from server.work.removal import change_notifications
from tests.vendors.telling import TellingStore, event
from tests.web.conftest import Browser
from tests.web.town import URL, Town

TOKEN = "Validation: Testing client application <b>reachability</b> +/&="


@dataclass
class TellingTown(Town):
    """A town whose first store tells of changes."""

    telling: TellingStore = field(default_factory=TellingStore)

    @property
    def context(self) -> Context:
        plain = super().context
        return replace(plain, stores={**plain.stores, "books": self.telling})


@pytest.fixture
def town(town: Town) -> Iterator[TellingTown]:
    telling = TellingTown(town.folder, town.url, town.clock, town.vendors, town.policy)
    yield telling
    telling.close()


def place_of(town: Town) -> str:
    with town.store.read() as connection:
        rows = organisation.read_places(connection, town.context.today())
    return next(row.uid for row in rows if row.connection == "books")


def send(browser: Browser, query: str, body: bytes = b"", connection: str = "books") -> TestResponse:
    return browser.client.post(
        f"/api/events/{connection}?{query}", data=body, base_url=URL, content_type="application/json"
    )


def test_the_handshake_repeats_the_token_as_plain_text_and_sets_nothing_off(
    town: TellingTown, stranger: Browser
) -> None:
    answer = send(stranger, f"place={place_of(town)}&validationToken={quote(TOKEN, safe='')}")

    assert (answer.status_code, answer.text) == (200, TOKEN)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert change_notifications.are_waiting(town.context) is False


@pytest.mark.parametrize("token", ["", "x" * 1025, "line%0Abreak", "%00", "%C3%A9"])
def test_a_token_that_is_none_is_not_repeated(town: TellingTown, stranger: Browser, token: str) -> None:
    assert send(stranger, f"place={place_of(town)}&validationToken={token}").status_code == 400


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", b""),
        ("place=nowhere", b""),
        ("place=nowhere", b"canary"),
        ("place=nowhere", event("guessed")),
        ("place=nowhere&validationToken=x", b""),
        ("place=nowhere&validationToken=%00", b""),
        ("validationToken=x", b""),
        ("place=nowhere", b" " * (LARGEST_EVENT + 1)),
    ],
)
def test_who_is_not_proven_cannot_tell_which_connections_there_are(
    town: TellingTown, stranger: Browser, query: str, body: bytes
) -> None:
    told = set()
    for name in ("books", "books-2", "nothing", "x" * 200):  # a store that tells, one that does not, and none at all
        answer = send(stranger, query, body, connection=name)
        told.add((answer.status_code, answer.text, frozenset(answer.headers.to_wsgi_list())))
    assert len(told) == 1


def test_a_proven_event_is_taken_in_and_makes_the_place_wait_for_a_look(town: TellingTown, stranger: Browser) -> None:
    place = place_of(town)
    answer = send(stranger, f"place={place}", event(change_notifications.secret_of(town.context, "books", place)))

    assert (answer.status_code, answer.text) == (202, "")
    assert change_notifications.are_waiting(town.context) is True


def test_what_is_not_proven_is_refused_and_leaves_no_trace(town: TellingTown, stranger: Browser) -> None:
    place = place_of(town)
    with town.store.read() as connection:
        before = log.head(connection).size

    answers = [
        send(stranger, f"place={place}", event("guessed")).status_code,
        send(
            stranger, "place=nowhere", event(change_notifications.secret_of(town.context, "books", place))
        ).status_code,
        send(stranger, f"place={place}", b"canary").status_code,
        send(stranger, "", b"{}").status_code,
    ]

    assert answers == [403, 403, 403, 403]
    assert change_notifications.are_waiting(town.context) is False
    with town.store.read() as connection:
        assert log.head(connection).size == before


def test_an_event_that_is_too_large_is_not_read(town: TellingTown, stranger: Browser) -> None:
    assert send(stranger, f"place={place_of(town)}", b" " * (LARGEST_EVENT + 1)).status_code == 413


def test_a_store_without_events_hears_nobody(town: TellingTown, stranger: Browser) -> None:
    assert send(stranger, "place=x", event("x"), connection="books-2").status_code == 403
