"""What only a worker can say of a card in their own book: asked and answered; no text kept, no hold shown."""

from __future__ import annotations

from server.core.log.entries import EntryKind
from server.core.model import Decision, Disposition, Presence, Role, State
from server.store import findings
from server.store.admin import organisation
from server.store.schema import base
from server.work.admin.access import Factors, Person
from server.work.removal import own_cards
from server.work.removal.own_cards import CardAnswer, CardAsked
from tests.work.world import NUMBERS, Told, World, closed, days

A, B = NUMBERS[0], NUMBERS[1]
PRIVATE = "020-5551234"
NOTE = "NOTE:sleutel onder de mat"


def put(world: World, *lines: str, ref: str = "card.vcf") -> None:
    text = ["BEGIN:VCARD", "VERSION:3.0", "UID:u", "FN:Contact 1", *lines, "END:VCARD", ""]
    world.book().put(ref, "\r\n".join(text).encode())


def person(world: World, nth: int = 0) -> Person:
    with world.context.store.read() as connection:
        place = organisation.read_places(connection, world.context.today())[nth]
    return Person(
        1,
        "account",
        None,
        (Role.WORKER,),
        Role.WORKER,
        place.worker,
        place.worker_ref,
        None,
        Factors.LOCAL,
        world.clock.now,
        None,
    )


def asked(world: World) -> tuple[CardAsked, ...]:
    return own_cards.show_questions(world.context, person(world)).asked


def say(world: World, answer: CardAnswer) -> int:
    return own_cards.answer(world.context, person(world), {each.id: answer for each in asked(world)})


def presence(world: World) -> list[str]:
    return [row.presence for row in world.rows(base.sighting)]


# --- cards that hold more


def test_a_card_that_holds_more_than_a_name_waits_for_its_worker_and_goes_when_they_say_so(world):
    put(world, f"TEL:{A}", NOTE)
    world.tell(closed("100001", A))
    done = world.run()

    assert (world.book().cards.keys(), world.order().state, dict(done.cards)) == (
        {"card.vcf"},
        State.PERSON,
        {"unclear": 1},
    )
    assert world.findings() == []
    (question,) = asked(world)
    assert (question.about_field, question.name, question.texts) == (False, "Contact 1", ("sleutel onder de mat",))

    assert say(world, CardAnswer.GOES) == 1
    world.run()
    assert (world.book().cards, world.order().state, asked(world)) == ({}, State.DONE, ())


def test_a_worker_who_says_that_it_is_theirs_loses_the_clients_number_alone(world):
    put(world, f"TEL:{A}", NOTE, "BDAY:19500101")
    before = world.book().cards["card.vcf"][1]
    world.tell(closed("100001", A))
    world.run()
    say(world, CardAnswer.STAYS)
    world.run()

    assert world.book().cards["card.vcf"][1] == before.replace(f"TEL:{A}\r\n".encode(), b"")
    assert (world.order().state, world.order().outcome, asked(world)) == (State.DONE, "trimmed", ())


def test_what_was_said_counts_for_the_card_as_it_was_and_is_asked_anew_of_another(world):
    put(world, f"TEL:{A}", NOTE)
    world.tell(closed("100001", A))
    world.run()
    say(world, CardAnswer.GOES)
    put(world, f"TEL:{A}", "NOTE:heel wat anders")
    world.run()

    assert world.book().cards.keys() == {"card.vcf"}
    assert [each.texts for each in asked(world)] == [("heel wat anders",)]


def test_a_question_left_unanswered_for_the_policys_days_goes_to_a_person(world):
    world.change(answer_days=7)
    put(world, f"TEL:{A}", NOTE)
    world.tell(closed("100001", A))
    world.run()
    world.pass_(days(6))
    world.look()
    assert world.findings() == []
    world.pass_(days(2))
    world.look()
    assert world.findings() == ["mixed_unclear"]
    say(world, CardAnswer.GOES)
    assert world.findings() == []


def test_a_question_is_the_same_for_a_removal_that_is_held_and_for_one_that_is_postponed(world):
    """Whether it goes at the next round or waits, for whatever reason, is nothing that a question may tell."""
    put(world, f"TEL:{A}", NOTE, ref="a.vcf")
    put(world, f"TEL:{B}", NOTE, ref="b.vcf")
    world.tell(closed("100001", A), closed("100002", B, ago=1))
    world.hold(case="100001")
    world.run()

    assert {row.decision for row in world.rows(base.pair)} == {Decision.DEFER}
    assert [(each.name, each.texts) for each in asked(world)] == [("Contact 1", ("sleutel onder de mat",))] * 2
    assert say(world, CardAnswer.GOES) == 2
    world.run()
    assert world.book().cards.keys() == {"a.vcf", "b.vcf"}


