"""Every form in which a report can be exported, in one literal table; no form is made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.core.reports.document import Report
from server.core.text import Text, phrase
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


TITLES: Mapping[str, Text] = {
    "removals": phrase("What was removed, what was not, and why"),
    "channels": phrase("Which channels were used, with whom"),
    "declarations": phrase("Declarations of business use, compared with usage data"),
    "quarterly": phrase("Quarterly report of the privacy officer"),
    "council": phrase("Report for works council and clients' council"),
    "management": phrase("Paragraph for the management report"),
    "sample": phrase("Sample of verified removals"),
    "coverage": phrase("Where we looked, and what may still be there"),
    "times": phrase("Time from closure to verified removal"),
    "policies": phrase("Changes of policy, and what was in force"),
    "deviations": phrase("Deviations: reasoned exceptions"),
    "article30": phrase("Record of processing activities: this entry"),
    "dpia": phrase("Annex to the data protection impact assessment"),
}
"""What each sort of report is called, by its key."""

ANSWERS: Mapping[str, Text] = {
    "removals": phrase("Of each contact: verified removed, postponed, or with a person, each with its reason."),
    "channels": phrase("Whether WhatsApp is used beside the approved channels, with whom, and how safe that was."),
    "declarations": phrase("Who signed for business use, and what usage data say about the declared share."),
    "quarterly": phrase(
        "How the quarter went: what was removed within the policy's days, what waits, and what is to be done."
    ),
    "council": phrase(
        "What is done with workers' data, in counts alone: removals, findings, deviations and declarations."
    ),
    "management": phrase("One paragraph with its figures, to be taken over into the management report."),
    "sample": phrase("Removals drawn by lot, each from closure to proof, for an inspector to check."),
    "coverage": phrase("Which places on phones were read, which were not, and how recent that is."),
    "times": phrase("How many removals were verified within the policy's days, and where the others waited."),
    "policies": phrase("Which version of the policy decided when, and what the one in force says."),
    "deviations": phrase("Which contacts stay longer, on whose decision and until when."),
    "article30": phrase("The entry for the record of processing activities (GDPR 30), from what is configured."),
    "dpia": phrase("Risks and measures as they are configured, to be added to the DPIA."),
}
"""The question that each sort of report answers first, by its key."""


def file_name(report: Report, ending: str) -> str:
    """Says kind, period and view, and nothing of the content."""
    return f"{report.key}-{report.period.first}-{report.period.last}-{report.view}.{ending}"
