"""Each kind of bad input has its own fault with line and field, spoils nothing else, and never shows a cell."""

import os
import zipfile
from datetime import UTC, date, datetime

import pytest
import xlsxwriter

from server.core.model import ContactClass, Phase
from server.sources import case_file, tables
from server.sources.case_file import open_export, read
from server.sources.rows import ADVICE, AssignmentRow, CaseRow, ContactRow, Problem
from tests.sources.conftest import HEADER, SOUND, STAMP, small, tell

OTHER = "204118;Triage;07-01-2025;;A;Cliënt;06-12345602;worker-02;07-01-2025;"
SOUND_ROWS = [
    CaseRow(2, "204117", Phase.INVESTIGATION, date(2025, 1, 6)),
    ContactRow(2, "204117", "A", ContactClass.CLIENT, "06-12345601"),
    AssignmentRow(2, "204117", "worker-01", "", datetime(2025, 1, 5, 23, tzinfo=UTC)),
]


def with_cell(column, text):
    """The second row with another text in one column."""
    cells = OTHER.split(";")
    cells[HEADER.split(";").index(column)] = text
    return ";".join(cells)


BAD_CELLS = [
    ("Fase", "Onbekend", "unknown_phase", "case.phase"),
    ("Fase", "", "missing_value", "case.phase"),
    ("Start", "01-01-0001", "absurd_date", "case.opened_on"),
    ("Start", "01-01-1899", "absurd_date", "case.opened_on"),
    ("Vanaf", "01-01-2099", "absurd_date", "assignment.from"),
    ("Start", "31-02-2025", "bad_date", "case.opened_on"),
    ("Start", "gisteren", "bad_date", "case.opened_on"),
    ("Vanaf", "", "missing_value", "assignment.from"),
    ("Medewerker", "", "missing_value", "assignment.worker"),
    ("Afgerond", "05-03-2025", "future_closure", "case.closed_at"),
    ("Tot", "06-01-2025 12:00", "ends_before_start", "assignment.until"),
    ("Soort", "Buurvrouw", "unknown_class", "contact.class"),
    ("Soort", "", "missing_value", "contact.class"),
    ("Persoon", "Moeder van A", "bad_person_code", "contact.person"),
    ("Zaak", "06-12345602", "bad_case_number", "case_number"),
    ("Zaak", "", "contact_without_case", "case_number"),
    ("Telefoon", "=cmd|' /C calc'!A0", "formula", "contact.values.1"),
    ("Telefoon", "@SUM(1)", "formula", "contact.values.1"),
    ("Telefoon", "+cmd|' /C calc'!A0", "formula", "contact.values.1"),
    ("Medewerker", '"=1+1"', "formula", "assignment.worker"),
    ("Telefoon", "6,12346E+08", "shortened_number", "contact.values.1"),
    ("Telefoon", '"06-12345602\n06-12345603"', "line_break", "contact.values.1"),
    ("Telefoon", "0" * 201, "too_long", "contact.values.1"),
]


@pytest.mark.parametrize(("column", "text", "problem", "field"), BAD_CELLS)
def test_a_bad_cell_is_told_with_line_and_field_and_spoils_its_row_alone(lay, column, text, problem, field):
    told = tell([lay(SOUND, with_cell(column, text))], small())
    assert told.problems == [(problem, 3, field)]
    assert told.rows == SOUND_ROWS
    assert dict(told.faults[0].hints).get("column") in {str(HEADER.split(";").index(column) + 1), None}


def test_a_plus_before_digits_is_a_number_and_no_formula(lay):
    told = tell([lay(with_cell("Telefoon", "+31 (0)6 12345602"), with_cell("Telefoon", "+ 31 6 12345602"))], small())
    assert told.problems == []
    assert [row.value for row in told.rows if isinstance(row, ContactRow)] == ["+31 (0)6 12345602", "+ 31 6 12345602"]


def test_an_unknown_header_is_told_by_its_column_and_never_by_its_text(lay):
    path = lay(SOUND + ";x", header=HEADER + ";06-12345699")
    told = tell([path], small())
    assert told.problems == [("unknown_header", 1, None), ("missing_file", None, None)]
    assert dict(told.faults[0].hints) == {"column": "11"}
    assert told.rows == []


def test_a_missing_column_names_the_headers_that_would_do(lay):
    told = tell([lay("204117;Triage", header="Zaak;Status")], small())
    assert ("missing_column", 1, "case.phase") in told.problems
    assert "(Fase)" in next(fault for fault in told.faults if fault.field == "case.phase").advice()


