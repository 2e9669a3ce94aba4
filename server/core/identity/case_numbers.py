"""Case numbers in a text, by the patterns of the policy, and never inside a telephone number."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.core.identity.numbers import BLOT, FEWEST, RUN, SOFT_NONE, NumberReader, spelled
from server.core.identity.spelling import HAS_DIGIT


@dataclass(frozen=True, slots=True)
class CaseNumberFinder:
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
        text = spelled(text)
        matches = [match.span() for pattern in self._compiled for match in pattern.finditer(text)]
        if not matches:
            return False
        unread = NumberReader(text, region, typed=False, fast=True).unread()
        maimed = [run.span() for run in RUN.finditer(unread) if _begins_like_a_number(run.group())]
        return any(_stands_alone(unread, start, end, maimed) for start, end in matches)


def _begins_like_a_number(run: str) -> bool:
    return run[0] in "+0" and len(run.translate(SOFT_NONE)) >= FEWEST


def _stands_alone(unread: str, start: int, end: int, maimed: Sequence[tuple[int, int]]) -> bool:
    """Whether unread[start:end] has digits that belong to no number, and cuts through nothing.

    maimed: in order, the runs that begin like a number and are none (a digit is missing): all of it, or nothing.
    """
    cut = any(_cuts(unread, at) or _inside(maimed, at) for at in (start, end))
    return not cut and HAS_DIGIT.search(unread, start, end) is not None


def _cuts(unread: str, at: int) -> bool:
    """Whether `at` lies inside a row of digits or inside a number."""
    around = unread[max(0, at - 1) : at + 1]
    return len(around) == 2 and (around.isdecimal() or around == BLOT * 2)


def _inside(runs: Sequence[tuple[int, int]], at: int) -> bool:
    before = bisect_left(runs, (at,)) - 1
    return before >= 0 and at < runs[before][1]
