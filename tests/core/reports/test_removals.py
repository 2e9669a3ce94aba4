"""What the removal report says, to whom, and what it must never let on; no format is tested here."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mdm_adapters.port import Fault, Outcome
from server.core.model import CLEARED_FOR_CASES, FindingKind, Level, Reason, Role, State
from server.core.reports.coverage import Freshness, Phone, Sight, Source, SourceKind, Spot, account_sight, places_read
from server.core.reports.document import Figure, Report, canonical, digest
from server.core.reports.postponed import NOT_COUNTED
from server.core.reports.removals import (
    Deferred,
    Item,
    Question,
    RemovalFacts,
    Removed,
    Review,
    Stuck,
    UnderWay,
    View,
    build,
    view_for,
)
from server.core.tables import Column, Kind, Section
from server.core.text import Period, Share, phrase
from tests.campaigns import Draws
from tests.render.sample import NOW, facts, item

CLOSED = UnderWay(item(70), Reason.FINALLY_CLOSED, "p", State.READY, NOW)


def section(report: Report, key: str) -> Section:
    return next(section for section in report.body if section.key == key)


def figure(report: Report, key: str) -> int | Share:
    return next(figure.value for figure in report.figures if figure.key == key)


def keys(table: Section) -> tuple[str, ...]:
    return tuple(column.key for column in table.columns)


# --- the two views


@pytest.mark.parametrize("role", Role)
def test_only_roles_cleared_for_cases_get_case_numbers(role: Role) -> None:
    assert (view_for(role) is View.PERSON) == (role in CLEARED_FOR_CASES)


def test_the_opaque_view_holds_no_case_number_worker_or_place_of_any_item_in_any_byte() -> None:
    told = facts()
    items = [
        each.item
        for group in (told.removed, told.deferred, told.reviews, told.under_way, told.stuck, told.questions)
        for each in group
        if each.item is not None
    ]
    marked = {each.id: Item(each.id, f"C4SE{each.id}", f"W0RKER{each.id}", f"PL4CE{each.id}") for each in items}

    def mark(group: tuple) -> tuple:  # type: ignore[type-arg]
        return tuple(replace(each, item=each.item and marked[each.item.id]) for each in group)

    planted = replace(
        told,
        removed=mark(told.removed),
        deferred=mark(told.deferred),
        reviews=mark(told.reviews),
        under_way=mark(told.under_way),
        stuck=mark(told.stuck),
        questions=mark(told.questions),
        phones=tuple(replace(phone, worker=f"W0RKER-{phone.label}") for phone in told.phones),
    )
    opaque = canonical(build(planted, View.OPAQUE)).decode()
    assert [mark for mark in ("C4SE", "W0RKER", "PL4CE") if mark in opaque] == []
    cleared = canonical(build(planted, View.PERSON)).decode()
    assert [mark for mark in ("C4SE", "W0RKER", "PL4CE") if mark not in cleared] == []


def test_the_opaque_view_counts_questions_and_names_none() -> None:
    table = section(build(facts(), View.OPAQUE), "questions")
    assert keys(table) == ("kind", "open", "advice")
    assert [row[1] for row in table.rows] == [1, 1, 1]


def test_the_opaque_view_can_be_built_without_case_or_worker() -> None:
    bare = RemovalFacts("Org", Period(NOW.date(), NOW.date()), NOW, (), (), (), deferred=(Deferred(Item("a")),))
    assert build(bare, View.OPAQUE) == build(replace(bare, deferred=()), View.OPAQUE)


# --- silence


@pytest.mark.parametrize("view", View)
def test_deferrals_are_neither_listed_nor_counted(view: View) -> None:
    said = set()
    for count in (0, 1, 9, 10, 123):
        told = replace(facts(), deferred=tuple(Deferred(Item(f"item {nth}")) for nth in range(count)))
        said.add(canonical(build(told, view)))
        table = section(build(told, view), "deferred")
        assert (table.columns, table.rows, table.paragraphs) == ((), (), (NOT_COUNTED,))
    assert len(said) == 1


@pytest.mark.parametrize("view", View)
def test_what_may_stay_is_counted_in_tens(view: View) -> None:
    said = [figure(build(replace(facts(), stay=count), view), "stay") for count in (0, 9, 10, 19, 87)]
    assert said == [0, 0, 10, 10, 80]


def test_a_deferral_has_no_field_in_which_a_cause_could_travel() -> None:
    assert [field.name for field in fields(Deferred)] == ["item"]


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize(
    "left_over",
    [
        {"under_way": (CLOSED,)},
        {"stuck": (Stuck(CLOSED.item, Reason.FINALLY_CLOSED, "p", Outcome.UNCLEAR, 3, NOW),)},
        {"reviews": (Review(CLOSED.item, Reason.NOT_RECORDED),)},
        {"questions": (Question(FindingKind.ORDER_STUCK, NOW, CLOSED.item),)},
    ],
    ids=["under way", "stuck", "review", "question"],
)
def test_a_hold_on_an_item_already_ordered_gives_the_same_bytes_as_a_plain_deferral(
    view: View, left_over: dict[str, tuple[object, ...]]
) -> None:
    plain = replace(facts(), under_way=(), stuck=(), reviews=(), questions=(), deferred=(Deferred(CLOSED.item),))
    held = replace(plain, **left_over)  # type: ignore[arg-type]
    assert canonical(build(held, view)) == canonical(build(plain, view))


def test_a_question_that_goes_with_an_ordinary_deferral_stays() -> None:
    asked = Question(FindingKind.WITHOUT_ASSIGNMENT, NOW, CLOSED.item)
    report = build(replace(facts(), questions=(asked,), deferred=(Deferred(CLOSED.item),)), View.OPAQUE)
    assert figure(report, "questions") == 1


@pytest.mark.parametrize("state", set(State) - {State.WAITING, State.READY, State.CALLING, State.CHECKING})
def test_an_order_that_was_stopped_or_settled_is_not_under_way(state: State) -> None:
    with pytest.raises(ValueError, match="not under way"):
        replace(CLOSED, state=state)


# --- evidence


def test_each_evidence_level_is_counted_by_itself_and_nothing_is_added_up() -> None:
    table = section(build(facts(), View.OPAQUE), "evidence")
    told = facts().removed
    copies, synced = sum(each.phones for each in told), sum(each.synced for each in told)
    assert table.rows == (
        (Level.ORDERED, Level.ORDERED, 4, None),
        (Level.STORE_REMOVED, Level.STORE_REMOVED, 16, None),
        (Level.DEVICE_SYNCED, Level.DEVICE_SYNCED, None, Share(synced, copies)),
        (Level.DEVICE_ATTESTED, Level.DEVICE_ATTESTED, None, Share(0, copies)),
        (Level.CONTAINER_REMOVED, Level.CONTAINER_REMOVED, None, Share(0, copies)),
    )
    assert table.totals == ()
    assert 0 < synced < copies


def order(**changes: object) -> Removed:
    base = Removed(item(1), Reason.FINALLY_CLOSED, "p", NOW, NOW, NOW, Outcome.REMOVED, phones=2)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_level_is_not_rounded_up_when_one_phone_stays_silent() -> None:
    assert order(level=Level.DEVICE_SYNCED, synced=2).level is Level.DEVICE_SYNCED
    with pytest.raises(ValueError, match="every phone"):
        order(level=Level.DEVICE_SYNCED, synced=1)


def test_a_book_that_no_phone_reads_reaches_no_phone_level() -> None:
    with pytest.raises(ValueError, match="every phone"):
        order(level=Level.DEVICE_SYNCED, phones=0)


def test_what_was_only_ordered_is_not_among_the_removed() -> None:
    with pytest.raises(ValueError, match="not removed"):
        order(level=Level.ORDERED)


def test_no_more_phones_are_reached_than_there_are() -> None:
    with pytest.raises(ValueError, match="more phones"):
        order(synced=3)


def test_a_store_that_keeps_a_copy_is_told_of_under_the_table() -> None:
    (note,) = section(build(replace(facts(), removed=(order(recoverable=True), order())), View.OPAQUE), "removed").notes
    assert dict(note.params) == {"count": 1}
    assert section(build(replace(facts(), removed=(order(),)), View.OPAQUE), "removed").notes == ()


def test_what_a_store_may_retain_and_cannot_say_of_phones_is_told_under_the_table() -> None:
    removed = (
        order(retained=True),
        order(retained=True, recoverable=True),
        order(mute=True, phones=2),
        order(mute=True, phones=1, synced=1, level=Level.DEVICE_SYNCED),
    )
    notes = section(build(replace(facts(), removed=removed), View.OPAQUE), "removed").notes

    assert [
        (dict(note.params)["count"], "retention" in note.message, "all that is known" in note.message) for note in notes
    ] == [
        (1, False, False),
        (1, True, False),
        (1, False, True),
    ]


# --- figures and coverage


def test_every_figure_stands_beside_its_coverage() -> None:
    report = build(facts(), View.OPAQUE)
    assert {each.key: each.value for each in report.figures} == {
        "removed": 16,
        "synced": Share(12, 26),
        "reviews": 4,
        "under_way": 2,
        "stuck": 2,
        "questions": 3,
        "stay": 80,
    }
    assert all(each.coverage.message for each in report.figures)


def test_coverage_gives_four_counts_for_each_spot_and_no_percentage() -> None:
    table = build(facts(), View.OPAQUE).coverage
    assert table.rows == (
        (Spot.MANAGED_ACCOUNT, 8, 0, 0, 0),
        (Spot.LOCAL_BOOK, 0, 1, 1, 6),
        (Spot.PERSONAL_CLOUD, 0, 1, 0, 7),
        (Spot.SIM, 0, 0, 0, 8),
        (Spot.CALL_LOG_AND_SMS, 0, 0, 0, 8),
        (Spot.WHATSAPP, 0, 0, 0, 8),
        (Spot.CALENDAR, 0, 0, 0, 8),
    )


def test_a_spot_that_nobody_speaks_of_is_unseen() -> None:
    assert {Phone("phone-01").sight(spot) for spot in Spot} == {Sight.UNSEEN}


def test_a_place_counts_as_read_only_if_it_was_read_lately_enough_and_the_last_try_went_well() -> None:
    limit = timedelta(hours=24)
    sources = (
        Source(SourceKind.PLACE, "a", NOW - limit, limit),
        Source(SourceKind.PLACE, "b", NOW - limit - timedelta(seconds=1), limit),
        Source(SourceKind.PLACE, "c", None, limit),
        Source(SourceKind.CASE_SYSTEM, "d", NOW, limit),
        Source(SourceKind.PLACE, "e", NOW, limit, Fault.TIMED_OUT),
    )
    assert [source.freshness(NOW) for source in sources] == [
        Freshness.FRESH,
        Freshness.STALE,
        Freshness.NEVER,
        Freshness.FRESH,
        Freshness.FRESH,
    ]
    assert places_read(sources, NOW) == Share(1, 4)


def test_an_empty_report_still_says_what_it_cannot_see_and_that_it_proves_no_safety() -> None:
    empty = build(RemovalFacts("Org", Period(NOW.date(), NOW.date()), NOW, (), (), ()), View.OPAQUE)
    assert "proves no safety" in empty.caveat.message
    assert len(empty.blind_spots.notes) >= 10
    assert figure(empty, "removed") == 0


# --- same facts, same bytes


@pytest.mark.parametrize("view", View)
def test_the_order_of_the_facts_and_the_zone_of_their_times_change_no_byte(view: View, draws: Draws) -> None:
    told = facts()
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    for dice in draws(5):
        shuffled = {
            name: tuple(dice.sample(getattr(told, name), len(getattr(told, name))))
            for name in ("removed", "deferred", "reviews", "under_way", "stuck", "questions", "phones", "sources")
        }
        again = replace(told, made_at=elsewhere, **shuffled)
        assert canonical(build(again, view)) == canonical(build(told, view))


def test_the_digest_is_that_of_this_form_and_changes_with_any_fact() -> None:
    report = build(facts(), View.OPAQUE)
    others = [
        build(facts(), View.PERSON),
        build(replace(facts(), stay=97), View.OPAQUE),
        build(replace(facts(), organisation="Another"), View.OPAQUE),
        build(replace(facts(), policies=("other",)), View.OPAQUE),
        build(replace(facts(), made_at=NOW + timedelta(seconds=1)), View.OPAQUE),
    ]
    digests = {digest(each) for each in [report, *others]}
    assert len(digests) == len(others) + 1
    assert all(len(each) == 64 for each in digests)


# --- the table itself


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.TEXT, Reason.DEFERRED),
        (Kind.TEXT, 3),
        (Kind.COUNT, True),
        (Kind.COUNT, "3"),
        (Kind.INSTANT, datetime(2026, 11, 22)),  # noqa: DTZ001 - that is the point
        (Kind.INSTANT, NOW.date()),
        (Kind.DATE, NOW),
        (Kind.SHARE, 3),
        (Kind.CODE, "deferred"),
        (Kind.ADVICE, "deferred"),
    ],
)
def test_a_value_of_another_kind_than_its_column_is_refused(kind: Kind, wrong: object) -> None:
    with pytest.raises(ValueError, match="column a holds no"):
        Section("s", phrase("Nothing to show."), columns=(Column("a", phrase("Contactcode"), kind),), rows=((wrong,),))  # type: ignore[arg-type]


def test_a_row_of_another_length_and_a_column_named_twice_are_refused() -> None:
    column = Column("a", phrase("Contactcode"))
    with pytest.raises(ValueError, match="a row of 2"):
        Section("s", phrase("Nothing to show."), columns=(column,), rows=(("x", "y"),))
    with pytest.raises(ValueError, match="a row of 2"):
        Section("s", phrase("Nothing to show."), columns=(column,), totals=("x", "y"))
    with pytest.raises(ValueError, match="one key"):
        Section("s", phrase("Nothing to show."), columns=(column, column))


def test_a_share_is_never_more_than_the_whole() -> None:
    with pytest.raises(ValueError, match="no share"):
        Share(9, 8)


def test_a_figure_cannot_be_made_without_coverage() -> None:
    with pytest.raises(TypeError):
        Figure("removed", phrase("Removed"), 3)  # type: ignore[call-arg]


def test_a_plural_needs_a_count() -> None:
    with pytest.raises(ValueError, match="count"):
        phrase("one", many="many")


def test_a_report_made_at_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        replace(build(facts(), View.OPAQUE), made_at=datetime(2026, 1, 1))  # noqa: DTZ001
    assert replace(build(facts(), View.OPAQUE), made_at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("told", "last_fetch", "expected"),
    [
        (None, None, Sight.UNSEEN),
        (None, NOW, Sight.SEEN),
        ((True, NOW), None, Sight.SEEN),
        ((None, NOW), None, Sight.UNSEEN),
        ((False, NOW), NOW - timedelta(days=1), Sight.UNSEEN),
        ((False, NOW - timedelta(days=1)), NOW, Sight.SEEN),
    ],
)
def test_the_account_is_seen_on_a_phone_by_its_manager_by_its_fetching_or_not_at_all(
    told: tuple[bool | None, datetime] | None, last_fetch: datetime | None, expected: Sight
) -> None:
    assert account_sight(told, last_fetch) is expected
