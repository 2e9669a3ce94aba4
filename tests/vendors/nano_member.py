"""NanoMDM's member of the suite for MDM systems: one server whose events are heard as they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.nanomdm import NanoMdm
from mdm_adapters.nanomdm import connect as connect_nanomdm
from mdm_adapters.phones import Phone, Platform
from tests.vendors.apple_schema import AppleSchema
from tests.vendors.contracts import Published
from tests.vendors.graph import Asked, Drop, Said
from tests.vendors.kmfddm import KmfddmServer
from tests.vendors.nanomdm import API_KEY, EVENTS_KEY, TOPIC, NanoServer, signed
from tests.vendors.phone_members import PhoneMember, Trouble
from tests.vendors.serving import served

CONTRACTS = Path(__file__).resolve().parents[3] / "shared/contracts"
_TROUBLES: Mapping[Trouble, Said | Drop] = {
    Trouble.WRONG_CREDENTIALS: Said(401, None, strange=True),
    Trouble.FORBIDDEN: Said(403, None, strange=True),
    Trouble.THROTTLED: Said(429, None, {"Retry-After": "7"}, strange=True),
    Trouble.BROKEN: Said(500, b"", {"Content-Type": "text/plain"}, strange=True),
    Trouble.DROPPED: Drop(),
    Trouble.NONSENSE: Said(200, b"<html>canary</html>", {"Content-Type": "text/html"}, strange=True),
}


def schema() -> AppleSchema | None:
    """Apple's published schema; None where it is not at hand: the simulator alone is our own reading."""
    return AppleSchema(CONTRACTS / "apple") if CONTRACTS.is_dir() else None


class NanoPhones(PhoneMember):
    """iPhones of a simulated NanoMDM. declared, beside: an adapter that knows KMFDDM too, and KMFDDM, where it is."""

    declared: NanoMdm
    beside: KmfddmServer

    def __init__(self, server: NanoServer, url: str, keys: Path, **options: str) -> None:
        self.server, self.url = server, url
        key = keys / "events.key"
        key.write_bytes(EVENTS_KEY)
        self.options = {
            "events_key_file": str(key),
            "topic": TOPIC,
            "account_profile": "example.org.closeout.contact_account",
            "protection_profile": "example.org.closeout.protection",
            **options,
        }
        self._trouble: Trouble | None = None
        server.troubles.append(self._happen)
        self.nano = self.connect()
        server.hears = self.nano.hear
        super().__init__(self.nano)

    def connect(self, **options: str) -> NanoMdm:
        """Another adapter at the same server, as another process would have."""
        told = {name: value for name, value in {**self.options, **options}.items() if value}
        return connect_nanomdm(Connection(self.url, secret=API_KEY, options=told, limits=HttpLimits(5.0, 10.0, 30.0)))

    def enrol(self, user: str, platform: Platform = Platform.IOS, *, silent: bool = False) -> str:
        ref = f"00008101-{len(self.server.seen) + len(self.server.events) + 1:016X}"
        self.server.enrol(ref)
        return ref

    def leave(self, ref: str) -> None:
        self.server.leave(ref)

    def stranger(self) -> Phone:
        return Phone("00000000-canary", Platform.IOS)

    def install(self, ref: str, app_id: str, name: str) -> None:
        self.server.phones[ref].apps[app_id] = False

    def act(self, ref: str) -> None:
        self.server.act(ref)

    def stall(self, ref: str) -> None:
        self.server.phones[ref].locked = True
        self.server.act(ref)
        self.server.phones[ref].locked = False

    def waiting(self, ref: str) -> int:
        return len(self.server.queues[ref])

    def events(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        return tuple(self.server.events)

    def signed(self, body: bytes) -> Mapping[str, str]:
        return signed(body)

    def trouble(self, trouble: Trouble | None) -> None:
        self._trouble = trouble

    def _happen(self, _: Asked) -> Said | Drop | None:
        return _TROUBLES[self._trouble] if self._trouble else None


@lru_cache
def published() -> Published | None:
    """NanoMDM's published contract, in the copy whose addresses a validator understands; None: not at hand."""
    return Published(CONTRACTS / "nanomdm/openapi-prism.yaml", "http://[::1]:9000") if CONTRACTS.is_dir() else None


@contextmanager
def nano_phones() -> Iterator[PhoneMember]:
    """iPhones of a NanoMDM, everything said held against the published contracts where those are at hand."""
    server = NanoServer(schema())
    with served(server) as url, TemporaryDirectory() as keys:
        member = NanoPhones(server, url, Path(keys))
        yield member
        member.nano.close()
    contract = published()
    assert server.complaints == []
    assert contract is None or contract.complaints(server.exchanges()) == []
