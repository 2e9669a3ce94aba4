"""The port's second half: what is asked of those who manage phones (MDM); types and the outer methods, no vendor.

None of these vendors can list or remove a contact on a phone (capability matrix of every vendor's documentation). They
can tell the phone to synchronise, put the managed contacts account on it and take it off, set what apps may read, and
say which of the apps we named are there. A phone's answer never raises the evidence level of an order by itself, but
for one thing: the account that held the contacts is gone from the phone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from mdm_adapters.port import CapabilityAnswer, Fault, Garbled, PortError, Trial, as_reached, bare

T = TypeVar("T")


class Platform(StrEnum):
    """What a phone runs."""

    IOS = "ios"
    ANDROID = "android"
    OTHER = "other"


class PhoneCapability(StrEnum):
    """What can be asked of an MDM system; every adapter answers each."""

    LIST_PHONES = "list_phones"
    FIND_APPS = "find_apps"
    SYNC = "sync"
    PUSH_PROFILE = "push_profile"
    PULL_PROFILE = "pull_profile"
    READ_POSTURE = "read_posture"
    COMMAND_STATUS = "command_status"
    CONTAINER_PROOF = "container_proof"
    """Can say that the managed contacts account is gone from the phone."""
    HIDE_CONTACTS = "hide_contacts"
    """Can keep apps that are not managed, WhatsApp first, from reading managed contacts."""
    PHONE_EVENTS = "phone_events"
    PHONE_CONTACTS = "phone_contacts"
    """Read or remove contacts on the phone itself: no vendor can, and each says so."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone as its manager knows it. Every `None` is unknown, never "no".

    ref: the manager's handle. user: login or e-mail of the person it is given to. owned: by the organisation.
    seen_at: last check-in with the manager (which is no synchronising of contacts); None: never, or not told.
    """

    ref: str = field(repr=False)
    platform: Platform
    user: str | None = field(default=None, repr=False)
    serial: str | None = field(default=None, repr=False)
    owned: bool | None = None
    supervised: bool | None = None
    managed: bool | None = None
    compliant: bool | None = None
    user_enrolled: bool | None = None
    """Enrolled by the person on a phone of their own: the manager sees its own container alone."""
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WatchedApp:
    """An app of the channel catalogue; no other app is ever asked about.

    key: the catalogue's word for it. ids: bundle or package ids, by which it is looked for first. names: display names,
    for managers that know no ids.
    """

    key: str
    platform: Platform
    ids: frozenset[str]
    names: frozenset[str] = frozenset()


class AppPresence(StrEnum):
    """Whether a watched app is on a phone."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AppSight:
    """Of one watched app on one phone. managed: put there by the manager; by_name: looked for on display names alone.

    told_at: when the phone told the manager, which may be a week ago; None: not said. ValueError: absent by name. An
    app that a list of names does not have may stand there under another one: that is unknown.
    """

    phone: str = field(repr=False)
    app: str
    presence: AppPresence
    managed: bool | None = None
    by_name: bool = False
    told_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.by_name and self.presence is AppPresence.ABSENT:
            raise ValueError("a name that is not found is unknown, not absent")


class Aspect(StrEnum):
    """What can hold of a phone, each put so that yes is what protects clients."""

    CONTACT_ACCOUNT = "contact_account"
    """The organisation's managed contacts account is on the phone, as a managed one."""
    CONTACT_SYNC = "contact_sync"
    """Contacts are switched on in that account, and the person cannot switch them off."""
    DEFAULT_ACCOUNT = "default_account"
    """A new contact goes into that account unless the person chooses another."""
    PROTECTION = "protection"
    """Our profile with restrictions is installed."""
    READS_BLOCKED = "reads_blocked"
    """Apps that are not managed cannot read managed contacts: this and OPEN_IN_BLOCKED, one alone does nothing."""
    OPEN_IN_BLOCKED = "open_in_blocked"
    """Nothing managed can be opened in an app that is not (allowOpenFromManagedToUnmanaged false)."""
    WRITES_BLOCKED = "writes_blocked"
    """Managed apps cannot write contacts into private accounts."""
    PRIVATE_ACCOUNTS_BLOCKED = "private_accounts_blocked"
    """No private iCloud or Google account can be added in which a number could be saved."""
    OUTLOOK_SAVING_BLOCKED = "outlook_saving_blocked"
    """Outlook cannot copy its contacts into the phone's own address book."""
    CLOUD_BACKUP_OFF = "cloud_backup_off"


@dataclass(frozen=True, slots=True)
class Posture:
    """What is known of a phone at an instant. An aspect that is not in `facts`, or is None, is unknown.

    told_at: when the phone, or its manager where it speaks for the phone, told this (aware).
    """

    phone: str = field(repr=False)
    told_at: datetime
    facts: Mapping[Aspect, bool | None]
    apps: Sequence[AppSight] = ()


