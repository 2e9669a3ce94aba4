"""The log: how long it is, up to where it is vouched for, which stores' logs were read; and the check of the whole."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

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
from server.render.admin.witnesses import section as log_witnesses_section
from server.store.reports import removal_facts
from server.web.request import fill, here
from server.work.admin import log_checkpoints, log_witnesses
from server.work.admin.log_checkpoints import LogChecked
from server.work.reports import health


def show() -> ResponseReturnValue:
    """How it stands, without reading it."""
    return _page(None)


def check() -> ResponseReturnValue:
    """Read the whole log and hold it against every signed head."""
    at = here()
    return _page(log_checkpoints.check_log(at.context, at.context.checkpoint_file, restricted=True))


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
