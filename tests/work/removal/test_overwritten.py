"""A number that the case system names no more is former, not free: it stays in sight until it is proven gone."""

from __future__ import annotations

import pytest

from server.core.model import ContactClass, Decision, Disposition, Phase, Reason, State
from server.sources.rows import Mode
from server.store.schema import base
from tests.work.world import NOW, NUMBERS, Told, World, closed, days

OLD, NEW, OTHER = NUMBERS[:3]


def decisions(world: World) -> list[tuple[str, str]]:
    return [(row.decision, row.reason) for row in world.rows(base.pair)]


def links(world: World) -> list[tuple[bool, bool]]:
    """Of each link: whether the register names it, and whether that was said of its identifier at all."""
    return [(row.gone_at is None, row.linked) for row in world.rows(base.link)]


def told_for(world: World, before: float, *cases: Told) -> None:
    """The case system told of these for so many days, and the book was read."""
    world.tell(*cases)
    world.run()
    world.pass_(days(before))


@pytest.mark.parametrize("mode", list(Mode))
def test_an_overwritten_number_goes_with_its_case(world, mode):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,)))
    world.tell(Told("100001", (NEW,)), mode=mode)
    world.run()
    assert decisions(world) == [(Decision.KEEP, Reason.ASSIGNED)]
    assert world.findings() == ["number_overwritten"]
    world.tell(closed("100001", NEW, ago=-90), mode=mode)
    world.pass_(days(15))
    world.run()
    assert (world.book().cards, world.states()) == ({}, {State.DONE: 1})
    assert world.findings() == []


def test_a_number_that_was_corrected_after_some_days_may_be_a_strangers_and_goes_to_a_person(world):
    world.put(OLD)
    told_for(world, 3, Told("100001", (OLD,)))
    world.tell(closed("100001", NEW, ago=30))
    world.run()
    assert decisions(world) == [(Decision.REVIEW, Reason.FORMER_NUMBER)]
    world.pass_(days(400))
    world.run()
    assert len(world.book().cards) == 1
    assert world.findings() == ["number_overwritten"]


def test_a_number_overwritten_longer_ago_than_the_policy_says_goes_to_a_person(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,)))
    world.tell(Told("100001", (NEW,)))
    world.pass_(days(366))
    world.tell(closed("100001", NEW, ago=-420))
    world.pass_(days(30))
    world.run()
    assert decisions(world) == [(Decision.REVIEW, Reason.FORMER_NUMBER)]


def test_a_number_taken_out_of_the_case_goes_like_one_that_was_overwritten(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD, OTHER)))
    world.tell(closed("100001", OTHER, ago=20))
    assert world.run().outcomes == {"removed": 1}


def test_a_number_that_came_to_another_case_is_needed_there(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,)))
    world.tell(closed("100001", NEW), Told("100002", (OLD,)))
    world.run()
    assert decisions(world) == [(Decision.KEEP, Reason.ASSIGNED)]


def test_a_number_that_is_named_again_is_former_no_more(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,)))
    world.tell(Told("100001", (NEW,)))
    world.tell(Told("100001", (NEW, OLD)))
    assert links(world) == [(True, True)] * 2


def test_an_export_with_a_fault_takes_no_number_out_of_a_case(world):
    told_for(world, 90, Told("100001", (OLD, OTHER)))
    rows = [row for each in (Told("100001", (OLD, "no number")),) for row in each.rows()]
    world.take_in(rows, partial=True)
    assert links(world) == [(True, True)] * 2


def test_the_same_export_again_touches_nothing(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,)))
    world.tell(Told("100001", (NEW,)))
    world.run()
    applied = world.tell().applied
    assert applied is not None
    assert (applied.touched, applied.due) == (0, 0)


def test_a_number_that_was_never_anywhere_is_forgotten_once_it_was_watched_for(world):
    told_for(world, 90, Told("100001", (OLD,)))
    world.tell(Told("100001", (NEW,)))
    world.pass_(days(300))
    world.look(full=True)
    world.tell()
    assert links(world) == [(False, True), (True, True)]
    world.pass_(days(66))
    assert links(world) == [(True, True)]


def test_what_is_still_on_a_phone_is_never_forgotten(world):
    world.put(OLD)
    told_for(world, 3, Told("100001", (OLD,)))
    world.tell(closed("100001", NEW))
    for _ in range(3):
        world.pass_(days(500))
        world.run()
    assert decisions(world) == [(Decision.REVIEW, Reason.FORMER_NUMBER)]


def test_what_was_removed_is_forgotten_when_its_tombstone_has_ended(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,)))
    world.tell(closed("100001", NEW, ago=30))
    world.run()
    world.pass_(days(360))
    world.put(OLD)
    assert world.run().outcomes == {"removed": 1}
    assert "reappeared" in world.findings()
    world.pass_(days(360))
    world.look(full=True)
    assert len(world.rows(base.link)) == 2
    world.pass_(days(10))
    assert len(world.rows(base.link)) == 1


def test_a_professional_of_whom_no_case_tells_any_more_is_nobodys_business(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,), contact_class=ContactClass.PROFESSIONAL), Told("100002", (OTHER,)))
    world.tell(Told("100001", (), contact_class=ContactClass.PROFESSIONAL), closed("100002", OLD))
    assert world.run().outcomes == {"removed": 1}


def test_a_question_about_a_number_is_asked_once_for_each_time_it_was_overwritten(world):
    world.put(OLD)
    told_for(world, 3, Told("100001", (OLD,)))
    world.tell(Told("100001", (NEW,)))
    world.run()
    (found,) = world.rows(base.finding)
    world.conclude(found.uid, Disposition.EXPLAINED, "asked the worker")
    world.tell(closed("100001", NEW))
    world.run()
    assert world.findings() == []
    world.tell(Told("100001", (OLD,)))
    world.clock.pass_(days(1))
    world.tell(Told("100001", (NEW,)))
    world.run()
    assert world.findings() == ["number_overwritten"]


def test_a_held_overwritten_number_looks_like_one_that_is_postponed(make_world):
    held, free = make_world(), make_world()
    for each in (held, free):
        each.put(OLD)
        told_for(each, 90, Told("100001", (OLD,)))
    held.hold(case="100001")
    held.tell(closed("100001", NEW, ago=60))
    free.tell(closed("100001", NEW, ago=-85))
    seen = []
    for each in (held, free):
        each.run()
        seen.append((decisions(each), each.findings(), each.states()))
    assert seen[0] == seen[1] == ([(Decision.DEFER, Reason.DEFERRED)], ["number_overwritten"], {})


def test_a_whole_case_that_is_missing_stays_a_question(world):
    world.put(OLD)
    told_for(world, 90, Told("100001", (OLD,)), Told("100002", (OTHER,), phase=Phase.TRIAGE))
    del world.told["100001"]
    world.tell(confirmed=True)
    world.run()
    assert decisions(world) == [(Decision.REVIEW, Reason.LINK_UNKNOWN)]


def test_a_reappeared_number_tells_its_case(world):
    world.put(OLD)
    world.tell(closed("100001", OLD))
    world.run()
    world.pass_(days(1))
    world.put(OLD)
    world.look()
    (found,) = world.rows(base.finding)
    (case,) = world.rows(base.cases)
    assert (found.kind, found.case_id, world.clock.now) == ("reappeared", case.id, NOW + days(1))
