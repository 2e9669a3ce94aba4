"""`deploy/ASVS.md` has each requirement of levels 1 and 2 once, and what it names exists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "ASVS.md").read_text("utf-8")
STATUS = {"met", "partly", "operator", "not met", "does not apply"}
NUMBERS = """
1.1: 1 2
1.2: 1 2 3 4 5 6 7 8 9
1.3: 1 2 3 4 5 6 7 8 9 10 11
1.4: 1 2 3
1.5: 1 2
2.1: 1 2 3
2.2: 1 2 3
2.3: 1 2 3 4
2.4: 1
3.2: 1 2
3.3: 1 2 3 4
3.4: 1 2 3 4 5 6
3.5: 1 2 3 4 5
3.7: 1 2
4.1: 1 2 3
4.2: 1
4.3: 1 2
4.4: 1 2 3 4
5.1: 1
5.2: 1 2 3
5.3: 1 2
5.4: 1 2 3
6.1: 1 2 3
6.2: 1 2 3 4 5 6 7 8 9 10 11 12
6.3: 1 2 3 4
6.4: 1 2 3 4
6.5: 1 2 3 4 5
6.6: 1 2 3
6.8: 1 2 3 4
7.1: 1 2 3
7.2: 1 2 3 4
7.3: 1 2
7.4: 1 2 3 4 5
7.5: 1 2
7.6: 1 2
8.1: 1 2
8.2: 1 2 3
8.3: 1
8.4: 1
9.1: 1 2 3
9.2: 1 2 3 4
10.1: 1 2
10.2: 1 2
10.3: 1 2 3 4
10.4: 1 2 3 4 5 6 7 8 9 10 11
10.5: 1 2 3 4 5
10.6: 1 2
10.7: 1 2 3
11.1: 1 2
11.2: 1 2 3
11.3: 1 2 3
11.4: 1 2 3 4
11.5: 1
11.6: 1
12.1: 1 2 3
12.2: 1 2
12.3: 1 2 3 4
13.1: 1
13.2: 1 2 3 4 5
13.3: 1 2
13.4: 1 2 3 4 5
14.1: 1 2
14.2: 1 2 3 4
14.3: 1 2 3
15.1: 1 2 3
15.2: 1 2 3
15.3: 1 2 3 4 5 6 7
16.1: 1
16.2: 1 2 3 4 5
16.3: 1 2 3 4
16.4: 1 2 3
16.5: 1 2 3
17.1: 1
17.2: 1 2 3 4
17.3: 1 2
"""
"""The requirements of levels 1 and 2 of ASVS 5.0.0, by section."""


def rows() -> list[tuple[list[str], str, str, str]]:
    """Of each row its numbers, what they ask, how it stands and by what."""
    found = re.findall(r"^\| (\d[\d., ]*) \| (.*?) \| (.*?) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
    return [(numbers.split(", "), asks, status, by) for numbers, asks, status, by in found]


def test_each_requirement_of_levels_1_and_2_stands_there_once():
    wanted = [
        f"{section}.{number}"
        for section, numbers in (line.split(": ") for line in NUMBERS.split("\n") if line)
        for number in numbers.split()
    ]
    told = [number for numbers, *_ in rows() for number in numbers]
    assert len(wanted) == 253
    assert sorted(told) == sorted(wanted)


def test_every_row_says_how_it_stands_in_few_words():
    assert {status for _, _, status, _ in rows()} <= STATUS
    assert [numbers for numbers, asks, *_ in rows() if not 0 < len(asks.split()) <= 12] == []


def test_whatever_is_met_is_met_by_something_that_can_be_looked_at():
    assert [
        numbers
        for numbers, _, status, by in rows()
        if status == "met"
        and "::test_" not in by
        and "by construction: " not in by
        and "deploy/INVENTORY.md" not in by
        and by not in ("the same tests",)
    ] == []


def test_every_file_and_test_that_is_named_exists():
    named = set(re.findall(r"`((?:server|mdm_adapters|agent_policies|deploy|tests)/[^`]*|SECURITY\.md)`", PAGE))
    assert len(named) > 150
    assert sorted(each for each in named if not _exists(each)) == []


def _exists(named: str) -> bool:
    path, _, test = named.partition("::")
    file = ROOT / path
    return file.exists() and (not test or f"def {test}(" in _text(file))


@cache
def _text(file: Path) -> str:
    return file.read_text("utf-8")
