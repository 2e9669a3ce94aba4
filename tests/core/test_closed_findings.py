"""What the log says of findings that people concluded, beside what the tables say: each way to differ, no other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.core.log.audit import noted
from server.core.log.closed_findings import FindingDifference, FindingDifferenceKind, FindingEnd, LoggedConclusions
from server.core.log.entries import EntryKind, LogEntry, canonical
from server.core.model import Disposition

MARCH = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
"""In Amsterdam it is the day after."""


def closed(uid: str, ends: Disposition | None, at: datetime = MARCH) -> bytes:
    body = {"finding": uid, "what": "reappeared", "verb": "closed", "actor_role": "privacy_officer"}
    if ends is not None:
        body["outcome"] = ends.value
    return canonical(LogEntry(0, at, EntryKind.FINDING, body))


def destroyed(what: str, until: str, *apart: str) -> bytes:
    body = {"what": what, "verb": "begun", "until": until} | ({"apart": apart} if apart else {})
    return canonical(LogEntry(1, datetime(2026, 12, 1, tzinfo=UTC), EntryKind.RECORDS_EXPIRED, body))


def told(entries: list[bytes], *rows: FindingEnd) -> list[tuple[str, FindingDifferenceKind]]:
    logged = LoggedConclusions()
    for each in entries:
        logged.note(each)
    return [(each.finding, each.kind) for each in logged.differences(rows)]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (FindingEnd("a", Disposition.EXPLAINED), None),
        (FindingEnd("a", Disposition.UNFOUNDED), FindingDifferenceKind.OTHERWISE),
        (FindingEnd("a", Disposition.BY_ITSELF), FindingDifferenceKind.OTHERWISE),
        (FindingEnd("a", None), FindingDifferenceKind.OTHERWISE),
        (None, FindingDifferenceKind.GONE),
    ],
    ids=["as logged", "as something else", "by itself", "open", "gone"],
)
def test_a_conclusion_in_the_log_is_in_the_table_as_it_is(row, kind):
    found = told([closed("a", Disposition.EXPLAINED)], *([] if row is None else [row]))
    assert found == ([] if kind is None else [("a", kind)])


def test_what_the_log_does_not_say_no_person_concluded():
    rows = [FindingEnd("a", None), FindingEnd("b", Disposition.BY_ITSELF), FindingEnd("c", Disposition.UNFOUNDED)]
    assert told([], *rows, FindingEnd("d", Disposition.IN_WORDS)) == [
        ("c", FindingDifferenceKind.NOT_CONCLUDED),
        ("d", FindingDifferenceKind.NOT_CONCLUDED),
    ]


def test_what_an_earlier_version_closed_was_concluded_in_words():
    assert told([closed("a", None)], FindingEnd("a", Disposition.IN_WORDS)) == []


def test_what_was_destroyed_by_its_period_is_no_difference_up_to_that_day_and_with_it():
    entries = [closed("a", Disposition.EXPLAINED, MARCH), closed("b", Disposition.EXPLAINED, JUNE)]
    gone = FindingDifferenceKind.GONE
    assert told([*entries, destroyed("findings", "2026-03-02")]) == [("b", gone)]
    assert told([*entries, destroyed("findings", "2026-06-01")]) == [("b", gone)]
    assert told([*entries, destroyed("findings", "2026-06-02")]) == []
    assert told([*entries, destroyed("findings", "2026-06-02"), destroyed("findings", "2026-03-02")]) == []


def test_findings_that_ended_apart_have_a_day_of_their_own():
    entries = [closed("a", Disposition.EXPLAINED), closed("b", Disposition.UNFOUNDED)]
    apart = [destroyed("findings", "2026-05-01", "unfounded"), destroyed("findings.unfounded", "2026-01-01")]
    assert told([*entries, *apart]) == [("b", FindingDifferenceKind.GONE)]


def test_a_period_of_their_own_that_came_later_or_was_given_up_takes_nothing_back():
    entries = [closed("a", Disposition.UNFOUNDED)]
    own = destroyed("findings.unfounded", "2026-01-01")
    assert told([*entries, destroyed("findings", "2026-05-01"), own]) == []
    assert told([*entries, own, destroyed("findings", "2026-05-01", "unfounded")]) == [
        ("a", FindingDifferenceKind.GONE)
    ]
    assert told([*entries, own, destroyed("findings", "2026-05-01")]) == []


@pytest.mark.parametrize(
    "text", [b"", b"{", b'{"kind":"finding","verb":"closed"}', b'"kind":"finding","verb":"closed"', None, 3]
)
def test_what_is_no_entry_is_passed_over(text):
    logged = LoggedConclusions()
    logged.note(text)
    assert logged.differences([]) == ()


def test_entries_are_handed_on_as_they_are():
    entries = [(0, closed("a", Disposition.ACCEPTED), b"leaf")]
    logged = LoggedConclusions()
    assert list(noted(entries, lambda _seq, text: logged.note(text))) == entries
    assert logged.differences([]) == (FindingDifference("a", FindingDifferenceKind.GONE),)
