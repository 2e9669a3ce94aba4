"""The log grows with what happens, not with the clock: rounds that find nothing new are one line an hour together."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import event

from mdm_adapters.port import Fault, Unreachable
from server.core.log.entries import EntryKind, write_instant
from server.core.log.looks import digest_of_looks
from server.store.schema import base
from server.work.admin import log_checkpoints
from tests.work.world import NOW, NUMBERS, World, closed

ROUND = timedelta(minutes=30)


def tell_round(world: World) -> None:
    """What an engine does when nothing is to be removed: look, sign what there is to sign."""
    world.clock.pass_(ROUND)
    world.look()
    log_checkpoints.write_checkpoint(world.context)


def pass_half_a_day(world: World) -> dict[str, int]:
    """Twelve hours of rounds: what they came to in lines of the log, signed heads, and statements at the database."""
    statements = Counter[str]()

    def count(*_: object) -> None:
        statements["all"] += 1

    lines, heads = len(world.log()), len(log_checkpoints.read_notes(world.context.checkpoint_file))
    event.listen(world.context.store.engine, "before_cursor_execute", count)
    try:
        for _ in range(timedelta(hours=12) // ROUND):
            tell_round(world)
    finally:
        event.remove(world.context.store.engine, "before_cursor_execute", count)
    return {
        "lines": len(world.log()) - lines,
        "heads": len(log_checkpoints.read_notes(world.context.checkpoint_file)) - heads,
        "statements": statements["all"],
    }


@pytest.fixture
def quiet(world: World) -> World:
    """Each book holds a contact that stays; it has been looked at, and one line has told of looks without change."""
    world.put(NUMBERS[0])
    world.put(NUMBERS[1], worker=2)
    world.look()
    for _ in range(4):
        tell_round(world)
    return world


def test_rounds_are_a_line_an_hour_and_cost_the_same_months_later(quiet):
    first = pass_half_a_day(quiet)
    quiet.clock.pass_(timedelta(days=150))
    tell_round(quiet)
    later = pass_half_a_day(quiet)
    assert (first["lines"], first["heads"]) == (12, 12)
    assert later == first


def test_the_line_says_how_many_looks_and_commits_to_what_was_looked_at(quiet):
    (first, _), second = [row.uid for row in quiet.rows(base.place)], quiet.rows(base.place)[1]
    tell_round(quiet)
    told = quiet.log()[-1]
    assert told.at == quiet.clock.now
    # It is written with the first look for which an hour is over: the second place was looked at a round before.
    looked = sorted([(first, quiet.clock.now), (second.uid, second.looked_at)])
    written = "".join(f"{uid} {write_instant(at)}\n" for uid, at in looked)
    assert dict(told.body) == {
        "mode": "unchanged",
        "outcome": "read",
        "count": 4,
        "failed": 0,
        "places": 2,
        "digest": sha256(b"closeout/looks/v1\n" + written.encode()).hexdigest(),
    }


def test_a_look_that_finds_something_new_has_its_own_line_at_once(quiet):
    size = len(quiet.log())
    quiet.tell(closed("100001", NUMBERS[2]))
    quiet.put(NUMBERS[2])
    before = len(quiet.log())
    quiet.look()
    told = [each.body for each in quiet.log()[before:] if each.kind is EntryKind.SIGHTING]
    assert size < before
    assert [(body["outcome"], body["unreadable"]) for body in told if "look" in body] == [("read", 0)]


def test_a_place_that_stays_away_is_told_when_it_goes_and_when_it_is_back(quiet):
    told = []
    for _ in range(3):
        quiet.vendor.fail_before.append(Unreachable(Fault.NO_CONNECTION))
        size = len(quiet.log())
        quiet.clock.pass_(timedelta(minutes=1))
        quiet.look()
        told.append([each.body.get("fault") for each in quiet.log()[size:] if "look" in each.body])
    size = len(quiet.log())
    quiet.look()
    told.append([each.body["outcome"] for each in quiet.log()[size:] if "look" in each.body])
    assert told == [["no_connection"], [], [], ["read"]]


def test_the_digest_is_the_same_in_any_order_and_tells_one_look_from_another():
    looks = [("b", NOW), ("a", NOW + ROUND)]
    assert digest_of_looks(looks) == digest_of_looks(looks[::-1])
    assert digest_of_looks(looks) != digest_of_looks([("b", NOW), ("a", NOW)])