def test_a_header_that_stands_twice_is_told(lay):
    told = tell([lay(SOUND + ";Triage", header=HEADER + ";FASE")], small())
    assert told.problems[0] == ("duplicate_header", 1, "case.phase")


def test_half_a_row_is_told_and_the_others_are_read(lay):
    told = tell([lay(SOUND, "204118;Triage;07-01", "204119;Triage" + ";" * 8 + ";more")], small())
    assert told.problems == [("half_row", 3, None), ("half_row", 4, None)]
    assert dict(told.faults[0].hints) == {"found": "3", "expected": "10"}
    assert told.rows == SOUND_ROWS


def test_blank_lines_and_empty_cells_at_the_end_are_no_fault(lay):
    told = tell([lay(SOUND, "", ";" * 9, SOUND.replace("204117", "204118") + ";;;")], small())
    assert told.problems == []
    assert [row.number for row in told.rows if isinstance(row, CaseRow)] == ["204117", "204118"]


def test_two_rows_that_contradict_are_told_with_both_lines(lay):
    told = tell([lay(SOUND, OTHER, SOUND.replace("Onderzoek", "Gesloten"))], small())
    assert told.problems == [("contradiction", 4, "case.phase")]
    assert dict(told.faults[0].hints)["other"] == "2"


@pytest.mark.parametrize("closure", ["01-02-2025", "01-02-2025 12:00"])
def test_two_rows_with_different_closures_contradict(lay, closure):
    first = SOUND.replace("Onderzoek;06-01-2025;", "Gesloten;06-01-2025;02-02-2025")
    second = SOUND.replace("Onderzoek;06-01-2025;", f"Gesloten;06-01-2025;{closure}").replace(";A;", ";B;")
    assert tell([lay(first, second)], small()).problems == [("contradiction", 3, "case.phase")]


def test_a_contradiction_is_found_among_thousands_of_cases(lay):
    many = [with_cell("Zaak", str(number)) for number in range(300_000, 305_000)]
    late = with_cell("Zaak", "302345").replace("Triage", "Onderzoek")
    bare = "305001;Triage;;;;;;;;"
    told = tell([lay(*many, late, bare)], small(needs_client=True))
    assert told.problems == [("contradiction", 5_002, "case.phase"), ("case_without_client", 5_003, "contact.class")]
    assert dict(told.faults[0].hints)["other"] == "2347"


def test_in_an_export_of_changes_the_later_row_is_the_news(lay):
    told = tell([lay(SOUND, SOUND.replace("Onderzoek", "Gesloten"))], small("changes"))
    assert told.problems == []
    assert [row.phase for row in told.rows if isinstance(row, CaseRow)] == [Phase.INVESTIGATION, Phase.CLOSED]


def test_a_contradiction_across_two_files_names_the_other_file(lay):
    first = lay(SOUND)
    second = lay(SOUND.replace("Onderzoek", "Triage"), name=f"more-{STAMP}.csv")
    told = tell([first, second], small())
    assert told.problems == [("contradiction", 2, "case.phase")]
    assert dict(told.faults[0].hints)["other"] == f"2 (cases-{STAMP}.csv)"


def test_a_case_without_client_is_a_fault_only_where_the_mapping_says_so(lay):
    path = lay(SOUND, "204118;Triage;;;;Huisarts;020-1230001;;;", "204119;Triage;;;;;;;;")
    assert tell([path], small()).problems == []
    told = tell([path], small(needs_client=True))
    assert told.problems == [("case_without_client", 3, "contact.class"), ("case_without_client", 4, "contact.class")]


def test_a_contact_of_the_whole_organisation_needs_no_case(lay):
    told = tell([lay(SOUND, ";;;;;Collega;06-55550001;;;")], small())
    assert told.problems == []
    assert told.rows[-1] == ContactRow(3, None, None, ContactClass.COLLEAGUE, "06-55550001")


def test_an_empty_file_is_told(lay):
    assert tell([lay(b"")], small()).problems == [("empty", None, None), ("missing_file", None, None)]
    assert tell([lay(b"\r\n\r\n")], small()).problems == [("empty", None, None), ("missing_file", None, None)]


def test_a_full_export_of_no_cases_is_not_believed(lay):
    assert tell([lay()], small()).problems == [("no_rows", None, None)]
    assert tell([lay()], small("changes")).problems == []


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert tell([tmp_path / f"cases-{STAMP}.csv"], small()).problems[0] == ("unreadable", None, None)
    assert tell([tmp_path], small()).problems[0] == ("unreadable", None, None)


