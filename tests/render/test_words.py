"""Sentences and values in both languages; that they are complete is tested in tests/house/test_texts.py."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

import pytest
from babel.messages.pofile import read_po

from mdm_adapters.port import Capability, Fault, Outcome, Shape, Support
from server.core.model import (
    ContactClass,
    Decision,
    FindingKind,
    Level,
    Phase,
    Presence,
    Reason,
    Role,
    State,
    Tier,
    Verb,
)
from server.core.reports.coverage import Freshness, Sight, SourceKind, Spot
from server.core.reports.removals import View
from server.core.tables import Kind, Mark
from server.core.text import Period, Share, Text, phrase
from server.render.sentences import LANGUAGES, TRANSLATIONS, plain
from server.render.words import ADVICE, NAMES, Words

NAMED: tuple[type[StrEnum], ...] = (
    Capability,
    ContactClass,
    Decision,
    Fault,
    FindingKind,
    Freshness,
    Level,
    Mark,
    Outcome,
    Phase,
    Presence,
    Reason,
    Role,
    Shape,
    Sight,
    SourceKind,
    Spot,
    State,
    Support,
    Tier,
    Verb,
    View,
)
ADVISED: tuple[type[StrEnum], ...] = (Fault, FindingKind, Level, Outcome, Reason, Shape)

NL, EN = Words("nl"), Words("en")


@pytest.mark.parametrize("words", [NL, EN], ids=["nl", "en"])
@pytest.mark.parametrize("codes", NAMED)
def test_every_member_of_a_closed_set_has_a_name_of_its_own(codes: type[StrEnum], words: Words) -> None:
    names = {words.name(member) for member in codes}
    assert set(NAMES[codes]) == set(codes)
    assert len(names) == len(codes)
    assert all(names)


@pytest.mark.parametrize("codes", ADVISED)
def test_every_member_that_asks_something_of_people_says_what(codes: type[StrEnum]) -> None:
    assert set(ADVICE[codes]) == set(codes)
    assert all(NL.advise(member) != EN.advise(member) for member in codes)


def test_members_of_two_sets_that_are_equal_to_python_keep_their_own_names() -> None:
    assert Decision.KEEP == "keep"
    assert State.WAITING == Phase.WAITING
    assert (EN.name(State.WAITING), EN.name(Phase.WAITING)) == (
        "Awaits approval of the plan",
        "On the waiting list",
    )
    assert (NL.name(State.WAITING), NL.name(Phase.WAITING)) == ("Wacht tot het plan is goedgekeurd", "Op de wachtlijst")


def test_a_member_without_a_name_is_still_shown() -> None:
    class Odd(StrEnum):
        NOT_NAMED = "not_named"

    assert NL.name(Odd.NOT_NAMED) == NL.advise(Odd.NOT_NAMED) == "not named"


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("nl", "nl"), ("nl-NL", "nl"), ("NL_be.UTF-8", "nl"), ("en_GB", "en"), ("fr", "en"), ("", "en"), ("C", "en")],
)
def test_a_language_we_do_not_speak_is_english(asked: str, spoken: str) -> None:
    assert Words(asked).language == spoken


@pytest.mark.parametrize("language", ["nl", "en", "fr"])
def test_a_sentence_nobody_translated_is_said_in_english_with_its_parameters(language: str) -> None:
    assert Words(language).say(Text("Never seen {what}", (("what", "before"),))) == "Never seen before"


def test_braces_in_a_sentence_without_parameters_are_left_alone() -> None:
    assert NL.say(Text("a {brace} of its own")) == "a {brace} of its own"


def test_braces_in_a_parameter_are_left_alone() -> None:
    assert NL.say(phrase("Not done: {what}", what="{what} {0.__class__}")) == "Niet gelukt: {what} {0.__class__}"


@pytest.mark.parametrize(
    ("count", "dutch", "english"),
    [(0, "0 telefoons", "0 phones"), (1, "1 telefoon.", "1 phone."), (1234, "1.234 telefoons", "1,234 phones")],
)
def test_the_number_chooses_the_plural(count: int, dutch: str, english: str) -> None:
    text = phrase(
        "Counted over {count} phone. The list for each phone is further down.",
        many="Counted over {count} phones. The list for each phone is further down.",
        count=count,
    )
    assert dutch in NL.say(text)
    assert english in EN.say(text)


@pytest.mark.parametrize(
    ("moment", "dutch", "english"),
    [
        (datetime(2026, 11, 22, 13, 3, tzinfo=UTC), "22 nov 2026 14:03", "22 Nov 2026 14:03"),
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "2 jul 2026 00:30", "2 Jul 2026 00:30"),
        (datetime(2026, 3, 9, 8, 5, tzinfo=UTC), "9 mrt 2026 09:05", "9 Mar 2026 09:05"),
        # The clock goes back on 25 October 2026: this hour comes twice.
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "25 okt 2026 02:30 (UTC+2)", "25 Oct 2026 02:30 (UTC+2)"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25 okt 2026 02:30 (UTC+1)", "25 Oct 2026 02:30 (UTC+1)"),
    ],
)
def test_an_instant_is_that_of_amsterdam_and_cannot_be_misread(moment: datetime, dutch: str, english: str) -> None:
    assert (NL.instant(moment).replace(".", ""), EN.instant(moment)) == (dutch, english)


def test_every_kind_of_value_is_written_in_the_language() -> None:
    values = (
        None,
        "as it is",
        12345,
        date(2026, 3, 1),
        Share(3, 1200),
        Period(date(2026, 1, 1), date(2026, 3, 31)),
        phrase("Removed"),
        Reason.DEFERRED,
        (Spot.SIM, Spot.WHATSAPP, Spot.CALENDAR),
    )
    assert [NL.write(value) for value in values] == [
        "",
        "as it is",
        "12.345",
        "1 mrt 2026",
        "3 van 1.200",
        "1 jan 2026 tot en met 31 mrt 2026",
        "Verwijderd",
        "Uitgesteld door het beleid",
        "simkaart, WhatsApp en agenda",
    ]
    assert [EN.write(value) for value in values] == [
        "",
        "as it is",
        "12,345",
        "1 Mar 2026",
        "3 of 1,200",
        "1 Jan 2026 to 31 Mar 2026",
        "Removed",
        "Postponed by the policy",
        "SIM card, WhatsApp, and calendar",
    ]
    assert EN.write(Fault.DROPPED, Kind.ADVICE).startswith("It is not known yet")


def test_control_characters_and_direction_marks_become_visible() -> None:
    assert plain("a\x1b[31mb\u202ec\x00d\u200fé\n") == "a�[31mb�c�d�é\n"
    assert NL.say(phrase("Not done: {what}", what="\x1b]0;x\x07")) == "Niet gelukt: �]0;x�"


def test_a_period_of_one_day_is_that_day() -> None:
    day = date(2026, 11, 22)
    assert Words("nl").write(Period(day, day)) == "22 nov 2026"
    assert Words("en").write(Period(day, date(2026, 11, 23))) == "22 Nov 2026 to 23 Nov 2026"


@pytest.mark.parametrize(
    ("number", "dutch", "english"),
    [("0.5", "0,5", "0.5"), ("2.0", "2,0", "2.0"), ("1234.50", "1.234,50", "1,234.50"), ("90", "90", "90")],
)
def test_a_decimal_keeps_its_places_and_has_the_mark_of_the_language(number: str, dutch: str, english: str) -> None:
    share = phrase("{share}%", share=Decimal(number))
    assert (Words("nl").say(share), Words("en").say(share)) == (f"{dutch}%", f"{english}%")


def test_words_with_two_senses_are_said_by_their_sense() -> None:
    assert Words("nl").say(phrase("Another one", sense="explanation")) == "Nog een"


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_language_has_one_form_for_one_and_another_for_all_other_numbers(language: str) -> None:
    """What `sentences` chooses by, instead of the rule that a catalogue may bring."""
    with (TRANSLATIONS / language / "LC_MESSAGES/closeout.po").open("rb") as file:
        assert read_po(file, locale=language).plural_expr == "(n != 1)"
