"""The law of a contact store (`mdm_adapters.port`), held to by every member of the registry."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence

import pytest

from mdm_adapters.port import (
    Capability,
    Cut,
    Entry,
    Fault,
    Field,
    Garbled,
    Look,
    Match,
    Missing,
    Outcome,
    Place,
    PortError,
    Reading,
    Receipt,
    Rest,
    Shape,
    Support,
    Token,
    Unreachable,
)
from mdm_adapters.registry import STORES
from tests.vendors.members import MEMBERS, Member, card, tel
from tests.vendors.memory import MemoryStore
from tests.vendors.register import Register, token

CLIENT = "06-1234 5601"
OTHER_CLIENT = "06-1234 5602"
CLIENT_MAIL = "contact-01@client.example"
PRIVATE = "06-8765 4301"
OTHER_PRIVATE = "06-8765 4302"


def seen(member: Member, look: Look) -> dict[str, tuple[Shape, frozenset[Token]]]:
    return {member.name_of(entry.ref): (entry.shape, entry.tokens) for entry in look.entries}


def tokens(*identifiers: str) -> frozenset[Token]:
    return frozenset(map(token, identifiers))


def entry_of(member: Member, name: str, register: Register) -> Entry:
    (found,) = [each for each in member.store.look(member.place, register).entries if member.name_of(each.ref) == name]
    return found


def cut_of(entry: Entry, *, whole: bool | None = None) -> Cut:
    return Cut(entry.ref, entry.version, entry.tokens, entry.shape is Shape.WHOLE if whole is None else whole)


def test_every_name_in_the_registry_is_held_to_the_law() -> None:
    assert {each.registered for each in MEMBERS.values() if each.registered} == set(STORES)


# --- looking


def test_a_look_sees_what_is_there(member: Member) -> None:
    member.put("a.vcf", card(1, *tel(CLIENT)))
    member.put("b.vcf", card(2, f"EMAIL:{CLIENT_MAIL}", *tel("0031 6 12 34 56 02")))

    look = member.store.look(member.place, Register(CLIENT, OTHER_CLIENT, CLIENT_MAIL))

    assert seen(member, look) == {
        "a.vcf": (Shape.WHOLE, tokens(CLIENT)),
        "b.vcf": (Shape.WHOLE, tokens(CLIENT_MAIL, OTHER_CLIENT)),
    }
    assert (look.full, look.read, look.gone) == (True, 2, frozenset())


def test_a_look_sees_neither_another_client_nor_what_is_private(member: Member) -> None:
    member.put("a.vcf", card(1, *tel(CLIENT)))
    member.put("b.vcf", card(2, *tel(OTHER_CLIENT)))
    member.put("c.vcf", card(3, *tel(PRIVATE), name="Contact at home"))

    look = member.store.look(member.place, Register(CLIENT))

    assert seen(member, look) == {"a.vcf": (Shape.WHOLE, tokens(CLIENT))}
    assert look.read == 3


def test_nothing_seen_means_that_every_card_was_shown_to_the_register(member: Member) -> None:
    for number in range(5):
        member.put(f"{number}.vcf", card(number, *tel(f"06-8765 43{number:02d}")))
    register = Register()

    look = member.store.look(member.place, register)

    assert (look.full, look.entries, look.read) == (True, (), 5)
    assert {f"06-8765 43{number:02d}" for number in range(5)} <= set(register.asked)


def test_an_empty_book_is_seen_to_be_empty(member: Member) -> None:
    look = member.store.look(member.place, Register(CLIENT))

    assert (look.full, look.entries, look.read) == (True, (), 0)


def test_a_number_is_seen_wherever_people_write_it(member: Member) -> None:
    spellings = {
        "note.vcf": f"NOTE:bel {CLIENT} na vijven",
        "label.vcf": f"ORG:{CLIENT}",
        "link.vcf": "URL:https://wa.me/31612345601",
        "uri.vcf": "TEL;VALUE=uri:tel:+31-6-1234-5601",
        "handle.vcf": "IMPP:sip:+31612345601@voip.example",
        "own.vcf": f"X-WHATSAPP:{CLIENT}",
        "mail.vcf": f"EMAIL:{CLIENT}",
        "folded.vcf": "TEL:+3161\r\n 2345601",
    }
    for number, (name, line) in enumerate(spellings.items()):
        member.put(name, card(number, line))

    look = member.store.look(member.place, Register(CLIENT))

    more = {"note.vcf", "label.vcf"}
    """What is more than a name: the worker is asked."""
    assert seen(member, look) == {
        name: (Shape.ASK if name in more else Shape.WHOLE, tokens(CLIENT)) for name in spellings
    }


def test_the_shape_of_a_card_says_what_can_be_done_with_it(member: Member) -> None:
    member.put("whole.vcf", card(1, *tel(CLIENT, OTHER_CLIENT), "NOTE:-", "TEL:onbekend"))
    member.put("ask.vcf", card(6, *tel(CLIENT), "NOTE:hond in de tuin"))
    member.put("mixed.vcf", card(2, *tel(CLIENT, PRIVATE)))
    member.put("unclear.vcf", card(3, *tel(PRIVATE), f"NOTE:broer: {CLIENT}"))
    member.put("case.vcf", card(4, *tel(PRIVATE), name="123456-B"))
    member.put("private.vcf", card(5, *tel(PRIVATE)))

    look = member.store.look(member.place, Register(CLIENT, OTHER_CLIENT))

    assert seen(member, look) == {
        "whole.vcf": (Shape.WHOLE, tokens(CLIENT, OTHER_CLIENT)),
        "ask.vcf": (Shape.ASK, tokens(CLIENT)),
        "mixed.vcf": (Shape.MIXED, tokens(CLIENT)),
        "unclear.vcf": (Shape.UNCLEAR, tokens(CLIENT)),
        "case.vcf": (Shape.CASE_NUMBER, frozenset()),
    }


def test_what_cannot_be_read_is_called_so_and_not_absent(member: Member) -> None:
    member.put("long.vcf", card(1, *tel(PRIVATE), "NOTE:" + "lange tekst " * 25_000))
    member.put("a.vcf", card(2, *tel(CLIENT)))

    look = member.store.look(member.place, Register(CLIENT))

    assert seen(member, look) == {
        "long.vcf": (Shape.UNREADABLE, frozenset()),
        "a.vcf": (Shape.WHOLE, tokens(CLIENT)),
    }


def test_a_picture_does_not_make_a_card_unreadable(member: Member) -> None:
    picture = "PHOTO;ENCODING=b;TYPE=JPEG:" + "\r\n ".join(["QUJD" * 18] * 8_000)
    member.put("a.vcf", card(1, picture, *tel(CLIENT)))

    (found,) = seen(member, member.store.look(member.place, Register(CLIENT))).values()
    # Graph shows no picture in its answers; where there is one, its owner is asked.
    assert found in [(Shape.ASK, tokens(CLIENT)), (Shape.WHOLE, tokens(CLIENT))]


@pytest.mark.parametrize(
    ("rest", "outcome"), [(Rest.UNSAID, Outcome.UNCLEAR), (Rest.GOES, Outcome.REMOVED), (Rest.STAYS, Outcome.TRIMMED)]
)
def test_what_a_worker_said_of_a_card_is_what_becomes_of_it(member: Member, rest: Rest, outcome: Outcome) -> None:
    member.put("a.vcf", card(1, *tel(CLIENT), "NOTE:hond in de tuin"))
    register = Register(CLIENT)
    (entry,) = member.store.look(member.place, register).entries
    (receipt,) = member.store.remove(member.place, [Cut(entry.ref, entry.version, entry.tokens, rest=rest)], register)

    left = member.store.look(member.place, register)
    assert (entry.shape, receipt.outcome) == (Shape.ASK, outcome)
    assert (left.read, len(left.entries)) == {
        Outcome.UNCLEAR: (1, 1),
        Outcome.REMOVED: (0, 0),
        Outcome.TRIMMED: (1, 0),
    }[outcome]


def test_an_unknown_place_is_missing_and_not_empty(member: Member) -> None:
    with pytest.raises(Missing) as raised:
        member.store.look(member.nowhere, Register(CLIENT))

    assert raised.value.fault is Fault.PLACE_GONE


def test_a_place_that_vanished_is_missing_by_delta_too(member: Member) -> None:
    member.put("a.vcf", card(1, *tel(CLIENT)))
    cursor = member.store.look(member.place, Register(CLIENT)).cursor
    member.remove_book()

    with pytest.raises(Missing):
        member.store.look(member.place, Register(CLIENT), cursor=cursor)


def test_a_long_book_is_read_to_its_end(member: Member) -> None:
    numbers = [f"+316123{number:05d}" for number in range(member.many)]
    member.fill({f"{at}.vcf": card(at, *tel(number)) for at, number in enumerate(numbers)})
    register = Register(*numbers[::5])

    look = member.store.look(member.place, register)

    assert look.read == member.many
    assert seen(member, look) == {f"{at}.vcf": (Shape.WHOLE, tokens(numbers[at])) for at in range(0, member.many, 5)}


# --- looking again


@pytest.fixture
def delta(member: Member) -> Member:
    """A member that gives cursors; one that does not must say so."""
    if member.store.capabilities()[Capability.DELTA].support is Support.NO or not member.has_delta:
        assert member.store.look(member.place, Register()).cursor is None
        pytest.skip("no delta, and its capabilities say so")
    return member


def test_a_delta_of_nothing_reads_nothing(delta: Member) -> None:
    delta.put("a.vcf", card(1, *tel(CLIENT)))
    cursor = delta.store.look(delta.place, Register(CLIENT)).cursor

    look = delta.store.look(delta.place, Register(CLIENT), cursor=cursor)

    told_again = {"a.vcf"} if delta.by_seconds else set()
    assert (look.full, {delta.name_of(ref) for ref in look.changed} - told_again, look.gone) == (
        False,
        set(),
        frozenset(),
    )
    assert look.read == len(look.changed)
    assert look.cursor is not None


def test_a_delta_sees_what_came_changed_and_went(delta: Member) -> None:
    register = Register(CLIENT, OTHER_CLIENT)
    delta.put("same.vcf", card(1, *tel(CLIENT)))
    delta.put("goes.vcf", card(2, *tel(CLIENT)))
    delta.put("changes.vcf", card(3, *tel(CLIENT)))
    delta.put("turns-private.vcf", card(4, *tel(CLIENT)))
    delta.put("turns-ours.vcf", card(5, *tel(PRIVATE)))
    cursor = delta.store.look(delta.place, register).cursor
    delta.drop("goes.vcf")
    delta.put("changes.vcf", card(3, *tel(OTHER_CLIENT)))
    delta.put("turns-private.vcf", card(4, *tel(PRIVATE)))
    delta.put("turns-ours.vcf", card(5, *tel(CLIENT)))
    delta.put("comes.vcf", card(6, *tel(CLIENT)))

    look = delta.store.look(delta.place, register, cursor=cursor)

    again = {"same.vcf"} if delta.by_seconds else set()
    assert look.full is False
    assert {name: held for name, held in seen(delta, look).items() if name not in again} == {
        "changes.vcf": (Shape.WHOLE, tokens(OTHER_CLIENT)),
        "turns-ours.vcf": (Shape.WHOLE, tokens(CLIENT)),
        "comes.vcf": (Shape.WHOLE, tokens(CLIENT)),
    }
    assert {delta.name_of(ref) for ref in look.gone} == {"goes.vcf"}
    assert {delta.name_of(ref) for ref in look.changed} - again == {
        *("goes.vcf", "changes.vcf", "turns-private.vcf", "turns-ours.vcf", "comes.vcf")
    }
    assert look.read == len(look.changed) - 1


def test_deltas_follow_one_another(delta: Member) -> None:
    register = Register(CLIENT, OTHER_CLIENT)
    first = delta.store.look(delta.place, register)
    delta.put("a.vcf", card(1, *tel(CLIENT)))
    second = delta.store.look(delta.place, register, cursor=first.cursor)
    delta.drop("a.vcf")
    delta.put("b.vcf", card(2, *tel(OTHER_CLIENT)))
    third = delta.store.look(delta.place, register, cursor=second.cursor)
    fourth = delta.store.look(delta.place, register, cursor=third.cursor)

    again = {"b.vcf"} if delta.by_seconds else set()
    assert [set(seen(delta, look)) for look in (first, second, third)] == [set(), {"a.vcf"}, {"b.vcf"}]
    assert {delta.name_of(ref) for ref in third.gone} == {"a.vcf"}
    assert set(seen(delta, fourth)) <= again
    assert (fourth.full, fourth.read) == (False, len(fourth.changed - fourth.gone))


@pytest.mark.parametrize("bad", ["spoiled", "of another place", "of no form", "empty"])
def test_a_cursor_that_means_nothing_gives_a_full_look(delta: Member, bad: str) -> None:
    delta.put("a.vcf", card(1, *tel(CLIENT)))
    cursor = delta.store.look(delta.place, Register()).cursor
    assert cursor is not None
    elsewhere = cursor.replace(" ", "0 ", 1) if cursor.startswith("book") else cursor.replace("1 ", "1 0", 1)
    cursors = {"spoiled": delta.spoil(cursor), "of another place": elsewhere, "of no form": "canary", "empty": ""}

    look = delta.store.look(delta.place, Register(CLIENT), cursor=cursors[bad])

    assert (look.full, look.read) == (delta.refuses_cursors or bad != "spoiled", 1)
    assert set(seen(delta, look)) == {"a.vcf"}
    assert seen(delta, look) == {"a.vcf": (Shape.WHOLE, tokens(CLIENT))}


def test_what_is_written_during_a_look_is_seen_by_it_or_by_the_next(delta: Member) -> None:
    delta.put("a.vcf", card(1, *tel(PRIVATE)))
    delta.put("b.vcf", card(2, *tel(CLIENT)))
    register = Register(CLIENT, OTHER_CLIENT)
    written: list[str] = []

    def write_meanwhile(entries: Sequence[Sequence[Field]]) -> list[list[Reading]]:
        if not written:
            written.append("once")
            delta.put("c.vcf", card(3, *tel(CLIENT)))
            delta.put("a.vcf", card(1, *tel(OTHER_CLIENT)))
            delta.drop("b.vcf")
        return register(entries)

    first = delta.store.look(delta.place, write_meanwhile)
    second = delta.store.look(delta.place, register, cursor=first.cursor)

    known = {} if second.full else seen(delta, first)
    known = {name: held for name, held in known.items() if name not in {delta.name_of(ref) for ref in second.changed}}
    assert known | seen(delta, second) == {
        "a.vcf": (Shape.WHOLE, tokens(OTHER_CLIENT)),
        "c.vcf": (Shape.WHOLE, tokens(CLIENT)),
    }


# --- asking by address


def test_entries_are_asked_for_by_their_own_addresses(member: Member) -> None:
    register = Register(CLIENT, OTHER_CLIENT)
    member.put("there.vcf", card(1, *tel(CLIENT)))
    member.put("cut.vcf", card(2, *tel(CLIENT, PRIVATE)))
    member.put("gone.vcf", card(3, *tel(CLIENT)))
    refs = [entry.ref for entry in member.store.look(member.place, register).entries]
    member.put("cut.vcf", card(2, *tel(PRIVATE)))
    member.drop("gone.vcf")

    found = member.store.look_up(member.place, refs, register)

    assert {member.name_of(entry.ref): (entry.shape, entry.tokens) for entry in found} == {
        "there.vcf": (Shape.WHOLE, tokens(CLIENT))
    }


def test_asking_for_nothing_asks_nothing(member: Member) -> None:
    assert member.store.look_up(member.nowhere, [], Register(CLIENT)) == ()


def test_entries_of_a_place_that_is_not_there_are_not_called_gone(member: Member) -> None:
    member.put("a.vcf", card(1, *tel(CLIENT)))
    ref = entry_of(member, "a.vcf", Register(CLIENT)).ref
    with pytest.raises(Missing):
        member.store.look_up(member.nowhere, [ref], Register(CLIENT))


# --- removing


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_removed_is_absent_to_a_later_look(member: Member, whole: bool) -> None:
    register = Register(CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT)))
    member.put("b.vcf", card(2, *tel(PRIVATE)))
    private = member.get("b.vcf")

    receipts = member.store.remove(member.place, [cut_of(entry_of(member, "a.vcf", register), whole=whole)], register)

    look = member.store.look(member.place, register)
    assert [receipt.outcome for receipt in receipts] == [Outcome.REMOVED]
    assert (look.full, look.entries, look.read) == (True, (), 1)
    assert member.get("b.vcf") == private


@pytest.mark.parametrize("whole", [True, False])
def test_the_same_cut_twice_acts_once(member: Member, whole: bool) -> None:
    register = Register(CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT)))
    cut = cut_of(entry_of(member, "a.vcf", register), whole=whole)

    receipts = [member.store.remove(member.place, [cut], register)[0] for _ in range(2)]

    assert [receipt.outcome for receipt in receipts] == [Outcome.REMOVED, Outcome.ALREADY_GONE]


@pytest.mark.parametrize("whole", [True, False])
def test_a_card_that_somebody_else_deleted_is_done(member: Member, whole: bool) -> None:
    register = Register(CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT)))
    cut = cut_of(entry_of(member, "a.vcf", register), whole=whole)
    member.drop("a.vcf")

    assert [each.outcome for each in member.store.remove(member.place, [cut], register)] == [Outcome.ALREADY_GONE]


@pytest.mark.parametrize("whole", [True, False])
def test_a_card_that_changed_since_it_was_read_is_left_alone(member: Member, whole: bool) -> None:
    register = Register(CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT)))
    cut = cut_of(entry_of(member, "a.vcf", register), whole=whole)
    member.put("a.vcf", card(1, *tel(CLIENT, PRIVATE)))
    before = member.get("a.vcf")

    assert [each.outcome for each in member.store.remove(member.place, [cut], register)] == [Outcome.CHANGED]
    assert member.get("a.vcf") == before


@pytest.mark.parametrize("whole", [True, False])
def test_a_card_made_anew_since_it_was_read_is_left_alone(member: Member, whole: bool) -> None:
    register = Register(CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT)))
    cut = cut_of(entry_of(member, "a.vcf", register), whole=whole)
    member.drop("a.vcf")
    member.put("a.vcf", card(1, *tel(CLIENT, PRIVATE), "NOTE:eigen"))
    before = member.get("a.vcf")

    (receipt,) = member.store.remove(member.place, [cut], register)

    assert receipt.outcome in (Outcome.CHANGED, Outcome.ALREADY_GONE)  # the latter where the new one has another handle
    assert member.get("a.vcf") == before


def test_a_card_without_a_version_is_read_again_before_it_goes(member: Member) -> None:
    register = Register(CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT)))
    member.put("b.vcf", card(2, *tel(CLIENT)))
    cuts = [Cut(entry_of(member, name, register).ref, None, tokens(CLIENT), whole=True) for name in ("a.vcf", "b.vcf")]
    member.put("b.vcf", card(2, *tel(CLIENT, PRIVATE)))

    outcomes = [receipt.outcome for receipt in member.store.remove(member.place, cuts, register)]

    assert outcomes == [Outcome.REMOVED, Outcome.TRIMMED]
    assert member.get("a.vcf") is None
    assert PRIVATE in (member.get("b.vcf") or b"").decode()


def test_a_mixed_card_loses_the_governed_lines_and_nothing_else(member: Member) -> None:
    register = Register(CLIENT, CLIENT_MAIL)
    private = [f"TEL;TYPE=HOME:{PRIVATE}", "NOTE:buurvrouw\\, sleutel", "X-OWN;X-P=1:eigen waarde"]
    ours = [f"EMAIL;TYPE=INTERNET:{CLIENT_MAIL}", f"TEL;TYPE=CELL:{CLIENT}"]
    member.put("a.vcf", card(1, ours[0], private[0], ours[1], *private[1:]))
    before = member.get("a.vcf") or b""
    entry = entry_of(member, "a.vcf", register)

    receipts = member.store.remove(member.place, [cut_of(entry)], register)

    after = member.get("a.vcf") or b""
    assert (entry.shape, [receipt.outcome for receipt in receipts]) == (Shape.MIXED, [Outcome.TRIMMED])
    assert sorted(set(before.splitlines()) - set(after.splitlines())) == sorted(line.encode() for line in ours)
    assert set(after.splitlines()) <= set(before.splitlines())
    if member.keeps_bytes:
        assert after == card(1, *private)
    assert member.store.look(member.place, register).entries == ()


def test_one_client_of_two_goes_and_the_other_stays(member: Member) -> None:
    register = Register(CLIENT, OTHER_CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT, OTHER_CLIENT)))
    entry = entry_of(member, "a.vcf", register)
    cut = Cut(entry.ref, entry.version, tokens(CLIENT))

    receipts = [member.store.remove(member.place, [cut], register)[0]]
    again = Cut(entry.ref, entry_of(member, "a.vcf", register).version, tokens(CLIENT))
    receipts.append(member.store.remove(member.place, [again], register)[0])

    assert [receipt.outcome for receipt in receipts] == [Outcome.TRIMMED, Outcome.ALREADY_GONE]
    assert seen(member, member.store.look(member.place, register)) == {"a.vcf": (Shape.WHOLE, tokens(OTHER_CLIENT))}


def test_what_cannot_be_cut_cleanly_is_left_to_a_person(member: Member) -> None:
    register = Register(CLIENT)
    bodies = {
        "note.vcf": card(1, *tel(PRIVATE), f"NOTE:broer {CLIENT}"),
        "name.vcf": card(2, *tel(CLIENT, PRIVATE), name=CLIENT),
        "two.vcf": card(3, f"TEL:{CLIENT} / {PRIVATE}"),
        "group.vcf": card(4, "X-ADDRESSBOOKSERVER-KIND:group", *tel(CLIENT)),
    }
    if not member.has_groups:
        del bodies["group.vcf"]
    for name, body in bodies.items():
        member.put(name, body)
    before = {name: member.get(name) for name in bodies}
    entries = member.store.look(member.place, register).entries

    receipts = member.store.remove(member.place, [cut_of(entry) for entry in entries], register)

    assert {entry.shape for entry in entries} == {Shape.UNCLEAR}
    assert [receipt.outcome for receipt in receipts] == [Outcome.UNCLEAR] * len(bodies)
    assert {name: member.get(name) for name in bodies} == before


def test_receipts_come_in_the_order_of_the_cuts(member: Member) -> None:
    register = Register(CLIENT)
    names = ["goes.vcf", "gone.vcf", "changed.vcf", "mixed.vcf", "unclear.vcf", "goes-too.vcf"]
    for number, name in enumerate(names):
        member.put(name, card(number, *tel(CLIENT)))
    member.put("mixed.vcf", card(3, *tel(CLIENT, PRIVATE)))
    member.put("unclear.vcf", card(4, *tel(PRIVATE), f"NOTE:{CLIENT}"))
    by_name = {member.name_of(entry.ref): entry for entry in member.store.look(member.place, register).entries}
    member.drop("gone.vcf")
    member.put("changed.vcf", card(2, *tel(CLIENT, OTHER_PRIVATE)))

    receipts = member.store.remove(member.place, [cut_of(by_name[name]) for name in names], register)

    assert [receipt.outcome for receipt in receipts] == [
        *(Outcome.REMOVED, Outcome.ALREADY_GONE, Outcome.CHANGED, Outcome.TRIMMED, Outcome.UNCLEAR, Outcome.REMOVED)
    ]
    assert member.names() == {"changed.vcf", "mixed.vcf", "unclear.vcf"}


@pytest.mark.parametrize("whole", [True, False])
def test_nothing_is_called_gone_in_a_place_that_is_gone(member: Member, whole: bool) -> None:
    register = Register(CLIENT)
    member.put("a.vcf", card(1, *tel(CLIENT)))
    cut = cut_of(entry_of(member, "a.vcf", register), whole=whole)
    member.remove_book()

    (receipt,) = member.store.remove(member.place, [cut], register)

    assert receipt.outcome is None
    assert isinstance(receipt.error, Missing)


def test_letters_of_all_kinds_survive_a_cut(member: Member) -> None:
    register = Register(CLIENT)
    kept = ["NOTE:caf\u00e9 \u2013 \u4f60\u597d \U0001f44b", f"TEL:{PRIVATE}"]
    member.put("a.vcf", card(1, *tel(CLIENT), *kept, name="Zo\u00eb \u0141"))

    (receipt,) = member.store.remove(member.place, [cut_of(entry_of(member, "a.vcf", register))], register)

    after = (member.get("a.vcf") or b"").decode()
    assert receipt.outcome is Outcome.TRIMMED
    assert all(line in after for line in ("caf\u00e9 \u2013 \u4f60\u597d \U0001f44b", "Zo\u00eb \u0141", PRIVATE))
    assert CLIENT not in after


# --- saying


def test_every_capability_has_an_answer(member: Member) -> None:
    answers = member.store.capabilities()

    assert set(answers) == set(Capability)
    assert all(answer.because.endswith(".") for answer in answers.values() if answer.support is not Support.YES)


def test_a_good_place_passes_its_check_and_is_not_changed_by_it(member: Member) -> None:
    member.put("a.vcf", card(1, *tel(CLIENT)))
    before = {name: member.get(name) for name in member.names()}

    trials = member.store.check(member.place)

    assert trials
    assert [trial for trial in trials if trial.ok is False] == []
    assert {name: member.get(name) for name in member.names()} == before


def test_an_unknown_place_fails_its_check(member: Member) -> None:
    assert [trial.fault for trial in member.store.check(member.nowhere) if trial.ok is False] == [Fault.PLACE_GONE]


def _everything_said(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error), *map(repr, error.args))
    yield "".join(traceback.format_exception(error, chain=False)[-1:])
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield from _everything_said(other)


def test_no_error_says_anything_of_the_request(member: Member) -> None:
    def slip(_: Sequence[Sequence[Field]]) -> list[list[Reading]]:
        raise KeyError("canary-in-our-own-slip")

    member.put("canary-card.vcf", card(1, *tel(CLIENT), name="canary-name"))
    errors: list[BaseException] = []
    for place, match in ((member.nowhere, Register(CLIENT)), (member.place, slip)):
        with pytest.raises(PortError) as raised:
            member.store.look(place, match)
        errors.append(raised.value)
    ref = entry_of(member, "canary-card.vcf", Register(CLIENT)).ref
    for place, match in ((member.nowhere, Register(CLIENT)), (member.place, slip)):
        (receipt,) = member.store.remove(place, [Cut(ref, "canary-version", tokens(CLIENT))], match)
        errors += [receipt.error] if receipt.error else []

    assert [type(error) for error in errors[:3]] == [Missing, Garbled, Missing]
    assert [said for error in errors for said in _everything_said(error) if "canary" in said] == []
    assert all(error.__cause__ is None and error.__context__ is None for error in errors)


class Careless(MemoryStore):
    """An adapter whose errors drag along what they came from."""

    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        try:
            self.books["canary"].delete("canary")
        except KeyError as error:
            raise Unreachable(Fault.DROPPED) from error

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        self._look(place, match, None, "")
        return ()


def test_what_a_careless_adapter_chains_is_taken_off() -> None:
    store, place = Careless(), Place("place-1", "book")
    with pytest.raises(Unreachable) as raised:
        store.look(place, Register())
    (receipt,) = store.remove(place, [Cut("ref", None, frozenset())], Register())

    for error in (raised.value, receipt.error):
        assert isinstance(error, Unreachable)
        assert (error.__cause__, error.__context__) == (None, None)


def test_what_travels_shows_neither_ref_nor_address(member: Member) -> None:
    member.put("canary-card.vcf", card(1, *tel(CLIENT)))
    look = member.store.look(member.place, Register(CLIENT))
    (entry,) = look.entries

    shown = repr((member.nowhere, entry, cut_of(entry), Receipt(Outcome.REMOVED)))

    assert "canary" not in shown
