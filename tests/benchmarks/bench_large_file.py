"""Memory that an import of a large file takes: the same export three times as long must not need three times as much.

Each file is taken in by a process of its own, from reading to applying; its peak is measured there. Goal: bounded, so
that a file of 2 GB goes in on the machine that a small one does. The peer is
`csv.reader` over the same file into a list.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from server.core.model import ContactClass, Phase
from server.sources.case_file import open_export
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow
from server.sources.writing import write_rows
from server.work.register import intake
from tests.benchmarks.ground import (
    MAPPING,
    NOW,
    context_on,
    drop_database,
    empty_database,
    install,
    vtaa,
    workspace,
)
from tests.benchmarks.memory import peak_megabytes

SMALL, LARGE = 40_000, 120_000
"""Cases in each file; three rows for each."""
OURS = "import sys; from tests.benchmarks.bench_large_file import take_in_here; take_in_here(sys.argv[1], sys.argv[2:])"
PEER = """
import csv, sys
from tests.benchmarks.memory import peak_megabytes
rows = [row for name in sys.argv[1:] for row in csv.reader(open(name, encoding="utf-8-sig", newline=""), delimiter=";")]
print(peak_megabytes())
"""


def take_in_here(url: str, files: list[str]) -> None:
    """In a process of its own: the peak on standard output, in MiB."""
    context = context_on(url)
    taken = intake.take_in(context, open_export([Path(each) for each in files], load_mapping(MAPPING)))
    context.store.close()
    assert taken.outcome is intake.IntakeOutcome.APPLIED, taken.faults[:3]
    sys.stdout.write(str(peak_megabytes()))


def run() -> dict[str, Any]:
    """Peaks of both, for either file."""
    figures: dict[str, Any] = {
        "name": "memory of an import",
        "unit": "MiB at the peak",
        "goal": "bounded: hardly more for three times the rows",
        "peer": "csv.reader into a list",
    }
    for label, cases in (("small", SMALL), ("large", LARGE)):
        files = [str(path) for path in _write(label, cases)]
        url = empty_database("sqlite")
        context = context_on(url)
        install(context, vtaa(0.03))
        context.store.close()
        figures[label] = {
            "rows": 3 * cases,
            "megabytes_of_file": round(sum(Path(each).stat().st_size for each in files) / 2**20, 1),
            "ours": int(_peak(OURS, url, *files)),
            "peer": int(_peak(PEER, *files)),
        }
        drop_database(url)
    return figures


def _write(label: str, cases: int) -> list[Path]:
    folder = workspace() / f"large-{label}"
    folder.mkdir()
    rows = (
        row
        for number in range(cases)
        for row in (
            CaseRow(0, f"{number:06}", Phase.INVESTIGATION, NOW.date(), None, True),
            ContactRow(0, f"{number:06}", "A", ContactClass.CLIENT, f"06-1{number:07}", None, True),
            AssignmentRow(0, f"{number:06}", f"worker-{number % 100:02}", "case worker", NOW),
        )
    )
    return write_rows(rows, load_mapping(MAPPING), folder, NOW)


def _peak(program: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, check=True, text=True
    ).stdout


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
