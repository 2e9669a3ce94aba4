"""Lists beside the feeds: what they change in outcomes, looks and the channel report, and what they never let in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.usage.channels import PhoneApps
from server.core.usage.declarations import Cause
from server.core.usage.model import Quantity
from server.sources.lists import load_list_mapping
from server.sources.rows import Problem
from server.store.usage import circumstances
from server.store.usage import declarations as store_declarations
from server.work.usage import declarations, rosters
from server.work.usage.rosters import ListTaken
from tests.work.desk import COLLEAGUE, Office, catalogue, open_office, rules

pytestmark = pytest.mark.parts
FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))
WATCHED = ("whatsapp", "whatsapp-business")


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = open_office(database_url, tmp_path)
    yield office
    office.context.store.close()


def take(office: Office, name: str, text: str) -> ListTaken:
    file = office.folder / "list.csv"
    file.write_text(text, encoding="utf-8")
    mapping = load_list_mapping(name)
    assert mapping is not None
    return rosters.take_in_list(office.context, file, mapping, catalogue())


def causes(office: Office) -> dict[int, set[Cause]]:
    declared = replace(rules().declarations, min_days=1, min_volume=dict.fromkeys(Quantity, 1), max_absence_days=10)
    found = declarations.outcomes(office.context, replace(rules(), declarations=declared), *FEBRUARY)
    return {each.device: set(each.causes) for each in found if each.quantity is Quantity.CALLS}


def test_a_long_absence_and_a_shared_device_leave_no_share(office: Office):
    office.take_in(
        office.bill(*[f"device-{n};2026-02-{day:02};{COLLEAGUE};uit;60" for n in (1, 2) for day in range(2, 20)])
    )
    first, second, _ = causes(office)
    assert causes(office)[first] == causes(office)[second] == set()
    taken = take(office, "absence", "Medewerker;Van;Tot en met\nworker-1;2026-02-01;2026-02-20\nworker-9;2026-02-01;\n")
    assert (taken.rows, taken.unknown, taken.not_gated) == (1, 1, 0)
    take(office, "shared-devices", "Toestel\ndevice-2\n")
    assert causes(office)[first] == {Cause.LONG_ABSENCE}
    assert causes(office)[second] == {Cause.SHARED_DEVICE}
    take(office, "absence", "Medewerker;Van;Tot en met\nworker-2;2026-02-01;2026-02-02\n")
    assert causes(office)[first] == set(), "the list is the whole list"


def test_a_duty_day_stands_beside_what_is_known_of_a_worker_and_a_case(office: Office):
    take(office, "roster", "Medewerker;Datum\nworker-1;2026-02-02\nworker-1;2026-02-09\n")
    take(office, "roster", "Medewerker;Datum\nworker-1;2026-02-09\nworker-1;2026-02-10\n")
    with office.context.store.read() as connection:
        found = store_declarations.involvements(connection, {(1, 1)}, window_days=14, first_planned_months=3)
    assert found[1, 1].on_duty == {date(2026, 2, 2), date(2026, 2, 9), date(2026, 2, 10)}


def test_a_list_of_names_is_refused_since_an_app_under_another_name_would_look_absent(office: Office):
    taken = take(office, "apps-on-phones", "Toestel;Gezien op;App id\ndevice-1;2026-03-01;WhatsApp Messenger\n")
    assert [(fault.line, fault.problem) for fault in taken.faults] == [(2, Problem.NOT_AN_APP_ID)]


def test_apps_on_phones_are_channels_or_nothing_and_a_phone_on_no_list_is_unknown(office: Office):
    take(
        office,
        "apps-on-phones",
        "Toestel;Gezien op;App id;Beheerd;Contacten gesloten\n"
        "device-1;2026-03-01;com.whatsapp;nee;ja\ndevice-1;2026-03-01;com.example.private.diary;nee;ja\n"
        "device-2;2026-03-01;;;\n",
    )
    with office.context.store.read() as connection:
        found = circumstances.phone_apps(connection, WATCHED)
    first, second, third = sorted(each.device for each in found)
    assert found == (
        PhoneApps(first, None, enrolled=True, channels=frozenset({"whatsapp"}), contacts_closed=True),
        PhoneApps(second, None, enrolled=True, channels=frozenset()),
        PhoneApps(third, None, enrolled=False),
    )
    written = b"".join(each.read_bytes() for each in office.folder.glob("closeout*"))
    assert b"diary" not in written


def test_a_list_with_one_fault_changes_nothing(office: Office):
    take(office, "shared-devices", "Toestel\ndevice-2\n")
    taken = take(office, "shared-devices", "Toestel;Van\ndevice-1;\ndevice-3;soon\n")
    assert len(taken.faults) == 1
    with office.context.store.read() as connection:
        assert len(circumstances.shared_devices(connection, *FEBRUARY)) == 1


def test_without_a_gate_for_observing_no_list_is_opened(database_url: str, tmp_path: Path):
    office = open_office(database_url, tmp_path, demo=False)
    mapping = load_list_mapping("roster")
    assert mapping is not None
    with pytest.raises(EvidenceRefusedError) as refused:
        rosters.take_in_list(office.context, tmp_path / "there-is-no-such-file.csv", mapping, catalogue())
    assert refused.value.problem is EvidenceProblem.GATE_CLOSED
    office.context.store.close()
