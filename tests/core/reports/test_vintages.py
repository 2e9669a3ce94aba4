"""Vintages by hand: who is told together, when a revision waits, what a later figure must not tell of an earlier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from server.core.reports.channels import rows_at_least, say_unplaced
from server.core.reports.vintages import ALL, Contribution, TableTold, ThresholdRule, merge_small, revise

K = 5
RULE = ThresholdRule(K)
FIGURES = {"calls": {"calls": frozenset({"in", "out"}), "in": frozenset({"in"})}}


def parts(group: str, people: Iterable[int], **amounts: int) -> list[Contribution]:
    return [Contribution(person, group, repr(amounts), amounts) for person in people]


def told(*steps: list[Contribution]) -> TableTold:
    known = TableTold()
    for step in steps:
        known = revise(known, step, FIGURES, RULE, {})
    return known


def printed(known: TableTold) -> Mapping[tuple[str, str], int]:
    cells = FIGURES["calls"]
    groups = {each.group for each in known.in_group(ALL)} | {ALL}
    return {(g, name): known.amount(g, cells[name]) for g in groups for name in cells if known.shows(g, name)}


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ({"north": 9, "south": 7}, {"north": "north", "south": "south"}),
        ({"north": 9, "duty": 2, "desk": 3}, {"north": "north", "duty": "desk + duty", "desk": "desk + duty"}),
        ({"north": 9, "south": 7, "duty": 2}, {"north": "north", "south": "duty + south", "duty": "duty + south"}),
        ({"east": 7, "south": 7, "duty": 2}, {"east": "duty + east", "south": "south", "duty": "duty + east"}),
        ({"": 1, "duty": 2}, {"": "– + duty", "duty": "– + duty"}),
    ],
)
def test_small_teams_are_told_together_and_if_too_few_with_the_smallest_other(sizes, groups) -> None:
    assert merge_small(sizes, K) == groups


def test_a_month_of_large_groups_is_told_whole() -> None:
    known = told(
        [*parts("north", range(1, 9), **{"in": 3, "out": 2}), *parts("south", range(11, 17), **{"in": 4, "out": 1})]
    )
    assert printed(known) == {
        ("north", "calls"): 40, ("north", "in"): 24, ("south", "calls"): 30, ("south", "in"): 24,
        (ALL, "calls"): 70, (ALL, "in"): 48,
    }  # fmt: skip


def test_the_rows_of_one_person_that_come_late_change_nothing_and_of_five_do() -> None:
    first = parts("north", range(1, 9), **{"in": 3, "out": 2})
    known = told(first)
    assert told(first, [*first, *parts("north", [9], **{"in": 99})]) == known
    more = told(first, [*first, *parts("north", range(11, 16), **{"in": 4, "out": 1})])
    assert printed(more)["north", "calls"] == 65


def test_what_waits_is_told_when_enough_have_come() -> None:
    first = parts("north", range(1, 9), **{"in": 3, "out": 2})
    two = [*first, *parts("north", (11, 12), **{"in": 4, "out": 1})]
    five = [*two, *parts("north", (13, 14, 15), **{"in": 4, "out": 1})]
    assert printed(told(first, two)) == printed(told(first))
    assert printed(told(first, two, five)) == printed(told(first, five))


def test_a_correction_that_is_taken_back_for_all_but_one_is_held_against_the_first_figure_too() -> None:
    first = parts("north", range(1, 9), **{"in": 3, "out": 2})
    second = [*parts("north", range(1, 7), **{"in": 5, "out": 5}), *parts("north", (7, 8), **{"in": 3, "out": 2})]
    third = [*parts("north", [1], **{"in": 8, "out": 2}), *parts("north", range(2, 9), **{"in": 3, "out": 2})]
    known = told(first, second)
    assert printed(known)["north", "calls"] == 70
    assert told(first, second, third) == known


def test_late_rows_that_add_little_are_not_told_by_the_difference() -> None:
    first = parts("north", range(1, 9), **{"in": 3, "out": 9})
    late = [*first, *parts("north", range(11, 16), out=9), *parts("north", [16], **{"in": 1, "out": 9})]
    assert printed(told(first, late)) == {("north", "calls"): 151, (ALL, "calls"): 151}


def test_a_feed_of_few_is_told_of_nobody_and_binds_nothing() -> None:
    assert told(parts("north", range(1, 4), **{"in": 99})) == TableTold()
    pilot = [*parts("north", [1], **{"in": 37}), *parts("south", range(11, 20), **{"in": 9})]
    assert printed(told(pilot)) == {(ALL, "calls"): 118, (ALL, "in"): 118}, "with the other team's it would be told"


def test_a_group_where_nobody_had_any_is_withheld_where_others_had_some_and_nought_where_nobody_had() -> None:
    north, south = parts("north", range(1, 9), **{"in": 0, "out": 3}), parts("south", range(11, 19), **{"in": 9})
    east = parts("east", range(21, 29), **{"in": 9, "out": 1})
    assert ("north", "in") not in printed(told([*north, *south, *east]))
    nobody = printed(told(parts("north", range(1, 9), out=3)))
    assert nobody == {("north", "calls"): 24, ("north", "in"): 0, (ALL, "calls"): 24, (ALL, "in"): 0}


@pytest.mark.parametrize(
    ("unplaced", "rows", "said"),
    [(0, 99, None), (0, 1000, "less than 5%"), (48, 1000, None), (100, 1000, "5% to 20%"), (201, 1000, None),
     (400, 1000, "more than 20%"), (1000, 1000, "more than 20%")],
)  # fmt: skip
def test_how_much_of_a_feed_could_not_be_placed_is_told_where_a_few_rows_change_nothing(unplaced, rows, said) -> None:
    found = say_unplaced(unplaced, rows, K)
    assert (None if found is None else found.message) == said


@pytest.mark.parametrize(
    ("rows", "said"), [(7, 0), (99, 0), (103, 0), (105, 100), (994, 100), (996, 0), (70_000, 10_000)]
)
def test_the_size_of_a_file_is_told_where_a_few_rows_change_nothing(rows, said) -> None:
    assert rows_at_least(rows, K) == said
