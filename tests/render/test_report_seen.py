"""A report as one page in a real browser: axe finds nothing, nothing is forbidden to it, and it fits a phone."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.render.html import report_page
from server.render.words import Words
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.browser import chromium
from tests.render.library import ORGANISATION, reports

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as running:
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


@pytest.fixture(scope="module")
def axe() -> str:
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        part_missing("axe-playwright-python is not installed: pages cannot be examined")
    return (Path(found.origin).parent / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize(("language", "scheme", "width"), [("nl", "light", 390), ("en", "dark", 1280)])
@pytest.mark.parametrize("key", ["quarterly", "times"])
def test_a_report_with_charts_can_be_read_by_everybody(
    browser: Browser, axe: str, tmp_path: Path, key: str, language: str, scheme: str, width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(report_page(reports()[key], Words(language)), "utf-8")
    # The page forbids itself scripts; axe is one, and is let in by the browser and not by the page.
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    strict = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    try:
        page = strict.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(file.as_uri())
        assert said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shown = page.locator("figure.picture svg:visible")
        assert shown.count() == page.locator("figure.picture").count() > 0
        assert {shown.nth(n).get_attribute("class") for n in range(1, shown.count())} == {
            "wide-picture" if width > 800 else "narrow-picture"
        }
        page = context.new_page()
        page.goto(file.as_uri())
        found = page.evaluate(
            f"(tags) => {{ {axe}; return axe.run("
            "{runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']}).then(found => found.violations) }",
            LEVELS,
        )
        assert [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found] == []
    finally:
        context.close()
        strict.close()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_no_report_is_wider_than_its_window_whatever_an_organisation_is_called(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    file = tmp_path / "report.html"
    long = "Stichting-Invented-" + "Veiligheidsregio" * 5
    context = browser.new_context()
    page = context.new_page()
    wider = []
    for key, report in reports().items():
        file.write_text(report_page(report, Words(language)).replace(ORGANISATION, long), "utf-8")
        page.goto(file.as_uri())
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wider.append((key, width))
    context.close()
    assert wider == []