def test_a_file_that_grows_while_it_is_read_is_told_and_what_was_appended_is_not_read(lay):
    path = lay(*[with_cell("Zaak", f"{number}") for number in range(300_000, 312_000)])
    export = open_export([path], small())
    batches = read(export)
    seen = [next(batches)]
    with path.open("ab") as file:
        file.write(SOUND.encode() + b"\r\n")
    seen.extend(batches)
    assert [(fault.problem, fault.line) for batch in seen for fault in batch.faults] == [
        (Problem.CHANGED_WHILE_READ, None)
    ]
    assert "204117" not in {row.number for batch in seen for row in batch.rows if isinstance(row, CaseRow)}


def test_a_file_that_grew_between_looking_and_reading_is_told(lay):
    path = lay(SOUND)
    export = open_export([path], small())
    path.write_bytes(path.read_bytes() + OTHER.encode())
    assert [fault.problem for batch in read(export) for fault in batch.faults] == [Problem.CHANGED_WHILE_READ]


def test_a_file_that_another_took_the_place_of_is_told(lay, tmp_path):
    path = lay(SOUND)
    export = open_export([path], small())
    stamp = path.stat()
    new = lay(SOUND.replace("204117", "204119"), name="new.csv")
    os.utime(new, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    new.replace(path)
    assert [fault.problem for batch in read(export) for fault in batch.faults] == [Problem.CHANGED_WHILE_READ]


def test_a_nul_byte_is_told_with_its_line(lay):
    raw = f"{HEADER}\r\n{SOUND}\r\n".encode() + b"2041\x0018;Triage\r\n"
    assert tell([lay(raw)], small()).problems[0] == ("nul_byte", 3, None)


def test_the_wrong_encoding_is_told_with_its_line(lay):
    mapping = small().model_copy(update={"encoding": tables.Encoding.UTF_8})
    told = tell([lay(SOUND, OTHER, encoding="cp1252")], mapping)
    assert told.problems[0] == ("wrong_encoding", 2, None)


def test_bytes_that_no_encoding_knows_are_told(lay):
    raw = f"{HEADER}\r\n".encode() + SOUND.encode("cp1252") + b"\x81\r\n"
    assert tell([lay(raw)], small()).problems[0] == ("wrong_encoding", 2, None)


def test_a_quote_that_is_never_closed_is_told_with_the_line_it_opens_on(lay):
    short = tell([lay(SOUND, with_cell("Telefoon", '"06-12345602'), SOUND)], small())
    assert short.problems == [("open_quote", 3, None)]
    long = tell([lay(SOUND, with_cell("Telefoon", '"06-12345602'), *[SOUND] * 5_000)], small())
    assert long.problems == [("open_quote", 3, None)]


def test_quotes_that_do_not_fit_spoil_their_row_alone(lay):
    told = tell([lay(SOUND, with_cell("Telefoon", '"06-12345602"x'), SOUND.replace("204117", "204119"))], small())
    assert told.problems == [("bad_quote", 3, None)]
    assert [row.number for row in told.rows if isinstance(row, CaseRow)] == ["204117", "204119"]


def test_a_line_without_end_is_told_before_it_reaches_memory(lay):
    raw = f"{HEADER}\r\n".encode() + b"x" * (tables.MAX_LINE * 3)
    assert tell([lay(raw)], small()).problems[0] == ("line_too_long", 2, None)


def test_a_line_that_is_too_long_only_together_with_the_chunk_before_is_told(lay):
    raw = f"{HEADER}\r\n".encode() + b"x" * (tables.MAX_LINE + 1_000) + b"\r\n"
    assert tell([lay(raw)], small()).problems[0] == ("line_too_long", 2, None)


def test_a_quote_that_closes_hundreds_of_lines_later_was_not_closed_in_time(lay):
    told = tell([lay(SOUND, with_cell("Telefoon", '"06-12345602' + "\n" * 300 + '"'), SOUND)], small())
    assert told.problems == [("open_quote", 3, None)]


def test_a_file_without_the_time_of_export_in_its_name_is_told(lay):
    assert tell([lay(SOUND, name="cases.csv")], small()).problems == [("no_time_of_export", None, None)]


def test_rows_that_hang_on_a_case_the_full_export_lacks_are_told(tmp_path):
    files = {
        "cases": "case number,phase,opened on,final closure confirmed at\n204117,triage,2025-01-06,\n",
        "contacts": "case number,class,person code,value\n204117,client,A,0612345601\n204999,client,A,0612345602\n",
        "assignments": "case number,worker,assigned from,assigned until\n204998,worker-01,2025-01-06,\n",
    }
    paths = []
    for name, text in files.items():
        paths.append(tmp_path / f"{name}-{STAMP}.csv")
        paths[-1].write_text(text)
    told = tell(paths, "generic-en")
    assert told.problems == [("case_not_in_export", 3, "case_number"), ("case_not_in_export", 2, "case_number")]
    assert [fault.file for fault in told.faults] == [paths[1].name, paths[2].name]
    assert tell(paths[:2], "generic-en").problems[0] == ("missing_file", None, None)


def test_faults_are_bounded_and_counted_and_no_kind_hides_another(lay, monkeypatch):
    told = tell([lay(*[with_cell("Fase", "x")] * 3_000, with_cell("Start", "x"))], small())
    assert told.count == 3_001
    assert [fault.problem for fault in told.faults] == [Problem.UNKNOWN_PHASE] * 20 + [Problem.BAD_DATE]


def test_more_cases_than_are_held_in_memory_end_the_reading(lay, monkeypatch):
    monkeypatch.setattr(case_file, "MAX_CASES", 3)
    told = tell([lay(*[with_cell("Zaak", f"{number}") for number in range(300_000, 300_005)])], small())
    assert told.problems == [("too_many_cases", 5, None)]


# --- Workbooks --------------------------------------------------------------------------------------------------------


def workbook(path, *rows, sheets=1):
    with xlsxwriter.Workbook(path) as book:
        for nth in range(sheets):
            sheet = book.add_worksheet(f"Sheet {nth + 1}")
            for index, cells in enumerate(rows):
                sheet.write_row(index, 0, cells)
    return path


ROWS = [HEADER.split(";"), SOUND.split(";")]


def test_a_formula_in_a_workbook_is_told_and_never_read(tmp_path):
    path = tmp_path / f"cases-{STAMP}.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for index, cells in enumerate([*ROWS, OTHER.split(";")]):
            sheet.write_row(index, 0, cells)
        sheet.write_formula(2, 6, "=1+1", value="06-12345602")
    told = tell([path], small())
    assert told.problems == [("formula", 3, None)]
    assert dict(told.faults[0].hints) == {"column": "7"}
    assert told.rows == SOUND_ROWS


def test_a_zip_bomb_is_told_before_it_is_unpacked(tmp_path):
    path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b"<worksheet>" + b" " * 30_000_000)
    assert path.stat().st_size < 100_000
    assert tell([path], small()).problems[0] == ("workbook_too_large", None, None)


