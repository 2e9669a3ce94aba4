"""Presence minus need: which removals a pass calls for, under which ids, and whether they may go at once; no store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from mdm_adapters.port import Token
from server.core.model import Verb
from server.core.policy.model import Policy


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A plan above a limit of the policy, with the numbers that say so (as cloud-custodian's limits do)."""

    limit: str
    allowed: float
    planned: int
    seen: int


def order_id(place: str, token: Token, verb: Verb, basis: str, appearance: int) -> str:
    """26 letters and digits, derived: the same need at the same place is the same order, a later closure a new one.

    place: the place's opaque id. basis: what the need hangs on (`Need.basis`). appearance: how often the identifier
    has appeared at the place, so that one that comes back can be removed again. None of them contains a NUL, which
    parts them; the token, whose bytes are any, comes last.
    """
    text = b"%b%b" % (f"closeout/order/v1\0{place}\0{verb}\0{basis}\0{appearance}\0".encode(), token)
    return sha256(text).hexdigest()[:26]


def item_id(place: str, token: Token) -> str:
    """The opaque id of a contact at a place, the same whatever is decided, found or done about it."""
    return order_id(place, token, Verb.REMOVE, "item", 0)[:16]


def digest_of(order_ids: Iterable[str], policy: Policy) -> str:
    """Names a plan: the same removals under the same policy have the same digest, in any order."""
    digest = sha256(b"closeout/plan/v1\0" + policy.version.encode())
    for each in sorted(order_ids):
        digest.update(each.encode() + b"\n")
    return digest.hexdigest()


def held_back(planned: int, seen: int, policy: Policy) -> HeldBack | None:
    """Whether a plan of so many removals, among so many contacts seen, waits for a person's release."""
    if planned > policy.max_removals:
        return HeldBack("max_removals", policy.max_removals, planned, seen)
    if seen and planned >= policy.share_from and planned / seen > policy.max_share:
        return HeldBack("max_share", policy.max_share, planned, seen)
    return None
