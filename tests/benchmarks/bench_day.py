"""A normal day's pass: 40 closures come in and are decided, in a register of one size and of ten times that.

Nothing of it calls a vendor. Cost must follow what changed and not what there is: the second figure is the same as the
first within noise. The peer is the pass that does not know what changed and decides everything. Goal: 0.3 s.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from server.core.model import OPEN_PHASES, Phase
from server.sources.case_file import open_export
from server.sources.mapping import load_mapping
from server.sources.rows import CaseRow, Mode
from server.sources.writing import write_rows
from server.store.database import Store, analyse
from server.store.schema.base import metadata
from server.work.context import Context
from server.work.register import intake
from server.work.removal import plan
from tests.benchmarks.ground import (
    MAPPING,
    NOW,
    ROUNDS,
    Spent,
    best,
    copied,
    kinds,
    looked_at,
    spending,
    vtaa,
    workspace,
)

CLOSURES = 40
LATER = NOW + timedelta(days=1)


def run() -> dict[str, Any]:
    """For each database, at both sizes: seconds to take in the day's changes, and to decide what they touch."""
    figures: dict[str, Any] = {"name": "a day's pass", "goal": f"0.3 s for {CLOSURES} closures at either size"}
    for kind in kinds():
        with copied(looked_at(kind), now=lambda: LATER) as context:
            plan.make_plan(context)  # the first run, so that only what the day brings is due
            figures[kind] = {"1x": _days(context, 0)}
            with spending() as everything:
                plan.make_plan(context, full=True)
            figures[kind]["peer"] = "a pass over everything, at 1x"
            figures[kind]["peer_seconds"] = round(everything.wall, 3)
            _make_tenfold(context.store)
            figures[kind]["10x"] = _days(context, ROUNDS)
    return figures


def _days(context: Context, first: int) -> dict[str, Any]:
    """Some days one after the other, each with closures of its own."""
    imports: list[Spent] = []
    passes: list[Spent] = []
    decided = removals = 0
    mapping = load_mapping(MAPPING).model_copy(update={"mode": Mode.CHANGES})
    for day in range(first, first + ROUNDS):
        paths = write_rows(_closures(day), mapping, workspace(), LATER)
        with spending() as spent:
            taken = intake.take_in(context, open_export(paths, mapping, as_of=LATER), confirmed=True)
        assert taken.applied is not None
        imports.append(spent)
        with spending() as spent:
            passed = plan.make_plan(context)
        passes.append(spent)
        decided, removals = passed.decided.total(), passed.orders
    return {
        "register_cases": _count(context, "cases"),
        "register_links": _count(context, "link"),
        "import_seconds": round(best(imports).wall, 3),
        "pass_seconds": round(best(passes).wall, 3),
        "pass_processor_seconds": round(best(passes).cpu, 3),
        "decided": decided,
        "removals": removals,
    }


def _closures(day: int) -> Sequence[CaseRow]:
    """Cases that were open, closed so long ago that their grace is over: the most work a closure can make."""
    open_now = [row for row in vtaa().cases if row.phase in OPEN_PHASES and row.opened_on]
    chosen = open_now[day * CLOSURES : (day + 1) * CLOSURES]
    return [replace(row, phase=Phase.CLOSED, closed_at=NOW - timedelta(days=30), recorded=True) for row in chosen]


def _make_tenfold(store: Store) -> None:
    """Nine more registers beside the first, case by case and number by number, with nobody's book among them."""
    other_token = "randomblob(32) /* %d */" if store.is_sqlite else "sha256(token || CAST('%d' AS bytea))"
    with store.write() as connection:
        cases, numbers = (
            int(connection.execute(text(f"SELECT max(id) FROM {name}")).scalar_one())
            for name in ("cases", "identifier")
        )
        for copy in range(1, 10):
            case, number = f"{copy * cases}", f"{copy * numbers}"
            copies = {
                "cases": {"id": f"id + {case}", "number": f"number || '-{copy}'"},
                "identifier": {"id": f"id + {number}", "token": other_token % copy},
                "link": {"case_id": f"case_id + {case}", "identifier_id": f"identifier_id + {number}"},
                "assignment": {"case_id": f"case_id + {case}"},
                "moment": {"case_id": f"case_id + {case}"},
            }
            for table, changed in copies.items():
                names = [column.name for column in metadata.tables[table].columns]
                selected = ", ".join(changed.get(name, name) for name in names)
                key, most = next(iter(changed)), numbers if table == "identifier" else cases
                connection.execute(
                    text(
                        f"INSERT INTO {table} ({', '.join(names)}) SELECT {selected} FROM {table} WHERE {key} <= {most}"
                    )
                )
    with store.write() as connection:
        analyse(connection)


def _count(context: Context, table: str) -> int:
    with context.store.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
