"""Bills as operators write them, from file to figures: of which days, in place of what, counted as a person would."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import delete, select, update

from server.core.model import ContactClass, GateScope, Phase, Role
from server.core.usage.model import Quantity
from server.render.words import Words
from server.sources.case_file import open_export
from server.sources.mapping import load_mapping
from server.sources.rows import CaseRow, ContactRow, Mode
from server.sources.usage_file import OpenUsage, open_usage
from server.sources.usage_mapping import LateRows, load_usage_mapping
from server.sources.writing import write_rows
from server.store.schema.base import assignment, cases, gate, link
from server.store.schema.usage import client_contact, replaced_usage
from server.store.usage import months as usage_months
from server.store.usage import sums as usage
from server.work.register import intake
from server.work.usage import declarations, feeds
from server.work.usage.feeds import UsageOutcome, UsageTaken
from tests.work.desk import (
    CLIENT,
    COLLEAGUE,
    FORMER,
    NOW,
    POLICIES,
    PROFESSIONAL,
    STRANGER,
    TODAY,
    Office,
    catalogue,
    open_gate,
    open_office,
    rules,
)

pytestmark = pytest.mark.parts
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))
JANUARY = (date(2026, 1, 1), date(2026, 1, 31))
FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))
LATE = f"device-2;2026-01-03 21:00:00;{STRANGER};uit;300"
BILL = "invented-telecom-bill"
CLOSED = (NOW - timedelta(days=60)).date()
"""The last day on which the former client was one."""
PARTIES = {CLIENT: "client", FORMER: "former_client", COLLEAGUE: "colleague", PROFESSIONAL: "professional"}


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = open_office(database_url, tmp_path)
    yield office
    office.context.store.close()


class Call(NamedTuple):
    """A call as a careful person reads it off a bill."""

    device: str
    day: date
    number: str
    direction: str
    seconds: int

    @property
    def row(self) -> str:
        return f"{self.device};{self.day} 09:00:00;{self.number};{self.direction};{self.seconds}"


def calls_of(period: tuple[date, date], *, seed: int = 1) -> list[Call]:
    """Some calls on each day of a period."""
    dice = random.Random(seed)
    days = [period[0] + timedelta(days=n) for n in range((period[1] - period[0]).days + 1)]
    numbers = (*PARTIES, STRANGER)
    return [
        Call(f"device-{dice.randrange(1, 4)}", day, dice.choice(numbers), dice.choice(("in", "uit")), 10 + nth)
        for nth, day in enumerate(sorted(days * 3))
    ]


def count(calls: Sequence[Call]) -> list[tuple[str, str, str, int]]:
    """The oracle: calls and seconds of each day by with whom, added up from the rows by hand."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for call in calls:
        party = PARTIES.get(call.number, "unknown")
        if call.number == FORMER and call.day <= CLOSED:
            party = "client"
        sums[str(call.day), "calls", party] += 1
        sums[str(call.day), "minutes", party] += call.seconds
    return sorted((*key, amount) for key, amount in sums.items())


def counted(office: Office) -> list[tuple[str, str, str, int]]:
    sums: Counter[tuple[str, str, str]] = Counter()
    for day, quantity, party, _, _, amount in office.sums():
        sums[day, quantity, party] += amount
    return sorted((*key, amount) for key, amount in sums.items())


def take(office: Office, calls: Sequence[Call], period: tuple[date, date] | None, **how: object) -> UsageTaken:
    name = str(how.pop("name", "bill.csv"))
    return office.take_in(office.bill(*(call.row for call in calls), name=name), period=period, **how)  # type: ignore[arg-type]


def test_a_bill_comes_to_what_a_careful_person_counts(office: Office):
    calls = calls_of(JANUARY)
    assert take(office, calls, JANUARY).outcome is UsageOutcome.APPLIED
    assert counted(office) == count(calls)


