"""Reports at fixed times are made once and told once, by a letter that says no more than where; also after failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import update

from server.core.model import Role
from server.core.reports.schedule import Every, Schedule, Scheduled, read_schedule
from server.core.text import Period
from server.store.schema import base
from server.store.schema.base import kept_report
from server.store.schema.reports import report_told
from server.work.mail import MailFailedError, MailSecurity, MailServer
from server.work.reports import scheduled
from server.work.reports.scheduled import Punctual, ScheduleRefusedError
from tests.parts.listeners import OnAnyPort, Tray
from tests.work import desk
from tests.work.world import NUMBERS, World, closed

OFFICER, MANAGER = "officer@organisation.example", "manager@organisation.example"
QUARTERLY = Scheduled("times", Every.QUARTER, Role.PRIVACY_OFFICER, "nl", (OFFICER, MANAGER))
YEARLY = Scheduled("removals", Every.YEAR, Role.PRIVACY_OFFICER, "en", (OFFICER,))


@pytest.fixture
def tray(world: World) -> Iterator[Tray]:
    """A mail server, and a world that knows it."""
    taken = Tray()
    controller = OnAnyPort(taken, hostname="127.0.0.1", port=0)
    controller.start()
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    world.run()
    with world.context.store.write() as connection:  # the organisation began long before the periods of these reports
        connection.execute(update(base.look).values(at=datetime(2023, 12, 1, tzinfo=UTC)))
    world.context = replace(
        world.context,
        mail=MailServer("127.0.0.1", controller.port, MailSecurity.NONE, "closeout@sender.example"),
        pages="https://closeout.example",
        evidence=desk.rules,
        catalogue=desk.catalogue,
    )
    yield taken
    controller.stop()


def letters(tray: Tray) -> list[tuple[str, str]]:
    return [(recipients[0], str(message["Subject"])) for _, recipients, message in tray.taken]


def test_a_report_is_made_once_and_told_once_to_each(world: World, tray: Tray) -> None:
    assert scheduled.keep_to(world.context, [QUARTERLY, YEARLY]) == Punctual(made=2, told=3)
    nl, en = "Er staat een rapport klaar", "A report is ready"
    assert letters(tray) == [(OFFICER, nl), (MANAGER, nl), (OFFICER, en)]
    rows = {(row.key, row.view, row.first, row.last, row.uid) for row in world.rows(kept_report)}
    assert {row[:4] for row in rows} == {
        ("times", "opaque", date(2024, 10, 1), date(2024, 12, 31)),
        ("removals", "person", date(2024, 1, 1), date(2024, 12, 31)),
    }
    pages = {f"https://closeout.example/reports/{row[4]}" for row in rows}
    assert {page for _, _, message in tray.taken for page in pages if page in message.get_content()} == pages
    assert scheduled.keep_to(world.context, [QUARTERLY, YEARLY]) == Punctual()
    assert len(tray.taken) == 3


def test_when_the_next_period_is_over_the_next_report_is_made(world: World, tray: Tray) -> None:
    scheduled.keep_to(world.context, [QUARTERLY])
    world.clock.now = datetime(2025, 3, 31, 21, 59, tzinfo=UTC)
    assert scheduled.keep_to(world.context, [QUARTERLY]) == Punctual()
    world.clock.now = datetime(2025, 3, 31, 22, 0, tzinfo=UTC)
    assert scheduled.keep_to(world.context, [QUARTERLY]) == Punctual(made=1, told=2)


def test_days_before_the_first_look_are_passed_over_until_there_is_something_to_tell(world: World, tray: Tray) -> None:
    with world.context.store.write() as connection:
        connection.execute(update(base.look).values(at=datetime(2025, 2, 3, tzinfo=UTC)))
    assert scheduled.keep_to(world.context, [QUARTERLY, YEARLY]) == Punctual()
    assert (world.rows(kept_report), tray.taken) == ([], [])
    world.clock.now = datetime(2025, 4, 1, 6, 0, tzinfo=UTC)
    assert scheduled.keep_to(world.context, [QUARTERLY, YEARLY]) == Punctual(made=1, told=2)
    (row,) = world.rows(kept_report)
    assert (row.key, row.first, row.last) == ("times", date(2025, 1, 1), date(2025, 3, 31))


def test_where_the_mail_server_fails_the_report_stays_and_is_told_later(world: World, tray: Tray) -> None:
    working = world.context
    world.context = replace(working, mail=None)
    with pytest.raises(MailFailedError):
        scheduled.keep_to(world.context, [QUARTERLY])
    assert len(world.rows(kept_report)) == 1
    assert scheduled.keep_to(working, [QUARTERLY]) == Punctual(told=2)
    assert len(world.rows(kept_report)) == 1


def test_who_was_refused_is_tried_again_and_nobody_else(world: World, tray: Tray) -> None:
    mixed = replace(QUARTERLY, tell=("nobody@organisation.example", OFFICER))
    assert scheduled.keep_to(world.context, [mixed]) == Punctual(made=1, told=1, not_sent=1)
    assert scheduled.keep_to(world.context, [mixed]) == Punctual(not_sent=1)
    assert [recipient for recipient, _ in letters(tray)] == [OFFICER]


def test_nobodys_address_is_kept(world: World, tray: Tray) -> None:
    scheduled.keep_to(world.context, [QUARTERLY])
    assert [len(row.address) for row in world.rows(report_told)] == [32, 32]
    assert OFFICER not in repr(world.rows(report_told)) + repr([entry.body for entry in world.log()])


def test_a_letter_holds_nothing_of_the_report(world: World, tray: Tray) -> None:
    scheduled.keep_to(world.context, [YEARLY])
    ((_, _, message),) = tray.taken
    said = message.as_string()
    assert [each for each in ("100001", "worker-1", "removals", "2024", "Organisation 1") if each in said] == []


@pytest.mark.parametrize(
    "refused", [replace(QUARTERLY, report="nothing"), replace(QUARTERLY, role=Role.WORKER)], ids=["report", "role"]
)
def test_what_a_role_may_not_have_is_refused_before_anything_is_made(
    world: World, tray: Tray, refused: Scheduled
) -> None:
    with pytest.raises(ScheduleRefusedError):
        scheduled.keep_to(world.context, [QUARTERLY, refused])
    assert world.rows(kept_report) == []


# --- the schedule itself

SOUND = """
reports:
  - {report: quarterly, every: quarter, role: privacy_officer, tell: [officer@organisation.example]}
  - {report: council, every: half, role: privacy_officer, language: en, tell: [a@b.example, a@b.example]}