def test_nothing_is_asked_about_a_contact_that_stays(world):
    put(world, f"TEL:{A}", NOTE)
    world.tell(Told("100001", (A,)))
    world.run()
    assert asked(world) == ()


def test_another_workers_question_is_not_theirs_to_answer(world):
    put(world, f"TEL:{A}", NOTE)
    world.tell(closed("100001", A))
    world.run()
    (question,) = asked(world)
    stranger = person(world, 1)

    assert own_cards.show_questions(world.context, stranger).asked == ()
    assert own_cards.answer(world.context, stranger, {question.id: CardAnswer.GOES}) == 0


# --- fields that cannot be read

HIDDEN = f"TEL:{A.replace('-', ' x ')} q 77 8"
"""A client's number that no reading makes one number of."""


def test_a_number_that_may_stand_in_an_unreadable_field_is_unknown_and_never_absent(world):
    put(world, f"TEL:{A}")
    world.tell(closed("100001", A, B))
    world.look()
    put(world, HIDDEN)
    (looked, _) = world.look(full=True)

    assert presence(world) == [Presence.UNKNOWN]
    assert looked.written is not None
    assert (looked.written.unread, looked.written.unreadable, looked.written.gone) == (1, 0, frozenset())


def test_another_number_is_proven_absent_beside_it_so_that_one_odd_number_blocks_nothing_else(world):
    put(world, "TEL:1234567 of zo 89", ref="odd.vcf")
    put(world, f"TEL:{A}", ref="ours.vcf")
    world.tell(closed("100001", A))
    world.run()

    assert (world.order().state, presence(world)) == (State.DONE, [Presence.ABSENT])
    assert [(each.about_field, each.unread) for each in asked(world)] == [(True, "1234567 of zo 89")]


def test_a_worker_confirms_a_field_and_is_asked_again_only_of_another_text(world):
    put(world, f"TEL:{A}", ref="ours.vcf")
    world.tell(closed("100001", A))
    world.look()
    put(world, HIDDEN, ref="odd.vcf")
    world.run()
    assert (world.order().state, presence(world)) == (State.CHECKING, [Presence.UNKNOWN])

    say(world, CardAnswer.NOT_A_CLIENTS)
    world.run()
    assert (world.order().state, asked(world)) == (State.DONE, ())
    put(world, HIDDEN, NOTE, ref="odd.vcf")
    world.look(full=True)
    assert (asked(world), presence(world)) == ((), [Presence.ABSENT])
    put(world, HIDDEN + "9", ref="odd.vcf")
    world.look(full=True)
    assert (len(asked(world)), presence(world)) == (1, [Presence.UNKNOWN])


def test_a_field_that_is_mended_is_no_question_any_more(world):
    put(world, HIDDEN)
    world.tell(closed("100001", A))
    world.look()
    assert len(asked(world)) == 1
    put(world, f"TEL:{PRIVATE}")
    world.look(full=True)
    assert (asked(world), world.rows(base.unread_field), world.rows(base.entry)) == ((), [], [])


def test_a_field_that_keeps_an_order_waiting_goes_to_a_person_who_can_let_it_be(world):
    put(world, f"TEL:{A}", ref="ours.vcf")
    world.tell(closed("100001", A))
    world.look()
    put(world, HIDDEN, ref="odd.vcf")
    world.run()
    world.pass_(days(20))
    world.run()
    assert world.findings() == ["unreadable_entry"]
    with world.context.store.read() as connection:
        (finding,) = findings.read_findings(connection)
    world.conclude(finding.uid, Disposition.NOTHING_THERE, "looked at")
    world.run()
    assert (world.order().state, world.findings(), asked(world)) == (State.DONE, [], ())


def test_the_log_and_the_database_keep_no_text_of_a_card(world, tmp_path):
    put(world, HIDDEN, NOTE)
    put(world, f"TEL:{B}", NOTE, ref="more.vcf")
    world.tell(closed("100001", B))
    world.run()
    say(world, CardAnswer.GOES)
    say(world, CardAnswer.NOT_A_CLIENTS)

    said = [body["verb"] for body in world.logged(EntryKind.FINDING)]
    assert sorted(map(str, said)) == ["goes", "not_a_clients"]
    everything = repr([world.rows(table) for table in base.metadata.sorted_tables])
    assert "sleutel" not in everything
    assert A.partition("-")[2] not in everything
