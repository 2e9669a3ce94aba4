"""What a route is: path, view, who may, and where it stands in the menu; no route is listed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask.typing import ResponseReturnValue

from server.core.model import Role
from server.core.text import Text
from server.work.admin.access import Scope

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class Route:
    """One way in. name: of the endpoint, `page.act`.

    access: the roles that may, the scope a program's token needs, or None: open to everybody. fresh: asks for a proof
    of who one is, not older than the limit. menu: its name in the menu of the roles that may, but for `elsewhere`,
    which come to it from another page. limited: tries are few.
    costly: takes much of the machine, or hands out much at once: each person may ask for so many (`Site.costly_rate`).
    hidden: to everybody else the address answers as one that does not exist.
    events: sent by another system, or a browser on its behalf, which proves itself by what it carries: no form of ours,
    and a rate of its own.
    """

    name: str
    path: str
    view: View
    access: frozenset[Role] | Scope | None
    method: str = "GET"
    fresh: bool = False
    menu: Text | None = None
    elsewhere: frozenset[Role] = frozenset()
    limited: bool = False
    events: bool = False
    costly: bool = False
    hidden: bool = False
