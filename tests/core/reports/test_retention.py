"""What the record of processing, the annex to the DPIA and the page say of periods: all that is kept, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from server.core.policy.load import check
from server.core.policy.retention import RetentionTerm, RowKind, Span
from server.core.reports import retention
from server.core.reports.document import Report
from server.core.reports.removals import View, build
from server.render.words import Words
from tests.core.policy.texts import SOUND, WITHOUT_PERIODS
from tests.render.sample import facts

EN = Words("en")
REPORT = build(facts(), View.OPAQUE)


def cells(policy_text: str) -> list[list[str]]:
    document = check(policy_text, "small.yaml").document
    assert document is not None
    section = retention.periods(document.policy)
    return [
        ["" if cell is None else cell if isinstance(cell, str) else EN.say(cell) for cell in row]
        for row in section.rows
    ]


def test_each_period_stands_with_its_start_and_its_source_or_as_assumed() -> None:
    assert cells(SOUND)[:3] == [
        [
            "Removals that are over, with their calls and evidence",
            "5 years",
            "The evidence of removal; of what was stopped, the plan",
            "Assumed: An invented decision",
        ],
        [
            "Findings that ended so: It was gone before anybody looked into it",
            "90 days",
            "The day it was closed",
            "An invented decision",
        ],
        ["Findings that are closed", "2 years", "The day it was closed", "An invented decision"],
    ]


def test_without_periods_everything_is_kept_for_good_but_what_the_program_fixes() -> None:
    kept = {row[1] for row in cells(WITHOUT_PERIODS) if row[3] != "Fixed in the program"}
    assert len(cells(WITHOUT_PERIODS)) == len(RowKind) + len(retention.NOT_YET) + len(retention.BY_ITSELF)
    assert all("for good" in each.lower() for each in kept)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (Span(days=1), "1 day"),
        (Span(days=90), "90 days"),
        (Span(months=1), "1 month"),
        (Span(months=18), "18 months"),
        (Span(months=12), "1 year"),
        (Span(months=60), "5 years"),
    ],
)
def test_a_period_is_said_in_the_largest_unit_that_it_is_whole_in(span: Span, said: str) -> None:
    assert EN.say(retention.span_text(span)) == said


def notes(report: Report) -> list[str]:
    return [EN.say(each) for each in report.coverage.notes[len(REPORT.coverage.notes) :]]


def test_a_report_about_days_of_which_records_went_says_so_beside_its_coverage() -> None:
    first = REPORT.period.first
    gone = {"removals": first, "imports": date.max, "findings.by_itself": date.min}
    (said,) = notes(retention.with_note(REPORT, gone))
    assert said.startswith("Removals that are over, with their calls and evidence: removed from the ordinary")
    assert retention.with_note(REPORT, {"removals": date.min}) is REPORT
    assert notes(retention.with_note(replace(REPORT, key="dpia"), gone)) == []


def test_what_goes_now_is_told_only_where_it_was_counted() -> None:
    line = retention.TermLine(RetentionTerm(RowKind.PAUSES, Span(days=9)), date(2026, 3, 1), None, 0, None, waits=True)
    assert "going" not in {column.key for column in retention.standing([line]).columns}
    counted = retention.standing([replace(line, going=4)])
    assert dict(zip([column.key for column in counted.columns], counted.rows[0], strict=True))["going"] == 4
