"""The report on policy: which versions decided when, what the one in force says, and which gates stand open; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum

from server.core.admin.gates import Gate
from server.core.policy.explain import STARTS
from server.core.policy.model import ConfirmedBy, Policy, WindowUnit
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, list_sources, summarise
from server.core.reports.document import REPORT_ONLY, Figure, Report
from server.core.reports.retention import name_of, span_text
from server.core.reports.tally import Tally, day_of, versions_section
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase


def build(tally: Tally, view: StrEnum, policy: Policy, gates: Sequence[Gate]) -> Report:
    """The report."""
    used = phrase("Counted over the orders that were planned in this period.")
    return Report(
        key="policies",
        title=phrase("Changes of policy, and what was in force"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tally.policies,
        figures=(
            Figure(
                "versions",
                phrase("Versions of the policy under which removals were planned"),
                len(tally.versions),
                used,
            ),
            Figure(
                "gates",
                phrase("DPIA and consent in force, on {day}", day=day_of(tally.made_at)),
                sum(gate.ends_on >= day_of(tally.made_at) for gate in gates),
                phrase("Without DPIA and consent nobody's contacts or usage are read."),
            ),
        ),
        coverage=summarise(tally.phones, listed=False),
        sections=(versions_section(tally), rules_section(policy), gates_section(gates)),
        sources=list_sources(tally.sources, tally.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def rules_section(policy: Policy) -> Section:
    """What the policy in force decides by."""
    return Section(
        key="rules",
        heading=phrase("What the policy in force says"),
        paragraphs=(phrase("In force when this report was made: {policy}.", policy=policy.version),),
        columns=(Column("what", phrase("Rule")), Column("value", phrase("Value"), Kind.COUNT)),
        rows=(
            (phrase("Days between closure and removal"), policy.grace_days),
            (phrase("Days before a removal from which its worker is told (0: not told)"), policy.notice_days),
            (phrase("Hours after which the register is too old to decide on"), policy.staleness_hours),
            (phrase("Days around a planned contact in the monitoring phase"), policy.monitoring_window_days),
            (phrase("Days after which a former number may be somebody else's"), policy.former_number_days),
            (phrase("Days below which an overwritten number may have been a mistake"), policy.correction_days),
            (phrase("Days in which a contact that comes back is noticed"), policy.tombstone_days),
            (
                phrase("Days for which a removed number is kept, sealed, to be put back (0: not kept)"),
                policy.value_days,
            ),
            (phrase("Removals above which a plan awaits approval"), policy.max_removals),
            (phrase("Removals below which a plan never waits for its share of all contacts"), policy.share_from),
            (phrase("Hours between full readings"), policy.look_hours),
            (phrase("Days that a worker has to answer about a card of theirs"), policy.answer_days),
            (
                phrase("Days without syncing after which it is proposed to reset a phone's account (0: never)"),
                policy.stubborn_days,
            ),
            *(
                (phrase("Days that a deviation may last: {tier}", tier=each.tier), each.longest_days)
                for each in policy.deviation_tiers
            ),
        ),
        notes=tuple(_notes(policy)),
    )


def _notes(policy: Policy) -> Iterator[Text]:
    """What is no number of days, hours or removals."""
    if policy.report_only:
        yield REPORT_ONLY
    yield (
        phrase("Removal waits until the contact is recorded in the case file.")
        if policy.require_recorded
        else phrase("Removal does not wait until the contact is recorded in the case file.")
    )
    yield (
        phrase("That a case is finally closed is the case system's to confirm, and where it does not, a supervisor's.")
        if policy.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR
        else phrase("That a case is finally closed is the case system's to confirm, and nobody else's.")
    )
    yield from _of_monitoring(policy)
    yield phrase(
        "A plan awaits approval when it removes more than {share}% of all contacts found.",
        share=_written(policy.max_share * 100),
    )
    yield phrase(
        "An import stops and asks when it closes more cases than usual, by a factor above {factor}.",
        factor=_written(policy.max_closures_factor),
    )
    if policy.classes_that_stay:
        yield phrase("Kept whatever the case: {classes}.", classes=tuple(sorted(policy.classes_that_stay)))
    yield (
        phrase("What was removed is put back when the work asks for it again, called by case number and person code.")
        if policy.puts_back
        else phrase("What was removed is not put back, and no number is kept.")
    )
    named = tuple(each.tier for each in policy.deviation_tiers if each.partner_required)
    if named:
        yield phrase("Who was consulted must be named for: {tiers}.", tiers=named)
    if policy.attestation is not None:
        yield phrase(
            "At a final closure workers are asked about numbers saved in: {places}. In days: a question is open for "
            "{open}, it is reminded of after {reminded}, an answer counts for {counts}.",
            places=policy.attestation.places,
            open=policy.attestation.open_days,
            reminded=policy.attestation.remind_days,
            counts=policy.attestation.counts_days,
        )
    if policy.case_numbers:
        yield phrase("A case number in an entry is known by: {patterns}.", patterns=policy.case_numbers)
    for term in policy.retention:
        yield phrase("Kept in the records for {span}: {what}.", span=span_text(term.span), what=name_of(term))


def _of_monitoring(policy: Policy) -> Iterator[Text]:
    yield (
        phrase(
            "In the monitoring phase, contact is planned so many months after {start}: {months}.",
            start=STARTS[policy.counted_from],
            months=policy.planned_months,
        )
        if policy.planned_months
        else phrase(
            "In the monitoring phase, no month of contact is counted from {start}.", start=STARTS[policy.counted_from]
        )
    )
    yield (
        phrase("Other days of the case system open a window too.")
        if policy.extra_moments
        else phrase("Other days of the case system open no window.")
    )
    if policy.window_unit is WindowUnit.WORKING_DAYS:
        yield phrase("The days around a planned contact are working days.")


def _written(number: float) -> Decimal:
    """A number as the policy's file has it, without what binary fractions add."""
    return Decimal(f"{number:.6g}")


