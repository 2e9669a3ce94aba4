"""JSON files as tables: the bodies that a webhook received, or what a service answered, saved as they came.

A file is one body, a list of them, or one on each line. Which lists in it hold the records a mapping says; of all else
only the fields that it names are read: the others fall away while a file is parsed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mdm_adapters.port import Fault, Garbled, PortError
from server.sources.rows import Problem
from server.sources.tables import Numeric, RecordTable, Unfit, stamp_of

LARGEST_FILE = 256 * 1024 * 1024
_MOST_RECORDS = 1_000_000
SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})


def only(read: frozenset[str]) -> Callable[[Iterable[tuple[str, Any]]], dict[str, Any]]:
    """For `json.loads`: of each object the fields that are read; what is in others is let go while it is parsed."""
    return lambda pairs: {name: value for name, value in pairs if name in read}


def parse_json(body: bytes, read: frozenset[str]) -> object:
    """What an answer holds, of the fields that are read; Garbled(BAD_BODY): it is not JSON."""
    failure: PortError | None = None
    found: object = None
    try:
        found = json.loads(body, object_pairs_hook=only(read))
    except (ValueError, RecursionError):
        # Raised below: the library's own error holds the text, and would stay chained to it.
        failure = Garbled(Fault.BAD_BODY)
    if failure is not None:
        raise failure
    return found


def json_table(path: Path, lists: Sequence[str], fields: Iterable[str]) -> RecordTable:
    """The records of a file, those of the innermost list, each with the fields of what it stands in. Raises Unfit.

    lists: the names of lists within lists, from the outside in; none: each body is a record. A name may lead through
    objects by points, and so do the fields: "data.apps.id".
    """
    stamp = stamp_of(path)
    if stamp.size > LARGEST_FILE:
        raise Unfit(Problem.FILE_TOO_LARGE, limit=f"{LARGEST_FILE >> 20} MB")
    try:
        raw = path.read_bytes()
    except OSError:
        raise Unfit(Problem.UNREADABLE) from None
    read = frozenset(word for name in (*lists, *fields) for word in name.split("."))
    records: list[Mapping[str, str]] = []
    for body in _bodies(raw, read):
        if not isinstance(body, dict):
            raise Unfit(Problem.NOT_JSON)
        records.extend(_records(body, [name.split(".") for name in lists], "", {}))
        if len(records) > _MOST_RECORDS:
            raise Unfit(Problem.FILE_TOO_LARGE, limit=f"{_MOST_RECORDS}")
    header = list(dict.fromkeys(name for record in records for name in record))
    if not header:
        raise Unfit(Problem.NO_ROWS)
    rows = [[record.get(name, "") for name in header] for record in records]
    return RecordTable(path, stamp, hashlib.sha256(raw).digest(), [header, *rows])


def _bodies(raw: bytes, read: frozenset[str]) -> Sequence[object]:
    try:
        found = parse_json(raw, read)
    except Garbled:
        pass
    else:
        return found if isinstance(found, list) else [found]
    try:
        return [parse_json(line, read) for line in raw.splitlines() if line.strip()]
    except Garbled:
        raise Unfit(Problem.NOT_JSON) from None


def _records(
    body: Mapping[str, Any], lists: Sequence[Sequence[str]], prefix: str, around: Mapping[str, str]
) -> Iterator[Mapping[str, str]]:
    """The records of one body, with what stands around each."""
    known = {**around, **dict(_fields(body, prefix))}
    if not lists:
        yield known
        return
    inside: Any = body
    for word in lists[0]:
        inside = inside.get(word) if isinstance(inside, dict) else None
    for each in inside if isinstance(inside, list) else ():
        if isinstance(each, dict):
            yield from _records(each, lists[1:], f"{prefix}{'.'.join(lists[0])}.", known)


def _fields(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """What stands in an object, and in those within it, but no lists."""
    for name, each in value.items():
        if isinstance(each, dict):
            yield from _fields(each, f"{prefix}{name}.")
        elif not isinstance(each, list):
            yield f"{prefix}{name}", _cell(each)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return Numeric(value)
    if isinstance(value, float):
        return Numeric(value) if math.isfinite(value) else ""
    return value if isinstance(value, str) else ""
