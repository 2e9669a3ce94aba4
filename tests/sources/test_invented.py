"""Invented organisations have the sizes and patterns they promise, are visibly invented, and know what is true."""

import re
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import vobject

from server.core.model import ContactClass, Decision, Link, Phase
from server.core.policy.model import Policy
from server.core.removal.need import decide
from server.sources.invented import CardKind, all_closed, day_after, invent, truth, without_cases, write_export
from server.sources.invented.numbers import DUTCH_SPELLINGS
from server.sources.rows import CaseRow
from tests.sources.conftest import tell

NOW = datetime(2025, 3, 4, 6, 0, tzinfo=UTC)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.fixture(scope="module", params=[("tiny", 1), ("vtaa", 0.03), ("incident", 0.05), ("chaos", 0.3)], ids=str)
def organisation(request):
    kind, factor = request.param
    return invent(kind, seed=11, now=NOW, factor=factor)


@pytest.fixture(scope="module")
def incident():
    return invent("incident", seed=3, now=NOW, factor=0.1)


# --- What is true -----------------------------------------------------------------------------------------------------


def as_links(organisation, worker, identifier, numbers_of, first):
    """The links of `core.need`, made from the rows of the register alone."""
    for contact in numbers_of.get(identifier, ()):
        if contact.case_number is None:
            yield Link(0, contact.contact_class, Phase.CLOSED, NOW)
            continue
        case = first.cases[contact.case_number]
        mine = first.assignments.get((case.number, worker), [])
        running = [row for row in mine if row.until_at is None or row.until_at > organisation.now]
        ended = [row.until_at for row in mine if row.until_at is not None and row.until_at <= organisation.now]
        since = contact.former_since
        yield Link(
            int(case.number),
            contact.contact_class,
            case.phase,
            organisation.now,
            linked=contact.linked,
            was_assigned=bool(mine),
            assigned_now=bool(running),
            assigned_until=max(ended, default=None),
            closed_at=case.closed_at,
            recorded=bool(case.recorded),
            planned_moments=tuple(first.moments.get((case.number, worker), ())),
            former_since=None if since is None else datetime.combine(since, time(), AMSTERDAM).astimezone(UTC),
        )


class _Index:
    def __init__(self, organisation):
        self.cases = {case.number: case for case in organisation.cases}
        self.assignments, self.moments = {}, {}
        for row in organisation.assignments:
            self.assignments.setdefault((row.case_number, row.worker), []).append(row)
        for row in organisation.moments:
            self.moments.setdefault((row.case_number, row.worker), []).append(row.on)


