"""Which network addresses a connection may call: decided from the address alone, before anybody is called.

A name is somebody else's word: who changes what it leads to could send us, with credentials, to a machine inside the
organisation, or to the service in a cloud that hands out keys (SSRF; OWASP ASVS 5.0, 1.3.6). No HTTP lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_NEVER = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # link-local, and where clouds hand out keys (RFC 3927)
            "fe80::/10",  # the same (RFC 4291)
            "fd00:ec2::/32",  # Amazon's, by IPv6
            "100.100.100.200/32",  # Alibaba's
            "168.63.129.16/32",  # Azure's
            "192.0.0.192/32",  # Oracle's
        ),
    )
)
_OWN = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_NAT64 = ip_network("64:ff9b::/96")


class NetworkReach(StrEnum):
    """How far a connection reaches."""

    INTERNET = "internet"
    """Public addresses alone: where an answer of a server, not a person, names the address."""
    AS_WRITTEN = "as_written"
    """Public addresses; and the very private address that a person wrote instead of a name, this machine included."""
    OWN_NETWORK = "own_network"
    """Private addresses too: a person said that the server stands in the organisation's own network."""


def allowed(host: str, addresses: Iterable[str], reach: NetworkReach) -> Sequence[str]:
    """Those addresses of a host that may be called, in their order; addresses: as a resolver gives them."""
    named = _address(host) is None and host.rstrip(".").lower() != "localhost"
    inside = reach is NetworkReach.OWN_NETWORK or (reach is NetworkReach.AS_WRITTEN and not named)
    return [each for each in addresses if _may_be_called(_address(each), inside=inside)]


def _may_be_called(address: Address | None, *, inside: bool) -> bool:
    if address is None or address.is_multicast or address.is_unspecified:
        return False
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if address.is_loopback or any(address in network for network in _OWN if network.version == address.version):
        return inside
    return address.is_global


def _address(text: str) -> Address | None:
    """The address, as itself where it is one of the other kind in disguise; None: it is a name."""
    try:
        found = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        hidden = found.ipv4_mapped or found.sixtofour
        if hidden is None and found in _NAT64:
            hidden = IPv4Address(int(found) & 0xFFFFFFFF)
        return hidden or found
    return found
