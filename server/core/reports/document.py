"""A report as data: figures, sections, sources, blind spots; its one byte form and its digest. No text of any report.

Same facts, same bytes: nothing here reads a clock, and `digest` names the content apart from language and layout.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

from server.core.policy.model import Policy
from server.core.tables import Section, Value
from server.core.text import Param, Period, Share, Text, phrase

REPORT_ONLY = phrase("Report-only: the policy in force decides and reports, and removes nothing.")
"""Said wherever removals are counted or announced."""
SCHEMA = 1
"""Raised when the canonical form changes, so that an old digest is never compared with a new form."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure. coverage: what it rests on and what was not looked at; a figure without one cannot be made."""

    key: str
    label: Text
    value: int | Share
    coverage: Text


@dataclass(frozen=True, slots=True)
class Report:
    """What every report says, whatever it is about.

    key: names the kind of report. organisation: as it calls itself. made_at: aware. policies: versions in force.
    view: what its reader may see. coverage: stands beside the figures in every format. sources: what it was made from
    and how fresh that was. blind_spots: what the product cannot see. caveat: what must not be read into it.
    """

    key: str
    title: Text
    organisation: str
    period: Period
    made_at: datetime
    view: StrEnum
    policies: tuple[str, ...]
    figures: tuple[Figure, ...]
    coverage: Section
    sections: tuple[Section, ...]
    sources: Section
    blind_spots: Section
    caveat: Text

    def __post_init__(self) -> None:
        if self.made_at.tzinfo is None:
            raise ValueError("made_at needs a time zone")
        keys = [section.key for section in self.body]
        if len(set(keys)) < len(keys):
            raise ValueError("two sections have one key")

    @property
    def body(self) -> tuple[Section, ...]:
        """Every section, in the order in which a reader meets them."""
        return (self.coverage, *self.sections, self.sources, self.blind_spots)


def as_report_only(report: Report, policy: Policy) -> Report:
    """The report as it is; where the policy only reports, it says so above everything else and in its caveat."""
    if not policy.report_only:
        return report
    caveat = phrase("{report_only} {caveat}", report_only=REPORT_ONLY, caveat=report.caveat)
    return replace(report, title=phrase("{title} (report-only: nothing is removed)", title=report.title), caveat=caveat)


def canonical(report: Report) -> bytes:
    """The one byte form of a report: JSON, sorted keys, no blanks, UTF-8, instants in UTC, texts not translated."""
    form = {
        "schema": SCHEMA,
        "key": report.key,
        "title": _plain(report.title),
        "organisation": report.organisation,
        "period": _plain(report.period),
        "made_at": _plain(report.made_at),
        "view": _plain(report.view),
        "policies": list(report.policies),
        "figures": [
            [figure.key, _plain(figure.label), _plain(figure.value), _plain(figure.coverage)]
            for figure in report.figures
        ],
        "body": [_section(section) for section in report.body],
        "caveat": _plain(report.caveat),
    }
    return json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def digest(report: Report) -> str:
    """SHA-256 over the canonical form, 64 hexadecimal digits: the same for every language and format."""
    return hashlib.sha256(canonical(report)).hexdigest()


def section_digest(section: Section) -> str:
    """The same of one section alone."""
    return hashlib.sha256(json.dumps(_section(section), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _section(section: Section) -> dict[str, object]:
    return {
        "key": section.key,
        "heading": _plain(section.heading),
        "paragraphs": _plains(section.paragraphs),
        "columns": [
            [column.key, _plain(column.heading), column.kind.value, _plain(column.blank)] for column in section.columns
        ],
        "rows": [_plains(row) for row in section.rows],
        "totals": _plains(section.totals),
        "notes": _plains(section.notes),
        "empty": _plain(section.empty),
    }


def _plains(values: Iterable[Param | Value]) -> list[object]:
    return [_plain(value) for value in values]


def _plain(value: Param | Value) -> object:  # noqa: PLR0911 - one line a type
    """A value as JSON can hold it, each type in a shape of its own, so that no two values share one form."""
    match value:
        case StrEnum():
            return {"code": value.value, "of": type(value).__name__}
        case None | str() | int():
            return value
        case Decimal():
            return {"decimal": str(value)}
        case datetime():
            return {"instant": value.astimezone(UTC).isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Share():
            return {"part": value.part, "whole": value.whole}
        case Period():
            return {"first": value.first.isoformat(), "last": value.last.isoformat()}
        case Text():
            return {
                "text": value.message,
                "many": value.many,
                "params": {name: _plain(param) for name, param in value.params},
                **({"sense": value.sense} if value.sense else {}),
            }
        case tuple():
            return _plains(value)
