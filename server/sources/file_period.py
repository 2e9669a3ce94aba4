"""Of which days a file says that it is, in its name or in a line above its header; its rows are not looked at.

A form is text with `%Y`, `%y`, `%m`, `%d`, `%B` (a month's name, in Dutch or English) and `%q` (a quarter); with two
days or months in it, from the first to the last.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import TypeAlias

Days: TypeAlias = tuple[date, date]
"""The first and the last day."""

_MONTHS = (
    ("januari", "january", "jan"),
    ("februari", "february", "feb"),
    ("maart", "march", "mrt", "mar"),
    ("april", "apr"),
    ("mei", "may"),
    ("juni", "june", "jun"),
    ("juli", "july", "jul"),
    ("augustus", "august", "aug"),
    ("september", "sept", "sep"),
    ("oktober", "october", "okt", "oct"),
    ("november", "nov"),
    ("december", "dec"),
)
_NAMES: Mapping[str, int] = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names}
_PARTS: Mapping[str, str] = {
    "Y": r"(\d{4})",
    "y": r"(\d\d)",
    "m": r"(\d\d?)",
    "d": r"(\d\d?)",
    "q": r"([1-4])",
    "B": "(" + "|".join(sorted(_NAMES, key=len, reverse=True)) + ")",
}
_DIRECTIVE = re.compile(r"%(.)")


def sound_form(form: str) -> bool:
    """Whether a form says of which days something is."""
    return bool(_groups(list(_DIRECTIVE.findall(form))))


def days_in(text: str, forms: Iterable[str]) -> frozenset[Days]:
    """Every period that some form finds in a text; more than one: the text does not say which is meant."""
    found: set[Days] = set()
    for form in forms:
        pattern, groups = _compiled(form)
        for match in pattern.finditer(text):
            days = _days(groups, match.groups())
            if days is not None:
                found.add(days)
    return frozenset(found)


def _groups(codes: list[str]) -> list[list[str]]:
    """The directives as one or two days, months, quarters or years; empty: they are none."""
    if not codes or set(codes) - _PARTS.keys():
        return []
    for groups in ([codes], [codes[: len(codes) // 2], codes[len(codes) // 2 :]]):
        if all(_is_one(group) for group in groups):
            return groups
    # 1 t/m 31 oktober 2026: the first has a day only, and the rest from the last.
    return [codes[:1], codes[1:]] if codes[0] == "d" and _is_one(codes[1:]) and "d" in codes[1:] else []


def _is_one(codes: list[str]) -> bool:
    year = sum(code in "Yy" for code in codes)
    month = sum(code in "mB" for code in codes)
    day, quarter = codes.count("d"), codes.count("q")
    return year == 1 and ((month, day, quarter) in {(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 0, 1)})


@cache
def _compiled(form: str) -> tuple[re.Pattern[str], list[list[str]]]:
    codes = _DIRECTIVE.findall(form)
    # Where nothing stands between the parts each has all its digits.
    tight = re.compile(r"%[YymdqB](?=%)|(?<=%[YymdqB])%[md]").search(form) is not None
    pattern = ""
    for at, piece in enumerate(_DIRECTIVE.split(form)):
        if at % 2:
            pattern += r"(\d\d)" if tight and piece in "md" else _PARTS[piece]
        else:
            pattern += r"\s*".join(re.escape(word) for word in re.split(r"\s+", piece))
    # 2026-10 in 2026-10-05 is no month: that file may have been made on that day.
    return re.compile(rf"(?<!\d)(?<!\d[-./]){pattern}(?![-./]?\d)", re.IGNORECASE), _groups(codes)


def _days(groups: list[list[str]], texts: Iterable[str]) -> Days | None:
    rest = list(texts)
    spans: list[dict[str, str]] = []
    for group in groups:
        spans.append(dict(zip(group, rest, strict=False)))
        rest = rest[len(group) :]
    spans[0] = {**spans[-1], **spans[0]} if set(spans[0]) == {"d"} else spans[0]
    try:
        first, last = _span(spans[0])[0], _span(spans[-1])[1]
    except ValueError:
        return None
    return (first, last) if first <= last else None


def _span(parts: Mapping[str, str]) -> Days:
    year = int(parts["Y"]) if "Y" in parts else 2000 + int(parts["y"])
    if "q" in parts:
        month = int(parts["q"]) * 3
        return date(year, month - 2, 1), date(year, month, monthrange(year, month)[1])
    if "m" not in parts and "B" not in parts:
        return date(year, 1, 1), date(year, 12, 31)
    month = int(parts["m"]) if "m" in parts else _NAMES[parts["B"].casefold()]
    if "d" in parts:
        return date(year, month, int(parts["d"])), date(year, month, int(parts["d"]))
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])
