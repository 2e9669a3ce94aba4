"""Rows from before teams and phones were remembered by the day get values that are right, on both databases."""

from __future__ import annotations

from datetime import date

from alembic import command
from sqlalchemy import text

from server.core.usage.counterparties import ALWAYS, NEVER, Held
from server.store.admin import spells
from server.store.admin.spells import Membership
from server.store.database import Store
from server.store.usage import circumstances, subjects, sums
from tests.store.ground import SEALER

DAY = date(2026, 2, 5).toordinal()
BEFORE = f"""
INSERT INTO installation (id, uid, name, demo, key_check, created_at) VALUES (1, 'u', 'O', true, 'k', 0);
INSERT INTO employer (id, name) VALUES (1, 'Invented employer');
INSERT INTO worker (id, ref, employer_id, team) VALUES (1, 'worker-1', 1, 'team-1'), (2, 'worker-2', 1, '');
INSERT INTO device (id, ref, worker_id) VALUES (1, 'device-1', 2), (2, 'device-2', 2), (3, 'device-3', 1);
INSERT INTO device_holding (device_id, worker_id, first, last) VALUES
 (1, 1, '2025-05-01', '2026-02-10'), (1, 2, '2026-02-11', NULL), (2, 2, '2025-06-01', NULL);
INSERT INTO case_system (id, name) VALUES (1, 'cases');
INSERT INTO cases (id, system_id, number, phase, recorded) VALUES (1, 1, '111111', 'triage', true);
INSERT INTO usage_feed (id, name, covers, precedence) VALUES (1, 'bill', 'device', 10), (2, 'moments', 'account', 50);
INSERT INTO usage_run (id, uid, feed_id, at, digest, rows, faults, unattributable, unclassified, not_gated)
 VALUES (1, 'r1', 1, 0, 'a', 1, 0, 0, 0, 0), (2, 'r2', 2, 0, 'b', 1, 0, 0, 0, 0);
INSERT INTO usage_subject (id, kind, device_id, worker_id) VALUES
 (1, 'device', 1, NULL), (2, 'device', 2, NULL), (3, 'account', NULL, 1);
INSERT INTO usage_kind (id, quantity, confidence, profile, use, channel, counterparty, direction)
 VALUES (1, 'calls', 'measured', 'whole', 'business', 'phone', 'client', 'out');
INSERT INTO usage_day (day, subject_id, feed_id, kind_id, run_id, amount) VALUES
 ({DAY}, 1, 1, 1, 1, 2), ({DAY}, 2, 1, 1, 1, 1), ({DAY + 10}, 1, 1, 1, 1, 3);
INSERT INTO client_contact (worker_id, case_id, day, feed_id, channel, direction, confidence, run_id, count) VALUES
 (1, 1, {DAY}, 1, 'phone', 'out', 'measured', 1, 2),
 (1, 1, {DAY}, 2, '', 'in', 'recorded', 2, 1),
 (1, 1, {DAY + 10}, 1, 'phone', 'out', 'measured', 1, 3),
 (1, 1, {DAY + 20}, 1, 'phone', 'out', 'measured', 1, 5);
INSERT INTO shared_device (device_id, first, last) VALUES (1, NULL, NULL), (2, '2026-01-01', '2026-01-31')
"""


def test_rows_of_before_are_of_the_phone_and_the_team_as_far_as_anybody_knows(database_url: str):
    store = Store(database_url)
    store._alembic(lambda config: command.upgrade(config, "0012"))
    with store.write() as connection:
        for statement in BEFORE.split(";\n"):
            connection.execute(text(statement))
    store.migrate(SEALER)
    with store.read() as connection:
        contacts = sums.read_contacts(connection, date(2026, 1, 1), date(2026, 12, 31))
        held, members = subjects.holders(connection), spells.memberships(connection)
        shared = [
            circumstances.shared_devices(connection, date(year, 1, 1), date(year, 12, 31)) for year in (2024, 2026)
        ]
    first, came = date(2026, 2, 10).toordinal(), date(2026, 2, 11).toordinal()
    assert [(each.worker, each.day.toordinal() - DAY, each.count) for each in contacts] == [
        (1, 0, 2),  # of the phone that was worker 1's then
        (1, 0, 1),  # of their account
        (2, 10, 3),  # that phone was worker 2's by then: it had been written down for the one before
    ]
    assert dict(held) == {
        1: [Held(1, (ALWAYS, first)), Held(2, (came, NEVER))],
        2: [Held(2, (ALWAYS, NEVER))],
        3: [Held(1, (ALWAYS, NEVER))],
    }
    assert dict(members) == {
        1: [Membership(1, "team-1", date.min, None)],
        2: [Membership(2, "", date.min, None)],
    }
    assert shared == [frozenset({1}), frozenset({1, 2})]
    store.close()
