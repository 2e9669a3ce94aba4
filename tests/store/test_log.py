"""The log's rows: gapless with writers side by side, one with what they tell of, silent where they must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from server.core.log.audit import audit
from server.core.log.entries import EntryKind, commitment, read_entry
from server.core.log.merkle import leaf_hash
from server.store import log, table_state
from server.store.admin import organisation
from server.store.database import Store
from server.store.schema import base
from server.store.seal import Sealer
from tests.store.fixtures import Databases
from tests.store.ground import NOW, SEALER, days, lay_and_look


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    opened = Store(databases.fresh("looked", lay_and_look))
    yield opened
    opened.close()


def finding(name: str) -> tuple[EntryKind, dict[str, str]]:
    return EntryKind.FINDING, {"finding": name, "what": "reappeared", "verb": "opened"}


def written(store: Store) -> list[str]:
    """The subjects of all entries, in order; the log must be sound."""
    with store.read() as connection:
        entries = list(log.entries(connection))
        head = log.head(connection)
        verdict = audit(iter(entries), [])
    assert verdict.sound
    assert (verdict.size, verdict.root) == (head.size, head.root())
    assert [seq for seq, _, _ in entries] == list(range(head.size))
    assert [leaf for _, _, leaf in entries] == [leaf_hash(text) for _, text, _ in entries]
    return [str(read_entry(text).body.get("finding", "commitment")) for _, text, _ in entries]


def test_entries_come_back_in_order_with_all_they_said(store):
    with store.write() as connection:
        assert log.append(connection, NOW, [finding("a"), finding("b")]) == 2
        assert log.append(connection, NOW + days(1), [finding("c")]) == 3
    assert written(store) == ["a", "b", "c"]
    with store.read() as connection:
        last = read_entry([text for _, text, _ in log.entries(connection)][-1])
    assert (last.seq, last.at, last.kind) == (2, NOW + days(1), EntryKind.FINDING)


def test_nothing_to_tell_changes_nothing(store):
    with store.write() as connection:
        assert log.append(connection, NOW, []) == 0
        log.append_restricted(connection, NOW, SEALER, [])
    assert written(store) == []


def test_writers_side_by_side_leave_no_gap_and_no_fork(store):
    start = Barrier(4)

    def tell(writer: int) -> None:
        start.wait()
        for number in range(15):
            with store.write() as connection:
                log.append(connection, NOW, [finding(f"{writer}-{number}"), finding(f"{writer}-{number}-again")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(4)))
    told = written(store)
    assert len(told) == 120
    for writer in range(4):
        mine = [each for each in told if each.startswith(f"{writer}-")]
        assert mine == [name for n in range(15) for name in (f"{writer}-{n}", f"{writer}-{n}-again")]
    assert all(told[at + 1] == f"{told[at]}-again" for at in range(0, 120, 2))


def test_an_entry_and_what_it_tells_of_are_both_kept_or_neither(store):
    def stumble() -> None:
        with store.write() as connection:
            organisation.employer_named(connection, "Employer 2")
            log.append(connection, NOW, [finding("a")])
            log.append_restricted(connection, NOW, SEALER, ["hold_set x"])
            raise RuntimeError("stumbled")

    with pytest.raises(RuntimeError, match="stumbled"):
        stumble()
    with store.read() as connection:
        assert connection.execute(select(base.employer.c.name)).scalars().all() == ["Employer 1"]
        assert connection.execute(select(base.log_restricted)).all() == []
    assert written(store) == []
    with store.write() as connection:
        organisation.employer_named(connection, "Employer 2")
        log.append(connection, NOW, [finding("b")])
    assert written(store) == ["b"]


def test_an_entry_that_may_not_be_told_takes_the_fact_down_with_it(store):
    def tell_too_much() -> None:
        with store.write() as connection:
            organisation.employer_named(connection, "Employer 2")
            log.append(connection, NOW, [(EntryKind.FINDING, {"worker": "worker-1"})])

    with pytest.raises(ValueError, match="finding"):
        tell_too_much()
    with store.read() as connection:
        assert connection.execute(select(base.employer.c.name)).scalars().all() == ["Employer 1"]


def test_a_restricted_entry_shows_a_commitment_that_only_its_sealed_body_opens(store):
    with store.write() as connection:
        log.append(connection, NOW, [finding("a")])
        log.append_restricted(connection, NOW, SEALER, ["hold_set x", "hold_set x"])
    with store.read() as connection:
        shown = [json.loads(text) for _, text, _ in log.entries(connection)][1:]
        sealed = connection.execute(select(base.log_restricted).order_by(base.log_restricted.c.seq)).all()
    assert [row.seq for row in sealed] == [1, 2]
    assert shown[0]["body"] != shown[1]["body"], "the same act twice looks like two acts"
    for row, entry in zip(sealed, shown, strict=True):
        body = log.read_body(SEALER.open(row.sealed, f"log_restricted.sealed.{row.seq}"))
        assert (body.said, body.state) == ("hold_set x", "")
        assert entry["body"] == {"commitment": commitment(body.key, body.committed.encode()).hex()}
        assert b"hold_set" not in row.sealed


def test_restricted_entries_of_all_acts_are_alike_but_for_their_commitment(store):
    with store.write() as connection:
        log.append_restricted(connection, NOW, Sealer(b"k" * 32), ["hold_set x", "report read by privacy_officer"])
    with store.read() as connection:
        texts = [text for _, text, _ in log.entries(connection)]
    assert len({len(text) for text in texts}) == 1
    assert {read_entry(text).kind for text in texts} == {EntryKind.RESTRICTED}


def test_a_long_log_is_read_in_pieces_without_loss(store):
    with store.write() as connection:
        log.append(connection, NOW, [finding(f"n{number}") for number in range(500)])
    with store.read() as connection:
        assert [seq for seq, _, _ in log.entries(connection, chunk=7)] == list(range(500))


def test_a_database_is_watched_from_any_moment_without_touching_what_threads_go_by(store):
    """A listener that is added while another thread goes through them makes its transaction fail, or go unseen."""
    dispatched = store.engine.dispatch
    before = [len(getattr(dispatched, name)) for name in ("begin", "before_execute", "commit")]
    with store.read() as connection:
        log.watch_tables(store, SEALER, lambda: NOW)
        log.watch_tables(store, SEALER, lambda: NOW)
    assert [len(getattr(dispatched, name)) for name in ("begin", "before_execute", "commit")] == before
    with store.write() as connection:
        assert table_state.watch_of(connection) is not None