def test_a_file_of_which_nobody_says_the_days_is_a_question(office: Office):
    file = office.bill(*(call.row for call in calls_of(JANUARY)))
    chosen = load_usage_mapping(BILL)
    taken = feeds.take_in_usage(office.context, [file], chosen, catalogue(), rules())
    assert (taken.outcome, [fault.problem.value for fault in taken.faults]) == (UsageOutcome.FAULTY, ["no_period"])
    assert office.sums() == []
    named = file.rename(file.with_name("bill-2026-01.csv"))
    taken = feeds.take_in_usage(office.context, [named], chosen, catalogue(), rules())
    assert (taken.outcome, taken.first, taken.last) == (UsageOutcome.APPLIED, *JANUARY)


@pytest.mark.parametrize("late", ["refuse", "add"])
def test_a_call_billed_late_is_a_question_or_is_added_and_never_empties_its_month(office: Office, late: str):
    january, february = calls_of(JANUARY), calls_of(FEBRUARY)
    take(office, january, JANUARY)
    before = office.everything()
    file = office.bill(LATE, *(call.row for call in february), name="february.csv")
    chosen = load_usage_mapping(BILL).model_copy(update={"late_rows": LateRows(late)})

    def take_late() -> UsageTaken:
        return feeds.take_in_usage(office.context, [file], chosen, catalogue(), rules(), period=FEBRUARY)

    taken = take_late()
    if late == "refuse":
        assert [(fault.line, fault.problem.value) for fault in taken.faults] == [(2, "outside_period")]
        assert (taken.outcome, office.everything()) == (UsageOutcome.FAULTY, before)
        return
    extra = Call("device-2", date(2026, 1, 3), STRANGER, "uit", 300)
    assert taken.change is not None
    assert (taken.outcome, taken.change.late) == (UsageOutcome.APPLIED, 2)
    assert counted(office) == count([*january, extra, *february])
    assert take_late().outcome is UsageOutcome.KNOWN
    take(office, january[:-1], JANUARY, name="corrected.csv")
    assert counted(office) == count([*january[:-1], extra, *february]), "what was billed late stays"
    take(office, february, FEBRUARY, name="without.csv")
    assert counted(office) == count([*january[:-1], *february]), "what its own file no longer says has gone"


def test_what_a_file_would_replace_is_asked_before_it_goes_in(office: Office):
    first, second = calls_of(JANUARY), calls_of(JANUARY, seed=2)[:5]
    take(office, first, JANUARY)
    before = office.everything()
    asked = take(office, second, JANUARY, name="second.csv", sure=False)
    assert (asked.outcome, office.everything()) == (UsageOutcome.ASKED, before)
    assert asked.change is not None
    seconds = [sum(call.seconds for call in calls) for calls in (first, second)]
    assert [dict(each.totals)[Quantity.CALLS] for each in (asked.change.before, asked.change.after)] == [93, 5]
    assert [dict(each.totals)[Quantity.MINUTES] for each in (asked.change.before, asked.change.after)] == seconds
    assert (asked.change.before.days, asked.change.before.subjects) == (31, 3)
    for word in ("another", asked.confirm[:-1]):
        assert take(office, second, JANUARY, name="second.csv", sure=False, confirm=word).outcome is UsageOutcome.ASKED
    done = take(office, second, JANUARY, name="second.csv", sure=False, confirm=asked.confirm)
    assert (done.outcome, counted(office)) == (UsageOutcome.APPLIED, count(second))
    with office.context.store.read() as connection:
        newest, older = usage.read_runs(connection)
    assert (newest.replaced_days, newest.replaced_sums) == (31, asked.change.before.sums)
    assert older.withdrawn


