"""The law of putting contacts into a store: once, read back, beside nothing of the same contact, and gone whole."""

from __future__ import annotations

import pytest

from mdm_adapters.port import (
    PUT_NOT_BEGUN,
    Capability,
    Cut,
    Denied,
    Missing,
    Outcome,
    Put,
    PutOutcome,
    PutReceipt,
    Shape,
    Support,
    put_uid,
)
from tests.vendors.members import Member, MemoryMember, card, tel
from tests.vendors.register import Register, token

CLIENT = "+31612345601"
OTHER_CLIENT = "+31612345602"
MAIL = "contact-01@client.example"
PRIVATE = "06-8765 4301"


def a_put(identifier: str = CLIENT, label: str = "123456-B") -> Put:
    return Put(token(identifier), label, identifier)


def can(member: Member) -> Member:
    """The member, if it can put; one that says that it cannot puts nothing."""
    if member.store.capabilities()[Capability.PUT_CONTACTS].support is not Support.NO:
        return member
    (receipt,) = member.store.put(member.place, [a_put()], Register(CLIENT))
    assert (receipt.outcome, type(receipt.error), member.names()) == (None, Denied, set())
    pytest.skip("this store says that it cannot")


@pytest.fixture(params=["memory", pytest.param("radicale", marks=pytest.mark.parts)])
def putting(request: pytest.FixtureRequest) -> Member:
    """Two members that can put: what the port does for all is tried at these."""
    if request.param == "memory":
        return MemoryMember()
    found: Member = request.getfixturevalue("radicale_member")
    return found


@pytest.fixture
def server(member: Member) -> Member:
    """Every member that can put: what servers may do differently is tried at all."""
    return can(member)


def test_what_is_put_is_read_back_and_named_by_its_receipt(putting: Member) -> None:
    register = Register(CLIENT, MAIL)

    receipts = putting.store.put(putting.place, [a_put(), a_put(MAIL, "123456-C")], register)

    assert [each.outcome for each in receipts] == [PutOutcome.ACCEPTED] * 2
    look = putting.store.look(putting.place, register)
    assert {each.ref: (each.shape, each.tokens) for each in look.entries} == {
        receipts[0].ref: (Shape.WHOLE, frozenset({token(CLIENT)})),
        receipts[1].ref: (Shape.WHOLE, frozenset({token(MAIL)})),
    }
    body = putting.get(putting.name_of(receipts[0].ref)) or b""
    assert (b"123456-B" in body, b"123456-C" in body) == (True, False)


def test_put_twice_is_once(server: Member) -> None:
    register = Register(CLIENT)
    server.store.put(server.place, [a_put()], register)
    names = server.names()

    again = server.store.put(server.place, [a_put()], register)
    twice_at_once = server.store.put(server.place, [a_put(), a_put()], register)

    assert [each.outcome for each in (*again, *twice_at_once)] == [PutOutcome.ALREADY_THERE] * 3
    assert (server.names(), len(names)) == (names, 1)


def test_a_contact_that_its_worker_saved_is_neither_doubled_nor_touched(putting: Member) -> None:
    putting.put("own.vcf", card(1, *tel("06-1234 5601"), "NOTE:op dinsdag", name="Contact of my own"))
    before = putting.get("own.vcf")

    receipts = putting.store.put(putting.place, [a_put()], Register(CLIENT))

    assert receipts == [PutReceipt(PutOutcome.ALREADY_THERE)]
    assert (putting.names(), putting.get("own.vcf")) == ({"own.vcf"}, before)


def test_a_card_of_ours_that_its_worker_gave_another_number_is_left_to_them(server: Member) -> None:
    (receipt,) = server.store.put(server.place, [a_put()], Register(CLIENT))
    name = server.name_of(receipt.ref)
    server.put(name, card(1, *tel(PRIVATE), name="Contact of my own").replace(b"UID:", b"X-WAS:", 1).replace(
        b"END:VCARD", b"UID:" + put_uid(server.place, token(CLIENT)).encode() + b"\r\nEND:VCARD"
    ))  # fmt: skip
    before = server.get(name)

    (again,) = server.store.put(server.place, [a_put()], Register(CLIENT))

    assert again.outcome is PutOutcome.UNCLEAR
    assert (server.names(), server.get(name)) == ({name}, before)


def test_nothing_is_put_beside_a_card_that_nobody_can_read(putting: Member) -> None:
    if not putting.keeps_bytes:
        pytest.skip("this server takes no card that cannot be read")
    putting.put("broken.vcf", card(1, *tel(CLIENT)) * 2)
    if putting.store.look(putting.place, Register()).entries == ():
        pytest.skip("this server mended the card")

    (receipt,) = putting.store.put(putting.place, [a_put()], Register(CLIENT))

    assert receipt == PutReceipt(PutOutcome.UNCLEAR)
    assert putting.names() == {"broken.vcf"}


def test_what_could_not_be_taken_away_whole_is_not_put(putting: Member) -> None:
    (receipt,) = putting.store.put(putting.place, [a_put(label=PRIVATE)], Register(CLIENT))
    (unknown,) = putting.store.put(putting.place, [a_put()], Register(OTHER_CLIENT))

    assert [receipt.outcome, unknown.outcome] == [PutOutcome.UNCLEAR] * 2
    assert putting.names() == set()


def test_what_was_put_goes_again_whole(server: Member) -> None:
    register = Register(CLIENT)
    server.put("own.vcf", card(1, *tel(PRIVATE), name="Contact at home"))
    server.store.put(server.place, [a_put()], register)
    (entry,) = server.store.look(server.place, register).entries

    (gone,) = server.store.remove(server.place, [Cut(entry.ref, entry.version, entry.tokens, whole=True)], register)
    (again,) = server.store.put(server.place, [a_put()], register)

    assert (gone.outcome, again.outcome) == (Outcome.REMOVED, PutOutcome.ACCEPTED)
    assert len(server.names()) == 2


def test_nothing_is_put_once_the_caller_may_no_longer(putting: Member) -> None:
    answers = iter([True, False])
    register = Register(CLIENT, OTHER_CLIENT)

    receipts = putting.store.put(
        putting.place, [a_put(), a_put(OTHER_CLIENT, "123456-C")], register, lambda: next(answers)
    )

    assert (receipts[0].outcome, receipts[1]) == (PutOutcome.ACCEPTED, PUT_NOT_BEGUN)
    assert len(putting.names()) == 1


def test_an_unknown_place_is_put_into_by_nobody(putting: Member) -> None:
    (receipt,) = putting.store.put(putting.nowhere, [a_put()], Register(CLIENT))

    assert receipt.outcome is None
    assert isinstance(receipt.error, Missing | Denied)
    assert CLIENT not in f"{receipt!r} {receipt.error}"


def test_what_is_put_is_named_nowhere() -> None:
    assert CLIENT not in repr(a_put())
