"""A contact that stands in several cards: run, log, report and page tell of cards, each by what became of it."""

from __future__ import annotations

from datetime import timedelta

from mdm_adapters.port import Fault, Unreachable
from server.cli.answers import removal as tell_removal
from server.core.log.entries import EntryKind
from server.core.model import Role, State
from server.render.words import Words
from server.work.removal import engine
from tests.vendors.members import card, tel
from tests.work.world import NUMBERS, World, closed

ONE, TWO = NUMBERS[:2]
KINDS = ("removed", "trimmed", "gone", "changed", "unclear", "failed")


def lines_of(world: World) -> list[str]:
    """What `run` says after a round, in English."""
    ran = engine.run_once(world.context, full=False, at_once=1)
    words = Words("en")
    return [words.say(line) for line in tell_removal.ran(ran).lines]


def cards_of(world: World) -> dict[str, int]:
    order = world.order()
    return {name: count for name in KINDS if (count := getattr(order, f"cards_{name}"))}


def put_mixed(world: World, number: str) -> None:
    """A card whose number is the client's, and which also holds one that nobody knows."""
    world.put(number, "020-0000001")


def put_unclear(world: World, number: str) -> None:
    """A card in which the client's number stands within a private note."""
    world.book().put("note.vcf", card(9, *tel("06-12345699"), f"NOTE:also to be had on {number} in the evening"))


def test_a_number_in_26_cards_is_26_entries_removed(world):
    world.tell(closed("100001", ONE))
    for _ in range(26):
        world.put(ONE)
    lines = lines_of(world)
    assert any("26 entries removed" in line for line in lines), lines
    assert any("1 accepted by the server" in line for line in lines), lines
    assert (cards_of(world), world.states()) == ({"removed": 26}, {State.CHECKING: 1})
    (receipt,) = world.logged(EntryKind.RECEIPT)
    assert (receipt["outcome"], receipt["removed"]) == ("removed", 26)


def test_cards_of_one_order_that_end_differently_are_each_told(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.put(ONE)
    put_mixed(world, ONE)
    world.look()
    world.plan()
    done = world.drain()
    assert (dict(done.cards), dict(done.outcomes)) == ({"removed": 2, "trimmed": 1}, {"trimmed": 1})
    assert cards_of(world) == {"removed": 2, "trimmed": 1}


def test_a_card_of_two_contacts_is_one_card_in_the_run_and_in_the_sum_of_the_report(world):
    world.tell(closed("100001", ONE, TWO))
    world.put(ONE, TWO)
    world.put(TWO)
    done = world.run()
    assert (done.cards["removed"], done.outcomes["removed"]) == (2, 2)
    (removed,) = [section for section in world.report().sections if section.key == "removed"]
    columns = [column.key for column in removed.columns]
    assert sorted(row[columns.index("cards_removed")] for row in removed.rows) == [1, 2]
    (sentence,) = [text for text in removed.paragraphs if "Cards removed" in text.message]
    assert dict(sentence.params) == {"removed": 2, "trimmed": 0}


def test_what_went_before_a_failure_is_kept_and_not_counted_again_when_it_is_found_gone(world):
    world.tell(closed("100001", ONE))
    for _ in range(3):
        world.put(ONE)
    world.look()
    world.plan()
    world.vendor.meanwhile += [
        lambda: None,
        lambda: world.vendor.fail_before.append(Unreachable(Fault.TIMED_OUT)),
    ]
    world.drain()
    assert (cards_of(world), world.order().attempts) == ({"removed": 2, "failed": 1}, 1)
    world.clock.pass_(timedelta(hours=1))
    world.drain()
    assert (cards_of(world), world.order().attempts) == ({"removed": 3}, 1)


def test_what_went_before_a_hold_is_kept_with_the_order_that_it_stopped(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.put(ONE)
    world.look()
    world.plan()

    def meanwhile() -> None:
        world.hold()
        world.clock.pass_(timedelta(seconds=2))

    world.vendor.meanwhile.append(meanwhile)
    world.drain()
    assert (cards_of(world), world.states()) == ({"removed": 1}, {State.STOPPED: 1})
    assert [body.get("removed") for body in world.logged(EntryKind.RECEIPT)] == [1]


def test_an_order_that_waits_for_a_person_tells_how_many_cards_went_all_the_same(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    put_unclear(world, ONE)
    world.run()
    assert (world.states(), cards_of(world)) == ({State.PERSON: 1}, {"removed": 1, "unclear": 1})
    stuck = next(section for section in world.report(Role.PRIVACY_OFFICER).sections if section.key == "stuck")
    columns = [column.key for column in stuck.columns]
    assert [row[columns.index("cards_removed")] for row in stuck.rows] == [1]
