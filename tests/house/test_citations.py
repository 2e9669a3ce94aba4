"""What code and manuals cite is in the project: every number of a rule that is named stands in the document named."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = {"DOMAIN": ROOT / "agent_policies" / "DOMAIN.md", "VENDORS": ROOT / "mdm_adapters" / "VENDORS.md"}
NAMED = re.compile(
    r"\b(DOMAIN|VENDORS)(?:\.md)?,?(?: sections?)? ((?:[A-Z]?[0-9]+(?:\.[0-9]+)?(?:, and |, | and |/| to )?)+)"
)
NUMBER = re.compile(r"[A-Z]?[0-9]+(?:\.[0-9]+)?")


def texts() -> dict[str, str]:
    """Every text of the project by its path, but for the documents that are cited."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = [
        ROOT / line for line in listed.stdout.splitlines() if Path(line).suffix in {".py", ".md", ".yaml", ".json"}
    ]
    return {
        str(path.relative_to(ROOT)): path.read_text()
        for path in wanted
        if path not in DOCUMENTS.values() and path.is_file()
    }


def numbers_in(document: Path) -> set[str]:
    """The numbers that a document gives to its sections, rows and sentences."""
    text = document.read_text()
    headings = re.findall(r"(?m)^#+ ([0-9]+(?:\.[0-9]+)?)\.? ", text)
    rows = re.findall(r"(?m)^\| ([A-Z][0-9]+(?:, [A-Z][0-9]+)*) \|", text)
    sentences = re.findall(r"(?:^|[.,]\s)([A-Z][0-9]+)(?=[\s,])", text)
    return {*headings, *(one for row in rows for one in row.split(", ")), *sentences}


def test_every_rule_and_fact_that_is_cited_stands_in_the_project():
    known = {name: numbers_in(document) for name, document in DOCUMENTS.items()}
    cited = {
        (path, name, number)
        for path, text in texts().items()
        for name, found in NAMED.findall(text)
        for number in NUMBER.findall(found)
    }
    assert len(cited) > 80
    assert sorted((path, name, number) for path, name, number in cited if number not in known[name]) == []


def test_every_source_that_is_named_in_the_vendors_facts_is_listed_there():
    text, _, sources = DOCUMENTS["VENDORS"].read_text().partition("## 14. Sources")
    named = {one for found in re.findall(r"\[([A-Z][0-9]+(?:, [A-Z][0-9]+)*)\]", text) for one in found.split(", ")}
    assert sorted(one for one in named if not re.search(rf"\b{one}\s", sources)) == []


@pytest.mark.parametrize(
    "number", ["0", "14.1", "14.5", "17", "I1", "I20", "N2", "N28", "L25", "R16", "S29", "X3", "F52", "C12", "V7"]
)
def test_the_rules_of_the_field_are_found_by_number(number):
    assert number in numbers_in(DOCUMENTS["DOMAIN"])
