"""The policy as people change it: faults are all told, differences counted, and nobody puts their own in force."""

from __future__ import annotations

import re

import pytest

from server.core.log.entries import EntryKind, read_entry
from server.core.model import Role
from server.core.policy import schema
from server.store import log, pages
from server.store.admin import policy_in_force
from server.store.admin.policy_in_force import PutInForce
from server.store.pages import OrderFilter
from server.store.schema.base import policy_proposal
from server.web.pages.removal.policies import RULE_TITLES
from server.work.removal import policy_changes
from server.work.reports.removal_report import PASSING
from tests.web.town import POLICIES, checked_policy, figures_of

SHIPPED = (POLICIES / "veilig-thuis.yaml").read_text("utf-8")
RULES, EXAMPLES = SHIPPED.split("\nexamples:\n")
FEW = "\n\n".join(EXAMPLES.split("\n\n")[:5])
"""Those of the examples that do not hang on the days of grace."""
LONGER = RULES.replace('version: "1.0"', 'version: "1.1"').replace("\n    days: 14\n", "\n    days: 28\n")
LONGER += f"\nexamples:\n{FEW}\n"
VERSION = checked_policy(SHIPPED).policy.version


def propose(browser, text=LONGER, replaces=VERSION, **more):
    form = {"text": text, "why": "Handovers take four weeks.", "replaces": replaces} | more
    return browser.post("/policies/propose", page="/policies/draft", **form)


def test_the_policy_in_force_is_read_rule_by_rule(enter):
    text = enter(Role.AUDITOR).get("/policies").text
    assert VERSION in text
    assert re.findall(r'<li id="rule-(\w+)">', text) == [
        name for name, _ in checked_policy(SHIPPED).content.rules.each()
    ]
    assert set(RULE_TITLES) == set(schema.RULES)
    assert "<h3>The waiting period after closure <span" in text
    assert text.index("Days between closure and removal") < text.index("Rule by rule")


def test_all_faults_of_a_text_are_told_at_once_with_line_and_fix(enter):
    wrong = SHIPPED.replace("strictness: STRICT", "strictness: STRIKT", 1).replace("max_share:", "max_shares:")
    answer = enter(Role.IT_ADMINISTRATOR).post("/policies/draft", page="/policies/draft", text=wrong)
    assert answer.status_code == 400
    lines = [at for at, line in enumerate(wrong.splitlines(), start=1) if "STRIKT" in line or "max_shares" in line]
    for line in lines:
        assert f"<bdi>{line}</bdi>" in answer.text or f">{line}<" in answer.text
    assert "Write one of: " in answer.text
    assert "Do you mean max_share?" in answer.text
    assert "Propose it" not in answer.text
    assert "STRIKT" in answer.text


def test_a_sound_text_shows_what_it_decides_differently_before_anybody_proposes_it(enter):
    answer = enter(Role.IT_ADMINISTRATOR).post("/policies/draft", page="/policies/draft", text=LONGER)
    assert answer.status_code == 200
    part = answer.text.split('id="differences"')[1]
    assert re.findall(r'class="c">(?:<(?:bdi|span)[^>]*>)?([^<]+)', part)[:4] == ["grace", "days", "14", "28"]
    assert "Propose it" in answer.text


def test_a_second_person_puts_a_proposal_in_force_and_nobody_their_own(town, enter):
    officer, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    path = propose(officer).headers["Location"]
    assert "Put it in force</button>" not in officer.get(path).text
    own = officer.post(f"{path}/decide", page=path, act="grant")
    assert (own.status_code, "somebody else has to put it in force" in own.text) == (409, True)
    assert other.post(f"{path}/decide", page=path, act="grant").status_code == 303
    assert town.policy_in_force().policy.grace_days == 28
    with town.store.read() as connection:
        assert policy_in_force.read(connection) == PutInForce(LONGER), "the file is held to it from here on"
    again = other.post(f"{path}/decide", page=path, act="grant")
    assert (again.status_code, "has already been decided" in again.text) == (409, True)
    with town.store.read() as connection:
        entries = [read_entry(bytes(text)) for _, text, _ in log.entries(connection)]
    told = [dict(each.body) for each in entries if each.kind is EntryKind.POLICY_CHANGED]
    assert [(each["verb"], each["previous"]) for each in told] == [("proposed", VERSION), ("put_in_force", VERSION)]


def differences(page):
    part = page.text.split('id="differences"')[1].split("</section>")[0]
    return re.findall(r'class="c">(?:<(?:bdi|span)[^>]*>)?([^<]+)', part)


def test_what_a_proposal_changes_is_read_as_well_once_it_or_another_is_in_force(town, enter):
    officer, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    path = propose(officer).headers["Location"]
    slower = propose(officer, text=LONGER.replace('"1.1"', '"1.2"').replace("days: 28", "days: 21")).headers["Location"]
    before, beside = differences(other.get(path)), differences(other.get(slower))
    assert other.post(f"{path}/decide", page=path, act="grant").status_code == 303
    assert differences(other.get(path)) == before
    assert before[:4] == ["grace", "days", "14", "28"]
    assert differences(other.get(slower)) == beside
    assert beside[:4] == ["grace", "days", "14", "21"]
    with town.store.write() as connection:
        connection.execute(policy_proposal.update().values(replaced=None))
    assert "the text that it replaced was not kept" in other.get(path).text


