"""How people write what reaches somebody: numbers, addresses and links in one value; no format or vendor here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from mdm_adapters.port import Field, FieldKind

_SCHEME = re.compile(
    r"\s*(tel|callto|sms|smsto|mms|fax|mailto|sips?|xmpp|im|whatsapp|signal|sgnl|skype|x-apple|facetime|facetime-audio)\s*:",
    re.IGNORECASE,
)
_ANY_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_WHATSAPP_HOSTS = frozenset({"wa.me", "www.wa.me", "api.whatsapp.com", "web.whatsapp.com", "signal.me"})
_WHATSAPP_ADDRESS = re.compile(r"\+?(\d{6,15})@(?:s\.whatsapp\.net|c\.us)", re.IGNORECASE)
_FEWEST = 7
_NUMBERLIKE = re.compile(r"[\W\d_pwxPWX]*")
"""Digits and signs of any kind, and the letters that are dialled as a pause or stand before an extension."""


def written(text: str, *, phone: bool = False, reaches: bool = False) -> tuple[Field, bool] | None:
    """What a value is, and whether it is there to reach somebody: how it looks decides, then what the field is for.

    People write numbers into address fields and the other way round. phone: the field is for a number. reaches: it is
    for reaching somebody, so that what is neither number nor address is still a handle. None: nothing was written.
    """
    if "@" in text:
        return Field(FieldKind.EMAIL, text), True
    if phone or (_NUMBERLIKE.fullmatch(text) and _has_digit(text)):
        return Field(FieldKind.PHONE, text), True
    return (Field(FieldKind.TEXT, text), reaches) if text else None


def holds_a_number(text: str) -> bool:
    """Whether so many digits stand in it that it may be a number, whatever stands between them."""
    return sum(map(str.isdigit, text)) >= _FEWEST


def without_scheme(text: str) -> str:
    """A handle without the "skype:" or the like in front of it."""
    return _ANY_SCHEME.sub("", text)


def linked(text: str) -> Iterator[Field]:
    """The number or address that a link leads to (RFC 3966, RFC 6068, click-to-chat links); nothing: no such link."""
    scheme = _SCHEME.match(text)
    if scheme:
        yield from _addressed(scheme[1].lower(), text[scheme.end() :])
    elif (chat := _WHATSAPP_ADDRESS.fullmatch(text)) is not None:
        yield Field(FieldKind.PHONE, f"+{chat[1]}")
    elif "wa.me" in text.lower() or "whatsapp" in text.lower() or "signal.me" in text.lower():
        yield from _chat_link(text)


def _addressed(scheme: str, rest: str) -> Iterator[Field]:
    target, _, query = rest.strip().lstrip("/").partition("?")
    target = unquote(target)
    if scheme == "mailto":
        copies = [address for key in ("to", "cc") for address in parse_qs(query).get(key, ())]
        yield from (Field(FieldKind.EMAIL, each) for each in (target, *copies) if each.strip())
        return
    if (chat := _WHATSAPP_ADDRESS.fullmatch(target)) is not None:
        yield Field(FieldKind.PHONE, f"+{chat[1]}")
        return
    number, *params = target.split(";")
    user, at, _host = number.partition("@")
    phone = _digits(parse_qs(query).get("phone", ())) or (
        user if _NUMBERLIKE.fullmatch(user) and _has_digit(user) else ""
    )
    if phone:
        yield Field(FieldKind.PHONE, _with_context(phone, params))
    elif at:
        yield Field(FieldKind.EMAIL, number)
    elif number:
        yield Field(FieldKind.PHONE if scheme == "tel" else FieldKind.TEXT, number)


def _with_context(phone: str, params: Iterable[str]) -> str:
    for param in params:
        name, _, value = param.partition("=")
        if name.lower() == "phone-context" and value.startswith("+") and not phone.lstrip().startswith(("+", "00")):
            return value + phone.strip().removeprefix("0")
    return phone


def _chat_link(text: str) -> Iterator[Field]:
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
    except ValueError:
        return
    if (parts.hostname or "") not in _WHATSAPP_HOSTS:
        return
    path = unquote(parts.path).strip("/").removeprefix("send/").split("/")[0]
    fragment = unquote(parts.fragment).removeprefix("p/")
    phone = _digits([*parse_qs(parts.query).get("phone", ()), path, fragment])
    if phone:
        yield Field(FieldKind.PHONE, phone)


def _digits(candidates: Iterable[str]) -> str:
    # Such links hold the number with its country code and without a plus (WhatsApp's "click to chat").
    for candidate in candidates:
        bare = re.sub(r"[\s().+-]", "", candidate)
        if bare.isascii() and bare.isdigit() and len(bare) >= 6:
            return bare if bare.startswith("0") else f"+{bare}"
    return ""


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))