def test_a_bomb_that_lies_about_its_size_is_told(tmp_path):
    path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b"<worksheet>" + b" " * 30_000_000)
    raw = path.read_bytes()
    honest = (30_000_011).to_bytes(4, "little")
    assert raw.count(honest) == 2
    path.write_bytes(raw.replace(honest, (1_000).to_bytes(4, "little")))
    assert tell([path], small()).problems[0] == ("broken_workbook", None, None)


def test_one_cell_in_the_last_corner_of_a_sheet_is_told(tmp_path):
    path = tmp_path / f"cases-{STAMP}.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write(1_048_575, 16_383, "x")
    assert tell([path], small()).problems[0] == ("workbook_too_large", None, None)


def test_a_workbook_larger_than_the_limit_is_told_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_ZIP", 1_000)
    told = tell([workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)], small())
    assert told.problems[0] == ("workbook_too_large", None, None)
    assert "CSV" in told.faults[0].advice()


def test_an_external_entity_in_a_workbook_is_refused(tmp_path):
    path = tmp_path / f"cases-{STAMP}.xlsx"
    source = workbook(tmp_path / "source.xlsx", *ROWS)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.startswith("xl/worksheets/"):
                data = data.replace(
                    b"<worksheet", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet', 1
                )
            new.writestr(name, data)
    assert tell([path], small()).problems[0] == ("broken_workbook", None, None)


