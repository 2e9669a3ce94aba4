"""The promises of `server.core.usage.declaration_text`, and those that the shipped texts make to whoever signs them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import date
from importlib import resources

import pytest

from server.core.usage.declaration_text import DeclarationText, Language, check_text, incomplete
from server.core.usage.declarations import TextVersion
from tests.house.test_texts import JUDGING, PROMISING, WIPING

FOLDER = resources.files("agent_policies") / "declarations"
FILES = {
    (language, entry.name): entry.read_text("utf-8")
    for language in Language
    for entry in (FOLDER / language.value).iterdir()
}
SHIPPED = {key: check_text(text, key[1]).text for key, text in FILES.items()}
EACH = pytest.mark.parametrize("key", sorted(FILES), ids="/".join)


def shipped(key: tuple[Language, str]) -> DeclarationText:
    text = SHIPPED[key]
    assert text is not None
    return text


@EACH
def test_a_shipped_text_is_sound_and_named_for_its_version(key: tuple[Language, str]) -> None:
    language, name = key
    text = shipped(key)
    assert check_text(FILES[key], name).faults == ()
    assert (text.language, f"{text.version.version}.md") == (language, name)


def test_every_version_is_shipped_in_both_languages() -> None:
    assert incomplete(shipped(key) for key in FILES) == frozenset()
    assert {name for _, name in FILES} == {name for language, name in FILES if language is Language.NL}


@EACH
def test_it_says_more_than_ninety_per_cent_and_allows_private_use(key: tuple[Language, str]) -> None:
    declared, private = shipped(key).body.split("\n## ")[:2]
    business = {Language.NL: "meer dan 90% zakelijk", Language.EN: "more than 90% for business purposes"}
    allowed = {Language.NL: "Je mag de telefoon ook privé", Language.EN: "You may use the phone for yourself"}
    assert business[key[0]] in declared
    assert allowed[key[0]] in private


@EACH
def test_it_has_the_same_six_parts_in_both_languages(key: tuple[Language, str]) -> None:
    parts = re.findall(r"^## .+$", shipped(key).body, re.MULTILINE)
    assert len(parts) == 6
    counts = {
        language: [part.count("\n- ") for part in shipped((language, key[1])).body.split("\n## ")]
        for language in Language
    }
    assert counts[Language.NL] == counts[Language.EN]


@EACH
def test_it_is_plain(key: tuple[Language, str]) -> None:
    """B1: short sentences, few long words."""
    words = [
        re.findall(r"[\w'’-]+", sentence)
        for sentence in re.split(r"[.?!:]\s|\n\n|\n- ", shipped(key).body)
        if sentence.strip()
    ]
    assert max(len(each) for each in words) <= 20
    assert sum(len(each) for each in words) / len(words) < 11
    long = [word for each in words for word in each if len(word) > 14]
    assert len(long) <= 6, long


@EACH
@pytest.mark.parametrize("pattern", [JUDGING, PROMISING, WIPING], ids=["judges", "promises", "wipes"])
def test_it_neither_judges_nor_promises(key: tuple[Language, str], pattern: re.Pattern[str]) -> None:
    assert pattern.findall(shipped(key).body) == []


def test_a_text_is_its_head_and_its_words_and_has_a_digest() -> None:
    head = "version: own-1\nlanguage: en\nvalid_from: 2026-01-01\nobsolete_from: 2027-01-01\ntitle: T"
    text = f"---\n{head}\n---\n\nWords.\n"
    found = check_text(text, "own-1.md").text
    assert found == DeclarationText(
        version=TextVersion("own-1", date(2026, 1, 1), date(2027, 1, 1)),
        language=Language.EN,
        title="T",
        body="Words.\n",
        digest=hashlib.sha256(b"T\n\nWords.\n").hexdigest(),
    )
    assert check_text(text.replace("\n", "\r\n"), "own-1.md").text == found
    other = check_text(text.replace("Words", "Other words"), "own-1.md").text
    assert found is not None
    assert other is not None
    assert other.digest != found.digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No head.\n", [(1, "")]),
        ("", [(1, "")]),
        ("---\nversion: own-1\n", [(1, "")]),
        ("---\n- a\n---\nWords.\n", [(2, "")]),
        (
            "---\nversion: Own 1\nlanguage: fr\nvalid_from: 2026-02-30\ncolour: red\n---\n",
            [(1, "title"), (2, "version"), (3, "language"), (4, "valid_from"), (5, "colour"), (6, "")],
        ),
    ],
    ids=["no head", "empty", "no end", "no keys", "everything"],
)
def test_all_that_is_wrong_is_told_at_once(text: str, expected: list[tuple[int, str]]) -> None:
    checked = check_text(text, "own-1.md")
    assert checked.text is None
    assert [(fault.line, fault.where) for fault in checked.faults] == expected


def test_a_version_that_lacks_a_language_or_differs_in_days_is_incomplete() -> None:
    (nl, *_), (en, *_) = ([shipped(key) for key in sorted(FILES) if key[0] is language] for language in Language)
    assert incomplete([nl, en]) == frozenset()
    assert incomplete([nl]) == incomplete([nl, nl]) == {nl.version.version}
    later = replace(en, version=replace(en.version, valid_from=date(2027, 1, 1)))
    assert incomplete([nl, later]) == {nl.version.version}
