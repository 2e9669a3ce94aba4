"""Whatever a form or an address holds, the answer is a page of ours, says what to do and repeats nothing as markup."""

from __future__ import annotations

import io
import logging
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from server.core.model import Role
from server.web.dates import read_day, typed_day
from server.web.drafts import seal_draft
from server.web.error_pages import FAULTS
from server.web.forms import Choice, Input, InputKind, read_form
from server.web.routes import ROUTES

TEMPLATES = Path(__file__).parents[2] / "server/web/templates"
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


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-12-31", date(2026, 12, 31)),
        ("31-12-2026", date(2026, 12, 31)),
        ("31/12/2026", date(2026, 12, 31)),
        ("31.12.2026", date(2026, 12, 31)),
        ("1 3 2026", date(2026, 3, 1)),
        ("  1 maart 2026 ", date(2026, 3, 1)),
        ("1 mrt 2026", date(2026, 3, 1)),
        ("1 mrt. 2026", date(2026, 3, 1)),
        ("1 March 2026", date(2026, 3, 1)),
        ("5-mei-2026", date(2026, 5, 5)),
        ("29-02-2028", date(2028, 2, 29)),
        ("29-02-2026", None),
        ("12/31/2026", None),
        ("31-12-26", None),
        ("31-12", None),
        ("1 foo 2026", None),
        ("0001-01-01x", None),
        ("１-3-2026", None),
        ("", None),
    ],
)
def test_a_day_is_read_as_people_of_either_language_type_it(typed, day):
    assert read_day(typed) == day


@given(st.dates(min_value=date(1000, 1, 1)), st.sampled_from(["nl", "en"]))
def test_what_a_field_shows_of_a_day_is_read_as_that_day(day, language):
    assert read_day(typed_day(day.isoformat(), language)) == day


def test_a_field_for_a_day_speaks_the_readers_language_and_keeps_what_cannot_be_read():
    assert [typed_day(each, "nl") for each in ("2026-03-01", "1 mrt 2026", "soon")] == [
        "01-03-2026",
        "01-03-2026",
        "soon",
    ]
    assert typed_day("2026-03-01", "en") == "01/03/2026"


def test_no_template_leaves_a_fault_or_a_day_to_the_browser_and_its_language():
    pages = [each.read_text("utf-8") for each in TEMPLATES.glob("*.html")]
    assert [found for page in pages for found in re.findall(r'<[^>]* required[^>]*>|type="date"', page)] == []
