"""The promises of `usage.declarations`: DOMAIN 14.2 by name, what stands beside it, and that nothing follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.usage import declarations
from server.core.usage.declarations import (
    Cause,
    Checked,
    Circumstances,
    Contest,
    Declaration,
    DeclarationFinding,
    DeclarationRules,
    DeclarationState,
    Evidence,
    Holding,
    PeriodicCheck,
    SignedHow,
    Standing,
    TextVersion,
    UsageOutcome,
    check_due_on,
    conversation_due_on,
    decide,
    draw,
    find,
    is_reminder_due,
    reminder_days,
    stand,
    sum_devices,
    weigh,
)
from server.core.usage.intervals import Interval, Sampling
from server.core.usage.model import (
    NOTHING,
    Confidence,
    DeviceTotals,
    DeviceUsage,
    Profile,
    Quantity,
    Span,
    Split,
    Use,
)
from server.core.workdays import add_months

RULES = DeclarationRules(
    version="test-1",
    quantities=frozenset({Quantity.CALLS}),
    accepted=frozenset({Confidence.MEASURED, Confidence.SAMPLED}),
    min_days=20,
    min_volume=dict.fromkeys(Quantity, 50),
    max_absence_days=30,
    sampling=Sampling(Decimal("1.96"), Decimal(1)),
    validity_months=12,
    reminders_before=(60, 14),
    reminders_after=(0, 7, 14),
    countersigned=True,
    check_months=12,
    conversation_months=12,
)
ONE_WORKER = Circumstances(device=1, workers=1, sources=frozenset({Quantity.CALLS}))
FEW = Split(1, 1, 0)


def totals(
    business: int = 0, private: int = 0, unclassified: int = 0, *, days: int = 60, **more: object
) -> DeviceTotals:
    return DeviceTotals(  # type: ignore[call-arg]
        **{
            "device": 1,
            "quantity": Quantity.CALLS,
            "confidence": Confidence.MEASURED,
            "amounts": Split(business, private, unclassified),
            "days": days,
        }
        | more  # type: ignore[arg-type]
    )


def sampled(business: int, private: int, unclassified: int = 0) -> DeviceTotals:
    looks = Split(business, private, unclassified)
    minutes = Split(business * 300, private * 300, unclassified * 300)
    return totals(confidence=Confidence.SAMPLED, amounts=minutes, samples=looks)


def outcome(total: DeviceTotals, device: Circumstances = ONE_WORKER, rules: DeclarationRules = RULES) -> Evidence:
    (found,) = weigh([device], [total], rules)
    return found


# --- DOMAIN 14.2 by name --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        pytest.param(totals(9_000, 1_000), UsageOutcome.BORDERLINE, id="90.00 is borderline"),
        pytest.param(totals(9_001, 999), UsageOutcome.OK, id="90.01 is ok"),
        pytest.param(totals(8_999, 1_001), UsageOutcome.ATTENTION, id="89.99 is attention"),
        pytest.param(totals(0, 0, 0, days=0), UsageOutcome.NO_DATA, id="0 total is no data"),
        pytest.param(totals(9_500, 100, 400), UsageOutcome.OK, id="95 to 99 is ok"),
        pytest.param(totals(9_000, 900, 100), UsageOutcome.INDETERMINATE, id="90 to 91 is indeterminate"),
        pytest.param(totals(8_000, 900, 1_100), UsageOutcome.INDETERMINATE, id="80 to 91 is indeterminate"),
        pytest.param(totals(8_000, 1_000, 1_000), UsageOutcome.ATTENTION, id="80 to 90 is attention"),
        pytest.param(totals(8_000, 1_001, 999), UsageOutcome.ATTENTION, id="80 to 89.99 is attention"),
        pytest.param(totals(0, 0, 10_000), UsageOutcome.INDETERMINATE, id="0 to 100 is indeterminate"),
        pytest.param(totals(10_000), UsageOutcome.OK, id="100 is ok"),
        pytest.param(totals(0, 10_000), UsageOutcome.ATTENTION, id="0 is attention"),
        pytest.param(totals(9_001, 999, days=19), UsageOutcome.INSUFFICIENT, id="too few days is insufficient"),
        pytest.param(totals(9_001, 999, days=20), UsageOutcome.OK, id="the minimum of days is enough"),
        pytest.param(totals(48, 1), UsageOutcome.INSUFFICIENT, id="too little use is insufficient"),
        pytest.param(totals(50), UsageOutcome.OK, id="the minimum itself is enough"),
    ],
)
def test_the_table_of_14_2(total: DeviceTotals, expected: UsageOutcome) -> None:
    assert outcome(total).outcome is expected


@pytest.mark.parametrize(
    ("total", "expected", "causes"),
    [
        pytest.param(totals(0, 0, 100), UsageOutcome.NOT_MEASURABLE, (Cause.TOO_MUCH_UNKNOWN,), id="0 to 100"),
        pytest.param(totals(79, 0, 21), UsageOutcome.NOT_MEASURABLE, (Cause.TOO_MUCH_UNKNOWN,), id="79 to 100"),
        pytest.param(totals(80, 0, 20), UsageOutcome.INDETERMINATE, (), id="80 to 100: as wide as the policy lets it"),
        pytest.param(totals(90, 0, 10), UsageOutcome.INDETERMINATE, (), id="90 to 100"),
        pytest.param(totals(10, 10, 80), UsageOutcome.ATTENTION, (), id="10 to 90: on one side, however wide"),
        pytest.param(sampled(45, 5), UsageOutcome.NOT_MEASURABLE, (Cause.TOO_FEW_LOOKS,), id="few looks"),
        pytest.param(sampled(20, 2, 28), UsageOutcome.NOT_MEASURABLE, (Cause.TOO_MUCH_UNKNOWN,), id="looks, unknown"),
    ],
)
def test_an_interval_wider_than_the_policy_names_is_not_measurable_by_its_feed(
    total: DeviceTotals, expected: UsageOutcome, causes: tuple[Cause, ...]
) -> None:
    wide = replace(RULES, widest=Decimal("0.20"), sampling=Sampling(Decimal("1.96"), Decimal(4)))
    found = outcome(total, rules=wide)
    assert (found.outcome, found.causes, found.interval is None) == (expected, causes, bool(causes))


def test_what_nobody_can_classify_is_told_as_a_part() -> None:
    assert outcome(totals(50, 10, 40)).unknown == Decimal("0.4")
    assert Evidence(1, Quantity.CALLS, UsageOutcome.NO_DATA, "test-1").unknown == 0


def test_an_outcome_carries_all_it_rests_on() -> None:
    assert outcome(totals(80, 5, 15)) == Evidence(
        device=1,
        quantity=Quantity.CALLS,
        outcome=UsageOutcome.INDETERMINATE,
        rules="test-1",
        confidence=Confidence.MEASURED,
        profile=Profile.WHOLE,
        amounts=Split(80, 5, 15),
        samples=NOTHING,
        days=60,
        interval=Interval(Decimal("0.80"), Decimal("0.95")),
        causes=(),
        contested=(),
    )


def test_the_threshold_is_that_of_the_signed_text_unless_the_policy_says_otherwise() -> None:
    assert outcome(totals(85, 15), rules=replace(RULES, threshold=Decimal("0.80"))).outcome is UsageOutcome.OK
    assert outcome(totals(80, 20), rules=replace(RULES, threshold=Decimal("0.80"))).outcome is UsageOutcome.BORDERLINE


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"workers": 2}, Cause.SEVERAL_WORKERS),
        ({"workers": 0}, Cause.NOBODY),
        ({"workers": 3, "shared": True}, Cause.SHARED_DEVICE),
        ({"absence_days": 31}, Cause.LONG_ABSENCE),
    ],
)
def test_usage_that_is_not_one_persons_ordinary_usage_gives_no_share(change: dict[str, int], cause: Cause) -> None:
    found = outcome(totals(9_001, 999), replace(ONE_WORKER, **change))  # type: ignore[arg-type]
    assert (found.outcome, found.interval, found.causes) == (UsageOutcome.INSUFFICIENT, None, (cause,))


def test_an_absence_within_the_policy_changes_nothing() -> None:
    assert outcome(totals(9_001, 999), replace(ONE_WORKER, absence_days=30)).outcome is UsageOutcome.OK


@pytest.mark.parametrize(
    ("total", "cause"),
    [
        (totals(9_001, 999, profile=Profile.WORK), Cause.WORK_PROFILE_ONLY),
        (totals(9_001, confidence=Confidence.RECORDED), Cause.RECORDED_ONLY),
        (totals(9_001, 999, confidence=Confidence.SELF_REPORTED), Cause.NOT_ACCEPTED),
    ],
)
def test_a_source_that_sees_one_side_only_measures_nothing(total: DeviceTotals, cause: Cause) -> None:
    found = outcome(total)
    assert (found.outcome, found.interval) == (UsageOutcome.NOT_MEASURABLE, None)
    assert found.causes[0] is cause


def test_a_phone_without_a_source_is_not_measurable_and_one_with_a_silent_source_has_no_data() -> None:
    iphone = Circumstances(device=2, workers=1, sources=frozenset())
    found = weigh([iphone, ONE_WORKER], [], RULES)
    assert [(each.device, each.outcome, each.causes) for each in found] == [
        (1, UsageOutcome.NO_DATA, (Cause.NOTHING_USED,)),
        (2, UsageOutcome.NOT_MEASURABLE, (Cause.NO_SOURCE,)),
    ]


def test_every_cause_makes_an_outcome_without_a_share() -> None:
    no_share = {UsageOutcome.NOT_MEASURABLE, UsageOutcome.NO_DATA, UsageOutcome.INSUFFICIENT}
    assert {declarations._outcome_of((cause,)) for cause in Cause} == no_share


def test_all_causes_are_told_and_the_most_telling_decides() -> None:
    found = outcome(totals(1, 1, days=2), replace(ONE_WORKER, workers=2, absence_days=60))
    assert found.causes == (Cause.SEVERAL_WORKERS, Cause.LONG_ABSENCE, Cause.FEW_DAYS, Cause.LITTLE_USE)
    assert found.outcome is UsageOutcome.INSUFFICIENT


# --- quantities and kinds of evidence are never mixed ---------------------------------------------------------------


def test_each_quantity_and_each_kind_of_evidence_has_an_outcome_of_its_own() -> None:
    rules = replace(RULES, quantities=frozenset({Quantity.CALLS, Quantity.MEGABYTES, Quantity.MINUTES}))
    found = weigh(
        [replace(ONE_WORKER, sources=frozenset({Quantity.CALLS, Quantity.MINUTES}))],
        [
            totals(9_001, 999),
            totals(100, 100, quantity=Quantity.MINUTES),
            sampled(900, 5),
            totals(1, 1, quantity=Quantity.MESSAGES),  # the policy does not look at these
        ],
        rules,
    )
    assert [(each.quantity, each.confidence, each.outcome) for each in found] == [
        (Quantity.CALLS, Confidence.MEASURED, UsageOutcome.OK),
        (Quantity.CALLS, Confidence.SAMPLED, UsageOutcome.OK),
        (Quantity.MEGABYTES, None, UsageOutcome.NOT_MEASURABLE),
        (Quantity.MINUTES, Confidence.MEASURED, UsageOutcome.ATTENTION),
    ]


def test_two_totals_of_one_kind_are_refused_rather_than_counted_twice() -> None:
    with pytest.raises(ValueError, match="two totals"):
        weigh([ONE_WORKER], [totals(10), totals(11)], RULES)


def test_totals_of_an_unknown_device_are_refused_rather_than_lost() -> None:
    with pytest.raises(ValueError, match="not known"):
        weigh([], [totals(10)], RULES)


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (Split(95, 5), UsageOutcome.INDETERMINATE),  # 95% of 100 looks: 0.888 to 0.978
        (Split(950, 50), UsageOutcome.OK),  # the same share of 1,000 looks: 0.935 to 0.962
        (Split(90, 10), UsageOutcome.INDETERMINATE),  # exactly 90% of looks is not exactly 90% of use
        (Split(70, 30), UsageOutcome.ATTENTION),  # 0.604 to 0.781
        (Split(70, 8, 22), UsageOutcome.INDETERMINATE),
    ],
)
def test_chance_is_part_of_the_interval_of_samples(looks: Split, expected: UsageOutcome) -> None:
    assert outcome(sampled(looks.business, looks.private, looks.unclassified)).outcome is expected


def test_samples_without_a_look_are_no_data() -> None:
    assert outcome(totals(confidence=Confidence.SAMPLED)).outcome is UsageOutcome.NO_DATA


# --- from daily rows ------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.builds(
        DeviceUsage,
        device=st.integers(1, 3),
        day=st.dates(date(2026, 1, 1), date(2026, 1, 9)),
        quantity=st.sampled_from([Quantity.CALLS, Quantity.MINUTES]),
        amount=st.integers(0, 500),
        use=st.sampled_from(Use),
        confidence=st.sampled_from([Confidence.MEASURED, Confidence.SELF_REPORTED]),
        profile=st.sampled_from(Profile),
    ),
    max_size=40,
)
LENIENT = replace(
    RULES, quantities=frozenset({Quantity.CALLS, Quantity.MINUTES}), min_days=0, min_volume=dict.fromkeys(Quantity, 0)
)
THREE = [Circumstances(device, 1, frozenset(Quantity)) for device in (1, 2, 3)]


def test_days_are_counted_once_and_only_if_something_happened() -> None:
    day = date(2026, 1, 5)
    rows = [
        DeviceUsage(1, day, Quantity.CALLS, 3, Use.BUSINESS, Confidence.MEASURED),
        DeviceUsage(1, day, Quantity.CALLS, 2, Use.PRIVATE, Confidence.MEASURED),
        DeviceUsage(1, day + timedelta(days=1), Quantity.CALLS, 0, Use.BUSINESS, Confidence.MEASURED),
        DeviceUsage(1, day + timedelta(days=2), Quantity.CALLS, 4, Use.UNCLASSIFIED, Confidence.MEASURED),
    ]
    assert sum_devices(rows) == (totals(3, 2, 4, days=2),)


@given(ROWS, st.randoms())
def test_the_order_of_rows_never_matters(rows: list[DeviceUsage], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert weigh(THREE, sum_devices(shuffled), LENIENT) == weigh(list(reversed(THREE)), sum_devices(rows), LENIENT)


def intervals(rows: list[DeviceUsage]) -> dict[object, Interval]:
    found = weigh(THREE, sum_devices(rows), LENIENT)
    return {(each.device, each.quantity): each.interval for each in found if each.interval is not None}


@given(ROWS, st.lists(st.tuples(st.integers(1, 3), st.integers(0, 500)), max_size=5))
def test_adding_unknown_usage_never_narrows_an_interval(rows: list[DeviceUsage], more: list[tuple[int, int]]) -> None:
    day = date(2026, 1, 1)
    unknown = [DeviceUsage(d, day, Quantity.CALLS, n, Use.UNCLASSIFIED, Confidence.MEASURED) for d, n in more]
    after = intervals(rows + unknown)
    for key, interval in intervals(rows).items():
        assert after[key].contains(interval)


@given(ROWS, st.integers(1, 500))
def test_adding_business_never_lowers_the_lower_bound(rows: list[DeviceUsage], more: int) -> None:
    business = DeviceUsage(1, date(2026, 1, 1), Quantity.CALLS, more, Use.BUSINESS, Confidence.MEASURED)
    after = intervals([*rows, business])
    for key, interval in intervals(rows).items():
        assert after[key].low >= interval.low


@given(ROWS)
def test_what_one_device_did_never_touches_another(rows: list[DeviceUsage]) -> None:
    alone = [row for row in rows if row.device == 2]
    evidence = [each for each in weigh(THREE, sum_devices(rows), LENIENT) if each.device == 2]
    assert evidence == [each for each in weigh(THREE, sum_devices(alone), LENIENT) if each.device == 2]


@given(ROWS)
def test_an_outcome_is_the_decision_on_its_interval(rows: list[DeviceUsage]) -> None:
    for each in weigh(THREE, sum_devices(rows), LENIENT):
        if each.interval is None:
            assert each.causes
        else:
            assert (each.outcome, each.causes) == (decide(each.interval, RULES.threshold), ())


# --- beside the outcome, and nothing after it -----------------------------------------------------------------------


def test_what_was_contested_stands_beside_the_outcome_and_changes_nothing_in_it() -> None:
    all_of_it = Contest(1, None, date(2026, 2, 1), answered_on=date(2026, 2, 9))
    calls = Contest(1, Quantity.CALLS, date(2026, 1, 5))
    others = [Contest(1, Quantity.MINUTES, date(2026, 1, 5)), Contest(2, None, date(2026, 1, 5))]
    plain = outcome(totals(70, 30))
    (found,) = weigh([ONE_WORKER], [totals(70, 30)], RULES, [all_of_it, *others, calls])
    assert found == replace(plain, contested=(calls, all_of_it))


def test_nothing_takes_an_outcome_and_makes_something_happen() -> None:
    takes_evidence = {
        name
        for name, function in vars(declarations).items()
        if callable(function) and not isinstance(function, type) and function.__module__ == declarations.__name__
        for what in [hint for key, hint in get_type_hints(function).items() if key != "return"]
        if "Evidence" in str(what) or "UsageOutcome" in str(what)
    }
    assert takes_evidence == set()
    assert {"outcome", "evidence", "interval"}.isdisjoint(DeclarationFinding.__slots__)


# --- the declaration itself -----------------------------------------------------------------------------------------

TODAY = date(2026, 6, 15)
TEXTS = (
    TextVersion("1", date(2024, 1, 1), obsolete_from=date(2026, 6, 1)),
    TextVersion("2", date(2026, 1, 1)),
)
HELD = Holding(worker=7, device=1, span=Span(date(2026, 2, 1)), loan_agreement_on=date(2026, 2, 1))
SIGNED = Declaration(
    worker=7,
    device=1,
    text="2",
    signed_on=date(2026, 2, 3),
    how=SignedHow.OWN_PAGE,
    countersigned_on=date(2026, 2, 5),
)


@pytest.mark.parametrize(
    ("signed", "state", "since"),
    [
        ([SIGNED], DeclarationState.VALID, date(2026, 2, 3)),
        ([], DeclarationState.MISSING, date(2026, 2, 1)),
        ([replace(SIGNED, worker=8)], DeclarationState.MISSING, date(2026, 2, 1)),
        ([replace(SIGNED, signed_on=date(2026, 6, 16))], DeclarationState.MISSING, date(2026, 2, 1)),
        ([replace(SIGNED, device=2)], DeclarationState.DEVICE_CHANGED, date(2026, 2, 1)),
        ([replace(SIGNED, signed_on=date(2025, 6, 15))], DeclarationState.EXPIRED, date(2026, 6, 15)),
        ([replace(SIGNED, signed_on=date(2025, 6, 16))], DeclarationState.VALID, date(2025, 6, 16)),
        ([replace(SIGNED, text="1")], DeclarationState.OBSOLETE_TEXT, date(2026, 6, 1)),
        ([replace(SIGNED, text="none of ours")], DeclarationState.OBSOLETE_TEXT, date(2026, 2, 3)),
        ([replace(SIGNED, revoked_on=date(2026, 5, 1))], DeclarationState.REVOKED, date(2026, 5, 1)),
        ([replace(SIGNED, revoked_on=date(2026, 6, 16))], DeclarationState.VALID, date(2026, 2, 3)),
        ([replace(SIGNED, countersigned_on=None)], DeclarationState.NOT_COUNTERSIGNED, date(2026, 2, 3)),
        ([replace(SIGNED, countersigned_on=date(2026, 7, 1))], DeclarationState.NOT_COUNTERSIGNED, date(2026, 2, 3)),
        # Several things at once: the one that no smaller step can mend.
        (
            [replace(SIGNED, text="1", countersigned_on=None, revoked_on=date(2026, 5, 1))],
            DeclarationState.REVOKED,
            date(2026, 5, 1),
        ),
        # Renewed: the new signature waits for its counterpart, the old one still holds.
        (
            [SIGNED, replace(SIGNED, signed_on=date(2026, 6, 14), countersigned_on=None)],
            DeclarationState.VALID,
            date(2026, 2, 3),
        ),
        # Revoked on return, handed out again and signed again.
        (
            [replace(SIGNED, signed_on=date(2025, 9, 1), revoked_on=date(2025, 12, 1)), SIGNED],
            DeclarationState.VALID,
            date(2026, 2, 3),
        ),
    ],
)
def test_the_state_of_a_declaration(signed: list[Declaration], state: DeclarationState, since: date) -> None:
    for order in (signed, signed[::-1]):
        found = stand(HELD, order, TEXTS, RULES, TODAY)
        assert (found.state, found.since) == (state, since)


def test_every_state_is_reached_by_some_signature() -> None:
    cases = test_the_state_of_a_declaration.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {state for _, state, _ in cases} == set(DeclarationState)


def test_a_policy_that_asks_no_countersignature_does_not_miss_one() -> None:
    rules = replace(RULES, countersigned=False)
    found = stand(HELD, [replace(SIGNED, countersigned_on=None)], TEXTS, rules, TODAY)
    assert found.state is DeclarationState.VALID


def test_the_same_text_in_another_language_is_the_same_version() -> None:
    assert not {"language", "locale"} & set(TextVersion.__slots__)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 5), 1, date(2027, 1, 5)),
        (date(2026, 6, 15), 24, date(2028, 6, 15)),
    ],
)
def test_months_are_added_to_the_day_or_the_end_of_the_month(day: date, months: int, then: date) -> None:
    assert add_months(day, months) == then


def test_reminders_come_before_a_valid_one_ends_and_again_after_that() -> None:
    valid = stand(HELD, [SIGNED], TEXTS, RULES, TODAY)
    assert valid.valid_until == date(2027, 2, 2)
    assert reminder_days(valid, RULES) == (date(2026, 12, 4), date(2027, 1, 19))
    expired = stand(HELD, [SIGNED], TEXTS, RULES, date(2027, 2, 3))
    assert (expired.state, expired.valid_until) == (DeclarationState.EXPIRED, None)
    assert reminder_days(expired, RULES) == (date(2027, 2, 3), date(2027, 2, 10), date(2027, 2, 17))


def test_a_reminder_comes_with_the_hand_out_and_missed_ones_come_once() -> None:
    missing = stand(HELD, [], TEXTS, RULES, date(2026, 2, 1))
    assert is_reminder_due(missing, RULES, None, date(2026, 2, 1))
    assert not is_reminder_due(missing, RULES, date(2026, 2, 1), date(2026, 2, 7))
    assert is_reminder_due(missing, RULES, date(2026, 2, 1), date(2026, 3, 1))
    assert not is_reminder_due(missing, RULES, date(2026, 3, 1), date(2026, 6, 1))


def test_a_term_shorter_than_its_reminder_does_not_remind_before_signing() -> None:
    rules = replace(RULES, validity_months=1)
    standing = stand(HELD, [replace(SIGNED, signed_on=date(2026, 6, 1))], TEXTS, rules, TODAY)
    assert reminder_days(standing, rules) == (date(2026, 6, 16),)


def test_findings_are_about_declarations_and_loan_agreements() -> None:
    valid = stand(HELD, [SIGNED], TEXTS, RULES, TODAY)
    no_loan = replace(valid, device=3, loan_agreement=False)
    missing = stand(replace(HELD, device=2, loan_agreement_on=None), [], TEXTS, RULES, TODAY)
    assert find([no_loan, missing, valid]) == (
        DeclarationFinding(7, 2, DeclarationState.MISSING, loan_agreement=False, since=date(2026, 2, 1)),
        DeclarationFinding(7, 3, DeclarationState.VALID, loan_agreement=False, since=date(2026, 2, 3)),
    )


def test_a_loan_agreement_signed_later_is_not_there_yet() -> None:
    later = replace(HELD, loan_agreement_on=date(2026, 6, 16))
    assert stand(later, [SIGNED], TEXTS, RULES, TODAY) == Standing(
        worker=7,
        device=1,
        state=DeclarationState.VALID,
        since=date(2026, 2, 3),
        declaration=SIGNED,
        valid_until=date(2027, 2, 2),
        loan_agreement=False,
    )


# --- the period -----------------------------------------------------------------------------------------------------


def test_leave_that_was_left_out_is_the_reason_only_where_too_little_is_left() -> None:
    away = replace(ONE_WORKER, left_out=60)
    assert outcome(totals(9_001, 999), away).outcome is UsageOutcome.OK
    assert outcome(totals(1, 1, days=2), away).causes == (Cause.LONG_ABSENCE, Cause.FEW_DAYS, Cause.LITTLE_USE)


def test_a_phone_that_was_handed_out_lately_gets_an_answer_of_its_own_and_one_as_soon_as_there_is_enough() -> None:
    new = replace(ONE_WORKER, handed_out=date(2026, 6, 1))
    short = outcome(totals(1, 1, days=2), new)
    assert (short.outcome, short.causes[0]) == (UsageOutcome.INSUFFICIENT, Cause.JUST_HANDED_OUT)
    assert outcome(totals(9_001, 999), new).outcome is UsageOutcome.OK


def test_too_little_in_a_whole_year_is_an_answer_and_no_waiting() -> None:
    found = outcome(totals(1, 1, days=2), replace(ONE_WORKER, whole_year=True))
    assert (found.outcome, found.causes[0]) == (UsageOutcome.NOT_MEASURABLE, Cause.LITTLE_IN_A_YEAR)


def test_a_longer_period_may_tell_more_where_a_share_is_missing_for_want_of_use_alone() -> None:
    assert outcome(totals(1, 1, days=2), ONE_WORKER).is_short
    assert not outcome(totals(9_001, 999), ONE_WORKER).is_short
    assert not outcome(totals(1, 1, days=2), replace(ONE_WORKER, shared=True)).is_short


# --- the periodic check and the conversation ------------------------------------------------------------------------


def test_a_sample_is_drawn_by_its_seed_and_not_by_the_order_of_devices() -> None:
    devices = list(range(1, 101))
    drawn = draw(devices, 10, "2026-1")
    assert len(set(drawn) & set(devices)) == 10
    assert draw(reversed(devices), 10, "2026-1") == drawn != draw(devices, 10, "2026-2")
    assert draw(devices, 1_000, "2026-1") == tuple(devices)
    # A device more changes at most one place: nobody can steer the sample by adding devices.
    assert len(set(draw([*devices, 101], 10, "2026-1")) - set(drawn)) <= 1


def test_a_check_is_recorded_with_its_sample_and_the_next_one_follows() -> None:
    seen = Checked(worker=7, device=1, state=DeclarationState.VALID, conversation_on=date(2026, 3, 1))
    check = PeriodicCheck(date(2026, 6, 1), by=3, population=130, seed="2026-1", sample=(seen,))
    assert check_due_on(check.on, RULES) == date(2027, 6, 1)
    assert check_due_on(None, RULES) is None
    assert conversation_due_on(None, HELD, RULES) == date(2027, 2, 1)
    assert conversation_due_on(date(2026, 3, 1), HELD, RULES) == date(2027, 3, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"min_volume": {}},
        {"threshold": Decimal(1)},
        {"threshold": Decimal(0)},
        {"validity_months": 0},
        {"check_months": 0},
        {"conversation_months": 0},
        {"widest": Decimal(0)},
    ],
    ids=str,
)
def test_rules_that_cannot_be_followed_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"minimum volume|between 0 and 1|at least a month"):
        replace(RULES, **change)  # type: ignore[arg-type]
