"""Who is who on the day: what became of a number, a phone or a worker later changes nothing of what a bill tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from server.core.model import ContactClass, Phase, Role
from server.core.usage.channels import Ground
from server.core.usage.declarations import UsageOutcome
from server.core.usage.model import Quantity
from server.sources.case_file import open_export
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from server.work.context import AMSTERDAM
from server.work.register import intake
from server.work.usage import declarations, feeds
from tests.work.desk import Office, open_office, rules

pytestmark = pytest.mark.parts
FRIEND = "06-12349901"


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = open_office(database_url, tmp_path)
    yield office
    office.context.store.close()


def tell(office: Office, *rows: Row) -> None:
    """The register's next full export, made now."""
    mapping = load_mapping("generic-en")
    where = office.folder / f"register-{office.clock.now:%Y%m%d%H%M}"
    where.mkdir()
    export = open_export(write_rows(rows, mapping, where, office.clock.now), mapping)
    assert intake.take_in(office.context, export, confirmed=True).outcome is intake.Outcome.APPLIED


def case_of(
    number: str, client: str, worker: str, opened: date, closed: datetime | None = None, line: int = 2
) -> Sequence[Row]:
    """A case with one client and one worker."""
    phase = Phase.INVESTIGATION if closed is None else Phase.CLOSED
    begun = datetime(opened.year, opened.month, opened.day, tzinfo=AMSTERDAM)
    return (
        CaseRow(line, number, phase, opened, closed, recorded=True),
        ContactRow(line, number, "A", ContactClass.CLIENT, client),
        AssignmentRow(line, number, worker, "case worker", begun, closed),
    )


def calls(number: str, *days: str) -> list[str]:
    """A call a day from the first worker's phone."""
    return [f"device-1;{day} 19:00:00;{number};uit;60" for day in days]


def told_of(office: Office) -> list[tuple[str, str, str]]:
    """For each day with calls: with whom, and what for."""
    return [(day, party, use) for day, quantity, party, use, _, _ in office.sums() if quantity == "calls"]


# --- a number is a client's from the day a case began to the day it ended -------------------------------------------


def test_a_friend_who_became_a_colleagues_client_turns_no_months_into_business(office: Office):
    tell(office, *case_of("333333", FRIEND, "worker-2", date(2026, 2, 9)))
    rung = [f"2026-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 29)]
    office.take_in(office.bill(*calls(FRIEND, "2025-12-30", *rung, "2026-02-28", "2026-02-28")))
    assert set(told_of(office)) == {
        (day, "client" if day >= "2026-02-09" else "unknown", "unclassified") for day in ("2025-12-30", *rung)
    }
    (found,) = [
        each
        for each in declarations.outcomes(office.context, rules(), date(2025, 12, 1), date(2026, 2, 28))
        if each.quantity is Quantity.CALLS and each.amounts.total
    ]
    assert found.outcome is not UsageOutcome.OK


def test_a_client_of_ones_own_is_business_from_the_day_of_the_assignment(office: Office):
    tell(office, *case_of("333333", FRIEND, "worker-1", date(2026, 2, 9)))
    office.take_in(office.bill(*calls(FRIEND, "2026-02-08", "2026-02-09")))
    assert told_of(office) == [("2026-02-08", "unknown", "unclassified"), ("2026-02-09", "client", "business")]


def test_a_reopened_case_leaves_past_contacts_with_a_former_client_as_they_were(office: Office):
    opened, closed = date(2025, 8, 1), datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    tell(office, *case_of("333333", FRIEND, "worker-1", opened, closed))
    before = office.bill(*calls(FRIEND, "2026-01-05", "2026-01-06", "2026-03-01"))
    office.take_in(before)
    as_it_was = told_of(office)
    assert [row[1:] for row in as_it_was] == [("client", "business"), *[("former_client", "unclassified")] * 2]
    office.clock.pass_(timedelta(days=10))
    tell(office, *case_of("333333", FRIEND, "worker-1", opened))
    again = calls(FRIEND, "2026-01-05", "2026-01-06", "2026-03-01", "2026-03-14")
    office.take_in(office.bill(*again, name="again.csv"), period=(date(2026, 1, 1), date(2026, 3, 14)))
    assert told_of(office) == [*as_it_was, ("2026-03-14", "client", "business")]


def test_a_new_start_tells_of_a_reopening_by_itself(office: Office):
    opened, closed = date(2025, 8, 1), datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    tell(office, *case_of("333333", FRIEND, "worker-1", opened, closed))
    office.clock.pass_(timedelta(days=10))
    tell(office, *case_of("333333", FRIEND, "worker-1", date(2026, 2, 16)))
    office.take_in(office.bill(*calls(FRIEND, "2025-12-01", "2026-02-15", "2026-02-16")))
    assert told_of(office) == [
        ("2025-12-01", "client", "unclassified"),
        ("2026-02-15", "former_client", "unclassified"),
        ("2026-02-16", "client", "business"),
    ]


def test_by_name_a_contact_between_closure_and_reopening_stays_one_after_the_closure(office: Office):
    opened, closed = date(2025, 8, 1), datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    tell(office, *case_of("333333", FRIEND, "worker-1", opened, closed))
    office.take_in(office.bill(*calls(FRIEND, "2026-02-20", "2026-03-01")), consent="C-1")
    office.clock.pass_(timedelta(days=10))
    tell(office, *case_of("333333", FRIEND, "worker-1", opened))
    looked = feeds.contact_facts(
        office.context,
        rules(consent="C-1"),
        asked_by="account-1",
        asked_as=Role.PRIVACY_OFFICER,
        seconded_by="account-2",
        seconded_as=Role.INDEPENDENT_OFFICER,
        reason="inquiry 1",
        first=date(2026, 1, 1),
        last=date(2026, 3, 14),
    )
    assert [(fact.ground, fact.outgoing, fact.before_reopening) for fact in looked.facts] == [
        (Ground.AFTER_CLOSURE, 2, 1)
    ]
