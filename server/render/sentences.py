"""How sentences and values are written in Dutch and English; which sentences there are stands elsewhere.

The English sentence is the key (gettext) and stands in the code alone. Translations are read from the `.po` files when
first needed, in a tenth of a second, so there is no compiled catalogue to forget. A language we do not have, or a
sentence without a translation, is said in English: never nothing. Nothing of the closed sets is known here, so that
the help of the command is said without loading them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from server.core.days import AMSTERDAM
from server.core.tables import Column, Kind, Value
from server.core.text import Param, Period, Share, Text, phrase

TRANSLATIONS = Path(__file__).parent.parent / "translations"
LANGUAGES = ("en", "nl")
"""The first is what we fall back on."""

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Sentences:
    """One reader's language: says sentences and writes values.

    language: a tag such as "nl", "nl-NL" or "en_GB"; what we do not speak becomes English. Times are those of
    Europe/Amsterdam.
    """

    language: str

    def __post_init__(self) -> None:
        tag = re.split("[-_.]", self.language.strip().lower())[0]
        object.__setattr__(self, "language", tag if tag in LANGUAGES else LANGUAGES[0])

    def say(self, text: Text) -> str:
        """The sentence with its parameters filled in."""
        params = dict(text.params)
        count = params.get("count")
        if isinstance(count, Share):  # of two phones, however many of them
            count = count.whole
        many = bool(text.many) and isinstance(count, int) and count != 1
        source = text.many if many else text.message
        sentence = _translation(self.language, text, many=many) or source
        if not params:
            return sentence
        said = {name: self.write(value) for name, value in params.items()}
        try:
            return sentence.format_map(said)
        except (KeyError, IndexError, ValueError):
            # A slip in a translation must not cost the reader the message.
            return source.format_map(said)

    def name(self, code: StrEnum) -> str:
        """A member of a closed set by its own value; `Words` knows what people call it."""
        return code.value.replace("_", " ")

    def advise(self, code: StrEnum) -> str:
        """What it means or what to do about it; its name where there is no more to say."""
        return self.name(code)

    def instant(self, moment: datetime) -> str:
        """Such as "22 Nov 2026 14:03". In the hour that the clock repeats in autumn, with its distance to UTC."""
        local = moment.astimezone(AMSTERDAM)
        written = format_datetime(local, "d MMM y HH:mm", locale=self.language)
        if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
            hours = int((local.utcoffset() or timedelta()).total_seconds() // 3600)
            written += f" (UTC+{hours})"
        return written

    def clock(self, moment: datetime) -> str:
        """The time of day alone, such as "14:03"."""
        return moment.astimezone(AMSTERDAM).strftime("%H:%M")

    def day(self, day: date) -> str:
        """Such as "22 Nov 2026"."""
        return format_date(day, "d MMM y", locale=self.language)

    def count(self, number: int) -> str:
        """With the thousands marked as the language does."""
        return format_decimal(number, locale=self.language)

    def decimal(self, number: Decimal) -> str:
        """With all its places, and the mark that the language puts before them: "0.5", "0,5"."""
        places = max(0, -int(number.as_tuple().exponent))
        return format_decimal(number, format="#,##0" + ("." + "0" * places if places else ""), locale=self.language)

    def write(self, value: Param | Value, kind: Kind | None = None) -> str:  # noqa: PLR0911, C901 - one line a type
        """Any value as people read it; None is an empty string. `kind` matters for advice only."""
        match value:
            case None:
                return ""
            case StrEnum():
                return self.advise(value) if kind is Kind.ADVICE else self.name(value)
            case str():
                return plain(value)
            case int():
                return self.count(value)
            case Decimal():
                return self.decimal(value)
            case Text():
                return self.say(value)
            case datetime():
                return self.instant(value)
            case date():
                return self.day(value)
            case Share():
                return self.say(phrase("{part} of {whole}", part=self.count(value.part), whole=self.count(value.whole)))
            case Period() if value.first == value.last:
                return self.day(value.first)
            case Period():
                return self.say(phrase("{first} to {last}", first=self.day(value.first), last=self.day(value.last)))
            case tuple():
                return self.join(_inside(self.write(part)) for part in value)

    def cell(self, value: Value, column: Column) -> str:
        """A value as people read it in that column."""
        if value is None and column.blank is not None:
            return self.say(column.blank)
        return self.write(value, column.kind)

    def join(self, parts: Iterable[str]) -> str:
        """A list in a sentence: "a, b and c"."""
        return format_list(list(parts), locale=self.language)


def _inside(name: str) -> str:
    """A name within a sentence: "SIM card" and "WhatsApp" keep their capitals, "Calendar" does not."""
    first = name.split(" ", 1)[0]
    return name[:1].lower() + name[1:] if first == first.capitalize() else name


def plain(text: str) -> str:
    """Data that came from outside, fit for a screen: control characters and direction marks become visible."""
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _translation(language: str, text: Text, *, many: bool) -> str:
    """Empty where there is none, or a translator marked it as unsure."""
    catalogue = _catalogue(language)
    found = None if catalogue is None else catalogue.get(text.message, text.sense or None)
    if found is None or found.fuzzy:
        return ""
    forms = (found.string,) * 2 if isinstance(found.string, str) else tuple(found.string or ())
    return forms[many] if forms else ""


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> Catalog | None:
    """The sentences of one language, in one form for one and another for all other numbers; None: the English ones."""
    path = TRANSLATIONS / language / "LC_MESSAGES" / "closeout.po"
    if not path.exists():
        return None
    with path.open("rb") as file:
        return read_po(file, locale=Locale(language), domain="closeout", abort_invalid=True)