def test_a_damaged_workbook_is_a_fault_and_never_a_crash(tmp_path, draws):
    for rng in draws(8):
        path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)
        raw = bytearray(path.read_bytes())
        for _ in range(40):
            raw[rng.randrange(4, len(raw))] = rng.randrange(256)
        path.write_bytes(raw)
        told = tell([path], small())
        # A damaged mark may say of a part that it is locked.
        kinds = {"broken_workbook", "workbook_too_large", "missing_file", "old_workbook"}
        assert {problem for problem, _, _ in told.problems} <= kinds
        assert told.faults or told.rows == SOUND_ROWS


@pytest.mark.parametrize("name", ["xl/_rels/workbook.xml.rels", "xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_of_which_a_part_is_said_to_be_locked_is_told(tmp_path, name):
    path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(name.encode()))  # its place in the directory at the end
    raw[at + 8] |= 1
    path.write_bytes(raw)
    assert tell([path], small()).problems[0] == ("old_workbook", None, None)


@pytest.mark.parametrize("method", [0, 6, 9, 12, 14, 95, 99])
def test_a_workbook_of_which_a_part_is_said_to_be_packed_in_another_way_is_damaged(tmp_path, method):
    path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"xl/worksheets/sheet1.xml"))
    raw[at + 10 : at + 12] = method.to_bytes(2, "little")
    path.write_bytes(raw)
    assert tell([path], small()).problems[0] == ("broken_workbook", None, None)


def test_a_workbook_of_which_a_part_does_not_unpack_is_damaged(tmp_path):
    path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/media/more", b"\x09\x14\x05\x00" + b"\xff" * 40)
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"xl/media/more"))
    raw[at + 10] = zipfile.ZIP_LZMA
    path.write_bytes(raw)
    assert tell([path], small()).problems[0] == ("broken_workbook", None, None)


def test_a_workbook_whose_parts_are_said_to_lie_before_its_beginning_is_damaged(tmp_path):
    path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)
    raw = path.read_bytes()
    further = int.from_bytes(raw[-6:-2], "little") + 1_000  # where its directory is said to begin
    path.write_bytes(raw[:-6] + further.to_bytes(4, "little") + raw[-2:])
    assert tell([path], small()).problems[0] == ("broken_workbook", None, None)


def test_a_sound_workbook_gives_the_rows_of_the_same_csv(tmp_path):
    assert tell([workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS)], small()).rows == SOUND_ROWS


def test_an_old_or_locked_workbook_is_told(lay):
    raw = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
    assert tell([lay(raw, name=f"cases-{STAMP}.xls")], small()).problems[0] == ("old_workbook", None, None)


def test_a_workbook_with_two_sheets_needs_to_be_told_which(tmp_path):
    path = workbook(tmp_path / f"cases-{STAMP}.xlsx", *ROWS, sheets=2)
    assert tell([path], small()).problems[0] == ("several_sheets", None, None)
    kind = small().files[0].model_copy(update={"sheet": "Sheet 2"})
    assert tell([path], small().model_copy(update={"files": [kind]})).rows == SOUND_ROWS
    absent = kind.model_copy(update={"sheet": "Sheet 3"})
    assert tell([path], small().model_copy(update={"files": [absent]})).problems[0] == ("missing_sheet", None, None)


# --- What no fault may do ---------------------------------------------------------------------------------------------

CANARIES = ("canary", "0687654321", "687654321", "999888")


def test_no_fault_shows_what_a_cell_held(lay):
    lines = [SOUND]
    for column in HEADER.split(";"):
        lines += [with_cell(column, text) for text in ("canary", "=canary", "0687654321", "999888", "6,87654321E+08")]
    lines += ["canary;0687654321", '"canary', "0687654321"]
    shown = ""
    for path in (
        lay(*lines),
        lay(*lines, header=HEADER + ";canary", name=f"other-{STAMP}.csv"),
        lay("canary;0687654321", header="0687654321;canary", name=f"third-{STAMP}.csv"),
        lay(b"canary\0" * 9, name=f"fourth-{STAMP}.csv"),
    ):
        told = tell([path], small())
        assert told.faults
        shown += "".join(f"{fault!r} {fault.advice()}" for fault in told.faults)
        shown += "".join(f"{row!r}" for row in told.rows if isinstance(row, ContactRow) and row.case_number is None)
    assert [canary for canary in CANARIES if canary in shown] == []


def test_the_value_of_a_contact_is_not_in_its_repr():
    assert "0687654321" not in repr(ContactRow(1, "204117", "A", ContactClass.CLIENT, "0687654321"))


def test_every_problem_has_advice_that_says_what_to_do():
    assert set(ADVICE) == set(Problem)
    assert [text for text in ADVICE.values() if not text.endswith(".")] == []
