"""A workbook's charts: those of the page, over the cells of the table, with what is withheld left without a bar."""

from __future__ import annotations

import io
import re
from datetime import datetime
from itertools import chain
from typing import Any

import openpyxl
import pytest
from openpyxl.chart.bar_chart import BarChart
from openpyxl.utils.cell import range_boundaries

from server.core.tables import Column, Kind, Section
from server.core.text import Share, phrase
from server.render.drawn import pictures, tell
from server.render.sheet_charts import label_of
from server.render.words import Words
from server.render.workbook import report_xlsx, section_xlsx
from tests.render.library import reports
from tests.render.test_drawn import teams

NL, EN = Words("nl"), Words("en")


def charts(made: bytes) -> list[tuple[Any, BarChart]]:
    """Every chart with its sheet, as other software reads it."""
    book = openpyxl.load_workbook(io.BytesIO(made))
    return [(sheet, chart) for sheet in book for chart in sheet._charts]


def cells(sheet: Any, reference: str) -> list[Any]:
    """What stands in the cells that a chart names."""
    found = []
    for part in re.findall(r"'!(\$?\w+\$\d+(?::\$\w+\$\d+)?)", reference):
        left, top, right, bottom = range_boundaries(part)
        found += [[sheet.cell(row, at).value for at in range(left, right + 1)] for row in range(top, bottom + 1)]
    return found


@pytest.mark.parametrize("key", reports())
def test_a_workbook_has_the_charts_of_the_page_over_the_cells_of_the_table(key: str) -> None:
    report = reports()[key]
    wanted = [each for section in report.body for each in pictures(section) if label_of(each)]
    found = charts(report_xlsx(report, NL))
    assert len(found) == len(wanted)
    for (sheet, chart), picture in zip(found, wanted, strict=True):
        shares = picture.chart.form.value == "shares"
        series = chart.series[1::2] if shares else chart.series
        for nth, (each, column) in enumerate(zip(series, picture.chart.values, strict=True)):
            values = [line.values[nth] for line in picture.lines]
            held = NL.cell(None, picture.column(column))
            assert [row[0] for row in cells(sheet, each.val.numRef.f)] == [
                held if value is None else value.part if isinstance(value, Share) else value for value in values
            ]
            ((heading,),) = cells(sheet, each.tx.strRef.f)
            assert heading == NL.say(picture.column(column).heading)
        labels = [
            NL.day(row[0].date()) if isinstance(row[0], datetime) else row[0]
            for row in cells(sheet, series[0].cat.strRef.f)
        ]
        assert len(set(labels)) == len(labels)
        assert all(label in picture.label(line, NL) for label, line in zip(labels, picture.lines, strict=True))


def test_what_one_column_cannot_tell_apart_is_left_to_the_table() -> None:
    left_out = {
        f"{report.key} {each.section.key}"
        for report in reports().values()
        for section in report.body
        for each in pictures(section)
        if label_of(each) is None
    }
    assert left_out == {"quarterly removed"}


def test_each_chart_says_in_words_what_it_shows() -> None:
    report = reports()["council"]
    wanted = [tell(each, EN) for section in report.body for each in pictures(section) if label_of(each)]
    found = re.findall(
        rb'<xdr:cNvPr [^>]*descr="([^"]+)"', b"".join(_parts(report_xlsx(report, EN), "drawings/drawing"))
    )
    assert [each.decode().replace("&amp;", "&") for each in found] == wanted


def _parts(made: bytes, name: str) -> list[bytes]:
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        named = [each for each in archive.namelist() if name in each and "_rels" not in each]
        named.sort(key=lambda each: int(re.findall(r"\d+", each)[-1]))
        return [archive.read(each) for each in named]


def test_where_a_number_is_withheld_the_chart_says_so_instead_of_nought() -> None:
    made = section_xlsx(teams(("A", 4), ("B", None), ("C", 6)), EN)
    ((_, chart),) = charts(made)
    (series,) = chart.series
    assert [(point.idx, float(point.v)) for point in series.val.numRef.numCache.pt] == [(0, 4), (2, 6)]
    (part,) = _parts(made, "charts/chart")
    assert re.findall(rb'<c:dLbl><c:idx val="(\d)"/>.*?<a:t>(\w+)</a:t>', part) == [(b"1", b"Withheld")]


def test_a_table_without_a_chart_has_none() -> None:
    columns = (Column("team", phrase("Team")), Column("items", phrase("Failed calls"), Kind.COUNT))
    assert (
        charts(section_xlsx(Section("other", phrase("Removed"), columns=columns, rows=(("A", 3), ("B", 5))), EN)) == []
    )


def test_no_title_or_label_of_a_chart_becomes_a_formula() -> None:
    made = section_xlsx(teams(("=1+1", 3), ("@x", 5)), EN)
    formulas = set(
        chain.from_iterable(re.findall(rb"<c:f>([^<]*)</c:f>", part) for part in _parts(made, "charts/chart"))
    )
    assert {each.split(b"!")[0] for each in formulas} == {b"'The same by team'"}
