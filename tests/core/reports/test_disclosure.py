"""The promises of `reports.disclosure`: an own solver, written another way, tries to work out what was withheld."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.reports.disclosure import TOTAL, Atom, Cell, Protected, Release, Table, cross_table, protect
from tests.campaigns import Draws, examples

K = 5


def cell(amount: int, people: int, first: int = 0) -> Cell:
    return Cell(amount, frozenset(range(first, first + people)))


# --- a reader with pencil and patience -----------------------------------------------------------------------------

Sum = tuple[frozenset[Atom], int]


def sums_shown(releases: Iterable[Release]) -> list[Sum]:
    """All that readers of these reports know."""
    return [
        (atoms, sum(release.atoms[atom].amount for atom in atoms))
        for release in releases
        for atoms in release.shown.values()
    ]


def small_withheld(releases: Iterable[Release], k: int) -> list[tuple[Hashable, Sum]]:
    return [
        (key, (atoms, sum(release.atoms[atom].amount for atom in atoms)))
        for release in releases
        for key, atoms in release.withheld.items()
        if 0 < len({person for atom in atoms for person in release.atoms[atom].people}) < k
    ]


def is_zero_told_before(group: frozenset[Atom], releases: Sequence[Release]) -> bool:
    """Whether a zero about enough people told of this group before any report named it: that is no secret to keep."""
    named = next(at for at, each in enumerate(releases) if group in each.withheld.values())
    return answers(group, sums_shown(releases[:named]), at_most=9) == {0}


def rank(rows: Iterable[Sequence[bool]]) -> int:
    """How many of the rows say something of their own: dense elimination over fractions."""
    matrix = [[Fraction(each) for each in row] for row in rows]
    done = 0
    for column in range(len(matrix[0]) if matrix else 0):
        pivot = next((at for at in range(done, len(matrix)) if matrix[at][column]), None)
        if pivot is None:
            continue
        matrix[done], matrix[pivot] = matrix[pivot], matrix[done]
        for other in matrix[done + 1 :]:
            factor = other[column] / matrix[done][column]
            for at in range(column, len(other)):
                other[at] -= factor * matrix[done][at]
        done += 1
    return done


def follows(group: frozenset[Atom], sums: Sequence[Sum]) -> bool:
    """Whether sums and differences of what is known give the group: it then adds nothing to them."""
    atoms = sorted({atom for each, _ in sums for atom in each} | group, key=repr)
    rows = [[atom in each for atom in atoms] for each, _ in sums]
    return rank([*rows, [atom in group for atom in atoms]]) == rank(rows)


def tells_of(few: frozenset[Atom], sums: Sequence[Sum]) -> bool:
    """Whether some sum or difference of what is known is about these atoms only: without them it would say nothing."""
    atoms = sorted({atom for each, _ in sums for atom in each}, key=repr)
    others = [atom for atom in atoms if atom not in few]
    return rank([[atom in each for atom in atoms] for each, _ in sums]) > rank(
        [[atom in each for atom in others] for each, _ in sums]
    )


def answers(group: frozenset[Atom], sums: Sequence[Sum], at_most: int) -> set[int]:
    """Values of the group in tables of whole numbers, none below zero, that agree with all sums; two are enough."""
    atoms = sorted(
        {atom for each, _ in sums for atom in each} | group, key=lambda atom: (atom not in group, repr(atom))
    )
    lines = [([atom in each for atom in atoms], total) for each, total in sums]
    left = [total for _, total in lines]
    after = [[any(line[at:]) for at in range(len(atoms) + 1)] for line, _ in lines]
    found: set[int] = set()

    def fill(at: int, value: int) -> None:
        if len(found) > 1:
            return
        if any(not after[line][at] and left[line] for line in range(len(lines))):
            return
        if at == len(atoms):
            found.add(value)
            return
        if value in found and atoms[at] not in group:
            return  # the group has its value by now, and that value is known to be possible
        mine = [line for line in range(len(lines)) if lines[line][0][at]]
        for amount in range(min((left[line] for line in mine), default=at_most) + 1):
            for line in mine:
                left[line] -= amount
            fill(at + 1, value + amount * (atoms[at] in group))
            for line in mine:
                left[line] += amount

    fill(0, 0)
    return found


def assert_safe(releases: Sequence[Release], k: int, *, whole_numbers: bool) -> None:
    sums = sums_shown(releases)
    for key, (group, value) in small_withheld(releases, k):
        assert not follows(group, sums), f"{key} can be worked out"
        if whole_numbers and not (value == 0 and is_zero_told_before(group, releases)):
            assert len(answers(group, sums, at_most=9)) > 1, f"{key} leaves one answer in whole numbers"


def assert_nothing_small_is_shown(protected: Protected, table: Table, k: int) -> None:
    for key, amount in protected.shown.items():
        atoms = table.figures[key]
        people = {person for atom in atoms for person in table.atoms[atom].people}
        assert len(people) >= k or not people
        assert amount == sum(table.atoms[atom].amount for atom in atoms)
    assert set(protected.shown) | protected.withheld == set(table.figures)
    assert set(protected.shown) & protected.withheld == set()


def test_the_readers_solver_finds_what_it_should() -> None:
    a, b, c = "abc"
    row = [(frozenset({a, b, c}), 10), (frozenset({a}), 3)]
    assert follows(frozenset({b, c}), row)
    assert not follows(frozenset({b}), row)
    assert answers(frozenset({b}), row, 9) == {0, 1}
    assert answers(frozenset({b}), [*row, (frozenset({c}), 7)], 9) == {0}
    assert answers(frozenset({b}), [(frozenset({a, b}), 0)], 9) == {0}
    # Not to be had by adding and subtracting, and still certain: a + b = 0 leaves c in b + c = 4 no choice.
    hidden = [(frozenset({a, b}), 0), (frozenset({b, c}), 4)]
    assert not follows(frozenset({c}), hidden)
    assert answers(frozenset({c}), hidden, 9) == {4}
    assert tells_of(frozenset({b, c}), row)
    assert not tells_of(frozenset({b}), row)


# --- one table ------------------------------------------------------------------------------------------------------


def teams(**amounts: tuple[int, int]) -> Table:
    """A row of teams with their total: name = (amount, people), nobody in two teams."""
    cells, first = {}, 0
    for name, (amount, people) in amounts.items():
        cells[name,] = cell(amount, people, first)
        first += people
    return cross_table("contacts", cells)


def test_a_table_without_small_groups_is_shown_whole() -> None:
    table = teams(north=(10, 8), south=(12, 5))
    protected = protect(table, K, [])
    assert dict(protected.shown) == {("contacts", "north"): 10, ("contacts", "south"): 12, ("contacts", TOTAL): 22}
    assert protected.withheld == frozenset()


def test_a_small_team_is_withheld_and_another_with_it_or_the_total_would_tell() -> None:
    table = teams(north=(10, 8), south=(12, 9), west=(40, 20), duty=(4, 4))
    protected = protect(table, K, [])
    # The smallest that helps is withheld beside it; the large one and the total stay.
    assert dict(protected.shown) == {
        ("contacts", "south"): 12,
        ("contacts", "west"): 40,
        ("contacts", TOTAL): 66,
    }
    assert protected.withheld == {("contacts", "duty"), ("contacts", "north")}


def test_two_small_teams_that_are_small_together_need_a_third() -> None:
    table = teams(north=(10, 8), west=(40, 20), duty=(4, 2), night=(5, 2))
    assert protect(table, K, []).withheld == {("contacts", "duty"), ("contacts", "night"), ("contacts", "north")}


def test_two_small_teams_that_are_enough_together_hide_each_other() -> None:
    table = teams(north=(10, 8), west=(40, 20), duty=(4, 3), night=(5, 3))
    assert protect(table, K, []).withheld == {("contacts", "duty"), ("contacts", "night")}


def test_a_small_team_that_did_nothing_is_withheld_too() -> None:
    table = teams(north=(10, 8), west=(40, 20), duty=(0, 4))
    protected = protect(table, K, [])
    assert ("contacts", "duty") in protected.withheld
    assert len(answers(frozenset({("contacts", "duty")}), sums_shown([protected.release]), 99)) > 1


def test_where_nobody_did_anything_the_total_goes_too_because_zero_tells_all() -> None:
    table = teams(north=(0, 8), duty=(0, 4))
    assert protect(table, K, []).withheld == {("contacts", "duty"), ("contacts", TOTAL)}


def test_a_total_of_zero_tells_all_even_where_nothing_can_be_subtracted() -> None:
    # Both small, enough together, and still: a sum of zero leaves neither of them a choice.
    table = teams(duty=(0, 4), night=(0, 4))
    assert protect(table, K, []).withheld == set(table.figures)


def test_a_cell_about_nobody_is_shown_as_the_zero_it_is() -> None:
    table = teams(north=(10, 8), empty=(0, 0))
    assert dict(protect(table, K, []).shown) == {
        ("contacts", "north"): 10,
        ("contacts", "empty"): 0,
        ("contacts", TOTAL): 10,
    }


def test_nothing_hides_behind_a_cell_about_nobody() -> None:
    atoms = {"north": cell(10, 8), "duty": cell(5, 4, 20), "closed team": cell(0, 0)}
    table = Table(atoms, {"north": frozenset({"north"}), "all": frozenset(atoms)})
    assert len(protect(table, K, []).withheld) == 1


def test_the_one_withheld_beside_it_must_be_large_enough_to_hide_it() -> None:
    # Beside 100 a team with 1 hides next to nothing: the answer would lie between 99 and 101.
    table = teams(quiet=(1, 6), north=(60, 30), west=(80, 40), duty=(100, 4))
    assert protect(table, K, []).withheld == {("contacts", "duty"), ("contacts", "north")}
    assert protect(table, K, [], spread=Decimal(0)).withheld == {("contacts", "duty"), ("contacts", "quiet")}


def test_a_cell_in_rows_and_columns_needs_a_rectangle() -> None:
    amounts = {("a", "in"): 20, ("a", "out"): 21, ("b", "in"): 22, ("b", "out"): 23, ("c", "in"): 24, ("c", "out"): 25}
    sizes = dict.fromkeys(amounts, 9) | {("a", "in"): 2}
    cells = {key: cell(amount, sizes[key]) for key, amount in amounts.items()}
    protected = protect(cross_table("calls", cells), K, [])
    leaves = {key[1:] for key in protected.withheld}
    assert leaves == {("a", "in"), ("a", "out"), ("b", "in"), ("b", "out")}


def test_a_table_of_single_people_is_refused_rather_than_searched_for_ever() -> None:
    atoms = {worker: cell(worker, 1, worker) for worker in range(200)}
    with pytest.raises(ValueError, match="sum them first"):
        protect(Table(atoms, {worker: frozenset({worker}) for worker in atoms}), 10, [])


def test_a_group_of_one_is_no_group() -> None:
    with pytest.raises(ValueError, match="no group"):
        protect(teams(north=(1, 8)), 1, [])


@pytest.mark.parametrize(("amount", "people"), [(-1, 3), (1, 0)])
def test_a_cell_that_cannot_be_is_refused(amount: int, people: int) -> None:
    with pytest.raises(ValueError, match="about somebody"):
        cell(amount, people)


def test_a_figure_of_atoms_without_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="no cell"):
        Table({}, {"total": frozenset({"a"})})


def test_nothing_is_rounded_and_no_reason_is_told() -> None:
    protected = protect(teams(north=(10, 8), south=(12, 9), duty=(4, 4)), K, [])
    assert all(type(amount) is int for amount in protected.shown.values())
    assert set(Protected.__slots__) == {"shown", "withheld", "release"}


# --- several reports ------------------------------------------------------------------------------------------------


def months(*names: str, quarter: bool = False) -> Table:
    everything = {
        (team, month): cell(amount, people, first)
        for team, first, people, amounts in (("north", 0, 9, (30, 31, 32)), ("duty", 20, 4, (7, 8, 9)))
        for month, amount in zip(("01", "02", "03"), amounts, strict=True)
    }
    chosen = {key: value for key, value in everything.items() if key[1] in names}
    return cross_table("calls", chosen, {1: dict.fromkeys(names, "Q1")} if quarter else None)


def test_a_report_of_a_team_that_left_does_not_tell_by_difference() -> None:
    # Last time all of them were shown together; now the same without the small team would tell what was theirs.
    atoms = {("calls", "north"): cell(30, 9), ("calls", "duty"): cell(7, 4, 20)}
    everybody = Table(atoms, {"all": frozenset(atoms)})
    first = protect(everybody, K, [])
    assert dict(first.shown) == {"all": 37}
    later = Table(atoms, {"north": frozenset({("calls", "north")})})
    assert protect(later, K, [first.release]).withheld == {"north"}
    assert protect(later, K, []).withheld == frozenset()


def test_a_quarter_beside_its_months_is_one_system() -> None:
    first = protect(months("01", "02"), K, [])
    second = protect(months("01", "02", "03", quarter=True), K, [first.release])
    third = protect(months("03"), K, [first.release, second.release])
    assert_safe([first.release, second.release, third.release], K, whole_numbers=False)
    # The order of reports decides what is left to show, never whether it is safe.
    backwards = protect(months("03"), K, [])
    again = protect(months("01", "02", "03", quarter=True), K, [backwards.release])
    assert_safe([backwards.release, again.release], K, whole_numbers=False)


def test_the_same_report_again_shows_the_same() -> None:
    table = months("01", "02", "03")
    first = protect(table, K, [])
    assert protect(table, K, [first.release]) == first


def test_reports_that_share_nothing_do_not_matter() -> None:
    first = protect(months("01"), K, [])
    assert protect(months("02"), K, [first.release]) == protect(months("02"), K, [])


def test_a_correction_about_few_people_is_not_told_by_difference() -> None:
    before = {("calls", team): cell(30, 9, first) for team, first in (("north", 0), ("south", 20), ("duty", 40))}
    table = Table(before, {"all": frozenset(before)})
    first = protect(table, K, [])
    few = Table(before | {("calls", "late"): cell(0, 3, 60)}, {"all": frozenset({*before, ("calls", "late")})})
    shown = protect(few, K, [])
    assert dict(shown.shown) == {"all": 90}
    corrected = replace(few, atoms={**few.atoms, ("calls", "late"): cell(2, 3, 60)})
    assert protect(corrected, K, [shown.release]).withheld == {"all"}
    large = replace(table, atoms={**before, ("calls", "north"): cell(35, 9)})
    assert dict(protect(large, K, [first.release]).shown) == {"all": 95}


def test_a_figure_withheld_before_is_not_told_by_three_sums_that_none_of_them_contains() -> None:
    ours = {"a": cell(7, 3), "b": cell(8, 3)}
    others = {name: cell(30, 6, 10 * at) for at, name in enumerate("wxyz", 1)}
    first = protect(Table(ours, {"ours": frozenset("ab")}), K, [])
    assert first.withheld == {"ours"}
    sums = {"one": frozenset("axy"), "two": frozenset("bzw"), "three": frozenset("wxyz")}
    later = protect(Table(ours | others, sums), K, [first.release])
    assert_safe([first.release, later.release], K, whole_numbers=False)
    assert len(later.withheld) == 1


def hemmed(*, behind: bool = False) -> tuple[dict[Atom, Cell], dict[Hashable, frozenset[Atom]]]:
    """a + b + c and c + d = 0: nothing to subtract, and still a + b is certain. a and b can be told apart by a + e."""
    atoms: dict[Atom, Cell] = {
        "a": cell(3, 3),
        "b": cell(4, 3),
        "c": cell(0, 6, 10),
        "d": cell(0, 6, 20),
        "e": cell(9, 6, 30),
    }
    first = frozenset("abc")
    if behind:
        atoms["nobody"] = cell(0, 0)
        first |= {"nobody"}
    return atoms, {"one": first, "two": frozenset("cd"), "three": frozenset("ae")}


@pytest.mark.parametrize("behind", [False, True], ids=["plain", "with a cell about nobody"])
@pytest.mark.parametrize("named", ["before", "in this report"])
def test_a_small_figure_that_only_a_zero_makes_certain_is_safe(named: str, behind: bool) -> None:
    atoms, figures = hemmed(behind=behind)
    ours = {"ours": frozenset("ab")}
    if named == "before":
        first = protect(Table({each: atoms[each] for each in "ab"}, ours), K, [])
        later = protect(Table(atoms, figures), K, [first.release])
        releases = [first.release, later.release]
    else:
        later = protect(Table(atoms, figures | ours), K, [])
        releases = [later.release]
    sums = sums_shown(releases)
    if behind:
        sums.append((frozenset({"nobody"}), 0))
    assert len(answers(frozenset("ab"), sums, at_most=9)) > 1
    assert {"one", "two"} & later.withheld


def test_a_line_of_an_earlier_report_is_not_filled_in_by_figures_that_do_not_touch_the_small_one() -> None:
    atoms = {"s": cell(4, 3), "b": cell(6, 6, 10), "c": cell(0, 6, 20), "d": cell(0, 6, 30)}
    first = protect(Table(atoms, {"s": frozenset("s"), "both": frozenset("sb")}), K, [])
    assert first.withheld == {"s"}
    later = protect(Table(atoms, {"one": frozenset("bc"), "two": frozenset("cd")}), K, [first.release])
    assert_safe([first.release, later.release], K, whole_numbers=True)
    assert later.withheld


def test_reports_hang_together_over_many_steps() -> None:
    atoms = {"s": cell(4, 3), "m": cell(6, 6, 10), "n": cell(7, 6, 20), "o": cell(8, 6, 30)}
    released: list[Release] = []
    for figures in ({"s": "s", "sm": "sm"}, {"mn": "mn"}, {"no": "no"}):
        table = Table(atoms, {key: frozenset(value) for key, value in figures.items()})
        released.append(protect(table, K, released).release)
    assert [set(each.withheld) for each in released] == [{"s"}, set(), set()]
    last = Table({"o": atoms["o"]}, {"o": frozenset("o")})
    assert protect(last, K, released).withheld == {"o"}


def test_one_small_cell_costs_a_rectangle_and_no_more(draws: Draws) -> None:
    for random in draws(20):
        cells: dict[tuple[Hashable, ...], Cell] = {
            (row, column): cell(random.randrange(100, 200), 9) for row in range(5) for column in range(5)
        }
        cells[2, 3] = cell(40, 3)
        withheld = protect(cross_table("calls", cells), K, []).withheld
        assert len(withheld) == 4
        assert all(TOTAL not in key for key in withheld if isinstance(key, tuple))


def test_what_earlier_reports_gave_away_is_not_paid_for_again() -> None:
    atoms = {"north": cell(10, 8), "south": cell(12, 9, 20), "duty": cell(4, 4, 40)}
    first = protect(Table(atoms, {"all": frozenset(atoms), "both": frozenset({"north", "south"})}), 4, [])
    assert first.withheld == frozenset()
    again = Table(atoms, {each: frozenset({each}) for each in ("north", "south")} | {"all": frozenset(atoms)})
    assert protect(again, K, [first.release]).withheld == frozenset()


def test_what_was_shown_under_a_lower_limit_does_not_take_everything_down() -> None:
    table = teams(north=(10, 8), south=(12, 9), duty=(4, 4))
    first = protect(table, 4, [])
    assert first.withheld == frozenset()
    again = protect(table, K, [first.release])
    assert again.withheld == {("contacts", "duty")}


# --- whatever the table ---------------------------------------------------------------------------------------------


@st.composite
def facts(draw: st.DrawFn, most: int, teams: int = 3, months: int = 2) -> Mapping[tuple[Hashable, ...], Cell]:
    """Cells by team, month and counterparty; a team's people are the same in all its cells."""
    cells: dict[tuple[Hashable, ...], Cell] = {}
    first = 0
    counterparties = draw(st.sampled_from([("client",), ("client", "colleague")]))
    for team in range(draw(st.integers(1, teams))):
        size = draw(st.sampled_from([0, 1, 2, 3, 4, 6, 8]))
        for month in range(draw(st.integers(1, months))):
            for counterparty in counterparties:
                amount = draw(st.sampled_from([0, 0, 0, 1, 2, most])) if size else 0
                cells[team, month, counterparty] = cell(amount, size, first)
        first += size
    return cells


