"""What closeout itself keeps goes on its day, whatever is held; what is needed stays; the log says how much went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from server.core.log.entries import EntryKind
from server.core.log.proven_removals import RemovalDifferenceKind
from server.core.model import Disposition, FindingKind, Role, Tier
from server.core.policy.retention import RetentionTerm, RowKind, Span
from server.core.problems import DecisionRefusedError
from server.store import findings
from server.store.admin.custody import read as read_custody
from server.store.findings import NewFinding
from server.store.schema import base
from server.store.schema.base import metadata
from server.store.schema.pauses import pause
from server.store.schema.retention import custody, destruction
from server.store.schema.usage import named_view
from server.store.seal import SealBrokenError
from server.store.usage import by_name
from server.work.admin import log_checkpoints, retention, table_checks
from server.work.admin.retention import RetentionRan
from server.work.removal import deviations_and_holds, pauses
from server.work.removal.pauses import Actor
from server.work.reports import library
from tests.store.fixtures import Databases
from tests.work.world import NUMBERS, World, closed, days, open_lines, token_of, visible

TWO_YEARS = RetentionTerm(RowKind.REMOVALS, Span(months=24))
EVERYTHING = (
    TWO_YEARS,
    *(RetentionTerm(kind, Span(months=24)) for kind in RowKind if kind is not RowKind.REMOVALS),
)
PRIVACY = Role.PRIVACY_OFFICER


def removed_from_two_books(world: World) -> None:
    """Two closed cases, of a worker each; both contacts are removed, proven, and no longer watched for."""
    world.put(NUMBERS[0], worker=1)
    world.put(NUMBERS[1], worker=2)
    world.tell(closed("100001", NUMBERS[0]), closed("100002", NUMBERS[1], workers=("worker-2",)))
    world.run()


def two_years_on(world: World) -> None:
    """The last day on which nothing goes is over."""
    world.clock.pass_(days(730))


def lived(world: World) -> None:
    removed_from_two_books(world)
    world.change(retention=(TWO_YEARS,))
    two_years_on(world)


def run(world: World) -> RetentionRan:
    return retention.run_as(world.context, PRIVACY)


def is_well(world: World) -> bool:
    checked = log_checkpoints.check_log(world.context, world.context.checkpoint_file, restricted=True)
    return checked.sound and checked.removals == () and table_checks.compare(world.context).sound


def told(world: World) -> list[tuple[Any, ...]]:
    """What the log says of destruction."""
    names = ("what", "verb", "until", "count", "actor_role")
    return [tuple(body.get(name) for name in names) for body in world.logged(EntryKind.RECORDS_EXPIRED)]


# --- removals --------------------------------------------------------------------------------------------------------


def test_removals_go_on_their_day_with_all_that_belongs_to_them_and_the_log_says_how_many(
    begin_after: Callable[[Callable[[World], object]], World],
) -> None:
    world = begin_after(lived)
    assert len(world.rows(base.orders)) == 2
    world.clock.pass_(days(-1))
    assert run(world).destroyed == {}
    assert len(world.rows(base.orders)) == 2

    world.clock.pass_(days(1))
    assert run(world) == RetentionRan({"removals": 2})
    gone = (base.orders, base.tombstone, base.evidence, base.removed_entry, base.overtaken, base.log_of_order)
    assert [world.rows(table) for table in gone] == [[], [], [], [], [], []]
    assert told(world) == [
        ("removals", "begun", "2025-03-04", None, "privacy_officer"),
        ("removals", "ended", "2025-03-04", 2, "privacy_officer"),
    ]
    assert is_well(world)


def test_a_second_run_finds_nothing_and_says_nothing(begin_after: Callable[[Callable[[World], object]], World]) -> None:
    world = begin_after(lived)
    run(world)
    size = len(world.log())
    assert run(world) == RetentionRan({})
    assert len(world.log()) == size


def test_without_a_period_nothing_goes(begin_after: Callable[[Callable[[World], object]], World]) -> None:
    world = begin_after(lived)
    world.change(retention=())
    world.clock.pass_(days(36_000))
    assert run(world) == RetentionRan({})
    assert len(world.rows(base.orders)) == 2


def test_what_is_watched_for_is_needed_and_stays_however_short_the_period(world: World) -> None:
    """A policy refuses such a period; a row may still be watched for under a policy that watched longer."""
    removed_from_two_books(world)
    world.change(retention=(RetentionTerm(RowKind.REMOVALS, Span(days=1)),))
    world.clock.pass_(days(364))
    assert run(world).destroyed == {}
    assert len(world.rows(base.tombstone)) == 2
    world.clock.pass_(days(1))
    assert run(world).destroyed == {"removals": 2}


def test_an_order_that_is_open_stays(world: World) -> None:
    world.put(NUMBERS[0])
    world.tell(closed("100001", NUMBERS[0]))
    world.look()
    world.plan()
    world.change(retention=(RetentionTerm(RowKind.REMOVALS, Span(days=1)),))
    world.clock.pass_(days(5000))
    assert run(world).destroyed == {}
    assert len(world.rows(base.orders)) == 1


def test_a_row_that_somebody_took_out_is_missed_but_for_days_that_were_destroyed(
    begin_after: Callable[[Callable[[World], object]], World],
) -> None:
    world = begin_after(lived)
    run(world)
    world.put(NUMBERS[2])
    world.tell(closed("100003", NUMBERS[2], ago=-600))
    world.run()
    assert is_well(world)
    with world.context.store.write() as connection:
        for table in (base.tombstone, base.orders):
            connection.execute(table.delete())
    found = log_checkpoints.check_log(world.context, world.context.checkpoint_file).removals
    assert [each.kind for each in found] == [RemovalDifferenceKind.NOT_THERE]


# --- who lets it go --------------------------------------------------------------------------------------------------


def test_an_engine_waits_for_the_first_run_of_a_person_and_then_goes_on_day_by_day(
    begin_after: Callable[[Callable[[World], object]], World],
) -> None:
    world = begin_after(lived)
    assert retention.run(world.context) == RetentionRan({}, waits=("removals",))
    assert len(world.rows(base.orders)) == 2
    world.clock.pass_(days(-20))
    assert run(world).destroyed == {}
    world.clock.pass_(days(20))
    assert retention.run(world.context) == RetentionRan({"removals": 2})


def test_a_clock_that_leaps_or_a_period_that_shrinks_is_a_persons_to_let_go(
    begin_after: Callable[[Callable[[World], object]], World],
) -> None:
    world = begin_after(lived)
    world.clock.pass_(days(-100))
    run(world)
    world.clock.pass_(days(100))
    assert retention.run(world.context) == RetentionRan({}, waits=("removals",))
    world.clock.pass_(days(-69))
    assert retention.run(world.context) == RetentionRan({})
    world.change(retention=(RetentionTerm(RowKind.REMOVALS, Span(months=18)),))
    assert retention.run(world.context) == RetentionRan({}, waits=("removals",))
    assert run(world).destroyed == {"removals": 2}


def test_only_who_may_sets_it_off(world: World) -> None:
    for role in set(Role) - retention.MAY_RUN:
        with pytest.raises(DecisionRefusedError):
            retention.run_as(world.context, role)


# --- killed ----------------------------------------------------------------------------------------------------------


class Killed(Exception):
    """The process is gone."""


def test_a_run_that_is_killed_between_two_batches_is_gone_on_with_and_the_log_counts_every_row(
    begin_after: Callable[[Callable[[World], object]], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = begin_after(lived)
    monkeypatch.setattr(retention, "BATCH", 1)

    def kill(_seconds: float) -> None:
        raise Killed

    with pytest.raises(Killed):
        retention.run_as(replace(world.context, rest=kill), PRIVACY)
    assert len(world.rows(base.orders)) == 1
    assert is_well(world)
    assert [(row.total, row.told, row.ended_at) for row in world.rows(destruction)] == [(1, 0, None)]

    assert retention.run(world.context).destroyed == {"removals": 2}
    assert [each[1:4:2] for each in told(world)] == [("begun", None), ("begun", None), ("ended", 2)]
    assert is_well(world)


def test_a_run_that_was_broken_off_is_told_even_if_its_period_is_no_longer_in_the_policy(
    begin_after: Callable[[Callable[[World], object]], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = begin_after(lived)
    monkeypatch.setattr(retention, "BATCH", 1)

    def kill(_seconds: float) -> None:
        raise Killed

    with pytest.raises(Killed):
        retention.run_as(replace(world.context, rest=kill), PRIVACY)
    world.change(retention=())
    assert retention.run(world.context).destroyed == {"removals": 1}
    assert len(world.rows(base.orders)) == 1


# --- holds -----------------------------------------------------------------------------------------------------------


def rows_of_all(world: World) -> Mapping[str, Sequence[Any]]:
    """Every row but those of the log and of holds themselves; of what is sealed the length."""
    apart = {"hold_list", "table_state", "log_head", "log_restricted", "log_entry", "log_node", "log_of_order"}
    with world.context.store.read() as connection:
        rows = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
            if table.name not in apart
        }
    rows["custody"] = [(number, len(sealed)) for number, sealed in rows["custody"]]
    return rows


@pytest.mark.parametrize(
    ("scope", "copies"),
    [({"worker": "worker-1"}, 1), ({"case": "100002"}, 1), ({}, 2), ({"case": "100003"}, 0)],
    ids=["worker", "case", "everything", "another case"],
)
def test_what_is_held_goes_like_everything_else_and_only_its_sealed_copy_stays(
    begin_after: Callable[[Callable[[World], object]], World],
    databases: Databases,
    tmp_path: Path,
    scope: Mapping[str, str],
    copies: int,
) -> None:
    world = begin_after(lived)
    world.tell(closed("100003"))
    (tmp_path / "free").mkdir()
    free = world.twin(databases, tmp_path / "free")
    uid = world.hold(**scope)
    since = len(world.log()), len(free.log())
    assert run(world) == run(free) == RetentionRan({"removals": 2})
    both = rows_of_all(world), rows_of_all(free)
    for rows in both:
        rows.pop("pair")  # type: ignore[attr-defined]  # a hold has them decided again, as ever: decision 0075
    assert both[0] == both[1]
    assert [entry.kind for entry in world.log()[since[0] :]] == [entry.kind for entry in free.log()[since[1] :]]
    assert open_lines(world) == open_lines(free)
    for role in (Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR, Role.AUDITOR):
        assert visible(world, role) == visible(free, role)

    found = retention.list_copies(world.context, Role.INDEPENDENT_OFFICER)
    assert len(found) == copies
    assert {each.hold for each in found} <= {uid}
    assert retention.list_copies(free.context, Role.INDEPENDENT_OFFICER) == []
    assert is_well(world)
    assert is_well(free)


def test_a_copy_says_all_that_the_row_did_and_is_read_by_those_cleared_alone(
    begin_after: Callable[[Callable[[World], object]], World],
) -> None:
    world = begin_after(lived)
    (order,) = [row for row in world.rows(base.orders) if row.worker_id == 1]
    world.hold(worker="worker-1")
    run(world)
    (copy,) = retention.list_copies(world.context, Role.INVESTIGATOR)
    said = copy.said["orders"]
    assert (said["id"], said["state"], said["worker"], said["case"]) == (order.id, "done", "worker-1", "100001")
    assert said["contact"] == token_of(NUMBERS[0]).hex()
    assert said["settled_at"] == order.settled_at.isoformat()
    assert [each["order_id"] for each in copy.said["tombstone"]] == [order.id]
    for role in set(Role) - {Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR}:
        with pytest.raises(DecisionRefusedError):
            retention.list_copies(world.context, role)


def test_copies_go_with_the_hold_they_were_for(begin_after: Callable[[Callable[[World], object]], World]) -> None:
    world = begin_after(lived)
    uid = world.hold(worker="worker-1")
    other = world.hold()
    run(world)
    assert len(retention.list_copies(world.context, Role.INDEPENDENT_OFFICER)) == 3
    world.release(other)
    assert [each.hold for each in retention.list_copies(world.context, Role.INDEPENDENT_OFFICER)] == [uid]
    world.release(uid)
    run(world)
    assert retention.list_copies(world.context, Role.INDEPENDENT_OFFICER) == []
    with world.context.store.read() as connection:
        assert read_custody(connection, world.context.keys.sealer) == []


def test_a_hold_that_is_set_while_rows_go_covers_those_that_are_left(
    begin_after: Callable[[Callable[[World], object]], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = begin_after(lived)
    monkeypatch.setattr(retention, "BATCH", 1)
    holds: list[str] = []

    def meanwhile(_seconds: float) -> None:
        if not holds:
            holds.append(world.hold())

    assert retention.run_as(replace(world.context, rest=meanwhile), PRIVACY).destroyed == {"removals": 2}
    found = retention.list_copies(world.context, Role.INDEPENDENT_OFFICER)
    assert [(each.hold, each.kind) for each in found] == [(holds[0], RowKind.REMOVALS)]


def test_a_copy_that_does_not_open_keeps_all_rows_where_they_are(
    begin_after: Callable[[Callable[[World], object]], World],
) -> None:
    world = begin_after(lived)
    with world.context.store.write() as connection:
        connection.execute(insert(custody).values(id=1, sealed=b"\x01" + b"x" * 40))
    with pytest.raises(SealBrokenError):
        run(world)
    assert len(world.rows(base.orders)) == 2
    assert told(world) == []


# --- the other kinds -------------------------------------------------------------------------------------------------


def test_findings_go_by_what_they_ended_as_and_an_overwritten_number_is_remembered(world: World) -> None:
    terms = (
        RetentionTerm(RowKind.FINDINGS, Span(days=30), Disposition.BY_ITSELF),
        RetentionTerm(RowKind.FINDINGS, Span(days=90)),
    )
    world.change(retention=terms)
    kinds = (FindingKind.EMPTY_BOOK, FindingKind.PLACE_UNSEEN, FindingKind.NUMBER_OVERWRITTEN, FindingKind.ORDER_STUCK)
    ends = (Disposition.BY_ITSELF, Disposition.EXPLAINED, Disposition.EXPLAINED, None)
    now = world.context.now()
    with world.context.store.write() as connection:
        findings.open_findings(connection, [NewFinding(kind, f"about {kind.value}") for kind in kinds], now)
        for kind, end in zip(kinds, ends, strict=True):
            if end is not None:
                closing = update(base.finding).where(base.finding.c.kind == kind.value)
                connection.execute(closing.values(closed_at=now, concluded_as=end.value, disposition="said"))

    def left() -> set[str]:
        return {row.kind for row in world.rows(base.finding)}

    world.clock.pass_(days(29))
    assert run(world).destroyed == {}
    world.clock.pass_(days(1))
    assert run(world).destroyed == {"findings.by_itself": 1}
    assert left() == {FindingKind.PLACE_UNSEEN, FindingKind.NUMBER_OVERWRITTEN, FindingKind.ORDER_STUCK}
    world.clock.pass_(days(60))
    assert run(world).destroyed == {"findings": 1}
    assert left() == {FindingKind.NUMBER_OVERWRITTEN, FindingKind.ORDER_STUCK}


def test_deviations_reports_views_and_pauses_go_when_they_are_over_and_the_newest_number_stays(world: World) -> None:
    world.change(retention=EVERYTHING)
    world.tell(closed("100001", NUMBERS[0]))
    world.look()
    for _ in range(2):
        deviations_and_holds.add_deviation(
            world.context,
            by=PRIVACY,
            case="100001",
            worker="worker-1",
            tier=Tier.CONSULT,
            reason="an invented reason",
            decided_by="an invented body",
            until_day=world.context.today() + days(10),
        )
        actor = Actor("it", Role.IT_ADMINISTRATOR)
        made = pauses.pause(world.context, actor, connection_name=None, reason="invented", hours=1, wait=lambda: False)
        pauses.resume(world.context, actor, made.row.uid, seen=pauses.stamp_of(made.row))
    today = world.context.today()
    library.ask_for(world.context, PRIVACY, "removals", today - days(1), today, wait=30)
    with world.context.store.write() as connection:
        by_name.ask(
            connection,
            world.context.keys.sealer,
            first=today,
            last=today,
            reason="invented",
            who=by_name.Who("a1", PRIVACY, None),
            now=world.context.now(),
            ends_at=world.context.now() + days(3),
        )
    tables = (base.deviation, pause, base.kept_report, named_view)
    assert [len(world.rows(table)) for table in tables] == [2, 2, 1, 1]
    world.clock.pass_(days(729))
    assert run(world).destroyed == {}
    world.clock.pass_(days(1))
    assert run(world).destroyed == {"pauses": 1, "reports": 1}
    world.clock.pass_(days(11))
    assert run(world).destroyed == {"deviations": 1, "views_by_name": 1}
    assert [len(world.rows(table)) for table in tables] == [1, 1, 0, 0]
    assert is_well(world)


def test_of_imports_the_newest_and_the_oldest_stay(world: World) -> None:
    world.change(retention=(RetentionTerm(RowKind.IMPORTS, Span(days=1)),))
    world.tell(closed("100001", NUMBERS[0]))
    (first,) = world.rows(base.import_run)
    kept = {name: value for name, value in first._mapping.items() if name != "id"}
    with world.context.store.write() as connection:
        connection.execute(insert(base.import_run), [kept] * 149)
    world.clock.pass_(days(2))
    assert run(world).destroyed == {"imports": 49}
    numbers = [row.id for row in world.rows(base.import_run)]
    assert numbers == [first.id, *range(first.id + 50, first.id + 150)]


# --- nothing is left -------------------------------------------------------------------------------------------------


def everywhere(world: World) -> bytes:
    """All that the database holds: of SQLite its files to the byte, of PostgreSQL every row of every table."""
    store = world.context.store
    if store.is_sqlite:
        file = Path(str(store.engine.url.database))
        return b"".join(each.read_bytes() for each in sorted(file.parent.glob(file.name + "*")))
    with store.read() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        return b"".join(
            str(row).encode() for name in names for row in connection.execute(text(f'SELECT * FROM "{name}"'))
        )


def test_what_was_destroyed_is_in_no_table_and_no_file_of_the_database(world: World) -> None:
    """The canary is a disposition in words that nobody else would write."""
    canary = "canary-4711-zebra"
    world.change(retention=(RetentionTerm(RowKind.FINDINGS, Span(days=30)),))
    now = world.context.now()
    with world.context.store.write() as connection:
        findings.open_findings(connection, [NewFinding(FindingKind.EMPTY_BOOK, "about a book")], now)
        values = {"closed_at": now, "concluded_as": "explained", "disposition": canary}
        connection.execute(update(base.finding).values(values))
    assert canary.encode() in everywhere(world)
    world.clock.pass_(timedelta(days=30))
    assert run(world) == RetentionRan({"findings": 1})
    assert canary.encode() not in everywhere(world)


@pytest.mark.parametrize(
    ("size", "seconds", "after"),
    [
        (100, 0.0, 100),  # nobody measured
        (100, 0.01, 200),
        (1600, 0.01, 1600),
        (100, 0.05, 100),
        (400, 0.09, 200),
        (60, 0.5, 50),
        (50, 0.5, 50),
        (1, 0.5, 1),
    ],
)
def test_a_batch_is_as_large_as_nobody_waits_long_for(size: int, seconds: float, after: int):
    assert retention.next_size(size, seconds) == after
