"""What every export has in common, whatever its format and mapping; and that what is written reads back the same."""

import re
import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.core.model import ContactClass, Phase
from server.sources.case_file import BATCH, open_export, read
from server.sources.invented import invent, write_export
from server.sources.mapping import Delimiter, Encoding, load_mapping, parse_mapping, shipped
from server.sources.rows import STAYING_CLASSES, AssignmentRow, CaseRow, ContactRow, Mode, MomentRow
from server.sources.tables import TextTable, open_table, records
from server.sources.writing import write_rows
from tests.campaigns import examples
from tests.sources.conftest import HEADER, SOUND, STAMP, small, tell

NOW = datetime(2025, 3, 4, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def tiny():
    return invent("tiny", seed=7, now=NOW)


@pytest.fixture(scope="module", params=[(name, form) for name in shipped() for form in ("csv", "xlsx")], ids=str)
def export(request, tiny, tmp_path_factory):
    """Every shipped mapping, as CSV and as the same cells in workbooks."""
    name, form = request.param
    folder = tmp_path_factory.mktemp("export")
    paths = write_export(tiny, folder, name)
    if form == "xlsx":
        paths = [as_workbook(path) for path in paths]
    return paths, load_mapping(name)


def as_workbook(path):
    table = open_table(path, Encoding.AUTO)
    delimiter = ";" if ";" in path.read_text(encoding="utf-8-sig").splitlines()[0] else ","
    with xlsxwriter.Workbook(path.with_suffix(".xlsx")) as book:
        sheet = book.add_worksheet()
        for line, _, cells in records(table, delimiter):
            for column, text in enumerate(cells):
                sheet.write_string(line - 1, column, text)
    return path.with_suffix(".xlsx")


def test_the_rows_come_back_whatever_the_format(export, tiny):
    told = tell(*export)
    assert told.problems == []
    assert {replace(row, line=0) for row in told.rows} == set(tiny.rows())


def test_no_case_is_told_twice(export):
    numbers = [row.number for row in tell(*export).rows if isinstance(row, CaseRow)]
    assert len(numbers) == len(set(numbers)) == 60


def test_cases_come_before_what_hangs_on_them(export):
    known = set()
    for row in tell(*export).rows:
        if isinstance(row, CaseRow):
            known.add(row.number)
        else:
            assert row.case_number is None or row.case_number in known


def test_lines_rise_within_a_file_and_the_share_rises_to_the_end(export):
    paths, mapping = export
    batches = list(read(open_export(paths, mapping)))
    for batch in batches:
        assert all(first.line <= second.line for first, second in pairwise(batch.rows))
    shares = [batch.share for batch in batches]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_every_instant_is_aware_and_in_utc(export):
    told = tell(*export)
    instants = [told.header.as_of]
    for row in told.rows:
        instants += [getattr(row, name, None) for name in ("closed_at", "from_at", "until_at")]
    assert {instant.tzinfo for instant in instants if instant is not None} == {UTC}


def test_the_header_tells_system_mode_time_and_files(export):
    paths, mapping = export
    header = tell(paths, mapping).header
    assert (header.system, header.mode, header.as_of) == (mapping.system, mapping.mode, NOW)
    assert header.files == tuple(path.name for path in paths)


def test_the_same_export_come_again_has_the_same_digest_and_any_other_has_not(export, tiny):
    paths, mapping = export
    first = tell(paths, mapping).header.digest
    assert tell(paths, mapping).header.digest == first
    if paths[0].suffix == ".csv":
        kept = paths[0].read_bytes()
        paths[0].write_bytes(kept + b"\r\n")
        assert tell(paths, mapping).header.digest != first
        paths[0].write_bytes(kept)


def test_the_caller_s_time_of_export_wins(export):
    paths, mapping = export
    earlier = datetime(2025, 3, 4, 5, tzinfo=UTC)
    assert open_export(paths, mapping, as_of=earlier).header.as_of == earlier


def test_files_may_be_given_in_any_order(export, tiny):
    paths, mapping = export
    assert {replace(row, line=0) for row in tell(paths[::-1], mapping).rows} == set(tiny.rows())


def test_what_follows_from_closing_on_a_day_is_that_the_day_is_over(lay):
    told = tell([lay(SOUND.replace("Onderzoek;06-01-2025;", "Gesloten;06-01-2025;29-03-2025"))], winter_to_summer())
    closed = next(row.closed_at for row in told.rows if isinstance(row, CaseRow))
    assert closed == datetime(2025, 3, 29, 23, tzinfo=UTC)  # the clock goes forward three hours later


@pytest.mark.parametrize(
    ("closure", "expected"),
    [
        ("30-03-2025", datetime(2025, 3, 30, 22, tzinfo=UTC)),  # a day of 23 hours
        ("26-10-2024", datetime(2024, 10, 26, 22, tzinfo=UTC)),
        ("27-10-2024", datetime(2024, 10, 27, 23, tzinfo=UTC)),  # a day of 25 hours
        ("27-10-2024 02:30", datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),  # shown twice: the later one
    ],
)
def test_days_on_which_the_clock_changes_end_when_they_end(lay, closure, expected):
    line = SOUND.replace("Onderzoek;06-01-2025;", f"Gesloten;06-01-2024;{closure}")
    told = tell([lay(line)], winter_to_summer())
    assert next(row.closed_at for row in told.rows if isinstance(row, CaseRow)) == expected


def winter_to_summer():
    return small().model_copy(update={"time_of_export": type(small().time_of_export)()})


def test_a_closure_counts_only_where_the_mapping_s_condition_holds(tmp_path):
    header = (
        "Zaaknummer;Fase;Datum melding;Datum definitieve afronding;Afronding schriftelijk bevestigd;Soort betrokkene;"
        "Persoonscode;Telefoonnummer;Medewerker;Toegewezen vanaf;Toegewezen tot;Monitoring door;"
        "Monitoring na 3 maanden;Monitoring na 12 maanden"
    )
    lines = [
        "204117;Afgesloten;01-03-2024;01-05-2024;ja;Cliënt;A;0612345601;;;;;;",
        "204118;Afgesloten;01-03-2024;01-05-2024;nee;Cliënt;A;0612345602;;;;;;",
        "204119;Afgesloten;01-03-2024;;ja;Cliënt;A;0612345603;;;;;;",
    ]
    path = tmp_path / f"zaken-{STAMP}.csv"
    path.write_text("\n".join([header, *lines]), encoding="cp1252")
    told = tell([path], "veilig-thuis-csv")
    assert [row.closed_at for row in told.rows if isinstance(row, CaseRow)] == [
        datetime(2024, 5, 1, 22, tzinfo=UTC),
        None,
    ]
    assert told.problems == [("missing_value", 4, "case.closed_at")]


def test_numbers_dates_and_booleans_that_a_workbook_keeps_as_such_are_read(tmp_path):
    path = tmp_path / f"cases-{STAMP}.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet, day, moment = (
            book.add_worksheet(),
            *(book.add_format({"num_format": f}) for f in ("d-m-yy", "d-m-yy h:mm")),
        )
        sheet.write_row(0, 0, [*HEADER.split(";"), "Vastgelegd"])
        sheet.write_row(1, 0, [204117, "Gesloten"])
        sheet.write_datetime(1, 2, datetime(2025, 1, 6), day)  # noqa: DTZ001
        sheet.write_datetime(1, 3, datetime(2025, 2, 6, 16, 35), moment)  # noqa: DTZ001
        sheet.write_row(1, 4, ["A", "Cliënt", 612345601, "worker-01"])
        sheet.write_datetime(1, 8, datetime(2025, 1, 6), day)  # noqa: DTZ001
        sheet.write_boolean(1, 10, True)
    told = tell([path], small())
    assert told.problems == []
    assert told.rows == [
        CaseRow(2, "204117", Phase.CLOSED, date(2025, 1, 6), datetime(2025, 2, 6, 15, 35, tzinfo=UTC), True),
        ContactRow(2, "204117", "A", ContactClass.CLIENT, "612345601"),
        AssignmentRow(2, "204117", "worker-01", "", datetime(2025, 1, 5, 23, tzinfo=UTC)),
    ]


