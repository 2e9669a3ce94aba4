"""What taking governed identifiers out of one entry means, decided from its fields alone; no format or vendor here.

An entry is a row of lines: what can be cut from it in one piece. A line holds one or more fields. What counts as
private content is said in `content.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_
from typing import NamedTuple

from mdm_adapters.content import is_placeholder
from mdm_adapters.port import Field, Reading, Rest, Shape, Token, Unread, content_of

MAX_TEXT = 256 * 1024
"""Characters in all fields together, pictures not counted: what is longer is no contact and costs minutes to match."""
MAX_FIELDS = 2_000


@dataclass(frozen=True, slots=True)
class CardField:
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
class OwnerUnsure(Unclear):
    """Every identifier is to go, and there is more, which may be private: its owner has not said."""


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
    OwnerUnsure: Shape.ASK,
}


def _nothing(_: set[int]) -> set[int]:
    return set()


class Judged(NamedTuple):
    """What an entry is to us, in the order of the fields of `port.Entry` that say so."""

    shape: Shape
    tokens: frozenset[Token] = frozenset()
    unread: tuple[Unread, ...] = ()
    content: bytes = b""


def judge_spots(
    spots: Sequence[CardField],
    readings: Sequence[Reading],
    *,
    several: bool = False,
    more: bool = False,
    along: Along = _nothing,
) -> Judged | None:
    """What removing all governed identifiers of an entry would mean, and which they are; None: the entry is private.

    `readings`: one for each of `spots`, in order; ValueError if they are not as many. more: it holds private content
    besides its identifiers (`content.py`).
    """
    tokens = _governed(spots, readings)
    unread = tuple({each.unread.mark: each.unread for each in readings if each.unread}.values())
    shape = None
    if tokens:
        shape = _SHAPES[type(plan_lines(spots, readings, tokens, several=several, more=more, along=along))]
    elif any(reading.case_number for reading in readings):
        shape = Shape.CASE_NUMBER
    elif unread:
        shape = Shape.FIELD_UNREAD
    if shape is None:
        return None
    asked = shape is Shape.ASK or unread
    return Judged(shape, tokens, unread, content_of([spot.field for spot in spots]) if asked else b"")


def plan_lines(
    spots: Sequence[CardField],
    readings: Sequence[Reading],
    tokens: frozenset[Token],
    *,
    several: bool = False,
    more: bool = False,
    rest: Rest = Rest.UNSAID,
    along: Along = _nothing,
) -> LinePlan:
    """How to take `tokens` out of an entry. Other governed identifiers, of a client whose case is open, stay in it.

    The entry goes only if every identifier in it is among `tokens`, wherever it stands, and it holds no more than a
    name; if it does, `rest` decides, which its owner said. One identifier that is unknown keeps it alive: then the
    lines are cut. several: the entry stands for several people.
    """
    governed = _governed(spots, readings)
    if not governed & tokens:
        return NothingLeft()
    if several:
        return Unclear()
    if governed <= tokens and not any(map(_unknown, spots, readings)):
        if not more or rest is Rest.GOES:
            return Delete()
        if rest is Rest.UNSAID:
            return OwnerUnsure()
    return _cut(spots, readings, tokens, along)


def _cut(spots: Sequence[CardField], readings: Sequence[Reading], tokens: frozenset[Token], along: Along) -> LinePlan:
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


def _governed(spots: Sequence[CardField], readings: Sequence[Reading]) -> frozenset[Token]:
    if len(readings) != len(spots):
        raise ValueError("one reading for each field")
    return frozenset(token for reading in readings for token in reading.tokens)


def _unknown(spot: CardField, reading: Reading) -> bool:
    """Whether a field holds an identifier that the register does not know."""
    if spot.identifying and not reading.tokens:
        return not is_placeholder(spot.field.text)
    return reading.other
