"""The report library: ask for a report, see how far it is, read it in the page, take it along as a file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from flask import abort, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES
from server.core.problems import EvidenceProblem
from server.core.reports.document import Report
from server.core.reports.removals import View
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.formats import ANSWERS, FORMATS, TITLES
from server.render.html import report_page
from server.render.refusals import at_page
from server.store.reports.library import ReportRow
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.headers import policy
from server.web.request import fill, here
from server.web.table_view import TableView, arrange
from server.work.admin import access
from server.work.reports import library
from server.work.reports.catalogue import REPORTS
from server.work.reports.counted import LEAD
from server.work.reports.library import Progress

_WAIT_SECONDS = 1.5
_LONGEST = timedelta(days=5 * 366)
_KIND = Input("kind", phrase("Report"), InputKind.CHOICE, required=False, longest=40)
_FIRST = Input("first", phrase("First day"), InputKind.DAY)
_LAST = Input("last", phrase("Last day"), InputKind.DAY)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
PROGRESS = {
    Progress.MADE: phrase("Made"),
    Progress.UNDER_WAY: phrase("Is being made"),
    Progress.BROKEN_OFF: phrase("Interrupted"),
}


def show() -> ResponseReturnValue:
    """The library, with the form to ask for a report."""
    at = here()
    today = at.context.today()
    return _page(Filled({"first": (today - timedelta(days=90)).isoformat(), "last": today.isoformat()}))


_NO_MONTH = phrase(
    "For your role reports are over whole months that are over. In none of those days was anything read yet."
)


def ask() -> ResponseReturnValue:
    """Begin to make a report."""
    at = here()
    filled = read_form(request.form, _inputs())
    if filled.sound and filled.days["last"] < filled.days["first"]:
        filled = filled.with_fault("last", phrase("The last day lies before the first."))
    elif filled.sound and filled.days["last"] - filled.days["first"] > _LONGEST:
        filled = filled.with_fault("first", phrase("At most five years at once."))
    elif filled.sound and library.lies_before_first_look(
        at.context, at.role, filled.values["kind"] or library.kinds_for(at.role)[0], filled.days["last"]
    ):
        filled = filled.with_fault(
            "last", at_page(EvidenceProblem.BEFORE_FIRST_LOOK) if at.role not in LEAD else _NO_MONTH
        )
    if not filled.sound:
        return _page(filled), 400
    key = filled.values["kind"] or library.kinds_for(at.role)[0]
    uid = library.ask_for(at.context, at.role, key, filled.days["first"], filled.days["last"], wait=_WAIT_SECONDS)
    return redirect(url_for("reports.one", uid=uid), 303)


def one(uid: str) -> ResponseReturnValue:
    """One report: how far it is, or its key figures and where to read it."""
    at = here()
    row = _found(uid)
    progress = library.progress_of(row, at.context)
    report = _read(row) if progress is Progress.MADE else None
    return fill(
        "report.html",
        TITLES[row.key],
        row=row,
        endings=tuple(FORMATS),
        progress=PROGRESS[progress],
        under_way=progress is Progress.UNDER_WAY,
        report=report,
        figures=[(figure, None) for figure in report.figures] if report else (),
    )


def read(uid: str) -> ResponseReturnValue:
    """The report as the page that needs nothing else."""
    at = here()
    page = report_page(_read(_found(uid)), at.words)
    # The page brings its own style; the answer allows that one style and nothing more.
    style = _STYLE.search(page)
    digest = base64.b64encode(hashlib.sha256(style[1].encode() if style else b"").digest()).decode()
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = policy(at.site, style=f"'sha256-{digest}'")
    return answer


def take(uid: str, kind: str) -> ResponseReturnValue:
    """The report as a file; its name says kind and day, nothing of its content."""
    at = here()
    row = _found(uid)
    if kind not in FORMATS:
        abort(404)
    answer = make_response(FORMATS[kind].write(_read(row), at.words))
    answer.content_type = FORMATS[kind].media_type
    answer.headers["Content-Disposition"] = f'attachment; filename="{row.key}-{row.first}-{row.last}-{row.view}.{kind}"'
    return answer


def _inputs() -> tuple[Input, ...]:
    """The form's fields; the sorts of reports are those of the role that asks."""
    kinds = tuple(Choice(key, TITLES[key]) for key in library.kinds_for(here().role))
    return (replace(_KIND, choices=kinds), _FIRST, _LAST)


def _found(uid: str) -> ReportRow:
    at = here()
    row = library.find_report(at.context, at.role, uid)
    if row is None:
        abort(404)
    return row


def _read(row: ReportRow) -> Report:
    at = here()
    report = library.read_report(at.context, row.uid)
    if report is None:
        abort(404)
    if row.view == View.PERSON.value and at.role in CLEARED_FOR_CASES:
        access.note_read(at.context, at.signed_in, f"report {row.uid}")
    return report


def _page(filled: Filled = EMPTY) -> str:
    at = here()
    rows = library.list_reports(at.context, at.role)
    section = Section(
        "library",
        phrase("Made before"),
        columns=(
            Column("asked", phrase("Asked for"), Kind.INSTANT),
            Column("report", phrase("Report")),
            Column("first", phrase("First day"), Kind.DATE),
            Column("last", phrase("Last day"), Kind.DATE),
            Column("view", phrase("View"), Kind.CODE),
            Column("progress", phrase("State")),
        ),
        rows=tuple(
            (row.asked_at, TITLES[row.key], row.first, row.last, View(row.view), _progress(row)) for row in rows
        ),
        empty=phrase("No report was made yet."),
    )
    return fill(
        "reports.html",
        phrase("Reports"),
        inputs=_inputs(),
        filled=filled,
        section=section,
        links=[url_for("reports.one", uid=row.uid) for row in rows],
        kinds=_kinds(rows),
    )


def _kinds(rows: Sequence[ReportRow]) -> TableView:
    """Each sort of report that this role may have: what it answers, who else reads it, and the newest as a sample."""
    newest = {row.key: row for row in reversed(rows) if library.progress_of(row, here().context) is Progress.MADE}
    keys = library.kinds_for(here().role)
    section = Section(
        "kinds",
        phrase("Which reports there are"),
        columns=(
            Column("report", phrase("Report")),
            Column("answers", phrase("What it answers first")),
            Column("readers", phrase("Who may read it")),
            Column("newest", phrase("Newest"), Kind.INSTANT, blank=phrase("Not made yet")),
        ),
        rows=tuple(
            (
                TITLES[key],
                ANSWERS[key],
                phrase("{value}", value=tuple(sorted(REPORTS[key].roles))),
                newest[key].asked_at if key in newest else None,
            )
            for key in keys
        ),
        notes=(phrase("The title leads to the newest one that was made: so looks a report of that kind."),),
    )
    return arrange(section, [url_for("reports.read", uid=newest[key].uid) if key in newest else "" for key in keys])


def _progress(row: ReportRow) -> Text:
    return PROGRESS[library.progress_of(row, here().context)]
