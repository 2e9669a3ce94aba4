"""Choosing one's own password and codes in a real browser: readable, reachable, and then one is in."""

from __future__ import annotations

import re
from pathlib import Path

import pyotp
import pytest

from server.core.model import Role
from server.work.admin import access
from tests.parts.browser import picture
from tests.web.test_browser import (
    NARROW,
    WIDE,
    _browser,  # noqa: F401 - a fixture
    axe,  # noqa: F401 - a fixture
    examine,
    expect_heading,
    go,
    live,  # noqa: F401 - a fixture
    open_page,  # noqa: F401 - a fixture
    serving,
)
from tests.web.town import PASSWORD, QUICK

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("browser")]
ARTEFACTS = Path(__file__).parents[3] / "test-artefacts" / "account"
OWN = "stoel regenboog tractor mosterd"


@pytest.mark.parametrize(("language", "scheme", "width"), [("en", "light", WIDE), ("nl", "dark", NARROW)])
def test_what_was_handed_out_is_changed_for_ones_own(town, open_page, live, axe, language, scheme, width):  # noqa: F811
    factors = access.add_account(town.context, "officer-1", PASSWORD, [Role.PRIVACY_OFFICER], hasher=QUICK)
    with serving(town) as url:
        live.url = url
        page = open_page(language, scheme, width)
        page.goto(url)
        page.locator("#f-name").fill("officer-1")
        page.locator("#f-password").fill(PASSWORD)
        page.locator("#f-code").fill(pyotp.TOTP(factors.secret).at(town.clock.now))
        go(page, lambda: page.keyboard.press("Enter"))
        expect_heading(page, {"en": "Your account", "nl": "Uw account"}[language])
        picture(page, ARTEFACTS / f"choose-{language}-{scheme}.png")
        assert examine(page, axe) == []
        secret = re.sub(" ", "", page.locator("code.command").inner_text())
        page.locator("#f-password").fill(OWN)
        page.locator("#f-password_again").fill(OWN)
        page.locator("#f-code").fill(pyotp.TOTP(secret).at(town.clock.now))
        go(page, lambda: page.keyboard.press("Enter"))
        expect_heading(page, {"en": "Overview", "nl": "Overzicht"}[language])
        page.context.close()
