"""A row of bars as SVG with the table it is drawn from; no page, and no figure of its own.

Drawn by hand, because colour, type and dark mode then come from the style sheet by classes, a page needs no inline
style (its policy forbids it), and a chart costs a tenth of a millisecond and two kilobytes. A chart library would be
forty megabytes and would draw each chart once for light and once for dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.dates import format_date
from markupsafe import Markup

from server.core.tables import Column, Kind, Row, Section
from server.core.text import Text, phrase
from server.core.usage.intervals import Interval
from server.render.words import Words

_HEIGHT = 220
_TOP = 22
_BOTTOM = 30
_LEFT = 8
_LETTER = 6.6
"""Width of a letter at the size of labels, a little more than it is."""
_ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
"""What an axis may end at, times a power of ten."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. label: a day, or a sentence of ours."""

    label: date | Text
    count: int


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart. heading: what it shows. axis: what the labels are. unit: what is counted.

    summary: what a reader who cannot see it should hear first. note: what must be known with it.
    """

    key: str
    heading: Text
    axis: Text
    unit: Text
    bars: tuple[Bar, ...]
    summary: Text
    note: Text | None = None


def bars_section(chart: Bars) -> Section:
    """The table of a chart: the same numbers, in the same order."""
    rows: tuple[Row, ...] = tuple((bar.label, bar.count) for bar in chart.bars)
    kind = Kind.DATE if chart.bars and isinstance(chart.bars[0].label, date) else Kind.TEXT
    return Section(
        f"table-{chart.key}",
        chart.heading,
        columns=(Column("label", chart.axis, kind), Column("count", chart.unit, Kind.COUNT)),
        rows=rows,
        empty=phrase("There is nothing to show yet."),
    )


def summarise_bars(bars: tuple[Bar, ...]) -> Text:
    """First, last, highest and sum: what the eye would take from it."""
    if not bars or not any(bar.count for bar in bars):
        return phrase("Every value is zero.")
    top = max(bars, key=lambda bar: bar.count)
    return phrase(
        "Total: {all}. The highest, {most}, at {where}. The last value is {last}.",
        all=sum(bar.count for bar in bars),
        most=top.count,
        where=top.label,
        last=bars[-1].count,
    )


def draw_bars(chart: Bars, words: Words, *, width: int, variant: str) -> Markup:
    """The picture, in so many units of width; variant: makes its ids its own, where a page has it in two widths."""
    title, description = f"t-{chart.key}-{variant}", f"d-{chart.key}-{variant}"
    parts = [
        Markup(
            '<svg class="{}-chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{} {}" focusable="false">'
            '<title id="{}">{}</title><desc id="{}">{}</desc>'
        ).format(
            variant,
            width,
            _HEIGHT,
            title,
            description,
            title,
            words.say(chart.heading),
            description,
            words.say(chart.summary),
        )
    ]
    floor = _HEIGHT - _BOTTOM
    highest = _nice(max((bar.count for bar in chart.bars), default=0))
    for share in (0.5, 1.0):
        y = round(floor - share * (floor - _TOP), 1)
        parts.append(Markup('<line class="grid" x1="0" x2="{}" y1="{}" y2="{}"/>').format(width, y, y))
    slot = (width - 2 * _LEFT) / max(len(chart.bars), 1)
    thick = min(slot * 0.62, 56)
    labels = [_short(bar.label, words) for bar in chart.bars]
    every = _every(labels, slot)
    for nth, (bar, label) in enumerate(zip(chart.bars, labels, strict=True)):
        middle = round(_LEFT + slot * (nth + 0.5), 1)
        high = round((floor - _TOP) * bar.count / highest, 1)
        if bar.count:
            parts.append(
                Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}" rx="2"/>').format(
                    round(middle - thick / 2, 1), round(floor - max(high, 2), 1), round(thick, 1), max(high, 2)
                )
            )
        value = words.count(bar.count)
        if len(value) * _LETTER <= slot + 4:
            place = round(floor - max(high, 2 if bar.count else 0) - 6, 1)
            parts.append(
                Markup('<text class="value" x="{}" y="{}" text-anchor="middle">{}</text>').format(middle, place, value)
            )
        if (len(labels) - 1 - nth) % every == 0:
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(middle, _HEIGHT - 10, label)
            )
    parts.append(Markup('<line class="base" x1="0" x2="{}" y1="{}" y2="{}"/></svg>').format(width, floor, floor))
    return Markup("").join(parts)


def draw_interval(interval: Interval, threshold: Decimal | None, said: str) -> Markup:
    """A share between nought and all as a bar from its lowest to its highest, with a line at the threshold, if any.

    said: the same in words, for who cannot see it.
    """
    low, high, line = (round(float(part) * 300, 1) for part in (interval.low, interval.high, threshold or Decimal(0)))
    mark = (
        Markup("")
        if threshold is None
        else Markup('<line class="mark" x1="{}" x2="{}" y1="0" y2="22"/>').format(line, line)
    )
    return Markup(
        '<svg class="interval" viewBox="0 0 300 22" role="img" aria-label="{}" focusable="false">'
        '<rect class="rail" x="0" y="8" width="300" height="6" rx="3"/>'
        '<rect class="bar" x="{}" y="5" width="{}" height="12" rx="2"/>{}</svg>'
    ).format(said, min(low, 297), max(round(high - low, 1), 3), mark)


@dataclass(frozen=True, slots=True)
class Stack:
    """One row of bars end to end. counts: one for each series; None: withheld."""

    label: Text
    counts: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Stacks:
    """A chart of rows, each of a few series end to end. withheld: what stands where a count may not be shown."""

    key: str
    heading: Text
    series: tuple[Text, ...]
    stacks: tuple[Stack, ...]
    withheld: Text


def draw_stacks(chart: Stacks, words: Words, *, width: int, variant: str) -> Markup:
    """The picture, in so many units of width; each part also says its count, as far as that fits."""
    highest = max((sum(count or 0 for count in each.counts) for each in chart.stacks), default=0) or 1
    held = words.say(chart.withheld)
    parts, y = [], 16
    for nth, name in enumerate(chart.series):
        said = words.say(name)
        parts.append(
            Markup(
                '<rect class="s-{}" x="0" y="{}" width="12" height="12" rx="2"/><text x="18" y="{}">{}</text>'
            ).format(nth, y - 10, y, said)
        )
        y += 19
    y += 10
    told = []
    for each in chart.stacks:
        label, x = words.say(each.label), 0.0
        parts.append(Markup('<text class="value" x="0" y="{}">{}</text>').format(y, label))
        for nth, count in enumerate(each.counts):
            if not count:
                continue
            wide = max((width - 2) * count / highest, 2)
            parts.append(
                Markup('<rect class="s-{}" x="{}" y="{}" width="{}" height="18" rx="2"/>').format(
                    nth, round(x, 1), y + 6, round(wide - 1, 1)
                )
            )
            number = words.count(count)
            if len(number) * _LETTER + 8 <= wide:
                parts.append(
                    Markup('<text class="on-{}" x="{}" y="{}">{}</text>').format(nth, round(x + 5, 1), y + 19, number)
                )
            x += wide
        if None in each.counts:
            after = round(len(label) * (_LETTER + 1) + 10, 1)
            parts.append(Markup('<text class="held" x="{}" y="{}">{}</text>').format(after, y, held))
        known = [
            f"{words.say(name)} {held if count is None else words.count(count)}"
            for name, count in zip(chart.series, each.counts, strict=True)
        ]
        told.append(f"{label}: {', '.join(known)}.")
        y += 48
    title, description = f"t-{chart.key}-{variant}", f"d-{chart.key}-{variant}"
    return Markup(
        '<svg class="{}-chart stacks" viewBox="0 0 {} {}" role="img" aria-labelledby="{} {}" focusable="false">'
        '<title id="{}">{}</title><desc id="{}">{}</desc>{}</svg>'
    ).format(
        variant, width, max(y - 14, 20), title, description, title, words.say(chart.heading), description,
        " ".join(told), Markup("").join(parts),
    )  # fmt: skip


def _short(label: date | Text, words: Words) -> str:
    """A label as it stands under a bar: a day without its year."""
    return words.say(label) if isinstance(label, Text) else format_date(label, "d MMM", locale=words.language)


def _every(labels: list[str], slot: float) -> int:
    """How many bars share one label, so that labels do not touch."""
    widest = max((len(label) for label in labels), default=1) * _LETTER + 6
    return max(1, -(-int(widest) // max(int(slot), 1)))


def _nice(highest: int) -> int:
    """A round number not below the highest value, and not far above it; 1 for nothing."""
    step = 1
    while highest > 10 * step:
        step *= 10
    return next(round(tenth * step) for tenth in _ROUND if tenth * step >= highest)
