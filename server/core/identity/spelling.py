"""Whatever script a keyboard or a paste brought in, as ASCII; no number and no address is known here."""

from __future__ import annotations

import re
import unicodedata

_NOTHING = ("Cf", "Me")
_SPACES = ("Zs",)
_LINES = ("Zl", "Zp")
_DASHES = "\u2212\u2043\u02d7\u30fc"
"""Dash look-alikes that Unicode does not class as dashes."""
HAS_DIGIT = re.compile(r"\d")


def _plain_character(character: str) -> str:
    """One non-ASCII character as people meant it: decimal digits, dashes, spaces and full-width forms to ASCII.

    Superscripts and circled digits stay what they are: a footnote mark behind a number is not its last digit. So do
    signs made of letters, such as a trade mark's.
    """
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    for meant, looks_so in (
        (" ", category in _SPACES),
        ("-", category == "Pd" or character in _DASHES),
        ("", category in _NOTHING or "\ufe00" <= character <= "\ufe0f"),
        ("\n", category in _LINES or character == "\x85"),
    ):
        if looks_so:
            return meant
    compatible = unicodedata.normalize("NFKC", character)
    if HAS_DIGIT.search(compatible) or (category[0] in "SP" and any(map(str.isalpha, compatible))):
        return character
    return compatible


class _Plain(dict[int, str]):
    """The table for `str.translate`; it remembers nothing, so that hostile text cannot make it grow."""

    def __missing__(self, code: int) -> str:
        return chr(code) if code < 0x80 else _plain_character(chr(code))


_PLAIN = _Plain(
    (code, _plain_character(chr(code)))
    for codes in (range(0xA0, 0x100), range(0x660, 0x66A), range(0x2000, 0x2070), range(0xFF01, 0xFF5F))
    for code in codes
)


def plain(text: str) -> str:
    """The text with digits, signs, spaces and dashes of every script as their ASCII ones, and nothing invisible."""
    return text if text.isascii() else text.translate(_PLAIN)