def reports(cells: Mapping[tuple[Hashable, ...], Cell], choices: Sequence[tuple[int, int]]) -> list[Table]:
    """Tables over the same facts: by month or rolled up, without one team, by single axes, or odd sums."""
    found = []
    for kind, which in choices:
        if kind == 0:
            found.append(cross_table("calls", cells))
        elif kind == 1:
            found.append(cross_table("calls", cells, {1: {0: "Q", 1: "Q"}}))
        elif kind == 2:
            some = {key: value for key, value in cells.items() if key[0] != which % 3}
            found.append(cross_table("calls", some, {1: {0: "Q", 1: "Q"}}))
        elif kind == 3:
            some = {key: value for key, value in cells.items() if key[1] == which % 2}
            found.append(cross_table("calls", some))
        else:
            random = Random(which)
            atoms = {("calls", *key): value for key, value in cells.items()}
            figures = {
                ("odd", which, at): frozenset(atom for atom in atoms if random.random() < 0.5) for at in range(4)
            }
            found.append(Table(atoms, figures))
    return found


CHOICES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=3)


def release_all(tables: Sequence[Table], k: int) -> list[Release]:
    released: list[Release] = []
    for table in tables:
        protected = protect(table, k, released)
        assert_nothing_small_is_shown(protected, table, k)
        released.append(protected.release)
    return released


