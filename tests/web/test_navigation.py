"""Menus: what a role uses daily stands first, the rest in groups, and no page is lost."""

from __future__ import annotations

from server.core.model import Role
from server.core.text import phrase
from server.web.navigation import DAILY, FEW, GROUPS, MenuEntry, arrange
from server.web.routes import ROUTES

HERE = {
    role: [
        (route.name, route.menu)
        for route in ROUTES
        if route.menu and isinstance(route.access, frozenset) and role in route.access and role not in route.elsewhere
    ]
    for role in Role
}
"""The pages of each role."""


def test_each_page_of_a_role_stands_in_its_menu_once() -> None:
    for role, pages in HERE.items():
        assert sorted(link[0] for entry in arrange(role, pages) for link in entry.links) == sorted(
            name for name, _ in pages
        )


def test_what_a_role_uses_daily_stands_first_and_is_never_in_a_group() -> None:
    for role, pages in HERE.items():
        entries = arrange(role, pages)
        if len(pages) > FEW:
            first = [entry.links[0][0].partition(".")[0] for entry in entries[: len(DAILY[role])]]
            assert first == list(DAILY[role]), role


def test_no_menu_has_more_than_nine_entries() -> None:
    assert max(len(arrange(role, pages)) for role, pages in HERE.items()) <= 9


def test_every_page_of_a_long_menu_has_a_group() -> None:
    grouped = {page for _, pages in GROUPS for page in pages}
    for role, pages in HERE.items():
        if len(pages) > FEW:
            rest = {name.partition(".")[0] for name, _ in pages} - set(DAILY[role])
            assert rest <= grouped, role


def test_a_group_of_one_page_is_that_page() -> None:
    pages = [(f"page{nth}.show", phrase("Log")) for nth in range(FEW)] + [("keys.show", phrase("Keys"))]
    assert arrange(Role.IT_ADMINISTRATOR, pages)[0] == MenuEntry(None, (("keys.show", phrase("Keys")),))
