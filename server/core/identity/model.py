"""Identifiers in their one normal form, and what one may also be; nothing is read here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class IdentifierKind(StrEnum):
    """What an identifier is."""

    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number or address in its one normal form; `repr` shows neither.

    normal: `tel:+31201234567`, `tel:+31201234567;ext=12` (RFC 3966, no separators) or `mailto:a@b.example` (RFC 6068,
    case-folded, domain as A-labels). Reading a normal form gives that normal form.
    verified: false if the library calls the number possible but not valid. Addresses are always verified: their shape
    is all that can be known.
    """

    kind: IdentifierKind
    normal: str = field(repr=False)
    verified: bool = True


Alternatives = tuple[Identifier, ...]
"""All that one number or address on a card may be in the register, most specific first; never empty."""
