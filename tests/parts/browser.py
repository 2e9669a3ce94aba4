"""A real browser without a window: Debian's Chromium, with or without all of its head, or Playwright's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tests.parts import PartMissingError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The first is the same engine without tabs, extensions and menus, which no test sees: a page costs it half as much.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def picture(page: Page, path: Path, *, wrong: bool = False) -> None:
    """Keep what a whole page looks like, where PICTURES=1 asks for it or something is wrong: each costs like a page."""
    if wrong or os.environ.get("PICTURES", "") not in ("", "0"):
        page.screenshot(path=path, full_page=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; PartMissingError says what to install."""
    if find_spec("playwright") is None:
        raise PartMissingError("playwright is not installed: no browser to walk the pages with")
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415

    installed = next((path for name in _NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        if installed is None and not own.exists():
            raise PartMissingError(
                "no Chromium: apt-get install chromium-headless-shell, or playwright install chromium"
            )
        try:
            # A root user, as in containers, gets no sandbox from Chromium; the pages are our own.
            browser = playwright.chromium.launch(executable_path=installed or str(own), args=["--no-sandbox"])
        except Error as error:
            raise PartMissingError(f"Chromium does not start: {str(error).splitlines()[0]}") from error
        try:
            yield browser
        finally:
            browser.close()
