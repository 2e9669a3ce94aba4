"""Every form in which a report can be taken along, in one literal table; no form is made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.core.reports.table import Report
from server.render.delimited import report_csv
from server.render.html import report_page
from server.render.printed import report_pdf
from server.render.structured import report_json
from server.render.words import Words
from server.render.workbook import report_xlsx


@dataclass(frozen=True, slots=True)
class Format:
    """How a form is made and what it is called between programs (media type, RFC 6838)."""

    write: Callable[[Report, Words], bytes]
    media_type: str


FORMATS: Mapping[str, Format] = {
    "html": Format(lambda report, words: report_page(report, words).encode(), "text/html; charset=utf-8"),
    "pdf": Format(report_pdf, "application/pdf"),
    "xlsx": Format(report_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": Format(report_csv, "text/csv; charset=utf-8"),
    "json": Format(lambda report, words: report_json(report, words).encode(), "application/json"),
}
"""By the ending of the file."""


def file_name(report: Report, ending: str) -> str:
    """Says kind, period and view, and nothing of the content."""
    return f"{report.key}-{report.period.first}-{report.period.last}-{report.view}.{ending}"
