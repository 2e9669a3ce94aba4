"""Where a number can be saved on a phone: closed only if told so, unknown where nothing was told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mdm_adapters.phones import AppPresence, Aspect
from server.core.phones.exposure import Push, SeenApp, Way, WayHere, WayStanding, ways_on

OLD = datetime(2026, 3, 1, tzinfo=UTC)
NEW = OLD + timedelta(days=2)
ALL = dict.fromkeys(Aspect, (True, NEW))


def found(facts, apps=None):  # type: ignore[no-untyped-def]
    return {each.way: each for each in ways_on(facts, apps or {})}


def app(presence: AppPresence, *, managed: bool | None = None) -> SeenApp:
    return SeenApp(presence, managed, OLD)


def test_of_a_phone_that_told_nothing_no_way_is_closed() -> None:
    standings = {way: each.standing for way, each in found({}).items()}

    assert standings == {
        **dict.fromkeys(Way, WayStanding.UNKNOWN),
        Way.PHONE_ITSELF: WayStanding.NEVER,
    }
    assert {each.push for way, each in found({}).items() if way in (Way.OUTLOOK, Way.BACKUP)} == {Push.ASK}


def test_a_phone_with_everything_still_has_ways_that_nobody_can_close() -> None:
    standings = found(ALL, {"whatsapp": app(AppPresence.PRESENT)})

    assert {way for way, each in standings.items() if each.standing is not WayStanding.CLOSED} == {
        Way.PHONE_ITSELF,
        Way.WHATSAPP_OWN,
    }
    assert standings[Way.WHATSAPP_OWN].push is Push.AGREE


@pytest.mark.parametrize("lacking", [Aspect.READS_BLOCKED, Aspect.OPEN_IN_BLOCKED])
@pytest.mark.parametrize("told", [False, None])
def test_one_of_the_two_restrictions_alone_does_not_stop_whatsapp_reading(lacking: Aspect, told: bool | None) -> None:
    facts = {**ALL, lacking: (told, NEW)}

    here = found(facts, {"whatsapp": app(AppPresence.PRESENT)})[Way.WHATSAPP_READS]

    expected = (WayStanding.OPEN, Push.PROTECTION) if told is False else (WayStanding.UNKNOWN, Push.ASK)
    assert (here.standing, here.push) == expected


def test_a_managed_whatsapp_reads_managed_contacts_whatever_the_restrictions() -> None:
    here = found(ALL, {"whatsapp": app(AppPresence.PRESENT, managed=True)})[Way.WHATSAPP_READS]

    assert here == WayHere(Way.WHATSAPP_READS, WayStanding.OPEN, OLD, Push.UNMANAGE_WHATSAPP)


def test_where_whatsapp_was_looked_for_and_not_found_it_reads_nothing() -> None:
    apps = {"whatsapp": app(AppPresence.ABSENT), "whatsapp-business": app(AppPresence.ABSENT)}

    ways = found({}, apps)

    assert (ways[Way.WHATSAPP_READS].standing, ways[Way.WHATSAPP_OWN].standing) == (
        WayStanding.CLOSED,
        WayStanding.CLOSED,
    )


@pytest.mark.parametrize("other", [AppPresence.UNKNOWN, AppPresence.PRESENT])
def test_the_absence_of_one_whatsapp_says_nothing_of_the_other(other: AppPresence) -> None:
    apps = {"whatsapp": app(AppPresence.ABSENT), "whatsapp-business": app(other)}

    assert found({}, apps)[Way.WHATSAPP_READS].standing is WayStanding.UNKNOWN


def test_a_way_is_as_old_as_the_oldest_thing_it_was_told_by() -> None:
    facts = {Aspect.CONTACT_ACCOUNT: (True, OLD), Aspect.CONTACT_SYNC: (True, NEW)}

    assert found(facts)[Way.MANAGED_ACCOUNT] == WayHere(Way.MANAGED_ACCOUNT, WayStanding.CLOSED, OLD, None)


def test_an_account_that_the_person_can_switch_off_is_open() -> None:
    facts = {Aspect.CONTACT_ACCOUNT: (True, NEW), Aspect.CONTACT_SYNC: (False, NEW)}

    assert found(facts)[Way.MANAGED_ACCOUNT].push is Push.ACCOUNT
