"""The table of metrics: names as Prometheus asks for them, and counts in tens."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from server.core.reports.metrics import METRICS, in_tens


def test_names_are_ours_and_told_once():
    names = [each.name for each in METRICS]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"closeout(_[a-z]+)+", name)] == []


def test_nothing_tells_of_what_is_postponed_but_that_it_is_left_out():
    assert [each.name for each in METRICS if re.search("postpon|defer|held|stopped|hold", each.name)] == []


@given(st.integers(0, 10**9))
def test_tens_are_the_next_ten_and_nought_is_nought(count):
    told = in_tens(count)
    assert told % 10 == 0
    assert 0 <= told - count < 10
    assert (told == 0) == (count == 0)
