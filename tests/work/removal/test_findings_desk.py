"""Findings are divided, handed over, set aside and concluded, many at once; nobody touches what is about themselves."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from server.core.log.entries import EntryKind
from server.core.model import Disposition, FindingKind, Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.store import findings
from server.store.findings import Chosen, NewFinding
from server.store.schema import base
from server.work.admin import access
from server.work.removal import findings_desk
from server.work.removal.findings_desk import AtDesk, Given
from tests.web.town import PASSWORD, QUICK
from tests.work.world import NOW, NUMBERS, World, closed, days

OFFICER = AtDesk(Role.PRIVACY_OFFICER)
BOOK, PAPER = FindingKind.EMPTY_BOOK, FindingKind.DECLARATION_MISSING


def employ(world: World, name: str, *, worker: str | None = None, role: Role = Role.PRIVACY_OFFICER) -> AtDesk:
    """A privacy officer with an account; worker: whose phone is theirs."""
    access.add_account(world.context, name, PASSWORD, [role], worker=worker, hasher=QUICK)
    person = access.stand_for(world.context, name, role)
    assert person is not None
    return AtDesk.of(person)


def find(world: World, kind: FindingKind, count: int, *, worker: int | None = None, ago: float = 0) -> None:
    """So many findings of a kind, opened some days ago."""
    new = [NewFinding(kind, subject=f"{kind.value}-{worker}-{nth}-{ago}", worker=worker) for nth in range(count)]
    with world.context.store.write() as connection:
        findings.open_findings(connection, new, world.clock.now - days(ago))


def owners(world: World) -> Counter[int | None]:
    return Counter(row.owner_id for row in world.rows(base.finding) if row.closed_at is None)


def refused(act) -> DecisionProblem:
    with pytest.raises(DecisionRefusedError) as told:
        act()
    return told.value.problem


@pytest.fixture
def ready(begin_after) -> World:
    return begin_after(lambda world: world.tell(closed("100001", NUMBERS[0])))


def test_the_desk_counts_each_kind_with_the_oldest_in_working_days_and_what_is_past_its_day(ready):
    find(ready, BOOK, 2, ago=14)
    find(ready, BOOK, 1)
    find(ready, PAPER, 3, ago=1)
    ann = employ(ready, "ann")
    findings_desk.give(ready.context, OFFICER, Chosen(kind=PAPER), ann.said)
    desk = findings_desk.read_desk(ready.context, ann.account)
    told = [(h.kind, h.count, h.days_old, h.late, h.lying, h.nobodys, h.mine, h.owners) for h in desk.heaps]
    since = findings_desk.working_days_old((NOW - days(14)).date(), NOW.date())
    assert told == [
        (BOOK, 3, since, 2, 2, 3, 0, ()),
        (PAPER, 3, findings_desk.working_days_old((NOW - days(1)).date(), NOW.date()), 0, 0, 0, 3, (("ann", 3),)),
    ]
    assert [(each.name, each.has) for each in desk.officers] == [("ann", 3)]


def test_a_days_work_is_divided_so_that_each_has_as_much_and_the_alike_stays_together(ready):
    find(ready, BOOK, 5)
    find(ready, PAPER, 5)
    ann, ben = employ(ready, "ann"), employ(ready, "ben")
    assert findings_desk.divide(ready.context, ann, [ann.said, ben.said]) == Given(10, 0)
    assert owners(ready) == {ann.account: 5, ben.account: 5}
    desk = findings_desk.read_desk(ready.context)
    assert {len(each.owners) for each in desk.heaps} == {1}
    told = [(body["what"], body["verb"], body["count"]) for body in ready.logged(EntryKind.FINDING)]
    assert sorted(told) == [("declaration_missing", "taken", 5), ("empty_book", "handed_over", 5)]


def test_nobody_gets_what_is_about_themselves_and_nobody_ends_it(ready):
    own = ready.rows(base.worker)[0]
    find(ready, BOOK, 1, worker=own.id)
    ann = employ(ready, "ann", worker=own.ref)
    assert findings_desk.divide(ready.context, ann, [ann.said]) == Given(0, 1)
    (row,) = ready.rows(base.finding)
    mine = Chosen(uids=[row.uid])
    ends, ahead = Disposition.EXPLAINED, NOW.date() + timedelta(days=7)
    acts = [
        lambda: findings_desk.give(ready.context, OFFICER, mine, ann.said),
        lambda: findings_desk.put_off(ready.context, ann, mine, ahead, "later"),
        lambda: findings_desk.conclude(ready.context, ann, mine, ends, "it was nothing"),
    ]
    assert [refused(act) for act in acts] == [DecisionProblem.OWN_FINDING] * 3
    assert owners(ready) == {None: 1}


def test_what_somebody_had_who_is_no_privacy_officer_any_more_is_divided_again(ready):
    find(ready, BOOK, 2)
    ann, ben = employ(ready, "ann"), employ(ready, "ben")
    findings_desk.give(ready.context, OFFICER, Chosen(kind=BOOK), ann.said)
    access.disable_account(ready.context, "ann")
    assert findings_desk.read_desk(ready.context).total("nobodys") == 2
    assert findings_desk.divide(ready.context, ben, [ben.said]) == Given(2, 0)
    assert owners(ready) == {ben.account: 2}


def test_findings_go_to_privacy_officers_alone(ready):
    find(ready, BOOK, 1)
    line = employ(ready, "line", role=Role.LINE_MANAGER)
    act = refused(lambda: findings_desk.give(ready.context, OFFICER, Chosen(kind=BOOK), line.said))
    assert act is DecisionProblem.NO_SUCH_OWNER
    for role in set(Role) - {Role.PRIVACY_OFFICER}:
        acts = [
            lambda role=role: findings_desk.give(ready.context, AtDesk(role), Chosen(kind=BOOK), "any"),
            lambda role=role: findings_desk.divide(ready.context, AtDesk(role), ["any"]),
            lambda role=role: findings_desk.put_off(ready.context, AtDesk(role), Chosen(kind=BOOK), NOW.date(), "x"),
        ]
        assert [refused(act) for act in acts] == [DecisionProblem.NOT_CLEARED] * 3, role


def test_a_finding_set_aside_is_neither_late_nor_lying_until_its_day(ready):
    find(ready, BOOK, 1, ago=20)
    until = NOW.date() + timedelta(days=7)
    assert findings_desk.put_off(ready.context, OFFICER, Chosen(kind=BOOK), until, "the supplier looks into it") == 1
    (heap,) = findings_desk.read_desk(ready.context).heaps
    assert (heap.late, heap.lying, heap.put_off) == (0, 0, 1)
    ready.clock.pass_(days(8))
    (heap,) = findings_desk.read_desk(ready.context).heaps
    assert (heap.late, heap.lying, heap.put_off) == (1, 0, 0)


def test_nothing_is_set_aside_for_ever_nor_in_the_past_nor_by_a_due_day_that_is_far_off(ready):
    find(ready, BOOK, 1, ago=100)
    find(ready, PAPER, 1)
    today = NOW.date()

    def later(kind: FindingKind, until: date) -> DecisionProblem:
        return refused(lambda: findings_desk.put_off(ready.context, OFFICER, Chosen(kind=kind), until, "later"))

    assert later(BOOK, today + timedelta(days=14)) is DecisionProblem.PUT_OFF_TOO_LONG
    assert later(PAPER, today + timedelta(days=60)) is DecisionProblem.PUT_OFF_TOO_LONG
    assert later(PAPER, today) is DecisionProblem.ENDS_IN_PAST
    ann, far = employ(ready, "ann"), today + timedelta(days=60)
    give = refused(lambda: findings_desk.give(ready.context, OFFICER, Chosen(kind=PAPER), ann.said, far))
    assert give is DecisionProblem.PUT_OFF_TOO_LONG


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("it was cover by worker-1", DecisionProblem.NAMES_SOMEBODY),
        ("Ask (ANN).", DecisionProblem.NAMES_SOMEBODY),
        ("rang 06-12345678", DecisionProblem.IDENTIFIER_IN_TEXT),
        ("x" * 301, DecisionProblem.TEXT_TOO_LONG),
        ("   ", DecisionProblem.MISSING_VALUE),
    ],
)
def test_a_reason_names_nobody(ready, reason, problem):
    employ(ready, "ann")
    find(ready, BOOK, 1)
    all_ = Chosen(kind=BOOK)
    acts = [
        lambda: findings_desk.conclude(ready.context, OFFICER, all_, Disposition.EXPLAINED, reason),
        lambda: findings_desk.put_off(ready.context, OFFICER, all_, NOW.date() + timedelta(days=7), reason),
    ]
    assert [refused(act) for act in acts] == [problem] * 2
    assert len(ready.findings()) == 1


def test_a_kind_ends_only_as_what_it_can_end_as(ready):
    find(ready, FindingKind.UNREADABLE_ENTRY, 1)
    every = Chosen(kind=FindingKind.UNREADABLE_ENTRY)
    act = refused(lambda: findings_desk.conclude(ready.context, OFFICER, every, Disposition.UNFOUNDED, "nothing to it"))
    assert act is DecisionProblem.WRONG_END


def test_five_thousand_alike_after_a_bad_import_end_at_once_and_each_stands_in_the_log(ready):
    find(ready, PAPER, 5000)
    find(ready, BOOK, 1)
    closed_ = findings_desk.conclude(
        ready.context, OFFICER, Chosen(kind=PAPER), Disposition.EXPLAINED, "a bad import made them"
    )
    assert (len(closed_), ready.findings()) == (5000, ["empty_book"])
    told = ready.logged(EntryKind.FINDING)
    assert {body["finding"] for body in told} == {row.uid for row in closed_}
    assert {(body["verb"], body["outcome"], body["actor_role"]) for body in told} == {
        ("closed", "explained", "privacy_officer")
    }


def test_the_database_lets_nothing_end_as_nothing(ready):
    find(ready, BOOK, 1)
    with pytest.raises(Exception, match="ends_as_something"), ready.context.store.write() as connection:
        connection.execute(base.finding.update().values(closed_at=NOW))
