"""The whole incident: 37 contacts by one of 130 workers, and how many findings the same look makes of the other 129.

Nothing is timed: the figures are what looking costs in people's attention.
Run: `python -m tests.benchmarks.bench_incident`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.work.usage.incident import look_at_the_incident


def run(factor: float = 1.0) -> dict[str, object]:
    """Cases with contacts without a known reason: of the one worker, and of all the others."""
    with tempfile.TemporaryDirectory(prefix="closeout-bench-") as folder:
        pattern = look_at_the_incident(Path(folder), factor)
    return {
        "name": "the incident: facts about one worker of 130, and about the other 129",
        "unit": "cases with contacts for which the register knows no reason, in 90 days",
        "feed_rows": pattern.rows,
        **pattern.price(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*map(float, sys.argv[1:2])), indent=2) + "\n")
