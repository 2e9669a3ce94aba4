"""The audit log as people read it on a page: every kind in words, no code, no hash, and the reading an entry itself."""

from __future__ import annotations

import re
from typing import Any

from server.core.log.entries import EntryKind
from server.core.model import Role
from server.render.admin.log_entries import ENTRY_KINDS
from server.store import log


def rows_of(text: str) -> list[str]:
    body = text.split("<tbody", 1)[1].split(">", 1)[1].split("</tbody>", 1)[0]
    return [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", row)).strip() for row in body.split("</tr>") if "<td" in row]


def test_every_kind_of_entry_has_its_words() -> None:
    assert set(ENTRY_KINDS) == set(EntryKind)


def test_an_auditor_reads_the_newest_entries_and_that_is_an_entry(enter: Any, town: Any) -> None:
    auditor = enter(Role.AUDITOR)
    assert 'href="/log/entries"' in auditor.get("/log").text
    auditor.get("/log/entries")
    with town.store.read() as connection:
        size = log.head(connection).size
        newest = log.read_from(connection, size - 1, 1)[0]
    assert (newest.kind, newest.body["what"], newest.body["actor_role"]) == (EntryKind.READ, "log", "auditor")
    text = auditor.get("/log/entries").text
    assert re.fullmatch(rf"{size - 1} .* Somebody read log \d+ Auditor", rows_of(text)[0].replace(",", ""))
    assert not re.search(r"[0-9a-f]{16}", text.split("<main", 1)[1].split("</main>", 1)[0].split("csrf", 1)[0])


def test_a_kind_and_days_choose_and_what_cannot_be_read_chooses_nothing(enter: Any) -> None:
    auditor = enter(Role.AUDITOR)
    plans = rows_of(auditor.get("/log/entries?kind=plan_made").text)
    assert plans
    assert all("Plan made" in row for row in plans)
    assert "No results." in auditor.get("/log/entries?kind=plan_made&until=01-01-2020").text
    assert rows_of(auditor.get("/log/entries?kind=nothing&since=soon").text)


def test_who_may_not_read_the_log_is_not_led_to_its_entries(enter: Any) -> None:
    administrator = enter(Role.IT_ADMINISTRATOR)
    assert "/log/entries" not in administrator.get("/log").text
    assert administrator.get("/log/entries").status_code == 403
