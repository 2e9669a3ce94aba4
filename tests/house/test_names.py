"""Names that were dropped stay gone, and a name means one thing: a class is defined in one module.

`dropped.txt` has what is gone, each line with its kind and what is said instead; `names_twice.txt` has the classes that
still stand in two modules or more. Whoever drops a name adds a line to the first, and takes one out of the second.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KINDS = ("identifier", "file", "phrase")
OWN = {"tests/house/dropped.txt", "tests/house/names_twice.txt", "CHANGELOG.md"}
"""Where dropped names may stand: in the lists themselves, and where the past is told."""


@lru_cache
def files() -> list[str]:
    """Every file that belongs to the project, of which there is one."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:  # unpacked from an archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
        return [name for name in names if not re.search(r"(^|/)(\.|__pycache__)", name)]
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def dropped(kind: str) -> dict[str, str]:
    """Of a kind: what is gone, and what is said instead."""
    lines = (HERE / "dropped.txt").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert all(len(row) == 3 and row[0] in KINDS for row in rows), "kind, what is gone, what is said instead"
    return {gone: instead for each, gone, instead in rows if each == kind}


@lru_cache
def python() -> dict[str, str]:
    """Source by file, but for migrations, which are never edited."""
    return {
        name: (ROOT / name).read_text("utf-8")
        for name in files()
        if name.endswith(".py") and "/migrations/versions/" not in name
    }


@lru_cache
def identifiers() -> dict[str, set[str]]:
    """Every name of code, and the files that it stands in."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, text in python().items():
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                found[token.string].add(name)
    return found


def test_the_list_of_dropped_names_is_sorted_and_has_each_once() -> None:
    lines = [line for line in (HERE / "dropped.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
    assert all(dropped(kind) for kind in KINDS)


def test_no_dropped_identifier_is_in_the_code() -> None:
    assert {gone: identifiers()[gone] for gone in dropped("identifier") if gone in identifiers()} == {}


def test_no_dropped_file_is_there_or_named() -> None:
    gone = dropped("file")
    assert set(gone) & set(files()) == set()
    named = {f"{path} in {name}" for name, text in _texts() for path in gone if path in text}
    assert named == set()


def test_no_dropped_phrase_is_said_in_texts_or_manuals() -> None:
    said = {f"{phrase} in {name}" for name, text in _texts() for phrase in dropped("phrase") if phrase in text.lower()}
    assert said == set()


def _texts() -> Iterator[tuple[str, str]]:
    """Manuals, sentences and code, but for the lists."""
    for name in files():
        if name not in OWN and name.endswith((".md", ".po", ".html", ".py", ".yaml", ".toml")):
            yield name, (ROOT / name).read_text("utf-8")


def test_a_class_is_defined_in_one_module() -> None:
    """Two classes of one name are two things that a reader takes for one. The list may only grow shorter."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, text in python().items():
        if name.startswith(("server/", "mdm_adapters/")):
            for node in ast.parse(text).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].add(name)
    twice = sorted(name for name, where in found.items() if len(where) > 1)
    known = (HERE / "names_twice.txt").read_text("utf-8").split()
    assert twice == known, "a new class has the name of another, or a name left the list"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_dropped_says_what_took_its_place(kind: str) -> None:
    assert [gone for gone, instead in dropped(kind).items() if not instead] == []