NOT_RECORDED = phrase("Not recorded")
"""Said of gates of a time in which it was not asked for."""


def dpia_told(dpia: str, version: str, on: date | None) -> Text | str:
    """Which assessment, in which text."""
    return dpia if on is None else phrase("{dpia}, version {version} of {day}", dpia=dpia, version=version, day=on)


def consent_told(consent: str, on: date | None) -> Text | str:
    """Which consent, and when it was given."""
    return consent if on is None else phrase("{consent}, decision of {day}", consent=consent, day=on)


def gates_section(gates: Sequence[Gate]) -> Section:
    """On what ground anybody's contacts or usage were read."""
    return Section(
        key="gates",
        heading=phrase("DPIA and consent of the works council"),
        paragraphs=(
            phrase(
                "Nobody's contacts or usage are read before an assessment and the consent of their works council are "
                "recorded, with a day of review and a last day."
            ),
        ),
        columns=(
            Column("employer", phrase("Employer")),
            Column("scope", phrase("What it is for"), Kind.CODE),
            Column("purpose", phrase("Purpose")),
            Column("dpia", phrase("Assessment")),
            Column("advice", phrase("Advice of the data protection officer"), blank=NOT_RECORDED),
            Column("consent", phrase("Consent")),
            Column("review_on", phrase("Review"), Kind.DATE),
            Column("ends_on", phrase("Last day"), Kind.DATE),
        ),
        rows=tuple(
            (
                gate.employer,
                gate.scope,
                gate.purpose,
                dpia_told(gate.dpia, gate.dpia_version, gate.dpia_on),
                gate.advice or None,
                consent_told(gate.consent, gate.consent_on),
                gate.review_on,
                gate.ends_on,
            )
            for gate in gates
        ),
        empty=phrase("No DPIA and consent are recorded: only the demo organisation can be read."),
    )
