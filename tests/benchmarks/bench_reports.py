"""The quarterly report and the removal report in every form, all of `vtaa` behind them: processor time and memory.

A quarter is 12,000 proven removals (180 a working day), in a database that knows 150,000 sightings and 45,000 cases.
Each report is made and written in a process of its own, as a command does it; its peak of memory is the process's.
Goal: the quarterly report in all forms in 3 s and 250 MB. The peer of the workbook is openpyxl, which other programs
write workbooks with, given the same rows. Run: `python -m tests.benchmarks reports`.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from openpyxl import Workbook
from sqlalchemy import text

from server.core.model import Role
from server.core.reports.document import Report
from server.render.formats import FORMATS
from server.render.words import Words
from server.work.context import Context
from server.work.removal import plan
from server.work.reports import counted, removal_report
from tests.benchmarks.ground import context_on, copied, looked_at, shipped_policy, spending
from tests.benchmarks.memory import peak_megabytes
from tests.work import desk

FIRST, LAST = date(2025, 10, 1), date(2025, 12, 31)
REMOVALS = 12_000
GOAL_SECONDS, GOAL_MEGABYTES = 3.0, 250
ROUNDS = 2
MAKERS: dict[str, Callable[[Context, Role, date, date], Report]] = {
    "quarterly": counted.quarter,
    "removals": removal_report.removals,
}


def run() -> dict[str, Any]:
    """For each report: seconds of processor time, by step and together, and the most memory."""
    with copied(looked_at("sqlite"), policy=shipped_policy(limits=False)) as context:
        removed = _live_a_quarter(context)
        url = str(context.store.engine.url)
        context.store.close()
        made = {key: _best([_apart(key, url) for _ in range(ROUNDS)]) for key in MAKERS}
    quarterly = made["quarterly"]
    return {
        "name": "reports in every form",
        "unit": "seconds of processor time, MiB",
        "removals_in_the_quarter": removed,
        **made,
        "goal": {"seconds": GOAL_SECONDS, "megabytes": GOAL_MEGABYTES},
        "met": quarterly["together"] <= GOAL_SECONDS and quarterly["megabytes"] <= GOAL_MEGABYTES,
    }


def _live_a_quarter(context: Context) -> int:
    """Orders for all that has to go, of which a quarter's worth is proven, evenly over its days; nothing is called.

    The rest of the backlog counts as gone before that quarter, so that reports are as long as they are after a while.
    """
    plan.make_plan(context, full=True)
    first, last = (int(context.now().timestamp()) - days * 86_400 for days in (90, 6))
    step = (last - first) * 1_000_000 // REMOVALS
    with context.store.write() as connection:
        connection.execute(
            text(
                "UPDATE orders SET state = 'done', next_at = NULL, level = 'store_removed', outcome = 'removed',"
                " planned_at = :first + n.number * :step, called_at = :first + n.number * :step,"
                " settled_at = :first + n.number * :step"
                " FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM orders) AS n"
                " WHERE n.id = orders.id AND n.number <= :count"
            ),
            {"first": first * 1_000_000, "step": step, "count": REMOVALS},
        )
        connection.execute(text("UPDATE orders SET state = 'stopped', next_at = NULL WHERE state <> 'done'"))
        connection.execute(text("UPDATE sighting SET presence = 'absent'"))
    return REMOVALS


def _apart(key: str, url: str) -> dict[str, Any]:
    code = f"from tests.benchmarks import bench_reports; bench_reports.measure({key!r}, {url!r})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(key: str, url: str) -> None:
    """In a process of its own: make one report and write it in every form, and print what that cost."""
    context = replace(context_on(url), evidence=desk.rules, catalogue=desk.catalogue)
    words, spent, sizes = Words("nl"), {}, {}
    with spending() as making:
        made = MAKERS[key](context, Role.PRIVACY_OFFICER, FIRST, LAST)
    spent["facts"] = making.cpu
    for ending, form in FORMATS.items():
        with spending() as writing:
            sizes[ending] = len(form.write(made, words))
        spent[ending] = writing.cpu
    megabytes = peak_megabytes()
    with spending() as peer:
        _by_openpyxl(made, words)
    context.store.close()
    sys.stdout.write(
        json.dumps(
            {
                "together": round(sum(spent.values()), 2),
                "megabytes": megabytes,
                "seconds": {step: round(seconds, 3) for step, seconds in spent.items()},
                "bytes": sizes,
                "lines": sum(len(section.rows) for section in made.body),
                "peer_xlsx_openpyxl": round(peer.cpu, 3),
            }
        )
    )


def _by_openpyxl(made: Report, words: Words) -> None:
    """The same rows, as text, through the other library's fastest way."""
    book = Workbook(write_only=True)
    for number, section in enumerate(made.body):
        sheet = book.create_sheet(f"{number}")
        for row in section.rows:
            sheet.append([words.cell(value, column) for value, column in zip(row, section.columns, strict=True)])
    book.save(io.BytesIO())


def _best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return min(rounds, key=lambda each: each["together"])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
