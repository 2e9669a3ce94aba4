"""Cells of workbooks as several libraries write them: what is no text is read as what it means, or is a fault."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from server.sources.mapping import parse_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow
from tests.sources.conftest import HEADER, SMALL, STAMP, small, tell


def local(*parts: int) -> datetime:
    """A moment as a spreadsheet keeps it: without a zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


COLUMNS = HEADER.split(";")
DAY = local(2025, 1, 6)
ROW: dict[str, object] = {
    "Zaak": "204117",
    "Fase": "Onderzoek",
    "Start": DAY,
    "Persoon": "A",
    "Soort": "Cliënt",
    "Telefoon": "06-12345601",
    "Medewerker": "worker-01",
    "Vanaf": DAY,
}
CLOSED: dict[str, object] = {"Fase": "Gesloten", "Afgerond": local(2025, 2, 1)}


@pytest.fixture
def book(tmp_path):
    """Writes rows as a workbook by openpyxl and returns its path."""

    def write(*rows: dict[str, object], columns=COLUMNS, change=lambda _: None, **how: object) -> Path:
        path = tmp_path / f"cases-{STAMP}.xlsx"
        made = openpyxl.Workbook(**how)
        sheet = made.active
        sheet.append(columns)
        for row in rows:
            sheet.append([{**ROW, **row}.get(name) for name in columns])
        change(made)
        made.save(path)
        return path

    return write


def row_of(told, kind):
    return next(row for row in told.rows if isinstance(row, kind))


ERRORS = ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("column", ["Telefoon", "Zaak", "Fase", "Afgerond", "Tot", "Persoon", "Medewerker"])
def test_an_error_of_a_spreadsheet_is_a_fault_in_whatever_column_is_read(book, error, column):
    told = tell([book({"Zaak": "204118"}, {column: error})], small())
    assert [(problem, line) for problem, line, _ in told.problems] == [("error_cell", 3)]
    assert f"({column})" in told.faults[0].advice()
    assert [row.number for row in told.rows if isinstance(row, CaseRow)] == ["204118"]


@pytest.mark.parametrize(
    "error", [*ERRORS, "#VERW!", "#WAARDE!", "#DEEL/0!", "#NAAM?", "#N/B", "########", "Err:502", "Fout:508"]
)
def test_the_same_error_in_a_csv_is_the_same_fault(lay, error):
    line = f"204117;Onderzoek;06-01-2025;;A;Cliënt;{error};worker-01;06-01-2025;"
    assert tell([lay(line)], small()).problems == [("error_cell", 2, "contact.values.1")]


def test_an_error_that_nobody_reads_is_no_fault_and_neither_is_one_on_another_sheet(book):
    def another(made):
        made.create_sheet("Lookup").append([None] * 6 + ["#N/A"])
        made["Lookup"].append([None] * 6 + ["#N/A"])

    kind = small().files[0].model_copy(update={"sheet": "Sheet"})
    mapping = small().model_copy(update={"files": [kind]})
    told = tell([book({"Team": "#N/A"}, columns=[*COLUMNS, "Team"], change=another)], mapping)
    assert told.problems == []


def test_each_formula_is_a_fault_however_many_there_are(tmp_path):
    path = tmp_path / f"cases-{STAMP}.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for line, cells in enumerate([COLUMNS, *[[*map(str, ROW.values())]] * 0]):
            sheet.write_row(line, 0, cells)
        for line in range(1, 1_500):
            sheet.write_row(line, 0, [str(204_117 + line), "Triage", "", "", "A", "Cliënt", "", "worker-01"])
            sheet.write_formula(line, 6, '="06"&"12345601"', value="0612345601")
    told = tell([path], small())
    assert (told.count, told.rows) == (1_499, [])


def test_a_formula_of_a_format_is_none_of_a_cell(book):
    def colour(made):
        rule = openpyxl.formatting.rule.FormulaRule(formula=["$A2>1"])
        made.active.conditional_formatting.add("A2:A9", rule)
        made.active.add_data_validation(openpyxl.worksheet.datavalidation.DataValidation(type="list", formula1='"a,b"'))

    assert tell([book({}, change=colour)], small()).problems == []


def test_a_cell_that_was_merged_with_the_one_above_it_is_a_fault(book):
    path = book({}, {"Zaak": None}, {"Zaak": "204118"}, change=lambda made: made.active.merge_cells("A2:A3"))
    told = tell([path], small())
    assert told.problems == [("merged_cells", 3, None)]
    assert [row.number for row in told.rows if isinstance(row, CaseRow)] == ["204117", "204118"]


