"""The page: one file that asks nobody for anything, tells everybody all and lets nothing in; looks are not tested."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from server.core.reports.document import digest
from server.core.reports.removals import Deferred, Item, View, build
from server.render.drawn import pictures, tell
from server.render.html import TEMPLATES, report_page
from server.render.words import Words
from tests.render.library import reports
from tests.render.sample import facts

NL, EN = Words("nl"), Words("en")
LANGUAGES = pytest.mark.parametrize("words", [NL, EN], ids=["nl", "en"])
VIEWS = pytest.mark.parametrize("view", View)
VOID = {"meta", "link", "br", "hr", "img", "input"}

Tag = tuple[str, dict[str, str | None]]


class Reader(HTMLParser):
    """The tags and the text of a page; a tag closed out of order is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.text.append(" ".join(data.split()))


def page(words: Words = EN, view: View = View.PERSON) -> str:
    return report_page(build(facts(), view), words)


def of(reader: Reader, name: str) -> Iterator[dict[str, str | None]]:
    return (attrs for tag, attrs in reader.tags if tag == name)


@LANGUAGES
@VIEWS
def test_the_page_is_whole_and_runs_nothing_and_asks_nobody(words: Words, view: View) -> None:
    reader = Reader(page(words, view))
    assert {tag for tag, _ in reader.tags} & {"script", "iframe", "img", "object", "embed", "form", "base"} == set()
    assert [name for _, attrs in reader.tags for name in attrs if name.startswith("on") or name == "style"] == []
    links = [value for _, attrs in reader.tags for name, value in attrs.items() if name in {"href", "src", "action"}]
    assert {str(link)[:1] for link in links if link != "data:,"} == {"#"}
    css = (TEMPLATES / "report.css").read_text("utf-8")
    assert re.findall(r"url\(|@import|https?:|</", css) == []


def test_the_page_forbids_itself_all_but_its_own_style() -> None:
    made = page()
    style = re.search(r"<style>(.*?)</style>", made, re.DOTALL)
    assert style
    expected = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (policy,) = [attrs["content"] for attrs in of(Reader(made), "meta") if attrs.get("http-equiv")]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{expected}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


@LANGUAGES
@VIEWS
def test_the_page_can_be_walked_by_ear_and_by_keyboard(words: Words, view: View) -> None:
    reader = Reader(page(words, view))
    assert [attrs["lang"] for attrs in of(reader, "html")] == [words.language]
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    named = [attrs["aria-labelledby"] for _, attrs in reader.tags if "aria-labelledby" in attrs]
    targets = [str(attrs["href"])[1:] for attrs in of(reader, "a")]
    assert set(named) | set(targets) <= set(ids)
    assert targets[0] == "main"
    assert all(attrs.get("scope") in {"col", "row"} for attrs in of(reader, "th"))
    assert len(list(of(reader, "caption"))) == len(list(of(reader, "table")))
    assert len(list(of(reader, "h1"))) == 1


@LANGUAGES
def test_the_page_says_all_that_a_report_must_say(words: Words) -> None:
    report = build(facts(), View.PERSON)
    text = " ".join(Reader(report_page(report, words)).text)
    said = [
        report.organisation,
        words.write(report.period),
        words.instant(report.made_at),
        *report.policies,
        words.name(report.view),
        words.say(report.caveat),
        digest(report),
        *(words.say(figure.label) for figure in report.figures),
        *(words.say(figure.coverage) for figure in report.figures),
        *(words.say(section.heading) for section in report.body),
        *(words.say(note) for section in report.body for note in section.notes),
        *(str(order.item.case) for order in facts().removed),
    ]
    assert [each for each in said if each not in text] == []


def test_a_dutch_page_has_no_english_left() -> None:
    report = build(facts(), View.PERSON)
    dutch = set(Reader(report_page(report, NL)).text)
    english = {EN.say(section.heading) for section in report.body} | {EN.say(figure.label) for figure in report.figures}
    assert dutch & english == set()


HOSTILE = "<script>alert(1)</script>\"'>&amp;\u202e{{7*7}}\x1b[2J"


