"""No row of an export is swallowed, joined, moved or dropped without a fault: rules of RFC 4180, read letter by letter.

Two oracles that share nothing with the reader: one follows the rules character by character over any text, the other
knows what each row meant before quirks were written into it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from server.sources.case_file import open_export
from server.sources.case_file import read as read_export
from server.sources.mapping import Encoding, MappingRefused, parse_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow
from server.sources.tables import MAX_RECORD_LINES, Flaw, Quoting, Unfit, open_table, records
from tests.campaigns import examples
from tests.sources.conftest import HEADER, SMALL, SOUND, STAMP, small, tell

TEXTS = st.text(st.sampled_from('ab1;,"" \t\r\n\x0b\u2028é'), min_size=1, max_size=60)
ANY_FILE = settings(
    deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# --- any text, read letter by letter ----------------------------------------------------------------------------------


@dataclass
class Told:
    """What the rules make of a text: records with their lines, and why reading broke off."""

    rows: list[tuple[int, object]] = field(default_factory=list)
    ended: str | None = None


def follow(text: str, delimiter: str) -> tuple[list[str] | None, bool]:
    """The cells of one record, None if its quotes do not fit, and whether the text ends inside a quote."""
    cells, cell, quoted, at = [], "", False, 0
    opened = closed = False
    while at < len(text):
        letter = text[at]
        if quoted:
            if letter != '"':
                cell += letter
            elif text[at + 1 : at + 2] == '"':
                cell, at = cell + '"', at + 1
            else:
                quoted, closed = False, True
        elif letter == delimiter:
            cells, cell, opened, closed = [*cells, cell], "", False, False
        elif closed or (letter == '"' and (cell or opened)):
            return None, False
        elif letter == '"':
            quoted = opened = True
        else:
            cell += letter
        at += 1
    return [*cells, cell], quoted


def by_the_rules(text: str, delimiter: str) -> Told:
    told = Told()
    lines = list(io.StringIO(text, newline=""))
    at = 0
    while at < len(lines):
        for count in range(1, MAX_RECORD_LINES + 2):
            if at + count > len(lines) or count > MAX_RECORD_LINES:
                told.ended = f"open_quote {at + 1}"
                return told
            span = "".join(lines[at : at + count])
            bare = span.removesuffix("\n").removesuffix("\r")
            cells, is_open = follow(bare, delimiter)
            if not is_open:
                break
        if cells is None:
            told.rows.append((at + 1, "bad_quote"))
        elif count > 1:
            told.rows.append((at + 1, "several_lines"))
        else:
            told.rows.append((at + 1, cells if bare else []))
        at += count
    return told


def by_us(path, delimiter: str) -> Told:
    told = Told()
    try:
        for line, _, record in records(open_table(path, Encoding.UTF_8), delimiter):
            told.rows.append((line, record.problem.value if isinstance(record, Flaw) else list(record)))
    except Unfit as unfit:
        told.ended = f"{unfit.problem} {unfit.line}"
    return told


@ANY_FILE
@given(
    text=st.text(st.sampled_from('ab1;,"" \t\r\n\x0b\u2028é'), min_size=1, max_size=60),
    delimiter=st.sampled_from(";,\t"),
)
@example(text='a;"\nb;"\n', delimiter=";")
@example(text='"a""";b', delimiter=";")
@example(text='"a\r\nb"x;c\r\nd;e', delimiter=";")
def test_records_are_what_the_rules_say_letter_by_letter(tmp_path, text, delimiter):
    path = tmp_path / "any.csv"
    path.write_bytes(text.encode())
    assert by_us(path, delimiter) == by_the_rules(text, delimiter)


def test_a_quoted_cell_that_holds_a_delimiter_is_known_as_such(tmp_path):
    path = tmp_path / "any.csv"
    path.write_text('a;"b;c";d\n"a";"b";c\na;"b""c";d\n')
    found = [type(record) for _, _, record in records(open_table(path, Encoding.UTF_8), ";")]
    assert found == [Quoting, list, list]


# --- exports with quirks ----------------------------------------------------------------------------------------------

COLUMNS = [*HEADER.split(";"), "Team", "Gemeente", "Prioriteit"]
FREE = ("Team", "Gemeente", "Prioriteit")
QUIRKS = [
    *("", "Oost", '"', '"Oost', 'Oost"', '"Oost"', '""', '"Oost;West"', '"zegt ""ja"""', 'Oost "Noord"', '"Oost"x'),
    *(
        ' "Oost"',
        '"Oost\r\nWest"',
        '"\r\n"',
        "Oost\nWest",
        "Oost\rWest",
        "Oost;West",
        ";",
        '"";""',
        "'",
        "\u2028",
        "#N/A",
    ),
    *(
        '"\r\n100009;Gesloten"',
        '"een\r\ntwee\r\ndrie"',
        '"een;twee\r\ndrie;vier"',
        "=1+1",
        "5' 4\"",
        '\\"',
        '"\\"',
        "\t",
    ),
]
MULTILINE = SMALL.replace("ignore: [Team]", "ignore: [Team, Gemeente, Prioriteit]\nmultiline: [Prioriteit]")
STRICT = SMALL.replace("ignore: [Team]", "ignore: [Team, Gemeente, Prioriteit]")


