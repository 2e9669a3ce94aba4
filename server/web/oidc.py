"""The identity provider: OpenID Connect with PKCE, by Authlib; gives back a subject and roles and keeps no name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.oidc.core import UserInfo
from flask import Flask, abort, current_app, session, url_for
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError

from server.core.model import Role
from server.web import provider_tokens
from server.web.config import Provider, Site
from server.web.provider_tokens import Logout, RolesProblem, TokenUnsoundError, usable_keys
from server.web.request import here
from server.work.admin.access import AtProvider

_log = logging.getLogger(__name__)
_EXTENSION = "closeout.provider"
_UNDER_WAY = "provider"
_DESCRIPTION = "/.well-known/openid-configuration"
_SECONDS = 10
_UNSOUND = (OAuthError, JoseError, OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError)
"""What the library raises for an answer that it cannot use: of a provider's answer no part is as it should be."""


class Refusal(StrEnum):
    """Why the provider's answer lets nobody in, as far as a person can do something about it."""

    UNSOUND = "unsound"
    OVERAGE = "overage"
    UNREADABLE = "unreadable"
    NOT_PROVEN = "not_proven"
    """A fresh proof was asked for, and it does not say when the person last proved who they are, or it was long ago."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for. following, draft: what was wanted before. prove: a fresh proof was asked for."""

    issuer: str
    subject: str
    roles: tuple[Role, ...]
    worker: str | None
    there: AtProvider
    following: str
    draft: str = field(repr=False)
    prove: bool


class _Client(FlaskOAuth2App):
    """The library's client, with our own judgement of keys, algorithms and tokens."""

    _server_metadata_url: str

    def load_server_metadata(self) -> dict[str, Any]:
        """The provider's description of itself, if it is that of the provider in the settings (Discovery, 4.3)."""
        told: dict[str, Any] = super().load_server_metadata()
        if f"{str(told.get('issuer', '')).rstrip('/')}{_DESCRIPTION}" != self._server_metadata_url:
            raise ValueError("the description is of another issuer")
        return told

    def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """The provider's keys, as far as they can be used: one that cannot would spoil all the others."""
        return usable_keys(super().fetch_jwk_set(force))

    def parse_id_token(
        self,
        token: Any,
        nonce: Any,
        claims_options: Any = None,  # noqa: ARG002 - what is asked of claims stands in our own code
        claims_cls: Any = None,  # noqa: ARG002
        leeway: int = 120,  # noqa: ARG002
    ) -> UserInfo:
        """The claims of an ID token that is sound; raises TokenUnsoundError. The library would take its algorithms
        from the provider, and a token for somebody else that names us as the party it was given to.
        """
        claims, header = self.read_signed(token.get("id_token"))
        provider_tokens.check_id_token(
            claims,
            header,
            issuer=_provider().issuer,
            client=self.client_id,
            nonce=nonce,
            access_token=token.get("access_token"),
        )
        return UserInfo(claims)

    def read_signed(self, token: object) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Claims and header of what the provider signed; raises TokenUnsoundError."""
        offered = self.load_server_metadata().get("id_token_signing_alg_values_supported")
        return provider_tokens.signed_claims(token, self.fetch_jwk_set, offered)


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
        server_metadata_url=f"{site.provider.issuer.rstrip('/')}{_DESCRIPTION}",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "default_timeout": _SECONDS},
    )
    app.extensions[_EXTENSION] = oauth.oidc


def send_away(following: str, *, draft: str, prove: bool) -> ResponseReturnValue:
    """Off to the provider. prove: it shall ask for the password again, whatever it remembers."""
    at = here()
    _provider()
    session[_UNDER_WAY] = {"next": following, "draft": draft if len(draft) <= 2_000 else "", "prove": prove}
    asked = {"prompt": "login", "max_age": 0} if prove else {}
    try:
        answer: ResponseReturnValue = _client().authorize_redirect(_own(at.site, "sign_in.back"), **asked)
    except _UNSOUND as error:
        _log.warning("the identity provider cannot be asked: %s", type(error).__name__)
        abort(503)
    return answer


def take_back() -> Vouched | Refusal:
    """What the provider answered, or why it lets nobody in."""
    at = here()
    asked = session.pop(_UNDER_WAY, None)
    if at.site.provider is None or not isinstance(asked, dict):
        return Refusal.UNSOUND
    try:
        token = _client().authorize_access_token()
        claims: dict[str, Any] = token["userinfo"]
    except (*_UNSOUND, TokenUnsoundError) as error:
        what = error.what if isinstance(error, TokenUnsoundError) else type(error).__name__
        _log.warning("the identity provider's answer cannot be used: %s", what)
        return Refusal.UNSOUND
    return _vouched(at.site.provider, asked, claims, str(token["id_token"]))


def _vouched(provider: Provider, asked: Mapping[str, Any], claims: Mapping[str, Any], hint: str) -> Vouched | Refusal:
    at = here()
    words = provider_tokens.words_of(claims, provider.claim)
    if isinstance(words, RolesProblem):
        _log.warning("the identity provider does not tell roles: %s", words.value)
        return Refusal(words.value)
    proven_at = provider_tokens.proven_at(claims, at.context.now())
    if asked["prove"] and (proven_at is None or at.context.now() - proven_at >= at.site.limits.proof):
        _log.warning("the identity provider gave no fresh proof: auth_time %s", "is old" if proven_at else "is missing")
        return Refusal.NOT_PROVEN
    worker = provider_tokens.find_claim(claims, provider.worker_claim) if provider.worker_claim else None
    return Vouched(
        issuer=provider.issuer,
        subject=claims["sub"],
        roles=tuple(dict.fromkeys(role for word in words for role in provider.roles.get(word, ()))),
        worker=str(worker) if worker and isinstance(worker, str | int) and not isinstance(worker, bool) else None,
        there=AtProvider(provider.issuer, hint, provider_tokens.session_of(claims), proven_at),
        following=str(asked["next"]),
        draft=str(asked["draft"]),
        prove=bool(asked["prove"]),
    )


def read_logout(token: str) -> Logout | None:
    """Whom a logout token of the provider signs out; None if it is not to be believed."""
    at = here()
    provider = _provider()
    try:
        claims, header = _client().read_signed(token)
        return provider_tokens.read_logout(
            claims, header, issuer=provider.issuer, client=provider.client, now=at.context.now()
        )
    except (*_UNSOUND, TokenUnsoundError) as error:
        what = error.what if isinstance(error, TokenUnsoundError) else type(error).__name__
        _log.warning("a logout token cannot be used: %s", what)
        return None


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
    except _UNSOUND:
        return None
    return str(answer["url"])


def _provider() -> Provider:
    """The provider of these pages; there is none: there is no such page."""
    provider = here().site.provider
    if provider is None:
        abort(404)
    return provider


def _client() -> Any:
    return current_app.extensions[_EXTENSION]


def _own(site: Site, endpoint: str) -> str:
    """A full address of ours, made from the settings and not from what a request calls us."""
    return site.url.rstrip("/") + url_for(endpoint)
