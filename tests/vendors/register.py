"""A register for tests of adapters: governs what is listed, reads numbers simply, remembers what it was asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from mdm_adapters.port import Field, FieldKind, Reading, Token

_NUMBER = re.compile(r"(?:\+|00)?\d(?:[ ().-]*\d){7,14}")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CASE = re.compile(r"\b\d{6}-[A-Z]\b")


def token(identifier: str) -> Token:
    """The token of a number or an address, in any spelling."""
    return Token(sha256(_normal(identifier).encode()).digest())


class Register:
    """Governs these numbers and addresses and no others. A `Match`; `asked` holds every text it was shown."""

    def __init__(self, *governed: str) -> None:
        self._governed = {_normal(identifier) for identifier in governed}
        self.asked: list[str] = []

    def __call__(self, entries: Sequence[Sequence[Field]]) -> list[list[Reading]]:
        return [[self._read(field) for field in fields] for fields in entries]

    def _read(self, field: Field) -> Reading:
        self.asked.append(field.text)
        cases = field.kind is FieldKind.TEXT and bool(_CASE.search(field.text))
        text = _CASE.sub("", field.text)
        addresses = _ADDRESS.findall(text)
        found = [_normal(each) for each in (*addresses, *_NUMBER.findall(_ADDRESS.sub(" ", text)))]
        known = tuple(dict.fromkeys(token(each) for each in found if each in self._governed))
        return Reading(known, other=any(each not in self._governed for each in found), case_number=cases)


def _normal(identifier: str) -> str:
    if "@" in identifier:
        return identifier.strip().lower()
    digits = re.sub(r"[^\d+]", "", identifier)
    if digits.startswith("00"):
        return "+" + digits[2:]
    return "+31" + digits[1:] if digits.startswith("0") else digits
