"""A vendor that refuses, hangs, lies or loses its answer: what becomes of the order, when it is tried again, who is
asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mdm_adapters.port import Denied, Fault, Garbled, Missing, Unreachable
from server.core.log.entries import EntryKind
from server.core.model import Disposition, State
from server.store.schema import base
from server.work.removal import engine
from tests.vendors.members import card
from tests.work.world import NOW, NUMBERS, KeepingVendor, World, YesVendor, closed, days

ONE, TWO, THREE = NUMBERS[:3]
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def ready(world: World, *numbers: str) -> None:
    world.tell(closed("100001", *(numbers or (ONE,))))
    for number in numbers or (ONE,):
        world.put(number)
    world.look()
    world.plan()


REFUSALS = {
    "try later": (Unreachable(Fault.SERVER_ERROR, status=503), 30 * SECOND, "under_way"),
    "try later, as the vendor says": (Unreachable(Fault.THROTTLED, status=429, wait=17.0), 17 * SECOND, "under_way"),
    "at once, as the vendor says": (Unreachable(Fault.THROTTLED, status=429, wait=0.0), SECOND, "under_way"),
    "timed out": (Unreachable(Fault.TIMED_OUT), 30 * SECOND, "under_way"),
    "wrong password": (Denied(Fault.WRONG_CREDENTIALS, status=401), HOUR, "stuck"),
    "no right": (Denied(Fault.FORBIDDEN, status=403), HOUR, "stuck"),
    "the book is gone": (Missing(Fault.PLACE_GONE, status=404), HOUR, "stuck"),
    "nonsense": (Garbled(Fault.NOT_THE_PROTOCOL, status=200), HOUR, "stuck"),
    "another host": (Garbled(Fault.REDIRECTED, status=302), HOUR, "stuck"),
}


@pytest.mark.parametrize(("error", "wait", "told_as"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_call_that_failed_is_tried_again_when_it_makes_sense_and_told_meanwhile(world, error, wait, told_as):
    ready(world)
    world.vendor.fail_before.append(error)
    assert world.drain().faults == {error.fault: 1}
    order = world.order()
    assert (order.state, order.fault, order.next_at, order.lease_by) == ("ready", error.fault, NOW + wait, None)
    figures = world.figures()
    assert (figures["under_way"], figures["stuck"]) == ((1, 0) if told_as == "under_way" else (0, 1))
    assert world.logged(EntryKind.RECEIPT)[-1]["fault"] == error.fault
    world.clock.pass_(wait - timedelta(microseconds=1))
    assert world.drain().called == 0
    world.clock.pass_(timedelta(microseconds=1))
    assert world.drain().outcomes == {"removed": 1}
    world.verify()
    assert (world.states(), world.order().fault) == ({State.DONE: 1}, None)


def test_a_vendor_that_stays_away_is_asked_ever_less_often(world):
    ready(world)
    waits = []
    for _ in range(12):
        world.vendor.fail_before.append(Unreachable(Fault.NO_CONNECTION))
        world.drain()
        waits.append((world.order().next_at - world.clock.now) / SECOND)
        world.clock.now = world.order().next_at
        world.tell()
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600]


@pytest.mark.parametrize("error", [Unreachable(Fault.DROPPED), Garbled(Fault.BAD_BODY)], ids=["dropped", "garbled"])
def test_an_answer_that_was_lost_after_the_card_was_removed_is_made_good_by_the_repeat(world, error):
    ready(world)
    world.vendor.fail_after.append(error)
    world.drain()
    assert (world.states(), world.book().cards, world.proofs()) == ({State.READY: 1}, {}, [])
    world.clock.pass_(HOUR)
    assert world.drain().outcomes == {"already_gone": 1}
    world.verify()
    assert (world.states(), len(world.proofs())) == ({State.DONE: 1}, 1)
    assert world.book().touched == ["card-0.vcf", "card-0.vcf"], "written once, deleted once"


def test_an_answer_that_was_lost_is_not_needed_when_a_look_shows_that_it_was_done(world):
    ready(world)
    world.vendor.fail_after.append(Unreachable(Fault.DROPPED))
    world.drain()
    world.look(full=True)
    assert (world.states(), world.vendor.removals()) == ({State.DONE: 1}, 1)


def test_a_card_that_changed_since_it_was_read_is_read_again_and_then_cut(world):
    ready(world)
    (ref,) = world.book().cards
    world.vendor.meanwhile.append(lambda: world.put(ONE, "06-12345699", ref=ref, name="Neighbour"))
    result = engine.run_once(world.context, full=False, at_once=1)
    assert result.drained.outcomes == {"changed": 1, "trimmed": 1}
    assert "06-12345699" in world.book().cards[ref][1].decode()
    world.verify()
    assert (world.states(), ONE in world.book().cards[ref][1].decode()) == ({State.DONE: 1}, False)


def test_a_card_that_changed_to_somebody_private_is_left_alone(world):
    ready(world)
    (ref,) = world.book().cards
    world.vendor.meanwhile.append(lambda: world.put("06-12345699", ref=ref, name="Neighbour"))
    engine.run_once(world.context, full=False, at_once=1)
    world.verify()
    assert (world.states(), len(world.book().cards)) == ({State.DONE: 1}, 1)


def test_a_number_that_cannot_be_cut_cleanly_waits_for_a_person_and_goes_on_after(world):
    world.tell(closed("100001", ONE))
    world.book().put("note.vcf", card(9, "TEL;TYPE=CELL:06-12345699", f"NOTE:also to be had on {ONE} in the evening"))
    assert world.run().outcomes == {"unclear": 1}
    assert (world.states(), world.findings()) == ({State.PERSON: 1}, ["mixed_unclear"])
    assert (world.figures()["stuck"], len(world.book().cards)) == (1, 1)
    world.book().put("note.vcf", card(9, "TEL;TYPE=CELL:06-12345699"))
    world.look(full=True)
    assert world.states() == {State.DONE: 1}


def test_a_finding_that_was_answered_lets_its_order_be_tried_again(world):
    world.tell(closed("100001", ONE))
    world.book().put("note.vcf", card(9, "TEL;TYPE=CELL:06-12345699", f"NOTE:also to be had on {ONE} in the evening"))
    world.run()
    (finding,) = world.rows(base.finding)
    world.conclude(finding.uid, Disposition.PUT_RIGHT, "the worker took it out")
    assert (world.states(), world.findings()) == ({State.READY: 1}, [])
    world.book().put("note.vcf", card(9, f"TEL;TYPE=CELL:{ONE}"))
    world.run()
    assert (world.states(), world.book().cards) == ({State.DONE: 1}, {})


def test_a_vendor_that_accepts_everything_and_removes_nothing_is_never_believed(make_world):
    world = make_world(vendor=YesVendor(["book-1", "book-2"]))
    world.tell(closed("100001", ONE))
    world.put(ONE)
    for _ in range(5):
        world.run()
        assert world.states() == {State.READY: 1}
        assert (world.order().fault, world.order().settled_at) == (Fault.ACCEPTS_ANYTHING, None)
        assert (world.figures()["removed"], world.figures()["stuck"]) == (0, 1)
        world.pass_(HOUR)
    assert world.proofs() == []
    assert {body["outcome"] for body in world.logged(EntryKind.PROOF)} == {"present"}


def test_what_a_vendor_can_bring_back_is_not_called_removed(make_world):
    world = make_world(vendor=KeepingVendor(["book-1", "book-2"]))
    world.tell(closed("100001", ONE))
    world.put(ONE)
    for _ in range(3):
        world.run()
        assert (world.states(), world.order().recoverable, world.order().level) == (
            {State.CHECKING: 1},
            True,
            "ordered",
        )
        world.pass_(HOUR)
    assert (world.proofs(), world.figures()["removed"]) == ([], 0)


def test_a_book_that_vanished_proves_nothing(world):
    ready(world, ONE, TWO)
    world.vendor.fail_after.append(Unreachable(Fault.DROPPED))
    world.drain()
    del world.vendor.books["book-1"]
    for _ in range(3):
        world.run()
        world.pass_(HOUR)
    assert (world.proofs(), State.DONE in world.states()) == ([], False)
    assert {row.presence for row in world.rows(base.sighting)} == {"present"}
    assert world.figures()["removed"] == 0


LOOKS = [
    Unreachable(Fault.TIMED_OUT),
    Denied(Fault.WRONG_CREDENTIALS),
    Missing(Fault.PLACE_GONE),
    Garbled(Fault.TOO_LARGE),
]


@pytest.mark.parametrize("error", LOOKS, ids=[error.fault for error in LOOKS])
def test_a_look_that_fails_changes_nothing_that_was_known_and_is_told_with_what_to_do(world, error):
    ready(world)
    world.drain()
    before = [world.rows(table) for table in (base.sighting, base.entry, base.orders)]
    world.vendor.fail_before.append(error)
    (looked,) = world.verify().looked
    assert (looked.fault, looked.written) == (error.fault, None)
    assert [world.rows(table) for table in (base.sighting, base.entry, base.orders)] == before
    assert world.logged(EntryKind.SIGHTING)[-1]["fault"] == error.fault
    assert error.fault in [row.fault for row in world.rows(base.place)]
    world.verify()
    assert (world.states(), {row.fault for row in world.rows(base.place)}) == ({State.DONE: 1}, {None})


def test_one_place_that_fails_does_not_keep_the_others_from_being_read(world):
    world.tell(closed("100001", ONE, workers=("worker-1", "worker-2")))
    world.put(ONE, worker=2)
    world.vendor.fail_before.append(Unreachable(Fault.TIMED_OUT))
    world.run()
    assert (world.states(), world.book(2).cards) == ({State.DONE: 1}, {})


def test_a_connection_whose_secret_cannot_be_read_is_waited_for(world):
    ready(world)
    whole = world.context
    world.context = replace(whole, stores={})
    assert world.look() == []
    assert world.drain().faults == {Fault.NO_CONNECTION: 1}
    assert (world.states(), world.order().next_at) == ({State.READY: 1}, NOW + 30 * SECOND)
    world.context = whole
    world.clock.pass_(30 * SECOND)
    world.run()
    assert world.states() == {State.DONE: 1}


def test_one_card_that_fails_does_not_keep_the_others_from_going(world):
    ready(world, ONE, TWO, THREE)
    world.vendor.fail_before.append(Unreachable(Fault.TIMED_OUT))
    assert world.drain().outcomes == {"failed": 1, "removed": 2}
    world.verify()
    assert world.states() == {State.READY: 1, State.DONE: 2}


def test_of_a_contact_in_two_cards_the_failure_of_one_is_the_failure_of_both(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.put(ONE)
    world.look()
    world.plan()
    world.vendor.fail_before.append(Unreachable(Fault.TIMED_OUT))
    assert world.drain().outcomes == {"failed": 1}
    assert len(world.book().cards) == 1
    world.pass_(days(1))
    world.run()
    assert (world.states(), world.book().cards) == ({State.DONE: 1}, {})


def test_an_unreadable_card_keeps_a_removal_from_being_proven_until_a_person_has_looked(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.book().put("broken.vcf", b"\xff\xfe this is no card")
    world.run()
    assert (world.states(), world.findings(), len(world.book().cards)) == ({State.CHECKING: 1}, ["unreadable_entry"], 1)
    (finding,) = world.rows(base.finding)
    world.conclude(finding.uid, Disposition.NOTHING_THERE, "an old card without a number")
    world.run()
    assert (world.states(), world.findings()) == ({State.DONE: 1}, [])


def test_a_card_with_a_case_number_and_no_known_identifier_is_a_question(world):
    world.tell(closed("100001", ONE))
    world.put("06-12345699", name="123456 mother")
    world.run()
    assert (world.findings(), len(world.book().cards), world.states()) == (["case_number_entry"], 1, {})
