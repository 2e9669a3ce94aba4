"""The report library: reports are made beside the page that asks for them, kept sealed, and read back as they were."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum

from server.core.model import Role
from server.core.reports.document import Report, as_report_only, canonical, digest
from server.core.reports.kept import restore
from server.core.reports.removals import View, view_for
from server.store.reports import library
from server.store.reports.library import ReportRow
from server.work.context import Context
from server.work.reports import removal_report
from server.work.reports.catalogue import REPORTS
from server.work.reports.counted import LEAD

_log = logging.getLogger(__name__)
_SILENT_FOR = timedelta(minutes=5)
_STEP_EVERY = timedelta(seconds=1)


class Progress(StrEnum):
    """How a report stands."""

    MADE = "made"
    UNDER_WAY = "under_way"
    BROKEN_OFF = "broken_off"


def progress_of(row: ReportRow, context: Context) -> Progress:
    """Made; under way; or broken off: it failed, or whoever made it gives no sign of life."""
    if row.made_at is not None:
        return Progress.MADE
    if row.failed_at is not None or context.now() - row.step_at > _SILENT_FOR:
        return Progress.BROKEN_OFF
    return Progress.UNDER_WAY


def ask_for(context: Context, role: Role, key: str, first: date, last: date, *, wait: float) -> str:
    """Begin to make a report over whole days, as this role may see it; returns its id.

    One that is being made already is not begun again (a double click). wait: seconds to stay until it is made; small
    organisations' reports are made within it, and large ones go on. ValueError: this role may not have that report.
    """
    kind = REPORTS[key]
    if role not in kind.roles:
        raise ValueError(f"{key} is not for {role}")
    uid = uuid.uuid4().hex[:16]
    view = view_for(role).value if kind.personal else View.OPAQUE.value
    with context.store.write() as connection:
        now = context.now()
        same = library.under_way(connection, key, view, first, last, now - _SILENT_FOR)
        if same is not None:
            return same
        library.ask(connection, uid=uid, key=key, view=view, first=first, last=last, now=now, role=role)
    maker = threading.Thread(
        target=_make, args=(context, uid, key, role, first, last), name=f"report-{uid}", daemon=True
    )
    maker.start()
    maker.join(wait)
    return uid


def lies_before_first_look(context: Context, role: Role, key: str, last: date) -> bool:
    """Whether that report cannot be made, since it would end before anything was looked at.

    Who leads people has it over whole months that are over, so up to the last of these.
    """
    if role in LEAD:
        last = min(last, context.today().replace(day=1) - timedelta(days=1))
    with context.store.read() as connection:
        return REPORTS[key].on_looks and removal_report.tells_nothing(connection, last, context.today())


def may_read(row: ReportRow, role: Role) -> bool:
    """Whether a report of that sort and in that view is for this role."""
    return row.key in kinds_for(role) and row.view in views_for(role)


def kinds_for(role: Role) -> Sequence[str]:
    """The sorts of reports that this role may have, by their keys."""
    return [key for key, kind in REPORTS.items() if role in kind.roles]


def views_for(role: Role) -> Sequence[str]:
    """The views that a role reads: those cleared for cases read both."""
    return (view_for(role).value, View.OPAQUE.value) if view_for(role) is View.PERSON else (View.OPAQUE.value,)


def list_reports(context: Context, role: Role) -> Sequence[ReportRow]:
    """The reports that this role may read, newest first."""
    with context.store.read() as connection:
        return library.list_reports(connection, kinds_for(role), views_for(role))


def find_report(context: Context, role: Role, uid: str) -> ReportRow | None:
    """The report of that id, if this role may read it."""
    with context.store.read() as connection:
        row = library.find(connection, uid)
    return row if row is not None and may_read(row, role) else None


def read_report(context: Context, uid: str) -> Report | None:
    """A report as it was made; None if it is not made yet."""
    with context.store.read() as connection:
        form = library.form_of(connection, context.keys.sealer, uid)
    return None if form is None else restore(form)


def _make(context: Context, uid: str, key: str, role: Role, first: date, last: date) -> None:
    last_step = context.now()

    def note(done: int, steps: int) -> None:
        nonlocal last_step
        now = context.now()
        if now - last_step >= _STEP_EVERY:
            last_step = now
            with context.store.write() as connection:
                library.note_step(connection, uid, done, steps, now)

    try:
        made = as_report_only(REPORTS[key].make(replace(context, progress=note), role, first, last), context.policy)
        with context.store.write() as connection:
            library.keep(connection, context.keys.sealer, uid, canonical(made), digest(made), context.now())
    except Exception as error:  # noqa: BLE001 - a thread's end: whatever it was, the page must say that it broke off
        _log.error("report %s broke off: %s", uid, type(error).__name__)
        with context.store.write() as connection:
            library.note_failure(connection, uid, context.now())
