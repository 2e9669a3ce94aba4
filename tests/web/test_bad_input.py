"""Whatever a form or an address holds, the answer is a page of ours, says what to do and repeats nothing as markup."""

from __future__ import annotations

import io
import logging
import re

import pytest
from werkzeug.datastructures import MultiDict

from server.core.model import Role
from server.web.drafts import seal_draft
from server.web.error_pages import FAULTS
from server.web.forms import Choice, Input, InputKind, read_form
from server.web.routes import ROUTES

HOSTILE = (
    "",
    " ",
    "' OR 1=1 --",
    '"><script>alert(1)</script>',
    "{{7*7}}",
    "=cmd|' /C calc'!A1",
    "\u202eevil",
    "\0",
    "../../etc/passwd",
    "9" * 400,
    "é" * 400,
    "-1",
    "1e309",
    "NaN",
    "2026-02-30",
    "%00",
    "06-12345601",
)


def test_no_id_in_an_address_breaks_a_page(enter):
    for role in (Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR, Role.WORKER):
        browser = enter(role)
        for route in ROUTES:
            if (
                isinstance(route.access, frozenset)
                and role in route.access
                and "<" in route.path
                and route.method == "GET"
            ):
                for hostile in (
                    "x",
                    "'",
                    "%27%20OR%201",
                    "%3Cscript%3E",
                    "0" * 300,
                    "..%2f..",
                    "%F0%9F%98%80",
                    "%E2%80%AE",
                ):
                    path = re.sub(r"<\w+>", hostile, route.path)
                    answer = browser.get(path)
                    assert answer.status_code in (404, 400), path
                    assert "<script>" not in answer.text


def test_a_form_that_is_too_large_is_refused_with_what_to_do(enter):
    browser = enter(Role.PRIVACY_OFFICER)
    token = browser.token("/reports")
    huge = browser.post("/reports", token=token, first="x" * 400_000, last="2026-01-01")
    assert huge.status_code == 413
    assert FAULTS[413].what.message in huge.text


def test_a_form_with_too_many_fields_is_refused(enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    token = browser.token("/places")
    many = {f"field-{nth}": "x" for nth in range(300)}
    answer = browser.post("/places", token=token, file=(io.BytesIO(b"x"), "x.csv"), **many)
    assert answer.status_code == 413


def test_a_fault_of_ours_shows_a_number_and_nothing_of_what_was_sent(town, app, enter, caplog, monkeypatch):
    browser = enter(Role.PRIVACY_OFFICER)

    def fail(*_args, **_more):
        raise RuntimeError("06-12345601 and a secret")

    monkeypatch.setitem(app.view_functions, "overview.show", fail)
    with caplog.at_level(logging.ERROR):
        answer = browser.get("/overview?secret=06-12345601")
    assert answer.status_code == 500
    number = re.search(r"Number of this fault: ([0-9a-f]{8})", answer.text)[1]
    assert number in caplog.text
    assert "06-12345601" not in answer.text + caplog.text


def test_a_fault_is_told_in_the_readers_language(enter, stranger):
    assert "Deze pagina is er niet" in stranger.get("/nowhere", headers={"Accept-Language": "nl"}).text


INPUTS = (
    Input("line", label=FAULTS[400].what, longest=5),
    Input("area", label=FAULTS[400].what, control=InputKind.AREA, longest=5, required=False),
    Input("day", label=FAULTS[400].what, control=InputKind.DAY, longest=10),
    Input("choice", label=FAULTS[400].what, control=InputKind.CHOICE, choices=(Choice("a", "A"),)),
)
SOUND = {"line": " abc ", "area": "a\r\nb", "day": "2026-03-01", "choice": "a"}


def test_a_sound_form_is_read_trimmed_and_typed():
    filled = read_form(_form(SOUND), INPUTS)
    assert filled.sound
    assert filled.values["line"] == "abc"
    assert filled.days["day"].isoformat() == "2026-03-01"


@pytest.mark.parametrize(
    "wrong",
    [
        {"line": ""},
        {"line": "abcdef"},
        {"line": "a\nb"},
        {"line": "a\u202eb"},
        {"area": "abcdef"},
        {"area": "a\x1bb"},
        {"day": "1 March"},
        {"day": ""},
        {"choice": "b"},
        {"choice": ""},
    ],
)
def test_a_field_that_is_wrong_has_a_fault_and_the_others_have_none(wrong):
    filled = read_form(_form(SOUND | wrong), INPUTS)
    assert set(filled.faults) == set(wrong)


def test_a_draft_that_is_too_large_is_not_kept(town):
    assert seal_draft(town.context, "uid", "/reports", _form({"first": "x" * 40_000})) == ""
    assert seal_draft(town.context, "uid", "/reports", _form({"password": "x", "csrf_token": "y"})) == ""


def _form(fields: dict[str, str]):
    return MultiDict(fields)
