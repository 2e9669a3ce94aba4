"""Every report there is, in one literal table: who may have it, over what it is made, and the act that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from server.core.model import Role
from server.core.reports.document import Report
from server.core.text import Period
from server.render.formats import TITLES
from server.work.context import Context
from server.work.reports import counted, processing_record, removal_report
from server.work.usage import declarations, feeds

Make = Callable[[Context, Role, date, date], Report]

PRIVACY = frozenset({Role.PRIVACY_OFFICER})
AUDIT = frozenset({Role.DATA_PROTECTION_OFFICER, Role.AUDITOR})
"""They read what others do, without case numbers and workers, and act on nothing."""
INDEPENDENT = frozenset({Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR})
IT = frozenset({Role.IT_ADMINISTRATOR})
LINE = frozenset({Role.LINE_MANAGER, Role.WORK_SUPERVISOR})
"""They see counts of the whole organisation, and no more."""


class Span(StrEnum):
    """Over what a report is made when nobody says it."""

    DAYS = "days"
    """The last ninety days."""
    MONTHS = "months"
    """The last three whole months."""
    QUARTER = "quarter"
    """The last whole quarter."""
    HALF = "half"
    """The last whole half-year."""
    NOW = "now"
    """As it stands today."""


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One sort of report.

    personal: those cleared for cases see case numbers and workers in it; in all others nobody does. whole_months: it
    is made over whole months, whatever days are named. on_looks: it is made from looks at address books, so not over
    days before the first.
    """

    make: Make
    roles: frozenset[Role]
    span: Span
    personal: bool = False
    whole_months: bool = False
    on_looks: bool = True


REPORTS: Mapping[str, ReportKind] = {
    "removals": ReportKind(
        removal_report.removals,
        PRIVACY | AUDIT | INDEPENDENT | IT,
        Span.DAYS,
        personal=True,
    ),
    "channels": ReportKind(
        lambda context, role, first, last: feeds.channel_report(
            context, context.catalogue(), context.evidence(), role, first, last
        ),
        PRIVACY | AUDIT,
        Span.MONTHS,
        whole_months=True,
        on_looks=False,
    ),
    "declarations": ReportKind(
        lambda context, role, first, last: declarations.report(context, context.evidence(), role, first, last),
        PRIVACY | AUDIT,
        Span.MONTHS,
        whole_months=True,
        on_looks=False,
    ),
    "quarterly": ReportKind(
        counted.quarter,
        PRIVACY | AUDIT,
        Span.QUARTER,
        whole_months=True,
    ),
    "council": ReportKind(
        counted.councils,
        PRIVACY | AUDIT | LINE,
        Span.HALF,
        whole_months=True,
    ),
    "management": ReportKind(counted.paragraph, PRIVACY | AUDIT | LINE, Span.QUARTER),
    "sample": ReportKind(counted.draw_sample, PRIVACY | AUDIT, Span.DAYS),
    "coverage": ReportKind(counted.coverage, PRIVACY | AUDIT | IT, Span.DAYS),
    "times": ReportKind(counted.time_to_zero, PRIVACY | AUDIT | IT, Span.DAYS),
    "policies": ReportKind(counted.policies, PRIVACY | AUDIT | IT, Span.DAYS, on_looks=False),
    "deviations": ReportKind(
        counted.deviations,
        PRIVACY | AUDIT,
        Span.DAYS,
        personal=True,
        on_looks=False,
    ),
    "article30": ReportKind(
        lambda context, role, first, last: processing_record.record_entry(context, role, first, last, _readers()),
        PRIVACY | AUDIT | IT,
        Span.NOW,
        on_looks=False,
    ),
    "dpia": ReportKind(
        lambda context, role, first, last: processing_record.assessment_annex(context, role, first, last, _readers()),
        PRIVACY | AUDIT | IT,
        Span.NOW,
        on_looks=False,
    ),
}
"""By the key that stands in files, addresses and the log."""


def _readers() -> processing_record.Readers:
    return tuple((TITLES[key], tuple(sorted(kind.roles))) for key, kind in REPORTS.items())


def usual_period(span: Span, today: date) -> Period:
    """The days that a report is made over when nobody names them."""
    month = today.replace(day=1)
    match span:
        case Span.DAYS:
            return Period(today - timedelta(days=90), today)
        case Span.MONTHS:
            return _before(month, 3)
        case Span.QUARTER:
            return _before(_months_back(month, (month.month - 1) % 3), 3)
        case Span.HALF:
            return _before(_months_back(month, (month.month - 1) % 6), 6)
        case Span.NOW:
            return Period(today, today)


def _before(first: date, months: int) -> Period:
    """So many whole months, up to the day before."""
    return Period(_months_back(first, months), first - timedelta(days=1))


def _months_back(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
