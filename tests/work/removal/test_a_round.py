"""One round of look, decide, carry out and look again, from a closed case to a contact that is verified removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.core.log.entries import EntryKind
from server.core.model import ContactClass, Decision, Phase, State
from server.sources.rows import ContactRow
from server.store.schema import base
from server.work.admin import setup
from server.work.removal import plan
from tests.work.world import NOW, NUMBERS, Told, Vendor, closed, days, token_of

ONE, TWO, THREE = NUMBERS[:3]
MUM = "06-12345699"


def test_a_closed_cases_contact_is_found_removed_seen_absent_logged_and_reported(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    assert world.run().outcomes == {"removed": 1}
    assert world.states() == {State.DONE: 1}
    assert world.book().cards == {}
    order = world.order()
    assert (order.reason, order.level, order.settled_at, order.policy) == (
        "finally_closed",
        "store_removed",
        NOW,
        "rules-7",
    )
    assert world.proofs() == [order.id]
    told = [entry.kind for entry in world.log() if entry.body.get("order") == order.id]
    assert told == [EntryKind.ORDER_SENT, EntryKind.RECEIPT, EntryKind.PROOF]
    assert {key: world.figures()[key] for key in ("removed", "under_way", "stuck")} == {
        "removed": 1,
        "under_way": 0,
        "stuck": 0,
    }


def test_a_second_round_finds_nothing_to_do(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    before, calls = world.rows(base.orders), world.vendor.removals()
    assert world.run().called == 0
    assert world.plan(full=True).orders == 0
    assert (world.rows(base.orders), world.vendor.removals()) == (before, calls)


def test_spellings_as_people_type_them_are_the_same_contact(world):
    world.tell(closed("100001", "0612345601"))
    for spelling in ("+31 6 1234 5601", "0031612345601", "06-12 34 56 01", "+31 (0)6-12345601"):
        world.put(spelling)
    world.run()
    assert (world.book().cards, world.states()) == ({}, {State.DONE: 1})


def test_a_private_card_is_neither_touched_nor_known(world):
    world.tell(closed("100001", ONE))
    world.put(MUM, name="Mum")
    before = dict(world.book().cards)
    world.run()
    assert world.book().cards == before
    assert world.rows(base.entry) == []
    assert world.vendor.removals() == 0


def test_of_a_card_with_a_private_number_beside_it_only_the_clients_line_goes(world):
    world.tell(closed("100001", ONE))
    ref = world.put(ONE, MUM, name="Mum")
    assert world.run().outcomes == {"trimmed": 1}
    body = world.book().cards[ref][1].decode()
    assert MUM in body
    assert ONE not in body
    assert world.states() == {State.DONE: 1}


def test_two_clients_in_one_card_go_with_it(world):
    world.tell(closed("100001", ONE, TWO))
    world.put(ONE, TWO)
    world.run()
    assert (world.book().cards, world.states()) == ({}, {State.DONE: 2})


def test_of_two_clients_in_one_card_the_one_that_is_needed_stays(world):
    world.tell(closed("100001", ONE), Told("100002", (TWO,)))
    ref = world.put(ONE, TWO)
    world.run()
    body = world.book().cards[ref][1].decode()
    assert (TWO in body, ONE in body) == (True, False)
    assert world.states() == {State.DONE: 1}


def test_a_number_of_two_cases_stays_with_who_has_the_open_one_and_goes_from_the_other(world):
    world.tell(Told("100001", (ONE,)), closed("100002", ONE, workers=("worker-2",)))
    world.clock.pass_(days(15))
    world.tell()
    for worker in (1, 2):
        world.put(ONE, worker=worker)
    world.run()
    world.pass_(days(14))
    world.run()
    assert (len(world.book(1).cards), world.book(2).cards) == (1, {})


def test_grace_defers_and_then_lets_go(world):
    world.tell(closed("100001", ONE, ago=3))
    world.put(ONE)
    world.run()
    assert (world.states(), [row.decision for row in world.rows(base.pair)]) == ({}, ["defer"])
    world.pass_(days(11) - timedelta(microseconds=1))
    world.run()
    assert world.states() == {}
    world.clock.pass_(timedelta(microseconds=1))
    world.run()
    assert world.states() == {State.DONE: 1}


def test_a_contact_without_assignment_is_asked_about_at_once_and_removed_after_grace(world):
    world.tell(Told("100001", (ONE,), workers=("worker-2",)))
    world.put(ONE)
    world.run()
    assert (world.findings(), world.states()) == (["without_assignment"], {})
    world.pass_(days(14))
    world.run()
    assert (world.findings(), world.states()) == (["without_assignment"], {State.DONE: 1})


def test_a_contact_that_comes_back_is_a_finding_and_a_new_order(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    world.pass_(days(1))
    world.put(ONE)
    world.run()
    assert world.findings() == ["reappeared"]
    assert (world.states(), world.book().cards) == ({State.DONE: 2}, {})
    assert len({row.id for row in world.rows(base.orders)}) == 2
    assert len(world.proofs()) == 2


def test_a_contact_that_comes_back_behind_an_unreadable_card_is_removed_as_well(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    world.book().put("broken.vcf", b"\xff\xfe this is no card")
    world.run()
    world.put(ONE)
    world.run()
    assert world.findings() == ["unreadable_entry", "reappeared"]
    assert [ref for ref in world.book().cards if ref != "broken.vcf"] == []
    assert world.states() == {State.DONE: 1, State.CHECKING: 1}, "nothing is proven beside what nobody can read"
    world.book().delete("broken.vcf")
    world.verify()
    assert world.states() == {State.DONE: 2}


def test_a_reopened_and_closed_case_makes_a_new_order_for_the_same_contact(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    world.tell(Told("100001", (ONE,)))
    world.put(ONE)
    world.run()
    assert world.states() == {State.DONE: 1}
    world.clock.pass_(days(30))
    world.tell(closed("100001", ONE, ago=-1))
    world.run()
    assert (world.states(), world.book().cards) == ({State.DONE: 2}, {})


def test_monitoring_takes_it_away_and_a_later_window_keeps_it_if_it_is_there(world):
    moment = (NOW + days(60)).date()
    told = Told("100001", (ONE,), phase=Phase.MONITORING, moments=(("worker-1", moment),))
    world.tell(told)
    world.put(ONE)
    world.run()
    assert world.states() == {State.DONE: 1}
    world.pass_(days(50))
    world.put(ONE)
    world.run()
    assert (len(world.book().cards), world.states()) == (1, {State.DONE: 1})
    world.pass_(days(30))
    world.run()
    assert (world.book().cards, world.states()) == ({}, {State.DONE: 2})


def test_the_second_book_of_a_worker_is_not_given_new_grace_when_the_first_is_clean(make_world):
    world = make_world(vendor=Vendor(["book-1", "book-2", "book-9"]))
    setup.import_places(world.context, "worker;employer;connection;address\nworker-1;Employer 1;books;book-9\n")
    world.tell(Told("100001", (ONE,), workers=("worker-2",)))
    world.put(ONE)
    world.run()
    world.pass_(days(10))
    world.book(9).put("late.vcf", world.book(1).cards["card-0.vcf"][1])
    world.run()
    world.book(1).delete("card-0.vcf")
    world.pass_(days(4))
    world.run()
    assert world.book(9).cards == {}


def test_what_a_worker_removed_by_hand_needs_no_call(world):
    world.tell(closed("100001", ONE))
    ref = world.put(ONE)
    world.look()
    world.plan()
    world.book().delete(ref)
    world.look(full=True)
    assert (world.states(), world.vendor.removals()) == ({State.DONE: 1}, 0)


@pytest.mark.parametrize("delta", [True, False])
def test_a_vendor_with_and_without_a_journal_comes_to_the_same(make_world, delta):
    world = make_world(vendor=Vendor(["book-1", "book-2"], delta=delta))
    world.tell(closed("100001", ONE), Told("100002", (TWO,)))
    world.put(ONE)
    world.run()
    world.put(TWO)
    world.pass_(days(1))
    world.tell(replace(world.told["100002"], phase=Phase.CLOSED, closed_at=NOW))
    world.run()
    assert world.states() == {State.DONE: 1}
    world.pass_(days(14))
    world.run()
    assert (world.states(), world.book().cards) == ({State.DONE: 2}, {})


@pytest.mark.parametrize("guards", [True, False])
def test_a_vendor_with_and_without_versions_comes_to_the_same(make_world, guards):
    world = make_world(vendor=Vendor(["book-1", "book-2"], guards=guards))
    world.tell(closed("100001", ONE))
    world.put(ONE, MUM)
    world.put(ONE)
    world.run()
    assert world.states() == {State.DONE: 1}
    (body,) = world.book().cards.values()
    assert ONE not in body[1].decode()


def test_identifiers_that_the_register_learns_after_a_look_force_a_full_look(world):
    world.tell(closed("100001", TWO))
    world.put(ONE)
    world.run()
    assert [looked.full for looked in world.look()] == [False, False]
    world.tell(closed("100002", ONE))
    looked = world.look()
    assert [each.full for each in looked] == [True, True]
    assert looked[0].written is not None
    assert len(looked[0].written.appeared) == 1
    assert [each.full for each in world.look()] == [False, False]
    world.run()
    assert (world.book().cards, world.states()) == ({}, {State.DONE: 1})


def test_a_dry_run_shows_each_item_with_its_reason_and_changes_nothing_but_the_log(world):
    world.tell(closed("100001", ONE), closed("100002", TWO, ago=3), closed("100003", THREE, linked=False))
    for number in (ONE, TWO, THREE):
        world.put(number)
    world.look()
    before = [world.rows(table) for table in (base.orders, base.pair, base.plan, base.finding)]
    passed = plan.rehearse(world.context)
    assert {(item.need.decision, item.need.reason.value) for item in passed.items} == {
        (Decision.REMOVE, "finally_closed"),
        (Decision.DEFER, "deferred"),
        (Decision.REVIEW, "link_unknown"),
    }
    assert [world.rows(table) for table in (base.orders, base.pair, base.plan, base.finding)] == before
    assert world.logged(EntryKind.PLAN_MADE)[-1]["mode"] == "dry_run"
    assert passed.digest == world.plan().digest


def test_a_contact_in_the_directory_stays(world):
    world.directory = (ContactRow(0, None, None, ContactClass.COLLEAGUE, ONE),)
    world.tell(closed("100001", ONE, TWO))
    world.put(ONE)
    world.put(TWO)
    world.run()
    assert len(world.book().cards) == 1
    with world.context.store.read() as connection:
        kept = connection.execute(
            base.pair.select()
            .join(base.identifier, base.identifier.c.id == base.pair.c.identifier_id)
            .where(base.identifier.c.token == token_of(ONE))
        ).one()
    assert (kept.decision, kept.reason) == ("keep", "class_stays")
