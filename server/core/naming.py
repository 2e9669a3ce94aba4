"""Names and references as people type them, to one spelling and to one key; every door uses these two, and no other.

A trailing blank, another case or another way to write an accent is no other employer, worker or connection: else a gate
recorded for the one would not hold for the other, nor an assignment of the one protect a contact of the other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_UNSEEN = frozenset({"Cf", "Cc", "Co", "Cn", "Cs"})


def plain_name(text: str) -> str:
    """The name as it is kept and shown: composed accents, single blanks, nothing that cannot be seen; case stays."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    seen = "".join(
        " " if each.isspace() else each
        for each in unicodedata.normalize("NFC", text)
        if each.isspace() or unicodedata.category(each) not in _UNSEEN
    )
    return " ".join(seen.split())


def name_key(text: str) -> str:
    """What two spellings of one name have in common; not for showing. The key of a key is itself."""
    key = plain_name(text)
    if key.isascii():
        return key.lower()
    for _ in range(4):  # one round is not always enough
        folded = plain_name(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold()))
        if folded == key:
            break
        key = folded
    return key


def says_something(text: str) -> bool:
    """Whether a text holds a letter or a digit: blanks, dashes and dots alone say nothing."""
    return any(each.isalnum() for each in text)


def known_spelling(name: str, known: Iterable[str]) -> str:
    """The spelling under which a name is known already, else its plain one."""
    return spellings(known).get(name_key(name), plain_name(name))


def spellings(known: Iterable[str]) -> dict[str, str]:
    """The first of the known spellings of each name, by its key."""
    found: dict[str, str] = {}
    for each in known:
        found.setdefault(name_key(each), each)
    return found
