"""Where a number can be saved on one phone, whether that is closed, and what should be pushed: from what it told.

What a phone did not tell is unknown, never closed. Nothing here is a judgement of its holder: how a phone is set up is
the organisation's to mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mdm_adapters.phones import AppPresence, Aspect


class Way(StrEnum):
    """A way by which a client's number comes to be on a phone, or out of our sight on it."""

    MANAGED_ACCOUNT = "managed_account"
    """The organisation's managed contacts account: where a number belongs, since it can be removed there."""
    ANOTHER_ACCOUNT = "another_account"
    """A new contact goes into another account because that one is the default."""
    PERSONAL_ACCOUNT = "personal_account"
    """A private iCloud or Google account."""
    COPIED_OUT = "copied_out"
    """Managed apps write contacts into private accounts."""
    OUTLOOK = "outlook"
    """Outlook copies its contacts into the phone's own book."""
    WHATSAPP_READS = "whatsapp_reads"
    """WhatsApp reads the managed contacts."""
    WHATSAPP_OWN = "whatsapp_own"
    """A contact saved inside WhatsApp alone."""
    PHONE_ITSELF = "phone_itself"
    """The phone's own book, the SIM card, the call list, messages."""
    BACKUP = "backup"
    """A backup in a private cloud."""


class WayStanding(StrEnum):
    """Whether a way is closed."""

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"
    """The phone did not tell, or cannot."""
    NEVER = "never"
    """No management can close it, or see it."""


class Push(StrEnum):
    """What should be pushed, or done, so that a way is closed."""

    ACCOUNT = "account"
    ACCOUNT_SETTINGS = "account_settings"
    PROTECTION = "protection"
    APP_PROTECTION = "app_protection"
    UNMANAGE_WHATSAPP = "unmanage_whatsapp"
    SUPERVISE = "supervise"
    ASK = "ask"
    """Ask the phone again; it has not told."""
    AGREE = "agree"
    """Nothing to push: agree on it with the worker, and say so in the instruction."""


@dataclass(frozen=True, slots=True)
class WayHere:
    """One way on one phone. told_at: the oldest thing it was told by; None: nothing was told. push: None: nothing."""

    way: Way
    standing: WayStanding
    told_at: datetime | None
    push: Push | None


@dataclass(frozen=True, slots=True)
class SeenApp:
    """What is known of one app on a phone."""

    presence: AppPresence
    managed: bool | None
    told_at: datetime | None


Facts = Mapping[Aspect, tuple[bool | None, datetime]]
WHATSAPP = ("whatsapp", "whatsapp-business")
"""The catalogue's words for WhatsApp."""

_SIMPLE: Mapping[Way, tuple[tuple[Aspect, ...], Push]] = {
    Way.MANAGED_ACCOUNT: ((Aspect.CONTACT_ACCOUNT, Aspect.CONTACT_SYNC), Push.ACCOUNT),
    Way.ANOTHER_ACCOUNT: ((Aspect.DEFAULT_ACCOUNT,), Push.ACCOUNT_SETTINGS),
    Way.PERSONAL_ACCOUNT: ((Aspect.PRIVATE_ACCOUNTS_BLOCKED,), Push.SUPERVISE),
    Way.COPIED_OUT: ((Aspect.WRITES_BLOCKED,), Push.PROTECTION),
    Way.OUTLOOK: ((Aspect.OUTLOOK_SAVING_BLOCKED,), Push.APP_PROTECTION),
    Way.BACKUP: ((Aspect.CLOUD_BACKUP_OFF,), Push.PROTECTION),
}
_READS = (Aspect.READS_BLOCKED, Aspect.OPEN_IN_BLOCKED)


def ways_on(facts: Facts, apps: Mapping[str, SeenApp]) -> tuple[WayHere, ...]:
    """Every way on one phone, in the order of `Way`. facts: what it told last. apps: by the catalogue's word."""
    found = {way: _simple(way, facts) for way in _SIMPLE}
    found[Way.WHATSAPP_READS] = _whatsapp_reads(facts, apps)
    found[Way.WHATSAPP_OWN] = _whatsapp_own(apps)
    found[Way.PHONE_ITSELF] = WayHere(Way.PHONE_ITSELF, WayStanding.NEVER, None, Push.AGREE)
    return tuple(found[way] for way in Way)


def _all_of(aspects: tuple[Aspect, ...], facts: Facts) -> tuple[WayStanding, datetime | None]:
    """Closed if all are told to hold, open as soon as one is told not to, else unknown."""
    told = [facts[aspect] for aspect in aspects if aspect in facts and facts[aspect][0] is not None]
    at = min((when for _, when in told), default=None)
    if any(holds is False for holds, _ in told):
        return WayStanding.OPEN, at
    return (WayStanding.CLOSED if len(told) == len(aspects) else WayStanding.UNKNOWN), at


def _simple(way: Way, facts: Facts) -> WayHere:
    aspects, push = _SIMPLE[way]
    standing, at = _all_of(aspects, facts)
    return WayHere(way, standing, at, _mend(standing, push))


def _mend(standing: WayStanding, push: Push) -> Push | None:
    return {WayStanding.OPEN: push, WayStanding.UNKNOWN: Push.ASK}.get(standing)


def _whatsapps(apps: Mapping[str, SeenApp]) -> list[SeenApp]:
    return [apps[key] for key in WHATSAPP if key in apps]


def _absent(apps: Mapping[str, SeenApp]) -> bool:
    """Whether every WhatsApp there is was looked for and not found."""
    seen = _whatsapps(apps)
    return bool(seen) and all(app.presence is AppPresence.ABSENT for app in seen)


def _whatsapp_reads(facts: Facts, apps: Mapping[str, SeenApp]) -> WayHere:
    """A managed WhatsApp always reads managed contacts; another one does unless both restrictions hold."""
    way = Way.WHATSAPP_READS
    managed = [app for app in _whatsapps(apps) if app.presence is AppPresence.PRESENT and app.managed]
    if managed:
        return WayHere(way, WayStanding.OPEN, managed[0].told_at, Push.UNMANAGE_WHATSAPP)
    standing, at = _all_of(_READS, facts)
    if standing is not WayStanding.CLOSED and _absent(apps):
        return WayHere(way, WayStanding.CLOSED, _oldest(apps), None)
    return WayHere(way, standing, at, _mend(standing, Push.PROTECTION))


def _whatsapp_own(apps: Mapping[str, SeenApp]) -> WayHere:
    """Contacts inside WhatsApp are seen by nobody; only where it was looked for and not found are there none."""
    if _absent(apps):
        return WayHere(Way.WHATSAPP_OWN, WayStanding.CLOSED, _oldest(apps), None)
    present = any(app.presence is AppPresence.PRESENT for app in _whatsapps(apps))
    return WayHere(Way.WHATSAPP_OWN, WayStanding.NEVER if present else WayStanding.UNKNOWN, None, Push.AGREE)


def _oldest(apps: Mapping[str, SeenApp]) -> datetime | None:
    return min((app.told_at for app in _whatsapps(apps) if app.told_at), default=None)
