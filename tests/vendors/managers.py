"""Every MDM system that the suite holds to the law, by name: one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.vendors.intune_member import intune_phones
from tests.vendors.jamf_member import jamf_phones
from tests.vendors.nano_member import nano_phones
from tests.vendors.phone_members import MemoryPhones, PhoneMember


@contextmanager
def memory_phones() -> Iterator[PhoneMember]:
    """Phones that tell their posture when they act."""
    yield MemoryPhones(at_once=False)


@contextmanager
def memory_phones_at_once() -> Iterator[PhoneMember]:
    """A manager that speaks for its phones at once."""
    yield MemoryPhones(at_once=True)


@dataclass(frozen=True)
class Manager:
    """Which registry entry a member stands for, and what makes a fresh one."""

    registered: str | None
    make: Callable[[], AbstractContextManager[PhoneMember]]
    simulated: bool = False
    """Ours in its vendor's stead: the test is labelled `contract`."""


MANAGERS: Mapping[str, Manager] = {
    "memory": Manager(None, memory_phones),
    "memory-at-once": Manager(None, memory_phones_at_once),
    "intune": Manager("intune", intune_phones, simulated=True),
    "jamf": Manager("jamf", jamf_phones, simulated=True),
    "nanomdm": Manager("nanomdm", nano_phones, simulated=True),
}
"""NanoMDM and Jamf join here, one line each."""
