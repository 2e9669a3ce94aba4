"""Orders settled per second against a vendor that answers at once, beside the bare rate of two job queues.

Ours claims under a lease, decides again, calls, writes receipt and log in one transaction, looks again and settles by
proof; every commit is on the disk. The peers run a job that does nothing: what a queue costs before any work is done.
Goal: 3,000 a second.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from server.core.model import State
from server.store.removal import orders as order_rows
from server.store.schema.base import orders
from server.work.context import Context
from server.work.removal import engine, plan, verify
from tests.benchmarks.ground import (
    ROUNDS,
    InstantStore,
    Spent,
    best,
    books_of,
    context_on,
    copied,
    copy_database,
    drop_database,
    durable_postgres,
    kinds,
    looked_at,
    shipped_policy,
    spending,
    vtaa,
    workspace,
)

ORDERS = 15_000
"""How many of the first run's orders are carried out; the others are in the tables all the same."""
JOBS = 3_000
AT_ONCE = {"sqlite": 1, "postgresql": 2}


def run() -> dict[str, Any]:
    """For each database the best of some runs; then the peers."""
    figures: dict[str, Any] = {
        "name": "orders settled against an instant adapter",
        "unit": "orders per second",
        "goal": "3000 at full durability",
    }
    books = books_of(vtaa())
    for kind in kinds():
        planned = _planned(kind)
        sent, proven, count, done = [], [], 0, 0
        for _ in range(ROUNDS):
            with copied(planned, vendor=InstantStore(books), policy=shipped_policy(limits=False)) as context:
                count = _leave(context, ORDERS)
                with spending() as calling:
                    engine.drain(context, at_once=AT_ONCE[kind])
                with spending() as looking:
                    verify.verify(context)
                sent.append(calling)
                proven.append(looking)
                with context.store.read() as connection:
                    done = order_rows.counts_by_state(connection)[State.DONE]
        drop_database(planned)
        whole = [Spent(one.wall + two.wall, one.cpu + two.cpu) for one, two in zip(sent, proven, strict=True)]
        figures[kind] = {
            "orders": count,
            "settled_by_proof": done,
            "per_second": round(done / best(whole).wall),
            "per_processor_second": round(done / best(whole).cpu),
            "receipts_per_second": round(count / best(sent).wall),
            "receipts_per_processor_second": round(count / best(sent).cpu),
        }
    figures["peers"] = {"procrastinate": procrastinate_rate(), "celery": celery_rate()}
    return figures


def _planned(kind: str) -> str:
    url = copy_database(looked_at(kind))
    context = context_on(url, policy=shipped_policy(limits=False))
    plan.make_plan(context)
    context.store.close()
    return url


def _leave(context: Context, most: int) -> int:
    """Let orders of other places wait, so that only some are due; how many are."""
    with context.store.write() as connection:
        places = connection.execute(
            select(orders.c.place_id).where(orders.c.state == State.READY).order_by(orders.c.place_id).offset(most)
        ).scalar()
        connection.execute(
            update(orders)
            .where(orders.c.state == State.READY, orders.c.place_id >= (places or 0))
            .values(state=State.WAITING, next_at=None)
        )
        return order_rows.counts_by_state(connection)[State.READY]


def procrastinate_rate(jobs: int = JOBS) -> dict[str, Any]:
    """Jobs per second of one worker process on the same PostgreSQL."""
    server = durable_postgres()
    if server is None:
        return {"missing": "no PostgreSQL"}
    url = server.fresh_database().replace("postgresql+psycopg", "postgresql")
    rates = [asyncio.run(_procrastinate(url, jobs, first=n == 0)) for n in range(ROUNDS)]
    return {"version": version("procrastinate"), "broker": "PostgreSQL, durable", "jobs_per_second": round(max(rates))}


async def _procrastinate(url: str, jobs: int, *, first: bool) -> float:
    from procrastinate import App, PsycopgConnector  # noqa: PLC0415

    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="nothing")
    async def nothing(number: int) -> None:
        """Nothing."""

    async with app.open_async():
        if first:
            await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*({"number": number} for number in range(jobs)))
        start = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=4, delete_jobs="always", install_signal_handlers=False)
        return jobs / (time.perf_counter() - start)


CELERY = """
import sys, time
from pathlib import Path
from celery import Celery
from celery.signals import worker_ready
folder, jobs = Path(sys.argv[1]), int(sys.argv[2])
for name in ("in", "processed"):
    (folder / name).mkdir(exist_ok=True)
app = Celery(broker="filesystem://", set_as_current=True)
app.conf.update(broker_transport_options={"data_folder_in": str(folder / "in"), "data_folder_out": str(folder / "in"),
    "control_folder": str(folder)}, task_ignore_result=True, worker_prefetch_multiplier=64, task_acks_late=True,
    worker_hijack_root_logger=False)
seen = []
@app.task(name="nothing")
def nothing(number):
    seen.append(time.perf_counter())
    if len(seen) == jobs:
        (folder / "rate").write_text(str((jobs - 1) / (seen[-1] - seen[0])))
        app.control.shutdown()
        raise SystemExit
for number in range(jobs):
    nothing.delay(number)
app.Worker(pool="solo", loglevel="ERROR", without_gossip=True, without_mingle=True, without_heartbeat=True,
           quiet=True).start()
"""


def celery_rate(jobs: int = 1_000) -> dict[str, Any]:
    """Jobs per second of one worker of the solo pool, by a broker that needs no server: files in a folder.

    Files are not flushed to the disk, so this peer is not durable and still has the easier task.
    """
    folder = workspace() / "celery"
    rates = []
    for number in range(ROUNDS):
        mine = Path(folder, str(number))
        mine.mkdir(parents=True)
        try:
            subprocess.run(
                [sys.executable, "-c", CELERY, str(mine), str(jobs)],
                check=False,
                timeout=120,
                cwd=mine,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            continue
        finally:
            if (mine / "rate").exists():
                rates.append(float((mine / "rate").read_text()))
    return {
        "version": version("celery"),
        "broker": "filesystem (no server), not flushed to the disk",
        "jobs_per_second": round(max(rates)) if rates else None,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