class AskState(StrEnum):
    """How far something that was asked of a phone has come."""

    ACCEPTED = "accepted"
    """The manager took it; nothing is known of the phone."""
    WAITING = "waiting"
    """The phone said "not now" (locked), or has not been in touch: not a failure."""
    DONE = "done"
    """The phone says it did it."""
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ask:
    """What became of something asked. command: the handle to follow it by, None where the manager gives none.

    posture: what was read back, where the manager answers at once.
    """

    state: AskState
    command: str | None = field(default=None, repr=False)
    posture: Posture | None = None
    error: PortError | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One thing an event of a manager says. Only events whose sender was proven get this far.

    posture: may be a part of what was asked (an iPhone answers profiles, restrictions and apps one by one): an aspect
    or an app that is not in it is as it was told before, if that was not later.
    """

    phone: str = field(repr=False)
    command: str | None = field(default=None, repr=False)
    state: AskState | None = None
    posture: Posture | None = None
    enrolled: bool | None = None
    """True: it came under management; False: it left."""


class ProfileKind(StrEnum):
    """What a profile does."""

    CONTACT_ACCOUNT = "contact_account"
    PROTECTION = "protection"


@dataclass(frozen=True, slots=True)
class PhoneProfile:
    """A profile rendered for one phone. identifier: stable; the same one replaces what is there.

    body: what is installed (a mobileconfig for Apple, the vendor's JSON elsewhere); holds that phone's own password.
    """

    identifier: str
    kind: ProfileKind
    platform: Platform
    body: bytes = field(repr=False)


class Mdm(ABC):
    """An MDM system. Vendors write the methods with an underscore; callers call the others.

    The law (tests/contract/ holds every member to it): lists what is enrolled; never names an app that was not asked
    about; absent only where the manager looked; what it accepted is not what the phone did; the same command twice acts
    once where the vendor can; an event whose sender is not proven is refused; only PortError leaves; no identifier in
    any message. What a manager lacks it answers without a call: FAILED for what is asked, UNKNOWN for every app, Denied
    for every event. There is no way to wipe, lock or retire a phone here, and there will be none.
    """

    @abstractmethod
    def capabilities(self) -> Mapping[PhoneCapability, CapabilityAnswer]:
        """Every capability, each with yes, partly (why) or no (why)."""

    def list_phones(self) -> Sequence[Phone]:
        """All that are enrolled. Raises only PortError; half a list is never returned."""
        return self._whole(self._list_phones)

    def find_apps(self, apps: Sequence[WatchedApp], phones: Sequence[Phone]) -> Sequence[AppSight]:
        """For each of these phones and each app of its platform one sight. Raises only PortError."""
        return self._whole(lambda: self._find_apps(apps, phones))

    def sync(self, phone: Phone, command: str) -> Ask:
        """Ask the phone to get in touch. command: a UUID of ours, the same again for the same order; never raises."""
        return self._asked(lambda: self._sync(phone, command))

    def push(self, phone: Phone, profile: PhoneProfile, command: str) -> Ask:
        """Put a profile on the phone, in place of the one with its identifier; never raises."""
        return self._asked(lambda: self._push(phone, profile, command))

    def pull(self, phone: Phone, identifier: str, command: str) -> Ask:
        """Take our profile off the phone; never raises."""
        return self._asked(lambda: self._pull(phone, identifier, command))

    def ask_posture(self, phone: Phone, apps: Sequence[WatchedApp], command: str) -> Ask:
        """Ask what holds of the phone; the answer comes with the ask, or later by `hear` or `follow`; never raises."""
        return self._asked(lambda: self._ask_posture(phone, apps, command))

    def follow(self, phone: Phone, command: str) -> Ask:
        """How far a command has come. UNKNOWN where the manager cannot say; never raises."""
        return self._asked(lambda: self._follow(phone, command))

    def hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        """What an event says; Denied if its sender is not proven, Garbled if it is none. Headers by lower-case name."""
        return self._whole(lambda: self._hear(headers, body))

    def check(self) -> Sequence[Trial]:
        """Try the connection without changing anything, a request that must be refused included; never raises."""
        try:
            return as_reached(self._check())
        except PortError as error:
            return (Trial("The MDM answers", ok=False, fault=error.fault),)
        except Exception:
            return (Trial("The MDM answers", ok=False, fault=Fault.BAD_BODY),)

    def _whole(self, read: Callable[[], T]) -> T:
        failure: PortError
        try:
            return read()
        except PortError as error:
            failure = bare(error)
        except Exception:
            failure = Garbled(Fault.BAD_BODY)
        raise failure

    def _asked(self, ask: Callable[[], Ask]) -> Ask:
        try:
            return ask()
        except PortError as error:
            return Ask(AskState.UNKNOWN, error=bare(error))
        except Exception:
            return Ask(AskState.UNKNOWN, error=Garbled(Fault.BAD_BODY))

    @abstractmethod
    def _list_phones(self) -> Sequence[Phone]:
        """As `list_phones`; may raise PortError."""

    @abstractmethod
    def _find_apps(self, apps: Sequence[WatchedApp], phones: Sequence[Phone]) -> Sequence[AppSight]:
        """As `find_apps`; may raise PortError."""

    @abstractmethod
    def _sync(self, phone: Phone, command: str) -> Ask:
        """As `sync`; may raise PortError: FAILED is for what is known not to have been done."""

    @abstractmethod
    def _push(self, phone: Phone, profile: PhoneProfile, command: str) -> Ask:
        """As `push`; may raise PortError."""

    @abstractmethod
    def _pull(self, phone: Phone, identifier: str, command: str) -> Ask:
        """As `pull`; may raise PortError."""

    @abstractmethod
    def _ask_posture(self, phone: Phone, apps: Sequence[WatchedApp], command: str) -> Ask:
        """As `ask_posture`; may raise PortError."""

    @abstractmethod
    def _follow(self, phone: Phone, command: str) -> Ask:
        """As `follow`; may raise PortError."""

    @abstractmethod
    def _hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        """As `hear`; may raise PortError."""

    @abstractmethod
    def _check(self) -> Sequence[Trial]:
        """As `check`; may raise PortError."""
