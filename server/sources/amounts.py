"""What the text of a cell with an amount or a duration comes to, in whole counting units; rows are not known here.

A sign that may stand before thousands or before decimals is never guessed: the mapping says which it is, or the
amount is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from server.sources import usage_mapping
from server.sources.cells import MISSING, Bad
from server.sources.rows import Problem
from server.sources.usage_mapping import Amount, Corrections, Thousands, Unit, UsageMapping

NUMERIC = "\0"
"""Before the text of a cell that a workbook keeps as a number."""
_MOST = 10**12
"""No sum of a day comes near this many seconds, bytes or pieces."""
_FACTORS: Mapping[Unit, int] = {
    Unit.PIECES: 1,
    Unit.SECONDS: 1,
    Unit.MINUTES: 60,
    Unit.BYTES: 1,
    Unit.KILOBYTES: 1_000,
    Unit.MEGABYTES: 1_000_000,
}
_SIGNS = {"comma": ",", "point": ".", "space": " ", "apostrophe": "'", "none": ""}
_OTHER = {",": ".", ".": ","}
_CLOCK = re.compile(r"(?:(\d+) days?, )?(?:(\d{1,3}):)?(\d{1,3}):(\d\d)(?:[.,]\d{1,6})?")
_HOURS = re.compile(r"(\d{1,4}):(\d\d)(?::00)?")
_SPELLED = re.compile(
    r"(?=.)(?:(\d+) ?(?:hours?|hrs?|uren|uur|u|h))? ?(?:(\d+) ?(?:minutes?|minuten|minuut|mins?|m))? ?"
    r"(?:(\d+) ?(?:seconds?|seconden|seconde|secs?|s))?\.?",
    re.IGNORECASE,
)
_ISO = re.compile(r"PT(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?", re.IGNORECASE)
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_QUOTES = str.maketrans({"\u2019": "'", "\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " "})


def amount_of(mapping: UsageMapping, amount: Amount) -> Callable[[str], int | Bad]:
    """Reads the cells of an amount of a mapping; an empty cell is missing, unless the column itself may be."""
    empty: int | Bad = 0 if amount.column is not None and amount.column.optional else MISSING
    decimal = amount.decimal or mapping.decimal
    thousands = amount.thousands or mapping.thousands
    signs = _signs(decimal, thousands)
    negative = mapping.corrections is Corrections.SUBTRACT
    wrong = Bad(Problem.NOT_AN_AMOUNT, unit=amount.unit.value)

    def parse(cell: str) -> int | Bad:
        text = cell.strip().translate(_QUOTES)
        if not text:
            return empty
        below = text.startswith(("-", NUMERIC + "-")) or (text.endswith("-") and len(text) > 1)
        if below:
            if not negative:
                return Bad(Problem.NEGATIVE_AMOUNT)
            text = text.replace("-", "", 1) if not text.endswith("-") else text[:-1]
        found = _of(text.strip(), amount.unit, signs)
        if isinstance(found, Bad):
            return found
        return wrong if found is None or found > _MOST else -found if below else found

    return parse


def pieces(cell: str) -> int | Bad | None:
    """A plain number of pieces; None: an empty cell."""
    text = cell.strip().removeprefix(NUMERIC)
    if not text:
        return None
    if text.startswith("-"):
        return Bad(Problem.NEGATIVE_AMOUNT)
    found = _number(text.replace(",", "."), Unit.PIECES)
    return Bad(Problem.NOT_AN_AMOUNT, unit=Unit.PIECES.value) if found is None or found > _MOST else found


def _signs(decimal: usage_mapping.Decimal | None, thousands: Thousands | None) -> tuple[str | None, str | None]:
    """The signs before decimals and between thousands; None: not said. "" between thousands: there is none."""
    before = None if decimal is None else _SIGNS[decimal.value]
    between = None if thousands is None else _SIGNS[thousands.value]
    if before is None and between in _OTHER:
        before = _OTHER[between]
    return before, between


def _of(text: str, unit: Unit, signs: tuple[str | None, str | None]) -> int | Bad | None:
    if unit is Unit.CLOCK:
        return _clock(text)
    if unit is Unit.HOURS_MINUTES:
        found = _HOURS.fullmatch(text)
        return (int(found[1]) * 60 + int(found[2])) * 60 if found and int(found[2]) < 60 else None
    if text.startswith(NUMERIC):
        return _number(text[1:], unit)
    plain = _plain(text, *signs)
    return plain if isinstance(plain, Bad) else None if plain is None else _number(plain, unit)


def _plain(text: str, before: str | None, between: str | None) -> str | Bad | None:
    """A number with a point before its decimals and no other sign; None: it is none."""
    if text.isdigit():
        return text
    found = _meant(text, before, between)
    if not isinstance(found, tuple):
        return found
    before, between = found
    whole, sign, rest = text.partition(before)
    if sign and not rest.isdigit():
        return None
    if between and between in whole:
        first, *groups = whole.split(between)
        if not (0 < len(first) <= 3) or any(len(group) != 3 for group in groups):
            return None
        whole = first + "".join(groups)
    return f"{whole}.{rest}" if sign else whole


def _meant(text: str, before: str | None, between: str | None) -> tuple[str, str] | Bad | None:
    """What the signs in a number mean: that before decimals, and that between thousands ("": none)."""
    comma, point = "," in text, "." in text
    last = "," if text.rfind(",") > text.rfind(".") else "."
    if before is not None:
        other = _OTHER[before]
        if between is None and _AMBIGUOUS.fullmatch(text) and other in text:
            return Bad(Problem.AMBIGUOUS_AMOUNT)
        undeclared = other if text.count(other) > 1 or before in text else ""
        return before, undeclared if between is None else between
    if between is not None:  # no sign, or one that is no sign for decimals
        return None if comma and point else (last, between)
    if _AMBIGUOUS.fullmatch(text):
        return Bad(Problem.AMBIGUOUS_AMOUNT)
    if comma and point:
        return last, _OTHER[last]
    return (_OTHER[last], last) if text.count(last) > 1 else (last, "")


def _clock(text: str) -> int | None:
    """4:31, 1:04:31, 4m 31s, 271 sec and PT4M31S in seconds; a bare number is none."""
    parts = _CLOCK.fullmatch(text)
    if parts is not None:
        if int(parts[4]) > 59 or (parts[2] is not None and int(parts[3]) > 59):
            return None
        return ((int(parts[1] or 0) * 24 + int(parts[2] or 0)) * 60 + int(parts[3])) * 60 + int(parts[4])
    spelled = _ISO.fullmatch(text) or _SPELLED.fullmatch(text)
    if spelled is None or not any(spelled.groups()):
        return None
    hours, minutes, seconds = (int(part or 0) for part in spelled.groups())
    return (hours * 60 + minutes) * 60 + seconds


def _number(text: str, unit: Unit) -> int | None:
    if not text.isascii():
        return None
    try:
        value = Decimal(text) * _FACTORS[unit]
    except InvalidOperation:
        return None
    whole = value.is_finite() and (unit is not Unit.PIECES or value == value.to_integral_value())
    return int(value) if whole else None
