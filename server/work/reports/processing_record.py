"""Makes what the configuration can say for the record of processing and the impact assessment; changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum

from server.core.model import Role
from server.core.reports import article30, dpia
from server.core.reports.configuration import Configuration, Connected, SystemSort
from server.core.reports.document import Report
from server.core.reports.removals import View
from server.core.text import Period, Text
from server.store.admin import configuration, organisation
from server.store.admin.organisation import ConnectionRow
from server.work.context import Context
from server.work.reports import removal_report
from server.work.reports.counted import log_made

Readers = tuple[tuple[Text, tuple[Role, ...]], ...]
"""Which roles may have which report, by its title."""


def record_entry(context: Context, role: Role, first: date, last: date, readers: Readers) -> Report:
    """The entry for the record of processing activities."""
    return _make(context, role, Period(first, last), readers, article30.build)


def assessment_annex(context: Context, role: Role, first: date, last: date, readers: Readers) -> Report:
    """The annex to the impact assessment."""
    return _make(context, role, Period(first, last), readers, dpia.build)


def _make(
    context: Context, role: Role, period: Period, readers: Readers, build: Callable[[Configuration, StrEnum], Report]
) -> Report:
    with context.store.read() as connection:
        installation = organisation.read_installation(connection)
        known = configuration.read(connection)
        facts = Configuration(
            organisation=installation.name,
            period=period,
            made_at=context.now(),
            policy=context.policy,
            evidence_version=context.evidence().version,
            sources=tuple(removal_report.sources(context, connection)),
            phones=tuple(removal_report.phones(context, connection)),
            connections=tuple(_connected(context, row) for row in organisation.read_connections(connection)),
            case_systems=tuple(name for name, _ in organisation.case_systems(connection)),
            feeds=known.feeds,
            employers=known.employers,
            workers=known.workers,
            devices=known.devices,
            places=known.places,
            roles=known.roles,
            reports=readers,
            gates=tuple(organisation.gates(connection)),
            demo=installation.demo,
        )
    return log_made(context, role, build(facts, View.OPAQUE))


def _connected(context: Context, row: ConnectionRow) -> Connected:
    sort = context.sorts.get(row.vendor)
    return Connected(row.name, row.vendor, None if sort is None else SystemSort(sort.value))
