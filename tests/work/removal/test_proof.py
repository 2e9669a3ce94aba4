"""What proves a removal: a full look and each removed card asked for by its own address; and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mdm_adapters.port import Cut, Match, Outcome, Place, Receipt
from server.core.log.entries import EntryKind
from server.core.model import Disposition, Presence, State
from server.core.removal.order_state import MOST_CHANGES
from server.store.schema import base
from tests.vendors.members import card, tel
from tests.work.world import NUMBERS, Vendor, World, closed

ONE, TWO, THREE = NUMBERS[:3]
PRIVATE = [f"06-876543{number:02d}" for number in range(10)]


class HidingVendor(Vendor):
    """Says of each card that it is removed, lists it no more, and keeps it at its address."""

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        self._called("remove", place)
        self.hidden |= {cut.ref for cut in cuts}
        return [Receipt(Outcome.REMOVED) for _ in cuts]


class RestlessVendor(Vendor):
    """Another hand changes a card each time just before it is to be removed."""

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        for cut in cuts:
            _, body = self.books[place.address].cards[cut.ref]
            self.books[place.address].put(cut.ref, body)
        return super()._remove(place, cuts, match)


def dispose(world: World, kind: str) -> None:
    """A person closes the only open question of this kind."""
    (found,) = [row for row in world.rows(base.finding) if row.kind == kind and row.closed_at is None]
    world.conclude(found.uid, Disposition.PUT_RIGHT, "looked at")


def presences(world: World) -> set[str]:
    return {row.presence for row in world.rows(base.sighting)}


def asked_by_address(world: World) -> int:
    return sum(verb == "look_up" for verb, _ in world.vendor.calls)


def with_vendor(world: World, vendor: Vendor) -> None:
    vendor.books = world.vendor.books
    world.vendor = vendor
    world.context = replace(world.context, stores={"books": vendor})


# --- two kinds of question


def test_a_card_that_the_list_hides_and_its_address_still_gives_is_not_proven_gone(world: World):
    with_vendor(world, HidingVendor([]))
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    assert (world.states(), world.proofs(), presences(world)) == ({State.READY: 1}, [], {Presence.PRESENT})
    assert world.logged(EntryKind.PROOF)[-1]["outcome"] == "present"


def test_each_removed_card_is_asked_for_by_its_address_once_and_then_forgotten(world: World):
    world.tell(closed("100001", ONE, TWO))
    for number in (ONE, ONE, TWO):
        world.put(number)
    world.put(PRIVATE[0])
    world.run()
    assert (world.states(), asked_by_address(world)) == ({State.DONE: 2}, 1)
    assert (world.rows(base.entry), world.rows(base.removed_entry)) == ([], [])
    world.look(full=True)
    assert asked_by_address(world) == 1


def test_a_cut_card_is_asked_for_too(world: World):
    world.tell(closed("100001", ONE))
    world.put(ONE, PRIVATE[0])
    world.run()
    assert (world.states(), asked_by_address(world)) == ({State.DONE: 1}, 1)


def test_handles_are_remembered_until_the_removal_is_proven(world: World):
    """The first look proves nothing, since another card cannot be read; the one that can still asks for the removed."""
    with_vendor(world, HidingVendor([]))
    world.tell(closed("100001", ONE))
    removed = world.put(ONE)
    world.book().put("broken.vcf", b"no card")
    world.look()
    world.plan()
    world.drain()
    held = world.book().cards.pop(removed)
    world.verify()
    assert (world.states(), presences(world)) == ({State.CHECKING: 1}, {Presence.UNKNOWN})
    assert len(world.rows(base.removed_entry)) == 1
    world.book().cards[removed] = held
    world.book().delete("broken.vcf")
    world.verify()
    assert (world.states(), world.proofs()) == ({State.READY: 1}, [])


def test_what_cannot_be_asked_proves_nothing(world: World):
    world.tell(closed("100001", ONE))
    ref = world.put(ONE)
    world.look()
    world.plan()
    world.drain()
    world.vendor.hidden.add(ref)
    world.book().put(ref, b"no card")
    world.verify()
    assert (world.states(), world.findings()) == ({State.CHECKING: 1}, ["unreadable_entry"])
    dispose(world, "unreadable_entry")
    world.verify()
    assert world.states() == {State.DONE: 1}


# --- a book that is suddenly empty


def lose(world: World) -> None:
    """The server has lost the whole book, and says so of nothing."""
    world.book().cards.clear()


@pytest.mark.parametrize("accepted", [True, False], ids=["an order was carried out", "no order yet"])
def test_a_book_that_is_suddenly_empty_proves_nothing_until_a_person_has_looked(world: World, accepted: bool):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    for number in PRIVATE[:4]:
        world.put(number)
    world.look()
    world.plan()
    if accepted:
        world.drain()
    lose(world)
    world.look(full=True)
    state = State.CHECKING if accepted else State.READY
    assert (world.states(), presences(world)) == ({state: 1}, {Presence.UNKNOWN})
    assert (world.findings(), world.proofs()) == (["empty_book"], [])
    world.look(full=True)
    assert world.states() == {state: 1}
    dispose(world, "empty_book")
    world.look()
    assert (world.states(), presences(world), world.findings()) == ({State.DONE: 1}, {Presence.ABSENT}, [])


def test_a_book_that_is_back_answers_the_question_itself(world: World):
    world.tell(closed("100001", ONE, ago=1))
    world.put(ONE)
    for number in PRIVATE[:4]:
        world.put(number)
    world.look()
    held = dict(world.book().cards)
    lose(world)
    world.look(full=True)
    world.book().cards.update(held)
    world.look(full=True)
    assert (world.findings(), presences(world)) == ([], {Presence.PRESENT})


def test_a_delta_that_takes_all_the_book_away_is_not_believed(world: World):
    world.tell(closed("100001", ONE, ago=1))
    refs = [world.put(ONE), *(world.put(number) for number in PRIVATE[:4])]
    world.look()
    for ref in refs:
        world.book().delete(ref)
    (looked,) = [each for each in world.look() if each.place == world.rows(base.place)[0].uid]
    assert (looked.full, world.findings(), presences(world)) == (True, ["empty_book"], {Presence.UNKNOWN})


def test_a_book_that_we_emptied_ourselves_is_empty(world: World):
    world.tell(closed("100001", ONE, TWO, THREE))
    for number in (ONE, TWO, THREE, ONE):
        world.put(number)
    world.run()
    assert (world.states(), world.findings()) == ({State.DONE: 3}, [])


def test_a_book_of_few_cards_may_be_emptied(world: World):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.put(PRIVATE[0])
    world.look()
    lose(world)
    world.look(full=True)
    assert (world.findings(), presences(world)) == ([], {Presence.ABSENT})


# --- what waits, and what does not


def test_clean_cards_go_while_one_with_the_same_number_waits_for_a_person(world: World):
    world.tell(closed("100001", ONE))
    world.book().put("mixed.vcf", card(7, *tel(PRIVATE[0]), f"NOTE:broer: {ONE}"))
    clean = world.put(ONE)
    world.run()
    assert (world.states(), set(world.book().cards)) == ({State.PERSON: 1}, {"mixed.vcf"})
    again = world.put(ONE, ref="clean-2.vcf")
    world.run()
    assert (world.states(), set(world.book().cards)) == ({State.PERSON: 1}, {"mixed.vcf"})
    calls = world.vendor.removals()
    world.run()
    assert (world.vendor.removals(), {clean, again} & set(world.book().cards)) == (calls, set())
    assert world.findings() == ["mixed_unclear"]


def test_an_entry_that_is_another_each_time_ends_in_a_question(world: World):
    with_vendor(world, RestlessVendor([]))
    world.tell(closed("100001", ONE))
    world.put(ONE)
    for _ in range(7):
        world.run()
    assert (world.states(), world.findings()) == ({State.PERSON: 1}, ["unsteady_entry"])
    assert world.vendor.removals() == MOST_CHANGES
    with_vendor(world, Vendor([]))
    dispose(world, "unsteady_entry")
    world.run()
    assert (world.states(), world.book().cards) == ({State.DONE: 1}, {})


def test_an_entry_that_changed_now_and_then_is_asked_about_by_nobody(world: World):
    world.tell(closed("100001", ONE))
    ref = world.put(ONE)
    world.vendor.meanwhile += [lambda: world.put(ONE, ref=ref)] * (MOST_CHANGES - 1)
    for _ in range(MOST_CHANGES):
        world.run()
    assert (world.states(), world.findings()) == ({State.DONE: 1}, [])
