"""`make bench`: runs the benchmarks named (all, if none is), prints their figures and keeps them as JSON.

A benchmark is a module `bench_NAME.py` beside this one with `run() -> dict`; its peer is measured in the same run.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

OUTPUT = Path("bench-results")
PACKAGES = (
    "sqlalchemy",
    "phonenumberslite",
    "radicale",
    "psycopg",
    "procrastinate",
    "celery",
    "pandas",
    "requests",
)


def names() -> list[str]:
    """Every benchmark there is."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def machine() -> dict[str, Any]:
    """What the figures were measured on; figures of other machines cannot be held against them."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": dict(_versions()),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"


def main(asked: Sequence[str]) -> int:
    """Run them; 0 if all ran, 2 if one asked for does not exist."""
    unknown = [name for name in asked if name not in names()]
    if unknown:
        sys.stderr.write(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(names())}\n")
        return 2
    results: dict[str, Any] = {"measured_at": datetime.now(UTC).isoformat(), "machine": machine(), "benchmarks": {}}
    for name in asked or names():
        sys.stderr.write(f"{name} ...\n")
        results["benchmarks"][name] = importlib.import_module(f"tests.benchmarks.bench_{name}").run()
    OUTPUT.mkdir(exist_ok=True)
    file = OUTPUT / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    text = json.dumps(results, indent=2) + "\n"
    file.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    sys.stderr.write(f"kept in {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
