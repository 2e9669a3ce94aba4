"""Server time of every page of every role, all of `vtaa` behind it: one process, a steady 10 requests a second.

Requests come over loopback from this very process, one each tenth of a second, whoever is still being served. Time is
counted inside the server, from a request's first line to the last byte of its answer; processor time is that of the
thread that served it, which a busy machine does not disturb. The least an application server can take is the peer: the
page of the sign of life, in the same stream. Goals: p95 of each page 100 ms; the first page 60 KB compressed.

Run: `python -m tests.benchmarks pages`.
"""

from __future__ import annotations

import gc
import json
import re
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection
from statistics import quantiles
from typing import Any

from flask import Flask

from server import app as root
from server.core.model import Role
from server.settings import read_settings
from server.store import pages
from server.web.config import Site
from server.web.factory import create_app
from server.web.routes import ROUTES
from server.work.admin import access
from server.work.context import Context
from server.work.removal import engine, plan, verify
from server.work.removal.policy_changes import PolicyShelf
from server.work.usage import declarations
from tests.benchmarks.ground import NOW, InstantStore, books_of, copied, looked_at, shipped_policy, vtaa, workspace
from tests.parts.process import free_port
from tests.parts.waitress_thread import served

RATE = 10
"""Requests a second."""
EACH = 20
"""How often every page is asked for; the first time warms up and is not counted."""
GOAL_MS, GOAL_BYTES = 100, 60_000
NOT_PAGES = frozenset({"home.go", "sign_in.again", "sign_in.prove", "phone.extract"})
OBJECTS: Mapping[Role, tuple[tuple[str, str], ...]] = {
    Role.PRIVACY_OFFICER: (
        ("/removals", r'href="(/removals/[a-z0-9]{26})"'),
        ("/findings/list", r'href="(/findings/[0-9a-f]+)"'),
        ("/findings", r'href="(/findings/list[^"]+)"'),
        ("/plans", r'href="(/plans/[0-9a-f]+)"'),
        ("/declarations", r'href="(/declarations/\d+-\d+)"'),
        ("/removals", r'href="(/removals\?[^"#]+)[^"]*" rel="next"'),
    ),
    Role.IT_ADMINISTRATOR: (("/connections", r'href="(/connections/at/[^"]+)"'),),
    Role.WORKER: (("/my-phone", r'href="(/my-phone/keep/[^"]+)"'),),
}


def run() -> dict[str, Any]:
    """For each page: milliseconds of server time (half of them, and all but one in twenty), and its size."""
    with copied(
        looked_at("sqlite"), vendor=InstantStore(books_of(vtaa())), policy=shipped_policy(limits=False)
    ) as bare:
        context = _lived(bare)
        # What this process holds beside the server, a whole organisation and its books, is no server's to search.
        gc.collect()
        gc.freeze()
        meter = Meter()
        port = free_port()
        url = f"http://localhost:{port}"
        with served(meter.around(_app(context, url)), port):
            asked = list(_pages(context, port))
            meter.times.clear()
            sizes = _steadily(port, asked)
    found = {
        name: {**meter.figures(path, cookie), "bytes": sizes[path, cookie][0], "compressed": sizes[path, cookie][1]}
        for name, path, cookie in asked
    }
    style = next(path for name, path, _ in asked if name == "style")
    style_size = sizes[style, ""][1]
    first = next(each for name, each in found.items() if "overview" in name)
    return {
        "name": "pages",
        "goal": f"p95 of every page {GOAL_MS} ms at {RATE} requests a second; first page {GOAL_BYTES} bytes compressed",
        "pages": found,
        "slowest": max(found, key=lambda name: float(found[name]["p95_ms"])),
        "slowest_p95_ms": max(each["p95_ms"] for each in found.values()),
        "slowest_p95_cpu_ms": max(each["p95_cpu_ms"] for each in found.values()),
        "over_goal": [name for name, each in found.items() if each["p95_ms"] > GOAL_MS],
        "first_page_compressed": first["compressed"] + style_size,
        "peer": "the sign of life in the same stream",
        "peer_p95_ms": found["alive"]["p95_ms"],
    }


