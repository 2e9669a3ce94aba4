"""A telephone number or e-mail address, in any spelling, to its one normal form to its keyed token; no register here.

Two sides use it, and they want different things of an extension:

- the register says who is governed: `registered` gives one identifier for each number, with its extension if it has
  one. `020-1234567 ext. 12` governs that desk, not the whole switchboard. A mobile number has no desks behind it: what
  is written after it is left out, or one case's `06-12345601 ext. 1` would not protect another's `06-12345601`;
- a card is what a worker typed: `candidates` gives each number with its extension *and* without, so that a typed
  extension cannot hide a governed number.

What the library (phonenumberslite) calls possible but not valid (the unassigned 060, 067, 069, a digit too many) is an
identifier all the same, with `verified` false: a false "absent" costs more than a token that matches nothing.

What people put between digits is passed over (`_SOFT`: spaces, dashes, dots, slashes). Any other sign (a middle dot, a
comma, a bar, a line break) may part two numbers or stand inside one: it is passed over only where a telephone field
then reads as exactly one number. A telephone field with seven digits or more that reads neither as one number nor as
several whole ones is *unreadable*: a fault in the register, unknown on a card, and never a shortened number. A date is
no number.

The common Dutch spellings are read by one regular expression (`_DUTCH_LINE`); the tests prove that it says what
the library says. Everything else is the library's.

Bounds: the time taken grows with the length of the text and no faster, so a field is read whole, whatever its length,
and nothing in it is missed without a word; how much an adapter reads at all is the adapter's limit.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import unquote

import idna
import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType, ValidationResult

from mdm_adapters.port import Field, FieldKind, Reading, Token, Unread


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


# --- spelling: whatever script a keyboard or a paste brought in, as ASCII ------------------------------------------

_NOTHING = ("Cf", "Me")
_SPACES = ("Zs",)
_LINES = ("Zl", "Zp")
_DASHES = "\u2212\u2043\u02d7\u30fc"
"""Dash look-alikes that Unicode does not class as dashes."""
_HAS_DIGIT = re.compile(r"\d")


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
    if _HAS_DIGIT.search(compatible) or (category[0] in "SP" and any(map(str.isalpha, compatible))):
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


def _plain(text: str) -> str:
    return text if text.isascii() else text.translate(_PLAIN)


# --- e-mail addresses ----------------------------------------------------------------------------------------------

_LONGEST_LOCAL = 256
_LONGEST_DOMAIN = 256
"""Characters each side of the @; RFC 5321 allows 64 and 255. They bound the work on hostile text."""
_LOCAL_BACKWARDS = re.compile(r"[^\s@<>()\[\]\\,;:\"/|?\x00-\x1f\x7f]+")
_LOCAL_START = re.compile(r"\A[^\w+]+")
_DOMAIN = re.compile(r"[^\s@<>()\[\]\\,;:\"'/|?#&!=*{}$%^~`\x00-\x1f\x7f]+")
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


def _addresses(text: str) -> Iterator[tuple[str, str, int, int]]:
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
    decoded = _fold(_plain(unquote(local, errors="replace")))
    broken = "\ufffd" in decoded or _LOCAL_START.match(decoded) or not _LOCAL_BACKWARDS.fullmatch(decoded)
    return local if broken else decoded


def emails_in(text: str) -> tuple[Identifier, ...]:
    """Every e-mail address in `text`, each once, in order; display names and `mailto:` around them do not matter.

    Case is folded in the local part too (RFC 5321 lets a server tell `A@` from `a@`; none that matters does). Plus-tags
    and dots stay: whether they matter is known to the server only. Never raises.
    """
    text = _plain(text)
    if "@" not in text:
        return ()
    folded = _fold(text)
    found: dict[Identifier, None] = {}
    for local, domain, start, _ in _addresses(folded):
        is_uri = folded[max(0, start - 7) : start] == "mailto:"
        found[_normal_address(_unescaped(local) if is_uri and "%" in local else local, domain)] = None
    return tuple(found)


# --- telephone numbers: one spelling -------------------------------------------------------------------------------

_SOFT = " \t.()[]/_*'\\-"
"""What people put inside a number. Anything else ends it."""
_SOFT_CLASS = "[" + re.escape(_SOFT) + "]"
_SOFT_NONE = {ord(c): None for c in _SOFT}
_RUN = re.compile(rf"(?:\+{_SOFT_CLASS}*+)?[0-9](?:{_SOFT_CLASS}*+[0-9])*+")
_GROUP = re.compile(r"[0-9]+")

_SIGN = r"[\W_]"
"""Any character that is neither a letter nor a digit, in any script; line breaks too."""
_CHAIN = re.compile(rf"(?:\+{_SIGN}*+)?[0-9](?:{_SIGN}*+[0-9])*+")
"""Digits with nothing but signs between them: they may be one number, or several."""
_NO_DIGITS = re.compile(r"[^0-9]+")
_UNREADABLE = 7
"""Digits of a telephone field that are no number: so many may be one, or the end of one."""

_FEWEST = 8
"""Characters of a number as typed, + included: 112, 14020, 1850 and local numbers without their area code are not
identifiers; +683 4000 (Niue) is."""
_MOST = 17
"""E.164 has 15 digits; `00` before them makes 17."""

_DUTCH_SPELLING = r"(?:(?:0|(?:\+|00)310?)(?=[1-7]|8[4-8])|(?:310?)?(?=6))([0-9]{9})"
"""A trunk or country prefix and nine digits (or a mobile number without): the national number is group 1. Not 080,
081, 082, 083, 089 and 09, where a shorter number may begin a longer one."""
_DUTCH = re.compile(_DUTCH_SPELLING)
_DUTCH_LINE = re.compile(rf"^{_DUTCH_SPELLING}$|^.*$".encode(), re.MULTILINE)
"""The fast path: the lines of a batch, separators already taken out; group 1 is empty for an odd line."""
_DUTCH_SHAPE = re.compile(r"(?:0|(?:\+|00)310?)[1-9][0-9]{8}|(?:310?)?6[0-9]{8}")
"""What a Dutch number looks like, assigned or not."""


def _dutch_patterns(*kinds: str) -> re.Pattern[str]:
    """The library's own patterns for Dutch national numbers of these kinds."""
    dutch = PhoneMetadata.metadata_for_region("NL")
    patterns = [getattr(getattr(dutch, kind), "national_number_pattern", None) for kind in kinds]
    return re.compile(r"(?:310?|0)?(" + "|".join(filter(None, patterns)) + ")")


