"""Cases pushed one by one: all of a request or nothing, once, on what its sender knew, and fresh for itself alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from server.core.log.entries import EntryKind
from server.core.model import Phase, State
from server.core.problems import ApiProblem, PushRefusedError
from server.sources.pushed import BodyRefused, PushedCase, read_body
from server.sources.rows import Mode
from server.store.removal import orders
from server.store.schema import base
from server.work.admin import access
from server.work.admin.access import Scope
from server.work.register import outcomes, pushes
from server.work.register.pushes import CaseState, PushItem, PushRequest, TakenPush
from tests.work.world import NOW, NUMBERS, Told, World, closed, days

NUMBER = "240117"
SYSTEM = "case-system"
"""As the mapping of the files calls it."""
WORKS = [{"worker": "worker-1", "from": "2024-01-09T08:00:00Z", "role": "case worker"}]
"""As `Told` has it."""


def body(number: str = NUMBER, *values: str, **more: Any) -> dict[str, Any]:
    """A case with one client, on whom worker-1 works since January."""
    return {
        "number": number,
        "phase": "investigation",
        "opened_on": "2024-01-09",
        "recorded": True,
        "contacts": [{"class": "client", "person": "A", "values": list(values or NUMBERS[:1])}],
        "assignments": [{"worker": "worker-1", "from": "2024-01-09T09:00:00+01:00", "role": "case worker"}],
        "moments": [],
    } | more


def over(number: str = NUMBER, *values: str, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """The same case, finally closed."""
    return body(number, *values, phase="closed", closure_confirmed=at.strftime("%Y-%m-%dT%H:%M:%SZ"), **more)


class Sender:
    """A case system with a token of its own."""

    def __init__(self, world: World, **of: Any) -> None:
        self.world = world
        name = f"system-{len(world.rows(base.api_token))}"
        token = access.make_token(
            world.context, name, list(Scope), days=90, **({"case_system": SYSTEM, "owner": "ict"} | of)
        )
        found = access.find_token(world.context, token)
        assert found is not None
        self.program = found
        self.sent = 0

    def push(
        self, *told: dict[str, Any], key: str = "", if_match: str | None = None, lenient: bool = False
    ) -> TakenPush:
        self.sent += 1
        raw = json.dumps(told).encode()
        items = [
            PushItem(f"#/{n}", read_body(json.dumps(each).encode(), PushedCase), if_match, lenient)
            for n, each in enumerate(told)
        ]
        request = PushRequest(self.program, key or f"key {self.sent}", "PUT", items, raw)
        return pushes.push(self.world.context, request)

    def etag(self, number: str = NUMBER) -> str | None:
        return pushes.find_case(self.world.context, self.program, number).etag


@pytest.fixture
def sender(world: World) -> Sender:
    return Sender(world)


def refusal(act: Any) -> tuple[ApiProblem, tuple[str, ...]]:
    with pytest.raises(PushRefusedError) as refused:
        act()
    return refused.value.problem, refused.value.pointers


def register(world: World) -> dict[str, Any]:
    """All that the register holds but when each case was told, by table."""
    tables = (base.cases, base.link, base.assignment, base.moment, base.identifier)
    left_out = {"told_at", "address", "since_at", "id", "system_id"}
    return {
        table.name: sorted(
            repr({name: value for name, value in row._mapping.items() if name not in left_out})
            for row in world.rows(table)
        )
        for table in tables
    }


# --- the same as a file ---------------------------------------------------------------------------------------------


def test_what_is_pushed_is_in_the_register_as_if_a_file_had_told_it(make_world):
    by_file, by_push = make_world(), make_world()
    by_file.tell(Told(NUMBER, NUMBERS[:1]), closed("240118", NUMBERS[1]))
    Sender(by_push).push(
        body(assignments=WORKS),
        over(
            "240118",
            NUMBERS[1],
            at=NOW - days(60),
            assignments=WORKS,
        ),
    )
    assert register(by_push) == register(by_file)


def test_a_closure_that_is_pushed_takes_the_contact_off_and_a_reopening_lets_the_next_stay(world, sender):
    world.change(grace_days=0)
    world.put(NUMBERS[0])
    sender.push(body())
    assert world.run() is not None
    assert world.states() == {}
    pushed = sender.push(over(), if_match=sender.etag())
    world.run()
    assert [each.state for each in world.rows(base.orders)] == [State.DONE]
    assert world.book().cards == {}
    sender.push(body(), if_match=pushed.cases[0].etag)
    world.put(NUMBERS[0])
    world.clock.pass_(timedelta(minutes=5))
    world.run()
    assert [each.state for each in world.rows(base.orders)] == [State.DONE]


# --- fresh for itself alone -----------------------------------------------------------------------------------------


def test_a_push_makes_its_own_case_fresh_and_never_the_register(world, sender):
    world.change(grace_days=0)
    world.put(NUMBERS[0])
    world.put(NUMBERS[1])
    world.tell(closed(NUMBER, NUMBERS[0], ago=9), closed("240118", NUMBERS[1], ago=9))
    world.clock.pass_(timedelta(hours=100))
    read_at = world.rows(base.case_system)[0].read_at
    sender.push(over(at=NOW - days(9)), if_match=pushes.ANY)
    world.run()
    assert world.rows(base.case_system)[0].read_at == read_at
    decided = {row.identifier_id: row.reason for row in world.rows(base.pair)}
    assert sorted(decided.values()) == ["finally_closed", "register_stale"]


def test_what_waited_for_a_fresh_register_is_decided_again_when_its_case_is_told(world, sender):
    world.change(grace_days=0)
    world.put(NUMBERS[0])
    world.tell(closed(NUMBER, NUMBERS[0], ago=9))
    world.clock.pass_(timedelta(hours=100))
    world.run()
    assert [row.reason for row in world.rows(base.pair)] == ["register_stale"]
    same = over(
        at=NOW - days(9), assignments=[{"worker": "worker-1", "from": "2024-01-09T08:00:00Z", "role": "case worker"}]
    )
    assert sender.push(same, if_match=pushes.ANY).change.changed == 0
    world.run()
    assert world.order().state is not None


def test_a_file_made_before_the_push_does_not_undo_it_and_does_not_miss_the_case(world, sender):
    world.tell(closed(NUMBER, NUMBERS[0]), Told("240118", NUMBERS[1:2]))
    made = world.clock.now + timedelta(hours=1)
    world.clock.pass_(timedelta(hours=2))
    sender.push(body(), if_match=pushes.ANY)
    sender.push(body("240119", NUMBERS[2]))
    world.clock.pass_(timedelta(hours=3))
    rows = [row for each in world.told.values() for row in each.rows()]
    taken = world.take_in(rows, mode=Mode.FULL, as_of=made)
    assert (taken.applied.vanished, taken.weight.vanishes) == (0, 0)
    phases = {row.number: row.phase for row in world.rows(base.cases)}
    assert phases == {NUMBER: "investigation", "240118": "investigation", "240119": "investigation"}
    assert all(row.linked for row in world.rows(base.link))
    taken = world.take_in(rows, mode=Mode.FULL, as_of=world.clock.now)
    assert taken.tripped == ("vanished",)


def test_a_push_shuts_out_no_file_that_was_made_before_it(world, sender):
    world.tell(Told("240118", NUMBERS[1:2]))
    world.clock.pass_(timedelta(hours=2))
    sender.push(body())
    rows = list(Told("240118", NUMBERS[1:2], phase=Phase.TRIAGE).rows())
    taken = world.take_in(rows, mode=Mode.CHANGES, as_of=world.clock.now - timedelta(hours=1))
    assert taken.applied is not None


def test_a_call_that_is_under_way_learns_that_something_came(world, sender):
    with world.context.store.read() as connection:
        before = orders.news(connection)
    seen = {before}
    for nth in range(3):
        sender.push(body(f"24020{nth}"))
        with world.context.store.read() as connection:
            seen.add(orders.news(connection))
    assert len(seen) == 4
    assert [(row.mode, row.rows) for row in world.rows(base.import_run)] == [("pushed", 9)]


# --- once, and on what was known ------------------------------------------------------------------------------------


def test_the_same_request_again_does_nothing_again(world, sender):
    first = sender.push(body(), key="k")
    size = len(world.log())
    assert sender.push(body(), key="k") == first
    assert len(world.log()) == size
    assert len(world.rows(base.pushed_change)) == 1


def test_the_same_key_with_another_request_is_refused(sender):
    sender.push(body(), key="k")
    assert refusal(lambda: sender.push(over(), key="k")) == (ApiProblem.KEY_REUSED, ())


def test_the_same_key_of_another_program_is_another_key(world, sender):
    sender.push(body(), key="k")
    other = Sender(world)
    assert other.push(body("240119"), key="k").change.state == "applied"


def test_a_case_that_is_known_is_changed_by_whoever_knows_it_as_it_is(world, sender):
    made = sender.push(body())
    (state,) = made.cases
    assert state == pushes.find_case(world.context, sender.program, NUMBER)
    assert refusal(lambda: sender.push(over())) == (ApiProblem.CONDITION_NEEDED, ("#/0",))
    changed = sender.push(over(), if_match=state.etag)
    assert refusal(lambda: sender.push(body(), if_match=state.etag)) == (ApiProblem.CASE_CHANGED, ("#/0",))
    assert changed.cases[0].address == state.address
    assert refusal(lambda: sender.push(body("240119"), if_match=pushes.ANY)) == (ApiProblem.CASE_CHANGED, ("#/0",))
    assert sender.push(body("240119"), over(), if_match=pushes.ANY, lenient=True).change.cases == 2


def test_a_file_changes_the_etag_too(world, sender):
    etag = sender.push(body()).cases[0].etag
    world.clock.pass_(timedelta(hours=1))
    world.tell(closed(NUMBER, NUMBERS[0], ago=1), mode=Mode.CHANGES)
    assert sender.etag() not in (None, etag)


def test_a_case_that_is_not_known_has_an_address_and_no_etag(world, sender):
    found = pushes.find_case(world.context, sender.program, NUMBER)
    assert found == CaseState(found.address, None)
    assert NUMBER not in found.address
    assert sender.push(body()).cases[0].address == found.address


# --- nothing of what has a fault ------------------------------------------------------------------------------------


FAULTY = {
    "a value that is none": (
        body(NUMBER, "06-12345601", "onbekend 12"),
        ("#/1/contacts/0/values/1", "not_an_identifier"),
    ),
    "a value that is unclear": (body(NUMBER, "06-12345601 2345678"), ("#/1/contacts/0/values/0", "unreadable_number")),
    "a shortened number": (body(NUMBER, "3.16E+10"), ("#/1/contacts/0/values/0", "shortened_number")),
    "a date": (body(NUMBER, "01-02-1980"), ("#/1/contacts/0/values/0", "date_as_identifier")),
    "no such day": (body(opened_on="2025-02-30"), ("#/1/opened_on", "bad_date")),
    "an absurd day": (body(opened_on="1025-02-20"), ("#/1/opened_on", "absurd_date")),
    "a closure to come": (over(at=NOW + days(3)), ("#/1/closure_confirmed", "future_closure")),
    "an end before its start": (
        body(assignments=[{"worker": "worker-1", "from": "2025-01-02", "until": "2024-01-02"}]),
        ("#/1/assignments/0/until", "ends_before_start"),
    ),
    "a formula": (
        body(moments=[{"worker": "=cmd()", "on": "2025-05-05"}]),
        ("#/1/moments/0/worker", "formula"),
    ),
    "the same case twice": (body("240110"), ("#/1", "case_twice")),
}


@pytest.mark.parametrize("told", [*FAULTY.values()], ids=[*FAULTY])
def test_of_a_request_with_a_fault_nothing_goes_in(world, sender, told):
    bad, said = told
    with pytest.raises(BodyRefused) as refused:
        sender.push(body("240110", NUMBERS[5]), bad)
    assert [(each.pointer, each.code) for each in refused.value.faults] == [said]
    assert [rows for rows in register(world).values() if rows] == []
    assert world.logged(EntryKind.REGISTER_CHANGED) == []


# --- whose it is ----------------------------------------------------------------------------------------------------


def test_a_token_of_an_employer_changes_no_case_of_another(world):
    everybody, first = Sender(world), Sender(world, employer="employer 1")
    everybody.push(body(assignments=[{"worker": "worker-2", "from": "2024-01-09"}]))
    assert refusal(lambda: first.push(over(), if_match=pushes.ANY)) == (ApiProblem.OTHER_EMPLOYER, ())
    assert refusal(first.etag) == (ApiProblem.OTHER_EMPLOYER, ())
    theirs = body("240119", assignments=[{"worker": "worker-2", "from": "2024-01-09"}])
    assert refusal(lambda: first.push(theirs)) == (ApiProblem.OTHER_EMPLOYER, ())
    assert first.push(body("240120")).change.changed == 1


def test_without_an_open_gate_nothing_of_an_employer_goes_in(make_world):
    world = make_world(demo=False)
    assert refusal(lambda: Sender(world, employer="Employer 1").push(body())) == (ApiProblem.GATE_CLOSED, ())


def test_a_token_of_another_system_knows_nothing_of_this_one(world, sender):
    change = sender.push(body()).change
    other = Sender(world, case_system="another")
    assert other.etag() is None
    assert refusal(lambda: pushes.find_change(world.context, other.program, change.uid))[0] is ApiProblem.NOT_FOUND
    found = pushes.find_change(world.context, sender.program, change.uid)
    assert (found.state, found.cases, found.changed) == ("applied", 1, 1)


# --- the breaker ----------------------------------------------------------------------------------------------------


def test_far_more_closures_than_usual_stop_however_small_the_requests_are(world, sender):
    world.change(max_closures_factor=1.0)
    world.tell(*(Told(f"25{n:04}", (NUMBERS[n],)) for n in range(30)))

    def close(nth: int) -> TakenPush:
        return sender.push(over(f"25{nth:04}", NUMBERS[nth]), key=f"close {nth}", if_match=pushes.ANY)

    many = [over(f"25{nth:04}", NUMBERS[nth]) for nth in range(18)]
    sender.push(*many, if_match=pushes.ANY)
    close(18)
    close(19)
    with pytest.raises(PushRefusedError) as refused:
        close(20)
    assert refused.value.problem is ApiProblem.STOPPED
    assert refusal(lambda: close(20))[0] is ApiProblem.STOPPED
    assert pushes.confirm_change(world.context, refused.value.change)
    assert close(20).change.state == "applied"
    assert not pushes.confirm_change(world.context, refused.value.change)
    assert [body["outcome"] for body in world.logged(EntryKind.REGISTER_CHANGED)][-3:] == [
        "stopped",
        "confirmed",
        "applied",
    ]
    assert refusal(lambda: close(21))[0] is ApiProblem.STOPPED


# --- what became of it ----------------------------------------------------------------------------------------------


def outcome(world: World, sender: Sender) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
    address = pushes.find_case(world.context, sender.program, NUMBER).address
    found = outcomes.read_outcome(world.context, sender.program, address)
    return (
        [(each.need, each.reason.value, each.count) for each in found.contacts],
        [(each.store, each.evidence.value, each.count) for each in found.proven],
    )


def test_what_became_of_a_case_is_told_in_codes_and_counts(world, sender):
    world.put(NUMBERS[0])
    sender.push(body())
    world.run()
    assert outcome(world, sender) == ([("keep", "assigned", 1)], [])
    sender.push(over(), if_match=sender.etag())
    world.run()
    in_grace = outcome(world, sender)
    assert in_grace == ([("goes", "finally_closed", 1)], [])
    world.clock.pass_(days(15))
    sender.push(over(), if_match=sender.etag())
    world.run()
    assert outcome(world, sender) == ([("goes", "finally_closed", 1)], [("books", "store_removed", 1)])


def test_a_hold_changes_no_answer(world, sender):
    world.put(NUMBERS[0])
    sender.push(over(at=NOW - days(20)))
    world.look()
    answers = [outcome(world, sender)]
    world.hold(case=NUMBER)
    answers.append(outcome(world, sender))
    world.plan()
    answers.append(outcome(world, sender))
    world.clock.pass_(days(1))
    sender.push(over(at=NOW - days(20)), if_match=sender.etag())
    world.plan()
    answers.append(outcome(world, sender))
    assert answers == [([("goes", "finally_closed", 1)], [])] * 4


def test_a_token_of_before_these_scopes_still_reads_the_status_and_nothing_else(world):
    token = access.make_token(world.context, "monitoring", [Scope.STATUS], days=9)
    row = access.find_token(world.context, token)
    assert access.scopes_of(replace(row, scopes=("status",))) == (Scope.STATUS,)
    assert access.find_program(world.context, token, Scope.CASES) is None


# --- waiting for what becomes of a case -----------------------------------------------------------------------------


class Waiting:
    """What happens while somebody waits, a step at a time; `rested` seconds went by."""

    def __init__(self, world: World, *happens: Any) -> None:
        self.rested, self.happens = 0.0, list(happens)
        self.context = replace(world.context, rest=self.rest)

    def rest(self, seconds: float) -> None:
        self.rested += seconds
        if self.happens:
            self.happens.pop(0)()


def test_who_waits_is_told_when_it_is_proven_and_not_before(world, sender):
    world.change(grace_days=0)
    world.put(NUMBERS[0])
    address = sender.push(over()).cases[0].address
    world.look()
    waiting = Waiting(world, world.plan, world.drain, world.verify)
    found = outcomes.await_outcome(waiting.context, sender.program, address, known=None, seconds=30)
    assert [(each.evidence, each.count) for each in found.proven] == [("store_removed", 1)]
    assert waiting.rested == 0.75


def test_who_knows_another_answer_does_not_wait_and_who_knows_this_one_waits_to_the_end(world, sender):
    address = sender.push(body()).cases[0].address
    waiting = Waiting(world)
    found = outcomes.await_outcome(waiting.context, sender.program, address, known='"other"', seconds=30)
    assert waiting.rested == 0.0
    tag = outcomes.tag_of(world.context, found)
    assert outcomes.await_outcome(waiting.context, sender.program, address, known=tag, seconds=2) == found
    assert waiting.rested == 2.0


def test_who_waits_learns_nothing_of_a_hold(make_world):
    seen = []
    for held in (False, True):
        world = make_world()
        world.put(NUMBERS[0])
        sender = Sender(world)
        address = sender.push(over()).cases[0].address  # its days of grace run
        world.look()
        then = [lambda world=world: world.hold(case=NUMBER)] if held else []
        waiting = Waiting(world, *then, world.look, lambda world=world: world.plan(full=True))
        found = outcomes.await_outcome(waiting.context, sender.program, address, known=None, seconds=3)
        seen.append((found, waiting.rested, outcomes.tag_of(world.context, found)))
    assert seen[0] == seen[1]
