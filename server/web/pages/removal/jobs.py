"""The engine's work in counts and opaque ids: what is due, how fast it goes, what is stuck, why and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from flask.typing import ResponseReturnValue

from mdm_adapters.port import Fault, Outcome
from server.core.model import State
from server.core.removal.plan import item_id
from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.charts import Bar, Bars, summarise_bars
from server.store import pages
from server.store.admin import organisation, pauses
from server.store.pages import OrderFilter, OrderLine
from server.store.removal import orders
from server.web.cache import counted
from server.web.dates import edges_of, last_days
from server.web.long_lists import orders_shown
from server.web.pages.removal.pauses import where
from server.web.request import Here, fill, here

_DAYS = 14
_WAITS = (State.WAITING, State.READY, State.CALLING, State.CHECKING, State.PERSON, State.DONE)


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    days = last_days(at.context.today(), _DAYS)
    when, (counts, settled) = counted("jobs", lambda: _count(at, days))
    with at.context.store.read() as connection:
        due = orders.next_due(connection)
        paused = pauses.in_force(connection, at.context.now())
        places = organisation.read_places(connection, at.context.today())
    bars = tuple(Bar(day, count) for day, count in zip(days, settled, strict=True))
    states = Section(
        "states",
        phrase("The queue"),
        columns=(
            Column("state", phrase("What happens next"), Kind.CODE),
            Column("count", phrase("Orders"), Kind.COUNT),
        ),
        rows=tuple((state, counts[state]) for state in _WAITS if state in counts),
        empty=phrase("There are no orders yet."),
    )
    return fill(
        "jobs.html",
        phrase("Processing"),
        when=when,
        states=states,
        throughput=Bars(
            "throughput",
            phrase("Verified each day"),
            phrase("Day"),
            phrase("Orders"),
            bars,
            summarise_bars(bars),
        ),
        stuck=orders_shown(OrderFilter(settled=False, stuck=True), "planned", _stuck, falling=False),
        due=due,
        paused=[(where(row), row) for row in paused],
        late=due is not None and at.context.now() - due > timedelta(minutes=10),
        looked=max((place.looked_at for place in places if place.looked_at is not None), default=None),
    )


def _count(at: Here, days: Sequence[date]) -> tuple[Mapping[State, int], Sequence[int]]:
    with at.context.store.read() as connection:
        return (
            orders.counts_by_state(connection),
            pages.count_settled(connection, edges_of(days, timedelta(days=1))),
        )


def _stuck(rows: Sequence[OrderLine]) -> Section:
    def why(line: OrderLine) -> Fault | Outcome:
        return line.fault or line.outcome or Outcome.UNCLEAR

    return Section(
        "stuck",
        phrase("Stuck: these cannot go on by themselves"),
        columns=(
            Column("item", phrase("Contact code")),
            Column("place", phrase("Address book")),
            Column("connection", phrase("Connection")),
            Column("why", phrase("What went wrong"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
            Column("tries", phrase("Failed calls"), Kind.COUNT),
            Column("planned", phrase("Scheduled"), Kind.INSTANT),
            Column("next", phrase("Tried again"), Kind.INSTANT, phrase("Once somebody has looked"), sort=False),
        ),
        rows=tuple(
            (
                item_id(line.place, line.token),
                line.place,
                line.connection,
                why(line),
                why(line),
                line.attempts,
                line.planned_at,
                line.next_at,
            )
            for line in rows
        ),
        empty=phrase("Nothing is stuck."),
    )
