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
        phrase("Engines that have not answered"),
        columns=(
            Column("name", phrase("Name")),
            Column("claims", phrase("Calls that may still go out"), Kind.COUNT),
            Column("since", phrase("Taken over since"), Kind.INSTANT),
        ),
        rows=tuple((each.name, each.claims, each.since) for each in found),
        empty=phrase("Every engine has answered."),
    )
    ways = (
        phrase("Start the engine of that machine again: it sees by itself what ended."),
        phrase("Only if that machine is gone for good: closeout engines gone NAME"),
    )
    title = phrase("Engines that have not answered") if found else phrase("Every engine has answered.")
    return Answer(ok=True, title=title, sections=(section,), what_next=ways if found else (), key="engines")


def gone(count: int) -> Answer:
    """After `engines gone`."""
    return Answer(
        ok=True,
        title=phrase("Taken down: it runs no more."),
        lines=(
            phrase(
                "One call of it will not be answered. Whether it went out is not known until its place is looked at.",
                many="{count} calls of it will not be answered. Whether they went out is not known until their places "
                "are looked at.",
                count=count,
            ),
        ),
        key="engine_gone",
    )
