"""One name, however it is typed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.naming import known_spelling, name_key, plain_name, says_something

SAME = [
    ("Invented employer", "Invented employer "),
    ("Invented employer", "  invented   EMPLOYER"),
    ("Invented employer", "Invented\u00a0employer"),
    ("Invented employer", "Invented\tem\u200bployer\u202c"),
    ("Stichting Eén", unicodedata.normalize("NFD", "Stichting Eén")),
    ("Stichting Eén", "STICHTING EÉN\u3000"),
    ("Straße", "STRASSE"),
    ("worker-01", "\uff37orker-01"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_are_one_name(one: str, other: str):
    assert name_key(one) == name_key(other)
    assert known_spelling(other, [one]) == one


@pytest.mark.parametrize(("one", "other"), [("worker-1", "worker-11"), ("Een", "Eén"), ("a b", "ab"), ("", "a")])
def test_two_names_stay_two(one: str, other: str):
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "-", "...", "\u200b\u200b", "—", "\t\n"])
def test_a_text_without_a_letter_or_digit_says_nothing(text: str):
    assert not says_something(text)
    assert says_something(text + "D-1")


@given(st.text(max_size=20))
def test_a_plain_name_is_plain_and_its_key_is_its_own_key(text: str):
    assert plain_name(plain_name(text)) == plain_name(text)
    assert name_key(name_key(text)) == name_key(text)
    assert name_key(text.upper()) == name_key(text.lower()) or not text.isascii()
