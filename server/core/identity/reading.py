"""What a field holds: its numbers and addresses in their one normal form, for register and cards; no register here.

Two sides use it, and they want different things of an extension:

- the register says who is governed: `registered` gives one identifier for each number, with its extension if it has
  one. `020-1234567 ext. 12` governs that desk, not the whole switchboard. A mobile number has no desks behind it: what
  is written after it is left out, or one case's `06-12345601 ext. 1` would not protect another's `06-12345601`;
- a card is what a worker typed: `candidates` gives each number with its extension *and* without, so that a typed
  extension cannot hide a governed number.

Bounds: the time taken grows with the length of the text and no faster, so a field is read whole, whatever its length,
and nothing in it is missed without a word; how much an adapter reads at all is the adapter's limit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from mdm_adapters.port import Field, FieldKind
from server.core.identity.email import emails_in
from server.core.identity.model import Alternatives, Identifier, IdentifierKind
from server.core.identity.numbers import COUNTRY, FEWEST, GROUP, MAY_HOLD_ANY, UNREADABLE, hides_digits, read_numbers
from server.core.identity.spelling import plain


def phones_in(text: str, *, region: str = "NL") -> tuple[Identifier, ...]:
    """Every number in what people typed in a telephone field, each once, in order, with its extension if it has one.

    region: the ISO country whose numbers need no prefix. Never raises. Too short to be an identifier: 112, 14020,
    local numbers without an area code. Not read: numbers spelt with letters (0800-FLOWERS).
    """
    found, _ = read_numbers(Field(FieldKind.PHONE, text), region)
    return tuple(dict.fromkeys(alternatives[0] for alternatives in found))


def alternatives_in(field: Field, *, region: str = "NL", fast: bool = True) -> tuple[Alternatives, ...]:
    """What one field of a card holds: for each number or address all that it may be in the register, best first.

    Both kinds are looked for in every field, since people type an address where a number belongs. In TEXT and EMAIL a
    number must look like one: at least eight digits (or seven and a +), beginning with +, 0, 31 or a bare mobile 6,
    valid or of Dutch shape, and no date. fast=False reads with the library only; same result.
    """
    return held_in(field, region, fast=fast)[0]


def held_in(field: Field, region: str, *, fast: bool = True) -> tuple[tuple[Alternatives, ...], bool]:
    """As `alternatives_in`, and whether the field also holds what could not be read."""
    if not MAY_HOLD_ANY.match(field.text):
        return (), hides_digits(field)
    phones, unreadable = read_numbers(field, region, fast=fast)
    found = _each_once([*phones, *((address,) for address in emails_in(field.text))])
    return found, unreadable or (field.kind is FieldKind.EMAIL and not found and "@" in plain(field.text))


def _each_once(found: Sequence[Alternatives]) -> tuple[Alternatives, ...]:
    return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)


def identifiers_in(field: Field, *, region: str = "NL") -> tuple[Identifier, ...]:
    """Every identifier in a field, each once, in its most specific form: numbers in order, then addresses."""
    return tuple(dict.fromkeys(best for best, *_ in alternatives_in(field, region=region)))


def registered(text: str, kind: FieldKind = FieldKind.PHONE, *, region: str = "NL") -> tuple[Identifier, ...]:
    """The register's side: what an entry of the register governs.

    A number with an extension governs that form only, or a client's desk would govern a whole switchboard; a mobile
    number has none.
    """
    return read_registered(text, kind, region=region)[0]


def read_registered(
    text: str, kind: FieldKind = FieldKind.PHONE, *, region: str = "NL"
) -> tuple[tuple[Identifier, ...], bool]:
    """As `registered`, and whether the entry cannot be read: a fault in the case system, which then governs nothing."""
    found, unreadable = held_in(Field(kind, text), region)
    if unreadable:
        return (), True
    return tuple(dict.fromkeys(best for best, *_ in found)), unreadable


_SERVICE = re.compile(r"(?:\+31|0031)?(1\d{2,5})")
_SERVICE_SIGNS = str.maketrans("", "", " -./\u00a0")


def service_number(text: str) -> Identifier | None:
    """A short number of a service: 112, 116111, 14020, an operator's voicemail; None: it is none.

    Only the directory of the organisation has such numbers, and only who was called is looked up by them: on a card
    they are nobody's.
    """
    found = _SERVICE.fullmatch(text.translate(_SERVICE_SIGNS))
    return None if found is None else Identifier(IdentifierKind.PHONE, f"tel:{found[1]};phone-context=+31")


def candidates(field: Field, *, region: str = "NL") -> tuple[Identifier, ...]:
    """The card's side: every form in which the register may know what this field holds.

    A number with an extension is there twice, with and without it, or typing an extension would hide a number.
    """
    found = alternatives_in(field, region=region)
    if len(found) == 1:
        return found[0]
    return tuple(dict.fromkeys(identifier for alternatives in found for identifier in alternatives))


def unreadable_number(text: str, *, region: str = "NL") -> bool:
    """Whether a telephone field holds seven digits or more that are neither one number nor several whole ones.

    A remark of fewer digits beside whole numbers (`kamer 12`) and a date are none. The caller counts such a field as
    holding something else too: it is not known to hold nothing.
    """
    return read_numbers(Field(FieldKind.PHONE, text), region)[1]


_AREAS = tuple(
    str(area)
    for tens, ones in ((1, "035"), (2, "0346"), (3, "03568"), (4, "0356"), (5, "0358"), (7, "0123456789"))
    for area in (f"{tens}{one}" for one in ones)
)
"""Dutch area codes of two digits: a number of seven digits lacks one of them."""
_MOST_READ = 200
"""Digits of an unreadable field in which a number is looked for."""
_NEAR_AT = re.compile(r"\s*([@.])[\s@]*")
_NO_ADDRESS = re.compile(r"\([^()]*\)|\"")
"""Comments and quotes, which an address may hold (RFC 5322) and nobody means as a part of it."""
_LIKE_DIGITS = str.maketrans("oOlI", "0011")
"""Letters that are typed, or read from a scan, in place of a digit."""


def may_hold(field: Field) -> tuple[Identifier, ...]:
    """What a person may read in a field that could not be read: every number in the row of its digits, or address.

    A number may stand in it with a group of other digits inside, without its country, its `06` or its area code. What
    is not among these does not stand in the field; so a number that nobody can read holds up the proof of those
    few numbers alone, and of no other. Circled and raised digits are read as digits here, and so are letters that
    look like one.
    """
    if field.kind is FieldKind.EMAIL:
        text = _NO_ADDRESS.sub("", plain(field.text))
        return emails_in(_NEAR_AT.sub(r"\1", text).replace(",", ".").replace(";", "."))
    text = _every_digit(plain(field.text))
    groups = GROUP.findall(text)
    rows = ["".join(groups), "".join(GROUP.findall(text.translate(_LIKE_DIGITS)))]
    if 2 < len(groups) <= FEWEST:
        rows += ["".join(groups[:at] + groups[at + 1 :]) for at in range(1, len(groups) - 1)]
    found = {spelling for row in rows for spelling in _spellings_in(row[:_MOST_READ])}
    return tuple(Identifier(IdentifierKind.PHONE, f"tel:+{spelling}") for spelling in sorted(found))


def _every_digit(text: str) -> str:
    """The text with digits of any make as ASCII ones."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in text)


def _spellings_in(row: str) -> Iterator[str]:
    """International numbers without + that stand in a row of digits, in whole or without what a Dutch number lacks."""
    for start in range(len(row)):
        for length in range(UNREADABLE, min(15, len(row) - start) + 1):
            part = row[start : start + length]
            if length == 9 and part[0] != "0":
                yield "31" + part
            elif length == 8:
                yield "316" + part
            elif length == UNREADABLE:
                yield from ("31" + area + part for area in _AREAS)
            if part[0] != "0" and COUNTRY.match("+" + part):
                yield part
