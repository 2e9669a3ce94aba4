"""A chart says the same to the eye, to the ear and in its table, and needs no style of its own."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest

from server.core.text import phrase
from server.render.charts import Bar, Bars, bars_section, draw_bars, summarise_bars
from server.render.words import Words

DAYS = [date(2026, 1, 5) + timedelta(weeks=nth) for nth in range(13)]


def chart(*counts: int) -> Bars:
    bars = tuple(Bar(day, count) for day, count in zip(DAYS, counts, strict=False))
    heading = phrase("Verified removed, week by week")
    return Bars("trend", heading, phrase("Week from"), phrase("Contacts in address books"), bars, summarise_bars(bars))


def heights(svg: str) -> list[float]:
    return [float(each) for each in re.findall(r'<rect class="bar"[^>]* height="([\d.]+)"', svg)]


def test_bars_are_as_high_as_their_counts():
    first, second, third = heights(draw_bars(chart(10, 20, 40), Words("en"), width=720, variant="wide"))
    assert (round(second / first, 2), round(third / first, 2)) == (2.0, 4.0)


def test_a_count_of_nought_has_no_bar_and_is_said_all_the_same():
    svg = draw_bars(chart(0, 5), Words("en"), width=720, variant="wide")
    assert len(heights(svg)) == 1
    assert re.findall(r'class="value"[^>]*>(\d+)<', svg) == ["0", "5"]


def test_one_among_thousands_can_still_be_seen():
    assert min(heights(draw_bars(chart(1, 5000), Words("en"), width=720, variant="wide"))) >= 2


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_picture_has_a_name_and_a_description_in_the_readers_language(language):
    words = Words(language)
    svg = draw_bars(chart(3, 41, 12), words, width=720, variant="wide")
    assert 'role="img" aria-labelledby="t-trend-wide d-trend-wide"' in svg
    assert f'<title id="t-trend-wide">{words.say(chart().heading)}</title>' in svg
    assert "41" in re.search(r"<desc[^>]*>([^<]+)</desc>", svg)[1]


def test_the_table_has_the_same_numbers_in_the_same_order():
    assert [row[1] for row in bars_section(chart(3, 41, 12)).rows] == [3, 41, 12]


def test_an_empty_chart_is_drawn_and_says_so():
    assert "Every value is zero." in draw_bars(chart(0, 0), Words("en"), width=360, variant="narrow")
    assert "<svg" in draw_bars(chart(), Words("en"), width=360, variant="narrow")


def test_labels_do_not_touch_on_a_narrow_picture():
    svg = draw_bars(chart(*range(13)), Words("en"), width=360, variant="narrow")
    places = [float(each) for each in re.findall(r'<text x="([\d.]+)" y="210"', svg)]
    assert all(after - before >= 36 for before, after in pairwise(places))
    assert len(places) >= 4


def test_a_picture_has_no_style_and_no_script_in_it():
    svg = draw_bars(chart(1, 2), Words("en"), width=360, variant="narrow")
    assert "style" not in svg
    assert "script" not in svg


def test_a_label_is_text_whatever_it_holds():
    bars = (Bar(phrase("{value}", value="<b>"), 1),)
    hostile = Bars("x", phrase("{value}", value="<i>"), phrase("Day"), phrase("Orders"), bars, summarise_bars(bars))
    svg = draw_bars(hostile, Words("en"), width=360, variant="narrow")
    assert "<b>" not in svg
    assert "<i>" not in svg
