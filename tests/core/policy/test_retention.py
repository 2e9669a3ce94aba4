"""Periods: how they are written, which days are over, which contradict; what an older policy without any means."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.model import Disposition
from server.core.policy.document import PolicyFault
from server.core.policy.load import check
from server.core.policy.retention import COUNTED_FROM, RetentionTerm, RowKind, Span, apart
from server.core.policy.schema import Retention
from server.render.words import Words
from tests.campaigns import examples

from .texts import PERIODS, SOUND, WITHOUT_PERIODS, with_line

EN = Words("en")


def said(faults: tuple[PolicyFault, ...]) -> list[tuple[str, str, str]]:
    return [(each.where, EN.say(each.problem), EN.say(each.fix)) for each in faults]


def said_of_periods(faults: tuple[PolicyFault, ...]) -> list[tuple[str, str, str]]:
    return [each for each in said(faults) if each[0].startswith("retention")]


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("1 day", Span(days=1)),
        ("90 days", Span(days=90)),
        ("6 months", Span(months=6)),
        ("1 year", Span(months=12)),
        ("20 years", Span(months=240)),
    ],
)
def test_a_period_is_a_number_of_days_months_or_years(written: str, span: Span) -> None:
    assert Span.read(written) == span


@pytest.mark.parametrize("written", ["", "0 days", "-1 days", "1.5 years", "two years", "90", "90 weeks", "101 years",
                                     "1 year 6 months", " 90 days", "90  days", "9999 years"])  # fmt: skip
def test_anything_else_is_no_period(written: str) -> None:
    with pytest.raises(ValueError, match="days"):
        Span.read(written)


@pytest.mark.parametrize(
    ("span", "day", "goes_on"),
    [
        (Span(days=1), date(2024, 2, 28), date(2024, 2, 29)),
        (Span(months=1), date(2025, 1, 31), date(2025, 2, 28)),
        (Span(months=12), date(2024, 2, 29), date(2025, 2, 28)),
        (Span(months=48), date(2024, 2, 29), date(2028, 2, 29)),
        (Span(months=60), date(2020, 11, 30), date(2025, 11, 30)),
    ],
)
def test_a_row_goes_on_the_day_on_which_its_period_is_over(span: Span, day: date, goes_on: date) -> None:
    assert span.after(day) == goes_on
    assert span.last_day_over(goes_on) >= day
    assert span.last_day_over(goes_on - timedelta(days=1)) < day


def test_the_last_of_a_short_month_ends_the_days_that_it_has_not() -> None:
    assert Span(months=1).last_day_over(date(2025, 2, 28)) == date(2025, 1, 31)
    assert Span(months=1).last_day_over(date(2025, 2, 27)) == date(2025, 1, 27)


_DAYS = st.dates(date(2001, 1, 1), date(2101, 1, 1))
_SPANS = st.one_of(
    st.integers(1, 4000).map(lambda days: Span(days=days)), st.integers(1, 400).map(lambda months: Span(months=months))
)


@given(_SPANS, _DAYS, st.integers(-40, 40))
@settings(max_examples=examples(300))
def test_exactly_the_days_whose_period_is_over_by_another_calendar_go(span: Span, today: date, off: int) -> None:
    """Held against dateutil, which counts months by itself."""
    last = span.last_day_over(today)
    day = last + timedelta(days=off)
    over = day + relativedelta(months=span.months, days=span.days) <= today
    assert over is (day <= last)


@given(_SPANS)
@settings(max_examples=examples(60))
def test_the_shortest_that_a_period_can_be_is_never_longer_than_it_is(span: Span) -> None:
    lengths = {
        (span.after(date(2001, 1, 1) + timedelta(days=n)) - date(2001, 1, 1)).days - n for n in range(0, 1461, 7)
    }
    assert span.shortest_days <= min(lengths)


# --- in a policy -----------------------------------------------------------------------------------------------------


def test_a_policy_from_before_there_were_periods_loads_means_the_same_and_destroys_nothing() -> None:
    """Its digest is the one that this text had in versions that knew no periods."""
    checked = check(WITHOUT_PERIODS, "small.yaml")
    assert checked.document is not None
    assert checked.document.policy.retention == ()
    assert checked.document.digest == "46fdef6ab4fa95269fd7f0db1d7d5b2d88898885b8326a6700378ba60f6737d6"
    assert said_of_periods(checked.warnings) == [
        (
            "retention",
            "No period is given for what closeout itself keeps: all of it is kept for good.",
            "Write a section retention with a period for each kind, and who decided it.",
        )
    ]


def test_another_period_is_another_version_and_other_words_about_it_are_not() -> None:
    def digest(text: str) -> str:
        document = check(text, "small.yaml").document
        assert document is not None
        return document.digest

    assert len({digest(WITHOUT_PERIODS), digest(SOUND), digest(with_line("keep: 7 years", "keep: 8 years"))}) == 3
    assert digest(with_line("by_itself: 90 days", "by_itself: 91 days")) != digest(SOUND)
    assert digest(with_line("assumed: [keep], cites", "cites")) == digest(SOUND)


def test_a_kind_that_is_not_named_is_kept_and_that_is_said() -> None:
    line = next(line for line in PERIODS.splitlines() if "imports" in line)
    checked = check(with_line(line + "\n", ""), "small.yaml")
    assert checked.document is not None
    assert RowKind.IMPORTS not in {each.kind for each in checked.document.policy.retention}
    assert said_of_periods(checked.warnings) == [
        (
            "retention",
            "No period is given for imports: that is kept for good.",
            "Write how long each of them is kept, and who decided it.",
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "where", "problem", "fix"),
    [
        (
            "keep: 5 years",
            "keep: 364 days",
            "retention.removals.keep",
            "The record of a removal would go while what it removed is still watched for coming back.",
            "Write at least 365 days, as long as rules.tombstones.days.",
        ),
        (
            "keep: 5 years",
            "keep: 11 months",
            "retention.removals.keep",
            "The record of a removal would go while what it removed is still watched for coming back.",
            "Write at least 365 days, as long as rules.tombstones.days.",
        ),
        (
            "keep: 7 years",
            "keep: seven years",
            "retention.reports.keep",
            "This is no period.",
            "Write a number of days, months or years: 90 days, 6 months, 2 years.",
        ),
        (
            "counted_from: came_in, cites: [{source: ours}]",
            "counted_from: came_in, cites: [{source: law}]",
            "retention.imports.cites.1.source",
            "There is no source law.",
            "Add it under sources, or cite one of: ours.",
        ),
    ],
)
def test_a_period_that_contradicts_is_refused_with_what_to_write(
    old: str, new: str, where: str, problem: str, fix: str
) -> None:
    checked = check(with_line(old, new), "small.yaml")
    assert checked.document is None
    assert said(checked.faults) == [(where, problem, fix)]


def test_a_removal_is_kept_as_long_as_a_phone_is_waited_for() -> None:
    text = (
        with_line("keep: 5 years", "keep: 40 days")
        .replace("{days: 365, strictness: STRICT, cites", "{days: 30, strictness: STRICT, cites")
        .replace("silent_phone_days: 21", "silent_phone_days: 41")
    )
    assert [where for where, *_ in said(check(text, "small.yaml").faults)] == ["retention.removals.keep"]
    assert check(text.replace("keep: 40 days", "keep: 41 days"), "small.yaml").faults == ()


def test_every_kind_can_be_named_and_says_what_its_period_counts_from() -> None:
    assert list(Retention.model_fields) == list(RowKind)
    assert list(COUNTED_FROM) == list(RowKind)


def test_what_a_term_for_all_findings_leaves_to_others() -> None:
    rest = RetentionTerm(RowKind.FINDINGS, Span(days=9))
    alone = RetentionTerm(RowKind.FINDINGS, Span(days=1), Disposition.BY_ITSELF)
    other = RetentionTerm(RowKind.PAUSES, Span(days=1))
    assert apart((alone, rest, other), rest) == {Disposition.BY_ITSELF}
    assert apart((alone, rest, other), alone) == apart((alone, rest, other), other) == frozenset()
    assert (rest.name, alone.name) == ("findings", "findings.by_itself")