"""


def test_a_schedule_is_read_from_its_file() -> None:
    reports = (
        Scheduled("quarterly", Every.QUARTER, Role.PRIVACY_OFFICER, "nl", ("officer@organisation.example",)),
        Scheduled("council", Every.HALF, Role.PRIVACY_OFFICER, "en", ("a@b.example",)),
    )
    assert read_schedule(SOUND) == Schedule(reports, None)
    assert read_schedule(SOUND + "declarations: nl\n") == Schedule(reports, "nl")
    assert read_schedule("declarations: en\n") == Schedule((), "en")
    assert read_schedule("declarations: de\n") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("every: quarter", "every: week"),
        ("role: privacy_officer", "role: everybody"),
        ("language: en", "language: de"),
        ("[officer@organisation.example]", "[]"),
        ("[officer@organisation.example]", "[officer]"),
        ("report: quarterly", "report: quarterly, more: 1"),
        ("reports:", "reports"),
        ("reports:", "reports: []\nreports:"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(old: str, new: str) -> None:
    assert read_schedule(SOUND.replace(old, new, 1)) is None


@pytest.mark.parametrize(
    ("every", "today", "period"),
    [
        (Every.MONTH, date(2026, 1, 1), Period(date(2025, 12, 1), date(2025, 12, 31))),
        (Every.MONTH, date(2024, 3, 31), Period(date(2024, 2, 1), date(2024, 2, 29))),
        (Every.QUARTER, date(2026, 6, 30), Period(date(2026, 1, 1), date(2026, 3, 31))),
        (Every.HALF, date(2026, 12, 31), Period(date(2026, 1, 1), date(2026, 6, 30))),
        (Every.YEAR, date(2026, 1, 1), Period(date(2025, 1, 1), date(2025, 12, 31))),
    ],
)
def test_an_entry_is_about_the_last_whole_period(every: Every, today: date, period: Period) -> None:
    assert replace(QUARTERLY, every=every).period(today) == period


def test_the_shown_addresses_stay_out_of_errors() -> None:
    error: Any = ScheduleRefusedError("times")
    assert OFFICER not in str(error)