def test_a_word_for_one_change_lets_no_other_in(office: Office):
    take(office, calls_of(JANUARY), JANUARY)
    asked = take(office, calls_of(JANUARY)[:5], JANUARY, name="second.csv", sure=False)
    take(office, calls_of(JANUARY, seed=3), JANUARY, name="third.csv")
    again = take(office, calls_of(JANUARY)[:5], JANUARY, name="second.csv", sure=False, confirm=asked.confirm)
    assert again.outcome is UsageOutcome.ASKED


def test_a_correction_without_rows_of_its_first_and_last_day_replaces_its_whole_period(office: Office):
    take(office, calls_of(JANUARY), JANUARY)
    corrected = [call for call in calls_of(JANUARY, seed=5) if 3 < call.day.day < 28]
    take(office, corrected, JANUARY, name="corrected.csv")
    assert counted(office) == count(corrected)


def test_the_same_month_twice_in_one_command_is_once(office: Office):
    calls = calls_of(JANUARY)
    one, copy = (office.bill(*(call.row for call in calls), name=name) for name in ("one.csv", "copy.csv"))
    taken = office.take_in(one, copy, period=JANUARY)
    assert (taken.outcome, taken.repeated, counted(office)) == (UsageOutcome.APPLIED, ("copy.csv",), count(calls))
    other = office.bill(*(call.row for call in reversed(calls)), name="other.csv")
    taken = office.take_in(one, other, period=JANUARY)
    assert [fault.problem.value for fault in taken.faults] == ["periods_overlap"]


def test_parts_of_one_month_are_added_up_where_somebody_says_that_they_are_parts(office: Office):
    calls = calls_of(JANUARY)
    halves = [office.bill(*(call.row for call in calls[n::2]), name=f"part-{n}.csv") for n in (0, 1)]
    taken = office.take_in(*halves, period=JANUARY, parts=True)
    assert (taken.outcome, counted(office)) == (UsageOutcome.APPLIED, count(calls))


def test_a_file_again_after_another_replaced_part_of_it_does_something(office: Office):
    calls = calls_of(JANUARY)
    take(office, calls, JANUARY)
    week = (date(2026, 1, 5), date(2026, 1, 11))
    take(office, [calls[14]], week, name="week.csv")
    assert counted(office) == count([call for call in calls if not week[0] <= call.day <= week[1]] + [calls[14]])
    taken = take(office, calls, JANUARY)
    assert (taken.outcome, counted(office)) == (UsageOutcome.APPLIED, count(calls))
    assert take(office, calls, JANUARY).outcome is UsageOutcome.KNOWN


def test_a_file_again_after_the_register_learnt_a_number_does_something_and_asks_nothing(office: Office):
    calls = calls_of(JANUARY)
    take(office, calls, JANUARY)
    learn(office, STRANGER)
    taken = take(office, calls, JANUARY, sure=False)
    assert taken.outcome is UsageOutcome.APPLIED
    assert "unknown" not in {party for _, _, party, _ in counted(office)}
    assert take(office, calls, JANUARY).outcome is UsageOutcome.KNOWN


def learn(office: Office, number: str, contact_class: ContactClass = ContactClass.PROFESSIONAL) -> None:
    """The register with one more number in the directory."""
    rows = [
        CaseRow(2, "333333", Phase.INVESTIGATION, date(2025, 1, 1), None, recorded=True),
        ContactRow(2, "333333", "A", ContactClass.CLIENT, "06-12345699"),
        *(ContactRow(3, None, None, each, value) for value, each in ((number, contact_class),)),
    ]
    where = office.folder / "register-2"
    where.mkdir()
    mapping = load_mapping("generic-en").model_copy(update={"mode": Mode.CHANGES})
    export = open_export(write_rows(rows, mapping, where, NOW + timedelta(minutes=5)), mapping, as_of=NOW)
    taken = intake.take_in(office.context, export, confirmed=True)
    assert taken.outcome is intake.IntakeOutcome.APPLIED, taken


