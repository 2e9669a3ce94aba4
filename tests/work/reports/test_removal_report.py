"""The removal report as an act: what it gathers, who sees what of it, and that its making is in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mdm_adapters.port import YES, Capability, Denied, Fault, no, partly
from server.core.log.entries import EntryKind
from server.core.model import CLEARED_FOR_CASES, Decision, Reason, Role
from server.core.problems import EvidenceRefusedError
from server.core.reports.document import Report, canonical, digest
from server.core.reports.removals import View
from server.work.removal.plan import stand_of_all
from server.work.reports import removal_report
from tests.work.world import NUMBERS, Told, Vendor, World, closed, days

ONE, TWO, THREE, FOUR, FIVE = NUMBERS[:5]
UNCLEARED = sorted(set(Role) - CLEARED_FOR_CASES)


def live(world: World) -> None:
    world.tell(
        closed("100001", ONE),
        closed("100002", TWO, ago=3),
        closed("100003", THREE, linked=False),
        closed("100005", FIVE, workers=("worker-2",)),
        Told("100006", ("06-12345677",)),
    )
    for number in (ONE, TWO, THREE, "06-12345677"):
        world.put(number)
    world.put(FIVE, worker=2)
    world.vendor.fail_before.clear()
    world.look()
    world.plan()
    world.vendor.fail_before.append(Denied(Fault.FORBIDDEN))
    world.drain()
    world.verify()
    world.tell(closed("100004", FOUR, workers=("worker-1", "worker-2")))
    world.put(FOUR, worker=2)
    world.look()


@pytest.fixture
def told(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    """One contact of each fate: removed, deferred, for review, under way, stuck, kept."""
    return begin_after(live)


class Hoarder(Vendor):
    """Keeps copies under retention, and cannot say when a phone fetched: as Exchange does."""

    erases, tells = partly("It keeps what it must."), no("It does not say.")

    def capabilities(self):
        told = {Capability.ERASES_AT_ONCE: self.erases, Capability.DEVICE_SYNC_PROOF: self.tells}
        return {**super().capabilities(), **told}


class Frank(Hoarder):
    """Erases at once, and has a log of fetches."""

    erases, tells = YES, partly("By its log.")


@pytest.mark.parametrize(("make", "told"), [(Hoarder, [{"count": 1}, {}, {"count": 1}]), (Frank, [])])
def test_a_store_that_may_retain_a_copy_and_says_nothing_of_phones_is_told_of(make_world, make, told):
    world = make_world(vendor=make(["book-1", "book-2"]))
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    world.verify()
    made = removal_report.removals(world.context, Role.PRIVACY_OFFICER, world.context.today(), world.context.today())

    (table,) = [each for each in made.body if each.key == "removed"]
    assert (len(table.rows), [dict(note.params) for note in table.notes]) == (1, told)  # between: what the store says


def section(made: Report, key: str) -> list[Any]:
    return [row for each in made.body if each.key == key for row in each.rows]


def test_every_contact_stands_in_the_list_of_its_fate(told):
    assert {key: value for key, value in told.figures().items() if key != "synced"} == {
        "removed": 1,
        "reviews": 1,
        "under_way": 1,
        "stuck": 1,
        "questions": 0,
        "stay": 0,
    }


@pytest.mark.parametrize("role", UNCLEARED)
def test_those_not_cleared_see_no_case_no_worker_and_no_place_beside_an_item(told, role):
    made = told.report(role)
    assert made.view is View.OPAQUE
    text = canonical(made).decode()
    for number in told.told:
        assert number not in text
    for key in ("removed", "deferred", "reviews", "under_way", "stuck", "questions"):
        assert "worker-" not in repr(section(made, key))
        assert "book-" not in repr(section(made, key))


@pytest.mark.parametrize("role", sorted(CLEARED_FOR_CASES))
def test_those_cleared_see_case_and_worker(told, role):
    made = told.report(role)
    assert made.view is View.PERSON
    assert "100001" in repr(section(made, "removed")) + repr(section(made, "stuck"))
    assert section(made, "deferred") == []


def test_the_same_item_has_the_same_id_in_every_view_and_fate(told):
    by_view = {role: told.report(role) for role in (Role.PRIVACY_OFFICER, Role.AUDITOR)}
    for key in ("removed", "reviews", "under_way", "stuck"):
        ids = [sorted(row[0] for row in section(made, key)) for made in by_view.values()]
        assert ids[0] == ids[1]
    (deferred,) = [each.id for each in stand_of_all(told.context).items if each.need.decision is Decision.DEFER]
    told.pass_(days(20))
    told.run()
    told.clock.pass_(days(1))
    removed = [row[0] for row in section(told.report(Role.AUDITOR), "removed")]
    assert deferred in removed


def test_making_a_report_is_in_the_log_with_its_digest_and_a_personal_read_besides(told):
    for role in (Role.AUDITOR, Role.PRIVACY_OFFICER):
        before = len(told.log())
        made = told.report(role)
        new = told.log()[before:]
        kinds = [entry.kind for entry in new]
        personal = [EntryKind.RESTRICTED] if role in CLEARED_FOR_CASES else []
        assert kinds == [EntryKind.PLAN_MADE, EntryKind.REPORT_MADE, *personal]
        assert new[1].body["digest"] == digest(made)
        assert new[1].body["actor_role"] == role


def test_a_report_changes_no_order(told):
    before = told.states()
    told.report()
    assert told.states() == before


def test_of_what_was_removed_only_the_period_is_told(world):
    world.tell(closed("100001", ONE, TWO))
    world.put(ONE)
    world.run()
    world.pass_(days(10))
    world.put(TWO)
    world.run()
    today = world.context.today()

    def removed(first: int, last: int) -> int:
        made = removal_report.removals(world.context, Role.AUDITOR, today - days(first), today - days(last))
        return len(section(made, "removed"))

    assert [removed(10, 10), removed(9, 1), removed(0, 0), removed(30, 0)] == [1, 0, 1, 2]
    with pytest.raises(EvidenceRefusedError, match="before_first_look"):
        removed(30, 11)


def test_a_day_ends_at_midnight_in_amsterdam(world):
    world.clock.now = world.clock.now.replace(hour=23, minute=30)
    world.look()
    world.pass_(days(2))
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.run()
    today = world.context.today()
    assert today == world.clock.now.date() + days(1)
    for first, count in ((today, 1), (today - days(1), 0)):
        made = removal_report.removals(world.context, Role.AUDITOR, first, first)
        assert len(section(made, "removed")) == count


def test_what_no_pass_has_ordered_yet_is_not_left_out(world):
    world.tell(closed("100001", ONE))
    world.put(ONE)
    world.look()
    assert world.states() == {}
    (row,) = section(world.report(), "under_way")
    assert Reason.FINALLY_CLOSED in row


def test_a_failed_place_is_told_among_the_sources(told):
    told.vendor.fail_before.append(Denied(Fault.WRONG_CREDENTIALS))
    told.look()
    made = told.report()
    assert Fault.WRONG_CREDENTIALS in repr(made.sources) or "wrong_credentials" in repr(made.sources)


def test_no_phone_counts_as_synced_that_nobody_saw_fetching(told):
    (synced,) = [figure for figure in told.report().figures if figure.key == "synced"]
    assert (synced.value.part, synced.value.whole) == (0, 1)
