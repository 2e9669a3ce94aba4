"""A case is closed, opened again and closed again: its contact goes, comes back labelled, and goes, in a real book."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.core.model import ContactClass, Phase
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from tests.journeys.office import Office
from tests.journeys.test_closed_case import card, places
from tests.parts.dav import DavServer

pytestmark = [pytest.mark.parts, pytest.mark.integration]

SHIPPED = Path(__file__).parents[2] / "agent_policies" / "veilig-thuis.yaml"
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
LONG_AGO = NOW - timedelta(days=400)
CLIENT, OTHER, PRIVATE = "06-12345601", "06-12345602", "06-12345699"


def labelled(home: Path) -> None:
    """The shipped policy, with one line changed."""
    home.mkdir()
    text = SHIPPED.read_text(encoding="utf-8")
    assert text.count('    mode: "off"\n') == 1
    text = text.replace('    mode: "off"\n', "    mode: labelled\n    value_days: 400\n    assumed: [value_days]\n")
    (home / "policy.yaml").write_text(text, encoding="utf-8")


def told(office: Office, minutes: int, *, open_again: bool) -> None:
    """An export of so many minutes ago, with both cases closed or open."""
    rows: list[Row] = []
    for number, value in (("100001", CLIENT), ("100002", OTHER)):
        closed = None if open_again else LONG_AGO + timedelta(days=300)
        phase = Phase.INVESTIGATION if open_again else Phase.CLOSED
        rows += [
            CaseRow(2, number, phase, LONG_AGO.date(), closed, recorded=True),
            ContactRow(2, number, "A", ContactClass.CLIENT, value),
            AssignmentRow(2, number, "worker-01", "handler", LONG_AGO),
        ]
    folder = office.folder / f"export-{minutes}"
    folder.mkdir()
    paths = write_rows(rows, load_mapping("generic-en"), folder, NOW - timedelta(minutes=minutes))
    office.say("cases", "import", *map(str, paths), "--mapping", "generic-en")


def test_what_was_removed_comes_back_labelled_and_goes_again(radicale: DavServer, tmp_path: Path) -> None:
    client, book = radicale.client(), f"{radicale.home}/{tmp_path.name}"
    client.make_book(book)
    cards = {"one.vcf": card("1", CLIENT), "two.vcf": card("2", OTHER), "private.vcf": card("3", PRIVATE)}
    client.put_all(book, {name: text.encode() for name, text in cards.items()})
    office = Office(tmp_path, f"sqlite:///{tmp_path / 'closeout.db'}")
    labelled(tmp_path / "installation")
    office.set_up(radicale, places(tmp_path, radicale.book_url(book)), [], login="service", log=False)

    told(office, 3, open_again=False)
    office.say("run")
    office.say("verify")
    assert set(client.cards(book)) == {"private.vcf"}
    keys = tmp_path / "installation" / "keys" / "cases"
    assert len(list(keys.iterdir())) == 2

    client.put(book, "own.vcf", card("4", OTHER))
    before = client.cards(book)
    told(office, 2, open_again=True)
    office.say("run")
    after = client.cards(book)
    (ours,) = set(after) - set(before)
    assert "FN:100001-A" in after[ours]
    assert "TEL:+31612345601" in after[ours]
    assert {name: text for name, text in after.items() if name != ours} == before
    assert office.ask("SELECT state FROM put_back WHERE sealed IS NOT NULL") == []
    assert list(keys.iterdir()) == []

    told(office, 1, open_again=False)
    office.say("run")
    office.say("verify")
    assert set(client.cards(book)) == {"private.vcf"}
    states = [row.state for row in office.ask("SELECT state FROM orders")]
    assert (len(states), set(states)) == (4, {"done"})
    assert office.ask("SELECT uid FROM finding WHERE closed_at IS NULL AND kind = 'without_assignment'") == []
    office.say("log", "verify")
    everything = b"".join(file.read_bytes() for file in tmp_path.glob("**/closeout.db*"))
    assert b"612345601" not in everything + b"".join(repr(dict(each.body)).encode() for each in office.log())
