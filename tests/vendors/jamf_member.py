"""Jamf Pro's member of the suite for MDM systems: one server with a group for each of our profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.jamf import JamfPro
from mdm_adapters.jamf import connect as connect_jamf
from mdm_adapters.phones import Phone, Platform
from tests.vendors.contracts import Published
from tests.vendors.graph import Asked, Drop, Said
from tests.vendors.jamf import CLIENT, HEADER, SECRET, VALUE, JamfServer, restriction
from tests.vendors.phone_members import PhoneMember, Trouble
from tests.vendors.serving import served

ACCOUNT, PROTECTION = "example.org.closeout.contact_account", "example.org.closeout.protection"
_DOCUMENT = Path(__file__).resolve().parents[3] / "shared/contracts/jamf/jamf-pro-11.30.1-fragment.openapi.json"
_TROUBLES: Mapping[Trouble, Said | Drop] = {
    Trouble.WRONG_CREDENTIALS: Said(401, None, strange=True),
    Trouble.FORBIDDEN: Said(403, None, strange=True),
    Trouble.THROTTLED: Said(429, None, {"Retry-After": "7"}, strange=True),
    Trouble.BROKEN: Said(500, b"", strange=True),
    Trouble.DROPPED: Drop(),
    Trouble.NONSENSE: Said(200, b"<html>canary</html>", {"Content-Type": "text/html"}, strange=True),
}


class JamfPhones(PhoneMember):
    """iPhones of a simulated Jamf Pro."""

    signs_events = False

    def __init__(self, server: JamfServer, url: str, keys: Path, **options: str) -> None:
        self.server, self.url = server, url
        server.state.groups = {"7": ("With the account", set()), "8": ("Protected", set())}
        closed = ("UnmanagedToReadManagedContacts", "OpenFromManagedToUnmanaged", "ManagedToWriteUnmanagedContacts")
        server.configs = {
            "17": (ACCOUNT, b"<plist/>", "7"),
            "18": (PROTECTION, restriction(**{f"allow{each}": False for each in closed}), "8"),
        }
        (keys / "header.key").write_text(VALUE)
        self.options = {
            "account_group": "7",
            "protection_group": "8",
            "account_profile": ACCOUNT,
            "protection_profile": PROTECTION,
            "protection_config": "18",
            "events_header": HEADER,
            "events_key_file": str(keys / "header.key"),
            **options,
        }
        self._trouble: Trouble | None = None
        server.troubles.append(self._happen)
        self.jamf = self.connect()
        super().__init__(self.jamf)

    def connect(self, **options: str) -> JamfPro:
        """Another adapter at the same server."""
        told = {name: value for name, value in {**self.options, **options}.items() if value}
        return connect_jamf(Connection(self.url, CLIENT, SECRET, options=told, limits=HttpLimits(5.0, 10.0, 30.0)))

    def enrol(self, user: str, platform: Platform = Platform.IOS, *, silent: bool = False) -> str:
        phone = self.server.enrol(user)
        if silent:
            phone.told = phone.told_at = None
        return str(phone.number)

    def leave(self, ref: str) -> None:
        self.server.leave(int(ref))

    def stranger(self) -> Phone:
        return Phone("99999", Platform.IOS)

    def install(self, ref: str, app_id: str, name: str) -> None:
        phone = self.server.state.phones[int(ref)]
        phone.apps[app_id] = (name, False)
        self.server.inventory(phone)

    def act(self, ref: str) -> None:
        self.server.act(int(ref))

    def stall(self, ref: str) -> None:
        phone = self.server.state.phones[int(ref)]
        phone.locked = True
        self.server.act(int(ref))
        phone.locked = False

    def waiting(self, ref: str) -> int:
        return len(self.server.waiting(int(ref))) + self.server.misses(int(ref))

    def events(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        return tuple(self.server.events)

    def signed(self, body: bytes) -> Mapping[str, str]:
        return {HEADER.lower(): VALUE}

    def trouble(self, trouble: Trouble | None) -> None:
        self._trouble = trouble

    def _happen(self, _: Asked) -> Said | Drop | None:
        return _TROUBLES[self._trouble] if self._trouble else None


@lru_cache
def published() -> Published | None:
    """Jamf's published contract; None where it is not at hand: the simulator alone is our own reading."""
    return Published(_DOCUMENT, "https://jamf.org.example/api") if _DOCUMENT.exists() else None


@contextmanager
def jamf_phones() -> Iterator[PhoneMember]:
    """iPhones of a Jamf Pro, everything said held against the published contract where that is at hand."""
    server = JamfServer()
    with served(server) as url, TemporaryDirectory() as keys:
        member = JamfPhones(server, url, Path(keys))
        yield member
        member.jamf.close()
    contract = published()
    assert contract is None or contract.complaints(server.exchanges()) == []
