"""What the need table is asked about a pair comes from the rows as it should; marks to decide again are never lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import ColumnElement, Connection, select, update

from server.core.hold_record import Hold, encode
from server.core.model import ContactClass, Decision, Link, Need, Phase, Reason, Tier
from server.core.removal.need import decide
from server.store import hold_list, log
from server.store.admin import organisation
from server.store.database import Store
from server.store.removal import deviations_and_holds, needs
from server.store.removal.needs import PairFacts, PairPlace
from server.store.schema import base
from server.store.seal import Sealer
from tests.store.fixtures import Databases
from tests.store.ground import (
    LONG_AGO,
    NOW,
    POLICY,
    SEALER,
    Ground,
    assignment,
    case,
    contact,
    days,
    full_look,
    lay_and_look,
    seen,
    survey,
    take_in,
    token,
    write,
)


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """Two workers who each have the contacts of case-1, case-2 and case-3."""
    opened = Store(databases.fresh("looked", lay_and_look))
    yield opened
    opened.close()


@pytest.fixture
def ground(store: Store) -> Ground:
    return survey(store)


def facts(store: Store, ground: Ground, nth: int = 1, *, worker: int = 1, now: datetime = NOW) -> PairFacts:
    """What is known of a worker and the nth contact."""
    pair = (ground.workers[worker - 1], ground.identifiers[nth - 1])
    with store.read() as connection:
        (found,) = needs.load(connection, needs.of_pairs([pair]), now)
    return found


def link_of(store: Store, ground: Ground, nth: int = 1, *, worker: int = 1, now: datetime = NOW) -> Link:
    (link,) = facts(store, ground, nth, worker=worker, now=now).links
    return link


# --- facts --------------------------------------------------------------------------------------------------------


def test_a_pair_is_told_with_all_that_is_known_of_it(store, ground):
    with store.read() as connection:
        number = connection.execute(select(base.cases.c.id).where(base.cases.c.number == "case-1")).scalar_one()
    assert facts(store, ground) == PairFacts(
        worker=ground.workers[0],
        identifier=ground.identifiers[0],
        token=token(1),
        first_seen=NOW,
        places=(PairPlace(ground.places[0], "place-1", 1),),
        links=(
            Link(
                case=number,
                contact_class=ContactClass.CLIENT,
                phase=Phase.CLOSED,
                read_at=NOW,
                was_assigned=True,
                assigned_now=True,
                closed_at=NOW - days(60),
                recorded=True,
            ),
        ),
        held=False,
    )


YESTERDAY, TOMORROW = NOW - days(1), NOW + days(1)
SPELLS = {
    "never": ([], (False, False, None)),
    "running": ([(LONG_AGO, None)], (True, True, None)),
    "running to an end": ([(LONG_AGO, TOMORROW)], (True, True, TOMORROW)),
    "ended": ([(LONG_AGO, YESTERDAY)], (True, False, YESTERDAY)),
    "ended this instant": ([(LONG_AGO, NOW)], (True, False, NOW)),
    "begun this instant": ([(NOW, None)], (True, True, None)),
    "to begin": ([(TOMORROW, None)], (False, False, None)),
    "came back": ([(LONG_AGO, YESTERDAY), (YESTERDAY, None)], (True, True, None)),
    "ended twice": ([(LONG_AGO, LONG_AGO + days(1)), (LONG_AGO + days(9), YESTERDAY)], (True, False, YESTERDAY)),
    "ends twice": ([(LONG_AGO, TOMORROW), (YESTERDAY, TOMORROW + days(1))], (True, True, TOMORROW + days(1))),
    "ended, and to begin": ([(LONG_AGO, YESTERDAY), (TOMORROW, None)], (True, False, YESTERDAY)),
}


@pytest.mark.parametrize(("spells", "expected"), SPELLS.values(), ids=SPELLS.keys())
def test_of_several_assignments_those_that_run_count_else_the_latest_end(store, ground, spells, expected):
    take_in(
        store,
        full=False,
        cases=[case("case-1", "triage")],
        contacts=[contact("case-1", 1)],
        assignments=[assignment("case-1", "worker-1", since, until) for since, until in spells],
    )
    link = link_of(store, ground)
    assert (link.was_assigned, link.assigned_now, link.assigned_until) == expected


def test_anothers_assignment_moments_and_deviation_are_not_this_workers(store, ground):
    moment = date(2025, 6, 1)
    take_in(
        store,
        full=False,
        cases=[case("case-1", "monitoring")],
        contacts=[contact("case-1", 1)],
        assignments=[assignment("case-1", "worker-2")],
        moments=[{"number": "case-1", "worker_ref": "worker-2", "on_date": moment}],
    )
    add_deviation(store, ground, worker=2, until=TOMORROW)
    mine, theirs = link_of(store, ground), link_of(store, ground, worker=2)
    assert (mine.was_assigned, mine.planned_moments, mine.deviation_until) == (False, (), None)
    assert (theirs.was_assigned, theirs.planned_moments, theirs.deviation_until) == (True, (moment,), TOMORROW)


def test_a_case_that_another_system_knows_is_as_fresh_as_that_system(store, ground):
    take_in(
        store,
        system="system-2",
        at=NOW - days(9),
        cases=[case("other", "triage")],
        contacts=[contact("other", 1, former_since=NOW - days(30), linked=False, **{"class": "reporter"})],
    )
    by_reading = {each.read_at: each for each in facts(store, ground).links}
    other = by_reading[NOW - days(9)]
    assert (other.phase, other.contact_class, other.linked, other.former_since) == (
        Phase.TRIAGE,
        ContactClass.REPORTER,
        False,
        NOW - days(30),
    )
    assert by_reading[NOW].phase is Phase.CLOSED


def test_what_is_absent_or_unknown_everywhere_is_not_decided(store, ground):
    write(store, ground.places[0], full_look(seen("card-2", 2)))
    with store.read() as connection:
        pairs = [(ground.workers[0], each) for each in ground.identifiers]
        assert [each.token for each in needs.load(connection, needs.of_pairs(pairs), NOW)] == [token(2)]


def second_place(store: Store, ground: Ground) -> int:
    """Another book of the first worker."""
    with store.write() as connection:
        organisation.put_place(
            connection, uid="place-9", connection_id=1, worker_id=ground.workers[0], address="book-9", devices={}
        )
        return organisation.read_places(connection, NOW.date())[-1].id


def test_a_contact_in_two_books_of_a_worker_is_one_pair_at_two_places(store, ground):
    other = second_place(store, ground)
    write(store, other, full_look(seen("a", 1)), when=TOMORROW)
    found = facts(store, ground)
    assert [each.uid for each in found.places] == ["place-1", "place-9"]
    assert found.first_seen == NOW


def test_the_first_sighting_stays_the_first_when_the_place_it_was_seen_at_is_empty_now(store, ground):
    other = second_place(store, ground)
    write(store, other, full_look(seen("a", 1)), when=NOW + days(10))
    write(store, ground.places[0], full_look(), when=NOW + days(11))
    found = facts(store, ground)
    assert [each.uid for each in found.places] == ["place-9"]
    assert found.first_seen == NOW, "else grace would begin anew, and with it another order"


def test_the_first_sighting_with_a_colleague_says_nothing(store, ground):
    other = second_place(store, ground)
    write(store, ground.places[0], full_look(), when=NOW)
    with store.write() as connection:
        connection.execute(
            base.sighting.delete().where(
                base.sighting.c.place_id == ground.places[0], base.sighting.c.identifier_id == ground.identifiers[0]
            )
        )
    write(store, other, full_look(seen("a", 1)), when=TOMORROW)
    assert facts(store, ground).first_seen == TOMORROW


# --- deviations and holds -----------------------------------------------------------------------------------------


def case_id(store: Store, number: str) -> int:
    with store.read() as connection:
        (found,) = deviations_and_holds.case_ids(connection, number)
    return found


def add_deviation(
    store: Store, ground: Ground, *, nth: int = 1, worker: int = 1, until: datetime, uid: str = "deviation-1"
) -> None:
    number = case_id(store, f"case-{nth}")
    with store.write() as connection:
        deviations_and_holds.add_deviation(
            connection,
            uid=uid,
            case_id=number,
            of_worker=ground.workers[worker - 1],
            tier=Tier.CONSULT,
            reason="reason",
            decided_by="board",
            now=NOW,
            until=until,
        )


def decide_all(store: Store) -> None:
    with store.write() as connection:
        connection.execute(update(base.pair).values(due_at=None))


def due(store: Store, ground: Ground) -> set[tuple[int, int]]:
    with store.read() as connection:
        rows = connection.execute(select(base.pair).where(base.pair.c.due_at.is_not(None))).all()
    return {(ground.workers.index(row.worker_id) + 1, ground.identifiers.index(row.identifier_id) + 1) for row in rows}


def test_a_deviation_makes_due_that_worker_with_that_case_and_nobody_else(store, ground):
    decide_all(store)
    add_deviation(store, ground, nth=2, until=TOMORROW)
    assert due(store, ground) == {(1, 2)}


def test_of_deviations_the_longest_counts_while_it_holds(store, ground):
    add_deviation(store, ground, until=NOW + days(2), uid="1")
    add_deviation(store, ground, until=NOW + days(5), uid="2")
    assert link_of(store, ground).deviation_until == NOW + days(5)
    assert link_of(store, ground, now=NOW + days(5)).deviation_until is None
    with store.read() as connection:
        in_force = deviations_and_holds.read_deviations(connection, NOW + days(3))
    assert [(each.uid, each.case, each.worker, each.tier) for each in in_force] == [
        ("2", "case-1", "worker-1", Tier.CONSULT)
    ]


def test_a_deviation_that_was_ended_holds_no_more(store, ground):
    add_deviation(store, ground, until=TOMORROW)
    with store.write() as connection:
        connection.execute(update(base.deviation).values(ended_at=NOW))
    assert link_of(store, ground).deviation_until is None


SCOPES = {
    "a worker": ((1, None), {(1, 1), (1, 2), (1, 3)}),
    "a case": ((None, 2), {(1, 2), (2, 2)}),
    "everything": ((None, None), {(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)}),
}


@pytest.mark.parametrize(("scope", "covered"), SCOPES.values(), ids=SCOPES.keys())
def test_a_hold_covers_exactly_its_scope_until_it_ends(store, ground, scope, covered):
    worker, nth = scope
    one = Hold(
        "hold-1",
        NOW,
        worker=ground.workers[worker - 1] if worker else None,
        case=case_id(store, f"case-{nth}") if nth else None,
    )
    hold(store, one)
    assert held(store, ground) == covered
    hold(store, replace(one, ended_at=TOMORROW))
    assert held(store, ground) == set()


def test_whatever_is_held_all_that_goes_is_decided_again_and_nothing_else(store, ground):
    with store.write() as connection:
        connection.execute(update(base.pair).values(due_at=None, decision="keep"))
        of_one = base.pair.c.identifier_id == ground.identifiers[1]
        connection.execute(update(base.pair).where(of_one).values(decision="defer"))
        connection.execute(
            update(base.pair).where(of_one, base.pair.c.worker_id == ground.workers[0]).values(decision="remove")
        )
        needs.mark_going_due(connection, NOW)
    assert due(store, ground) == {(1, 2), (2, 2)}


@pytest.mark.parametrize("spoilt", [b"", b"\1", "cut", "another key", "another place", "no list", None])
def test_a_list_that_cannot_be_opened_covers_everything(store, ground, spoilt):
    hold(store)
    with store.write() as connection:
        sealed = connection.execute(select(base.hold_list.c.sealed)).scalar_one()
        other = {
            "cut": sealed[:-1],
            "another key": Sealer(b"o" * 32).seal(encode([]), hold_list.PLACE),
            "another place": SEALER.seal(encode([]), "hold_list.sealed.2"),
            "no list": SEALER.seal("{}x", hold_list.PLACE),
        }
        if spoilt is None:
            connection.execute(base.hold_list.delete())
        else:
            connection.execute(base.hold_list.update().values(sealed=other.get(spoilt, spoilt)))
    assert held(store, ground) == SCOPES["everything"][1]


def hold(store: Store, *holds: Hold) -> None:
    """These holds and no other, under a key."""
    log.watch_tables(store, SEALER, lambda: NOW)
    with store.write() as connection:
        hold_list.write(connection, SEALER, holds)
        needs.mark_going_due(connection, NOW)


def held(store: Store, ground: Ground) -> set[tuple[int, int]]:
    return {(worker, nth) for worker in (1, 2) for nth in (1, 2, 3) if facts(store, ground, nth, worker=worker).held}


def test_holds_lie_sealed_in_one_row_of_one_length_and_open_as_they_were(store, ground):
    holds = [Hold(f"hold-{n}", NOW, worker=n, reason="canary reason") for n in range(5)]
    lengths = set()
    for some in ([], holds[:1], holds):
        hold(store, *some)
        with store.read() as connection:
            (row,) = connection.execute(select(base.hold_list)).all()
            assert hold_list.read(connection, SEALER) == some
        lengths.add(len(row.sealed))
        assert b"canary" not in row.sealed
    assert len(lengths) == 1


# --- what is due --------------------------------------------------------------------------------------------------


def need(next_at: datetime | None) -> Need:
    return Need(Decision.KEEP, Reason.ASSIGNED, "rules-7", None, next_at=next_at)


def chosen(connection: Connection, which: ColumnElement[bool]) -> int:
    return sum(span.pairs for span in needs.choose(connection, which))


def of_the_first(ground: Ground) -> ColumnElement[bool]:
    return base.pair.c.worker_id == ground.workers[0]


def test_a_decision_is_written_with_when_to_decide_again(store, ground):
    with store.write() as connection:
        loaded = needs.load(connection, of_the_first(ground), NOW)
        needs.write_decisions(connection, [(each, need(TOMORROW)) for each in loaded], NOW)
        assert chosen(connection, needs.due(NOW)) == 3
        assert chosen(connection, needs.due(TOMORROW - timedelta(microseconds=1))) == 3
        assert chosen(connection, needs.due(TOMORROW)) == 6
        row = connection.execute(select(base.pair).where(base.pair.c.worker_id == ground.workers[0])).first()
    assert row is not None
    assert (row.decision, row.reason, row.policy, row.decided_at, row.due_at) == (
        "keep",
        "assigned",
        "rules-7",
        NOW,
        TOMORROW,
    )


def test_a_full_pass_goes_through_every_worker_with_anything(store, ground):
    decide_all(store)
    with store.read() as connection:
        assert needs.choose(connection, needs.due(NOW)) == []
        (everything,) = needs.choose(connection, None)
        assert everything == (ground.identifiers[0], ground.identifiers[-1], 6)
        loaded = needs.load_chosen(connection, everything, NOW)
    assert [(each.identifier, each.worker) for each in loaded] == list(product(ground.identifiers, ground.workers))


def test_marking_pairs_due_says_how_many(store, ground):
    decide_all(store)
    pairs = [(ground.workers[0], ground.identifiers[0]), (ground.workers[1], ground.identifiers[2])]
    with store.write() as connection:
        assert needs.mark_due(connection, needs.of_pairs(pairs), NOW) == 2
    assert due(store, ground) == {(1, 1), (2, 3)}


def test_what_is_present_nowhere_is_forgotten(store, ground):
    write(store, ground.places[0], full_look(seen("card-2", 2)))
    with store.write() as connection:
        (span,) = needs.choose(connection, of_the_first(ground), lock=True)
        assert span.pairs == 3
        (loaded,) = needs.load_chosen(connection, span, NOW)
        needs.write_decisions(connection, [(loaded, need(NOW))], NOW)
        needs.forget_undecided(connection, span)
    assert due(store, ground) == {(1, 2), (2, 1), (2, 2), (2, 3)}


def test_what_appears_while_a_pass_decides_stays_due(store, ground):
    take_in(store, full=False, at=NOW - days(1), cases=[case("new", "triage")], contacts=[contact("new", 4)])
    new = survey(store).identifiers[3]

    def appear() -> None:
        with store.write() as connection:
            needs.add_pairs(connection, ground.workers[0], [new], NOW - days(1))

    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            (span,) = needs.choose(connection, of_the_first(ground), lock=True)
            loaded = needs.load_chosen(connection, span, NOW)
            appearing = pool.submit(appear)
            if not store.is_sqlite:  # there it waits for us
                appearing.result()
            needs.write_decisions(connection, [(each, need(None)) for each in loaded], NOW)
            needs.forget_undecided(connection, span)
        appearing.result()
    with store.read() as connection:
        still = select(base.pair.c.identifier_id).where(of_the_first(ground), needs.due(NOW))
        assert connection.execute(still).scalars().all() == [new]


def test_a_change_that_comes_while_a_pass_decides_waits_and_makes_due_again(store, ground):
    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            (span,) = needs.choose(connection, of_the_first(ground), lock=True)
            loaded = needs.load_chosen(connection, span, NOW)
            holding = pool.submit(hold_on_something, store)
            goes = need(None)._replace(decision=Decision.REMOVE, reason=Reason.FINALLY_CLOSED)
            needs.write_decisions(connection, [(each, goes) for each in loaded], NOW)
        holding.result()
    assert due(store, ground) == SCOPES["everything"][1]


def hold_on_something(store: Store) -> None:
    with store.write() as connection:
        needs.mark_going_due(connection, NOW)


def test_instants_before_1970_and_far_ahead_keep_their_order(store, ground):
    ages = [datetime(1960, 1, 1, tzinfo=UTC), NOW, datetime(2300, 1, 1, tzinfo=UTC)]
    with store.write() as connection:
        for each, at in zip(ground.identifiers, ages, strict=True):
            connection.execute(
                update(base.pair)
                .where(base.pair.c.worker_id == ground.workers[0], base.pair.c.identifier_id == each)
                .values(due_at=at)
            )
        ordered = connection.execute(
            select(base.pair.c.due_at).where(base.pair.c.worker_id == ground.workers[0]).order_by(base.pair.c.due_at)
        ).scalars()
        assert list(ordered) == ages


# --- many links ---------------------------------------------------------------------------------------------------


STAYING = frozenset({ContactClass.PROFESSIONAL, ContactClass.COLLEAGUE, ContactClass.CHAIN_PARTNER})


def test_a_professional_of_many_cases_is_decided_by_the_first_as_by_all(store, ground):
    """1: a professional in every case; 2: in one of them, else a client; 3: a client, and in the directory."""
    cases = [case("case-1", "triage"), case("open", "triage"), case("shut", "closed", closed_at=NOW - days(90))]
    classes = {
        ("case-1", 1): "professional",
        ("open", 1): "professional",
        ("shut", 1): "chain_partner",
        ("shut", 2): "professional",
    }
    contacts = [
        contact(each["number"], nth, **{"class": classes.get((each["number"], nth), "client")})
        for each in cases
        for nth in (1, 2, 3)
        if nth == 1 or each["number"] != "case-1"
    ]
    on_it = [assignment("open", "worker-1"), assignment("shut", "worker-1", until=NOW - days(80))]
    take_in(store, cases=cases, contacts=contacts, assignments=on_it)
    take_in(
        store,
        full=False,
        system="system-2",
        directory=[{"token": bytes(token(3)), "verified": True, "class": "colleague"}],
    )
    with store.read() as connection:
        (everything,) = needs.choose(connection, None)
        whole = needs.load_chosen(connection, everything, NOW)
        short = needs.load_chosen(connection, everything, NOW, stays=STAYING)
    answers = [decide(each.links, POLICY, NOW, each.first_seen, held=each.held) for each in whole]
    assert [decide(each.links, POLICY, NOW, each.first_seen, held=each.held) for each in short] == answers
    counts = {(each.identifier, len(each.links), len(other.links)) for each, other in zip(whole, short, strict=True)}
    one, two, three = ground.identifiers
    assert counts == {(one, 3, 1), (two, 3, 3), (three, 4, 4)}
    assert [each._replace(links=()) for each in short] == [each._replace(links=()) for each in whole]
