"""What is kept how long, and what a run removed from the records, as answers; no act."""

from __future__ import annotations

import json
from collections.abc import Sequence

from server.core.policy.model import Policy
from server.core.reports.retention import KINDS, TermLine, kept, standing
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.store.admin.custody import KeptRow
from server.work.admin.retention import RetentionRan

_RUN = phrase("Let it go: closeout retention run")


def planned(lines: Sequence[TermLine], policy: Policy) -> Answer:
    """After `retention plan`."""
    going = sum(line.going or 0 for line in lines)
    waits = any(line.waits and line.going for line in lines)
    return Answer(
        ok=True,
        title=phrase("{count} record is over and goes.", many="{count} records are over and go.", count=going),
        sections=(standing(lines), kept(policy)),
        what_next=(_RUN,) if waits else (),
        key="retention_planned",
    )


def ran(done: RetentionRan) -> Answer:
    """After `retention run`."""
    count = sum(done.destroyed.values())
    section = Section(
        "removed",
        phrase("Removed from the ordinary records"),
        columns=(Column("period", phrase("Period")), Column("count", phrase("Records"), Kind.COUNT)),
        rows=tuple(sorted(done.destroyed.items())),
    )
    lines = () if done.clean else (
        phrase("The database's file still holds some of it, as somebody was reading: the next run writes over it."),
    )  # fmt: skip
    return Answer(
        ok=True,
        title=phrase(
            "{count} record is removed from the ordinary records.",
            many="{count} records are removed from the ordinary records.",
            count=count,
        ),
        sections=(section,) if done.destroyed else (),
        lines=lines,
        key="retention_ran",
    )


def copies(rows: Sequence[KeptRow]) -> Answer:
    """After `retention copies`."""
    section = Section(
        "copies",
        phrase("Kept apart"),
        columns=(
            Column("hold", phrase("For")),
            Column("kind", phrase("What")),
            Column("said", phrase("What it said")),
        ),
        rows=tuple(
            (each.hold, KINDS[each.kind], json.dumps(each.said, ensure_ascii=False, sort_keys=True)) for each in rows
        ),
        empty=phrase("Nothing is kept apart."),
    )
    return Answer(ok=True, title=phrase("What is kept apart"), sections=(section,), key="retention_copies")
