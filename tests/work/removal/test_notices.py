"""Nothing goes before its worker's own page has said for the policy's days that it may; and that page tells no hold.

A contact that goes and one that is held stand in the same words on it from the same pass on, for as long as both are on
the phone (decision 0076).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from server.core.model import Decision, Phase, Reason, Role, State
from server.store.schema import base
from server.work.removal import my_phone
from tests.work.removal import test_never_there as never_there
from tests.work.removal.test_silence import two_worlds
from tests.work.usage.test_own_declaration import worker
from tests.work.world import NOW, NUMBERS, POLICY, Told, World, closed, days

ONE, OTHER = NUMBERS[:2]
NOTICE = replace(POLICY, notice_days=5)
MAY_GO = (Decision.DEFER, Reason.DEFERRED)


def goes_after(world: World, count: int) -> bool:
    """Whether the first card goes that many days from now, and not a second sooner."""
    world.run()
    if count:
        world.pass_(days(count) - timedelta(seconds=1))
        world.run()
        early = "card-0.vcf" not in world.book().cards
        world.pass_(timedelta(seconds=1))
        world.run()
        return not early and "card-0.vcf" not in world.book().cards
    return "card-0.vcf" not in world.book().cards


def page(world: World) -> list[tuple[Any, ...]]:
    """What the worker's own page says of each contact."""
    mine = my_phone.read_own(world.context, worker(1))
    assert mine is not None
    return [(each.decision, each.reason, each.case, each.kept_until, my_phone.may_keep(each)) for each in mine.items]


BEGINS = [
    ("closed long ago, before there was any program", (closed("100001", ONE, ago=400),), 5),
    ("closed today: the grace is longer than the notice", (closed("100001", ONE, ago=0),), 14),
    ("closed twelve days ago, and told of today", (closed("100001", ONE, ago=12),), 5),
    ("never on the case: the grace counts from today", (Told("100001", (ONE,), workers=("worker-2",)),), 14),
    (
        "in monitoring, and nothing is planned",
        (Told("100001", (ONE,), phase=Phase.MONITORING, moments=(("worker-2", NOW.date()),)),),
        5,
    ),
]


@pytest.mark.parametrize(("told", "gone_after"), [row[1:] for row in BEGINS], ids=[row[0] for row in BEGINS])
def test_it_goes_when_the_worker_was_told_for_five_days_and_no_rule_keeps_it_longer(make_world, told, gone_after):
    world = make_world(policy=NOTICE)
    world.tell(*told)
    world.put(ONE)
    assert goes_after(world, gone_after)


def test_where_the_policy_gives_no_notice_nothing_waits_and_nothing_is_kept_of_it(world):
    world.tell(closed("100001", ONE, ago=400))
    world.put(ONE)
    assert goes_after(world, 0)
    assert [row.told_since for row in world.rows(base.pair)] == [None]


def test_a_question_to_a_person_meanwhile_begins_nothing_anew_and_staying_does(make_world):
    world = make_world(policy=NOTICE)
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    (row,) = world.rows(base.pair)
    told = row.told_since
    assert told == world.clock.now
    world.clock.pass_(days(4))  # the register is too old: a person decides
    world.plan(full=True)
    (row,) = world.rows(base.pair)
    assert (row.decision, row.told_since) == (Decision.REVIEW, told)
    world.tell()
    world.plan(full=True)
    (row,) = world.rows(base.pair)
    assert (row.decision, row.told_since) == (Decision.DEFER, told)
    world.tell(Told("100001", (ONE,)))  # opened again
    world.plan(full=True)
    (row,) = world.rows(base.pair)
    assert (row.decision, row.told_since) == (Decision.KEEP, None)
    world.tell(closed("100001", ONE))
    assert goes_after(world, 5)


def test_removals_that_were_ordered_before_a_policy_gave_notice_wait_for_it(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.look()
    world.plan()
    assert world.states() == {State.READY: 1}
    world.change(version="rules-8", notice_days=5)
    world.drain()
    assert world.vendor.removals() == 0
    assert goes_after(world, 5)


def test_a_clock_that_ran_ahead_delays_no_removal_for_long(make_world):
    world = make_world(policy=NOTICE)
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.clock.pass_(days(300))
    world.tell()
    world.run()
    world.clock.pass_(days(-300))
    assert goes_after(world, 5)


def test_a_held_contact_stands_on_the_page_as_one_that_goes_for_as_long_as_both_are_there(make_world, databases):
    world = make_world(policy=NOTICE)
    world.tell(closed("100001", ONE, ago=10), closed("100002", OTHER, ago=10))
    world.put(ONE)
    world.look()
    world.plan()
    held, free = two_worlds(world, databases)
    held.hold(case="100001")
    told = []
    for count in (2, 2.5, 0.5):
        for each in (held, free):
            each.pass_(days(count))
            each.run()
        if "card-0.vcf" not in free.book().cards:
            break
        told.append(page(free))
        assert page(held) == page(free)
        assert [row.told_since for row in held.rows(base.pair)] == [row.told_since for row in free.rows(base.pair)]
    assert "card-0.vcf" not in free.book().cards
    assert told == [[(*MAY_GO, "100001", None, True)]] * 2
    assert page(held) == told[0], "what is held goes on as it was"


def test_it_stands_there_in_the_same_words_before_and_after_its_days_of_notice_are_over(make_world):
    world = make_world(policy=NOTICE)
    world.tell(closed("100001", ONE, ago=400))
    world.put(ONE)
    world.look()
    world.plan()
    said = [page(world)]
    world.pass_(days(5) - timedelta(seconds=1))
    world.plan()
    said.append(page(world))
    world.pass_(timedelta(seconds=1))
    world.plan()
    said.append(page(world))
    assert [row.decision for row in world.rows(base.pair)] == [Decision.REMOVE]
    assert said == [[(*MAY_GO, "100001", None, True)]] * 3


def test_a_held_contact_leaves_behind_what_one_does_that_its_worker_took_out_also_where_notice_is_given(
    make_world, databases
):
    held, taken = never_there.worlds(make_world(policy=NOTICE), databases)
    for nth, step in enumerate((never_there.Step(8, 1, 1), never_there.Step(13, 2, 1), never_there.Step(8, 0, 1))):
        for each in (held, taken):
            never_there.live(each, nth, step)
    one, other = (never_there.shown(each, (Role.PRIVACY_OFFICER,)) for each in (held, taken))
    assert [key for key in one if one[key] != other[key]] == []
    assert [row.decision for row in held.rows(base.pair) if row.identifier_id == 1] == [Decision.DEFER]
