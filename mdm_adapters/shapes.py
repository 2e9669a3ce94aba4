"""What taking governed identifiers out of one entry means, decided from its fields alone; no format or vendor here.

An entry is a row of lines: what can be cut from it in one piece. A line holds one or more fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_

from mdm_adapters.port import Field, Reading, Shape, Token

MAX_TEXT = 256 * 1024
"""Characters in all fields together, pictures not counted: what is longer is no contact and costs minutes to match."""
MAX_FIELDS = 2_000


@dataclass(frozen=True, slots=True)
class Spot:
    """One field of an entry and where it stands. identifying: it is there to reach somebody, so its line can be cut."""

    line: int
    field: Field = field_(repr=False)
    identifying: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """Every identifier in the entry is to go: the entry goes."""


@dataclass(frozen=True, slots=True)
class CutLines:
    """These lines are to go, by number, and nothing else."""

    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class Unclear:
    """It cannot be done without touching what is private or another's."""


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """None of what is to go is in the entry."""


LinePlan = Delete | CutLines | Unclear | NothingLeft
Along = Callable[[set[int]], set[int]]
"""The lines that make no sense, or tell, once those given are gone: labels."""

_SHAPES: Mapping[type[LinePlan], Shape] = {
    Delete: Shape.WHOLE,
    CutLines: Shape.MIXED,
    Unclear: Shape.UNCLEAR,
}


def _nothing(_: set[int]) -> set[int]:
    return set()


def judge_spots(
    spots: Sequence[Spot], readings: Sequence[Reading], *, several: bool = False, along: Along = _nothing
) -> tuple[Shape, frozenset[Token]] | None:
    """What removing all governed identifiers of an entry would mean, and which they are; None: the entry is private.

    `readings`: one for each of `spots`, in order; ValueError if they are not as many.
    """
    tokens = _governed(spots, readings)
    if tokens:
        return _SHAPES[type(plan_lines(spots, readings, tokens, several=several, along=along))], tokens
    if any(reading.case_number for reading in readings):
        return Shape.CASE_NUMBER, tokens
    return None


def plan_lines(
    spots: Sequence[Spot],
    readings: Sequence[Reading],
    tokens: frozenset[Token],
    *,
    several: bool = False,
    along: Along = _nothing,
) -> LinePlan:
    """How to take `tokens` out of an entry. Other governed identifiers, of a client whose case is open, stay in it.

    The entry goes only if every identifier in it is among `tokens`, wherever it stands; a name or a note alone keeps
    nothing alive, but one number that is unknown does. several: the entry stands for several people.
    """
    governed = _governed(spots, readings)
    if not governed & tokens:
        return NothingLeft()
    if several:
        return Unclear()
    if governed <= tokens and not any(map(_private, spots, readings)):
        return Delete()
    doomed: set[int] = set()
    spoken: set[int] = set()
    for spot, reading in zip(spots, readings, strict=True):
        if not tokens.isdisjoint(reading.tokens):
            (doomed if spot.identifying else spoken).add(spot.line)
    for spot, reading in zip(spots, readings, strict=True):
        if spot.line in doomed and (reading.other or not tokens.issuperset(reading.tokens)):
            return Unclear()
    doomed |= along(doomed)
    return Unclear() if spoken - doomed else CutLines(frozenset(doomed))


def _governed(spots: Sequence[Spot], readings: Sequence[Reading]) -> frozenset[Token]:
    if len(readings) != len(spots):
        raise ValueError("one reading for each field")
    return frozenset(token for reading in readings for token in reading.tokens)


def _private(spot: Spot, reading: Reading) -> bool:
    return reading.other or (spot.identifying and not reading.tokens)
