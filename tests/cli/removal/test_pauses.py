"""Pausing by command: said everywhere, obeyed by a run, ended by a person, refused with what to do."""

from __future__ import annotations

from tests.cli.conftest import Desk

WHY = "maintenance of the mail server"


def rows_of(desk: Desk, key: str) -> list[dict[str, object]]:
    sections = desk.say("--json", "status").json["sections"]
    return next(section["rows"] for section in sections if section["key"] == key)


def test_a_run_under_a_pause_removes_nothing_says_so_and_after_resuming_removes_all(desk: Desk):
    desk.take_in()
    told = desk.must("--json", "pause", "--hours", "4", "--reason", WHY).json
    assert (told["key"], told["ok"]) == ("paused", True)
    ran = desk.must("run")
    assert WHY in ran.out
    assert "closeout resume" in ran.out
    (state,) = rows_of(desk, "orders")
    (paused,) = rows_of(desk, "paused")
    assert (paused["reason"], paused["waiting"]) == (WHY, state["count"])
    doctor = desk.say("doctor")
    assert doctor.status == 1
    assert "Pause" in doctor.out
    assert desk.must("--json", "resume").json["key"] == "resumed"
    assert rows_of(desk, "paused") == []
    desk.must("run")
    desk.must("verify")
    assert len(rows_of(desk, "orders")) >= 1
    assert all(row["state"] != state["state"] for row in rows_of(desk, "orders"))


def test_what_cannot_be_paused_or_resumed_is_said_with_what_to_do(desk: Desk):
    def key(*arguments: str) -> str:
        told = desk.say("--json", *arguments)
        assert told.status == 1
        return str(told.json["key"])

    assert key("resume") == "not_paused"
    assert key("pause", "--longer", "--reason", WHY) == "not_paused"
    assert key("pause", "--connection", "of-nobody", "--reason", WHY) == "unknown_connection"
    assert key("pause", "--reason", "call 06-12345601") == "identifier_in_text"
    assert key("--as", "privacy_officer", "pause", "--reason", WHY) == "not_cleared"
    assert desk.say("pause", "--hours", "169", "--reason", WHY).status == 2
    assert desk.say("pause").status == 2
    desk.must("pause", "--connection", "books", "--hours", "4", "--reason", WHY)
    assert key("pause", "--connection", "books", "--reason", "another") == "paused_already"
    assert key("pause", "--connection", "books", "--longer", "--hours", "1", "--reason", "another") == "hours"
    desk.must("pause", "--connection", "books", "--longer", "--hours", "8", "--reason", "it takes longer")
    assert key("resume") == "not_paused"
    desk.must("pause", "--reason", WHY, "--hours", "1")
    assert [row["connection"] for row in rows_of(desk, "paused")] == [None, "books"]
    assert "it takes longer" in desk.must("resume").out, "what is paused still"
    desk.must("resume", "--connection", "books")
