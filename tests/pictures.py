"""Takes the pictures of README anew, of the invented town that the tests of pages walk: `python -m tests.pictures`.

What a page shows changes with the program, and a picture does not: one showed a count that nobody is told any more.
The declaration and the report on paper are taken by hand: the town has no usage.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from server.core.model import Role
from server.render.html import report_page
from server.render.words import Words
from server.work.reports.removal_report import removals
from tests.parts.browser import chromium
from tests.parts.process import free_port
from tests.parts.waitress_thread import served
from tests.web.town import Town, build_town

FOLDER = Path(__file__).parents[1] / "deploy" / "pictures"
PAGES = (
    ("overview", "Privacy officer", "/overview", (1280, 1300)),
    ("removals", "Privacy officer", "/removals", (1280, 1100)),
    ("my-phone", "Look at my phone", "/my-phone", (400, 860)),
)


def take(folder: Path) -> None:
    """Write all of them into a folder."""
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        town = build_town(Path(home), f"sqlite:///{Path(home) / 'closeout.db'}")
        port = free_port()
        url = f"http://localhost:{port}"
        with served(town.make_app(url=url, picker=True), port):
            for name, who, path, size in PAGES:
                page = _window(browser, size)
                page.goto(f"{url}/sign-in")
                page.get_by_role("button", name=who, exact=True).click()
                page.wait_for_load_state()
                page.goto(url + path)
                page.screenshot(path=folder / f"{name}.png")
        page = _window(browser, (1180, 1180))
        page.set_content(_report(town))
        page.screenshot(path=folder / "removal-report.png")
        town.close()


def _window(browser: Any, size: tuple[int, int]) -> Any:
    return browser.new_context(locale="en-GB", viewport={"width": size[0], "height": size[1]}).new_page()


def _report(town: Town) -> str:
    report = removals(town.context, Role.PRIVACY_OFFICER, date(2025, 12, 18), date(2026, 3, 17))
    return report_page(report, Words("en"))


if __name__ == "__main__":
    take(FOLDER)
