"""How long what closeout itself keeps is kept, as tables for pages, the command and reports; pure.

"Removed from the ordinary records" is what is said of it, under a hold and without one: a copy of what has to last may
lie elsewhere, sealed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from server.core.policy.model import Policy
from server.core.policy.retention import COUNTED_FROM, CountedFromRow, RetentionTerm, RowKind, Span
from server.core.reports.document import Report
from server.core.tables import Column, Kind, Row, Section, Value
from server.core.text import Text, phrase

_MONTHS = 12

KINDS: Mapping[RowKind, Text] = {
    RowKind.REMOVALS: phrase("Removals that are over, with their calls and evidence"),
    RowKind.FINDINGS: phrase("Findings that are closed"),
    RowKind.DEVIATIONS: phrase("Deviations that hold no more"),
    RowKind.REPORTS: phrase("Reports as they were made, and to whom they were told of"),
    RowKind.IMPORTS: phrase("That an export of a case system came in"),
    RowKind.VIEWS_BY_NAME: phrase("Who saw contacts by name, and why"),
    RowKind.PAUSES: phrase("Pauses that are over"),
    RowKind.ATTESTATIONS: phrase("What workers stated of numbers saved where nobody can look"),
}
_STAYS: Mapping[RowKind, Text] = {
    RowKind.REMOVALS: phrase("Stays, however old: what is open, and what is watched for coming back."),
    RowKind.FINDINGS: phrase("Stays, however old: what is open, and that an overwritten number was looked into."),
    RowKind.DEVIATIONS: phrase("Stays, however old: what holds, and the newest."),
    RowKind.IMPORTS: phrase("Stay, however old: the first, and of each case system the newest hundred."),
    RowKind.PAUSES: phrase("Stays, however old: what is paused, and the newest."),
}
_FROM: Mapping[CountedFromRow, Text] = {
    CountedFromRow.SETTLED: phrase("The evidence of removal; of what was stopped, the plan"),
    CountedFromRow.CLOSED: phrase("The day it was closed"),
    CountedFromRow.ENDED: phrase("Its end"),
    CountedFromRow.MADE: phrase("The day it was made"),
    CountedFromRow.CAME_IN: phrase("The day it came in"),
    CountedFromRow.DECIDED: phrase("The day it was decided, or could be no more"),
    CountedFromRow.SAID: phrase("The day it was stated"),
}


def span_text(span: Span) -> Text:
    """A period in words."""
    if span.days:
        return phrase("{count} day", many="{count} days", count=span.days)
    if span.months % _MONTHS:
        return phrase("{count} month", many="{count} months", count=span.months)
    return phrase("{count} year", many="{count} years", count=span.months // _MONTHS)


def reach_of_ledger(policy: Policy) -> Text:
    """How far back the ledger of an inquiry reaches, as that is the policy's."""
    term = next((each for each in policy.retention if each.kind is RowKind.REMOVALS), None)
    if term is None:
        return phrase(
            "The ledger of an inquiry reaches as far back as closeout has worked: no period is set for removals."
        )
    return phrase(
        "The ledger of an inquiry tells removals for {span} after their proof; which cases and address books a contact "
        "was in, as far back as closeout has worked.",
        span=span_text(term.span),
    )


NOT_YET: Sequence[tuple[Text, Text]] = (
    (
        phrase("The register: cases, contacts as pseudonyms, who worked on them and when"),
        phrase("As long as the case system names it, and after that for good"),
    ),
    (
        phrase("What was seen in address books, and what was decided of it"),
        phrase("As long as the address book is listed; what was decided, for good"),
    ),
    (phrase("What work supervisors answered about closures and plans"), phrase("For good")),
    (phrase("Sums of use, and the files that they came from"), phrase("For good, or until a person takes them out")),
    (phrase("Declarations, who had which phone, conversations, contests, checks"), phrase("For good")),
    (phrase("Phones, and what was asked of them"), phrase("For good")),
    (phrase("Accounts, roles, tokens of programs, DPIA and consent"), phrase("For good")),
    (phrase("Plans, approvals, and policies that were proposed"), phrase("For good")),
    (phrase("What reports have shown, against which the next one is held"), phrase("For good")),
    (phrase("The log, open and restricted"), phrase("For good")),
)
"""What this version cannot remove from the records, and how long it is kept."""
BY_ITSELF: Sequence[tuple[Text, Text]] = (
    (phrase("Sessions of people, and messages of the identity provider"), phrase("Until their end")),
    (phrase("Counts of wrong tries to sign in"), phrase("Until they are empty again")),
    (phrase("What programs pushed, so that it counts once"), span_text(Span(days=30))),
    (
        phrase("That clients asked whether their number is gone, and that they were answered"),
        phrase("A year, then until the next one asks"),
    ),
    (phrase("Daily sums that a newer file replaced"), phrase("Until the next report")),
    (phrase("Signs of life of background workers"), span_text(Span(days=1))),
)
"""What goes without a period in the policy."""


