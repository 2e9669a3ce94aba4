"""The identity provider: OpenID Connect with PKCE, by Authlib; gives back a subject and roles and keeps no name."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Flask, abort, current_app, session, url_for
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from server.core.model import Role
from server.web.config import Provider, Site
from server.web.request import here

_log = logging.getLogger(__name__)
_EXTENSION = "closeout.provider"
_UNDER_WAY = "provider"
_SECONDS = 10
_PROOF_SECONDS = 300
"""How old a sign-in may be that the provider calls a fresh one."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for. following, draft: what was wanted before. prove: a fresh proof was asked for."""

    issuer: str
    subject: str
    roles: tuple[Role, ...]
    worker: str | None
    id_token: str = field(repr=False)
    following: str
    draft: str = field(repr=False)
    prove: bool


class _Client(FlaskOAuth2App):
    """The library's client, for which one key that it cannot use spoils all the others."""

    def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """The provider's keys, as far as they can be used."""
        return usable_keys(super().fetch_jwk_set(force))


def usable_keys(found: Any) -> dict[str, Any]:
    """A set of keys without those of a kind, a curve or a form that nobody here knows (RFC 7517, section 5)."""
    keys = found.get("keys") if isinstance(found, dict) else None
    return {"keys": list(filter(_is_usable, keys)) if isinstance(keys, list) else []}


def _is_usable(key: object) -> bool:
    if not isinstance(key, dict) or key.get("kty") not in ("RSA", "EC", "OKP"):
        return False
    try:
        JWKRegistry.import_key(key)
    except (JoseError, ValueError, LookupError, TypeError):
        return False
    return True


def connect(app: Flask, site: Site) -> None:
    """Make the provider known to the app; nothing is fetched before somebody signs in."""
    if site.provider is None:
        return
    oauth = OAuth(app)
    oauth.register(  # type: ignore[no-untyped-call]
        "oidc",
        client_cls=_Client,
        client_id=site.provider.client,
        client_secret=site.provider.secret,
        server_metadata_url=f"{site.provider.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "default_timeout": _SECONDS},
    )
    app.extensions[_EXTENSION] = oauth.oidc


def send_away(following: str, *, draft: str, prove: bool) -> ResponseReturnValue:
    """Off to the provider. prove: it shall ask for the password again, whatever it remembers."""
    at = here()
    if at.site.provider is None:
        abort(404)
    session[_UNDER_WAY] = {"next": following, "draft": draft if len(draft) <= 2_000 else "", "prove": prove}
    asked = {"prompt": "login", "max_age": 0} if prove else {}
    try:
        answer: ResponseReturnValue = _client().authorize_redirect(_own(at.site, "sign_in.back"), **asked)
    except (OAuthError, JoseError, OSError, ValueError, RuntimeError) as error:
        _log.warning("the identity provider cannot be asked: %s", type(error).__name__)
        abort(503)
    return answer


def take_back() -> Vouched | None:
    """What the provider answered; None if it is no sound answer to what was asked."""
    at = here()
    asked = session.pop(_UNDER_WAY, None)
    provider = at.site.provider
    if provider is None or asked is None:
        return None
    try:
        token = _client().authorize_access_token()
        claims: dict[str, Any] = dict(token["userinfo"])
    except (OAuthError, JoseError, OSError, ValueError, KeyError, RuntimeError) as error:
        _log.warning("the identity provider's answer cannot be used: %s", type(error).__name__)
        return None
    if claims.get("iss", "").rstrip("/") != provider.issuer.rstrip("/") or not claims.get("sub"):
        return None
    fresh = claims.get("auth_time", claims.get("iat", 0))
    if asked["prove"] and at.context.now().timestamp() - float(fresh) > _PROOF_SECONDS:
        return None
    return Vouched(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        roles=tuple(_roles(provider, claims.get(provider.claim))),
        worker=str(claims[provider.worker_claim]) if claims.get(provider.worker_claim) else None,
        id_token=str(token.get("id_token", "")),
        following=str(asked["next"]),
        draft=str(asked["draft"]),
        prove=bool(asked["prove"]),
    )


def leave_there(hint: str | None) -> str | None:
    """Where to sign out at the provider (RP-Initiated Logout); None if it offers none."""
    at = here()
    if at.site.provider is None:
        return None
    try:
        answer = _client().create_logout_url(
            post_logout_redirect_uri=_own(at.site, "sign_in.show"),
            id_token_hint=hint,
            client_id=at.site.provider.client,
        )
    except (OAuthError, JoseError, OSError, ValueError, RuntimeError):
        return None
    return str(answer["url"])


def _client() -> Any:
    return current_app.extensions[_EXTENSION]


def _own(site: Site, endpoint: str) -> str:
    """A full address of ours, made from the settings and not from what a request calls us."""
    return site.url.rstrip("/") + url_for(endpoint)


def _roles(provider: Provider, held: object) -> Iterable[Role]:
    """The roles for a claim that is one word or a list of words."""
    words = held if isinstance(held, list) else [held]
    return dict.fromkeys(role for word in words for role in provider.roles.get(str(word), ()))
