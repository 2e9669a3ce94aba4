"""Engines that do not answer, as answers of commands; no act."""

from __future__ import annotations

from collections.abc import Sequence

from server.core.tables import Column, Kind, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.store.removal.orders import AwaitedEngine


def awaited(found: Sequence[AwaitedEngine]) -> Answer:
    """Those whose answer is waited for."""
    section = Section(
        "engines",
        phrase("Background workers that have not answered"),
        columns=(
            Column("name", phrase("Name")),
            Column("claims", phrase("Calls that may still be sent"), Kind.COUNT),
            Column("since", phrase("Taken over since"), Kind.INSTANT),
        ),
        rows=tuple((each.name, each.claims, each.since) for each in found),
        empty=phrase("Every background worker has answered."),
    )
    ways = (
        phrase("Start the background worker of that machine again: it sees by itself what ended."),
        phrase("Only if that machine is gone for good: closeout engines gone NAME"),
    )
    title = (
        phrase("Background workers that have not answered")
        if found
        else phrase("Every background worker has answered.")
    )
    return Answer(ok=True, title=title, sections=(section,), what_next=ways if found else (), key="engines")


def gone(count: int) -> Answer:
    """After `engines gone`."""
    return Answer(
        ok=True,
        title=phrase("Recorded: it no longer runs."),
        lines=(
            phrase(
                "One call of it will not be answered. Whether it was sent is not known until its address book is read.",
                many="{count} calls of it will not be answered. Whether they were sent is not known until their "
                "address books are read.",
                count=count,
            ),
        ),
        key="engine_gone",
    )
