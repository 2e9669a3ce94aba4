"""Receipts from a log of a million entries: one by itself, many at once, and what it takes to believe one.

Each is made as `closeout receipt issue` makes it: orders found, audit path from kept nodes, held against the signed
head, written as text. One by itself begins with nothing remembered. The peer is `pymerkle` with its tree in memory,
a fifth as large, which makes the bare path. Goals: one in 5 ms, 150,000 in 60 s, one believed in 2 ms.
Run: `python -m tests.benchmarks.bench_receipts [ENTRIES]`.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

import pymerkle

from server.core.log.checkpoints import parse_verifier_key
from server.core.log.entries import Body, EntryKind
from server.core.log.receipts import check_receipt, digest_of_statement, read_receipt, write_statement
from server.core.log.witness_policy import WitnessPolicy
from server.core.model import Role
from server.store import log
from server.store.removal import proofs
from server.work.admin import log_checkpoints, setup
from server.work.context import Context
from server.work.reports import receipts
from server.work.reports.receipts import WantedReceipts
from tests.benchmarks.ground import context_on, drop_database, empty_database, kinds

ENTRIES = 1_000_000
EVERY = 6
"""One entry of so many proves a removal."""
MANY = 150_000
ROUNDS = 20
_AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_SAID = {
    each: dict.fromkeys(("place", "how", "kept"), "An invented sentence of the usual length.") for each in ("en", "nl")
}


def lay_log(context: Context, entries: int) -> list[str]:
    """A log of so many entries; the orders of which it proves a removal."""
    context.store.migrate()
    setup.found(context, "Invented organisation", demo=True)
    digest = digest_of_statement(_SAID)
    proven: list[str] = []
    with context.store.write() as connection:
        proofs.keep_statement(connection, digest, write_statement(_SAID))
    for start in range(0, entries, 20_000):
        lines: list[tuple[EntryKind, Body]] = []
        for number in range(start, min(entries, start + 20_000)):
            order = f"{number:026x}"
            if number % EVERY:
                lines.append((EntryKind.ORDER_SENT, {"order": order, "place": "p", "attempt": 1}))
                continue
            proven.append(order)
            body: Body = {
                "order": order, "look": "a" * 32, "level": "store_removed", "rule": "finally_closed",
                "policy": "rules-1", "commitment": f"{number:064x}", "digest": digest,
            }  # fmt: skip
            lines.append((EntryKind.PROOF, body))
        with context.store.write() as connection:
            log.append(connection, _AT, lines)
    log_checkpoints.write_checkpoint(context, because=log_checkpoints.Because.HEADS_MENDED)
    return proven


def measure(kind: str, entries: int) -> dict[str, Any]:
    """The figures on one database."""
    url = empty_database(kind)
    context = context_on(url)
    proven = lay_log(context, entries)
    log_checkpoints.write_checkpoint(context)
    single, texts = [], list[str]()
    for order in proven[:: max(1, len(proven) // ROUNDS)]:
        heads = [found] if (found := log_checkpoints.newest_note(context)) else []
        with context.store.read() as connection:
            started = time.perf_counter()
            chosen = list(proofs.entries_of(connection, [order]).items())
            ((_, made),) = receipts._make(connection, chosen, heads)  # without signing a fresh head
            texts.append(receipts.write_receipt(made))
            single.append(time.perf_counter() - started)
    key = parse_verifier_key(log_checkpoints.verifier_key(context))
    believed = []
    for text in texts:
        started = time.perf_counter()
        check_receipt(read_receipt(text), key, WitnessPolicy())
        believed.append(time.perf_counter() - started)
    started = time.perf_counter()
    many = min(MANY, len(proven))
    wanted = WantedReceipts(sample=many, seed="bench")
    issued = receipts.issue(context, Role.AUDITOR, wanted, lambda _order, _text: None)
    seconds = time.perf_counter() - started
    context.store.close()
    drop_database(url)
    return {
        "one_ms": round(median(single) * 1000, 2),
        "slowest_ms": round(max(single) * 1000, 2),
        "believe_ms": round(median(believed) * 1000, 2),
        "bytes": len(texts[0].encode()),
        "many": issued.count,
        "many_s": round(seconds, 1),
    }


def peer(entries: int) -> dict[str, Any]:
    """Bare paths from a tree in memory."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(entries):
        tree.append_entry(b"%d" % number)
    took = []
    for index in range(1, entries, entries // ROUNDS):
        started = time.perf_counter()
        tree.prove_inclusion(index)
        took.append(time.perf_counter() - started)
    return {"entries": entries, "path_ms": round(median(took) * 1000, 2)}


def run(entries: int = ENTRIES) -> dict[str, Any]:
    """All figures."""
    return {
        "entries": entries,
        **{kind: measure(kind, entries) for kind in kinds()},
        "pymerkle": peer(entries // 5),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*map(int, sys.argv[1:2])), indent=2) + "\n")
