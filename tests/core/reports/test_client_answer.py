"""What a client is told: every combination of need, asker, book and evidence against an oracle written from the rules.

The oracle knows scenes in words, our rule knows facts. It says first what may never be said, then what must be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from server.core.model import ContactClass, Level, Link, Phase, Presence
from server.core.policy.model import Policy
from server.core.reports.client_answer import (
    BookRead,
    ClientAnswer,
    ClientAsker,
    IdentityCheck,
    NumberFacts,
    NumberLink,
    NumberRemoved,
    NumberSeen,
    StoreAnswer,
    StoreRead,
    ToldClient,
    answer_of,
    read_people,
    stores_read,
)

NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
POLICY = Policy(
    version="rules-1",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=7,
    require_recorded=False,
    former_number_days=365,
    tombstone_days=365,
    max_removals=1000,
    max_share=1.0,
    max_closures_factor=10.0,
)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


CLOSED = Link(1, ContactClass.CLIENT, Phase.CLOSED, ago(1), closed_at=ago(60), recorded=True)
OPEN = CLOSED._replace(phase=Phase.INVESTIGATION, closed_at=None)
LINKS = {
    "closed": (CLOSED,),
    "in grace": (CLOSED._replace(closed_at=ago(3)),),
    "closed by a status alone": (CLOSED._replace(closed_at=None),),
    "with a deviation": (CLOSED._replace(deviation_until=ago(-30)),),
    "not recorded": (CLOSED._replace(recorded=False),),
    "former": (CLOSED._replace(former_since=ago(400)),),
    "overwritten": (CLOSED._replace(since_at=ago(90), gone_at=ago(1)),),
    "open": (OPEN,),
    "open, with a deviation": (OPEN._replace(deviation_until=ago(-30)),),
    "open and overwritten": (OPEN._replace(since_at=ago(90), gone_at=ago(30)),),
    "waiting": (OPEN._replace(phase=Phase.WAITING),),
    "monitored": (OPEN._replace(phase=Phase.MONITORING),),
    "monitored, a day planned": (OPEN._replace(phase=Phase.MONITORING, planned_moments=(NOW.date(),)),),
    "monitored, a day far off": (
        OPEN._replace(phase=Phase.MONITORING, planned_moments=(date(2026, 8, 1), date(2026, 2, 1))),
    ),
    "closed and open again": (CLOSED, OPEN._replace(case=2)),
    "closed twice": (CLOSED, CLOSED._replace(case=2)),
    "register read long ago": (CLOSED._replace(read_at=ago(9)),),
    "open, register read long ago": (OPEN._replace(read_at=ago(9)),),
    "register never read": (OPEN._replace(read_at=None),),
    "whose is not said": (CLOSED._replace(linked=False),),
    "a professional": (OPEN._replace(contact_class=ContactClass.PROFESSIONAL),),
    "a reporter": (CLOSED._replace(contact_class=ContactClass.REPORTER),),
    "known to nobody": (),
}
NEEDED = {
    "open", "open, with a deviation", "open and overwritten", "waiting", "monitored", "monitored, a day planned",
    "monitored, a day far off", "closed and open again",
}  # fmt: skip
OVER = {
    "closed", "in grace", "closed by a status alone", "with a deviation", "not recorded", "former", "overwritten",
    "closed twice", "a reporter",
}  # fmt: skip
"""Nothing needs it, and the register is sound: what the books say may be said, and never why it may still be there."""

ASKERS = {
    "the person": ClientAsker(IdentityCheck.DOCUMENT, frozenset({"100001-A", "100002-A"})),
    "the person, called back": ClientAsker(IdentityCheck.CALLED_BACK, frozenset({"100001-A", "100002-A", "100003-C"})),
    "the worker knows them": ClientAsker(IdentityCheck.KNOWN, frozenset({"100001-A", "100002-A"})),
    "the partner of the same case": ClientAsker(IdentityCheck.DOCUMENT, frozenset({"100001-B", "100002-B"})),
    "somebody without a file": ClientAsker(IdentityCheck.DOCUMENT),
    "somebody of another case": ClientAsker(IdentityCheck.DOCUMENT, frozenset({"100009-A"})),
    "a doubt": ClientAsker(IdentityCheck.FAILED, frozenset({"100001-A", "100002-A"})),
    "answered by who has it in a book": ClientAsker(
        IdentityCheck.DOCUMENT, frozenset({"100001-A", "100002-A"}), apart=True
    ),
}
THEMSELVES = {"the person", "the person, called back", "the worker knows them"}


@dataclass(frozen=True)
class Scene:
    """What one book of a store is like, in words."""

    book: str
    card: str


BOOKS = {
    "read today": BookRead(0, "dav", ago(0.5), searched=True),
    "read three days ago": BookRead(0, "dav", ago(3.1), searched=True),
    "never read": BookRead(0, "dav", None, searched=False),
    "new, not searched for it": BookRead(0, "dav", ago(0.5), searched=False),
    "with a card nobody can read": BookRead(0, "dav", ago(0.5), searched=True, faulty=True),
}
"""In which no look, or none that counts, was there."""
CARDS = {
    "never there": (None, None),
    "there": (NumberSeen(0, Presence.PRESENT, ago(90)), None),
    "not known": (NumberSeen(0, Presence.UNKNOWN, ago(20)), None),
    "taken out by its worker": (NumberSeen(0, Presence.ABSENT, ago(20)), None),
    "removed": (NumberSeen(0, Presence.ABSENT, ago(20)), NumberRemoved(0, ago(20), Level.STORE_REMOVED, "order")),
    "removed, a phone told": (
        NumberSeen(0, Presence.ABSENT, ago(20)),
        NumberRemoved(0, ago(20), Level.DEVICE_SYNCED),
    ),
    "removed, there again": (NumberSeen(0, Presence.PRESENT, ago(5)), NumberRemoved(0, ago(20), Level.STORE_REMOVED)),
    "removed, then not known": (
        NumberSeen(0, Presence.UNKNOWN, ago(5)),
        NumberRemoved(0, ago(20), Level.STORE_REMOVED),
    ),
    "removed, came back, taken out": (
        NumberSeen(0, Presence.ABSENT, ago(5)),
        NumberRemoved(0, ago(20), Level.DEVICE_SYNCED),
    ),
    "removed, not in full read since": (
        NumberSeen(0, Presence.ABSENT, ago(0.1)),
        NumberRemoved(0, ago(20), Level.STORE_REMOVED),
    ),
    "removed, nothing known of the place": (None, NumberRemoved(0, ago(20), Level.STORE_REMOVED)),
}
ABSENT = {"taken out by its worker", "removed", "removed, a phone told", "removed, came back, taken out"}
PROVEN = {"removed", "removed, a phone told", "removed, came back, taken out"}


def facts(links: str, *scenes: Scene, staying: bool = False) -> NumberFacts:
    named = tuple(NumberLink(f"10000{each.case}-A", each) for each in LINKS[links])
    books, seen, removed = [], [], []
    for place, scene in enumerate(scenes):
        books.append(BOOKS[scene.book]._replace(place=place))
        at, order = CARDS[scene.card]
        seen += [] if at is None else [at._replace(place=place)]
        removed += [] if order is None else [order._replace(place=place)]
    return NumberFacts(named, tuple(books), tuple(seen), tuple(removed), staying)


def oracle(links: str, asker: str, *scenes: Scene) -> ToldClient:
    """What is to be said of the one store that these books are at, from the rules."""
    if asker not in THEMSELVES or links not in NEEDED | OVER:
        return ToldClient.NEITHER
    if links in NEEDED:
        return ToldClient.NEEDED
    if any(scene.book != "read today" for scene in scenes):
        return ToldClient.NEITHER
    there = [scene for scene in scenes if scene.card != "never there"]
    if all(scene.card in ABSENT for scene in there) and any(scene.card in PROVEN for scene in there):
        return ToldClient.GONE
    return ToldClient.NEITHER


SCENES = [Scene(book, card) for book, card in product(BOOKS, CARDS)]
PAIRS = [(one, Scene("read today", card)) for one in SCENES for card in CARDS]
LIKELY = ("closed", "in grace", "open", "register read long ago")


def scenes_of(links: str) -> Iterator[tuple[str, tuple[Scene, ...]]]:
    """(who asks, books): one book for everybody, two for the person where the register says what is likely."""
    yield from product(ASKERS, ((one,) for one in SCENES))
    if links in LIKELY:
        yield from (("the person", two) for two in PAIRS)


@pytest.mark.parametrize("links", LINKS)
def test_every_combination_is_answered_as_the_oracle_says(links):
    for asker, scenes in scenes_of(links):
        answer = answer_of(facts(links, *scenes), ASKERS[asker], POLICY, NOW)
        assert answer.told is oracle(links, asker, *scenes), (links, asker, scenes)
        if answer.told is not ToldClient.GONE:
            assert answer == ClientAnswer((StoreAnswer("dav", answer.told),)), "nothing tells why"


def test_gone_is_never_said_where_the_card_is_in_a_store_or_may_be():
    """The promise by itself, without the oracle's rules."""
    said = 0
    for scenes in (*((one,) for one in SCENES), *PAIRS):
        answer = answer_of(facts("closed", *scenes), ASKERS["the person"], POLICY, NOW)
        said += answer.told is ToldClient.GONE
        for scene in scenes if answer.told is ToldClient.GONE else ():
            book, (at, _) = BOOKS[scene.book], CARDS[scene.card]
            assert book.full_at is not None
            assert (book.searched, book.faulty, NOW - book.full_at < timedelta(3)) == (True, False, True)
            assert at is None or (at.presence is Presence.ABSENT and book.full_at >= at.since_at), scenes
    assert said > 10


