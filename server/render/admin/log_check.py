"""What a check of the whole log found, in words: its faults; removals and findings recorded otherwise than it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from server.core.log.audit import LogFault, LogFaultKind
from server.core.log.closed_findings import FindingDifference, FindingDifferenceKind
from server.core.log.proven_removals import RemovalDifference, RemovalDifferenceKind
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase

MOST_SHOWN = 100
"""So many removals, and findings, are named; all are counted."""

PUT_BACK = phrase(
    "A backup was restored. Nothing is removed until two people have said what was lost: closeout backup accept-restore"
)

LOG_FAULTS: Mapping[LogFaultKind, Text] = {
    LogFaultKind.EDITED: phrase("An entry was edited."),
    LogFaultKind.GAP: phrase("Entries are missing."),
    LogFaultKind.REORDERED: phrase("Entries are out of order."),
    LogFaultKind.TRUNCATED: phrase("The log is shorter than a signed checkpoint says: its end was cut off."),
    LogFaultKind.ROOT_DIFFERS: phrase("The log is not the one that a checkpoint was signed for."),
    LogFaultKind.BODY_MISSING: phrase("The content of a restricted entry is gone."),
    LogFaultKind.BODY_CHANGED: phrase("The content of a restricted entry is not what its hash was made of."),
}
REMOVAL_DIFFERENCES: Mapping[RemovalDifferenceKind, Text] = {
    RemovalDifferenceKind.NOT_PROVEN: phrase("Recorded as verified; the log has no proof of it."),
    RemovalDifferenceKind.NOT_THERE: phrase("Verified in the log; the record of it is gone."),
    RemovalDifferenceKind.NOT_DONE: phrase(
        "Verified in the log; recorded as open, or with another moment or address book."
    ),
    RemovalDifferenceKind.DEVICES: phrase("Recorded with other confirmations by phones than the log has."),
}

FINDING_DIFFERENCES: Mapping[FindingDifferenceKind, Text] = {
    FindingDifferenceKind.NOT_CONCLUDED: phrase("Recorded as concluded by a person; the log does not say so."),
    FindingDifferenceKind.GONE: phrase("Concluded by a person in the log; the record of it is gone."),
    FindingDifferenceKind.OTHERWISE: phrase(
        "Concluded by a person in the log; recorded as open, or as ended otherwise."
    ),
}


def faults_section(faults: Iterable[LogFault]) -> Section:
    """What is wrong with the log itself."""
    return Section(
        "faults",
        phrase("What is wrong with the log"),
        columns=(
            Column("fault", phrase("What")),
            Column("at", phrase("First at entry"), Kind.COUNT),
            Column("times", phrase("Count"), Kind.COUNT),
        ),
        rows=tuple((LOG_FAULTS[fault.kind], fault.at, fault.count) for fault in faults),
    )


def say_removals_differ(count: int) -> Text:
    """That so many removals, one or more, are recorded otherwise than the log says."""
    return phrase(
        "{count} removal is recorded differently from the log. The log counts; have it investigated who "
        "changed the database.",
        many="{count} removals are recorded differently from the log. The log counts; have it investigated "
        "who changed the database.",
        count=count,
    )


def removals_section(removals: Sequence[RemovalDifference]) -> Section:
    """The first of them, by their opaque ids."""
    return Section(
        "removals",
        phrase("Removals recorded differently from the log"),
        columns=(Column("order", phrase("Removal")), Column("difference", phrase("How it differs"))),
        rows=tuple((each.order, REMOVAL_DIFFERENCES[each.kind]) for each in removals[:MOST_SHOWN]),
    )


def say_findings_differ(count: int) -> Text:
    """That so many findings, one or more, are recorded otherwise than the log says."""
    return phrase(
        "{count} finding is recorded otherwise than the log says. The log counts; have it looked into who changed the"
        " database.",
        many="{count} findings are recorded otherwise than the log says. The log counts; have it looked into who"
        " changed the database.",
        count=count,
    )


def findings_section(findings: Sequence[FindingDifference]) -> Section:
    """The first of them, by their opaque ids."""
    return Section(
        "findings",
        phrase("Findings recorded otherwise than the log says"),
        columns=(Column("finding", phrase("Finding")), Column("difference", phrase("How it differs"))),
        rows=tuple((each.finding, FINDING_DIFFERENCES[each.kind]) for each in findings[:MOST_SHOWN]),
    )
