"""What is held looks like what was never there: to everybody but the worker it leaves no more behind, on any later day.

Two worlds, the same until the days of grace of two contacts: in one a hold comes upon one of them, in the other its
worker takes it out of the book and writes a private card instead. Both live on for 120 days, in which cases are begun,
closed, contacts saved, found and removed, and all that any uncleared role is shown, can ask for or reads
in the log is compared along the way (decision 0075).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from server.cli.answers import removal as tell_removal
from server.core.model import Decision, Phase, Role
from server.render.answers import as_json, as_text
from server.render.words import Words
from server.store.schema import base
from server.work.removal import plan as planning
from server.work.removal import policy_changes
from tests.vendors.members import card
from tests.work.removal.test_silence import told_to, two_worlds
from tests.work.world import NUMBERS, POLICY, Told, World, closed, days, open_lines

HELD, OTHER = NUMBERS[:2]
ROLES = (Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR)
"""One for each of the two views that there are of it: which one a role has depends on nothing else."""
TRIED = (
    replace(POLICY, grace_days=0),
    replace(POLICY, require_recorded=True),
    replace(POLICY, max_removals=0),
    replace(POLICY, max_share=0.01, share_from=0),
)


def begun(world: World) -> None:
    """Two contacts in their days of grace, in one case each, and one in use."""
    world.tell(closed("100001", HELD, ago=3), closed("100002", OTHER, ago=3), Told("100003", (NUMBERS[2],)))
    world.put(HELD)
    world.put(OTHER)
    world.put(NUMBERS[2])
    world.look()
    world.plan()


def worlds(world: World, databases: Any) -> Iterator[World]:
    """The one with a hold, and the one in which the contact is taken out; both have looked since."""
    begun(world)
    held, taken = two_worlds(world, databases)
    held.hold(case="100001")
    taken.book().delete("card-0.vcf")
    taken.book().put("private.vcf", card(90, "TEL;TYPE=CELL:06-99999999"))
    held.book().put("card-0.vcf", held.book().cards["card-0.vcf"][1])  # touched, so that as much is read anew
    for each in (held, taken):
        each.look()
        each.plan()
        yield each


@dataclass(frozen=True)
class Step:
    """Some days among others. begins: for this worker a case begins, and its contact is saved. ends: that of so many
    steps ago is closed.
    """

    days: int
    begins: int
    ends: int


def drawn(dice: Random) -> Sequence[Step]:
    """About 120 days."""
    steps: list[Step] = []
    while sum(each.days for each in steps) < 120:
        steps.append(Step(dice.choice((5, 8, 13, 21)), dice.choice((0, 1, 1, 2)), dice.randrange(1, 3)))
    return steps


def live(world: World, nth: int, step: Step) -> None:
    """What happens in a step, and all that is done."""
    number = NUMBERS[5 + nth]
    if step.begins:
        world.told[f"2000{nth:02}"] = Told(f"2000{nth:02}", (number,), workers=(f"worker-{step.begins}",))
        world.put(number, worker=step.begins, ref=f"2000{nth:02}.vcf")
    ended = world.told.get(f"2000{nth - step.ends:02}")
    if ended is not None and ended.closed_at is None:
        world.told[ended.number] = replace(ended, phase=Phase.CLOSED, closed_at=world.clock.now)
    world.pass_(days(step.days))
    world.look()
    world.plan()
    world.drain()
    world.verify()


def shown(world: World, roles: Iterable[Role]) -> dict[str, Any]:
    """All that these roles are shown, and what can be asked for with a policy of one's own."""
    seen: dict[str, Any] = {role: told_to(world, role) for role in roles}
    for nth, policy in enumerate(TRIED):
        context = replace(world.context, policy=policy)
        passed = planning.rehearse(context, Role.PRIVACY_OFFICER)
        answer = tell_removal.rehearsed(context, passed, Role.PRIVACY_OFFICER)
        seen[f"tried {nth}"] = as_text(answer, Words("en")) + as_json(answer, Words("en"))
        seen[f"counted {nth}"] = policy_changes._by_reason(context)
        seen[f"explained {nth}"] = planning.facts_of(context, Role.PRIVACY_OFFICER, case="100001", worker="worker-1")
    return seen


def test_for_120_days_a_held_contact_leaves_no_more_behind_than_one_that_its_worker_took_out(
    make_world, databases, draws
):
    for dice in draws(1):
        steps = drawn(dice)
        held, taken = worlds(make_world(), databases)
        lines = [len(open_lines(each)) for each in (held, taken)]
        compared = {0, dice.randrange(1, len(steps) - 1), len(steps) - 1}
        for nth, step in enumerate(steps):
            for each in (held, taken):
                live(each, nth, step)
            if nth in compared:
                one, other = shown(held, ROLES), shown(taken, ROLES)
                assert [key for key in one if one[key] != other[key]] == [], f"after {nth + 1} steps"
        assert "card-0.vcf" in held.book().cards, "it is there all the time"
        assert [row.decision for row in held.rows(base.pair) if row.identifier_id == 1] == [Decision.DEFER]
        logs = [open_lines(each)[count:] for each, count in zip((held, taken), lines, strict=True)]
        assert logs[0] == logs[1]
        assert len(held.rows(base.orders)) > 2, "others go all the time"


def test_that_something_is_decided_again_because_of_a_hold_leaves_no_line_in_the_log(world):
    begun(world)
    before = len(open_lines(world))
    uid = world.hold(worker="worker-1")
    world.plan()
    world.release(uid)
    world.plan()
    assert len(open_lines(world)) == before


@pytest.mark.parametrize("count", [0, 9])
def test_of_a_book_nobody_is_told_how_many_contacts_of_ours_are_in_it(make_world, count):
    world = make_world()
    world.tell(Told("100001", NUMBERS[:count]))
    for number in NUMBERS[:count]:
        world.put(number)
    for nth in range(9 - count):
        world.book().put(f"private-{nth}.vcf", card(50 + nth, f"TEL;TYPE=CELL:06-9999990{nth}"))
    looked = world.look()
    answer = tell_removal.looked_at(looked)
    (section,) = answer.sections
    assert [row[1:] for row in section.rows] == [(9, 0, 0, None), (0, 0, 0, None)]
    (line,) = [line for line in open_lines(world) if line[1] == "sighting" and dict(line[2])["count"] == 9]
    assert set(dict(line[2])) == {"look", "place", "mode", "outcome", "count", "unreadable"}