@pytest.mark.parametrize(
    ("listed", "billed"),
    [("116111", "116111"), ("14020", "14 020"), ("112", "112"), ("0800-2000", "0800 2000"), ("116111", "+31116111")],
)
def test_a_number_of_a_service_stands_in_the_directory_as_what_it_is(office: Office, listed: str, billed: str):
    learn(office, listed)
    take(office, [Call("device-1", JANUARY[0], billed, "uit", 60)], JANUARY)
    assert {party for _, _, party, _ in counted(office)} == {"professional"}


def test_what_came_with_one_file_or_is_of_some_days_is_withdrawn_alone(office: Office):
    january, february = calls_of(JANUARY), calls_of(FEBRUARY)
    take(office, january, JANUARY, name="january.csv")
    take(office, february, FEBRUARY, name="february.csv")
    with office.context.store.read() as connection:
        newest, _ = usage.read_runs(connection)
    feeds.withdraw_usage(office.context, "telecom-bill", file=newest.uid)
    assert counted(office) == count(january)
    week = (date(2026, 1, 5), date(2026, 1, 11))
    feeds.withdraw_usage(office.context, "telecom-bill", period=week)
    left = [call for call in january if not week[0] <= call.day <= week[1]]
    assert counted(office) == count(left)
    with office.context.store.read() as connection:
        spans = {(run.first, run.last) for run in usage.read_runs(connection) if not run.withdrawn}
    assert spans == {(JANUARY[0], date(2026, 1, 4)), (date(2026, 1, 12), JANUARY[1])}, "of those days it tells nothing"
    with pytest.raises(feeds.EvidenceRefusedError):
        feeds.withdraw_usage(office.context, "telecom-bill", file=newest.uid)


def undone(office: Office) -> int:
    return feeds.undo_usage(office.context, "telecom-bill").back


@pytest.mark.parametrize("consent", [None, "works council 7"])
def test_what_a_file_replaced_is_put_in_again_to_the_last_sum(office: Office, consent: str | None):
    take(office, calls_of(JANUARY), JANUARY, consent=consent)
    before, spans = office.everything(), office.runs()
    assert bool(before["client_contact"]) is bool(consent)
    for second in (calls_of(JANUARY, seed=2)[:5], [], calls_of(JANUARY, seed=3)):
        taken = take(office, second, JANUARY, name="second.csv", consent=consent)
        assert taken.outcome is UsageOutcome.APPLIED
        assert counted(office) == count(second)
        assert undone(office) == len(before["usage_day"])
        assert (office.everything(), office.runs()) == (before, spans)
    with pytest.raises(feeds.EvidenceRefusedError, match="nothing_to_undo"):
        feeds.undo_usage(office.context, "telecom-bill")


def test_a_first_file_and_late_rows_are_taken_back_too(office: Office):
    january = calls_of(JANUARY)
    take(office, january, JANUARY)
    before = office.everything()
    file = office.bill(LATE, *(call.row for call in calls_of(FEBRUARY)), name="february.csv")
    chosen = load_usage_mapping(BILL).model_copy(update={"late_rows": LateRows.ADD})
    feeds.take_in_usage(office.context, [file], chosen, catalogue(), rules(), period=FEBRUARY)
    assert undone(office) == 0
    assert office.everything() == before
    assert [taken.outcome for taken in (take(office, january, JANUARY), take(office, january[:-1], JANUARY))] == [
        UsageOutcome.KNOWN,
        UsageOutcome.APPLIED,
    ]


