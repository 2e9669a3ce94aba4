"""The members of the suite for MDM systems: a hand in each one's world, past the adapter."""

from __future__ import annotations

import plistlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from mdm_adapters.phones import Mdm, Phone, PhoneProfile, Platform, ProfileKind
from mdm_adapters.port import Denied, Fault, Garbled, PortError, Unreachable
from tests.vendors.memory_mdm import MemoryMdm, signed


class Trouble(StrEnum):
    """What can be wrong with a manager, from now until it is mended."""

    WRONG_CREDENTIALS = "401"
    FORBIDDEN = "403"
    THROTTLED = "429"
    """With a wait of seven seconds."""
    BROKEN = "500"
    DROPPED = "dropped"
    NONSENSE = "nonsense"
    """200 with a page in it that is no answer of this protocol."""


class PhoneMember(ABC):
    """A manager under test, with no phone enrolled yet.

    mdm: as the registry makes it. acts_once: the manager knows our command again, so that a repeat is no second act.
    asks_phones: what is asked of a phone waits until the phone is in touch, and `waiting` can tell. signs_events: what
    proves an event's sender covers its body too; where it does not, an event is no more than a hint.
    """

    acts_once = True
    signs_events = True
    asks_phones = True

    def __init__(self, mdm: Mdm) -> None:
        self.mdm = mdm

    @abstractmethod
    def enrol(self, user: str, platform: Platform = Platform.IOS, *, silent: bool = False) -> str:
        """Bring a phone under management; its ref as `list_phones` tells it. silent: it told nothing of itself yet."""

    @abstractmethod
    def leave(self, ref: str) -> None:
        """A phone leaves management."""

    @abstractmethod
    def stranger(self) -> Phone:
        """A phone as this manager might name it, that is not enrolled."""

    @abstractmethod
    def install(self, ref: str, app_id: str, name: str) -> None:
        """Put an app on a phone, as its user would, and let the phone tell the manager of it."""

    @abstractmethod
    def act(self, ref: str) -> None:
        """The phone gets in touch, does all that waits for it, and tells."""

    @abstractmethod
    def stall(self, ref: str) -> None:
        """The phone gets in touch and says "not now" to what waits for it, or does nothing where it cannot say so."""

    @abstractmethod
    def waiting(self, ref: str) -> int:
        """How many things that we asked wait for this phone."""

    @abstractmethod
    def events(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        """Everything the manager sent us, as (headers by lower-case name, body); empty where it sends none."""

    @abstractmethod
    def signed(self, body: bytes) -> Mapping[str, str]:
        """Headers that prove the manager as sender of this body."""

    @abstractmethod
    def trouble(self, trouble: Trouble | None) -> None:
        """From now on every call fails like this; None: mended."""

    def profile(self, kind: ProfileKind) -> PhoneProfile:
        """A small profile of this kind which this manager can push to an iPhone."""
        return apple_profile(kind)


def apple_profile(kind: ProfileKind) -> PhoneProfile:
    """A small mobileconfig. Nobody's password is in it."""
    identifier = f"example.org.closeout.{kind.value}"
    contents: Mapping[ProfileKind, Mapping[str, object]] = {
        ProfileKind.CONTACT_ACCOUNT: {
            "PayloadType": "com.apple.carddav.account",
            "CardDAVHostName": "dav.org.example",
            "CardDAVUsername": "device-login",
            "CardDAVPassword": "device-secret",
        },
        ProfileKind.PROTECTION: {
            "PayloadType": "com.apple.applicationaccess",
            "allowUnmanagedToReadManagedContacts": False,
            "allowOpenFromManagedToUnmanaged": False,
            "allowManagedToWriteUnmanagedContacts": False,
        },
    }
    inner = {
        **contents[kind],
        "PayloadIdentifier": f"{identifier}.payload",
        "PayloadUUID": "00000000-0000-4000-8000-000000000001",
        "PayloadVersion": 1,
    }
    outer = {
        "PayloadType": "Configuration",
        "PayloadIdentifier": identifier,
        "PayloadUUID": "00000000-0000-4000-8000-000000000002",
        "PayloadVersion": 1,
        "PayloadDisplayName": "closeout",
        "PayloadContent": [inner],
    }
    return PhoneProfile(identifier, kind, Platform.IOS, plistlib.dumps(outer))


class MemoryPhones(PhoneMember):
    """The manager in memory."""

    def __init__(self, *, at_once: bool) -> None:
        self.memory = MemoryMdm(at_once=at_once)
        super().__init__(self.memory)

    def enrol(self, user: str, platform: Platform = Platform.IOS, *, silent: bool = False) -> str:
        ref = f"phone-{len(self.memory.phones) + 1}"
        phone = self.memory.enrol(ref, user, platform)
        if silent:
            phone.seen_at = None
        return ref

    def leave(self, ref: str) -> None:
        self.memory.leave(ref)

    def stranger(self) -> Phone:
        return Phone("canary-phone", Platform.IOS, user="canary-user@org.example")

    def install(self, ref: str, app_id: str, name: str) -> None:
        self.memory.phones[ref].apps.add(app_id)

    def act(self, ref: str) -> None:
        self.memory.act(ref)

    def stall(self, ref: str) -> None:
        self.memory.stall(ref)

    def waiting(self, ref: str) -> int:
        return len(self.memory.phones[ref].waiting)

    def events(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        return tuple(self.memory.events)

    def signed(self, body: bytes) -> Mapping[str, str]:
        return signed(body)

    def trouble(self, trouble: Trouble | None) -> None:
        self.memory.failing = None if trouble is None else _RAISED[trouble]()


_RAISED: Mapping[Trouble, Callable[[], PortError]] = {
    Trouble.WRONG_CREDENTIALS: lambda: Denied(Fault.WRONG_CREDENTIALS, status=401),
    Trouble.FORBIDDEN: lambda: Denied(Fault.FORBIDDEN, status=403),
    Trouble.THROTTLED: lambda: Unreachable(Fault.THROTTLED, status=429, wait=7.0),
    Trouble.BROKEN: lambda: Unreachable(Fault.SERVER_ERROR, status=500),
    Trouble.DROPPED: lambda: Unreachable(Fault.DROPPED),
    Trouble.NONSENSE: lambda: Garbled(Fault.BAD_BODY),
}
