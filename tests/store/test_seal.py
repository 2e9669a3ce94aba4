"""What is sealed opens where it belongs and nowhere else, under its key and no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.seal import SealBrokenError, Sealer

SEALER = Sealer(b"a" * 32)
OTHER = Sealer(b"b" * 32)


@given(value=st.text(), place=st.text())
def test_what_is_sealed_opens_in_its_place(value, place):
    assert SEALER.open(SEALER.seal(value, place), place) == value


def test_the_same_value_sealed_twice_looks_like_two_values():
    assert SEALER.seal("/book/card-1.vcf", "entry.1") != SEALER.seal("/book/card-1.vcf", "entry.1")


@pytest.mark.parametrize(
    "sealed",
    [
        SEALER.seal("value", "entry.2"),
        OTHER.seal("value", "entry.1"),
        SEALER.seal("value", "entry.1")[:-1],
        b"\x02" + SEALER.seal("value", "entry.1")[1:],
        b"\x01",
        b"",
        b"value",
    ],
    ids=["moved", "other key", "cut short", "other version", "only a version", "nothing", "never sealed"],
)
def test_what_was_moved_changed_or_sealed_by_another_does_not_open(sealed):
    with pytest.raises(SealBrokenError):
        SEALER.open(sealed, "entry.1")


@given(position=st.integers(0, 45), bit=st.integers(0, 7))
def test_no_single_bit_can_be_changed(position, bit):
    sealed = bytearray(SEALER.seal("a value of some length", "entry.1"))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(SealBrokenError):
        SEALER.open(bytes(sealed), "entry.1")


def test_a_hash_finds_a_value_again_in_its_place_and_under_its_key_only():
    found = SEALER.hash("card-1", "entry.place-1")
    assert len(found) == 32
    assert found == SEALER.hash("card-1", "entry.place-1")
    assert len({found, SEALER.hash("card-1", "entry.place-2"), OTHER.hash("card-1", "entry.place-1")}) == 3


def test_a_key_has_32_bytes_and_is_in_no_text():
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"short")
    assert len(Sealer.fresh_key()) == 32
    assert "a" * 8 not in repr(SEALER)
