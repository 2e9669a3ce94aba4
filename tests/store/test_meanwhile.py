"""One long statement goes on while we do: it has always ended before its transaction does."""

from collections.abc import Callable
from threading import Event

import pytest

from server.store.database import Meanwhile

SECONDS = 10.0


class Wrong(Exception):
    """What a statement, or the one who waits for it, may raise."""


def test_what_was_begun_goes_on_beside_us():
    ours, theirs = Event(), Event()

    def act() -> None:
        theirs.set()
        assert ours.wait(SECONDS)

    with Meanwhile() as database:
        database.start(act)
        assert theirs.wait(SECONDS)
        ours.set()
        database.join()


def test_one_thing_is_begun_only_when_the_one_before_has_ended():
    order: list[str] = []
    with Meanwhile() as database:
        for name in "abc":
            database.start(lambda name=name: order.extend((name, name)))
    assert order == list("aabbcc")


def fails() -> None:
    raise Wrong


def test_what_it_raised_is_raised_where_we_wait():
    with Meanwhile() as database:
        database.start(fails)
        with pytest.raises(Wrong):
            database.join()
        database.join()


def test_what_it_raised_is_raised_at_the_end_if_nobody_waited():
    with pytest.raises(Wrong), Meanwhile() as database:
        database.start(fails)


def begin_and_fail(act: Callable[[], object]) -> None:
    with Meanwhile() as database:
        database.start(act)
        raise ZeroDivisionError


def test_it_has_ended_before_our_own_failure_is_told():
    ended = Event()
    with pytest.raises(ZeroDivisionError):
        begin_and_fail(ended.set)
    assert ended.is_set()


def test_our_own_failure_is_the_one_that_is_told():
    with pytest.raises(ZeroDivisionError):
        begin_and_fail(fails)
