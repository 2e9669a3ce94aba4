"""The names of orders and plans, and the limits above which a plan waits."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdm_adapters.port import Token
from server.core.model import Verb
from server.core.policy.model import Policy
from server.core.removal.plan import HeldBack, digest_of, held_back, order_id

POLICY = Policy(
    version="rules-7",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=14,
    require_recorded=True,
    former_number_days=365,
    tombstone_days=365,
    max_removals=10,
    max_share=0.25,
    max_closures_factor=10.0,
)
TOKEN = Token(bytes(range(32)))
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
orders = st.tuples(text, st.binary(max_size=4).map(Token), st.just(Verb.REMOVE), text, st.integers(1, 12))


def test_the_same_need_at_the_same_place_is_the_same_order_today_and_in_a_year():
    assert order_id("place-1", TOKEN, Verb.REMOVE, "finally_closed 2025-01-01", 1) == "75f1d3b7f167313a6b8cb7e90a"


@given(one=orders, other=orders)
def test_orders_that_differ_in_anything_have_different_ids(one, other):
    assert (order_id(*one) == order_id(*other)) == (one == other)


@given(order=orders)
def test_an_order_id_fits_a_log_line_and_a_file_name(order):
    assert re.fullmatch(r"[0-9a-f]{26}", order_id(*order))


def test_what_runs_over_from_one_part_into_the_next_makes_another_order():
    assert order_id("place", TOKEN, Verb.REMOVE, "x1", 1) != order_id("place", TOKEN, Verb.REMOVE, "x", 11)
    assert order_id("ab", Token(b"c"), Verb.REMOVE, "", 1) != order_id("a", Token(b"bc"), Verb.REMOVE, "", 1)


@given(ids=st.lists(text, max_size=5, unique=True), data=st.data())
def test_a_plan_has_one_digest_in_any_order(ids, data):
    assert digest_of(data.draw(st.permutations(ids)), POLICY) == digest_of(ids, POLICY)


def test_another_policy_or_another_removal_is_another_plan():
    plans = [
        digest_of(["a", "b"], POLICY),
        digest_of(["a"], POLICY),
        digest_of([], POLICY),
        digest_of(["ab"], POLICY),
        digest_of(["a", "b"], replace(POLICY, version="rules-8")),
    ]
    assert len(set(plans)) == len(plans)


@pytest.mark.parametrize(
    ("planned", "seen", "waits"),
    [
        (0, 0, None),
        (0, 100, None),
        (10, 100, None),
        (11, 100, HeldBack("max_removals", 10, 11, 100)),
        (5, 20, None),
        (6, 20, HeldBack("max_share", 0.25, 6, 20)),
        (11, 20, HeldBack("max_removals", 10, 11, 20)),
        (1, 0, None),
    ],
)
def test_a_plan_waits_only_above_a_limit(planned, seen, waits):
    assert held_back(planned, seen, POLICY) == waits


def test_a_few_contacts_are_a_large_share_of_a_small_site_and_wait_only_from_the_count_the_policy_names():
    small = replace(POLICY, max_removals=1000, share_from=7)
    assert held_back(6, 7, small) is None
    assert held_back(7, 7, small) == HeldBack("max_share", 0.25, 7, 7)
