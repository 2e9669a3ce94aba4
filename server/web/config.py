"""What the pages know that no request may say: address, secret, limits, identity provider; frozen, made by `app`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from argon2 import PasswordHasher

from mdm_adapters.options import ConnectionKind
from server.core.model import Role
from server.render.sentences import LANGUAGES
from server.work.admin.access import HASHER, SignInLimits
from server.work.admin.scanning import Scanner
from server.work.removal.policy_changes import PolicyShelf


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider (Entra ID or any other).

    issuer: as it names itself; its configuration is read from /.well-known/openid-configuration below it. claim: which
    claim of the ID token holds what `roles` maps to roles (app roles, groups). worker_claim: which claim holds the
    reference of the worker; empty: none.
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    claim: str
    roles: Mapping[str, tuple[Role, ...]]
    worker_claim: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """One installation's pages.

    url: under which people reach them, scheme and host; the only address that redirects and messages are made from.
    secret: 32 bytes, signs the form cookie. picker: sign in by picking a role; only for a demo on this machine.
    kinds: what can be connected, and what each connection says. secrets: folder where passwords of connections are
    kept. policies: the policy in force. scanner: what files are shown to before they are read. language: where a
    browser asks for none that we speak. sign_in_rate, sign_in_rate_name: how often one address, and one name, may
    try; event_rate: may send events; refusal_rate: how many refusals of one page to one person are noted in the
    log; costly_rate: how often one person may ask for what costs much, files of tables among it (all in the words
    of Flask-Limiter).
    """

    url: str
    secret: bytes = field(repr=False)
    picker: bool
    kinds: Mapping[str, ConnectionKind] = field(repr=False)
    secrets: Path
    policies: PolicyShelf = field(repr=False)
    language: str = "nl"
    limits: SignInLimits = field(default_factory=SignInLimits)
    provider: Provider | None = None
    scanner: Scanner | None = field(default=None, repr=False)
    hasher: PasswordHasher = field(default=HASHER, repr=False)
    sign_in_rate: str = "20 per minute; 200 per hour"
    sign_in_rate_name: str = "10 per minute; 60 per hour"
    event_rate: str = "1200 per minute"
    refusal_rate: str = "5 per hour"
    costly_rate: str = "30 per minute; 300 per hour"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("the address of the pages is http(s)://host[:port]")
        if self.picker and not is_loopback(parts.hostname):
            raise ValueError("a demo is reached from this machine only")

    @property
    def secure(self) -> bool:
        """Whether browsers reach the pages by TLS."""
        return self.url.startswith("https:")

    @property
    def host(self) -> str:
        """The host as requests must name it, with its port if it is not the usual one."""
        return urlsplit(self.url).netloc


def asked_language(accepted: Iterable[tuple[str, float]]) -> str | None:
    """The first language of a browser's list, the dearest first, that we speak: "nl-BE" is Dutch to us."""
    for tag, _ in accepted:
        primary = tag.partition("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return None


def is_loopback(host: str) -> bool:
    """Whether a host or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
