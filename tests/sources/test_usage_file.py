"""Files of usage feeds: what is read of them, what never is, and faults by file, line and field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.core.usage.model import Counterparty, Direction
from server.sources.mapping import Encoding, MappingRefused
from server.sources.rows import Problem
from server.sources.tables import Flaw, Unfit, blocks, open_table, records
from server.sources.usage_file import BATCH, RawUse, open_usage, read_usage
from server.sources.usage_mapping import is_content, load_usage_mapping, parse_usage_mapping, shipped_usage

TODAY = date(2026, 3, 4)
HEADER = "Toestel;Datum en tijd;Ander nummer;Richting;Duur in seconden"
FOLDER = Path(__file__).parents[2] / "agent_policies/sources/usage"


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text("utf-8")


def write(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    file = folder / "bill.csv"
    file.write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
    return file


def read(
    file: Path, name: str = "invented-telecom-bill"
) -> tuple[list[RawUse], list[tuple[int | None, str | None, Problem]]]:
    feed = open_usage([file], load_usage_mapping(name), today=TODAY)
    rows: list[RawUse] = []
    faults = []
    for batch in read_usage(feed):
        rows += batch.rows
        faults += [(fault.line, fault.field, fault.problem) for fault in batch.faults]
    return rows, faults


@pytest.mark.parametrize("name", shipped_usage())
def test_every_shipped_mapping_is_sound(name: str):
    assert load_usage_mapping(name).feed


def test_a_row_gives_subject_day_number_direction_and_amounts(tmp_path: Path):
    rows, faults = read(write(tmp_path, "device-1;2026-02-02 23:59:59;06-12345601;uit;61"))
    assert faults == []
    day = date(2026, 2, 2).toordinal()
    assert tuple(rows[0]) == (
        2, "device-1", day, "06-12345601", None, "", "phone", "", Direction.OUT, None, (1, 61), 0,
    )  # fmt: skip


def test_a_time_in_utc_belongs_to_the_day_in_amsterdam(tmp_path: Path):
    mapping = parse_usage_mapping(text_of("invented-telecom-bill") + "time_zone: UTC\n", "x.yaml")
    feed = open_usage([write(tmp_path, "device-1;2026-02-02 23:30:00;06-12345601;uit;61")], mapping, today=TODAY)
    (batch,) = read_usage(feed)
    assert date.fromordinal(batch.rows[0].day) == date(2026, 2, 3)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("device-1;2026-02-02;06-12345601;uit;-1", ("usage.amount.2", Problem.NEGATIVE_AMOUNT)),
        ("device-1;2026-02-02;06-12345601;uit;soon", ("usage.amount.2", Problem.NOT_AN_AMOUNT)),
        ("device-1;2026-02-02;06-12345601;uit;", ("usage.amount.2", Problem.MISSING_VALUE)),
        ("device-1;2026-02-02;06-12345601;uit;NaN", ("usage.amount.2", Problem.NOT_AN_AMOUNT)),
        ("device-1;2026-02-02;06-12345601;sideways;1", ("usage.direction", Problem.UNKNOWN_DIRECTION)),
        ("device-1;2 Feb;06-12345601;uit;1", ("usage.day", Problem.BAD_DATE)),
        ("device-1;2026-03-05;06-12345601;uit;1", ("usage.day", Problem.FUTURE_DAY)),
        ("device-1;1970-01-01;06-12345601;uit;1", ("usage.day", Problem.ABSURD_DATE)),
        (";2026-02-02;06-12345601;uit;1", ("usage.subject", Problem.MISSING_VALUE)),
        ("device-1;2026-02-02;06-12345601", (None, Problem.HALF_ROW)),
        ('device-1;"2026-02-02"x;06-12345601;uit;1', (None, Problem.BAD_QUOTE)),
    ],
)
def test_a_row_with_a_fault_gives_no_row_and_is_told_by_line_and_field(tmp_path: Path, row: str, fault: object):
    rows, faults = read(write(tmp_path, "device-1;2026-02-02;06-12345601;uit;1", row))
    assert len(rows) == 1
    assert [(line, (field, problem)) for line, field, problem in faults] == [(3, fault)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", Problem.EMPTY),
        (HEADER.encode() + b"\r\n", Problem.NO_ROWS),
        (b"Something;Else\r\n1;2\r\n", Problem.MISSING_COLUMN),
        (HEADER.encode() + b";Toestel\r\n1;2;3;4;5;6\r\n", Problem.DUPLICATE_HEADER),
        (HEADER.encode() + b";Surprise\r\n1;2;3;4;5;6\r\n", Problem.UNKNOWN_HEADER),
        (HEADER.encode() + b"\r\ndevice-1;2026\0-02-02;1;uit;1\r\n", Problem.NUL_BYTE),
    ],
)
def test_a_file_that_is_no_feed_is_told(tmp_path: Path, content: bytes, problem: Problem):
    file = tmp_path / "bill.csv"
    file.write_bytes(content)
    rows, faults = read(file)
    assert rows == []
    assert problem in {each for _, _, each in faults}


def test_wrong_encoding_is_no_crash_and_a_missing_file_is_a_fault(tmp_path: Path):
    rows, _ = read(write(tmp_path, "toestél-1;2026-02-02;06-12345601;uit;1", encoding="cp1252"))
    assert rows[0].subject == "toestél-1"
    assert read(tmp_path / "none.csv")[1] == [(None, None, Problem.UNREADABLE)]


def test_columns_of_content_are_never_read_and_their_place_is_told(tmp_path: Path):
    header = "Medewerker;Datum;Onderwerp;Kanaal;Soort betrokkene;Inhoud gesprek;Notitie"
    file = write(tmp_path, "worker-1;2026-02-02;PLANTED;WhatsApp;cliënt;PLANTED;PLANTED", header=header)
    feed = open_usage([file], load_usage_mapping("contact-moments"), today=TODAY)
    assert [column for _, column in feed.dropped] == [3, 6, 7]
    (batch,) = read_usage(feed)
    assert batch.rows[0].party is Counterparty.CLIENT
    assert "PLANTED" not in str(tuple(batch.rows[0]))


@pytest.mark.parametrize("header", ["Onderwerp", "Notities", "inhoud gesprek", "Message text", "Naam contact", "Body"])
def test_what_stands_above_content_is_known_as_such(header: str):
    assert is_content(header)


@pytest.mark.parametrize("header", ["Aantal berichten", "Verzonden berichten", "Datum", "Richting", "Ander nummer"])
def test_what_stands_above_counts_is_no_content(header: str):
    assert not is_content(header)


@pytest.mark.parametrize(
    ("before", "after", "advice"),
    [
        ("day: [Datum, Contactdatum, Date]", "day: [Onderwerp]", "What was said or written"),
        ("  - quantity: contacts", "  - quantity: contacts\n    unit: seconds", "Name the column"),
        ("feed: contact-moments", "feed: Contact Moments", ""),
        ("use: business", "use: private", "private use only"),
        ("covers: account", "covers: everything", ""),
        ("channel: [Kanaal, Channel]", "channel: [Datum]", "already names another field"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_with_its_line(before: str, after: str, advice: str):
    text = text_of("contact-moments")
    assert before in text
    with pytest.raises(MappingRefused) as refused:
        parse_usage_mapping(text.replace(before, after), "x.yaml")
    assert any(advice in fault.advice and fault.line for fault in refused.value.faults)


def test_a_long_file_comes_in_batches_and_no_row_shows_its_number_in_a_message(tmp_path: Path):
    many = [f"device-1;2026-02-02;06-1234{n % 10_000:04};uit;1" for n in range(3 * BATCH)]
    feed = open_usage([write(tmp_path, *many)], load_usage_mapping("invented-telecom-bill"), today=TODAY)
    batches = list(read_usage(feed))
    assert len(batches) > 1
    assert sum(len(batch.rows) for batch in batches) == 3 * BATCH
    assert "1234" not in repr(batches[0].rows[0])
    assert "1234" not in repr(batches[0])


TEXT = st.lists(
    st.lists(st.text(st.sampled_from('a1;" \r\n\x0b\u2028é'), max_size=4), min_size=1, max_size=3).map(";".join),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=TEXT, end=st.sampled_from(["\n", "\r\n", "\r"]), after=st.integers(0, 2), last=st.booleans())
def test_blocks_say_what_records_say(tmp_path: Path, rows: list[str], end: str, after: int, last: bool):
    file = tmp_path / "any.csv"
    file.write_bytes((end.join(["h;h;h", *rows]) + (end if last else "")).encode())
    table = open_table(file, Encoding.AUTO)

    assert end_of(
        (line, list(record) if not isinstance(record, Flaw) else record)
        for line, _, record in records(table, ";")
        if line > after
    ) == end_of(
        (line, list(record) if not isinstance(record, Flaw) else record)
        for block in blocks(table, ";", after, 3)
        for line, record in block.records()
    )


def end_of(items: Iterable[object]) -> list[object]:
    """All there is, and why it broke off if it did."""
    found: list[object] = []
    try:
        found.extend(items)
    except Unfit as unfit:
        found.append((unfit.problem, unfit.line))
    return found


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"])
def test_a_time_that_ends_in_z_is_utc_whatever_letter_the_form_has_for_it(tmp_path: Path, form: str):
    text = text_of("invented-telecom-bill")
    mapping = parse_usage_mapping(re.sub(r"dates: .*", f'dates: ["{form}"]', text), "our-feed.yaml")
    file = write(tmp_path, "device-1;2026-02-02T23:30:00Z;06-12345601;uit;61")
    feed = open_usage([file], mapping, today=TODAY, period=(date(2026, 2, 1), date(2026, 2, 28)))
    rows = [row for batch in read_usage(feed) for row in batch.rows]
    assert [date.fromordinal(row.day) for row in rows] == [date(2026, 2, 3)]
