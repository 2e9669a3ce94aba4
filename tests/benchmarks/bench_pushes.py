"""Cases pushed one by one over HTTP to one process, each answered once it is in the register for good.

Four senders, each a process of its own, send one request after the other; every fourth push closes a case. The peer
is a bare INSERT of the body, committed, behind the same HTTP server, from the same senders. Goal: 300/s, p99 50 ms.
Run: `python -m tests.benchmarks pushes`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http.client import HTTPConnection
from statistics import quantiles
from typing import Any

from sqlalchemy import text

from server import app as root
from server.store.database import Store
from server.web.config import Site
from server.web.factory import create_app
from server.work.admin import access
from server.work.admin.access import Scope
from server.work.context import Context
from server.work.register import pushes
from server.work.removal.policy_changes import PolicyShelf
from tests.benchmarks.ground import context_on, drop_database, empty_database, install, kinds, shipped_policy, vtaa
from tests.benchmarks.ground import workspace as folder
from tests.parts.process import free_port
from tests.parts.waitress_thread import served

SENDERS, EACH = 4, 30
WARM = 3
"""Of each sender; not counted."""
GOAL_RATE, GOAL_MS = 300, 50


def run() -> dict[str, Any]:
    """Pushes a second and milliseconds, on both databases, beside the peer."""
    found: dict[str, Any] = {"name": "pushes", "goal": f"{GOAL_RATE}/s, p99 {GOAL_MS} ms"}
    for kind in kinds():
        found[kind] = {"pushes": _pushes(kind), "peer, a bare INSERT": _inserts(kind)}
    return found


def _pushes(kind: str) -> Mapping[str, float]:
    url = empty_database(kind)
    organisation = vtaa(0.02)
    context = context_on(url, policy=replace(shipped_policy(), max_closures_factor=1e9))
    install(context, organisation)
    token = access.make_token(context, "system-1", list(Scope), days=9, case_system="bench", owner="ict")
    program = access.find_token(context, token)
    assert program is not None
    workers = [device.worker for device in organisation.devices]
    numbers = [str(300_000 + n) for n in range(SENDERS * (EACH + WARM))]
    asked = [
        (f"/api/v1/cases/{pushes.case_address(context, 'bench', number)}", _case(number, workers[n % len(workers)], n))
        for n, number in enumerate(numbers)
    ]
    port = free_port()
    with served(_app(context, f"http://localhost:{port}"), port, threads=8):
        told = _send(port, token, asked)
    context.store.close()
    drop_database(url)
    return told


def _case(number: str, worker: str, nth: int) -> Mapping[str, Any]:
    closed = nth % 4 == 3
    return {
        "number": number,
        "phase": "closed" if closed else "investigation",
        "opened_on": "2024-01-09",
        "closure_confirmed": "2025-12-20T10:00:00Z" if closed else None,
        "recorded": True,
        "contacts": [
            {"class": "client", "person": "A", "values": [f"06-1{nth:07d}"]},
            {"class": "professional", "values": [f"06-2{nth % 50:07d}"]},
        ],
        "assignments": [{"worker": worker, "from": "2024-01-09", "role": "case worker"}],
        "moments": [],
    }


def _app(context: Context, url: str) -> Any:
    document = root.check_policy(root.SHIPPED_POLICY).document
    assert document is not None
    shelf = PolicyShelf(
        lambda: document, lambda: (root.SHIPPED_POLICY.read_text("utf-8"), "policy.yaml"), lambda _text: None
    )
    return create_app(
        Site(url, b"f" * 32, picker=False, kinds=root.KINDS, secrets=folder(), policies=shelf), lambda: context
    )


def _inserts(kind: str) -> Mapping[str, float]:
    url = empty_database(kind)
    store = Store(url)
    with store.write() as connection:
        connection.execute(text("CREATE TABLE pushed (body TEXT NOT NULL)"))

    def insert(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        json.loads(body)
        with store.write() as connection:
            connection.execute(text("INSERT INTO pushed (body) VALUES (:body)"), {"body": body.decode()})
        start("202 Accepted", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    port = free_port()
    with served(insert, port, threads=8):
        told = _send(port, "", [("/", _case(str(n), "worker-1", n)) for n in range(SENDERS * (EACH + WARM))])
    store.close()
    drop_database(url)
    return told


def _send(port: int, token: str, asked: list[tuple[str, Mapping[str, Any]]]) -> Mapping[str, float]:
    """All of it from processes of their own, each a share."""
    senders = []
    for nth in range(SENDERS):
        file = folder() / f"sent-{port}-{nth}.json"
        file.write_text(json.dumps({"port": port, "token": token, "asked": asked[nth::SENDERS]}))
        command = [sys.executable, "-m", "tests.benchmarks.bench_pushes", str(file)]
        senders.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    told = [json.loads(each.communicate()[0]) for each in senders]
    times = [one for each in told for one in each["seconds"]]
    rate = sum(len(each["seconds"]) / each["took"] for each in told)
    parts = quantiles(times, n=100)
    return {
        "per_second": round(rate, 1),
        "p50_ms": round(parts[49] * 1000, 1),
        "p99_ms": round(parts[98] * 1000, 1),
    }


def send(file: str) -> None:
    """One sender: its requests one after the other, and how long each took to be answered."""
    with open(file, encoding="utf-8") as opened:  # noqa: PTH123
        task = json.load(opened)
    connection = HTTPConnection("localhost", task["port"], timeout=120)
    seconds: list[float] = []
    begun = 0.0
    for nth, (path, body) in enumerate(task["asked"]):
        if nth == WARM:
            begun = time.perf_counter()
        sent = time.perf_counter()
        headers = {
            "Authorization": f"Bearer {task['token']}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"{path}-{nth}",
        }
        connection.request("PUT", path, json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 202:
            raise SystemExit(f"{answer.status} {said.decode()}")
        if nth >= WARM:
            seconds.append(time.perf_counter() - sent)
    sys.stdout.write(json.dumps({"seconds": seconds, "took": time.perf_counter() - begun}))


if __name__ == "__main__":
    send(sys.argv[1])
