"""A policy file that was edited in place removes nothing until two people accept it, or it is put back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import update

from server.app import SHIPPED_POLICY
from server.core.log.entries import EntryKind
from server.core.log.table_state import DifferenceKind
from server.core.model import Role
from server.store.schema.base import policy_in_force
from server.work.admin import policy_check, table_checks
from tests.work.admin.test_table_checks import operator, person
from tests.work.world import NUMBERS, World, closed

TEXT = SHIPPED_POLICY.read_text("utf-8")
QUICKER = TEXT.replace("days: 14", "days: 2", 1)
SLOWER = TEXT.replace("days: 14", "days: 21", 1)
WORDS = f"# what we agreed\n{TEXT}"


@dataclass
class Installation:
    """A world whose policy is a file. text: what stands in it; None: there is none."""

    world: World
    text: str | None = TEXT

    def may_remove(self) -> bool:
        """Whether an engine would; it asks at each round."""
        return table_checks.why_not(self.world.context) is None

    def ordered(self) -> None:
        """A removal is ordered."""
        self.world.tell(closed("100001", NUMBERS[0], ago=40))
        self.world.put(NUMBERS[0])
        self.world.look()
        self.world.plan()

    def noted(self) -> list[object]:
        """How what is in force came to be so."""
        return [body["verb"] for body in self.world.logged(EntryKind.POLICY_CHANGED)]


@pytest.fixture
def installation(world: World) -> Installation:
    """With a policy of its own that an engine has followed, and under which a removal is ordered."""
    made = Installation(world)
    world.context = replace(world.context, policy_file=lambda: made.text)
    assert made.may_remove()
    made.ordered()
    return made


def test_the_three_texts_are_three_policies():
    assert len({TEXT, QUICKER, SLOWER}) == 3


@pytest.mark.parametrize("text", [QUICKER, "", "policy: {}", None], ids=["another", "empty", "faulty", "gone"])
def test_an_edited_file_removes_nothing_until_it_is_put_back(installation, text):
    installation.text = text
    assert table_checks.why_not(installation.world.context) == table_checks.POLICY_EDITED
    assert not table_checks.may_act(installation.world.context)
    installation.text = TEXT
    assert installation.may_remove()
    assert installation.noted() == ["taken"], "what was there in between was never in force"


def test_another_comment_is_the_same_policy(installation):
    installation.text = WORDS
    assert installation.may_remove()


def test_until_a_removal_is_ordered_the_file_is_written_freely_and_each_text_is_an_entry(world):
    made = Installation(world, None)
    world.context = replace(world.context, policy_file=lambda: made.text)
    for text in (None, TEXT, WORDS, QUICKER):
        made.text = text
        assert made.may_remove()
    assert made.noted() == ["taken", "taken", "taken"]
    made.ordered()
    made.text = SLOWER
    assert not made.may_remove()


def test_what_only_asks_whether_anything_may_be_removed_notes_nothing(world):
    world.context = replace(world.context, policy_file=lambda: TEXT)
    assert table_checks.may_act(world.context)
    assert table_checks.compare(world.context).sound
    assert world.logged(EntryKind.POLICY_CHANGED) == []


def test_two_people_accept_the_text_that_both_saw(installation):
    world = installation.world
    admin = person(world, "admin-1", Role.IT_ADMINISTRATOR)
    independent = person(world, "officer-2", Role.INDEPENDENT_OFFICER)
    installation.text = QUICKER
    assert not table_checks.accept(world.context, admin, "agreed in the council").done
    installation.text = SLOWER
    assert not table_checks.accept(world.context, independent, "agreed in the council").done, "another text"
    assert not installation.may_remove()
    said = table_checks.accept(world.context, admin, "agreed in the council")
    assert said.done
    assert said.found.found == ()
    assert installation.may_remove()
    assert installation.noted() == ["taken", "accepted"]
    installation.text = TEXT
    assert not installation.may_remove(), "what was in force before is in force no more"


def test_a_row_changed_beside_it_is_accepted_with_it_and_told_to_the_cleared(installation):
    world = installation.world
    admin = person(world, "admin-1", Role.IT_ADMINISTRATOR)
    independent = person(world, "officer-2", Role.INDEPENDENT_OFFICER)
    installation.text = QUICKER
    with operator(world) as connection:
        connection.execute(update(policy_in_force).values(content=QUICKER))
    assert table_checks.why_not(world.context) == table_checks.RECORDS_DIFFER, "the row is held to the log as well"
    with operator(world) as connection:
        connection.execute(update(policy_in_force).values(content=SLOWER))
    table_checks.accept(world.context, admin, "agreed in the council")
    second = table_checks.accept(world.context, independent, "agreed in the council")
    changed = {DifferenceKind.ROW_CHANGED: 1}
    assert second.found.by_table() == {"policy_in_force": changed, "policy file": changed}
    assert installation.may_remove()


def test_where_the_policy_comes_from_no_file_nothing_is_held_against_one(world):
    policy_check.note(world.context)
    assert policy_check.is_as_put(world.context)
    assert world.logged(EntryKind.POLICY_CHANGED) == []
