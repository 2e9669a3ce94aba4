"""The manual of feeds is walked: its example works as it stands there, and it names every key, feed and service."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from server.core.usage.model import Direction, Quantity
from server.sources.feeds import FEEDS
from server.sources.lists import shipped_lists
from server.sources.usage_file import open_usage, read_usage
from server.sources.usage_mapping import (
    Amount,
    Apps,
    Unit,
    UsageColumns,
    UsageMapping,
    UsageWords,
    parse_usage_mapping,
    shipped_usage,
)

MANUAL = Path(__file__).parents[2] / "agent_policies" / "README.md"
SECTION = MANUAL.read_text("utf-8").partition("## Mapping a feed of usage")[2]


def block(language: str) -> str:
    """The one block of that language in the section."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    return str(found)


def test_the_example_is_read_by_the_mapping_beside_it_as_the_manual_says(tmp_path: Path) -> None:
    file = tmp_path / "calls-2026-02.csv"
    file.write_text(block("csv"))
    mapping = parse_usage_mapping(block("yaml"), "our-feed.yaml")
    feed = open_usage([file], mapping, today=date(2026, 3, 4))
    rows = [row for batch in read_usage(feed) for row in batch.rows]
    assert (feed.faults, feed.dropped) == ((), (("calls-2026-02.csv", 7),))
    assert [(row.subject, date.fromordinal(row.day).isoformat(), row.number, row.direction) for row in rows] == [
        ("device-1", "2026-02-02", "06-12345601", Direction.OUT),
        ("device-1", "2026-02-02", "06-12345602", Direction.IN),
        ("device-2", "2026-02-03", "020-1230001", Direction.OUT),
    ]
    assert [amount.quantity for amount in mapping.amounts] == [Quantity.CALLS, Quantity.MINUTES]
    assert [row.amounts for row in rows] == [(1, 120), (1, 60), (1, 45)]


def test_every_key_word_feed_list_and_service_stands_in_the_manual() -> None:
    keys = [
        info.alias or name
        for part in (UsageMapping, UsageColumns, UsageWords, Amount, Apps)
        for name, info in part.model_fields.items()
    ]
    wanted = {*keys, *Unit, *Quantity, *FEEDS, *shipped_lists()}
    assert {word for word in wanted if f"`{word}`" not in SECTION} == set()
    assert {name for name in shipped_usage() if f"`{name}.yaml`" not in SECTION} == set()


def test_the_manual_of_files_names_every_mapping_and_every_sample() -> None:
    manual = (MANUAL.parent / "FEEDS.md").read_text("utf-8")
    wanted = {*shipped_usage(), *(file.name for file in (MANUAL.parent / "sources/usage/samples").iterdir())}
    assert {name for name in wanted if f"`{name}`" not in manual} == set()
