"""Whatever somebody does to the log in the database is found against the checkpoints that lie outside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, select, update

from server.core.log.audit import LogFaultKind
from server.core.log.checkpoints import Checkpoint, parse_verifier_key, read_checkpoint, sign_checkpoint
from server.core.log.entries import EntryKind, canonical, read_entry
from server.core.log.merkle import Frontier, leaf_hash, root_of
from server.core.model import Role
from server.core.problems import HeadsProblem, HeadsRefusedError
from server.store.schema.base import log_entry, log_head, log_restricted
from server.work.admin import log_checkpoints, log_repairs
from server.work.admin.log_checkpoints import LogChecked
from tests.work.world import NUMBERS, World, closed


def live(world: World) -> None:
    world.tell(closed("100001", *NUMBERS[:2]))
    for number in NUMBERS[:2]:
        world.put(number)
    world.look()
    log_checkpoints.write_checkpoint(world.context)
    world.run()
    log_checkpoints.write_checkpoint(world.context)


@pytest.fixture
def told(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    """A world with some dozen entries; checkpoints at its beginning, in the middle and at the end."""
    return begin_after(live)


def check(world: World) -> LogChecked:
    return log_checkpoints.check_log(world.context, world.context.checkpoint_file)


def found(world: World) -> set[LogFaultKind]:
    return {fault.kind for fault in check(world).faults}


def size(world: World) -> int:
    return len(world.log())


def test_an_untouched_log_is_sound_and_vouched_for_to_its_end(told):
    entries = size(told)
    assert check(told) == LogChecked(sound=True, size=entries, anchored=entries, checkpoints=3, bad=0, faults=())


def test_what_came_after_the_last_checkpoint_is_sound_and_not_yet_vouched_for(told):
    anchored = size(told)
    told.tell()
    checked = check(told)
    assert (checked.sound, checked.size, checked.anchored) == (True, anchored + 1, anchored)


def test_a_checkpoint_is_written_once_for_each_head(told):
    before = told.context.checkpoint_file.read_text()
    assert log_checkpoints.write_checkpoint(told.context) is None
    assert told.context.checkpoint_file.read_text() == before
    told.tell()
    assert log_checkpoints.write_checkpoint(told.context) is not None
    assert told.context.checkpoint_file.read_text().startswith(before)
    assert check(told).checkpoints == 4


def test_anybody_can_read_a_checkpoint_with_the_key_that_is_handed_on(told):
    key, name = parse_verifier_key(log_checkpoints.verifier_key(told.context))
    note = told.context.checkpoint_file.read_text().split("\n\n\u2014")[0]
    text = told.context.checkpoint_file.read_text()
    first = text[: text.index("\n", text.index("\u2014")) + 1]
    checkpoint = read_checkpoint(first, key, name)
    assert str(checkpoint.size) in note.splitlines()[1]


# --- tampering ----------------------------------------------------------------------------------------------------


def row(connection: Connection, seq: int) -> tuple[bytes, bytes]:
    found = connection.execute(select(log_entry).where(log_entry.c.seq == seq)).one()
    return bytes(found.canonical), bytes(found.leaf)


def put(connection: Connection, seq: int, text: bytes, leaf: bytes) -> None:
    connection.execute(update(log_entry).where(log_entry.c.seq == seq).values(canonical=text, leaf=leaf))


def edit(connection: Connection) -> None:
    text, leaf = row(connection, 4)
    put(connection, 4, text.replace(b'"kind":"', b'"kind": "', 1), leaf)


def edit_and_hash(connection: Connection) -> None:
    entry = read_entry(row(connection, 4)[0])
    changed = canonical(type(entry)(entry.seq, entry.at.replace(year=entry.at.year - 1), entry.kind, entry.body))
    put(connection, 4, changed, leaf_hash(changed))


def drop_one(connection: Connection) -> None:
    connection.execute(delete(log_entry).where(log_entry.c.seq == 4))


def drop_the_end(connection: Connection) -> None:
    last = connection.execute(select(log_entry.c.seq).order_by(log_entry.c.seq.desc())).scalars().first()
    connection.execute(delete(log_entry).where(log_entry.c.seq > last - 2))


def drop_everything(connection: Connection) -> None:
    connection.execute(delete(log_restricted))
    connection.execute(delete(log_entry))


def swap(connection: Connection) -> None:
    one, other = row(connection, 4), row(connection, 5)
    put(connection, 4, *other)
    put(connection, 5, *one)


def drop_and_close_ranks(connection: Connection) -> None:
    """As if the entry had never been: those after it renumbered, in the rows and not in their texts."""
    last = connection.execute(select(log_entry.c.seq).order_by(log_entry.c.seq.desc())).scalars().first()
    drop_one(connection)
    for seq in range(5, last + 1):
        connection.execute(update(log_entry).where(log_entry.c.seq == seq).values(seq=seq - 1))


def rewrite(connection: Connection) -> None:
    """The whole log anew without one entry, every text, hash and number as it would have been."""
    texts = [
        bytes(text) for text in connection.execute(select(log_entry.c.canonical).order_by(log_entry.c.seq)).scalars()
    ]
    kept = [read_entry(text) for seq, text in enumerate(texts) if seq != 4]
    anew = [canonical(type(each)(seq, each.at, each.kind, each.body)) for seq, each in enumerate(kept)]
    drop_everything(connection)
    connection.execute(
        log_entry.insert(),
        [{"seq": seq, "canonical": text, "leaf": leaf_hash(text)} for seq, text in enumerate(anew)],
    )


TAMPERED: dict[str, tuple[Callable[[Connection], None], set[LogFaultKind]]] = {
    "an entry was edited": (edit, {LogFaultKind.EDITED}),
    "an entry was edited and hashed anew": (edit_and_hash, {LogFaultKind.ROOT_DIFFERS}),
    "an entry was deleted": (drop_one, {LogFaultKind.GAP, LogFaultKind.ROOT_DIFFERS}),
    "the end was cut off": (drop_the_end, {LogFaultKind.TRUNCATED}),
    "everything was deleted": (drop_everything, {LogFaultKind.TRUNCATED}),
    "two entries were swapped": (swap, {LogFaultKind.REORDERED, LogFaultKind.ROOT_DIFFERS}),
    "an entry was deleted and the rest moved up": (
        drop_and_close_ranks,
        {LogFaultKind.REORDERED, LogFaultKind.ROOT_DIFFERS, LogFaultKind.TRUNCATED},
    ),
    "all was written anew without one entry": (rewrite, {LogFaultKind.ROOT_DIFFERS, LogFaultKind.TRUNCATED}),
}


@pytest.mark.parametrize("mend_the_head", [False, True], ids=["head as it was", "head mended"])
@pytest.mark.parametrize(("tamper", "kinds"), TAMPERED.values(), ids=TAMPERED.keys())
def test_tampering_is_found_even_if_the_stored_head_was_made_to_fit(told, tamper, kinds, mend_the_head):
    with told.context.store.write() as connection:
        tamper(connection)
        if mend_the_head:
            leaves = connection.execute(select(log_entry.c.leaf).order_by(log_entry.c.seq)).scalars()
            head = Frontier().extend(bytes(leaf) for leaf in leaves)
            connection.execute(update(log_head).values(frontier=head.encode()))
    checked = check(told)
    assert not checked.sound
    assert {fault.kind for fault in checked.faults} >= kinds


def test_what_is_cut_off_above_the_last_checkpoint_shows_only_against_the_stored_head(told):
    anchored = size(told)
    told.tell()
    with told.context.store.write() as connection:
        connection.execute(delete(log_entry).where(log_entry.c.seq >= anchored))
    assert not check(told).sound
    with told.context.store.write() as connection:
        leaves = connection.execute(select(log_entry.c.leaf).order_by(log_entry.c.seq)).scalars()
        connection.execute(update(log_head).values(frontier=Frontier().extend(bytes(leaf) for leaf in leaves).encode()))
    checked = check(told)
    assert (checked.sound, checked.size, checked.anchored) == (True, anchored, anchored), "hence: checkpoints often"


def test_checking_changes_nothing(told):
    before = [told.log(), told.context.checkpoint_file.read_bytes()]
    check(told)
    assert [told.log(), told.context.checkpoint_file.read_bytes()] == before


def mend_head(connection: Connection) -> None:
    """Make the stored head fit the entries, as whoever writes the database can."""
    texts = connection.execute(select(log_entry.c.canonical).order_by(log_entry.c.seq)).scalars()
    head = Frontier().extend(leaf_hash(bytes(text)) for text in texts)
    connection.execute(update(log_head).values(frontier=head.encode()))


def leaves_of(world: World) -> list[bytes]:
    with world.context.store.read() as connection:
        texts = connection.execute(select(log_entry.c.canonical).order_by(log_entry.c.seq)).scalars()
        return [leaf_hash(bytes(text)) for text in texts]


@pytest.mark.parametrize("grown", [0, 1, 9], ids=["as it is", "grown by one", "grown beyond it"])
@pytest.mark.parametrize("tamper", [tamper for tamper, _ in TAMPERED.values()], ids=TAMPERED.keys())
def test_a_history_made_to_fit_is_never_signed_and_nothing_is_removed_on_it(told, tamper, grown):
    file = told.context.checkpoint_file
    with told.context.store.write() as connection:
        tamper(connection)
        mend_head(connection)
    for _ in range(0 if tamper is drop_one else grown):  # where a number is missing, the next one is taken already
        told.tell()
    before = file.read_bytes()
    forget(told)  # what was kept to be quick is no evidence
    assert log_checkpoints.write_checkpoint(told.context) is None
    assert (file.read_bytes(), log_checkpoints.may_act(told.context)) == (before, False)


@pytest.mark.parametrize("kept", [True, False], ids=["with what was kept to be quick", "without it"])
def test_whatever_was_done_to_the_rows_a_new_head_extends_the_one_before_it(told, kept):
    told.tell()
    log_checkpoints.write_checkpoint(told.context)
    honest = leaves_of(told)
    with told.context.store.write() as connection:
        edit_and_hash(connection)  # and the stored head left as it was
    told.tell()
    if not kept:
        forget(told)
    signed = log_checkpoints.write_checkpoint(told.context)
    if kept:
        assert signed is not None
        assert signed.root == root_of([*honest, *leaves_of(told)[len(honest) :]])
        assert found(told) == {LogFaultKind.ROOT_DIFFERS}
    else:
        assert (signed, log_checkpoints.may_act(told.context)) == (None, False)


@pytest.mark.parametrize(
    "kept", [b"", b"\0" * 40, b"x" * 5000, Frontier().encode()], ids=["none", "zeros", "text", "0"]
)
def test_what_is_kept_to_be_quick_may_be_changed_by_anybody(told, kept):
    told.context.checkpoint_file.with_name("checkpoints.txt.frontier").write_bytes(kept)
    told.tell()
    signed = log_checkpoints.write_checkpoint(told.context)
    assert signed is not None
    assert signed.root == root_of(leaves_of(told))


def test_only_what_came_after_the_newest_head_is_read(told):
    told.tell()
    log_checkpoints.write_checkpoint(told.context)
    with told.context.store.write() as connection:
        connection.execute(delete(log_restricted).where(log_restricted.c.seq < 3))
        connection.execute(delete(log_entry).where(log_entry.c.seq < 3))
    told.tell()
    assert log_checkpoints.write_checkpoint(told.context) is not None


class ReadMeanwhile(type(Path())):
    """A file of heads; while it is looked for, another process adds to the log and signs."""

    meanwhile: Callable[[], object] | None = None

    def exists(self, **how: bool) -> bool:
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
        return super().exists(**how)


def test_a_head_that_another_process_signs_just_then_is_no_restore(told):
    file = ReadMeanwhile(told.context.checkpoint_file)
    here = replace(told.context, checkpoint_file=file)

    def another() -> None:
        told.tell()
        assert log_checkpoints.write_checkpoint(told.context) is not None

    file.meanwhile = another
    assert log_checkpoints.may_act(here)
    assert file.meanwhile is None


def forget(world: World) -> None:
    for file in world.context.checkpoint_file.parent.glob("*.frontier"):
        file.unlink()


# --- a file of heads that was lost or torn ---------------------------------------------------------------------------


def lose(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def of_another_installation(file: Path) -> None:
    note = sign_checkpoint(Checkpoint("closeout/other", 9, b"\1" * 32), Ed25519PrivateKey.generate(), "closeout/other")
    file.write_text(note + "\n")


LOST = {"lost": lose, "empty": empty, "of another installation": of_another_installation}


@pytest.mark.parametrize("spoil", LOST.values(), ids=LOST.keys())
def test_a_file_of_heads_that_is_gone_is_not_begun_anew_until_somebody_says_so(told, spoil):
    file = told.context.checkpoint_file
    spoil(file)
    told.tell()
    before = file.read_bytes() if file.exists() else None
    assert log_checkpoints.write_checkpoint(told.context) is None
    assert (file.read_bytes() if file.exists() else None) == before
    mended = log_repairs.mend_heads(told.context, Role.IT_ADMINISTRATOR)
    assert mended.kept == 0
    assert (mended.aside.read_bytes() if mended.aside else None) == before
    assert told.logged(EntryKind.CHECKPOINT_MADE) == [
        {"what": "heads_mended", "count": 0, "actor_role": "it_administrator"}
    ]
    checked = check(told)
    assert (checked.sound, checked.checkpoints, checked.anchored) == (True, 1, size(told))


def test_of_a_torn_file_all_is_kept_that_can_be_read(told):
    file = told.context.checkpoint_file
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    assert (check(told).sound, check(told).faults) == (False, ())
    mended = log_repairs.mend_heads(told.context, Role.IT_ADMINISTRATOR)
    assert (mended.kept, mended.aside.read_bytes()) == (2, whole[:-9])
    checked = check(told)
    assert (checked.sound, checked.checkpoints, checked.bad, checked.anchored) == (True, 3, 0, size(told))


def test_a_file_of_heads_is_not_mended(told):
    def refused(role: Role = Role.IT_ADMINISTRATOR) -> HeadsProblem:
        with pytest.raises(HeadsRefusedError) as problem:
            log_repairs.mend_heads(told.context, role)
        return problem.value.problem

    before = told.context.checkpoint_file.read_bytes()
    assert refused() is HeadsProblem.NOTHING_TO_MEND
    assert refused(Role.PRIVACY_OFFICER) is HeadsProblem.NOT_CLEARED
    with told.context.store.write() as connection:
        drop_the_end(connection)
        mend_head(connection)
    assert refused() is HeadsProblem.DOES_NOT_FIT
    assert told.context.checkpoint_file.read_bytes() == before


# --- checkpoints --------------------------------------------------------------------------------------------------


def append_note(world: World, checkpoint: Checkpoint, signer: Ed25519PrivateKey, name: str) -> None:
    with world.context.checkpoint_file.open("a") as file:
        file.write(sign_checkpoint(checkpoint, signer, name) + "\n")


def test_a_checkpoint_of_another_key_or_another_log_vouches_for_nothing_and_is_told(told):
    origin = read_entry(row_of(told, 0)).body["origin"]
    head = Checkpoint(f"closeout/{origin}", size(told), b"\0" * 32)
    append_note(told, head, Ed25519PrivateKey.from_private_bytes(b"x" * 32), f"closeout/{origin}")
    append_note(told, Checkpoint("closeout/other", 1, b"\0" * 32), told.context.keys.signer, "closeout/other")
    checked = check(told)
    assert (checked.sound, checked.bad, checked.checkpoints, checked.faults) == (False, 2, 3, ())


def row_of(world: World, seq: int) -> bytes:
    with world.context.store.read() as connection:
        return row(connection, seq)[0]


def test_a_checkpoint_of_our_own_key_that_the_log_does_not_fit_is_a_fault(told):
    origin = read_entry(row_of(told, 0)).body["origin"]
    forked = Checkpoint(f"closeout/{origin}", size(told), b"\0" * 32)
    append_note(told, forked, told.context.keys.signer, f"closeout/{origin}")
    assert found(told) == {LogFaultKind.ROOT_DIFFERS}


@pytest.mark.parametrize(
    "spoil", [lambda text: text + "garbage\n", lambda text: text.replace("\u2014", "-"), str.upper]
)
def test_a_checkpoint_file_that_was_spoiled_is_not_called_sound(told, spoil):
    file = told.context.checkpoint_file
    file.write_text(spoil(file.read_text()))
    checked = check(told)
    assert (checked.sound, checked.bad > 0) == (False, True)


def test_without_a_checkpoint_file_nothing_is_vouched_for(told):
    told.context.checkpoint_file.unlink()
    checked = check(told)
    assert (checked.checkpoints, checked.anchored) == (0, 0)


def test_one_sound_checkpoint_among_others_finds_what_those_before_it_do_not_cover(told):
    text = told.context.checkpoint_file.read_text()
    told.context.checkpoint_file.write_text(text[: text.index("\n", text.index("\u2014")) + 1])
    with told.context.store.write() as connection:
        drop_the_end(connection)
    assert not check(told).sound, "the stored head still tells"
    told.context.checkpoint_file.write_text(text)
    assert LogFaultKind.TRUNCATED in found(told)
