"""Reports that count say what the rows say, no more than a role may have, and the same wherever they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from mdm_adapters.port import Denied, Fault, Outcome
from server import app as root
from server.core.log.entries import EntryKind
from server.core.model import Decision, FindingKind, Reason, Role, Tier
from server.core.problems import EvidenceRefusedError
from server.core.reports import kept
from server.core.reports.controls import KEY, Basis, Controls, read_controls
from server.core.reports.document import Report, canonical, digest
from server.core.reports.tally import in_use
from server.core.text import Period, Share, Text
from server.render.drawn import pictures
from server.render.formats import FORMATS, TITLES
from server.render.words import Words
from server.store.admin import organisation
from server.store.schema import base
from server.store.schema.usage import released_cells
from server.work.removal import deviations_and_holds
from server.work.reports import counted as summaries
from server.work.reports.catalogue import REPORTS, Span, usual_period
from server.work.reports.counted import SeedRefusedError
from tests.work import desk
from tests.work.world import NOW, NUMBERS, Told, World, closed, days

ONE, TWO, THREE, FOUR, FIVE, SIX = NUMBERS[:6]
TODAY = NOW.date()
FIRST, LAST = TODAY - days(30), TODAY


def live(world: World) -> None:
    world.tell(
        closed("100001", ONE),
        closed("100002", TWO, ago=3),
        closed("100003", THREE, linked=False),
        closed("100005", FIVE, workers=("worker-2",)),
        Told("100006", ("06-12345677",)),
        closed("100007", SIX),
    )
    for number in (ONE, TWO, THREE, "06-12345677", SIX):
        world.put(number)
    world.put(FIVE, worker=2)
    deviations_and_holds.add_deviation(
        world.context, by=Role.WORK_SUPERVISOR,
        case="100007", worker="worker-1", tier=Tier.CONSULT, reason="invented", decided_by="supervisor",
        until_day=TODAY + days(20),
    )  # fmt: skip
    world.look()
    world.plan()
    world.vendor.fail_before.append(Denied(Fault.FORBIDDEN))
    world.drain()
    world.verify()
    world.context = replace(world.context, evidence=desk.rules, catalogue=desk.catalogue, controls=shipped_controls)


@pytest.fixture
def told(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    """One contact of each fate, one phone that fetched, one deviation, one question."""
    return begin_after(live)


def shipped_controls() -> Controls:
    found = read_controls((desk.POLICIES / "controls" / "mapping.yaml").read_text("utf-8"))
    assert found is not None
    return found


def section(made: Report, key: str) -> list[Any]:
    (found,) = [each for each in made.body if each.key == key]
    return list(found.rows)


def figures(made: Report) -> dict[str, Any]:
    return {figure.key: figure.value for figure in made.figures}


def make(world: World, key: str, role: Role = Role.PRIVACY_OFFICER, first: date = FIRST, last: date = LAST) -> Report:
    return REPORTS[key].make(world.context, role, first, last)


# --- what they say


def test_the_counts_are_those_of_the_list_of_removals(told: World) -> None:
    listed, counted = figures(told.report()), figures(make(told, "management"))
    same = ("removed", "synced", "reviews", "under_way", "stuck", "stay")
    assert {key: counted[key] for key in same} == {key: listed[key] for key in same}
    assert listed["removed"] + listed["stuck"] == 2


def test_the_quarterly_report_tells_of_removals_channels_and_declarations(told: World) -> None:
    made = make(told, "quarterly", first=date(2025, 1, 1), last=date(2025, 3, 31))
    keys = [each.key for each in made.body]
    assert keys[:10] == [
        "coverage", "removed", "trend", "evidence", "times", "standing", "stuck", "questions", "deviations", "versions",
    ]  # fmt: skip
    assert {"channels_use", "channels_blind_spots", "declarations_papers", "declarations_checks"} <= set(keys)
    assert keys[-3:] == ["controls", "sources", "blind_spots"]
    assert [key for key in keys if key.endswith(KEY)] == [KEY]
    removed = figures(make(told, "management"))["removed"]
    assert section(made, "removed") == [(Reason.FINALLY_CLOSED, Outcome.REMOVED, removed)]
    assert section(made, "deviations") == [(Tier.SELF, 0, 0), (Tier.CONSULT, 1, 1), (Tier.BOARD, 0, 0)]
    assert section(made, "standing") == [
        (Decision.REVIEW, Reason.LINK_UNKNOWN, 1, Reason.LINK_UNKNOWN),
    ]
    assert section(made, "stuck") == [(Fault.FORBIDDEN, 1, Fault.FORBIDDEN)]
    assert made.period == Period(date(2025, 1, 1), date(2025, 3, 31))


def test_a_removal_is_counted_in_the_time_that_it_took(told: World) -> None:
    rows = section(make(told, "times"), "times")
    assert [count for _, count, _ in rows] == [0, 1]
    assert rows[-1][2] == Share(1, 1)


def test_removals_are_counted_week_by_week_and_month_by_month_in_a_long_period(told: World) -> None:
    """From the week, or the month, of the first look: of what was before nothing is known, and no 0 stands for it."""
    for made in (make(told, "times"), make(told, "times", first=LAST.replace(year=LAST.year - 1))):
        (trend,) = (each for each in made.body if each.key == "trend")
        ((begun, count),) = trend.rows
        assert (begun.weekday() == 0 if "week" in trend.heading.message else begun.day == 1, count) == (True, 1)
        assert [note.message for note in trend.notes] == [
            "In use since {day}: address books were not read before that day."
        ]


def test_a_week_before_the_first_look_is_not_a_week_in_which_nothing_was_removed() -> None:
    weeks = [date(2025, 1, 1), date(2025, 1, 6), date(2025, 1, 13), date(2025, 1, 20)]
    assert in_use(weeks, date(2024, 12, 1)) == weeks
    assert in_use(weeks, date(2025, 1, 13)) == weeks[2:]
    assert in_use(weeks, date(2025, 1, 12)) == weeks[1:]
    assert in_use(weeks, date(2025, 2, 1)) == weeks[3:]


@pytest.mark.parametrize("key", [key for key, kind in REPORTS.items() if kind.on_looks])
def test_of_days_before_the_first_look_nothing_is_said(told: World, key: str) -> None:
    first = told.context.today()
    with pytest.raises(EvidenceRefusedError, match="before_first_look"):
        make(told, key, first=first.replace(year=first.year - 1, day=1), last=first.replace(year=first.year - 1))


def test_what_is_under_way_now_says_so_in_a_paragraph_about_days_long_past(told: World) -> None:
    told.pass_(days(200))
    paragraph = next(each for each in make(told, "management").body if each.key == "paragraph").paragraphs
    said = " ".join(Words("en").say(each) for each in paragraph)
    day = Words("en").day(told.context.today())
    assert f"As of {day}: 1 are under way or stuck" in said
    assert f"open on {day}: 0" in said


@pytest.mark.parametrize("key", ["article30", "dpia"])
def test_each_connection_is_called_what_the_registry_says_that_it_is_for(told: World, key: str) -> None:
    told.context = replace(told.context, sorts={name: kind.sort for name, kind in root.KINDS.items()})
    said = {"store": "Contact server", "manager": "Device management (MDM)", "feed": "Usage feed"}
    expected = {f"connection {name}": said[kind.sort.value] for name, kind in root.KINDS.items()}
    expected["connection gone"] = "Of a kind that is not known"
    with told.context.store.write() as connection:
        for name in expected:
            values = {
                "name": name,
                "vendor": name.split()[1],
                "base_url": "https://x.example",
                "options": "{}",
                "login": "invented",
                "secret_file": "invented",
                "demo": False,
            }
            organisation.put_connection(connection, values)
    rows = {row[1]: Words("en").write(row[0]) for row in section(make(told, key), "systems")}
    assert {name: rows[name] for name in expected} == expected


def test_residual_exposure_is_counted_thing_by_thing(told: World) -> None:
    counts = [row[1] for row in section(make(told, "coverage"), "residual")]
    assert counts == [0, 1, 1, None, 0, 2, 2, 0]


def test_a_phone_that_was_silent_for_long_is_told(told: World) -> None:
    with told.context.store.write() as connection:
        (order,) = [row for row in connection.execute(base.orders.select()) if row.state == "done"]
        (device, _) = connection.execute(base.device.select()).all()
        connection.execute(
            base.evidence.insert().values(
                order_id=order.id, device_id=device.id, level="device_synced", at=NOW - timedelta(days=29), how="test"
            )
        )
    assert [row[1] for row in section(make(told, "coverage"), "residual")][-2:] == [1, 1]


def test_the_policy_report_tells_versions_numbers_and_gates(told: World) -> None:
    made = make(told, "policies")
    ((version, first_at, last_at, orders),) = section(made, "versions")
    assert (version, first_at, last_at, orders) == ("rules-7", NOW, NOW, 2)
    assert dict(_said(section(made, "rules")))["Days between closure and removal"] == 14
    assert section(made, "gates") == []


def _said(rows: list[Any]) -> list[tuple[str, Any]]:
    return [(row[0].message if isinstance(row[0], Text) else row[0], row[1]) for row in rows]


def test_the_deviation_report_names_case_and_worker_for_those_cleared_only(told: World) -> None:
    (cleared,) = section(make(told, "deviations"), "list")
    (other,) = section(make(told, "deviations", Role.AUDITOR), "list")
    assert cleared[1:3] == ("100007", "worker-1")
    assert other == (cleared[0], *cleared[3:])
    assert "invented" not in canonical(make(told, "deviations")).decode()


def test_a_deviation_that_ran_out_before_the_period_is_not_in_it(told: World) -> None:
    told.pass_(days(60))
    assert section(make(told, "deviations", first=TODAY + days(50), last=TODAY + days(60)), "list") == []
    assert len(section(make(told, "deviations", first=TODAY + days(20), last=TODAY + days(60)), "list")) == 1


@pytest.mark.parametrize("role", [Role.LINE_MANAGER, Role.WORK_SUPERVISOR])
@pytest.mark.parametrize("key", ["management", "council"])
def test_who_leads_people_is_told_of_whole_months_that_are_over_and_of_no_day(
    told: World, key: str, role: Role
) -> None:
    with pytest.raises(EvidenceRefusedError, match="period"):
        make(told, key, role, first=TODAY, last=TODAY)
    told.pass_(days(40))
    day = told.context.today()
    assert make(told, key, role, first=TODAY, last=day).period == Period(date(2025, 3, 1), date(2025, 3, 31))


# --- the councils


def test_counts_about_few_people_are_withheld_from_councils(told: World) -> None:
    made = make(told, "council", first=date(2025, 1, 1), last=date(2025, 6, 30))
    assert figures(made).get("removed") is None
    assert {row[1] for row in section(made, "removed")} <= {None}
    assert {row[1] for row in section(made, "teams")} <= {None}
    assert section(made, "deviations") == [(tier, None, None) for tier in Tier]


def test_no_form_and_no_chart_tells_councils_how_many_were_withheld(make_world: Any) -> None:
    def made(removed: int) -> tuple[Report, list[bytes]]:
        world = make_world(workers=1)
        world.tell(*(closed(f"10000{n}", NUMBERS[n]) for n in range(1, 4)))
        for n in range(1, removed + 1):
            world.put(NUMBERS[n])
        world.run()
        world.context = replace(world.context, evidence=desk.rules, catalogue=desk.catalogue)
        report = make(world, "council", first=date(2025, 1, 1), last=date(2025, 6, 30))
        return report, [form.write(report, Words("nl")) for form in FORMATS.values()]

    (one, first), (three, second) = made(1), made(3)
    assert section(one, "removed") == section(three, "removed") == [(Reason.FINALLY_CLOSED, None)]
    assert {each.key for each in one.body if pictures(each)} <= {"coverage"}
    assert first == second


def test_small_teams_are_told_together_to_councils_and_a_worker_who_moved_takes_no_removal_along(
    make_world: Any,
) -> None:
    world = make_world(workers=14)
    world.tell(*(closed(f"10000{n}", NUMBERS[n], workers=(f"worker-{n}",)) for n in range(1, 9)))
    for n in range(1, 9):
        world.put(NUMBERS[n], worker=n)
    teams = ["north"] * 6 + ["duty"] * 2 + ["south"] * 6
    with world.context.store.write() as connection:
        connection.execute(base.membership.delete())
        for n, team in enumerate(teams, start=1):
            connection.execute(base.worker.update().where(base.worker.c.ref == f"worker-{n}").values(team=team))
    world.run()
    world.context = replace(world.context, evidence=desk.rules, catalogue=desk.catalogue)
    half = {"first": date(2025, 1, 1), "last": date(2025, 6, 30)}
    made = section(make(world, "council", **half), "teams")
    assert [row[0] for row in made] == ["duty + north", "south"]
    world.pass_(days(1))
    with world.context.store.write() as connection:
        connection.execute(base.worker.update().where(base.worker.c.ref == "worker-1").values(team="south"))
    assert section(make(world, "council", **half), "teams") == made


def test_counts_about_enough_people_are_shown_to_councils(make_world: Any) -> None:
    world = make_world(workers=8)
    world.tell(*(closed(f"10000{n}", NUMBERS[n], workers=(f"worker-{n}",)) for n in range(1, 9)))
    for n in range(1, 9):
        world.put(NUMBERS[n], worker=n)
    world.run()
    world.context = replace(world.context, evidence=desk.rules, catalogue=desk.catalogue)
    made = make(world, "council", first=date(2025, 1, 1), last=date(2025, 6, 30))
    assert figures(made)["removed"] == 8
    assert section(made, "removed") == [(Reason.FINALLY_CLOSED, 8)]
    assert section(made, "teams") == [("team-1", 8)]
    text = canonical(made).decode()
    assert "worker-" not in text
    assert [row.uid for row in world.rows(base.place) if row.uid in text] == []


def test_what_a_council_was_shown_is_remembered(told: World) -> None:
    make(told, "council", first=date(2025, 1, 1), last=date(2025, 6, 30))
    assert "council" in {row.report for row in told.rows(released_cells)}


# --- the sample


def test_a_sample_can_be_drawn_again_with_its_seed_and_the_seed_is_in_the_log(told: World) -> None:
    told.tell(closed("100008", FOUR))
    told.put(FOUR)
    told.run()

    def drawn(seed: str | None) -> Report:
        return summaries.draw_sample(told.context, Role.AUDITOR, FIRST, LAST, size=1, seed=seed)

    first, again = drawn("inspector-1"), drawn("inspector-1")
    assert section(first, "sample") == section(again, "sample")
    assert figures(first)["drawn"] == Share(1, 2)
    assert {section(drawn(f"word-{n}"), "sample")[0][0] for n in range(12)} == {
        row[0] for row in section(told.report(Role.AUDITOR), "removed")
    }
    seeds = [body["seed"] for body in told.logged(EntryKind.REPORT_MADE) if body["report"] == "sample"]
    assert seeds[:2] == ["inspector-1", "inspector-1"]
    text = canonical(first).decode()
    assert "worker-" not in text
    assert "10000" not in text


def test_without_a_word_the_head_of_the_log_is_the_seed(told: World) -> None:
    summaries.draw_sample(told.context, Role.AUDITOR, FIRST, LAST)
    summaries.draw_sample(told.context, Role.AUDITOR, FIRST, LAST)
    seeds = [body["seed"] for body in told.logged(EntryKind.REPORT_MADE) if body["report"] == "sample"]
    assert [len(seed) for seed in seeds] == [64, 64]
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize("seed", ["", "Two Words", "0612345601", "a" * 65, "a/b"])
def test_a_seed_that_could_not_stand_in_the_log_is_refused(told: World, seed: str) -> None:
    with pytest.raises(SeedRefusedError):
        summaries.draw_sample(told.context, Role.AUDITOR, FIRST, LAST, seed=seed)


# --- requirements, and what the configuration says


@pytest.mark.parametrize("key", sorted(REPORTS))
def test_a_report_has_the_requirements_that_touch_it_as_its_annex_and_no_others(told: World, key: str) -> None:
    ours = [each for each in shipped_controls().controls if key in each.reports]
    assert ours
    rows = section(make(told, key), KEY)
    assert [(row[0], row[1]) for row in rows] == [(each.framework, each.clause) for each in ours]
    assert {row[4] for row in rows} <= set(Basis)
    assert [row for row in rows if not row[5].startswith("https://")] == []


def test_every_report_that_a_requirement_names_exists() -> None:
    assert {key for each in shipped_controls().controls for key in each.reports} == set(REPORTS)


def test_a_mapping_that_names_no_such_framework_or_holds_more_is_refused() -> None:
    sound = (
        "version: v-1\nframeworks: {a: {name: A, title: A, source: https://a.example}}\n"
        "controls:\n  - {framework: %s, clause: x, basis: %s, asks: Something, shows: Something, reports: [removals]}\n"
    )
    assert read_controls(sound % ("a", "read")) is not None
    assert read_controls(sound % ("b", "read")) is None
    assert read_controls(sound % ("a", "guessed")) is None
    assert read_controls(sound % ("a", "read") + "more: 1\n") is None
    assert read_controls("- 1") is None


def test_without_a_mapping_there_is_no_annex(told: World) -> None:
    told.context = replace(told.context, controls=Controls)
    assert KEY not in [each.key for each in make(told, "times").body]


@pytest.mark.parametrize("key", ["article30", "dpia"])
def test_the_register_entry_and_the_annex_say_what_is_configured_and_leave_the_rest_open(told: World, key: str) -> None:
    made = make(told, key)
    assert figures(made) == {"workers": 2, "devices": 2, "places": 2, "gates": 0}
    text = canonical(made).decode()
    assert "To be filled in by the organisation" in text
    assert section(made, "systems")[0][1:] == ("books", "memory")
    periods = [row[1] for row in section(made, "periods")]
    assert periods == [14, 365, None, None]
    readers = {row[0].message: row[1] for row in section(made, "readers")}
    assert len(readers) == len(REPORTS)


def test_the_register_entry_names_each_employer(told: World) -> None:
    values = [row[1] for row in section(make(told, "article30"), "controller")]
    assert values[:3] == ["Organisation 1", "Employer 1", "Employer 2"]


# --- all of them


@pytest.mark.parametrize("key", sorted(REPORTS))
def test_every_report_is_logged_kept_restored_and_written_in_every_form(told: World, key: str) -> None:
    made = make(told, key)
    logged = [body for body in told.logged(EntryKind.REPORT_MADE) if body["report"] == key]
    assert logged[-1]["digest"] == digest(made)
    assert made.key == key
    assert made.title == TITLES[key]
    again = kept.restore(canonical(made))
    assert again == made
    for words in (Words("nl"), Words("en")):
        for form in FORMATS.values():
            assert form.write(again, words)


@pytest.mark.parametrize("key", sorted(set(REPORTS) - {"removals", "deviations"}))
def test_no_report_without_lists_holds_a_case_or_a_worker(told: World, key: str) -> None:
    text = canonical(make(told, key)).decode()
    assert [case for case in told.told if case in text] == []
    assert "worker-" not in text


@pytest.mark.parametrize("key", sorted(REPORTS))
def test_a_report_changes_no_order_and_no_question(told: World, key: str) -> None:
    def about_removals() -> list[str]:
        return [kind for kind in told.findings() if kind in {FindingKind.WITHOUT_ASSIGNMENT, FindingKind.REAPPEARED}]

    before = told.states(), about_removals()
    make(told, key)
    assert (told.states(), about_removals()) == before


@pytest.mark.parametrize(
    ("span", "today", "period"),
    [
        (Span.DAYS, date(2026, 3, 31), Period(date(2025, 12, 31), date(2026, 3, 31))),
        (Span.MONTHS, date(2026, 3, 1), Period(date(2025, 12, 1), date(2026, 2, 28))),
        (Span.QUARTER, date(2026, 3, 31), Period(date(2025, 10, 1), date(2025, 12, 31))),
        (Span.QUARTER, date(2026, 4, 1), Period(date(2026, 1, 1), date(2026, 3, 31))),
        (Span.HALF, date(2026, 6, 30), Period(date(2025, 7, 1), date(2025, 12, 31))),
        (Span.HALF, date(2026, 7, 1), Period(date(2026, 1, 1), date(2026, 6, 30))),
        (Span.NOW, date(2026, 7, 1), Period(date(2026, 7, 1), date(2026, 7, 1))),
    ],
)
def test_a_report_without_days_is_over_the_last_whole_period(span: Span, today: date, period: Period) -> None:
    assert usual_period(span, today) == period
