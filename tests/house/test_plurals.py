"""A number before a thing that is counted has two sentences, one for one and one for more: never "1 faults"."""

from __future__ import annotations

import re

import pytest
from babel import Locale
from babel.messages.pofile import read_po

from tests.house.test_texts import ROOT, TRANSLATED, places

COUNTED = re.compile(r"(?<!of )\{(\w+)\} (?:[a-z]+ )?([a-z]{2,}s|people)\b")
"""A parameter and the plural noun behind it, a word between or none. "3 of 8 phones" is a share and has one form."""

NO_NOUN = re.compile("address|does|fails|has|holds|is|leaves|lies|means|points|reads|says|stands|tells|this|was|waits")
"""Words on an s that are no plural."""

ALWAYS_ONE_FORM = {
    ("covered", "phones"): "a share: 3 of 8 phones",
    ("phones", "phones"): "a share: 3 of 8 phones",
    ("places", "books"): "a share: 3 of 8 address books",
    ("registers", "registers"): "a share: 1 of 1 case registers",
    ("most", "characters"): "the length of a field, never one",
    ("rows", "rows"): "what a file holds at most, thousands",
    ("count", "people"): "the smallest group, two at the least",
    ("count", "rows"): "of how many: what is shown of all, and what a workbook holds",
    ("sheets", "sheets"): "said where there is more than one",
    ("limit", "bytes"): "the longest line, thousands",
    ("limit", "characters"): "the length of a cell, never one",
    ("limit", "cases"): "what an export names at most, thousands",
}


def one_form() -> list[tuple[str, str, str, str]]:
    return [
        (found[1], found[2], sentence, where[0])
        for (sentence, many, _), where in places().items()
        if not many
        for found in COUNTED.finditer(sentence)
        if not NO_NOUN.fullmatch(found[2])
    ]


def test_what_is_counted_has_a_sentence_for_one_and_one_for_more() -> None:
    assert [found for found in one_form() if found[:2] not in ALWAYS_ONE_FORM] == []


def test_no_exception_is_kept_that_nothing_needs() -> None:
    assert {found[:2] for found in one_form()} >= set(ALWAYS_ONE_FORM)


@pytest.mark.parametrize("language", TRANSLATED)
def test_both_forms_are_translated(language: str) -> None:
    path = ROOT / f"server/translations/{language}/LC_MESSAGES/closeout.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=Locale.parse(language))
    pairs = [message for message in catalogue if isinstance(message.id, tuple)]
    assert len(pairs) > 50
    assert [message.id[0] for message in pairs if not all(message.string)] == []
