"""What a worker asks for again, on the page: one button and one answer, whatever comes of it."""

from __future__ import annotations

from dataclasses import replace

from server.core.log.entries import EntryKind, read_entry
from server.core.model import Role
from server.store import log

ANSWER = "What does not come back, for whatever reason, stands in the case file."


def test_a_worker_asks_once_and_is_told_nothing_of_what_comes_of_it(town, enter):
    town.policy = replace(town.policy, puts_back=True, value_days=400)
    browser = enter(Role.WORKER)
    assert "What you need again" in browser.get("/my-phone").text

    answer = browser.post("/my-phone/ask-back", token=browser.token("/my-phone"))

    assert (answer.status_code, answer.headers["Location"]) == (303, "/my-phone")
    assert ANSWER in browser.get("/my-phone").text
    with town.store.read() as connection:
        lines = [read_entry(text) for _, text, _ in log.entries(connection)]
    assert [dict(each.body) for each in lines if each.kind is EntryKind.PUT_BACK] == [
        {"verb": "asked", "actor_role": "worker"}
    ]


def test_under_a_policy_that_puts_nothing_back_there_is_nothing_to_ask(town, enter):
    browser = enter(Role.WORKER)

    assert "What you need again" not in browser.get("/my-phone").text
    assert browser.post("/my-phone/ask-back", token=browser.token("/my-phone")).status_code == 404
