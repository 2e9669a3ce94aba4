"""What a look makes of what was known: present, absent or unknown; and unknown is never absent."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from mdm_adapters.port import Fault, Look, Shape, Token, Unreachable
from server.core.model import Disposition, FindingKind
from server.store import findings
from server.store.database import Store
from server.store.removal import presence, questions
from server.store.removal.presence import SeenEntry, Written
from server.store.schema import base
from server.store.seal import SealBrokenError
from tests.store.fixtures import Databases, migrate
from tests.store.ground import (
    NOW,
    SEALER,
    Ground,
    days,
    delta,
    full_look,
    lay,
    place_row,
    seen,
    survey,
    token,
    write,
)


def prepare(url: str) -> None:
    """Two workers, three contacts; nobody looked yet."""
    migrate(url)
    store = Store(url)
    lay(store, workers=2)
    store.close()


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    opened = Store(databases.fresh("laid", prepare))
    yield opened
    opened.close()


@pytest.fixture
def ground(store: Store) -> Ground:
    return survey(store)


class Book:
    """One place, looked at again and again, a day later each time."""

    def __init__(self, store: Store, ground: Ground, nth: int = 0) -> None:
        self.store, self.place = store, ground.places[nth]
        self.number = {identifier: n for n, identifier in enumerate(ground.identifiers, start=1)}
        self.now = NOW

    def look(self, look: Look) -> Written:
        self.now += days(1)
        written = write(self.store, self.place, look, when=self.now)
        assert written is not None
        return written

    def sightings(self) -> dict[int, str]:
        """The nth contact -> what is known of it here."""
        return {n: f"{row.presence} {row.appearance}" for n, row in self.rows().items()}

    def rows(self) -> dict[int, Any]:
        with self.store.read() as connection:
            rows = connection.execute(select(base.sighting).where(base.sighting.c.place_id == self.place))
            return {self.number[row.identifier_id]: row for row in rows}

    def findings(self) -> list[tuple[FindingKind, bool]]:
        """Every finding here, with whether it is open."""
        with self.store.read() as connection:
            rows = findings.read_findings(connection, open_only=False)
            uid = place_row(connection, self.place).uid
            return [(row.kind, row.closed_at is None) for row in rows if row.place == uid]

    def bury(self, nth: int, expires: datetime) -> None:
        """A tombstone, as proving an order leaves one."""
        identifier = next(number for number, n in self.number.items() if n == nth)
        with self.store.write() as connection:
            plan = connection.execute(
                base.plan.insert()
                .values(uid=f"plan-{nth}", made_at=NOW, policy="p", digest="d", removals=1)
                .returning(base.plan.c.id)
            ).scalar_one()
            connection.execute(
                base.orders.insert().values(
                    id=f"order-{nth}",
                    place_id=self.place,
                    identifier_id=identifier,
                    worker_id=place_row(connection, self.place).worker,
                    plan_id=plan,
                    verb="remove",
                    reason="finally_closed",
                    policy="p",
                    state="done",
                    planned_at=NOW,
                    settled_at=self.now,
                    level="store_removed",
                )
            )
            connection.execute(
                base.tombstone.insert().values(
                    place_id=self.place,
                    identifier_id=identifier,
                    order_id=f"order-{nth}",
                    removed_at=self.now,
                    expires_at=expires,
                )
            )


@pytest.fixture
def book(store, ground) -> Book:
    return Book(store, ground)


def everything(store: Store, but: Collection[str] = ()) -> dict[str, Any]:
    """Every row of what looks write."""
    tables = (base.place, base.look, base.entry, base.entry_identifier, base.sighting, base.pair)
    with store.read() as connection:
        rows = {table.name: connection.execute(select(table)).all() for table in (*tables, base.finding)}
    return {name: some for name, some in rows.items() if name not in but}


UNREADABLE = seen("broken", shape=Shape.UNREADABLE)

# --- full looks ---------------------------------------------------------------------------------------------------


def test_a_full_look_finds_what_is_there_and_makes_its_pairs_due(store, ground, book):
    written = book.look(full_look(seen("a", 1, 2)))
    one, two, _ = ground.identifiers
    both = frozenset({one, two})
    assert written == Written(both, frozenset(), both, unreadable=0, findings=0, fresh=both)
    assert book.sightings() == {1: "present 1", 2: "present 1"}
    with store.read() as connection:
        pairs = connection.execute(select(base.pair)).all()
    assert {(pair.worker_id, pair.identifier_id, pair.due_at) for pair in pairs} == {
        (ground.workers[0], one, book.now),
        (ground.workers[0], two, book.now),
    }


def test_a_full_look_is_remembered_at_the_place(store, book):
    with store.write() as connection:
        presence.note_fault(connection, book.place, Unreachable(Fault.TIMED_OUT), NOW)
        before = place_row(connection, book.place)
    assert before.look_due
    write(store, book.place, full_look(cursor="here"), when=NOW, to=3)
    with store.read() as connection:
        row = place_row(connection, book.place)
        look = connection.execute(select(base.look)).one()
    assert (row.cursor, row.searched_to, row.look_due, row.full_at, row.looked_at, row.fault) == (
        "here",
        3,
        False,
        NOW,
        NOW,
        None,
    )
    assert row.version == look.version == before.version + 1
    assert (look.place_id, look.full, look.at) == (book.place, True, NOW)


def test_what_a_full_look_does_not_find_is_absent(book):
    book.look(full_look(seen("a", 1), seen("b", 2)))
    written = book.look(full_look(seen("b", 2)))
    assert (len(written.gone), len(written.present)) == (1, 1)
    assert book.sightings() == {1: "absent 1", 2: "present 1"}
    assert book.rows()[1].since_at == book.now


def test_an_empty_book_holds_nobody(book):
    book.look(full_look(seen("a", 1, 2, 3)))
    book.look(full_look())
    assert book.sightings() == {1: "absent 1", 2: "absent 1", 3: "absent 1"}


def test_a_contact_in_two_cards_is_there_until_the_last_of_them_goes(book):
    book.look(full_look(seen("a", 1), seen("b", 1, 2)))
    book.look(full_look(seen("b", 1, 2)))
    assert book.sightings() == {1: "present 1", 2: "present 1"}
    book.look(full_look(seen("b", 2, version="2")))
    assert book.sightings() == {1: "absent 1", 2: "present 1"}


def test_looking_again_at_the_same_changes_nothing(store, book):
    look = full_look(seen("a", 1), seen("b", 2, shape=Shape.MIXED))
    book.look(look)
    before = everything(store, but={"place", "look"})
    assert book.look(look).appeared == frozenset()
    assert everything(store, but={"place", "look"}) == before


def test_each_place_is_known_by_itself(store, ground, book):
    other = Book(store, ground, 1)
    book.look(full_look(seen("a", 1)))
    other.look(full_look(seen("a", 1), seen("b", 2)))
    book.look(full_look())
    assert (book.sightings(), other.sightings()) == ({1: "absent 1"}, {1: "present 1", 2: "present 1"})


def test_a_look_overtaken_by_another_is_not_written_at_all(store, book):
    with store.read() as connection:
        begun = place_row(connection, book.place)
    book.look(full_look(seen("a", 1)))
    before = everything(store)
    assert write(store, book.place, full_look(seen("b", 2)), begun_at=begun) is None
    assert everything(store) == before


def test_a_token_that_the_register_does_not_know_leaves_no_trace(store, book):
    book.look(full_look(seen("a", 1, 77)))
    assert book.sightings() == {1: "present 1"}
    with store.read() as connection:
        assert presence.known_tokens(connection, [token(1), token(77), Token(b"?")]).keys() == {token(1)}
        assert connection.execute(select(base.identifier).where(base.identifier.c.token == token(77))).all() == []


# --- deltas -------------------------------------------------------------------------------------------------------


def test_a_delta_touches_only_what_it_names(book):
    book.look(full_look(seen("a", 1), seen("b", 2)))
    book.look(delta(seen("c", 3)))
    assert book.sightings() == {1: "present 1", 2: "present 1", 3: "present 1"}
    written = book.look(delta(gone=["a"]))
    assert len(written.gone) == 1
    assert book.sightings() == {1: "absent 1", 2: "present 1", 3: "present 1"}


def test_a_card_that_was_ours_and_is_private_now_holds_it_no_more(book):
    book.look(full_look(seen("a", 1), seen("b", 2)))
    book.look(delta(changed=["a", "somebody-private"]))
    assert book.sightings() == {1: "absent 1", 2: "present 1"}


def test_a_card_whose_number_was_changed_holds_the_new_one(book):
    book.look(full_look(seen("a", 1)))
    book.look(delta(seen("a", 2, version="2")))
    assert book.sightings() == {1: "absent 1", 2: "present 1"}


def test_a_delta_is_no_full_look(store, book):
    book.look(full_look())
    with store.read() as connection:
        before = place_row(connection, book.place)
    book.look(delta(seen("a", 1)))
    with store.read() as connection:
        after = place_row(connection, book.place)
        assert len(connection.execute(select(base.look)).all()) == 1
    assert (after.full_at, after.searched_to) == (before.full_at, before.searched_to)
    assert (after.looked_at, after.cursor) == (book.now, "cursor-2")


# --- what nobody could read ---------------------------------------------------------------------------------------


def test_while_an_entry_cannot_be_read_what_is_not_found_is_unknown(book):
    book.look(full_look(seen("a", 1), seen("b", 2)))
    written = book.look(full_look(seen("b", 2), UNREADABLE))
    assert (written.gone, written.unreadable) == (frozenset(), 1)
    assert book.sightings() == {1: "unknown 1", 2: "present 1"}
    assert book.findings() == [(FindingKind.UNREADABLE_ENTRY, True)]


def test_an_entry_that_becomes_unreadable_makes_what_it_held_unknown(book):
    book.look(full_look(seen("broken", 1)))
    book.look(delta(seen("broken", shape=Shape.UNREADABLE, version="2")))
    assert book.sightings() == {1: "unknown 1"}


def test_what_was_absent_is_unknown_again_once_something_unreadable_comes(book):
    book.look(full_look(seen("a", 1)))
    book.look(full_look())
    book.look(full_look(UNREADABLE))
    assert book.sightings()[1].startswith("unknown")


def test_once_a_person_has_looked_at_it_it_blocks_nothing_until_it_changes(store, book):
    book.look(full_look(seen("a", 1), UNREADABLE))
    book.look(full_look(UNREADABLE))
    accept(store, book)
    with store.read() as connection:
        assert place_row(connection, book.place).look_due
    book.look(full_look(UNREADABLE))
    assert book.sightings() == {1: "absent 1"}
    assert book.findings() == [(FindingKind.UNREADABLE_ENTRY, False)]
    book.look(full_look(seen("broken", shape=Shape.UNREADABLE, version="2")))
    assert book.sightings()[1].startswith("unknown")
    assert book.findings() == [(FindingKind.UNREADABLE_ENTRY, False), (FindingKind.UNREADABLE_ENTRY, True)]


def accept(store: Store, book: Book) -> None:
    with store.write() as connection:
        (row,) = findings.read_findings(connection)
        assert presence.accept_entries(connection, [row.subject], book.now)


def test_only_an_unreadable_entry_can_be_accepted(store, book):
    book.look(full_look(seen("a", 1)))
    with store.write() as connection:
        key = connection.execute(select(base.entry.c.key)).scalar_one()
        assert not presence.accept_entries(connection, [questions.entry_uid(key)], NOW)
        assert not presence.accept_entries(connection, ["nowhere"], NOW)


def test_the_question_about_an_entry_is_answered_when_the_entry_goes(book):
    book.look(full_look(seen("x", shape=Shape.CASE_NUMBER), UNREADABLE))
    assert sorted(book.findings()) == [(FindingKind.CASE_NUMBER_ENTRY, True), (FindingKind.UNREADABLE_ENTRY, True)]
    book.look(full_look())
    assert sorted(book.findings()) == [(FindingKind.CASE_NUMBER_ENTRY, False), (FindingKind.UNREADABLE_ENTRY, False)]


def test_the_question_about_an_entry_is_answered_when_the_entry_can_be_read_again(book):
    book.look(full_look(UNREADABLE))
    book.look(delta(seen("broken", shape=Shape.CASE_NUMBER, version="2")))
    assert book.findings() == [(FindingKind.UNREADABLE_ENTRY, False), (FindingKind.CASE_NUMBER_ENTRY, True)]
    book.look(delta(seen("broken", 1, version="3")))
    assert book.findings() == [(FindingKind.UNREADABLE_ENTRY, False), (FindingKind.CASE_NUMBER_ENTRY, False)]


def test_a_question_is_asked_once_however_often_the_entry_is_seen(book):
    for _ in range(3):
        book.look(full_look(seen("x", shape=Shape.CASE_NUMBER)))
    assert book.findings() == [(FindingKind.CASE_NUMBER_ENTRY, True)]


# --- it comes back ------------------------------------------------------------------------------------------------


def test_what_comes_back_after_it_was_absent_has_appeared_once_more_and_is_due(store, book):
    book.look(full_look(seen("a", 1)))
    first = book.rows()[1].first_at
    book.look(full_look())
    with store.write() as connection:
        connection.execute(update(base.pair).values(due_at=None))
    assert len(book.look(delta(seen("b", 1))).appeared) == 1
    assert book.sightings() == {1: "present 2"}
    assert (book.rows()[1].first_at, book.rows()[1].since_at) == (first, book.now)
    with store.read() as connection:
        assert connection.execute(select(base.pair.c.due_at)).scalar_one() == book.now


def test_what_was_unknown_and_is_there_had_never_gone(book):
    book.look(full_look(seen("a", 1)))
    book.look(full_look(UNREADABLE))
    written = book.look(full_look(seen("a", 1), UNREADABLE))
    assert written.appeared == frozenset()
    assert book.sightings() == {1: "present 1"}


def test_what_was_removed_and_comes_back_is_a_finding_once(book):
    book.look(full_look(seen("a", 1)))
    book.look(full_look())
    book.bury(1, expires=NOW + days(365))
    book.look(full_look(seen("b", 1)))
    book.look(full_look(seen("b", 1)))
    assert book.findings() == [(FindingKind.REAPPEARED, True)]


def test_what_was_removed_and_comes_back_behind_something_unreadable_is_as_much_a_finding(book):
    book.look(full_look(seen("a", 1)))
    book.look(full_look())
    book.bury(1, expires=NOW + days(365))
    book.look(full_look(UNREADABLE))
    book.look(full_look(seen("b", 1), UNREADABLE))
    assert book.findings() == [(FindingKind.UNREADABLE_ENTRY, True), (FindingKind.REAPPEARED, True)]
    assert book.sightings() == {1: "present 2"}, "a new appearance, so that a new order may remove it"
    book.look(full_look(UNREADABLE))
    book.look(full_look(seen("b", 1), UNREADABLE))
    assert len(book.findings()) == 2


def test_an_answered_question_is_not_asked_again_because_the_card_was_unreadable_for_a_while(store, book):
    book.look(full_look(seen("a", 1)))
    book.look(full_look())
    book.bury(1, expires=NOW + days(365))
    book.look(full_look(seen("b", 1)))
    with store.write() as connection:
        every = findings.Chosen(kind=FindingKind.REAPPEARED)
        findings.conclude(connection, every, Disposition.EXPLAINED, "the client rang", book.now)
    book.look(full_look(seen("b", shape=Shape.UNREADABLE, version="2")))
    book.look(full_look(seen("b", 1, version="3")))
    assert book.findings() == [(FindingKind.REAPPEARED, False), (FindingKind.UNREADABLE_ENTRY, False)]


def test_a_tombstone_that_expired_watches_no_longer(book):
    book.look(full_look(seen("a", 1)))
    book.look(full_look())
    book.bury(1, expires=book.now + days(1))
    book.look(full_look(seen("b", 1)))
    assert book.findings() == []


def test_what_appears_elsewhere_is_no_reappearance(store, ground, book):
    other = Book(store, ground, 1)
    book.look(full_look(seen("a", 1)))
    book.look(full_look())
    book.bury(1, expires=NOW + days(365))
    other.look(full_look(seen("a", 1)))
    assert (book.findings(), other.findings()) == ([], [])


# --- entries ------------------------------------------------------------------------------------------------------


def test_an_entry_tells_the_engine_all_the_governed_identifiers_in_it(store, ground, book):
    book.look(full_look(seen("a", 1, 2, shape=Shape.MIXED, version='"7"'), seen("b", 3)))
    with store.read() as connection:
        (entry,) = presence.entries_holding(connection, SEALER, book.place, [ground.identifiers[0]])
    one, two, _ = ground.identifiers
    assert entry == SeenEntry(entry.id, "a", '"7"', Shape.MIXED, {one: token(1), two: token(2)})


def test_entries_of_another_place_are_not_handed_out(store, ground, book):
    Book(store, ground, 1).look(full_look(seen("a", 1)))
    with store.read() as connection:
        assert presence.entries_holding(connection, SEALER, book.place, list(ground.identifiers)) == []


def test_the_vendors_handle_is_not_in_the_row_and_does_not_open_elsewhere(store, ground, book):
    book.look(full_look(seen("/canary/card-a.vcf", 1), seen("/canary/card-b.vcf", 2)))
    with store.write() as connection:
        first, second = connection.execute(select(base.entry).order_by(base.entry.c.id)).all()
        assert b"canary" not in first.sealed_ref + first.key
        connection.execute(update(base.entry).where(base.entry.c.id == second.id).values(sealed_ref=first.sealed_ref))
        with pytest.raises(SealBrokenError):
            presence.entries_holding(connection, SEALER, book.place, list(ground.identifiers))


def test_an_entry_without_a_version_is_kept_as_last_seen(store, ground, book):
    book.look(full_look(seen("a", 1, version=None)))
    book.look(full_look(seen("a", 1, version=None, shape=Shape.MIXED)))
    with store.read() as connection:
        (entry,) = presence.entries_holding(connection, SEALER, book.place, list(ground.identifiers))
    assert (entry.version, entry.shape) == (None, Shape.MIXED)


def test_what_a_card_holds_is_known_anew_when_the_register_learns_although_the_card_did_not_change(store, ground, book):
    book.look(full_look(seen("a", 1)))
    book.look(full_look(seen("a", 1, 2)))
    assert book.sightings() == {1: "present 1", 2: "present 1"}


def test_a_failed_look_leaves_what_was_known_and_is_told(store, book):
    book.look(full_look(seen("a", 1)))
    before = book.rows()
    with store.write() as connection:
        presence.note_fault(connection, book.place, Unreachable(Fault.TIMED_OUT), book.now)
    assert book.rows() == before
    with store.read() as connection:
        row = place_row(connection, book.place)
        assert (row.fault, row.looked_at) == (Fault.TIMED_OUT, book.now)
        assert presence.sightings_count(connection) == 1