def test_what_proves_least_and_the_latest_day_are_told_of_several_books():
    scenes = (Scene("read today", "removed, a phone told"), Scene("read today", "removed"))
    (store,) = answer_of(facts("closed", *scenes), ASKERS["the person"], POLICY, NOW).stores
    assert store == StoreAnswer("dav", ToldClient.GONE, ago(20).date(), Level.STORE_REMOVED, ("order",))
    (store,) = answer_of(facts("closed", scenes[0]), ASKERS["the person"], POLICY, NOW).stores
    assert store.level is Level.DEVICE_SYNCED
    back = Scene("read today", "removed, came back, taken out")
    (store,) = answer_of(facts("closed", back), ASKERS["the person"], POLICY, NOW).stores
    assert (store.on, store.level) == (ago(5).date(), Level.STORE_REMOVED)


def test_each_store_has_its_own_answer_and_none_is_left_out():
    one = facts("closed", Scene("read today", "removed"))
    other = BookRead(7, "graph", ago(0.1), searched=True)
    for card, told in (
        ("never there", ToldClient.NEITHER),
        ("there", ToldClient.NEITHER),
        ("removed", ToldClient.GONE),
    ):
        at, order = CARDS[card]
        both = replace(
            one,
            books=(*one.books, other),
            seen=(*one.seen, *([] if at is None else [at._replace(place=7)])),
            removed=(*one.removed, *([] if order is None else [order._replace(place=7)])),
        )
        answer = answer_of(both, ASKERS["the person"], POLICY, NOW)
        assert [(each.store, each.told) for each in answer.stores] == [("dav", ToldClient.GONE), ("graph", told)]
    needed = replace(both, links=(NumberLink("100001-A", OPEN),))
    assert {each.told for each in answer_of(needed, ASKERS["the person"], POLICY, NOW).stores} == {ToldClient.NEEDED}