def test_the_line_with_which_spreadsheets_name_the_delimiter_is_understood(lay):
    path = lay(SOUND.replace(";", "|"), header="sep=|\r\n" + HEADER.replace(";", "|"))
    told = tell([path], small())
    assert told.problems == []
    assert {row.line for row in told.rows} == {3}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_encoding_and_delimiter_are_found_out(lay, encoding, delimiter):
    path = lay(SOUND.replace(";", delimiter), header=HEADER.replace(";", delimiter), encoding=encoding)
    assert [type(row) for row in tell([path], small()).rows] == [CaseRow, ContactRow, AssignmentRow]


def test_text_is_windows_1252_only_when_it_is_not_utf_8_to_the_last_byte(lay):
    many = [SOUND] * 30_000
    raw = "\r\n".join([HEADER, *many, ""]).encode() + SOUND.encode("cp1252")
    path = lay(raw)
    table = open_table(path, Encoding.AUTO)
    assert isinstance(table, TextTable)
    assert table.encoding == "cp1252"


def test_a_character_cut_in_two_by_a_chunk_is_still_one(lay, monkeypatch):
    monkeypatch.setattr("server.sources.tables._CHUNK", 7)
    assert tell([lay(SOUND)], small()).problems == []


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / f"cases-{STAMP}.csv"
    peaks = []
    for repeats in (3, 9):
        with path.open("w", encoding="utf-8") as file:
            file.write(HEADER + "\n")
            for nth in range(5_000 * repeats):
                file.write(SOUND.replace("12345601", f"{10_000_000 + nth}") + "\n")
        tracemalloc.start()
        total = sum(len(batch.rows) for batch in read(open_export([path], small())))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert total == 5_000 * repeats + 2
    assert peaks[1] < 1.5 * peaks[0]