_DUTCH_POSSIBLE = _dutch_patterns("general_desc")
"""What cannot be valid is not worth asking the library; hostile text would make us ask much."""
_DUTCH_VALID = _dutch_patterns(
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan"),
    "voicemail",
)
_COUNTRY = re.compile(r"(?:\+|00)(?:" + "|".join(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)) + ")")


class _Number(NamedTuple):
    """A number without extension. e164: with its +. sure: valid, or of Dutch shape; else possible by length only."""

    e164: str
    valid: bool
    sure: bool


def _number(spelling: str, region: str, *, fast: bool) -> _Number | None:
    """Digits, with a + or not, as one number; None if the library calls it impossible."""
    shaped = region == "NL" and _DUTCH_SHAPE.fullmatch(spelling) is not None
    if shaped and fast:
        match = _DUTCH.fullmatch(spelling)
        if match:
            national = match[1]
            return _Number("+31" + national, _DUTCH_VALID.fullmatch("0" + national) is not None, sure=True)
    return _number_by_library(spelling, region, shaped=shaped)


def _number_by_library(spelling: str, region: str, *, shaped: bool) -> _Number | None:
    """As `_number`. An invalid number is read again until its form is stable (each reading drops one trunk zero)."""
    for _ in range(_MOST):
        try:
            number = phonenumbers.parse(spelling, region)
        except phonenumbers.NumberParseException:
            return None
        e164 = str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
        if phonenumbers.is_valid_number(number):
            return _Number(e164, valid=True, sure=True) if len(e164) >= _FEWEST else None
        if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
            return None
        if e164 == spelling:
            return _Number(e164, valid=False, sure=shaped) if len(e164) > _FEWEST else None
        spelling = e164
    return None


# --- telephone numbers: in text ------------------------------------------------------------------------------------