@pytest.mark.parametrize("since", ["report", "withdrawal", "declarations"])
def test_nothing_is_kept_for_taking_back_once_a_report_was_made_or_something_withdrawn(office: Office, since: str):
    take(office, calls_of(JANUARY), JANUARY)
    take(office, calls_of(JANUARY, seed=2), JANUARY, name="second.csv")
    role = Role.PRIVACY_OFFICER
    if since == "report":
        made = feeds.channel_report(office.context, catalogue(), rules(), role, *JANUARY)
        columns = [column.key for column in made.sources.columns]
        assert [row[columns.index("replaced")] for row in made.sources.rows] == [31]
    elif since == "withdrawal":
        feeds.withdraw_usage(office.context, "telecom-bill", period=(JANUARY[0], JANUARY[0]))
    else:
        made = declarations.report(office.context, rules(), role, *JANUARY)
        said = Words("en").say(made.sources.paragraphs[-1])
        assert said == "On 31 days of the period a file of telecom-bill replaced another."
    with office.context.store.read() as connection:
        assert connection.execute(select(replaced_usage)).all() == []
    with pytest.raises(feeds.EvidenceRefusedError, match="nothing_to_undo"):
        feeds.undo_usage(office.context, "telecom-bill")


def test_what_is_kept_for_taking_back_is_sealed_and_is_never_of_more_than_one_file(office: Office):
    for seed in range(3):
        take(office, calls_of(JANUARY, seed=seed), JANUARY, name=f"bill-{seed}.csv", consent="works council 7")
    with office.context.store.read() as connection:
        kept = connection.execute(select(replaced_usage)).all()
    assert [(row.run_id == kept[0].run_id, row.part) for row in kept] == [(True, 0), (True, 1), (True, 1_000_000)]
    assert not any(b"usage_day" in row.sealed or b"worker" in row.sealed for row in kept)


def test_contacts_kept_under_a_consent_that_was_closed_since_do_not_come_back(office: Office):
    take(office, calls_of(JANUARY), JANUARY, consent="works council 7")
    sums = office.sums()
    take(office, [], JANUARY, name="second.csv")
    feeds.undo_usage(replace(office.context, evidence=rules), "telecom-bill")
    assert (office.sums(), office.everything()["client_contact"]) == (sums, [])


def test_contacts_of_a_case_that_is_gone_do_not_come_back(office: Office):
    take(office, calls_of(JANUARY), JANUARY, consent="works council 7")
    take(office, [], JANUARY, name="second.csv", consent="works council 7")
    with office.context.store.write() as connection:
        gone = connection.execute(select(cases.c.id).where(cases.c.number == "111111")).scalar_one()
        for table in (link, assignment):
            connection.execute(delete(table).where(table.c.case_id == gone))
        connection.execute(delete(cases).where(cases.c.id == gone))
    undone(office)
    with office.context.store.read() as connection:
        left = set(connection.execute(select(client_contact.c.case_id)).scalars())
    assert left
    assert gone not in left


@pytest.mark.parametrize(
    ("measures", "outcome", "calls"),
    [
        ("sim", UsageOutcome.APPLIED, 9),
        ("device", UsageOutcome.APPLIED, 4),
        (None, UsageOutcome.FAULTY, 4),
        ("witness", UsageOutcome.APPLIED, 4),
    ],
)
def test_another_sim_adds_another_witness_does_not_and_what_nobody_said_is_a_question(
    office: Office, measures: str | None, outcome: UsageOutcome, calls: int
):
    one = [Call("device-1", JANUARY[0], CLIENT, "uit", 60)] * 4
    two = [Call("device-1", JANUARY[0], STRANGER, "uit", 60)] * 5
    take(office, one, JANUARY)
    text = (POLICIES / "sources/usage/invented-telecom-bill.yaml").read_text("utf-8")
    text = text.replace("feed: telecom-bill", "feed: second").replace("precedence: 10", "precedence: 20")
    said = {None: "", "witness": "witness_of: [telecom-bill]"}.get(measures, f"measures: {measures}")
    mapping = office.folder / "second.yaml"
    mapping.write_text(re.sub(r"measures: sim.*", said, text))
    taken = take(office, two, JANUARY, mapping=str(mapping), name="second.csv")
    assert taken.outcome is outcome
    assert {fault.problem.value for fault in taken.faults} == (
        {"other_witness"} if calls == 4 and not measures else set()
    )
    with office.context.store.read() as connection:
        months = (usage_months.month_of(JANUARY[0]), usage_months.month_of(JANUARY[0]))
        totals = usage.device_totals(connection, *months)
    assert sum(each.amounts.total for each in totals if each.quantity is Quantity.CALLS) == calls


