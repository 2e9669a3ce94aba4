"""Every table on every page, in every role: each order holds all rows once, and a file holds what the pages show."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from python_calamine import CalamineWorkbook

from server.core.model import Role
from server.web import long_lists
from server.web.routes import EVERYONE, ROUTES
from server.web.table_view import PAGE
from tests.web.conftest import Browser

_OBJECTS = re.compile(
    r'href="(/(?:removals|findings|reviews|plans|devices|declarations|connections/at|policies/at)/[\w-]+)"'
)
_APART = frozenset({"phone.extract", "sign_in.again", "sign_in.prove", "home.go", "phone.saved_numbers"})


@dataclass
class Seen:
    """A table as it stands in a page. heads: (heading, link, aria-sort). rows: what stands in the cells."""

    key: str
    heads: list[tuple[str, str, str]] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    before: str = ""
    after: str = ""
    files: dict[str, str] = field(default_factory=dict)
    told: str = ""


class _Reader(HTMLParser):
    """Reads the tables of a page with what stands under them."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Seen] = []
        self.said: list[str] | None = None
        self.once: list[str] | None = None
        self.link = self.sort = self.part = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        match tag, has.get("class", ""):
            case "table", _:
                self.tables.append(Seen(has["aria-labelledby"].removeprefix("h-")))
            case "thead" | "tbody", _:
                self.part = tag
            case "tr", _ if self.part == "tbody":
                self.tables[-1].rows.append(())
            case "th" | "td", _:
                self.said, self.link, self.sort = [], "", has.get("aria-sort", "")
            case "a", "by":
                self.link = has["href"]
            case "span", "by":
                # The same again, for narrow windows alone.
                self.once = list(self.said or [])
            case "p", "pager" | "files" as part:
                self.said, self.part = [], part
            case "a", _ if self.part == "pager":
                setattr(self.tables[-1], {"prev": "before", "next": "after"}[has["rel"]], has["href"])
            case "a", _ if self.part == "files" and (found := re.search(r"file=(\w+)", has["href"])):
                self.tables[-1].files[found[1]] = has["href"]

    def handle_data(self, data: str) -> None:
        if self.said is not None:
            self.said.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = " ".join("".join(self.once or self.said or []).split())
        if tag in ("th", "td"):
            if self.part == "thead":
                self.tables[-1].heads.append((text, self.link, self.sort))
            else:
                self.tables[-1].rows[-1] += (text,)
            self.said = self.once = None
        elif tag == "p" and self.part in ("pager", "files"):
            if self.part == "pager" and self.tables:
                self.tables[-1].told = text
            self.part, self.said = "", None


def tables_of(text: str) -> dict[str, Seen]:
    """Every table of a page, by its key."""
    reader = _Reader()
    reader.feed(text)
    found = {table.key: table for table in reader.tables}
    assert len(found) == len(reader.tables), "two tables have one key"
    return found


def page(browser: Browser, link: str) -> dict[str, Seen]:
    """The tables at an address."""
    answer = browser.get(link.partition("#")[0])
    assert answer.status_code == 200, (link, answer.status_code)
    return tables_of(answer.text)


def whole(browser: Browser, link: str, key: str, first: Seen | None = None) -> list[tuple[str, ...]]:
    """All rows of a table, page after page; on the way back the same pages come by. first: the page of that address."""
    rows: list[tuple[str, ...]] = []
    trail: list[list[tuple[str, ...]]] = []
    last = ""
    while link:
        table = first or page(browser, link)[key]
        first = None
        assert 0 < len(table.rows) <= PAGE
        rows += table.rows
        trail.append(table.rows)
        link, last = table.after, table.before
    for shown in reversed(trail[:-1]):
        table = page(browser, last)[key]
        assert table.rows == shown
        last = table.before
    assert not last
    return rows


GROWS = "/log/entries"
"""Each look at it is an entry of its own, so that no two looks show the same."""


