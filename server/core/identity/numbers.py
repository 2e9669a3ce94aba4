"""Telephone numbers: one spelling to its one normal form, and those that stand in a text.

What the library (phonenumberslite) calls possible but not valid (the unassigned 060, 067, 069, a digit too many) is an
identifier all the same, with `verified` false: a false "absent" costs more than a token that matches nothing.

What people put between digits is passed over (`SOFT`: spaces, dashes, dots, slashes). Any other sign (a middle dot, a
comma, a bar, a line break) may part two numbers or stand inside one: it is passed over only where a telephone field
then reads as exactly one number. A telephone field with seven digits or more that reads neither as one number nor as
several whole ones is *unreadable*: a fault in the register, unknown on a card, and never a shortened number. A date is
no number.

The common Dutch spellings are read by one regular expression (`DUTCH_LINE`); the tests prove that it says what
the library says. Everything else is the library's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType, ValidationResult

from mdm_adapters.port import Field, FieldKind
from server.core.identity.email import addresses_in
from server.core.identity.model import Alternatives, Identifier, IdentifierKind
from server.core.identity.spelling import HAS_DIGIT, plain

SOFT = " \t.()[]/_*'\\-"
"""What people put inside a number. Anything else ends it."""
_SOFT_CLASS = "[" + re.escape(SOFT) + "]"
SOFT_NONE = {ord(c): None for c in SOFT}
RUN = re.compile(rf"(?:\+{_SOFT_CLASS}*+)?[0-9](?:{_SOFT_CLASS}*+[0-9])*+")
GROUP = re.compile(r"[0-9]+")

_SIGN = r"[\W_]"
"""Any character that is neither a letter nor a digit, in any script; line breaks too."""
_CHAIN = re.compile(rf"(?:\+{_SIGN}*+)?[0-9](?:{_SIGN}*+[0-9])*+")
"""Digits with nothing but signs between them: they may be one number, or several."""
_NO_DIGITS = re.compile(r"[^0-9]+")
UNREADABLE = 7
"""Digits of a telephone field that are no number: so many may be one, or the end of one."""

FEWEST = 8
"""Characters of a number as typed, + included: 112, 14020, 1850 and local numbers without their area code are not
identifiers; +683 4000 (Niue) is."""
_MOST = 17
"""E.164 has 15 digits; `00` before them makes 17."""

_DUTCH_SPELLING = r"(?:(?:0|(?:\+|00)310?)(?=[1-7]|8[4-8])|(?:310?)?(?=6))([0-9]{9})"
"""A trunk or country prefix and nine digits (or a mobile number without): the national number is group 1. Not 080,
081, 082, 083, 089 and 09, where a shorter number may begin a longer one."""
_DUTCH = re.compile(_DUTCH_SPELLING)
DUTCH_LINE = re.compile(rf"^{_DUTCH_SPELLING}$|^.*$".encode(), re.MULTILINE)
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
COUNTRY = re.compile(r"(?:\+|00)(?:" + "|".join(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)) + ")")


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
            return _Number(e164, valid=True, sure=True) if len(e164) >= FEWEST else None
        if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
            return None
        if e164 == spelling:
            return _Number(e164, valid=False, sure=shaped) if len(e164) > FEWEST else None
        spelling = e164
    return None


# --- in text ---------------------------------------------------------------------------------------------------------

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
_COMPACT_DAY_FIRST = re.compile(r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])(?:19|20)[0-9]{2}")
"""A telephone field that is one of these and nothing else holds a date; the second unless it can be dialled."""
_BEFORE_DATE = re.compile(rf"(?:\+{_SIGN}*+)?[0-9](?:{_SIGN}*[0-9]){{0,5}}{_SIGN}{{0,3}}\Z")
MAY_HOLD_ANY = re.compile(r"(?:[^\d@＠﹫]*+\d){7}|[^@＠﹫]*+[@＠﹫]")
"""A field without seven digits and without an @ holds nothing; most names and notes end here."""
BLOT = "\0"
_FOREIGN = re.compile(rf"[^0-9{re.escape(SOFT)}]")
_WIDEST = 200
"""Characters of a number with signs between its digits, and more between them than a person puts there."""
_SIGNED_GROUP = re.compile(rf"(?:\+{_SOFT_CLASS}*+)?[0-9]+")
_LETTER = re.compile(r"[^\W\d_]")
_APART = rf"(?:[^\w{BLOT}]|_)*[^\w{re.escape(SOFT)}{BLOT}](?:[^\w{BLOT}]|_)*"
_PARTED = re.compile(rf"[0-9]{_APART}{BLOT}|{BLOT}{_APART}[0-9]")
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


def spelled(text: str) -> str:
    """The text in ASCII digits and marks, `tel:` URIs resolved, addresses blanked out."""
    text = plain(text)
    if ":" in text and _URI_SCHEME.search(text):
        text = _URI_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
        text = _URI_OTHER.sub("", _URI_LOCAL.sub(_in_context, text))
    if "/" in text:
        text = _WHATSAPP.sub(r"\1 +", text)
    if "@" not in text:
        return text
    pieces, done = [], 0
    for local, _, start, end in addresses_in(text):
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


class NumberReader:
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
        text = "" if typed and _is_compact_date(text.strip()) else self._without_dates(text)
        if typed and ":" in text:
            text = _COLON.sub("-", text)
        self.text = text
        done = 0
        for run in RUN.finditer(self.text):
            if run.end() > done:
                done = self._read_run(max(run.start(), done), run.end())
        if len(self.spots) > 1:
            self.spots.sort(key=lambda spot: spot.start)
        elif self.spots and self._is_all(self.spots[0]):
            return
        unread = self.unread() if self.spots else text
        if HAS_DIGIT.search(unread) or any(spot.parted or not spot.number.sure for spot in self.spots):
            self._mind_signs(unread)

    def _is_all(self, spot: _Spot) -> bool:
        """Whether a number is surely one and all that the field holds."""
        whole = spot.number.sure and not spot.parted
        return whole and not HAS_DIGIT.search(self.text, 0, spot.start) and not HAS_DIGIT.search(self.text, spot.end)

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
        return FEWEST <= len(spelling) <= _MOST and self._sure(spelling, len(before[0]) + len(date[0])) is not None

    def unread(self) -> str:
        """The text with every number that was found blotted out (`BLOT`), as long as it was."""
        pieces, done = [], 0
        for spot in self.spots:
            pieces += [self.text[done : spot.start], BLOT * (spot.end - spot.start)]
            done = spot.end
        return "".join([*pieces, self.text[done:]])

    def _read_run(self, start: int, end: int) -> int:
        """Read text[start:end]; how far the text was used, since an extension may lie behind the run."""
        spelling = self.text[start:end].translate(SOFT_NONE)
        if len(spelling) < FEWEST:
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
        before = self.text[start:bracket].rstrip(SOFT)
        digits = before.translate(SOFT_NONE)
        if len(digits) < FEWEST or digits[0] not in "+0" or not self._sure(digits, len(before)):
            return 0
        return start + len(before)

    def _sure(self, spelling: str, width: int) -> _Number | None:
        """The number that these digits surely are. width: how much of the text they take, separators included."""
        if spelling[0] == "+" or spelling.startswith("00"):
            if not COUNTRY.match(spelling):
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
        whole = not HAS_DIGIT.search(unread)
        old, self.spots = self.spots, []
        crossed = False
        at = 0
        for chain in _CHAIN.finditer(text):
            start, end = chain.span()
            first = at
            while at < len(old) and old[at].start < end:
                at += 1
            inside = old[first:at]
            if inside and all(map(_is_settled, inside)) and not HAS_DIGIT.search(unread, start, end):
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
        return self._sure(spelling, width) if FEWEST <= len(spelling) <= _MOST else None

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
        if any(map(self._touches_letter, self.spots)):
            return True
        digits = len(_NO_DIGITS.sub("", left))
        if digits == 0:
            return False
        if any(not self._is_bounded(spot) for spot in self.spots) and _PARTED.search(left):
            self.spots = [spot for spot in self.spots if self._is_bounded(spot)]
            return True
        return digits >= UNREADABLE and (bool(self.spots) or len(set(_NO_DIGITS.sub("", left))) > 1)

    def _touches_letter(self, spot: _Spot) -> bool:
        """Whether it is only possible by its length, and a letter stands where a digit may be meant (`06-2345678l`)."""
        if spot.number.sure or spot.extension:
            return False
        return (
            _LETTER.search(self.text[max(0, spot.start - 1) : spot.start] + self.text[spot.end : spot.end + 1])
            is not None
        )

    def _is_bounded(self, spot: _Spot) -> bool:
        """Whether nothing longer begins or ends with it: it has its trunk or country prefix and the Dutch length."""
        return spot.number.e164.startswith("+31") and self.text[spot.start] in "+0"

    # --- without signs

    def _read_groups(self, start: int, end: int) -> None:
        groups = [group.span() for group in GROUP.finditer(self.text, start, end)]
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
            spelling += self.text[slice(*groups[reach])].translate(SOFT_NONE)
            if len(spelling) > _MOST:
                break
            if len(spelling) >= FEWEST:
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
        spelling = "".join(self.text[slice(*group)] for group in groups[: _MOST + 1]).translate(SOFT_NONE)
        if not FEWEST <= len(spelling.removeprefix("+")) <= _MOST:
            return False
        if spelling[0] == "+" or spelling.startswith("00"):
            number = _number(spelling, self.region, fast=self.fast) if COUNTRY.match(spelling) else None
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
        if len(digits) > 9 and digits[0] != "0" and COUNTRY.match("+" + digits):
            number = _number("+" + digits, self.region, fast=self.fast)
        return number if number and number.valid else None


def _is_compact_date(text: str) -> bool:
    if _COMPACT_DATE.fullmatch(text):
        return True
    return _COMPACT_DAY_FIRST.fullmatch(text) is not None and _DUTCH_VALID.fullmatch(text) is None


def _is_settled(spot: _Spot) -> bool:
    return spot.number.sure and not spot.parted


def _looks_like_one(spelling: str, width: int) -> bool:
    """Whether digits in running text, without a +, are to be taken for a number."""
    return spelling.startswith(("0", "31")) or (width == len(spelling) == 9 and spelling[0] == "6")


def hides_digits(field: Field) -> bool:
    """Whether a telephone field without a number holds seven digits or more, circled or raised ones counted."""
    if field.kind is not FieldKind.PHONE or field.text.isascii():
        return False
    return sum(map(str.isdigit, field.text)) >= UNREADABLE


def read_numbers(field: Field, region: str, *, fast: bool = True) -> tuple[Sequence[Alternatives], bool]:
    """The numbers in a field, and whether it is a telephone field that cannot be read."""
    reader = NumberReader(spelled(field.text), region, typed=field.kind is FieldKind.PHONE, fast=fast)
    return [spot.alternatives() for spot in reader.spots], reader.unreadable or (
        not reader.spots and hides_digits(field)
    )
