"""A report as JSON: typed values and codes in no language, each with its name in the reader's; no other format.

Instants are RFC 3339 in UTC, days ISO 8601, shares `{"part": 3, "whole": 8}`, codes `{"code": "keep", "label": ...}`,
what is not known is null. Text stays as it is: JSON can carry it whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum

from server.core.reports.document import Report, digest
from server.core.tables import Column, Kind, Row, Section, Value
from server.core.text import Period, Share, Text
from server.render.words import Words

Json = dict[str, object]


def report_json(report: Report, words: Words) -> str:
    """The whole report as one JSON document, indented, ending in a line feed."""
    return dump(
        {
            "report": report.key,
            "language": words.language,
            "title": words.say(report.title),
            "organisation": report.organisation,
            "period": typed(report.period, words),
            "made_at": typed(report.made_at, words),
            "view": typed(report.view, words),
            "policies": list(report.policies),
            "digest": f"sha256:{digest(report)}",
            "caveat": words.say(report.caveat),
            "figures": [
                {
                    "key": figure.key,
                    "label": words.say(figure.label),
                    "value": typed(figure.value, words),
                    "coverage": words.say(figure.coverage),
                }
                for figure in report.figures
            ],
            "sections": [section_json(section, words) for section in report.body],
        }
    )


def section_json(section: Section, words: Words) -> Json:
    """One section; each row is an object by column key."""
    return {
        "key": section.key,
        "heading": words.say(section.heading),
        "paragraphs": [words.say(paragraph) for paragraph in section.paragraphs],
        "columns": [
            {"key": column.key, "heading": words.say(column.heading), "kind": column.kind.value}
            for column in section.columns
        ],
        "rows": [_row(section.columns, row, words) for row in section.rows],
        "totals": _row(section.columns, section.totals, words) if section.totals else None,
        "notes": [words.say(note) for note in section.notes],
    }


def stream_json(section: Section, rows: Iterable[Sequence[Row]], words: Words) -> Iterator[bytes]:
    """The same as a document, of a table too long to be held whole. section: it without rows, which come last."""
    head = section_json(section, words)
    del head["rows"]
    yield dump(head).removesuffix("\n}\n").encode() + b',\n  "rows": ['
    between = ""
    for some in rows:
        lines = [json.dumps(_row(section.columns, row, words), ensure_ascii=False) for row in some]
        yield "".join(f"{between if not nth else ','}\n    {line}" for nth, line in enumerate(lines)).encode()
        between = "," if lines else between
    yield b"\n  ]\n}\n"


def _row(columns: Sequence[Column], row: Row, words: Words) -> Json:
    return {column.key: typed(value, words, column.kind) for column, value in zip(columns, row, strict=True)}


def typed(value: Value | Period, words: Words, kind: Kind | None = None) -> object:  # noqa: PLR0911
    """One value as JSON holds it. `kind` matters for advice only."""
    match value:
        case StrEnum():
            return {"code": value.value, "label": words.write(value, kind)}
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Share():
            return {"part": value.part, "whole": value.whole}
        case Period():
            return {"first": value.first.isoformat(), "last": value.last.isoformat()}
        case Text():
            return words.say(value)
    return value


def dump(document: Json) -> str:
    """The one way in which we write JSON for people and programs."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