def addresses(browser: Browser, role: Role) -> Iterator[str]:
    """Every page of a role but one, and the first of each sort of object that these link to."""
    own = [
        route.path
        for route in ROUTES
        if route.method == "GET"
        and route.path != GROWS
        and isinstance(route.access, frozenset)
        and role in route.access
        and "<" not in route.path
        and route.name not in _APART
    ]
    sorts = set()
    for path in own:
        yield path
        for link in _OBJECTS.findall(browser.get(path).text):
            if link.rpartition("/")[0] not in sorts and link not in own:
                sorts.add(link.rpartition("/")[0])
                yield link


LONG = (Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR, Role.AUDITOR)
"""They have lists that the store sorts, if only these are long enough."""


@pytest.mark.parametrize(
    ("role", "long"), [*((role, False) for role in sorted(EVERYONE)), *((role, True) for role in LONG)]
)
def test_every_order_of_every_table_holds_every_row_once_and_so_do_its_files(enter, monkeypatch, role, long):
    if long:
        monkeypatch.setattr(long_lists, "HELD", 0)
    browser = enter(role)
    told = 0
    for path in addresses(browser, role):
        for key, table in page(browser, path).items():
            assert set(table.files) == {"csv", "xlsx", "json"}, (path, key)
            as_it_stands = whole(browser, path, key, table)
            assert_files(browser, table, as_it_stands)
            assert_json(browser, table, as_it_stands)
            if len(as_it_stands) > 1 and not long:
                assert any(link for _, link, _ in table.heads), (path, key)
            for nth, (heading, link, now) in enumerate(table.heads):
                if not link:
                    continue
                assert not now or long
                stands = set()
                for _ in range(2):
                    turned_to, turned = link, page(browser, link)[key]
                    said, link, stand = turned.heads[nth]  # noqa: PLW2901 - the heading leads to the other direction
                    assert said == heading
                    assert [each[2] for each in turned.heads if each[2]] == [stand]
                    rows = whole(browser, turned_to, key, turned)
                    assert sorted(rows) == sorted(as_it_stands), (path, key, heading)
                    document = assert_json(browser, turned, rows)
                    assert_in_order(document, nth, falling=stand == "descending")
                    stands.add(stand)
                assert stands == {"ascending", "descending"}
                told += 1
    assert told


def assert_json(browser: Browser, table: Seen, rows: list[tuple[str, ...]]) -> dict[str, Any]:
    """The file of codes holds as many rows as the pages, in their order: the texts of the first column say so."""
    document = json.loads(browser.get(table.files["json"]).data)
    assert len(document["rows"]) == len(rows)
    assert [column["heading"] for column in document["columns"]] == [said for said, _, _ in table.heads]
    first = document["columns"][0]
    if first["kind"] in ("text", "code"):
        named = [row[first["key"]] for row in document["rows"]]
        said = [each["label"] if isinstance(each, dict) else each or "–Not applicable or not known" for each in named]
        assert [" ".join(each.split()) for each in said] == [row[0] for row in rows]
    return cast("dict[str, Any]", document)


def assert_files(browser: Browser, table: Seen, rows: list[tuple[str, ...]]) -> None:
    """The files for spreadsheets hold as many rows as the pages, and nothing in them is run."""
    lines = list(csv.reader(io.StringIO(browser.get(table.files["csv"]).data.decode("utf-8-sig")), delimiter=";"))
    assert len(lines) == 1 + len(rows)
    assert not [cell for line in lines for cell in line if cell[:1] in "=+-@" and cell]
    book = CalamineWorkbook.from_filelike(io.BytesIO(browser.get(table.files["xlsx"]).data))
    cells = book.get_sheet_by_index(0).to_python()
    headings = [said for said, _, _ in table.heads]
    top = next(nth for nth, line in enumerate(cells) if line[0] == headings[0] and len(line) >= len(headings))
    assert len([line for line in cells[top + 1 : top + 1 + len(rows)] if any(cell != "" for cell in line)]) == len(rows)


