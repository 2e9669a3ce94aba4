"""Factors that somebody else handed out count for three days and for choosing one's own; their person alone does so."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pyotp
import pytest
import segno

from server.core.model import Role
from server.core.problems import AccessProblem, AccessRefusedError
from server.work.admin import access
from tests.web.conftest import Browser
from tests.web.town import PASSWORD, QUICK

OWN = "stoel regenboog tractor mosterd"


@pytest.fixture
def handed(town):
    return access.add_account(town.context, "officer-1", PASSWORD, [Role.PRIVACY_OFFICER], hasher=QUICK)


def code_of(town, secret: str) -> str:
    return pyotp.TOTP(secret).at(town.clock.now)


def sign_in(town, browser, secret: str, password: str = PASSWORD) -> int:
    town.clock.pass_(seconds=60)
    fields = {"name": "officer-1", "password": password, "code": code_of(town, secret)}
    return browser.post("/sign-in", **fields).status_code


def offered(browser) -> tuple[str, dict[str, str]]:
    """The secret on the page, and the fields of its form that it fills in by itself."""
    text = browser.get("/your-account").text
    secret = re.search(r'<code class="command">([A-Z2-7 ]+)</code>', text)[1].replace(" ", "")
    return secret, {"offer": html.unescape(re.search(r'name="offer" value="([^"]+)"', text)[1])}


def choose(town, browser, **other: str):
    secret, form = offered(browser)
    fields = {"password": OWN, "password_again": OWN, "code": code_of(town, secret)} | form | other
    return secret, browser.post("/your-account", **fields)


def test_who_was_handed_factors_can_do_nothing_but_choose_their_own(town, app, handed):
    browser = Browser(app)
    assert sign_in(town, browser, handed.secret) == 303
    for path in ("/overview", "/removals", "/plans", "/"):
        assert browser.get(path).headers["Location"] == "/your-account"
    assert "somebody else knows it" in browser.get("/your-account").text
    _, answer = choose(town, browser)
    assert answer.headers["Location"] == "/"
    assert browser.get("/overview").status_code == 200


def test_what_was_handed_out_is_nothing_once_they_have_chosen(town, app, handed):
    browser, other = Browser(app), Browser(app)
    sign_in(town, browser, handed.secret)
    secret, _ = choose(town, browser)
    assert sign_in(town, other, handed.secret) == 403
    assert sign_in(town, other, secret) == 403
    assert sign_in(town, other, handed.secret, OWN) == 403
    assert sign_in(town, other, secret, OWN) == 303
    assert other.get("/overview").status_code == 200


@pytest.mark.parametrize("renewed", [False, True])
def test_what_was_handed_out_counts_for_three_days(town, app, handed, renewed):
    factors = access.renew_factors(town.context, "officer-1", PASSWORD, hasher=QUICK) if renewed else handed
    town.clock.pass_(days=3)
    assert sign_in(town, Browser(app), factors.secret) == 403
    town.clock.now -= timedelta(hours=1)
    assert sign_in(town, Browser(app), factors.secret) == 303


def test_ones_own_factors_are_changed_with_a_proof_and_end_every_other_session(town, app, local):
    mine, elsewhere = Browser(app), Browser(app)
    assert sign_in(town, elsewhere, local.secret) == 303
    assert sign_in(town, mine, local.secret) == 303
    town.clock.pass_(minutes=10)
    assert mine.get("/your-account").headers["Location"].startswith("/prove")
    mine.post("/prove", password=PASSWORD, code=code_of(town, local.secret))
    secret, answer = choose(town, mine)
    assert answer.status_code == 303
    assert mine.get("/overview").status_code == 200
    assert elsewhere.get("/overview").status_code == 302
    assert sign_in(town, elsewhere, secret, OWN) == 303


WRONG = {
    "a code of the old secret": ({"code": "000000"}, "no code of the new secret"),
    "two passwords": ({"password_again": "another invented password"}, "not the same"),
    "a short one": ({"password": "short", "password_again": "short"}, "12 to 200"),
    "one that many know": ({"password": "qwertyuiop123456", "password_again": "qwertyuiop123456"}, "easily guessed"),
    "the name": ({"password": "officer-1 officer-1", "password_again": "officer-1 officer-1"}, "holds the name"),
    "nothing": ({"password": "", "password_again": ""}, "Fill in “"),
}


def test_what_cannot_be_is_said_beside_its_field_and_changes_nothing(town, app, handed):
    browser = Browser(app)
    sign_in(town, browser, handed.secret)
    for name, (fields, word) in WRONG.items():
        _, answer = choose(town, browser, **fields)
        assert (name, answer.status_code, word in html.unescape(answer.text)) == (name, 400, True)
        assert OWN not in answer.text
    assert browser.get("/overview").headers["Location"] == "/your-account"
    assert sign_in(town, Browser(app), handed.secret) == 303


def test_a_secret_that_was_offered_to_somebody_else_is_not_taken(town, app, handed, enter):
    access.add_account(town.context, "officer-2", PASSWORD, [Role.AUDITOR], hasher=QUICK)
    rows = {row.name: row for row in access.list_accounts(town.context)}
    browser, other = Browser(app), Browser(app).sign_in_as(town, rows["officer-2"])
    sign_in(town, browser, handed.secret)
    for offer in (offered(other)[1]["offer"], "", "AAAA", "é"):
        _, answer = choose(town, browser, offer=offer)
        assert answer.headers["Location"] == "/your-account"
    assert sign_in(town, Browser(app), handed.secret) == 303
    assert enter(Role.AUDITOR).post("/your-account", page="/your-account", password=OWN).status_code in (303, 400)


KNOWN = (
    "password1234",
    "Password123456!",
    "qwertyuiop12",
    "123456789012",
    "aaaaaaaaaaaa",
    "iloveyou12345",
    "p@ssw0rdp@ssw0rd",
    "welkomwelkom1",
    "Wachtwoord2026",
    "zomer2026zomer",
    "veiligthuis2026",
    "administrator1",
)


def test_a_password_that_many_know_is_refused_without_asking_anybody(town):
    def taken(password: str) -> AccessProblem | None:
        try:
            access.add_account(town.context, f"a{abs(hash(password))}"[:40], password, [Role.AUDITOR], hasher=QUICK)
        except AccessRefusedError as refused:
            return refused.problem  # type: ignore[return-value]
        return None

    assert {each: taken(each) for each in KNOWN} == dict.fromkeys(KNOWN, AccessProblem.PASSWORD_KNOWN)
    sound = (OWN, PASSWORD, "a sentence that is long enough", "x7#Kq9!vTz2m")
    assert {each: taken(each) for each in sound} == dict.fromkeys(sound)


def test_the_secret_is_drawn_as_a_code_that_a_camera_reads_as_the_address_below_it(app, town, handed):
    browser = Browser(app)
    assert sign_in(town, browser, handed.secret) == 303
    text = browser.get("/your-account").text
    uri = html.unescape(re.search(r'href="(otpauth://[^"]+)"', text)[1])
    drawn = re.search(r'<div class="qr" role="img" aria-label="[^"]+">(<svg.*?</svg>)</div>', text)[1]
    assert squares(drawn) == {
        (x, y)
        for y, row in enumerate(segno.make(uri, error="m", micro=False).matrix_iter(border=4))
        for x, on in enumerate(row)
        if on
    }


def squares(svg: str) -> set[tuple[int, int]]:
    """Which squares a picture blackens: a pen that goes to the right by lines, or moves."""
    found, x, y = set(), 0.0, 0.0
    for word, first, second in re.findall(
        r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", re.search(r'qrline"[^>]* d="([^"]+)"', svg)[1]
    ):
        if word == "h":
            found |= {(int(x) + nth, int(y)) for nth in range(int(first))}
            x += float(first)
        elif word == "M":
            x, y = float(first), float(second)
        else:
            x, y = x + float(first), y + float(second)
    return found