_EXTENSION = re.compile(
    rf"""
    (?: ;ext=(?P<uri>[0-9]{{1,15}})                                                       # RFC 3966
      | [,;pw]{{1,3}}(?P<paused>[0-9]{{1,5}})\#?(?!@|{_SOFT_CLASS}{{1,3}}[0-9])          # dialled after a pause
      | [\s,;:(./-]{{0,4}}
        (?:ext(?:ensi(?:on|e|o|ón))?n?|toestel(?:nr|nummer)?|toest|tst[ln]?|doorkies(?:nr|nummer)?
          |intern|int|poste|anexo|доб|x|\#|~)
        [\s.:=]{{0,3}}(?!0[0-9]{{0,3}}{_SOFT_CLASS}{{1,3}}[0-9])(?P<named>[0-9]{{1,7}})\)?
    )(?![0-9])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_URI_SCHEME = re.compile(r"\b(?:tel|sms|callto|whatsapp):", re.IGNORECASE)
_URI_ESCAPE = re.compile(r"%(20|28|29|2[bB]|2[dD]|2[eE]|3[bB]|3[dD])")
_URI_LOCAL = re.compile(r"tel:([0-9().\- ]{3,40})((?:;[a-z0-9-]{1,40}=[^;\s,]{0,60}){1,8})", re.IGNORECASE)
_WHATSAPP = re.compile(r"(wa\.me/|whatsapp\.com/send/?\?phone=)(?=[1-9])", re.IGNORECASE)
"""Links to a chat: the number behind is international, without its +."""
_URI_CONTEXT = re.compile(r";phone-context=(\+[0-9().\-]{1,20})", re.IGNORECASE)
_URI_EXTENSION = re.compile(r";ext=[0-9]{1,15}", re.IGNORECASE)
_URI_OTHER = re.compile(r";(?:isub|postd|phone-context|tsp|cpc|rn|npdi)=[^;\s,]*", re.IGNORECASE)
_COLON = re.compile(r"(?<=[0-9]):(?= ?[0-9])")
"""`06:12345678`. Not in running text, where it tells the time."""
_NUMBER_AS_LOCAL = re.compile(r"\+?[0-9]{9,15}")
"""`31612345678@s.whatsapp.net`: an address made of a number."""
_DATE = re.compile(
    r"""(?<![0-9+-])(?:
        (?:19|20)[0-9]{2}([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])
      | (?:0?[1-9]|[12][0-9]|3[01])([-/.])(?:0?[1-9]|1[0-2])\2(?:19|20)[0-9]{2}
    )(?:(?:T|\s{1,3})[0-2]?[0-9][:.][0-5][0-9](?:[:.][0-5][0-9])?(?:[.,][0-9]{1,7})?(?![0-9])
       |(?![0-9]|[\s./-]{1,3}(?!00?[1-9](?:[\s().-]{0,3}[0-9]){7})[0-9]))""",
    re.VERBOSE,
)
"""A date, with a time, or with nothing but a whole number behind it; it is no number."""
_COMPACT_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
"""A telephone field that is this and nothing else holds a date."""
_BEFORE_DATE = re.compile(rf"(?:\+{_SIGN}*+)?[0-9](?:{_SIGN}*[0-9]){{0,5}}{_SIGN}{{0,3}}\Z")
_MAY_HOLD_ANY = re.compile(r"(?:[^\d@＠﹫]*+\d){7}|[^@＠﹫]*+[@＠﹫]")
"""A field without seven digits and without an @ holds nothing; most names and notes end here."""
_BLOT = "\0"
_FOREIGN = re.compile(rf"[^0-9{re.escape(_SOFT)}]")
_WIDEST = 200
"""Characters of a number with signs between its digits, and more between them than a person puts there."""
_SIGNED_GROUP = re.compile(rf"(?:\+{_SOFT_CLASS}*+)?[0-9]+")
_LETTER = re.compile(r"[^\W\d_]")
_APART = rf"(?:[^\w{_BLOT}]|_)*[^\w{re.escape(_SOFT)}{_BLOT}](?:[^\w{_BLOT}]|_)*"
_PARTED = re.compile(rf"[0-9]{_APART}{_BLOT}|{_BLOT}{_APART}[0-9]")
"""A number that was read, and beside it digits with nothing but signs between, one of them not passed over."""


class _Spot(NamedTuple):
    """Where a number stands in the text, its extension included, and what it is."""

    start: int
    end: int
    number: _Number
    extension: str
    stop: int
    """Where the number itself ends."""
    parted: bool = False
    """The extension is told by a sign alone, which may as well stand inside a longer number."""
    or_else: tuple[_Spot, ...] = ()
    """What the same digits may be as well, if a sign among them is not passed over."""

    def alternatives(self) -> Alternatives:
        """Most specific first: with the extension, then without."""
        if self.or_else:
            spots = (self._replace(or_else=()), *self.or_else)
            return tuple(dict.fromkeys(form for spot in spots for form in spot.alternatives()))
        normal = "tel:" + self.number.e164
        base = Identifier(IdentifierKind.PHONE, normal, self.number.valid)
        if not self.extension or _is_mobile(self.number.e164):
            return (base,)
        return (Identifier(IdentifierKind.PHONE, f"{normal};ext={self.extension}", self.number.valid), base)


def _is_mobile(e164: str) -> bool:
    """Whether it is one person's telephone; in doubt (North America tells none apart) it is not."""
    if e164.startswith("+31"):
        return e164[3] == "6"
    return phonenumbers.number_type(phonenumbers.parse(e164)) == PhoneNumberType.MOBILE


def _spelled(text: str) -> str:
    """The text in ASCII digits and marks, `tel:` URIs resolved, addresses blanked out."""
    text = _plain(text)
    if ":" in text and _URI_SCHEME.search(text):
        text = _URI_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
        text = _URI_OTHER.sub("", _URI_LOCAL.sub(_in_context, text))
    if "/" in text:
        text = _WHATSAPP.sub(r"\1 +", text)
    if "@" not in text:
        return text
    pieces, done = [], 0
    for local, _, start, end in _addresses(text):
        pieces += [text[done:start], local if _NUMBER_AS_LOCAL.fullmatch(local) else "", "\n"]
        done = end
    return "".join([*pieces, text[done:]])


def _in_context(uri: re.Match[str]) -> str:
    """A local number of RFC 3966 with its context put in front, if that is a global prefix."""
    context = _URI_CONTEXT.search(uri[2])
    if not context:
        return uri[0]
    extension = _URI_EXTENSION.search(uri[2])
    return f"tel:{context[1]}-{uri[1]}{extension[0] if extension else ''}"


class _Reader:
    """Finds the numbers in one text (`spots`, in the order of the text).

    typed: people typed it where a number belongs, so anything the library calls possible counts. Otherwise a number
    must look like one: valid or of Dutch shape, and begin with +, 0, 31 or 6.
    fast: whether the common Dutch spellings may be read without the library; the result is the same.

    A run of digits is first read whole. If that is no number it is read group by group: from every group the longest
    join of groups that is surely a number; then, of what lies between, all that is possible. What is left of digits
    and was parted by other signs is then read across those (`_read_chain`).

    unreadable: of a typed text, that it holds seven digits or more which are neither one number nor several whole ones.
    """

    __slots__ = ("fast", "region", "spots", "text", "typed", "unreadable")

    def __init__(self, text: str, region: str, *, typed: bool, fast: bool) -> None:
        self.region = region
        self.typed = typed
        self.fast = fast and region == "NL"
        self.spots: list[_Spot] = []
        self.unreadable = False
        text = "" if typed and _COMPACT_DATE.fullmatch(text.strip()) else self._without_dates(text)
        if typed and ":" in text:
            text = _COLON.sub("-", text)
        self.text = text
        done = 0
        for run in _RUN.finditer(self.text):
            if run.end() > done:
                done = self._read_run(max(run.start(), done), run.end())
        if len(self.spots) > 1:
            self.spots.sort(key=lambda spot: spot.start)
        elif self.spots and self._is_all(self.spots[0]):
            return
        unread = self.unread() if self.spots else text
        if _HAS_DIGIT.search(unread) or any(spot.parted or not spot.number.sure for spot in self.spots):
            self._mind_signs(unread)

    def _is_all(self, spot: _Spot) -> bool:
        """Whether a number is surely one and all that the field holds."""
        whole = spot.number.sure and not spot.parted
        return whole and not _HAS_DIGIT.search(self.text, 0, spot.start) and not _HAS_DIGIT.search(self.text, spot.end)

    def _without_dates(self, text: str) -> str:
        if "19" not in text and "20" not in text:
            return text
        return _DATE.sub(lambda date: date[0] if self._in_number(date) else "\n" * len(date[0]), text)

    def _in_number(self, date: re.Match[str]) -> bool:
        """Whether what looks like a date is the end of a number, as in `06 12-12-2012`."""
        before = _BEFORE_DATE.search(date.string, max(0, date.start() - 16), date.start())
        if before is None:
            return False
        spelling = before[0][: before[0][0] == "+"] + _NO_DIGITS.sub("", before[0] + date[0])
        return _FEWEST <= len(spelling) <= _MOST and self._sure(spelling, len(before[0]) + len(date[0])) is not None

    def unread(self) -> str:
        """The text with every number that was found blotted out (`_BLOT`), as long as it was."""
        pieces, done = [], 0
        for spot in self.spots:
            pieces += [self.text[done : spot.start], _BLOT * (spot.end - spot.start)]
            done = spot.end
        return "".join([*pieces, self.text[done:]])

    def _read_run(self, start: int, end: int) -> int:
        """Read text[start:end]; how far the text was used, since an extension may lie behind the run."""
        spelling = self.text[start:end].translate(_SOFT_NONE)
        if len(spelling) < _FEWEST:
            return end
        if self.fast and _DUTCH.fullmatch(spelling):
            number = self._sure(spelling, end - start)
            if number:
                return self._found(start, end, number)
        elif len(spelling) <= _MOST:
            bracket = self._bracket_behind_number(start, end)
            if bracket:
                self._read_run(start, bracket)
                return self._read_run(self.text.index("(", bracket) + 1, end)
            number = self._sure(spelling.removeprefix("+") if spelling[1] == "0" else spelling, end - start)
            if number:
                return self._found(start, end, number)
        known = len(self.spots)
        self._read_groups(start, end)
        return max([end, *(spot.end for spot in self.spots[known:])])

    def _bracket_behind_number(self, start: int, end: int) -> int:
        """Where a whole number ends that a bracket with something else follows: `06-12345678 (2)`; 0: there is none."""
        bracket = self.text.rfind("(", start, end)
        if bracket <= start:
            return 0
        before = self.text[start:bracket].rstrip(_SOFT)
        digits = before.translate(_SOFT_NONE)
        if len(digits) < _FEWEST or digits[0] not in "+0" or not self._sure(digits, len(before)):
            return 0
        return start + len(before)

    def _sure(self, spelling: str, width: int) -> _Number | None:
        """The number that these digits surely are. width: how much of the text they take, separators included."""
        if spelling[0] == "+" or spelling.startswith("00"):
            if not _COUNTRY.match(spelling):
                return None
        else:
            if self.region == "NL" and not (_DUTCH_POSSIBLE.fullmatch(spelling) or _DUTCH_SHAPE.fullmatch(spelling)):
                return None
            if not self.typed and not _looks_like_one(spelling, width):
                return None
        number = _number(spelling, self.region, fast=self.fast)
        return number if number and number.sure else None

    def _found(self, start: int, end: int, number: _Number) -> int:
        extension = _EXTENSION.match(self.text, end) if end < len(self.text) else None
        if extension is None:
            self.spots.append(_Spot(start, end, number, "", end))
            return end
        digits = extension["uri"] or extension["paused"] or extension["named"]
        self.spots.append(_Spot(start, extension.end(), number, digits, end, not _LETTER.search(extension[0])))
        return extension.end()

    # --- across signs that are not passed over

    def _mind_signs(self, unread: str) -> None:
        """Read what signs part, and tell whether the field could be read."""
        text = self._without_extensions()
        whole = not _HAS_DIGIT.search(unread)
        old, self.spots = self.spots, []
        crossed = False
        at = 0
        for chain in _CHAIN.finditer(text):
            start, end = chain.span()
            first = at
            while at < len(old) and old[at].start < end:
                at += 1
            inside = old[first:at]
            if inside and all(map(_is_settled, inside)) and not _HAS_DIGIT.search(unread, start, end):
                self.spots += inside
            elif _FOREIGN.search(chain[0], 1):
                crossed = self._read_across(chain[0], start, end, inside, whole=whole) or crossed
            else:
                self._keep(inside, whole=whole)
        self.spots.sort(key=lambda spot: spot.start)
        if self.typed:
            self.unreadable = self.unreadable or (crossed and len(self.spots) > 1) or self._is_doubtful()

    def _without_extensions(self) -> str:
        """The text with the extensions that a word tells blotted out by letters."""
        pieces, done = [], 0
        for spot in self.spots:
            if spot.extension and not spot.parted:
                pieces += [self.text[done : spot.stop], "x" * (spot.end - spot.stop)]
                done = spot.end
        return "".join([*pieces, self.text[done:]])

    def _keep(self, spots: Sequence[_Spot], *, whole: bool) -> list[_Spot]:
        """Keep those that are surely numbers; one that is only possible may be a part of one if digits are left.

        whole: no digits of the field are left; then one stands for itself if it is alone or says its country.
        """
        alone = whole and len(spots) == 1
        kept = [
            spot
            for spot in spots
            if spot.number.sure
            or (whole and not spot.extension and (alone or self.text.startswith(("+", "00"), spot.start)))
        ]
        self.spots += kept
        return kept

    def _read_across(self, chain: str, start: int, end: int, inside: Sequence[_Spot], *, whole: bool) -> bool:
        """Read one chain across its signs (`inside`: as read between them); whether a number was found so."""
        number = self._joined(chain, end - start)
        surely = [spot for spot in inside if spot.number.sure]
        if number is None:
            return self._read_between(start, end, self._keep(inside, whole=whole))
        if all(spot.number.e164 == number.e164 and not spot.extension for spot in surely):
            self._found(start, end, number)
            return True
        self.unreadable = True
        self.spots.append(_Spot(start, max(end, surely[-1].end), number, "", end, or_else=tuple(surely)))
        return True

    def _joined(self, chain: str, width: int) -> _Number | None:
        """The one number that all digits of a chain surely are."""
        digits = _NO_DIGITS.sub("", chain) if len(chain) <= _WIDEST else ""
        spelling = "+" + digits if chain[0] == "+" and digits[:1] != "0" else digits
        return self._sure(spelling, width) if _FEWEST <= len(spelling) <= _MOST else None

    def _read_between(self, start: int, end: int, kept: Sequence[_Spot]) -> bool:
        """The chain is not one number: look for numbers in what `kept` leaves of it."""
        known = len(self.spots)
        ends, starts = [start, *(spot.end for spot in kept)], [*(spot.start for spot in kept), end]
        for first, last in zip(ends, starts, strict=True):
            groups = [group.span() for group in _SIGNED_GROUP.finditer(self.text, first, max(first, last))]
            self._take_joins(groups, ("+", "0"))
        found = [spot for spot in self.spots[known:] if spot.number.sure]
        self.spots[known:] = found
        self.unreadable = self.unreadable or bool(found)
        return bool(found)

    def _is_doubtful(self) -> bool:
        """Whether digits are left that may be a number, or a part of one that was read too short."""
        left = self.unread()
        digits = len(_NO_DIGITS.sub("", left))
        if digits == 0:
            return False
        if any(not self._is_bounded(spot) for spot in self.spots) and _PARTED.search(left):
            self.spots = [spot for spot in self.spots if self._is_bounded(spot)]
            return True
        return digits >= _UNREADABLE and (bool(self.spots) or len(set(_NO_DIGITS.sub("", left))) > 1)

    def _is_bounded(self, spot: _Spot) -> bool:
        """Whether nothing longer begins or ends with it: it has its trunk or country prefix and the Dutch length."""
        return spot.number.e164.startswith("+31") and self.text[spot.start] in "+0"

    # --- without signs

    def _read_groups(self, start: int, end: int) -> None:
        groups = [group.span() for group in _GROUP.finditer(self.text, start, end)]
        if self.text[start] == "+" and self.text[groups[0][0]] != "0":
            groups[0] = (start, groups[0][1])
        rest = self._take_joins(groups, ("+", "0"))
        for stretch in rest:
            if self.text[stretch[0][0]] in "+0":
                self._take_possible(stretch)
            else:
                for left in self._take_joins(stretch, tuple("123456789")):
                    self._take_possible(left)

    def _take_joins(
        self, groups: Sequence[tuple[int, int]], beginnings: tuple[str, ...]
    ) -> list[Sequence[tuple[int, int]]]:
        """Take what is surely a number and begins so out of the groups; the stretches that are left."""
        rest: list[Sequence[tuple[int, int]]] = []
        left = at = 0
        while at < len(groups):
            reach = self._take_longest(groups, at) if self.text[groups[at][0]] in beginnings else at
            if reach > at:
                rest.append(groups[left:at])
                left = at = reach
            else:
                at += 1
        rest.append(groups[left:])
        return [stretch for stretch in rest if stretch]

    def _take_longest(self, groups: Sequence[tuple[int, int]], at: int) -> int:
        """Take the longest number that begins with group `at`; the group behind it, or `at` if there is none."""
        start, spelling, best = groups[at][0], "", None
        for reach in range(at, len(groups)):
            spelling += self.text[slice(*groups[reach])].translate(_SOFT_NONE)
            if len(spelling) > _MOST:
                break
            if len(spelling) >= _FEWEST:
                number = self._sure(spelling, groups[reach][1] - start)
                if number:
                    best = (reach, number)
                    if self.region == "NL" and _DUTCH.fullmatch(spelling):
                        break  # nothing longer begins with it
        if best is None and spelling.startswith(("+", "00")) and len(groups) - at <= _MOST:
            return len(groups) if self._take_possible(groups[at:]) else at
        if best is None:
            return at
        self._found(start, groups[best[0]][1], best[1])
        return best[0] + 1

    def _take_possible(self, groups: Sequence[tuple[int, int]]) -> bool:
        """Take a whole stretch as one number if the library calls it possible."""
        spelling = "".join(self.text[slice(*group)] for group in groups[: _MOST + 1]).translate(_SOFT_NONE)
        if not _FEWEST <= len(spelling.removeprefix("+")) <= _MOST:
            return False
        if spelling[0] == "+" or spelling.startswith("00"):
            number = _number(spelling, self.region, fast=self.fast) if _COUNTRY.match(spelling) else None
        elif self.typed:
            number = self._without_plus(spelling) or _number(spelling, self.region, fast=self.fast)
        else:
            number = None
        if number:
            self._found(groups[0][0], groups[-1][1], number)
        return number is not None

    def _without_plus(self, digits: str) -> _Number | None:
        """A valid number abroad whose + was lost, as in `wa.me/4930...`; ten digits, or every year would be one."""
        number = None
        if len(digits) > 9 and digits[0] != "0" and _COUNTRY.match("+" + digits):
            number = _number("+" + digits, self.region, fast=self.fast)
        return number if number and number.valid else None


def _is_settled(spot: _Spot) -> bool:
    return spot.number.sure and not spot.parted


def _looks_like_one(spelling: str, width: int) -> bool:
    """Whether digits in running text, without a +, are to be taken for a number."""
    return spelling.startswith(("0", "31")) or (width == len(spelling) == 9 and spelling[0] == "6")


def _read(field: Field, region: str, *, fast: bool = True) -> tuple[Sequence[Alternatives], bool]:
    """The numbers in a field, and whether it is a telephone field that cannot be read."""
    reader = _Reader(_spelled(field.text), region, typed=field.kind is FieldKind.PHONE, fast=fast)
    return [spot.alternatives() for spot in reader.spots], reader.unreadable


# --- what fields hold ----------------------------------------------------------------------------------------------


def phones_in(text: str, *, region: str = "NL") -> tuple[Identifier, ...]:
    """Every number in what people typed in a telephone field, each once, in order, with its extension if it has one.

    region: the ISO country whose numbers need no prefix. Never raises. Too short to be an identifier: 112, 14020,
    local numbers without an area code. Not read: numbers spelt with letters (0800-FLOWERS).
    """
    found, _ = _read(Field(FieldKind.PHONE, text), region)
    return tuple(dict.fromkeys(alternatives[0] for alternatives in found))


def alternatives_in(field: Field, *, region: str = "NL", fast: bool = True) -> tuple[Alternatives, ...]:
    """What one field of a card holds: for each number or address all that it may be in the register, best first.

    Both kinds are looked for in every field, since people type an address where a number belongs. In TEXT and EMAIL a
    number must look like one: at least eight digits (or seven and a +), beginning with +, 0, 31 or a bare mobile 6,
    valid or of Dutch shape, and no date. fast=False reads with the library only; same result.
    """
    return _held(field, region, fast=fast)[0]


def _held(field: Field, region: str, *, fast: bool = True) -> tuple[tuple[Alternatives, ...], bool]:
    """As `alternatives_in`, and whether the field also holds what could not be read."""
    if not _MAY_HOLD_ANY.match(field.text):
        return (), False
    phones, unreadable = _read(field, region, fast=fast)
    found = _each_once([*phones, *((address,) for address in emails_in(field.text))])
    return found, unreadable or (field.kind is FieldKind.EMAIL and not found and "@" in _plain(field.text))


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
    found, unreadable = _held(Field(kind, text), region)
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
    return _read(Field(FieldKind.PHONE, text), region)[1]


_AREAS = tuple(
    str(area)
    for tens, ones in ((1, "035"), (2, "0346"), (3, "03568"), (4, "0356"), (5, "0358"), (7, "0123456789"))
    for area in (f"{tens}{one}" for one in ones)
)
"""Dutch area codes of two digits: a number of seven digits lacks one of them."""
_MOST_READ = 200
"""Digits of an unreadable field in which a number is looked for."""
_NEAR_AT = re.compile(r"\s*([@.])\s*")


def may_hold(field: Field) -> tuple[Identifier, ...]:
    """What a person may read in a field that could not be read: every number in the row of its digits, or address.

    A number may stand in it with a group of other digits inside, without its country, its `06` or its area code. What
    is not among these does not stand in the field; so a number that nobody can read holds up the proof of those
    few numbers alone, and of no other.
    """
    if field.kind is FieldKind.EMAIL:
        return emails_in(_NEAR_AT.sub(r"\1", _plain(field.text)).replace(",", ".").replace(";", "."))
    groups = _GROUP.findall(_plain(field.text))
    rows = ["".join(groups)]
    if 2 < len(groups) <= _FEWEST:
        rows += ["".join(groups[:at] + groups[at + 1 :]) for at in range(1, len(groups) - 1)]
    found = {spelling for row in rows for spelling in _spellings_in(row[:_MOST_READ])}
    return tuple(Identifier(IdentifierKind.PHONE, f"tel:+{spelling}") for spelling in sorted(found))


def _spellings_in(row: str) -> Iterator[str]:
    """International numbers without + that stand in a row of digits, in whole or without what a Dutch number lacks."""
    for start in range(len(row)):
        for length in range(_UNREADABLE, min(15, len(row) - start) + 1):
            part = row[start : start + length]
            if length == 9 and part[0] != "0":
                yield "31" + part
            elif length == 8:
                yield "316" + part
            elif length == _UNREADABLE:
                yield from ("31" + area + part for area in _AREAS)
            if part[0] != "0" and _COUNTRY.match("+" + part):
                yield part


@dataclass(frozen=True, slots=True)
class CaseNumbers:
    """The patterns of case numbers in force (regular expressions of the policy; what is slow in them is slow here).

    Raises ValueError for a pattern that is no regular expression.
    """

    patterns: tuple[str, ...]
    _compiled: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_compiled", tuple(re.compile(pattern) for pattern in self.patterns))
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None

    def found_in(self, text: str, *, region: str = "NL") -> bool:
        """Whether a case number stands in the text.

        Never fires on a telephone number or on a part of one, nor on a part of a longer run of digits. A pattern that a
        telephone number fits too (nine digits beginning with 6) does not fire on what reads as that number.
        """
        text = _spelled(text)
        matches = [match.span() for pattern in self._compiled for match in pattern.finditer(text)]
        if not matches:
            return False
        unread = _Reader(text, region, typed=False, fast=True).unread()
        maimed = [run.span() for run in _RUN.finditer(unread) if _begins_like_a_number(run.group())]
        return any(_stands_alone(unread, start, end, maimed) for start, end in matches)


def _begins_like_a_number(run: str) -> bool:
    return run[0] in "+0" and len(run.translate(_SOFT_NONE)) >= _FEWEST


def _stands_alone(unread: str, start: int, end: int, maimed: Sequence[tuple[int, int]]) -> bool:
    """Whether unread[start:end] has digits that belong to no number, and cuts through nothing.

    maimed: in order, the runs that begin like a number and are none (a digit is missing): all of it, or nothing.
    """
    cut = any(_cuts(unread, at) or _inside(maimed, at) for at in (start, end))
    return not cut and _HAS_DIGIT.search(unread, start, end) is not None


def _cuts(unread: str, at: int) -> bool:
    """Whether `at` lies inside a row of digits or inside a number."""
    around = unread[max(0, at - 1) : at + 1]
    return len(around) == 2 and (around.isdecimal() or around == _BLOT * 2)


def _inside(runs: Sequence[tuple[int, int]], at: int) -> bool:
    before = bisect_left(runs, (at,)) - 1
    return before >= 0 and at < runs[before][1]


# --- tokens --------------------------------------------------------------------------------------------------------

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
        lines += _DUTCH_LINE.findall(data.translate(None, _SOFT.encode()))
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
    found, unreadable = _held(field, region)
    groups = tuple(tuple(tokeniser.tokens(alternatives)) for alternatives in found)
    return FieldTokens(groups, unreadable, tuple(tokeniser.tokens(may_hold(field))) if unreadable else ())
