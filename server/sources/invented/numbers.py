"""The numbers and addresses of invented people, and how somebody may have typed them; nothing of cases or books.

All are valid to the phone library, as real ones are, and visibly invented: clients 06-1234 xxxx, then other blocks that
start with 12 and 13, private contacts 06-43.. and 06-42.., colleagues 06-5555 xxxx, professionals 020-123 xxxx, foreign
ones the Belgian 0470-12 xx xx. (Numbers kept for drama would be safer still, but are invalid to the library.)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

SWITCHBOARD = "+31201239999"
"""The organisation's own line."""
_CLIENT_BLOCKS = (
    *("1234", "1212", "1221", "1313", "1331", "1323", "1232"),
    *(f"1{second}{digit}{digit}" for digit in "0123456789" for second in "23"),
)
_PRIVATE_BLOCKS = (
    *("4321", "4343", "4334", "4242", "4224"),
    *(f"4{second}{digit}{digit}" for digit in "0156789" for second in "32"),
)
_PRIVATE_EACH = 500


def _blocks(first: Sequence[str], lead: str) -> Iterator[str]:
    """Blocks of 10,000 numbers: the patterned ones, then every other that starts with `lead`."""
    known = dict.fromkeys(first)
    yield from known
    yield from (block for block in (f"{lead}{rest:03}" for rest in range(1000)) if block not in known)


def client_numbers() -> Iterator[str]:
    """Dutch mobile numbers in E.164, without end in practice (10 million); 7919 only makes neighbours differ."""
    for block in _blocks(_CLIENT_BLOCKS, "1"):
        for index in range(10_000):
            yield f"+316{block}{(index * 7919 + 5601) % 10_000:04}"


def private_numbers(worker: int) -> Iterator[str]:
    """Numbers of private contacts of the worker of this index, 500 of its own."""
    blocks = list(_blocks(_PRIVATE_BLOCKS, "4"))
    for nth in range(_PRIVATE_EACH):
        place = worker * _PRIVATE_EACH + nth
        yield f"+316{blocks[place // 10_000 % len(blocks)]}{place * 7919 % 10_000:04}"


def foreign_number(nth: int) -> str:
    """A Belgian mobile number, 0470-12 xx xx: one may serve two households, as numbers do."""
    return f"+3247012{nth * 37 % 10_000:04}"


def colleague_number(worker: int) -> str:
    """The work number of the worker of this index."""
    return f"+3165555{worker % 10_000:04}"


def professional_number(nth: int) -> str:
    """The line of a professional or chain partner."""
    return f"+31{'20' if nth < 9_000 else '10'}123{nth % 9_000:04}"


_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

_Spelling = Callable[[str, str], str]
"""From the national number without its 0 (612345678) and its E.164 form to how somebody typed it."""

DUTCH_SPELLINGS: tuple[_Spelling, ...] = (
    lambda n, _: f"0{n}",
    lambda n, _: f"0{n[0]}-{n[1:]}",
    lambda n, _: f"0{n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:]}",
    lambda _, e: e,
    lambda n, _: f"+31 {n[0]} {n[1:]}",
    lambda n, _: f"+31 (0){n[0]} {n[1:5]} {n[5:]}",
    lambda n, _: f"0031{n}",
    lambda n, _: f"0031 {n[0]} {n[1:5]} {n[5:]}",
    lambda n, _: f"0{n[0]}.{n[1:3]}.{n[3:5]}.{n[5:7]}.{n[7:]}",
    lambda n, _: f"0{n[0]}-{n[1:]} (moeder)",
    lambda n, _: f"tel. 0{n[0]} {n[1:5]} {n[5:]}",
    lambda n, _: f"0{n[0]}-{n[1:]} werk",
    lambda n, _: f"0{n}".translate(_FULL_WIDTH),
    lambda n, _: f"+31(0){n}",
    lambda n, _: f"0{n[0]}-{n[1:]} ext. 12",
    lambda n, _: f"0{n[0]}\u00a0{n[1:5]}\u00a0{n[5:]}",
    lambda n, e: f"\u202a{e[:3]} {n[0]} {n[1:]}\u202c",
)
"""How people type a Dutch number; the first eight are ordinary, the others make up some 8% of a book."""
_ORDINARY = 8


def spell(identifier: str, rng: random.Random, *, odd: float = 0.08) -> str:
    """A number or address as somebody may have typed it. identifier: its normal form."""
    if "@" in identifier:
        return rng.choice((identifier, identifier, identifier.capitalize(), identifier.upper()))
    if not identifier.startswith("+31"):
        return rng.choice((identifier, f"00{identifier[1:]}", f"{identifier[:3]} {identifier[3:6]} {identifier[6:]}"))
    pool = DUTCH_SPELLINGS[_ORDINARY:] if rng.random() < odd else DUTCH_SPELLINGS[:_ORDINARY]
    return pool[rng.randrange(len(pool))](identifier[3:], identifier)
