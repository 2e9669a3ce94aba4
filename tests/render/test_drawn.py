"""A report's charts: the same numbers as their table and no others, told to the ear too, and readable in grey."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from server.core.model import Level
from server.core.reports import channels, council, kept
from server.core.reports.document import Report, canonical
from server.core.reports.removals import View
from server.core.tables import Column, Kind, Section
from server.core.text import Share, phrase
from server.render.drawn import CHARTS, MOST_LINES, NARROW, WIDE, Fill, Picture, draw, pictures, tell
from server.render.formats import FORMATS
from server.render.words import Words
from tests.render.library import PARTS, WITHHELD, channel_facts, council_facts, reports, tally

NL, EN = Words("nl"), Words("en")
LANGUAGES = pytest.mark.parametrize("words", [NL, EN], ids=["nl", "en"])
ITEMS = (
    Column("team", phrase("Team")),
    Column("items", phrase("Contacts in address books"), Kind.COUNT, blank=phrase("Withheld")),
)


def teams(*rows: tuple[str, int | None], key: str = "teams") -> Section:
    return Section(key, phrase("The same by team"), columns=ITEMS, rows=rows)


def picture_of(*rows: tuple[str, int | None]) -> Picture:
    (found,) = pictures(teams(*rows))
    return found


def every_picture() -> Iterator[tuple[Report, Picture]]:
    for report in reports().values():
        for section in report.body:
            for picture in pictures(section):
                yield report, picture


def lengths(svg: str) -> list[float]:
    return [float(each) for each in re.findall(r'<rect class="fill-dark"[^>]* width="([\d.]+)"', svg)]


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


# --- which tables have one


def test_each_report_has_the_charts_that_belong_to_it() -> None:
    found: dict[str, list[str]] = {key: [] for key in reports()}
    for report, picture in every_picture():
        found[report.key].append(f"{picture.section.key} {picture.nth}")
    use = ["channels_use 1", "channels_use 2", "channels_use 3", "channels_teams 1", "channels_presence 1"]
    papers = ["declarations_papers 1", "declarations_outcomes 1", "declarations_outcomes 2", "declarations_causes 1"]
    assert found == {
        "quarterly": [
            "coverage 1",
            "removed 1",
            "trend 1",
            "evidence 1",
            "times 1",
            "standing 1",
            "questions 1",
            *use,
            *papers,
        ],
        "council": ["coverage 1", "removed 1", "teams 1", "questions 1", *use, *papers],
        "management": ["coverage 1"],
        "removals": ["coverage 1", "evidence 1"],
        "channels": [each.removeprefix("channels_") for each in use],
        "declarations": [each.removeprefix("declarations_") for each in papers],
        "sample": ["coverage 1"],
        "coverage": ["coverage 1", "evidence 1"],
        "times": ["coverage 1", "times 1", "trend 1", "standing 1"],
        "policies": ["coverage 1"],
        "deviations": ["coverage 1"],
        "article30": ["coverage 1"],
        "dpia": ["coverage 1"],
    }


def test_a_chart_never_draws_what_tells_of_one_person_or_one_item() -> None:
    drawn = {key for chart in CHARTS for key in (*chart.labels, *chart.values, *chart.panels)}
    assert drawn & {"item", "case", "worker", "place", "phone", "label", "decided_by", "last_fetch"} == set()


def test_there_is_no_chart_where_there_is_nothing_to_compare_or_too_much() -> None:
    many = [(f"Team {n:02}", n) for n in range(1, MOST_LINES + 2)]
    assert [pictures(teams(*rows)) for rows in ([], [("A", 3)], [("A", 0), ("B", None)], [("A", 3), ("B", 0)])] == [
        ()
    ] * 4
    assert pictures(teams(*many)) == ()
    assert len(picture_of(*many[:MOST_LINES]).lines) == MOST_LINES


def test_a_report_that_was_kept_has_the_same_charts() -> None:
    made = reports()["quarterly"]
    again = kept.restore(canonical(made))
    assert [draw(p, NL) for s in again.body for p in pictures(s)] == [
        draw(p, NL) for s in made.body for p in pictures(s)
    ]


# --- what they show


def test_bars_are_as_long_as_their_numbers() -> None:
    first, second, third = lengths(draw(picture_of(("A", 10), ("B", 20), ("C", 40)), EN))
    assert (round(second / first, 1), round(third / first, 1)) == (2.0, 4.0)


def test_one_among_thousands_can_still_be_seen_and_nought_has_no_bar() -> None:
    svg = draw(picture_of(("A", 1), ("B", 90_000), ("C", 0)), EN)
    assert len(lengths(svg)) == 2
    assert min(lengths(svg)) >= 2
    assert texts(svg) == ["A", "1", "B", "90,000", "C", "0"]


def test_a_share_is_a_bar_on_a_rail_and_what_has_no_share_is_left_out() -> None:
    (picture,) = pictures(next(each for each in reports()["quarterly"].body if each.key == "evidence"))
    svg = draw(picture, EN)
    assert [line.labels[0] for line in picture.lines] == [
        Level.DEVICE_SYNCED, Level.DEVICE_ATTESTED, Level.CONTAINER_REMOVED,
    ]  # fmt: skip
    rails = [float(each) for each in re.findall(r'<rect class="rail"[^>]* width="([\d.]+)"', svg)]
    assert [round(bar / rail, 3) for bar, rail in zip(lengths(svg), rails, strict=True)] == [
        pytest.approx(part / 2_410, abs=0.004) for part in (2_206, 380, 24)
    ]


def test_units_of_counting_never_share_a_picture() -> None:
    for _, picture in every_picture():
        at = [column.key for column in picture.section.columns]
        shared = {
            tuple(picture.section.rows[line.at][at.index(key)] for key in picture.chart.panels)
            for line in picture.lines
        }
        assert len(shared) == 1


@pytest.mark.parametrize("width", [WIDE, NARROW])
@LANGUAGES
def test_every_number_in_a_picture_stands_in_its_table(words: Words, width: int) -> None:
    for _, picture in every_picture():
        rows = picture.section.rows
        table = {words.write(value) for row in rows for value in row if isinstance(value, int | Share)}
        svg = draw(picture, words, width=width)
        numbers = re.findall(r'<text class="(?:value|on-dark|on-light)"[^>]*>([^<]*)</text>', svg)
        assert numbers
        assert set(numbers) <= table


# --- what they do not show


def of_council(hidden: int) -> tuple[Report, ...]:
    """Reports with another number behind all that is withheld."""
    lines = tuple(
        replace(each, figure=replace(each.figure, **{
            name: hidden for name in PARTS if name not in each.shown
        }))
        for each in (*channel_facts().lines, *channel_facts().team_lines)
    )  # fmt: skip
    told = replace(channel_facts(), lines=lines[:7], team_lines=lines[7:])
    others = (channels.build(told), reports()["declarations"])
    return channels.build(told), council.build(tally(), View.OPAQUE, council_facts(), others)


@pytest.mark.parametrize("ending", ["html", "pdf", "xlsx"])
def test_what_is_withheld_changes_not_one_byte_of_what_is_handed_out(ending: str) -> None:
    def made(hidden: int) -> list[bytes]:
        return [FORMATS[ending].write(each, NL) for each in of_council(hidden)]

    assert made(WITHHELD) == made(3)


@LANGUAGES
def test_where_a_number_is_withheld_it_says_so_and_there_is_no_bar(words: Words) -> None:
    svg = draw(picture_of(("A", 4), ("B", None), ("C", 6)), words)
    assert len(lengths(svg)) == 2
    assert texts(svg) == ["A", "4", "B", words.say(phrase("Withheld")), "C", "6"]


def test_the_length_of_a_bar_tells_nothing_of_a_withheld_number_beside_it() -> None:
    svg = draw(picture_of(("A", 4), ("B", None), ("C", 6)), EN)
    without = draw(picture_of(("A", 4), ("C", 6)), EN)
    assert lengths(svg) == lengths(without)


def test_no_sum_is_told_that_the_table_does_not_have() -> None:
    told = tell(picture_of(("A", 4), ("B", None), ("C", 6)), EN)
    assert told == (
        "The same by team. Chart with 3 bars. Contacts in address books: the highest, 6, at C. "
        "1 number is withheld. The table has all numbers."
    )


# --- to the ear, on paper, in grey


@LANGUAGES
def test_every_picture_says_what_the_eye_would_take_from_it(words: Words) -> None:
    for _, picture in every_picture():
        told = tell(picture, words)
        assert words.say(picture.section.heading) in told
        assert told.endswith(words.say(phrase("The table has all numbers.")))
        for key in picture.chart.values:
            heading = words.say(picture.column(key).heading)
            assert (
                heading in told
                or picture.chart.form.value == "shares"
                or all(line.values[picture.chart.values.index(key)] is None for line in picture.lines)
            )


def marks(svg: str) -> list[str]:
    """What is drawn, without looks."""
    plain = re.sub(r' (class|fill|stroke|stroke-width|font-[a-z]+)="[^"]*"', "", svg)
    return re.findall(r"<(?:rect|text|line)[^>]*>[^<]*", plain)


@LANGUAGES
def test_paper_and_page_show_the_same_picture(words: Words) -> None:
    for _, picture in every_picture():
        assert marks(draw(picture, words)) == marks(draw(picture, words, paper=True))


def grey(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_series_can_be_told_apart_without_colour() -> None:
    svg = draw(next(p for _, p in every_picture() if len(p.chart.fills) == 4), NL, paper=True)
    swatches = re.findall(
        r'<rect fill="([^"]+)"[^>]* width="12" height="12"', svg.replace('stroke="#0d3b41" stroke-width="0.7" ', "")
    )
    assert len(swatches) == 4
    (hatched,) = [each for each in swatches if each.startswith("url(#")]
    assert f'<pattern id="{hatched[5:-1]}"' in svg
    shades = sorted(grey(each) for each in swatches if each != hatched)
    assert min((lighter + 0.05) / (darker + 0.05) for darker, lighter in pairwise(shades)) >= 1.25
    assert all(len(set(chart.fills)) == len(chart.values) for chart in CHARTS)
    assert all(fill in Fill for chart in CHARTS for fill in chart.fills)


@pytest.mark.parametrize("paper", [False, True])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@LANGUAGES
def test_nothing_stands_outside_a_picture(words: Words, width: int, paper: bool) -> None:
    for _, picture in every_picture():
        svg = draw(picture, words, width=width, paper=paper)
        (high,) = re.findall(rf'viewBox="0 0 {width} ([\d.]+)"', svg)
        for x, y, anchor, said in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">([^<]*)', svg):
            long = len(said) * 5.6
            left = float(x) - {"start": 0.0, "middle": long / 2, "end": long}[anchor]
            assert left >= -6, said
            assert left + long <= width + 6, said
            assert 0 < float(y) <= float(high), said
        for x, wide in re.findall(r'<rect[^>]* x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg):
            assert float(x) + float(wide) <= width + 1


def test_a_picture_on_a_page_has_no_style_of_its_own_and_data_in_it_is_text() -> None:
    svg = draw(picture_of(("<b>=1+1</b>", 3), ('" onload="x', 5)), EN)
    assert "style=" not in svg
    assert "<b>" not in svg
    assert " onload=" not in re.sub(r">[^<]*<", "><", svg).replace("&#34; onload=", "")
    assert 'role="img" aria-label="The same by team.' in svg


def test_ids_are_unique_on_a_page_with_many_pictures() -> None:
    for report in reports().values():
        page = FORMATS["html"].write(report, NL).decode()
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_declarations_with_withheld_states_keep_the_number_of_the_others_exact() -> None:
    (picture,) = pictures(next(s for s in reports()["declarations"].body if s.key == "papers"))
    shown = [line.values[0] for line in picture.lines]
    assert shown == [37, 8, 7, None, None, 0, 0]
