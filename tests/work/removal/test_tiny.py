"""The invented organisation from export to proof, held against an independent reading of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mdm_adapters.port import FieldKind
from server.core.identity.reading import registered
from server.core.log.entries import EntryKind
from server.core.model import REMOVALS, Decision, State
from server.sources.case_file import open_export
from server.sources.invented import Organisation, day_after, invent, truth, write_export
from server.sources.mapping import load_mapping
from server.store.removal import presence
from server.store.schema import base
from server.work.admin import log_checkpoints
from server.work.register import intake
from tests.work.world import KEYS, NOW, Vendor, World, days, without_digits


def tokens(identifier: str) -> frozenset[bytes]:
    kind = FieldKind.EMAIL if "@" in identifier else FieldKind.PHONE
    return frozenset(bytes(KEYS.tokeniser.token(each)) for each in registered(identifier, kind))


def read_export(world: World, organisation: Organisation) -> None:
    paths = write_export(organisation, world.folder, "veilig-thuis-csv")
    taken = intake.take_in(world.context, open_export(paths, load_mapping("veilig-thuis-csv")))
    assert taken.fault_count == 0, taken.faults
    assert taken.outcome is intake.IntakeOutcome.APPLIED


@pytest.fixture
def tiny() -> Organisation:
    return invent("tiny", seed=5, now=NOW)


@pytest.fixture
def world(make_world, tiny) -> World:
    """Five workers with their books full, the export read, every book looked at."""
    names = [worker.ref for worker in tiny.workers]
    world: World = make_world(vendor=Vendor([f"book-{n + 1}" for n in range(len(names))]), workers=len(names))
    rename(world, names)
    for nth, name in enumerate(names, start=1):
        for number, body in enumerate(tiny.books[name]):
            world.book(nth).put(f"card-{number}.vcf", body)
    read_export(world, tiny)
    world.look()
    return world


def rename(world: World, names: list[str]) -> None:
    """The workers have the references of the organisation."""
    with world.context.store.write() as connection:
        for row, name in zip(connection.execute(select(base.worker).order_by(base.worker.c.id)), names, strict=True):
            connection.execute(base.worker.update().where(base.worker.c.id == row.id).values(ref=name))


def decided(world: World) -> dict[tuple[str, bytes], Decision]:
    with world.context.store.read() as connection:
        rows = connection.execute(
            select(base.worker.c.ref, base.identifier.c.token, base.pair.c.decision)
            .join(base.worker, base.worker.c.id == base.pair.c.worker_id)
            .join(base.identifier, base.identifier.c.id == base.pair.c.identifier_id)
        )
        return {(row.ref, bytes(row.token)): Decision(row.decision) for row in rows}


def desks(organisation: Organisation) -> frozenset[bytes]:
    """Numbers that the register has with an extension only: it governs that desk, not the number (core.identity)."""
    values = [row.value for row in organisation.contacts]
    of_desks = [value for value in values if " ext." in value and not value.startswith("06")]
    plain = frozenset().union(*(tokens(value) for value in values if value not in of_desks))
    return frozenset().union(*(tokens(value.partition(" ext.")[0]) for value in of_desks)) - plain


def expected(organisation: Organisation, *, first_seen=NOW) -> Iterator[tuple[tuple[str, bytes], Decision]]:
    """What must come out for each contact that the register knows."""
    elsewhere = desks(organisation)
    answers = truth(
        organisation,
        organisation.now,
        14,
        14,
        require_recorded=False,
        former_number_days=365,
        first_seen=first_seen,
    )
    for (worker, identifier), decision in answers.items():
        if decision is not Decision.IGNORE:
            for token in tokens(identifier) - elsewhere:
                yield (worker, token), decision


def test_every_contact_in_every_book_is_decided_as_an_independent_reading_decides_it(world, tiny):
    world.plan()
    assert decided(world) == dict(expected(tiny))
    assert set(decided(world).values()) >= REMOVALS | {Decision.KEEP, Decision.REVIEW, Decision.DEFER}


def test_a_day_later_as_well(world, tiny):
    world.plan()
    world.clock.pass_(days(1))
    later = day_after(tiny).organisation
    read_export(world, later)
    world.plan(full=True)
    assert decided(world) == dict(expected(later))


def test_after_a_round_nothing_that_had_to_go_is_found_by_another_pair_of_eyes_and_all_else_is_there(world, tiny):
    before = {worker: dict(book.cards) for worker, book in world.vendor.books.items()}
    world.run()
    world.run()
    states = world.states()
    assert set(states) <= {State.DONE, State.PERSON}
    gone = {key for key, decision in expected(tiny) if decision in REMOVALS}
    with world.context.store.read() as connection:
        proven = {
            (row.ref, bytes(row.token))
            for row in connection.execute(
                select(base.worker.c.ref, base.identifier.c.token)
                .select_from(base.orders)
                .join(base.worker, base.worker.c.id == base.orders.c.worker_id)
                .join(base.identifier, base.identifier.c.id == base.orders.c.identifier_id)
                .where(base.orders.c.state == State.DONE)
            )
        }
    assert proven <= gone
    assert len(gone) == states[State.DONE] + states.get(State.PERSON, 0)
    for nth, worker in enumerate(tiny.workers, start=1):
        left = without_digits("".join(body.decode() for _, body in world.book(nth).cards.values()))
        for card in tiny.cards(worker.ref):
            for identifier in card.identifiers:
                if "@" not in identifier and any((worker.ref, token) in proven for token in tokens(identifier)):
                    assert identifier[-9:] not in left
        kept = [card for card in before[f"book-{nth}"] if card not in world.book(nth).cards]
        assert len(kept) < len(before[f"book-{nth}"])
    assert len(world.proofs()) == len(set(world.proofs())) == states[State.DONE]
    assert not [body for body in world.logged(EntryKind.PROOF) if body.get("outcome") == "present"]


def test_nothing_that_identifies_a_client_is_at_rest_after_a_whole_run(world, tiny, tmp_path):
    world.run()
    log_checkpoints.write_checkpoint(world.context)
    needles = {
        identifier[-9:] if "@" not in identifier else identifier
        for worker in tiny.workers
        for card in tiny.cards(worker.ref)
        for identifier in card.identifiers
    }
    needles |= {written for worker in tiny.workers for card in tiny.cards(worker.ref) for written in card.written}
    needles |= {"Contact 00", "BEGIN:VCARD", "card-1.vcf"}
    kept = [f"{table.name}: {row!r}" for table in base.metadata.sorted_tables for row in world.rows(table)]
    kept += [entry.body.__repr__() for entry in world.log()]
    kept.append(world.context.checkpoint_file.read_text())
    kept += [file.read_bytes().decode("latin-1") for file in files_of(tmp_path)]
    assert {needle for needle in needles for text in kept if needle in text} == set()


def files_of(folder: Path) -> list[Path]:
    """The database's own files, where they can be read: also what waits to be written and what was deleted."""
    return [file for file in folder.glob("closeout*.db*") if file.is_file()]


def test_the_handles_of_cards_can_be_opened_with_the_key_and_only_at_their_own_row(world):
    with world.context.store.read() as connection:
        for row in connection.execute(select(base.place)):
            numbers = connection.execute(select(base.identifier.c.id)).scalars().all()
            for entry in presence.entries_holding(connection, KEYS.sealer, row.id, numbers):
                assert entry.ref.startswith("card-")
