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
DECISIONS = ROOT / "server" / "decisions"
DECISION = re.compile(r"\bdecisions?\s+((?:[0-9]+(?:, and |, | and )?)+)")
HOUSE_PAGE = ROOT / "server" / "README.md"
GLOSSARY = ROOT / "server" / "GLOSSARY.md"


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


def decisions() -> dict[str, Path]:
    """Each decision's file by its number."""
    return {path.name[:4]: path for path in sorted(DECISIONS.glob("*.md"))}


def test_every_decision_that_is_cited_has_its_file():
    cited = {
        (path, number)
        for path, text in texts().items()
        for found in DECISION.findall(text)
        for number in re.findall("[0-9]+", found)
    }
    assert len(cited) > 3
    assert sorted((path, number) for path, number in cited if number not in decisions()) == []


def test_nothing_is_cited_that_stands_outside_of_the_project():
    assert sorted(path for path, text in texts().items() if re.search(r"\b(?:HOUSE|house) decision", text)) == []


def test_decisions_are_numbered_without_a_gap():
    assert [path.name[:5] for path in sorted(DECISIONS.iterdir())] == [
        f"{number:04}-" for number in range(1, len(decisions()) + 1)
    ]


def test_every_decision_stands_in_the_table_of_the_house_by_its_number_and_title():
    rows = re.findall(r"(?m)^\| ([0-9]{4}) \| \[(.+)\]\(decisions/([a-z0-9-]+\.md)\) \| .+ \|$", HOUSE_PAGE.read_text())
    titles = {
        number: path.read_text().partition("\n")[0].removeprefix(f"# {number}. ")
        for number, path in decisions().items()
    }
    assert rows == [(number, titles[number], path.name) for number, path in decisions().items()]


@pytest.mark.parametrize("path", decisions().values(), ids=lambda path: path.stem)
def test_a_decision_is_half_a_page_with_its_date_its_status_and_four_parts(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith(f"# {path.name[:4]}. ")
    assert re.fullmatch(r"Date: 20[0-9]{2}-[0-9]{2}-[0-9]{2}\. Status: .+\.", lines[2])
    assert re.findall(r"(?m)^\*\*(.+)\.\*\* ", path.read_text()) == ["Context", "Options", "Choice", "Price"]
    assert len(lines) <= 20


def test_every_name_of_code_in_the_glossary_is_in_the_code():
    code = set(re.findall(r"\w+", "\n".join(text for path, text in texts().items() if path.endswith(".py"))))
    rows = [line.split(" | ") for line in GLOSSARY.read_text().splitlines() if line.startswith("| **")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row[-1])}
    assert len(rows) > 50
    assert [row[0] for row in rows if len(row) != 6] == []
    assert sorted(named - code) == []
