"""How servers check who asks: Basic (RFC 7617) and Digest (RFC 7616, 3.4.1) by their formulas, without our code."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import md5, sha256
from urllib.request import parse_http_list, parse_keqv_list

REALM, NONCE = "the realm", "n-1"
_HASHES = {"MD5": md5, "SHA-256": sha256}


class Digest:
    """Who proves to be somebody, each count of theirs once. uri: as it was asked for, with its query."""

    def __init__(self, passwords: Mapping[str, str], algorithm: str = "MD5") -> None:
        self.challenge = f'Digest realm="{REALM}", qop="auth", nonce="{NONCE}", algorithm={algorithm}, opaque="o"'
        self._passwords = passwords
        self._hash = _HASHES[algorithm]
        self._counts: set[tuple[str, str]] = set()

    def login(self, header: str, method: str, uri: str) -> str | None:
        """The login that this header proves; None: nobody's."""
        if not header.startswith("Digest "):
            return None
        given = parse_keqv_list(parse_http_list(header.removeprefix("Digest ")))
        login = given.get("username", "")
        first = self._digest(login, REALM, self._passwords.get(login, ""))
        second = self._digest(method, given.get("uri", ""))
        right = self._digest(first, NONCE, given.get("nc", ""), given.get("cnonce", ""), "auth", second)
        count = (login, given.get("nc", ""))
        fits = given.get("response") == right and given.get("uri") == uri and count not in self._counts
        if not fits or login not in self._passwords:
            return None
        self._counts.add(count)
        return login

    def _digest(self, *parts: str) -> str:
        return self._hash(":".join(parts).encode()).hexdigest()


def basic_login(header: str, passwords: Mapping[str, str]) -> str | None:
    """The login that a Basic header proves; None: nobody's."""
    for login, password in passwords.items():
        if header == "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode():
            return login
    return None
