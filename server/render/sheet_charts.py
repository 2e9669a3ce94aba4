"""A report's charts as charts of a workbook, drawn by the spreadsheet from the cells of the table; no number added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range_abs
from xlsxwriter.worksheet import Worksheet

from server.core.tables import Section
from server.core.text import Share
from server.render.drawn import ChartForm, Fill, Picture, pictures, size, tell
from server.render.sentences import plain
from server.render.words import Words

_DEEP, _INK, _SOFT = "#0D3B41", "#17292C", "#4D5F63"
_FILLS: Mapping[Fill, dict[str, Any]] = {
    Fill.DARK: {"fill": {"color": _DEEP}},
    Fill.MIDDLE: {"fill": {"color": "#6FA5A5"}},
    Fill.PALE: {"fill": {"color": "#CFE4E1"}},
    Fill.BLANK: {"fill": {"color": "#FFFFFF"}},
    Fill.HATCHED: {"pattern": {"pattern": "wide_upward_diagonal", "fg_color": _DEEP, "bg_color": "#FFFFFF"}},
}
_BORDER: dict[str, Any] = {"border": {"color": _DEEP, "width": 0.75}}
_WIDE, _HEAD, _LINE, _UPRIGHT = 760, 90, 26, 300
"""In points of a screen."""
_ROW = 20
"""How high a row of a sheet is."""


def add_charts(
    book: xlsxwriter.Workbook,
    sheet: Worksheet,
    section: Section,
    words: Words,
    *,
    head: int,
    starts: Sequence[int],
    below: int,
) -> None:
    """The charts of a section beneath its table. head: the row of its headings. starts: where each column begins.

    below: the first free row. Whoever filters the table filters the chart. A picture whose lines no single column
    tells apart has none here: a spreadsheet would set the second column on its side.
    """  # fmt: skip
    row = below
    for picture in pictures(section):
        if label_of(picture) is None:
            continue
        chart = book.add_chart(_kind(picture))
        cells = _Cells(sheet.get_name(), head, dict(zip((each.key for each in section.columns), starts, strict=True)))
        for series in _series(picture, words, cells):
            chart.add_series(series)
        high = _UPRIGHT if picture.chart.form is ChartForm.COLUMNS else _HEAD + _LINE * _bars(picture)
        chart.set_size({"width": _WIDE, "height": high})
        title = " · ".join(each for each in (words.say(section.heading), picture.name(words)) if each)
        # A name that begins like a formula would be taken for one.
        chart.set_title({"name": f" {plain(title)}".rstrip(), "name_font": {"size": 12, "color": _DEEP}})
        chart.set_legend({"position": "bottom"} if _has_legend(picture) else {"none": True})
        lying = picture.chart.form is not ChartForm.COLUMNS
        chart.set_y_axis({"reverse": True} if lying else {"visible": False, "major_gridlines": {"visible": False}})
        chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}} if lying else {})
        sheet.insert_chart(row, 0, chart, {"object_position": 3, "description": tell(picture, words)})
        row += high // _ROW + 2


def label_of(picture: Picture) -> str | None:
    """The column that tells the lines apart by itself; None if there is none."""
    for nth in reversed(range(len(picture.chart.labels))):
        if len({line.labels[nth] for line in picture.lines}) == len(picture.lines):
            return picture.chart.labels[nth]
    return None


class _Cells:
    """Where the table stands: a range of its cells, as the spreadsheet names it."""

    def __init__(self, name: str, head: int, columns: Mapping[str, int]) -> None:
        self._name, self._head, self._columns = name.replace("'", "''"), head, columns

    def heading(self, key: str) -> str:
        at = self._columns[key]
        return f"='{self._name}'!{xl_range_abs(self._head, at, self._head, at)}"

    def of(self, picture: Picture, key: str, aside: int = 0) -> str:
        """The cells of a picture's lines in that column, or in the one beside it."""
        at = self._columns[key] + aside
        runs: list[list[int]] = []
        for line in picture.lines:
            row = self._head + 1 + line.at
            if runs and runs[-1][1] == row - 1:
                runs[-1][1] = row
            else:
                runs.append([row, row])
        ranges = [f"'{self._name}'!{xl_range_abs(start, at, end, at)}" for start, end in runs]
        return f"={ranges[0]}" if len(ranges) == 1 else f"=({','.join(ranges)})"


def _kind(picture: Picture) -> dict[str, str]:
    match picture.chart.form:
        case ChartForm.COLUMNS:
            return {"type": "column"}
        case ChartForm.STACKED:
            return {"type": "bar", "subtype": "stacked"}
        case ChartForm.ROWS | ChartForm.PAIRED | ChartForm.SHARES:
            return {"type": "bar"}


def _series(picture: Picture, words: Words, cells: _Cells) -> Sequence[dict[str, Any]]:
    form = picture.chart.form
    label = label_of(picture) or picture.chart.labels[0]
    nth_label = picture.chart.labels.index(label)
    of_lines: dict[str, Any] = {
        "categories": cells.of(picture, label),
        # What stands in the cells is handed over too: the library does not read a range in parts.
        "categories_data": [words.cell(line.labels[nth_label], picture.column(label)) for line in picture.lines],
        "gap": 60,
    }
    made: list[dict[str, Any]] = []
    for nth, (key, fill) in enumerate(zip(picture.chart.values, picture.chart.fills, strict=True)):
        values = [line.values[nth] for line in picture.lines]
        if form is ChartForm.SHARES:
            # The rail: all there are, behind those that are meant.
            whole = [value.whole if isinstance(value, Share) else None for value in values]
            made.append(
                of_lines
                | {"values": cells.of(picture, key, aside=1), "values_data": whole, "overlap": 100}
                | {"data_labels": _labels(picture, nth, words)}
                | _FILLS[Fill.BLANK]
                | _BORDER
            )
        made.append(
            of_lines
            | {
                "name": cells.heading(key),
                "values": cells.of(picture, key),
                # A withheld number is none, and not nought.
                "values_data": [None if value is None else size(value) for value in values],
            }
            | ({} if form is ChartForm.SHARES else {"data_labels": _labels(picture, nth, words)})
            | ({"overlap": 100} if form in (ChartForm.SHARES, ChartForm.STACKED) else {})
            | _FILLS[fill]
            | _BORDER
        )
    return made


def _labels(picture: Picture, nth: int, words: Words) -> dict[str, Any]:
    """What stands at each bar of a series: its number, of how many it is, or that it is withheld."""
    stacked = picture.chart.form is ChartForm.STACKED
    custom: list[dict[str, Any] | None] = []
    for line in picture.lines:
        value = line.values[nth]
        if value is None:
            held = words.cell(None, picture.column(picture.chart.values[nth]))
            once = not stacked or line.values.index(None) == nth
            custom.append({"value": held, "font": {"italic": True, "color": _SOFT}} if once else {"delete": True})
        elif isinstance(value, Share):
            custom.append({"value": words.write(value)})
        else:
            custom.append({"delete": True} if stacked and not size(value) else None)
    fill = picture.chart.fills[nth]
    return {
        "value": True,
        "custom": custom,
        "position": "center" if stacked else "outside_end",
        "font": {"color": "#FFFFFF" if stacked and fill is Fill.DARK else _INK},
        **({"fill": {"color": "#FFFFFF"}} if stacked and fill is Fill.HATCHED else {}),
    }


def _bars(picture: Picture) -> int:
    return len(picture.lines) * (len(picture.chart.values) if picture.chart.form is ChartForm.PAIRED else 1)


def _has_legend(picture: Picture) -> bool:
    return len(picture.chart.values) > 1
