"""The report on policy tells every parameter of the policy in force: whoever adds one adds its line here."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from server.core.model import ContactClass, StatedPlace, Tier
from server.core.policy.model import AttestationRules, ConfirmedBy, CountedFrom, Policy, TierLimit, WindowUnit
from server.core.policy.retention import RetentionTerm, RowKind, Span
from server.core.reports.changes import rules_section
from server.render.words import Words

POLICY = Policy(
    version="1",
    grace_days=1,
    staleness_hours=2,
    monitoring_window_days=3,
    require_recorded=True,
    former_number_days=4,
    tombstone_days=5,
    max_removals=6,
    max_share=0.07,
    max_closures_factor=2.5,
    case_numbers=("[0-9]{6}",),
    share_from=8,
    deviation_tiers=(TierLimit(Tier.SELF, 9, partner_required=False),),
    look_hours=10,
    answer_days=11,
    stubborn_days=12,
    correction_days=13,
)
OTHERS = {
    "require_recorded": False,
    "max_share": 0.08,
    "max_closures_factor": 3.0,
    "classes_that_stay": frozenset({ContactClass.COLLEAGUE}),
    "case_numbers": ("[0-9]{5}",),
    "deviation_tiers": (TierLimit(Tier.SELF, 9, partner_required=True),),
    "closure_confirmed_by": ConfirmedBy.WORK_SUPERVISOR,
    "version": "2",
    "report_only": True,
    "puts_back": True,
    "planned_months": (3, 12),
    "counted_from": CountedFrom.CASE_FIELD,
    "extra_moments": False,
    "attestation": AttestationRules((StatedPlace.SIM,), (7,), 91, 365),
    "window_unit": WindowUnit.WORKING_DAYS,
    "retention": (RetentionTerm(RowKind.PAUSES, Span(days=90)),),
}
"""Another value, where one more is none."""


@pytest.mark.parametrize("name", [each.name for each in fields(Policy)])
def test_every_parameter_of_a_policy_is_told(name: str) -> None:
    other = replace(POLICY, **{name: OTHERS[name] if name in OTHERS else getattr(POLICY, name) + 1})
    assert rules_section(other) != rules_section(POLICY)


def test_how_long_records_are_kept_is_told_kind_by_kind() -> None:
    terms = (RetentionTerm(RowKind.FINDINGS, Span(months=24)), RetentionTerm(RowKind.PAUSES, Span(days=90)))
    said = [Words("en").say(note) for note in rules_section(replace(POLICY, retention=terms)).notes]
    assert said[-2:] == [
        "Kept in the records for 2 years: Findings that are closed.",
        "Kept in the records for 90 days: Pauses that are over.",
    ]


def test_what_is_no_number_of_days_is_told_in_a_sentence() -> None:
    said = [Words("en").say(note) for note in rules_section(POLICY).notes]
    assert said == [
        "Removal waits until the contact is recorded in the case file.",
        "That a case is finally closed is the case system's to confirm, and nobody else's.",
        "In the monitoring phase, no month of contact is counted from the day on which the case was handed over.",
        "Other days of the case system open a window too.",
        "A plan awaits approval when it removes more than 7% of all contacts found.",
        "An import stops and asks when it closes more cases than usual, by a factor above 2.5.",
        "Kept whatever the case: partner organisation, colleague, and professional.",
        "What was removed is not put back, and no number is kept.",
        "A case number in an entry is known by: [0-9]{6}.",
    ]
