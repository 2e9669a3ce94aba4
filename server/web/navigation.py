"""What stands in whose menu, and in which order: what a role uses daily first, the rest in groups; no route is listed
here.

A menu of few pages has no groups. A group of one page is that page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from server.core.model import Role
from server.core.text import Text, phrase

FEW = 7
"""So many pages stand side by side, without groups."""

DAILY: Mapping[Role, tuple[str, ...]] = {
    Role.PRIVACY_OFFICER: ("overview", "findings", "reviews", "removals", "plans", "reports"),
    Role.DATA_PROTECTION_OFFICER: ("overview", "findings", "removals", "reports", "log"),
    Role.AUDITOR: ("overview", "findings", "removals", "reports", "log"),
    Role.IT_ADMINISTRATOR: ("jobs", "health", "connections", "devices"),
}
"""What a role opens each day, the first one first, by the first half of an endpoint's name."""

GROUPS: tuple[tuple[Text, tuple[str, ...]], ...] = (
    (
        phrase("Decisions"),
        ("removals", "findings", "reviews", "plans", "deviations", "client_questions", "policies", "pauses"),
    ),
    (phrase("Phone use"), ("devices", "channels", "declarations", "by_name")),
    (
        phrase("Administration"),
        ("start", "gates", "connections", "tokens", "keys", "jobs", "health", "retention", "log", "reports"),
    ),
)
"""Where a page stands that is not among the daily ones of a role."""

Link = tuple[str, Text]
"""A page: its endpoint and its name."""


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One entry of a menu. name: None where it is a page and no group; then there is one link."""

    name: Text | None
    links: tuple[Link, ...]

    def has(self, page: str) -> bool:
        """Whether the page (the first half of an endpoint's name) stands in it."""
        return any(_page(endpoint) == page for endpoint, _ in self.links)


def arrange(role: Role, pages: Iterable[Link]) -> Sequence[MenuEntry]:
    """The menu of a role from its pages, in the order of the table of routes."""
    links = list(pages)
    if len(links) <= FEW:
        return [MenuEntry(None, (link,)) for link in links]
    by_page = {_page(endpoint): (endpoint, name) for endpoint, name in links}
    daily = [by_page.pop(page) for page in DAILY.get(role, ()) if page in by_page]
    entries = [MenuEntry(None, (link,)) for link in daily]
    for name, pages_of_group in GROUPS:
        found = tuple(by_page.pop(page) for page in pages_of_group if page in by_page)
        if found:
            entries.append(MenuEntry(name if len(found) > 1 else None, found))
    return entries + [MenuEntry(None, (link,)) for link in by_page.values()]


def _page(endpoint: str) -> str:
    return endpoint.partition(".")[0]
