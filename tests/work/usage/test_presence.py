"""On how many phones WhatsApp is: as MDM systems tell, else as a list does, and beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from mdm_adapters.phones import AppPresence, Aspect, Platform
from server.core.model import Role
from server.core.reports.document import Report
from server.core.text import Share, phrase
from server.core.usage.channels import BlindSpot, PhoneApps, Reads, count_presence
from server.sources.lists import load_list_mapping
from server.store.schema.base import connection as connections
from server.store.schema.base import device
from server.store.schema.phones import phone, phone_app, phone_fact
from server.store.usage import circumstances
from server.work.usage import feeds, rosters
from server.work.usage.feeds import UsageOutcome
from tests.work.desk import NOW, Office, catalogue, open_office, rules

WATCHED = ("whatsapp", "whatsapp-business")
FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = open_office(f"sqlite:///{tmp_path / 'closeout.db'}", tmp_path)
    yield office
    office.context.store.close()


def manager_tells(
    office: Office,
    ref: str,
    apps: dict[str, AppPresence],
    *,
    managed: bool = False,
    closed: tuple[bool | None, bool | None] = (None, None),
    left_at: datetime | None = None,
) -> None:
    """A phone of ours as its manager knows it, with what was told of its apps and of the two restrictions."""
    with office.context.store.write() as to:
        manager = to.execute(select(connections.c.id)).scalar_one()
        of = to.execute(select(device.c.id).where(device.c.ref == ref)).scalar_one()
        values = {"uid": f"phone-of-{ref}", "connection_id": manager, "key": ref.encode().ljust(32), "sealed_ref": b"x",
                  "platform": Platform.IOS.value, "managed": True, "listed_at": NOW, "device_id": of,
                  "left_at": left_at}  # fmt: skip
        number = to.execute(insert(phone).values(values).returning(phone.c.id)).scalar_one()
        for app, presence in apps.items():
            to.execute(insert(phone_app).values(phone_id=number, app=app, presence=presence.value, managed=managed,
                                                by_name=False, told_at=NOW))  # fmt: skip
        for aspect, holds in zip((Aspect.READS_BLOCKED, Aspect.OPEN_IN_BLOCKED), closed, strict=True):
            to.execute(insert(phone_fact).values(phone_id=number, aspect=aspect.value, holds=holds, told_at=NOW))


def seen(office: Office) -> tuple[PhoneApps, ...]:
    with office.context.store.read() as connection:
        return circumstances.phone_apps(connection, WATCHED)


def report(office: Office) -> Report:
    return feeds.channel_report(office.context, catalogue(), rules(), Role.PRIVACY_OFFICER, *FEBRUARY)


def test_a_manager_of_phones_tells_where_whatsapp_is_and_whether_it_can_read_managed_contacts(office: Office):
    both = {"whatsapp": AppPresence.PRESENT, "whatsapp-business": AppPresence.ABSENT}
    manager_tells(office, "device-1", both, closed=(True, True))
    manager_tells(office, "device-2", both, closed=(True, False))
    manager_tells(office, "device-3", both, managed=True, closed=(True, True))
    whatsapp, business = count_presence(seen(office), WATCHED)
    assert (whatsapp.phones, whatsapp.enrolled, whatsapp.inventoried, whatsapp.present) == (3, 3, 3, 3)
    assert (whatsapp.managed, whatsapp.reads) == (1, ((Reads.YES, 2), (Reads.NO, 1), (Reads.UNKNOWN, 0)))
    assert (business.inventoried, business.present) == (3, 0)


def test_a_channel_a_manager_cannot_speak_of_is_unknown_on_that_phone_alone_and_the_other_one_counts(office: Office):
    manager_tells(office, "device-1", {"whatsapp": AppPresence.PRESENT, "whatsapp-business": AppPresence.UNKNOWN})
    manager_tells(office, "device-2", dict.fromkeys(WATCHED, AppPresence.UNKNOWN))
    whatsapp, business = count_presence(seen(office), WATCHED)
    assert (whatsapp.phones, whatsapp.enrolled, whatsapp.inventoried, whatsapp.present) == (3, 2, 1, 1)
    assert (business.inventoried, business.present) == (0, 0)


def test_a_phone_that_left_its_manager_is_no_longer_enrolled_and_nothing_is_known_of_its_apps(office: Office):
    manager_tells(office, "device-1", {"whatsapp": AppPresence.PRESENT}, left_at=NOW)
    assert seen(office)[0] == PhoneApps(seen(office)[0].device, None, enrolled=False)


def test_what_a_manager_tells_counts_before_a_list(office: Office):
    manager_tells(office, "device-1", dict.fromkeys(WATCHED, AppPresence.ABSENT))
    file = office.folder / "apps.csv"
    file.write_text("Toestel;Gezien op;App id\ndevice-1;2026-03-01;com.whatsapp\ndevice-2;2026-03-01;com.whatsapp\n")
    mapping = load_list_mapping("apps-on-phones")
    assert mapping is not None
    rosters.take_in_list(office.context, file, mapping, catalogue())
    assert [each.channels for each in seen(office)] == [frozenset(), frozenset({"whatsapp"}), None]


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Office]:
    office = open_office(f"sqlite:///{tmp_path / 'large.db'}", tmp_path, workers=14)
    yield office
    office.context.store.close()


def presence(made: Report) -> tuple[tuple[object, ...], ...]:
    (section,) = [section for section in made.body if section.key == "presence"]
    return section.rows


def test_the_report_sets_presence_beside_measured_use_and_says_of_how_many_nothing_is_measured(large: Office):
    both = {"whatsapp": AppPresence.PRESENT, "whatsapp-business": AppPresence.ABSENT}
    for n in range(1, 15):
        manager_tells(large, f"device-{n}", both, closed=(True, True) if n < 9 else (None, None))
    screen = large.folder / "screen.csv"
    lines = [f"device-{n};2026-02-02;com.whatsapp;60" for n in range(1, 9)]
    screen.write_text("\n".join(["Toestel;Datum;App id;Seconden", *lines]) + "\n")
    large.take_in(screen, mapping="app-screen-time")
    assert presence(report(large)) == (
        (phrase("{value}", value="WhatsApp"), 14, 14, 14, 14, 0, 0, 8, 6, Share(6, 14)),
        (phrase("{value}", value="WhatsApp Business"), 14, 14, 14, 0, 0, 0, 0, 0, Share(0, 0)),
    )


def test_counts_of_few_phones_are_withheld_and_a_change_on_few_is_told_with_others(large: Office):
    for n in range(1, 13):
        manager_tells(large, f"device-{n}", {"whatsapp": AppPresence.PRESENT if n < 9 else AppPresence.ABSENT})
    first = presence(report(large))
    assert first[0][1:5] == (14, None, None, 8), "two phones that are under no management are two people"
    manager_tells(large, "device-13", {"whatsapp": AppPresence.PRESENT})
    assert presence(report(large)) == first
    manager_tells(large, "device-14", {"whatsapp": AppPresence.PRESENT})
    with large.context.store.write() as to:
        to.execute(phone_app.update().values(presence=AppPresence.PRESENT.value))
    assert presence(report(large))[0][1:5] == (14, 14, 14, 14)


def test_a_bill_of_calls_measures_no_app(large: Office):
    for n in range(1, 15):
        manager_tells(large, f"device-{n}", dict.fromkeys(WATCHED, AppPresence.PRESENT))
    large.take_in(large.bill(*(f"device-{n};2026-02-02 09:00:00;06-43210001;uit;120" for n in range(1, 15))))
    assert [row[-1] for row in presence(report(large))] == [Share(14, 14), Share(14, 14)]


def test_a_feed_that_stops_half_way_is_told_by_its_days_and_is_a_blind_spot(office: Office):
    office.take_in(office.bill("device-1;2026-02-01 09:00:00;06-43210001;uit;9", "device-1;2026-02-07;;uit;9"))
    more = office.bill("device-1;2026-02-05 09:00:00;06-43210001;uit;9", "device-1;2026-02-14;;uit;9", name="b.csv")
    office.take_in(more)
    made = report(office)
    assert made.sources is not None
    assert made.blind_spots is not None
    assert [(row[2], row[3]) for row in made.sources.rows] == [(date(2026, 2, 14), Share(14, 28))]
    assert (BlindSpot.DAYS_NOT_TOLD,) in made.blind_spots.rows
    office.take_in(office.bill("device-1;2026-02-01;;uit;9", "device-1;2026-02-28;;uit;9", name="c.csv"))
    whole = report(office)
    assert whole.blind_spots is not None
    assert (BlindSpot.DAYS_NOT_TOLD,) not in whole.blind_spots.rows


def test_two_bills_that_overlap_count_the_days_they_share_once_and_the_later_bill_is_right(office: Office):
    office.take_in(office.bill("device-1;2026-02-01;;uit;60", "device-1;2026-02-07;;uit;60"))
    office.take_in(office.bill("device-1;2026-02-07;;uit;90", "device-1;2026-02-14;;uit;60", name="b.csv"))
    assert [(row[0], row[5]) for row in office.sums() if row[1] == "minutes"] == [
        ("2026-02-01", 60),
        ("2026-02-07", 90),
        ("2026-02-14", 60),
    ]


def test_a_bill_that_comes_again_after_its_correction_is_a_correction_of_the_correction(office: Office):
    bill = office.bill("device-1;2026-02-01;;uit;60")
    first = office.take_in(bill)
    office.take_in(office.bill("device-1;2026-02-01;;uit;90", name="corrected.csv"))
    again = office.take_in(bill)
    assert (first.outcome, again.outcome) == (UsageOutcome.APPLIED, UsageOutcome.APPLIED)
    assert [row[5] for row in office.sums() if row[1] == "minutes"] == [60]
    assert office.take_in(bill).outcome is UsageOutcome.KNOWN