class Meter:
    """Server time of each request, by its address and who asked."""

    def __init__(self) -> None:
        self.times: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)

    def around(self, app: Flask) -> Callable[..., Iterable[bytes]]:
        """The same application, with its time noted."""

        def measured(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            wall, cpu = time.perf_counter(), time.thread_time()
            with closing(app(environ, start)) as answer:  # type: ignore[type-var]
                body = b"".join(answer)
            path = environ["PATH_INFO"] + ("?" + environ["QUERY_STRING"] if environ["QUERY_STRING"] else "")
            spent = time.perf_counter() - wall, time.thread_time() - cpu
            self.times[path, environ.get("HTTP_COOKIE", "")].append(spent)
            return [body]

        return measured

    def figures(self, path: str, cookie: str) -> dict[str, float]:
        """In milliseconds; the first one is left out."""
        walls, cpus = zip(*self.times[path, cookie][1:], strict=True)
        wall, cpu = quantiles(walls, n=20), quantiles(cpus, n=20)
        return {
            "p50_ms": round(wall[9] * 1000, 1),
            "p95_ms": round(wall[18] * 1000, 1),
            "p95_cpu_ms": round(cpu[18] * 1000, 1),
        }


def _lived(context: Context) -> Context:
    """Three weeks after a first run: most of the backlog is gone and proven, the rest is open."""
    plan.make_plan(context, full=True)
    engine.drain(context, at_once=1)
    verify.verify(context)
    shipped = read_settings({}, home=workspace() / "no files of its own")
    later = replace(
        context,
        clock=lambda: NOW + timedelta(days=21),
        evidence=lambda: root.read_evidence(shipped),
        catalogue=lambda: root.read_catalogue(shipped),
    )
    declarations.list_declarations(later, later.evidence())
    return later


def _app(context: Context, url: str) -> Flask:
    document = root.check_policy(root.SHIPPED_POLICY).document
    assert document is not None
    shelf = PolicyShelf(
        lambda: document, lambda: (root.SHIPPED_POLICY.read_text("utf-8"), "policy.yaml"), lambda _text: None
    )
    return create_app(
        Site(url, b"f" * 32, picker=True, kinds=root.KINDS, secrets=workspace(), policies=shelf), lambda: context
    )


def _pages(context: Context, port: int) -> Iterable[tuple[str, str, str]]:
    """(name, address, cookie) of every page that there is to see."""
    yield "alive", "/alive", ""
    with context.store.read() as connection:
        worker = pages.some_workers(connection)[0]
    for role in (each for each in Role if each is not Role.CASE_SYSTEM):
        row = access.demo_account(context, role, worker=worker if role is Role.WORKER else None)
        cookie = f"closeout={access.begin_session(context, row)}"
        for route in ROUTES:
            if (
                route.method == "GET"
                and isinstance(route.access, frozenset)
                and role in route.access
                and "<" not in route.path
                and route.name not in NOT_PAGES
            ):
                yield f"{role.value} {route.path}", route.path, cookie
        for path, pattern in OBJECTS.get(role, ()):
            found = re.search(pattern, _get(port, path, cookie).decode())
            if found:
                yield (
                    f"{role.value} {path}/one{' more' if 'rel' in pattern else ''}",
                    found[1].replace("&amp;", "&"),
                    cookie,
                )
    style = re.search(r'href="(/look-[^"]+)"', _get(port, "/sign-in", "").decode())
    assert style is not None
    yield "style", style[1], ""


def _steadily(port: int, asked: Iterable[tuple[str, str, str]]) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Ask for every page in turn, one each tenth of a second, whether or not the one before was answered."""
    sizes: dict[tuple[str, str], tuple[int, int]] = {}

    def ask(path: str, cookie: str) -> None:
        body = _get(port, path, cookie)
        sizes[path, cookie] = len(body), len(zlib.compress(body, 6))

    pages = list(asked)
    begun = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        for nth in range(EACH * len(pages)):
            time.sleep(max(0.0, begun + nth / RATE - time.perf_counter()))
            _, path, cookie = pages[nth % len(pages)]
            pool.submit(ask, path, cookie).add_done_callback(lambda done: done.result())
    return sizes


def _get(port: int, path: str, cookie: str) -> bytes:
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as line:
        line.request("GET", path, headers={"Host": f"localhost:{port}", "Cookie": cookie})
        answer = line.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return body


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
