"""What an entry holds besides its identifiers: one table of what is private content, and what is none; no entry here.

The law, which `shapes.py` applies and `mdm_adapters/README.md` says in words:

- an identifier is what reaches somebody: a number, an address, a handle. A placeholder is none;
- an entry that also holds an identifier which is not governed is mixed: the governed lines are cut, the rest stays;
- if every identifier is a client's, the rest is taken to be about the client. A name alone, and what programs write,
  goes with it. Is there more, its owner is asked whether that is about the client too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum


class Says(StrEnum):
    """What a property of an entry says."""

    NAME = "name"
    """Who it is: goes with the client's identifiers."""
    NOTHING = "nothing"
    """Nothing about anybody: what programs write for each other, and the groups and labels that sort entries."""
    MORE = "more"
    """Anything else: an address, a note, a birthday, a picture, a page, an organisation; what nobody here knows."""


CONTENT: Mapping[Says, tuple[str, ...]] = {
    Says.NAME: (
        *("FN", "N", "NICKNAME", "SORT-STRING", "SORT-AS", "X-FILE-AS", "X-EVOLUTION-FILE-AS", "X-MAIDENNAME"),
        *("X-PHONETIC-FIRST-NAME", "X-PHONETIC-MIDDLE-NAME", "X-PHONETIC-LAST-NAME"),
        *("displayName", "fileAs", "givenName", "middleName", "surname", "nickName", "initials", "generation"),
        *("title", "yomiGivenName", "yomiSurname"),
    ),
    Says.NOTHING: (
        *("BEGIN", "END", "VERSION", "PRODID", "UID", "REV", "CREATED", "SOURCE", "PROFILE", "KIND", "CLASS", "MAILER"),
        *("CLIENTPIDMAP", "LANG", "TZ", "CATEGORIES", "X-ABLABEL", "X-LABEL", "X-ABADR", "X-ABUID"),
        *("X-ABSHOWAS", "X-IMAGETYPE", "X-IMAGEHASH", "X-SHARED-PHOTO-DISPLAY-PREF", "X-ADDRESSING-GRAMMAR"),
        *("X-ADDRESSBOOKSERVER-KIND", "X-RADICALE-NAME", "X-MOZILLA-HTML", "X-CREATED", "X-MODIFIED", "X-TIMESTAMP"),
        *("X-GROUP-MEMBERSHIP", "X-LIC-ERROR", "LAST-MODIFIED", "X-PRODID", "X-REVISION", "X-SYNC-ID", "X-ID"),
        "categories",
    ),
}
"""The one table, by the names of vCard (upper case) and of Graph: whatever is not here says more."""

_SAYS = {name: says for says, names in CONTENT.items() for name in names}


def says(name: str) -> Says:
    """What the property of this name says, if it holds anything and nobody is reached by it."""
    return _SAYS.get(name, Says.MORE)


# --- what stands there and is nothing

_NOBODY = frozenset(
    {
        *("onbekend", "onbekent", "niet bekend", "nog niet bekend", "nog onbekend", "geen", "geen nummer", "geen nr"),
        *("geen telefoon", "geen tel", "geen telefoonnummer", "geen mobiel", "geen mail", "geen email", "geen e mail"),
        *("geen emailadres", "geen e mailadres", "geen mailadres", "niet van toepassing", "n v t", "nvt", "n b", "nb"),
        *("n n b", "nnb", "n a", "na", "leeg", "niets", "niks", "nee", "nul", "null", "nil", "none", "no", "nan"),
        *("unknown", "not known", "no number", "no phone", "no email", "no e mail", "empty", "nothing", "blank"),
        *(
            "not available",
            "not applicable",
            "undefined",
            "tbd",
            "todo",
            "volgt",
            "volgt nog",
            "later",
            "privé",
            "prive",
        ),
        *("geheim", "anoniem", "anonymous", "afgeschermd", "private number", "unbekannt", "keine", "inconnu", "aucun"),
        *("bilinmiyor", "yok", "desconocido"),
    }
)
_SCHEME = re.compile(r"^(?:tel|sms|callto|mailto|sips?|xmpp|im|whatsapp|skype|aim|https?)\s*:[\s/]*", re.IGNORECASE)
_WORDS = re.compile(r"[\W_]+")
_NO_NUMBER = re.compile(r"x+|0[0-9]{0,3}|0{1,2}310?6?|310?6?|0+|([0-9])\1{5,}|\+(?:[0-9]{1,3}|310?6)", re.IGNORECASE)
"""Crosses, noughts, one digit again and again; a prefix with no number behind it."""
_LONGEST = 40


_TELLING = frozenset(
    {"privé", "prive", "geheim", "anoniem", "anonymous", "afgeschermd", "private number", "later", "todo", "tbd"}
)
"""Of those: the words that are no number, and yet say something where no number was asked for."""
_NO_CONTENT = re.compile(r"x+|0+", re.IGNORECASE)


def is_placeholder(text: str) -> bool:
    """Whether somebody or a form filled in what reaches nobody: a dash, `onbekend`, `+31`, `xxx`, `0`."""
    text, words = _words_of(text)
    if not words:
        return True
    if len(words) > _LONGEST:
        return False
    plain = ("+" if text.lstrip(" (").startswith("+") else "") + words.replace(" ", "")
    return words in _NOBODY or _NO_NUMBER.fullmatch(plain) is not None


def says_nothing(text: str) -> bool:
    """Whether what stands where no number is asked for means nothing: a birthday (`--0312`) and a code (`0312`) do."""
    text, words = _words_of(text)
    if not words:
        return not any(unicodedata.category(each) == "So" for each in text)  # a sign such as a heart says something
    if len(words) > _LONGEST:
        return False
    return (words in _NOBODY and words not in _TELLING) or _NO_CONTENT.fullmatch(words.replace(" ", "")) is not None


def _words_of(text: str) -> tuple[str, str]:
    """The text without a scheme in front, and its words alone."""
    text = unicodedata.normalize("NFKC", _SCHEME.sub("", text.strip())).casefold()
    return text, _WORDS.sub(" ", text).strip()
