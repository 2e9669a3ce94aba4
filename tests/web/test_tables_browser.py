"""Tables in a real browser: sorted with the keyboard, exported, and by their forms without a script."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.web.test_browser import (  # noqa: F401 - fixtures that come with the browser
    NARROW,
    WIDE,
    _browser,
    axe,
    come_in,
    examine,
    expect,
    follow,
    go,
    live,
    open_page,
)

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("browser")]


def column(page, table: str, nth: int) -> list[str]:
    """What stands in a column of the table under that heading."""
    return page.locator(f"table[aria-labelledby=h-{table}] tbody tr > :nth-child({nth})").all_inner_texts()


def test_a_table_is_sorted_with_the_keyboard_and_says_so(open_page, live, axe):  # noqa: F811
    page = come_in(open_page(), "Privacy officer")
    follow(page, "Removals", exact=True)
    heading = page.get_by_role("columnheader", name="Worker").get_by_role("link")
    heading.focus()
    go(page, lambda: page.keyboard.press("Enter"))
    workers = column(page, "removals", 3)
    assert workers == sorted(workers)
    expect(page.get_by_role("columnheader", name="Worker")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("table", name="Removed")).to_have_attribute("aria-rowcount", "96")
    go(page, page.get_by_role("columnheader", name="Worker").get_by_role("link").click)
    assert column(page, "removals", 3) == sorted(workers, reverse=True) or column(page, "removals", 3)[0] >= workers[-1]
    go(page, page.get_by_role("link", name="Next 50").click)
    expect(page.get_by_text("Rows 51 to 95 of 95")).to_be_visible()
    assert examine(page, axe) == []
    assert live.faults == []


def test_a_table_is_taken_along_as_it_is_shown(open_page, live):  # noqa: F811
    page = come_in(open_page(), "IT administrator")
    page.goto("/places")
    go(page, page.get_by_role("columnheader", name="Phones").get_by_role("link").click)
    with page.expect_download() as kept:
        page.get_by_role("link", name="CSV Address books").click()
    lines = list(csv.reader(Path(kept.value.path()).read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert [line[0] for line in lines[1:]] == column(page, "places", 1)
    assert kept.value.suggested_filename == "places-2026-03-17.csv"
    assert live.faults == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["desktop", "phone"])
def test_a_list_is_chosen_from_and_sorted_by_its_form_without_a_script(_browser, live, axe, size):  # noqa: F811, PT019
    context = _browser.new_context(base_url=live.url, locale="en-GB", viewport=size, java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-in")
    page.locator("button[value=privacy_officer]").click()
    page.goto("/removals")
    page.get_by_label("Why it had to go", exact=True).select_option("no_longer_assigned")
    page.locator("[name='removals.sort']").select_option("-worker")
    page.get_by_role("button", name="Show", exact=True).click()
    workers = column(page, "removals", 3)
    assert len(workers) > 1
    assert [each.split()[-1] for each in workers] == sorted((each.split()[-1] for each in workers), reverse=True)
    assert set(column(page, "removals", 4)) == {"The worker is no longer on the case"}
    context.close()
