"""An MDM system in memory: an `Mdm` that keeps the law without a network; phones that act when told."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock

from mdm_adapters.phones import (
    AppPresence,
    AppSight,
    Ask,
    AskState,
    Aspect,
    Mdm,
    Phone,
    PhoneCapability,
    PhoneProfile,
    Platform,
    Posture,
    ProfileKind,
    Told,
    WatchedApp,
)
from mdm_adapters.port import YES, CapabilityAnswer, Denied, Fault, Garbled, Missing, PortError, Trial, no

EVENT_KEY = b"event-key-of-the-memory"
_OF_ACCOUNT = (Aspect.CONTACT_ACCOUNT, Aspect.CONTACT_SYNC, Aspect.DEFAULT_ACCOUNT)
_OF_PROTECTION = (
    *(Aspect.PROTECTION, Aspect.READS_BLOCKED, Aspect.OPEN_IN_BLOCKED, Aspect.WRITES_BLOCKED),
    *(Aspect.PRIVATE_ACCOUNTS_BLOCKED, Aspect.OUTLOOK_SAVING_BLOCKED),
)


@dataclass
class MemoryPhone:
    """One phone. apps: ids of all that is on it, private ones too. quirks: aspects that are not as the profiles say."""

    ref: str
    user: str | None
    platform: Platform
    apps: set[str] = field(default_factory=set)
    profiles: dict[str, PhoneProfile] = field(default_factory=dict)
    quirks: dict[Aspect, bool | None] = field(default_factory=dict)
    waiting: dict[str, tuple[str, object]] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)
    """(verb, command) of what it did, in order."""
    seen_at: datetime | None = None
    owned: bool | None = True
    user_enrolled: bool | None = False


class MemoryMdm(Mdm):
    """Phones in memory, by ref. Threads may share it.

    at_once: a posture that is asked is answered from what the phone last told, as Intune does; else the phone tells
    it when it acts. obedient: phones act as soon as they are asked. now: what time it is to phones. fail_before: each
    is raised by one later call in place of doing anything; fail_after: once it was done, as a lost answer is.
    failing: raised by every call while it stands. calls: (verb, ref) in order. events: (headers, body) as sent.
    """

    def __init__(self, *, at_once: bool = False, obedient: bool = False, now: datetime | None = None) -> None:
        self.phones: dict[str, MemoryPhone] = {}
        self.fail_before: deque[PortError] = deque()
        self.fail_after: deque[PortError] = deque()
        self.failing: PortError | None = None
        self.calls: list[tuple[str, str]] = []
        self.events: list[tuple[Mapping[str, str], bytes]] = []
        self.obedient = obedient
        self.now = now or datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._at_once = at_once
        self._states: dict[tuple[str, str], Ask] = {}
        self._lock = RLock()

    def enrol(self, ref: str, user: str | None, platform: Platform = Platform.IOS) -> MemoryPhone:
        """Bring a phone under management."""
        phone = self.phones[ref] = MemoryPhone(ref, user, platform, seen_at=self.now)
        self._send({"phone": ref, "enrolled": True})
        return phone

    def leave(self, ref: str) -> None:
        """A phone leaves management."""
        del self.phones[ref]
        self._send({"phone": ref, "enrolled": False})

    def act(self, ref: str) -> None:
        """The phone gets in touch, does all that waits for it, and tells."""
        with self._lock:
            phone = self.phones[ref]
            phone.seen_at = self.now
            for command, (verb, what) in list(phone.waiting.items()):
                del phone.waiting[command]
                phone.done.append((verb, command))
                if verb == "push" and isinstance(what, PhoneProfile):
                    phone.profiles[what.identifier] = what
                elif verb == "pull" and isinstance(what, str):
                    phone.profiles.pop(what, None)
                posture = None
                if verb == "posture" and isinstance(what, tuple):
                    posture = self._posture(phone, what)
                self._states[ref, command] = Ask(AskState.DONE, command, posture)
                self._send({"phone": ref, "command": command, "state": "done", "posture": _as_json(posture)})

    def stall(self, ref: str) -> None:
        """The phone gets in touch and says "not now" to all that waits for it."""
        with self._lock:
            for command in self.phones[ref].waiting:
                self._states[ref, command] = Ask(AskState.WAITING, command)
                self._send({"phone": ref, "command": command, "state": "waiting"})

    def capabilities(self) -> Mapping[PhoneCapability, CapabilityAnswer]:
        return {
            **dict.fromkeys(PhoneCapability, YES),
            PhoneCapability.PHONE_CONTACTS: no("No MDM can read or remove a contact on a phone."),
        }

    def _list_phones(self) -> Sequence[Phone]:
        with self._called("list", ""):
            return [
                Phone(
                    each.ref,
                    each.platform,
                    user=each.user,
                    serial=f"serial-{each.ref}",
                    owned=each.owned,
                    managed=True,
                    user_enrolled=each.user_enrolled,
                    seen_at=each.seen_at,
                )
                for each in self.phones.values()
            ]

    def _find_apps(self, apps: Sequence[WatchedApp], phones: Sequence[Phone]) -> Sequence[AppSight]:
        with self._called("apps", ""):
            return [
                sight
                for phone in phones
                for sight in _sights(
                    self.phones.get(phone.ref), phone, [a for a in apps if a.platform is phone.platform]
                )
            ]

    def _sync(self, phone: Phone, command: str) -> Ask:
        return self._order("sync", phone, command, None)

    def _push(self, phone: Phone, profile: PhoneProfile, command: str) -> Ask:
        return self._order("push", phone, command, profile)

    def _pull(self, phone: Phone, identifier: str, command: str) -> Ask:
        return self._order("pull", phone, command, identifier)

    def _ask_posture(self, phone: Phone, apps: Sequence[WatchedApp], command: str) -> Ask:
        wanted = tuple(each for each in apps if each.platform is phone.platform)
        if not self._at_once:
            return self._order("posture", phone, command, wanted)
        with self._called("posture", phone.ref):
            return Ask(AskState.DONE, command, self._posture(self._known(phone), wanted))

    def _follow(self, phone: Phone, command: str) -> Ask:
        with self._called("follow", phone.ref):
            return self._states.get((phone.ref, command), Ask(AskState.UNKNOWN, command))

    def _hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:
        if not hmac.compare_digest(headers.get("x-hmac-signature", ""), _proof(body)):
            raise Denied(Fault.WRONG_CREDENTIALS)
        data = json.loads(body)
        if not isinstance(data, dict) or not isinstance(data.get("phone"), str):
            raise Garbled(Fault.BAD_BODY)
        state = data.get("state")
        return [
            Told(
                data["phone"],
                command=data.get("command"),
                state=AskState(state) if state in set(AskState) else None,
                posture=_from_json(data["phone"], data.get("posture")),
                enrolled=data.get("enrolled"),
            )
        ]

    def _check(self) -> Sequence[Trial]:
        with self._called("check", ""):
            return (Trial("Phones can be listed", ok=True),)

    def _order(self, verb: str, phone: Phone, command: str, what: object) -> Ask:
        with self._called(verb, phone.ref):
            held = self._known(phone)
            if (phone.ref, command) not in self._states:
                held.waiting[command] = (verb, what)
                self._states[phone.ref, command] = Ask(AskState.ACCEPTED, command)
            if self.obedient:
                self.act(phone.ref)
            return self._states[phone.ref, command]

    def _known(self, phone: Phone) -> MemoryPhone:
        if phone.ref not in self.phones:
            raise Missing(Fault.PLACE_GONE, status=404)
        return self.phones[phone.ref]

    def _posture(self, phone: MemoryPhone, apps: Sequence[WatchedApp]) -> Posture:
        kinds = {profile.kind for profile in phone.profiles.values()}
        facts: dict[Aspect, bool | None] = {
            **dict.fromkeys(_OF_ACCOUNT, ProfileKind.CONTACT_ACCOUNT in kinds),
            **dict.fromkeys(_OF_PROTECTION, ProfileKind.PROTECTION in kinds),
            **phone.quirks,
        }
        asked = Phone(phone.ref, phone.platform)
        return Posture(phone.ref, self.now, facts, tuple(_sights(phone, asked, apps)))

    def _send(self, said: Mapping[str, object]) -> None:
        body = json.dumps(said).encode()
        self.events.append(({"x-hmac-signature": _proof(body)}, body))

    @contextmanager
    def _called(self, verb: str, ref: str) -> Iterator[None]:
        """One call: fails before anything is done, or after."""
        with self._lock:
            self.calls.append((verb, ref))
            if self.failing is not None:
                raise self.failing
            if self.fail_before:
                raise self.fail_before.popleft()
            yield
            if self.fail_after:
                raise self.fail_after.popleft()


def signed(body: bytes) -> Mapping[str, str]:
    """The headers of an event with this body whose sender is proven."""
    return {"x-hmac-signature": _proof(body)}


def _proof(body: bytes) -> str:
    return hmac.new(EVENT_KEY, body, hashlib.sha256).hexdigest()


def _sights(held: MemoryPhone | None, phone: Phone, apps: Sequence[WatchedApp]) -> Sequence[AppSight]:
    return [
        AppSight(
            phone.ref,
            app.key,
            AppPresence.UNKNOWN
            if held is None or held.seen_at is None
            else AppPresence.PRESENT
            if app.ids & held.apps
            else AppPresence.ABSENT,
            managed=False if held is not None and app.ids & held.apps else None,
            told_at=held.seen_at if held else None,
        )
        for app in apps
    ]


def _as_json(posture: Posture | None) -> object:
    if posture is None:
        return None
    return {
        "told_at": posture.told_at.isoformat(),
        "facts": dict(posture.facts),
        "apps": [[each.app, each.presence] for each in posture.apps],
    }


def _from_json(phone: str, data: object) -> Posture | None:
    if not isinstance(data, dict):
        return None
    told_at = datetime.fromisoformat(data["told_at"])
    facts = {Aspect(name): value for name, value in data["facts"].items()}
    apps = tuple(AppSight(phone, app, AppPresence(presence), told_at=told_at) for app, presence in data["apps"])
    return Posture(phone, told_at, facts, apps)