def test_a_batch_is_bounded(lay):
    lines = [SOUND.replace("204117", str(300_000 + nth)) for nth in range(BATCH + 10)]
    sizes = [len(batch.rows) for batch in read(open_export([lay(*lines)], small()))]
    assert max(sizes) <= 3 * BATCH
    assert sum(sizes) == 3 * (BATCH + 10)


# --- Any register that can be written reads back the same -------------------------------------------------------------

TEXT = st.text(st.characters(codec="cp1252", exclude_categories=("Cc",)), min_size=1, max_size=20).map(str.strip)
SHORTENED = re.compile(r"[\d.,]+E\+?\d+", re.IGNORECASE)
NO_VALUE = re.compile(r"[#-]|[\s\"”„“',-]+$")
"""Errors of spreadsheets and marks that point at another row are refused."""
MAPPINGS = {name: load_mapping(name) for name in shipped()}
EMPTY = {word.casefold() for mapping in MAPPINGS.values() for word in mapping.empty}
"""Words that stand for an empty cell in one of the mappings, as NULL does."""
SAFE = TEXT.filter(
    lambda text: (
        text
        and text.strip().casefold() not in EMPTY
        and text[0] not in "=@+-"
        and not text.replace(",", ".").replace(".", "").isdigit()
        and not SHORTENED.fullmatch(text)
        and not NO_VALUE.match(text)
    )
)
DAYS = st.dates(date(2015, 1, 1), date(2025, 2, 1))
MINUTES = st.integers(0, 5_000_000)
INSTANTS = MINUTES.map(lambda minutes: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
NUMBERS = st.integers(100_000, 999_999).map(str)
PERSONS = st.from_regex(r"[A-Za-z0-9]{1,4}", fullmatch=True).filter(lambda text: not SHORTENED.fullmatch(text))
"""A code such as 1E5 is refused for what a spreadsheet makes of numbers."""


@st.composite
def registers(draw):
    rows = []
    for number in draw(st.lists(NUMBERS, min_size=1, max_size=5, unique=True)):
        opened, closed = draw(DAYS), draw(st.none() | INSTANTS)
        phase = draw(st.sampled_from([phase for phase in Phase if phase is not Phase.CLOSED]))
        recorded, service = draw(st.none() | st.booleans()), draw(st.none() | SAFE)
        rows.append(CaseRow(0, number, phase, opened, closed, recorded, service))
        for kind in [ContactClass.CLIENT, *draw(st.lists(st.sampled_from(ContactClass), max_size=3))]:
            person = draw(st.none() | PERSONS)
            rows.append(ContactRow(0, number, person, kind, draw(SAFE), draw(st.none() | DAYS), draw(st.booleans())))
        for worker in draw(st.lists(SAFE, max_size=3, unique=True)):
            start, until = draw(INSTANTS), draw(st.none() | INSTANTS)
            if until is not None and until < start:
                start, until = until, start
            rows.append(AssignmentRow(0, number, worker, draw(st.just("") | SAFE), start, until))
            rows.extend(MomentRow(0, number, worker, day) for day in draw(st.lists(DAYS, max_size=4)))
    kinds = draw(st.lists(st.sampled_from(sorted(STAYING_CLASSES)), max_size=3))
    return rows + [ContactRow(0, None, None, kind, draw(SAFE)) for kind in kinds]


@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=registers(),
    name=st.sampled_from(shipped()),
    encoding=st.sampled_from(Encoding),
    delimiter=st.sampled_from(Delimiter),
)
def test_what_is_written_reads_back_as_the_same_rows(tmp_path, rows, name, encoding, delimiter):
    mapping = MAPPINGS[name].model_copy(update={"delimiter": Delimiter.AUTO})
    told = tell(write_rows(rows, mapping, tmp_path, NOW, encoding=encoding, delimiter=delimiter), mapping)
    assert told.problems == [] or (mapping.mode is Mode.FULL and told.problems == [("no_rows", None, None)])
    assert {replace(row, line=0) for row in told.rows} == set(rows)


