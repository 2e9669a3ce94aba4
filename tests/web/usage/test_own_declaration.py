"""My declaration: a worker reads, signs, sees their own figures first and says what they think of them."""

from __future__ import annotations

import re

import pytest

from server.core.model import Role
from server.core.usage.declarations import SignedHow
from server.store.usage import declarations
from tests.web.town import evidence_rules

PAGE = "/my-declaration"


def unsigned(enter):
    """A worker who is asked to sign, and their phone."""
    for number in range(1, 9):
        browser = enter(Role.WORKER, worker=f"worker-0{number}")
        found = re.search(r'name="device" value="([^"]+)"><input type="hidden" name="version"', browser.get(PAGE).text)
        if found:
            return browser, found[1]
    raise AssertionError("everybody has signed")


def test_a_worker_reads_the_text_signs_it_and_it_is_in_the_register(town, enter):
    browser, device = unsigned(enter)
    text = browser.get(PAGE).text
    assert "more than 90% for business purposes" in text
    assert "## " not in text
    version = evidence_rules().texts[0].version.version
    refused = browser.post(f"{PAGE}/signed", page=PAGE, device=device, version=version)
    assert refused.status_code == 400
    assert "Say that you have read the text." in refused.text
    signed = browser.post(f"{PAGE}/signed", page=PAGE, device=device, version=version, read="yes")
    assert signed.status_code == 303
    assert "The signature is recorded." in browser.get(PAGE).text
    with town.store.read() as connection:
        ways = [each.how for each in declarations.read_declarations(connection)]
    assert ways.count(SignedHow.OWN_PAGE) >= 1


def test_another_version_or_anothers_phone_is_not_signed(enter):
    browser, device = unsigned(enter)
    version = evidence_rules().texts[0].version.version
    for fields in ({"device": device, "version": "old"}, {"device": "device-99", "version": version}):
        assert browser.post(f"{PAGE}/signed", page=PAGE, read="yes", **fields).status_code == 409


def test_what_a_worker_says_stands_beside_the_figures_at_once(enter):
    browser = enter(Role.WORKER)
    device = re.search(r'name="device" value="([^"]+)"', browser.get(PAGE).text)[1]
    for fields in ({"about": "all", "said": ""}, {"about": "everything else", "said": "It is shared."}):
        assert browser.post(f"{PAGE}/said", page=PAGE, device=device, **fields).status_code == 400
    answer = browser.post(f"{PAGE}/said", page=PAGE, device=device, about="all", said="It is shared.")
    assert answer.status_code == 303
    text = browser.get(PAGE).text
    assert "What you wrote is recorded." in text
    assert "It is shared." not in text


@pytest.mark.parametrize("role", [Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR, Role.AUDITOR])
def test_nobody_else_has_this_page(enter, role):
    assert enter(role).get(PAGE).status_code in (403, 404)