@dataclass
class Row:
    """What a row means, and how it is written. lines: the physical lines it stands on, once it is written."""

    number: int
    free: tuple[str, str, str]
    dropped: bool
    extra: int
    lines: range = range(0)

    @property
    def case(self) -> str:
        return str(200_000 + self.number)

    @property
    def meaning(self) -> tuple[str, str, str]:
        return self.case, f"06-1234{5000 + self.number}", f"worker-{self.number}"

    def written(self, columns: list[str], delimiter: str) -> str:
        case, phone, worker = self.meaning
        cells = dict(zip(COLUMNS, SOUND.split(";"), strict=False)) | {
            "Zaak": case,
            "Telefoon": phone,
            "Medewerker": worker,
        }
        cells |= dict(zip(FREE, (text.replace(";", delimiter) for text in self.free), strict=True))
        line = [cells[name] for name in columns]
        while self.dropped and line and not line[-1]:
            line.pop()
        return delimiter.join([*line, *[""] * self.extra])


ROWS = st.builds(
    Row,
    number=st.just(0),
    free=st.tuples(*[st.just("") | st.sampled_from(QUIRKS)] * 3),
    dropped=st.booleans(),
    extra=st.sampled_from([0, 0, 0, 1, 2]),
)


def told_of(paths, mapping) -> tuple[dict[int, list[tuple[str, str]]], list[range]]:
    """What each line told of which case, and the lines that a fault is about."""
    said: dict[int, list[tuple[str, str]]] = {}
    faults: list[range] = []
    for batch in read_export(open_export(paths, mapping)):
        for row in batch.rows:
            case = row.number if isinstance(row, CaseRow) else row.case_number
            what = row.value if isinstance(row, ContactRow) else row.worker if isinstance(row, AssignmentRow) else ""
            said.setdefault(row.line, []).append((case, what))
        for fault in batch.faults:
            last = int(dict(fault.hints).get("last", fault.line or 0))
            whole = fault.line is None or fault.line == 1 or fault.problem in {"open_quote"}
            faults.append(range(fault.line or 1, 10**9 if whole else last + 1))
    return said, faults


@ANY_FILE
@given(
    rows=st.lists(ROWS, min_size=1, max_size=6),
    columns=st.permutations(COLUMNS),
    delimiter=st.sampled_from(";,\t|"),
    newline=st.sampled_from(["\r\n", "\n"]),
    layout=st.sampled_from([STRICT, MULTILINE]),
    blank=st.booleans(),
    ended=st.booleans(),
    header_extra=st.sampled_from([0, 0, 1]),
)
def test_no_case_gets_a_value_of_another_row_and_no_row_vanishes_without_a_fault(
    tmp_path, rows, columns, delimiter, newline, layout, blank, ended, header_extra
):
    said_delimiter = f"sep={delimiter}{newline}" if delimiter == "|" else ""
    text = said_delimiter + delimiter.join([*columns, *[""] * header_extra]) + newline
    for number, row in enumerate(rows):
        row.number = number
        first = len(io.StringIO(text, newline="").readlines()) + 1
        text += row.written(list(columns), delimiter) + newline + (newline if blank else "")
        row.lines = range(first, len(io.StringIO(text, newline="").readlines()) + 1)
    path = tmp_path / f"cases-{STAMP}.csv"
    path.write_bytes((text if ended else text.rstrip("\r\n")).encode())
    mapping = parse_mapping(layout.format(mode="changes", needs_client="false"), "small.yaml")
    said, faults = told_of([path], mapping)
    meanings = {row.case: set(row.meaning) | {""} for row in rows}
    for line, told in said.items():
        for case, what in told:
            assert what in meanings[case], (line, case, what, text)
    for row in rows:
        whole = {("", row.case), *((what, row.case) for what in row.meaning[1:])}
        told_here = {(what, case) for line in row.lines for case, what in said.get(line, ())}
        covered = any(line in fault for fault in faults for line in row.lines)
        assert covered or told_here == whole, (row, said, faults, text)


# --- one by one -------------------------------------------------------------------------------------------------------


def ignoring(*more: str, mode: str = "full"):
    text = SMALL.format(mode=mode, needs_client="false").replace("ignore: [Team]", f"ignore: [{', '.join(FREE)}]")
    return parse_mapping("\n".join([text, *more]), "small.yaml")


def rows_of(told) -> list[tuple[int, str]]:
    return [(row.line, row.number) for row in told.rows if isinstance(row, CaseRow)]


def another(number: int, tail: str = "") -> str:
    return SOUND.replace("204117", str(204_117 + number)) + tail


