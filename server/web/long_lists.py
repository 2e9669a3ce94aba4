"""Lists that are too long to be held whole: the store puts them in order and they are paged on by the key of a row.

One that turns out short is held whole, and does all that any other table does. Files of a long one are read and sent
some rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Generic, TypeVar

from flask import request

from server.core.model import Reason
from server.core.tables import Row, Section
from server.store import pages
from server.store.pages import Key, OrderFilter, OrderLine
from server.web.dates import read_day
from server.web.request import here
from server.web.table_view import (
    PAGE,
    ColumnHead,
    FilterChoice,
    Pick,
    TableView,
    around,
    arrange,
    link_to,
    said_order,
    send_rows,
    sort_pick,
)
from server.work.reports.removal_report import PASSING

REMOVED_FOR = (
    Reason.FINALLY_CLOSED,
    Reason.NO_LONGER_ASSIGNED,
    Reason.MONITORING_OUTSIDE,
    Reason.NEVER_ASSIGNED,
)
"""Why a contact is ordered to go."""
HELD = 300
"""A list of no more rows is held whole."""
MOST_COUNTED = 10_000
_AT_ONCE = 2_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Long(Generic[T]):
    """A list that the store sorts. by: the one column it can be sorted by, None: none of them.

    falling: that its highest comes first as it stands.

    read: (the first of that column first, after which row, how many) -> rows. count: how many there are, counted no
    further than so many. show: rows as a table. id_of: by what a row is found again. link: to a row's own page.
    """

    by: str | None
    falling: bool
    read: Callable[[bool, Key | None, int], Sequence[T]]
    count: Callable[[int], int]
    show: Callable[[Sequence[T]], Section]
    id_of: Callable[[T], str]
    link: Callable[[T], str] | None = None


def list_long(each: Long[T], picks: Sequence[Pick] = ()) -> TableView:
    """The part of it that was asked for. picks: what was chosen already, where the store chose."""
    total = each.count(MOST_COUNTED + 1)
    if total <= HELD:
        rows = each.read(not each.falling, None, HELD) if total else ()
        shown = arrange(each.show(rows), None if each.link is None else [each.link(row) for row in rows])
        return replace(shown, picks=picks, odd=shown.odd and bool(rows)) if picks else shown
    return _List(each, each.show(()), min(total, MOST_COUNTED), total > MOST_COUNTED, picks).shown()


@dataclass
class _List(Generic[T]):
    each: Long[T]
    table: Section
    total: int
    most: bool
    picks: Sequence[Pick]

    def shown(self) -> TableView:
        each, key = self.each, self._key()
        wanted = request.args.get(self._name("sort"), "")
        sorts = {} if each.by is None else {each.by: False, f"-{each.by}": True}
        falling = sorts.get(wanted, each.falling)
        asked = {pick.name: pick.chosen for pick in self.picks if pick.chosen}
        if wanted in sorts:
            asked[self._name("sort")] = wanted
        if (kind := request.args.get(self._name("file"))) is not None:
            send_rows(self.table, self._all(falling=falling), kind, here())
        found = each.read(not falling, key, PAGE + 1)
        more = len(found) > PAGE
        back = key is not None and key.back
        rows = found[-PAGE:] if back else found[:PAGE]

        def link(**changes: str) -> str:
            own = {**asked, **{self._name(name): value for name, value in changes.items()}}
            return link_to({**around(self.table.key), **own}, "" if "file" in changes else f"h-{self.table.key}")

        nth = next((nth for nth, column in enumerate(self.table.columns) if column.key == each.by), None)
        heads: list[ColumnHead | None] = [None] * len(self.table.columns)
        if nth is not None:
            turned = ("" if falling else "-") + self.table.columns[nth].key
            heads[nth] = ColumnHead(link(sort=turned), "descending" if falling else "ascending")
        odd = {name for name, value in request.args.items() if value and name.startswith(f"{self.table.key}.")}
        return TableView(
            each.show(rows),
            [] if each.link is None else [each.link(row) for row in rows],
            heads,
            said_order(self.table, nth, falling=falling),
            link(before=each.id_of(rows[0])) if rows and (more if back else key is not None) else None,
            link(after=each.id_of(rows[-1])) if rows and (back or more) else None,
            0,
            self.total,
            self.most,
            None if nth is None else self._sort_pick(nth, asked),
            self.picks,
            list(around(self.table.key).items()),
            [(kind, link(file=kind)) for kind in ("csv", "xlsx", "json")],
            bool(odd - asked.keys() - ({self._name("before"), self._name("after")} if key else set())),
            bool(asked),
            plain=False,
            keyed=True,
        )

    def _sort_pick(self, nth: int, asked: Mapping[str, str]) -> Pick:
        name = self._name("sort")
        return sort_pick(name, [self.table.columns[nth]], asked.get(name, ""), here().words)

    def _key(self) -> Key | None:
        for name, back in (("after", False), ("before", True)):
            row = request.args.get(self._name(name), "")
            if row.isascii() and row.isalnum() and len(row) <= 64:
                return Key(row, back)
        return None

    def _name(self, what: str) -> str:
        return f"{self.table.key}.{what}"

    def _all(self, *, falling: bool) -> Iterator[Sequence[Row]]:
        key: Key | None = None
        while rows := self.each.read(not falling, key, _AT_ONCE):
            yield self.each.show(rows).rows
            if len(rows) < _AT_ONCE:
                return
            key = Key(self.each.id_of(rows[-1]))


def orders_shown(
    chosen: OrderFilter,
    by: str | None,
    show: Callable[[Sequence[OrderLine]], Section],
    *,
    falling: bool,
    link: Callable[[OrderLine], str] | None = None,
    reasons: Sequence[Reason] = (),
) -> TableView:
    """A list of orders, which the store can put in the order of their proof, or of their planning while open.

    reasons: for which of these the store chooses where the list is long.
    """
    store = here().context.store

    def read(oldest_first: bool, after: Key | None, limit: int) -> Sequence[OrderLine]:
        with store.read() as connection:
            return pages.list_orders(
                connection, chosen, passing=PASSING, oldest_first=oldest_first, after=after, limit=limit
            )

    def count(most: int) -> int:
        with store.read() as connection:
            return pages.count_orders(connection, chosen, passing=PASSING, most=most)

    picks: tuple[Pick, ...] = ()
    if reasons and count(HELD + 1) > HELD:
        table, words = show(()), here().words
        name, wanted = f"{table.key}.reason", request.args.get(f"{table.key}.reason", "")
        known = wanted if wanted in set(reasons) else ""
        heading = next(column.heading for column in table.columns if column.key == "reason")
        picks = (Pick(name, heading, [FilterChoice(each.value, words.write(each)) for each in reasons], known),)
        chosen = replace(chosen, reason=Reason(known) if known else None)
    return list_long(Long(by, falling, read, count, show, lambda line: line.id, link), picks)


def asked_day(name: str) -> date | None:
    """A day in the address; None if there is none or it is none."""
    return read_day(request.args.get(name, ""))