def test_an_administrator_proposes_withdraws_and_never_grants(town, enter):
    admin, officer = enter(Role.IT_ADMINISTRATOR), enter(Role.PRIVACY_OFFICER)
    path = propose(officer).headers["Location"]
    for act in ("grant", "refuse"):
        assert admin.post(f"{path}/decide", page="/policies/draft", act=act).status_code == 403
    assert officer.post(f"{path}/decide", page=path, act="refuse").status_code == 303
    mine = propose(admin).headers["Location"]
    assert mine != path
    assert admin.post(f"{mine}/decide", page=mine, act="grant").status_code == 403
    assert admin.post(f"{mine}/decide", page=mine, act="refuse").status_code == 303
    assert town.policy_in_force().policy.version == VERSION


def test_a_double_click_proposes_once(enter):
    admin = enter(Role.IT_ADMINISTRATOR)
    first, second = propose(admin), propose(admin)
    assert (first.status_code, second.headers["Location"]) == (303, first.headers["Location"])


def test_whoever_looked_at_another_policy_is_told_and_nothing_is_overwritten(town, enter):
    officer, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    path = propose(officer).headers["Location"]
    slower = propose(officer, text=LONGER.replace("days: 28", "days: 21")).headers["Location"]
    assert other.post(f"{path}/decide", page=path, act="grant").status_code == 303
    assert "Propose it again" in other.get(slower).text
    assert other.post(f"{slower}/decide", page=slower, act="grant").status_code == 409
    late = propose(officer, text=LONGER.replace("days: 28", "days: 35"))
    assert (late.status_code, "Another policy has come in force since you looked" in late.text) == (409, True)
    assert town.policy_in_force().policy.grace_days == 28


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"why": ""}, "Fill in “"),
        ({"text": "policy: {}"}, "The policy cannot be in force"),
        ({"text": SHIPPED}, "decides exactly what the policy in force decides"),
        ({"text": "a: &x [*x, *x]"}, "The policy cannot be in force"),
        ({"text": "\u202e"}, "cannot be seen"),
    ],
)
def test_nothing_is_proposed_when(town, enter, changes, said):
    answer = propose(enter(Role.IT_ADMINISTRATOR), **changes)
    assert answer.status_code in (400, 409)
    assert said in answer.text
    assert policy_changes.newest(town.context) == ()


def test_a_proposal_runs_out(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    path = propose(officer).headers["Location"]
    town.clock.pass_(days=15)
    other = enter(Role.PRIVACY_OFFICER, nth=2)
    assert "Ran out" in other.get(path).text
    assert other.post(f"{path}/decide", page=path, act="grant").status_code == 409


def test_what_a_proposal_would_come_to_is_counted_on_the_register_and_removes_nothing(town, enter):
    admin = enter(Role.IT_ADMINISTRATOR)
    path = propose(admin).headers["Location"]
    uid = path.rpartition("/")[2]
    before = figures_of(town)
    assert policy_changes.count(town.context, uid, checked_policy(SHIPPED).policy, wait=30)
    text = admin.get(path).text
    part = text.split('id="counts"')[1].split("</section>")[0]
    rows = [re.findall(r'class="c">(?:<(?:bdi|span)[^>]*>)?([^<]*)', row) for row in part.split("<tr")[2:]]
    assert rows
    assert all(row[2] == row[3] for row in rows), "other days of grace change when something goes, which is not counted"
    assert all(int(row[2]) % 10 == 0 for row in rows), "in tens"
    assert not any("go, now or later" in row[0] for row in rows), "nothing that may stay would go"
    assert figures_of(town) == before


def test_two_versions_are_compared(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    uid = propose(officer).headers["Location"].rpartition("/")[2]
    assert "grace" in officer.get(f"/policies/compare?before=in-force&after={uid}").text.split("<main")[1]
    assert "Both decide the same." in officer.get(f"/policies/compare?before={uid}&after={uid}").text
    assert "One of the two is not there." in officer.get("/policies/compare?before=x&after=%00").text


def test_a_cleared_person_reads_why_a_contact_goes_and_neither_case_nor_worker_stands_in_an_address(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    with town.store.read() as connection:
        row = pages.list_orders(connection, OrderFilter(settled=False), passing=PASSING, limit=1)[0]
    answer = officer.post("/policies/explained", page="/policies", case=row.case, worker=row.worker)
    assert answer.status_code == 200
    assert "This is what the rule" in answer.text
    assert f"Policy in force: {VERSION}." in answer.text
    unknown = officer.post("/policies/explained", page="/policies", case="999999999", worker="worker-01")
    assert (unknown.status_code, "No case in the register has that number." in unknown.text) == (400, True)
    assert enter(Role.IT_ADMINISTRATOR).post("/policies/explained", page="/policies/draft").status_code == 403
