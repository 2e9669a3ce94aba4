"""The schedule of reports and reminders: text to entries, and which period an entry is about; no file, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from server.core.model import Role
from server.core.policy.schema import Part, Slug
from server.core.policy.yaml_lines import read_lines
from server.core.text import Period

_Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
_LOOSE = Field(strict=False)


class Every(StrEnum):
    """How often, and so over which whole period."""

    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half"
    YEAR = "year"


_MONTHS = {Every.MONTH: 1, Every.QUARTER: 3, Every.HALF: 6, Every.YEAR: 12}


class _Entry(Part):
    report: Slug
    every: Annotated[Every, _LOOSE]
    role: Annotated[Role, _LOOSE]
    language: Literal["nl", "en"] = "nl"
    tell: list[_Address] = Field(min_length=1, max_length=50)


class _File(Part):
    reports: list[_Entry] = Field(default_factory=list)
    declarations: Literal["nl", "en"] | None = None
    attestations: Literal["nl", "en"] | None = None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A report that is made at fixed times, in which role, and who is told that it is ready."""

    report: str
    every: Every
    role: Role
    language: str
    tell: tuple[str, ...]

    def period(self, today: date) -> Period:
        """The last whole month, quarter, half-year or year before today."""
        months = _MONTHS[self.every]
        first = today.replace(day=1)
        first = _back(first, (first.month - 1) % months)
        return Period(_back(first, months), first - timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is done without being asked. declarations: language in which workers are reminded of theirs; None: not.
    attestations: the same of what they have not stated yet about numbers saved elsewhere.
    """

    reports: tuple[Scheduled, ...] = ()
    declarations: str | None = None
    attestations: str | None = None


def read_schedule(text: str) -> Schedule | None:
    """The schedule from its text (YAML); None if it is not valid."""
    lines = read_lines(text)
    if lines.faults or not lines.readable:
        return None
    try:
        content = _File.model_validate(lines.value)
    except ValidationError:
        return None
    reports = tuple(
        Scheduled(each.report, each.every, each.role, each.language, tuple(dict.fromkeys(each.tell)))
        for each in content.reports
    )
    return Schedule(reports, content.declarations, content.attestations)


def _back(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
