"""Channels as charts, a supervisor's own team, keys and gates: each shows what it may, and no more."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlalchemy import select, update

from server.core.model import GateScope, Role
from server.store.admin import accounts, organisation
from server.store.schema import base
from server.work.removal import deviations_and_holds
from server.work.reports import library
from tests.web.conftest import Browser
from tests.web.town import KEYS

# --- channels -------------------------------------------------------------------------------------------------------


def made(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    library.ask_for(town.context, Role.PRIVACY_OFFICER, "channels", date(2025, 12, 1), date(2026, 2, 28), wait=30)
    return officer.get("/channels").text


def test_before_a_report_is_made_the_page_says_so(enter):
    assert "No report on channels was made yet." in enter(Role.AUDITOR).get("/channels").text


def test_each_chart_has_its_text_its_table_and_its_coverage(town, enter):
    text = made(town, enter)
    pictures = re.findall(r'id="(use-\d)"', text)
    assert pictures == ["use-1", "use-2", "use-3"]
    for key in pictures:
        part = text.split(f'id="{key}"')[1].split("</details>")[0]
        assert part.count('role="img"') >= 2
        assert re.search(r"<desc [^>]*>[^<]*Approved", part)
        assert re.search(r"From at least \d+ of \d+ phones or accounts", part)
        assert "The same as a table" in part


def test_what_is_withheld_is_said_in_chart_text_and_table_and_nothing_stands_in_its_place(town, enter):
    town.smallest_group = 500
    text = made(town, enter)
    described = re.findall(r"<desc [^>]*>([^<]*)</desc>", text)
    assert any("Tolerated Withheld" in each for each in described)
    assert re.search(r'data-label="Under review"[^>]*><span class="c">(?:<[^>]+>)*Withheld', text)
    assert "Figures about groups of fewer than 500 people" in text


def test_there_is_no_figure_of_a_worker(town, enter):
    assert "worker-0" not in made(town, enter)


def test_the_report_of_another_id_is_not_there(town, enter):
    made(town, enter)
    assert enter(Role.AUDITOR).get("/channels?report=0123456789abcdef").status_code == 404


def test_the_last_whole_quarter_is_made_on_request(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    assert officer.post("/channels", page="/channels").status_code == 303
    assert "Made before" in officer.get("/channels").text


# --- a team ---------------------------------------------------------------------------------------------------------


def consult(browser, **changes):
    form = {"case": "", "worker": "", "reason": "Handed over in May.", "until": "2026-05-01"} | changes
    return browser.post("/team", page="/team", **form)


def waiting(browser) -> tuple[str, str]:
    part = browser.get("/team").text.split('id="closures"')[1]
    case, worker = re.findall(r'class="c">(?:<[^>]+>)*([^<]+)', part)[:2]
    return case, worker


def test_a_supervisor_sees_their_own_team_and_no_other(town, enter):
    browser = enter(Role.WORK_SUPERVISOR)
    _, worker = waiting(browser)
    text = browser.get("/team").text
    with town.store.read() as connection:
        teams = dict(
            connection.execute(base.worker.select().with_only_columns(base.worker.c.ref, base.worker.c.team)).all()
        )
    assert teams[worker] == "team 1"
    assert {ref for ref in teams if ref in text.split('id="h-consult"')[0]} <= {
        r for r, t in teams.items() if t == "team 1"
    }


def test_a_deviation_that_was_talked_over_is_recorded_once(town, enter):
    browser = enter(Role.WORK_SUPERVISOR)
    case, worker = waiting(browser)
    for _ in range(2):
        assert consult(browser, case=case, worker=worker).status_code == 303
    kept = deviations_and_holds.list_deviations(town.context)
    assert [(row.case, row.worker, row.tier.value) for row in kept] == [(case, worker, "consult")]
    assert "Handed over in May." in browser.get("/team").text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"worker": "worker-02"}, "No address book belongs to a worker with that staff code."),
        ({"worker": "worker-99"}, "No address book belongs to a worker with that staff code."),
        ({"case": "000000"}, "No case in the register has that number."),
        ({"reason": "Ring 06-12345601 first."}, "holds a telephone number"),
        ({"reason": ""}, "Fill in “"),
        ({"until": "2026-01-01"}, "The last day lies in the past."),
        ({"until": "2027-01-01"}, "does not let this be decided for so long"),
    ],
)
def test_a_deviation_is_not_recorded_when(town, enter, changes, said):
    browser = enter(Role.WORK_SUPERVISOR)
    case, worker = waiting(browser)
    answer = consult(browser, **({"case": case, "worker": worker} | changes))
    assert (answer.status_code, said in answer.text) == (400, True)
    assert deviations_and_holds.list_deviations(town.context) == []


def stand_in(browser, town, **changes):
    with town.store.read() as connection:
        uid = accounts.of_name(connection, "demo-work-supervisor-2").uid
    return browser.post("/team/deputy", page="/team", **({"deputy": uid, "deputy_until": "2026-04-01"} | changes))


def with_team(town, enter) -> tuple[Browser, Browser]:
    """A supervisor of team 1 and another one of team 2."""
    one, other = enter(Role.WORK_SUPERVISOR), enter(Role.WORK_SUPERVISOR, nth=2)
    with town.store.write() as connection:
        for name, ref in (("demo-work-supervisor-1", "worker-01"), ("demo-work-supervisor-2", "worker-02")):
            of_worker = connection.execute(select(base.worker.c.id).where(base.worker.c.ref == ref)).scalar_one()
            accounts.set_worker(connection, accounts.of_name(connection, name).id, of_worker)
    return one, other


def test_who_stands_in_sees_that_team_and_acts_for_it_until_the_day_is_over(town, enter):
    one, other = with_team(town, enter)
    case, worker = waiting(one)
    assert other.get("/team?team=team%201").status_code == 404
    assert consult(other, team="team 1", case=case, worker=worker).status_code == 400
    for _ in range(2):
        assert stand_in(one, town).status_code == 303
    text = one.get("/team").text
    assert (text.count("demo-work-supervisor-2, up to and with 1 Apr 2026"), "They stand in for you." in text) == (
        1,
        True,
    )
    assert case in other.get("/team?team=team%201").text
    assert consult(other, team="team 1", case=case, worker=worker).status_code == 303
    assert len(deviations_and_holds.list_deviations(town.context)) == 1
    assert "Who stands in for you" not in other.get("/team?team=team%201").text
    town.clock.pass_(days=16)
    _, other = with_team(town, enter)
    assert other.get("/team?team=team%201").status_code == 404


def test_who_named_a_deputy_ends_it_and_nobody_else_does(town, enter):
    one, other = with_team(town, enter)
    stand_in(one, town)
    uid = re.search(r'name="deputy" value="([^"]+)"', one.get("/team").text)[1]
    other.post("/team/deputy/ended", page="/team", deputy=uid)
    assert other.get("/team?team=team%201").status_code == 200
    for _ in range(2):
        assert one.post("/team/deputy/ended", page="/team", deputy=uid).status_code == 303
    assert other.get("/team?team=team%201").status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deputy": "nobody"}, "Choose one of the values in the list."),
        ({"deputy_until": "2026-03-16"}, "The last day lies in the past."),
        ({"deputy_until": "2027-03-16"}, "At most three months at once."),
        ({"deputy_until": ""}, "Fill in “"),
    ],
)
def test_nobody_stands_in_when(town, enter, changes, said):
    one, other = with_team(town, enter)
    answer = stand_in(one, town, **changes)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert other.get("/team?team=team%201").status_code == 404


def test_a_supervisor_without_a_team_is_told_whom_to_ask(town, app, enter):
    with town.store.write() as connection:
        connection.execute(update(base.installation).values(demo=False))
    assert "Your account is not linked to a team yet." in enter_real(town, app).get("/team").text


def enter_real(town, app) -> Browser:
    with town.store.write() as connection:
        accounts.add_account(
            connection,
            uid="supervisor01",
            name="supervisor",
            roles=[Role.WORK_SUPERVISOR],
            of_worker=None,
            now=town.clock.now,
        )
        row = accounts.of_name(connection, "supervisor")
    return Browser(app).sign_in_as(town, row)


# --- keys and gates -------------------------------------------------------------------------------------------------


def test_keys_are_known_by_prints_that_tell_nothing_of_them(enter):
    text = enter(Role.IT_ADMINISTRATOR).get("/keys").text
    prints = re.findall(r">([0-9a-f]{4}(?: [0-9a-f]{4}){3})<", text)
    assert len(set(prints)) == 3
    assert KEYS.tokeniser is not None
    for secret in (b"t" * 32, b"s" * 32, b"k" * 32):
        assert secret.hex()[:16] not in text.replace(" ", "")


def test_a_gate_opens_what_it_says_and_nothing_else(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    form = {
        "employer": "Employer 1",
        "scope": "observation",
        "dpia": "shelf 1",
        "consent": "shelf 2",
        "dpia_version": "2",
        "dpia_on": "2026-01-05",
        "advice": "Folder 7",
        "consent_on": "2026-01-12",
        "purpose": "Telling business use from private use.",
        "review": "2026-09-01",
        "until": "2027-03-01",
    }
    assert officer.post("/gates", page="/gates", **form).status_code == 303
    assert officer.post("/gates", page="/gates", **(form | {"scope": "everything"})).status_code == 400
    with town.store.read() as connection:
        assert [gate.scope for gate in organisation.gates(connection)] == [GateScope.OBSERVATION]
    text = officer.get("/gates").text
    assert "Monitoring of phone use (staff monitoring system)" in text
    assert "Open" in text.split('id="gates"')[1]
