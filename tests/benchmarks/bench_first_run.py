"""The first pass over the whole of `vtaa`: seconds and memory of a process that does nothing else; beside bare inserts.

The peer writes the same orders and the same decisions by `executemany`, decided already, into the same tables: nothing
can be quicker than that row by row. Goal: at most 5 s and 300 MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from sqlalchemy import select

from server.store.schema.base import orders, pair
from server.work.removal import plan
from tests.benchmarks.ground import (
    ROUNDS,
    context_on,
    copy_database,
    drop_database,
    insert_bare,
    kinds,
    looked_at,
    spending,
)
from tests.benchmarks.memory import peak_megabytes

CHILD = "import sys; from tests.benchmarks.bench_first_run import plan_here; plan_here(*sys.argv[1:])"


def plan_here(url: str, how: str = "made") -> None:
    """In a process of its own: one pass, or a dry run of one (`closeout plan`), its cost on standard output."""
    context = context_on(url)
    with spending() as spent:
        passed = plan.make_plan(context) if how == "made" else plan.rehearse(context)
    context.store.close()
    told = {"wall": spent.wall, "cpu": spent.cpu, "megabytes": peak_megabytes(), "orders": passed.orders}
    sys.stdout.write(json.dumps(told | {"decisions": passed.decided.total()}))


def _bare(url: str) -> float:
    """Seconds that the same rows take when they are only written."""
    context = context_on(copy_database(url))
    plan.make_plan(context)
    store = context.store
    with store.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(orders))]
        decided = [tuple(row) for row in connection.execute(select(pair))]
    with store.write() as connection:
        connection.execute(orders.delete())
        connection.execute(pair.delete())
    spent = insert_bare(store, {orders: rows, pair: decided})
    store.close()
    drop_database(store.engine.url.render_as_string(hide_password=False))
    return spent.wall


def run() -> dict[str, Any]:
    """For each database: the best of some runs, each in its own process."""
    figures: dict[str, Any] = {"name": "first pass over vtaa", "goal": "at most 5 s and 300 MB"}
    for kind in kinds():
        told, rehearsed = [], []
        for _ in range(ROUNDS):
            url = copy_database(looked_at(kind))
            for how, each in (("rehearsed", rehearsed), ("made", told)):
                child = subprocess.run([sys.executable, "-c", CHILD, url, how], stdout=subprocess.PIPE, check=True)
                each.append(json.loads(child.stdout))
            drop_database(url)
        figures[kind] = {
            "seconds": round(min(each["wall"] for each in told), 2),
            "processor_seconds": round(min(each["cpu"] for each in told), 2),
            "megabytes": max(each["megabytes"] for each in told),
            "dry_run_seconds": round(min(each["wall"] for each in rehearsed), 2),
            "dry_run_megabytes": max(each["megabytes"] for each in rehearsed),
            "decisions": told[0]["decisions"],
            "orders": told[0]["orders"],
            "peer": "the same rows by executemany, decided already",
            "peer_seconds": round(_bare(looked_at(kind)), 2),
        }
    return figures


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
