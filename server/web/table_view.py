"""How every table on every page is sorted, filtered, paged and exported; one way for all, no route.

A page hands its whole `Section` to the template, or a `Listed` part of one that the store sorted itself; what may
be done with a table follows from its columns. What is asked of a table stands in the address under the table's own key
(`phones.sort=-seen`), in codes of ours and values that name nobody. A file is the page itself, asked for in another
form: by the same guard, the same roles, the same rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from itertools import islice
from typing import TypeAlias
from urllib.parse import urlencode

from flask import Response, abort, g, make_response, request

from server.core.model import Role
from server.core.reports.document import section_digest
from server.core.tables import Column, Kind, Row, Section, Value
from server.core.text import Share, Text, phrase
from server.render.delimited import section_csv, stream_csv
from server.render.structured import dump, section_json, stream_json
from server.render.words import Words
from server.render.workbook import section_xlsx
from server.web.request import Here, here
from server.work.admin.access import note_read

PAGE = 50
FEW = 10
"""A table of no more rows is seen at a glance: nothing to choose from, and no form on a wide screen."""
_MOST_CHOICES = 60
_PERSONAL = frozenset({"case", "worker", "device", "person"})
"""Columns that tell of somebody: a file with one of them is a read that the log tells of."""
_ELSEWHERE = re.compile(r"[a-z][a-z0-9_-]{0,39}\.[a-z][a-z0-9_]{0,29}")
_PLAIN = re.compile(r"-?[a-z][a-z_]{0,39}|[0-9]{1,4}")
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class ColumnHead:
    """A column's heading as a link. now: how the rows stand by it, in the words of ARIA."""

    link: str
    now: str | None


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One value of a choice and how it is said."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Pick:
    """One choice of the form over a table. chosen: empty for all of them."""

    name: str
    label: Text
    choices: Sequence[FilterChoice]
    chosen: str


@dataclass(frozen=True, slots=True)
class TableView:
    """A table as a page shows it. links: of each row. heads: of each column. total None: nobody counted.

    before, after: the pages around this one. hidden: what the form carries on. odd: something was asked that is not.
    """

    section: Section
    links: Sequence[str | None] = ()
    heads: Sequence[ColumnHead | None] = ()
    sorted_by: Text | None = None
    before: str | None = None
    after: str | None = None
    first: int = 0
    total: int | None = None
    most: bool = False
    sort: Pick | None = None
    picks: Sequence[Pick] = ()
    hidden: Sequence[tuple[str, str]] = ()
    files: Sequence[tuple[str, str]] = ()
    odd: bool = False
    asked: bool = False
    order: Sequence[int] = ()
    """Which of the table's rows these are: for a page that lays out cells of its own, such as boxes to tick."""
    keyed: bool = False
    """Paged on by the key of a row: nobody knows which number its first row has."""
    plain: bool = True
    """Nothing may be done with it: it is the answer to a form, which has no address of its own."""

    @property
    def last(self) -> int:
        """The number of the last row that is shown, from 1."""
        return self.first + len(self.section.rows)

    @property
    def narrowed(self) -> bool:
        """Whether only some of its rows were chosen."""
        return any(pick.chosen for pick in self.picks)

    @property
    def few(self) -> bool:
        """Whether it is seen at a glance."""
        return not self.narrowed and self.total is not None and self.total <= FEW


def stay(**params: str) -> None:
    """What else the page was asked for, which links around its tables keep; never anything that names somebody."""
    g.stay = {**g.get("stay", {}), **{name: value for name, value in params.items() if value}}


def arrange(table: Section | TableView, links: Sequence[str | None] | None = None) -> TableView:
    """A section as it was asked for: filtered, sorted, and the page of it; or, asked for as a file, that file."""
    if isinstance(table, TableView):
        return table
    if not table.columns or request.method == "POST":
        return TableView(table, links or (), order=range(len(table.rows)))
    return _Asked(table, tuple(links or ()), here()).shown()


Order: TypeAlias = "tuple[object, ...]"


