"""A report as PDF and as workbook: read back by other software, whole, safe, and the same bytes each time."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import openpyxl
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.days import AMSTERDAM
from server.core.model import Reason
from server.core.reports.document import Report, digest
from server.core.reports.removals import Deferred, Item, View, build
from server.core.tables import Column, Kind, Section
from server.core.text import Share, Text, phrase
from server.render.formats import FORMATS
from server.render.printed import report_pdf
from server.render.words import Words
from server.render.workbook import report_xlsx
from tests.campaigns import examples
from tests.render.sample import NOW, facts

NL, EN = Words("nl"), Words("en")
TWO = (Column("a", phrase("Contactcode")), Column("b", phrase("Contactcode")))
HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "http://127.0.0.1/x", "{=1}", "<b>x</b>", "_x0041_", "a\x07b", "00123")


LOCAL = NOW.astimezone(AMSTERDAM).replace(tzinfo=None)
"""What the clock in Amsterdam shows: a workbook knows no zones."""


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def small(*rows: tuple[Any, ...], columns: tuple[Column, ...], **more: Any) -> Report:
    """A report whose only own section holds these rows."""
    section = Section("small", phrase("Removed"), columns=columns, rows=rows, **more)
    return replace(build(facts(), View.OPAQUE), sections=(section,))


# --- PDF


def reader(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """All text, blanks and hyphens at line ends taken out."""
    said = "\n".join(page.extract_text() for page in reader(pdf).pages)
    return re.sub(r"\s+", "", re.sub(r"[-\u00ad]\n", "", said))


def tags_of(pdf: bytes) -> list[str]:
    """Every structure tag, in reading order."""
    found: list[str] = []

    def walk(node: Any) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict):
            if "/S" in node:
                found.append(str(node["/S"]))
            if "/K" in node:
                walk(node["/K"])

    walk(reader(pdf).trailer["/Root"]["/StructTreeRoot"]["/K"])
    return found


@pytest.mark.parametrize(("words", "language"), [(NL, "nl"), (EN, "en")], ids=["nl", "en"])
def test_a_pdf_is_tagged_titled_and_in_its_language(words: Words, language: str) -> None:
    report = build(facts(), View.PERSON)
    root = reader(report_pdf(report, words)).trailer["/Root"]
    assert root["/Lang"] == language
    assert root["/MarkInfo"]["/Marked"] is True or root["/MarkInfo"]["/Marked"].value is True
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_object().get_data()
    meta = reader(report_pdf(report, words)).metadata
    assert meta is not None
    assert meta.title == " · ".join((words.say(report.title), report.organisation, words.write(report.period)))
    assert meta.creation_date == NOW


def test_every_table_of_a_pdf_has_marked_headings_and_every_section_a_heading() -> None:
    report = build(facts(), View.PERSON)
    tags = tags_of(report_pdf(report, EN))
    tables = [section for section in report.body if section.columns and section.rows]
    assert tags.count("/Table") == len(tables)
    assert tags.count("/TH") >= sum(len(section.columns) for section in tables)
    assert tags.count("/TR") >= sum(len(section.rows) + 1 for section in tables)
    assert tags.count("/H1") >= len(report.body)


@pytest.mark.parametrize("words", [NL, EN], ids=["nl", "en"])
@pytest.mark.parametrize("view", list(View))
def test_a_pdf_says_all_that_the_report_says(words: Words, view: View) -> None:
    report = build(facts(), view)
    said = text_of(report_pdf(report, words))

    def stands(text: str) -> bool:
        return re.sub(r"\s+", "", text).replace("-", "") in said.replace("-", "")

    sentences = [report.title, report.caveat, *(figure.label for figure in report.figures)]
    sentences += [figure.coverage for figure in report.figures]
    for section in report.body:
        sentences += [section.heading, *section.paragraphs, *section.notes]
        sentences += [column.heading for column in section.columns if section.rows]
        cells = [
            words.cell(value, column)
            for row in section.rows
            for value, column in zip(row, section.columns, strict=True)
        ]
        assert [cell for cell in cells if not stands(cell)] == []
    assert [words.say(each) for each in sentences if not stands(words.say(each))] == []
    assert stands(f"sha256:{digest(report)}")
    assert stands(words.write(report.period))
    assert stands(report.policies[0])


def test_pages_are_numbered_out_of_all() -> None:
    pdf = reader(report_pdf(build(facts(), View.PERSON), EN))
    count = len(pdf.pages)
    assert [f"Page {n} of {count}" in page.extract_text() for n, page in enumerate(pdf.pages, start=1)] == [
        True
    ] * count


def test_what_a_pdf_leaves_out_is_said() -> None:
    report = build(facts(), View.PERSON)
    said = text_of(report_pdf(report, EN, most=5))
    assert "Thefirst5of16linesarehere.Theworkbook,theCSVandtheJSONofthisreportholdthemall." in said
    assert "linesarehere" not in text_of(report_pdf(report, EN, most=16))


def test_nothing_in_the_data_becomes_part_of_how_the_page_is_made() -> None:
    hostile = '#panic("x") *bold* $x^2$ `raw` = Heading @ref <label> \\ // "quoted" #sys.inputs'
    report = small(
        (hostile, Text("{x}", (("x", hostile),))),
        columns=(Column("a", phrase("Contactcode")), Column("b", phrase("Contactcode"))),
    )
    said = text_of(report_pdf(replace(report, organisation=hostile, policies=(hostile,)), EN))
    assert said.count(re.sub(r"\s+", "", hostile)) >= 3


@settings(max_examples=examples(60), deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_can_be_printed(text: str) -> None:
    report = small((text or "x",), columns=(Column("a", phrase("Contactcode")),))
    assert report_pdf(replace(report, organisation=text), NL)[:5] == b"%PDF-"


def test_what_has_no_sign_in_the_fonts_is_shown_as_such_and_not_left_out() -> None:
    said = text_of(report_pdf(small(("a漢b",), columns=(Column("a", phrase("Contactcode")),)), EN))
    assert "a\ufffdb" in said


def test_what_is_postponed_is_neither_on_paper_nor_in_the_workbook_by_itself() -> None:
    report = build(replace(facts(), deferred=(Deferred(Item("aaaa")), Deferred(Item("bbbb")))), View.OPAQUE)
    lines = [line for page in reader(report_pdf(report, EN)).pages for line in page.extract_text().splitlines()]
    assert [line for line in lines if "aaaa" in line or "bbbb" in line] == []
    cells = {cell for sheet in sheets(report_xlsx(report, EN)).values() for row in sheet for cell in row}
    assert not cells & {"aaaa", "bbbb"}


# --- workbook


def sheets(made: bytes) -> dict[str, list[tuple[Any, ...]]]:
    """Every sheet, row by row, as other software reads it."""
    book = openpyxl.load_workbook(io.BytesIO(made))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def test_a_workbook_holds_the_whole_table_typed() -> None:
    columns = (
        Column("item", phrase("Contactcode")),
        Column("tries", phrase("Failed calls"), Kind.COUNT),
        Column("synced", phrase("Phones that synchronised it"), Kind.SHARE),
        Column("ordered_at", phrase("Scheduled"), Kind.INSTANT),
        Column("since", phrase("Since"), Kind.DATE),
        Column("reason", phrase("Why it has to go"), Kind.CODE),
        Column("read_at", phrase("Last read"), Kind.INSTANT, blank=phrase("Never")),
    )
    report = small(
        ("0a1f", 3, Share(1, 2), NOW, date(2026, 11, 22), Reason.FINALLY_CLOSED, None),
        ("0a2f", None, None, None, None, None, NOW),
        columns=columns,
        totals=(phrase("Not known"), 3, Share(1, 2), None, None, None, None),
        notes=(phrase("Nothing to show."),),
    )
    fetched = "Telefoons die het synchroniseerden"
    times = ("Ingepland", "Sinds", "Waarom het weg moet", "Laatst gelezen")
    headings = ("Contactcode", "Mislukte aanroepen", fetched, f"{fetched}: totaal", *times)
    closed = "De zaak is definitief afgesloten"
    assert sheets(report_xlsx(report, NL))["Verwijderd"] == [
        ("Verwijderd", None, None, None, None, None, None, None),
        (None,) * 8,
        headings,
        ("0a1f", 3, 1, 2, LOCAL, midnight(date(2026, 11, 22)), closed, "Nooit"),
        ("0a2f", None, None, None, None, None, None, LOCAL),
        ("Niet bekend", 3, 1, 2, None, None, None, "Nooit"),
        (None,) * 8,
        ("Er is niets te tonen.", None, None, None, None, None, None, None),
    ]  # fmt: skip


def test_the_first_sheet_says_what_the_report_is_and_its_figures() -> None:
    report = build(facts(), View.OPAQUE)
    first = sheets(report_xlsx(report, EN))["In short"]
    said = {row[0]: row[1:] for row in first if row[0]}
    assert said["Organisation"][0] == report.organisation
    assert said["Period"][:2] == (midnight(date(2026, 10, 1)), midnight(date(2026, 11, 22)))
    assert said["Made"][0] == LOCAL
    assert said["Policy"][0] == "tiny-2026-11"
    assert said["Hash (SHA-256)"][0] == f"sha256:{digest(report)}"
    assert EN.say(report.caveat) in said
    fetched = "5 of 8 phones synchronised after a removal."
    assert said["Copies on phones that are known to have synchronised"] == (12, 26, fetched)
    assert {EN.say(figure.label) for figure in report.figures} <= set(said)


def test_a_time_in_the_hour_that_comes_twice_keeps_its_distance() -> None:
    twice = (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    report = small(*((at,) for at in twice), columns=(Column("at", phrase("Scheduled"), Kind.INSTANT),))
    (heading, *found) = [row[0] for row in sheets(report_xlsx(report, EN))["Removed"][2 : 4 + 1]]
    assert (heading, found) == ("Scheduled", ["25 Oct 2026 02:30 (UTC+2)", "25 Oct 2026 02:30 (UTC+1)"])


def test_no_cell_of_a_workbook_is_a_formula_or_a_link() -> None:
    report = small(
        *((each, Text("{x}", (("x", each),))) for each in HOSTILE),
        columns=(Column("a", phrase("Contactcode")), Column("b", phrase("Contactcode"))),
    )
    made = report_xlsx(replace(report, organisation="=1+1", policies=("=cmd|' /C calc'!A0",)), EN)
    book = openpyxl.load_workbook(io.BytesIO(made))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert [cell.hyperlink for cell in cells if cell.hyperlink] == []
    rows = {row[0]: row[1] for row in sheets(made)["Removed"]}
    assert {key: rows[key] for key in HOSTILE if key != "a\x07b"} == {key: key for key in HOSTILE if key != "a\x07b"}
    assert rows["a\ufffdb"] == "a\ufffdb"


def test_two_sections_of_one_name_have_a_sheet_each() -> None:
    long = Text("A heading: with [signs] that / no sheet * may have, and longer than a sheet's name")
    report = replace(
        build(facts(), View.OPAQUE),
        sections=tuple(
            Section(f"s{n}", long, columns=(Column("a", phrase("Contactcode")),), rows=((f"x{n}",),)) for n in (1, 2)
        ),
    )
    names = list(sheets(report_xlsx(report, EN)))
    assert names[2:4] == ["A heading with signs that no sh", "A heading with signs that no 2"]


# --- both


@pytest.mark.parametrize("ending", sorted(FORMATS))
@pytest.mark.parametrize("words", [NL, EN], ids=["nl", "en"])
def test_the_same_facts_give_the_same_bytes_in_every_form(ending: str, words: Words) -> None:
    made = [FORMATS[ending].write(build(facts(), View.PERSON), words) for _ in range(2)]
    assert made[0] == made[1]


def test_another_process_writes_the_same_bytes() -> None:
    code = (
        "import hashlib, sys\n"
        "from server.core.reports.removals import View, build\n"
        "from server.render.formats import FORMATS\n"
        "from server.core.days import AMSTERDAM\n"
        "from server.render.words import Words\n"
        "from tests.render.sample import facts\n"
        "for ending in ('pdf', 'xlsx'):\n"
        "    print(hashlib.sha256(FORMATS[ending].write(build(facts(), View.OPAQUE), Words('nl'))).hexdigest())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"TZ": zone, "PYTHONHASHSEED": seed},
        ).stdout
        for zone, seed in (("UTC", "1"), ("Asia/Tokyo", "2"))
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].split()) == 2
