"""Devices and coverage in counts, phones at their managers, one page for each phone; whose it is for those cleared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES
from server.core.reports.coverage import BLIND_SPOTS, summarise
from server.core.tables import Column, Kind, Row, Section
from server.core.text import phrase
from server.render.phones import tables
from server.store import pages
from server.store.pages import DeviceLine
from server.store.phones import managed as phone_rows
from server.store.phones import pages as phone_pages
from server.store.phones import repush
from server.web.request import fill, here, notify
from server.work.admin.access import note_read
from server.work.phones import managers as acts
from server.work.reports.removal_report import phones as phones_seen

_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    now = at.context.now()
    with at.context.store.read() as connection:
        devices = pages.list_devices(connection)
        teams = phone_pages.team_covers(connection)
        lines = phone_pages.read_phones(connection)
        proposals = repush.read_repushes(connection)
        coverage = summarise(list(phones_seen(at.context, connection)))
    cleared = at.role in CLEARED_FOR_CASES
    if cleared:
        note_read(at.context, at.signed_in, "devices")
    return fill(
        "devices.html",
        phrase("Phones and coverage"),
        count=len(devices),
        cover=tables.cover(teams),
        coverage=Section(coverage.key, coverage.heading, columns=coverage.columns, rows=coverage.rows),
        fetching=_fetching(devices, now),
        silence=tables.silence(lines, now),
        phones=tables.listing(lines, cleared=cleared),
        links=[url_for("devices.one", uid=each.uid) for each in lines],
        limits=tables.limits({name: mdm.capabilities() for name, mdm in at.context.mdms.items()}),
        waiting=[each for each in proposals if each.released_at is None and each.refused_at is None],
        may_answer=cleared,
        blind=BLIND_SPOTS,
    )


def one(uid: str) -> ResponseReturnValue:
    """One phone: where can a number be saved on it, is that closed, what should be pushed."""
    at = here()
    with at.context.store.read() as connection:
        found = phone_pages.read_phones(connection, uid=uid)
        if not found:
            abort(404)
        (line,) = found
        facts = phone_rows.facts_of(connection, line.id)
        apps = phone_pages.apps_of(connection, line.id)
        asks = phone_pages.asks_of(connection, line.id)
    cleared = at.role in CLEARED_FOR_CASES
    if cleared:
        note_read(at.context, at.signed_in, "a phone")
    return fill(
        "device.html",
        phrase("Phone {uid}", uid=line.uid),
        left=line.left_at,
        parts=[
            tables.ways(facts, apps),
            tables.aspects(facts),
            tables.watched(apps),
            tables.asks(asks),
            tables.whose(line, cleared=cleared),
        ],
    )


def answer(uid: str) -> ResponseReturnValue:
    """Release a proposal about phones that stopped syncing, or refuse it."""
    at = here()
    act = request.form.get("act", "")
    if act not in ("release", "refuse"):
        abort(404)
    if acts.answer_repush(at.context, uid, at.role, grant=act == "release") is None:
        abort(404)
    notify("repush_released" if act == "release" else "repush_refused")
    return redirect(url_for("devices.show"), 303)


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
        phrase("When phones last synchronised"),
        paragraphs=(
            phrase(
                "A phone that has not synchronised may still hold what was removed. Only a server whose log is "
                "read here, and which gives each phone an account of its own, can show it."
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