@cache
def normal_form(text):
    """As the phone library reads it; enough for what is typed in a register."""
    if "@" in text:
        return text.strip().casefold()
    matches = list(phonenumbers.PhoneNumberMatcher(text, "NL", leniency=phonenumbers.Leniency.POSSIBLE))
    assert len(matches) == 1, text
    return phonenumbers.format_number(matches[0].number, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize("days", [0, 1, 3])
@pytest.mark.parametrize(("grace", "window", "recorded"), [(30, 14, True), (0, 3, False), (90, 45, True)])
def test_the_need_table_comes_to_what_is_true(organisation, days, grace, window, recorded):
    later = organisation.seen_at(NOW + timedelta(days=days))
    policy = Policy("test", grace, 72, window, recorded, 365, 365, 100, 0.1, 3.0)
    numbers_of = {}
    for contact in later.contacts:
        numbers_of.setdefault(normal_form(contact.value), []).append(contact)
    index = _Index(later)
    expected = truth(later, later.now, grace, window, require_recorded=recorded, former_number_days=365, first_seen=NOW)
    decided = {
        pair: decide(as_links(later, *pair, numbers_of, index), policy, later.now, NOW).decision for pair in expected
    }
    assert decided == dict(expected)


# --- Numbers ----------------------------------------------------------------------------------------------------------


def test_every_number_is_valid_to_the_phone_library_and_from_a_range_of_its_own(organisation):
    ranges = {
        CardKind.CLIENT: re.compile(r"\+3161\d{7}|\+3247012\d{4}|contact-\d{6}@clients\.example"),
        CardKind.PRIVATE: re.compile(r"\+3164\d{7}|friend-\d{3}-\d{3}@private\.example"),
        CardKind.STAYING: re.compile(r"\+3165555\d{4}|\+31[12]0123\d{4}"),
    }
    for worker in organisation.workers:
        for card in organisation.cards(worker.ref):
            for identifier in card.identifiers:
                assert ranges.get(card.kind, re.compile(".*")).fullmatch(identifier), card.kind
                assert "@" in identifier or phonenumbers.is_valid_number(phonenumbers.parse(identifier))


@pytest.mark.parametrize("nth", range(len(DUTCH_SPELLINGS)))
def test_every_spelling_is_the_number_it_was_typed_for(nth):
    assert normal_form(DUTCH_SPELLINGS[nth]("612345601", "+31612345601")) == "+31612345601"


def test_private_numbers_are_in_no_register(organisation):
    known = {normal_form(contact.value) for contact in organisation.contacts}
    for worker in organisation.workers:
        for card in organisation.cards(worker.ref):
            if card.kind in {CardKind.PRIVATE, CardKind.CASE_NUMBER}:
                assert not known & set(card.identifiers)


# --- Books ------------------------------------------------------------------------------------------------------------


def test_every_card_is_a_sound_vcard_that_holds_what_it_says(organisation):
    worker = organisation.workers[0].ref
    for card, raw in zip(organisation.cards(worker), organisation.books[worker], strict=True):
        parsed = vobject.readOne(raw.decode("utf-8"))
        assert parsed.fn.value == card.label
        assert ("uid" in parsed.contents) == (card.uid is not None)
        text = "".join(str(each.value) for key in ("tel", "email", "note") for each in parsed.contents.get(key, ()))
        assert bool(text) == (card.kind is not CardKind.GROUP)
        assert all(len(line) <= 75 for line in raw.split(b"\r\n"))


def test_the_cards_of_a_group_are_in_the_book(organisation):
    cards = organisation.cards(organisation.workers[0].ref)
    group = next(card for card in cards if card.kind is CardKind.GROUP)
    assert group.members
    assert set(group.members) <= {card.uid for card in cards}


def test_a_card_with_a_case_number_alone_shows_the_number_of_a_case(organisation):
    numbers = {case.number for case in organisation.cases}
    found = [
        re.search(r"\d{6}", card.label)[0]
        for worker in organisation.workers
        for card in organisation.cards(worker.ref)
        if card.kind is CardKind.CASE_NUMBER
    ]
    assert found
    assert set(found) <= numbers


def test_books_stay_as_they_are_when_the_register_moves_on(organisation):
    later = organisation.seen_at(NOW + timedelta(days=7))
    worker = organisation.workers[-1].ref
    assert later.books[worker] == organisation.books[worker]


def test_nobody_has_a_book_who_does_not_work_there(organisation):
    with pytest.raises(KeyError):
        organisation.books["worker-999"]
    with pytest.raises(ValueError, match="worker-999"):
        organisation.cards("worker-999")


# --- The register as days go by ---------------------------------------------------------------------------------------


def test_a_register_tells_nothing_of_the_days_to_come(organisation):
    later = organisation.seen_at(NOW + timedelta(days=2))
    assert all(case.closed_at is None or case.closed_at <= organisation.now for case in organisation.cases)
    assert all(row.from_at <= organisation.now for row in organisation.assignments)
    assert all(row.until_at is None or row.until_at <= organisation.now for row in organisation.assignments)
    assert {case.number for case in organisation.cases} <= {case.number for case in later.cases}


def test_the_next_day_s_changes_make_yesterday_s_register_today_s(organisation, tmp_path):
    day = day_after(organisation)
    paths = write_export(day.organisation, tmp_path, "veilig-thuis-changes", cases=day.changed)
    told = tell(paths, "veilig-thuis-changes")
    before = {case.number: case for case in organisation.cases}
    news = {row.number: row for row in told.rows if isinstance(row, CaseRow)}
    merged = {number: (case.phase, case.closed_at) for number, case in (before | news).items()}
    assert merged == {case.number: (case.phase, case.closed_at) for case in day.organisation.cases}


def test_a_register_gone_wrong_says_that_all_is_closed_or_lacks_cases(organisation):
    closed = all_closed(organisation)
    assert {case.phase for case in closed.cases} == {Phase.CLOSED}
    assert all(case.closed_at is not None for case in closed.cases)
    fewer = without_cases(organisation, 0.5)
    assert 0.2 < len(fewer.cases) / len(organisation.cases) < 0.8
    numbers = {case.number for case in fewer.cases}
    assert {contact.case_number for contact in fewer.contacts} - {None} <= numbers


# --- Kinds ------------------------------------------------------------------------------------------------------------


def test_the_incident_is_one_worker_with_37_contacts_whom_nothing_else_tells_apart(incident):
    assert len(incident.planted) == 37
    assert len({worker for worker, _ in incident.planted}) == 1
    worker = incident.planted[0][0]
    held = {identifier for card in incident.cards(worker) for identifier in card.identifiers}
    assert {identifier for _, identifier in incident.planted} <= held
    expected = truth(incident, NOW, 30, 14, require_recorded=False)
    assert {Decision.REMOVE, Decision.REMOVE_REPROVISIONABLE} <= {expected[pair] for pair in incident.planted}


def test_the_incident_holds_contacts_in_monitoring_and_of_colleagues_clients(incident):
    assigned = {(row.case_number, row.worker) for row in incident.assignments}
    monitored = {case.number for case in incident.cases if case.phase is Phase.MONITORING}
    cases_of = {}
    for contact in incident.contacts:
        if contact.contact_class is ContactClass.CLIENT:
            cases_of.setdefault(normal_form(contact.value), set()).add(contact.case_number)
    lookups = [pair for pair in incident.planted if not any((n, pair[0]) in assigned for n in cases_of[pair[1]])]
    assert lookups
    assert any(cases_of[identifier] & monitored for _, identifier in incident.planted)


def test_in_chaos_one_phone_in_eight_is_silent_and_cases_are_reopened():
    chaos = invent("chaos", seed=5, now=NOW)
    assert 0.05 < sum(device.silent for device in chaos.devices) / len(chaos.devices) < 0.2
    assert any(case.closed_at and case.phase is not Phase.CLOSED for case in chaos.cases)
    handed = Counter(row.until_at is not None for row in chaos.assignments)
    assert handed[True] > 0.2 * handed.total()


def test_a_tenth_of_vtaa_has_the_pattern_of_the_whole():
    tenth = invent("vtaa", seed=1, now=NOW, factor=0.1)
    assert len(tenth.workers) == len(tenth.devices) == 13
    assert 4_300 < len(tenth.cases) < 4_700
    clients = [contact for contact in tenth.contacts if contact.contact_class is ContactClass.CLIENT]
    assert 2.9 < len(clients) / len(tenth.cases) < 3.3
    decided = Counter(truth(tenth, NOW, 30, 14).values())
    stale = (decided[Decision.REMOVE] + decided[Decision.REMOVE_REPROVISIONABLE]) / 13
    assert 950 < stale < 1_350
    assert 1_400 < sum(len(tenth.cards(worker.ref)) for worker in tenth.workers) / 13 < 2_100


def test_everything_is_visibly_invented(organisation):
    assert organisation.name.startswith("Invented organisation")
    assert all(re.fullmatch(r"worker-\d{2,3}", worker.ref) for worker in organisation.workers)
    assert all(re.fullmatch(r"\d{6}", case.number) for case in organisation.cases)
    assert {contact.person for contact in organisation.contacts} <= {*"ABCDEFGHR", None}
