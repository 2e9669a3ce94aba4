"""The charts of a report: which tables have one, and its picture as SVG from that table's rows; no figure of its own.

A chart is layout and no fact. It is found by the key and the columns of a table, so a report made long ago has it too,
and the digest is the same with and without. What a table withholds has no bar: there is no number to draw it from.
To be read in black and white: series differ by lightness or pattern and stand in the order of the legend.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from markupsafe import Markup

from server.core.reports.coverage import Sight
from server.core.tables import Column, Kind, Section, Value
from server.core.text import Share, Text, phrase
from server.render.words import Words


class ChartForm(StrEnum):
    """How the numbers of a row become bars."""

    COLUMNS = "columns"
    """One upright bar each, for steps of an axis; the labels are short."""
    ROWS = "rows"
    """One lying bar each."""
    PAIRED = "paired"
    """Several lying bars each, beneath each other: they are not parts of one thing."""
    STACKED = "stacked"
    """One lying bar each, of parts end to end: together they are all there is."""
    SHARES = "shares"
    """One lying bar each on a rail: so many of so many."""


class Fill(StrEnum):
    """What a bar is filled with, told apart in black and white."""

    DARK = "dark"
    MIDDLE = "middle"
    PALE = "pale"
    BLANK = "blank"
    HATCHED = "hatched"
    """For what is not known or not seen."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Which tables have a chart, and of what. table: the end of a section's key. labels, values: keys of columns.

    panels: keys of columns whose values must be the same within one picture, since they are units of counting.
    fills: one for each of `values`.
    """

    table: str
    form: ChartForm
    labels: tuple[str, ...]
    values: tuple[str, ...]
    panels: tuple[str, ...] = ()
    fills: tuple[Fill, ...] = (Fill.DARK,)


_USE = ("consumer", "tolerated", "approved", "unrated")
_USE_FILLS = (Fill.DARK, Fill.MIDDLE, Fill.PALE, Fill.HATCHED)
_USE_BEFORE = ("watched", "approved", "other", "no_channel", "unplaced")
"""Of reports made before contact was divided by how safe it was."""
_USE_FILLS_BEFORE = (Fill.DARK, Fill.PALE, Fill.MIDDLE, Fill.BLANK, Fill.HATCHED)
_PAIR = (Fill.DARK, Fill.PALE)

CHARTS: tuple[Chart, ...] = (
    Chart("coverage", ChartForm.STACKED, ("spot",), tuple(each.value for each in Sight),
          fills=(Fill.DARK, Fill.MIDDLE, Fill.PALE, Fill.HATCHED)),
    Chart("removed", ChartForm.ROWS, ("reason", "outcome"), ("items",)),
    Chart("removed", ChartForm.ROWS, ("reason",), ("items",)),
    Chart("evidence", ChartForm.SHARES, ("level",), ("copies",)),
    Chart("times", ChartForm.COLUMNS, ("took",), ("items",)),
    Chart("trend", ChartForm.COLUMNS, ("from",), ("items",)),
    Chart("standing", ChartForm.ROWS, ("decision", "reason"), ("items",)),
    Chart("questions", ChartForm.PAIRED, ("kind",), ("opened", "closed"), fills=_PAIR),
    Chart("questions", ChartForm.ROWS, ("kind",), ("open",)),
    Chart("teams", ChartForm.ROWS, ("team",), ("items",)),
    Chart("teams", ChartForm.STACKED, ("team", "who"), _USE, panels=("what", "how"), fills=_USE_FILLS),
    Chart("use", ChartForm.STACKED, ("who",), _USE, panels=("what", "how"), fills=_USE_FILLS),
    Chart("teams", ChartForm.STACKED, ("team", "who"), _USE_BEFORE, panels=("what", "how"), fills=_USE_FILLS_BEFORE),
    Chart("use", ChartForm.STACKED, ("who",), _USE_BEFORE, panels=("what", "how"), fills=_USE_FILLS_BEFORE),
    Chart("presence", ChartForm.STACKED, ("channel",), ("reads", "shut_out", "reads_unknown"),
          fills=(Fill.DARK, Fill.PALE, Fill.HATCHED)),
    Chart("papers", ChartForm.ROWS, ("state",), ("devices",)),
    Chart("outcomes", ChartForm.ROWS, ("outcome",), ("devices",), panels=("what",)),
    Chart("causes", ChartForm.ROWS, ("cause",), ("devices",), panels=("what",)),
)  # fmt: skip
"""Every chart there is. The first whose columns a table has is the one."""

MOST_LINES = 24
"""More bars than this are read better in the table."""


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One row of a table as bars. at: its place among the rows. values: None is withheld."""

    at: int
    labels: tuple[Value, ...]
    values: tuple[int | Share | None, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: a chart of the rows of a table that belong together. panel: what they share, with its columns."""

    section: Section
    chart: Chart
    nth: int
    panel: tuple[tuple[Value, Column], ...]
    lines: tuple[ChartRow, ...]

    def column(self, key: str) -> Column:
        """The column of that key."""
        return next(each for each in self.section.columns if each.key == key)

    def label(self, line: ChartRow, words: Words) -> tuple[str, ...]:
        """What a line is called: the main name, and what is said beneath it, if anything."""
        said = zip(line.labels, self.chart.labels, strict=True)
        return tuple(found for value, key in said if (found := words.cell(value, self.column(key))))

    def name(self, words: Words) -> str:
        """What the picture shows, apart from the heading of its table; "" where that says it all."""
        return " · ".join(words.cell(value, column) for value, column in self.panel)


def pictures(section: Section) -> tuple[Picture, ...]:
    """The pictures of a section: none, one, or one for each unit that its rows are counted in."""
    chart = next((each for each in CHARTS if _fits(each, section)), None)
    if chart is None:
        return ()
    at = {column.key: nth for nth, column in enumerate(section.columns)}
    groups: defaultdict[tuple[Value, ...], list[ChartRow]] = defaultdict(list)
    for nth, row in enumerate(section.rows):
        values = tuple(_number(row[at[key]]) for key in chart.values)
        withheld = all(section.columns[at[key]].blank is not None for key in chart.values)
        # Nothing in a column that withholds nothing means that there is no such number: there is no bar to miss.
        if any(value is not None for value in values) or withheld:
            labels = tuple(row[at[key]] for key in chart.labels)
            groups[tuple(row[at[key]] for key in chart.panels)].append(ChartRow(nth, labels, values))
    seen = [(panel, lines) for panel, lines in groups.items() if _is_worth_a_picture(lines)]
    return tuple(
        Picture(
            section,
            chart,
            nth,
            tuple((value, section.columns[at[key]]) for value, key in zip(panel, chart.panels, strict=True)),
            tuple(lines),
        )
        for nth, (panel, lines) in enumerate(seen, start=1)
    )


def _fits(chart: Chart, section: Section) -> bool:
    kinds = {column.key: column.kind for column in section.columns}
    wanted = Kind.SHARE if chart.form is ChartForm.SHARES else Kind.COUNT
    return (
        (section.key == chart.table or section.key.endswith(f"_{chart.table}"))
        and {*chart.labels, *chart.panels} <= kinds.keys()
        and all(kinds.get(key) is wanted for key in chart.values)
    )


def _number(value: Value) -> int | Share | None:
    return value if isinstance(value, int | Share) else None


def size(value: int | Share | None) -> int:
    """How long the bar of a value is; nothing for one that is withheld."""
    return value.part if isinstance(value, Share) else value or 0


def _is_worth_a_picture(lines: Sequence[ChartRow]) -> bool:
    """Whether there is something to compare. Decided by what is shown alone, so it tells nothing of what is not."""
    seen = sum(size(value) > 0 for line in lines for value in line.values)
    shares = any(isinstance(value, Share) and value.whole for line in lines for value in line.values)
    return len(lines) <= MOST_LINES and (seen > 1 or shares)


# --- in words


def tell(picture: Picture, words: Words) -> str:
    """What the eye would take from it, for who cannot see it; the numbers themselves stand in the table."""
    told = [picture.section.heading]
    if picture.panel:
        told.append(phrase("{value}", value=picture.name(words)))
    told.append(phrase("Chart with {count} bar.", many="Chart with {count} bars.", count=len(picture.lines)))
    for nth, key in enumerate(picture.chart.values):
        known = [line for line in picture.lines if line.values[nth] is not None]
        if picture.chart.form is ChartForm.SHARES:
            told += [
                phrase("{where}: {share}.", where=_where(picture, line, words), share=words.write(line.values[nth]))
                for line in known
            ]
        elif known:
            top = max(known, key=lambda line: size(line.values[nth]))
            told.append(_most(picture, key, top, size(top.values[nth]), words))
    if hidden := sum(value is None for line in picture.lines for value in line.values):
        told.append(phrase("{count} number is withheld.", many="{count} numbers are withheld.", count=hidden))
    told.append(phrase("The table has all numbers."))
    said = (words.say(text) for text in told)
    return " ".join(each if each.endswith(".") else f"{each}." for each in said)


def _most(picture: Picture, key: str, top: ChartRow, most: int, words: Words) -> Text:
    series = words.say(picture.column(key).heading)
    if most == 0:
        return phrase("{series}: zero everywhere.", series=series)
    return phrase(
        "{series}: the highest, {most}, at {where}.", series=series, most=most, where=_where(picture, top, words)
    )


def _where(picture: Picture, line: ChartRow, words: Words) -> str:
    return ", ".join(picture.label(line, words))


# --- as a picture

WIDE, NARROW = 720, 360
"""Widths in units; text is 12 units high in both."""
_BESIDE = 250
"""What labels take beside lying bars in a wide picture; in a narrow one they stand above."""
_LETTER = 6.3
"""Width of a letter, a little more than it is on the mean."""
_LINE = 15
_BAR, _THIN = 16, 11
_GAP = 9
_HIGH = 150
"""Of the highest upright bar."""
_LEAST = 2
"""One among thousands can still be seen."""

_TYPE = 'font-family="Libertinus Serif"'
_INK, _SOFT, _DEEP = "#17292c", "#4d5f63", "#0d3b41"
_ON_PAPER: Mapping[str, str] = {
    "label": f'{_TYPE} font-size="13" fill="{_INK}"',
    "under": f'{_TYPE} font-size="11.5" fill="{_SOFT}"',
    "value": f'{_TYPE} font-size="13" font-weight="600" fill="{_INK}"',
    "held": f'{_TYPE} font-size="12" font-style="italic" fill="{_SOFT}"',
    "on-dark": f'{_TYPE} font-size="12" font-weight="600" fill="#ffffff"',
    "on-light": f'{_TYPE} font-size="12" font-weight="600" fill="{_INK}"',
    "base": 'stroke="#8b979a" stroke-width="1"',
    "rail": 'fill="#ffffff" stroke="#8b979a" stroke-width="0.8"',
    "plate": 'fill="#ffffff"',
    "stroke": f'stroke="{_DEEP}" stroke-width="1.1"',
    "fill-dark": f'fill="{_DEEP}"',
    "fill-middle": f'fill="#6fa5a5" stroke="{_DEEP}" stroke-width="0.7"',
    "fill-pale": f'fill="#cfe4e1" stroke="{_DEEP}" stroke-width="0.7"',
    "fill-blank": f'fill="#ffffff" stroke="{_DEEP}" stroke-width="0.7"',
    "fill-hatched": f'stroke="{_DEEP}" stroke-width="0.7"',
}
"""The same looks as the style sheet gives, where there is none. To be read on white, in colour and in grey."""


def draw(picture: Picture, words: Words, *, width: int = WIDE, paper: bool = False) -> Markup:
    """The picture. On a page it takes its looks from the style sheet by classes; on paper they are in it."""
    name = f"{picture.section.key}-{picture.nth}-{width}"
    pen = _Pen(name, width, paper=paper)
    # One legend serves all pictures of a table: they have the same series.
    top = _legend(pen, picture, words) if picture.nth == 1 and len(picture.chart.values) > 1 else 4.0
    if picture.chart.form is ChartForm.COLUMNS and width >= WIDE:
        height = _upright(pen, picture, words)
    else:
        height = _lying(pen, picture, words, top)
    return pen.finish(height, tell(picture, words))


@dataclass(slots=True)
class _Pen:
    """Marks so far. name: makes ids its own, where a page has several pictures."""

    name: str
    width: int
    paper: bool
    parts: list[Markup] = field(default_factory=list)

    def _looks(self, kind: str) -> Markup:
        looks = _ON_PAPER[kind] if self.paper else f'class="{kind}"'
        # A style sheet cannot name a pattern that is in the picture itself.
        return Markup(looks + (f' fill="url(#{self.name})"' if kind == "fill-hatched" else ""))  # noqa: S704 - ours

    def box(self, kind: str, x: float, y: float, wide: float, high: float) -> None:
        self.parts.append(
            Markup('<rect {} x="{}" y="{}" width="{}" height="{}"/>').format(
                self._looks(kind), round(x, 1), round(y, 1), round(wide, 1), round(high, 1)
            )
        )

    def write(self, kind: str, x: float, y: float, said: str, anchor: str = "start") -> None:
        self.parts.append(
            Markup('<text {} x="{}" y="{}" text-anchor="{}">{}</text>').format(
                self._looks(kind), round(x, 1), round(y, 1), anchor, said
            )
        )

    def rule(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.parts.append(
            Markup('<line {} x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                self._looks("base"), round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1)
            )
        )

    def finish(self, height: float, told: str) -> Markup:
        kind = "wide-picture" if self.width >= WIDE else "narrow-picture"
        opened = (
            Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}">').format(self.width, round(height, 1))
            if self.paper
            else Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}" focusable="false">').format(
                kind, self.width, round(height, 1), told
            )
        )
        hatch = Markup(
            '<defs><pattern id="{}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            '<rect {} width="5" height="5"/><line {} x1="0" y1="0" x2="0" y2="5"/></pattern></defs>'
        ).format(self.name, self._looks("plate"), self._looks("stroke"))
        used = any("url(#" in part for part in self.parts)
        return Markup("").join([opened, *([hatch] if used else []), *self.parts, Markup("</svg>")])


def _legend(pen: _Pen, picture: Picture, words: Words) -> float:
    """Which fill is which series, in their order; where the bars may begin."""
    x, y = 0.0, 12.0
    for key, fill in zip(picture.chart.values, picture.chart.fills, strict=True):
        said = words.say(picture.column(key).heading)
        wide = 20 + len(said) * _LETTER
        if x and x + wide > pen.width:
            x, y = 0.0, y + _LINE + 4
        pen.box(f"fill-{fill}", x + 0.5, y - 10.5, 12, 12)
        pen.write("label", x + 18, y, said)
        x += wide + 16
    return y + 16


def _lying(pen: _Pen, picture: Picture, words: Words, top: float) -> float:
    """Lying bars beneath each other; where they end."""
    beside = _BESIDE if pen.width >= WIDE else 0
    left = float(beside + 10 if beside else 0)
    numbers = [len(_written(value, words)) for line in picture.lines for value in line.values]
    room = pen.width - left - (0 if picture.chart.form is ChartForm.STACKED else max(numbers, default=0) * 7.2 + 8) - 2
    unit = room / (_longest(picture) or 1)
    y = top
    for line in picture.lines:
        labels = _wrap(picture.label(line, words), (beside or pen.width) / _LETTER)
        bars = _bars_high(picture)
        if beside:
            high = max(len(labels) * _LINE, bars)
            base = y + (high - len(labels) * _LINE) / 2 + 11.5
            for nth, (kind, said) in enumerate(labels):
                pen.write(kind, beside, base + nth * _LINE, said, "end")
            _bars(pen, picture, line, words, left, y + (high - bars) / 2, unit)
        else:
            for nth, (kind, said) in enumerate(labels):
                pen.write(kind, 0, y + 11.5 + nth * _LINE, said)
            _bars(pen, picture, line, words, left, y + len(labels) * _LINE + 2, unit)
            high = len(labels) * _LINE + 2 + bars
        y += high + _GAP
    if beside:
        pen.rule(left, top - 3, left, y - _GAP + 3)
    return y - _GAP + 4


def _longest(picture: Picture) -> int:
    """The longest bar that there is to draw."""
    if picture.chart.form is ChartForm.STACKED:
        return max(sum(map(size, line.values)) for line in picture.lines)
    values = [value for line in picture.lines for value in line.values]
    return max(value.whole if isinstance(value, Share) else size(value) for value in values)


def _bars_high(picture: Picture) -> int:
    return len(picture.chart.values) * (_THIN + 1) if picture.chart.form is ChartForm.PAIRED else _BAR


def _bars(pen: _Pen, picture: Picture, line: ChartRow, words: Words, x: float, y: float, unit: float) -> None:
    """The bars of one line, each with its number."""
    if picture.chart.form is ChartForm.STACKED:
        _parts(pen, picture, line, words, x, y, unit)
        return
    thick = _THIN if picture.chart.form is ChartForm.PAIRED else _BAR
    for key, fill, value in zip(picture.chart.values, picture.chart.fills, line.values, strict=True):
        end = x
        if isinstance(value, Share):
            end = x + value.whole * unit
            pen.box("rail", x, y, value.whole * unit, thick)
        if size(value):
            long = max(size(value) * unit, _LEAST)
            pen.box(f"fill-{fill}", x, y, long, thick)
            end = max(end, x + long)
        said = _written(value, words) if value is not None else words.cell(None, picture.column(key))
        pen.write("value" if value is not None else "held", end + 6, y + thick / 2 + 4.3, said)
        y += thick + 1


def _parts(pen: _Pen, picture: Picture, line: ChartRow, words: Words, x: float, y: float, unit: float) -> None:
    """Parts end to end, each with its number as far as that fits; then, whether any is withheld."""
    for fill, value in zip(picture.chart.fills, line.values, strict=True):
        if not size(value):
            continue
        wide = max(size(value) * unit, _LEAST)
        pen.box(f"fill-{fill}", x, y, wide, _BAR)
        said = _written(value, words)
        if len(said) * 7 + 6 <= wide:
            if fill is Fill.HATCHED:
                pen.box("plate", x + 3, y + 2, len(said) * 6.4 + 5, _BAR - 4)
            pen.write("on-dark" if fill is Fill.DARK else "on-light", x + 5, y + _BAR / 2 + 4.2, said)
        x += wide
    hidden = [words.cell(None, picture.column(key))
              for key, value in zip(picture.chart.values, line.values, strict=True) if value is None]  # fmt: skip
    if hidden:
        pen.write("held", min(x + 6, pen.width - len(hidden[0]) * _LETTER), y + _BAR / 2 + 4.2, hidden[0])


def _upright(pen: _Pen, picture: Picture, words: Words) -> float:
    """Upright bars beside each other; where their labels end."""
    floor, lines = float(_HIGH + 22), 1
    slot = pen.width / len(picture.lines)
    thick = min(slot * 0.6, 56)
    unit = _HIGH / (_longest(picture) or 1)
    (key,) = picture.chart.values
    for nth, line in enumerate(picture.lines):
        (value,) = line.values
        middle, high = slot * (nth + 0.5), max(size(value) * unit, _LEAST) if size(value) else 0.0
        if high:
            pen.box(f"fill-{picture.chart.fills[0]}", middle - thick / 2, floor - high, thick, high)
        said = _written(value, words) if value is not None else words.cell(None, picture.column(key))
        pen.write("value" if value is not None else "held", middle, floor - high - 6, said, "middle")
        labels = _wrap(picture.label(line, words), slot / _LETTER)
        lines = max(lines, len(labels))
        for at, (kind, part) in enumerate(labels):
            pen.write(kind, middle, floor + 17 + at * _LINE, part, "middle")
    pen.rule(0, floor, pen.width, floor)
    return floor + 8 + lines * _LINE


def _wrap(labels: Sequence[str], letters: float) -> list[tuple[str, str]]:
    """A label's lines with how each is set: the name, then what is said beneath it."""
    kinds = ("label", *("under",) * (len(labels) - 1))
    room = max(4, int(letters))
    return [
        (kind, line)
        for kind, label in zip(kinds, labels, strict=True)
        for line in textwrap.wrap(label, room) or [label]
    ] or [("label", "")]


def _written(value: int | Share | None, words: Words) -> str:
    return "" if value is None else words.write(value)
