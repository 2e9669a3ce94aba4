"""A small sound policy text to break in one place at a time."""

from __future__ import annotations

WITHOUT_PERIODS = """\
policy:
  name: small
  version: "1.0"
  dated: 2026-03-01
  protocol: An invented way of working
  organisation: other
  valid_from: 2026-03-01
  valid_until: 2028-03-01
  review_on: 2027-03-01
sources:
  ours: {title: An invented decision}
rules:
  classes_that_stay:
    {classes: [professional, colleague], strictness: STRICT, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  staleness:
    {hours: 72, strictness: STRICT, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  deviations:
    tiers:
      self: {longest_days: 7, partner_required: false}
      consult: {longest_days: 30, partner_required: true}
    strictness: DISCRETIONARY
    cites: [{source: ours}]
    why: {nl: Zo., en: So.}
  assignment:
    {keeps: while_assigned, strictness: DISCRETIONARY, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  monitoring:
    planned_months: [3, 12]
    counted_from: transfer
    extra_moments: true
    window_days: 14
    strictness: DISCRETIONARY
    cites: [{source: ours}]
    why: {nl: Zo., en: So.}
  former_numbers:
    {days: 365, correction_days: 7, strictness: STRICT, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  final_closure: {trigger: confirmed_final_closure, confirmed_by: work_supervisor, strictness: STRICT,
    cites: [{source: ours}], why: {nl: Zo., en: So.}}
  grace:
    days: 14
    notice_days: 0
    strictness: DISCRETIONARY
    cites: [{source: ours, place: Article 1}]
    why: {nl: Nog even., en: A while.}
  recorded_in_case_file:
    {required: true, strictness: STRICT, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  never_assigned:
    {counted_from: first_sighting, strictness: DISCRETIONARY, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  tombstones:
    {days: 365, strictness: STRICT, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  mass_action:
    max_removals: 5000
    max_share: 0.9
    share_from: 12
    closures_factor: 5
    strictness: STRICT
    cites: [{source: ours}]
    why: {nl: Zo., en: So.}
  case_numbers:
    {written_like: ["123456"], strictness: STRICT, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  provisioning:
    {mode: off, strictness: STRICT, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  look_interval:
    {hours: 24, silent_phone_days: 21, answer_days: 15, strictness: STRICT, cites: [{source: ours}],
      why: {nl: Zo., en: So.}}
examples:
  - says: {nl: Een dag te vroeg., en: A day too soon.}
    now: 2026-03-23 23:59
    links: [{class: client, phase: closed, assigned: now, closed_at: 2026-03-10, recorded: true}]
    expect: {decision: defer, reason: deferred}
  - says: {nl: Op tijd., en: In time.}
    now: 2026-03-24 00:00
    links: [{class: client, phase: closed, assigned: now, closed_at: 2026-03-10, recorded: true}]
    expect: {decision: remove, reason: finally_closed}
"""
"""As a policy was written before it could say how long anything is kept."""

PERIODS = """\
retention:
  removals:
    {keep: 5 years, counted_from: settled, assumed: [keep], cites: [{source: ours}], why: {nl: Zo., en: So.}}
  findings:
    keep: 2 years
    by_disposition: {by_itself: 90 days}
    counted_from: closed
    cites: [{source: ours}]
    why: {nl: Zo., en: So.}
  deviations: {keep: 18 months, counted_from: ended, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  reports: {keep: 7 years, counted_from: made, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  imports: {keep: 100 days, counted_from: came_in, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  views_by_name: {keep: 3 years, counted_from: decided, cites: [{source: ours}], why: {nl: Zo., en: So.}}
  pauses: {keep: 1 month, counted_from: ended, cites: [{source: ours}], why: {nl: Zo., en: So.}}
"""

ATTESTATION = """\
  attestation:
    {places: [sim, paper], remind_days: [7, 28], open_days: 91, counts_days: 365, strictness: STRICT,
      assumed: [remind_days, open_days, counts_days], cites: [{source: ours}], why: {nl: Zo., en: So.}}
"""
"""A rule that a policy may leave out, as all did before there was one."""

SOUND = WITHOUT_PERIODS.replace("examples:\n", PERIODS + "examples:\n")

ASKING = SOUND.replace(
    "retention:\n",
    f"{ATTESTATION}retention:\n  attestations: {{keep: 2 years, counted_from: said, cites: [{{source: ours}}], "
    "why: {nl: Zo., en: So.}}\n",
)
"""The sound text with a question to workers."""


def with_line(old: str, new: str) -> str:
    """The sound text with one thing replaced, which stands there once."""
    assert SOUND.count(old) == 1, old
    return SOUND.replace(old, new)


def line_of(text: str, piece: str) -> int:
    """The line on which a piece stands for the first time."""
    return text[: text.index(piece)].count("\n") + 1
