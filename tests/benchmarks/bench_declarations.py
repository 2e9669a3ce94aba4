"""Outcomes of declarations for 2,000 devices, and channel tallies of a whole country, in seconds of processor time.

Both are pure arithmetic on sums made before; what reading those sums costs stands in `bench_usage`. No peer does the
same, so the goals stand beside the figures. Run: `python -m tests.benchmarks.bench_declarations`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Hashable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import median

from server.core.reports.disclosure import Cell, cross_table, protect
from server.core.text import Period
from server.core.usage.channel_catalogue import check_catalogue
from server.core.usage.channels import ChannelTotal, compare_channels
from server.core.usage.declarations import Circumstances, DeclarationRules, weigh
from server.core.usage.evidence_rules import check_evidence
from server.core.usage.intervals import Sampling
from server.core.usage.model import NOTHING, Confidence, Counterparty, DeviceTotals, Direction, Quantity, Split

POLICIES = Path(__file__).parents[2] / "agent_policies"
DEVICES = 2_000
QUARTER = Period(date(2026, 1, 1), date(2026, 3, 31))
QUANTITIES = (Quantity.CALLS, Quantity.MINUTES, Quantity.MEGABYTES, Quantity.SCREEN_MINUTES)
RULES = DeclarationRules(
    version="bench",
    quantities=frozenset(QUANTITIES),
    accepted=frozenset({Confidence.MEASURED, Confidence.SAMPLED}),
    min_days=20,
    min_volume=dict.fromkeys(Quantity, 50),
    max_absence_days=30,
    sampling=Sampling(Decimal("1.96"), Decimal(1)),
    validity_months=12,
    reminders_before=(60, 14),
    reminders_after=(0, 7, 14),
    countersigned=True,
    check_months=12,
    conversation_months=12,
)


def _outcomes() -> Callable[[], int]:
    """Four quantities, each measured and sampled, of every device: 16,000 intervals."""
    devices = [Circumstances(device, 1, frozenset(Quantity)) for device in range(DEVICES)]
    sums = [
        DeviceTotals(
            device=device,
            quantity=quantity,
            confidence=confidence,
            amounts=Split(9_000 + device, 1_000 - device % 500, device % 300),
            days=60,
            samples=Split(900 + device, 100, device % 30) if confidence is Confidence.SAMPLED else NOTHING,
        )
        for device in range(DEVICES)
        for quantity in QUANTITIES
        for confidence in (Confidence.MEASURED, Confidence.SAMPLED)
    ]
    return lambda: len(weigh(devices, sums, RULES))


def _comparison() -> Callable[[], int]:
    """25 organisations of 20 teams, a quarter of months, 200 combinations: what 23 million rows a year come to."""
    dice = Random(1)
    catalogue = check_catalogue((POLICIES / "channels/veilig-thuis.yaml").read_text("utf-8"), "c").catalogue
    rules = check_evidence((POLICIES / "evidence/veilig-thuis.yaml").read_text("utf-8"), "e").rules
    assert catalogue is not None
    assert rules is not None
    keys, parties, directions = list(catalogue.channels), list(Counterparty), list(Direction)
    totals = [
        ChannelTotal(
            date(2026, month, 1), team, dice.choice(keys), dice.choice(parties), dice.choice(directions),
            Quantity.CONTACTS, Confidence.RECORDED, dice.randrange(500),
        )
        for team in range(500)
        for month in (1, 2, 3)
        for _ in range(200)
    ]  # fmt: skip
    return lambda: len(compare_channels(totals, [QUARTER], [], catalogue, rules.channels, by_team=True))


def _protection() -> Callable[[], int]:
    """The cross table of one organisation's quarter, small cells and what they could be worked out from withheld."""
    dice = Random(3)
    cells: dict[tuple[Hashable, ...], Cell] = {}
    for team in range(20):
        size = 3 if team < 2 else dice.randrange(6, 20)
        for counterparty in ("client", "colleague", "former client", "professional", "unknown"):
            for side in ("whatsapp", "approved", "other", "unknown channel"):
                people = frozenset(range(team * 100, team * 100 + size))
                cells[team, counterparty, side] = Cell(dice.randrange(200), people)
    table = cross_table("contacts Q1", cells)
    return lambda: len(protect(table, 5, []).shown)


def _measure(act: Callable[[], int]) -> dict[str, float]:
    times, made = [], 0
    for _ in range(5):
        begun = time.process_time()
        made = act()
        times.append(time.process_time() - begun)
    return {"made": made, "seconds": round(median(times), 3)}


def run() -> dict[str, object]:
    """Median seconds of five runs, beside the goals."""
    return {
        "name": "outcomes of declarations, channel tallies and disclosure control",
        "unit": "seconds of processor time on one core",
        "outcomes_of_2000_devices": _measure(_outcomes()) | {"goal": 0.5},
        "tallies_of_300000_totals": _measure(_comparison()) | {"goal": 1.0},
        "protected_cross_table": _measure(_protection()),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
