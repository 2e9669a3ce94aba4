"""Rows per second from an export to the register, beside the same rows written bare by `executemany`.

Ours reads the files, checks every cell, turns numbers into tokens, weighs the whole and applies it in one transaction
with its log line. The peer has everything in memory, ready for the driver, and only writes it. Goal: 10,000 rows/s on
SQLite, 8,000 on PostgreSQL. Then the same files again, of which nothing changed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sqlalchemy import select

from server.sources.case_file import open_export
from server.sources.mapping import load_mapping
from server.store.database import Store
from server.store.schema.base import assignment, case_system, cases, directory, identifier, link, moment
from server.work.register import intake
from tests.benchmarks.ground import (
    MAPPING,
    ROUNDS,
    Spent,
    best,
    context_on,
    drop_database,
    empty_database,
    exported,
    insert_bare,
    install,
    kinds,
    spending,
    vtaa,
)

FACTOR = 0.25
TABLES = (case_system, identifier, cases, link, assignment, moment, directory)


def run(factor: float = FACTOR) -> dict[str, Any]:
    """For each database the best of some runs, each into an empty register."""
    paths, mapping = exported(factor), load_mapping(MAPPING)
    figures: dict[str, Any] = {
        "name": "register import",
        "unit": "rows of the export per second",
        "goal": "10000 on SQLite, 8000 on PostgreSQL",
        "peer": "the rows that come of it, by executemany into the same tables",
    }
    for kind in kinds():
        ours, again, bare, rows = [], [], [], 0
        for _ in range(ROUNDS):
            url = empty_database(kind)
            context = context_on(url)
            install(context, vtaa(factor))
            with spending() as spent:
                rows = intake.take_in(context, open_export(paths, mapping)).rows
            ours.append(spent)
            with spending() as spent:
                intake.take_in(context, open_export(paths, mapping))
            again.append(spent)
            bare.append(_bare(kind, context.store))
            context.store.close()
            drop_database(url)
        figures[kind] = {
            "rows": rows,
            "rows_per_second": round(rows / best(ours).wall),
            "rows_per_processor_second": round(rows / best(ours).cpu),
            "again_rows_per_second": round(rows / best(again).wall),
            "peer_rows_per_second": round(rows / best(bare).wall),
        }
    return figures


def _bare(kind: str, store: Store) -> Spent:
    with store.read() as connection:
        rows = {table: [tuple(row) for row in connection.execute(select(table))] for table in TABLES}
    url = empty_database(kind)
    empty = Store(url)
    empty.migrate()
    spent = insert_bare(empty, rows)
    empty.close()
    drop_database(url)
    return spent


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
