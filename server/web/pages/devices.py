"""Devices and coverage in counts: where we look on phones, and which phones were seen fetching; no phone's holder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask.typing import ResponseReturnValue

from server.core.reports.coverage import BLIND_SPOTS, Phone, Sight, Spot, summarise
from server.core.reports.table import Column, Kind, Row, Section, phrase
from server.store import pages
from server.store.pages import DeviceLine
from server.web.here import fill, here

_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    with at.context.store.read() as connection:
        devices = pages.list_devices(connection)
    phones = [
        Phone(each.ref, None, ((Spot.MANAGED_ACCOUNT, Sight.SEEN),) if each.seen_at else (), each.last_fetch)
        for each in devices
    ]
    coverage = summarise(phones)
    return fill(
        "devices.html",
        phrase("Devices and coverage"),
        count=len(devices),
        coverage=Section(coverage.key, coverage.heading, columns=coverage.columns, rows=coverage.rows),
        fetching=_fetching(devices, at.context.now()),
        blind=BLIND_SPOTS,
    )


def _fetching(devices: Sequence[DeviceLine], now: datetime) -> Section:
    names = sorted({each.connection or "-" for each in devices})
    rows: list[Row] = []
    for name in names:
        mine = [each for each in devices if (each.connection or "-") == name]
        ages: Counter[str] = Counter()
        for each in mine:
            ages[_age(each, now)] += 1
        rows.append((name, len(mine), *(ages[age] for age in ("week", "month", "older", "never", "unseeable"))))
    return Section(
        "fetching",
        phrase("When phones were last seen fetching"),
        paragraphs=(
            phrase(
                "A phone that has not fetched may still hold what was removed. Only a store whose log is read here, "
                "and which gives each phone a login of its own, can show it."
            ),
        ),
        columns=(
            Column("connection", phrase("Connection")),
            Column("phones", phrase("Phones"), Kind.COUNT),
            Column("week", phrase("Within 7 days"), Kind.COUNT),
            Column("month", phrase("7 to 30 days ago"), Kind.COUNT),
            Column("older", phrase("Longer ago"), Kind.COUNT),
            Column("never", phrase("Never seen"), Kind.COUNT),
            Column("unseeable", phrase("Cannot be seen"), Kind.COUNT),
        ),
        rows=tuple(rows),
        empty=phrase("No phones are known. Nothing can be said of any phone."),
    )


def _age(each: DeviceLine, now: datetime) -> str:
    if each.last_fetch is None:
        return "never" if each.witnessed else "unseeable"
    age = now - each.last_fetch
    return "week" if age <= _WEEK else "month" if age <= _MONTH else "older"
