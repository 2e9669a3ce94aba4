"""What lists share: which part is asked for, how one pages on by the key of a row, and files of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from flask import Response, make_response, request, url_for
from flask.typing import ResponseReturnValue

from server.core.reports.table import Section
from server.render.delimited import section_csv
from server.render.structured import dump, section_json
from server.store.pages import Key
from server.web.here import here

PAGE = 50
MOST_IN_FILE = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the pages before and after this one are; None: there is none."""

    before: str | None
    after: str | None


def asked_key() -> Key | None:
    """The row after or before which the page begins, as a link of ours wrote it; None: from the start."""
    for name, back in (("after", False), ("before", True)):
        number, _, row = request.args.get(name, "").partition(".")
        if number.isascii() and number.isdigit() and len(number) < 18 and row.isascii() and row.isalnum():
            return Key(_EPOCH + timedelta(microseconds=int(number)), row, back)
    return None


def cut_page(
    rows: Sequence[T],
    key: Key | None,
    endpoint: str,
    asked: Mapping[str, str],
    key_of: Callable[[T], tuple[datetime, str]],
) -> tuple[Sequence[T], Pager]:
    """One page of PAGE + 1 rows that were read, and the links around it."""
    more = len(rows) > PAGE
    back = key is not None and key.back
    shown = rows[-PAGE:] if back else rows[:PAGE]

    def link(name: str, row: T) -> str:
        at, number = key_of(row)
        return url_for(endpoint, **asked, **{name: f"{(at - _EPOCH) // timedelta(microseconds=1)}.{number}"})  # type: ignore[arg-type]

    before = link("before", shown[0]) if shown and (more if back else key is not None) else None
    after = link("after", shown[-1]) if shown and (back or more) else None
    return shown, Pager(before, after)


def asked_part() -> int:
    """Which part of a list that is held whole, from 0; nonsense is the first."""
    text = request.args.get("part", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def cut_part(rows: Sequence[T], part: int, endpoint: str, asked: Mapping[str, str]) -> tuple[Sequence[T], Pager]:
    """That part of a list that is held whole, and the links around it; beyond its end is its last part."""
    part = min(part, max(0, (len(rows) - 1) // PAGE))
    more = len(rows) > (part + 1) * PAGE

    def link(number: int) -> str:
        return url_for(endpoint, **asked, part=number)  # type: ignore[arg-type]

    return rows[part * PAGE : (part + 1) * PAGE], Pager(
        link(part - 1) if part else None, link(part + 1) if more else None
    )


def asked_day(name: str) -> date | None:
    """A day in the address; None if there is none or it is none."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def as_file(section: Section, kind: str, name: str) -> ResponseReturnValue:
    """A table as a file to keep: `csv` or `json`. name: of the file, which says nothing of its content."""
    words = here().words
    if kind == "csv":
        answer: Response = make_response(section_csv(section, words))
        answer.content_type = "text/csv; charset=utf-8"
    else:
        answer = make_response(dump(section_json(section, words)))
        answer.content_type = "application/json"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer
