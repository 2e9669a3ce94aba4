"""How many guesses an attacker gets, and whom they can keep out: thirty days with as many addresses as they like."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.admin.sign_in_tries import (
    DEVICE,
    MOST_DEVICES,
    PROOF,
    STRANGER,
    STRANGERS,
    Allowance,
    Asker,
    KnownBy,
    KnownDevice,
    counts_of,
    give_back,
    neighbourhood,
    read_devices,
    take,
    take_all,
    write_devices,
)

BEGUN = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Door:
    """Takes tries, each at its moment; keeps what would be kept, and sweeps it as it would be swept."""

    def __init__(self) -> None:
        self.kept: dict[str, datetime] = {}

    def try_(self, now: datetime, asker: Asker, *, right: bool = False) -> bool:
        """Whether a try is looked at at all; a right one counts against nobody."""
        counts = counts_of("account", asker)
        filled = take_all(self.kept, counts, now)
        if filled is not None:
            self.kept |= give_back(filled, counts) if right else filled
        self.kept = {name: moment for name, moment in self.kept.items() if moment > now}
        return filled is not None


def moments(days: int, every: timedelta) -> Iterator[datetime]:
    return (BEGUN + nth * every for nth in range(int(timedelta(days=days) / every)))


DEVICE_OF_OFFICER = Asker(KnownBy.DEVICE, "known")


def test_with_as_many_addresses_as_they_like_an_attacker_gets_the_stated_number_of_guesses_in_thirty_days():
    door, guesses, most_kept = Door(), 0, 0
    for nth, now in enumerate(moments(30, timedelta(seconds=30))):
        guesses += door.try_(now, Asker(KnownBy.STRANGER, f"line-{nth}"))
        most_kept = max(most_kept, len(door.kept))
    assert guesses == 619
    assert guesses <= STRANGERS.in_days(30) == 620
    assert most_kept <= STRANGERS.at_once + 2


def test_whoever_attacks_from_everywhere_keeps_no_known_device_out_on_any_day():
    door, came_in = Door(), []
    for nth, now in enumerate(moments(30, timedelta(minutes=1))):
        door.try_(now, Asker(KnownBy.STRANGER, f"line-{nth % 5_000}"))
        if now.hour == 9 and now.minute == 0:
            came_in.append(door.try_(now, DEVICE_OF_OFFICER, right=True))
    assert came_in == [True] * 30


def test_whoever_attacks_from_one_line_keeps_nobody_out_who_asks_from_another():
    """A wrong try every 15 minutes once kept an officer out for ever."""
    door, came_in = Door(), []
    for now in moments(30, timedelta(minutes=1)):
        door.try_(now, Asker(KnownBy.STRANGER, "the attacker's line"))
        if now.hour == 9 and now.minute == 0:
            came_in.append(door.try_(now, Asker(KnownBy.STRANGER, "a new line of the officer"), right=True))
    assert came_in == [True] * 30


def test_a_stolen_device_gets_few_guesses_and_is_alone_in_that():
    door, guesses = Door(), 0
    for now in moments(30, timedelta(minutes=1)):
        guesses += door.try_(now, Asker(KnownBy.DEVICE, "stolen"))
    assert guesses <= DEVICE.in_days(30) == 730
    assert door.try_(now, DEVICE_OF_OFFICER, right=True)


def test_somebody_who_mistypes_goes_on_at_once_when_it_is_right():
    door = Door()
    asker = Asker(KnownBy.STRANGER, "home")
    assert [door.try_(BEGUN, asker) for _ in range(4)] == [True] * 4
    for nth in range(20):
        assert door.try_(BEGUN + timedelta(seconds=nth), asker, right=True)


@pytest.mark.parametrize("allowance", [STRANGER, STRANGERS, DEVICE, PROOF])
def test_no_allowance_bears_more_than_it_says_and_all_bear_again_after_a_day(allowance):
    empty_at, taken = None, 0
    while (filled := take(empty_at, allowance, BEGUN)) is not None:
        empty_at, taken = filled, taken + 1
    assert taken == allowance.at_once
    assert take(empty_at, allowance, BEGUN + allowance.every) is not None
    assert empty_at - BEGUN <= timedelta(days=1)


@given(st.integers(1, 9), st.integers(1, 500), st.lists(st.integers(0, 400), max_size=200))
def test_in_no_stretch_of_time_is_more_borne_than_stated(at_once, seconds, steps):
    allowance = Allowance(at_once, timedelta(seconds=seconds))
    now, empty_at, taken = BEGUN, None, []
    for step in steps:
        now += timedelta(seconds=step)
        filled = take(empty_at, allowance, now)
        if filled is not None:
            empty_at = filled
            taken.append(now)
    for nth, first in enumerate(taken):
        for many, last in enumerate(taken[nth:], 1):
            assert many <= at_once + (last - first) // allowance.every + 1


SAME_LINE = {
    ("192.0.2.7", "192.0.2.200"): True,
    ("192.0.2.7", "192.0.3.7"): False,
    ("2001:db8:0:1::1", "2001:db8:0:ff::2"): True,
    ("2001:db8:0:1::1", "2001:db8:0:100::1"): False,
    ("::ffff:192.0.2.7", "192.0.2.8"): True,
    ("fe80::1%eth0", "fe80::2%wlan1"): True,
    ("", "no address"): True,
    ("", "0.0.0.0"): False,
}


@pytest.mark.parametrize(("two", "same"), SAME_LINE.items())
def test_addresses_of_one_line_count_as_one(two, same):
    assert (neighbourhood(two[0]) == neighbourhood(two[1])) is same


def test_a_cookie_of_devices_reads_back_and_what_is_none_is_left_out():
    devices = [KnownDevice(f"n{nth}", 1_700_000_000 + nth, "proof-_") for nth in range(MOST_DEVICES + 2)]
    assert read_devices(write_devices(devices)) == devices[:MOST_DEVICES]
    for cookie in ("", "~~~", "a.b.c", "a.1.", ".1.c", "a", "a.²." + "c", "a." + "9" * 40 + ".c", "a b.1.c"):
        assert read_devices(cookie) == []
