"""The register of declarations as a privacy officer works with it: what stands, what is recorded, what is refused."""

from __future__ import annotations

import io
import re

import pytest
from sqlalchemy import select

from server.core.model import Role
from server.store.schema import usage
from tests.web.town import evidence_rules


def holdings(browser) -> list[str]:
    return re.findall(r'href="(/declarations/\d+-\d+)"', browser.get("/declarations").text)


def state(browser, path: str) -> str:
    return re.search(r"<dt>State</dt><dd><strong>([^<]+)", browser.get(path).text)[1]


def with_state(browser, wanted: str) -> str:
    return next(path for path in holdings(browser) if state(browser, path) == wanted)


def test_every_device_stands_in_the_register_once_and_filters_narrow_it(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    everything = holdings(officer)
    assert len(everything) == len(set(everything)) == 8
    found = {
        stand: len(re.findall(r'href="/declarations/\d', officer.get(f"/declarations?stand={stand}").text))
        for stand in ("valid", "not_countersigned", "device_changed", "faulty", "loan", "nonsense")
    }
    assert found == {"valid": 3, "not_countersigned": 2, "device_changed": 3, "faulty": 5, "loan": 3, "nonsense": 0}


def test_figures_name_the_devices_they_rest_on(enter):
    text = enter(Role.PRIVACY_OFFICER).get("/declarations").text
    assert re.findall(r'<p class="value">(\d+) <small>of (\d+)', text) == [("3", "8"), ("5", "8"), ("0", "8")]
    assert text.count("From the register of declarations, over all phones in use") == 3


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.DATA_PROTECTION_OFFICER])
def test_who_audits_sees_counts_and_no_worker(enter, role):
    text = enter(role).get("/declarations").text
    assert "worker-0" not in text
    assert "<form method=" not in text.split("<main")[1]


def test_what_evidence_says_is_an_interval_with_what_the_worker_said_beside_it(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    texts = [officer.get(path).text for path in holdings(officer)]
    measured = [text for text in texts if 'class="interval"' in text]
    assert measured
    assert all(re.search(r"Business: between \d+\.\d% and \d+\.\d%|Business: \d+\.\d%", text) for text in measured)
    assert sum("The worker responded to this on 17 Mar 2026; not answered yet." in text for text in texts) == 1


def test_the_employer_signs_once_and_whoever_was_slower_is_told(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    path = with_state(officer, "Not signed by the employer yet")
    uid = re.search(r'name="declaration" value="([^"]+)"', officer.get(path).text)[1]
    again = {"page": path, "declaration": uid, "by": "head of unit 2"}
    assert officer.post(f"{path}/countersigned", **again).status_code == 303
    assert "It is recorded that the employer signed." in officer.get(path).text
    assert state(officer, path) == "Valid"
    slower = officer.post(f"{path}/countersigned", **again)
    assert slower.status_code == 409
    assert "Nothing was overwritten" in slower.text


def test_of_a_scan_the_digest_is_kept_and_nothing_else(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    path = with_state(officer, "Signed for another phone")
    form = {"signed_on": "2026-03-16", "language": "nl", "loan_agreement": "shelf 4"}
    unscanned = officer.post(f"{path}/signed", page=path, **form)
    assert unscanned.status_code == 400
    assert "Choose the scan of the paper" in unscanned.text
    assert 'value="shelf 4"' in unscanned.text
    scan = (io.BytesIO(b"%PDF an invented scan"), "scan.pdf")
    assert officer.post(f"{path}/signed", page=path, scan=scan, **form).status_code == 303
    assert state(officer, path) == "Not signed by the employer yet"
    with town.store.read() as connection:
        kept = connection.execute(select(usage.declaration.c.scan_digest)).scalars().all()
    assert [each for each in kept if each] == ["9bab5bac07dfc1455bb08e6d7e35436e5b5416c38bba5aad8beaa4de79b6683a"]


def test_a_day_to_come_is_told_beside_its_field_and_nothing_is_recorded(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    path = holdings(officer)[0]
    before = officer.get(path).text.count("None recorded")
    answer = officer.post(f"{path}/talked", page=path, talked_on="2026-03-18")
    assert answer.status_code == 400
    assert "That day has not come yet." in answer.text
    assert officer.get(path).text.count("None recorded") == before == 1
    assert officer.post(f"{path}/talked", page=path, talked_on="2026-03-17").status_code == 303
    assert officer.post(f"{path}/talked", page=path, talked_on="2026-03-17").status_code == 303
    assert "None recorded" not in officer.get(path).text


def test_an_ended_declaration_is_missing_and_becomes_a_question(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    path = with_state(officer, "Valid")
    uid = re.search(r'name="declaration" value="([^"]+)"', officer.get(path).text)[1]
    assert officer.post(f"{path}/ended", page=path, declaration=uid).status_code == 303
    assert state(officer, path) == "Ended"
    assert officer.post(f"{path}/ended", page=path, declaration=uid).status_code == 409
    before = officer.get("/findings?kind=declaration_missing").text.count('href="/findings/')
    assert officer.post("/declarations/look-over", page="/declarations").status_code == 303
    assert officer.get("/findings?kind=declaration_missing").text.count('href="/findings/') == before + 1


def test_the_periodic_check_is_recorded_with_the_word_it_was_drawn_with(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    assert "there has been none yet" in officer.get("/declarations").text
    for size in ("0", "-1", "many", "1001", "٣"):
        assert officer.post("/declarations/check", page="/declarations", size=size, seed="spring").status_code == 400
    assert officer.post("/declarations/check", page="/declarations", size="3", seed="spring").status_code == 303
    text = officer.get("/declarations").text
    assert "3 of 8" in text
    assert "spring" in text
    assert "The next review is due on 17 Mar 2027." in text


def test_the_words_that_are_signed_stand_on_the_page(enter):
    text = enter(Role.PRIVACY_OFFICER).get("/declarations").text
    assert evidence_rules().texts[0].texts["en"].split("\n")[0] in text