@pytest.mark.parametrize("mark", ['"', "''", "”", "„", ",,", '-"-', '" "', "idem", "Idem.", "ditto", "〃", "zie boven"])
@pytest.mark.parametrize("column", ["Medewerker", "Fase", "Zaak", "Vanaf", "Soort", "Persoon"])
def test_a_mark_for_the_same_as_above_is_a_fault(book, mark, column):
    told = tell([book({}, {"Zaak": "204118", column: mark})], small())
    assert [(problem, line) for problem, line, _ in told.problems] in ([("ditto", 3)], [("missing_value", 3)])
    assert [row.number for row in told.rows if isinstance(row, CaseRow)] == ["204117"]


# --- dates ------------------------------------------------------------------------------------------------------------

END_OF_DAY = datetime(2025, 2, 1, 23, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-120, -44, -28, -1, 0, 1, 28, 44, 120])
def test_a_day_that_was_written_beside_midnight_is_that_day(book, seconds):
    told = tell([book(CLOSED | {"Afgerond": local(2025, 2, 1) + timedelta(seconds=seconds)})], small())
    assert (told.problems, row_of(told, CaseRow).closed_at) == ([], END_OF_DAY)


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        (date(2025, 2, 1), END_OF_DAY),
        (local(2025, 2, 1, 23, 57), datetime(2025, 2, 1, 22, 57, tzinfo=UTC)),
        (local(2025, 2, 1, 12, 0, 0), datetime(2025, 2, 1, 11, tzinfo=UTC)),
        ("01-02-2025", END_OF_DAY),
    ],
)
def test_other_moments_are_what_they_say(book, cell, instant):
    mapping = parse_mapping(SMALL.format(mode="full", needs_client="false"), "small.yaml")
    told = tell([book(CLOSED | {"Afgerond": cell})], mapping)
    assert (told.problems, row_of(told, CaseRow).closed_at) == ([], instant)


@pytest.mark.parametrize("how", ["iso", "1904"])
def test_days_written_as_text_or_from_1904_are_the_same_days(book, how):
    def change(made):
        if how == "iso":
            made.iso_dates = True
        else:
            made.epoch = CALENDAR_MAC_1904

    told = tell([book(CLOSED, change=change)], small())
    assert (told.problems, row_of(told, CaseRow).closed_at) == ([], END_OF_DAY)
    assert row_of(told, AssignmentRow).from_at == datetime(2025, 1, 5, 23, tzinfo=UTC)


@pytest.mark.parametrize("cell", [45_689, 45_689.5, time(12), timedelta(hours=30), True, "45689"])
def test_what_is_no_date_is_none_though_a_spreadsheet_might_show_it_as_one(book, cell):
    told = tell([book(CLOSED | {"Afgerond": cell})], small())
    assert [(problem, field) for problem, _, field in told.problems] == [("bad_date", "case.closed_at")]


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [612345601, 612345601.0, 31612345601, "0612345601"])
def test_a_whole_number_is_its_digits(book, cell):
    told = tell([book({"Telefoon": cell, "Zaak": 204117.0})], small())
    assert (told.problems, row_of(told, ContactRow).value) == ([], str(cell).removesuffix(".0"))


@pytest.mark.parametrize("cell", [6.12345601, 612345601.5, 6.1e20, "6,12E+08", "612345601.0", "612345601,0"])
def test_a_number_that_a_spreadsheet_changed_is_a_fault(book, cell):
    told = tell([book({"Telefoon": cell})], small())
    assert told.problems == [("shortened_number", 2, "contact.values.1")]


@pytest.mark.parametrize(
    "cell",
    [local(1980, 2, 1), local(1980, 2, 1, 9, 30), "01-02-1980", "1/2/1980", "1980-02-01", "01.02.1980 00:00"],
)
def test_a_date_among_numbers_is_no_number(book, cell):
    told = tell([book({"Telefoon": cell})], small())
    assert told.problems == [("date_as_identifier", 2, "contact.values.1")]


# --- yes and no -------------------------------------------------------------------------------------------------------

YES: list[object] = [True, 1, 1.0, "ja", "J", "Yes", "y", "waar", "WAAR", "true", "x", "X", "1", "1.0", "1,0", " ja "]
NO: list[object] = [False, 0, 0.0, "nee", "N", "No", "neen", "onwaar", "FALSE", "0", "0.0"]
NEITHER: list[object] = [2, 0.5, "?", "misschien", "10", "✓", "ja/nee", local(2025, 1, 6)]
ANSWERING = (
    SMALL.replace("recorded: {{headers: [Vastgelegd], optional: true}}", "recorded: [Vastgelegd]")
    .replace(
        "closed_at: [Afgerond]", "closed_at: [Afgerond]\n      closed_only_if: {{column: [Bevestigd], says: [ja]}}"
    )
    .replace("class: [Soort]", "class: [Soort]\n      linked: [Zeker]")
)
ANSWERS = ("Vastgelegd", "Bevestigd", "Zeker")


