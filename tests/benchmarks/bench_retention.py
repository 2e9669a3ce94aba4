"""Records whose period is over: five years of removals of `vtaa`, and findings beside them, destroyed at once.

The first run of a person, the largest there is; after it an engine destroys one day's at a time. A pass must not wait
for it longer than 100 ms: the longest transaction is told. The peer deletes the same rows by one statement a table.
Goals: 60 s, 300 MB, no transaction longer than 100 ms. Run: `python -m tests.benchmarks.bench_retention [REMOVALS]`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from mdm_adapters.registry import KINDS
from server.core.model import Role
from server.core.policy.retention import RetentionTerm, RowKind, Span
from server.store.admin.retention import KINDS as ROWS
from server.store.database import Store, copy_in
from server.store.schema.base import (
    evidence,
    finding,
    identifier,
    log_of_order,
    micros,
    orders,
    place,
    plan,
    tombstone,
)
from server.work.admin import retention, setup
from server.work.context import Context
from tests.benchmarks.ground import NOW, context_on, copy_database, drop_database, empty_database, kinds, spending

REMOVALS = 250_000
"""The first run of `vtaa` orders 155,000; the rest is closures of five years."""
_WORKERS = 130
_YEARS = timedelta(days=5 * 365)
_TERMS = (RetentionTerm(RowKind.REMOVALS, Span(days=1)), RetentionTerm(RowKind.FINDINGS, Span(days=1)))


def lay(context: Context, removals: int) -> None:
    """Proven removals over five years, of 130 workers, each with its tombstone and its phone's word; some findings."""
    context.store.migrate()
    setup.found(context, "Invented organisation", demo=True)
    setup.put_connection(
        context,
        name="books",
        vendor="carddav",
        base_url="http://127.0.0.1:1/",
        login="service",
        secret_file="",
        kinds=KINDS,
    )
    rows = [f"w{n};Invented employer;Invented team;books;/w{n}/;d{n}" for n in range(_WORKERS)]
    setup.import_places(context, "\n".join(["worker;employer;team;connection;address;devices", *rows]))
    at = [micros(NOW - timedelta(days=2) - _YEARS * (n / removals)) for n in range(removals)]
    every = range(removals)
    with context.store.write() as connection:
        made = {"uid": "p", "made_at": NOW - _YEARS, "policy": "r", "digest": "d", "removals": removals}
        connection.execute(plan.insert().values(**made))
        numbers = [row.id for row in connection.execute(select(place.c.id).order_by(place.c.id))]
        copy_in(connection, identifier, [(n + 1, n.to_bytes(32, "big"), True) for n in every])
        copy_in(connection, orders, (_row(orders, _order(n, numbers, at[n])) for n in every))
        gone = micros(NOW - timedelta(days=1))
        copy_in(connection, tombstone, ((numbers[n % _WORKERS], n + 1, f"{n:026x}", at[n], gone) for n in every))
        told = ((f"{n:026x}", n % _WORKERS + 1, "device_synced", at[n], "invented") for n in every)
        copy_in(connection, evidence, told)
        copy_in(connection, log_of_order, ((f"{n:026x}", n, True) for n in every))
        copy_in(connection, finding, (_row(finding, _finding(n, at[n])) for n in every[::10]))


def _row(table: Table, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(values.get(column.name) for column in table.columns)


def _order(n: int, places: Sequence[int], at: int) -> Mapping[str, Any]:
    of = {"id": f"{n:026x}", "place_id": places[n % _WORKERS], "identifier_id": n + 1, "worker_id": n % _WORKERS + 1}
    said = {"plan_id": 1, "verb": "remove", "reason": "finally_closed", "policy": "r", "state": "done"}
    counts = {"recoverable": False, "attempts": 0, "fence": 1, "level": "store_removed", "changes": 0}
    return {**of, **said, **counts, "planned_at": at, "settled_at": at}


def _finding(n: int, at: int) -> Mapping[str, Any]:
    ended = {"concluded_as": "explained", "disposition": "An invented sentence.", "pilot": False}
    return {"id": n + 1, "uid": f"{n:016x}", "kind": "reappeared", "subject": f"{n}", "opened_at": at, "closed_at": at,
            **ended}  # fmt: skip


class _Timed(Store):
    """A store that remembers the longest of its transactions that write."""

    longest = 0.0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            began = time.perf_counter()
            yield connection
        self.longest = max(self.longest, time.perf_counter() - began)


def measure(kind: str, removals: int) -> dict[str, Any]:
    """The figures on one database."""
    url = empty_database(kind)
    context = context_on(url)
    lay(context, removals)
    context.store.close()
    copy = copy_database(url)
    timed = _Timed(url)
    context = replace(
        context,
        store=timed,
        policy=replace(context.policy, retention=_TERMS),
        rest=time.sleep,
        since_boot=time.monotonic,
    )
    with spending() as spent:
        ran = retention.run_as(context, Role.PRIVACY_OFFICER)
    with spending() as second:
        retention.run(context)
    timed.close()
    peer = Store(copy)
    with spending() as bare, peer.write() as connection:
        for kind_of in (RowKind.REMOVALS, RowKind.FINDINGS):
            for table in (*(part for part, _ in ROWS[kind_of].parts), ROWS[kind_of].table):
                connection.execute(delete(table))
    peer.close()
    for each in (url, copy):
        drop_database(each)
    return {
        "records": dict(ran.destroyed),
        "seconds": round(spent.wall, 1),
        "cpu_seconds": round(spent.cpu, 1),
        "longest_transaction_ms": round(timed.longest * 1000),
        "second_run_ms": round(second.wall * 1000),
        "peer_seconds": round(bare.wall, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def run(removals: int = REMOVALS) -> dict[str, Any]:
    """All figures."""
    return {kind: measure(kind, removals) for kind in kinds()}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else REMOVALS), indent=2))  # noqa: T201
