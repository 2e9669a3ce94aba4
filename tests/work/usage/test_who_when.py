"""Who is who on the day: what became of a number, a phone or a worker later changes nothing of what a bill tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from server.core.days import AMSTERDAM
from server.core.log.entries import EntryKind
from server.core.model import ContactClass, Phase, Role
from server.core.problems import DeviceListProblem, ListRefusedError, PlaceListProblem
from server.core.usage.channels import Ground
from server.core.usage.declarations import Cause, UsageOutcome
from server.core.usage.model import Quantity, Span
from server.sources.case_file import open_export
from server.sources.lists import load_list_mapping
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from server.store import log
from server.store.usage import circumstances, months, subjects, sums
from server.work.admin import setup
from server.work.phones import device_lists
from server.work.register import intake
from server.work.reports import health
from server.work.reports.health import Ill, Part
from server.work.reports.scheduled import keep_to
from server.work.usage import declarations, feeds, rosters
from tests.work.desk import CLIENT, COLLEAGUE, POLICIES, STRANGER, Office, catalogue, open_office, rules

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
    assert intake.take_in(office.context, export, confirmed=True).outcome is intake.IntakeOutcome.APPLIED


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


# --- the past is counted under the team and the holder of its day ---------------------------------------------------


def places(office: Office, *rows: str) -> None:
    """The next list of places: worker;team;book;devices."""
    lines = []
    for row in rows:
        worker, team, book, devices = row.split(";")
        lines.append(f"{worker};Invented employer;{team};books;{book};{devices}")
    head = "worker;employer;team;connection;address;devices"
    setup.import_places(office.context, "\n".join([head, *lines]) + "\n")


def by_name(office: Office) -> list[tuple[int, str, int]]:
    """Every contact with a client by the worker it is of."""
    with office.context.store.read() as connection:
        found = sums.read_contacts(connection, date(2025, 1, 1), date(2026, 12, 31))
    return [(each.worker, str(each.day), each.count) for each in found]


def by_team(office: Office, first: date, last: date) -> dict[str, int]:
    """Calls by the team of their day; "": of none, or of a phone that nobody is known to have had."""
    found: dict[str, int] = {}
    with office.context.store.read() as connection:
        kinds = subjects.usage_kinds(connection)
        for month in range(months.month_of(first), months.month_of(last) + 1):
            for each in sums.had(connection, month, sums.lent_in(connection, month)):
                if kinds[each.kind].quantity is Quantity.CALLS:
                    found[each.team] = found.get(each.team, 0) + each.amount
    return found


FEBRUARY = date(2026, 2, 1), date(2026, 2, 28)


def test_a_workers_move_leaves_last_months_figures_with_their_team_of_then(office: Office):
    office.take_in(office.bill(*calls(STRANGER, "2026-02-02", "2026-02-03")))
    before = by_team(office, *FEBRUARY)
    places(office, "worker-1;team-2;book-1;device-1")
    assert by_team(office, *FEBRUARY) == before == {"team-1": 2}
    office.clock.pass_(timedelta(days=10))
    office.take_in(office.bill(*calls(STRANGER, "2026-03-03", "2026-03-04", "2026-03-05"), name="march.csv"),
                   period=(date(2026, 3, 1), date(2026, 3, 14)))  # fmt: skip
    assert by_team(office, date(2026, 3, 1), date(2026, 3, 31)) == {"team-1": 1, "team-2": 2}


def test_a_phone_handed_over_keeps_its_calls_with_who_had_it(office: Office):
    office.take_in(office.bill(*calls(CLIENT, "2026-02-10")), consent="C-1")
    assert by_name(office) == [(1, "2026-02-10", 1)]
    places(office, "worker-2;team-2;book-2;device-1")
    assert by_name(office) == [(1, "2026-02-10", 1)]
    again = office.bill(*calls(CLIENT, "2026-02-10", "2026-02-11"), name="late.csv")
    office.take_in(again, consent="C-1")
    assert by_name(office) == [(1, "2026-02-10", 1), (1, "2026-02-11", 1)]
    assert by_team(office, *FEBRUARY) == {"team-1": 2}


def test_the_new_holder_sees_nothing_of_what_the_phone_did_before_it_was_theirs(office: Office):
    office.take_in(office.bill(*calls(STRANGER, *(f"2026-02-{day:02}" for day in range(1, 29)))))
    places(office, "worker-2;team-2;book-2;device-1")
    _, found = declarations.holder_outcomes(office.context, rules(), 1, 2, months.month_of(date(2026, 2, 1)))
    assert {(each.amounts.total, each.days) for each in found} == {(0, 0)}
    _, theirs = declarations.holder_outcomes(office.context, rules(), 1, 1, months.month_of(date(2026, 2, 1)))
    assert {each.days for each in theirs if each.quantity is Quantity.CALLS} == {28}


def test_a_corrected_bill_leaves_no_fact_with_whoever_had_the_phone(office: Office, tmp_path: Path):
    shipped = (POLICIES / "sources/usage/invented-telecom-bill.yaml").read_text("utf-8")
    mapping = tmp_path / "by-phone.yaml"
    mapping.write_text(shipped.replace("replaces: days ", "replaces: subjects "), "utf-8")
    office.take_in(office.bill(*calls(CLIENT, "2026-02-10", "2026-02-20")), mapping=str(mapping), consent="C-1")
    places(office, "worker-2;team-2;book-2;device-1")
    office.take_in(
        office.bill(*calls(CLIENT, "2026-02-20"), name="corrected.csv"),
        mapping=str(mapping),
        consent="C-1",
        period=(date(2026, 2, 10), date(2026, 2, 20)),
    )
    assert by_name(office) == [(1, "2026-02-20", 1)]


def test_a_corrected_day_of_the_hand_over_takes_the_facts_along(office: Office):
    office.take_in(office.bill(*calls(CLIENT, "2026-02-10", "2026-02-20")), consent="C-1")
    places(office, "worker-2;team-2;book-2;device-1")
    text = "device;worker;text;signed_on;held_from\ndevice-1;worker-2;gebruiksverklaring-1;2026-03-02;2026-02-15\n"
    declarations.import_list(office.context, rules(), Role.PRIVACY_OFFICER, text)
    assert by_name(office) == [(1, "2026-02-10", 1), (2, "2026-02-20", 1)]
    assert by_team(office, *FEBRUARY) == {"team-1": 1, "team-2": 1}


def test_a_phone_with_two_holders_on_one_day_is_neithers_by_name_and_gets_no_share(office: Office):
    places(office, "worker-1;team-1;book-1;device-1", "worker-2;team-2;book-2;device-1")
    office.take_in(office.bill(*calls(CLIENT, *(f"2026-02-{day:02}" for day in range(1, 29)))), consent="C-1")
    office.clock.pass_(timedelta(days=1))
    office.take_in(office.bill(*calls(CLIENT, "2026-03-04")), consent="C-1", period=(date(2026, 3, 4),) * 2)
    assert ("2026-03-04" in {day for _, day, _ in by_name(office)}) is False
    found = declarations.outcomes(office.context, rules(), date(2026, 3, 1), date(2026, 3, 31))
    assert {each.causes[0] for each in found if each.device == 1 and each.confidence} == {Cause.SEVERAL_WORKERS}


def test_a_list_that_puts_a_worker_in_two_teams_is_refused_with_its_line(office: Office):
    with pytest.raises(ListRefusedError) as refused:
        places(office, "worker-1;team-1;book-1;device-1", "worker-1;team-2;book-9;device-1")
    assert (refused.value.problem, refused.value.line) == (PlaceListProblem.TWO_TEAMS, 3)


def test_a_list_of_devices_that_puts_a_worker_in_two_teams_is_refused_with_its_line(office: Office):
    text = "device;worker;employer;team\ndevice-1;worker-1;Invented employer;team-1\n"
    with pytest.raises(ListRefusedError) as refused:
        device_lists.import_devices(office.context, text + "device-7;worker-1;Invented employer;team-2\n")
    assert (refused.value.problem, refused.value.line) == (DeviceListProblem.TWO_TEAMS, 3)


def test_a_list_that_says_nothing_of_teams_takes_nobody_out_of_theirs(office: Office):
    device_lists.import_devices(office.context, "device;worker;employer\ndevice-1;worker-1;Invented employer\n")
    places(office, "worker-2;;book-2;device-2")
    with office.context.store.read() as connection:
        assert sums.teams(connection) == {"team-1": frozenset({1, 3}), "team-2": frozenset({2})}


def test_a_bill_of_a_number_that_nobody_has_is_nobodys(office: Office):
    taken = office.take_in(office.bill(f"device-99;2026-02-10 10:00:00;{CLIENT};uit;60"), consent="C-1")
    assert (taken.rows, taken.unattributable) == (1, 1)
    assert by_name(office) == []
    assert by_team(office, *FEBRUARY) == {"": 1}


def test_a_new_list_of_absences_leaves_those_before_it_as_they_were(office: Office):
    def told(*rows: str) -> dict[int, Sequence[Span]]:
        file = office.folder / "absence.csv"
        file.write_text("Medewerker;Van;Tot en met\n" + "\n".join(rows) + "\n", "utf-8")
        mapping = load_list_mapping("absence")
        assert mapping is not None
        rosters.take_in_list(office.context, file, mapping, catalogue())
        with office.context.store.read() as connection:
            return dict(circumstances.absences(connection))

    told("worker-1;2025-11-03;2025-11-14", "worker-1;2025-12-20;")
    assert told("worker-2;2026-01-05;2026-01-09") == {
        1: (Span(date(2025, 11, 3), date(2025, 11, 14)), Span(date(2025, 12, 20), date(2026, 1, 4))),
        2: (Span(date(2026, 1, 5), date(2026, 1, 9)),),
    }


def test_leave_is_not_measured(office: Office):
    days = [f"2026-02-{day:02}" for day in range(1, 29)]
    office.take_in(office.bill(*[row for row in calls(COLLEAGUE, *days) for _ in (1, 2)]))
    file = office.folder / "absence.csv"
    file.write_text("Medewerker;Van;Tot en met\nworker-1;2026-02-21;2026-02-28\n", "utf-8")
    mapping = load_list_mapping("absence")
    assert mapping is not None
    rosters.take_in_list(office.context, file, mapping, catalogue())
    (found,) = [
        each
        for each in declarations.outcomes(office.context, rules(), *FEBRUARY)
        if each.device == 1 and each.quantity is Quantity.CALLS
    ]
    assert (found.days, found.amounts.total, found.outcome) == (20, 40, UsageOutcome.OK)


def test_part_time_work_is_told_over_a_longer_time(office: Office):
    thursdays = [date(2025, 3, 6) + timedelta(days=7 * n) for n in range(51)]
    rows = [row for day in thursdays for row in calls(COLLEAGUE, str(day)) for _ in range(3)]
    office.take_in(office.bill(*rows))
    period, found = declarations.holder_outcomes(office.context, rules(), 1, 1, months.month_of(date(2026, 2, 1)))
    assert period.first == date(2025, 9, 1)
    assert [each.outcome for each in found if each.quantity is Quantity.CALLS] == [UsageOutcome.OK]


# --- consent --------------------------------------------------------------------------------------------------------


def told_by_doctor(office: Office, consent: str | None) -> list[tuple[Part, int | None]]:
    context = replace(office.context, evidence=lambda: rules(consent=consent))
    return [(each.part, each.count) for each in health.examine(context) if each.ill is Ill.KEPT_WITHOUT_CONSENT]


def test_closing_consent_takes_out_what_was_kept_under_it_and_doctor_tells_until_it_is_done(office: Office):
    office.take_in(office.bill(*calls(CLIENT, "2026-02-10", "2026-02-11")), consent="C-1")
    office.take_in(office.bill(*calls(CLIENT, "2026-02-10", "2026-02-12"), name="again.csv"), consent="C-1")
    assert len(by_name(office)) == 2
    assert told_by_doctor(office, "C-1") == []
    assert told_by_doctor(office, None) == [(Part.CONTACTS, 3)]
    context = replace(office.context, evidence=rules)
    keep_to(context, [])
    assert by_name(office) == []
    assert told_by_doctor(office, None) == []
    assert feeds.undo_usage(office.context, "telecom-bill").back == 4
    assert by_name(office) == []
    assert told_of(office) == [(f"2026-02-{day}", "client", "business") for day in (10, 11)]


def test_the_next_import_without_consent_takes_out_what_was_kept_under_it(office: Office):
    office.take_in(office.bill(*calls(CLIENT, "2026-02-10")), consent="C-1")
    office.take_in(office.bill(*calls(STRANGER, "2026-01-10"), name="other.csv"))
    assert by_name(office) == []
    assert told_of(office) == [("2026-01-10", "unknown", "unclassified"), ("2026-02-10", "client", "business")]
    with office.context.store.read() as connection:
        told = [dict(entry.body) for entry in log.of_kind(connection, EntryKind.USAGE_CHANGED)]
    assert {"feed": "contacts-by-name", "verb": "withdrawn"} in told, (
        "how often clients were reached is nobody's to read"
    )
