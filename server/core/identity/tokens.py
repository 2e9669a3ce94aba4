"""Identifiers to keyed tokens (HMAC), one by one and in batches; the key never leaves the tokeniser."""

from __future__ import annotations

import hmac
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from mdm_adapters.port import Field, FieldKind, Reading, Token, Unread
from server.core.identity.model import Identifier
from server.core.identity.numbers import DUTCH_LINE, SOFT
from server.core.identity.reading import candidates, held_in, may_hold

_SHORTEST_KEY = 32
_MEANING = b"closeout/identifier/v1\0"
"""Put before what is hashed, so that no token of another kind made with the same key can equal one of these."""
_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Tokeniser:
    """Makes tokens with the installation's key; `repr` hides it. Raises ValueError for a key under 32 bytes.

    A plain hash of a Dutch mobile number is found by trying all 10^8 of them (DOMAIN F6): hence the key, outside
    the database.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < _SHORTEST_KEY:
            raise ValueError(f"the identifier key must have at least {_SHORTEST_KEY} bytes")

    def token(self, identifier: Identifier) -> Token:
        """HMAC-SHA256 of the normal form, 32 bytes."""
        return Token(hmac.digest(self.key, _MEANING + identifier.normal.encode("utf-8", "surrogatepass"), "sha256"))

    def tokens(self, identifiers: Iterable[Identifier]) -> list[Token]:
        """One token for each identifier, in order."""
        return [self.token(identifier) for identifier in identifiers]


@dataclass(frozen=True, slots=True)
class FieldTokens:
    """The tokens of one field. groups: for each number or address its candidates' tokens, most specific first.

    unreadable: it also holds what may be an identifier and could not be recognised. may_be: what that may be.
    """

    groups: tuple[tuple[Token, ...], ...]
    unreadable: bool = False
    may_be: tuple[Token, ...] = ()

    def reading(self, known: Container[Token], *, case_number: bool = False, mark: bytes = b"") -> Reading:
        """What the port calls a reading, given the tokens that the register knows.

        mark: by which the text of the field is known again, if it is unreadable.
        """
        tokens = [tuple(token for token in group if token in known) for group in self.groups]
        return Reading(
            tokens=tuple(dict.fromkeys(token for group in tokens for token in group)),
            other=self.unreadable or not all(tokens),
            case_number=case_number,
            unread=Unread(mark, frozenset(token for token in self.may_be if token in known))
            if self.unreadable and mark
            else None,
        )


def _dutch_tokens(texts: Sequence[str], tokeniser: Tokeniser, region: str) -> list[Token | None]:
    """The token of each text that is nothing but one common Dutch spelling, None for the others.

    Separators go and digits are found for a whole batch at once: most of the time that is left is the HMAC.
    """
    if region != "NL":
        return [None] * len(texts)
    key, before, digest = tokeniser.key, _MEANING + b"tel:+31", hmac.digest
    return [Token(digest(key, before + national, "sha256")) if national else None for national in _dutch_lines(texts)]


def _dutch_lines(texts: Sequence[str]) -> list[bytes]:
    """The nine national digits of each text that is nothing but one common Dutch spelling, b"" for the others."""
    lines: list[bytes] = []
    for first in range(0, len(texts), _BATCH):
        batch = texts[first : first + _BATCH]
        data = "\n".join(batch).encode("ascii", "replace")
        if data.count(b"\n") >= len(batch):
            data = "\n".join([text.replace("\n", "?") for text in batch]).encode("ascii", "replace")
        lines += DUTCH_LINE.findall(data.translate(None, SOFT.encode()))
    return lines


def tokens_of_phones(texts: Sequence[str], tokeniser: Tokeniser, *, region: str = "NL") -> list[tuple[Token, ...]]:
    """The tokens of `candidates` of many telephone fields at once; the same, several times as fast."""
    return [
        (dutch,) if dutch else tuple(tokeniser.tokens(candidates(Field(FieldKind.PHONE, text), region=region)))
        for text, dutch in zip(texts, _dutch_tokens(texts, tokeniser, region), strict=True)
    ]


def tokens_of_fields(fields: Sequence[Field], tokeniser: Tokeniser, *, region: str = "NL") -> list[FieldTokens]:
    """What many fields of cards hold, in tokens; one result for each field, in order."""
    texts = [field.text if field.kind is FieldKind.PHONE else "" for field in fields]
    return [
        FieldTokens(((dutch,),)) if dutch else _tokens_of_field(field, tokeniser, region)
        for field, dutch in zip(fields, _dutch_tokens(texts, tokeniser, region), strict=True)
    ]


def _tokens_of_field(field: Field, tokeniser: Tokeniser, region: str) -> FieldTokens:
    found, unreadable = held_in(field, region)
    groups = tuple(tuple(tokeniser.tokens(alternatives)) for alternatives in found)
    return FieldTokens(groups, unreadable, tuple(tokeniser.tokens(may_hold(field))) if unreadable else ())
