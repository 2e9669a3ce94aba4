"""The list of holds: read as it was written, of one length, and it never loses one that is in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.hold_record import (
    WORD_LASTS,
    Ending,
    EndingWord,
    Hold,
    Standing,
    decode,
    encode,
    end_by_two,
    standing_of,
)
from server.core.one_length import PADDED_TO

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONGEST = "😀" * 300

instants = st.integers(0, 10**16).map(lambda micros: NOW + timedelta(microseconds=micros))
texts = st.text(max_size=40)
holds = st.builds(
    Hold,
    uid=st.uuids().map(str),
    set_at=instants,
    worker=st.none() | st.integers(1, 9),
    case=st.none() | st.integers(1, 9),
    worker_ref=st.none() | texts,
    case_number=st.none() | texts,
    system=st.none() | texts,
    reason=texts,
    requester=texts,
    review_on=st.none() | st.dates(),
    set_by=texts,
    set_role=texts,
    known_to=st.lists(texts, max_size=3).map(tuple),
    words=st.lists(st.builds(EndingWord, by=texts, role=texts, at=instants), max_size=2).map(tuple),
    ended_at=st.none() | instants,
)


@given(st.lists(holds, max_size=6))
def test_a_list_is_read_as_it_was_written_and_is_as_long_as_an_empty_one(some):
    text = encode(some)
    assert decode(text) == some
    assert len(text.encode()) == len(encode([]).encode()) == PADDED_TO


@pytest.mark.parametrize("running", [0, 20, 60])
def test_where_it_does_not_fit_the_oldest_that_ended_leave_it_and_none_that_holds(running):
    some = [Hold(f"ended-{n}", NOW, reason=LONGEST, ended_at=NOW) for n in range(50)]
    some += [Hold(f"runs-{n}", NOW, worker=n, reason=LONGEST) for n in range(running)]
    text = encode(some)
    kept = [each.uid for each in decode(text)]
    assert kept == [each.uid for each in some][-len(kept) :]
    assert {f"runs-{n}" for n in range(running)} <= set(kept)
    assert len(text.encode()) % PADDED_TO == 0
    if running < 20:
        assert len(text.encode()) == PADDED_TO


@pytest.mark.parametrize("text", ["", "null", "{}", "[1]", '[{"uid":"x"}]', "[[]]", "[", '[{"uid":"x","set_at":"no"}]'])
def test_what_is_no_list_of_holds_is_refused(text):
    with pytest.raises(ValueError):
        decode(text)


def test_together_they_cover_what_each_covers_as_long_as_it_runs():
    some = [
        Hold("a", NOW, worker=1),
        Hold("b", NOW, case=7),
        Hold("c", NOW, ended_at=NOW),
        Hold("d", NOW, case=8, ended_at=NOW),
    ]
    standing = standing_of(some)
    assert standing == Standing(frozenset({1}), frozenset({7}))
    assert [standing.covers(*each) for each in ((1, ()), (2, (7, 8)), (2, (8,)), (2, ()))] == [True, True, False, False]
    assert standing_of([Hold("e", NOW)]).covers(9, ())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100)), max_size=8))
def test_whoever_says_what_when_it_ends_exactly_with_two_people_within_three_days(words):
    """Against the rule written out: at the first moment at which words of two people are less than three days old."""
    some, expected, ended = [Hold("a", NOW)], [], False
    said: list[tuple[str, int]] = []
    for who, hour in sorted(words, key=lambda each: each[1]):
        some, ending = end_by_two(some, "a", EndingWord(who, "role", NOW + timedelta(hours=hour)))
        said = [each for each in said if timedelta(hours=hour - each[1]) < WORD_LASTS]
        if ended:
            expected = Ending.UNKNOWN
        elif who in {each[0] for each in said}:
            expected = Ending.AGAIN
        else:
            ended = bool(said)
            expected = Ending.ENDED if ended else Ending.SAID
            said.append((who, hour))
        assert ending is expected
        assert some[0].in_force is not ended
