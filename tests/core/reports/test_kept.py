"""A report read back from its canonical form is the same report, to the byte."""

from __future__ import annotations

import json

import pytest

from server.core.reports.document import canonical, digest
from server.core.reports.kept import restore
from server.core.reports.removals import View, build
from tests.render.sample import facts


@pytest.mark.parametrize("view", View)
def test_what_is_read_back_is_the_same_report(view):
    report = build(facts(), view)
    again = restore(canonical(report))
    assert again == report
    assert (canonical(again), digest(again)) == (canonical(report), digest(report))


BROKEN = {
    "nothing": b"",
    "a list": b"[]",
    "another version": b'{"schema":99}',
    "no body": b'{"schema":1}',
}


@pytest.mark.parametrize("form", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_report_is_refused(form):
    with pytest.raises(ValueError, match=r"."):
        restore(form)


def test_a_form_with_anything_more_in_it_is_refused():
    held = json.loads(canonical(build(facts(), View.OPAQUE)))
    held["more"] = 1
    with pytest.raises(ValueError, match="canonical"):
        restore(json.dumps(held).encode())


def test_a_code_that_is_none_of_ours_is_refused():
    form = canonical(build(facts(), View.OPAQUE)).replace(b'"of":"View"', b'"of":"Path"')
    with pytest.raises(ValueError, match="canonical"):
        restore(form)
