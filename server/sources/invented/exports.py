"""Exports of invented organisations as case systems make them, the next day's and the ones gone wrong included."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from server.core.model import Phase
from server.sources.invented.organisation import Organisation
from server.sources.mapping import load_mapping
from server.sources.rows import CaseRow, Row
from server.sources.writing import write_rows


@dataclass(frozen=True, slots=True)
class Day:
    """A later moment of an organisation. changed: the numbers of the cases that a changes export names."""

    organisation: Organisation
    changed: frozenset[str] = field(repr=False)
    closed: int
    """Final closures confirmed since."""


def day_after(organisation: Organisation, days: int = 1) -> Day:
    """The organisation this many days later, and what changed in its register."""
    later = organisation.seen_at(organisation.now + timedelta(days=days))
    before, after = _facts(organisation), _facts(later)
    changed = frozenset(number for number, facts in after.items() if before.get(number) != facts)
    closed_before = {case.number: case.closed_at for case in organisation.cases}
    closed = sum(
        case.closed_at is not None and closed_before.get(case.number) != case.closed_at for case in later.cases
    )
    return Day(later, changed, closed)


def _facts(organisation: Organisation) -> dict[str, list[Row]]:
    facts: dict[str, list[Row]] = {}
    for row in organisation.rows():
        number = row.number if isinstance(row, CaseRow) else row.case_number
        if number is not None:
            facts.setdefault(number, []).append(row)
    return facts


def all_closed(organisation: Organisation) -> Organisation:
    """The same organisation as a case system tells it that has gone wrong: everything closed, and confirmed today."""
    cases = tuple(
        replace(case, phase=Phase.CLOSED, closed_at=case.closed_at or organisation.now) for case in organisation.cases
    )
    return replace(organisation, cases=cases)


def without_cases(organisation: Organisation, share: float) -> Organisation:
    """The same organisation as a case system tells it that lost this share of its cases (0 to 1)."""
    rng = random.Random(f"lost:{organisation.seed}")  # noqa: S311
    lost = {case.number for case in organisation.cases if rng.random() < share}
    return replace(
        organisation,
        cases=tuple(row for row in organisation.cases if row.number not in lost),
        contacts=tuple(row for row in organisation.contacts if row.case_number not in lost),
        assignments=tuple(row for row in organisation.assignments if row.case_number not in lost),
        moments=tuple(row for row in organisation.moments if row.case_number not in lost),
    )


def write_export(
    organisation: Organisation, folder: Path, mapping_name: str, *, cases: Iterable[str] | None = None
) -> list[Path]:
    """The register as CSV in the layout of a mapping (a shipped name, or a path). The paths of the files.

    cases: only these, without the directory, as an export of changes has it.
    """
    rows: Iterable[Row] = organisation.rows()
    if cases is not None:
        wanted = frozenset(cases)
        rows = (row for row in rows if (row.number if isinstance(row, CaseRow) else row.case_number) in wanted)
    return write_rows(rows, load_mapping(mapping_name), folder, organisation.now)
