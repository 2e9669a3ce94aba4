"""Answers for programs: whether this process lives, and counts and metrics for monitoring."""

from __future__ import annotations

from datetime import datetime

from flask import current_app, jsonify, request
from flask.typing import ResponseReturnValue

from server.core.reports.metrics import in_tens, told_states
from server.render.reports.metrics import as_exposition
from server.store import pages
from server.store.admin import organisation, pauses
from server.store.removal import orders
from server.web.request import here
from server.work.reports import health
from server.work.reports.metrics import KEPT, KeptMetrics


def alive() -> ResponseReturnValue:
    """Whether this process answers; asks the database nothing and says nothing of the organisation."""
    return "alive\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


def status() -> ResponseReturnValue:
    """Orders by state and overdue, findings by kind, places, ages of registers, the engine's last sign, what is paused.

    Ages in seconds, null where there was none yet; what is overdue has been open for more than three days. Open orders
    are counted in tens, rounded up, and what was stopped is not told (decision 0070).
    """
    at = here()
    now = at.context.now()
    with at.context.store.read() as connection:
        states = orders.counts_by_state(connection)
        findings = pages.open_findings_by_kind(connection)
        places = organisation.read_places(connection, at.context.today())
        paused = pauses.in_force(connection, now)
        overdue = health.count_overdue(connection, now)
        systems = organisation.case_systems(connection)
    looked = max((place.looked_at for place in places if place.looked_at is not None), default=None)
    return jsonify(
        at=now.isoformat(),
        orders={state.value: count for state, count in told_states(states).items()},
        findings={kind.value: count for kind, count in findings.items()},
        paused=[
            {
                "connection": row.connection,
                "since": row.set_at.isoformat(),
                "until": row.ends_at.isoformat(),
            }
            for row in paused
        ],
        overdue=in_tens(overdue),
        registers={name: {"read_at": _text(read_at), "age": _age(now, read_at)} for name, read_at in systems},
        engine={"last_sign": _text(looked), "age": _age(now, looked)},
        places={"known": len(places), "failing": sum(place.fault is not None for place in places)},
    )


def metrics() -> ResponseReturnValue:
    """The metrics of this installation, in the text of Prometheus or OpenMetrics, whichever is asked for."""
    kept: KeptMetrics = current_app.extensions[KEPT]
    text, kind = as_exposition(kept.read(), request.headers.get("Accept", ""))
    return text, 200, {"Content-Type": kind}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _age(now: datetime, moment: datetime | None) -> int | None:
    return None if moment is None else max(0, int((now - moment).total_seconds()))