@dataclass(frozen=True, slots=True)
class TermLine:
    """A period as it stands. until: up to and with that day records go. going: how many do now, None: not counted.

    removed: how many ever went; ended_at: when the newest run was over. waits: a person has to let it go first.
    """

    term: RetentionTerm
    until: date
    going: int | None
    removed: int
    ended_at: datetime | None
    waits: bool


def name_of(term: RetentionTerm) -> Text:
    """What a period is about."""
    if term.ends is None:
        return KINDS[term.kind]
    return phrase("Findings that ended so: {ends}", ends=term.ends)


def _source(term: RetentionTerm) -> Text | str:
    titles = ", ".join(term.sources)
    return phrase("Assumed: {titles}", titles=titles) if term.assumed else titles


_WHAT = Column("what", phrase("What"))
_KEPT = Column("kept", phrase("Kept for"))
_COUNTED_FROM = Column("counted_from", phrase("Counted from"))
_SOURCE = Column("source", phrase("Who says so"))


def periods(policy: Policy) -> Section:
    """How long each kind is kept by a policy: for the record of processing and the impact assessment."""
    named = {each.kind for each in policy.retention}
    rows: list[Row] = [
        (name_of(term), span_text(term.span), _FROM[COUNTED_FROM[term.kind]], _source(term))
        for term in policy.retention
    ]
    rows += [
        (KINDS[kind], phrase("For good"), None, phrase("The policy gives no period"))
        for kind in RowKind
        if kind not in named
    ]
    rows += [(what, kept, None, phrase("This version cannot remove it")) for what, kept in NOT_YET]
    rows += [(what, kept, None, phrase("Fixed in the program")) for what, kept in BY_ITSELF]
    return Section(
        key="own_periods",
        heading=phrase("How long this product keeps what it has"),
        columns=(_WHAT, _KEPT, _COUNTED_FROM, _SOURCE),
        rows=tuple(rows),
        notes=(_APART,),
    )


_APART = phrase(
    "When its period is over, a record is removed from the ordinary records. What has to last by another duty is kept "
    "apart from them, sealed, and shown on no page."
)


def standing(lines: Sequence[TermLine]) -> Section:
    """What goes when, as it stands now."""
    counted = any(line.going is not None for line in lines)
    rows: list[Row] = []
    for line in lines:
        cells: list[Value] = [
            name_of(line.term),
            span_text(line.term.span),
            _FROM[COUNTED_FROM[line.term.kind]],
            _source(line.term),
            line.until,
        ]
        if counted:
            cells.append(line.going)
        cells += [
            line.removed,
            line.ended_at,
            phrase("A person, first") if line.waits else phrase("The background worker, daily"),
        ]
        rows.append(tuple(cells))
    return Section(
        key="standing",
        heading=phrase("What goes when"),
        paragraphs=(_APART,),
        columns=(
            _WHAT,
            _KEPT,
            _COUNTED_FROM,
            _SOURCE,
            Column("until", phrase("Over: up to and including"), Kind.DATE),
            *((Column("going", phrase("Go now"), Kind.COUNT),) if counted else ()),
            Column("removed", phrase("Removed so far"), Kind.COUNT),
            Column("ended_at", phrase("Newest run"), Kind.INSTANT, phrase("None yet")),
            Column("by", phrase("Who lets it go")),
        ),
        rows=tuple(rows),
        notes=tuple(
            phrase("{what}. {stays}", what=KINDS[kind], stays=stays)
            for kind, stays in _STAYS.items()
            if any(kind is each.term.kind for each in lines)
        ),
        empty=phrase("The policy gives no period: all is kept for good."),
    )


def kept(policy: Policy) -> Section:
    """What is kept for good, or goes without a period in the policy."""
    named = {each.kind for each in policy.retention}
    rows: list[Row] = [
        (KINDS[kind], phrase("For good"), phrase("The policy gives no period")) for kind in RowKind if kind not in named
    ]
    rows += [(what, for_, phrase("This version cannot remove it")) for what, for_ in NOT_YET]
    rows += [(what, for_, phrase("Fixed in the program")) for what, for_ in BY_ITSELF]
    return Section(
        key="kept",
        heading=phrase("What the policy does not reach"),
        columns=(_WHAT, _KEPT, Column("why", phrase("Why"))),
        rows=tuple(rows),
    )


_COUNTED = frozenset({RowKind.REMOVALS, RowKind.FINDINGS, RowKind.DEVIATIONS})
"""What reports count."""
_OF_CONFIGURATION = frozenset({"article30", "dpia"})


def with_note(report: Report, removed_until: Mapping[str, date]) -> Report:
    """The report, and beside its coverage what it cannot count any more: records of its days that are removed."""
    reached = {
        name: day
        for name, day in removed_until.items()
        if day >= report.period.first and RowKind(name.partition(".")[0]) in _COUNTED
    }
    if not reached or report.key in _OF_CONFIGURATION:
        return report
    notes = tuple(
        phrase("{what}: removed from the ordinary records up to and including {day}, so not counted here.",
               what=_name(name), day=day)
        for name, day in sorted(reached.items())
    )  # fmt: skip
    return replace(report, coverage=replace(report.coverage, notes=(*report.coverage.notes, *notes)))


def _name(name: str) -> Text:
    return KINDS[RowKind(name.partition(".")[0])]
