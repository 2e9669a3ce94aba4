"""What a zaak says of a known case, as tables: closed where date and status both say so, open where neither does."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server.core.register.one_case import CaseContent, CaseFields
from server.core.register.zgw import ZaakRead, ZaakState, state_of, told_by

TODAY = date(2025, 3, 4)
ENDED = datetime(2025, 3, 2, 23, tzinfo=UTC)
"""The end of 2 March in Amsterdam."""
LATER = datetime(2025, 3, 3, 23, tzinfo=UTC)
STATES = [
    (None, None, ZaakState.OPEN),
    (None, False, ZaakState.OPEN),
    (None, True, ZaakState.UNCLEAR),
    (date(2025, 3, 2), True, ZaakState.ENDED),
    (TODAY, True, ZaakState.ENDED),
    (date(2025, 3, 5), True, ZaakState.UNCLEAR),
    (date(2025, 3, 2), False, ZaakState.UNCLEAR),
    (date(2025, 3, 2), None, ZaakState.UNCLEAR),
]


@pytest.mark.parametrize(("ended_on", "final", "state"), STATES)
def test_a_zaak_has_ended_where_its_date_and_its_status_both_say_so(
    ended_on: date | None, final: bool | None, state: ZaakState
) -> None:
    assert state_of(ZaakRead("240117", ended_on, final), TODAY) is state


OPEN, OVER = (None, False), (date(2025, 3, 2), True)
CLOSED = ("closed", ENDED)
TOLD = [
    (OPEN, ("investigation", None), True, None),
    (OPEN, ("monitoring", None), True, None),
    (OPEN, CLOSED, True, ("investigation", None)),
    (OPEN, ("closed", None), False, ("investigation", None)),
    (OVER, ("monitoring", None), True, CLOSED),
    (OVER, ("investigation", None), False, ("closed", None)),
    (OVER, ("closed", None), True, CLOSED),
    (OVER, ("closed", None), False, None),
    (OVER, CLOSED, True, None),
    (OVER, CLOSED, False, None),
    (OVER, ("closed", LATER), True, None),
    ((None, True), CLOSED, True, None),
    ((date(2025, 3, 2), False), ("investigation", None), True, None),
]


@pytest.mark.parametrize(("said", "known", "confirms", "told"), TOLD)
def test_nothing_but_whether_it_runs_is_taken_over(
    said: tuple[date | None, bool | None],
    known: tuple[str, datetime | None],
    confirms: bool,
    told: tuple[str, datetime | None] | None,
) -> None:
    def content(phase: str, closed_at: datetime | None) -> CaseContent:
        case = CaseFields(phase, date(2024, 1, 9), closed_at, True, date(2024, 6, 1))
        return CaseContent(case, frozenset(), frozenset(), frozenset())

    found = told_by(ZaakRead("240117", *said), content(*known), confirms=confirms, today=TODAY)
    assert found == (None if told is None else content(*told))