def test_two_ditto_marks_side_by_side_do_not_move_the_cells_behind_them(lay):
    """A delimiter at the end of each row would make up for the one between the marks."""
    header = HEADER.replace("Zaak;", "Zaak;Team;Gemeente;")
    rows = [another(n).replace(";", ";Oost;West;", 1) + ";" for n in range(3)]
    rows[2] = another(2).replace(";", ';";";', 1) + ";"
    told = tell([lay(*rows, header=header)], ignoring())
    assert told.problems == [("half_row", 4, None)]
    assert rows_of(told) == [(2, "204117"), (3, "204118")]


def test_a_delimiter_too_many_in_a_cell_that_nobody_reads_is_a_fault_though_the_row_ends_in_empty_cells(lay):
    header = HEADER.replace("Zaak;", "Zaak;Team;")
    rows = [another(n).replace(";", ";Oost;", 1) for n in range(3)]
    told = tell([lay(*rows, another(3).replace(";", ";Oost;West;", 1), header=header)], ignoring())
    assert told.problems == [("half_row", 5, None)]


def test_a_delimiter_at_the_end_of_each_row_is_passed_over(lay):
    header = HEADER.replace("Zaak;", "Zaak;Team;")
    rows = [another(n).replace(";", ";Oost;", 1) + ";" for n in range(3)]
    assert tell([lay(*rows, header=header)], ignoring()).problems == []
    assert tell([lay(*rows, header=header + ";")], ignoring()).problems == []


def test_cells_that_may_be_empty_may_be_left_out_at_the_end_of_a_row(lay):
    told = tell([lay(another(0), "204118;Triage;;;A;Cliënt;06-12345602", another(2))], small())
    assert told.problems == []
    assert rows_of(told) == [(2, "204117"), (3, "204118"), (4, "204119")]


@pytest.mark.parametrize(
    "rest",
    ["-01;06-01-2025;", "worker-01;06-01-2025;", ";A;Huisarts"],
    ids=["in a cell", "between cells", "what might be another row"],
)
def test_a_row_that_a_line_break_cut_in_two_is_no_row_that_left_cells_out(lay, rest):
    told = tell([lay(another(0), "204118;Triage;;;A;Cliënt;06-12345602;", rest, another(3))], small())
    assert told.problems == [("half_row", 3, None), ("half_row", 4, None)]
    assert rows_of(told) == [(2, "204117"), (5, "204120")]


def test_a_file_that_was_cut_off_in_its_last_row_is_told(lay):
    path = lay(another(0), another(1))
    path.write_bytes(path.read_bytes().removesuffix(b"worker-01;06-01-2025;\r\n"))
    assert tell([path], small()).problems == [("half_row", 3, None)]


LINES = '204118;Triage;;;A;Cliënt;06-12345602;worker-01;06-01-2025;;"{}"'


@pytest.mark.parametrize(
    "note", ["belt\r\nmorgen", "een\ntwee\n\ndrie", "zegt: ja; nee\r\nen weer", 'de ""derde""\r\nkeer']
)
def test_lines_may_stand_in_a_column_that_the_mapping_names(lay, note):
    path = lay(another(0, ";"), LINES.format(note), another(2, ";"), header=HEADER + ";Notitie")
    told = tell([path], ignoring("multiline: [Notitie]"))
    assert told.problems == []
    assert [number for _, number in rows_of(told)] == ["204117", "204118", "204119"]
    refused = tell([path], ignoring("unknown_headers: ignore"))
    assert [(problem, line) for problem, line, _ in refused.problems] == [("several_lines", 3)]


def test_a_line_in_such_a_cell_that_could_be_a_row_is_a_fault(lay):
    swallowed = LINES.format("\r\n" + another(9, ";"))
    path = lay(another(0, ";"), swallowed, another(2, ";"), header=HEADER + ";Notitie")
    told = tell([path], ignoring("multiline: [Notitie]"))
    assert told.problems == [("several_lines", 3, None)]
    assert told.faults[0].hints == (("last", "4"), ("column", "11"))
    assert rows_of(told) == [(2, "204117"), (5, "204119")]


def test_a_ditto_mark_in_such_a_column_joins_no_rows(lay):
    header = HEADER.replace("Zaak;", "Zaak;Notitie;")
    rows = [another(n).replace(";", ';";', 1) for n in range(2)]
    told = tell([lay(*rows, header=header)], ignoring("multiline: [Notitie]"))
    assert told.problems == [("several_lines", 2, None)]
    assert told.rows == []


def test_a_column_that_is_read_can_hold_no_lines():
    with pytest.raises(MappingRefused) as refused:
        ignoring("multiline: [Telefoon]")
    assert [fault.where for fault in refused.value.faults] == ["multiline.0"]


def test_headers_may_have_line_breaks_in_quotes(lay):
    header = HEADER.replace("Telefoon", '"Tele\r\nfoon"')
    told = tell([lay(another(0), header=header)], small())
    assert (told.problems, rows_of(told)) == ([], [(3, "204117")])


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', '"sep=;";;;;', "SEP=;", "sep=;;;;"])
def test_the_line_that_names_the_delimiter_is_passed_over_however_it_was_saved(lay, line):
    told = tell([lay(HEADER, another(0), header=line)], small())
    assert (told.problems, rows_of(told)) == ([], [(3, "204117")])
