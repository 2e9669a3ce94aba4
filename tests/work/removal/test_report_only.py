"""Where the policy only reports, everything is read and decided, and no book is changed, whoever asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from server.core.model import Role, State
from server.core.text import phrase
from server.render.words import Words
from server.store import findings
from server.store.schema import base
from server.work.removal import plan as planning
from server.work.removal.permit import Permit
from server.work.reports import library
from tests.work.removal.test_silence import told_to, two_worlds
from tests.work.world import NUMBERS, POLICY, Told, World, closed, days

ONE, OTHER = NUMBERS[:2]
LOOKING = replace(POLICY, version="rules-7-looking", report_only=True)


def begun(world: World) -> None:
    """One contact that has to go, and one of a case that its worker was never on."""
    world.tell(closed("100001", ONE), Told("100002", (OTHER,), workers=("worker-2",)))
    world.put(ONE)
    world.put(OTHER)


def round_(world: World) -> None:
    """A full round, as the engine makes one a day."""
    world.look(full=True)
    world.plan(full=True)
    world.drain()
    world.verify()


def test_nothing_goes_and_what_is_to_be_looked_into_is_opened_as_of_a_pilot(make_world):
    world = make_world(policy=LOOKING)
    begun(world)
    for _ in range(2):
        round_(world)
        world.pass_(days(20))
    assert set(world.book().cards) == {"card-0.vcf", "card-1.vcf"}
    assert (world.vendor.removals(), world.rows(base.orders), world.states()) == (0, [], {})
    with world.context.store.read() as connection:
        assert [(row.kind.value, row.pilot) for row in findings.read_findings(connection)] == [
            ("without_assignment", True)
        ]
    passed = planning.rehearse(world.context, Role.PRIVACY_OFFICER)
    assert len(passed.items) == 2, "all that would go is told"


def test_once_it_is_in_force_what_was_only_looked_at_goes(make_world):
    world = make_world(policy=LOOKING)
    begun(world)
    round_(world)
    world.change(version="rules-8", report_only=False)
    round_(world)
    assert set(world.book().cards) == {"card-1.vcf"}


def test_orders_that_were_ready_when_it_began_wait(world):
    begun(world)
    world.look()
    world.plan()
    world.change(version="rules-8", report_only=True)
    round_(world)
    assert (world.vendor.removals(), world.states()) == (0, {State.READY: 1})
    (order,) = world.rows(base.orders)
    assert planning.still_needed(world.context, [order]) == frozenset(), "nor would they be called for if claimed"
    permit = Permit(world.context, world.context.moment())
    permit.deciding()
    assert not permit(), "nor would a call begin"


def test_a_report_says_so_in_its_title_and_in_its_caveat(make_world):
    world = make_world(policy=LOOKING)
    begun(world)
    round_(world)
    today = world.context.today()
    since = today - timedelta(days=30)
    uid = library.ask_for(world.context, Role.PRIVACY_OFFICER, "management", since, today, wait=300)
    made = library.read_report(world.context, uid)
    assert made is not None
    words = Words("en")
    assert words.say(phrase("{title}", title=made.title)).endswith("(report-only: nothing is removed)")
    assert words.say(made.caveat).startswith(
        "Report-only: the policy in force decides and reports, and removes nothing."
    )


def test_a_hold_shows_nowhere_while_nothing_is_removed(make_world, databases):
    world = make_world(policy=LOOKING)
    begun(world)
    held, free = two_worlds(world, databases)
    held.hold(worker="worker-1")
    for each in (held, free):
        round_(each)
    for role in (Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR):
        assert told_to(held, role) == told_to(free, role)
