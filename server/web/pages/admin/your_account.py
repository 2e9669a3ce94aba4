"""Your account: a password and codes that are one's own alone, chosen by whoever has just proved who they are."""

from __future__ import annotations

import base64
import binascii

import segno
from flask import make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from server.core.problems import AccessRefusedError
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.web.authorise import device_cookie, keep_device, start_session
from server.web.forms import EMPTY, Filled, Input, InputKind, read_form
from server.web.request import fill, here, notify
from server.work.admin import access
from server.work.admin.access import Factors, NewFactors

_CHOSEN = (
    Input(
        "password",
        phrase("New password"),
        InputKind.SECRET,
        complete="new-password",
        longest=access.LONGEST_PASSWORD,
        hint=phrase("At least 12 characters; three or four words that have nothing to do with each other are good."),
    ),
    Input(
        "password_again",
        phrase("The same again"),
        InputKind.SECRET,
        complete="new-password",
        longest=access.LONGEST_PASSWORD,
    ),
    Input(
        "code",
        phrase("Code of six digits"),
        complete="one-time-code",
        longest=12,
        hint=phrase("The one that the app shows for the new secret."),
    ),
)


def show() -> ResponseReturnValue:
    """The page."""
    return _page(EMPTY)


def choose() -> ResponseReturnValue:
    """New password, new secret for codes, and the first code of it."""
    at = here()
    person = at.signed_in
    filled = read_form(request.form, _CHOSEN)
    offer = _offered()
    if person.factors is not Factors.LOCAL or offer is None:
        return redirect(url_for("your_account.show"), 303)
    values = filled.values
    if filled.sound and values["password"] != values["password_again"]:
        filled = filled.with_fault("password_again", phrase("This is not the same as above."))
    if not filled.sound:
        return _page(filled, offer=offer), 400
    try:
        chosen = access.choose_factors(
            at.context, person, values["password"], offer.secret, values["code"], hasher=at.site.hasher
        )
    except AccessRefusedError as refused:
        return _page(filled.with_fault("password", at_page(refused.problem)), offer=offer), 400
    if not chosen:
        return _page(filled.with_fault("code", phrase("That is no code of the new secret.")), offer=offer), 400
    row = access.account_of(at.context, person)
    token = access.begin_session(at.context, row, limits=at.site.limits)
    session.pop("notices", None)
    notify("factors_chosen")
    answer = start_session(make_response(redirect(url_for("home.go"), 303)), at.site, token)
    return keep_device(answer, at.site, access.remember_device(at.context, row, device_cookie()))


def _offered() -> NewFactors | None:
    at = here()
    try:
        sealed = base64.urlsafe_b64decode(request.form.get("offer", ""))
    except (binascii.Error, ValueError):
        return None
    return access.open_offer(at.context, at.signed_in, sealed)


def _picture(uri: str) -> Markup:
    """The address as a QR code, black on white in every scheme, so that every camera reads it."""
    drawn = segno.make(uri, error="m", micro=False)
    # What segno draws is a path of squares; nothing of the address stands in it as text.
    return Markup(drawn.svg_inline(scale=4, border=4, dark="#000", light="#fff"))  # noqa: S704


def _page(filled: Filled, *, offer: NewFactors | None = None, fault: Text | None = None) -> str:
    at = here()
    person = at.signed_in
    offer = offer or access.offer_secret(at.context, person)
    return fill(
        "your_account.html",
        phrase("Your account"),
        local=person.factors is Factors.LOCAL,
        inputs=_CHOSEN,
        filled=filled,
        fault=fault,
        secret=" ".join(offer.secret[at_ : at_ + 4] for at_ in range(0, len(offer.secret), 4)),
        uri=offer.uri,
        qr=_picture(offer.uri),
        sealed=base64.urlsafe_b64encode(access.seal_offer(at.context, person, offer)).decode(),
    )
