"""Tokens of telephone fields per second on one core, beside the library used the plain way; it measures, no more.

The mix (`MIX`) is ours and published here: 92 % common Dutch spellings, 8 % odd or foreign ones. The peer is
`phonenumbers.parse` + `format_number(E164)` + `hmac.digest`, which reads one number at best and gives up on some
fields; ours reads all numbers of every field. Run: `python -m tests.benchmarks.bench_identity`.
"""

from __future__ import annotations

import hmac
import json
import platform
import random
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import phonenumbers

from server.core.identity.tokens import Tokeniser, tokens_of_phones

KEY = b"a key for measuring, 32 bytes up"

MIX: tuple[tuple[float, str], ...] = (
    (30.0, "06-{a}"),
    (18.0, "06{a}"),
    (16.0, "+316{a}"),
    (10.0, "+31 6 {a}"),
    (6.0, "06 {a:2}"),
    (5.0, "020-{b}"),
    (3.0, "00316{a}"),
    (2.0, "+31 (0)6 {a}"),
    (2.0, "(020) {b}"),
    (1.0, "06-{a} (moeder)"),
    (1.0, "school 020-{b}"),
    (1.0, "06-{a} / 06-{c}"),
    (0.5, "020-{b} tst 12"),
    (0.5, "+31 20 {b} x12"),
    (1.0, "+49 30 {b}"),
    (1.0, "0032 470 {d}"),
    (1.0, "067-{b}"),
    (0.5, "０６{a:wide}"),
    (0.3, "112"),
    (0.2, ""),
)
"""Per cent, and the spelling. a, c: eight digits that begin with 5; b: seven; d: six."""


def spellings(count: int, seed: int = 7) -> list[str]:
    """`count` telephone fields in the shares of `MIX`, shuffled, the same for the same seed."""
    dice = random.Random(seed)
    shapes = dice.choices([shape for _, shape in MIX], [share for share, _ in MIX], k=count)
    return [_spell(shape, dice) for shape in shapes]


def _spell(shape: str, dice: random.Random) -> str:
    a, c = (f"5{dice.randrange(10**7):07}" for _ in range(2))
    pairs = " ".join(a[at : at + 2] for at in range(0, 8, 2))
    wide = a.translate({0x30 + digit: 0xFF10 + digit for digit in range(10)})
    text = shape.replace("{a:2}", pairs).replace("{a:wide}", wide).replace("{a}", a).replace("{c}", c)
    return text.replace("{b}", f"5{a[1:7]}").replace("{d}", f"5{a[1:6]}")


def by_the_library(texts: Sequence[str]) -> list[bytes | None]:
    """The peer: one number per field, straight through the library."""
    tokens: list[bytes | None] = []
    for text in texts:
        try:
            number = phonenumbers.parse(text, "NL")
        except phonenumbers.NumberParseException:
            tokens.append(None)
            continue
        normal = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        tokens.append(hmac.digest(KEY, normal.encode(), "sha256"))
    return tokens


def _per_second(work: Callable[[], object], count: int) -> float:
    start = time.process_time()
    work()
    return count / (time.process_time() - start)


def run(count: int = 20_000, rounds: int = 7) -> dict[str, object]:
    """Fields per second of processor time, median of interleaved rounds, and their ratio."""
    texts, tokeniser = spellings(count), Tokeniser(KEY)
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(_per_second(lambda: tokens_of_phones(texts, tokeniser), count))
        peer.append(_per_second(lambda: by_the_library(texts), count))
    return {
        "name": "tokens of telephone fields",
        "unit": "fields per second, one core",
        "ours_per_second": round(median(ours)),
        "peer": f"phonenumberslite {phonenumbers.__version__}: parse, format E164, hmac.digest",
        "peer_per_second": round(median(peer)),
        "ratio": round(median(ours) / median(peer), 2),
        "fields": count,
        "rounds": rounds,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
