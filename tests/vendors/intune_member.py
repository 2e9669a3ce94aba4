"""Intune's member of the suite for MDM systems: one tenant, one group that gets our profiles."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.phones import Mdm, Phone, PhoneProfile, Platform, ProfileKind
from mdm_adapters.registry import MDMS
from tests.vendors.graph import App, Asked, Drop, Said, error, throttled
from tests.vendors.intune import NEVER, IntuneCloud
from tests.vendors.phone_members import PhoneMember, Trouble, apple_profile
from tests.vendors.serving import served

GROUP = "99999999-0000-4000-8000-000000000001"
_DOCUMENT = Path(__file__).resolve().parents[3] / "shared/contracts/graph/graph-v1.0-fragment.openapi.json"
_NUMBERS = count(1)
_TROUBLES: Mapping[Trouble, Said | Drop] = {
    Trouble.WRONG_CREDENTIALS: error(401, "InvalidAuthenticationToken"),
    Trouble.FORBIDDEN: error(403, "Forbidden"),
    Trouble.THROTTLED: throttled("7"),
    Trouble.BROKEN: error(500, "InternalServerError"),
    Trouble.DROPPED: Drop(),
    Trouble.NONSENSE: Said(200, b"<html>canary</html>", {"Content-Type": "text/html"}, strange=True),
}


class IntunePhones(PhoneMember):
    """Phones of a simulated Intune."""

    acts_once = False
    asks_phones = False

    def __init__(self, cloud: IntuneCloud, url: str, **options: str) -> None:
        self.cloud = cloud
        app = App("client-1", "service-secret")
        self.tenant = cloud.add_tenant(f"tenant-{next(_NUMBERS)}", app)
        self.office = cloud.offices[self.tenant.name]
        told = {"tenant": self.tenant.name, "client_id": app.client_id, "authority": url, "group": GROUP, **options}
        told = {name: value for name, value in told.items() if value}
        self.connection = Connection(f"{url}/v1.0", secret=app.secret, options=told, limits=HttpLimits(5.0, 10.0, 30.0))
        self._trouble: Trouble | None = None
        cloud.troubles.append(self._happen)
        super().__init__(MDMS["intune"](self.connection))

    def enrol(self, user: str, platform: Platform = Platform.IOS, *, silent: bool = False) -> str:
        system = {Platform.IOS: "iOS", Platform.ANDROID: "AndroidEnterprise"}.get(platform, "Fuchsia")
        ref = self.office.enrol(user, system, **({"lastSyncDateTime": NEVER} if silent else {}))
        self.office.groups[GROUP].add(ref)
        return ref

    def leave(self, ref: str) -> None:
        self.office.leave(ref)

    def stranger(self) -> Phone:
        shape = Phone("", Platform.IOS, owned=True, supervised=True, managed=True, user_enrolled=False)
        return replace(shape, ref="00000000-canary", user="canary-user@org.example")

    def install(self, ref: str, app_id: str, name: str) -> None:
        self.office.install(ref, name)

    def act(self, ref: str) -> None:
        self.office.act(ref)

    def stall(self, ref: str) -> None:
        """A phone cannot say "not now" to Intune: it does nothing."""

    def waiting(self, ref: str) -> int:
        return len(self.office.devices[ref].waits)

    def events(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        return ()

    def signed(self, body: bytes) -> Mapping[str, str]:
        return {}

    def trouble(self, trouble: Trouble | None) -> None:
        self._trouble = trouble

    def profile(self, kind: ProfileKind) -> PhoneProfile:
        made = apple_profile(kind)
        return made if kind is ProfileKind.PROTECTION else replace(made, body=exchange_account(made.identifier))

    def fresh(self, *, limits: HttpLimits | None = None, **options: str) -> Mdm:
        """Another adapter at the same tenant, which remembers nothing."""
        told = {name: value for name, value in {**self.connection.options, **options}.items() if value}
        return MDMS["intune"](replace(self.connection, options=told, limits=limits or self.connection.limits))

    def _happen(self, asked: Asked) -> Said | Drop | None:
        return _TROUBLES[self._trouble] if self._trouble and asked.path.startswith(self.cloud.spoken) else None


def exchange_account(identifier: str) -> bytes:
    """A mobileconfig with an Exchange account whose sign-in is the person's own: nobody's password is in it."""
    inner = {
        "PayloadType": "com.apple.eas.account",
        "PayloadIdentifier": f"{identifier}.payload",
        "PayloadUUID": "00000000-0000-4000-8000-000000000003",
        "PayloadVersion": 1,
        "Host": "mail.org.example",
        "EmailAddress": "{{mail}}",
        "OAuth": True,
        "EnableContacts": True,
        "EnableContactsUserOverridable": False,
    }
    outer = {
        "PayloadType": "Configuration",
        "PayloadIdentifier": identifier,
        "PayloadUUID": "00000000-0000-4000-8000-000000000004",
        "PayloadVersion": 1,
        "PayloadContent": [inner],
    }
    return plistlib.dumps(outer)


@contextmanager
def intune_phones(**options: str) -> Iterator[IntunePhones]:
    """A fresh tenant; what was said is held against the published contract, where that is at hand."""
    cloud = IntuneCloud()
    with served(cloud) as url:
        member = IntunePhones(cloud, url, **options)
        yield member
        getattr(member.mdm, "close", lambda: None)()
    if _DOCUMENT.exists():
        # The demo has such phones, and not what reads documents.
        from tests.vendors.contracts import Published  # noqa: PLC0415

        complaints = Published(_DOCUMENT, "https://graph.microsoft.com/v1.0").complaints(cloud.exchanges())
        assert complaints == [], complaints