def test_what_comes_from_outside_is_shown_and_never_obeyed() -> None:
    told = facts()
    planted = replace(
        told,
        organisation=HOSTILE,
        policies=(HOSTILE,),
        removed=tuple(
            replace(order, item=Item(HOSTILE, HOSTILE, HOSTILE, HOSTILE), policy=HOSTILE) for order in told.removed[:1]
        ),
        sources=tuple(replace(source, label=HOSTILE) for source in told.sources),
        phones=tuple(replace(phone, label=HOSTILE, worker=HOSTILE) for phone in told.phones),
    )
    made = report_page(build(planted, View.PERSON), EN)
    reader = Reader(made)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert "<script>alert(1)</script>\"'>&amp;�{{7*7}}�[2J" in reader.text
    assert {"\u202e", "\x1b"} & set(made) == set()


@VIEWS
def test_no_item_that_is_postponed_is_on_the_page_nor_how_many_below_ten(view: View) -> None:
    made = [
        report_page(
            build(replace(facts(), deferred=tuple(Deferred(Item(each, each, each, each)) for each in some)), view), EN
        )
        for some in ((), ("aaaa",), ("aaaa", "bbbb"))
    ]
    assert made[0] == made[1] == made[2]


def test_a_table_too_long_for_a_page_says_how_much_is_left_out_and_where_it_is() -> None:
    report = build(facts(), View.PERSON)
    made = report_page(report, EN, most=5)
    assert "The first 5 of 16 lines are shown here. The CSV and JSON of this report hold them all." in made
    assert "lines are shown here" not in report_page(report, EN, most=16)


@LANGUAGES
@pytest.mark.parametrize("key", ["quarterly", "council"])
def test_a_report_within_a_report_is_a_part_with_a_title_of_its_own(key: str, words: Words) -> None:
    report = reports()[key]
    reader = Reader(report_page(report, words))
    titles = [attrs["id"] for attrs in of(reader, "h2") if str(attrs.get("id")).startswith("part-")]
    assert titles == ["part-channels", "part-declarations"]
    under = [each.key for each in report.body if each.key.split("_")[0] in ("channels", "declarations")]
    assert [str(attrs["id"]).removeprefix("h-") for attrs in of(reader, "h3")] == under
    links = [str(attrs["href"])[1:] for attrs in of(reader, "a")]
    assert [each for each in links if each.startswith("part-")] == titles


@LANGUAGES
def test_every_chart_stands_in_the_page_in_two_widths_and_is_told_in_words(words: Words) -> None:
    report = reports()["quarterly"]
    drawn = list(of(Reader(report_page(report, words)), "svg"))
    told = [tell(each, words) for section in report.body for each in pictures(section)]
    assert [attrs["aria-label"] for attrs in drawn] == [each for each in told for _ in range(2)]
    assert [attrs["class"] for attrs in drawn] == ["wide-picture", "narrow-picture"] * len(told)
    assert {attrs["role"] for attrs in drawn} == {"img"}


@LANGUAGES
def test_the_same_facts_give_the_same_page(words: Words) -> None:
    assert page(words) == page(words)


# --- contrast (WCAG 2.2, 1.4.3): text 4.5 to 1, shapes that carry meaning 3 to 1


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css))


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("ink", "paper", 7),
        ("ink", "sheet", 7),
        ("ink", "tint", 7),
        ("ink", "warm-tint", 7),
        ("soft", "paper", 4.5),
        ("soft", "sheet", 4.5),
        ("accent", "paper", 4.5),
        ("accent", "sheet", 4.5),
        ("deep-ink", "deep", 7),
        ("deep-soft", "deep", 4.5),
        ("rule-strong", "paper", 2.5),
        ("warm", "paper", 3),
        ("fill-dark", "paper", 3),
        ("on-dark", "fill-dark", 4.5),
        ("ink", "fill-middle", 4.5),
        ("ink", "fill-pale", 7),
    ],
)
def test_every_pair_of_colours_can_be_told_apart(scheme: str, front: str, back: str, least: float) -> None:
    css = (TEMPLATES / "report.css").read_text("utf-8")
    light, dark, *_ = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    palette = colours(light if scheme == "light" else dark)
    assert contrast(palette[front], palette[back]) >= least
