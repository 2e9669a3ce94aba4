"""Lists beside the feeds: what is read of them, and that a fault leaves nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from server.sources.lists import (
    ListMapping,
    ListRow,
    load_list_mapping,
    parse_list_mapping,
    read_list,
    shipped_lists,
)
from server.sources.mapping import MappingRefused
from server.sources.rows import ADVICE, Problem

TODAY = date(2026, 3, 4)


def mapping(name: str) -> ListMapping:
    found = load_list_mapping(name)
    assert found is not None
    return found


def write(folder: Path, text: str) -> Path:
    file = folder / "list.csv"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", shipped_lists())
def test_every_shipped_list_mapping_is_sound(name: str):
    assert load_list_mapping(name) is not None


def test_a_mapping_of_a_feed_is_no_mapping_of_a_list():
    assert load_list_mapping("contact-moments") is None


@pytest.mark.parametrize(
    ("name", "text", "row"),
    [
        ("roster", "Medewerker;Datum\nworker-1;02-03-2026\n", ListRow(2, worker="worker-1", day=date(2026, 3, 2))),
        (
            "absence",
            "Medewerker;Van;Tot en met\nworker-1;2026-02-01;\n",
            ListRow(2, worker="worker-1", first=date(2026, 2, 1)),
        ),
        ("shared-devices", "Toestel\ndevice-1\n", ListRow(2, device="device-1")),
        (
            "apps-on-phones",
            "Toestel,Gezien op,App id,Beheerd\ndevice-1,2026-03-01,com.whatsapp,nee\n",
            ListRow(2, device="device-1", day=date(2026, 3, 1), app="com.whatsapp", managed=False),
        ),
    ],
)
def test_a_line_gives_a_row(tmp_path: Path, name: str, text: str, row: ListRow):
    read = read_list(write(tmp_path, text), mapping(name), today=TODAY)
    assert (list(read.rows), read.faults) == ([row], ())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", (None, None, Problem.EMPTY)),
        ("Medewerker;Van;Tot en met\n", (None, None, Problem.NO_ROWS)),
        ("Medewerker;Van\nworker-1;2026-02-01\n", (1, "list.last", Problem.MISSING_COLUMN)),
        ("Medewerker;Van;Tot en met\n;2026-02-01;\n", (2, "list.worker", Problem.MISSING_VALUE)),
        ("Medewerker;Van;Tot en met\nworker-1;soon;\n", (2, "list.first", Problem.BAD_DATE)),
        ("Medewerker;Van;Tot en met\nworker-1;1970-01-01;\n", (2, "list.first", Problem.ABSURD_DATE)),
        ("Medewerker;Van;Tot en met\nworker-1;2026-02-02;2026-02-01\n", (2, "list.last", Problem.ABSURD_DATE)),
        ('Medewerker;Van;Tot en met\nworker-1;"2026-02-02"x;\n', (2, None, Problem.BAD_QUOTE)),
    ],
)
def test_a_list_with_a_fault_gives_no_row_and_says_where(tmp_path: Path, text: str, fault: object):
    read = read_list(write(tmp_path, text), mapping("absence"), today=TODAY)
    assert read.rows == ()
    assert fault in [(each.line, each.field, each.problem) for each in read.faults]
    for each in read.faults:
        assert ADVICE[each.problem].format_map(dict(each.hints))


@pytest.mark.parametrize(
    "text",
    [
        "list: roster\ndates: ['%Y-%m-%d']\ncolumns:\n  worker: [A]\n",
        "list: roster\ndates: ['%Y-%m-%d']\ncolumns:\n  worker: [A]\n  day: [B]\n  app: [C]\n",
        "list: presence\ndates: ['%Y-%m-%d']\ncolumns:\n  device: [A]\n  day: [B]\n  app: [C]\n",
        "list: absence\ndates: ['%Y-%m-%d']\ncolumns:\n  worker: [Naam]\n  first: [B]\n  last: [C]\n",
        "list: holidays\ndates: ['%Y-%m-%d']\ncolumns: {}\n",
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(text: str):
    with pytest.raises(MappingRefused):
        parse_list_mapping(text, "x.yaml")