@dataclass
class _Asked:
    """What the address asks of one table that is held whole."""

    table: Section
    links: Sequence[str | None]
    at: Here

    def shown(self) -> TableView:
        chosen = [nth for nth, row in enumerate(self.table.rows) if self._fits(row)]
        column, falling = self.order
        if column is not None:
            chosen = in_order(chosen, self._values(column), falling=falling)
        if (kind := request.args.get(self._name("file"))) is not None:
            rows = tuple(self.table.rows[nth] for nth in chosen)
            send_file(replace(self.table, rows=rows), kind, self.at)
        part, odd = self._part(len(chosen))
        page = chosen[part * PAGE : (part + 1) * PAGE]
        many = len(self.table.rows) > 1
        return TableView(
            replace(self.table, rows=tuple(self.table.rows[nth] for nth in page), empty=self._empty()),
            [self.links[nth] for nth in page] if self.links else (),
            [self._head(each) if many and can_sort(each) else None for each in self.table.columns],
            said_order(self.table, column, falling=falling),
            self._link(page=str(part)) if part else None,
            self._link(page=str(part + 2)) if (part + 1) * PAGE < len(chosen) else None,
            part * PAGE,
            len(chosen),
            False,
            self._sort_pick() if many else None,
            self.picks,
            [(name, value) for name, value in around(self.table.key).items()],
            [(kind, self._link(file=kind)) for kind in FILES] if self.table.rows else (),
            odd or self._odd(),
            bool(self.asked) or part > 0,
            order=page,
            plain=False,
        )

    # --- what is asked

    @cached_property
    def order(self) -> tuple[int | None, bool]:
        """Which column, and whether its highest comes first; None: as the table stands."""
        wanted = request.args.get(self._name("sort"), "")
        key = wanted.removeprefix("-")
        for nth, column in enumerate(self.table.columns):
            if column.key == key and can_sort(column):
                return nth, wanted != key
        return None, False

    @cached_property
    def picks(self) -> Sequence[Pick]:
        """What can be chosen, with what is."""
        found = []
        for nth, column in enumerate(self.table.columns):
            if not can_choose(column):
                continue
            choices = {code_of(row[nth]): self.at.words.write(row[nth], column.kind) for row in self.table.rows}
            wanted = request.args.get(self._name(column.key), "")
            chosen = wanted if wanted in choices else ""
            if chosen or (len(self.table.rows) > FEW and 1 < len(choices) <= _MOST_CHOICES):
                listed = sorted(choices.items(), key=lambda each: fold(each[1]))
                found.append(
                    Pick(
                        self._name(column.key),
                        column.heading,
                        [FilterChoice(*each) for each in listed if each[0]],
                        chosen,
                    )
                )
        return found

    @cached_property
    def asked(self) -> Mapping[str, str]:
        """It, as parameters of an address; what is not known here is not among them."""
        nth, falling = self.order
        sort = {} if nth is None else {self._name("sort"): ("-" if falling else "") + self.table.columns[nth].key}
        return {**{pick.name: pick.chosen for pick in self.picks if pick.chosen}, **sort}

    def _odd(self) -> bool:
        own = {name for name, value in request.args.items() if value and name.startswith(f"{self.table.key}.")} - {
            self._name("page"),
            self._name("file"),
        }
        return not own <= self.asked.keys()

    def _part(self, count: int) -> tuple[int, bool]:
        """The page of the table, from 0, and whether the one asked for is not there."""
        text = request.args.get(self._name("page"), "") or "1"
        last = max(0, (count - 1) // PAGE)
        if not (text.isascii() and text.isdigit()) or text.strip("0") == "":
            return 0, True
        wanted = last + 1 if len(text) > 9 else int(text) - 1
        return min(wanted, last), wanted > last

    def _fits(self, row: Row) -> bool:
        keys = {column.key: nth for nth, column in enumerate(self.table.columns)}
        return all(
            code_of(row[keys[pick.name.removeprefix(f"{self.table.key}.")]]) == pick.chosen
            for pick in self.picks
            if pick.chosen
        )

    # --- what is answered

    def _values(self, nth: int) -> Callable[[int], Order | None]:
        kind = self.table.columns[nth].kind
        return lambda row: order_of(self.table.rows[row][nth], kind, self.at.words)

    def _empty(self) -> Text:
        return phrase("No results.") if self.table.rows else self.table.empty

    def _head(self, column: Column) -> ColumnHead:
        nth, falling = self.order
        if nth is None or self.table.columns[nth].key != column.key:
            first = "-" if column.kind in _FALLING_FIRST else ""
            return ColumnHead(self._link(sort=first + column.key), None)
        return ColumnHead(
            self._link(sort=column.key if falling else f"-{column.key}"), "descending" if falling else "ascending"
        )

    def _sort_pick(self) -> Pick:
        columns = [column for column in self.table.columns if can_sort(column)]
        return sort_pick(self._name("sort"), columns, self.asked.get(self._name("sort"), ""), self.at.words)

    def _name(self, what: str) -> str:
        return f"{self.table.key}.{what}"

    def _link(self, **changes: str) -> str:
        own = {**self.asked, **{self._name(name): value for name, value in changes.items()}}
        return link_to({**around(self.table.key), **own}, "" if "file" in changes else f"h-{self.table.key}")


# --- the pieces, which tables that the store sorts share --------------------------------------------------

_FALLING_FIRST = frozenset({Kind.INSTANT, Kind.DATE, Kind.COUNT, Kind.SHARE})
"""Of these one looks for the newest or the most first."""


def can_sort(column: Column) -> bool:
    """Whether rows may be put in the order of this column; advice is another saying of the code beside it."""
    return column.sort and column.kind is not Kind.ADVICE


def can_choose(column: Column) -> bool:
    """Whether rows may be chosen by what this column holds."""
    return column.kind is Kind.CODE if column.choose is None else column.choose


def sort_pick(name: str, columns: Iterable[Column], chosen: str, words: Words) -> Pick:
    """The orders of a table as one choice, for who cannot reach its headings."""
    choices = [
        choice
        for column in columns
        for choice in (
            FilterChoice(column.key, words.say(phrase("{heading}, ascending", heading=column.heading))),
            FilterChoice(f"-{column.key}", words.say(phrase("{heading}, descending", heading=column.heading))),
        )
    ]
    return Pick(name, phrase("Order"), choices, chosen)


def said_order(table: Section, nth: int | None, *, falling: bool) -> Text | None:
    """The order of a table in a sentence; None: as it stands."""
    if nth is None:
        return None
    heading = table.columns[nth].heading
    if falling:
        return phrase("Sorted by {heading}, descending.", heading=heading)
    return phrase("Sorted by {heading}, ascending.", heading=heading)


def counted(shown: TableView, words: Words) -> str:
    """How many rows there are, and which of them are shown."""
    if shown.total is None:
        return ""
    of = phrase("more than {count}", count=shown.total) if shown.most else shown.total
    if shown.keyed:
        return words.say(phrase("{count} rows of {all}", count=len(shown.section.rows), all=of))
    if shown.before is None and shown.after is None:
        return words.say(phrase("{count} row", many="{count} rows", count=shown.total))
    return words.say(phrase("Rows {first} to {last} of {all}", first=shown.first + 1, last=shown.last, all=of))


def in_order(rows: Sequence[int], value: Callable[[int], Order | None], *, falling: bool) -> list[int]:
    """Rows by a value; equal ones as they stand, and those without one at the end either way."""
    known = [(key, row) for row in rows if (key := value(row)) is not None]
    known.sort(key=lambda each: each[0], reverse=falling)
    return [row for _, row in known] + [row for row in rows if value(row) is None]


def order_of(value: Value, kind: Kind, words: Words) -> Order | None:
    """Where a value stands in its column: by what it is, and texts by what the reader sees of them."""
    match value:
        case None:
            return None
        case Share():
            return (value.part / value.whole if value.whole else -1.0, value.whole)
        case bool() | int():
            return (value,)
        case datetime():
            return (value,)
        case date():
            return (value,)
    return fold(words.write(value, kind))


def fold(text: str) -> Order:
    """A text as people look for it: without accents or capitals, and numbers in it by what they are worth."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    return tuple((0, int(part), "") if nth % 2 else (1, 0, part) for nth, part in enumerate(_DIGITS.split(bare)))


def code_of(value: Value) -> str:
    """A value as it stands in an address: a code, a word of ours, or the print of a sentence."""
    match value:
        case None:
            return ""
        case StrEnum():
            return value.value
        case Text():
            return sha256(value.message.encode()).hexdigest()[:8]
    return str(value)


def around(key: str) -> dict[str, str]:
    """What the address asks besides of this table, as far as a page of ours can have written it."""
    others = {
        name: value
        for name, value in request.args.items()
        if _ELSEWHERE.fullmatch(name)
        and not name.startswith(f"{key}.")
        and not name.endswith(".file")
        and _PLAIN.fullmatch(value)
    }
    return {**g.get("stay", {}), **others}


def link_to(params: Mapping[str, str], anchor: str) -> str:
    """This page, asked for something else."""
    query = urlencode(params)
    return request.path + (f"?{query}" if query else "") + (f"#{anchor}" if anchor else "")


# --- files ----------------------------------------------------------------------------------------------------------

FILES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
"""By the ending: what it is called between programs."""
MOST_IN_FILE: Mapping[str, int] = {"csv": 200_000, "json": 200_000, "xlsx": 20_000}
"""Of rows: a workbook is held in memory until it is whole, the others are sent as they are read."""


def send_file(section: Section, kind: str, at: Here) -> None:
    """End the request with a table as a file, its columns those that files may have; the log tells of a read."""
    if kind not in FILES:
        abort(404)
    whole = _kept(section)
    digest = section_digest(whole)
    _note(whole, at, f" sha256:{digest},")
    match kind:
        case "csv":
            body = section_csv(whole, at.words)
        case "json":
            body = dump({**section_json(whole, at.words), "digest": f"sha256:{digest}"}).encode()
        case _:
            body = section_xlsx(whole, at.words)
    # Ends the view that fills the page: what it read and noted stands, and the page itself is not needed.
    abort(_as_file(make_response(body), section, kind, at))


def send_rows(section: Section, rows: Iterator[Sequence[Row]], kind: str, at: Here) -> None:
    """The same for a table too long to be held: its rows come some at a time. section: the table without rows."""
    if kind not in FILES:
        abort(404)
    most = MOST_IN_FILE[kind]
    if kind == "xlsx":
        held = tuple(islice((row for some in rows for row in some), most + 1))
        notes = (*section.notes, phrase("Only the first {count} rows are in this file.", count=most))
        cut = len(held) > most
        send_file(replace(section, rows=held[:most], notes=notes if cut else section.notes), kind, at)
    _note(section, at, "")
    kept = [nth for nth, column in enumerate(section.columns) if column.file]
    some = ([tuple(row[nth] for nth in kept) for row in each] for each in _cut(rows, most))
    write = stream_csv if kind == "csv" else stream_json
    abort(_as_file(Response(write(_kept(section), some, at.words)), section, kind, at))


def _cut(rows: Iterable[Sequence[Row]], most: int) -> Iterator[Sequence[Row]]:
    left = most
    for some in rows:
        yield some[:left]
        left -= len(some)
        if left <= 0:
            return


def told_of_files(shown: TableView, words: Words) -> str:
    """That a file may not hold all of a table, where it is that long; empty: it does."""
    if not shown.most:
        return ""
    return words.say(
        phrase(
            "A file holds the first {rows} rows at most, a workbook the first {fewer}. Choose fewer to have them all.",
            rows=MOST_IN_FILE["csv"],
            fewer=MOST_IN_FILE["xlsx"],
        )
    )


def _kept(section: Section) -> Section:
    """The same without the columns that files leave out."""
    kept = [nth for nth, column in enumerate(section.columns) if column.file]
    return replace(
        section,
        columns=tuple(section.columns[nth] for nth in kept),
        rows=tuple(tuple(row[nth] for nth in kept) for row in section.rows),
        totals=tuple(section.totals[nth] for nth in kept) if section.totals else (),
    )


def _note(section: Section, at: Here, digest: str) -> None:
    if at.role is not Role.WORKER and any(column.key in _PERSONAL for column in section.columns):
        note_read(at.context, at.signed_in, f"{section.key} as a file,{digest}")


def _as_file(answer: Response, section: Section, kind: str, at: Here) -> Response:
    answer.content_type = FILES[kind]
    answer.headers["Content-Disposition"] = f'attachment; filename="{section.key}-{at.context.today()}.{kind}"'
    return answer
