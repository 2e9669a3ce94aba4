"""The report library: every sort of report to the roles that it is for, in every form, and to nobody else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from server.core.model import Role
from server.core.text import phrase
from server.render.formats import ANSWERS, FORMATS, TITLES
from server.render.words import Words
from server.work.reports import library
from server.work.reports.catalogue import REPORTS

EN = Words("en")
PERIOD = {"first": "2026-01-01", "last": "2026-03-17"}


def ask(browser: Any, kind: str) -> Any:
    return browser.post("/reports", kind=kind, **PERIOD)


@pytest.mark.parametrize("key", sorted(REPORTS))
def test_an_officer_gets_every_sort_of_report_in_every_form(enter: Any, key: str) -> None:
    officer = enter(Role.PRIVACY_OFFICER)
    path = ask(officer, key).headers["Location"]
    # On a busy machine it is still being made when the page is first asked for.
    page = next((text for _ in range(500) if "sha256:" in (text := officer.get(path).text)), "")
    assert EN.say(TITLES[key]) in page.replace("&#39;", "'")
    digest = re.search(r"sha256:([0-9a-f]{64})", page)
    assert digest
    assert digest[1] in officer.get(f"{path}/page").text
    for ending in FORMATS:
        answer = officer.get(f"{path}/file.{ending}")
        assert (answer.status_code, answer.content_type) == (200, FORMATS[ending].media_type)
    assert json.loads(officer.get(f"{path}/file.json").data)["report"] == key


def test_the_form_offers_a_role_what_it_may_have_and_nothing_else(enter: Any) -> None:
    for role in (Role.LINE_MANAGER, Role.IT_ADMINISTRATOR, Role.AUDITOR, Role.INVESTIGATOR):
        offered = re.findall(r'<option value="([a-z0-9]+)"', enter(role).get("/reports").text)
        assert [each for each in offered if each in REPORTS] == library.kinds_for(role)


def test_a_line_manager_has_the_councils_report_and_not_the_removals(enter: Any) -> None:
    officer, manager = enter(Role.PRIVACY_OFFICER), enter(Role.LINE_MANAGER)
    council = ask(officer, "council").headers["Location"]
    removals = ask(officer, "removals").headers["Location"]
    assert manager.get(council).status_code == 200
    assert council in manager.get("/reports").text
    for path in (removals, f"{removals}/page", f"{removals}/file.pdf"):
        assert manager.get(path).status_code == 404
    assert removals not in manager.get("/reports").text
    assert ask(manager, "removals").status_code == 400
    assert ask(manager, "nothing").status_code == 400


def test_who_leads_people_has_no_report_before_a_month_with_a_look_is_over(enter: Any) -> None:
    answer = ask(enter(Role.LINE_MANAGER), "council")
    assert (answer.status_code, "whole months that are over" in answer.text) == (400, True)


def test_a_council_report_names_neither_case_nor_worker(town: Any, enter: Any) -> None:
    town.clock.pass_(days=31)
    manager = enter(Role.LINE_MANAGER)
    path = ask(manager, "council").headers["Location"]
    text = manager.get(f"{path}/file.json").text
    assert re.search(r"\bworker-\d", text) is None
    assert re.search(r"\b\d{6}-[A-Z]\b", text) is None


def test_the_library_says_of_each_report_what_it_answers_who_reads_it_and_shows_the_newest(enter: Any) -> None:
    assert set(ANSWERS) == set(TITLES) == set(REPORTS)
    officer = enter(Role.PRIVACY_OFFICER)
    before = officer.get("/reports").text.split('id="kinds"', 1)[1]
    assert "Not made yet" in before
    path = ask(officer, "policies").headers["Location"]
    next(text for _ in range(500) if "sha256:" in (text := officer.get(path).text))
    after = officer.get("/reports").text.split('id="kinds"', 1)[1].split("</table>", 1)[0]
    assert f'<a href="{path}/page">{EN.say(TITLES["policies"])}</a>' in re.sub("</?(span|bdi)[^>]*>", "", after)
    readers = EN.say(phrase("{value}", value=tuple(sorted(REPORTS["policies"].roles))))
    assert readers in after
    assert EN.say(ANSWERS["policies"]) in after