def answers_of(book, **cells: object) -> tuple[object, ...]:
    """What the columns that answer come to, or the problems."""
    row = CLOSED | dict.fromkeys(ANSWERS, "ja") | cells
    mapping = parse_mapping(ANSWERING.format(mode="full", needs_client="false"), "small.yaml")
    told = tell([book(row, columns=[*COLUMNS, *ANSWERS])], mapping)
    if told.problems:
        return tuple((problem, field) for problem, _, field in told.problems)
    case = row_of(told, CaseRow)
    return case.recorded, case.closed_at is not None, row_of(told, ContactRow).linked


@pytest.mark.parametrize("cell", YES, ids=repr)
def test_yes_is_yes_in_every_column(book, cell):
    assert answers_of(book, Vastgelegd=cell, Bevestigd=cell, Zeker=cell) == (True, True, True)


@pytest.mark.parametrize("cell", NO, ids=repr)
def test_no_is_no_in_every_column(book, cell):
    assert answers_of(book, Vastgelegd=cell, Bevestigd=cell, Zeker=cell) == (False, False, False)


@pytest.mark.parametrize("cell", NEITHER, ids=repr)
def test_what_is_neither_is_a_fault_in_every_column(book, cell):
    assert answers_of(book, Vastgelegd=cell) == (("unknown_answer", "case.recorded"),)
    assert answers_of(book, Bevestigd=cell) == (("unknown_condition", "case.closed_only_if"),)
    assert answers_of(book, Zeker=cell) == (("unknown_answer", "contact.linked"),)


def conditional(says: str) -> str:
    return ANSWERING.replace("says: [ja]", says).format(mode="full", needs_client="false")


@pytest.mark.parametrize(
    ("says", "cell", "confirmed"),
    [
        ("says: [verzonden]", "Verzonden", True),
        ("says: [verzonden]", "", False),
        ("says: [verzonden]", "nee", False),
        ("says: [verzonden]", "ja", None),
        ("says: [verzonden]", "concept", None),
        ("says: [verzonden], says_not: [concept]", "concept", False),
        ("says: [nee]", "nee", True),
        ("says: [nee]", "onwaar", True),
        ("says: [nee]", "ja", False),
    ],
)
def test_a_condition_has_its_own_words_and_guesses_at_no_other(book, says, cell, confirmed):
    mapping = parse_mapping(conditional(says), "small.yaml")
    row = CLOSED | {"Vastgelegd": "ja", "Zeker": "ja", "Bevestigd": cell}
    told = tell([book(row, columns=[*COLUMNS, *ANSWERS])], mapping)
    if confirmed is None:
        assert told.problems == [("unknown_condition", 2, "case.closed_only_if")]
    else:
        assert (told.problems, row_of(told, CaseRow).closed_at is not None) == ([], confirmed)


# --- what means empty -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell", ["NULL", "null", " Null ", "-", "31-12-9999", "31-12-9999 00:00", local(9999, 12, 31), "00-00-0000"]
)
def test_a_mapping_names_what_means_empty(book, cell):
    text = SMALL.format(mode="full", needs_client="false") + 'empty: ["NULL", "-", 31-12-9999, 00-00-0000]\n'
    told = tell([book({"Tot": cell, "Afgerond": cell})], parse_mapping(text, "small.yaml"))
    assert told.problems == []
    assert (row_of(told, AssignmentRow).until_at, row_of(told, CaseRow).closed_at) == (None, None)
    assert tell([book({"Tot": cell})], small()).problems != []


# --- workbooks as files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["content.xml", "xl/workbook.bin"], ids=["ods", "xlsb"])
def test_a_workbook_of_another_kind_is_refused_with_the_way_out(tmp_path, member):
    path = tmp_path / f"cases-{STAMP}.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(member, "<office:document-content/>")
    told = tell([path], small())
    assert told.problems[0] == ("other_workbook", None, None)
    assert "XLSX" in told.faults[0].advice()


def test_a_sheet_whose_names_carry_a_prefix_is_read_the_same(book, tmp_path):
    path = book(CLOSED)
    changed = tmp_path / f"other-{STAMP}.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name).decode() if name.endswith((".xml", ".rels")) else old.read(name)
            if name.startswith("xl/worksheets/"):
                data = data.replace('xmlns="', 'xmlns:x="').replace("<", "<x:").replace("<x:/", "</x:")
                data = data.replace("<x:?xml", "<?xml")
            new.writestr(name, data)
    assert tell([changed], small()).rows == tell([path], small()).rows != []
