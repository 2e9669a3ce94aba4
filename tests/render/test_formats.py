"""One report as JSON, CSV and terminal text: typed, safe, complete, the same each time; HTML has its own file."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdm_adapters.port import Support
from server.core.model import Reason
from server.core.reports.document import digest
from server.core.reports.removals import Deferred, Item, View, build
from server.core.tables import Column, Kind, Section
from server.core.text import Share, Text, phrase
from server.render.answers import Answer, as_json, as_text
from server.render.delimited import report_csv, section_csv
from server.render.structured import report_json
from server.render.terminal import report_text
from server.render.words import Words
from tests.render.sample import NOW, facts

NL, EN = Words("nl"), Words("en")
SMALL = Section(
    "small",
    phrase("Removed"),
    columns=(
        Column("item", phrase("Contactcode")),
        Column("tries", phrase("Failed calls"), Kind.COUNT),
        Column("synced", phrase("Phones that synchronised it"), Kind.SHARE),
        Column("ordered_at", phrase("Scheduled"), Kind.INSTANT),
        Column("since", phrase("Since"), Kind.DATE),
        Column("reason", phrase("Why it has to go"), Kind.CODE),
        Column("advice", phrase("What to do"), Kind.ADVICE),
    ),
    rows=(
        ("0a1f", 3, Share(1, 2), NOW, NOW.date(), Reason.NOT_RECORDED, Reason.NOT_RECORDED),
        ("0a2f", None, None, None, None, None, None),
    ),
    totals=(phrase("Not known"), 3, Share(1, 2), None, None, None, None),
)


def rows(made: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(made.decode("utf-8-sig"), newline=""), delimiter=";"))


# --- JSON


def test_json_keeps_types_and_gives_codes_beside_their_names() -> None:
    document = json.loads(as_json(Answer(True, phrase("Removed"), (SMALL,), key="done"), NL))
    advice = "Leg het contact vast in het dossier en bevestig dat. Daarna wordt het verwijderd."
    reason = "Niemand heeft gezegd dat het contact in het dossier staat"
    assert document["sections"][0]["rows"] == [
        {
            "item": "0a1f",
            "tries": 3,
            "synced": {"part": 1, "whole": 2},
            "ordered_at": "2026-11-22T13:03:00Z",
            "since": "2026-11-22",
            "reason": {"code": "not_recorded", "label": reason},
            "advice": {"code": "not_recorded", "label": advice},
        },
        dict.fromkeys(("item", "tries", "synced", "ordered_at", "since", "reason", "advice")) | {"item": "0a2f"},
    ]
    assert document["sections"][0]["totals"]["item"] == "Niet bekend"
    assert (document["ok"], document["key"], document["title"]) == (True, "done", "Verwijderd")


def test_a_report_as_json_says_all_that_a_report_must_say() -> None:
    report = build(facts(), View.OPAQUE)
    document = json.loads(report_json(report, EN))
    assert document["digest"] == f"sha256:{digest(report)}"
    assert document["period"] == {"first": "2026-10-01", "last": "2026-11-22"}
    assert document["view"]["code"] == "opaque"
    assert document["policies"] == ["tiny-2026-11"]
    assert "no safety" in document["caveat"]
    assert [section["key"] for section in document["sections"]] == [section.key for section in report.body]
    assert all(figure["coverage"] for figure in document["figures"])


# --- CSV


def test_csv_is_utf8_with_a_mark_and_semicolons() -> None:
    made = section_csv(SMALL, NL)
    assert made.startswith(b'\xef\xbb\xbf"Contactcode";"Mislukte aanroepen";')
    assert b'\r\n"0a1f";3;1;2;"2026-11-22T14:03:00+01:00";' in made
    assert rows(made) == [
        [
            "Contactcode",
            "Mislukte aanroepen",
            "Telefoons die het synchroniseerden",
            "Telefoons die het synchroniseerden: totaal",
            "Ingepland",
            "Sinds",
            "Waarom het weg moet",
            "Wat u kunt doen",
        ],
        [
            "0a1f",
            "3",
            "1",
            "2",
            "2026-11-22T14:03:00+01:00",
            "2026-11-22",
            "Niemand heeft gezegd dat het contact in het dossier staat",
            "Leg het contact vast in het dossier en bevestig dat. Daarna wordt het verwijderd.",
        ],
        ["0a2f", "", "", "", "", "", "", ""],
        ["Niet bekend", "3", "1", "2", "", "", "", ""],
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\x00=1",
        "＝1",
        "＋1",
        "－1",
        "＠A1",
    ],
)
def test_no_cell_is_a_formula_wherever_the_text_comes_from(hostile: str) -> None:
    table = replace(
        SMALL,
        columns=(Column("a", Text("{x}", (("x", hostile),))), Column("b", phrase("Contactcode"))),
        rows=((hostile, Text("{x}", (("x", hostile),))),),
        totals=(),
    )
    report = replace(
        build(facts(), View.OPAQUE),
        organisation=hostile,
        policies=(hostile,),
        sections=(table,),
        title=table.rows[0][1],
    )
    for made in (section_csv(table, NL), report_csv(report, NL)):
        assert formulas_in(made) == []
    cells = [cell for row in rows(report_csv(report, NL)) for cell in row]
    assert sum("'" in cell for cell in cells) >= 6


def formulas_in(made: bytes) -> list[str]:
    """Cells that a spreadsheet would run, whichever sign it takes for what parts cells, strict about quotes or not."""
    text = made.decode("utf-8-sig")
    split = [
        cell
        for delimiter in ",;\t|"
        for read in (
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter),
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE),
        )
        for row in read
        for cell in row
    ]
    return [cell for cell in split if re.match('["\\s\u00a0\ufffd]*[=+\\-@\uff1d\uff0b\uff0d\uff20]', cell)]


@given(st.text(st.sampled_from("=+-@,;\t|\"' \u00a0\r\na1\uff1d\x00"), max_size=12))
def test_no_text_is_a_formula_for_any_reader(text: str) -> None:
    table = Section(
        "s",
        phrase("Removed"),
        columns=(Column("a", phrase("Contactcode")), Column("b", phrase("Contactcode"))),
        rows=((text, text),),
    )
    assert formulas_in(section_csv(table, EN)) == []


def test_counts_stay_numbers() -> None:
    table = Section("s", phrase("Removed"), columns=(Column("n", phrase("Failed calls"), Kind.COUNT),), rows=((-3,),))
    assert rows(section_csv(table, EN)) == [["Failed calls"], ["-3"]]


def test_a_report_as_csv_holds_every_heading_and_every_row() -> None:
    report = build(facts(), View.PERSON)
    cells = {row[0] for row in rows(report_csv(report, EN)) if row}
    assert {EN.say(section.heading) for section in report.body} <= cells
    assert {str(row[0]) for row in next(s for s in report.sections if s.key == "removed").rows} <= cells


# --- terminal


def test_without_a_width_a_row_is_a_line_and_there_are_no_escape_codes() -> None:
    text = as_text(Answer(True, phrase("Removed"), (SMALL,)), EN)
    assert "\x1b" not in text
    (line,) = [line for line in text.splitlines() if "0a1f" in line]
    assert "Nobody has said that the contact is recorded in the case file" in line
    assert "1 of 2" in line
    assert "22 Nov 2026 14:03" in line


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    text = report_text(build(facts(), View.PERSON), EN, width=width)
    assert max(map(len, text.splitlines())) <= width
    joined = "".join(text.split())
    for order in facts().removed:
        assert order.item.id in joined
        assert str(order.item.case) in joined


def test_a_table_that_does_not_fit_becomes_a_line_for_each_cell() -> None:
    text = as_text(Answer(True, phrase("Removed"), (SMALL,)), EN, width=60)
    assert [line.split()[-1] for line in text.splitlines() if line.strip().startswith("Contactcode")] == [
        "0a1f",
        "0a2f",
        "known",
    ]


def test_colour_comes_only_when_asked_for() -> None:
    assert "\x1b[1m" in as_text(Answer(True, phrase("Removed"), (SMALL,)), EN, width=200, styled=True)


def test_a_cell_cannot_give_orders_to_the_terminal() -> None:
    table = Section(
        "s", phrase("Removed"), columns=(Column("a", phrase("Contactcode")),), rows=(("x\x1b[2Jy\rz[bold]w[/]",),)
    )
    text = as_text(Answer(True, phrase("Removed"), (table,)), EN)
    assert "x�[2Jy�z[bold]w[/]" in text


def test_a_refusal_says_so_in_words_and_tells_what_to_do() -> None:
    answer = Answer(False, phrase("Nothing to show."), what_next=(phrase("Nothing needs to be done."),))
    assert as_text(answer, NL) == (
        "Niet gelukt: Er is niets te tonen.\n\nWat u nu kunt doen:\n  - U hoeft niets te doen.\n"
    )
    assert json.loads(as_json(answer, NL))["ok"] is False


# --- all of them


@pytest.mark.parametrize("words", [NL, EN], ids=["nl", "en"])
def test_the_same_facts_give_the_same_bytes(words: Words) -> None:
    def made() -> list[str | bytes]:
        report = build(facts(), View.PERSON)
        return [report_json(report, words), report_csv(report, words), report_text(report, words, width=100)]

    assert made() == made()


def test_what_is_postponed_is_in_no_format_by_itself() -> None:
    made = []
    for some in ((), (Deferred(Item("aaaa")),), (Deferred(Item("aaaa")), Deferred(Item("bbbb")))):
        report = build(replace(facts(), deferred=some), View.OPAQUE)
        made.append([report_json(report, EN), report_csv(report, EN), report_text(report, EN)])
    assert made[0] == made[1] == made[2]


def test_every_answer_of_the_port_can_be_said() -> None:
    assert [NL.name(each) for each in Support] == ["Ja", "Deels", "Nee"]
