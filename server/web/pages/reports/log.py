"""The log: how long it is, up to where it is vouched for, its entries for people, and the check of the whole."""

from __future__ import annotations

from datetime import timedelta

from flask import request
from flask.typing import ResponseReturnValue

from server.core.days import midnight
from server.core.log.entries import EntryKind
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.admin.log_check import (
    PUT_BACK,
    faults_section,
    findings_section,
    removals_section,
    say_findings_differ,
    say_removals_differ,
)
from server.render.admin.log_entries import ENTRY_KINDS, entries_section
from server.render.admin.witnesses import section as log_witnesses_section
from server.store.reports import removal_facts
from server.web.long_lists import asked_day
from server.web.request import fill, here
from server.web.table_view import arrange
from server.work.admin import log_checkpoints, log_reading, log_witnesses
from server.work.admin.log_checkpoints import LogChecked
from server.work.admin.log_reading import LogFilter
from server.work.reports import health

_SHOWN = 200
"""Entries on a page; the command shows more."""


def show() -> ResponseReturnValue:
    """How it stands, without reading it."""
    return _page(None)


def check() -> ResponseReturnValue:
    """Read the whole log and hold it against every signed head."""
    at = here()
    return _page(log_checkpoints.check_log(at.context, at.context.checkpoint_file, restricted=True))


def entries() -> ResponseReturnValue:
    """The newest entries, or the newest of a kind and of some days; that they were read is an entry, too."""
    at = here()
    asked = request.args.get("kind", "")
    kind = EntryKind(asked) if asked in set(EntryKind) else None
    since, until = asked_day("since"), asked_day("until")
    wanted = LogFilter(
        kind=kind,
        since=None if since is None else midnight(since),
        until=None if until is None else midnight(until + timedelta(days=1)),
        most=_SHOWN,
    )
    found = log_reading.read_log(at.context, at.role, wanted)
    return fill(
        "log_entries.html",
        phrase("Entries of the audit log"),
        kinds=sorted(((each, at.words.say(name)) for each, name in ENTRY_KINDS.items()), key=lambda each: each[1]),
        kind=kind,
        since=since,
        until=until,
        list=arrange(entries_section(found.entries)),
        shown=len(found.entries),
        matching=found.matching,
    )


def _page(checked: LogChecked | None) -> str:
    at = here()
    with at.context.store.read() as connection:
        read = removal_facts.read_witness_sources(connection)
    witnesses = Section(
        "witnesses",
        phrase("Logs that show which phone synchronised what"),
        columns=(Column("name", phrase("Server")), Column("read", phrase("Last read"), Kind.INSTANT)),
        rows=tuple(read),
        empty=phrase("No server's log is read here, so no phone can be seen to synchronise."),
    )
    return fill(
        "log.html",
        phrase("Audit log"),
        standing=health.log_standing(at.context),
        may_read=at.role in log_reading.MAY_READ,
        checked=checked,
        put_back=PUT_BACK,
        faults=faults_section(checked.faults if checked else ()),
        removals=removals_section(checked.removals) if checked and checked.removals else None,
        removals_differ=say_removals_differ(len(checked.removals)) if checked and checked.removals else None,
        findings=findings_section(checked.findings) if checked and checked.findings else None,
        findings_differ=say_findings_differ(len(checked.findings)) if checked and checked.findings else None,
        witnesses=witnesses,
        cosigned=log_witnesses_section(
            (each.name, each.cosigned, each.at, each.fault) for each in log_witnesses.standings(at.context)
        ),
    )
