"""What a token of the identity provider has to be before a word of it is believed; pure but for the library's check of
signatures, and nothing is fetched here.

We say which algorithms a signature may be of, and only keys that verify and cannot sign for us are used: the provider's
own description can take from that and add nothing to it (RFC 8725, sections 2.1, 3.1 and 3.2).
"""

from __future__ import annotations

import math
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""All asymmetric: with HMAC the key that everybody can read would sign, and "none" signs nothing."""
LEEWAY = timedelta(minutes=2)
"""How far two clocks may be apart."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_SMALLEST_RSA_BITS = 2048
_OLDEST_LOGOUT = timedelta(minutes=10)
_LONGEST_WORD = 255


class TokenUnsoundError(Exception):
    """A token that is not believed. what: which part of it, for the server's own messages; never a value of it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class RolesProblem(StrEnum):
    """Why it cannot be told which roles the provider gives: that is not the same as none."""

    OVERAGE = "overage"
    """More groups than fit into a token: it says where to ask for them instead."""
    UNREADABLE = "unreadable"
    """Neither a word nor a list of words."""


@dataclass(frozen=True, slots=True)
class Logout:
    """Whom a logout token signs out: everywhere (session None), or in one session at the provider.

    key: what makes it this token and no other. ends_at: when it is no longer in force by itself.
    """

    subject: str | None
    session: str | None
    key: str
    ends_at: datetime


def usable_keys(found: Any) -> dict[str, Any]:
    """A set of keys without those of a kind, a curve, a use or a form that verifies nothing here (RFC 7517, 5)."""
    keys = found.get("keys") if isinstance(found, dict) else None
    return {"keys": list(filter(_is_usable, keys)) if isinstance(keys, list) else []}


def _is_usable(key: object) -> bool:
    if not isinstance(key, dict) or key.get("kty") not in ("RSA", "EC", "OKP") or key.get("use", "sig") != "sig":
        return False
    try:
        if key["kty"] == "RSA" and len(urlsafe_b64decode(key["n"] + "===").lstrip(b"\0")) * 8 < _SMALLEST_RSA_BITS:
            return False
        JWKRegistry.import_key(key)
    except (JoseError, ValueError, LookupError, TypeError, AttributeError):
        return False
    return True


def signed_claims(
    token: object, keys_of: Callable[[bool], dict[str, Any]], offered: object
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Claims and header of a token that the provider signed; raises TokenUnsoundError.

    keys_of: the provider's keys; asked with True, they are fetched anew, as is done once for a key that is not known.
    offered: the algorithms that the provider says it uses; what is no list says nothing.
    """
    allowed = [name for name in ALGORITHMS if not isinstance(offered, list) or name in offered]
    if not allowed:
        raise TokenUnsoundError("algorithms")
    if not isinstance(token, str):
        raise TokenUnsoundError("form")
    registry = JWSRegistry(algorithms=allowed, strict_check_header=False)
    try:
        try:
            decoded = jwt.decode(token, _key_set(keys_of(False)), registry=registry)
        except InvalidKeyIdError:
            decoded = jwt.decode(token, _key_set(keys_of(True)), registry=registry)
    except (JoseError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise TokenUnsoundError("signature") from error
    if not isinstance(decoded.claims, dict):
        raise TokenUnsoundError("form")
    return decoded.claims, decoded.header


def _key_set(keys: dict[str, Any]) -> KeySet:
    if not keys["keys"]:
        raise TokenUnsoundError("keys")
    return KeySet.import_key_set(keys)  # type: ignore[arg-type]


# --- ID tokens ----------------------------------------------------------------------------------------------------


def check_id_token(
    claims: Mapping[str, Any], header: Mapping[str, Any], *, issuer: str, client: str, nonce: str, access_token: object
) -> None:
    """Raise TokenUnsoundError unless this is an ID token of that issuer, for us and to our question (Core, 3.1.3.7)."""
    _check_shapes(claims, {"iss": _word, "sub": _word, "aud": _audience, "exp": _number, "iat": _number})
    if not nonce or claims.get("nonce") != nonce:
        raise TokenUnsoundError("nonce")
    _check_issuer_and_audience(claims, issuer, client)
    asked = {"nonce": nonce, "client_id": client, "access_token": access_token}
    # The library has its word on these; when somebody proved who they are is ours to read (`proven_at`).
    others = {name: value for name, value in claims.items() if name != "auth_time"}
    try:
        CodeIDToken(others, header, {}, asked).validate(leeway=int(LEEWAY.total_seconds()))
    except (JoseError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise TokenUnsoundError("claims") from error


def proven_at(claims: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the provider says the person last proved who they are (`auth_time`); None: it does not say.

    Never `iat`, which is when the token was made. A time still to come, or what is no time, says nothing.
    """
    told = claims.get("auth_time")
    if not _number(told):
        return None
    try:
        at = datetime.fromtimestamp(float(told), UTC)  # type: ignore[arg-type]
    except (OverflowError, ValueError, OSError):
        return None
    return None if at > now + LEEWAY else min(at, now)


def find_claim(claims: Mapping[str, Any], name: str) -> object:
    """A claim by its name, or by a path of names with dots between them (`realm_access.roles`); None: not there."""
    if name in claims:
        return claims[name]
    at: object = claims
    for part in name.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return None
        at = at[part]
    return at


def words_of(claims: Mapping[str, Any], name: str) -> Sequence[str] | RolesProblem:
    """The words that a claim holds, one or a list; none if it is not there. What cannot be told is a problem."""
    held = find_claim(claims, name)
    if held is None:
        return RolesProblem.OVERAGE if _is_elsewhere(claims, name) else ()
    found: Sequence[object] = held if isinstance(held, list) else [held]
    words = [word for word in found if isinstance(word, str)]
    return words if len(words) == len(found) else RolesProblem.UNREADABLE


def _is_elsewhere(claims: Mapping[str, Any], name: str) -> bool:
    """Whether the provider says that the claim has to be fetched (Core, 5.6.2; Entra ID's group overage)."""
    elsewhere = claims.get("_claim_names")
    named = isinstance(elsewhere, Mapping) and (name in elsewhere or name.partition(".")[0] in elsewhere)
    return named or (name == "groups" and claims.get("hasgroups") in (True, "true"))


def session_of(claims: Mapping[str, Any]) -> str | None:
    """The provider's own name of the session (`sid`), by which it ends it."""
    told = claims.get("sid")
    return told if isinstance(told, str) and _word(told) else None


# --- logout tokens ------------------------------------------------------------------------------------------------


def read_logout(
    claims: Mapping[str, Any], header: Mapping[str, Any], *, issuer: str, client: str, now: datetime
) -> Logout:
    """Whom this logout token signs out; raises TokenUnsoundError (Back-Channel Logout 1.0, sections 2.4 and 2.6)."""
    kind = header.get("typ", "logout+jwt")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in ("logout+jwt", "jwt"):
        raise TokenUnsoundError("typ")
    _check_shapes(claims, {"iss": _word, "aud": _audience, "exp": _number, "iat": _number, "jti": _word})
    _check_issuer_and_audience(claims, issuer, client)
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(LOGOUT_EVENT), Mapping):
        raise TokenUnsoundError("events")
    if "nonce" in claims:  # an ID token is none
        raise TokenUnsoundError("nonce")
    said = {name: claims[name] for name in ("sub", "sid") if name in claims}
    if not said or not all(map(_word, said.values())):
        raise TokenUnsoundError("sub")
    made, ends = float(claims["iat"]), float(claims["exp"])
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if ends < at - leeway or not at - _OLDEST_LOGOUT.total_seconds() <= made <= at + leeway:
        raise TokenUnsoundError("time")
    # Older ones are refused, so that none has to be remembered for longer than this.
    return Logout(said.get("sub"), said.get("sid"), claims["jti"], now + _OLDEST_LOGOUT + 2 * LEEWAY)


# --- shapes -------------------------------------------------------------------------------------------------------


def _check_shapes(claims: Mapping[str, Any], shapes: Mapping[str, Callable[[object], bool]]) -> None:
    for name, is_right in shapes.items():
        if not is_right(claims.get(name)):
            raise TokenUnsoundError(name)


def _check_issuer_and_audience(claims: Mapping[str, Any], issuer: str, client: str) -> None:
    if claims["iss"].rstrip("/") != issuer.rstrip("/"):
        raise TokenUnsoundError("iss")
    for_whom = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if client not in for_whom:
        raise TokenUnsoundError("aud")


def _word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD


def _audience(value: object) -> bool:
    return _word(value) or (isinstance(value, list) and bool(value) and all(map(_word, value)))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
