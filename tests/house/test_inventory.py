"""What `deploy/INVENTORY.md` says of pages is what the table of routes says."""

from __future__ import annotations

import re
from pathlib import Path

from server.core.model import Role
from server.web.routes import EVERYONE, ROUTES

INVENTORY = (Path(__file__).parents[2] / "deploy" / "INVENTORY.md").read_text("utf-8")


def test_who_may_what_stands_there_page_by_page():
    pages: dict[str, tuple[set[Role], set[Role]]] = {}
    for route in ROUTES:
        if isinstance(route.access, frozenset):
            page = "/" + route.path.split("/")[1]
            pages.setdefault(page, (set(), set()))[route.method == "POST"].update(route.access)
    told = dict(re.findall(r"^\| `(/[^` ]*)` \| (.*) \|$", INVENTORY, re.MULTILINE))
    assert told == {page: f"{_named(read)} | {_named(acted)}" for page, (read, acted) in pages.items()}


def test_what_costs_much_stands_there():
    told = set(re.findall(r"^\| `((?:GET|POST) /[^`]*)` \|", INVENTORY, re.MULTILINE))
    assert told == {f"{route.method} {route.path}" for route in ROUTES if route.costly}


def _named(roles: set[Role]) -> str:
    if roles == set(EVERYONE):
        return "everybody signed in"
    return ", ".join(role.value for role in Role if role in roles) or "-"