def assert_in_order(document: dict[str, Any], nth: int, *, falling: bool) -> None:
    """By what the file of codes and numbers holds: numbers, days and what is read can be compared."""
    column = document["columns"][nth]
    values = [row[column["key"]] for row in document["rows"]]
    known = [value for value in values if value is not None]
    assert values[len(known) :] == [None] * (len(values) - len(known)), "what is not known stands last"
    if column["kind"] in ("instant", "date", "count"):
        assert known == sorted(known, reverse=falling)
    elif column["kind"] == "share":
        parts = [value["part"] / value["whole"] if value["whole"] else -1 for value in known]
        assert parts == sorted(parts, reverse=falling)
    else:
        said = [natural(value["label"] if isinstance(value, dict) else value) for value in known]
        assert said == sorted(said, reverse=falling)


def natural(text: str) -> list[object]:
    """As people put texts in order: no capitals, numbers by their worth."""
    return [int(part) if nth % 2 else part for nth, part in enumerate(re.split("([0-9]+)", text.casefold()))]


def test_a_long_plan_is_chosen_from_by_the_store_and_its_file_holds_what_was_chosen(enter, monkeypatch):
    browser = enter(Role.PRIVACY_OFFICER)
    path = _OBJECTS.findall(browser.get("/plans").text)[0]
    whole_of_it = whole(browser, path, "items")
    monkeypatch.setattr(long_lists, "HELD", 0)
    named = [each[1] for each in re.findall(r'<option value="(\w+)">([^<]+)</option>', browser.get(path).text)]
    found = []
    for reason in long_lists.REMOVED_FOR:
        answer = browser.get(f"{path}?items.reason={reason.value}")
        table = tables_of(answer.text).get("items")
        if table is None:
            continue
        rows = whole(browser, f"{path}?items.reason={reason.value}", "items")
        assert {row[4] for row in rows} <= set(named)
        assert len({row[4] for row in rows}) == 1
        assert_json(browser, table, rows)
        found += rows
    assert sorted(found) == sorted(whole_of_it)


@pytest.mark.parametrize(
    "asked",
    [
        "sort=nonsense",
        "sort=-",
        "sort=--state",
        "sort=due_at",
        "sort=next_at",
        "state=nonsense",
        "page=0",
        "page=-1",
        "page=99999999999999999999",
        "page=1e3",
        "page=%F0%9F%98%80",
        "sort=%3Cscript%3Ealert(1)%3C/script%3E",
        "state=%27%20OR%201%3D1",
        "file=exe",
        "file=",
        "file=..%2f..",
        "sort=%00",
        "page=%D9%A3",
    ],
)
@pytest.mark.parametrize(
    "path", ["/declarations", "/reports", "/places", "/removals", "/findings", "/findings/list", "/jobs"]
)
def test_whatever_is_asked_of_a_table_the_answer_is_plain(enter, path, asked):
    role = Role.IT_ADMINISTRATOR if path in ("/places", "/jobs") else Role.PRIVACY_OFFICER
    browser = enter(role)
    for key in tables_of(browser.get(path).text):
        answer = browser.get(f"{path}?{key}.{asked}&{asked}")
        assert answer.status_code in (200, 404), (key, asked)
        assert "<script>" not in answer.text
        assert "Traceback" not in answer.text


def test_no_address_around_a_table_names_somebody(town, enter):
    for role in sorted(EVERYONE):
        browser = enter(role)
        for path in addresses(browser, role):
            text = browser.get(path).text
            for link in re.findall(r'(?:href|action)="([^"]+)"', text):
                asked = [value for _, value in parse_qsl(urlsplit(link.replace("&amp;", "&")).query)]
                assert not [each for each in asked if re.search(r"[0-9]{6}|worker-", each)], (path, link)
