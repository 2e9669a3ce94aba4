"""The pages of plans of cases in monitoring: what is listed and why, what is changed and what is refused."""

from __future__ import annotations

import re

import pytest

from server.core.model import Role
from tests.web.conftest import Browser


@pytest.fixture
def supervisor(enter) -> Browser:
    return enter(Role.WORK_SUPERVISOR)


def pages_of(browser: Browser) -> list[str]:
    return re.findall(r'href="(/team/monitoring/[0-9a-f]{16})"', browser.get("/team/monitoring").text)


def send(browser: Browser, path: str, **fields: str):
    return browser.post(path, **({"what": "extra", "on": "2026-04-01", "reason": "Talked over with them."} | fields))


def test_a_plan_is_listed_explained_changed_and_withdrawn(supervisor):
    assert "/team/monitoring" in supervisor.get("/team").text
    path = pages_of(supervisor)[0]
    page = supervisor.get(path).text
    case = re.search(r"<dt>Case number</dt><dd><bdi>([^<]+)", page)[1]
    assert case in supervisor.get("/team/monitoring").text
    assert case not in path
    assert "Planned contacts" in page
    assert send(supervisor, path).status_code == 303
    page = supervisor.get(path).text
    assert "The plan is changed." in page
    assert "An extra contact on 1 Apr 2026" in page
    assert "Talked over with them." in page
    uid = re.search(r'name="change" value="([0-9a-f]+)"', page)[1]
    assert supervisor.post(f"{path}/withdrawn", page=path, change=uid).status_code == 303
    assert "An extra contact on 1 Apr 2026" not in supervisor.get(path).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": ""}, "Fill in “"),
        ({"reason": "Call 06-12345678."}, "number"),
        ({"on": ""}, "Fill in “"),
        ({"on": "2099-01-01"}, "No plan reaches so far."),
        ({"what": "gone-3"}, "A contact that does not take place has no day."),
        ({"what": "month-5"}, "Choose one of the values in the list."),
    ],
)
def test_what_cannot_be_is_told_beside_its_field(supervisor, fields, said):
    path = pages_of(supervisor)[0]
    answer = send(supervisor, path, **fields)
    assert answer.status_code == 400
    assert said in answer.text.split("Change the plan")[1]
    assert "Changes in force" not in supervisor.get(path).text


def test_the_plans_of_another_team_are_not_there(supervisor):
    path = pages_of(supervisor)[0]
    assert supervisor.get("/team/monitoring?team=team%202").status_code == 404
    assert supervisor.get(f"{path}?team=team%202").status_code == 404
    assert supervisor.get("/team/monitoring/" + "0" * 16).status_code == 404


def test_in_dutch(supervisor):
    supervisor.post("/language", page="/team", language="nl", back="/team")
    assert "Zaken in de monitoringfase" in supervisor.get("/team/monitoring").text
    assert "Geplande contacten" in supervisor.get(pages_of(supervisor)[0]).text
