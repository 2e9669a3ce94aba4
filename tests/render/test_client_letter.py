"""Letters to clients: three of them, alike for everybody who gets one, in both languages, and nobody's name in any."""

from __future__ import annotations

import re
from datetime import date

import pytest

from server.core.model import Level
from server.core.reports.client_answer import ClientAnswer, StoreAnswer, ToldClient
from server.render.reports.client_letter import WIDE, ClientLetter, as_text, letter_of
from server.render.words import Words

BRANDS = {"dav": "CardDAV", "graph": "Microsoft 365"}
GONE = StoreAnswer("dav", ToldClient.GONE, date(2026, 5, 4), Level.STORE_REMOVED, ("0a1b", "2c3d"))
REMOVED = "It was removed. After that all contact lists there were read in full, and it was in none of them."
LEFT = StoreAnswer("graph")
ANSWERS = {
    "gone": ClientAnswer((GONE,)),
    "gone here": ClientAnswer((GONE, LEFT)),
    "needed": ClientAnswer((StoreAnswer("dav", ToldClient.NEEDED), StoreAnswer("graph", ToldClient.NEEDED))),
    "neither": ClientAnswer((StoreAnswer("dav"), LEFT)),
}


def letter(name: str, language: str = "en") -> ClientLetter:
    words = Words(language)
    return letter_of(
        ANSWERS[name], words, BRANDS, organisation="Organisation 1", on=date(2026, 5, 6), uid="0123456789ab"
    )


def test_what_is_gone_is_told_by_server_with_its_day_and_how_it_is_proven() -> None:
    assert letter("gone here").items == (
        (
            "CardDAV",
            "gone, known since 4 May 2026. " + REMOVED,
        ),
        ("Microsoft 365", "we cannot say anything."),
    )
    assert "Its number: 0a1b, 2c3d." in as_text(letter("gone"))


def test_the_letters_that_say_less_name_no_server_day_or_receipt() -> None:
    for name in ("needed", "neither"):
        for language in ("en", "nl"):
            said = as_text(letter(name, language))
            assert letter(name, language).items == ()
            assert not any(each in said for each in (*BRANDS.values(), "0a1b", "4 May", "4 mei"))


def test_only_a_letter_with_something_left_says_why_something_can_be_left() -> None:
    told = {name: "Where it says that we cannot say anything" in " ".join(letter(name).after) for name in ANSWERS}
    assert told == {"gone": False, "gone here": True, "needed": False, "neither": False}


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("name", ANSWERS)
def test_every_letter_says_what_is_not_seen_and_where_to_turn(name: str, language: str) -> None:
    said = as_text(letter(name, language))
    always = {"en": ("What we cannot see", "15 and 17"), "nl": ("niet kunnen zien", "15 en 17")}[language]
    for each in (*always, "Autoriteit Persoonsgegevens"):
        assert each in re.sub(r"\s+", " ", said)
    assert said.rstrip().endswith("0123456789ab")
    assert max(map(len, said.splitlines())) <= WIDE
    assert letter(name, language).language == language


@pytest.mark.parametrize("language", ["en", "nl"])
def test_sentences_are_short_enough_to_be_read(language: str) -> None:
    """Plain language: fewer than 25 words a sentence on the average, and none of the words of the trade."""
    for name in ANSWERS:
        said = " ".join((*letter(name, language).before, *letter(name, language).after))
        sentences = [each for each in re.split(r"(?<=[.:?])\s", said) if each]
        assert sum(len(each.split()) for each in sentences) / len(sentences) < 25
        for word in ("token", "hold", "legal", "order", "sync", "grace", "policy", "finding", "bewaaropdracht"):
            assert not re.search(rf"\b{word}\b", said, re.IGNORECASE), (name, word)
