"""A hold is not found by asking what another policy would make of it: under every policy that somebody can try, whoever
is not cleared is answered as in the same world without the hold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.cli.answers import removal as tell_removal
from server.core.log.entries import EntryKind
from server.core.model import CLEARED_FOR_HOLDS, ContactClass, Decision, Phase, Role
from server.core.policy.model import ConfirmedBy
from server.render.answers import as_json, as_text
from server.render.words import Words
from server.work.removal import plan as planning
from server.work.removal import policy_changes
from tests.work.removal.test_silence import close_later, two_worlds
from tests.work.world import NOW, NUMBERS, POLICY, Told, World, closed, visible

LONG_CLOSED, MONITORED, LATELY_CLOSED, OPEN = NUMBERS[:4]
UNCLEARED = sorted(set(Role) - CLEARED_FOR_HOLDS)
POLICIES = st.builds(
    replace,
    st.just(POLICY),
    grace_days=st.sampled_from([0, 1, 5, 13, 14, 15, 59, 60, 61, 365]),
    monitoring_window_days=st.integers(0, 60),
    require_recorded=st.booleans(),
    max_removals=st.integers(0, 5),
    max_share=st.sampled_from([0.01, 0.25, 0.5, 1.0]),
    staleness_hours=st.sampled_from([1, 72]),
    closure_confirmed_by=st.sampled_from(ConfirmedBy),
    classes_that_stay=st.frozensets(st.sampled_from([ContactClass.COLLEAGUE, ContactClass.CLIENT])),
)


@pytest.fixture
def planned(world: World) -> World:
    """Contacts to go for two causes, one in its days of grace and one in use, as a pass has decided them."""
    world.tell(
        closed("100001", LONG_CLOSED),
        Told("100002", (MONITORED,), phase=Phase.MONITORING, moments=(("worker-1", date(2025, 9, 1)),)),
        closed("100003", LATELY_CLOSED, ago=3),
        Told("100004", (OPEN,)),
    )
    world.put(*NUMBERS[:4])
    world.look()
    world.plan()
    return world


def with_and_without_a_hold(world: World, databases: Any) -> tuple[World, World]:
    held, free = two_worlds(world, databases)
    held.hold(worker="worker-1")
    return held, free


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    phases=[hypothesis.Phase.generate],
)
@given(st.data())
def test_under_every_policy_a_dry_run_and_a_count_are_the_same_with_and_without_a_hold(planned, databases, twins, data):
    held, free = twins(planned, databases)
    policy = data.draw(POLICIES)
    role = data.draw(st.sampled_from(UNCLEARED))
    answers = []
    for world in (held, free):
        context = replace(world.context, policy=policy)
        passed = planning.rehearse(context, role)
        answer = tell_removal.rehearsed(context, passed, role)
        answers.append(
            (
                replace(passed, plan=""),
                world.logged(EntryKind.PLAN_MADE)[-1] | {"plan": ""},
                [as_text(answer, Words(language)) + as_json(answer, Words(language)) for language in ("en", "nl")],
                policy_changes._by_reason(context),
            )
        )
    assert answers[0] == answers[1]


@pytest.fixture
def twins():
    """The two worlds, made once for all examples."""
    made: list[tuple[World, World]] = []

    def make(world: World, databases: Any) -> tuple[World, World]:
        if not made:
            made.append(with_and_without_a_hold(world, databases))
        return made[0]

    return make


def test_a_draft_counts_nothing_that_goes_already_and_in_what_stays_there_is_nothing_held(planned):
    planned.hold(worker="worker-1")
    planned.plan()
    for grace in (0, 14, 365):
        counts = policy_changes._by_reason(replace(planned.context, policy=replace(POLICY, grace_days=grace)))
        assert counts == {}
    assert policy_changes._by_reason(replace(planned.context, policy=replace(POLICY, staleness_hours=-1))) == {
        "review register_stale": 1
    }


def test_before_the_first_pass_everything_is_listed_and_nothing_is_held(make_world):
    listed = []
    for held in (True, False):
        world = make_world()
        world.tell(closed("100001", LONG_CLOSED), closed("100003", LATELY_CLOSED, ago=3))
        world.put(LONG_CLOSED, LATELY_CLOSED)
        world.look()
        if held:
            world.hold(worker="worker-1")
        listed.append([visible(world, role) for role in (Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR)])
        decisions = sorted(item.need.decision for item in planning.rehearse(world.context).items)
        assert decisions == [Decision.DEFER, Decision.REMOVE]
    assert listed[0] == listed[1]


@pytest.mark.parametrize("grace", [0, 1, 14, 365])
def test_a_report_made_under_another_policy_tells_no_hold_from_the_days_of_grace(world, databases, grace):
    world.tell(closed("100001", LONG_CLOSED))
    world.put(LONG_CLOSED)
    world.look()
    world.plan()
    held, benign = two_worlds(world, databases)
    held.hold(worker="worker-1")
    held.tell()
    close_later(benign)
    told = []
    for each in (held, benign):
        each.plan()
        each.change(grace_days=grace)
        told.append({role: visible(each, role)["report"] for role in UNCLEARED})
    assert told[0] == told[1]


def test_who_is_cleared_sees_what_is_held_as_it_is(planned):
    planned.hold(worker="worker-1")
    passed = planning.rehearse(planned.context, Role.INDEPENDENT_OFFICER)
    assert sorted(item.held for item in passed.items if item.need.decision is Decision.DEFER) == [False, True, True]
    assert passed.goes is None


def test_an_explanation_is_the_same_whether_or_not_the_worker_ever_had_the_contact(planned):
    there = planning.facts_of(planned.context, Role.PRIVACY_OFFICER, case="100001", worker="worker-1")
    planned.run()
    gone = planning.facts_of(planned.context, Role.PRIVACY_OFFICER, case="100001", worker="worker-1")
    planned.tell(closed("100009", NUMBERS[9]))
    never = planning.facts_of(planned.context, Role.PRIVACY_OFFICER, case="100009", worker="worker-1")
    assert there == gone
    assert [(each.places, each.held, each.first_seen) for each in (*there, *never)] == [((), False, NOW)] * 2
    assert [each.links[0]._replace(case=0) for each in there] == [each.links[0]._replace(case=0) for each in never]
    assert planning.facts_of(planned.context, Role.INVESTIGATOR, case="100009", worker="worker-1") == []
