"""Tokens of programs as a table: what each may do, until when, when it was used last; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.store.admin.accounts import TokenRow

_IN_FORCE = phrase("In force")
_ENDED = phrase("Ended by hand")
_OVER = phrase("Past its last day")


def tokens(rows: Sequence[TokenRow], now: datetime) -> Section:
    """Every token, those in force first."""
    return Section(
        "tokens",
        phrase("Tokens of programs"),
        columns=(
            Column("name", phrase("Name")),
            Column("stands", phrase("State")),
            Column("scopes", phrase("May do")),
            Column("case_system", phrase("Case system"), blank=phrase("None")),
            Column("employer", phrase("Employer"), blank=phrase("All")),
            Column("owner", phrase("Who answers for it"), blank=phrase("Not said")),
            Column("made", phrase("Made"), Kind.INSTANT),
            Column("until", phrase("Holds until"), Kind.INSTANT),
            Column("used", phrase("Used last"), Kind.INSTANT, blank=phrase("Never")),
        ),
        rows=tuple(
            (
                row.name,
                _stands(row, now),
                ", ".join(row.scopes),
                row.case_system,
                row.employer,
                row.owner,
                row.made_at,
                row.ends_at,
                row.used_at,
            )
            for row in sorted(rows, key=lambda row: (not in_force(row, now), row.name))
        ),
        empty=phrase("There is no token yet: closeout token add"),
    )


def in_force(row: TokenRow, now: datetime) -> bool:
    """Whether a program comes in with it."""
    return row.revoked_at is None and now < row.ends_at


def _stands(row: TokenRow, now: datetime) -> Text:
    if row.revoked_at is not None:
        return _ENDED
    return _IN_FORCE if now < row.ends_at else _OVER