@settings(max_examples=examples(300), deadline=None)
@given(facts(most=3, teams=3, months=1), CHOICES, st.integers(2, 6))
def test_no_reports_together_leave_one_answer_in_whole_numbers(
    cells: Mapping[tuple[Hashable, ...], Cell], choices: list[tuple[int, int]], k: int
) -> None:
    assert_safe(release_all(reports(cells, choices), k), k, whole_numbers=True)


@settings(max_examples=examples(60), deadline=None)
@given(facts(most=60, teams=5, months=2), CHOICES, st.integers(2, 8))
def test_no_pair_of_reports_reveals_a_withheld_cell(
    cells: Mapping[tuple[Hashable, ...], Cell], choices: list[tuple[int, int]], k: int
) -> None:
    released = release_all(reports(cells, choices), k)
    assert_safe(released, k, whole_numbers=False)
    for one in released:
        for other in released:
            assert_safe([one, other], k, whole_numbers=False)


@settings(max_examples=examples(60), deadline=None)
@given(facts(most=60, teams=5), CHOICES, st.integers(2, 8))
def test_no_sums_and_differences_are_about_few_people(
    cells: Mapping[tuple[Hashable, ...], Cell], choices: list[tuple[int, int]], k: int
) -> None:
    sums = sums_shown(release_all(reports(cells, choices), k))
    groups = {value.people for value in cells.values() if value.people}
    for size in range(1, 4):
        for some in combinations(groups, size):
            people = frozenset().union(*some)
            if len(people) < k:
                assert not tells_of(
                    frozenset(
                        ("calls", *key) for key, value in cells.items() if value.people and value.people <= people
                    ),
                    sums,
                )


