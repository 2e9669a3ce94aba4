"""Answers for programs: whether this process lives, and counts for monitoring."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue

from server.store import orders, organisation, pages, pauses
from server.web.here import here


def alive() -> ResponseReturnValue:
    """Whether this process answers; asks the database nothing and says nothing of the organisation."""
    return "alive\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


def status() -> ResponseReturnValue:
    """Orders by state, open findings by kind, places by whether they can be read, and what is paused."""
    at = here()
    with at.context.store.read() as connection:
        states = orders.counts_by_state(connection)
        findings = pages.open_findings_by_kind(connection)
        places = organisation.read_places(connection, at.context.today())
        paused = pauses.in_force(connection, at.context.now())
    return jsonify(
        at=at.context.now().isoformat(),
        orders={state.value: count for state, count in states.items()},
        findings={kind.value: count for kind, count in findings.items()},
        paused=[
            {
                "connection": row.connection,
                "since": row.set_at.isoformat(),
                "until": row.ends_at.isoformat(),
            }
            for row in paused
        ],
        places={"known": len(places), "failing": sum(place.fault is not None for place in places)},
    )
