"""What workers are asked about places nobody can see: by the register alone, in the same words whatever is held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from server.core.log.entries import EntryKind
from server.core.model import Phase, Role, StatedAnswer, StatedPlace
from server.core.policy.model import AttestationRules, ConfirmedBy
from server.core.problems import DecisionRefusedError
from server.core.removal.attestation import PlaceStanding
from server.core.reports.coverage import Sight, Spot
from server.core.reports.stated import StatedCounts
from server.core.text import Period
from server.store.schema.attestation import attestation, attestation_reminder
from server.store.schema.base import account, closure, gate, membership, place
from server.store.schema.usage import absence
from server.work.admin import access
from server.work.admin.access import Factors, Person
from server.work.mail import MailSecurity, MailServer
from server.work.removal import attestations
from server.work.removal.attestations import CaseAsked, OwnAttestations
from server.work.reports import removal_report
from tests.work.letterbox import letterbox
from tests.work.world import NOW, NUMBERS, POLICY, Told, World, closed, days

BOOK, SIM, CALLS, CHATS, CLOUD, PAPER = StatedPlace
DONE, NOT_THERE, CANNOT = StatedAnswer
RULES = AttestationRules((BOOK, SIM, CLOUD, PAPER), remind_days=(7, 28), open_days=91, counts_days=365)
ASKING = replace(POLICY, version="asking-1", attestation=RULES)
ALL = dict.fromkeys(RULES.places, DONE)


@pytest.fixture
def asking(make_world: Callable[..., World]) -> World:
    """Two workers who may sign in, under a policy that asks them."""
    world = make_world(policy=ASKING)
    for nth in (1, 2):
        let_in(world, nth)
    return world


def let_in(world: World, nth: int = 1) -> None:
    access.demo_account(world.context, Role.WORKER, worker=f"worker-{nth}")


def person(world: World, nth: int = 1) -> Person:
    now, role = world.clock.now, Role.WORKER
    return Person(nth, f"account-{nth}", None, (role,), role, nth, f"worker-{nth}", None, Factors.LOCAL, now, None)


def own(world: World, nth: int = 1) -> OwnAttestations:
    found = attestations.read_own(world.context, person(world, nth))
    assert found is not None
    return found


def asked(world: World, nth: int = 1) -> list[str]:
    return [each.case for each in own(world, nth).asked]


def state(world: World, answers: dict[StatedPlace, StatedAnswer] = ALL, nth: int = 1) -> int:
    return attestations.state(world.context, person(world, nth), {each.id for each in own(world, nth).asked}, answers)


def both(number: str = "300001", **facts: object) -> Told:
    return closed(number, NUMBERS[0], ago=0, workers=("worker-1", "worker-2"), **facts)


# --- who is asked, when, and when no more


def test_each_worker_of_a_case_is_asked_at_its_final_closure_and_nobody_else(asking):
    asking.tell(Told("300001", (NUMBERS[0],)), Told("300002", (NUMBERS[1],), ("worker-2",)))
    assert (asked(asking), asked(asking, 2)) == ([], [])
    asking.tell(closed("300001", NUMBERS[0], ago=0))
    assert (asked(asking), asked(asking, 2)) == (["300001"], [])
    assert own(asking).places == RULES.places


def test_who_was_on_the_case_earlier_is_asked_as_well(asking):
    earlier = ("worker-2", NOW - days(300), NOW - days(200))
    asking.tell(closed("300001", NUMBERS[0], ago=0, spells=(earlier,)))
    assert (asked(asking), asked(asking, 2)) == (["300001"], ["300001"])


def test_a_case_that_is_opened_again_withdraws_its_question_and_asks_anew_at_its_next_closure(asking):
    asking.tell(both())
    state(asking)
    asking.pass_(days(3))
    asking.tell(Told("300001", (NUMBERS[0],), ("worker-1", "worker-2")))
    assert (asked(asking), asked(asking, 2), own(asking).stated) == ([], [], ())
    asking.clock.pass_(days(3))
    asking.tell(replace(both(), closed_at=asking.clock.now))
    assert (asked(asking), asked(asking, 2)) == (["300001"], ["300001"])


def test_a_worker_whom_the_register_takes_off_the_case_is_asked_no_more(asking):
    asking.tell(both())
    asking.tell(replace(both(), workers=("worker-2",)))
    assert (asked(asking), asked(asking, 2)) == ([], ["300001"])


def test_a_status_that_nobody_confirmed_asks_nobody(asking):
    asking.tell(Told("300001", (NUMBERS[0],), phase=Phase.CLOSED))
    assert asked(asking) == []


def test_a_policy_without_the_rule_asks_nobody_and_takes_no_answer(asking):
    asking.tell(both())
    case = own(asking).asked[0].id
    asking.change(attestation=None)
    assert attestations.read_own(asking.context, person(asking)) is None
    assert attestations.state(asking.context, person(asking), {case}, ALL) == 0
    assert asking.rows(attestation) == []


@pytest.mark.parametrize("why", ["no sign-in", "suspended", "left"])
def test_who_has_no_sign_in_is_suspended_or_left_is_not_asked_and_nothing_is_assumed(make_world, why):
    world = make_world(policy=ASKING)
    if why != "no sign-in":
        let_in(world)
    with world.context.store.write() as connection:
        if why == "suspended":
            connection.execute(update(account).values(disabled_at=NOW))
        if why == "left":
            connection.execute(update(membership).values(last=date(2025, 1, 1)))
    world.tell(both())
    assert attestations.read_own(world.context, person(world)) is None
    assert attestations.state(world.context, person(world), {"x"}, ALL) == 0
    with world.context.store.read() as connection:
        counted = attestations.count_stated(world.context, connection, Period(NOW.date(), NOW.date()))
        assert attestations.stated_by(world.context, connection) == {}
    assert counted is not None
    assert (counted.workers, counted.unasked) == (0, 2)


def test_outside_of_a_demo_nobody_is_asked_before_a_gate_for_removing_is_recorded(asking, make_world):
    world = make_world(policy=ASKING, demo=False)
    with world.context.store.write() as connection:
        row = {"uid": "a1", "name": "person-1", "password": "x", "sealed_totp": b"1", "worker_id": 1, "created_at": NOW}
        connection.execute(insert(account).values(**row))
    world.tell(both())
    assert attestations.read_own(world.context, person(world)) is None
    with world.context.store.write() as connection:
        connection.execute(
            insert(gate).values(
                employer_id=1, dpia="d", consent="c", scope="removal", purpose="p", review_on=NOW.date(),
                ends_on=NOW.date() + timedelta(days=9), recorded_at=NOW, recorded_by="x",
            )
        )  # fmt: skip
    assert asked(world) == ["300001"]
    world.clock.pass_(days(10))
    assert attestations.read_own(world.context, person(world)) is None


# --- answers


def test_an_answer_is_kept_for_each_place_and_case_and_the_question_goes(asking):
    asking.tell(both(), both("300002"))
    assert state(asking, {BOOK: DONE, SIM: NOT_THERE}) == 2
    assert {each.places for each in own(asking).asked} == {(CLOUD, PAPER)}
    assert state(asking, {CLOUD: DONE, PAPER: CANNOT}) == 2
    assert own(asking).open == 0
    assert [(r.worker_id, r.place, r.answer, r.said_at) for r in asking.rows(attestation)] == [
        *[(1, "phone_book", "done", NOW), (1, "sim", "not_there", NOW)] * 2,
        *[(1, "personal_cloud", "done", NOW), (1, "paper", "cannot", NOW)] * 2,
    ]
    assert asked(asking, 2) == ["300001", "300002"]
    assert [(line["verb"], line["count"]) for line in asking.logged(EntryKind.ATTESTED)] == [("stated", 4)] * 2


def test_what_could_not_be_done_can_be_answered_again_and_only_that(asking):
    asking.tell(both())
    state(asking, {**ALL, SIM: CANNOT})
    (again,) = own(asking).asked
    assert again == CaseAsked(again.id, "300001", (SIM,), again=True)
    assert own(asking).open == 0
    asking.pass_(days(2))
    assert state(asking, dict.fromkeys(RULES.places, NOT_THERE)) == 1
    assert own(asking).asked == ()
    assert {each.place: each.answer for each in own(asking).stated} == {**ALL, SIM: NOT_THERE}


def test_nobody_answers_for_somebody_else_or_for_a_case_that_is_asked_about_no_more(asking):
    asking.tell(closed("300001", NUMBERS[0], ago=0), closed("300002", NUMBERS[1], ago=0, workers=("worker-2",)))
    (mine,), (theirs,) = own(asking).asked, own(asking, 2).asked
    assert attestations.state(asking.context, person(asking), {theirs.id}, ALL) == 0
    asking.tell(Told("300001", (NUMBERS[0],)))
    assert attestations.state(asking.context, person(asking), {mine.id}, ALL) == 0
    assert asking.rows(attestation) == []


# --- reminders


@pytest.fixture
def mail(asking):
    """Where letters of the world go; both workers have a mailbox."""
    with letterbox() as box:
        server = MailServer("127.0.0.1", box.port, MailSecurity.NONE, "closeout@organisation.invalid")
        asking.context = replace(asking.context, mail=server, pages="https://closeout.invalid")
        with asking.context.store.write() as connection:
            for nth in (1, 2):
                connection.execute(
                    update(place).where(place.c.worker_id == nth).values(address=f"worker-{nth}@organisation.invalid")
                )
        yield box


def test_a_letter_reminds_on_the_days_of_the_policy_and_says_nothing_but_where_to_look(asking, mail):
    asking.tell(both(), both("300002"))
    state(asking, nth=2)
    sent = []
    for day in (6, 7, 8, 27, 28, 40, 90):
        asking.clock.now = NOW + days(day)
        sent += [day] * attestations.remind(asking.context).sent
        assert attestations.remind(asking.context).sent == 0
    assert sent == [7, 28]
    assert [letter.to for letter in mail.letters] == ["worker-1@organisation.invalid"] * 2
    for letter in mail.letters:
        assert "30000" not in letter.text
        assert "https://closeout.invalid/my-phone" in letter.text
    assert asking.rows(attestation_reminder) == [(1, NOW.date() + timedelta(days=28))]


def test_who_is_away_is_reminded_when_they_are_back(asking, mail):
    asking.tell(both())
    with asking.context.store.write() as connection:
        for nth in (1, 2):
            back = date(2025, 3, 20) if nth == 1 else None
            connection.execute(insert(absence).values(worker_id=nth, first=date(2025, 3, 1), last=back))
    asking.pass_(days(10))
    assert attestations.remind(asking.context).sent == 0
    asking.pass_(days(7))
    assert attestations.remind(asking.context).sent == 1


# --- what counts


def test_reports_count_it_apart_as_stated_and_of_few_workers_tell_no_figure(asking):
    asking.tell(both(), both("300002"))
    state(asking, {BOOK: DONE, SIM: CANNOT})
    period = Period(NOW.date(), NOW.date())
    with asking.context.store.read() as connection:
        counted = attestations.count_stated(asking.context, connection, period)
    assert counted is not None
    assert {place.value: {each.value: n for each, n in found.items()} for place, found in counted.counts.items()} == {
        "phone_book": {"done": 2, "open": 2},
        "sim": {"cannot": 2, "open": 2},
        "personal_cloud": {"open": 4},
        "paper": {"open": 4},
    }
    (section,) = [each for each in asking.report().body if each.key == "stated"]
    assert section.rows == ()


def test_a_phone_counts_as_reported_only_where_its_worker_states_it_of_every_case(asking):
    asking.tell(both(), both("300002"))

    def sights(nth: int) -> dict[Spot, Sight]:
        with asking.context.store.read() as connection:
            phones = {each.label: each for each in removal_report.phones(asking.context, connection)}
        return {spot: phones[f"device-{nth}"].sight(spot) for spot in Spot}

    unseen = dict.fromkeys(Spot, Sight.UNSEEN)
    assert sights(1) == unseen
    state(asking, {BOOK: DONE, SIM: NOT_THERE, CLOUD: CANNOT, PAPER: DONE})
    assert sights(1) == {**unseen, Spot.LOCAL_BOOK: Sight.ATTESTED, Spot.SIM: Sight.ATTESTED}
    assert sights(2) == unseen
    asking.pass_(days(1))
    asking.tell(both("300003"))
    assert sights(1) == unseen
    state(asking, {BOOK: DONE})
    assert sights(1) == {**unseen, Spot.LOCAL_BOOK: Sight.ATTESTED}
    asking.pass_(days(365))
    assert sights(1) == unseen


def test_a_supervisors_word_counts_where_the_policy_has_it_so(asking):
    asking.change(closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR)
    asking.tell(Told("300001", (NUMBERS[0],), phase=Phase.CLOSED))
    assert asked(asking) == []
    confirm(asking)
    assert asked(asking) == ["300001"]
    asking.change(closure_confirmed_by=ConfirmedBy.REGISTER)
    assert asked(asking) == []


def confirm(world: World) -> None:
    with world.context.store.write() as connection:
        connection.execute(
            insert(closure).values(
                uid="c1", case_id=1, team="team-1", asked="q1", answer="confirmed", on_date=NOW.date(),
                confirmed_at=NOW, said_by=1, said_at=NOW,
            )
        )  # fmt: skip


# --- talks


def test_each_month_has_one_draw_of_a_few_workers_and_one_case_each(make_world):
    world = make_world(policy=ASKING, workers=6)
    for nth in range(1, 7):
        let_in(world, nth)
    everybody = tuple(f"worker-{nth}" for nth in range(1, 7))
    told = [closed(f"30000{n}", NUMBERS[n], ago=0, workers=everybody) for n in range(2)]
    world.tell(*told)
    for nth in range(1, 7):
        state(world, nth=nth)
    assert attestations.draw_talks(world.context, Role.PRIVACY_OFFICER) == []
    world.clock.now = datetime(2025, 4, 2, 12, tzinfo=UTC)
    first = attestations.draw_talks(world.context, Role.PRIVACY_OFFICER)
    assert len(first) == len({each.worker for each in first}) == attestations.MOST_TALKS
    world.clock.now = datetime(2025, 4, 30, 12, tzinfo=UTC)
    assert attestations.draw_talks(world.context, Role.INDEPENDENT_OFFICER) == first
    world.clock.now = datetime(2025, 5, 1, 12, tzinfo=UTC)
    assert attestations.draw_talks(world.context, Role.PRIVACY_OFFICER) == []


@pytest.mark.parametrize("role", [Role.IT_ADMINISTRATOR, Role.LINE_MANAGER, Role.WORK_SUPERVISOR, Role.AUDITOR])
@pytest.mark.statements_tried
def test_who_may_not_see_case_numbers_is_told_of_no_talk(asking, role):
    with pytest.raises(DecisionRefusedError):
        attestations.draw_talks(asking.context, role)


# --- silence


@pytest.mark.parametrize("scope", [{"case": "300001"}, {"worker": "worker-1"}], ids=["case", "worker"])
def test_a_hold_changes_nothing_of_what_is_asked_when_and_of_what_is_counted(asking, databases, scope):
    """Two worlds live the same three months: a closure, answers, a reopening, a reassignment; one has a hold."""
    asking.tell(Told("300001", (NUMBERS[0],), ("worker-1", "worker-2")), Told("300002", (NUMBERS[1],)))
    asking.put(NUMBERS[0])
    asking.put(NUMBERS[1])
    asking.run()
    folder = asking.folder / "twin"
    folder.mkdir()
    held = asking.twin(databases, folder)
    held.hold(**scope)
    later = NOW + days(36)
    acts: dict[int, Callable[[World], object]] = {
        0: lambda world: world.tell(both(), closed("300002", NUMBERS[1], ago=0)),
        12: lambda world: state(world, {BOOK: DONE, SIM: CANNOT}),
        24: lambda world: world.tell(Told("300002", (NUMBERS[1],))),
        36: lambda world: world.tell(
            Told("300002", (NUMBERS[1],), phase=Phase.CLOSED, closed_at=later), replace(both(), workers=("worker-2",))
        ),
        92: lambda world: world.tell(),
    }
    seen = []
    for day, act in acts.items():
        for world in (asking, held):
            world.clock.now = NOW + days(day)
            act(world)
            world.run()
        seen = [everything_told(world) for world in (asking, held)]
        assert seen[0] == seen[1], day
    assert asking.book().cards.keys() != held.book().cards.keys()
    counted = seen[0][2]
    assert isinstance(counted, StatedCounts)
    assert PlaceStanding.UNANSWERED in counted.counts[PAPER]


def everything_told(world: World) -> tuple[object, ...]:
    with world.context.store.read() as connection:
        period = Period(NOW.date(), world.context.today())
        return (
            *(own(world, nth) for nth in (1, 2)),
            attestations.count_stated(world.context, connection, period),
            attestations.stated_by(world.context, connection),
            world.rows(attestation),
            [(line["verb"], line["count"]) for line in world.logged(EntryKind.ATTESTED)],
        )