STRANGE = """
system: care-system
mode: full
time_of_export: {in_file_name: "%Y-%m-%d"}
dates: ["%d/%m/%Y"]
case_number_pattern: "D-[0-9]{2}/[0-9]{4}"
words:
  phases: {investigation: [Lopend traject], monitoring: [Nazorg], closed: [Uit zorg]}
  classes: {client: [Client], professional: [Huisarts]}
files:
  - name: dossiers
    case_number: [Dossiernr]
    case:
      phase: [Fase]
      closed_at: [Einde (brief)]
      closed_only_if: {column: [Brief verstuurd], says: [ja]}
  - name: relaties
    case_number: [Dossiernr]
    contact: {person: [Clientletter], class: [Relatie], values: [[Mobiel], [E-mail]]}
  - name: inzet
    case_number: [Dossiernr]
    assignment: {worker: [Personeelsnr], from: [Vanaf], until: [Tot en met]}
    moment: {worker: [Personeelsnr], "on": [[Nazorgafspraak]]}
"""
"""Written from the manual alone, for an export in a layout that none of the shipped mappings has."""


def test_an_export_nobody_here_has_seen_is_read_by_a_mapping_written_from_the_manual(tmp_path):
    files = {
        "dossiers": "Dossiernr,Fase,Einde (brief),Brief verstuurd\n"
        "D-25/0017,Lopend traject,,\nD-25/0018,Nazorg,,\nD-25/0019,Uit zorg,30/09/2025,ja\n",
        "relaties": "Dossiernr,Cliëntletter,Relatie,Mobiel,E-mail\nD-25/0017,A,Cliënt,06-12345601,client@example.org\n"
        "D-25/0018,A,Cliënt,+31 6 1234 5602,\n,,Huisarts,020-1230001,\n",
        "inzet": "Dossiernr,Personeelsnr,Vanaf,Tot en met,Nazorgafspraak\nD-25/0017,worker-01,06/01/2025,,\n"
        "D-25/0018,worker-01,04/03/2025,,15/12/2025\nD-25/0019,worker-02,04/03/2024,30/09/2025,\n",
    }
    paths = []
    for name, text in files.items():
        paths.append(tmp_path / f"{name}_2025-11-20.csv")
        paths[-1].write_bytes(text.encode("cp1252"))
    export = open_export(paths, parse_mapping(STRANGE, "our-system.yaml"))
    batches = list(read(export))
    assert [fault for batch in batches for fault in batch.faults] == []
    kinds = Counter(type(row).__name__ for batch in batches for row in batch.rows)
    assert kinds == {"CaseRow": 3, "ContactRow": 4, "AssignmentRow": 3, "MomentRow": 1}