@pytest.mark.parametrize("closed", ["gate", "consent"])
def test_what_was_allowed_when_a_bill_was_opened_and_no_more_when_it_was_read_does_not_go_in(
    database_url: str, tmp_path: Path, closed: str
):
    office = open_office(database_url, tmp_path, demo=closed == "consent")
    given = [rules(consent="works council 7")]
    context = replace(office.context, evidence=lambda: given[-1])
    if closed == "gate":
        open_gate(office.context, GateScope.OBSERVATION)
    bill = office.bill(*(call.row for call in calls_of(JANUARY)))
    mapping = load_usage_mapping(BILL)

    def open_and_close() -> OpenUsage:
        opened = open_usage([bill], mapping, today=TODAY, period=JANUARY)
        if closed == "gate":
            with context.store.write() as connection:
                yesterday = TODAY - timedelta(days=1)
                connection.execute(update(gate).values(ends_on=yesterday, review_on=yesterday))
        else:
            given.append(rules())
        return opened

    with pytest.raises(feeds.EvidenceRefusedError, match="closed_meanwhile"):
        feeds.take_in_feed(context, open_and_close, mapping, catalogue(), given[0])
    assert {name: rows for name, rows in office.everything().items() if rows} == {}
    office.context.store.close()


def test_a_bill_of_phones_that_nobody_has_is_counted_of_nobody_and_enters_no_share(office: Office):
    calls = [call._replace(device=f"unheard-of-{n}") for n, call in enumerate(calls_of(JANUARY))]
    taken = take(office, calls, JANUARY)
    assert (taken.outcome, taken.unattributable) == (UsageOutcome.APPLIED, len(calls))
    assert counted(office) == count(calls)
    with office.context.store.read() as connection:
        assert usage.device_totals(connection, *map(usage_months.month_of, JANUARY)) == []


@pytest.mark.parametrize("twice", ["one after the other", "in one command", "in another order", "with other line ends"])
def test_a_bill_that_comes_twice_counts_once(office: Office, twice: str):
    calls = calls_of(JANUARY)
    bill = office.bill(*(call.row for call in calls))
    again = office.bill(*(call.row for call in (calls if twice != "in another order" else calls[::-1])), name="2.csv")
    if twice == "with other line ends":
        again.write_bytes(again.read_bytes().replace(b"\n", b"\r\n"))
    if twice == "in one command":
        assert office.take_in(bill, again, period=JANUARY).repeated == ("2.csv",)
    else:
        office.take_in(bill, period=JANUARY)
        office.take_in(again, period=JANUARY)
    assert counted(office) == count(calls)