@settings(max_examples=examples(60), deadline=None)
@given(facts(most=60, teams=5), st.integers(2, 8), st.randoms())
def test_the_order_of_cells_never_matters(cells: Mapping[tuple[Hashable, ...], Cell], k: int, random: Random) -> None:
    items = list(cells.items())
    random.shuffle(items)
    one, other = (protect(cross_table("calls", each), k, []) for each in (cells, dict(items)))
    assert (dict(one.shown), one.withheld) == (dict(other.shown), other.withheld)


# --- size -----------------------------------------------------------------------------------------------------------


def test_a_quarterly_report_of_an_organisation_is_protected_and_mostly_shown() -> None:
    random = Random(3)
    cells: dict[tuple[Hashable, ...], Cell] = {}
    for team in range(20):
        size = 3 if team < 2 else random.randrange(6, 20)
        for counterparty in ("client", "colleague", "former client", "professional", "unknown"):
            for side in ("whatsapp", "approved", "other", "unknown channel"):
                cells[team, counterparty, side] = cell(random.randrange(200), size, team * 100)
    table = cross_table("contacts Q1", cells)
    protected = protect(table, K, [])
    assert_nothing_small_is_shown(protected, table, K)
    assert len(table.figures) == 21 * 6 * 5
    assert len(protected.withheld) < len(table.figures) / 4
