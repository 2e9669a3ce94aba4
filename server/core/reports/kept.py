"""Reads a report back from its canonical form, so that what was made once can be shown again in any language; pure.

The inverse of `table.canonical`: same bytes, same digest. ValueError for anything that `canonical` does not write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from mdm_adapters.port import Capability, Fault, Outcome, Shape, Support
from server.core.model import (
    ContactClass,
    Decision,
    FindingKind,
    GateScope,
    Level,
    Phase,
    Presence,
    Reason,
    Role,
    State,
    Tier,
    Verb,
)
from server.core.reports.controls import Basis
from server.core.reports.coverage import Freshness, Sight, SourceKind, Spot
from server.core.reports.document import SCHEMA, Figure, Report, canonical
from server.core.reports.removals import View
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Period, Share, Text
from server.core.usage.channels import BlindSpot, Position, Trend
from server.core.usage.declarations import Cause, DeclarationState, UsageOutcome
from server.core.usage.model import Confidence, Counterparty, Quantity

_CODES: Mapping[str, type[StrEnum]] = {
    each.__name__: each
    for each in (
        Basis,
        BlindSpot,
        Capability,
        Cause,
        Confidence,
        ContactClass,
        Counterparty,
        Decision,
        DeclarationState,
        Fault,
        FindingKind,
        Freshness,
        GateScope,
        Level,
        Mark,
        Outcome,
        Phase,
        Position,
        Presence,
        Quantity,
        Reason,
        Role,
        Shape,
        Sight,
        SourceKind,
        Spot,
        State,
        Support,
        Tier,
        Trend,
        UsageOutcome,
        Verb,
        View,
    )
}


def restore(form: bytes) -> Report:
    """The report whose canonical form this is."""
    try:
        held = json.loads(form)
        if held["schema"] != SCHEMA:
            raise ValueError("a form of another version")
        body = [_section(each) for each in held["body"]]
        report = Report(
            key=held["key"],
            title=_value(held["title"]),
            organisation=held["organisation"],
            period=_value(held["period"]),
            made_at=_value(held["made_at"]),
            view=_value(held["view"]),
            policies=tuple(held["policies"]),
            figures=tuple(
                Figure(key, _value(label), _value(value), _value(coverage))
                for key, label, value, coverage in held["figures"]
            ),
            coverage=body[0],
            sections=tuple(body[1:-2]),
            sources=body[-2],
            blind_spots=body[-1],
            caveat=_value(held["caveat"]),
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError("not the canonical form of a report") from error
    if canonical(report) != form:
        raise ValueError("not the canonical form of a report")
    return report


def _section(held: Mapping[str, Any]) -> Section:
    return Section(
        key=held["key"],
        heading=_value(held["heading"]),
        paragraphs=_values(held["paragraphs"]),
        columns=tuple(
            Column(key, _value(name), Kind(kind), _value(blank)) for key, name, kind, blank in held["columns"]
        ),
        rows=tuple(_values(row) for row in held["rows"]),
        totals=_values(held["totals"]),
        notes=_values(held["notes"]),
        empty=_value(held["empty"]),
    )


def _values(held: list[Any]) -> tuple[Any, ...]:
    return tuple(_value(each) for each in held)


def _value(held: Any) -> Any:  # noqa: PLR0911 - one line a type
    match held:
        case {"code": code, "of": of}:
            return _CODES[of](code)
        case {"decimal": text}:
            return Decimal(text)
        case {"instant": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case {"part": part, "whole": whole}:
            return Share(part, whole)
        case {"first": first, "last": last}:
            return Period(date.fromisoformat(first), date.fromisoformat(last))
        case {"text": message, "many": many, "params": params}:
            said = tuple((name, _value(param)) for name, param in params.items())
            return Text(message, said, many, held.get("sense", ""))  # said before
        case list():
            return _values(held)
    return held
