"""The organisation tiny tells the whole story, the same one each time, and comes back from its own export unchanged."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from server.core.model import Decision
from server.sources.case_file import open_export, read
from server.sources.invented import CardKind, day_after, invent, truth, write_export
from server.sources.mapping import load_mapping, shipped

NOW = datetime(2025, 3, 4, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def tiny():
    return invent("tiny", seed=1, now=NOW)


def test_the_same_number_invents_the_same_organisation(tiny):
    again = invent("tiny", seed=1, now=NOW)
    assert again == tiny
    assert dict(again.books) == dict(tiny.books)
    assert invent("tiny", seed=2, now=NOW).contacts != tiny.contacts


def test_tiny_has_the_size_it_is_known_for(tiny):
    assert (len(tiny.workers), len(tiny.devices), len(tiny.cases)) == (5, 8, 60)
    assert sum(device.silent for device in tiny.devices) == 3


def test_every_answer_of_the_need_table_stands_in_tiny(tiny):
    assert set(truth(tiny, NOW, grace_days=30, window_days=14).values()) == set(Decision)


def test_every_sort_of_card_stands_in_tiny(tiny):
    assert {card.kind for worker in tiny.workers for card in tiny.cards(worker.ref)} == set(CardKind)


def test_a_day_later_cases_have_been_closed(tiny):
    day = day_after(tiny)
    assert day.closed == 2
    assert len(day.changed) == 2
    assert day.organisation.contacts == tiny.contacts


@pytest.mark.parametrize("mapping", shipped())
def test_an_export_reads_back_as_the_rows_it_was_written_from(tiny, mapping, tmp_path):
    export = open_export(write_export(tiny, tmp_path, mapping), load_mapping(mapping))
    batches = list(read(export))
    assert [fault for batch in batches for fault in batch.faults] == []
    rows = {replace(row, line=0) for batch in batches for row in batch.rows}
    assert rows == set(tiny.rows())
    assert export.header.as_of == NOW
