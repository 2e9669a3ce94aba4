"""Contacts with clients for which no reason is known, as a table: for the command and for the page; no act."""

from __future__ import annotations

from collections.abc import Mapping

from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.core.usage.channels import Looked


def facts_section(looked: Looked, workers: Mapping[int, str], cases: Mapping[int, str]) -> Section:
    """In the order of cases and workers, never in that of counts."""
    return Section(
        "facts",
        phrase("Contacts with clients for which no reason is known"),
        columns=(
            Column("worker", phrase("Worker")),
            Column("case", phrase("Case number")),
            Column("ground", phrase("What the register says"), Kind.CODE),
            Column("confidence", phrase("How we know"), Kind.CODE),
            Column("incoming", phrase("From the client"), Kind.COUNT),
            Column("outgoing", phrase("To the client"), Kind.COUNT),
            Column("unknown", phrase("Direction not known"), Kind.COUNT),
            Column("first", phrase("First day"), Kind.DATE),
            Column("last", phrase("Last day"), Kind.DATE),
            Column("duty", phrase("On a duty day"), Kind.COUNT),
            Column("reopened", phrase("Shortly before a reopening"), Kind.COUNT),
        ),
        rows=tuple(
            (
                workers.get(fact.worker),
                cases.get(fact.case),
                fact.ground,
                fact.confidence,
                fact.incoming,
                fact.outgoing,
                fact.direction_unknown,
                fact.first,
                fact.last,
                fact.on_duty,
                fact.before_reopening,
            )
            for fact in looked.facts
        ),
        notes=(
            phrase(
                "A reason that nobody wrote down is a common answer: cover, duty, a call that was returned. Ask first."
            ),
            phrase("What is about one of the two who look, or about a team that one of them leads, is left out."),
        ),
        empty=phrase("There are none."),
    )


def known_besides(looked: Looked) -> Text:
    """What stands beside them: how many contacts had a known reason."""
    return phrase(
        "Contacts with a known reason: {known}. About which the register says nothing: {untold}.",
        known=looked.with_reason,
        untold=looked.not_known,
    )
