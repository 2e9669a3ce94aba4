"""What a bill or another file of usage comes to: its faults, and each row that counts, as a careful person reads it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from server.sources.usage_file import OpenUsage, RawUse, open_usage, read_usage
from server.sources.usage_mapping import MappingRefused, UsageMapping, parse_usage_mapping

TODAY = date(2026, 11, 30)
OCTOBER = "2026-10-01..2026-10-31"
BILL: dict[str, Any] = {
    "feed": "bill",
    "covers": "device",
    "confidence": "measured",
    "measures": "sim",
    "replaces": "days",
    "dates": ["%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y"],
    "words": {"directions": {"in": ["in", "inkomend", "mt", "Incoming"], "out": ["uit", "uitgaand", "mo", "Outgoing"]}},
    "columns": {
        "subject": ["Toestel"],
        "day": ["Start"],
        "number": ["Ander nummer"],
        "direction": ["Richting"],
        "channel": {"always": "phone"},
    },
    "amounts": [{"quantity": "calls"}, {"quantity": "minutes", "column": ["Duur"], "unit": "seconds"}],
}
"""The layout of an operator that does not exist."""


def read(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """given: `keys`, put over those of BILL (`columns` one by one); `period`, October unless said, "" for none."""
    try:
        mapping = mapping_of(given.get("keys", {}))
    except MappingRefused as refused:
        return {"refused": [fault.where for fault in refused.faults]}
    first, _, last = given.get("period", OCTOBER).partition("..")
    period = (date.fromisoformat(first), date.fromisoformat(last)) if last else None
    feed = open_usage([path], mapping, today=TODAY, period=period)
    rows: list[str] = []
    faults: list[str] = []
    passed = 0
    for batch in read_usage(feed):
        rows += [_told(row, mapping) for row in batch.rows]
        faults += [f"{fault.line or '-'} {fault.problem} {fault.field or ''}".strip() for fault in batch.faults]
        passed += batch.passed
    return {"faults": faults, "period": _period(feed), "passed": passed, "rows": rows}


def mapping_of(keys: dict[str, Any]) -> UsageMapping:
    """BILL with other keys. A column that is null is taken out."""
    columns = {**BILL["columns"], **keys.get("columns", {})}
    whole = {**BILL, **keys, "columns": {name: column for name, column in columns.items() if column is not None}}
    return parse_usage_mapping(json.dumps(whole), "case.yaml")  # JSON is YAML


def _period(feed: OpenUsage) -> str:
    return "" if feed.speaks_for is None else "..".join(map(str, feed.speaks_for))


def _told(row: RawUse, mapping: UsageMapping) -> str:
    amounts = [
        f"{amount.quantity} {value}" for amount, value in zip(mapping.amounts, row.amounts, strict=True) if value
    ]
    return " ".join([row.subject, str(date.fromordinal(row.day)), row.number or "-", row.direction, *amounts])