@pytest.mark.parametrize("links", ["closed", "open"])
def test_a_number_that_two_people_share_is_answered_to_neither(links):
    """A household: the other one has a case too, whether it is closed or open, theirs or a professional's."""
    scene = Scene("read today", "removed")
    for other in (CLOSED, OPEN, OPEN._replace(contact_class=ContactClass.CHAIN_PARTNER)):
        shared = facts(links, scene)
        shared = replace(shared, links=(*shared.links, NumberLink("100044-B", other._replace(case=44))))
        assert answer_of(shared, ASKERS["the person"], POLICY, NOW).told is ToldClient.NEITHER
        both = ClientAsker(IdentityCheck.DOCUMENT, frozenset({"100001-A", "100044-B"}))
        told = ToldClient.NEITHER if other.contact_class is not ContactClass.CLIENT else None
        assert told is None or answer_of(shared, both, POLICY, NOW).told is told


@pytest.mark.parametrize("changes", [{"staying": True}, {"ambiguous": True}])
def test_a_colleagues_number_and_a_case_number_of_two_systems_are_answered_to_nobody(changes):
    for links in ("closed", "open"):
        known = facts(links, Scene("read today", "removed"), staying="staying" in changes)
        known = replace(known, links=tuple(each._replace(ambiguous="ambiguous" in changes) for each in known.links))
        assert answer_of(known, ASKERS["the person"], POLICY, NOW).told is ToldClient.NEITHER


@pytest.mark.parametrize(
    ("typed", "people"),
    [
        ("", set()),
        ("100001-A", {"100001-A"}),
        (" 100001 - a \n\n2024-17-B", {"100001-A", "2024-17-B"}),
        ("100001", None),
        ("100001-", None),
        ("-A", None),
        ("100001-somebody", None),
        ("1-A\n2-A\n3-A\n4-A\n5-A", {"1-A", "2-A", "3-A", "4-A", "5-A"}),
        ("1-A\n2-A\n3-A\n4-A\n5-A\n6-A", None),
    ],
)
def test_who_they_are_is_written_as_case_and_person(typed, people):
    assert read_people(typed) == (None if people is None else frozenset(people))


def test_how_many_books_are_read_is_told_whoever_asks_about_whatever():
    books = (*BOOKS.values(), BookRead(9, "graph", ago(0.2), searched=True))
    assert stores_read(books, POLICY, NOW) == [StoreRead("dav", 5, 4), StoreRead("graph", 1, 0)]