OF_VENDORS: Mapping[str, Mapping[str, int]] = {
    "invented-telecom-bill": {"calls client": 2, "minutes client": 150, "calls professional": 1,
                              "minutes professional": 30},
    "invented-mobile-bill": {"calls client": 2, "minutes client": 4111, "calls professional": 1,
                             "minutes professional": 59, "calls unknown": 1, "minutes unknown": 600,
                             "messages client": 1, "messages former_client": 1, "megabytes unknown": 1293000000},
    "invented-cdr": {"calls client": 4, "minutes client": 1080, "calls former_client": 1, "minutes former_client": 30,
                     "calls unknown": 1, "minutes unknown": 45},
    "invented-portal-workbook": {"calls client": 1, "minutes client": 80, "calls professional": 1,
                                 "minutes professional": 45, "calls former_client": 1, "minutes former_client": 120},
    "teams-activity-export": {"messages unknown": 54, "calls unknown": 5, "minutes unknown": 4020},
    "teams-calls-export": {"calls client": 1, "minutes client": 90, "calls former_client": 1,
                           "minutes former_client": 60, "calls unknown": 1, "minutes unknown": 120},
    "soti-call-log": {"calls client": 1, "minutes client": 120, "calls former_client": 1, "minutes former_client": 61,
                      "calls professional": 1, "minutes professional": 45},
    "soti-screen-samples": {"screen_minutes unknown": 1500},
    "knox-screen-time": {"screen_minutes unknown": 1920},
    "app-screen-time": {"screen_minutes unknown": 1920},
    "gateway-log": {"megabytes unknown": 267330},
    "invented-messenger-admin": {"messages client": 14, "messages professional": 1, "messages colleague": 3},
    "contact-moments": {"contacts client": 2, "contacts professional": 1},
    "self-report": {"messages colleague": 12, "messages unknown": 30, "messages client": 2},
}  # fmt: skip
"""What the sample of each vendor comes to in the register, counted by hand: in seconds and bytes."""


@pytest.mark.parametrize("name", OF_VENDORS)
def test_the_sample_of_a_vendor_comes_to_what_a_careful_person_counts(office: Office, name: str):
    office.clock.now = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    folder = POLICIES / "sources" / "usage" / "samples"
    files = sorted(file for file in folder.iterdir() if re.fullmatch(rf"{name}(-20\d\d.*)?", file.stem))
    period = (date(2026, 10, 22), date(2026, 10, 28)) if name == "teams-activity-export" else OCTOBER
    taken = feeds.take_in_usage(
        office.context, files, load_usage_mapping(name), catalogue(), rules(), period=period, confirmed=""
    )
    assert (taken.outcome, taken.fault_count) == (UsageOutcome.APPLIED, 0)
    sums: Counter[str] = Counter()
    for _, quantity, party, _, _, amount in office.sums():
        sums[f"{quantity} {party}"] += amount
    assert {key: amount for key, amount in sums.items() if amount} == OF_VENDORS[name]


MUTATIONS: Mapping[str, Callable[[list[Call], random.Random], list[Call]]] = {
    "a late row": lambda calls, _: [calls[0]._replace(day=date(2025, 12, 3)), *calls],
    "a mistyped year": lambda calls, dice: _with(calls, dice, lambda call: call.day.replace(year=2025)),
    "a swapped date": lambda calls, dice: _with(
        [call for call in calls if call.day.day == 2], dice, lambda call: date(2025, call.day.day, 1)
    ),
    "wrong order": lambda calls, dice: dice.sample(calls, len(calls)),
    "ends in mid-month": lambda calls, _: [call for call in calls if call.day.day < 17],
}


def _with(calls: list[Call], dice: random.Random, change: Callable[[Call], date]) -> list[Call]:
    at = dice.randrange(len(calls))
    return [call._replace(day=change(call)) if n == at else call for n, call in enumerate(calls)]


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_a_mutated_bill_is_a_question_or_comes_to_what_its_rows_say_and_leaves_other_months_alone(
    office: Office, mutation: str, seed: int
):
    december = (date(2025, 12, 1), date(2025, 12, 31))
    before = calls_of(december)
    take(office, before, december, name="december.csv")
    calls = MUTATIONS[mutation](calls_of(JANUARY, seed=seed), random.Random(seed))
    taken = take(office, calls, JANUARY, name="january.csv")
    outside = [call for call in calls if not JANUARY[0] <= call.day <= JANUARY[1]]
    if outside:
        assert {fault.problem.value for fault in taken.faults} == {"outside_period"}
        assert (taken.outcome, counted(office)) == (UsageOutcome.FAULTY, count(before))
    else:
        assert (taken.outcome, counted(office)) == (UsageOutcome.APPLIED, count([*before, *calls]))
        assert taken.change is not None
        assert taken.change.last == max(call.day for call in calls), "where a file stops is told"
