"""Requests for evidence packages as they are written: read back as they were, of one length, the newest kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.core.inquiry_record import SaidBy
from server.core.one_length import PADDED_TO
from server.core.package_record import (
    KEPT_FOR,
    OPEN_FOR,
    WAITS,
    PackageChoice,
    PackageRequest,
    PackageStanding,
    decode,
    digest_of_request,
    encode,
    put,
)

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ASKED = PackageRequest(
    uid="p1",
    asked=SaidBy("a1", "privacy_officer", NOW),
    second="a2",
    addressee="inspectorate",
    basis="supervisory_powers",
    purpose="A sample, for «het toezicht».",
    recipients=("age1x", "age1y"),
    choice=PackageChoice(
        ids=("i1",), case="100001", sample=3, seed="word", reports=("r1",), first=1, last=4, opened=(2,)
    ),
    restricted=False,
    language="nl",
    by=("b1", "b2"),
    asked_at_line=7,
)
DECIDED = replace(ASKED, decided=SaidBy("a2", "auditor", NOW + timedelta(hours=1)), granted=True, decided_at_line=9)


def test_what_is_written_is_read_back():
    made = replace(DECIDED, head="note", manifest="0" * 64, made=(SaidBy("a1", "privacy_officer", NOW),), mandate="m1")
    assert decode(encode([ASKED, made])) == (ASKED, made)
    assert decode(encode([])) == ()


@pytest.mark.parametrize("text", ["{}x", "[1]", '[{"uid": "p1"}]', "7"])
def test_what_is_no_list_is_a_value_error(text):
    with pytest.raises(ValueError):
        decode(text)


def test_the_list_is_as_long_empty_as_full_and_loses_what_is_done_first():
    many = tuple(
        replace(DECIDED, uid=f"p{n}", asked=SaidBy("a1", "privacy_officer", NOW + timedelta(minutes=n)),
                made=(SaidBy("a1", "privacy_officer", NOW),))
        for n in range(300)
    )  # fmt: skip
    waiting = replace(ASKED, uid="waits")
    text = encode((waiting, *many))
    assert len(text.encode()) == len(encode([]).encode()) == PADDED_TO
    kept = [each.uid for each in decode(text)]
    assert kept[0] == "waits"
    assert kept[-1] == "p299"
    late = replace(ASKED, uid="late", asked=SaidBy("a1", "privacy_officer", NOW + KEPT_FOR + timedelta(seconds=1)))
    assert [each.uid for each in decode(encode(put(many, late)))][-1] == "late"
    assert "p0" not in {each.uid for each in decode(encode(put(many, late)))}


@pytest.mark.parametrize(
    ("request_", "after", "standing"),
    [
        (ASKED, timedelta(0), PackageStanding.WAITING),
        (ASKED, WAITS - timedelta(seconds=1), PackageStanding.WAITING),
        (ASKED, WAITS, PackageStanding.RAN_OUT),
        (replace(DECIDED, granted=False), timedelta(hours=2), PackageStanding.REFUSED),
        (DECIDED, timedelta(hours=1), PackageStanding.OPEN),
        (DECIDED, OPEN_FOR + timedelta(minutes=59), PackageStanding.OPEN),
        (DECIDED, OPEN_FOR + timedelta(hours=1), PackageStanding.OVER),
    ],
)
def test_a_request_waits_and_is_open_for_so_long(request_, after, standing):
    assert request_.standing(NOW + after) is standing


def test_what_is_confirmed_is_named_by_all_that_it_says():
    others = [
        replace(ASKED, uid="p2"),
        replace(ASKED, addressee="police"),
        replace(ASKED, basis="court_order"),
        replace(ASKED, purpose="Another."),
        replace(ASKED, recipients=("age1x",)),
        replace(ASKED, choice=replace(ASKED.choice, sample=4)),
    ]
    assert len({digest_of_request(each) for each in (ASKED, *others)}) == 7
