"""Every report's PDF before a judge that is not its maker: page-validation, which knows PDF/UA-1 (ISO 14289-1).

It passes the corpus of veraPDF and is no kin of typst. What a machine cannot judge (whether a text alternative says
enough, whether the order makes sense) is in the tests of charts and of paper, and for people.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import Any

import pypdf
import pytest
from pypdf.generic import NameObject

from server.core.tables import Column
from server.core.text import phrase
from server.render.drawn import pictures, tell
from server.render.printed import report_pdf
from server.render.words import Words
from tests.conftest import part_missing
from tests.render.library import reports

pytestmark = pytest.mark.xdist_group("pdf")  # each report is made once for all of them

WORDS = {language: Words(language) for language in ("nl", "en")}


@cache
def made(key: str, language: str) -> bytes:
    return report_pdf(reports()[key], WORDS[language])


def faults_of(pdf: bytes) -> list[str]:
    """What the judge finds, in its words."""
    if find_spec("page") is None:
        part_missing("page-validation is not installed: nobody independent to judge PDF/UA by")
    import page  # noqa: PLC0415

    judged = page.validate_pdf_bytes(pdf, profile="ua1")
    assert judged.rules.total > 100
    assert judged.is_compliant is (not judged.failures)
    return [f"{each.rule_id}: {each.message}" for each in judged.failures]


def structure(pdf: bytes) -> list[dict[str, Any]]:
    """Every element of the structure tree, in the order in which it is read."""
    found: list[dict[str, Any]] = []

    def walk(node: Any) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict):
            if "/S" in node:
                found.append(node)
            if "/K" in node:
                walk(node["/K"])

    walk(pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/StructTreeRoot"]["/K"])
    return found


@pytest.mark.parts
@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("key", reports())
def test_every_report_is_sound_pdf_ua_in_both_languages(key: str, language: str) -> None:
    assert faults_of(made(key, language)) == []


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("key", reports())
def test_every_chart_is_a_figure_whose_alternative_is_its_own(key: str, language: str) -> None:
    report, words = reports()[key], WORDS[language]
    tree = structure(made(key, language))
    told = [str(each["/Alt"]) for each in tree if each["/S"] == "/Figure"]
    assert told == [tell(each, words) for section in report.body for each in pictures(section)]
    assert all(told)


def test_a_chart_is_read_between_the_heading_and_the_table_of_its_section() -> None:
    report = reports()["times"]
    kinds = [str(each["/S"]) for each in structure(made("times", "en"))]
    told = [each for each in kinds if each in ("/H1", "/H2", "/Figure", "/Table")]
    sections = [
        part
        for section in report.body
        for part in (
            "/H", *("/Figure" for _ in pictures(section)), *(("/Table",) if section.columns and section.rows else ())
        )
    ]  # fmt: skip
    body = ["/H" if each in ("/H1", "/H2") else each for each in told]
    # The first heading is that of the key figures; that of the contents and of the digest stand by themselves.
    assert [each for each in body if each != "/H"] == [each for each in sections if each != "/H"]
    assert all(body[at - 1] == "/H" for at, each in enumerate(body) if each == "/Figure")


@pytest.mark.parametrize("key", ["quarterly", "council"])
def test_a_report_within_a_report_is_a_part_of_its_own_in_headings_and_contents(key: str) -> None:
    report = reports()[key]
    kinds = [str(each["/S"]) for each in structure(made(key, "nl"))]
    lower = [each for each in report.body if each.key.split("_")[0] in ("channels", "declarations")]
    assert len(lower) >= 8
    assert kinds.count("/H2") == len(lower)
    # Its own sections, the two parts, the key figures, the contents and the digest.
    assert kinds.count("/H1") == len(report.body) - len(lower) + 2 + 3
    assert kinds.count("/TOCI") == kinds.count("/H1") + kinds.count("/H2") - 1


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("key", reports())
def test_no_page_is_empty(key: str, language: str) -> None:
    pages = [page.extract_text().split() for page in pypdf.PdfReader(io.BytesIO(made(key, language))).pages]
    header_and_footer = len(f"{reports()[key].organisation} {WORDS[language].say(reports()[key].title)}".split()) + 18
    assert [len(words) > header_and_footer for words in pages] == [True] * len(pages)


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("key", reports())
def test_every_heading_of_a_column_says_that_it_is_one(key: str, language: str) -> None:
    heads = [each for each in structure(made(key, language)) if each["/S"] == "/TH"]
    assert heads
    assert {_scope(each) for each in heads} <= {"/Column", "/Row"}


def _scope(head: dict[str, Any]) -> str:
    attributes = head["/A"].get_object()
    every = attributes if isinstance(attributes, list) else [attributes]
    return next(str(each.get_object()["/Scope"]) for each in every if "/Scope" in each.get_object())


def addresses(pdf: bytes) -> set[str]:
    """Where its links lead, outside itself."""
    notes = [each.get_object() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages for each in page.get("/Annots", [])]
    return {str(each["/A"]["/URI"]) for each in notes if "/URI" in each.get("/A", {})}


def test_the_sources_of_requirements_are_links_and_an_address_in_data_is_none() -> None:
    report = reports()["times"]
    annex = next(each for each in report.body if each.key == "controls")
    assert addresses(made("times", "nl")) == {str(row[-1]) for row in annex.rows}
    planted = replace(report.sources, rows=(("https://example.org/", *report.sources.rows[0][1:]),), columns=(
        Column("kind", phrase("Source")), *report.sources.columns[1:],
    ))  # fmt: skip
    pdf = report_pdf(replace(report, sources=planted), WORDS["nl"])
    assert addresses(pdf) == addresses(made("times", "nl"))
    assert "https://example.org/" in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


# --- the judge itself: it finds what is taken out


def without(pdf: bytes, take: Callable[[dict[str, Any], list[dict[str, Any]]], None]) -> bytes:
    """The same document with something taken out of its structure."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf))
    found: list[dict[str, Any]] = []

    def walk(node: Any) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict) and "/S" in node:
            found.append(node)
            walk(node.get("/K", []))

    root = writer.root_object
    walk(root["/StructTreeRoot"]["/K"])
    take(root, found)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def take_alternatives(_root: dict[str, Any], tree: list[dict[str, Any]]) -> None:
    for each in tree:
        each.pop("/Alt", None)


def take_language(root: dict[str, Any], _tree: list[dict[str, Any]]) -> None:
    del root["/Lang"]


def take_tags(root: dict[str, Any], _tree: list[dict[str, Any]]) -> None:
    del root["/StructTreeRoot"]


def skip_a_level(_root: dict[str, Any], tree: list[dict[str, Any]]) -> None:
    second = [each for each in tree if str(each["/S"]).startswith("/H")][1]
    second[NameObject("/S")] = NameObject("/H4")


def take_metadata(root: dict[str, Any], _tree: list[dict[str, Any]]) -> None:
    del root["/Metadata"]


@pytest.mark.parts
@pytest.mark.parametrize("take", [take_alternatives, take_language, take_tags, skip_a_level, take_metadata])
def test_the_judge_finds_what_is_missing(take: Callable[[dict[str, Any], list[dict[str, Any]]], None]) -> None:
    sound = made("times", "nl")
    assert faults_of(without(sound, lambda _root, _tree: None)) == []
    assert faults_of(without(sound, take)) != []
