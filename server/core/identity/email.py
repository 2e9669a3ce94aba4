"""E-mail addresses in text, in their one normal form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

import idna

from server.core.identity.model import Identifier, IdentifierKind
from server.core.identity.spelling import plain

_LONGEST_LOCAL = 256
_LONGEST_DOMAIN = 256
"""Characters each side of the @; RFC 5321 allows 64 and 255. They bound the work on hostile text."""
_LOCAL_BACKWARDS = re.compile(r"[^\s@<>()\[\]\\,;:\"/|?\x00-\x1f\x7f]+")
_LOCAL_START = re.compile(r"\A[^\w+]+")
_DOMAIN = re.compile(r"[^\s@<>()\[\]\\,;:\"'/|?#&!=*{}$%^~`\x00-\x1f\x7f]+")
_QUOTED_LOCAL = re.compile(r'"([^\s@<>()\[\]\\,;:"/|?]{1,64})"@')
"""Quotes that an address need not have (RFC 5322, 3.4.1)."""
_IN_QUERY = re.compile(r"(?:.*&)?[^=&]*=")
"""What stands before an address in a link: `?to=` and the like."""
_LABEL_DOTS = re.compile(r"[.\u3002\uff0e\uff61]")


def _fold(text: str) -> str:
    """NFKC and case folding, until nothing changes: one round is not always enough."""
    if text.isascii():
        return text.lower()
    for _ in range(4):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        if folded == text:
            break
        text = folded
    return text


def addresses_in(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Local part, domain, start and end of each address in `text`."""
    done = 0
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1, at + 1 + _LONGEST_DOMAIN)
        local = _LOCAL_BACKWARDS.match(text[max(done, at - _LONGEST_LOCAL) : at][::-1])
        if domain and local:
            host = domain.group().rstrip(".-_")
            name = _LOCAL_START.sub("", local.group()[::-1])
            if name and _is_host(host):
                done = at + 1 + len(host)
                yield name, host, at - len(name), done
        at = text.find("@", at + 1)


def _is_host(domain: str) -> bool:
    labels = _LABEL_DOTS.split(domain)
    return len(labels) > 1 and all(labels)


def _normal_domain(domain: str) -> str:
    """A-labels (IDNA 2008) of the folded domain; what IDNA refuses is folded only."""
    domain = _fold(domain)
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain).decode("ascii").lower()
    except UnicodeError:
        return domain


def _normal_address(local: str, domain: str) -> Identifier:
    return Identifier(IdentifierKind.EMAIL, f"mailto:{local.replace('%', '%25')}@{_normal_domain(domain)}")


def _unescaped(local: str) -> str:
    """The local part of a `mailto:` URI without its percent-encoding, unless that would break it apart."""
    decoded = _fold(plain(unquote(local, errors="replace")))
    broken = "\ufffd" in decoded or _LOCAL_START.match(decoded) or not _LOCAL_BACKWARDS.fullmatch(decoded)
    return local if broken else decoded


def emails_in(text: str) -> tuple[Identifier, ...]:
    """Every e-mail address in `text`, each once, in order; display names and `mailto:` around them do not matter.

    Case is folded in the local part too (RFC 5321 lets a server tell `A@` from `a@`; none that matters does). Plus-tags
    and dots stay: whether they matter is known to the server only. Never raises.
    """
    text = plain(text)
    if "@" not in text:
        return ()
    folded = _fold(_QUOTED_LOCAL.sub(r"\1@", text) if '"' in text else text)
    found: dict[Identifier, None] = {}
    for local, domain, start, _ in addresses_in(folded):
        if "=" in local and ("&" in local or folded[max(0, start - 1) : start] == "?"):
            found[_normal_address(_IN_QUERY.sub("", local, count=1) or local, domain)] = None
            continue
        is_uri = folded[max(0, start - 7) : start] == "mailto:"
        found[_normal_address(_unescaped(local) if is_uri and "%" in local else local, domain)] = None
    return tuple(found)
