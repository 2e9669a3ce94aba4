"""What an export of a case system comes to: its faults, and each case with its contacts, workers and planned days."""

from __future__ import annotations

import json
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from server.core.identity.reading import read_registered
from server.core.model import Phase
from server.sources.case_file import open_export
from server.sources.case_file import read as read_export
from server.sources.mapping import CaseMapping, load_mapping, parse_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, MomentRow


def read(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """given: `mapping`, a shipped one (veilig-thuis-csv unless said); `keys`, put over those of the mapping."""
    faults: list[str] = []
    cases: dict[str, dict[str, Any]] = {}
    for batch in read_export(open_export([path], _mapping(given))):
        faults += [f"{fault.line or '-'} {fault.problem} {fault.field or ''}".strip() for fault in batch.faults]
        for row in batch.rows:
            problem = _unfit(row)
            if problem:
                faults.append(f"{row.line} {problem} contact.value")
                continue
            case = cases.setdefault(_number(row), {})
            for key, value in _told(row):
                if value is not None:
                    _put(case, key, value)
    return {"faults": faults, "cases": cases}


def _mapping(given: dict[str, Any]) -> CaseMapping:
    name = given.get("mapping", "veilig-thuis-csv")
    if "keys" not in given:
        return load_mapping(name)
    text = json.dumps({"extends": name, **given["keys"]})  # JSON is YAML
    return parse_mapping(text, "case.yaml", _shipped)


def _shipped(name: str) -> str:
    return (resources.files("agent_policies") / "sources" / f"{name}.yaml").read_text("utf-8")


def _unfit(row: object) -> str:
    """What is wrong with a contact's value; empty: nothing."""
    if not isinstance(row, ContactRow):
        return ""
    found, unreadable = read_registered(row.value)
    return "unreadable_number" if unreadable else "" if found else "not_an_identifier"


def _number(row: object) -> str:
    number = row.number if isinstance(row, CaseRow) else row.case_number  # type: ignore[attr-defined]
    return number or "-"


def _told(row: object) -> list[tuple[str, Any]]:
    match row:
        case CaseRow():
            yes = {True: "yes", False: "no", None: None}[row.recorded]
            return [("phase", Phase(row.phase).value), ("closed", _moment(row.closed_at)), ("recorded", yes)]
        case ContactRow():
            found = [each.normal for each in read_registered(row.value)[0]]
            return [("unsure" if not row.linked else "contacts", found)]
        case AssignmentRow():
            return [("workers", [f"{row.worker} until {_moment(row.until_at)}" if row.until_at else row.worker])]
        case MomentRow():
            return [("moments", [f"{row.worker} {row.on}"])]
    raise TypeError(type(row))


def _put(case: dict[str, Any], key: str, value: Any) -> None:
    if not isinstance(value, list):
        case[key] = value
        return
    known = case.setdefault(key, [])
    known += [each for each in value if each not in known]


def _moment(at: datetime | None) -> str | None:
    return at and at.strftime("%Y-%m-%d %H:%M:%SZ")
